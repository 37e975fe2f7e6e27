package redact

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"io"
	"math"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
)

// A PNG or APNG (PNG 3rd edition, 5.3) consists of a signature, then chunks, each a big-endian length, a type
// of 4 letters, the data, and a CRC of type and data.
//
// A chunk that the picture needs stays if its length, its place and its CRC are right, once. Of the picture's data
// (IDAT, and fdAT of an animation) stays what belongs to its zlib stream. EXIF stays a chunk of its kind: browsers
// honor the first eXIf that is neither broken nor begins with "Exif\0\0", and no text. A removed chunk gets a private,
// ancillary type (5.4) and zeros.
//
// Xcode writes PNGs that only Apple's programs show, Safari too: CgBI is their first chunk, with flags, and the data of the
// picture has no head and no checksum of zlib.

const (
	// pngJunk is the type of removed chunks: ancillary, private, safe to copy.
	pngJunk = "juNk"
	// xmpKeyword starts the data of an iTXt chunk with uncompressed XMP (XMP specification, part 3).
	xmpKeyword = "XML:com.adobe.xmp\x00\x00\x00"
	// maxSmall bounds the chunks that pngChunks has rules for.
	maxSmall = 768
	// maxProfile bounds a decompressed color profile.
	maxProfile = 1 << 20
)

// pngFile is one PNG.
type pngFile struct {
	*stream
	p    *Plan
	seen map[string]bool // the types so far that may occur once

	depth, color  byte
	width, height uint32
	frameWidth    uint32 // of the next picture
	frameHeight   uint32
	interlaced    bool
	apple         bool   // the picture is as Xcode writes it
	palette       int    // the number of its entries
	frames        uint32 // of an animation, still to come
	sequence      uint32 // the number of the next fcTL or fdAT
	frame         bool   // an fcTL waits for its data
	honored       bool   // there was an eXIf that browsers honor
}

// pngChunks maps the small chunks to keep to functions that check their data. All come before the picture.
var pngChunks = map[string]func(f *pngFile, data []byte) bool{
	"PLTE": func(f *pngFile, data []byte) bool {
		f.palette = len(data) / 3
		return f.color == 3 && len(data)%3 == 0 && len(data) > 0 && f.palette <= 1<<f.depth
	},
	"tRNS": func(f *pngFile, data []byte) bool {
		switch f.color {
		case 0:
			return len(data) == 2
		case 2:
			return len(data) == 6
		}
		return f.color == 3 && 0 < len(data) && len(data) <= f.palette
	},
	"cHRM": func(_ *pngFile, data []byte) bool { return len(data) == 32 && areColors(data) },
	"gAMA": length(4), "sRGB": length(1), "cICP": length(4), "mDCV": func(_ *pngFile, data []byte) bool { return len(data) == 24 && isMastering(data) },
	"cLLI": func(_ *pngFile, data []byte) bool { return len(data) == 8 && areLow(data) },
	"pHYs": func(_ *pngFile, data []byte) bool { return len(data) == 9 && areLow(data[:8]) && data[8] <= 1 },
	"sBIT": func(f *pngFile, data []byte) bool {
		return len(data) == map[byte]int{0: 1, 2: 3, 3: 3, 4: 2, 6: 4}[f.color]
	},
	"bKGD": func(f *pngFile, data []byte) bool {
		return len(data) == map[byte]int{0: 2, 2: 6, 3: 1, 4: 2, 6: 6}[f.color]
	},
	"acTL": func(f *pngFile, data []byte) bool {
		if len(data) != 8 || !areLow(data[:4]) {
			return false
		}
		f.frames = binary.BigEndian.Uint32(data)
		return true
	},
}

func length(n int) func(*pngFile, []byte) bool {
	return func(_ *pngFile, data []byte) bool { return len(data) == n }
}

