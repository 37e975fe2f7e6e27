package redact

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// A Windows bitmap (BMP) is a file header of 14 bytes and a device-independent bitmap (DIB): a header of one of a
// few sizes, masks or a palette, and the pixels, whose place the file header states. A header of 124 bytes can name a
// color profile after the pixels, or the path of one. Pixels can be a whole JPEG or PNG.
//
// An icon or a cursor (ICO, CUR) is a directory of pictures, each a whole PNG, or a DIB without file header whose
// height counts a mask of one bit a pixel as well.
//
// The redacted file keeps headers, palettes, pixels, masks and embedded color profiles. All other bytes become zeros.

const (
	bmpHeader = 14
	icoHeader = 6
	icoEntry  = 16
	// maxIcon bounds the offset and the length of an icon's picture. Entries beyond could hold anything.
	maxIcon = 1 << 24
	// maxIcons bounds the pictures of an icon, whose directory is held. Icons have up to 20.
	maxIcons = 256
	// maxDIB is the size of the longest header.
	maxDIB = 124
)

// The compressions of a DIB.
const (
	bmpRLE8      = 1
	bmpRLE4      = 2
	bmpBitfields = 3
	bmpJPEG      = 4
	bmpPNG       = 5
	bmpAlpha     = 6 // masks with one for alpha
)

// dib is the header of a bitmap.
type dib struct {
	size          int64 // of the header
	width, height int64
	depth         int64 // bits of a pixel
	compression   uint32
	table         int64 // the length of the masks and the palette
	pixels        int64 // the length of the pixels
	profile       span  // from the header's start
	linked        bool  // the profile is a path
}

// parseDIB parses the header at the start of b. In an icon, the height counts the mask.
func parseDIB(b []byte, icon bool) (d dib, ok bool) {
	if len(b) < 12 {
		return d, false
	}
	o := binary.LittleEndian
	d.size = int64(o.Uint32(b))
	if d.size == 12 {
		ok = d.parseCore(b)
		return d, ok
	}
	if d.size > maxDIB || d.size < 16 || int64(len(b)) < d.size {
		return d, false
	}
	field := func(at int64) int64 {
		if at+4 > d.size {
			return 0
		}
		return int64(o.Uint32(b[at:]))
	}
	d.width, d.height = int64(int32(o.Uint32(b[4:]))), int64(int32(o.Uint32(b[8:]))) //nolint:gosec // G115: a negative height is valid
	d.height = max(d.height, -d.height)
	d.depth, d.compression = int64(o.Uint16(b[14:])), uint32(field(16)) //nolint:gosec // G115: it was one
	if d.width <= 0 || d.width > 1<<20 || d.height <= 0 || d.height > 1<<20 {
		return d, false
	}
	if d.depth <= 8 && d.depth > 0 {
		if d.table = 4 << d.depth; field(32) > 0 {
			d.table = min(d.table, 4*field(32))
		}
	}
	rows, mask := d.height, int64(0)
	if icon {
		rows /= 2
		mask = rowLength(d.width, 1) * rows
	}
	d.pixels = rowLength(d.width, d.depth) * rows
	switch d.compression {
	case 0:
	case bmpBitfields, bmpAlpha:
		if d.size == 40 {
			d.table = map[uint32]int64{bmpBitfields: 12, bmpAlpha: 16}[d.compression]
		}
	case bmpRLE8, bmpRLE4, bmpJPEG, bmpPNG:
		d.pixels = field(20)
	default:
		return d, false
	}
	d.pixels += mask
	if d.size == maxDIB {
		switch field(56) {
		case 0x4C494E4B: // "LINK"
			d.linked = true
		case 0x4D424544: // "MBED"
			d.profile = span{field(112), field(112) + field(116)}
		}
	}
	return d, bmpDepth(d.depth) || d.compression == bmpJPEG || d.compression == bmpPNG
}

// rowLength returns the length of a row of pixels, which is filled up to 4 bytes.
func rowLength(pixels, depth int64) int64 { return (pixels*depth + 31) / 32 * 4 }

// parseCore parses the header of OS/2 1.x, of 12 bytes.
func (d *dib) parseCore(b []byte) (ok bool) {
	o := binary.LittleEndian
	d.width, d.height, d.depth = int64(o.Uint16(b[4:])), int64(o.Uint16(b[6:])), int64(o.Uint16(b[10:]))
	if d.depth <= 8 {
		d.table = 3 << d.depth
	}
	d.pixels = rowLength(d.width, d.depth) * d.height
	return d.width > 0 && d.height > 0 && bmpDepth(d.depth)
}

