package redact

// rewriteExif is gone.
func rewriteExif(b []byte, _ *Plan) (n int) {
	clear(b)
	return 0
}

// rewriteXMPItem rebuilds the XMP packet b in place.
func rewriteXMPItem(b []byte) {
	out, _ := rewriteXMP(b)
	if out == nil { // readers warn about an item that isn't XML
		const empty = `<x:xmpmeta xmlns:x="` + nsMeta + `"/>`
		if len(b) >= len(empty) {
			out = []byte(empty)
		}
	}
	for i := copy(b, out); i < len(b); i++ {
		b[i] = ' '
	}
}
