package exif

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testgate"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// tagsOf is the block in all samples. Its values don't depend on its place.
func tagsOf(bigEndian bool) testimage.Block {
	return testimage.Block{
		BigEndian: bigEndian,
		IFD0: []testimage.Entry{
			testimage.ASCII(0x010F, "Apple"), testimage.ASCII(0x0110, "iPhone 4S"), testimage.Short(0x0112, 6),
			testimage.Rational(0x011A, 72, 1), testimage.Rational(0x011B, 72, 1), testimage.Short(0x0128, 2),
		},
		Exif: []testimage.Entry{
			testimage.Rational(0x829A, 1, 449), testimage.Undefined(0x9000, []byte("0230")),
			testimage.ASCII(0x9003, "2012:06:01 10:20:30"), testimage.SRational(0x9204, -1, 3),
			testimage.Undefined(0x927C, bytes.Repeat([]byte{7}, 300)), // a maker note
		},
		GPS: []testimage.Entry{
			testimage.ASCII(0x0001, "N"), testimage.Rational(0x0002, 39, 1, 54, 1, 1512, 100),
		},
		Interop: []testimage.Entry{testimage.ASCII(0x0001, "R98")},
		IFD1:    []testimage.Entry{testimage.Long(0x00FE, 1)},
	}
}

const wantTags = `{"Make":"Apple","Model":"iPhone 4S","Orientation":"6","XResolution":"72/1","YResolution":"72/1",` +
	`"ResolutionUnit":"2","ExposureTime":"1/449","ExifVersion":"0230","DateTimeOriginal":"2012:06:01 10:20:30",` +
	`"ExposureBiasValue":"-1/3","GPSLatitudeRef":"N","GPSLatitude":"39/1 54/1 1512/100",` +
	`"InteroperabilityIndex":"R98","ThumbNewSubfileType":"1"}`

// sample is a file with tagsOf in one of the possible places.
type sample struct {
	name   string
	format string
	data   []byte
	// far is true if the EXIF lies after the first window by design
	far bool
}

