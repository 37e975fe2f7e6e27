package caddyexif

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// server is a Caddy with shorthands for the requests of these tests.
type server struct{ *testcaddy.Server }

// serve runs a Caddyfile. In it, {$ADDR} stands for the address of its sites and {$PORT} for its port.
func serve(t testing.TB, caddyfile string) *server {
	t.Helper()
	return serveWith(t, "", caddyfile)
}

// serveWith is serve with global options.
func serveWith(t testing.TB, options, caddyfile string) *server {
	t.Helper()
	return &server{testcaddy.Start(t, withOperations(caddyfile), testcaddy.Global(options))}
}

// bareExif matches an exif directive whose block has no operations.
var bareExif = regexp.MustCompile(`(?m)^[ \t]*exif( \{\n|$)`)

// withOperations enables all operations in the exif directives of a Caddyfile.
func withOperations(caddyfile string) string {
	return bareExif.ReplaceAllStringFunc(caddyfile, func(line string) string {
		if strings.HasSuffix(line, "{\n") {
			return line + "\toperations " + strings.Join(operationWords(), " ") + "\n"
		}
		return line + " {\n\toperations " + strings.Join(operationWords(), " ") + "\n}"
	})
}

// with returns the same server for a subtest.
func (s *server) with(t testing.TB) *server { return &server{s.With(t)} }

// reply is a response as the client received it.
type reply struct {
	status int
	header http.Header
	body   string
}

// get sends a request to the named site, with path unchanged. header has pairs of names and values.
func (s *server) get(method, site, path string, header ...string) reply {
	r := s.Do(method, site, path, header...)
	return reply{r.Status, r.Header, r.Body}
}

// exif asks for the EXIF of an object.
func (s *server) exif(site, object string, header ...string) reply {
	return s.get(http.MethodGet, site, object+suffix, header...)
}

// samples returns a folder with the samples of testdata, some of them in subfolders, and with files that
// aren't images.
func samples(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, b []byte) {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := testimage.Samples()
	photo := iphone()
	s["iphone-4s.jpg"] = photo
	for name, b := range s {
		write(name, b)
	}
	for _, name := range []string{
		"private/a.jpg", "team/a.jpg", "hidden/a.jpg", "a b+c%&@ü.jpg", "x.raw.jpg", "dir.jpg/inner.jpg", "sub/dir/a.jpg",
	} {
		write(name, photo)
	}
	write("text.jpg", []byte("no image, whatever its name says"))
	write("empty.jpg", nil)
	write("index.html", []byte("<html>index</html>"))
	return dir
}

// countingFS is a Caddy filesystem that counts the bytes read from it.
type countingFS struct {
	// The folder that it serves.
	Root string `json:"root,omitempty"`

	fs.StatFS `json:"-"`
}

var bytesRead atomic.Int64

func init() { caddy.RegisterModule(countingFS{}) }

func (countingFS) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.fs.counting_test", New: func() caddy.Module { return new(countingFS) }}
}

// UnmarshalCaddyfile parses one argument, the root.
func (c *countingFS) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		for d.NextBlock(0) {
			if !d.AllArgs(&c.Root) {
				return d.ArgErr()
			}
		}
	}
	return nil
}

func (c *countingFS) Provision(caddy.Context) error {
	statFS, ok := os.DirFS(c.Root).(fs.StatFS)
	if !ok {
		return errors.New("no StatFS")
	}
	c.StatFS = statFS
	return nil
}

func (c *countingFS) Open(name string) (fs.File, error) {
	f, err := c.StatFS.Open(name)
	if err != nil {
		return nil, err
	}
	return countingFile{f.(*os.File)}, nil //nolint:forcetypeassert // os.DirFS opens nothing else
}

type countingFile struct{ *os.File }

func (f countingFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	bytesRead.Add(int64(n))
	return n, err
}

// WriteTo hides the WriteTo of os.File, which doesn't call Read.
func (f countingFile) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{f})
}

// upstream starts a server for the test and returns its address.
func upstream(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go srv.Serve(l)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			srv.Close()
		}
	})
	return l.Addr().String()
}

func writeFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
