package caddyexif

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap/zapcore"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// secret is a text in every photo of the redact tests, in a tag that no test keeps.
const secret = "Nobody's business"

// telling returns a photo with all tags and a comment.
func telling() []byte {
	b := testimage.Full()
	b.IFD1, b.Thumbnail = nil, nil // they go whole
	b.IFD0 = slices.DeleteFunc(b.IFD0, func(e testimage.Entry) bool { return e.ID == 0x013B })
	b.IFD0 = append(b.IFD0, testimage.ASCII(0x013B, secret)) // Artist
	return testimage.JPEG(testimage.Gradient(64, 48), testimage.EXIFSegment(b.Encode()), testimage.Segment(0xFE, []byte(secret)))
}

// sound returns the beginning of a sound file with some content.
func sound() []byte {
	b := []byte("ID3\x04\x00\x00\x00\x00\x00\x00")
	for i := range 100_000 {
		b = append(b, byte(i%251))
	}
	return b
}

// song returns sound in MP4, of which nothing is redacted.
func song() []byte {
	film := testimage.Film(false, 100, 1000, "a title")
	return []byte(strings.NewReplacer("ftypisom", "ftypM4A ", "vide", "soun", "avc1", "mp4a").Replace(string(film)))
}

// album returns a folder with all kinds of files that redact must distinguish.
func album(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range map[string][]byte{
		"photo.jpg": telling(), "photo.txt": telling(), "photo": telling(), "photo.tif": testimage.Samples()["photo.tif"],
		"sound.mp3": sound(), "sound": sound(), "page.html": []byte("<html>" + strings.Repeat("a page ", 1000)), "short.txt": []byte("II"),
		"tiny.jpg": []byte("\xFF\xD8\xFF"), "empty.jpg": nil, "vector.svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`),
	} {
		writeFile(t, filepath.Join(dir, name), b)
	}
	return dir
}

const redactOmit = `exif {
		redact
		omit Artist @location
	}`

// keepsSecret checks that a response is a redacted photo of the same length, without the secret.
func keepsSecret(t *testing.T, what string, r reply, photo []byte) {
	t.Helper()
	if r.status != http.StatusOK || len(r.body) != len(photo) || strings.Contains(r.body, secret) || !strings.HasPrefix(r.body, "\xFF\xD8") {
		t.Errorf("%s: got %d and %d bytes, which tell: %v; want 200 and %d", what, r.status, len(r.body), strings.Contains(r.body, secret), len(photo))
	}
	if got := r.header.Get("Accept-Ranges"); got != "none" {
		t.Errorf("%s: got Accept-Ranges %q", what, got)
	}
}

