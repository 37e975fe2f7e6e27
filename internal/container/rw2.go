package container

import "io"

// Panasonic's RW2 is a TIFF file with 0x55 instead of 42. The tags of its IFD0 below 0x00FE, and some
// above, are Panasonic's own. One of them is a JPEG preview whose EXIF completes the file's own
// directories, which take precedence.

const (
	// PanasonicJPEG is the tag of the preview, a whole JPEG.
	PanasonicJPEG = 0x002E
	// firstTIFFTag is TIFF's first number
	firstTIFFTag = 0x00FE
	// Panasonic's own tags above 0x00FE, from the strips on
	panasonicFirst, panasonicLast = 0x0118, 0x0127
)

func panasonicsOwn(id uint16) bool {
	return id < firstTIFFTag || panasonicFirst <= id && id <= panasonicLast
}

// RW2EXIF returns the file's own EXIF, and the run of the preview, which has more; it is empty if there is none.
func RW2EXIF(r io.ReaderAt) (own Block, preview Extent, err error) {
	own = Block{R: r, Foreign: panasonicsOwn, Pages: true}
	d, first, ok, err := OpenDirs(r, new(DirBuffer), new(int))
	if !ok || err != nil {
		return own, preview, err
	}
	_, _, err = d.Each(first, func(e []byte) error {
		if id, _, count, value := d.Fields(e); id == PanasonicJPEG && preview.Off == 0 {
			preview = Extent{Off: int64(d.Uint(value)), N: Offset(count)} //nolint:gosec // of 32 bits
		}
		return nil
	})
	return own, preview, err
}

// RW2Pictures adds the preview.
func RW2Pictures(r io.ReaderAt, add func(Place)) error {
	_, preview, err := RW2EXIF(r)
	add(Place{R: r, Run: preview})
	return err
}
