package exif

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testgate"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// worstFile is the known file that keeps one loop of the package busy for longest.
type worstFile struct {
	name  string // the loop's file and the parts that it walks over
	data  []byte
	o     Options
	bytes int64 // limit of bytes read, maxRead if 0
	reads int   // limit of reads, 2*container.MaxBoxes if 0
}

// maxRead is the handler's default limit of bytes read from a file.
const maxRead = 16 << 20

// fill repeats b more often than any loop runs, or up to the size of the largest file read.
func fill(b []byte) []byte { return bytes.Repeat(b, min(maxRead/len(b), 2*container.MaxChunks)) }

// brotliTrees is a Brotli stream of meta-blocks (RFC 7932, 9.2) of one byte and 512 trees, each of
// one symbol.
func brotliTrees(size int) []byte {
	var w testimage.Bits
	w.Put(0, 1) // a window of 16 bits
	for len(w.B) < size {
		w.Put(0, 1)  // not the last
		w.Put(0, 2)  // a length of 4 nibbles:
		w.Put(0, 16) // 1
		w.Put(0, 1)  // compressed
		w.Put(0, 3)  // one block type of each kind
		w.Put(0, 6)  // distances
		w.Put(0, 2)  // context mode
		trees := func() {
			w.Put(1|7<<1|127<<4, 11)
			w.Put(0, 1)        // no runs in the context map
			w.Put(1|0<<2, 4+8) // whose code has one symbol,
			w.Put(0, 1)        // not moved to front
		}
		trees()
		trees()
		for range 256 {
			w.Put(1|0<<2, 4+8)
		}
		w.Put(1|0<<2|8<<4, 4+10) // insert one, copy two
		for range 256 {
			w.Put(1|0<<2, 4+6)
		}
	}
	return w.B
}

// brotliContexts is a Brotli stream of meta-blocks of one byte, each with 256 types of blocks and so
// a context map of 16,384 entries, which is moved to front, for 2 trees.
func brotliContexts(size int) []byte {
	var w testimage.Bits
	w.Put(0, 1) // a window of 16 bits
	for len(w.B) < size {
		w.Put(0, 1)              // not the last
		w.Put(0, 2)              // a length of 4 nibbles:
		w.Put(0, 16)             // 1
		w.Put(0, 1)              // compressed
		w.Put(1|7<<1|127<<4, 11) // 256 types of literals
		w.Put(1|0<<2|2<<4, 4+9)  // the code of types,
		w.Put(1|0<<2|0<<4, 4+5)  // the code of counts,
		w.Put(0, 2)              // and the first count
		w.Put(0, 2)              // one type of the others
		w.Put(0, 6)              // distances
		for range 256 {
			w.Put(0, 2) // context modes
		}
		w.Put(1|0<<1, 1+3) // 2 trees
		w.Put(0, 1)        // no runs in the context map
		w.Put(1|0<<2, 4+1) // whose code has one symbol,
		w.Put(1, 1)        // moved to front
		w.Put(0, 1)        // one tree of distances
		w.Put(1|0<<2, 4+8)
		w.Put(1|0<<2, 4+8)
		w.Put(1|0<<2|8<<4, 4+10) // insert one, copy two
		w.Put(1|0<<2, 4+6)
	}
	return w.B
}

// brob is a JPEG XL file with a compressed Exif box.
func brob(packed []byte) []byte {
	return testimage.JXL(testimage.Box("brob", []byte("Exif"), packed))
}

// itemsFile is a HEIF file with the given boxes in meta, and the primary item 9.
func itemsFile(boxes ...[]byte) []byte {
	return append(testimage.FileType("heic"), testimage.FullBox("meta", 0,
		append([][]byte{testimage.FullBox("pitm", 0, []byte{0, 9})}, boxes...)...)...)
}

// tiffOf is a little-endian directory of n entries that e writes, and the bytes after it; tail is their
// offset.
func tiffOf(n int, e func(b []byte, i int, tail uint32) []byte, after []byte) []byte {
	tail := uint32(8 + 2 + 12*n + 4)
	b := put16(header(8), uint16(n))
	for i := range n {
		b = e(b, i, tail)
	}
	return append(put32(b, 0), after...)
}

