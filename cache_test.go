package caddyexif

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// farPhoto returns an image with EXIF in its last bytes, a megabyte from its start.
func farPhoto() []byte {
	block := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "far away")}}
	return testimage.PNG(testimage.Gradient(8, 8), testimage.PNGChunk("juNk", make([]byte, 1<<20)),
		testimage.PNGChunk("eXIf", block.Encode()))
}

// crowd is a next handler for many concurrent requests for one object: it serves no first window until all
// requests have asked for it.
type crowd struct {
	photo   []byte
	all     sync.WaitGroup
	later   atomic.Int64 // number of requests for later windows
	further func() error // called before each of those
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	if strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") {
		c.all.Done()
		c.all.Wait()
		if r.UserAgent() == "" {
			return caddyhttp.Error(http.StatusForbidden, nil)
		}
	} else {
		c.later.Add(1)
		if err := c.further(); err != nil {
			return err
		}
	}
	w.Header().Set("Etag", `"1"`)
	w.Header().Set("Cache-Control", "for "+r.UserAgent())
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(c.photo))
	return nil
}

func provisioned(t *testing.T, h *Handler) *Handler {
	t.Helper()
	storage, err := json.Marshal(map[string]string{"module": "file_system", "root": t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&caddy.Config{StorageRaw: storage})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	return h
}

// ask asks for the EXIF with that User-Agent, a field that the cache key ignores.
func ask(ctx context.Context, h *Handler, next caddyhttp.Handler, agent string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/photo.png"+suffix, nil)
	if agent != "" {
		r.Header.Set("User-Agent", agent)
	}
	if err := h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), next); err != nil {
		w.Code = http.StatusTeapot
	}
	return w
}

// TestOneDecodesForMany checks that concurrent requests share one decode, but only those that the handlers
// allow.
func TestOneDecodesForMany(t *testing.T) {
	const want = `{"Make":"far away"}`
	c := &crowd{photo: farPhoto(), further: func() error { return nil }}
	c.all.Add(1)
	alone := ask(t.Context(), provisioned(t, &Handler{}), c, "alone")
	if got := alone.Body.String(); got != want {
		t.Fatalf("got %d %s", alone.Code, got)
	}
	needed := c.later.Swap(0)
	if needed == 0 {
		t.Fatal("the first window had it all")
	}

	const n = 64
	h := provisioned(t, &Handler{})
	c.all.Add(n)
	answers := make([]*httptest.ResponseRecorder, n)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			agent := ""
			if i%4 > 0 {
				agent = strings.Repeat("x", i)
			}
			answers[i] = ask(t.Context(), h, c, agent)
		})
	}
	wg.Wait()
	for i, a := range answers {
		switch got := a.Body.String(); {
		case i%4 == 0:
			if a.Code != http.StatusForbidden || strings.Contains(got, "far") {
				t.Errorf("without the right to it: %d %s", a.Code, got)
			}
		case a.Code != http.StatusOK || got != want:
			t.Errorf("got %d %s", a.Code, got)
		case a.Header().Get("Cache-Control") != "for "+strings.Repeat("x", i):
			t.Errorf("%d got the header of another: %q", i, a.Header().Get("Cache-Control"))
		}
	}
	if got := c.later.Load(); got != needed {
		t.Errorf("%d requests beyond the first window for %d askers, one takes %d", got, n, needed)
	}
}

// TestFailureIsNotShared checks that if the shared decode fails, the other requests decode for themselves.
func TestFailureIsNotShared(t *testing.T) {
	const n = 8
	var once sync.Once
	c := &crowd{photo: farPhoto(), further: func() (err error) {
		once.Do(func() { err = caddyhttp.Error(http.StatusBadGateway, nil) })
		return err
	}}
	h := provisioned(t, &Handler{})
	c.all.Add(n)
	var failed atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			a := ask(t.Context(), h, c, "x")
			switch {
			case a.Code == http.StatusBadGateway:
				failed.Add(1)
			case a.Body.String() != `{"Make":"far away"}`:
				t.Errorf("got %d %s", a.Code, a.Body)
			}
		})
	}
	wg.Wait()
	if failed.Load() != 1 {
		t.Errorf("%d failed with the one", failed.Load())
	}
}

