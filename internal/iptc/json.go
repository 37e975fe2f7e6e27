package iptc

import (
	"errors"
	"strings"
)

// maxJSON bounds the JSON, as internal/exif bounds its own.
const maxJSON = 1 << 18

// ErrTooLarge means that the JSON would be larger than 256 KiB.
var ErrTooLarge = errors.New("iptc: the metadata is larger than can be answered")

// AppendJSON appends the properties that keep accepts, all if it is nil, as one flat JSON object in the
// standard's order. It returns dst as it was and ErrTooLarge if that is too large.
//
// All values are strings, and a text in several languages is its default one. If typed is set, numbers are
// numbers, and a text in several languages is an object from language to text.
//
// {{ never occurs in the JSON: Caddy's templates would execute what a photo says.
func (m *Metadata) AppendJSON(dst []byte, typed bool, keep func(name string) bool) ([]byte, error) {
	w := jsonWriter{b: append(dst, '{'), max: len(dst) + maxJSON, typed: typed}
	for i, v := range m.values {
		p := &properties[i]
		if v == nil || keep != nil && !keep(p.name) {
			continue
		}
		kept, ok := p.filter(*v, keep)
		if !ok {
			continue
		}
		w.separate()
		w.member(p, &kept)
	}
	w.b = append(w.b, '}')
	if len(w.b) > w.max {
		return dst, ErrTooLarge
	}
	return w.b, nil
}

// jsonWriter writes values as JSON. It stops writing texts beyond its maximum.
type jsonWriter struct {
	b     []byte
	max   int
	typed bool
}

// separate writes a comma, unless an object or array has just begun.
func (w *jsonWriter) separate() {
	if c := w.b[len(w.b)-1]; c != '{' && c != '[' {
		w.b = append(w.b, ',')
	}
}

// member writes a property's name and its value.
func (w *jsonWriter) member(p *property, v *value) {
	w.string(p.name)
	w.b = append(w.b, ':')
	w.value(p, v)
}

// value writes a value that conforms to the property.
func (w *jsonWriter) value(p *property, v *value) {
	if !p.list {
		w.one(p, v)
		return
	}
	items := []value{*v}
	if v.isList() {
		items = v.items
	}
	w.b = append(w.b, '[')
	for i := range items {
		w.separate()
		w.one(p, &items[i])
	}
	w.b = append(w.b, ']')
}

// one writes a value, or an item of a list.
func (w *jsonWriter) one(p *property, v *value) {
	switch p.kind {
	case structure:
		w.structure(p, v)
	case languages:
		w.languages(v)
	case number:
		n, ok := decimal(v.text)
		switch {
		case !ok:
			w.string(v.text)
		case w.typed:
			w.b = append(w.b, n...)
		default:
			w.string(n)
		}
	case date:
		w.string(isoDate(v.text))
	case uri:
		if p.xmp.space == spacePLUS {
			if term := strings.TrimPrefix(v.text, plusVocabulary); term != "" {
				w.string(term)
				return
			}
		}
		w.string(v.text)
	default:
		w.string(v.text)
	}
}

// plusVocabulary is the start of the URIs that PLUS has for its terms. The JSON has the terms, as ExifTool:
// DMI-PROHIBITED.
const plusVocabulary = "http://ns.useplus.org/ldf/vocab/"

// structure writes the fields in the standard's order.
func (w *jsonWriter) structure(p *property, v *value) {
	w.b = append(w.b, '{')
	write := func(defs []property) {
		for i := range defs {
			for j := range v.fields {
				if f := &v.fields[j]; f.name == defs[i].xmp {
					w.separate()
					w.member(&defs[i], &f.value)
				}
			}
		}
	}
	write(p.fields)
	if p.open {
		write(properties)
	}
	w.b = append(w.b, '}')
}

func (w *jsonWriter) languages(v *value) {
	items := v.items
	if !v.isList() {
		items = []value{{text: v.text, lang: defaultLanguage}}
	}
	if !w.typed {
		w.string(choose(items).text)
		return
	}
	w.b = append(w.b, '{')
	for _, item := range items {
		w.separate()
		w.string(item.lang)
		w.b = append(w.b, ':')
		w.string(item.text)
	}
	w.b = append(w.b, '}')
}

// string writes a string (RFC 8259, section 7). s is valid UTF-8.
func (w *jsonWriter) string(s string) {
	const hex = "0123456789abcdef"
	w.b = append(w.b, '"')
	start := 0
	for i := 0; i < len(s) && len(w.b) <= w.max; i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7F && (c != '{' || i == 0 || s[i-1] != '{') {
			continue
		}
		w.b = append(w.b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			w.b = append(w.b, '\\', c)
		case '\n':
			w.b = append(w.b, '\\', 'n')
		case '\r':
			w.b = append(w.b, '\\', 'r')
		case '\t':
			w.b = append(w.b, '\\', 't')
		default:
			w.b = append(w.b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	w.b = append(w.b, s[start:]...)
	w.b = append(w.b, '"')
}
