package redact

import (
	"bytes"
	"encoding/binary"

	"github.com/andybalholm/brotli"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// JPEG XL's container (ISO/IEC 18181-2) is made of ISO boxes, in which the codestream is one or several.
// The box Exif is rebuilt in place, as is one packed as brob (9.7). What lets the file become the JPEG it
// was made of (jbrd) goes, since it holds that JPEG's comments and markers.
//
// A naked codestream (18181-1) and what is in the boxes jxlc and jxlp passes as it is: where it ends is
// known after decoding it only.

func redactJXL(s *stream, p *Policy) error {
	if b, _ := s.hold(2); string(b) == "\xFF\x0A" {
		s.pass(toEnd)
		return nil
	}
	// the decoder answers the first, of either kind
	seen := false
	first := func(b *box, rewrite func(*box, *Policy) bool) {
		if seen || !rewrite(b, p) {
			b.free()
		}
		seen = true
	}
	for {
		h, ok := nextBox(s)
		if !ok {
			return noBox(s)
		}
		switch h.typ {
		case "JXL ":
			ok = passSignature(s, h)
		case "ftyp":
			ok = redactFileType(s, h, []string{"jxl "})
		case "jxlc", "jxlp", "jxll":
			ok = s.pass(h.size)
		case "Exif":
			ok = redactBox(s, h, func(b *box) { first(b, rewriteExifBox) })
		case "brob":
			ok = redactBox(s, h, func(b *box) {
				if bytes.HasPrefix(b.body, []byte("Exif")) {
					first(b, rewriteBrotli)
				} else {
					b.free()
				}
			})
		default:
			ok = freeBox(s, h)
		}
		if !ok || h.size == openEnd {
			return nil
		}
	}
}

// rewriteBrotli rebuilds a packed Exif box; ok is false if nothing is left of it.
func rewriteBrotli(b *box, p *Policy) (ok bool) {
	data, ok := exif.Unbrotli(b.body[4:])
	if !ok {
		return false
	}
	var packed []byte
	for _, p := range [...]*Policy{p, {}} { // what doesn't fit is left with what the picture needs
		item := bytes.Clone(data)
		n := rewriteExifItem(item, p)
		if n == 0 {
			return false
		}
		if packed = pack(item[:n], len(b.body)-4); packed != nil {
			break
		}
	}
	if packed == nil {
		return false
	}
	copy(b.body[4:], packed)
	rest := b.all[len(b.all)-len(b.body)+4+len(packed):]
	clear(rest)
	if len(rest) == 0 {
		return true
	}
	// what is left is a box of its own
	head := len(b.all) - len(b.body)
	size := len(b.all) - len(rest)
	if head == maxBoxHead {
		binary.BigEndian.PutUint64(b.all[8:], uint64(size)) //nolint:gosec // G115: a length
	} else {
		binary.BigEndian.PutUint32(b.all, uint32(size)) //nolint:gosec // G115: smaller than what is in memory
	}
	binary.BigEndian.PutUint32(rest, uint32(len(rest))) //nolint:gosec // G115: as above
	copy(rest[4:], "free")
	return true
}

// pack is the Brotli stream of data that leaves either nothing of n bytes or enough for a box; nil if
// it doesn't fit.
func pack(data []byte, n int) []byte {
	o := brotli.WriterOptions{Quality: 11, LGWin: 16}
	if len(data) > 1<<14 {
		o.Quality = 6 // the best takes a hundred times as long
	}
	var out bytes.Buffer
	w := brotli.NewWriterOptions(&out, o)
	w.Write(data) //nolint:errcheck,gosec // a bytes.Buffer takes anything
	w.Close()     //nolint:gosec // as above
	if rest := n - out.Len(); rest == 0 || rest >= 8 {
		return out.Bytes()
	}
	out.Reset()
	w.Reset(&out)
	w.Write(data) //nolint:errcheck,gosec // as above
	w.Flush()     //nolint:gosec // as above
	for n-out.Len() > 1 {
		out.WriteByte(0x06) // a meta-block of no metadata (RFC 7932, 9.2)
	}
	out.WriteByte(0x03) // the last meta-block, empty
	if out.Len() > n {
		return nil
	}
	return out.Bytes()
}
