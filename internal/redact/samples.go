package redact

import (
	"encoding/binary"
	"math/bits"
)

// The boxes in stbl tell where the samples of a track are (14496-12, 8.6 and 8.7): chunks of consecutive samples, whose
// offsets stco or co64 has, whose numbers of samples stsc has in runs, and whose sizes stsz or stz2 has. Each entry is
// read once, so the cost is bounded by the box, whatever the numbers say.

// sampleRuns are runs of bytes of a file that samples are in, in the order of the index.
type sampleRuns struct {
	spans []span
	rows  []int // where each row of runs in order ends
}

// add adds a run. ok is false if there are too many.
func (r *sampleRuns) add(from, to int64) (ok bool) {
	if to <= from {
		return true
	}
	if n := len(r.spans); n > 0 {
		last := &r.spans[n-1]
		if from == last.to {
			last.to = to
			return true
		}
		if from < last.from {
			r.rows = append(r.rows, n)
		}
	}
	r.spans = append(r.spans, span{from, to})
	return len(r.spans) <= maxRuns && (len(r.rows) < maxRows || len(r.spans) <= maxUnsorted)
}

// merged returns the runs sorted and joined. It merges the rows two at a time, so few rows cost little.
func (r *sampleRuns) merged() []span {
	from, to := r.spans, []span(nil)
	rows := append(r.rows, len(from))
	if len(rows) > 1 {
		to = make([]span, 0, len(from))
	}
	for len(rows) > 1 {
		to = to[:0]
		next, at := rows[:0], 0
		for i := 0; i < len(rows); i += 2 {
			mid, end := rows[i], rows[min(i+1, len(rows)-1)]
			to = mergeRows(to, from[at:mid], from[mid:end])
			next, at = append(next, len(to)), end
		}
		from, to, rows = to, from, next
	}
	return joined(from)
}

// mergeRows appends two rows in order.
func mergeRows(to, a, b []span) []span {
	for len(a) > 0 && len(b) > 0 {
		if a[0].from <= b[0].from {
			to, a = append(to, a[0]), a[1:]
		} else {
			to, b = append(to, b[0]), b[1:]
		}
	}
	return append(append(to, a...), b...)
}

// packets say how sound without sizes of its samples is stored (QuickTime, "Sound Sample Description"): a sample is a
// moment then, and a packet has several.
type packets struct{ moments, bytes uint64 }

// sampleTable has the boxes in stbl, nil for those that there aren't.
type sampleTable struct {
	stts, ctts, stss, stps, stsc, stsz, stz2, stco, co64, sdtp *box

	moments bool // each sample lasts one unit of time

	usedSamples, usedChunks, usedRuns uint64 // set by locate
	end                               int64  // where the last sample ends, set by locate
	idle                              bool   // a chunk has no samples, set by locate
}

// take returns a function that keeps a table and remembers it.
func (t *sampleTable) take(at **box, size int) func(*box) bool {
	return func(b *box) bool {
		if *at != nil || !table(size)(b) {
			return false
		}
		*at = b
		return true
	}
}

// places returns the rules for the tables that tell where samples are.
func (t *sampleTable) places() boxRules {
	return boxRules{
		"stsc": t.take(&t.stsc, 12), "stsz": t.takeSizes(&t.stsz), "stz2": t.takeSizes(&t.stz2),
		"stco": t.take(&t.stco, 4), "co64": t.take(&t.co64, 8),
	}
}

// takeSizes is take for stsz and stz2.
func (t *sampleTable) takeSizes(at **box) func(*box) bool {
	return func(b *box) bool {
		if t.stsz != nil || t.stz2 != nil || len(b.body) < 12 {
			return false
		}
		clear(b.body[:4])
		*at = b
		return true
	}
}

// clock sets t.moments.
func (t *sampleTable) clock() {
	t.moments = t.stts != nil && count(t.stts) == 1 && binary.BigEndian.Uint32(t.stts.body[12:]) == 1
}

// count returns the number of entries of a table.
func count(b *box) uint64 {
	if b == nil {
		return 0
	}
	return uint64(binary.BigEndian.Uint32(b.body[4:]))
}

// chunks returns the number of chunks.
func (t *sampleTable) chunks() uint64 { return max(count(t.stco), count(t.co64)) }

// chunkReader reads the chunks of a track.
type chunkReader struct {
	offsets, runs fields
	width         int // of an offset
	left          uint64
	index         uint64 // of the chunk that was read last, from 1
	used          uint64 // entries of stsc
	runsLeft      uint64
	perChunk      uint64 // samples
	first, next   uint64 // the chunk from which on the next run applies, 0 for none, and its samples per chunk
}

func (t *sampleTable) reader() *chunkReader {
	r := &chunkReader{width: 4, left: t.chunks(), runsLeft: count(t.stsc)}
	if t.stsc != nil {
		r.runs = fields{b: t.stsc.body, at: 8}
	}
	switch {
	case t.stco != nil:
		r.offsets = fields{b: t.stco.body, at: 8}
	case t.co64 != nil:
		r.offsets, r.width = fields{b: t.co64.body, at: 8}, 8
	}
	r.step()
	return r
}

