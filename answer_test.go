package caddyexif

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// photoHandler returns a handler that serves a photo with one ETag and more header fields.
func photoHandler(photo []byte, fields ...string) caddyhttp.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Etag", `"1"`)
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
		return nil
	}
}

// asked is the response to a request, with the placeholders of its stats.
type asked struct {
	*httptest.ResponseRecorder
	stats string
	err   error
}

// request asks for the EXIF of /photo.jpg. header has pairs of names and values.
func request(t testing.TB, h *Handler, next caddyhttp.Handler, method string, header ...string) asked {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), method, "/photo.jpg"+suffix, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil)
	err := h.ServeHTTP(w, r, next)
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	return asked{w, repl.ReplaceAll("{http.exif.cache} {http.exif.format} {http.exif.tags} {http.exif.requests} {http.exif.bytes_read}", ""), err}
}

// TestStatsOfRequest checks the stats of each kind of request.
func TestStatsOfRequest(t *testing.T) {
	small, far := photoBy("alice"), farPhoto()
	n := len(small)
	text := []byte("no image")
	h := provisioned(t, &Handler{})
	for i, tc := range []struct {
		h      *Handler
		next   caddyhttp.Handler
		method string
		header []string
		status int
		stats  string
	}{
		{h, photoHandler(small), "GET", nil, 200, fmt.Sprintf("miss jpeg 1 1 %d", n)},
		{h, photoHandler(small), "GET", nil, 200, "hit jpeg 1 1 0"},
		{h, photoHandler(small), "HEAD", nil, 200, "hit jpeg 1 1 0"},
		{h, photoHandler(small), "POST", nil, 405, " none 0 0 0"},
		{provisioned(t, &Handler{Cache: -1}), photoHandler(small), "GET", nil, 200, fmt.Sprintf("off jpeg 1 1 %d", n)},
		{provisioned(t, &Handler{}), photoHandler(far), "GET", nil, 200, fmt.Sprintf("miss png 1 2 %d", 2*defaultWindow)},
		{provisioned(t, &Handler{}), photoHandler(text), "GET", nil, 400, fmt.Sprintf("miss none 0 1 %d", len(text))},
		{provisioned(t, &Handler{}), caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil }), "GET", nil, 404, "miss none 0 1 0"},
	} {
		got := request(t, tc.h, tc.next, tc.method, tc.header...)
		if stats := strings.Replace(tc.stats, " none ", "  ", 1); got.Code != tc.status || got.err != nil || got.stats != stats {
			t.Errorf("%d: got %d, %q, %v; want %d, %q", i, got.Code, got.stats, got.err, tc.status, stats)
		}
	}
}

// TestFailureIsHit checks that a cached failure counts as a hit.
func TestFailureIsHit(t *testing.T) {
	h := provisioned(t, &Handler{})
	for _, want := range []string{"miss  0 1 8", "hit  0 1 0"} {
		// a failure has no entity tag for a condition to match
		got := request(t, h, photoHandler([]byte("no image")), "GET", "If-None-Match", "*")
		if got.Code != 400 || got.stats != want || !strings.Contains(got.Body.String(), "NotAnImage") {
			t.Errorf("got %d %q %s, want %q", got.Code, got.stats, got.Body, want)
		}
	}
}

// TestHeaderOf304IsMerged checks that a cached response is sent with the fields of the object's 304, and keeps
// those that the 304 leaves out (RFC 9111, section 4.3.4).
func TestHeaderOf304IsMerged(t *testing.T) {
	h := provisioned(t, &Handler{})
	first := photoHandler(photoBy("alice"), "Cache-Control", "max-age=1", "Expires", "then", "Access-Control-Allow-Origin", "a",
		"Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT", "Vary", "Origin, Accept-Encoding", "X-Other", "1")
	request(t, h, first, "GET")
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if got := r.Header["If-None-Match"]; !slices.Equal(got, []string{`"1"`}) {
			t.Errorf("got the condition %q", got)
		}
		w.Header().Set("Cache-Control", "max-age=2")
		w.Header().Set("Access-Control-Allow-Origin", "b")
		w.Header().Set("X-Other", "2")
		w.WriteHeader(304)
		return nil
	})
	for range 2 { // the merged header isn't cached
		got := request(t, h, next, "GET")
		got.Header().Del("Etag")
		want := "map[Access-Control-Allow-Origin:[b] Cache-Control:[max-age=2] Content-Length:[18] Content-Type:[application/json] Expires:[then] " +
			"Last-Modified:[Thu, 01 Jan 2026 00:00:00 GMT] Vary:[Origin] X-Content-Type-Options:[nosniff]]"
		if got.Code != 200 || got.Body.String() != `{"Artist":"alice"}` || fmt.Sprint(got.Header()) != want {
			t.Errorf("got  %d %s %v\nwant %s", got.Code, got.Body, got.Header(), want)
		}
	}
	bare := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(304); return nil })
	if got := request(t, h, bare, "GET"); got.Header().Get("Cache-Control") != "max-age=1" {
		t.Errorf("got %v: what one request's 304 said is another's", got.Header())
	}
}

