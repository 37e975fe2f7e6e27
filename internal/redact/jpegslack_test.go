package redact

import (
	"bytes"
	"encoding/binary"
	"image/jpeg"
	"reflect"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// slackJPEGs returns JPEGs with the secret where decoders ignore it.
func slackJPEGs() map[string][]byte {
	const hidden = "HIDDENSECRET"
	seg, m := testimage.Segment, testimage.Gradient(16, 16)
	plain := testimage.JPEG(m)
	with := func(segments ...[]byte) []byte { return testimage.JPEG(m, segments...) }
	at := func(marker byte) int { return bytes.Index(plain, []byte{0xFF, marker}) }
	before := func(marker byte, b ...byte) []byte { return slices.Insert(bytes.Clone(plain), at(marker), b...) }
	longer := func(marker byte) []byte { // the segment goes on after its fields
		i := at(marker)
		n := int(binary.BigEndian.Uint16(plain[i+2:]))
		b := slices.Insert(bytes.Clone(plain), i+2+n, []byte(hidden)...)
		binary.BigEndian.PutUint16(b[i+2:], uint16(n+len(hidden)))
		return b
	}
	padded := func(n int) []byte { return append([]byte(hidden), make([]byte, n-len(hidden))...) }
	quant := func(id byte) []byte { return seg(0xDB, append([]byte{id}, padded(64)...)) }
	huffman := func(id byte) []byte {
		return seg(0xC4, slices.Concat([]byte{id, 0, 0, 0, byte(len(hidden))}, make([]byte, 13), []byte(hidden)))
	}
	scan := at(container.MarkerSOS)
	scan += 2 + int(binary.BigEndian.Uint16(plain[scan+2:]))
	gain := func(rest string) []byte { return seg(0xE2, []byte(container.GainMapIntro+"\x00\x00\x00\x00"+rest)) }
	jfif := []byte("JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x00\x00")
	return map[string][]byte{
		"junk":                     with(seg(0xE0, jfif), []byte(hidden)),
		"long junk":                with(seg(0xE0, jfif), bytes.Repeat([]byte(hidden), 1<<10)),
		"no marker after SOI":      slices.Insert(bytes.Clone(plain), 2, []byte("\xFF\x00"+hidden)...),
		"after a DNL of length 0":  with([]byte("\xFF\xDC\x00\x00"), []byte(hidden)),
		"after a DAC of length 1":  with([]byte("\xFF\xCC\x00\x01"), []byte(hidden)),
		"after a length of 0":      with([]byte("\xFF\xE1\x00\x00"), []byte(hidden)),
		"after a length of 1":      with([]byte("\xFF\xE2\x00\x01"), []byte(hidden)),
		"COM":                      with(seg(0xFE, []byte(hidden))),
		"reserved":                 with(seg(0xF0, []byte(hidden))),
		"JPG":                      with(seg(0xC8, []byte(hidden))),
		"DHP":                      with(seg(0xDE, []byte(hidden))),
		"EXP":                      with(seg(0xDF, []byte(hidden))),
		"DAC":                      with(seg(0xCC, []byte(hidden))),
		"DNL before the scan":      with(seg(0xDC, []byte(hidden))),
		"long DRI":                 with(seg(0xDD, []byte("\x00\x00"+hidden))),
		"JFIF thumbnail":           with(seg(0xE0, append(jfif[:12:12], "\x02\x02"+hidden...))),
		"second JFIF":              with(seg(0xE0, jfif), seg(0xE0, []byte("JFIF\x00"+hidden))),
		"Adobe":                    with(seg(0xEE, []byte("Adobe\x00\x64\x00\x00\x00\x00\x01"+hidden))),
		"ICC that isn't":           with(seg(0xE2, []byte("ICC_PROFILE\x00\x01\x01"+hidden))),
		"ICC out of order":         with(seg(0xE2, []byte("ICC_PROFILE\x00\x02\x02"+hidden)), seg(0xE2, []byte("ICC_PROFILE\x00\x01\x02"+hidden))),
		"ISO gain map":             with(gain(hidden)),
		"second ISO gain map":      with(gain(""), gain(hidden)),
		"other gain map":           with(seg(0xE2, []byte(container.GainMapIntro+hidden))),
		"second MPF":               with(seg(0xE2, mpf(0)), seg(0xE2, []byte("MPF\x00"+hidden))),
		"quantization not used":    with(quant(3)),
		"quantization replaced":    with(quant(0)),
		"Huffman codes not used":   with(huffman(3)),
		"Huffman codes replaced":   with(huffman(0)),
		"codes for no class":       with(huffman(0x20)),
		"second frame":             before(container.MarkerSOS, seg(0xC0, []byte(hidden))...),
		"in a scan":                slices.Insert(bytes.Clone(plain), scan, seg(0xFE, []byte(hidden))...),
		"after a marker in scan":   slices.Insert(bytes.Clone(plain), scan, append([]byte("\xFF\x02"), hidden...)...),
		"APP after the scan":       before(container.MarkerEOI, seg(0xE2, []byte(container.GainMapIntro+"\x00\x00\x00\x00"+hidden))...),
		"DNL after the scan":       before(container.MarkerEOI, seg(0xDC, []byte("\x00\x10"+hidden))...),
		"junk after the scan":      before(container.MarkerEOI, append([]byte("\xFF\xDC\x00\x04\x00\x10"), hidden...)...),
		"after the end":            append(bytes.Clone(plain), hidden...),
		"long SOF":                 longer(container.MarkerSOF0),
		"long SOS":                 longer(container.MarkerSOS),
		"long DQT":                 longer(container.MarkerDQT),
		"EXIF head":                with(seg(0xE1, []byte("Exif\x00\x00"+hidden))),
		"EXIF of another spelling": with(seg(0xE1, []byte("EXIF\x00\x00"+hidden))),
	}
}

// TestRepeatedSegmentsOfJPEGsTellNothing repeats segments of which decoders use the last, each with two letters.
func TestRepeatedSegmentsOfJPEGsTellNothing(t *testing.T) {
	m, seg := testimage.Gradient(16, 16), testimage.Segment
	for name, segment := range map[string]func(a, b byte) []byte{
		"restart intervals": func(a, b byte) []byte { return seg(0xDD, []byte{a, b}) },
		"Adobe":             func(a, b byte) []byte { return seg(0xEE, []byte{'A', 'd', 'o', 'b', 'e', 0, a, 0, 0, 0, 0, b}) },
	} {
		last := segment(0, 1)
		data := testimage.JPEG(m, segment('S', 'E'), segment('C', 'R'), segment('E', 'T'), last)
		got := redact(t, data, &Policy{}, 0)
		for _, text := range []string{"SE", "CR", "ET"} {
			if s := segment(text[0], text[1]); bytes.Contains(got, s) || bytes.IndexByte(got[:len(s)*3], text[1]) >= 0 {
				t.Errorf("%s: %q stays in %q", name, text, got[:len(s)*4])
			}
		}
		if name == "restart intervals" && !bytes.Contains(got, last) {
			t.Errorf("%s: the last one goes", name)
		}
		if want, err := jpeg.Decode(bytes.NewReader(data)); err == nil {
			if m, err := jpeg.Decode(bytes.NewReader(got)); err != nil || !reflect.DeepEqual(m, want) {
				t.Errorf("%s: it is another picture: %v", name, err)
			}
		}
	}
}

func TestNoMarkerSurvivesInJPEGs(t *testing.T) {
	for name, data := range slackJPEGs() {
		for _, p := range []*Policy{{}, {EXIF: &exif.Options{Unknown: true}}} {
			got := redact(t, data, p, 0)
			if bytes.Contains(got, []byte("SECRET")) {
				t.Errorf("%s: it is still there", name)
			}
			if !bytes.HasPrefix(got, data[:3]) || bytes.Count(got, []byte("\xFF\xDA")) != bytes.Count(data, []byte("\xFF\xDA")) {
				t.Errorf("%s: browsers can't show it", name)
			}
			want, err := jpeg.Decode(bytes.NewReader(data))
			if err != nil {
				continue // Go's decoder is strict
			}
			if m, err := jpeg.Decode(bytes.NewReader(got)); err != nil || !reflect.DeepEqual(m, want) {
				t.Errorf("%s: it is another picture: %v", name, err)
			}
			if again := redact(t, got, p, 7); !bytes.Equal(again, got) {
				t.Errorf("%s: redacted again, the output differs", name)
			}
		}
	}
}

// TestBrowsersTakeTheSameEXIF has two segments of EXIF: the first stays what browsers stop at, if another one stays.
func TestBrowsersTakeTheSameEXIF(t *testing.T) {
	b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "Maker"), testimage.Short(0x0112, 6)}}
	turned := testimage.EXIFSegment(b.Encode())
	seg := testimage.Segment
	for name, tt := range map[string]struct{ first, want []byte }{
		"that can't be read": {seg(0xE1, []byte("Exif\x00\x00hello")), seg(0xE1, []byte("Exif\x00\x00\x00\x00\x00\x00\x00"))},
		"that is empty":      {seg(0xE1, []byte("Exif\x00\x00")), seg(0xE1, make([]byte, 6))},
		"XMP":                {seg(0xE1, []byte(container.XMPIntro)), seg(0xE1, make([]byte, len(container.XMPIntro)))},
		"of no length":       {[]byte("\xFF\xE1\x00\x00"), []byte("\xFF\xE1\x00\x00")},
	} {
		got := redact(t, testimage.JPEG(testimage.Gradient(16, 16), tt.first, turned), &Policy{EXIF: &exif.Options{}}, 0)
		if !bytes.HasPrefix(got[2:], tt.want) {
			t.Errorf("a first one %s: got %q, want %q", name, got[2:2+len(tt.want)], tt.want)
		}
		if a := answer(got, &exif.Options{}); a != `{"Make":"Maker","Orientation":"6"}` {
			t.Errorf("a first one %s: %s", name, a)
		}
	}
}

