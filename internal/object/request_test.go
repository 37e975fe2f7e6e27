package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const suffix = "@about"

func strip(path string) (string, bool) { return strings.CutSuffix(path, suffix) }

// client returns a request as Caddy passes it to its handlers.
func client(t testing.TB, method, target string, header ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), nil)
}

// content returns a handler that serves b with that entity tag.
func content(tag string, b []byte) caddyhttp.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if tag != "" {
			w.Header().Set("Etag", tag)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
		return nil
	}
}

// TestEscapesOfObjectStay checks that the client's percent-encoding is kept: stores sign it.
func TestEscapesOfObjectStay(t *testing.T) {
	for in, want := range map[string]string{
		"/a.jpg" + suffix:                   "/a.jpg",
		"/a%20b.jpg" + suffix:               "/a%20b.jpg",
		"/a%2Fb.jpg" + suffix:               "/a%2Fb.jpg",
		"/a%2fb%40c.jpg%40about":            "/a%2fb%40c.jpg",
		"/a@b.jpg%40about":                  "/a@b.jpg",
		"/%E5%86%99.jpg" + suffix:           "/%E5%86%99.jpg",
		"/a+b%2Bc&d;e.jpg" + suffix:         "/a+b%2Bc&d;e.jpg",
		"/100%25.jpg" + suffix + "?a=b":     "/100%25.jpg?a=b",
		"/a%2Fb.jpg" + suffix + "?x=%2F%40": "/a%2Fb.jpg?x=%2F%40",
	} {
		u, err := url.ParseRequestURI(in)
		if err != nil {
			t.Fatal(err)
		}
		object, _ := strip(u.Path)
		CutPath(u, object)
		if got := u.RequestURI(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// TestRawPathOfAnotherPath has a handler before exif change Path but not RawPath, which once made setPath panic.
func TestRawPathOfAnotherPath(t *testing.T) {
	for _, u := range []url.URL{
		{Path: "/a-much-longer-path.jpg", RawPath: "/%61"},
		{Path: "/a.jpg", RawPath: "/%6"},
		{Path: "/a.jpg", RawPath: "%"},
		{Path: "/a.jpg", RawPath: "/b.jpg" + suffix},
		{Path: "/a%.jpg", RawPath: "/a%.jpg"},
	} {
		was := u
		CutPath(&u, u.Path)
		if u.Path != was.Path || u.EscapedPath() != (&url.URL{Path: was.Path}).EscapedPath() {
			t.Errorf("%q with raw path %q: got %q", was.Path, was.RawPath, u.EscapedPath())
		}
	}
}

// TestRequestIsRestored has handlers change everything in a request that they can.
func TestRequestIsRestored(t *testing.T) {
	r := client(t, http.MethodHead, "http://h.test/dir/a%20b.jpg%40about?q=1", "X-One", "1", "X-One", "2", "If-Match", `"x"`, "Range", "bytes=5-")
	groups := map[string]struct{}{"before": {}}
	r = r.WithContext(context.WithValue(r.Context(), caddy.CtxKey("route_group"), groups))
	r.ContentLength = 7
	header := r.Header
	want := fmt.Sprint(r.Method, r.URL, r.RequestURI, r.Host, r.Header, r.ContentLength)
	wantHeader, wantURL := r.Header.Clone(), *r.URL
	ctx := r.Context()

	runs := 0
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		runs++
		if r.Method != http.MethodGet || r.RequestURI != "/dir/a%20b.jpg?q=1" || r.URL.Path != "/dir/a b.jpg" || r.ContentLength != 0 {
			t.Errorf("run %d: got %s %s, %s, %d", runs, r.Method, r.RequestURI, r.URL.Path, r.ContentLength)
		}
		if got := fmt.Sprint(r.Header["X-One"], r.Header["Accept-Encoding"], r.Header["If-Match"], len(r.Header["Range"])); got != "[1 2] [identity] [] 1" {
			t.Errorf("run %d: got header %s", runs, got)
		}
		if len(groups) != 1 {
			t.Errorf("run %d: got route groups %v", runs, groups)
		}
		groups["run"] = struct{}{}
		r.Header["X-One"][0] = "changed"
		r.Header.Set("X-New", "1")
		r.Header.Del("Accept-Encoding")
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.Host, r.RequestURI = "/else", "", "x", "else.test", "/else?x"
		return content("", make([]byte, 1<<20))(w, r)
	})
	var o Object
	o.Start(r, next, strip, Limits{Window: 10, Read: 1 << 20})
	if err := o.Open(Condition{}, func(r *http.Request, status int, _ http.Header) error {
		got := strings.TrimSpace(fmt.Sprintln(status, r.Method, r.URL, r.RequestURI, r.Host, r.Header))
		want := "206 HEAD http://h.test/dir/a%20b.jpg?q=1 /dir/a%20b.jpg?q=1 h.test map[If-Match:[\"x\"] Range:[bytes=5-] X-New:[1] X-One:[changed 2]]"
		if got != want {
			t.Errorf("permit: got  %s\nwant %s", got, want)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := (Left{Host: "else.test", Path: "/else", Query: "x"}); o.Left != want {
		t.Errorf("left: got %+v, want %+v", o.Left, want)
	}
	if _, err := o.ReadAt(make([]byte, 1), 1<<19); err != nil || runs != 2 {
		t.Errorf("got %v after %d runs", err, runs)
	}
	o.Close()
	if got := fmt.Sprint(r.Method, r.URL, r.RequestURI, r.Host, r.Header, r.ContentLength); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if !maps.Equal(groups, map[string]struct{}{"before": {}}) {
		t.Errorf("got route groups %v", groups)
	}
	if !reflect.DeepEqual(r.Header, wantHeader) || *r.URL != wantURL || r.Context() != ctx {
		t.Errorf("got %v %v", r.Header, r.URL)
	}
	header.Set("X-Same", "1")
	if r.Header.Get("X-Same") == "" {
		t.Error("the header is another map than it was")
	}
}

// TestLeftTellsUserAndRoot checks what Left reports: requests that differ in it must not share a cached response.
func TestLeftTellsUserAndRoot(t *testing.T) {
	r := client(t, http.MethodGet, "/a%2Fb.jpg"+suffix)
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer).Set("http.auth.user.id", "alice")
		caddyhttp.SetVar(r.Context(), "root", "/srv/alice")
		caddyhttp.SetVar(r.Context(), "fs", "photos")
		return content("", []byte("x"))(w, r)
	})
	var o Object
	o.Start(r, next, strip, Limits{Window: 10, Read: 10})
	defer o.Close()
	if err := o.Open(Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	want := Left{Host: "example.com", Path: "/a/b.jpg", RawPath: "/a%2Fb.jpg", User: "alice", Root: "/srv/alice", FS: "photos"}
	if o.Left != want {
		t.Errorf("got %+v, want %+v", o.Left, want)
	}
}

// TestPermitComesFirst checks that if permit denies, nothing can be read, whatever the response.
func TestPermitComesFirst(t *testing.T) {
	denied := errors.New("denied")
	for name, next := range map[string]caddyhttp.HandlerFunc{
		"there":   content(`"1"`, []byte("secret")),
		"missing": func(http.ResponseWriter, *http.Request) error { return nil },
		"error":   func(http.ResponseWriter, *http.Request) error { return caddyhttp.Error(404, io.ErrUnexpectedEOF) },
		"encoded": func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Encoding", "gzip")
			_, err := w.Write([]byte("secret"))
			return err
		},
		"unusable": func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Range", "nonsense")
			w.WriteHeader(206)
			return nil
		},
		"broken": func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(200); panic(http.ErrAbortHandler) },
	} {
		var o Object
		o.Start(client(t, http.MethodGet, "/a"+suffix), next, strip, Limits{Window: 10, Read: 100})
		if err := o.Open(Condition{}, func(*http.Request, int, http.Header) error { return denied }); !errors.Is(err, denied) {
			t.Errorf("%s: got %v", name, err)
		}
		if o.Header != nil || o.windowAt(0) != nil {
			t.Errorf("%s: something is left", name)
		}
		o.Close()
	}
}

