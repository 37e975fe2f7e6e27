package redact

import "github.com/caddyexif/caddy-exif/internal/exif"

// rewriteExif rebuilds the TIFF block b in place and returns its new length, 0 if b has no room for a block.
func rewriteExif(b []byte, p *Plan) (n int) {
	n = copy(b, exif.Rewrite(b, p.policy.EXIF))
	clear(b[n:])
	return n
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
