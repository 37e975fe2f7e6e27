// Package leaks checks that a real Caddy with exif tells clients without rights nothing about objects: not by
// status, headers or bytes, and not by time.
package leaks

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	_ "github.com/caddyexif/caddy-exif"
	"github.com/caddyexif/caddy-exif/internal/testcaddy"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

const (
	tag = `"0123456789abcdef"` // the ETag of the bucket's objects
	// authorization is the header of the user bob with the password hiccup.
	authorization = "Basic Ym9iOmhpY2N1cA=="
)

// photo has the size of a real photo.
var photo = append(bytes.Clone(testimage.Samples()["photo.jpg"]), make([]byte, 3<<20)...)

// start runs a Caddy in front of a folder and a bucket with the same photos. Each site denies something to
// clients that don't send "X-Right: yes" or bob's password.
func start(t *testing.T) (addr string) {
	t.Helper()
	digest, err := bcrypt.GenerateFromPassword([]byte("hiccup"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	hash := string(digest)
	root := t.TempDir()
	for _, dir := range []string{"is", "other"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a.jpg", "b.jpg"} {
			if err := os.WriteFile(filepath.Join(root, dir, name), photo, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Host, "bucket-403") && r.Header.Get("X-Right") != "yes" {
			w.WriteHeader(http.StatusForbidden) // as AWS does without ListBucket
			return
		}
		if r.URL.Path == "/is/" {
			io.WriteString(w, `[{"name":"a.jpg","size":1},{"name":"b.jpg","size":1}]`)
			return
		}
		if !exists(r.URL.Path) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Etag", tag)
		w.Header().Set("Cache-Control", "public, max-age=60")
		http.ServeContent(w, r, "", time.Unix(1.7e9, 0), bytes.NewReader(photo))
	}))
	t.Cleanup(bucket.Close)

	files := "root * " + root + "\nfile_server browse"
	proxy := "reverse_proxy " + bucket.Listener.Addr().String()
	var b strings.Builder
	site := func(name, rules, backend string) {
		fmt.Fprintf(&b, "http://%s.test:{$PORT} {\nbind 127.0.0.1\nexif {\nfolders\n%s\n}\n%s\n}\n", name, rules, backend)
	}
	const right = " header X-Right yes"
	for backend, handler := range map[string]string{"files": files, "bucket": proxy} {
		site("rules-"+backend, "allow GetObject ListBucket"+right, handler)
		site("nocache-"+backend, "cache off\nallow GetObject ListBucket"+right, handler)
		site("list-"+backend, "allow GetObject"+right+"\nallow ListBucket", handler)
		site("deny-"+backend, "allow GetObject ListBucket\ndeny GetObject not"+right, handler)
		site("user-"+backend, "allow GetObject ListBucket `{http.auth.user.id} == \"bob\"`", "basic_auth @named {\nbob "+hash+"\n}\n@named header Authorization *\n"+handler)
		site("login-"+backend, "", "basic_auth {\nbob "+hash+"\n}\n"+handler)
		site("errors-"+backend, "pass_errors\nallow GetObject ListBucket"+right, handler)
		site("early-"+backend, "allow GetObject ListBucket\ndeny GetObject path */b.jpg", handler)
	}
	// the next handlers alone
	fmt.Fprintf(&b, "http://photo-files.test:{$PORT} {\nbind 127.0.0.1\n%s\n}\n", files)
	fmt.Fprintf(&b, "http://photo-bucket.test:{$PORT} {\nbind 127.0.0.1\n%s\n}\n", proxy)
	site("bucket-403", "", proxy)
	site("bucket-403-rules", "allow GetObject\nallow ListBucket"+right, proxy)

	return testcaddy.Start(t, b.String(), testcaddy.Quiet()).Addr
}

// exists reports whether the bucket and the folder have an object: they have /is/a.jpg and /is/b.jpg, but not
// /no/a.jpg.
func exists(path string) bool { return path == "/is/a.jpg" || path == "/is/b.jpg" }

