package exif

// AppendJSON appends the metadata as one flat JSON object, tags in file order; with a dialect, as its AppendEXIF
// without Info. If the object is larger than 256 KiB, it returns dst as it was and ErrTooLarge.
func (m *Metadata) AppendJSON(dst []byte, o *Options) ([]byte, error) {
	m.keep = o.Keep
	if o.Dialect != nil {
		return o.Dialect.AppendEXIF(dst, m, nil, o)
	}
	start := len(dst)
	render := appendRaw
	switch o.Style {
	case Described:
		render = appendDescribed
	case Typed:
		render = appendTyped
	}
	dst = append(dst, '{')
	for i := range m.tags {
		t := &m.tags[i]
		if !o.tells(t.name, t.val.text) {
			continue
		}
		if len(dst) > start+1 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, t.name...) // letters, digits and _ only
		dst = append(dst, '"', ':')
		// measure a text before appending it: a single one may be as large as maxText. Numbers are
		// short, so the check after appending them is enough.
		if t.val.kind == kindText && !escapesInto(t.val.text, start+maxJSON-len(dst)) {
			return dst[:start], ErrTooLarge
		}
		dst = render(dst, m, t)
		if len(dst)-start >= maxJSON {
			return dst[:start], ErrTooLarge
		}
	}
	return append(dst, '}'), nil
}

// escapesInto reports whether s takes at most n bytes of a JSON string.
func escapesInto(s string, n int) bool {
	const longest = len(`\u0000`)
	if len(s) <= n/longest {
		return true
	}
	n -= len(s)
	for i := 0; i < len(s) && n >= 0; i++ {
		switch c := s[i]; {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
			n--
		case c < ' ', c == 0x7F, secondBrace(s, i):
			n -= longest - 1
		}
	}
	return n >= 0
}

// appendString appends s as a JSON string (RFC 8259, section 7); s is valid UTF-8. The string never has two
// braces in a row: Caddy's templates executes what httpInclude includes, and s may be a stranger's text.
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
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7F && !secondBrace(s, i) {
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

// secondBrace reports whether s[i] is an opening brace after another.
func secondBrace(s string, i int) bool { return s[i] == '{' && i > 0 && s[i-1] == '{' }
