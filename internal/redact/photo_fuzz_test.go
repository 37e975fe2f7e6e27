package redact

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// codedParts maps each format that is redacted to a function that says where a redacted file may hold any bytes: the
// coded picture, its palettes and the tables of its color profile.
var codedParts = map[string]func(b []byte) []span{
	"jpeg": codedJPEG, "png": codedPNG, "webp": codedWebP, "gif": codedGIF, "bmp": codedBMP, "ico": codedICO, "heif": codedHEIF, "jxl": codedJXL, "jp2": codedJP2,
}

func FuzzJPEG(f *testing.F) { fuzzPhotos(f, "jpeg") }
func FuzzPNG(f *testing.F)  { fuzzPhotos(f, "png") }
func FuzzWebP(f *testing.F) { fuzzPhotos(f, "webp") }
func FuzzGIF(f *testing.F)  { fuzzPhotos(f, "gif") }
func FuzzBMP(f *testing.F)  { fuzzPhotos(f, "bmp") }
func FuzzICO(f *testing.F)  { fuzzPhotos(f, "ico") }
func FuzzHEIF(f *testing.F) { fuzzPhotos(f, "heif") }
func FuzzJXL(f *testing.F)  { fuzzPhotos(f, "jxl") }
func FuzzJP2(f *testing.F)  { fuzzPhotos(f, "jp2") }

// FuzzAny has files of all formats: what the decoder knows is redacted or refused.
func FuzzAny(f *testing.F) {
	for _, data := range photoSeeds() {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkOneMind(t, data) })
}

// photoSeeds returns made files of all formats, by a name.
func photoSeeds() map[string][]byte {
	seeds := map[string][]byte{"iPhone": iPhone("urn:com:apple:photo:2020:aux:hdrgainmap").file()}
	for _, files := range []map[string][]byte{planted(), secretFiles(), slackFiles(testimage.Gradient(16, 16)), slackJPEGs(), marked()} {
		maps.Copy(seeds, files)
	}
	for format, files := range testimage.Formats() {
		for i, data := range files {
			seeds[fmt.Sprint("sample of ", format, i)] = data
		}
	}
	return seeds
}

// fuzzPhotos fuzzes a format. Its redacted files have the same length however they are written, and have no more tags than
// the answer. A marker planted anywhere is gone, but in what is coded.
func fuzzPhotos(f *testing.F, format string) {
	seeds := 0
	for _, data := range photoSeeds() {
		if photoFormat(data) == format && len(data) < 64<<10 {
			seeds++
			f.Add(data, uint16(len(data)/2), false)
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16, over bool) {
		checkOneMind(t, data)
		if photoFormat(data) != format {
			return
		}
		for _, p := range []*Policy{noText, noArtist, onlyCredit} {
			out := redact(t, data, p, 0)
			if !bytes.Equal(redact(t, data, p, 13), out) {
				t.Fatal("written in pieces, the output differs")
			}
			checkTags(t, out, data, p)
		}
		i := int(at) % (len(data) + 1)
		rest := data[i:]
		if over {
			rest = rest[min(len(marker), len(rest)):]
		}
		checkMarker(t, slices.Concat(data[:i], []byte(marker), rest), format)
	})
}

// photoFormat returns the format of a file that is redacted, heif for AVIF as well.
func photoFormat(data []byte) string {
	verdict, format := Sniff(data[:min(len(data), SniffLen)])
	switch {
	case verdict != Redact:
		return ""
	case format == "avif":
		return "heif"
	}
	return format
}

// checkOneMind checks that nothing passes that the decoder calls an image, and that what can't be redacted is refused.
func checkOneMind(t *testing.T, data []byte) {
	t.Helper()
	m, err := exif.Decode(bytes.NewReader(data), &exif.Options{Unknown: true})
	verdict, format := Sniff(data[:min(len(data), SniffLen)])
	if m.Format != "" && verdict == Pass && (m.Format != "svg" || m.Len() > 0) {
		t.Fatalf("the decoder calls it %s: %v", m.Format, err)
	}
	if verdict == Redact && codedParts[photoFormat(data)] == nil {
		return // a film
	}
	var out bytes.Buffer
	switch err := Copy(&out, bytes.NewReader(data), &Policy{}); {
	case verdict == Refuse && (!errors.Is(err, ErrRefused) || out.Len() > 0):
		t.Fatalf("%s isn't refused: %v", format, err)
	case verdict == Redact && err == nil && m.Len() > 0 && bytes.Equal(out.Bytes(), data):
		checkTags(t, data, data, &Policy{})
	}
}

// checkTags checks that the redacted photo has only the tags of data's answer and those that the picture needs.
func checkTags(t *testing.T, redacted, data []byte, p *Policy) {
	t.Helper()
	tags := func(data []byte, o *exif.Options) (m map[string]string) {
		if o != nil {
			_ = json.Unmarshal([]byte(answer(data, o)), &m) // a broken photo has no answer
		}
		return m
	}
	answered := tags(data, p.EXIF)
	for name, value := range tags(redacted, &exif.Options{Unknown: true}) {
		v, ok := answered[name]
		if needed := slices.Contains([]string{"Orientation", "ColorSpace", "InteroperabilityIndex"}, name); !needed && (!ok || v != value) {
			t.Fatalf("%s is %q, the answer is %q", name, value, answered)
		}
	}
}