func containerSamples() (all []sample) {
	for _, bigEndian := range []bool{false, true} {
		t := tagsOf(bigEndian)
		block := t.Encode()
		order := "little-endian"
		if bigEndian {
			order = "big-endian"
		}
		add := func(format, name string, data []byte) {
			all = append(all, sample{name: format + "/" + name + "/" + order, format: format, data: data})
		}
		intro := append([]byte("Exif\x00\x00"), block...)
		m := testimage.Gradient(8, 6)
		xmp := []byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta/>")

		// JPEG, TIFF
		seg := testimage.EXIFSegment(block)
		add("jpeg", "plain", testimage.JPEG(m, seg))
		add("jpeg", "behind XMP", testimage.JPEG(m, testimage.Segment(0xE1, xmp), seg))
		add("jpeg", "fill bytes", testimage.JPEG(m, []byte{0xFF, 0xFF, 0xFF}, seg))
		add("jpeg", "two, the first wins", testimage.JPEG(m, seg, testimage.EXIFSegment(other())))
		long := t
		long.Exif = slices.Clone(t.Exif)
		long.Exif[4] = testimage.Undefined(0x927C, bytes.Repeat([]byte{7}, 150000))
		var split [][]byte
		for b := range slices.Chunk(long.Encode(), 65520) {
			split = append(split, testimage.EXIFSegment(b))
		}
		add("jpeg", "split", testimage.JPEG(m, split...))
		all[len(all)-1].far = true
		// a block cut into segments, the first of which are short
		for _, size := range []int{20, 100, 300} {
			var pieces [][]byte
			for b := range slices.Chunk(block, size) {
				pieces = append(pieces, testimage.EXIFSegment(b))
			}
			add("jpeg", fmt.Sprintf("split, %d bytes a piece", size), testimage.JPEG(m, pieces...))
		}
		irb := testimage.PSDResource(container.PSDEXIF1, "", block)
		resources := append(append(testimage.PSDResource(0x0404, "a", []byte("odd")), irb...), testimage.PSDResource(0x0425, "", make([]byte, 16))...)
		add("jpeg", "Photoshop's resources", testimage.JPEG(m, testimage.PhotoshopSegment(resources)))
		add("jpeg", "Photoshop's resources in two segments", testimage.JPEG(m,
			testimage.PhotoshopSegment(resources[:100]), testimage.PhotoshopSegment(resources[100:])))
		add("jpeg", "Photoshop's resources behind an APP13 of another", testimage.JPEG(m,
			testimage.Segment(0xED, []byte("Adobe_CM\x00")), testimage.PhotoshopSegment(resources)))
		add("jpeg", "APP1 behind Photoshop's resources", testimage.JPEG(m,
			testimage.PhotoshopSegment(testimage.PSDResource(container.PSDEXIF1, "", other())), seg))
		for name, bad := range brokenBlocks() {
			first := testimage.EXIFSegment(bad)
			add("jpeg", "good behind "+name, testimage.JPEG(m, first, seg))
			add("jpeg", "good Photoshop resource behind "+name, testimage.JPEG(m, first, testimage.PhotoshopSegment(resources)))
		}
		add("tiff", "plain", block)
		add("tiff", "BigTIFF", t.EncodeBig())

		// PNG
		png := func(before, after []byte) []byte { return testimage.PNG(m, before, after) }
		exif, app1 := "Raw profile type exif", "Raw profile type APP1"
		profile := testimage.RawProfile("exif", intro)
		isXMP := testimage.TEXT(app1, testimage.RawProfile("APP1", xmp))
		eXIf := testimage.PNGChunk("eXIf", block)
		wrong := testimage.TEXT(exif, testimage.RawProfile("exif", other()))
		add("png", "eXIf", png(eXIf, nil))
		add("png", "eXIf with intro", png(testimage.PNGChunk("eXIf", intro), nil))
		add("png", "eXIf last", png(nil, eXIf))
		add("png", "tEXt", png(testimage.TEXT(exif, profile), nil))
		add("png", "tEXt without intro", png(testimage.TEXT(exif, testimage.RawProfile("exif", block)), nil))
		add("png", "tEXt last", png(nil, testimage.TEXT(exif, profile)))
		add("png", "tEXt APP1", png(testimage.TEXT(app1, testimage.RawProfile("APP1", intro)), nil))
		add("png", "tEXt APP1 behind XMP", png(append(isXMP, testimage.TEXT(app1, profile)...), nil))
		add("png", "zTXt", png(testimage.ZTXT(exif, profile), nil))
		add("png", "zTXt APP1", png(testimage.ZTXT(app1, profile), nil))
		add("png", "iTXt", png(testimage.ITXT(exif, profile, false), nil))
		add("png", "iTXt packed", png(testimage.ITXT(exif, profile, true), nil))
		add("png", "capital digits", png(testimage.TEXT(exif, bytes.ToUpper(profile)), nil))
		add("png", "eXIf behind a profile", png(append(wrong, eXIf...), nil))
		add("png", "profile before, eXIf after the picture", png(testimage.ZTXT(exif, profile), testimage.PNGChunk("eXIf", other())))
		add("png", "two profiles, the first wins", png(append(testimage.TEXT(exif, profile), wrong...), nil))

		// WebP
		chunk, introChunk := testimage.RIFFChunk("EXIF", block), testimage.RIFFChunk("EXIF", intro)
		add("webp", "extended", testimage.WebP(testimage.VP8X(8), testimage.VP8L(), chunk))
		add("webp", "with intro", testimage.WebP(testimage.VP8X(8), testimage.VP8L(), introChunk))
		add("webp", "flag missing", testimage.WebP(testimage.VP8X(0), testimage.VP8L(), chunk))
		add("webp", "not extended", testimage.WebP(testimage.VP8L(), chunk))
		add("webp", "first", testimage.WebP(chunk, testimage.VP8L()))
		add("webp", "behind XMP", testimage.WebP(testimage.VP8X(12), testimage.VP8L(), testimage.RIFFChunk("XMP ", xmp), chunk))
		lied := testimage.WebP(testimage.VP8X(8), testimage.VP8L(), chunk)
		copy(lied[4:], "\x04\x00\x00\x00")
		add("webp", "size wrong", lied)

		// HEIF and AVIF
		data, introData := testimage.ExifData(block, false), testimage.ExifData(block, true)
		heif := func(name string, h testimage.HEIF) {
			if h.Exif == nil {
				h.Exif = [][]byte{data}
			}
			format := "heif"
			if h.Major == "avif" || slices.Contains(h.Compatible, "avif") {
				format = "avif"
			}
			add(format, name, h.Encode())
		}
		for iloc := range byte(3) {
			for _, infe := range []byte{2, 3} {
				for method := range min(iloc+1, 2) {
					for _, pieces := range []int{1, 5} {
						heif(fmt.Sprintf("iloc %d, infe %d, method %d, %d pieces", iloc, infe, method, pieces),
							testimage.HEIF{Infe: infe, Iloc: iloc, Method: method, Pieces: pieces})
					}
				}
			}
		}
		heif("AVIF", testimage.HEIF{Major: "avif", Compatible: []string{"mif1"}})
		heif("AVIF by its compatible brand", testimage.HEIF{Major: "mif1", Compatible: []string{"miaf", "avif"}})
		heif("unknown brand", testimage.HEIF{Major: "what"})
		heif("compatible brand", testimage.HEIF{Major: "what", Compatible: []string{"mif1"}})
		heif("meta last", testimage.HEIF{MetaLast: true})
		heif("64-bit sizes", testimage.HEIF{MetaLast: true, Wide: true})
		heif("64-bit sizes, meta first", testimage.HEIF{Wide: true, Method: 1, Iloc: 1})
		heif("base offset", testimage.HEIF{BaseOffset: true, Iloc: 1, Pieces: 3})
		heif("base offset in idat", testimage.HEIF{BaseOffset: true, Iloc: 2, Method: 1})
		heif("with intro", testimage.HEIF{Exif: [][]byte{introData}})
		heif("offset left zero", testimage.HEIF{Exif: [][]byte{append([]byte{0, 0, 0, 0}, intro...)}})
		heif("offset beyond the end", testimage.HEIF{Exif: [][]byte{append([]byte{0xFF, 0xFF, 0xFF, 0xFF}, intro...)}})
		heif("no offset", testimage.HEIF{Exif: [][]byte{block}})
		heif("no offset but intro", testimage.HEIF{Exif: [][]byte{intro}})
		heif("a JPEG segment", testimage.HEIF{Exif: [][]byte{append([]byte{0, 0, 0, 0}, testimage.EXIFSegment(block)...)}})
		wrongData := testimage.ExifData(other(), false)
		heif("two items, the first wins", testimage.HEIF{Exif: [][]byte{data, wrongData}})
		heif("two items, the picture's wins", testimage.HEIF{Exif: [][]byte{wrongData, data}, Describing: 2})
		last := testimage.HEIF{Exif: [][]byte{data}}
		file := last.Encode()
		i := bytes.Index(file, []byte("mdat"))
		binary.BigEndian.PutUint32(file[i-4:], 0)
		add("heif", "mdat to the end", file)

		// CR3
		cmt1 := testimage.Block{BigEndian: bigEndian, IFD0: t.IFD0, IFD1: t.IFD1}
		cmt2 := testimage.Block{BigEndian: bigEndian, IFD0: t.Exif}
		cmt4 := testimage.Block{BigEndian: bigEndian, IFD0: t.GPS}
		add("cr3", "plain", testimage.CR3(cmt1.Encode(), cmt2.Encode(), cmt4.Encode()))

		// JPEG XL
		codestream := testimage.Box("jxlc", []byte("\xFF\x0A\x00"))
		add("jxl", "Exif", testimage.JXL(testimage.Box("Exif", data), codestream))
		add("jxl", "Exif with intro", testimage.JXL(testimage.Box("Exif", introData), codestream))
		add("jxl", "Exif last", testimage.JXL(codestream, testimage.LastBox("Exif", data)))
		add("jxl", "Exif, 64-bit size", testimage.JXL(codestream, testimage.Box64("Exif", data)))
		for _, window := range []int{10, 16, 17, 22, 24} {
			add("jxl", fmt.Sprintf("brob, window %d", window), testimage.JXL(
				testimage.Brob("xml ", xmp, 22), testimage.Brob("Exif", data, window), codestream))
		}

		// JPEG 2000
		uuid := []byte(container.JP2UUID)
		add("jp2", "uuid", testimage.JP2(testimage.Box("uuid", uuid, block), testimage.LastBox("jp2c")))
		add("jp2", "uuid with intro", testimage.JP2(testimage.Box("uuid", uuid, intro)))
		add("jp2", "uuid, 64-bit size", testimage.JP2(testimage.Box64("uuid", uuid, block)))
		add("jp2", "Photoshop's uuid", testimage.JP2(testimage.Box("uuid", []byte(container.PhotoshopUUID), block), testimage.LastBox("jp2c")))
		add("jp2", "behind another uuid", testimage.JP2(
			testimage.Box("uuid", []byte("not that of EXIF"), other()), testimage.Box("uuid", uuid, block)))
		add("jp2", "Exif", testimage.JP2(testimage.Box("Exif", data)))

		// Photoshop
		add("psd", "EXIF 1", testimage.PSD(1, irb))
		add("psd", "PSB", testimage.PSD(2, irb))
		add("psd", "EXIF 3", testimage.PSD(1, testimage.PSDResource(container.PSDEXIF3, "", block)))
		add("psd", "EXIF 1 behind 3", testimage.PSD(1, testimage.PSDResource(container.PSDEXIF3, "", other()), irb))
		add("psd", "names", testimage.PSD(1,
			testimage.PSDResource(0x0404, "a", []byte("odd")), testimage.PSDResource(0x0425, "abcdef", nil),
			testimage.PSDResource(container.PSDEXIF1, "exif", block)))

		// RAW
		add("raf", "plain", testimage.RAF(testimage.JPEG(m, seg)))
		add("mrw", "MRM", testimage.MRW(block, false))
		add("mrw", "MRI", testimage.MRW(block, true))
		if !bigEndian {
			add("rw2", "plain", testimage.RW2([]testimage.Entry{
				testimage.Short(0x0007, 5), testimage.ASCII(0x010F, "Apple"),
				testimage.Short(0x0118, 1), testimage.Short(0x011A, 1),
			}, testimage.JPEG(m, seg)))
			for name, magic := range map[string]string{"orf": "IIRO", "orf/S": "IIRS", "jxr": "II\xBC\x01"} {
				format, _, _ := strings.Cut(name, "/")
				add(format, name, append([]byte(magic), block[4:]...))
			}
		} else {
			add("orf", "MMOR", append([]byte("MMOR"), block[4:]...))
		}
	}
	return all
}

// other is a block that Decode must not read if there is tagsOf.
func other() []byte {
	b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "Other")}}
	return b.Encode()
}

// brokenBlocks are unreadable blocks as writers leave them.
func brokenBlocks() map[string][]byte {
	no := testimage.Block{}
	zeros := append(put16(header(8), 3), make([]byte, 3*12+4)...)
	return map[string][]byte{
		"nothing":                  nil,
		"junk":                     []byte("there is no TIFF block in here"),
		"a header alone":           header(8),
		"an empty directory":       no.Encode(),
		"a directory of zeros":     zeros,
		"a directory past the end": header(1 << 30),
		"a value past the end":     dir(header(8), 0x010F, container.TypeASCII, 100, 1<<30, 0),
	}
}

