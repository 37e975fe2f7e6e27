package exif

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// kind is the kind of a value.
type kind uint8

const (
	kindNone  kind = iota // left out
	kindText              // one text
	kindInt               // integers
	kindRat               // fractions
	kindFloat             // floating point numbers
)

// value is the value of one tag: a text, or n numbers of one kind.
type value struct {
	kind   kind
	n      int
	text   string
	ints   []int64  // integers that goexif doesn't read
	source *numbers // where all other numbers are, n of them
	at     int      // index of the first in source
	signed bool     // the standard has the tag signed: large unsigned numbers stand for negative ones
	typ    uint8    // the type of the entry
}

// quotient returns the i'th number of any kind as a decimal; ok is false for n/0, 0/0, NaN and
// infinities.
func (v *value) quotient(i int) (f float64, ok bool) {
	switch v.kind {
	case kindInt:
		return float64(v.int(i)), true
	case kindRat:
		n, d := v.rat(i)
		return float64(n) / float64(d), d != 0
	case kindFloat:
		f := v.float(i)
		return f, !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return 0, false
}

func textValue(s string) value { return value{kind: kindText, n: 1, text: s} }

// blank reports whether v is an empty text, which a later tag of the same name replaces.
func (v *value) blank() bool { return v.kind == kindText && v.text == "" }

func intsValue(b []byte) value {
	ints := make([]int64, len(b))
	for i, c := range b {
		ints[i] = int64(c)
	}
	return value{kind: kindInt, n: len(ints), ints: ints}
}

// value converts the bytes of a checked entry to a value. b holds whole values of the type, at most
// maxText bytes, in the given byte order; value doesn't keep it. ok is false if they are broken. The
// numbers of a value are available after decode.
func (f *fileNumbers) value(order binary.ByteOrder, typ uint16, b []byte, as storage, o *Options) (v value, ok bool) {
	v, ok = f.convert(order, typ, b, as, o)
	v.typ = uint8(typ) //nolint:gosec // types that typeSize knows are at most 129
	return v, ok
}

func (f *fileNumbers) convert(order binary.ByteOrder, typ uint16, b []byte, as storage, o *Options) (v value, ok bool) {
	switch as {
	case asText, asOnlyText, asName:
		if bytewise(typ) {
			return textValue(text(b, o)), true
		}
	case asCharCode:
		if bytewise(typ) {
			return textValue(charCodeText(order, b, o)), true
		}
	case asUTF16:
		if bytewise(typ) {
			return textValue(utf16Text(binary.LittleEndian, b)), true
		}
	case asVersion:
		if bytewise(typ) && printable(bytes.TrimRight(b, "\x00")) {
			return textValue(text(b, o)), true
		}
	case asBytes:
		if bytewise(typ) {
			return intsValue(b), true
		}
	case asShorts:
		if typ == container.TypeUndefined && len(b) >= 2 {
			typ, b = container.TypeShort, b[:len(b)&^1]
		}
	case asCFAPattern:
		if typ == container.TypeUndefined {
			return cfaPattern(order, b)
		}
	}
	switch typ {
	case container.TypeASCII, container.TypeUTF8:
		return textValue(text(b, o)), true
	case container.TypeUndefined:
		return undefined(b, o), true
	case container.TypeLong8, container.TypeSLong8, container.TypeIFD8:
		ints := make([]int64, len(b)/8)
		for i := range ints {
			ints[i] = int64(order.Uint64(b[i*8:])) //nolint:gosec // checked below
			if typ != container.TypeSLong8 && ints[i] < 0 {
				return v, false // 2^63 and above: no file has an offset or a count like that
			}
		}
		return value{kind: kindInt, n: len(ints), ints: ints}, true
	case container.TypeIFD:
		typ = container.TypeLong
	}

	size := int(container.TypeSize(typ)) //nolint:gosec // at most 8
	n := &f.of(order)[typ]
	v = value{kind: kindInt, n: len(b) / size, source: n, at: n.add(b, size)}
	switch typ {
	case container.TypeRational, container.TypeSRational:
		v.kind = kindRat
	case container.TypeFloat, container.TypeDouble:
		v.kind = kindFloat
	}
	return v, true
}

// bytewise reports whether values of the type are one byte each, so that the tag's definition can
// decide how to decode them.
func bytewise(typ uint16) bool {
	switch typ {
	case container.TypeByte, container.TypeASCII, container.TypeUndefined, container.TypeUTF8, container.TypeSByte:
		return true
	}
	return false
}

// undefined decodes bytes of unknown meaning: printable ones as text, others as numbers if they are few.
func undefined(b []byte, o *Options) value {
	if t := bytes.TrimRight(b, "\x00"); len(t) > 0 && printable(t) {
		return textValue(text(b, o))
	}
	if len(b) > maxBytesShown {
		return value{}
	}
	return intsValue(b)
}

func printable(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7F {
			return false
		}
	}
	return true
}

