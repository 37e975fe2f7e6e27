package object

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// numbered returns an object of n bytes, each the lowest byte of its offset.
func numbered(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// recorded returns a handler that records the requested ranges.
type recorded struct {
	caddyhttp.HandlerFunc
	ranges []string
}

func (h *recorded) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	h.ranges = append(h.ranges, strings.TrimPrefix(r.Header.Get("Range"), "bytes="))
	return h.HandlerFunc(w, r)
}

// opened returns an object of that handler after Open.
func opened(t *testing.T, next caddyhttp.HandlerFunc, limits Limits) (*Object, *recorded, error) {
	t.Helper()
	h := &recorded{HandlerFunc: next}
	o := new(Object)
	o.Start(client(t, http.MethodGet, "/a"+suffix), h, strip, limits)
	t.Cleanup(o.Close)
	return o, h, o.Open(Condition{}, nil)
}

// at reads n bytes of a numbered object, and reports whether they are correct.
func at(t *testing.T, o *Object, off int64, n int) error {
	t.Helper()
	p := make([]byte, n)
	got, err := o.ReadAt(p, off)
	for i, b := range p[:got] {
		if b != byte(off+int64(i)) {
			t.Errorf("byte %d is %d", off+int64(i), b)
		}
	}
	if err == nil && got != n {
		t.Errorf("got %d of %d bytes from %d on, and no error", got, n, off)
	}
	return err
}

// TestWindowsAreReused counts the sub-requests of scattered reads: the first window and the last two are kept, and
// sequential reads ask for more each time, and for no byte twice.
func TestWindowsAreReused(t *testing.T) {
	o, h, err := opened(t, content(`"1"`, numbered(10000)), Limits{Window: 100, Read: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		off    int64
		n      int
		ranges []string
	}{
		{0, 100, []string{"0-99"}},
		{40, 20, nil},
		{100, 1, []string{"100-299"}}, // begins at the end of the first
		{200, 100, nil},
		{300, 1, []string{"300-699"}}, // replaces 100-299
		{650, 100, []string{"700-1499"}},
		{0, 100, nil},
		{250, 1, []string{"225-324"}},
		{1400, 100, nil},
		{240, 10, nil},
		{340, 10, []string{"315-414"}}, // replaces 700-1499
		{240, 10, nil},
		{50, 100, []string{"75-174"}}, // partly read already, replaces 225-324
		{5000, 300, []string{"4975-5299"}},
		{1000, 10, []string{"975-1074"}},
		{9990, 10, []string{"9900-9999"}},
		{990, 10, nil},
	} {
		h.ranges = h.ranges[:min(len(h.ranges), map[bool]int{true: 1}[tc.off == 0 && tc.ranges != nil])]
		if err := at(t, o, tc.off, tc.n); err != nil || !slices.Equal(h.ranges, tc.ranges) {
			t.Errorf("%d bytes from %d on: %v after %q, want %q", tc.n, tc.off, err, h.ranges, tc.ranges)
		}
	}
	h.ranges = nil
	if err := at(t, o, 10000, 1); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %v", err)
	}
	if n, err := o.ReadAt(make([]byte, 20), 9990); n != 10 || !errors.Is(err, io.EOF) || h.ranges != nil {
		t.Errorf("across the end: got %d, %v after %q", n, err, h.ranges)
	}
}

// TestLimitIsExact checks that max_read bytes may be read, skipped bytes included, and not one more.
func TestLimitIsExact(t *testing.T) {
	whole := func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Length", "1000")
		_, err := w.Write(numbered(1000))
		return err
	}
	for _, tc := range []struct {
		next caddyhttp.HandlerFunc
		read int64
		want error
	}{
		{content(`"1"`, numbered(1000)), 200, nil},
		{content(`"1"`, numbered(1000)), 199, ErrTooFar},
		{whole, 100 + 475 + 100, nil}, // a window, the bytes before the next, and that
		{whole, 100 + 475 + 99, ErrTooFar},
	} {
		o, _, err := opened(t, tc.next, Limits{Window: 100, Read: tc.read})
		if err != nil {
			t.Fatal(err)
		}
		if err := at(t, o, 500, 10); !errors.Is(err, tc.want) {
			t.Errorf("max_read %d: got %v, want %v", tc.read, err, tc.want)
		}
	}
	if _, _, err := opened(t, whole, Limits{Window: 100, Read: 100}); err != nil {
		t.Errorf("one window: %v", err)
	}
	if _, h, err := opened(t, whole, Limits{Window: 100, Read: 99}); !errors.Is(err, ErrTooFar) || h.ranges != nil {
		t.Errorf("less than a window: %v after %q", err, h.ranges)
	}
}

