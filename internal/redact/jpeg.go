package redact

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/iptc"
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
// The redacted file keeps what decoders need, by its syntax and not by its marker alone: the tables that the scans use,
// JFIF without its thumbnail, EXIF and XMP rewritten, the ICC profile cleaned, the MPF index, the metadata of gain maps
// (ISO 21496-1) and Adobe's APP14. All other segments become zeros.
// Browsers look for EXIF in the first APP1, and so it must stay the first (exif.Orientations has their rules).

// maxPictures bounds the pictures after the first.
const maxPictures = 1 << 10

// jpegFile is one JPEG file.
type jpegFile struct {
	*stream
	p *Plan

	first  bool    // the picture is the first one
	bare   bool    // its metadata goes, but for JFIF, ICC and Adobe
	insert []byte  // written before other segments
	starts []int64 // offsets of the other pictures, from the MPF index
	iim    bool    // there was IIM
	items  []iptc.Picture
	xmpLen int // of all XMP that was read
	pictureState
}

// pictureState is what was seen of one picture.
type pictureState struct {
	frameHeader
	scans    int   // started
	complete bool  // a scan has all of it
	ahead    ahead // the header up to the next scan

	jfif, app1, exif, icc, mpf, gainMap, extended bool // was there
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
		if i > 0 && item.JPEG {
			starts = append(starts, at)
		}
		at += item.Length*int64(min(i, 1)) + item.Padding
	}
	return starts
}

// picture redacts a picture from SOI to EOI.
func (j *jpegFile) picture() error {
	j.pictureState = pictureState{}
	j.pass(2)
	j.insertEXIF()
	if b, ok := j.peek(2); ok && b[0] == 0xFF && b[1] == 0 {
		j.pass(1) // browsers know a JPEG by its first three bytes, even if junk follows SOI
	}
	for {
		b, ok := j.peek(2)
		if !ok {
			return errBroken
		}
		switch marker := b[1]; {
		case b[0] != 0xFF || marker == 0:
			j.junk()
		case marker == 0xFF:
			b = j.peekAny()
			fill := slices.IndexFunc(b, func(c byte) bool { return c != 0xFF })
			if fill < 0 {
				fill = len(b)
			}
			j.pass(int64(max(1, fill-1)))
		case marker == container.MarkerEOI:
			j.pass(2)
			return nil
		case container.StandsAlone(marker):
			j.pass(2)
		default:
			n, ok := j.peekLength()
			switch {
			case !ok || n == 0 && isTable(marker) && marker != container.MarkerDAC && marker != container.MarkerDNL: // decoders stop here, too
				return errBroken
			case marker == container.MarkerSOS && j.complete: // no decoder reads another scan
				ok = j.fill(n)
			case n == 0: // decoders take a length of 0 or 1 for 2
				ok = j.pass(4)
			default:
				if ok = j.segment(marker, n); ok && marker == container.MarkerSOS {
					j.scans++
					j.scan()
				}
			}
			if !ok {
				return errBroken
			}
		}
	}
}

// peekLength returns the length of the next segment, 0xFF included, 0 if its field says less than the field takes.
func (j *jpegFile) peekLength() (n int, ok bool) {
	h, ok := j.peek(4)
	if !ok {
		return 0, false
	}
	if n = int(binary.BigEndian.Uint16(h[2:])); n < 2 {
		return 0, true
	}
	return n + 2, true
}

// junk overwrites bytes up to the next marker, as far as they are at hand.
func (j *jpegFile) junk() {
	b := j.peekAny()
	n := 0
	for n < len(b) {
		if b[n] != 0xFF {
			i := bytes.IndexByte(b[n:], 0xFF)
			if i < 0 {
				n = len(b)
				break
			}
			n += i
		}
		if n+1 >= len(b) || b[n+1] != 0 {
			break
		}
		n += 2
	}
	j.zero(int64(max(n, 1)))
}

