// Package examples runs each Caddyfile in the examples folder unchanged, and sends the requests that its users
// would.
package examples

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	_ "github.com/caddyserver/cache-handler"
	_ "github.com/mholt/caddy-ratelimit"

	_ "github.com/caddyexif/caddy-exif"
	"github.com/caddyexif/caddy-exif/internal/testcaddy"
	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
	_ "github.com/caddyexif/caddy-exif/s3transport"
)

const (
	repository = "../.."

	iphone4S = `{"Make":"Apple","Model":"iPhone 4S","Orientation":"1","XResolution":"72/1","YResolution":"72/1",` +
		`"ResolutionUnit":"2","YCbCrPositioning":"1","ExposureTime":"1/449"}`

	team = "team:photos" // the user and password of the hashes in the Caddyfiles
)

// TestMain makes the test binary run as Caddy, with the modules that examples need, when testcaddy.Self
// starts it.
func TestMain(m *testing.M) { testcaddy.Main(m) }

func caddy(env []string, args ...string) *exec.Cmd {
	cmd := testcaddy.Self(args...)
	cmd.Dir = repository // as when a newcomer runs it; the default folder of photos is relative
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// site is a running example.
type site struct {
	*local.Process
	t    *testing.T
	addr string
}

// run starts Caddy with an example's Caddyfile and waits until it responds.
func run(t *testing.T, config string, env ...string) *site {
	t.Helper()
	addr := local.FreeAddr(t)
	p := local.Start(t, caddy(append([]string{"LISTEN=" + addr}, env...), "run", "--config", "examples/"+config))
	p.WaitListening(addr)
	fmt.Printf("\nexamples/%s\n", config)
	return &site{p, t, addr}
}

// request is a request to a site.
type request struct {
	method string // default: GET
	path   string
	header map[string]string
	user   string // name:password
	from   string // the client's address, which this machine must have
}

// answer is a response.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   string
}

// ask sends the request, prints it and its response, and checks the status.
func (s *site) ask(r request, status int) *answer {
	s.t.Helper()
	if r.method == "" {
		r.method = http.MethodGet
	}
	req, err := http.NewRequest(r.method, "http://"+s.addr+r.path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	what := r.method + " " + r.path
	var names []string
	for k, v := range r.header {
		req.Header.Set(k, v)
		names = append(names, k+": "+v)
	}
	sort.Strings(names)
	if r.user != "" {
		name, password, _ := strings.Cut(r.user, ":")
		req.SetBasicAuth(name, password)
		names = append(names, "as "+name)
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if r.from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(r.from)}
		names = append(names, "from "+r.from)
	}
	if len(names) > 0 {
		what += " (" + strings.Join(names, ", ") + ")"
	}
	transport := &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, DisableCompression: true}
	res, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		s.t.Fatalf("%s: %v: %s", what, err, s.Output())
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s: %v", what, err)
	}
	a := &answer{t: s.t, what: what, status: res.StatusCode, header: res.Header, body: string(body)}
	fmt.Printf("  %s -> %s\n", what, a)
	if a.status != status {
		s.t.Errorf("%s: got %s, want %d", what, a, status)
	}
	return a
}

// exif requests the EXIF of a photo.
func (s *site) exif(r request, status int) *answer {
	s.t.Helper()
	r.path += testcaddy.Suffix
	a := s.ask(r, status)
	if r.method != http.MethodOptions && a.header.Get("Content-Type") != "" && !json.Valid([]byte(a.body)) {
		s.t.Errorf("%s: no JSON: %s", a.what, a.body)
	}
	return a
}

func (a *answer) String() string {
	var b strings.Builder
	fmt.Fprint(&b, a.status)
	for _, k := range []string{
		"Retry-After", "WWW-Authenticate", "Location", "Vary", "Cache-Control", "Cache-Status",
		"Access-Control-Allow-Origin", "Access-Control-Allow-Methods",
	} {
		if v := a.header.Values(k); len(v) > 0 {
			fmt.Fprintf(&b, ", %s: %s", k, strings.Join(v, ", "))
		}
	}
	switch body, cut := a.body, 170; {
	case body == "":
	case strings.ContainsRune(body, 0):
		fmt.Fprintf(&b, " [%d bytes]", len(body))
	case len(body) > cut:
		fmt.Fprintf(&b, " %s…", strings.ToValidUTF8(body[:cut], ""))
	default:
		fmt.Fprintf(&b, " %s", body)
	}
	return b.String()
}

// is checks that the body is exactly this one.
func (a *answer) is(body string) {
	a.t.Helper()
	if a.body != body {
		a.t.Errorf("%s: got %s, want %s", a.what, a.body, body)
	}
}

// has checks that each text is in the body.
func (a *answer) has(texts ...string) {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s: no %s in %s", a.what, text, a.body)
		}
	}
}

// hasNot checks that none of the texts is in the body.
func (a *answer) hasNot(texts ...string) {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Errorf("%s: %s in %s", a.what, text, a.body)
		}
	}
}

// code checks the code of a JSON error.
func (a *answer) code(code string) {
	a.t.Helper()
	var got struct {
		Code   string
		Status int
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.Code != code || got.Status != a.status {
		a.t.Errorf("%s: got %s, want %d %s", a.what, a.body, a.status, code)
	}
}

// reads checks what a client reads at a path of keys in a JSON answer, such as Make.value; "" for nothing.
func (a *answer) reads(path, want string) {
	a.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		a.t.Errorf("%s: %v: %s", a.what, err, a.body)
	}
	for key := range strings.SplitSeq(path, ".") {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	if v == nil {
		v = ""
	}
	if got := fmt.Sprint(v); got != want {
		a.t.Errorf("%s: %s is %q, want %q", a.what, path, got, want)
	}
}

// field checks that a header field contains a value.
func (a *answer) field(name, value string) {
	a.t.Helper()
	if got := strings.Join(a.header.Values(name), ", "); !strings.Contains(got, value) {
		a.t.Errorf("%s: got %s: %q, want %q", a.what, name, got, value)
	}
}

// photos makes a folder of photos. files maps names in it to names in testdata.
func photos(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range files {
		b, err := os.ReadFile(filepath.Join(repository, "testdata", from))
		if err != nil {
			t.Fatal(err)
		}
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// logged returns the lines of a JSON log.
func logged(t *testing.T, name string) (lines []map[string]any) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		line := map[string]any{}
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Errorf("%v: %s", err, s.Text())
		}
		lines = append(lines, line)
	}
	return lines
}
