package redact

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// thumbnailFile returns the thumbnail of a photo as a file of its own.
func thumbnailFile(t *testing.T, photo []byte) (file []byte, p Picture) {
	t.Helper()
	p, err := FindThumbnail(bytes.NewReader(photo))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := p.CopyTo(&out); err != nil || int64(out.Len()) != p.Size() {
		t.Fatalf("%v after %d of %d bytes", err, out.Len(), p.Size())
	}
	return out.Bytes(), p
}

// itemTypes has the content types of thumbnail items.
var itemTypes = map[string]string{"hvc1": "image/heic", "av01": "image/avif"}

// cornersOf decodes a file by libheif, and by libavif if it is an AVIF, which doesn't turn it. It returns its size and the colors
// of its corners, row by row.
func cornersOf(t *testing.T, typ string, file []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in."+typ), file, 0o600); err != nil {
		t.Fatal(err)
	}
	if typ == "av01" {
		runTool(t, dir, "avifdec", "in."+typ, "out.png")
	}
	runTool(t, dir, "heif-convert", "in."+typ, "out.png")
	b, err := os.ReadFile(filepath.Join(dir, "out.png"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	at := func(x, y int) string {
		r, _, b, _ := m.At(x, y).RGBA()
		switch {
		case r > 0xC000 && b > 0xC000:
			return "white"
		case r > 0x8000:
			return "red"
		case b > 0x8000:
			return "blue"
		}
		return fmt.Sprint(r, b)
	}
	s := m.Bounds().Size()
	return fmt.Sprint(s, at(5, 5), " ", at(s.X-6, 5), " ", at(5, s.Y-6), " ", at(s.X-6, s.Y-6))
}

// TestThumbnailItemIsAFileOfItsOwn: other programs show it, as large and turned as the item is.
func TestThumbnailItemIsAFileOfItsOwn(t *testing.T) {
	box := testimage.Box
	left, over, right := box("irot", []byte{1}), box("irot", []byte{2}), box("irot", []byte{3})
	clap := box("clap", u32(80), u32(1), u32(120), u32(1), u32(40), u32(1), u32(0), u32(1)) // the right half
	size := testimage.FullBox("ispe", 0, u32(640), u32(480))
	for name, tt := range map[string]struct {
		photo, item [][]byte
		want        string
	}{
		"upright":          {nil, nil, "(160,120)red white blue blue"},
		"left":             {nil, [][]byte{left}, "(120,160)white blue red blue"},
		"over":             {nil, [][]byte{over}, "(160,120)blue blue white red"},
		"right":            {nil, [][]byte{right}, "(120,160)blue red blue white"},
		"mirrored":         {nil, [][]byte{box("imir", []byte{1})}, "(160,120)white red blue blue"},
		"turned, mirrored": {nil, [][]byte{left, box("imir", []byte{0})}, "(120,160)red blue white blue"},
		"cropped":          {nil, [][]byte{clap}, "(80,120)white white blue blue"},
		"as the photo":     {[][]byte{right}, [][]byte{right}, "(120,160)blue red blue white"},
		"the photo alone":  {[][]byte{right}, nil, "(120,160)blue red blue white"},
		"upside down":      {[][]byte{over}, nil, "(160,120)red white blue blue"}, // its shape doesn't tell
	} {
		for typ := range itemTypes {
			t.Run(name+" "+typ, func(t *testing.T) {
				item := testimage.Coded(typ)
				item.Properties = append(item.Properties, tt.item...)
				photo := testimage.Item{Type: typ, Properties: append([][]byte{size}, tt.photo...)}
				for pieces := range 2 {
					file, p := thumbnailFile(t, testimage.HEIFThumbnails(photo, 1+pieces, item))
					if p.ContentType() != itemTypes[typ] {
						t.Errorf("got type %s", p.ContentType())
					}
					if got := cornersOf(t, typ, file); got != tt.want {
						t.Errorf("in %d pieces: got %s, want %s", 1+pieces, got, tt.want)
					}
				}
			})
		}
	}
}

// TestThumbnailItemLeavesWithoutMetadata: its properties stay as redacted ones do.
func TestThumbnailItemLeavesWithoutMetadata(t *testing.T) {
	for typ := range itemTypes {
		item := testimage.Coded(typ)
		if typ == "hvc1" { // with an array of SEI messages
			b := slices.Clone(item.Properties[0])
			b[8+22]++
			item.Properties[0] = testimage.Box("hvcC", b[8:], []byte("\xA7\x00\x01\x00\x10\x4E\x01\x05\x0B"+secret[:11]+"\x80"))
		}
		icc := append(profile(), secret...)
		item.Properties = append(item.Properties, testimage.Box("colr", []byte("prof"), icc),
			testimage.Box("pasp", u32(1), u32(1), []byte(secret)), testimage.Box("irot", []byte{3}))
		photo := testimage.HEIFThumbnails(testimage.Item{Type: typ, Properties: item.Properties[1:2]}, 1, item)
		file, _ := thumbnailFile(t, photo)
		if !bytes.Contains(photo, []byte(secret[:11])) || bytes.Contains(file, []byte(secret[:11])) || !bytes.Contains(file, []byte("acsp")) {
			t.Errorf("%s: metadata is left, or color isn't: %q", typ, file)
		}
		if again := redact(t, file, &Policy{}, 0); len(again) != len(file) || !bytes.Contains(again, item.Data) {
			t.Errorf("%s: it can't be redacted", typ)
		}
		if m, err := exif.Decode(bytes.NewReader(file), &exif.Options{Unknown: true}); err != nil || m.Len() > 0 {
			t.Errorf("%s: got %d tags, %v", typ, m.Len(), err)
		}
		info, err := exif.ReadInfo(bytes.NewReader(file))
		if err != nil || info.DisplayWidth != 120 || info.DisplayHeight != 160 || info.Orientation != 6 {
			t.Errorf("%s: got %+v, %v", typ, info, err)
		}
	}
}

// TestThumbnailItemThatCantBeShown: one without what its decoder needs doesn't count.
func TestThumbnailItemThatCantBeShown(t *testing.T) {
	for name, change := range map[string]func(i *testimage.Item){
		"no configuration": func(i *testimage.Item) { i.Properties = i.Properties[1:] },
		"an invalid one": func(i *testimage.Item) {
			i.Properties[0] = testimage.Box(string(i.Properties[0][4:8]), []byte{0x7F, 1, 2})
		},
		"no size":             func(i *testimage.Item) { i.Properties = slices.Delete(i.Properties, 1, 2) },
		"an unknown property": func(i *testimage.Item) { i.Properties = append(i.Properties, testimage.Box("what", []byte(secret))) },
		"properties too large": func(i *testimage.Item) {
			i.Properties = append(i.Properties, testimage.Box("clli", make([]byte, maxItemProperties)))
		},
		"no data":          func(i *testimage.Item) { i.Data = nil },
		"half of its data": func(i *testimage.Item) { i.Data = i.Data[:len(i.Data)/2] },
		"other data":       func(i *testimage.Item) { i.Data = bytes.Repeat([]byte{0xAB}, 100) },
		"another type":     func(i *testimage.Item) { i.Type = "grid" },
	} {
		for typ := range itemTypes {
			item := testimage.Coded(typ)
			photo := testimage.Item{Type: typ, Properties: item.Properties[1:2]}
			file := testimage.HEIFThumbnails(photo, 1, item)
			if _, err := FindThumbnail(bytes.NewReader(file[:len(file)-1])); !errors.Is(err, exif.ErrNoPicture) {
				t.Errorf("%s beyond the file: got %v", typ, err)
			}
			change(&item)
			if p, err := FindThumbnail(bytes.NewReader(testimage.HEIFThumbnails(photo, 1, item))); !errors.Is(err, exif.ErrNoPicture) || p.Format != "heif" {
				t.Errorf("%s with %s: got %v of format %q", typ, name, err, p.Format)
			}
		}
	}
}

// TestOptionalPropertyOfThumbnailItemGoes: an unknown property that isn't essential takes nothing but itself away.
func TestOptionalPropertyOfThumbnailItemGoes(t *testing.T) {
	for typ := range itemTypes {
		item := testimage.Coded(typ)
		photo := testimage.Item{Type: typ, Properties: item.Properties[1:2]}
		want, _ := thumbnailFile(t, testimage.HEIFThumbnails(photo, 1, item))
		item.Properties = append(item.Properties, testimage.Box("what", []byte(secret)))
		file := testimage.HEIFThumbnails(photo, 1, item)
		file[bytes.Index(file, []byte("iloc"))-5] &^= 0x80 // the last property of the last item in ipma
		if got, _ := thumbnailFile(t, file); !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%q\nwant\n%q", typ, got, want)
		}
	}
}

