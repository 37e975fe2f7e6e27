package redact

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestPNGChunks has which chunks stay, and with how much data. A chunk with more goes, since its rest could be
// anything.
func TestPNGChunks(t *testing.T) {
	const unlimited = -1
	for typ, most := range map[string]int{
		"tRNS": 256, "cHRM": 32, "gAMA": 4, "iCCP": unlimited, "sBIT": 4, "sRGB": 1, "cICP": 4, "mDCV": 24, "cLLI": 8, "bKGD": 6, "hIST": 512, "pHYs": 9,
		"acTL": 8, "fcTL": 26, "fdAT": unlimited, "PLTE": 768,
		"tIME": 0, "sPLT": 0, "tEXt": 0, "zTXt": 0, "iTXt": 0, "eXIf": 0, "caBX": 0, "prVt": 0, "ABCD": 0,
	} {
		for _, n := range []int{most, most + 1} {
			if most == unlimited {
				n = 100000
			}
			chunk := testimage.PNGChunk(typ, bytes.Repeat([]byte("x"), n))
			data := testimage.PNG(testimage.Gradient(8, 8), chunk, nil)
			got := redact(t, data, &Policy{}, 0)
			want := chunk
			if most != unlimited && (most == 0 || n > most) {
				want = testimage.PNGChunk("juNk", make([]byte, n))
			}
			if at := bytes.Index(data, chunk); !bytes.Equal(got[at:at+len(chunk)], want) {
				t.Errorf("%s of %d bytes: got %q", typ, n, got[at:at+min(len(chunk), 20)])
			}
		}
	}
}

// TestWebPChunks has which chunks stay, and how much of them. The others become JUNK of zeros.
func TestWebPChunks(t *testing.T) {
	const hidden = "HIDDEN"
	rc := testimage.RIFFChunk
	canvas := "\x00\x00\x00\x00\x07\x00\x00\x07\x00\x00"
	picture := string(testimage.VP8L())
	frame := strings.Repeat("\x01", 16)
	for _, tt := range []struct{ name, typ, data, want string }{
		{"VP8X", "VP8X", "\x3E" + canvas[1:], "\x3A" + canvas[1:]},
		{"VP8X and rest", "VP8X", "\x2C" + canvas[1:] + hidden, "\x28" + canvas[1:] + "\x00\x00\x00\x00\x00\x00"},
		{"VP8X, cut off", "VP8X", canvas[1:], ""},
		{"ANIM", "ANIM", "\x01\x02\x03\x04\x05\x00", "\x01\x02\x03\x04\x05\x00"},
		{"ANIM and rest", "ANIM", "\x01\x02\x03\x04\x05\x00" + hidden, "\x01\x02\x03\x04\x05\x00\x00\x00\x00\x00\x00\x00"},
		{"ICCP", "ICCP", "profile!", "profile!"},
		{"ALPH", "ALPH", "alpha", "alpha"},
		{"VP8", "VP8 ", "picture", "picture"},
		{"frame", "ANMF", frame + picture, frame + picture},
		{"frame with alpha", "ANMF", frame + string(rc("ALPH", []byte("alph"))) + picture, frame + string(rc("ALPH", []byte("alph"))) + picture},
		{
			"frame with more", "ANMF", frame + picture + string(rc("HIDE", []byte(hidden))) + picture,
			frame + picture + string(rc("JUNK", make([]byte, 6))) + "JUNK" + picture[4:8] + string(make([]byte, len(picture)-8)),
		},
		{"frame, cut off", "ANMF", frame[1:], ""},
		{"frame and rest", "ANMF", frame + picture + "HIDE", frame + picture + "\x00\x00\x00\x00"},
		{"XMP", "XMP ", hidden, ""},
		{"private", "abcd", hidden, ""},
		{"no name", "\x80\xFF\x01\x02", hidden, ""},
	} {
		chunk := rc(tt.typ, []byte(tt.data))
		want := rc(tt.typ, []byte(tt.want))
		if tt.want == "" {
			want = rc("JUNK", make([]byte, len(tt.data)))
		}
		data := testimage.WebP(chunk, chunk) // the second of a chunk that occurs once goes
		got := redact(t, data, &Policy{}, 0)[12:]
		if !bytes.Equal(got[:len(chunk)], want) {
			t.Errorf("%s: got %q, want %q", tt.name, got[:len(chunk)], want)
		}
		again := slices.Concat([]byte("JUNK"), chunk[4:8], make([]byte, len(chunk)-8))
		if second := got[len(chunk):]; tt.typ != "ANMF" && !bytes.Equal(second[:len(chunk)], again) {
			t.Errorf("%s, again: got %q", tt.name, second)
		}
	}
}
