package exif

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
)

// Tag describes a tag that the JSON can include.
type Tag struct {
	Name      string // key in the JSON, without the prefix Thumb of the thumbnail's tags
	Number    uint16 // number in its directory
	Directory string // IFD0, Exif, GPS or Interoperability; "Exif, IFD0" if standards have it in both
	Type      string // the standard's type, such as "RATIONAL ×3"
	Meaning   string // meaning, in a few words
	ExifTool  string // ExifTool's name, if different
}

// tagsText has a line for each name: name, type, meaning and, where it differs, ExifTool's name, separated
// by tabs. It is text because only documentation needs it.
//
//go:embed tags.txt
var tagsText string

// Tags returns the tags that the JSON can include: directory by directory, sorted by number. A name that
// two numbers share is listed twice.
func Tags() []Tag {
	texts := make(map[string][]string)
	for line := range strings.Lines(tagsText) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		texts[fields[0]] = append(fields[1:], "", "", "")
	}
	var tags []Tag
	add := func(directory string, number uint16, def tagDef) {
		if !def.included() {
			return
		}
		text := texts[def.name]
		if text == nil {
			text = make([]string, 3)
		}
		tags = append(tags, Tag{def.name, number, directory, text[0], text[1], text[2]})
	}
	image := maps.Clone(tiffTags)
	maps.Copy(image, writersTags)
	for _, number := range slices.Sorted(maps.Keys(image)) {
		if _, ok := exifTags[number]; !ok {
			add("IFD0", number, image[number])
		}
	}
	for _, number := range slices.Sorted(maps.Keys(exifTags)) {
		directory := "Exif"
		if _, ok := image[number]; ok {
			directory = "Exif, IFD0"
		}
		add(directory, number, exifTags[number])
	}
	for _, number := range slices.Sorted(maps.Keys(gpsTags)) {
		add("GPS", number, gpsTags[number])
	}
	for _, number := range slices.Sorted(maps.Keys(interopTags)) {
		add("Interoperability", number, interopTags[number])
	}
	return tags
}
