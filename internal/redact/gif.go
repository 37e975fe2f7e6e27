package redact

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// A GIF (version 89a) consists of a screen descriptor, then blocks: pictures, and extensions, which have a
// label. Both contain sub-blocks, each a length byte and that many bytes, up to an empty one. The redacted
// file keeps the extensions that readers need to show the picture: graphic control, and the application
// extensions with the number of loops, the ICC profile and the XMP that stays.
//
// Removed data becomes sub-blocks of one zero each. That works for XMP, too, which isn't in sub-blocks:
// readers take its letters for lengths.

// gifApplications are the application extensions to keep.
var gifApplications = map[string]bool{"NETSCAPE2.0": true, "ANIMEXTS1.0": true, "ICCRGBG1012": true}

func redactGIF(s *stream, p *Plan) error {
	head, ok := s.peek(13)
	if !ok || !s.pass(13+container.ColorTable(head[10])) {
		return nil
	}
	le := binary.LittleEndian
	width, height := le.Uint16(head[6:]), le.Uint16(head[8:])
	var l lzw
	first := true
	profiled := false // there was a profile
	for {
		b, _ := s.peek(14)
		switch {
		case len(b) > 0 && b[0] == ';':
			s.pass(1)
			return nil
		case len(b) >= 10 && b[0] == ',':
			// the descriptor, the table, the data
			table := container.ColorTable(b[9])
			pixels := int64(le.Uint16(b[5:])) * int64(le.Uint16(b[7:]))
			if hidden := le.Uint16(b[1:]) >= width || le.Uint16(b[3:]) >= height; hidden && !first && width > 0 && height > 0 && pixels > 0 {
				// one pixel: without data for all of them, Chromium ends the animation here
				small := slices.Clone(b[:10])
				copy(small[5:], "\x01\x00\x01\x00")
				ok = s.replace(small) && s.zero(table) && passPicture(s, &l, 1)
			} else { // browsers enlarge the screen for the first
				ok = s.pass(10+table) && passPicture(s, &l, pixels)
			}
			first = false
		case len(b) >= 3 && b[0] == '!':
			if string(b) == container.GIFXMP {
				if redactGIFXMP(s, p) {
					continue
				}
				b, _ = s.peek(14)
			}
			ok = redactExtension(s, b, &profiled)
		case len(b) > 0 && b[0] == 0: // some writers put zeros between blocks
			ok = s.pass(int64(len(b) - len(bytes.TrimLeft(b, "\x00"))))
		default:
			return errBroken
		}
		if !ok {
			return nil
		}
	}
}

// redactGIFXMP rewrites the extension with XMP that is next. It returns false and does nothing if no property stays, or
// if the extension doesn't fit into the buffer. The trailer leads readers to the end of the new packet as of the old one.
func redactGIFXMP(s *stream, p *Plan) bool {
	if p.policy.IPTC.Keep == nil {
		return false
	}
	const head = len(container.GIFXMP)
	end := head
	for {
		b, ok := s.peek(end + 1)
		if !ok || end > maxHold {
			return false
		}
		end += 1 + int(b[end])
		if b[len(b)-1] == 0 {
			break
		}
	}
	b, _ := s.peek(end)
	packet, ok := bytes.CutSuffix(b[head:], gifTrailer)
	if !ok {
		return false
	}
	packet, _ = p.xmp(s.told(), packet)
	return packet != nil && s.pass(int64(head)) && s.replace(packet) && s.pass(int64(len(gifTrailer)))
}

// gifTrailer ends the extension with XMP (XMP, part 3, 1.1.2): a byte of 1, all bytes from 255 to 0, and the empty
// sub-block.
var gifTrailer = func() []byte {
	b := []byte{1}
	for i := 255; i >= 0; i-- {
		b = append(b, byte(i))
	}
	return append(b, 0)
}()

// redactExtension redacts the extension that starts with b. The first profile stays, and all loops: Chromium takes the last ones.
func redactExtension(s *stream, b []byte, profiled *bool) bool {
	label, size := b[1], int(b[2])
	switch {
	case label == 0xF9 && size == 4:
		if isReplaced(s) {
			return s.pass(2+1) && s.zero(4) && blankSubBlocks(s)
		}
		return s.pass(2+1+4) && blankSubBlocks(s)
	case label == 0xFF && size == 11 && len(b) == 14 && gifApplications[string(b[3:14])] && (b[3] != 'I' || !*profiled):
		if b[3] == 'I' {
			*profiled = true
			return s.pass(14) && redactProfile(s)
		}
		return s.pass(14) && redactLoops(s)
	case size < 11:
		return s.pass(2) && blankSubBlocks(s)
	}
	// Even a comment becomes an application extension without a name, so that no empty comment is left.
	// Decoders expect application extensions to begin with 11 bytes.
	first := make([]byte, 2+1+11, 2+1+12)
	if size == 12 {
		first = first[:cap(first)]
	}
	first[0], first[1], first[2] = '!', 0xFF, byte(len(first)-3) //nolint:gosec // G115: 11 or 12
	b, _ = s.peek(2 + 1 + size)
	rest := appendBlank(first, 2+1+size-len(first))
	return s.replace(rest[:len(b)]) && blankSubBlocks(s)
}

