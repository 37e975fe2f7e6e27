package exif

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testgate"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// decodeBlock decodes a JPEG with the given block.
func decodeBlock(t *testing.T, b *testimage.Block) *Metadata {
	t.Helper()
	img := testimage.JPEG(testimage.Gradient(16, 16), testimage.EXIFSegment(b.Encode()))
	m, err := Decode(bytes.NewReader(img), &Options{Unknown: true})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// styled renders a block in a style, and returns each value as JSON.
func styled(t *testing.T, b *testimage.Block, s Style) map[string]string {
	t.Helper()
	js := []byte(jsonOf(t, decodeBlock(t, b), &Options{Style: s}))
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(js, &raw); err != nil {
		t.Fatalf("%v: %s", err, js)
	}
	got := make(map[string]string, len(raw))
	for k, v := range raw {
		got[k] = string(v)
	}
	return got
}

// described renders a block for people; all values must be strings.
func described(t *testing.T, b *testimage.Block) map[string]string {
	t.Helper()
	got := styled(t, b, Described)
	for k, v := range got {
		var s string
		if err := json.Unmarshal([]byte(v), &s); err != nil {
			t.Fatalf("%s is %s, want a string", k, v)
		}
		got[k] = s
	}
	return got
}

// TestDescribedAsKS3 checks the nine fields of KS3's table.
func TestDescribedAsKS3(t *testing.T) {
	got := styled(t, &testimage.Block{
		IFD0: []testimage.Entry{
			testimage.ASCII(0x010F, "Canon"),
			testimage.ASCII(0x0110, "Canon EOS 5D"),
			testimage.Short(0x0112, 1),
			testimage.Rational(0x011A, 72, 1),
			testimage.Rational(0x011B, 72, 1),
			testimage.Short(0x0128, 2),
			testimage.ASCII(0x0131, "Adobe Photoshop CS5"),
			testimage.Short(0x0213, 2),
		},
		Exif: []testimage.Entry{testimage.Rational(0x829A, 1, 125)},
	}, Described)
	want := map[string]string{
		"Make":             `"Canon"`,
		"Model":            `"Canon EOS 5D"`,
		"Orientation":      `"Normal (upper-left)"`,
		"XResolution":      `"72"`,
		"YResolution":      `"72"`,
		"ResolutionUnit":   `"Dpi"`,
		"Software":         `"Adobe Photoshop CS5"`,
		"YCbCrPositioning": `"2"`,
		"ExposureTime":     `"0.00800 (1/125) sec"`,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDescribed(t *testing.T) {
	type entry = testimage.Entry
	short, long, ascii, undef := testimage.Short, testimage.Long, testimage.ASCII, testimage.Undefined
	rat, srat, bytesOf := testimage.Rational, testimage.SRational, testimage.Bytes
	float := func(id uint16, f ...float32) entry {
		return entry{ID: id, Type: container.TypeFloat, Count: uint32(len(f)), Put: func(o binary.AppendByteOrder) (b []byte) {
			for _, f := range f {
				b = o.AppendUint32(b, math.Float32bits(f))
			}
			return b
		}}
	}
	const none = math.MaxUint32
	image := []struct {
		name string
		e    entry
		want string
	}{
		// the places of row 0 and column 0, by Exif 3.0
		{"Orientation", short(0x0112, 2), "Mirrored horizontally (upper-right)"},
		{"Orientation", short(0x0112, 3), "Rotated 180° (lower-right)"},
		{"Orientation", short(0x0112, 4), "Mirrored vertically (lower-left)"},
		{"Orientation", short(0x0112, 5), "Mirrored horizontally and rotated 270° CW (left-upper)"},
		{"Orientation", short(0x0112, 6), "Rotated 90° CW (right-upper)"},
		{"Orientation", short(0x0112, 7), "Mirrored horizontally and rotated 90° CW (right-lower)"},
		{"Orientation", short(0x0112, 8), "Rotated 270° CW (left-lower)"},
		{"Orientation", short(0x0112, 0), "Unknown (0)"},
		{"Orientation", short(0x0112, 17), "Unknown (17)"},
		{"Orientation", long(0x0112, 6), "Rotated 90° CW (right-upper)"},
		{"Orientation", bytesOf(0x0112, container.TypeByte, []byte{6}), "Rotated 90° CW (right-upper)"},
		{"Orientation", srat(0x0112, 6, 1), "Rotated 90° CW (right-upper)"},
		{"Orientation", srat(0x0112, 6, 5), "1.2"},
		{"Orientation", srat(0x0112, 6, 0), "Infinity"},
		{"Orientation", short(0x0112, 1, 99), "Normal (upper-left), Unknown (99)"},
		{"Orientation", ascii(0x0112, "top \"left\""), `top "left"`},

		{"XResolution", rat(0x011A, 3005, 10), "300.5"},
		{"XResolution", rat(0x011A, 0, 1), "0"},
		{"XResolution", rat(0x011A, 0, 0), "Undefined"},
		{"XResolution", rat(0x011A, 1, 0), "Infinity"},
		{"XResolution", srat(0x011A, -1, 0), "-Infinity"},
		{"XResolution", srat(0x011A, 0, -1), "0"},
		{"XResolution", rat(0x011A, none, 1), "4294967295"},
		{"XResolution", rat(0x011A, 1, 3), "0.333333"},
		{"XResolution", rat(0x011A, 1, none), "2.32831e-10"},
		{"XResolution", rat(0x011A, 1, 1000000), "0.000001"},
		{"XResolution", float(0x011A, float32(math.NaN())), "Undefined"},
		{"XResolution", float(0x011A, float32(math.Inf(-1))), "-Infinity"},
		{"XResolution", float(0x011A, 3e38), "3e+38"},
		{"XResolution", float(0x011A, 0.1), "0.1"},
		{"ResolutionUnit", short(0x0128, 1), "None"},
		{"ResolutionUnit", short(0x0128, 3), "Dpcm"},

		{"NewSubfileType", long(0x00FE, 0), "Full-resolution image"},
		{"NewSubfileType", long(0x00FE, 5), "Reduced-resolution image, Transparency mask"},
		{"NewSubfileType", long(0x00FE, 0x10001), "Alternative preview image"},
		{"NewSubfileType", long(0x00FE, 32), "Unknown (32)"},
		{"Compression", short(0x0103, 6), "JPEG (old style)"},
		{"PhotometricInterpretation", short(0x0106, 6), "YCbCr"},
		{"PlanarConfiguration", short(0x011C, 1), "Chunky"},
		{"ExtraSamples", short(0x0152, 1, 0, 2), "Associated alpha, Unspecified, Unassociated alpha"},
		{"SampleFormat", short(0x0153, 1, 1), "Unsigned integer, Unsigned integer"},
		{"BitsPerSample", short(0x0102, 8, 8, 8), "8 8 8"},
		{"WhitePoint", rat(0x013E, 313, 1000, 329, 1000), "0.313 0.329"},
		{"YCbCrSubSampling", short(0x0212, 2, 1), "4:2:2"},
		{"YCbCrSubSampling", short(0x0212, 2, 2), "4:2:0"},
		{"YCbCrSubSampling", short(0x0212, 9, 9), "9 9"},
		{"YCbCrSubSampling", short(0x0212, 2), "2"},
		{"TIFFEPStandardID", bytesOf(0x9216, container.TypeByte, []byte{1, 0, 0, 0}), "1.0.0.0"},
		{"DNGVersion", bytesOf(0xC612, container.TypeByte, []byte{1, 4, 0, 0}), "1.4.0.0"},
		{"CalibrationIlluminant1", short(0xC65A, 21), "D65"},
		{"DateTime", ascii(0x0132, "2021:04:11 15:47:53"), "2021:04:11 15:47:53"},
	}
	exif := []struct {
		name string
		e    entry
		want string
	}{
		{"ExifVersion", undef(0x9000, []byte("0230")), "2.3"},
		{"ExifVersion", undef(0x9000, []byte("0232")), "2.32"},
		{"ExifVersion", undef(0x9000, []byte("0300")), "3.0"},
		{"ExifVersion", undef(0x9000, []byte("1000")), "10.0"},
		{"ExifVersion", undef(0x9000, []byte("2.31")), "2.31"},
		{"ExifVersion", undef(0x9000, []byte("02")), "02"},
		{"FlashpixVersion", undef(0xA000, []byte("0100")), "1.0"},
		{"ComponentsConfiguration", undef(0x9101, []byte{1, 2, 3, 0}), "Y Cb Cr -"},
		{"ComponentsConfiguration", undef(0x9101, []byte{4, 5, 6, 9}), "R G B Unknown (9)"},

		{"ExposureTime", rat(0x829A, 10, 1250), "0.00800 (1/125) sec"},
		{"ExposureTime", rat(0x829A, 1, 3), "0.33333 (1/3) sec"},
		{"ExposureTime", rat(0x829A, 1, 2), "0.50000 (1/2) sec"},
		{"ExposureTime", rat(0x829A, 3, 10), "0.30000 sec"},
		{"ExposureTime", rat(0x829A, 4, 10), "0.40000 sec"},
		{"ExposureTime", rat(0x829A, 9, 10), "0.90000 sec"},
		{"ExposureTime", rat(0x829A, 33333, 1000000), "0.03333 (1/30) sec"},
		{"ExposureTime", rat(0x829A, 1, 449), "0.00223 (1/449) sec"},
		{"ExposureTime", rat(0x829A, 1, 1000000), "0.00000 (1/1000000) sec"},
		{"ExposureTime", rat(0x829A, 1, 1), "1.00000 sec"},
		{"ExposureTime", rat(0x829A, 25, 10), "2.50000 sec"},
		{"ExposureTime", rat(0x829A, 30, 1), "30.00000 sec"},
		{"ExposureTime", rat(0x829A, 0, 1), "0.00000 sec"},
		{"ExposureTime", rat(0x829A, 1, 0), "Infinity"},
		{"ExposureTime", rat(0x829A, 0, 0), "Undefined"},
		{"ExposureTime", srat(0x829A, -1, 2), "-0.5"},
		{"ExposureTime", rat(0x829A, 1, 2, 1, 4), "0.5 0.25"},
		{"ExposureTime", ascii(0x829A, "1/125"), "1/125"},
		{"ExposureTime", float(0x829A, 3e38), "3e+38 sec"},
		{"FNumber", rat(0x829D, 28, 10), "f/2.8"},
		{"FNumber", rat(0x829D, 80, 10), "f/8"},
		{"FNumber", rat(0x829D, 95, 100), "f/0.95"},
		{"FNumber", rat(0x829D, 14447423, 8116529), "f/1.78"},
		{"FNumber", short(0x829D, 4), "f/4"},
		{"FNumber", rat(0x829D, 0, 0), "Undefined"},
		{"FNumber", ascii(0x829D, "F2.8"), "F2.8"},
		{"ApertureValue", rat(0x9202, 54823, 32325), "f/1.8"},
		{"ApertureValue", rat(0x9202, 5, 1), "f/5.7"},
		{"ApertureValue", rat(0x9202, 0, 1), "f/1"},
		{"ApertureValue", rat(0x9202, none, 1), "4294967295"},
		{"MaxApertureValue", rat(0x9205, 3, 1), "f/2.8"},
		{"ShutterSpeedValue", srat(0x9201, 77271, 8972), "0.00256 (1/391) sec"},
		{"ShutterSpeedValue", srat(0x9201, -2, 1), "4.00000 sec"},
		{"ShutterSpeedValue", srat(0x9201, math.MinInt32, 1), "-2147483648"},
		{"BrightnessValue", srat(0x9203, 45070, 6337), "7.11 EV"},
		{"BrightnessValue", srat(0x9203, -5, 10), "-0.5 EV"},
		{"BrightnessValue", srat(0x9203, -1, 1), "Unknown"},
		{"BrightnessValue", srat(0x9203, -1, -1), "Unknown"},
		{"BrightnessValue", rat(0x9203, none, 1), "Unknown"},
		{"BrightnessValue", rat(0x9203, none, 0), "Unknown"},
		{"BrightnessValue", srat(0x9203, -1, 100), "-0.01 EV"},
		{"BrightnessValue", srat(0x9203, -1, 3), "-0.33 EV"},
		{"BrightnessValue", srat(0x9203, -2, 1), "-2 EV"},
		{"BrightnessValue", srat(0x9203, 1, -1), "-1 EV"},
		{"ExposureBiasValue", srat(0x9204, 1, 3), "+0.33 EV"},
		{"ExposureBiasValue", srat(0x9204, -2, 3), "-0.67 EV"},
		{"ExposureBiasValue", srat(0x9204, 0, 10), "0 EV"},
		{"ExposureBiasValue", srat(0x9204, -1, 1), "-1 EV"},
		{"SubjectDistance", rat(0x9206, 3750, 1000), "3.75 m"},
		{"SubjectDistance", rat(0x9206, none, 1), "Infinity"},
		{"SubjectDistance", rat(0x9206, none, 1000), "Infinity"},
		{"SubjectDistance", long(0x9206, none), "Infinity"},
		{"SubjectDistance", rat(0x9206, 0, 100), "Unknown"},
		{"SubjectDistance", short(0x9206, 0), "Unknown"},
		{"SubjectDistance", rat(0x9206, 35, 1000), "0.035 m"},
		{"SubjectDistance", rat(0x9206, 0, 0), "Undefined"},
		{"FocalLength", rat(0x920A, 43, 10), "4.3 mm"},
		{"FocalLength", rat(0x920A, 2100, 100), "21 mm"},
		{"FocalLength", rat(0x920A, 1, 0), "Infinity"},
		{"FocalLengthIn35mmFilm", short(0xA405, 26), "26 mm"},
		{"FocalLengthIn35mmFilm", short(0xA405, 0), "Unknown"},
		{"DigitalZoomRatio", rat(0xA404, 136, 69), "1.97x"},
		{"DigitalZoomRatio", rat(0xA404, 0, 1), "Not used"},
		{"DigitalZoomRatio", rat(0xA404, 0, 0), "Undefined"},
		{"FlashEnergy", rat(0xA20B, 25, 2), "12.5 BCPS"},
		{"Temperature", srat(0x9400, 215, 10), "21.5 °C"},
		{"Temperature", srat(0x9400, -5, 1), "-5 °C"},
		{"Temperature", srat(0x9400, 1, -1), "Unknown"},
		{"Humidity", rat(0x9401, 45, 1), "45%"},
		{"Humidity", rat(0x9401, 45, none), "Unknown"},
		{"Pressure", rat(0x9402, 10132, 10), "1013.2 hPa"},
		{"WaterDepth", srat(0x9403, 25, 10), "2.5 m"},
		{"Acceleration", rat(0x9404, 980, 1), "980 mGal"},
		{"CameraElevationAngle", srat(0x9405, -125, 10), "-12.5°"},
		{"LensSpecification", rat(0xA432, 18, 1, 55, 1, 35, 10, 56, 10), "18-55mm f/3.5-5.6"},
		{"LensSpecification", rat(0xA432, 50, 1, 50, 1, 0, 0, 0, 0), "50mm f/?"},
		{"LensSpecification", rat(0xA432, 18, 1, 0, 0, 35, 10, 0, 0), "18-?mm f/3.5-?"},
		{"LensSpecification", rat(0xA432, 15, 1, 45, 1, 0, 1, 0, 1), "15-45mm f/?"},
		{"LensSpecification", rat(0xA432, 0, 0, 0, 0, 0, 0, 0, 0), "Unknown"},
		{"LensSpecification", rat(0xA432, 18, 1, 55, 1), "18 55"},
		{"ISOSpeedRatings", short(0x8827, 100), "100"},
		{"ISOSpeedRatings", short(0x8827, 100, 200), "100 200"},
		{"Gamma", rat(0xA500, 22, 10), "2.2"},

		{"Flash", short(0x9209, 0x00), "Not fired"},
		{"Flash", short(0x9209, 0x01), "Fired"},
		{"Flash", short(0x9209, 0x05), "Fired, return light not detected"},
		{"Flash", short(0x9209, 0x0F), "Fired, return light detected, forced on"},
		{"Flash", short(0x9209, 0x10), "Not fired, forced off"},
		{"Flash", short(0x9209, 0x18), "Not fired, auto mode"},
		{"Flash", short(0x9209, 0x20), "No flash function"},
		{"Flash", short(0x9209, 0x5D), "Fired, return light not detected, auto mode, red-eye reduction"},
		{"Flash", short(0x9209, 0x02), "Unknown (2)"},
		{"Flash", short(0x9209, 9969), "Unknown (9969)"},
		{"Flash", short(0x9209, 1, 2), "1 2"},
		{"MeteringMode", short(0x9207, 5), "Pattern"},
		{"LightSource", short(0x9208, 255), "Other light source"},
		{"ExposureProgram", short(0x8822, 2), "Normal program"},
		{"ColorSpace", short(0xA001, 0xFFFF), "Uncalibrated"},
		{"FileSource", undef(0xA300, []byte{3}), "Digital still camera"},
		{"SceneType", undef(0xA301, []byte{1}), "Directly photographed"},
		{"CFAPattern", undef(0xA302, []byte{2, 0, 2, 0, 0, 1, 1, 2}), "Red Green / Green Blue"},
		{"CFAPattern", undef(0xA302, []byte{0, 2, 0, 2, 2, 1, 1, 9}), "Blue Green / Green Unknown (9)"},
		{"CFAPattern", short(0xA302, 9, 9, 1), "9 9 1"},
		{"CompositeImage", short(0xA460, 3), "Composite image captured when shooting"},
		{"GainControl", rat(0xA407, 1, 1), "Low gain up"},

		// nonstandard
		{"ExposureProgram", short(0x8822, 9), "Bulb"},
		{"ColorSpace", short(0xA001, 2), "Adobe RGB"},
		{"ColorSpace", short(0xA001, 0xFFFD), "Wide gamut RGB"},
		{"ColorSpace", short(0xA001, 0xFFFE), "ICC profile"},
		{"FocalPlaneResolutionUnit", short(0xA210, 4), "Millimeter"},
		{"FocalPlaneResolutionUnit", short(0xA210, 5), "Micrometer"},
		{"CustomRendered", short(0xA401, 2), "HDR (no original saved)"},
		{"CustomRendered", short(0xA401, 3), "HDR (original saved)"},
		{"CustomRendered", short(0xA401, 4), "Original (for HDR)"},
		{"CustomRendered", short(0xA401, 5), "Unknown (5)"},
		{"CustomRendered", short(0xA401, 6), "Panorama"},
		{"CustomRendered", short(0xA401, 7), "Portrait HDR"},
		{"CustomRendered", short(0xA401, 8), "Portrait"},
		{"SceneCaptureType", short(0xA406, 4), "Other"},
		// Exif 3.1
		{"LightSource", short(0x9208, 25), "Daylight (5700-7100 K)"},
		{"LightSource", short(0x9208, 34), "Warm white LED (2600-3250 K)"},
		{"LightSource", short(0x9208, 35), "Unknown (35)"},

		// padded with zeros
		{"FileSource", undef(0xA300, []byte{3, 0, 0, 0}), "Digital still camera"},
		{"FileSource", undef(0xA300, []byte{0, 0}), "Other"},
		{"FileSource", undef(0xA300, []byte{3, 0, 0, 1}), "Digital still camera, Other, Other, Transparency scanner"},
		{"FileSource", short(0xA300, 3, 0), "Digital still camera"},
		{"SceneType", undef(0xA301, []byte{1, 0, 0, 0}), "Directly photographed"},

		// more than maxNumbersShown numbers
		{"OECF", undef(0x8828, append(make([]byte, 15), 0xFF)), "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 255"},
		{"OECF", undef(0x8828, append(make([]byte, 16), 0xFF)), "17 values"},
		{"ISOSpeedRatings", short(0x8827, make([]uint16, 166)...), "166 values"},
		{"MeteringMode", short(0x9207, make([]uint16, 17)...), "17 values"},
		{"XResolution", rat(0x011A, make([]uint32, 34)...), "17 values"},
		{"CFAPattern", undef(0xA302, append([]byte{6, 0, 3, 0}, make([]byte, 18)...)), strings.TrimSuffix(strings.Repeat("Red Red Red Red Red Red / ", 3), " / ")},
		{"CFAPattern", undef(0xA302, append([]byte{40, 0, 3, 0}, make([]byte, 120)...)), "122 values"},
	}
	for _, tt := range image {
		t.Run(tt.name+" "+tt.want, func(t *testing.T) {
			if got := described(t, &testimage.Block{IFD0: []entry{tt.e}}); got[tt.name] != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := described(t, &testimage.Block{BigEndian: true, IFD0: []entry{short(0x0100, 1)}, IFD1: []entry{tt.e}}); got["Thumb"+tt.name] != tt.want {
				t.Errorf("in IFD1: got %q, want %q", got, tt.want)
			}
		})
	}
	for _, tt := range exif {
		t.Run(tt.name+" "+tt.want, func(t *testing.T) {
			if got := described(t, &testimage.Block{Exif: []entry{tt.e}}); got[tt.name] != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}

	gps := []struct {
		name string
		es   []entry
		want string
	}{
		{"GPSVersionID", []entry{bytesOf(0x0000, container.TypeByte, []byte{2, 3, 0, 0})}, "2.3.0.0"},
		{"GPSLatitudeRef", []entry{ascii(0x0001, "N")}, "North"},
		{"GPSLatitudeRef", []entry{ascii(0x0001, "s")}, "South"},
		{"GPSLatitudeRef", []entry{ascii(0x0001, "North")}, "North"},
		{"GPSLatitudeRef", []entry{ascii(0x0001, "Q\"")}, `Unknown (Q")`},
		{"GPSLatitudeRef", []entry{ascii(0x0001, "")}, ""},
		{"GPSLatitudeRef", []entry{bytesOf(0x0001, container.TypeByte, []byte("N\x00"))}, "North"},
		{"GPSLatitude", []entry{ascii(0x0001, "N"), rat(0x0002, 39, 1, 54, 1, 1512, 100)}, `39° 54' 15.12" N`},
		{"GPSLatitude", []entry{rat(0x0002, 39, 1, 54, 1, 1512, 100)}, `39° 54' 15.12"`},
		{"GPSLatitude", []entry{ascii(0x0001, "S"), rat(0x0002, 36, 1, 358465000, 10000000, 0, 1)}, `36° 35' 50.79" S`},
		{"GPSLatitude", []entry{ascii(0x0001, "N"), rat(0x0002, 40446195, 1000000)}, `40° 26' 46.302" N`},
		{"GPSLatitude", []entry{ascii(0x0001, "N"), rat(0x0002, 40446195, 1000000, 0, 1, 0, 1)}, `40° 26' 46.302" N`},
		{"GPSLatitude", []entry{ascii(0x0001, "N"), rat(0x0002, 40, 1, 59, 1, 599999, 10000)}, `40° 59' 59.9999" N`},
		{"GPSLatitude", []entry{ascii(0x0001, "N"), rat(0x0002, 40, 1, 59, 1, 599999999, 10000000)}, `41° 0' 0" N`},
		{"GPSLatitude", []entry{ascii(0x0001, "N"), rat(0x0002, 39, 1, 54, 1, 0, 0)}, `39° 54' 0" N`},
		{"GPSLatitude", []entry{ascii(0x0001, "N"), rat(0x0002, 39, 1, 0, 0, 0, 0)}, "Undefined"},
		{"GPSLatitude", []entry{ascii(0x0001, "N"), rat(0x0002, 0, 0, 0, 0, 0, 0)}, "Undefined"},
		{"GPSLatitude", []entry{ascii(0x0001, "S"), srat(0x0002, -39, 1)}, `39° 0' 0" S`},
		{"GPSLatitude", []entry{ascii(0x0001, "N"), srat(0x0002, -39, 1)}, `39° 0' 0" S`},
		{"GPSLatitude", []entry{srat(0x0002, -39, 1)}, `-39° 0' 0"`},
		{"GPSLatitude", []entry{ascii(0x0001, "E"), rat(0x0002, 39, 1)}, `39° 0' 0"`},
		{"GPSLatitude", []entry{rat(0x0002, 1, 1, 2, 1, 3, 1, 4, 1)}, "1 2 3 4"},
		{"GPSLatitude", []entry{ascii(0x0002, "39.9 N")}, "39.9 N"},
		{"GPSLongitude", []entry{ascii(0x0003, "W"), rat(0x0004, 116, 1, 24, 1, 666, 25)}, `116° 24' 26.64" W`},
		{"GPSDestLatitude", []entry{ascii(0x0013, "N"), rat(0x0014, 0, 1, 0, 1, 0, 100)}, `0° 0' 0" N`},
		{"GPSDestLongitude", []entry{ascii(0x0015, "E"), rat(0x0016, 2, 1, 3, 1, 4, 1)}, `2° 3' 4" E`},
		{"GPSAltitudeRef", []entry{bytesOf(0x0005, container.TypeByte, []byte{0})}, "Above sea level"},
		{"GPSAltitudeRef", []entry{bytesOf(0x0005, container.TypeByte, []byte{3})}, "Below sea level"},
		{"GPSAltitudeRef", []entry{bytesOf(0x0005, container.TypeByte, []byte{7})}, "Unknown (7)"},
		{"GPSAltitude", []entry{bytesOf(0x0005, container.TypeByte, []byte{0}), rat(0x0006, 435, 10)}, "43.5 m above sea level"},
		{"GPSAltitude", []entry{bytesOf(0x0005, container.TypeByte, []byte{1}), rat(0x0006, 435, 10)}, "43.5 m below sea level"},
		{"GPSAltitude", []entry{bytesOf(0x0005, container.TypeByte, []byte{2}), rat(0x0006, 435, 10)}, "43.5 m above sea level"},
		{"GPSAltitude", []entry{bytesOf(0x0005, container.TypeUndefined, []byte{1}), rat(0x0006, 435, 10)}, "43.5 m below sea level"},
		{"GPSAltitude", []entry{ascii(0x0005, "1"), rat(0x0006, 435, 10)}, "43.5 m below sea level"},
		{"GPSAltitude", []entry{rat(0x0006, 435, 10)}, "43.5 m"},
		{"GPSAltitude", []entry{bytesOf(0x0005, container.TypeByte, []byte{0}), rat(0x0006, 1, 0)}, "Infinity"},
		{"GPSTimeStamp", []entry{rat(0x0007, 14, 1, 44, 1, 9, 1)}, "14:44:09 UTC"},
		{"GPSTimeStamp", []entry{rat(0x0007, 14, 1, 27, 1, 724, 100)}, "14:27:07.24 UTC"},
		{"GPSTimeStamp", []entry{rat(0x0007, 14, 1, 27, 1, 599999999, 10000000)}, "14:27:59.999999 UTC"},
		{"GPSTimeStamp", []entry{rat(0x0007, 14, 1, 27, 1, 7000001, 1000000)}, "14:27:07.000001 UTC"},
		{"GPSTimeStamp", []entry{rat(0x0007, 25, 1, 0, 1, 0, 1)}, "25 0 0"},
		{"GPSTimeStamp", []entry{rat(0x0007, 0, 0, 0, 0, 0, 0)}, "Undefined Undefined Undefined"},
		{"GPSStatus", []entry{ascii(0x0009, "A")}, "Measurement in progress"},
		{"GPSMeasureMode", []entry{ascii(0x000A, "3")}, "3-dimensional measurement"},
		{"GPSDOP", []entry{rat(0x000B, 24, 10)}, "2.4"},
		{"GPSSpeedRef", []entry{ascii(0x000C, "K")}, "Kilometers per hour"},
		{"GPSSpeed", []entry{ascii(0x000C, "K"), rat(0x000D, 14, 100)}, "0.14 km/h"},
		{"GPSSpeed", []entry{ascii(0x000C, "M"), rat(0x000D, 5, 1)}, "5 mph"},
		{"GPSSpeed", []entry{ascii(0x000C, "N"), rat(0x000D, 5, 1)}, "5 knots"},
		{"GPSSpeed", []entry{rat(0x000D, 5, 1)}, "5"},
		{"GPSTrackRef", []entry{ascii(0x000E, "T")}, "True direction"},
		{"GPSTrack", []entry{ascii(0x000E, "T"), rat(0x000F, 17585, 100)}, "175.85° true"},
		{"GPSImgDirection", []entry{ascii(0x0010, "M"), rat(0x0011, 93, 1)}, "93° magnetic"},
		{"GPSImgDirection", []entry{ascii(0x0010, ""), rat(0x0011, 93, 1)}, "93°"},
		{"GPSDestBearing", []entry{ascii(0x0017, "T"), rat(0x0018, 1107164, 3181)}, "348.06° true"},
		{"GPSDestDistance", []entry{ascii(0x0019, "N"), rat(0x001A, 5, 2)}, "2.5 nautical miles"},
		{"GPSDestDistance", []entry{ascii(0x0019, "K"), rat(0x001A, 0, 0)}, "Undefined"},
		{"GPSDifferential", []entry{short(0x001E, 1)}, "Differential correction applied"},
		{"GPSHPositioningError", []entry{rat(0x001F, 47, 10)}, "4.7 m"},
		{"GPSDateStamp", []entry{ascii(0x001D, "2022:02:03")}, "2022:02:03"},
		{"GPSMapDatum", []entry{ascii(0x0012, "WGS-84   ")}, "WGS-84"},
	}
	for _, tt := range gps {
		t.Run(tt.name+" "+tt.want, func(t *testing.T) {
			if got := described(t, &testimage.Block{GPS: tt.es}); got[tt.name] != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}

	t.Run("Interoperability", func(t *testing.T) {
		got := described(t, &testimage.Block{Interop: []entry{ascii(0x0001, "R98"), undef(0x0002, []byte("0100"))}})
		want := map[string]string{"InteroperabilityIndex": "DCF basic file (R98)", "InteroperabilityVersion": "1.0"}
		if !maps.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("TIFF/EP CFAPattern", func(t *testing.T) {
		got := described(t, &testimage.Block{IFD0: []entry{
			short(0x828D, 2, 3), bytesOf(0x828E, container.TypeByte, []byte{0, 1, 2, 3, 4, 5}),
		}})
		if want := "Red Green Blue / Cyan Magenta Yellow"; got["CFAPattern"] != want {
			t.Errorf("got %q, want %q", got["CFAPattern"], want)
		}
	})
}

// TestDescribedAltitudeOfExif3: GPSAltitudeRef 0 and 1 are the ellipsoid from Exif 3.0 on.
func TestDescribedAltitudeOfExif3(t *testing.T) {
	for _, tt := range []struct {
		version       string
		ref           byte
		wantRef, want string
	}{
		{"0232", 0, "Above sea level", "12 m above sea level"},
		{"0300", 0, "Above the ellipsoid", "12 m above the ellipsoid"},
		{"0300", 1, "Below the ellipsoid", "12 m below the ellipsoid"},
		{"0300", 2, "Above sea level", "12 m above sea level"},
		{"0300", 3, "Below sea level", "12 m below sea level"},
		{"????", 1, "Below sea level", "12 m below sea level"},
	} {
		got := described(t, &testimage.Block{
			Exif: []testimage.Entry{testimage.Undefined(0x9000, []byte(tt.version))},
			GPS: []testimage.Entry{
				testimage.Bytes(0x0005, container.TypeByte, []byte{tt.ref}), testimage.Rational(0x0006, 12, 1),
			},
		})
		if got["GPSAltitudeRef"] != tt.wantRef || got["GPSAltitude"] != tt.want {
			t.Errorf("Exif %s, ref %d: got %q, %q, want %q, %q", tt.version, tt.ref,
				got["GPSAltitudeRef"], got["GPSAltitude"], tt.wantRef, tt.want)
		}
	}
}

// TestStylesUseOmittedTags: tags that omit leaves out still determine the sign of a coordinate, which would be of another
// place without it. A date goes without their fraction and zone.
func TestStylesUseOmittedTags(t *testing.T) {
	m := decodeBlock(t, &testimage.Block{
		Exif: []testimage.Entry{
			testimage.ASCII(0x9003, "2021:04:11 15:47:53"),
			testimage.ASCII(0x9291, "054"), testimage.ASCII(0x9011, "-05:00"),
		},
		GPS: []testimage.Entry{testimage.ASCII(0x0001, "S"), testimage.Rational(0x0002, 39, 1, 30, 1, 0, 1)},
	})
	keep := func(name string) bool { return name == "GPSLatitude" || name == "DateTimeOriginal" }
	for style, want := range map[Style]string{
		Described: `{"DateTimeOriginal":"2021:04:11 15:47:53","GPSLatitude":"39° 30' 0\" S"}`,
		Typed:     `{"DateTimeOriginal":"2021-04-11T15:47:53","GPSLatitude":-39.5}`,
	} {
		if got := jsonOf(t, m, &Options{Style: style, Keep: keep}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestCoordinatesReadBack: degrees, minutes and seconds parse to the coordinate within the rounding of
// seconds.
func TestCoordinatesReadBack(t *testing.T) {
	form := regexp.MustCompile(`^(\d+)° (\d+)' (\d+(?:\.\d*[1-9])?)" ([NS])$`)
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		num, den := r.Uint32N(90*1e6), uint32(1e6)
		got := described(t, &testimage.Block{GPS: []testimage.Entry{
			testimage.ASCII(0x0001, "S"), testimage.Rational(0x0002, num, den),
		}})["GPSLatitude"]
		m := form.FindStringSubmatch(got)
		if m == nil {
			t.Fatalf("%d/%d: got %q", num, den, got)
		}
		d, _ := strconv.ParseFloat(m[1], 64)
		min, _ := strconv.ParseFloat(m[2], 64)
		sec, _ := strconv.ParseFloat(m[3], 64)
		want := float64(num) / float64(den)
		if math.Abs(d+min/60+sec/3600-want) > 0.6e-4/3600 || min >= 60 || sec >= 60 || m[4] != "S" {
			t.Fatalf("%d/%d: got %q, want %v", num, den, got, want)
		}
	}
}

// descriptionTables lists all descriptions with the directory of their tags.
var descriptionTables = []struct {
	name  string
	dir   directory
	table map[uint16]description
}{
	{"image", ifd0, imageDescriptions},
	{"gps", gpsIFD, gpsDescriptions},
	{"interop", interopIFD, interopDescriptions},
}

// placeEntry puts an entry into its directory; the Exif directory's own tags go there.
func placeEntry(b *testimage.Block, d directory, e testimage.Entry) {
	switch _, tiff := tiffTags[e.ID]; {
	case d == gpsIFD:
		b.GPS = append(b.GPS, e)
	case d == interopIFD:
		b.Interop = append(b.Interop, e)
	case tiff:
		b.IFD0 = append(b.IFD0, e)
	default:
		b.Exif = append(b.Exif, e)
	}
}

// numberEntry is an entry of one number, in the standard's type for the tag.
func numberEntry(d directory, id uint16, n int64) testimage.Entry {
	def, _ := lookup(d, id)
	switch {
	case def.as == asBytes:
		return testimage.Undefined(id, []byte{byte(n)})
	case n > math.MaxUint16:
		return testimage.Long(id, uint32(n))
	}
	return testimage.Short(id, uint16(n))
}

// TestEnumerations: every number and letter of every table renders as its name in the table, which is
// unique.
func TestEnumerations(t *testing.T) {
	for _, tab := range descriptionTables {
		for _, id := range slices.Sorted(maps.Keys(tab.table)) {
			d := tab.table[id]
			def, ok := lookup(tab.dir, id)
			if !ok || def.as == asPointer || def.as == asLeftOut {
				t.Errorf("%s 0x%04X: is not a tag of the JSON", tab.name, id)
				continue
			}
			ways := 0
			for _, set := range []bool{d.numbers != nil, d.letters != nil, d.write != nil, d.prefix+d.unit != ""} {
				if set {
					ways++
				}
			}
			if ways != 1 {
				t.Errorf("%s: got %d ways to describe it, want 1", def.name, ways)
			}
			seen := map[string]bool{}
			check := func(e testimage.Entry, want string) {
				b := &testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0100, 1)}}
				placeEntry(b, tab.dir, e)
				got := described(t, b)[def.name]
				if got != want || got == "" || strings.HasPrefix(got, "Unknown (") {
					t.Errorf("%s: got %q, want %q", def.name, got, want)
				}
				if seen[got] {
					t.Errorf("%s: %q is said of two values", def.name, got)
				}
				seen[got] = true
			}
			for _, n := range slices.Sorted(maps.Keys(d.numbers)) {
				check(numberEntry(tab.dir, id, n), d.numbers[n])
			}
			for _, s := range slices.Sorted(maps.Keys(d.letters)) {
				check(testimage.ASCII(id, s), d.letters[s])
			}
		}
	}
}

// oddEntry is an entry of any type and count with random bytes.
func oddEntry(r *rand.Rand, id, typ uint16, count uint32) testimage.Entry {
	b := make([]byte, int(container.TypeSize(typ))*int(count))
	switch r.IntN(4) {
	case 0: // zeros
	case 1:
		for i := range b {
			b[i] = 0xFF
		}
	default:
		for i := range b {
			b[i] = byte(r.UintN(256))
		}
	}
	return testimage.Entry{ID: id, Type: typ, Count: count, Put: func(binary.AppendByteOrder) []byte { return b }}
}

// checkStyles renders in all styles: the output must be a JSON object with unique keys, and with string
// values if the style promises them.
func checkStyles(t *testing.T, m *Metadata) {
	t.Helper()
	for _, style := range []Style{Raw, Described, Typed} {
		js := []byte(jsonOf(t, m, &Options{Style: style, Unknown: true}))
		if !json.Valid(js) {
			t.Fatalf("style %d: invalid JSON: %s", style, js)
		}
		dec := json.NewDecoder(bytes.NewReader(js))
		dec.UseNumber()
		if tok, err := dec.Token(); tok != json.Delim('{') || err != nil {
			t.Fatalf("style %d: not an object: %s", style, js)
		}
		keys := map[string]bool{}
		for dec.More() {
			tok, err := dec.Token()
			key, ok := tok.(string)
			if err != nil || !ok || keys[key] {
				t.Fatalf("style %d: key %v twice or broken (%v): %s", style, tok, err, js)
			}
			keys[key] = true
			var v any
			if err := dec.Decode(&v); err != nil {
				t.Fatal(err)
			}
			if s, ok := v.(string); style != Typed && !ok {
				t.Fatalf("style %d: %s is %v", style, key, s)
			}
		}
		if len(keys) != m.Len() {
			t.Fatalf("style %d: %d keys, want %d", style, len(keys), m.Len())
		}
	}
	checkDialects(t, m)
	for i := range m.tags {
		if tag := &m.tags[i]; tag.val.kind != kindText {
			s := strings.ReplaceAll(string(appendWords(nil, m, tag)), "Infinity", "")
			if strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
				t.Fatalf("%s is %s", tag.name, s)
			}
		}
	}
}

// TestStylesOfMalformedTags: all tags of all tables, stored as all types with all small counts.
func TestStylesOfMalformedTags(t *testing.T) {
	testgate.Slow(t)
	r := rand.New(rand.NewPCG(3, 4))
	tables := []struct {
		dir   directory
		table map[uint16]tagDef
	}{{ifd0, tiffTags}, {ifd0, writersTags}, {exifIFD, exifTags}, {gpsIFD, gpsTags}, {interopIFD, interopTags}}
	build := func(pick func() (typ uint16, count uint32)) *testimage.Block {
		b := &testimage.Block{BigEndian: r.IntN(2) == 0}
		for _, tab := range tables {
			for _, id := range slices.Sorted(maps.Keys(tab.table)) {
				if tab.table[id].as == asPointer {
					continue
				}
				typ, count := pick()
				e := oddEntry(r, id, typ, count)
				switch tab.dir {
				case ifd0:
					b.IFD0 = append(b.IFD0, e)
					b.IFD1 = append(b.IFD1, e)
				case exifIFD:
					b.Exif = append(b.Exif, e)
				case gpsIFD:
					b.GPS = append(b.GPS, e)
				default:
					b.Interop = append(b.Interop, e)
				}
			}
		}
		return b
	}
	tags := 0
	check := func(b *testimage.Block) {
		t.Helper()
		m, err := Decode(bytes.NewReader(b.Encode()), &Options{})
		if err != nil {
			t.Fatal(err)
		}
		tags += m.Len()
		checkStyles(t, m)
	}
	for typ := uint16(container.TypeByte); typ <= container.TypeIFD; typ++ {
		for count := range uint32(6) {
			if count == 0 && typ != container.TypeASCII {
				continue // the walk rejects these as broken
			}
			for range 4 {
				check(build(func() (uint16, uint32) { return typ, count }))
			}
		}
	}
	for range 50 {
		check(build(func() (uint16, uint32) { return uint16(1 + r.UintN(13)), 1 + r.Uint32N(5) }))
	}
	if tags < 50000 {
		t.Errorf("only %d tags were rendered", tags)
	}
}

// TestStylesNeverIndexPastValues renders handmade values that the walk doesn't produce.
func TestStylesNeverIndexPastValues(t *testing.T) {
	for _, tab := range []struct {
		dir   directory
		table map[uint16]tagDef
	}{{ifd0, tiffTags}, {ifd0, writersTags}, {exifIFD, exifTags}, {gpsIFD, gpsTags}, {interopIFD, interopTags}} {
		for id, def := range tab.table {
			for _, v := range []value{{kind: kindInt}, {kind: kindText, n: 1}, {kind: kindInt, n: 1, ints: []int64{math.MinInt64}}, {kind: kindInt, n: 3, ints: []int64{math.MaxInt64, math.MaxInt64, -1}}} {
				m := &Metadata{tags: []tag{{dir: tab.dir, id: id, name: def.name, val: v}}}
				checkStyles(t, m)
			}
		}
	}
}

func FuzzStyles(f *testing.F) {
	for _, big := range []bool{false, true} {
		b := &testimage.Block{
			BigEndian: big,
			IFD0: []testimage.Entry{
				testimage.ASCII(0x010F, "Canon"), testimage.Short(0x0112, 6), testimage.Rational(0x011A, 72, 1),
				testimage.ASCII(0x0132, "2021:04:11 15:47:53"), testimage.Long(0x00FE, 5),
			},
			Exif: []testimage.Entry{
				testimage.Rational(0x829A, 1, 125), testimage.Rational(0x829D, 28, 10), testimage.SRational(0x9201, 7, 1),
				testimage.Undefined(0x9000, []byte("0230")), testimage.Undefined(0x9101, []byte{1, 2, 3, 0}),
				testimage.ASCII(0x9003, "2021:04:11 15:47:53"), testimage.ASCII(0x9291, "054"), testimage.ASCII(0x9011, "-05:00"),
				testimage.Short(0x9209, 0x5D), testimage.Rational(0xA432, 18, 1, 55, 1, 35, 10, 0, 0),
				testimage.Undefined(0xA302, []byte{2, 0, 2, 0, 0, 1, 1, 2}), testimage.SRational(0x9400, 1, -1),
			},
			GPS: []testimage.Entry{
				testimage.ASCII(0x0001, "S"), testimage.Rational(0x0002, 39, 1, 54, 1, 1512, 100),
				testimage.Bytes(0x0005, container.TypeByte, []byte{1}), testimage.Rational(0x0006, 435, 10),
				testimage.Rational(0x0007, 14, 1, 44, 1, 9, 1), testimage.ASCII(0x001D, "2022:02:03"),
				testimage.ASCII(0x0010, "T"), testimage.Rational(0x0011, 93, 1),
			},
			Interop: []testimage.Entry{testimage.ASCII(0x0001, "R98")},
			IFD1:    []testimage.Entry{testimage.Short(0x0103, 6), testimage.ASCII(0x0132, "0000:00:00 00:00:00")},
		}
		f.Add(b.Encode())
	}
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, block []byte) {
		m, err := Decode(bytes.NewReader(block), &Options{Unknown: true})
		if err != nil || m == nil {
			return
		}
		checkStyles(t, m)
	})
}

func BenchmarkStyles(b *testing.B) {
	block := (&testimage.Block{
		IFD0: []testimage.Entry{testimage.Short(0x0112, 6), testimage.Rational(0x011A, 72, 1), testimage.Short(0x0128, 2)},
		Exif: []testimage.Entry{testimage.Rational(0x829A, 1, 125), testimage.Short(0x9209, 0x5D), testimage.ASCII(0x9003, "2021:04:11 15:47:53")},
		GPS:  []testimage.Entry{testimage.ASCII(0x0001, "S"), testimage.Rational(0x0002, 39, 1, 54, 1, 1512, 100)},
	}).Encode()
	m, err := Decode(bytes.NewReader(block), &Options{})
	if err != nil {
		b.Fatal(err)
	}
	for name, style := range map[string]Style{"raw": Raw, "described": Described, "typed": Typed} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst, err = m.AppendJSON(dst[:0], &Options{Style: style})
			}
		})
	}
}

// exifToolValue is the output of exiftool -j -l -D for a tag: its number, the words for the value, and the
// value itself where it differs.
type exifToolValue struct {
	ID  any `json:"id"`
	Val any `json:"val"`
	Num any `json:"num"`
}

// exifTool runs ExifTool over directories. Keys are file and "IFD0:Orientation".
func exifTool(t *testing.T, dirs ...string) map[string]map[string]exifToolValue {
	t.Helper()
	tool, err := exec.LookPath("exiftool")
	if err != nil {
		t.Skip("exiftool is not installed")
	}
	args := []string{"-j", "-l", "-D", "-G1", "-r", "-q", "-q", "-m", "-IFD0:all", "-IFD1:all", "-ExifIFD:all", "-GPS:all", "-InteropIFD:all"}
	cmd := exec.Command(tool, append(args, dirs...)...)
	out, err := cmd.Output() // fails for files it can't read
	if len(out) == 0 {
		t.Fatal(err)
	}
	var files []map[string]json.RawMessage
	if err := json.Unmarshal(out, &files); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]exifToolValue{}
	for _, f := range files {
		var file string
		if err := json.Unmarshal(f["SourceFile"], &file); err != nil {
			t.Fatal(err)
		}
		tags := map[string]exifToolValue{}
		for k, raw := range f {
			var v exifToolValue
			if json.Unmarshal(raw, &v) == nil && v.ID != nil {
				tags[k] = v
			}
		}
		all[file] = tags
	}
	return all
}

