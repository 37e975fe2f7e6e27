// Package cli_test runs the commands as users do.
package cli_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	_ "github.com/caddyexif/caddy-exif"
	"github.com/caddyexif/caddy-exif/internal/testcaddy"
	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
	_ "github.com/caddyexif/caddy-exif/s3transport"
)

const (
	testdata = "../../testdata"
	suffix   = testcaddy.Suffix
)

// TestMain makes the test binary run as Caddy when testcaddy.Self starts it.
func TestMain(m *testing.M) { testcaddy.Main(m) }

// TestBrokenPipeEndsQuietly stops reading, as head does. The command must end at once without a message.
func TestBrokenPipeEndsQuietly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("pipes end otherwise there")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var errs bytes.Buffer
	cmd := testcaddy.Self("exif", testdata)
	cmd.Stdout, cmd.Stderr = w, &errs
	err = cmd.Run()
	w.Close()
	if err == nil || errs.Len() > 0 {
		t.Errorf("got %v %s", err, errs.String())
	}
}

// start runs exif-server and returns the example URL that it prints.
func start(t *testing.T, args ...string) string {
	t.Helper()
	url, _ := startWithOutput(t, args...)
	return url
}

func startWithOutput(t *testing.T, args ...string) (url string, srv *local.Process) {
	t.Helper()
	srv = local.Start(t, testcaddy.Self(append([]string{"exif-server"}, args...)...))
	return srv.WaitOutput(regexp.MustCompile(`curl '([^']+)'`))[1], srv
}

func fetch(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// iphone4S is the EXIF of testdata/iphone-4s.jpg.
const iphone4S = `{"Make":"Apple","Model":"iPhone 4S","Orientation":"1","XResolution":"72/1","YResolution":"72/1",` +
	`"ResolutionUnit":"2","YCbCrPositioning":"1","ExposureTime":"1/449"}`

func TestServerServesFolder(t *testing.T) {
	files := local.FreeAddr(t)
	url := start(t, "--root", testdata, "--listen", files)
	if want := "http://" + files + "/iphone-4s.jpg" + suffix; url != want {
		t.Errorf("got %s, want %s", url, want)
	}
	if status, body := fetch(t, url); status != 200 || body != iphone4S {
		t.Errorf("files: got %d %s", status, body)
	}
	if status, body := fetch(t, "http://"+files+"/iphone-4s.jpg"); status != 200 || !strings.HasPrefix(body, "\xFF\xD8") {
		t.Errorf("files: the photo: got %d", status)
	}
	if status, body := fetch(t, "http://"+files+"/"); status != 200 || !strings.Contains(body, "/iphone-4s.jpg"+suffix) {
		t.Errorf("files: the folder: got %d %s", status, body)
	}
}

// upstream starts a server for the test and returns its address.
func upstream(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func TestServerServesBucket(t *testing.T) {
	// a path-style bucket that refuses credentials, and would list itself
	bucket := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, "/bucket/")
		if strings.Contains(r.URL.Path, "..") || strings.Contains(r.URL.Path, "/./") {
			t.Errorf("the bucket was asked for %s", r.RequestURI)
		}
		switch {
		case r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "":
			w.WriteHeader(400)
		case name == "" || strings.HasSuffix(name, "/"):
			io.WriteString(w, "<ListBucketResult/>")
		case !ok:
			w.WriteHeader(404)
		default:
			w.Header().Set("X-Amz-Meta-Owner", "secret")
			http.ServeFile(w, r, testdata+"/"+name)
		}
	})
	front := local.FreeAddr(t)
	url := start(t, "--bucket", "http://"+bucket+"/bucket", "--listen", front, "--values", "raw")
	photo := strings.Replace(url, "PHOTO.jpg", "iphone-4s.jpg", 1)
	req, err := http.NewRequest(http.MethodGet, photo, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer x")
	req.Header.Set("Cookie", "a=b")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != 200 || string(body) != iphone4S {
		t.Errorf("bucket: got %d %s", res.StatusCode, body)
	}
	for path, want := range map[string]int{
		"/iphone-4s.jpg": 200, "/": 200, "//": 404, "/x/": 404, "/nope.jpg": 404, "/" + suffix: 400, "/nope.jpg" + suffix: 404,
	} {
		if status, body := fetch(t, "http://"+front+path); status != want || strings.Contains(body, "ListBucket") {
			t.Errorf("bucket: %s: got %d %s, want %d", path, status, body, want)
		}
	}
	refuseOutside(t, front)
	res, err = http.Post("http://"+front+"/iphone-4s.jpg", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 405 {
		t.Errorf("bucket: POST: got %d", res.StatusCode)
	}
}

// TestServerRefusesSharedPort starts a second server at the first one's port, where Caddy would share it.
func TestServerRefusesSharedPort(t *testing.T) {
	addr := local.FreeAddr(t)
	start(t, "--root", testdata, "--listen", addr)
	_, port, _ := net.SplitHostPort(addr)
	for _, listen := range []string{addr, ":" + port} {
		out, err := testcaddy.Self("exif-server", "--root", testdata, "--listen", listen).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "port "+port+" is in use by another program") || !strings.Contains(string(out), "--listen :") {
			t.Errorf("%s: got %v %s", listen, err, out)
		}
	}
}