// TestLaterRangeIsOfAnotherObject checks second ranges whose response is of another object, or of none. None of
// their bytes may be used.
func TestLaterRangeIsOfAnotherObject(t *testing.T) {
	type fields map[string]string
	for _, tc := range []struct {
		name         string
		first, later fields
		status       int // 0 stands for 206
		want         error
		upstream     int // the status of a StatusError
	}{
		{"the same", fields{"Etag": `"1"`}, fields{"Etag": `"1"`}, 0, nil, 0},
		{"another tag", fields{"Etag": `"1"`}, fields{"Etag": `"2"`}, 0, ErrChanged, 0},
		{"another weak tag", fields{"Etag": `W/"1"`}, fields{"Etag": `W/"2"`}, 0, ErrChanged, 0},
		{"the tag says it", fields{"Etag": `"1"`, "Last-Modified": "a"}, fields{"Etag": `"1"`, "Last-Modified": "b"}, 0, nil, 0},
		{"no tag later", fields{"Etag": `"1"`, "Last-Modified": "a"}, fields{"Last-Modified": "a"}, 0, nil, 0},
		{"no tag later, another time", fields{"Etag": `"1"`, "Last-Modified": "a"}, fields{"Last-Modified": "b"}, 0, ErrChanged, 0},
		{"no tag first, another time", fields{"Last-Modified": "a"}, fields{"Etag": `"1"`, "Last-Modified": "b"}, 0, ErrChanged, 0},
		{"no tag, another time", fields{"Last-Modified": "a"}, fields{"Last-Modified": "b"}, 0, ErrChanged, 0},
		{"no tag, the same time", fields{"Last-Modified": "a"}, fields{"Last-Modified": "a"}, 0, nil, 0},
		{"no time later", fields{"Last-Modified": "a"}, nil, 0, nil, 0},
		{"no time first", nil, fields{"Last-Modified": "a"}, 0, nil, 0},
		{"nothing to tell by", nil, nil, 0, nil, 0},
		{"another size", nil, fields{"Content-Range": "bytes 475-574/1001"}, 0, ErrChanged, 0},
		{"another size, the same tag", fields{"Etag": `"1"`}, fields{"Etag": `"1"`, "Content-Range": "bytes 475-574/999"}, 0, ErrChanged, 0},
		{"no size", nil, fields{"Content-Range": "bytes 475-574/*"}, 0, nil, 0},
		{"no size first", fields{"Content-Range": "bytes 0-99/*"}, fields{"Content-Range": "bytes 475-574/1000"}, 0, nil, 0},
		{"starts after what was asked for", nil, fields{"Content-Range": "bytes 476-575/1000"}, 0, ErrUnusable, 0},
		{"encoded", nil, fields{"Content-Encoding": "gzip"}, 0, ErrEncoded, 0},
		{"401", nil, nil, 401, ErrChanged, 0},
		{"403", nil, nil, 403, ErrChanged, 0},
		{"404", nil, nil, 404, ErrChanged, 0},
		{"410", nil, nil, 410, ErrChanged, 0},
		{"412", nil, nil, 412, ErrChanged, 0},
		{"416", nil, nil, 416, io.EOF, 0},
		{"304", nil, nil, 304, nil, 304},
		{"302", nil, nil, 302, nil, 302},
		{"400", nil, nil, 400, nil, 400},
		{"402", nil, nil, 402, nil, 402},
		{"405", nil, nil, 405, nil, 405},
		{"429", nil, nil, 429, nil, 429},
		{"503", nil, nil, 503, nil, 503},
	} {
		whole := numbered(1000)
		next := func(w http.ResponseWriter, r *http.Request) error {
			h := w.Header()
			set := func(f fields) {
				for name, value := range f {
					h.Set(name, value)
				}
			}
			if strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") {
				h.Set("Content-Range", "bytes 0-99/1000")
				set(tc.first)
				w.WriteHeader(206)
				_, err := w.Write(whole[:100])
				return err
			}
			h.Set("Content-Range", "bytes 475-574/1000")
			set(tc.later)
			w.WriteHeader(max(206, tc.status))
			_, err := w.Write(whole[475:575])
			return err
		}
		o, _, err := opened(t, next, Limits{Window: 100, Read: 10000})
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		n, err := o.ReadAt(make([]byte, 1), 500)
		var s *StatusError
		if tc.upstream != 0 {
			if !errors.As(err, &s) || s.Status != tc.upstream || n != 0 || errors.Is(err, ErrChanged) {
				t.Errorf("%s: got %d, %v", tc.name, n, err)
			}
			continue
		}
		if !errors.Is(err, tc.want) || (n == 1) != (tc.want == nil) || o.windowAt(500) != nil && tc.want != nil {
			t.Errorf("%s: got %d, %v, want %v", tc.name, n, err, tc.want)
		}
	}
}

