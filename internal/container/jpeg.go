package container

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// JPEG (ITU-T T.81, annex B): after the start of image come segments, each 0xFF, a marker and, but
// for the markers that stand alone, a big-endian length that counts its own two bytes. Any number
// of 0xFF may fill the space before a marker. Some files have junk there, which decoders skip. EXIF is an APP1 segment that starts with "Exif\0\0"
// (Exif 3.0, 4.7.2); other APP1 segments (XMP) and APP0 (JFIF) may come before it. The image data
// after the start of scan has no segments of interest.
//
// EXIF of more than 64 KiB continues in the next APP1 segments, which also start with "Exif\0\0".
// Photoshop also writes it among its resources in APP13 (psd.go), which count if there is no APP1.

// The markers (T.81, table B.1).
const (
	MarkerTEM   = 0x01
	MarkerSOF0  = 0xC0 // baseline
	MarkerSOF2  = 0xC2 // progressive; SOF1 is extended sequential
	MarkerDHT   = 0xC4
	MarkerJPG   = 0xC8
	MarkerDAC   = 0xCC // these three are among the starts of frames
	MarkerSOFF  = 0xCF // the last start of frame
	MarkerRST0  = 0xD0
	MarkerRST7  = 0xD7
	MarkerSOI   = 0xD8
	MarkerEOI   = 0xD9
	MarkerSOS   = 0xDA
	MarkerDQT   = 0xDB
	MarkerDNL   = 0xDC
	MarkerDRI   = 0xDD
	MarkerDHP   = 0xDE
	MarkerEXP   = 0xDF
	MarkerAPP0  = 0xE0
	MarkerAPP1  = 0xE1
	MarkerAPP2  = 0xE2
	MarkerAPP12 = 0xEC
	MarkerAPP13 = 0xED
	MarkerAPP14 = 0xEE
	MarkerAPP15 = 0xEF
	MarkerCOM   = 0xFE
)

// The limits of JPEGs.
const (
	// MaxSegments bounds the segments walked: millions of 4-byte segments would waste CPU time.
	MaxSegments = 1 << 14
	// MaxJunk bounds the bytes between segments that belong to none. Decoders skip any number.
	MaxJunk = 16 << 20
)

// What segments begin with that tells their kind.
const (
	JFIFIntro      = "JFIF\x00"                         // APP0
	jfxxIntro      = "JFXX\x00\x10"                     // APP0: a thumbnail that is a JPEG
	XMPIntro       = "http://ns.adobe.com/xap/1.0/\x00" // APP1
	ICCIntro       = "ICC_PROFILE\x00"                  // APP2
	MPFIntro       = "MPF\x00"                          // APP2
	GainMapIntro   = "urn:iso:std:iso:ts:21496:-1\x00"  // APP2
	DuckyIntro     = "Ducky"                            // APP12: Photoshop's settings for the web
	PhotoshopIntro = "Photoshop 3.0\x00"                // APP13: image resources
	oldPhotoshop   = "Adobe_Photoshop2.5:"              // APP13, with 8 bytes more before the resources
	AdobeIntro     = "Adobe"                            // APP14
)

// EXIFHead is the length of marker, length and "Exif\0\0" before the block.
const EXIFHead = 4 + 6

const (
	// maxEXIFPrefix is the longest garbage before "Exif\0\0" that readers skip.
	maxEXIFPrefix = 6
	// headID is as much of a segment's head as tells its kind, but for EXIF after garbage.
	headID = 4 + 8
)

// SegmentHead is a segment's marker and length, and the bytes that identify EXIF and its block's start.
type SegmentHead [4 + maxEXIFPrefix + 6 + 2]byte

// length returns the length that the segment states, which counts its own two bytes. Decoders take 0 and 1 for 2.
func (h *SegmentHead) length() int64 { return max(2, int64(binary.BigEndian.Uint16(h[2:]))) }

