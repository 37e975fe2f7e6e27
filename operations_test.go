package caddyexif

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// What the tests that use suffix and iphone4S ask for: exif, unless TestOperations runs them for another
// operation.
var (
	asking   = operations[0]
	suffix   = asking.suffix()
	iphone4S = exifOfIPhone // what is answered for iphone-4s.jpg
)

const exifOfIPhone = `{"Make":"Apple","Model":"iPhone 4S","Orientation":"1","XResolution":"72/1","YResolution":"72/1",` +
	`"ResolutionUnit":"2","YCbCrPositioning":"1","ExposureTime":"1/449"}`

// askFor has the tests ask for an operation until t ends.
func askFor(t *testing.T, op *operation, photo []byte) {
	t.Helper()
	was, of := asking, iphone4S
	t.Cleanup(func() { asking, suffix, iphone4S = was, was.suffix(), of })
	asking, suffix = op, op.suffix()
	iphone4S = directly(t, op, photo)
}

// directly is what the decoder makes of a photo.
func directly(t testing.TB, op *operation, photo []byte) string {
	t.Helper()
	r := bytes.NewReader(photo)
	picture := func(find func(io.ReaderAt) (exif.Picture, error)) string {
		p, err := find(r)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if _, err := p.WriteTo(&b); err != nil {
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
		return picture(exif.FindThumbnail)
	case "preview":
		return picture(exif.FindPreview)
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

// phone is testdata/iphone-4s.jpg with a thumbnail.
func phone() []byte {
	b := testimage.Phone()
	b.Thumbnail = testimage.JPEG(testimage.Gradient(160, 120))
	return testimage.JPEG(testimage.Gradient(64, 48), testimage.EXIFSegment(b.Encode()))
}

// TestOperations has the tests of what holds for EXIF hold for each other operation.
func TestOperations(t *testing.T) {
	for _, op := range operations[1:] {
		t.Run(op.word, func(t *testing.T) {
			askFor(t, op, phone())
			for name, test := range map[string]func(*testing.T){
				"TestContract": TestContract, "TestNoWayRound": TestNoWayRound, "TestBehind": TestBehind,
				"TestConditions": TestConditions, "TestCache": TestCache, "TestUpstreamsThatLie": TestUpstreamsThatLie,
				"TestRulesSeeWhatNextHandlersFoundOut": TestRulesSeeWhatNextHandlersFoundOut,
				"TestUnixSocket":                       TestUnixSocket, "TestOptionsTellNothing": TestOptionsTellNothing,
				"TestFolderUnderPrefix": TestFolderUnderPrefix, "TestRewrittenBefore": TestRewrittenBefore,
				"TestNothingPrivateInLog": TestNothingPrivateInLog, "TestDeniedEarlyReadsNothing": TestDeniedEarlyReadsNothing,
			} {
				t.Run(name, test)
			}
		})
	}
}

// TestOperationsAreOff has a handler pass on what isn't among its operations, EXIF included.
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
