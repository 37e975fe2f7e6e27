package caddyexif

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
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
		http.ServeFile(w, r, root+r.URL.Path)
	})
	var b strings.Builder
	for name, behind := range map[string]string{"files": "root * " + root + "\nfile_server", "bucket": "reverse_proxy " + bucket} {
		for _, cache := range []string{"", "cache off"} {
			fmt.Fprintf(&b, "http://%s%s.test:{$PORT} {\nbind 127.0.0.1\nexif {\nredact\n%s\n}\n%s\n}\n", name, strings.ReplaceAll(cache, " ", ""), cache, behind)
		}
	}
	srv := serve(t, b.String())
	for name, film := range films {
		for _, site := range []string{"files.test", "filescacheoff.test", "bucket.test", "bucketcacheoff.test"} {
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
