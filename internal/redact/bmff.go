package redact

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// The ISO base media file format (ISO/IEC 14496-12, 4.2) consists of nested boxes; internal/container/isom.go
// describes them. HEIF and AVIF (heif.go), JPEG XL (jxl.go) and JPEG 2000 (jp2.go) use it.
//
// A removed box becomes one of the type free (8.1.2) with zeros: the boxes around it keep their sizes, and
// offsets into the file stay valid. In what is redacted as it streams its type is skip, which means the same:
// ffmpeg takes a JPEG XL or JPEG 2000 with a free box for a film, and can't open it.

const (
	// maxBox bounds the length that a box claims. No file is that long, and the 8 bytes of a larger number
	// could hide text.
	maxBox = 1 << 47
	// maxFileType bounds the bytes of ftyp that are read, 4 for each brand.
	maxFileType = 1 << 8
)

// parseBox parses the head of the box at the start of b; ok is false if it isn't valid.
func parseBox(b []byte) (h container.BoxHead, ok bool) {
	h, ok = container.ParseBoxHead(b)
	return h, ok && (h.Size <= maxBox || h.Size == container.ToEnd && h.Head < container.MaxBoxHead)
}

// box is a box in memory.
type box struct {
	typ  string
	all  []byte // the box with its head
	body []byte
}

// free makes the box a free box of zeros.
func (b *box) free() {
	copy(b.all[4:8], "free")
	clear(b.body)
}

// eachBox calls f with each box in b. f may overwrite the box. From the first invalid head on, eachBox clears
// the rest of b, which readers can't parse either.
func eachBox(b []byte, f func(box)) {
	for len(b) > 0 {
		h, ok := parseBox(b)
		if !ok {
			clear(b)
			if len(b) >= 8 {
				binary.BigEndian.PutUint32(b, uint32(len(b))) //nolint:gosec // G115: lengths in memory fit
				copy(b[4:], "free")
			}
			return
		}
		n := h.Size
		if n > int64(len(b)) { // a box that claims to be larger than its parent ends with the parent
			n = int64(len(b))
			clear(b[8:h.Head])
			binary.BigEndian.PutUint32(b, uint32(n)) //nolint:gosec // G115: lengths in memory fit
			if h.Head == container.MaxBoxHead {
				binary.BigEndian.PutUint32(b, 1)
				binary.BigEndian.PutUint64(b[8:], uint64(n))
			}
		}
		f(box{h.Type, b[:n:n], b[h.Head:n:n]})
		b = b[n:]
	}
}

// boxRules maps the types of boxes to keep to functions that redact them. A function returns false for a box to remove.
type boxRules = map[string]func(*box) bool

// repeated are the types of boxes of which a box can have several.
var repeated = []string{"trak", "trex", "traf", "trun", "tfra", "sgpd", "sbgp", "colr"}

// keepFirst redacts each box in b with the function for its type. Boxes of other types, and those whose function
// returns false, become free boxes; so does a second box of a type that there can be one of.
func keepFirst(b []byte, rules boxRules) {
	var seen []string
	eachBox(b, func(x box) {
		keep := rules[x.typ]
		if keep == nil || slices.Contains(seen, x.typ) || !keepOne(x, keep) {
			x.free()
		} else if !slices.Contains(repeated, x.typ) {
			seen = append(seen, x.typ)
		}
	})
}

// keepOne calls keep. Only then is b on the heap: a box can have many that go.
func keepOne(b box, keep func(*box) bool) bool { return keep(&b) }

// asIs keeps a box unchanged.
func asIs(*box) bool { return true }

// clearFrom clears b[i:], and does nothing if b is shorter.
func clearFrom(b []byte, i int) {
	if i < len(b) {
		clear(b[i:])
	}
}

