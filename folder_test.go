package caddyexif

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// photoFolder starts a site with a folder of n photos, p0001.jpg and so on.
func photoFolder(t testing.TB, n int, exif string) (srv *server, root string) {
	t.Helper()
	root = t.TempDir()
	for i := range n {
		writeFile(t, filepath.Join(root, fmt.Sprintf("p%04d.jpg", i+1)), iphone())
	}
	return serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nroot "+root+"\nexif {\n"+exif+"\n}\nfile_server browse\n}\n"), root
}

// names returns the names of a folder's lines, which must be JSON.
func names(t testing.TB, r reply) (names []string) {
	t.Helper()
	var list []struct{ SourceFile string }
	if err := json.Unmarshal([]byte(r.body), &list); err != nil || r.status != http.StatusOK {
		t.Fatalf("got %d, %v: %.300s", r.status, err, r.body)
	}
	for _, l := range list {
		names = append(names, l.SourceFile)
	}
	return names
}

func TestFolderInPages(t *testing.T) {
	srv, root := photoFolder(t, 7, "folders 3")
	writeFile(t, filepath.Join(root, "P0000.jpg"), iphone()) // first: file_server ignores case
	next := regexp.MustCompile(`^<(.*)>; rel="next"$`)
	for _, query := range []string{"", "?x=a%20b", "?sort=name&order=desc"} {
		var pages [][]string
		for at := "/" + suffix + query; ; {
			r := srv.get(http.MethodGet, "a.test", at)
			pages = append(pages, names(t, r))
			m := next.FindStringSubmatch(r.header.Get("Link"))
			if m == nil {
				break
			}
			base, _ := url.Parse("http://a.test" + at)
			to, err := base.Parse(m[1])
			if err != nil || !strings.Contains(to.RawQuery, strings.TrimPrefix(query, "?")) {
				t.Fatalf("got Link %q, %v", r.header.Get("Link"), err)
			}
			at = to.RequestURI()
		}
		want := "[[P0000.jpg p0001.jpg p0002.jpg] [p0003.jpg p0004.jpg p0005.jpg] [p0006.jpg p0007.jpg]]"
		if strings.Contains(query, "desc") {
			want = "[[p0007.jpg p0006.jpg p0005.jpg] [p0004.jpg p0003.jpg p0002.jpg] [p0001.jpg P0000.jpg]]"
		}
		if got := fmt.Sprint(pages); got != want {
			t.Errorf("%q: got %s, want %s", query, got, want)
		}
	}
	for after, want := range map[string]string{
		"p0004.jpg": "[p0005.jpg p0006.jpg p0007.jpg]", "p0004.jpf": "[p0004.jpg p0005.jpg p0006.jpg]", "p0007.jpg": "[]", "z": "[]", "a": "[P0000.jpg p0001.jpg p0002.jpg]",
	} {
		r := srv.get(http.MethodGet, "a.test", "/"+suffix+"?after="+after)
		if got := fmt.Sprint(names(t, r)); got != want {
			t.Errorf("after %s: got %s, want %s", after, got, want)
		}
		if more := r.header.Get("Link") != ""; more != (want != "[]" && !strings.Contains(want, "p0007.jpg")) {
			t.Errorf("after %s: got Link %q", after, r.header.Get("Link"))
		}
	}
}