// TestWaitingEnds checks waiting for a stalled decode: a request ends when its client goes away, and otherwise
// decodes for itself after a second.
func TestWaitingEnds(t *testing.T) {
	stalled, goOn := make(chan struct{}), make(chan struct{})
	var began atomic.Bool
	c := &crowd{photo: farPhoto(), further: func() error {
		if began.CompareAndSwap(false, true) {
			close(stalled)
			<-goOn
		}
		return nil
	}}
	h := provisioned(t, &Handler{})
	c.all.Add(1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if a := ask(t.Context(), h, c, "x"); a.Code != http.StatusOK {
			t.Errorf("got %d %s", a.Code, a.Body)
		}
	})
	<-stalled
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	c.all.Add(1)
	if a := ask(ctx, h, c, "x"); a.Code == http.StatusOK {
		t.Errorf("got %d %s", a.Code, a.Body)
	}
	c.all.Add(1)
	if a := ask(t.Context(), h, c, "x"); a.Body.String() != `{"Make":"far away"}` {
		t.Errorf("got %d %s", a.Code, a.Body)
	}
	close(goOn)
	wg.Wait()
}

// TestCachedHeaderIsNotShared changes a response's header in place, as handlers before exif do.
func TestCachedHeaderIsNotShared(t *testing.T) {
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Etag", `"1"`)
		if r.Header.Get("If-None-Match") == "" {
			w.Header().Set("Cache-Control", "max-age=60")
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(testimage.Samples()["photo.jpg"]))
		return nil
	})
	h := provisioned(t, &Handler{})
	for range 3 {
		a := ask(t.Context(), h, next, "")
		got := a.Header()["Cache-Control"]
		if a.Code != http.StatusOK || len(got) != 1 || got[0] != "max-age=60" {
			t.Fatalf("got %d %q", a.Code, got)
		}
		got[0] = "changed"
	}
}

// photoBy returns a photo whose only tag is that Artist.
func photoBy(artist string) []byte {
	block := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x013B, artist)}}
	return testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment(block.Encode()))
}

