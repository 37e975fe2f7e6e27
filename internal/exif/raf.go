package exif

import "io"

// Fujifilm's RAF begins with a header of fixed size that names the place and the length of a JPEG
// preview, big-endian at 84 and 88; the EXIF is the preview's. Fujifilm has published nothing of it;
// https://libopenraw.freedesktop.org/formats/raf/ describes it.

// rafPreview is where the preview is; ok is false where there is none.
func rafPreview(r io.ReaderAt) (run extent, ok bool, err error) {
	var b [8]byte
	if ok, err := readFull(r, b[:], 84); !ok || err != nil {
		return run, false, err
	}
	run.off, run.n = bigEndian(b[:])
	return run, run.off > 0 && run.n > 0, nil
}

// findRAF finds the EXIF of the preview.
func findRAF(r io.ReaderAt) ([]block, error) {
	preview, ok, err := rafPreview(r)
	if !ok || err != nil {
		return nil, err
	}
	return findJPEG(part(r, preview))
}

// picturesInRAF notes the preview.
func picturesInRAF(s *pictureSearch) error {
	preview, ok, err := rafPreview(s.r)
	if ok {
		s.add(picturePlace{r: s.r, run: preview})
	}
	return err
}

// infoRAF reads the size of the preview, as ExifTool does: it is the photo as the camera crops it.
func infoRAF(r io.ReaderAt, i *Info) error {
	preview, ok, err := rafPreview(r)
	if !ok || err != nil {
		return err
	}
	err = infoJPEG(part(r, preview), i)
	i.ColorModel, i.Frames = photometrics[cfa], 0
	return err
}
