package exif

import (
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Panasonic's RW2 is a TIFF file with 0x55 instead of 42. The tags of its IFD0 below 0x00FE, and some
// above, are Panasonic's own. One of them is a JPEG preview whose EXIF completes the file's own
// directories, which take precedence.

const (
	panasonicJPEG = 0x002E
	// firstTIFFTag is TIFF's first number
	firstTIFFTag = 0x00FE
	// Panasonic's own tags above 0x00FE, from the strips on
	panasonicFirst, panasonicLast = 0x0118, 0x0127
)

func panasonicsOwn(id uint16) bool {
	return id < firstTIFFTag || panasonicFirst <= id && id <= panasonicLast
}

// rw2EXIF returns the file's own EXIF, and the run of the preview, which has more; it is empty if there is none.
func rw2EXIF(r io.ReaderAt) (own block, preview container.Extent, err error) {
	own = block{r: r, foreign: panasonicsOwn, pages: true}
	d, first, ok, err := openDirs(r, new(dirBuffer), new(int))
	if !ok || err != nil {
		return own, preview, err
	}
	_, _, err = d.each(first, func(e []byte) error {
		if id, _, count, value := d.Fields(e); id == panasonicJPEG && preview.Off == 0 {
			preview = container.Extent{Off: int64(d.Uint(value)), N: container.Offset(count)} //nolint:gosec // of 32 bits
		}
		return nil
	})
	return own, preview, err
}

// rw2Pictures adds the preview.
func rw2Pictures(r io.ReaderAt, add func(place)) error {
	_, preview, err := rw2EXIF(r)
	add(place{r: r, run: preview})
	return err
}