// scan passes coded data up to the next marker.
func (j *jpegFile) scan() {
	for {
		if n := scanLen(j.peekAny()); n > 0 {
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
		case b[1] < container.MarkerSOF0: // decoders look for the next marker
			j.pass(2)
			for b, ok = j.peek(2); ok && (b[0] != 0xFF || b[1] == 0); b, ok = j.peek(2) {
				j.junk()
			}
			if !ok { // a last byte is junk, too
				return
			}
		default:
			return
		}
	}
}

// inScan reports whether 0xFF and then c are part of the coded data.
func inScan(c byte) bool { return c == 0 || c >= container.MarkerRST0 && c <= container.MarkerRST7 }

// isApp reports whether a segment is one of applications.
func isApp(marker byte) bool {
	return marker >= container.MarkerAPP0 && marker <= container.MarkerAPP15
}

// segment redacts a segment of n bytes, 0xFF included. It returns false if the body ends in it.
func (j *jpegFile) segment(marker byte, n int) bool {
	switch {
	case marker == container.MarkerDQT, marker == container.MarkerDHT:
		return j.tables(marker, n)
	case marker == container.MarkerDAC && !isArithmetic(j.frame),
		marker == container.MarkerDNL && (j.scans != 1 || j.height != 0),
		container.IsFrame(marker) && j.frame != 0:
		return j.blank(n)
	case marker == container.MarkerDRI && !j.isLastInterval():
		return j.fill(n)
	case isTable(marker):
		b, ok := j.peek(n)
		if !ok {
			return false
		}
		if container.IsFrame(marker) && n >= 4+6 {
			j.frameHeader = parseFrame(marker, b[4:])
		}
		used := 4 + tableLength(marker, b[4:])
		if !isPossible(marker, b[4:used], j.frame, j.ids) {
			return false
		}
		if marker == container.MarkerSOS && isSequential(j.frame) {
			j.complete = j.complete || b[4] == j.components
			const end = 3 // of the header: numbers that such a scan doesn't use, as they should be
			return j.pass(int64(used-end)) && j.replace([]byte{0, 63, 0}) && j.zero(int64(n-used))
		}
		return j.pass(int64(used)) && j.zero(int64(n-used))
	case j.scans == 0 && isApp(marker):
		ok := j.app(marker, n)
		j.app1 = j.app1 || marker == container.MarkerAPP1
		return ok
	}
	return j.blank(n)
}

// blank overwrites the data of a segment of n bytes. Markers that decoders stop at stay what they are, and so does the
// first APP1, the only one that Firefox reads, before EXIF that stays.
func (j *jpegFile) blank(n int) bool {
	b, ok := j.peek(2)
	if !ok {
		return false
	}
	switch m := b[1]; {
	case m == container.MarkerAPP1 && !j.app1 && j.p.exifAfter(j.offset):
	case m == container.MarkerCOM, isApp(m):
		return j.fill(n)
	}
	return j.pass(4) && j.zero(int64(n-4))
}

// fill makes the next n bytes, at least 4, an empty segment.
func (j *jpegFile) fill(n int) bool {
	head := emptySegment(n)
	return j.replace(head) && j.zero(int64(n-len(head)))
}

// emptySegment returns what a segment of n bytes, at least 4, that readers ignore begins with. Zeros follow: with the name of
// Photoshop's settings, if there is room, none of them. Of other segments that nobody reads, ExifTool warns.
func emptySegment(n int) (head []byte) {
	head = []byte{0xFF, container.MarkerAPP15, byte((n - 2) >> 8), byte(n - 2)} //nolint:gosec // G115: 16 bits
	if n >= len(head)+len(container.DuckyIntro) {
		head[1] = container.MarkerAPP12
		head = append(head, container.DuckyIntro...)
	}
	return head
}

// isSequential reports whether in a frame with this marker each pixel is in one scan.
func isSequential(frame byte) bool {
	return frame == container.MarkerSOF0 || frame == container.MarkerSOF0+1 || frame == container.MarkerSOF0+9
}

