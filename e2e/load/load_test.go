// Package load sends 1,000 requests at once to a Caddy built from cmd/caddy, in a process of its own: for
// good, missing, forbidden, broken and huge objects, half from a folder and half from a server with faults,
// while the config is reloaded. Every object has exactly one correct answer.
//
// E2E_LOAD is the duration (default 60s). E2E_RACE=1 builds Caddy with the race detector and doesn't check
// its memory.
package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/redact"
	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

const (
	clients  = 1000
	distinct = 2000 // good objects, each with an answer of its own
	maxRSS   = 256 << 20
)

// object is an object to request, with its one correct answer.
type object struct {
	path   string
	header [2]string
	head   bool
	photo  bool // request the redacted photo, not its EXIF
	status int
	body   string // without the request ID
}

func jpeg(description string) []byte {
	b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010E, description), testimage.Short(0x0112, 6)}}
	return testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment(b.Encode()))
}

// far returns the header of a TIFF whose directory is at off, and the bytes from off-16 on.
func far(off uint32) (head, tail []byte) {
	le := func(v uint32) []byte { return []byte{byte(v), byte(v >> 8), byte(v >> 16), byte(v >> 24)} }
	head = append([]byte("II\x2a\x00"), le(off)...)
	tail = append([]byte("far away\x00\x00\x00\x00\x00\x00\x00\x00"), 2, 0, 0x0F, 0x01, 2, 0, 10, 0, 0, 0)
	tail = append(append(tail, le(off-16)...), 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0)
	return head, tail
}

const farAnswer = `{"Make":"far away","Orientation":"6"}`

func failure(status int, code, message string) string {
	return fmt.Sprintf(`{"code":%q,"message":%q,"status":%d,"requestId":"-"}`, code, message, status)
}

var (
	missing   = object{status: 404, body: failure(404, "NoSuchKey", "the object does not exist")}
	denied    = object{status: 403, body: failure(403, "AccessDenied", "access denied")}
	notImage  = object{status: 400, body: failure(400, "NotAnImage", "the object is not an image of a known format")}
	unknown   = object{status: 403, body: failure(403, "NotRedactable", "images and videos of this format can't be redacted")}
	invalid   = object{status: 400, body: failure(400, "InvalidExif", "the image's EXIF is broken, and none of it can be read")}
	tooLarge  = object{status: 400, body: failure(400, "ImageTooLarge", "the requested data can't be reached within the limits")}
	internal  = object{status: 500, body: failure(500, "InternalError", "the object can't be read")}
	badGate   = object{status: 502, body: failure(502, "BadGateway", "the object can't be fetched from its server")}
	busy      = object{status: 503, body: failure(503, "ServiceUnavailable", "the object is temporarily unavailable")}
	farObject = object{status: 200, body: farAnswer}
)

func (o object) at(path string) object { o.path = path; return o }

