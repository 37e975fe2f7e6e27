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

// redactFrame redacts the JPEGs at the start of a stream. The Writer overwrites what follows.
func redactFrame(s *stream) error { return redactJPEGs(s, toEnd) }

// frameFields returns the length of the fields that stay at the start of the segment of an application.
func frameFields(marker byte, b []byte) int64 {
	switch {
	case marker == 0xE0 && bytes.HasPrefix(b, []byte("JFIF\x00")):
		return 12
	case marker == 0xE0 && bytes.HasPrefix(b, []byte("AVI1")):
		return 14
	case marker == 0xE1 && bytes.HasPrefix(b, []byte("\x00\x00\x00\x00mjpg")):
		return 40
	case marker == 0xEE && bytes.HasPrefix(b, []byte("Adobe")):
		return 12
	}
	return 0
}

// mendFrame mends those fields, whose numbers are lengths and offsets in the frame but for those that a photo has, too.
func mendFrame(marker byte, b []byte) {
	switch {
	case marker == 0xE0 && b[0] == 'J':
		mendJFIF(b)
	case marker == 0xE0: // whether it is the first field of a picture, and lengths
		if b[4] > 2 {
			b[4] = 0
		}
		b[5] = 0
		mendHigh(b[6:])
	case marker == 0xE1:
		mendHigh(b[8:])
	default:
		mendAdobe(b)
	}
}

// redactJPEGs redacts the JPEGs in the next n bytes of a stream, as far as they can be followed.
func redactJPEGs(s *stream, n int64) error {
	end := s.offset + min(n, container.ToEnd)
	inScan := false
	for s.offset < end {
		if inScan {
			b := s.peekAny()
			b = b[:min(int64(len(b)), end-s.offset)]
			if len(b) == 0 {
				return errBroken
			}
			if n := scanLen(b); n > 0 {
				s.pass(int64(n))
				continue
			}
		}
		b, ok := s.peek(4)
		if end-s.offset < 4 {
			b, ok = b[:min(int64(len(b)), end-s.offset)], false
		}
		if len(b) < 2 || b[0] != 0xFF {
			return errBroken
		}
		switch m := b[1]; {
		case m == 0xFF:
			s.pass(1)
			continue
		case inScan && (m == 0 || m >= 0xD0 && m <= 0xD7):
			s.pass(2)
			continue
		case m == 0xD8, m == 0xD9:
			s.pass(2)
			inScan = false
			if m == 0xD9 && !skipPadding(s, end) {
				return nil
			}
			continue
		case m == 0x01 || m < 0xC0:
			return errBroken
		case !ok:
			return errBroken
		}
		size := 2 + int64(binary.BigEndian.Uint16(b[2:]))
		if size < 4 || size > end-s.offset {
			return errBroken
		}
		m := b[1]
		keep := size
		switch {
		case m >= 0xE0 && m <= 0xEF, m == 0xFE, m >= 0xF0:
			keep = 4
			if size >= 4+8 {
				head, _ := s.peek(4 + 8)
				if n := 4 + frameFields(m, head[min(4, len(head)):]); n <= size {
					keep = n
				}
			}
		case m == 0xDD:
			keep = min(size, 6)
		}
		if fields, ok := s.peek(int(min(keep, 64))); ok && keep > 4 && m >= 0xE0 {
			fields = slices.Clone(fields)
			mendFrame(m, fields[4:])
			s.replace(fields)
		} else {
			s.pass(keep)
		}
		s.zero(size - keep)
		inScan = m == 0xDA
	}
	return nil
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
		b := s.peekAny()
		b = b[:min(int64(len(b)), end-s.offset)]
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
		case last == 0xFF && b[n] == 0xD8:
			return s.pass(int64(n) + 1)
		default:
			s.pass(int64(n))
			return false
		}
	}
}
