package caddyexif

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// undecided is a matcher that always returns an error.
type undecided struct{}

func init() { caddy.RegisterModule(undecided{}) }

func (undecided) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.undecided_test", New: func() caddy.Module { return new(undecided) }}
}

func (undecided) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (undecided) MatchWithError(*http.Request) (bool, error) { return true, errors.New("can't decide") }

// rulesOf provisions the rules in an exif block.
func rulesOf(t testing.TB, rules string) Permissions {
	t.Helper()
	h := new(Handler)
	if err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("exif {\n" + rules + "\n}")); err != nil {
		t.Fatalf("%s: %v", rules, err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	if err := h.Permissions.provision(ctx); err != nil {
		t.Fatalf("%s: %v", rules, err)
	}
	return h.Permissions
}

// requestFrom returns a request as Caddy passes it to its handlers.
func requestFrom(addr, target string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.RemoteAddr = addr
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), httptest.NewRecorder(), nil)
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, addr)
	return r
}

// TestDecision checks every line of DESIGN 2.5 about rules alone: what they allow, whether that is final
// before the next handlers run, and how a matcher's error counts.
func TestDecision(t *testing.T) {
	const lan, wan, unix = "192.168.1.2:1234", "203.0.113.9:1234", "@"
	for _, tc := range []struct {
		name, rules, addr, target string
		header                    []string
		get, list                 bool
		final                     bool // of get
		failed                    bool
	}{
		{"one rule for everybody", "allow GetObject", lan, "/a.jpg", nil, true, false, true, false},
		{"both", "allow GetObject ListBucket", lan, "/a.jpg", nil, true, true, true, false},
		{"an allow that matches", "allow GetObject path /team/*", lan, "/team/a.jpg", nil, true, false, true, false},
		{"an allow that doesn't", "allow GetObject path /team/*", lan, "/a.jpg", nil, false, false, true, false},
		{"several matchers are ANDed", "allow GetObject {\npath /team/*\nheader X-A 1\n}", lan, "/team/a.jpg", nil, false, false, false, false},
		{"several matchers, all match", "allow GetObject {\npath /team/*\nheader X-A 1\n}", lan, "/team/a.jpg", []string{"X-A", "1"}, true, false, true, false},
		{"several rules are ORed", "allow GetObject path /x\nallow GetObject path /team/*", lan, "/team/a.jpg", nil, true, false, true, false},
		{"deny wins", "allow GetObject\ndeny GetObject path *.raw.jpg", lan, "/a.raw.jpg", nil, false, false, true, false},
		{"deny wins in any order", "deny GetObject path *.raw.jpg\nallow GetObject", lan, "/a.raw.jpg", nil, false, false, true, false},
		{"deny is about its own action", "allow GetObject ListBucket\ndeny ListBucket", lan, "/a.jpg", nil, true, false, true, false},
		{"a deny that doesn't match", "allow GetObject\ndeny GetObject path *.raw.jpg", lan, "/a.jpg", nil, true, false, true, false},
		{"denied by the header, which may change", "allow GetObject\ndeny GetObject header X-A 1", lan, "/a.jpg", []string{"X-A", "1"}, false, false, false, false},
		{"not allowed by the header, which may change", "allow GetObject header X-A 1", lan, "/a.jpg", nil, false, false, false, false},
		{"not allowed by a placeholder", "allow GetObject path /{http.auth.user.id}", lan, "/a.jpg", nil, false, false, false, false},
		{"not allowed by an expression", "allow GetObject expression `{http.auth.user.id} == \"bob\"`", lan, "/a.jpg", nil, false, false, false, false},
		{"not allowed by a variable", "allow GetObject vars {http.auth.user.id} bob", lan, "/a.jpg", nil, false, false, false, false},
		{"denied early beside a rule that may change", "deny GetObject path /a.jpg\nallow GetObject header X-A 1", lan, "/a.jpg", nil, false, false, true, false},
		{"a rule that may change beside one that can't", "allow GetObject path /b.jpg\nallow GetObject header X-A 1", lan, "/a.jpg", nil, false, false, false, false},
		{"not allowed beside a deny that may change", "allow GetObject path /b.jpg\ndeny GetObject header X-A 1", lan, "/a.jpg", nil, false, false, true, false},
		{"query", "allow GetObject query key=x", lan, "/a.jpg?key=y", nil, false, false, true, false},
		{"method", "allow GetObject method HEAD", lan, "/a.jpg", nil, false, false, true, false},
		{"protocol", "allow GetObject protocol https", lan, "/a.jpg", nil, false, false, true, false},
		{"host", "allow GetObject host a.test", lan, "/a.jpg", nil, false, false, true, false},
		{"regular expression", "allow GetObject path_regexp ^/b", lan, "/a.jpg", nil, false, false, true, false},
		{"not", "allow GetObject not path /a.jpg", lan, "/a.jpg", nil, false, false, true, false},
		{"not, matching", "allow GetObject not path /b.jpg", lan, "/a.jpg", nil, true, false, true, false},
		{"not about the header", "allow GetObject not header X-A 1", lan, "/a.jpg", []string{"X-A", "1"}, false, false, false, false},

		{"address", "allow GetObject remote_ip private_ranges", lan, "/a.jpg", nil, true, false, true, false},
		{"another address", "allow GetObject remote_ip private_ranges", wan, "/a.jpg", nil, false, false, true, false},
		{"an address without a port", "allow GetObject remote_ip private_ranges", "10.0.0.1", "/a.jpg", nil, true, false, true, false},
		{"an address with a zone", "allow GetObject remote_ip fe80::/10", "[fe80::1%eth0]:80", "/a.jpg", nil, true, false, true, false},
		{"deny a network on a unix socket", "allow GetObject\ndeny GetObject remote_ip 203.0.113.0/24", unix, "/a.jpg", nil, false, false, true, true},
		{"allow a network on a unix socket", "allow GetObject remote_ip private_ranges", unix, "/a.jpg", nil, false, false, true, true},
		{"allow not a network on a unix socket", "allow GetObject not remote_ip 203.0.113.0/24", unix, "/a.jpg", nil, false, false, true, true},
		{"deny a client's network on a unix socket", "allow GetObject\ndeny GetObject client_ip 203.0.113.0/24", unix, "/a.jpg", nil, false, false, true, true},
		{"deny by an expression on a unix socket", "allow GetObject\ndeny GetObject expression remote_ip('203.0.113.0/24')", unix, "/a.jpg", nil, false, false, false, true},
		{"a rule about something else on a unix socket", "allow GetObject path /a.jpg", unix, "/a.jpg", nil, true, false, true, false},

		{"an allow that can't decide", "allow GetObject undecided_test", lan, "/a.jpg", nil, false, false, false, true},
		{"a deny that can't decide", "allow GetObject\ndeny GetObject undecided_test", lan, "/a.jpg", nil, false, false, false, true},
		{"one that can't decide beside one that does", "allow GetObject undecided_test\nallow GetObject", lan, "/a.jpg", nil, true, false, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, r := rulesOf(t, tc.rules), requestFrom(tc.addr, tc.target, tc.header...)
			get, final, err := p.decide(actionGetObject, r)
			list, _, _ := p.decide(actionListBucket, r)
			if get != tc.get || list != tc.list || !get && final != tc.final || (err != nil) != tc.failed {
				t.Errorf("got GetObject %v, final %v, %v; ListBucket %v; want %v, %v, %v; %v", get, final, err, list, tc.get, tc.final, tc.failed, tc.list)
			}
		})
	}
}

