package exif

import (
	"math"
	"slices"
	"strconv"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// appendLibexif renders a value as libexif describes it in English, always as a string: the words of Qiniu's
// answers. Texts that libexif can't decode, as of a UserComment in UTF-16, render as texts.
func appendLibexif(dst []byte, _ *Metadata, t *tag) []byte {
	dst = append(dst, '"')
	dst = appendLibexifText(dst, t)
	return append(dst, '"')
}

func appendLibexifText(dst []byte, t *tag) []byte {
	v := &t.val
	switch {
	case t.dir == gpsIFD:
		return appendLibexifGPS(dst, t)
	case t.dir == interopIFD:
		return appendLibexifPlain(dst, v)
	case v.kind == kindText:
		switch t.id {
		case 0x8298: // Copyright; the editor's follows the NUL that ends the text
			if v.text == "" {
				dst = append(dst, "[None]"...)
			}
			return append(appendEscaped(dst, v.text), " (Photographer) - [None] (Editor)"...)
		case 0x9000: // ExifVersion
			if version, ok := libexifVersions[v.text]; ok {
				return append(append(dst, "Exif Version "...), version...)
			}
			return append(dst, "Unknown Exif Version"...)
		case 0xA000: // FlashpixVersion
			switch v.text {
			case "0100":
				return append(dst, "FlashPix Version 1.0"...)
			case "0101":
				return append(dst, "FlashPix Version 1.01"...)
			}
			return append(dst, "Unknown FlashPix Version"...)
		}
	case v.kind == kindInt && v.n == 1:
		return appendLibexifWord(dst, t)
	case v.kind == kindInt:
		switch {
		case t.id == 0x9101 && v.n == 4: // ComponentsConfiguration
			for i := range v.n {
				if i > 0 {
					dst = append(dst, ' ')
				}
				name, ok := componentNames[v.int(i)]
				if !ok {
					name = "Reserved"
				}
				dst = append(dst, name...)
			}
			return dst
		case t.id == 0x0212 && v.n == 2 && v.int(0) == 2 && (v.int(1) == 1 || v.int(1) == 2): // YCbCrSubSampling
			return append(dst, [...]string{"YCbCr4:2:2", "YCbCr4:2:0"}[v.int(1)-1]...)
		case t.id == 0x9214 && v.n >= 2 && v.n <= 4: // SubjectArea
			return appendLibexifArea(dst, v)
		}
	case v.kind == kindRat && v.n == 1:
		if f, ok := v.quotient(0); ok {
			if out, ok := appendLibexifFraction(dst, t.id, f); ok {
				return out
			}
		}
	}
	return appendLibexifPlain(dst, v)
}

// appendLibexifWord appends the word for an integer, or the integer if there are no words for the tag.
func appendLibexifWord(dst []byte, t *tag) []byte {
	n := t.val.int(0)
	if words, ok := libexifLists[t.id]; ok {
		switch {
		case n < 0 || n >= int64(len(words)):
			return strconv.AppendInt(dst, n, 10)
		case words[n] == "":
			return strconv.AppendInt(append(dst, "Unknown value "...), n, 10)
		}
		return append(dst, words[n]...)
	}
	if words, ok := libexifWords[t.id]; ok {
		if word, ok := words[n]; ok {
			return append(dst, word...)
		}
		dst = strconv.AppendInt(append(dst, "Internal error (unknown value "...), n, 10)
		return append(dst, ')')
	}
	return appendLibexifPlain(dst, &t.val)
}

// appendLibexifFraction appends the text for a fraction; ok is false for tags without one.
func appendLibexifFraction(dst []byte, id uint16, f float64) (out []byte, ok bool) {
	number := func(f float64, decimals int) { dst = strconv.AppendFloat(dst, f, 'f', decimals, 64) }
	seconds := func(f float64) {
		if f < 1 && f != 0 {
			dst = append(dst, "1/"...)
			f = 1 / f
		}
		number(f, 0)
		dst = append(dst, " sec."...)
	}
	switch id {
	case 0x829A: // ExposureTime
		seconds(f)
	case 0x829D: // FNumber
		dst = append(dst, "f/"...)
		number(f, 1)
	case 0x9201: // ShutterSpeedValue
		number(f, 2)
		dst = append(dst, " EV ("...)
		seconds(math.Exp2(-f))
		dst = append(dst, ')')
	case 0x9202, 0x9205: // ApertureValue, MaxApertureValue
		number(f, 2)
		dst = append(dst, " EV (f/"...)
		number(math.Exp2(f/2), 1)
		dst = append(dst, ')')
	case 0x9203: // BrightnessValue, and the luminance of its foot-lamberts
		number(f, 2)
		dst = append(dst, " EV ("...)
		number(math.Exp2(f)/(math.Pi*0.3048*0.3048), 2)
		dst = append(dst, " cd/m^2)"...)
	case 0x9204: // ExposureBiasValue
		number(f, 2)
		dst = append(dst, " EV"...)
	case 0x9206: // SubjectDistance
		number(f, 1)
		dst = append(dst, " m"...)
	case 0x920A: // FocalLength
		number(f, 1)
		dst = append(dst, " mm"...)
	default:
		return dst, false
	}
	return dst, true
}

// appendLibexifArea appends a SubjectArea: a point, a circle or a rectangle.
func appendLibexifArea(dst []byte, v *value) []byte {
	number := func(i int) { dst = strconv.AppendInt(dst, v.int(i), 10) }
	point := func() {
		dst = append(dst, "(x,y) = ("...)
		number(0)
		dst = append(dst, ',')
		number(1)
		dst = append(dst, ')')
	}
	switch v.n {
	case 3:
		dst = append(dst, "Within distance "...)
		number(2)
		dst = append(dst, " of "...)
	case 4:
		dst = append(dst, "Within rectangle (width "...)
		number(2)
		dst = append(dst, ", height "...)
		number(3)
		dst = append(dst, ") around "...)
	}
	point()
	return dst
}

func appendLibexifGPS(dst []byte, t *tag) []byte {
	v := &t.val
	switch {
	case t.id == 0x0000 && v.kind == kindInt && v.n == 4: // GPSVersionID
		out, _ := dottedText(dst, nil, t)
		return out
	case t.id == 0x0005 && v.kind == kindInt && v.n == 1: // GPSAltitudeRef
		switch n := v.int(0); n {
		case 0:
			return append(dst, "Sea level"...)
		case 1:
			return append(dst, "Sea level reference"...)
		default:
			return append(strconv.AppendInt(append(dst, "Internal error (unknown value "...), n, 10), ')')
		}
	case t.id == 0x0007 && v.kind == kindRat && v.n == 3: // GPSTimeStamp
		h, ok1 := v.quotient(0)
		m, ok2 := v.quotient(1)
		s, ok3 := v.quotient(2)
		if ok1 && ok2 && ok3 && h >= 0 && h < 100 && m >= 0 && m < 100 && s >= 0 {
			dst = append(appendTwoDigits(dst, int64(h)), ':')
			dst = append(appendTwoDigits(dst, int64(m)), ':')
			start := len(dst)
			dst = strconv.AppendFloat(append(dst, '0'), s, 'f', 2, 64)
			if len(dst) > start+len("00.00") {
				dst = slices.Delete(dst, start, start+1)
			}
			return dst
		}
	}
	return appendLibexifPlain(dst, v)
}

// appendLibexifPlain appends a value by its type alone: fractions with as many decimals as their denominators
// give, bytes in hexadecimal.
func appendLibexifPlain(dst []byte, v *value) []byte {
	switch {
	case v.kind == kindText:
		return appendEscaped(dst, v.text)
	case v.typ == container.TypeUndefined:
		return append(strconv.AppendInt(dst, int64(v.n), 10), " bytes undefined data"...)
	}
	for i := range v.n {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		switch {
		case v.kind == kindInt && (v.typ == container.TypeByte || v.typ == container.TypeSByte):
			const hex = "0123456789abcdef"
			n := byte(v.int(i)) //nolint:gosec // the byte as stored
			dst = append(dst, '0', 'x', hex[n>>4], hex[n&15])
		case v.kind == kindRat:
			dst = appendLibexifDecimal(dst, v, i)
		default:
			dst = appendNumber(dst, v, i)
		}
	}
	return dst
}

func appendLibexifDecimal(dst []byte, v *value, i int) []byte {
	f, ok := v.quotient(i)
	if !ok {
		return appendNumber(dst, v, i)
	}
	_, den := v.rat(i)
	decimals := int(math.Log10(math.Abs(float64(den))) + 0.92) // two for denominators of 13 to 120
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', decimals, 64)
	if len(dst) == start+1 { // libexif writes at least two characters
		dst = append(dst[:start], ' ', dst[start])
	}
	return dst
}

// libexifVersions are the versions of Exif that libexif knows.
var libexifVersions = map[string]string{
	"0110": "1.1", "0120": "1.2", "0200": "2.0", "0210": "2.1", "0220": "2.2", "0221": "2.21", "0230": "2.3", "0231": "2.31", "0232": "2.32",
}

// libexifLists are the words for the values 0, 1, …; libexif writes a value beyond them as a number.
var libexifLists = map[uint16][]string{
	0x0106: {"Reversed mono", "Normal mono", "RGB", "Palette", "", "CMYK", "YCbCr", "", "CieLAB"},
	0x0112: {"", "Top-left", "Top-right", "Bottom-right", "Bottom-left", "Left-top", "Right-top", "Right-bottom", "Left-bottom"},
	0x011C: {"Chunky format", "Planar format"},
	0x0213: {"", "Centered", "Co-sited"},
	0xA217: {
		"", "Not defined", "One-chip color area sensor", "Two-chip color area sensor", "Three-chip color area sensor",
		"Color sequential area sensor", "", "Trilinear sensor", "Color sequential linear sensor",
	},
	0xA401: {"Normal process", "Custom process"},
	0xA402: {"Auto exposure", "Manual exposure", "Auto bracket"},
	0xA403: {"Auto white balance", "Manual white balance"},
	0xA406: {"Standard", "Landscape", "Portrait", "Night scene"},
	0xA407: {"Normal", "Low gain up", "High gain up", "Low gain down", "High gain down"},
	0xA408: {"Normal", "Soft", "Hard"},
	0xA409: {"Normal", "Low saturation", "High saturation"},
	0xA40A: {"Normal", "Soft", "Hard"},
}

// libexifWords are the words for the values of the other enumerations; libexif calls any other value unknown.
var libexifWords = map[uint16]map[int64]string{
	0x0103: {
		1: "Uncompressed", 5: "LZW compression", 6: "JPEG compression", 7: "JPEG compression", 8: "Deflate/ZIP compression",
		32773: "PackBits compression",
	},
	0x0128: {2: "Inch", 3: "Centimeter"},
	0x8822: {
		0: "Not defined", 1: "Manual", 2: "Normal program", 3: "Aperture priority", 4: "Shutter priority",
		5: "Creative program (biased toward depth of field)",
		6: "Creative program (biased toward fast shutter speed)",
		7: "Portrait mode (for closeup photos with the background out of focus)",
		8: "Landscape mode (for landscape photos with the background in focus)",
	},
	0x8830: {
		0: "Unknown", 1: "Standard output sensitivity (SOS)", 2: "Recommended exposure index (REI)", 3: "ISO speed",
		4: "Standard output sensitivity (SOS) and recommended exposure index (REI)",
		5: "Standard output sensitivity (SOS) and ISO speed",
		6: "Recommended exposure index (REI) and ISO speed",
		7: "Standard output sensitivity (SOS) and recommended exposure index (REI) and ISO speed",
	},
	0x9207: {
		0: "Unknown", 1: "Average", 2: "Center-weighted average", 3: "Spot", 4: "Multi spot", 5: "Pattern", 6: "Partial", 255: "Other",
	},
	0x9208: {
		0: "Unknown", 1: "Daylight", 2: "Fluorescent", 3: "Tungsten incandescent light", 4: "Flash", 9: "Fine weather",
		10: "Cloudy weather", 11: "Shade", 12: "Daylight fluorescent", 13: "Day white fluorescent", 14: "Cool white fluorescent",
		15: "White fluorescent", 17: "Standard light A", 18: "Standard light B", 19: "Standard light C", 20: "D55", 21: "D65",
		22: "D75", 24: "ISO studio tungsten", 255: "Other",
	},
	0x9209: {
		0x00: "Flash did not fire",
		0x01: "Flash fired",
		0x05: "Strobe return light not detected",
		0x07: "Strobe return light detected",
		0x08: "Flash did not fire",
		0x09: "Flash fired, compulsory flash mode",
		0x0D: "Flash fired, compulsory flash mode, return light not detected",
		0x0F: "Flash fired, compulsory flash mode, return light detected",
		0x10: "Flash did not fire, compulsory flash mode",
		0x18: "Flash did not fire, auto mode",
		0x19: "Flash fired, auto mode",
		0x1D: "Flash fired, auto mode, return light not detected",
		0x1F: "Flash fired, auto mode, return light detected",
		0x20: "No flash function",
		0x41: "Flash fired, red-eye reduction mode",
		0x45: "Flash fired, red-eye reduction mode, return light not detected",
		0x47: "Flash fired, red-eye reduction mode, return light detected",
		0x49: "Flash fired, compulsory flash mode, red-eye reduction mode",
		0x4D: "Flash fired, compulsory flash mode, red-eye reduction mode, return light not detected",
		0x4F: "Flash fired, compulsory flash mode, red-eye reduction mode, return light detected",
		0x58: "Flash did not fire, auto mode, red-eye reduction mode",
		0x59: "Flash fired, auto mode, red-eye reduction mode",
		0x5D: "Flash fired, auto mode, return light not detected, red-eye reduction mode",
		0x5F: "Flash fired, auto mode, return light detected, red-eye reduction mode",
	},
	0xA001: {1: "sRGB", 2: "Adobe RGB", 0xFFFF: "Uncalibrated"},
	0xA210: {2: "Inch", 3: "Centimeter"},
	0xA300: {3: "DSC"},
	0xA301: {1: "Directly photographed"},
	0xA40C: {0: "Unknown", 1: "Macro", 2: "Close view", 3: "Distant view"},
	0xA460: {0: "Unknown", 1: "Not a composite image", 2: "General composite image", 3: "Composite image captured while shooting"},
}
