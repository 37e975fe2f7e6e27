package iptc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
)

// marker returns a text that occurs once.
func marker(name string, n int) string { return fmt.Sprintf("<M&%s.%d>", name, n) }

// planter writes a packet with a marker in every place that can hold one.
type planter struct {
	b      strings.Builder
	n      int
	of     map[string][]string // the markers of each property that must stay if the property does
	others []string            // the markers of what is no property
	form   int                 // which of the forms of RDF to write
}

func escape(s string) string { return escapeAttribute.Replace(s) }

// text returns a marker of a property, escaped.
func (w *planter) text(owners ...string) string {
	w.n++
	m := marker(owners[0], w.n)
	for _, o := range owners {
		w.of[o] = append(w.of[o], m)
	}
	return escape(m)
}

// other returns a marker that must go.
func (w *planter) other() string {
	w.n++
	m := marker("other", w.n)
	w.others = append(w.others, m)
	return escape(m)
}

// property writes a property. owners are the names that a filter knows it by.
func (w *planter) property(p *property, owners ...string) {
	tag := p.xmp.String()
	w.b.WriteString("<" + tag + ">")
	defer w.b.WriteString("</" + tag + ">")
	if !p.list {
		w.one(p, owners)
		return
	}
	w.b.WriteString("<rdf:Seq>")
	for range 2 {
		w.b.WriteString("<rdf:li>")
		w.one(p, owners)
		w.b.WriteString("</rdf:li>")
	}
	w.b.WriteString("</rdf:Seq>")
}

// one writes a value's content.
func (w *planter) one(p *property, owners []string) {
	switch p.kind {
	case structure:
		w.b.WriteString("<rdf:Description q:q='" + w.other() + "'>")
		for i := range p.fields {
			w.property(&p.fields[i], owners...)
		}
		if p.open {
			for i := range properties {
				if !properties[i].open {
					w.property(&properties[i], properties[i].name, owners[0])
				}
			}
		}
		w.b.WriteString("<q:r>" + w.other() + "</q:r></rdf:Description>")
	case languages:
		w.b.WriteString("<rdf:Alt>")
		for _, lang := range []string{"x-default", "en", "zh-Hant-TW"} {
			fmt.Fprintf(&w.b, "<rdf:li xml:lang='%s' q:q='%s'>%s</rdf:li>", lang, w.other(), w.text(owners...))
		}
		w.b.WriteString("</rdf:Alt>")
	default:
		switch w.form++; w.form % 3 {
		case 0:
			w.b.WriteString(w.text(owners...))
		case 1:
			fmt.Fprintf(&w.b, "<rdf:Description rdf:value='%s' q:q='%s' photoshop:Category='%[2]s'/>", w.text(owners...), w.other())
		case 2:
			fmt.Fprintf(&w.b, "<rdf:Description><q:q>%s</q:q><rdf:value>%s</rdf:value><q:r><rdf:Bag><rdf:li>%s</rdf:li></rdf:Bag></q:r></rdf:Description>",
				w.other(), w.text(owners...), w.other())
		}
	}
}

// plant returns a packet with a marker in every property, language, structure and qualifier.
func plant() ([]byte, *planter) {
	w := &planter{of: map[string][]string{}}
	w.b.WriteString("<!--" + w.other() + "-->" + strings.Replace(testHead, "<x:xmpmeta", "<x:xmpmeta x:xmptk='"+w.other()+"'", 1))
	w.b.WriteString("<rdf:Description rdf:about='" + w.other() + "'" + testSpaces + " q:a='" + w.other() + "' xmp:Label='" + w.other() + "'>")
	for i := range properties {
		w.property(&properties[i], properties[i].name)
		w.b.WriteString("<q:p>" + w.other() + "</q:p><?pi " + w.other() + "?><!--" + w.other() + "-->" + w.other())
	}
	w.b.WriteString("</rdf:Description>" + strings.Replace(testEnd, "<?xpacket", w.other()+"<?xpacket", 1) + w.other())
	return []byte(w.b.String()), w
}

// markers matches what marker returns.
var markers = regexp.MustCompile(`<M&[^>]*>`)

// TestXMPOmitsEveryProperty plants a marker in every property, language, structure and qualifier, and looks for
// each of them where its property is omitted.
func TestXMPOmitsEveryProperty(t *testing.T) {
	packet, planted := plant()
	if len(planted.of) != len(properties) {
		t.Fatalf("markers in %d properties, want %d", len(planted.of), len(properties))
	}
	for _, omit := range append(Names(), "") {
		keep := func(name string) bool { return name != omit }
		out, _ := (&Policy{Keep: keep}).RewriteXMP(nil, packet)
		if omit == "" {
			checkPacket(t, packet, out)
		}
		got := map[string]bool{}
		for _, m := range markers.FindAllString(string(appendText(nil, out, false)), -1) {
			got[m] = true
		}
		for _, m := range planted.others {
			if got[m] {
				t.Errorf("without %q: %s stays", omit, m)
			}
		}
		gone := map[string]bool{}
		for _, m := range planted.of[omit] {
			gone[m] = true
		}
		for name, all := range planted.of {
			for _, m := range all {
				if got[m] == gone[m] {
					t.Errorf("without %q: %s of %s stays: got %v, want %v", omit, m, name, got[m], !gone[m])
				}
			}
		}
	}
}