// TestPermit checks the rows of DESIGN 2.5 about the next handlers' response.
func TestPermit(t *testing.T) {
	const none, get, list, both = "", "allow GetObject", "allow ListBucket\nallow GetObject path /never", "allow GetObject ListBucket"
	for _, tc := range []struct {
		status   int
		location string
		allowed  map[string]bool
	}{
		{200, "", map[string]bool{none: true, get: true, list: false, both: true}},
		{206, "", map[string]bool{none: true, get: true, list: false, both: true}},
		{304, "", map[string]bool{none: true, get: true, list: false, both: true}},
		{302, "/b.jpg", map[string]bool{none: true, get: true, list: false, both: true}},
		{308, "/a.jpg/", map[string]bool{none: true, get: false, list: false, both: true}},
		{308, "a.jpg/", map[string]bool{none: true, get: false, list: false, both: true}},
		{301, "http://example.com/a.jpg/?q=1", map[string]bool{none: true, get: false, list: false, both: true}},
		{301, "http://else.test/a.jpg/", map[string]bool{none: true, get: false, list: false, both: true}},
		{308, "/photos/a.jpg/", map[string]bool{none: true, get: false, list: false, both: true}},
		{308, "/b.jpg/", map[string]bool{none: true, get: true, list: false, both: true}},
		{308, "", map[string]bool{none: true, get: true, list: false, both: true}},
		{401, "", map[string]bool{none: true, get: true, list: true, both: true}},
		{407, "", map[string]bool{none: true, get: true, list: true, both: true}},
		{403, "", map[string]bool{none: true, get: true, list: false, both: true}},
		{404, "", map[string]bool{none: true, get: false, list: false, both: true}},
		{410, "", map[string]bool{none: true, get: false, list: false, both: true}},
		{500, "", map[string]bool{none: true, get: true, list: false, both: true}},
		{502, "", map[string]bool{none: true, get: true, list: false, both: true}},
	} {
		for rules, want := range tc.allowed {
			h := &Handler{logger: caddy.Log()}
			if rules != none {
				h.Permissions = rulesOf(t, rules)
			}
			header := make(http.Header)
			if tc.location != "" {
				header.Set("Location", tc.location)
			}
			err := h.permit(requestFrom("192.0.2.1:1", "/a.jpg"), tc.status, header)
			if (err == nil) != want || err != nil && !errors.Is(err, errDenied) {
				t.Errorf("%d %s with %q: got %v, want allowed %v", tc.status, tc.location, rules, err, want)
			}
		}
	}
}

