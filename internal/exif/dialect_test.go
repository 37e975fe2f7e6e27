package exif

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// inDialect returns the EXIF answer for a file in a dialect, with a filter.
func inDialect(t *testing.T, word string, file []byte, only, omit []string) string {
	t.Helper()
	o := &Options{Dialect: FindDialect(word)}
	var err error
	if o.Keep, err = (&Patterns{Only: only, Omit: omit, Dialect: o.Dialect}).Filter(); err != nil {
		t.Fatal(err)
	}
	m, err := Decode(bytes.NewReader(file), o)
	if err != nil {
		t.Fatal(err)
	}
	var info *Info
	if o.Dialect.NeedsInfo() {
		i, err := ReadInfo(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		info = &i
	}
	b, err := o.Dialect.AppendEXIF(nil, m, info, o)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b) {
		t.Fatalf("not JSON: %s", b)
	}
	return string(b)
}

// TestAnswersInDialects checks whole answers: envelope, names, order, and what stands beside the tags.
func TestAnswersInDialects(t *testing.T) {
	const info = "imageInfo"
	phone, none := testimage.Samples()["iphone-4s.jpg"], testimage.GrayJPEG(64, 48)
	for _, tc := range []struct{ word, file, want string }{
		{"oss", "phone", `{"ExposureTime":{"value":"1/449"},"FileSize":{"value":"1048"},"Format":{"value":"jpg"},"FrameCount":{"value":"1"},` +
			`"ImageHeight":{"value":"48"},"ImageWidth":{"value":"64"},"Make":{"value":"Apple"},"Model":{"value":"iPhone 4S"},"Orientation":{"value":"1"},` +
			`"ResolutionUnit":{"value":"2"},"XResolution":{"value":"72/1"},"YCbCrPositioning":{"value":"1"},"YResolution":{"value":"72/1"}}`},
		{"oss", "none", `{"FileSize":{"value":"SIZE"},"Format":{"value":"jpg"},"FrameCount":{"value":"1"},"ImageHeight":{"value":"48"},"ImageWidth":{"value":"64"}}`},
		{"oss", info, `{"FileSize":{"value":"1048"},"Format":{"value":"jpg"},"FrameCount":{"value":"1"},"ImageHeight":{"value":"48"},"ImageWidth":{"value":"64"}}`},
		{"cos", "phone", `{"ExposureTime":{"val":"1/449"},"Make":{"val":"Apple"},"Model":{"val":"iPhone 4S"},"Orientation":{"val":"1"},` +
			`"ResolutionUnit":{"val":"2"},"XResolution":{"val":"72/1"},"YCbCrPositioning":{"val":"1"},"YResolution":{"val":"72/1"}}`},
		{"cos", "none", `{"error" : "no exif data"}`},
		{"cos", info, `{"format":"jpeg","width":"64","height":"48","size":"1048"}`},
		{"bos", "phone", `{"format":{"value":"JPEG"},"imageHeight":{"value":"48"},"imageSize":{"value":"1048"},"imageWidth":{"value":"64"},` +
			`"make":{"value":"Apple"},"model":{"value":"iPhone 4S"},"orientation":{"value":"1"},` +
			`"resolutionUnit":{"value":"2"},"resolutionX":{"value":"72/1"},"resolutionY":{"value":"72/1"}}`},
		{"bos", "none", `{"format":{"value":"JPEG"},"imageHeight":{"value":"48"},"imageSize":{"value":"SIZE"},"imageWidth":{"value":"64"}}`},
		{"bos", info, `{"format":{"value":"JPEG"},"imageHeight":{"value":"48"},"imageSize":{"value":"1048"},"imageWidth":{"value":"64"}}`},
		{"qiniu", "phone", `{"ExposureTime":{"val":"1/449 sec.","type":5},"Make":{"val":"Apple","type":2},"Model":{"val":"iPhone 4S","type":2},` +
			`"Orientation":{"val":"Top-left","type":3},"ResolutionUnit":{"val":"Inch","type":3},"XResolution":{"val":"72","type":5},` +
			`"YCbCrPositioning":{"val":"Centered","type":3},"YResolution":{"val":"72","type":5}}`},
		{"qiniu", "none", `{"error":"no exif data"}`},
		{"qiniu", info, `{"size":1048,"format":"jpeg","width":64,"height":48,"colorModel":"ycbcr","orientation":"Top-left"}`},
		{"obs", "phone", `{"ExposureTime":"1/449","Make":"Apple","Model":"iPhone 4S","Orientation":"1","ResolutionUnit":"2","XResolution":"72/1",` +
			`"YCbCrPositioning":"1","YResolution":"72/1","format":"JPEG","height":48,"size":1048,"width":64}`},
		{"obs", "none", `{"format":"JPEG","height":48,"size":SIZE,"width":64}`},
		{"obs", info, `{"format":"JPEG","height":48,"size":1048,"width":64}`},
	} {
		var got string
		switch tc.file {
		case "phone":
			got = inDialect(t, tc.word, phone, nil, nil)
		case "none":
			got = inDialect(t, tc.word, none, nil, nil)
			tc.want = strings.ReplaceAll(tc.want, "SIZE", itoa(len(none)))
		default:
			i, err := ReadInfo(bytes.NewReader(phone))
			if err != nil {
				t.Fatal(err)
			}
			got = string(FindDialect(tc.word).AppendInfo(nil, &i, &Options{}))
		}
		if got != tc.want {
			t.Errorf("%s of %s: got\n%s\nwant\n%s", tc.word, tc.file, got, tc.want)
		}
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// TestValuesOfOSS checks the values that real answers of OSS have.
func TestValuesOfOSS(t *testing.T) {
	rat := testimage.Rational
	full := (&testimage.Block{
		IFD0: []testimage.Entry{testimage.Short(0x0112, 7), rat(0x011A, 96, 1)},
		Exif: []testimage.Entry{
			testimage.Undefined(0x9000, []byte("0221")), testimage.Undefined(0x9101, []byte{1, 2, 3, 0}), testimage.Undefined(0xA000, []byte("0100")),
			rat(0xA432, 807365, 524263, 51, 10, 8, 5, 12, 5),
		},
		GPS: []testimage.Entry{
			testimage.Bytes(0x0000, container.TypeByte, []byte{2, 2, 0, 0}), testimage.ASCII(0x0001, "N"), rat(0x0002, 30, 1, 17, 1, 3062, 100),
			testimage.ASCII(0x0003, "E"), rat(0x0004, 120, 1, 5, 1, 427, 100), rat(0x0006, 5158, 605), rat(0x0007, 7, 1, 55, 1, 5824, 100), testimage.ASCII(0x0010, "T"),
		},
		IFD1:      []testimage.Entry{testimage.Short(0x0103, 6), testimage.Short(0x0112, 1), testimage.Long(0x0201, 0), testimage.Long(0x0202, 3)},
		Thumbnail: []byte("\xFF\xD8\xFF"),
	}).Encode()
	got := values(t, inDialect(t, "oss", full, nil, nil), "value")
	for name, want := range map[string]string{
		"Orientation": "7", "XResolution": "96/1", "ExifVersion": "48 50 50 49", "ComponentsConfiguration": "1 2 3 0", "FlashpixVersion": "48 49 48 48",
		"LensSpecification": "807365/524263 51/10 8/5 12/5", "GPSVersionID": "2 2 0 0", "GPSLatitude": `30deg 17' 30.620" `, "GPSLatitudeRef": "North",
		"GPSLongitude": `120deg 5' 4.270" `, "GPSLongitudeRef": "East", "GPSAltitude": "5158/605", "GPSTimeStamp": "7/1 55/1 5824/100", "GPSImgDirectionRef": "T",
		"Compression": "6", "JPEGInterchangeFormatLength": "3", // the thumbnail's
	} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	for _, tc := range []struct {
		place []uint32
		want  string
	}{
		{[]uint32{0, 1, 0, 1, 0, 1}, "0deg "},
		{[]uint32{39, 1, 54, 1, 0, 1}, "39deg 54' "},
		{[]uint32{39, 1, 5425, 100, 0, 1}, "39deg 54.25000' "},
		{[]uint32{399042, 10000, 0, 1, 0, 1}, "39.9042000deg "},
		{[]uint32{39, 1, 54, 1, 15, 0}, "(39/1 54/1 15/0)"},
		{[]uint32{39, 1, 54, 1}, "39/1 54/1"},
	} {
		b := testimage.TIFF(testimage.Block{GPS: []testimage.Entry{rat(0x0002, tc.place...)}})
		if got := values(t, inDialect(t, "oss", b, nil, nil), "value")["GPSLatitude"]; got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.place, got, tc.want)
		}
	}
}

