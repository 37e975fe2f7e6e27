package caddyexif

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestGuardHoldsForEveryPath requests photos that a guard protects, and then their EXIF, in every spelling of
// the path. A client that doesn't get the photo must not get its EXIF.
func TestGuardHoldsForEveryPath(t *testing.T) {
	root := samples(t)
	guards := map[string]string{
		"ext": `@jpg path *.jpg
		basic_auth @jpg {
			bob ` + hiccup + `
		}`,
		"folder": `basic_auth /private/* {
			bob ` + hiccup + `
		}`,
		"named": `@guarded path *.jpg
		respond @guarded 403`,
		"named-private": `@guarded path /private/*
		respond @guarded 403`,
		"regexp": `@guarded path_regexp ^/private/.*\.jpg$
		error @guarded 403`,
		"original": `@guarded expression {http.request.orig_uri.path}.endsWith(".jpg")
		respond @guarded 403`,
		"original-uri": `@guarded expression {http.request.orig_uri}.startsWith("/private/a.jpg") && !{http.request.orig_uri}.contains("@")
		respond @guarded 403`,
		"uri-file": `@guarded vars {http.request.uri.path.file} a.jpg
		respond @guarded 403`,
		"handle": `handle /private/* {
			respond 403
		}
		handle /sub/* {
			respond 403
		}`,
		"forward": `forward_auth {$ADDR} {
			header_up Host auth.test
			uri /auth{http.request.uri}
		}`,
		"abort": `@guarded path /private/*
		error @guarded 404`,
	}
	var b strings.Builder
	for name, guard := range guards {
		b.WriteString("http://" + name + ".test:{$PORT} {\nbind 127.0.0.1\nexif\n" + guard + "\nroot * " + root + "\nfile_server\n}\n")
	}
	site := func(name, body string) {
		b.WriteString("http://" + name + ".test:{$PORT} {\nbind 127.0.0.1\n" + body + "\n}\n")
	}
	site("hide", "exif\nroot * "+root+"\nfile_server {\nhide hidden private/a.jpg *.raw.jpg\n}")
	site("handle-path", "exif\nhandle_path /open/* {\nroot * "+root+"/sub\nfile_server\n}\nhandle {\nrespond 403\n}")
	site("inside", "handle_path /open/* {\nexif\nroot * "+root+"/sub\nfile_server\n}\nhandle {\nrespond 403\n}")
	site("spa", "exif\nroot * "+root+"/sub\ntry_files {path} /index.html\nfile_server")
	site("auth", "respond /auth/private/* 403\nrespond /auth/sub/* 401\nrespond 200")
	srv := serve(t, b.String())

	photos := []string{
		"/private/a.jpg", "/sub/dir/a.jpg", "/hidden/a.jpg", "/x.raw.jpg", "/iphone-4s.jpg",
		"/private/../private/a.jpg", "/sub/../private/a.jpg", "/./private/a.jpg", "//private/a.jpg", "/private//a.jpg",
		"/private%2Fa.jpg", "/private%2fa.jpg", "/%70rivate/a.jpg", "/private/a%2Ejpg", "/private/%61.jpg",
		"/PRIVATE/a.jpg", "/private/A.JPG", "/private/a.jpg%00", "/private/a.jpg%20", "/private/a.jpg/.",
		"/..%2Fprivate/a.jpg", "/sub/%2e%2e/private/a.jpg", "/private\\a.jpg", "/private%5Ca.jpg",
		"/open/dir/a.jpg", "/open/../private/a.jpg", "/open/%2e%2e/private/a.jpg", "/open/..%2fprivate/a.jpg",
		"/private/a.jpg?x=.jpg", "/iphone-4s.jpg/.", "/private/a.jpg;x", "/dir.jpg/inner.jpg",
	}
	suffixes := []string{
		suffix, "%40base%40tag%3D" + asking.word, "@base@tag%3d" + strings.ToUpper(asking.word), suffix + suffix, suffix + "%40base%40tag=" + asking.word,
		suffix + "/", suffix + "/.", suffix + "%2f..", suffix + "%00", suffix + "#", suffix + "&" + suffix,
	}
	names := []string{"hide", "handle-path", "inside", "spa"}
	for name := range guards {
		names = append(names, name)
	}
	tried, answered := 0, 0
	for _, name := range names {
		for _, photo := range photos {
			p, q, _ := strings.Cut(photo, "?")
			if q != "" {
				q = "?" + q
			}
			headers := [][]string{nil, {"Range", "bytes=0-9"}, {"If-None-Match", "*"}, {"X-Original-Url", p}}
			if asking != operations[0] {
				headers = headers[:1]
			}
			for _, header := range headers {
				open := srv.get(http.MethodGet, name+".test", p+q)
				isPhoto := open.status == 200 && strings.HasPrefix(open.body, "\xFF\xD8")
				for _, suf := range suffixes {
					tried++
					got := srv.get(http.MethodGet, name+".test", p+suf+q, header...)
					isEXIF := got.status == 304 || got.body == iphone4S
					switch {
					case isEXIF && !isPhoto:
						t.Errorf("%s: %s is %d, its EXIF at %s is %d: %.80s", name, p, open.status, suf, got.status, got.body)
					case isEXIF:
						answered++
					case isPhoto && suf == suffix && got.status != 200:
						t.Errorf("%s: %s is there, its EXIF is %d %s", name, p, got.status, got.body)
					case got.status >= 500:
						t.Errorf("%s: %s%s: %d %s", name, p, suf, got.status, got.body)
					}
				}
			}
		}
	}
	if answered == 0 {
		t.Error("no EXIF was answered at all: the test proves nothing")
	}
	t.Logf("%d requests, %d answered with EXIF of photos that are open", tried, answered)
}

