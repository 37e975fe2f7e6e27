package caddyexif

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/klauspost/compress/zstd"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// tellingHEIF returns a photo with an index that tells secret in its EXIF, and in its free space. Its index comes
// last, beyond the first window, or first.
func tellingHEIF(brand string, indexLast bool) []byte {
	be := binary.BigEndian
	block := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "caddy-exif"), testimage.ASCII(0x013B, secret)}}
	metadata := testimage.ExifData(block.Encode(), true)
	picture := bytes.Repeat([]byte{0xAB}, 100)
	ftyp := testimage.FileType(brand, "mif1")
	free := testimage.Box("free", bytes.Repeat([]byte(secret), 12_000))
	item := func(id byte, typ string) []byte {
		return testimage.FullBox("infe", 2, []byte{0, id, 0, 0}, []byte(typ+"\x00"))
	}
	index := func(at int) []byte {
		where := []byte{0x44, 0, 0, 2}
		for i, n := range []int{len(picture), len(metadata)} {
			where = append(where, 0, byte(i+1), 0, 0, 0, 1)
			where = be.AppendUint32(be.AppendUint32(where, uint32(at)), uint32(n))
			at += n
		}
		return testimage.FullBox("meta", 0,
			testimage.FullBox("hdlr", 0, []byte("\x00\x00\x00\x00pict"), make([]byte, 13)),
			testimage.FullBox("pitm", 0, []byte{0, 1}),
			testimage.FullBox("iinf", 0, []byte{0, 2}, item(1, "av01"), item(2, "Exif")),
			testimage.FullBox("iref", 0, testimage.Box("cdsc", []byte{0, 2, 0, 1, 0, 1})),
			testimage.Box("iprp",
				testimage.Box("ipco", testimage.Box("av1C", []byte{0x81, 0x04, 0x0C, 0x00}), testimage.FullBox("ispe", 0, []byte{0, 0, 0, 64, 0, 0, 0, 48})),
				testimage.FullBox("ipma", 0, []byte{0, 0, 0, 1, 0, 1, 2, 0x81, 0x02})),
			testimage.FullBox("iloc", 0, where))
	}
	media := testimage.Box("mdat", picture, metadata)
	if indexLast {
		return slices.Concat(ftyp, media, free, index(len(ftyp)+8))
	}
	return slices.Concat(ftyp, index(len(ftyp)+len(index(0))+8), media, free)
}

// handlerOf makes a next handler of a function, and counts its runs.
func handlerOf(runs *int, f http.HandlerFunc) caddyhttp.Handler {
	return caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		*runs++
		f(w, r)
		return nil
	})
}

// redactor returns a handler that redacts.
func redactor(t *testing.T) *Handler {
	return provisioned(t, &Handler{Redact: true, Omit: []string{"Artist"}})
}

// TestRangesAreSlices checks that each range of a redacted HEIC or AVIF is a slice of the whole.
func TestRangesAreSlices(t *testing.T) {
	dir := t.TempDir()
	photos := map[string][]byte{
		"first.heic": tellingHEIF("heic", false), "last.heic": tellingHEIF("heic", true),
		"first.avif": tellingHEIF("avif", false), "last.avif": tellingHEIF("avif", true),
	}
	for name, b := range photos {
		writeFile(t, filepath.Join(dir, name), b)
	}
	weak := upstream(t, func(w http.ResponseWriter, r *http.Request) { // as many programs do
		w.Header().Set("Etag", `W/"1"`)
		http.ServeFile(w, r, dir+r.URL.Path)
	})
	partsAs200 := upstream(t, func(w http.ResponseWriter, r *http.Request) { // as some stores do
		w.Header().Set("Etag", `"1"`)
		http.ServeContent(statusOK{w}, r, "", time.Time{}, bytes.NewReader(photos[r.URL.Path[1:]]))
	})
	files := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		http.ServeFile(w, r, dir+r.URL.Path)
	})
	sites := map[string]string{
		"files": "root * " + dir + "\nfile_server", "weak": "reverse_proxy " + weak, "parts": "reverse_proxy " + partsAs200, "proxy": "reverse_proxy " + files,
	}
	var b strings.Builder
	for name, behind := range sites {
		fmt.Fprintf(&b, "http://%s.test:{$PORT} {\nbind 127.0.0.1\n\t%s\n%s\n}\n", name, redactOmit, behind)
	}
	srv := serve(t, b.String())
	random := rand.New(rand.NewPCG(1, 2))
	for site := range sites {
		for name, photo := range photos {
			what := site + " " + name
			whole := srv.get("GET", site+".test", "/"+name)
			size := len(photo)
			if whole.status != 200 || len(whole.body) != size || strings.Contains(whole.body, secret[:12]) || !strings.Contains(whole.body, "caddy-exif") ||
				whole.header.Get("Accept-Ranges") != "bytes" {
				t.Errorf("%s: got %d, %d bytes, %v", what, whole.status, len(whole.body), whole.header)
				continue
			}
			if head := srv.get("HEAD", site+".test", "/"+name, "Range", "bytes=5-9"); head.status != 200 || head.header.Get("Accept-Ranges") != "bytes" ||
				head.header.Get("Content-Length") != strconv.Itoa(size) || head.header.Get("Etag") != whole.header.Get("Etag") {
				t.Errorf("%s: HEAD got %d %v", what, head.status, head.header)
			}
			type part struct {
				field    string
				from, to int
			}
			parts := []part{
				{"bytes=0-", 0, size},
				{"bytes=0-0", 0, 1},
				{"bytes=-1", size - 1, size},
				{fmt.Sprintf("bytes=%d-", size-1), size - 1, size},
				{fmt.Sprintf("bytes=-%d", 2*size), 0, size},
				{fmt.Sprintf("bytes=7-%d", 3*size), 7, size},
				{fmt.Sprintf("bytes=-%d", size/2), size - size/2, size},
			}
			for range 12 {
				from := random.IntN(size)
				to := from + 1 + random.IntN(size-from)
				parts = append(parts, part{fmt.Sprintf("bytes=%d-%d", from, to-1), from, to})
			}
			status := http.StatusPartialContent
			if site == "parts" {
				status = http.StatusOK
			}
			for i, p := range parts {
				header := []string{"Range", p.field}
				if tag := whole.header.Get("Etag"); i%2 == 0 && !strings.HasPrefix(tag, "W/") {
					header = append(header, "If-Range", tag)
				}
				got := srv.get("GET", site+".test", "/"+name, header...)
				if got.status != status || got.body != whole.body[p.from:p.to] ||
					got.header.Get("Content-Range") != fmt.Sprintf("bytes %d-%d/%d", p.from, p.to-1, size) {
					t.Errorf("%s: %v: got %d %s and %d bytes, want %d", what, header, got.status, got.header.Get("Content-Range"), len(got.body), p.to-p.from)
				}
			}
			if got := srv.get("GET", site+".test", "/"+name, "Range", fmt.Sprintf("bytes=%d-", size)); got.status != 416 {
				t.Errorf("%s: beyond the end: got %d", what, got.status)
			}
			for _, header := range [][]string{
				{"Range", "bytes=0-1,7-9"}, {"Range", "bytes=7-9", "If-Range", `"1"`}, {"Range", "bytes=7-9", "If-Range", whole.header.Get("Last-Modified")},
			} {
				if got := srv.get("GET", site+".test", "/"+name, header...); got.status != 200 || got.body != whole.body {
					t.Errorf("%s: %v: got %d and %d bytes", what, header, got.status, len(got.body))
				}
			}
		}
	}
}

