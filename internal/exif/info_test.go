package exif

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testgate"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// infoSample is a file and its info in the raw style, without the size in bytes.
type infoSample struct {
	name string
	data []byte
	want string
}

func turnedBlock(orientation uint16) []byte {
	b := testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, orientation)}}
	return b.Encode()
}

func bigSizes(v ...uint32) (b []byte) {
	for _, n := range v {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// namedJPEG is a JPEG's header of 30 by 20 after some segments, with a component for each letter.
func namedJPEG(names string, segments ...[]byte) []byte {
	frame := []byte{8, 0, 20, 0, 30, byte(len(names))}
	for _, name := range []byte(names) {
		frame = append(frame, name, 0x11, 0)
	}
	return slices.Concat([]byte("\xFF\xD8"), slices.Concat(segments...), testimage.Segment(0xC0, frame), []byte("\xFF\xDA\x00\x04\x00\x00"))
}

// heifOf is a file whose primary item has the given content, and the given properties in this order.
func heifOf(item []byte, properties ...[]byte) []byte {
	list := []byte{0, 0, 0, 1, 0, 1, byte(len(properties))}
	for i := range properties {
		list = append(list, byte(i+1)|0x80)
	}
	iloc := append([]byte{0x44, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1}, bigSizes(0, uint32(len(item)))...)
	return heifWith(testimage.Box("ipco", properties...), testimage.FullBox("ipma", 0, list), testimage.FullBox("iloc", 1, iloc), testimage.Box("idat", item))
}

// avifOf is heifOf as an AVIF.
func avifOf(properties ...[]byte) []byte {
	heic := testimage.FileType("heic", "mif1")
	return append(testimage.FileType("avif", "mif1"), heifOf(nil, properties...)[len(heic):]...)
}

// heifWith is a file of one item with the boxes of its properties, before other boxes.
func heifWith(boxes ...[]byte) []byte {
	properties := slices.IndexFunc(boxes, func(b []byte) bool { return string(b[4:8]) == "iloc" })
	if properties < 0 {
		properties = len(boxes)
	}
	return slices.Concat(testimage.FileType("heic", "mif1"), testimage.FullBox("meta", 0,
		testimage.FullBox("pitm", 0, []byte{0, 1}),
		testimage.FullBox("iinf", 0, []byte{0, 1}, testimage.FullBox("infe", 2, []byte("\x00\x01\x00\x00grid\x00"))),
		testimage.Box("iprp", boxes[:properties]...), slices.Concat(boxes[properties:]...)))
}

// wideHEIFOf is heifOf with the later versions of the boxes, whose numbers are wider, and with the properties of another
// item in front.
func wideHEIFOf(item []byte, properties ...[]byte) []byte {
	list := slices.Concat(bigSizes(2, 7), []byte{2, 0, 2, 0, 2}, bigSizes(1), []byte{byte(len(properties))})
	for i := range properties {
		list = append(list, 0x80, byte(i+1))
	}
	iloc := slices.Concat([]byte{0x44, 0}, bigSizes(1, 1), []byte{0, 1, 0, 0, 0, 1}, bigSizes(0, uint32(len(item))))
	return slices.Concat(testimage.FileType("heic", "mif1"), testimage.FullBox("meta", 0,
		testimage.FullBox("pitm", 1, bigSizes(1)),
		testimage.FullBox("iinf", 1, bigSizes(1), testimage.FullBox("infe", 3, []byte("\x00\x00\x00\x01\x00\x00grid\x00"))),
		testimage.Box("iprp", testimage.Box("ipco", properties...), testimage.Box("ipma", []byte{1, 0, 0, 1}, list)),
		testimage.FullBox("iloc", 2, iloc), testimage.Box("idat", item)))
}

// pngOf is a PNG with the given header and chunks before its picture.
func pngOf(colors byte, before ...[]byte) []byte {
	ihdr := append(bigSizes(30, 20), 8, colors, 0, 0, 1) // interlaced
	return slices.Concat([]byte(testimage.PNGSignature), testimage.PNGChunk("IHDR", ihdr), slices.Concat(before...),
		testimage.PNGChunk("IDAT", make([]byte, 50)), testimage.PNGChunk("IEND", nil))
}

func bmpOf(header []byte) []byte {
	return slices.Concat([]byte("BM"), make([]byte, 12), header, make([]byte, 32))
}

func gifOf(t testing.TB, frames int) []byte {
	var g gif.GIF
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, 30, 20), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tiffDirs is a little-endian TIFF file of directories: the entries of each, and the number of the next, counted
// from 1. An entry of the type IFD has the number of a directory as its value.
func tiffDirs(dirs ...[]uint32) []byte {
	at := func(n uint32) uint32 {
		if n == 0 {
			return 0
		}
		off := 8
		for _, d := range dirs[:n-1] {
			off += 2 + 12*(len(d)/3) + 4
		}
		return uint32(off)
	}
	b := header(8)
	for _, d := range dirs {
		b = put16(b, uint16(len(d)/3))
		for e := d[1:]; len(e) >= 3; e = e[3:] {
			v := e[2]
			if e[1] == container.TypeIFD {
				v = at(v)
			}
			b = entry(b, uint16(e[0]), uint16(e[1]), 1, v)
		}
		b = put32(b, at(d[0]))
	}
	return b
}

func infoSamples(t testing.TB) []infoSample {
	m := testimage.Gradient(30, 20)
	seg := func(o uint16) []byte { return testimage.EXIFSegment(turnedBlock(o)) }
	long := testimage.Segment(0xE2, append([]byte("ICC_PROFILE\x00"), make([]byte, 65000)...))
	other := testimage.Segment(0xE5, make([]byte, 60000))
	ispe := testimage.FullBox("ispe", 0, bigSizes(30, 20))
	irot := func(n byte) []byte { return testimage.Box("irot", []byte{n}) }
	imir := func(n byte) []byte { return testimage.Box("imir", []byte{n}) }
	clap := testimage.Box("clap", bigSizes(20, 1, 30, 3, 0, 1, 0, 1))
	const upright, lying = `"width":"30","height":"20","orientation":"1","displayWidth":"30","displayHeight":"20"`,
		`"width":"30","height":"20","orientation":"6","displayWidth":"20","displayHeight":"30"`
	const plain = `"width":"30","height":"20","displayWidth":"30","displayHeight":"20"`

	// the codestream of 30 by 20: not in eighths, 9 bits each for the height less one and the width
	jxl := func(rest uint64, n int) []byte {
		v := uint64(0) | 0<<1 | 19<<3 | 0<<12 | 0<<15 | 29<<17 | rest<<26
		b := []byte{0xFF, 0x0A}
		for i := 0; i < 26+n; i += 8 {
			b = append(b, byte(v>>i))
		}
		return append(b, make([]byte, 8)...)
	}
	usual := jxl(1, 1)
	// not default, with extra fields: orientation 6 only; then 8 bits, buffers of 16 bits, no channels, XYB, default colors
	jxlTurned := jxl(0|1<<1|5<<2|0<<5|0<<6|0<<7|0<<8|0<<9|1<<11|0<<12|1<<14|1<<15, 20)
	siz := append([]byte("\xFF\x4F\xFF\x51\x00\x2F\x00\x00"), bigSizes(40, 25, 10, 5, 40, 25, 0, 0)...)
	siz = append(siz, 0, 3)

	vp8x := func(flags byte) []byte {
		return testimage.RIFFChunk("VP8X", []byte{flags, 0, 0, 0, 29, 0, 0, 19, 0, 0})
	}
	vp8 := testimage.RIFFChunk("VP8 ", []byte{0, 0, 0, 0x9D, 1, 0x2A, 30, 0x40, 20, 0xC0})
	size := func(w, h uint32) []uint32 {
		return []uint32{0x0100, container.TypeLong, w, 0x0101, container.TypeLong, h}
	}
	dir := func(next uint32, entries ...[]uint32) []uint32 {
		return append([]uint32{next}, slices.Concat(entries...)...)
	}
	kind := func(n uint32) []uint32 { return []uint32{0x00FE, container.TypeLong, n} }
	rgb, mosaic := []uint32{0x0106, container.TypeShort, 2}, []uint32{0x0106, container.TypeShort, cfa}
	rw2 := tiffDirs(dir(0, []uint32{4, container.TypeShort, 6, 5, container.TypeShort, 8, 6, container.TypeShort, 26, 7, container.TypeShort, 38, 0x0112, container.TypeShort, 6}))
	rw2[2] = 0x55
	jxr := tiffDirs(dir(0, []uint32{0xBC80, container.TypeLong, 30, 0xBC81, container.TypeLong, 20}))
	copy(jxr, "II\xBC\x01")
	orf := tiffDirs(dir(0, size(30, 20)))
	copy(orf, "IIRO")
	cr2 := slices.Concat(header(16), []byte("CR\x02\x00\x00\x00\x00\x00"), tiffDirs(dir(0, size(30, 20)))[8:])
	nef := func(maker string) []byte {
		b := testimage.Block{IFD0: []testimage.Entry{
			testimage.Long(0x00FE, 1), testimage.Long(0x0100, 3), testimage.Long(0x0101, 2),
			testimage.ASCII(0x010F, maker), testimage.Long(0x014A, 0x77777777, 0x77777778),
		}}
		out := b.Encode()
		for i, d := range [][]uint32{dir(0, kind(1), size(300, 200)), dir(0, kind(0), size(30, 20), mosaic)} {
			mark := put32(nil, 0x77777777+uint32(i))
			copy(out[bytes.Index(out, mark):], put32(nil, uint32(len(out))))
			out = append(out, tiffDirs(d)[8:]...)
		}
		return out
	}
	mrw := slices.Concat([]byte("\x00MRM"), bigSizes(24), []byte("\x00PRD"), bigSizes(16), make([]byte, 8), []byte{0, 22, 0, 32, 0, 20, 0, 30})
	svg := func(attributes string) []byte {
		return []byte(`<svg xmlns="http://www.w3.org/2000/svg" ` + attributes + `><g/></svg>`)
	}
	stsd := testimage.FullBox("stsd", 0, bigSizes(1), testimage.Box("av01", make([]byte, 24), []byte{0, 30, 0, 20}, make([]byte, 50)))
	avis := slices.Concat(testimage.FileType("avis", "avif", "avis"), testimage.Box("moov",
		testimage.Box("trak", testimage.Box("mdia", testimage.FullBox("hdlr", 0, []byte("\x00\x00\x00\x00auxv"), make([]byte, 12)))),
		testimage.Box("trak", testimage.Box("mdia", testimage.FullBox("hdlr", 0, []byte("\x00\x00\x00\x00pict"), make([]byte, 12)),
			testimage.Box("minf", testimage.Box("stbl", stsd, testimage.FullBox("stsz", 0, bigSizes(0, 7))))))))
	adobe := func(transform byte) []byte {
		return testimage.Segment(0xEE, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), transform))
	}
	four := func(segments ...[]byte) []byte {
		sof := testimage.Segment(0xC2, []byte{8, 0, 20, 0, 30, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0})
		return slices.Concat([]byte("\xFF\xD8"), slices.Concat(segments...), sof, []byte("\xFF\xDA\x00\x04\x00\x00"))
	}
	psd := testimage.PSD(1)
	copy(psd[14:], bigSizes(20, 30))
	jp2With := func(components byte, boxes ...[]byte) []byte {
		header := testimage.Box("ihdr", bigSizes(20, 30), []byte{0, components, 7, 7, 1, 0})
		return slices.Concat([]byte("\x00\x00\x00\x0CjP  \r\n\x87\n"), testimage.FileType("jp2 "), testimage.Box("jp2h", header, slices.Concat(boxes...)))
	}
	jp2 := func(color uint32) []byte { return jp2With(3, testimage.Box("colr", []byte{1, 0, 0}, bigSizes(color))) }
	ico := slices.Concat([]byte{0, 0, 1, 0, 3, 0}, []byte{16, 16, 0, 0, 1, 0, 32, 0}, put32(nil, 9, 54),
		[]byte{0, 0, 0, 0, 1, 0, 32, 0}, put32(nil, 9, 54), []byte{48, 48, 0, 0, 1, 0, 32, 0}, put32(nil, 9, 54))

	// colored is the info of a picture in one color model
	colored := func(format, model string) string {
		if model != "" {
			model = `,"colorModel":"` + model + `"`
		}
		return `{"format":"` + format + `",` + plain + model + `,"frames":"1"}`
	}
	components := func(n byte) []byte { return append(bytes.Clone(siz[:len(siz)-1]), n) }
	psdOf := func(mode byte) []byte {
		b := bytes.Clone(psd)
		b[25] = mode
		return b
	}
	gifBlocks := func(blocks ...string) []byte {
		return []byte("GIF89a\x1E\x00\x14\x00\x81\x00\x00" + strings.Repeat("\xAA", 12) + strings.Join(blocks, ""))
	}
	const gifFrame, gifFrameOfColors = ",\x00\x00\x00\x00\x1E\x00\x14\x00\x00\x02\x03,,,\x01,\x00", ",\x00\x00\x00\x00\x1E\x00\x14\x00\x82" + "!,;!,;!,;!,;!,;!,;!,;!,;" + "\x02\x01,\x00"
	icoOf := func(pictures byte, sides ...byte) []byte {
		b := []byte{0, 0, 1, 0, pictures, 0}
		for ; len(sides) > 0; sides = sides[2:] {
			b = append(b, sides[0], sides[1], 0, 0, 1, 0, 32, 0, 9, 0, 0, 0, 200, 0, 0, 0)
		}
		return b
	}

	return []infoSample{
		{"JPEG", testimage.JPEG(m), `{"format":"JPG",` + plain + `,"colorModel":"ycbcr","frames":"1"}`},
		{"JPEG turned", testimage.JPEG(m, seg(6)), `{"format":"JPG",` + lying + `,"colorModel":"ycbcr","frames":"1"}`},
		{"JPEG turned, behind XMP and others", testimage.JPEG(m, testimage.Segment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta/>")), testimage.Segment(0xE2, []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00")), seg(6)), `{"format":"JPG",` + lying + `,"colorModel":"ycbcr","frames":"1"}`},
		{"JPEG of an orientation there isn't", testimage.JPEG(m, seg(9)), `{"format":"JPG",` + plain + `,"colorModel":"ycbcr","frames":"1"}`},
		{
			"JPEG behind megabytes", testimage.JPEG(m, seg(6), bytes.Repeat(long, 40), other, other, long),
			`{"format":"JPG",` + lying + `,"colorModel":"ycbcr","frames":"1"}`,
		},
		{"JPEG with the EXIF last", testimage.JPEG(m, other, seg(6)), `{"format":"JPG",` + lying + `,"colorModel":"ycbcr","frames":"1"}`},
		{"JPEG in gray", grayJPEG(), `{"format":"JPG",` + plain + `,"colorModel":"gray","frames":"1"}`},
		{"JPEG of Adobe's RGB", testimage.JPEG(m, adobe(0)), `{"format":"JPG",` + plain + `,"colorModel":"rgb","frames":"1"}`},
		{"JPEG of four inks", four(), `{"format":"JPG",` + plain + `,"colorModel":"cmyk","frames":"1"}`},
		{"JPEG of four inks, transformed", four(adobe(2)), `{"format":"JPG",` + plain + `,"colorModel":"ycck","frames":"1"}`},
		{"JPEG of Adobe's transform", testimage.JPEG(m, adobe(1)), `{"format":"JPG",` + plain + `,"colorModel":"ycbcr","frames":"1"}`},
		{"JPEG of components R, G and B", namedJPEG("RGB"), `{"format":"JPG",` + plain + `,"colorModel":"rgb","frames":"1"}`},
		{"JPEG of components R, G and B, transformed", namedJPEG("RGB", adobe(1)), `{"format":"JPG",` + plain + `,"colorModel":"ycbcr","frames":"1"}`},
		{"JPEG of two components", namedJPEG("AB"), `{"format":"JPG",` + plain + `,"frames":"1"}`},
		{"JPEG without a frame", []byte("\xFF\xD8\xFF\xDA\x00\x04\x00\x00"), `{"format":"JPG","frames":"1"}`},

		{"PNG interlaced", pngOf(2), `{"format":"PNG",` + plain + `,"colorModel":"rgb","frames":"1"}`},
		{"PNG turned", pngOf(3, testimage.PNGChunk("eXIf", turnedBlock(6))), `{"format":"PNG",` + lying + `,"colorModel":"palette","frames":"1"}`},
		{"PNG in gray", pngOf(0), colored("PNG", "gray")},
		{"PNG in gray with alpha", pngOf(4), colored("PNG", "gray")},
		{"PNG of colors that don't exist", pngOf(5), colored("PNG", "")},
		{
			"PNG of Xcode", slices.Concat([]byte(testimage.PNGSignature), testimage.PNGChunk("CgBI", []byte("\x50\x00\x20\x02")), pngOf(6)[8:]),
			`{"format":"PNG",` + plain + `,"colorModel":"rgb","frames":"1"}`,
		},
		{"APNG", pngOf(6, testimage.PNGChunk("acTL", bigSizes(5, 0))), `{"format":"PNG",` + plain + `,"colorModel":"rgb","frames":"5"}`},
		{
			"PNG with EXIF behind the picture", testimage.PNG(m, nil, testimage.PNGChunk("eXIf", turnedBlock(6))),
			`{"format":"PNG",` + plain + `,"colorModel":"rgb","frames":"1"}`,
		},

		{"WebP, lossy and extended", testimage.WebP(vp8x(0), vp8), colored("WEBP", "ycbcr")},
		{"WebP, lossless and extended", testimage.WebP(vp8x(0), testimage.VP8L()), colored("WEBP", "rgb")},
		{"WebP with alpha", testimage.WebP(vp8x(16), testimage.RIFFChunk("ALPH", []byte{0, 0}), vp8), colored("WEBP", "ycbcr")},
		{"WebP with a profile", testimage.WebP(vp8x(32), testimage.RIFFChunk("ICCP", []byte{0}), vp8), colored("WEBP", "")},
		{"WebP of a picture alone", testimage.WebP(vp8x(0)), colored("WEBP", "")},
		{
			"WebP, wide", testimage.WebP(testimage.RIFFChunk("VP8X", []byte{0, 0, 0, 0, 0x6F, 0x11, 1, 0x3F, 0x0D, 3}), vp8),
			`{"format":"WEBP","width":"70000","height":"200000","displayWidth":"70000","displayHeight":"200000","colorModel":"ycbcr","frames":"1"}`,
		},
		{"WebP without a start code", testimage.WebP(testimage.RIFFChunk("VP8 ", []byte{0, 0, 0, 0x9D, 1, 0x2B, 30, 0, 20, 0})), `{"format":"WEBP"}`},
		{"WebP, lossless, without a signature", testimage.WebP(testimage.RIFFChunk("VP8L", append([]byte{0x2E}, put32(nil, 29|19<<14)...))), `{"format":"WEBP"}`},
		{
			"WebP animated, of odd chunks", testimage.WebP(vp8x(2), testimage.RIFFChunk("ANIM", make([]byte, 6)), bytes.Repeat(testimage.RIFFChunk("ANMF", make([]byte, 34)), 2), testimage.RIFFChunk("odd ", []byte("ANMFANMF.")), testimage.RIFFChunk("ANMF", nil)),
			`{"format":"WEBP",` + plain + `,"frames":"3"}`,
		},
		{"WebP, lossy", testimage.WebP(vp8), `{"format":"WEBP",` + plain + `,"colorModel":"ycbcr","frames":"1"}`},
		{
			"WebP, lossless", testimage.WebP(testimage.RIFFChunk("VP8L", append([]byte{0x2F}, put32(nil, 29|19<<14|1<<28)...))),
			`{"format":"WEBP",` + plain + `,"colorModel":"rgb","frames":"1"}`,
		},
		{
			"PNG turned with a wrong checksum", testimage.PNG(m, brokenSum(testimage.PNGChunk("eXIf", turnedBlock(6))), nil),
			`{"format":"PNG","width":"30","height":"20","orientation":"6","displayWidth":"30","displayHeight":"20","colorModel":"rgb","frames":"1"}`,
		},
		{
			"PNG turned by the second eXIf", testimage.PNG(m, slices.Concat(testimage.PNGChunk("eXIf", []byte("Exif\x00\x00")), testimage.PNGChunk("eXIf", turnedBlock(6))), nil),
			`{"format":"PNG","width":"30","height":"20","orientation":"6","displayWidth":"30","displayHeight":"20","colorModel":"rgb","frames":"1"}`,
		},
		{
			"PNG turned after a wrong checksum", testimage.PNG(m, slices.Concat(brokenSum(testimage.PNGChunk("eXIf", []byte("MM"))), testimage.PNGChunk("eXIf", turnedBlock(6))), nil),
			`{"format":"PNG","width":"30","height":"20","orientation":"6","displayWidth":"20","displayHeight":"30","colorModel":"rgb","frames":"1"}`,
		},
		{
			"PNG turned by a long eXIf", testimage.PNG(m, testimage.PNGChunk("eXIf", append(turnedBlock(6), make([]byte, 300<<10)...)), nil),
			`{"format":"PNG","width":"30","height":"20","orientation":"6","displayWidth":"20","displayHeight":"30","colorModel":"rgb","frames":"1"}`,
		},
		{
			"PNG turned by a profile", testimage.PNG(m, testimage.TEXT("Raw profile type exif", testimage.RawProfile("exif", turnedBlock(6))), nil),
			`{"format":"PNG","width":"30","height":"20","orientation":"6","displayWidth":"30","displayHeight":"20","colorModel":"rgb","frames":"1"}`,
		},
		{
			"JPEG turned by the second EXIF", testimage.JPEG(m, testimage.EXIFSegment([]byte("not TIFF")), testimage.EXIFSegment(turnedBlock(6))),
			`{"format":"JPG","width":"30","height":"20","orientation":"6","displayWidth":"30","displayHeight":"20","colorModel":"ycbcr","frames":"1"}`,
		},
		{
			"WebP turned", testimage.WebP(vp8x(8), testimage.VP8L(), testimage.RIFFChunk("EXIF", turnedBlock(6))),
			`{"format":"WEBP","width":"30","height":"20","orientation":"6","displayWidth":"30","displayHeight":"20","colorModel":"rgb","frames":"1"}`,
		},
		{
			"WebP animated", testimage.WebP(vp8x(2), testimage.RIFFChunk("ANIM", make([]byte, 6)), bytes.Repeat(testimage.RIFFChunk("ANMF", make([]byte, 33)), 3)),
			`{"format":"WEBP",` + plain + `,"frames":"3"}`,
		},

		{"HEIF", heifOf(nil, ispe), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF turned clockwise", heifOf(nil, ispe, irot(3)), `{"format":"HEIC",` + lying + `,"colorModel":"ycbcr","frames":"1"}`},
		{
			"HEIF turned and mirrored", heifOf(nil, ispe, irot(1), imir(0)),
			`{"format":"HEIC","width":"30","height":"20","orientation":"5","displayWidth":"20","displayHeight":"30","colorModel":"ycbcr","frames":"1"}`,
		},
		{
			"HEIF mirrored and turned", heifOf(nil, ispe, imir(1), irot(1)),
			`{"format":"HEIC","width":"30","height":"20","orientation":"5","displayWidth":"20","displayHeight":"30","colorModel":"ycbcr","frames":"1"}`,
		},
		{
			"HEIF cropped and turned", heifOf(nil, ispe, clap, irot(3)),
			`{"format":"HEIC","width":"30","height":"20","orientation":"6","displayWidth":"10","displayHeight":"20","colorModel":"ycbcr","frames":"1"}`,
		},
		{
			"AVIF cropped in the middle and turned", avifOf(ispe, clap, irot(3)),
			`{"format":"AVIF","width":"30","height":"20","orientation":"6","displayWidth":"20","displayHeight":"30","colorModel":"ycbcr","frames":"1"}`,
		},
		{
			"AVIF cropped at the right and at the bottom, after it is turned", avifOf(ispe, irot(3), testimage.Box("clap", bigSizes(20, 1, 10, 1, 1<<32-5, 1, 1<<32-10, 2))),
			`{"format":"AVIF","width":"30","height":"20","orientation":"6","displayWidth":"10","displayHeight":"20","colorModel":"ycbcr","frames":"1"}`,
		},
		{
			"AVIF cropped to halves", avifOf(ispe, testimage.Box("clap", bigSizes(39, 2, 20, 1, 1<<32-21, 4, 0, 1))),
			`{"format":"AVIF",` + upright + `,"colorModel":"ycbcr","frames":"1"}`,
		},
		{"HEIF of tiles that says its size in itself", heifOf([]byte{0, 0, 1, 1, 0, 30, 0, 20}), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF of one channel", heifOf(nil, ispe, testimage.FullBox("pixi", 0, []byte{1, 8})), `{"format":"HEIC",` + upright + `,"colorModel":"gray","frames":"1"}`},
		{
			"HEIF in a box mini", slices.Concat(testimage.FileType("mif3", "avif"), testimage.Box("mini", []byte{0, 0x0D}, bigSizes(29<<24|19<<17), make([]byte, 8))),
			`{"format":"HEIC",` + lying + `,"colorModel":"ycbcr","frames":"1"}`,
		},
		{"HEIF with wide numbers", wideHEIFOf(nil, ispe, irot(3)), `{"format":"HEIC",` + lying + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF of tiles with wide numbers", wideHEIFOf(append([]byte{0, 1, 1, 1}, bigSizes(30, 20)...)), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF of tiles of another version", heifOf([]byte{1, 0, 1, 1, 0, 30, 0, 20}), `{"format":"HEIC","orientation":"1","colorModel":"ycbcr","frames":"1"}`},
		{"HEIF whose size isn't the first property", heifOf(nil, testimage.Box("hvcC", bytes.Repeat([]byte{1}, 23)), ispe), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF of two sizes", heifOf(nil, ispe, testimage.FullBox("ispe", 0, bigSizes(3, 2))), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF upside down", heifOf(nil, ispe, irot(2)), `{"format":"HEIC","width":"30","height":"20","orientation":"3","displayWidth":"30","displayHeight":"20","colorModel":"ycbcr","frames":"1"}`},
		{"HEIF mirrored", heifOf(nil, ispe, imir(1)), `{"format":"HEIC","width":"30","height":"20","orientation":"2","displayWidth":"30","displayHeight":"20","colorModel":"ycbcr","frames":"1"}`},
		{"HEIF cropped to halves", heifOf(nil, ispe, testimage.Box("clap", bigSizes(39, 2, 29, 2, 0, 1, 0, 1))), `{"format":"HEIC","width":"30","height":"20","orientation":"1","displayWidth":"20","displayHeight":"15","colorModel":"ycbcr","frames":"1"}`},
		{"HEIF cropped to all of it", heifOf(nil, ispe, testimage.Box("clap", bigSizes(30, 1, 20, 1, 0, 1, 0, 1))), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF cropped to more than it is wide", heifOf(nil, ispe, testimage.Box("clap", bigSizes(31, 1, 10, 1, 0, 1, 0, 1))), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF cropped to more than it is high", heifOf(nil, ispe, testimage.Box("clap", bigSizes(10, 1, 21, 1, 0, 1, 0, 1))), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF cropped by zero", heifOf(nil, ispe, testimage.Box("clap", bigSizes(10, 0, 10, 1, 0, 1, 0, 1)), testimage.Box("clap", bigSizes(10, 1, 10, 0, 0, 1, 0, 1))), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF cropped to nothing", heifOf(nil, ispe, testimage.Box("clap", bigSizes(0, 1, 10, 1, 0, 1, 0, 1)), testimage.Box("clap", bigSizes(10, 1, 0, 1, 0, 1, 0, 1))), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF of three channels", heifOf(nil, ispe, testimage.FullBox("pixi", 0, []byte{3, 8, 8, 8})), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF in RGB", heifOf(nil, ispe, testimage.Box("colr", []byte("nclx\x00\x01\x00\x0D\x00\x00\x80"))), `{"format":"HEIC",` + upright + `,"colorModel":"rgb","frames":"1"}`},
		{"HEIF in other colors", heifOf(nil, ispe, testimage.Box("colr", []byte("nclx\x00\x01\x00\x0D\x00\x06\x80"))), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"HEIF of a profile", heifOf(nil, ispe, testimage.Box("colr", []byte("prof"), make([]byte, 20))), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{"AV1 in gray", heifOf(nil, ispe, testimage.Box("av1C", []byte{0x81, 0, 0x10, 0})), `{"format":"HEIC",` + upright + `,"colorModel":"gray","frames":"1"}`},
		{"AV1 in colors", heifOf(nil, ispe, testimage.Box("av1C", []byte{0x81, 0, 0x0C, 0})), `{"format":"HEIC",` + upright + `,"colorModel":"ycbcr","frames":"1"}`},
		{
			"HEIF in a box mini, large", slices.Concat(testimage.FileType("mif3", "avif"), testimage.Box("mini", []byte{0, 0x08}, bigSizes(1<<31|1999<<16|999<<1), make([]byte, 8))),
			`{"format":"HEIC","width":"2000","height":"1000","orientation":"1","displayWidth":"2000","displayHeight":"1000","colorModel":"ycbcr","frames":"1"}`,
		},
		{
			"HEIF in a box mini, gray", slices.Concat(testimage.FileType("mif3", "avif"), testimage.Box("mini", []byte{0, 0}, bigSizes(29<<24|19<<17), make([]byte, 8))),
			`{"format":"HEIC",` + upright + `,"colorModel":"gray","frames":"1"}`,
		},
		{
			"AVIF sequence after a picture", slices.Concat(testimage.FileType("avis", "avif", "avis"), heifOf(nil, ispe, irot(3))[len(testimage.FileType("heic", "mif1")):], testimage.Box("free", []byte("moov")), avis[len(testimage.FileType("avis", "avif", "avis")):]),
			`{"format":"AVIF",` + lying + `,"colorModel":"ycbcr","frames":"7"}`,
		},
		{"AVIF sequence", avis, `{"format":"AVIF",` + plain + `,"frames":"7"}`},

		{"JPEG XL", usual, `{"format":"JXL",` + upright + `,"colorModel":"rgb","frames":"1"}`},
		{"JPEG XL turned", jxlTurned, `{"format":"JXL",` + lying + `,"colorModel":"rgb","frames":"1"}`},
		{"JPEG XL in a box", testimage.JXL(testimage.Box("jxlc", jxlTurned)), `{"format":"JXL",` + lying + `,"colorModel":"rgb","frames":"1"}`},
		{"JPEG XL in pieces", testimage.JXL(testimage.Box("jxlp", []byte{0, 0, 0, 0}, jxlTurned[:3]), testimage.Box("jxlp", []byte{0, 0, 0, 1}, jxlTurned[3:4]),
			testimage.Box("jxlp", []byte{0x80, 0, 0, 2}, jxlTurned[4:])), `{"format":"JXL",` + lying + `,"colorModel":"rgb","frames":"1"}`},

		{"GIF", gifOf(t, 1), `{"format":"GIF",` + plain + `,"colorModel":"palette","frames":"1"}`},
		{"GIF animated", gifOf(t, 4), `{"format":"GIF",` + plain + `,"colorModel":"palette","frames":"4"}`},
		{"BMP", bmpOf(put16(put32(nil, 40, 30, 20), 1, 24)), `{"format":"BMP",` + plain + `,"colorModel":"rgb","frames":"1"}`},
		{"BMP from top to bottom", bmpOf(put16(put32(nil, 40, 30, 0xFFFFFFEC), 1, 8)), `{"format":"BMP",` + plain + `,"colorModel":"palette","frames":"1"}`},
		{"BMP of OS/2", bmpOf(put16(put32(nil, 12), 30, 20, 1, 4)), `{"format":"BMP",` + plain + `,"colorModel":"palette","frames":"1"}`},
		{"BMP of one bit", bmpOf(put16(put32(nil, 40, 30, 20), 1, 1)), colored("BMP", "palette")},
		{"BMP of 16 bits", bmpOf(put16(put32(nil, 40, 30, 20), 1, 16)), colored("BMP", "rgb")},
		{"BMP with a JPEG in it", bmpOf(put16(put32(nil, 40, 30, 20), 1, 0)), colored("BMP", "rgb")},
		{"BMP of OS/2, 24 bits", bmpOf(put16(put32(nil, 12), 30, 20, 1, 24)), colored("BMP", "rgb")},
		{
			"GIF of all blocks", gifBlocks("!\xF9\x04,,,,\x00", gifFrame, "!\xFE\x02,,\x01,\x00", "!\xFE\x00", "!\xFF\x0BNETSCAPE2.0\x03\x01\x00\x00\x00", "\x00\x00", gifFrameOfColors, gifFrame, ";"+gifFrame),
			`{"format":"GIF",` + plain + `,"colorModel":"palette","frames":"3"}`,
		},
		{"GIF with junk", gifBlocks(gifFrame, "\x01", gifFrame, ";"), colored("GIF", "palette")},
		{"ICO of one picture", icoOf(1, 30, 20, 48, 48), `{"format":"ICO",` + plain + `,"frames":"1"}`},
		{"ICO of a wide and a square picture", icoOf(2, 30, 20, 24, 24), `{"format":"ICO",` + plain + `,"frames":"2"}`},
		{"ICO", ico, `{"format":"ICO","width":"256","height":"256","displayWidth":"256","displayHeight":"256","frames":"3"}`},
		{"PSD", psd, `{"format":"PSD",` + plain + `,"colorModel":"rgb","frames":"1"}`},
		{"PSD of bits", psdOf(0), colored("PSD", "gray")},
		{"PSD in gray", psdOf(1), colored("PSD", "gray")},
		{"PSD of a palette", psdOf(2), colored("PSD", "palette")},
		{"PSD of inks", psdOf(4), colored("PSD", "cmyk")},
		{"PSD of channels", psdOf(7), colored("PSD", "")},
		{"PSD in two tones", psdOf(8), colored("PSD", "gray")},
		{"PSD in Lab", psdOf(9), colored("PSD", "lab")},
		{"JP2", jp2(17), `{"format":"JP2",` + plain + `,"colorModel":"gray","frames":"1"}`},
		{"JP2 in RGB", jp2(16), colored("JP2", "rgb")},
		{"JP2 in YCbCr", jp2(18), colored("JP2", "ycbcr")},
		{"JP2 of inks", jp2(12), colored("JP2", "cmyk")},
		{"JP2 in other colors", jp2(14), colored("JP2", "rgb")},
		{"JP2 of a profile", jp2With(3, testimage.Box("colr", []byte{2, 0, 0}, bigSizes(17))), colored("JP2", "rgb")},
		{"JP2 in two colors", jp2With(3, testimage.Box("colr", []byte{1, 0, 0}, bigSizes(12)), testimage.Box("colr", []byte{1, 0, 0}, bigSizes(17))), colored("JP2", "cmyk")},
		{"JP2 of one component", jp2With(1), colored("JP2", "gray")},
		{"JP2 without a header", slices.Concat([]byte("\x00\x00\x00\x0CjP  \r\n\x87\n"), testimage.FileType("jp2 "), testimage.LastBox("jp2c", siz)), colored("JP2", "rgb")},
		{"JP2, naked, 1 component", components(1), colored("JP2", "gray")},
		{"JP2, naked, 2 components", components(2), colored("JP2", "gray")},
		{"JP2, naked, 4 components", components(4), colored("JP2", "rgb")},
		{"JP2, naked, 5 components", components(5), colored("JP2", "")},
		{"JP2, naked", siz, `{"format":"JP2",` + plain + `,"colorModel":"rgb","frames":"1"}`},

		{"SVG", svg(`width="30" height="20px" viewBox="0 0 1 1"`), `{"format":"SVG",` + plain + `}`},
		{"SVG of a share of the page", svg(`width="100%" height="100%" viewBox="0,0 30 20"`), `{"format":"SVG",` + plain + `}`},
		{"SVG in inches", svg(`width="0.3125in" viewBox="0 0 3 2"`), `{"format":"SVG",` + plain + `}`},
		{"SVG in points with an exponent", svg(`width="2.25e1pt" height="15pt"`), `{"format":"SVG",` + plain + `}`},
		{"SVG in rem", svg(`width="1.875rem" height="1.25em"`), `{"format":"SVG",` + plain + `}`},
		{"SVG in picas", svg(`width="1.875pc" height="1.25pc"`), `{"format":"SVG",` + plain + `}`},
		{"SVG in centimeters", svg(`width="0.79375cm" height="0.5291667CM"`), `{"format":"SVG",` + plain + `}`},
		{"SVG in millimeters", svg(`width="7.9375mm" height="5.291667mm"`), `{"format":"SVG",` + plain + `}`},
		{"SVG in quarters of them", svg(`width="31.75Q" height="21.16667q"`), `{"format":"SVG",` + plain + `}`},
		{"SVG in ex", svg(`width="3.75ex" height="2.5ex"`), `{"format":"SVG",` + plain + `}`},
		{"SVG in em", svg(`width="1.875em" height="1.25EM"`), `{"format":"SVG",` + plain + `}`},
		{"SVG of small exponents", svg(`width="300e-1" height="+.2e+2"`), `{"format":"SVG",` + plain + `}`},
		{"SVG of a width and a view", svg(`width="30" viewBox="5 5 60 40"`), `{"format":"SVG",` + plain + `}`},
		{"SVG of a height and a view", svg(`height="20" viewBox="5 5 60 40"`), `{"format":"SVG",` + plain + `}`},
		{"SVG of a view", svg("viewBox=\"0\t0\n30 ,20\""), `{"format":"SVG",` + plain + `}`},
		{"SVG of a flat view", svg(`viewBox="0 0 30 0"`), `{"format":"SVG"}`},
		{"SVG of a narrow view", svg(`viewBox="0 0 0 20"`), `{"format":"SVG"}`},
		{"SVG of a width and a flat view", svg(`width="30" viewBox="0 0 30 0"`), `{"format":"SVG"}`},
		{"SVG of three numbers", svg(`viewBox="0 0 30"`), `{"format":"SVG"}`},
		{"SVG of five numbers", svg(`viewBox="0 0 30 20 0"`), `{"format":"SVG"}`},
		{"SVG of an infinite view", svg(`viewBox="0 0 Inf 20"`), `{"format":"SVG"}`},
		{"SVG turned inside out", svg(`width="-30" height="20"`), `{"format":"SVG"}`},
		{"SVG of a dot", svg(`width="0.2" height="0.2"`), `{"format":"SVG","width":"1","height":"1","displayWidth":"1","displayHeight":"1"}`},
		{"SVG rounded", svg(`width="29.5" height="20.4"`), `{"format":"SVG",` + plain + `}`},
		{"SVG of the largest size", svg(`width="4294967295" height="4294967296"`), `{"format":"SVG"}`},
		{"SVG of another namespace's width", svg(`width="30" height="20" inkscape:width="9" inkscape:height="9" inkscape:viewBox="0 0 1 1"`), `{"format":"SVG",` + plain + `}`},
		{"SVG with a prefix", []byte("\xEF\xBB\xBF<?xml version='1.0' encoding='latin9'?>\n<!-- a --><!DOCTYPE svg:svg [<!ENTITY a 'b'>]>\n<svg:svg width='30' height='20'/>"), `{"format":"SVG",` + plain + `}`},
		{"SVG of no size", svg(`width="auto" viewBox="0 0 0 NaN"`), `{"format":"SVG"}`},
		{"SVG of an absurd size", svg(`width="1e300" height="1e300"`), `{"format":"SVG"}`},

		{"TIFF", tiffDirs(dir(0, size(30, 20), rgb, []uint32{0x0112, container.TypeShort, 6})), `{"format":"TIFF",` + lying + `,"colorModel":"rgb","frames":"1"}`},
		{
			"TIFF of three pages and a thumbnail", tiffDirs(dir(2, size(30, 20), rgb), dir(3, kind(1), size(3, 2)), dir(4, kind(2), size(9, 9)), dir(0, size(9, 9))),
			`{"format":"TIFF",` + plain + `,"colorModel":"rgb","frames":"3"}`,
		},
		{"TIFF whose pages go round", tiffDirs(dir(2, size(30, 20), rgb), dir(2, size(30, 20))), `{"format":"TIFF",` + plain + `,"colorModel":"rgb"}`},
		{"TIFF of a thumbnail first", tiffDirs(dir(2, kind(1), size(3, 2)), dir(0, kind(0), size(30, 20), rgb)), `{"format":"TIFF",` + plain + `,"colorModel":"rgb","frames":"2"}`},
		{
			"DNG", tiffDirs(dir(0, kind(1), size(3, 2), []uint32{0x014A, container.TypeIFD, 2, 0xC612, container.TypeByte, 1}), dir(0, kind(0), size(30, 20), mosaic)),
			`{"format":"DNG",` + plain + `,"colorModel":"cfa"}`,
		},
		{"CR2", cr2, `{"format":"CR2",` + plain + `,"colorModel":"cfa"}`},
		{"NEF", nef("NIKON CORPORATION"), `{"format":"NEF",` + plain + `,"colorModel":"cfa"}`},
		{"ARW", nef("SONY"), `{"format":"ARW",` + plain + `,"colorModel":"cfa"}`},
		{"SRW", nef("Samsung Techwin"), `{"format":"SRW",` + plain + `,"colorModel":"cfa"}`},
		{"RW2", rw2, `{"format":"RW2",` + lying + `,"colorModel":"cfa"}`},
		{"ORF", orf, `{"format":"ORF",` + plain + `,"colorModel":"cfa"}`},
		{"JPEG XR", jxr, `{"format":"JXR",` + plain + `,"frames":"1"}`},
		{"MRW", mrw, `{"format":"MRW",` + plain + `,"colorModel":"cfa"}`},
		{"MRW, little-endian", slices.Concat([]byte("\x00MRI\x34\x00\x00\x00\x00ABC\x04\x00\x00\x00PRD!\x00PRD\x10\x00\x00\x00"), make([]byte, 8), []byte{22, 0, 32, 0, 20, 0, 30, 0}), `{"format":"MRW",` + plain + `,"colorModel":"cfa"}`},
		{"RAF", testimage.RAF(testimage.JPEG(m, seg(6))), `{"format":"RAF",` + lying + `,"colorModel":"cfa"}`},
		{"CR3", testimage.CR3(tiffDirs(dir(0, size(30, 20), []uint32{0x0112, container.TypeShort, 6})), nil, nil), `{"format":"CR3",` + lying + `,"colorModel":"cfa"}`},
	}
}

func grayJPEG() []byte {
	m := image.NewGray(image.Rect(0, 0, 30, 20))
	return testimage.JPEG(m)
}

// sizelessInfo returns the info in the raw style without the size in bytes, or the error.
func sizelessInfo(r io.ReaderAt) string {
	i, err := ReadInfo(r)
	if err != nil {
		return err.Error()
	}
	i.Size = -1
	return string(i.AppendJSON(nil, Raw))
}

func TestReadInfo(t *testing.T) {
	for _, s := range infoSamples(t) {
		t.Run(s.name, func(t *testing.T) {
			if got := sizelessInfo(bytes.NewReader(s.data)); got != s.want {
				t.Errorf("got  %s\nwant %s", got, s.want)
			}
			if got := sizelessInfo(sizeless{bytes.NewReader(s.data)}); got != s.want {
				t.Errorf("of unknown length: got  %s\nwant %s", got, s.want)
			}
		})
	}
}

// jxlNumbers is a JPEG XL codestream that begins with these numbers, each of them followed by how many bits it has. The
// bits after them are ones.
func jxlNumbers(numbers ...int) []byte {
	b := append([]byte{0xFF, 0x0A}, bytes.Repeat([]byte{0xFF}, 40)...)
	at := 16
	for ; len(numbers) > 0; numbers = numbers[2:] {
		for k := range numbers[1] {
			if numbers[0]>>k&1 == 0 {
				b[at/8] &^= 1 << (at % 8)
			}
			at++
		}
	}
	return b
}

// TestJPEGXLHeaders: each form of the headers' fields (18181-1, D.2 and D.3) is read or skipped by its length.
func TestJPEGXLHeaders(t *testing.T) {
	const upright = `{"format":"JXL","width":"30","height":"20","orientation":"1","displayWidth":"30","displayHeight":"20"`
	sized := func(w, h int) string {
		return fmt.Sprintf(`{"format":"JXL","width":"%d","height":"%d","orientation":"1","displayWidth":"%[1]d","displayHeight":"%[2]d","colorModel":"rgb","frames":"1"}`, w, h)
	}
	size := []int{0, 1, 0, 2, 19, 9, 0, 3, 0, 2, 29, 9}
	depth, gray := []int{0, 1, 0, 2, 0, 1}, []int{0, 1, 0, 1, 0, 1, 1, 2} // of 8 bits, no buffers of 16; no XYB, no ICC profile
	// fields returns a header with these fields between the size and the colors
	fields := func(numbers ...[]int) []byte {
		return jxlNumbers(slices.Concat(size, slices.Concat(numbers...), gray)...)
	}
	extra := func(numbers ...int) []byte { return fields([]int{0, 1, 1, 1, 0, 3}, numbers, depth, []int{0, 2}) }
	channels := func(numbers ...int) []byte { return fields([]int{0, 1, 0, 1}, depth, numbers) }
	colors := func(numbers ...int) []byte {
		return jxlNumbers(slices.Concat(size, []int{0, 1, 0, 1}, depth, []int{0, 2}, numbers)...)
	}
	type header struct {
		name string
		data []byte
		want string
	}
	const still, moving = upright + `,"colorModel":"gray","frames":"1"}`, upright + `,"colorModel":"gray"}`
	all := []header{
		{"in eighths", jxlNumbers(1, 1, 1, 5, 0, 3, 2, 5, 1, 1), sized(24, 16)},
		{"sides of 13 bits", jxlNumbers(0, 1, 1, 2, 999, 13, 0, 3, 1, 2, 1999, 13, 1, 1), sized(2000, 1000)},
		{"sides of 18 and 30 bits", jxlNumbers(0, 1, 2, 2, 99999, 18, 0, 3, 3, 2, 1<<29, 30, 1, 1), sized(1<<29+1, 100000)},

		{"no extra fields", channels(0, 2), still},
		{"12 bits", fields([]int{0, 1, 0, 1, 0, 1, 2, 2, 0, 1, 0, 2}), still},
		{"any number of bits", fields([]int{0, 1, 0, 1, 0, 1, 3, 2, 13, 6, 0, 1, 0, 2}), still},
		{"floats", fields([]int{0, 1, 0, 1, 1, 1, 1, 2, 4, 4, 0, 1, 0, 2}), still},
		{"floats of any number of bits", fields([]int{0, 1, 0, 1, 1, 1, 3, 2, 15, 6, 4, 4, 0, 1, 0, 2}), still},

		{"extra fields", extra(0, 1, 0, 1, 0, 1), still},
		{"intrinsic size", extra(slices.Concat([]int{1, 1}, size, []int{0, 1, 0, 1})...), still},
		{"intrinsic size of a ratio", extra(1, 1, 1, 1, 4, 5, 5, 3, 0, 1, 0, 1), still},
		{"loops for ever", extra(0, 1, 0, 1, 1, 1, 0, 2, 0, 2, 0, 2, 0, 1), moving},
		{"1000/1001 ticks, 5 loops", extra(0, 1, 0, 1, 1, 1, 1, 2, 1, 2, 1, 2, 5, 3, 1, 1), moving},
		{"ticks of 10 and 8 bits", extra(0, 1, 0, 1, 1, 1, 2, 2, 600, 10, 2, 2, 90, 8, 2, 2, 1000, 16, 0, 1), moving},
		{"ticks of 30 and 10 bits", extra(0, 1, 0, 1, 1, 1, 3, 2, 1<<20, 30, 3, 2, 600, 10, 3, 2, 1<<20, 32, 0, 1), moving},

		{"alpha", channels(1, 2, 1, 1), still},
		{"three times alpha", channels(2, 2, 1, 4, 1, 1, 1, 1, 1, 1), still},
		{"many times alpha", channels(slices.Concat([]int{3, 2, 19, 12}, slices.Repeat([]int{1, 1}, 20))...), still},
		{"alpha of its own depth", channels(1, 2, 0, 1, 0, 2, 1, 1, 3, 2, 3, 6, 4, 4, 0, 2, 0, 2, 1, 1), still},
		{"subsampled alpha with a name", channels(1, 2, 0, 1, 0, 2, 0, 1, 0, 2, 3, 2, 2, 3, 1, 2, 3, 4, 0xABCDEF, 24, 0, 1), still},
		{"alpha with a long name", channels(slices.Concat([]int{1, 2, 0, 1, 0, 2, 0, 1, 0, 2, 1, 2, 2, 2, 0, 5}, slices.Repeat([]int{0x55, 8}, 16), []int{0, 1})...), still},
		{"alpha, then depth", channels(2, 2, 0, 4, 1, 1, 0, 1, 1, 2, 0, 1), upright + `,"frames":"1"}`},

		{"default colors", colors(0, 1, 1, 1), upright + `,"colorModel":"rgb","frames":"1"}`},
		{"gray with a profile", colors(0, 1, 0, 1, 1, 1, 1, 2), still},
		{"RGB", colors(0, 1, 0, 1, 0, 1, 0, 2), upright + `,"colorModel":"rgb","frames":"1"}`},
		{"XYB", colors(1, 1, 0, 1, 0, 1, 2, 2, 0, 4), upright + `,"colorModel":"rgb","frames":"1"}`},
		{"other colors", colors(0, 1, 0, 1, 0, 1, 2, 2, 1, 4), upright + `,"frames":"1"}`},
	}
	for i, width := range []int{120, 144, 160, 180, 213, 150, 240} {
		all = append(all, header{fmt.Sprint("ratio ", i+1), jxlNumbers(1, 1, 14, 5, i+1, 3, 1, 1), sized(width, 120)})
	}
	for _, o := range []int{3, 6} {
		turned := slices.Concat(size, []int{0, 1, 1, 1, o - 1, 3, 0, 3}, depth, []int{0, 2}, gray)
		shown := map[int]string{3: `"displayWidth":"30","displayHeight":"20"`, 6: `"displayWidth":"20","displayHeight":"30"`}[o]
		all = append(all, header{
			fmt.Sprint("orientation ", o), jxlNumbers(turned...),
			fmt.Sprintf(`{"format":"JXL","width":"30","height":"20","orientation":"%d",%s,"colorModel":"gray","frames":"1"}`, o, shown),
		})
	}
	for k, bits := range []int{6, 8, 10, 12} {
		preview := []int{0, 1, 1, 1, 0, 1, k, 2, 5, bits, 0, 3, k, 2, 5, bits, 0, 1}
		all = append(all, header{fmt.Sprintf("preview of %d bits", bits), extra(preview...), still})
		preview = []int{0, 1, 1, 1, 0, 1, k, 2, 5, bits, 1, 3, 0, 1}
		all = append(all, header{fmt.Sprintf("preview of %d bits and a ratio", bits), extra(preview...), still})
		eighths := []int{0, 0, 5, 9}[k]
		preview = []int{0, 1, 1, 1, 1, 1, k, 2, 5, eighths, 0, 3, k, 2, 5, eighths, 0, 1}
		all = append(all, header{fmt.Sprintf("preview in eighths of %d bits", eighths), extra(preview...), still})
	}
	for _, h := range all {
		if got := sizelessInfo(bytes.NewReader(h.data)); got != h.want {
			t.Errorf("%s: got  %s\nwant %s", h.name, got, h.want)
		}
	}
}

// TestEveryFormatHasInfo: a row without the function would panic.
func TestEveryFormatHasInfo(t *testing.T) {
	for name, f := range formats {
		if f.info == nil {
			t.Errorf("%s has no function for its info", name)
		}
	}
}

// TestInfoKeepsFormatNames: Info and Metadata have the same format name, which the metrics use.
func TestInfoKeepsFormatNames(t *testing.T) {
	for name, files := range testimage.Formats() {
		for k, b := range files {
			i, err := ReadInfo(bytes.NewReader(b))
			if err != nil || i.Format != name {
				t.Errorf("sample %d of %s: got format %q, error %v", k, name, i.Format, err)
			}
		}
	}
}

func TestInfoErrors(t *testing.T) {
	film := slices.Concat(testimage.FileType("isom", "mp42"), testimage.Box("moov", make([]byte, 100)))
	for name, tc := range map[string]struct {
		data   []byte
		format string
		want   error
	}{
		"empty":                        {nil, "", ErrNotImage},
		"text":                         {[]byte("hello"), "", ErrNotImage},
		"film":                         {film, "", ErrNotImage},
		"other XML":                    {[]byte("<?xml version='1.0'?><html/>"), "", ErrNotImage},
		"XML of another svg":           {[]byte(`<?xml version="1.0"?><a:svg width="30" height="20"/>`), "", ErrNotImage},
		"XML with text first":          {[]byte(`<?xml version="1.0"?> text <svg width="30" height="20"/>`), "", ErrNotImage},
		"XML with an end first":        {[]byte(`<?xml version="1.0"?></a><svg width="30" height="20"/>`), "", ErrNotImage},
		"XML with another declaration": {[]byte(`<?xml version="1.0"?><!ELEMENT a><svg width="30" height="20"/>`), "", ErrNotImage},
		"properties of 65,537 items": {
			heifWith(testimage.FullBox("ipma", 0, bigSizes(1<<16+1), bytes.Repeat([]byte{0, 2, 0}, 1<<16+1))), "heif", ErrTooLarge,
		},
		"a million segments before the frame": {
			append([]byte("\xFF\xD8"), bytes.Repeat([]byte("\xFF\xE5\x00\x02"), 1<<20)...), "jpeg", ErrTooLarge,
		},
	} {
		if i, err := ReadInfo(bytes.NewReader(tc.data)); !errors.Is(err, tc.want) || i.Format != tc.format {
			t.Errorf("%s: got %+v, error %v, want %v", name, i, err, tc.want)
		}
	}
}

func TestInfoStyles(t *testing.T) {
	i := Info{Format: "jpeg", Size: 158421, Info: container.Info{Width: 4000, Height: 3000, DisplayWidth: 3000, DisplayHeight: 4000, Orientation: 6, ColorModel: "ycbcr", Frames: 1}}
	for style, want := range map[Style]string{
		Raw: `{"format":"JPG","size":"158421","width":"4000","height":"3000","orientation":"6","displayWidth":"3000",` +
			`"displayHeight":"4000","colorModel":"ycbcr","frames":"1"}`,
		Described: `{"format":"JPG","size":"154.71KB","width":"4000 px","height":"3000 px","orientation":"Rotated 90° CW (right-upper)",` +
			`"displayWidth":"3000 px","displayHeight":"4000 px","colorModel":"ycbcr","frames":"1"}`,
		Typed: `{"format":"JPG","size":158421,"width":4000,"height":3000,"orientation":6,"displayWidth":3000,` +
			`"displayHeight":4000,"colorModel":"ycbcr","frames":1}`,
	} {
		if got := string(i.AppendJSON(nil, style)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1.00KB", 1 << 20: "1.00MB", 5 << 30: "5.00GB", 1 << 60: "1048576.00TB"} {
		if got := scaled(n); got != want {
			t.Errorf("%d bytes: got %s, want %s", n, got, want)
		}
	}
}

// TestTurnsAreAGroup: four quarter turns, or two mirrorings, are the identity, and each quarter turn swaps
// the sides.
func TestTurnsAreAGroup(t *testing.T) {
	for o := 1; o <= 8; o++ {
		if got := container.Rotated(container.Rotated(o, 1), 3); got != o {
			t.Errorf("%d turned once and back: got %d", o, got)
		}
		if got := container.Mirrored(container.Mirrored(o)); got != o {
			t.Errorf("%d mirrored twice: got %d", o, got)
		}
		if (container.Rotated(o, 1) > 4) == (o > 4) || (container.Mirrored(o) > 4) != (o > 4) {
			t.Errorf("%d: turned is %d, mirrored %d", o, container.Rotated(o, 1), container.Mirrored(o))
		}
	}
}

// brokenSum returns a PNG chunk with a wrong checksum.
func brokenSum(chunk []byte) []byte {
	chunk[len(chunk)-1]++
	return chunk
}

// TestInfoTakesOneWindow: ReadInfo doesn't read the data after the headers.
func TestInfoTakesOneWindow(t *testing.T) {
	big := make([]byte, 3<<20)
	picture := append([]byte{0, 0, 0, 0x9D, 1, 0x2A, 30, 0, 20, 0}, big...)
	samples := append(infoSamples(t), infoSample{name: "large WebP", data: testimage.WebP(testimage.RIFFChunk("VP8 ", picture))})
	for _, s := range samples {
		if strings.HasPrefix(s.name, "WebP") || slices.Contains([]string{"JPEG behind megabytes", "JPEG with the EXIF last", "PNG turned by a long eXIf"}, s.name) {
			continue // by design, and WebP's EXIF may come after any chunks
		}
		t.Run(s.name, func(t *testing.T) {
			data := s.data
			if len(data) < len(big) {
				data = append(data[:len(data):len(data)], big...)
			}
			w := &window{r: bytes.NewReader(data)}
			if _, err := ReadInfo(sized{w, int64(len(data))}); err != nil {
				t.Fatal(err)
			}
			if len(w.fetched) > 1 {
				t.Errorf("got %d windows %v, want one", len(w.fetched), w.fetched)
			}
		})
	}
}

// sized is a file of known length, without reads beyond its end.
type sized struct {
	io.ReaderAt
	size int64
}

func (s sized) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.size {
		return 0, io.EOF
	}
	return s.ReaderAt.ReadAt(p, off)
}

func (s sized) Size() int64 { return s.size }

// TestInfoSkipsSegments: ReadInfo skips megabytes of segments before the frame with small reads.
func TestInfoSkipsSegments(t *testing.T) {
	s := infoSamples(t)
	i := slices.IndexFunc(s, func(s infoSample) bool { return s.name == "JPEG behind megabytes" })
	w := &peeked{r: bytes.NewReader(s[i].data)}
	if _, err := ReadInfo(w); err != nil {
		t.Fatal(err)
	}
	// the two segments that show that the second is like the first
	if w.reads > 2 || w.peeks == 0 {
		t.Errorf("got %d reads of what wasn't peeked at, and %d peeks", w.reads, w.peeks)
	}
}

// peeked counts the reads of a file after its first 64 KiB, except those near the last peek.
type peeked struct {
	r            *bytes.Reader
	reads, peeks int
	near         int64
}

func (p *peeked) ReadAt(b []byte, off int64) (int, error) {
	if off > 64<<10 && (off < p.near || off-p.near > 4<<10) {
		p.reads++
	}
	return p.r.ReadAt(b, off)
}

func (p *peeked) PeekAt(b []byte, off int64) (int, error) {
	p.peeks++
	p.near = off
	return p.r.ReadAt(b, off)
}

// TestFramesOfLongAnimationsAreLeftOut: counting must not read a large file.
func TestFramesOfLongAnimationsAreLeftOut(t *testing.T) {
	frame := testimage.RIFFChunk("ANMF", make([]byte, 1<<16))
	block := slices.Concat([]byte{'!', 0xFE}, bytes.Repeat(append([]byte{255}, make([]byte, 255)...), 1<<14), []byte{0})
	g := gifOf(t, 2)
	tiny := slices.Concat([]byte{'!', 0xFE}, bytes.Repeat([]byte{1, 0}, 1<<18), []byte{0})
	pages := tiffDirs(slices.Repeat([][]uint32{{0, 0x0100, container.TypeLong, 30, 0x0101, container.TypeLong, 20}}, 1)...)
	for range 100 { // at distances of 8 KiB
		binary.LittleEndian.PutUint32(pages[len(pages)-4:], uint32(len(pages)+8<<10))
		pages = append(append(pages, make([]byte, 8<<10)...), tiffDirs([]uint32{0, 0x0100, container.TypeLong, 30, 0x0101, container.TypeLong, 20})[8:]...)
	}
	for name, data := range map[string][]byte{
		"WebP":                    testimage.WebP(testimage.VP8X(2), bytes.Repeat(frame, 40)),
		"GIF":                     slices.Concat(g[:len(g)-1], block, g[len(g)-1:]),
		"GIF of tiny blocks":      slices.Concat(g[:len(g)-1], tiny, g[len(g)-1:]),
		"TIFF of pages far apart": pages,
	} {
		for _, r := range []io.ReaderAt{bytes.NewReader(data), sizeless{bytes.NewReader(data)}} {
			c := &counter{r: r}
			i, err := ReadInfo(c)
			if err != nil || i.Frames != 0 || i.Width == 0 {
				t.Errorf("%s: got %+v, error %v", name, i, err)
			}
			if limit := int64(container.MaxFrameBytes + 1<<18); c.bytes > limit {
				t.Errorf("%s: read %d bytes, want at most %d", name, c.bytes, limit)
			}
		}
	}
}

// TestInfoReaderErrors: ReadInfo returns the error of any failed read.
func TestInfoReaderErrors(t *testing.T) {
	for _, s := range infoSamples(t) {
		t.Run(s.name, func(t *testing.T) {
			for reads := 0; ; reads++ {
				r := &failing{bytes.NewReader(s.data), reads}
				_, err := ReadInfo(r)
				if r.left >= 0 {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				if !errors.Is(err, errFailing) {
					t.Fatalf("read %d failed: got error %v, want %v", reads, err, errFailing)
				}
				if reads > 3000 {
					return // the ring of pages
				}
			}
		})
	}
}

// checkInfo reads untrusted data: it accepts only the package's errors, valid JSON and plausible numbers.
func checkInfo(t *testing.T, data []byte) {
	t.Helper()
	for _, r := range []io.ReaderAt{bytes.NewReader(data), sizeless{bytes.NewReader(data)}} {
		c := &counter{r: r}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		i, err := ReadInfo(c)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > maxGrowth {
			t.Fatalf("allocated %d bytes, want at most %d", n, maxGrowth)
		}
		if err != nil && !errors.Is(err, ErrNotImage) && !errors.Is(err, ErrTooLarge) {
			t.Fatalf("got error %v, want one of the package's", err)
		}
		if limit := 1<<20 + 64*int64(len(data)); c.bytes > limit {
			t.Fatalf("read %d bytes of a file of %d, want at most %d", c.bytes, len(data), limit)
		}
		for _, n := range []int64{i.Width, i.Height, i.DisplayWidth, i.DisplayHeight} {
			if n < 0 || n > container.MaxSide || (n == 0) != (i.Width == 0) {
				t.Fatalf("got %+v", i)
			}
		}
		if i.Orientation < 0 || i.Orientation > 8 || i.Frames < 0 {
			t.Fatalf("got %+v", i)
		}
		for _, style := range []Style{Raw, Described, Typed} {
			if b := i.AppendJSON(nil, style); !json.Valid(b) || len(b) > 512 {
				t.Fatalf("style %d: not JSON or too much: %q", style, b)
			}
		}
	}
}

// TestInfoOfTruncated cuts each sample at every byte of its first kilobytes.
func TestInfoOfTruncated(t *testing.T) {
	for _, s := range infoSamples(t) {
		for n := range min(len(s.data), 2<<10) {
			checkInfo(t, s.data[:n])
		}
	}
}

// TestInfoOfMutated damages samples and real photos.
func TestInfoOfMutated(t *testing.T) {
	var all [][]byte
	for _, s := range infoSamples(t) {
		all = append(all, s.data[:min(len(s.data), 1<<14)])
	}
	if os.Getenv("EXIF_CORPUS") != "" {
		for _, name := range corpusFiles(t) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b[:min(len(b), 1<<15)])
		}
	}
	rnd := rand.New(rand.NewPCG(13, 2))
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		b := bytes.Clone(all[rnd.IntN(len(all))])
		for range 1 + rnd.IntN(8) {
			b[rnd.IntN(min(len(b), 1<<(4+rnd.IntN(10))))] = byte(rnd.Uint32())
		}
		checkInfo(t, b)
	}
}