// TestFolderRevalidates checks that a folder that didn't change is a 304 that asks for no photo, and that each
// change shows.
func TestFolderRevalidates(t *testing.T) {
	srv, root := photoFolder(t, 3, "folders\npass_errors")
	get := func(tag string, header ...string) reply {
		return srv.get(http.MethodGet, "a.test", "/"+suffix, append([]string{"If-None-Match", tag}, header...)...)
	}
	first := get(`"x"`)
	tag := first.header.Get("Etag")
	if first.status != 200 || tag == "" {
		t.Fatalf("got %d, ETag %q", first.status, tag)
	}
	const subrequests = "caddy_exif_object_requests_total"
	before := metric(t, subrequests)
	for _, tags := range []string{tag, `"y", ` + tag, strings.TrimPrefix(tag, "W/"), "*"} {
		if r := get(tags); r.status != 304 || r.body != "" || r.header.Get("Etag") != tag {
			t.Errorf("%s: got %d, ETag %s", tags, r.status, r.header.Get("Etag"))
		}
	}
	if r := srv.get(http.MethodHead, "a.test", "/"+suffix, "If-None-Match", tag); r.status != 304 {
		t.Errorf("HEAD: got %d", r.status)
	}
	if got := metric(t, subrequests) - before; got != 5 {
		t.Errorf("got %v sub-requests, want one for each of 5 listings", got)
	}
	for what, header := range map[string][]string{
		"another user": {"Authorization", basic("bob")}, "another cookie": {"Cookie", "a=b"}, "another tag": {"If-None-Match", `"z"`},
	} {
		if r := get(tag, header...); what != "another tag" && r.status != 200 {
			t.Errorf("%s: got %d", what, r.status)
		}
	}
	if r := srv.get(http.MethodGet, "a.test", "/"+operations[1].suffix(), "If-None-Match", tag); r.status != 200 {
		t.Errorf("another operation: got %d", r.status)
	}
	writeFile(t, filepath.Join(root, "q.jpg"), iphone())
	if r := get(tag); r.status != 200 || len(names(t, r)) != 4 || r.header.Get("Etag") == tag {
		t.Errorf("changed: got %d %s", r.status, r.body)
	}
}

// TestTagOfAPageKnowsTheNext: a photo after the page changes only its Link, and so its tag.
func TestTagOfAPageKnowsTheNext(t *testing.T) {
	srv, root := photoFolder(t, 3, "folders 3")
	tag := srv.get(http.MethodGet, "a.test", "/"+suffix).header.Get("Etag")
	writeFile(t, filepath.Join(root, "q.jpg"), iphone())
	if r := srv.get(http.MethodGet, "a.test", "/"+suffix, "If-None-Match", tag); r.status != 200 || len(names(t, r)) != 3 || r.header.Get("Etag") == tag || r.header.Get("Link") == "" {
		t.Errorf("with a next page: got %d, Link %q, %s", r.status, r.header.Get("Link"), r.body)
	}
}

// TestQueryStaysInItsLink checks that a client's query can't end the URL in the Link header, and add links of its own.
func TestQueryStaysInItsLink(t *testing.T) {
	srv, _ := photoFolder(t, 2, "folders 1")
	r := srv.get(http.MethodGet, "a.test", "/"+suffix+"?a=1>;rel=x,<//evil.test>&after=0")
	if l := r.header.Get("Link"); r.status != 200 || !strings.HasPrefix(l, "<?a=1%3E;rel=x,<//evil.test%3E&after=") || strings.Count(l, ">") != 1 {
		t.Errorf("got %d, Link %s", r.status, l)
	}
}

// TestListingThatStartsAfter checks listings that begin after the name asked for, in an order of their own, and those
// that say so of another name.
func TestListingThatStartsAfter(t *testing.T) {
	h := provisioned(t, &Handler{Folders: 10})
	for field, want := range map[string][]string{
		"Z%20b.jpg": {"Z c.jpg", "a.jpg", "Z a.jpg"}, "Z+b.jpg": {"Z c.jpg", "a.jpg", "Z a.jpg"},
		"": {"Z c.jpg"}, "Z%20a.jpg": {"Z c.jpg"}, "Z%2": {"Z c.jpg"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/f/"+suffix+"?after=Z+b.jpg", nil)
		r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
		res, err := h.answerFolder(r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", jsonType)
			w.Header().Set(afterField, field)
			_, err := io.WriteString(w, `[{"name":"Z c.jpg"},{"name":"a.jpg"},{"name":"Z a.jpg"}]`)
			return err
		}), operations[0], "/f/", new(stats))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range res.folder.page.entries {
			got = append(got, e.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", field, got, want)
		}
	}
}