// values returns the text in the envelope of each value.
func values(t *testing.T, answer, key string) map[string]string {
	t.Helper()
	var fields map[string]map[string]any
	if err := json.Unmarshal([]byte(answer), &fields); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	texts := map[string]string{}
	for name, f := range fields {
		texts[name], _ = f[key].(string)
	}
	return texts
}

// TestPictureTurnedByItsContainer: libheif turns the pictures of a HEIF, so OSS answers their size as displayed, and
// Orientation 1, or clients would turn them once more.
func TestPictureTurnedByItsContainer(t *testing.T) {
	block := (&testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, 6)}}).Encode()
	m, err := Decode(bytes.NewReader(block), &Options{})
	if err != nil {
		t.Fatal(err)
	}
	for format, want := range map[string]string{"heif": "48 64 1", "avif": "48 64 1", "jpeg": "64 48 6", "webp": "64 48 6"} {
		i := &Info{Format: format, Size: 1, Info: container.Info{Width: 64, Height: 48, DisplayWidth: 48, DisplayHeight: 64, Orientation: 6}}
		b, err := FindDialect("oss").AppendEXIF(nil, m, i, &Options{})
		if err != nil {
			t.Fatal(err)
		}
		v := values(t, string(b), "value")
		if got := v["ImageWidth"] + " " + v["ImageHeight"] + " " + v["Orientation"]; got != want {
			t.Errorf("%s: got %s, want %s", format, got, want)
		}
	}
}

