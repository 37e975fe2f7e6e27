package redact

import (
	"cmp"
	"errors"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// A film in fragments says only in each of them where its samples are, so a plan for all of it takes a look at every
// fragment. Where that is too far, the plan ends before the first one, and the fragments are redacted as they stream:
// each is before its samples.

// maxAhead bounds the runs of samples that are still to come, which are those of one fragment.
const maxAhead = 1 << 9

// fragmentMark is what walk had found before the first fragment.
type fragmentMark struct {
	at                 int64
	kept, parts, media int
}

// markFragment marks the first fragment, at off.
func (f *isoFile) markFragment(off int64, h container.BoxHead) {
	if h.Type == "moof" && f.fragment == nil {
		f.fragment = &fragmentMark{at: off, kept: len(f.kept), parts: len(f.parts), media: len(f.media)}
	}
}

// toFragments returns to before the first fragment, after walk failed. ok is false if there is none.
func (f *isoFile) toFragments() (ok bool) {
	x := f.fragment
	if x == nil || f.moov.off > x.at || f.meta.off > x.at {
		return false
	}
	f.kept, f.parts, f.media, f.end = f.kept[:x.kept], f.parts[:x.parts], f.media[:x.media], x.at
	return true
}

// parseFragments redacts the whole film as it streams.
func (f *isoFile) parseFragments(s *stream, p *Plan) error {
	if !p.edits.stream(s, f.fragment.at) {
		return errBroken
	}
	m := &movie{tracks: f.film.tracks, alone: f.film.alone}
	var samples []span // that are still to come
	for {
		off := s.offset
		h, ok := nextBox(s)
		if !ok {
			return freeRest(s)
		}
		switch h.Type {
		case "moof":
			var err error
			ok = h.Size <= maxHold && redactBox(s, h, func(b *box) { err = m.redactFragment(b.body, off) })
			kept := m.kept.merged()
			if err != nil || touch(kept, m.gone.merged()) || len(samples)+len(kept) > maxAhead {
				return errors.Join(err, errBroken)
			}
			samples = merge(append(samples, kept...))
			m.kept, m.gone = sampleRuns{}, sampleRuns{}
		case "mdat":
			ok = s.pass(h.Head)
			for len(samples) > 0 && ok {
				x := samples[0]
				if x.to = min(x.to, off+h.Size); x.from >= x.to {
					break
				}
				ok = (x.from <= s.offset || s.zero(x.from-s.offset)) && (x.to <= s.offset || s.pass(x.to-s.offset))
				if samples[0].to <= s.offset {
					samples = samples[1:]
				} else if s.offset >= off+h.Size {
					break
				}
			}
			ok = ok && s.zero(off+h.Size-s.offset)
		case "styp":
			ok = redactFileType(s, h, isoBrands)
		case "sidx":
			ok = redactPart(s, h, keepSegmentIndex)
		case "mfra":
			ok = redactPart(s, h, m.keepRandomAccess)
		default:
			ok = freeBox(s, h)
		}
		if !ok || h.Size == container.ToEnd {
			return nil
		}
	}
}

// stream redacts as the edits say what is before the offset end.
func (e *edits) stream(s *stream, end int64) (ok bool) {
	all := make([]edit, 0, len(e.pass)+len(e.replace))
	for _, x := range e.pass {
		all = append(all, edit{off: x.from})
	}
	all = append(all, e.replace...)
	slices.SortFunc(all, func(a, b edit) int { return cmp.Compare(a.off, b.off) })
	pass := e.pass
	for _, x := range all {
		if x.off >= end {
			break
		}
		if !s.zero(x.off - s.offset) {
			return false
		}
		if x.b != nil {
			ok = s.replace(x.b)
		} else {
			ok = s.pass(pass[0].to - pass[0].from)
			pass = pass[1:]
		}
		if !ok {
			return false
		}
	}
	return s.zero(end - s.offset)
}