// statusOK sends parts with 200.
type statusOK struct{ http.ResponseWriter }

func (w statusOK) WriteHeader(status int) {
	if status == http.StatusPartialContent {
		status = http.StatusOK
	}
	w.ResponseWriter.WriteHeader(status)
}

// TestNoStatusPassesAPhoto checks that no status of an upstream lets a photo through.
func TestNoStatusPassesAPhoto(t *testing.T) {
	h := redactor(t)
	for status := 101; status < 600; status++ {
		if 102 <= status && status < 200 {
			continue // informational
		}
		for _, header := range []http.Header{{}, {"Content-Range": {"bytes 0-9/10"}}, {"Content-Type": {"text/plain"}}, {"Content-Encoding": {"identity"}}} {
			for _, method := range []string{"GET", "POST"} {
				runs := 0
				w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, _ *http.Request) {
					for name, values := range header {
						w.Header()[name] = values
					}
					w.WriteHeader(status)
					_, _ = w.Write(telling())
					_, _ = w.(io.ReaderFrom).ReadFrom(bytes.NewReader(telling()))
				}), method, "Upgrade", "x", "Connection", "Upgrade")
				if strings.Contains(w.Body.String(), secret) || runs > maxRuns {
					t.Errorf("%s: %d with %v tells after %d runs", method, status, header, runs)
				}
			}
		}
	}
}

// TestLiesAboutParts checks upstreams that send another part than was asked for, or one of another object.
func TestLiesAboutParts(t *testing.T) {
	h := redactor(t)
	photo, song := tellingHEIF("heic", false), sound()
	whole := plainly(h, photoHandler(photo), "GET").Body.String()
	at := bytes.Index(photo, []byte(secret))
	for name, tc := range map[string]struct {
		look          []byte // what the look gets
		status        int
		contentRange  string
		body          []byte // of the first run
		tag, modified string
	}{
		"another start":        {photo, 206, "bytes 300-399/", photo[at : at+100], `"1"`, ""},
		"no Content-Range":     {photo, 206, "", photo[at : at+100], `"1"`, ""},
		"no numbers":           {photo, 206, "bytes x-y/", photo[at : at+100], `"1"`, ""},
		"another length":       {photo, 206, "bytes 100-999/", photo[at : at+100], `"1"`, ""},
		"another size":         {photo, 206, "bytes 100-199/7", photo[at : at+100], `"1"`, ""},
		"another date":         {song, 206, "bytes 100-199/", photo[at : at+100], "", "Mon, 02 Jan 2006 15:04:05 GMT"},
		"no validator":         {song, 206, "bytes 100-199/", photo[at : at+100], "", ""},
		"no validator, as 200": {song, 200, "bytes 100-199/", photo[at : at+100], "", ""},
		"a weak tag":           {song, 206, "bytes 100-199/", photo[at : at+100], `W/"1"`, ""},
		"all, and a date":      {song, 200, "", photo, "", "Mon, 02 Jan 2006 15:04:05 GMT"},
		"a plan, and no tag":   {photo, 206, "bytes 100-199/", photo[at : at+100], "", ""},
		"a plan, as 200":       {photo, 200, "bytes 100-199/", photo[at : at+100], "", ""},
	} {
		runs := 0
		w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
			if tc.tag != "" {
				w.Header().Set("Etag", tc.tag)
			}
			if tc.modified != "" {
				w.Header().Set("Last-Modified", tc.modified)
			}
			switch {
			case r.Header.Get("Accept-Encoding") == "identity": // the look
				w.Header().Set("Last-Modified", "Sun, 01 Jan 2006 15:04:05 GMT")
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(tc.look))
			case r.Header.Get("Range") != "":
				if strings.HasSuffix(tc.contentRange, "/") {
					w.Header().Set("Content-Range", tc.contentRange+strconv.Itoa(len(photo)))
				} else if tc.contentRange != "" {
					w.Header().Set("Content-Range", tc.contentRange)
				}
				w.Header().Set("Content-Length", strconv.Itoa(len(tc.body)))
				w.WriteHeader(tc.status)
				_, _ = w.Write(tc.body)
			default:
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
			}
		}), "GET", "Range", "bytes=100-199")
		if strings.Contains(w.Body.String(), "business") || w.Code != 500 && (w.Code != 200 || w.Body.String() != whole) || runs > maxRuns+2 {
			t.Errorf("%s: got %d and %d bytes after %d runs", name, w.Code, w.Body.Len(), runs)
		}
	}
}

