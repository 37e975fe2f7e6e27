package exif

// description defines how appendDescribed renders a tag. Values that it doesn't cover render without one.
type description struct {
	// numbers has the meanings of the numbers of an enumeration. Others render as "Unknown (17)".
	numbers map[int64]string
	// padded is true if zeros after the first number are padding.
	padded bool
	// letters has the meanings of the texts of an enumeration, keyed in upper case. Others render as
	// "Unknown (X)".
	letters map[string]string
	// prefix and unit surround a single rounded number.
	prefix, unit string
	// write appends all other values, as the content of a JSON string; ok is false if it can't.
	write func(dst []byte, m *Metadata, t *tag) (out []byte, ok bool)
}

// descriptionOf returns the description of a tag. Each directory with numbers of its own has a table, as
// in lookup; IFD1's tags have the meanings of IFD0's.
func descriptionOf(d directory, id uint16) (description, bool) {
	var table map[uint16]description
	switch d {
	case gpsIFD:
		table = gpsDescriptions
	case interopIFD:
		table = interopDescriptions
	default:
		table = imageDescriptions
	}
	desc, ok := table[id]
	return desc, ok
}

// imageDescriptions has the descriptions of IFD0, IFD1 and the Exif directory.
//
// It lacks YCbCrPositioning, which KS3's table shows as a number, and TIFF/EP's own
// FocalPlaneResolutionUnit (0x9210), since readers disagree about its numbers: 2 is the meter to some
// and the inch to others.
var imageDescriptions = map[uint16]description{
	// TIFF 6.0, section 8 (baseline fields), and DNG 1.7.1, chapter 4, for the bits from 8 on
	0x00FE: {write: newSubfileType},
	0x00FF: {numbers: map[int64]string{
		1: "Full-resolution image",
		2: "Reduced-resolution image",
		3: "Single page of a multi-page image",
	}},
	0x0103: {numbers: compressions},
	0x0106: {numbers: map[int64]string{
		0:     "White is zero",
		1:     "Black is zero",
		2:     "RGB",
		3:     "RGB palette",
		4:     "Transparency mask",
		5:     "CMYK",               // TIFF 6.0, section 16
		6:     "YCbCr",              // section 21
		8:     "CIE L*a*b*",         // section 23
		9:     "ICC L*a*b*",         // TIFF Technical Note 4
		10:    "ITU L*a*b*",         // TIFF-FX, RFC 3949
		32803: "Color filter array", // TIFF/EP
		32844: "CIE log2(L)",        // SGI LogLuv
		32845: "CIE log2(L) (u', v')",
		32892: "Sequential color filter", // Sony
		34892: "Linear raw",              // DNG
		51177: "Depth map",               // DNG 1.5
		52527: "Semantic mask",           // DNG 1.6
	}},
	0x0107: {numbers: map[int64]string{
		1: "No dithering or halftoning",
		2: "Ordered dither or halftone",
		3: "Randomized process",
	}},
	0x010A: {numbers: map[int64]string{1: "High bits first", 2: "Low bits first"}},
	0x0112: {numbers: map[int64]string{
		// KS3's words for the places of row 0 and column 0, and the rotation and mirroring of the picture
		1: "Normal (upper-left)",
		2: "Mirrored horizontally (upper-right)",
		3: "Rotated 180° (lower-right)",
		4: "Mirrored vertically (lower-left)",
		5: "Mirrored horizontally and rotated 270° CW (left-upper)",
		6: "Rotated 90° CW (right-upper)",
		7: "Mirrored horizontally and rotated 90° CW (right-lower)",
		8: "Rotated 270° CW (left-lower)",
	}},
	0x011C: {numbers: map[int64]string{1: "Chunky", 2: "Planar"}},
	0x0122: {numbers: map[int64]string{
		1: "Tenths", 2: "Hundredths", 3: "Thousandths", 4: "Ten-thousandths", 5: "Hundred-thousandths",
	}},
	0x0128: {numbers: map[int64]string{1: "None", 2: "Dpi", 3: "Dpcm"}},
	0x0152: {numbers: map[int64]string{
		0: "Unspecified", 1: "Associated alpha", 2: "Unassociated alpha",
	}},

	// TIFF 6.0, part 2 (extensions)
	0x0124: {write: t4Options},
	0x0125: {write: t6Options},
	0x013D: {numbers: map[int64]string{
		1:     "None",
		2:     "Horizontal differencing",
		3:     "Floating point",             // TIFF Technical Note 3
		34892: "Horizontal differencing X2", // DNG 1.5
		34893: "Horizontal differencing X4",
		34894: "Floating point X2",
		34895: "Floating point X4",
	}},
	0x014C: {numbers: map[int64]string{1: "CMYK", 2: "Not CMYK"}},
	0x0153: {numbers: map[int64]string{
		1: "Unsigned integer", 2: "Signed integer", 3: "Floating point", 4: "Undefined",
		5: "Complex integer", 6: "Complex floating point", // TIFF Technical Note 3 (draft), libtiff
	}},
	0x0200: {numbers: map[int64]string{1: "Baseline sequential", 14: "Lossless with Huffman coding"}},
	0x0205: {numbers: map[int64]string{
		1: "A", 2: "B", 3: "C", 4: "A+B-C", 5: "A+((B-C)/2)", 6: "B+((A-C)/2)", 7: "(A+B)/2",
	}},
	0x0212: {write: subSampling},

	// TIFF/EP (ISO 12234-2), 5.2
	0x828E: {write: repeatedPattern},
	0x9212: {letters: map[string]string{
		"C": "Confidential", "R": "Restricted", "S": "Secret", "T": "Top secret", "U": "Unclassified",
	}},
	0x9216: {write: dottedText},
	0x9217: {numbers: map[int64]string{
		0: "Undefined",
		1: "Monochrome area sensor",
		2: "One-chip color area sensor",
		3: "Two-chip color area sensor",
		4: "Three-chip color area sensor",
		5: "Color sequential area sensor",
		6: "Monochrome linear sensor",
		7: "Trilinear sensor",
		8: "Color sequential linear sensor",
	}},

	// Exif 3.0, 4.6.6: version, configuration
	0x9000: {write: versionText},
	0xA000: {write: versionText},
	0xA001: {numbers: map[int64]string{
		1:      "sRGB",
		2:      "Adobe RGB",      // nonstandard; the standard has Uncalibrated and R03 for it
		0xFFFD: "Wide gamut RGB", // Sony
		0xFFFE: "ICC profile",
		0xFFFF: "Uncalibrated",
	}},
	0x9101: {write: componentsText},

	// Exif 3.0, 4.6.6: picture-taking conditions
	0x829A: {write: exposureTime},
	0x829D: {prefix: "f/"},
	0x8822: {numbers: map[int64]string{
		0: "Not defined",
		1: "Manual",
		2: "Normal program",
		3: "Aperture priority",
		4: "Shutter priority",
		5: "Creative program (depth of field)",
		6: "Action program (fast shutter speed)",
		7: "Portrait mode",
		8: "Landscape mode",
		9: "Bulb", // Canon
	}},
	0x8830: {numbers: map[int64]string{
		0: "Unknown",
		1: "Standard output sensitivity",
		2: "Recommended exposure index",
		3: "ISO speed",
		4: "Standard output sensitivity and recommended exposure index",
		5: "Standard output sensitivity and ISO speed",
		6: "Recommended exposure index and ISO speed",
		7: "Standard output sensitivity, recommended exposure index and ISO speed",
	}},
	0x9201: {write: shutterSpeed},
	0x9202: {write: apertureText},
	0x9203: {unit: " EV"},
	0x9204: {write: exposureBias},
	0x9205: {write: apertureText},
	0x9206: {unit: " m"},
	0x9207: {numbers: map[int64]string{
		0:   "Unknown",
		1:   "Average",
		2:   "Center-weighted average",
		3:   "Spot",
		4:   "Multi-spot",
		5:   "Pattern",
		6:   "Partial",
		255: "Other",
	}},
	0x9208: {numbers: lightSources},
	0x9209: {write: flashText},
	0x920A: {unit: " mm"},
	0x920B: {unit: " BCPS"}, // TIFF/EP's number
	0xA20B: {unit: " BCPS"},
	0xA210: {numbers: map[int64]string{
		1: "None", 2: "Inch", 3: "Centimeter",
		4: "Millimeter", 5: "Micrometer", // nonstandard
	}},
	0xA217: {numbers: map[int64]string{
		1: "Not defined",
		2: "One-chip color area sensor",
		3: "Two-chip color area sensor",
		4: "Three-chip color area sensor",
		5: "Color sequential area sensor",
		7: "Trilinear sensor",
		8: "Color sequential linear sensor",
	}},
	// Sigma stores these in 4 bytes
	0xA300: {padded: true, numbers: map[int64]string{
		0: "Other", 1: "Transparency scanner", 2: "Reflex scanner", 3: "Digital still camera",
	}},
	0xA301: {padded: true, numbers: map[int64]string{1: "Directly photographed"}},
	0xA302: {write: cfaCells},
	0xA401: {numbers: map[int64]string{
		0: "Normal process",
		1: "Custom process",
		// Apple's
		2: "HDR (no original saved)",
		3: "HDR (original saved)",
		4: "Original (for HDR)",
		6: "Panorama",
		7: "Portrait HDR",
		8: "Portrait",
	}},
	0xA402: {numbers: map[int64]string{0: "Auto exposure", 1: "Manual exposure", 2: "Auto bracket"}},
	0xA403: {numbers: map[int64]string{0: "Auto white balance", 1: "Manual white balance"}},
	0xA404: {write: digitalZoom},
	0xA405: {write: focalLength35},
	0xA406: {numbers: map[int64]string{0: "Standard", 1: "Landscape", 2: "Portrait", 3: "Night scene", 4: "Other"}}, // 4 is Samsung's
	0xA407: {numbers: map[int64]string{
		0: "None", 1: "Low gain up", 2: "High gain up", 3: "Low gain down", 4: "High gain down",
	}},
	0xA408: {numbers: map[int64]string{0: "Normal", 1: "Soft", 2: "Hard"}},
	0xA409: {numbers: map[int64]string{0: "Normal", 1: "Low saturation", 2: "High saturation"}},
	0xA40A: {numbers: map[int64]string{0: "Normal", 1: "Soft", 2: "Hard"}},
	0xA40C: {numbers: map[int64]string{0: "Unknown", 1: "Macro", 2: "Close view", 3: "Distant view"}},

	// Exif 3.0, 4.6.6: shooting situation, lens, composite images
	0x9400: {unit: " °C"},
	0x9401: {unit: "%"},
	0x9402: {unit: " hPa"},
	0x9403: {unit: " m"},
	0x9404: {unit: " mGal"},
	0x9405: {unit: "°"},
	0xA432: {write: lensText},
	0xA460: {numbers: map[int64]string{
		0: "Unknown",
		1: "Not a composite image",
		2: "General composite image",
		3: "Composite image captured when shooting",
	}},

	// DNG 1.7.1, chapter 4
	0xC612: {write: dottedText},
	0xC613: {write: dottedText},
	0xC616: {numbers: filterColors},
	0xC617: {numbers: map[int64]string{
		1: "Rectangular",
		2: "Even columns offset down by half a row",
		3: "Even columns offset up by half a row",
		4: "Even rows offset right by half a column",
		5: "Even rows offset left by half a column",
		6: "Even rows offset up by half a row, even columns offset left by half a column",
		7: "Even rows offset up by half a row, even columns offset right by half a column",
		8: "Even rows offset down by half a row, even columns offset left by half a column",
		9: "Even rows offset down by half a row, even columns offset right by half a column",
	}},
	0xC630: {write: lensText},
	0xC635: {numbers: map[int64]string{0: "Unsafe", 1: "Safe"}},
	0xC65A: {numbers: lightSources},
	0xC65B: {numbers: lightSources},
	0xCD31: {numbers: lightSources},
	0xC6BF: {numbers: map[int64]string{
		0: "Scene-referred", 1: "Output-referred (ICC)", 2: "Output-referred (HDR)",
	}},
	0xC6FD: {numbers: map[int64]string{
		0: "Allow copying", 1: "Embed if used", 2: "Never embed", 3: "No restrictions",
	}},
	0xC71A: {numbers: map[int64]string{
		0: "Unknown", 1: "Gray gamma 2.2", 2: "sRGB", 3: "Adobe RGB", 4: "ProPhoto RGB",
	}},
	0xC7A3: {numbers: mapEncodings},
	0xC7A4: {numbers: mapEncodings},
	0xC7A6: {numbers: map[int64]string{0: "Auto", 1: "None"}},
	0xC7E9: {numbers: map[int64]string{0: "Unknown", 1: "Linear", 2: "Inverse"}},
	0xC7EC: {numbers: map[int64]string{0: "Unknown", 1: "Meters"}},
	0xC7ED: {numbers: map[int64]string{0: "Unknown", 1: "Along the optical axis", 2: "Along the optical ray"}},

	// Exif 3.1, 4.6.6: machine learning, development
	0x9287: {write: learningText},
	0xA40D: {write: developmentText},
	0xA40F: {numbers: yesNo},
	0xA410: {numbers: yesNo},
	0xA411: {numbers: yesNo},
	0xA412: {numbers: yesNo},

	// TIFF class F (RFC 2306, 4), TIFF/IT (ISO 12639)
	0x0147: {numbers: map[int64]string{0: "Clean", 1: "Regenerated", 2: "Unclean"}},
	0x84E3: {numbers: map[int64]string{0: "Byte", 1: "Word", 2: "Long word", 9: "Sector", 10: "Long sector"}},
	0x84EE: {numbers: map[int64]string{0: "Contone", 1: "Line art", 2: "Trap"}},

	// JPEG XR (ITU-T T.832, annex A)
	0xBC01: {write: pixelFormatText},
	0xBC02: {numbers: map[int64]string{
		0: "Normal",
		1: "Mirrored vertically",
		2: "Mirrored horizontally",
		3: "Rotated 180°",
		4: "Rotated 90° CW",
		5: "Mirrored horizontally and rotated 90° CW",
		6: "Mirrored horizontally and rotated 270° CW",
		7: "Rotated 270° CW",
	}},
	0xBC03: {numbers: yesNo},
	0xBC04: {write: imageTypeText},
	0xBCC4: {numbers: discardedBands},
	0xBCC5: {numbers: discardedBands},
}