// TestValuesOfQiniu checks the values of the sample in Qiniu's documentation, and libexif's other forms.
func TestValuesOfQiniu(t *testing.T) {
	rat, short, undef := testimage.Rational, testimage.Short, testimage.Undefined
	file := (&testimage.Block{
		IFD0: []testimage.Entry{
			testimage.ASCII(0x010F, "Canon"), short(0x0112, 1), rat(0x011A, 72, 1), short(0x0128, 2), short(0x0212, 2, 1), testimage.ASCII(0x8298, "me"),
		},
		Exif: []testimage.Entry{
			rat(0x829A, 1, 50), rat(0x829D, 56, 10), short(0x8822, 3), short(0x8827, 3200), undef(0x9000, []byte("9999")),
			testimage.ASCII(0x9290, "12"), undef(0x9101, []byte{0, 0, 0, 0}),
			testimage.SRational(0x9201, 562, 100), rat(0x9202, 5, 1), testimage.SRational(0x9203, 1, 1), testimage.SRational(0x9204, 1, 3),
			rat(0x9205, 519, 100), rat(0x9206, 25, 10), short(0x9207, 5), short(0x9208, 999), short(0x9209, 16), rat(0x920A, 45, 1), short(0x9214, 1, 2, 3, 4),
			undef(0xA000, []byte("0100")), short(0xA001, 1), testimage.Long(0xA002, 640), rat(0xA20E, 572818, 100), short(0xA210, 2),
			undef(0xA300, []byte{3}), undef(0xA301, []byte{2}), short(0xA401, 0), short(0xA402, 0), short(0xA403, 9), short(0xA406, 0), rat(0xA404, 0, 0),
			rat(0xA432, 5, 1, 0, 0, 28, 10, 4, 1),
		},
		GPS: []testimage.Entry{
			testimage.Bytes(0x0000, container.TypeByte, []byte{2, 2, 0, 0}), testimage.ASCII(0x0001, "N"), rat(0x0002, 43, 1, 28, 1, 567599999, 100000000),
			testimage.Bytes(0x0005, container.TypeByte, []byte{1}), rat(0x0007, 14, 1, 5, 1, 9996, 1000),
		},
	}).Encode()
	got := values(t, inDialect(t, "qiniu", file, nil, nil), "val")
	want := map[string]string{
		"Make": "Canon", "Orientation": "Top-left", "XResolution": "72", "ResolutionUnit": "Inch", "ExposureTime": "1/50 sec.", "FNumber": "f/5.6",
		"ExposureProgram": "Aperture priority", "ISOSpeedRatings": "3200", "ExifVersion": "Unknown Exif Version", "ComponentsConfiguration": "- - - -",
		"ShutterSpeedValue": "5.62 EV (1/49 sec.)", "ApertureValue": "5.00 EV (f/5.7)", "ExposureBiasValue": "0.33 EV", "MaxApertureValue": "5.19 EV (f/6.0)",
		"MeteringMode": "Pattern", "Flash": "Flash did not fire, compulsory flash mode", "FocalLength": "45.0 mm", "FlashPixVersion": "FlashPix Version 1.0",
		"ColorSpace": "sRGB", "PixelXDimension": "640", "FocalPlaneXResolution": "5728.18", "FocalPlaneResolutionUnit": "Inch", "CustomRendered": "Normal process",
		"ExposureMode": "Auto exposure", "SceneCaptureType": "Standard",
		// libexif's, beyond the sample
		"YCbCrSubSampling": "YCbCr4:2:2", "Copyright": "me (Photographer) - [None] (Editor)", "SubsecTime": "12", "BrightnessValue": "1.00 EV (6.85 cd/m^2)",
		"SubjectDistance": "2.5 m", "LightSource": "Internal error (unknown value 999)", "SubjectArea": "Within rectangle (width 3, height 4) around (x,y) = (1,2)",
		"FileSource": "DSC", "SceneType": "Internal error (unknown value 2)", "WhiteBalance": "9", "DigitalZoomRatio": "0/0", "LensSpecification": " 5, 0/0, 2.8,  4",
		"GPSVersionID": "2.2.0.0", "GPSLatitudeRef": "N", "GPSLatitude": "43, 28, 5.67599999", "GPSAltitudeRef": "Sea level reference", "GPSTimeStamp": "14:05:10.00",
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s: got %q, want %q", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d tags, want %d", len(got), len(want))
	}
}