// TestThumbnailItemIsChosen: a JPEG comes first, then the smallest item that is large enough. The preview is a JPEG.
func TestThumbnailItemIsChosen(t *testing.T) {
	photo := testimage.Item{Type: "hvc1", Properties: testimage.Coded("hvc1").Properties[1:2]}
	sized := func(w, h int) testimage.Item {
		i := testimage.Coded("av01")
		i.Properties[1] = testimage.FullBox("ispe", 0, u32(w), u32(h))
		return i
	}
	jpeg := testimage.Item{Type: "jpeg", Data: testimage.JPEG(testimage.Gradient(640, 480))}
	tiny := testimage.Item{Type: "jpeg", Data: testimage.JPEG(testimage.Gradient(64, 48))}
	for _, tt := range []struct {
		items []testimage.Item
		want  image.Point
	}{
		{[]testimage.Item{sized(160, 120), jpeg}, image.Pt(640, 480)},
		{[]testimage.Item{sized(160, 120), tiny}, image.Pt(160, 120)},
		{[]testimage.Item{sized(640, 480), sized(160, 120), sized(320, 240)}, image.Pt(160, 120)},
		{[]testimage.Item{sized(640, 480), sized(80, 60)}, image.Pt(640, 480)},
		{[]testimage.Item{sized(80, 60), sized(100, 75), sized(40, 30)}, image.Pt(100, 75)},
	} {
		_, p := thumbnailFile(t, testimage.HEIFThumbnails(photo, 1, tt.items...))
		if got := image.Pt(int(p.Width), int(p.Height)); got != tt.want {
			t.Errorf("got %v, want %v", got, tt.want)
		}
	}
	if _, err := FindPreview(bytes.NewReader(testimage.HEIFThumbnails(photo, 1, sized(160, 120)))); !errors.Is(err, exif.ErrNoPicture) {
		t.Errorf("preview: got %v", err)
	}
}
