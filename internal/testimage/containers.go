package testimage

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"

	"github.com/andybalholm/brotli"
)

var be = binary.BigEndian

// PNGSignature is the signature of a PNG.
const PNGSignature = "\x89PNG\r\n\x1A\n"

// PNG returns m as a PNG, with chunks before its first IDAT and after its last.
func PNG(m image.Image, before, after []byte) []byte {
	var buf bytes.Buffer
	if err := png.Encode(&buf, m); err != nil {
		panic(err) // only for images larger than PNG can hold
	}
	b := buf.Bytes()
	const ihdr = 8 + 12 + 13
	const iend = 12
	var out []byte
	out = append(out, b[:ihdr]...)
	out = append(out, before...)
	out = append(out, b[ihdr:len(b)-iend]...)
	out = append(out, after...)
	return append(out, b[len(b)-iend:]...)
}

// PNGChunk returns a chunk with its checksum.
func PNGChunk(typ string, data []byte) []byte {
	out := be.AppendUint32(nil, uint32(len(data)))
	out = append(out, typ...)
	out = append(out, data...)
	return be.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// RawProfile returns the text of a raw profile as ImageMagick writes it.
func RawProfile(name string, profile []byte) []byte {
	out := fmt.Appendf(nil, "\n%s\n%8d\n", name, len(profile))
	for len(profile) > 0 {
		n := min(36, len(profile))
		out = hex.AppendEncode(out, profile[:n])
		out = append(out, '\n')
		profile = profile[n:]
	}
	return out
}

// TEXT returns a tEXt chunk.
func TEXT(keyword string, text []byte) []byte {
	return PNGChunk("tEXt", append([]byte(keyword+"\x00"), text...))
}

// ZTXT returns a zTXt chunk.
func ZTXT(keyword string, text []byte) []byte {
	return PNGChunk("zTXt", append([]byte(keyword+"\x00\x00"), Zlib(text)...))
}

// ITXT returns an iTXt chunk.
func ITXT(keyword string, text []byte, packed bool) []byte {
	data := append([]byte(keyword), 0, 0, 0)
	if packed {
		data[len(keyword)+1] = 1
		text = Zlib(text)
	}
	data = append(data, "en\x00translated keyword\x00"...)
	return PNGChunk("iTXt", append(data, text...))
}

// Zlib returns b compressed by zlib.
func Zlib(b []byte) []byte {
	var buf bytes.Buffer
	w := zlib.NewWriter(&buf)
	w.Write(b) // a bytes.Buffer returns no error
	w.Close()
	return buf.Bytes()
}

// WebP returns a file of the given chunks.
func WebP(chunks ...[]byte) []byte {
	body := bytes.Join(chunks, nil)
	out := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body)+4))
	out = append(out, "WEBP"...)
	return append(out, body...)
}

// RIFFChunk returns a chunk with its padding.
func RIFFChunk(name string, data []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(data)))
	out = append(out, data...)
	return append(out, make([]byte, len(data)%2)...)
}

// VP8L returns a chunk with a picture of one pixel.
func VP8L() []byte {
	return RIFFChunk("VP8L", []byte("\x2F\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xFE\x07"))
}

// VP8X returns the first chunk of an extended WebP; the flag 0x08 announces EXIF.
func VP8X(flags byte) []byte { return RIFFChunk("VP8X", []byte{flags, 0, 0, 0, 0, 0, 0, 0, 0, 0}) }

// Box returns an ISO box.
func Box(typ string, body ...[]byte) []byte {
	b := bytes.Join(body, nil)
	out := be.AppendUint32(nil, uint32(8+len(b)))
	out = append(out, typ...)
	return append(out, b...)
}

// Box64 returns an ISO box with a size of 64 bits.
func Box64(typ string, body ...[]byte) []byte {
	b := bytes.Join(body, nil)
	out := be.AppendUint32(nil, 1)
	out = append(out, typ...)
	out = be.AppendUint64(out, uint64(16+len(b)))
	return append(out, b...)
}

// LastBox returns an ISO box of size 0, which means that it reaches to the end of the file.
func LastBox(typ string, body ...[]byte) []byte {
	out := Box(typ, body...)
	be.PutUint32(out, 0)
	return out
}

// FullBox returns an ISO box with a version and flags of zero.
func FullBox(typ string, version byte, body ...[]byte) []byte {
	return Box(typ, append([][]byte{{version, 0, 0, 0}}, body...)...)
}