// checkMarker checks that a redacted file has the marker in its coded parts alone.
func checkMarker(t *testing.T, data []byte, format string) {
	t.Helper()
	if photoFormat(data) != format {
		return
	}
	out := redact(t, data, &Policy{}, 0)
	var coded []span
	for at := 0; ; at++ {
		i := bytes.Index(out[at:], []byte(marker))
		if i < 0 {
			return
		}
		at += i
		if coded == nil {
			coded = merge(codedParts[format](out))
		}
		if !within(span{int64(at), int64(at + len(marker))}, coded) {
			t.Fatalf("the marker is at %d, in %q, not in %v, of %q", at, out[max(0, at-30):min(len(out), at+40)], coded, out)
		}
	}
}

// TestMarkerAnywhereIsGone plants the marker at many places of small files.
func TestMarkerAnywhereIsGone(t *testing.T) {
	for name, data := range photoSeeds() {
		format := photoFormat(data)
		if codedParts[format] == nil || len(data) > 1<<10 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			const step = 3
			for i := range data {
				switch i % step {
				case 0:
					checkMarker(t, slices.Concat(data[:i], []byte(marker), data[i:]), format)
				case 1:
					checkMarker(t, slices.Concat(data[:i], []byte(marker), data[min(i+len(marker), len(data)):]), format)
				}
			}
		})
	}
}

func sized(from, n int) span { return span{int64(from), int64(from + n)} }

func codedJPEG(b []byte) (coded []span) {
	for i := 0; i+4 <= len(b); {
		marker := b[i+1]
		if b[i] != 0xFF || marker == 0 || marker == 0xFF || marker == container.MarkerEOI || container.StandsAlone(marker) {
			i++
			continue
		}
		n := 2 + max(2, int(be.Uint16(b[i+2:])))
		switch {
		case marker == container.MarkerDQT, marker == container.MarkerDHT, bytes.HasPrefix(b[i+4:], []byte(container.ICCIntro)):
			coded = append(coded, sized(i, n))
		case marker == container.MarkerSOS:
			end := i + n
			for end < len(b) && (b[end] != 0xFF || end+1 == len(b) || inScan(b[end+1]) || b[end+1] == 0xFF) {
				end++
			}
			coded = append(coded, span{int64(i + n), int64(end)})
			n = end - i
		}
		i += n
	}
	return coded
}

func codedPNG(b []byte) (coded []span) {
	for i := 8; i+12 <= len(b); {
		n := int(be.Uint32(b[i:]))
		if slices.Contains([]string{"IDAT", "fdAT", "PLTE", "tRNS", "iCCP"}, string(b[i+4:i+8])) {
			coded = append(coded, sized(i+8, n))
		}
		i += 12 + n
	}
	return coded
}

func codedWebP(b []byte) (coded []span) {
	for i := 12; i+8 <= len(b); {
		n := int(binary.LittleEndian.Uint32(b[i+4:]))
		switch string(b[i : i+4]) {
		case "VP8 ", "VP8L", "ALPH", "ICCP":
			coded = append(coded, sized(i+4, 4+n)) // the length, too: it can be that of a file that is cut off
		case "ANMF":
			n = webpFrame
		}
		i += 8 + n + n&1
	}
	return coded
}

func codedGIF(b []byte) (coded []span) {
	if len(b) < 13 {
		return nil
	}
	table := func(at int, flags byte) int {
		n := int(container.ColorTable(flags))
		coded = append(coded, sized(at-2, n+2)) // the background's color, the ratio
		return at + n
	}
	blocks := func(i int, any bool) int {
		for i < len(b) && b[i] > 0 {
			if any {
				coded = append(coded, sized(i, 1+int(b[i])))
			}
			i += 1 + int(b[i])
		}
		return i + 1
	}
	for i := table(13, b[10]); i+10 < len(b); {
		switch b[i] {
		case 0: // between the blocks
			i++
		case ',':
			i = blocks(table(i+10, b[i+9])+1, true)
		case '!':
			i = blocks(i+2, bytes.HasPrefix(b[i+2:], []byte("\x0BICCRGBG1012")))
		default:
			return coded
		}
	}
	return coded
}

func codedBMP(b []byte) []span {
	d, ok := parseDIB(b[min(14, len(b)):], false)
	if !ok {
		return nil
	}
	at := int64(binary.LittleEndian.Uint32(b[10:]))
	coded := []span{{14 + d.size, min(at, 14+d.size+d.table)}, {14 + d.profile.from, 14 + d.profile.to}}
	switch from, inner := min(at, int64(len(b))), []span(nil); d.compression {
	case bmpJPEG, bmpPNG:
		if inner = codedJPEG(b[from:]); d.compression == bmpPNG {
			inner = codedPNG(b[from:])
		}
		return append(coded, moved(inner, from)...)
	}
	return append(coded, span{at, at + d.pixels})
}

