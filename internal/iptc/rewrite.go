package iptc

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
)

// Policy says which parts of the metadata stay in a file.
type Policy struct {
	// Keep accepts the names of the properties that stay. Nil keeps none.
	Keep func(name string) bool
	// Compass keeps the direction that a panorama was taken in.
	Compass bool
	// Charset decodes text that isn't UTF-8, as Source.Charset.
	Charset encoding.Encoding
}

const (
	packetHead = "<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>"
	packetEnd  = `<?xpacket end="w"?>`

	packetEndReadOnly = `<?xpacket end="r"?>`

	metaHead = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">`
	metaEnd  = `</rdf:RDF></x:xmpmeta>`
)

// Told has the properties of a file's packets so far. None of them stays in a later packet, since no answer tells it.
type Told map[string]bool

// take takes the properties that are told from a packet's, and adds the others.
func (t Told) take(m *Metadata) {
	for i, v := range m.values {
		switch name := properties[i].name; {
		case t == nil || v == nil:
		case t[name]:
			m.values[i] = nil
		default:
			t[name] = true
		}
	}
}

// RewriteXMP returns a packet of the same length with only the properties that stay, in UTF-8: IPTC's that the
// policy keeps, and those that say how to show the picture. It returns nil if none are left. It also returns
// the pictures in Google's directory.
//
// The new packet has everything that a property has by the standard, languages and structures, and nothing
// else. If the properties don't all fit, those of the set @credit go first into the packet, then those of @ai,
// then the others in the standard's order. IPTC's properties in extended XMP are moved into the packet.
// told is nil for a file of which only one packet stays.
func (p *Policy) RewriteXMP(told Told, packet []byte, extended ...[]byte) (out []byte, pictures []Picture) {
	m := &Metadata{values: make([]*value, len(properties))}
	display := displayWriter{compass: p.Compass}
	parser := newTreeParser(newDecoder(p.Charset))
	for i, b := range append([][]byte{packet}, extended...) {
		descriptions := parser.parse(b)
		if i == 0 {
			for _, e := range descriptions {
				display.description(e)
			}
		}
		if p.Keep != nil {
			m.add(descriptions)
		}
	}
	told.take(m)

	room := len(packet) - len(metaHead) - len(metaEnd)
	shown := display.b.String()
	if len(shown) > room {
		shown, display.pictures = "", nil
	}
	room -= len(shown)
	head, end := wrapper(packet)
	if wrapped := len(head) + len(end); wrapped <= room {
		room -= wrapped
	} else {
		head, end = "", ""
	}
	written := p.description(m, room)
	if shown == "" && written == "" {
		return nil, nil
	}

	out = make([]byte, 0, len(packet))
	out = append(out, head+metaHead+shown+written+metaEnd...)
	out = appendPadding(out, len(packet)-len(out)-len(end))
	return append(out, end...), display.pictures
}

// wrapper returns the processing instructions around a packet, "" if it has none.
func wrapper(packet []byte) (head, end string) {
	const near = 1 << 10
	ascii := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte{0}, nil) } // of UTF-16, too
	if !bytes.Contains(ascii(packet[:min(len(packet), near)]), []byte("<?xpacket begin")) {
		return "", ""
	}
	// "r" instead of "w": programs mustn't edit the packet in place
	last := ascii(packet[max(0, len(packet)-near):])
	mark := []byte("<?xpacket end=")
	if i := bytes.LastIndex(last, mark); i >= 0 && len(last) > i+len(mark)+1 && last[i+len(mark)+1] == 'r' {
		return packetHead, packetEndReadOnly
	}
	return packetHead, packetEnd
}

// appendPadding appends n bytes of blanks, in lines as the specification recommends (ISO 16684-1, 7.3.2).
func appendPadding(b []byte, n int) []byte {
	const line = 100
	for i := range n {
		if i%line == 0 {
			b = append(b, '\n')
		} else {
			b = append(b, ' ')
		}
	}
	return b
}

// fragment is a property as XML, an attribute of the rdf:Description or an element in it.
type fragment struct {
	xml       string
	attribute bool
	used      spaceSet
}

// description returns an rdf:Description of at most room bytes with the properties that stay, "" if there are
// none.
func (p *Policy) description(m *Metadata, room int) string {
	const (
		name  = "rdf:Description"
		start = "<" + name + ` rdf:about=""`
	)
	fragments := make([]fragment, len(properties))
	size := len(start + "></" + name + ">")
	var used spaceSet
	for _, i := range writeOrder {
		v := m.values[i]
		if v == nil || !p.Keep(properties[i].name) {
			continue
		}
		kept, ok := properties[i].filter(*v, p.Keep)
		if !ok {
			continue
		}
		f := fragmentOf(properties[i].xmp, kept)
		all := used | f.used
		if n := size + len(f.xml) + len(all.declarations()) - len(used.declarations()); n <= room {
			fragments[i], size, used = f, n, all
		}
	}
	if used == 0 {
		return ""
	}
	var b, content strings.Builder
	b.WriteString(start + used.declarations())
	for _, f := range fragments {
		if f.attribute {
			b.WriteString(f.xml)
		} else {
			content.WriteString(f.xml)
		}
	}
	closeElement(&b, name, content.String())
	return b.String()
}

