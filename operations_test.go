package caddyexif

import (
	"bytes"
	pixels "image"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/redact"
	"github.com/caddyexif/caddy-exif/internal/testgate"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// The operation under test, its suffix and its response: exif, unless TestOperations runs a test for another
// operation.
var (
	asking   = operations[0]
	suffix   = asking.suffix()
	iphone4S = exifOfIPhone // the response for iphone-4s.jpg
)

const exifOfIPhone = `{"Make":"Apple","Model":"iPhone 4S","Orientation":"1","XResolution":"72/1","YResolution":"72/1",` +
	`"ResolutionUnit":"2","YCbCrPositioning":"1","ExposureTime":"1/449"}`

// askFor sets the operation under test until t ends.
func askFor(t *testing.T, op *operation, photo []byte) {
	t.Helper()
	was, of := asking, iphone4S
	t.Cleanup(func() { asking, suffix, iphone4S = was, was.suffix(), of })
	asking, suffix = op, op.suffix()
	iphone4S = directly(t, op, photo)
}

// directly returns the decoder's result for a photo.
func directly(t testing.TB, op *operation, photo []byte) string {
	t.Helper()
	r := bytes.NewReader(photo)
	picture := func(find func(io.ReaderAt) (redact.Picture, error)) string {
		p, err := find(r)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := p.CopyTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	switch op.word {
	case "imageInfo":
		info, err := exif.ReadInfo(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(info.AppendJSON(nil, exif.Raw))
	case "thumbnail":
		return picture(redact.FindThumbnail)
	case "preview":
		return picture(redact.FindPreview)
	case iptcWord:
		b, err := appendIPTC(nil, r, new(exif.Options))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	m, err := exif.Decode(r, new(exif.Options))
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.AppendJSON(nil, new(exif.Options))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// phone returns testdata/iphone-4s.jpg with a thumbnail, and with more segments.
func phone(more ...[]byte) []byte {
	b := testimage.Phone()
	b.Thumbnail = testimage.JPEG(testimage.Gradient(160, 120))
	b.IFD1 = []testimage.Entry{testimage.Long(0x0201, 0), testimage.Long(0x0202, uint32(len(b.Thumbnail)))}
	return testimage.JPEG(testimage.Gradient(64, 48), append([][]byte{testimage.EXIFSegment(b.Encode())}, more...)...)
}

// iphone returns iphone-4s.jpg for the operation under test.
func iphone() []byte { return iphoneFor(asking) }

// iphoneFor returns iphone-4s.jpg for an operation: for exif the file of testdata, for others one with a thumbnail, and
// for iptc with XMP that tells who took it.
func iphoneFor(op *operation) []byte {
	switch op.word {
	case "exif":
		return testimage.Samples()["iphone-4s.jpg"]
	case iptcWord:
		const creator = `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/">` +
			`<rdf:Description><dc:creator><rdf:Seq><rdf:li>Jo Doe</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF>`
		return phone(testimage.Segment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00"+creator)))
	}
	return phone()
}

// TestOperations runs the tests that hold for all operations with each operation other than exif.
func TestOperations(t *testing.T) {
	for _, op := range operations[1:] {
		t.Run(op.word, func(t *testing.T) {
			if op.word != "imageInfo" {
				testgate.Slow(t)
			}
			askFor(t, op, iphoneFor(op))
			for name, test := range map[string]func(*testing.T){
				"TestContract": TestContract, "TestGuardHoldsForEveryPath": TestGuardHoldsForEveryPath, "TestBeforeEachHandler": TestBeforeEachHandler,
				"TestConditions": TestConditions, "TestCachedResponseNeedsPermission": TestCachedResponseNeedsPermission, "TestUpstreamsThatLie": TestUpstreamsThatLie,
				"TestUnixSocket": TestUnixSocket, "TestOptionsTellNothing": TestOptionsTellNothing,
				"TestFolderUnderPrefix": TestFolderUnderPrefix, "TestRewrittenBefore": TestRewrittenBefore,
				"TestNothingPrivateInLog": TestNothingPrivateInLog, "TestAlreadyDeniedReadsNothing": TestAlreadyDeniedReadsNothing,
			} {
				t.Run(name, test)
			}
		})
	}
}

// TestOperationsAreOff checks that a handler passes on requests for operations that aren't enabled, exif
// included.
func TestOperationsAreOff(t *testing.T) {
	for _, tc := range []struct {
		enabled []string
		words   []string
	}{
		{nil, []string{"exif"}},
		{[]string{"exif"}, []string{"exif"}},
		{[]string{"thumbnail", "imageInfo"}, []string{"imageInfo", "thumbnail"}},
	} {
		h := provisioned(t, &Handler{Operations: tc.enabled})
		for _, op := range operations {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/a.jpg"+op.suffix(), nil)
			passed := false
			err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
				passed = strings.HasSuffix(r.URL.Path, op.suffix())
				return nil
			}))
			if err != nil || passed == slices.Contains(tc.words, op.word) {
				t.Errorf("%v: %s: passed on: %v, %v", tc.enabled, op.word, passed, err)
			}
		}
	}
}

// largePreview returns a TIFF with a JPEG of some hundred kilobytes in it, which is streamed.
func largePreview() []byte {
	noise := pixels.NewGray(pixels.Rect(0, 0, 1200, 800))
	rng := rand.NewChaCha8([32]byte{})
	_, _ = rng.Read(noise.Pix)
	b := testimage.Full()
	b.Thumbnail = testimage.JPEG(noise, testimage.Segment(0xFE, []byte("a comment")))
	b.IFD1 = []testimage.Entry{testimage.Long(0x0201, 0), testimage.Long(0x0202, uint32(len(b.Thumbnail)))}
	return b.Encode()
}

// TestLargePictureIsStreamed requests a picture that is too large for the cache, and checks that it is cut off
// if the object can't be read to its end.
func TestLargePictureIsStreamed(t *testing.T) {
	photo := largePreview()
	h := provisioned(t, &Handler{Operations: []string{"preview"}, MaxRead: 64 << 10, Window: 64 << 10})
	askFor(t, operations[4], photo)
	want := iphone4S
	if len(want) < 4*maxCachedPicture {
		t.Fatalf("the preview is of %d bytes", len(want))
	}
	for range 2 {
		got := request(t, h, photoHandler(photo), "GET")
		if got.Code != 200 || got.Body.String() != want || got.Header().Get("Content-Length") != strconv.Itoa(len(want)) ||
			got.Header().Get("Content-Type") != "image/jpeg" || !strings.HasPrefix(got.stats, "miss tiff") {
			t.Errorf("got %d and %d bytes of %d, %v, %s", got.Code, got.Body.Len(), len(want), got.Header(), got.stats)
		}
		if h.cache.c.EstimatedSize() != 0 {
			t.Error("it is in the cache")
		}
		tag := got.Header().Get("Etag")
		if again := request(t, h, photoHandler(photo), "GET", "If-None-Match", tag); again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("asked again: got %d", again.Code)
		}
		if head := request(t, h, photoHandler(photo), "HEAD"); head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Length") != strconv.Itoa(len(want)) {
			t.Errorf("HEAD: got %d %v", head.Code, head.Header())
		}
	}

	// the object is deleted or replaced halfway
	for _, tag := range []string{`"2"`, ""} {
		runs := 0
		next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if runs++; runs > 2 {
				if tag == "" {
					return caddyhttp.Error(http.StatusNotFound, nil)
				}
				return photoHandler(photo, "Etag", tag)(w, r)
			}
			return photoHandler(photo)(w, r)
		})
		func() {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a panic's value
					t.Errorf("ended with %v", p)
				}
			}()
			request(t, h, next, "GET")
		}()
	}
}

