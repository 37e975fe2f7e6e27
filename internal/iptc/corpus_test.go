package iptc

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// corpusRoot returns the folder of the corpus, "" if there is none.
func corpusRoot() string { return os.Getenv("EXIF_CORPUS") }

// corpusFile returns a file of the corpus, whose name is relative to the folder around it.
func corpusFile(t testing.TB, name string) []byte {
	t.Helper()
	if corpusRoot() == "" {
		t.Skip("EXIF_CORPUS isn't set")
	}
	data, err := os.ReadFile(filepath.Join(corpusRoot(), "..", name))
	if err != nil {
		t.Skip(err)
	}
	return data
}

// sourceOf finds the metadata of a file. It knows just enough of containers for the corpus.
func sourceOf(t testing.TB, file []byte) *Source {
	t.Helper()
	s := &Source{EXIF: exifOf(t, file)}
	switch {
	case bytes.HasPrefix(file, []byte("\xFF\xD8")):
		scanJPEG(s, file)
	case bytes.HasPrefix(file, []byte("\x89PNG")):
		scanPNG(t, s, file)
	default:
		s.XMP = scanPackets(file)
		s.IIM = append(scanIIM(file), tiffIIM(file)...)
	}
	return s
}

func exifOf(t testing.TB, file []byte) EXIF {
	t.Helper()
	m, err := exif.Decode(bytes.NewReader(file), &exif.Options{})
	if err != nil {
		return EXIF{}
	}
	data, err := m.AppendJSON(nil, &exif.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var tags map[string]string
	if err := json.Unmarshal(data, &tags); err != nil {
		t.Fatal(err)
	}
	return EXIF{
		tags["ImageDescription"], tags["Artist"], tags["Copyright"],
		tags["DateTimeOriginal"], tags["SubSecTimeOriginal"], tags["OffsetTimeOriginal"],
	}
}

func scanJPEG(s *Source, file []byte) {
	type chunk struct {
		offset int
		data   []byte
	}
	extended := map[string][]chunk{}
	var photoshop []byte
	for b := file[2:]; len(b) > 4 && b[0] == 0xFF; {
		if b[1] == 0xFF {
			b = b[1:]
			continue
		}
		marker, n := b[1], int(binary.BigEndian.Uint16(b[2:]))
		if marker == 0xDA || n < 2 || len(b) < n+2 {
			break
		}
		data := b[4 : n+2]
		b = b[n+2:]
		// the header is http://ns.adobe.com/xap/1.0/ and NUL, but a file of Getty's has another
		if i := bytes.Index(data, []byte("<?xpacket begin")); i >= 0 && marker == 0xE1 {
			s.XMP = append(s.XMP, data[i:])
		} else if packet, ok := bytes.CutPrefix(data, []byte("http://ns.adobe.com/xap/1.0/\x00")); ok && marker == 0xE1 {
			s.XMP = append(s.XMP, packet)
		}
		if part, ok := bytes.CutPrefix(data, []byte("http://ns.adobe.com/xmp/extension/\x00")); ok && marker == 0xE1 && len(part) > 40 {
			guid := string(part[:32])
			extended[guid] = append(extended[guid], chunk{int(binary.BigEndian.Uint32(part[36:])), part[40:]})
		}
		if resources, ok := bytes.CutPrefix(data, []byte("Photoshop 3.0\x00")); ok && marker == 0xED {
			photoshop = append(photoshop, resources...)
		}
	}
	for _, chunks := range extended {
		slices.SortFunc(chunks, func(a, b chunk) int { return a.offset - b.offset })
		var packet []byte
		for _, c := range chunks {
			packet = append(packet, c.data...)
		}
		s.XMP = append(s.XMP, packet)
	}
	s.IIM = scanIIM(photoshop)
}

// scanIIM finds Photoshop's resources 0x0404.
func scanIIM(b []byte) (blocks [][]byte) {
	for {
		i := bytes.Index(b, []byte("8BIM\x04\x04"))
		if i < 0 || len(b) < i+12 {
			return blocks
		}
		b = b[i+6:]
		name := (int(b[0]) + 2) &^ 1
		n := int(binary.BigEndian.Uint32(b[name:]))
		blocks = append(blocks, b[name+4:min(name+4+n, len(b))])
	}
}

// tiffIIM finds the tag 33723 in the first directory of a TIFF.
func tiffIIM(b []byte) (blocks [][]byte) {
	var order binary.ByteOrder = binary.BigEndian
	switch {
	case bytes.HasPrefix(b, []byte("II*\x00")):
		order = binary.LittleEndian
	case !bytes.HasPrefix(b, []byte("MM\x00*")):
		return nil
	}
	ifd := b[order.Uint32(b[4:]):]
	for i := range int(order.Uint16(ifd)) {
		entry := ifd[2+12*i:]
		if order.Uint16(entry) == 33723 {
			size := map[uint16]int{1: 1, 2: 1, 4: 4, 7: 1}[order.Uint16(entry[2:])]
			offset := int(order.Uint32(entry[8:]))
			blocks = append(blocks, b[offset:offset+size*int(order.Uint32(entry[4:]))])
		}
	}
	return blocks
}

// scanPackets finds XMP packets anywhere in a file.
func scanPackets(b []byte) (packets [][]byte) {
	for {
		i := bytes.Index(b, []byte("<rdf:RDF"))
		if i < 0 {
			return packets
		}
		b = b[i:]
		n := bytes.Index(b, []byte("</rdf:RDF>"))
		if n < 0 {
			return append(packets, b)
		}
		packets = append(packets, b[:n+len("</rdf:RDF>")])
		b = b[n:]
	}
}

func scanPNG(t testing.TB, s *Source, file []byte) {
	t.Helper()
	inflate := func(b []byte) []byte {
		r, err := zlib.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		out, _ := io.ReadAll(r)
		return out
	}
	for b := file[8:]; len(b) >= 12; {
		n := int(binary.BigEndian.Uint32(b))
		kind, data := string(b[4:8]), b[8:8+n]
		b = b[12+n:]
		keyword, rest, _ := bytes.Cut(data, []byte{0})
		var text []byte
		switch kind {
		case "tEXt":
			text = rest
		case "zTXt":
			text = inflate(rest[1:])
		case "iTXt":
			packed := rest[0] == 1
			text = bytes.SplitN(rest[2:], []byte{0}, 3)[2]
			if packed {
				text = inflate(text)
			}
		}
		profile := func() []byte { // newline, name, length, hexadecimal lines
			lines := bytes.SplitN(bytes.TrimLeft(text, "\n"), []byte("\n"), 3)
			raw, err := hex.DecodeString(string(bytes.Join(bytes.Fields(lines[2]), nil)))
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
		switch string(keyword) {
		case "XML:com.adobe.xmp":
			s.XMP = append(s.XMP, text)
		case "Raw profile type xmp":
			s.XMP = append(s.XMP, profile())
		case "Raw profile type iptc", "Raw profile type APP13":
			if raw := profile(); bytes.HasPrefix(raw, []byte{iimMarker}) {
				s.IIM = append(s.IIM, raw)
			} else {
				s.IIM = append(s.IIM, scanIIM(raw)...)
			}
		}
	}
}

// explained are the places where the JSON isn't what ExifTool says, each with the reason.
var explained = map[string]string{
	"artworkOrObjects.dateCreated":         "ExifTool leaves the dates in structures in EXIF's form, they are ISO 8601 here",
	"imageRegion.personInImageNames":       "a region can have any property, the oracle has only the structure's own",
	"imageRegion.organisationInImageNames": "the same",
}

// TestOracle compares the JSON of the corpus with what ExifTool reads.
func TestOracle(t *testing.T) {
	lines := bufio.NewScanner(bytes.NewReader(corpusFile(t, "iptc/oracle.jsonl")))
	lines.Buffer(nil, 1<<20)
	files, total := 0, 0
	for lines.Scan() {
		var want struct {
			File string
			IPTC map[string]any
			Src  map[string]string
		}
		d := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		d.UseNumber()
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		files++
		total += len(want.IPTC)
		data, err := Read(sourceOf(t, corpusFile(t, want.File))).AppendJSON(nil, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%s: %v: %s", want.File, err, data)
		}
		// the oracle has EXIF's dates without their fraction and offset, which are tags of their own
		if date, ok := got["dateCreated"].(string); ok && want.Src["dateCreated"] == "exif" {
			got["dateCreated"] = date[:min(len(date), len("2024-05-01T20:15:00"))]
		}
		compare(t, want.File, "", got, want.IPTC)
	}
	if files != 61 || total != 580 {
		t.Errorf("got %d files with %d properties, want 61 with 580", files, total)
	}
}

// compare reports differences of got from want, but for those that are explained. path is the place in the JSON,
// without indexes.
func compare(t *testing.T, file, path string, got, want any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: %s: got %v, want %v", file, path, got, want)
			return
		}
		for name, w := range want {
			compare(t, file, strings.TrimPrefix(path+"."+name, "."), got[name], w)
		}
		for name, g := range got {
			if _, ok := want[name]; !ok && explained[path+"."+name] == "" {
				t.Errorf("%s: %s.%s: got %v, want none", file, path, name, g)
			}
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			t.Errorf("%s: %s: got %v, want %v", file, path, got, want)
			return
		}
		for i := range want {
			compare(t, file, path, got[i], want[i])
		}
	default:
		g, w := fmt.Sprint(got), fmt.Sprint(want)
		if a, err := strconv.ParseFloat(g, 64); err == nil { // ExifTool writes 011 as a number
			if b, err := strconv.ParseFloat(w, 64); err == nil && a == b {
				return
			}
		}
		if g != w && explained[path] == "" {
			t.Errorf("%s: %s: got %q, want %q", file, path, g, w)
		}
	}
}

