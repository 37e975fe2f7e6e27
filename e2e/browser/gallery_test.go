package browser

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

var update = flag.Bool("update", false, "write the screenshots to examples/gallery")

const shown = `(() => {
	const out = {};
	for (const div of document.querySelectorAll('#exposure div, #first div')) {
		out[div.querySelector('dt').textContent] = div.querySelector('dd').innerText;
	}
	return out;
})()`

// haukland is the summary of "Haukland beach.jpg", the same in every style.
var haukland = map[string]string{
	"Shutter": "1/1250 s", "Aperture": "ƒ/1.8", "ISO": "50", "Focal length": "6.8 mm",
	"Camera": "Apple iPhone 15 Pro",
	"Lens":   "iPhone 15 Pro back triple camera 6.765mm f/1.78",
	"Date":   "Wednesday, 2 July 2025\n14:44, UTC+01:00",
	"Place":  "68.19900° N, 13.52850° E\n3 m\nOpen in OpenStreetMap",
}

// A visit of the gallery by clicks and keys, served by the example and by the command.
func TestVisit(t *testing.T) {
	t.Run("example", func(t *testing.T) { visit(t, example(t, sceneFolder(t))) })
	t.Run("command", func(t *testing.T) { visit(t, command(t, sceneFolder(t))) })
}