// sites are the sites that must tell clients without rights nothing.
var sites = []string{
	"rules-files", "rules-bucket", "nocache-files", "nocache-bucket", "list-files", "list-bucket", "deny-files", "deny-bucket",
	"user-files", "user-bucket", "login-files", "login-bucket", "errors-files", "errors-bucket", "bucket-403", "bucket-403-rules",
}

// client keeps one connection and writes HTTP by hand, to measure Caddy and not the client.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{t, c, bufio.NewReader(c)}
}

// suffixFor returns what asks for EXIF on a site.
func suffixFor(site string) string {
	if strings.HasPrefix(site, "photo-") {
		return ""
	}
	return testcaddy.Suffix
}

// do sends a request and reads the response. headers has pairs of names and values.
func (c *client) do(method, site, object string, headers ...string) (status int, header http.Header, body string, took time.Duration) {
	c.t.Helper()
	var b strings.Builder
	if !strings.Contains(object, "@base@tag=") {
		object += suffixFor(site)
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s.test\r\n", method, object, site)
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	b.WriteString("\r\n")
	raw := []byte(b.String())
	start := time.Now()
	if _, err := c.conn.Write(raw); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.in.Peek(1); err != nil {
		c.t.Fatalf("%s %s%s: %v", method, site, object, err)
	}
	took = time.Since(start)
	res, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	bb, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(bb), took
}

var requestID = regexp.MustCompile(`"requestId":"[0-9a-f-]{36}"`)

// visible returns everything that a client sees of a response, except the date and the request ID.
func (c *client) visible(method, site, object, query string, headers ...string) string {
	c.t.Helper()
	status, h, body, _ := c.do(method, site, object+suffixFor(site)+query, headers...)
	h.Del("Date")
	body = requestID.ReplaceAllString(body, `"requestId":"-"`)
	var b strings.Builder
	fmt.Fprintln(&b, status)
	for _, k := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s: %q\n", k, h[k])
	}
	return b.String() + "\n" + body
}

// TestExistingAndMissingLookTheSame compares the responses for existing objects with those for missing ones.
func TestExistingAndMissingLookTheSame(t *testing.T) {
	addr := start(t)
	c := dial(t, addr)
	ours := map[string]string{} // each site's ETag of the object for clients with rights
	for _, site := range sites {
		_, h, body, _ := c.do(http.MethodGet, site, "/is/a.jpg", "X-Right", "yes", "Authorization", authorization)
		if h.Get("Etag") == "" || !strings.Contains(body, "testimage") {
			t.Fatalf("%s: nobody is let in: %v %s", site, h, body)
		}
		ours[site] = h.Get("Etag")
	}
	compared := 0
	for _, site := range sites {
		conditions := [][]string{
			nil,
			{"If-None-Match", ours[site]},
			{"If-None-Match", tag},
			{"If-None-Match", "*"},
			{"If-None-Match", `"x", W/` + ours[site]},
			{"If-Match", ours[site]},
			{"If-Match", "*"},
			{"If-Modified-Since", "Tue, 01 Jan 2080 00:00:00 GMT"},
			{"If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"},
			{"If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"},
		}
		ranges := [][]string{nil, {"Range", "bytes=0-9"}, {"Range", "bytes=99999999-"}, {"Range", "bytes=0-9", "If-Range", ours[site]}}
		others := [][]string{nil, {"Origin", "https://app.test"}, {"Accept-Encoding", "gzip"}}
		callers := [][]string{nil}
		if strings.HasPrefix(site, "login") || strings.HasPrefix(site, "user") {
			callers = append(callers, []string{"Authorization", "Basic Ym9iOnRoZSB3cm9uZyBvbmU="})
		}
		// a client with rights has requested a.jpg, so it is cached; b.jpg isn't
		for _, name := range []string{"a.jpg", "b.jpg"} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
				for _, headers := range product(conditions, ranges, others, callers) {
					is := c.visible(method, site, "/is/"+name, "", headers...)
					no := c.visible(method, site, "/no/"+name, "", headers...)
					compared++
					if is != no {
						t.Errorf("%s: %s %s %q:\nexists:\n%s\ndoesn't:\n%s", site, method, name, headers, is, no)
					}
					if strings.HasPrefix(is, "2") || strings.HasPrefix(is, "3") {
						t.Errorf("%s: %s %s %q: let in:\n%s", site, method, name, headers, is)
					}
				}
			}
		}
	}
	fmt.Printf("leaks: %d pairs of an object that exists and one that doesn't, on %d sites, answered alike: %t\n", compared, len(sites), !t.Failed())
}