// step reads the next entry of stsc.
func (r *chunkReader) step() {
	r.perChunk = r.next
	r.first, r.next = 0, 0
	if r.runsLeft > 0 {
		r.runsLeft--
		r.first, r.next = r.runs.uint(4), r.runs.uint(4)
		r.runs.skip(4)
	}
}

// chunk returns the next chunk's offset and number of samples.
func (r *chunkReader) chunk() (off int64, samples uint64, ok bool) {
	if r.left == 0 {
		return 0, 0, false
	}
	r.left--
	r.index++
	for r.first != 0 && r.first <= r.index {
		r.step()
		r.used++
	}
	return r.offsets.offset(r.width), r.perChunk, true
}

// sizes returns a reader of the sizes of the samples.
func (t *sampleTable) sizes() (s sampleSizes, ok bool) {
	switch {
	case t.stsz != nil:
		s.f = fields{b: t.stsz.body, at: 4}
		s.all, s.width = s.f.uint(4), 32
	case t.stz2 != nil:
		s.f = fields{b: t.stz2.body, at: 4}
		s.width = s.f.uint(4) & 255
		switch s.width {
		case 4, 8, 16:
		default:
			return s, false
		}
	default:
		return s, true
	}
	s.left = s.f.uint(4)
	if s.all == 0 { // no more than there are
		s.left = min(s.left, uint64(s.f.left())*8/s.width) //nolint:gosec // G115: no less than 0
	}
	return s, true
}

// locate adds to r where the samples are, and calls each with every sample unless it is nil. ok is false if that can't be
// told, or costs too much.
func (t *sampleTable) locate(r *sampleRuns, p packets, each func(span)) (ok bool) {
	sizes, ok := t.sizes()
	if !ok {
		return false
	}
	chunks := t.reader()
	if r.spans == nil {
		r.spans = make([]span, 0, min(chunks.left, maxRuns))
	}
	for {
		off, n, more := chunks.chunk()
		if !more || sizes.left == 0 {
			return true
		}
		n = min(n, sizes.left)
		t.idle = t.idle || n == 0
		t.usedSamples += n
		t.usedChunks, t.usedRuns = chunks.index, chunks.used
		step := n // samples at once
		if each != nil {
			step = 1
			if t.usedSamples > maxFrames {
				return false
			}
		}
		for ; n > 0; n -= step {
			var size int64
			if sizes.all > 0 && t.moments && p.moments > 0 && p.bytes > 0 {
				sizes.left -= step
				size = product((step+p.moments-1)/p.moments, p.bytes)
			} else {
				size = sizes.sum(step)
			}
			if !r.add(off, off+size) {
				return false
			}
			t.end = max(t.end, off, off+size)
			if each != nil {
				each(span{off, off + size})
			}
			off += size
		}
	}
}

const (
	// maxFrames bounds the still pictures of a film.
	maxFrames = 1 << 16
	// maxSmallFrames bounds those that are too small for pictures, since each costs time: so many, and one more for every
	// 256 bytes.
	maxSmallFrames = 1 << 11
)

// trim clears the entries of the tables that no sample uses, and what they say of samples beyond the film's data. There
// are so many descriptions.
func (t *sampleTable) trim(limit int64, descriptions int) {
	if t.end > limit || t.idle {
		t.clearBeyond(limit)
	}
	cut(t.stsc, 12, t.usedRuns)
	for x := entries(t.stsc, 12); len(x) > 0; x = x[12:] {
		if n := binary.BigEndian.Uint32(x[4:]); uint64(n) > t.usedSamples { // more than there are
			binary.BigEndian.PutUint32(x[4:], uint32(t.usedSamples)) //nolint:gosec // G115: less than a number of 32 bits
		}
		if n := binary.BigEndian.Uint32(x[8:]); n > uint32(descriptions) { //nolint:gosec // G115: no more than there are boxes
			binary.BigEndian.PutUint32(x[8:], 1)
		}
	}
	cut(t.stco, 4, t.usedChunks)
	cut(t.co64, 8, t.usedChunks)
	t.trimTimes(t.stts)
	t.trimTimes(t.ctts)
	t.trimNumbers(t.stss)
	t.trimNumbers(t.stps)
	if b := t.sdtp; b != nil && !keepDependencies(b, t.usedSamples) {
		b.free()
	}
	if b := t.stsz; b != nil {
		width := uint64(32)
		if binary.BigEndian.Uint32(b.body[4:]) != 0 { // all have one size
			width = 0
		}
		t.cutSizes(b, width)
	}
	if b := t.stz2; b != nil {
		clear(b.body[4:7])
		t.cutSizes(b, uint64(b.body[7]))
	}
}

