package browser

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// gathered is true once the page has read the EXIF of all photos in the folder.
const gathered = `document.getElementById('progress').textContent === ''`

// slow emulates a network with the latency and the bytes per second.
func slow(latency, bytes float64) chromedp.Action {
	return network.EmulateNetworkConditions(false, latency, bytes, bytes)
}

// requested reports whether the page has requested a path since its request number since.
func (b *tab) requested(path string, since int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.requests[since:], b.base+path)
}

func (b *tab) countRequests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.requests)
}

// hasThumb reports whether scene i has a thumbnail, and upright whether it is upright.
func hasThumb(i int) bool { return i%6 != 5 }
func upright(i int) bool  { return i%5 == 4 }

// The grid loads the photos' thumbnails, or the photo if it has none. It loads only pictures in view, at most
// six at once, and hides the bars of thumbnails.
func TestGridLoadsThumbnails(t *testing.T) {
	b := open(t, example(t, sceneFolder(t)), "", 1280, 300)
	b.do(chromedp.Navigate("about:blank"))
	b.mu.Lock()
	b.requests = nil
	b.mu.Unlock()
	b.do(slow(60, 1<<20), network.SetCacheDisabled(true), chromedp.Navigate(b.base))
	b.wait(`document.querySelectorAll('.photo img').length >= 6 && !loading`)
	if got := js[int](b, `document.querySelectorAll('.photo img').length`); got == len(scenes) {
		t.Errorf("all %d pictures are loaded, want those in sight", got)
	}
	b.do(emulation.SetDeviceMetricsOverride(1280, 1200, 1, false))
	b.wait(fmt.Sprintf(`(all => all.length === %d && all.every(i => i.complete && i.naturalWidth))([...document.querySelectorAll('.photo img')])`, len(scenes)))
	b.wait(gathered)
	most := js[int](b, `(all => Math.max(...all.map(e => all.filter(o => o.startTime <= e.startTime && o.responseEnd > e.startTime).length)))(
		performance.getEntriesByType('resource').filter(e => e.initiatorType === 'img'))`)
	if most < 2 || most > 6 {
		t.Errorf("%d pictures were requested at once, want 2 to 6", most)
	}
	for i, s := range scenes {
		link := fmt.Sprintf(`document.querySelectorAll('.photo')[%d]`, i)
		path := strings.ReplaceAll(s.name, " ", "%20")
		source := js[string](b, link+`.querySelector('img').currentSrc`)
		if want := b.base + path + map[bool]string{true: "@base@tag=thumbnail", false: ""}[hasThumb(i)]; source != want {
			t.Errorf("%s: shown by %s, want %s", s.name, source, want)
		}
		if hasThumb(i) && b.requested(path, 0) {
			t.Errorf("%s: the photo was requested, though it has a thumbnail", s.name)
		}
		// a 3:2 photo in a 4:3 thumbnail has bars of a ninth of the height
		scale := js[string](b, link+`.querySelector('img').style.scale`)
		if bars := hasThumb(i) && !upright(i); bars != strings.HasPrefix(scale, "1.14") {
			t.Errorf("%s: scaled by %q", s.name, scale)
		}
	}
}

// The grid prefers a site's own small pictures. A photo without one has its thumbnail.
func TestOwnThumbsComeFirst(t *testing.T) {
	dir := t.TempDir()
	for i := range scenes[:3] {
		write(t, filepath.Join(dir, scenes[i].name), scenes[i].jpeg(i))
	}
	write(t, filepath.Join(dir, ".thumbs/Aldeyjarfoss.webp"), testimage.JPEG(testimage.Gradient(30, 30)))
	write(t, filepath.Join(dir, ".thumbs/Blue hour in Reine.webp"), testimage.JPEG(testimage.Gradient(30, 30)))
	b := open(t, example(t, dir), "", 1280, 800, "/.thumbs/Cap%20Canaille.webp")
	b.wait(`[...document.querySelectorAll('.photo img')].filter(i => i.complete && i.naturalWidth).length === 3`)
	got := js[string](b, `[...document.querySelectorAll('.photo img')].map(i => new URL(i.currentSrc).pathname).join()`)
	if want := "/.thumbs/Aldeyjarfoss.webp,/.thumbs/Blue%20hour%20in%20Reine.webp,/Cap%20Canaille.jpg@base@tag=thumbnail"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := js[string](b, `document.getElementById('count').textContent`); got != "3 photos" {
		t.Errorf("got %s: .thumbs isn't hidden", got)
	}
}