// EXIF returns where the block begins in a segment of EXIF, of which h has n bytes: its offset from the marker, 0 for
// other segments. begins is false if the segment continues the EXIF of the one before.
//
// Writers spell the head in several ways, and some repeat it or write other bytes before it (the offset in a HEIF's
// item, or the head of the segment). Like ExifTool, EXIF accepts those if a block follows.
func (h *SegmentHead) EXIF(n int) (at int64, begins bool) {
	n = int(min(int64(n), 2+h.length()))
	if n < EXIFHead || h[0] != 0xFF || h[1] != MarkerAPP1 {
		return 0, false
	}
	plain := string(h[4:9]) == "Exif\x00"
	for skip := 0; skip <= maxEXIFPrefix && 4+skip+6+2 <= n; skip++ {
		id := h[4+skip:]
		if order := string(id[6:8]); id[4] == 0 && strings.EqualFold(string(id[:4]), "Exif") && (order == "II" || order == "MM") {
			return int64(4 + skip + 6), true
		}
	}
	if plain {
		return EXIFHead, false
	}
	return 0, false
}

// ShownEXIF returns where browsers look for the block in a segment at off, of which h has n bytes; ok is false if they
// look for another segment.
func (h *SegmentHead) ShownEXIF(n int, off int64) (run Extent, ok bool) {
	ok = n > EXIFHead && h[1] == MarkerAPP1 && string(h[4:9]) == "Exif\x00" && 2+h.length() > EXIFHead
	return Extent{off + EXIFHead, 2 + h.length() - EXIFHead}, ok
}

// longSegment is the length from which on Each skips rows of alike segments without reading every head:
// color profiles, depth maps and provenance take megabytes.
const longSegment = 1 << 15

// alike reports whether two segments are parts of the same data: they have the same marker, length and
// first bytes, before the part's number.
func (h *SegmentHead) alike(other *SegmentHead) bool { return string(h[:8]) == string(other[:8]) }

// skipAlike returns the number of segments from off on that are like the segment before.
func skipAlike(r io.ReaderAt, off int64, before *SegmentHead) (int64, error) {
	step := 2 + before.length()
	limit := int64(MaxSegments)
	if size := SizeOf(r); size >= 0 {
		limit = min(limit, (size-off)/step+1)
	}
	return gallop(limit, func(k int64) (bool, error) {
		var h SegmentHead
		n, err := PeekAt(r, h[:], off+(k-1)*step)
		return n == len(h) && h.alike(before), err
	})
}

// JPEG iterates over a JPEG's segments.
type JPEG struct {
	R    io.ReaderAt
	left int  // limit of EXIF's continuation segments still to read
	peek bool // use PeekAt for segments after long ones

	junk  int64  // bytes skipped between segments
	piece []byte // buffer of nextMarker
}

// NewJPEG returns a walk over the segments of r.
func NewJPEG(r io.ReaderAt) *JPEG { return &JPEG{R: r, left: MaxSegments} }

// EXIF returns the block that begins at at bytes in the segment at off.
func (w *JPEG) EXIF(off, at int64) Block {
	return Block{R: &Segments{Joined{R: w.R}, off, &w.left}, Off: off + at}
}