// TestRulesSeeWhatNextHandlersFoundOut checks rules about fields that the next handlers set, for clients that
// send these fields themselves as well.
func TestRulesSeeWhatNextHandlersFoundOut(t *testing.T) {
	root := samples(t)
	const login = `forward_auth {$ADDR} {
		header_up Host auth.test
		uri /auth
		copy_headers Remote-Groups
	}`
	files := "root * " + root + "\n\tfile_server\n"
	var b strings.Builder
	for name, rules := range map[string]string{
		"header":     "allow GetObject header Remote-Groups staff",
		"expression": "allow GetObject expression `{header.Remote-Groups} == \"staff\"`",
		"deny":       "allow GetObject\ndeny GetObject header Remote-Groups guests",
		"not":        "allow GetObject not header Remote-Groups guests",
		"cel":        "allow GetObject expression header({'Remote-Groups':'staff'})",
	} {
		b.WriteString("http://" + name + ".test:{$PORT} {\n\tbind 127.0.0.1\n\texif {\n" + rules + "\n}\n\t" + login + "\n\t" + files + "}\n")
		b.WriteString("http://rewritten-" + name + ".test:{$PORT} {\n\tbind 127.0.0.1\n\texif {\n" + rules + "\nallow GetObject path /never\n}\n\t" + login + "\n\ttry_files /iphone-4s.jpg\n\t" + files + "}\n")
	}
	b.WriteString(`http://auth.test:{$PORT} {
	bind 127.0.0.1
	@alice header Authorization alice
	@eve header Authorization eve
	header @alice Remote-Groups staff
	header @eve Remote-Groups guests
	respond @alice 200
	respond @eve 200
	respond 401
}
`)
	srv := serve(t, b.String())
	for _, site := range []string{"header", "expression", "deny", "not", "cel"} {
		for _, prefix := range []string{"", "rewritten-"} {
			for range 2 { // decoded, and cached
				for who, want := range map[string]int{"alice": 200, "eve": 403, "": 401} {
					for _, claim := range []string{"", "staff", "guests"} {
						header := []string{"Authorization", who}
						if claim != "" {
							header = append(header, "Remote-Groups", claim)
						}
						got := srv.exif(prefix+site+".test", "/iphone-4s.jpg", header...)
						if got.status != want || strings.Contains(got.body, "iPhone") != (want == 200) {
							t.Errorf("%s%s: %s, who claims to be of %q: got %d %s, want %d", prefix, site, who, claim, got.status, got.body, want)
						}
					}
				}
			}
		}
	}
}

