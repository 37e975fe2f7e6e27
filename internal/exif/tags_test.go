package exif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	goexif "github.com/rwcarlsen/goexif/exif"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

func TestTagNames(t *testing.T) {
	valid := regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)
	for directory, table := range map[string]map[uint16]tagDef{
		"tiff": tiffTags, "exif": exifTags, "gps": gpsTags, "interop": interopTags, "writers": writersTags,
	} {
		t.Run(directory, func(t *testing.T) {
			numbers := make(map[string]uint16)
			for _, number := range slices.Sorted(maps.Keys(table)) {
				name := table[number].name
				if !valid.MatchString(name) {
					t.Errorf("0x%04X: got name %q, want one that matches %v", number, name, valid)
				}
				if first, ok := numbers[name]; ok {
					t.Errorf("0x%04X: got name %s, which is also that of 0x%04X", number, name, first)
				}
				numbers[name] = number
			}
		})
	}
}

// TestTagNamesAreGoexifs compares our names with all of goexif's fields. goexif doesn't export its maps of
// numbers, so the test repeats them.
func TestTagNamesAreGoexifs(t *testing.T) {
	tests := []struct {
		directory string
		tables    []map[uint16]tagDef
		prefix    string
		fields    map[uint16]goexif.FieldName
	}{
		{"IFD0", []map[uint16]tagDef{tiffTags}, "", map[uint16]goexif.FieldName{
			0x0100: goexif.ImageWidth,
			0x0101: goexif.ImageLength,
			0x0102: goexif.BitsPerSample,
			0x0103: goexif.Compression,
			0x0106: goexif.PhotometricInterpretation,
			0x010E: goexif.ImageDescription,
			0x010F: goexif.Make,
			0x0110: goexif.Model,
			0x0112: goexif.Orientation,
			0x0115: goexif.SamplesPerPixel,
			0x011A: goexif.XResolution,
			0x011B: goexif.YResolution,
			0x011C: goexif.PlanarConfiguration,
			0x0128: goexif.ResolutionUnit,
			0x0131: goexif.Software,
			0x0132: goexif.DateTime,
			0x013B: goexif.Artist,
			0x0212: goexif.YCbCrSubSampling,
			0x0213: goexif.YCbCrPositioning,
			0x8298: goexif.Copyright,
			0x8769: goexif.ExifIFDPointer,
			0x8825: goexif.GPSInfoIFDPointer,
			0x9C9B: goexif.XPTitle,
			0x9C9C: goexif.XPComment,
			0x9C9D: goexif.XPAuthor,
			0x9C9E: goexif.XPKeywords,
			0x9C9F: goexif.XPSubject,
		}},
		// goexif has one map for IFD0 and the Exif IFD. Our tables have these tags in both, since
		// TIFF/EP keeps Exif's tags in IFD0.
		{"IFD0 and Exif IFD", []map[uint16]tagDef{tiffTags, exifTags}, "", map[uint16]goexif.FieldName{
			0x829A: goexif.ExposureTime,
			0x829D: goexif.FNumber,
			0x8822: goexif.ExposureProgram,
			0x8824: goexif.SpectralSensitivity,
			0x8827: goexif.ISOSpeedRatings,
			0x8828: goexif.OECF,
			0x9003: goexif.DateTimeOriginal,
			0x9102: goexif.CompressedBitsPerPixel,
			0x9201: goexif.ShutterSpeedValue,
			0x9202: goexif.ApertureValue,
			0x9203: goexif.BrightnessValue,
			0x9204: goexif.ExposureBiasValue,
			0x9205: goexif.MaxApertureValue,
			0x9206: goexif.SubjectDistance,
			0x9207: goexif.MeteringMode,
			0x9208: goexif.LightSource,
			0x9209: goexif.Flash,
			0x920A: goexif.FocalLength,
			0x9214: goexif.SubjectArea,
			0x927C: goexif.MakerNote,
		}},
		{"Exif IFD", []map[uint16]tagDef{exifTags}, "", map[uint16]goexif.FieldName{
			0x9000: goexif.ExifVersion,
			0x9004: goexif.DateTimeDigitized,
			0x9101: goexif.ComponentsConfiguration,
			0x9286: goexif.UserComment,
			0x9290: goexif.SubSecTime,
			0x9291: goexif.SubSecTimeOriginal,
			0x9292: goexif.SubSecTimeDigitized,
			0xA000: goexif.FlashpixVersion,
			0xA001: goexif.ColorSpace,
			0xA002: goexif.PixelXDimension,
			0xA003: goexif.PixelYDimension,
			0xA004: goexif.RelatedSoundFile,
			0xA005: goexif.InteroperabilityIFDPointer,
			0xA20B: goexif.FlashEnergy,
			0xA20C: goexif.SpatialFrequencyResponse,
			0xA20E: goexif.FocalPlaneXResolution,
			0xA20F: goexif.FocalPlaneYResolution,
			0xA210: goexif.FocalPlaneResolutionUnit,
			0xA214: goexif.SubjectLocation,
			0xA215: goexif.ExposureIndex,
			0xA217: goexif.SensingMethod,
			0xA300: goexif.FileSource,
			0xA301: goexif.SceneType,
			0xA302: goexif.CFAPattern,
			0xA401: goexif.CustomRendered,
			0xA402: goexif.ExposureMode,
			0xA403: goexif.WhiteBalance,
			0xA404: goexif.DigitalZoomRatio,
			0xA405: goexif.FocalLengthIn35mmFilm,
			0xA406: goexif.SceneCaptureType,
			0xA407: goexif.GainControl,
			0xA408: goexif.Contrast,
			0xA409: goexif.Saturation,
			0xA40A: goexif.Sharpness,
			0xA40B: goexif.DeviceSettingDescription,
			0xA40C: goexif.SubjectDistanceRange,
			0xA420: goexif.ImageUniqueID,
			0xA433: goexif.LensMake,
			0xA434: goexif.LensModel,
		}},
		{"GPS IFD", []map[uint16]tagDef{gpsTags}, "", map[uint16]goexif.FieldName{
			0x0000: goexif.GPSVersionID,
			0x0001: goexif.GPSLatitudeRef,
			0x0002: goexif.GPSLatitude,
			0x0003: goexif.GPSLongitudeRef,
			0x0004: goexif.GPSLongitude,
			0x0005: goexif.GPSAltitudeRef,
			0x0006: goexif.GPSAltitude,
			0x0007: goexif.GPSTimeStamp,
			0x0008: goexif.GPSSatelites,
			0x0009: goexif.GPSStatus,
			0x000A: goexif.GPSMeasureMode,
			0x000B: goexif.GPSDOP,
			0x000C: goexif.GPSSpeedRef,
			0x000D: goexif.GPSSpeed,
			0x000E: goexif.GPSTrackRef,
			0x000F: goexif.GPSTrack,
			0x0010: goexif.GPSImgDirectionRef,
			0x0011: goexif.GPSImgDirection,
			0x0012: goexif.GPSMapDatum,
			0x0013: goexif.GPSDestLatitudeRef,
			0x0014: goexif.GPSDestLatitude,
			0x0015: goexif.GPSDestLongitudeRef,
			0x0016: goexif.GPSDestLongitude,
			0x0017: goexif.GPSDestBearingRef,
			0x0018: goexif.GPSDestBearing,
			0x0019: goexif.GPSDestDistanceRef,
			0x001A: goexif.GPSDestDistance,
			0x001B: goexif.GPSProcessingMethod,
			0x001C: goexif.GPSAreaInformation,
			0x001D: goexif.GPSDateStamp,
			0x001E: goexif.GPSDifferential,
		}},
		{"Interoperability IFD", []map[uint16]tagDef{interopTags}, "", map[uint16]goexif.FieldName{
			0x0001: goexif.InteroperabilityIndex,
		}},
		{"IFD1", []map[uint16]tagDef{tiffTags}, "Thumb", map[uint16]goexif.FieldName{
			0x0201: goexif.ThumbJPEGInterchangeFormat,
			0x0202: goexif.ThumbJPEGInterchangeFormatLength,
		}},
	}
	for _, test := range tests {
		t.Run(test.directory, func(t *testing.T) {
			for number, field := range test.fields {
				want := string(field)
				if field == goexif.GPSSatelites {
					want = "GPSSatellites" // the one name that goexif spells wrong
				}
				for _, table := range test.tables {
					if got := test.prefix + table[number].name; got != want {
						t.Errorf("0x%04X: got %q, want %q", number, got, want)
					}
				}
			}
		})
	}
}

