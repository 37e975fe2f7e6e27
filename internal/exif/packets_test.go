package exif

import (
	"bytes"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestPacketsOfTIFF: IFD0 has XMP and IIM, in a file or in a block of one.
func TestPacketsOfTIFF(t *testing.T) {
	block := testimage.Block{IFD0: []testimage.Entry{
		testimage.Bytes(xmpTag, 1, []byte("<x:xmpmeta/>")),
		testimage.Bytes(iimTag, 7, []byte("\x1C\x02\x05\x00\x01A")),
	}}
	for name, data := range map[string][]byte{"tiff": block.Encode(), "mrw": testimage.MRW(block.Encode(), false)} {
		var got []string
		format, err := Packets(bytes.NewReader(data), func(p container.Packet) (bool, error) {
			b := make([]byte, p.N)
			_, err := p.R.ReadAt(b, 0)
			got = append(got, string(b))
			return false, err
		})
		if want := []string{"<x:xmpmeta/>", "\x1C\x02\x05\x00\x01A"}; err != nil || format != name || !slices.Equal(got, want) {
			t.Errorf("%s: got %s, %q, %v", name, format, got, err)
		}
	}
}
