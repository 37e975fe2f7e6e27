package exif

import (
	"math"
	"strconv"
)

// appendRaw renders a value as stored, always as a string: integers in decimal, fractions as num/den,
// several values separated by spaces.
func appendRaw(dst []byte, _ *Metadata, t *tag) []byte {
	if t.val.kind == kindText {
		return appendString(dst, t.val.text)
	}
	return append(appendStored(append(dst, '"'), &t.val, ' '), '"')
}

// appendStored appends the numbers as stored.
func appendStored(dst []byte, v *value, separator byte) []byte {
	for i := range v.n {
		if i > 0 {
			dst = append(dst, separator)
		}
		dst = appendNumber(dst, v, i)
	}
	return dst
}

// appendNumber appends the i'th number as stored.
func appendNumber(dst []byte, v *value, i int) []byte {
	switch v.kind {
	case kindInt:
		return strconv.AppendInt(dst, v.int(i), 10)
	case kindRat:
		n, d := v.rat(i)
		dst = strconv.AppendInt(dst, n, 10)
		dst = append(dst, '/')
		return strconv.AppendInt(dst, d, 10)
	default:
		f := v.float(i)
		if v.single() { // all that 32 bits can say, and the digits that ExifTool writes
			return strconv.AppendFloat(dst, f, 'g', 15, 64)
		}
		format := byte('g')
		if abs := math.Abs(f); abs >= 1e-4 && abs < 1e15 { // 'g' would write 4.42986518e+06, a place in meters
			format = 'f'
		}
		return strconv.AppendFloat(dst, f, format, -1, 64)
	}
}
