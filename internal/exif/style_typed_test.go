package exif

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

func TestTyped(t *testing.T) {
	type entry = testimage.Entry
	short, ascii, undef := testimage.Short, testimage.ASCII, testimage.Undefined
	rat, srat, bytesOf := testimage.Rational, testimage.SRational, testimage.Bytes
	floats := func(id uint16, bits int, fs ...float64) entry {
		e := entry{ID: id, Type: container.TypeFloat, Count: uint32(len(fs))}
		if bits == 64 {
			e.Type = container.TypeDouble
		}
		e.Put = func(o binary.AppendByteOrder) (b []byte) {
			for _, f := range fs {
				if bits == 64 {
					b = o.AppendUint64(b, math.Float64bits(f))
				} else {
					b = o.AppendUint32(b, math.Float32bits(float32(f)))
				}
			}
			return b
		}
		return e
	}
	const none = math.MaxUint32
	tests := []struct {
		name string
		b    testimage.Block
		want string // JSON
	}{
		{"Make", testimage.Block{IFD0: []entry{ascii(0x010F, `a "b"`)}}, `"a \"b\""`},
		{"Make", testimage.Block{IFD0: []entry{ascii(0x010F, "")}}, `""`},
		{"Orientation", testimage.Block{IFD0: []entry{short(0x0112, 6)}}, `6`},
		{"BitsPerSample", testimage.Block{IFD0: []entry{short(0x0102, 8, 8, 8)}}, `[8,8,8]`},
		{"BitsPerSample", testimage.Block{IFD0: []entry{short(0x0102, 8)}}, `8`},
		{"XResolution", testimage.Block{IFD0: []entry{rat(0x011A, 72, 1)}}, `72`},
		{"XResolution", testimage.Block{IFD0: []entry{rat(0x011A, 1, 3)}}, `0.3333333333333333`},
		{"XResolution", testimage.Block{IFD0: []entry{rat(0x011A, 0, 0)}}, `null`},
		{"XResolution", testimage.Block{IFD0: []entry{rat(0x011A, 72, 0)}}, `null`},
		{"XResolution", testimage.Block{IFD0: []entry{rat(0x011A, 1, none)}}, `2.3283064370807974e-10`},
		{"XResolution", testimage.Block{IFD0: []entry{rat(0x011A, 3, 10000000)}}, `3e-7`},
		{"XResolution", testimage.Block{IFD0: []entry{srat(0x011A, 0, -1)}}, `0`},
		{"XResolution", testimage.Block{IFD0: []entry{floats(0x011A, 32, 0.1)}}, `0.1`},
		{"XResolution", testimage.Block{IFD0: []entry{floats(0x011A, 64, 1e300)}}, `1e+300`},
		{"XResolution", testimage.Block{IFD0: []entry{floats(0x011A, 64, math.NaN(), 1, math.Inf(1))}}, `[null,1,null]`},
		{"ExposureTime", testimage.Block{Exif: []entry{rat(0x829A, 1, 125)}}, `0.008`},
		{"ShutterSpeedValue", testimage.Block{Exif: []entry{srat(0x9201, 13, 2)}}, `6.5`},
		{"LensSpecification", testimage.Block{Exif: []entry{rat(0xA432, 18, 1, 55, 1, 0, 0, 7, 2)}}, `[18,55,null,3.5]`},
		{"ExifVersion", testimage.Block{Exif: []entry{undef(0x9000, []byte("0230"))}}, `"0230"`},
		{"ComponentsConfiguration", testimage.Block{Exif: []entry{undef(0x9101, []byte{1, 2, 3, 0})}}, `[1,2,3,0]`},
		{"FileSource", testimage.Block{Exif: []entry{undef(0xA300, []byte{3})}}, `3`},
		{"Temperature", testimage.Block{Exif: []entry{srat(0x9400, 215, 10)}}, `21.5`},
		{"Temperature", testimage.Block{Exif: []entry{srat(0x9400, 0, -1)}}, `null`},
		{"Humidity", testimage.Block{Exif: []entry{rat(0x9401, 0, none)}}, `null`},
		{"SubjectDistance", testimage.Block{Exif: []entry{rat(0x9206, none, 1)}}, `null`},
		{"SubjectDistance", testimage.Block{Exif: []entry{rat(0x9206, none, 1000)}}, `null`},
		{"SubjectDistance", testimage.Block{Exif: []entry{testimage.Long(0x9206, none)}}, `null`},
		{"SubjectDistance", testimage.Block{Exif: []entry{rat(0x9206, 0, 10)}}, `null`},
		{"SubjectDistance", testimage.Block{Exif: []entry{rat(0x9206, 0, 0)}}, `null`},
		{"SubjectDistance", testimage.Block{Exif: []entry{rat(0x9206, 35, 10)}}, `3.5`},
		{"SubjectDistance", testimage.Block{Exif: []entry{rat(0x9206, 35, 10, none, 1)}}, `[3.5,4294967295]`},
		{"BrightnessValue", testimage.Block{Exif: []entry{srat(0x9203, -1, 1)}}, `null`},
		{"BrightnessValue", testimage.Block{Exif: []entry{srat(0x9203, -1, 4)}}, `-0.25`},

		{"GPSLatitude", testimage.Block{GPS: []entry{ascii(1, "N"), rat(2, 39, 1, 54, 1, 1512, 100)}}, `39.9042`},
		{"GPSLatitude", testimage.Block{GPS: []entry{ascii(1, "S"), rat(2, 39, 1, 30, 1, 0, 1)}}, `-39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{ascii(1, "s"), rat(2, 39, 1, 30, 1)}}, `-39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{ascii(1, "South"), rat(2, 79, 2)}}, `-39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{bytesOf(1, container.TypeByte, []byte("S\x00")), rat(2, 79, 2)}}, `-39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{ascii(1, "S"), srat(2, -79, 2)}}, `-39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{ascii(1, "N"), srat(2, -79, 2)}}, `-39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{ascii(1, "W"), rat(2, 79, 2)}}, `39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{rat(2, 79, 2)}}, `39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{rat(2, 39, 1, 30, 1, 0, 0)}}, `39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{rat(2, 39, 1, 30, 1, 1, 0)}}, `39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{rat(2, 39, 1, 30, 0, 0, 1)}}, `null`},
		{"GPSLatitude", testimage.Block{GPS: []entry{rat(2, 0, 0, 30, 1, 0, 1)}}, `null`},
		{"GPSLatitude", testimage.Block{GPS: []entry{short(2, 39, 30, 0)}}, `39.5`},
		{"GPSLatitude", testimage.Block{GPS: []entry{rat(2, 1, 1, 2, 1, 3, 1, 4, 1)}}, `[1,2,3,4]`},
		{"GPSLatitude", testimage.Block{GPS: []entry{ascii(2, "39.5 N")}}, `"39.5 N"`},
		{"GPSLongitude", testimage.Block{GPS: []entry{ascii(3, "W"), rat(4, 116, 1, 30, 1, 0, 1)}}, `-116.5`},
		{"GPSLongitude", testimage.Block{GPS: []entry{ascii(1, "S"), ascii(3, "E"), rat(4, 116, 1, 30, 1, 0, 1)}}, `116.5`},
		{"GPSDestLatitude", testimage.Block{GPS: []entry{ascii(1, "N"), ascii(0x13, "S"), rat(0x14, 1, 2)}}, `-0.5`},
		{"GPSDestLongitude", testimage.Block{GPS: []entry{ascii(0x15, "W"), rat(0x16, 1, 2)}}, `-0.5`},
		{"GPSAltitude", testimage.Block{GPS: []entry{bytesOf(5, container.TypeByte, []byte{0}), rat(6, 435, 10)}}, `43.5`},
		{"GPSAltitude", testimage.Block{GPS: []entry{bytesOf(5, container.TypeByte, []byte{1}), rat(6, 435, 10)}}, `-43.5`},
		{"GPSAltitude", testimage.Block{GPS: []entry{bytesOf(5, container.TypeByte, []byte{2}), rat(6, 435, 10)}}, `43.5`},
		{"GPSAltitude", testimage.Block{GPS: []entry{bytesOf(5, container.TypeByte, []byte{3}), rat(6, 435, 10)}}, `-43.5`},
		{"GPSAltitude", testimage.Block{GPS: []entry{ascii(5, "1"), rat(6, 435, 10)}}, `-43.5`},
		{"GPSAltitude", testimage.Block{GPS: []entry{bytesOf(5, container.TypeByte, []byte{1}), srat(6, -435, 10)}}, `-43.5`},
		{"GPSAltitude", testimage.Block{GPS: []entry{rat(6, 435, 10)}}, `43.5`},
		{"GPSAltitude", testimage.Block{GPS: []entry{bytesOf(5, container.TypeByte, []byte{1}), rat(6, 435, 0)}}, `null`},
		{"GPSAltitudeRef", testimage.Block{GPS: []entry{bytesOf(5, container.TypeByte, []byte{1})}}, `1`},
		{"GPSTimeStamp", testimage.Block{GPS: []entry{rat(7, 14, 1, 44, 1, 9, 1)}}, `"14:44:09"`},
		{"GPSTimeStamp", testimage.Block{GPS: []entry{rat(7, 14, 1, 27, 1, 724, 100)}}, `"14:27:07.24"`},
		{"GPSTimeStamp", testimage.Block{GPS: []entry{rat(7, 14, 1, 27, 1, 0, 0)}}, `null`},
		{"GPSTimeStamp", testimage.Block{GPS: []entry{rat(7, 24, 1, 0, 1, 0, 1)}}, `"24:00:00"`},
		{"GPSTimeStamp", testimage.Block{GPS: []entry{rat(7, 24, 1, 0, 1, 1, 1)}}, `[24,0,1]`},
		{"GPSTimeStamp", testimage.Block{GPS: []entry{rat(7, 25, 1, 0, 1, 0, 1)}}, `[25,0,0]`},
		{"GPSTimeStamp", testimage.Block{GPS: []entry{rat(7, 14, 1)}}, `14`},
		{"GPSTimeStamp", testimage.Block{GPS: []entry{ascii(7, "14:44")}}, `"14:44"`},
		{"GPSDateStamp", testimage.Block{GPS: []entry{ascii(0x1D, "2022:02:03")}}, `"2022-02-03"`},
		{"GPSDateStamp", testimage.Block{GPS: []entry{ascii(0x1D, "2022-02-03")}}, `"2022-02-03"`},
		{"GPSDateStamp", testimage.Block{GPS: []entry{ascii(0x1D, "")}}, `null`},
		{"GPSVersionID", testimage.Block{GPS: []entry{bytesOf(0, container.TypeByte, []byte{2, 3, 0, 0})}}, `[2,3,0,0]`},
		{"GPSSpeed", testimage.Block{GPS: []entry{rat(0x0D, 14, 100)}}, `0.14`},
	}
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.want, func(t *testing.T) {
			for _, big := range []bool{false, true} {
				tt.b.BigEndian = big
				if got := styled(t, &tt.b, Typed); got[tt.name] != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			}
		})
	}
}

