package redact

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// A picture's zlib stream (RFC 1950, 1951) ends before the chunk or the chunks that it is in may do, and decoders
// ignore what follows. They ignore the data that is too much for the picture, too. zlibStream finds the end. It decodes the codes
// alone, and counts the data that they stand for: the time depends on the length of the stream, not on that of the picture.

// zlibStream reads a zlib stream from pieces of a body.
type zlibStream struct {
	more func() []byte // the next piece, nil at the end; the one before it isn't needed any more
	size int64         // of the data, 0 if it may be of any: a stream with more data ends where that begins
	raw  bool          // it has neither the head nor the checksum of zlib

	piece []byte
	at    int    // in piece
	bits  uint64 // unused bits, the next one lowest
	n     uint   // the number of unused bits

	left   int64 // of size
	read   int64 // bytes of the pieces before
	blocks int64 // blocks with tables of their own
	lit    codeTable
	dist   codeTable
}

const (
	// bytesPerBlock bounds the blocks with tables, each of which takes a microsecond: on average one in so many bytes.
	// zlib with the least memory writes one in 150 bytes.
	bytesPerBlock = 96
	// freeBlocks is how many more a stream may have.
	freeBlocks = 1000
)

// skip reads the stream up to its end. ok is false if it is broken, or ends with the body.
func (z *zlibStream) skip() (ok bool) {
	if !z.raw && !z.head() {
		return false
	}
	if z.left = z.size; z.size == 0 {
		z.left = math.MaxInt64
	}
	for last := uint64(0); last == 0; {
		if last, ok = z.take(1); !ok {
			return false
		}
		kind, _ := z.take(2)
		switch kind {
		case 0:
			ok = z.stored()
		case 1:
			z.lit, z.dist = fixedLiterals, fixedDistances
			ok = z.codes()
		case 2:
			z.blocks++
			ok = z.blocks <= freeBlocks+(z.read+int64(z.used()))/bytesPerBlock && z.tables() && z.codes()
		default:
			ok = false
		}
		if !ok || z.left < 0 {
			return ok
		}
	}
	z.drop(z.n & 7)
	if !z.raw {
		_, ok = z.take(32) // the checksum
	}
	return ok
}

// head reads the head of a zlib stream (RFC 1950, 2.2); ok is false if it isn't one.
func (z *zlibStream) head() (ok bool) {
	head, ok := z.take(16)
	return ok && head&15 == 8 && head>>4&15 <= 7 && (head&0xFF<<8|head>>8)%31 == 0 && head>>8&0x20 == 0
}

// used returns how many bytes of the last piece were decoded. It is the same however the stream is cut into pieces.
func (z *zlibStream) used() int { return max(z.at-int(z.n/8), 0) }

// need makes sure that there are n unused bits, at most 32. It takes no byte of the next piece that isn't needed.
func (z *zlibStream) need(n uint) bool {
	for z.n < n {
		if z.at == len(z.piece) {
			z.read += int64(len(z.piece))
			z.piece, z.at = z.more(), 0
			if len(z.piece) == 0 {
				return false
			}
		}
		z.bits |= uint64(z.piece[z.at]) << z.n
		z.at++
		z.n += 8
	}
	return true
}

func (z *zlibStream) drop(n uint) {
	z.bits >>= n
	z.n -= n
}

// take returns the next n bits, at most 32.
func (z *zlibStream) take(n uint) (v uint64, ok bool) {
	if !z.need(n) {
		return 0, false
	}
	v = z.bits & (1<<n - 1)
	z.drop(n)
	return v, true
}

// stored skips an uncompressed block (3.2.4).
func (z *zlibStream) stored() bool {
	z.drop(z.n & 7)
	v, ok := z.take(32)
	length := v & 0xFFFF
	if !ok || length != ^v>>16&0xFFFF {
		return false
	}
	if z.left -= int64(length); z.left < 0 {
		length -= uint64(-z.left)
	}
	for ; length > 0 && z.n > 0; length-- {
		z.drop(8)
	}
	for length > 0 {
		if z.at == len(z.piece) {
			if !z.need(8) {
				return false
			}
			z.drop(8)
			length--
		}
		n := min(int(length), len(z.piece)-z.at)
		z.at += n
		length -= uint64(n) //nolint:gosec // G115: no less than 0
	}
	return true
}

// codes skips the codes of a block up to its end (3.2.3), or that of the data.
func (z *zlibStream) codes() bool {
	for z.left >= 0 {
		symbol, ok := z.literals()
		if z.left < 0 {
			break
		}
		if !ok {
			symbol, ok = z.symbol(&z.lit)
		}
		switch {
		case !ok || symbol > 285:
			return false
		case symbol < 256:
			z.left--
			continue
		case symbol == 256:
			return true
		}
		length, ok := z.take(uint(container.DeflateLengthExtra[symbol-257]))
		if !ok {
			return false
		}
		z.left -= int64(container.DeflateLength[symbol-257]) + int64(length) //nolint:gosec // G115: a few bits
		if symbol, ok = z.symbol(&z.dist); !ok || symbol >= len(container.DeflateDistanceExtra) {
			return false
		}
		if _, ok = z.take(uint(container.DeflateDistanceExtra[symbol])); !ok {
			return false
		}
	}
	return true
}

