package caddyexif

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestSamples keeps the images of testdata what internal/testimage makes, and their answers what
// the goldens say.
func TestSamples(t *testing.T) {
	readme, err := os.ReadFile("testdata/README.md")
	if err != nil {
		t.Error(err)
	}
	for name, img := range testimage.Samples() {
		golden(t, name, img)
		if !bytes.Contains(readme, []byte("`"+name+"`")) {
			t.Errorf("testdata/README.md doesn't say what %s is for", name)
		}
		m, err := exif.Decode(bytes.NewReader(img), &exif.Options{})
		if strings.Contains(name, "broken") {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for style, s := range styles {
			out, err := m.AppendJSON(nil, &exif.Options{Style: s})
			if err != nil {
				t.Fatal(err)
			}
			out = bytes.ReplaceAll(out, []byte(`,"`), []byte(",\n \"")) // for reading diffs
			golden(t, name+"."+style+".json", append(out, '\n'))
		}
	}
}

// golden compares got with a file of testdata, or rewrites it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		if len(got) > 2000 || bytes.ContainsRune(got, 0) {
			t.Errorf("%s differs (run go test -update and read the diff)", name)
		} else {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}