// metric returns the sum of a counter in Caddy's metrics.
func metric(t *testing.T, name string) (sum float64) {
	t.Helper()
	ctx := caddy.ActiveContext()
	families, err := ctx.GetMetricsRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// TestFailedPhotoIsAskedAgain checks that a response with a photo that failed is never confirmed by a 304.
func TestFailedPhotoIsAskedAgain(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	photo := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if down.Load() && strings.HasSuffix(r.URL.Path, "b.jpg") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/") {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `[{"name":"a.jpg","size":1,"url":"./a.jpg"},{"name":"b.jpg"}]`)
			return
		}
		w.Write(iphone())
	})
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nexif {\nfolders\n}\nreverse_proxy "+photo+"\n}\n")
	r := srv.get(http.MethodGet, "a.test", "/"+suffix)
	if !strings.Contains(r.body, `{"SourceFile":"b.jpg","Error":"ServiceUnavailable"}`) {
		t.Fatalf("got %s", r.body)
	}
	down.Store(false)
	again := srv.get(http.MethodGet, "a.test", "/"+suffix, "If-None-Match", r.header.Get("Etag"))
	if again.status != 200 || strings.Contains(again.body, "Error") {
		t.Errorf("got %d %s", again.status, again.body)
	}
	if last := srv.get(http.MethodGet, "a.test", "/"+suffix, "If-None-Match", r.header.Get("Etag")); last.status != 304 {
		t.Errorf("then got %d", last.status)
	}
}

func TestFolderHeader(t *testing.T) {
	listing := http.Header{}
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nheader Cdn-Cache-Control max-age=60\nexif {\nfolders\n}\nreverse_proxy "+upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for k, v := range listing {
			w.Header()[k] = v
		}
		if strings.HasSuffix(r.URL.Path, "/") {
			io.WriteString(w, `[{"name":"a.jpg"}]`)
			return
		}
		w.Write(iphone())
	})+"\n}\n")
	for _, tc := range []struct{ in, out http.Header }{
		{http.Header{}, http.Header{"Cache-Control": {"private"}}},
		{http.Header{"Cache-Control": {"public, max-age=60, s-maxage=99"}}, http.Header{"Cache-Control": {"private, max-age=60"}}},
		{http.Header{"Cache-Control": {"No-Store"}}, http.Header{"Cache-Control": {"private, No-Store"}}},
		{http.Header{"Expires": {"Sun, 29 Nov 2099 10:00:00 GMT"}}, http.Header{"Cache-Control": {"private"}}},
		{http.Header{"Vary": {"Accept, Accept-Encoding, Cookie"}}, http.Header{"Vary": {"Cookie"}, "Cache-Control": {"private"}}},
		{http.Header{"Last-Modified": {"Sun, 29 Nov 2020 10:00:00 GMT"}, "X-Secret": {"1"}, "Set-Cookie": {"a=b"}}, http.Header{"Cache-Control": {"private"}}},
		{http.Header{"Access-Control-Allow-Origin": {"*"}}, http.Header{"Access-Control-Allow-Origin": {"*"}, "Cache-Control": {"private"}}},
	} {
		listing = tc.in
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r := srv.get(method, "a.test", "/"+suffix)
			if method == http.MethodGet && len(names(t, r)) != 1 || method == http.MethodHead && r.body != "" {
				t.Errorf("%s %v: got %s", method, tc.in, r.body)
			}
			if r.header.Get("Content-Type") != jsonType || r.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(r.header.Get("Etag"), `W/"`) {
				t.Errorf("%s %v: got %v", method, tc.in, r.header)
			}
			for _, k := range []string{"Content-Type", "X-Content-Type-Options", "Etag", "Date", "Server", "Content-Length", "Via"} {
				r.header.Del(k)
			}
			if fmt.Sprint(r.header) != fmt.Sprint(tc.out) {
				t.Errorf("%s %v: got %v, want %v", method, tc.in, r.header, tc.out)
			}
		}
	}
}