// TestUpstreamIgnoresCondition checks that a cached response is sent with the header of a 200 that should have
// been a 304, and that a changed object isn't answered from the cache.
func TestUpstreamIgnoresCondition(t *testing.T) {
	h := provisioned(t, &Handler{})
	tag, age := `"1"`, "max-age=1"
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Etag", tag)
		w.Header().Set("Cache-Control", age)
		_, err := w.Write(photoBy(strings.Trim(tag, `"`)))
		return err
	})
	for _, tc := range []struct{ tag, age, stats string }{
		{`"1"`, "max-age=1", "miss"}, {`"1"`, "max-age=2", "hit"}, {`"2"`, "max-age=3", "miss"}, {`"2"`, "max-age=4", "hit"},
	} {
		tag, age = tc.tag, tc.age
		got := request(t, h, next, "GET")
		if got.Body.String() != `{"Artist":`+tag+`}` || got.Header().Get("Cache-Control") != age || !strings.HasPrefix(got.stats, tc.stats+" ") ||
			got.Header().Get("Etag") != h.marks[operations[0]].tag(tag) {
			t.Errorf("%s, %s: got %s, %v, %s", tag, age, got.Body, got.Header(), got.stats)
		}
	}
}

// TestObjectsNotModified checks that a 304 of the object itself meets the client's condition without a cache.
func TestObjectsNotModified(t *testing.T) {
	const then = "Thu, 01 Jan 2026 00:00:00 GMT"
	for _, tc := range []struct {
		name, value string // the client's condition; @ stands for the mark
		tag         string // of the 304
		condition   string // the condition that the next handler gets
		want        string // the response's ETag
	}{
		{"If-None-Match", `"1@"`, `"1"`, `"1"`, `"1@"`},
		{"If-None-Match", `"1@"`, "", `"1"`, `"1@"`}, // some stores leave the ETag out
		{"If-None-Match", `W/"1@"`, "", `W/"1"`, `W/"1@"`},
		{"If-None-Match", `"1@", "2@"`, `"2"`, `"1", "2"`, `"2@"`},
		{"If-None-Match", `"1@", "2@"`, "", `"1", "2"`, ""}, // the upstream doesn't say which one matched
		{"If-Modified-Since", then, `"1"`, then, `"1@"`},
		{"If-Modified-Since", then, "", then, ""},
	} {
		h := provisioned(t, &Handler{Cache: -1})
		marked := func(s string) string { return strings.ReplaceAll(s, "@", h.marks[operations[0]].suffix) }
		got := request(t, h, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if got := r.Header.Get(tc.name); got != tc.condition {
				t.Errorf("%s: got the condition %s", tc.value, got)
			}
			if tc.tag != "" {
				w.Header().Set("Etag", tc.tag)
			}
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("X-Other", "1")
			w.WriteHeader(304)
			return nil
		}), "GET", tc.name, marked(tc.value))
		if got.Code != 304 || got.Header().Get("Etag") != marked(tc.want) || got.Body.Len() > 0 ||
			got.Header().Get("Cache-Control") != "no-cache" || got.Header().Get("X-Other") != "" || got.Header().Get("Content-Type") != "" {
			t.Errorf("%s: got %d %v %s", tc.value, got.Code, got.Header(), got.Body)
		}
	}
}

// TestUnsolicited304 checks a 304 from an upstream to a request without a condition.
func TestUnsolicited304(t *testing.T) {
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(304); return nil })
	for _, header := range [][]string{nil, {"If-None-Match", `"other"`}} {
		if got := request(t, provisioned(t, &Handler{}), next, "GET", header...); got.Code != 500 {
			t.Errorf("%v: got %d %s", header, got.Code, got.Body)
		}
	}
}

