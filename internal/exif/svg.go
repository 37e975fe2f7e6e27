package exif

import (
	"bytes"
	"encoding/xml"
	"io"

	"golang.org/x/text/encoding/charmap"
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

// isSVG reports whether the first element is svg, of no prefix or the customary one.
func isSVG(b []byte) bool {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false // entities of the document type stand in attributes
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) {
		return charmap.Windows1252.NewDecoder().Reader(r), nil // markup is ASCII in all of them
	}
	for {
		token, err := d.RawToken()
		if err != nil {
			return false
		}
		switch t := token.(type) {
		case xml.StartElement:
			return t.Name.Local == "svg" && (t.Name.Space == "" || t.Name.Space == "svg")
		case xml.ProcInst, xml.Comment:
		case xml.Directive:
			if !bytes.HasPrefix(t, []byte("DOCTYPE")) {
				return false
			}
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return false
			}
		default:
			return false
		}
	}
}
