package iptc

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// A few XMP properties say how to show a picture: gain maps (Adobe's hdrgm, and Apple's), Google's directory of the
// pictures in the file, and panoramas. A rewritten packet keeps them in their order and form, attributes or
// elements, if their values are numbers or known words.

// displayNames has the names to keep of each namespace.
var displayNames = map[space][]string{
	spaceGain: {
		"Version", "BaseRenditionIsHDR", "GainMapMin", "GainMapMax", "Gamma", "OffsetSDR", "OffsetHDR",
		"HDRCapacityMin", "HDRCapacityMax",
	},
	spaceContainer: {"Version", "Directory", "Item"},
	spaceItem:      {"Mime", "Semantic", "Length", "Padding"},
	spacePano: { // without its dates and program names
		"UsePanoramaViewer", "ProjectionType", "PoseHeadingDegrees", "PosePitchDegrees", "PoseRollDegrees",
		"InitialViewHeadingDegrees", "InitialViewPitchDegrees", "InitialViewRollDegrees",
		"InitialHorizontalFOVDegrees", "InitialVerticalFOVDegrees", "CroppedAreaImageWidthPixels",
		"CroppedAreaImageHeightPixels", "FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaLeftPixels",
		"CroppedAreaTopPixels", "InitialCameraDolly", "LargestValidInteriorRectLeft",
		"LargestValidInteriorRectTop", "LargestValidInteriorRectWidth", "LargestValidInteriorRectHeight",
	},
	spaceAppleData: {"AuxiliaryImageType"},
	spaceAppleGain: {"HDRGainMapVersion", "HDRGainMapHeadroom"},
	spaceRDF:       {"Seq", "Bag", "Alt", "li", "Description"},
}

// compassNames are the names of a panorama's properties that say in which direction of the compass the camera
// looked.
var compassNames = []string{"PoseHeadingDegrees", "InitialViewHeadingDegrees"}

// isDisplay reports whether a name is that of a property that says how to show a picture.
func isDisplay(name qname) bool {
	return isDisplaySpace(name.space) && slices.Contains(displayNames[name.space], name.local)
}

func isDisplaySpace(s space) bool { return s >= spaceGain && s <= spaceAppleGain }

// Picture is a picture in Google's directory.
type Picture struct {
	JPEG            bool
	Length, Padding int64
}

// displayWriter writes the properties that say how to show a picture.
type displayWriter struct {
	compass  bool
	b        strings.Builder
	pictures []Picture
}

// keeps reports whether to write a property or a part of one.
func (w *displayWriter) keeps(name qname) bool {
	return slices.Contains(displayNames[name.space], name.local) &&
		(w.compass || name.space != spacePano || !slices.Contains(compassNames, name.local))
}

// description writes an rdf:Description with the properties of e, nothing if it has none.
func (w *displayWriter) description(e *element) {
	var used spaceSet
	inner := &displayWriter{compass: w.compass}
	attributes := inner.attributes(e, &used)
	for _, c := range e.children {
		if c.closed && isDisplaySpace(c.name.space) {
			inner.element(c, &used)
		}
	}
	w.pictures = append(w.pictures, inner.pictures...)
	if attributes == "" && inner.b.Len() == 0 {
		return
	}
	w.b.WriteString(`<rdf:Description rdf:about=""`)
	w.b.WriteString(used.declarations())
	w.b.WriteString(attributes)
	closeElement(&w.b, "rdf:Description", inner.b.String())
}

// closeElement writes the end of a start tag, and the content and the end of its element.
func closeElement(b *strings.Builder, name, content string) {
	if content == "" {
		b.WriteString("/>")
		return
	}
	b.WriteString(">" + content + "</" + name + ">")
}

// element writes an element of a property, nothing if it is empty.
func (w *displayWriter) element(e *element, used *spaceSet) {
	if !w.keeps(e.name) {
		return
	}
	inner := &displayWriter{compass: w.compass}
	attributes := inner.attributes(e, used)
	children := e.children
	for n := len(children); n > 0 && e.name == rdf("Seq") && isVideo(children[n-1]); n-- { // which goes, and nothing is after it
		children = children[:n-1]
	}
	for _, c := range children {
		inner.element(c, used)
	}
	if v := strings.TrimSpace(e.text); len(e.children) == 0 && isPlain(v) {
		inner.b.WriteString(v)
	}
	if e.name == (qname{spaceContainer, "Item"}) {
		w.pictures = append(w.pictures, pictureOf(e))
	}
	w.pictures = append(w.pictures, inner.pictures...)
	if attributes == "" && inner.b.Len() == 0 {
		return
	}
	used.add(e.name.space)
	w.b.WriteString("<" + e.name.String() + attributes)
	closeElement(&w.b, e.name.String(), inner.b.String())
}

// attributes returns the attributes to keep, each after a space.
func (w *displayWriter) attributes(e *element, used *spaceSet) string {
	var b strings.Builder
	for _, a := range e.attrs {
		switch {
		case a.name == rdf("parseType") && a.value == "Resource":
		case isDisplaySpace(a.name.space) && w.keeps(a.name) && isPlain(a.value):
			used.add(a.name.space)
		default:
			continue
		}
		b.WriteString(" " + a.name.String() + `="` + a.value + `"`)
	}
	return b.String()
}

// appleGainMap is what Apple calls a gain map.
const appleGainMap = "urn:com:apple:photo:2020:aux:hdrgainmap"

// displayWords are the values that aren't numbers: whether, Google's and Apple's kinds of pictures and of panoramas, and
// media types.
var displayWords = []string{
	"True", "False", "true", "false", "TRUE", "FALSE", "Primary", "GainMap", "MotionPhoto", "Depth", "Confidence", "Original", appleGainMap,
	"equirectangular", "cylindrical", "rectilinear", "spherical", "fisheye",
	"image/jpeg", "image/heic", "image/heif", "image/avif", "image/webp", "image/png", "image/jxl", "video/mp4", "video/quicktime",
}

// isPlain reports whether v is one of displayWords, or a number that isn't larger than those in pictures.
func isPlain(v string) bool {
	const longest, most = 24, 1 << 32
	if len(v) > longest || strings.Trim(v, "0123456789+-.eE") != "" {
		return slices.Contains(displayWords, v)
	}
	n, err := strconv.ParseFloat(v, 64)
	return err == nil && math.Abs(n) < most
}

// isVideo reports whether e is, or has, an item of Google's directory that is a video.
func isVideo(e *element) bool {
	return slices.ContainsFunc(e.attrs, func(a attribute) bool {
		return a.name == (qname{spaceItem, "Mime"}) && strings.HasPrefix(a.value, "video/")
	}) || slices.ContainsFunc(e.children, isVideo)
}

// pictureOf returns the picture that the attributes of a Container:Item describe. All known writers use
// attributes.
func pictureOf(e *element) (p Picture) {
	for _, a := range e.attrs {
		if a.name.space != spaceItem {
			continue
		}
		n, _ := strconv.ParseUint(a.value, 10, 32)
		switch a.name.local {
		case "Mime":
			p.JPEG = a.value == "image/jpeg"
		case "Length":
			p.Length = int64(n)
		case "Padding":
			p.Padding = int64(n)
		}
	}
	return p
}