// TestTypedPositionsHaveOneSign: a position has the sign of its degrees, whether writers store it once,
// three times, or as a letter as well.
func TestTypedPositionsHaveOneSign(t *testing.T) {
	for _, tt := range []struct {
		ref   string
		parts []int32
		want  string
	}{
		{"", []int32{-39, 1, 54, 1}, "-39.9"},
		{"S", []int32{-39, 1, 54, 1}, "-39.9"},
		{"N", []int32{-39, 1, 54, 1}, "-39.9"},
		{"", []int32{-39, 1, -54, 1, 0, 1}, "-39.9"},
		{"", []int32{0, 1, -30, 1, 0, 1}, "-0.5"},
		{"S", []int32{39, 1, 54, 1}, "-39.9"},
		{"N", []int32{39, 1, 54, 1}, "39.9"},
	} {
		b := &testimage.Block{GPS: []testimage.Entry{testimage.ASCII(1, tt.ref), testimage.SRational(2, tt.parts...)}}
		if got := styled(t, b, Typed)["GPSLatitude"]; got != tt.want {
			t.Errorf("%s %d: got %s, want %s", tt.ref, tt.parts, got, tt.want)
		}
	}
	b := &testimage.Block{GPS: []testimage.Entry{testimage.ASCII(1, "N"), testimage.SRational(2, -39, 1, 54, 1)}}
	if got, want := styled(t, b, Described)["GPSLatitude"], `"39° 54' 0\" S"`; got != want {
		t.Errorf("described: got %s, want %s", got, want)
	}
}