func redactPNG(s *stream, p *Plan) error {
	f := pngFile{stream: s, p: p, seen: make(map[string]bool)}
	s.pass(8)
	if !f.header() {
		return errBroken
	}
	for {
		head, ok := s.peek(8)
		if !ok {
			return errBroken
		}
		length, typ := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		if length > 1<<31-1 || !container.IsPNGChunk(head) {
			return errBroken
		}
		switch {
		case typ == "IDAT" && !f.seen[typ]:
			f.seen[typ], f.frame = true, false
			ok = f.picture(typ)
		case typ == "fdAT" && f.frame:
			f.frame = false
			ok = f.picture(typ)
		case typ == "fcTL" && f.frames > 0 && length == 26:
			ok = f.frameControl()
		case typ == "IEND":
			return f.end(length)
		case pngChunks[typ] != nil && length <= maxSmall:
			ok = f.small(typ, int(length))
		case typ == "eXIf" && length > maxHold && !f.seen[typ]:
			ok = f.longEXIF(length)
		case length > maxHold:
			ok = f.junk(length)
		case typ == "iCCP" && !f.seen["IDAT"] && !f.seen["PLTE"] && !f.seen[typ]:
			f.seen[typ] = true
			ok = f.profile(int(length))
		case typ == "eXIf":
			ok = f.exif(int(length))
		case typ == "tEXt" || typ == "zTXt" || typ == "iTXt":
			ok = f.text(typ, int(length))
		default:
			ok = f.junk(length)
		}
		if !ok {
			return errBroken
		}
	}
}

// header passes IHDR (11.2.2) if it is one, and CgBI before it.
func (f *pngFile) header() bool {
	const ihdr = 13
	if b, ok := f.peek(16); ok && string(b[:8]) == container.PNGAppleHead {
		const flags = 0x5000_701F // what the picture is optimized for, the order of its bytes, and its transparency
		f.apple = true
		f.chunk("CgBI", binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(b[8:])&flags), rightCRC(b))
	}
	b, ok := f.peek(12 + ihdr)
	if !ok || string(b[:8]) != "\x00\x00\x00\x0DIHDR" {
		return false
	}
	f.width, f.height = binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint32(b[12:])
	f.depth, f.color, f.interlaced = b[16], b[17], b[20] == 1
	f.frameWidth, f.frameHeight = f.width, f.height
	if f.depth == 0 || f.depth > 16 || f.color > 6 || b[18] != 0 || b[19] != 0 || b[20] > 1 {
		return false
	}
	return f.pass(8+ihdr) && f.passCRC(crc32.ChecksumIEEE(b[4:8+ihdr]))
}

// passCRC passes a CRC that should be crc. A wrong one stays wrong, but could hold anything.
func (f *pngFile) passCRC(crc uint32) bool {
	b, ok := f.peek(4)
	if !ok {
		return false
	}
	if binary.BigEndian.Uint32(b) != crc {
		crc = ^crc
	}
	return f.replace(binary.BigEndian.AppendUint32(nil, crc))
}

// end passes IEND, which has no data.
func (f *pngFile) end(length int64) error {
	if length != 0 {
		return errBroken
	}
	f.replace([]byte("\x00\x00\x00\x00IEND\xAE\x42\x60\x82"))
	return nil
}

// data returns the data of the next chunk, which has that length, and whether the CRC is right; ok is false if the file ends
// in it.
func (f *pngFile) data(length int) (data []byte, right, ok bool) {
	chunk, ok := f.peek(12 + length)
	if !ok {
		return nil, false, false
	}
	return chunk[8 : 8+length], rightCRC(chunk), true
}

// rightCRC reports whether a chunk's CRC is right.
func rightCRC(chunk []byte) bool {
	n := len(chunk) - 4
	return crc32.ChecksumIEEE(chunk[4:n]) == binary.BigEndian.Uint32(chunk[n:])
}

