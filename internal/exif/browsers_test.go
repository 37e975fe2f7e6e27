package exif

import (
	"bytes"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// browserBlocks are TIFF blocks with what Chromium and Firefox were seen to take for the Orientation.
func browserBlocks() map[string]struct {
	block             []byte
	chromium, firefox uint16
} {
	short, long := testimage.Short, testimage.Long
	block := func(b testimage.Block) []byte { return b.Encode() }
	ifd0 := func(e ...testimage.Entry) []byte { return block(testimage.Block{IFD0: e}) }
	const o = 0x0112
	one := ifd0(short(o, 6))
	return map[string]struct {
		block             []byte
		chromium, firefox uint16
	}{
		"one SHORT":               {one, 6, 6},
		"without the next offset": {one[:22], 6, 6},
		"cut in its last bytes":   {one[:20], 1, 6},
		"cut in its value":        {one[:19], 1, 1},
		"a LONG":                  {ifd0(long(o, 6)), 1, 1},
		"0":                       {ifd0(short(o, 0)), 1, 1},
		"9":                       {ifd0(short(o, 9)), 1, 1},
		"two values":              {ifd0(short(o, 6, 6)), 1, 1},
		"6, then 1":               {ifd0(short(o, 6), short(o, 1)), 6, 1},
		"9, then 6":               {ifd0(short(o, 9), short(o, 6)), 6, 1},
		"6, then 9":               {ifd0(short(o, 6), short(o, 9)), 6, 6},
		"a LONG, then 6":          {ifd0(long(o, 1), short(o, 6)), 6, 1},
		"in the Exif directory":   {block(testimage.Block{IFD0: []testimage.Entry{long(0x0100, 1)}, Exif: []testimage.Entry{short(o, 6)}}), 6, 6},
		"in both directories":     {block(testimage.Block{IFD0: []testimage.Entry{short(o, 3)}, Exif: []testimage.Entry{short(o, 6)}}), 3, 6},
		"in the GPS directory":    {block(testimage.Block{IFD0: []testimage.Entry{long(0x0100, 1)}, GPS: []testimage.Entry{short(o, 6)}}), 1, 1},
		"BigTIFF":                 {[]byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"), 1, 1},
		"zeros":                   {make([]byte, 40), 1, 1},
		"nothing":                 {nil, 1, 1},
	}
}

func TestOrientationAsBrowsersTakeIt(t *testing.T) {
	for name, tt := range browserBlocks() {
		v, err := viewOf(bytes.NewReader(tt.block))
		if err != nil || v.chromium != tt.chromium || v.firefox != tt.firefox {
			t.Errorf("%s: got %d and %d, %v, want %d and %d", name, v.chromium, v.firefox, err, tt.chromium, tt.firefox)
		}
	}
}

// TestEncodeAsShownKeepsTheOrientation has blocks whose tags stay, stay in part, or go: browsers take the same Orientation.
func TestEncodeAsShownKeepsTheOrientation(t *testing.T) {
	for name, tt := range browserBlocks() {
		if name == "cut in its last bytes" { // no other block is as short
			continue
		}
		for _, o := range []*Options{nil, {}, {Keep: func(string) bool { return false }}} {
			kept, err := keep([]container.Block{{R: bytes.NewReader(tt.block)}}, o)
			if err != nil {
				t.Fatal(err)
			}
			out := kept[0].EncodeAsShown(tt.block, 0, len(tt.block), 30, 20)
			v, err := viewOf(bytes.NewReader(out))
			if err != nil || v.chromium != tt.chromium || v.firefox != tt.firefox || len(out) > len(tt.block) {
				t.Errorf("%s: got %d and %d, want %d and %d: % x", name, v.chromium, v.firefox, tt.chromium, tt.firefox, out)
			}
		}
		v, err := viewOf(bytes.NewReader((*Kept)(nil).EncodeAsShown(tt.block, 0, len(tt.block), 30, 20)))
		if err != nil || v.chromium != tt.chromium || v.firefox != tt.firefox {
			t.Errorf("%s, told by no answer: got %d and %d, want %d and %d", name, v.chromium, v.firefox, tt.chromium, tt.firefox)
		}
	}
}

// TestDensityStays has the tags by which browsers show a picture of 30 by 20 pixels at half its size.
func TestDensityStays(t *testing.T) {
	half := testimage.Block{
		IFD0: []testimage.Entry{testimage.Rational(0x011A, 144, 1), testimage.Rational(0x011B, 144, 1), testimage.Short(0x0128, 2)},
		Exif: []testimage.Entry{testimage.Short(0xA002, 15), testimage.Short(0xA003, 10)},
	}
	b := half.Encode()
	for size, want := range map[[2]int64][2]int64{{30, 20}: {15, 10}, {31, 20}: {31, 20}} {
		out := (*Kept)(nil).EncodeAsShown(b, 0, len(b), size[0], size[1])
		v, err := viewOf(bytes.NewReader(out))
		if w, h := v.size(size[0], size[1]); err != nil || w != want[0] || h != want[1] {
			t.Errorf("%v: shown as %d by %d, want %v", size, w, h, want)
		}
		if (out == nil) != (size == want) {
			t.Errorf("%v: %d bytes stay", size, len(out))
		}
	}
}

// TestAppleHDRStays has a maker note of Apple's: only the two values that say how strong the gain map is stay.
func TestAppleHDRStays(t *testing.T) {
	const secret = "SECRET"
	note := slices.Concat([]byte("Apple iOS\x00\x00\x01MM\x00\x03"),
		[]byte("\x00\x15\x00\x02\x00\x00\x00\x06\x00\x00\x00\x48"),
		[]byte("\x00\x21\x00\x0A\x00\x00\x00\x01\x00\x00\x00\x38"),
		[]byte("\x00\x30\x00\x0A\x00\x00\x00\x01\x00\x00\x00\x40"),
		[]byte("\x00\x00\x00\x00"), []byte("\x00\x00\x00\x03\x00\x00\x00\x02"), []byte("\x00\x00\x00\x00\x00\x00\x00\x01"), []byte(secret))
	for name, tt := range map[string]struct {
		note []byte
		want int // bytes
	}{
		"whole":          {note, 60},
		"no gain":        {bytes.Replace(note, []byte("\x03\x00\x00\x00\x02"), []byte("\xFF\x00\x00\x00\x00"), 1), 40},
		"text":           {bytes.Replace(note, []byte("\x00\x00\x00\x03\x00\x00\x00\x02"), []byte(secret+"ET"), 1), 60},
		"another maker":  {append([]byte("Nikon iOS"), note[9:]...), 0},
		"cut off":        {note[:30], 0},
		"many entries":   {bytes.Replace(note, []byte("MM\x00\x03"), []byte("MM\xFF\xFF"), 1), 60},
		"values outside": {bytes.ReplaceAll(note, []byte("\x00\x00\x00\x40"), []byte("\xFF\xFF\xFF\xFF")), 40},
	} {
		b := testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, 6)}, Exif: []testimage.Entry{testimage.Undefined(0x927C, tt.note)}}
		got, err := appleNote(container.Block{R: bytes.NewReader(b.Encode())})
		if err != nil || len(got) != tt.want || bytes.Contains(got, []byte(secret)) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
