package redact

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestMemoryIsFlat redacts 4 MiB of the data that makes each parser buffer or remember the most. A Writer keeps
// at most two buffers of maxHold, or one and an ICC profile, and what it rebuilds a block of EXIF from.
func TestMemoryIsFlat(t *testing.T) {
	const total, most = 4 << 20, 1 << 20
	m := testimage.Gradient(8, 8)
	plain := testimage.JPEG(m)
	scan := bytes.Index(plain, []byte("\xFF\xDA"))
	full := testimage.Full()
	block := full.Encode()
	padded := func(b []byte, n int) []byte { return append(bytes.Clone(b), make([]byte, n-len(b))...) }
	entries := []byte("II*\x00\x08\x00\x00\x00\xFF\xFF")
	for len(entries) < 60<<10 { // unknown tags of four bytes
		entries = append(entries, 0, 0xE0, 1, 0, 4, 0, 0, 0, 'a', 'b', 'c', 0)
	}
	xmp := []byte(container.XMPIntro + `<x:xmpmeta xmlns:x="adobe:ns:meta/">` + strings.Repeat("<a>", 20000))
	ch, rc, seg, box := testimage.PNGChunk, testimage.RIFFChunk, testimage.Segment, testimage.Box
	riff := func(unit []byte) [2][]byte { return [2][]byte{[]byte("RIFF\xFF\xFF\xFF\xFEWEBP"), unit} }
	png := func(unit []byte) [2][]byte { return [2][]byte{testimage.PNG(m, nil, nil)[:33], unit} }
	ftyp := testimage.FileType("heic", "mif1", "heic")
	for name, parts := range map[string][2][]byte{ // the start of a file, and the part to repeat
		"jpeg scan":             {plain[:scan+14], make([]byte, 1<<16)},
		"jpeg markers in scans": {plain[:scan+14], []byte{1, 0xFF, 0xFF, 0, 0xFF, 0xD0}},
		"jpeg EXIF":             {plain[:2], seg(0xE1, padded(append([]byte("Exif\x00\x00"), block...), 65000))},
		"jpeg EXIF of tags":     {plain[:2], seg(0xE1, append([]byte("Exif\x00\x00"), entries...))},
		"jpeg XMP":              {plain[:2], seg(0xE1, xmp)},
		"jpeg MPF":              {plain[:2], seg(0xE2, mpf(make([]uint32, 4000)...))},
		"jpeg empty segments":   {plain[:2], seg(0xE3, nil)},
		"jpeg pictures":         {plain, plain},
		"jpeg profiles":         {plain[:2], seg(0xE2, cat("ICC_PROFILE\x00", 1, 255, make([]byte, 65000)))},
		"png IDAT":              {testimage.PNG(m, nil, nil)[:33], cat(u32(1<<31-1), "IDAT", make([]byte, 1<<16))},
		"png eXIf":              png(ch("eXIf", padded(block, maxHold))),
		"png eXIf of tags":      png(ch("eXIf", entries)),
		"png profiles":          png(testimage.ITXT("Raw profile type exif", bytes.Repeat([]byte{' '}, 64<<20), true)),
		"png texts":             png(testimage.TEXT("Raw profile type exif", bytes.Repeat([]byte("00"), maxHold/2-20))),
		"png XMP":               png(testimage.ITXT("XML:com.adobe.xmp", xmp[len(container.XMPIntro):], false)),
		"webp EXIF":             riff(rc("EXIF", padded(block, maxHold))),
		"webp XMP":              riff(rc("XMP ", xmp[len(container.XMPIntro):])),
		"webp empty chunks":     riff(rc("ABCD", nil)),
		"gif extensions":        {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00"), []byte("\x21\xFE\x01a\x00")},
		"gif XMP":               {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00\x21\xFF\x0BXMP DataXMP"), bytes.Repeat([]byte{255}, 256)},
		"heif boxes":            {ftyp, box("free")},
		"heif meta":             {ftyp, box("meta", make([]byte, maxHold))},
		"heif moov":             {ftyp, box("moov", box("trak", make([]byte, maxHold-100)))},
		"heif mdat":             {heifFile(false, []heifItem{{typ: "Exif", data: cat(u32(0), padded(block, 200<<10))}}), box("mdat", make([]byte, 1<<20))},
		"jxl brob":              {testimage.JXL(), box("brob", []byte("Exif"), make([]byte, maxHold-10))},
		"jxl Exif":              {testimage.JXL(), box("Exif", make([]byte, 4), padded(block, maxHold-20))},
		"jp2 uuid":              {testimage.JP2(), box("uuid", []byte("JpgTiffExif->JP2"), padded(block, maxHold-30))},
		"jp2 XML":               {testimage.JP2(), box("xml ", xmp[len(container.XMPIntro):])},
	} {
		t.Run(name, func(t *testing.T) {
			w := writerFor(t, io.Discard, parts[0], &Policy{EXIF: &exif.Options{Unknown: true}})
			data := slices.Clone(parts[0])
			for len(data) < 512<<10 {
				data = append(data, parts[1]...)
			}
			var before, now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for n := 0; n < total; n += len(data) {
				for part := range slices.Chunk(data, 32<<10) {
					if _, err := w.Write(part); err != nil {
						return // the Writer refuses to buffer more
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&now)
				if grown := int64(now.HeapAlloc) - int64(before.HeapAlloc); grown > most {
					t.Fatalf("%d bytes are held after %d", grown, n)
				}
				if n == 0 {
					data = data[len(parts[0]):]
					data = data[:len(data)/len(parts[1])*len(parts[1])]
				}
			}
			w.Close()
			runtime.KeepAlive(w)
		})
	}
}
