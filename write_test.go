package caddyexif

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// TestConditions repeats requests with the validators of the response, for stores that support conditions and
// one that ignores them.
func TestConditions(t *testing.T) {
	root := samples(t)
	ignores := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, k := range []string{"If-None-Match", "If-Modified-Since"} {
			r.Header.Del(k)
		}
		w.Header().Set("Etag", `"v1"`)
		http.ServeFile(w, r, root+r.URL.Path)
	})
	bare := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		// a store whose 304 has no ETag
		if r.Header.Get("If-None-Match") == `"v1"` && r.URL.Path != "/nope.jpg" {
			w.WriteHeader(304)
			return
		}
		r.Header.Del("If-None-Match")
		w.Header().Set("Etag", `"v1"`)
		http.ServeFile(w, r, root+r.URL.Path)
	})
	srv := serve(t, `
http://files.test:{$PORT} {
	bind 127.0.0.1
	exif
	root * `+root+`
	file_server
}
http://described.test:{$PORT} {
	bind 127.0.0.1
	exif {
		values described
	}
	root * `+root+`
	file_server
}
http://ignores.test:{$PORT} {
	bind 127.0.0.1
	exif {
		cache off
	}
	reverse_proxy `+ignores+`
}
http://bare.test:{$PORT} {
	bind 127.0.0.1
	exif {
		cache off
	}
	reverse_proxy `+bare+`
}
`)
	tags := map[string]bool{}
	for _, site := range []string{"files.test", "described.test", "ignores.test", "bare.test"} {
		first := srv.exif(site, "/iphone-4s.jpg")
		tag, modified := first.header.Get("Etag"), first.header.Get("Last-Modified")
		if first.status != 200 || tag == "" || modified == "" {
			t.Fatalf("%s: got %d, ETag %q, Last-Modified %q", site, first.status, tag, modified)
		}
		tags[tag] = true
		for _, tc := range []struct {
			name, value string
			status      int
		}{
			{"If-None-Match", tag, 304},
			{"If-None-Match", "W/" + tag, 304},
			{"If-None-Match", `"other", ` + tag, 304},
			{"If-None-Match", "*", 304},
			{"If-None-Match", `"other"`, 200},
			{"If-None-Match", strings.Replace(tag, "-exif", "-exig", 1), 200},
			{"If-Modified-Since", modified, 304},
			{"If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200},
			{"If-Modified-Since", "nonsense", 200},
		} {
			got := srv.exif(site, "/iphone-4s.jpg", tc.name, tc.value)
			if got.status != tc.status || tc.status == 304 && (got.body != "" || got.header.Get("Etag") != tag && tc.name == "If-None-Match") {
				t.Errorf("%s: %s: %s: got %d, ETag %q, %q; want %d, ETag %s", site, tc.name, tc.value, got.status, got.header.Get("Etag"), got.body, tc.status, tag)
			}
		}
		if got := srv.exif(site, "/nope.jpg", "If-None-Match", tag); got.status != 404 {
			t.Errorf("%s: missing: got %d", site, got.status)
		}
	}
	if len(tags) != 3 {
		t.Errorf("got tags %v: raw and described must differ", tags)
	}
}

