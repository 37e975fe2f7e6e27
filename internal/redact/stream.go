package redact

import (
	"bufio"
	"bytes"
	"io"
	"math"
)

const (
	// maxHold bounds what parsers hold, but for HEIF's Policy.MaxHeld: a file may claim any length.
	maxHold = 256 << 10
	// outSize is how many bytes are collected that don't pass as they came.
	outSize = 16 << 10
	// toEnd is the length of all that is left.
	toEnd = math.MaxInt64
)

// stream is a body as a parser sees it: the bytes that are to come. The parser says of each whether it
// passes, is overwritten or replaced, so that as many bytes leave as came in, whatever the parser does.
//
// Bytes that pass are written straight from the slice that they came in, as many at a time as stand
// together.
type stream struct {
	more  func() bool // waits for the next Write, which sets in; false: there is none
	ended bool        // the body ends with in

	in        []byte // the bytes of this Write:
	sent, pos int    // up to sent they are dealt with, up to pos they pass, from pos on they are to come
	held      []byte // bytes of earlier Writes that are to come before those of in
	buf       []byte // the memory of held

	out         *bufio.Writer
	err         error // of out
	offset      int64 // of the next byte in the body
	overwritten int64
}

func newStream(dst io.Writer) stream { return stream{out: bufio.NewWriterSize(dst, outSize)} }

// peek returns the next bytes, as many as are there without waiting, at least one; none means that the body
// has ended. They are valid until the next call, and must not be changed.
func (s *stream) peek() []byte {
	if len(s.held) > 0 {
		return s.held
	}
	if s.pos == len(s.in) {
		s.wait()
	}
	return s.in[s.pos:]
}

// hold returns the next n bytes, which are still to come; ok is false if the body ends before, and then
// they are what is left of it. They are valid until the next call, and must not be changed. The caller
// bounds n.
func (s *stream) hold(n int) (b []byte, ok bool) {
	if len(s.held) == 0 && len(s.in)-s.pos >= n {
		return s.in[s.pos : s.pos+n], true
	}
	for len(s.held) < n {
		if s.pos == len(s.in) && !s.wait() {
			return s.held, false
		}
		s.settle()
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

// pass passes the next n bytes on as they are; ok is false if the body ends before.
func (s *stream) pass(n int64) (ok bool) {
	for n > 0 {
		b := s.peek()
		b = b[:min(int64(len(b)), n)]
		if len(b) == 0 {
			return false
		}
		n -= int64(len(b))
		s.offset += int64(len(b))
		if len(s.held) > 0 {
			s.write(b)
			s.held = s.held[len(b):]
		} else {
			s.pos += len(b)
		}
	}
	return true
}

// consume deals with the next n bytes, in pieces: f is given each to write something as long instead. ok is
// false if the body ends before.
func (s *stream) consume(n int64, f func(b []byte)) (ok bool) {
	for n > 0 {
		b := s.peek()
		b = b[:min(int64(len(b)), n)]
		if len(b) == 0 {
			return false
		}
		n -= int64(len(b))
		s.offset += int64(len(b))
		s.settle()
		f(b)
		if len(s.held) > 0 {
			s.held = s.held[len(b):]
		} else {
			s.pos += len(b)
			s.sent = s.pos
		}
	}
	return true
}

// blank is what bytes are overwritten with.
var blank [4 << 10]byte

// zero overwrites the next n bytes with zeros; ok is false if the body ends before.
func (s *stream) zero(n int64) (ok bool) {
	return s.consume(n, func(b []byte) {
		s.overwritten += int64(len(b) - bytes.Count(b, blank[:1]))
		for n := len(b); n > 0; n -= len(blank) {
			s.write(blank[:min(n, len(blank))])
		}
	})
}

// replace overwrites the next bytes with b; ok is false if the body ends before.
func (s *stream) replace(b []byte) (ok bool) {
	return s.consume(int64(len(b)), func(was []byte) {
		for i, c := range was {
			if c != b[i] {
				s.overwritten++
			}
		}
		s.write(b[:len(was)])
		b = b[len(was):]
	})
}

// settle writes the bytes of in that pass.
func (s *stream) settle() {
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

// flush writes all that was decided about.
func (s *stream) flush() {
	s.settle()
	if err := s.out.Flush(); err != nil {
		s.err = err
	}
}

// wait waits for the next Write; false means that the body has ended.
func (s *stream) wait() bool {
	s.flush()
	for s.pos == len(s.in) && !s.ended {
		if s.err != nil || !s.more() {
			s.ended = true
		}
	}
	return s.pos < len(s.in)
}