func moved(spans []span, by int64) []span {
	for i := range spans {
		spans[i] = span{spans[i].from + by, spans[i].to + by}
	}
	return spans
}

func codedICO(b []byte) (coded []span) {
	for i := 6; i+16 <= len(b) && i < 6+16*int(binary.LittleEndian.Uint16(b[4:])); i += 16 {
		n, at := int(binary.LittleEndian.Uint32(b[i+8:])), int(binary.LittleEndian.Uint32(b[i+12:]))
		if at > len(b) {
			continue
		}
		if n == 0 { // what browsers show: they ignore the length
			n = len(b) - at
		}
		switch p := b[at:min(at+n, len(b))]; {
		case bytes.HasPrefix(p, []byte(testimage.PNGSignature)):
			coded = append(coded, moved(codedPNG(p), int64(at))...)
		case bytes.HasPrefix(p, []byte("\xFF\xD8")):
			coded = append(coded, moved(codedJPEG(p), int64(at))...)
		default:
			if d, ok := parseDIB(p, true); ok {
				coded = append(coded, span{int64(at) + d.size, int64(at) + d.size + d.table + d.pixels})
			}
		}
	}
	return coded
}

// codedHEIF returns the data of pictures, the configurations of their decoders and profiles, and all of a sequence.
func codedHEIF(b []byte) (coded []span) {
	var walk func(from, to int, in string)
	walk = func(from, to int, in string) {
		for at := from; at+8 <= to; {
			h, ok := parseBox(b[at:to])
			if !ok {
				return
			}
			end := int(min(h.Size, int64(to-at))) + at
			body := at + int(h.Head)
			switch h.Type {
			case "meta":
				walk(body+4, end, h.Type)
			case "iprp", "ipco":
				walk(body, end, h.Type)
			case "hvcC", "avcC", "vvcC", "evcC", "av1C", "colr", "j2kH", "moov": // of moov, the films' tests know more
				coded = append(coded, span{int64(body), int64(end)})
			case "mdat":
				if in == "" && bytes.Contains(b, []byte("moov")) {
					coded = append(coded, span{int64(body), int64(end)})
				}
				coded = append(coded, sized(end, 4)) // the size of a box that goes on beyond the end
			}
			at = end
		}
	}
	walk(0, len(b), "")
	f := &isoFile{r: bytes.NewReader(b), plan: &Plan{policy: &Policy{}}}
	if f.walk() != nil {
		return coded
	}
	f.media = merge(f.media)
	m := newItemIndex(f)
	if !m.readItems() || !m.readLocations() {
		return coded
	}
	for i := range m.items {
		if data, ok := m.data(&m.items[i]); ok && m.items[i].isPicture() {
			coded = append(coded, moved(data, m.storeOf(&m.items[i]).at)...)
		}
	}
	return coded
}

func codedJXL(b []byte) (coded []span) {
	if bytes.HasPrefix(b, []byte(container.JXLCodestream)) {
		return []span{sized(0, len(b))}
	}
	eachTopBox(b, func(typ string, body span) {
		if typ == "jxlc" || typ == "jxlp" {
			coded = append(coded, body)
		}
	})
	return coded
}

func codedJP2(b []byte) (coded []span) {
	if bytes.HasPrefix(b, []byte(container.J2KCodestream)) {
		return codedParts2K(b, 0)
	}
	eachTopBox(b, func(typ string, body span) {
		switch typ {
		case "jp2c":
			coded = append(coded, codedParts2K(b[:body.to], int(body.from))...)
		case "jp2h":
			for _, inner := range []string{"pclr", "colr"} {
				if i := bytes.Index(b[body.from:body.to], []byte(inner)); i >= 0 {
					coded = append(coded, span{body.from + int64(i), body.to})
				}
			}
		}
	})
	return coded
}

// codedParts2K returns the packets of a codestream of JPEG 2000 that begins at an offset, and their heads.
func codedParts2K(b []byte, at int) (coded []span) {
	end := 0
	for i := at + 2; i+4 <= len(b); {
		switch marker := be.Uint16(b[i:]); {
		case marker == sot && i+12 <= len(b):
			if end = i + int(be.Uint32(b[i+6:])); end == i {
				end = len(b)
			}
			i += 12
		case marker == sod:
			coded = append(coded, span{int64(i), int64(end)})
			i = end
		default:
			n := 2 + int(be.Uint16(b[i+2:]))
			if marker != 0xFF64 {
				coded = append(coded, sized(i+2, n+2))
			}
			i += n
		}
	}
	return coded
}

// eachTopBox calls f with the boxes of a file, each up to the type of the next: its size can be one that goes beyond the end.
func eachTopBox(b []byte, f func(typ string, body span)) {
	for at := 0; at+8 <= len(b); {
		h, ok := parseBox(b[at:])
		if !ok {
			return
		}
		end := int(min(h.Size, int64(len(b)-at))) + at
		f(h.Type, span{int64(at) + h.Head, int64(min(end+4, len(b)))})
		at = end
	}
}
