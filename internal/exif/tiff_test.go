package exif

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestBrokenPartLosesOnlyItself breaks one part of a block after the other: Decode returns the rest.
func TestBrokenPartLosesOnlyItself(t *testing.T) {
	le := binary.LittleEndian
	// entry returns the offset of the entry with a tag number
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
		thumb   = `,"ThumbNewSubfileType":"1"`
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
		{"a pointer of the wrong type", func(b []byte) { le.PutUint16(entry(b, interopPointer, 4)[2:], container.TypeASCII) }, []string{interop}},
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

// TestEmptyTextIsReplaced: if a name occurs twice, the first entry wins, unless it is an empty text.
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
			testimage.Block{IFD0: []testimage.Entry{text(make, "")}, IFD1: []testimage.Entry{testimage.Long(0x00FE, 1), text(make, "HTC")}},
			`{"Make":"","ThumbNewSubfileType":"1","ThumbMake":"HTC"}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := decodeToJSON(test.block.Encode(), &Options{}); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	t.Run("in another block", func(t *testing.T) {
		first := testimage.Block{IFD0: []testimage.Entry{text(make, "")}}
		second := testimage.Block{IFD0: []testimage.Entry{text(make, "Canon")}}
		if got := decodeToJSON(testimage.CR3(first.Encode(), second.Encode(), nil), &Options{}); got != `{"Make":"Canon"}` {
			t.Errorf("got %s", got)
		}
	})
}

// orderOf returns the byte order of a block.
func orderOf(bigEndian bool) interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if bigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// TestPointersOfAnyIntegerType: Decode follows pointers of any integer type, such as a Canon's GPS pointer
// of type SLONG.
func TestPointersOfAnyIntegerType(t *testing.T) {
	for name, typ := range map[string]uint16{
		"SHORT": container.TypeShort, "SSHORT": container.TypeSShort, "LONG": container.TypeLong, "SLONG": container.TypeSLong, "IFD": container.TypeIFD,
		"LONG8": container.TypeLong8, "SLONG8": container.TypeSLong8, "IFD8": container.TypeIFD8,
	} {
		for _, bigEndian := range []bool{false, true} {
			for _, id := range []uint16{exifPointer, gpsPointer, interopPointer} {
				t.Run(fmt.Sprintf("%s, %#04x, big-endian %v", name, id, bigEndian), func(t *testing.T) {
					tags := tagsOf(bigEndian)
					b, o := tags.Encode(), orderOf(bigEndian)
					e := b[bytes.Index(b, o.AppendUint16(o.AppendUint16(nil, id), container.TypeLong)):]
					at := o.Uint32(e[8:])
					o.PutUint16(e[2:], typ)
					switch container.TypeSize(typ) {
					case 2:
						copy(e[8:], o.AppendUint16(nil, uint16(at)))
					case 8: // at the entry's offset, like any value of 8 bytes
						o.PutUint32(e[8:], uint32(len(b)))
						b = o.AppendUint64(b, uint64(at))
					}
					if got := decodeToJSON(b, &Options{}); got != wantTags {
						t.Errorf("got  %s\nwant %s", got, wantTags)
					}
				})
			}
		}
	}
}

// TestInvalidPointersAreIgnored: Decode ignores pointers of two offsets or a text.
func TestInvalidPointersAreIgnored(t *testing.T) {
	for name, e := range map[string]testimage.Entry{
		"two":       testimage.Long(gpsPointer, 26, 26),
		"a text":    testimage.Bytes(gpsPointer, container.TypeASCII, []byte{26, 0, 0, 0}),
		"undefined": testimage.Undefined(gpsPointer, []byte{26, 0, 0, 0}),
		"a float":   {ID: gpsPointer, Type: container.TypeFloat, Count: 1, Put: testimage.Long(0, 26).Put},
		"8 bytes behind the end": {
			ID: gpsPointer, Type: container.TypeLong8, Count: 1,
			Put: func(o binary.AppendByteOrder) []byte { return o.AppendUint32(nil, 1<<20) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			// the directory at 26 would be GPS
			b := (&testimage.Block{IFD0: []testimage.Entry{e}}).Encode()
			b = append(b[:26:26], dirOf(testimage.ASCII(0x0001, "N"))...)
			if got := decodeToJSON(b, &Options{}); strings.Contains(got, "GPS") {
				t.Errorf("got %s", got)
			}
		})
	}
}

// dirOf is a little-endian directory of entries whose values are within them.
func dirOf(entries ...testimage.Entry) []byte {
	b := testimage.Block{IFD0: entries}
	return b.Encode()[8:]
}

// TestPointersInOtherDirectories: Decode follows pointers that writers put into the wrong directory.
func TestPointersInOtherDirectories(t *testing.T) {
	const iso, orientation, mode, ref = 0x8827, 0x0112, 0xA402, 0x0001
	type entry = testimage.Entry
	// IFD0 has one entry, starts at 8 and ends here
	const first = 8 + 2 + 12 + 4
	one := func(id, v uint16) entry { return testimage.Short(id, v) }
	long := func(id uint16, v int) entry { return testimage.Long(id, uint32(v)) }
	for _, test := range []struct {
		name  string
		block func() []byte
		want  string
	}{
		{"an Exif directory in the Exif directory", func() []byte {
			b := append([]byte("II*\x00\x08\x00\x00\x00"), dirOf(long(exifPointer, first))...)
			b = append(b, dirOf(one(iso, 100), long(exifPointer, first+2+24+4))...)
			return append(b, dirOf(one(iso, 200), one(mode, 1))...)
		}, `{"ISOSpeedRatings":"100","ExposureMode":"1"}`},
		{"Exif directories in a circle", func() []byte {
			b := append([]byte("II*\x00\x08\x00\x00\x00"), dirOf(long(exifPointer, first))...)
			b = append(b, dirOf(one(iso, 100), long(exifPointer, first+2+24+4))...)
			return append(b, dirOf(one(mode, 1), long(exifPointer, first))...)
		}, `{"ISOSpeedRatings":"100","ExposureMode":"1"}`},
		{"an Exif directory in itself", func() []byte {
			b := append([]byte("II*\x00\x08\x00\x00\x00"), dirOf(long(exifPointer, first))...)
			return append(b, dirOf(one(iso, 100), long(exifPointer, first))...)
		}, `{"ISOSpeedRatings":"100"}`},
		{"a hundred Exif directories", func() []byte {
			b := append([]byte("II*\x00\x08\x00\x00\x00"), dirOf(long(exifPointer, first+30), long(gpsPointer, first+12))...)
			b = append(b, dirOf(testimage.ASCII(ref, "N"))...)
			for i := range 100 {
				b = append(b, dirOf(one(uint16(0xA401+min(i, 10)), 1), long(exifPointer, len(b)+2+24+4))...)
			}
			return b
		}, `{"CustomRendered":"1","ExposureMode":"1","WhiteBalance":"1","DigitalZoomRatio":"1","GPSLatitudeRef":"N"}`},
		{"GPS and Interoperability in the Exif directory", func() []byte {
			b := append([]byte("II*\x00\x08\x00\x00\x00"), dirOf(long(exifPointer, first))...)
			b = append(b, dirOf(long(gpsPointer, first+2+24+4), long(interopPointer, first+2+24+4+18))...)
			b = append(b, dirOf(testimage.ASCII(ref, "N"))...)
			return append(b, dirOf(testimage.ASCII(ref, "R98"))...)
		}, `{"GPSLatitudeRef":"N","InteroperabilityIndex":"R98"}`},
		{"all in IFD1", func() []byte {
			b := append([]byte("II*\x00\x08\x00\x00\x00"), dirOf(one(orientation, 6))...)
			binary.LittleEndian.PutUint32(b[first-4:], first)
			second := first + 2 + 4*12 + 4
			b = append(b, dirOf(long(0x00FE, 1), long(exifPointer, second), long(gpsPointer, second+18), long(interopPointer, second+36))...)
			b = append(b, dirOf(one(iso, 100))...)
			b = append(b, dirOf(testimage.ASCII(ref, "N"))...)
			return append(b, dirOf(testimage.ASCII(ref, "R98"))...)
		}, `{"Orientation":"6","ISOSpeedRatings":"100","GPSLatitudeRef":"N","InteroperabilityIndex":"R98","ThumbNewSubfileType":"1"}`},
		{"in IFD1, but IFD0's first", func() []byte {
			b := append([]byte("II*\x00\x08\x00\x00\x00"), dirOf(long(exifPointer, first))...)
			b = append(b, dirOf(one(iso, 100), long(gpsPointer, first+30))...)
			b = append(b, dirOf(testimage.ASCII(ref, "N"))...)
			binary.LittleEndian.PutUint32(b[first-4:], uint32(len(b)))
			third := len(b) + 2 + 36 + 4
			b = append(b, dirOf(long(0x00FE, 1), long(exifPointer, third), long(gpsPointer, third+18))...)
			b = append(b, dirOf(one(mode, 1))...)
			return append(b, dirOf(testimage.ASCII(ref, "S"))...)
		}, `{"ISOSpeedRatings":"100","GPSLatitudeRef":"N","ThumbNewSubfileType":"1"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := test.block()
			if got := decodeToJSON(b, &Options{}); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			check(t, b)
		})
	}
}

