package container

import "io"

// inflater decompresses Deflate (RFC 1951) in zlib's format (RFC 1950).
//
// compress/flate builds up to 36 KiB of tables for each block, and a block takes 30 bytes of the file:
// 70 KiB of the file would cost 0.2 s. The tables here are only the codes' lengths, and each bit of the
// file costs one step. That is half as fast for valid streams, which are short.
type inflater struct {
	src io.ByteReader
	out []byte
	max int // the length of out at which it stops

	unused uint32 // unused bits of src, the next one lowest
	n      uint   // number of unused bits, at most 7
	ended  bool   // the stream is broken or ended, or out is full
}

// unzlib returns up to limit decompressed bytes of the stream src, up to its first error.
func unzlib(src io.ByteReader, limit int) []byte {
	f := &inflater{src: src, max: limit}
	method, flags := f.bits(8), f.bits(8)
	const deflate, dictionary = 8, 0x20
	if method&15 != deflate || method>>4 > 7 || (method<<8|flags)%31 != 0 || flags&dictionary != 0 {
		return nil
	}
	for !f.ended {
		last := f.bits(1) == 1
		switch f.bits(2) {
		case 0:
			f.stored()
		case 1:
			f.fixed()
		case 2:
			f.dynamic()
		default:
			f.ended = true
		}
		f.ended = f.ended || last
	}
	return f.out
}

// bits returns the next n bits, at most 16, as a number; 0 if the stream has ended.
func (f *inflater) bits(n uint) (v uint32) {
	for f.n < n {
		b, err := f.src.ReadByte()
		if err != nil || f.ended {
			f.ended = true
			return 0
		}
		f.unused |= uint32(b) << f.n
		f.n += 8
	}
	v = f.unused & (1<<n - 1)
	f.unused >>= n
	f.n -= n
	return v
}

// put appends a byte to the output.
func (f *inflater) put(b byte) {
	if f.ended {
		return
	}
	f.out = append(f.out, b)
	f.ended = len(f.out) >= f.max
}

// stored copies an uncompressed block (3.2.4).
func (f *inflater) stored() {
	f.unused, f.n = 0, 0 // the block's data starts at a byte boundary
	length := f.bits(16)
	if f.bits(16) != ^length&0xFFFF {
		f.ended = true
	}
	for ; length > 0 && !f.ended; length-- {
		f.put(byte(f.bits(8))) //nolint:gosec // 8 bits
	}
}

// The limits of the alphabets (3.2.5, 3.2.7).
const (
	maxLiterals  = 286
	maxDistances = 30
	maxCode      = 15 // bits
	endOfBlock   = 256
)

// codes is a set of prefix codes (3.2.2): their number by length, and their symbols in the order of the
// codes.
type codes struct {
	count   [maxCode + 1]int
	symbols [maxLiterals + 2]uint16
}

// set computes the codes from their lengths by symbol, 0 for symbols without; ok is false if the lengths
// are invalid.
func (c *codes) set(lengths []byte) (ok bool) {
	c.count = [maxCode + 1]int{}
	for _, n := range lengths {
		c.count[n]++
	}
	used := len(lengths) - c.count[0]
	var at [maxCode + 2]int
	left := 1 // codes of a length that don't begin with a shorter one
	for n := 1; n <= maxCode; n++ {
		left = 2*left - c.count[n]
		if left < 0 {
			return false
		}
		at[n+1] = at[n] + c.count[n]
	}
	for symbol, n := range lengths {
		if n > 0 {
			c.symbols[at[n]] = uint16(symbol)
			at[n]++
		}
	}
	// the set must be complete, empty, or the code of a single symbol
	return left == 0 || used == 0 || used == 1 && c.count[1] == 1
}