// TestConditionsOfOtherClients checks that a tag of what a member gets confirms nothing to a guest, and the reverse.
func TestConditionsOfOtherClients(t *testing.T) {
	srv := serve(t, `http://a.test:{$PORT} {
	bind 127.0.0.1
	exif {
		redact
		omit Artist
		allow GetObject header X-Member *
	}
	root * `+heifFolder(t)+`
	file_server
}
`)
	type client []string
	guest, member := client(nil), client{"X-Member", "x"}
	ask := func(c client, method string, header ...string) reply {
		return srv.get(method, "a.test", "/a.heic", append(header, c...)...)
	}
	wholes := map[bool]reply{false: ask(guest, "GET"), true: ask(member, "GET")}
	if strings.Contains(wholes[false].body, "caddy-exif") || !strings.Contains(wholes[true].body, "caddy-exif") {
		t.Fatal("the guest's photo tells the Make, or the member's doesn't")
	}
	for _, isMember := range []bool{false, true} {
		c := guest
		if isMember {
			c = member
		}
		own, other := wholes[isMember].header.Get("Etag"), wholes[!isMember].header.Get("Etag")
		body := wholes[isMember].body
		for _, tc := range []struct {
			header []string
			status int
			body   string
		}{
			{[]string{"If-Match", own}, 200, body},
			{[]string{"If-Match", other}, 412, ""},
			{[]string{"If-Match", other + ", " + own}, 200, body},
			{[]string{"If-Match", `"x"`}, 412, ""},
			{[]string{"If-Match", "*"}, 200, body},
			{[]string{"If-Match", own, "Range", "bytes=50-99"}, 206, body[50:100]},
			{[]string{"If-Match", other, "Range", "bytes=50-99"}, 412, ""},
			{[]string{"If-Range", own, "Range", "bytes=50-99"}, 206, body[50:100]},
			{[]string{"If-Range", other, "Range", "bytes=50-99"}, 200, body},
			{[]string{"If-None-Match", own}, 304, ""},
			{[]string{"If-None-Match", other}, 200, body},
			{[]string{"If-None-Match", own, "Range", "bytes=50-99"}, 304, ""},
			{[]string{"If-None-Match", other, "Range", "bytes=50-99"}, 206, body[50:100]},
		} {
			for range 2 { // the second time with the cached plan
				got := ask(c, "GET", tc.header...)
				if got.status != tc.status || tc.body != "" && got.body != tc.body {
					t.Errorf("member %v: %v: got %d and %d bytes, want %d and %d", isMember, tc.header, got.status, len(got.body), tc.status, len(tc.body))
				}
				if tc.header[0] == "If-Match" && len(tc.header) == 2 {
					if head := ask(c, "HEAD", tc.header...); head.status != tc.status {
						t.Errorf("member %v: HEAD with %v: got %d, want %d", isMember, tc.header, head.status, tc.status)
					}
				}
			}
		}
	}
}

func heifFolder(t *testing.T) string {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.heic"), tellingHEIF("heic", false))
	return dir
}

// TestWebDAVCondition checks that no tag of the original is confirmed by WebDAV's condition, and that writers keep it.
func TestWebDAVCondition(t *testing.T) {
	h := redactor(t)
	for method, want := range map[string]string{"GET": "", "HEAD": "", "PUT": `(["1"])`, "DELETE": `(["1"])`} {
		runs := 0
		plainly(h, handlerOf(&runs, func(_ http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("If"); got != want {
				t.Errorf("%s: got %q", method, got)
			}
		}), method, "If", `(["1"])`)
	}
}

// TestPartThatWasntAskedFor has an upstream that answers a range with another one, each of the right length.
func TestPartThatWasntAskedFor(t *testing.T) {
	photo := tellingHEIF("heic", false)
	for start, status := range map[int]int{100: 206, 99: 500, 101: 500, 300: 500} {
		h, runs := redactor(t), 0
		w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"1"`)
			if strings.HasPrefix(r.Header.Get("Range"), "bytes=100-") {
				r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", start, start+99))
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
		}), "GET", "Range", "bytes=100-199")
		if w.Code != status || strings.Contains(w.Body.String(), secret) {
			t.Errorf("from %d: got %d %v", start, w.Code, w.Header())
		}
	}
}

// TestPutKeepsItsConditions checks that a condition of a client that writes isn't lost.
func TestPutKeepsItsConditions(t *testing.T) {
	h := redactor(t)
	tag := plainly(h, photoHandler(telling()), "GET").Header().Get("Etag")
	for _, tc := range []struct{ name, value, want string }{
		{"If-None-Match", "*", "*"}, {"If-Match", "*", "*"}, {"If-Match", tag, `"1"`}, {"If-None-Match", tag, `"1"`},
	} {
		runs := 0
		plainly(h, handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get(tc.name); got != tc.want {
				t.Errorf("%s %s: got %q, want %q", tc.name, tc.value, got, tc.want)
			}
			w.WriteHeader(204)
		}), "PUT", tc.name, tc.value)
		if runs != 1 {
			t.Errorf("%s: %d runs", tc.name, runs)
		}
	}
}

// TestPlansAreCached checks that a seek in an object whose plan is known costs one sub-request, and that a plan of
// an earlier version is neither used nor kept.
func TestPlansAreCached(t *testing.T) {
	h := redactor(t)
	runs, version, match := 0, 1, ""
	next := handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
		match = r.Header.Get("If-Match")
		photo := tellingHEIF("heic", true)
		if version > 1 {
			photo = slices.Concat(photo, testimage.Box("free", []byte(strings.Repeat(secret, version))))
		}
		w.Header().Set("Etag", fmt.Sprintf(`"%d"`, version))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
	})
	ask := func(wantRuns int, header ...string) *httptest.ResponseRecorder {
		t.Helper()
		runs = 0
		w := plainly(h, next, "GET", header...)
		if strings.Contains(w.Body.String(), secret) || runs > wantRuns {
			t.Errorf("%v: %d after %d runs, want %d", header, w.Code, runs, wantRuns)
		}
		return w
	}
	ask(4, "Range", "bytes=100-199") // a look, the index, the range
	if w := ask(1, "Range", "bytes=200-299"); w.Code != 206 || w.Body.Len() != 100 || match != `"1"` {
		t.Errorf("a seek: got %d for If-Match %s", w.Code, match)
	}
	if w := ask(1); w.Code != 200 {
		t.Errorf("the whole: got %d", w.Code)
	}
	version = 2
	if w := ask(5, "Range", "bytes=200-299"); w.Code != 200 {
		t.Errorf("changed: got %d", w.Code)
	}
	if w := ask(1, "Range", "bytes=200-299"); w.Code != 206 {
		t.Errorf("a seek in the new version: got %d", w.Code)
	}
	version = 3
	runs = 0
	if w := plainly(h, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Etag", `"song"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sound()))
		return nil
	}), "GET"); w.Code != 200 || w.Body.Len() != len(sound()) {
		t.Errorf("a song by now: got %d and %d bytes", w.Code, w.Body.Len())
	}
	version = 2 // the song has displaced its plan
	if ask(4, "Range", "bytes=200-299"); runs == 1 {
		t.Error("a plan that didn't fit was kept")
	}
}

