package redact

import (
	"bytes"
	"encoding/binary"

	"github.com/andybalholm/brotli"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// JPEG XL's container (ISO/IEC 18181-2) consists of ISO boxes, of which one or several have the codestream.
// The parser rebuilds the box Exif in place, also a Brotli-compressed one (brob, 9.7). It removes jbrd, the
// data to reconstruct the original JPEG, since that has the JPEG's comments and markers.
//
// It passes a naked codestream (18181-1) and the boxes jxlc and jxlp unchanged: only decoding tells where a
// codestream ends.

func redactJXL(s *stream, p *Plan) error {
	if b, _ := s.peek(2); string(b) == container.JXLCodestream {
		s.pass(toEnd)
		return nil
	}
	// the EXIF answer shows only the first EXIF, compressed or not
	seen := false
	first := func(b *box, rewrite func(*box, *Plan) bool) {
		if seen || !rewrite(b, p) {
			b.free()
		}
		seen = true
	}
	for {
		h, ok := nextBox(s)
		if !ok {
			return freeRest(s)
		}
		switch h.Type {
		case "JXL ":
			ok = passSignature(s, h)
		case "ftyp":
			ok = redactFileType(s, h, []string{"jxl "})
		case "jxlc", "jxlp", "jxll":
			ok = s.pass(h.Size)
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
		if !ok || h.Size == container.ToEnd {
			return nil
		}
	}
}

// rewriteBrotli rebuilds the EXIF of a brob box in place; ok is false if nothing is left of it.
func rewriteBrotli(b *box, p *Plan) (ok bool) {
	data, ok := container.Unbrotli(b.body[4:])
	if !ok {
		return false
	}
	var compressed []byte
	for _, p := range [...]*Plan{p, {policy: &Policy{}}} { // if the EXIF doesn't fit, keep only what the picture needs
		item := bytes.Clone(data)
		n := rewriteExifItem(item, p)
		if n == 0 {
			return false
		}
		if compressed = compress(item[:n], len(b.body)-4); compressed != nil {
			break
		}
	}
	if compressed == nil {
		return false
	}
	copy(b.body[4:], compressed)
	rest := b.all[len(b.all)-len(b.body)+4+len(compressed):]
	clear(rest)
	if len(rest) == 0 {
		return true
	}
	// the rest of the box becomes a free box
	head := len(b.all) - len(b.body)
	size := len(b.all) - len(rest)
	if head == container.MaxBoxHead {
		binary.BigEndian.PutUint64(b.all[8:], uint64(size)) //nolint:gosec // G115: a length
	} else {
		binary.BigEndian.PutUint32(b.all, uint32(size)) //nolint:gosec // G115: lengths in memory fit
	}
	binary.BigEndian.PutUint32(rest, uint32(len(rest))) //nolint:gosec // G115: as above
	copy(rest[4:], "free")
	return true
}

// compress returns data as a Brotli stream that takes all of n bytes, or leaves enough of them for a free box. It
// returns nil if the stream doesn't fit.
func compress(data []byte, n int) []byte {
	o := brotli.WriterOptions{Quality: 11, LGWin: 16}
	if len(data) > 1<<14 {
		o.Quality = 6 // quality 11 takes a hundred times as long
	}
	var out bytes.Buffer
	w := brotli.NewWriterOptions(&out, o)
	w.Write(data) //nolint:errcheck,gosec // a bytes.Buffer returns no error
	w.Close()     //nolint:gosec // as above
	if rest := n - out.Len(); rest == 0 || rest >= 8 {
		return out.Bytes()
	}
	out.Reset()
	w.Reset(&out)
	w.Write(data) //nolint:errcheck,gosec // as above
	w.Flush()     //nolint:gosec // as above
	for n-out.Len() > 1 {
		out.WriteByte(0x06) // an empty metadata block (RFC 7932, 9.2)
	}
	out.WriteByte(0x03) // the last meta-block, empty
	if out.Len() > n {
		return nil
	}
	return out.Bytes()
}