// TestReferencePicturesAreComplete: IPTC's pictures have every property of their version.
func TestReferencePicturesAreComplete(t *testing.T) {
	for file, missing := range map[string][]string{
		"iptc/IPTC-PhotometadataRef-Std2023.2.jpg": {"aiPromptInformation", "aiPromptWriterName", "aiSystemUsed", "aiSystemVersionUsed", "aigc"},
		"iptc/IPTC-PhotometadataRef-Std2021.1.jpg": {
			"contributors", "dataMining", "otherConstraints", // of later versions
			"aiPromptInformation", "aiPromptWriterName", "aiSystemUsed", "aiSystemVersionUsed", "aigc",
		},
	} {
		m := Read(sourceOf(t, corpusFile(t, file)))
		for i, p := range properties {
			if v := m.values[i]; (v == nil) != slices.Contains(missing, p.name) {
				t.Errorf("%s: %s: got %v", file, p.name, v)
			}
		}
		if len(missing) > 5 {
			continue
		}
		for _, name := range []string{"licensors", "locationsShown", "personsShown", "artworkOrObjects"} {
			p := &properties[propertyByName[name]]
			v := m.values[propertyByName[name]]
			if got, want := len(v.items[0].fields), len(p.fields); got != want {
				t.Errorf("%s: %s: got %d fields, want %d: %v", file, name, got, want, v.items[0].fields)
			}
		}
	}
}