// TestServerTellsWhoCanReachIt checks the line about --listen.
func TestServerTellsWhoCanReachIt(t *testing.T) {
	port := local.FreePort(t)
	for listen, want := range map[string]bool{":" + port: true, "localhost:" + port: false} {
		t.Run(listen, func(t *testing.T) {
			_, srv := startWithOutput(t, "--root", testdata, "--listen", listen)
			srv.WaitOutput(regexp.MustCompile(`server is at\n\n(.+\n)+\n`))
			if got := strings.Contains(srv.Output(), "--listen localhost:"+port+" keeps it to this machine"); got != want {
				t.Errorf("got %s", srv.Output())
			}
		})
	}
}

// TestServerRedactsWithoutThumbnails checks that --redact serves embedded pictures only if --thumbnails asks for them.
func TestServerRedactsWithoutThumbnails(t *testing.T) {
	for flags, want := range map[string]int{"--redact": 404, "--redact --thumbnails": 200, "": 200} {
		t.Run(flags, func(t *testing.T) {
			addr := local.FreeAddr(t)
			start(t, append([]string{"--root", testdata, "--listen", addr}, strings.Fields(flags)...)...)
			for _, word := range []string{"thumbnail", "preview"} {
				url := "http://" + addr + "/photo.jpg" + strings.TrimSuffix(suffix, "exif") + word
				if status, _ := fetch(t, url); status != want {
					t.Errorf("%s: got %d, want %d", word, status, want)
				}
			}
			if _, home := fetch(t, "http://"+addr+"/"); strings.Contains(home, "thumbnail") != (want == 200) {
				t.Errorf("got %s", home)
			}
			if status, _ := fetch(t, "http://"+addr+"/photo.jpg"+suffix); status != 200 {
				t.Errorf("exif: got %d", status)
			}
		})
	}
}

// TestServerTellsThatKeysGoUnused starts the server with keys, but without the region that signing needs.
func TestServerTellsThatKeysGoUnused(t *testing.T) {
	for key, want := range map[string]bool{"labkey": true, "": false} {
		t.Setenv("AWS_ACCESS_KEY_ID", key)
		_, srv := startWithOutput(t, "--bucket", "http://127.0.0.1:1/bucket", "--listen", local.FreeAddr(t))
		if got := strings.Contains(srv.Output(), "requests to the bucket are not signed"); got != want {
			t.Errorf("key %q: got %s", key, srv.Output())
		}
	}
}

// TestServerTellsThatPhotosAreUnredacted checks that filters without --redact aren't taken for more than they are.
func TestServerTellsThatPhotosAreUnredacted(t *testing.T) {
	for flags, want := range map[string]bool{"--omit @location": true, "--only Make": true, "--omit @location --redact": false, "": false} {
		_, srv := startWithOutput(t, append([]string{"--root", testdata, "--listen", local.FreeAddr(t)}, strings.Fields(flags)...)...)
		srv.WaitOutput(regexp.MustCompile(`is at`)) // is printed after it
		if got := strings.Contains(srv.Output(), "--redact removes it"); got != want {
			t.Errorf("%s: got %s", flags, srv.Output())
		}
	}
}

func TestServerErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--root ../../testdata --bucket http://x/y": "exclude each other",
		"--region eu-test-1":                        "--region needs a --bucket",
		"--bucket ftp://x/y":                        "no http or https URL",
		"--bucket http://u:p@x/y":                   "without query or credentials",
		"--bucket http://127.0.0.1:9000/":           "names no bucket",
		"--bucket http://x/y --browse":              "--browse needs a folder",
		"--listen 2016":                             "has no port: write :2016",
		"--thumbnails":                              "--thumbnails is for --redact",
		"--root nope":                               "the folder to serve: ",
		"nope":                                      "the folder to serve: ",
		"../../testdata --root ../../testdata":      "excludes --root",
		"../../testdata ../../testdata":             "accepts at most 1 arg",
		"--only gps*":                               "did you mean",
		"--root cli.go":                             "not a folder",
		"--values pretty":                           "is none of",
		"--omit=":                                   "--omit: no pattern is given",
	} {
		out, err := testcaddy.Self(append([]string{"exif-server"}, strings.Fields(args)...)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: got %v %s, want %s", args, err, out, want)
		}
	}
}

// refuseOutside requests paths that would list a bucket or lead out of it, without normalizing them.
func refuseOutside(t *testing.T, addr string) {
	t.Helper()
	for _, path := range []string{
		"", "/", "//", "/x/", "/x//iphone-4s.jpg", "//iphone-4s.jpg", "/..", "/.", "/../other/iphone-4s.jpg", "/x/../iphone-4s.jpg", "/./iphone-4s.jpg", "/x/..",
		"/%2e%2e/other/iphone-4s.jpg", "/.%2E/other/iphone-4s.jpg", "/%2e/iphone-4s.jpg", "/..%2fother%2fiphone-4s.jpg", "/x%2F..%2F..%2Fother/iphone-4s.jpg",
		`/..\secret\iphone-4s.jpg`, "/..%5Cother%5Ciphone-4s.jpg", "/x%0A/../iphone-4s.jpg",
	} {
		targets := []string{"http://" + addr + path}
		if path != "" {
			targets = append(targets, path, path+"?list-type=2", path+suffix)
		}
		for _, target := range targets {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target, addr)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			conn.Close()
			want := 404
			if strings.HasSuffix(target, "/"+suffix) {
				want = 400 // the path before the suffix has no name
			}
			if path == "/" && !strings.HasSuffix(target, suffix) {
				want = 200 // the home page
			}
			if res.StatusCode != want {
				t.Errorf("GET %s: got %d, want %d", target, res.StatusCode, want)
			}
		}
	}
}

// TestServerSignsForBucket checks that --region signs if there are keys, and that requests stay unsigned otherwise.
func TestServerSignsForBucket(t *testing.T) {
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	bucket := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, "/bucket/2024/")
		if !ok {
			t.Errorf("the bucket was asked for %s", r.RequestURI)
		}
		signed := strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=labkey/")
		if !ok || !signed || !strings.Contains(r.Header.Get("Authorization"), "/eu-test-1/s3/") {
			w.WriteHeader(403)
			return
		}
		http.ServeFile(w, r, testdata+"/"+name)
	})
	for key, want := range map[string]int{"labkey": 200, "": 403} {
		t.Setenv("AWS_ACCESS_KEY_ID", key)
		t.Setenv("AWS_SECRET_ACCESS_KEY", key)
		front := local.FreeAddr(t)
		url := start(t, "--bucket", "http://"+bucket+"/bucket/2024/", "--region", "eu-test-1", "--listen", front, "--values", "raw")
		if status, body := fetch(t, strings.Replace(url, "PHOTO.jpg", "iphone-4s.jpg", 1)); status != want || want == 200 && body != iphone4S {
			t.Errorf("key %q: got %d %s, want %d", key, status, body, want)
		}
		refuseOutside(t, front)
	}
}