// twoUsers returns a folder with two photos of the same name, size and modification time, so that file_server
// gives them the same ETag.
func twoUsers(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	modified := time.Unix(1e9, 0)
	for _, user := range []string{"alice", "bobby"} {
		photo := photoBy(user)
		name := filepath.Join(root, user, "photo.jpg")
		if err := os.Mkdir(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, name, photo)
		if err := os.Chtimes(name, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestAnotherUsersResponse checks that no user gets another's cached response, however the next handlers
// select the file by user.
func TestAnotherUsersResponse(t *testing.T) {
	root := twoUsers(t)
	app := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		user, err := r.Cookie("user")
		if err != nil {
			w.WriteHeader(401)
			return
		}
		http.ServeFile(tagged{w}, r, filepath.Join(root, user.Value, "photo.jpg"))
	})
	const login = "basic_auth {\nalice " + hiccup + "\nbobby " + hiccup + "\n}\n"
	var b strings.Builder
	for name, body := range map[string]string{
		"login":  login + "file_server {\nroot " + root + "/{http.auth.user.id}\n}",
		"root":   "route {\n" + login + "root " + root + "/{http.auth.user.id}\nfile_server\n}",
		"header": "rewrite * /{header.X-User}{uri}\nroot " + root + "\nfile_server",
		"query":  "rewrite * /{query.user}{path}\nroot " + root + "\nfile_server",
		"map":    "map {header.X-User} {folder} {\nalice alice\nbobby bobby\n}\nroot " + root + "/{folder}\nfile_server",
		"cookie": "reverse_proxy " + app,
		"host":   "rewrite * /{labels.2}{uri}\nroot " + root + "\nfile_server",
	} {
		site := name + ".test"
		if name == "host" {
			site = "*.host.test"
		}
		b.WriteString("http://" + site + ":{$PORT} {\nbind 127.0.0.1\nexif\n" + body + "\n}\n")
	}
	srv := serve(t, b.String())
	for _, site := range []string{"login", "root", "header", "query", "map", "cookie", "host"} {
		host := site + ".test"
		tags := map[string]bool{}
		for range 2 {
			for _, user := range []string{"alice", "bobby"} {
				if site == "host" {
					host = user + ".host.test"
				}
				got := srv.get(http.MethodGet, host, "/photo.jpg"+suffix+"?user="+user,
					"Authorization", basic(user), "X-User", user, "Cookie", "user="+user)
				if want := `{"Artist":"` + user + `"}`; got.status != 200 || got.body != want {
					t.Errorf("%s: %s got %d %s, want %s", site, user, got.status, got.body, want)
				}
				tags[got.header.Get("Etag")] = true
			}
		}
		if len(tags) != 1 {
			t.Errorf("%s: got tags %v: the test proves nothing", site, tags)
		}
	}
}

// tagged gives every response the same strong ETag.
type tagged struct{ http.ResponseWriter }

func (w tagged) WriteHeader(status int) {
	w.Header().Set("Etag", `"1"`)
	w.ResponseWriter.WriteHeader(status)
}

// byUser is a next handler that serves a photo with the name of the user it authenticates. The requests and
// ETags of all users are the same.
type byUser struct {
	user     func() string
	url      func(user string) string // rewrites the request to this path
	requests []string                 // the conditions of its requests
}

func (b *byUser) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	user := b.user()
	b.requests = append(b.requests, r.Header.Get("If-None-Match"))
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if b.url != nil {
		r.URL.Path = b.url(user)
	} else {
		repl.Set("http.auth.user.id", user)
	}
	w.Header().Set("Etag", `"1"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(
		photoBy(user)))
	return nil
}

// TestCachedForUserAndURL checks requests with the same cache key for which the next handlers set another user
// or URL.
func TestCachedForUserAndURL(t *testing.T) {
	for _, url := range []func(string) string{nil, func(user string) string { return "/" + user }} {
		h := provisioned(t, &Handler{})
		user := ""
		next := &byUser{user: func() string { return user }, url: url}
		for _, tc := range []struct {
			user     string
			requests []string
		}{
			{"alice", []string{""}},
			{"alice", []string{`"1"`}},
			{"bobby", []string{`"1"`, ""}}, // the 304 is about a file that isn't the cached one
			{"bobby", []string{`"1"`}},
			{"alice", []string{`"1"`, ""}},
		} {
			user, next.requests = tc.user, nil
			got := ask(t.Context(), h, next, "")
			if want := `{"Artist":"` + tc.user + `"}`; got.Code != 200 || got.Body.String() != want {
				t.Errorf("got %d %s, want %s", got.Code, got.Body, want)
			}
			if !slices.Equal(next.requests, tc.requests) {
				t.Errorf("%s: got requests with %q, want %q", tc.user, next.requests, tc.requests)
			}
		}
	}
}

// TestLoadIsForUser checks that requests of two users that wait for one load each get their own response.
func TestLoadIsForUser(t *testing.T) {
	h := provisioned(t, &Handler{})
	const n = 32
	var all sync.WaitGroup
	all.Add(n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			user := []string{"alice", "bobby"}[i%2]
			next := &byUser{user: func() string { all.Done(); all.Wait(); return user }}
			got := ask(t.Context(), h, next, "")
			if want := `{"Artist":"` + user + `"}`; got.Code != 200 || got.Body.String() != want {
				t.Errorf("got %d %s, want %s", got.Code, got.Body, want)
			}
		})
	}
	wg.Wait()
}

// TestCacheKey checks which requests share a cached response.
func TestCacheKey(t *testing.T) {
	request := func(change func(r *http.Request)) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "http://a.test/a.jpg"+suffix+"?q=1", nil)
		r.Header.Add("X-A", "1")
		r.Header.Add("X-A", "2")
		r.Header.Set("Cookie", "a=b")
		change(r)
		return r
	}
	key := newCacheKey(request(func(*http.Request) {}), operations[0], "/a.jpg")
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Language", "User-Agent", "Range", "If-None-Match", "If-Modified-Since", "If-Range", "Cache-Control",
		"Pragma", "Referer", "Sec-Fetch-Mode", "Sec-Ch-Ua", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via",
		"X-Real-Ip", "X-Request-Id", "Traceparent", "Tracestate", "X-B3-Traceid", "Upgrade-Insecure-Requests", "Priority", "Dnt",
	} {
		if newCacheKey(request(set(name, "x")), operations[0], "/a.jpg") != key {
			t.Errorf("%s is part of the key", name)
		}
	}
	withCert := func(raw string) func(*http.Request) {
		return func(r *http.Request) {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Raw: []byte(raw)}}}
		}
	}
	keys := map[cacheKey]string{key: "nothing changed"}
	for name, change := range map[string]func(*http.Request){
		"authorization": set("Authorization", "x"), "cookie": set("Cookie", "a=c"), "no cookie": func(r *http.Request) { r.Header.Del("Cookie") },
		"origin": set("Origin", "https://a.test"), "any field": set("X-User", "alice"), "its value": set("X-User", "bob"), "its name": set("X-Uses", "alice"),
		"order of values": func(r *http.Request) { r.Header["X-A"] = []string{"2", "1"} },
		"joined values":   func(r *http.Request) { r.Header["X-A"] = []string{"12"} },
		"one value":       func(r *http.Request) { r.Header["X-A"] = []string{"1"} },
		"host":            func(r *http.Request) { r.Host = "b.test" }, "query": func(r *http.Request) { r.URL.RawQuery = "q=2" },
		"tls": func(r *http.Request) { r.TLS = new(tls.ConnectionState) }, "certificate": withCert("a"), "another certificate": withCert("b"),
	} {
		k := newCacheKey(request(change), operations[0], "/a.jpg")
		if other, twice := keys[k]; twice {
			t.Errorf("%s and %s have one key", name, other)
		}
		keys[k] = name
	}
	if newCacheKey(request(func(*http.Request) {}), operations[0], "/b.jpg") == key {
		t.Error("the object isn't part of the key")
	}
}

func TestCacheable(t *testing.T) {
	for _, tc := range []struct {
		tag, vary string
		want      bool
	}{
		{`"1"`, "", true},
		{`"1"`, "Accept, Origin", true},
		{`"1"`, "*", false},
		{`"1"`, "Accept , *", false},
		{`W/"1"`, "", false},
		{"", "", false},
		{`"1`, "", false},
		{`"`, "", false},
		{`1"`, "", false},
		{`"a"b"`, "", false},
	} {
		if got := cacheable(http.Header{"Etag": {tc.tag}, "Vary": {"Accept", tc.vary}}); got != tc.want {
			t.Errorf("%s, Vary: %s: got %v", tc.tag, tc.vary, got)
		}
	}
}

