package exif

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// JPEG (ITU-T T.81, annex B): after the start of image come segments, each 0xFF, a marker and, but
// for the markers that stand alone, a big-endian length that counts its own two bytes. Any number
// of 0xFF may fill the space before a marker. EXIF is an APP1 segment that starts with "Exif\0\0"
// (Exif 3.0, 4.7.2); other APP1 segments (XMP) and APP0 (JFIF) may stand before it. The image data
// after the start of scan holds no segments of interest.
//
// EXIF of more than 64 KiB goes on in the next APP1 segments, which begin alike. Photoshop has it among
// its resources in APP13 (psd.go), too, which counts where there is no APP1.
const (
	markerTEM  = 0x01
	markerRST0 = 0xD0
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerAPP1 = 0xE1
	markerAPPD = 0xED
)

var exifIntro = []byte("Exif\x00\x00")

// photoshopIntro begins APP13 segments of image resources.
const photoshopIntro = "Photoshop 3.0\x00"

// segmentHead is a segment's marker and length, and what tells EXIF and the start of its block.
type segmentHead [4 + 6 + 2]byte

func (h *segmentHead) length() int64 { return int64(binary.BigEndian.Uint16(h[2:])) }

// exif reports whether n bytes of a segment's head are those of EXIF, and whether a block begins
// there: if not, it goes on.
func (h *segmentHead) exif(n int) (ok, begins bool) {
	ok = n >= 10 && h[0] == 0xFF && h[1] == markerAPP1 && h.length() >= 8 && string(h[4:8]) == "Exif" && h[8] == 0
	return ok, ok && n == len(h) && (string(h[10:]) == "II" || string(h[10:]) == "MM")
}

// longSegment is the length from which on segments in a row are passed over without reading each
// one's head: color profiles, depth maps and provenance take megabytes.
const longSegment = 1 << 15

// alike reports whether two segments are parts of one thing: of one length, and with the same first
// bytes, before the part's number.
func (h *segmentHead) alike(other *segmentHead) bool { return string(h[:8]) == string(other[:8]) }

// skipAlike returns how many of the segments from off on are like the one before it.
func skipAlike(r io.ReaderAt, off int64, before *segmentHead) (int64, error) {
	step := 2 + before.length()
	limit := int64(maxSegments)
	if size := sizeOf(r); size >= 0 {
		limit = min(limit, (size-off)/step+1)
	}
	return gallop(limit, func(k int64) (bool, error) {
		var h segmentHead
		n, err := peekAt(r, h[:], off+(k-1)*step)
		return n == len(h) && h.alike(before), err
	})
}

// jpegWalk goes through a JPEG's segments.
type jpegWalk struct {
	r    io.ReaderAt
	peek bool // segments after long ones are read without what is around them
}

// each calls f for each segment before the start of scan, until f says that it is done. h is the
// first n bytes of the segment at off.
func (w *jpegWalk) each(f func(h *segmentHead, n int, off int64) (done bool, err error)) error {
	// in one read: fill byte by fill byte would cost one each
	var h, last segmentHead
	off := int64(2)
	read := readAt
	for range maxSegments {
		n, err := read(w.r, h[:], off)
		if err != nil {
			return err
		}
		if n < 4 || h[0] != 0xFF {
			return nil
		}
		marker := h[1]
		switch {
		case marker == 0xFF:
			off++
			continue
		case marker == markerTEM || marker >= markerRST0 && marker <= markerSOI:
			off += 2
			continue
		case marker == markerSOS || marker == markerEOI:
			return nil
		}
		length := h.length()
		if length < 2 {
			return nil
		}
		if done, err := f(&h, n, off); done || err != nil {
			return err
		}
		off += 2 + length
		isEXIF, _ := h.exif(n)
		if length >= longSegment && !isEXIF && h.alike(&last) {
			skipped, err := skipAlike(w.r, off, &h)
			if err != nil {
				return err
			}
			for range skipped {
				if done, err := f(&h, n, off); done || err != nil {
					return err
				}
				off += 2 + length
			}
		}
		last = h
		if read = readAt; w.peek && length >= longSegment {
			read = peekAt
		}
	}
	return ErrTooLarge
}

