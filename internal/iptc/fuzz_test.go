package iptc

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// seeds are packets in all forms.
func seeds() [][]byte {
	planted, _ := plant()
	return [][]byte{
		planted[:2_000],
		packetOf(`photoshop:City="A" dc:title='{{'`, `<dc:subject><rdf:Bag><rdf:li>&#x41;&lt;</rdf:li></rdf:Bag></dc:subject>`),
		packetOf(``, `<photoshop:City rdf:parseType="Resource"><rdf:value>A</rdf:value><q:q>B</q:q></photoshop:City><xmpRights:WebStatement rdf:resource="u"/>`),
		packetOf(``, `<Iptc4xmpExt:LocationShown><rdf:Seq><rdf:li><rdf:Description Iptc4xmpExt:City="A"><exif:GPSLatitude>48,8.82N</exif:GPSLatitude></rdf:Description></rdf:li></rdf:Seq></Iptc4xmpExt:LocationShown>`),
		packetOf(``, `<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li rdf:parseType="Resource"><Iptc4xmpExt:rId>r</Iptc4xmpExt:rId><dc:title xml:lang="de">T</dc:title></rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>`),
		packetOf(`xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"`, `<hdrgm:GainMapMax><rdf:Seq><rdf:li>1</rdf:li></rdf:Seq></hdrgm:GainMapMax>`),
		[]byte("\xFE\xFF\x00<\x00a\xD8"),
		[]byte(`<!DOCTYPE a [<!ENTITY e "<a>"><!-- > -->]><a b='c' d="e"/>` + "\r\n<![CDATA[<]]>"),
		[]byte(`<!DOCTYPE a [<!--><a>"-->]>` + "<b/>"),
		[]byte("<a b=\"c\r\" d=\"e\"/>\r<!D>\n"),
		[]byte(`<a:b><a b=c d e = "f"></a></a:b>`),
	}
}

// FuzzXMP: what encoding/xml accepts, the scanner reads the same way; the JSON of anything is valid.
func FuzzXMP(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		if want, ok := xmlTokens(packet); ok {
			if got := scannerTokens(packet); got != want {
				t.Errorf("got\n%q\nwant\n%q", got, want)
			}
		}
		checkJSON(t, &Source{XMP: [][]byte{packet}})
	})
}