// TestEndOfUnknownSize checks upstreams that don't tell the size: the object ends where a body ends early, and no
// bytes after that are requested.
func TestEndOfUnknownSize(t *testing.T) {
	whole := numbered(250)
	chunked := func(w http.ResponseWriter, _ *http.Request) error { _, err := w.Write(whole); return err }
	o, h, err := opened(t, chunked, Limits{Window: 100, Read: 10000})
	if err != nil {
		t.Fatal(err)
	}
	if err := at(t, o, 200, 50); err != nil || o.size != 250 {
		t.Errorf("got %v, and a size of %d", err, o.size)
	}
	for _, off := range []int64{250, 1000} {
		if err := at(t, o, off, 1); !errors.Is(err, io.EOF) || len(h.ranges) != 2 {
			t.Errorf("%d: got %v after %q", off, err, h.ranges)
		}
	}

	// it ends before the requested bytes begin, so the end isn't known
	o, _, err = opened(t, chunked, Limits{Window: 100, Read: 10000})
	if err != nil {
		t.Fatal(err)
	}
	if err := at(t, o, 900, 1); !errors.Is(err, io.EOF) || o.size != -1 {
		t.Errorf("got %v, and a size of %d", err, o.size)
	}

	// all requested bytes came, so there may be more
	longer := numbered(350)
	part := func(w http.ResponseWriter, r *http.Request) error {
		var from, to int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
		b := longer[from:min(to+1, len(longer))]
		w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		w.WriteHeader(206)
		_, err := w.Write(b)
		return err
	}
	o, _, err = opened(t, part, Limits{Window: 100, Read: 10000})
	if err != nil {
		t.Fatal(err)
	}
	if err := at(t, o, 100, 50); err != nil || o.size != -1 {
		t.Errorf("got %v, and a size of %d", err, o.size)
	}
	if err := at(t, o, 300, 50); err != nil || o.size != 350 {
		t.Errorf("got %v, and a size of %d", err, o.size)
	}

	// a known size stays, whatever the body
	short := func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Range", "bytes 0-99/250")
		w.WriteHeader(206)
		_, err := w.Write(whole[:50])
		return err
	}
	o, _, err = opened(t, short, Limits{Window: 100, Read: 10000})
	if err != nil || o.size != 250 {
		t.Errorf("got %v, and a size of %d", err, o.size)
	}
}

