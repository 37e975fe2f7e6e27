package caddyexif

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/testimage"
	_ "github.com/caddyexif/caddy-exif/s3transport"
)

// TestRedactedFilmsHaveRanges checks that every part of a redacted film is a slice of the whole, from files and from a
// bucket, with and without the cache of plans.
func TestRedactedFilmsHaveRanges(t *testing.T) {
	root := t.TempDir()
	films := map[string][]byte{"first.mp4": testimage.Film(false, 100, 5000, secret), "last.mp4": testimage.Film(true, 100, 5000, secret)}
	for name, b := range films {
		writeFile(t, filepath.Join(root, name), b)
	}
	var mu sync.Mutex
	asked := 0
	bucket := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked++
		mu.Unlock()
		w.Header().Set("Etag", `"of-the-bucket"`)
		http.ServeFile(w, r, root+strings.TrimPrefix(r.URL.Path, "/films"))
	})
	var b strings.Builder
	for name, behind := range map[string]string{
		"files": "root * " + root + "\nfile_server", "bucket": "reverse_proxy " + bucket,
		"store": "reverse_proxy " + bucket + " {\ntransport s3 {\nbucket films\nregion r\naccess_key k\nsecret_key s\n}\n}",
	} {
		for _, cache := range []string{"", "cache off"} {
			fmt.Fprintf(&b, "http://%s%s.test:{$PORT} {\nbind 127.0.0.1\nexif {\nredact\n%s\n}\n%s\n}\n", name, strings.ReplaceAll(cache, " ", ""), cache, behind)
		}
	}
	srv := serve(t, b.String())
	for name, film := range films {
		for _, site := range []string{"files.test", "filescacheoff.test", "bucket.test", "bucketcacheoff.test", "store.test", "storecacheoff.test"} {
			path := "/" + name
			whole := srv.get("GET", site, path)
			if whole.status != 200 || len(whole.body) != len(film) || strings.Contains(whole.body, secret) || strings.Count(whole.body, "frame") != strings.Count(string(film), "frame") {
				t.Fatalf("%s%s: got %d and %d bytes, %d frames, which tell: %v", site, path, whole.status, len(whole.body), strings.Count(whole.body, "frame"), strings.Contains(whole.body, secret))
			}
			tag := whole.header.Get("Etag")
			n := len(film)
			head := srv.get("HEAD", site, path)
			if head.status != 200 || head.header.Get("Content-Length") != fmt.Sprint(n) || head.header.Get("Accept-Ranges") != "bytes" || head.header.Get("Etag") != tag {
				t.Errorf("%s%s: HEAD got %d %v", site, path, head.status, head.header)
			}
			check := func(field string, from, to int, more ...string) {
				t.Helper()
				got := srv.get("GET", site, path, append([]string{"Range", field}, more...)...)
				if got.status != 206 || got.body != whole.body[from:to] || got.header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", from, to-1, n) || got.header.Get("Etag") != tag {
					t.Errorf("%s%s %s: got %d %v and %d bytes", site, path, field, got.status, got.header, len(got.body))
				}
			}
			check("bytes=0-", 0, n)
			check("bytes=0-0", 0, 1)
			check("bytes=-100", n-100, n)
			check(fmt.Sprintf("bytes=%d-", n-1), n-1, n)
			check("bytes=5-1000", 5, 1001, "If-Range", tag)
			for range 50 {
				from := rand.IntN(n)
				to := from + 1 + rand.IntN(min(n-from, 100_000))
				check(fmt.Sprintf("bytes=%d-%d", from, to-1), from, to)
			}
			for _, at := range boundaries(film) {
				for from := max(0, at-1); from <= min(at+1, n-2); from++ {
					check(fmt.Sprintf("bytes=%d-%d", from, from+1), from, from+2)
				}
			}
			if got := srv.get("GET", site, path, "Range", fmt.Sprintf("bytes=%d-", n)); got.status != http.StatusRequestedRangeNotSatisfiable {
				t.Errorf("%s%s: got %d for a range after the end", site, path, got.status)
			}
			for _, header := range [][]string{
				{"Range", "bytes=5-1000", "If-Range", `"of-the-bucket"`},
				{"Range", "bytes=5-1000", "If-Range", "Mon, 02 Jan 2006 15:04:05 GMT"},
				{"Range", "bytes=0-10,100-200"},
			} {
				if got := srv.get("GET", site, path, header...); got.status == 206 && strings.Contains(got.body, secret) || got.status == 200 && got.body != whole.body {
					t.Errorf("%s%s %v: got %d and %d bytes", site, path, header, got.status, len(got.body))
				}
			}
			if got := srv.get("GET", site, path, "If-None-Match", tag); got.status != http.StatusNotModified {
				t.Errorf("%s%s: got %d for its own tag", site, path, got.status)
			}
		}
	}
	before := asked
	srv.get("GET", "bucket.test", "/last.mp4", "Range", "bytes=1000-2000")
	if asked-before != 1 {
		t.Errorf("a seek costs %d sub-requests, want 1", asked-before)
	}
	before = asked
	srv.get("GET", "bucketcacheoff.test", "/last.mp4")
	if asked-before > 4 {
		t.Errorf("a film with its index at the end costs %d sub-requests, want at most 4", asked-before)
	}
	t.Log("sub-requests of a film with its index at the end:", asked-before)

	var seekers sync.WaitGroup
	whole := srv.get("GET", "bucket.test", "/last.mp4").body
	for range 100 {
		seekers.Go(func() {
			for range 3 {
				from := rand.IntN(len(whole) - 1000)
				if got := srv.get("GET", "bucket.test", "/last.mp4", "Range", fmt.Sprintf("bytes=%d-%d", from, from+999)); got.body != whole[from:from+1000] {
					t.Errorf("from %d on: got %d and %d bytes", from, got.status, len(got.body))
				}
			}
		})
	}
	seekers.Wait()
}

