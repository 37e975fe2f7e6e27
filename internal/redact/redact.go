// Package redact takes out of a photo what its EXIF answer doesn't tell, while the photo streams by.
//
// A redacted photo has the same length and the same pixels. Nothing is decoded or encoded: what must go is
// overwritten where it stands, and checksums are made right. The policy is a list of what stays, and
// nothing is recognized in order to be removed, so what this package doesn't know goes.
//
// Each container has one file (jpeg.go, png.go, ...) with a parser, a function that reads the body from a
// stream (stream.go) and says of every byte whether it passes, is overwritten or replaced.
package redact

import (
	"errors"
	"io"
	"iter"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// Policy is what stays of a photo's metadata.
type Policy struct {
	// EXIF selects the tags that stay, as it selects those of the EXIF answer. Nil keeps none but those
	// that the picture needs.
	EXIF *exif.Options
	// MaxHeld bounds how much of a HEIF is held whose meta comes after mdat.
	MaxHeld int64
}

// Verdict says what is to be done with a body.
type Verdict uint8

const (
	// Pass is for what is no image, or one with nothing to hide.
	Pass Verdict = iota
	// Redact is for an image that a Writer can redact.
	Redact
	// Refuse is for an image of a known format that can't be redacted.
	Refuse
)

// SniffLen is how many of a body's first bytes Sniff looks at.
const SniffLen = exif.SniffLen

// ErrHeld says that more than Policy.MaxHeld bytes would have to be held. Write returns it before any byte
// was passed on.
var ErrHeld = errors.New("redact: the metadata stands too far behind the picture")

// errBroken says that a parser can't follow the structure.
var errBroken = errors.New("redact: the structure can't be followed")

// parser redacts one body. What the parser hasn't consumed when it returns is overwritten, whatever it
// returns. It must return soon after the stream says that the body has ended.
type parser func(s *stream, p *Policy) error

// parsers are those of the formats that can be redacted.
var parsers = map[string]parser{
	"jpeg": redactJPEG,
	"png":  redactPNG,
	"webp": redactWebP,
	"gif":  redactGIF,
	"heif": redactHEIF,
	"avif": redactHEIF,
	"jxl":  redactJXL,
	"jp2":  redactJP2,
}

// Sniff tells from a body's first bytes what is to be done with it, and the name of its format, "" if it
// is no image. A body shorter than SniffLen is told by what there is.
func Sniff(head []byte) (Verdict, string) {
	format := exif.Sniff(head)
	switch format {
	case "", "bmp", "ico", "svg":
		return Pass, format
	}
	if parsers[format] == nil {
		return Refuse, format
	}
	return Redact, format
}

// Writer redacts a photo that is written to it.
type Writer struct {
	s      stream
	resume func() (struct{}, bool) // runs the parser until it needs more
	stop   func()
	held   error // ErrHeld
	closed bool
}

// NewWriter returns a Writer that passes a redacted photo on to w. Close must be called, even after an error.
//
// The writer tells the format from the first bytes. What Sniff says is to pass does so; what it says is to
// be refused is overwritten whole.
func NewWriter(w io.Writer, p *Policy) *Writer {
	return newWriter(w, func(s *stream) error {
		head, _ := s.hold(SniffLen)
		verdict, format := Sniff(head)
		switch verdict {
		case Pass:
			s.pass(toEnd)
		case Redact:
			return parsers[format](s, p)
		}
		return nil
	})
}

// newWriter returns a Writer that runs parse, and overwrites what that leaves.
func newWriter(w io.Writer, parse func(*stream) error) *Writer {
	rw := &Writer{s: newStream(w)}
	rw.resume, rw.stop = iter.Pull(func(yield func(struct{}) bool) {
		rw.s.more = func() bool { return yield(struct{}{}) }
		if err := parse(&rw.s); errors.Is(err, ErrHeld) {
			rw.held = err
			return
		}
		rw.s.zero(toEnd)
	})
	return rw
}

// Write takes the next bytes of the photo. It holds back what can't be judged yet.
func (w *Writer) Write(p []byte) (int, error) {
	if w.closed {
		return 0, io.ErrClosedPipe
	}
	if err := w.feed(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close tells that the photo ends here, whether it is whole or cut off, and passes on what was held back.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	w.s.ended = true
	err := w.feed(nil)
	w.stop()
	return err
}

// feed runs the parser over p.
func (w *Writer) feed(p []byte) error {
	if w.held != nil {
		return w.held
	}
	if w.s.err != nil {
		return w.s.err
	}
	w.s.in, w.s.sent, w.s.pos = p, 0, 0
	w.resume()
	if w.held != nil {
		return w.held
	}
	w.s.flush()
	w.s.in, w.s.sent, w.s.pos = nil, 0, 0
	return w.s.err
}

// Overwritten is the number of bytes that were changed so far.
func (w *Writer) Overwritten() int64 { return w.s.overwritten }
