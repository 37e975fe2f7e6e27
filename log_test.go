package caddyexif

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// private matches the private parts of the requests of TestNothingPrivateInLog, and the location and serial
// number in its photo.
var private = regexp.MustCompile(`Zanzibar|\.jpg|longlong|(?i:base(@|%40)tag)|[A-Z]SECRET|Bearer|39/1|116/1|39\.90|116\.39|43\.5|SN-0042`)

// TestRequestIDIsInTheAccessLog: the ID in an error finds the request's line.
func TestRequestIDIsInTheAccessLog(t *testing.T) {
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nlog\nroot "+t.TempDir()+"\nexif\nfile_server\n}")
	r := srv.get(http.MethodGet, "a.test", "/photo.jpg"+suffix)
	var failed struct{ RequestID string }
	if err := json.Unmarshal([]byte(r.body), &failed); err != nil || len(failed.RequestID) != 36 {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	for range 100 { // Caddy writes the line after the response
		for _, e := range srv.Log() {
			if strings.HasPrefix(e.Logger, "http.log.access") && e.Fields["uuid"] == failed.RequestID {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("no line has %s", failed.RequestID)
}

// TestNothingPrivateInLog makes requests that fail in every possible way, and checks that this module logs
// nothing of them and of the photos above the debug level. Caddy's own loggers do log that, and the test prints
// which.
func TestNothingPrivateInLog(t *testing.T) {
	const folder = "/Zanzibar/"
	root := t.TempDir()
	if err := os.MkdirAll(root+folder+"folder.jpg", 0o755); err != nil {
		t.Fatal(err)
	}
	samples := testimage.Samples()
	writeFile(t, root+folder+"photo.jpg", samples["photo.jpg"])
	writeFile(t, root+folder+"broken.jpg", samples["zz-broken.jpg"])
	writeFile(t, root+folder+"text.jpg", []byte("no image"))
	bucket := upstream(t, echo(t, root))
	sites := map[string]string{
		"files":   "exif\nroot " + root + "\nfile_server",
		"bucket":  "exif\nreverse_proxy " + bucket,
		"down":    "exif\nreverse_proxy 127.0.0.1:1",
		"tls":     "exif\nreverse_proxy https://" + bucket,
		"rules":   "exif {\nallow GetObject header X-Secret x\n}\nreverse_proxy " + bucket,
		"matcher": "exif {\nallow GetObject `{'a key': true}[{http.request.header.X-Secret}]`\n}\nreverse_proxy " + bucket,
		"passed":  "exif {\npass_errors\n}\nreverse_proxy " + bucket,
		"error":   "exif\nerror \"{uri}\" 500",
	}
	var b strings.Builder
	for name, handlers := range sites {
		fmt.Fprintf(&b, "http://%s.test:{$PORT} {\nbind 127.0.0.1\n%s\n}\n", name, handlers)
	}
	srv := serve(t, b.String())

	objects := []string{"broken.jpg", "text.jpg", "folder.jpg", "nul%00.jpg", "..%2F..%2Fx.jpg", strings.Repeat("long", 100)}
	for name := range echoes {
		objects = append(objects, name)
	}
	statuses := map[int]int{}
	for _, site := range slices.Sorted(maps.Keys(sites)) {
		get := func(method, target string) {
			got := srv.get(method, site+".test", folder+target+"?sig=QSECRET", "Authorization", "Bearer ASECRET",
				"Cookie", "session=CSECRET", "X-Secret", "XSECRET", "If-None-Match", `"ESECRET"`)
			statuses[got.status]++
		}
		for _, o := range objects {
			get("GET", o+suffix)
			get("HEAD", o+"%40base%40tag%3Dexif")
		}
		get("GET", "photo.jpg"+suffix+"&x=RSECRET")
		get("GET", suffix)
		get("DELETE", "photo.jpg"+suffix)
	}
	srv.Stop()
	for _, status := range []int{200, 302, 400, 401, 403, 404, 405, 418, 429, 500, 502, 503} {
		if statuses[status] == 0 {
			t.Errorf("nothing was answered with %d, only %v", status, statuses)
		}
	}

	debug, above, others := 0, 0, map[string]zapcore.Level{}
	for _, e := range srv.Log() {
		found := private.FindString(e.Line)
		ours := e.Logger == "http.handlers.exif" || strings.HasPrefix(e.Logger, "http.handlers.exif.")
		switch {
		case e.Level <= zapcore.DebugLevel:
			if ours {
				debug++
			}
		case !ours && found != "":
			others[e.Logger] = max(others[e.Logger], e.Level)
		case ours && found != "":
			t.Errorf("%s is logged: %s", found, e.Line)
		case ours:
			above++
		}
	}
	if debug == 0 || above == 0 {
		t.Errorf("this module logged %d entries at the debug level and %d above", debug, above)
	}
	t.Logf("requests by status: %v; entries at the debug level: %d, above: %d; private in other loggers above debug: %v", statuses, debug, above, others)
}

// echoes are the statuses of echo, by the object's name. 0 stands for a response that breaks off.
var echoes = map[string]int{
	"photo.jpg": 200, "encoded.jpg": 200, "length.jpg": 200, "range.jpg": 206, "moved.jpg": 302, "refused.jpg": 400, "login.jpg": 401,
	"denied.jpg": 403, "missing.jpg": 404, "teapot.jpg": 418, "many.jpg": 429, "failed.jpg": 500, "busy.jpg": 503, "garbled.jpg": 0, "cut.jpg": 0,
}

// echo is an upstream that repeats the request in every part of its response.
func echo(t *testing.T, root string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := path.Base(r.URL.Path)
		h := w.Header()
		h.Set("X-Echo", r.Header.Get("Authorization"))
		switch name {
		case "photo.jpg":
			http.ServeFile(w, r, root+r.URL.Path)
			return
		case "encoded.jpg":
			h.Set("Content-Encoding", r.RequestURI)
		case "range.jpg":
			h.Set("Content-Range", r.RequestURI)
		case "moved.jpg":
			h.Set("Location", r.RequestURI)
		case "length.jpg":
			h.Set("Content-Length", "99999")
		case "garbled.jpg", "cut.jpg":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			head := "HTTP/1.1 " + r.RequestURI + "\r\n\r\n"
			if name == "cut.jpg" {
				head = "HTTP/1.1 200 " + r.RequestURI + "\r\nContent-Length: 99999\r\n\r\n\xFF\xD8"
			}
			io.WriteString(conn, head)
			return
		}
		status, ok := echoes[name]
		if !ok {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
		fmt.Fprintln(w, r.RequestURI, r.Header)
	}
}
