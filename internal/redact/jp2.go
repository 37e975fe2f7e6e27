package redact

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/iptc"
)

// JPEG 2000's JP2 and JPX (ITU-T T.800, annex I; T.801, annex M) consist of boxes like ISO's. The redacted
// file keeps size and color (jp2h) and the codestream (jp2c), and rebuilds EXIF in the boxes that
// internal/exif/jp2.go lists.
//
// The codestream (T.800, annex A) consists of marker segments as in JPEG, then tile-parts with a length, which
// begin with marker segments of their own. A comment is a marker segment.

// jp2Brands are the brands to keep in the file type box.
var jp2Brands = []string{"jp2 ", "jpx ", "jpxb", "jpm ", "jph ", "J2P0", "J2P1"}

// jp2Header maps the boxes in jp2h to functions that redact them.
var jp2Header = boxRules{
	"ihdr": keepImageHeader, "bpcc": keepDepths, "colr": keepJP2Colr, "pclr": keepPalette, "cmap": keepMapping, "cdef": keepChannels,
	"res ": only(boxRules{"resc": plain(10), "resd": plain(10)}),
}

// keepImageHeader keeps the size and the coding of the picture (I.5.3.1).
func keepImageHeader(b *box) bool {
	return b.cut(14) && b.body[8] <= maxComponents>>8 && b.body[11] == 7 && b.body[12] <= 1 && b.body[13] <= 1
}

// maxComponents bounds the components of a picture (A.5.1).
const maxComponents = 1 << 14

// keepDepths keeps the bits of each component (I.5.3.2): up to 38, and a sign.
func keepDepths(b *box) bool {
	n := 0
	for n < min(len(b.body), maxComponents) && b.body[n]&0x7F < 38 {
		n++
	}
	return n > 0 && n == len(b.body)
}

// keepPalette keeps a palette (I.5.3.4).
func keepPalette(b *box) bool {
	f := fields{b: b.body}
	n, columns := int(f.uint(2)), int(f.uint(1)) //nolint:gosec // G115: up to 16 bits
	entry := 0
	for range columns {
		entry += (int(f.uint(1)&0x7F) + 8) / 8
	}
	f.skip(n * entry)
	return !f.over && n <= 1024 && b.cut(f.at)
}

// maxColumns bounds the columns of a palette, and the colors of a picture.
const maxColumns = ascii

// keepMapping keeps which component or column of the palette each channel is (I.5.3.5).
func keepMapping(b *box) bool {
	f := fields{b: b.body}
	for f.left() >= 4 {
		component, typ, column := f.uint(2), f.uint(1), f.uint(1)
		if component >= maxComponents || typ > 1 || column >= maxColumns || typ == 0 && column > 0 {
			return b.cut(f.at - 4)
		}
	}
	return b.cut(f.at)
}

// keepChannels keeps what each channel is (I.5.3.6): color, opacity or unknown, of one color or of all.
func keepChannels(b *box) bool {
	const unknown = 1<<16 - 1
	f := fields{b: b.body}
	for n := f.uint(2); n > 0; n-- {
		channel, typ, color := f.uint(2), f.uint(2), f.uint(2)
		if f.over || channel >= maxComponents || typ > 2 && typ != unknown || color >= maxColumns && color != unknown {
			return false
		}
	}
	return !f.over && b.cut(f.at)
}

// keepJP2Colr keeps a color space given by a number or by an ICC profile (I.5.3.3).
func keepJP2Colr(b *box) bool {
	if len(b.body) < 3 {
		return false
	}
	switch b.body[0] {
	case 1:
		n := 7
		if len(b.body) >= n {
			switch binary.BigEndian.Uint32(b.body[3:]) {
			case 14: // CIELab has parameters
				n = min(n+7*4, len(b.body))
			case 19: // CIEJab
				n = min(n+6*4, len(b.body))
			}
			if !areColors(b.body[7:n]) {
				return false
			}
		}
		return b.cut(n)
	case 2, 3:
		return cleanICC(b.body[3:])
	}
	return false
}

func redactJP2(s *stream, p *Plan) error {
	if b, _ := s.peek(len(container.J2KCodestream)); string(b) == container.J2KCodestream {
		redactCodestream(s, container.ToEnd)
		return nil
	}
	header, codestream := false, false
	return eachStreamed(s, func(h container.BoxHead, off int64) bool {
		switch {
		case h.Type == "jP  " && off == 0:
			return passSignature(s, h)
		case h.Type == "ftyp" && off == 12:
			return redactFileType(s, h, jp2Brands)
		case h.Type == "jp2h" && !header:
			header = true
			return redactBox(s, h, func(b *box) { keepFirst(b.body, jp2Header) })
		case h.Type == "jp2c" && !codestream:
			codestream = true
			return s.pass(h.Head) && redactCodestream(s, h.Size-h.Head)
		case h.Type == "Exif":
			return redactPart(s, h, func(b *box) bool { return rewriteExifBox(b.body, tiffOffset, off+h.Head, p) })
		case h.Type == "uuid":
			return redactPart(s, h, func(b *box) bool { return rewriteUUID(b, off+h.Head, p, s.told()) })
		}
		return freeBox(s, h)
	})
}