// The gallery shows the preview of a photo that the browser can't show, and a label if it has none.
func TestPreviewReplacesRaw(t *testing.T) {
	dir := t.TempDir()
	raw := testimage.Full()
	raw.SetThumbnail(testimage.JPEG(scenes[3].paint(320, 240)))
	write(t, filepath.Join(dir, "a.nef"), testimage.TIFF(raw))
	write(t, filepath.Join(dir, "b.tif"), testimage.TIFF(raw))
	heif := testimage.HEIF{Iloc: 1, Infe: 2, Exif: [][]byte{testimage.ExifData((&testimage.Block{}).Encode(), true)}, Describing: 1}
	write(t, filepath.Join(dir, "c.heic"), heif.Encode())
	b := open(t, example(t, dir), "", 1280, 800)
	b.wait(`document.querySelectorAll('.photo .frame > *').length === 3 && [...document.querySelectorAll('.photo img')].every(i => i.naturalWidth === 240)`)
	for _, name := range []string{"a.nef", "b.tif"} {
		b.openPhoto(name)
		b.wait(`(all => all.length === 1 && all[0].naturalWidth === 240 && all[0].currentSrc.endsWith('` + name + `@base@tag=preview'))(document.querySelectorAll('#shown img'))`)
		b.closePhoto()
	}
	const off = `(e => {
		const a = e.getBoundingClientRect(), b = e.closest('.frame, .view').getBoundingClientRect();
		return Math.abs(a.left + a.right - b.left - b.right) + Math.abs(a.top + a.bottom - b.top - b.bottom);
	})`
	if got := js[float64](b, off+`(document.querySelector('.photo .badge'))`); got > 4 {
		t.Errorf("the label is %v pixels off the middle of its tile", got)
	}
	b.openPhoto("c.heic")
	b.wait(`document.querySelector('#shown .badge') !== null`)
	if got, want := js[string](b, `document.querySelector('#shown .badge').innerText`), "HEIC\nnot shown by this browser\n\nSafari shows it.\n\nWhat helps\n\nDownload original"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := js[string](b, `(a => a.download + ' ' + new URL(a.href).pathname)(document.querySelector('#shown a[download]'))`); got != "c.heic /c.heic" {
		t.Errorf("got %s", got)
	}
	if got := js[float64](b, off+`(document.querySelector('#shown .badge'))`); got > 4 {
		t.Errorf("the label is %v pixels off the middle of the stage", got)
	}
	if b.requested("a.nef", 0) || b.requested("b.tif", 0) {
		t.Error("a file that this browser can't show was requested")
	}
}

// A photo opens with its thumbnail, which the photo then covers exactly. The page preloads the next and the
// previous photo.
func TestOpensAtOnce(t *testing.T) {
	b := open(t, example(t, sceneFolder(t)), "", 1280, 800)
	b.wait(gathered)
	b.wait(`document.querySelector('.photo img').naturalWidth > 0`)
	b.do(slow(300, 4<<10))
	b.do(chromedp.Evaluate(`document.querySelectorAll('.photo')[7].click()`, nil))
	b.wait(`(all => all.length === 2 && all[0].complete && all[0].naturalWidth === 160 && !all[1].complete)(document.querySelectorAll('#shown img'))`)
	box := `(r => [r.left, r.top, r.width, r.height].map(Math.round).join())(document.querySelector('#shown').getBoundingClientRect())`
	before := js[string](b, box)
	b.do(network.EmulateNetworkConditions(false, 0, -1, -1))
	b.wait(`(all => all.length === 1 && all[0].complete && all[0].naturalWidth === 720)(document.querySelectorAll('#shown img'))`)
	if after := js[string](b, box); after != before || !strings.HasSuffix(after, ",720,480") {
		t.Errorf("the photo is at %s, its thumbnail was at %s", after, before)
	}
	for end := time.Now().Add(10 * time.Second); !b.requested("First%20light.jpg", 0) || !b.requested("Haukland%20beach.jpg", 0); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the photos beside it aren't fetched ahead")
		}
	}
	if b.requested("Inari%20in%20November.jpg", 0) {
		t.Error("more than the photos beside it were fetched ahead")
	}
	if got := js[string](b, `document.getElementById('pixels').textContent`); got != "720 × 480, 0.3 MP" {
		t.Errorf("got %s", got)
	}
}