// TestExif31Tags renders the tags that CIPA DC-008-2026 adds in all styles.
func TestExif31Tags(t *testing.T) {
	shorts := func(id uint16, v ...uint16) testimage.Entry {
		e := testimage.Short(id, v...)
		e.Type, e.Count = container.TypeUndefined, 2*e.Count
		return e
	}
	for _, bigEndian := range []bool{false, true} {
		for _, tc := range []struct {
			name                  string
			entry                 testimage.Entry
			raw, described, typed string
		}{
			{
				"LearningOptOutIn", shorts(0x9287, 2, 2, 0, 3, 1), `"2 2 0 3 1"`,
				`"Generative machine learning: opted out, Data mining: opted in"`, `[2,2,0,3,1]`,
			},
			{"LearningOptOutIn", shorts(0x9287, 1, 0, 2), `"1 0 2"`, `"All uses: unspecified"`, `[1,0,2]`},
			{"LearningOptOutIn", shorts(0x9287, 1, 9, 9), `"1 9 9"`, `"Unknown (9): Unknown (9)"`, `[1,9,9]`},
			{"LearningOptOutIn", shorts(0x9287, 0), `"0"`, `"None"`, `0`},
			{"LearningOptOutIn", shorts(0x9287, 7, 1, 0), `"7 1 0"`, `"7 1 0"`, `[7,1,0]`},                                       // fewer than stated
			{"LearningOptOutIn", testimage.Short(0x9287, 1, 4, 1), `"1 4 1"`, `"Input to a trained model: opted in"`, `[1,4,1]`}, // as SHORTs
			{"DevelopmentType", testimage.Short(0xA40D, 0x0101), `"257"`, `"Accurate reproduction, factory default settings"`, `257`},
			{"DevelopmentType", testimage.Short(0xA40D, 0x0204), `"516"`, `"Small differences, unknown settings"`, `516`},
			{"DevelopmentTypeDescription", testimage.ASCII(0xA40E, "Vivid"), `"Vivid"`, `"Vivid"`, `"Vivid"`},
			{"DevelopmentTypeDescription", testimage.Bytes(0xA40E, container.TypeUTF8, []byte("鮮やか")), `"鮮やか"`, `"鮮やか"`, `"鮮やか"`},
			{"DistortionCorrection", testimage.Short(0xA40F, 1), `"1"`, `"Yes"`, `1`},
			{"ChromaticAberrationCorrection", testimage.Short(0xA410, 0), `"0"`, `"No"`, `0`},
			{"ShadingCorrection", testimage.Short(0xA411, 1), `"1"`, `"Yes"`, `1`},
			{"NoiseReduction", testimage.Short(0xA412, 2), `"2"`, `"Unknown (2)"`, `2`},
		} {
			b := testimage.Block{BigEndian: bigEndian, Exif: []testimage.Entry{tc.entry}}
			for style, want := range map[Style]string{Raw: tc.raw, Described: tc.described, Typed: tc.typed} {
				if got, want := decodeToJSON(b.Encode(), &Options{Style: style}), `{"`+tc.name+`":`+want+`}`; got != want {
					t.Errorf("big-endian %v, style %v: got %s, want %s", bigEndian, style, got, want)
				}
			}
		}
	}
	odd := testimage.Block{Exif: []testimage.Entry{testimage.Undefined(0x9287, []byte{1, 0, 2, 0, 0, 0, 9})}}
	if got := decodeToJSON(odd.Encode(), &Options{}); got != `{"LearningOptOutIn":"1 2 0"}` {
		t.Errorf("an odd byte: got %s", got)
	}
}

