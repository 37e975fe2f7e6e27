package browser

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// grainy returns the scene with the grain of a sensor, which makes files as large as cameras' files.
func grainy(m *image.RGBA, times, grain int, quality int) []byte {
	w, h := m.Rect.Dx()*times, m.Rect.Dy()*times
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	rng := rand.New(rand.NewPCG(1, uint64(w)))
	for y := range h {
		for x := range w {
			c := m.RGBAAt(x/times, y/times)
			n := rng.IntN(2*grain+1) - grain
			for _, v := range []*uint8{&c.R, &c.G, &c.B} {
				*v = uint8(max(0, min(255, int(*v)+n)))
			}
			out.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, out, &jpeg.Options{Quality: quality}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// writeMany fills a folder with n photos of about a megabyte. Four of five have a thumbnail of 8 KB. Photos of
// the same scene are links to one file.
func writeMany(t *testing.T, dir string, n int) (large int64, thumbed int64) {
	t.Helper()
	var files [][2]string
	for i := range scenes[:8] {
		s := &scenes[i]
		photo := grainy(s.paint(720, 480), 3, 11, 90)
		thumb := image.NewRGBA(image.Rect(0, 0, 160, 120))
		draw.Draw(thumb, thumb.Rect, image.Black, image.Point{}, draw.Src)
		draw.Draw(thumb, image.Rect(0, 7, 160, 113), s.paint(160, 106), image.Point{}, draw.Src)
		var pair [2]string
		for k := range pair {
			b := s.block(1, 2160, 1440)
			if k == 1 {
				b.SetThumbnail(grainy(thumb, 1, 11, 90))
			}
			data := append([]byte{0xFF, 0xD8}, testimage.EXIFSegment(b.Encode())...)
			pair[k] = filepath.Join(dir, "..", fmt.Sprintf("%d-%d.jpg", i, k))
			write(t, pair[k], append(data, photo[2:]...))
		}
		files = append(files, pair)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		k := min(i%5, 1) // the first of five has no thumbnail
		file := files[i%len(files)][k]
		if err := os.Link(file, filepath.Join(dir, fmt.Sprintf("photo %04d.jpg", i))); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		large += info.Size()
		thumbed += info.Size() * int64(k)
	}
	return large, thumbed
}

// meter counts the received bytes, by the kind of request.
type meter struct {
	mu     sync.Mutex
	kinds  map[network.RequestID]string
	sizes  map[string]float64
	counts map[string]int
}

func (m *meter) listen(event any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		kind := "page"
		if _, operation, ok := strings.Cut(e.Request.URL, "@base@tag="); ok {
			kind, _, _ = strings.Cut(operation, "?")
		} else if strings.HasSuffix(e.Request.URL, ".jpg") {
			kind = "original"
		}
		m.kinds[e.RequestID] = kind
		m.counts[kind]++
	case *network.EventLoadingFinished:
		m.sizes[m.kinds[e.RequestID]] += e.EncodedDataLength
	}
}

// sum returns the bytes of these kinds of requests, "" for all.
func (m *meter) sum(kinds ...string) (sum float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for kind, n := range m.sizes {
		if kinds[0] == "" || slices.Contains(kinds, kind) {
			sum += n
		}
	}
	return sum
}

// count returns the number of requests of a kind.
func (m *meter) count(kind string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts[kind]
}

const inSight = `(all => all.length > 0 && all.every(p => (i => i && (i.width || i.complete && i.naturalWidth))(p.querySelector('img, canvas'))))(
	[...document.querySelectorAll('.photo')].filter(p => (r => r.bottom > 0 && r.top < innerHeight)(p.getBoundingClientRect())))`

// frames starts to scroll through the grid and to measure the time between frames, until stop is true; window.frames are
// then the milliseconds, sorted.
const frames = `{
	window.frames = null;
	const times = [], start = performance.now();
	let before = start, down = 1;
	const frame = now => {
		times.push(now - before);
		before = now;
		const y = scrollY;
		scrollBy(0, 24 * down);
		if (scrollY === y) down = -down;
		if (now - start < LEAST || !(STOP)) requestAnimationFrame(frame);
		else window.frames = times.slice(2).sort((a, b) => a - b);
	};
	requestAnimationFrame(frame);
}`

// measured returns the median, the 99th percentile and the longest of the frames' times.
func (b *tab) measured(stop, least string) string {
	b.do(chromedp.Evaluate(strings.NewReplacer("STOP", stop, "LEAST", least).Replace(frames), nil))
	for !js[bool](b, `window.frames !== null`) {
		time.Sleep(100 * time.Millisecond)
	}
	return js[string](b, `[.5, .99, 1].map(p => frames[Math.ceil(p * frames.length) - 1].toFixed(1)).join(', ') + ' ms of ' + frames.length`)
}

// TestFigures prints what the gallery costs: E2E_PHOTOS=295,3000,20000 prints the figures of docs/gallery.md. It fails
// if photos with a thumbnail take more than 1/50 of their size.
func TestFigures(t *testing.T) {
	numbers := os.Getenv("E2E_PHOTOS")
	if numbers == "" {
		numbers = "40"
	}
	tabTime = time.Hour
	defer func() { tabTime = 2 * time.Minute }()
	for _, number := range strings.Split(numbers, ",") {
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "photos")
		large, thumbed := writeMany(t, dir, n)
		say := func(format string, values ...any) {
			fmt.Printf("gallery: %d photos: %s\n", n, fmt.Sprintf(format, values...))
		}
		base := example(t, dir)
		site := func() (*tab, *meter, func() float64) {
			b := open(t, "about:blank", "", 1440, 900)
			b.base = base
			m := &meter{kinds: map[network.RequestID]string{}, sizes: map[string]float64{}, counts: map[string]int{}}
			chromedp.ListenTarget(b.ctx, m.listen)
			b.do(network.ClearBrowserCache())
			start := time.Now()
			return b, m, func() float64 { return time.Since(start).Seconds() }
		}

		// the time that the page itself takes, without a slow network
		b, _, seconds := site()
		b.do(chromedp.Navigate(base))
		b.wait(inSight)
		say("first tiles after %.2f s", seconds())
		say("frames while it reads: median, 99 %%, longest %s", b.measured(gathered, "1000"))
		say("everything is read after %.1f s", seconds())
		say("frames afterwards: %s", b.measured("true", "4000"))
		b.do(chromedp.Evaluate(`scrollTo(0, document.body.scrollHeight / 2)`, nil))
		b.wait(inSight)
		say("a photo opens in %.0f ms", js[float64](b, `(async () => {
			const photo = [...document.querySelectorAll('.photo')].find(p => p.getBoundingClientRect().top > 100), start = performance.now();
			photo.click();
			while (![...document.querySelectorAll('#shown img')].some(i => i.complete && i.naturalWidth)) await new Promise(requestAnimationFrame);
			return performance.now() - start;
		})()`))
		b.closePhoto()
		say("a search takes %.0f ms", js[float64](b, `(start => { change({ q: 'dusk' }); return performance.now() - start; })(performance.now())`))
		b.do(chromedp.Navigate("about:blank"))

		b, _, seconds = site()
		b.do(chromedp.Navigate(base + "?sort=time&order=desc"))
		b.wait(inSight)
		first := seconds()
		for !js[bool](b, gathered) {
			time.Sleep(50 * time.Millisecond)
		}
		say("by date: first tiles after %.2f s, in the order of %s", first, js[string](b, `dated ? 'the dates taken' : 'the files, until a button is pressed'`))
		b.do(chromedp.Navigate("about:blank"))

		// its bytes, and its time at 20 Mbit/s
		b, m, seconds := site()
		b.do(slow(20, 20e6/8), chromedp.Navigate(base))
		b.wait(inSight)
		pictures := []string{"page", "thumbnail", "original"}
		say("at 20 Mbit/s the first screen takes %.1f s: %.2f MB of pictures and page, %.2f MB in all", seconds(), m.sum(pictures...)/1e6, m.sum("")/1e6)
		if n > 300 {
			b.do(network.EmulateNetworkConditions(false, 0, -1, -1))
		}
		for !js[bool](b, gathered) {
			time.Sleep(100 * time.Millisecond)
		}
		say("EXIF of all %.2f MB by %d requests, sizes %.2f MB by %d, IPTC %.2f MB by %d, after %.1f s",
			m.sum("exif")/1e6, m.count("exif"), m.sum("imageInfo")/1e6, m.count("imageInfo"), m.sum("iptc")/1e6, m.count("iptc"), seconds())
		if n > 300 {
			continue // the pictures of all are a known number of bytes
		}
		// like a user: scroll on once all pictures in view are loaded
		for !js[bool](b, `(before => { scrollBy(0, innerHeight * .9); return scrollY === before; })(scrollY)`) {
			b.wait(inSight)
		}
		say("the whole grid: %.1f MB, %.1f s (thumbnails %.2f MB, originals %.1f of %.1f MB)",
			m.sum("")/1e6, seconds(), m.sum("thumbnail")/1e6, m.sum("original")/1e6, float64(large)/1e6)
		ratio := float64(thumbed) / m.sum("thumbnail", "imageInfo")
		say("those with a thumbnail cost 1/%.0f of themselves", ratio)
		if ratio < 50 {
			t.Errorf("photos with a thumbnail cost 1/%.0f of themselves, want 1/50", ratio)
		}
	}
}
