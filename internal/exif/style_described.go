package exif

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// The functions here append the content of a JSON string. Values from the file are numbers or go through
// appendEscaped; the words are ours, without braces, and need no escaping.

// appendDescribed renders a value in English, for people, always as a string. A value that the tag's
// description doesn't cover, because its type or count isn't the standard's, renders as stored, with
// fractions as decimals.
func appendDescribed(dst []byte, m *Metadata, t *tag) []byte {
	dst = append(dst, '"')
	dst = appendWords(dst, m, t)
	return append(dst, '"')
}

func appendWords(dst []byte, m *Metadata, t *tag) []byte {
	t = signed(t)
	if isUnknown(t) {
		return append(dst, "Unknown"...)
	}
	if isInfinite(t) {
		return append(dst, "Infinity"...)
	}
	d, ok := descriptionOf(t.dir, t.id)
	switch {
	case !ok:
		return appendPlain(dst, &t.val)
	case d.numbers != nil:
		v := t.val
		for d.padded && v.kind == kindInt && v.n > 1 && v.int(v.n-1) == 0 {
			v.n--
		}
		return appendEnum(dst, &v, d.numbers, ", ")
	case d.letters != nil:
		return appendLetters(dst, &t.val, d.letters)
	case d.write != nil:
		if out, ok := d.write(dst, m, t); ok {
			return out
		}
		return appendPlain(dst, &t.val)
	}
	if f, ok := singleNumber(&t.val); ok {
		dst = append(dst, d.prefix...)
		dst = appendDecimal(dst, f, 2)
		return append(dst, d.unit...)
	}
	return appendPlain(dst, &t.val)
}

// isUnknown reports whether the value is one that the standard defines as "unknown": the
// denominator FFFFFFFF.H of the shooting situation's tags (Exif 3.0, 4.6.6, Temperature to
// CameraElevationAngle), the numerator FFFFFFFF.H of BrightnessValue, and SubjectDistance 0.
func isUnknown(t *tag) bool {
	if t.dir == gpsIFD || t.dir == interopIFD || t.val.n != 1 {
		return false
	}
	switch {
	case t.id == 0x9206:
		f, ok := t.val.quotient(0)
		return ok && f == 0
	case t.val.kind != kindRat:
		return false
	case t.id == 0x9203:
		// -1 EV has this numerator, too, and with a denominator such as 100 it is -0.01 EV
		n, d := t.val.rat(0)
		return isAllOnes(n) && (d == 0 || d == 1 || isAllOnes(d))
	case t.id >= 0x9400 && t.id <= 0x9405:
		_, d := t.val.rat(0)
		return isAllOnes(d)
	}
	return false
}

// isInfinite reports whether the value is a SubjectDistance of infinity: the numerator FFFFFFFF.H.
func isInfinite(t *tag) bool {
	if t.dir == gpsIFD || t.dir == interopIFD || t.id != 0x9206 || t.val.n != 1 {
		return false
	}
	switch t.val.kind {
	case kindRat:
		n, _ := t.val.rat(0)
		return isAllOnes(n)
	case kindInt:
		return isAllOnes(t.val.int(0))
	}
	return false
}

// isAllOnes reports whether n is FFFFFFFF.H, which is -1 in a signed type.
func isAllOnes(n int64) bool { return n == -1 || n == math.MaxUint32 }

// singleNumber returns the number of a value with exactly one.
func singleNumber(v *value) (f float64, ok bool) {
	if v.n != 1 {
		return 0, false
	}
	return v.quotient(0)
}

