package exif

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// infoFile is ExifTool's output for a file of the corpus.
type infoFile struct {
	File   string `json:"file"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	Width  int64  `json:"width"`
	Height int64  `json:"height"`
}

// infoWords maps ExifTool's file types to our words where they differ.
var infoWords = map[string]string{
	"JPEG": "JPG", "BTF": "TIFF", "JXL Codestream": "JXL", "Extended WEBP": "WEBP", "WEBP (lossless)": "WEBP",
}

// infoDiffers lists the differences from ExifTool, with the reasons.
var infoDiffers = map[string]string{
	"imagemeta/sample.arw": "ExifTool answers the size in Minolta's block within Sony's private data, of a few cameras of 2006; " +
		"the raw picture's directory has 8 columns and rows more",
}

// orientationsOf returns IFD0's orientation for each file whose EXIF ExifTool reads, 0 for none.
func orientationsOf(t *testing.T, dir string) map[string]int {
	t.Helper()
	all := map[string]int{}
	for line := range bytes.Lines(readFile(t, filepath.Join(dir, "oracle.jsonl"))) {
		var f oracleFile
		if err := json.Unmarshal(line, &f); err != nil {
			t.Fatal(err)
		}
		for _, tag := range f.Tags {
			n := 0
			if tag.Dir == "IFD0" && tag.ID == orientationTag && tag.Raw != nil {
				n, _ = strconv.Atoi(*tag.Raw)
			}
			all[f.File] = max(all[f.File], n)
		}
	}
	return all
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestInfoConformance compares sizes, formats and orientations with ExifTool's.
func TestInfoConformance(t *testing.T) {
	dir := os.Getenv("EXIF_CORPUS")
	if dir == "" {
		t.Skip("EXIF_CORPUS is not set")
	}
	orientations := orientationsOf(t, dir)
	right, all := 0, 0
	var listed []string
	for line := range bytes.Lines(readFile(t, filepath.Join(dir, "info.jsonl"))) {
		var want infoFile
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, want.File)
		if _, err := os.Stat(name); err != nil {
			continue // the oracle couldn't open a file of this name, either
		}
		all++
		got := readInfoFile(t, name)
		word := want.Type
		if w, ok := infoWords[want.Type]; ok {
			word = w
		}
		// browsers ignore the EXIF of HEIF and JPEG XL, which ExifTool reads
		orientation, turns := orientations[want.File]
		turns = turns && !slices.Contains([]string{"HEIC", "AVIF", "JXL", "JXL Codestream", "PSD"}, want.Type)
		if slices.Contains([]string{"CRW", "X3F", ""}, want.Type) {
			word = "" // not among the formats
			want.Width, want.Height, want.Size = 0, 0, got.Size
		}
		if got.Format == "" && word == "" || got.word() == word && got.Width == want.Width && got.Height == want.Height &&
			got.Size == want.Size && (!turns || got.Orientation == orientation) {
			right++
			continue
		}
		if _, ok := infoDiffers[want.File]; ok {
			listed = append(listed, want.File)
			continue
		}
		t.Errorf("%s: got %s %d by %d, orientation %d, %d bytes; want orientation %d and %+v", want.File, got.word(), got.Width, got.Height, got.Orientation, got.Size, orientation, want)
	}
	for file := range infoDiffers {
		if !slices.Contains(listed, file) {
			t.Errorf("%s is listed and doesn't differ", file)
		}
	}
	t.Logf("info: %d of %d", right, all)
	if right+len(listed) != all {
		t.Errorf("info: %d of %d, and %d with reasons: %s", right, all, len(listed), strings.Join(listed, ", "))
	}
}

func readInfoFile(t *testing.T, name string) Info {
	t.Helper()
	fh, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer fh.Close()
	i, err := ReadInfo(fh)
	if err != nil && i.Format != "" {
		t.Errorf("%s: %v", name, err)
	}
	return i
}