// wordPair is our words and ExifTool's for a value of an enumeration.
type wordPair struct{ value, ours, theirs string }

var exifToolDirs = map[string]directory{"IFD0": ifd0, "ExifIFD": exifIFD, "GPS": gpsIFD, "InteropIFD": interopIFD, "IFD1": ifd1}

// wordPairs returns the words for every described tag of the files if ExifTool reads the same value.
func wordPairs(t *testing.T, files map[string]map[string]exifToolValue) map[string]map[wordPair]bool {
	t.Helper()
	found := map[string]map[wordPair]bool{}
	for file, tags := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		m, err := Decode(bytes.NewReader(data), &Options{})
		if err != nil {
			continue
		}
		for key, v := range tags {
			group, _, _ := strings.Cut(key, ":")
			id, err := strconv.ParseUint(fmt.Sprint(v.ID), 10, 16)
			d, ok := exifToolDirs[group]
			if err != nil || !ok {
				continue
			}
			ours := m.find(d, uint16(id))
			if ours == nil {
				continue
			}
			if _, ok := descriptionOf(d, ours.id); !ok {
				continue
			}
			num := v.Num
			if num == nil {
				num = v.Val
			}
			w := wordPair{fmt.Sprint(num), string(appendWords(nil, m, ours)), fmt.Sprint(v.Val)}
			raw := strings.Trim(string(appendRaw(nil, m, ours)), `"`)
			if name := strings.TrimPrefix(ours.name, "Thumb"); ours.val.kind != kindRat && raw == w.value {
				if found[name] == nil {
					found[name] = map[wordPair]bool{}
				}
				found[name][w] = true
			}
		}
	}
	return found
}