// isReplaced reports whether another graphic control follows the one that is next, or the end, before a picture.
func isReplaced(s *stream) bool {
	at := 2 // sub-blocks
	for at < maxHold {
		b, ok := s.peek(at + 1)
		if !ok {
			return len(b) <= at // the file ends here
		}
		if n := int(b[at]); n > 0 {
			at += 1 + n
			continue
		}
		b, _ = s.peek(at + 3)
		switch next := b[at+1:]; {
		case len(next) < 2 || next[0] == ';':
			return true
		case next[0] != '!':
			return false
		case next[1] == 0xF9:
			return true
		}
		at += 3
	}
	return false
}

// appendBlank appends n bytes of sub-blocks of zeros. n can't be 1.
func appendBlank(b []byte, n int) []byte {
	if n&1 == 1 {
		b = append(b, 2, 0, 0)
		n -= 3
	}
	for ; n > 0; n -= 2 {
		b = append(b, 1, 0)
	}
	return b
}

// redactLoops keeps the sub-blocks with the number of loops and the buffer size, each once.
func redactLoops(s *stream) bool {
	var seen [3]bool
	for {
		b, ok := s.peek(2)
		if !ok || (b[0] != 3 || b[1] != 1) && (b[0] != 5 || b[1] != 2) || seen[b[1]] {
			return blankSubBlocks(s)
		}
		seen[b[1]] = true
		if !s.pass(1 + int64(b[0])) {
			return false
		}
	}
}

// redactProfile redacts the sub-blocks with a color profile, up to maxHold bytes.
func redactProfile(s *stream) bool {
	var profile []byte
	n := 0 // the length of the sub-blocks
	for {
		b, ok := s.peek(n + 1)
		if !ok || n > maxHold {
			return blankSubBlocks(s)
		}
		length := int(b[n])
		if length == 0 {
			break
		}
		if b, ok = s.peek(n + 1 + length); !ok {
			return blankSubBlocks(s)
		}
		profile = append(profile, b[n+1:]...)
		n += 1 + length
	}
	if !cleanICC(profile) {
		return blankSubBlocks(s)
	}
	b, _ := s.peek(n)
	b = slices.Clone(b)
	for at := 0; at < n; {
		length := copy(b[at+1:at+1+int(b[at])], profile)
		profile = profile[length:]
		at += 1 + length
	}
	return s.replace(b) && s.pass(1)
}

// passPicture passes the sub-blocks of a picture as far as its LZW codes go (appendix F), and overwrites the bytes after
// the code that ends it, or that has its last pixel.
func passPicture(s *stream, l *lzw, pixels int64) bool {
	b, ok := s.peek(1)
	if !ok || b[0] < 1 || b[0] > 11 {
		return false
	}
	l.begin(uint(b[0]), pixels)
	s.pass(1)
	for {
		b, ok := s.peek(1)
		if !ok {
			return false
		}
		n := int(b[0])
		if n == 0 {
			return s.pass(1)
		}
		if b, ok = s.peek(1 + n); !ok {
			n = len(b) - 1 // the file ends here
		}
		used := l.read(b[1 : 1+n])
		if !s.pass(int64(1+used)) || !s.zero(int64(n-used)) || !ok {
			return false
		}
	}
}

// lzw counts the pixels of a picture's codes.
type lzw struct {
	pixels  int64 // still to come
	least   uint  // bits of a pixel
	width   uint  // bits of the next code
	next    int   // the number of the next string
	last    int   // the code before, -1 for none
	bits, n uint
	ended   bool
	lengths [1 << 12]uint16 // of the strings, in pixels
}

// begin begins a picture. The strings of the last one may stay: a picture makes its own before it uses them.
func (l *lzw) begin(least uint, pixels int64) {
	l.pixels, l.least, l.bits, l.n, l.ended = pixels, least, 0, 0, false
	l.reset()
}

// length returns how many pixels a code stands for.
func (l *lzw) length(code int) uint16 {
	if code <= 1<<l.least+1 {
		return 1
	}
	return l.lengths[code]
}

func (l *lzw) reset() { l.width, l.next, l.last = l.least+1, 1<<l.least+2, -1 }

// read reads codes from b and returns how many bytes of it belong to the picture.
func (l *lzw) read(b []byte) (used int) {
	const most = 12
	clearCode, endCode := 1<<l.least, 1<<l.least+1
	for i, c := range b {
		if l.ended {
			return i
		}
		l.bits |= uint(c) << l.n
		l.n += 8
		for l.n >= l.width && !l.ended {
			code := int(l.bits & (1<<l.width - 1))
			l.bits >>= l.width
			l.n -= l.width
			switch {
			case code == clearCode:
				l.reset()
				continue
			case code == endCode || l.pixels <= 0:
				l.ended = true
				continue
			case code > l.next || code == l.next && l.last < 0:
				l.ended = true // broken: decoders stop here
				continue
			}
			if l.last >= 0 && l.next < 1<<most {
				l.lengths[l.next] = l.length(l.last) + 1
				l.next++
				if l.next == 1<<l.width && l.width < most {
					l.width++
				}
			}
			l.last = code
			l.pixels -= int64(l.length(code))
		}
	}
	return len(b)
}

// blankSubBlocks overwrites the sub-blocks up to the empty one with sub-blocks of zeros.
func blankSubBlocks(s *stream) bool {
	var buf []byte
	for {
		b, ok := s.peek(1)
		if !ok {
			return false
		}
		if b[0] == 0 {
			return s.pass(1)
		}
		if buf == nil {
			buf = make([]byte, 0, 256)
		}
		n := 1 + int(b[0])
		b, _ = s.peek(n)
		if !s.replace(appendBlank(buf, n)[:len(b)]) {
			return false
		}
	}
}