// TestDeniedUserReadsNoEXIF checks that a user that a rule denies gets nothing of the photo, with any request,
// even if another user's response is cached.
func TestDeniedUserReadsNoEXIF(t *testing.T) {
	root := samples(t)
	srv := serve(t, `http://a.test:{$PORT} {
	bind 127.0.0.1
	basic_auth {
		bob `+hiccup+`
		eve `+hiccup+`
	}
	exif {
		allow GetObject ListBucket
		deny GetObject vars {http.auth.user.id} eve
	}
	root * `+root+`
	file_server
}
`)
	bob := srv.exif("a.test", "/iphone-4s.jpg", "Authorization", basic("bob"))
	if bob.status != 200 || bob.body != iphone4S {
		t.Fatalf("bob: got %d %s", bob.status, bob.body)
	}
	denied := srv.exif("a.test", "/text.jpg", "Authorization", basic("eve"))
	for _, header := range [][]string{
		nil,
		{"If-None-Match", bob.header.Get("Etag")},
		{"If-None-Match", "*"},
		{"If-Modified-Since", bob.header.Get("Last-Modified")},
		{"Range", "bytes=0-9"},
	} {
		for _, object := range []string{"/iphone-4s.jpg", "/text.jpg", "/zz-broken.jpg", "/nope.jpg"} {
			got := srv.exif("a.test", object, append(header, "Authorization", basic("eve"))...)
			if got.status != 403 || flat(got) != flat(denied) {
				t.Errorf("eve, %s, %v: got\n%s\nwant\n%s", object, header, flat(got), flat(denied))
			}
		}
	}
}

// TestUnixSocket checks rules on a listener whose clients have no address.
func TestUnixSocket(t *testing.T) {
	root := samples(t)
	sock := filepath.Join(t.TempDir(), "s")
	site := func(name, rules string) string {
		return "http://" + name + ".test {\n\tbind unix/" + sock + "\n\texif {\n" + rules + "\n}\n\troot * " + root + "\n\tfile_server\n}\n"
	}
	srv := serve(t, site("deny", "allow GetObject\ndeny GetObject remote_ip 203.0.113.0/24")+
		site("not", "allow GetObject not remote_ip 203.0.113.0/24")+
		site("client", "allow GetObject\ndeny GetObject client_ip 203.0.113.0/24")+
		site("allow", "allow GetObject remote_ip private_ranges")+
		site("open", "allow GetObject path *.jpg"))
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", sock)
	}}}
	for name, want := range map[string]int{"deny": 403, "not": 403, "client": 403, "allow": 403, "open": 200} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+name+".test/iphone-4s.jpg"+suffix, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != want || (string(body) == iphone4S) != (want == 200) {
			t.Errorf("%s: got %d %s, want %d", name, res.StatusCode, body, want)
		}
	}
	failures := 0
	for _, e := range srv.Log() {
		if strings.Contains(e.Line, errAddress.Error()) {
			failures++
		}
	}
	if failures == 0 {
		t.Error("the log doesn't say why")
	}
}