// A photo of a few pixels hasn't 0 megapixels.
func TestTinyPhoto(t *testing.T) {
	b := open(t, command(t, "../../testdata"), "#iphone-4s.jpg", 1440, 900)
	b.wait(`document.getElementById('pixels').textContent === '64 × 48'`)
}

// The gallery sorts photos by the date in their EXIF, with a heading for each day, and filters them by camera,
// lens, year and search. It stores the EXIF for the session.
func TestDaysFiltersSearch(t *testing.T) {
	dir := t.TempDir()
	for i := range scenes {
		write(t, filepath.Join(dir, scenes[i].name), scenes[i].jpeg(i))
	}
	write(t, filepath.Join(dir, "no date.jpg"), testimage.JPEG(testimage.Gradient(30, 30)))
	sorted := slices.Clone(scenes)
	slices.SortFunc(sorted, func(a, b scene) int { return strings.Compare(b.date, a.date) })
	var want []string
	for _, s := range sorted {
		day, err := time.Parse("2006:01:02 15:04:05", s.date)
		if err != nil {
			t.Fatal(err)
		}
		heading := day.Format("Monday, 2 January 2006")
		if slices.Index(want, "# "+heading) < 0 {
			want = append(want, "# "+heading)
		}
		want = append(want, s.name)
	}
	want = append(want, "# Without a date", "no date.jpg")

	b := open(t, example(t, dir), "?sort=time&order=desc", 1280, 3000)
	const listed = `[...document.querySelectorAll('.day h2, .day .name')].map(e => e.tagName === 'H2' ? '# ' + e.nextSibling.ariaLabel : e.textContent)`
	b.wait(`document.querySelector('.day') !== null && ` + gathered)
	if got := js[[]string](b, listed); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	b.fits()

	b.do(chromedp.Evaluate(`window.choose = (id, value) => { const s = document.getElementById(id); s.value = value; s.dispatchEvent(new Event('change')); }`, nil))
	count := func(want string) {
		t.Helper()
		b.wait(fmt.Sprintf(`document.getElementById('count').textContent === %q`, want))
	}
	count("25 photos")
	if got, want := js[string](b, `[...document.querySelectorAll('#camera option')].map(o => o.textContent).join()`), "All cameras,Apple iPhone 15 Pro,Canon EOS R6,FUJIFILM X-T5,NIKON Z 6_2"; got != want {
		t.Errorf("cameras: got %s, want %s", got, want)
	}
	b.do(chromedp.Evaluate(`choose('camera', 'Apple iPhone 15 Pro')`, nil))
	count("3 of 25 photos")
	b.do(chromedp.Evaluate(`choose('year', '2024')`, nil))
	count("0 of 25 photos")
	b.wait(`document.getElementById('nothing').checkVisibility() && document.querySelector('.day') === null`)
	b.do(chromedp.Evaluate(`choose('camera', ''); choose('year', ''); choose('lens', 'NIKKOR Z 24-70mm f/4 S')`, nil))
	count("8 of 25 photos")
	b.do(chromedp.Evaluate(`choose('lens', '')`, nil))
	count("25 photos")

	// a search covers names and EXIF; next and previous stay within its results
	b.press("/")
	b.press("iphone july")
	count("2 of 25 photos")
	b.openPhoto("Trolltunga.jpg")
	b.wait(`document.getElementById('position').textContent === '1 of 2'`)
	b.press(kb.ArrowRight)
	b.wait(`document.getElementById('title').textContent === 'Haukland beach.jpg'`)
	b.press(kb.ArrowRight)
	b.wait(`document.getElementById('title').textContent === 'Trolltunga.jpg'`)
	b.settled()
	b.closePhoto()
	b.do(chromedp.Focus("#search", chromedp.ByQuery))
	b.press(kb.Escape)
	count("25 photos")
	b.wait(`!new URLSearchParams(location.search).has('q')`) // written soon after

	// the page reads only a changed file again
	now := time.Now()
	if err := os.Chtimes(filepath.Join(dir, "Dusk.jpg"), now, now); err != nil {
		t.Fatal(err)
	}
	since := b.countRequests()
	b.do(chromedp.Reload())
	b.wait(`document.querySelector('.day') !== null && ` + gathered)
	b.mu.Lock()
	var again []string
	for _, r := range b.requests[since:] {
		if strings.HasSuffix(r, local.Suffix) {
			again = append(again, strings.TrimPrefix(r, b.base))
		}
	}
	b.mu.Unlock()
	if want := []string{"Dusk.jpg" + local.Suffix}; !slices.Equal(again, want) {
		t.Errorf("read again: %q, want %q", again, want)
	}
	if got := js[[]string](b, listed); !slices.Equal(got, want) {
		t.Errorf("after a reload: got %q, want %q", got, want)
	}
}

