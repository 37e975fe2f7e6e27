package redact

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// The frames of motion JPEG are JPEGs, two in a frame if the film is interlaced. They are redacted as they stream: of
// the segments those of applications and comments become zeros, but for the markers of AVI and QuickTime, JFIF's and
// Adobe's fields. A frame isn't a photo: no EXIF is needed to show it.

// redactCodestreams redacts the frame of JPEG 2000 in the next n bytes of a stream: a codestream, two in boxes if it is interlaced, or a
// file.
func redactCodestreams(s *stream, n int64) error {
	end := s.offset + min(n, container.ToEnd)
	for s.offset < end {
		if b, _ := s.peek(len(container.J2KCodestream)); string(b) == container.J2KCodestream {
			redactCodestream(s, end-s.offset)
			return nil
		}
		h, ok := nextBox(s)
		if h.Type == "jp2c" {
			h.Size = min(h.Size, end-s.offset)
		}
		if !ok || h.Size < h.Head || h.Size > end-s.offset {
			return errBroken
		}
		switch h.Type {
		case "jP  ":
			ok = passSignature(s, h)
		case "ftyp":
			ok = redactFileType(s, h, jp2Brands)
		case "jp2h":
			ok = redactBox(s, h, func(b *box) { keepFirst(b.body, jp2Header) })
		case "jp2c":
			ok = s.pass(h.Head) && redactCodestream(s, h.Size-h.Head)
		default:
			ok = freeBox(s, h)
		}
		if !ok {
			return errBroken
		}
	}
	return nil
}

// redactFrame redacts the JPEGs at the start of a stream. The Writer overwrites what follows.
func redactFrame(s *stream) error { return redactJPEGs(s, toEnd) }

// frameFields are the fields that stay at the start of the segment of an application: their length, what they begin with,
// and what mends their numbers, which are lengths and offsets in the frame but for those that a photo has, too.
var frameFields = []struct {
	marker byte
	intro  string
	n      int64
	mend   func(b []byte)
}{
	{container.MarkerAPP0, container.JFIFIntro, 12, mendJFIF},
	{container.MarkerAPP0, "AVI1", 14, func(b []byte) {
		if b[4] > 2 { // whether it is the first field of a picture
			b[4] = 0
		}
		b[5] = 0
		mendHigh(b[6:])
	}},
	{container.MarkerAPP1, "\x00\x00\x00\x00mjpg", 40, func(b []byte) { mendHigh(b[8:]) }},
	{container.MarkerAPP14, container.AdobeIntro, 12, mendAdobe},
}

// redactJPEGs redacts the JPEGs in the next n bytes of a stream, as far as they can be followed.
func redactJPEGs(s *stream, n int64) error {
	end := s.offset + min(n, container.ToEnd)
	coded := false // the next bytes are of a scan
	j := &jpegFile{stream: s}
	for s.offset < end {
		if coded {
			b := s.before(end, s.peekAny())
			if len(b) == 0 {
				return errBroken
			}
			if n := scanLen(b); n > 0 {
				s.pass(int64(n))
				continue
			}
		}
		b, _ := s.peek(4)
		b = s.before(end, b)
		if len(b) < 2 || b[0] != 0xFF {
			return errBroken
		}
		switch m := b[1]; {
		case m == 0xFF:
			s.pass(1)
		case coded && inScan(m):
			s.pass(2)
		case m == container.MarkerSOI, m == container.MarkerEOI:
			s.pass(2)
			coded = false
			j.pictureState = pictureState{}
			if m == container.MarkerEOI && !skipPadding(s, end) {
				return nil
			}
		case m < container.MarkerSOF0, len(b) < 4:
			return errBroken
		default:
			n := 2 + int64(binary.BigEndian.Uint16(b[2:]))
			if n < 4 || n > end-s.offset {
				return errBroken
			}
			if !j.frameSegment(m, n) {
				return errBroken
			}
			coded = m == container.MarkerSOS
		}
	}
	return nil
}

// frameSegment redacts a segment of n bytes of a frame. It returns false if the body ends in it.
func (j *jpegFile) frameSegment(marker byte, n int64) bool {
	s := j.stream
	start, keep := s.offset, int64(4)
	switch {
	case marker == container.MarkerDQT, marker == container.MarkerDHT:
		return j.tables(marker, int(n))
	case marker == container.MarkerDRI && !j.isLastInterval(), marker == container.MarkerDAC && !isArithmetic(j.frame):
		return j.fill(int(n))
	case isTable(marker):
		b, _ := s.peek(int(n))
		b = b[min(4, len(b)):]
		keep += int64(tableLength(marker, b))
		if container.IsFrame(marker) && len(b) >= 6 && j.frame == 0 {
			j.frameHeader = parseFrame(marker, b)
		}
	}
	head, _ := s.peek(4 + 8)
	for _, f := range frameFields {
		if marker != f.marker || 4+f.n > n || !bytes.HasPrefix(head[min(4, len(head)):], []byte(f.intro)) {
			continue
		}
		if b, ok := s.peek(int(4 + f.n)); ok {
			keep = 4 + f.n
			b = slices.Clone(b)
			f.mend(b[4:])
			s.replace(b)
		}
		break
	}
	return s.pass(start+keep-s.offset) && s.zero(start+n-s.offset)
}

// scanLen returns how many bytes at the start of b are of a scan for sure: coded data, and markers in it.
func scanLen(b []byte) int {
	for n := 0; ; n += 2 {
		i := bytes.IndexByte(b[n:], 0xFF)
		if i < 0 {
			return len(b)
		}
		n += i
		if n+1 == len(b) || !inScan(b[n+1]) {
			return n
		}
	}
}

// skipPadding passes the zeros or ones after the end of a JPEG. It reports whether another JPEG follows, and passes the
// marker that it begins with.
func skipPadding(s *stream, end int64) bool {
	last := byte(0)
	for {
		b := s.before(end, s.peekAny())
		n := 0
		for n < len(b) && (b[n] == 0 || b[n] == 0xFF) {
			n++
		}
		if n > 0 {
			last = b[n-1]
		}
		switch {
		case len(b) == 0:
			return false
		case n == len(b):
			s.pass(int64(n))
		case last == 0xFF && b[n] == container.MarkerSOI:
			return s.pass(int64(n) + 1)
		default:
			s.pass(int64(n))
			return false
		}
	}
}