// TestOptionsTellNothing checks that OPTIONS requests, for folders as well, reveal nothing to clients without
// permission.
func TestOptionsTellNothing(t *testing.T) {
	root := samples(t)
	bucket := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Secret", "1")
		switch {
		case r.Method == http.MethodOptions && r.Header.Get("Origin") != "":
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.WriteHeader(204)
		case r.URL.Path == "/nope.jpg":
			http.NotFound(w, r)
		default:
			w.WriteHeader(400)
			io.WriteString(w, "secret")
		}
	})
	srv := serve(t, `http://files.test:{$PORT} {
	bind 127.0.0.1
	exif {
		allow GetObject
	}
	root * `+root+`
	file_server
}
http://lister.test:{$PORT} {
	bind 127.0.0.1
	exif {
		allow GetObject ListBucket
	}
	root * `+root+`
	file_server
}
http://bucket.test:{$PORT} {
	bind 127.0.0.1
	exif {
		allow GetObject
	}
	reverse_proxy `+bucket+`
}
http://nothing.test:{$PORT} {
	bind 127.0.0.1
	exif {
		allow GetObject
	}
}
`)
	want := ""
	for _, site := range []string{"files.test", "bucket.test", "nothing.test"} {
		for _, object := range []string{"/iphone-4s.jpg", "/nope.jpg", "/sub", "/hidden/nope.jpg"} {
			got := srv.get(http.MethodOptions, site, object+suffix)
			if want == "" {
				want = flat(got)
			}
			if got.status != 405 || got.header.Get("Allow") != "GET, HEAD, OPTIONS" ||
				!strings.Contains(got.body, "MethodNotAllowed") || strings.ReplaceAll(flat(got), "Via: 1.1 Caddy\r\n", "") != want {
				t.Errorf("%s%s: got\n%s\nwant\n%s", site, object, flat(got), want)
			}
		}
	}
	preflight := srv.get(http.MethodOptions, "bucket.test", "/iphone-4s.jpg"+suffix, "Origin", "http://a.test")
	if preflight.status != 204 || preflight.header.Get("Access-Control-Allow-Origin") != "*" || preflight.header.Get("X-Secret") != "1" {
		t.Errorf("a preflight: got %s", flat(preflight))
	}

	missing, folder := srv.exif("files.test", "/nope"), srv.exif("files.test", "/sub")
	if folder.status != 403 || flat(folder) != flat(missing) {
		t.Errorf("a folder is\n%s\nwhat is missing\n%s", flat(folder), flat(missing))
	}
	if got := srv.exif("lister.test", "/sub"); got.status == 403 {
		t.Errorf("with ListBucket: got %s", flat(got))
	}
}

// TestFolderUnderPrefix checks that a client without ListBucket can't find folders by redirects that add a
// slash to the path from before a rewrite.
func TestFolderUnderPrefix(t *testing.T) {
	root := samples(t)
	for _, folder := range []string{"sub", "sub/dir", "dir.jpg"} {
		writeFile(t, filepath.Join(root, folder, "index.html"), nil)
	}
	const rules = "exif {\nallow GetObject\n}\n"
	srv := serve(t, `http://stripped.test:{$PORT} {
	bind 127.0.0.1
	handle_path /photos/* {
		`+rules+`
		root `+root+`
		file_server
	}
}
http://upstream.test:{$PORT} {
	bind 127.0.0.1
	route {
		uri strip_prefix /photos
		`+rules+`
		rewrite * /files{uri}
		reverse_proxy {$ADDR} {
			header_up Host files.test
		}
	}
}
http://files.test:{$PORT} {
	bind 127.0.0.1
	handle_path /files/* {
		root `+root+`
		file_server
	}
}
`)
	for _, site := range []string{"stripped.test", "upstream.test"} {
		if got := srv.exif(site, "/photos/sub/dir/a.jpg"); got.status != 200 {
			t.Errorf("%s: got %d %s", site, got.status, got.body)
		}
		missing := srv.exif(site, "/photos/nope")
		for _, folder := range []string{"/photos/sub", "/photos/sub/dir", "/photos/dir.jpg"} {
			if got := srv.exif(site, folder); got.status != 403 || flat(got) != flat(missing) {
				t.Errorf("%s%s: a folder is\n%s\nwhat is missing\n%s", site, folder, flat(got), flat(missing))
			}
		}
	}
}