// TestWeight checks that an entry's weight covers all of its memory, so that many small entries don't exceed
// the cache's limit.
func TestWeight(t *testing.T) {
	empty := weight(cacheKey{}, &response{})
	const s = "0123456789"
	for name, tc := range map[string]struct {
		key  cacheKey
		res  response
		more uint32
	}{
		"key":    {cacheKey{host: s, object: s, query: s}, response{}, 30},
		"body":   {cacheKey{}, response{body: []byte(s)}, 10},
		"tags":   {cacheKey{}, response{etag: s, tag: s}, 20},
		"left":   {cacheKey{}, response{left: object.Left{Host: s, Path: s, RawPath: s, Query: s, User: s, Root: s, FS: s}}, 70},
		"header": {cacheKey{}, response{header: http.Header{"A": {s, s}}}, 53},
	} {
		if got := weight(tc.key, &tc.res); got != empty+tc.more {
			t.Errorf("%s: got %d, want %d", name, got, empty+tc.more)
		}
	}
	if empty < 512 {
		t.Errorf("an empty entry weighs %d", empty)
	}
	if testing.Short() {
		return
	}
	c, err := newResponseCache(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	for i := range 100_000 {
		c.c.Set(cacheKey{object: strconv.Itoa(i)}, &response{body: make([]byte, 200), header: make(http.Header)})
	}
	c.c.CleanUp()
	if size := c.c.WeightedSize(); size > 1<<20 {
		t.Errorf("the cache weighs %d", size)
	}
	if grown := heap() - before; grown > 4<<20 {
		t.Errorf("a cache of 1 MiB takes %d bytes", grown)
	}
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// scattered returns a TIFF whose values lie 100 KiB apart, so that each needs a sub-request.
func scattered() []byte {
	const apart, first, last = 100 << 10, 0x00FE, 0x0213
	o := binary.LittleEndian
	b := append(make([]byte, 0, apart*(last-first+2)), "II*\x00\x08\x00\x00\x00"...)
	b = o.AppendUint16(b, last-first+1)
	for id := uint16(first); id <= last; id++ {
		b = o.AppendUint16(b, id)
		b = o.AppendUint16(b, 2) // ASCII
		b = o.AppendUint32(b, 8)
		b = o.AppendUint32(b, apart*uint32(id-first+1))
	}
	return b[:cap(b)]
}

// TestFailureIsCached checks that an object whose EXIF can't be read costs its sub-requests only once.
func TestFailureIsCached(t *testing.T) {
	text := []byte("no image, whatever its name says")
	for name, tc := range map[string]struct {
		b    []byte
		code string
	}{
		"too large": {scattered(), "ImageTooLarge"}, "no image": {text, "NotAnImage"}, "broken": {testimage.Samples()["zz-broken.jpg"], "InvalidExif"},
	} {
		requests, condition := 0, ""
		next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			requests++
			condition = r.Header.Get("If-None-Match")
			w.Header().Set("Etag", `"1"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(tc.b))
			return nil
		})
		h := provisioned(t, &Handler{})
		for i := range 3 {
			requests = 0
			got := ask(t.Context(), h, next, "")
			if got.Code != 400 || !strings.Contains(got.Body.String(), tc.code) || got.Header().Get("Etag") != "" {
				t.Errorf("%s: got %d %s", name, got.Code, got.Body)
			}
			if requests > 64 || i > 0 && (requests != 1 || condition != `"1"`) {
				t.Errorf("%s: %d sub-requests the %d. time, the last with condition %q", name, requests, i+1, condition)
			}
		}
	}
}

// TestOwnLoadReturnsItsOwn checks that a request gets its own decode's result if another user's response is
// cached during the load, in each way that otter offers.
func TestOwnLoadReturnsItsOwn(t *testing.T) {
	alice := &response{body: []byte("alice"), tag: `"1"`, left: object.Left{User: "alice"}}
	bob := &response{body: []byte("bob"), tag: `"1"`, left: object.Left{User: "bob"}}
	for name, meanwhile := range map[string]func(c *responseCache){
		"written":     func(c *responseCache) { c.c.Set(cacheKey{}, alice) },
		"invalidated": func(c *responseCache) { c.c.Invalidate(cacheKey{}) },
	} {
		c, err := newResponseCache(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		decodes := 0
		res, err := c.load(t.Context(), cacheKey{}, bob.tag, bob.left, func() (*response, error) {
			decodes++
			meanwhile(c)
			return bob, nil
		})
		if err != nil || res != bob || decodes != 1 {
			t.Errorf("%s: got %+v after %d decodes, %v", name, res, decodes, err)
		}
	}
}

// TestPanicInLoad checks that net/http logs a next handler's panic during a load like any other, and that the
// next request works.
func TestPanicInLoad(t *testing.T) {
	photo := farPhoto()
	broken := true
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if broken && !strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") {
			panic("broken handler")
		}
		w.Header().Set("Etag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
		return nil
	})
	h := provisioned(t, &Handler{})
	func() {
		defer func() {
			if p := recover(); !strings.Contains(fmt.Sprint(p), "broken handler") {
				t.Errorf("got panic %v", p)
			}
		}()
		got := ask(t.Context(), h, next, "")
		t.Errorf("got %d %s", got.Code, got.Body)
	}()
	broken = false
	if got := ask(t.Context(), h, next, ""); got.Body.String() != `{"Make":"far away"}` {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

// TestChangedObjectKeepsItsLimits checks an object that changes in the middle of a decode that needs more than
// half of max_read. The second attempt then exceeds the limit, which says nothing about the object, so it isn't
// cached.
func TestChangedObjectKeepsItsLimits(t *testing.T) {
	block := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "far away")}}
	photo := testimage.PNG(testimage.Gradient(8, 8), testimage.PNGChunk("juNk", make([]byte, 1<<20)),
		testimage.PNGChunk("eXIf", block.Encode()))
	requests, tag := 0, `"1"`
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if requests++; requests == 2 {
			tag = `"2"`
		}
		w.Header().Set("Etag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
		return nil
	})
	h := provisioned(t, &Handler{Window: minWindow, MaxRead: 2 * minWindow})
	if got := ask(t.Context(), h, next, ""); !strings.Contains(got.Body.String(), "ImageTooLarge") {
		t.Errorf("got %d %s: the test proves nothing", got.Code, got.Body)
	}
	for range 2 {
		if got := ask(t.Context(), h, next, ""); got.Body.String() != `{"Make":"far away"}` {
			t.Errorf("got %d %s", got.Code, got.Body)
		}
	}
}

// TestNotModifiedOfAnotherTag checks a 304 with another ETag than the cached response's: it isn't about that
// response (RFC 9111, section 4.3.4).
func TestNotModifiedOfAnotherTag(t *testing.T) {
	version := "1"
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Etag", `"`+version+`"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified) // without comparing
			return nil
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photoBy(version)))
		return nil
	})
	h := provisioned(t, &Handler{})
	for _, version = range []string{"1", "1", "2", "2", "1"} {
		if got := ask(t.Context(), h, next, ""); got.Body.String() != `{"Artist":"`+version+`"}` {
			t.Errorf("of version %s got %d %s", version, got.Code, got.Body)
		}
	}
}