// TestRedactInFrontOf checks that photos are redacted with any next handler, and all other files unchanged.
func TestRedactInFrontOf(t *testing.T) {
	root := album(t)
	bucket := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Content-MD5", "Digest", "Repr-Digest", "Content-Digest", "X-Amz-Checksum-Sha256", "X-Amz-Meta-Owner", "X-Goog-Hash"} {
			w.Header().Set(name, "of the original")
		}
		w.Header().Set("Etag", `"of-the-bucket"`)
		w.Header().Set("X-Home", "of the original")
		w.Header().Set("Link", "</photo.html>")
		http.ServeFile(w, r, root+r.URL.Path)
	})
	files := "root * " + root + "\nfile_server"
	sites := map[string]string{
		"files":     files,
		"bucket":    "reverse_proxy " + bucket,
		"encode":    "encode gzip {\nminimum_length 1\n}\n" + files,
		"templates": "templates\n" + files,
		"intercept": "intercept {\n@error status 5xx\nhandle_response @error {\nrespond oops\n}\n}\n" + files,
		"errors":    files + "\nhandle_errors {\nrespond {err.status_code}\n}",
		"rewrite":   "rewrite /album/* /photo.jpg\n" + files,
		"route":     "route {\nheader X-Content-Type-Options nosniff\nheader X-Route yes\n" + files + "\n}",
	}
	var b strings.Builder
	for name, behind := range sites {
		fmt.Fprintf(&b, "http://%s.test:{$PORT} {\nbind 127.0.0.1\n\t%s\n%s\n}\n", name, redactOmit, behind)
		fmt.Fprintf(&b, "http://%s.bare.test:{$PORT} {\nbind 127.0.0.1\n%s\n}\n", name, behind)
	}
	srv := serve(t, b.String())
	photo := telling()
	for name := range sites {
		site := name + ".test"
		for _, path := range []string{"/photo.jpg", "/photo.txt", "/photo"} {
			for _, header := range [][]string{
				nil,
				{"Range", "bytes=0-9"},
				{"Range", "bytes=100-"},
				{"Range", "bytes=-10"},
				{"Range", "bytes=0-1,5-9"},
				{"If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)},
				{"If-None-Match", "*"},
				{"If-None-Match", `"of-the-bucket"`},
				{"Range", "bytes=9-20", "If-Range", `"of-the-bucket"`},
			} {
				got := srv.get("GET", site, path, header...)
				keepsSecret(t, fmt.Sprint(site, path, header), got, photo)
				if tag := got.header.Get("Etag"); tag != "" && !strings.Contains(tag, "-exif") {
					t.Errorf("%s%s: got ETag %q, which is the object's", site, path, tag)
				}
			}
		}
		got := srv.get("GET", site, "/photo.jpg")
		if name == "bucket" {
			for field := range got.header {
				if slices.Contains(got.header[field], "of the original") {
					t.Errorf("%s: %s is that of the original", site, field)
				}
			}
			if got.header.Get("Link") == "" || got.header.Get("Content-Type") != "image/jpeg" {
				t.Errorf("%s: got %v", site, got.header)
			}
		}
		// HEAD has the header fields of GET
		for _, path := range []string{"/photo.jpg", "/photo.tif", "/sound.mp3", "/page.html", "/none.jpg", "/empty.jpg"} {
			get, head := srv.get("GET", site, path), srv.get("HEAD", site, path)
			for _, h := range []http.Header{get.header, head.header} {
				h.Del("Date")
			}
			if get.status != head.status || head.body != "" || len(get.header) > len(head.header)+1 && get.status < 300 || head.header.Get("Etag") != get.header.Get("Etag") ||
				get.status == http.StatusOK && head.header.Get("Content-Length") != get.header.Get("Content-Length") && name != "templates" {
				t.Errorf("%s%s: GET has %d %v, HEAD %d %v", site, path, get.status, get.header, head.status, head.header)
			}
		}
		// other files are unchanged
		for _, path := range []string{"/sound.mp3", "/sound", "/page.html", "/short.txt", "/vector.svg", "/none.jpg", "/"} {
			for _, header := range [][]string{nil, {"Range", "bytes=5-20"}, {"Range", "bytes=0-3"}, {"Range", "bytes=-5"}, {"Range", "bytes=999999-"}, {"Accept-Encoding", "gzip"}} {
				if name == "templates" && len(header) > 0 && header[0] == "Range" {
					continue // without a validator, two ranges can be those of two objects
				}
				got, want := srv.get("GET", site, path, header...), srv.get("GET", name+".bare.test", path, header...)
				if tag := want.header.Get("Etag"); tag != "" && got.status < 400 && (!strings.Contains(got.header.Get("Etag"), "-exif") ||
					strings.Contains(got.header.Get("Etag"), strings.Trim(tag, `"`))) {
					t.Errorf("%s%s %v: got ETag %q for %q", site, path, header, got.header.Get("Etag"), tag)
				}
				for _, h := range []http.Header{got.header, want.header} {
					h.Del("Date")
					h.Del("Etag")
				}
				if got.status != want.status || got.body != want.body || fmt.Sprint(got.header) != fmt.Sprint(want.header) {
					t.Errorf("%s%s %v: got %d %v %.40q, without redact %d %v %.40q", site, path, header, got.status, got.header, got.body, want.status, want.header, want.body)
				}
			}
		}
		for _, method := range []string{"GET", "HEAD"} {
			if got := srv.get(method, site, "/photo.tif"); got.status != http.StatusForbidden || got.header.Get("Etag") != "" ||
				method == "GET" && name != "errors" && !strings.Contains(got.body, `"NotRedactable"`) {
				t.Errorf("%s %s/photo.tif: got %d %v %.40q", method, site, got.status, got.header, got.body)
			}
		}
	}
	if got := srv.get("GET", "rewrite.test", "/album/x.jpg"); got.status != 200 || len(got.body) != len(photo) || strings.Contains(got.body, secret) {
		t.Errorf("rewritten: got %d", got.status)
	}
	if got := srv.get("GET", "route.test", "/photo.jpg"); got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("X-Route") != "" {
		t.Errorf("got the header %v", got.header)
	}
}