func visit(t *testing.T, base string) {
	b := open(t, base, "", 1280, 800)

	// the folder
	b.wait(`document.querySelector('.photo img').naturalWidth > 0`)
	if got := js[int](b, `document.querySelectorAll('.photo').length`); got != len(scenes) {
		t.Errorf("got %d photos, want %d", got, len(scenes))
	}
	b.wait(gathered)
	if got, want := js[string](b, `document.querySelector('.count').textContent`), "24 photos · 2 folders · 1 other file"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := js[string](b, `document.querySelector('.files a').getAttribute('href')`); got != "./packing%20list.txt" {
		t.Errorf("the other file: got %s", got)
	}
	b.fits()
	b.click(`a[href*="sort=time"]`)
	b.wait(`location.search.includes('sort=time') && document.querySelector('.sort [aria-current]').textContent === 'Newest'`)
	b.click(`a[href*="sort=namedirfirst"]`)
	b.wait(`location.search.includes('sort=namedirfirst') && document.querySelector('.photo .name').textContent === 'Aldeyjarfoss.jpg'`)

	// a photo and its EXIF
	const name = "Haukland beach.jpg"
	b.openPhoto(name)
	first := js[map[string]string](b, shown)
	for k, want := range haukland {
		if k == "Place" {
			want = strings.Replace(want, "\n3 m\n", "\n3 m above sea level\n", 1)
		}
		if first[k] != want {
			t.Errorf("%s: got %q, want %q", k, first[k], want)
		}
	}
	if got, want := js[string](b, `document.querySelector('#first a').href`), "https://www.openstreetmap.org/?mlat=68.199000&mlon=13.528500#map=15/68.199000/13.528500"; got != want {
		t.Errorf("the map: got %s, want %s", got, want)
	}
	if got := js[string](b, `document.querySelector('#first a').rel`); got != "noopener noreferrer" {
		t.Errorf("the map's link: got rel %q", got)
	}
	_, answer := fetch(t, base+"Haukland%20beach.jpg"+local.Suffix)
	var tags map[string]string
	if err := json.Unmarshal([]byte(answer), &tags); err != nil {
		t.Fatal(err)
	}
	got := js[map[string]string](b, `Object.fromEntries([...document.querySelectorAll('#tags tr')].map(r => [...r.cells].map(c => c.textContent)))`)
	if !reflect.DeepEqual(got, tags) {
		t.Errorf("tags: got %v, want %v", got, tags)
	}
	if got["ExposureTime"] != "0.00080 (1/1250) sec" {
		t.Errorf("values aren't described: %v", got)
	}
	if !js[bool](b, `(i => i.complete && i.naturalWidth === 720 && i.alt === 'Haukland beach.jpg')(document.querySelector('#shown img'))`) {
		t.Error("the photo isn't shown")
	}
	b.fits()

	// the filter, by its key
	b.press("/")
	b.press("gps")
	b.wait(`document.getElementById('all-title').textContent === '7 of ` + fmt.Sprint(len(tags)) + ` tags'`)
	if got := js[int](b, `[...document.querySelectorAll('#tags tr')].filter(r => r.checkVisibility()).length`); got != 7 {
		t.Errorf("GPS tags: got %d, want 7", got)
	}
	b.press(" nothing")
	b.wait(`document.getElementById('none').checkVisibility()`)
	b.press(kb.ArrowLeft) // in a filter, it moves the cursor
	if !js[bool](b, `location.hash === '#Haukland%20beach.jpg'`) {
		t.Error("an arrow key in the filter left the photo")
	}
	b.press(kb.Escape)
	b.wait(`document.getElementById('filter').value === '' && document.getElementById('none').hidden && document.querySelector('dialog').open`)
	b.press("1/1250")
	b.wait(`document.getElementById('all-title').textContent.startsWith('1 of ')`)
	b.press(kb.Escape)

	// copying
	b.do(browser.SetPermission(&browser.PermissionDescriptor{Name: "clipboard-read"}, browser.PermissionSettingGranted))
	b.click("#copy")
	b.wait(`document.getElementById('copy').textContent === 'Copied'`)
	var copied map[string]string
	if err := json.Unmarshal([]byte(paste(b)), &copied); err != nil || !reflect.DeepEqual(copied, tags) {
		t.Errorf("copied: got %v %v, want %v", err, copied, tags)
	}

	// the messages to screen readers from here on
	b.do(chromedp.Evaluate(`{
		window.said = [];
		new MutationObserver(() => said.push(document.getElementById('said').textContent)).observe(document.getElementById('said'), { childList: true });
	}`, nil))

	// next and previous, by keys and by clicks, and around the end
	b.do(chromedp.Focus("#title", chromedp.ByQuery))
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { b.press(kb.ArrowRight) }, "Inari in November.jpg"},
		{func() { b.click("#next") }, "Jotunheimen.jpg"},
		{func() { b.click("#previous") }, "Inari in November.jpg"},
		{func() { b.press(kb.ArrowLeft) }, name},
		{func() {
			for range 9 {
				b.press(kb.ArrowLeft)
			}
		}, "Zabriskie Point.jpg"},
		{func() { b.press(kb.ArrowRight) }, "Aldeyjarfoss.jpg"},
	} {
		step.do()
		b.wait(fmt.Sprintf(`document.getElementById('title').textContent === %q && decodeURIComponent(location.hash) === %q`, step.want, "#"+step.want))
		b.settled()
	}
	b.wait(`document.getElementById('tags').textContent.includes('NIKON Z 6_2')`)
	if got := js[string](b, `said.filter(s => s && !s.startsWith('Reading')).join()`); got != "" {
		t.Errorf("of photos that were left before their EXIF was there, it was said: %s", got)
	}

	// the focus stays in the dialog, and is visible
	for range 12 {
		b.press(kb.Tab)
		if !js[bool](b, `document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)`) {
			t.Fatalf("the focus left the dialog for %s", js[string](b, `document.activeElement.outerHTML`))
		}
		if js[bool](b, `document.activeElement.matches('button, input, dialog a') && getComputedStyle(document.activeElement).outlineStyle === 'none'`) {
			t.Errorf("the focus can't be seen on %s", js[string](b, `document.activeElement.outerHTML`))
		}
	}
	if got := js[string](b, `[document.querySelector('dialog').matches(':modal'), document.querySelector('dialog').getAttribute('aria-labelledby'), document.title].join()`); got != "true,title,Aldeyjarfoss.jpg · Photos" {
		t.Errorf("dialog: got %s", got)
	}

	// Escape closes the photo, and focuses the photo seen last
	b.closePhoto()
	b.wait(`document.activeElement.textContent.includes('Aldeyjarfoss')`)
	// from there with the keyboard only
	b.press(kb.Tab)
	b.press(kb.Enter)
	b.wait(`document.querySelector('dialog').open && location.hash === '#Blue%20hour%20in%20Reine.jpg'`)
	b.settled()
	// back closes the photo, forward opens it, and the close button goes back, too
	b.do(chromedp.Evaluate(`window.entry = navigation.currentEntry.index`, nil))
	b.do(chromedp.NavigateBack())
	b.wait(`!document.querySelector('dialog').open && location.hash === ''`)
	b.wait(`document.activeElement.textContent.includes('Blue hour')`)
	b.do(chromedp.NavigateForward())
	b.wait(`document.querySelector('dialog').open`)
	b.settled()
	b.click("#close")
	b.wait(`!document.querySelector('dialog').open && location.hash === '' && document.title === 'Photos'`)
	b.wait(`navigation.currentEntry.index === entry - 1`)

	// a shared link
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(base+"#Dune%2045.jpg"))
	b.wait(`document.querySelector('dialog').open && document.getElementById('title').textContent === 'Dune 45.jpg'`)
	b.settled()
	b.closePhoto()
	if !js[bool](b, `location.pathname === '/' && document.activeElement.textContent.includes('Dune 45')`) {
		t.Error("closing a shared photo left the folder")
	}
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(base+"#nobody.jpg"))
	b.wait(`document.getElementById('notice').textContent === '“nobody.jpg” isn’t in this folder.'`)

	// into a folder and out again
	b.click(`.folders a[href="./2025%20Iceland/"]`)
	b.wait(`location.pathname === '/2025%20Iceland/' && document.querySelector('h1').textContent === '2025 Iceland'`)
	b.click(`.crumbs a`)
	b.wait(`location.pathname === '/' && document.querySelector('h1').textContent === 'Photos'`)
	b.click(`.folders a[href="./2026/"]`)
	b.wait(`document.body.innerText.includes('No photos in this folder.')`)
}

