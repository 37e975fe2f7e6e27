package iptc

import (
	"bytes"
	"maps"
	"strings"
)

// space is a namespace that matters here, 0 any other.
type space uint8

const (
	spaceDC space = iota + 1
	spacePhotoshop
	spaceCore
	spaceExt
	spacePLUS
	spaceXMP
	spaceRights
	spaceExif
	spaceTC260
	// The namespaces of properties that say how to show a picture, see display.go.
	spaceGain
	spaceContainer
	spaceItem
	spacePano
	spaceAppleData
	spaceAppleGain
	// The namespaces of the syntax.
	spaceRDF
	spaceXML
)

// spaces holds the prefix and the URI of each namespace.
var spaces = [...]struct{ prefix, uri string }{
	spaceDC:        {"dc", "http://purl.org/dc/elements/1.1/"},
	spacePhotoshop: {"photoshop", "http://ns.adobe.com/photoshop/1.0/"},
	spaceCore:      {"Iptc4xmpCore", "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"},
	spaceExt:       {"Iptc4xmpExt", "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"},
	spacePLUS:      {"plus", "http://ns.useplus.org/ldf/xmp/1.0/"},
	spaceXMP:       {"xmp", "http://ns.adobe.com/xap/1.0/"},
	spaceRights:    {"xmpRights", "http://ns.adobe.com/xap/1.0/rights/"},
	spaceExif:      {"exif", "http://ns.adobe.com/exif/1.0/"},
	spaceTC260:     {"TC260", "http://www.tc260.org.cn/ns/AIGC/1.0/"},
	spaceGain:      {"hdrgm", "http://ns.adobe.com/hdr-gain-map/1.0/"},
	spaceContainer: {"Container", "http://ns.google.com/photos/1.0/container/"},
	spaceItem:      {"Item", "http://ns.google.com/photos/1.0/container/item/"},
	spacePano:      {"GPano", "http://ns.google.com/photos/1.0/panorama/"},
	spaceAppleData: {"apdi", "http://ns.apple.com/pixeldatainfo/1.0/"},
	spaceAppleGain: {"HDRGainMap", "http://ns.apple.com/HDRGainMap/1.0/"},
	spaceRDF:       {"rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"},
	spaceXML:       {"xml", "http://www.w3.org/XML/1998/namespace"},
}

// spaceByURI maps canonical URIs, and spaceByPrefix the usual prefixes, to namespaces.
var spaceByURI, spaceByPrefix = func() (uris, prefixes map[string]space) {
	uris, prefixes = map[string]space{}, map[string]space{}
	for s := spaceDC; s <= spaceXML; s++ {
		uris[canonicalURI(spaces[s].uri)] = s
		if !isDisplaySpace(s) {
			prefixes[spaces[s].prefix] = s
		}
	}
	return uris, prefixes
}()

// canonicalURI returns the URI of a namespace without its version and the characters at its end, which
// programs get wrong: http://purl.org/dc/elements/1.0 for …/1.1/.
func canonicalURI(uri string) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(uri, func(r rune) bool { return r == '/' || r == '#' }) {
		if strings.Trim(part, "0123456789.") != "" {
			b.WriteString(part)
			b.WriteByte('/')
		}
	}
	return b.String()
}

// qname is a qualified name.
type qname struct {
	space space
	local string
}

func (q qname) String() string { return spaces[q.space].prefix + ":" + q.local }

// rdf returns a name of RDF.
func rdf(local string) qname { return qname{spaceRDF, local} }

// element is an XML element, without the parts whose names aren't in a known namespace.
type element struct {
	name     qname
	attrs    []attribute
	children []*element
	text     string // the text before the first child
	closed   bool   // the end was read
}

type attribute struct {
	name  qname
	value string
}

