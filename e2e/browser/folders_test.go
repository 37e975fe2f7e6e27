package browser

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// inFront puts a handler in front of a site. It answers a request, or returns false to leave it to the site.
func inFront(t *testing.T, base string, answer func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	site, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(site)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answer(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

func operation(r *http.Request) (path, operation string) {
	path, operation, _ = strings.Cut(r.URL.Path, "@base@tag=")
	return path, operation
}

// The tiles of a folder of any size are few. They are there wherever the reader scrolls, the focus moves among them by
// keys, and none of it loses its place.
func TestManyPhotos(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "photos")
	writeMany(t, dir, 3000)
	b := open(t, example(t, dir), "", 1280, 800)
	b.wait(inSight)
	few := func() {
		t.Helper()
		if got := js[int](b, `document.querySelectorAll('.photo').length`); got == 0 || got > 150 {
			t.Errorf("%d tiles are in the page", got)
		}
	}
	few()
	b.do(chromedp.Evaluate(`scrollTo(0, document.body.scrollHeight)`, nil))
	b.wait(`[...document.querySelectorAll('.photo .name')].at(-1)?.textContent === 'photo 2999.jpg'`)
	b.wait(inSight)
	few()
	if got := js[string](b, `(li => li.ariaPosInSet + ' of ' + li.ariaSetSize)(document.querySelector('.photo[href="./photo%202999.jpg"]').parentElement)`); got != "3000 of 3000" {
		t.Errorf("a screen reader hears %s", got)
	}
	b.do(chromedp.Focus(`.photo[href="./photo%202999.jpg"]`, chromedp.ByQuery))
	b.press(kb.Home)
	b.wait(`document.activeElement.getAttribute('href') === './photo%200000.jpg' && scrollY < 300`)
	b.press(kb.ArrowDown)
	b.press(kb.ArrowRight)
	columns := js[int](b, `layout.columns`)
	b.wait(fmt.Sprintf(`document.activeElement.getAttribute('href') === './photo%%20%04d.jpg'`, columns+1))
	b.press(kb.ArrowUp)
	b.wait(`document.activeElement.getAttribute('href') === './photo%200001.jpg'`)
	b.press(kb.Tab)
	b.wait(`document.activeElement.getAttribute('href') === './photo%200002.jpg'`)

	// what has the focus stays in the page, however far the reader scrolls
	b.do(chromedp.Evaluate(`scrollTo(0, 50000)`, nil))
	b.wait(`document.querySelectorAll('.photo')[5]?.getBoundingClientRect().top > -2000`)
	if !js[bool](b, `document.activeElement.getAttribute('href') === './photo%200002.jpg'`) {
		t.Error("the focus is lost")
	}

	// in a window of another width, the first photo in sight stays in sight
	const first = `[...document.querySelectorAll('.photo')].find(p => p.getBoundingClientRect().bottom > 0).getAttribute('href')`
	before := js[string](b, first)
	b.do(emulation.SetDeviceMetricsOverride(900, 800, 1, false))
	b.wait(fmt.Sprintf(`layout.columns < %d`, columns))
	b.wait(fmt.Sprintf(`(r => r && r.bottom > 0 && r.top < innerHeight)(document.querySelector('.photo[href="%s"]')?.getBoundingClientRect())`, before))

	// a photo far below opens from its address, and closes into its place
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(b.base+"#photo%202500.jpg"))
	b.wait(`document.querySelector('dialog').open`)
	b.settled()
	b.closePhoto()
	b.wait(`(r => r.top >= 0 && r.bottom <= innerHeight)(document.activeElement.getBoundingClientRect()) && document.activeElement.getAttribute('href') === './photo%202500.jpg'`)
	few()
}