// TestBrokenEXIFAlone: unreadable EXIF without another is an error, and empty EXIF counts as none.
func TestBrokenEXIFAlone(t *testing.T) {
	m := testimage.Gradient(8, 6)
	for name, bad := range brokenBlocks() {
		want := ErrInvalid.Error()
		if name == "an empty directory" {
			want = "{}"
		}
		for kind, data := range map[string][]byte{
			"JPEG":                testimage.JPEG(m, testimage.EXIFSegment(bad)),
			"JPEG, twice":         testimage.JPEG(m, testimage.EXIFSegment(bad), testimage.EXIFSegment([]byte("junk"))),
			"JPEG, APP13":         testimage.JPEG(m, testimage.EXIFSegment(bad), testimage.PhotoshopSegment(testimage.PSDResource(container.PSDEXIF1, "", []byte("junk")))),
			"JPEG, APP13 without": testimage.JPEG(m, testimage.EXIFSegment(bad), testimage.PhotoshopSegment(testimage.PSDResource(0x0404, "", nil))),
		} {
			if got := decodeToJSON(data, &Options{}); got != want {
				t.Errorf("%s, %s: got %s, want %s", kind, name, got, want)
			}
		}
	}
}

// TestBigTIFFBeforeEXIF: EXIF that other readers don't know doesn't hide one that they do. Alone, it is read.
func TestBigTIFFBeforeEXIF(t *testing.T) {
	m := testimage.Gradient(8, 6)
	b := tagsOf(false)
	block, big := b.Encode(), (&testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "Other")}}).EncodeBig()
	for name, files := range map[string][2][]byte{
		"JPEG":         {testimage.JPEG(m, testimage.EXIFSegment(big)), testimage.JPEG(m, testimage.EXIFSegment(big), testimage.EXIFSegment(block))},
		"PNG":          {testimage.PNG(m, testimage.PNGChunk("eXIf", big), nil), testimage.PNG(m, slices.Concat(testimage.PNGChunk("eXIf", big), testimage.PNGChunk("eXIf", block)), nil)},
		"PNG, profile": {testimage.PNG(m, testimage.PNGChunk("eXIf", big), nil), testimage.PNG(m, slices.Concat(testimage.PNGChunk("eXIf", big), testimage.TEXT("Raw profile type exif", testimage.RawProfile("exif", block))), nil)},
	} {
		for i, want := range []string{`{"Make":"Other"}`, wantTags} {
			if got := decodeToJSON(files[i], &Options{}); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	}
}

// TestSecondEXIFDoesNotContinueTheFirst: Decode doesn't read the missing part of a truncated EXIF from
// another.
func TestSecondEXIFDoesNotContinueTheFirst(t *testing.T) {
	m := testimage.Gradient(8, 6)
	b := tagsOf(false)
	block := b.Encode()
	whole := testimage.EXIFSegment(block)
	for n := 60; n < len(block); n += 10 {
		cut := testimage.EXIFSegment(block[:n])
		want := decodeToJSON(testimage.JPEG(m, cut), &Options{})
		if got := decodeToJSON(testimage.JPEG(m, cut, whole), &Options{}); got != want {
			t.Errorf("cut at %d: got %s, want %s", n, got, want)
		}
	}
}

