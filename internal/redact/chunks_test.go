package redact

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestPNGChunks has which chunks stay, in a picture of each color type: with the length that they should have, once, before
// the picture, and with a right CRC. Any other can hold anything.
func TestPNGChunks(t *testing.T) {
	palette := testimage.PNGChunk("PLTE", make([]byte, 3*4))
	for typ, lengths := range map[string]map[byte]int{ // by color type
		"tRNS": {0: 2, 2: 6, 3: 4}, "cHRM": {0: 32, 2: 32, 3: 32, 4: 32, 6: 32}, "gAMA": {0: 4, 2: 4, 3: 4, 4: 4, 6: 4}, "sBIT": {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}, "sRGB": {0: 1, 2: 1, 3: 1, 4: 1, 6: 1},
		"cICP": {0: 4, 2: 4, 3: 4, 4: 4, 6: 4}, "mDCV": {0: 24, 2: 24, 3: 24, 4: 24, 6: 24}, "cLLI": {0: 8, 2: 8, 3: 8, 4: 8, 6: 8}, "bKGD": {0: 2, 2: 6, 3: 1, 4: 2, 6: 6}, "hIST": {}, "pHYs": {0: 9, 2: 9, 3: 9, 4: 9, 6: 9}, "acTL": {0: 8, 2: 8, 3: 8, 4: 8, 6: 8}, "PLTE": {3: 12},
		"tIME": {}, "sPLT": {}, "tEXt": {}, "zTXt": {}, "iTXt": {}, "eXIf": {}, "caBX": {}, "prVt": {}, "ABCD": {}, "fdAT": {}, "fcTL": {}, "iCCP": {},
	} {
		for color := range byte(7) {
			if color == 1 || color == 5 {
				continue
			}
			want, stays := lengths[color]
			for _, n := range []int{want, want + 1, 12} {
				var before []byte
				if typ != "PLTE" && color == 3 {
					before = palette
				}
				chunk := testimage.PNGChunk(typ, content(typ, n))
				broken := slices.Clone(chunk)
				broken[len(broken)-1]++
				junk := testimage.PNGChunk("juNk", make([]byte, n))
				data := testimage.PNG(testimage.Gradient(8, 8), cat(before, broken, chunk, chunk), chunk)
				data[25] = color
				at := bytes.Index(data, broken)
				got := redact(t, data, &Policy{}, 0)[at:]
				kept := junk
				switch {
				case stays && n == want:
					kept = chunk
				case typ == "eXIf": // one that browsers find first, but can't read
					kept = testimage.PNGChunk(typ, make([]byte, n))
				}
				if is := cat(junk, kept, junk); !bytes.Equal(got[:len(is)], is) {
					t.Errorf("%s of %d bytes in color type %d: got %q", typ, n, color, got[:min(len(is), 60)])
				}
				if bytes.Contains(got[3*len(chunk):], chunk[4:len(chunk)-4]) && len(chunk) > 16 {
					t.Errorf("%s of %d bytes stays after the picture", typ, n)
				}
			}
		}
	}
}

// content returns n bytes of data for a chunk.
func content(typ string, n int) []byte {
	b := bytes.Repeat([]byte("x"), n)
	switch typ {
	case "cHRM", "pHYs", "cLLI", "acTL": // numbers below 32 times 65,536, and a unit
		for i := 0; i < n; i += 4 {
			copy(b[i:], "\x00\x01")
		}
	case "mDCV": // the primaries of BT.2020, D65, up to 1,000 and from 0.0001 cd/m2
		copy(b, "\x8A\x48\x39\x08\x21\x34\x9B\xAA\x19\x96\x08\xFC\x3D\x13\x40\x42\x00\x98\x96\x80\x00\x00\x00\x01")
	}
	return b
}