// TestTypedPositionsOnEarth: an impossible latitude or longitude is null.
func TestTypedPositionsOnEarth(t *testing.T) {
	for _, tt := range []struct {
		id   uint16
		n, d uint32
		want string
	}{
		{0x0002, 90, 1, "90"},
		{0x0002, 90000001, 1000000, "null"},
		{0x0002, 180, 1, "null"},
		{0x0014, 90, 1, "90"},
		{0x0014, 91, 1, "null"},
		{0x0004, 180, 1, "180"},
		{0x0004, 180000001, 1000000, "null"},
		{0x0016, 180, 1, "180"},
		{0x0016, 181, 1, "null"},
		{0x0016, math.MaxUint32, 1, "null"},
	} {
		name := gpsTags[tt.id].name
		for _, ref := range []string{"N", "S", "W"} {
			want := tt.want
			if south := tt.id == 2 || tt.id == 0x14; want != "null" && (south && ref == "S" || !south && ref == "W") {
				want = "-" + want
			}
			b := &testimage.Block{GPS: []testimage.Entry{testimage.ASCII(tt.id-1, ref), testimage.Rational(tt.id, tt.n, tt.d)}}
			if got := styled(t, b, Typed)[name]; got != want {
				t.Errorf("%s %d/%d %s: got %s, want %s", name, tt.n, tt.d, ref, got, want)
			}
		}
	}
}

