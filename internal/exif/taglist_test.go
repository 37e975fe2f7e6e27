package exif

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testgate"
)

// TestEveryTagIsDescribed: each tag of the tables needs a line in tags.txt.
func TestEveryTagIsDescribed(t *testing.T) {
	var listed, names []string
	for _, tag := range Tags() {
		listed = append(listed, tag.Name)
		if tag.Type == "" || tag.Meaning == "" {
			t.Errorf("tags.txt doesn't describe %s (0x%04X)", tag.Name, tag.Number)
		}
	}
	slices.Sort(listed)
	listed = slices.Compact(listed)
	for _, name := range Names() {
		if !strings.HasPrefix(name, thumbPrefix) || slices.Contains(listed, name) {
			names = append(names, name)
		}
	}
	if !slices.Equal(listed, names) {
		t.Errorf("Tags lists\n%v\nNames\n%v", listed, names)
	}

	var described []string
	for line := range strings.Lines(tagsText) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 && len(fields) != 4 {
			t.Errorf("tags.txt: got %d fields in %q, want 3 or 4", len(fields), line)
		}
		described = append(described, fields[0])
	}
	if !slices.IsSorted(described) || !slices.Equal(slices.Compact(slices.Clone(described)), listed) {
		t.Errorf("tags.txt describes\n%v\nwant each of these once, sorted\n%v", described, listed)
	}
}

// TestExifToolsNamesAreSuggested: the error for a config with ExifTool's name of a tag suggests ours, unless
// another tag has that name.
func TestExifToolsNamesAreSuggested(t *testing.T) {
	testgate.Slow(t)
	names := Names()
	for _, tag := range Tags() {
		if tag.ExifTool == "" || slices.Contains(names, tag.ExifTool) {
			continue
		}
		if _, err := newFilter(nil, []string{tag.ExifTool}); err == nil || !strings.Contains(err.Error(), `ExifTool's name of "`+tag.Name+`"`) {
			t.Errorf("omit %s: got %v, want %s suggested", tag.ExifTool, err, tag.Name)
		}
	}
}
