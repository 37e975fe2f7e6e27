package redact

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
)

// XMP (ISO 16684-1) is RDF in XML. A few properties say how to show the picture: gain maps (Adobe's hdrgm),
// Google's directory of the pictures in the file, and panoramas. rewriteXMP writes only these into a new
// packet, and only values that are numbers or plain words. Spaces pad the packet to its old length. Properties
// keep their order and form, as attributes or elements.
const (
	nsMeta      = "adobe:ns:meta/"
	nsRDF       = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsGain      = "http://ns.adobe.com/hdr-gain-map/1.0/"
	nsContainer = "http://ns.google.com/photos/1.0/container/"
	nsItem      = "http://ns.google.com/photos/1.0/container/item/"
	nsPano      = "http://ns.google.com/photos/1.0/panorama/"
	nsAppleData = "http://ns.apple.com/pixeldatainfo/1.0/"
	nsAppleGain = "http://ns.apple.com/HDRGainMap/1.0/"
)

// appleGainMap is what Apple calls a gain map.
const appleGainMap = "urn:com:apple:photo:2020:aux:hdrgainmap"

// xmpNames maps a namespace to its prefix in the new packet and the names to keep.
var xmpNames = map[string]struct {
	prefix string
	names  []string
}{
	nsGain: {"hdrgm", []string{
		"Version", "BaseRenditionIsHDR", "GainMapMin", "GainMapMax", "Gamma", "OffsetSDR", "OffsetHDR",
		"HDRCapacityMin", "HDRCapacityMax",
	}},
	nsContainer: {"Container", []string{"Version", "Directory", "Item"}},
	nsItem:      {"Item", []string{"Mime", "Semantic", "Length", "Padding"}},
	nsPano: {"GPano", []string{ // without its dates and program names
		"UsePanoramaViewer", "ProjectionType", "PoseHeadingDegrees", "PosePitchDegrees", "PoseRollDegrees",
		"InitialViewHeadingDegrees", "InitialViewPitchDegrees", "InitialViewRollDegrees",
		"InitialHorizontalFOVDegrees", "InitialVerticalFOVDegrees", "CroppedAreaImageWidthPixels",
		"CroppedAreaImageHeightPixels", "FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaLeftPixels",
		"CroppedAreaTopPixels", "InitialCameraDolly", "LargestValidInteriorRectLeft",
		"LargestValidInteriorRectTop", "LargestValidInteriorRectWidth", "LargestValidInteriorRectHeight",
	}},
	nsAppleData: {"apdi", []string{"AuxiliaryImageType"}},
	nsAppleGain: {"HDRGainMap", []string{"HDRGainMapVersion", "HDRGainMapHeadroom"}},
	nsRDF:       {"rdf", []string{"Seq", "Bag", "Alt", "li", "Description"}},
}

const (
	// maxXMPDepth bounds the depth of nested elements. Google's directory has 8.
	maxXMPDepth = 16
	// maxXMPValue bounds a value, which is a number or a word.
	maxXMPValue = 40
)

// xmpItem is a picture in Google's directory.
type xmpItem struct {
	jpeg            bool
	length, padding int64
}

// rewriteXMP returns a packet of the same length with only the properties to keep, nil if there are none or
// they don't fit, and the items of Google's directory.
func rewriteXMP(packet []byte) (out []byte, items []xmpItem) {
	w := xmpWriter{d: xml.NewDecoder(bytes.NewReader(packet))}
	w.d.CharsetReader = nil // UTF-8 only
	for {
		t, err := w.d.Token()
		if err != nil {
			break // keep the properties before the error
		}
		e, ok := t.(xml.StartElement)
		if !ok || e.Name.Space != nsRDF || e.Name.Local != "Description" {
			continue
		}
		if w.description(e) != nil {
			break
		}
	}
	if w.body.Len() == 0 {
		return nil, nil
	}
	const end = `</rdf:RDF></x:xmpmeta>`
	var b strings.Builder
	b.WriteString(`<x:xmpmeta xmlns:x="` + nsMeta + `"><rdf:RDF xmlns:rdf="` + nsRDF + `">`)
	b.WriteString(w.body.String())
	b.WriteString(end)
	if b.Len() > len(packet) {
		return nil, nil
	}
	out = append(out, b.String()...)
	return append(out, bytes.Repeat([]byte{' '}, len(packet)-len(out))...), w.items
}

