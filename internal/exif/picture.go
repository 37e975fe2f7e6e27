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
// valid if its header is decodable and its last byte lies within the file.
//
// WriteTo removes the metadata of a picture: it writes a new header of the segments that the pixels need,
// and after the start of scan replaces comments, and everything after the end of image, by zeros. So the
// length is known before reading the first byte.

// ErrNoPicture means that the image has no valid embedded JPEG.
var ErrNoPicture = errors.New("exif: the image has no embedded JPEG")

const (
	// maxPictureDirs bounds the directories searched for JPEGs: a chain of pages can be as long as the file.
	maxPictureDirs = 64
	// maxPictureSegments bounds the segments of one picture's header: a color profile has up to 255.
	maxPictureSegments = 512
	// maxPictureSteps bounds the segments of all pictures of one file together, and so the time for 32
	// pictures in the same place.
	maxPictureSteps = 4 * maxPictureSegments
	// pictureBuffer is the size of WriteTo's buffer.
	pictureBuffer = 64 << 10
	// minThumbnailWidth is the minimum width in pixels of a thumbnail, except IFD1's own.
	minThumbnailWidth = 120
)

// Picture is an embedded JPEG. WriteTo writes it without its metadata, and with the photo's Orientation.
type Picture struct {
	// Format is the photo's container format, as Metadata.Format. It is set with ErrNoPicture, too.
	Format string
	// Width and Height are the size of the picture as coded, in pixels.
	Width, Height int64

	r    io.ReaderAt
	head []piece
	body container.Extent // from the end of the start of scan to the picture's end
}

// piece is a part of a picture's header: bytes, or a run of the file.
type piece struct {
	b   []byte
	run container.Extent
}

// FindThumbnail returns the thumbnail of the photo's IFD1, else the smallest embedded JPEG that is at
// least 120 pixels wide. Its errors are ErrNoPicture, ErrNotImage, ErrTooLarge and those of r.
func FindThumbnail(r io.ReaderAt) (Picture, error) {
	return findPicture(r, true, func(p, than *Picture) bool {
		return p.Width >= minThumbnailWidth && (than.r == nil || p.less(than))
	})
}

// FindPreview returns the largest embedded JPEG. Its errors are those of FindThumbnail.
func FindPreview(r io.ReaderAt) (Picture, error) {
	return findPicture(r, false, func(p, than *Picture) bool { return than.r == nil || than.less(p) })
}

// less reports whether p is smaller than q: in pixels, or in bytes if these are equal.
func (p *Picture) less(q *Picture) bool {
	if a, b := p.Width*p.Height, q.Width*q.Height; a != b {
		return a < b
	}
	return p.body.N < q.body.N
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
	if err == nil && (c.Format == "heif" || c.Format == "avif") { // browsers ignore EXIF's Orientation there
		s.orientation, err = container.HEIFOrientation(r)
	}
	if err != nil {
		return Picture{Format: c.Format}, err
	}
	best.Format = c.Format
	best.orient(s.orientation)
	return best, nil
}

// pictureHead is the number of bytes read of each segment: marker, length, and enough to identify it.
const pictureHead = 4 + 16