// TestNoListing checks that a folder without a listing is answered as an object that doesn't exist.
func TestNoListing(t *testing.T) {
	const photo = `{"name":"a.jpg"}`
	answers := map[string]struct {
		status int
		body   string
		code   string
	}{
		"/page/":      {200, "<html>", "404 NoSuchKey"},
		"/object/":    {200, photo, "404 NoSuchKey"},
		"/numbers/":   {200, "[1,2]", "404 NoSuchKey"},
		"/nameless/":  {200, `[{"size":1}]`, "404 NoSuchKey"},
		"/empty/":     {200, "", "404 NoSuchKey"},
		"/null/":      {200, "null", "404 NoSuchKey"},
		"/long/":      {200, `[{"name":"` + strings.Repeat("a", 1<<20) + `"}]`, "404 NoSuchKey"},
		"/text/":      {200, "a.jpg\nb.jpg\n", "404 NoSuchKey"},
		"/cut/":       {200, "[" + photo, "500 InternalError"},
		"/cut2/":      {200, "[" + photo + ",{", "500 InternalError"},
		"/gone/":      {410, "", "404 NoSuchKey"},
		"/forbidden/": {403, "[" + photo + "]", "403 AccessDenied"},
		"/busy/":      {503, "", "503 ServiceUnavailable"},
		"/none/":      {204, "", "500 InternalError"},
	}
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nexif {\nfolders\n}\nreverse_proxy "+upstream(t, func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers[r.URL.Path]
		if !ok {
			w.Write(iphone())
			return
		}
		w.WriteHeader(a.status)
		io.WriteString(w, a.body)
	})+"\n}\n")
	for path, a := range answers {
		r := srv.exif("a.test", path)
		var e struct{ Code string }
		_ = json.Unmarshal([]byte(r.body), &e)
		if got := fmt.Sprint(r.status, " ", e.Code); got != a.code {
			t.Errorf("%s: got %s, want %s", path, got, a.code)
		}
	}
	for _, op := range operations[3:] {
		if r := srv.get(http.MethodGet, "a.test", "/page/"+op.suffix()); r.status != 400 || !strings.Contains(r.body, "InvalidRequest") {
			t.Errorf("%s: got %d %s", op.word, r.status, r.body)
		}
	}
	if r := srv.get(http.MethodPost, "a.test", "/page/"+suffix); r.status != 405 {
		t.Errorf("POST: got %d", r.status)
	}
}

// TestNamesOfListings checks which names of a listing are asked for, and as what.
func TestNamesOfListings(t *testing.T) {
	listing := `[
		{"name":"sub/","url":"./sub/","is_dir":true},{"name":".hidden.jpg","url":"./.hidden.jpg"},{"name":"..","url":"./.."},
		{"name":"a.jpg","url":"./a.jpg"},{"name":"b.jpg"},{"name":"b c%#?.jpg","url":"./b%20c%25%23%3F.jpg"},
		{"name":"evil","url":"./../../etc/passwd"},{"name":"evil/b","url":"./evil%2Fb"},{"name":"bad","url":"./%zz"},
		{"name":"\ufffd.jpg","url":"./%FF.jpg"},{"name":"away","url":"https://elsewhere.test/x.jpg"},{"name":"{{x}}.jpg","url":"./%7B%7Bx%7D%7D.jpg"},
		{"name":"d.jpg@base@tag=exif","url":"./d.jpg@base@tag=exif"}
	]`
	var mu sync.Mutex
	var asked []string
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nexif {\nfolders\n}\nreverse_proxy "+upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			io.WriteString(w, listing)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.RequestURI)
		w.Write(iphone())
	})+"\n}\n")
	got := names(t, srv.exif("a.test", "/x%20y/", "Range", "bytes=0-1", "If-Match", `"x"`))
	if want := "[a.jpg b.jpg b c%#?.jpg \ufffd.jpg away {{x}}.jpg]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	slices.Sort(asked)
	if want := "[/x%20y/%7B%7Bx%7D%7D.jpg /x%20y/%FF.jpg /x%20y/a.jpg /x%20y/away /x%20y/b%20c%25%23%3F.jpg /x%20y/b.jpg]"; fmt.Sprint(asked) != want {
		t.Errorf("asked for %v, want %s", asked, want)
	}
}