// isPossible reports whether decoders accept the numbers in b, the data of a frame header (B.2.2) or of a start of scan
// (B.2.3) in a frame with this marker, whose components have these numbers.
func isPossible(marker byte, b []byte, frame byte, components []byte) bool {
	const most, head = 4, 6 // the largest sampling factor, and number of components in a scan
	switch {
	case marker == container.MarkerSOS:
		if len(b) == 0 || b[0] < 1 || b[0] > most || len(b) != 1+2*int(b[0])+3 {
			return false
		}
		tables := byte(most)
		if isArithmetic(frame) {
			tables *= most
		}
		for c := b[1:]; len(c) > 3; c = c[2:] {
			if !slices.Contains(components, c[0]) || c[1]>>4 >= tables || c[1]&15 >= tables {
				return false
			}
		}
		return isSequential(frame) || b[len(b)-3] < 64 && b[len(b)-2] < 64 && b[len(b)-1]>>4 < 14 && b[len(b)-1]&15 < 14
	case !container.IsFrame(marker):
		return true
	case len(b) < head || len(b) != head+3*int(b[5]) || b[5] > maxComponentsJPEG:
		return false
	}
	for c := b[head:]; len(c) > 0; c = c[3:] {
		if h, v := c[1]>>4, c[1]&15; h < 1 || h > most || v < 1 || v > most || c[2] >= most {
			return false
		}
	}
	return true
}

// maxComponentsJPEG bounds the components of a picture, as libjpeg does.
const maxComponentsJPEG = 10

// isArithmetic reports whether a frame with this marker uses arithmetic coding.
func isArithmetic(frame byte) bool { return container.IsFrame(frame) && frame > container.MarkerJPG }

// isTable reports whether decoders need segments with this marker.
func isTable(marker byte) bool {
	switch marker {
	case container.MarkerDQT, container.MarkerDHT, container.MarkerDAC, container.MarkerDNL, container.MarkerDRI, container.MarkerSOS:
		return true
	}
	return container.IsFrame(marker)
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
	case container.MarkerDQT, container.MarkerDHT:
		for at, table := range tablesIn(marker, b) {
			n = at + len(table)
		}
	case container.MarkerDAC:
		var seen [2 << 4]bool
		for n+2 <= len(b) && isConditioning(b[n], b[n+1]) && !seen[b[n]] {
			seen[b[n]] = true
			n += 2
		}
	case container.MarkerDRI, container.MarkerDNL:
		n = 2
	case container.MarkerSOS:
		n = 1 + 2*at(0) + 3
	default: // SOFn
		n = 6 + 3*at(5)
	}
	return min(n, len(b))
}

// isConditioning reports whether v can be the conditioning of arithmetic coding in a table: two bounds, or a number up to 63 (B.2.4.3).
func isConditioning(table, v byte) bool {
	return table == table&0x13 && (table>>4 == 0 && v&15 <= v>>4 || table>>4 == 1 && v > 0 && v < 64)
}

// oneTable returns the length of the table that b, the data of DQT or DHT, begins with; 0 if there is none.
func oneTable(marker byte, b []byte) int {
	n := 0
	switch {
	case marker == container.MarkerDQT && b[0]>>4 <= 1 && b[0]&15 <= 3: // precision, number
		n = 1 + 64 + 64*int(b[0]>>4)
	case marker == container.MarkerDHT && len(b) >= 17 && b[0]>>4 <= 1 && b[0]&15 <= 3: // class, number
		codes := 0
		for _, c := range b[1:17] {
			codes += int(c)
		}
		if codes > 256 {
			return 0
		}
		n = 17 + codes
	}
	if n > len(b) {
		return 0
	}
	return n
}