// rewriteUUID rebuilds the EXIF or XMP in a uuid box, whose body is at off in the file; ok is false if nothing is left
// of it.
func rewriteUUID(b *box, off int64, p *Plan, told iptc.Told) (ok bool) {
	const n = 16
	if len(b.body) < n {
		return false
	}
	switch string(b.body[:n]) {
	case container.JP2UUID, container.PhotoshopUUID, container.GeoUUID:
		return rewriteExifBox(b.body[n:], "", off+n, p)
	case container.XMPUUID:
		return p.xmpBox(told, b.body[n:])
	}
	return false
}

// Markers of the codestream (T.800, A.2; T.801; T.814).
const (
	soc          = 0xFF4F
	capabilities = 0xFF50
	siz          = 0xFF51
	cod          = 0xFF52
	coc          = 0xFF53
	qcd          = 0xFF5C
	qcc          = 0xFF5D
	rgn          = 0xFF5E
	poc          = 0xFF5F
	ppm          = 0xFF60 // the heads of packets
	ppt          = 0xFF61
	com          = 0xFF64
	mct          = 0xFF74 // of T.801
	mcc          = 0xFF75
	mco          = 0xFF77
	cbd          = 0xFF78
	sot          = 0xFF90
	sod          = 0xFF93
	eoc          = 0xFFD9
)

// codestream is a codestream while it is redacted.
type codestream struct {
	*stream
	components int  // of the picture
	extended   bool // it uses T.801
	sized      bool // SIZ was there
	main, part codestreamHead
	inPart     bool
}

// codestreamHead is what the main header, or that of a tile-part, says of components.
type codestreamHead struct {
	end    int64                // the offset that it is read up to
	last   map[segmentKey]int64 // the offset of the last segment of a kind, which replaces those before
	count  map[uint16]int       // the components that have a segment of their own, after the one about all others
	levels map[int]int          // of the decomposition of a component
	most   int                  // of these
}

// reset empties h, before a header is read. Of a file with many, it uses the maps again while they are small.
func (h *codestreamHead) reset() {
	const small = 8
	if h.last == nil || len(h.last) > small {
		*h = codestreamHead{last: map[segmentKey]int64{}, count: map[uint16]int{}, levels: map[int]int{}}
	}
	clear(h.last)
	clear(h.count)
	clear(h.levels)
	h.end, h.most = 0, 0
}

// segmentKey tells segments that replace each other.
type segmentKey struct {
	marker    uint16
	component int
}

// allOthers is the component of a segment about all that have none of their own.
const allOthers = -1

// head returns the header that the next segment is in.
func (c *codestream) head() *codestreamHead {
	if c.inPart {
		return &c.part
	}
	return &c.main
}

// readHead reads the header from the next segment on, as far as it fits into the buffer, unless that one is read.
func (c *codestream) readHead(end int64) {
	h := c.head()
	if c.offset < h.end {
		return
	}
	const fields = 16 // enough of a segment
	at := 0
	for at < maxHold {
		b, _ := c.peek(at + fields)
		if b = c.before(end, b); len(b) < at+4 {
			break
		}
		b = b[at:]
		marker, length := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if marker < soc || marker == sot || marker == sod || length < 2 {
			break
		}
		h.add(marker, b[2:], length, c, c.offset+int64(at))
		at += 2 + length
	}
	h.end = c.offset + int64(at)
	for component, n := range h.levels {
		if component != allOthers || h.count[coc] < c.components {
			h.most = max(h.most, n)
		}
	}
}

// add adds what a segment of a length at off says, b, from its length on, unless it is too short.
func (h *codestreamHead) add(marker uint16, b []byte, length int, c *codestream, off int64) {
	f := fields{b: b, at: 2}
	key := segmentKey{marker, c.componentOf(marker, &f)}
	style := marker == cod || marker == coc
	levels, end := c.style(marker, f)
	if key.component >= c.components || f.over || !replaces(marker) || style && end > length {
		return
	}
	_, again := h.last[key]
	switch {
	case marker == cod: // OpenJPEG takes it for the components that came before, too
		delete(h.count, coc)
	case marker == qcd:
		delete(h.count, qcc)
	case !again && key.component != allOthers:
		h.count[marker]++
	}
	h.last[key] = off
	if style {
		h.levels[key.component] = levels
	}
}