// trouble is a handler that fails for photos by their names.
type trouble struct{}

func init() {
	caddy.RegisterModule(trouble{})
	httpcaddyfile.RegisterHandlerDirective("trouble_test", func(httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) { return trouble{}, nil })
	httpcaddyfile.RegisterDirectiveOrder("trouble_test", httpcaddyfile.Before, "file_server")
}

func (trouble) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.trouble_test", New: func() caddy.Module { return new(trouble) }}
}

func (trouble) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (trouble) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	switch filepath.Base(r.URL.Path) {
	case "p0002.jpg":
		panic("oh no")
	case "p0003.jpg":
		panic(http.ErrAbortHandler)
	case "p0004.jpg":
		return errors.New("oh dear")
	}
	return next.ServeHTTP(w, r)
}

// TestPhotoInTroubleSparesOthers checks that a handler that fails or panics for a photo costs that photo's line.
func TestPhotoInTroubleSparesOthers(t *testing.T) {
	root := t.TempDir()
	for i := range 6 {
		writeFile(t, filepath.Join(root, fmt.Sprintf("p%04d.jpg", i+1)), iphone())
	}
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nroot "+root+"\nexif {\nfolders\n}\ntrouble_test\nfile_server browse\n}\n"+
		"http://loop.test:{$PORT} {\nbind 127.0.0.1\nroot "+root+"\nroute {\nrewrite * /"+suffix+"\nexif {\nfolders\n}\nfile_server browse\n}\n}\n"+
		"http://alias.test:{$PORT} {\nbind 127.0.0.1\nroot "+root+"\nroute {\nrewrite /album.json /"+suffix+"\nexif {\nfolders\n}\nfile_server browse\n}\n}\n")
	r := srv.exif("a.test", "/")
	got := regexp.MustCompile(`,"Make[^}]*`).ReplaceAllString(r.body, "")
	if want := `[
{"SourceFile":"p0001.jpg"},
{"SourceFile":"p0002.jpg","Error":"InternalError"},
{"SourceFile":"p0004.jpg","Error":"InternalError"},
{"SourceFile":"p0005.jpg"},
{"SourceFile":"p0006.jpg"}
]
`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if r := srv.get(http.MethodGet, "loop.test", "/x"); len(names(t, r)) != 0 {
		t.Errorf("a folder in a folder: got %s", r.body)
	}
	if r := srv.get(http.MethodGet, "alias.test", "/album.json"); len(names(t, r)) != 6 {
		t.Errorf("rewritten to a folder: got %s", r.body)
	}
}

// TestFolderEndsWithItsClient checks that nothing goes on when the client has gone, and that what it got until
// then isn't JSON.
func TestFolderEndsWithItsClient(t *testing.T) {
	const count = 500
	var list []string
	for i := range count {
		list = append(list, fmt.Sprintf(`{"name":"%d.jpg"}`, i))
	}
	var asked, running, most atomic.Int64
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nexif {\nfolders\n}\nreverse_proxy "+upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			io.WriteString(w, "["+strings.Join(list, ",")+"]")
			return
		}
		n := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if asked.Add(1) > 20 {
			<-r.Context().Done()
			return
		}
		w.Write(iphone())
	})+"\n}\n")
	ours := func() int {
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		return strings.Count(string(stacks), "caddyexif.(*folder)") + strings.Count(string(stacks), "caddyexif.(*lines)") + strings.Count(string(stacks), "caddyexif.(*page)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+srv.Addr+"/"+suffix, nil)
	req.Host = "a.test"
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err == nil || json.Valid(body) || strings.Count(string(body), "\n") < 5 {
		t.Errorf("got %v, %d lines:\n%s", err, strings.Count(string(body), "\n"), body)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if running.Load() == 0 && ours() == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d requests and %d goroutines run on", running.Load(), ours())
		}
	}
	if n := asked.Load(); n > 20+folderRequests {
		t.Errorf("%d photos were asked for", n)
	}
	if n := most.Load(); n > folderRequests {
		t.Errorf("%d requests ran at the same time", n)
	}
}