// TestDatesOfBOS: BOS writes dates as ISO 8601, and claims UTC for each; a zone that isn't known stays unknown here.
func TestDatesOfBOS(t *testing.T) {
	file := (&testimage.Block{
		IFD0: []testimage.Entry{testimage.ASCII(0x0132, "2016:08:31 14:57:07")},
		Exif: []testimage.Entry{
			testimage.ASCII(0x9003, "2016:08:31 14:57:07"), testimage.ASCII(0x9011, "+08:00"), testimage.ASCII(0x9004, "0000:00:00 00:00:00"), testimage.Short(0x9209, 1),
		},
		GPS: []testimage.Entry{testimage.ASCII(0x0001, "N"), testimage.Rational(0x0002, 40, 1, 2, 1, 3675, 100), testimage.Rational(0x0006, 1, 1)},
	}).Encode()
	got := values(t, inDialect(t, "bos", file, nil, nil), "value")
	for name, want := range map[string]string{
		"dateTime": "2016-08-31T14:57:07", "dateTimeOriginal": "2016-08-31T14:57:07", "dateTimeDigitized": "0000:00:00 00:00:00",
		"gpsLatitude": "40/1,2/1,3675/100", "gpsLatitudeRef": "N",
		// what BOS doesn't list, it doesn't tell
		"Flash": "", "GPSAltitude": "", "gpsAltitude": "",
	} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
}