// trimTimes trims stts or ctts, which have a time for each row of samples, and clears times that no film has.
func (t *sampleTable) trimTimes(b *box) {
	used, samples := uint64(0), uint64(0)
	for x := entries(b, 8); len(x) > 0 && samples < t.usedSamples; x = x[8:] {
		n := min(uint64(binary.BigEndian.Uint32(x)), t.usedSamples-samples)
		binary.BigEndian.PutUint32(x, uint32(n))        //nolint:gosec // G115: no more than before
		if n == 0 || x[4] >= ascii && x[4] < negative { // phones write negative durations
			clear(x[4:8])
		}
		samples += n
		used++
	}
	cut(b, 8, used)
}

// trimNumbers trims stss or stps, which have numbers of samples in order.
func (t *sampleTable) trimNumbers(b *box) {
	used, last := uint64(0), uint64(0)
	for x := entries(b, 4); len(x) > 0; x = x[4:] {
		k := uint64(binary.BigEndian.Uint32(x))
		if k <= last || k > t.usedSamples {
			break
		}
		last = k
		used++
	}
	cut(b, 4, used)
}

// cutSizes keeps in stsz or stz2 the sizes of the samples, which have so many bits.
func (t *sampleTable) cutSizes(b *box, width uint64) {
	bits := t.usedSamples * width
	end := 12 + (bits+7)/8
	if bits%8 != 0 {
		b.body[end-1] &= 0xF0
	}
	clear(b.body[end:])
	binary.BigEndian.PutUint32(b.body[8:], uint32(t.usedSamples)) //nolint:gosec // G115: no more than before
}

// clearBeyond clears the offsets of chunks and the sizes of samples that are beyond the film's data, and the offsets of chunks
// without samples: their numbers could be anything.
func (t *sampleTable) clearBeyond(limit int64) {
	sizes, ok := t.sizes()
	if !ok {
		return
	}
	width := int(sizes.width / 8) //nolint:gosec // G115: up to 4
	chunks := t.reader()
	for {
		at := chunks.offsets.at
		off, n, more := chunks.chunk()
		if !more || sizes.left == 0 {
			return
		}
		if off >= limit || n == 0 {
			clear(chunks.offsets.b[at : at+chunks.width])
		}
		n = min(n, sizes.left)
		if sizes.all > 0 || width == 0 { // one size of all samples, or of less than a byte
			sizes.sum(n)
			continue
		}
		for ; n > 0; n-- {
			at := sizes.f.at
			if off = min(off+sizes.sum(1), maxBox); off > limit {
				clear(sizes.f.b[at : at+width])
			}
		}
	}
}

// keepDependencies keeps sdtp (8.6.4) of n samples. ok is false if it has reserved values.
func keepDependencies(b *box, n uint64) (ok bool) {
	if n > uint64(len(b.body)-4) { //nolint:gosec // G115: no less than 0
		return false
	}
	clear(b.body[:4])
	clear(b.body[4+n:])
	for _, v := range b.body[4 : 4+n] {
		if v>>4&3 == 3 || v>>2&3 == 3 || v&3 == 3 {
			return false
		}
	}
	return true
}

// entries returns the entries of a table, none if there is no such box.
func entries(b *box, size uint64) []byte {
	if b == nil {
		return nil
	}
	return b.body[8:][:size*count(b)]
}

// cut keeps the first n entries of a table.
func cut(b *box, size, n uint64) {
	if b == nil || n >= count(b) {
		return
	}
	binary.BigEndian.PutUint32(b.body[4:], uint32(n)) //nolint:gosec // G115: less than a number of 32 bits
	clear(b.body[8+n*size:])
}

// sampleSizes reads the sizes of consecutive samples.
type sampleSizes struct {
	f     fields
	all   uint64 // the size of every sample, unless it is 0
	width uint64 // the bits per size
	left  uint64 // the number of unread sizes
	half  bool   // the next size is the second of two in a byte
}

// sum returns the total size of the next n samples, of which there are so many.
func (s *sampleSizes) sum(n uint64) (total int64) {
	s.left -= n
	if s.all > 0 {
		return product(n, s.all)
	}
	switch s.width {
	case 4:
		b := s.f.b
		for ; n > 0; n-- {
			if s.half {
				total += int64(b[s.f.at] & 15)
				s.f.at++
			} else {
				total += int64(b[s.f.at] >> 4)
			}
			s.half = !s.half
		}
	case 32:
		b := s.f.b[s.f.at:]
		for i := range n {
			total += int64(binary.BigEndian.Uint32(b[4*i:]))
		}
		s.f.at += int(4 * n) //nolint:gosec // G115: there are so many
	default:
		for ; n > 0; n-- {
			total += s.f.offset(int(s.width / 8)) //nolint:gosec // G115: 8 or 16
		}
	}
	return min(total, maxBox)
}

// product returns n times size, which no file exceeds.
func product(n, size uint64) int64 {
	high, low := bits.Mul64(n, size)
	if high > 0 || low > maxBox {
		return maxBox
	}
	return int64(low)
}

// touch reports whether a byte is in both of two rows of spans, each sorted and disjoint.
func touch(a, b []span) bool {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].to <= b[0].from:
			a = a[1:]
		case b[0].to <= a[0].from:
			b = b[1:]
		default:
			return true
		}
	}
	return false
}