func TestContainers(t *testing.T) {
	for _, s := range containerSamples() {
		t.Run(s.name, func(t *testing.T) {
			m, err := Decode(bytes.NewReader(s.data), &Options{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Format != s.format {
				t.Errorf("got format %s, want %s", m.Format, s.format)
			}
			want := wantTags
			if s.format == "cr3" {
				want = strings.Replace(want, `"InteroperabilityIndex":"R98",`, "", 1)
			}
			if got := jsonOf(t, m, &Options{}); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestBigTIFFPointers: a pointer of BigTIFF may also have 32 bits.
func TestBigTIFFPointers(t *testing.T) {
	for _, bigEndian := range []bool{false, true} {
		for name, typ := range map[string]byte{"LONG": container.TypeLong, "IFD": container.TypeIFD, "LONG8": container.TypeLong8, "IFD8": container.TypeIFD8} {
			t.Run(fmt.Sprintf("%s, big-endian %v", name, bigEndian), func(t *testing.T) {
				b := tagsOf(bigEndian)
				b.IFD0 = append(b.IFD0, testimage.Entry{ID: 0x0145, Type: container.TypeLong8, Count: 2, Put: func(o binary.AppendByteOrder) []byte {
					return o.AppendUint64(o.AppendUint64(nil, 5), 1<<40)
				}})
				data := b.EncodeBig()
				for _, id := range []uint16{exifPointer, gpsPointer, interopPointer} {
					// the pointers are the last entries: with 32 bits they are in the first 4 bytes
					entry := []byte{byte(id), byte(id >> 8), container.TypeIFD8, 0, 1, 0, 0, 0, 0, 0, 0, 0}
					if bigEndian {
						entry = []byte{byte(id >> 8), byte(id), 0, container.TypeIFD8, 0, 0, 0, 0, 0, 0, 0, 1}
					}
					e := data[bytes.Index(data, entry):]
					if e[2] == 0 {
						e[3] = typ
						if typ == container.TypeLong || typ == container.TypeIFD {
							copy(e[12:], e[16:20])
						}
					} else {
						e[2] = typ
					}
				}
				m, err := Decode(bytes.NewReader(data), &Options{})
				if err != nil {
					t.Fatal(err)
				}
				want := strings.Replace(wantTags, `"ExposureTime"`, `"TileByteCounts":"5 1099511627776","ExposureTime"`, 1)
				if got := jsonOf(t, m, &Options{}); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}

// TestWithoutEXIF: an image without EXIF is no error.
func TestWithoutEXIF(t *testing.T) {
	m := testimage.Gradient(8, 6)
	heic := testimage.HEIF{}
	film := testimage.HEIF{Major: "avis"}
	empty := testimage.HEIF{Exif: [][]byte{{}}}
	emptyInIdat := testimage.HEIF{Exif: [][]byte{{}}, Iloc: 1, Method: 1}
	// miniType is the ftyp of files with the box mini, whose minor version names the codec
	miniType := func(codec string) []byte { return testimage.Box("ftyp", []byte("mif3"+codec)) }
	elsewhere := testimage.TEXT("Raw profile type APP1", testimage.RawProfile("APP1", []byte("http://ns.adobe.com/xap/1.0/\x00<x/>")))
	for _, s := range []sample{
		{name: "JPEG", format: "jpeg", data: testimage.JPEG(m)},
		{name: "PNG", format: "png", data: testimage.PNG(m, nil, nil)},
		{name: "PNG with XMP", format: "png", data: testimage.PNG(m, elsewhere, nil)},
		{name: "PNG with a broken APP1 profile", format: "png", data: testimage.PNG(m, testimage.PNGChunk("zTXt", []byte("Raw profile type APP1\x00\x00broken")), nil)},
		{name: "PNG with a comment", format: "png", data: testimage.PNG(m, testimage.TEXT("Raw profile type iptc", []byte("\niptc\n1\n00")), nil)},
		{name: "WebP", format: "webp", data: testimage.WebP(testimage.VP8L())},
		{name: "HEIC", format: "heif", data: heic.Encode()},
		{name: "HEIC with an empty Exif item", format: "heif", data: empty.Encode()},
		{name: "HEIC with an empty Exif item in idat", format: "heif", data: emptyInIdat.Encode()},
		{name: "HEIF with mini", format: "heif", data: append(miniType("heic"), testimage.Box("mini", make([]byte, 50))...)},
		{name: "HEIF with mini, another brand", format: "heif", data: append(testimage.FileType("what"), testimage.Box("mini", make([]byte, 50))...)},
		{name: "AVIF with mini", format: "avif", data: append(miniType("avif"), testimage.Box("mini", make([]byte, 50))...)},
		{name: "HEIC without meta", format: "heif", data: testimage.FileType("mif1", "heic")},
		{name: "HEIC by compatible brand alone", format: "heif", data: testimage.FileType("what", "mp41", "mif1")},
		{name: "AVIF sequence", format: "avif", data: append(film.Encode(), testimage.Box("moov")...)},
		{name: "CR3", format: "cr3", data: append(testimage.FileType("crx "), testimage.Box("moov", testimage.Box("uuid", make([]byte, 16)))...)},
		{name: "JPEG XL", format: "jxl", data: testimage.JXL(testimage.Brob("xml ", []byte("<x/>"), 22), testimage.LastBox("jxlc", []byte("\xFF\x0A")))},
		{name: "JPEG XL codestream", format: "jxl", data: []byte("\xFF\x0A\x08\x04")},
		{name: "JP2", format: "jp2", data: testimage.JP2(testimage.LastBox("jp2c"))},
		{name: "JPEG 2000 codestream", format: "jp2", data: []byte("\xFF\x4F\xFF\x51\x00\x2F")},
		{name: "PSD", format: "psd", data: testimage.PSD(1, testimage.PSDResource(0x0404, "", make([]byte, 31)))},
		{name: "RAF", format: "raf", data: testimage.RAF(testimage.JPEG(m))},
		{name: "RAF without preview", format: "raf", data: testimage.RAF(nil)},
		{name: "MRW", format: "mrw", data: []byte("\x00MRM\x00\x00\x00\x08\x00PRD\x00\x00\x00\x00")},
		{name: "GIF", format: "gif", data: []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")},
		{name: "BMP", format: "bmp", data: []byte("BM\x3A\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00")},
		{name: "ICO", format: "ico", data: []byte("\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00\x68\x04\x00\x00\x16\x00\x00\x00")},
		{name: "CUR", format: "ico", data: []byte("\x00\x00\x02\x00\x01\x00\x10\x10\x00\x00\x01\x00\x01\x00\x30\x01\x00\x00\x16\x00\x00\x00")},
		{name: "SVG", format: "svg", data: []byte("<svg xmlns=\"http://www.w3.org/2000/svg\"/>")},
		{name: "SVG with everything", format: "svg", data: []byte("\xEF\xBB\xBF<?xml version=\"1.0\"?>\r\n<!-- <html> -->\n" +
			"<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"a>b\" [ <!ENTITY ns \"]>\"> ]>\n<?xml-stylesheet href='a'?>\n<svg\n>")},
		{name: "SVG with entities in attributes", format: "svg", data: []byte("<?xml version='1.0' encoding='ISO-8859-1'?><!DOCTYPE svg [<!ENTITY ns 'http://www.w3.org/2000/svg'>]>\n" +
			"<svg xmlns='&ns;' title='\xE4'>")},
		{name: "SVG with a prefix", format: "svg", data: []byte("<?xml version='1.0'?><svg:svg xmlns:svg='http://www.w3.org/2000/svg'/>")},
	} {
		t.Run(s.name, func(t *testing.T) {
			m, err := Decode(bytes.NewReader(s.data), &Options{})
			if err != nil {
				t.Fatal(err)
			}
			if m.Format != s.format || m.Len() != 0 {
				t.Errorf("got %d tags of format %s, want none of %s", m.Len(), m.Format, s.format)
			}
		})
	}
}

func TestNotImage(t *testing.T) {
	for name, data := range map[string]string{
		"empty":          "",
		"one byte":       "\xFF",
		"text":           "BMW sells motorcycles as well as cars",
		"HTML":           "<!DOCTYPE html>\n<html><svg></svg></html>",
		"HTML, comment":  "<!-- svg --><html>",
		"XML":            "<?xml version=\"1.0\"?>\n<rss/>",
		"XML, unclosed":  "<?xml version=\"1.0\"",
		"XML, no svg":    "<svgfont/>",
		"long prolog":    "<!--" + strings.Repeat(" ", container.MaxProlog) + "--><svg/>",
		"long doctype":   "<!DOCTYPE svg [" + strings.Repeat(">", container.MaxProlog) + "]><svg/>",
		"PDF":            "%PDF-1.7\n%",
		"ZIP":            "PK\x03\x04\x14\x00\x00\x00",
		"MP4":            string(testimage.FileType("isom", "mp41")) + string(testimage.Box("moov", testimage.Box("meta"))),
		"MP4, fragments": string(testimage.FileType("iso5")) + strings.Repeat(string(testimage.Box("moof"))+string(testimage.Box("mdat")), 1000),
		"MOV":            string(testimage.FileType("qt  ")) + string(testimage.Box("wide")) + string(testimage.Box("mdat", make([]byte, 99))),
		"CRW":            "II\x1A\x00\x00\x00HEAPCCDR\x02\x00\x01\x00",
		"X3F":            "FOVb\x01\x00\x02\x00",
		"WAV":            "RIFF\x24\x00\x00\x00WAVEfmt ",
		"MPEG":           "\x00\x00\x01\xBA\x44\x00\x04\x00\x04\x01\x01\x89\xC3\xF8\x00\x00\x01\xBB\x00\x00\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(strings.NewReader(data), &Options{})
			if !errors.Is(err, ErrNotImage) {
				t.Errorf("got %v, want %v", err, ErrNotImage)
			}
		})
	}
}

// TestBrokenEXIF: unreadable EXIF is ErrInvalid.
func TestBrokenEXIF(t *testing.T) {
	m := testimage.Gradient(8, 6)
	junk := []byte("there is no TIFF block in here")
	heic := testimage.HEIF{Exif: [][]byte{junk}}
	block := tagsOf(false)
	within := testimage.HEIF{Iloc: 1, Method: 2, Exif: [][]byte{testimage.ExifData(block.Encode(), false)}}
	nowhere := testimage.HEIF{Exif: [][]byte{junk}}
	lost := nowhere.Encode()
	copy(lost[bytes.Index(lost, []byte("iloc")):], "lost")
	for name, data := range map[string][]byte{
		"JPEG":               testimage.JPEG(m, testimage.EXIFSegment(junk)),
		"PNG eXIf":           testimage.PNG(m, testimage.PNGChunk("eXIf", junk), nil),
		"PNG profile":        testimage.PNG(m, testimage.TEXT("Raw profile type exif", testimage.RawProfile("exif", junk)), nil),
		"PNG, no hex":        testimage.PNG(m, testimage.TEXT("Raw profile type exif", junk), nil),
		"PNG, no zlib":       testimage.PNG(m, testimage.PNGChunk("zTXt", []byte("Raw profile type exif\x00\x00junk")), nil),
		"PNG, empty":         testimage.PNG(m, testimage.PNGChunk("zTXt", []byte("Raw profile type exif")), nil),
		"WebP":               testimage.WebP(testimage.VP8L(), testimage.RIFFChunk("EXIF", junk)),
		"HEIF":               heic.Encode(),
		"HEIF within items":  within.Encode(),
		"HEIF without place": lost,
		"CR3":                testimage.CR3(junk, junk, junk),
		"JPEG XL":            testimage.JXL(testimage.Box("Exif", junk)),
		"JPEG XL, no Brotli": testimage.JXL(testimage.Box("brob", []byte("Exif"), bytes.Repeat([]byte{0x0B, 0xFF}, 10))),
		"JP2":                testimage.JP2(testimage.Box("uuid", []byte(container.JP2UUID), junk)),
		"PSD":                testimage.PSD(1, testimage.PSDResource(container.PSDEXIF1, "", junk)),
		"RAF":                testimage.RAF(testimage.JPEG(m, testimage.EXIFSegment(junk))),
		"MRW":                testimage.MRW(junk, false),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(bytes.NewReader(data), &Options{})
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v, want %v", err, ErrInvalid)
			}
		})
	}
}

// check decodes untrusted data: it accepts only the package's errors, valid JSON in every style, and reads
// of a small multiple of the data.
func check(t *testing.T, data []byte) {
	t.Helper()
	for _, o := range checkedOptions {
		checkWith(t, data, &o)
	}
}

var checkedOptions = []Options{{}, {Style: Described}, {Style: Typed, Unknown: true}}

func checkWith(t *testing.T, data []byte, o *Options) {
	t.Helper()
	r := &counter{r: bytes.NewReader(data)}
	if o.Style == Described {
		r.r = sizeless{r.r}
	}
	m, err := Decode(r, o)
	if err != nil && !errors.Is(err, ErrNotImage) && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got error %v, want one of the package's", err)
	}
	if limit := maxValues + 1<<16 + 64*int64(len(data)); r.bytes > limit {
		t.Fatalf("read %d bytes of a file of %d, want at most %d", r.bytes, len(data), limit)
	}
	if err != nil {
		return
	}
	b, err := m.AppendJSON(nil, o)
	if err != nil {
		if !errors.Is(err, ErrTooLarge) || len(b) > 0 {
			t.Fatalf("style %d: got %d bytes and error %v, want none and %v", o.Style, len(b), err, ErrTooLarge)
		}
		return
	}
	if !json.Valid(b) || len(b) > maxJSON {
		t.Fatalf("style %d: %d bytes, not JSON or too much: %.1000q", o.Style, len(b), b)
	}
}

// jsonOf renders m, which must not be too large.
func jsonOf(t *testing.T, m *Metadata, o *Options) string {
	t.Helper()
	b, err := m.AppendJSON(nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// maxGrowth bounds the heap growth by one image.
const maxGrowth = 8 << 20

// checkGrowth is check that also bounds the heap growth. It measures allocations, an upper bound that
// includes other goroutines', so it must run alone.
func checkGrowth(t *testing.T, data []byte) {
	t.Helper()
	for _, o := range checkedOptions {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		checkWith(t, data, &o)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > maxGrowth {
			t.Fatalf("style %d: allocated %d bytes, want at most %d", o.Style, n, maxGrowth)
		}
	}
}

// counter counts the bytes asked for.
type counter struct {
	r     io.ReaderAt
	bytes int64
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	c.bytes += int64(len(p))
	return c.r.ReadAt(p, off)
}

// Size returns -1 if the counted reader doesn't report its size.
func (c *counter) Size() int64 { return container.SizeOf(c.r) }

// TestTruncated cuts each sample at every byte.
func TestTruncated(t *testing.T) {
	testgate.Slow(t)
	for _, s := range containerSamples() {
		if s.far {
			continue // like the others, except its size
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for n := range s.data {
				check(t, s.data[:n])
			}
		})
	}
}

// TestTruncatedEXIFDecodes: Decode returns the tags before the cut of a file truncated within its EXIF.
func TestTruncatedEXIFDecodes(t *testing.T) {
	for _, s := range containerSamples() {
		at := bytes.Index(s.data, []byte("2012:06:01"))
		if at < 0 || s.format == "cr3" {
			continue // compressed or in hexadecimal; a separate block
		}
		if !bytes.Contains(s.data[:at], []byte("Apple")) || bytes.Contains(s.data[at:], []byte("iloc")) {
			continue // the EXIF's header or location comes after the cut
		}
		t.Run(s.name, func(t *testing.T) {
			m, err := Decode(bytes.NewReader(s.data[:at]), &Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := jsonOf(t, m, &Options{}); !strings.Contains(got, `"Make":"Apple"`) {
				t.Errorf("got %s", got)
			}
		})
	}
}

// window reads like the handler: 64 KiB at a time, which it keeps.
type window struct {
	r       io.ReaderAt
	fetched [][2]int64
}

func (w *window) ReadAt(p []byte, off int64) (int, error) {
	const size = 64 << 10
	for done := int64(0); done < int64(len(p)); {
		at := off + done
		i := slices.IndexFunc(w.fetched, func(f [2]int64) bool { return f[0] <= at && at < f[1] })
		if i < 0 {
			w.fetched = append(w.fetched, [2]int64{at, at + size})
			i = len(w.fetched) - 1
		}
		done += min(int64(len(p))-done, w.fetched[i][1]-at)
	}
	return w.r.ReadAt(p, off)
}

// TestOneWindow: EXIF near the start of a file of any size takes one window of 64 KiB.
func TestOneWindow(t *testing.T) {
	big := make([]byte, 1<<20)
	for _, s := range containerSamples() {
		if s.far {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			w := &window{r: bytes.NewReader(append(s.data[:len(s.data):len(s.data)], big...))}
			if _, err := Decode(w, &Options{}); err != nil {
				t.Fatal(err)
			}
			if len(w.fetched) != 1 {
				t.Errorf("got %d windows %v, want one", len(w.fetched), w.fetched)
			}
		})
	}
}

// TestTwoWindows: EXIF after a picture of any size takes two windows.
func TestTwoWindows(t *testing.T) {
	big := make([]byte, 3<<20)
	b := tagsOf(false)
	block := b.Encode()
	data := testimage.ExifData(block, false)
	front := testimage.HEIF{MetaLast: true, Exif: [][]byte{data}}
	heic := front.Encode()
	at := bytes.Index(heic, []byte("mdat")) - 4
	heic = slices.Insert(heic, at, testimage.Box("free", big)...)
	// the offsets in iloc grow by the inserted bytes: two items, each an ID, two bytes, and a count of
	// extents of twice 4 bytes
	p := bytes.Index(heic, []byte("iloc")) + 4 + 4 + 2 + 2
	for range 2 {
		n := int(binary.BigEndian.Uint16(heic[p+4:]))
		p += 6
		for range n {
			binary.BigEndian.PutUint32(heic[p:], binary.BigEndian.Uint32(heic[p:])+uint32(len(big)+8))
			p += 8
		}
	}
	for name, data := range map[string][]byte{
		"WebP": testimage.WebP(testimage.VP8X(8), testimage.RIFFChunk("VP8 ", big), testimage.RIFFChunk("EXIF", block)),
		"PNG":  testimage.PNG(testimage.Gradient(8, 6), testimage.PNGChunk("IDAT", big), testimage.PNGChunk("eXIf", block)),
		"HEIF": heic,
		"JXL":  testimage.JXL(testimage.Box("jxlc", big), testimage.Box("Exif", data)),
		"JP2":  testimage.JP2(testimage.Box64("jp2c", big), testimage.Box("uuid", []byte(container.JP2UUID), block)),
		"PSD":  testimage.PSD(1, testimage.PSDResource(0x0404, "", big), testimage.PSDResource(container.PSDEXIF1, "", block)),
	} {
		t.Run(name, func(t *testing.T) {
			w := &window{r: bytes.NewReader(data)}
			m, err := Decode(w, &Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := jsonOf(t, m, &Options{}); got != wantTags {
				t.Errorf("got  %s\nwant %s", got, wantTags)
			}
			if len(w.fetched) != 2 {
				t.Errorf("got %d windows %v, want two", len(w.fetched), w.fetched)
			}
		})
	}
}

// failing is a reader that fails at a given read.
type failing struct {
	r    io.ReaderAt
	left int
}

var errFailing = errors.New("the reader failed")

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errFailing
	}
	return f.r.ReadAt(p, off)
}

// Size returns the file's length.
func (f *failing) Size() int64 { return container.SizeOf(f.r) }

// TestReaderErrors: Decode returns the error of any failed read, since caches would keep a response made
// of half a file.
func TestReaderErrors(t *testing.T) {
	for _, s := range containerSamples() {
		t.Run(s.name, func(t *testing.T) {
			for reads := 0; ; reads++ {
				r := &failing{bytes.NewReader(s.data), reads}
				_, err := Decode(r, &Options{})
				if r.left >= 0 {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				if !errors.Is(err, errFailing) {
					t.Fatalf("read %d failed: got error %v, want %v", reads, err, errFailing)
				}
			}
		})
	}
}

// hostile decodes a file made to cost time or memory, and checks that it costs neither.
func hostile(t *testing.T, data []byte, want error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err := Decode(bytes.NewReader(data), &Options{})
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("allocated %d bytes, want at most 8 MiB", got)
	}
	if took > 2*time.Second { // 100 ms on an idle machine
		t.Errorf("took %v", took)
	}
	t.Logf("%v, %d bytes allocated", took, after.TotalAlloc-before.TotalAlloc)
}

func TestHostileJPEG(t *testing.T) {
	t.Run("a million segments", func(t *testing.T) {
		hostile(t, append([]byte("\xFF\xD8"), bytes.Repeat([]byte("\xFF\xE2\x00\x02"), 1<<20)...), ErrTooLarge)
	})
	t.Run("a million fill bytes", func(t *testing.T) {
		hostile(t, append([]byte("\xFF\xD8"), bytes.Repeat([]byte{0xFF}, 1<<20)...), nil)
	})
	t.Run("broken EXIF by the thousand", func(t *testing.T) {
		bad := bytes.Repeat(testimage.EXIFSegment([]byte("there is no TIFF block in here")), 1<<14)
		b := tagsOf(false)
		hostile(t, testimage.JPEG(testimage.Gradient(1, 1), bad, testimage.EXIFSegment(b.Encode())), ErrInvalid)
	})
	t.Run("a length of nothing", func(t *testing.T) {
		hostile(t, []byte("\xFF\xD8\xFF\xE1\x00\x00Exif\x00\x00"), nil)
	})
	t.Run("a thousand continuations", func(t *testing.T) {
		full := testimage.EXIFSegment(make([]byte, 65520))
		b := tagsOf(false)
		first := append(b.Encode(), make([]byte, 65520)...)[:65520]
		hostile(t, testimage.JPEG(testimage.Gradient(1, 1), testimage.EXIFSegment(first), bytes.Repeat(full, 1000)), nil)
	})
}

func TestHostilePNG(t *testing.T) {
	m := testimage.Gradient(1, 1)
	exif, app1 := "Raw profile type exif", "Raw profile type APP1"
	block := tagsOf(false)
	digits := testimage.RawProfile("exif", block.Encode())
	t.Run("a million chunks", func(t *testing.T) {
		hostile(t, testimage.PNG(m, bytes.Repeat(testimage.PNGChunk("tIME", nil), 1<<20), nil), ErrTooLarge)
	})
	t.Run("a huge length", func(t *testing.T) {
		hostile(t, []byte(testimage.PNGSignature+"\xFF\xFF\xFF\xFFeXIfII*\x00"), nil)
		hostile(t, []byte(testimage.PNGSignature+"\x7F\xFF\xFF\xFFeXIfII*\x00"), ErrInvalid)
		hostile(t, []byte(testimage.PNGSignature+"\x7F\xFF\xFF\xFFtEXtRaw profile type exif\x00"), ErrInvalid)
	})
	t.Run("a profile of more than the file", func(t *testing.T) {
		f := testimage.PNG(m, testimage.TEXT(exif, digits), nil)
		binary.BigEndian.PutUint32(f[33:], 720_000)
		check(t, f)
	})
	bomb := append(bytes.TrimSpace(testimage.RawProfile("exif", append(block.Encode(), make([]byte, 1<<20)...))), make([]byte, 1<<24)...)
	t.Run("zTXt bomb", func(t *testing.T) {
		hostile(t, testimage.PNG(m, testimage.ZTXT(exif, bomb), nil), ErrTooLarge)
	})
	t.Run("iTXt bomb", func(t *testing.T) {
		hostile(t, testimage.PNG(m, testimage.ITXT(exif, bomb, true), nil), ErrTooLarge)
	})
	t.Run("bomb of blanks", func(t *testing.T) {
		blanks := append(bytes.Clone(digits[:100]), bytes.Repeat([]byte{'\n'}, 1<<24)...)
		hostile(t, testimage.PNG(m, testimage.ZTXT(exif, blanks), nil), ErrTooLarge)
	})
	t.Run("bomb of a name", func(t *testing.T) {
		hostile(t, testimage.PNG(m, testimage.ZTXT(exif, bytes.Repeat([]byte{'a'}, 1<<24)), nil), ErrInvalid)
	})
	t.Run("a thousand bombs", func(t *testing.T) {
		zeros := testimage.ZTXT(app1, append([]byte("\nAPP1\n 9999999\n"), bytes.Repeat([]byte{'0'}, 1<<22)...))
		hostile(t, testimage.PNG(m, bytes.Repeat(zeros, 1000), nil), ErrTooLarge)
		names := testimage.ZTXT(app1, bytes.Repeat([]byte{'a'}, 1<<22))
		hostile(t, testimage.PNG(m, bytes.Repeat(names, 1000), nil), ErrTooLarge)
	})
	t.Run("stored blocks without end", func(t *testing.T) {
		empty := bytes.Repeat([]byte{0, 0, 0, 0xFF, 0xFF}, 1<<20)
		hostile(t, testimage.PNG(m, testimage.PNGChunk("zTXt", append([]byte(exif+"\x00\x00\x78\x01"), empty...)), nil), ErrTooLarge)
	})
	t.Run("a length of digits", func(t *testing.T) {
		hostile(t, testimage.PNG(m, testimage.TEXT(exif, []byte("\nexif\n"+strings.Repeat("9", 1<<20)+"\n00")), nil), ErrInvalid)
	})
	t.Run("iTXt without end", func(t *testing.T) {
		hostile(t, testimage.PNG(m, testimage.PNGChunk("iTXt", append([]byte(exif+"\x00\x00\x00"), bytes.Repeat([]byte{'a'}, 1<<22)...)), nil), ErrTooLarge)
	})
}

func TestHostileWebP(t *testing.T) {
	t.Run("a million chunks", func(t *testing.T) {
		hostile(t, testimage.WebP(bytes.Repeat(testimage.RIFFChunk("VP8 ", nil), 1<<20)), ErrTooLarge)
	})
	t.Run("a huge size", func(t *testing.T) {
		hostile(t, []byte("RIFF\x00\x00\x00\x00WEBPVP8 \xFF\xFF\xFF\xFFEXIF"), nil)
		hostile(t, []byte("RIFF\x00\x00\x00\x00WEBPEXIF\xFF\xFF\xFF\xFFII*\x00"), ErrInvalid)
	})
}

// iloc is a HEIF file whose one Exif item has ID 1, with the given iloc.
func iloc(version byte, body ...[]byte) []byte {
	return bytes.Join([][]byte{
		testimage.FileType("heic"),
		testimage.FullBox("meta", 0,
			testimage.FullBox("iinf", 0, []byte{0, 1}, testimage.FullBox("infe", 2, []byte("\x00\x01\x00\x00Exif"))),
			testimage.FullBox("iloc", version, body...)),
	}, nil)
}

func TestHostileHEIF(t *testing.T) {
	be := binary.BigEndian
	t.Run("a million boxes", func(t *testing.T) {
		empty := bytes.Repeat(testimage.Box("free"), 1<<20)
		hostile(t, append(testimage.FileType("heic"), empty...), ErrTooLarge)
		hostile(t, append(testimage.FileType("heic"), testimage.FullBox("meta", 0, empty)...), ErrTooLarge)
	})
	t.Run("a million entries", func(t *testing.T) {
		entries := bytes.Repeat(testimage.FullBox("infe", 2, []byte("\x00\x01\x00\x00Exif")), 1<<18)
		hostile(t, append(testimage.FileType("heic"), testimage.FullBox("meta", 0, testimage.FullBox("iinf", 1, []byte{0, 4, 0, 0}, entries))...), ErrTooLarge)
	})
	t.Run("sizes that lead nowhere", func(t *testing.T) {
		for _, size := range []uint32{2, 7, 1, 0xFFFFFFFF, 0x80000000} {
			box := append(be.AppendUint32(nil, size), "meta"...)
			hostile(t, append(testimage.FileType("heic"), box...), nil)
			inner := testimage.FullBox("meta", 0, append(be.AppendUint32(nil, size), "iinf"...))
			hostile(t, append(testimage.FileType("heic"), inner...), nil)
		}
		for _, size := range []uint64{0, 1, 15, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
			box := append([]byte("\x00\x00\x00\x01mdat"), be.AppendUint64(nil, size)...)
			hostile(t, append(testimage.FileType("heic"), bytes.Repeat(box, 100)...), nil)
		}
	})
	t.Run("meta in meta in meta", func(t *testing.T) {
		b := testimage.FullBox("iinf", 0, []byte{0, 0})
		for range 1000 {
			b = testimage.FullBox("meta", 0, b)
		}
		hostile(t, append(testimage.FileType("heic"), b...), nil)
	})
	t.Run("boxes of no size, all to the end", func(t *testing.T) {
		hostile(t, append(testimage.FileType("heic"), bytes.Repeat([]byte("\x00\x00\x00\x00meta\x00\x00\x00\x00"), 1000)...), nil)
	})
	t.Run("items by the million", func(t *testing.T) {
		item := []byte{0, 2, 0, 0, 0xFF, 0xFF} // 65,535 extents of no size
		hostile(t, iloc(0, []byte{0, 0, 0xFF, 0xFF}, bytes.Repeat(item, 0xFFFF)), ErrInvalid)
		item = []byte{0, 0, 0, 2, 0, 0, 0, 0, 0xFF, 0xFF}
		hostile(t, iloc(2, []byte{0, 0, 0xFF, 0xFF, 0xFF, 0xFF}, bytes.Repeat(item, 1<<18)), ErrTooLarge)
		hostile(t, iloc(2, []byte{0, 0, 0xFF, 0xFF, 0xFF, 0xFF}), ErrInvalid)
	})
	t.Run("extents by the thousand", func(t *testing.T) {
		hostile(t, iloc(0, []byte{0x00, 0x00, 0, 1, 0, 1, 0, 0, 0xFF, 0xFF}), ErrTooLarge)
		hostile(t, iloc(0, []byte{0x44, 0x00, 0, 1, 0, 1, 0, 0, 0xFF, 0xFF}, make([]byte, 0xFFFF*8)), ErrTooLarge)
		hostile(t, iloc(0, []byte{0x00, 0x00, 0, 1, 0, 1, 0, 0, 0, 255}), ErrInvalid)
	})
	t.Run("offsets and lengths without end", func(t *testing.T) {
		huge := bytes.Repeat([]byte{0xFF}, 8+2*255*16)
		huge[0], huge[1] = 0, 255 // after the base
		hostile(t, iloc(0, []byte{0x88, 0x80, 0, 1, 0, 1, 0, 0}, bytes.Repeat([]byte{0xFF}, 8), []byte{0, 255}, huge), ErrInvalid)
	})
	t.Run("sizes of numbers beyond 8", func(t *testing.T) {
		hostile(t, iloc(0, []byte{0xFF, 0xFF, 0, 1, 0, 1}, make([]byte, 100)), ErrInvalid)
	})
	t.Run("references by the million", func(t *testing.T) {
		entry := func(id byte) []byte {
			return testimage.FullBox("infe", 2, []byte("\x00"+string(id)+"\x00\x00Exif"))
		}
		refs := append([]byte{0, 1, 0xFF, 0xFF}, make([]byte, 0xFFFF*2)...)
		hostile(t, bytes.Join([][]byte{
			testimage.FileType("heic"),
			testimage.FullBox("meta", 0,
				testimage.FullBox("pitm", 0, []byte{0, 9}),
				testimage.FullBox("iinf", 0, []byte{0, 2}, entry(1), entry(2)),
				testimage.FullBox("iref", 0, bytes.Repeat(testimage.Box("cdsc", refs), 50)),
				testimage.FullBox("iloc", 0, []byte{0, 0, 0, 0})),
		}, nil), ErrTooLarge)
	})
}

func TestHostileCR3(t *testing.T) {
	t.Run("a million blocks", func(t *testing.T) {
		b := tagsOf(false)
		canon := append([]byte(container.CanonUUID), bytes.Repeat(testimage.Box("CMT1", b.Encode()), 1<<14)...)
		hostile(t, append(testimage.FileType("crx "), testimage.Box("moov", testimage.Box("uuid", canon))...), nil)
	})
	t.Run("a million boxes", func(t *testing.T) {
		hostile(t, append(testimage.FileType("crx "), testimage.Box("moov", bytes.Repeat(testimage.Box("trak"), 1<<18))...), ErrTooLarge)
	})
	t.Run("uuid without its type", func(t *testing.T) {
		whole := append(testimage.FileType("crx "), testimage.Box("moov", testimage.Box64("uuid", []byte(container.CanonUUID[:8])))...)
		hostile(t, whole, nil)
		hostile(t, append(testimage.FileType("crx "), testimage.Box("moov", testimage.Box("uuid", []byte(container.CanonUUID[:9])))...), nil)
	})
}

func TestHostileJXL(t *testing.T) {
	b := tagsOf(false)
	block := testimage.ExifData(b.Encode(), false)
	t.Run("brob bomb", func(t *testing.T) {
		// decompressed, it is more than hostile allows; compressing more only takes longer
		bomb := append(bytes.Clone(block), make([]byte, 10<<20)...)
		for _, window := range []int{10, 22, 24} {
			hostile(t, testimage.JXL(testimage.Brob("Exif", bomb, window)), ErrTooLarge)
		}
	})
	t.Run("a window of 16 MiB for nothing", func(t *testing.T) {
		// window 24, one stored meta-block that isn't the last, of 16 MiB, truncated after two bytes
		hostile(t, testimage.JXL(testimage.Box("brob", []byte("Exif\xCF\xFF\xFF\xFF\x00\x00"))), ErrTooLarge)
		// the same, the last, compressed
		hostile(t, testimage.JXL(testimage.Box("brob", []byte("Exif\x9F\xFF\xFF\xFF\x00\x00"))), ErrTooLarge)
		// window 22: the decoder allocates 4 MiB
		hostile(t, testimage.JXL(testimage.Box("brob", []byte("Exif\xCB\xFF\xFF\xFF\x00\x00"))), ErrInvalid)
	})
	t.Run("metadata without end", func(t *testing.T) {
		// window 16, then skipped meta-blocks (RFC 7932, 9.2) that yield nothing
		skip := append([]byte{0x0C}, bytes.Repeat([]byte{0x06}, 1<<22)...)
		hostile(t, testimage.JXL(testimage.Box("brob", []byte("Exif"), skip)), ErrTooLarge)
	})
	t.Run("empty brob", func(t *testing.T) {
		hostile(t, testimage.JXL(testimage.Box("brob", []byte("Exif"))), ErrInvalid)
		hostile(t, testimage.JXL(testimage.Box("brob", []byte("Exi"))), nil)
	})
	t.Run("all that a segment holds", func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(5, 5))
		long := tagsOf(false)
		note := make([]byte, 60000)
		for i := range note {
			note[i] = byte(rnd.IntN(1 + i/256))
		}
		long.Exif[4] = testimage.Undefined(0x927C, note)
		for quality := range 12 {
			var buf bytes.Buffer
			w := brotli.NewWriterOptions(&buf, brotli.WriterOptions{Quality: quality, LGWin: 22})
			w.Write(testimage.ExifData(long.Encode(), false))
			w.Close()
			if got := decodeToJSON(testimage.JXL(testimage.Box("brob", []byte("Exif"), buf.Bytes())), &Options{}); got != wantTags {
				t.Errorf("quality %d: got %s", quality, got)
			}
		}
	})
	t.Run("the most trees", func(t *testing.T) {
		// text that keeps changing makes the encoder use all block types
		rnd := rand.New(rand.NewPCG(4, 2))
		b := make([]byte, container.MaxBrotli-1)
		for i := range b {
			if i%512 == 0 && i > 0 {
				copy(b[i:], b[rnd.IntN(i):i])
			}
			b[i] = byte(rnd.IntN(1 + i/512%256))
		}
		var buf bytes.Buffer
		w := brotli.NewWriterOptions(&buf, brotli.WriterOptions{Quality: 11, LGWin: 22})
		w.Write(append(bytes.Clone(block), b[len(block):]...))
		w.Close()
		hostile(t, testimage.JXL(testimage.Box("brob", []byte("Exif"), buf.Bytes())), ErrTooLarge)
	})
	t.Run("noise", func(t *testing.T) {
		// random bits build the largest trees
		rnd := rand.New(rand.NewPCG(1, 2))
		noise := make([]byte, 1<<17)
		for range 200 {
			for i := range noise {
				noise[i] = byte(rnd.Uint32())
			}
			noise[0] = 0x0B
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(bytes.NewReader(testimage.JXL(testimage.Box("brob", []byte("Exif"), noise))), &Options{})
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("got %v", err)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
				t.Errorf("allocated %d bytes, want at most 8 MiB", got)
			}
		}
	})
}

func TestHostilePSD(t *testing.T) {
	t.Run("a million resources", func(t *testing.T) {
		hostile(t, testimage.PSD(1, bytes.Repeat(testimage.PSDResource(1, "", nil), 1<<18)), ErrTooLarge)
	})
	t.Run("lengths without end", func(t *testing.T) {
		hostile(t, append([]byte("8BPS\x00\x01"), bytes.Repeat([]byte{0xFF}, 100)...), nil)
		b := testimage.PSD(1, testimage.PSDResource(container.PSDEXIF1, "", nil))
		copy(b[len(b)-9-4:], "\xFF\xFF\xFF\xFF")
		hostile(t, b, ErrInvalid)
	})
}

func TestHostileMRW(t *testing.T) {
	t.Run("a million blocks", func(t *testing.T) {
		hostile(t, append([]byte("\x00MRM\x7F\xFF\xFF\xFF"), bytes.Repeat([]byte("\x00PRD\x00\x00\x00\x00"), 1<<20)...), ErrTooLarge)
	})
}

func TestHostileRW2(t *testing.T) {
	t.Run("itself as its preview", func(t *testing.T) {
		b := testimage.RW2(nil, []byte("\xFF\xD8\xFF\xD9 and more"))
		copy(b[10+8:], "\x00\x00\x00\x00") // the preview's offset
		hostile(t, b, nil)
	})
}

// TestMutated changes bytes near the start of the corpus's files, where the structure is.
func TestMutated(t *testing.T) {
	files := corpusFiles(t)
	const budget = 5 * time.Second
	rnd := rand.New(rand.NewPCG(3, 1))
	end := time.Now().Add(budget)
	rounds := 0
	for ; time.Now().Before(end); rounds++ {
		file := files[rnd.IntN(len(files))]
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data = data[:min(len(data), 1<<17)]
		for range 20 {
			b := bytes.Clone(data)
			for range 1 + rnd.IntN(8) {
				at := rnd.IntN(min(len(b), 1<<uint(4+rnd.IntN(14))))
				switch rnd.IntN(4) {
				case 0:
					b[at] = 0xFF
				case 1:
					b[at] = 0
				case 2:
					b[at] ^= 1 << rnd.IntN(8)
				case 3:
					b[at] = byte(rnd.Uint32())
				}
			}
			check(t, b)
			if t.Failed() {
				t.Fatal(file)
			}
		}
	}
	t.Logf("%d files, %d rounds of 20", len(files), rounds)
}

// corpusFiles returns the real photos at EXIF_CORPUS.
func corpusFiles(t *testing.T) (files []string) {
	dir := os.Getenv("EXIF_CORPUS")
	if dir == "" {
		t.Skip("EXIF_CORPUS is not set")
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatal(len(files), err)
	}
	return files
}

// TestGrowth: no real photo takes more memory than maxGrowth.
func TestGrowth(t *testing.T) {
	for _, file := range corpusFiles(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checkGrowth(t, data)
	}
}

// TestGeoJP2: Decode returns GeoJP2's tags with the EXIF after them, which has precedence; a broken
// GeoJP2 box is no EXIF.
func TestGeoJP2(t *testing.T) {
	uuid := func(id string, block []byte) []byte { return testimage.Box("uuid", []byte(id), block) }
	geo := testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, 1), testimage.ASCII(0x87B1, "WGS 84|")}}
	exif := testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, 6)}}
	broken := []byte("II*\x00\xFF\xFF\x00\x00")
	picture := testimage.LastBox("jp2c", make([]byte, 100))
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"alone", testimage.JP2(uuid(container.GeoUUID, geo.Encode()), picture), `{"Orientation":"1","GeoAsciiParams":"WGS 84|"}`},
		{
			"before the EXIF", testimage.JP2(uuid(container.GeoUUID, geo.Encode()), uuid(container.JP2UUID, exif.Encode()), picture),
			`{"Orientation":"6","GeoAsciiParams":"WGS 84|"}`,
		},
		{"broken", testimage.JP2(uuid(container.GeoUUID, broken), picture), `{}`},
		{"broken, before the EXIF", testimage.JP2(uuid(container.GeoUUID, broken), uuid(container.JP2UUID, exif.Encode())), `{"Orientation":"6"}`},
		{"broken, before a good one", testimage.JP2(uuid(container.GeoUUID, broken), uuid(container.GeoUUID, geo.Encode())), `{"Orientation":"1","GeoAsciiParams":"WGS 84|"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := decodeToJSON(tc.file, &Options{}); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			check(t, tc.file)
		})
	}
	keep, err := newFilter(nil, []string{"@location"})
	if err != nil {
		t.Fatal(err)
	}
	if got := decodeToJSON(testimage.JP2(uuid(container.GeoUUID, geo.Encode())), &Options{Keep: keep}); got != `{"Orientation":"1"}` {
		t.Errorf("without @location: got %s", got)
	}
}

// TestJunkBetweenSegmentsIsSkipped has bytes that belong to no segment before EXIF and the frame header, as some
// programs write them.
func TestJunkBetweenSegmentsIsSkipped(t *testing.T) {
	b := testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, 6)}}
	exif := testimage.EXIFSegment(b.Encode())
	for name, tt := range map[string]struct {
		junk []byte
		want string
	}{
		"none":            {nil, `{"Orientation":"6"}`},
		"a byte":          {[]byte{0}, `{"Orientation":"6"}`},
		"an escaped byte": {[]byte{0xFF, 0, 7}, `{"Orientation":"6"}`},
		"fill bytes":      {[]byte{1, 0xFF, 0xFF, 0xFF}, `{"Orientation":"6"}`},
		"a megabyte":      {bytes.Repeat([]byte{0xFF, 0}, 1<<19), `{"Orientation":"6"}`},
		"too much":        {make([]byte, container.MaxJunk+(8<<10)), `{}`},
	} {
		data := testimage.JPEG(testimage.Gradient(16, 8), testimage.Segment(0xE0, nil), tt.junk, exif)
		if got := decodeToJSON(data, &Options{}); got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
		i, err := ReadInfo(bytes.NewReader(data))
		if want := int64(16); tt.want != "{}" && (err != nil || i.Width != want) {
			t.Errorf("%s: %d pixels wide, %v", name, i.Width, err)
		}
	}
}