// TestFieldsIgnoredInKey checks all ignored header fields, and names that only look like them: an upstream
// may select objects by any field that isn't on the list.
func TestFieldsIgnoredInKey(t *testing.T) {
	for _, name := range []string{
		"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Length", "Content-Type", "Dnt", "Forwarded",
		"Keep-Alive", "Pragma", "Priority", "Purpose", "Range", "Referer", "Save-Data", "Te", "Upgrade-Insecure-Requests", "User-Agent", "Via",
		"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id", "Traceparent", "Tracestate", "Baggage", "B3",
		"X-Amzn-Trace-Id", "X-Cloud-Trace-Context", "Uber-Trace-Id", "X-B3-Traceid", "X-B3-Sampled", "If-None-Match", "If-Match", "Sec-Fetch-Site",
	} {
		if !ignoredInKey(name) {
			t.Errorf("%s keeps users from sharing a response", name)
		}
	}
	for _, name := range []string{
		"", "Authorization", "Cookie", "Origin", "X-User", "Remote-User", "X-Forwarded-User", "X-Forwarded-Prefix", "X-Forwarded", "Accept-Version", "Secret", "Sec", "If",
		"Iffy", "X-B3", "X-Real-Ips", "From", "Host", "X-Api-Key", "X-Forwarded-Client-Cert", "Prefer", "Proxy-Authorization",
	} {
		if ignoredInKey(name) {
			t.Errorf("%s would let a user have another's response", name)
		}
	}
}

