package exif

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// appendTyped renders a value for programs: numbers as numbers, several as an array, n/0 and NaN as null,
// GPS positions as signed decimals, dates as ISO 8601.
//
// An invalid date, such as one with a month of 13 or none, stays a text, so that nothing is lost. A date
// that is blank or all zeros, as cameras write it if their clock was never set, is null. So is a blank
// position.
func appendTyped(dst []byte, m *Metadata, t *tag) []byte {
	t = signed(t)
	switch t.dir {
	case gpsIFD:
		switch t.id {
		case 0x0002, 0x0004, 0x0014, 0x0016:
			if !coordinateLike(&t.val) {
				break
			}
			f, _, ok := signedCoordinate(m, t)
			return appendFloat(dst, f, ok && math.Abs(f) <= maxDegrees(t.id), 64)
		case 0x0006:
			if f, _, ok := signedAltitude(m, t); ok {
				return appendFloat(dst, f, true, 64)
			}
		case 0x0007:
			return appendTimeStamp(dst, &t.val)
		case 0x001D:
			return appendDate(dst, &t.val, "", "")
		}
	case ifd1:
		switch t.id {
		case 0x0132, 0x9003, 0x9004, 0xC71B:
			// the tags of sub-seconds and offsets describe the picture's dates
			return appendDate(dst, &t.val, "", "")
		}
	case ifd0, exifIFD:
		switch t.id {
		case 0x0132: // DateTime
			return appendDate(dst, &t.val, m.text(0x9290), m.text(0x9010))
		case 0x9003: // DateTimeOriginal
			return appendDate(dst, &t.val, m.text(0x9291), m.text(0x9011))
		case 0x9004: // DateTimeDigitized
			return appendDate(dst, &t.val, m.text(0x9292), m.text(0x9012))
		case 0xC71B: // DNG's PreviewDateTime, in ISO 8601 by the standard
			return appendDate(dst, &t.val, "", "")
		}
	}
	if isUnknown(t) || isInfinite(t) {
		return append(dst, "null"...)
	}
	return appendNumbers(dst, &t.val)
}

// signed returns the tag with signed numbers if the standard has them signed. Some writers, such as
// Leica's M8, store them in the unsigned type of the same size, so that -1/3 is 4294967295/3.
func signed(t *tag) *tag {
	if t.dir == gpsIFD || t.dir == interopIFD || !t.val.unsigned() {
		return t
	}
	switch t.id {
	case 0x882A, // TimeZoneOffset
		0x9201, 0x9203, 0x9204, // ShutterSpeedValue, BrightnessValue, ExposureBiasValue
		0x9400, 0x9403, 0x9405, // Temperature, WaterDepth, CameraElevationAngle
		0xC62A, 0xC7A5: // DNG's BaselineExposure and BaselineExposureOffset
		s := *t
		s.val.signed = true
		return &s
	}
	return t
}

// sign reinterprets n as a signed number of 16 or 32 bits if v.signed is set.
func (v *value) sign(n int64) int64 {
	switch {
	case !v.signed:
	case n > math.MaxInt32 && n <= math.MaxUint32:
		n -= 1 << 32
	case v.kind == kindInt && n > math.MaxInt16 && n <= math.MaxUint16:
		n -= 1 << 16
	}
	return n
}

// appendNumbers appends a text, a number or an array of numbers.
func appendNumbers(dst []byte, v *value) []byte {
	switch {
	case v.kind == kindText:
		return appendString(dst, v.text)
	case v.n == 1:
		return appendTypedNumber(dst, v, 0)
	}
	dst = append(dst, '[')
	for i := range v.n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendTypedNumber(dst, v, i)
	}
	return append(dst, ']')
}

func appendTypedNumber(dst []byte, v *value, i int) []byte {
	if v.kind == kindInt {
		return strconv.AppendInt(dst, v.int(i), 10)
	}
	bits := 64
	if v.kind == kindFloat && v.single() {
		bits = 32
	}
	f, ok := v.quotient(i)
	return appendFloat(dst, f, ok, bits)
}

