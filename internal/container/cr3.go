package container

import (
	"bytes"
	"cmp"
	"io"
)

// Canon's CR3 consists of ISO boxes: the box moov has a uuid box with one TIFF block for each
// directory: CMT1 is IFD0, CMT2 the Exif directory, CMT3 the maker note, CMT4 GPS. Canon hasn't
// documented it; https://github.com/lclevy/canon_cr3 describes it.

// CanonUUID is the type of the box with the directories.
const CanonUUID = "\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"

// CR3EXIF offers the blocks of the three directories.
func CR3EXIF(r io.ReaderAt, f Offer) error {
	w := &boxes{R: r}
	canon := func(b box) (bool, error) {
		first, ok := map[string]Directory{"CMT1": IFD0, "CMT2": ExifIFD, "CMT4": GPSIFD}[b.Type]
		if !ok {
			return false, nil
		}
		return f(Block{R: RunReader(r, b.Body), Off: b.Body.Off, First: first})
	}
	moov := func(b box) (bool, error) {
		if b.Type != "uuid" || string(b.UUID[:]) != CanonUUID {
			return false, nil
		}
		return true, w.each(b.Body, canon)
	}
	return w.each(wholeFile, func(b box) (bool, error) {
		if b.Type != "moov" {
			return false, nil
		}
		return true, w.each(b.Body, moov)
	})
}

// The pictures are the body of a box THMB next to CMT1, the body of a box PRVW in another uuid box, both
// after a version and their sizes, and the one sample of the track whose entry has a box JPEG.
const (
	canonPreviewUUID = "\xEA\xF4\x2B\x5E\x1C\x98\x4B\x88\xB9\xFB\xB7\xDC\x40\x6E\x4D\x16"
	canonPictureHead = 16
)

// CR3Pictures adds the thumbnail, the preview and the full-size picture.
func CR3Pictures(r io.ReaderAt, add func(Place)) error {
	w := &boxes{R: r}
	canon := func(b box) (bool, error) {
		if b.Type == "THMB" {
			add(Place{R: r, Run: skip(b.Body, canonPictureHead)})
		}
		return false, nil
	}
	moov := func(b box) (bool, error) {
		switch {
		case b.Type == "uuid" && string(b.UUID[:]) == CanonUUID:
			return false, w.each(b.Body, canon)
		case b.Type == "trak":
			return false, jpegTrack(w, b.Body, add)
		}
		return false, nil
	}
	seen := 0
	return w.each(wholeFile, func(b box) (bool, error) {
		switch {
		case b.Type == "moov":
			seen++
			return seen == 2, w.each(b.Body, moov)
		case b.Type == "uuid" && string(b.UUID[:]) == canonPreviewUUID:
			seen++
			return seen == 2, w.each(skip(b.Body, 8), func(b box) (bool, error) {
				if b.Type == "PRVW" {
					add(Place{R: r, Run: skip(b.Body, canonPictureHead)})
				}
				return b.Type == "PRVW", nil
			})
		}
		return false, nil
	})
}

// jpegTrack adds the first sample of a track, unless it is raw data (box CMP1).
func jpegTrack(w *boxes, trak Extent, add func(Place)) error {
	var stsd, stsz, stco Extent
	wide := int64(4)
	stbl := func(b box) (bool, error) {
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
	if err := w.each(trak, w.descend("mdia", true, w.descend("minf", true, w.descend("stbl", true, stbl)))); err != nil {
		return err
	}
	var entry [256]byte
	n, err := ReadAt(w.R, entry[:min(int64(len(entry)), stsd.N)], stsd.Off)
	if err != nil || bytes.Contains(entry[:n], []byte("CMP1")) {
		return err
	}
	// version and flags, the size of all samples or 0, their number, the size of the first
	c := w.cursor(skip(stsz, 4))
	size := c.uint(4)
	if c.uint(4); size == 0 {
		size = c.uint(4)
	}
	sizeErr := c.err
	c = w.cursor(skip(stco, 4+4))
	add(Place{R: w.R, Run: Extent{Off: Offset(c.uint(wide)), N: Offset(size)}})
	return cmp.Or(sizeErr, c.err)
}
