package exif

import (
	"encoding/binary"
	"io"
)

// Fujifilm's RAF begins with a header of fixed size that names the place and the length of a JPEG
// preview, big-endian at 84 and 88; the EXIF is the preview's. Fujifilm has published nothing of it;
// https://libopenraw.freedesktop.org/formats/raf/ describes it.

// findRAF finds the EXIF of the preview.
func findRAF(r io.ReaderAt) ([]block, error) {
	preview, err := previewRAF(r)
	if preview.off == 0 || preview.n == 0 || err != nil {
		return nil, err
	}
	return findJPEG(part(r, preview))
}

// previewRAF is where the preview is.
func previewRAF(r io.ReaderAt) (extent, error) {
	var b [8]byte
	if ok, err := readFull(r, b[:], 84); !ok || err != nil {
		return extent{}, err
	}
	return extent{int64(binary.BigEndian.Uint32(b[:])), int64(binary.BigEndian.Uint32(b[4:]))}, nil
}

// picturesInRAF notes the preview.
func picturesInRAF(s *pictureSearch) error {
	preview, err := previewRAF(s.r)
	s.add(picturePlace{r: s.r, run: preview})
	return err
}
