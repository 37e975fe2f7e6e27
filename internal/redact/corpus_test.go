package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// tested are the formats of this file's tests.
var tested = []string{"jpeg", "png", "webp"}

// photos are the real photos that are redacted, by name.
func photos(t *testing.T) map[string][]byte {
	root := os.Getenv("EXIF_CORPUS")
	if root == "" {
		t.Skip("EXIF_CORPUS isn't set")
	}
	all := map[string][]byte{}
	for _, dir := range []string{root, filepath.Join(root, "../private")} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			verdict, format := Sniff(data[:min(len(data), SniffLen)])
			if verdict == Redact && slices.Contains(tested, format) {
				all[fmt.Sprintf("%03d-%s", len(all), filepath.Base(path))] = data
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 100 {
		t.Fatalf("only %d photos", len(all))
	}
	return all
}

var withoutGPS = &Policy{EXIF: &exif.Options{Keep: func(name string) bool {
	return !strings.HasPrefix(name, "GPS") && name != "Artist"
}}}

func decodedPixels(data []byte) (image.Image, error) {
	if bytes.HasPrefix(data, []byte("\xFF\xD8")) {
		return jpeg.Decode(bytes.NewReader(data))
	}
	return png.Decode(bytes.NewReader(data))
}

func TestRedactedPhotosHaveTheSamePixels(t *testing.T) {
	for name, data := range photos(t) {
		if len(data) > 3<<20 || bytes.HasPrefix(data, []byte("RIFF")) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want, err := decodedPixels(data)
			if err != nil {
				t.Skip(err)
			}
			got, err := decodedPixels(redact(t, data, &Policy{}, 0))
			if err != nil {
				t.Fatal(err)
			}
			if !samePixels(got, want) {
				t.Error("other pixels")
			}
		})
	}
}

func samePixels(a, b image.Image) bool {
	switch a := a.(type) {
	case *image.YCbCr:
		b, ok := b.(*image.YCbCr)
		return ok && bytes.Equal(a.Y, b.Y) && bytes.Equal(a.Cb, b.Cb) && bytes.Equal(a.Cr, b.Cr)
	case *image.Gray:
		b, ok := b.(*image.Gray)
		return ok && bytes.Equal(a.Pix, b.Pix)
	}
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}

// answer is the EXIF answer, without what only a thumbnail needs.
func answer(data []byte, o *exif.Options) string {
	m, err := exif.Decode(bytes.NewReader(data), o)
	if err != nil {
		return err.Error()
	}
	shown := *o
	shown.Keep = func(name string) bool {
		return !strings.Contains(name, "JPEGInterchangeFormat") && (o.Keep == nil || o.Keep(name))
	}
	b, err := m.AppendJSON(nil, &shown)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// noRoom are the photos whose blocks have less room than what they say: one value serves several entries, or a
// tag stands in a directory that it doesn't belong in.
var noRoom = []string{"invalid-encoding-usercomment.jpg", "infinite_loop_exif.jpg"}

func TestRedactedPhotosAnswerTheSame(t *testing.T) {
	for name, data := range photos(t) {
		if slices.Contains(noRoom, name[len("000-"):]) {
			continue
		}
		for _, o := range []*exif.Options{withoutGPS.EXIF, {Unknown: true}} {
			want := answer(data, o)
			got := answer(redact(t, data, &Policy{EXIF: o}, 0), o)
			if got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
			}
		}
	}
}

// told is what ExifTool tells of the files of a directory: tags with their groups, less those that describe
// the file and its picture.
func told(t *testing.T, dir string) map[string]map[string]any {
	t.Helper()
	out, err := exec.Command("exiftool", "-a", "-u", "-U", "-ee3", "-G1", "-j", "-api", "largefilesupport=1", dir).Output()
	if len(out) == 0 {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	all := map[string]map[string]any{}
	for _, tags := range list {
		file := filepath.Base(fmt.Sprint(tags["SourceFile"]))
		delete(tags, "SourceFile")
		all[file] = tags
	}
	return all
}

// allowed are the groups of ExifTool that the policy without EXIF keeps.
func allowed(tag string) bool {
	group, name, _ := strings.Cut(tag, ":")
	switch group {
	case "PNG":
		return slices.Contains([]string{
			"ImageWidth", "ImageHeight", "BitDepth", "ColorType", "Compression", "Filter", "Interlace", "Gamma", "SRGBRendering", "Palette", "Transparency",
			"BackgroundColor", "SignificantBits", "ProfileName", "AnimationFrames", "AnimationPlays", "WhitePointX", "WhitePointY", "RedX", "RedY", "GreenX",
			"GreenY", "BlueX", "BlueY", "PaletteHistogram",
		}, name)
	case "RIFF":
		return name != "Junk" && name != "XMP"
	case "XMP-Container":
		return strings.HasPrefix(name, "DirectoryItem")
	case "XMP-x", "System", "JFIF", "ICC_Profile", "ICC-header", "ICC-view", "ICC-meas", "ICC-clrt", "ICC-chrm", "ICC-cicp", "ICC-desc", "MPF0", "XMP-hdrgm", "XMP-GContainer",
		"XMP-GPano", "Composite", "PNG-cICP", "PNG-pHYs", "File", "Adobe", "ExifTool", "APP14":
		return name != "Comment" && !strings.Contains(name, "Trailer") && name != "Warning"
	}
	if strings.HasPrefix(group, "MPImage") {
		return true
	}
	return name == "Orientation" && group == "IFD0" || name == "ColorSpace" || name == "InteropIndex"
}

func TestExifToolFindsNothingInRedactedPhotos(t *testing.T) {
	if _, err := exec.LookPath("exiftool"); err != nil {
		t.Skip(err)
	}
	before, after := t.TempDir(), t.TempDir()
	for name, data := range photos(t) {
		if err := os.WriteFile(filepath.Join(before, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(after, name), redact(t, data, &Policy{}, 0), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	was := told(t, before)
	for name, tags := range told(t, after) {
		for tag, v := range tags {
			_, warned := was[name][tag]
			warning := strings.HasSuffix(tag, ":Warning") || strings.HasSuffix(tag, ":Error")
			if v == "[minor] Unknown APP15 segment" { // with -u alone: what it was can't be told
				continue
			}
			if warning && !warned || !warning && !allowed(tag) {
				t.Errorf("%s: %s = %.100v", name, tag, v)
			}
		}
	}
}