// bigOf is a BigTIFF directory of n entries.
func bigOf(n int, e func(i int) []byte) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64([]byte("II\x2b\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"), uint64(n))
	for i := range n {
		b = append(b, e(i)...)
	}
	return append(b, make([]byte, 8)...)
}

func bigEntry(id, typ uint16, count, value uint64) []byte {
	le := binary.LittleEndian
	b := put16(nil, id, typ)
	return le.AppendUint64(le.AppendUint64(b, count), value)
}

func worstFiles() []worstFile {
	m := testimage.Gradient(1, 1)
	exif, app1 := "Raw profile type exif", "Raw profile type APP1"
	png := func(chunks []byte) []byte { return testimage.PNG(m, chunks, nil) }
	packed := func(keyword string, stream []byte) []byte {
		return testimage.PNGChunk("zTXt", append([]byte(keyword+"\x00\x00"), stream...))
	}
	text := func(tags int, code, content string) []byte {
		return tiffOf(tags, func(b []byte, i int, tail uint32) []byte {
			// the tags whose text has a character code come first
			id := []uint16{0x9286, 0x9286, 0xE000}[min(i, 2)]
			return entry(b, id+uint16(i), container.TypeUndefined, maxText, tail)
		}, []byte(code + strings.Repeat(content, maxText))[:maxText])
	}
	shared := func(typ uint16, size int, content string) []byte {
		return tiffOf(65535, func(b []byte, i int, tail uint32) []byte {
			return entry(b, uint16(i), typ, uint32(uint64(size)/container.TypeSize(typ)), tail)
		}, []byte(strings.Repeat(content, size/len(content)+1))[:size])
	}
	inEntry := func(typ uint16, count uint32) []byte {
		return tiffOf(65535, func(b []byte, i int, _ uint32) []byte {
			return entry(b, uint16(i), typ, count, 0x01010101)
		}, nil)
	}
	infe := func(n int) []byte {
		b := put32(nil)
		for i := range n {
			b = append(b, testimage.FullBox("infe", 2, []byte{byte(i >> 8), byte(i), 0, 0, 'E', 'x', 'i', 'f'})...)
		}
		return testimage.FullBox("iinf", 1, append([]byte{0, 0, byte(n >> 8), byte(n)}, b...))
	}
	cdsc := func(n int) []byte {
		var b []byte
		for i := range n {
			b = append(b, testimage.Box("cdsc", []byte{byte((n - i) >> 8), byte(n - i), 0, 1, 0, 1})...)
		}
		return testimage.FullBox("iref", 0, b)
	}
	refs := testimage.FullBox("iref", 0, fill(testimage.Box("cdsc", append([]byte{0, 1, 0xFF, 0xFF}, make([]byte, 0xFFFF*2)...))))
	split := fill(testimage.EXIFSegment(make([]byte, 0xFFFF-2-6)))
	// the first segment has a directory whose values lie at the end of the last segment
	far := tiffOf(5000, func(b []byte, i int, _ uint32) []byte {
		return entry(b, uint16(i), container.TypeASCII, 5, uint32(len(split)-3000))
	}, nil)
	copy(split[10:], far)
	short := testimage.EXIFSegment(tiffOf(5000, func(b []byte, _ int, _ uint32) []byte {
		return entry(b, 0x010F, container.TypeASCII, maxText, 60000)
	}, nil))
	extents := func(n int) []byte {
		// pieces of one byte, and the rest as the last piece, which contains the block
		b := tiffOf(65000, func(b []byte, i int, tail uint32) []byte { return entry(b, uint16(i), container.TypeASCII, 5, tail) }, []byte("texts"))
		h := testimage.HEIF{Iloc: 1, Exif: [][]byte{testimage.ExifData(b, false)}, Pieces: n}
		return h.Encode()
	}
	random := make([]byte, maxText)
	seed := uint32(1)
	for i := range random {
		seed = seed*1664525 + 1013904223
		random[i] = byte(seed>>24) | 1
	}

	return []worstFile{
		{name: "jpeg: fill bytes", data: append([]byte("\xFF\xD8"), fill([]byte{0xFF})...)},
		{name: "jpeg: segments", data: append([]byte("\xFF\xD8"), fill([]byte("\xFF\xE2\x00\x02"))...)},
		{name: "jpeg: EXIF in 256 segments", data: append([]byte("\xFF\xD8"), split...), o: Options{Unknown: true}},
		{name: "jpeg: values cut off by the segment", data: testimage.JPEG(m, short)},
		{name: "jpeg: broken EXIF that goes on", data: append([]byte("\xFF\xD8"), bytes.Repeat(slices.Concat(
			testimage.EXIFSegment(header(1<<30)), bytes.Repeat(testimage.EXIFSegment(make([]byte, 20)), 1<<10)), maxBroken)...)},
		{name: "jpeg: Photoshop's resources", data: testimage.JPEG(m, bytes.Repeat(testimage.PhotoshopSegment(testimage.PSDResource(1, "a", nil)), container.MaxSegments-8))},
		{name: "jpeg: Photoshop's resources, more of them", data: testimage.JPEG(m, bytes.Repeat(testimage.PhotoshopSegment(
			bytes.Repeat(testimage.PSDResource(1, "a", nil), 4000)), 200))},
		{name: "raf: fill bytes", data: testimage.RAF(append([]byte("\xFF\xD8"), fill([]byte{0xFF})...))},
		{name: "png: chunks", data: png(fill(testimage.PNGChunk("tIME", nil)))},
		{name: "png: text chunks", data: png(fill(testimage.TEXT("Raw profile type iptc", nil)))},
		{name: "png: 16 profiles of blanks", data: png(bytes.Repeat(testimage.ZTXT(app1, bytes.Repeat([]byte{'\n'}, 4<<20)), 16))},
		{name: "png: 16 profiles with a long name", data: png(bytes.Repeat(testimage.ZTXT(app1, bytes.Repeat([]byte{'a'}, 4<<20)), 16))},
		{name: "png: 16 short profiles", data: png(bytes.Repeat(testimage.ZTXT(app1, []byte("a")), 16))},
		{bytes: container.MaxProfileSteps/container.PackedSteps + 1<<12, name: "png: 16 profiles of Deflate tables", data: png(bytes.Repeat(packed(app1, testimage.DeflateTables(1<<20)), 15))},
		{bytes: container.MaxProfileSteps/container.PackedSteps + 1<<12, name: "png: 16 profiles of Deflate tables, then text", data: png(bytes.Repeat(packed(app1,
			append(testimage.DeflateTables(100_000), "\x00\x00\x00"+"\x00\x02\xFF\xFD"+strings.Repeat("a", container.ProfileHead)...)), 16))},
		{bytes: container.MaxProfileSteps/container.PackedSteps + 1<<12, name: "png: 16 profiles of empty blocks", data: png(bytes.Repeat(packed(app1, append([]byte("\x78\x01"), bytes.Repeat([]byte{0, 0, 0, 0xFF, 0xFF}, 1<<18)...)), 12))},
		{bytes: container.MaxProfileSteps + 1<<12, name: "png: digits", data: png(testimage.TEXT(exif, append([]byte("\nexif\n 9999999\n49492a00"), fill([]byte{'0'})...)))},
		{name: "png: packed digits", data: png(packed(exif, testimage.Zlib(append([]byte("\nexif\n 524288\n49492a00"), bytes.Repeat([]byte{'0'}, 1<<20-100)...))))},
		{bytes: container.MaxProfileSteps + 1<<12, name: "png: language tag", data: png(bytes.Repeat(testimage.PNGChunk("iTXt", append([]byte(app1+"\x00\x00\x00"), bytes.Repeat([]byte{'a'}, 1<<20)...)), 15))},
		{name: "png: a tail of beginnings of chunks", data: tailOf(func(left int) []byte {
			// each leads to IEND and has letters after it
			return append(binary.BigEndian.AppendUint32(nil, uint32(left-12)), "prVt"...)
		})},
		{name: "png: a tail of lengths", data: tailOf(func(left int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(max(left-12, 0))) })},
		{name: "png: a tail of chunks", data: slices.Concat(testimage.PNGHead(), testimage.IDATs(1<<20, 100), bytes.Repeat(testimage.PNGChunk("prVt", nil), 60000), testimage.PNGChunk("IEND", nil))},
		{name: "png: no end", data: slices.Concat(testimage.PNGHead(), fill(testimage.IDATs(1)))},
		{name: "png: broken eXIf", data: png(bytes.Repeat(testimage.PNGChunk("eXIf", header(1<<30)), 1<<15))},
		{name: "webp: chunks", data: testimage.WebP(fill(testimage.RIFFChunk("VP8 ", nil)))},
		{name: "webp: a tail of beginnings of chunks", data: testimage.WebP(testimage.VP8X(10), testimage.RIFFChunk("ANMF", nil), tailBytes(func(left int) []byte {
			return binary.LittleEndian.AppendUint32([]byte("EXIF"), uint32(left-8))
		}))},
		{name: "psd: resources with names", data: testimage.PSD(1, fill(testimage.PSDResource(1, "a", nil)))},
		{name: "mrw: blocks", data: append([]byte("\x00MRM\x7F\xFF\xFF\xFF"), fill([]byte("\x00PRD\x00\x00\x00\x00"))...)},
		{name: "rw2: entries", data: tiffRW2()},
		{name: "bmff: boxes", data: append(testimage.FileType("heic"), fill(testimage.Box("free"))...)},
		{name: "bmff: boxes of 64 bits", data: append(testimage.FileType("heic"), fill(testimage.Box64("uuid", make([]byte, 16)))...)},
		{name: "bmff: metas", data: append(testimage.FileType("heic"), fill(testimage.FullBox("meta", 0, testimage.Box("free")))...)},
		{name: "cr3: boxes", data: append(testimage.FileType("crx "), testimage.Box("moov", testimage.Box("uuid", []byte(container.CanonUUID), fill(testimage.Box("CMT3"))))...)},
		{name: "heif: 32,000 items and references", data: itemsFile(infe(32000), cdsc(32000))},
		{bytes: 1 << 18, name: "heif: long references", data: itemsFile(infe(2), refs)},
		{name: "heif: items in iloc", data: itemsFile(infe(1),
			testimage.FullBox("iloc", 2, []byte{0, 0, 0, 0, 0xFF, 0xFF}, bytes.Repeat([]byte{0, 0, 0, 2, 0, 0, 0, 0, 0, 0}, 1<<16)))},
		{name: "heif: extents in iloc", data: itemsFile(infe(1),
			testimage.FullBox("iloc", 2, []byte{0x88, 0x88, 0, 0, 0xFF, 0xFF}, fill(append([]byte{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8}, make([]byte, 8*24)...))))},
		{name: "heif: EXIF in 256 extents", data: extents(256), o: Options{Unknown: true}},
		{name: "jxl: boxes", data: testimage.JXL(fill(testimage.Box("free")))},
		{bytes: container.MaxBrotliIdle + 1<<12, name: "jxl: brob of trees", data: brob(brotliTrees(container.MaxBrotli))},
		{bytes: container.MaxBrotliIdle + 1<<12, name: "jxl: brob of context maps", data: brob(brotliContexts(container.MaxBrotli))},
		{bytes: container.MaxBrotliIdle + 1<<12, name: "jxl: brob of skipped blocks", data: brob(append([]byte{0x0C}, bytes.Repeat([]byte{0x06}, container.MaxBrotli)...))},
		{name: "jxl: brob bomb", data: testimage.JXL(testimage.Brob("Exif", make([]byte, 64<<20), 24))},
		{name: "jxl: brob, all of it", data: testimage.JXL(testimage.Brob("Exif", append(tagsOfBytes(), random...), 22))},
		{name: "svg: comments", data: fill([]byte("<!---->"))},
		{name: "svg: entities", data: append([]byte("<!DOCTYPE svg ["), fill([]byte("<!ENTITY a 'b'>"))...)},
		{name: "svg: quotes", data: append([]byte("<?xml version=\"1.0\"?><!DOCTYPE svg "), fill([]byte("''\"\""))...)},
		{name: "tiff: entries", data: bigOf(container.MaxEntries, func(int) []byte { return bigEntry(0xFFFF, container.TypeShort, 1, 1) })},
		{name: "tiff: one tag again and again", data: bigOf(container.MaxEntries, func(int) []byte { return bigEntry(0x0112, container.TypeShort, 1, 1) })},
		{name: "tiff: empty texts of one tag", data: bigOf(container.MaxEntries, func(int) []byte { return bigEntry(0x010F, container.TypeASCII, 1, 0) })},
		{bytes: 20*container.MaxEntries + 2*maxValues, name: "tiff: empty texts of one tag, elsewhere", data: bigOf(container.MaxEntries, func(int) []byte { return bigEntry(0x010F, container.TypeASCII, maxBinary, 20) }), o: Options{Unknown: true}},
		{name: "tiff: one unknown tag again and again", data: bigOf(container.MaxEntries, func(int) []byte { return bigEntry(0xFFFF, container.TypeShort, 1, 1) }), o: Options{Unknown: true}},
		{bytes: 20*container.MaxEntries + maxValues, reads: container.MaxEntries/container.EntryChunk + maxTags + 16, name: "tiff: broken entries", data: bigOf(container.MaxEntries, func(int) []byte { return bigEntry(0x010F, container.TypeASCII, 9, 1<<40) })},
		{bytes: 20*container.MaxEntries + maxValues, name: "tiff: values cut off", data: bigOf(container.MaxEntries, func(int) []byte {
			return bigEntry(0x010F, container.TypeASCII, maxText, 20*container.MaxEntries-maxText+40)
		})},
		{name: "tiff: undefined nothings", data: bigOf(container.MaxEntries, func(i int) []byte { return bigEntry(uint16(i), container.TypeUndefined, 65, 30) }), o: Options{Unknown: true}},
		{name: "tiff: 16,384 tags", data: inEntry(container.TypeShort, 1), o: Options{Unknown: true}},
		{name: "tiff: arrays of bytes", data: shared(container.TypeByte, maxBinary, "\x01"), o: Options{Unknown: true}},
		{name: "tiff: arrays of fractions", data: shared(container.TypeRational, maxBinary, "\xFF"), o: Options{Unknown: true}},
		{name: "tiff: arrays of floats", data: shared(container.TypeDouble, maxBinary, "\x81"), o: Options{Unknown: true}},
		{name: "tiff: bytes as they are", data: inEntry(container.TypeUndefined, 4), o: Options{Unknown: true}},
		{name: "tiff: short texts", data: shared(container.TypeASCII, 30, "\x80"), o: Options{Unknown: true}},
		{name: "text: latin1", data: shared(container.TypeASCII, maxText, "\x80"), o: Options{Unknown: true}},
		{name: "text: NULs", data: shared(container.TypeASCII, maxText, "\x00"), o: Options{Unknown: true}},
		{name: "text: blanks", data: shared(container.TypeASCII, maxText, "a "), o: Options{Unknown: true}},
		{name: "text: Shift JIS", data: shared(container.TypeASCII, maxText, string(random)), o: Options{Unknown: true, Charset: japanese.ShiftJIS}},
		{name: "text: EUC-JP", data: shared(container.TypeASCII, maxText, string(random)), o: Options{Unknown: true, Charset: japanese.EUCJP}},
		{name: "text: ISO-2022-JP", data: shared(container.TypeASCII, maxText, "\x1B$B\x21\x21\x1B(B\xFF"), o: Options{Unknown: true, Charset: japanese.ISO2022JP}},
		{name: "text: GB 18030", data: shared(container.TypeASCII, maxText, "\x81\x30\x81\x30"), o: Options{Unknown: true, Charset: simplifiedchinese.GB18030}},
		{name: "text: HZ-GB2312", data: shared(container.TypeASCII, maxText, "~{!!~}\xFF"), o: Options{Unknown: true, Charset: simplifiedchinese.HZGB2312}},
		{name: "text: JIS", data: text(1, "JIS\x00\x00\x00\x00\x00", "\x1B$B!!\x1B(J")},
		{name: "text: UTF-16", data: text(1, "UNICODE\x00", "\x00\xD8\x01\x02")},
		{name: "text: UTF-16 of rare letters", data: text(1, "UNICODE\x00", "\x9F\x9F")},
		{name: "text: UTF-16 in ASCII", data: text(1, "Unicode\x00", "0A")},
	}
}

