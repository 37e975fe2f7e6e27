package caddyexif

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/redact"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestDecide checks what becomes of a response by its status, its header and its first bytes.
func TestDecide(t *testing.T) {
	const (
		jpeg = "\xFF\xD8\xFF\xE0 and so on"
		tiff = "II*\x00\x08\x00\x00\x00"
		text = "GARBAGE, and so on"
	)
	heic := string(new(testimage.HEIF).Encode()[:32])
	rangeOf := func(r string) http.Header { return http.Header{"Content-Range": {r}} }
	typed := func(types ...string) http.Header { return http.Header{"Content-Type": types} }
	coded := func(codings ...string) http.Header { return http.Header{"Content-Encoding": codings} }
	repeatable := facts{repeatable: true}
	ranged := facts{repeatable: true, ranged: true, same: true}
	planned := facts{repeatable: true, ranged: true, same: true, planned: "heif", matched: true}
	changed := facts{repeatable: true, ranged: true, planned: "heif", matched: true}
	with := func(r facts, change func(*facts)) facts { change(&r); return r }
	for _, tc := range []struct {
		name   string
		facts  facts
		status int
		header http.Header
		head   string
		verb   verb
		err    error
	}{
		// the first bytes count
		{"a photo", repeatable, 200, nil, jpeg, redactWhole, nil},
		{"a HEIC", repeatable, 200, nil, heic, redactWhole, nil},
		{"a photo called text", repeatable, 200, typed("text/plain"), jpeg, redactWhole, nil},
		{"a photo for POST", facts{}, 200, nil, jpeg, redactWhole, nil},
		{"a photo as an error page", repeatable, 404, nil, jpeg, redactWhole, nil},
		{"a photo with 203", repeatable, 203, nil, jpeg, redactWhole, nil},
		{"a photo with 205", repeatable, 205, nil, jpeg, redactWhole, nil},
		{"a photo with 503", repeatable, 503, nil, jpeg, redactWhole, nil},
		{"a TIFF", repeatable, 200, nil, tiff, refuse, errNotRedactable},
		{"a TIFF called text", repeatable, 404, typed("text/html"), tiff, refuse, errNotRedactable},
		{"a photo in a .gz", repeatable, 200, typed("application/gzip"), inGzip(jpeg), refuse, errNotRedactable},
		{"a TIFF coded three times", repeatable, 200, coded("gzip"), inGzip(inGzip(tiff)), refuse, errNotRedactable},
		{"a HEIC in a .zst", repeatable, 200, nil, inZstd(heic), refuse, errNotRedactable},
		{"a JPEG in a .br", repeatable, 200, typed("application/octet-stream"), inBrotli(jpeg + text), refuse, errNotRedactable},
		{"text in a .br", repeatable, 200, nil, inBrotli(text), pass, nil},
		{"a .gz whose name is longer than what is looked at", repeatable, 200, nil, "\x1F\x8B\x08\x08\x00\x00\x00\x00\x00\x00" + strings.Repeat("n", redact.SniffLen-10), refuse, errNotRedactable},
		{"a .zst behind a frame to skip", repeatable, 200, nil, "\x5F\x2A\x4D\x18\x05\x00\x00\x00skip!" + inZstd(jpeg), refuse, errNotRedactable},
		{"a .zst behind a frame to skip that goes on", repeatable, 200, nil, "\x50\x2A\x4D\x18\x00\x10\x00\x00" + strings.Repeat("\x00", redact.SniffLen-8), refuse, errNotRedactable},
		{"a .gz of which more can be held", with(repeatable, func(r *facts) { r.more = true }), 200, nil, "\x1F\x8B\x08\x08\x00\x00\x00\x00\x00\x00" + strings.Repeat("n", redact.SniffLen-10), wantMore, nil},
		{"a page of which more can be held", with(repeatable, func(r *facts) { r.more = true }), 200, nil, strings.Repeat("a page ", redact.SniffLen), pass, nil},
		{"a .gz of a page of which more can be held", with(repeatable, func(r *facts) { r.more = true }), 200, nil, inGzip(strings.Repeat("a page ", redact.SniffLen)), pass, nil},
		{"a photo of which more can be held", with(repeatable, func(r *facts) { r.more = true }), 200, nil, jpeg, redactWhole, nil},
		{"a photo in more codings than anyone needs", repeatable, 200, nil, inGzip(inGzip(inGzip(inGzip(inGzip(text))))), refuse, errNotRedactable},
		{"zeros", repeatable, 200, nil, strings.Repeat("\x00", redact.SniffLen), pass, nil},
		{"bytes of no coding", repeatable, 200, nil, "\xA0\x01\x02\xFF" + text, pass, nil},
		{"text in a .gz", repeatable, 200, typed("application/gzip"), inGzip(text), pass, nil},
		{"a .gz that can't be decoded", repeatable, 200, nil, "\x1F\x8B\x08" + text, refuse, errNotRedactable},
		{"text", repeatable, 200, typed("text/html"), text, pass, nil},
		{"text of no type", repeatable, 200, nil, text, pass, nil},
		{"an error", repeatable, 404, nil, text, pass, nil},
		{"nothing", repeatable, 200, typed("image/jpeg"), "", pass, nil},
		// what claims to be a picture must be one
		{"an unknown image", repeatable, 200, typed("image/x-new"), text, refuse, errNotRedactable},
		{"an unknown video", repeatable, 200, typed("video/x-new"), text, refuse, errNotRedactable},
		{"an unknown image in capitals", repeatable, 200, typed("IMAGE/X-New; q=1"), text, refuse, errNotRedactable},
		{"an unknown image, second field", repeatable, 200, typed("text/html", "image/x-new"), text, refuse, errNotRedactable},
		{"an unknown image, second in the field", repeatable, 200, typed("text/html, image/x-new"), text, refuse, errNotRedactable},
		{"an unknown image as an error page", repeatable, 500, typed("image/x-new"), text, refuse, errNotRedactable},
		{"SVG", repeatable, 200, typed("image/svg+xml"), "<svg/>", pass, nil},
		{"SVG that isn't recognized", repeatable, 200, typed("image/svg+xml"), text, pass, nil},
		{"SVG that is a photo", repeatable, 200, typed("image/svg+xml"), jpeg, redactWhole, nil},
		{"MPEG-TS", repeatable, 200, typed("video/mp2t"), "G@\x00\x10", pass, nil},
		{"several photos", repeatable, 200, typed("Multipart/X-Mixed-Replace;boundary=a"), "--a", refuse, errNotRedactable},
		{"several parts", repeatable, 200, typed("multipart/byteranges; boundary=a"), "--a", refuse, errNotRedactable},
		{"an event", repeatable, 200, typed("text/event-stream"), "data: x", pass, nil},
		{"a photo as an event", repeatable, 200, typed("text/event-stream"), jpeg, redactWhole, nil},
		{"a photo after a warning", repeatable, 200, typed("text/html"), "<b>Warning</b>\n" + jpeg, refuse, errNotRedactable},
		{"several photos, not yet begun", repeatable, 200, typed("multipart/x-mixed-replace"), "", refuse, errNotRedactable},
		// codings
		{"a coded photo", repeatable, 200, coded("gzip"), jpeg, againPlain, nil},
		{"a photo in x-gzip", repeatable, 200, coded("X-GZIP"), jpeg, againPlain, nil},
		{"a coded photo of its type", repeatable, 200, http.Header{"Content-Encoding": {"br"}, "Content-Type": {"image/jpeg"}}, jpeg, refuse, object.ErrEncoded},
		{"a coded photo, though none was asked for", with(repeatable, func(r *facts) { r.identity = true }), 200, coded("zstd"), jpeg, refuse, object.ErrEncoded},
		{"a coded photo for POST", facts{}, 200, coded("zstd"), jpeg, refuse, object.ErrEncoded},
		{"a coded TIFF", repeatable, 200, coded("gzip"), tiff, refuse, errNotRedactable},
		{"coded text", repeatable, 200, coded("br"), text, pass, nil},
		{"a photo in no coding", repeatable, 200, coded("identity", ""), jpeg, redactWhole, nil},
		{"what can't be decoded", with(repeatable, func(r *facts) { r.broken = true }), 200, coded("gzip"), "", refuse, object.ErrEncoded},
		// statuses
		{"101", repeatable, 101, nil, "", passEmpty, nil},
		{"204", repeatable, 204, nil, "", passEmpty, nil},
		{"304", repeatable, 304, nil, "", needCondition, nil},
		{"412 of the client's", repeatable, 412, nil, text, pass, nil},
		{"412 of ours", changed, 412, nil, "", againAnew, nil},
		{"416", ranged, 416, rangeOf("bytes */9"), "", pass, nil},
		{"416 with a photo", ranged, 416, rangeOf("bytes */9"), jpeg, redactWhole, nil},
		// parts
		{"206 unasked", repeatable, 206, rangeOf("bytes 0-9/10"), text, refuse, object.ErrUnusable},
		{"206 unasked of what was seen", with(ranged, func(r *facts) { r.ranged = false }), 206, rangeOf("bytes 5-9/10"), text, refuse, object.ErrUnusable},
		{"200 with a part, unasked", repeatable, 200, rangeOf("bytes 5-9/10"), text, refuse, object.ErrUnusable},
		{"200 with a part in the second field, unasked", repeatable, 200, http.Header{"Content-Range": {"", "bytes 5-9/10"}}, text, refuse, object.ErrUnusable},
		{"404 with a part, unasked", repeatable, 404, rangeOf("bytes 5-9/10"), text, refuse, object.ErrUnusable},
		{"a part", ranged, 206, rangeOf("bytes 5-9/10"), "", passPart, nil},
		{"a part with 200", ranged, 200, rangeOf("bytes 5-9/10"), "", passPart, nil},
		{"the first part", ranged, 206, rangeOf("bytes 0-9/10"), text, pass, nil},
		{"the first part, a photo after all", ranged, 206, rangeOf("bytes 0-9/10"), jpeg, againWhole, nil},
		{"the first part with 200, a photo after all", ranged, 200, rangeOf("bytes 0-9/10"), jpeg, againWhole, nil},
		{"a coded part", ranged, 206, http.Header{"Content-Range": {"bytes 5-9/10"}, "Content-Encoding": {"br"}}, "", againWhole, nil},
		{"a part of another object", with(ranged, func(r *facts) { r.same = false }), 206, rangeOf("bytes 5-9/10"), "", againAnew, nil},
		{"a part with 200 of another object", with(ranged, func(r *facts) { r.same = false }), 200, rangeOf("bytes 5-9/10"), "", againAnew, nil},
		{"a part for an If-Range of others", with(ranged, func(r *facts) { r.otherRange = true }), 206, rangeOf("bytes 5-9/10"), "", againWhole, nil},
		{"all, though a part was asked for", ranged, 200, nil, text, pass, nil},
		{"all of a photo, though a part was asked for", ranged, 200, nil, jpeg, redactWhole, nil},
		// plans
		{"a part with a plan", planned, 206, rangeOf("bytes 5-9/10"), "", redactPart, nil},
		{"the first part with a plan", planned, 206, rangeOf("bytes 0-9/10"), "", redactPart, nil},
		{"a part with 200 and a plan", planned, 200, rangeOf("bytes 5-9/10"), "", redactPart, nil},
		{"all with a plan", planned, 200, nil, heic, redactPart, nil},
		{"a part with a plan, as if it were all", planned, 200, nil, text, againAnew, nil},
		{"another format than the plan's", planned, 200, nil, jpeg, againAnew, nil},
		{"coded with a plan", planned, 200, coded("br"), heic, againPlain, nil},
		{"a part, changed", changed, 206, rangeOf("bytes 5-9/10"), "", againAnew, nil},
		{"all, changed", changed, 200, nil, "", againAnew, nil},
		{"an error with a plan", planned, 404, nil, text, pass, nil},
		{"a photo as an error page with a plan", planned, 404, nil, jpeg, redactWhole, nil},
		// If-Match of what another client gets
		{"another client's If-Match", with(planned, func(r *facts) { r.otherMatch = true }), 200, nil, "", refuse, errPrecondition},
		{"another client's If-Match with PUT", facts{otherMatch: true}, 204, nil, "", passEmpty, nil},
		{"another client's If-Match, and an error", with(repeatable, func(r *facts) { r.otherMatch = true }), 404, nil, text, pass, nil},
	} {
		r := tc.facts
		r.status, r.header, r.head = tc.status, tc.header, []byte(tc.head)
		if got := decide(r); got.verb != tc.verb || !errors.Is(got.err, tc.err) {
			t.Errorf("%s: got verb %d and error %v, want %d and %v", tc.name, got.verb, got.err, tc.verb, tc.err)
		}
		if _, ok := early(r); ok {
			r.head = nil
			if got := decide(r); got.verb != tc.verb {
				t.Errorf("%s: decided early, but otherwise than with the first bytes", tc.name)
			}
		}
	}
}

