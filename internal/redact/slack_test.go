package redact

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/png"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// slackMarker is planted in each place that a decoder doesn't read.
const slackMarker = "HIDDENSECRET"

// TestSlackIsOverwritten checks that nothing is left in the places of a file that its picture doesn't use, and that
// the picture is the same.
func TestSlackIsOverwritten(t *testing.T) {
	m := testimage.Gradient(16, 16)
	for name, data := range slackFiles(m) {
		t.Run(name, func(t *testing.T) {
			if !bytes.Contains(data, []byte(slackMarker)) {
				t.Fatal("the file doesn't have the marker")
			}
			out := redact(t, data, &Policy{}, 0)
			if len(out) != len(data) {
				t.Errorf("got %d bytes of %d", len(out), len(data))
			}
			for i := 0; i+8 <= len(slackMarker); i++ {
				if bytes.Contains(out, []byte(slackMarker[i:i+8])) {
					t.Fatalf("the marker is left: %q", out)
				}
			}
			want, _, err := image.Decode(bytes.NewReader(data))
			if err != nil {
				return // of a format that the standard library doesn't read, or more than it accepts
			}
			got, _, err := image.Decode(bytes.NewReader(out))
			if err != nil {
				t.Fatalf("%v: %q", err, out)
			}
			for y := range 16 {
				for x := range 16 {
					if got.At(x, y) != want.At(x, y) {
						t.Fatalf("another pixel at %d, %d", x, y)
					}
				}
			}
		})
	}
}