// TestKeyOfCertificate checks that both the TLS certificate and the header distinguish clients.
func TestKeyOfCertificate(t *testing.T) {
	keys := map[cacheKey]string{}
	for _, cert := range []string{"", "a", "b"} {
		for _, cookie := range []string{"", "1", "2"} {
			r := httptest.NewRequest(http.MethodGet, "https://a.test/a.jpg"+suffix, nil)
			if cert != "" {
				r.TLS.PeerCertificates = []*x509.Certificate{{Raw: []byte(cert)}, {Raw: []byte("issuer")}}
			}
			if cookie != "" {
				r.Header.Set("Cookie", cookie)
			}
			k := newCacheKey(r, operations[0], "/a.jpg")
			name := "certificate " + cert + " cookie " + cookie
			if other, twice := keys[k]; twice || !k.tls {
				t.Errorf("%s and %s have one key, %v", name, other, k)
			}
			keys[k] = name
			if newCacheKey(r, operations[0], "/a.jpg") != k {
				t.Errorf("%s has two keys", name)
			}
		}
	}
}

// TestHeaderFieldsDontCancelOut checks headers whose names or values would collide in a careless hash.
func TestHeaderFieldsDontCancelOut(t *testing.T) {
	keys := map[cacheKey]int{}
	for i, h := range []http.Header{
		{}, {"X-A": {"1"}}, {"X-B": {"1"}}, {"X-A": {"1"}, "X-B": {"1"}}, {"X-A": {"1", ""}}, {"X-A": {"", "1"}}, {"X-A": {""}}, {"X-A": {}}, {"X-A1": {""}}, {"X-A": {"1"}, "X-B": {"2"}}, {"X-A": {"2"}, "X-B": {"1"}},
	} {
		r := httptest.NewRequest(http.MethodGet, "/a.jpg"+suffix, nil)
		r.Header = h
		k := newCacheKey(r, operations[0], "/a.jpg")
		if other, twice := keys[k]; twice {
			t.Errorf("headers %d and %d have one key", i, other)
		}
		keys[k] = i
	}
}

