package container

import (
	"errors"
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
			Sniff([]byte(c.head[:n]))
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