// appendFloat appends a number in the shortest form that parses to the same number, with an exponent
// where encoding/json uses one. It appends null if ok is false or f is no number.
func appendFloat(dst []byte, f float64, ok bool, bits int) []byte {
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	abs := math.Abs(f)
	if abs == 0 {
		return append(dst, '0') // 0/-1 as well
	}
	if bits == 64 && (abs < 1e-6 || abs >= 1e21) ||
		bits == 32 && (float32(abs) < 1e-6 || float32(abs) >= 1e21) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
		// 1e-07 is 1e-7
		if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
		return dst
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}

// text returns the text of a tag of the Exif directory, or else of IFD0, where some writers and TIFF/EP
// put such tags; "" if there is none, or if the JSON doesn't include it.
func (m *Metadata) text(id uint16) string {
	t := m.find(exifIFD, id)
	if t == nil {
		t = m.find(ifd0, id)
	}
	if t == nil || m.keep != nil && !m.keep(t.name) {
		return ""
	}
	return t.val.text
}

// firstLetter returns the first letter of a text in upper case, 0 if there is none. Some writers store
// texts of one letter as a number.
func firstLetter(v *value) byte {
	var c byte
	switch {
	case v.kind == kindText:
		if s := strings.TrimLeft(v.text, " "); s != "" {
			c = s[0]
		}
	case v.kind == kindInt && v.n > 0:
		if n := v.int(0); n > ' ' && n < 0x7F {
			c = byte(n)
		}
	}
	switch {
	case 'a' <= c && c <= 'z':
		return c - 'a' + 'A'
	case ' ' < c && c < 0x7F:
		return c
	}
	return 0
}

// gpsRef returns the letter of a GPS tag's Ref tag, whose number is always one less than the tag's
// (Exif 3.0, 4.6.7); 0 if there is none.
func gpsRef(m *Metadata, t *tag) byte {
	ref := m.find(gpsIFD, t.id-1)
	if ref == nil {
		return 0
	}
	return firstLetter(&ref.val)
}

// coordinateLike reports whether a value has the form of a latitude or longitude: one to three numbers.
func coordinateLike(v *value) bool {
	return v.kind != kindText && v.n >= 1 && v.n <= 3
}

// maxDegrees returns the largest latitude or longitude, by the number of the tag.
func maxDegrees(id uint16) float64 {
	if id == 0x0002 || id == 0x0014 {
		return 90
	}
	return 180
}

// signedCoordinate returns a latitude or longitude (Exif 3.0, 4.6.7, GPSLatitude) in degrees, south
// and west negative. Seconds that are no number (some writers leave 0/0 there) count as 0, since the
// place is within a minute of arc. ok is false if degrees or minutes are no numbers, since the place
// would be wrong. ref is the letter, 0 if it is missing or invalid.
func signedCoordinate(m *Metadata, t *tag) (deg float64, ref byte, ok bool) {
	v := &t.val
	below := false // some writers put the sign before the degrees, others before all three
	for i := v.n - 1; i >= 0; i-- {
		f, ok := v.quotient(i)
		if !ok {
			if i < 2 {
				return 0, 0, false
			}
			f = 0
		}
		below = below || f < 0
		deg += math.Abs(f)
		if i > 0 {
			deg /= 60
		}
	}
	if math.IsInf(deg, 0) {
		return 0, 0, false
	}
	if below {
		deg = -deg
	}
	positive, negative := byte('N'), byte('S')
	if t.id == 0x0004 || t.id == 0x0016 {
		positive, negative = 'E', 'W'
	}
	switch ref = gpsRef(m, t); ref {
	case positive:
	case negative:
		deg = -math.Abs(deg) // some writers store a sign as well
	default:
		ref = 0
	}
	return deg, ref, true
}

