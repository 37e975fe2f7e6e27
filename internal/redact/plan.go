package redact

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
	"sort"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// ErrRefused reports that a file can't be redacted.
var ErrRefused = errors.New("redact: the file can't be redacted")

// Plan says how to redact one file. It is made once, from the parts of the file that its index and its EXIF
// are in, and carried out in one pass over the body. It can be used by many passes at once.
type Plan struct {
	// Format is the name of the file's format.
	Format string

	policy *Policy
	exif   []exif.Kept
	parse  parser // of a format that only a pass over the whole body can redact, else nil
	edits  edits  // of a format whose index says where everything is

	announced *edit // of a WebP, the XMP that stays
	unchanged bool
}

// nothingStays is the plan for a picture in a file, of whose metadata nothing is that of the answer.
var nothingStays = &Plan{policy: &Policy{}}

// New returns the plan for the file r, whose format has the verdict Redact. It reads no more of r than the plan
// takes. Its errors are ErrRefused and those of r.
func New(r io.ReaderAt, format string, p *Policy) (*Plan, error) {
	plan := &Plan{Format: format, policy: p}
	var err error
	if plan.exif, err = exif.Keep(r, p.EXIF); err != nil {
		return nil, err
	}
	if planner := planners[format]; planner != nil {
		return plan, planner(r, plan)
	}
	plan.parse = parsers[format]
	switch format {
	case "mkv", "webm":
		plan.parse, err = planMatroska(r)
	case "webp":
		err = plan.announceXMP(r)
	}
	return plan, err
}

// Ranged reports whether the plan says of each byte what becomes of it, so that a part of the body can be
// redacted without the bytes before it.
func (p *Plan) Ranged() bool { return p.parse == nil && len(p.edits.nested) == 0 }

// WithoutEXIF returns the plan for a file of which no EXIF can be read within the limits: none stays. It is nil for a
// format whose plan is made from its index.
func WithoutEXIF(format string, p *Policy) *Plan {
	if HasIndex(format) {
		return nil
	}
	return &Plan{Format: format, policy: p, parse: parsers[format]}
}

// Unchanged reports whether the file passes as it is, since it is neither an image nor a video.
func (p *Plan) Unchanged() bool { return p.unchanged }

// Weight returns the memory that the plan takes, in bytes, roughly.
func (p *Plan) Weight() int {
	n := 256 + p.edits.weight()
	if p.announced != nil {
		n += cap(p.announced.b)
	}
	return n
}

// NewWriter returns a Writer that writes to w the redacted body, from the offset off on. off must be 0 unless
// the plan is Ranged. The caller must call Close, even after an error.
func (p *Plan) NewWriter(w io.Writer, off int64) *Writer {
	if p.parse == nil {
		return &Writer{edits: &p.edits, dst: w, off: off}
	}
	return newWriter(w, func(s *stream) error { return p.parse(s, p) })
}

// Copy writes the redacted file r to w. It returns ErrRefused before it has written anything, or errors of r and w.
func Copy(w io.Writer, r io.ReaderAt, p *Policy) error {
	head := make([]byte, SniffLen)
	n, err := r.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	body := io.NewSectionReader(r, 0, math.MaxInt64)
	verdict, format := Sniff(head[:n])
	switch verdict {
	case Pass:
		_, err = io.Copy(w, body)
		return err
	case Refuse:
		return ErrRefused
	}
	plan, err := New(r, format, p)
	if err != nil {
		return err
	}
	if plan.Unchanged() {
		_, err = io.Copy(w, body)
		return err
	}
	rw := plan.NewWriter(w, 0)
	_, err = io.Copy(rw, body)
	return errors.Join(err, rw.Close())
}

// edits say which bytes of a file pass, which are replaced, and which a parser redacts. All others become zeros.
type edits struct {
	pass    []span   // sorted, disjoint
	replace []edit   // sorted, disjoint, and none overlaps a span that passes
	nested  []nested // sorted, disjoint, and none overlaps the others
}

// edit replaces the bytes from an offset on.
type edit struct {
	off int64
	b   []byte
}

// span returns where the edit's bytes are.
func (x edit) span() span { return span{x.off, x.off + int64(len(x.b))} }

// nested is a file in the file, whose parser redacts it as it streams.
type nested struct {
	span
	parse func(s *stream) error
}

// add records that b replaces the bytes at off.
func (e *edits) add(off int64, b []byte) {
	if len(b) > 0 {
		e.replace = append(e.replace, edit{off, b})
	}
}

// append adds those of x.
func (e *edits) append(x *edits) {
	e.pass = append(e.pass, x.pass...)
	e.replace = append(e.replace, x.replace...)
	e.nested = append(e.nested, x.nested...)
}

