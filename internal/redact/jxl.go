package redact

import (
	"bytes"
	"encoding/binary"

	"github.com/andybalholm/brotli"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
)

// JPEG XL's container (ISO/IEC 18181-2) consists of ISO boxes, of which one or several have the codestream. The parser
// rebuilds EXIF and XMP in place, also in Brotli-compressed boxes (brob, 9.7). It removes jbrd, the data to reconstruct
// the original JPEG, since that has the JPEG's comments and markers, and jxli, the index of an animation's frames, whose
// numbers only a decoder could check.
//
// It passes a naked codestream (18181-1) and the boxes jxlc and jxlp unchanged: only decoding tells where a
// codestream ends.

// jxlFile is a JPEG XL while it is redacted.
type jxlFile struct {
	*stream
	p *Plan

	level, xmp   bool   // jxll and XMP were there
	gainMap      bool   // and a gain map
	began, ended bool   // the codestream began, and ended
	piece        uint32 // the number of the next jxlp
}

func redactJXL(s *stream, p *Plan) error {
	if b, _ := s.peek(2); string(b) == container.JXLCodestream {
		s.pass(toEnd)
		return nil
	}
	f := &jxlFile{stream: s, p: p}
	return eachStreamed(s, func(h container.BoxHead, off int64) bool {
		body := off + h.Head
		switch {
		case h.Type == "JXL " && off == 0:
			return passSignature(s, h)
		case h.Type == "ftyp" && off == 12:
			return redactFileType(s, h, []string{"jxl "})
		case f.isCodestream(h):
			return s.pass(h.Size)
		case h.Type == "jhgm":
			return f.passGainMap(h)
		case h.Type == "Exif":
			return redactPart(s, h, func(b *box) bool { return rewriteExifBox(b.body, tiffOffset, body, p) })
		case h.Type == "xml ":
			return redactPart(s, h, func(b *box) bool { return f.firstXMP() && p.xmpBox(nil, b.body) })
		case h.Type == "brob":
			return redactPart(s, h, func(b *box) bool { return f.rewriteBrotli(b, body) })
		}
		return freeBox(s, h)
	})
}

// firstXMP reports whether no XMP was before: each takes a while to rewrite.
func (f *jxlFile) firstXMP() bool {
	first := !f.xmp
	f.xmp = true
	return first
}

// isCodestream reports whether the next box is of the codestream: the level, once and before it (9.2), one jxlc (9.8), or
// jxlp in their order up to the one that says that it is the last (9.9).
func (f *jxlFile) isCodestream(h container.BoxHead) bool {
	b, _ := f.peek(int(h.Head) + 6)
	b = b[min(int(h.Head), len(b)):]
	b = b[:min(int64(len(b)), h.Size-h.Head)]
	starts := func(b []byte) bool { return bytes.HasPrefix([]byte(container.JXLCodestream), b[:min(len(b), 2)]) }
	switch h.Type {
	case "jxll":
		if f.level || f.began || h.Size-h.Head != 1 || len(b) != 1 || b[0] != 5 && b[0] != 10 {
			return false
		}
		f.level = true
		return true
	case "jxlc":
		if f.began || !starts(b) {
			return false
		}
		f.began, f.ended = true, true
		return true
	case "jxlp":
		if f.ended || len(b) < 4 {
			return false
		}
		n := binary.BigEndian.Uint32(b)
		if n&^(1<<31) != f.piece || f.piece == 0 && !starts(b[4:]) {
			return false
		}
		f.began, f.ended = true, n>>31 == 1
		f.piece++
		return true
	}
	return false
}

// rewriteBrotli rebuilds the EXIF or XMP of a brob box in place, whose body is at off in the file; ok is false if
// nothing is left of it.
func (f *jxlFile) rewriteBrotli(b *box, off int64) (ok bool) {
	if len(b.body) < 4 {
		return false
	}
	var compressed []byte
	switch string(b.body[:4]) {
	case "Exif":
		kept := f.p.exifAt(off)
		if kept == nil {
			return false
		}
		for _, k := range [...]*exif.Kept{kept, kept.Needed()} { // if the EXIF doesn't fit, keep only what the picture needs
			data := k.Encode(maxHold)
			if data == nil {
				return false
			}
			if compressed = compress(append([]byte(tiffOffset), data...), len(b.body)-4); compressed != nil {
				break
			}
		}
	case "xml ":
		if !f.firstXMP() {
			return false
		}
		data, ok := container.Unbrotli(b.body[4:])
		if !ok {
			return false
		}
		if data, _ = f.p.xmp(nil, data); data != nil {
			compressed = compress(bytes.TrimRight(data, " "), len(b.body)-4)
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
	// the rest of the box becomes a skip box
	head := len(b.all) - len(b.body)
	size := len(b.all) - len(rest)
	if head == container.MaxBoxHead {
		binary.BigEndian.PutUint64(b.all[8:], uint64(size)) //nolint:gosec // G115: a length
	} else {
		binary.BigEndian.PutUint32(b.all, uint32(size)) //nolint:gosec // G115: lengths in memory fit
	}
	binary.BigEndian.PutUint32(rest, uint32(len(rest))) //nolint:gosec // G115: as above
	copy(rest[4:], "skip")
	return true
}

// compress returns data as a Brotli stream that takes all of n bytes, or leaves enough of them for a skip box. It
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
