package redact

import (
	"bytes"
	"io"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// layout maps the bytes of mdat boxes, or of idat: which to keep, and where the Exif and XMP items are.
type layout struct {
	size int64 // the length of idat, container.ToEnd for the file

	keep, remove []span // until buildRuns: pictures, and items to remove
	nested       []run  // until buildRuns: whole JPEG and JPEG 2000 files
	items        []item // until buildRuns: Exif and XMP items

	runs []run // set by buildRuns: sorted, without overlaps; bytes between them are overwritten
	next int   // the index of the next run to redact
}

// item is an Exif or XMP item, whose data is the concatenation of pieces.
type item struct {
	kind   itemKind
	pieces []span
}

// run is a run of bytes to keep or to redact.
type run struct {
	span
	kind  itemKind // picture: passed; jpegPicture, jp2Picture: redacted as a file of that format
	items []item   // otherwise the items with pieces in the run, which is buffered
	keep  []span   // and the bytes between these pieces to keep
}

// add adds an item with its pieces.
func (l *layout) add(kind itemKind, pieces []span) {
	switch {
	case len(pieces) == 0:
	case kind == picture:
		l.keep = append(l.keep, pieces...)
	case kind == exifItem || kind == xmpPacket:
		l.items = append(l.items, item{kind, pieces})
	case kind == jpegPicture || kind == jp2Picture:
		joined := pieces[0]
		for _, p := range pieces[1:] {
			if p.from != joined.to { // no known writer splits these
				l.remove = append(l.remove, pieces...)
				return
			}
			joined.to = p.to
		}
		l.nested = append(l.nested, run{span: joined, kind: kind})
	default:
		l.remove = append(l.remove, pieces...)
	}
}

// buildRuns builds runs from the added items. Where items overlap, a rewritten or nested one wins over a kept
// one, and a removed one wins over both.
func (l *layout) buildRuns() {
	buffered := l.itemRuns()
	remove := merge(l.remove)
	keep := without(merge(l.keep), remove)
	taken := slices.Clone(remove)
	for i := range buffered {
		w := &buffered[i]
		taken = append(taken, w.span)
		for _, k := range overlapping(keep, w.span) {
			w.keep = append(w.keep, span{max(k.from, w.from), min(k.to, w.to)})
		}
	}
	taken = merge(taken)
	l.runs = buffered
	slices.SortFunc(l.nested, func(a, b run) int { return compare(a.span, b.span) })
	last := int64(0)
	for _, n := range l.nested {
		if n.from >= last && len(overlapping(taken, n.span)) == 0 {
			l.runs = append(l.runs, n)
			last = n.to
		}
	}
	for _, n := range l.nested {
		taken = append(taken, n.span)
	}
	for _, k := range without(keep, merge(taken)) {
		l.runs = append(l.runs, run{span: k, kind: picture})
	}
	slices.SortFunc(l.runs, func(a, b run) int { return compare(a.span, b.span) })
	l.keep, l.remove, l.nested, l.items = nil, nil, nil, nil
}

// overlapping returns the spans that overlap s. The spans are merged.
func overlapping(spans []span, s span) []span {
	from, _ := slices.BinarySearchFunc(spans, s.from, func(x span, at int64) int {
		if x.to <= at {
			return -1
		}
		return 1
	})
	to := from
	for to < len(spans) && spans[to].from < s.to {
		to++
	}
	return spans[from:to]
}

func compare(a, b span) int {
	switch {
	case a.from < b.from:
		return -1
	case a.from > b.from:
		return 1
	}
	return 0
}

// itemRuns returns the runs to buffer for rewriting items: each reaches from the first piece of an item to its
// last. It merges overlapping runs, and removes items whose run is too large.
func (l *layout) itemRuns() (buffered []run) {
	inOverlap := l.overlappingItems()
	for i, it := range l.items {
		if inOverlap[i] {
			l.remove = append(l.remove, it.pieces...)
			continue
		}
		s := it.pieces[0]
		for _, p := range it.pieces[1:] {
			s.from, s.to = min(s.from, p.from), max(s.to, p.to)
		}
		if s.to-s.from > maxItem {
			l.remove = append(l.remove, it.pieces...)
			continue
		}
		buffered = append(buffered, run{span: s, items: []item{it}})
	}
	slices.SortFunc(buffered, func(a, b run) int { return compare(a.span, b.span) })
	out := buffered[:0]
	for _, w := range buffered {
		if n := len(out); n > 0 && w.from < out[n-1].to {
			out[n-1].to = max(out[n-1].to, w.to)
			out[n-1].items = append(out[n-1].items, w.items...)
			continue
		}
		out = append(out, w)
	}
	return slices.DeleteFunc(out, func(w run) bool {
		if w.to-w.from <= maxItem {
			return false
		}
		for _, it := range w.items {
			l.remove = append(l.remove, it.pieces...)
		}
		return true
	})
}

// overlappingItems returns the indexes of items with pieces that overlap each other or another item's: rewriting
// one item would write into the middle of the other. Two items with the same single piece are fine: both write
// the same.
func (l *layout) overlappingItems() map[int]bool {
	type piece struct {
		span
		item int
	}
	var pieces []piece
	for i, it := range l.items {
		for _, s := range it.pieces {
			pieces = append(pieces, piece{s, i})
		}
	}
	slices.SortFunc(pieces, func(a, b piece) int { return compare(a.span, b.span) })
	inOverlap := make(map[int]bool)
	for i := 1; i < len(pieces); i++ {
		last, p := pieces[i-1], &pieces[i]
		a, b := l.items[last.item], l.items[p.item]
		same := last.item != p.item && a.kind == b.kind && len(a.pieces) == 1 && len(b.pieces) == 1 && last.span == p.span
		if p.from < last.to && !same {
			inOverlap[last.item], inOverlap[p.item] = true, true
		}
		if p.to < last.to { // carry on the piece that ends last
			*p = last
		}
	}
	return inOverlap
}

// rewrite redacts b, the bytes of a run with items.
func (w *run) rewrite(b []byte, p *Plan) {
	out := make([]byte, len(b))
	for _, k := range w.keep {
		copy(out[k.from-w.from:], b[k.from-w.from:k.to-w.from])
	}
	for _, it := range w.items {
		for _, s := range it.pieces {
			clear(out[s.from-w.from : s.to-w.from])
		}
	}
	left := maxItem // any number of items can share their pieces
	for _, it := range w.items {
		var data []byte
		for _, s := range it.pieces {
			if left -= int(s.to - s.from); left < 0 {
				copy(b, out)
				return
			}
			data = append(data, b[s.from-w.from:s.to-w.from]...)
		}
		if it.kind == exifItem {
			rewriteExifItem(data, p)
		} else {
			rewriteXMPItem(data)
		}
		for _, s := range it.pieces {
			data = data[copy(out[s.from-w.from:s.to-w.from], data):]
		}
	}
	copy(b, out)
}

// redactMemory redacts b, all bytes that the layout maps.
func (l *layout) redactMemory(b []byte, p *Plan) {
	at := int64(0)
	for i := range l.runs {
		r := &l.runs[i]
		clear(b[at:r.from])
		at = r.to
		part := b[r.from:r.to]
		switch {
		case r.items != nil:
			r.rewrite(part, p)
		case r.kind != picture:
			r.redactMemory(part, p)
		}
	}
	clear(b[at:])
}

// redactStream redacts the next n bytes of s, the body of an mdat box.
func (l *layout) redactStream(s *stream, n int64, p *Plan) bool {
	end := s.offset + n
	for s.offset < end {
		for l.next < len(l.runs) && l.runs[l.next].to <= s.offset {
			l.next++
		}
		if l.next == len(l.runs) || l.runs[l.next].from >= end {
			return s.zero(end - s.offset)
		}
		r := &l.runs[l.next]
		if gap := r.from - s.offset; gap > 0 && !s.zero(gap) {
			return false
		}
		// a picture that reaches out of the box is passed in part, any other run then is overwritten
		part := min(r.to, end) - s.offset
		ok := false
		switch {
		case r.kind == picture:
			ok = s.pass(part)
		case part != r.to-r.from:
			ok = s.zero(part)
		case r.items != nil:
			var b []byte
			if b, ok = s.peek(int(part)); ok {
				b = slices.Clone(b)
				r.rewrite(b, p)
				ok = s.replace(b)
			}
		default:
			ok = r.redactStream(s, part, p)
		}
		if !ok {
			return false
		}
	}
	return true
}

// hasSignature reports whether b starts with the signature of the nested run's format.
func (w *run) hasSignature(b []byte) bool {
	if w.kind == jpegPicture {
		return bytes.HasPrefix(b, []byte("\xFF\xD8\xFF"))
	}
	return bytes.HasPrefix(b, []byte(container.J2KCodestream))
}

// newWriter returns a Writer for a nested JPEG or JPEG 2000 file.
func (w *run) newWriter(dst io.Writer, p *Plan) *Writer {
	return newWriter(dst, func(s *stream) error {
		if w.kind == jpegPicture {
			return redactJPEG(s, p)
		}
		redactCodestream(s, container.ToEnd)
		return nil
	})
}

// redactMemory redacts a nested file in memory.
func (w *run) redactMemory(b []byte, p *Plan) {
	if !w.hasSignature(b) {
		clear(b)
		return
	}
	var out bytes.Buffer
	inner := w.newWriter(&out, p)
	inner.Write(b) //nolint:errcheck,gosec // a bytes.Buffer returns no error
	inner.Close()  //nolint:gosec // as above
	clear(b[copy(b, out.Bytes()):])
}

// redactStream redacts a nested file of n bytes in a stream.
func (w *run) redactStream(s *stream, n int64, p *Plan) (ok bool) {
	if head, _ := s.peek(int(min(n, 4))); !w.hasSignature(head) {
		return s.zero(n)
	}
	inner := w.newWriter(s.out, p)
	ok = s.consume(n, func(b []byte) {
		if _, err := inner.Write(b); err != nil {
			s.err = err
		}
	})
	if err := inner.Close(); err != nil {
		s.err = err
	}
	s.overwritten += inner.Overwritten()
	return ok
}
