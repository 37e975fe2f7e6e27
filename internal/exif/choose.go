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
	Blocks []container.Block
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
func first(each func(io.ReaderAt, container.Offer) error) func(io.ReaderAt) ([]container.Block, error) {
	return func(r io.ReaderAt) (blocks []container.Block, err error) {
		err = each(r, func(b container.Block) (bool, error) {
			blocks = []container.Block{b}
			return true, nil
		})
		return blocks, err
	}
}

// chooseTIFF chooses the whole file.
func chooseTIFF(r io.ReaderAt) ([]container.Block, error) {
	return []container.Block{{R: r, Pages: true}}, nil
}

// chooseNone is for formats that can't hold EXIF.
func chooseNone(io.ReaderAt) ([]container.Block, error) { return nil, nil }

// chooseSVG returns ErrNotImage for other XML.
func chooseSVG(r io.ReaderAt) ([]container.Block, error) {
	return nil, container.SVGInfo(r, new(container.Info))
}

// chooseCR3 chooses the directories, which are blocks of their own. A file has one of each; a hostile one could
// repeat them.
func chooseCR3(r io.ReaderAt) (blocks []container.Block, err error) {
	err = container.CR3EXIF(r, func(b container.Block) (bool, error) {
		blocks = append(blocks, b)
		return len(blocks) == 3, nil
	})
	return blocks, err
}

// chooseHEIF chooses the Exif item that describes the picture, the first if none does: the depth map etc. can have one
// of their own.
func chooseHEIF(r io.ReaderAt) ([]container.Block, error) {
	w, err := container.OpenHEIF(r)
	if err != nil {
		return nil, err
	}
	items, err := w.Items("Exif")
	if err != nil || len(items) == 0 {
		return nil, err
	}
	item := items[0]
	if len(items) > 1 {
		describing, ok, err := w.Describing(items)
		if err != nil {
			return nil, err
		}
		if ok {
			item = describing
		}
	}
	b, ok, err := w.EXIF(item)
	if !ok || err != nil {
		return nil, err
	}
	return []container.Block{b}, nil
}

// chooseJP2 chooses the first EXIF, and the first readable GeoJP2 block before it.
func chooseJP2(r io.ReaderAt) (blocks []container.Block, err error) {
	var geo []container.Block
	err = container.JP2EXIF(r, func(b container.Block, isGeo bool) (bool, error) {
		if !isGeo {
			blocks = []container.Block{b}
			return true, nil
		}
		if geo == nil {
			ok, err := readable(b)
			if ok {
				geo = []container.Block{b}
			}
			return false, err
		}
		return false, nil
	})
	return append(blocks, geo...), err
}

// choosePSD chooses among the image resources.
func choosePSD(r io.ReaderAt) ([]container.Block, error) {
	run, ok, err := container.PSDResources(r)
	if !ok || err != nil {
		return nil, err
	}
	return chooseResource(r, run)
}

// chooseResource chooses EXIF data 1, or else the first EXIF data 3.
func chooseResource(r io.ReaderAt, in container.Extent) (blocks []container.Block, err error) {
	err = container.ResourceEXIF(r, in, func(b container.Block, third bool) (bool, error) {
		if !third || blocks == nil {
			blocks = []container.Block{b}
		}
		return !third, nil
	})
	return blocks, err
}

// chooseRAF chooses the EXIF of the preview.
func chooseRAF(r io.ReaderAt) ([]container.Block, error) {
	preview, ok, err := container.RAFPreview(r)
	if !ok || err != nil {
		return nil, err
	}
	return choosePreview(r, preview)
}

// chooseRW2 chooses the file's own EXIF and that of the preview.
func chooseRW2(r io.ReaderAt) ([]container.Block, error) {
	own, preview, err := container.RW2EXIF(r)
	if preview.N == 0 || err != nil {
		return []container.Block{own}, err
	}
	blocks, err := choosePreview(r, preview)
	return append([]container.Block{own}, blocks...), err
}