// TestInfoOfWorst: the worst files for the decoder, and those made for ReadInfo, stay within the same
// time.
func TestInfoOfWorst(t *testing.T) {
	testgate.Slow(t)
	properties := bytes.Repeat(testimage.Box("irot", []byte{1}), 1<<19)
	ipma := testimage.FullBox("ipma", 0, bigSizes(1<<31), bytes.Repeat([]byte{0, 2, 0}, 1<<22))
	associated := testimage.FullBox("ipma", 0, bigSizes(1), []byte{0, 1, 255}, bytes.Repeat([]byte{1}, 255))
	meta := func(boxes ...[]byte) []byte {
		return slices.Concat(testimage.FileType("heic"), testimage.FullBox("meta", 0, slices.Concat(boxes...),
			testimage.FullBox("pitm", 0, []byte{0, 1}), testimage.FullBox("iinf", 0, []byte{0, 0})))
	}
	files := worstFiles()
	add := func(name string, data []byte) { files = append(files, worstFile{name: name, data: data}) }
	add("info: items with properties", meta(testimage.Box("iprp", ipma)))
	add("info: properties", meta(testimage.Box("iprp", testimage.Box("ipco", properties), associated)))
	add("info: pieces of a codestream", testimage.JXL(bytes.Repeat(testimage.Box("jxlp", []byte{0, 0, 0, 0}), 1<<20)))
	add("info: tracks", slices.Concat(testimage.FileType("avis"), testimage.Box("moov", bytes.Repeat(testimage.Box("trak"), 1<<21))))
	add("info: blocks of one byte", append(gifOf(t, 1)[:19], slices.Concat([]byte{'!', 0}, bytes.Repeat([]byte{1, 0}, 1<<19))...))
	add("info: empty frames", testimage.WebP(testimage.VP8X(2), bytes.Repeat(testimage.RIFFChunk("ANMF", nil), 1<<17)))
	var ring []uint32
	for range maxDirEntries {
		ring = append(ring, 0x0100, container.TypeLong, 9)
	}
	add("info: full directory in a ring", tiffDirs(append([]uint32{1}, ring...)))
	add("info: attributes", []byte("<svg "+strings.Repeat(`a="&b;" `, 1<<11)+"/>"))
	unit := time.Duration(1 << 62)
	once := func(data []byte) time.Duration {
		start := time.Now()
		_, _ = ReadInfo(bytes.NewReader(data))
		return time.Since(start)
	}
	i := slices.IndexFunc(files, func(f worstFile) bool { return f.name == "bmff: boxes" })
	for range 5 {
		start := time.Now()
		decodeWorst(bytes.NewReader(files[i].data), &files[i])
		unit = min(unit, time.Since(start))
	}
	for _, f := range files {
		t.Run(f.name, func(t *testing.T) {
			const maxUnits = 20 // as in TestWorst
			took := once(f.data)
			for k := 0; k < 5 || k < 50 && took > maxUnits*unit; k++ {
				took = min(took, once(f.data))
			}
			if took > maxUnits*unit {
				t.Errorf("took %v, want at most %d times the %v that 65,536 boxes take", took, maxUnits, unit)
			}
			checkInfo(t, f.data)
			t.Logf("%.2f ms", float64(took.Microseconds())/1000)
		})
	}
}

// FuzzInfo starts from the samples of all formats.
func FuzzInfo(f *testing.F) {
	for _, files := range testimage.Formats() {
		for _, b := range files {
			f.Add(b)
		}
	}
	for _, s := range infoSamples(f) {
		if len(s.data) < 1<<14 {
			f.Add(s.data)
		}
	}
	f.Fuzz(checkInfo)
}

// BenchmarkReadInfo reads the files of BenchmarkDecode, for comparison.
func BenchmarkReadInfo(b *testing.B) {
	for _, f := range benchImages()[:3] {
		b.Run(f.name, func(b *testing.B) {
			r := bytes.NewReader(f.image)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				i, err := ReadInfo(r)
				if err != nil {
					b.Fatal(err)
				}
				buf = i.AppendJSON(buf[:0], Raw)
			}
			if len(buf) < 20 {
				b.Fatalf("got %s", buf)
			}
		})
	}
}