// TestEmptyObject checks that a 416 for the first byte means an empty object.
func TestEmptyObject(t *testing.T) {
	next := func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Etag", `"1"`)
		w.WriteHeader(416)
		return nil
	}
	o, h, err := opened(t, next, Limits{Window: 100, Read: 100})
	if err != nil || o.Header.Get("Etag") != `"1"` {
		t.Fatalf("got %v, %v", err, o.Header)
	}
	if n, err := o.ReadAt(make([]byte, 1), 0); n != 0 || !errors.Is(err, io.EOF) || len(h.ranges) != 1 {
		t.Errorf("got %d, %v after %q", n, err, h.ranges)
	}
}

// TestResponseThatIsNoObject checks the statuses that handlers write or return.
func TestResponseThatIsNoObject(t *testing.T) {
	bad := errors.New("bad")
	status := func(n int) caddyhttp.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(n); return nil }
	}
	returned := func(err error) caddyhttp.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) error { return err }
	}
	for _, tc := range []struct {
		name   string
		next   caddyhttp.HandlerFunc
		status int
		cause  error
	}{
		{"written", status(404), 404, nil},
		{"100 as the last", status(99), 99, nil},
		{"304", status(304), 304, nil},
		{"300", status(300), 300, nil},
		{"returned", returned(caddyhttp.Error(403, bad)), 403, bad},
		{"wrapped", returned(fmt.Errorf("x: %w", caddyhttp.Error(403, bad))), 403, bad},
		{"returned without a status", returned(caddyhttp.HandlerError{Err: bad}), 500, bad},
		{"any error", returned(bad), 500, bad},
		{"nothing", returned(nil), 404, nil},
		{"written and returned", func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(404)
			return bad
		}, 404, bad},
	} {
		o, _, err := opened(t, tc.next, Limits{Window: 10, Read: 10})
		var s *StatusError
		if !errors.As(err, &s) || s.Status != tc.status || !errors.Is(err, tc.cause) && tc.cause != nil || (errors.Unwrap(s) == nil) != (tc.cause == nil) {
			t.Errorf("%s: got %v", tc.name, err)
			continue
		}
		if text := s.Error(); !strings.Contains(text, strconv.Itoa(tc.status)) || strings.Contains(text, "bad") != (tc.cause != nil) || strings.Contains(text, "nil") {
			t.Errorf("%s: got the text %q", tc.name, text)
		}
		if o.Header != nil || o.windowAt(0) != nil {
			t.Errorf("%s: there is an object", tc.name)
		}
	}
}

// TestHandlerGivesUp checks handlers that fail after they began to respond. Their body is used only if all requested
// bytes have arrived.
func TestHandlerGivesUp(t *testing.T) {
	bad := errors.New("bad")
	for _, tc := range []struct {
		name     string
		gone     bool // the client has gone
		size     int
		end      func() error
		want, is error
	}{
		{"an error in the middle", false, 5, func() error { return bad }, ErrUnusable, bad},
		{"an error after all", false, 20, func() error { return bad }, nil, nil},
		{"a panic in the middle", false, 5, func() error { panic(http.ErrAbortHandler) }, ErrUnusable, ErrBroken},
		{"a panic after all", false, 20, func() error { panic(http.ErrAbortHandler) }, nil, nil},
		{"a panic in the middle, the client is gone", true, 5, func() error { panic(http.ErrAbortHandler) }, ErrAborted, ErrAborted},
		{"a panic before all", false, -1, func() error { panic(http.ErrAbortHandler) }, ErrAborted, ErrAborted},
	} {
		next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
			if tc.size >= 0 {
				w.Header().Set("Content-Length", "100")
				w.Write(numbered(tc.size))
			}
			return tc.end()
		})
		r := client(t, http.MethodGet, "/a"+suffix)
		ctx, cancel := context.WithCancel(r.Context())
		if tc.gone {
			cancel()
		}
		var o Object
		o.Start(r.WithContext(ctx), next, strip, Limits{Window: 10, Read: 100})
		permitted := false
		err := o.Open(Condition{}, func(*http.Request, int, http.Header) error { permitted = true; return nil })
		if !errors.Is(err, tc.want) || !errors.Is(err, tc.is) || tc.want == nil && at(t, &o, 0, 10) != nil {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
		if tc.want != nil && o.windowAt(0) != nil {
			t.Errorf("%s: something is left", tc.name)
		}
		if permitted != (tc.want != ErrAborted) { //nolint:errorlint // the table's own value
			t.Errorf("%s: permit was asked: %v", tc.name, permitted)
		}
		o.Close()
		cancel()
	}
}