// longEXIF redacts an eXIf chunk that is too long to hold: it leaves what browsers take from its first bytes. The CRC, which
// comes last, becomes right or wrong as it was.
func (f *pngFile) longEXIF(length int64) bool {
	const enough = 64 << 10
	b, ok := f.peek(8 + enough)
	if !ok {
		return false
	}
	var block []byte
	shown := isTIFF(b[8:])
	if shown {
		block = (*exif.Kept)(nil).EncodeAsShown(bytes.Clone(b[8:]), 0, enough, int64(f.width), int64(f.height))
	}
	if start := string(b[8:10]); len(block) == 0 && (start == "II" || start == "MM") {
		block = []byte(start) // as of a short one
	}
	was := crc32.ChecksumIEEE([]byte("eXIf"))
	is := was
	if !f.pass(8) || !f.consume(length, func(b []byte) {
		out := make([]byte, len(b))
		block = block[copy(out, block):]
		was, is = crc32.Update(was, crc32.IEEETable, b), crc32.Update(is, crc32.IEEETable, out)
		f.overwritten += different(b, out)
		f.write(out)
	}) {
		return false
	}
	if b, ok = f.peek(4); !ok {
		return false
	}
	if binary.BigEndian.Uint32(b) == was {
		f.seen["eXIf"] = true
		f.honored = f.honored || shown
	} else {
		is = ^is
	}
	return f.replace(binary.BigEndian.AppendUint32(nil, is))
}

// small redacts a chunk of pngChunks.
func (f *pngFile) small(typ string, length int) bool {
	data, right, ok := f.data(length)
	if !ok {
		return false
	}
	if f.seen[typ] || f.seen["IDAT"] || !right || !pngChunks[typ](f, data) {
		return f.junk(int64(length))
	}
	f.seen[typ] = true
	return f.pass(int64(12 + length))
}

// frameControl passes an fcTL (11.3.6.2) that the animation can use.
func (f *pngFile) frameControl() bool {
	const fctl = 26
	b, ok := f.peek(12 + fctl)
	if !ok {
		return false
	}
	field := func(i int) uint64 { return uint64(binary.BigEndian.Uint32(b[8+4*i:])) }
	if !rightCRC(b) || f.frame || uint32(field(0)) != f.sequence || //nolint:gosec // G115: it is one
		field(1)+field(3) > uint64(f.width) || field(2)+field(4) > uint64(f.height) || b[32] > 2 || b[33] > 1 {
		return f.junk(fctl)
	}
	if f.sequence++; f.seen["IDAT"] {
		f.frameWidth, f.frameHeight = uint32(field(1)), uint32(field(2)) //nolint:gosec // G115: they are such numbers
	}
	f.frames--
	f.frame = true
	return f.pass(12 + fctl)
}

// picture passes the zlib stream of a picture, in chunks of one type, and overwrites what is left of the last of them.
func (f *pngFile) picture(typ string) bool {
	var piece []byte // of the chunk, not passed yet
	left := int64(0) // of the chunk, piece included
	crc, first := uint32(0), true
	z := zlibStream{size: f.pictureSize(), raw: f.apple, more: func() []byte {
		crc = crc32.Update(crc, crc32.IEEETable, piece)
		if !f.pass(int64(len(piece))) {
			return nil
		}
		left -= int64(len(piece))
		piece = nil
		if left == 0 {
			n, ok := f.nextPart(typ, first, crc)
			if first = false; ok {
				left = n
				crc = crc32.ChecksumIEEE(f.head(typ))
			}
		}
		if left == 0 {
			return nil
		}
		piece = f.peekAny()
		piece = piece[:min(int64(len(piece)), left)]
		return piece
	}}
	ok, used := z.skip(), z.used()
	crc = crc32.Update(crc, crc32.IEEETable, piece[:used])
	rest := left - int64(used)
	if !f.pass(int64(used)) || !ok {
		return false
	}
	if rest == 0 {
		return f.passCRC(crc)
	}
	return f.zeroData(crc, rest)
}