// folder writes the objects to a folder.
func folder(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(root, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range distinct {
		write(fmt.Sprintf("good-%d.jpg", i), jpeg(fmt.Sprintf("object %d in the folder", i)))
	}
	s := testimage.Samples()
	write("plain.jpg", s["plain.jpg"])
	write("broken.jpg", s["zz-broken.jpg"])
	write("text.jpg", []byte("no image"))
	write("empty.jpg", nil)
	write("secret.jpg", s["photo.jpg"])
	head, tail := far(3 << 30)
	f, err := os.Create(filepath.Join(root, "huge.tif"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for off, b := range map[int64][]byte{0: head, 3<<30 - 16: tail} {
		if _, err := f.WriteAt(b, off); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(10 << 30); err != nil {
		t.Fatal(err)
	}
	return root
}

// bucket starts the server with faults. Its response to a path is always the same.
func bucket(t *testing.T) (addr string) {
	t.Helper()
	s := testimage.Samples()
	head, tail := far(300 << 10)
	tiff := make([]byte, 400<<10)
	copy(tiff, head)
	copy(tiff[300<<10-16:], tail)
	good := make([][]byte, distinct)
	for i := range good {
		good[i] = append(jpeg(fmt.Sprintf("object %d in the bucket", i)), make([]byte, 100<<10)...)
	}
	var changes atomic.Int64
	flush := func(w http.ResponseWriter) { http.NewResponseController(w).Flush() }
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve := func(etag string, b []byte) {
			w.Header().Set("Etag", etag)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		if i, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(name, "good-"), ".jpg")); err == nil {
			serve(fmt.Sprintf(`"%d"`, i), good[i])
			return
		}
		switch name {
		case "plain.jpg":
			serve(`"p"`, s["plain.jpg"])
		case "broken.jpg":
			serve(`"b"`, s["zz-broken.jpg"])
		case "text.jpg":
			serve(`"t"`, []byte("no image"))
		case "secret.jpg":
			serve(`"s"`, s["photo.jpg"])
		case "far.tif":
			serve(`"f"`, tiff)
		case "slow.tif":
			time.Sleep(100 * time.Millisecond)
			serve(`"f"`, tiff)
		case "changing.tif":
			serve(fmt.Sprintf(`"%d"`, changes.Add(1)), tiff)
		case "huge.jpg": // no ranges, 5 GB
			w.Header().Set("Content-Length", "5000000000")
			w.Write(good[0])
			for zeros := make([]byte, 32<<10); ; {
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
		case "out-of-reach.tif": // no ranges, 5 GB
			w.Header().Set("Content-Length", "5000000000")
			h, _ := far(3 << 30)
			w.Write(h)
			for zeros := make([]byte, 32<<10); ; {
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
		case "forbidden.jpg":
			w.WriteHeader(403)
		case "busy.jpg":
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(503)
		case "error.jpg":
			w.WriteHeader(500)
		case "closes.jpg":
			panic(http.ErrAbortHandler)
		case "breaks.jpg":
			w.Header().Set("Content-Length", "60000")
			w.Header().Set("Content-Range", "bytes 0-59999/100000")
			w.WriteHeader(206)
			w.Write(good[0][:500])
			flush(w)
			panic(http.ErrAbortHandler)
		case "lies.jpg":
			w.Header().Set("Content-Range", "bytes 500-999/1000")
			w.WriteHeader(206)
			w.Write(good[0][:500])
		default:
			w.WriteHeader(404)
		}
	}))
	srv.Config.ErrorLog = nil
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// objects returns all objects to request from a site.
func objects(site string) (all []object) {
	for i := range distinct {
		name := "folder"
		if strings.HasPrefix(site, "bucket") {
			name = "bucket"
		}
		all = append(all, object{
			path: fmt.Sprintf("/good-%d.jpg", i), status: 200,
			body: fmt.Sprintf(`{"ImageDescription":"object %d in the %s","Orientation":"6"}`, i, name),
		})
	}
	// all others together are as many as the good ones
	var others []object
	if strings.HasSuffix(site, "-redact") {
		return photos(all)
	}
	add := func(o ...object) { others = append(others, o...) }
	add(object{path: "/plain.jpg", status: 200, body: "{}"}, invalid.at("/broken.jpg"), notImage.at("/text.jpg"))
	switch site {
	case "files", "bucket":
		add(missing.at("/missing.jpg"), missing.at("/no/such/thing.jpg"))
	default: // with rules: no ListBucket, and secret.jpg is denied
		add(denied.at("/missing.jpg"), denied.at("/no/such/thing.jpg"), denied.at("/secret.jpg"))
	}
	if strings.HasPrefix(site, "files") {
		add(notImage.at("/empty.jpg"), farObject.at("/huge.tif"))
	} else {
		huge := object{path: "/huge.jpg", status: 200, body: all[0].body}
		add(denied.at("/forbidden.jpg"), busy.at("/busy.jpg"), internal.at("/error.jpg"), badGate.at("/closes.jpg"), internal.at("/breaks.jpg"),
			internal.at("/lies.jpg"), internal.at("/changing.tif"), farObject.at("/far.tif"), farObject.at("/slow.tif"),
			huge, tooLarge.at("/out-of-reach.tif"))
	}
	n := len(all)
	for i := range n {
		o := others[i%len(others)]
		o.head = i%7 == 0
		all = append(all, o)
	}
	for i := 0; i < n; i += 5 {
		all[i].head = i%2 == 0
		all[i].header = [2]string{"Range", "bytes=3-9"} // of the photo, not of the answer
	}
	return all
}

// photos returns requests for the redacted photos of the good objects, some for missing ones and one for a
// file that is no image.
func photos(good []object) (all []object) {
	for i, o := range good {
		var b bytes.Buffer
		photo := jpeg(strings.Split(o.body, `"`)[3])
		if strings.Contains(o.body, "in the bucket") {
			photo = append(photo, make([]byte, 100<<10)...)
		}
		policy := &redact.Policy{EXIF: &exif.Options{Keep: func(name string) bool { return name != "ImageDescription" }}}

		if err := redact.Copy(&b, bytes.NewReader(photo), policy); err != nil || bytes.Contains(b.Bytes(), []byte("object")) {
			panic(fmt.Sprintf("%q: %v", b.Bytes(), err))
		}
		o.photo, o.body = true, b.String()
		all = append(all, o)
		o.head = true
		switch i % 4 {
		case 0:
			o.head, o.header = false, [2]string{"Range", "bytes=3-9"} // images are sent whole
		case 1:
			o = object{path: fmt.Sprintf("/missing-%d.jpg", i), photo: true, status: 404, body: ""}
		case 2: // on disk, its name makes it image/jpeg
			if o = unknown.at("/text.jpg"); strings.Contains(good[i].body, "in the bucket") {
				o = object{path: "/text.jpg", status: 200, body: "no image"}
			}
			o.photo = true
		}
		all = append(all, o)
	}
	return all
}

// caddyfile returns the config. Each n has another value of a header that no check reads.
func caddyfile(admin, addr, storage, root, bucket string, n int) string {
	site := func(name, rules, behind string) string {
		return fmt.Sprintf("http://%s.test:%s {\nbind fd/3 {\nprotocols h1\n}\nheader X-Config %d\nexif {\ncache 2MiB\n%s\n}\n%s\n}\n",
			name, addr[strings.LastIndexByte(addr, ':')+1:], n, rules, behind)
	}
	const rules = "allow GetObject ListBucket header X-Nobody sends\nallow GetObject\ndeny GetObject path /secret.jpg"
	files := "root * " + root + "\nfile_server"
	proxy := "reverse_proxy " + bucket
	return "{\nadmin " + admin + "\nauto_https off\npersist_config off\nstorage file_system " + storage + "\nlog {\nlevel PANIC\n}\n}\n" +
		site("files", "", files) + site("files-rules", rules, files) + site("bucket", "", proxy) + site("bucket-rules", rules, proxy) +
		site("files-redact", "redact\nomit ImageDescription", files) + site("bucket-redact", "redact\nomit ImageDescription", proxy)
}

var requestID = regexp.MustCompile(`"requestId":"[0-9a-f-]{36}"`)

func TestLoad(t *testing.T) {
	duration := time.Minute
	if s := os.Getenv("E2E_LOAD"); s != "" {
		var err error
		if duration, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	race := os.Getenv("E2E_RACE") == "1"
	tmp := t.TempDir()
	bin := filepath.Join(tmp, "caddy")
	var flags []string
	if race {
		flags = []string{"-race"}
	}
	if err := local.Build("../..", bin, flags...); err != nil {
		t.Fatal(err)
	}
	admin := local.FreeAddr(t)
	// Caddy gets its socket as from systemd. At a reload it would close a socket of its own after opening
	// another on the same port, and the kernel would reset the connections that wait to be accepted on the
	// first one, whatever the site serves.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	root, upstream := folder(t), bucket(t)
	config := func(n int) string { return caddyfile(admin, addr, tmp, root, upstream, n) }
	if err := os.WriteFile(filepath.Join(tmp, "Caddyfile"), []byte(config(0)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "run", "--config", filepath.Join(tmp, "Caddyfile"), "--adapter", "caddyfile")
	cmd.ExtraFiles = []*os.File{socket}
	server := local.Start(t, cmd)
	socket.Close()
	t.Cleanup(func() {
		server.Stop(os.Interrupt)
		for _, bad := range []string{"DATA RACE", "panic", "fatal error"} {
			if strings.Contains(server.Output(), bad) {
				t.Errorf("Caddy said:\n%.10000s", server.Output())
				break
			}
		}
	})
	server.WaitListening(admin)

	sites := []string{"files", "files-rules", "bucket", "bucket-rules", "files-redact", "bucket-redact"}
	asked := map[string][]object{}
	for _, s := range sites {
		asked[s] = objects(s)
	}
	const times, enough = 5, 3 // reloads: on a slow machine they overlap, or take longer than the load should
	ctx, cancel := context.WithTimeout(t.Context(), 10*duration)
	defer cancel()
	var requests, wrong, reloads, again atomic.Int64
	var reloading atomic.Int64
	codes := make([]atomic.Int64, 600)
	report := func(format string, args ...any) {
		if wrong.Add(1) <= 20 {
			t.Errorf(format, args...)
		}
	}
	var wg sync.WaitGroup
	start := time.Now()
	for i := range clients {
		wg.Go(func() {
			tr := &http.Transport{MaxIdleConns: 1, DisableCompression: true}
			defer tr.CloseIdleConnections()
			random := rand.New(rand.NewPCG(1, uint64(i)))
			for ctx.Err() == nil {
				site := sites[random.IntN(len(sites))]
				o := asked[site][random.IntN(len(asked[site]))]
				status, body, err := o.ask(tr, addr, site)
				// At shutdown, net/http's server closes connections on which a request has just arrived,
				// even new ones, without a response (the loop in conn.serve). HTTP clients retry then (RFC
				// 9112, section 9.3.1); Go's client does so on reused connections only.
				for tries := 0; errors.Is(err, io.EOF) && status == 0 && reloading.Load() > 0 && tries < 10; tries++ {
					again.Add(1)
					time.Sleep(time.Duration(tries) * 10 * time.Millisecond)
					status, body, err = o.ask(tr, addr, site)
				}
				requests.Add(1)
				codes[status].Add(1)
				switch {
				case err != nil:
					report("%s%s: %v", site, o.path, err)
				case status != o.status || body != o.body && !o.head || o.head && body != "":
					report("%s%s: got %d %s, want %d %s", site, o.path, status, body, o.status, o.body)
				}
			}
		})
	}
	wg.Go(func() {
		defer cancel()
		for n := range times {
			if reloads.Load() >= enough && time.Since(start) >= duration {
				return
			}
			time.Sleep(time.Until(start.Add(time.Duration(n+1) * duration / (times + 1))))
			reloading.Add(1)
			res, err := reload(admin, config(n+1))
			time.AfterFunc(30*time.Second, func() { reloading.Add(-1) })
			if err != nil {
				t.Errorf("reload: %v", err)
				return
			}
			body, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("reload: %s %s", res.Status, body)
				return
			}
			reloads.Add(1)
		}
		time.Sleep(time.Until(start.Add(duration)))
	})
	wg.Wait()
	took := time.Since(start)
	rss := peakRSS(t, server.Pid)
	var b strings.Builder
	for code := range codes {
		if n := codes[code].Load(); n > 0 {
			fmt.Fprintf(&b, " %d×%d", n, code)
		}
	}
	fmt.Printf("load: %d clients, %v, race %t: %d requests, %.0f/s, %d wrong, %d reloads (%d asked again), peak RSS %d MiB;%s\n",
		clients, took.Round(time.Second), race, requests.Load(), float64(requests.Load())/took.Seconds(), wrong.Load(), reloads.Load(), again.Load(), rss>>20, b.String())
	if reloads.Load() < enough {
		t.Errorf("got %d reloads, want at least %d", reloads.Load(), enough)
	}
	if !race && rss > maxRSS {
		t.Errorf("peak RSS is %d MiB, want at most %d", rss>>20, maxRSS>>20)
	}
	if requests.Load() < clients {
		t.Errorf("only %d requests", requests.Load())
	}
}

// reload posts a config. It retries, since each config replaces Caddy's admin endpoint, which closes its
// connections.
func reload(admin, config string) (res *http.Response, err error) {
	for range 5 {
		var req *http.Request
		req, err = http.NewRequest(http.MethodPost, "http://"+admin+"/load", strings.NewReader(config))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "text/caddyfile")
		req.Close = true
		if res, err = http.DefaultClient.Do(req); err == nil {
			return res, nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return nil, err
}

// ask sends the request and returns the response, without the request ID.
func (o *object) ask(tr *http.Transport, addr, site string) (status int, body string, err error) {
	path := o.path + local.Suffix
	if o.photo {
		path = o.path
	}
	req := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: addr, Opaque: path}, Host: site + ".test", Header: make(http.Header),
	}
	if o.head {
		req.Method = http.MethodHead
	}
	if o.header[0] != "" {
		req.Header.Set(o.header[0], o.header[1])
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, requestID.ReplaceAllString(string(b), `"requestId":"-"`), err
}

// peakRSS returns the peak resident set size of the process, in bytes.
func peakRSS(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kb int64
	_, line, _ := strings.Cut(string(b), "VmHWM:")
	if _, err := fmt.Sscan(line, &kb); err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