// TestTIFFPagesAreNoThumbnails: the second directory of a TIFF is a page, whose tags Decode leaves out,
// unless it states to be a thumbnail.
func TestTIFFPagesAreNoThumbnails(t *testing.T) {
	type entries []testimage.Entry
	page := entries{testimage.Short(0x0100, 640), testimage.Short(0x0101, 480), testimage.Short(0x0129, 1, 2)}
	for _, test := range []struct {
		name  string
		ifd1  entries
		thumb string // in the JSON, if it is a thumbnail
	}{
		{"a page", page, ""},
		{"a page that says so", append(entries{testimage.Long(0x00FE, 2)}, page...), ""},
		{"a full image", append(entries{testimage.Long(0x00FE, 0)}, page...), ""},
		{"a mask", append(entries{testimage.Long(0x00FE, 4)}, page...), ""},
		{"with tags that no table names", append(page[:2:2], testimage.Short(0xFFF0, 1)), ""},
		{"an uncompressed one", entries{testimage.Short(0x0103, 1), testimage.Long(0x0111, 8), testimage.Long(0x0117, 8)}, ""},
		{"reduced", append(entries{testimage.Long(0x00FE, 1)}, page...), `"ThumbNewSubfileType":"1","ThumbImageWidth":"640"`},
		{"reduced, as a SHORT", append(entries{testimage.Short(0x00FE, 1)}, page...), `"ThumbNewSubfileType":"1","ThumbImageWidth":"640"`},
		{"a reduced page", append(entries{testimage.Long(0x00FE, 3)}, page...), `"ThumbNewSubfileType":"3","ThumbImageWidth":"640"`},
		{"a JPEG", entries{testimage.Short(0x0100, 640), testimage.Long(0x0201, 8), testimage.Long(0x0202, 99)}, `"ThumbImageWidth":"640","ThumbJPEGInterchangeFormat":"8"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, bigEndian := range []bool{false, true} {
				for name, encode := range map[string]func(*testimage.Block) []byte{
					"TIFF": (*testimage.Block).Encode, "BigTIFF": (*testimage.Block).EncodeBig,
				} {
					b := testimage.Block{BigEndian: bigEndian, IFD0: entries{testimage.Short(0x0112, 6)}, IFD1: test.ifd1}
					got := decodeToJSON(encode(&b), &Options{Unknown: true})
					if want := `{"Orientation":"6"`; !strings.HasPrefix(got, want) || strings.Contains(got, "Thumb") != (test.thumb != "") ||
						!strings.Contains(got, test.thumb) {
						t.Errorf("%s, big-endian %v: got %s, want %s", name, bigEndian, got, cmp.Or(test.thumb, "no thumbnail"))
					}
				}
			}
		})
	}
}

// TestSecondDirectoryOfEXIFIsTheThumbnail: in other formats the second directory needs no tag for it.
// Kodak's DC210 and Sony's D700 have thumbnails that aren't JPEGs.
func TestSecondDirectoryOfEXIFIsTheThumbnail(t *testing.T) {
	b := testimage.Block{
		IFD0: []testimage.Entry{testimage.Short(0x0112, 6)},
		IFD1: []testimage.Entry{testimage.Short(0x0100, 96), testimage.Short(0x0103, 1), testimage.Long(0x0111, 8), testimage.Long(0x0117, 8)},
	}
	const want = `{"Orientation":"6","ThumbImageWidth":"96","ThumbCompression":"1","ThumbStripOffsets":"8","ThumbStripByteCounts":"8"}`
	block := b.Encode()
	m := testimage.Gradient(8, 6)
	for format, file := range map[string][]byte{
		"jpeg": testimage.JPEG(m, testimage.EXIFSegment(block)),
		"png":  testimage.PNG(m, testimage.PNGChunk("eXIf", block), nil),
		"webp": testimage.WebP(testimage.VP8X(8), testimage.VP8L(), testimage.RIFFChunk("EXIF", block)),
		"jp2":  testimage.JP2(testimage.Box("uuid", []byte(container.JP2UUID), block)),
		"psd":  testimage.PSD(1, testimage.PSDResource(1058, "", block)),
		"mrw":  testimage.MRW(block, false),
	} {
		if got := decodeToJSON(file, &Options{}); got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
	}
}