// symbol reads a symbol.
func (f *inflater) symbol(c *codes) int {
	code, first, index := 0, 0, 0
	for n := 1; n <= maxCode; n++ {
		code |= int(f.bits(1))
		count := c.count[n]
		if code-first < count {
			return int(c.symbols[index+code-first])
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	f.ended = true
	return 0
}

// DeflateFixed returns the lengths of the fixed codes for literals and for distances (3.2.6).
func DeflateFixed() (literals [maxLiterals + 2]byte, distances [maxDistances + 2]byte) {
	for i := range literals {
		switch {
		case i < 144:
			literals[i] = 8
		case i < 256:
			literals[i] = 9
		case i < 280:
			literals[i] = 7
		default:
			literals[i] = 8
		}
	}
	for i := range distances {
		distances[i] = 5
	}
	return literals, distances
}

// fixed decompresses a block with the standard's fixed codes.
func (f *inflater) fixed() {
	ofLiterals, ofDistances := DeflateFixed()
	var literals, distances codes
	literals.set(ofLiterals[:])
	distances.set(ofDistances[:])
	f.block(&literals, &distances)
}

// DeflateOrder is the order of the lengths of the codes for code lengths (3.2.7).
var DeflateOrder = [...]byte{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic decompresses a block with its own codes (3.2.7).
func (f *inflater) dynamic() {
	literals, distances, n := int(f.bits(5))+257, int(f.bits(5))+1, int(f.bits(4))+4
	var lengths [maxLiterals + maxDistances]byte
	for _, at := range DeflateOrder[:n] {
		lengths[at] = byte(f.bits(3)) //nolint:gosec // 3 bits
	}
	var lit, dist codes
	if literals > maxLiterals || distances > maxDistances || !lit.set(lengths[:len(DeflateOrder)]) {
		f.ended = true
		return
	}
	clear(lengths[:])
	all := lengths[:literals+distances]
	for i := 0; i < len(all) && !f.ended; {
		var repeat int
		var length byte
		switch s := f.symbol(&lit); s {
		case 16:
			if i == 0 {
				f.ended = true
				return
			}
			repeat, length = 3+int(f.bits(2)), all[i-1]
		case 17:
			repeat = 3 + int(f.bits(3))
		case 18:
			repeat = 11 + int(f.bits(7))
		default:
			repeat, length = 1, byte(s) //nolint:gosec // at most 15
		}
		if i+repeat > len(all) {
			f.ended = true
			return
		}
		for range repeat {
			all[i] = length
			i++
		}
	}
	if f.ended || !lit.set(all[:literals]) || !dist.set(all[literals:]) {
		f.ended = true
		return
	}
	f.block(&lit, &dist)
}

// The lengths and distances of the symbols, and the numbers of their extra bits (3.2.5).
var (
	DeflateLengthExtra = [...]uint8{
		0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
	}
	DeflateDistanceExtra = [maxDistances]uint8{
		0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
	}
	DeflateLength = [...]uint16{
		3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
	}
	distanceBase = [maxDistances]uint16{
		1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
		4097, 6145, 8193, 12289, 16385, 24577,
	}
)

// block decompresses literals and repetitions up to the end of the block (3.2.3).
func (f *inflater) block(literals, distances *codes) {
	for !f.ended {
		s := f.symbol(literals)
		switch {
		case f.ended || s == endOfBlock:
			return
		case s < endOfBlock:
			f.put(byte(s)) //nolint:gosec // below 256
			continue
		}
		if s -= endOfBlock + 1; s >= len(DeflateLength) {
			f.ended = true
			return
		}
		length := int(DeflateLength[s]) + int(f.bits(uint(DeflateLengthExtra[s])))
		d := f.symbol(distances)
		if f.ended || d >= maxDistances {
			f.ended = true
			return
		}
		distance := int(distanceBase[d]) + int(f.bits(uint(DeflateDistanceExtra[d])))
		if f.ended || distance > len(f.out) {
			f.ended = true
			return
		}
		for range length {
			f.put(f.out[len(f.out)-distance])
		}
	}
}