// TestCachedResponseNeedsPermission checks that a cached response is sent only if the next handlers allow it.
func TestCachedResponseNeedsPermission(t *testing.T) {
	root := samples(t)
	rec := new(recorder)
	addr := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		rec.add(r.Clone(r.Context()))
		switch {
		case strings.HasPrefix(r.URL.Path, "/private/") && r.Header.Get("Authorization") == "":
			w.WriteHeader(401)
			return
		case r.URL.Path == "/weak.jpg":
			w.Header().Set("Etag", `W/"x"`)
			http.ServeFile(w, r, root+"/iphone-4s.jpg")
			return
		case r.URL.Path == "/cors.jpg":
			w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
			w.Header().Set("Vary", "Origin")
			w.Header().Set("Etag", `"x"`)
			http.ServeFile(w, r, root+"/iphone-4s.jpg")
			return
		}
		b := http.Dir(root)
		f, err := b.Open(r.URL.Path)
		if err != nil {
			w.WriteHeader(404)
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			w.WriteHeader(500)
			return
		}
		w.Header().Set("Etag", `"`+info.ModTime().String()+`"`)
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
	srv := serve(t, `http://a.test:{$PORT} {
	bind 127.0.0.1
	exif
	reverse_proxy `+addr+`
}
`)
	for i := range 3 {
		rec.take()
		got := srv.exif("a.test", "/private/a.jpg", "Authorization", "Bearer x")
		if got.status != 200 || got.body != iphone4S || got.header.Get("Etag") == "" || got.header.Get("Last-Modified") == "" {
			t.Errorf("%d: got %d %v %s", i, got.status, got.header, got.body)
		}
		reqs := rec.take()
		if len(reqs) != 1 || (reqs[0].Header.Get("If-None-Match") != "") != (i > 0) {
			t.Errorf("%d: got %d requests, %v", i, len(reqs), reqs[0].Header)
		}
	}
	if got := srv.exif("a.test", "/private/a.jpg"); got.status != 401 {
		t.Errorf("without rights: got %d %s", got.status, got.body)
	}
	if got := srv.exif("a.test", "/private/a.jpg", "Authorization", "Bearer x", "If-None-Match", `"other"`); got.status != 200 || got.body != iphone4S {
		t.Errorf("with another tag: got %d %s", got.status, got.body)
	}

	writeFile(t, root+"/private/a.jpg", []byte("GIF89a"))
	if got := srv.exif("a.test", "/private/a.jpg", "Authorization", "Bearer x"); got.body == iphone4S || asking == operations[0] && got.body != "{}" {
		t.Errorf("changed: got %d %s", got.status, got.body)
	}
	for range 2 {
		rec.take()
		srv.exif("a.test", "/weak.jpg")
		if reqs := rec.take(); reqs[0].Header.Get("If-None-Match") != "" {
			t.Error("an object with a weak tag was kept")
		}
	}
	for _, origin := range []string{"https://a.test", "https://b.test", "https://a.test"} {
		got := srv.exif("a.test", "/cors.jpg", "Origin", origin)
		if got.status != 200 || got.header.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("%s: got %d %v", origin, got.status, got.header)
		}
	}
}

