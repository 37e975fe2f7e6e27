package exif

import (
	"bytes"
	"cmp"
	"io"
)

// Canon's CR3 consists of ISO boxes: the box moov has a uuid box with one TIFF block for each
// directory: CMT1 is IFD0, CMT2 the Exif directory, CMT3 the maker note, CMT4 GPS. Canon hasn't
// documented it; https://github.com/lclevy/canon_cr3 describes it.

const canonUUID = "\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"

func isCR3(head []byte) bool { return isBMFF(head) && string(head[8:12]) == "crx " }

// findCR3 finds the blocks of the three directories.
func findCR3(r io.ReaderAt) (blocks []block, err error) {
	w := &boxes{r: r}
	canon := func(b box) (bool, error) {
		switch b.typ {
		case "CMT1":
			blocks = append(blocks, block{r: runReader(r, b.body), first: ifd0})
		case "CMT2":
			blocks = append(blocks, block{r: runReader(r, b.body), first: exifIFD})
		case "CMT4":
			blocks = append(blocks, block{r: runReader(r, b.body), first: gpsIFD})
		}
		// a file has one of each; a hostile one could repeat them
		return len(blocks) == 3, nil
	}
	moov := func(b box) (bool, error) {
		if b.typ != "uuid" || string(b.uuid[:]) != canonUUID {
			return false, nil
		}
		return true, w.each(b.body, canon)
	}
	err = w.each(wholeFile, func(b box) (bool, error) {
		if b.typ != "moov" {
			return false, nil
		}
		return true, w.each(b.body, moov)
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
	w := &boxes{r: s.r}
	canon := func(b box) (bool, error) {
		if b.typ == "THMB" {
			s.add(picturePlace{r: s.r, run: fullBody(b.body, canonPictureHead)})
		}
		return false, nil
	}
	moov := func(b box) (bool, error) {
		switch {
		case b.typ == "uuid" && string(b.uuid[:]) == canonUUID:
			return false, w.each(b.body, canon)
		case b.typ == "trak":
			return false, w.jpegTrack(s, b.body)
		}
		return false, nil
	}
	seen := 0
	return w.each(wholeFile, func(b box) (bool, error) {
		switch {
		case b.typ == "moov":
			seen++
			return seen == 2, w.each(b.body, moov)
		case b.typ == "uuid" && string(b.uuid[:]) == canonPreviewUUID:
			seen++
			return seen == 2, w.each(fullBody(b.body, 8), func(b box) (bool, error) {
				if b.typ == "PRVW" {
					s.add(picturePlace{r: s.r, run: fullBody(b.body, canonPictureHead)})
				}
				return b.typ == "PRVW", nil
			})
		}
		return false, nil
	})
}

// jpegTrack adds the first sample of a track, unless it is raw data (box CMP1).
func (w *boxes) jpegTrack(s *pictureSearch, trak extent) error {
	var stsd, stsz, stco extent
	wide := int64(4)
	stbl := func(b box) (bool, error) {
		switch b.typ {
		case "stsd":
			stsd = b.body
		case "stsz":
			stsz = b.body
		case "stco":
			stco = b.body
		case "co64":
			stco, wide = b.body, 8
		}
		return false, nil
	}
	descend := func(typ string, f func(box) (bool, error)) func(box) (bool, error) {
		return func(b box) (bool, error) {
			if b.typ != typ {
				return false, nil
			}
			return true, w.each(b.body, f)
		}
	}
	if err := w.each(trak, descend("mdia", descend("minf", descend("stbl", stbl)))); err != nil {
		return err
	}
	var entry [256]byte
	n, err := readAt(w.r, entry[:min(int64(len(entry)), stsd.n)], stsd.off)
	if err != nil || bytes.Contains(entry[:n], []byte("CMP1")) {
		return err
	}
	// version and flags, the size of all samples or 0, their number, the size of the first
	c := w.cursor(fullBody(stsz, 4))
	size := c.uint(4)
	if c.uint(4); size == 0 {
		size = c.uint(4)
	}
	sizeErr := c.err
	c = w.cursor(fullBody(stco, 4+4))
	s.add(picturePlace{r: s.r, run: extent{offset(c.uint(wide)), offset(size)}})
	return cmp.Or(sizeErr, c.err)
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
