package redact

import (
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"
)

// The fields of a film's index are numbers, most of them wider than any film needs. What stays must be a number that a
// film can have, or the fields of a box could spell a text. The first byte of a number that is too large tells: no
// letter or digit is below ' '.

// ascii is the lowest first byte of a text.
const ascii = ' '

// negative is the lowest first byte of a negative number that a film can have. Bytes below that are part of a text in UTF-8.
const negative = 0xF8

// areLow reports whether all numbers of 4 bytes in b are below 1<<29, and areLowLE those whose last byte is the highest.
func areLow(b []byte) bool   { return areBelow(b, 0) }
func areLowLE(b []byte) bool { return areBelow(b, 3) }

func areBelow(b []byte, highest int) bool {
	for ; len(b) >= 4; b = b[4:] {
		if b[highest] >= ascii {
			return false
		}
	}
	return true
}

// areSmall reports whether numbers of 16 bits and a fraction are between -256 and 256, as all matrices are.
func areSmall(b []byte) bool {
	for ; len(b) >= 4; b = b[4:] {
		if b[0] != 0 && b[0] != 0xFF {
			return false
		}
	}
	return true
}

// areNear reports whether all signed numbers of a width in b are near 0: those of 4 bytes are between -1<<27 and 1<<29.
func areNear(b []byte, width int) bool {
	for ; len(b) >= width; b = b[width:] {
		if b[0] >= ascii && b[0] < negative {
			return false
		}
	}
	return true
}

// mendHigh clears those numbers that areLow finds too large, and mendLow those of areLowLE.
func mendHigh(b []byte) { mendAbove(b, 0) }
func mendLow(b []byte)  { mendAbove(b, 3) }

func mendAbove(b []byte, highest int) {
	for ; len(b) >= 4; b = b[4:] {
		if b[highest] >= ascii {
			clear(b[:4])
		}
	}
}

// isNoLetter reports whether c is no letter, digit or sign of a text.
func isNoLetter(c byte) bool {
	const signs = " !#%&()+,-./:=@_"
	return (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && strings.IndexByte(signs, c) < 0
}

// isText reports whether b has a text: eight letters in a row, of a byte each, or of two, or four that have more in UTF-8.
func isText(b []byte) bool {
	const long = 8
	narrow, wide, next := 0, [2]int{}, 0
	for i, c := range b {
		wide[i%2]++
		if isNoLetter(c) {
			wide[i%2] = 0
		} else if i > 0 && b[i-1] != 0 {
			wide[i%2] = 1
		}
		if i == next {
			_, size := utf8.DecodeRune(b[i:])
			next += size
			if narrow += min(size, 2); size == 1 && isNoLetter(c) {
				narrow = 0
			}
		}
		if narrow >= long || wide[i%2] == long {
			return true
		}
	}
	return false
}

// low returns the rule for a box that keep keeps, if the numbers of 4 bytes between two offsets of its body are below
// 1<<29.
func low(from, to int, keep func(*box) bool) func(*box) bool {
	return func(b *box) bool { return keep(b) && areLow(b.body[from:to]) }
}

// small is low for numbers below 256, with a fraction of 16 bits or none.
func small(from, to int, keep func(*box) bool) func(*box) bool {
	return func(b *box) bool { return keep(b) && areSmall(b.body[from:to]) }
}

// shifts returns the rule for a box that keep keeps, whose numbers of a width are the differences of times.
func shifts(width int, keep func(*box) bool) func(*box) bool {
	return func(b *box) bool { return keep(b) && areNear(b.body[4:], width) }
}

// mended returns the rule for a box that keep keeps and mend mends.
func mended(keep func(*box) bool, mend func(body []byte)) func(*box) bool {
	return func(b *box) bool {
		if !keep(b) {
			return false
		}
		mend(b.body)
		return true
	}
}

// isTimescale reports whether a film can have so many units of time a second: up to 100 million, nanoseconds, or the
// 705,600,000 that divide all frame and sampling rates.
func isTimescale(v uint32) bool { return v <= 100_000_000 || v == 1_000_000_000 || v == 705_600_000 }

// mendDuration makes a duration of more than ten years an unknown one (14496-12, 8.2.2).
func mendDuration(b []byte, timescale uint32) {
	const longest = 10 * 366 * 24 * 60 * 60
	f := fields{b: b}
	if f.uint(len(b))/uint64(max(timescale, 1)) > longest {
		for i := range b {
			b[i] = 0xFF
		}
	}
}

// mendTransfer clears in vmhd (12.1.2; QuickTime, "Graphics Modes") a way to draw the picture that isn't one, and a color other
// than the usual ones.
func mendTransfer(b []byte) {
	for i, x := 0, b[4:]; len(x) >= 2; i, x = i+1, x[2:] {
		v := binary.BigEndian.Uint16(x)
		if i == 0 && v > 0x110 || i > 0 && v != 0x8000 && v != 0xFFFF {
			clear(x[:2])
		}
	}
}

// mendVolume makes a volume of more than 1 the full one.
func mendVolume(b []byte) {
	if v := binary.BigEndian.Uint16(b); v > 0x100 {
		binary.BigEndian.PutUint16(b, 0x100)
	}
}

// mendRate makes a rate of more than 256 the normal one. Its fraction has 16 bits.
func mendRate(b []byte) {
	if !areSmall(b[:4]) {
		binary.BigEndian.PutUint32(b, 1<<16)
	}
}

// mendLengths clears the fractions of pixels in lengths of 8,192 pixels and more, and what is less than 1/8,192 of a fraction.
func mendLengths(b []byte) {
	for ; len(b) >= 4; b = b[4:] {
		if b[0] >= ascii && b[0] < negative {
			clear(b[2:4])
		}
	}
}

// unity is the matrix of a picture that isn't transformed (14496-12, 8.2.2).
var unity = [9]uint32{1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30}

// mendMatrix makes a matrix that isn't that of a turned, mirrored or scaled picture the one that changes nothing.
func mendMatrix(b []byte) {
	w := binary.BigEndian.Uint32(b[32:])
	flat := binary.BigEndian.Uint32(b[8:]) == 0 && binary.BigEndian.Uint32(b[20:]) == 0 && (w == 0 || w == 1<<16 || w == 1<<30)
	if !flat || !areSmall(b[:24]) {
		for i, v := range unity {
			binary.BigEndian.PutUint32(b[4*i:], v)
		}
	}
	mendLengths(b[24:32])
}

// areCoordinates reports whether the floating-point numbers in b can be places of loudspeakers, in degrees or meters.
func areCoordinates(b []byte) bool {
	for ; len(b) >= 4; b = b[4:] {
		v := math.Abs(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
		if v != 0 && (v < 1e-3 || v > 1e3) || math.IsNaN(v) {
			return false
		}
	}
	return true
}