// attr returns the value of an attribute.
func (e *element) attr(name qname) string {
	for _, a := range e.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// The limits, for all packets of a file together.
const (
	// maxPackets bounds the bytes of the packets. Packets of several MB exist, but hold depth maps and
	// histories.
	maxPackets = 1 << 20
	// maxTexts bounds the bytes of the texts in known namespaces, as many as there may be in the JSON.
	maxTexts = maxJSON
	// maxNodes bounds the elements and attributes in known namespaces: it allows 4,096 properties, each in
	// an element of RDF. Each takes a hundred bytes of memory.
	maxNodes = 1 << 13
	// maxDeclarations bounds the declarations of namespaces, but for those in unknown properties. Programs write
	// up to one for each property.
	maxDeclarations = 1 << 13
	// maxDepth bounds nested elements. IPTC's deepest structure, an image region's, takes 16.
	maxDepth = 32
)

// treeParser parses packets up to its limits.
type treeParser struct {
	bytes, texts, nodes, declarations int // as many as are left

	d decoder

	s        scanner
	prefixes map[string]space
	undo     []binding
	buf      []byte
}

func newTreeParser(d decoder) *treeParser {
	return &treeParser{bytes: maxPackets, texts: maxTexts, nodes: maxNodes, declarations: maxDeclarations, d: d}
}

// binding is what a prefix meant before an element declared it anew.
type binding struct {
	prefix string
	space  space
	known  bool
}

// parse returns the rdf:Description elements of a packet with their known properties: what comes before the
// first error or limit.
func (p *treeParser) parse(packet []byte) (descriptions []*element) {
	if p.nodes <= 0 || p.texts < 0 {
		return nil
	}
	if len(packet) > p.bytes {
		packet = packet[:p.bytes]
	}
	p.bytes -= len(packet)
	p.s.b = toUTF8(packet)
	p.prefixes = maps.Clone(spaceByPrefix)
	p.undo = p.undo[:0]
	p.descend(1, &descriptions)
	return descriptions
}

// descend reads the elements outside of descriptions up to the end of their parent. It returns false at an
// error or a limit.
func (p *treeParser) descend(depth int, descriptions *[]*element) bool {
	for {
		if !p.s.next() {
			return false
		}
		t := &p.s.token
		switch t.kind {
		case endTag:
			return true
		case textToken:
			continue
		}
		if depth > maxDepth {
			return false
		}
		empty := t.empty
		mark := p.declare(t.attrs)
		if name := p.name(t.name); name == rdf("Description") {
			if p.nodes--; p.nodes < 0 {
				return false
			}
			e := &element{name: name}
			*descriptions = append(*descriptions, e)
			if !p.element(e, depth, isProperty) {
				return false
			}
		} else if !empty && !p.descend(depth+1, descriptions) {
			return false
		}
		p.restore(mark)
	}
}

// element reads the attributes of e, whose start tag is the last token, and its children that want accepts.
func (p *treeParser) element(e *element, depth int, want func(qname) bool) bool {
	t := &p.s.token
	if !p.attributes(e, t.attrs, want) {
		return false
	}
	if t.empty {
		e.closed = true
		return true
	}
	start := string(t.name)
	var text []byte
	for {
		if !p.s.next() {
			e.text = p.d.text(text)
			return false
		}
		switch t.kind {
		case textToken:
			if len(e.children) == 0 {
				if p.texts -= len(t.text); p.texts < 0 {
					return false
				}
				text = appendText(text, t.text, t.cdata)
			}
			continue
		case endTag:
			e.text = p.d.text(text)
			e.closed = string(t.name) == start
			return e.closed
		}
		if depth >= maxDepth {
			return false
		}
		mark := p.declare(t.attrs)
		name := p.name(t.name)
		if name.space == 0 || !want(name) {
			p.restore(mark)
			if !t.empty && !p.s.skip() {
				return false
			}
			continue
		}
		if p.nodes--; p.nodes < 0 {
			return false
		}
		child := &element{name: name}
		e.children = append(e.children, child)
		if !p.element(child, depth+1, isAny) {
			return false
		}
		p.restore(mark)
	}
}

// attributes adds the attributes that want accepts, and those of the syntax. It returns false at a limit.
func (p *treeParser) attributes(e *element, attrs []rawAttribute, want func(qname) bool) bool {
	for _, a := range attrs {
		// an attribute without a prefix is in no namespace
		if bytes.IndexByte(a.name, ':') < 0 {
			continue
		}
		name := p.name(a.name)
		if name.space == 0 || name.space < spaceRDF && !want(name) {
			continue
		}
		p.texts -= len(a.value)
		if p.nodes--; p.nodes < 0 || p.texts < 0 {
			return false
		}
		p.buf = appendText(p.buf[:0], a.value, false)
		e.attrs = append(e.attrs, attribute{name, p.d.text(p.buf)})
	}
	return true
}

// isProperty reports whether a name is that of a property to read.
func isProperty(name qname) bool {
	_, ok := propertyByXMP[name]
	return ok || isDisplay(name)
}

func isAny(qname) bool { return true }

// name returns the qualified name that a name with a prefix stands for, the zero qname if its namespace isn't
// known.
func (p *treeParser) name(raw []byte) qname {
	prefix, local, ok := bytes.Cut(raw, []byte(":"))
	if !ok {
		prefix, local = nil, raw
	}
	s := p.prefixes[string(prefix)]
	if s == 0 {
		return qname{}
	}
	return qname{s, string(local)}
}

// declare makes an element's namespace declarations known, and returns a mark for restore.
func (p *treeParser) declare(attrs []rawAttribute) (mark int) {
	mark = len(p.undo)
	for _, a := range attrs {
		prefix, ok := bytes.CutPrefix(a.name, []byte("xmlns"))
		if !ok {
			continue
		}
		if len(prefix) > 0 && prefix[0] != ':' {
			continue
		}
		if p.declarations--; p.declarations < 0 {
			p.nodes = 0 // read nothing more
			break
		}
		uri := string(a.value)
		s := spaceByURI[canonicalURI(uri)]
		if isDisplaySpace(s) && uri != spaces[s].uri { // browsers wouldn't know it
			s = 0
		}
		name := string(bytes.TrimPrefix(prefix, []byte(":")))
		old, known := p.prefixes[name]
		if s == old { // also an unknown prefix for an unknown namespace
			continue
		}
		p.undo = append(p.undo, binding{name, old, known})
		p.prefixes[name] = s
	}
	return mark
}

// restore forgets the declarations after a mark.
func (p *treeParser) restore(mark int) {
	for i := len(p.undo) - 1; i >= mark; i-- {
		b := p.undo[i]
		if b.known {
			p.prefixes[b.prefix] = b.space
		} else {
			delete(p.prefixes, b.prefix)
		}
	}
	p.undo = p.undo[:mark]
}