// TestRedactedPhotoTellsItsAnswer checks that the EXIF of a redacted photo is the EXIF response to the original.
func TestRedactedPhotoTellsItsAnswer(t *testing.T) {
	for _, settings := range []Handler{{}, {Omit: []string{"Artist", "GPS*"}}, {Only: []string{"Make", "Model"}}, {Unknown: true}, {Charset: "gbk"}, {Dialect: "oss"}, {Dialect: "bos"}, {Dialect: "qiniu"}} {
		settings.Redact, settings.Cache = true, -1
		h := provisioned(t, &settings)
		next := photoHandler(telling(), "Etag", `"1"`)
		photo := plainly(h, next, "GET")
		want, got := request(t, h, next, "GET"), request(t, h, photoHandler(photo.Body.Bytes(), "Etag", `"1"`), "GET")
		if got.Code != 200 || got.Body.String() != want.Body.String() || len(photo.Body.Bytes()) != len(telling()) {
			t.Errorf("%+v: the photo tells %d %s, its answer is %s", settings, got.Code, got.Body, want.Body)
		}
	}
}

// plainly requests /photo.jpg itself.
func plainly(h *Handler, next caddyhttp.Handler, method string, header ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/photo.jpg", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	if err := h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), next); err != nil {
		w.Code = http.StatusTeapot
	}
	return w
}

// TestRedactByRules checks that each client gets the tags that it is allowed, and that a 304 never confirms one
// client's photo to another.
func TestRedactByRules(t *testing.T) {
	root := album(t)
	srv := serve(t, `
http://rules.test:{$PORT} {
	bind 127.0.0.1
	exif {
		redact
		omit Artist
		allow GetObject header X-Member *
	}
	header Cache-Control "public, max-age=60, s-maxage=90"
	root * `+root+`
	file_server
}
http://path.test:{$PORT} {
	bind 127.0.0.1
	exif {
		redact
		allow GetObject
		deny GetObject path *.txt
	}
	header Cache-Control "public, max-age=60"
	root * `+root+`
	file_server
}
`)
	ask := func(header ...string) reply { return srv.get("GET", "rules.test", "/photo.jpg", header...) }
	guest, member := ask(), ask("X-Member", "x")
	keepsSecret(t, "guest", guest, telling())
	keepsSecret(t, "member", member, telling())
	if strings.Contains(guest.body, "caddy-exif") || !strings.Contains(member.body, "caddy-exif") {
		t.Error("the guest's photo tells the Make, or the member's doesn't")
	}
	tags := [2]string{guest.header.Get("Etag"), member.header.Get("Etag")}
	if tags[0] == tags[1] {
		t.Errorf("both have the tag %s", tags[0])
	}
	for _, r := range []reply{guest, member} {
		if got := r.header.Get("Cache-Control"); got != "private, max-age=60" {
			t.Errorf("got Cache-Control %q", got)
		}
	}
	for _, tc := range []struct {
		condition string
		member    bool
		status    int
	}{
		{tags[0], false, 304},
		{tags[1], false, 200},
		{tags[0], true, 200},
		{tags[1], true, 304},
		{tags[0] + ", " + tags[1], false, 304},
		{tags[0] + ", " + tags[1], true, 304},
		{"W/" + tags[1], true, 304},
		{strings.Replace(tags[1], "-exif", "-exig", 1), true, 200},
		{tags[1][:strings.Index(tags[1], "-exif")] + `"`, true, 200},
		{"*", true, 200},
	} {
		header := []string{"If-None-Match", tc.condition}
		if tc.member {
			header = append(header, "X-Member", "x")
		}
		got := ask(header...)
		if got.status != tc.status || got.status == 200 && strings.Contains(got.body, "caddy-exif") != tc.member ||
			got.status == 304 && got.header.Get("Etag") != tags[map[bool]int{true: 1}[tc.member]] {
			t.Errorf("%+v: got %d, %s", tc, got.status, got.header.Get("Etag"))
		}
	}
	for path, told := range map[string]bool{"/photo.jpg": true, "/photo.txt": false} {
		got := srv.get("GET", "path.test", path)
		if got.header.Get("Cache-Control") != "public, max-age=60" || strings.Contains(got.body, "caddy-exif") != told {
			t.Errorf("%s: got %v, tells: %v", path, got.header, !told)
		}
	}
	// a guest still gets no EXIF
	if got := srv.exif("rules.test", "/photo.jpg"); got.status != 403 {
		t.Errorf("EXIF for a guest: %d", got.status)
	}
}