// TestLimits checks the limits of sub-requests and bytes.
func TestLimits(t *testing.T) {
	runs := 0
	b := make([]byte, 1<<20)
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		runs++
		return content(`"1"`, b)(w, r)
	})
	var o Object
	o.Start(client(t, http.MethodGet, "/a"+suffix), next, strip, Limits{Window: 100, Read: 1 << 20})
	if err := o.Open(Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	var err error
	for off := int64(1 << 10); err == nil; off += 1 << 10 {
		_, err = o.ReadAt(make([]byte, 1), off)
	}
	if !errors.Is(err, ErrTooFar) || runs != maxRequests || maxRequests != 64 {
		t.Errorf("got %v after %d sub-requests", err, runs)
	}
	o.Close()
	if o.Read != 100*maxRequests || o.Requests != maxRequests+1 {
		t.Errorf("got %d bytes in %d", o.Read, o.Requests)
	}

	o.Start(client(t, http.MethodGet, "/a"+suffix), next, strip, Limits{Window: 100, Read: 250})
	defer o.Close()
	if err := o.Open(Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.ReadAt(make([]byte, 1), 500); err != nil {
		t.Error(err)
	}
	if _, err := o.ReadAt(make([]byte, 1), 900); !errors.Is(err, ErrTooFar) {
		t.Errorf("got %v beyond the limit", err)
	}
	if o.Read != 200 {
		t.Errorf("got %d bytes", o.Read)
	}
}

// TestAborted checks the directive abort, and that other panics are passed on.
func TestAborted(t *testing.T) {
	var o Object
	o.Start(client(t, http.MethodGet, "/a"+suffix), caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		panic(http.ErrAbortHandler)
	}), strip, Limits{Window: 10, Read: 10})
	if err := o.Open(Condition{}, nil); !errors.Is(err, ErrAborted) {
		t.Errorf("got %v", err)
	}
	o.Close()

	o.Start(client(t, http.MethodGet, "/a"+suffix), caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(200)
		panic("a defect")
	}), strip, Limits{Window: 10, Read: 10})
	defer o.Close()
	defer func() {
		if p := recover(); p != "a defect" {
			t.Errorf("recovered %v", p)
		}
	}()
	_ = o.Open(Condition{}, nil)
	t.Error("the panic is gone")
}