// gpsDescriptions has the descriptions of the GPS directory: Exif 3.0, 4.6.7.
var gpsDescriptions = map[uint16]description{
	0x0000: {write: dottedText},
	0x0001: {letters: latitudeRefs},
	0x0002: {write: coordinateText},
	0x0003: {letters: longitudeRefs},
	0x0004: {write: coordinateText},
	0x0005: {write: altitudeRefText},
	0x0006: {write: altitudeText},
	0x0007: {write: timeStampText},
	0x0009: {letters: map[string]string{"A": "Measurement in progress", "V": "Measurement interrupted"}},
	0x000A: {letters: map[string]string{"2": "2-dimensional measurement", "3": "3-dimensional measurement"}},
	0x000C: {letters: map[string]string{"K": "Kilometers per hour", "M": "Miles per hour", "N": "Knots"}},
	0x000D: {write: gpsSpeed},
	0x000E: {letters: directionRefs},
	0x000F: {write: gpsDirection},
	0x0010: {letters: directionRefs},
	0x0011: {write: gpsDirection},
	0x0013: {letters: latitudeRefs},
	0x0014: {write: coordinateText},
	0x0015: {letters: longitudeRefs},
	0x0016: {write: coordinateText},
	0x0017: {letters: directionRefs},
	0x0018: {write: gpsDirection},
	0x0019: {letters: map[string]string{"K": "Kilometers", "M": "Miles", "N": "Nautical miles"}},
	0x001A: {write: gpsDistance},
	0x001E: {numbers: map[int64]string{0: "Without correction", 1: "Differential correction applied"}},
	0x001F: {unit: " m"},
}

