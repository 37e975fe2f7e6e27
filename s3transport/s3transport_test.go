package s3transport

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap/zapcore"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
)

var update = flag.Bool("update", false, "rewrite testdata")

const (
	testKey    = "labkey"
	testSecret = "labsecret/+1"
	testRegion = "eu-test-1"
)

// testStore is a store that responds to signed requests with the key it parsed, and records them.
type testStore struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	answer   http.HandlerFunc // called instead of writing the key
}

func newStore(t *testing.T, secure bool) *testStore {
	t.Helper()
	s := new(testStore)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r)
		answer := s.answer
		s.mu.Unlock()
		if err := verify(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			t.Errorf("%s: %v", r.RequestURI, err)
			return
		}
		if answer != nil {
			answer(w, r)
			return
		}
		io.WriteString(w, r.URL.Path)
	})
	if secure {
		s.Server = httptest.NewTLSServer(handler)
	} else {
		s.Server = httptest.NewServer(handler)
	}
	t.Cleanup(s.Close)
	return s
}

// taken returns the requests since the last call.
func (s *testStore) taken() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests
	s.requests = nil
	return r
}

var authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$`)

// verify checks a signature as stores do, from the received request and the AWS documentation of Signature
// Version 4. It shares no code with the signer.
func verify(r *http.Request) error {
	m := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return fmt.Errorf("no signature: %q", r.Header.Get("Authorization"))
	}
	if m[1] != testKey && !strings.HasPrefix(m[1], "chain") || m[3] != testRegion {
		return fmt.Errorf("wrong credential: %s", m[0])
	}
	when, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(when).Abs() > time.Minute || m[2] != when.Format("20060102") {
		return fmt.Errorf("wrong date %q", r.Header.Get("X-Amz-Date"))
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	canonical := r.Method + "\n" + path + "\n" + query + "\n" // at most one parameter, so there is no order
	signed := strings.Split(m[4], ";")
	if !slices.IsSorted(signed) || !slices.Contains(signed, "host") {
		return fmt.Errorf("signed headers %v", signed)
	}
	for k := range r.Header {
		if strings.HasPrefix(k, "X-Amz-") && !slices.Contains(signed, strings.ToLower(k)) {
			return fmt.Errorf("%s is not signed", k)
		}
	}
	for _, k := range signed {
		v := strings.Join(r.Header.Values(k), ",")
		if k == "host" {
			v = r.Host
		}
		canonical += k + ":" + strings.TrimSpace(v) + "\n"
	}
	nothing := sha256.Sum256(nil)
	if got := r.Header.Get("X-Amz-Content-Sha256"); got != hex.EncodeToString(nothing[:]) {
		return fmt.Errorf("content hash %q", got)
	}
	canonical += "\n" + m[4] + "\n" + hex.EncodeToString(nothing[:])
	sum := sha256.Sum256([]byte(canonical))
	scope := m[2] + "/" + m[3] + "/s3/aws4_request"
	mac := func(key []byte, data string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(data))
		return h.Sum(nil)
	}
	key := []byte("AWS4" + testSecret)
	for _, part := range strings.Split(scope, "/") {
		key = mac(key, part)
	}
	want := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+r.Header.Get("X-Amz-Date")+"\n"+scope+"\n"+hex.EncodeToString(sum[:])))
	if m[5] != want {
		return fmt.Errorf("wrong signature of\n%s", canonical)
	}
	return nil
}

// serve runs a Caddy in front of the store.
func serve(t *testing.T, upstream, block string, more ...string) *testcaddy.Server {
	t.Helper()
	return testcaddy.Start(t, "http://:{$PORT} {\n\tbind 127.0.0.1\n\treverse_proxy "+upstream+" {\n\t\t"+
		strings.Join(more, "\n\t\t")+"\n\t\ttransport s3 {\n"+block+"\n}\n\t}\n}\n")
}

const keyPair = "region " + testRegion + "\naccess_key " + testKey + "\nsecret_key " + testSecret + "\n"

// get sends a request with the target unchanged. header has pairs of names and values.
func get(t *testing.T, srv *testcaddy.Server, method, target string, header ...string) (*http.Response, string) {
	t.Helper()
	r := srv.With(t).Do(method, "client.example", target, header...)
	return &http.Response{StatusCode: r.Status, Header: r.Header}, r.Body
}

// keys are names that stores accept and that signers have got wrong.
var keys = []string{
	"a.jpg", "deep/er/a.jpg", "with space.jpg", "ünïcode-写真.jpg", "me@home.jpg", "a+b.jpg", "100%.jpg", "pct%20lit.jpg",
	"x#y?z.jpg", "q'&=;,$!()*~.jpg", "gps.jpg@v2.jpg", `back\slash.jpg`, "...", "a..b", ".hidden", "%2e%2e.jpg", "%2F.jpg",
	"a\nb.jpg", "x[1]{2}|^`<>\".jpg", "a:b.jpg", "@base@tag=exif",
}

