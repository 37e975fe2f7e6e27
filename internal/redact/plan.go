package redact

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"

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

	unchanged bool
}

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
	return plan, nil
}

// Ranged reports whether the plan says of each byte what becomes of it, so that a part of the body can be
// redacted without the bytes before it.
func (p *Plan) Ranged() bool { return p.parse == nil }

// Unchanged reports whether the file passes as it is, since it is neither an image nor a video.
func (p *Plan) Unchanged() bool { return p.unchanged }

// Weight returns the memory that the plan takes, in bytes, roughly.
func (p *Plan) Weight() int { return 256 + p.edits.weight() }

// NewWriter returns a Writer that writes to w the redacted body, from the offset off on. off must be 0 unless
// the plan is Ranged. The caller must call Close, even after an error.
func (p *Plan) NewWriter(w io.Writer, off int64) *Writer {
	if p.Ranged() {
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

// edits say which bytes of a file pass and which are replaced. All others become zeros.
type edits struct {
	pass    []span // sorted, disjoint
	replace []edit // sorted, disjoint, and none overlaps a span that passes
}

// edit replaces the bytes from an offset on.
type edit struct {
	off int64
	b   []byte
}

// add records that b replaces the bytes at off.
func (e *edits) add(off int64, b []byte) {
	if len(b) > 0 {
		e.replace = append(e.replace, edit{off, b})
	}
}

// sort brings what was added in order, once all is. Where a replacement and a span that passes overlap, the
// replacement wins; of two replacements, the first in the file.
func (e *edits) sort() {
	slices.SortStableFunc(e.replace, func(a, b edit) int { return compare(span{from: a.off}, span{from: b.off}) })
	end := int64(0)
	taken := make([]span, 0, len(e.replace))
	e.replace = slices.DeleteFunc(e.replace, func(x edit) bool {
		if x.off < end {
			return true
		}
		end = x.off + int64(len(x.b))
		taken = append(taken, span{x.off, end})
		return false
	})
	e.pass = slices.Clip(without(merge(e.pass), taken))
}

func (e *edits) weight() int {
	n := 16*cap(e.pass) + 32*cap(e.replace)
	for _, x := range e.replace {
		n += cap(x.b)
	}
	return n
}

// write writes the bytes b of the file, which begin at off, as they leave.
func (e *edits) write(w io.Writer, off int64, b []byte) (overwritten int64, err error) {
	pass, _ := slices.BinarySearchFunc(e.pass, off, func(s span, off int64) int { return compare(span{from: s.to - 1}, span{from: off}) })
	replace, _ := slices.BinarySearchFunc(e.replace, off, func(x edit, off int64) int {
		return compare(span{from: x.off + int64(len(x.b)) - 1}, span{from: off})
	})
	for len(b) > 0 && err == nil {
		n := int64(len(b)) // up to the next span or replacement
		if pass < len(e.pass) {
			if s := e.pass[pass]; s.from <= off {
				n = min(n, s.to-off)
				_, err = w.Write(b[:n])
				b, off = b[n:], off+n
				if off == s.to {
					pass++
				}
				continue
			}
			n = min(n, e.pass[pass].from-off)
		}
		if replace < len(e.replace) {
			if x := e.replace[replace]; x.off <= off {
				is := x.b[off-x.off:]
				n = min(n, int64(len(is)))
				for i, c := range is[:n] {
					if c != b[i] {
						overwritten++
					}
				}
				_, err = w.Write(is[:n])
				b, off = b[n:], off+n
				if n == int64(len(is)) {
					replace++
				}
				continue
			}
			n = min(n, e.replace[replace].off-off)
		}
		n = min(n, int64(len(zeroBytes)))
		overwritten += n - int64(bytes.Count(b[:n], zeroBytes[:1]))
		_, err = w.Write(zeroBytes[:n])
		b, off = b[n:], off+n
	}
	return overwritten, err
}

// planner makes the plan of a format whose index says where everything is: it fills in plan.edits.
type planner func(r io.ReaderAt, plan *Plan) error

// planners maps the name of each format with an index to its planner.
var planners = map[string]planner{}

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
