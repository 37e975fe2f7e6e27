package exif

import (
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Fujifilm's RAF begins with a header of fixed size with the offset and the length of a JPEG preview,
// big-endian at 84 and 88; the EXIF is the preview's. Fujifilm hasn't documented it;
// https://libopenraw.freedesktop.org/formats/raf/ describes it.

// rafPreview returns the run of the preview; ok is false if there is none.
func rafPreview(r io.ReaderAt) (run container.Extent, ok bool, err error) {
	var b [8]byte
	if ok, err := container.ReadFull(r, b[:], 84); !ok || err != nil {
		return run, false, err
	}
	run.Off, run.N = container.TwoUint32(b[:])
	return run, run.Off > 0 && run.N > 0, nil
}

// rafPictures adds the preview.
func rafPictures(r io.ReaderAt, add func(place)) error {
	preview, ok, err := rafPreview(r)
	if ok {
		add(place{r: r, run: preview})
	}
	return err
}
