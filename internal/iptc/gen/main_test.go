package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestTableIsUpToDate: the table is what the generator writes.
func TestTableIsUpToDate(t *testing.T) {
	root := os.Getenv("EXIF_CORPUS")
	if root == "" {
		t.Skip("EXIF_CORPUS isn't set")
	}
	reference, err := os.ReadFile(filepath.Join(root, "../iptc/techreference_2024.1.json"))
	if err != nil {
		t.Skip(err)
	}
	want, err := generate(reference)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../table.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("table.go isn't what the generator writes: go generate ./internal/iptc")
	}
}

// TestUnknownReferenceIsAnError: a property that the table can't hold stops the generator.
func TestUnknownReferenceIsAnError(t *testing.T) {
	for name, reference := range map[string]string{
		"no JSON":     `{`,
		"namespace":   `{"ipmd_top":{"a":{"datatype":"string","XMPid":"foo:bar"}}}`,
		"no XMP name": `{"ipmd_top":{"a":{"datatype":"string"}}}`,
		"type":        `{"ipmd_top":{"a":{"datatype":"blob","XMPid":"dc:a"}}}`,
		"structure":   `{"ipmd_top":{"a":{"datatype":"struct","dataformat":"None","XMPid":"dc:a"}}}`,
		"IIM dataset": `{"ipmd_top":{"a":{"datatype":"string","XMPid":"dc:a","IIMid":"3:5"}}}`,
	} {
		if _, err := generate([]byte(reference)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