// integerAt returns the i'th number if it is an integer, stored in any type.
func integerAt(v *value, i int) (n int64, ok bool) {
	if v.kind == kindInt {
		return v.int(i), true
	}
	f, ok := v.quotient(i)
	if !ok || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// maxNumbersShown is the number of numbers above which a value renders as their count: nobody reads the
// numbers of a curve.
const maxNumbersShown = 16

// appendCount appends the count of numbers.
func appendCount(dst []byte, n int) []byte {
	return append(strconv.AppendInt(dst, int64(n), 10), " values"...)
}

// appendPlain appends a value without a description: text as it is, numbers in decimal separated by
// spaces, or the count of many numbers.
func appendPlain(dst []byte, v *value) []byte {
	switch {
	case v.kind == kindText:
		return appendEscaped(dst, v.text)
	case v.n > maxNumbersShown:
		return appendCount(dst, v.n)
	}
	for i := range v.n {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = appendPlainNumber(dst, v, i)
	}
	return dst
}

// appendPlainNumber appends the i'th number with at most 6 digits: as many as a 32-bit floating point
// number has, and more than any camera measures.
func appendPlainNumber(dst []byte, v *value, i int) []byte {
	if v.kind == kindInt {
		return strconv.AppendInt(dst, v.int(i), 10)
	}
	if f, ok := v.quotient(i); ok {
		return appendDecimal(dst, f, 6)
	}
	sign := 0.0 // for 0/0 and NaN
	switch v.kind {
	case kindRat:
		n, _ := v.rat(i)
		sign = float64(n)
	case kindFloat:
		sign = v.float(i)
	}
	switch {
	case sign > 0:
		return append(dst, "Infinity"...)
	case sign < 0:
		return append(dst, "-Infinity"...)
	}
	return append(dst, "Undefined"...)
}

// appendDecimal appends f without trailing zeros, with at most so many decimals, or significant digits if
// f is below 1. Very large and very small numbers get an exponent.
func appendDecimal(dst []byte, f float64, digits int) []byte {
	abs := math.Abs(f)
	switch {
	case abs == 0:
		return append(dst, '0') // not -0
	case abs >= 1e15 || abs < 1e-9:
		return strconv.AppendFloat(dst, f, 'g', 6, 64)
	case abs < 1:
		digits -= 1 + int(math.Floor(math.Log10(abs)))
	}
	start := len(dst)
	return trimZeros(strconv.AppendFloat(dst, f, 'f', digits, 64), start)
}

// trimZeros removes trailing zeros from the decimals of the number after dst[:start].
func trimZeros(dst []byte, start int) []byte {
	end := len(dst)
	for end > start && dst[end-1] == '0' {
		end--
	}
	if end > start && dst[end-1] == '.' {
		return dst[:end-1]
	}
	if slices.Contains(dst[start:end], '.') {
		return dst[:end]
	}
	return dst // the zeros of an integer
}

// appendEnum appends the meanings of the numbers of an enumeration.
func appendEnum(dst []byte, v *value, names map[int64]string, between string) []byte {
	if v.kind == kindText || v.n > maxNumbersShown {
		return appendPlain(dst, v)
	}
	for i := range v.n {
		if i > 0 {
			dst = append(dst, between...)
		}
		n, ok := integerAt(v, i)
		if !ok {
			dst = appendPlainNumber(dst, v, i)
			continue
		}
		dst = appendName(dst, names, n)
	}
	return dst
}

func appendName(dst []byte, names map[int64]string, n int64) []byte {
	if name, ok := names[n]; ok {
		return append(dst, name...)
	}
	return appendUnknown(dst, n)
}

func appendUnknown(dst []byte, n int64) []byte {
	dst = append(dst, "Unknown ("...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, ')')
}

// appendLetters appends the meaning of the text of an enumeration. Some writers spell it out ("North"),
// so the first letter decides if names lacks the text.
func appendLetters(dst []byte, v *value, names map[string]string) []byte {
	if v.kind == kindText && v.text == "" {
		return dst
	}
	if name, ok := names[strings.ToUpper(v.text)]; ok {
		return append(dst, name...)
	}
	if name, ok := names[string(firstLetter(v))]; ok {
		return append(dst, name...)
	}
	if v.kind != kindText {
		return appendPlain(dst, v)
	}
	dst = append(dst, "Unknown ("...)
	dst = appendEscaped(dst, v.text)
	return append(dst, ')')
}

// versionText writes the 4 digits of a version: two of the major number, two of the minor. It leaves out
// a last 0, as CIPA does in the names of its versions: 0230 is 2.3, 0232 is 2.32 (Exif 3.0, 4.6.6,
// ExifVersion).
func versionText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	s := versionDigits(&t.val)
	if s == "" {
		return dst, false
	}
	if s[0] != '0' {
		dst = append(dst, s[0])
	}
	dst = append(dst, s[1], '.', s[2])
	if s[3] != '0' {
		dst = append(dst, s[3])
	}
	return dst, true
}

// versionDigits returns the 4 digits of a version, "" if the value isn't one. Some writers store them as
// a number (220), in one byte or more, and some as the bytes 0 2 2 0 or 2 2 0 0.
func versionDigits(v *value) string {
	s := v.text
	switch {
	case v.kind == kindInt && v.n == 1 && v.int(0) >= 100 && v.int(0) <= 9999:
		s = strconv.FormatInt(v.int(0), 10)
	case v.kind == kindInt && v.n == 4:
		for i := range 4 {
			n := v.int(i)
			if n < 0 || n > 9 {
				return ""
			}
			s += string('0' + rune(n))
		}
		if s[0] != '0' && s[3] == '0' {
			s = "0" + s[:3]
		}
	}
	if len(s) == 3 {
		s = "0" + s
	}
	if len(s) != 4 || !allDigits(s) {
		return ""
	}
	return s
}

