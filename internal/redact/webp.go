package redact

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
)

// A WebP (RFC 9649) consists of "RIFF", a size, "WEBP", then chunks, each a type of 4 letters, a little-endian
// size, and that many bytes, padded to an even number. A frame of an animation (ANMF) contains chunks.
//
// The first chunk says what can follow: after VP8 or VP8L nothing but EXIF, after VP8X the chunks that its flags
// announce, each in its place. EXIF and XMP come after the picture, flags for them before it, without which many readers
// don't look for them: a flag stays if any of what it announces does. A removed chunk becomes JUNK, RIFF's type for unused space. Bytes after the
// size that the file states are overwritten.

const (
	webpAnimation = 0x02
	webpXMP       = 0x04
	webpEXIF      = 0x08
	webpAlpha     = 0x10
	webpICC       = 0x20

	webpHead     = 12
	webpFrame    = 16 // the fields before a frame's chunks
	webpVP8X     = 10 // the data of VP8X
	webpANIM     = 6  // the data of ANIM
	webpChunkTop = 8
)

// webpFile is one WebP.
type webpFile struct {
	*stream
	p        *Plan
	flags    byte   // of VP8X
	canvas   [2]int // its width and height
	extended bool   // there is a VP8X
	state    string // the type of the last chunk that stays, but for ICCP
	profiled bool   // there was an ICCP
	end      int64  // of the file, as it states
}

func redactWebP(s *stream, p *Plan) error {
	head, ok := s.peek(webpHead)
	if !ok {
		return errBroken
	}
	f := webpFile{stream: s, p: p, end: 8 + int64(binary.LittleEndian.Uint32(head[4:]))}
	s.pass(webpHead)
	for {
		head, ok := s.peek(webpChunkTop)
		if !ok {
			return errBroken
		}
		typ, size := string(head[:4]), int64(binary.LittleEndian.Uint32(head[4:]))
		if s.offset >= f.end && typ != "EXIF" { // some writers append EXIF without changing the size
			return errBroken
		}
		if typ != "EXIF" && s.offset+webpChunkTop+size > f.end { // decoders refuse it
			return errBroken
		}
		if !f.chunk(typ, size) {
			return errBroken
		}
	}
}

// webpOrder says after which chunks one may come ("" is the start of the file), and which flags VP8X must or must not have.
var webpOrder = map[string]struct {
	after      []string
	flags, not byte
}{
	"VP8X": {after: []string{""}},
	"ICCP": {after: []string{"VP8X", "VP8 ", "VP8L", "ANMF"}, flags: webpICC}, // after the picture, Firefox reads it, too
	"ANIM": {after: []string{"VP8X"}, flags: webpAnimation},
	"ANMF": {after: []string{"ANIM", "ANMF"}},
	"ALPH": {after: []string{"VP8X"}, flags: webpAlpha, not: webpAnimation},
	"VP8 ": {after: []string{"", "VP8X", "ALPH"}, not: webpAnimation},
	"VP8L": {after: []string{"", "VP8X"}, not: webpAnimation},
}

// follows reports whether a chunk of that type may come now, and makes it the last one that stays.
func (f *webpFile) follows(typ string) bool {
	order := webpOrder[typ]
	switch {
	case !slices.Contains(order.after, f.state) || f.flags&(order.flags|order.not) != order.flags:
		return false
	case typ != "ICCP":
		f.state = typ
	case f.profiled:
		return false
	default:
		f.profiled = true
	}
	return true
}