// FileType returns the box ftyp with these brands.
func FileType(major string, compatible ...string) []byte {
	out := []byte(major + "\x00\x00\x00\x00")
	for _, c := range compatible {
		out = append(out, c...)
	}
	return Box("ftyp", out)
}

// ExifData returns the data of an Exif item or box in HEIF and JPEG XL: the block's offset, "Exif\0\0" if intro
// is set, and the block.
func ExifData(block []byte, intro bool) []byte {
	if intro {
		return append([]byte("\x00\x00\x00\x06Exif\x00\x00"), block...)
	}
	return append([]byte("\x00\x00\x00\x00"), block...)
}

// HEIF is a file with a meta box. The bytes of its picture aren't valid.
type HEIF struct {
	Major      string   // brand, heic if empty
	Compatible []string // further brands
	Infe, Iloc byte     // versions of these boxes
	Method     byte     // construction method of the Exif items
	Pieces     int      // extents of each Exif item, 1 if 0
	MetaLast   bool     // the box meta comes last
	Wide       bool     // sizes of 64 bits
	BaseOffset bool     // iloc has a base offset for each item
	Exif       [][]byte // the data of the Exif items, see ExifData
	Describing int      // the number of the Exif item that describes the primary item, from 1; 0 for none
}

// Encode returns the file.
func (h *HEIF) Encode() []byte {
	major := h.Major
	if major == "" {
		major = "heic"
	}
	ftyp := FileType(major, h.Compatible...)
	picture := bytes.Repeat([]byte{0xAB}, 100)
	mdat := func(b []byte) []byte {
		if h.Wide {
			return Box64("mdat", b)
		}
		return Box("mdat", b)
	}
	// the pieces of each item are in reverse order, so that readers must follow iloc
	pieces := max(h.Pieces, 1)
	var store []byte
	where := make([][]extent, len(h.Exif))
	for i, e := range h.Exif {
		where[i] = make([]extent, pieces)
		step := (len(e) + pieces - 1) / pieces
		for k := pieces - 1; k >= 0; k-- {
			piece := e[min(k*step, len(e)):min((k+1)*step, len(e))]
			where[i][k] = extent{len(store), len(piece)}
			store = append(store, piece...)
		}
	}
	body := picture
	if h.Method == 0 {
		body = append(body[:len(body):len(body)], store...)
	}
	media := mdat(body)
	// the layout needs the size of meta, which doesn't depend on the offsets in it
	size := len(h.meta(where, 0, store))
	at := len(ftyp) + len(media) - len(body) + len(picture)
	if !h.MetaLast {
		at += size
	}
	meta := h.meta(where, at, store)
	if h.MetaLast {
		return bytes.Join([][]byte{ftyp, media, meta}, nil)
	}
	return bytes.Join([][]byte{ftyp, meta, media}, nil)
}

// extent is a piece of an item.
type extent struct{ off, n int }