// tablesIn yields the tables in b, the data of DQT or DHT, and where each begins.
func tablesIn(marker byte, b []byte) iter.Seq2[int, []byte] {
	return func(yield func(at int, table []byte) bool) {
		for at := 0; at < len(b); {
			n := oneTable(marker, b[at:])
			if n == 0 || !yield(at, b[at:at+n]) {
				return
			}
			at += n
		}
	}
}

// tableKey returns what a later table must share to replace this one: its kind, and its class and number without the precision.
func tableKey(marker byte, table []byte) [2]byte {
	id := table[0]
	if marker == container.MarkerDQT {
		id &= 15
	}
	return [2]byte{marker, id}
}

// tables redacts a segment of n bytes with tables: those that no scan uses go.
func (j *jpegFile) tables(marker byte, n int) bool {
	j.lookAhead()
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	kept, used, all := slices.Clone(b[:4]), 4, true
	for at, table := range tablesIn(marker, b[4:]) {
		if j.ahead.uses(marker, table, j.offset+int64(4+at)) {
			kept = append(kept, table...)
		} else {
			all = false
		}
		used = 4 + at + len(table)
	}
	switch {
	case all:
		return j.pass(int64(used)) && j.zero(int64(n-used))
	case len(kept) == 4:
		return j.fill(n)
	}
	binary.BigEndian.PutUint16(kept[2:], uint16(len(kept)-2)) //nolint:gosec // G115: no longer than the segment
	return j.replace(kept) && j.fill(n-len(kept))
}

// isLastInterval reports whether the next segment, a restart interval (DRI), is the last one before a scan: only that one counts.
func (j *jpegFile) isLastInterval() bool {
	j.lookAhead()
	return (j.ahead.known || j.ahead.far) && j.ahead.tables[[2]byte{container.MarkerDRI}] == j.offset+4
}

// frameHeader is what a frame header says (B.2.2). A height of 0 is left to DNL.
type frameHeader struct {
	frame         byte // the marker, 0 before the header
	width, height int64
	components    byte
	quant         map[byte]bool // numbers of the quantization tables that it uses
	ids           []byte        // the numbers of its components
}

// parseFrame reads the data of a frame header, at least 6 bytes.
func parseFrame(marker byte, b []byte) frameHeader {
	f := frameHeader{frame: marker, components: b[5], quant: map[byte]bool{}}
	f.height, f.width = int64(binary.BigEndian.Uint16(b[1:])), int64(binary.BigEndian.Uint16(b[3:]))
	for c := b[6:]; len(c) >= 3; c = c[3:] {
		f.quant[c[2]] = true
		f.ids = append(f.ids, c[0])
	}
	return f
}

// ahead is what the header up to a scan says of the tables.
type ahead struct {
	end    int64             // offset of the start of scan, or as far as lookAhead looked
	known  bool              // it found the start of scan
	far    bool              // it found the frame, and the start of scan is too far away
	tables map[[2]byte]int64 // the offset of the last table with a tableKey, and of the last restart interval
	frameHeader
	// huffman has class and number of the tables that the scan uses, nil if later scans can use others.
	huffman map[byte]bool
}

// uses reports whether the scans use the table b of the segment at the offset off: no later one replaces it, and
// the frame or the scan names it. Where other scans follow, or the first is far away, they can use any table; their codes
// must differ.
func (a *ahead) uses(marker byte, b []byte, off int64) bool {
	key := tableKey(marker, b)
	switch {
	case !a.known && !a.far, a.tables[key] != off:
		return false
	case marker == container.MarkerDQT:
		return a.quant[key[1]]
	case a.huffman != nil:
		return a.huffman[key[1]]
	}
	var seen [256]bool
	for _, symbol := range b[17:] {
		if seen[symbol] || b[0]>>4 == 0 && symbol > 16 { // that many bits a difference can have
			return false
		}
		seen[symbol] = true
	}
	return true
}

