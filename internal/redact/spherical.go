package redact

import (
	"bytes"
	"slices"
	"strings"
)

// A track's box uuid can have XML that says that the pictures are panoramas (Google's Spherical Video V1): without it,
// players show them flat.

const (
	sphericalID   = "\xFF\xCC\x82\x63\xF8\x55\x4A\x93\x88\x14\x58\x7A\x02\x52\x1F\xDD"
	sphericalHead = `<?xml version="1.0"?><rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" ` +
		`xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">`
	sphericalEnd = `</rdf:SphericalVideo>`
)

// sphericalNames are the elements to keep. Readers want StitchingSoftware, which becomes empty.
var sphericalNames = strings.Fields(`Spherical Stitched StitchingSoftware ProjectionType StereoMode SourceCount
	InitialViewHeadingDegrees InitialViewPitchDegrees InitialViewRollDegrees FullPanoWidthPixels FullPanoHeightPixels
	CroppedAreaImageWidthPixels CroppedAreaImageHeightPixels CroppedAreaLeftPixels CroppedAreaTopPixels`)

// sphericalWords are the values that aren't numbers.
var sphericalWords = []string{"true", "false", "equirectangular", "mono", "left-right", "top-bottom"}

// keepSpherical rewrites the XML with the elements to keep.
func keepSpherical(b *box) bool {
	xml, ok := bytes.CutPrefix(b.body, []byte(sphericalID))
	if !ok {
		return false
	}
	out := []byte(sphericalHead)
	for _, name := range sphericalNames {
		start, end := "<GSpherical:"+name+">", "</GSpherical:"+name+">"
		_, rest, _ := bytes.Cut(xml, []byte(start))
		text, _, ok := bytes.Cut(rest, []byte(end))
		value := strings.TrimSpace(string(text))
		switch {
		case !ok:
			continue
		case name == "StitchingSoftware":
			value = ""
		case !slices.Contains(sphericalWords, strings.ToLower(value)) && (len(value) > 10 || strings.Trim(value, "+-.0123456789") != ""):
			continue
		}
		out = append(out, start+value+end...)
	}
	out = append(out, sphericalEnd...)
	if len(out) > len(xml) {
		return false
	}
	for i := copy(xml, out); i < len(xml); i++ {
		xml[i] = ' '
	}
	return true
}