// TestBuffersAreReleasedOnce opens, reads and fails in all ways. Each buffer must return to the pool exactly once, or
// two requests would write to one.
func TestBuffersAreReleasedOnce(t *testing.T) {
	denied := errors.New("denied")
	for name, use := range map[string]func(o *Object) (buffers int){
		"read": func(o *Object) int {
			o.Open(Condition{}, nil)
			for _, off := range []int64{200, 400, 600, 800, 600, 0} {
				o.ReadAt(make([]byte, 10), off)
			}
			return keptWindows
		},
		"opened twice": func(o *Object) int {
			o.Open(Condition{}, nil)
			o.ReadAt(make([]byte, 10), 500)
			o.Open(Condition{}, nil)
			return 2
		},
		"denied": func(o *Object) int {
			o.Open(Condition{}, func(*http.Request, int, http.Header) error { return denied })
			return 1
		},
		"a later range fails": func(o *Object) int {
			o.Open(Condition{}, nil)
			o.Header.Set("Etag", `"2"`)
			o.ReadAt(make([]byte, 10), 500)
			o.ReadAt(make([]byte, 10), 700)
			return 1
		},
	} {
		most := 0
		want := 0
		for range 50 { // with the race detector, the pool drops some items
			for buffers.Get() != nil {
			}
			var o Object
			o.Start(client(t, http.MethodGet, "/a"+suffix), content(`"1"`, numbered(1000)), strip, Limits{Window: 100, Read: 10000})
			want = use(&o)
			o.Close()
			seen := map[*byte]bool{}
			for {
				b, ok := buffers.Get().(*[]byte)
				if !ok {
					break
				}
				p := unsafe.SliceData(*b)
				if seen[p] {
					t.Fatalf("%s: a buffer was released twice", name)
				}
				seen[p] = true
			}
			if most = max(most, len(seen)); len(seen) > want {
				t.Fatalf("%s: %d buffers, want %d", name, len(seen), want)
			}
		}
		if most != want {
			t.Errorf("%s: at most %d buffers came back, want %d", name, most, want)
		}
	}
}

// TestPoolKeepsUsualBuffers checks that empty and unusually large buffers aren't pooled.
func TestPoolKeepsUsualBuffers(t *testing.T) {
	for _, tc := range []struct {
		size int
		kept bool
	}{{0, false}, {1, true}, {maxPooledBuffer, true}, {maxPooledBuffer + 1, false}} {
		kept := false
		for range 50 {
			for buffers.Get() != nil {
			}
			releaseBuffer(make([]byte, 0, tc.size))
			if b, ok := buffers.Get().(*[]byte); ok && cap(*b) == tc.size {
				kept = true
			}
		}
		if kept != tc.kept {
			t.Errorf("%d bytes: kept %v", tc.size, kept)
		}
	}
	reused := false
	for range 50 {
		b := make([]byte, 10)
		releaseBuffer(b)
		if n := newBuffer(10); len(n) != 0 || cap(n) < 10 {
			t.Fatalf("got %d, %d", len(n), cap(n))
		} else if unsafe.SliceData(n) == unsafe.SliceData(b) {
			reused = true
		}
	}
	if !reused {
		t.Error("no buffer is used again")
	}
	if maxPooledBuffer < 64<<10 || maxPooledBuffer > 1<<20 {
		t.Errorf("buffers up to %d bytes are kept", maxPooledBuffer)
	}
}

