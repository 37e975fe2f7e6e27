package exif

import (
	"errors"
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// A file can have several EXIFs. The answer tells one of them, and this file alone decides which. As a rule that is
// the first; JPEG and PNG, whose editors leave broken ones behind, have rules of their own.

// Choice is the EXIF of a file that the answer tells.
type Choice struct {
	// Format is the name of the file's container format, empty if it is no image.
	Format string
	// Blocks are the TIFF blocks of the EXIF, none if there is no EXIF. Of a tag in several, the first counts.
	Blocks []block
}

// Choose finds the EXIF of the image r that the answer tells. Its errors are ErrNotImage, ErrTooLarge and those of r,
// except io.EOF.
func Choose(r io.ReaderAt) (c Choice, err error) {
	f, name, err := sniff(r)
	if err != nil {
		return c, err
	}
	blocks, err := f.choose(r)
	if errors.Is(err, ErrNotImage) {
		return c, err
	}
	return Choice{name, blocks}, err
}

// first returns a function that chooses the first EXIF that each offers.
func first(each func(io.ReaderAt, offer) error) func(io.ReaderAt) ([]block, error) {
	return func(r io.ReaderAt) (blocks []block, err error) {
		err = each(r, func(b block) (bool, error) {
			blocks = []block{b}
			return true, nil
		})
		return blocks, err
	}
}

// chooseTIFF chooses the whole file.
func chooseTIFF(r io.ReaderAt) ([]block, error) { return []block{{r: r, pages: true}}, nil }

// chooseNone is for formats that can't hold EXIF.
func chooseNone(io.ReaderAt) ([]block, error) { return nil, nil }

// chooseSVG returns ErrNotImage for other XML.
func chooseSVG(r io.ReaderAt) ([]block, error) { return nil, svgInfo(r, new(facts)) }

// chooseCR3 chooses the directories, which are blocks of their own. A file has one of each; a hostile one could
// repeat them.
func chooseCR3(r io.ReaderAt) (blocks []block, err error) {
	err = cr3EXIF(r, func(b block) (bool, error) {
		blocks = append(blocks, b)
		return len(blocks) == 3, nil
	})
	return blocks, err
}

// chooseHEIF chooses the Exif item that describes the picture, the first if none does: the depth map etc. can have one
// of their own.
func chooseHEIF(r io.ReaderAt) ([]block, error) {
	w, err := openHEIF(r)
	if err != nil {
		return nil, err
	}
	items, err := w.itemsOf("Exif")
	if err != nil || len(items) == 0 {
		return nil, err
	}
	item := items[0]
	if len(items) > 1 {
		describing, ok, err := w.describing(items)
		if err != nil {
			return nil, err
		}
		if ok {
			item = describing
		}
	}
	b, ok, err := w.exif(item)
	if !ok || err != nil {
		return nil, err
	}
	return []block{b}, nil
}

// chooseJP2 chooses the first EXIF, and the first readable GeoJP2 block before it.
func chooseJP2(r io.ReaderAt) (blocks []block, err error) {
	var geo []block
	err = jp2EXIF(r, func(b block, isGeo bool) (bool, error) {
		if !isGeo {
			blocks = []block{b}
			return true, nil
		}
		if geo == nil {
			ok, err := readable(b)
			if ok {
				geo = []block{b}
			}
			return false, err
		}
		return false, nil
	})
	return append(blocks, geo...), err
}

// choosePSD chooses among the image resources.
func choosePSD(r io.ReaderAt) ([]block, error) {
	run, ok, err := psdResources(r)
	if !ok || err != nil {
		return nil, err
	}
	return chooseResource(r, run)
}

// chooseResource chooses EXIF data 1, or else the first EXIF data 3.
func chooseResource(r io.ReaderAt, in container.Extent) (blocks []block, err error) {
	err = resourceEXIF(r, in, func(b block, third bool) (bool, error) {
		if !third || blocks == nil {
			blocks = []block{b}
		}
		return !third, nil
	})
	return blocks, err
}

// chooseRAF chooses the EXIF of the preview.
func chooseRAF(r io.ReaderAt) ([]block, error) {
	preview, ok, err := rafPreview(r)
	if !ok || err != nil {
		return nil, err
	}
	return choosePreview(r, preview)
}

// chooseRW2 chooses the file's own EXIF and that of the preview.
func chooseRW2(r io.ReaderAt) ([]block, error) {
	own, preview, err := rw2EXIF(r)
	if preview.N == 0 || err != nil {
		return []block{own}, err
	}
	blocks, err := choosePreview(r, preview)
	return append([]block{own}, blocks...), err
}

// choosePreview chooses the EXIF of an embedded JPEG.
func choosePreview(r io.ReaderAt, run container.Extent) ([]block, error) {
	blocks, err := chooseJPEG(container.RunReader(r, run))
	for i := range blocks {
		blocks[i].off += run.Off
	}
	return blocks, err
}

// chooseJPEG chooses the first readable EXIF.
func chooseJPEG(r io.ReaderAt) ([]block, error) {
	w := newJPEG(r)
	c := jpegChoice{w: w}
	found := false
	err := w.each(func(h *segmentHead, n int, off int64) (bool, error) {
		var err error
		found, err = c.add(h, n, off)
		return found, err
	})
	if found || err != nil {
		return c.blocks, err
	}
	return c.withPhotoshop()
}

// jpegChoice chooses a JPEG's EXIF.
type jpegChoice struct {
	candidates
	w         *jpegWalk
	photoshop []container.Extent
}

// add offers a segment; done is true if the search can stop.
func (c *jpegChoice) add(h *segmentHead, n int, off int64) (done bool, err error) {
	if ok, _ := h.exif(n); ok {
		return c.candidates.add(c.w.exif(off))
	}
	if run, ok := h.resources(n, off); ok {
		c.photoshop = append(c.photoshop, run)
	}
	return false, nil
}

// withPhotoshop returns the EXIF chosen so far, or that of Photoshop's resources if none is readable.
func (c *jpegChoice) withPhotoshop() ([]block, error) {
	if len(c.photoshop) == 0 {
		return c.blocks, nil
	}
	joined := container.Join(c.w.r, c.photoshop)
	blocks, err := chooseResource(joined, container.Extent{N: joined.Ends[len(c.photoshop)-1]})
	if err != nil || len(blocks) == 0 {
		return c.blocks, err
	}
	blocks[0].off = joined.Place(blocks[0].off)
	_, err = c.candidates.add(blocks[0])
	return c.blocks, err
}

// choosePNG chooses the first readable eXIf before the picture, then the first of the others. It doesn't look after
// the picture if it found a profile before. Unreadable EXIF counts if there is no other.
func choosePNG(r io.ReaderAt) ([]block, error) {
	var chunks, texts candidates
	err := pngEXIF(r, func(p pngPart, read func() (block, bool, error)) (bool, error) {
		if p != pngChunk && texts.readable {
			return p == pngPicture, nil
		}
		if p == pngPicture {
			return false, nil
		}
		b, ok, err := read()
		if !ok || err != nil {
			return false, err
		}
		if p == pngChunk {
			return chunks.add(b)
		}
		done, err := texts.add(b)
		return done && !texts.readable, err
	})
	if texts.readable && !chunks.readable || chunks.blocks == nil {
		return texts.blocks, err
	}
	return chunks.blocks, err
}

// candidates chooses the first EXIF that looks readable, else the first of all, whose error Decode returns. Its zero
// value is ready for use.
type candidates struct {
	blocks   []block // the EXIF chosen so far
	readable bool    // it looks readable
	broken   int     // number of unreadable ones
}

// add offers an EXIF; done is true if the search can stop.
func (c *candidates) add(b block) (done bool, err error) {
	ok, err := readable(b)
	if ok || c.broken == 0 {
		c.blocks, c.readable = []block{b}, ok
	}
	if !ok {
		c.broken++
	}
	return ok || c.broken == MaxBroken, err
}

// entriesTried is the number of entries of IFD0 that readable checks.
const entriesTried = 8

// readable reports whether one of the first entries of IFD0 is intact. Writers that lose the EXIF leave
// an empty directory, a header alone, zeros, or offsets beyond its end.
func readable(b block) (bool, error) {
	var buf [8 + 20*entriesTried]byte
	n, err := container.ReadAt(b.r, buf[:16], 0)
	if err != nil {
		return false, err
	}
	l, first, ok := container.ParseTIFFHeader(buf[:n])
	if !ok {
		return false, nil
	}
	count, size := l.CountSize(), l.EntrySize()
	n, err = container.ReadAt(b.r, buf[:count+entriesTried*size], first)
	if err != nil || int64(n) < count {
		return false, err
	}
	entries := l.Uint(buf[:count])
	for e := buf[count:n]; entries > 0 && int64(len(e)) >= size; e = e[size:] {
		entries--
		if ok, err := validEntry(l, b, e[:size]); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// validEntry reports whether an entry has a known type and its value lies within the block.
func validEntry(l container.Layout, b block, e []byte) (bool, error) {
	_, typ, count, value := l.Fields(e)
	unit := typeSize(typ)
	if unit == 0 || count == 0 || count > container.ToEnd/unit {
		return false, nil
	}
	if container.Offset(count*unit) <= int64(len(value)) {
		return true, nil
	}
	var last [1]byte
	return container.ReadFull(b.r, last[:], container.Offset(l.Uint(value))+container.Offset(count*unit)-1)
}