// signedAltitude returns an altitude in meters, negative below its reference (Exif 3.0, 4.6.7,
// GPSAltitudeRef: 1 and 3). ref is -1 if there is none. ok is false if the altitude isn't a single
// number.
func signedAltitude(m *Metadata, t *tag) (f float64, ref int64, ok bool) {
	f, ok = singleNumber(&t.val)
	if !ok {
		return 0, -1, false
	}
	ref = -1
	if r := m.find(gpsIFD, 0x0005); r != nil && r.val.n >= 1 {
		if r.val.kind == kindText {
			if c := firstLetter(&r.val); '0' <= c && c <= '9' {
				ref = int64(c - '0')
			}
		} else if n, ok := integerAt(&r.val, 0); ok {
			ref = n
		}
	}
	if ref == 1 || ref == 3 {
		f = -math.Abs(f)
	}
	return f, ref, true
}

// appendTimeStamp appends the time of GPSTimeStamp as a string, or null if a part is no number.
func appendTimeStamp(dst []byte, v *value) []byte {
	if v.kind == kindText || v.n != 3 {
		return appendNumbers(dst, v)
	}
	for i := range 3 {
		if _, ok := v.quotient(i); !ok {
			return append(dst, "null"...)
		}
	}
	start := len(dst)
	dst = append(dst, '"')
	dst, ok := appendClock(dst, v)
	if !ok {
		return appendNumbers(dst[:start], v)
	}
	return append(dst, '"')
}

// appendClock appends hours, minutes and seconds as "14:44:09", with up to 6 decimals of seconds if
// there are any. ok is false if they are no time of day.
func appendClock(dst []byte, v *value) (out []byte, ok bool) {
	if v.kind == kindText || v.n != 3 {
		return dst, false
	}
	h, okH := integerAt(v, 0)
	m, okM := integerAt(v, 1)
	s, okS := v.quotient(2)
	if !okH || !okM || !okS || h < 0 || h > 24 || m < 0 || m > 59 || s < 0 || s >= 60 ||
		h == 24 && (m != 0 || s != 0) { // the end of the day is 24:00:00
		return dst, false
	}
	micros := min(int64(math.Round(s*1e6)), 60e6-1)
	dst = appendTwoDigits(dst, h)
	dst = append(dst, ':')
	dst = appendTwoDigits(dst, m)
	dst = append(dst, ':')
	dst = appendTwoDigits(dst, micros/1e6)
	if frac := micros % 1e6; frac != 0 {
		start := len(dst)
		dst = strconv.AppendInt(dst, 1e6+frac, 10) // the 1 keeps leading zeros; the point replaces it
		dst[start] = '.'
		dst = trimZeros(dst, start)
	}
	return dst, true
}

func appendTwoDigits(dst []byte, n int64) []byte {
	return append(dst, byte('0'+n/10%10), byte('0'+n%10))
}

// appendDate appends a date as ISO 8601, with its own fraction and offset, or else the given ones of
// other tags.
func appendDate(dst []byte, v *value, fraction, offset string) []byte {
	if v.kind != kindText {
		return appendNumbers(dst, v)
	}
	if strings.Trim(v.text, "0 :-/.") == "" {
		return append(dst, "null"...)
	}
	d, ok := parseDate(v.text)
	if !ok {
		return appendString(dst, v.text)
	}
	year, month, day := d.Date()
	dst = append(dst, '"')
	dst = appendTwoDigits(dst, int64(year/100))
	dst = appendTwoDigits(dst, int64(year%100))
	dst = append(dst, '-')
	dst = appendTwoDigits(dst, int64(month))
	dst = append(dst, '-')
	dst = appendTwoDigits(dst, int64(day))
	if !d.hasTime {
		return append(dst, '"')
	}
	hour, minute, second := d.Clock()
	dst = append(dst, 'T')
	dst = appendTwoDigits(dst, int64(hour))
	dst = append(dst, ':')
	dst = appendTwoDigits(dst, int64(minute))
	dst = append(dst, ':')
	dst = appendTwoDigits(dst, int64(second))
	if d.fraction == "" {
		d.fraction = strings.Trim(fraction, " ")
	}
	if allDigits(d.fraction) {
		dst = append(dst, '.')
		dst = append(dst, d.fraction[:min(len(d.fraction), maxFraction)]...)
	}
	if d.offset == "" {
		d.offset, _ = parseOffset(strings.Trim(offset, " "))
	}
	dst = append(dst, d.offset...)
	return append(dst, '"')
}

