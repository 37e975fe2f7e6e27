package exif

import (
	"bytes"
	"errors"
	"image/jpeg"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// ExifTool's tags of embedded pictures.
var pictureTags = []string{
	"-ThumbnailImage", "-PreviewImage", "-JpgFromRaw", "-JpgFromRaw2", "-OtherImage", "-PreviewTIFF",
	"-MPImage2", "-MPImage3", "-MPImage4",
}

// extracted is a picture that ExifTool extracts from a file.
type extracted struct {
	tag  string // with its group
	data []byte
	size int // number of pixels
	wide int
}

// extract extracts the pictures of the files in dirs with ExifTool; the keys are the files' paths. It
// ignores pictures that image/jpeg can't decode.
func extract(t *testing.T, dirs ...string) map[string][]extracted {
	t.Helper()
	tool, err := exec.LookPath("exiftool")
	if err != nil {
		t.Skip("exiftool isn't installed")
	}
	out := t.TempDir()
	args := append([]string{"-q", "-q", "-m", "-a", "-b", "-ext", "*", "-W", out + "%d%f.%e/%g1_%t%-c.jpg"}, pictureTags...)
	b, err := exec.Command(tool, append(append(args, "-r"), dirs...)...).CombinedOutput()
	t.Logf("exiftool: %v %.500s", err, b) // broken files are errors
	all := map[string][]extracted{}
	err = filepath.WalkDir(out, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if m, err := jpeg.Decode(bytes.NewReader(data)); err == nil {
			of := strings.TrimPrefix(filepath.Dir(name), out)
			tag, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(name), ".jpg"), "-")
			r := m.Bounds()
			all[of] = append(all[of], extracted{tag, data, r.Dx() * r.Dy(), r.Dx()})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wantedThumbnail and wantedPreview pick DESIGN's thumbnail and preview from the pictures of ExifTool.
func wantedThumbnail(all []extracted) []byte {
	var best extracted
	for _, e := range all {
		if e.tag == "IFD1_ThumbnailImage" {
			return e.data
		}
		if e.wide >= minThumbnailWidth && (best.data == nil || e.size < best.size) {
			best = e
		}
	}
	return best.data
}

func wantedPreview(all []extracted) []byte {
	if len(all) == 0 {
		return nil
	}
	return slices.MaxFunc(all, func(a, b extracted) int { return a.size - b.size }).data
}

// picked returns a picture, nil if there is none.
func picked(t *testing.T, find func(r *os.File) (Picture, error), name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := find(f)
	if errors.Is(err, ErrNoPicture) || errors.Is(err, ErrNotImage) || p.Item != nil { // ExifTool extracts no items
		return nil
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return nil
	}
	return written(t, &p)
}

// samePixels reports whether two JPEGs decode to the same picture.
func samePixels(t *testing.T, got, want []byte) bool {
	t.Helper()
	if got == nil || want == nil {
		return got == nil && want == nil
	}
	g, err := jpeg.Decode(bytes.NewReader(got))
	if err != nil {
		t.Error(err)
		return false
	}
	w, err := jpeg.Decode(bytes.NewReader(want))
	if err != nil {
		t.Error(err)
		return false
	}
	return reflect.DeepEqual(g, w)
}

// otherPictures lists the files with pictures that differ from ExifTool's, with the reasons.
var otherPictures = map[string]string{
	"preview of exif-samples/jpg/Samsung_Digimax_i50_MP3.jpg":          "after the photo, where no index and no tag points at",
	"preview of imagemeta/metadata-extractor/nikonMakernoteType2b.jpg": "in FotoStation's trailer",
}

// TestPicturesOfCorpus compares the pictures of all photos with those that ExifTool extracts.
func TestPicturesOfCorpus(t *testing.T) {
	dir := os.Getenv("EXIF_CORPUS")
	if dir == "" {
		t.Skip("EXIF_CORPUS is not set")
	}
	dir = filepath.Clean(dir) // as in the names that WalkDir gives
	all := extract(t, filepath.Join(dir, "formats"), filepath.Join(dir, "imagemeta"), filepath.Join(dir, "exif-samples"), filepath.Join(dir, "made"))
	var right, none, cutOff int
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Dir(name) == dir {
			return err
		}
		for what, pair := range map[string]struct{ got, want []byte }{
			"thumbnail": {picked(t, func(f *os.File) (Picture, error) { return FindThumbnail(f) }, name), wantedThumbnail(all[name])},
			"preview":   {picked(t, func(f *os.File) (Picture, error) { return FindPreview(f) }, name), wantedPreview(all[name])},
		} {
			short := what + " of " + strings.TrimPrefix(name, dir+"/")
			if len(all[name]) == 0 && pair.got != nil {
				// a JPEG truncated right after its EXIF: ExifTool gives up on the file, DESIGN doesn't
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := jpeg.DecodeConfig(bytes.NewReader(b)); err == nil || !bytes.HasPrefix(b, []byte("\xFF\xD8")) {
					t.Errorf("%s: got %d bytes, want none", short, len(pair.got))
				}
				if _, err := jpeg.Decode(bytes.NewReader(pair.got)); err != nil {
					t.Errorf("%s: %v", short, err)
				}
				cutOff++
				continue
			}
			same := samePixels(t, pair.got, pair.want)
			switch {
			case same && pair.got == nil:
				none++
			case same:
				right++
			}
			if reason := otherPictures[short]; same != (reason == "") {
				tags := []string{}
				for _, e := range all[name] {
					tags = append(tags, e.tag)
				}
				t.Errorf("%s: got %d bytes, want %d of %v; %s", short, len(pair.got), len(pair.want), tags, reason)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("pictures: %d of %d as ExifTool has them; %d times there is none, %d are in files that it gives up on",
		right, right+len(otherPictures), none, cutOff)
}
