package exif

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// A photo often contains smaller versions of itself: JPEGs that a viewer shows while it decodes the photo,
// or instead of it. The finders (one in each container's file) only return where one may be. A JPEG is
// valid if its header is decodable and its last byte lies within the file. Package redact removes its metadata.

// ErrNoPicture means that the image has no valid embedded picture.
var ErrNoPicture = errors.New("exif: the image has no embedded picture")

const (
	// maxPictureDirs bounds the directories searched for JPEGs: a chain of pages can be as long as the file.
	maxPictureDirs = 64
	// maxPictureSegments bounds the segments of one picture's header: a color profile has up to 255.
	maxPictureSegments = 512
	// maxPictureSteps bounds the segments of all pictures of one file together, and so the time for 32
	// pictures in the same place.
	maxPictureSteps = 4 * maxPictureSegments
	// minThumbnailWidth is the minimum width in pixels of a thumbnail, except IFD1's own.
	minThumbnailWidth = 120
)

// Picture is an embedded JPEG with all of its metadata, or the data of a HEIF's thumbnail item.
type Picture struct {
	// Format is the photo's container format, as Metadata.Format. It is set with ErrNoPicture, too.
	Format string
	// Width and Height are the size of the picture as coded, in pixels.
	Width, Height int64
	// Orientation is that of the photo, 1 if it has none. An item has properties for it.
	Orientation int
	// Item is the thumbnail item, nil for a JPEG.
	Item *container.HEIFThumbnail

	r    io.ReaderAt
	run  container.Extent
	scan int64 // the length from the first scan on
}

// Reader returns a reader of the picture's bytes. It returns errors of the photo's reader unchanged.
func (p *Picture) Reader() io.Reader { return io.NewSectionReader(p.r, p.run.Off, p.run.N) }

// Size returns the length of the picture in bytes.
func (p *Picture) Size() int64 { return p.run.N }

// FindThumbnail returns the thumbnail of the photo's IFD1, else the smallest embedded JPEG that is at
// least 120 pixels wide, else a HEIF's thumbnail item. Its errors are ErrNoPicture, ErrNotImage, ErrTooLarge and those of r.
func FindThumbnail(r io.ReaderAt) (Picture, error) {
	p, err := findPicture(r, true, func(p, than *Picture) bool {
		return p.Width >= minThumbnailWidth && (than.r == nil || p.less(than))
	})
	if errors.Is(err, ErrNoPicture) && isHEIF(p.Format) {
		return findItem(r, p.Format)
	}
	return p, err
}

func isHEIF(format string) bool { return format == "heif" || format == "avif" }

// FindPreview returns the largest embedded JPEG. Its errors are those of FindThumbnail.
func FindPreview(r io.ReaderAt) (Picture, error) {
	return findPicture(r, false, func(p, than *Picture) bool { return than.r == nil || than.less(p) })
}

// less reports whether p is smaller than q: in pixels, or in bytes if these are equal.
func (p *Picture) less(q *Picture) bool {
	if a, b := p.Width*p.Height, q.Width*q.Height; a != b {
		return a < b
	}
	return p.scan < q.scan
}

// findPicture returns the best picture by better, or with ifd1First the first valid one of IFD1.
func findPicture(r io.ReaderAt, ifd1First bool, better func(p, than *Picture) bool) (Picture, error) {
	c, err := Choose(r)
	var best Picture
	s := &pictureSearch{r: r}
	if err == nil {
		best, err = s.best(&c, ifd1First, better)
	}
	if err == nil && best.r == nil {
		err = ErrNoPicture
	}
	if err == nil && isHEIF(c.Format) { // browsers ignore EXIF's Orientation there
		s.orientation, err = container.HEIFOrientation(r)
	}
	if err != nil {
		return Picture{Format: c.Format}, err
	}
	best.Format = c.Format
	best.Orientation = 1
	if 1 < s.orientation && s.orientation <= 8 {
		best.Orientation = int(s.orientation)
	}
	turned, err := best.isTurned(r)
	if turned {
		best.Orientation = 1
	}
	return best, err
}

// isTurned reports whether the picture is already as the photo is shown, since the photo would have to be turned by a
// quarter to have its shape: some cameras turn the previews of RAW files. JPEGs have theirs as they are coded themselves.
func (p *Picture) isTurned(r io.ReaderAt) (bool, error) {
	if p.Orientation <= 4 || p.Format == "jpeg" {
		return false, nil
	}
	photo, err := ReadInfo(r)
	if errors.Is(err, ErrTooLarge) {
		return false, nil
	}
	return photo.Width > photo.Height && p.Width < p.Height || photo.Width < photo.Height && p.Width > p.Height, err
}

// pictureHead is the number of bytes read of each segment: marker, length, and enough to identify it.
const pictureHead = 4 + 16

// headerParser reads a picture's header.
type headerParser struct {
	p        Picture
	frame    bool
	quant    bool
	huffman  bool
	gray     bool
	mcuW     int64
	mcuH     int64
	mayBeMap bool
}