// sort brings what was added in order, once all is. Where a replacement and a span that passes overlap, the
// replacement wins; of two replacements, the first in the file. A nested file wins over a span that passes, and
// becomes zeros if it overlaps a replacement, or another one before it.
func (e *edits) sort() {
	slices.SortStableFunc(e.replace, func(a, b edit) int { return cmp.Compare(a.off, b.off) })
	end := int64(0)
	taken := make([]span, 0, len(e.replace))
	e.replace = slices.DeleteFunc(e.replace, func(x edit) bool {
		if x.off < end {
			return true
		}
		end = x.span().to
		taken = append(taken, x.span())
		return false
	})
	slices.SortStableFunc(e.nested, func(a, b nested) int { return cmp.Compare(a.from, b.from) })
	end = 0
	whole := slices.Clone(taken)
	e.nested = slices.DeleteFunc(e.nested, func(x nested) bool {
		whole = append(whole, x.span)
		bad := x.from < end || len(overlapping(taken, x.span)) > 0
		end = max(end, x.to)
		return bad
	})
	e.pass = slices.Clip(without(merge(e.pass), merge(whole)))
}

func (e *edits) weight() int {
	n := 16*cap(e.pass) + 32*cap(e.replace) + 32*cap(e.nested)
	for _, x := range e.replace {
		n += cap(x.b)
	}
	return n
}

// after returns those of a row in order that end after an offset. It costs little if these are the first.
func after[T any](row []T, off int64, end func(T) int64) []T {
	n := 1
	for n < len(row) && end(row[n-1]) <= off {
		n *= 2
	}
	return row[sort.Search(min(n, len(row)), func(i int) bool { return end(row[i]) > off }):]
}

// edit writes the bytes b, which are the next of the file, as the edits say.
func (w *Writer) edit(b []byte) (err error) {
	for e := *w.edits; len(b) > 0 && err == nil; {
		e.pass = after(e.pass, w.off, func(x span) int64 { return x.to })
		e.replace = after(e.replace, w.off, func(x edit) int64 { return x.span().to })
		e.nested = after(e.nested, w.off, func(x nested) int64 { return x.to })
		end := w.off + int64(len(b)) // up to which one of them says what becomes of b
		in := func(s span) bool {
			if s.from > w.off {
				end = min(end, s.from)
				return false
			}
			end = min(end, s.to)
			return true
		}
		switch {
		case len(e.pass) > 0 && in(e.pass[0]):
			_, err = w.dst.Write(b[:end-w.off])
		case len(e.replace) > 0 && in(e.replace[0].span()):
			is := e.replace[0].b[w.off-e.replace[0].off:][:end-w.off]
			w.overwritten += different(b, is)
			_, err = w.dst.Write(is)
		case len(e.nested) > 0 && in(e.nested[0].span) && (w.inner != nil || w.off == e.nested[0].from):
			err = w.nest(e.nested[0], b[:end-w.off])
		default: // or the caller began in the middle of a nested file
			end = min(end, w.off+int64(len(zeroBytes)))
			n := end - w.off
			w.overwritten += n - int64(bytes.Count(b[:n], zeroBytes[:1]))
			_, err = w.dst.Write(zeroBytes[:n])
		}
		b, w.off = b[end-w.off:], end
	}
	return err
}

// nest writes the next bytes of a nested file.
func (w *Writer) nest(x nested, b []byte) error {
	if w.inner == nil {
		if w.out == nil {
			w.out = bufio.NewWriterSize(w.dst, outSize)
		}
		w.inner = newWriter(w.out, x.parse)
	}
	_, err := w.inner.Write(b)
	if w.off+int64(len(b)) == x.to {
		err = errors.Join(err, w.closeInner())
	}
	return err
}

// closeInner ends the nested file, complete or cut off.
func (w *Writer) closeInner() error {
	if w.inner == nil {
		return nil
	}
	err := w.inner.Close()
	w.overwritten += w.inner.Overwritten()
	w.inner = nil
	return err
}

// planner makes the plan of a format whose index says where everything is: it fills in plan.edits.
type planner func(r io.ReaderAt, plan *Plan) error

// planners maps the name of each format with an index to its planner.
var planners = map[string]planner{
	"heif": planISO,
	"avif": planISO,
	"mp4":  planISO,
	"mov":  planISO,
	"3gp":  planISO,
}

// exifAt returns what stays of the EXIF that the part of the file at an offset carries, nil for nothing: the answer
// tells other EXIF, or none. The offset is that of the TIFF block in a JPEG segment, of the data of a chunk, of
// the body of a box, or of an item's first extent.
func (p *Plan) exifAt(off int64) *exif.Kept {
	for i := range p.exif {
		if p.exif[i].Off == off {
			return &p.exif[i]
		}
	}
	return nil
}

// exifAfter reports whether EXIF stays whose carrier lies after an offset.
func (p *Plan) exifAfter(off int64) bool {
	for i := range p.exif {
		if p.exif[i].Off > off && p.exif[i].Any() {
			return true
		}
	}
	return false
}