// TestThumbnailItem requests the thumbnail item of a HEIF, small enough for the cache or not. Its type is its own, with a
// GET, a HEAD and from the cache, also where the photo itself is redacted.
func TestThumbnailItem(t *testing.T) {
	for typ, contentType := range map[string]string{"hvc1": "image/heic", "av01": "image/avif"} {
		small := testimage.Coded(typ)
		large := testimage.Coded("hvc1")
		large.Data = append([]byte{0, 1, 0x80, 0, 0x28, 1}, make([]byte, 0x18000-2)...) // a unit of 96 KiB
		for _, item := range []testimage.Item{small, large} {
			if item.Type != typ {
				continue
			}
			photo := testimage.HEIFThumbnails(testimage.Item{Type: typ, Properties: small.Properties[1:2]}, 1, item)
			askFor(t, operations[3], photo)
			want := iphone4S
			for _, redacted := range []bool{false, true} {
				h := provisioned(t, &Handler{Operations: []string{"thumbnail", "preview"}, Redact: redacted})
				cached := "hit"
				if len(want) > maxCachedPicture {
					cached = "miss"
				}
				for i, cache := range []string{"miss", cached} {
					got := request(t, h, photoHandler(photo), "GET")
					if got.Code != 200 || got.Body.String() != want || got.Header().Get("Content-Type") != contentType || !strings.HasPrefix(got.stats, cache+" heif") {
						t.Errorf("%s, request %d: got %d, %d bytes of %d, %v, %s", typ, i, got.Code, got.Body.Len(), len(want), got.Header(), got.stats)
					}
					tag := got.Header().Get("Etag")
					head := request(t, h, photoHandler(photo), "HEAD")
					if head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Length") != strconv.Itoa(len(want)) ||
						head.Header().Get("Content-Type") != contentType || head.Header().Get("Etag") != tag {
						t.Errorf("%s: HEAD: got %d %v", typ, head.Code, head.Header())
					}
					if again := request(t, h, photoHandler(photo), "GET", "If-None-Match", tag); again.Code != 304 || again.Body.Len() > 0 {
						t.Errorf("%s: asked again: got %d", typ, again.Code)
					}
				}
			}
		}
		askFor(t, operations[3], testimage.HEIFThumbnails(testimage.Item{Type: typ, Properties: small.Properties[1:2]}, 1, small))
		suffix = operations[4].suffix()
		h := provisioned(t, &Handler{Operations: []string{"preview"}})
		if got := request(t, h, photoHandler(testimage.HEIFThumbnails(testimage.Item{Type: typ, Properties: small.Properties[1:2]}, 1, small)), "GET"); got.Code != 404 || !strings.Contains(got.Body.String(), "NoThumbnail") {
			t.Errorf("%s: preview: got %d %s", typ, got.Code, got.Body)
		}
	}
}

