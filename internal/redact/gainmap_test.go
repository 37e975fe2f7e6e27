package redact

import (
	"bytes"
	"math"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// gainMapFiles returns a photo of each format that has gain maps, with that metadata and their length.
func gainMapFiles(metadata []byte) map[string][]byte {
	m := testimage.Gradient(16, 16)
	of := func(b []byte) []byte { return testimage.Segment(0xE2, cat(container.GainMapIntro, b)) }
	first := func(at int) []byte {
		return testimage.JPEG(m, of(metadata[:4]), testimage.Segment(0xE2, mpf(0, uint32(at))))
	}
	at := len(first(0)) - bytes.Index(first(0), []byte("II*\x00"))

	heif := iPhone("urn:com:apple:photo:2020:aux:hdrgainmap")
	heif.items = append(heif.items, mItem{id: 5, typ: "tmap", data: string(cat(0, metadata)), properties: []int{2}})
	heif.refs = append(heif.refs, mRef{"dimg", 5, []int{10, 3}})
	return map[string][]byte{
		"jpeg": append(first(at), testimage.JPEG(m, of(metadata))...),
		"heif": heif.file(),
		"jxl": testimage.JXL(testimage.Box("jxlc", cat(container.JXLCodestream, "picture")),
			testimage.Box("jhgm", cat(0, u16(len(metadata)), metadata, 1, 1, u32(0), container.JXLCodestream, "gain map"))),
	}
}

// gainMapMetadata returns a gain map's metadata with those numbers after the flags.
func gainMapMetadata(flags byte, numbers ...int64) []byte {
	b := []byte{0, 0, 0, 0, flags}
	for _, n := range numbers {
		b = be.AppendUint32(b, uint32(n))
	}
	return b
}

func TestGainMapsStay(t *testing.T) {
	for name, metadata := range map[string][]byte{
		"one channel":     gainMapMetadata(gainMapBaseSpace, 0, 1, 9, 4, -1, 1<<16, 11, 4, 1, 1, 1, 64, 1, 64),
		"one denominator": gainMapMetadata(gainMapDenominator|gainMapBackward, 1<<20, 0, 9<<18, -4, 3<<20, 1<<20, 99, -99),
		"three channels": gainMapMetadata(gainMapChannels, 0, 1, 9, 4, -1, 1<<16, 11, 4, 1, 1, 1, 64, 1, 64, -1, 1<<16, 11, 4, 1, 1, 1, 64, 1, 64,
			-1, 1<<16, 11, 4, 1, 1, 1, 64, 1, 64),
	} {
		for format, data := range gainMapFiles(metadata) {
			out := redact(t, data, &Policy{}, 0)
			if at := bytes.Index(data, metadata); !bytes.Equal(out[at:at+len(metadata)], metadata) {
				t.Errorf("%s, %s: %x", format, name, out[at:at+len(metadata)])
			}
			if format == "jxl" && !bytes.Equal(out, data) {
				t.Errorf("%s, %s: got %q, want %q", format, name, out, data)
			}
		}
	}
}

// TestNoNumberOfAGainMapIsAText checks that numbers that spell a text are others with the same values.
func TestNoNumberOfAGainMapIsAText(t *testing.T) {
	text := func(i int) int64 { return int64(be.Uint32([]byte("52.5N13.4E GPS. "[4*i:]))) }
	for name, metadata := range map[string][]byte{
		"fractions":       gainMapMetadata(0, text(0), text(1), text(2), text(3), text(0), 1<<31, -text(1), text(2), 1, 3_000_000_000, 0, 1, text(3), 0),
		"one denominator": gainMapMetadata(gainMapDenominator, text(0), text(1), text(2), text(3), -text(0), 0, 1, text(1)),
	} {
		for format, data := range gainMapFiles(metadata) {
			out := redact(t, data, &Policy{}, 0)
			at := bytes.Index(data, metadata)
			got := out[at : at+len(metadata)]
			for i := range 4 {
				if spelt := be.AppendUint32(nil, uint32(text(i))); bytes.Contains(got, spelt) {
					t.Errorf("%s, %s: %q stays", format, name, spelt)
				}
			}
			want, has := gainMapValues(metadata), gainMapValues(got)
			for i, v := range want {
				if v < 128 && math.Abs(v-has[i]) > 1e-6 {
					t.Errorf("%s, %s: got the values %v, want %v", format, name, has, want)
				}
			}
		}
	}
}

// gainMapValues returns the values of the fractions of a gain map's metadata.
func gainMapValues(b []byte) (values []float64) {
	number := func(i int) float64 { return float64(int32(be.Uint32(b[5+4*i:]))) }
	below := func(i int) float64 { return math.Max(float64(be.Uint32(b[5+4*i:])), 1) }
	for i := range (len(b) - 5) / 4 {
		switch {
		case b[4]&gainMapDenominator == 0 && i%2 == 0:
			values = append(values, number(i)/below(i+1))
		case b[4]&gainMapDenominator != 0 && i > 0:
			values = append(values, number(i)/below(0))
		}
	}
	return values
}

// TestOddGainMapsOfJXLGo has boxes that could hold anything.
func TestOddGainMapsOfJXLGo(t *testing.T) {
	metadata := gainMapMetadata(0, make([]int64, 14)...)
	codestream := cat(container.JXLCodestream, "gain map")
	good := cat(0, u16(len(metadata)), metadata, 0, u32(0), codestream)
	for name, boxes := range map[string][][]byte{
		"other version":       {cat(1, good[1:])},
		"no metadata":         {cat(0, u16(0), 0, u32(0), codestream)},
		"longer metadata":     {cat(0, u16(len(metadata)+12), metadata, marker, 0, u32(0), codestream)},
		"long color encoding": {cat(0, u16(len(metadata)), metadata, 12, marker, u32(0), codestream)},
		"profile":             {cat(0, u16(len(metadata)), metadata, 0, u32(12), marker, codestream)},
		"no codestream":       {cat(good[:len(good)-len(codestream)], marker)},
		"second":              {good, cat(good, marker)},
		"cut off":             {good[:20]},
	} {
		data := [][]byte{testimage.Box("jxlc", cat(container.JXLCodestream, "picture"))}
		for _, b := range boxes {
			data = append(data, testimage.Box("jhgm", b))
		}
		out := redact(t, testimage.JXL(data...), &Policy{}, 0)
		if got, want := bytes.Count(out, []byte("jhgm")), len(boxes)-1; got != want || bytes.Contains(out, []byte(marker)) {
			t.Errorf("%s: %d boxes stay, want %d: %q", name, got, want, out)
		}
	}
}

// TestNumbersOfDerivedPictures has the data of derived pictures that could spell a text.
func TestNumbersOfDerivedPictures(t *testing.T) {
	for _, x := range []struct {
		typ, data string
		want      string // "" if the picture goes
	}{
		{"grid", "\x00\x00\x00\x01\x2D\x80\x22\x40", "\x00\x00\x00\x01\x2D\x80\x22\x40"},
		{"grid", "\x00\x01\x00\x01\x00\x00\x2D\x80\x00\x00\x22\x40", "\x00\x01\x00\x01\x00\x00\x2D\x80\x00\x00\x22\x40"},
		{"grid", "\x00\x01\x00\x0152.5N134", ""},
		{"iovl", "\x00\x00\xFF\x80\x00\x00abcd\x1F\x40\x12\x22\x00\x01\xFF\xFF\x00\x00\xF8\x00", "\x00\x00\xFF\xFF\x00\x00aacc\x1F\x40\x12\x22\x00\x01\xFF\xFF\x00\x00\xF8\x00"},
		{"iovl", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1F\x40\x12\x2252.5N134", ""},
		{"iovl", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0052.5\x00\x01\xFF\xFF\x00\x00\xF8\x00", ""},
		{"sato", "\x02\x05\x01\x00\x00\x00\x01\x00\x82\x02\x80", "\x02\x05\x01\x00\x00\x00\x01\x00\x82\x02\x80"},
		{"sato", "\x02\x05\x01\x0052.5\x82\x02\x80", ""},
		{"sato", "\x00\x04\x01abc", ""},
		{"sato", "\x00\x02\x01\xFF", ""},
	} {
		b := []byte(x.data)
		n := keepDerived([4]byte([]byte(x.typ)), b, 2)
		if n < 0 && x.want != "" || n >= 0 && string(b[:n]) != x.want {
			t.Errorf("%s of %q: got %q (%d), want %q", x.typ, x.data, b[:max(n, 0)], n, x.want)
		}
	}
}

// TestGainMapsKeepTheirValues has fractions as encoders write them: of any denominator, up to 32 bits where there is no sign.
func TestGainMapsKeepTheirValues(t *testing.T) {
	const fixed = 1 << 20
	for _, x := range []struct{ is, want []byte }{
		{
			gainMapMetadata(0, 0, 1, 3_000_000_000, 1_000_000_000, -1, 2, 2_293, 1_000, 4_000_000_000, 4_000_000_000, 1, 64, -1, 65),
			gainMapMetadata(0, 0, 1, 3*fixed, fixed, -1, 2, 2_404_385, fixed, fixed, fixed, 1, 64, -16_132, fixed),
		},
		{
			gainMapMetadata(gainMapDenominator, 1000, 0, 3000, -500, 2293, 1000, 15, -15),
			gainMapMetadata(gainMapDenominator, fixed, 0, 3*fixed, -fixed/2, 2_404_385, fixed, 15_729, -15_729),
		},
	} {
		if mendGainMap(x.is); !bytes.Equal(x.is, x.want) {
			t.Errorf("got %x, want %x", x.is, x.want)
		}
	}
}
