package caddyexif

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// written returns a photo with XMP, IIM and EXIF that people wrote, or programs.
func written() []byte {
	xmp := `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" ` +
		`photoshop:City="Secretville" photoshop:Credit="A. Nonym / Agency"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">Harbour</rdf:li></rdf:Alt></dc:title>` +
		`</rdf:Description></rdf:RDF></x:xmpmeta>` + strings.Repeat(" ", 2000) + `<?xpacket end="w"?>`
	iim := "\x1C\x02\x00\x00\x02\x00\x04\x1C\x02\x19\x00\x05night\x1C\x02\x5A\x00\x0BSecretville\x1C\x02\x74\x00\x08(c) 2026"
	resource := "8BIM\x04\x04\x00\x00\x00\x00\x00" + string(byte(len(iim))) + iim
	resource += strings.Repeat("\x00", len(iim)%2)
	block := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010E, "a caption"), testimage.ASCII(0x013B, "Artist of EXIF"), testimage.ASCII(0x8298, "(c) EXIF")}}
	return testimage.JPEG(testimage.Gradient(16, 16), testimage.EXIFSegment(block.Encode()),
		testimage.Segment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00"+xmp)), testimage.Segment(0xED, []byte("Photoshop 3.0\x00"+resource)))
}

// TestIPTCOfAPhoto checks the operation: XMP counts before IIM, and IIM before EXIF; the filters hold for the properties
// and for the EXIF that stands in for them.
func TestIPTCOfAPhoto(t *testing.T) {
	for _, tc := range []struct {
		settings Handler
		want     string
	}{
		{Handler{}, `{"cityName":"Secretville","copyrightNotice":"(c) 2026","creatorNames":["Artist of EXIF"],"creditLine":"A. Nonym / Agency","description":"a caption","keywords":["night"],"title":"Harbour"}`},
		{Handler{Omit: []string{"@location"}}, `{"copyrightNotice":"(c) 2026","creatorNames":["Artist of EXIF"],"creditLine":"A. Nonym / Agency","description":"a caption","keywords":["night"],"title":"Harbour"}`},
		{Handler{Omit: []string{"@location", "@person"}, Keep: []string{"@credit"}}, `{"copyrightNotice":"(c) 2026","creatorNames":["Artist of EXIF"],"creditLine":"A. Nonym / Agency"}`},
		{Handler{Omit: []string{"Artist", "creatorNames", "keywords"}}, `{"cityName":"Secretville","copyrightNotice":"(c) 2026","creditLine":"A. Nonym / Agency","description":"a caption","title":"Harbour"}`},
		{Handler{Only: []string{"title"}}, `{"title":"Harbour"}`},
	} {
		tc.settings.Operations = []string{iptcWord}
		h := provisioned(t, &tc.settings)
		askFor(t, h.operations[0], written())
		got := request(t, h, photoHandler(written(), "Etag", `"1"`), "GET")
		var all map[string]any
		if err := json.Unmarshal(got.Body.Bytes(), &all); err != nil {
			t.Fatalf("%v: %s", err, got.Body)
		}
		sorted, _ := json.Marshal(all)
		if got.Code != 200 || string(sorted) != tc.want {
			t.Errorf("omit %q, keep %q: got %d %s, want %s", tc.settings.Omit, tc.settings.Keep, got.Code, sorted, tc.want)
		}
	}
}

// packetOf returns a packet of XMP with these attributes and elements.
func packetOf(attributes, elements string) string {
	return `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" ` +
		`xmlns:xmpNote="http://ns.adobe.com/xmp/note/" ` + attributes + `>` + elements + `</rdf:Description></rdf:RDF></x:xmpmeta>`
}

func xmpSegment(packet string) []byte {
	return testimage.Segment(0xE1, []byte(container.XMPIntro+packet))
}