// interopDescriptions has the descriptions of the Interoperability directory: Exif 3.0, 4.6.8, and DCF
// (CIPA DC-009), 3.
var interopDescriptions = map[uint16]description{
	0x0001: {letters: map[string]string{
		"R98": "DCF basic file (R98)",
		"R03": "DCF option file (R03)",
		"THM": "DCF thumbnail file (THM)",
	}},
	0x0002: {write: versionText},
}

var (
	latitudeRefs  = map[string]string{"N": "North", "S": "South"}
	longitudeRefs = map[string]string{"E": "East", "W": "West"}
	directionRefs = map[string]string{"T": "True direction", "M": "Magnetic direction"}
)

// compressions names the compressions of TIFF 6.0 (section 8 and part 2), its later notes, DNG, libtiff
// and cameras.
var compressions = map[int64]string{
	1:     "Uncompressed",
	2:     "CCITT modified Huffman",
	3:     "CCITT Group 3 fax",
	4:     "CCITT Group 4 fax",
	5:     "LZW",
	6:     "JPEG (old style)",
	7:     "JPEG",              // TIFF Technical Note 2
	8:     "Deflate",           // Adobe Photoshop TIFF Technical Notes
	9:     "JBIG (ITU-T T.85)", // RFC 3949
	10:    "JBIG (ITU-T T.43)",
	99:    "JPEG (number 99)",
	262:   "Kodak 262",
	32766: "NeXT 2-bit RLE",
	32767: "Sony ARW compressed",
	32769: "Packed raw",
	32770: "Samsung SRW compressed",
	32771: "CCITT RLE, word-aligned",
	32772: "Samsung SRW compressed 2",
	32773: "PackBits",
	32809: "ThunderScan 4-bit RLE",
	32867: "Kodak KDC compressed",
	32895: "IT8 continuous tone with padding", // TIFF/IT (ISO 12639)
	32896: "IT8 linework",
	32897: "IT8 monochrome picture",
	32898: "IT8 binary lineart",
	32908: "Pixar film",
	32909: "Pixar log",
	32946: "Deflate (old number)",
	32947: "Kodak DCS",
	33003: "Aperio JPEG 2000 (YCbCr)",
	33005: "Aperio JPEG 2000 (RGB)",
	34661: "JBIG",
	34676: "SGI LogLuv RLE",
	34677: "SGI LogLuv 24-bit",
	34712: "JPEG 2000",
	34713: "Nikon NEF compressed",
	34715: "JBIG2",
	34718: "Microsoft Document Imaging, binary",
	34719: "Microsoft Document Imaging, progressive transform",
	34720: "Microsoft Document Imaging, vector",
	34887: "ESRI LERC",
	34892: "Lossy JPEG", // DNG 1.4
	34925: "LZMA2",
	34926: "Zstandard (old number)",
	34927: "WebP (old number)",
	34933: "PNG",
	34934: "JPEG XR",
	50000: "Zstandard",
	50001: "WebP",
	50002: "JPEG XL (old number)",
	52546: "JPEG XL", // DNG 1.7
	65000: "Kodak DCR compressed",
	65535: "Pentax PEF compressed",
}