func TestKeys(t *testing.T) {
	for _, style := range []struct {
		name, block, prefix string
		secure              bool
	}{
		{"path style", "bucket photos\n", "/photos/", false},
		{"virtual-host style", "virtual_host\n", "/", false},
		{"https", "bucket photos\ntls_insecure_skip_verify\n", "/photos/", true},
		{"tenant", "bucket my:photos\n", "/my:photos/", false},
	} {
		t.Run(style.name, func(t *testing.T) {
			store := newStore(t, style.secure)
			srv := serve(t, store.URL, keyPair+style.block)
			for _, key := range keys {
				spellings := []string{
					(&url.URL{Path: "/" + key}).EscapedPath(),
					"/" + strings.ReplaceAll(url.QueryEscape(key), "+", "%20"), // everything escaped that can be
				}
				spellings[1] = strings.ReplaceAll(spellings[1], "%2F", "/")
				for _, target := range spellings {
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						res, body := get(t, srv, method, target)
						want := style.prefix + key
						if method == http.MethodHead {
							want = ""
						}
						if res.StatusCode != 200 || body != want {
							t.Errorf("%s %s: got %d %q, want %q", method, target, res.StatusCode, body, want)
						}
						for _, r := range store.taken() {
							if sent := strings.ReplaceAll(style.prefix, ":", "%3A") + spellings[1][1:]; r.RequestURI != sent {
								t.Errorf("%s %s: sent as %s, want %s, which all stores understand alike", method, target, r.RequestURI, sent)
							}
							if r.Host != strings.SplitN(store.URL, "://", 2)[1] || r.Method != method {
								t.Errorf("%s %s: the store got %s for host %s", method, target, r.Method, r.Host)
							}
						}
					}
				}
			}
		})
	}
}

// refused are paths that are no object's key, or that a store may misread.
var refused = []string{
	"/", "//", "///", "/a.jpg/", "/folder/", "//a.jpg", "/folder//a.jpg", "/.", "/..", "/./", "/../", "/../other/a.jpg",
	"/a/../b.jpg", "/a/./b.jpg", "/a/..", "/a/.", "/%2e", "/%2E%2e", "/%2e%2e/other/a.jpg", "/.%2e/other/a.jpg",
	"/a/%2e%2e/%2e%2e/other/a.jpg", "/%2F", "/%2f", "/%2Fa.jpg", "/a%2Fb.jpg", "/a%2fb.jpg", "/..%2Fother%2Fa.jpg",
	"/%2e%2e%2Fother%2Fa.jpg", "/%00", "/a%00.jpg", "/a.jpg%00", "/%00/", "/?", "/?list-type=2", "/?uploads", "//?acl",
	"/?versionId=1", `/..\secret\a.jpg`, "/..%5Cother%5Ca.jpg", "/a%5C..%5C..%5Cother", "/%5C..", "/.%5Ca",
	"/%c0%ae%c0%ae/other/a.jpg", "/%c0%af", "/%ff.jpg", "/a\xff.jpg",
	"http://client.example", "http://client.example/", "http://client.example/../other/a.jpg",
}