// dottedText writes a version with one number per byte: 2.3.0.0.
func dottedText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	if t.val.kind != kindInt || t.val.n > maxNumbersShown {
		return dst, false
	}
	for i := range t.val.n {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendInt(dst, t.val.int(i), 10)
	}
	return dst, true
}

// wordList appends words separated by commas.
type wordList struct {
	dst []byte
	any bool
}

func (l *wordList) add(word string) {
	if l.any {
		l.dst = append(l.dst, ", "...)
	}
	l.any = true
	l.dst = append(l.dst, word...)
}

// appendBits appends the names of the bits that are set, the lowest first.
func appendBits(dst []byte, t *tag, none string, names ...string) (out []byte, ok bool) {
	if t.val.n != 1 {
		return dst, false
	}
	n, ok := integerAt(&t.val, 0)
	switch {
	case !ok:
		return dst, false
	case n < 0 || n >= 1<<len(names):
		return appendUnknown(dst, n), true
	case n == 0:
		return append(dst, none...), true
	}
	l := wordList{dst: dst}
	for i, name := range names {
		if n>>i&1 != 0 {
			l.add(name)
		}
	}
	return l.dst, true
}

// newSubfileType writes the bits of TIFF 6.0, section 8, and of DNG 1.7.1, chapter 4, which also defines
// two whole numbers with bit 16.
func newSubfileType(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	if t.val.n == 1 {
		switch n, _ := integerAt(&t.val, 0); n {
		case 0x10001:
			return append(dst, "Alternative preview image"...), true
		case 0x10004:
			return append(dst, "Semantic mask"...), true
		}
	}
	return appendBits(dst, t, "Full-resolution image",
		"Reduced-resolution image", "Single page of a multi-page image", "Transparency mask",
		"Depth map", "Enhanced image data")
}

// t4Options writes the bits of TIFF 6.0, section 11.
func t4Options(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	return appendBits(dst, t, "1-dimensional coding",
		"2-dimensional coding", "Uncompressed mode", "Fill bits added")
}

// t6Options writes the bits of TIFF 6.0, section 11; bit 0 is unused.
func t6Options(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	return appendBits(dst, t, "None", "Unused bit", "Uncompressed mode")
}

// flashText writes the bits of Exif 3.0, 4.6.6, Flash: 0 fired, 1 and 2 return, 3 and 4 mode, 5 no flash
// function, 6 red-eye reduction. A value with other bits or the reserved return is unknown.
func flashText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	if t.val.n != 1 {
		return dst, false
	}
	n, ok := integerAt(&t.val, 0)
	if !ok {
		return dst, false
	}
	const fired, noFunction, redEye = 1 << 0, 1 << 5, 1 << 6
	returned, mode := n>>1&3, n>>3&3
	if n < 0 || n > 0x7F || returned == 1 {
		return appendUnknown(dst, n), true
	}
	l := wordList{dst: dst}
	switch {
	case n&fired != 0:
		l.add("Fired")
	case n&noFunction == 0:
		l.add("Not fired")
	}
	if n&noFunction != 0 {
		if l.any {
			l.add("no flash function")
		} else {
			l.add("No flash function")
		}
	}
	switch returned {
	case 2:
		l.add("return light not detected")
	case 3:
		l.add("return light detected")
	}
	switch mode {
	case 1:
		l.add("forced on")
	case 2:
		l.add("forced off")
	case 3:
		l.add("auto mode")
	}
	if n&redEye != 0 {
		l.add("red-eye reduction")
	}
	return l.dst, true
}

// componentsText writes "Y Cb Cr -" (Exif 3.0, 4.6.6, ComponentsConfiguration).
func componentsText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	return appendEnum(dst, &t.val, componentNames, " "), true
}