func TestAppendSuffix(t *testing.T) {
	for in, want := range map[string]string{
		"/b.jpg":                 "/b.jpg" + suffix,
		"/b%2Fc.jpg?x=1":         "/b%2Fc.jpg" + suffix + "?x=1",
		"b.jpg":                  "b.jpg" + suffix,
		"http://A.test/b.jpg":    "http://A.test/b.jpg" + suffix,
		"//a.test/b.jpg":         "//a.test/b.jpg" + suffix,
		"https://a.test/b.jpg#x": "https://a.test/b.jpg" + suffix + "#x",
		"http://b.test/b.jpg":    "http://b.test/b.jpg",
		"?x=1":                   "?x=1",
		"mailto:a@a.test":        "mailto:a@a.test",
		"http://a.test.evil/b":   "http://a.test.evil/b",
		"https://a.test@evil/b":  "https://a.test@evil/b",
		"http://[::1":            "http://[::1",
	} {
		if got := appendSuffix(in, "a.test", suffix); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// TestCopiedFields checks that only fields about caching, modification and CORS are copied from the object's
// response.
func TestCopiedFields(t *testing.T) {
	src := http.Header{
		"Cache-Control": {"a", "b"}, "Expires": {"c"}, "Access-Control-Allow-Origin": {"d"}, "Access-Control-Expose-Headers": {"e", "f"},
		"Last-Modified": {"g", "h"}, "Vary": {"Accept , accept-encoding,,Origin", "Cookie"},
		"Access-Control": {"x"}, "Content-Type": {"x"}, "Content-Length": {"1"}, "Set-Cookie": {"x"}, "Etag": {"x"}, "X-Amz-Meta-A": {"x"}, "Age": {"1"},
	}
	want := http.Header{
		"Cache-Control": {"a", "b"}, "Expires": {"c"}, "Access-Control-Allow-Origin": {"d"}, "Access-Control-Expose-Headers": {"e", "f"},
		"Last-Modified": {"g"}, "Vary": {"Accept", "Origin", "Cookie"},
	}
	dst := http.Header{}
	copyObjectHeader(dst, src)
	if !reflect.DeepEqual(dst, want) {
		t.Errorf("got %v, want %v", dst, want)
	}
	for name, values := range dst {
		values[0] = "changed"
		if src[name][0] == "changed" {
			t.Errorf("%s is shared", name)
		}
	}
	for _, src := range []http.Header{{"Last-Modified": {""}}, {"Last-Modified": {}}, {"Vary": {"Accept-Encoding"}}, {"Vary": {""}}} {
		dst := http.Header{}
		if copyObjectHeader(dst, src); len(dst) > 0 {
			t.Errorf("%v: got %v", src, dst)
		}
	}
	dst = http.Header{"Vary": {"Origin"}} // set by a handler before exif
	if copyObjectHeader(dst, http.Header{"Vary": {"Cookie"}}); len(dst["Vary"]) != 2 {
		t.Errorf("got %v", dst)
	}
}

// TestFailureIsWritten checks that errors are written as JSON, redirects with the suffix appended, and the others
// returned with pass_errors.
func TestFailureIsWritten(t *testing.T) {
	for _, tc := range []struct {
		pass, passed bool
		method       string
		status       int
	}{
		{false, false, "GET", 404},
		{false, false, "HEAD", 404},
		{true, true, "GET", 404},
		{true, true, "GET", 400},
		{true, true, "GET", 503},
		{true, false, "GET", 399},
		{true, false, "GET", 302},
		{false, false, "GET", 302},
	} {
		h := &Handler{PassErrors: tc.pass, logger: zap.NewNop()}
		f := &failure{status: tc.status, code: "Code", message: "said", cause: errors.New("secret"), header: http.Header{"Location": {"/b.jpg"}, "Retry-After": {"7"}}}
		retry := f.header["Retry-After"]
		w := httptest.NewRecorder()
		r := httptest.NewRequest(tc.method, "http://a.test/a.jpg"+suffix, nil)
		repl := caddy.NewReplacer()
		r = caddyhttp.PrepareRequest(r, repl, w, nil)
		err := h.writeFailure(w, r, f, suffix)
		id, _ := repl.GetString("http.request.uuid")
		if w.Header().Get("Location") != "/b.jpg"+suffix || w.Header().Get("Retry-After") != "7" {
			t.Errorf("%+v: got %v", tc, w.Header())
		}
		if w.Header()["Retry-After"][0] = "changed"; retry[0] != "7" {
			t.Errorf("%+v: the header is shared", tc)
		}
		var he caddyhttp.HandlerError
		if tc.passed {
			if !errors.As(err, &he) || he.StatusCode != tc.status || !strings.HasSuffix(he.Err.Error(), "Code: said") || w.Body.Len() > 0 || strings.Contains(err.Error(), "secret") {
				t.Errorf("%+v: got %v, %s", tc, err, w.Body)
			}
			continue
		}
		want := `{"code":"Code","message":"said","status":` + strconv.Itoa(tc.status) + `,"requestId":"` + id + `"}`
		if err != nil || w.Code != tc.status || w.Header().Get("Content-Length") != strconv.Itoa(len(want)) || w.Header().Get("Content-Type") != "application/json" ||
			w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Body.String() != map[bool]string{true: want}[tc.method == "GET"] {
			t.Errorf("%+v: got %v, %d %v %s", tc, err, w.Code, w.Header(), w.Body)
		}
	}
}

// TestNoIDOutsideCaddy checks requests that Caddy didn't prepare.
func TestNoIDOutsideCaddy(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	if id := requestID(r); id != "" {
		t.Errorf("got %q", id)
	}
	new(stats).publish(r)
	// the ID is that of the placeholder, whichever is asked for first
	for _, first := range []bool{false, true} {
		repl := caddy.NewReplacer()
		r := caddyhttp.PrepareRequest(httptest.NewRequest("GET", "/", nil), repl, httptest.NewRecorder(), nil)
		if first {
			repl.GetString("http.request.uuid")
		}
		id := requestID(r)
		if is, _ := repl.GetString("http.request.uuid"); len(id) != 36 || id != is {
			t.Errorf("got %q, the placeholder has %q", id, is)
		}
	}
}

// TestPreflightIsAllOrNothing checks that a 2xx is passed on unchanged, and nothing of any other response.
func TestPreflightIsAllOrNothing(t *testing.T) {
	for _, tc := range []struct {
		statuses []int // 0 stands for a body without a status
		want     int   // 0 stands for no response
	}{
		{[]int{200}, 200},
		{[]int{201}, 201},
		{[]int{299}, 299},
		{[]int{103, 200}, 200},
		{[]int{0}, 200},
		{[]int{200, 404}, 200},
		{[]int{199, 200}, 200},
		{[]int{100, 201}, 201},
		{[]int{300}, 0},
		{[]int{404}, 0},
		{[]int{404, 200}, 0},
		{[]int{99, 200}, 0},
		{nil, 0},
	} {
		w := httptest.NewRecorder()
		s := &successWriter{w: w, header: http.Header{"X-A": {"1"}}}
		s.Header().Set("X-B", "2")
		for _, status := range tc.statuses {
			if status != 0 {
				s.WriteHeader(status)
			}
		}
		if tc.statuses != nil {
			if n, err := s.Write([]byte("body")); n != 4 || err != nil {
				t.Errorf("%v: got %d, %v", tc.statuses, n, err)
			}
		}
		passed := tc.want != 0
		if s.passed != passed || (w.Body.String() == "body") != passed || passed && w.Code != tc.want || (w.Header().Get("X-A")+w.Header().Get("X-B") == "12") != passed {
			t.Errorf("%v: got passed %v, %d %v %s", tc.statuses, s.passed, w.Code, w.Header(), w.Body)
		}
	}

	// the next handler's error is returned only if its response was passed on
	failed := errors.New("failed")
	for _, tc := range []struct {
		rules  Permissions
		status int
		want   int
		err    error
	}{
		{nil, 200, 200, failed},
		{nil, 404, 404, failed},
		{Permissions{{Effect: "allow", Actions: []string{"GetObject"}}}, 200, 200, failed},
		{Permissions{{Effect: "allow", Actions: []string{"GetObject"}}}, 404, 405, nil},
	} {
		got := request(t, provisioned(t, &Handler{Permissions: tc.rules}), caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if r.Method != "OPTIONS" || r.URL.Path != "/photo.jpg" || r.Header.Get("Range") != "" {
				t.Errorf("got %s %s, %v", r.Method, r.URL.Path, r.Header)
			}
			w.WriteHeader(tc.status)
			return failed
		}), "OPTIONS")
		if got.Code != tc.want || !errors.Is(got.err, tc.err) || strings.Contains(got.Body.String(), "requestId") != (tc.want == 405) {
			t.Errorf("%v, %d: got %d %s, %v", tc.rules, tc.status, got.Code, got.Body, got.err)
		}
	}
}

// TestAppendSuffixKeepsEscapes checks redirects with unparsable paths, or of other kinds.
func TestAppendSuffixKeepsEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"/%zz": "/%zz", "": "", "https:/b.jpg": "https:/b.jpg" + suffix, "ftp://a.test/b.jpg": "ftp://a.test/b.jpg", "HTTP://a.test/b.jpg": "http://a.test/b.jpg" + suffix,
		"/a%40b": "/a%40b" + suffix, "/a%25b": "/a%25b" + suffix,
	} {
		if got := appendSuffix(in, "a.test", suffix); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