// text decodes bytes up to the first NUL, without trailing blanks: as UTF-8 if valid, else in the
// configured charset.
func text(b []byte, o *Options) string {
	b = bytes.TrimRight(upToNUL(b), " \t\r\n")
	if utf8.Valid(b) {
		return string(b)
	}
	return decodeText(o.charset(), b)
}

// decodeText decodes b, and replaces bytes that the encoding doesn't define by U+FFFD.
func decodeText(enc encoding.Encoding, b []byte) string {
	if set, ok := enc.(*charmap.Charmap); ok {
		return decodeBytes(set, b)
	}
	s, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return strings.ToValidUTF8(string(s), "\uFFFD")
}

// decodeBytes decodes a single-byte character set. Bytes of 0x80 to 0x9F that a Windows code page doesn't
// define become control characters, as in the WHATWG Encoding Standard but not in charmap.
func decodeBytes(set *charmap.Charmap, b []byte) string {
	var s strings.Builder
	s.Grow(len(b))
	for _, c := range b {
		r := set.DecodeByte(c)
		if r == utf8.RuneError && c >= 0x80 && c < 0xA0 {
			r = rune(c)
		}
		s.WriteRune(r)
	}
	return s.String()
}

// charCodeText decodes a text whose first 8 bytes name its character code (Exif 3.0, 4.6.6, table 9).
// Many writers leave the code out, pad it with blanks or write it in lower case, and some write
// UNICODE in a byte order other than the file's, or in UTF-8.
func charCodeText(order binary.ByteOrder, b []byte, o *Options) string {
	if len(b) < 8 {
		return text(b, o)
	}
	code, rest := bytes.TrimRight(upToNUL(b[:8]), " "), b[8:]
	switch strings.ToUpper(string(code)) {
	case "", "ASCII":
		return text(rest, o)
	case "JIS":
		rest = upToNUL(rest)
		if bytes.IndexByte(rest, 0x1B) < 0 && !ascii(rest) {
			return text(rest, o) // no JIS escape sequences
		}
		return strings.TrimRight(decodeText(japanese.ISO2022JP, rest), " \t\r\n")
	case "UNICODE":
		if string(code) != "UNICODE" && unicodeByName(rest) || isUTF8(order, rest) {
			return text(rest, o)
		}
		return utf16Text(textOrder(order, rest), rest)
	}
	// no code, or a nonstandard one: all of it is text
	s := text(b, o)
	if t := text(rest, o); len(code) < 8 && b[len(code)] == 0 && t != "" && printable([]byte(t)) {
		s += " " + t
	}
	return s
}

// unicodeByName reports whether b is ASCII although its code is "Unicode", as Ricoh writes it. It must be
// too long for a few Chinese characters of two such bytes, and not kana, whose first bytes are "0".
func unicodeByName(b []byte) bool {
	b = upToNUL(b)
	var zeros [2]int
	for i, c := range b {
		if c == '0' {
			zeros[i%2]++
		}
	}
	return len(b) >= 8 && ascii(b) && printable(b) && max(zeros[0], zeros[1]) < len(b)/4
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// cfaPattern decodes columns and rows, 16 bits each, then one byte a cell. Cameras write the two
// numbers in either byte order, whatever the file's; cfaPattern takes the order that fits the size.
func cfaPattern(order binary.ByteOrder, b []byte) (v value, ok bool) {
	if len(b) < 4 {
		return v, false
	}
	for _, o := range []binary.ByteOrder{order, binary.LittleEndian, binary.BigEndian} {
		w, h := int(o.Uint16(b)), int(o.Uint16(b[2:]))
		if w*h > 0 && w*h <= len(b)-4 {
			v = intsValue(b[2 : 4+w*h])
			v.ints[0], v.ints[1] = int64(w), int64(h)
			return v, true
		}
	}
	return v, false
}