// TestTypedDates: a fraction and an offset come only from the date's own tags.
func TestTypedDates(t *testing.T) {
	const date = "2021:04:11 15:47:53"
	dates := []struct {
		name                 string
		id, fraction, offset uint16
	}{
		{"DateTime", 0x0132, 0x9290, 0x9010},
		{"DateTimeOriginal", 0x9003, 0x9291, 0x9011},
		{"DateTimeDigitized", 0x9004, 0x9292, 0x9012},
	}
	block := func(id uint16, text string, exif ...testimage.Entry) *testimage.Block {
		b := &testimage.Block{Exif: exif}
		if id == 0x0132 {
			b.IFD0 = []testimage.Entry{testimage.ASCII(id, text)}
		} else {
			b.Exif = append(b.Exif, testimage.ASCII(id, text))
		}
		return b
	}
	forms := []struct{ date, fraction, offset, want string }{
		{date, "054", "-05:00", `"2021-04-11T15:47:53.054-05:00"`},
		{date, "054  ", "", `"2021-04-11T15:47:53.054"`},
		{date, "", "+05:45", `"2021-04-11T15:47:53+05:45"`},
		{date, "00", "Z", `"2021-04-11T15:47:53.00Z"`},
		{date, "5", "+00:00", `"2021-04-11T15:47:53.5+00:00"`},
		{date, "12345678901234567890", "", `"2021-04-11T15:47:53.123456789"`},
		{date, "   ", "   :  ", `"2021-04-11T15:47:53"`},
		{date, "5a", "+050", `"2021-04-11T15:47:53"`},
		{date, "-5", "UTC", `"2021-04-11T15:47:53"`},
		{date, "1\"", "+24:00", `"2021-04-11T15:47:53"`},
		{date, "", "+05:60", `"2021-04-11T15:47:53"`},
		{"2021-04-11T15:47:53", "", "", `"2021-04-11T15:47:53"`},
		{"2021/04/11 15:47:53", "", "", `"2021-04-11T15:47:53"`},
		{"2021:04:11", "054", "+01:00", `"2021-04-11"`},
		{"2020:02:29 00:00:00", "", "", `"2020-02-29T00:00:00"`},
		// invalid dates: the unchanged text
		{"2021:02:29 00:00:00", "1", "Z", `"2021:02:29 00:00:00"`},
		{"2021:13:01 00:00:00", "", "", `"2021:13:01 00:00:00"`},
		{"2021:00:00 00:00:00", "", "", `"2021:00:00 00:00:00"`},
		{"2021:04:11 24:00:01", "", "", `"2021:04:11 24:00:01"`},
		{"2021:04:11 25:00:00", "", "", `"2021:04:11 25:00:00"`},
		{"2021:04:11 15:60:53", "", "", `"2021:04:11 15:60:53"`},
		{"2021:04:11 15:47:60", "", "", `"2021:04:11 15:47:60"`},
		{"0000:01:01 00:00:00", "", "", `"0000:01:01 00:00:00"`},
		{"2021:04-11 15:47:53", "", "", `"2021:04-11 15:47:53"`},
		{"2021:04:11 15:47:53 noon", "", "+01:00", `"2021:04:11 15:47:53 noon"`},
		{"2021:04:11 15:47:53.", "", "", `"2021:04:11 15:47:53."`},
		{"2021:04:11 15:47:53+1", "", "", `"2021:04:11 15:47:53+1"`},
		{"2021:04:11 15:47", "", "", `"2021:04:11 15:47"`},
		{"2021:04:11x15:47:53", "", "", `"2021:04:11x15:47:53"`},
		{"2021:04:111 15:47:53", "", "", `"2021:04:111 15:47:53"`},
		{"2021", "", "", `"2021"`},
		{"2021:", "", "", `"2021:"`},
		{"2021:04:", "", "", `"2021:04:"`},
		{"yesterday \"noon\"", "", "", `"yesterday \"noon\""`},
		{"２０２１:04:11", "", "", `"２０２１:04:11"`},
		// never set
		{"    :  :     :  :  ", "00", "+00:00", `null`},
		{"0000:00:00 00:00:00", "00", "+00:00", `null`},
		{"", "00", "Z", `null`},
	}
	for _, d := range dates {
		for _, tt := range forms {
			t.Run(d.name+" "+tt.date+" "+tt.fraction+" "+tt.offset, func(t *testing.T) {
				var exif []testimage.Entry
				if tt.fraction != "" {
					exif = append(exif, testimage.ASCII(d.fraction, tt.fraction))
				}
				if tt.offset != "" {
					exif = append(exif, testimage.ASCII(d.offset, tt.offset))
				}
				if got := styled(t, block(d.id, tt.date, exif...), Typed)[d.name]; got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			})
		}
		// the tags of other dates don't apply
		var others []testimage.Entry
		for _, o := range dates {
			if o.id != d.id {
				others = append(others, testimage.ASCII(o.fraction, "99"), testimage.ASCII(o.offset, "+09:00"))
			}
		}
		if got, want := styled(t, block(d.id, date, others...), Typed)[d.name], `"2021-04-11T15:47:53"`; got != want {
			t.Errorf("%s with the others' offsets: got %s, want %s", d.name, got, want)
		}
	}

	b := block(0x0132, date, testimage.ASCII(0x9290, "1"), testimage.ASCII(0x9010, "+01:00"))
	b.IFD1 = []testimage.Entry{testimage.ASCII(0x0132, date)}
	if got, want := styled(t, b, Typed)["ThumbDateTime"], `"2021-04-11T15:47:53"`; got != want {
		t.Errorf("IFD1: got %s, want %s", got, want)
	}
	if got, want := styled(t, &testimage.Block{IFD0: []testimage.Entry{testimage.Long(0x0132, 5)}}, Typed)["DateTime"], `5`; got != want {
		t.Errorf("a number as a date: got %s, want %s", got, want)
	}
}

