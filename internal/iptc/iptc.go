// Package iptc reads what people wrote about a photo, the properties of the IPTC Photo Metadata Standard
// (title, caption, credit, licence, ...), renders them as JSON, and rewrites metadata so that only chosen
// properties stay.
//
// # The formats
//
// XMP (ISO 16684-1) is RDF in XML. A packet is an rdf:RDF element with rdf:Description elements, whose child
// elements, or attributes, are properties: photoshop:City, dc:creator. A value is a text, a structure of
// further properties, or a list: rdf:Bag, rdf:Seq (in order), rdf:Alt (the same text in several languages). The
// same value can be written in several forms: a structure as parseType="Resource", as a nested
// rdf:Description or as attributes; a text with qualifiers as rdf:value. <?xpacket begin ...?> and <?xpacket
// end="w"?> wrap a packet, with blanks before the end so that programs can edit it in place.
//
// IIM (IPTC-NAA Information Interchange Model 4) is older. A block is a sequence of datasets: the byte 0x1C,
// the numbers of a record and of a dataset in it, the size in two bytes, or in more for an extended dataset,
// and the data. Record 2 has the properties: 2:90 is the city. Lists repeat a dataset (2:25, a keyword each).
// Dataset 1:90 states the charset by an escape sequence of ISO 2022: ESC % G for UTF-8.
//
// IPTC's standard names a property for each of them, and for some an EXIF tag. Where they contradict each
// other, XMP counts before IIM, and IIM before EXIF.
//
// # How they are read here
//
// Files are untrusted. xml.go splits a packet into tags and texts, tree.go keeps the elements in known
// namespaces, up to its limits, rdf.go turns them into values and drops what the standard (table.go) doesn't
// have, iim.go does it for IIM. The values become JSON (json.go) or a new packet (rewrite.go). So nothing is
// told or kept that isn't a known property. What is broken is skipped or ends the packet; the rest counts.
package iptc

import (
	"strings"

	"golang.org/x/text/encoding"
)

// Source is the metadata of a file as its container has it, in file order.
type Source struct {
	// XMP has the packets, extended XMP after all others. The first packet with a property wins.
	XMP [][]byte
	// IIM has the blocks of datasets: Photoshop's resource 0x0404, TIFF's tag 33723.
	IIM [][]byte
	// EXIF has the tags for properties that neither XMP nor IIM has.
	EXIF EXIF
	// Labels are texts with the label of China's measures for generated content: a UserComment that IsLabel accepts, and
	// PNG's texts of that keyword. The first that is a JSON object counts, unless XMP has one.
	Labels []string
	// Charset decodes text that is neither UTF-8 nor in the charset that its block states. Nil means latin1,
	// which is Windows-1252 as in browsers.
	Charset encoding.Encoding
}

// EXIF has the texts of EXIF tags, "" for those that the photo doesn't have or that mustn't be told.
type EXIF struct {
	ImageDescription string
	Artist           string
	Copyright        string
	DateTimeOriginal string // as stored: 2024:05:01 20:15:00
	SubSecTime       string // DateTimeOriginal's fraction of a second: 25 for .25
	OffsetTime       string // DateTimeOriginal's time zone: +02:00
}

// Metadata has the properties of a photo.
type Metadata struct {
	values []*value // one for each of properties, nil where there is none
}

// Read returns the properties of a photo. It reads what it can.
func Read(s *Source) *Metadata {
	m := &Metadata{values: make([]*value, len(properties))}
	d := newDecoder(s.Charset)
	p := newTreeParser(d)
	for _, packet := range s.XMP {
		m.add(p.parse(packet))
	}
	m.readIIM(s.IIM, d)
	m.readEXIF(&s.EXIF)
	for _, label := range s.Labels {
		if strings.HasPrefix(strings.TrimLeft(label, " \t\r\n"), "{") {
			m.setText(labelName, label)
		}
	}
	return m
}

// IsLabel reports whether a comment is the label of China's measures.
func IsLabel(text string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(text, " \t\r\n"), "{")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, " \t\r\n"), `"AIGC"`)
}

// Len returns the number of properties.
func (m *Metadata) Len() (n int) {
	for _, v := range m.values {
		if v != nil {
			n++
		}
	}
	return n
}

// add adds the properties of a packet that earlier packets don't have.
func (m *Metadata) add(descriptions []*element) {
	next := &Metadata{values: make([]*value, len(properties))}
	next.readXMP(descriptions)
	for i, v := range next.values {
		if m.values[i] == nil {
			m.values[i] = v
		}
	}
}

// readXMP sets the properties of a packet. The last value of a property that repeats wins.
func (m *Metadata) readXMP(descriptions []*element) {
	for _, e := range descriptions {
		for _, f := range appendAttributes(nil, e) {
			m.setXMP(f)
		}
		for _, c := range e.children {
			m.setXMP(field{c.name, valueOf(c)})
		}
	}
}

func (m *Metadata) setXMP(f field) {
	i, ok := propertyByXMP[f.name]
	if !ok {
		return
	}
	if v, ok := properties[i].conform(f.value); ok {
		m.values[i] = &v
	}
}

// set sets properties[i] unless it is set already or the value has nothing for it.
func (m *Metadata) set(i int, v value) {
	if m.values[i] != nil {
		return
	}
	if v, ok := properties[i].conform(v); ok {
		m.values[i] = &v
	}
}

func (m *Metadata) setText(name, text string) {
	m.set(propertyByName[name], value{text: text})
}

// readEXIF sets the properties that aren't set yet.
func (m *Metadata) readEXIF(e *EXIF) {
	m.setText("description", e.ImageDescription)
	m.setText("creatorNames", e.Artist)
	m.setText("copyrightNotice", e.Copyright)
	m.setText("dateCreated", dateOfEXIF(e))
}

// dateOfEXIF returns DateTimeOriginal with its fraction and offset in ISO 8601, "" if it isn't known.
func dateOfEXIF(e *EXIF) string {
	t := isoDate(e.DateTimeOriginal)
	if len(t) != len("2024-05-01T20:15:00") || t == e.DateTimeOriginal && t[len("2024-05-01")] != 'T' {
		return t
	}
	if f := strings.TrimSpace(e.SubSecTime); f != "" && strings.Trim(f, "0123456789") == "" {
		t += "." + f
	}
	d := dateParser{rest: strings.TrimSpace(e.OffsetTime)}
	if offset, ok := d.offset(); ok && d.rest == "" {
		t += offset
	}
	return t
}