// inSeveralWords lists words, ours or ExifTool's, for which the other has two words.
var inSeveralWords = map[string]bool{
	// 1 and Exif 3.1's 25, for which JIS has a range of color temperatures
	"LightSource: Daylight": true, "CalibrationIlluminant1: Daylight": true,
	"CalibrationIlluminant2: Daylight": true, "CalibrationIlluminant3: Daylight": true,
	// 7, and 99 of old files
	"Compression: JPEG": true,
	// 0 and 2: only in Exif 3.0 is 0 not the sea
	"GPSAltitudeRef: Above sea level": true, "GPSAltitudeRef: Below sea level": true,
}

// sameMeaning checks that our words and ExifTool's correspond one to one.
func sameMeaning(t *testing.T, found map[string]map[wordPair]bool) {
	t.Helper()
	// skip values for which either has no words
	known := func(s string) bool { return !strings.HasPrefix(s, "Unknown (") }
	n := 0
	for _, name := range slices.Sorted(maps.Keys(found)) {
		ours, theirs := map[string]string{}, map[string]string{}
		list := slices.SortedFunc(maps.Keys(found[name]), func(a, b wordPair) int {
			return cmp.Or(cmp.Compare(len(a.value), len(b.value)), cmp.Compare(a.value, b.value))
		})
		for _, w := range list {
			t.Logf("%-28s %-12.12s %-60s %s", name, w.value, w.ours, w.theirs)
			n++
			if !known(w.ours) || !known(w.theirs) || w.theirs == w.value {
				continue
			}
			if inSeveralWords[name+": "+w.ours] || inSeveralWords[name+": "+w.theirs] {
				continue
			}
			if other, ok := ours[w.ours]; ok && other != w.theirs {
				t.Errorf("%s: our %q is both %q and %q", name, w.ours, other, w.theirs)
			}
			if other, ok := theirs[w.theirs]; ok && other != w.ours {
				t.Errorf("%s: ExifTool's %q is both our %q and %q", name, w.theirs, other, w.ours)
			}
			ours[w.ours], theirs[w.theirs] = w.theirs, w.ours
		}
	}
	if n == 0 {
		t.Error("no words compared")
	}
	t.Logf("%d values of %d tags", n, len(found))
}

