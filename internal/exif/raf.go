package exif

import "io"

// Fujifilm's RAF begins with a header of fixed size with the offset and the length of a JPEG preview,
// big-endian at 84 and 88; the EXIF is the preview's. Fujifilm hasn't documented it;
// https://libopenraw.freedesktop.org/formats/raf/ describes it.

// rafPreview returns the run of the preview; ok is false if there is none.
func rafPreview(r io.ReaderAt) (run extent, ok bool, err error) {
	var b [8]byte
	if ok, err := readFull(r, b[:], 84); !ok || err != nil {
		return run, false, err
	}
	run.off, run.n = bigEndian(b[:])
	return run, run.off > 0 && run.n > 0, nil
}

// findRAF returns the EXIF of the preview.
func findRAF(r io.ReaderAt) ([]block, error) {
	preview, ok, err := rafPreview(r)
	if !ok || err != nil {
		return nil, err
	}
	return findJPEG(runReader(r, preview))
}

// picturesInRAF adds the preview.
func picturesInRAF(s *pictureSearch) error {
	preview, ok, err := rafPreview(s.r)
	if ok {
		s.add(picturePlace{r: s.r, run: preview})
	}
	return err
}

// infoRAF reads the size of the preview, as ExifTool does: the camera crops it like the photo.
func infoRAF(r io.ReaderAt, i *Info) error {
	preview, ok, err := rafPreview(r)
	if !ok || err != nil {
		return err
	}
	err = infoJPEG(runReader(r, preview), i)
	i.ColorModel, i.Frames = photometrics[cfa], 0
	return err
}
