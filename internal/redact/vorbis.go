package redact

import "math/bits"

// The third header of Vorbis (Vorbis I, 4.2.4) has the decoder's tables: codebooks, floors, residues, mappings and modes, from the
// lowest bit of each byte on. It doesn't say how long it is, and decoders ignore what follows its last bit.

// lowReader is a bitReader of numbers that begin with their lowest bit, from the lowest bit of each byte on.
type lowReader struct{ bitReader }

// read returns the next n bits, at most 32.
func (r *lowReader) read(n int) (v int) {
	if !r.skip(n) {
		return 0
	}
	for i := range n {
		at := r.at - n + i
		v |= int(r.b[at/8]>>(at%8)&1) << i
	}
	return v
}

// vorbisTablesLen returns the length of the third header of Vorbis for a number of channels, 0 if it isn't one.
func vorbisTablesLen(b []byte, channels int) int {
	const name = 7
	r := lowReader{bitReader{b: b, at: 8 * name}}
	each := func(width int, f func()) {
		for n := r.read(width) + 1; n > 0 && !r.over; n-- {
			f()
		}
	}
	valid := channels > 0
	each(8, func() { valid = r.skipCodebook() && valid })
	each(6, func() { r.read(16) }) // placeholders
	each(6, func() { r.skipFloor() })
	each(6, func() { r.skipResidue() })
	each(6, func() {
		r.read(16)
		submaps := 1
		if r.read(1) == 1 {
			submaps = r.read(4) + 1
		}
		if r.read(1) == 1 { // coupled channels
			each(8, func() { r.skip(2 * bits.Len(uint(max(channels-1, 0)))) })
		}
		r.read(2)
		if submaps > 1 {
			r.skip(4 * channels)
		}
		r.skip(submaps * 3 * 8)
	})
	each(6, func() { r.skip(1 + 16 + 16 + 8) })
	if framed := r.read(1) == 1; !valid || !framed || r.over {
		return 0
	}
	return (r.at + 7) / 8
}

// skipCodebook passes over a codebook (3.2.1); ok is false if it isn't one.
func (r *lowReader) skipCodebook() (ok bool) {
	if r.read(24) != 0x564342 {
		return false
	}
	dimensions, entries := r.read(16), r.read(24)
	if r.read(1) == 1 { // in the order of their lengths
		r.read(5)
		for n := 0; n < entries && !r.over; {
			n += r.read(bits.Len(uint(entries - n)))
		}
	} else {
		sparse := r.read(1) == 1
		for n := 0; n < entries && !r.over; n++ {
			if !sparse || r.read(1) == 1 {
				r.read(5)
			}
		}
	}
	lookup := r.read(4)
	if lookup == 0 {
		return !r.over
	}
	r.skip(32 + 32)
	width := r.read(4) + 1
	r.read(1)
	values := entries * dimensions
	if lookup == 1 {
		values = rootOf(entries, dimensions)
	}
	return lookup <= 2 && r.skip(values*width)
}

// rootOf returns the largest number whose power with some exponent is at most n (9.2.3).
func rootOf(n, exponent int) (root int) {
	if exponent == 1 {
		return n
	}
	for exponent > 0 && power(root+1, exponent, n+1) <= n {
		root++
	}
	return root
}

// skipFloor passes over a floor (6.2.1, 7.2.2).
func (r *lowReader) skipFloor() {
	if r.read(16) == 0 {
		r.skip(8 + 16 + 16 + 6 + 8)
		r.skip((r.read(4) + 1) * 8)
		return
	}
	var classes, dimensions [32]int
	partitions, last := r.read(5), -1
	for i := range partitions {
		classes[i] = r.read(4)
		last = max(last, classes[i])
	}
	for i := range last + 1 {
		dimensions[i] = r.read(3) + 1
		subclasses := r.read(2)
		if subclasses > 0 {
			r.read(8)
		}
		r.skip(8 << subclasses)
	}
	r.read(2)
	width := r.read(4)
	for _, class := range classes[:partitions] {
		r.skip(dimensions[class] * width)
	}
}

// skipResidue passes over a residue (8.6.1).
func (r *lowReader) skipResidue() {
	r.skip(16 + 24 + 24 + 24)
	var books [64]int
	n := r.read(6) + 1
	r.read(8)
	for i := range n {
		low := r.read(3)
		if r.read(1) == 1 {
			low |= r.read(5) << 3
		}
		books[i] = bits.OnesCount(uint(low)) //nolint:gosec // G115: no less than 0
	}
	for _, count := range books[:n] {
		r.skip(8 * count)
	}
}
