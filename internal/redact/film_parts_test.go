package redact

import (
	"bytes"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestFilmIsNoSound checks files that a look at the handlers of their tracks takes for sound, which passes unchanged, and
// that players show as films: FFmpeg, and so Chromium, heeds the last handler, or the coding if it doesn't know the handler.
func TestFilmIsNoSound(t *testing.T) {
	box, full := testimage.Box, testimage.FullBox
	film := func(brand string, more []byte, tracks ...[]byte) []byte {
		return cat(testimage.FileType(brand), box("moov", full("mvhd", 0, make([]byte, 96)), bytes.Join(tracks, nil), box("udta", []byte(slack))), more,
			box("mdat", make([]byte, 5000)))
	}
	var p places
	sound := slackTrack(&p, "", "soun", 1, slackSound(&p), 4, 1000)
	texts := func(entry []byte) []byte { return slackTrack(&p, "", "text", 2, entry, 4, 2000) }
	handler := func(typ string) []byte { return full("hdlr", 0, u32(0), []byte(typ), make([]byte, 13)) }
	again := bytes.Replace(sound, []byte("minf"), cat("minf", handler("vide")), 1)
	for _, at := range [][]byte{[]byte("minf"), []byte("mdia")} {
		i := bytes.Index(again, at) - 4
		be.PutUint32(again[i:], be.Uint32(again[i:])+uint32(len(handler("vide"))))
	}
	be.PutUint32(again, uint32(len(again)))
	for _, x := range []struct {
		name  string
		data  []byte
		sound bool
	}{
		{"sound", film("M4A ", nil, sound), true},
		{"an audiobook", film("M4B ", nil, sound, texts(box("text", make([]byte, 60)))), true},
		{"pictures with the handler of texts", film("M4A ", nil, sound, texts(slackPictures(&p))), false},
		{"two handlers", film("M4A ", nil, again), false},
		{"a second index", film("M4A ", box("moov", sound), sound), false},
		{"the brand of a film", film("mp42", nil, sound), false},
	} {
		plan, err := New(bytes.NewReader(x.data), "mp4", &Policy{})
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
		} else if plan.Unchanged() != x.sound {
			t.Errorf("%s: unchanged is %v", x.name, plan.Unchanged())
		}
	}
}

// TestSecondElementGoes checks Matroska's tracks that say twice what they are: FFmpeg takes the last, so texts could hide behind
// pictures.
func TestSecondElementGoes(t *testing.T) {
	number := func(id, v int) []byte { return ebml(id, []byte{byte(v)}) }
	entry := ebml(idTrackEntry, number(0xD7, 1), number(0xD7, 2), ebml(0x83, []byte("\x00\x00\x00\x00\x00\x00\x00\x01#")), number(0x83, 1), number(0x83, 17), ebml(0x86, []byte("V_VP8")), ebml(0x86, []byte("S_TEXT/UTF8")),
		ebml(0x6D80, ebml(0x6240, number(0x5031, 0)), ebml(0x6240, number(0x5031, 1)), ebml(0x6240, number(0x5033, 0), number(0x5033, 1))))
	data := cat(ebml(idEBML, ebml(0x4282, []byte("matroska"))), ebml(idSegment, ebml(idTracks, entry)))
	plan, err := New(bytes.NewReader(data), "mkv", &Policy{})
	if err != nil {
		t.Fatal(err)
	}
	got := redacted(t, plan, data)
	for _, x := range []struct {
		element []byte
		want    int
	}{
		{number(0xD7, 1), 1}, {number(0xD7, 2), 0}, {number(0x83, 1), 0}, {number(0x83, 17), 0}, {[]byte("V_VP8"), 1}, {[]byte("S_TEXT"), 0},
		{u16(0x6240), 3}, {number(0x5033, 0), 1}, {number(0x5033, 1), 0},
	} {
		if n := bytes.Count(got, x.element); n != x.want {
			t.Errorf("%q is there %d times, want %d", x.element, n, x.want)
		}
	}
}