// TestSeen checks when two responses are certainly about the same version of an object.
func TestSeen(t *testing.T) {
	at := object.Left{Path: "/a"}
	strong, weak := seen{`"1"`, "", 9, at}, seen{`W/"1"`, "", 9, at}
	dated := seen{"", "Mon", 9, at}
	change := func(s seen, f func(*seen)) seen { f(&s); return s }
	for name, tc := range map[string]struct {
		a, b             seen
		is, alike, lasts bool
	}{
		"nothing known":              {seen{}, seen{}, false, true, false},
		"a strong tag":               {strong, strong, true, true, true},
		"another tag":                {strong, change(strong, func(s *seen) { s.tag = `"2"` }), false, false, true},
		"another size":               {strong, change(strong, func(s *seen) { s.size = 8 }), false, true, true},
		"a size of 0":                {strong, change(strong, func(s *seen) { s.size = 0 }), false, true, true},
		"a size of 0 before":         {change(strong, func(s *seen) { s.size = 0 }), strong, false, true, true},
		"a size that isn't known":    {strong, change(strong, func(s *seen) { s.size = -1 }), true, true, true},
		"nor before":                 {change(strong, func(s *seen) { s.size = -1 }), strong, true, true, true},
		"another user":               {strong, change(strong, func(s *seen) { s.left.User = "b" }), false, false, true},
		"a weak tag":                 {weak, weak, false, true, false},
		"a date":                     {dated, dated, true, true, true},
		"another date":               {dated, change(dated, func(s *seen) { s.modified = "Tue" }), false, false, true},
		"a date and another size":    {dated, change(dated, func(s *seen) { s.size = 8 }), false, true, true},
		"a weak tag and a date":      {change(weak, func(s *seen) { s.modified = "Mon" }), change(weak, func(s *seen) { s.modified = "Mon" }), true, true, true},
		"a tag, and another date":    {change(strong, func(s *seen) { s.modified = "Mon" }), strong, false, false, true},
		"a date and an unknown size": {dated, change(dated, func(s *seen) { s.size = -1 }), false, true, true},
	} {
		if is, alike, lasts := tc.a.is(tc.b), tc.a.alike(tc.b), tc.a.lasts(); is != tc.is || alike != tc.alike || lasts != tc.lasts {
			t.Errorf("%s: got %v %v %v", name, is, alike, lasts)
		}
	}
}

