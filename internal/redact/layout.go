package redact

import (
	"bytes"
	"io"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

const (
	// maxXMP bounds the data of all XMP in a JPEG, or in the items of a HEIF, that is read to rewrite it.
	maxXMP = maxHold
	// maxDerived bounds the data of a derived picture, which is read to cut it to its fields.
	maxDerived = 64 << 10
)

// store is where items have their data: the mdat boxes of the file, or the box idat.
type store struct {
	r     io.ReaderAt
	at    int64  // the offset in the file of r's first byte
	media []span // the parts of r that can have items
	edits edits

	replaced []span // the data of items that are written anew
	remove   []span // the data of items that go
}

// read reads the first n bytes of data.
func (s *store) read(data []span, n int64) ([]byte, error) {
	b := make([]byte, 0, n)
	for _, d := range data {
		at := len(b)
		b = b[:at+int(min(d.to-d.from, n-int64(at)))]
		k, err := container.ReadAt(s.r, b[at:], d.from)
		if err != nil {
			return nil, err
		}
		b = b[:at+k]
	}
	return b, nil
}

// replace puts b in the place of data, and fills the rest of that with zeros or, in XMP, blanks.
func (s *store) replace(data []span, b []byte, fill byte) {
	s.replaced = append(s.replaced, data...)
	for _, d := range data {
		n := d.to - d.from
		is := b[:min(n, int64(len(b)))]
		b = b[len(is):]
		if fill != 0 {
			is = append(slices.Clip(is), bytes.Repeat([]byte{fill}, int(n)-len(is))...)
		}
		s.edits.add(d.from, is)
	}
}

// end ends the plan: nothing of items that go stays, nor what isn't in media.
func (s *store) end() {
	s.remove = merge(s.remove)
	stays := func(x span) bool { return within(x, s.media) && len(overlapping(s.remove, x)) == 0 }
	e := &s.edits
	e.pass = without(clip(merge(e.pass), s.media), merge(slices.Concat(s.remove, s.replaced)))
	e.replace = slices.DeleteFunc(e.replace, func(x edit) bool { return !stays(x.span()) })
	e.nested = slices.DeleteFunc(e.nested, func(x nested) bool { return !stays(x.span) })
}

// within reports whether s is in one of the spans, which are merged.
func within(s span, spans []span) bool {
	in := overlapping(spans, s)
	return len(in) == 1 && in[0].from <= s.from && s.to <= in[0].to
}

// nestedParser returns the parser for an item that is a whole JPEG or a JPEG 2000 codestream. Nothing of its own
// EXIF stays: readers take that of the file.
func nestedParser(kind itemKind) func(s *stream) error {
	return func(s *stream) error {
		b, _ := s.peek(len(container.J2KCodestream))
		switch {
		case kind == jpegPicture && bytes.HasPrefix(b, []byte("\xFF\xD8")):
			return redactJPEG(s, nothingStays)
		case kind == jp2Picture && string(b) == container.J2KCodestream:
			redactCodestream(s, container.ToEnd)
		}
		return errBroken
	}
}

// redactMemory redacts b, all bytes of the store, in place.
func (s *store) redactMemory(b []byte) {
	s.end()
	s.edits.sort()
	var out bytes.Buffer
	w := Writer{edits: &s.edits, dst: &out}
	w.Write(b) //nolint:errcheck,gosec // a bytes.Buffer returns no error
	w.Close()  //nolint:gosec // as above
	clear(b[copy(b, out.Bytes()):])
}

// overlapping returns the spans that overlap s. The spans are merged.
func overlapping(spans []span, s span) []span {
	spans = after(spans, s.from, func(x span) int64 { return x.to })
	to := 0
	for to < len(spans) && spans[to].from < s.to {
		to++
	}
	return spans[:to]
}