// TestNewVersionTakesThePlace checks that the response to a new version of an object replaces the cached one,
// for several users as well.
func TestNewVersionTakesThePlace(t *testing.T) {
	c, err := newResponseCache(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	alice, bobby := object.Left{User: "alice"}, object.Left{User: "bobby"}
	k := cacheKey{object: "/a.jpg"}
	for i, tc := range []struct {
		tag     string
		left    object.Left
		decoded bool
	}{
		{`"1"`, alice, true}, {`"1"`, alice, false}, {`"2"`, alice, true}, {`"2"`, alice, false}, {`"2"`, bobby, true}, {`"2"`, bobby, false}, {`"2"`, alice, true},
	} {
		decoded := false
		res, err := c.load(t.Context(), k, tc.tag, tc.left, func() (*response, error) {
			decoded = true
			return &response{tag: tc.tag, left: tc.left}, nil
		})
		if err != nil || decoded != tc.decoded || res.tag != tc.tag || res.left != tc.left {
			t.Errorf("%d: got %v, %v, decoded %v", i, res, err, decoded)
		}
		if got := c.get(k); got != res {
			t.Errorf("%d: the cache has %v", i, got)
		}
	}
	if _, err := c.load(t.Context(), k, `"3"`, alice, func() (*response, error) { return nil, context.DeadlineExceeded }); err == nil || c.get(k) != nil {
		t.Errorf("got %v, and the cache has %v", err, c.get(k))
	}
}

// TestCachedResponseNeedsPermissionByHeader checks that a guard of the photo's response, whose field a 304 lacks, holds for
// cached responses.
func TestCachedResponseNeedsPermissionByHeader(t *testing.T) {
	photo := photoBy("alice")
	var private atomic.Bool
	store := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"tag"`)
		if private.Load() && r.Header.Get("If-None-Match") == "" {
			w.Header().Set("X-Amz-Meta-Private", "yes") // user metadata, which a 304 of S3 hasn't
		}
		http.ServeContent(w, r, "photo.jpg", time.Time{}, bytes.NewReader(photo))
	})
	const guard = "@private header X-Amz-Meta-Private yes\nhandle_response @private {\nrespond 403\n}\n}\n"
	sites := map[string]string{
		"proxy":     "exif {\nfolders\n}\nreverse_proxy " + store + " {\n" + guard,
		"intercept": "exif\nintercept {\n" + guard + "reverse_proxy " + store,
		"handle":    "exif\nhandle /photo.jpg {\nroute {\nreverse_proxy " + store + " {\n" + guard + "}\n}",
		"invoke":    "exif\ninvoke proxy",
	}
	var b strings.Builder
	b.WriteString("&(proxy) {\nreverse_proxy " + store + " {\n" + guard + "}\n")
	for name, body := range sites {
		b.WriteString("http://" + name + ".test:{$PORT} {\nbind 127.0.0.1\n" + body + "\n}\n")
	}
	srv := serve(t, b.String())
	for _, want := range []int{200, 403} {
		private.Store(want == 403)
		for name := range sites {
			for range 2 {
				if p, e := srv.get(http.MethodGet, name+".test", "/photo.jpg"), srv.exif(name+".test", "/photo.jpg"); p.status != want || e.status != want {
					t.Errorf("%s: the photo is %d, its EXIF %d, want %d", name, p.status, e.status, want)
				}
			}
		}
	}
}

// TestOtherGuardsLeaveConditions checks that sites without a guard of the photo's response are asked by If-None-Match.
func TestOtherGuardsLeaveConditions(t *testing.T) {
	var full atomic.Int32
	store := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/photo.jpg" && r.Header.Get("If-None-Match") == "" {
			full.Add(1)
		}
		w.Header().Set("Etag", `"tag"`)
		http.ServeContent(w, r, "photo.jpg", time.Time{}, bytes.NewReader(photoBy("alice")))
	})
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nexif\nforward_auth "+store+" {\nuri /auth\ncopy_headers Etag\n}\nreverse_proxy "+store+"\n}")
	for range 3 {
		if got := srv.exif("a.test", "/photo.jpg"); got.status != 200 {
			t.Fatalf("got %d", got.status)
		}
	}
	if n := full.Load(); n != 1 {
		t.Errorf("got %d requests without If-None-Match, want 1", n)
	}
}