// meta returns the box meta. store, with the items' pieces, is at the offset at.
func (h *HEIF) meta(where [][]extent, at int, store []byte) []byte {
	const primary = 1
	id := func(b []byte, wide bool, v int) []byte {
		if wide {
			return be.AppendUint32(b, uint32(v))
		}
		return be.AppendUint16(b, uint16(v))
	}
	infe := max(h.Infe, 2)
	entry := func(item int, typ string) []byte {
		b := id(nil, infe == 3, item)
		b = append(b, 0, 0)
		return FullBox("infe", infe, append(b, typ+"\x00"...))
	}
	entries := [][]byte{be.AppendUint16(nil, uint16(1+len(h.Exif))), entry(primary, "hvc1")}
	for i := range h.Exif {
		entries = append(entries, entry(primary+1+i, "Exif"))
	}
	iinf := FullBox("iinf", 0, entries...)

	wide := h.Iloc == 2
	iloc := []byte{0x44, 0x00} // 4 bytes for offsets and lengths, none for a base and an index
	if h.BaseOffset {
		iloc = []byte{0x84, 0x80} // 8 bytes for offsets and a base
	}
	if h.Iloc > 0 {
		iloc[1] |= 4 // 4 bytes for an index
	}
	iloc = id(iloc, wide, 1+len(h.Exif))
	item := func(n int, method byte, start int, runs []extent) {
		iloc = id(iloc, wide, n)
		if h.Iloc > 0 {
			iloc = append(iloc, 0, method)
		}
		iloc = append(iloc, 0, 0) // in this file
		if h.BaseOffset {
			base := start - start/2
			iloc = be.AppendUint64(iloc, uint64(base))
			start -= base
		}
		iloc = be.AppendUint16(iloc, uint16(len(runs)))
		for _, r := range runs {
			if h.Iloc > 0 {
				iloc = append(iloc, 0, 0, 0, 0)
			}
			if h.BaseOffset {
				iloc = be.AppendUint64(iloc, uint64(start+r.off))
			} else {
				iloc = be.AppendUint32(iloc, uint32(start+r.off))
			}
			iloc = be.AppendUint32(iloc, uint32(r.n))
		}
	}
	item(primary, 0, at-100, []extent{{0, 50}, {50, 50}})
	for i, runs := range where {
		if h.Method == 1 {
			item(primary+1+i, 1, 0, runs)
		} else {
			item(primary+1+i, h.Method, at, runs)
		}
	}
	boxes := [][]byte{
		{0, 0, 0, 0},
		FullBox("hdlr", 0, []byte("\x00\x00\x00\x00pict\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")),
		FullBox("pitm", 0, []byte{0, primary}),
		iinf,
	}
	if h.Describing > 0 {
		boxes = append(boxes, FullBox("iref", 0,
			Box("thmb", []byte{0, 9, 0, 1, 0, primary}),
			Box("cdsc", []byte{0, byte(primary + h.Describing), 0, 2, 0, 77, 0, primary})))
	}
	boxes = append(boxes, FullBox("iloc", h.Iloc, iloc))
	if h.Method == 1 {
		boxes = append(boxes, Box("idat", store))
	}
	if h.Wide {
		return Box64("meta", boxes...)
	}
	return Box("meta", boxes...)
}

// CR3 returns a file with the blocks CMT1, CMT2 and CMT4.
func CR3(ifd0, exif, gps []byte) []byte {
	canon := append([]byte("\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"),
		bytes.Join([][]byte{
			Box("CNCV", []byte("CanonCR3_001/00.09.00/00.00.00")),
			Box("CMT1", ifd0), Box("CMT2", exif), Box("CMT3"), Box("CMT4", gps),
		}, nil)...)
	return bytes.Join([][]byte{
		FileType("crx ", "crx ", "isom"),
		Box("moov", Box("uuid", canon), FullBox("mvhd", 0, make([]byte, 96))),
		Box64("mdat", make([]byte, 64)),
	}, nil)
}

// JXL returns JPEG XL's container with the given boxes.
func JXL(boxes ...[]byte) []byte {
	return append([]byte("\x00\x00\x00\x0CJXL \r\n\x87\n"),
		bytes.Join(append([][]byte{FileType("jxl ", "jxl ")}, boxes...), nil)...)
}

// Brob returns a box compressed by Brotli, with a window of that many bits.
func Brob(typ string, body []byte, window int) []byte {
	return Box("brob", []byte(typ), Brotli(body, window))
}

// Brotli returns b compressed by Brotli, with a window of that many bits.
func Brotli(b []byte, window int) []byte {
	var buf bytes.Buffer
	w := brotli.NewWriterOptions(&buf, brotli.WriterOptions{Quality: 9, LGWin: window})
	w.Write(b) // a bytes.Buffer returns no error
	w.Close()
	return buf.Bytes()
}

// JP2 returns a JPEG 2000 file with the given boxes.
func JP2(boxes ...[]byte) []byte {
	return append([]byte("\x00\x00\x00\x0CjP  \r\n\x87\n"),
		bytes.Join(append([][]byte{
			FileType("jp2 ", "jp2 "),
			Box("jp2h", Box("ihdr", []byte("\x00\x00\x00\x10\x00\x00\x00\x10\x00\x03\x07\x07\x01\x00"))),
		}, boxes...), nil)...)
}

// PSD returns a Photoshop file with the given resources; version 2 makes it a PSB.
func PSD(version byte, resources ...[]byte) []byte {
	out := []byte("8BPS\x00" + string(version) + "\x00\x00\x00\x00\x00\x00\x00\x03")
	out = append(out, "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x08\x00\x03"...)
	out = append(out, 0, 0, 0, 0) // no color mode data
	r := bytes.Join(resources, nil)
	out = be.AppendUint32(out, uint32(len(r)))
	out = append(out, r...)
	return append(out, "\x00\x00\x00\x00\x00\x00\xFF\x80\x40"...) // no layers, one pixel
}