// TestEarlyData checks that if rules depend on an address, the response to early data is 425, as with Caddy's
// matchers: the address may be forged.
func TestEarlyData(t *testing.T) {
	for rules, want := range map[string]int{
		"allow GetObject remote_ip 192.0.2.1": 425, "allow GetObject\ndeny GetObject client_ip 203.0.113.1": 425,
		"allow GetObject path /a.jpg": 200, "": 200,
	} {
		h := &Handler{}
		if rules != "" {
			h.Permissions = rulesOf(t, rules)
		}
		h = provisioned(t, h)
		r := requestFrom("192.0.2.1:1", "/a.jpg"+suffix)
		r.TLS = new(tls.ConnectionState)
		w := httptest.NewRecorder()
		next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
			_, err := w.Write(photoBy("alice"))
			return err
		})
		if err := h.ServeHTTP(w, r, next); err != nil || w.Code != want || strings.Contains(w.Body.String(), "alice") != (want == 200) {
			t.Errorf("%q: got %d %s, %v, want %d", rules, w.Code, w.Body, err, want)
		}
	}
}

// TestStaticMatchers checks which matcher sets are static. If a dynamic one counted as static, requests would be
// denied that the next handlers would make allowed.
func TestStaticMatchers(t *testing.T) {
	for set, want := range map[string]bool{
		`{}`: true,
		`{"client_ip":{"ranges":["10.0.0.0/8"]}}`: true, `{"remote_ip":{"ranges":["10.0.0.0/8"]}}`: true, `{"host":["a.test"]}`: true, `{"method":["GET"]}`: true,
		`{"path":["/a"]}`: true, `{"path_regexp":{"pattern":"a"}}`: true, `{"protocol":"https"}`: true, `{"query":{"a":["b"]}}`: true,
		`{"path":["/a"],"method":["GET"]}`: true, `{"path":["/a"],"header":{"A":["b"]}}`: false,
		`{"header":{"A":["b"]}}`: false, `{"header_regexp":{}}`: false, `{"expression":"true"}`: false, `{"vars":{}}`: false, `{"file":{}}`: false, `{"nonsense":{}}`: false,
		`{"path":["/{a}"]}`: false, `{"query":{"a":["{b}"]}}`: false, `{"host":["{a}.test"]}`: false,
		`{"not":[{"path":["/a"]}]}`: true, `{"not":[{"header":{}}]}`: false, `{"not":[{"path":["/a"]},{"header":{}}]}`: false, `{"not":[{"path":["/{a}"]}]}`: false,
		`{"not":[{"not":[{"header":{}}]}]}`: false, `{"not":[]}`: true, `{"not":"x"}`: false,
		`{"not":[{"path":["/a"]}],"header":{}}`: false, `{"not":[{"path":["/a"]}],"path":["/{a}"]}`: false,
	} {
		var m caddy.ModuleMap
		if err := json.Unmarshal([]byte(set), &m); err != nil {
			t.Fatal(err)
		}
		for range 8 { // the order of a map's keys is random
			if got := isStatic(m); got != want {
				t.Errorf("%s: got %v", set, got)
				break
			}
		}
	}
	for set, want := range map[string][2]bool{
		`{"remote_ip":{}}`: {true, false}, `{"client_ip":{}}`: {false, true}, `{"remote_ip":{},"client_ip":{}}`: {true, true}, `{"path":["remote_ip"]}`: {false, false},
		`{"not":[{"remote_ip":{}}]}`: {true, false}, `{"not":[{"client_ip":{}}]}`: {false, true}, `{"expression":"remote_ip('::1')"}`: {true, false},
		`{"expression":"client_ip('::1')"}`: {false, true}, `{"remote_ip":{},"expression":"true"}`: {true, false}, `{"client_ip":{},"not":[]}`: {false, true}, `{}`: {false, false},
	} {
		var m caddy.ModuleMap
		if err := json.Unmarshal([]byte(set), &m); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			if remote, client := addressMatchers(m); [2]bool{remote, client} != want {
				t.Errorf("%s: got %v, %v", set, remote, client)
				break
			}
		}
	}
}