// lightSources names the light sources of Exif 3.0 and 3.1, 4.6.6 (LightSource), and of DNG's
// CalibrationIlluminants.
var lightSources = map[int64]string{
	0:   "Unknown",
	1:   "Daylight",
	2:   "Fluorescent",
	3:   "Tungsten (incandescent light)",
	4:   "Flash",
	9:   "Fine weather",
	10:  "Cloudy weather",
	11:  "Shade",
	12:  "Daylight fluorescent (5700-7100 K)",
	13:  "Day white fluorescent (4600-5500 K)",
	14:  "Cool white fluorescent (3800-4500 K)",
	15:  "White fluorescent (3250-3800 K)",
	16:  "Warm white fluorescent (2600-3250 K)",
	17:  "Standard light A",
	18:  "Standard light B",
	19:  "Standard light C",
	20:  "D55",
	21:  "D65",
	22:  "D75",
	23:  "D50",
	24:  "ISO studio tungsten",
	25:  "Daylight (5700-7100 K)", // Exif 3.1, from here on
	26:  "Day white (4600-5500 K)",
	27:  "Cool white (3800-4500 K)",
	28:  "White (3250-3800 K)",
	29:  "Warm white (2600-3250 K)",
	30:  "Daylight LED (5700-7100 K)",
	31:  "Day white LED (4600-5500 K)",
	32:  "Cool white LED (3800-4500 K)",
	33:  "White LED (3250-3800 K)",
	34:  "Warm white LED (2600-3250 K)",
	255: "Other light source",
}

