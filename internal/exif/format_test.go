package exif

import (
	"bytes"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestEveryFormatHasASample: each format needs a file in testimage.Formats, which also seeds the fuzzers.
func TestEveryFormatHasASample(t *testing.T) {
	samples := testimage.Formats()
	for name, files := range samples {
		for i, b := range files {
			m, err := Decode(bytes.NewReader(b), &Options{})
			if err != nil || m.Format != name {
				t.Errorf("sample %d of %s: got format %q, error %v", i, name, m.Format, err)
			}
			if i == 0 && m.Len() == 0 && !slices.Contains([]string{"gif", "bmp", "ico", "svg"}, name) {
				t.Errorf("the sample of %s has no tags", name)
			}
		}
	}
	got := slices.Sorted(maps.Keys(formats))
	if want := slices.Sorted(maps.Keys(samples)); !slices.Equal(got, want) {
		t.Errorf("got formats %v, samples of %v", got, want)
	}
	if want := slices.Sorted(slices.Values(container.Formats())); !slices.Equal(got, want) {
		t.Errorf("got formats %v, signatures of %v", got, want)
	}
}

// TestGoexifIsInOneFile: goexif reads any input unchecked, so only one file uses it and checks its input.
func TestGoexifIsInOneFile(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			imported := strings.Contains(spec.Path.Value, "goexif")
			if imported && name != "goexif.go" && !strings.HasSuffix(name, "_test.go") {
				t.Errorf("%s imports %s", name, spec.Path.Value)
			}
		}
	}
}
