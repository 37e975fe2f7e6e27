package exif

import "unicode/utf8"

// AppendJSON appends the metadata as one flat JSON object, tags in file order.
func (m *Metadata) AppendJSON(dst []byte, o *Options) []byte {
	render := appendRaw
	switch o.Style {
	case Described:
		render = appendDescribed
	case Typed:
		render = appendTyped
	}
	dst = append(dst, '{')
	first := true
	for i := range m.tags {
		t := &m.tags[i]
		if o.Keep != nil && !o.Keep(t.name) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, '"')
		dst = append(dst, t.name...) // letters, digits and _ only
		dst = append(dst, '"', ':')
		dst = render(dst, m, t)
	}
	return append(dst, '}')
}

// appendString appends s as a JSON string (RFC 8259, section 7); s is valid UTF-8.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s)
	return append(dst, '"')
}

func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7F && c < utf8.RuneSelf || c >= utf8.RuneSelf {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, s[start:]...)
}