// TestSignedTagsStoredUnsigned: the typed and described styles render the numbers of tags that the
// standard has signed as signed; raw renders them as stored.
func TestSignedTagsStoredUnsigned(t *testing.T) {
	rat, long, short := testimage.Rational, testimage.Long, testimage.Short
	minus := func(n uint32) uint32 { return -n }
	for _, tt := range []struct {
		name                  string
		e                     testimage.Entry
		raw, typed, described string
	}{
		{"ExposureBiasValue", rat(0x9204, minus(2), 3), "4294967294/3", "-0.6666666666666666", "-0.67 EV"},
		{"ExposureBiasValue", rat(0x9204, 2, minus(4)), "2/4294967292", "-0.5", "-0.5 EV"},
		{"ExposureBiasValue", rat(0x9204, 2, 3), "2/3", "0.6666666666666666", "+0.67 EV"},
		{"ExposureBiasValue", long(0x9204, minus(1)), "4294967295", "-1", "-1 EV"},
		{"ExposureBiasValue", short(0x9204, 0xFFFF), "65535", "-1", "-1 EV"},
		{"ShutterSpeedValue", rat(0x9201, minus(2), 1), "4294967294/1", "-2", "4.00000 sec"},
		{"BrightnessValue", rat(0x9203, minus(50), 100), "4294967246/100", "-0.5", "-0.5 EV"},
		{"BrightnessValue", rat(0x9203, minus(1), 1), "4294967295/1", "null", "Unknown"},
		{"Temperature", rat(0x9400, minus(55), 10), "4294967241/10", "-5.5", "-5.5 °C"},
		{"Temperature", rat(0x9400, 5, minus(1)), "5/4294967295", "null", "Unknown"},
		{"WaterDepth", rat(0x9403, minus(3), 2), "4294967293/2", "-1.5", "-1.5 m"},
		{"CameraElevationAngle", rat(0x9405, minus(90), 1), "4294967206/1", "-90", "-90°"},
		{"TimeZoneOffset", short(0x882A, 0xFFFB, 2), "65531 2", "[-5,2]", "-5 2"},
		// not signed
		{"Pressure", rat(0x9402, minus(2), 1), "4294967294/1", "4294967294", "4294967294 hPa"},
		{"XResolution", rat(0x011A, minus(2), 1), "4294967294/1", "4294967294", "4294967294"},
		{"ISOSpeedRatings", short(0x8827, 0xFFFF), "65535", "65535", "65535"},
	} {
		b := &testimage.Block{Exif: []testimage.Entry{tt.e}}
		for style, want := range map[Style]string{Raw: strconv.Quote(tt.raw), Typed: tt.typed, Described: strconv.Quote(tt.described)} {
			if got := styled(t, b, style)[tt.name]; got != want {
				t.Errorf("%s, style %d: got %s, want %s", tt.raw, style, got, want)
			}
		}
	}
}