// TestFoldersAtOnce runs folders and photos side by side through handlers that keep state in the request: for
// the race detector, and for lines that end up in another's response.
func TestFoldersAtOnce(t *testing.T) {
	root := t.TempDir()
	for i := range 30 {
		b := slices.Clone(iphone())
		writeFile(t, filepath.Join(root, fmt.Sprintf("p%04d.jpg", i)), b)
	}
	auth := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Remote-Name", filepath.Base(strings.Split(r.Header.Get("X-Forwarded-Uri"), "@")[0]))
	})
	t.Setenv("HASH", hiccup)
	// With keepalive, forward_auth may still dial when the next handler sets Caddy's variables, which is a race of Caddy's own.
	handlers := "map {path} {name} {\n~/([^/]*)$ ${1}\ndefault -\n}\nvars kind {path}\nexif {\nfolders\nallow ListBucket\nallow GetObject {\nheader Remote-Name {name}\nexpression `{http.auth.user.id} == \"bob\"`\n}\n}\n" +
		"request_header X-Path {path}\nbasic_auth {\nbob {$HASH}\n}\nforward_auth " + auth + " {\nuri /\ncopy_headers Remote-Name\ntransport http {\nkeepalive off\n}\n}\n@p path_regexp p ([^/]*)$\nheader @p X-P {re.p.1}\ntemplates\n"
	srv := serve(t, "http://files.test:{$PORT} {\nbind 127.0.0.1\nroot "+root+"\n"+handlers+"file_server browse\n}\n"+
		"http://proxy.test:{$PORT} {\nbind 127.0.0.1\n"+handlers+"reverse_proxy {$ADDR} {\nheader_up Host plain.test\n}\n}\n"+
		"http://plain.test:{$PORT} {\nbind 127.0.0.1\nroot "+root+"\nfile_server browse\n}\n")
	want := srv.exif("files.test", "/", "Authorization", basic("bob"))
	if got := names(t, want); len(got) != 30 {
		t.Fatalf("got %v", got)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			site := []string{"files.test", "proxy.test"}[i%2]
			if r := srv.exif(site, "/", "Authorization", basic("bob")); r.body != want.body {
				t.Errorf("%s: got %d %.500s", site, r.status, r.body)
			}
			if r := srv.exif(site, "/", "Authorization", basic("eve")); r.status != 401 {
				t.Errorf("eve: got %d", r.status)
			}
			if r := srv.exif(site, "/p0007.jpg", "Authorization", basic("bob")); r.body != iphone4S {
				t.Errorf("got %d %s", r.status, r.body)
			}
		})
	}
	wg.Wait()
}

// TestLinesComeInOrder checks the order of lines, how far requests run ahead, and that large lines hold them back.
func TestLinesComeInOrder(t *testing.T) {
	for _, tc := range []struct {
		name        string
		size, ahead int
	}{{"small lines", 10, folderLead}, {"large lines", folderHeld / 2, 2 + folderRequests + 1}} {
		t.Run(tc.name, func(t *testing.T) {
			const count = 300
			first := make(chan struct{})
			var most atomic.Int64
			l := newLines(count)
			l.run(func(i int) line {
				if i == 0 {
					<-first
				}
				if m := most.Load(); int64(i) > m {
					most.CompareAndSwap(m, int64(i))
				}
				return line{text: slices.Repeat([]byte{byte(i)}, tc.size)}
			})
			time.Sleep(50 * time.Millisecond)
			if m := most.Load(); m > int64(tc.ahead) {
				t.Errorf("%d requests ahead of the first line, want at most %d", m, tc.ahead)
			}
			close(first)
			for i := range count {
				if got, ok, _ := l.next(false); !ok || len(got.text) != tc.size || got.text[0] != byte(i) {
					t.Fatalf("line %d: got %v, %v", i, got.text[:1], ok)
				}
			}
			l.wait()
		})
	}
}

