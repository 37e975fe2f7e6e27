package redact

import "github.com/caddyexif/caddy-exif/internal/container"

// A GIF (version 89a) consists of a screen descriptor, then blocks: pictures, and extensions, which have a
// label. Both contain sub-blocks, each a length byte and that many bytes, up to an empty one. The redacted
// file keeps the extensions that readers need to show the picture: graphic control, and the application
// extensions with the number of loops and the ICC profile.
//
// Removed data becomes sub-blocks of one zero each. That works for XMP, too, which isn't in sub-blocks:
// readers take its letters for lengths.

// gifApplications are the application extensions to keep.
var gifApplications = map[string]bool{"NETSCAPE2.0": true, "ANIMEXTS1.0": true, "ICCRGBG1012": true}

func redactGIF(s *stream, _ *Plan) error {
	head, ok := s.peek(13)
	if !ok || !s.pass(13+container.ColorTable(head[10])) {
		return nil
	}
	for {
		b, _ := s.peek(14)
		switch {
		case len(b) > 0 && b[0] == ';':
			s.pass(1)
			return nil
		case len(b) >= 10 && b[0] == ',':
			// the descriptor, the table, the size of codes
			ok = s.pass(10+container.ColorTable(b[9])+1) && passSubBlocks(s)
		case len(b) >= 3 && b[0] == '!':
			ok = redactExtension(s, b)
		default:
			return errBroken
		}
		if !ok {
			return nil
		}
	}
}

// redactExtension redacts the extension that starts with b.
func redactExtension(s *stream, b []byte) bool {
	label, size := b[1], int(b[2])
	switch {
	case label == 0xF9 && size == 4:
		return s.pass(2+1+4) && blankSubBlocks(s)
	case label == 0xFF && size == 11 && len(b) == 14 && gifApplications[string(b[3:14])]:
		if b[3] == 'I' {
			return s.pass(14) && passSubBlocks(s)
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

// redactLoops keeps the sub-blocks with the number of loops and the buffer size.
func redactLoops(s *stream) bool {
	for {
		b, ok := s.peek(2)
		if !ok || (b[0] != 3 || b[1] != 1) && (b[0] != 5 || b[1] != 2) {
			return blankSubBlocks(s)
		}
		if !s.pass(1 + int64(b[0])) {
			return false
		}
	}
}

// passSubBlocks passes the sub-blocks up to and including the empty one.
func passSubBlocks(s *stream) bool {
	for {
		b, ok := s.peek(1)
		if !ok {
			return false
		}
		n := int64(b[0])
		if !s.pass(1 + n) {
			return false
		}
		if n == 0 {
			return true
		}
	}
}

// blankSubBlocks overwrites the sub-blocks up to the empty one with sub-blocks of zeros.
func blankSubBlocks(s *stream) bool {
	buf := make([]byte, 0, 256)
	for {
		b, ok := s.peek(1)
		if !ok {
			return false
		}
		if b[0] == 0 {
			return s.pass(1)
		}
		n := 1 + int(b[0])
		b, _ = s.peek(n)
		if !s.replace(appendBlank(buf, n)[:len(b)]) {
			return false
		}
	}
}
