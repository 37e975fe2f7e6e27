package caddyexif

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// TestConformanceOverHTTP checks that every file of the corpus gets the same EXIF over HTTP, window by window,
// as the decoder reads from disk. The decoder's own conformance test checks that against ExifTool.
func TestConformanceOverHTTP(t *testing.T) {
	dir := os.Getenv("EXIF_CORPUS")
	if dir == "" {
		t.Skip("EXIF_CORPUS is not set")
	}
	srv := serve(t, `http://files.test:{$PORT} {
	bind 127.0.0.1
	exif {
		window 4KiB
		cache off
	}
	root * `+dir+`
	file_server
}
http://proxy.test:{$PORT} {
	bind 127.0.0.1
	exif
	reverse_proxy {$ADDR} {
		header_up Host files.test
	}
}
`)
	n := 0
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		want, status := "", 200
		m, err := exif.Decode(f, &exif.Options{})
		if err != nil {
			want, status = failureOf(err).code, 400
		} else {
			b, err := m.AppendJSON(nil, &exif.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want = string(b)
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		path := (&url.URL{Path: "/" + filepath.ToSlash(rel)}).EscapedPath()
		for _, site := range []string{"files.test", "proxy.test"} {
			got := srv.exif(site, path)
			if got.status != status || got.body != want && (status == 200 || !strings.Contains(got.body, want)) {
				t.Errorf("%s%s: got %d %.300s, want %d %.300s", site, path, got.status, got.body, status, want)
			}
		}
		n++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files", n)
}