func slackFiles(m image.Image) map[string][]byte {
	const s = slackMarker
	files := map[string][]byte{}
	ch := testimage.PNGChunk
	var buf bytes.Buffer
	_ = png.Encode(&buf, m)
	b := buf.Bytes()
	idatAt := bytes.Index(b, []byte("IDAT")) - 4
	n := int(binary.BigEndian.Uint32(b[idatAt:]))
	head, stream, iend := b[:idatAt], b[idatAt+8:idatAt+8+n], b[idatAt+12+n:]
	files["png, after the stream"] = cat(head, ch("IDAT", cat(stream, s)), iend)
	files["png, another IDAT"] = cat(head, ch("IDAT", stream), ch("IDAT", []byte(s)), iend)
	files["png, IDAT of many pieces"] = cat(head, ch("IDAT", stream[:1]), ch("IDAT", nil), ch("IDAT", stream[1:n-2]), ch("IDAT", cat(stream[n-2:], s)), ch("IDAT", []byte(s)), iend)
	files["png, IDAT after another chunk"] = cat(head, ch("IDAT", stream), ch("tIME", make([]byte, 7)), ch("IDAT", []byte(s)), iend)
	files["png of Xcode"] = cat(head[:8], ch("CgBI", []byte(s[:4])), head[8:], ch("IDAT", cat(stream[2:n-4], s)), iend)
	files["png, after IEND"] = cat(b, s)
	files["png, in IEND"] = cat(head, ch("IDAT", stream), ch("IEND", []byte(s)))
	files["png, fdAT without acTL"] = cat(head, ch("IDAT", stream), ch("fdAT", cat(u32(0), s)), iend)
	files["png, fcTL without acTL"] = cat(head, ch("fcTL", cat(u32(0), s, 0, 0, s[:8])), ch("IDAT", stream), iend)
	fctl := func(n int) []byte {
		return ch("fcTL", cat(u32(n), u32(16), u32(16), u32(0), u32(0), u16(1), u16(10), 0, 0))
	}
	actl := ch("acTL", cat(u32(2), u32(0)))
	frames := cat(head, actl, fctl(0), ch("IDAT", stream), fctl(1), ch("fdAT", cat(u32(2), stream)), iend)
	files["apng"] = cat(frames, s)
	files["apng, after a frame's stream"] = cat(head, actl, fctl(0), ch("IDAT", stream), fctl(1), ch("fdAT", cat(u32(2), stream, s)), ch("fdAT", cat(u32(3), s)), iend)
	files["apng, a frame too many"] = cat(head, ch("acTL", cat(u32(1), u32(0))), fctl(0), ch("IDAT", stream), fctl(1), ch("fdAT", cat(u32(2), s)), iend)
	files["apng, fdAT without fcTL"] = cat(head, actl, fctl(0), ch("IDAT", stream), ch("fdAT", cat(u32(1), s)), iend)
	files["png, in a repeated cHRM"] = cat(head, ch("cHRM", make([]byte, 32)), ch("cHRM", bytes.Repeat([]byte(s), 3)[:32]), ch("IDAT", stream), iend)
	files["png, after a profile"] = cat(head, ch("iCCP", cat("n", 0, 0, testimage.Zlib(profile()), s)), ch("IDAT", stream), iend)
	files["png, the name of a profile"] = cat(head, ch("iCCP", cat(s, 0, 0, testimage.Zlib(profile()))), ch("IDAT", stream), iend)
	files["png, palette of a picture without one"] = cat(head, ch("PLTE", []byte(s)), ch("IDAT", stream), iend)

	buf.Reset()
	_ = gif.Encode(&buf, m, nil)
	b = buf.Bytes()
	n = len(b) - 2
	files["gif, after the end code"] = cat(b[:n], len(s), s, b[n:])
	files["gif, after the trailer"] = cat(b, s)
	files["gif, between zeros"] = cat(b[:13+768], 0, 0, s, 0, b[13+768:])
	files["gif, in a graphic control"] = cat(b[:13+768], 0x21, 0xF9, 4, 0, 0, 0, 0, len(s), s, 0, b[13+768:])
	files["gif, a comment"] = cat(b[:13+768], 0x21, 0xFE, len(s), s, 0, b[13+768:])
	files["gif, in the loops"] = cat(b[:13+768], 0x21, 0xFF, 11, "NETSCAPE2.0", 3, 1, 0, 0, len(s), s, 0, b[13+768:])
	files["gif, in a profile"] = cat(b[:13+768], 0x21, 0xFF, 11, "ICCRGBG1012", len(profileWith(s)), profileWith(s), 0, b[13+768:])

	px := make([]byte, 48*16)
	info := func(size, compression, n int) []byte {
		h := cat(le32(size), le32(16), le32(16), 1, 0, 24, 0, le32(compression), le32(n), make([]byte, 16))
		return cat(h, make([]byte, size-len(h)))
	}
	bmp := func(header []byte, rest []byte, at int) []byte {
		return cat("BM", le32(14+len(header)+len(rest)), le32(0), le32(at), header, rest)
	}
	files["bmp, before the pixels"] = bmp(info(40, 0, len(px)), cat(s, px), 54+len(s))
	files["bmp, after the pixels"] = bmp(info(40, 0, len(px)), cat(px, s), 54)
	files["bmp, a JPEG"] = bmp(info(40, 4, len(px)), testimage.JPEG(m, testimage.Segment(0xFE, []byte(s))), 54)
	linked := info(124, 0, len(px))
	copy(linked[56:], "KNIL")
	copy(linked[112:], cat(le32(124+len(px)), le32(len(s))))
	files["bmp, the path of a profile"] = bmp(linked, cat(px, s), 138)
	embedded := info(124, 0, len(px))
	copy(embedded[56:], "DEBM")
	copy(embedded[112:], cat(le32(124+len(px)), le32(len(profileWith(s)))))
	files["bmp, in a profile"] = bmp(embedded, cat(px, profileWith(s)), 138)
	rle := info(40, 1, 0)
	rle[14] = 8
	copy(rle[20:], le32(4+2+len(s)))
	files["bmp, after run-length coded pixels"] = bmp(rle, cat(make([]byte, 1024), 255, 0, 0, 0, 0, 1, s), 54+1024)
	ico := func(pictures ...[]byte) []byte {
		out := cat(0, 0, 1, 0, len(pictures), 0)
		at := 6 + 16*len(pictures)
		for _, p := range pictures {
			out = cat(out, 16, 16, 0, 0, 1, 0, 32, 0, le32(len(p)), le32(at))
			at += len(p)
		}
		return cat(out, bytes.Join(pictures, nil))
	}
	buf.Reset()
	_ = png.Encode(&buf, m)
	withText := cat(buf.Bytes()[:33], ch("tEXt", cat("Author", 0, s)), buf.Bytes()[33:])
	dib := info(40, 0, 0)
	copy(dib[8:], le32(32))
	icon := cat(dib, px, make([]byte, 4*16))
	files["ico, a text in a PNG"] = ico(withText)
	files["ico, after a picture"] = ico(cat(icon, s), withText)
	files["ico, a JPEG"] = ico(testimage.JPEG(m, testimage.Segment(0xFE, []byte(s))))
	files["ico, at the end"] = cat(ico(icon), s)
	files["ico, no picture"] = ico([]byte(s))
	return files
}

// profileWith returns a color profile with a text in a tag that no reader needs, in its copyright, and between tags.
func profileWith(text string) []byte {
	tags := [][]byte{
		cat("mluc", u32(0), u32(1), u32(12), "enUS", u32(2*len(text)), u32(28), wide(text)),
		cat("text", u32(0), text, 0),
		cat("XYZ ", u32(0), u32(1), u32(2), u32(3), text),
		cat("dict", u32(0), text),
	}
	names := []string{"cprt", "desc", "wtpt", "meta"}
	at := 128 + 4 + 12*len(tags)
	table, data := cat(u32(len(tags))), []byte{}
	for i, tag := range tags {
		table = cat(table, names[i], u32(at+len(data)), u32(len(tag)))
		data = cat(data, tag, text)
	}
	b := make([]byte, 128)
	binary.BigEndian.PutUint32(b, uint32(at+len(data)))
	copy(b[12:], "mntrRGB XYZ ")
	copy(b[36:], "acsp")
	copy(b[100:], text)
	return cat(b, table, data)
}

func wide(text string) (b []byte) {
	for _, c := range []byte(text) {
		b = append(b, 0, c)
	}
	return b
}

func le32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