// subSampling writes the two factors of YCbCrSubSampling in video notation (Exif 3.0, 4.6.5: 4:2:2 and
// 4:2:0).
func subSampling(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	if t.val.n != 2 || t.val.kind != kindInt {
		return dst, false
	}
	switch [2]int64{t.val.int(0), t.val.int(1)} {
	case [2]int64{1, 1}:
		return append(dst, "4:4:4"...), true
	case [2]int64{1, 2}:
		return append(dst, "4:4:0"...), true
	case [2]int64{2, 1}:
		return append(dst, "4:2:2"...), true
	case [2]int64{2, 2}:
		return append(dst, "4:2:0"...), true
	case [2]int64{4, 1}:
		return append(dst, "4:1:1"...), true
	case [2]int64{4, 2}:
		return append(dst, "4:1:0"...), true
	}
	return dst, false
}

// cfaCells writes the rows of Exif's CFAPattern: columns, rows, then the cells (Exif 3.0, 4.6.6).
func cfaCells(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	v := &t.val
	if v.kind != kindInt || v.n < 3 {
		return dst, false
	}
	return appendPattern(dst, v, 2, v.int(0), v.int(1))
}

// repeatedPattern writes the rows of TIFF/EP's CFAPattern, whose length is in CFARepeatPatternDim (rows,
// columns) of the same directory.
func repeatedPattern(dst []byte, m *Metadata, t *tag) (out []byte, ok bool) {
	v := &t.val
	if v.kind != kindInt {
		return dst, false
	}
	if dim := m.find(t.dir, 0x828D); dim != nil && dim.val.kind == kindInt && dim.val.n == 2 {
		if out, ok := appendPattern(dst, v, 0, dim.val.int(1), dim.val.int(0)); ok {
			return out, true
		}
	}
	return appendPattern(dst, v, 0, int64(v.n), 1)
}

// appendPattern appends the colors of cells, starting with number first: "Red Green / Green Blue".
func appendPattern(dst []byte, v *value, first int, columns, rows int64) (out []byte, ok bool) {
	cells := int64(v.n - first)
	if cells > maxBytesShown || columns <= 0 || rows <= 0 || columns > cells || rows > cells || columns*rows != cells {
		return dst, false
	}
	for i := range cells {
		switch {
		case i == 0:
		case i%columns == 0:
			dst = append(dst, " / "...)
		default:
			dst = append(dst, ' ')
		}
		dst = appendName(dst, filterColors, v.int(first+int(i)))
	}
	return dst, true
}

// exposureTime writes seconds as KS3 does: "0.00800 (1/125) sec" (Exif 3.0, 4.6.6, ExposureTime).
func exposureTime(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	f, ok := singleNumber(&t.val)
	if !ok || f < 0 {
		return dst, false
	}
	return appendSeconds(dst, f), true
}

// appendSeconds appends an exposure time. Below one second it adds 1/n, unless no 1/n is within a
// twentieth of it: 0.4 s is neither 1/2 nor 1/3.
func appendSeconds(dst []byte, f float64) []byte {
	if f >= 1e15 {
		dst = appendDecimal(dst, f, 5)
	} else {
		dst = strconv.AppendFloat(dst, f, 'f', 5, 64)
	}
	if f > 0 && f < 1 {
		n := math.Round(1 / f)
		if n < 1<<53 && math.Abs(n*f-1) <= 0.05 {
			dst = append(dst, " (1/"...)
			dst = strconv.AppendInt(dst, int64(n), 10)
			dst = append(dst, ')')
		}
	}
	return append(dst, " sec"...)
}

// maxAPEX bounds plausible APEX values: 2^30 s are 34 years.
const maxAPEX = 30

// shutterSpeed writes the APEX value Tv as the time 2^-Tv s (Exif 3.0, annex C).
func shutterSpeed(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	f, ok := singleNumber(&t.val)
	if !ok || math.Abs(f) > maxAPEX {
		return dst, false
	}
	return appendSeconds(dst, math.Exp2(-f)), true
}

// apertureText writes the APEX value Av as the F number 2^(Av/2) (Exif 3.0, annex C), with one decimal as
// on lenses: Av is rounded, and two decimals would make 5.66 of f/5.6.
func apertureText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	f, ok := singleNumber(&t.val)
	if !ok || math.Abs(f) > maxAPEX {
		return dst, false
	}
	dst = append(dst, "f/"...)
	f = math.Exp2(f / 2)
	if f < 1 {
		return appendDecimal(dst, f, 2), true
	}
	return appendDecimal(dst, f, 1), true
}

// exposureBias writes the exposure compensation with its sign.
func exposureBias(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	f, ok := singleNumber(&t.val)
	if !ok {
		return dst, false
	}
	if f > 0 {
		dst = append(dst, '+')
	}
	dst = appendDecimal(dst, f, 2)
	return append(dst, " EV"...), true
}