// headerParser reads a picture's header.
type headerParser struct {
	p        Picture
	jfif     []byte
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
	c := headerParser{p: Picture{r: at.R}, mayBeMap: at.MayBeMap}
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
			c.p.add(run)
			c.p.body = container.Extent{Off: off, N: end - off}
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

// segment adds a segment to the header if the pixels need it; ok is false if the picture isn't valid. h has
// the segment's first bytes.
func (c *headerParser) segment(h []byte, run container.Extent) (ok bool, err error) {
	switch m := h[1]; {
	case m == container.MarkerDQT, m == container.MarkerDHT, m == container.MarkerDRI:
		c.quant = c.quant || m == container.MarkerDQT
		c.huffman = c.huffman || m == container.MarkerDHT
		c.p.add(run)
	case m == container.MarkerDAC: // for arithmetic coding, which no browser decodes
	case container.MarkerSOF0 <= m && m <= container.MarkerSOF2:
		if ok, err := c.startOfFrame(run); !ok || err != nil {
			return false, err
		}
		c.p.add(run)
	case m <= container.MarkerSOFF, m == container.MarkerDNL, m == container.MarkerDHP, m == container.MarkerEXP:
		return false, nil // lossless, hierarchical, arithmetic
	case m == container.MarkerAPP0 && hasPayload(h, container.JFIFIntro) && run.N >= 2+16 && len(h) >= 2+16 && c.jfif == nil:
		// without the thumbnail in it
		c.jfif = append([]byte("\xFF\xE0\x00\x10"), h[4:4+12]...)
		c.jfif = append(c.jfif, 0, 0)
	case m == container.MarkerAPP2 && hasPayload(h, container.ICCIntro):
		c.p.add(run)
	case m == container.MarkerAPP14 && hasPayload(h, container.AdobeIntro) && run.N >= 2+14 && len(h) >= 2+14:
		c.p.head = append(c.p.head, piece{b: append([]byte("\xFF\xEE\x00\x0E"), h[4:4+12]...)})
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
	if components < 1 || components > 4 || n != 2+6+2*components || c.p.body.N < units/8 {
		return false
	}
	c.p.head = append([]piece{{b: append([]byte{0xFF, container.MarkerSOI}, c.jfif...)}}, c.p.head...)
	return true
}

// add appends a run of the file to the header.
func (p *Picture) add(run container.Extent) {
	if n := len(p.head); n > 0 && p.head[n-1].b == nil {
		if last := &p.head[n-1].run; last.Off+last.N == run.Off {
			last.N += run.N
			return
		}
	}
	p.head = append(p.head, piece{run: run})
}

// orient adds an EXIF segment with the photo's Orientation to the header, unless that is 1. It comes after
// the JFIF segment, which must be the first (T.871, 10.1).
func (p *Picture) orient(orientation int64) {
	if orientation <= 1 || orientation > 8 {
		return
	}
	b := append(p.head[0].b, "\xFF\xE1\x00\x22Exif\x00\x00MM\x00\x2A\x00\x00\x00\x08"+
		"\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"...)
	p.head[0].b = append(b, 0, byte(orientation), 0, 0, 0, 0, 0, 0)
}

// Size returns the number of bytes that WriteTo writes.
func (p *Picture) Size() int64 {
	n := p.body.N
	for _, h := range p.head {
		n += int64(len(h.b)) + h.run.N
	}
	return n
}

// WriteTo writes the picture, with a buffer of at most 64 KiB. It returns errors of the reader unchanged,
// and io.ErrUnexpectedEOF if the file has become shorter.
func (p *Picture) WriteTo(w io.Writer) (int64, error) {
	o := pictureWriter{p: p, w: w, buf: make([]byte, min(p.Size(), pictureBuffer))}
	for _, h := range p.head {
		for b := h.b; len(b) > 0; {
			n := copy(o.buf[o.used:], b)
			b = b[n:]
			if err := o.filled(n); err != nil {
				return o.written, err
			}
		}
		if err := o.copyRun(h.run, nil); err != nil {
			return o.written, err
		}
	}
	if err := o.copyRun(p.body, new(scrubber)); err != nil {
		return o.written, err
	}
	return o.written, o.flush()
}

// pictureWriter collects a picture's bytes and writes full buffers.
type pictureWriter struct {
	p       *Picture
	w       io.Writer
	buf     []byte
	used    int
	written int64
}

// copyRun copies a run of the file, scrubbed by s unless s is nil.
func (o *pictureWriter) copyRun(run container.Extent, s *scrubber) error {
	for run.N > 0 {
		b := o.buf[o.used:][:min(run.N, int64(len(o.buf)-o.used))]
		if s != nil && s.ended() {
			clear(b)
		} else {
			n, err := container.ReadAt(o.p.r, b, run.Off)
			if err != nil {
				return err
			}
			if n < len(b) {
				return io.ErrUnexpectedEOF
			}
			if s != nil {
				s.scrub(b)
			}
		}
		run.Off += int64(len(b))
		run.N -= int64(len(b))
		if err := o.filled(len(b)); err != nil {
			return err
		}
	}
	return nil
}

// filled counts n more bytes in the buffer, and flushes it if full.
func (o *pictureWriter) filled(n int) error {
	o.used += n
	if o.used < len(o.buf) {
		return nil
	}
	return o.flush()
}

func (o *pictureWriter) flush() error {
	if o.used == 0 {
		return nil
	}
	n, err := o.w.Write(o.buf[:o.used])
	o.written += int64(n)
	o.used = 0
	return err
}

// scrubber overwrites the payload of segments after the start of scan that the pixels don't need, and
// everything after the end of image. Its zero value is within the first scan.
type scrubber struct {
	state  scrubState
	marker byte
	left   int // of the segment
}

type scrubState uint8

const (
	inScan   scrubState = iota
	afterFF             // within the scan's bytes, or between segments
	atLength            // before the first byte of a segment's length
	atLength2
	inSegment
	afterEnd
)

func (s *scrubber) ended() bool { return s.state == afterEnd }

// scrub overwrites the next bytes of the picture in place.
func (s *scrubber) scrub(b []byte) {
	for len(b) > 0 {
		switch s.state {
		case inScan:
			i := bytes.IndexByte(b, 0xFF)
			if i < 0 {
				return
			}
			s.state = afterFF
			b = b[i+1:]
		case afterFF:
			s.marker = b[0]
			b = b[1:]
			switch m := s.marker; {
			case m == 0xFF:
			case m == 0, container.MarkerRST0 <= m && m <= container.MarkerRST7:
				s.state = inScan
			case m == container.MarkerEOI, m == container.MarkerSOI:
				s.state = afterEnd
			default:
				s.state = atLength
			}
		case atLength:
			s.left = int(b[0]) << 8
			s.state = atLength2
			b = b[1:]
		case atLength2:
			s.left += int(b[0]) - 2
			s.state = inSegment
			if s.left < 0 { // invalid length: no further segment can be found
				s.state = afterEnd
			}
			b = b[1:]
		case inSegment:
			n := min(s.left, len(b))
			switch s.marker {
			case container.MarkerDQT, container.MarkerDHT, container.MarkerDRI, container.MarkerDNL, container.MarkerSOS:
			default:
				clear(b[:n])
			}
			s.left -= n
			b = b[n:]
			if s.left == 0 {
				s.state = inScan
			}
		case afterEnd:
			clear(b)
			return
		}
	}
}
