package redact

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// A JPEG (ITU-T T.81, annex B) consists of segments between start of image (SOI) and end of image (EOI): 0xFF,
// a marker and, except after standalone markers, a big-endian length that includes its own two bytes. Coded
// data follows each start of scan (SOS); in it, zero or a restart marker follows each 0xFF. Any number of
// 0xFF may precede a marker, and decoders skip other bytes between segments.
//
// More pictures can follow EOI: those of the Multi-Picture Format (CIPA DC-007), which has an index in APP2,
// and those in Google's container directory in XMP, such as gain maps. A picture that neither lists is
// overwritten, like all other bytes there.
//
// The redacted file keeps the segments that decoders need, cut to the length that they should have, JFIF
// without its thumbnail, EXIF and XMP rewritten, ICC profiles, the MPF index, gain map metadata
// (ISO 21496-1) and Adobe's APP14. All others become an APP15 of zeros, which readers ignore.

// maxPictures bounds the pictures after the first.
const maxPictures = 1 << 10

// jpegFile is one JPEG file.
type jpegFile struct {
	*stream
	p *Plan

	first  bool    // the picture is the first one
	starts []int64 // offsets of the other pictures, from the MPF index
	items  []xmpItem
}

func redactJPEG(s *stream, p *Plan) error {
	j := &jpegFile{stream: s, p: p, first: true}
	if err := j.picture(); err != nil {
		return err
	}
	j.first = false
	j.starts = append(j.starts, j.itemStarts(s.offset)...)
	slices.Sort(j.starts)
	for _, at := range j.starts {
		if at < s.offset || !s.zero(at-s.offset) {
			continue
		}
		if b, ok := s.peek(3); ok && string(b) == "\xFF\xD8\xFF" {
			if err := j.picture(); err != nil {
				return err
			}
		}
	}
	return nil
}

// itemStarts returns the offsets of the JPEGs in Google's container directory. Its items follow the first
// picture one after the other, from the offset at on.
func (j *jpegFile) itemStarts(at int64) (starts []int64) {
	for i, item := range j.items {
		if i > 0 && item.jpeg {
			starts = append(starts, at)
		}
		at += item.length*int64(min(i, 1)) + item.padding
	}
	return starts
}

// picture redacts a picture from SOI to EOI.
func (j *jpegFile) picture() error {
	j.pass(2)
	for {
		b, ok := j.peek(2)
		if !ok {
			return errBroken
		}
		switch marker := b[1]; {
		case b[0] != 0xFF:
			b = j.peekAny()
			n := bytes.IndexByte(b, 0xFF)
			if n < 0 {
				n = len(b)
			}
			j.zero(int64(n))
		case marker == 0xFF:
			j.pass(1)
		case marker == 0:
			j.zero(2)
		case marker == container.MarkerEOI:
			j.pass(2)
			return nil
		case marker == container.MarkerTEM || marker >= container.MarkerRST0 && marker <= container.MarkerSOI:
			j.pass(2)
		default:
			h, ok := j.peek(4)
			length := 0
			if ok {
				length = int(binary.BigEndian.Uint16(h[2:]))
			}
			if length < 2 {
				return errBroken
			}
			if !j.segment(marker, length+2) {
				return errBroken
			}
			if marker == container.MarkerSOS {
				j.scan()
			}
		}
	}
}

// scan passes coded data up to the next marker.
func (j *jpegFile) scan() {
	for {
		b := j.peekAny()
		n := 0
		for {
			i := bytes.IndexByte(b[n:], 0xFF)
			if i < 0 {
				n = len(b)
				break
			}
			n += i
			if n+1 == len(b) || !inScan(b[n+1]) {
				break
			}
			n += 2
		}
		if n > 0 {
			j.pass(int64(n))
			continue
		}
		b, ok := j.peek(2)
		switch {
		case !ok:
			return
		case b[1] == 0xFF:
			j.pass(1)
		case inScan(b[1]):
			j.pass(2)
		default:
			return
		}
	}
}

// inScan reports whether 0xFF and then c are part of the coded data.
func inScan(c byte) bool { return c == 0 || c >= container.MarkerRST0 && c <= container.MarkerRST7 }

