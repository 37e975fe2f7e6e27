package redact

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image/jpeg"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/iptc"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// word is the secret in planted files.
const word = "SECRET47"

// secretEXIF returns a TIFF block with the word in tags that no policy of these tests keeps.
func secretEXIF() []byte {
	b := testimage.Block{
		IFD0: []testimage.Entry{testimage.ASCII(0x010E, word), testimage.Short(0x0112, 6)},
		Exif: []testimage.Entry{testimage.Undefined(0x927C, []byte(word))},
		GPS:  []testimage.Entry{testimage.Undefined(0x001B, []byte("ASCII\x00\x00\x00"+word))},
	}
	return b.Encode()
}

const secretXMP = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"
 dc:source="SECRET47" GPano:StitchingSoftware="SECRET47" GPano:PoseHeadingDegrees="12.5" GPano:ProjectionType="not SECRET47">
<dc:title>SECRET47</dc:title><GPano:UsePanoramaViewer>True</GPano:UsePanoramaViewer></rdf:Description></rdf:RDF></x:xmpmeta><!-- SECRET47 -->`

// mpf returns an MPF index of pictures at these offsets from the block, and a unique ID.
func mpf(offsets ...uint32) []byte {
	o := binary.LittleEndian
	n := uint32(len(offsets))
	b := []byte("MPF\x00II*\x00\x08\x00\x00\x00\x04\x00")
	entry := func(id, typ uint16, count, value uint32) {
		b = o.AppendUint32(o.AppendUint32(o.AppendUint16(o.AppendUint16(b, id), typ), count), value)
	}
	entry(0xB000, 7, 4, o.Uint32([]byte("0100")))
	entry(0xB001, 4, 1, n)
	entry(0xB002, 7, 16*n, 62)
	entry(0xB003, 7, 8, 62+16*n)
	b = append(b, 0, 0, 0, 0)
	for _, off := range offsets {
		b = o.AppendUint32(append(b, make([]byte, 8)...), off)
		b = append(b, 0, 0, 0, 0)
	}
	return append(b, word...)
}

// planted returns photos with the word in every known place, by format and place.
func planted() map[string][]byte {
	m := testimage.Gradient(16, 16)
	seg := testimage.Segment
	plain := testimage.JPEG(m)
	beforeEOI := func(b []byte) []byte { return append(append(bytes.Clone(plain[:len(plain)-2]), b...), 0xFF, 0xD9) }
	exifSeg := testimage.EXIFSegment(secretEXIF())
	jpegs := map[string][]byte{
		"EXIF":           testimage.JPEG(m, exifSeg),
		"second EXIF":    testimage.JPEG(m, exifSeg, exifSeg),
		"broken EXIF":    testimage.JPEG(m, seg(0xE1, []byte("Exif\x00\x00"+word))),
		"EXIF goes on":   testimage.JPEG(m, exifSeg, seg(0xE1, []byte("Exif\x00\x00"+word))),
		"XMP":            testimage.JPEG(m, seg(0xE1, []byte(container.XMPIntro+secretXMP))),
		"extended XMP":   testimage.JPEG(m, seg(0xE1, []byte("http://ns.adobe.com/xmp/extension/\x00"+word))),
		"JFIF":           testimage.JPEG(m, seg(0xE0, []byte("JFIF\x00\x01\x01\x00\x00\x48\x00\x48\x01\x02"+word))),
		"JFXX":           testimage.JPEG(m, seg(0xE0, []byte("JFXX\x00"+word))),
		"Photoshop":      testimage.JPEG(m, seg(0xED, []byte("Photoshop 3.0\x00"+word))),
		"Adobe":          testimage.JPEG(m, seg(0xEE, []byte("Adobe\x00\x64\x00\x00\x00\x00\x01"+word))),
		"C2PA":           testimage.JPEG(m, seg(0xEB, []byte("JP"+word))),
		"comment":        testimage.JPEG(m, seg(0xFE, []byte(word))),
		"reserved":       testimage.JPEG(m, seg(0xF1, []byte(word))),
		"DRI":            testimage.JPEG(m, seg(0xDD, []byte("\x00\x00"+word))),
		"DHT":            testimage.JPEG(m, seg(0xC4, append(append([]byte{0}, make([]byte, 16)...), word...))),
		"between":        testimage.JPEG(m, seg(0xE3, nil), []byte(word)),
		"after a scan":   beforeEOI(seg(0xFE, []byte(word))),
		"MPF":            testimage.JPEG(m, seg(0xE2, mpf(0))),
		"after the end":  append(bytes.Clone(plain), word...),
		"second picture": append(bytes.Clone(plain), testimage.JPEG(m, seg(0xFE, []byte(word)))...),
	}
	index := mpf(0, 1)
	first := testimage.JPEG(m, seg(0xE2, index))
	base := bytes.Index(first, []byte("II*\x00"))
	first = testimage.JPEG(m, seg(0xE2, mpf(0, uint32(len(first)+5-base))))
	second := testimage.JPEG(m, exifSeg, seg(0xFE, []byte(word)))
	jpegs["MPF picture"] = append(append(append(bytes.Clone(first), "12345"...), second...), word...)

	ch := testimage.PNGChunk
	pngs := map[string][]byte{
		"eXIf":        testimage.PNG(m, ch("eXIf", secretEXIF()), nil),
		"second eXIf": testimage.PNG(m, ch("eXIf", secretEXIF()), ch("eXIf", secretEXIF())),
		"tEXt":        testimage.PNG(m, testimage.TEXT("Author", []byte(word)), testimage.TEXT(word, []byte("x"))),
		"profile":     testimage.PNG(m, testimage.TEXT("Raw profile type exif", []byte(word)), ch("eXIf", secretEXIF())),
		"iTXt":        testimage.PNG(m, testimage.ITXT("XML:com.adobe.xmp", []byte(secretXMP), false), nil),
		"iTXt packed": testimage.PNG(m, testimage.ITXT("XML:com.adobe.xmp", []byte(secretXMP), true), nil),
		"critical":    testimage.PNG(m, ch("ABCD", []byte(word)), nil),
		"unknown":     testimage.PNG(m, ch("prVt", []byte(word)), ch("caBX", []byte(word))),
		"tIME":        testimage.PNG(m, ch("tIME", []byte(word)), nil),
		"long gAMA":   testimage.PNG(m, ch("gAMA", []byte(word)), nil),
		"after IEND":  append(testimage.PNG(m, nil, nil), word...),
	}
	rc := testimage.RIFFChunk
	frame := append(make([]byte, 16), append(testimage.VP8L(), rc("HIDE", []byte(word))...)...)
	webps := map[string][]byte{
		"EXIF":        testimage.WebP(testimage.VP8X(0x0C), testimage.VP8L(), rc("EXIF", secretEXIF())),
		"second EXIF": testimage.WebP(testimage.VP8X(0x0C), testimage.VP8L(), rc("EXIF", secretEXIF()), rc("EXIF", secretEXIF())),
		"XMP":         testimage.WebP(testimage.VP8X(0x0C), testimage.VP8L(), rc("XMP ", []byte(secretXMP))),
		"unknown":     testimage.WebP(testimage.VP8L(), rc("C2PA", []byte(word+"x"))),
		"long VP8X":   testimage.WebP(rc("VP8X", []byte("\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"+word)), testimage.VP8L()),
		"frame":       testimage.WebP(testimage.VP8X(2), rc("ANMF", frame)),
		"after RIFF":  append(testimage.WebP(testimage.VP8L()), word...),
		"chunk after": append(testimage.WebP(testimage.VP8L()), rc("HIDE", []byte(word))...),
	}
	all := map[string][]byte{}
	for format, images := range map[string]map[string][]byte{"jpeg": jpegs, "png": pngs, "webp": webps} {
		for name, data := range images {
			all[format+" "+name] = data
		}
	}
	return all
}

var noText = &Policy{EXIF: &exif.Options{Keep: func(name string) bool {
	return name != "ImageDescription" && !strings.HasPrefix(name, "GPS")
}}}

func TestSecretsInPhotosAreRemoved(t *testing.T) {
	for name, data := range planted() {
		t.Run(name, func(t *testing.T) {
			if !bytes.Contains(data, []byte(word)) && !strings.Contains(name, "packed") {
				t.Fatal("the photo doesn't have the word")
			}
			for _, p := range []*Policy{{}, noText} {
				got := redact(t, data, p, 0)
				if i := bytes.Index(got, []byte("SECRET")); i >= 0 {
					t.Fatalf("at %d: %q", i, got[max(0, i-40):i+8])
				}
				if !strings.HasSuffix(name, "RIFF") && bytes.Equal(got, make([]byte, len(got))) {
					t.Fatal("the output is all zeros")
				}
				for _, piece := range []int{1, 7, 100} {
					if !bytes.Equal(redact(t, data, p, piece), got) {
						t.Fatalf("written in pieces of %d, the output differs", piece)
					}
				}
				if again := redact(t, got, p, 0); !bytes.Equal(again, got) {
					t.Fatal("redacted again, the output differs")
				}
				for n := range data { // cut off after any byte
					if bytes.Contains(redact(t, data[:n], p, 0), []byte("SECRET")) {
						t.Fatalf("cut off at %d", n)
					}
				}
				if strings.HasPrefix(name, "png") {
					checkSums(t, got)
				}
			}
		})
	}
}

// checkSums checks the CRCs of a PNG's chunks.
func checkSums(t *testing.T, data []byte) {
	t.Helper()
	for b := data[8:]; len(b) >= 12; {
		n := 12 + int(binary.BigEndian.Uint32(b))
		typ := string(b[4:8])
		if n > len(b) || crc32.ChecksumIEEE(b[4:n-4]) != binary.BigEndian.Uint32(b[n-4:]) {
			t.Fatalf("chunk %q is broken", typ)
		}
		if b = b[n:]; typ == "IEND" {
			return
		}
	}
}

func TestOrientationAndPanoramaStay(t *testing.T) {
	for _, name := range []string{"jpeg EXIF", "png eXIf", "webp EXIF"} {
		got := redact(t, planted()[name], &Policy{}, 0)
		if a := answer(got, &exif.Options{}); a != `{"Orientation":"6"}` {
			t.Errorf("%s: %s", name, a)
		}
	}
	for _, name := range []string{"jpeg XMP", "png iTXt"} {
		for _, compass := range []bool{false, true} {
			got := redact(t, planted()[name], &Policy{IPTC: iptc.Policy{Compass: compass}}, 0)
			if bytes.Contains(got, []byte(`GPano:PoseHeadingDegrees="12.5"`)) != compass || !bytes.Contains(got, []byte("<GPano:UsePanoramaViewer>True<")) {
				t.Errorf("%s, compass %v: %q", name, compass, got)
			}
		}
	}
}

func TestPicturesOfTheMPFIndexStay(t *testing.T) {
	data := planted()["jpeg MPF picture"]
	got := redact(t, data, &Policy{}, 0)
	at := bytes.Index(data, []byte("12345")) + 5
	if !bytes.HasPrefix(got[at:], []byte("\xFF\xD8\xFF")) {
		t.Fatal("the second picture is gone")
	}
	want, _ := jpeg.Decode(bytes.NewReader(data[at:]))
	if second, err := jpeg.Decode(bytes.NewReader(got[at:])); err != nil || !reflect.DeepEqual(second, want) {
		t.Errorf("the second picture is another: %v", err)
	}
}

func TestOnlyTheEXIFOfTheAnswerStays(t *testing.T) {
	block := func(text string) []byte {
		b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, text)}}
		return b.Encode()
	}
	m := testimage.Gradient(16, 16)
	ch, rc := testimage.PNGChunk, testimage.RIFFChunk
	for name, data := range map[string][]byte{
		"jpeg": testimage.JPEG(m, testimage.EXIFSegment(block("answered")), testimage.EXIFSegment(block(word))),
		"jpeg, after a scan": append(testimage.JPEG(m, testimage.EXIFSegment(block("answered"))),
			testimage.JPEG(m, testimage.EXIFSegment(block(word)))...),
		"png":  testimage.PNG(m, ch("eXIf", block("answered")), ch("eXIf", block(word))),
		"webp": testimage.WebP(testimage.VP8X(8), testimage.VP8L(), rc("EXIF", block("answered")), rc("EXIF", block(word))),
	} {
		got := redact(t, data, &Policy{EXIF: &exif.Options{}}, 0)
		if !bytes.Contains(got, []byte("answered")) || bytes.Contains(got, []byte(word)) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestPNGKeepsTheEXIFOfTheAnswer(t *testing.T) {
	ifd0 := func(entries ...testimage.Entry) []byte {
		b := testimage.Block{IFD0: entries}
		return b.Encode()
	}
	ch := func(entries ...testimage.Entry) []byte { return testimage.PNGChunk("eXIf", ifd0(entries...)) }
	text := func(entries ...testimage.Entry) []byte {
		return testimage.TEXT("Raw profile type exif", fmt.Appendf(nil, "\nexif\n%8d\n%x\n", len(ifd0(entries...)), ifd0(entries...)))
	}
	model, dates := testimage.ASCII(0x0110, "the camera"), testimage.ASCII(0x0132, "2024:05:06 07:08:09")
	unknown := testimage.ASCII(0xFDFD, "nobody knows")
	for name, chunks := range map[string][]byte{
		"a text before":                 slices.Concat(text(model), ch(dates)),
		"a text after":                  slices.Concat(ch(dates), text(model)),
		"two texts before":              slices.Concat(text(model), text(model), testimage.PNGChunk("gAMA", make([]byte, 4)), ch(dates)),
		"a text before a broken one":    slices.Concat(text(dates), testimage.PNGChunk("eXIf", []byte("II*\x00"))),
		"a text before, far away":       slices.Concat(text(model), testimage.PNGChunk("prVt", make([]byte, maxHold+1)), ch(dates)),
		"all of the first goes":         slices.Concat(ch(unknown), ch(model)),
		"all of the first text goes":    slices.Concat(text(unknown), text(model)),
		"one that can't be read before": slices.Concat(testimage.PNGChunk("eXIf", []byte("II*\x00")), ch(dates)),
	} {
		data := testimage.PNG(testimage.Gradient(8, 8), chunks, nil)
		got := redact(t, data, &Policy{EXIF: &exif.Options{}}, 0)
		checkTags(t, got, data, &Policy{EXIF: &exif.Options{}})
		if want := answer(data, &exif.Options{}); !strings.HasSuffix(name, "far away") && answer(got, &exif.Options{}) != want {
			t.Errorf("%s: %s, the answer was %s", name, answer(got, &exif.Options{}), want)
		}
		checkSums(t, got)
	}
}

// TestLongEXIFOfPNGsIsShownAsBefore has an eXIf that is too long to hold before another. Chromium takes the Orientation of the
// first, unless its CRC is wrong, even if there is none.
func TestLongEXIFOfPNGsIsShownAsBefore(t *testing.T) {
	block := func(o uint16, more ...testimage.Entry) []byte {
		b := testimage.Block{IFD0: append(more, testimage.Short(0x0112, o))}
		return b.Encode()
	}
	rest := bytes.Repeat([]byte(word), maxHold/4)
	second := testimage.PNGChunk("eXIf", block(8))
	turned := append(block(6, testimage.ASCII(0x010F, word)), rest...)
	for name, tt := range map[string]struct {
		first []byte
		wrong bool
		want  []byte
	}{
		"turned":         {turned, false, block(6)},
		"a wrong CRC":    {turned, true, block(6)},
		"no TIFF block":  {rest, false, nil},
		"no Orientation": {append([]byte("II*\x00\x08\x00\x00\x00\x00\x00"), rest...), false, []byte("II")},
	} {
		png := func(first []byte) []byte {
			chunk := testimage.PNGChunk("eXIf", first)
			if tt.wrong {
				binary.BigEndian.PutUint32(chunk[len(chunk)-4:], ^crc32.ChecksumIEEE(chunk[4:len(chunk)-4]))
			}
			return testimage.PNG(testimage.Gradient(8, 8), cat(chunk, second), nil)
		}
		got, want := redact(t, png(tt.first), &Policy{}, 0), png(cat(tt.want, make([]byte, len(tt.first)-len(tt.want))))
		if n := 33 + 12 + len(tt.first); !bytes.Equal(got[:n], want[:n]) || bytes.Contains(got, []byte(word)) {
			t.Errorf("%s: got %q, want %q", name, got[33:90], want[33:90])
		}
		if again := redact(t, got, &Policy{}, 7); !bytes.Equal(again, got) {
			t.Errorf("%s: redacted again, it differs", name)
		}
	}
}

// TestBrowsersFindTheSameEXIFInPNGs has an eXIf that can't be read before another. Chromium takes the first, Firefox the first
// that begins like a byte order: it must stay the first, and stay what can't be read.
func TestBrowsersFindTheSameEXIFInPNGs(t *testing.T) {
	b := testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, 6)}}
	for first, want := range map[string]string{
		"": "", "I": "\x00", word: "\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\x00": "\x00\x00", "II" + word: "II\x00\x00\x00\x00\x00\x00\x00\x00", "MI" + word: strings.Repeat("\x00", 10),
		string(b.EncodeBig()): "II" + strings.Repeat("\x00", len(b.EncodeBig())-2), "Exif\x00\x00II*\x00": strings.Repeat("\x00", 10),
	} {
		second := testimage.PNGChunk("eXIf", b.Encode())
		data := testimage.PNG(testimage.Gradient(8, 8), cat(testimage.PNGChunk("eXIf", []byte(first)), second), nil)
		for _, p := range []*Policy{{}, {EXIF: &exif.Options{}}} {
			got := redact(t, data, p, 0)
			if chunk := testimage.PNGChunk("eXIf", []byte(want)); !bytes.HasPrefix(got[33:], chunk) {
				t.Errorf("%q: got %q, want %q", first, got[33:33+len(chunk)], chunk)
			}
			if a := answer(got, &exif.Options{}); a != `{"Orientation":"6"}` && first != string(b.EncodeBig()) {
				t.Errorf("%q: %s", first, a)
			}
		}
	}
}

func TestJPEGKeepsEXIFAfterJunk(t *testing.T) {
	b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "answered"), testimage.ASCII(0x010E, word)}}
	const want = `{"Make":"answered"}`
	for _, n := range []int{0, 1, 4 << 10, 1 << 20} {
		junk := bytes.Repeat([]byte(word), n/len(word)+1)[:n]
		data := testimage.JPEG(testimage.Gradient(16, 16), testimage.Segment(0xE0, nil), junk, testimage.EXIFSegment(b.Encode()))
		got := redact(t, data, noText, 0)
		if bytes.Contains(got, []byte("SECRET")) || answer(got, &exif.Options{}) != want || answer(data, noText.EXIF) != want {
			t.Errorf("after %d bytes of junk: %s, the answer is %s", n, answer(got, &exif.Options{}), answer(data, noText.EXIF))
		}
	}
}