// TestEnumerationsAsExifTool writes every value of every enumeration into a file and compares with
// ExifTool's words. With -v, the test logs the words side by side.
func TestEnumerationsAsExifTool(t *testing.T) {
	testgate.Slow(t)
	dir := t.TempDir()
	i := 0
	save := func(d directory, e testimage.Entry) {
		b := &testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "x")}}
		placeEntry(b, d, e)
		i++
		img := testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment(b.Encode()))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.jpg", i)), img, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tab := range descriptionTables {
		for id, d := range tab.table {
			for n := range d.numbers {
				save(tab.dir, numberEntry(tab.dir, id, n))
			}
			for s := range d.letters {
				save(tab.dir, testimage.ASCII(id, s))
			}
		}
	}
	for n := range uint16(0x80) {
		save(ifd0, testimage.Short(0x9209, n))
	}
	for _, n := range []uint32{0, 1, 2, 3, 4, 5, 8, 9, 16, 0x10001, 0x10004} {
		save(ifd0, testimage.Long(0x00FE, n))
	}
	for n := range byte(4) {
		save(gpsIFD, testimage.Bytes(0x0005, container.TypeByte, []byte{n}))
	}
	for _, s := range [][]uint16{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {4, 1}, {4, 2}} {
		save(ifd0, testimage.Short(0x0212, s...))
	}
	save(ifd0, testimage.Undefined(0x9101, []byte{1, 2, 3, 0}))
	save(ifd0, testimage.Undefined(0x9101, []byte{4, 5, 6, 0}))
	sameMeaning(t, wordPairs(t, exifTool(t, dir)))
}