// TestFoldersLookTheSame compares the responses for an existing folder with those for a missing one, for clients without
// ListBucket.
func TestFoldersLookTheSame(t *testing.T) {
	c := dial(t, start(t))
	compared := 0
	for _, site := range sites {
		if strings.HasPrefix(site, "list") || strings.HasPrefix(site, "deny") {
			continue // everybody may list
		}
		_, h, body, _ := c.do(http.MethodGet, site, "/is/", "X-Right", "yes", "Authorization", authorization)
		if strings.Count(body, "SourceFile") != 2 {
			t.Fatalf("%s: nobody is let in: %v %s", site, h, body)
		}
		ours := h.Get("Etag")
		conditions := [][]string{nil, {"If-None-Match", ours}, {"If-None-Match", "*"}, {"If-Match", ours}, {"If-Modified-Since", "Tue, 01 Jan 2080 00:00:00 GMT"}}
		others := [][]string{nil, {"Origin", "https://app.test"}, {"Accept", "application/json"}, {"Range", "bytes=0-9"}, {"Cookie", "sort=size"}}
		for _, query := range []string{"", "?after=a.jpg", "?sort=size&order=desc"} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions} {
				if method == http.MethodOptions && !strings.Contains(site, "rules") && !strings.Contains(site, "user") {
					continue // passed on without rules
				}
				for _, headers := range product(conditions, others) {
					is := c.visible(method, site, "/is/", query, headers...)
					no := c.visible(method, site, "/no/", query, headers...)
					compared++
					if is != no {
						t.Errorf("%s: %s %s %q:\nexists:\n%s\ndoesn't:\n%s", site, method, query, headers, is, no)
					}
					if strings.HasPrefix(is, "2") || strings.HasPrefix(is, "3") || strings.Contains(is, "a.jpg") {
						t.Errorf("%s: %s %s %q: let in:\n%s", site, method, query, headers, is)
					}
				}
			}
		}
	}
	fmt.Printf("leaks: %d pairs of a folder that exists and one that doesn't, answered alike: %t\n", compared, !t.Failed())
}

// product returns the Cartesian product of the lists, with joined elements.
func product(lists ...[][]string) [][]string {
	all := [][]string{nil}
	for _, list := range lists {
		var next [][]string
		for _, a := range all {
			for _, b := range list {
				next = append(next, slices.Concat(a, b))
			}
		}
		all = next
	}
	return all
}