// PSDResource returns an image resource.
func PSDResource(id uint16, name string, data []byte) []byte {
	out := be.AppendUint16([]byte("8BIM"), id)
	out = append(out, byte(len(name)))
	out = append(out, name...)
	out = append(out, make([]byte, (1+len(name))%2)...)
	out = be.AppendUint32(out, uint32(len(data)))
	out = append(out, data...)
	return append(out, make([]byte, len(data)%2)...)
}

// RAF returns a Fujifilm file with a JPEG as its preview.
func RAF(jpeg []byte) []byte {
	out := append([]byte("FUJIFILMCCD-RAW 0201FF392201FinePix S5Pro"), make([]byte, 148-41)...)
	be.PutUint32(out[84:], uint32(len(out)))
	be.PutUint32(out[88:], uint32(len(jpeg)))
	return append(out, jpeg...)
}

// MRW returns a Minolta file with a TIFF block; little selects the little-endian variant.
func MRW(block []byte, little bool) []byte {
	o, magic := binary.AppendByteOrder(be), "\x00MRM"
	if little {
		o, magic = binary.LittleEndian, "\x00MRI"
	}
	piece := func(name string, data []byte) []byte {
		return append(o.AppendUint32([]byte(name), uint32(len(data))), data...)
	}
	body := append(piece("\x00PRD", make([]byte, 24)), piece("\x00TTW", block)...)
	return piece(magic, append(body, piece("\x00WBG", make([]byte, 12))...))
}

// RW2 returns a Panasonic file with this IFD0, and the JPEG as its preview. ifd0 must not have the preview's tag,
// 0x002E.
func RW2(ifd0 []Entry, jpeg []byte) []byte {
	b := Block{IFD0: append(ifd0[:len(ifd0):len(ifd0)], Undefined(0x002E, jpeg))}
	out := b.Encode()
	out[2] = 0x55
	return out
}

// EncodeBig returns the block as a BigTIFF, with pointers of type IFD8.
func (b *Block) EncodeBig() []byte {
	var o interface {
		binary.ByteOrder
		binary.AppendByteOrder
	} = binary.LittleEndian
	out := []byte("II")
	if b.BigEndian {
		o = binary.BigEndian
		out = []byte("MM")
	}
	out = o.AppendUint16(out, 43)
	out = o.AppendUint16(out, 8)
	out = o.AppendUint16(out, 0)
	out = o.AppendUint64(out, 16)

	pointer := func(id uint16) Entry {
		return Entry{id, 18, 1, func(binary.AppendByteOrder) []byte { return make([]byte, 8) }}
	}
	patch := map[uint16]int{}
	dir := func(entries []Entry) (next int) {
		out = o.AppendUint64(out, uint64(len(entries)))
		values := len(out) + 20*len(entries) + 8
		var tail []byte
		for _, e := range entries {
			v := e.Put(o)
			out = o.AppendUint16(out, e.ID)
			out = o.AppendUint16(out, e.Type)
			out = o.AppendUint64(out, uint64(e.Count))
			patch[e.ID] = len(out)
			if len(v) <= 8 {
				out = append(out, v...)
				out = append(out, make([]byte, 8-len(v))...)
				continue
			}
			out = o.AppendUint64(out, uint64(values+len(tail)))
			tail = append(tail, v...)
		}
		next = len(out)
		out = o.AppendUint64(out, 0)
		out = append(out, tail...)
		return next
	}
	here := func(at int) { o.PutUint64(out[at:], uint64(len(out))) }

	ifd0, exif := b.IFD0, b.Exif
	if len(b.Interop) > 0 {
		exif = append(exif[:len(exif):len(exif)], pointer(0xA005))
	}
	if len(exif) > 0 {
		ifd0 = append(ifd0[:len(ifd0):len(ifd0)], pointer(0x8769))
	}
	if len(b.GPS) > 0 {
		ifd0 = append(ifd0[:len(ifd0):len(ifd0)], pointer(0x8825))
	}
	next := dir(ifd0)
	for _, sub := range []struct {
		id      uint16
		entries []Entry
	}{{0x8769, exif}, {0x8825, b.GPS}, {0xA005, b.Interop}} {
		if len(sub.entries) > 0 {
			here(patch[sub.id])
			dir(sub.entries)
		}
	}
	if len(b.IFD1) > 0 {
		here(next)
		dir(b.IFD1)
	}
	return out
}