// filterColors names the colors of a color filter array (Exif 3.0, 4.6.6, CFAPattern; TIFF/EP; DNG).
var filterColors = map[int64]string{
	0: "Red", 1: "Green", 2: "Blue", 3: "Cyan", 4: "Magenta", 5: "Yellow", 6: "White",
}

// componentNames names the components of ComponentsConfiguration (Exif 3.0, 4.6.6).
var componentNames = map[int64]string{
	0: "-", 1: "Y", 2: "Cb", 3: "Cr", 4: "R", 5: "G", 6: "B",
}

// mapEncodings names the encodings of DNG's profile tables (DNG 1.4).
var mapEncodings = map[int64]string{0: "Linear", 1: "sRGB"}

var yesNo = map[int64]string{0: "No", 1: "Yes"}

// The uses of the picture that LearningOptOutIn covers, and its owner's choice for each (Exif 3.1, 4.6.6).
var (
	learningUses = map[int64]string{
		0: "All uses",
		1: "Non-generative machine learning",
		2: "Generative machine learning",
		3: "Data mining",
		4: "Input to a trained model",
	}
	learningIntents = map[int64]string{0: "opted out", 1: "opted in", 2: "unspecified"}
)

// The bytes of DevelopmentType (Exif 3.1, 4.6.6): the accuracy of the colors, and the choice of the
// settings.
var (
	developmentAccuracy = map[int64]string{1: "Accurate reproduction", 2: "Small differences", 4: "Extreme differences"}
	developmentSettings = map[int64]string{1: "factory default settings", 2: "not the default settings", 4: "unknown settings"}
)