// xmpWriter writes the properties to keep.
type xmpWriter struct {
	d     *xml.Decoder
	body  strings.Builder
	items []xmpItem
}

// description writes the rdf:Description e with the properties to keep, and nothing if there are none.
func (w *xmpWriter) description(e xml.StartElement) error {
	var b strings.Builder
	used := map[string]bool{}
	attributes := keptAttributes(e, used)
	n := len(w.items)
	err := w.children(&b, used, 1)
	if err != nil {
		w.items = w.items[:n]
		b.Reset() // an element isn't closed
	}
	if attributes == "" && b.Len() == 0 {
		return err
	}
	w.body.WriteString(`<rdf:Description rdf:about=""`)
	for _, ns := range []string{nsGain, nsContainer, nsItem, nsPano, nsAppleData, nsAppleGain} {
		if used[ns] {
			w.body.WriteString(` xmlns:` + xmpNames[ns].prefix + `="` + ns + `"`)
		}
	}
	w.body.WriteString(attributes)
	if b.Len() == 0 {
		w.body.WriteString("/>")
		return err
	}
	w.body.WriteString(">" + b.String() + "</rdf:Description>")
	return err
}

// children writes the child elements up to the end of their parent, or the parent's value if it has none.
func (w *xmpWriter) children(b *strings.Builder, used map[string]bool, depth int) error {
	var text strings.Builder
	elements := false
	for {
		t, err := w.d.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			if v := strings.TrimSpace(text.String()); !elements && depth > 1 && plainValue(v) {
				b.WriteString(v)
			}
			return nil
		case xml.CharData:
			if text.Len() < 1<<10 {
				text.Write(t)
			}
		case xml.StartElement:
			elements = true
			known, ok := xmpNames[t.Name.Space]
			if !ok || depth > maxXMPDepth || !slices.Contains(known.names, t.Name.Local) || depth == 1 && t.Name.Space == nsRDF {
				if err := w.d.Skip(); err != nil {
					return err
				}
				continue
			}
			used[t.Name.Space] = true
			name := known.prefix + ":" + t.Name.Local
			attributes := keptAttributes(t, used)
			if t.Name.Space == nsContainer && t.Name.Local == "Item" {
				w.items = append(w.items, itemOf(t))
			}
			var inner strings.Builder
			if err := w.children(&inner, used, depth+1); err != nil {
				return err
			}
			if inner.Len() == 0 && attributes == "" {
				continue
			}
			b.WriteString("<" + name + attributes)
			if inner.Len() == 0 {
				b.WriteString("/>")
				continue
			}
			b.WriteString(">" + inner.String() + "</" + name + ">")
		}
	}
}

// keptAttributes returns the attributes to keep as XML, each after a space.
func keptAttributes(e xml.StartElement, used map[string]bool) string {
	var b strings.Builder
	for _, a := range e.Attr {
		if a.Name.Space == nsRDF && a.Name.Local == "parseType" && a.Value == "Resource" {
			b.WriteString(` rdf:parseType="Resource"`)
			continue
		}
		known, ok := xmpNames[a.Name.Space]
		if !ok || a.Name.Space == nsRDF || !slices.Contains(known.names, a.Name.Local) || !plainValue(a.Value) {
			continue
		}
		used[a.Name.Space] = true
		b.WriteString(" " + known.prefix + ":" + a.Name.Local + `="` + a.Value + `"`)
	}
	return b.String()
}

// plainValue reports whether v is a number, a word or a media type.
func plainValue(v string) bool {
	if v == appleGainMap {
		return true
	}
	if v == "" || len(v) > maxXMPValue {
		return false
	}
	for _, c := range []byte(v) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("+-./", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// itemOf returns the item that e's attributes describe. All known writers use attributes.
func itemOf(e xml.StartElement) (item xmpItem) {
	for _, a := range e.Attr {
		if a.Name.Space != nsItem {
			continue
		}
		n, _ := strconv.ParseUint(a.Value, 10, 32)
		switch a.Name.Local {
		case "Mime":
			item.jpeg = a.Value == "image/jpeg"
		case "Length":
			item.length = int64(n)
		case "Padding":
			item.padding = int64(n)
		}
	}
	return item
}