// TestObjectsWithoutValidators checks that a photo whose index is beyond the first window is refused if no later response
// can tell that it is about the same photo, and that others are redacted.
func TestObjectsWithoutValidators(t *testing.T) {
	h := redactor(t)
	far := testimage.JPEG(testimage.Gradient(64, 48), testimage.Segment(0xE2, make([]byte, 60_000)), testimage.Segment(0xE2, make([]byte, 60_000)),
		testimage.EXIFSegment((&testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "caddy-exif"), testimage.ASCII(0x013B, secret)}}).Encode()))
	unplannable := tellingHEIF("heic", true)
	copy(unplannable[bytes.Index(unplannable, []byte("av01")):], "none")
	for name, tc := range map[string]struct {
		photo    []byte
		tag      string
		modified string
		status   int
		runs     int
	}{
		"index last, nothing":              {tellingHEIF("heic", true), "", "", 403, 1},
		"index last, weak tag":             {tellingHEIF("heic", true), `W/"1"`, "", 403, 1},
		"index last, weak tag and a date":  {tellingHEIF("heic", true), `W/"1"`, "Mon, 02 Jan 2006 15:04:05 GMT", 200, 4},
		"index last, a date":               {tellingHEIF("heic", true), "", "Mon, 02 Jan 2006 15:04:05 GMT", 200, 4},
		"not redactable, index last":       {unplannable, `"1"`, "", 403, 3},
		"index first, nothing":             {tellingHEIF("heic", false), "", "", 200, 1},
		"a JPEG whose EXIF is far in it":   {far, "", "", 200, 5},
		"a JPEG whose EXIF is far, weakly": {far, `W/"1"`, "", 200, 5},
	} {
		runs := 0
		w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
			if tc.tag != "" {
				w.Header().Set("Etag", tc.tag)
			}
			if tc.modified != "" {
				w.Header().Set("Last-Modified", tc.modified)
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(tc.photo))
		}), "GET")
		if w.Code != tc.status || runs > tc.runs || strings.Contains(w.Body.String(), secret) || w.Code == 200 && !strings.Contains(w.Body.String(), "caddy-exif") {
			t.Errorf("%s: got %d and %d bytes after %d runs, want %d after %d", name, w.Code, w.Body.Len(), runs, tc.status, tc.runs)
		}
	}
}

// encoders are the codings that are decoded.
var encoders = map[string]func(io.Writer) io.WriteCloser{
	"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
	"zstd":    func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
	"deflate": func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, 5); return z },
}

func encoded(coding string, b []byte) []byte {
	var out bytes.Buffer
	w := encoders[coding](&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// TestCodings checks that no content coding lets a photo through, and that coded texts pass.
func TestCodings(t *testing.T) {
	h := redactor(t)
	photo, page := telling(), []byte(strings.Repeat("<p>a page</p>", 20_000))
	noise := make([]byte, 300_000) // its first zstd block is a large one
	for i := range noise {
		noise[i] = 'a' + byte(rand.N(26))
	}
	skip := func(n int) []byte {
		return append(binary.LittleEndian.AppendUint32([]byte("\x50\x2A\x4D\x18"), uint32(n)), make([]byte, n)...)
	}
	png := append([]byte("\x89PNG\r\n\x1A\n"), []byte(secret)...)
	for name, tc := range map[string]struct {
		coding    string
		body      []byte
		obstinate bool // coded even if it may not be
		status    int
		runs      int
		passes    bool
	}{
		"gzip photo":                 {"gzip", encoded("gzip", photo), false, 200, 2, false},
		"br photo":                   {"br", encoded("br", photo), false, 200, 2, false},
		"zstd photo":                 {"zstd", encoded("zstd", photo), false, 200, 2, false},
		"gzip photo in any case":     {"gzip", encoded("gzip", photo), true, 500, 2, false},
		"deflate photo":              {"deflate", encoded("deflate", photo), false, 500, 1, false},
		"twice in one field":         {"gzip, gzip", encoded("gzip", encoded("gzip", photo)), false, 500, 1, false},
		"two codings":                {"br, gzip", encoded("gzip", encoded("br", photo)), false, 500, 1, false},
		"unknown":                    {"dcb", photo, false, 500, 1, false},
		"a false label":              {"gzip", photo, false, 500, 1, false},
		"a false label, br":          {"br", photo, false, 500, 1, false},
		"a false label, zstd":        {"zstd", photo, false, 500, 1, false},
		"gzip page":                  {"gzip", encoded("gzip", page), true, 200, 1, true},
		"br page":                    {"br", encoded("br", page), true, 200, 1, true},
		"zstd page":                  {"zstd", encoded("zstd", page), true, 200, 1, true},
		"a large first block":        {"zstd", encoded("zstd", noise), true, 200, 1, true},
		"gzip of nothing":            {"gzip", encoded("gzip", nil), true, 200, 1, true},
		"zstd of two letters":        {"zstd", encoded("zstd", []byte("ab")), true, 200, 1, true},
		"nothing at all":             {"gzip", nil, true, 200, 1, true},
		"deflate page":               {"deflate", encoded("deflate", page), true, 500, 1, false},
		"a short first frame":        {"zstd", slices.Concat(encoded("zstd", png[:2]), skip(300_000), encoded("zstd", png[2:])), true, 500, 1, false},
		"an empty first frame":       {"zstd", slices.Concat(skip(300_000), encoded("zstd", photo)), true, 500, 1, false},
		"an empty first gzip member": {"gzip", slices.Concat(encoded("gzip", nil), encoded("gzip", photo)), false, 200, 2, false},
		"many empty gzip members":    {"gzip", slices.Concat(bytes.Repeat(encoded("gzip", nil), 9000), encoded("gzip", photo)), true, 500, 1, false},
	} {
		for _, typ := range []string{"text/html", "image/jpeg"} {
			if tc.passes && typ != "text/html" {
				continue
			}
			for _, chunk := range []int{1 << 30, 1000} {
				if typ == "image/jpeg" { // what says that it is a picture isn't asked for again
					tc.status, tc.runs = 500, 1
				}
				runs := 0
				w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", typ)
					body := photo
					if tc.obstinate || r.Header.Get("Accept-Encoding") != "identity" {
						w.Header().Set("Content-Encoding", tc.coding)
						body = tc.body
					}
					for c := range slices.Chunk(body, chunk) {
						if _, err := w.Write(c); err != nil {
							return
						}
					}
				}), "GET", "Accept-Encoding", "gzip, br, zstd, deflate")
				if w.Code != tc.status || runs != tc.runs || tc.passes != bytes.Equal(w.Body.Bytes(), tc.body) || tc.status == 200 && !tc.passes && w.Body.Len() != len(photo) ||
					strings.Contains(w.Body.String(), secret) {
					t.Errorf("%s, %s: got %d and %d bytes after %d runs, want %d after %d", name, typ, w.Code, w.Body.Len(), runs, tc.status, tc.runs)
				}
			}
		}
	}
}

