package redact

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// mixed returns pictures and films of every format that doesn't pass.
func mixed() map[string][]byte {
	bodies := map[string][]byte{
		"an Ogg film":                         []byte("OggS\x00\x02" + strings.Repeat("\x00", 22) + "\x01\x2A\x80theora"),
		"an Ogg skeleton":                     []byte("OggS\x00\x02" + strings.Repeat("\x00", 22) + "\x01\x2Afishead"),
		"a stream of H.264":                   []byte("\x00\x00\x00\x01\x67\x64\x00\x0A\xAC\xD9\x46\x26"),
		"a stream of HEVC":                    []byte("\x00\x00\x00\x01\x40\x01\x0C\x01\xFF\xFF\x01\x60"),
		"a stream of AV1":                     []byte("\x12\x00\x0A\x0A\x00\x00\x00\x03\x2D\xFF\xCF\xBF"),
		"a stream of MPEG-4":                  []byte("\x00\x00\x01\xB0\x01\x00\x00\x01\xB5\x89\x13\x00"),
		"an Ogg film in VP8":                  []byte("OggS\x00\x02" + strings.Repeat("\x00", 22) + "\x01\x1AOVP80\x01"),
		"AVCHD":                               bytes.Repeat(append([]byte("\x12\x34\x56\x78G"), make([]byte, 187)...), 4),
		"On2's AVI":                           []byte("ON2 \x00\x00\x01\x00ON2fLIST"),
		"RIFX":                                []byte("RIFX\x00\x00\x01\x00AVI LIST"),
		"RED":                                 []byte("\x00\x00\x00\x44RED2 and so on"),
		"a film's data":                       []byte("0000mdat and so on"),
		"a bitmap":                            append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"), make([]byte, 99)...),
		"an icon":                             append([]byte("\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00\x09\x00\x00\x00\x16\x00\x00\x00"), make([]byte, 99)...),
		"a cursor":                            append([]byte("\x00\x00\x02\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00\x09\x00\x00\x00\x16\x00\x00\x00"), make([]byte, 99)...),
		"an unknown box":                      []byte("\x00\x00\x10\x00HIDE" + strings.Repeat("x", 600)),
		"a long box":                          []byte("\x00\x00\x00\x01HIDE\x00\x00\x00\x00\x00\x00\x10\x00" + strings.Repeat("x", 600)),
		"a short OS/2 bitmap":                 append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x22\x00\x00\x00\x14\x00\x00\x00"), make([]byte, 99)...),
		"an icon whose picture has no length": append([]byte("\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00\x00\x00\x00\x00\x16\x00\x00\x00"), make([]byte, 99)...),
		"IFF":                                 []byte("FORM\x00\x00\x01\x00ILBMBMHD"),
		"BigTIFF":                             []byte("MM\x00+\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10"),
	}
	for _, typ := range []string{"AVI ", "AVIX", "AVI\x19", "RDIB", "RMMP", "CDXA", "AMV ", "QLCM", "ACON"} {
		bodies["RIFF of "+typ] = []byte("RIFF\x00\x00\x01\x00" + typ)
	}
	for name, samples := range testimage.Formats() {
		for _, b := range samples {
			if name != "svg" {
				bodies[name] = b
			}
		}
	}
	for _, r := range refused {
		bodies[r.name+" "+r.head] = []byte(r.head + strings.Repeat(" and so on", 9))
	}
	return bodies
}

// TestUndecided checks that no picture and no film is let go before it can be told, however few bytes arrive at once.
func TestUndecided(t *testing.T) {
	for name, b := range mixed() {
		b = b[:min(len(b), SniffLen)]
		if verdict, _ := Sniff(b); verdict == Pass {
			t.Errorf("%s passes", name)
			continue
		}
		for n := range len(b) {
			if verdict, _ := Sniff(b[:n]); verdict == Pass && !Undecided(b[:n]) {
				t.Errorf("%s: its first %d bytes are let go", name, n)
				break
			}
		}
	}
	for _, text := range []string{
		"data: 1\n", "<!DOCTYPE html>", `{"a": "b"}`, ":ok\n\n", ": keep alive", "event: x", "MMXXIV", "II. part", "BMW", "\x00\x00\x00\x00\x02\x08\x01",
		"\x00\x00\x00\x00\x00", "\x81\x05hello", "\xFF\xF1\x50\x80\x04", "PK\x03\x04\x14",
	} {
		if text == "BMW" { // too short to tell
			text += " and others, in alphabetic order"
		}
		if verdict, _ := Sniff([]byte(text)); verdict != Pass || Undecided([]byte(text)) {
			t.Errorf("%q is held", text)
		}
	}
}

// TestLikeBoxes checks files that begin with a length and four letters, as films do.
func TestLikeBoxes(t *testing.T) {
	for name, b := range map[string][]byte{
		"a color profile": cat(u32(600), "lcms", make([]byte, 28), "acsp", make([]byte, SniffLen)),
		"brushes":         cat(u32(0x00060002), "8BIMsamp", make([]byte, SniffLen)),
	} {
		if verdict, format := Sniff(b[:SniffLen]); verdict != Pass {
			t.Errorf("%s: got %v, %s", name, verdict, format)
		}
	}
	film := cat(u32(600), "lcms", make([]byte, 592), testimage.FileType("isom"))
	if verdict, _ := Sniff(film[:SniffLen]); verdict == Pass {
		t.Error("a film behind a box that nobody knows passes")
	}
}

