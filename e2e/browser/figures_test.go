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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
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
	mu    sync.Mutex
	kinds map[network.RequestID]string
	sizes map[string]float64
}

func (m *meter) listen(event any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		kind := "page"
		if _, operation, ok := strings.Cut(e.Request.URL, "@base@tag="); ok {
			kind = operation
		} else if strings.HasSuffix(e.Request.URL, ".jpg") {
			kind = "original"
		}
		m.kinds[e.RequestID] = kind
	case *network.EventLoadingFinished:
		m.sizes[m.kinds[e.RequestID]] += e.EncodedDataLength
	}
}

func (m *meter) sum(kinds ...string) (sum float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for kind, n := range m.sizes {
		for _, k := range kinds {
			if kind == k {
				sum += n
			}
		}
	}
	return sum
}

const inSight = `(all => all.length > 0 && all.every(p => (i => i && i.complete && i.naturalWidth)(p.querySelector('img'))))(
	[...document.querySelectorAll('.photo')].filter(p => (r => r.bottom > 0 && r.top < innerHeight)(p.getBoundingClientRect())))`

// TestFigures compares the bytes and the time of the grid at 20 Mbit/s with those of the originals:
// E2E_PHOTOS=295 prints the figures of docs/gallery.md. It fails if photos with a thumbnail take more than
// 1/50 of their size.
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
		for _, operations := range []string{"exif imageInfo thumbnail preview", "exif imageInfo"} {
			base, _ := caddyfile(t, dir, "http://:{$PORT} {\nexif {\noperations "+operations+"\nvalues described\n}\nencode\nroot * \"ROOT\"\nfile_server {\nbrowse \"GALLERY\"\n}\n}")
			b := open(t, "about:blank", "", 1440, 900)
			b.base = base
			m := &meter{kinds: map[network.RequestID]string{}, sizes: map[string]float64{}}
			chromedp.ListenTarget(b.ctx, m.listen)
			b.do(slow(20, 20e6/8))
			all := []string{"page", "thumbnail", "imageInfo", "original"}
			start := time.Now()
			seconds := func() float64 { return time.Since(start).Seconds() }
			mode := "thumbnails"
			if operations == "exif imageInfo" {
				mode = "originals"
			}
			b.do(chromedp.Navigate(base))
			b.wait(inSight)
			fmt.Printf("gallery: %d photos, %s: first screen %.2f MB, %.1f s\n", n, mode, m.sum(all...)/1e6, seconds())
			if mode == "originals" && n > 300 {
				continue // it takes 20 minutes, for a known number of bytes
			}
			// like a user: scroll on once all pictures in view are loaded
			for !js[bool](b, `(before => { scrollBy(0, innerHeight * .9); return scrollY === before; })(scrollY)`) {
				b.wait(inSight)
			}
			b.wait(fmt.Sprintf(`document.querySelectorAll('.photo img').length === %d && [...document.querySelectorAll('.photo img')].every(i => i.complete)`, n))
			fmt.Printf("gallery: %d photos, %s: whole grid %.1f MB, %.1f s (page %.2f, thumbnails %.2f, sizes %.2f, originals %.1f of %.1f MB)\n",
				n, mode, m.sum(all...)/1e6, seconds(), m.sum("page")/1e6, m.sum("thumbnail")/1e6, m.sum("imageInfo")/1e6, m.sum("original")/1e6, float64(large)/1e6)
			if mode == "originals" {
				continue
			}
			ratio := float64(thumbed) / m.sum("thumbnail", "imageInfo")
			fmt.Printf("gallery: %d photos: those with a thumbnail cost 1/%.0f of themselves\n", n, ratio)
			if ratio < 50 {
				t.Errorf("photos with a thumbnail cost 1/%.0f of themselves, want 1/50", ratio)
			}
			for !js[bool](b, gathered) {
				time.Sleep(100 * time.Millisecond)
			}
			fmt.Printf("gallery: %d photos: EXIF of all %.2f MB, after %.1f s\n", n, m.sum(strings.TrimPrefix(local.Suffix, "@base@tag="))/1e6, seconds())
		}
	}
}