// TestTypedDatesAsWritersPadThem: blanks, and fractions and offsets in the text itself, which take
// precedence over the tags, and the end of a day.
func TestTypedDatesAsWritersPadThem(t *testing.T) {
	for _, tt := range []struct{ date, want string }{
		{"2021: 4: 1  9: 5: 3", "2021-04-01T09:05:03"},
		{"2021:4:1 9:05:03", "2021-04-01T09:05:03"},
		{"  2021:04:11 15:47:53  ", "2021-04-11T15:47:53"},
		{"2021:04:11  15:47:53", "2021-04-11T15:47:53"},
		{"2021: 4: 1", "2021-04-01"},
		{"2021:04:11   :  :  ", "2021-04-11"},
		{"2021:04:11 15:47:53.25", "2021-04-11T15:47:53.25"},
		{"2021:04:11 15:47:53,25", "2021-04-11T15:47:53.25"},
		{"2021:04:11 15:47:53.1234567891", "2021-04-11T15:47:53.123456789"},
		{"2021:04:11 15:47:53Z", "2021-04-11T15:47:53Z"},
		{"2021-04-11T15:47:53.5+09:00", "2021-04-11T15:47:53.5+09:00"},
		{"2021:04:11 15:47:53 -0330", "2021-04-11T15:47:53-03:30"},
		{"2021:04:11 24:00:00", "2021-04-12T00:00:00"},
		{"2020:12:31 24:00:00", "2021-01-01T00:00:00"},
	} {
		b := &testimage.Block{Exif: []testimage.Entry{testimage.ASCII(0x9003, tt.date)}}
		if got := styled(t, b, Typed)["DateTimeOriginal"]; got != strconv.Quote(tt.want) {
			t.Errorf("%q: got %s, want %q", tt.date, got, tt.want)
		}
	}
	b := &testimage.Block{Exif: []testimage.Entry{
		testimage.ASCII(0x9003, "2021:04:11 15:47:53.25+09:00"), testimage.ASCII(0x9291, "77"), testimage.ASCII(0x9011, "-05:00"),
	}}
	if got, want := styled(t, b, Typed)["DateTimeOriginal"], `"2021-04-11T15:47:53.25+09:00"`; got != want {
		t.Errorf("with tags that say else: got %s, want %s", got, want)
	}
}