// lookAhead reads the segments up to the next start of scan, if they fit into the buffer.
func (j *jpegFile) lookAhead() {
	if j.offset < j.ahead.end {
		return
	}
	a := ahead{tables: map[[2]byte]int64{}, frameHeader: j.frameHeader}
	at := 0
	for at < maxHold && !a.known {
		b, ok := j.peek(at + 4)
		if !ok {
			break
		}
		marker := b[at+1]
		if b[at] != 0xFF || marker == 0xFF {
			at++
			continue
		}
		if marker == container.MarkerEOI || marker == container.MarkerSOI { // no scan uses a table before it
			break
		}
		if marker == 0 || container.StandsAlone(marker) {
			at += 2
			continue
		}
		n := max(2, int(binary.BigEndian.Uint16(b[at+2:])))
		if at+2+n > maxHold {
			a.far = a.frame != 0 // thermal cameras have 600 KiB of temperatures between both
			break
		}
		if isTable(marker) {
			if b, ok = j.peek(at + 2 + n); !ok {
				break
			}
			if isScan := a.add(marker, b[at+4:], j.offset+int64(at+4)); isScan && !a.known {
				at = maxHold
			}
		}
		at += 2 + n
	}
	a.end = j.offset + int64(max(1, at))
	j.ahead = a
}

// add adds what a segment says, whose data is at off. isScan is true for a start of scan.
func (a *ahead) add(marker byte, data []byte, off int64) (isScan bool) {
	switch {
	case marker == container.MarkerDQT, marker == container.MarkerDHT:
		for at, table := range tablesIn(marker, data) {
			a.tables[tableKey(marker, table)] = off + int64(at)
		}
	case marker == container.MarkerDRI:
		a.tables[[2]byte{marker}] = off
	case container.IsFrame(marker) && a.frame == 0 && len(data) >= 6:
		a.frameHeader = parseFrame(marker, data)
	case marker == container.MarkerSOS && len(data) > 0:
		a.known = a.frame != 0 && isPossible(marker, data[:tableLength(marker, data)], a.frame, a.ids)
		baseline := isSequential(a.frame) && !isArithmetic(a.frame)
		if isArithmetic(a.frame) || baseline && data[0] == a.components {
			a.huffman = map[byte]bool{}
		}
		for c := data[1:]; a.huffman != nil && baseline && len(c) >= 2+3; c = c[2:] {
			a.huffman[c[1]>>4], a.huffman[1<<4|c[1]&15] = true, true
		}
		return true
	}
	return false
}

// app redacts an APPn segment of n bytes.
func (j *jpegFile) app(marker byte, n int) bool {
	head, ok := j.peek(min(n, 4+len(container.XMPIntro)))
	if !ok {
		return false
	}
	data := head[4:]
	is := func(m byte, intro string) bool { return marker == m && bytes.HasPrefix(data, []byte(intro)) }
	var h container.SegmentHead
	at, _ := h.EXIF(copy(h[:], head))
	switch {
	case is(container.MarkerAPP0, container.JFIFIntro) && n >= 4+14 && !j.jfif:
		j.jfif = true
		return j.numbers(mendJFIF) && j.zero(int64(n-4-12)) // the thumbnail becomes 0 by 0 pixels
	case is(container.MarkerAPP2, container.ICCIntro):
		return j.profile(n)
	case is(container.MarkerAPP14, container.AdobeIntro) && n >= 4+12:
		return j.numbers(mendAdobe) && j.zero(int64(n-4-12))
	case j.bare:
	case at > 0:
		return j.exifSegments(n, int(at))
	case is(container.MarkerAPP1, container.XMPIntro), is(container.MarkerAPP1, container.GettyXMPIntro):
		return j.xmp(n)
	case is(container.MarkerAPP2, container.GainMapIntro):
		return j.gainMapMetadata(n)
	case is(container.MarkerAPP2, container.MPFIntro):
		return j.mpfIndex(n)
	case is(container.MarkerAPP13, container.PhotoshopIntro) && j.first:
		return j.resources(n)
	}
	return j.blank(n)
}

