package redact

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// The ISO base media file format (ISO/IEC 14496-12, 4.2) is boxes within boxes; internal/exif/bmff.go
// tells how they look. HEIF and AVIF (heif.go), JPEG XL (jxl.go) and JPEG 2000 (jp2.go) are made of it.
//
// A box that doesn't stay becomes one of the type free (8.1.2), whose contents are zeros: the boxes
// around it keep their sizes, and offsets into the file stay right.

// openEnd is the length of a box that goes on to the end of the body. It can be added to any offset.
const openEnd = math.MaxInt64 / 2

// boxHead is the head of a box.
type boxHead struct {
	typ  string
	head int64 // the length of the head: 8, or 16 with a size of 64 bits
	size int64 // the length of the box with its head, openEnd if it goes on to the end
}

const (
	// maxBoxHead is the length of the longest head.
	maxBoxHead = 16
	// maxBox bounds the length that a box claims: the 8 bytes of a number that no file is as long as
	// could be a text.
	maxBox = 1 << 47
	// maxFileType bounds the box ftyp: 4 bytes a brand.
	maxFileType = 1 << 8
)

// parseBox reads the head of the box that b starts with; ok is false where none does.
func parseBox(b []byte) (h boxHead, ok bool) {
	if len(b) < 8 {
		return h, false
	}
	h = boxHead{typ: string(b[4:8]), head: 8, size: int64(binary.BigEndian.Uint32(b))}
	switch h.size {
	case 0:
		h.size = openEnd
	case 1:
		if len(b) < maxBoxHead {
			return h, false
		}
		h.head = maxBoxHead
		size := binary.BigEndian.Uint64(b[8:])
		if size > maxBox {
			return h, false
		}
		h.size = int64(size)
	}
	return h, h.size >= h.head
}

// box is a box in memory.
type box struct {
	typ  string
	all  []byte // with its head
	body []byte
}

// free turns the box into one that says nothing.
func (b *box) free() {
	copy(b.all[4:8], "free")
	clear(b.body)
}

// eachBox calls f with each of the boxes that b is made of. f may overwrite them. What is left where no
// box starts is overwritten: readers can't follow it either.
func eachBox(b []byte, f func(box)) {
	for len(b) > 0 {
		h, ok := parseBox(b)
		if !ok {
			clear(b)
			if len(b) >= 8 {
				binary.BigEndian.PutUint32(b, uint32(len(b))) //nolint:gosec // G115: what is in memory is smaller
				copy(b[4:], "free")
			}
			return
		}
		n := h.size
		if n > int64(len(b)) { // a box that claims to be larger than what it is in ends with it
			n = int64(len(b))
			clear(b[8:h.head])
			binary.BigEndian.PutUint32(b, uint32(n)) //nolint:gosec // G115: what is in memory is smaller
			if h.head == maxBoxHead {
				binary.BigEndian.PutUint32(b, 1)
				binary.BigEndian.PutUint64(b[8:], uint64(n))
			}
		}
		f(box{h.typ, b[:n:n], b[h.head:n:n]})
		b = b[n:]
	}
}

// keepBoxes is eachBox for those of the given types; all others become free.
func keepBoxes(b []byte, types map[string]func(*box) bool) {
	eachBox(b, func(x box) {
		if keep, ok := types[x.typ]; !ok || !keep(&x) {
			x.free()
		}
	})
}

// asIs keeps a box whole.
func asIs(*box) bool { return true }

// upTo keeps the first n bytes of a box, which has no more.
func upTo(n int) func(*box) bool {
	return func(b *box) bool {
		clearFrom(b.body, n)
		return true
	}
}

// clearFrom overwrites what is in b from i on.
func clearFrom(b []byte, i int) {
	if i < len(b) {
		clear(b[i:])
	}
}

// fields reads big-endian numbers from memory, one after the other.
type fields struct {
	b    []byte
	at   int
	over bool // the bytes ended within a number; what follows is zeros
}

// uint reads a number of up to 8 bytes.
func (f *fields) uint(size int) (v uint64) {
	if f.over || size > len(f.b)-f.at {
		f.over = true
		return 0
	}
	for _, b := range f.b[f.at : f.at+size] {
		v = v<<8 | uint64(b)
	}
	f.at += size
	return v
}