// paste returns the text that pasting the clipboard inserts.
func paste(b *tab) string {
	b.Helper()
	b.do(
		chromedp.Evaluate(`{
			const area = document.createElement('textarea');
			area.id = 'pasted';
			document.querySelector('dialog[open]').append(area);
			area.focus();
		}`, nil),
		chromedp.ActionFunc(input.DispatchKeyEvent(input.KeyDown).WithKey("v").WithCode("KeyV").WithCommands([]string{"paste"}).Do),
	)
	b.wait(`document.getElementById('pasted').value !== ''`)
	text := js[string](b, `document.getElementById('pasted').value`)
	b.do(chromedp.Evaluate(`document.getElementById('pasted').remove()`, nil))
	return text
}

// Copying works without HTTPS, too, where browsers have no clipboard API: a site in the local network.
func TestCopyWithoutHTTPS(t *testing.T) {
	base := strings.Replace(example(t, sceneFolder(t)), "127.0.0.1", "photos.test", 1)
	b := open(t, base, "#Dusk.jpg", 1280, 800)
	b.settled()
	if js[bool](b, `isSecureContext || !!navigator.clipboard`) {
		t.Fatal("this page has a clipboard API, so nothing is tested")
	}
	b.click("#copy")
	b.wait(`document.getElementById('copy').textContent === 'Copied' && document.activeElement.id === 'copy'`)
	var copied map[string]string
	if err := json.Unmarshal([]byte(paste(b)), &copied); err != nil || copied["DateTimeOriginal"] != "2025:08:30 20:14:52" {
		t.Errorf("copied: got %v %v", err, copied)
	}
}

