// Package redact removes from a streamed photo the metadata that its EXIF answer doesn't contain.
//
// A redacted photo has the same length and the same pixels. The package doesn't decode or re-encode the
// picture: it overwrites metadata in place and updates checksums. It works from an allowlist, so it also
// removes metadata that it doesn't know.
//
// Each container has one file (jpeg.go, png.go, ...) with a parser, a function that reads the body from a
// stream (stream.go) and passes, overwrites or replaces each of its bytes.
package redact

import (
	"bufio"
	"errors"
	"io"
	"iter"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/iptc"
)

// Policy is the allowlist of a photo's metadata.
type Policy struct {
	// EXIF selects the tags to keep, as it does for the EXIF answer. Nil keeps only the tags that readers
	// need to show the picture.
	EXIF *exif.Options
	// IPTC says which of IPTC's properties stay in XMP and IIM, beside what says how to show the picture.
	IPTC iptc.Policy
}

// keeps reports whether a property of IPTC's stays.
func (p *Policy) keeps(property string) bool { return p.IPTC.Keep != nil && p.IPTC.Keep(property) }

// Verdict is what Sniff decides about a body.
type Verdict uint8

const (
	// Pass is for a body that is no image, or an image of a format without metadata.
	Pass Verdict = iota
	// Redact is for an image that a Writer can redact.
	Redact
	// Refuse is for an image of a known format that a Writer can't redact.
	Refuse
)

// SniffLen is the number of a body's first bytes that Sniff examines.
const SniffLen = exif.SniffLen

// errBroken reports that a parser can't follow the file's structure.
var errBroken = errors.New("redact: the structure can't be followed")

// parser redacts one body. The Writer overwrites all bytes that the parser hasn't consumed when it returns,
// with or without an error. A parser must return soon after the stream reports the end of the body.
type parser func(s *stream, p *Plan) error

// parsers maps the name of each format that can be redacted to its parser.
var parsers = map[string]parser{
	"jpeg": redactJPEG,
	"png":  redactPNG,
	"webp": redactWebP,
	"gif":  redactGIF,
	"jxl":  redactJXL,
	"jp2":  redactJP2,
	"bmp":  redactBMP,
	"ico":  redactICO,
	"mkv":  redactMatroska,
	"webm": redactMatroska,
	"avi":  redactAVI,
}

// Sniff returns the verdict on a body and the name of its format ("" if it is no image), from its first
// SniffLen bytes, or from all of them if the body is shorter.
func Sniff(head []byte) (Verdict, string) {
	format := exif.Sniff(head)
	switch format {
	case "":
		if verdict, film := sniffFilm(head); verdict != Pass {
			return verdict, film
		}
		fallthrough
	case "svg":
		if hidden := hiddenPicture(head); hidden != "" {
			return Refuse, hidden
		}
		if rest := tagged(head); len(rest) > 0 {
			if verdict, hidden := Sniff(rest); verdict != Pass {
				return Refuse, hidden
			}
		}
		return Pass, format
	}
	if parsers[format] == nil && planners[format] == nil {
		return Refuse, format
	}
	return Redact, format
}

// HasIndex reports whether the plan of a format is made from its index, and says what becomes of each byte.
func HasIndex(format string) bool { return planners[format] != nil }

// firstBoxes are the types of the boxes that such files begin with; QuickTime's have no ftyp.
var firstBoxes = []string{"ftyp", "moov", "mdat", "wide", "free", "skip", "pnot", "styp", "moof", "sidx", "emsg", "prft", "uuid", "JXL ", "jP  ", "JXS ", "RED1", "RED2"}

// Writer redacts the body written to it, as its Plan says.
type Writer struct {
	edits *edits // of a Plan with an index; then only dst, off, inner and overwritten are used
	dst   io.Writer
	off   int64         // of the next byte
	inner *Writer       // of the nested file that off is in
	out   *bufio.Writer // of the nested files, which can be many

	s           stream
	resume      func() (struct{}, bool) // runs the parser until it needs more bytes
	stop        func()
	closed      bool
	overwritten int64
}

// newWriter returns a Writer that runs parse, then overwrites the rest of the body.
func newWriter(w io.Writer, parse func(*stream) error) *Writer {
	rw := &Writer{s: newStream(w)}
	rw.resume, rw.stop = iter.Pull(func(yield func(struct{}) bool) {
		rw.s.more = func() bool { return yield(struct{}{}) }
		_ = parse(&rw.s) // an error says why the rest is overwritten
		rw.s.zero(toEnd)
	})
	return rw
}

// Write redacts the next bytes of the body. It buffers bytes that the parser can't decide about yet.
func (w *Writer) Write(p []byte) (int, error) {
	if w.closed {
		return 0, io.ErrClosedPipe
	}
	if w.edits != nil {
		if err := w.edit(p); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	if err := w.feed(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close ends the body, complete or cut off, and writes the bytes that are still buffered. It doesn't close
// the underlying writer.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if w.edits != nil {
		return w.closeInner()
	}
	w.s.ended = true
	err := w.feed(nil)
	w.stop()
	return err
}

// feed runs the parser on p.
func (w *Writer) feed(p []byte) error {
	if w.s.err != nil {
		return w.s.err
	}
	w.s.in, w.s.sent, w.s.pos = p, 0, 0
	w.resume()
	w.s.flush()
	w.s.in, w.s.sent, w.s.pos = nil, 0, 0
	return w.s.err
}

// Overwritten returns the number of bytes changed so far.
func (w *Writer) Overwritten() int64 { return w.overwritten + w.s.overwritten }