// digitalZoom writes the ratio; 0 means not used (Exif 3.0, 4.6.6, DigitalZoomRatio).
func digitalZoom(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	f, ok := singleNumber(&t.val)
	if !ok {
		return dst, false
	}
	if f == 0 {
		return append(dst, "Not used"...), true
	}
	dst = appendDecimal(dst, f, 2)
	return append(dst, 'x'), true
}

// focalLength35 writes millimeters; 0 means unknown (Exif 3.0, 4.6.6, FocalLengthIn35mmFilm).
func focalLength35(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	f, ok := singleNumber(&t.val)
	if !ok {
		return dst, false
	}
	if f == 0 {
		return append(dst, "Unknown"...), true
	}
	dst = appendDecimal(dst, f, 2)
	return append(dst, " mm"...), true
}

// lensText writes the shortest and longest focal length and their F numbers, "18-55mm f/3.5-5.6"
// (Exif 3.0, 4.6.6, LensSpecification; DNG 1.7.1, LensInfo). An unknown number is 0/0 in the standard,
// n/0 or 0 from some writers.
func lensText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	v := &t.val
	if v.n != 4 || v.kind == kindText {
		return dst, false
	}
	known := false
	for i := range 4 {
		f, ok := v.quotient(i)
		known = known || ok && f > 0
	}
	if !known {
		return append(dst, "Unknown"...), true
	}
	dst = appendSpan(dst, v, 0)
	dst = append(dst, "mm f/"...)
	return appendSpan(dst, v, 2), true
}

// appendSpan appends the i'th number and the next, or one of them if they are equal.
func appendSpan(dst []byte, v *value, i int) []byte {
	a, okA := v.quotient(i)
	b, okB := v.quotient(i + 1)
	okA, okB = okA && a > 0, okB && b > 0
	appendOne := func(dst []byte, f float64, ok bool) []byte {
		if !ok {
			return append(dst, '?')
		}
		return appendDecimal(dst, f, 2)
	}
	dst = appendOne(dst, a, okA)
	if okA != okB || okA && a != b {
		dst = append(dst, '-')
		dst = appendOne(dst, b, okB)
	}
	return dst
}

// coordinateText writes a latitude or longitude in degrees, minutes and seconds: 39° 54' 15.12" N. It
// accepts any split over the three fractions. The 4 decimals of seconds are 3 mm.
func coordinateText(dst []byte, m *Metadata, t *tag) (out []byte, ok bool) {
	if !coordinateLike(&t.val) {
		return dst, false
	}
	f, ref, ok := signedCoordinate(m, t)
	if !ok {
		return append(dst, "Undefined"...), true
	}
	const perSecond = 10000
	total := math.Round(math.Abs(f) * 3600 * perSecond)
	if total >= 1<<53 {
		return dst, false
	}
	n := int64(total)
	seconds := float64(n%(60*perSecond)) / perSecond
	n /= 60 * perSecond
	if f < 0 {
		// sign and letter state the same: show only the letter
		switch ref {
		case 'N':
			ref = 'S'
		case 'E':
			ref = 'W'
		case 0:
			dst = append(dst, '-')
		}
	}
	dst = strconv.AppendInt(dst, n/60, 10)
	dst = append(dst, "° "...)
	dst = strconv.AppendInt(dst, n%60, 10)
	dst = append(dst, "' "...)
	start := len(dst)
	dst = trimZeros(strconv.AppendFloat(dst, seconds, 'f', 4, 64), start)
	dst = append(dst, '\\', '"')
	if ref != 0 {
		dst = append(dst, ' ', ref)
	}
	return dst, true
}

// altitudeText writes meters above or below the surface that the Ref tag names, if any.
func altitudeText(dst []byte, m *Metadata, t *tag) (out []byte, ok bool) {
	f, ref, ok := signedAltitude(m, t)
	if !ok {
		return dst, false
	}
	surface := surfaceOf(m, ref)
	if surface == "" {
		dst = appendDecimal(dst, f, 2)
		return append(dst, " m"...), true
	}
	dst = appendDecimal(dst, math.Abs(f), 2)
	if f < 0 {
		dst = append(dst, " m below "...)
	} else {
		dst = append(dst, " m above "...)
	}
	return append(dst, surface...), true
}