// jpegEXIF is what is found of a JPEG's EXIF.
type jpegEXIF struct {
	candidates
	r         io.ReaderAt
	left      int // segments that may go on
	photoshop []extent
}

// add looks at a segment; done says that no other is to be looked for.
func (e *jpegEXIF) add(h *segmentHead, n int, off int64) (done bool, err error) {
	if isEXIF, _ := h.exif(n); isEXIF {
		return e.candidates.add(oneBlock(&segments{extents{r: e.r}, off, &e.left}))
	}
	if h[1] == markerAPPD && n == len(h) && strings.HasPrefix(photoshopIntro, string(h[4:])) {
		e.photoshop = append(e.photoshop, resourcesOf(off, h.length()))
	}
	return false, nil
}

// findJPEG finds the first EXIF that can be read.
func findJPEG(r io.ReaderAt) ([]block, error) {
	e := jpegEXIF{r: r, left: maxSegments}
	found := false
	w := jpegWalk{r: r}
	err := w.each(func(h *segmentHead, n int, off int64) (bool, error) {
		var err error
		found, err = e.add(h, n, off)
		return found, err
	})
	if found || err != nil {
		return e.blocks, err
	}
	return withPhotoshop(r, &e.candidates, e.photoshop)
}

// resourcesOf is what a segment at off has of Photoshop's resources.
func resourcesOf(off, length int64) extent {
	intro := int64(len(photoshopIntro))
	return extent{off + 4 + intro, max(0, length-2-intro)}
}

// withPhotoshop is the EXIF picked, or that of Photoshop's resources where none can be read. Those of
// more than 64 KiB are cut into several segments.
func withPhotoshop(r io.ReaderAt, c *candidates, resources []extent) ([]block, error) {
	if len(resources) == 0 {
		return c.blocks, nil
	}
	joined := join(r, resources)
	blocks, err := findResource(joined, extent{0, joined.ends[len(resources)-1]})
	if err != nil || len(blocks) == 0 {
		return c.blocks, err
	}
	_, err = c.add(blocks)
	return c.blocks, err
}

// segments reads an EXIF segment and those that it goes on in. These are looked for when a read leads
// to them, since most EXIF ends with its segment, however long that is.
type segments struct {
	extents
	next int64 // where the next segment is
	left *int  // how many may be looked at, for all EXIFs of the file
}

// ReadAt implements io.ReaderAt.
func (s *segments) ReadAt(p []byte, off int64) (int, error) {
	for len(s.ends) == 0 || s.ends[len(s.ends)-1] < off+int64(len(p)) {
		ok, err := s.more()
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
	}
	return s.extents.ReadAt(p, off)
}

// more adds the next segment; ok is false if it isn't EXIF that goes on.
func (s *segments) more() (ok bool, err error) {
	if s.next == 0 || *s.left == 0 {
		return false, nil
	}
	*s.left--
	var h segmentHead
	n, err := readAt(s.r, h[:], s.next)
	if err != nil {
		return false, err
	}
	ok, begins := h.exif(n)
	if !ok || begins && len(s.runs) > 0 {
		s.next = 0
		return false, nil
	}
	s.add(extent{s.next + 10, h.length() - 8})
	s.next += 2 + h.length()
	return true, nil
}

// Further pictures are a thumbnail in an APP0 segment "JFXX" (T.871, 10.2), and those that the index of the
// Multi-Picture Format (CIPA DC-007) names, which stand after the photo: a TIFF block in an APP2 segment,
// from whose start on its offsets count.
const (
	jfxxIntro = "JFXX\x00\x10"
	mpfIntro  = "MPF\x00"

	mpEntryTag = 0xB002
	// mpEntry is the size of a picture's entry: attributes, size, offset, and two numbers of others
	mpEntry = 16
	// the types that are another view of the scene's depth, and a gain map
	mpDisparity, mpGainMap = 0x020002, 0x050000
)