// TestParseRange checks which Range fields are passed on, and where the part begins that they ask for.
func TestParseRange(t *testing.T) {
	for field, start := range map[string]int64{
		"bytes=0-": 0, "bytes=5-9": 5, "bytes=9-5": 9, "bytes=-10": 90, "bytes=-1000": 0, "bytes=-0": 100, "bytes= 5 - 9": 5,
	} {
		if r, ok := parseRange([]string{field}); !ok || r.start(100) != start {
			t.Errorf("%s: got %v %d, want %d", field, ok, r.start(100), start)
		}
	}
	for _, field := range [][]string{
		nil, {""}, {"bytes=0-1,5-6"}, {"bytes=0-1", "bytes=5-6"}, {"lines=0-1"}, {"bytes=-"}, {"bytes=a-"}, {"bytes=1-b"}, {"bytes=--5"}, {"bytes=1"}, {"bytes=1-99999999999999999999"},
	} {
		if _, ok := parseRange(field); ok {
			t.Errorf("%q is passed on", field)
		}
	}
	if r, _ := parseRange([]string{"bytes=-5"}); r.start(-1) != -1 {
		t.Error("the last bytes of an unknown size have a start")
	}
}

func inGzip(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	w.Close()
	return b.String()
}

func inBrotli(text string) string {
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.String()
}

func inZstd(text string) string {
	w, _ := zstd.NewWriter(nil)
	return string(w.EncodeAll([]byte(text), nil))
}