// TestExtendedXMP: the parts of the extended XMP that the packet names are joined, in any order.
func TestExtendedXMP(t *testing.T) {
	a, b := strings.Repeat("A", 32), strings.Repeat("B", 32)
	main := xmpSegment(packetOf(`photoshop:City="Here" xmpNote:HasExtendedXMP="`+a+`"`, ""))
	long := packetOf(`photoshop:Credit="Agency"`, "")
	total, half := uint32(len(long)), uint32(len(long)/2)
	part := func(guid string, total, at uint32, text string) []byte {
		fields := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, total), at)
		return testimage.Segment(0xE1, slices.Concat([]byte(container.ExtendedXMPIntro+guid), fields, []byte(text)))
	}
	first, second := part(a, total, 0, long[:half]), part(a, total, half, long[half:])
	const found, none = `{"cityName":"Here","creditLine":"Agency"}`, `{"cityName":"Here"}`
	for name, c := range map[string]struct {
		parts [][]byte
		want  string
	}{
		"in order":                     {[][]byte{first, second}, found},
		"in another order":             {[][]byte{second, first}, found},
		"one part":                     {[][]byte{part(a, total, 0, long)}, found},
		"a part is missing":            {[][]byte{second}, none},
		"of another packet":            {[][]byte{part(b, total, 0, long)}, none},
		"after another packet's":       {[][]byte{part(b, total, 0, strings.Replace(long, "Agency", "Others", 1)), first, second}, found},
		"after a long one":             {[][]byte{part(b, container.MaxPacket/2, 0, "x"), first, second}, found},
		"after one that is too long":   {[][]byte{part(b, container.MaxPacket/2+1, 0, "x"), first, second}, none},
		"a part beyond the end":        {[][]byte{first, second, part(a, total, total-1, "<<")}, found},
		"a part past the end":          {[][]byte{first, second, part(a, total, 1<<31, "<<")}, found},
		"a part with another length":   {[][]byte{first, second, part(a, 1<<20, total, "<")}, found},
		"as long as can be read":       {[][]byte{part(a, container.MaxPacket, 0, long+strings.Repeat(" ", 50))}, found},
		"longer than can be read":      {[][]byte{part(a, container.MaxPacket+1, 0, long)}, none},
		"the intro without a GUID":     {[][]byte{testimage.Segment(0xE1, []byte(container.ExtendedXMPIntro)), first, second}, found},
		"a part of nothing at the end": {[][]byte{first, second, part(a, total, total, "")}, found},
	} {
		photo := testimage.JPEG(testimage.Gradient(8, 8), append([][]byte{main}, c.parts...)...)
		if got, err := appendIPTC(nil, bytes.NewReader(photo), &exif.Options{}); err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, error %v, want %s", name, got, err, c.want)
		}
	}
}

// TestIPTCBesideBrokenEXIF: EXIF that can't be read, or not within the limits, doesn't hide what people wrote.
func TestIPTCBesideBrokenEXIF(t *testing.T) {
	credit := xmpSegment(packetOf(`photoshop:Credit="Agency"`, ""))
	label := testimage.Block{Exif: []testimage.Entry{testimage.Undefined(0x9286, []byte("ASCII\x00\x00\x00"+`{"AIGC":{"Label":"1"}}`))}}
	comment := testimage.Block{Exif: []testimage.Entry{testimage.Undefined(0x9286, []byte("ASCII\x00\x00\x00"+`{"Label":"1"}`))}}
	endless := slices.Concat([]byte("II*\x00\x08\x00\x00\x00\xFF\xFF"), bytes.Repeat([]byte("\x0F\x01\x02\x00\x01\x00\x00\x00a\x00\x00\x00"), 5400))
	for name, c := range map[string]struct {
		photo []byte
		want  string
	}{
		"broken":           {testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment([]byte("not TIFF")), credit), `{"creditLine":"Agency"}`},
		"long":             {testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment(endless), credit), `{"creditLine":"Agency"}`},
		"no image":         {[]byte("no image at all, but text"), "exif: not an image of a known format"},
		"a label":          {testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment(label.Encode())), `{"aigc":"{\"AIGC\":{\"Label\":\"1\"}}"}`},
		"PNG's label":      {testimage.PNG(testimage.Gradient(8, 8), testimage.TEXT("AIGC", []byte(`{"AIGC":{"Label":"1"}}`)), nil), `{"aigc":"{\"AIGC\":{\"Label\":\"1\"}}"}`},
		"a label alone":    {testimage.PNG(testimage.Gradient(8, 8), testimage.TEXT("AIGC", []byte(`{"Label":"1"}`)), nil), `{"aigc":"{\"Label\":\"1\"}"}`},
		"a comment":        {testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment(comment.Encode())), `{}`},
		"the 256th packet": {testimage.JPEG(testimage.Gradient(8, 8), bytes.Repeat(xmpSegment("<x/>"), maxPackets-1), credit), `{"creditLine":"Agency"}`},
		"the 257th packet": {testimage.JPEG(testimage.Gradient(8, 8), bytes.Repeat(xmpSegment("<x/>"), maxPackets), credit), `{}`},
	} {
		got, err := appendIPTC(nil, bytes.NewReader(c.photo), &exif.Options{})
		if err != nil {
			got = []byte(err.Error())
		}
		if string(got) != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// TestIPTCInEXIF has XMP and IIM in the EXIF of photos, as Android's ExifInterface writes XMP. What the photo itself has wins.
func TestIPTCInEXIF(t *testing.T) {
	m := testimage.Gradient(8, 8)
	block := func(packet string) []byte {
		return (&testimage.Block{IFD0: []testimage.Entry{
			testimage.Bytes(0x02BC, 1, []byte(packet)), testimage.Bytes(0x83BB, 7, []byte("\x1C\x02\x69\x00\x04Head")),
		}}).Encode()
	}
	inEXIF := block(packetOf(`photoshop:Credit="Agency"`, ""))
	for name, c := range map[string]struct {
		photo []byte
		want  string
	}{
		"JPEG":           {testimage.JPEG(m, testimage.EXIFSegment(inEXIF)), `{"creditLine":"Agency","headline":"Head"}`},
		"PNG":            {testimage.PNG(m, testimage.PNGChunk("eXIf", inEXIF), nil), `{"creditLine":"Agency","headline":"Head"}`},
		"WebP":           {testimage.WebP(testimage.VP8L(), testimage.RIFFChunk("EXIF", inEXIF)), `{"creditLine":"Agency","headline":"Head"}`},
		"TIFF":           {inEXIF, `{"creditLine":"Agency","headline":"Head"}`},
		"JPEG, with XMP": {testimage.JPEG(m, xmpSegment(packetOf(`photoshop:Credit="Other"`, "")), testimage.EXIFSegment(inEXIF)), `{"creditLine":"Other","headline":"Head"}`},
		"broken":         {testimage.JPEG(m, testimage.EXIFSegment(block("<x"))), `{"headline":"Head"}`},
	} {
		if got, err := appendIPTC(nil, bytes.NewReader(c.photo), &exif.Options{}); err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, error %v, want %s", name, got, err, c.want)
		}
	}
}