// id reads the number of an item or of a track.
func (f *fields) id(size int) uint32 {
	return uint32(f.uint(size)) //nolint:gosec // G115: size is 2 or 4
}

// offset reads a number that is an offset or a length.
func (f *fields) offset(size int) int64 {
	return int64(min(f.uint(size), openEnd))
}

// skip passes over n bytes.
func (f *fields) skip(n int) {
	f.over = f.over || n > len(f.b)-f.at
	if !f.over {
		f.at += n
	}
}

// left is how many bytes follow.
func (f *fields) left() int { return len(f.b) - f.at }

// span is a run of bytes of a file, or of the box idat.
type span struct{ from, to int64 }

// merge sorts spans and joins those that touch or overlap.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return 0
	})
	out := spans[:0]
	for _, s := range spans {
		if s.to <= s.from {
			continue
		}
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// without returns what is in spans and not in minus. Both are merged.
func without(spans, minus []span) (out []span) {
	for _, s := range spans {
		for len(minus) > 0 && minus[0].to <= s.from {
			minus = minus[1:]
		}
		for _, m := range minus {
			if m.from >= s.to {
				break
			}
			if m.from > s.from {
				out = append(out, span{s.from, m.from})
			}
			s.from = max(s.from, m.to)
		}
		if s.from < s.to {
			out = append(out, s)
		}
	}
	return out
}

// nextBox reads the head of the box that comes next; ok is false where none does.
func nextBox(s *stream) (h boxHead, ok bool) {
	b, _ := s.hold(maxBoxHead)
	return parseBox(b)
}

// noBox overwrites what can't be followed: it is one box, which says nothing.
func noBox(s *stream) error {
	if _, ok := s.hold(8); ok {
		s.zero(4)
		s.replace([]byte("free"))
	}
	return errBroken
}

// redactBox redacts the box that comes next in memory. One that is too large for that becomes free.
func redactBox(s *stream, h boxHead, f func(*box)) bool {
	n := int(min(h.size, maxHold+1))
	b, _ := s.hold(n)
	if len(b) > maxHold {
		return freeBox(s, h)
	}
	b = slices.Clone(b)
	f(&box{h.typ, b, b[min(int(h.head), len(b)):]})
	return s.replace(b) && len(b) == n
}

// freeBox turns the box that comes next into one that says nothing.
func freeBox(s *stream, h boxHead) bool {
	return s.pass(4) && s.replace([]byte("free")) && s.pass(h.head-8) && s.zero(h.size-h.head)
}

// redactFileType keeps the known brands of the box ftyp, of the first ones of them.
func redactFileType(s *stream, h boxHead, known []string) bool {
	b, _ := s.hold(int(min(h.size, maxFileType)))
	b = slices.Clone(b)
	for brands := b[h.head:]; len(brands) > 0; brands = brands[min(4, len(brands)):] {
		if brand := brands[:min(4, len(brands))]; !slices.Contains(known, string(brand)) {
			clear(brand)
		}
	}
	return s.replace(b) && s.zero(h.size-min(h.size, maxFileType))
}

// passSignature passes the box that begins the files of a format, of 12 bytes.
func passSignature(s *stream, h boxHead) bool {
	return s.pass(min(h.size, 12)) && s.zero(h.size-min(h.size, 12))
}

// rewriteExifItem rebuilds the EXIF in an item or a box that begins with its offset (23008-12, A.2.1), in
// place, and returns its length now; 0 if nothing is left of it.
func rewriteExifItem(b []byte, p *Policy) (n int) {
	at := exif.OffsetOf(b)
	if at < 0 {
		clear(b)
		return 0
	}
	switch intro := "Exif\x00\x00"; at {
	case 0: // writers that leave the offset out
	case len(intro):
		copy(b, intro)
	default:
		clear(b[4:at])
		if at == 4+len(intro) {
			copy(b[4:], intro)
		}
		binary.BigEndian.PutUint32(b, uint32(at-4)) //nolint:gosec // G115: within what is in memory
	}
	if n = rewriteExif(b[at:], p); n == 0 {
		clear(b)
		return 0
	}
	return at + n
}

// rewriteExifBox does so for a box of its own; ok is false if nothing is left of it.
func rewriteExifBox(b *box, p *Policy) (ok bool) { return rewriteExifItem(b.body, p) > 0 }