// TestAnySetOfRule checks a rule with several matcher sets, as JSON can have: it matches if any set does, and
// depends on all that any set depends on.
func TestAnySetOfRule(t *testing.T) {
	path, header := caddy.ModuleMap{"path": []byte(`["/a.jpg"]`)}, caddy.ModuleMap{"header": []byte(`{"X-A":["1"]}`)}
	remote, client := caddy.ModuleMap{"remote_ip": []byte(`{"ranges":["192.0.2.0/24"]}`)}, caddy.ModuleMap{"client_ip": []byte(`{"ranges":["192.0.2.0/24"]}`)}
	for name, tc := range map[string]struct {
		sets                 []caddy.ModuleMap
		late, remote, client bool
	}{
		"none": {}, "early": {sets: []caddy.ModuleMap{path, path}}, "late first": {sets: []caddy.ModuleMap{header, path}, late: true},
		"late last": {sets: []caddy.ModuleMap{path, header}, late: true}, "remote first": {sets: []caddy.ModuleMap{remote, path}, remote: true},
		"remote last": {sets: []caddy.ModuleMap{path, remote}, remote: true}, "client first": {sets: []caddy.ModuleMap{client, path}, client: true},
		"client last": {sets: []caddy.ModuleMap{path, client}, client: true}, "all": {[]caddy.ModuleMap{remote, client, header}, true, true, true},
	} {
		// between two rules for all requests
		p := Permissions{{Effect: "allow", Actions: []string{"ListBucket"}}, {Effect: "allow", Actions: []string{"GetObject"}, MatcherSetsRaw: tc.sets}, {Effect: "allow", Actions: []string{"ListBucket"}}}
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		if err := p.provision(ctx); err != nil {
			t.Fatal(err)
		}
		if r := &p[1]; r.dynamic != tc.late || r.remoteIP != tc.remote || r.clientIP != tc.client || len(r.matcherSets) != len(tc.sets) {
			t.Errorf("%s: got late %v, remote %v, client %v, %d sets", name, r.dynamic, r.remoteIP, r.clientIP, len(r.matcherSets))
		}
		if r := &p[0]; r.dynamic || r.remoteIP || r.clientIP {
			t.Errorf("%s: the rule before is %+v", name, r)
		}
		if got, _, err := p.decide(actionGetObject, requestFrom("192.0.2.1:1", "/a.jpg", "X-A", "1")); !got || err != nil {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		cancel()
	}
}

// TestAddresses checks which addresses Caddy's matchers can parse.
func TestAddresses(t *testing.T) {
	for s, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.1:80": true, "::1": true, "[::1]:80": true, "fe80::1%eth0": true, "[fe80::1%eth0]:80": true,
		"": false, "@": false, "a.test": false, "a.test:80": false, "192.0.2": false, "192.0.2.1:80:80": false, "%eth0": false, ":80": false,
	} {
		if isAddress(s) != want {
			t.Errorf("%q: got %v", s, !want)
		}
	}
}