// A photo has the same summary in every style of values.
func TestStyles(t *testing.T) {
	for _, style := range []string{"raw", "typed"} {
		b := open(t, command(t, sceneFolder(t), "--values", style), "#Haukland%20beach.jpg", 1280, 800)
		b.settled()
		first := js[map[string]string](b, shown)
		for k, want := range haukland {
			if style == "raw" && k == "Place" {
				want = strings.Replace(want, "\n3 m\n", "\n", 1)
			}
			if first[k] != want {
				t.Errorf("%s: %s: got %q, want %q", style, k, first[k], want)
			}
		}
		b.do(chromedp.Evaluate(`location.hash = '#Zabriskie%20Point.jpg'`, nil))
		b.wait(`document.getElementById('title').textContent === 'Zabriskie Point.jpg'`)
		b.settled()
		if got := js[map[string]string](b, shown)["Place"]; !strings.HasPrefix(got, "36.42000° N, 116.81220° W\n") {
			t.Errorf("%s: a western place: got %q", style, got)
		}
	}
}

// Messages explain errors in words.
func TestErrorMessages(t *testing.T) {
	base, stop := caddyfile(t, oddFolder(t), `
		http://:{$PORT} {
			exif {
				values described
				allow GetObject ListBucket
				deny GetObject path */secret.jpg
			}
			@busy header Cookie *busy*
			respond @busy "slow down" 429
			root * "ROOT"
			file_server {
				browse "GALLERY"
			}
		}`)
	b := open(t, base, "Odd%20ones/", 1280, 800, local.Suffix, "not-a-photo.jpg")

	for _, tc := range []struct{ name, want string }{
		{"no-exif.jpg", "This photo carries no EXIF."},
		{"broken-exif.jpg", "This photo’s EXIF is damaged and can’t be read."},
		{"not-a-photo.jpg", "This file isn’t an image that can be read."},
		{"secret.jpg", "You may not see this photo’s EXIF."},
	} {
		b.openPhoto(tc.name)
		if got := js[string](b, `document.querySelector('#said p').innerText`); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
		if js[bool](b, `document.getElementById('exif').checkVisibility()`) {
			t.Errorf("%s: there are tags of another photo", tc.name)
		}
		b.closePhoto()
	}

	// types that no browser shows, and types that this one doesn't
	for _, name := range []string{"camera.nef", "phone.heic", "scan.tif"} {
		b.openPhoto(name)
		b.wait(`document.querySelector('#shown .badge') !== null`)
		if got := js[string](b, `document.querySelector('#shown .badge').innerText`); !strings.HasPrefix(got, strings.ToUpper(filepath.Ext(name)[1:])+"\nnot shown by this browser\n") {
			t.Errorf("%s: got %q", name, got)
		}
		if got := js[map[string]string](b, shown)["Camera"]; got != "caddy-exif testimage" {
			t.Errorf("%s: got camera %q", name, got)
		}
		b.closePhoto()
	}
	for _, r := range b.requests {
		for _, ext := range []string{".nef", ".tif"} {
			if strings.HasSuffix(r, ext) {
				t.Errorf("a picture this browser can't show was requested: %s", r)
			}
		}
	}
	b.wait(`document.querySelector('[href="./not-a-photo.jpg"] .badge')?.innerText === 'JPG\ncan’t be shown'`)

	// rotated by its orientation
	b.openPhoto("rotated.jpg")
	for _, img := range []string{`document.querySelector('[href="./rotated.jpg"] img')`, `document.querySelector('#shown img')`} {
		b.wait(img + `.complete`)
		if got := js[string](b, `(img => {
			const c = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
			c.canvas.width = img.naturalWidth;
			c.canvas.height = img.naturalHeight;
			c.drawImage(img, 0, 0);
			const top = c.getImageData(40, 10, 1, 1).data, below = c.getImageData(40, 110, 1, 1).data;
			return [img.naturalWidth, img.naturalHeight, top[0] > 150, below[2] > 150].join();
		})(`+img+`)`); got != "80,120,true,true" {
			t.Errorf("%s: got %s", img, got)
		}
	}
	b.closePhoto()

	// removed after the page was loaded
	gone := filepath.Join(oddFolder(t), "Odd ones/gone.jpg")
	if err := os.Rename(gone, gone+".away"); err != nil {
		t.Fatal(err)
	}
	defer os.Rename(gone+".away", gone)
	b.expect("gone.jpg")
	b.openPhoto("gone.jpg")
	if got := js[string](b, `document.querySelector('#said p').innerText`); got != "This photo is no longer here." {
		t.Errorf("gone: got %q", got)
	}
	b.closePhoto()

	// too many requests once, then success
	b.do(chromedp.Evaluate(`document.cookie = 'busy=1; path=/'`, nil))
	b.openPhoto("rotated.jpg")
	if got := js[string](b, `document.querySelector('#said p').innerText`); got != "Those were too many requests. Wait a moment." {
		t.Errorf("busy: got %q", got)
	}
	b.do(chromedp.Evaluate(`document.cookie = 'busy=; path=/; max-age=0'`, nil))
	b.click("#said button")
	b.wait(`document.getElementById('exif').checkVisibility() && document.getElementById('tags').textContent.includes('Rotated 90° CW')`)
	b.closePhoto()

	stop()
	b.openPhoto("rotated.jpg")
	if got := js[string](b, `document.getElementById('said').innerText`); got != "The server can’t be reached.\n\nTry again" {
		t.Errorf("no server: got %q", got)
	}
}

