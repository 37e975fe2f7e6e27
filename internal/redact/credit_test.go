package redact

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"image"
	"image/gif"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/iptc"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// onlyCredit keeps the credit line.
var onlyCredit = &Policy{IPTC: iptc.Policy{Keep: func(name string) bool { return name == "creditLine" }}}

// xmpWith returns a packet with attributes of its description, and space for more.
func xmpWith(attributes string) string {
	return "<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>" + `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""` +
		` xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" ` + attributes + `/></rdf:RDF></x:xmpmeta>` +
		strings.Repeat(" ", 500) + `<?xpacket end="w"?>`
}

// redactReusing returns the redacted body, written in pieces from one buffer, as io.Copy does.
func redactReusing(t testing.TB, body []byte, p *Policy, piece int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := writerFor(t, &out, body, p)
	buf := make([]byte, piece)
	for len(body) > 0 {
		n := copy(buf, body)
		body = body[n:]
		if _, err := w.Write(buf[:n]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCreditStaysWhereverItIs: a kept property stays in each place, and no other does.
func TestCreditStaysWhereverItIs(t *testing.T) {
	m := testimage.Gradient(16, 16)
	seg := func(intro, data string) []byte { return testimage.Segment(0xE1, []byte(intro+data)) }
	guid := strings.Repeat("0123456789ABCDEF", 2)
	long := xmpWith(`photoshop:Credit="KEPT" photoshop:City="SECRET"`)
	part := func(from, to int) []byte {
		head := binary.BigEndian.AppendUint32([]byte(container.ExtendedXMPIntro+guid), uint32(len(long)))
		head = binary.BigEndian.AppendUint32(head, uint32(from))
		return seg(string(head), long[from:to])
	}
	extends := seg(container.XMPIntro, xmpWith(`photoshop:City="SECRET" xmpNote:HasExtendedXMP="`+guid+`"`))
	var picture bytes.Buffer
	if err := gif.Encode(&picture, m, nil); err != nil {
		t.Fatal(err)
	}
	g, trailer := picture.Bytes()[:picture.Len()-1], []byte(";")
	for name, data := range map[string][]byte{
		"Getty's intro":           testimage.JPEG(m, seg(container.GettyXMPIntro, long)),
		"extended XMP":            testimage.JPEG(m, extends, part(0, 300), part(300, len(long))),
		"extended XMP backwards":  testimage.JPEG(m, extends, part(300, len(long)), part(0, 300)),
		"extended XMP apart":      testimage.JPEG(m, extends, part(0, 300), testimage.Segment(0xED, []byte("SECRET")), part(300, len(long))),
		"extension of a GIF":      slices.Concat(g, []byte(container.GIFXMP+long), gifTrailer, trailer),
		"extension after another": slices.Concat(g, []byte(container.GIFXMP+"\x06SECRET\x00"+container.GIFXMP+long), gifTrailer, trailer),
		"unfinished extension":    slices.Concat(g, []byte(container.GIFXMP+"\xFF"+strings.Repeat("SECRET", 90)+"\x00"+container.GIFXMP+long), gifTrailer, trailer),
	} {
		for _, piece := range []int{0, 7, 300, len(g) + 20, 1000} {
			got := redactReusing(t, data, onlyCredit, cmp.Or(piece, len(data)))
			if !bytes.Contains(got, []byte("KEPT")) || !bytes.Contains(got, []byte(`<?xpacket end="w"?>`)) || bytes.Contains(got, []byte("SECRET")) {
				t.Errorf("%s: got %q", name, got)
			}
			if _, _, err := image.Decode(bytes.NewReader(got)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := redact(t, data, &Policy{}, 0); bytes.Contains(got, []byte("KEPT")) {
			t.Errorf("%s: it stays without being kept", name)
		}
	}
}

// TestWebPAnnouncesItsCredit checks the flags of VP8X, without which libwebp doesn't look for EXIF and XMP.
func TestWebPAnnouncesItsCredit(t *testing.T) {
	credit, place := xmpWith(`photoshop:Credit="KEPT" photoshop:City="SECRET"`), xmpWith(`photoshop:City="SECRET"`)
	for _, tt := range []struct {
		name, typ, packet string
		flags, want       byte
	}{
		{"credit", "XMP ", credit, webpXMP, webpXMP},
		{"credit by another name", "XMP\x00", credit, webpXMP, webpXMP},
		{"credit beside transparency", "XMP ", credit, webpXMP | webpAlpha, webpXMP | webpAlpha},
		{"credit that isn't announced", "XMP ", credit, 0, 0},
		{"no credit", "XMP ", place, webpXMP, 0},
		{"more than is held", "XMP ", credit + strings.Repeat(" ", maxHold), webpXMP, 0},
	} {
		data := testimage.WebP(testimage.VP8X(tt.flags), testimage.VP8L(), testimage.RIFFChunk(tt.typ, []byte(tt.packet)), testimage.RIFFChunk(tt.typ, []byte(credit)))
		got := redact(t, data, onlyCredit, 100)
		if flags := got[webpHead+webpChunkTop]; flags != tt.want {
			t.Errorf("%s: got the flags %#x, want %#x", tt.name, flags, tt.want)
		}
		want := 0
		if strings.HasPrefix(tt.name, "credit") {
			want = 1
		}
		if n, names := bytes.Count(got, []byte("KEPT")), bytes.Count(got, []byte("XMP ")); n != want || names != want || bytes.Contains(got, []byte("SECRET")) {
			t.Errorf("%s: got %q", tt.name, got)
		}
	}
}

// TestAILabelOfPNGStays checks China's label for generated content: the first one that is one stays, as keep says.
func TestAILabelOfPNGStays(t *testing.T) {
	label := func(json string) []byte { return testimage.TEXT("AIGC", []byte(json)) }
	broken := label(`{"Label":"0"}`)
	broken[len(broken)-1]++
	data := testimage.PNG(testimage.Gradient(8, 8), slices.Concat(broken, label(`{"Label":`), testimage.ZTXT("AIGC", []byte(`{"Label":"1"}`)), testimage.PNGChunk("iTXt", []byte("AIGC\x00{\"Label\":\"2\"}")),
		label(`{"Label":"3"}`), label(`{"Label":"4"}`)), nil)
	for keep, want := range map[string]int{"aigc": 1, "creditLine": 0} {
		got := redact(t, data, &Policy{IPTC: iptc.Policy{Keep: func(name string) bool { return name == keep }}}, 0)
		if bytes.Count(got, []byte("Label")) != want || bytes.Contains(got, label(`{"Label":"3"}`)) != (want > 0) {
			t.Errorf("keep %s: got %q", keep, got)
		}
	}
}

// TestPacketsStayAsAnswered checks that of several packets only that stays of a property which the answer tells, the first one, and
// nothing of further pictures.
func TestPacketsStayAsAnswered(t *testing.T) {
	packet := func(credit string) string {
		return `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
			`<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Credit="` + credit + `"/></rdf:RDF></x:xmpmeta>` + strings.Repeat(" ", 100)
	}
	segment := func(credit string) []byte {
		return testimage.Segment(container.MarkerAPP1, []byte(container.XMPIntro+packet(credit)))
	}
	uuid := func(credit string) []byte { return testimage.Box("uuid", []byte(container.XMPUUID+packet(credit))) }
	photo := testimage.JPEG(testimage.Gradient(8, 8), segment("KEPT"), segment("SECRET"))
	for name, data := range map[string][]byte{
		"jpeg":            photo,
		"further picture": slices.Concat(photo, testimage.JPEG(testimage.Gradient(8, 8), segment("SECRET"))),
		"jp2":             slices.Concat(testimage.JP2(), uuid("KEPT"), uuid("SECRET")),
	} {
		if got := redact(t, data, onlyCredit, 100); bytes.Count(got, []byte("KEPT")) != 1 || bytes.Contains(got, []byte("SECRET")) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