// TestWebPChunks has which chunks stay, after which others, and how much of them. The others become JUNK of zeros.
func TestWebPChunks(t *testing.T) {
	const hidden = "HIDDEN-PLACE"
	rc := func(typ, data string) string { return string(testimage.RIFFChunk(typ, []byte(data))) }
	junk := func(n int) string { return rc("JUNK", string(make([]byte, n))) }
	canvas := "\x00\x00\x00\x07\x00\x00\x07\x00\x00"
	vp8x := func(flags byte) string { return rc("VP8X", string([]byte{flags})+canvas) }
	picture, alpha, lossy := string(testimage.VP8L()), rc("ALPH", "\x11alpha"), rc("VP8 ", "\x10\x00\x00\x9D\x01\x2Apicture!")
	icc, anim := rc("ICCP", string(profile())), rc("ANIM", "\x01\x02\x03\x04\x05\x00")
	place := "\x01\x00\x00\x01\x00\x00" + "\x05\x00\x00\x05\x00\x00" // in steps of 2, and less 1
	frame := rc("ANMF", place+strings.Repeat("\x01", 4)+alpha+lossy)
	blank := func(chunk string) string { return junk(int(chunk[4])) }
	for _, tt := range []struct{ name, in, want string }{
		{"a simple file", picture, picture},
		{"a simple file with more", picture + alpha + rc("ANMF", hidden) + icc + rc("XMP ", hidden) + picture, picture + blank(alpha) + junk(12) + blank(icc) + junk(12) + blank(picture)},
		{"flags", vp8x(0xFF) + icc, vp8x(0x32) + icc},
		{"reserved", rc("VP8X", "\x20\x01\x02\x03"+canvas[3:]) + icc, rc("VP8X", "\x20\x00\x00\x00"+canvas[3:]) + icc},
		{"a long header", rc("VP8X", "\x00"+canvas+hidden), rc("VP8X", "\x00"+canvas+string(make([]byte, 12)))},
		{"a short header", rc("VP8X", canvas), junk(9)},
		{"a second header", vp8x(0) + vp8x(0), vp8x(0) + junk(10)},
		{"a profile that isn't announced", vp8x(0) + icc + lossy, vp8x(0) + blank(icc) + lossy},
		{"no profile", vp8x(32) + rc("ICCP", hidden) + lossy, vp8x(32) + junk(12) + lossy},
		{"two profiles", vp8x(32) + icc + icc + lossy, vp8x(32) + icc + blank(icc) + lossy},
		{"a profile after the picture", vp8x(32) + lossy + icc + icc + lossy, vp8x(32) + lossy + icc + blank(icc) + blank(lossy)},
		{"a profile after a frame", vp8x(34) + anim + frame + icc + frame, vp8x(34) + anim + frame + icc + frame},
		{"alpha", vp8x(16) + alpha + lossy, vp8x(16) + alpha + lossy},
		{"alpha that isn't announced", vp8x(0) + alpha + lossy, vp8x(0) + blank(alpha) + lossy},
		{"alpha after the picture", vp8x(16) + lossy + alpha, vp8x(16) + lossy + blank(alpha)},
		{"two pictures", vp8x(0) + lossy + lossy + picture, vp8x(0) + lossy + blank(lossy) + blank(picture)},
		{"animation", vp8x(2) + anim + frame + frame, vp8x(2) + anim + frame + frame},
		{"animation that isn't announced", vp8x(0) + anim + frame + lossy, vp8x(0) + blank(anim) + blank(frame) + lossy},
		{"frames without a header", vp8x(2) + frame, vp8x(2) + blank(frame)},
		{"animation and rest", vp8x(2) + rc("ANIM", "\x01\x02\x03\x04\x05\x00"+hidden), vp8x(2) + rc("ANIM", "\x01\x02\x03\x04\x05\x00"+string(make([]byte, 12)))},
		{
			"a frame with more", vp8x(2) + anim + rc("ANMF", place+"\xFF\xFF\xFF\xFF"+picture+rc("HIDE", hidden)+picture+"REST"),
			vp8x(2) + anim + rc("ANMF", place+"\xFF\xFF\xFF\x03"+picture+junk(12)+blank(picture)+"\x00\x00\x00\x00"),
		},
		{"a frame beyond the canvas", vp8x(2) + anim + rc("ANMF", hidden+"\x00\x00\x00\x00"+lossy), vp8x(2) + anim + junk(16+len(lossy))},
		{"a frame a pixel too far", vp8x(2) + anim + rc("ANMF", "\x02"+place[1:]+"\x00\x00\x00\x00"+lossy), vp8x(2) + anim + junk(16+len(lossy))},
		{"no pictures", rc("VP8 ", hidden) + rc("VP8L", hidden) + vp8x(16) + rc("ALPH", "\xF0"+hidden[1:]) + lossy, junk(12) + junk(12) + vp8x(16) + junk(12) + lossy},
		{"a frame, cut off", vp8x(2) + anim + rc("ANMF", hidden), vp8x(2) + anim + junk(12)},
		{"XMP", vp8x(4) + lossy + rc("XMP ", hidden), vp8x(0) + lossy + junk(12)},
		{"private", vp8x(0) + rc("abcd", hidden) + lossy, vp8x(0) + junk(12) + lossy},
		{"no name", vp8x(0) + rc("\x80\xFF\x01\x02", hidden) + lossy, vp8x(0) + junk(12) + lossy},
	} {
		data := testimage.WebP([]byte(tt.in))
		got := redact(t, cat(data, hidden), &Policy{}, 0)
		if want := cat(testimage.WebP([]byte(tt.want)), make([]byte, len(hidden))); !bytes.Equal(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, want)
		}
	}
}