// TestSlowLineIsLate checks that a line that takes long doesn't keep earlier ones from being sent.
func TestSlowLineIsLate(t *testing.T) {
	l := newLines(2)
	slow := make(chan struct{})
	l.run(func(i int) line {
		if i == 1 {
			<-slow
		}
		return line{}
	})
	if _, ok, late := l.next(false); !ok || late {
		t.Errorf("the first line: got %v, %v", ok, late)
	}
	if _, ok, late := l.next(true); !ok || !late {
		t.Errorf("a line that takes long: got %v, %v", ok, late)
	}
	close(slow)
	if _, ok, late := l.next(false); !ok || late {
		t.Errorf("the second line: got %v, %v", ok, late)
	}
	l.stop()
	if _, ok, _ := l.next(true); ok {
		t.Error("a line after the end")
	}
	l.wait()
}

// TestPageIsBounded reads listings that are endless, or whose names are long.
func TestPageIsBounded(t *testing.T) {
	p := page{max: maxFolder, begun: true}
	item := fmt.Sprintf(`{"name":"%s"},`, strings.Repeat("n", 1000))
	if err := p.read(io.MultiReader(strings.NewReader("["), repeating(item))); err != nil || len(p.entries) != maxNames/1000 || !p.more {
		t.Errorf("long names: got %d entries, %v", len(p.entries), err)
	}
	p = page{max: maxFolder, begun: true}
	if err := p.read(io.MultiReader(strings.NewReader("["), repeating(`{"name":"d/","is_dir":true},`))); !errors.Is(err, object.ErrTooFar) {
		t.Errorf("endless folders: got %v", err)
	}
	p = page{max: 2, after: "z"}
	if err := p.read(strings.NewReader(`[{"name":"a"},{"name":"z"},{"name":"b"},{"name":"c"}]`)); err != nil || len(p.entries) != 2 || p.more || p.entries[0].path != "b" {
		t.Errorf("in another order: got %v, %v", p.entries, err)
	}
}

// repeating returns a reader of a text that repeats for ever.
func repeating(s string) io.Reader {
	r, w := io.Pipe()
	go func() {
		for {
			if _, err := io.WriteString(w, strings.Repeat(s, 100)); err != nil {
				return
			}
		}
	}()
	return r
}

// TestFolderIsHeldInLittleMemory stalls a client in the middle of a folder whose lines are long, and checks how much
// memory is held for it.
func TestFolderIsHeldInLittleMemory(t *testing.T) {
	root := t.TempDir()
	b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010E, strings.Repeat("long ", 12_000))}}
	const count = 400
	for i := range count {
		writeFile(t, filepath.Join(root, fmt.Sprintf("%03d.tif", i)), testimage.TIFF(b))
	}
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nroot "+root+"\nexif {\nfolders\ncache off\n}\nfile_server browse\n}\n")
	if got := names(t, srv.exif("a.test", "/")); len(got) != count {
		t.Fatalf("got %d names", len(got))
	}
	inUse := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // frees pools
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	const clients = 4
	before := inUse()
	for range clients {
		conn, err := net.Dial("tcp", srv.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: a.test\r\n\r\n", suffix)
		if _, err := io.ReadFull(conn, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Second) // until they are all stalled
	each := (inUse() - before) / clients
	t.Logf("%d KiB a client", each>>10)
	if each > 1<<20 {
		t.Errorf("a stalled client of a folder holds %d KiB", each>>10)
	}
}

// TestFolderOfBrokenConnection checks that a client whose connection breaks while lines are flushed ends its own request
// only.
func TestFolderOfBrokenConnection(t *testing.T) {
	h := provisioned(t, &Handler{Folders: 10, Cache: -1})
	f := &folder{h: h, op: operations[0], stats: new(stats), routes: caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		time.Sleep(3 * folderFlush)
		lineOf(r).record(new(stats), &response{body: []byte("{}")}, nil)
		_, err := w.Write([]byte("{}"))
		return err
	}), photo: &http.Request{URL: &url.URL{Path: "/"}, RemoteAddr: "127.0.0.1:1"}, server: new(caddyhttp.Server)}
	f.page.entries = make([]entry, 20)
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic's value
				t.Errorf("got panic %v", p)
			}
		}()
		f.write(t.Context(), brokenWriter{})
	}()
}

