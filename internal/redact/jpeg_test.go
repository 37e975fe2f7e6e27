package redact

import (
	"bytes"
	"image/jpeg"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestTableLength has segments' data with bytes after what their syntax uses, where something could hide.
func TestTableLength(t *testing.T) {
	zeros := func(n int) []byte { return make([]byte, n) }
	huffman := func(codes ...byte) []byte { // a table with that many codes of 1, 2, … bits
		b := make([]byte, 17)
		n := 0
		for i, c := range codes {
			b[1+i] = c
			n += int(c)
		}
		return append(b, zeros(n)...)
	}
	for _, tt := range []struct {
		name   string
		marker byte
		data   []byte
		want   int
	}{
		{"DQT of 8 bits", container.MarkerDQT, zeros(65), 65},
		{"DQT of 8 and of 16 bits", container.MarkerDQT, slices.Concat(zeros(65), []byte{0x13}, zeros(128)), 65 + 129},
		{"DQT and rest", container.MarkerDQT, slices.Concat(zeros(65), []byte{0x24}, zeros(200)), 65},
		{"DQT with number 4", container.MarkerDQT, slices.Concat([]byte{4}, zeros(64)), 0},
		{"DQT, cut off", container.MarkerDQT, zeros(64), 0},
		{"DHT", container.MarkerDHT, huffman(0, 2, 1), 20},
		{"two DHT", container.MarkerDHT, append(huffman(1), huffman(0, 3)...), 18 + 20},
		{"DHT of 256 codes", container.MarkerDHT, huffman(255, 1), 17 + 256},
		{"DHT of 257 codes", container.MarkerDHT, huffman(255, 2), 0},
		{"DHT and rest", container.MarkerDHT, append(huffman(1), zeros(16)...), 18},
		{"DHT, cut off", container.MarkerDHT, huffman(3)[:18], 0},
		{"DHT with number 4", container.MarkerDHT, append([]byte{4}, huffman(1)[1:]...), 0},
		{"DAC", container.MarkerDAC, []byte{0, 0x10, 0x13, 5}, 4},
		{"DAC and rest", container.MarkerDAC, []byte{0, 0, 1, 0, 0}, 4},
		{"DAC of a table that can't be", container.MarkerDAC, []byte{0, 0, 0x14, 5}, 2},
		{"DAC of a table twice", container.MarkerDAC, []byte{0, 0, 0, 0}, 2},
		{"DAC of bounds that can't be", container.MarkerDAC, []byte{0, 0x12}, 0},
		{"DAC of a number that can't be", container.MarkerDAC, []byte{0x10, 64}, 0},
		{"DRI and rest", container.MarkerDRI, zeros(9), 2},
		{"DNL and rest", container.MarkerDNL, zeros(9), 2},
		{"SOS and rest", container.MarkerSOS, append([]byte{3}, zeros(20)...), 10},
		{"SOS, empty", container.MarkerSOS, nil, 0},
		{"SOF and rest", container.MarkerSOF0, append([]byte{8, 0, 1, 0, 1, 3}, zeros(20)...), 15},
		{"SOF, cut off", container.MarkerSOF0, []byte{8, 0, 1, 0, 1, 3}, 6},
	} {
		if got := tableLength(tt.marker, tt.data); got != tt.want {
			t.Errorf("%s: %d of %d bytes, want %d", tt.name, got, len(tt.data), tt.want)
		}
	}
}

// TestSegments has which segments stay, how much of them, and which become zeros.
func TestSegments(t *testing.T) {
	const hidden = "HIDDEN"
	gain := container.GainMapIntro + "gain map"
	for _, tt := range []struct {
		name   string
		marker byte
		data   string
		want   string // of the data; "" if the segment goes
	}{
		{"no ICC", 0xE2, container.ICCIntro + "\x01\x01profile", ""},
		{"ISO gain map", 0xE2, container.GainMapIntro + "\x00\x00\x00\x00", container.GainMapIntro + "\x00\x00\x00\x00"},
		{"ISO gain map and rest", 0xE2, container.GainMapIntro + "\x00\x00\x00\x00" + hidden, container.GainMapIntro + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"no ISO gain map", 0xE2, gain, ""},
		{"gain map in APP1", 0xE1, gain, ""},
		{"ICC in APP14", 0xEE, container.ICCIntro, ""},
		{"JFIF", 0xE0, "JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x01\x01" + hidden, "JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"JFIF without a thumbnail", 0xE0, "JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x00\x00", "JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x00\x00"},
		{"JFIF, cut off", 0xE0, "JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x00", ""},
		{"Adobe", 0xEE, "Adobe\x00\x64\x80\x00\x00\x00\x01" + hidden, "Adobe\x00\x64\x80\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"},
		{"Adobe alone", 0xEE, "Adobe\x00\x64\x80\x00\x00\x00\x01", "Adobe\x00\x64\x80\x00\x00\x00\x01"},
		{"Adobe, cut off", 0xEE, "Adobe\x00\x64\x80\x00\x00\x00", ""},
		{"DRI", 0xDD, "\x00\x00" + hidden, "\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"DNL before the scan", 0xDC, "\x00\x08" + hidden, ""},
		{"DAC in a Huffman file", 0xCC, "\x01\x02", ""},
		{"JPG", 0xC8, hidden, ""},
		{"DHP", 0xDE, hidden, ""},
		{"APP3", 0xE3, hidden, ""},
		{"JPG13", 0xFD, hidden, ""},
		{"comment", 0xFE, hidden, ""},
	} {
		segment := testimage.Segment(tt.marker, []byte(tt.data))
		want := testimage.Segment(tt.marker, []byte(tt.want))
		if tt.want == "" {
			want = testimage.Segment(tt.marker, make([]byte, len(tt.data)))
			if slices.Contains([]byte{0xE0, 0xE1, 0xE2, 0xE3, 0xEE, 0xFE}, tt.marker) {
				want[1] = container.MarkerAPP12
				copy(want[4:], container.DuckyIntro)
			}
		}
		data := testimage.JPEG(testimage.Gradient(16, 16), segment)
		got := redact(t, data, &Policy{}, 0)
		if at := bytes.Index(data, segment); !bytes.Equal(got[at:at+len(segment)], want) {
			t.Errorf("%s: got %q, want %q", tt.name, got[at:at+len(segment)], want)
		}
	}
}

// TestPicturesAfterThePhoto has an MPF index in either byte order, with and without room for the new one, and
// Google's directory, whose pictures follow each other.
func TestPicturesAfterThePhoto(t *testing.T) {
	m := testimage.Gradient(16, 16)
	second := testimage.JPEG(m, testimage.Segment(0xFE, []byte(word)))
	little := mpf(0, 1)
	big := slices.Concat([]byte("MPF\x00MM\x00*\x00\x00\x00\x08\x00\x03"),
		[]byte("\xB0\x00\x00\x07\x00\x00\x00\x040100\xB0\x01\x00\x04\x00\x00\x00\x01\x00\x00\x00\x02\xB0\x02\x00\x07\x00\x00\x00\x20\x00\x00\x00\x32\x00\x00\x00\x00"),
		make([]byte, 32))
	for name, tt := range map[string]struct {
		index []byte
		place int // of the second picture's offset in it
	}{"little-endian": {little, bytes.LastIndex(little, []byte{1, 0, 0, 0})}, "big-endian": {big, len(big) - 8}} {
		first := testimage.JPEG(m, testimage.Segment(0xE2, tt.index))
		base := bytes.Index(first, []byte("MPF\x00")) + 4
		at := len(first) + 3
		index := bytes.Clone(tt.index)
		if index[4] == 'M' {
			be.PutUint32(index[tt.place:], uint32(at-base))
		} else {
			copy(index[tt.place:], []byte{byte(at - base), byte((at - base) >> 8), 0, 0})
		}
		data := slices.Concat(testimage.JPEG(m, testimage.Segment(0xE2, index)), []byte("abc"), second, []byte(word))
		got := redact(t, data, &Policy{}, 0)
		if bytes.Contains(got, []byte("SECRET")) || bytes.Contains(got, []byte("abc")) || !bytes.HasPrefix(got[at:], second[:2]) || !bytes.HasSuffix(got[:at+len(second)], second[len(second)-20:]) {
			t.Errorf("%s: the second picture isn't what it was", name)
		}
	}

	n := strconv.Itoa(len(second))
	xmp := container.XMPIntro + `<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.1.2"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
 xmlns:Container="http://ns.google.com/photos/1.0/container/" xmlns:Item="http://ns.google.com/photos/1.0/container/item/"><Container:Directory><rdf:Seq>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="Primary" Item:Length="70" Item:Padding="` + n + `"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="GainMap" Item:Length="` + n + `" Item:Padding="3"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="` + n + `"/></rdf:li>
<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="Depth" Item:Length="9"/></rdf:li>
</rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>`
	first := testimage.JPEG(m, testimage.Segment(0xE1, []byte(xmp)))
	data := slices.Concat(first, second, second, []byte("abc"), second, second) // the padding and the video are pictures that it doesn't have
	got := redact(t, data, &Policy{EXIF: &exif.Options{}}, 0)[len(first):]
	for i, at := range []int{0, len(second), 2*len(second) + 3, 3*len(second) + 3} {
		_, err := jpeg.Decode(bytes.NewReader(got[at:]))
		if listed := i%2 == 1; (err == nil) != listed || !listed && !bytes.Equal(got[at:at+len(second)], make([]byte, len(second))) {
			t.Errorf("picture %d: %v, which the directory has: %v", i, err, listed)
		}
	}
	if bytes.Contains(got, []byte("SECRET")) || bytes.Contains(got, []byte("abc")) {
		t.Error("bytes of no picture stay")
	}
}

// TestTablesFarBeforeTheScanStay checks JPEGs of thermal cameras, which have 600 KiB of temperatures between the tables and
// the scan.
func TestTablesFarBeforeTheScanStay(t *testing.T) {
	plain := testimage.JPEG(testimage.Gradient(16, 16))
	far := bytes.Repeat(testimage.Segment(0xE3, bytes.Repeat([]byte("SECRET"), 10_000)), 11)
	unused := testimage.Segment(0xDB, append([]byte{3}, bytes.Repeat([]byte("SECRET"), 11)[:64]...))
	want, err := jpeg.Decode(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	data := slices.Insert(bytes.Clone(plain), bytes.Index(plain, []byte{0xFF, container.MarkerSOS}), far...)
	data = slices.Insert(data, 2, unused...)
	got := redact(t, data, &Policy{}, 10_000)
	if m, err := jpeg.Decode(bytes.NewReader(got)); err != nil || !reflect.DeepEqual(m, want) {
		t.Errorf("the picture isn't what it was: %v", err)
	}
	if bytes.Contains(got, []byte("SECRET")) {
		t.Error("the secret stays")
	}
}
