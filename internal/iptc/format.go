package iptc

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// decoder turns bytes into text.
type decoder struct {
	charset encoding.Encoding // of text that isn't UTF-8
}

// newDecoder returns the decoder for a charset. Nil means Windows-1252.
func newDecoder(charset encoding.Encoding) decoder {
	if charset == nil {
		charset = charmap.Windows1252
	}
	return decoder{charset}
}

// text returns b as text without the characters that XML doesn't allow (XML 1.0, 2.2).
func (d decoder) text(b []byte) string {
	if !utf8.Valid(b) {
		return d.decoded(b)
	}
	for i, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0xEF && isNoncharacter(b[i:]) {
			return strings.Map(func(r rune) rune {
				if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
					return -1
				}
				return r
			}, string(b))
		}
	}
	return string(b)
}

// isNoncharacter reports whether UTF-8 begins with U+FFFE or U+FFFF.
func isNoncharacter(b []byte) bool {
	r, _ := utf8.DecodeRune(b)
	return r == 0xFFFE || r == 0xFFFF
}

// decoded returns b as text in the charset, even if it is valid UTF-8.
func (d decoder) decoded(b []byte) string {
	out, err := d.charset.NewDecoder().Bytes(b)
	if err != nil || !utf8.Valid(out) {
		out = bytes.ToValidUTF8(b, []byte(string(utf8.RuneError)))
	}
	return d.text(out)
}

// iim returns the text of a dataset in its block's charset, nil if that is UTF-8 or not stated.
func (d decoder) iim(b []byte, charset encoding.Encoding) string {
	b = bytes.TrimRight(b, "\x00")
	if charset != nil {
		return decoder{charset}.decoded(b)
	}
	return d.text(b)
}

// isBlank reports whether a text says nothing.
func isBlank(s string) bool { return strings.Trim(s, " \t\r\n\x00") == "" }

// isoDate returns a date and time in ISO 8601's extended format as far as they are known, from that format,
// the basic format or EXIF's (2024:05:01 20:15:00). Parts that are 00 or blank aren't known. It returns other
// text unchanged.
func isoDate(s string) string {
	d := dateParser{rest: strings.TrimSpace(s)}
	year, ok := d.digits(4)
	switch {
	case strings.Trim(s, " :-") == "" || year == "0000":
		return ""
	case !ok:
		return s
	}
	out := year
	for _, most := range [...]string{"12", "31"} { // the month and the day
		d.skip("-:")
		part, ok := d.digits(2)
		switch {
		case !ok && strings.Trim(d.rest, " :-") == "", part == "00":
			return out
		case !ok, part > most:
			return s
		}
		out += "-" + part
	}
	if strings.Trim(d.rest, " :T") == "" {
		return out
	}
	d.skip("T ")
	clock, ok := d.clock()
	if !ok || d.rest != "" {
		return s
	}
	return out + "T" + clock
}

// dateParser reads the parts of a date.
type dateParser struct{ rest string }

// digits returns the next n digits.
func (d *dateParser) digits(n int) (string, bool) {
	if len(d.rest) < n || strings.Trim(d.rest[:n], "0123456789") != "" {
		return "", false
	}
	part := d.rest[:n]
	d.rest = d.rest[n:]
	return part, true
}

// skip skips one character of a set.
func (d *dateParser) skip(set string) bool {
	if d.rest == "" || strings.IndexByte(set, d.rest[0]) < 0 {
		return false
	}
	d.rest = d.rest[1:]
	return true
}

// clock returns a time of day with its fraction and offset: hh:mm[:ss[.f]][Z|±hh:mm].
func (d *dateParser) clock() (string, bool) {
	hour, ok := d.digits(2)
	if !ok || hour > "24" {
		return "", false
	}
	d.skip(":")
	minute, ok := d.digits(2)
	if !ok || minute > "59" {
		return "", false
	}
	out := hour + ":" + minute
	before := d.rest
	d.skip(":")
	second, ok := d.digits(2)
	if !ok && d.rest != before || second > "60" {
		return "", false
	}
	if ok {
		out += ":" + second
		if d.skip(".,") {
			fraction := d.rest[:len(d.rest)-len(strings.TrimLeft(d.rest, "0123456789"))]
			d.rest = d.rest[len(fraction):]
			if fraction != "" {
				out += "." + fraction
			}
		}
	}
	d.skip(" ")
	offset, ok := d.offset()
	return out + offset, ok
}

