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
	var b [8]byte
	if ok, err := readFull(r, b[:], 84); !ok || err != nil {
		return nil, err
	}
	off, n := int64(binary.BigEndian.Uint32(b[:])), int64(binary.BigEndian.Uint32(b[4:]))
	if off == 0 || n == 0 {
		return nil, nil
	}
	return findJPEG(part(r, extent{off, n}))
}
