package testimage

import "bytes"

// Samples returns the images of testdata, by file name.
func Samples() map[string][]byte {
	m := Gradient(64, 48)
	segment := func(b Block) []byte { return EXIFSegment(b.Encode()) }
	jfif := Segment(0xE0, []byte("JFIF\x00\x01\x01\x01\x00\x48\x00\x48\x00\x00"))
	xmp := Segment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"/>"))
	full := Full()

	tiff := TIFF(full)
	broken := segment(Block{IFD0: []Entry{ASCII(0x010F, "Nobody")}})
	copy(broken[10+4:], "\xFF\xFF\xFF\x7F") // IFD0 far beyond the end

	return map[string][]byte{
		"iphone-4s.jpg": JPEG(m, segment(Phone())),
		"ks3-table.jpg": JPEG(m, segment(Block{
			IFD0: []Entry{
				ASCII(0x010F, "NIKON CORPORATION"),
				ASCII(0x0110, "NIKON D90"),
				Short(0x0112, 1),
				Rational(0x011A, 72, 1),
				Rational(0x011B, 72, 1),
				Short(0x0128, 2),
				ASCII(0x0131, "Microsoft Windows Photo Viewer 6.1.7600.16385"),
				Short(0x0213, 2),
			},
			Exif: []Entry{Rational(0x829A, 1, 125)},
		})),
		"photo.jpg":     JPEG(m, segment(full)),
		"photo.tif":     tiff,
		"plain.jpg":     JPEG(m),
		"xmp-first.jpg": JPEG(m, jfif, xmp, append(bytes.Repeat([]byte{0xFF}, 3), segment(full)...)),
		"zz-broken.jpg": JPEG(m, broken),
	}
}

// Phone returns a block with the tags of KS3's example.
func Phone() Block {
	return Block{
		BigEndian: true,
		IFD0: []Entry{
			ASCII(0x010F, "Apple"),
			ASCII(0x0110, "iPhone 4S"),
			Short(0x0112, 1),
			Rational(0x011A, 72, 1),
			Rational(0x011B, 72, 1),
			Short(0x0128, 2),
			Short(0x0213, 1),
		},
		Exif: []Entry{Rational(0x829A, 1, 449)},
	}
}

// Full returns a block with tags of every directory and kind.
func Full() Block {
	return Block{
		IFD0: []Entry{
			ASCII(0x010E, "A gradient, 64 by 48"),
			ASCII(0x010F, "caddy-exif"),
			ASCII(0x0110, "testimage"),
			Short(0x0112, 6),
			Rational(0x011A, 300, 1),
			Rational(0x011B, 300, 1),
			Short(0x0128, 2),
			ASCII(0x0131, "testimage 1"),
			ASCII(0x0132, "2026:02:03 14:44:09"),
			ASCII(0x013B, "Zoë Ångström"),
			Short(0x0213, 1),
			ASCII(0x8298, "public domain"),
			Bytes(0x9C9B, 1, []byte("\x2a\x67\x3a\x53\x00\x00")), // two Chinese characters in UTF-16
		},
		Exif: []Entry{
			Rational(0x829A, 10, 1250),
			Rational(0x829D, 28, 10),
			Short(0x8822, 2),
			Short(0x8827, 200),
			Undefined(0x9000, []byte("0232")),
			ASCII(0x9003, "2026:02:03 14:44:09"),
			ASCII(0x9004, "2026:02:03 14:44:09"),
			ASCII(0x9011, "+01:00"),
			Undefined(0x9101, []byte{1, 2, 3, 0}),
			SRational(0x9204, -1, 3),
			Short(0x9207, 5),
			Short(0x9209, 0x19),
			Rational(0x920A, 43, 10),
			Undefined(0x927C, bytes.Repeat([]byte("maker"), 20)),
			Undefined(0x9286, []byte("UNICODE\x00c\x00a\x00d\x00d\x00y\x00")),
			ASCII(0x9291, "054"),
			Undefined(0xA000, []byte("0100")),
			Short(0xA001, 1),
			Short(0xA002, 64),
			Short(0xA003, 48),
			Undefined(0xA300, []byte{3}),
			Undefined(0xA301, []byte{1}),
			Rational(0xA432, 18, 1, 55, 1, 35, 10, 0, 0),
			ASCII(0xA434, "18-55mm"),
			ASCII(0xA431, "SN-0042"),
		},
		GPS: []Entry{
			Bytes(0x0000, 1, []byte{2, 3, 0, 0}),
			ASCII(0x0001, "N"),
			Rational(0x0002, 39, 1, 54, 1, 1512, 100),
			ASCII(0x0003, "W"),
			Rational(0x0004, 116, 1, 23, 1, 2844, 100),
			Bytes(0x0005, 1, []byte{0}),
			Rational(0x0006, 435, 10),
			Rational(0x0007, 14, 1, 44, 1, 9, 1),
			Rational(0x000B, 0, 0),
			ASCII(0x001D, "2026:02:03"),
		},
		Interop: []Entry{
			ASCII(0x0001, "R98"),
			Undefined(0x0002, []byte("0100")),
		},
		IFD1: []Entry{
			Short(0x0103, 6),
			Rational(0x011A, 72, 1),
			Rational(0x011B, 72, 1),
			Short(0x0128, 2),
			Long(0x0201, 0),
			Long(0x0202, uint32(len(thumbnail))),
		},
		Thumbnail: thumbnail,
	}
}

var thumbnail = JPEG(Gradient(16, 12))

// TIFF returns a big-endian TIFF file of 8 by 6 gray pixels with the block's tags.
func TIFF(b Block) []byte {
	b.BigEndian = true
	pixels := bytes.Repeat([]byte{0, 40, 80, 120, 160, 200, 240, 255}, 6)
	b.IFD0 = append([]Entry{
		Short(0x0100, 8),
		Short(0x0101, 6),
		Short(0x0102, 8),
		Short(0x0103, 1),
		Short(0x0106, 1),
		Long(0x0111, 0),
		Short(0x0115, 1),
		Short(0x0116, 6),
		Long(0x0117, uint32(len(pixels))),
	}, b.IFD0...)
	out := b.Encode()
	out = append(out, pixels...)
	// the strip's offset is the value of the 6th entry of IFD0, which starts at 8
	at := 8 + 2 + 5*12 + 8
	off := uint32(len(out) - len(pixels))
	out[at], out[at+1], out[at+2], out[at+3] = byte(off>>24), byte(off>>16), byte(off>>8), byte(off)
	return out
}