// TestBeforeEachHandler runs the handler before everything that can serve a photo.
func TestBeforeEachHandler(t *testing.T) {
	root := samples(t)
	bucket := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, root+"/iphone-4s.jpg")
	})
	sites := map[string]string{
		"file_server":   "root * " + root + "\nfile_server",
		"reverse_proxy": "reverse_proxy " + bucket,
		"handle":        "handle /none/* {\nrespond 403\n}\nhandle {\nroot * " + root + "\nfile_server\n}",
		"handle_path":   "handle_path /photos/* {\nroot * " + root + "\nfile_server\n}",
		"try_files":     "root * " + root + "\ntry_files {path} {path}.jpg\nfile_server",
		"uri":           "uri strip_prefix /photos\nroot * " + root + "\nfile_server",
		"rewrite":       "rewrite /photos/* /iphone-4s.jpg\nroot * " + root + "\nfile_server",
		"basic_auth":    "basic_auth {\nbob " + hiccup + "\n}\nroot * " + root + "\nfile_server",
		"encode":        "encode zstd gzip {\nminimum_length 1\nmatch status 2xx\n}\nroot * " + root + "\nfile_server",
		"precompressed": "root * " + root + "\nfile_server {\nprecompressed gzip br zstd\n}",
		"route":         "route {\nuri strip_prefix /photos\nroot * " + root + "\nfile_server\n}",
		"tracing":       "handle {\nrequest_header X-A b\nroot * " + root + "\nfile_server\n}",
		"intercept":     "intercept {\n@err status 5xx\nhandle_response @err {\nrespond 500\n}\n}\nroot * " + root + "\nfile_server",
		"templates":     "templates {\nmime text/html\n}\nroot * " + root + "\nfile_server",
		"handle_errors": "root * " + root + "\nfile_server\nhandle_errors {\nrespond 200\n}",
		"proxy twice":   "reverse_proxy {$ADDR} {\nheader_up Host reverse_proxy.test\n}",
	}
	var b strings.Builder
	b.WriteString("http://reverse_proxy.test:{$PORT} {\nbind 127.0.0.1\nreverse_proxy " + bucket + "\n}\n")
	for name, behind := range sites {
		b.WriteString("http://" + strings.ReplaceAll(name, "_", "-") + "-x.test:{$PORT} {\nbind 127.0.0.1\nexif\n" + behind + "\n}\n")
	}
	b.WriteString("http://respond-x.test:{$PORT} {\nbind 127.0.0.1\nexif\nrespond /iphone-4s.jpg \"GIF, not really\"\n}\n")
	b.WriteString("http://nothing-x.test:{$PORT} {\nbind 127.0.0.1\nexif\n}\n")
	srv := serve(t, strings.ReplaceAll(b.String(), "proxy twice-x", "proxy-twice-x"))
	// a precompressed sidecar file, which is not even gzip
	writeFile(t, root+"/iphone-4s.jpg.gz", []byte("not even gzip"))
	for name := range sites {
		t.Run(name, func(t *testing.T) {
			srv := srv.with(t)
			path := "/iphone-4s.jpg"
			switch name {
			case "handle_path", "uri", "rewrite", "route":
				path = "/photos/iphone-4s.jpg"
			case "try_files":
				path = "/iphone-4s"
			}
			host := strings.ReplaceAll(strings.ReplaceAll(name, "_", "-"), " ", "-") + "-x.test"
			for range 2 { // the second one comes from the cache
				got := srv.exif(host, path, "Authorization", basic("bob"), "Accept-Encoding", "gzip, zstd, br")
				if got.status != 200 || got.body != iphone4S {
					t.Errorf("got %d %s", got.status, got.body)
				}
			}
			if got := srv.exif(host, "/photos/nope.jpg", "Authorization", basic("bob")); got.status == 200 && name != "rewrite" && !strings.Contains(name, "proxy") {
				t.Errorf("missing: got %d %s", got.status, got.body)
			}
		})
	}
	if got := srv.exif("respond-x.test", "/iphone-4s.jpg"); got.status != 400 || !strings.Contains(got.body, "NotAnImage") {
		t.Errorf("fill: got %d %s", got.status, got.body)
	}
	if got := srv.exif("nothing-x.test", "/iphone-4s.jpg"); got.status != 404 || !strings.Contains(got.body, "NoSuchKey") {
		t.Errorf("nothing behind: got %d %s", got.status, got.body)
	}
}