// fields reads consecutive big-endian numbers from memory.
type fields struct {
	b    []byte
	at   int
	over bool // a read went past the end; all later reads return 0
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

// id reads an item ID.
func (f *fields) id(size int) uint32 {
	return uint32(f.uint(size)) //nolint:gosec // G115: size is 2 or 4
}

// offset reads an offset or a length.
func (f *fields) offset(size int) int64 {
	return int64(min(f.uint(size), container.ToEnd))
}

// skip passes over n bytes.
func (f *fields) skip(n int) {
	f.over = f.over || n > len(f.b)-f.at
	if !f.over {
		f.at += n
	}
}

// leb128 reads a number of at most so many bytes with 7 bits each, the lowest first (AV1, 4.10.5).
func (f *fields) leb128(most int) (v uint64) {
	for i := range most {
		b := f.uint(1)
		v |= b & 0x7F << (7 * i)
		if b&0x80 == 0 {
			return v
		}
	}
	f.over = true
	return 0
}

// left returns the number of unread bytes.
func (f *fields) left() int { return len(f.b) - f.at }

// span is a run of bytes of a file, or of the box idat.
type span struct{ from, to int64 }

// merge sorts spans, joins those that touch or overlap, and removes empty ones.
func merge(spans []span) []span {
	spans = slices.DeleteFunc(spans, func(s span) bool { return s.to <= s.from })
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return joined(spans)
}

// joined joins in place the spans of a sorted row that touch or overlap.
func joined(spans []span) []span {
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// without returns the parts of spans that aren't in minus. Both must be merged.
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

// clip returns the parts of spans that are in others. Both must be merged.
func clip(spans, others []span) []span {
	out := make([]span, 0, len(spans))
	for _, s := range spans {
		for len(others) > 0 && others[0].to <= s.from {
			others = others[1:]
		}
		for _, x := range others {
			if x.from >= s.to {
				break
			}
			out = append(out, span{max(s.from, x.from), min(s.to, x.to)})
		}
	}
	return out
}

// eachStreamed calls redact, which redacts a box, with each box of a body and its offset, until it returns false.
func eachStreamed(s *stream, redact func(h container.BoxHead, off int64) (ok bool)) error {
	for {
		h, ok := nextBox(s)
		if !ok {
			return freeRest(s)
		}
		if !redact(h, s.offset) || h.Size == container.ToEnd {
			return nil
		}
	}
}

// nextBox parses the head of the next box without consuming it; ok is false if it isn't valid.
func nextBox(s *stream) (h container.BoxHead, ok bool) {
	b, _ := s.peek(container.MaxBoxHead)
	return parseBox(b)
}

// freeRest makes the rest of the body one skip box and returns errBroken. The Writer then clears the box's data.
func freeRest(s *stream) error {
	if _, ok := s.peek(8); ok {
		s.zero(4)
		s.replace([]byte("skip"))
	}
	return errBroken
}

// redactBox buffers the next box and redacts it with f. A box that is too large for that goes.
func redactBox(s *stream, h container.BoxHead, f func(*box)) bool {
	n := int(min(h.Size, maxHold+1))
	b, _ := s.peek(n)
	if len(b) > maxHold {
		return freeBox(s, h)
	}
	b = slices.Clone(b)
	f(&box{h.Type, b, b[min(int(h.Head), len(b)):]})
	return s.replace(b) && len(b) == n
}

// redactPart redacts a box in memory with a function that returns false if the box goes.
func redactPart(s *stream, h container.BoxHead, keep func(*box) bool) bool {
	return redactBox(s, h, func(b *box) {
		if !keep(b) {
			b.free()
			copy(b.all[4:8], "skip")
		}
	})
}

// freeBox makes the next box a skip box of zeros.
func freeBox(s *stream, h container.BoxHead) bool {
	return s.pass(4) && s.replace([]byte("skip")) && s.pass(h.Head-8) && s.zero(h.Size-h.Head)
}

// redactFileType keeps the known brands of the box ftyp, within its first maxFileType bytes.
func redactFileType(s *stream, h container.BoxHead, known []string) bool {
	b, _ := s.peek(int(min(h.Size, maxFileType)))
	b = slices.Clone(b)
	keepBrands(b[h.Head:], known)
	return s.replace(b) && s.zero(h.Size-min(h.Size, maxFileType))
}

// passSignature passes the signature box at the start of a file, which has 12 bytes.
func passSignature(s *stream, h container.BoxHead) bool {
	return s.pass(min(h.Size, 12)) && s.zero(h.Size-min(h.Size, 12))
}

// tiffOffset begins an Exif item or box: the TIFF block follows at once (23008-12, A.2.1).
const tiffOffset = "\x00\x00\x00\x00"

// rewriteExifBox replaces the EXIF in the data of a box, which is at off in the file, after some bytes that come
// before it; ok is false if nothing is left.
func rewriteExifBox(data []byte, before string, off int64, p *Plan) (ok bool) {
	kept := p.exifAt(off)
	if kept == nil {
		return false
	}
	b := kept.Encode(len(data) - len(before))
	if b == nil {
		return false
	}
	clear(data)
	copy(data[copy(data, before):], b)
	return true
}