// TestRedactUpstreamsThatLie checks upstreams whose responses don't fit the request.
func TestRedactUpstreamsThatLie(t *testing.T) {
	photo := telling()
	h := provisioned(t, &Handler{Redact: true, Omit: []string{"Artist"}})
	runs := 0
	answering := func(f func(w http.ResponseWriter, r *http.Request)) caddyhttp.Handler {
		return caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			runs++
			f(w, r)
			return nil
		})
	}
	song := sound()
	for name, tc := range map[string]struct {
		next   func(w http.ResponseWriter, r *http.Request)
		header []string
		status int
		length int // 0: an error
	}{
		"304 unasked": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, []string{"If-None-Match", `"x"`}, 500, 0},
		"206 unasked": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 4-8/99")
			w.WriteHeader(206)
			w.Write(photo[4:9])
		}, nil, 500, 0},
		"206 of all of it": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-8/9")
			w.WriteHeader(206)
			w.Write(photo[:9])
		}, nil, 500, 0},
		"no status": {func(w http.ResponseWriter, _ *http.Request) { w.Write(photo) }, nil, 200, len(photo)},
		"203":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(203); w.Write(photo) }, nil, 203, len(photo)},
		"byte by byte": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range photo {
				w.Write(photo[i : i+1])
			}
		}, nil, 200, len(photo)},
		"flushed": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range photo {
				w.Write(photo[i : i+1])
				http.NewResponseController(w).Flush()
			}
		}, nil, 200, len(photo)},
		"encoded": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Encoding", "br"); w.Write(photo) }, nil, 500, 0},
		"identity": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "identity")
			w.Write(photo)
		}, nil, 200, len(photo)},
		"a photo by now": {func(w http.ResponseWriter, r *http.Request) {
			what := photo
			if runs == 1 {
				what = song
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(what))
		}, []string{"Range", "bytes=0-700"}, 200, len(photo)},
		"a photo by now, another tag": {func(w http.ResponseWriter, r *http.Request) {
			what := photo
			if runs == 1 {
				what = song
			}
			w.Header().Set("Etag", fmt.Sprintf(`"%d"`, len(what)))
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(what))
		}, []string{"Range", "bytes=700-800"}, 200, len(photo)},
		"an encoded photo by now": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			w.Header().Set("Content-Type", "image/jpeg")
			w.Write([]byte("packed"))
		}, nil, 500, 0},
	} {
		t.Run(name, func(t *testing.T) {
			runs = 0
			w := plainly(h, answering(tc.next), "GET", tc.header...)
			if w.Code != tc.status || tc.length > 0 && w.Body.Len() != tc.length || strings.Contains(w.Body.String(), secret) || runs > 4 {
				t.Errorf("got %d and %d bytes after %d runs, want %d and %d", w.Code, w.Body.Len(), runs, tc.status, tc.length)
			}
		})
	}
}

// TestRedactStreams checks that files other than images are sent as they are written, and that a truncated photo
// arrives truncated.
func TestRedactStreams(t *testing.T) {
	more := make(chan bool)
	addr := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: 1\n\n")
			http.NewResponseController(w).Flush()
			<-more
			io.WriteString(w, "data: 2\n\n")
		case "/broken.jpg":
			w.Header().Set("Content-Length", "100000")
			w.Write(telling())
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/socket":
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello")
			rw.Flush()
		}
	})
	srv := serve(t, "http://a.test:{$PORT} {\n\tbind 127.0.0.1\n\t"+redactOmit+"\n\treverse_proxy "+addr+" {\n\t\tflush_interval -1\n\t}\n}\n")

	dial := func(request string) (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", srv.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		io.WriteString(conn, request)
		return conn, bufio.NewReader(conn)
	}
	_, r := dial("GET /events HTTP/1.1\r\nHost: a.test\r\n\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("the first event doesn't leave before the second is there: %v", err)
		}
		if strings.HasPrefix(line, "data: 1") {
			break
		}
	}
	more <- true

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := srv.Try(ctx, "GET", "a.test", "/broken.jpg")
	if err == nil || strings.Contains(got.Body, secret) {
		t.Errorf("broken off: got %d, %v, %d bytes", got.Status, err, len(got.Body))
	}

	_, r = dial("GET /socket HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	all, _ := io.ReadAll(r)
	if !strings.HasPrefix(string(all), "HTTP/1.1 101") || !strings.HasSuffix(string(all), "hello") {
		t.Errorf("upgrade: got %q", all)
	}
}