// segment redacts a segment of n bytes, 0xFF included. It returns false if the body ends in it.
func (j *jpegFile) segment(marker byte, n int) bool {
	switch marker {
	case container.MarkerAPP0, container.MarkerAPP1, container.MarkerAPP2, container.MarkerAPP14:
		return j.app(marker, n)
	}
	if !isTable(marker) {
		return j.blankSegment(n)
	}
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	used := 4 + tableLength(marker, b[4:])
	return j.pass(int64(used)) && j.zero(int64(n-used))
}

// blankSegment replaces a segment of n bytes by an APP15 of zeros.
func (j *jpegFile) blankSegment(n int) bool {
	return j.replace([]byte{0xFF, container.MarkerAPP15}) && j.pass(2) && j.zero(int64(n-4))
}

// isTable reports whether decoders need segments with this marker.
func isTable(marker byte) bool {
	switch marker {
	case container.MarkerDQT, container.MarkerDNL, container.MarkerDRI, container.MarkerSOS:
		return true
	}
	return marker >= container.MarkerSOF0 && marker <= 0xCF && marker != container.MarkerJPG
}

// tableLength returns how many bytes of b, a segment's data, the marker's syntax uses (B.2.2 to B.2.5).
func tableLength(marker byte, b []byte) (n int) {
	at := func(i int) int {
		if i < len(b) {
			return int(b[i])
		}
		return 0
	}
	switch marker {
	case container.MarkerDQT:
		for n < len(b) && b[n]>>4 <= 1 && b[n]&15 <= 3 { // precision, number
			table := 1 + 64 + 64*int(b[n]>>4)
			if n+table > len(b) {
				break
			}
			n += table
		}
	case container.MarkerDHT:
		for n+17 <= len(b) {
			codes := 0
			for _, c := range b[n+1 : n+17] {
				codes += int(c)
			}
			if codes > 256 {
				break
			}
			n += 17 + codes
		}
	case container.MarkerDAC:
		n = len(b) &^ 1
	case container.MarkerDRI, container.MarkerDNL:
		n = 2
	case container.MarkerSOS:
		n = 1 + 2*at(0) + 3
	default: // SOFn
		n = 6 + 3*at(5)
	}
	return min(n, len(b))
}

// app redacts an APPn segment of n bytes.
func (j *jpegFile) app(marker byte, n int) bool {
	head, ok := j.peek(min(n, 4+len(container.XMPIntro)))
	if !ok {
		return false
	}
	data := head[4:]
	is := func(m byte, intro string) bool { return marker == m && bytes.HasPrefix(data, []byte(intro)) }
	switch {
	case is(container.MarkerAPP0, container.JFIFIntro) && n >= 4+14:
		return j.pass(4+12) && j.zero(int64(n-4-12)) // the thumbnail's size becomes 0 by 0
	case is(container.MarkerAPP1, "Exif\x00"):
		return j.exifSegments(n)
	case is(container.MarkerAPP1, container.XMPIntro):
		return j.xmp(n)
	case is(container.MarkerAPP2, container.ICCIntro), is(container.MarkerAPP2, container.GainMapIntro):
		return j.pass(int64(n))
	case is(container.MarkerAPP2, container.MPFIntro):
		return j.mpf(n)
	case is(container.MarkerAPP14, container.AdobeIntro) && n >= 4+12:
		return j.pass(4+12) && j.zero(int64(n-4-12))
	}
	return j.blankSegment(n)
}