// TestHeadCosts checks that HEAD costs the upstream a window and a HEAD, and has the header of GET.
func TestHeadCosts(t *testing.T) {
	h := redactor(t)
	photo := append(telling(), make([]byte, 4<<20)...)
	sent, methods := 0, ""
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		methods += r.Method + " "
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("X-Amz-Meta-Owner", secret)
		http.ServeContent(counting{w, &sent}, r, "", time.Time{}, bytes.NewReader(photo))
		return nil
	})
	w := plainly(h, next, "HEAD")
	if w.Code != 200 || methods != "GET HEAD " || sent > defaultWindow || w.Header().Get("X-Amz-Meta-Owner") != "" || w.Header().Get("Content-Length") != strconv.Itoa(len(photo)) {
		t.Errorf("got %d %v after %s with %d bytes", w.Code, w.Header(), methods, sent)
	}
}

// TestHeadHasTheHeaderOfGet checks a photo and a film, which lose what the store says of them, and what passes with all of it.
func TestHeadHasTheHeaderOfGet(t *testing.T) {
	for name, file := range map[string][]byte{
		"photo": telling(), "film": testimage.Film(false, 10, 500, secret), "sound": sound(), "song": song(), "page": []byte("<!DOCTYPE html><p>text"),
	} {
		for _, cache := range []int64{-1, 1 << 20} {
			h := provisioned(t, &Handler{Redact: true, Omit: []string{"Artist"}, Cache: cache})
			next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				w.Header().Set("Etag", `"1"`)
				w.Header().Set("X-Amz-Meta-Title", "a title")
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
				return nil
			})
			passes := name != "photo" && name != "film"
			get := plainly(h, next, "GET")
			if got := get.Body.Bytes(); bytes.Equal(got, file) != passes {
				t.Errorf("%s: the file passes: %v", name, !passes)
			}
			if part := plainly(h, next, "GET", "Range", "bytes=5-14"); passes && (part.Code != 206 || !bytes.Equal(part.Body.Bytes(), file[5:15])) {
				t.Errorf("%s: got %d and %q as a part", name, part.Code, part.Body)
			}
			for range 2 {
				head := plainly(h, next, "HEAD")
				if head.Code != get.Code || !reflect.DeepEqual(head.Header(), get.Header()) || head.Body.Len() > 0 {
					t.Errorf("%s: HEAD got %d %v, GET %d %v", name, head.Code, head.Header(), get.Code, get.Header())
				}
				if told := head.Header().Get("X-Amz-Meta-Title") != ""; told != passes {
					t.Errorf("%s: its title stays: %v", name, told)
				}
			}
		}
	}
}

// TestCopyOfAFileTellsItsError checks what a next handler that copies a file learns: no error at the file's end, and that of
// one that can't be read to its end.
func TestCopyOfAFileTellsItsError(t *testing.T) {
	broken := errors.New("broken")
	for name, file := range map[string][]byte{"photo": telling(), "sound": sound(), "page": []byte("<!DOCTYPE html><p>text"), "nothing": nil} {
		for _, want := range []error{nil, broken} {
			source := io.Reader(bytes.NewReader(file))
			if want != nil {
				source = io.MultiReader(source, iotest.ErrReader(want))
			}
			var n int64
			var err error
			w := plainly(redactor(t), caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
				n, err = io.Copy(w, struct{ io.Reader }{source})
				return nil
			}), "GET")
			if !errors.Is(err, want) || n != int64(len(file)) || w.Body.Len() != len(file) {
				t.Errorf("%s: got error %v after %d bytes, %d of them sent, want %v", name, err, n, w.Body.Len(), want)
			}
		}
	}
}

// TestNoBodyWhereNoneBelongs checks a photo after the header of a response that has no body, which not every server stops.
func TestNoBodyWhereNoneBelongs(t *testing.T) {
	for _, status := range []int{http.StatusSwitchingProtocols, http.StatusNoContent} {
		var err error
		w := plainly(redactor(t), caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(status)
			_, err = w.Write(telling())
			return nil
		}), "GET")
		if w.Code != status || w.Body.Len() > 0 || !errors.Is(err, http.ErrBodyNotAllowed) {
			t.Errorf("%d: got %d, %d bytes and error %v", status, w.Code, w.Body.Len(), err)
		}
	}
}

type counting struct {
	http.ResponseWriter
	n *int
}

func (c counting) Write(p []byte) (int, error) {
	*c.n += len(p)
	return c.ResponseWriter.Write(p)
}

