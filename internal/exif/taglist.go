package exif

import (
	_ "embed"
	"maps"
	"slices"
	"strings"
)

// Tag describes a tag that can be part of an answer.
type Tag struct {
	Name      string // as answers have it, less the prefix Thumb of the thumbnail's tags
	Number    uint16 // in its directory
	Directory string // IFD0, Exif, GPS or Interoperability; "Exif, IFD0" if standards have it in both
	Type      string // the type that the standard asks for, such as "RATIONAL ×3"
	Meaning   string // what it says, in a few words
	ExifTool  string // ExifTool's name, if it is another one
}

// tagsText has a line for each name: name, type, meaning and, where it differs, ExifTool's name, separated
// by tabs. It is text since only documentation needs it.
//
//go:embed tags.txt
var tagsText string

// Tags lists the tags that can be part of answers: directory by directory, in the order of their numbers.
// Names that two numbers share are listed for each.
func Tags() []Tag {
	texts := make(map[string][]string)
	for line := range strings.Lines(tagsText) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		texts[fields[0]] = append(fields[1:], "", "", "")
	}
	var tags []Tag
	add := func(directory string, number uint16, def tagDef) {
		if !def.answered() {
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