// TestStrongTags checks which tags If-Match and the cache can rely on.
func TestStrongTags(t *testing.T) {
	for tag, want := range map[string]bool{
		`""`: true, `"a"`: true, `"a b\c"`: true, `"`: false, ``: false, `a`: false, `"a`: false, `a"`: false, `W/"a"`: false, `"a"b"`: false, `"a", "b"`: false,
	} {
		if StrongTag(tag) != want {
			t.Errorf("%s: got %v", tag, !want)
		}
	}
}

// TestOwnFieldsOfSubRequest has the client send fields about its own request, which must not apply to a sub-request
// or be visible to the rules as the sub-request's.
func TestOwnFieldsOfSubRequest(t *testing.T) {
	header := []string{"X-A", "1"}
	for _, name := range []string{
		"Accept-Encoding", "Content-Length", "Expect", "Range", "Transfer-Encoding", "Upgrade", "If", "If-Match", "If-None-Match", "If-Modified-Since", "If-Range",
	} {
		header = append(header, name, "client's")
	}
	r := client(t, http.MethodPost, "/a"+suffix, header...)
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(strings.NewReader("x")), 1, []string{"chunked"}
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if got := fmt.Sprint(r.Header); got != `map[Accept-Encoding:[identity] If-None-Match:["1"] Range:[bytes=0-9] X-A:[1]]` {
			t.Errorf("got %s", got)
		}
		if r.Body != http.NoBody || r.ContentLength != 0 || r.TransferEncoding != nil || r.Method != http.MethodGet {
			t.Errorf("got %s with %d bytes, %v", r.Method, r.ContentLength, r.TransferEncoding)
		}
		return content("", numbered(10))(w, r)
	})
	var o Object
	o.Start(r, next, strip, Limits{Window: 10, Read: 10})
	err := o.Open(Condition{"If-None-Match", `"1"`}, func(r *http.Request, _ int, _ http.Header) error {
		for i := 0; i < len(header); i += 2 {
			if got := r.Header[header[i]]; len(got) != 1 || got[0] != header[i+1] {
				t.Errorf("permit: got %s %q", header[i], got)
			}
		}
		return nil
	})
	o.Close()
	if err != nil || r.Method != http.MethodPost || r.ContentLength != 1 || len(r.TransferEncoding) != 1 {
		t.Errorf("got %v, %s with %d bytes", err, r.Method, r.ContentLength)
	}

	// without them, the sub-request's own fields aren't visible as the client's
	o.Start(client(t, http.MethodGet, "/a"+suffix), content("", numbered(10)), strip, Limits{Window: 10, Read: 10})
	defer o.Close()
	if err := o.Open(Condition{"If-None-Match", `"1"`}, func(r *http.Request, _ int, _ http.Header) error {
		if len(r.Header) > 0 {
			t.Errorf("permit: got %v", r.Header)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestPassedHeaderIsCopied has the handlers change a preflight's header in place.
func TestPassedHeaderIsCopied(t *testing.T) {
	r := client(t, http.MethodOptions, "/a"+suffix, "X-A", "1", "Range", "bytes=1-2")
	var o Object
	o.Start(r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != http.MethodOptions || r.URL.Path != "/a" || fmt.Sprint(r.Header) != "map[Range:[bytes=1-2] X-A:[1]]" {
			t.Errorf("got %s %s, %v", r.Method, r.URL.Path, r.Header)
		}
		r.Header["X-A"][0] = "changed"
		w.WriteHeader(204)
		return nil
	}), strip, Limits{})
	w := httptest.NewRecorder()
	if err := o.Pass(w, func(*http.Request) {}); err != nil || w.Code != 204 {
		t.Errorf("got %v, %d", err, w.Code)
	}
	o.Close()
	if r.Header.Get("X-A") != "1" || r.URL.Path != "/a"+suffix {
		t.Errorf("got %s, %v", r.URL.Path, r.Header)
	}
}

// TestPermitSeesVariablesOfItsRun checks that if the object is opened again, permit sees the variables of that run.
func TestPermitSeesVariablesOfItsRun(t *testing.T) {
	run := 0
	var o Object
	o.Start(client(t, http.MethodGet, "/a"+suffix), caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		run++
		caddyhttp.SetVar(r.Context(), "run", run)
		return content("", numbered(10))(w, r)
	}), strip, Limits{Window: 10, Read: 100})
	defer o.Close()
	for want := range 3 {
		if err := o.Open(Condition{}, func(r *http.Request, _ int, _ http.Header) error {
			if got := caddyhttp.GetVar(r.Context(), "run"); got != want+1 {
				t.Errorf("got run %v, want %d", got, want+1)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOriginalURL checks the original path that guards see: the object's while the handlers run, and the client's
// before and after.
func TestOriginalURL(t *testing.T) {
	for _, tc := range []struct{ original, during string }{
		{"/a%20b" + suffix + "?q", "/a%20b?q"},
		{"/rewritten?q", "/rewritten?q"}, // a rewrite added the suffix
	} {
		r := client(t, http.MethodGet, tc.original)
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		r.URL.Path, r.URL.RawPath = "/x"+suffix, ""
		uri := func() string { return repl.ReplaceAll("{http.request.orig_uri} {http.request.orig_uri.path}", "") }
		before := uri()
		var o Object
		o.Start(r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			original := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
			if got := original.URL.RequestURI(); got != tc.during || !strings.HasPrefix(uri(), tc.during+" ") || r.URL.Path != "/x" {
				t.Errorf("%s: got %s, %s at %s; want %s", tc.original, got, uri(), r.URL.Path, tc.during)
			}
			return content("", numbered(10))(w, r)
		}), strip, Limits{Window: 10, Read: 10})
		if err := o.Open(Condition{}, nil); err != nil {
			t.Error(err)
		}
		o.Close()
		original := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
		if got := original.URL.RequestURI(); got != tc.original || uri() != before {
			t.Errorf("got %s, %s after Close; want %s, %s", got, uri(), tc.original, before)
		}
		if o.req.r != nil {
			t.Error("the request is held after Close")
		}
	}
}

// TestOutsideCaddy checks requests that no Caddy server prepared, or only partly.
func TestOutsideCaddy(t *testing.T) {
	bare := httptest.NewRequest(http.MethodGet, "/a"+suffix, nil)
	for _, r := range []*http.Request{
		bare,
		bare.WithContext(context.WithValue(bare.Context(), caddyhttp.OriginalRequestCtxKey, http.Request{})),
		bare.WithContext(context.WithValue(bare.Context(), caddyhttp.OriginalRequestCtxKey, *bare.Clone(bare.Context()))),
	} {
		var o Object
		o.Start(r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			caddyhttp.SetVar(r.Context(), "x", 1)
			if r.URL.Path != "/a" {
				t.Errorf("got %s", r.URL.Path)
			}
			return content("", numbered(1000))(w, r)
		}), strip, Limits{Window: 10, Read: 100})
		if err := o.Open(Condition{}, nil); err != nil {
			t.Error(err)
		}
		if err := at(t, &o, 500, 1); err != nil {
			t.Error(err)
		}
		o.Close()
	}
	if bare.URL.Path != "/a"+suffix {
		t.Errorf("got %s after Close", bare.URL.Path)
	}
}