// TestClosedConnectionIsNoEnd checks that an upstream's error that wraps io.EOF isn't the end of the object.
func TestClosedConnectionIsNoEnd(t *testing.T) {
	b := make([]byte, 1000)
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") {
			return content("", b)(w, r)
		}
		return caddyhttp.Error(502, fmt.Errorf("reading: %w", io.EOF))
	})
	var o Object
	o.Start(client(t, http.MethodGet, "/a"+suffix), next, strip, Limits{Window: 10, Read: 1000})
	defer o.Close()
	if err := o.Open(Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	n, err := o.ReadAt(make([]byte, 20), 500)
	var s *StatusError
	if n != 0 || err == nil || errors.Is(err, io.EOF) || !errors.As(err, &s) || s.Status != 502 {
		t.Errorf("got %d, %v", n, err)
	}
	if n, err := o.ReadAt(make([]byte, 20), 990); n != 0 || errors.Is(err, io.EOF) {
		t.Errorf("near the end: got %d, %v", n, err)
	}
	if n, err := o.ReadAt(make([]byte, 20), 1000); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: got %d, %v", n, err)
	}
}

// TestPeekReadsLittle checks that PeekAt doesn't read a whole window.
func TestPeekReadsLittle(t *testing.T) {
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = byte(i * i >> 8)
	}
	var o Object
	o.Start(client(t, http.MethodGet, "/a"+suffix), content(`"1"`, b), strip, Limits{Window: 64 << 10, Read: 1 << 20})
	defer o.Close()
	if o.Size() != -1 {
		t.Errorf("got size %d before the object was opened", o.Size())
	}
	if err := o.Open(Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	if o.Size() != int64(len(b)) {
		t.Errorf("got size %d, want %d", o.Size(), len(b))
	}
	for _, tc := range []struct {
		off, n   int
		requests int
		read     int64
	}{
		{100, 12, 1, 64 << 10},                   // in the first window
		{500_000, 12, 2, 64<<10 + peekWindow},    // far away
		{500_001, 12, 2, 64<<10 + peekWindow},    // near the last one
		{600_000, 10_000, 3, 85_960},             // more than a peek: the bytes and those before them
		{1<<20 - 12, 12, 4, 85_960 + peekWindow}, // at the end
	} {
		p := make([]byte, tc.n)
		n, err := o.PeekAt(p, int64(tc.off))
		if n != tc.n || err != nil || !bytes.Equal(p, b[tc.off:tc.off+tc.n]) {
			t.Errorf("%d bytes at %d: got %d, %v", tc.n, tc.off, n, err)
		}
		if o.Requests != tc.requests || o.Read > tc.read {
			t.Errorf("%d bytes at %d: got %d sub-requests and %d bytes, want %d and %d", tc.n, tc.off, o.Requests, o.Read, tc.requests, tc.read)
		}
	}
	if n, err := o.PeekAt(make([]byte, 12), 1<<20); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: got %d, %v", n, err)
	}
}

// TestSizeOfUpstreamThatDoesNotTell checks that an unknown size is -1, not the length of a window.
func TestSizeOfUpstreamThatDoesNotTell(t *testing.T) {
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Range", "bytes 0-9/*")
		w.WriteHeader(http.StatusPartialContent)
		_, err := w.Write(make([]byte, 10))
		return err
	})
	var o Object
	o.Start(client(t, http.MethodGet, "/a"+suffix), next, strip, Limits{Window: 10, Read: 100})
	defer o.Close()
	if err := o.Open(Condition{}, nil); err != nil {
		t.Fatal(err)
	}
	if o.Size() != -1 {
		t.Errorf("got size %d, want -1", o.Size())
	}
}
