package exif

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// utf16Text decodes UTF-16 up to its first NUL; a byte order mark overrides order.
func utf16Text(order binary.ByteOrder, b []byte) string {
	if len(b) >= 2 {
		switch order.Uint16(b) {
		case 0xFFFE:
			order = otherOrder(order)
			fallthrough
		case 0xFEFF:
			b = b[2:]
		}
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		u := order.Uint16(b[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return strings.TrimRight(string(utf16.Decode(units)), " \t\r\n")
}

func otherOrder(order binary.ByteOrder) binary.ByteOrder {
	if order == binary.ByteOrder(binary.LittleEndian) {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// The limits of textOrder.
const (
	// orderUnits is the number of UTF-16 units that textOrder looks at. More of a text wouldn't change
	// the result.
	orderUnits = 128
	// orderBits is by how many bits the other order must be cheaper than the file's own. It is more
	// than the difference of "N" and "一", which are the same two bytes.
	orderBits = 4
)

// textOrder returns the byte order in which b is plausible UTF-16: the file's own unless the other is
// clearly better. Many writers use the order of their own machine, whatever the file's.
func textOrder(own binary.ByteOrder, b []byte) binary.ByteOrder {
	b = b[:min(len(b), 2*orderUnits)]
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			b = b[:i] // the text ends there
		}
	}
	var w textWeight
	weight := w.bits(own, b)
	if weight <= (alphabet-1)*(len(b)/2) {
		return own // ASCII, the cheapest text
	}
	if other := otherOrder(own); w.bits(other, b)+orderBits <= weight {
		return other
	}
	return own
}

// textWeight estimates the information in a text. In the right byte order it is little, since the letters
// are common ones of one script. In the wrong one they are spread over all of Unicode.
type textWeight struct {
	common [len(commonLetters)]*encoding.Encoder // of commonLetters, created on demand
}

// commonLetters lists the character sets of East Asia, and the first bytes of their common letters: the
// first levels of GB 2312, Big5 and JIS X 0208, and the syllables of KS X 1001. They have one character
// in six, and nearly all of a text.
var commonLetters = [...]struct {
	set         encoding.Encoding
	first, last byte
	trail       byte // the lowest second byte; lower ones are later, rare additions
}{
	{simplifiedchinese.GBK, 0xB0, 0xD7, 0xA1},
	{traditionalchinese.Big5, 0xA4, 0xC6, 0x40},
	{japanese.EUCJP, 0xB0, 0xCF, 0xA1},
	{korean.EUCKR, 0xB0, 0xC8, 0xA1},
}

// script is a writing system, or several that are used together.
type script int

const (
	noScript  script = iota // used with every script: digits, punctuation, symbols
	latin                   // in more than one block
	eastAsian               // Han and kana
	hangul
	otherScripts // and above: each block of 256 counts as one
)

// total sums the bits of the letters of a text.
type total struct {
	bits int
	last script
}

func (t *total) add(bits int, s script) {
	const another = 6 // for a change of script
	t.bits += bits
	if s != noScript && s != t.last {
		if t.last != noScript {
			t.bits += another
		}
		t.last = s
	}
}

// bits estimates the bits needed to encode the text.
func (w *textWeight) bits(order binary.ByteOrder, b []byte) int {
	var t total
	for i := 0; i+1 < len(b); i += 2 {
		r := rune(order.Uint16(b[i:]))
		if utf16.IsSurrogate(r) && i+3 < len(b) {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(b[i+2:]))); pair != unicode.ReplacementChar {
				r = pair
				i += 2
			}
		}
		t.add(w.letter(r))
	}
	return t.bits
}

// utf8Bits is bits for UTF-8. It weighs small letters and blanks less, since most bytes of a text in the Latin
// alphabet are such ones, and few of the bytes that UTF-16 happens to have.
func (w *textWeight) utf8Bits(b []byte) int {
	var t total
	for _, r := range string(b) {
		n, s := w.letter(r)
		if r == ' ' || r >= 'a' && r <= 'z' {
			n--
		}
		t.add(n, s)
	}
	return t.bits
}

// isUTF8 reports whether b, which its writer calls Unicode, is UTF-8 up to the NULs that pad it: where that is
// clearly more plausible than UTF-16.
func isUTF8(own binary.ByteOrder, b []byte) bool {
	b = bytes.TrimRight(b, "\x00")
	if bytes.IndexByte(b, 0) >= 0 || !printable(b) {
		return false // a letter of the Latin alphabet has a NUL in UTF-16
	}
	var end int // of a whole letter
	for end < len(b) && end < 2*orderUnits {
		_, n := utf8.DecodeRune(b[end:])
		end += n
	}
	b = b[:end]
	var w textWeight
	bits := w.utf8Bits(b)
	return bits+orderBits < min(w.bits(own, b), w.bits(otherOrder(own), b))
}

// The bits of a letter of an alphabet, of a rare letter, and of code points that no text has: controls,
// private use, unassigned ones, half a surrogate pair.
const (
	alphabet    = 7
	rare        = 13
	implausible = 30
)

// letter estimates the bits needed to distinguish a character from the others of its script, as if all
// characters of its kind were equally frequent.
func (w *textWeight) letter(r rune) (bits int, s script) {
	isLetter := unicode.In(r, unicode.L, unicode.M)
	switch {
	case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z':
		return alphabet - 1, latin
	case r < 0x7F && unicode.IsPrint(r), r == '\n', r == '\r', r == '\t':
		return alphabet - 1, noScript
	case unicode.Is(unicode.Inherited, r): // combining accents, joiners, variation selectors of emoji
		return alphabet + 3, noScript

	case r >= 0x3000 && r <= 0x3011, r >= 0xFF01 && r <= 0xFF65: // East Asia's punctuation, full-width Latin
		return alphabet + 1, noScript
	case r >= 0x3041 && r <= 0x30FF && isLetter: // kana
		return alphabet, eastAsian
	case r >= 0x4E00 && r <= 0x9FFF && w.isCommon(r):
		return alphabet + 2, eastAsian
	case r >= 0xAC00 && r <= 0xD7A3 && w.isCommon(r):
		return alphabet + 2, hangul
	case unicode.Is(unicode.Han, r):
		return rare, eastAsian
	case unicode.Is(unicode.Hangul, r):
		return rare, hangul

	case r < 0x0180 && isLetter, r == 0x01A0, r == 0x01A1, r == 0x01AF, r == 0x01B0, r >= 0x1EA0 && r <= 0x1EF9 && isLetter: // with the accents of Europe and Vietnam
		return alphabet + 1, latin
	case r >= 0x0370 && r < 0x1400 && isLetter, r >= 0x1780 && r < 0x18B0 && isLetter: // Greek to Cherokee, Khmer and Mongolian: alphabets in use
		return alphabet, otherScripts + script(r>>8)
	case isLetter:
		return rare, otherScripts + script(r>>8)

	case r >= 0x00A0 && r <= 0x00BF, r >= 0x200B && r <= 0x2026: // typographic punctuation, joiners and marks of direction
		return alphabet + 2, noScript
	case r >= 0x2600 && r <= 0x27BF, r >= 0x1F000 && r <= 0x1FAFF: // symbols and emoji
		return alphabet + 2, noScript
	case r >= 0x20A0 && r <= 0x20BF, r == 0x2116, r == 0x2122, r >= 0x2190 && r <= 0x2193, r >= 0x25A0 && r <= 0x25FF: // currencies, № and ™, arrows, shapes
		return alphabet + 4, noScript
	case r < 0x1400 && unicode.IsGraphic(r):
		return alphabet + 3, noScript
	case unicode.IsGraphic(r):
		return rare + 3, noScript
	}
	return implausible, noScript
}

// isCommon reports whether a letter is one of commonLetters.
func (w *textWeight) isCommon(r rune) bool {
	var letter [utf8.UTFMax]byte
	n := utf8.EncodeRune(letter[:], r)
	for i, c := range &commonLetters {
		if w.common[i] == nil {
			w.common[i] = c.set.NewEncoder()
		}
		var b [8]byte
		size, _, err := w.common[i].Transform(b[:], letter[:n], true)
		if err == nil && size == 2 && b[0] >= c.first && b[0] <= c.last && b[1] >= c.trail {
			return true
		}
	}
	return false
}