// iccHead is the length of a segment's head before its part of an ICC profile: the intro, the number of the part
// and how many there are (ICC.1, B.4).
const iccHead = 4 + len(container.ICCIntro) + 2

// maxICC bounds an ICC profile in a JPEG. Those of printing presses, which pictures in CMYK have, are longer than maxHold:
// up to 640 KiB.
const maxICC = 704 << 10

// iccPart is where in what segments have of an ICC profile a part of it is.
type iccPart struct{ number, from, to int }

// profile cleans the ICC profile that begins in a segment of n bytes and goes on in those that follow, in any order. One that
// isn't whole, or is too long, goes.
func (j *jpegFile) profile(n int) bool {
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	if j.icc || n < iccHead || b[iccHead-2] == 0 || b[iccHead-2] > b[iccHead-1] {
		return j.blank(n)
	}
	count := int(b[iccHead-1])
	profile := make([]byte, 0, min(maxICC, count*(n-iccHead)))
	var parts []iccPart
	for n > 0 {
		from := len(profile)
		profile = append(profile, b[iccHead:n]...)
		parts = append(parts, iccPart{int(b[iccHead-2]), from, len(profile)})
		j.consume(int64(n), func([]byte) {})
		b, n = j.nextICC(parts, count, maxICC-len(profile))
	}
	zeros := bytes.Count(profile, zeroBytes[:1])
	j.icc = len(parts) == count && cleanParts(profile, parts)
	j.overwritten += int64(bytes.Count(profile, zeroBytes[:1]) - zeros)
	for _, p := range parts {
		n := p.to - p.from + iccHead
		if !j.icc {
			head := emptySegment(n)
			j.write(head)
			j.writeZeros(n - len(head))
			j.overwritten += int64(n)
			continue
		}
		j.write(binary.BigEndian.AppendUint16([]byte{0xFF, container.MarkerAPP2}, uint16(n-2))) //nolint:gosec // G115: a segment's length
		j.write(append([]byte(container.ICCIntro), byte(p.number), byte(count)))                //nolint:gosec // G115: up to 255
		j.write(profile[p.from:p.to])
	}
	return true
}

// cleanParts redacts an ICC profile whose parts aren't in order, or are. ok is false if it isn't one, or if there would be two
// long ones in memory.
func cleanParts(profile []byte, parts []iccPart) (ok bool) {
	byNumber := func(a, b iccPart) int { return a.number - b.number }
	if slices.IsSortedFunc(parts, byNumber) {
		return cleanICC(profile)
	}
	if len(profile) > maxHold {
		return false
	}
	whole := make([]byte, 0, len(profile))
	parts = slices.SortedFunc(slices.Values(parts), byNumber)
	for _, p := range parts {
		whole = append(whole, profile[p.from:p.to]...)
	}
	ok = cleanICC(whole)
	for _, p := range parts {
		whole = whole[copy(profile[p.from:p.to], whole):]
	}
	return ok
}

// nextICC returns the next segment, which is n bytes long, if it has one of the parts of an ICC profile that are still to come, in
// at most so many bytes.
func (j *jpegFile) nextICC(parts []iccPart, count, most int) (b []byte, n int) {
	b, ok := j.peek(iccHead)
	if !ok || string(b[:2]) != "\xFF\xE2" || string(b[4:iccHead-2]) != container.ICCIntro || int(b[iccHead-1]) != count {
		return nil, 0
	}
	number := int(b[iccHead-2])
	if number == 0 || number > count || slices.ContainsFunc(parts, func(p iccPart) bool { return p.number == number }) {
		return nil, 0
	}
	n = 2 + int(binary.BigEndian.Uint16(b[2:]))
	if b, ok = j.peek(n); !ok || n < iccHead || n-iccHead > most {
		return nil, 0
	}
	return b, n
}

// part is where in the next bytes a segment has its part of what several segments share. It reaches to the segment's end.
type part struct{ from, to int }

