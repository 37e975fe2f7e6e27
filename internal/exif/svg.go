package exif

import (
	"bytes"
	"io"
)

// SVG is XML whose first element is svg. Before it may stand a byte order mark, the XML declaration
// and other instructions, comments and a document type (XML 1.0, 2.8). It holds no EXIF; it is known
// here so that it counts as an image.

var utf8BOM = []byte("\xEF\xBB\xBF")

// maySVG knows XML that may turn out to be SVG.
func maySVG(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, utf8BOM), " \t\r\n")
	for _, start := range []string{"<svg", "<?xml", "<!--", "<!DOCTYPE"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return true
		}
	}
	return false
}

// findSVG tells SVG from other XML.
func findSVG(r io.ReaderAt) ([]block, error) {
	b := make([]byte, maxProlog)
	n, err := readAt(r, b, 0)
	if err != nil {
		return nil, err
	}
	if !isSVG(bytes.TrimPrefix(b[:n], utf8BOM)) {
		return nil, ErrNotImage
	}
	return nil, nil
}

func isSVG(b []byte) bool {
	for {
		b = bytes.TrimLeft(b, " \t\r\n")
		var found bool
		switch {
		case bytes.HasPrefix(b, []byte("<?")):
			_, b, found = bytes.Cut(b, []byte("?>"))
		case bytes.HasPrefix(b, []byte("<!--")):
			_, b, found = bytes.Cut(b[len("<!--"):], []byte("-->"))
		case bytes.HasPrefix(b, []byte("<!DOCTYPE")):
			b, found = afterDoctype(b)
		default:
			name, ok := bytes.CutPrefix(b, []byte("<svg"))
			name = bytes.TrimPrefix(name, []byte(":svg")) // the namespace's customary prefix
			return ok && len(name) > 0 && bytes.IndexByte([]byte(" \t\r\n/>"), name[0]) >= 0
		}
		if !found {
			return false
		}
	}
}

// afterDoctype is what follows a document type, which ends with the first > that is neither quoted
// nor in its internal subset.
func afterDoctype(b []byte) (rest []byte, found bool) {
	var quote byte
	subset := false
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == ']':
			subset = c == '['
		case c == '>' && !subset:
			return b[i+1:], true
		}
	}
	return nil, false
}
