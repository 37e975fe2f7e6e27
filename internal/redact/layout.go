package redact

import (
	"bytes"
	"io"
	"slices"
)

// layout is what stays of the bytes of mdat, or of idat, and where Exif and XMP items are among them.
type layout struct {
	size int64 // of what is laid out

	keep, gone []span
	nested     []run
	items      []item

	runs []run // once it is done: in order, without overlaps; what is between them goes
	next int   // the run that is looked at next
}

// item is an Exif or XMP item: its pieces, in their order.
type item struct {
	kind   itemKind
	pieces []span
}

// run is a run of bytes that don't go.
type run struct {
	span
	kind  itemKind // picture: passed; jpegPicture, jp2Picture: redacted as such a file
	items []item   // otherwise the items whose pieces are in it: it is held
	keep  []span   // what stays in between
}

// add says where the pieces of an item are.
func (l *layout) add(kind itemKind, pieces []span) {
	switch {
	case len(pieces) == 0:
	case kind == picture:
		l.keep = append(l.keep, pieces...)
	case kind == exifItem || kind == xmpPacket:
		l.items = append(l.items, item{kind, pieces})
	case kind == jpegPicture || kind == jp2Picture:
		whole := pieces[0]
		for _, p := range pieces[1:] {
			if p.from != whole.to { // nobody writes that
				l.gone = append(l.gone, pieces...)
				return
			}
			whole.to = p.to
		}
		l.nested = append(l.nested, run{span: whole, kind: kind})
	default:
		l.gone = append(l.gone, pieces...)
	}
}

// done puts together what was added. Where items overlap, those that are rewritten or redacted as a
// picture of its own win over those that stay, and those that go over these.
func (l *layout) done() {
	held := l.windows()
	gone := merge(l.gone)
	keep := without(merge(l.keep), gone)
	taken := slices.Clone(gone)
	for i := range held {
		w := &held[i]
		taken = append(taken, w.span)
		for _, k := range overlapping(keep, w.span) {
			w.keep = append(w.keep, span{max(k.from, w.from), min(k.to, w.to)})
		}
	}
	taken = merge(taken)
	l.runs = held
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
	l.keep, l.gone, l.nested, l.items = nil, nil, nil, nil
}

// overlapping are those of the merged spans that overlap s.
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

// windows are the runs that have to be held to rewrite items: each from the first piece of an item to its
// last, and those that overlap as one. What is too large goes.
func (l *layout) windows() (held []run) {
	shared := l.shared()
	for i, it := range l.items {
		if shared[i] {
			l.gone = append(l.gone, it.pieces...)
			continue
		}
		s := it.pieces[0]
		for _, p := range it.pieces[1:] {
			s.from, s.to = min(s.from, p.from), max(s.to, p.to)
		}
		if s.to-s.from > maxItem {
			l.gone = append(l.gone, it.pieces...)
			continue
		}
		held = append(held, run{span: s, items: []item{it}})
	}
	slices.SortFunc(held, func(a, b run) int { return compare(a.span, b.span) })
	out := held[:0]
	for _, w := range held {
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
			l.gone = append(l.gone, it.pieces...)
		}
		return true
	})
}

// shared are the items that have a part of their bytes twice, or in common with another: what is written for one
// would be in the middle of the other. What two items have as a whole, in one piece, is written twice the same.
func (l *layout) shared() map[int]bool {
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
	shared := make(map[int]bool)
	for i := 1; i < len(pieces); i++ {
		last, p := pieces[i-1], &pieces[i]
		a, b := l.items[last.item], l.items[p.item]
		same := last.item != p.item && a.kind == b.kind && len(a.pieces) == 1 && len(b.pieces) == 1 && last.span == p.span
		if p.from < last.to && !same {
			shared[last.item], shared[p.item] = true, true
		}
		if p.to < last.to { // what reaches furthest
			*p = last
		}
	}
	return shared
}

// rewrite redacts what is in a held run, which starts with the first byte of b.
func (w *run) rewrite(b []byte, p *Policy) {
	out := make([]byte, len(b))
	for _, k := range w.keep {
		copy(out[k.from-w.from:], b[k.from-w.from:k.to-w.from])
	}
	for _, it := range w.items {
		for _, s := range it.pieces {
			clear(out[s.from-w.from : s.to-w.from])
		}
	}
	left := maxItem // items can share their pieces, any number of them
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

// memory redacts b, which is all that is laid out.
func (l *layout) memory(b []byte, p *Policy) {
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

// stream redacts the next n bytes, which are those of mdat, as they pass.
func (l *layout) stream(s *stream, n int64, p *Policy) bool {
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
		// what begins before the box or goes on after it is cut off, if it is a picture
		part := min(r.to, end) - s.offset
		ok := false
		switch {
		case r.kind == picture:
			ok = s.pass(part)
		case part != r.to-r.from:
			ok = s.zero(part)
		case r.items != nil:
			var b []byte
			if b, ok = s.hold(int(part)); ok {
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

// starts reports whether b starts as the picture of its own that it is said to be.
func (w *run) starts(b []byte) bool {
	if w.kind == jpegPicture {
		return bytes.HasPrefix(b, []byte("\xFF\xD8\xFF"))
	}
	return bytes.HasPrefix(b, []byte(codestream))
}

// writer redacts a picture of its own.
func (w *run) writer(dst io.Writer, p *Policy) *Writer {
	return newWriter(dst, func(s *stream) error {
		if w.kind == jpegPicture {
			return redactJPEG(s, p)
		}
		redactCodestream(s, openEnd)
		return nil
	})
}

// redactMemory redacts a picture of its own.
func (w *run) redactMemory(b []byte, p *Policy) {
	if !w.starts(b) {
		clear(b)
		return
	}
	var out bytes.Buffer
	inner := w.writer(&out, p)
	inner.Write(b) //nolint:errcheck,gosec // a bytes.Buffer takes anything
	inner.Close()  //nolint:gosec // as above
	clear(b[copy(b, out.Bytes()):])
}

// redactStream does so with the next n bytes.
func (w *run) redactStream(s *stream, n int64, p *Policy) (ok bool) {
	if head, _ := s.hold(int(min(n, 4))); !w.starts(head) {
		return s.zero(n)
	}
	inner := w.writer(s.out, p)
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
