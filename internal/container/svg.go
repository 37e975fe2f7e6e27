package container

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// SVG is XML whose first element is svg. Before it may come a byte order mark, the XML declaration
// and other instructions, comments and a document type (XML 1.0, 2.8). It can't hold EXIF; the format is
// here so that SVG counts as an image.

// MaxProlog bounds the bytes read in search of the first element, since comments and entities may come before it.
const MaxProlog = 1 << 14

// SVGInfo reads the size in the first element. Of other XML it returns ErrNotImage. If the width or the height is missing or a percentage, it
// computes them from the view box.
func SVGInfo(r io.ReaderAt, i *Info) error {
	attributes, err := readSVG(r)
	if err != nil {
		return err
	}
	var width, height float64
	var view [4]float64
	for _, a := range attributes {
		if a.Name.Space != "" {
			continue
		}
		switch a.Name.Local {
		case "width":
			width = cssPixels(a.Value)
		case "height":
			height = cssPixels(a.Value)
		case "viewBox":
			view = viewBox(a.Value)
		}
	}
	if view[2] > 0 && view[3] > 0 {
		switch {
		case width == 0 && height == 0:
			width, height = view[2], view[3]
		case width == 0:
			width = height * view[2] / view[3]
		case height == 0:
			height = width * view[3] / view[2]
		}
	}
	if width > 0 && width <= MaxSide && height > 0 && height <= MaxSide {
		i.SetSize(max(1, int64(math.Round(width))), max(1, int64(math.Round(height))))
	}
	return nil
}

// cssUnits maps the units of lengths to pixels (CSS Values and Units 3, 5.2).
var cssUnits = map[string]float64{
	"": 1, "px": 1, "pt": 96. / 72, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6,
	"em": 16, "rem": 16, "ex": 8,
}

// cssPixels converts a length to pixels. It returns 0 for other values, such as percentages.
func cssPixels(s string) float64 {
	s = strings.TrimSpace(s)
	unit := strings.TrimLeft(s, "+-.0123456789")
	if e := strings.TrimLeft(strings.TrimPrefix(strings.ToLower(unit), "e"), "+-"); e != "" && '0' <= e[0] && e[0] <= '9' {
		unit = strings.TrimLeft(e, "0123456789")
	}
	n, err := strconv.ParseFloat(s[:len(s)-len(unit)], 64)
	if err != nil || !(n > 0) {
		return 0
	}
	return n * cssUnits[strings.ToLower(unit)]
}

// viewBox parses four numbers separated by blanks or commas.
func viewBox(s string) (v [4]float64) {
	fields := strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune(", \t\r\n", c) })
	if len(fields) != len(v) {
		return v
	}
	for i, f := range fields {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return [4]float64{}
		}
		v[i] = n
	}
	return v
}

// readSVG returns the first element's attributes.
func readSVG(r io.ReaderAt) ([]xml.Attr, error) {
	b := make([]byte, MaxProlog)
	n, err := ReadAt(r, b, 0)
	if err != nil {
		return nil, err
	}
	attributes, ok := svgElement(bytes.TrimPrefix(b[:n], UTF8BOM))
	if !ok {
		return nil, ErrNotImage
	}
	return attributes, nil
}

// svgElement returns the attributes of the first element; ok reports whether it is svg, without a prefix or
// with the prefix svg.
func svgElement(b []byte) (attributes []xml.Attr, ok bool) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false // attributes may use entities of the document type
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) {
		return charmap.Windows1252.NewDecoder().Reader(r), nil // markup is ASCII in all charsets
	}
	for {
		token, err := d.RawToken()
		if err != nil {
			return nil, false
		}
		switch t := token.(type) {
		case xml.StartElement:
			return t.Attr, t.Name.Local == "svg" && (t.Name.Space == "" || t.Name.Space == "svg")
		case xml.ProcInst, xml.Comment:
		case xml.Directive:
			if !bytes.HasPrefix(t, []byte("DOCTYPE")) {
				return nil, false
			}
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, false
			}
		default:
			return nil, false
		}
	}
}