// chunk redacts a chunk with size bytes of data. It returns false if the file ends in it.
func (f *webpFile) chunk(typ string, size int64) bool {
	switch typ {
	case "VP8X":
		head, ok := f.peek(webpChunkTop + webpVP8X)
		if !ok {
			return false
		}
		if size < webpVP8X || !f.follows(typ) {
			break
		}
		f.flags, f.extended = head[webpChunkTop], true
		f.canvas = [2]int{1 + uint24(head[webpChunkTop+4:]), 1 + uint24(head[webpChunkTop+7:])}
		flags := f.flags & (webpAnimation | webpAlpha | webpICC)
		for i := range f.p.exif {
			if f.flags&webpEXIF != 0 && f.p.exif[i].Encode(maxHold) != nil {
				flags |= webpEXIF
			}
		}
		if f.p.announced != nil {
			flags |= f.flags & webpXMP
		}
		return f.pass(webpChunkTop) && f.replace([]byte{flags, 0, 0, 0}) && f.pass(webpVP8X-4) && f.rest(size, webpVP8X)
	case "ANIM":
		if size < webpANIM || !f.follows(typ) {
			break
		}
		return f.pass(webpChunkTop+webpANIM) && f.rest(size, webpANIM)
	case "VP8 ", "VP8L", "ALPH":
		if !f.isCoded(typ, size) || !f.follows(typ) {
			break
		}
		return f.pass(webpChunkTop+size) && f.rest(size, size)
	case "ICCP":
		if size > maxHold || !f.follows(typ) {
			break
		}
		return f.profile(int(size))
	case "ANMF":
		if head, ok := f.peek(webpChunkTop + webpFrame); size < webpFrame || !ok || !f.fits(head[webpChunkTop:]) || !f.follows(typ) {
			break
		}
		return f.frame(size)
	case "EXIF":
		if kept := f.p.exifAt(f.offset + webpChunkTop); kept != nil && size <= maxHold {
			return f.exif(kept, int(size))
		}
	case "XMP ", "XMP\x00":
		if x := f.p.announced; x != nil && f.extended && x.off == f.offset+webpChunkTop {
			return f.replace([]byte("XMP ")) && f.pass(webpChunkTop-4) && f.replace(x.b) && f.rest(size, size)
		}
	}
	return f.junk(size)
}

// isCoded reports whether the next chunk begins as a picture or its alpha channel does (RFC 9649, 2.7.1.2, 3.4; RFC 6386, 9.1).
func (f *webpFile) isCoded(typ string, size int64) bool {
	b, _ := f.peek(webpChunkTop + int(min(size, 6)))
	switch b = b[min(webpChunkTop, len(b)):]; {
	case typ == "ALPH" && len(b) > 0:
		return b[0]>>6 == 0 && b[0]>>4&3 <= 1 && b[0]&3 <= 1 // reserved, the preparation and the compression
	case len(b) < 6:
		return false
	case typ == "VP8 ":
		return b[0]&1 == 0 && string(b[3:6]) == "\x9D\x01\x2A"
	}
	return b[0] == 0x2F && b[4]>>5 == 0 // the version
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

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// fits reports whether a frame, whose fields b has, is inside the canvas.
func (f *webpFile) fits(b []byte) bool {
	return 2*uint24(b)+1+uint24(b[6:]) <= f.canvas[0] && 2*uint24(b[3:])+1+uint24(b[9:]) <= f.canvas[1]
}

// profile redacts the color profile.
func (f *webpFile) profile(size int) bool {
	b, ok := f.peek(webpChunkTop + size)
	if !ok {
		return false
	}
	profile := slices.Clone(b[webpChunkTop:])
	if !cleanICC(profile) {
		return f.junk(int64(size))
	}
	return f.pass(webpChunkTop) && f.replace(profile) && f.rest(int64(size), int64(size))
}

// frame redacts the chunks of a frame.
func (f *webpFile) frame(size int64) bool {
	head, ok := f.peek(webpChunkTop + webpFrame)
	if !ok {
		return false
	}
	flags := head[webpChunkTop+webpFrame-1] & 3
	if !f.pass(webpChunkTop+webpFrame-1) || !f.replace([]byte{flags}) {
		return false
	}
	// in a frame, the picture may have an alpha channel, whatever the flags say
	inner := webpFile{stream: f.stream, p: f.p, flags: webpAlpha, state: "VP8X"}
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

// exif writes the EXIF that stays.
func (f *webpFile) exif(kept *exif.Kept, size int) bool {
	b := kept.Encode(size)
	if b == nil {
		return f.junk(int64(size))
	}
	return f.pass(webpChunkTop) && f.replace(append(b, make([]byte, size-len(b))...)) && f.rest(int64(size), int64(size))
}

// announceXMP finds the XMP of a WebP that stays, which is the first: its flag comes before it. A simple file has none.
func (p *Plan) announceXMP(r io.ReaderAt) error {
	var head [webpHead + 4]byte
	ok, err := container.ReadFull(r, head[:], 0)
	if !ok || err != nil || string(head[webpHead:]) != "VP8X" {
		return err
	}
	err = container.Packets(r, "webp", func(packet container.Packet) (bool, error) {
		if packet.N > maxHold {
			return true, nil
		}
		b := make([]byte, packet.N)
		n, err := container.ReadAt(packet.R, b, 0)
		if out, _ := p.xmp(nil, b[:n]); out != nil && n == len(b) {
			p.announced = &edit{packet.Off, out}
		}
		return true, err
	})
	if errors.Is(err, container.ErrTooLarge) {
		return nil
	}
	return err
}