func TestDICOM(t *testing.T) {
	for _, preamble := range []string{"\x00", "II"} {
		b := []byte(strings.Repeat(preamble, 128/len(preamble)) + "DICM\x02\x00")
		if verdict, format := Sniff(b); verdict != Refuse || format != "dicom" {
			t.Errorf("%q: %v %s", preamble, verdict, format)
		}
	}
}

// TestHiddenPictures checks that a picture after a few other bytes, or after text, is refused, and that what has
// pictures of its own passes.
func TestHiddenPictures(t *testing.T) {
	photo := testimage.JPEG(testimage.Gradient(64, 48))
	pictures := map[string][]byte{"jpeg": photo, "mkv": slackMatroska(&places{}), "avi": slackAVI(&places{})}
	for _, name := range []string{"png", "gif", "webp", "tiff", "heif", "avif", "jxl", "jp2", "psd"} {
		pictures[name] = testimage.Formats()[name][0]
	}
	for name, b := range pictures {
		for _, before := range []string{
			"\n", "\r\n", " ", "\xEF\xBB\xBF", "\xFE\xFF", "\x00", "\x1F", "<br />\n<b>Warning</b>: Undefined variable $ä in <b>/a.php</b><br />\n", "<?xml version=\"1.0\"?>\n",
			"--x\r\nContent-Type: image/jpeg\r\n\r\n", strings.Repeat("\n", 300), strings.Repeat("\x00", 100), "GIF is another format, ",
			"ID3\x04\x00\x00\x00\x00\x01\x00" + strings.Repeat("\x01", 128),
		} {
			if before == "\x1F" && (name == "gif" || name == "jxl" || name == "jp2") {
				continue
			}
			head := slices.Concat([]byte(before), b)
			head = head[:min(len(head), SniffLen)]
			if verdict, got := Sniff(head); verdict == Pass {
				t.Errorf("%s after %q: got %d %s", name, before, verdict, got)
			}
		}
	}
	for name, b := range map[string][]byte{
		"a ZIP":              slices.Concat([]byte("PK\x03\x04\x14\x00\x00\x00\x00\x00\x21\x58\x21\x58\x01\x02\x03\x04\x00\x10\x00\x00\x00\x10\x00\x00\x05\x00\x00\x00a.jpg"), photo),
		"a song":             slices.Concat([]byte("ID3\x03\x00\x00\x00\x00\x10\x00APIC\x00\x00\x10\x00\x00\x00\x00image/jpeg\x00\x03\x00"), photo),
		"a PDF":              slices.Concat([]byte("%PDF-1.4\n1 0 obj\n<</Type/XObject/Subtype/Image/Filter/DCTDecode>>\nstream\n"), photo),
		"a PDF of today":     slices.Concat([]byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj\n<</Type/XObject/Subtype/Image/Filter/DCTDecode>>\nstream\n"), photo),
		"Russian text":       []byte("\xC4\xEE\xEC\xE0\xF8\xED\xFF\xFF \xFF\n\xEF\xEE \xFF\n"),
		"Latin text":         []byte("The GIF89a format, and a picture's ftyp, RIFF, BM: voil\xE0, a text with mdat and\nis free"),
		"UTF-16":             []byte("\xFF\xFE<\x00h\x00t\x00m\x00l\x00>\x00"),
		"UTF-8, torn":        []byte(strings.Repeat("a", SniffLen-1) + "\xC3"),
		"a page":             []byte("<!DOCTYPE html>\n<img src=data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP>"),
		"an SVG":             []byte("<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"data:image/png;base64,iVBORw0KGgo\"/></svg>"),
		"a font":             []byte("\x00\x01\x00\x00\x00\x12\x01\x00\x00\x04\x00 GPOS\x00\x00\x00\x00"),
		"WebAssembly":        []byte("\x00asm\x01\x00\x00\x00"),
		"a store of Finder":  []byte("\x00\x00\x00\x01Bud1\x00\x00\x10\x00\x00\x00\x08\x00"),
		"a part list":        []byte("P5 is a part, P6 another one\n"),
		"a 3D model":         []byte("glTF\x02\x00\x00\x00\x10\x00\x00\x00{\"a\":1}"),
		"a transport stream": bytes.Repeat(append([]byte("G@\x00\x10"), bytes.Repeat([]byte{0xFF}, 184)...), 3),
	} {
		if verdict, format := Sniff(b[:min(len(b), SniffLen)]); verdict != Pass {
			t.Errorf("%s: got %d %s", name, verdict, format)
		}
	}
}

// TestRIFF checks that films and pictures under less known forms of RIFF don't pass.
func TestRIFF(t *testing.T) {
	for _, head := range []string{"RIFF____AVI\x19", "RIFF____RMMP", "RIFF____RDIB", "ON2 ____ON2f"} {
		if verdict, _ := Sniff([]byte(head + "LIST" + strings.Repeat("\x00", 99))); verdict != Refuse {
			t.Errorf("%q: got %v", head, verdict)
		}
	}
}
