package caddyexif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

var size = regexp.MustCompile(`"size":"[0-9]*",`)

// farTIFF returns the start of a TIFF with its IFD0 at off, and the bytes of IFD0: Orientation, and Make, whose
// text precedes them.
func farTIFF(off uint32) (head, dir []byte) {
	head = []byte("II\x2a\x00\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(head[4:], off)
	o := binary.LittleEndian
	dir = o.AppendUint16(dir, 2)
	dir = append(dir, 0x0F, 0x01, 2, 0, 10, 0, 0, 0) // Make
	dir = o.AppendUint32(dir, off-16)
	dir = append(dir, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0) // Orientation
	dir = o.AppendUint32(dir, 0)
	return head, dir
}

const (
	farMake   = "far away\x00\x00" // 16 bytes before the directory
	farAnswer = `{"Make":"far away","Orientation":"6"}`
)

// farObject returns a farTIFF in memory.
func farObject(off uint32, size int) []byte {
	b := make([]byte, size)
	head, dir := farTIFF(off)
	copy(b, head)
	copy(b[off-16:], farMake)
	copy(b[off:], dir)
	return b
}

// TestSizeDoesNotMatter reads a 10 GiB TIFF and a 4 MB JPEG, and counts the bytes read from the file system.
func TestSizeDoesNotMatter(t *testing.T) {
	root := t.TempDir()
	sparse := func(name string, size int64, parts map[int64][]byte) {
		f, err := os.Create(root + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		for off, b := range parts {
			if _, err := f.WriteAt(b, off); err != nil {
				t.Fatal(err)
			}
		}
	}
	full := testimage.Full()
	sparse("big.tif", 10<<30, map[int64][]byte{0: testimage.TIFF(full)})
	sparse("big.jpg", 4<<20, map[int64][]byte{0: testimage.Samples()["photo.jpg"]})
	head, dir := farTIFF(3 << 30)
	sparse("far.tif", 10<<30, map[int64][]byte{0: head, 3<<30 - 16: []byte(farMake), 3 << 30: dir})

	srv := serveWith(t, "filesystem photos counting_test {\n\troot "+root+"\n}\n", `
http://files.test:{$PORT} {
	bind 127.0.0.1
	exif {
		cache off
	}
	file_server {
		fs photos
		root ""
	}
}
`)
	read := map[string]int64{}
	for _, name := range []string{"big.tif", "big.jpg", "far.tif"} {
		bytesRead.Store(0)
		got := srv.exif("files.test", "/"+name)
		read[name] = bytesRead.Load()
		if got.status != 200 || !strings.Contains(got.body, `"Orientation":"6"`) {
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
	}
	t.Logf("bytes read: %v", read)
	if read["big.tif"] != read["big.jpg"] || read["big.jpg"] > 64<<10 || read["far.tif"] > 256<<10 || read["big.jpg"] == 0 {
		t.Errorf("bytes read: %v; want the first two equal and at most 64 KiB, the third at most 256 KiB", read)
	}
}

// recorder is an upstream that records its requests.
type recorder struct {
	mu   sync.Mutex
	reqs []*http.Request
	sent atomic.Int64
}

func (rec *recorder) add(r *http.Request) int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.reqs = append(rec.reqs, r)
	return len(rec.reqs)
}

func (rec *recorder) take() []*http.Request {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	reqs := rec.reqs
	rec.reqs = nil
	rec.sent.Store(0)
	return reqs
}

// counted is a ResponseWriter that counts the bytes written to it.
type counted struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// TestUpstreamsThatLie reads objects from upstreams that behave as stores and proxies do, and worse.
func TestUpstreamsThatLie(t *testing.T) {
	photo := iphone()
	far := farObject(1<<20, 2<<20)
	content := func(w http.ResponseWriter, r *http.Request, etag string, b []byte) {
		if etag != "" {
			w.Header().Set("Etag", etag)
		}
		w.Header().Set("Content-Type", "binary/octet-stream")
		http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(b))
	}
	endless := func(w io.Writer, b []byte) {
		w.Write(b)
		for range 20000 {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	rec := new(recorder)
	var changes int
	handlers := map[string]http.HandlerFunc{
		"/good.jpg":    func(w http.ResponseWriter, r *http.Request) { content(w, r, `"a"`, photo) },
		"/no-etag.jpg": func(w http.ResponseWriter, r *http.Request) { content(w, r, "", photo) },
		"/far.tif":     func(w http.ResponseWriter, r *http.Request) { content(w, r, `"far"`, far) },
		"/far-weak.tif": func(w http.ResponseWriter, r *http.Request) {
			content(w, r, `W/"far"`, far)
		},
		"/no-range.jpg": func(w http.ResponseWriter, _ *http.Request) { w.Write(photo) },
		"/no-range-endless.jpg": func(w http.ResponseWriter, _ *http.Request) {
			endless(w, photo)
		},
		"/no-range-length.jpg": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.FormatInt(5<<30, 10))
			endless(w, photo)
		},
		"/no-range-far.tif": func(w http.ResponseWriter, _ *http.Request) { w.Write(far) },
		"/no-range-too-far.tif": func(w http.ResponseWriter, _ *http.Request) {
			h, _ := farTIFF(1 << 30)
			endless(w, h)
		},
		"/stall.jpg": func(w http.ResponseWriter, r *http.Request) {
			w.Write(append(photo, make([]byte, 100<<10)...))
			http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(20 * time.Second):
			}
		},
		"/200-partial.jpg": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/99999999", len(photo)-1))
			w.Write(photo)
		},
		"/206-from-zero.tif": func(w http.ResponseWriter, _ *http.Request) {
			// for any range, the first 1.5 MiB are sent
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", 3<<19-1, len(far)))
			w.WriteHeader(206)
			w.Write(far[:3<<19])
		},
		"/206-elsewhere.jpg": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 100-%d/%d", len(photo)-1, len(photo)))
			w.WriteHeader(206)
			w.Write(photo[100:])
		},
		"/206-nonsense.jpg": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes x-y/z")
			w.WriteHeader(206)
			w.Write(photo)
		},
		"/206-multipart.jpg": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "multipart/byteranges; boundary=x")
			w.WriteHeader(206)
			w.Write(photo)
		},
		"/206-no-content-range.jpg": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(206)
			w.Write(photo)
		},
		"/416.jpg": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(416) },
		"/304.jpg": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) },
		"/204.jpg": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"/gzip.jpg": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			endless(w, photo)
		},
		"/identity.jpg": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "identity")
			content(w, r, `"a"`, photo)
		},
		"/103.jpg": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(103)
			w.WriteHeader(103)
			content(w, r, `"a"`, photo)
		},
		"/429.jpg": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("X-Secret", "1")
			w.WriteHeader(429)
			endless(w, []byte("slow down"))
		},
		"/502.jpg": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) },
		"/504.jpg": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(504) },
		"/500.jpg": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"/401.jpg": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Www-Authenticate", `Bearer realm="x"`)
			w.WriteHeader(401)
		},
		"/412.jpg": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(412) },
		"/changes-once.tif": func(w http.ResponseWriter, r *http.Request) {
			changes++
			content(w, r, fmt.Sprintf(`"%d"`, min(changes, 2)), far)
		},
		"/changes-always.tif": func(w http.ResponseWriter, r *http.Request) {
			changes++
			content(w, r, fmt.Sprintf(`"%d"`, changes), far)
		},
		"/changes-unseen.tif": func(w http.ResponseWriter, r *http.Request) {
			// without If-Match, only the ETag reveals the new object
			changes++
			r.Header.Del("If-Match")
			content(w, r, fmt.Sprintf(`"%d"`, min(changes, 2)), far)
		},
		"/vanishes.tif": func(w http.ResponseWriter, r *http.Request) {
			changes++
			if changes > 1 {
				w.WriteHeader(404)
				return
			}
			content(w, r, `"a"`, far)
		},
		"/headers.jpg": func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Cache-Control", "private, max-age=60")
			h.Set("Expires", "Thu, 01 Jan 2099 00:00:00 GMT")
			h.Set("Vary", "Accept-Encoding, Origin")
			h.Set("Access-Control-Allow-Origin", "https://app.test")
			h.Set("Access-Control-Expose-Headers", "ETag")
			h.Set("X-Amz-Meta-Owner", "secret")
			h.Set("Set-Cookie", "a=b")
			h.Set("Content-Disposition", "attachment")
			h.Set("Content-Language", "xx")
			content(w, r, `"a"`, photo)
		},
	}
	addr := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		rec.add(r.Clone(r.Context()))
		if h, ok := handlers[r.URL.Path]; ok {
			h(counted{w, &rec.sent}, r)
			return
		}
		w.WriteHeader(404)
	})
	srv := serve(t, `
http://bucket.test:{$PORT} {
	bind 127.0.0.1
	exif {
		cache off
	}
	handle /nope/* {
		respond 403
	}
	handle {
		reverse_proxy `+addr+`
	}
}
http://small.test:{$PORT} {
	bind 127.0.0.1
	exif {
		max_read 128KiB
		cache off
	}
	reverse_proxy `+addr+`
}
http://down.test:{$PORT} {
	bind 127.0.0.1
	exif
	reverse_proxy 127.0.0.1:1
}
`)
	for _, tc := range []struct {
		object string
		status int
		want   string // the body, or its code
	}{
		{"/good.jpg", 200, iphone4S},
		{"/no-etag.jpg", 200, iphone4S},
		{"/far.tif", 200, farAnswer},
		{"/far-weak.tif", 200, farAnswer},
		{"/no-range.jpg", 200, iphone4S},
		{"/no-range-endless.jpg", 200, iphone4S},
		{"/no-range-length.jpg", 200, iphone4S},
		{"/no-range-far.tif", 200, farAnswer},
		{"/no-range-too-far.tif", 400, "ImageTooLarge"},
		{"/stall.jpg", 200, iphone4S},
		{"/200-partial.jpg", 200, iphone4S},
		{"/206-from-zero.tif", 200, farAnswer},
		{"/206-elsewhere.jpg", 500, "InternalError"},
		{"/206-nonsense.jpg", 500, "InternalError"},
		{"/206-multipart.jpg", 500, "InternalError"},
		{"/206-no-content-range.jpg", 200, iphone4S},
		{"/416.jpg", 400, "NotAnImage"},
		{"/304.jpg", 500, "InternalError"},
		{"/204.jpg", 400, "NotAnImage"},
		{"/gzip.jpg", 500, "UnexpectedEncoding"},
		{"/identity.jpg", 200, iphone4S},
		{"/103.jpg", 200, iphone4S},
		{"/429.jpg", 429, "TooManyRequests"},
		{"/500.jpg", 500, "InternalError"},
		{"/502.jpg", 502, "BadGateway"},
		{"/504.jpg", 504, "GatewayTimeout"},
		{"/401.jpg", 401, "Unauthorized"},
		{"/412.jpg", 412, "PreconditionFailed"},
		{"/changes-once.tif", 200, farAnswer},
		{"/changes-always.tif", 500, "InternalError"},
		{"/changes-unseen.tif", 200, farAnswer},
		{"/vanishes.tif", 404, "NoSuchKey"},
		{"/headers.jpg", 200, iphone4S},
	} {
		if asking != operations[0] && strings.HasSuffix(tc.object, ".tif") && tc.status != 500 {
			continue // it has no picture
		}
		t.Run(tc.object, func(t *testing.T) {
			srv := srv.with(t)
			changes = 0
			rec.take()
			start := time.Now()
			got := srv.exif("bucket.test", tc.object)
			if asking.word == "imageInfo" { // an upstream may report no size, or a wrong one
				got.body, tc.want = size.ReplaceAllString(got.body, ""), size.ReplaceAllString(tc.want, "")
			}
			if got.status != tc.status || got.body != tc.want && !strings.Contains(got.body, `"code":"`+tc.want+`"`) {
				t.Errorf("got %d %s, want %d %s", got.status, got.body, tc.status, tc.want)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
			// 16 MiB may be read if the range is ignored, and the rest waits in buffers of the
			// kernel
			if sent := rec.sent.Load(); sent > 24<<20 {
				t.Errorf("took %d bytes", sent)
			}
			switch tc.object {
			case "/429.jpg":
				if got.header.Get("Retry-After") != "7" || got.header.Get("X-Secret") != "" {
					t.Errorf("got headers %v", got.header)
				}
			case "/401.jpg":
				if got.header.Get("Www-Authenticate") != `Bearer realm="x"` {
					t.Errorf("got headers %v", got.header)
				}
			case "/far.tif":
				reqs := rec.take()
				if len(reqs) != 2 || reqs[1].Header.Get("If-Match") != `"far"` {
					t.Errorf("got %d requests, the second with %v", len(reqs), reqs[len(reqs)-1].Header)
				}
			case "/far-weak.tif":
				if reqs := rec.take(); len(reqs) != 2 || reqs[1].Header.Get("If-Match") != "" {
					t.Errorf("got %d requests, the second with %v", len(reqs), reqs[len(reqs)-1].Header)
				}
			case "/headers.jpg":
				got.header.Del("Date")
				got.header.Del("Last-Modified")
				got.header.Del("Content-Length")
				etag := got.header.Get("Etag")
				got.header.Del("Etag")
				want := "map[Access-Control-Allow-Origin:[https://app.test] Access-Control-Expose-Headers:[ETag] " +
					"Cache-Control:[private, max-age=60] Content-Type:[" + asking.contentType + "] " +
					"Expires:[Thu, 01 Jan 2099 00:00:00 GMT] Server:[Caddy] Vary:[Origin] X-Content-Type-Options:[nosniff]]"
				if fmt.Sprint(got.header) != want {
					t.Errorf("got  %v\nwant %s", got.header, want)
				}
				if !strings.HasPrefix(etag, `"a-exif`) {
					t.Errorf("got ETag %s", etag)
				}
			}
		})
	}

	t.Run("what goes along", func(t *testing.T) {
		srv := srv.with(t)
		rec.take()
		srv.get(http.MethodHead, "bucket.test", "/good.jpg"+suffix+"?a=b&c", "Range", "bytes=5-9", "If-Match", `"x"`,
			"If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", "If-Range", `"x"`, "Accept-Encoding", "gzip",
			"Authorization", "Bearer t", "Cookie", "c=d", "X-Own", "1", "Connection", "Upgrade", "Upgrade", "websocket")
		reqs := rec.take()
		if len(reqs) != 1 {
			t.Fatalf("got %d requests", len(reqs))
		}
		r := reqs[0]
		if r.Method != http.MethodGet || r.RequestURI != "/good.jpg?a=b&c" || r.Host != "bucket.test" {
			t.Errorf("got %s %s to %s", r.Method, r.RequestURI, r.Host)
		}
		for name, want := range map[string]string{
			"Range": "bytes=0-65535", "Accept-Encoding": "identity", "Authorization": "Bearer t", "Cookie": "c=d",
			"X-Own": "1", "If-Match": "", "If-Unmodified-Since": "", "If-Range": "", "Upgrade": "",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	})
	t.Run("max_read", func(t *testing.T) {
		srv := srv.with(t)
		for object, want := range map[string]string{
			"/far.tif": farAnswer, "/no-range-far.tif": "ImageTooLarge", "/no-range-endless.jpg": iphone4S,
		} {
			if asking != operations[0] && strings.HasSuffix(object, ".tif") {
				continue // it has no picture
			}
			if got := srv.exif("small.test", object); !strings.Contains(size.ReplaceAllString(got.body, ""), size.ReplaceAllString(want, "")) {
				t.Errorf("%s: got %d %s, want %s", object, got.status, got.body, want)
			}
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		srv := srv.with(t)
		if got := srv.exif("down.test", "/a.jpg"); got.status != 502 || !strings.Contains(got.body, "BadGateway") {
			t.Errorf("got %d %s", got.status, got.body)
		}
	})
	t.Run("options", func(t *testing.T) {
		srv := srv.with(t)
		rec.take()
		got := srv.get(http.MethodOptions, "bucket.test", "/headers.jpg"+suffix)
		if reqs := rec.take(); len(reqs) != 1 || reqs[0].RequestURI != "/headers.jpg" || got.header.Get("X-Amz-Meta-Owner") == "" {
			t.Errorf("got %d requests, %v", len(reqs), got.header)
		}
	})
}

// TestBrokenOff checks bodies that end before their announced length.
func TestBrokenOff(t *testing.T) {
	breakOff := func(w http.ResponseWriter, status int, contentRange string) {
		w.Header().Set("Content-Length", "60000")
		if contentRange != "" {
			w.Header().Set("Content-Range", contentRange)
		}
		w.WriteHeader(status)
		w.Write(make([]byte, 100))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	far := farObject(200<<10, 300<<10)
	addr := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch first := strings.HasPrefix(r.Header.Get("Range"), "bytes=0-"); {
		case r.URL.Path == "/first.jpg":
			breakOff(w, 206, "bytes 0-59999/100000")
		case r.URL.Path == "/099.jpg":
			c, _, _ := http.NewResponseController(w).Hijack()
			io.WriteString(c, "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n")
			c.Close()
		case r.URL.Path == "/missing.jpg":
			breakOff(w, 404, "")
		case r.URL.Path == "/closed.tif" && !first:
			c, _, _ := http.NewResponseController(w).Hijack()
			c.Close()
		case first:
			w.Header().Set("Etag", `"a"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(far))
		default:
			breakOff(w, 206, "bytes 196608-256607/307200")
		}
	})
	srv := serve(t, `
http://bucket.test:{$PORT} {
	bind 127.0.0.1
	exif
	handle /abort.jpg {
		abort
	}
	handle {
		reverse_proxy `+addr+`
	}
}
`)
	for object, want := range map[string]string{
		"/first.jpg": `"code":"InternalError"`, "/later.tif": `"code":"InternalError"`, "/missing.jpg": `"code":"NoSuchKey"`,
		"/closed.tif": `"code":"BadGateway"`, "/099.jpg": `"code":"InternalError"`,
	} {
		if got := srv.exif("bucket.test", object); !strings.Contains(got.body, want) {
			t.Errorf("%s: got %d %s, want %s", object, got.status, got.body, want)
		}
	}
	// an abort is still obeyed
	req, _ := http.NewRequest(http.MethodGet, "http://"+srv.Addr+"/abort.jpg"+suffix, nil)
	req.Host = "bucket.test"
	if res, err := http.DefaultClient.Do(req); err == nil {
		res.Body.Close()
		t.Errorf("abort: got %s", res.Status)
	}
}

// TestAlreadyDeniedReadsNothing counts the sub-requests for denied requests: none if the next handlers can't change
// the decision, otherwise one.
func TestAlreadyDeniedReadsNothing(t *testing.T) {
	var rec recorder
	photo := iphone()
	addr := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		rec.add(r.Clone(r.Context()))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
	})
	const bob = "allow GetObject `{http.auth.user.id} == \"bob\"`\n"
	config := ""
	for site, rules := range map[string]string{
		"header":      "allow GetObject header X-Right yes",
		"address":     "allow GetObject remote_ip 192.0.2.1",
		"not":         "allow GetObject {\nnot {\nmethod GET\npath *.jpg\n}\n}",
		"deny":        "allow GetObject\ndeny GetObject path /a.*",
		"bob":         bob,
		"bob-not-a":   bob + "deny GetObject path /a.jpg",
		"bob-or":      bob + "allow GetObject header X-Right yes",
		"placeholder": "allow GetObject path /{http.auth.user.id}.jpg",
		"login":       "allow GetObject header Authorization *",
		"not-user":    "allow GetObject {\nnot {\nvars {http.auth.user.id} eve\n}\n}",
	} {
		config += "http://" + site + ".test:{$PORT} {\nbind 127.0.0.1\nexif {\n" + rules + "\n}\n" +
			"basic_auth {\nbob " + hiccup + "\neve " + hiccup + "\na " + hiccup + "\n}\nreverse_proxy " + addr + "\n}\n"
	}
	srv := serve(t, config)
	nothing, window := []string(nil), []string{"bytes=0-65535"}
	for _, tc := range []struct {
		site, header, value string
		status              int
		ranges              []string
	}{
		{"header", "Authorization", basic("bob"), 403, window}, // forward_auth could have set the field
		{"header", "X-Other", "x", 401, nothing},
		{"header", "X-Right", "yes", 401, nothing},
		{"address", "X-Other", "x", 403, nothing},
		{"address", "Authorization", basic("bob"), 403, nothing},
		{"not", "Authorization", basic("bob"), 403, nothing},
		{"deny", "Authorization", basic("bob"), 403, nothing},
		{"bob", "Authorization", basic("eve"), 403, window},
		{"bob", "Authorization", basic("bob"), 200, window},
		{"bob", "X-Other", "x", 401, nothing},
		{"bob-not-a", "Authorization", basic("bob"), 403, nothing},
		{"bob-or", "Authorization", basic("eve"), 403, window},
		{"bob-or", "Authorization", basic("bob"), 200, window},
		{"placeholder", "Authorization", basic("a"), 200, window},
		{"placeholder", "Authorization", basic("bob"), 403, window},
		{"login", "X-Other", "x", 401, nothing},
		{"login", "Authorization", basic("bob"), 200, window},
		{"not-user", "Authorization", basic("bob"), 200, window},
		{"not-user", "Authorization", basic("eve"), 403, window},
	} {
		rec.take()
		got := srv.exif(tc.site+".test", "/a.jpg", tc.header, tc.value)
		var ranges []string
		for _, r := range rec.take() {
			ranges = append(ranges, r.Header.Get("Range"))
		}
		if got.status != tc.status || fmt.Sprint(ranges) != fmt.Sprint(tc.ranges) {
			t.Errorf("%s, %s: got %d after %q, want %d after %q", tc.site, tc.value, got.status, ranges, tc.status, tc.ranges)
		}
	}
}