// offset returns a time zone, "" if there is none.
func (d *dateParser) offset() (string, bool) {
	if d.rest == "" {
		return "", true
	}
	sign := d.rest[:1]
	if !d.skip("+-Z") {
		return "", false
	}
	if sign == "Z" {
		return sign, true
	}
	hour, ok := d.digits(2)
	if !ok {
		return "", false
	}
	d.skip(":")
	minute, ok := d.digits(2)
	if !ok {
		minute = "00" // ±hh
	}
	return sign + hour + ":" + minute, true
}

// dateOfIIM returns the date and time of datasets 2:55 (CCYYMMDD) and 2:60 (HHMMSS±HHMM).
func dateOfIIM(day, time string) string {
	out := isoDate(strings.ReplaceAll(day, "/", "-"))
	if len(out) != len("2024-05-01") {
		return out
	}
	d := dateParser{rest: time}
	if clock, ok := d.clock(); ok && isBlank(d.rest) {
		return out + "T" + clock
	}
	return out
}

// isClock reports whether the rest is a time of day.
func (d *dateParser) isClock() bool {
	_, ok := d.clock()
	return ok && isBlank(d.rest)
}

// decimal returns a number as a decimal, from a decimal, a rational (1/3) or a coordinate of XMP's EXIF
// schema (48,8.82N or 48,8,49N).
func decimal(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if isDecimal(s) {
		return s, true
	}
	if f, ok := rational(s); ok {
		return formatFloat(f), true
	}
	if f, ok := coordinate(s); ok {
		return formatFloat(f), true
	}
	const most = 1e15
	if f, err := strconv.ParseFloat(s, 64); err == nil && -most < f && f < most && !strings.ContainsAny(s, "xXpP_") {
		return formatFloat(f), true
	}
	return "", false
}

// isDecimal reports whether s is a number of JSON without an exponent.
func isDecimal(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || len(s) > 40 || point && fraction == "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	return strings.Trim(whole+fraction, "0123456789") == ""
}

func rational(s string) (float64, bool) {
	n, d, ok := strings.Cut(s, "/")
	if !ok || !isDecimal(n) || !isDecimal(d) {
		return 0, false
	}
	a, _ := strconv.ParseFloat(n, 64)
	b, _ := strconv.ParseFloat(d, 64)
	return a / b, b != 0
}

// coordinate returns the degrees of a coordinate: up to three numbers and N, E, S or W. Programs also write it for
// people: 48° 8' 49" N.
func coordinate(s string) (float64, bool) {
	const longest = 40
	if s == "" || len(s) > longest {
		return 0, false
	}
	sign := 1.0
	switch s[len(s)-1] | 0x20 {
	case 'n', 'e':
	case 's', 'w':
		sign = -1
	default:
		return 0, false
	}
	digits := strings.ReplaceAll(s[:len(s)-1], "deg", "°")
	if strings.Trim(digits, "0123456789., °'′\"″") != "" {
		return 0, false
	}
	parts := strings.FieldsFunc(digits, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if len(parts) == 0 || len(parts) > 3 {
		return 0, false
	}
	sum, unit := 0.0, 1.0
	for _, p := range parts {
		f, err := strconv.ParseFloat(p, 64)
		if err != nil {
			return 0, false
		}
		sum += f / unit
		unit *= 60
	}
	return sign * sum, true
}

// formatFloat formats f with the 15 digits that are always exact.
func formatFloat(f float64) string {
	g := strconv.FormatFloat(f, 'g', 15, 64)
	f, _ = strconv.ParseFloat(g, 64)
	return strconv.FormatFloat(f, 'f', -1, 64)
}