// TestEXIFWithAnOddHeadIsRedacted has heads that ExifTool accepts.
func TestEXIFWithAnOddHeadIsRedacted(t *testing.T) {
	b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "Maker"), testimage.ASCII(0x013B, word)}}
	for _, head := range []string{"Exif\x00\x00", "EXIF\x00\x00", "Exif\x00\x01", "\x00\x00\x00\x06Exif\x00\x00", "Exif\x00\x00Exif\x00\x00", "\xFF\xE1\x00\x40Exif\x00\x00"} {
		data := testimage.JPEG(testimage.Gradient(16, 16), testimage.Segment(0xE1, append([]byte(head), b.Encode()...)))
		if a := answer(data, &exif.Options{}); a != `{"Make":"Maker","Artist":"`+word+`"}` {
			t.Errorf("%q: the answer is %s", head, a)
		}
		got := redact(t, data, noArtist, 0)
		if a := answer(got, &exif.Options{}); a != `{"Make":"Maker"}` || bytes.Contains(got, []byte(word)) {
			t.Errorf("%q: %s stays", head, a)
		}
	}
}

// TestTablesAfterTheFrameStay has the quantization tables after the frame header, as some programs write them.
func TestTablesAfterTheFrameStay(t *testing.T) {
	b := testimage.JPEG(testimage.Gradient(16, 16))
	from, frame, to := bytes.Index(b, []byte("\xFF\xDB")), bytes.Index(b, []byte("\xFF\xC0")), bytes.Index(b, []byte("\xFF\xC4"))
	data := slices.Concat(b[:from], b[frame:to], b[from:frame], b[to:])
	if got := redact(t, data, &Policy{}, 0); !bytes.Equal(got, data) {
		t.Error("something is gone")
	}
}