func TestNonObjectsAreRefused(t *testing.T) {
	store := newStore(t, false)
	for _, bucket := range []string{"bucket photos\nobject_versions\n", "virtual_host\n"} {
		srv := serve(t, store.URL, keyPair+bucket)
		for _, target := range refused {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				res, body := get(t, srv, method, target)
				if res.StatusCode != 404 || body != "" {
					t.Errorf("%s %s: got %d %q, want 404", method, target, res.StatusCode, body)
				}
			}
		}
		for _, method := range []string{
			"PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "COPY", "PROPFIND", "get", "LIST", "SEARCH",
		} {
			for _, target := range []string{"/a.jpg", "/", "/?delete", "/a.jpg?uploads"} {
				res, _ := get(t, srv, method, target, "Content-Length", "0", "X-Http-Method-Override", "GET")
				if res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
					t.Errorf("%s %s: got %d, Allow %q, want 405", method, target, res.StatusCode, res.Header.Get("Allow"))
				}
			}
		}
		if r := store.taken(); len(r) > 0 {
			t.Errorf("the store got %d requests, the first for %s", len(r), r[0].RequestURI)
		}
		srv.Stop()
	}
}

// subresources are queries that ask a store for something about an object, for another object or for different
// header fields.
var subresources = []string{
	"acl", "attributes", "cors", "delete", "encryption", "legal-hold", "lifecycle", "list-type=2", "location", "logging", "partNumber=1",
	"policy", "prefix=x", "replication", "requestPayment", "restore", "retention", "select&select-type=2", "tagging", "torrent", "uploadId=x",
	"uploads", "versioning", "versions", "website", "response-cache-control=x", "response-content-disposition=attachment",
	"response-content-encoding=gzip", "response-content-language=x", "response-content-type=text/html", "response-expires=x",
	"x-id=ListBuckets", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", "AWSAccessKeyId=x&Signature=x&Expires=1",
	"x-oss-process=image/info", "versionid=1", "version-id=1", "VersionId=1",
}

// TestQueryStays checks that nothing of the client's query reaches the store, except versionId if it is enabled:
// ?versionId=null reads objects that were deleted and replaced.
func TestQueryStays(t *testing.T) {
	store := newStore(t, false)
	for block, want := range map[string]string{
		"bucket photos":                  "/photos/a.jpg",
		"bucket photos\nobject_versions": "/photos/a.jpg?versionId=null",
	} {
		srv := serve(t, store.URL, keyPair+block)
		for _, q := range append(subresources, "", "versionId=", "versionId", "acl;versionId=null", "acl%26versionId=null", "%zz") {
			get(t, srv, "GET", "/a.jpg?"+q)
			if r := store.taken(); len(r) != 1 || r[0].RequestURI != "/photos/a.jpg" {
				t.Errorf("%s: ?%s: sent as %v", block, q, r)
			}
			get(t, srv, "GET", "/a.jpg?versionId=null&"+q)
			if r := store.taken(); len(r) != 1 || r[0].RequestURI != want {
				t.Errorf("%s: ?versionId=null&%s: sent as %v", block, q, r)
			}
		}
		srv.Stop()
	}
}

// TestPassedOn checks that only the documented parts of the client's request reach the store.
func TestPassedOn(t *testing.T) {
	store := newStore(t, false)
	srv := serve(t, store.URL, keyPair+"bucket photos\nobject_versions")
	header := []string{
		"Range", "bytes=0-9", "If-Match", `"a"`, "If-None-Match", `"b"`, "If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT",
		"If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:06 GMT", "Accept-Encoding", "identity", "Origin", "http://a.example",
	}
	res, _ := get(t, srv, "GET", "/a.jpg?acl&versionId=v+1%2F%26acl&X-Amz-Signature=0&response-content-type=text/html&versionId=2", append(header,
		"Authorization", "Bearer x", "Cookie", "a=b", "X-Amz-Security-Token", "x", "X-Amz-Acl", "public-read", "x-amz-meta-a", "b",
		"X-Amz-Content-Sha256", "0", "X-Amz-Date", "0", "Proxy-Authorization", "x", "X-Auth-Token", "x", "X-Minio-Extract", "true",
		"X-Http-Method-Override", "DELETE", "X-Forwarded-Host", "other.s3.example", "X-Other", "x", "Content-Length", "0")...)
	if res.StatusCode != 200 {
		t.Fatalf("got %d", res.StatusCode)
	}
	r := store.taken()[0]
	if want := "/photos/a.jpg?versionId=v%201%2F%26acl"; r.RequestURI != want {
		t.Errorf("got %s, want %s", r.RequestURI, want)
	}
	for i := 0; i < len(header); i += 2 {
		if got := r.Header.Get(header[i]); got != header[i+1] {
			t.Errorf("%s: got %q, want %q", header[i], got, header[i+1])
		}
	}
	allowed := []string{"Authorization", "X-Amz-Content-Sha256", "X-Amz-Date", "Via", "X-Forwarded-For", "X-Forwarded-Proto"}
	for k := range r.Header {
		if !slices.Contains(allowed, k) && !slices.Contains(header, k) {
			t.Errorf("the store got %s: %s", k, r.Header.Get(k))
		}
	}
}

