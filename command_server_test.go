package caddyexif

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

// buildCaddy builds cmd/caddy, as users do.
func buildCaddy(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds Caddy")
	}
	bin := filepath.Join(t.TempDir(), "caddy.exe") // Windows requires the ending
	if err := local.Build(".", bin); err != nil {
		t.Fatal(err)
	}
	return bin
}

func TestCommands(t *testing.T) {
	bin := buildCaddy(t)
	t.Run("exif, broken pipe", func(t *testing.T) { testBrokenPipe(t, bin) })
	t.Run("exif-server", func(t *testing.T) { testServerCommand(t, bin) })
}

// start runs exif-server and returns the example URL that it prints.
func start(t *testing.T, bin string, args ...string) string {
	t.Helper()
	srv := local.Start(t, exec.Command(bin, append([]string{"exif-server"}, args...)...))
	return srv.WaitOutput(regexp.MustCompile(`curl '([^']+)'`))[1]
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

func testServerCommand(t *testing.T, bin string) {
	files := local.FreeAddr(t)
	url := start(t, bin, "--root", "testdata", "--listen", files)
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
			http.ServeFile(w, r, "testdata/"+name)
		}
	})
	front := local.FreeAddr(t)
	url = start(t, bin, "--bucket", "http://"+bucket+"/bucket", "--listen", front, "--values", "raw")
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

	testSignedBucket(t, bin)

	for args, want := range map[string]string{
		"--root testdata --bucket http://x/y": "exclude each other",
		"--region eu-test-1":                  "--region needs a --bucket",
		"--bucket ftp://x/y":                  "no http or https URL",
		"--bucket http://u:p@x/y":             "without query or credentials",
		"--bucket http://127.0.0.1:9000/":     "names no bucket",
		"--bucket http://x/y --browse":        "can't be listed",
		"--root nope":                         "the folder to serve: ",
		"nope":                                "the folder to serve: ",
		"testdata --root testdata":            "excludes --root",
		"testdata testdata":                   "accepts at most 1 arg",
		"--only gps*":                         "did you mean",
		"--root go.mod":                       "not a folder",
		"--values pretty":                     "is none of",
	} {
		out, err := exec.Command(bin, append([]string{"exif-server"}, strings.Fields(args)...)...).CombinedOutput()
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

// testSignedBucket checks that --region signs if there are keys, and that requests stay unsigned otherwise.
func testSignedBucket(t *testing.T, bin string) {
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
		http.ServeFile(w, r, "testdata/"+name)
	})
	for key, want := range map[string]int{"labkey": 200, "": 403} {
		t.Setenv("AWS_ACCESS_KEY_ID", key)
		t.Setenv("AWS_SECRET_ACCESS_KEY", key)
		front := local.FreeAddr(t)
		url := start(t, bin, "--bucket", "http://"+bucket+"/bucket/2024/", "--region", "eu-test-1", "--listen", front, "--values", "raw")
		if status, body := fetch(t, strings.Replace(url, "PHOTO.jpg", "iphone-4s.jpg", 1)); status != want || want == 200 && body != iphone4S {
			t.Errorf("key %q: got %d %s, want %d", key, status, body, want)
		}
		refuseOutside(t, front)
	}
}

// TestServerChoosesBucket checks that requests are signed only for the bucket that --bucket names.
func TestServerChoosesBucket(t *testing.T) {
	for bucket, want := range map[string]string{
		"https://s3.example.com/photos":      `"bucket":"photos"`,
		"https://s3.example.com/photos/2024": `"bucket":"photos"`,
		"https://photos.s3.example.com/":     `"virtual_host":true`,
		"http://127.0.0.1:9000":              "names no bucket",
		"http://[::1]/":                      "names no bucket",
		"http://store:9000/":                 "names no bucket",
	} {
		routes, err := bucketRoutes(bucket, "eu-test-1")
		got, jsonErr := json.Marshal(routes)
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		if !strings.Contains(fmt.Sprint(string(got), err), want) {
			t.Errorf("%s: got %s %v, want %s", bucket, got, err, want)
		}
	}
}

// TestCannotSign checks that a Caddy without the transport says how to get it.
func TestCannotSign(t *testing.T) {
	if _, err := canSign("eu-test-1"); err == nil || !strings.Contains(err.Error(), "--with github.com/caddyexif/caddy-exif/s3transport") {
		t.Errorf("got %v", err)
	}
}