// TestRedactLooksAtAnyMethod checks that the photo in the answer to any method is redacted, and that the next handlers
// get the method and the body.
func TestRedactLooksAtAnyMethod(t *testing.T) {
	h := provisioned(t, &Handler{Redact: true, Omit: []string{"Artist"}})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "QUERY"} {
		runs := 0
		w := plainly(h, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if runs++; r.Method != method || r.Header.Get("Range") != "" {
				t.Errorf("%s became %s with %v", method, r.Method, r.Header)
			}
			w.Header().Set("Etag", `"1"`)
			_, err := w.Write(telling())
			return err
		}), method, "Range", "bytes=2-")
		if !strings.Contains(w.Header().Get("Etag"), "-exif") || strings.Contains(w.Body.String(), secret) || w.Body.Len() != len(telling()) || runs != 1 {
			t.Errorf("%s: got %v after %d runs", method, w.Header(), runs)
		}
	}
}

// TestPreflightIsRedacted checks OPTIONS for an answer, which some upstreams answer with the photo, as they do GET.
func TestPreflightIsRedacted(t *testing.T) {
	for name, rules := range map[string]Permissions{"without rules": nil, "with rules": {{Effect: "allow", Actions: []string{"GetObject"}}}} {
		h := provisioned(t, &Handler{Redact: true, Omit: []string{"Artist"}, Permissions: rules})
		for _, status := range []int{200, 203, 403} {
			w := request(t, h, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				if r.Method != "OPTIONS" || r.URL.Path != "/photo.jpg" {
					t.Errorf("got %s %s", r.Method, r.URL.Path)
				}
				w.Header().Set("Access-Control-Allow-Methods", "GET")
				w.Header().Set("X-Amz-Meta-Home", secret)
				w.WriteHeader(status)
				_, err := w.Write(telling())
				return err
			}), "OPTIONS")
			passes := rules == nil || status < 300
			if strings.Contains(w.Body.String(), secret) || w.Header().Get("X-Amz-Meta-Home") != "" || passes && (w.Code != status || w.Body.Len() != len(telling()) ||
				w.Header().Get("Access-Control-Allow-Methods") != "GET") || !passes && w.Code != 405 {
				t.Errorf("%s, %d: got %d %v, %d bytes", name, status, w.Code, w.Header(), w.Body.Len())
			}
		}
	}
}

