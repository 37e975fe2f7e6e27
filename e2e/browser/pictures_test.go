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
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// made makes a file by a program, and skips the test if the machine doesn't have it.
func made(t *testing.T, file string, program string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s isn't installed", program)
	}
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The page decodes a HEIF that this browser doesn't show: as one picture and as a grid, rotated and mirrored,
// exactly as the browser shows it where it knows the format.
func TestHEIFIsDecoded(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(t.TempDir(), "source.png")
	write(t, source, testimage.PNG(scenes[1].paint(256, 128), nil, nil))
	all := map[string]string{
		"one": "", "grid": "--grid 2x2", "left": "--irot 1", "over": "--irot 2", "right": "--irot 3",
		"mirrored": "--imir 1", "flipped": "--imir 0", "both": "--irot 1 --imir 0", "deep": "-d 10 -y 444",
	}
	for name, options := range all {
		file := filepath.Join(t.TempDir(), "made.avif")
		args := append(strings.Fields("-s 9 "+options), source, file)
		b := made(t, file, "avifenc", args...)
		write(t, filepath.Join(dir, name+".heic"), b) // this browser doesn't show HEIC, so the page has to
		write(t, filepath.Join(dir, name+".avif"), b)
	}
	b := open(t, example(t, dir), "", 1280, 2000)
	b.wait(`document.querySelectorAll('.photo canvas').length === ` + fmt.Sprint(len(all)) + ` && document.querySelectorAll('.photo img').length === ` + fmt.Sprint(len(all)))
	for name := range all {
		got := js[string](b, `(async () => {
			const look = async e => {
				const c = document.createElement('canvas'), size = [e.naturalWidth ?? e.width, e.naturalHeight ?? e.height];
				[c.width, c.height] = size;
				const x = c.getContext('2d', { willReadFrequently: true });
				x.drawImage(e, 0, 0);
				return { size: size.join(), data: x.getImageData(0, 0, ...size).data };
			};
			const img = new Image();
			img.src = './`+name+`.avif';
			await img.decode();
			const want = await look(img), canvas = await decodeHEIF('./`+name+`.heic');
			if (!canvas) return 'nothing';
			const got = await look(canvas);
			if (got.size !== want.size) return got.size + ', want ' + want.size;
			const off = got.data.reduce((sum, v, i) => sum + Math.abs(v - want.data[i]), 0) / got.data.length;
			return off < 3 ? '' : 'differs by ' + off;
		})()`)
		if got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	b.openPhoto("both.heic")
	b.wait(`(c => c && c.width === 128 && c.height === 256 && c.role === 'img' && c.ariaLabel === 'both.heic')(document.querySelector('#shown canvas'))`)
	b.closePhoto()

	// broken ones end as a label, soon
	heic, err := os.ReadFile(filepath.Join(dir, "grid.heic"))
	if err != nil {
		t.Fatal(err)
	}
	got := js[string](b, fmt.Sprintf(`(async () => {
		const file = new Uint8Array(%s), before = fetch;
		let decoded = 0;
		for (let i = 0; i < 400; i += 1) {
			const broken = file.slice();
			for (let k = 0; k < 4; k++) broken[(i * 7 + k * 131) %% 900] ^= 1 << (i + k) %% 8;
			window.fetch = async () => new Response(broken);
			if (await decodeHEIF('x')) decoded++;
		}
		window.fetch = before;
		return 'done';
	})()`, strings.ReplaceAll(fmt.Sprint(any(heic)), " ", ",")))
	if got != "done" {
		t.Errorf("got %s", got)
	}
}

// The thumbnail item of a HEIF is a tile, of the right size and turned as the photo: shown by the browser if it knows the format,
// decoded by the page if it doesn't. One that neither can decode says so, and what helps.
func TestHEIFThumbnail(t *testing.T) {
	dir := t.TempDir()
	right := testimage.Box("irot", []byte{3})
	for name, typ := range map[string]string{"a.heic": "av01", "b.heic": "hvc1"} {
		item := testimage.Coded(typ)
		item.Properties = append(item.Properties, right)
		photo := testimage.Item{Type: "hvc1", Properties: [][]byte{item.Properties[1], right}}
		write(t, filepath.Join(dir, name), testimage.HEIFThumbnails(photo, 1, item))
	}
	site := example(t, dir)
	corners := func(e string) string {
		return `(e => {
			const c = document.createElement('canvas'), w = c.width = e.naturalWidth ?? e.width, h = c.height = e.naturalHeight ?? e.height;
			const x = c.getContext('2d', { willReadFrequently: true });
			x.drawImage(e, 0, 0);
			return w + ' ' + h + [[5, 5], [w - 6, 5], [5, h - 6], [w - 6, h - 6]].map(([l, t]) => {
				const [r, , b] = x.getImageData(l, t, 1, 1).data;
				return r > 200 && b > 200 ? ' white' : r > 128 ? ' red' : b > 128 ? ' blue' : ' ' + r + ',' + b;
			}).join('');
		})(` + e + `)`
	}
	const want = "120 160 blue red blue white"
	b := open(t, site, "", 1280, 800)
	b.wait(`document.querySelector('.photo[href="./a.heic"] img')?.naturalWidth > 0`)
	if got := js[string](b, corners(`document.querySelector('.photo[href="./a.heic"] img')`)); got != want {
		t.Errorf("shown by the browser: got %s, want %s", got, want)
	}
	b.wait(`document.querySelector('.photo[href="./b.heic"] .badge')?.textContent === 'HEICnot shown by this browser'`)
	if got := js[string](b, `document.querySelector('.photo[href="./b.heic"]').parentElement.querySelector('.how').href`); !strings.HasSuffix(got, "docs/gallery.md#small-pictures-of-your-own") {
		t.Errorf("what helps is at %s", got)
	}

	blind := inFront(t, site, func(w http.ResponseWriter, r *http.Request) bool {
		asImage := strings.HasSuffix(r.URL.Path, "thumbnail") && strings.Contains(r.Header.Get("Accept"), "image/")
		if asImage {
			http.Error(w, "as if this browser couldn't show it", http.StatusNotFound)
		}
		return asImage
	})
	b = open(t, blind, "", 1280, 800)
	b.wait(`document.querySelector('.photo[href="./a.heic"] canvas') !== null`)
	if got := js[string](b, corners(`document.querySelector('.photo[href="./a.heic"] canvas')`)); got != want {
		t.Errorf("decoded by the page: got %s, want %s", got, want)
	}
	b.openPhoto("a.heic")
	b.wait(`document.getElementById('note').checkVisibility() && document.getElementById('note').textContent.startsWith('This browser doesn’t show HEIC. This is a small picture of it.')`)
}

// A JPEG whose end is missing says so on its tile and in the viewer. One with more after its end doesn't.
func TestIncompletePhoto(t *testing.T) {
	dir := t.TempDir()
	whole := photo(scenes[0].paint(720, 480), testimage.Block{})
	write(t, filepath.Join(dir, "cut.jpg"), whole[:len(whole)*2/3])
	write(t, filepath.Join(dir, "more.jpg"), append(append([]byte(nil), whole...), make([]byte, 70000)...))
	write(t, filepath.Join(dir, "whole.jpg"), whole)
	thumbed := scenes[0].block(1, 720, 480)
	thumbed.SetThumbnail(testimage.JPEG(scenes[0].paint(160, 106)))
	withThumb := photo(scenes[0].paint(720, 480), thumbed)
	write(t, filepath.Join(dir, "z cut.jpg"), withThumb[:len(withThumb)-800])
	b := open(t, example(t, dir), "", 1280, 800, "cut.jpg")
	const marks = `[...document.querySelectorAll('.photo')].map(p => p.querySelector('.marks')?.innerText ?? '').join()`
	b.wait(`document.querySelectorAll('.photo img').length === 4 && !loading`)
	b.wait(marks + ` === 'Incomplete,,,'`)
	b.openPhoto("cut.jpg")
	b.wait(`document.getElementById('note').checkVisibility() && document.getElementById('note').textContent.startsWith('This photo is incomplete')`)
	b.press(kb.ArrowRight)
	b.wait(`document.getElementById('title').textContent === 'more.jpg' && document.querySelector('#shown img').naturalWidth === 720`)
	b.settled()
	if js[bool](b, `document.getElementById('note').checkVisibility()`) {
		t.Error("a whole photo is said to be incomplete")
	}
	b.press(kb.End)
	b.wait(`document.getElementById('note').checkVisibility() && document.getElementById('note').textContent.startsWith('This photo is incomplete')`)
	b.closePhoto()
	b.wait(marks + ` === 'Incomplete,,,Incomplete'`)
}

// A thumbnail that lies the other way than its photo isn't scaled as if it had bars: the photo is shown. One with
// bars at its sides is scaled, and one of another shape without bars isn't.
func TestThumbnailsThatDiffer(t *testing.T) {
	dir := t.TempDir()
	add := func(name string, thumb image.Image, w, h int) {
		block := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "X")}}
		block.SetThumbnail(testimage.JPEG(thumb))
		write(t, filepath.Join(dir, name), photo(scenes[6].paint(w, h), block))
	}
	bars := image.NewRGBA(image.Rect(0, 0, 160, 120))
	draw.Draw(bars, bars.Rect, image.NewUniform(color.Gray{3}), image.Point{}, draw.Src)
	draw.Draw(bars, image.Rect(35, 0, 125, 120), scenes[6].paint(90, 120), image.Point{}, draw.Src)
	add("bars.jpg", bars, 480, 640)
	add("cropped.jpg", scenes[6].paint(160, 120), 720, 480)
	add("turned.jpg", scenes[6].paint(160, 120), 480, 640)
	b := open(t, example(t, dir), "", 1280, 800)
	b.wait(`document.querySelectorAll('.photo img').length === 3 && !loading`)
	got := js[string](b, `[...document.querySelectorAll('.photo img')].map(i => new URL(i.currentSrc).pathname + ' ' + i.style.scale).join()`)
	if want := "/bars.jpg@base@tag=thumbnail 1.813,/cropped.jpg@base@tag=thumbnail ,/turned.jpg "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A video has its first frame as its tile, and plays in the viewer with its keys. One that this browser doesn't play