// style reads from f the style of coding (A.6.1), and returns the levels of the decomposition and where the segment ends.
func (c *codestream) style(marker uint16, f fields) (levels, end int) {
	precincts := int(f.uint(1) & 1)
	if marker == cod {
		f.skip(4)
	}
	levels = min(int(f.uint(1)), maxLevels) //nolint:gosec // G115: a byte
	return levels, f.at + 4 + precincts*(1+levels)
}

// replaces reports whether a segment with that marker replaces an earlier one.
func replaces(marker uint16) bool {
	switch marker {
	case capabilities, cod, coc, qcd, qcc, rgn, poc:
		return true
	}
	return false
}

// componentOf reads which component a segment is about.
func (c *codestream) componentOf(marker uint16, f *fields) int {
	if marker == coc || marker == qcc || marker == rgn {
		return int(f.uint(c.numberSize())) //nolint:gosec // G115: up to 16 bits
	}
	return allOthers
}

// levelsOf returns the levels of a component, or the most of all.
func (c *codestream) levelsOf(component int) int {
	h := c.head()
	if component == allOthers {
		return max(h.most, c.main.most)
	}
	for _, levels := range []map[int]int{h.levels, c.main.levels} {
		for _, i := range []int{component, allOthers} {
			if n, ok := levels[i]; ok {
				return n
			}
		}
	}
	return 0
}

// kept returns how many bytes of b, a marker segment from its length on, stay: its fields, or all of them if they are what
// the marker says. None stays of a comment, of an index of parts, which no decoder needs, of a segment about components that
// there aren't, of one that a later one replaces, and of an unknown one. It reads the size of the
// picture (A.5.1), and the bits and the distances of each component's samples.
func (c *codestream) kept(marker uint16, b []byte) int {
	f := fields{b: b, at: 2}
	key := segmentKey{marker, c.componentOf(marker, &f)}
	if key.component >= c.components || replaces(marker) && c.head().last[key] != c.offset {
		return 0
	}
	whole := false
	switch marker {
	case capabilities:
		if f.uint(4) == 1<<(32-15) { // HTJ2K, of part 15
			return f.at + 2
		}
	case cod, coc:
		_, end := c.style(marker, f)
		return end
	case qcd, qcc: // A.6.4
		bands := 1 + 3*c.levelsOf(key.component)
		switch f.uint(1) & 31 {
		case 0:
			return f.at + bands
		case 1:
			return f.at + 2
		}
		return f.at + 2*bands
	case rgn:
		return f.at + 2
	case siz:
		whole = c.isSize(f)
	case poc:
		whole = c.isOrder(f)
	case ppm, ppt:
		whole = true
	case mct: // coefficients, of 32 bits in floating point (T.801, A.3)
		whole = c.extended && len(b) >= 8 && b[4]>>2&3 == 2 && areCoordinates(b[8:])
	case mcc, mco, cbd: // small numbers, and flags
		whole = c.extended && !slices.ContainsFunc(b[2:], func(v byte) bool { return v >= ascii && v < 0x80 })
	}
	if whole {
		return len(b)
	}
	return 0
}

// isSize reads the size of the picture, and reports whether it can be one.
func (c *codestream) isSize(f fields) bool {
	extended := f.uint(2)&0x8000 != 0
	f.skip(32)
	n := f.uint(2)
	if f.over || n > maxComponents || f.left() != 3*int(n) {
		return false
	}
	for f.left() > 0 {
		if depth, x, y := f.uint(1), f.uint(1), f.uint(1); depth&0x7F >= 38 || max(x, y) >= ascii {
			return false
		}
	}
	c.extended, c.components = extended, int(n)
	return true
}

// isOrder reports whether f can be the order of packets (A.6.6).
func (c *codestream) isOrder(f fields) bool {
	for f.left() > 0 {
		resolution, component := f.uint(1), f.uint(c.numberSize())
		f.skip(2)
		resolutionEnd, componentEnd, order := f.uint(1), f.uint(c.numberSize()), f.uint(1)
		if f.over || max(resolution, resolutionEnd) > maxLevels+1 || max(component, componentEnd) > uint64(c.components) || order > 4 { //nolint:gosec // G115: no less than 0
			return false
		}
	}
	return true
}

// numberSize returns how many bytes the number of a component has.
func (c *codestream) numberSize() int {
	if c.components > 256 {
		return 2
	}
	return 1
}

// maxLevels bounds the levels of a decomposition (A.6.1).
const maxLevels = 32

