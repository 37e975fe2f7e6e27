package caddyexif

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// sink is a ResponseWriter that discards the body and counts its bytes.
type sink struct {
	header http.Header
	status int
	n      int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.n += len(p); return len(p), nil }

// BenchmarkHandler runs the whole handler before files on disk, served as file_server does: opened,
// checked for their modification time, tagged, and sent by http.ServeContent. "passed on" is a request
// without the suffix to handlers that do nothing, so it is the handler's overhead for all other requests.
func BenchmarkHandler(b *testing.B) {
	photo := append(testimage.Samples()["photo.jpg"], make([]byte, 4<<20)...)
	name := filepath.Join(b.TempDir(), "photo.jpg")
	if err := os.WriteFile(name, photo, 0o600); err != nil {
		b.Fatal(err)
	}
	files := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		f, err := os.Open(name)
		if err != nil {
			return caddyhttp.Error(http.StatusNotFound, err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		w.Header().Set("Etag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
		http.ServeContent(w, r, r.URL.Path, info.ModTime(), f)
		return nil
	})
	nothing := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	for _, test := range []struct {
		name, path string
		cache      int64
		next       caddyhttp.Handler
		want       string
	}{
		{"cache on", "/photo.jpg" + suffix, 0, files, `"Make":"caddy-exif"`},
		{"cache off", "/photo.jpg" + suffix, -1, files, `"Make":"caddy-exif"`},
		{"passed on", "/photo.jpg", -1, nothing, ""},
	} {
		b.Run(test.name, func(b *testing.B) {
			ctx, cancel := caddy.NewContext(caddy.Context{Context: b.Context()})
			defer cancel()
			h := &Handler{Cache: test.cache}
			if err := h.Provision(ctx); err != nil {
				b.Fatal(err)
			}
			request := func(w http.ResponseWriter) *http.Request {
				r := httptest.NewRequest(http.MethodGet, test.path, nil)
				return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil)
			}
			rec := httptest.NewRecorder()
			if err := h.ServeHTTP(rec, request(rec), test.next); err != nil {
				b.Fatal(err)
			}
			if got := rec.Body.String(); rec.Code != http.StatusOK || !strings.Contains(got, test.want) {
				b.Fatalf("got %d %s", rec.Code, got)
			}
			w := &sink{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				w.status, w.n = 0, 0
				// each request with its own replacer, to which the handler adds its placeholders
				if err := h.ServeHTTP(w, request(w), test.next); err != nil {
					b.Fatal(err)
				}
				if test.want != "" && (w.status != http.StatusOK || w.n != rec.Body.Len()) {
					b.Fatalf("got %d, %d bytes", w.status, w.n)
				}
			}
		})
	}
}