// TestTypedOffsetsAsWritersSpellThem: without a colon, without minutes, with one digit.
func TestTypedOffsetsAsWritersSpellThem(t *testing.T) {
	for _, tt := range []struct{ offset, want string }{
		{"+09:00", "+09:00"},
		{"+0900", "+09:00"},
		{"+09", "+09:00"},
		{"+9:00", "+09:00"},
		{"-3:30", "-03:30"},
		{"  +0545 ", "+05:45"},
		{"-00:00", "-00:00"},
		{"Z", "Z"},
		{"+23:59", "+23:59"},
		{"+9", ""},
		{"+900", ""},
		{"09:00", ""},
		{"+09:0", ""},
		{"+24:00", ""},
		{"+2400", ""},
		{"+09:60", ""},
		{"+0960", ""},
		{"+", ""},
		{"+:", ""},
		{"+a9:00", ""},
		{"+09:00:00", ""},
		{"UTC", ""},
		{"+\"9", ""},
	} {
		b := &testimage.Block{Exif: []testimage.Entry{
			testimage.ASCII(0x9003, "2021:04:11 15:47:53"), testimage.ASCII(0x9011, tt.offset),
		}}
		if got, want := styled(t, b, Typed)["DateTimeOriginal"], strconv.Quote("2021-04-11T15:47:53"+tt.want); got != want {
			t.Errorf("%q: got %s, want %s", tt.offset, got, want)
		}
	}
}