// replaceParts replaces what consecutive segments share, from the next byte on.
func (j *jpegFile) replaceParts(parts []part, b []byte) bool {
	at := 0
	for _, p := range parts {
		n := p.to - p.from
		if !j.pass(int64(p.from-at)) || !j.replace(b[:n]) {
			return false
		}
		b, at = b[n:], p.to
	}
	return true
}

// blankParts overwrites the data of those segments. The first begins at at.
func (j *jpegFile) blankParts(parts []part, at int) bool {
	for _, p := range parts {
		if !j.blank(p.to - at) {
			return false
		}
		at = p.to
	}
	return true
}

// gainMapMetadata redacts a segment of n bytes with the metadata of a gain map (ISO 21496-1, annex C). In the first
// picture, these are two versions; in the gain map, the parameters follow.
func (j *jpegFile) gainMapMetadata(n int) bool {
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	intro := 4 + len(container.GainMapIntro)
	used := gainMapLength(b[intro:], j.first)
	if used == 0 || j.gainMap {
		return j.blank(n)
	}
	j.gainMap = true
	b = slices.Clone(b[:intro+used])
	mendGainMap(b[intro:])
	return j.replace(b) && j.zero(int64(n-len(b)))
}

// exifParts returns where a segment of n bytes, whose EXIF begins at at, and the segments that continue it have it.
func (j *jpegFile) exifParts(n, at int) []part {
	parts := []part{{at, n}}
	for n <= maxHold {
		b, ok := j.peek(n + len(container.SegmentHead{}))
		if !ok && len(b) < n+4 {
			break
		}
		var h container.SegmentHead
		from, begins := h.EXIF(copy(h[:], b[n:]))
		length := 2 + int(binary.BigEndian.Uint16(h[2:]))
		if from == 0 || begins || length < int(from) || n+length > maxHold {
			break
		}
		parts = append(parts, part{n + int(from), n + length})
		n += length
	}
	return parts
}

// exifSegments redacts a segment of n bytes whose EXIF begins at at, and the segments that continue it.
func (j *jpegFile) exifSegments(n, at int) bool {
	parts, length := j.exifParts(n, at), 0
	for _, p := range parts {
		length += p.to - p.from
	}
	b, ok := j.peek(parts[len(parts)-1].to)
	if !ok {
		return false
	}
	var h container.SegmentHead
	_, shown := h.ShownEXIF(copy(h[:], b), j.offset)
	shown = shown && j.first && !j.exif // browsers take the first
	j.exif = j.exif || shown
	off := j.offset + int64(at)
	var block []byte
	if kept := j.p.exifAt(off); shown {
		was := slices.Clone(b[container.EXIFHead:n])
		j.lookAhead()
		block = kept.EncodeAsShown(was, at-container.EXIFHead, length, j.ahead.width, j.ahead.height)
	} else if j.first && kept != nil {
		block = kept.Encode(length)
	}
	if block != nil {
		return j.replaceParts(parts, append(block, make([]byte, length-len(block))...))
	}
	if shown && j.p.exifAfter(off) { // stays EXIF that can't be read, or browsers would take another instead
		return j.pass(int64(at)) && j.zero(int64(n-at)) && j.blankParts(parts[1:], n)
	}
	return j.blankParts(parts, 0)
}

// xmp rewrites an XMP segment of n bytes, unless the file had more than maxXMP, where a small one counts for more since it costs more.
// Extended XMP is removed.
func (j *jpegFile) xmp(n int) bool {
	const least = 1 << 10
	if j.xmpLen += max(n, least); j.xmpLen > maxXMP {
		return j.blank(n)
	}
	extended := j.extendedXMP(n)
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	head := 4 + len(container.XMPIntro)
	policy := j.p.policy.IPTC
	if !j.first {
		policy.Keep = nil // no answer tells what further pictures have
	}
	packet, items := policy.RewriteXMP(j.told(), b[head:], extended...)
	if packet == nil {
		return j.blank(n)
	}
	if j.first && len(items) > 0 {
		j.items = items
	}
	return j.pass(int64(head)) && j.replace(packet)
}