// parse reads the header of the picture at a place; ok is false if it isn't valid.
func (s *pictureSearch) parse(at picturePlace) (p Picture, ok bool, err error) {
	off, end := at.Run.Off, at.Run.Off+at.Run.N
	var h [pictureHead]byte
	if at.Run.N < int64(len(h)) {
		return p, false, nil
	}
	if ok, err := within(at.R, at.Run); !ok || err != nil {
		return p, false, err
	}
	n, err := container.PeekAt(at.R, h[:2], off)
	if err != nil || n < 2 || h[0] != 0xFF || h[1] != container.MarkerSOI {
		return p, false, err
	}
	off += 2
	c := headerParser{p: Picture{r: at.R, run: at.Run}, mayBeMap: at.MayBeMap}
	for range maxPictureSegments {
		if s.steps++; s.steps > maxPictureSteps {
			return p, false, ErrTooLarge
		}
		n, err := container.PeekAt(at.R, h[:min(pictureHead, end-off)], off)
		if err != nil || n < 4 || h[0] != 0xFF {
			return p, false, err
		}
		if h[1] == 0xFF {
			off++
			continue
		}
		length := int64(binary.BigEndian.Uint16(h[2:]))
		if h[1] < container.MarkerSOF0 || container.MarkerRST0 <= h[1] && h[1] <= container.MarkerEOI || length < 2 || off+2+length > end {
			return p, false, nil
		}
		run := container.Extent{Off: off, N: 2 + length}
		off += 2 + length
		if h[1] == container.MarkerSOS {
			c.p.scan = end - off
			return c.p, c.complete(h[:n], run.N), nil
		}
		ok, err := c.segment(h[:n], run)
		if !ok || err != nil {
			return p, false, err
		}
	}
	return p, false, nil
}

// within reports whether the file has all of a run. It checks each piece of a run in joined extents.
func within(r io.ReaderAt, run container.Extent) (bool, error) {
	if size := container.SizeOf(r); size >= 0 {
		return run.Off+run.N <= size, nil
	}
	e, ok := r.(*container.Joined)
	if !ok {
		var last [1]byte
		n, err := container.PeekAt(r, last[:], run.Off+run.N-1)
		return n == 1, err
	}
	for _, part := range e.Parts(run) {
		if ok, err := within(e.R, part); !ok || err != nil {
			return false, err
		}
	}
	return run.Off+run.N <= e.Len(), nil
}

// segment reads a segment of the header; ok is false if the picture isn't valid. h has
// the segment's first bytes.
func (c *headerParser) segment(h []byte, run container.Extent) (ok bool, err error) {
	switch m := h[1]; {
	case m == container.MarkerDQT, m == container.MarkerDHT, m == container.MarkerDRI:
		c.quant = c.quant || m == container.MarkerDQT
		c.huffman = c.huffman || m == container.MarkerDHT
	case m == container.MarkerDAC: // for arithmetic coding, which no browser decodes
	case container.MarkerSOF0 <= m && m <= container.MarkerSOF2:
		return c.startOfFrame(run)
	case m <= container.MarkerSOFF, m == container.MarkerDNL, m == container.MarkerDHP, m == container.MarkerEXP:
		return false, nil // lossless, hierarchical, arithmetic
	case c.mayBeMap && m == container.MarkerAPP2 && hasPayload(h, "urn:iso:std:iso:"):
		return false, nil // a gain map (ISO 21496-1)
	case c.mayBeMap && m == container.MarkerAPP1:
		isMap, err := isGainMap(c.p.r, run)
		return !isMap, err
	}
	return true, nil
}

func hasPayload(h []byte, begin string) bool { return bytes.HasPrefix(h[4:], []byte(begin)) }

// isGainMap reports whether XMP marks the picture as a gain map: Adobe's and Google's, or Apple's.
func isGainMap(r io.ReaderAt, run container.Extent) (bool, error) {
	b := make([]byte, min(run.N, 8<<10))
	n, err := container.PeekAt(r, b, run.Off)
	b = b[:n]
	return bytes.Contains(b, []byte("hdr-gain-map/")) || bytes.Contains(b, []byte("aux:hdrgainmap")), err
}

// startOfFrame reads the frame header (T.81, B.2.2); ok is false for frames that browsers don't decode.
func (c *headerParser) startOfFrame(run container.Extent) (ok bool, err error) {
	var b [2 + 8 + 3*4]byte
	n := run.N
	if c.frame || n < 2+8+3 || n > int64(len(b)) {
		return false, nil
	}
	if ok, err := container.ReadFull(container.ReaderFunc(func(p []byte, off int64) (int, error) { return container.PeekAt(c.p.r, p, off) }), b[:n], run.Off); !ok || err != nil {
		return false, err
	}
	components := int64(b[9])
	c.p.Height = int64(binary.BigEndian.Uint16(b[5:]))
	c.p.Width = int64(binary.BigEndian.Uint16(b[7:]))
	if b[4] != 8 || components < 1 || components > 4 || n != 2+8+3*components || c.p.Width == 0 || c.p.Height == 0 {
		return false, nil
	}
	for k := range components {
		w, h := int64(b[11+3*k]>>4), int64(b[11+3*k]&15)
		if w < 1 || w > 4 || h < 1 || h > 4 {
			return false, nil
		}
		c.mcuW, c.mcuH = max(c.mcuW, 8*w), max(c.mcuH, 8*h)
	}
	c.frame, c.gray = true, components == 1
	return true, nil
}

// complete reports whether the header that ends with the start of scan h is decodable. It bounds the size
// of a picture by its bytes, since each MCU takes at least one bit.
func (c *headerParser) complete(h []byte, n int64) bool {
	components := int64(h[4])
	if !c.frame || !c.quant || !c.huffman || c.gray && c.mayBeMap {
		return false
	}
	units := ((c.p.Width + c.mcuW - 1) / c.mcuW) * ((c.p.Height + c.mcuH - 1) / c.mcuH)
	if components < 1 || components > 4 || n != 2+6+2*components || c.p.scan < units/8 {
		return false
	}
	return true
}