// By date, nothing moves under the reader: the order is right before the first tile is there, or stays until the
// reader asks for the right one.
func TestOrderByDateDoesntJump(t *testing.T) {
	dir := t.TempDir()
	for i := range scenes {
		write(t, filepath.Join(dir, scenes[i].name), scenes[i].jpeg(i))
		old := time.Now().Add(-time.Duration(i) * time.Hour) // in the order of their names
		if err := os.Chtimes(filepath.Join(dir, scenes[i].name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	site := example(t, dir)
	const names = `[...document.querySelectorAll('.photo .name')].map(e => e.textContent).join()`

	b := open(t, site, "?sort=time&order=asc", 1280, 3000)
	b.wait(`document.querySelector('.photo') !== null`)
	early := js[string](b, names)
	b.wait(gathered)
	if got := js[string](b, names); !strings.HasPrefix(early, "Uluru.jpg,Mount Cook.jpg,") || got != early {
		t.Errorf("first the order was %s, then %s", early, got)
	}

	wait := make(chan bool)
	slowly := inFront(t, site, func(_ http.ResponseWriter, r *http.Request) bool {
		if _, operation := operation(r); operation == "exif" {
			<-wait
		}
		return false
	})
	b = open(t, slowly, "?sort=time&order=desc", 1280, 3000)
	b.wait(`document.querySelectorAll('.photo').length === 24`)
	early = js[string](b, names)
	close(wait)
	b.wait(gathered)
	if got := js[string](b, names); got != early || !strings.HasPrefix(got, "Aldeyjarfoss.jpg,Blue hour in Reine.jpg,") {
		t.Errorf("the order became %s under the reader, it was %s", got, early)
	}
	b.click("#resort")
	b.wait(`document.querySelector('.photo .name').textContent === 'Inari in November.jpg' && document.activeElement.matches('.photo') && !document.getElementById('resort').checkVisibility()`)
}

// One request answers for a folder where the site offers that. A page of it that breaks off is asked for again from there.
func TestOneRequestForAFolder(t *testing.T) {
	var asked []string
	lines := func(names ...string) string {
		var b strings.Builder
		for i, name := range names {
			if i > 0 {
				b.WriteString(",\n")
			}
			fmt.Fprintf(&b, `{"SourceFile":%q,"Make":"Maker of %s","DateTimeOriginal":"2020:01:02 03:04:05","displayWidth":"720","displayHeight":"480","title":"Title of %s"}`, name, name[:5], name[:5])
		}
		return b.String()
	}
	site := inFront(t, example(t, sceneFolder(t)), func(w http.ResponseWriter, r *http.Request) bool {
		path, operation := operation(r)
		if operation == "" || operation == "thumbnail" || operation == "preview" || strings.HasPrefix(path, "/2025") {
			return false
		}
		asked = append(asked, r.URL.RequestURI())
		if path != "/" {
			http.Error(w, "only for folders", http.StatusTeapot)
			return true
		}
		var names []string
		for i := range scenes {
			names = append(names, scenes[i].name)
		}
		w.Header().Set("Content-Type", "application/json")
		switch after := r.URL.Query().Get("after"); {
		case operation != "exif":
			io.WriteString(w, "[\n"+lines(names...)+"\n]\n")
		case after == "":
			w.Header().Set("Link", `<?after=Dusk.jpg>; rel="next"`)
			io.WriteString(w, "[\n"+lines(names[:5]...)+"\n]\n")
		case after == "Dusk.jpg": // torn
			io.WriteString(w, "[\n"+lines(names[5:8]...)+",\n{\"SourceFi")
		default:
			io.WriteString(w, "[\n"+lines(names[8:]...)+"\n]\n")
		}
		return true
	})
	b := open(t, site, "", 1280, 800)
	b.wait(`document.getElementById('camera').options.length > 20 && ` + gathered)
	if got := js[int](b, `photos.filter(p => p.fact.camera && p.iptc.about && p.pixels).length`); got != len(scenes) {
		t.Errorf("%d photos are known", got)
	}
	got := map[string]int{}
	for _, a := range asked {
		got[a]++
	}
	want := map[string]int{"/@base@tag=exif": 1, "/@base@tag=exif?after=Dusk.jpg": 1, "/@base@tag=exif?after=Glen%20Etive.jpg": 1, "/@base@tag=imageInfo": 1, "/@base@tag=iptc": 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked %v, want %v", got, want)
	}
	b.do(chromedp.Evaluate(`change({ q: 'title of dusk' })`, nil))
	b.wait(`document.getElementById('count').textContent === '1 of 24 photos'`)
}

// What people wrote is shown as text. Its links lead to sites, and to nothing else. Keywords narrow the folder.
func TestWhatPeopleWrote(t *testing.T) {
	told := map[string]string{
		"/Dusk.jpg": `{"title":"<img src=x onerror=pwned=1>","headline":"","description":{"x-default":"At dusk","de":"Abends"},"keywords":["<b>sea</b>","evening"],
			"creatorNames":["A. Nonym","B. Nonym"],"creditLine":"Photo: Nonym","copyrightNotice":"© Nonym","webstatementRights":"javascript:pwned=1","usageTerms":"Ask first",
			"licensors":[{"licensorName":"Agency","licensorUrl":"https://agency.example/?a=1&b=2"},{"licensorName":"Bad","licensorUrl":"data:text/html,x"}],"imageRating":"4",
			"digitalSourceType":"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia","aiSystemUsed":"A machine"}`,
		"/Dune 45.jpg": `{"keywords":"sea","cityName":"Sesriem"}`,
	}
	site := inFront(t, example(t, sceneFolder(t)), func(w http.ResponseWriter, r *http.Request) bool {
		path, operation := operation(r)
		if operation != "iptc" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		if path == "/" { // one photo a line
			var lines []string
			for name, object := range told {
				lines = append(lines, `{"SourceFile":"`+name[1:]+`",`+strings.Join(strings.Fields(object[1:]), " "))
			}
			io.WriteString(w, "[\n"+strings.Join(lines, ",\n")+"\n]\n")
			return true
		}
		if told[path] == "" {
			io.WriteString(w, `{}`)
		} else {
			io.WriteString(w, told[path])
		}
		return true
	})
	b := open(t, site, "#Dusk.jpg", 1280, 800)
	b.wait(`document.getElementById('story').checkVisibility()`)
	got := js[map[string]string](b, `Object.fromEntries([...document.querySelectorAll('#story div, #rights div')].map(d => [d.firstChild.innerText, d.lastChild.innerText]))`)
	for name, want := range map[string]string{
		"Title": "<img src=x onerror=pwned=1>", "About": "At dusk", "Keywords": "<b>sea</b>evening", "Rating": "★★★★☆", "Author": "A. Nonym, B. Nonym", "Credit": "Photo: Nonym",
		"Copyright": "© Nonym", "Licence": "Ask first\nLicensed by Agency\nLicensed by Bad", "Made with": "A machine", "Headline": "",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	if got := js[string](b, `[...document.querySelectorAll('#rights a')].map(a => a.href + ' ' + a.rel + ' ' + a.textContent).join()`); got != "https://agency.example/?a=1&b=2 noopener noreferrer Licensed by Agency" {
		t.Errorf("links: got %s", got)
	}
	if got := js[string](b, `document.getElementById('ai').innerText + ', ' + document.querySelector('#story [role=img]').ariaLabel`); got != "AI-generated, 4 of 5" {
		t.Errorf("got %s", got)
	}
	b.wait(gathered)
	b.wait(`document.querySelector('.photo[href="./Dusk.jpg"] .marks').innerText === 'AI-generated'`)
	b.do(chromedp.Evaluate(`document.querySelector('.chip').click()`, nil))
	b.wait(`!document.querySelector('dialog').open && document.getElementById('count').textContent === '1 of 24 photos' && document.getElementById('keyword').value === '<b>sea</b>'`)
	b.wait(`new URLSearchParams(location.search).get('keyword') === '<b>sea</b>'`)
	b.press("/")
	b.press("evening")
	b.wait(`document.getElementById('count').textContent === '1 of 24 photos' && new URLSearchParams(location.search).get('q') === 'evening'`)
	b.do(chromedp.Evaluate(`change({ q: 'sesriem', keyword: '' })`, nil))
	if got := js[string](b, `view.map(p => p.name).join()`); got != "Dune 45.jpg" {
		t.Errorf("the photos of a city: %s", got)
	}
	if js[bool](b, `'pwned' in window`) {
		t.Error("text became a script")
	}
}

// Search, filters and order are in the address, so that a reload, a link and the way back keep them.
func TestAddressKeepsSearch(t *testing.T) {
	b := open(t, example(t, sceneFolder(t)), "?q=july&sort=time&order=asc&year=2025", 1280, 800)
	b.wait(`document.getElementById('count').textContent === '3 of 24 photos' && document.querySelector('.photo .name').textContent === 'Haukland beach.jpg'`)
	if got := js[string](b, `[document.getElementById('search').value, document.getElementById('year').value, document.querySelector('.sort [aria-current]').textContent].join()`); got != "july,2025,Oldest" {
		t.Errorf("got %s", got)
	}
	b.click(`a[href*="order=desc"]`)
	b.wait(`document.querySelector('.photo .name').textContent === 'Trolltunga.jpg' && location.search.includes('order=desc') && location.search.includes('q=july')`)
	b.openPhoto("Jotunheimen.jpg")
	b.wait(`location.hash === '#Jotunheimen.jpg' && location.search.includes('q=july')`)
	b.do(chromedp.Reload())
	b.wait(`document.getElementById('position').textContent === '2 of 3'`)
	b.closePhoto()
	b.wait(`location.search.includes('q=july') && document.getElementById('count').textContent === '3 of 24 photos'`)

	// the other folders have the same order
	b.do(chromedp.Navigate(b.base + "2025%20Iceland/"))
	b.wait(`document.querySelector('.sort [aria-current]').textContent === 'Newest' && document.querySelectorAll('.photo').length === 2`)
}

// A folder shows the first photo that this browser shows, even if another comes before it.
func TestFolderCoverIsShown(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Mixed/a.tif"), testimage.TIFF(testimage.Full()))
	write(t, filepath.Join(dir, "Mixed/b.jpg"), scenes[0].jpeg(0))
	b := open(t, example(t, dir), "", 1280, 800)
	b.wait(`new URL(document.querySelector('.folders img')?.src ?? 'x:').pathname.startsWith('/Mixed/b.jpg')`)
}

// Folders show their first photo and what is in them. The photos of all of them can be searched at once.
func TestFoldersBelow(t *testing.T) {
	dir := t.TempDir()
	for i := range scenes[:9] {
		write(t, filepath.Join(dir, []string{"", "Alps", "Year/Spring", "Year/Summer"}[i%4], scenes[i].name), scenes[i].jpeg(i))
	}
	write(t, filepath.Join(dir, "Alps/.thumbs/x.webp"), nil)
	if err := os.MkdirAll(filepath.Join(dir, "Nothing <i>"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := open(t, example(t, dir), "", 1280, 800, ".thumbs/")
	const folders = `[...document.querySelectorAll('.folders a')].map(a => a.innerText.replace('\n', ': ') + (a.querySelector('img') ? ' with a cover' : '')).join('; ')`
	b.wait(`document.querySelectorAll('.folders img').length === 2`)
	if got, want := js[string](b, folders), "Alps: 2 photos with a cover; Nothing <i>: empty; Year: 2 folders with a cover"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b.click("#below")
	b.wait(`document.getElementById('count').textContent === '9 photos' && location.search === '?below=1' && ` + gathered)
	b.press("/")
	b.press("dusk")
	b.wait(`document.getElementById('count').textContent === '1 of 9 photos'`)
	b.do(chromedp.Focus("#search", chromedp.ByQuery))
	b.press(kb.Escape)
	b.press("spring")
	b.wait(`document.getElementById('count').textContent === '2 of 9 photos' && document.querySelector('.photo .name').textContent === 'Year / Spring / Cap Canaille.jpg'`)
	b.do(chromedp.Evaluate(`document.querySelector('.photo').click()`, nil))
	b.wait(`location.hash === '#Year/Spring/Cap%20Canaille.jpg' && document.getElementById('title').textContent === 'Cap Canaille.jpg'`)
	b.settled()
	b.do(chromedp.Reload())
	b.wait(`document.querySelector('dialog').open && document.getElementById('position').textContent === '1 of 2'`)
	b.settled()
	b.closePhoto()
	b.click("#below")
	b.wait(`document.getElementById('count').textContent.endsWith('of 3 photos')`)

	// where there are only folders, a search looks into them
	b.do(chromedp.Navigate(b.base + "Year/"))
	b.wait(`document.querySelectorAll('.folders.large img').length === 2`)
	b.press("/")
	b.press("cap")
	b.wait(`document.getElementById('count').textContent === '1 of 4 photos'`)
}

// The panel can be hidden, and stays hidden.
func TestPanelHides(t *testing.T) {
	b := open(t, example(t, sceneFolder(t)), "#Dusk.jpg", 1280, 800)
	b.settled()
	b.press("i")
	b.wait(`!document.getElementById('panel').checkVisibility() && document.getElementById('stage').clientWidth > 1200 && document.getElementById('details').ariaPressed === 'false'`)
	b.do(chromedp.Reload())
	b.wait(`document.querySelector('dialog').open && !document.getElementById('panel').checkVisibility()`)
	b.click("#details")
	b.wait(`document.getElementById('panel').checkVisibility() && document.getElementById('details').ariaPressed === 'true'`)
}

// Controls are large enough for a finger (WCAG 2.2: 24 pixels), the help is one click away, and on a phone the first
// screen is photos.
func TestTargets(t *testing.T) {
	for _, size := range [][2]int64{{390, 844}, {820, 1180}, {1440, 900}} {
		b := open(t, example(t, oddFolder(t)), "Odd%20ones/", size[0], size[1], "not-a-photo.jpg", local.Suffix)
		const small = `[...document.querySelectorAll('a, button, input, select, label')].filter(e => e.checkVisibility() && !e.closest('.unseen')).map(e => [e, e.getBoundingClientRect()])
			.filter(([e, r]) => r.width && (r.width < 24 || r.height < 24) && !(e.type === 'checkbox' && e.closest('label'))).map(([e, r]) => e.outerHTML.slice(0, 80) + r.width + 'x' + r.height).join('; ')`
		b.wait(gathered)
		if got := js[string](b, small); got != "" {
			t.Errorf("%d: too small: %s", size[0], got)
		}
		b.click("[data-help]")
		b.wait(`document.getElementById('help').open`)
		b.click("#help-close")
		b.openPhoto("camera.nef")
		if got := js[string](b, small); got != "" {
			t.Errorf("%d: too small: %s", size[0], got)
		}
	}
	b := open(t, example(t, sceneFolder(t)), "", 390, 844)
	b.wait(inSight)
	if got := js[float64](b, `document.getElementById('photos').getBoundingClientRect().top`); got > 844/3 {
		t.Errorf("the first photo is %v pixels below", got)
	}
	b.click("#more")
	b.wait(`document.activeElement.id === 'search' && document.getElementById('more').ariaExpanded === 'true'`)
	b.fits()
}

// Tags that say nothing aren't shown.
func TestEmptyTags(t *testing.T) {
	site := inFront(t, example(t, sceneFolder(t)), func(w http.ResponseWriter, r *http.Request) bool {
		path, operation := operation(r)
		told := map[string]string{"exif": `{"ImageDescription":"   ","Make":"X","Artist":"","ExposureBiasValue":"0 EV","Copyright":null}`, "iptc": `{"title":" "}`}[operation]
		if told == "" || path != "/Dusk.jpg" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, told)
		return true
	})
	b := open(t, site, "#Dusk.jpg", 1280, 800)
	b.settled()
	if got := js[string](b, `[...document.querySelectorAll('.panel dt, .panel th')].map(e => e.textContent).join()`); got != "Camera,Make,ExposureBiasValue" {
		t.Errorf("got %s", got)
	}
}

// Nothing to enlarge, no button for it: neither for a video nor for a photo that this browser doesn't show. What isn't to choose
// from leaves no hole among the filters.
func TestNoControlWithoutUse(t *testing.T) {
	dir := t.TempDir()
	for i := range 6 {
		write(t, filepath.Join(dir, scenes[i].name), scenes[i].jpeg(i))
	}
	write(t, filepath.Join(dir, "z.heic"), testimage.HEIFThumbnails(testimage.Coded("hvc1"), 1))
	b := open(t, example(t, dir), "", 1440, 900)
	b.wait(gathered)
	js[bool](b, `document.getElementById('lens').disabled = true`) // as if all photos had one lens
	gaps := js[float64](b, `(shown => Math.max(...shown.slice(1).map((e, i) => e.getBoundingClientRect().left - shown[i].getBoundingClientRect().right)))([...document.querySelectorAll('#narrow > *')].filter(e => e.checkVisibility({ visibilityProperty: true })))`)
	if gaps > 20 {
		t.Errorf("a hole of %v pixels among the filters", gaps)
	}
	zoom := `document.getElementById('zoom').checkVisibility()`
	b.openPhoto(scenes[0].name)
	b.wait(zoom)
	b.press(kb.End)
	b.wait(`document.getElementById('title').textContent === 'z.heic' && document.querySelector('#shown .badge') !== null`)
	b.press("z")
	if js[bool](b, zoom+` || zoomed()`) {
		t.Error("a label can be enlarged")
	}
}

// The example and the command answer for a folder at a time.
func TestExampleAnswersForFolders(t *testing.T) {
	dir := sceneFolder(t)
	for name, base := range map[string]string{"example": example(t, dir), "command": command(t, dir)} {
		b := open(t, base, "", 1280, 800)
		b.wait(gathered)
		counts := map[string]int{}
		for _, r := range b.requests {
			// covers of folders are measured alone
			if path, operation, ok := strings.Cut(strings.TrimPrefix(r, base), "@base@tag="); ok && operation != "thumbnail" && !strings.HasPrefix(path, "2025") {
				counts[operation]++
			}
		}
		if want := map[string]int{"exif": 1, "imageInfo": 1, "iptc": 1}; !maps.Equal(counts, want) {
			t.Errorf("%s: got requests %v, want %v", name, counts, want)
		}
	}
}