// maxFraction bounds the decimals of a second: programs read nanoseconds.
const maxFraction = 9

// date is a date, usually with a time of day.
type date struct {
	time.Time
	hasTime  bool
	fraction string // digits of the fraction of a second
	offset   string // "+09:00" or "Z"
}

// parseDate parses "2021:04:11 15:47:53" or "2021:04:11" (Exif 3.0, 4.6.5, DateTime); ok is false if
// there is no such day or time. Some writers use other separators between the numbers of the date, pad
// one digit with a blank, or add a fraction or an offset. 24:00:00 is the end of the day.
func parseDate(s string) (d date, ok bool) {
	s = strings.Trim(s, " ")
	if len(s) < 5 {
		return d, false
	}
	separator := s[4]
	year, s, ok := cutNumber(s, 4)
	if !ok || year == 0 || strings.IndexByte(":-/.", separator) < 0 {
		return d, false
	}
	month, s, ok := cutNumber(s[1:], 2)
	if !ok || s == "" || s[0] != separator {
		return d, false
	}
	day, s, ok := cutNumber(s[1:], 2)
	d.Time = time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if !ok || month > 12 || d.Day() != day || d.Month() != time.Month(month) {
		return d, false
	}
	if strings.Trim(s, " :") == "" {
		return d, true // the time is unknown
	}
	if s[0] != ' ' && s[0] != 'T' {
		return d, false
	}
	var clock [3]int
	for i := range clock {
		if s == "" || i > 0 && s[0] != ':' {
			return d, false
		}
		if clock[i], s, ok = cutNumber(s[1:], 2); !ok {
			return d, false
		}
	}
	if clock[0] > 23 && clock != [3]int{24, 0, 0} || clock[1] > 59 || clock[2] > 59 {
		return d, false
	}
	d.hasTime = true
	d.Time = d.Add(time.Duration(clock[0])*time.Hour + time.Duration(clock[1])*time.Minute + time.Duration(clock[2])*time.Second)
	if s != "" && (s[0] == '.' || s[0] == ',') {
		s = s[1:]
		n := 0
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		d.fraction, s = s[:n], s[n:]
		if n == 0 {
			return d, false
		}
	}
	if s = strings.TrimLeft(s, " "); s == "" {
		return d, true
	}
	d.offset, ok = parseOffset(s)
	return d, ok
}

// cutNumber cuts a number of so many digits off s. The first of two digits may be a blank or missing.
func cutNumber(s string, digits int) (n int, rest string, ok bool) {
	if digits == 2 {
		s = strings.TrimLeft(s, " ")
	}
	i := 0
	for i < len(s) && i < digits && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return decimalOf(s[:i]), s[i:], i == digits || digits == 2 && i == 1
}

// parseOffset returns "+09:00" for "+09:00" (Exif 3.0, 4.6.6, OffsetTime), "+0900", "+9:00" and "+09",
// and "Z" for "Z"; ok is false for anything else.
func parseOffset(s string) (offset string, ok bool) {
	if s == "Z" {
		return s, true
	}
	if s == "" || s[0] != '+' && s[0] != '-' {
		return "", false
	}
	hours, minutes, colon := strings.Cut(s[1:], ":")
	switch {
	case colon && len(hours) == 1:
		hours = "0" + hours
	case !colon && len(hours) == 2:
		minutes = "00"
	case !colon && len(hours) == 4:
		hours, minutes = hours[:2], hours[2:]
	}
	if len(hours) != 2 || len(minutes) != 2 || !allDigits(hours) || !allDigits(minutes) ||
		decimalOf(hours) > 23 || decimalOf(minutes) > 59 {
		return "", false
	}
	if len(s) == len("+09:00") {
		return s, true
	}
	return s[:1] + hours + ":" + minutes, true
}

// allDigits reports whether s consists of one or more digits.
func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// decimalOf parses a few digits.
func decimalOf(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}