// maxGUIDs bounds how many parts of other packets are compared with a packet until one of its own is found.
const maxGUIDs = 16

// extendedXMP returns the XMP that extends the packet of the next n bytes, nil if it isn't whole. Its parts are in
// segments that follow, in any order and between others (XMP, part 3, 1.1.3.1), as far as they fit into the buffer.
func (j *jpegFile) extendedXMP(n int) [][]byte {
	b, ok := j.peek(n)
	if !ok || j.extended || j.p.policy.IPTC.Keep == nil || !bytes.Contains(b, []byte("HasExtendedXMP")) {
		return nil
	}
	j.extended = true // one search costs enough
	const (
		head = 4 + container.ExtendedXMPHead
		guid = 4 + len(container.ExtendedXMPIntro)
	)
	var own []byte // the GUID of the parts that the packet names
	others := 0
	main := n
	var whole []byte
	left := 0
	for n+head <= maxHold {
		if b, ok = j.peek(n + head); !ok || b[n] != 0xFF || !isApp(b[n+1]) {
			break
		}
		length := 2 + int(binary.BigEndian.Uint16(b[n+2:]))
		if length < 4 || n+length > maxHold {
			break
		}
		if b, ok = j.peek(n + max(length, head)); !ok {
			break
		}
		part := b[n : n+length]
		n += length
		if part[1] != container.MarkerAPP1 || length < head || !bytes.HasPrefix(part[4:], []byte(container.ExtendedXMPIntro)) {
			continue
		}
		if id := part[guid : guid+32]; own == nil && others < maxGUIDs && bytes.Contains(b[:main], id) {
			own = slices.Clone(id)
		} else if !bytes.Equal(id, own) {
			others++
			continue
		}
		total, at := container.TwoUint32(part[head-8:])
		if whole == nil && total <= maxHold {
			whole, left = make([]byte, total), int(total)
		}
		if at+int64(length-head) > int64(len(whole)) {
			return nil
		}
		left -= copy(whole[at:], part[head:])
		if left <= 0 {
			return [][]byte{whole}
		}
	}
	return nil
}

// resources rewrites a segment of n bytes with Photoshop's image resources, which may have IIM.
func (j *jpegFile) resources(n int) bool {
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	head := 4 + len(container.PhotoshopIntro)
	if j.iim {
		return j.blank(n)
	}
	records := j.p.resources(b[head:])
	if records == nil {
		return j.blank(n)
	}
	j.iim = true
	return j.pass(int64(head)) && j.replace(records)
}

// numbers mends the 12 bytes at the start of a segment's data.
func (j *jpegFile) numbers(mend func(b []byte)) bool {
	b, ok := j.peek(4 + 12)
	if !ok {
		return false
	}
	b = slices.Clone(b)
	mend(b[4:])
	return j.replace(b)
}

// mendJFIF mends the version, the unit and the density of pixels (T.871, 10.1), which are square if theirs can't be.
func mendJFIF(b []byte) {
	version, unit, density := b[5:7], b[7:8], b[8:12]
	if version[0] != 1 || version[1] > 2 {
		copy(version, "\x01\x01")
	}
	if unit[0] > 2 || density[0] >= ascii || density[2] >= ascii {
		clear(unit)
		copy(density, "\x00\x01\x00\x01")
	}
}

// mendAdobe mends the version and the flags (T.872, 6.5.3); readers use only the transformation of colors, which follows them. They
// treat all that aren't defined alike.
func mendAdobe(b []byte) {
	const unknown = 3
	version, flags := b[5:7], b[7:11]
	if version[0] != 0 || version[1] != 101 {
		copy(version, "\x00\x64")
	}
	b[11] = min(b[11], unknown)
	const blend = 0xC0 // how Photoshop made the picture smaller
	flags[0] &= blend
	clear(flags[1:])
}