// clean clears in a header, b, what decoders don't read, and numbers that can't be those of a picture.
func (d *dib) clean(b []byte) {
	const (
		length, masks, alphaEnd = 20, 40, 56 // of the pixels; and of the masks
		space, endpoints, gamma = 56, 60, 96
		intent, profile, end    = 108, 112, 120
		calibrated, sRGB        = 0, 0x73524742
	)
	if d.size <= 12 {
		return
	}
	from := int64(masks)
	if d.compression == bmpBitfields || d.compression == bmpAlpha {
		from = alphaEnd
		cleanMasks(b[min(masks, d.size):min(alphaEnd, d.size)])
	}
	if d.size < intent {
		if from < d.size {
			clear(b[from:])
		}
	} else {
		clear(b[from:alphaEnd])
	}
	// the length, the resolution and the numbers of colors
	plain := d.compression == 0 || d.compression == bmpBitfields || d.compression == bmpAlpha
	for at := int64(length); at < min(masks, d.size); at += 4 {
		if at == length && !plain {
			continue
		}
		if number := b[at:min(at+4, d.size)]; number[len(number)-1] != 0 {
			clear(number)
		}
	}
	if d.size < intent {
		return
	}
	o := binary.LittleEndian
	if o.Uint32(b[space:]) != calibrated {
		clear(b[endpoints:intent])
	}
	for at := endpoints; at < intent; at += 4 {
		const one = 1 << 30 // of an endpoint
		switch n := o.Uint32(b[at:]); {
		case n > one || at >= gamma && n >= 1<<24:
			clear(b[at : at+4])
		case at < gamma: // the rest tells less than displays show
			clear(b[at : at+2])
		}
	}
	if d.size < maxDIB {
		return
	}
	if d.linked {
		o.PutUint32(b[space:], sRGB)
	}
	if d.profile.to == 0 {
		clear(b[profile:end])
	}
	if o.Uint32(b[intent:]) > 8 {
		clear(b[intent:profile])
	}
	clear(b[end:]) // reserved
}

// cleanTable clears what decoders don't read in b, the masks or the palette after the header: masks that aren't those of a color, and
// the fourth byte of each color.
func (d *dib) cleanTable(b []byte) {
	switch {
	case d.compression == bmpBitfields || d.compression == bmpAlpha:
		cleanMasks(b)
	case d.size > 12:
		for ; len(b) >= 4; b = b[4:] {
			b[3] = 0
		}
	}
}

// cleanMasks clears those masks in b whose bits aren't one after the other.
func cleanMasks(b []byte) {
	for ; len(b) >= 4; b = b[4:] {
		m := binary.LittleEndian.Uint32(b)
		if m += m & -m; m&(m-1) != 0 { // the lowest bit carries up to the first that isn't set
			clear(b[:4])
		}
	}
}

// passTable passes the masks or the palette, of n bytes.
func (d *dib) passTable(s *stream, n int64) bool {
	b, ok := s.peek(int(n))
	b = slices.Clone(b)
	d.cleanTable(b)
	return s.replace(b) && ok
}

// passRows passes rows of pixels of some bits, up to an offset, without what fills them up to 4 bytes.
func (d *dib) passRows(s *stream, rows, depth, end int64) bool {
	used := (d.width*depth + 7) / 8
	fill := rowLength(d.width, depth) - used
	if fill == 0 {
		return s.pass(min(rows*used, end-s.offset))
	}
	for ; rows > 0; rows-- {
		if !s.pass(min(used, end-s.offset)) || !s.zero(min(fill, end-s.offset)) {
			return false
		}
	}
	return true
}

func bmpDepth(n int64) bool { return slices.Contains([]int64{1, 2, 4, 8, 16, 24, 32}, n) }

func redactBMP(s *stream, _ *Plan) error {
	b, ok := s.peek(bmpHeader + maxDIB)
	if !ok && len(b) < bmpHeader+12 {
		return errBroken
	}
	b = slices.Clone(b)
	d, ok := parseDIB(b[bmpHeader:], false)
	if !ok {
		return errBroken
	}
	o := binary.LittleEndian
	at := int64(o.Uint32(b[10:])) // of the pixels
	head := b[:min(int64(len(b)), bmpHeader+d.size)]
	clear(head[6:10])
	d.clean(head[bmpHeader:])
	if at < int64(len(head)) || !s.replace(head) {
		return errBroken
	}
	table := min(d.table, at-s.offset)
	if !d.passTable(s, table) || !s.zero(at-s.offset) {
		return errBroken
	}
	switch d.compression {
	case bmpJPEG, bmpPNG:
		ok = redactNested(s, d.pixels, d.compression == bmpPNG)
	case bmpRLE8, bmpRLE4:
		ok = d.passRLE(s)
	default:
		ok = d.passRows(s, d.height, d.depth, container.ToEnd)
	}
	if !ok {
		return errBroken
	}
	if from := bmpHeader + d.profile.from; d.profile.to > d.profile.from && from >= s.offset && d.profile.to-d.profile.from <= maxHold {
		n := int(d.profile.to - d.profile.from)
		if !s.zero(from - s.offset) {
			return errBroken
		}
		if b, ok := s.peek(n); ok {
			if profile := slices.Clone(b); cleanICC(profile) {
				s.replace(profile)
			}
		}
	}
	return errBroken // what is left goes
}

