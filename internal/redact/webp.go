package redact

import (
	"encoding/binary"
	"slices"
)

// A WebP (RFC 9649) consists of "RIFF", a size, "WEBP", then chunks, each a type of 4 letters, a little-endian
// size, and that many bytes, padded to an even number. A frame of an animation (ANMF) contains chunks.
//
// EXIF and XMP come after the picture, flags for them before it. The parser keeps the EXIF flag, since the
// chunk usually stays, with fewer tags, and clears the XMP flag. A removed chunk becomes JUNK, RIFF's type for
// unused space.

const (
	webpXMPFlag  = 0x04
	webpHead     = 12
	webpFrame    = 16 // the fields before a frame's chunks
	webpVP8X     = 10 // the data of VP8X
	webpANIM     = 6  // the data of ANIM
	webpChunkTop = 8
)

// webpFile is one WebP.
type webpFile struct {
	*stream
	p    *Plan
	seen []string // the types so far that may occur only once
}

func redactWebP(s *stream, p *Plan) error {
	f := webpFile{stream: s, p: p}
	if !s.pass(webpHead) {
		return errBroken
	}
	for {
		head, ok := s.peek(webpChunkTop)
		if !ok {
			return errBroken
		}
		typ := string(head[:4])
		if !f.chunk(typ, int64(binary.LittleEndian.Uint32(head[4:]))) {
			return errBroken
		}
	}
}

// first reports whether this is the first chunk of the type.
func (f *webpFile) first(typ string) bool {
	if slices.Contains(f.seen, typ) {
		return false
	}
	f.seen = append(f.seen, typ)
	return true
}

// chunk redacts a chunk with size bytes of data. It returns false if the file ends in it.
func (f *webpFile) chunk(typ string, size int64) bool {
	switch typ {
	case "VP8X":
		if !f.first(typ) || size < webpVP8X {
			return f.junk(size)
		}
		head, ok := f.peek(webpChunkTop + webpVP8X)
		if !ok {
			return false
		}
		return f.pass(webpChunkTop) && f.replace([]byte{head[webpChunkTop] &^ webpXMPFlag}) &&
			f.pass(webpVP8X-1) && f.rest(size, webpVP8X)
	case "ANIM":
		if !f.first(typ) {
			return f.junk(size)
		}
		return f.pass(webpChunkTop+min(size, webpANIM)) && f.rest(size, min(size, webpANIM))
	case "VP8 ", "VP8L", "ALPH", "ICCP":
		if picture := typ == "VP8 " || typ == "VP8L"; picture && !f.first("VP8") || !picture && !f.first(typ) {
			return f.junk(size)
		}
		return f.pass(webpChunkTop+size) && f.rest(size, size)
	case "ANMF":
		return f.frame(size)
	case "EXIF":
		if size <= maxHold && f.first(typ) {
			return f.exif(int(size))
		}
	case "XMP ":
		if size <= maxHold && f.first(typ) {
			return f.xmp(int(size))
		}
	}
	return f.junk(size)
}

// rest overwrites the data of a chunk after its first used bytes, and the padding.
func (f *webpFile) rest(size, used int64) bool { return f.zero(size - used + size&1) }

func (f *webpFile) junk(size int64) bool {
	const zeros = "\x00\x00\x00\x00"
	typ := "JUNK"
	if head, _ := f.peek(len(zeros)); string(head) == zeros { // already overwritten
		typ = zeros
	}
	return f.replace([]byte(typ)) && f.pass(4) && f.rest(size, 0)
}

// frame redacts the chunks of a frame.
func (f *webpFile) frame(size int64) bool {
	if size < webpFrame {
		return f.junk(size)
	}
	if !f.pass(webpChunkTop + webpFrame) {
		return false
	}
	inner := webpFile{stream: f.stream, p: f.p}
	left := size - webpFrame
	for left >= webpChunkTop {
		head, ok := f.peek(webpChunkTop)
		if !ok {
			return false
		}
		typ, n := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		if webpChunkTop+n+n&1 > left {
			break
		}
		left -= webpChunkTop + n + n&1
		switch typ {
		case "VP8 ", "VP8L", "ALPH":
			ok = inner.chunk(typ, n)
		default:
			ok = inner.junk(n)
		}
		if !ok {
			return false
		}
	}
	return f.rest(left, 0) // the chunks within are even, so left is as odd as size
}

// exif rebuilds the EXIF chunk.
func (f *webpFile) exif(size int) bool {
	chunk, ok := f.peek(webpChunkTop + size)
	if !ok {
		return false
	}
	_ = chunk
	kept := f.p.exifAt(f.offset + webpChunkTop)
	if kept == nil {
		return f.junk(int64(size))
	}
	b := kept.Encode(size)
	if b == nil {
		return f.junk(int64(size))
	}
	return f.pass(webpChunkTop) && f.replace(append(b, make([]byte, size-len(b))...)) && f.rest(int64(size), int64(size))
}

// xmp rewrites the XMP chunk.
func (f *webpFile) xmp(size int) bool {
	chunk, ok := f.peek(webpChunkTop + size)
	if !ok {
		return false
	}
	packet, _ := rewriteXMP(chunk[webpChunkTop:])
	if packet == nil {
		return f.junk(int64(size))
	}
	return f.pass(webpChunkTop) && f.replace(packet) && f.rest(int64(size), int64(size))
}