// TestOperationsOnCorpus requests each operation on real photos, whole and truncated. The status must be 200,
// 400 or 404, and the body as long as announced.
func TestOperationsOnCorpus(t *testing.T) {
	corpus := os.Getenv("EXIF_CORPUS")
	if corpus == "" {
		t.Skip("EXIF_CORPUS names no folder of real photos")
	}
	h := provisioned(t, &Handler{Operations: operationWords(), Cache: -1})
	counts := map[string]int{}
	err := filepath.WalkDir(corpus, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, ".jsonl") {
			return err
		}
		photo, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, n := range []int{len(photo), len(photo) * 2 / 3, len(photo) / 3, len(photo) / 20} {
			for _, op := range operations {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				w := httptest.NewRecorder()
				w.Body = nil // the recorder's memory isn't the handler's
				r := httptest.NewRequest(http.MethodGet, "/photo.jpg"+op.suffix(), nil)
				err := h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), photoHandler(photo[:n]))
				runtime.ReadMemStats(&after)
				if err != nil || w.Code != 200 && w.Code != 400 && w.Code != 404 || w.Code == 404 && op.contentType == jsonType {
					t.Errorf("%s, %d bytes: %s: got %d, %v", name, n, op.word, w.Code, err)
				}
				if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
					t.Errorf("%s, %d bytes: %s: allocated %d KiB", name, n, op.word, took>>10)
				}
				counts[op.word+" "+strconv.Itoa(w.Code)]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(counts)
	if counts["thumbnail 200"] == 0 || counts["preview 200"] == 0 || counts["imageInfo 200"] == 0 {
		t.Error("the test proves nothing")
	}
}