// checkPacket checks that a rewritten packet has its old length and is XML without surprises.
func checkPacket(t testing.TB, packet, out []byte) {
	t.Helper()
	if len(out) != len(packet) {
		t.Fatalf("got %d bytes, want %d", len(out), len(packet))
	}
	d := xml.NewDecoder(bytes.NewReader(out))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, out)
		}
	}
}

// padded returns a packet with n bytes of padding.
func padded(packet []byte, n int) []byte {
	return bytes.Replace(packet, []byte("<?xpacket end"), append(bytes.Repeat([]byte(" "), n), "<?xpacket end"...), 1)
}

// TestRewrittenPacketReadsTheSame: a packet rewritten with all its properties gives the same JSON.
func TestRewrittenPacketReadsTheSame(t *testing.T) {
	planted, _ := plant()
	packets := map[string][]byte{
		"markers": planted,
		"forms": padded(packetOf(`photoshop:City="&quot;&#xA;&#xD;&lt;&gt;&amp;'"`, `<dc:title xml:lang="de"> T </dc:title><dc:subject>k</dc:subject>`+
			`<dc:creator><rdf:Seq><rdf:li>a</rdf:li></rdf:Seq></dc:creator><Iptc4xmpExt:LocationCreated exif:GPSLatitude="48,8.82N"/>`), 100),
	}
	for _, f := range []string{"iptc/IPTC-PhotometadataRef-Std2023.2.jpg", "corpus/imagemeta/metadata_demo_iim_and_xmp_only.jpg"} {
		if testing.Short() {
			break
		}
		for i, packet := range corpusPackets(t, f) {
			packets[fmt.Sprint(f, i)] = packet
		}
	}
	all := func(string) bool { return true }
	for name, packet := range packets {
		out, _ := (&Policy{Keep: all}).RewriteXMP(nil, packet)
		checkPacket(t, packet, out)
		for _, typed := range []bool{false, true} {
			want := toJSON(t, &Source{XMP: [][]byte{packet}}, typed)
			if got := toJSON(t, &Source{XMP: [][]byte{out}}, typed); got != want {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
			}
		}
	}
}

// corpusPackets returns the packets of a file in the corpus, none without the corpus.
func corpusPackets(t testing.TB, name string) (packets [][]byte) {
	if corpusRoot() == "" {
		return nil
	}
	return sourceOf(t, corpusFile(t, name)).XMP
}

// TestPacketWrapper: the wrapper and its mark for writable packets stay as they are.
func TestPacketWrapper(t *testing.T) {
	all := &Policy{Keep: func(string) bool { return true }}
	wrapped := padded(packetOf(`photoshop:City="A"`, ``), 50)
	readOnly := bytes.Replace(wrapped, []byte(`end="w"`), []byte(`end='r'`), 1)
	inner := bytes.TrimSuffix(bytes.TrimPrefix(wrapped, []byte(testHead[:strings.Index(testHead, "<x:")])), []byte(packetEnd))
	for name, tt := range map[string]struct {
		packet     []byte
		head, tail string
	}{
		"writable":  {wrapped, packetHead, packetEnd},
		"read-only": {readOnly, packetHead, packetEndReadOnly},
		"none":      {inner, "<x:xmpmeta", " "},
	} {
		out, _ := all.RewriteXMP(nil, tt.packet)
		checkPacket(t, tt.packet, out)
		if !bytes.HasPrefix(out, []byte(tt.head)) || !bytes.HasSuffix(out, []byte(tt.tail)) {
			t.Errorf("%s: got %s", name, out)
		}
	}
}