// TestEnumerationsLackNothingOfExifTool: each number or letter of an enumeration with words in ExifTool
// has words of ours.
func TestEnumerationsLackNothingOfExifTool(t *testing.T) {
	testgate.Slow(t)
	tool, err := exec.LookPath("exiftool")
	if err != nil {
		t.Skip("exiftool is not installed")
	}
	out, _ := exec.Command(tool, "-listx", "-lang", "en", "-EXIF:All").Output() // exits with 1
	var list struct {
		Tables []struct {
			Name string `xml:"name,attr"`
			Tags []struct {
				ID   string `xml:"id,attr"`
				Keys []struct {
					ID   string `xml:"id,attr"`
					Word string `xml:"val"`
				} `xml:"values>key"`
			} `xml:"tag"`
		} `xml:"table"`
	}
	if err := xml.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, table := range list.Tables {
		d, ok := map[string]directory{"Exif::Main": ifd0, "GPS::Main": gpsIFD}[table.Name]
		if !ok {
			continue
		}
		for _, tag := range table.Tags {
			id, err := strconv.ParseUint(tag.ID, 10, 16)
			if err != nil {
				continue
			}
			desc, ok := descriptionOf(d, uint16(id))
			for _, key := range tag.Keys {
				n, err := strconv.ParseInt(key.ID, 0, 64)
				var known bool
				switch {
				case ok && desc.numbers != nil && err == nil:
					_, known = desc.numbers[n]
				case ok && desc.letters != nil:
					_, known = desc.letters[key.ID]
				default:
					continue
				}
				compared++
				if !known {
					t.Errorf("%s 0x%04X: %s, which is %q, has no words", table.Name, id, key.ID, key.Word)
				}
			}
		}
	}
	if compared < 300 {
		t.Errorf("only %d words compared", compared)
	}
}

// TestDescribedCorpus compares our words for the values of real files with ExifTool's.
func TestDescribedCorpus(t *testing.T) {
	dir := os.Getenv("EXIF_CORPUS")
	if dir == "" {
		t.Skip("EXIF_CORPUS is not set")
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if m, err := Decode(bytes.NewReader(data), &Options{Unknown: true}); err == nil {
			checkStyles(t, m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sameMeaning(t, wordPairs(t, exifTool(t, dir)))
}