// TestAlwaysAnotherObject checks that the runs for an object that never stays the same are bounded.
func TestAlwaysAnotherObject(t *testing.T) {
	h := provisioned(t, &Handler{Redact: true, Omit: []string{"Artist"}, Cache: -1})
	for _, method := range []string{"GET", "HEAD"} {
		for _, header := range [][]string{nil, {"Range", "bytes=5-50"}} {
			runs := 0
			w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Etag", fmt.Sprintf(`"%d"`, runs))
				if r.Header.Get("If-Match") != "" {
					w.WriteHeader(412)
					return
				}
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(tellingHEIF("heic", true)))
			}), method, header...)
			if w.Code == 206 || strings.Contains(w.Body.String(), secret) || runs > 2*maxRuns+2 {
				t.Errorf("%s %v: got %d after %d runs", method, header, w.Code, runs)
			}
		}
	}
}

// TestNextHandlersPanic checks that a panic of a next handler reaches the server, and tells nothing before.
func TestNextHandlersPanic(t *testing.T) {
	h := redactor(t)
	for _, value := range []any{http.ErrAbortHandler, "oops"} {
		for _, n := range []int{-1, 0, 1, 100, 20_000} {
			func() {
				w := httptest.NewRecorder()
				defer func() {
					if got := recover(); got != value {
						t.Errorf("%v after %d bytes: got %v", value, n, got)
					}
					if strings.Contains(w.Body.String(), secret) {
						t.Errorf("%v after %d bytes: tells", value, n)
					}
				}()
				r := httptest.NewRequest("GET", "/a.jpg", nil)
				_ = h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
					if n >= 0 {
						_, _ = w.Write(append(telling(), make([]byte, 1<<17)...)[:n])
					}
					panic(value)
				}))
			}()
		}
	}
}

// TestTrailersAndInformation checks that a redacted photo has no trailers, that 103 isn't passed on, and that others have theirs.
func TestTrailersAndInformation(t *testing.T) {
	h := redactor(t)
	for _, photo := range []bool{true, false} {
		runs := 0
		w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</"+secret+">")
			w.WriteHeader(103)
			w.Header().Del("Link")
			w.Header().Set("Trailer", "X-Sum")
			if photo {
				w.Header().Add("Trailer", "Link")
				_, _ = w.Write(telling())
				w.Header().Set("Link", "</"+secret+">") // a field that passes in a header
			} else {
				_, _ = w.Write([]byte("a text"))
			}
			w.Header().Set("X-Sum", secret)
			w.Header().Set(http.TrailerPrefix+"X-Other", secret)
		}), "GET")
		announced, other := w.Header().Get("X-Sum") != "", w.Header().Get(http.TrailerPrefix+"X-Other") != ""
		if announced == photo || other == photo || w.Code != 200 || w.Header().Get("Link") != "" {
			t.Errorf("photo %v: got %d %v", photo, w.Code, w.Header())
		}
	}
}