// brokenWriter is the writer of a connection that has broken.
type brokenWriter struct{}

func (brokenWriter) Header() http.Header       { return http.Header{} }
func (brokenWriter) WriteHeader(int)           {}
func (brokenWriter) Write([]byte) (int, error) { return 0, net.ErrClosed }

// TestFolderTagIsTheClients: where rules depend on the address, the tag is for one address, by any port. A 304 would
// otherwise tell a client which photos another one may read.
func TestFolderTagIsTheClients(t *testing.T) {
	listing := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", jsonType)
		_, err := io.WriteString(w, `[{"name":"a.jpg"}]`)
		return err
	})
	byAddress := Permissions{
		{Effect: "allow", Actions: []string{"GetObject", "ListBucket"}, MatcherSetsRaw: caddyhttp.RawMatcherSets{{"client_ip": []byte(`{"ranges":["192.0.2.0/24"]}`)}}},
	}
	byMethod := Permissions{
		{Effect: "allow", Actions: []string{"GetObject", "ListBucket"}, MatcherSetsRaw: caddyhttp.RawMatcherSets{{"method": []byte(`["GET"]`)}}},
	}
	for _, tc := range []struct {
		name   string
		rules  Permissions
		others bool // other clients have other tags
	}{{"no rules", nil, false}, {"by method", byMethod, false}, {"by address", byAddress, true}} {
		h := provisioned(t, &Handler{Folders: 10, Permissions: tc.rules})
		tag := func(remote, client string) string {
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/f/"+suffix, nil)
			r.RemoteAddr = remote
			r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
			caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, client)
			res, err := h.answerFolder(r, listing, operations[0], "/f/", new(stats))
			if err != nil {
				t.Fatal(err)
			}
			return res.etag
		}
		first := tag("192.0.2.1:1000", "192.0.2.1")
		if other := tag("192.0.2.1:2000", "192.0.2.1"); other != first {
			t.Errorf("%s: got %s and, from another port, %s", tc.name, first, other)
		}
		if other := tag("192.0.2.2:1000", "192.0.2.1"); (other != first) != tc.others {
			t.Errorf("%s: got %s and, from another address, %s", tc.name, first, other)
		}
		if other := tag("192.0.2.1:1000", "192.0.2.2"); (other != first) != tc.others {
			t.Errorf("%s: got %s and, for another client of a proxy, %s", tc.name, first, other)
		}
	}
}

// TestFolderOfOtherOrigins: a page of another origin that may read the folder's response gets only photos that it may read.
func TestFolderOfOtherOrigins(t *testing.T) {
	for _, tc := range []struct {
		origin, credentials string // of the folder's response
		photo               []string
		want                bool
	}{
		{"", "", nil, true},
		{"", "true", nil, true},
		{"*", "", nil, false},
		{"*", "", []string{"*"}, true},
		{"*", "", []string{"https://a.test"}, false},
		{"https://a.test", "", nil, false},
		{"https://a.test", "", []string{"https://a.test"}, true},
		{"https://a.test", "", []string{"https://b.test"}, false},
		{"https://a.test", "", []string{"*"}, true},
		{"https://a.test", "true", []string{"https://a.test"}, false},
		{"https://a.test", "true", []string{"https://a.test", "true"}, true},
		{"https://a.test", "true", []string{"https://b.test", "true"}, false},
		{"https://a.test", "true", []string{"*"}, false},
	} {
		photo := make(http.Header)
		for i, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"}[:len(tc.photo)] {
			photo.Set(name, tc.photo[i])
		}
		f := folder{origin: tc.origin, credentials: tc.credentials}
		if got := f.sameOrigin(photo); got != tc.want {
			t.Errorf("the folder is for %q %q, the photo for %q: got %t", tc.origin, tc.credentials, tc.photo, got)
		}
	}
}