// TestNumbersOfAnotherWriter: GE's E1486 has SHORTs of its own under the numbers of DevelopmentType and
// its description, Kodak's DCR under Camera Raw's.
func TestNumbersOfAnotherWriter(t *testing.T) {
	for _, e := range []testimage.Entry{
		testimage.Short(0xA40D, 0), testimage.Short(0xA40D, 1), testimage.Short(0xA40D, 0x0100), testimage.Short(0xA40D, 0x0103),
		testimage.Short(0xA40D, 0x0801), testimage.Short(0xA40D, 0xFFFF), testimage.Short(0xA40D, 0x0101, 0x0101),
		testimage.Long(0xA40D, 0x0101), testimage.ASCII(0xA40D, "a"),
		testimage.Short(0xA40E, 0), testimage.Short(0xA40E, 0x4141),
		testimage.Short(0xFDE8, 1), testimage.Long(0xFDE9, 1), testimage.Rational(0xFDEA, 1, 2),
	} {
		for _, bigEndian := range []bool{false, true} {
			b := testimage.Block{BigEndian: bigEndian, Exif: []testimage.Entry{e}}
			if got := decodeToJSON(b.Encode(), &Options{}); got != "{}" {
				t.Errorf("%#04x: got %s, want none", e.ID, got)
			}
			if got := decodeToJSON(b.Encode(), &Options{Unknown: true}); !strings.HasPrefix(got, fmt.Sprintf(`{"UnknownTag_0x%04x":`, e.ID)) {
				t.Errorf("%#04x: got %s, want it as an unknown tag", e.ID, got)
			}
		}
	}
}