// literals skips literals and matches with short codes, as long as the piece has enough bytes, and returns the first
// other symbol; ok is false if it takes a look at single bits, or at the next piece.
func (z *zlibStream) literals() (symbol int, ok bool) {
	piece, at, v, n, left := z.piece, z.at, z.bits, z.n, z.left
	for at+8 <= len(piece) && left >= 0 {
		v |= binary.LittleEndian.Uint64(piece[at:]) << n // 56 bits or more
		at += int(63-n) >> 3
		n |= 56
		e := z.lit.fast[v&(1<<fastBits-1)]
		if e == 0 {
			break
		}
		used := uint(e & 15)
		symbol = int(e >> 4)
		if symbol >= 256 {
			if symbol > 256 && symbol <= 285 {
				extra := used + uint(container.DeflateLengthExtra[symbol-257])
				if d := z.dist.fast[v>>extra&(1<<fastBits-1)]; d != 0 && int(d>>4) < len(container.DeflateDistanceExtra) {
					left -= int64(container.DeflateLength[symbol-257]) + int64(v>>used&(1<<(extra-used)-1)) //nolint:gosec // G115: a few bits
					used = extra + uint(d&15) + uint(container.DeflateDistanceExtra[d>>4])
					v >>= used
					n -= used
					continue
				}
			}
			v >>= used
			n -= used
			ok = true
			break
		}
		left--
		v >>= used
		n -= used
	}
	// the bits beyond n are those of the bytes from at on
	z.at, z.bits, z.n, z.left = at, v&(1<<n-1), n, left
	return symbol, ok
}

// fastBits is the length of the codes that one look into a table decodes.
const fastBits = 9

// codeTable is a set of prefix codes (3.2.2): the short ones by their bits, as the symbol and the length; all of them
// by length.
type codeTable struct {
	fast    [1 << fastBits]uint16
	count   [16]uint16
	symbols [288]uint16
}

// build makes the table of codes with these lengths; ok is false if there can't be such codes.
func (t *codeTable) build(lengths []uint8) (ok bool) {
	t.fast, t.count = [1 << fastBits]uint16{}, [16]uint16{}
	for _, n := range lengths {
		t.count[n]++
	}
	t.count[0] = 0
	var at, next [17]uint16
	left, code := 1, uint16(0)
	for n := 1; n <= 15; n++ {
		left = 2*left - int(t.count[n])
		if left < 0 {
			return false
		}
		code = (code + t.count[n-1]) << 1
		next[n] = code
		at[n+1] = at[n] + t.count[n]
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		t.symbols[at[n]] = uint16(symbol)
		at[n]++
		if n <= fastBits {
			entry := uint16(symbol)<<4 | uint16(n)
			for c := bits.Reverse16(next[n]) >> (16 - n); c < 1<<fastBits; c += 1 << n {
				t.fast[c] = entry
			}
		}
		next[n]++
	}
	return true
}

// symbol decodes the next symbol. It takes no more bits than the symbol has, or a code can have.
func (z *zlibStream) symbol(t *codeTable) (symbol int, ok bool) {
	if e := t.fast[z.bits&(1<<fastBits-1)]; e != 0 && uint(e&15) <= z.n {
		z.drop(uint(e & 15))
		return int(e >> 4), true
	}
	code, first, index := 0, 0, 0
	for n := uint(1); n <= 15; n++ {
		if !z.need(n) {
			return 0, false
		}
		code |= int(z.bits>>(n-1)) & 1 //nolint:gosec // G115: one bit
		count := int(t.count[n])
		if code-count < first {
			z.drop(n)
			return int(t.symbols[index+code-first]), true
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	z.drop(15) // all were looked at
	return 0, false
}

// tables reads the tables of a block (3.2.7).
func (z *zlibStream) tables() bool {
	v, ok := z.take(14)
	literals, distances, n := int(v&31)+257, int(v>>5&31)+1, int(v>>10)+4
	if !ok || literals > 286 {
		return false
	}
	var of [19]uint8
	for _, i := range container.DeflateOrder[:n] {
		v, ok := z.take(3)
		if !ok {
			return false
		}
		of[i] = uint8(v) //nolint:gosec // G115: 3 bits
	}
	if !z.lit.build(of[:]) {
		return false
	}
	var lengths [286 + 32]uint8
	all := lengths[:literals+distances]
	for i := 0; i < len(all); {
		symbol, ok := z.symbol(&z.lit)
		if !ok {
			return false
		}
		if symbol < 16 {
			all[i] = uint8(symbol) //nolint:gosec // G115: below 16
			i++
			continue
		}
		repeat := [...]struct {
			bits  uint
			least int
		}{{2, 3}, {3, 3}, {7, 11}}[symbol-16]
		v, ok := z.take(repeat.bits)
		times := repeat.least + int(v) //nolint:gosec // G115: 7 bits
		if !ok || i+times > len(all) || symbol == 16 && i == 0 {
			return false
		}
		if symbol == 16 {
			for k := range times {
				all[i+k] = all[i-1]
			}
		}
		i += times
	}
	return all[256] != 0 && z.lit.build(all[:literals]) && z.dist.build(all[literals:])
}

// The tables of blocks with fixed codes (3.2.6).
var fixedLiterals, fixedDistances = func() (literals, distances codeTable) {
	l, d := container.DeflateFixed()
	literals.build(l[:])
	distances.build(d[:len(container.DeflateDistanceExtra)])
	return literals, distances
}()
