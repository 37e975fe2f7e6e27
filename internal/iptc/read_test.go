package iptc

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
)

const (
	testHead = `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">` +
		`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">`
	testSpaces = ` xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"` +
		` xmlns:Iptc4xmpCore="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"` +
		` xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"` +
		` xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"` +
		` xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" xmlns:q="urn:q"`
	testEnd = `</rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
)

// packetOf returns a packet with the attributes and elements in its rdf:Description.
func packetOf(attributes, elements string) []byte {
	return []byte(testHead + `<rdf:Description rdf:about=""` + testSpaces + " " + attributes + ">" + elements +
		"</rdf:Description>" + testEnd)
}

// toJSON returns the JSON of the metadata of a source.
func toJSON(t testing.TB, s *Source, typed bool) string {
	t.Helper()
	b, err := Read(s).AppendJSON(nil, typed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEveryFormOfRDF reads the same values in each form that RDF/XML has for them.
func TestEveryFormOfRDF(t *testing.T) {
	const city = `<Iptc4xmpExt:City>A</Iptc4xmpExt:City>`
	for _, tt := range []struct {
		name, attributes, elements, want string
	}{
		{"attribute", `photoshop:City="A"`, ``, `{"cityName":"A"}`},
		{"attribute in single quotes", `photoshop:City = 'A"'`, ``, `{"cityName":"A\""}`},
		{"element", ``, `<photoshop:City>A</photoshop:City>`, `{"cityName":"A"}`},
		{"CDATA", ``, `<photoshop:City>a<![CDATA[<&lt;]]>b</photoshop:City>`, `{"cityName":"a<&lt;b"}`},
		{"entities", ``, `<photoshop:City>&lt;&#x41;&#66;&amp;amp;&quot;&apos;&gt;</photoshop:City>`, `{"cityName":"<AB&amp;\"'>"}`},
		{"an unknown entity", ``, `<photoshop:City>&nbsp;&;&#xD800;&#x110000;&#;</photoshop:City>`, `{"cityName":"&nbsp;&;&#xD800;&#x110000;&#;"}`},
		{"noncharacters", ``, "<photoshop:City>a\uFFFEb\x01c\uFFFFd\uFEFFe\tf</photoshop:City>", `{"cityName":"abcd` + "\uFEFF" + `e\tf"}`},
		{"hexadecimal digits", ``, `<photoshop:City>&#x4a;&#x4A;&#xg;</photoshop:City>`, `{"cityName":"JJ&#xg;"}`},
		{"> in what is skipped", ``, `<q:q q:a="'>" q:b='">'/><q:q q:a=">"><q:r q:b="</q:q>"/></q:q><photoshop:City>A</photoshop:City>`, `{"cityName":"A"}`},
		{"line ends", ``, "<photoshop:City>a\r\nb\rc&#xD;d</photoshop:City>", `{"cityName":"a\r\nb\rc\rd"}`},
		{"< that begins no tag", ``, `<photoshop:City>a < b <3 <= c & d</photoshop:City><q:q>1 < 2</q:q><photoshop:State>S</photoshop:State>`, `{"cityName":"a < b <3 <= c & d","provinceState":"S"}`},
		{"comment", ``, `<photoshop:City>a<!-- <x> -->b</photoshop:City>`, `{"cityName":"ab"}`},
		{"blanks", ``, `<photoshop:City> A </photoshop:City>`, `{"cityName":" A "}`},
		{"only blanks", `photoshop:State=" "`, "<photoshop:City>\n </photoshop:City><dc:title><rdf:Alt/></dc:title>", `{}`},
		{"resource", ``, `<xmpRights:WebStatement rdf:resource="https://a.b/"/>`, `{"webstatementRights":"https://a.b/"}`},
		{"last of two", `photoshop:City="A"`, `<photoshop:City>B</photoshop:City>`, `{"cityName":"B"}`},
		{"last that isn't empty", `photoshop:City="B"`, `<photoshop:City>A</photoshop:City><photoshop:City/>`, `{"cityName":"A"}`},
		{"a list without its element", ``, `<dc:subject><rdf:li>a</rdf:li><rdf:li>b</rdf:li></dc:subject>`, `{"keywords":["a","b"]}`},
		{"PLUS's vocabulary alone", ``, `<plus:DataMining>http://ns.useplus.org/ldf/vocab/</plus:DataMining>`, `{"dataMining":"http://ns.useplus.org/ldf/vocab/"}`},
		{"the other case", `photoshop:city="A"`, `<dc:Title>T</dc:Title><dc:Subject><rdf:Bag><rdf:li>k</rdf:li></rdf:Bag></dc:Subject>`, `{"cityName":"A","keywords":["k"],"title":"T"}`},
		{"rdf:value in parseType", ``, `<photoshop:City rdf:parseType="Resource"><rdf:value>A</rdf:value><q:q>B</q:q></photoshop:City>`, `{"cityName":"A"}`},
		{"rdf:value in a node", ``, `<photoshop:City><rdf:Description><rdf:value>A</rdf:value><q:q>B</q:q></rdf:Description></photoshop:City>`, `{"cityName":"A"}`},
		{"rdf:value as attribute", ``, `<photoshop:City rdf:value="A" q:q="B"/>`, `{"cityName":"A"}`},
		{"rdf:value with a known qualifier", ``, `<photoshop:City rdf:value="A" photoshop:State="B"/>`, `{"cityName":"A"}`},

		{"Bag", ``, `<dc:subject><rdf:Bag><rdf:li>a</rdf:li><rdf:li/><rdf:li>b</rdf:li></rdf:Bag></dc:subject>`, `{"keywords":["a","b"]}`},
		{"Seq", ``, `<dc:creator><rdf:Seq><rdf:li>a</rdf:li><rdf:li>b</rdf:li></rdf:Seq></dc:creator>`, `{"creatorNames":["a","b"]}`},
		{"numbered items", ``, `<dc:creator><rdf:Seq><rdf:_1>a</rdf:_1><rdf:_2>b</rdf:_2></rdf:Seq></dc:creator>`, `{"creatorNames":["a","b"]}`},
		{"qualified items", ``, `<dc:subject><rdf:Bag><rdf:li rdf:parseType="Resource"><rdf:value>a</rdf:value><q:q>b</q:q></rdf:li></rdf:Bag></dc:subject>`, `{"keywords":["a"]}`},
		{"text for a list", `dc:subject="a"`, ``, `{"keywords":["a"]}`},
		{"list for a text", ``, `<photoshop:City><rdf:Bag><rdf:li/><rdf:li>a</rdf:li><rdf:li>b</rdf:li></rdf:Bag></photoshop:City>`, `{"cityName":"a"}`},

		{"default language", ``, `<dc:title><rdf:Alt><rdf:li xml:lang="de">a</rdf:li><rdf:li xml:lang="x-default">b</rdf:li></rdf:Alt></dc:title>`, `{"title":"b"}`},
		{"no default language", ``, `<dc:title><rdf:Alt><rdf:li xml:lang="de"/><rdf:li xml:lang="fr">a</rdf:li><rdf:li xml:lang="en">b</rdf:li></rdf:Alt></dc:title>`, `{"title":"a"}`},
		{"text for languages", `dc:title="a"`, ``, `{"title":"a"}`},
		{"languages in a Bag", ``, `<dc:title><rdf:Bag><rdf:li xml:lang="X-Default">a</rdf:li></rdf:Bag></dc:title>`, `{"title":"a"}`},

		{"structure as parseType", ``, `<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li rdf:parseType="Resource">` + city + `</rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>`, `{"locationsShown":[{"city":"A"}]}`},
		{"structure as node", ``, `<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li><rdf:Description>` + city + `</rdf:Description></rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>`, `{"locationsShown":[{"city":"A"}]}`},
		{"structure as attributes", ``, `<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li Iptc4xmpExt:City="A"/></rdf:Bag></Iptc4xmpExt:LocationShown>`, `{"locationsShown":[{"city":"A"}]}`},
		{"structure in both", ``, `<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li><rdf:Description Iptc4xmpExt:CountryName="B">` + city + `</rdf:Description></rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>`, `{"locationsShown":[{"city":"A","countryName":"B"}]}`},
		{"structure without a form", ``, `<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li>` + city + `</rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>`, `{"locationsShown":[{"city":"A"}]}`},
		{"structure for a list of them", ``, `<Iptc4xmpExt:LocationCreated rdf:parseType="Resource">` + city + `</Iptc4xmpExt:LocationCreated>`, `{"locationCreated":[{"city":"A"}]}`},
		{"list for a structure", ``, `<Iptc4xmpCore:CreatorContactInfo><rdf:Bag><rdf:li Iptc4xmpCore:CiAdrCity="A"/></rdf:Bag></Iptc4xmpCore:CreatorContactInfo>`, `{"creatorContactInfo":{"city":"A"}}`},
		{"fields in another namespace", ``, `<Iptc4xmpExt:LocationCreated Iptc4xmpExt:GPSLatitude="48,8.82N" exif:GPSLongitude="17,5,52.8W" exif:GPSAltitude="481/2"/>`, `{"locationCreated":[{"gpsAltitude":"240.5","gpsLatitude":"48.147","gpsLongitude":"-17.098"}]}`},
		{"text for a structure", `Iptc4xmpExt:LocationCreated="A"`, ``, `{}`},
		{"structure for a text", ``, `<photoshop:City Iptc4xmpExt:City="A"/>`, `{}`},
		{"a region's own properties", ``, `<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li rdf:parseType="Resource"><Iptc4xmpExt:rId>r</Iptc4xmpExt:rId><dc:title>T</dc:title><Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li Iptc4xmpExt:rId="s"/></rdf:Bag></Iptc4xmpExt:ImageRegion></rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>`, `{"imageRegion":[{"rId":"r","title":"T"}]}`},

		{"PLUS's terms", `plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED"`, ``, `{"dataMining":"DMI-PROHIBITED"}`},
		{"China's label", `TC260:AIGC='{"Label":"1"}'`, ``, `{"aigc":"{\"Label\":\"1\"}"}`},
		{"a property of another namespace", `q:City="A"`, `<q:City>A</q:City>`, `{}`},
		{"properties in a property", ``, `<q:q><photoshop:City>A</photoshop:City></q:q><photoshop:State>B</photoshop:State>`, `{"provinceState":"B"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &Source{XMP: [][]byte{packetOf(tt.attributes, tt.elements)}}
			if got := toJSON(t, s, false); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestNamespaces: what counts is the URI, but programs make mistakes.
func TestNamespaces(t *testing.T) {
	for name, tt := range map[string]struct{ packet, want string }{
		"another prefix":               {`<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description xmlns:p="http://ns.adobe.com/photoshop/1.0/"><p:City>A</p:City></r:Description></r:RDF>`, `{"cityName":"A"}`},
		"no prefix":                    {`<RDF xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><Description><City xmlns="http://ns.adobe.com/photoshop/1.0/">A</City></Description></RDF>`, `{"cityName":"A"}`},
		"not declared":                 {`<rdf:RDF><rdf:Description photoshop:City="A"/></rdf:RDF>`, `{"cityName":"A"}`},
		"another version":              {`<rdf:RDF><rdf:Description xmlns:d="http://purl.org/dc/elements/1.0"><d:title>A</d:title></rdf:Description></rdf:RDF>`, `{"title":"A"}`},
		"the prefix of another":        {`<rdf:RDF><rdf:Description xmlns:photoshop="urn:x" photoshop:City="A"/></rdf:RDF>`, `{}`},
		"a prefix that changes":        {`<rdf:RDF><rdf:Description xmlns:p="http://ns.adobe.com/photoshop/1.0/"><p:City xmlns:p="urn:x">A</p:City><p:State>B</p:State></rdf:Description></rdf:RDF>`, `{"provinceState":"B"}`},
		"two descriptions":             {`<rdf:RDF><rdf:Description photoshop:City="A"/><rdf:Description photoshop:State="B"/></rdf:RDF>`, `{"cityName":"A","provinceState":"B"}`},
		"a document type":              {`<!DOCTYPE r [<!ENTITY e "<rdf:Description photoshop:City='A'/>">]><rdf:RDF><rdf:Description photoshop:State="&e;"/></rdf:RDF>`, `{"provinceState":"&e;"}`},
		"an unclosed element":          {`<rdf:RDF><rdf:Description photoshop:City="A"><dc:title>T`, `{"cityName":"A","title":"T"}`},
		"the wrong end":                {`<rdf:RDF><rdf:Description><photoshop:City>A</photoshop:Stadt><dc:title>T</dc:title>`, `{"cityName":"A"}`},
		"bytes that aren't UTF-8":      {"<rdf:RDF><rdf:Description photoshop:City=\"A\xE9\"/>", `{"cityName":"Aé"}`},
		"characters that XML excludes": {"<rdf:RDF><rdf:Description photoshop:City=\"A\x01\x00&#x1;\uFFFEB\"/>", `{"cityName":"AB"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := toJSON(t, &Source{XMP: [][]byte{[]byte(tt.packet)}}, false); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestUTF32(t *testing.T) {
	for name, order := range map[string]binary.AppendByteOrder{"big": binary.BigEndian, "little": binary.LittleEndian} {
		for _, mark := range []string{"\uFEFF", ""} {
			var b []byte
			for _, r := range mark + string(packetOf(`photoshop:City="Orléans 🌍"`, "")) {
				b = order.AppendUint32(b, uint32(r))
			}
			if got, want := toJSON(t, &Source{XMP: [][]byte{b}}, false), `{"cityName":"Orléans 🌍"}`; got != want {
				t.Errorf("%s endian, mark %q: got %s, want %s", name, mark, got, want)
			}
			b = append(order.AppendUint32(b, 0xFFFFFFFF), 0) // no character, and a part of one
			toJSON(t, &Source{XMP: [][]byte{b}}, false)
		}
	}
}

func TestUTF16(t *testing.T) {
	packet := string(packetOf(`photoshop:City="Orléans 🌍"`, ""))
	for name, order := range map[string]binary.AppendByteOrder{"big": binary.BigEndian, "little": binary.LittleEndian} {
		for _, mark := range []string{"\uFEFF", ""} {
			var b []byte
			for _, u := range utf16.Encode([]rune(mark + packet)) {
				b = order.AppendUint16(b, u)
			}
			if got, want := toJSON(t, &Source{XMP: [][]byte{b}}, false), `{"cityName":"Orléans 🌍"}`; got != want {
				t.Errorf("%s endian, mark %q: got %s, want %s", name, mark, got, want)
			}
			b = append(b, 0xD8) // half a character
			toJSON(t, &Source{XMP: [][]byte{b}}, false)
		}
	}
}

// TestPrecedence: XMP counts before IIM, IIM before EXIF, and of several packets the first with a property.
func TestPrecedence(t *testing.T) {
	iim := block(dset(2, 90, "iim city"), dset(2, 95, "iim state"), dset(2, 120, "iim caption"), dset(2, 25, "a"), dset(2, 25, "b"))
	s := &Source{
		XMP: [][]byte{
			packetOf(`photoshop:City="xmp city" photoshop:State=""`, ``),
			packetOf(`photoshop:City="second" photoshop:Country="xmp country"`, ``),
		},
		IIM: [][]byte{iim, block(dset(2, 95, "second"), dset(2, 101, "second"), dset(2, 105, "second"))},
		EXIF: EXIF{
			ImageDescription: "exif caption", Artist: "exif artist", Copyright: " ",
			DateTimeOriginal: "2024:05:01 20:15:00", SubSecTime: "25 ", OffsetTime: "+02:00",
		},
		Labels: []string{"ASCII", `{"AIGC":{"Label":"1"}}`, `{"AIGC":2}`},
	}
	const want = `{"cityName":"xmp city","countryName":"xmp country","creatorNames":["exif artist"],"dateCreated":"2024-05-01T20:15:00.25+02:00",` +
		`"description":"iim caption","headline":"second","keywords":["a","b"],"provinceState":"iim state","aigc":"{\"AIGC\":{\"Label\":\"1\"}}"}`
	if got := toJSON(t, s, false); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Read(s).Len(); got != 9 {
		t.Errorf("got %d properties, want 9", got)
	}
}

func TestDates(t *testing.T) {
	for in, want := range map[string]string{
		"2024":                          "2024",
		"2024-05":                       "2024-05",
		"2024-05-01":                    "2024-05-01",
		"2024-05-01T20:15":              "2024-05-01T20:15",
		"2024-05-01T20:15Z":             "2024-05-01T20:15Z",
		"2024-05-01T20:15:00":           "2024-05-01T20:15:00",
		"2024-05-01T20:15:00.123+02:00": "2024-05-01T20:15:00.123+02:00",
		"2024-05-01T20:15:00-0330":      "2024-05-01T20:15:00-03:30",
		"2024-05-01T20:15:00+02":        "2024-05-01T20:15:00+02:00",
		"2024:05:01 20:15:00":           "2024-05-01T20:15:00",
		"2024:05:01 20:15:00Z":          "2024-05-01T20:15:00Z",
		"2024:05:01 20:15:00 +02:00":    "2024-05-01T20:15:00+02:00",
		"2024:05:01":                    "2024-05-01",
		"20240501":                      "2024-05-01",
		"20240500":                      "2024-05",
		"20240000":                      "2024",
		"2024-00-00T00:00:00":           "2024",
		"00000000":                      "",
		"0000:00:00 00:00:00":           "",
		"2024:  :  ":                    "2024",
		"2024-13-01":                    "2024-13-01",
		"2024-05-01T25:00":              "2024-05-01T25:00",
		"May 2024":                      "May 2024",
		"2024-05-01T20:15:00 in summer": "2024-05-01T20:15:00 in summer",
		"":                              "",
	} {
		if got := isoDate(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	for _, tt := range []struct{ day, time, want string }{
		{"20240501", "201500+0200", "2024-05-01T20:15:00+02:00"},
		{"20240501", "201500", "2024-05-01T20:15:00"},
		{"20240501", "", "2024-05-01"},
		{"20240501", "evening", "2024-05-01"},
		{"20240500", "201500+0200", "2024-05"},
		{"", "201500+0200", ""},
		{"2024-05-01", "20:15:00+02:00", "2024-05-01T20:15:00+02:00"},
	} {
		if got := dateOfIIM(tt.day, tt.time); got != tt.want {
			t.Errorf("%q, %q: got %q, want %q", tt.day, tt.time, got, tt.want)
		}
	}
	for _, tt := range []struct {
		in   EXIF
		want string
	}{
		{EXIF{DateTimeOriginal: "2024:05:01 20:15:00", SubSecTime: "057", OffsetTime: "Z"}, "2024-05-01T20:15:00.057Z"},
		{EXIF{DateTimeOriginal: "2024:05:01 20:15:00", SubSecTime: "x", OffsetTime: "   :  "}, "2024-05-01T20:15:00"},
		{EXIF{DateTimeOriginal: "    :  :     :  :  ", SubSecTime: "0"}, ""},
		{EXIF{DateTimeOriginal: "0000:00:00 00:00:00", SubSecTime: "0"}, ""},
		{EXIF{DateTimeOriginal: "2024:05:01", SubSecTime: "1"}, "2024-05-01"},
		{EXIF{SubSecTime: "1", OffsetTime: "+02:00"}, ""},
	} {
		if got := dateOfEXIF(&tt.in); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestDecimals(t *testing.T) {
	for in, want := range map[string]string{
		"4": "4", "-1": "-1", "1.0": "1.0", "480/1": "480", "1/3": "0.333333333333333", "+4": "4", "007": "7", "1e3": "1000",
		"48,8.82N": "48.147", "48° 8.82' N": "48.147", "48 8 49.2 n": "48.147", "48deg 8' 49.2\" S": "-48.147", "17,5.88W": "-17.098", "16,30,36S": "-16.51", " 5 ": "5",
		"": "none", "1/0": "none", "NaN": "none", "Inf": "none", "0x10": "none", "1_0": "none", "48,8.82": "none", "N": "none", "1,2,3,4N": "none", "1..2N": "none", "a 1N": "none", "five": "none",
	} {
		got, ok := decimal(in)
		if !ok {
			got = "none"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestStatedCharset(t *testing.T) {
	s := &Source{IIM: [][]byte{block(dset(2, 90, "M\xFCnchen"))}}
	if got, want := toJSON(t, s, false), `{"cityName":"München"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.Charset = charmap.ISO8859_5
	if got, want := toJSON(t, s, false), `{"cityName":"Mќnchen"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTypedValues: numbers are numbers, languages objects; what isn't a number stays a text.
func TestTypedValues(t *testing.T) {
	packet := packetOf(`xmp:Rating="4" photoshop:City="A" dc:rights="R" photoshop:DateCreated="2024"`,
		`<dc:title><rdf:Alt><rdf:li xml:lang="en">c</rdf:li><rdf:li xml:lang="&quot;{{">d</rdf:li><rdf:li xml:lang="x-default">b</rdf:li><rdf:li xml:lang="en">a</rdf:li></rdf:Alt></dc:title>`+
			`<dc:description xml:lang="fr">e</dc:description>`+
			`<Iptc4xmpExt:ModelAge><rdf:Bag><rdf:li>25</rdf:li><rdf:li>thirty</rdf:li></rdf:Bag></Iptc4xmpExt:ModelAge>`+
			`<Iptc4xmpExt:LocationCreated exif:GPSLatitude="48,8.82N"/>`)
	const want = `{"cityName":"A","copyrightNotice":{"x-default":"R"},"dateCreated":"2024","description":{"fr":"e"},"title":{"en":"a","und":"d","x-default":"b"},` +
		`"imageRating":4,"locationCreated":[{"gpsLatitude":48.147}],"modelAges":[25,"thirty"]}`
	if got := toJSON(t, &Source{XMP: [][]byte{packet}}, true); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestNoTemplateInJSON: {{ in the JSON would be executed by Caddy's templates.
func TestNoTemplateInJSON(t *testing.T) {
	packet := packetOf(`photoshop:City="{{env}} {{{{ {" plus:DataMining="{{"`, `<dc:title xml:lang="{{">{{</dc:title>`)
	for _, typed := range []bool{false, true} {
		got := toJSON(t, &Source{XMP: [][]byte{packet}, Labels: []string{`{"AIGC":"{{"}`}}, typed)
		if strings.Contains(got, "{{") || !strings.Contains(got, `{\u007benv}} {\u007b\u007b\u007b {"`) {
			t.Errorf("got %s", got)
		}
	}
}

// TestJSONIsBounded: a megabyte of quotes would become six.
func TestJSONIsBounded(t *testing.T) {
	packet := packetOf(``, `<photoshop:City>`+strings.Repeat(`"`, 1<<18)+`</photoshop:City>`)
	b, err := Read(&Source{XMP: [][]byte{packet}}).AppendJSON([]byte("x"), false, nil)
	if string(b) != "x" || !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %d bytes, %v", len(b), err)
	}
}

// TestFilter: a filter applies to the properties of regions as well.
func TestFilter(t *testing.T) {
	region := `<Iptc4xmpExt:ImageRegion><rdf:Bag><rdf:li rdf:parseType="Resource"><Iptc4xmpExt:rId>r</Iptc4xmpExt:rId><photoshop:City>A</photoshop:City></rdf:li>` +
		`<rdf:li photoshop:City="A"/></rdf:Bag></Iptc4xmpExt:ImageRegion>`
	m := Read(&Source{XMP: [][]byte{packetOf(`photoshop:City="A" photoshop:State="B"`, region)}})
	got, err := m.AppendJSON(nil, false, func(name string) bool { return name != "cityName" })
	if want := `{"provinceState":"B","imageRegion":[{"rId":"r"}]}`; string(got) != want || err != nil {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// TestSetsNameProperties: a misspelled name in a set would publish what the set should hide.
func TestSetsNameProperties(t *testing.T) {
	sets := Sets()
	for set, names := range setNames {
		if len(sets[set]) != len(names) {
			t.Errorf("%s: got %q of %q", set, sets[set], names)
		}
	}
	if got, want := len(Names()), 62+4+1; got != want {
		t.Errorf("got %d names, want %d", got, want)
	}
}
