package exif

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestBrokenPartsCostThemselves breaks one thing after the other in a block: the rest is answered.
func TestBrokenPartsCostThemselves(t *testing.T) {
	le := binary.LittleEndian
	// entry is where the entry of that number stands, from its number on
	entry := func(block []byte, id, typ uint16) []byte {
		i := bytes.Index(block, le.AppendUint16(le.AppendUint16(nil, id), typ))
		if i < 0 {
			t.Fatalf("no entry %#04x", id)
		}
		return block[i:]
	}
	const (
		gps     = `"GPSLatitudeRef":"N","GPSLatitude":"39/1 54/1 1512/100",`
		interop = `"InteroperabilityIndex":"R98",`
		exif    = `"ExposureTime":"1/449","ExifVersion":"0230","DateTimeOriginal":"2012:06:01 10:20:30","ExposureBiasValue":"-1/3",`
		model   = `"Model":"iPhone 4S",`
		thumb   = `,"ThumbCompression":"6"`
	)
	for _, test := range []struct {
		name  string
		spoil func(b []byte)
		lost  []string
	}{
		{"nothing", func([]byte) {}, nil},
		{"a value behind the end", func(b []byte) { le.PutUint32(entry(b, 0x0110, 2)[8:], 1<<31) }, []string{model}},
		{"a count without end", func(b []byte) { le.PutUint32(entry(b, 0x0110, 2)[4:], 1<<32-1) }, []string{model}},
		{"a type that isn't one", func(b []byte) { le.PutUint16(entry(b, 0x0110, 2)[2:], 99) }, []string{model}},
		{"a directory behind the end", func(b []byte) { le.PutUint32(entry(b, gpsPointer, 4)[8:], 1<<31) }, []string{gps}},
		{"a directory in a circle", func(b []byte) { le.PutUint32(entry(b, exifPointer, 4)[8:], 8) }, []string{exif, interop}},
		{"a directory in the other byte order", func(b []byte) {
			d := b[le.Uint32(entry(b, gpsPointer, 4)[8:]):]
			d[0], d[1] = d[1], d[0]
			for e := d[2 : 2+2*12]; len(e) > 0; e = e[12:] {
				e[0], e[1], e[2], e[3] = e[1], e[0], e[3], e[2]
				e[4], e[5], e[6], e[7] = e[7], e[6], e[5], e[4]
			}
		}, []string{gps}},
		{"a pointer of the wrong type", func(b []byte) { le.PutUint16(entry(b, interopPointer, 4)[2:], typeASCII) }, []string{interop}},
		{"the next directory is the first", func(b []byte) {
			n := 2 + 12*int(le.Uint16(b[8:]))
			le.PutUint32(b[8+n:], 8)
		}, []string{thumb}},
	} {
		t.Run(test.name, func(t *testing.T) {
			block := tagsOf(false)
			b := block.Encode()
			test.spoil(b)
			want := wantTags
			for _, lost := range test.lost {
				want = strings.Replace(want, lost, "", 1)
			}
			m, err := Decode(bytes.NewReader(b), &Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := jsonOf(t, m, &Options{}); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			check(t, b)
		})
	}
}

// TestEmptyTextIsReplaced: of a name that occurs twice the first wins, but an empty text says nothing.
func TestEmptyTextIsReplaced(t *testing.T) {
	const make, model = 0x010F, 0x0110
	text := func(id uint16, s string) testimage.Entry { return testimage.ASCII(id, s) }
	for _, test := range []struct {
		name  string
		block testimage.Block
		want  string
	}{
		{
			"in another directory",
			testimage.Block{IFD0: []testimage.Entry{text(make, ""), text(model, "One")}, Exif: []testimage.Entry{text(make, "HTC")}},
			`{"Make":"HTC","Model":"One"}`,
		},
		{"in the same directory", testimage.Block{IFD0: []testimage.Entry{text(make, ""), text(make, "HTC")}}, `{"Make":"HTC"}`},
		{"blanks", testimage.Block{IFD0: []testimage.Entry{text(make, "   "), text(make, "HTC")}}, `{"Make":"HTC"}`},
		{"a third doesn't count", testimage.Block{IFD0: []testimage.Entry{text(make, ""), text(make, "HTC"), text(make, "LG")}}, `{"Make":"HTC"}`},
		{"by nothing", testimage.Block{IFD0: []testimage.Entry{text(make, ""), text(make, "")}}, `{"Make":""}`},
		{"filled first", testimage.Block{IFD0: []testimage.Entry{text(make, "HTC"), text(make, "")}}, `{"Make":"HTC"}`},
		{
			"the thumbnail's is another",
			testimage.Block{IFD0: []testimage.Entry{text(make, "")}, IFD1: []testimage.Entry{text(make, "HTC")}},
			`{"Make":"","ThumbMake":"HTC"}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := answerOf(test.block.Encode(), &Options{}); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	t.Run("in another block", func(t *testing.T) {
		first := testimage.Block{IFD0: []testimage.Entry{text(make, "")}}
		second := testimage.Block{IFD0: []testimage.Entry{text(make, "Canon")}}
		if got := answerOf(testimage.CR3(first.Encode(), second.Encode(), nil), &Options{}); got != `{"Make":"Canon"}` {
			t.Errorf("got %s", got)
		}
	})
}