// redactNested redacts n bytes that are a PNG, or a JPEG. None of their EXIF is that of the answer.
func redactNested(s *stream, n int64, png bool) bool {
	parse := redactJPEG
	if png {
		parse = redactPNG
	}
	inner := newWriter(s.out, func(s *stream) error { return parse(s, nothingStays) })
	ok := s.consume(n, func(b []byte) {
		if _, err := inner.Write(b); err != nil {
			s.err = err
		}
	})
	if err := inner.Close(); err != nil {
		s.err = err
	}
	s.overwritten += inner.Overwritten()
	return ok
}

// passRLE passes run-length coded pixels up to their end, or that of the last line. Decoders drop pixels that are too many
// for a line.
func (d *dib) passRLE(s *stream) bool {
	end := s.offset + d.pixels
	x, y := int64(0), int64(0)
	for s.offset+2 <= end && y < d.height {
		b, ok := s.peek(4)
		if len(b) < 2 {
			return false
		}
		length, used := int64(2), int64(2)
		switch count := int64(b[1]); {
		case b[0] != 0: // a run
			if x >= d.width && !s.replace([]byte{1, 0}) {
				return false
			}
			if x >= d.width {
				continue
			}
			x += int64(b[0])
		case count == 0: // the end of a line
			x = 0
			y++
		case count == 1: // the end of the picture
			return s.pass(2) && s.zero(end-s.offset)
		case count == 2: // a step
			if !ok {
				return false
			}
			length, used = 4, 4
			x += int64(b[2])
			y += int64(b[3])
		default: // pixels, padded to an even number of bytes
			used += d.packed(max(min(count, d.width-x), 0))
			length += (d.packed(count) + 1) &^ 1
			x += count
		}
		if s.offset+length > end {
			break
		}
		if !s.pass(used) || !s.zero(length-used) {
			return false
		}
	}
	return s.zero(max(end-s.offset, 0))
}

// packed returns how many bytes some pixels take that aren't a run.
func (d *dib) packed(pixels int64) int64 {
	if d.compression == bmpRLE4 {
		return (pixels + 1) / 2
	}
	return pixels
}

func redactICO(s *stream, _ *Plan) error {
	b, ok := s.peek(icoHeader)
	if !ok {
		return errBroken
	}
	count := int(binary.LittleEndian.Uint16(b[4:]))
	if count > maxIcons {
		return errBroken
	}
	if b, ok = s.peek(icoHeader + count*icoEntry); !ok {
		return errBroken
	}
	b = slices.Clone(b)
	var pictures []span
	var entries, bad [][]byte
	for e := range slices.Chunk(b[icoHeader:], icoEntry) {
		cleanIconEntry(e, b[2] == 2)
		n, from := int64(binary.LittleEndian.Uint32(e[8:])), int64(binary.LittleEndian.Uint32(e[12:]))
		if n < maxIcon && int64(len(b)) <= from && from < maxIcon {
			entries = append(entries, e)
			pictures = append(pictures, span{from, from + n})
		} else {
			bad = append(bad, e)
		}
	}
	if len(entries) == 0 {
		return errBroken
	}
	for _, e := range bad { // decoders refuse a file with an entry of zeros
		copy(e, entries[0])
	}
	slices.SortFunc(pictures, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	s.replace(b)
	for i, p := range pictures {
		if p.from < s.offset {
			continue // two entries for one picture
		}
		if p.to == p.from { // browsers ignore its length
			p.to += maxIcon
			if i+1 < len(pictures) {
				p.to = pictures[i+1].from
			}
		}
		if !s.zero(p.from-s.offset) || !redactIcon(s, p.to-p.from) {
			return errBroken
		}
	}
	return errBroken // what is left goes
}

// cleanIconEntry clears, in an entry of the directory, the reserved byte, and numbers that can't be those of a picture: its colors,
// its planes and bits, or where the tip of a cursor is.
func cleanIconEntry(e []byte, cursor bool) {
	const most = 1 << 8 // pixels
	if !slices.Contains([]byte{2, 4, 8, 16}, e[2]) {
		e[2] = 0
	}
	e[3] = 0
	o := binary.LittleEndian
	planes, bits := o.Uint16(e[4:]), o.Uint16(e[6:])
	if cursor && planes >= most || !cursor && planes > 1 {
		clear(e[4:6])
	}
	if cursor && bits >= most || !cursor && !bmpDepth(int64(bits)) {
		clear(e[6:8])
	}
}

// redactIcon redacts the n bytes of a picture of an icon.
func redactIcon(s *stream, n int64) bool {
	b, _ := s.peek(int(min(n, maxDIB)))
	switch {
	case bytes.HasPrefix(b, []byte(container.PNGSignature)):
		return redactNested(s, n, true)
	case bytes.HasPrefix(b, []byte("\xFF\xD8")):
		return redactNested(s, n, false)
	}
	d, ok := parseDIB(b, true)
	if !ok || d.compression != 0 && d.compression != bmpBitfields && d.compression != bmpAlpha {
		return s.zero(n)
	}
	head := slices.Clone(b[:d.size])
	d.clean(head)
	end := s.offset + n
	return s.replace(head) && d.passTable(s, max(min(d.table, end-s.offset), 0)) && d.passRows(s, d.height/2, d.depth, end) &&
		d.passRows(s, d.height/2, 1, end) && s.zero(end-s.offset)
}
