package iptc

import (
	"cmp"
	"slices"
	"strings"
)

// value is the value of a property: a text, a list, or a structure.
type value struct {
	text   string
	lang   string // the language of a text
	kind   valueKind
	items  []value // of a list
	fields []field // of a structure
}

type valueKind uint8

const (
	aText valueKind = iota
	aBag            // a list without order
	aSeq            // a list in order
	anAlt           // a list to choose from, mostly a text in several languages
	aStructure
)

// isList reports whether the value is an array of RDF.
func (v *value) isList() bool { return v.kind == aBag || v.kind == aSeq || v.kind == anAlt }

// field is a property of a structure.
type field struct {
	name  qname
	value value
}

// containers maps RDF's elements for lists to kinds.
var containers = map[qname]valueKind{rdf("Bag"): aBag, rdf("Seq"): aSeq, rdf("Alt"): anAlt}

// defaultLanguage is XMP's name for the text to show where the reader's language is missing.
const defaultLanguage = "x-default"

// valueOf returns the value of a property element or rdf:li, in whichever form of RDF/XML it is written
// (ISO 16684-1, 7.4 to 7.9). Qualifiers other than the language are left out.
func valueOf(e *element) value {
	v := value{lang: language(e.attr(qname{spaceXML, "lang"}))}
	for _, c := range e.children {
		kind, ok := containers[c.name]
		items := c.children
		if c.name == rdf("li") { // a list without its element
			kind, ok, items = aBag, true, []*element{c}
		}
		if !ok {
			continue
		}
		if !v.isList() {
			v.kind = kind
		}
		v.items = slices.Grow(v.items, len(items))
		for _, li := range items {
			if li.name == rdf("li") || li.name.space == spaceRDF && strings.HasPrefix(li.name.local, "_") {
				v.items = append(v.items, valueOf(li))
			}
		}
	}
	if v.isList() {
		return v
	}
	v.fields = appendFields(nil, e)
	for _, f := range v.fields {
		if f.name == rdf("value") { // the others qualify it
			f.value.lang = cmp.Or(f.value.lang, v.lang)
			return f.value
		}
	}
	if len(v.fields) > 0 {
		v.kind = aStructure
		return v
	}
	v.text = cmp.Or(e.attr(rdf("resource")), e.text)
	return v
}

// appendFields appends the properties that an element has as attributes, as children, and in the
// rdf:Description that stands for its value.
func appendFields(fields []field, e *element) []field {
	fields = appendAttributes(fields, e)
	for _, c := range e.children {
		switch {
		case c.name == rdf("Description"):
			fields = appendFields(fields, c)
		case c.name == rdf("value"), c.name.space != spaceRDF:
			fields = append(fields, field{c.name, valueOf(c)})
		}
	}
	return fields
}

// appendAttributes appends the properties that an element has as attributes.
func appendAttributes(fields []field, e *element) []field {
	for _, a := range e.attrs {
		if a.name.space < spaceRDF || a.name == rdf("value") {
			fields = append(fields, field{a.name, value{text: a.value}})
		}
	}
	return fields
}

// language returns an identifier of a language (BCP 47) as far as it names one, a script and a region, "und" if it doesn't. Variants
// and private subtags could be any text, so only known ones are part of it.
func language(s string) string {
	switch {
	case s == "":
		return ""
	case strings.EqualFold(s, defaultLanguage):
		return defaultLanguage
	}
	parts := strings.Split(s, "-")
	for i, part := range parts {
		letters, digits := allIn(part, 'a', 'z'), allIn(part, '0', '9')
		if i == 0 && letters && (len(part) == 2 || len(part) == 3) {
			continue
		}
		if i > 0 && i < 4 && (letters && (len(part) == 2 || len(part) == 4) || digits && len(part) == 3 || slices.Contains(variants, strings.ToLower(part))) {
			continue
		}
		parts = parts[:i]
		break
	}
	return cmp.Or(strings.Join(parts, "-"), "und")
}

// variants are the parts of identifiers of languages to keep beside scripts and regions: dialects of Chinese, and ways to spell.
var variants = []string{"yue", "cmn", "nan", "hak", "wuu", "1901", "1996", "1994", "valencia", "pinyin", "tarask", "oxendict"}