// Keys do what the help says, and buttons do the same.
func TestKeys(t *testing.T) {
	b := open(t, example(t, sceneFolder(t)), "#Glen%20Etive.jpg", 1280, 800)
	title := func(want string) {
		t.Helper()
		b.wait(fmt.Sprintf(`document.getElementById('title').textContent === %q && (i => i && i.complete && i.alt === %[1]q)(document.querySelector('#shown img:last-of-type'))`, want))
		b.settled()
	}
	title("Glen Etive.jpg")
	b.press(kb.End)
	title("Zabriskie Point.jpg")
	b.press(kb.Home)
	title("Aldeyjarfoss.jpg")

	// the actual size, in a smaller window
	b.do(emulation.SetDeviceMetricsOverride(900, 400, 1, false))
	small := js[float64](b, `document.getElementById('shown').getBoundingClientRect().width`)
	b.press("z")
	b.wait(`document.getElementById('shown').getBoundingClientRect().width === 720 && document.getElementById('zoom').ariaPressed === 'true'`)
	if small >= 720 {
		t.Errorf("fitted, it is %v wide already", small)
	}
	b.do(chromedp.Evaluate(`document.getElementById('view').scrollTo(0, 0)`, nil))
	b.press(kb.ArrowRight)
	b.press(kb.ArrowDown)
	b.wait(`document.getElementById('view').scrollLeft > 0 && document.getElementById('view').scrollTop > 0`)
	title("Aldeyjarfoss.jpg") // the arrows scrolled the photo
	b.click("#zoom")
	b.wait(fmt.Sprintf(`document.getElementById('shown').getBoundingClientRect().width === %v`, small))
	// a click keeps the clicked point in place
	b.do(chromedp.MouseClickXY(330, 300))
	b.wait(`document.getElementById('shown').getBoundingClientRect().width === 720 && document.getElementById('view').scrollTop > 40`)
	b.press("z")
	b.do(emulation.SetDeviceMetricsOverride(1280, 800, 1, false))

	b.press("f")
	b.wait(`document.fullscreenElement?.id === 'stage'`)
	b.press(kb.ArrowRight)
	title("Blue hour in Reine.jpg")
	b.press("f")
	b.wait(`document.fullscreenElement === null && document.querySelector('dialog').open`)

	b.press("s")
	title("Cap Canaille.jpg")
	title("Dune 45.jpg")
	b.click("#play")
	b.wait(`document.getElementById('play').ariaPressed === 'false'`)

	b.press("?")
	b.wait(`document.getElementById('help').open`)
	b.press(kb.ArrowRight)
	b.press("?")
	b.wait(`!document.getElementById('help').open`)
	title("Dune 45.jpg") // no key had an effect
	if got := js[string](b, `(a => a.download + ' ' + new URL(a.href).pathname)(document.getElementById('download'))`); got != "Dune 45.jpg /Dune%2045.jpg" {
		t.Errorf("download: got %s", got)
	}
	b.do(chromedp.Evaluate(`document.getElementById('download').addEventListener('click', e => { e.preventDefault(); window.downloaded = true; })`, nil))
	b.press("d")
	b.wait(`window.downloaded === true`)
	time.Sleep(4500 * time.Millisecond)
	title("Dune 45.jpg") // the slideshow has ended
	b.closePhoto()

	b.press("?")
	b.wait(`document.getElementById('help').open`)
	b.click("#help-close")
	b.press("/")
	b.wait(`document.activeElement.id === 'search'`)
	b.press("?")
	b.wait(`document.getElementById('search').value === '?' && !document.getElementById('help').open`)
}

