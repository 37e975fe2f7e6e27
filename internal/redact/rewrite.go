package redact

import "github.com/caddyexif/caddy-exif/internal/exif"

// rewriteExif rebuilds the TIFF block b in place, and returns its length now; 0 if there is no room for it.
func rewriteExif(b []byte, p *Policy) (n int) {
	n = copy(b, exif.Rewrite(b, p.EXIF))
	clear(b[n:])
	return n
}

// rewriteXMPItem rebuilds the XMP packet b in place.
func rewriteXMPItem(b []byte) {
	out, _ := rewriteXMP(b)
	if out == nil { // readers warn of an item that is no XML
		const empty = `<x:xmpmeta xmlns:x="` + nsMeta + `"/>`
		if len(b) >= len(empty) {
			out = []byte(empty)
		}
	}
	for i := copy(b, out); i < len(b); i++ {
		b[i] = ' '
	}
}
