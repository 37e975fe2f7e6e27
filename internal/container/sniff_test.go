package container

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestSniffTakesWhatReadersTake: files that other readers open by less than the usual first bytes.
func TestSniffTakesWhatReadersTake(t *testing.T) {
	for name, c := range map[string]struct{ head, want string }{
		"JPEG without a third FF":   {"\xFF\xD8\x00\x01", "jpeg"},
		"ftyp alone":                {"\x00\x00\x00\x08ftyp", "heif"},
		"ftyp of an unknown brand":  {"\x00\x00\x00\x14ftypabcd\x00\x00\x00\x00efgh", "heif"},
		"ftyp of any size":          {"\xFF\xFF\xFF\xFFftypheic", "heif"},
		"AVIF with a 64-bit size":   {"\x00\x00\x00\x01ftyp\x00\x00\x00\x00\x00\x00\x00\x20avif", "avif"},
		"CR3 with a 64-bit size":    {"\x00\x00\x00\x01ftyp\x00\x00\x00\x00\x00\x00\x00\x18crx \x00\x00\x00\x01", "cr3"},
		"ftyp that isn't the first": {"\x00\x00\x00\x08freeftyp", ""},
		"two letters":               {"BM", ""},
	} {
		if got := Sniff([]byte(c.head)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		for n := range c.head {
			Sniff(slices.Clip([]byte(c.head[:n])))
		}
	}
}

// TestBrandsAreReadToTheEnd: a brand of pictures counts wherever it is among 200.
func TestBrandsAreReadToTheEnd(t *testing.T) {
	brands := strings.Repeat("none", 199) + "mif1"
	file := "\x00\x00\x03\x30ftypnone\x00\x00\x00\x00" + brands
	if _, err := OpenHEIF(strings.NewReader(file)); err != nil {
		t.Errorf("got %v, want an image", err)
	}
	if _, err := OpenHEIF(strings.NewReader(strings.Replace(file, "mif1", "none", 1))); !errors.Is(err, ErrNotImage) {
		t.Errorf("got %v, want ErrNotImage", err)
	}
}

// TestSniffIsExact: each signature, and what is nearly one.
func TestSniffIsExact(t *testing.T) {
	bmp := func(size string) string { return "BM" + strings.Repeat("\x01", 12) + size + "\x00\x00\x00" }
	ico := func(kind, n, size, offset string) string {
		return "\x00\x00" + kind + "\x00" + n + "\x00\x10\x10\x00\x00\x01\x00\x20\x00" + size + "\x00\x00\x00" + offset + "\x00\x00\x00"
	}
	ftyp := func(brands string) string { return "\x00\x00\x00\x20ftyp" + brands }
	for want, heads := range map[string][]string{
		"jpeg": {"\xFF\xD8"},
		"png":  {"\x89PNG\r\n\x1A\n"},
		"webp": {"RIFF\x00\x00\x00\x00WEBP"},
		"cr3":  {ftyp("crx ")},
		"avif": {
			ftyp("avif"), ftyp("avis"), ftyp("mif3avif"), ftyp("mif1\x00\x00\x00\x00miafavif"), ftyp("msf1\x00\x00\x00\x00avis"),
			ftyp("miaf\x00\x00\x00\x00mif1avif"),
		},
		"heif": {
			ftyp("heic"), ftyp("mif1"), ftyp("mif3"), ftyp("mif3heic"), ftyp("mif1\x00\x00\x00\x00heicavif"), ftyp("mif1\x00\x00\x00\x00avifhevx"),
			ftyp("heic\x00\x00\x00\x00avif"), ftyp("mif1avif"), ftyp("mif1\x00\x00\x00\x00xavi\x66"), ftyp("crx"), ftyp("avi"), ftyp(""),
		},
		"jxl":  {"\xFF\x0A", "\x00\x00\x00\x0CJXL \r\n\x87\n"},
		"jp2":  {"\xFF\x4F\xFF\x51", "\x00\x00\x00\x0CjP  \r\n\x87\n"},
		"psd":  {"8BPS\x00\x01", "8BPS\x00\x02"},
		"raf":  {"FUJIFILMCCD-RAW "},
		"mrw":  {"\x00MRM", "\x00MRI"},
		"rw2":  {"II\x55\x00"},
		"orf":  {"IIRO", "IIRS", "MMOR"},
		"jxr":  {"II\xBC\x01"},
		"tiff": {"II*\x00\x08\x00\x00\x00", "MM\x00*\x00\x00\x00\x08", "II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00", "MM\x00+\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x10"},
		"gif":  {"GIF87a", "GIF89a"},
		"bmp":  {bmp("\x0C"), bmp("\x10"), bmp("\x29"), bmp("\x28"), bmp("\x34"), bmp("\x38"), bmp("\x40"), bmp("\x6C"), bmp("\x7C")},
		"ico":  {ico("\x01", "\x01", "\x01", "\x16"), ico("\x02", "\x01", "\x09", "\x20"), ico("\x01", "\x02", "\x09", "\x26"), ico("\x01", "\x01", "\x00", "\x16")},
		"svg":  {"<svg", "<?xml", "<!--", "<!DOCTYPE", " \t\r\n<svg", "\xEF\xBB\xBF<svg", "\xEF\xBB\xBF\n<?xml"},
		"": {
			"", "\xFF", "\xFF\xD9", "RIFF\x00\x00\x00\x00WAVE", "RIFX\x00\x00\x00\x00WEBP", "RIFF\x00\x00\x00\x00WEB", "8BPS\x00\x03", "\x00MRW",
			"II*\x00\x08\x00\x00", "IM*\x00\x08\x00\x00\x00", "MM*\x00\x08\x00\x00\x00", "II+\x00\x04\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00",
			"II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00", "GIF88a",
			bmp("\x0B"), bmp("\x0D"), bmp("\x0F"), bmp("\x00"), bmp("\x41"), bmp("\x6B"), bmp("\x7D"), bmp("\x28")[:17], "BN" + bmp("\x28")[2:],
			ico("\x03", "\x01", "\x01", "\x16"), ico("\x00", "\x01", "\x01", "\x16"), ico("\x01", "\x00", "\x01", "\x16"),
			ico("\x01", "\x01", "\x01", "\x15"), ico("\x01", "\x02", "\x01", "\x25"), ico("\x01", "\x01", "\x01", "\x16")[:21],
			"\x01" + ico("\x01", "\x01", "\x01", "\x16")[1:], "\x00\x01" + ico("\x01", "\x01", "\x01", "\x16")[2:], "\x00\x00\x01\x01" + ico("\x01", "\x01", "\x01", "\x16")[4:],
			"<html", "< svg", "text", "\x00\x00\x00\x08ftyq", "\x00\x00\x00\x08fty",
		},
	} {
		for _, head := range heads {
			if got := Sniff([]byte(head)); got != want {
				t.Errorf("%q: got %q, want %q", head, got, want)
			}
		}
	}
}
