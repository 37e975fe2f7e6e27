package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// Captions come from the photos, by one request for the folder's EXIF and one for its sizes, and so they do on a page
// of another origin. Images have their size before they are loaded.
func TestCaptions(t *testing.T) {
	photos, page := t.TempDir(), t.TempDir()
	m := testimage.Gradient(64, 48)
	write(t, filepath.Join(photos, "a b.jpg"), testimage.Samples()["photo.jpg"])
	write(t, filepath.Join(photos, "plain.jpg"), testimage.JPEG(m))
	write(t, filepath.Join(photos, "notes.txt"), []byte("notes"))
	script, err := filepath.Abs("../../examples/captions/captions.js")
	if err != nil {
		t.Fatal(err)
	}
	example, err := filepath.Abs("../../examples/captions/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(page, "captions.js"), text)
	figure := func(src string) string {
		return `<figure><img src="` + src + `" loading="lazy" alt=""><figcaption><photo-caption></photo-caption></figcaption></figure>`
	}
	html := func(base string) []byte {
		return []byte(`<!DOCTYPE html><meta charset="utf-8"><title>t</title><link rel="icon" href="data:,"><script type="module" src="captions.js"></script>` +
			figure(base+"a%20b.jpg") + figure(base+"plain.jpg") + `<photo-caption src="` + base + `a%20b.jpg"></photo-caption>`)
	}
	write(t, filepath.Join(page, "index.html"), html("photos/"))
	port, _ := serve(t, "", []string{"LISTEN=:%d", "PHOTOS=" + photos, "PAGE=" + page, "APP=http://localhost:%d"}, "run", "--config", example)
	for _, base := range []string{"photos/", "http://127.0.0.1:" + port + "/photos/"} {
		write(t, filepath.Join(page, "index.html"), html(base))
		b := open(t, "http://", "localhost:"+port+"/", 800, 600)
		b.wait(`document.querySelectorAll('photo-caption')[2].textContent && document.querySelectorAll('img')[1].hasAttribute('width')`)
		got := js[[]string](b, `[...document.querySelectorAll('photo-caption')].map(c => c.textContent)`)
		if want := "1/125 s · f/2.8 · 4.3 mm · ISO 200||1/125 s · f/2.8 · 4.3 mm · ISO 200"; strings.Join(got, "|") != want {
			t.Errorf("got captions %q, want %q", strings.Join(got, "|"), want)
		}
		size := js[[]string](b, `[...document.querySelectorAll('img')].map(i => i.getAttribute('width') + 'x' + i.getAttribute('height'))`)
		if strings.Join(size, " ") != "48x64 64x48" { // photo.jpg is turned
			t.Errorf("got sizes %q", size)
		}
		if n := js[int](b, `performance.getEntriesByType('resource').filter(e => e.name.includes('@base@tag=')).length`); n != 2 {
			t.Errorf("got %d requests, want 2", n)
		}
	}
}