// TestTime measures whether the time of a denial distinguishes existing objects from missing ones.
//
// It sends consecutive requests on one connection, in pairs of alternating order, so that other load on the
// machine affects both alike. It computes the chance that the request for the existing object took longer
// than the one for the missing object: the area under the ROC curve (AUC), which is the Mann-Whitney
// statistic over n². The AUC is 0.5 if time tells nothing, doesn't depend on the distribution of the times,
// and counts outliers once. Without a difference, its standard error for n = 3000 is 0.0075; 0.1 is far from
// that, and still next to useless to an attacker.
//
// Rules on address, host, method, path, protocol or query are decided without the next handlers, so time
// tells nothing. All other rules are decided after the next handlers have responded, since these identify the
// client, and opening a file takes longer than not finding it. The test measures that difference of the next
// handlers with requests for the photo's first window. If the AUC is off by more than 0.1, the medians may
// differ as much as there, plus a quarter and 5 µs.
func TestTime(t *testing.T) {
	addr := start(t)
	own := map[string]float64{}
	for _, backend := range []string{"files", "bucket"} {
		is, no := measure(t, addr, "photo-"+backend, "/b.jpg", "Range", "bytes=0-65535")
		own[backend] = median(is) - median(no)
		printTimes("photo-"+backend, false, is, no)
	}
	for _, site := range append(slices.Clone(sites), "early-files", "early-bucket") {
		if strings.HasPrefix(site, "errors") || strings.HasPrefix(site, "deny") || strings.HasPrefix(site, "list") {
			continue // like rules
		}
		for _, cached := range []bool{false, true} {
			onPath := strings.HasPrefix(site, "early") // the rule is on the path, and denies b.jpg
			if cached && (onPath || strings.HasPrefix(site, "nocache") || strings.HasPrefix(site, "login") || site == "bucket-403") {
				continue
			}
			name := "/b.jpg"
			if cached {
				name = "/a.jpg"
				if status, _, _, _ := dial(t, addr).do(http.MethodGet, site, "/is"+name, "X-Right", "yes", "Authorization", authorization); status != 200 {
					t.Fatalf("%s: %d", site, status)
				}
			}
			is, no := measure(t, addr, site, name)
			a, apart := auc(is, no), median(is)-median(no)
			printTimes(site, cached, is, no)
			limit := 5.0
			for backend, d := range own {
				if strings.HasSuffix(site, backend) && !onPath {
					limit += 1.25 * max(d, 0)
				}
			}
			if (a < 0.4 || a > 0.6) && math.Abs(apart) > limit {
				t.Errorf("%s: time tells: AUC %.3f, %.1f µs apart, the next handlers explain %.1f", site, a, apart, limit)
			}
		}
	}
}

// measure returns the times of n requests for an existing object and of n for a missing one.
func measure(t *testing.T, addr, site, name string, headers ...string) (is, no []time.Duration) {
	t.Helper()
	const n, warm = 3000, 200
	c := dial(t, addr)
	ask := func(dir string, to *[]time.Duration) {
		status, _, _, took := c.do(http.MethodGet, site, dir+name, headers...)
		if status != 403 && status != 401 && !strings.HasPrefix(site, "photo-") {
			t.Fatalf("%s: %d", site, status)
		}
		*to = append(*to, took)
	}
	for i := range n + warm {
		if i == warm {
			is, no = is[:0], no[:0]
		}
		if i%2 == 0 { // alternate the order, so that each kind follows each kind equally often
			ask("/is", &is)
			ask("/no", &no)
		} else {
			ask("/no", &no)
			ask("/is", &is)
		}
	}
	return is, no
}

func printTimes(site string, cached bool, is, no []time.Duration) {
	fmt.Printf("time: %-17s cached %-5t  exists %6.1f µs  doesn't %6.1f µs  AUC %.3f\n", site, cached, median(is), median(no), auc(is, no))
}

func median(d []time.Duration) float64 {
	d = slices.Clone(d)
	slices.Sort(d)
	return float64(d[len(d)/2].Nanoseconds()) / 1000
}

// auc returns the chance that a value of a is larger than one of b. Ties count half.
func auc(a, b []time.Duration) float64 {
	b = slices.Clone(b)
	slices.Sort(b)
	sum := 0.0
	for _, x := range a {
		less := sort.Search(len(b), func(i int) bool { return b[i] >= x })
		upto := sort.Search(len(b), func(i int) bool { return b[i] > x })
		sum += float64(less) + float64(upto-less)/2
	}
	return sum / float64(len(a)) / float64(len(b))
}

// TestAUC checks auc.
func TestAUC(t *testing.T) {
	var n atomic.Int64
	some := func() (d []time.Duration) {
		for range 1000 {
			d = append(d, time.Duration(n.Add(7919)%1009))
		}
		return d
	}
	a, b := some(), some()
	if got := auc(a, b); got < 0.45 || got > 0.55 {
		t.Errorf("got %v of the same", got)
	}
	for i := range a {
		a[i] += 2000
	}
	if got := auc(a, b); got != 1 {
		t.Errorf("got %v of slower ones", got)
	}
}
