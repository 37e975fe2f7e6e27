package container

import "io"

// Fujifilm's RAF begins with a header of fixed size with the offset and the length of a JPEG preview,
// big-endian at 84 and 88; the EXIF is the preview's. Fujifilm hasn't documented it;
// https://libopenraw.freedesktop.org/formats/raf/ describes it.

// RAFPreview returns the run of the preview; ok is false if there is none.
func RAFPreview(r io.ReaderAt) (run Extent, ok bool, err error) {
	var b [8]byte
	if ok, err := ReadFull(r, b[:], 84); !ok || err != nil {
		return run, false, err
	}
	run.Off, run.N = TwoUint32(b[:])
	return run, run.Off > 0 && run.N > 0, nil
}

// RAFPictures adds the preview.
func RAFPictures(r io.ReaderAt, add func(Place)) error {
	preview, ok, err := RAFPreview(r)
	if ok {
		add(Place{R: r, Run: preview})
	}
	return err
}