// writeOrder are the indexes of the properties in the order in which they get their place in a packet.
var writeOrder = func() (order []int) {
	for _, set := range []string{"@credit", "@ai"} {
		for i, p := range properties {
			if slices.Contains(setNames[set], p.name) {
				order = append(order, i)
			}
		}
	}
	for i := range properties {
		if !slices.Contains(order, i) {
			order = append(order, i)
		}
	}
	return order
}()

// fragmentOf returns a property as an attribute or an element, whichever is shorter.
func fragmentOf(name qname, v value) (f fragment) {
	var b strings.Builder
	writeValue(&b, name, &v, &f.used)
	f.xml = b.String()
	if v.kind == aText && v.lang == "" {
		if a := " " + name.String() + `="` + escapeAttribute.Replace(v.text) + `"`; len(a) <= len(f.xml) {
			f.xml, f.attribute = a, true
		}
	}
	return f
}

// writeValue writes a property or list item as an element.
func writeValue(b *strings.Builder, name qname, v *value, used *spaceSet) {
	used.add(name.space)
	tag := name.String()
	b.WriteString("<" + tag)
	switch v.kind {
	case aText:
		if v.lang != "" {
			b.WriteString(` xml:lang="` + v.lang + `"`)
		}
		closeElement(b, tag, escapeText.Replace(v.text))
	case aStructure:
		// A structure of texts is an element with attributes. Others need a node in between.
		var attributes, content strings.Builder
		for _, f := range v.fields {
			inner := fragmentOf(f.name, f.value)
			*used |= inner.used
			if inner.attribute {
				attributes.WriteString(inner.xml)
			} else {
				content.WriteString(inner.xml)
			}
		}
		switch {
		case content.Len() == 0:
			b.WriteString(attributes.String() + "/>")
		case attributes.Len() == 0:
			b.WriteString(` rdf:parseType="Resource"`)
			closeElement(b, tag, content.String())
		default:
			b.WriteString("><rdf:Description" + attributes.String() + ">" + content.String() + "</rdf:Description></" + tag + ">")
		}
	default:
		list := listNames[v.kind]
		b.WriteString("><" + list + ">")
		for i := range v.items {
			writeValue(b, rdf("li"), &v.items[i], used)
		}
		b.WriteString("</" + list + "></" + tag + ">")
	}
}

var listNames = map[valueKind]string{aBag: "rdf:Bag", aSeq: "rdf:Seq", anAlt: "rdf:Alt"}

var (
	escapeText      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	escapeAttribute = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\r", "&#xD;", "\n", "&#xA;", "\t", "&#x9;")
)

// spaceSet is a set of namespaces.
type spaceSet uint32

func (s *spaceSet) add(one space) { *s |= 1 << one }

// declarations returns the declarations of the namespaces as attributes, each after a space. rdf is declared by
// the packet, xml by XML.
func (s spaceSet) declarations() string {
	var b strings.Builder
	for i := range spaceRDF {
		if s&(1<<i) != 0 {
			b.WriteString(" xmlns:" + spaces[i].prefix + `="` + spaces[i].uri + `"`)
		}
	}
	return b.String()
}

// RewriteIIM returns a block with only the datasets of the properties that the policy keeps, in their order and
// at most as long as the old one, nil if there are none. It also keeps the versions of the records, and the
// charset if a text needs it.
func (p *Policy) RewriteIIM(block []byte) []byte {
	if p.Keep == nil {
		return nil
	}
	var envelope, version []byte
	var kept []dataset
	charset, stated := charsetOf(block)
	decode := newDecoder(p.Charset)
	read := map[byte]int{} // the place in kept of the dataset that the reader reads
	left := maxDatasets
	for d, rest, ok := nextDataset(block); ok && left > 0; d, rest, ok = nextDataset(rest) {
		left--
		isVersion := d.number == datasetVersion && len(d.data) == 2 && d.data[0] == 0
		switch {
		case d.record == recordEnvelope && isVersion:
			envelope = d.raw
		case d.record == recordApplication && isVersion:
			version = d.raw
		case d.record == recordApplication && p.keepsDataset(d, decode.iim(d.data, charset)):
			i, again := read[d.number]
			switch {
			case !again || isListed(d.number):
				read[d.number] = len(kept)
				kept = append(kept, d)
			case !repeatable(d.number):
				kept[i] = d
			}
		}
	}
	if kept == nil {
		return nil
	}
	out, ascii := slices.Clone(version), true
	for _, d := range kept {
		out = append(out, d.raw...)
		ascii = ascii && !bytes.ContainsFunc(d.data, func(r rune) bool { return r >= utf8.RuneSelf })
	}
	if stated != nil && !ascii {
		out = slices.Concat(envelope, stated, out)
	}
	return out
}

// keepsDataset reports whether a dataset of record 2, with this text, has a value for a property that stays.
func (p *Policy) keepsDataset(d dataset, text string) bool {
	number := d.number
	if number == datasetTimeCreated {
		number = datasetDateCreated
		if c := (dateParser{rest: text}); !c.isClock() {
			return false
		}
	}
	i, ok := propertyByIIM[number]
	return ok && p.Keep(properties[i].name) && !isBlank(text)
}
