package exif

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestCharacterCodesAsWritersSpellThem: codes padded with NUL or blanks, in any letter case, or missing.
func TestCharacterCodesAsWritersSpellThem(t *testing.T) {
	wide := func(s string) string { return string(utf16Bytes(binary.LittleEndian, s)) }
	const jis = "\x1B$BF|K\\\x1B(B"
	for _, tt := range []struct{ value, want string }{
		{"ASCII\x00\x00\x00Hello", "Hello"},
		{"ASCII   Hello", "Hello"},
		{"Ascii\x00\x00\x00Hello", "Hello"},
		{"ascii\x00\x20\x00Hello", "Hello"},
		{"ASCII\x00\x00\x00", ""},
		{"ASCII\x00\x00\x00Gr\xFC\xDFe", "Grüße"},
		{"ASCII\x00\x00\x00Gr\u00FC\u00DFe \x00rest", "Grüße"},
		{"\x00\x00\x00\x00\x00\x00\x00\x00Hello", "Hello"},
		{"        Hello", "Hello"},
		{"\x00garbageHello", "Hello"}, // Canon's ZoomBrowser
		{"UNICODE\x00" + wide("Grüße"), "Grüße"},
		{"UNICODE " + wide("Grüße"), "Grüße"},
		{"Unicode\x00" + wide("Grüße"), "Grüße"},
		{"unicode " + wide("東京　タワー"), "東京　タワー"},
		{"Unicode\x00" + wide("あのひと"), "あのひと"}, // all of its bytes are ASCII
		{"Unicode\x00" + wide("中"), "中"},       // these, too
		{"Unicode\x00Shot with an RR30", "Shot with an RR30"},
		{"UNICODE\x00" + wide("Hello\x00rest"), "Hello"},
		{"UNICODE\x00" + wide("Hello") + "!", "Hello"},
		{"JIS\x00\x00\x00\x00\x00" + jis, "日本"},
		{"JIS     " + jis, "日本"},
		{"Jis\x00 \x00 \x00" + jis, "日本"},
		// no code, or a nonstandard one
		{"Hello", "Hello"},
		{"Hello, you", "Hello, you"},
		{"GPS\x00\x00\x00\x00\x00", "GPS"},
		{"UserComment\x00", "UserComment"},
		{"UTF-8\x00\x00\x00Grüße", "UTF-8 Grüße"},
		{"GOOGLE\x00\x00Hello\x00rest", "GOOGLE Hello"},
		{"GOOGLE\x00\x00\x01\x02\x03", "GOOGLE"},
		{"ASCIIHello", "ASCIIHello"},
		{"UNICODEHello", "UNICODEHello"},
		{"\xC4\xD6\xDC and more", "ÄÖÜ and more"},
	} {
		if got := commentOf(t, false, []byte(tt.value), &Options{}); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.value, got, tt.want)
		}
	}
}

// TestUndefinedWindowsBytesAreControls: undefined bytes decode as in the WHATWG Encoding Standard, not
// as U+FFFD.
func TestUndefinedWindowsBytesAreControls(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
		in   string
		want string
	}{
		{"windows-1252", Options{}, "\x80\x81\x8D\x8F\x90\x9D\x9F\xFF", "€\u0081\u008D\u008F\u0090\u009DŸÿ"},
		{"windows-1251", Options{Charset: charmap.Windows1251}, "\x98\xCF", "\u0098П"},
		{"windows-1253", Options{Charset: charmap.Windows1253}, "\x81\x88\xAA\xD2\xFF\xE1", "\u0081\u0088\uFFFD\uFFFD\uFFFDα"},
		{"windows-1258", Options{Charset: charmap.Windows1258}, "\x8A\x9E\xF0", "\u008A\u009Eđ"},
		{"koi8-r", Options{Charset: charmap.KOI8R}, "\xF0\x80", "П─"},
	} {
		m, err := Decode(bytes.NewReader((&testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010E, tt.in)}}).Encode()), &tt.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.tags[0].val.text; got != tt.want {
			t.Errorf("%s: got %+q, want %+q", tt.name, got, tt.want)
		}
	}
}