// TestClientGone checks that a request ends when its client goes, in each phase.
func TestClientGone(t *testing.T) {
	h := redactor(t)
	for phase := 1; phase <= 3; phase++ {
		ctx, cancel := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		runs := 0
		next := handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"1"`)
			if runs == phase {
				cancel()
				_, _ = w.Write(tellingHEIF("heic", true)[:100])
				panic(http.ErrAbortHandler)
			}
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(tellingHEIF("heic", true)))
		})
		func() {
			defer func() {
				if got := recover(); got != http.ErrAbortHandler { //nolint:errorlint // a panic's value
					t.Errorf("phase %d: got %v after %d runs", phase, got, runs)
				}
			}()
			r := httptest.NewRequest("GET", "/a.heic", nil).WithContext(ctx)
			_ = h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), next)
		}()
		cancel()
	}
}

// TestBuffersAreNotShared checks many requests at once, whose held windows come from one pool: each gets its own file.
func TestBuffersAreNotShared(t *testing.T) {
	h := redactor(t)
	files := map[string][]byte{
		"/last.heic": tellingHEIF("heic", true), "/first.avif": tellingHEIF("avif", false), "/photo.jpg": append(telling(), make([]byte, 100_000)...),
		"/page": []byte(strings.Repeat("a page ", 20_000)), "/song": sound(),
	}
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Etag", `"`+r.URL.Path[1:]+`"`)
		if r.URL.RawQuery == "fails" {
			_, _ = w.Write(files[r.URL.Path][:30_000])
			return caddyhttp.Error(500, nil)
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(files[r.URL.Path]))
		return nil
	})
	ask := func(path string, header ...string) string {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		_ = h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), next)
		return w.Body.String()
	}
	want := map[string]string{}
	for path := range files {
		want[path] = ask(path)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			for range 15 {
				for path := range files {
					whole := want[path]
					if got := ask(path + "?" + strconv.Itoa(random.IntN(9))); got != whole {
						t.Errorf("%s: got another file, or a mixture", path)
					}
					from := random.IntN(len(whole))
					if got := ask(path, "Range", fmt.Sprintf("bytes=%d-", from)); got != whole[from:] && got != whole {
						t.Errorf("%s from %d: got another file, or a mixture", path, from)
					}
					ask(path + "?fails")
				}
			}
		})
	}
	wg.Wait()
}

// TestHeaderOfPhotosWithoutBody checks responses that have nothing but the header of a photo, as stores answer some requests,
// and that other responses without a body keep their fields.
func TestHeaderOfPhotosWithoutBody(t *testing.T) {
	h := redactor(t)
	heic := tellingHEIF("heic", false)
	type fields = http.Header
	for name, tc := range map[string]struct {
		method string
		status int
		header fields
		body   string
		passes bool
	}{
		"a photo's tag":                  {"GET", 200, fields{"Etag": {`"1"`}}, "", false},
		"a photo's date":                 {"GET", 200, fields{"Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}}, "", false},
		"a photo's type":                 {"GET", 200, fields{"Content-Type": {"image/jpeg"}}, "", false},
		"no content":                     {"GET", 204, fields{"Etag": {`"1"`}}, "", false},
		"an error":                       {"GET", 500, fields{"Etag": {`"1"`}}, "", false},
		"a failed condition":             {"GET", 412, fields{"Content-Type": {"application/xml"}}, "<Error/>", false},
		"a range beyond the end":         {"GET", 416, fields{"Content-Type": {"application/xml"}}, "<Error/>", false},
		"an error that is returned":      {"GET", 0, fields{"Etag": {`"1"`}}, "", false},
		"a page without body":            {"GET", 200, fields{"Content-Type": {"text/html"}}, "", true},
		"a weak tag":                     {"GET", 200, fields{"Etag": {`W/"1"`}}, "", true},
		"no content, no tag":             {"GET", 204, fields{}, "", true},
		"a redirect":                     {"GET", 302, fields{"Location": {"/b"}}, "", true},
		"a failed condition of PUT":      {"PUT", 412, fields{}, "", true},
		"what PUT has made":              {"PUT", 204, fields{"Etag": {`"1"`}}, "", true},
		"what PATCH has made":            {"PATCH", 204, fields{"Etag": {`"1"`}}, "", true},
		"what DELETE has left":           {"DELETE", 204, fields{"Etag": {`"1"`}}, "", true},
		"a bad request":                  {"GET", 400, fields{"Etag": {`"1"`}}, "", false},
		"a photo's tag for POST":         {"POST", 200, fields{"Etag": {`"1"`}}, "", false},
		"a photo's type for QUERY":       {"QUERY", 200, fields{"Content-Type": {"image/jpeg"}}, "", false},
		"a remote call":                  {"POST", 200, fields{"Content-Type": {"application/grpc"}}, "", true},
		"an error page":                  {"GET", 404, fields{"Content-Type": {"text/html"}}, "not here", true},
		"a page for an error of a photo": {"GET", 403, fields{"Etag": {`"1"`}}, "no", false},
	} {
		for _, method := range []string{tc.method, "HEAD"} {
			if method == "HEAD" && tc.passes {
				continue
			}
			w := httptest.NewRecorder()
			r := httptest.NewRequest(method, "/a", nil)
			_ = h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
				maps.Copy(w.Header(), tc.header)
				w.Header().Set("X-Ms-Meta-Home", secret)
				w.Header().Set("Trailer", "X-Sum")
				if tc.status == 0 {
					return caddyhttp.Error(404, nil)
				}
				w.WriteHeader(tc.status)
				if tc.body != "" && method != "HEAD" {
					_, _ = io.WriteString(w, tc.body)
				}
				w.Header().Set(http.TrailerPrefix+"X-Other", secret)
				return nil
			}))
			if passes := w.Header().Get("X-Ms-Meta-Home") != "" || w.Header().Get(http.TrailerPrefix+"X-Other") != ""; passes != tc.passes || w.Body.String() != tc.body && method != "HEAD" {
				t.Errorf("%s, %s: got %d %v %q", name, method, w.Code, w.Header(), w.Body)
			}
			if !tc.passes && tc.status > 0 && w.Header().Get("Trailer") != "" {
				t.Errorf("%s, %s: got trailers", name, method)
			}
			if tag := w.Header().Get("Etag"); tc.status > 0 && strings.Contains(tag, "-exif") != (tc.header.Get("Etag") != "" && tc.status < 400) {
				t.Errorf("%s, %s: got ETag %q", name, method, tag)
			}
		}
	}
	w := plainly(h, photoHandler(heic, "Etag", `"1"`, "X-Ms-Meta-Home", secret), "GET", "Range", fmt.Sprintf("bytes=%d-", len(heic)))
	if w.Code != 416 || w.Header().Get("X-Ms-Meta-Home") != "" {
		t.Errorf("beyond the end of a HEIC: got %d %v", w.Code, w.Header())
	}
}

// TestLookTellsNothing checks that a range isn't passed on for a first window that is empty.
func TestLookTellsNothing(t *testing.T) {
	h := redactor(t)
	for _, status := range []int{200, 204, 206, 416} {
		runs := 0
		w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"1"`)
			if runs == 1 {
				w.WriteHeader(status)
				return
			}
			photo := telling()
			if r.Header.Get("Range") != "" {
				photo = photo[2:]
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 2-%d/*", len(photo)+1))
				w.WriteHeader(206)
			}
			_, _ = w.Write(photo)
		}), "GET", "Range", "bytes=2-")
		if w.Code != 200 || strings.Contains(w.Body.String(), secret) {
			t.Errorf("%d: got %d and %d bytes", status, w.Code, w.Body.Len())
		}
	}
}

// TestPartAsWhole checks that an upstream can't send a part as if it were the whole, so that the plan, which is about the
// whole, would let other bytes pass than it was made for.
func TestPartAsWhole(t *testing.T) {
	h := redactor(t)
	photo := tellingHEIF("heic", false)
	picture, exif := bytes.Index(photo, []byte("\xAB\xAB\xAB")), bytes.Index(photo, []byte(secret))
	runs := 0
	w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		if from := r.Header.Get("Range"); from != "" && !strings.HasPrefix(from, "bytes=0-") {
			_, _ = w.Write(photo[exif-picture:]) // the EXIF is where the picture should be
			return
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
	}), "GET", "Range", fmt.Sprintf("bytes=%d-", exif-picture))
	if w.Code != 200 || w.Body.Len() != len(photo) || strings.Contains(w.Body.String(), secret) {
		t.Errorf("got %d and %d bytes after %d runs", w.Code, w.Body.Len(), runs)
	}
}

// TestAcceptEncoding checks that the next handlers aren't asked for codings that can't be decoded.
func TestAcceptEncoding(t *testing.T) {
	h := redactor(t)
	for accepted, want := range map[string]string{
		"": "", "gzip, deflate, br, zstd": "gzip, br, zstd", "gzip;q=0.5 , dcb, dcz": "gzip;q=0.5", "deflate": "identity", "*": "identity", "x-gzip,identity;q=0": "x-gzip, identity;q=0",
	} {
		var header []string
		if accepted != "" {
			header = []string{"Accept-Encoding", accepted}
		}
		runs := 0
		plainly(h, handlerOf(&runs, func(_ http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Accept-Encoding"); got != want {
				t.Errorf("%s: got %q, want %q", accepted, got, want)
			}
		}), "GET", header...)
	}
}

// TestEventsBegin checks that a client learns at once that a stream of events has begun, before the first one, and that
// nothing follows if it is no stream of events after all.
func TestEventsBegin(t *testing.T) {
	h := redactor(t)
	for _, tc := range []struct {
		method, contentType, body string
		ahead, aborts             bool
	}{
		{"GET", "text/event-stream", "data: x\n\n", true, false},
		{"GET", "text/event-stream", string(telling()), true, true},
		{"CONNECT", "", "\x81\x05hello", true, false},
		{"CONNECT", "", string(telling()), true, true},
		{"GET", "text/plain", string(telling()), false, false},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(tc.method, "/a", nil)
		aborted := false
		func() {
			defer func() { aborted = recover() == http.ErrAbortHandler }() //nolint:errorlint // a panic's value
			_ = h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), caddyhttp.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) error {
				out.Header().Set("Content-Type", tc.contentType)
				out.Header().Set("X-Ms-Meta-Home", secret)
				out.Header().Set("X-Accel-Buffering", "no")
				out.WriteHeader(200)
				_ = http.NewResponseController(out).Flush()
				if w.Flushed != tc.ahead {
					t.Errorf("%s %s: flushed %v", tc.method, tc.contentType, w.Flushed)
				}
				_, _ = io.WriteString(out, tc.body)
				_ = http.NewResponseController(out).Flush()
				if !tc.aborts && tc.ahead && (w.Body.String() != tc.body || w.Header().Get("X-Accel-Buffering") != "no") {
					t.Errorf("%s %s: got %q", tc.method, tc.contentType, w.Body)
				}
				out.Header().Set(http.TrailerPrefix+"X-Other", secret)
				return nil
			}))
		}()
		if aborted != tc.aborts || tc.aborts && w.Body.Len() > 0 || strings.Contains(w.Body.String()+fmt.Sprint(w.Result().Header, w.Header()), secret) {
			t.Errorf("%s %s: aborted %v, got %d bytes, %v", tc.method, tc.contentType, aborted, w.Body.Len(), w.Header())
		}
	}
}

// TestCodedEventsStream checks that events leave as they are flushed, though they are compressed, and that a writer who
// flushes each byte doesn't cost a decoding each.
func TestCodedEventsStream(t *testing.T) {
	h := redactor(t)
	for _, coding := range []string{"", "gzip", "br", "zstd"} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/events", nil)
		_ = h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), caddyhttp.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) error {
			var body io.Writer = out
			if coding != "" {
				out.Header().Set("Content-Encoding", coding)
				out.Header().Set("Content-Type", "text/event-stream")
				out.Header().Set("Etag", `"1"`)
				body = encoders[coding](out)
				out.WriteHeader(200)
				_ = http.NewResponseController(out).Flush()
			}
			for i := range 3 {
				_, _ = io.WriteString(body, "data: an event\n\n")
				if f, ok := body.(interface{ Flush() error }); ok {
					_ = f.Flush()
				}
				_ = http.NewResponseController(out).Flush()
				head, _, err := codingOf(w.Header()).first(w.Body.Bytes(), 1000)
				if want := strings.Repeat("data: an event\n\n", i+1); string(head) != want || err != nil || !w.Flushed {
					t.Errorf("%q: got %q, want %q", coding, head, want)
				}
			}
			return nil
		}))
		if tag := w.Header().Get("Etag"); coding != "" && tag != h.full.mark.tag(`"1"`) {
			t.Errorf("%q: got the tag %s", coding, tag)
		}
	}
	runs := 0
	var photo bytes.Buffer
	z, _ := flate.NewWriter(&photo, flate.BestSpeed)
	_, _ = z.Write(telling())
	_ = z.Close()
	w := plainly(h, handlerOf(&runs, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Encoding", "deflate")
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(photo.Bytes())
	}), "GET")
	if w.Code != 500 || bytes.Contains(w.Body.Bytes(), photo.Bytes()[:20]) {
		t.Errorf("a photo in a coding that isn't known: got %d, %q", w.Code, w.Body)
	}
	body := encoded("br", bytes.Repeat([]byte("\x00"), 1<<20))
	start := time.Now()
	plainly(h, handlerOf(&runs, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		for range 4000 { // an unfinished coding
			_, _ = w.Write(body[:1])
			_ = http.NewResponseController(w).Flush()
		}
	}), "GET")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestRangeOfARefusedImage checks that no part of an image is sent that is refused as a whole.
func TestRangeOfARefusedImage(t *testing.T) {
	h := redactor(t)
	for _, method := range []string{"GET", "HEAD"} {
		for _, part := range []string{"bytes=0-", "bytes=9-20", "bytes=-5"} {
			if w := plainly(h, photoHandler(testimage.Samples()["photo.tif"]), method, "Range", part); w.Code != 403 {
				t.Errorf("%s %s: got %d", method, part, w.Code)
			}
		}
	}
}

// TestHeadOfAnotherObject checks that HEAD tells nothing of a photo that has taken the place of what was looked at.
func TestHeadOfAnotherObject(t *testing.T) {
	runs := 0
	w := plainly(redactor(t), handlerOf(&runs, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", fmt.Sprintf(`"%d"`, runs))
		if r.Method == http.MethodGet {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(sound()))
			return
		}
		w.Header().Set("X-Amz-Meta-Owner", secret)
	}), "HEAD")
	if w.Code != 200 || w.Header().Get("X-Amz-Meta-Owner") != "" || runs != 3 {
		t.Errorf("got %d %v after %d runs", w.Code, w.Header(), runs)
	}
}

// TestSmallPhotoOfUnknownLength checks that a photo that ends within the first window needs no second run.
func TestSmallPhotoOfUnknownLength(t *testing.T) {
	photo := tellingHEIF("heic", false)
	photo = photo[:bytes.Index(photo, []byte("free"))-4]
	runs := 0
	w := plainly(redactor(t), handlerOf(&runs, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(photo) }), "POST")
	if w.Code != 200 || w.Body.Len() != len(photo) || strings.Contains(w.Body.String(), secret) || runs != 1 {
		t.Errorf("got %d and %d bytes after %d runs", w.Code, w.Body.Len(), runs)
	}
}