// TestCountsBeginAnew reuses an object for a second request.
func TestCountsBeginAnew(t *testing.T) {
	var o Object
	for range 2 {
		o.Start(client(t, http.MethodGet, "/a"+suffix), content(`"1"`, numbered(1000)), strip, Limits{Window: 100, Read: 200})
		if o.Header != nil || o.windowAt(0) != nil {
			t.Error("something is left of the request before")
		}
		if err := o.Open(Condition{}, nil); err != nil {
			t.Error(err)
		}
		if err := at(t, &o, 500, 1); err != nil || o.Requests != 2 || o.Read != 200 {
			t.Errorf("got %v after %d requests and %d bytes", err, o.Requests, o.Read)
		}
		o.Close()
		if o.Requests != 2 || o.Read != 200 {
			t.Errorf("Close forgot the counts: %d, %d", o.Requests, o.Read)
		}
	}
}

// TestSizeTooLargeToRead checks that a size of more than 63 bits counts as unknown.
func TestSizeTooLargeToRead(t *testing.T) {
	h := http.Header{"Content-Range": {"bytes 0-9/99999999999999999999"}}
	if start, length, size, err := locateBody(206, h, 0); start != 0 || length != 10 || size != -1 || err != nil {
		t.Errorf("got %d, %d, %d, %v", start, length, size, err)
	}
}