// discardedBands names the bands that JPEG XR discards from an image (ITU-T T.832, annex A).
var discardedBands = map[int64]string{
	0: "Full resolution",
	1: "Flexbits discarded",
	2: "High-pass frequency data discarded",
	3: "High-pass and low-pass frequency data discarded",
}

// pixelFormats names the pixel formats by the last bytes of their GUIDs in JPEG XR (ITU-T T.832, annex A).
var pixelFormats = map[int64]string{
	0x05: "Black and white",
	0x08: "8-bit gray",
	0x09: "16-bit BGR555",
	0x0A: "16-bit BGR565",
	0x0B: "16-bit gray",
	0x0C: "24-bit BGR",
	0x0D: "24-bit RGB",
	0x0E: "32-bit BGR",
	0x0F: "32-bit BGRA",
	0x10: "32-bit BGRA, premultiplied alpha",
	0x11: "32-bit gray float",
	0x12: "48-bit RGB fixed point",
	0x13: "16-bit gray fixed point",
	0x14: "32-bit BGR101010",
	0x15: "48-bit RGB",
	0x16: "64-bit RGBA",
	0x17: "64-bit RGBA, premultiplied alpha",
	0x18: "96-bit RGB fixed point",
	0x19: "128-bit RGBA float",
	0x1A: "128-bit RGBA float, premultiplied alpha",
	0x1B: "128-bit RGB float",
	0x1C: "32-bit CMYK",
	0x1D: "64-bit RGBA fixed point",
	0x1E: "128-bit RGBA fixed point",
	0x1F: "64-bit CMYK",
	0x20: "24-bit 3 channels",
	0x21: "32-bit 4 channels",
	0x22: "40-bit 5 channels",
	0x23: "48-bit 6 channels",
	0x24: "56-bit 7 channels",
	0x25: "64-bit 8 channels",
	0x26: "48-bit 3 channels",
	0x27: "64-bit 4 channels",
	0x28: "80-bit 5 channels",
	0x29: "96-bit 6 channels",
	0x2A: "112-bit 7 channels",
	0x2B: "128-bit 8 channels",
	0x2C: "40-bit CMYK, alpha",
	0x2D: "80-bit CMYK, alpha",
	0x2E: "32-bit 3 channels, alpha",
	0x2F: "40-bit 4 channels, alpha",
	0x30: "48-bit 5 channels, alpha",
	0x31: "56-bit 6 channels, alpha",
	0x32: "64-bit 7 channels, alpha",
	0x33: "72-bit 8 channels, alpha",
	0x34: "64-bit 3 channels, alpha",
	0x35: "80-bit 4 channels, alpha",
	0x36: "96-bit 5 channels, alpha",
	0x37: "112-bit 6 channels, alpha",
	0x38: "128-bit 7 channels, alpha",
	0x39: "144-bit 8 channels, alpha",
	0x3A: "64-bit RGBA half float",
	0x3B: "48-bit RGB half float",
	0x3D: "32-bit RGBE",
	0x3E: "16-bit gray half float",
	0x3F: "32-bit gray fixed point",
}