// TestCreditGoesFirst: where not all properties fit, credit stays.
func TestCreditGoesFirst(t *testing.T) {
	// attributes are the shortest form, the packet has no wrapper, and the URIs need as many bytes as before
	attributes := ` photoshop:City="` + strings.Repeat("c", 40) + `" photoshop:Headline="` + strings.Repeat("h", 40) + `" photoshop:Credit="` + strings.Repeat("x", 40) + `"`
	packet := []byte(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"` + attributes + `/></rdf:RDF></x:xmpmeta>`)
	all := &Policy{Keep: func(string) bool { return true }}
	out, _ := all.RewriteXMP(nil, packet) // rdf:about="" needs 13 bytes more
	checkPacket(t, packet, out)
	got := toJSON(t, &Source{XMP: [][]byte{out}}, false)
	if !strings.Contains(got, `"creditLine"`) || !strings.Contains(got, `"cityName"`) || strings.Contains(got, `"headline"`) {
		t.Errorf("got %s", got)
	}
	if out, _ := all.RewriteXMP(nil, []byte(`<rdf:RDF><rdf:Description photoshop:City="A"/></rdf:RDF>`)); out != nil {
		t.Errorf("too small: got %s", out)
	}
}

// TestExtendedPropertiesMove: what stays of extended XMP moves into the packet.
func TestExtendedPropertiesMove(t *testing.T) {
	all := &Policy{Keep: func(name string) bool { return name != "cityName" }}
	packet := padded(packetOf(`photoshop:Credit="A" xmpNote:HasExtendedXMP="0123"`, ``), 500)
	out, _ := all.RewriteXMP(nil, packet, packetOf(`photoshop:City="B" photoshop:Source="C"`, ``))
	checkPacket(t, packet, out)
	if got, want := toJSON(t, &Source{XMP: [][]byte{out}}, false), `{"creditLine":"A","source":"C"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestDisplayPropertiesStay keeps what says how to show the picture, in its form, and Google's directory.
func TestDisplayPropertiesStay(t *testing.T) {
	const spaces = ` xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" xmlns:Container="http://ns.google.com/photos/1.0/container/"` +
		` xmlns:Item="http://ns.google.com/photos/1.0/container/item/" xmlns:GPano="http://ns.google.com/photos/1.0/panorama/"`
	const directory = `<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="Primary"/></rdf:li>` +
		`<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" Item:Semantic="GainMap" Item:Length="1234"/></rdf:li></rdf:Seq></Container:Directory>`
	const video = `<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="video/mp4" Item:Semantic="MotionPhoto" Item:Length="99"/></rdf:li>` // which goes
	packet := packetOf(spaces+` hdrgm:Version="1.0" hdrgm:Secret="5" hdrgm:Gamma="a secret" photoshop:City="A"`,
		strings.Replace(directory, "</rdf:Seq>", video+"</rdf:Seq>", 1)+`<GPano:PoseHeadingDegrees>123</GPano:PoseHeadingDegrees><GPano:ProjectionType>equirectangular</GPano:ProjectionType>`+
			`<hdrgm:GainMapMax><rdf:Seq><rdf:li>1</rdf:li><rdf:li>secret text</rdf:li><rdf:li>523112132418</rdf:li></rdf:Seq></hdrgm:GainMapMax>`)
	out, pictures := (&Policy{}).RewriteXMP(nil, packet)
	checkPacket(t, packet, out)
	got := string(out)
	for _, want := range []string{` hdrgm:Version="1.0"`, directory, `<GPano:ProjectionType>equirectangular</GPano:ProjectionType>`, `<hdrgm:GainMapMax><rdf:Seq><rdf:li>1</rdf:li></rdf:Seq></hdrgm:GainMapMax>`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	for _, secret := range []string{"ecret", "Heading", "City"} {
		if strings.Contains(got, secret) {
			t.Errorf("%s in %s", secret, got)
		}
	}
	want := []Picture{{JPEG: true}, {JPEG: true, Length: 1234}}
	if fmt.Sprint(pictures) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", pictures, want)
	}
	out, _ = (&Policy{Compass: true, Keep: func(string) bool { return true }}).RewriteXMP(nil, packet)
	for _, want := range []string{"<GPano:PoseHeadingDegrees>123<", `photoshop:City="A"`, directory} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %s in %s", want, out)
		}
	}

	// A browser doesn't know these, so they mustn't come out as what it knows.
	for name, packet := range map[string]string{
		"not declared":     `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description hdrgm:Version="1.0"/></rdf:RDF>` + strings.Repeat(" ", 300),
		"another version":  string(packetOf(strings.ReplaceAll(spaces, "gain-map/1.0", "gain-map/1.1")+` hdrgm:Version="1.0"`, ``)),
		"an unclosed list": testHead + `<rdf:Description` + spaces + `><Container:Directory><rdf:Seq><rdf:li Item:Mime="image/jpeg"/>`,
	} {
		if out, _ := (&Policy{}).RewriteXMP(nil, []byte(packet)); out != nil {
			t.Errorf("%s: got %s", name, out)
		}
	}
}

// TestLanguageIsNoText checks that the name of a language is one: it stays beside a text that stays.
func TestLanguageIsNoText(t *testing.T) {
	for is, want := range map[string]string{
		"": "", "x-default": "x-default", "X-Default": "x-default", "en": "en", "de-CH-1996": "de-CH-1996", "zh-Hant-TW": "zh-Hant-TW", "zh-yue": "zh-yue", "es-419": "es-419",
		"x-SECRET": "und", "en-x-SECRET": "en", "SECRET12": "und", "en-SECRET12": "en", "de 52.5": "und", "en-US-POSIX": "en-US", "i-default": "und",
	} {
		if got := language(is); got != want {
			t.Errorf("%q: got %q, want %q", is, got, want)
		}
	}
}