// TestConditionIsOfFirstWindow checks that the condition is sent once, and later the object's own strong ETag.
func TestConditionIsOfFirstWindow(t *testing.T) {
	for tag, later := range map[string]string{`"1"`: `[] ["1"]`, `W/"1"`: `[] []`, "": `[] []`} {
		var got []string
		var o Object
		o.Start(client(t, http.MethodGet, "/a"+suffix, "If-Match", `"x"`), caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			got = append(got, fmt.Sprint(r.Header["If-None-Match"], r.Header["If-Match"]))
			r.Header.Del("If-None-Match")
			r.Header.Del("If-Match")
			return content(tag, bytes.Repeat([]byte("x"), 1000))(w, r)
		}), strip, Limits{Window: 10, Read: 100})
		if err := o.Open(Condition{"If-None-Match", `"0"`}, nil); err != nil {
			t.Error(err)
		}
		if _, err := o.ReadAt(make([]byte, 1), 500); err != nil {
			t.Error(err)
		}
		o.Close()
		if want := []string{`["0"] []`, later}; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", tag, got, want)
		}
	}
}

// TestStreamCostsOneWindow reads a preview of 8 MB after a search has used up the limits: all of it arrives, in few
// sub-requests, each byte once, and only one long window is kept.
func TestStreamCostsOneWindow(t *testing.T) {
	const start, n = 10 << 20, 8 << 20
	o, h, err := opened(t, content(`"1"`, numbered(20<<20)), Limits{Window: 64 << 10, Read: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	var p [1]byte
	for off := int64(1 << 20); err == nil; off += 1 << 20 {
		_, err = o.ReadAt(p[:], off)
	}
	if !errors.Is(err, ErrTooFar) {
		t.Fatalf("got %v, want the search to be limited", err)
	}
	o.Stream(n)
	before := o.Read
	h.ranges = nil
	most := 0
	for off := int64(start); off < start+n; off += 64 << 10 {
		if err := at(t, o, off, 64<<10); err != nil {
			t.Fatalf("after %d bytes: %v", off-start, err)
		}
		kept := 0
		for _, w := range o.windows {
			kept += cap(w.b)
		}
		most = max(most, kept)
	}
	if len(h.ranges) > 13 {
		t.Errorf("%d sub-requests: %q", len(h.ranges), h.ranges)
	}
	if read := o.Read - before; read > n+1<<20 {
		t.Errorf("read %d bytes", read)
	}
	if most > readAhead+3*maxPooledBuffer {
		t.Errorf("kept %d bytes", most)
	}
	if _, err := o.ReadAt(make([]byte, 5<<20), 1); !errors.Is(err, ErrTooFar) {
		t.Errorf("got %v, want what follows to be limited again", err)
	}
}

// TestStreamOfManyWindows checks that the limit of sub-requests doesn't stop a long stream.
func TestStreamOfManyWindows(t *testing.T) {
	const n = 100 << 20
	b := numbered(n + 1)
	o, _, err := opened(t, content(`"1"`, b), Limits{Window: 4 << 10, Read: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	o.Stream(n)
	p := make([]byte, 64<<10)
	for off := int64(0); off < n; off += int64(len(p)) {
		if _, err := o.ReadAt(p, off); err != nil {
			t.Fatalf("after %d bytes and %d sub-requests: %v", off, o.Requests, err)
		}
	}
	if o.Requests > 120 {
		t.Errorf("%d sub-requests", o.Requests)
	}
	o.Stream(1 << 62) // must not overflow
	if _, err := o.ReadAt(p[:1], n); err != nil {
		t.Error(err)
	}
}