// TestLongIPTCIsTooLarge: properties of more than 256 KiB are 400 ImageTooLarge.
func TestLongIPTCIsTooLarge(t *testing.T) {
	packet := packetOf("", `<dc:subject><rdf:Bag>`+strings.Repeat("<rdf:li>"+strings.Repeat("long ", 200)+"</rdf:li>", 300)+`</rdf:Bag></dc:subject>`)
	photo := testimage.PNG(testimage.Gradient(8, 8), testimage.ITXT("XML:com.adobe.xmp", []byte(packet), false), nil)
	h := provisioned(t, &Handler{Operations: []string{iptcWord}})
	askFor(t, h.operations[0], written())
	got := request(t, h, photoHandler(photo, "Etag", `"1"`), "GET")
	if got.Code != 400 || !strings.Contains(got.Body.String(), `"ImageTooLarge"`) {
		t.Errorf("got %d %.200s", got.Code, got.Body)
	}
}

// TestCreditSurvivesRedact checks which properties stay in a redacted photo: those that the iptc response tells, if there
// is that operation, and those that keep names.
func TestCreditSurvivesRedact(t *testing.T) {
	for _, tc := range []struct {
		settings    Handler
		stays, goes []string
	}{
		{Handler{}, nil, []string{"Harbour", "Agency", "Secretville", "night", "(c) 2026"}},
		{Handler{Operations: []string{"exif", "iptc"}}, []string{"Harbour", "Agency", "Secretville", "night", "(c) 2026"}, nil},
		{Handler{Operations: []string{"exif", "iptc"}, Omit: []string{"@location"}}, []string{"Harbour", "Agency", "night", "(c) 2026"}, []string{"Secretville"}},
		{
			Handler{Omit: []string{"@location", "@person", "@device"}, Keep: []string{"@credit", "@ai"}},
			[]string{"Agency", "(c) 2026", "Artist of EXIF"},
			[]string{"Secretville", "Harbour", "night", "a caption"},
		},
	} {
		tc.settings.Redact = true
		h := provisioned(t, &tc.settings)
		got := plainly(h, photoHandler(written()), "GET").Body.String()
		if len(got) != len(written()) {
			t.Errorf("got %d bytes of %d", len(got), len(written()))
		}
		for _, s := range tc.stays {
			if !strings.Contains(got, s) {
				t.Errorf("%v, omit %q, keep %q: %s is gone", tc.settings.Operations, tc.settings.Omit, tc.settings.Keep, s)
			}
		}
		for _, s := range tc.goes {
			if strings.Contains(got, s) {
				t.Errorf("%v, omit %q, keep %q: %s stays", tc.settings.Operations, tc.settings.Omit, tc.settings.Keep, s)
			}
		}
	}
}

// TestIPTCOfTheCorpus checks that the packets and records in all containers are found: each file has the properties that
// ExifTool reads, and the same texts. Other values are compared in internal/iptc.
func TestIPTCOfTheCorpus(t *testing.T) {
	corpus := os.Getenv("EXIF_CORPUS")
	if corpus == "" {
		t.Skip("EXIF_CORPUS isn't set")
	}
	oracle, err := os.ReadFile(filepath.Join(corpus, "../iptc/oracle.jsonl"))
	if err != nil {
		t.Skip(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(oracle))
	lines.Buffer(nil, 1<<20)
	files, properties := 0, 0
	for lines.Scan() {
		var want struct {
			File string
			IPTC map[string]any
			Src  map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(want.File, ".crw") {
			continue // no format of ours
		}
		data, err := os.ReadFile(filepath.Join(corpus, "..", want.File))
		if err != nil {
			t.Fatal(err)
		}
		b, err := appendIPTC(nil, bytes.NewReader(data), &exif.Options{})
		if err != nil {
			t.Errorf("%s: %v", want.File, err)
			continue
		}
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", want.File, err)
		}
		files++
		for name, w := range want.IPTC {
			if properties++; got[name] == nil {
				t.Errorf("%s: no %s", want.File, name)
			}
			if w, ok := w.(string); ok && w != got[name] && want.Src[name] != "exif" {
				t.Errorf("%s: %s: got %q, want %q", want.File, name, got[name], w)
			}
		}
	}
	fmt.Printf("iptc: %d properties of %d files found\n", properties, files)
}