// redactCodestream redacts the next n bytes, which are a codestream.
func redactCodestream(s *stream, n int64) bool {
	end := s.offset + n
	if b, ok := s.peek(2); n < 2 || !ok || binary.BigEndian.Uint16(b) != soc {
		return s.zero(n)
	}
	c := codestream{stream: s, components: maxComponents}
	c.main.reset()
	return s.pass(2) && c.redact(end) && s.zero(end-s.offset)
}

// redact redacts a codestream from its second marker up to its end or the first invalid marker.
func (c *codestream) redact(end int64) (ok bool) {
	s := c.stream
	part := int64(0) // the end of the tile-part, 0 before, between and after them
	first := true    // no tile-part has begun
	for {
		b, _ := s.peek(12) // SOT, the longest read here
		b = s.before(end, b)
		if len(b) < 2 {
			return true
		}
		marker, length := binary.BigEndian.Uint16(b), int64(0)
		if len(b) >= 4 {
			length = int64(binary.BigEndian.Uint16(b[2:]))
		}
		switch {
		case marker == eoc && part == 0:
			return s.pass(2)
		case marker == sod && part == end:
			return passToEOC(s, end)
		case marker == sod && part > s.offset:
			ok = s.pass(part - s.offset)
			part = 0
		case marker == sot && part == 0 && length == 10 && len(b) >= 12:
			switch psot := int64(binary.BigEndian.Uint32(b[6:])); {
			case psot == 0: // the last tile-part, which reaches to the end
				part = end
			case psot < 14:
				return true
			default:
				part = min(s.offset+psot, end)
			}
			ok = s.pass(12)
			first = false
			c.inPart = true
			c.part.reset()
		case marker < soc || marker == soc || marker == sot || marker == sod || marker == eoc:
			return true
		case length < 2 || 2+length > end-s.offset:
			return true
		case first || part > 0:
			if marker != siz {
				c.readHead(end)
			}
			ok = c.redactSegment(marker, int(length), first)
		default:
			ok = c.blank(int(length))
		}
		if !ok {
			return false
		}
	}
}

// blank makes a comment of zeros, whose registration value 0 means binary data, of the marker segment that is next.
func (c *codestream) blank(length int) bool {
	return c.replace([]byte{com >> 8, com & 0xFF}) && c.pass(2) && c.zero(int64(length-2))
}

// redactSegment redacts the marker segment that is next. first says that no tile-part has begun.
func (c *codestream) redactSegment(marker uint16, length int, first bool) bool {
	kept := 0
	if b, ok := c.peek(2 + length); ok && (marker != siz || first && !c.sized) && (marker != ppm || first) && (marker != ppt || !first) {
		c.sized = c.sized || marker == siz
		kept = min(c.kept(marker, b[2:]), length)
		if n := fixed[marker]; 2+kept >= n && c.isUnused(marker) {
			return c.replace(append(slices.Clone(b[:n]), bytes.Repeat(unused[marker], 2+kept-n)...)) && c.zero(int64(length-kept))
		}
		if kept > 0 && marker == siz { // sizes and places
			head := slices.Clone(b[:2+36])
			mendHigh(head[6:])
			return c.replace(head) && c.pass(int64(length-36))
		}
	}
	switch {
	case kept > 0:
		return c.pass(int64(2+kept)) && c.zero(int64(length-kept))
	case marker == siz && first: // tells the format
		c.components = 0
		return c.pass(2+2) && c.zero(int64(length-2))
	}
	return c.blank(length)
}

// Of a segment that is there for no component, since each has its own, these are the bytes that stay, and what the others become: no
// distances, and precincts as large as a tile.
var (
	fixed  = map[uint16]int{cod: 14, qcd: 5}
	unused = map[uint16][]byte{cod: {0xFF}, qcd: {0}}
)

// isUnused reports whether each component has a segment of its own instead of the next one.
func (c *codestream) isUnused(marker uint16) bool {
	return marker == cod && c.head().count[coc] >= c.components || marker == qcd && c.head().count[qcc] >= c.components
}

// passToEOC passes packets up to and including the marker EOC. Packets have no two bytes above 0xFF8F (B.10.1)
// other than the markers SOP and EPH.
func passToEOC(s *stream, end int64) bool {
	for {
		b, _ := s.peek(4096)
		b = s.before(end, b)
		n := int64(len(b))
		if i := bytes.Index(b, []byte{eoc >> 8, eoc & 0xFF}); i >= 0 {
			return s.pass(int64(i) + 2)
		}
		if n > 1 && b[n-1] == 0xFF {
			n--
		}
		if n == 0 || !s.pass(n) {
			return n == 0
		}
	}
}
