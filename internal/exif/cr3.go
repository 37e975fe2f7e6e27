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

// cr3EXIF offers the blocks of the three directories.
func cr3EXIF(r io.ReaderAt, f offer) error {
	w := &container.Boxes{R: r}
	canon := func(b container.Box) (bool, error) {
		first, ok := map[string]Directory{"CMT1": IFD0, "CMT2": ExifIFD, "CMT4": GPSIFD}[b.Type]
		if !ok {
			return false, nil
		}
		return f(block{r: container.RunReader(r, b.Body), off: b.Body.Off, first: first})
	}
	moov := func(b container.Box) (bool, error) {
		if b.Type != "uuid" || string(b.UUID[:]) != canonUUID {
			return false, nil
		}
		return true, w.Each(b.Body, canon)
	}
	return w.Each(container.WholeFile, func(b container.Box) (bool, error) {
		if b.Type != "moov" {
			return false, nil
		}
		return true, w.Each(b.Body, moov)
	})
}

// The pictures are the body of a box THMB next to CMT1, the body of a box PRVW in another uuid box, both
// after a version and their sizes, and the one sample of the track whose entry has a box JPEG.
const (
	canonPreviewUUID = "\xEA\xF4\x2B\x5E\x1C\x98\x4B\x88\xB9\xFB\xB7\xDC\x40\x6E\x4D\x16"
	canonPictureHead = 16
)

// cr3Pictures adds the thumbnail, the preview and the full-size picture.
func cr3Pictures(r io.ReaderAt, add func(place)) error {
	w := &container.Boxes{R: r}
	canon := func(b container.Box) (bool, error) {
		if b.Type == "THMB" {
			add(place{r: r, run: container.Skip(b.Body, canonPictureHead)})
		}
		return false, nil
	}
	moov := func(b container.Box) (bool, error) {
		switch {
		case b.Type == "uuid" && string(b.UUID[:]) == canonUUID:
			return false, w.Each(b.Body, canon)
		case b.Type == "trak":
			return false, jpegTrack(w, b.Body, add)
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
					add(place{r: r, run: container.Skip(b.Body, canonPictureHead)})
				}
				return b.Type == "PRVW", nil
			})
		}
		return false, nil
	})
}

// jpegTrack adds the first sample of a track, unless it is raw data (box CMP1).
func jpegTrack(w *container.Boxes, trak container.Extent, add func(place)) error {
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
	add(place{r: w.R, run: container.Extent{Off: container.Offset(c.Uint(wide)), N: container.Offset(size)}})
	return cmp.Or(sizeErr, c.Err)
}