// The gallery doesn't list files of operating systems and NAS. In a folder of folders it has no message about
// missing photos.
func TestHiddenFiles(t *testing.T) {
	dir := t.TempDir()
	small := testimage.JPEG(testimage.Gradient(30, 30))
	for _, name := range []string{"@eaDir/a.jpg", ".trash/a.jpg", "#recycle/a.jpg", "2024/a.jpg", "2024/._a.jpg", "2024/Thumbs.db", "2024/.DS_Store", "2024/note.txt", "lost+found/x"} {
		write(t, filepath.Join(dir, name), small)
	}
	b := open(t, example(t, dir), "", 1280, 800)
	b.wait(`document.querySelector('.folders .about').textContent !== ''`)
	if got := js[string](b, `document.body.innerText`); got != "Photos\n\n1 folder\n\n?\n2024\n1 photo · 1 other file\nSubfolders" {
		t.Errorf("got %q", got)
	}
	b.click(`.folders a`)
	b.wait(`location.pathname === '/2024/' && document.querySelector('.count').textContent.trim() === '1 photo · 1 other file'`)
	if got := js[string](b, `[...document.querySelectorAll('.photo .name, .files span:first-child')].map(e => e.textContent).join()`); got != "a.jpg,note.txt" {
		t.Errorf("got %s", got)
	}
}

// The example and the command compress their pages.
func TestPagesAreCompressed(t *testing.T) {
	for _, base := range []string{example(t, sceneFolder(t)), command(t, sceneFolder(t))} {
		req, err := http.NewRequest(http.MethodGet, base, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := res.Header.Get("Content-Encoding"); got != "gzip" {
			t.Errorf("got Content-Encoding %q", got)
		}
	}
}

// The example runs unchanged, as an unprivileged user.
func TestExampleUnchanged(t *testing.T) {
	const addr = "localhost:2015"
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Second) {
		if _, err := http.Get("http://" + addr); err != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("another program serves at %s", addr)
		}
	}
	cmd := exec.Command(caddy, "run")
	cmd.Dir = "../../examples/gallery"
	if os.Getuid() == 0 {
		// the folders of this test and of the code may be root's, so copy the files to where all can read them
		cmd.Dir = openedExample(t)
		cmd.Path = openToAll(t, caddy)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	p := local.Start(t, cmd)
	p.WaitListening(addr)
	b := open(t, "http://"+addr+"/", "", 1280, 800, local.Suffix, "broken.jpg")
	b.openPhoto("iphone-4s.jpg")
	if got := js[string](b, `document.querySelector('#first dd').innerText`); got != "Apple iPhone 4S" {
		t.Errorf("got %s", got)
	}
}