// TestPNGHeader has which headers decoders accept: of any other nothing stays.
func TestPNGHeader(t *testing.T) {
	plain := testimage.PNG(testimage.Gradient(8, 8), nil, nil)
	for _, tt := range []struct {
		at    int // in IHDR's data
		value byte
		stays bool
	}{
		{8, 0, false}, {8, 1, true}, {8, 16, true}, {8, 17, false}, {9, 6, true}, {9, 7, false}, {10, 0, true}, {10, 1, false}, {11, 0, true}, {11, 1, false}, {12, 1, true}, {12, 2, false},
	} {
		data := slices.Clone(plain)
		data[16+tt.at] = tt.value
		if got := redact(t, data, &Policy{}, 0); bytes.Contains(got, []byte("IHDR")) != tt.stays {
			t.Errorf("%d at %d: got %q", tt.value, tt.at, got[:40])
		}
	}
}

// TestPNGOfXcodeKeepsItsPicture redacts a PNG as Xcode writes it for iPhones: a chunk comes before the header, and the
// picture's data has neither the head nor the checksum of zlib. What comes after that data goes.
func TestPNGOfXcodeKeepsItsPicture(t *testing.T) {
	const hidden = "HIDDEN-PLACE"
	plain := testimage.PNG(testimage.Gradient(8, 8), nil, nil)
	at := bytes.Index(plain, []byte("IDAT"))
	stream := plain[at+4:][:binaryLength(plain[at-4:])]
	deflated := stream[2 : len(stream)-4]
	file := func(flags string, data []byte) []byte {
		return cat(plain[:8], testimage.PNGChunk("CgBI", []byte(flags)), plain[8:33], testimage.PNGChunk("IDAT", data), plain[len(plain)-12:])
	}
	for _, flags := range []string{"\x50\x00\x20\x02", "\x50\x00\x20\x06"} {
		got := redact(t, file(flags, cat(deflated, hidden)), &Policy{}, 0)
		if want := file(flags, cat(deflated, make([]byte, len(hidden)))); !bytes.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	if got := redact(t, file("text", deflated), &Policy{}, 0); bytes.Contains(got, []byte("text")) {
		t.Error("a text stays in the flags")
	}
}