// boundaries returns where the parts of a film begin: its boxes, the first frames, and what is between them.
func boundaries(film []byte) (at []int) {
	for _, name := range []string{"ftyp", "moov", "udta", "hdlr", "stsd", "stco", "mdat", secret, "frame"} {
		from := 0
		for range 3 {
			i := bytes.Index(film[from:], []byte(name))
			if i < 0 {
				break
			}
			from += i + len(name)
			at = append(at, from-len(name)-4, from-len(name), from)
		}
	}
	return at
}

// TestFilmsOfPoorUpstreams checks that a film tells nothing, whole or in part, whatever its upstream makes of ranges and
// entity tags.
func TestFilmsOfPoorUpstreams(t *testing.T) {
	films := map[string][]byte{"/first.mp4": testimage.Film(false, 100, 5000, secret), "/last.mp4": testimage.Film(true, 100, 5000, secret)}
	modified := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	serveContent := func(tag string, modified time.Time) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if tag != "" {
				w.Header().Set("Etag", tag)
			}
			http.ServeContent(w, r, r.URL.Path, modified, bytes.NewReader(films[r.URL.Path]))
		}
	}
	ignoring := func(tag string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if tag != "" {
				w.Header().Set("Etag", tag)
			}
			w.Header().Set("Content-Type", "video/mp4")
			_, _ = w.Write(films[r.URL.Path])
		}
	}
	for _, x := range []struct {
		name     string
		upstream http.HandlerFunc
		ranges   bool   // are honoured
		sent     string // the films that can be sent
	}{
		{"no tag", serveContent("", modified), true, "/first.mp4 /last.mp4"},
		{"a weak tag", serveContent(`W/"w"`, modified), true, "/first.mp4 /last.mp4"},
		{"neither tag nor date", serveContent("", time.Time{}), false, "/first.mp4"},
		{"ranges are ignored", ignoring(`"x"`), false, "/first.mp4 /last.mp4"},
		{"neither, nor a length", ignoring(""), false, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			srv := serve(t, "http://films.test:{$PORT} {\nbind 127.0.0.1\nexif {\nredact\n}\nreverse_proxy "+upstream(t, x.upstream)+"\n}\n")
			for path, film := range films {
				whole := srv.get("GET", "films.test", path)
				if strings.Contains(whole.body, secret) {
					t.Fatalf("%s tells", path)
				}
				if !strings.Contains(x.sent, path) {
					if whole.status != http.StatusForbidden {
						t.Errorf("%s: got %d, want 403", path, whole.status)
					}
				} else if whole.status != 200 || len(whole.body) != len(film) || strings.Count(whole.body, "frame") != strings.Count(string(film), "frame") {
					t.Errorf("%s: got %d and %d bytes", path, whole.status, len(whole.body))
				}
				for _, field := range []string{"bytes=0-0", "bytes=100-5100", "bytes=-100", "bytes=200000-", "bytes=0-10,50-60", "bytes=9999999-"} {
					got := srv.get("GET", "films.test", path, "Range", field)
					start, _, _, err := object.ParseContentRange(got.header.Get("Content-Range"))
					switch {
					case strings.Contains(got.body, secret):
						t.Errorf("%s %s tells", path, field)
					case got.status == 206 && (err != nil || whole.status == 200 && got.body != whole.body[start:int(start)+len(got.body)]):
						t.Errorf("%s %s: got another part, %v", path, field, got.header)
					case got.status == 200 && got.body != whole.body, got.status == 206 && !x.ranges:
						t.Errorf("%s %s: got %d and %d bytes", path, field, got.status, len(got.body))
					case got.status != 206 && x.ranges && !strings.Contains(field, ",") && !strings.HasPrefix(field, "bytes=9"):
						t.Errorf("%s %s: got %d", path, field, got.status)
					}
				}
			}
		})
	}
}

// TestMetricsCountFilms checks that films are counted by their format, as photos are.
func TestMetricsCountFilms(t *testing.T) {
	root := t.TempDir()
	film := testimage.Film(false, 10, 500, secret)
	writeFile(t, filepath.Join(root, "a.mp4"), film)
	writeFile(t, filepath.Join(root, "b.mp4"), bytes.Replace(film, []byte("avc1\x00\x00\x00\x00\x00"), []byte("what\x00\x00\x00\x00\x00"), 1))
	writeFile(t, filepath.Join(root, "c.flv"), []byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00 and more than thirty-two bytes"))
	srv := serve(t, "http://films.test:{$PORT} {\nbind 127.0.0.1\nexif {\nredact\n}\nroot * "+root+"\nfile_server\nmetrics /metrics\n}\n")
	for path, want := range map[string]int{"/a.mp4": 200, "/b.mp4": 403, "/c.flv": 403} {
		if got := srv.get("GET", "films.test", path); got.status != want {
			t.Errorf("%s: got %d, want %d", path, got.status, want)
		}
	}
	metrics := srv.get("GET", "films.test", "/metrics").body
	for _, line := range []string{`caddy_exif_redacted_total{format="mp4"} 1`, `caddy_exif_redact_refused_total{format="mp4"} 1`, `caddy_exif_redact_refused_total{format="flv"} 1`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no %s", line)
		}
	}
}