// TestVersionsAsNumbersAndBytes: the standard stores four digits as text. A Samsung S22 writes 220 as one
// byte, others as a number or as one byte per digit.
func TestVersionsAsNumbersAndBytes(t *testing.T) {
	undef, short := testimage.Undefined, testimage.Short
	for _, tt := range []struct {
		e                     func(id uint16) testimage.Entry
		raw, described, typed string
	}{
		{func(id uint16) testimage.Entry { return undef(id, []byte("0220")) }, "0220", "2.2", `"0220"`},
		{func(id uint16) testimage.Entry { return undef(id, []byte("0220\x00")) }, "0220", "2.2", `"0220"`},
		{func(id uint16) testimage.Entry { return testimage.ASCII(id, "0220") }, "0220", "2.2", `"0220"`},
		{func(id uint16) testimage.Entry { return testimage.Bytes(id, container.TypeByte, []byte("0220")) }, "0220", "2.2", `"0220"`},
		{func(id uint16) testimage.Entry { return undef(id, []byte{0xDC}) }, "220", "2.2", `220`},
		{func(id uint16) testimage.Entry { return short(id, 220) }, "220", "2.2", `220`},
		{func(id uint16) testimage.Entry { return testimage.Long(id, 232) }, "232", "2.32", `232`},
		{func(id uint16) testimage.Entry { return undef(id, []byte("220")) }, "220", "2.2", `"220"`},
		{func(id uint16) testimage.Entry { return undef(id, []byte{0, 2, 2, 0}) }, "0 2 2 0", "2.2", `[0,2,2,0]`},
		{func(id uint16) testimage.Entry { return undef(id, []byte{2, 2, 1, 0}) }, "2 2 1 0", "2.21", `[2,2,1,0]`},
		{func(id uint16) testimage.Entry { return undef(id, []byte{0, 0, 0, 0}) }, "", "", `""`},
		{func(id uint16) testimage.Entry { return undef(id, []byte{0, 2, 200, 0}) }, "0 2 200 0", "0 2 200 0", `[0,2,200,0]`},
		{func(id uint16) testimage.Entry { return short(id, 2) }, "2", "2", `2`},
		{func(id uint16) testimage.Entry { return undef(id, []byte("\x00\xFF")) }, "0 255", "0 255", `[0,255]`},
	} {
		b := &testimage.Block{
			Exif:    []testimage.Entry{tt.e(0x9000), tt.e(0xA000)},
			Interop: []testimage.Entry{tt.e(0x0002)},
		}
		for style, want := range map[Style]string{Raw: `"` + tt.raw + `"`, Described: `"` + tt.described + `"`, Typed: tt.typed} {
			got := styled(t, b, style)
			for _, name := range []string{"ExifVersion", "FlashpixVersion", "InteroperabilityVersion"} {
				if got[name] != want {
					t.Errorf("%s, style %d: got %s, want %s", name, style, got[name], want)
				}
			}
		}
	}
}

// FuzzText decodes any bytes as a text with a character code, in either byte order and several
// character sets: the result is valid UTF-8 and no longer than the bytes allow.
func FuzzText(f *testing.F) {
	for _, code := range []string{"ASCII\x00\x00\x00", "Unicode ", "UNICODE\x00", "JIS     ", "GOOGLE\x00\x00", "\x00garbage"} {
		f.Add([]byte(code + "Grüße \xFF\x81"))
		f.Add([]byte(code + string(utf16Bytes(binary.LittleEndian, "東京　タワー 😀"))))
		f.Add([]byte(code + "\x1B$BF|K\\\x1B(B"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, o := range []Options{{}, {Charset: charmap.Windows1253}, {Charset: japanese.ShiftJIS}} {
			for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
				for _, s := range []string{charCodeText(order, b, &o), text(b, &o), utf16Text(order, b)} {
					if !utf8.ValidString(s) {
						t.Fatalf("%q: got %q, which is not UTF-8", b, s)
					}
					if len(s) > 4*len(b) {
						t.Fatalf("%d bytes: got %d", len(b), len(s))
					}
				}
			}
		}
	})
}