// colors returns the numbers of a palette.
func colors(n int) []uint16 { return slices.Repeat([]uint16{257}, n) }

// doubles returns an entry with floating point numbers of 64 bits.
func doubles(id uint16, v ...float64) testimage.Entry {
	return testimage.Entry{ID: id, Type: container.TypeDouble, Count: uint32(len(v)), Put: func(o binary.AppendByteOrder) (b []byte) {
		for _, f := range v {
			b = o.AppendUint64(b, math.Float64bits(f))
		}
		return b
	}}
}

// TestTagsOfWriters: Decode returns nonstandard tags of programs and formats without Options.Unknown.
func TestTagsOfWriters(t *testing.T) {
	pixelFormat := []byte("\x24\xC3\xDD\x6F\x03\x4E\xFE\x4B\xB1\x85\x3D\x77\x76\x8D\xC9\x0C")
	for _, tc := range []struct {
		name string
		ifd0 []testimage.Entry
		exif []testimage.Entry
		want string
	}{
		{name: "ProcessingSoftware", ifd0: []testimage.Entry{testimage.ASCII(0x000B, "digiKam-5.2.0")}, want: `"ProcessingSoftware":"digiKam-5.2.0"`},
		{name: "Thresholding", ifd0: []testimage.Entry{testimage.Short(0x0107, 2)}, want: `"Thresholding":"2"`},
		{
			name: "JPEG XR",
			ifd0: []testimage.Entry{
				testimage.Bytes(0xBC01, container.TypeByte, pixelFormat), testimage.Long(0xBC02, 0), testimage.Long(0xBC80, 640),
				testimage.Long(0xBC81, 480),
				{ID: 0xBC82, Type: container.TypeFloat, Count: 1, Put: testimage.Long(0, 0x42C00000).Put},
				testimage.Long(0xBCC0, 300), testimage.Long(0xBCC1, 9000),
			},
			want: `"PixelFormat":"36 195 221 111 3 78 254 75 177 133 61 119 118 141 201 12","Transformation":"0","ImageWidth":"640",` +
				`"ImageHeight":"480","WidthResolution":"96","ImageOffset":"300","ImageByteCount":"9000"`,
		},
		{
			name: "GeoTIFF and GDAL",
			ifd0: []testimage.Entry{
				testimage.Short(0x87AF, 1, 1, 0, 1, 1024, 0, 1, 2), testimage.ASCII(0x87B1, "WGS 84|"),
				testimage.ASCII(0xA480, "<GDALMetadata/>"), testimage.ASCII(0xA481, "-9999"),
			},
			want: `"GeoKeyDirectory":"1 1 0 1 1024 0 1 2","GeoAsciiParams":"WGS 84|","GDALMetadata":"<GDALMetadata/>","GDALNoData":"-9999"`,
		},
		{
			name: "a place on a map, and a palette",
			ifd0: []testimage.Entry{
				testimage.Short(0x0140, colors(3*16)...), doubles(0x830E, 0.5, 0.5, 0),
				doubles(0x8482, 0, 0, 0, 334159.28, 4429865.18, 0), doubles(0x85D8, 1, 0, 0, 1e-7),
			},
			want: `"ColorMap":"` + strings.TrimSuffix(strings.Repeat("257 ", 3*16), " ") + `","ModelPixelScale":"0.5 0.5 0",` +
				`"ModelTiepoint":"0 0 0 334159.28 4429865.18 0","ModelTransformation":"1 0 0 1e-07"`,
		},
		{
			name: "arrays of more than 1 KiB",
			ifd0: []testimage.Entry{
				testimage.Short(0x0140, colors(3*256)...), doubles(0x830E, 1, 1, 0), doubles(0x8482, make([]float64, 6*22)...), doubles(0x85D8, make([]float64, 128)...),
			},
			want: `"ModelPixelScale":"1 1 0","ModelTransformation":"` + strings.TrimSuffix(strings.Repeat("0 ", 128), " ") + `"`,
		},
		{
			name: "fax", ifd0: []testimage.Entry{testimage.Short(0x0146, 3), testimage.Short(0x0147, 1), testimage.Long(0x0148, 2)},
			want: `"BadFaxLines":"3","CleanFaxData":"1","ConsecutiveBadFaxLines":"2"`,
		},
		{
			name: "TIFF/IT", ifd0: []testimage.Entry{testimage.ASCII(0x84E0, "Printer"), testimage.ASCII(0x84E1, "CMYK"), testimage.Short(0x84E3, 0)},
			want: `"Site":"Printer","ColorSequence":"CMYK","RasterPadding":"0"`,
		},
		{
			name: "Wang", ifd0: []testimage.Entry{testimage.Bytes(0x80A4, container.TypeByte, bytes.Repeat([]byte{5}, 40)), testimage.Long(0x80A6, 7)},
			want: `"WangTag4":"7"`,
		},
		{
			name: "SGI and Pixar",
			ifd0: []testimage.Entry{testimage.Short(0x80E3, 1), testimage.Long(0x80E5, 1), testimage.Long(0x8214, 9), testimage.ASCII(0x8216, "Plain")},
			want: `"Matteing":"1","ImageDepth":"1","ImageFullWidth":"9","TextureFormat":"Plain"`,
		},
		{
			name: "GDI+",
			ifd0: []testimage.Entry{
				testimage.Short(0x5010, 90, 0), testimage.Undefined(0x501B, []byte("\xFF\xD8\xFF\xD9")),
				testimage.Short(0x5023, 6), testimage.Short(0x5090, 16, 11),
			},
			want: `"JPEGQuality":"90 0","ThumbnailCompression":"6","LuminanceTable":"16 11"`,
		},
		{
			name: "Camera Raw",
			exif: []testimage.Entry{testimage.ASCII(0xFDE8, "Owner's Name: Me"), testimage.ASCII(0xFDE9, "Serial Number: 42"), testimage.ASCII(0xFDEA, "Lens: 50.0 mm")},
			want: `"CameraOwnerName":"Owner's Name: Me","BodySerialNumber":"Serial Number: 42","Lens":"Lens: 50.0 mm"`,
		},
		{
			name: "Camera Raw's settings",
			exif: []testimage.Entry{
				testimage.Short(0xA408, 1), testimage.ASCII(0xFE4C, "Raw File: A.CRW"), testimage.ASCII(0xFE4D, "Converter: 1.0"),
				testimage.ASCII(0xFE4E, "White Balance: Auto"), testimage.ASCII(0xFE51, "Exposure: 0.00"), testimage.ASCII(0xFE52, "Shadows: 5"),
				testimage.ASCII(0xFE53, "Brightness: 50"), testimage.ASCII(0xFE54, "Contrast: 25"), testimage.ASCII(0xFE55, "Saturation: 0"),
				testimage.ASCII(0xFE56, "Sharpness: 25"), testimage.ASCII(0xFE57, "Smoothness: 25"), testimage.ASCII(0xFE58, "Moire Filter: Off"),
			},
			want: `"Contrast":"1","RawFile":"Raw File: A.CRW","Converter":"Converter: 1.0","WhiteBalance":"White Balance: Auto","Exposure":"Exposure: 0.00",` +
				`"Shadows":"Shadows: 5","Brightness":"Brightness: 50","Saturation":"Saturation: 0","Sharpness":"Sharpness: 25",` +
				`"Smoothness":"Smoothness: 25","MoireFilter":"Moire Filter: Off"`,
		},
		{
			name: "floating point of 32 bits",
			ifd0: []testimage.Entry{{ID: 0xC6FC, Type: container.TypeFloat, Count: 3, Put: testimage.Long(0, 0, 0x3DCCCCCD, 0x4A87309A).Put}},
			want: `"ProfileToneCurve":"0 0.100000001490116 4429901"`,
		},
		{
			name: "Panasonic without names",
			ifd0: []testimage.Entry{testimage.Undefined(0xC6D2, make([]byte, 64)), testimage.Undefined(0xC6D3, make([]byte, 128)), testimage.ASCII(0x8546, "SEM")},
			want: `"SEMInfo":"SEM"`,
		},
		{
			name: "Panasonic",
			ifd0: []testimage.Entry{testimage.Undefined(0xC6D2, append([]byte("Zoë"), make([]byte, 60)...)), testimage.Undefined(0xC6D3, []byte("Max 2\x00"))},
			exif: []testimage.Entry{testimage.Undefined(0x9009, []byte("12\x03"))},
			want: `"PanasonicTitle":"Zoë","PanasonicTitle2":"Max 2","GooglePlusUploadCode":"49 50 3"`,
		},
		{name: "Xiaomi", exif: []testimage.Entry{testimage.ASCII(0x9A00, "M2007J3SG")}, want: `"XiaomiModel":"M2007J3SG"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, b := range []testimage.Block{{IFD0: tc.ifd0, Exif: tc.exif}, {BigEndian: true, IFD0: tc.ifd0, Exif: tc.exif}} {
				for _, file := range [][]byte{b.Encode(), b.EncodeBig()} {
					if got := decodeToJSON(file, &Options{}); got != "{"+tc.want+"}" {
						t.Errorf("%q: got  %s\nwant {%s}", file[:4], got, tc.want)
					}
				}
			}
		})
	}
	b := testimage.Block{IFD0: []testimage.Entry{testimage.Bytes(0xBC01, container.TypeByte, pixelFormat)}}
	if got := decodeToJSON(b.Encode(), &Options{Style: Described}); got != `{"PixelFormat":"24-bit BGR"}` {
		t.Errorf("described: got %s", got)
	}
}

// TestPanasonicsOwnNumbers: 0x000B isn't the software in RW2.
func TestPanasonicsOwnNumbers(t *testing.T) {
	file := testimage.RW2([]testimage.Entry{testimage.Short(0x000B, 34316), testimage.ASCII(0x010F, "Panasonic")}, testimage.JPEG(testimage.Gradient(8, 6)))
	if got := decodeToJSON(file, &Options{}); got != `{"Make":"Panasonic"}` {
		t.Errorf("got %s", got)
	}
}
