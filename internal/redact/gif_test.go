package redact

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"reflect"
	"slices"
	"testing"
)

// TestGIFsShowTheSame checks the pixels of animations, with a color profile before the pictures: plain ones, whose codes
// stand for strings that aren't complete yet, and one whose codes go on after its last pixel.
func TestGIFsShowTheSame(t *testing.T) {
	palette := color.Palette{color.Black, color.White, color.RGBA{200, 0, 0, 255}}
	plain := func(index uint8) *image.Paletted {
		m := image.NewPaletted(image.Rect(0, 0, 70, 70), palette)
		for i := range m.Pix {
			m.Pix[i] = index
		}
		return m
	}
	striped := plain(0)
	for i := range striped.Pix {
		striped.Pix[i] = uint8(i / 3 % 3)
	}
	pictures := []*image.Paletted{plain(0), plain(1), striped, plain(2)}
	var buf bytes.Buffer
	if err := gif.EncodeAll(&buf, &gif.GIF{Image: pictures, Delay: make([]int, len(pictures))}); err != nil {
		t.Fatal(err)
	}
	data := buf.Bytes()
	at := bytes.Index(data, []byte("!"))
	extension := []byte("!\xFF\x0BICCRGBG1012")
	for part := range slices.Chunk(profile(), 100) {
		extension = cat(extension, len(part), part)
	}
	data = slices.Insert(data, at, append(extension, 0)...)
	want, err := gif.DecodeAll(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got := redact(t, data, &Policy{}, 0); !bytes.Equal(got, data) {
		t.Error("an animation that tells nothing isn't what it was")
	}
	const control = "!\xF9\x04\x00\x01\x00\x00\x00"
	hidden := cat(0x2C, 70, 0, 0, 0, 8, 0, 1, 0, 0x80, word[:6], 7, 10, 0x80, word, 0x81, 0) // beside the screen
	end := len(data) - 1
	for name, insert := range map[string]string{
		"a picture that is never shown": control + string(hidden), "a control of no picture": "!\xF9\x04" + word[:4] + "\x00",
		"a control, a comment, another control": "!\xF9\x04" + word[:4] + "\x00!\xFE\x01a\x00" + control + string(hidden),
		"a profile again":                       string(extension) + "\x01" + word[:1] + "\x00",
	} {
		got := redact(t, slices.Insert(bytes.Clone(data), end, []byte(insert)...), &Policy{}, 0)
		if rest := got[end:]; !bytes.HasPrefix(got, data[:end]) || len(rest) != len(insert)+1 || bytes.Contains(rest, []byte(word[:3])) {
			t.Errorf("%s: got %q", name, rest)
		}
	}

	again := cat(control, hidden, "!\xFF\x0BNETSCAPE2.0\x03\x01\x07\x00\x00;")
	seen := cat(control, hidden[:5], "\x01\x00\x01\x00\x80", make([]byte, 6), 7, 10, 0x80, word[:2], make([]byte, 7), 0, again[len(control)+len(hidden):])
	if got := redact(t, cat(data[:end], again), &Policy{}, 0)[end:]; !bytes.Equal(got, seen) {
		t.Errorf("a hidden picture, then other loops, are %q, want %q", got, seen)
	}

	comment := append([]byte("!\xFE\x06SECRET"), 0)
	got := redact(t, slices.Insert(data, at+len(extension)+1, comment...), &Policy{}, 0)
	if m, err := gif.DecodeAll(bytes.NewReader(got)); err != nil || !reflect.DeepEqual(m.Image, want.Image) || bytes.Contains(got, []byte("SECRET")) {
		t.Errorf("the animation isn't what it was: %v", err)
	}

	for name, x := range map[string]struct {
		codes  string // of 9 bits, before the text
		passes int    // so many bytes of that
	}{
		"after the last pixel":                 {"\x00\x01\x00", 1},     // 256 and 0: the next code can be the last one
		"after a code of a string of no pixel": {"\x00\x05\x02", 0},     // 256 and 258
		"after the end code":                   {"\x00\x01\x04\x04", 0}, // 256, 0 and 257
	} {
		file := cat("GIF89a", 1, 0, 1, 0, 0xF7, 0, 0, make([]byte, 768), 0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 8, len(x.codes+word), x.codes, word, 0, 0x3B)
		want := bytes.Replace(file, []byte(word), cat(word[:x.passes], make([]byte, len(word)-x.passes)), 1)
		if got := redact(t, file, &Policy{}, 0); !bytes.Equal(got, want) {
			t.Errorf("%s: got %q", name, got[len(got)-len(word)-2:])
		}
	}
}