// TestTypedFloatsAsEncodingJSON: numbers look the same as from encoding/json.
func TestTypedFloatsAsEncodingJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100000 {
		f := math.Float64frombits(r.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			continue
		}
		want, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendFloat(nil, f, true, 64); !bytes.Equal(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
		g := math.Float32frombits(r.Uint32())
		if g != g || math.IsInf(float64(g), 0) {
			continue
		}
		if want, err = json.Marshal(g); err != nil {
			t.Fatal(err)
		}
		if got := appendFloat(nil, float64(g), true, 32); !bytes.Equal(got, want) {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// TestTypedCorpus compares numbers, positions with their Ref tags, and dates with oracle.jsonl, ExifTool's
// output for real files.
func TestTypedCorpus(t *testing.T) {
	dir := os.Getenv("EXIF_CORPUS")
	if dir == "" {
		t.Skip("EXIF_CORPUS is not set")
	}
	fh, err := os.Open(filepath.Join(dir, "oracle.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer fh.Close()
	right := map[string]int{}
	wrong := 0
	sc := bufio.NewScanner(fh)
	sc.Buffer(nil, 1<<24)
	for sc.Scan() {
		var f oracleFile
		if err := json.Unmarshal(sc.Bytes(), &f); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, f.File)
		if _, err := os.Stat(name); err != nil {
			name = filepath.Join(dir, latin1(f.File))
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Errorf("%s: %v", f.File, err)
			continue
		}
		m, err := Decode(bytes.NewReader(data), &Options{})
		if err != nil {
			continue
		}
		seen := map[string]bool{}
		first := map[string]oracleTag{}
		for _, ot := range f.Tags {
			key := fmt.Sprintf("%s %04X", ot.Dir, ot.ID)
			if _, twice := first[key]; !twice {
				first[key] = ot
			}
		}
		for _, ot := range f.Tags {
			key := fmt.Sprintf("%s %04X", ot.Dir, ot.ID)
			d, known := exifToolDirs[ot.Dir]
			if seen[key] || !known || ot.Raw == nil || ot.Val == nil || notStandard(f, ot) {
				continue
			}
			seen[key] = true
			ours := m.find(d, ot.ID)
			if ours == nil {
				continue // TestConformance counts these
			}
			want, kind := wantTyped(ot, first, ours)
			if kind == "" {
				continue
			}
			got := string(appendTyped(nil, m, ours))
			if !sameTyped(got, want) {
				wrong++
				t.Errorf("%s: %s %s: got %s, want %s (%s)", f.File, key, ours.name, got, want, *ot.Raw)
				continue
			}
			right[kind]++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(right)) {
		t.Logf("%-12s %5d right", kind, right[kind])
	}
	t.Logf("%d wrong", wrong)
	if right["number"] < 1000 || right["position"] < 50 || right["date"] < 100 {
		t.Error("too few values were compared")
	}
}

var exifDate = regexp.MustCompile(`^(\d{4}):(\d\d):(\d\d)( (\d\d:\d\d:\d\d))?$`)

// wantTyped returns the oracle's value as JSON; kind is empty if it can't be compared.
func wantTyped(ot oracleTag, all map[string]oracleTag, ours *tag) (want, kind string) {
	switch {
	case ot.ID == 0x0201, ot.ID == 0x0111:
		return "", "" // offsets, which the oracle counts from the start of the file
	case ot.Dir == "GPS" && ours.val.kind == kindText:
		// ExifTool takes "52,00000,50,00000,34,01180" for 52° 0' 50"; it stays a text here
	case ot.Dir == "GPS":
		switch ot.ID {
		case 0x0002, 0x0004, 0x0006, 0x0014, 0x0016:
			f, err := strconv.ParseFloat(*ot.Val, 64)
			if err != nil {
				return "", ""
			}
			if ref, ok := all[fmt.Sprintf("GPS %04X", ot.ID-1)]; ok && ref.Raw != nil &&
				(strings.HasPrefix(*ref.Raw, "S") || strings.HasPrefix(*ref.Raw, "W") || *ref.Raw == "1") {
				f = -f
			}
			return strconv.FormatFloat(f, 'g', -1, 64), "position"
		case 0x0007:
			return strconv.Quote(*ot.Val), "time"
		}
	}
	if m := exifDate.FindStringSubmatch(*ot.Raw); m != nil && ours.val.kind == kindText {
		if m[1] == "0000" {
			return "null", "date"
		}
		want = m[1] + "-" + m[2] + "-" + m[3]
		if m[4] != "" {
			want += "T" + m[5]
			own := map[uint16][2]string{
				0x0132: {"ExifIFD 9290", "ExifIFD 9010"},
				0x9003: {"ExifIFD 9291", "ExifIFD 9011"},
				0x9004: {"ExifIFD 9292", "ExifIFD 9012"},
			}[ot.ID]
			if s, ok := all[own[0]]; ok && s.Raw != nil && strings.TrimSpace(*s.Raw) != "" && ot.Dir != "IFD1" {
				want += "." + strings.TrimSpace(*s.Raw)
			}
			if o, ok := all[own[1]]; ok && o.Raw != nil && ot.Dir != "IFD1" {
				want += *o.Raw
			}
		}
		return strconv.Quote(want), "date"
	}
	if ours.val.kind == kindText {
		return "", "" // TestConformance compares texts
	}
	if ot.ID == 0x9206 && (*ot.Raw == "0" || *ot.Raw == "4294967295") {
		return "null", "unknown" // the standard's words for unknown and infinite
	}
	words := strings.Fields(*ot.Raw)
	if len(words) == 0 || len(words) != ours.val.n {
		return "", ""
	}
	for i, w := range words {
		switch _, err := strconv.ParseFloat(w, 64); {
		case w == "undef" || w == "inf":
			words[i] = "null"
		case err != nil:
			return "", ""
		}
	}
	if len(words) == 1 {
		return words[0], "number"
	}
	return "[" + strings.Join(words, ",") + "]", "array"
}

// sameTyped compares JSON, with numbers in the oracle's precision.
func sameTyped(got, want string) bool {
	var g, w any
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		return false
	}
	ga, ok := g.([]any)
	if !ok {
		ga = []any{g}
	}
	wa, ok := w.([]any)
	if !ok {
		wa = []any{w}
	}
	return slices.EqualFunc(ga, wa, func(g, w any) bool {
		x, ok1 := g.(float64)
		y, ok2 := w.(float64)
		if !ok1 || !ok2 {
			return g == w
		}
		return math.Abs(x-y) <= 1e-9*math.Abs(y)
	})
}

// FuzzDates renders any text, fraction and offset as a date: if the output isn't the file's own text, it
// is a date that programs parse.
func FuzzDates(f *testing.F) {
	f.Add("2021:04:11 15:47:53", "054", "+09:00")
	f.Add("2021: 4: 1  9: 5: 3.25 -0330", "", "+9")
	f.Add("2020:12:31 24:00:00", " 1 ", "Z")
	f.Add("0000:00:00 00:00:00", "", "")
	f.Fuzz(func(t *testing.T, text, fraction, offset string) {
		v := textValue(text)
		js := appendDate(nil, &v, fraction, offset)
		var got any
		if err := json.Unmarshal(js, &got); err != nil {
			t.Fatalf("%q: got %s", text, js)
		}
		s, ok := got.(string)
		if !ok || s == strings.ToValidUTF8(text, "\uFFFD") || !utf8.ValidString(text) {
			return
		}
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly} {
			if _, err := time.Parse(layout, s); err == nil {
				return
			}
		}
		t.Fatalf("%q, %q, %q: got %s", text, fraction, offset, js)
	})
}