// TestPhotosInOtherCodings checks that a photo that is stored in a coding isn't sent, however little of it the first
// bytes tell, and that other files are.
func TestPhotosInOtherCodings(t *testing.T) {
	dir := t.TempDir()
	noise := make([]byte, 300_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	numbers := hex.EncodeToString(noise)
	photo := string(telling()) + numbers
	named := func(gz string) string { // with a name that fills what is looked at first
		return gz[:3] + "\x08" + gz[4:10] + strings.Repeat("n", 500) + "\x00" + gz[10:]
	}
	want := map[string]int{}
	for name, encode := range map[string]func(string) string{
		"gz": inGzip, "br": inBrotli, "zst": inZstd, "named.gz": func(s string) string { return named(inGzip(s)) },
		"gz.gz": func(s string) string { return inGzip(inGzip(s)) },
	} {
		writeFile(t, filepath.Join(dir, "photo.jpg."+name), []byte(encode(photo)))
		writeFile(t, filepath.Join(dir, "numbers.txt."+name), []byte(encode(numbers)))
		want["photo.jpg."+name], want["numbers.txt."+name] = http.StatusForbidden, http.StatusOK
	}
	s := serve(t, "http://a.test:{$PORT} {\n\texif {\n\t\tredact\n\t}\n\troot * "+dir+"\n\tfile_server\n}")
	for name, status := range want {
		part := status
		if part == http.StatusOK {
			part = http.StatusPartialContent
		}
		for what, got := range map[string][2]int{
			"GET": {s.get("GET", "a.test", "/"+name).status, status}, "HEAD": {s.get("HEAD", "a.test", "/"+name).status, status},
			"a range": {s.get("GET", "a.test", "/"+name, "Range", "bytes=600-700").status, part},
		} {
			if got[0] != got[1] {
				t.Errorf("%s, %s: got %d, want %d", name, what, got[0], got[1])
			}
		}
	}
}

// TestRedactMetrics checks the counts of redacted photos by format, refused photos and overwritten bytes.
func TestRedactMetrics(t *testing.T) {
	h := provisioned(t, &Handler{Redact: true, Omit: []string{"Artist"}})
	reg := prometheus.NewRegistry()
	var err error
	if h.metrics, err = newMetrics(reg, nil); err != nil {
		t.Fatal(err)
	}
	plainly(h, photoHandler(telling()), "GET")
	plainly(h, photoHandler(testimage.Samples()["photo.tif"]), "GET")
	plainly(h, photoHandler(sound()), "GET")
	got := values(t, reg)
	if got["redacted_total jpeg"] != 1 || got["redact_refused_total tiff"] != 1 || got["redact_bytes_overwritten_total"] < float64(2*len(secret)) {
		t.Errorf("got %v", got)
	}
}

// TestFarIndexIsRefused checks that the response is an error if the index of a photo lies beyond max_read.
func TestFarIndexIsRefused(t *testing.T) {
	photo := tellingHEIF("heic", true)
	index := bytes.Index(photo, []byte("meta")) - 4
	photo = slices.Insert(photo, index, bytes.Repeat(testimage.Box("free", make([]byte, 5000)), 40)...) // a read for each
	for _, tc := range []struct {
		maxRead int64
		status  int
	}{{4 << 20, 200}, {64 << 10, 403}} {
		h := provisioned(t, &Handler{Redact: true, Window: 64 << 10, MaxRead: tc.maxRead})
		for _, method := range []string{"GET", "HEAD"} {
			if w := plainly(h, photoHandler(photo, "Content-Length", strconv.Itoa(len(photo))), method); w.Code != tc.status ||
				method == "GET" && tc.status == 200 && w.Body.Len() != len(photo) {
				t.Errorf("max_read %d: %s: got %d and %d bytes, want %d", tc.maxRead, method, w.Code, w.Body.Len(), tc.status)
			}
		}
	}
}

// TestMakePrivate checks that the other Cache-Control directives are kept.
func TestMakePrivate(t *testing.T) {
	for in, want := range map[string]string{
		"": "private", "public": "private", "public, max-age=60, s-maxage=9": "private, max-age=60", "no-store": "private, no-store", "Private, MAX-AGE=1": "private, MAX-AGE=1",
	} {
		h := http.Header{}
		if in != "" {
			h.Set("Cache-Control", in)
		}
		makePrivate(h)
		if got := h.Values("Cache-Control"); len(got) != 1 || got[0] != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestRedactWithoutOmitIsLogged checks that Caddy warns if redact leaves all EXIF in the photos, and only then.
func TestRedactWithoutOmitIsLogged(t *testing.T) {
	for config, want := range map[string]bool{
		"redact":                            true,
		"operations exif imageInfo\nredact": true,
		"redact\nallow GetObject":           true,
		"redact\nallow GetObject\ndeny GetObject path /private/*": true,
		"redact\nomit @location":                                  false,
		"redact\nonly Orientation":                                false,
		"operations imageInfo\nredact":                            false, // no response tells a tag, so none stays
		"redact\nallow GetObject remote_ip private_ranges":        false, // others get photos without EXIF
		"values typed": false,
	} {
		t.Run(config, func(t *testing.T) {
			s := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nexif * {\n"+config+"\n}\nfile_server\n}")
			got := slices.ContainsFunc(s.Log(), func(e testcaddy.Entry) bool {
				return e.Level == zapcore.WarnLevel && strings.HasPrefix(e.Message, "redact leaves")
			})
			if got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