// TestMistakeNamesItsRule checks that the error for a mistake in the second rule names that rule.
func TestMistakeNamesItsRule(t *testing.T) {
	good := Rule{Effect: "allow", Actions: []string{"GetObject"}}
	for want, bad := range map[string]Rule{
		"rule 1: effect":           {Effect: "Allow", Actions: []string{"GetObject"}},
		"rule 1: no action":        {Effect: "deny"},
		"rule 1: unknown action":   {Effect: "deny", Actions: []string{"GetObject", "getobject"}},
		"rule 1: loading matchers": {Effect: "deny", Actions: []string{"GetObject"}, MatcherSetsRaw: caddyhttp.RawMatcherSets{{"nonsense": []byte("{}")}}},
	} {
		p := Permissions{good, bad}
		err := p.validate()
		if err == nil {
			ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
			err = p.provision(ctx)
			cancel()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, p := range []Permissions{
		nil,
		{good},
		{{Effect: "deny", Actions: []string{"GetObject"}}, good},
		{{Effect: "allow", Actions: []string{"ListBucket", "GetObject"}}},
		{good, {Effect: "allow", Actions: []string{"ListBucket"}}},
	} {
		if err := p.validate(); err != nil {
			t.Errorf("%v: %v", p, err)
		}
	}
}

// TestMissingObject checks which responses say that there is no object.
func TestMissingObject(t *testing.T) {
	for _, tc := range []struct {
		status   int
		location string
		want     bool
	}{
		{404, "", true},
		{410, "", true},
		{403, "", false},
		{405, "", false},
		{409, "", false},
		{411, "", false},
		{200, "", false},
		{308, "/a.jpg/", true},
		{301, "a.jpg/?x", true},
		{300, "/a.jpg/", true},
		{399, "/a.jpg/", true},
		{299, "/a.jpg/", false},
		{201, "/a.jpg/", false},
		{400, "/a.jpg/", false},
		{308, "/a.jpg", false},
		{308, "", false},
		{308, "/", false},
		{308, "http://[::1", false},
		{308, "/b.jpg/", false},
		{308, "/xa.jpg/", false},
	} {
		header := http.Header{}
		if tc.location != "" {
			header.Set("Location", tc.location)
		}
		if got := isMissing(requestFrom("192.0.2.1:1", "/a.jpg"), tc.status, header); got != tc.want {
			t.Errorf("%d, %s: got %v", tc.status, tc.location, got)
		}
	}
}

// TestErrorsOfAllMatchers checks that all matchers' errors are logged, with the details only at the debug level.
func TestErrorsOfAllMatchers(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	h := &Handler{logger: zap.New(core), Permissions: rulesOf(t, "allow GetObject undecided_test\nallow GetObject ListBucket remote_ip 192.0.2.1")}
	if allowed, _ := h.allowed(actionGetObject, requestFrom("@", "/a.jpg")); allowed || logs.Len() != 2 {
		t.Fatalf("got %v and %d entries", allowed, logs.Len())
	}
	public, debug := logs.All()[0], logs.All()[1]
	if public.Level != zapcore.ErrorLevel || public.ContextMap()["action"] != "GetObject" || public.ContextMap()["cause"] != errAddress.Error() {
		t.Errorf("got %v", public)
	}
	if text := fmt.Sprint(debug.ContextMap()["error"]); debug.Level != zapcore.DebugLevel || !strings.Contains(text, "can't decide") || !strings.Contains(text, errAddress.Error()) {
		t.Errorf("got %v", debug)
	}
	if allowed, _ := h.allowed(actionListBucket, requestFrom("192.0.2.1:1", "/a.jpg")); !allowed || logs.Len() != 2 {
		t.Errorf("got %v, and %d entries where nothing failed", allowed, logs.Len())
	}
	if allowed, final := (&Handler{}).allowed(actionListBucket, nil); !allowed || !final {
		t.Error("without rules, something is denied")
	}
}

// TestAddressInEarlyData checks rules about an address with early data, which anyone can replay from a forged
// address, and after the handshake.
func TestAddressInEarlyData(t *testing.T) {
	address, path := rulesOf(t, "allow GetObject path /a\nallow GetObject remote_ip 192.0.2.1"), rulesOf(t, "allow GetObject path /a")
	client := rulesOf(t, "allow GetObject\ndeny GetObject client_ip 192.0.2.1")
	for _, tc := range []struct {
		rules Permissions
		tls   *tls.ConnectionState
		want  bool
	}{
		{address, nil, false},
		{address, &tls.ConnectionState{}, true},
		{address, &tls.ConnectionState{HandshakeComplete: true}, false},
		{client, &tls.ConnectionState{}, true},
		{path, &tls.ConnectionState{}, false},
		{nil, &tls.ConnectionState{}, false},
	} {
		r := requestFrom("192.0.2.1:1", "/a.jpg")
		r.TLS = tc.tls
		if got := tc.rules.tooEarly(r); got != tc.want {
			t.Errorf("%v, %+v: got %v", tc.rules, tc.tls, got)
		}
	}
}
