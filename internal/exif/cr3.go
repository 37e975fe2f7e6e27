package exif

import (
	"bytes"
	"cmp"
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Canon's CR3 consists of ISO boxes: the box moov has a uuid box with one TIFF block for each
// directory: CMT1 is IFD0, CMT2 the Exif directory, CMT3 the maker note, CMT4 GPS. Canon hasn't
// documented it; https://github.com/lclevy/canon_cr3 describes it.

const canonUUID = "\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"

// findCR3 finds the blocks of the three directories.
func findCR3(r io.ReaderAt) (blocks []block, err error) {
	w := &boxes{container.Boxes{R: r}}
	canon := func(b container.Box) (bool, error) {
		switch b.Type {
		case "CMT1":
			blocks = append(blocks, block{r: container.RunReader(r, b.Body), first: ifd0})
		case "CMT2":
			blocks = append(blocks, block{r: container.RunReader(r, b.Body), first: exifIFD})
		case "CMT4":
			blocks = append(blocks, block{r: container.RunReader(r, b.Body), first: gpsIFD})
		}
		// a file has one of each; a hostile one could repeat them
		return len(blocks) == 3, nil
	}
	moov := func(b container.Box) (bool, error) {
		if b.Type != "uuid" || string(b.UUID[:]) != canonUUID {
			return false, nil
		}
		return true, w.Each(b.Body, canon)
	}
	err = w.Each(container.WholeFile, func(b container.Box) (bool, error) {
		if b.Type != "moov" {
			return false, nil
		}
		return true, w.Each(b.Body, moov)
	})
	return blocks, err
}

// The pictures are the body of a box THMB next to CMT1, the body of a box PRVW in another uuid box, both
// after a version and their sizes, and the one sample of the track whose entry has a box JPEG.
const (
	canonPreviewUUID = "\xEA\xF4\x2B\x5E\x1C\x98\x4B\x88\xB9\xFB\xB7\xDC\x40\x6E\x4D\x16"
	canonPictureHead = 16
)

// picturesInCR3 adds the thumbnail, the preview and the full-size picture.
func picturesInCR3(s *pictureSearch) error {
	w := &boxes{container.Boxes{R: s.r}}
	canon := func(b container.Box) (bool, error) {
		if b.Type == "THMB" {
			s.add(picturePlace{r: s.r, run: container.Skip(b.Body, canonPictureHead)})
		}
		return false, nil
	}
	moov := func(b container.Box) (bool, error) {
		switch {
		case b.Type == "uuid" && string(b.UUID[:]) == canonUUID:
			return false, w.Each(b.Body, canon)
		case b.Type == "trak":
			return false, w.jpegTrack(s, b.Body)
		}
		return false, nil
	}
	seen := 0
	return w.Each(container.WholeFile, func(b container.Box) (bool, error) {
		switch {
		case b.Type == "moov":
			seen++
			return seen == 2, w.Each(b.Body, moov)
		case b.Type == "uuid" && string(b.UUID[:]) == canonPreviewUUID:
			seen++
			return seen == 2, w.Each(container.Skip(b.Body, 8), func(b container.Box) (bool, error) {
				if b.Type == "PRVW" {
					s.add(picturePlace{r: s.r, run: container.Skip(b.Body, canonPictureHead)})
				}
				return b.Type == "PRVW", nil
			})
		}
		return false, nil
	})
}

// jpegTrack adds the first sample of a track, unless it is raw data (box CMP1).
func (w *boxes) jpegTrack(s *pictureSearch, trak container.Extent) error {
	var stsd, stsz, stco container.Extent
	wide := int64(4)
	stbl := func(b container.Box) (bool, error) {
		switch b.Type {
		case "stsd":
			stsd = b.Body
		case "stsz":
			stsz = b.Body
		case "stco":
			stco = b.Body
		case "co64":
			stco, wide = b.Body, 8
		}
		return false, nil
	}
	descend := func(typ string, f func(container.Box) (bool, error)) func(container.Box) (bool, error) {
		return func(b container.Box) (bool, error) {
			if b.Type != typ {
				return false, nil
			}
			return true, w.Each(b.Body, f)
		}
	}
	if err := w.Each(trak, descend("mdia", descend("minf", descend("stbl", stbl)))); err != nil {
		return err
	}
	var entry [256]byte
	n, err := container.ReadAt(w.R, entry[:min(int64(len(entry)), stsd.N)], stsd.Off)
	if err != nil || bytes.Contains(entry[:n], []byte("CMP1")) {
		return err
	}
	// version and flags, the size of all samples or 0, their number, the size of the first
	c := w.Cursor(container.Skip(stsz, 4))
	size := c.Uint(4)
	if c.Uint(4); size == 0 {
		size = c.Uint(4)
	}
	sizeErr := c.Err
	c = w.Cursor(container.Skip(stco, 4+4))
	s.add(picturePlace{r: s.r, run: container.Extent{Off: container.Offset(c.Uint(wide)), N: container.Offset(size)}})
	return cmp.Or(sizeErr, c.Err)
}

// infoCR3 reads the size and the orientation in CMT1.
func infoCR3(r io.ReaderAt, i *Info) error {
	i.ColorModel = photometrics[cfa]
	blocks, err := findCR3(r)
	for _, b := range blocks {
		if b.first != ifd0 {
			continue
		}
		t, ok, err := openTIFF(b.r)
		if !ok || err != nil {
			return err
		}
		d, err := t.dir(t.first)
		i.setSize(d.width, d.height)
		i.Orientation = d.orientation
		return err
	}
	return err
}
