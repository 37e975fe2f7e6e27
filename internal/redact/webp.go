package redact

import (
	"encoding/binary"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// WebP (RFC 9649): "RIFF", a size, "WEBP", then chunks, each a type of 4 letters, a little-endian size, and as
// many bytes, padded to an even number. A frame of an animation (ANMF) has chunks of its own within.
//
// EXIF and XMP stand after the picture, and flags before it tell of them. The flag of EXIF stays as it is, since
// the chunk stays, with fewer tags. That of XMP is cleared. A chunk that goes becomes JUNK, which is RIFF's name
// for what is of no use.

const (
	webpXMPFlag  = 0x04
	webpHead     = 12
	webpFrame    = 16 // what stands before a frame's chunks
	webpVP8X     = 10 // the size of the data
	webpANIM     = 6
	webpChunkTop = 8
)

// webpFile is one WebP.
type webpFile struct {
	*stream
	p    *Policy
	seen []string // the chunks that may occur once, and did
}

func redactWebP(s *stream, p *Policy) error {
	f := webpFile{stream: s, p: p}
	if !s.pass(webpHead) {
		return errBroken
	}
	for {
		head, ok := s.hold(webpChunkTop)
		if !ok {
			return errBroken
		}
		typ := string(head[:4])
		if !f.chunk(typ, int64(binary.LittleEndian.Uint32(head[4:]))) {
			return errBroken
		}
	}
}

// first reports whether no chunk of the type was there before.
func (f *webpFile) first(typ string) bool {
	if slices.Contains(f.seen, typ) {
		return false
	}
	f.seen = append(f.seen, typ)
	return true
}

// chunk redacts a chunk of that much data; false means that the file ends in it.
func (f *webpFile) chunk(typ string, size int64) bool {
	switch typ {
	case "VP8X":
		if !f.first(typ) || size < webpVP8X {
			return f.junk(size)
		}
		head, ok := f.hold(webpChunkTop + webpVP8X)
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

// rest overwrites the data of a chunk after its first bytes, and the padding.
func (f *webpFile) rest(size, used int64) bool { return f.zero(size - used + size&1) }

func (f *webpFile) junk(size int64) bool {
	return f.replace([]byte("JUNK")) && f.pass(4) && f.rest(size, 0)
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
		head, ok := f.hold(webpChunkTop)
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
	return f.rest(left, 0) // an odd size leaves an odd rest: all chunks within are even
}

// exif rebuilds the EXIF chunk.
func (f *webpFile) exif(size int) bool {
	chunk, ok := f.hold(webpChunkTop + size)
	if !ok {
		return false
	}
	b := exif.Rewrite(chunk[webpChunkTop:], f.p.EXIF)
	if b == nil {
		return f.junk(int64(size))
	}
	return f.pass(webpChunkTop) && f.replace(append(b, make([]byte, size-len(b))...)) && f.rest(int64(size), int64(size))
}

// xmp rewrites the XMP chunk.
func (f *webpFile) xmp(size int) bool {
	chunk, ok := f.hold(webpChunkTop + size)
	if !ok {
		return false
	}
	packet, _ := rewriteXMP(chunk[webpChunkTop:])
	if packet == nil {
		return f.junk(int64(size))
	}
	return f.pass(webpChunkTop) && f.replace(packet) && f.rest(int64(size), int64(size))
}