// TestPermissionLostBetweenRanges checks that if a later range gets 403, the object is opened again and that
// response counts.
func TestPermissionLostBetweenRanges(t *testing.T) {
	for name, tc := range map[string]struct {
		refused func(run int) bool
		status  int
		runs    int
	}{
		"for good":                              {func(run int) bool { return run > 1 }, 403, 3},
		"once":                                  {func(run int) bool { return run == 2 }, 200, 4},
		"always when it isn't the first window": {func(run int) bool { return run%2 == 0 }, 500, 4},
	} {
		run := 0
		photo := photoHandler(farPhoto())
		got := request(t, provisioned(t, &Handler{}), caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if run++; tc.refused(run) {
				return caddyhttp.Error(http.StatusForbidden, nil)
			}
			return photo(w, r)
		}), "GET")
		if got.Code != tc.status || run != tc.runs || strings.Contains(got.Body.String(), "far away") != (tc.status == 200) {
			t.Errorf("%s: got %d %s after %d runs", name, got.Code, got.Body, run)
		}
	}
}

// TestProxyLogin checks that a 407 is passed on even if the rules deny, since logging in may change that.
func TestProxyLogin(t *testing.T) {
	h := provisioned(t, &Handler{Permissions: Permissions{{Effect: "allow", Actions: []string{"GetObject"}, MatcherSetsRaw: caddyhttp.RawMatcherSets{
		{"header": []byte(`{"Remote-Groups":["staff"]}`)},
	}}}})
	got := request(t, h, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Proxy-Authenticate", "Negotiate")
		w.Header().Set("Www-Authenticate", "Basic")
		w.WriteHeader(407)
		return nil
	}), "GET")
	if got.Code != 407 || got.Header().Get("Proxy-Authenticate") != "Negotiate" || got.Header().Get("Www-Authenticate") != "" ||
		!strings.Contains(got.Body.String(), "ProxyAuthenticationRequired") {
		t.Errorf("got %d %v %s", got.Code, got.Header(), got.Body)
	}
}

// closed is the ResponseWriter for a client that has closed its HTTP/2 stream.
type closed struct{ http.ResponseWriter }

var errClosed = errors.New("http2: stream closed")

func (closed) Write([]byte) (int, error) { return 0, errClosed }

// TestClientIsGone checks that failing to write a response damages neither the cached response nor the scratch
// buffer, which the next request uses.
func TestClientIsGone(t *testing.T) {
	for _, size := range []int64{0, -1} {
		h := provisioned(t, &Handler{Cache: size})
		for i := range 8 {
			artist := strings.Repeat(string(rune('a'+i%2)), 100*(i%2+1))
			next := photoHandler(photoBy(artist), "Etag", `"`+artist[:1]+`"`)
			w := closed{httptest.NewRecorder()}
			r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/photo.jpg"+suffix, nil), caddy.NewReplacer(), w, nil)
			if err := h.ServeHTTP(w, r, next); !errors.Is(err, errClosed) {
				t.Errorf("got %v", err)
			}
			if r.URL.Path != "/photo.jpg"+suffix {
				t.Errorf("the request is left at %s", r.URL.Path)
			}
			if got := request(t, h, next, "GET"); got.Body.String() != `{"Artist":"`+artist+`"}` {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
		}
	}
}

// TestRequestIsTheClientsAgain checks that the client's request is restored before the response is written:
// handlers before exif read it, as the access log does.
func TestRequestIsTheClientsAgain(t *testing.T) {
	for _, status := range []int{200, 404, 500} {
		var w pathAtWrite
		w.ResponseWriter = httptest.NewRecorder()
		r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/photo.jpg"+suffix, nil), caddy.NewReplacer(), &w, nil)
		w.r = r
		next := photoHandler(photoBy("alice"))
		if status != 200 {
			next = func(w http.ResponseWriter, _ *http.Request) error { w.WriteHeader(status); return nil }
		}
		if err := provisioned(t, &Handler{}).ServeHTTP(&w, r, next); err != nil || w.path != "/photo.jpg"+suffix {
			t.Errorf("%d: got %v at %s", status, err, w.path)
		}
	}
	for _, rules := range []Permissions{nil, {{Effect: "allow", Actions: []string{"GetObject"}}}} {
		for _, status := range []int{204, 404} {
			w := httptest.NewRecorder()
			r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodOptions, "/photo.jpg"+suffix, nil), caddy.NewReplacer(), w, nil)
			err := provisioned(t, &Handler{Permissions: rules}).ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(status)
				return nil
			}))
			if err != nil || r.URL.Path != "/photo.jpg"+suffix {
				t.Errorf("OPTIONS, %d: got %v at %s", status, err, r.URL.Path)
			}
		}
	}
}