// pictureSize returns the length of the data of the next picture (9 and 8.1): rows, each with a byte for its filter, in seven
// passes if it is interlaced.
func (f *pngFile) pictureSize() (n int64) {
	passes := [][4]uint32{{0, 0, 1, 1}} // where a pass begins, and the steps
	if f.interlaced {
		passes = [][4]uint32{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	samples := map[byte]uint64{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[f.color]
	for _, p := range passes {
		if f.frameWidth <= p[0] || f.frameHeight <= p[1] {
			continue
		}
		columns, rows := uint64((f.frameWidth-p[0]-1)/p[2]+1), uint64((f.frameHeight-p[1]-1)/p[3]+1)
		row := 1 + (columns*samples*uint64(f.depth)+7)/8
		n += product(rows, row)
	}
	return n
}

// nextPart passes the head of the next chunk of a picture, after the CRC of the one before, which should be crc, unless it
// is the first, and returns the length of its part of the stream; ok is false if the next chunk isn't one.
func (f *pngFile) nextPart(typ string, first bool, crc uint32) (n int64, ok bool) {
	for skip := 4; ; skip = 4 {
		if first {
			skip = 0
		}
		first = false
		b, ok := f.peek(skip + 12)
		if !ok || string(b[skip+4:skip+8]) != typ {
			return 0, false
		}
		n = int64(binary.BigEndian.Uint32(b[skip:]))
		head := int64(8)
		if typ == "fdAT" {
			if n < 4 || binary.BigEndian.Uint32(b[skip+8:]) != f.sequence {
				return 0, false
			}
			f.sequence++
			head, n = 12, n-4
		}
		if n > 1<<31-1 || skip > 0 && !f.passCRC(crc) || !f.pass(head) {
			return 0, false
		}
		crc = crc32.ChecksumIEEE(f.head(typ))
		if n > 0 {
			return n, true
		}
	}
}

// head returns the type of a chunk of a picture, and the number that follows it in a frame after the first.
func (f *pngFile) head(typ string) []byte {
	b := []byte(typ)
	if typ == "fdAT" {
		b = binary.BigEndian.AppendUint32(b, f.sequence-1)
	}
	return b
}

// zeroData overwrites the last bytes of a chunk's data, and its CRC; crc is that of what comes before them.
func (f *pngFile) zeroData(crc uint32, n int64) bool {
	for n > 0 {
		k := min(n, int64(len(zeroBytes)))
		crc = crc32.Update(crc, crc32.IEEETable, zeroBytes[:k])
		if !f.zero(k) {
			return false
		}
		n -= k
	}
	return f.replace(binary.BigEndian.AppendUint32(nil, crc))
}

// exif redacts an eXIf chunk (11.3.4.6). It returns false if the file ends in it.
func (f *pngFile) exif(length int) bool {
	data, right, ok := f.data(length)
	if !ok {
		return false
	}
	intro := bytes.HasPrefix(data, []byte(container.EXIFIntro))
	honored := !f.honored && right && !intro && isTIFF(data)
	f.honored = f.honored || honored
	kept := f.p.exifAt(f.offset + 8)
	if right && !intro && !isTIFF(data) {
		kept = nil // BigTIFF, which browsers don't read
	}
	first := right && !f.seen["eXIf"]
	f.seen["eXIf"] = f.seen["eXIf"] || right
	chosen := kept != nil
	out := make([]byte, 0, length)
	if intro {
		out = append(out, container.EXIFIntro...)
	}
	if kept != nil || honored {
		var block []byte
		if honored { // browsers use it, even if the answer tells another
			block = kept.EncodeAsShown(data, 0, length, int64(f.width), int64(f.height))
		} else {
			block = kept.Encode(length - len(out))
		}
		if block == nil && !honored && !first {
			return f.junk(int64(length))
		}
		out = append(out, block...)
	}
	switch {
	case kept == nil && !honored && !first:
		return f.junk(int64(length))
	case kept == nil && !honored:
		// Chromium takes the first, and Firefox the first that begins like a byte order, even if it can't be read
		if out = append(out[:0], data[:min(2, length)]...); string(out) != "II" && string(out) != "MM" {
			clear(out)
		}
	case len(out) == 0: // it must not let a later one be honored
		out = append(out, data[:min(4, length)]...)
		if chosen && length >= len(emptyBlock) { // nor become broken
			out = append(out[:0], emptyBlock...)
		}
	}
	return f.chunk("eXIf", append(out, make([]byte, length-len(out))...), right)
}

// emptyBlock is a TIFF block without entries.
const emptyBlock = "II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// isTIFF reports whether b begins with a byte order.
func isTIFF(b []byte) bool {
	return len(b) >= 4 && (string(b[:4]) == "II*\x00" || string(b[:4]) == "MM\x00*")
}

// text redacts a text chunk (11.3.3). It returns false if the file ends in it.
func (f *pngFile) text(typ string, length int) bool {
	if kept := f.p.exifAt(f.offset + 8); kept != nil {
		// compressed, a block can be longer than the chunk
		for _, block := range [...][]byte{kept.Encode(maxHold), kept.Encode(length), kept.Needed().Encode(length)} {
			if block == nil {
				continue
			}
			if data := profileText(typ, block, length); data != nil {
				return f.chunk(typ, data, true)
			}
		}
		return f.junk(int64(length))
	}
	data, right, ok := f.data(length)
	if !ok {
		return false
	}
	if label, ok := bytes.CutPrefix(data, []byte(aiLabel)); ok && typ == "tEXt" && f.p.policy.keeps("aigc") && json.Valid(label) && right && !f.seen[aiLabel] {
		f.seen[aiLabel] = true
		return f.pass(int64(12 + length))
	}
	if typ != "iTXt" {
		return f.junk(int64(length))
	}
	if bytes.HasPrefix(data, []byte(xmpKeyword)) && !f.seen["XMP"] {
		if packet, _ := f.p.xmp(nil, textOfXMP(data)); packet != nil {
			f.seen["XMP"] = true
			b := append([]byte(xmpKeyword+"\x00\x00"), packet...) // no language, no translated keyword
			return f.chunk("iTXt", append(b, bytes.Repeat([]byte{' '}, length-len(b))...), true)
		}
	}
	return f.junk(int64(length))
}

// aiLabel begins the data of a tEXt chunk with China's label for generated content, a JSON text.
const aiLabel = "AIGC\x00"

// profileKeyword is the keyword of text chunks with EXIF.
const profileKeyword = "Raw profile type exif\x00"

// profileText returns length bytes of data for a text chunk with a TIFF block, nil if that doesn't fit. Line breaks pad
// the profile.
func profileText(typ string, block []byte, length int) []byte {
	for _, intro := range [...]string{container.EXIFIntro, ""} { // some writers leave it out
		text := fmt.Appendf(nil, "\nexif\n%8d\n%x\n", len(block)+len(intro), intro+string(block))
		var b []byte
		switch typ {
		case "tEXt":
			if b = append([]byte(profileKeyword), text...); len(b) > length {
				continue
			}
			return append(b, bytes.Repeat([]byte{'\n'}, length-len(b))...)
		case "iTXt": // compressed, with the first method, without a language and a translated keyword
			b = padText(profileKeyword+"\x01\x00\x00\x00", text, length)
		default:
			b = padText(profileKeyword+"\x00", text, length)
		}
		if b != nil {
			return b
		}
	}
	return nil
}

// padText returns length bytes: head, and the compressed text with line breaks after it; nil if that doesn't fit.
func padText(head string, text []byte, length int) []byte {
	b := bytes.NewBufferString(head + "\x78\xDA")
	deflateTo(b, text)
	const stored, checksum = 5, 4
	left := length - b.Len() - stored - checksum
	if left < 0 || left > math.MaxUint16 {
		return nil
	}
	fill := bytes.Repeat([]byte{'\n'}, left)
	out := append(append(storedBlock(b.Bytes(), true, left), fill...), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(out[len(out)-checksum:], adler32.Checksum(append(text, fill...)))
	return out
}

// deflateTo writes b compressed, up to the boundary of a byte, without a last block.
func deflateTo(w io.Writer, b []byte) {
	d, err := flate.NewWriter(w, flate.BestCompression)
	if err != nil {
		return
	}
	_, _ = d.Write(b) // w is a bytes.Buffer, which returns no error
	_ = d.Flush()
}

// storedBlock appends the head of an uncompressed block of n bytes (RFC 1951, 3.2.4).
func storedBlock(b []byte, last bool, n int) []byte {
	head := byte(0)
	if last {
		head = 1
	}
	b = append(b, head)
	b = binary.LittleEndian.AppendUint16(b, uint16(n))     //nolint:gosec // G115: the caller bounds it
	return binary.LittleEndian.AppendUint16(b, ^uint16(n)) //nolint:gosec // G115: as above
}

// profile redacts iCCP (11.3.2.3): a name, a method, and the compressed profile.
func (f *pngFile) profile(length int) bool {
	data, right, ok := f.data(length)
	if !ok {
		return false
	}
	_, packed, ok := bytes.Cut(data, []byte{0})
	if !ok || !right || len(packed) < 1 || packed[0] != 0 {
		return f.junk(int64(length))
	}
	profile := inflate(packed[1:], maxProfile)
	if !cleanICC(profile) {
		return f.junk(int64(length))
	}
	if data = packProfile(profile, length); data == nil {
		return f.junk(int64(length))
	}
	return f.chunk("iCCP", data, true)
}

// packProfile returns length bytes of data for an iCCP chunk, nil if the profile doesn't fit. Its name takes up to 79
// bytes of padding, empty blocks of the compressed stream the rest.
func packProfile(profile []byte, length int) []byte {
	const longestName, block = 79, 5
	var b bytes.Buffer
	b.WriteString("\x78\xDA")
	deflateTo(&b, profile)
	packed := b.Bytes()
	name := length - 2 - len(packed) - block - 4 // without padding
	for ; name > longestName; name -= block {
		packed = storedBlock(packed, false, 0)
	}
	if name < 1 {
		return nil
	}
	packed = storedBlock(packed, true, 0)
	packed = binary.BigEndian.AppendUint32(packed, adler32.Checksum(profile))
	return append([]byte(strings.Repeat("i", name)+"\x00\x00"), packed...)
}

// inflate returns up to limit bytes that the zlib stream b decompresses to, nil if it is broken.
func inflate(b []byte, limit int) []byte {
	if len(b) < 2 {
		return nil
	}
	r := flate.NewReader(bytes.NewReader(b[2:]))
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)))
	if err != nil {
		return nil
	}
	return out
}

// textOfXMP returns the text of an iTXt chunk whose data starts with xmpKeyword: it skips the language and the
// translated keyword.
func textOfXMP(data []byte) []byte {
	_, rest, _ := bytes.Cut(data[len(xmpKeyword):], []byte{0})
	_, text, _ := bytes.Cut(rest, []byte{0})
	return text
}

// chunk replaces the next chunk by one with data of the same length, and a right or a wrong CRC.
func (f *pngFile) chunk(typ string, data []byte, right bool) bool {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data))) //nolint:gosec // at most maxHold
	b = append(append(b, typ...), data...)
	crc := crc32.ChecksumIEEE(b[4:])
	if !right {
		crc = ^crc
	}
	return f.replace(binary.BigEndian.AppendUint32(b, crc))
}

// junk replaces the next chunk, whose data has that length, by one of zeros.
func (f *pngFile) junk(length int64) bool {
	return f.pass(4) && f.replace([]byte(pngJunk)) && f.zeroData(crc32.ChecksumIEEE([]byte(pngJunk)), length)
}