// allIn reports whether all bytes of s are between two, without regard to case.
func allIn(s string, from, to byte) bool {
	return s != "" && !slices.ContainsFunc([]byte(strings.ToLower(s)), func(c byte) bool { return c < from || c > to })
}

// conform returns the parts of a value that the property has by the standard, false if there are none. A list
// in place of a single value yields one of its items, a single value a list.
func (p *property) conform(v value) (value, bool) {
	if !p.list || !v.isList() {
		return p.conformOne(v)
	}
	list := value{kind: v.kind, items: v.items[:0]} // in place
	for _, item := range v.items {
		if item, ok := p.conformOne(item); ok {
			list.items = append(list.items, item)
		}
	}
	return list, len(list.items) > 0
}

func (p *property) conformOne(v value) (value, bool) {
	switch p.kind {
	case languages:
		return conformLanguages(v)
	case structure:
		return p.conformStructure(v)
	default:
		if v.isList() {
			v = choose(v.items)
		}
		known := p.kind != date || isoDate(v.text) != ""
		return value{text: v.text}, v.kind == aText && !isBlank(v.text) && known
	}
}

// conformLanguages returns the text of each language, the last one of a language that repeats.
func conformLanguages(v value) (value, bool) {
	if v.kind == aText && v.lang == "" {
		return value{text: v.text}, !isBlank(v.text)
	}
	if !v.isList() {
		v = value{items: []value{v}}
	}
	all := value{kind: anAlt, items: v.items[:0]} // in place
	at := map[string]int{}
	for _, item := range v.items {
		if item.lang == "" {
			item.lang = defaultLanguage
		}
		if item.kind != aText || isBlank(item.text) {
			continue
		}
		i, seen := at[item.lang]
		if !seen {
			i = len(all.items)
			at[item.lang] = i
			all.items = append(all.items, value{})
		}
		all.items[i] = value{text: item.text, lang: item.lang}
	}
	return all, len(all.items) > 0
}

// conformStructure returns the fields that the structure has. Their namespaces don't matter: programs write
// Iptc4xmpExt:GPSAltitudeRef for exif:GPSAltitudeRef.
func (p *property) conformStructure(v value) (value, bool) {
	if v.isList() {
		v = choose(v.items)
	}
	if v.kind != aStructure {
		return value{}, false
	}
	all := value{kind: aStructure}
	at := map[qname]int{}
	for _, f := range v.fields {
		def := p.field(f.name)
		if def == nil {
			continue
		}
		fv, ok := def.conform(f.value)
		if !ok {
			continue
		}
		i, seen := at[def.xmp]
		if !seen {
			i = len(all.fields)
			at[def.xmp] = i
			all.fields = append(all.fields, field{})
		}
		all.fields[i] = field{def.xmp, fv}
	}
	return all, len(all.fields) > 0
}

// field returns the structure's field of a name, nil if it has none. An open structure has all properties of
// a picture, too, except itself.
func (p *property) field(name qname) *property {
	for i := range p.fields {
		if f := &p.fields[i]; f.xmp.local == name.local {
			return f
		}
	}
	if i, ok := propertyByXMP[name]; p.open && ok && !properties[i].open {
		return &properties[i]
	}
	return nil
}

// filter returns a value without the properties in open structures whose names keep doesn't accept, false if
// nothing is left.
func (p *property) filter(v value, keep func(name string) bool) (value, bool) {
	if !p.open || keep == nil {
		return v, true
	}
	if v.isList() {
		list := value{kind: v.kind}
		for _, item := range v.items {
			if item, ok := p.filter(item, keep); ok {
				list.items = append(list.items, item)
			}
		}
		return list, len(list.items) > 0
	}
	all := value{kind: v.kind}
	for _, f := range v.fields {
		if i, ok := propertyByXMP[f.name]; !ok || keep(properties[i].name) {
			all.fields = append(all.fields, f)
		}
	}
	return all, len(all.fields) > 0
}

// choose returns the item to show where only one can be: the default language's, else the first.
func choose(items []value) (v value) {
	for _, item := range items {
		if item.lang == defaultLanguage && !isBlank(item.text) {
			return item
		}
	}
	for _, item := range items {
		if !isBlank(item.text) || len(item.fields) > 0 {
			return item
		}
	}
	return value{}
}
