package redact

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"math"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
)

// A PNG or APNG (PNG 3rd edition, 5.3) consists of a signature, then chunks, each a big-endian length, a type
// of 4 letters, the data, and a CRC of type and data.
//
// The parser rebuilds the EXIF that the EXIF answer shows, in a chunk eXIf or in a text chunk, as programs
// wrote it before there was eXIf. That becomes an eXIf, or a compressed text chunk if only that fits. A
// removed chunk gets a private, ancillary type (5.4) and zeros.

// pngChunks maps the chunks to keep to the most data that each can have; 0 is any amount.
var pngChunks = map[string]int64{
	"IHDR": 13, "PLTE": 768, "IDAT": 0, "IEND": 0,
	"tRNS": 256, "cHRM": 32, "gAMA": 4, "iCCP": 0, "sBIT": 4, "sRGB": 1, "cICP": 4, "mDCV": 24, "cLLI": 8,
	"bKGD": 6, "hIST": 512, "pHYs": 9,
	"acTL": 8, "fcTL": 26, "fdAT": 0,
}

const (
	// pngJunk is the type of removed chunks: ancillary, private, safe to copy.
	pngJunk = "juNk"
	// xmpKeyword starts the data of an iTXt chunk with uncompressed XMP (XMP specification, part 3).
	xmpKeyword = "XML:com.adobe.xmp\x00\x00\x00"
)

// pngFile is one PNG.
type pngFile struct {
	*stream
	p        *Policy
	wantEXIF bool // the EXIF that the answer shows may still come
}

func redactPNG(s *stream, p *Policy) error {
	f := pngFile{s, p, true}
	s.pass(8)
	for {
		head, ok := s.peek(8)
		if !ok {
			return errBroken
		}
		length, typ := int64(binary.BigEndian.Uint32(head)), string(head[4:])
		if length > 1<<31-1 || !container.IsPNGChunk(head) {
			return errBroken
		}
		most, stays := pngChunks[typ]
		switch {
		case stays && (most == 0 || length <= most):
			if !s.pass(12 + length) {
				return errBroken
			}
			if typ == "IEND" {
				return nil
			}
			continue
		case length <= maxHold && (typ == "eXIf" || typ == "tEXt" || typ == "zTXt" || typ == "iTXt"):
			ok = f.metadata(typ, int(length))
		default:
			ok = f.junk(length)
		}
		if !ok {
			return errBroken
		}
	}
}

// metadata redacts an eXIf or text chunk. It returns false if the file ends in it.
func (f *pngFile) metadata(typ string, length int) bool {
	chunk, ok := f.peek(12 + length)
	if !ok {
		return false
	}
	data := chunk[8 : 8+length]
	if typ == "iTXt" && bytes.HasPrefix(data, []byte(xmpKeyword)) {
		if packet, _ := rewriteXMP(textOfXMP(data)); packet != nil {
			b := append([]byte(xmpKeyword+"\x00\x00"), packet...) // no language, no translated keyword
			return f.chunk("iTXt", append(b, bytes.Repeat([]byte{' '}, length-len(b))...))
		}
	}
	block := data
	if typ != "eXIf" {
		block = bytes.TrimPrefix(container.ProfileBlock(typ, data), []byte("Exif\x00\x00"))
	}
	if len(block) == 0 || !f.wantEXIF || !exif.IsReadable(block) {
		return f.junk(int64(length))
	}
	policies := []*Policy{f.p, {}} // if the EXIF doesn't fit, keep only what the picture needs
	if typ != "eXIf" {
		// block is a decoded copy here, so it stays valid after the next peek
		switch found, ok := f.beforePicture(12 + length); {
		case found:
			return f.junk(int64(length))
		case !ok:
			policies = policies[1:]
		}
	}
	f.wantEXIF = false // the answer shows this EXIF
	for _, p := range policies {
		b := exif.Rewrite(block, p.EXIF)
		if b == nil || !exif.IsReadable(b) { // nothing is left
			continue
		}
		if len(b) <= length {
			return f.chunk("eXIf", append(b, make([]byte, length-len(b))...))
		}
		if compressed := compressProfile(b, length); compressed != nil {
			return f.chunk("zTXt", compressed)
		}
	}
	return f.junk(int64(length))
}

// beforePicture reports whether a readable eXIf comes before the picture, from that offset on: the EXIF answer
// prefers it to text chunks before it. ok is false if the picture is too far away to tell.
func (f *pngFile) beforePicture(offset int) (found, ok bool) {
	for offset <= maxHold {
		b, whole := f.peek(offset + 8)
		if !whole {
			return false, true
		}
		length, typ := binary.BigEndian.Uint32(b[offset:]), string(b[offset+4:offset+8])
		if typ == "IDAT" || typ == "IEND" {
			return false, true
		}
		if length > maxHold {
			break
		}
		end := offset + 12 + int(length)
		if typ == "eXIf" {
			if b, whole = f.peek(end); !whole || exif.IsReadable(b[offset+8:end-4]) {
				return whole, true
			}
		}
		offset = end
	}
	return false, false
}

// profileHead starts the data of a zTXt chunk with EXIF: the keyword and the compression method.
const profileHead = "Raw profile type exif\x00\x00"

// compressProfile returns length bytes of data for a zTXt chunk with a TIFF block, nil if that doesn't fit. Line
// breaks pad the profile.
func compressProfile(block []byte, length int) []byte {
	text := fmt.Appendf(nil, "\nexif\n%8d\n%x\n", len(block)+6, append([]byte("Exif\x00\x00"), block...))
	b := bytes.NewBufferString(profileHead + "\x78\xDA")
	w, err := flate.NewWriter(b, flate.BestCompression)
	if err != nil {
		return nil
	}
	w.Write(text) //nolint:errcheck,gosec // a bytes.Buffer returns no error
	w.Flush()     //nolint:gosec // as above
	const stored, checksum = 5, 4
	left := length - b.Len() - stored - checksum
	if left < 0 || left > math.MaxUint16 {
		return nil
	}
	// the last block is a stored one (RFC 1951, 3.2.4)
	fill := bytes.Repeat([]byte{'\n'}, left)
	out := append(b.Bytes(), 1)
	out = binary.LittleEndian.AppendUint16(out, uint16(left))
	out = binary.LittleEndian.AppendUint16(out, ^uint16(left))
	return binary.BigEndian.AppendUint32(append(out, fill...), adler32.Checksum(append(text, fill...)))
}

// textOfXMP returns the text of an iTXt chunk whose data starts with xmpKeyword: it skips the language and the
// translated keyword.
func textOfXMP(data []byte) []byte {
	_, rest, _ := bytes.Cut(data[len(xmpKeyword):], []byte{0})
	_, text, _ := bytes.Cut(rest, []byte{0})
	return text
}

// chunk replaces the next chunk by one with data of the same length.
func (f *pngFile) chunk(typ string, data []byte) bool {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data))) //nolint:gosec // at most maxHold
	b = append(append(b, typ...), data...)
	return f.replace(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

// junk replaces the next chunk, whose data has that length, by one of zeros.
func (f *pngFile) junk(length int64) bool {
	crc := crc32.ChecksumIEEE([]byte(pngJunk))
	if !f.pass(4) || !f.replace([]byte(pngJunk)) {
		return false
	}
	var zeros [4 << 10]byte
	for length > 0 {
		n := min(length, int64(len(zeros)))
		crc = crc32.Update(crc, crc32.IEEETable, zeros[:n])
		if !f.zero(n) {
			return false
		}
		length -= n
	}
	return f.replace(binary.BigEndian.AppendUint32(nil, crc))
}