// TestStoreResponses checks that the store's responses are passed on, without the bodies of errors and redirects.
func TestStoreResponses(t *testing.T) {
	store := newStore(t, false)
	store.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"e"`)
		switch r.URL.Path {
		case "/photos/range":
			w.Header().Set("Content-Range", "bytes 0-1/9")
			w.WriteHeader(206)
			io.WriteString(w, "ab")
		case "/photos/same":
			w.WriteHeader(304)
		case "/photos/moved":
			w.Header().Set("Location", "https://other.example/photo.jpg")
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(302)
			io.WriteString(w, "<a>secret</a>")
		case "/photos/busy":
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(503)
			io.WriteString(w, "secret")
		case "/photos/long":
			w.WriteHeader(500)
			w.Write(bytes.Repeat([]byte("secret"), 100_000))
		default:
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(403)
			io.WriteString(w, "<Error><AWSAccessKeyId>secret</AWSAccessKeyId></Error>")
		}
	}
	srv := serve(t, store.URL, keyPair+"bucket photos")
	for _, tc := range []struct {
		path   string
		status int
		body   string
		header map[string]string
	}{
		{"/range", 206, "ab", map[string]string{"Content-Range": "bytes 0-1/9", "Etag": `"e"`}},
		{"/same", 304, "", map[string]string{"Etag": `"e"`}},
		{"/moved", 302, "", map[string]string{"Location": "https://other.example/photo.jpg", "Content-Type": "", "Etag": "", "Content-Length": "0"}},
		{"/busy", 503, "", map[string]string{"Retry-After": "3", "Content-Type": ""}},
		{"/long", 500, "", nil},
		{"/denied", 403, "", map[string]string{"Content-Type": "", "Content-Length": "0"}},
	} {
		res, body := get(t, srv, "GET", tc.path)
		if res.StatusCode != tc.status || body != tc.body {
			t.Errorf("%s: got %d %q, want %d %q", tc.path, res.StatusCode, body, tc.status, tc.body)
		}
		for k, want := range tc.header {
			if got := res.Header.Get(k); got != want {
				t.Errorf("%s: %s: got %q, want %q", tc.path, k, got, want)
			}
		}
	}
}

// s3Error returns a store's error as AWS writes it.
func s3Error(code string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>" + code + "</Code><Message>secret</Message><AWSAccessKeyId>" + testKey +
		"</AWSAccessKeyId><Resource>/photos/secret.jpg</Resource></Error>"
}

// TestServerFaults checks that errors about the server's own credentials and bucket are hidden from the client and
// logged for the operator: once, with the code, without a path or a query.
func TestServerFaults(t *testing.T) {
	store := newStore(t, false)
	store.answer = func(w http.ResponseWriter, r *http.Request) {
		status, code := 0, ""
		if _, err := fmt.Sscanf(r.URL.Path, "/photos/%d/%s", &status, &code); err != nil {
			t.Error(err)
		}
		code = strings.TrimSuffix(code, "/secret.jpg")
		w.Header().Set("X-Amz-Request-Id", "secret")
		w.Header().Set("X-Amz-Bucket-Region", "secret")
		w.Header().Set("Location", "https://secret.s3.example/")
		w.WriteHeader(status)
		switch code {
		case "long": // key and signature many times, as in AWS's SignatureDoesNotMatch
			io.WriteString(w, strings.Replace(s3Error("SignatureDoesNotMatch"), "secret", strings.Repeat("secret", 100_000), 1))
		case "page":
			io.WriteString(w, "<html><body><p>SignatureDoesNotMatch</p><Error><Code>SignatureDoesNotMatch</Code></Error></body></html>")
		case "namespace":
			io.WriteString(w, `<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>InvalidSecurity</Code></Error>`)
		default:
			io.WriteString(w, s3Error(code))
		}
	}
	srv := serve(t, store.URL, keyPair+"bucket photos")
	type answer struct {
		code        string
		store, want int
	}
	answers := []answer{
		{"long", 403, 502},
		{"namespace", 403, 502},
		{"page", 403, 403},
		{"AccessDenied", 403, 403},
		{"InvalidObjectState", 403, 403},
		{"NoSuchKey", 404, 404},
		{"NoSuchVersion", 404, 404},
		{"InvalidRange", 416, 416},
		{"PreconditionFailed", 412, 412},
		{"InvalidRequest", 400, 400},
		{"KeyTooLongError", 400, 400},
		{"SlowDown", 503, 503},
		{"InternalError", 500, 500},
	}
	for code := range serverFaults {
		answers = append(answers, answer{code, 403, 502})
	}
	for _, status := range []int{301, 307, 400, 404} {
		answers = append(answers, answer{"NoSuchBucket", status, 502})
	}
	for _, a := range answers {
		path := fmt.Sprintf("/%d/%s/secret.jpg?secret", a.store, a.code)
		if res, _ := get(t, srv, "HEAD", path); res.StatusCode != a.store {
			t.Errorf("HEAD %s, which has no code: got %d", path, res.StatusCode)
		}
	}
	for _, e := range srv.Log() {
		if strings.Contains(e.Message, "refuses") {
			t.Errorf("HEAD: logged %s", e.Line)
		}
	}
	for range 2 {
		for _, a := range answers {
			res, body := get(t, srv, "GET", fmt.Sprintf("/%d/%s/secret.jpg?secret", a.store, a.code))
			if res.StatusCode != a.want || body != "" {
				t.Errorf("%s: got %d %q, want %d", a.code, res.StatusCode, body, a.want)
			}
			if a.want == 502 && (res.Header.Get("Location") != "" || res.Header.Get("X-Amz-Request-Id") != "" || res.Header.Get("Content-Length") != "0") {
				t.Errorf("%s: got %v", a.code, res.Header)
			}
		}
	}
	lines := map[string]int{}
	for _, e := range srv.Log() {
		code, _ := e.Fields["code"].(string)
		if code == "" {
			continue
		}
		lines[code]++
		if e.Level != zapcore.ErrorLevel || e.Fields["check"] != serverFaults[code] || e.Logger != "http.reverse_proxy.transport.s3" ||
			e.Fields["upstream"] != strings.TrimPrefix(store.URL, "http://") || e.Fields["bucket"] != "photos" ||
			strings.Contains(e.Line, "secret.jpg") || strings.Contains(e.Line, testKey) {
			t.Errorf("logged %s", e.Line)
		}
	}
	for code := range serverFaults {
		if lines[code] != 1 {
			t.Errorf("%s: logged %d times, want once", code, lines[code])
		}
	}
	if len(lines) != len(serverFaults) {
		t.Errorf("logged %v", lines)
	}
}

// TestRetry checks that a second attempt is signed for the same object, not for one with the bucket twice.
func TestRetry(t *testing.T) {
	store := newStore(t, false)
	calls := 0
	store.answer = func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, r.URL.Path)
	}
	srv := serve(t, store.URL, keyPair+"bucket photos", "lb_retries 2", "lb_try_interval 10ms")
	if res, body := get(t, srv, "GET", "/a.jpg"); res.StatusCode != 200 || body != "/photos/a.jpg" || calls < 2 {
		t.Errorf("got %d %q after %d calls", res.StatusCode, body, calls)
	}
}

// TestHeaderUpHostIsSigned checks that the host that header_up sets is signed.
func TestHeaderUpHostIsSigned(t *testing.T) {
	store := newStore(t, false)
	for setting, want := range map[string]string{
		"header_up Host {upstream_hostport}":    strings.TrimPrefix(store.URL, "http://"),
		"header_up Host photos.s3.example":      "photos.s3.example",
		"header_up Host photos.s3.example:80":   "photos.s3.example",
		"header_up Host photos.s3.example:7480": "photos.s3.example:7480",
	} {
		srv := serve(t, store.URL, keyPair+"virtual_host", setting)
		res, _ := get(t, srv, "GET", "/a.jpg")
		if got := store.taken()[0].Host; res.StatusCode != 200 || got != want {
			t.Errorf("%s: got %d, host %s", setting, res.StatusCode, got)
		}
		srv.Stop()
	}
}

// TestCredentials checks keys from placeholders and from the SDK's chain, with session tokens, and that expired keys
// are fetched again.
func TestCredentials(t *testing.T) {
	store := newStore(t, false)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	request := func(block string) (int, *http.Request) {
		t.Helper()
		srv := serve(t, store.URL, block)
		defer srv.Stop()
		res, _ := get(t, srv, "GET", "/a.jpg")
		r := append(store.taken(), nil)[0]
		return res.StatusCode, r
	}

	t.Run("placeholders", func(t *testing.T) {
		t.Setenv("S3_KEY", testKey)
		t.Setenv("S3_SECRET", testSecret)
		t.Setenv("S3_BUCKET", "photos")
		status, r := request("region " + testRegion + "\nbucket {env.S3_BUCKET}\naccess_key {env.S3_KEY}\nsecret_key {env.S3_SECRET}")
		if status != 200 || r.URL.Path != "/photos/a.jpg" {
			t.Errorf("got %d, %v", status, r)
		}
	})
	t.Run("environment", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", "chain")
		t.Setenv("AWS_SECRET_ACCESS_KEY", testSecret)
		t.Setenv("AWS_SESSION_TOKEN", "token")
		t.Setenv("AWS_REGION", testRegion)
		if err := (Transport{}).FindKeys(context.Background()); err != nil {
			t.Error(err)
		}
		status, r := request("bucket photos")
		if status != 200 || r.Header.Get("X-Amz-Security-Token") != "token" {
			t.Errorf("got %d, token %q", status, r.Header.Get("X-Amz-Security-Token"))
		}
	})
	t.Run("expiring", func(t *testing.T) {
		fetched := 0
		source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fetched++
			lasts := time.Second // so short that the keys have expired when they arrive
			if fetched > 1 {
				lasts = time.Hour
			}
			json.NewEncoder(w).Encode(map[string]string{
				"AccessKeyId": fmt.Sprint("chain", fetched), "SecretAccessKey": testSecret,
				"Token": "t", "Expiration": time.Now().Add(lasts).UTC().Format(time.RFC3339),
			})
		}))
		defer source.Close()
		t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", source.URL)
		srv := serve(t, store.URL, "bucket photos\nregion "+testRegion)
		for range 3 {
			if res, _ := get(t, srv, "GET", "/a.jpg"); res.StatusCode != 200 {
				t.Fatalf("got %d", res.StatusCode)
			}
			time.Sleep(1100 * time.Millisecond)
		}
		r := store.taken()
		if fetched != 2 || !strings.Contains(r[2].Header.Get("Authorization"), "=chain2/") {
			t.Errorf("fetched %d times, the last request had %s", fetched, r[2].Header.Get("Authorization"))
		}
	})
	t.Run("none", func(t *testing.T) {
		if err := (Transport{}).FindKeys(context.Background()); err == nil {
			t.Error("keys were found")
		}
		if status, r := request("bucket photos\nregion " + testRegion); status != 502 || r != nil {
			t.Errorf("got %d, want 502 and no request", status)
		}
	})
}

// TestConfigErrors checks that the error for each mistake has its file and line.
func TestConfigErrors(t *testing.T) {
	for _, tc := range []struct{ name, block, want string }{
		{"access key alone", "bucket x\naccess_key a", `access_key needs a secret_key, at Caddyfile:6`},
		{"secret key alone", "bucket x\nsecret_key a", `secret_key needs an access_key, at Caddyfile:6`},
		{"neither bucket nor virtual_host", "region x", `a bucket is required, or virtual_host if the upstream's host name has it: otherwise clients could choose any bucket, at Caddyfile:5`},
		{"misspelled bucket", "region x\nbukcet photos", `unrecognized subdirective bukcet, at Caddyfile:5`},
		{"bucket and virtual_host", "bucket x\nvirtual_host", `bucket and virtual_host exclude each other, at Caddyfile:6`},
		{"a value for a flag", "virtual_host yes", `at Caddyfile:4`},
		{"repeated flag", "object_versions\nobject_versions", `object_versions is given twice, at Caddyfile:5`},
		{"empty bucket", `bucket ""`, `bucket is empty, at Caddyfile:4`},
		{"repeated word", "region x\nregion y", `region is given twice, at Caddyfile:5`},
		{"no value", "region", `at Caddyfile:4`},
		{"two values", "bucket a b", `at Caddyfile:4`},
		{"empty value", `region ""`, `region is empty, at Caddyfile:4`},
		{"path as bucket", "bucket photos/2024", `bucket: "photos/2024" is no bucket's name, at Caddyfile:4`},
		{"dots as bucket", "bucket ..", `is no bucket's name, at Caddyfile:4`},
		{"unknown word", "regoin x\nbucket x", `unrecognized subdirective regoin, at Caddyfile:4`},
		{"unknown word behind a block", "tls_trust_pool inline {\ntrust_der AAAA\n}\nregoin x\nvirtual_host", `unrecognized subdirective regoin, at Caddyfile:7`},
		{"a mistake in http's words", "bucket x\ndial_timeout soon", `"soon", at Caddyfile:5`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":80 {\nreverse_proxy http://127.0.0.1:1 {\ntransport s3 {\n"+tc.block+"\n}\n}\n}\n"),
				map[string]any{"filename": "Caddyfile"})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":80 {\nreverse_proxy a:1 {\ntransport s3 photos {\nregion x\n}\n}\n}\n"), nil); err == nil {
		t.Error("arguments of the transport: no error")
	}
}