// TestStreamsThatDontRead has a client open as many HTTP/2 streams as it may for the largest possible response,
// and read none of them.
func TestStreamsThatDontRead(t *testing.T) {
	if testing.Short() {
		t.Skip("measures memory")
	}
	const streams, each = 240, 512 << 10
	block := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010E, strings.Repeat("\x01", 42<<10))}} // 6 bytes of JSON for each byte
	root := t.TempDir()
	writeFile(t, root+"/a.jpg", testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment(block.Encode())))
	s := testcaddy.Start(t, `http://a.test:{$PORT} {
	bind 127.0.0.1
	exif {
		cache off
	}
	root * `+root+`
	file_server
}
`, testcaddy.Global("servers {\nprotocols h1 h2c\n}\n"), testcaddy.Quiet())
	tr := &http.Transport{Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 10}}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	before := heap()
	var mu sync.Mutex
	var all []*http.Response
	var wg sync.WaitGroup
	for range streams {
		wg.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr+"/a.jpg"+suffix, nil)
			if err != nil {
				t.Error(err)
				return
			}
			req.Host = "a.test"
			res, err := tr.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			if res.StatusCode != 200 || res.ProtoMajor != 2 || res.ContentLength < 240<<10 {
				t.Errorf("got %s %s, %d bytes", res.Proto, res.Status, res.ContentLength)
			}
			mu.Lock()
			all = append(all, res)
			mu.Unlock()
		})
	}
	wg.Wait()
	time.Sleep(100 * time.Millisecond) // for the writes after the headers
	took := (heap() - before) / streams
	t.Logf("%d streams hold %d KiB each", streams, took>>10)
	if took > each || took < 100<<10 {
		t.Errorf("%d streams hold %d KiB each, want at most %d", streams, took>>10, each>>10)
	}
	for _, res := range all {
		res.Body.Close()
	}
}