// TestFiltersInDialects: filters match the standard's names and the dialect's, and what stands beside the tags.
func TestFiltersInDialects(t *testing.T) {
	full := testimage.Samples()["photo.jpg"]
	for _, tc := range []struct {
		word       string
		only, omit []string
		has, not   []string
	}{
		{"oss", nil, []string{"ImageWidth"}, []string{"ImageHeight", "PixelXDimension"}, []string{"ImageWidth"}},
		{"oss", nil, []string{"ImageHeight", "FileSize"}, []string{"ImageWidth"}, []string{"ImageHeight", "FileSize"}},
		{"oss", []string{"Make", "FileSize"}, nil, []string{"Make", "FileSize"}, []string{"ImageWidth", "Model", "Format"}},
		{"oss", nil, []string{"@location"}, []string{"Make"}, []string{"GPSLatitude", "GPSLatitudeRef", "GPSTimeStamp"}},
		{"oss", nil, []string{"Compression"}, []string{"Make"}, []string{"Compression"}}, // the thumbnail's
		{"oss", nil, []string{"ThumbCompression"}, []string{"Make"}, []string{"Compression"}},
		{"bos", nil, []string{"gpsLatitude", "resolutionX"}, []string{"gpsLongitude", "resolutionY"}, []string{"gpsLatitude", "resolutionX"}},
		{"bos", nil, []string{"gps*"}, []string{"make"}, []string{"gpsLatitude", "gpsLatitudeRef", "gpsLongitude", "gpsLongitudeRef"}},
		{"bos", nil, []string{"GPS*"}, []string{"make"}, []string{"gpsLatitude", "gpsLatitudeRef", "gpsLongitude", "gpsLongitudeRef"}},
		{"bos", []string{"dateTime", "Make", "imageWidth"}, nil, []string{"dateTime", "make", "imageWidth"}, []string{"model", "imageHeight", "dateTimeOriginal"}},
		{"qiniu", []string{"FlashPixVersion"}, nil, []string{"FlashPixVersion"}, []string{"Make"}},
		{"qiniu", nil, []string{"FlashpixVersion"}, []string{"Make"}, []string{"FlashPixVersion", "FlashpixVersion"}},
		{"cos", nil, []string{"@person", "@device"}, []string{"Make"}, []string{"Artist", "BodySerialNumber"}},
		{"obs", nil, []string{"width", "Artist"}, []string{"height", "Make"}, []string{"width", "Artist"}},
	} {
		var got map[string]any
		answer := inDialect(t, tc.word, full, tc.only, tc.omit)
		if err := json.Unmarshal([]byte(answer), &got); err != nil {
			t.Fatal(err)
		}
		for _, name := range tc.has {
			if got[name] == nil {
				t.Errorf("%s, only %q, omit %q: no %s in %s", tc.word, tc.only, tc.omit, name, answer)
			}
		}
		for _, name := range tc.not {
			if got[name] != nil {
				t.Errorf("%s, only %q, omit %q: %s in %s", tc.word, tc.only, tc.omit, name, answer)
			}
		}
	}
	for _, tc := range []struct {
		word, pattern string
		ok            bool
	}{
		{"oss", "ImageHeight", true},
		{"oss", "gpsLatitude", false},
		{"bos", "gpsLatitude", true},
		{"bos", "FrameCount", false},
		{"cos", "FileSize", false},
		{"qiniu", "SubsecTime", true},
		{"oss", "SubsecTime", false},
		{"obs", "width", true},
	} {
		if _, err := (&Patterns{Omit: []string{tc.pattern}, Dialect: FindDialect(tc.word)}).Filter(); (err == nil) != tc.ok {
			t.Errorf("omit %s with %s: got %v", tc.pattern, tc.word, err)
		}
	}
	if _, err := (&Patterns{Only: []string{"Flash"}, Dialect: FindDialect("bos")}).Filter(); err == nil {
		t.Error("only Flash with bos, which doesn't tell it: no error")
	}
	keep, err := (&Patterns{Dialect: FindDialect("bos")}).Filter()
	if err != nil || keep("Flash") || keep("ThumbMake") || !keep("Make") || !keep("imageSize") {
		t.Errorf("bos keeps other tags than it tells: %v", err)
	}
}

