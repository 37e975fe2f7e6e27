package caddyexif

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestOmitAndOnly checks which tags patterns select, in every style and with unknown tags.
func TestOmitAndOnly(t *testing.T) {
	where := regexp.MustCompile(`GPS|39/1|116/1|39\.90|116\.39|39°|116°|43\.5|435/10|SN-0042`)
	for name, img := range testimage.Samples() {
		for _, tc := range []struct {
			handler Handler
			clean   bool
			only    *regexp.Regexp
		}{
			{handler: Handler{Omit: []string{"GPS*", "*SerialNumber"}}, clean: true},
			{handler: Handler{Only: []string{"*"}, Omit: []string{"GPS*", "Body*"}}, clean: true},
			{handler: Handler{Only: []string{"Make", "GPS*"}, Omit: []string{"GPS*"}}, clean: true, only: regexp.MustCompile(`^Make$`)},
			{handler: Handler{Only: []string{"Make", "M[no]del"}}, clean: true, only: regexp.MustCompile(`^Ma?o?d?k?el?$`)},
			{handler: Handler{Only: []string{"GPSL*"}}, only: regexp.MustCompile(`^GPSL`)},
		} {
			for style := range styles {
				h := tc.handler
				h.Values, h.Unknown = style, true
				o, err := h.exifOptions()
				if err != nil {
					t.Fatal(err)
				}
				m, err := exif.Decode(bytes.NewReader(img), &o)
				if err != nil {
					continue // the broken sample
				}
				out, err := m.AppendJSON(nil, &o)
				if err != nil {
					t.Fatal(err)
				}
				var tags map[string]any
				if err := json.Unmarshal(out, &tags); err != nil {
					t.Fatal(err)
				}
				if found := where.Find(out); tc.clean && found != nil {
					t.Errorf("%s, %s, only %v, omit %v: %s in %s", name, style, h.Only, h.Omit, found, out)
				}
				for tag := range tags {
					if tc.only != nil && !tc.only.MatchString(tag) {
						t.Errorf("%s, %s, only %v: %s is answered", name, style, h.Only, tag)
					}
				}
				if name == "photo.jpg" && len(tags) == 0 {
					t.Errorf("%s, only %v, omit %v: nothing is answered", style, h.Only, h.Omit)
				}
			}
		}
	}
}

// tagsIn returns the sorted names of the tags that are kept by only with a set.
func tagsIn(t *testing.T, set string) (tags []string) {
	t.Helper()
	keep, err := (&exif.Patterns{Only: []string{set}, More: vocabulary}).Filter()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(exif.Names(), "UserComment: AIGC") {
		if keep(name) {
			tags = append(tags, name)
		}
	}
	if keep("GPSUnknownTag_0xabcd") {
		tags = append(tags, "GPSUnknownTag_*")
	}
	slices.Sort(tags)
	return tags
}

// TestSetsAreDocumented checks that docs/sets.md lists the tags of each named set; -update writes it.
func TestSetsAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The named sets\n\n`omit`, `only` and `keep` take these beside patterns. A tag or a property of IPTC's is in a set if it is meant for\n" +
		"that, or if people often write such things there. `omit` takes the same tags of the thumbnail (`Thumb…`) with it.\n")
	for _, set := range []struct{ name, what string }{
		{"@location", "The place where the photo was taken: the GPS directory, and the tags that place a map's picture (GeoTIFF)."},
		{"@person", "The people who took it, own it, edited it or are in it, captions and file names included."},
		{"@device", "Serial numbers and identifiers: they tell one camera, lens or file from all others of its model."},
		{"@credit", "Whose photo it is, and what others may do with it."},
		{"@ai", "Whether a program made it, and how. Of EXIF, only a comment that is China's label."},
	} {
		fmt.Fprintf(&b, "\n## `%s`\n\n%s\n\n", set.name, set.what)
		tags := tagsIn(t, set.name)
		if len(tags) == 0 {
			t.Errorf("no set %s", set.name)
		}
		for _, tag := range tags {
			fmt.Fprintf(&b, "- `%s`\n", tag)
		}
		b.WriteString("\nOf IPTC's properties:\n\n")
		for _, property := range vocabulary.Sets[set.name] {
			fmt.Fprintf(&b, "- `%s`\n", property)
		}
	}
	const name = "docs/sets.md"
	if *update {
		writeFile(t, name, []byte(b.String()))
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != b.String() {
		t.Errorf("%s: %v: got %s, want %s", name, err, got, b.String())
	}
}

// TestTagsAreDocumented checks that docs/tags.md lists every tag that can be returned; -update writes it.
func TestTagsAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Tags\n\nThese tags can be part of an answer. `omit` and `only` take their names; [sets.md](sets.md) lists the sets. " +
		"`caddy exif --list-tags`\nprints this list.\n\n" +
		"The thumbnail (IFD1) has the tags of IFD0 with the prefix `Thumb`, such as `ThumbXResolution`. Programs also write Exif's\n" +
		"tags to IFD0 and the other way round; they are answered in either. *Type* is the type that the standard asks for, and\n" +
		"*ExifTool* is ExifTool's name where it differs. A number that isn't listed here is answered as `UnknownTag_0xabcd` with\n" +
		"`unknown`, and left out without it. Never answered are maker notes, pointers to directories, thumbnails, and embedded\n" +
		"XMP, IPTC and ICC.\n")
	section := ""
	for _, tag := range exif.Tags() {
		if name, _, _ := strings.Cut(tag.Directory, ","); name != section {
			section = name
			fmt.Fprintf(&b, "\n## %s\n\n| name | number | directory | type | meaning | ExifTool |\n|---|---|---|---|---|---|\n", section)
		}
		other := ""
		if tag.ExifTool != "" {
			other = "`" + tag.ExifTool + "`"
		}
		fmt.Fprintf(&b, "| `%s` | 0x%04X | %s | %s | %s | %s |\n", tag.Name, tag.Number, tag.Directory, tag.Type, tag.Meaning, other)
	}
	const name = "docs/tags.md"
	if *update {
		writeFile(t, name, []byte(b.String()))
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != b.String() {
		t.Errorf("%s isn't what -update writes: %v", name, err)
	}
}

// TestOmitSets checks that omitting a set removes its tags from images with all tags.
func TestOmitSets(t *testing.T) {
	for name, img := range testimage.Samples() {
		for style := range styles {
			h := Handler{Values: style, Unknown: true, Omit: []string{"@location", "@person", "@device"}}
			o, err := h.exifOptions()
			if err != nil {
				t.Fatal(err)
			}
			m, err := exif.Decode(bytes.NewReader(img), &o)
			if err != nil {
				continue // the broken sample
			}
			out, err := m.AppendJSON(nil, &o)
			if err != nil {
				t.Fatal(err)
			}
			if found := regexp.MustCompile(`GPS|39/1|116/1|39\.90|116\.39|39°|116°|SN-0042|"(Thumb)?(Artist|Copyright|ImageDescription|UserComment|XP|BodySerial|ImageUnique)`).Find(out); found != nil {
				t.Errorf("%s, %s: %s in %s", name, style, found, out)
			}
		}
	}
}