// tailBytes fills bytes backwards from the end with the result of f for the number of bytes left.
func tailBytes(f func(left int) []byte) []byte {
	data := make([]byte, 1<<20)
	n := len(f(0))
	for at := len(data) - n; at >= 0; at -= n {
		copy(data[at:], f(len(data)-at))
	}
	return data
}

// tailOf is a PNG with an IDAT filled by tailBytes, up to IEND.
func tailOf(f func(left int) []byte) []byte {
	data := tailBytes(func(left int) []byte { return f(left + 4) })
	return slices.Concat(testimage.PNGHead(), testimage.IDATs(100), testimage.PNGChunk("IDAT", data), testimage.PNGChunk("IEND", nil))
}

func tagsOfBytes() []byte {
	b := tagsOf(false)
	return testimage.ExifData(b.Encode(), false)
}

// tiffRW2 is a Panasonic file whose preview has as many entries as its own directory.
func tiffRW2() []byte {
	b := tiffOf(65535, func(b []byte, i int, tail uint32) []byte {
		if i == 65534 {
			return entry(b, container.PanasonicJPEG, container.TypeUndefined, 65535, tail)
		}
		return entry(b, 0xFFF0, container.TypeShort, 1, 1)
	}, testimage.JPEG(testimage.Gradient(1, 1), testimage.EXIFSegment(tiffOf(5400, func(b []byte, _ int, _ uint32) []byte {
		return entry(b, 0xFFF0, container.TypeShort, 1, 1)
	}, nil))))
	b[2] = 0x55
	return b
}