// says so.
func TestVideo(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "made.webm")
	clip := made(t, file, "ffmpeg", strings.Fields("-loglevel error -f lavfi -i color=red:size=320x180:rate=10:duration=25 -f lavfi -i sine=440:duration=25 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus "+file)...)
	write(t, filepath.Join(dir, "a.jpg"), scenes[0].jpeg(0))
	write(t, filepath.Join(dir, "clip.webm"), clip)
	write(t, filepath.Join(dir, "old.avi"), []byte("RIFF\x00\x00\x00\x00AVI LIST"))
	b := open(t, example(t, dir), "", 1280, 800, "old.avi")
	b.wait(`document.getElementById('count').textContent === '1 photo · 2 videos'`)
	b.wait(`(c => c && c.width === 320 && [...c.getContext('2d').getImageData(160, 90, 1, 1).data].map(v => v >> 7).join() === '1,0,0,1')(document.querySelector('.photo[href="./clip.webm"] canvas'))`)
	if got := js[string](b, `document.querySelector('.photo[href="./clip.webm"] .marks').innerText`); got != "▶ 0:25" {
		t.Errorf("got %q", got)
	}
	b.click(`.photo[href="./clip.webm"]`)
	const video = `document.querySelector('#shown video')`
	b.wait(video + `?.readyState > 1 && ` + video + `.controls && ` + video + `.paused && !` + video + `.muted`)
	if got := js[string](b, `new URL(document.getElementById('original').href).pathname + ' ' + document.getElementById('pixels').textContent`); got != "/clip.webm 320 × 180, 0:25" {
		t.Errorf("got %s", got)
	}
	b.press(" ")
	b.wait(`!` + video + `.paused`)
	b.press("l")
	b.wait(video + `.currentTime > 9`)
	b.press("j")
	b.wait(video + `.currentTime < 9`)
	b.press("m")
	b.wait(video + `.muted`)
	b.press(" ")
	b.wait(video + `.paused`)
	b.do(chromedp.Evaluate(`window.playing1 = `+video, nil))
	b.press(kb.ArrowRight)
	b.wait(`document.querySelector('.photo[href="./old.avi"] .badge')?.textContent === 'AVInot played by this browser'`)
	b.wait(`document.getElementById('title').textContent === 'old.avi' && document.querySelector('#shown .badge')?.innerText.startsWith('AVI\nnot played by this browser') && !playing1.currentSrc.endsWith('x')`)
	b.closePhoto()
	for _, r := range b.requests {
		if strings.Contains(r, "clip.webm@") || strings.Contains(r, "old.avi@") {
			t.Errorf("a video was asked for its EXIF: %s", r)
		}
	}
}
