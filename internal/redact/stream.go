package redact

import (
	"bufio"
	"bytes"
	"io"
	"math"

	"github.com/caddyexif/caddy-exif/internal/iptc"
)

const (
	// maxHold bounds the bytes that parsers buffer: a file may claim any length.
	maxHold = 256 << 10
	// outSize is the size of the output buffer, which collects small writes.
	outSize = 16 << 10
	// toEnd is a length that reaches to the end of any body.
	toEnd = math.MaxInt64
)

// stream is a parser's view of a body: a reader whose bytes the parser passes, overwrites or replaces. The
// output has the same length as the input, whatever the parser does.
//
// Passed bytes are written from the slice given to Write, without a copy, contiguous ones in one write.
type stream struct {
	more  func() bool // waits for the next Write, which sets in; false if there is none
	ended bool        // in has the last bytes of the body

	in        []byte // the argument of the current Write
	sent, pos int    // in[:sent] is done, in[sent:pos] passed but not written yet, in[pos:] unread
	held      []byte // unread bytes of earlier Writes, before in[pos:]
	buf       []byte // the memory of held, for reuse

	out         *bufio.Writer
	err         error // the last error of out
	offset      int64 // the next byte's offset in the body
	overwritten int64 // the number of bytes changed

	inXMP iptc.Told // the properties of the packets before
}

// told returns where the properties of the body's packets are noted.
func (s *stream) told() iptc.Told {
	if s.inXMP == nil {
		s.inXMP = make(iptc.Told)
	}
	return s.inXMP
}

func newStream(dst io.Writer) stream { return stream{out: bufio.NewWriterSize(dst, outSize)} }

// peekAny returns the unread bytes at hand. It waits for at least one, and returns none at the end of the body.
// The slice is valid until the next call, and the caller must not change it.
func (s *stream) peekAny() []byte {
	if len(s.held) > 0 {
		return s.held
	}
	if s.pos == len(s.in) {
		s.wait()
	}
	return s.in[s.pos:]
}

// peek returns the next n bytes without consuming them. If the body ends before, ok is false and b has the
// rest of it. The slice is valid until the next call, and the caller must not change it. The caller bounds n.
func (s *stream) peek(n int) (b []byte, ok bool) {
	if len(s.held) == 0 && len(s.in)-s.pos >= n {
		return s.in[s.pos : s.pos+n], true
	}
	for len(s.held) < n {
		if s.pos == len(s.in) && !s.wait() {
			return s.held, false
		}
		s.writePassed()
		k := min(n-len(s.held), len(s.in)-s.pos)
		if len(s.held)+k > cap(s.held) && len(s.held)+k <= cap(s.buf) {
			s.held = s.buf[:copy(s.buf[:cap(s.buf)], s.held)]
		}
		s.held = append(s.held, s.in[s.pos:s.pos+k]...)
		if cap(s.held) > cap(s.buf) {
			s.buf = s.held
		}
		s.pos += k
		s.sent = s.pos
	}
	return s.held[:n], true
}

// before returns those of b, the next bytes, that are before the offset end.
func (s *stream) before(end int64, b []byte) []byte { return b[:min(int64(len(b)), end-s.offset)] }

// pass writes the next n bytes unchanged; ok is false if the body ends before.
func (s *stream) pass(n int64) (ok bool) { return s.consume(n, nil) }

// consume reads the next n bytes in pieces, and calls f with each to write as many bytes instead. They pass if f is nil.
// ok is false if the body ends before.
func (s *stream) consume(n int64, f func(b []byte)) (ok bool) {
	for n > 0 {
		b := s.peekAny()
		b = b[:min(int64(len(b)), n)]
		if len(b) == 0 {
			return false
		}
		n -= int64(len(b))
		s.offset += int64(len(b))
		if f == nil && len(s.held) == 0 {
			s.pos += len(b)
			continue
		}
		s.writePassed()
		if f == nil {
			s.write(b)
		} else {
			f(b)
		}
		if len(s.held) > 0 {
			s.held = s.held[len(b):]
		} else {
			s.pos += len(b)
			s.sent = s.pos
		}
	}
	return true
}

// zeroBytes is a buffer of zeros to write from.
var zeroBytes [4 << 10]byte

// zero overwrites the next n bytes with zeros; ok is false if the body ends before.
func (s *stream) zero(n int64) (ok bool) {
	return s.consume(n, func(b []byte) {
		s.overwritten += int64(len(b) - bytes.Count(b, zeroBytes[:1]))
		s.writeZeros(len(b))
	})
}

func (s *stream) writeZeros(n int) {
	for ; n > 0; n -= len(zeroBytes) {
		s.write(zeroBytes[:min(n, len(zeroBytes))])
	}
}

// replace overwrites the next len(b) bytes with b; ok is false if the body ends before.
func (s *stream) replace(b []byte) (ok bool) {
	return s.consume(int64(len(b)), func(was []byte) {
		s.overwritten += different(was, b)
		s.write(b[:len(was)])
		b = b[len(was):]
	})
}

// different returns how many of the first bytes of two slices differ, up to the end of the shorter one.
func different(was, is []byte) (n int64) {
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			n++
		}
	}
	return n
}

// writePassed writes the passed bytes of in.
func (s *stream) writePassed() {
	if s.sent < s.pos {
		s.write(s.in[s.sent:s.pos])
		s.sent = s.pos
	}
}

func (s *stream) write(b []byte) {
	if _, err := s.out.Write(b); err != nil {
		s.err = err
	}
}

// flush writes the passed bytes of in and the output buffer.
func (s *stream) flush() {
	s.writePassed()
	if err := s.out.Flush(); err != nil {
		s.err = err
	}
}

// wait waits for the next Write that has bytes. It returns false at the end of the body.
func (s *stream) wait() bool {
	s.flush()
	for s.pos == len(s.in) && !s.ended {
		if s.err != nil || !s.more() {
			s.ended = true
		}
	}
	return s.pos < len(s.in)
}