// TestJSONErrors checks mistakes that show only when the config is loaded.
func TestJSONErrors(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("S3_BUCKET", "a/b")
	for transport, want := range map[string]string{
		`{"region":"x"}`:                                                                      "a bucket is required",
		`{"region":"x","bucket":""}`:                                                          "a bucket is required",
		`{"region":"x","bucket":"a","virtual_host":true}`:                                     "exclude each other",
		`{"region":"x","bucket":"{env.S3_NOT_SET}"}`:                                          "bucket: ",
		`{"bucket":"p","region":"x","access_key":"a"}`:                                        "access_key needs a secret_key",
		`{"bucket":"p","region":"x","secret_key":"a"}`:                                        "secret_key needs an access_key",
		`{"region":"x","bucket":"a/b"}`:                                                       "no bucket's name",
		`{"region":"x","bucket":"{env.S3_BUCKET}"}`:                                           "no bucket's name",
		`{"bucket":"p","access_key":"a","secret_key":"b"}`:                                    "region: there is none",
		`{"bucket":"p","region":"{env.S3_NOT_SET}"}`:                                          "region: ",
		`{"bucket":"p","region":"x","access_key":"{env.S3_NOT_SET}","secret_key":"b"}`:        "access_key: ",
		`{"bucket":"p","region":"x","access_key":"a","secret_key":"{nonsense.placeholder}"}`:  "secret_key: ",
		`{"bucket":"p","region":"x","access_key":"a","secret_key":"b","versions":["9"]}`:      "unsupported HTTP version",
		`{"bucket":"p","region":"x","access_key":"a","secret_key":"b","session_tokens":"no"}`: "session_tokens",
	} {
		transport = strings.Replace(transport, "{", `{"protocol":"s3",`, 1)
		var cfg caddy.Config
		if err := json.Unmarshal([]byte(`{"admin":{"disabled":true},"apps":{"http":{"servers":{"x":{"listen":["127.0.0.1:0"],"routes":[{"handle":[
			{"handler":"reverse_proxy","transport":`+transport+`,"upstreams":[{"dial":"127.0.0.1:1"}]}]}]}}}}}`), &cfg); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", transport, err, want)
		}
	}
}

// TestAdapt compares the JSON for a Caddyfile that uses every word of both transports with its golden.
func TestAdapt(t *testing.T) {
	input, err := os.ReadFile("testdata/all.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	if formatted := caddyfile.Format(input); !bytes.Equal(formatted, input) {
		t.Error("testdata/all.Caddyfile is not formatted")
	}
	cfg, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(input, nil)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	var got bytes.Buffer
	if err := json.Indent(&got, cfg, "", "\t"); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	const golden = "testdata/all.Caddyfile.json"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}