// checkDialects renders in all dialects: the output must be a JSON object with sorted, unique keys.
func checkDialects(t *testing.T, m *Metadata) {
	t.Helper()
	for _, d := range dialects {
		b, err := m.AppendJSON(nil, &Options{Dialect: d})
		if errors.Is(err, ErrTooLarge) {
			continue // its envelope is larger
		}
		var fields map[string]any
		if e := json.Unmarshal(b, &fields); err != nil || e != nil || bytes.Contains(b, []byte("{{")) {
			t.Fatalf("%s: %v, %v: %s", d.Word, err, e, b)
		}
		dec := json.NewDecoder(bytes.NewReader(b))
		_, _ = dec.Token()
		for last := ""; dec.More(); {
			key, _ := dec.Token()
			if name, _ := key.(string); name <= last {
				t.Fatalf("%s: key %q after %q: %s", d.Word, name, last, b)
			} else {
				last = name
			}
			var v any
			if err := dec.Decode(&v); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestAnswersInDialectsAreBounded: the envelope counts, too.
func TestAnswersInDialectsAreBounded(t *testing.T) {
	var exif []testimage.Entry
	for id := range uint16(5) {
		exif = append(exif, testimage.ASCII(0xE000+id, strings.Repeat("\x01", maxText-1)))
	}
	var many []testimage.Entry
	for id := range uint16(15000) {
		many = append(many, testimage.Short(0x1003+id, 1))
	}
	for name, entries := range map[string][]testimage.Entry{"texts": exif, "tags": many} {
		block := (&testimage.Block{Exif: entries}).Encode()
		for _, word := range []string{"oss", "cos", "qiniu"} {
			o := &Options{Unknown: true, Dialect: FindDialect(word)}
			m, err := Decode(bytes.NewReader(block), o)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := m.AppendJSON([]byte("x"), o); !errors.Is(err, ErrTooLarge) || string(b) != "x" {
				t.Errorf("%s, %s: got %d bytes and %v", name, word, len(b), err)
			}
		}
	}
}

// TestKeptLabelIsToldInDialects checks that keep @ai brings back the comment that is a label, as it stays in a redacted photo.
func TestKeptLabelIsToldInDialects(t *testing.T) {
	block := testimage.Block{Exif: []testimage.Entry{testimage.Undefined(0x9286, []byte("ASCII\x00\x00\x00"+`{"AIGC":{"Label":"1"}}`))}}
	for word, want := range map[string]bool{"oss": true, "cos": true, "qiniu": true, "obs": true, "bos": false} { // BOS tells no comments
		o := &Options{Dialect: FindDialect(word)}
		var err error
		if o.Keep, err = (&Patterns{Omit: []string{"@person"}, Keep: []string{"@ai"}, Dialect: o.Dialect}).Filter(); err != nil {
			t.Fatal(err)
		}
		m, err := Decode(bytes.NewReader(block.Encode()), o)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := m.AppendJSON(nil, o); err != nil || bytes.Contains(b, []byte("Label")) != want {
			t.Errorf("%s: got %s, %v", word, b, err)
		}
	}
}