// Each calls f for each segment before the start of scan, until f returns done. h has the first n bytes
// of the segment at off.
func (w *JPEG) Each(f func(h *SegmentHead, n int, off int64) (done bool, err error)) error {
	// one read for the whole head: reading fill bytes one by one would cost a read each
	var h, last SegmentHead
	off := int64(2)
	read := ReadAt
	for range MaxSegments {
		n, err := read(w.R, h[:], off)
		if err != nil {
			return err
		}
		if n < 4 {
			return nil
		}
		marker := h[1]
		switch {
		case h[0] != 0xFF || marker == 0 || marker == 0xFF:
			if off, err = w.nextMarker(off); off == 0 || err != nil {
				return err
			}
			continue
		case StandsAlone(marker):
			off += 2
			continue
		case marker == MarkerSOS || marker == MarkerEOI:
			return nil
		}
		length := h.length()
		if done, err := f(&h, n, off); done || err != nil {
			return err
		}
		off += 2 + length
		exif, _ := h.EXIF(n)
		if length >= longSegment && exif == 0 && h.alike(&last) {
			skipped, err := skipAlike(w.R, off, &h)
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
		if read = ReadAt; w.peek && length >= longSegment {
			read = PeekAt
		}
	}
	return ErrTooLarge
}

// nextMarker returns the offset of the next marker from off on, as decoders look for it, 0 if there is none.
func (w *JPEG) nextMarker(off int64) (int64, error) {
	if w.piece == nil {
		w.piece = make([]byte, junkPiece)
	}
	for {
		n, err := ReadAt(w.R, w.piece, off)
		if err != nil {
			return 0, err
		}
		b := w.piece[:n]
		for at := 0; ; {
			i := bytes.IndexByte(b[at:], 0xFF)
			if i < 0 {
				break
			}
			for at += i; at+1 < len(b) && b[at+1] == 0xFF; {
				at++
			}
			if at+1 == len(b) { // the marker is in the next piece
				n = at
				break
			}
			if b[at+1] != 0 {
				return off + int64(at), nil
			}
			at += 2
		}
		off += int64(n)
		if w.junk += int64(n); len(b) < len(w.piece) || w.junk > MaxJunk {
			return 0, nil
		}
	}
}

// junkPiece is the size of the pieces in which nextMarker reads.
const junkPiece = 4 << 10

// Resources returns the part of Photoshop's resources in the segment at off; ok is false for other segments.
// Resources of more than 64 KiB are split into several segments.
func (h *SegmentHead) Resources(n int, off int64) (run Extent, ok bool) {
	if h[1] != MarkerAPP13 || n < headID {
		return Extent{}, false
	}
	intro := int64(len(PhotoshopIntro))
	switch id := string(h[4:headID]); {
	case strings.HasPrefix(PhotoshopIntro, id):
	case strings.HasPrefix(oldPhotoshop, id):
		intro = int64(len(oldPhotoshop)) + 8
	default:
		return Extent{}, false
	}
	return Extent{Off: off + 4 + intro, N: max(0, h.length()-2-intro)}, true
}

// Segments reads an EXIF segment and its continuation segments. It looks for these only when a read needs
// them, since most EXIF fits in one segment.
type Segments struct {
	Joined
	next int64 // where the next segment is, 0 if there is none
	left *int  // limit of segments still to read, for all EXIF of the file
}

// ReadAt implements io.ReaderAt.
func (s *Segments) ReadAt(p []byte, off int64) (int, error) {
	for len(s.Ends) == 0 || s.Len() < off+int64(len(p)) {
		ok, err := s.addNext()
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
	}
	return s.Joined.ReadAt(p, off)
}

// addNext adds the next segment; ok is false if it doesn't continue the EXIF.
func (s *Segments) addNext() (ok bool, err error) {
	if s.next == 0 || *s.left == 0 {
		return false, nil
	}
	*s.left--
	var h SegmentHead
	n, err := ReadAt(s.R, h[:], s.next)
	if err != nil {
		return false, err
	}
	at, begins := h.EXIF(n)
	if at == 0 || begins && len(s.Runs) > 0 {
		s.next = 0
		return false, nil
	}
	s.Add(Extent{Off: s.next + at, N: h.length() + 2 - at})
	s.next += 2 + h.length()
	return true, nil
}

// Other pictures are a thumbnail in an APP0 segment "JFXX" (T.871, 10.2), and the pictures after the photo in
// the index of the Multi-Picture Format (CIPA DC-007): a TIFF block in an APP2 segment, whose offsets count
// from its start.
const (
	// MPEntryTag is the tag of the pictures' entries.
	MPEntryTag = 0xB002
	// MPEntry is the size of a picture's entry: attributes, size, offset, and the numbers of two other entries
	MPEntry = 16
	// the types of a disparity picture and of a gain map
	mpDisparity, mpGainMap = 0x020002, 0x050000
)

// JPEGPictures adds the thumbnail of JFXX and the pictures of MPF.
func JPEGPictures(r io.ReaderAt, add func(Place)) error {
	return NewJPEG(r).Each(func(h *SegmentHead, n int, off int64) (done bool, err error) {
		switch {
		case n < headID:
		case h[1] == MarkerAPP0 && strings.HasPrefix(string(h[4:]), jfxxIntro):
			add(Place{R: r, Run: skip(Extent{Off: off + 4, N: h.length() - 2}, int64(len(jfxxIntro)))})
		case h[1] == MarkerAPP2 && strings.HasPrefix(string(h[4:]), MPFIntro):
			// a file has one index
			return true, mpfPictures(r, off+4+int64(len(MPFIntro)), add)
		}
		return false, nil
	})
}

// mpfPictures adds the pictures of the MPF index whose block starts at start.
func mpfPictures(r io.ReaderAt, start int64, add func(Place)) error {
	d, first, ok, err := OpenDirs(FromOffset(r, start), new(DirBuffer), new(int))
	if !ok || err != nil {
		return err
	}
	_, _, err = d.Each(first, func(e []byte) error {
		id, typ, count, value := d.Fields(e)
		if id != MPEntryTag || TypeSize(typ) != 1 || count < MPEntry {
			return nil
		}
		var entries [MaxPictures * MPEntry]byte
		n, err := ReadAt(d.R, entries[:min(count, uint64(len(entries)))], Offset(d.Uint(value)))
		for e := entries[:n]; len(e) >= MPEntry; e = e[MPEntry:] {
			attributes := d.Uint(e[:4])
			const format, kind = 7 << 24, 1<<24 - 1
			size, off := int64(d.Uint(e[4:8])), int64(d.Uint(e[8:12])) //nolint:gosec // of 32 bits
			if off == 0 || attributes&format != 0 || attributes&kind == mpDisparity || attributes&kind == mpGainMap {
				continue // 0 is the photo itself
			}
			add(Place{R: r, Run: Extent{Off: start + off, N: size}, MayBeMap: true})
		}
		return err
	})
	return err
}

// StandsAlone reports whether no length follows a marker. Nor does one follow EOI, which ends the picture.
func StandsAlone(marker byte) bool {
	return marker == MarkerTEM || marker >= MarkerRST0 && marker <= MarkerSOI
}

// IsFrame reports whether a marker is a start of frame.
func IsFrame(marker byte) bool {
	return MarkerSOF0 <= marker && marker <= MarkerSOFF && marker != MarkerDHT && marker != MarkerJPG && marker != MarkerDAC
}

// jpegColors returns the color model of so many components; name is the first component's. transform is
// Adobe's, -1 if there is none.
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

// JPEGInfo reads the start of frame (T.81, B.2.2), which may come before or after megabytes of other segments:
// the precision, the height, the width, the number of components, and for each its name and two more bytes.
// Adobe's APP14 segment tells the color model of four components. JPEGInfo calls f for the other segments until
// f returns done.
func JPEGInfo(w *JPEG, i *Info, f func(h *SegmentHead, n int, off int64) (done bool, err error)) error {
	transform := -1
	var components, name byte
	err := w.Each(func(h *SegmentHead, n int, off int64) (done bool, err error) {
		switch {
		case IsFrame(h[1]) && n > 10 && components == 0:
			i.SetSize(int64(binary.BigEndian.Uint16(h[7:])), int64(binary.BigEndian.Uint16(h[5:])))
			components, name = h[9], h[10]
		case h[1] == MarkerAPP14 && n >= headID && string(h[4:9]) == AdobeIntro && h.length() >= 14:
			var b [1]byte
			ok, err := ReadFull(w.R, b[:], off+15)
			if err != nil {
				return false, err
			}
			if ok {
				transform = int(b[0])
			}
		case !w.peek:
			w.peek, err = f(h, n, off)
		}
		return w.peek && components > 0, err
	})
	if err != nil && (components == 0 || !errors.Is(err, ErrTooLarge)) {
		return err
	}
	i.Frames = 1
	i.ColorModel = jpegColors(components, name, transform)
	return nil
}