// altitudeRefText writes the surface that altitudes are above or below.
func altitudeRefText(dst []byte, m *Metadata, t *tag) (out []byte, ok bool) {
	if t.val.kind == kindText || t.val.n != 1 {
		return dst, false
	}
	n, ok := integerAt(&t.val, 0)
	if !ok {
		return dst, false
	}
	surface := surfaceOf(m, n)
	switch {
	case surface == "":
		return appendUnknown(dst, n), true
	case n&1 != 0:
		dst = append(dst, "Below "...)
	default:
		dst = append(dst, "Above "...)
	}
	return append(dst, surface...), true
}

// surfaceOf returns the surface of a GPSAltitudeRef, "" if unknown. 0 and 1 are sea level up to Exif 2.32;
// Exif 3.0 (4.6.7, GPSAltitudeRef) makes them the ellipsoid, and 2 and 3 sea level.
func surfaceOf(m *Metadata, ref int64) string {
	switch ref {
	case 0, 1:
		if v := m.find(exifIFD, 0x9000); v != nil && versionDigits(&v.val) >= "0300" {
			return "the ellipsoid"
		}
		return "sea level"
	case 2, 3:
		return "sea level"
	}
	return ""
}

// timeStampText writes "14:44:09 UTC".
func timeStampText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	out, ok = appendClock(dst, &t.val)
	if !ok {
		return dst, false
	}
	return append(out, " UTC"...), true
}

// appendByRef appends a number and the unit that its Ref tag names, whose number is one less.
func appendByRef(dst []byte, m *Metadata, t *tag, unit func(ref byte) string) (out []byte, ok bool) {
	f, ok := singleNumber(&t.val)
	if !ok {
		return dst, false
	}
	dst = appendDecimal(dst, f, 2)
	return append(dst, unit(gpsRef(m, t))...), true
}

func gpsSpeed(dst []byte, m *Metadata, t *tag) (out []byte, ok bool) {
	return appendByRef(dst, m, t, func(ref byte) string {
		switch ref {
		case 'K':
			return " km/h"
		case 'M':
			return " mph"
		case 'N':
			return " knots"
		}
		return ""
	})
}

func gpsDistance(dst []byte, m *Metadata, t *tag) (out []byte, ok bool) {
	return appendByRef(dst, m, t, func(ref byte) string {
		switch ref {
		case 'K':
			return " km"
		case 'M':
			return " miles"
		case 'N':
			return " nautical miles"
		}
		return ""
	})
}

func gpsDirection(dst []byte, m *Metadata, t *tag) (out []byte, ok bool) {
	return appendByRef(dst, m, t, func(ref byte) string {
		switch ref {
		case 'T':
			return "° true"
		case 'M':
			return "° magnetic"
		}
		return "°"
	})
}

// learningText writes the pairs of LearningOptOutIn, which come after their count.
func learningText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	v := &t.val
	if v.kind != kindInt || v.n%2 == 0 || v.n > maxNumbersShown || v.int(0) != int64(v.n/2) {
		return dst, false
	}
	if v.n == 1 {
		return append(dst, "None"...), true
	}
	for i := 1; i < v.n; i += 2 {
		if i > 1 {
			dst = append(dst, ", "...)
		}
		dst = appendName(dst, learningUses, v.int(i))
		dst = append(dst, ": "...)
		dst = appendName(dst, learningIntents, v.int(i+1))
	}
	return dst, true
}

// developmentText writes the two bytes of DevelopmentType.
func developmentText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	if t.val.n != 1 {
		return dst, false
	}
	n, ok := integerAt(&t.val, 0)
	if !ok {
		return dst, false
	}
	dst = appendName(dst, developmentAccuracy, n>>8)
	dst = append(dst, ", "...)
	return appendName(dst, developmentSettings, n&0xFF), true
}

// imageTypeText writes the bits of JPEG XR's ImageType.
func imageTypeText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	return appendBits(dst, t, "None", "Preview", "Page")
}

// pixelFormatText writes the pixel format of a JPEG XR GUID. The GUIDs differ in their last byte only.
func pixelFormatText(dst []byte, _ *Metadata, t *tag) (out []byte, ok bool) {
	const common = "\x24\xC3\xDD\x6F\x03\x4E\xFE\x4B\xB1\x85\x3D\x77\x76\x8D\xC9"
	v := &t.val
	if v.kind != kindInt || v.n != len(common)+1 {
		return dst, false
	}
	for i := range len(common) {
		if v.int(i) != int64(common[i]) {
			return dst, false
		}
	}
	name, ok := pixelFormats[v.int(len(common))]
	return append(dst, name...), ok
}
