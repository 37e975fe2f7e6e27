package caddyexif

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