// FuzzIIM reads and rewrites any block.
func FuzzIIM(f *testing.F) {
	f.Add(block(dset(1, 90, "\x1B%G"), dset(2, 0, "\x00\x04"), dset(2, 90, "Köln"), dset(2, 25, "a"), dset(2, 25, "b")), uint64(1))
	f.Add(block(extended(2, 120, 4, "caption"), dset(2, 55, "20240501"), dset(2, 60, "201500+0200")), ^uint64(0))
	f.Add(block(dset(1, 90, "\x1B.B"), dset(2, 90, "\xA3\xF3d\xBC")), uint64(2))
	f.Fuzz(func(t *testing.T, b []byte, mask uint64) {
		checkJSON(t, &Source{IIM: [][]byte{b}})
		keep := maskFilter(mask)
		out := (&Policy{Keep: keep}).RewriteIIM(b)
		if len(out) > len(b) {
			t.Fatalf("got %d bytes of %d", len(out), len(b))
		}
		if b := unswap(b); len(b) > 0 && b[0] != iimMarker || len(b) > maxBlocks {
			return
		}
		if got, want := filteredJSON(t, &Source{IIM: [][]byte{out}}, nil), filteredJSON(t, &Source{IIM: [][]byte{b}}, keep); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// FuzzRewrite: a rewritten packet is XML of the same length, and says what the old one says of the properties
// that stay, or less if there is no room.
func FuzzRewrite(f *testing.F) {
	for _, s := range seeds() {
		f.Add(s, uint16(1000), ^uint64(0))
		f.Add(s, uint16(0), uint64(0xAAAA_AAAA_AAAA_AAAA))
	}
	f.Fuzz(func(t *testing.T, packet []byte, room uint16, mask uint64) {
		packet = append(packet, bytes.Repeat([]byte(" "), int(room))...)
		keep := maskFilter(mask)
		out, _ := (&Policy{Keep: keep}).RewriteXMP(nil, packet)
		if out == nil {
			return
		}
		checkPacket(t, packet, out)
		var got, want map[string]any
		for data, v := range map[string]*map[string]any{
			filteredJSON(t, &Source{XMP: [][]byte{out}}, nil): &got, filteredJSON(t, &Source{XMP: [][]byte{packet}}, keep): &want,
		} {
			if err := json.Unmarshal([]byte(data), v); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) == 0 && len(want) == 0 {
			return
		}
		for name := range got {
			a, _ := json.Marshal(got[name])
			b, _ := json.Marshal(want[name])
			if !bytes.Equal(a, b) {
				t.Errorf("%s: got %s, want %s", name, a, b)
			}
		}
		again, _ := (&Policy{Keep: keep}).RewriteXMP(nil, out)
		if !bytes.Equal(again, out) {
			t.Errorf("rewritten again: got\n%s\nwant\n%s", again, out)
		}
	})
}

// maskFilter returns a filter that keeps the properties whose bit is set.
func maskFilter(mask uint64) func(string) bool {
	return func(name string) bool { return mask>>(propertyByName[name]%64)&1 != 0 }
}

func filteredJSON(t *testing.T, s *Source, keep func(string) bool) string {
	t.Helper()
	b, err := Read(s).AppendJSON(nil, true, keep)
	if errors.Is(err, ErrTooLarge) {
		t.Skip()
	}
	return string(b)
}

func checkJSON(t *testing.T, s *Source) {
	t.Helper()
	m := Read(s)
	for _, typed := range []bool{false, true} {
		b, err := m.AppendJSON(nil, typed, nil)
		if errors.Is(err, ErrTooLarge) {
			continue
		}
		if err != nil || !json.Valid(b) || !utf8.Valid(b) || bytes.Contains(b, []byte("{{")) {
			t.Fatalf("got %s, %v", b, err)
		}
		var once map[string]json.RawMessage
		if err := json.Unmarshal(b, &once); err != nil || len(once) != m.Len() {
			t.Fatalf("got %d properties, want %d: %v", len(once), m.Len(), err)
		}
	}
}

// xmlTokens returns what encoding/xml reads as text, false if it isn't valid.
func xmlTokens(packet []byte) (string, bool) {
	for d := xml.NewDecoder(bytes.NewReader(packet)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return "", false
		}
	}
	var w tokenWriter
	for d := xml.NewDecoder(bytes.NewReader(packet)); ; {
		t, err := d.RawToken()
		if err != nil {
			return w.String(), errors.Is(err, io.EOF)
		}
		switch t := t.(type) {
		case xml.StartElement:
			w.name("<", t.Name)
			for _, a := range t.Attr {
				w.name(" ", a.Name)
				w.text(a.Value)
			}
		case xml.EndElement:
			w.name(">", t.Name)
		case xml.CharData:
			w.text(string(t))
		}
	}
}

// scannerTokens returns what the scanner reads in the same form.
func scannerTokens(packet []byte) string {
	var w tokenWriter
	s := scanner{b: packet}
	for {
		if !s.next() {
			return w.String()
		}
		switch t := s.token; t.kind {
		case textToken:
			w.text(string(appendText(nil, t.text, t.cdata)))
		case endTag:
			w.write(">" + string(t.name))
		default:
			w.write("<" + string(t.name))
			for _, a := range t.attrs {
				w.write(" " + string(a.name))
				w.text(string(appendText(nil, a.value, false)))
			}
			if t.empty {
				w.write(">" + string(t.name))
			}
		}
	}
}

// lineEnds makes all ends of lines one (XML 1.0, 2.11).
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// tokenWriter joins neighbouring texts, which the two split differently.
type tokenWriter struct {
	strings.Builder
	inText bool
}

func (w *tokenWriter) write(s string) {
	w.inText = false
	w.WriteString("\n" + s)
}

func (w *tokenWriter) name(before string, n xml.Name) {
	if n.Space != "" {
		n.Local = n.Space + ":" + n.Local
	}
	w.write(before + n.Local)
}

func (w *tokenWriter) text(s string) {
	if s == "" {
		return
	}
	if !w.inText {
		w.write("|")
	}
	w.inText = true
	w.WriteString(lineEnds.Replace(s))
}
