package exif

import (
	"encoding/binary"
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Panasonic's RW2 is a TIFF file with 0x55 instead of 42. The tags of its IFD0 below 0x00FE, and some
// above, are Panasonic's own. One of them is a JPEG preview whose EXIF completes the file's own
// directories, which take precedence.

const (
	panasonicJPEG = 0x002E
	// Panasonic's own tags above 0x00FE, from the strips on
	panasonicFirst, panasonicLast = 0x0118, 0x0127
)

func panasonicsOwn(id uint16) bool {
	return id < newSubfileTypeTag || panasonicFirst <= id && id <= panasonicLast
}

// findRW2 returns the file's own EXIF and that of the preview.
func findRW2(r io.ReaderAt) ([]block, error) {
	blocks := []block{{r: r, first: ifd0, foreign: panasonicsOwn, pages: true}}
	jpeg, err := previewRW2(r)
	if jpeg.N == 0 || err != nil {
		return blocks, err
	}
	preview, err := findJPEG(container.RunReader(r, jpeg))
	return append(blocks, preview...), err
}

// previewRW2 returns the run of the preview, empty if there is none.
func previewRW2(r io.ReaderAt) (container.Extent, error) {
	o := binary.LittleEndian
	var b [12]byte
	if ok, err := container.ReadFull(r, b[:4], 4); !ok || err != nil {
		return container.Extent{}, err
	}
	off := int64(o.Uint32(b[:]))
	if ok, err := container.ReadFull(r, b[:2], off); !ok || err != nil {
		return container.Extent{}, err
	}
	off += 2
	for range o.Uint16(b[:]) {
		if ok, err := container.ReadFull(r, b[:], off); !ok || err != nil {
			return container.Extent{}, err
		}
		if o.Uint16(b[:]) == panasonicJPEG {
			return container.Extent{Off: int64(o.Uint32(b[8:])), N: int64(o.Uint32(b[4:]))}, nil
		}
		off += 12
	}
	return container.Extent{}, nil
}

// picturesInRW2 adds the preview.
func picturesInRW2(s *pictureSearch) error {
	preview, err := previewRW2(s.r)
	s.add(picturePlace{r: s.r, run: preview})
	return err
}

// infoRW2 reads the picture's place on the sensor: its upper, left, lower and right border are tags 4 to 7
// of IFD0.
func infoRW2(r io.ReaderAt, i *Info) error {
	t, ok, err := openTIFF(r)
	if !ok || err != nil {
		return err
	}
	d, err := t.dir(t.first)
	if s := &d.sensor; s[6] > s[4] && s[7] > s[5] {
		i.setSize(s[7]-s[5], s[6]-s[4])
	}
	i.Orientation, i.ColorModel = d.orientation, photometrics[cfa]
	return err
}