// A site with the template but without exif has a message for that, whether it responds with errors or with a
// page for every path.
func TestWithoutExif(t *testing.T) {
	for text, want := range map[string]string{
		``: "This site doesn’t answer with EXIF.",
		`@exif path *@base@tag=exif
		respond @exif "<html>welcome</html>" 200`: "This site answers something other than EXIF.",
	} {
		base, _ := caddyfile(t, sceneFolder(t), "http://:{$PORT} {\nroot * \"ROOT\"\n"+text+"\nfile_server {\nbrowse \"GALLERY\"\n}\n}")
		b := open(t, base, "", 1280, 800, local.Suffix)
		b.openPhoto("Dusk.jpg")
		if got := js[string](b, `document.querySelector('#said p').innerText`); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// File names are untrusted: the page shows them as text.
func TestHostileNames(t *testing.T) {
	base := example(t, oddFolder(t))
	for _, width := range []int64{1280, 390} {
		b := open(t, base, "", width, 1400, "/x@base@tag=exif.png.jpg", "/comma,%20in.heic"+local.Suffix)
		b.click(`.folders a[href="./Hostile/"]`)
		b.wait(`[...document.querySelectorAll('.photo img')].some(i => i.naturalWidth > 0)`)
		b.fits()
		names := js[[]string](b, `[...document.querySelectorAll('.photo .name, .files span:first-child')].map(e => e.textContent)`)
		listed := map[string]bool{}
		for _, n := range names {
			listed[n] = true
		}
		if len(names) != len(hostile) { // one name is added, one hidden
			t.Errorf("%d files are listed, want %d: %q", len(names), len(hostile), names)
		}
		for _, name := range append(hostile, strings.Repeat("W", 200)+".jpg") {
			name = strings.ToValidUTF8(name, "\uFFFD")
			if want := !strings.HasPrefix(name, "."); listed[name] != want && !strings.Contains(name, "\uFFFD") {
				t.Errorf("%q is listed: %v, want %v: %q", name, listed[name], want, names)
			}
		}
		for i, name := range js[[]string](b, `[...document.querySelectorAll('.photo .name')].map(e => e.textContent)`) {
			if strings.HasSuffix(name, ".heic") || name == "x@base@tag=exif.png.jpg" {
				continue // not a photo; a name that the server rejects as a bad request
			}
			b.openPhoto(name)
			b.wait(`(i => i.complete && i.naturalWidth === 120)(document.querySelector('#shown img'))`)
			if !js[bool](b, `document.getElementById('exif').checkVisibility() && document.getElementById('tags').textContent.length > 0`) {
				t.Errorf("%q has no EXIF: %s", name, js[string](b, `document.getElementById('said').innerText`))
			}
			if i%5 == 0 || len(name) > 100 {
				b.fits()
			}
			// its URL opens it, too
			b.do(chromedp.Reload())
			b.wait(fmt.Sprintf(`document.querySelector('dialog').open && document.getElementById('title').textContent === %s`, quoted(name)))
			b.settled()
			b.closePhoto()
		}
		if width == 1280 {
			b.do(chromedp.Evaluate(`document.querySelector('.folders a').click()`, nil))
			b.wait(`document.querySelector('h1').textContent === "<img src=x onerror=pwned=1>&\"'#?%"`)
			b.openPhoto("inside.jpg")
			b.closePhoto()
			b.do(chromedp.Evaluate(`document.querySelectorAll('.crumbs a')[1].click()`, nil))
			b.wait(`document.querySelector('h1').textContent === 'Hostile'`)
		}
		if js[bool](b, `'pwned' in window || document.querySelector('main :is(script, b[onclick]), [onfocus], [onerror], [onclick], [onmouseover]') !== null`) {
			t.Error("a name became markup")
		}
	}
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// The page's policy holds even if its scripts had a bug: it loads nothing from other sites, and runs no
// script in markup.
func TestPolicy(t *testing.T) {
	b := open(t, example(t, sceneFolder(t)), "", 1280, 800)
	b.mu.Lock()
	b.trying = true
	b.mu.Unlock()
	got := js[string](b, `(() => {
		const seen = [];
		addEventListener('securitypolicyviolation', e => seen.push(e.effectiveDirective));
		const img = new Image();
		img.src = 'http://127.0.0.1:1/x.png';
		document.body.append(img);
		fetch('http://127.0.0.1:1/').catch(() => {});
		try { document.body.innerHTML = '<p>'; } catch { seen.push('innerHTML'); }
		const button = document.createElement('button');
		try { button.setAttribute('onclick', 'window.pwned = 1'); } catch {}
		document.body.append(button);
		button.click();
		return new Promise(done => setTimeout(() => done(seen.sort().join() + ' ' + ('pwned' in window)), 500));
	})()`)
	for _, want := range []string{"connect-src", "img-src", "innerHTML", " false"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}

// On a phone nothing is wider than the window, and every control is reachable.
func TestPhone(t *testing.T) {
	b := open(t, command(t, sceneFolder(t)), "", 390, 844)
	b.wait(`document.querySelector('.photo img').naturalWidth > 0`)
	b.fits()
	if got := js[int](b, `new Set([...document.querySelectorAll('.photo')].map(p => p.getBoundingClientRect().left)).size`); got != 3 {
		t.Errorf("got %d photos side by side, want 3", got)
	}
	b.openPhoto("Uluru.jpg")
	b.fits()
	if !js[bool](b, `innerWidth === 390 && document.querySelector('#shown img').getBoundingClientRect().width <= 390`) {
		t.Error("the photo is wider than the phone")
	}
	b.do(chromedp.ScrollIntoView("#tags tr:last-child", chromedp.ByQuery))
	b.fits()
	b.wait(`document.querySelector('#tags tr:last-child').getBoundingClientRect().bottom <= innerHeight + 1`)
	for _, id := range []string{"close", "previous", "next"} {
		if got := js[float64](b, `document.getElementById('`+id+`').getBoundingClientRect().width`); got < 44 {
			t.Errorf("%s is %v pixels wide, too small for a finger", id, got)
		}
	}
	// a swipe to the left opens the next photo
	b.do(chromedp.Evaluate(`document.querySelector('dialog').scrollTop = 0`, nil))
	touch := func(typ input.TouchType, points ...*input.TouchPoint) chromedp.Action {
		return chromedp.ActionFunc(input.DispatchTouchEvent(typ, points).Do)
	}
	b.do(emulation.SetTouchEmulationEnabled(true),
		touch(input.TouchStart, &input.TouchPoint{X: 300, Y: 200}),
		touch(input.TouchMove, &input.TouchPoint{X: 200, Y: 205}),
		touch(input.TouchMove, &input.TouchPoint{X: 120, Y: 208}),
		touch(input.TouchEnd),
	)
	b.wait(`document.getElementById('title').textContent === 'Vatnajokull.jpg'`)
	b.settled()
	b.click("#close")
	b.wait(`!document.querySelector('dialog').open`)
}

func scheme(name string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}})
}

// Texts have the contrast that WCAG 2 requires (4.5, level AA), in the light and in the dark theme.
func TestContrast(t *testing.T) {
	b := open(t, example(t, sceneFolder(t)), "#Dusk.jpg", 1280, 800)
	b.expect(local.Suffix)
	b.settled()
	grounds := map[string]string{}
	for _, name := range []string{"light", "dark"} {
		b.do(scheme(name))
		grounds[name] = js[string](b, `getComputedStyle(document.body).backgroundColor`)
		low := js[[]string](b, `(() => {
			const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
			const rgba = s => s.match(/[\d.]+/g).map(Number);
			const ground = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > .5) return c.slice(0, 3); } return [255, 255, 255]; };
			const low = [];
			for (const e of document.querySelectorAll('body, body *')) {
				if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.matches('script, .unseen')) continue;
				const a = light(rgba(getComputedStyle(e).color).slice(0, 3)), b = light(ground(e));
				const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
				if (ratio < 4.5) low.push(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2));
			}
			return low;
		})()`)
		if len(low) > 0 {
			t.Errorf("%s: %v", name, low)
		}
	}
	if grounds["light"] == grounds["dark"] {
		t.Errorf("light and dark are the same: %v", grounds)
	}
}

// TestScreenshots writes the screenshots of examples/gallery/README.md.
func TestScreenshots(t *testing.T) {
	base := example(t, sceneFolder(t))
	for _, s := range []struct {
		file          string
		width, height int64
		path, scheme  string
	}{
		{"desktop.png", 1280, 800, "", "light"},
		{"desktop-photo.png", 1280, 800, "#Blue%20hour%20in%20Reine.jpg", "dark"},
		{"phone.png", 390, 844, "", "dark"},
		{"phone-photo.png", 390, 844, "#Haukland%20beach.jpg", "light"},
	} {
		b := open(t, base, s.path, s.width, s.height)
		b.do(scheme(s.scheme))
		b.wait(gathered)
		b.wait(`[...document.querySelectorAll('.photo img, #shown img')].filter(i => i.getBoundingClientRect().top < innerHeight).every(i => i.complete && i.naturalWidth)`)
		if strings.HasPrefix(s.path, "#") {
			b.settled()
		}
		var shot []byte
		b.do(chromedp.CaptureScreenshot(&shot))
		m, err := png.Decode(bytes.NewReader(shot))
		if err != nil {
			t.Fatal(err)
		}
		if m.Bounds().Dx() != int(s.width) || m.Bounds().Dy() != int(s.height) {
			t.Errorf("%s: got %v", s.file, m.Bounds())
		}
		var packed bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&packed, m); err != nil {
			t.Fatal(err)
		}
		if packed.Len() > 300<<10 {
			t.Errorf("%s has %d KB, too much for the repository", s.file, packed.Len()>>10)
		}
		if *update {
			if err := os.WriteFile(filepath.Join("../../examples/gallery", s.file), packed.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