// picturesInJPEG notes the thumbnail of JFXX and the pictures of MPF.
func picturesInJPEG(s *pictureSearch) error {
	w := jpegWalk{r: s.r}
	return w.each(func(h *segmentHead, n int, off int64) (done bool, err error) {
		switch {
		case n < len(h):
		case h[1] == markerAPP0 && strings.HasPrefix(string(h[4:]), jfxxIntro):
			s.add(picturePlace{r: s.r, run: fullBody(extent{off + 4, h.length() - 2}, int64(len(jfxxIntro)))})
		case h[1] == markerAPP2 && strings.HasPrefix(string(h[4:]), mpfIntro):
			// no more than one: an index of the file
			return true, s.index(off + 4 + int64(len(mpfIntro)))
		}
		return false, nil
	})
}

// index notes the pictures of the MPF index whose block starts there.
func (s *pictureSearch) index(start int64) error {
	b := block{r: startingAt(s.r, start)}
	var head [16]byte
	n, err := readAt(b.r, head[:], 0)
	l, first, ok := parseHeader(head[:n])
	if !ok || err != nil {
		return err
	}
	w := &walker{layout: l, block: b, budget: &s.budget, m: s.m}
	_, _, err = w.each(first, func(e []byte) error {
		id, typ, count, value := w.fields(e)
		if id != mpEntryTag || !bytewise(typ) || count < mpEntry {
			return nil
		}
		var entries [maxPictures * mpEntry]byte
		n, err := readAt(b.r, entries[:min(count, uint64(len(entries)))], offset(w.uint(value)))
		for e := entries[:n]; len(e) >= mpEntry; e = e[mpEntry:] {
			attributes := w.uint(e[:4])
			const format, kind = 7 << 24, 1<<24 - 1
			size, off := int64(w.uint(e[4:8])), int64(w.uint(e[8:12])) //nolint:gosec // of 32 bits
			if off == 0 || attributes&format != 0 || attributes&kind == mpDisparity || attributes&kind == mpGainMap {
				continue // 0 is the photo itself
			}
			s.add(picturePlace{r: s.r, run: extent{start + off, size}, mayBeMap: true})
		}
		return err
	})
	return err
}

// isFrame reports whether the segment is a start of frame.
func (h *segmentHead) isFrame() bool {
	return markerSOF0 <= h[1] && h[1] <= markerSOFF && h[1] != markerDHT && h[1] != markerJPG && h[1] != markerDAC
}

// jpegColors is the color model of components, of which the first has that name. transform is Adobe's,
// -1 if there is none.
func jpegColors(components, name byte, transform int) string {
	switch {
	case components == 1:
		return "gray"
	case components == 3 && (transform == 0 || transform < 0 && name == 'R'):
		return "rgb"
	case components == 3:
		return "ycbcr"
	case components == 4 && transform == 2:
		return "ycck"
	case components == 4:
		return "cmyk"
	}
	return ""
}

// infoJPEG reads the start of frame (T.81, B.2.2), which may stand before megabytes of other segments or after
// them: the precision, the height, the width, the number of components, and of each its name and two bytes more.
// Adobe's APP14 segment says what four components are.
func infoJPEG(r io.ReaderAt, i *Info) error {
	e := jpegEXIF{r: r, left: maxSegments}
	w := jpegWalk{r: r}
	transform := -1
	var components, name byte
	err := w.each(func(h *segmentHead, n int, off int64) (done bool, err error) {
		switch {
		case h.isFrame() && n > 10 && components == 0:
			i.setSize(int64(binary.BigEndian.Uint16(h[7:])), int64(binary.BigEndian.Uint16(h[5:])))
			components, name = h[9], h[10]
		case h[1] == markerAPPE && n == len(h) && string(h[4:9]) == "Adobe" && h.length() >= 14:
			var b [1]byte
			ok, err := readFull(r, b[:], off+15)
			if err != nil {
				return false, err
			}
			if ok {
				transform = int(b[0])
			}
		case !w.peek:
			w.peek, err = e.add(h, n, off)
		}
		return w.peek && components > 0, err
	})
	if err != nil && (components == 0 || !errors.Is(err, ErrTooLarge)) {
		return err
	}
	i.Frames = 1
	i.ColorModel = jpegColors(components, name, transform)
	blocks := e.blocks
	if !e.good {
		blocks, err = withPhotoshop(r, &e.candidates, e.photoshop)
	}
	return i.orient(blocks, err)
}