// TestWeakened304 checks a 304 in which a compressing proxy has made the cached response's tag weak.
func TestWeakened304(t *testing.T) {
	h := provisioned(t, &Handler{})
	photo := photoHandler(photoBy("alice"))
	for i := range 3 {
		requests := 0
		got := request(t, h, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if requests++; r.Header.Get("If-None-Match") == `"1"` {
				w.Header().Set("Etag", `W/"1"`)
				w.WriteHeader(304)
				return nil
			}
			return photo(w, r)
		}), "GET")
		if got.Body.String() != `{"Artist":"alice"}` || requests != 1 || got.Header().Get("Etag") != h.marks[operations[0]].tag(`"1"`) {
			t.Errorf("%d: got %d %s, %v after %d requests", i, got.Code, got.Body, got.Header(), requests)
		}
	}
}

// TestFailureHoldsNoBody checks that a cached failure doesn't retain the scratch buffer of another object's
// response.
func TestFailureHoldsNoBody(t *testing.T) {
	h := provisioned(t, &Handler{})
	for i := range 8 { // whichever scratch buffer each gets
		tag := fmt.Sprintf(`"%d"`, i)
		request(t, h, photoHandler(photoBy("alice"), "Etag", tag), "GET", "X-User", "alice")
		r := httptest.NewRequest(http.MethodGet, "/photo.jpg"+suffix, nil)
		if got := request(t, h, photoHandler([]byte("no image"), "Etag", tag), "GET"); got.Code != 400 {
			t.Errorf("got %d %s", got.Code, got.Body)
		}
		if res := h.cache.get(newCacheKey(r, operations[0], "/photo.jpg")); res == nil || res.err == nil || res.body != nil {
			t.Errorf("the cache has %+v", res)
		}
	}
}

// TestErrorsAboutObject checks which errors every request for the same version would get.
func TestErrorsAboutObject(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{exif.ErrNotImage, true},
		{exif.ErrInvalid, true},
		{exif.ErrTooLarge, true},
		{object.ErrTooFar, true},
		{fmt.Errorf("x: %w", object.ErrTooFar), true},
		{object.ErrChanged, false},
		{object.ErrBroken, false},
		{object.ErrEncoded, false},
		{errDenied, false},
		{errClosed, false},
		{nil, false},
	} {
		if got := aboutObject(tc.err); got != tc.want {
			t.Errorf("%v: got %v", tc.err, got)
		}
	}
}

type pathAtWrite struct {
	http.ResponseWriter
	r    *http.Request
	path string
}

func (w *pathAtWrite) WriteHeader(status int) {
	w.path = w.r.URL.Path
	w.ResponseWriter.WriteHeader(status)
}

// TestAbortIsObeyed checks that an abort by the next handler closes the client's connection.
func TestAbortIsObeyed(t *testing.T) {
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic's value
			t.Errorf("recovered %v", p)
		}
	}()
	request(t, provisioned(t, &Handler{}), caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		panic(http.ErrAbortHandler)
	}), "GET")
	t.Error("the abort is gone")
}

// TestOthersPassUntouched checks that requests for no operation reach the next handler unchanged.
func TestOthersPassUntouched(t *testing.T) {
	h := provisioned(t, &Handler{Permissions: Permissions{{Effect: "allow", Actions: []string{"GetObject"}}}})
	for _, method := range []string{"GET", "PUT", "OPTIONS"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "/photo.jpg@base@tag=exifs", nil)
		passed := errors.New("passed")
		err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(got http.ResponseWriter, gotR *http.Request) error {
			if got != w || gotR != r || r.Method != method || r.Header.Get("Range") != "" {
				t.Errorf("got %v", gotR)
			}
			return passed
		}))
		if !errors.Is(err, passed) {
			t.Errorf("%s: got %v", method, err)
		}
	}
}

// TestScratchIsBounded checks that buffers of unusually large responses aren't pooled.
func TestScratchIsBounded(t *testing.T) {
	h := provisioned(t, &Handler{Cache: -1})
	var entries []testimage.Entry
	for id := range uint16(40) {
		entries = append(entries, testimage.ASCII(0x9c00+id, strings.Repeat("x", 1000)))
	}
	block := testimage.Block{IFD0: entries}
	large := testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment(block.Encode()))
	h.Unknown, h.options.Unknown = true, true
	usual, pooled := 0, 0
	for range 20 {
		for _, photo := range [][]byte{large, photoBy("alice")} {
			got := request(t, h, photoHandler(photo), "GET")
			if got.Code != 200 {
				t.Fatalf("got %d %s", got.Code, got.Body)
			}
			usual = max(usual, got.Body.Len())
		}
		s := scratches.Get().(*scratch)
		pooled = max(pooled, cap(s.json))
		scratches.Put(s)
	}
	if usual <= maxPooledJSON || pooled > maxPooledJSON || pooled == 0 {
		t.Errorf("after responses of up to %d bytes, %d are pooled", usual, pooled)
	}
}