// axe-core finds no violation on any page.
func TestAxe(t *testing.T) {
	file := os.Getenv("E2E_AXE")
	if file == "" {
		t.Skip("E2E_AXE doesn't name an axe.min.js")
	}
	axe, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	base := example(t, sceneFolder(t))
	for _, width := range []int64{1440, 390} {
		for _, path := range []string{"", "?sort=time&order=desc", "#Dusk.jpg"} {
			b := open(t, base, path, width, 900)
			b.wait(gathered)
			if strings.HasPrefix(path, "#") {
				b.settled()
			}
			check := func(what string) {
				t.Helper()
				for _, name := range []string{"light", "dark"} {
					b.do(scheme(name))
					b.do(chromedp.Evaluate(string(axe), nil))
					got := js[[]string](b, `axe.run().then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ' ' + n.html)))`)
					for _, v := range got {
						t.Errorf("%d %s %s %s: %s", width, path, what, name, v)
					}
					if n := js[int](b, `axe.run().then(r => r.passes.length)`); n < 15 {
						t.Errorf("only %d rules were checked", n)
					}
				}
			}
			check("")
			if strings.HasPrefix(path, "#") {
				b.press("z")
				check("zoomed")
				b.press("z")
			}
			b.press("?")
			check("help")
		}
	}
}

// openToAll copies a program to a folder where everyone can run it.
func openToAll(t *testing.T, program string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gallery")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "caddy")
	if err := os.WriteFile(copied, b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return copied
}

// openedExample copies the example and its photos to a folder where everyone can read them.
func openedExample(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("", "gallery")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	for _, dir := range []string{"examples/gallery", "testdata"} {
		if err := os.CopyFS(filepath.Join(root, dir), os.DirFS(filepath.Join("../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "examples/gallery")
}

// Thumbnails and previews have the photo's orientation, each of the eight, which the embedded picture doesn't
// have itself.
func TestPicturesHaveThePhotosOrientation(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 160, 120))
	for i, c := range []color.RGBA{{R: 255, A: 255}, {G: 255, A: 255}, {B: 255, A: 255}, {R: 255, G: 255, B: 255, A: 255}} {
		at := image.Pt(i%2*80, i/2*60)
		draw.Draw(m, image.Rectangle{at, at.Add(image.Pt(80, 60))}, image.NewUniform(c), image.Point{}, draw.Src)
	}
	dir := t.TempDir()
	for o := range uint16(8) {
		b := testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, o+1)}}
		b.SetThumbnail(testimage.JPEG(m))
		write(t, filepath.Join(dir, fmt.Sprintf("%d.jpg", o+1)), photo(m, b))
		write(t, filepath.Join(dir, fmt.Sprintf("%d.nef", o+1)), testimage.TIFF(b))
	}
	b := open(t, example(t, dir), "", 1280, 800)
	b.do(chromedp.Evaluate(`window.looked = {};
		for (let n = 1; n <= 8; n++) for (const path of ['.jpg', '.jpg@base@tag=thumbnail', '.nef@base@tag=thumbnail', '.nef@base@tag=preview']) {
			const i = new Image();
			i.onload = () => {
				const c = document.createElement('canvas');
				[c.width, c.height] = [i.naturalWidth, i.naturalHeight];
				const x = c.getContext('2d', {willReadFrequently: true});
				x.drawImage(i, 0, 0);
				looked[n + path] = [c.width, c.height, ...[[.25, .25], [.75, .25], [.25, .75], [.75, .75]].map(
					([u, v]) => [...x.getImageData(u * c.width, v * c.height, 1, 1).data].map(b => b >> 7).join(''))].join(' ');
			};
			i.src = '/' + n + path;
		}`, nil))
	b.wait(`Object.keys(looked).length === 32`)
	looked := js[map[string]string](b, `looked`)
	photos := map[string]bool{}
	for n := 1; n <= 8; n++ {
		want := looked[fmt.Sprintf("%d.jpg", n)]
		photos[want] = true
		for _, path := range []string{".jpg@base@tag=thumbnail", ".nef@base@tag=thumbnail", ".nef@base@tag=preview"} {
			if got := looked[fmt.Sprintf("%d%s", n, path)]; got != want {
				t.Errorf("%d%s looks like %s, the photo like %s", n, path, got, want)
			}
		}
	}
	if len(photos) != 8 {
		t.Errorf("the photos look %d ways, want 8: %v", len(photos), photos)
	}
}