// exifSegments redacts an EXIF segment of n bytes and the segments that continue it.
func (j *jpegFile) exifSegments(n int) bool {
	ends := []int{n} // the end of each segment
	begins := func(b []byte) bool { return len(b) >= 12 && (string(b[10:12]) == "II" || string(b[10:12]) == "MM") }
	for n <= maxHold {
		b, ok := j.peek(n + 12)
		if !ok {
			break
		}
		next := b[n:]
		if string(next[:2]) != "\xFF\xE1" || string(next[4:9]) != "Exif\x00" || begins(next) {
			break
		}
		length := int(binary.BigEndian.Uint16(next[2:]))
		if length < container.EXIFHead-2 || n+2+length > maxHold {
			break
		}
		n += 2 + length
		ends = append(ends, n)
	}
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	var block []byte
	if start := 0; n >= container.EXIFHead && begins(b) {
		for _, end := range ends {
			block = append(block, b[start+container.EXIFHead:end]...)
			start = end
		}
	}
	length := len(block)
	if kept := j.p.exifAt(j.offset + container.EXIFHead); kept != nil && j.first {
		block = kept.Encode(length)
	} else {
		block = nil
	}
	if block == nil { // nothing is left
		start := 0
		for _, end := range ends {
			if !j.blankSegment(end - start) {
				return false
			}
			start = end
		}
		return true
	}
	block = append(block, make([]byte, length-len(block))...)
	start := 0
	for _, end := range ends {
		n := end - start - container.EXIFHead
		if !j.pass(container.EXIFHead) || !j.replace(block[:n]) {
			return false
		}
		block, start = block[n:], end
	}
	return true
}

// xmp rewrites an XMP segment of n bytes. Extended XMP is removed.
func (j *jpegFile) xmp(n int) bool {
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	head := 4 + len(container.XMPIntro)
	packet, items := rewriteXMP(b[head:])
	if packet == nil {
		return j.blankSegment(n)
	}
	if j.first && len(items) > 0 {
		j.items = items
	}
	return j.pass(int64(head)) && j.replace(packet)
}

// The tags of an MPF index (CIPA DC-007, 5.2.3).
const (
	mpfVersion = 0xB000
	mpfCount   = 0xB001
	mpfEntries = 0xB002
)

// mpf rewrites a segment of n bytes with an MPF index: it keeps the version, the number of pictures and
// their entries, and removes the unique IDs and all other tags.
func (j *jpegFile) mpf(n int) bool {
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	head := 4 + len(container.MPFIntro)
	base := j.offset + int64(head)
	index, starts := rewriteMPF(b[head:])
	if index == nil {
		return j.blankSegment(n)
	}
	if j.first && len(j.starts) < maxPictures {
		for _, off := range starts {
			j.starts = append(j.starts, base+off)
		}
	}
	return j.pass(int64(head)) && j.replace(index)
}

// rewriteMPF returns a block as long as b with only its MPF index, and the offsets of the pictures relative to
// the block. Without an index it returns nil.
func rewriteMPF(b []byte) (index []byte, starts []int64) {
	const size = 12
	var order binary.ByteOrder = binary.LittleEndian
	if len(b) < 8+2 {
		return nil, nil
	}
	switch string(b[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return nil, nil
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return nil, nil
	}
	count := int(order.Uint16(b[at:]))
	index = append(index, b[:4]...)
	index = append(index, make([]byte, len(b)-4)...)
	order.PutUint32(index[4:], 8)
	kept, end := 0, 8+2
	var pictures []byte
	for e := b[at+2:]; count > 0 && len(e) >= size; e, count = e[size:], count-1 {
		id, typ, n, off := order.Uint16(e), order.Uint16(e[2:]), int64(order.Uint32(e[4:])), int64(order.Uint32(e[8:]))
		switch {
		case id == mpfVersion && typ == 7 && n == 4, id == mpfCount && typ == 4 && n == 1:
		case id == mpfEntries && typ == 7 && n > 4 && n%16 == 0 && off+n <= int64(len(b)) && pictures == nil:
			pictures = b[off : off+n]
		default:
			continue
		}
		if kept++; kept > 3 || end+size > len(index) {
			return nil, nil
		}
		end += copy(index[end:], e[:size])
		if id == mpfEntries {
			order.PutUint32(index[end-4:], uint32(8+2+3*size+4)) // after a directory of three entries
		}
	}
	order.PutUint16(index[8:], uint16(kept))
	const values = 8 + 2 + 3*size + 4
	if pictures == nil || values+len(pictures) > len(index) {
		return nil, nil
	}
	copy(index[values:], pictures)
	for ; len(pictures) > 0 && len(starts) < maxPictures; pictures = pictures[16:] {
		if off := int64(order.Uint32(pictures[8:])); off > 0 {
			starts = append(starts, off)
		}
	}
	return index, starts
}