// decodeWorst reads f and renders it in every style.
func decodeWorst(r io.ReaderAt, f *worstFile) {
	m, err := Decode(r, &f.o)
	if err != nil {
		return
	}
	for _, style := range []Style{Raw, Described, Typed} {
		o := f.o
		o.Style = style
		_, _ = m.AppendJSON(nil, &o)
	}
	o := f.o
	for _, d := range dialects {
		o.Dialect = d
		_, _ = m.AppendJSON(nil, &o)
	}
}

// TestWorst checks the costs of the worst files against limits that don't depend on the machine: bytes read
// and allocated, and the time in units of 65,536 boxes, which take 2 ms on a slow machine. No file may take
// more than ten units, 20 ms there; the race detector slows some loops down more than others.
func TestWorst(t *testing.T) {
	testgate.Slow(t)
	const maxUnits = 20
	// take the fastest of several runs, since other processes may be running: as many as needed to stay
	// within the limit
	fastest := func(f *worstFile, limit time.Duration) time.Duration {
		best := time.Duration(math.MaxInt64)
		for i := 0; i < 5 || i < 50 && best > limit; i++ {
			start := time.Now()
			decodeWorst(bytes.NewReader(f.data), f)
			best = min(best, time.Since(start))
		}
		return best
	}
	files := worstFiles()
	i := slices.IndexFunc(files, func(f worstFile) bool { return f.name == "bmff: boxes" })
	unit := fastest(&files[i], 0)
	for _, f := range files {
		t.Run(f.name, func(t *testing.T) {
			c := &tally{r: bytes.NewReader(f.data)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			decodeWorst(c, &f)
			runtime.ReadMemStats(&after)
			took := fastest(&f, maxUnits*unit)
			allocated := after.TotalAlloc - before.TotalAlloc
			if took > maxUnits*unit {
				t.Errorf("took %v, want at most %d times the %v that 65,536 boxes take", took, maxUnits, unit)
			}
			if limit := cmp.Or(f.bytes, maxRead); c.bytes > limit {
				t.Errorf("read %d bytes, want at most %d", c.bytes, limit)
			}
			if limit := cmp.Or(f.reads, 2*container.MaxBoxes); c.reads > limit {
				t.Errorf("read %d times, want at most %d", c.reads, limit)
			}
			if allocated > maxGrowth+maxGrowth/4 {
				t.Errorf("allocated %d bytes, want at most %d", allocated, maxGrowth)
			}
			t.Logf("%.2f ms, %d reads of %d bytes, %d KiB allocated", float64(took.Microseconds())/1000, c.reads, c.bytes, allocated>>10)
		})
	}
}

// BenchmarkWorst reads the worst files, each in memory, and renders them in every style.
func BenchmarkWorst(b *testing.B) {
	for _, f := range worstFiles() {
		b.Run(f.name, func(b *testing.B) {
			r := bytes.NewReader(f.data)
			b.ReportAllocs()
			for b.Loop() {
				decodeWorst(r, &f)
			}
		})
	}
}

// tally counts reads and bytes requested.
type tally struct {
	r     io.ReaderAt
	reads int
	bytes int64
}

func (c *tally) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	c.bytes += int64(len(p))
	return c.r.ReadAt(p, off)
}

// Size returns the file's length.
func (c *tally) Size() int64 { return container.SizeOf(c.r) }