// choosePreview chooses the EXIF of an embedded JPEG.
func choosePreview(r io.ReaderAt, run container.Extent) ([]container.Block, error) {
	blocks, err := chooseJPEG(container.RunReader(r, run))
	for i := range blocks {
		blocks[i].Off += run.Off
	}
	return blocks, err
}

// chooseJPEG chooses the first readable EXIF.
func chooseJPEG(r io.ReaderAt) ([]container.Block, error) {
	w := container.NewJPEG(r)
	c := jpegChoice{w: w}
	found := false
	err := w.Each(func(h *container.SegmentHead, n int, off int64) (bool, error) {
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
	w         *container.JPEG
	photoshop []container.Extent
}

// add offers a segment; done is true if the search can stop.
func (c *jpegChoice) add(h *container.SegmentHead, n int, off int64) (done bool, err error) {
	if at, _ := h.EXIF(n); at > 0 {
		return c.candidates.add(c.w.EXIF(off, at))
	}
	if run, ok := h.Resources(n, off); ok {
		c.photoshop = append(c.photoshop, run)
	}
	return false, nil
}

// withPhotoshop returns the EXIF chosen so far, or that of Photoshop's resources if none is readable.
func (c *jpegChoice) withPhotoshop() ([]container.Block, error) {
	if len(c.photoshop) == 0 {
		return c.blocks, nil
	}
	joined := container.Join(c.w.R, c.photoshop)
	blocks, err := chooseResource(joined, container.Extent{N: joined.Len()})
	if err != nil || len(blocks) == 0 {
		return c.blocks, err
	}
	if at := joined.Parts(container.Extent{Off: blocks[0].Off, N: 1}); len(at) > 0 {
		blocks[0].Off = at[0].Off
	}
	_, err = c.candidates.add(blocks[0])
	return c.blocks, err
}

// choosePNG chooses the first readable eXIf before the picture, then the first of the others. It doesn't look after
// the picture if it found a profile before. Unreadable EXIF counts if there is no other.
func choosePNG(r io.ReaderAt) ([]container.Block, error) {
	var chunks, texts candidates
	err := container.PNGEXIF(r, func(p container.PNGPart, read func() (container.Block, bool, error)) (bool, error) {
		if p != container.PNGChunk && texts.readable {
			return p == container.PNGPicture, nil
		}
		if p == container.PNGPicture {
			return false, nil
		}
		b, ok, err := read()
		if !ok || err != nil {
			return false, err
		}
		if p == container.PNGChunk {
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
	blocks   []container.Block // the EXIF chosen so far
	readable bool              // it looks readable
	broken   int               // number of unreadable ones
}

// add offers an EXIF; done is true if the search can stop.
func (c *candidates) add(b container.Block) (done bool, err error) {
	ok, err := readable(b)
	if ok || c.broken == 0 {
		c.blocks, c.readable = []container.Block{b}, ok
	}
	if !ok {
		c.broken++
	}
	return ok || c.broken == maxBroken, err
}

// entriesTried is the number of entries of IFD0 that readable checks.
const entriesTried = 8

// readable reports whether one of the first entries of IFD0 is intact. Writers that lose the EXIF leave
// an empty directory, a header alone, zeros, or offsets beyond its end. BigTIFF doesn't count: no other reader expects it
// in these formats.
func readable(b container.Block) (bool, error) {
	var buf [8 + 20*entriesTried]byte
	n, err := container.ReadAt(b.R, buf[:16], 0)
	if err != nil {
		return false, err
	}
	l, first, ok := container.ParseTIFFHeader(buf[:n])
	if !ok || l.Big {
		return false, nil
	}
	count, size := l.CountSize(), l.EntrySize()
	n, err = container.ReadAt(b.R, buf[:count+entriesTried*size], first)
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
func validEntry(l container.Layout, b container.Block, e []byte) (bool, error) {
	_, typ, count, value := l.Fields(e)
	unit := container.TypeSize(typ)
	if unit == 0 || count == 0 || count > container.ToEnd/unit {
		return false, nil
	}
	if container.Offset(count*unit) <= int64(len(value)) {
		return true, nil
	}
	var last [1]byte
	return container.ReadFull(b.R, last[:], container.Offset(l.Uint(value))+container.Offset(count*unit)-1)
}
