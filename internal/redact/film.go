package redact

import (
	"bytes"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// filmPart is a part of a film's index that isn't in moov.
type filmPart struct {
	index
	typ string
	at  int64 // the offset of the box
}

// filmParts are the types of such boxes.
var filmParts = map[string]bool{"moof": true, "sidx": true, "mfra": true}

// maxPart bounds one part. All together are bounded by maxMovie.
const maxPart = 1 << 20

// readPart reads a part of the index.
func (f *isoFile) readPart(off int64, h container.BoxHead) (err error) {
	if h.Size > maxPart {
		if h.Type == "moof" {
			return ErrRefused
		}
		return nil
	}
	x := &filmPart{typ: h.Type, at: off, index: index{off: off + h.Head}}
	if x.body, err = f.read(x.off, h.Size-h.Head); err != nil {
		return err
	}
	if f.parsed += len(x.body); f.parsed > maxMovie {
		return ErrRefused
	}
	f.parts = append(f.parts, x)
	f.kept = append(f.kept, keptBox{off, x.off, off + h.Size, &x.index})
	return nil
}

// planTracks plans for what moov and fragments say. ok is false if there are no tracks.
func (f *isoFile) planTracks() (ok bool, err error) {
	edits := &f.plan.edits
	m := &movie{alone: f.moov.off == 0}
	if n := len(f.media); n > 0 {
		m.limit = f.media[n-1].to
	}
	f.film = m
	if m.alone && f.fragment == nil {
		return false, nil
	}
	var was []byte
	if !m.alone {
		was = slices.Clone(f.moov.body)
		if err := m.redact(f.moov.body); err != nil {
			return false, err
		}
		edits.changed(f.moov.off, was, f.moov.body)
		f.moov.body, f.moov.keep = nil, true
	}
	for _, x := range f.parts {
		b := box{typ: x.typ, body: x.body}
		x.keep = true
		switch x.typ {
		case "moof":
			if err := m.redactFragment(x.body, x.at); err != nil {
				return false, err
			}
		case "sidx":
			x.keep = keepSegmentIndex(&b)
		case "mfra":
			x.keep = m.keepRandomAccess(&b)
		}
	}
	kept := m.kept.merged()
	if touch(kept, m.gone.merged()) {
		return false, ErrRefused
	}
	edits.pass = append(edits.pass, clip(kept, f.media)...)
	for _, x := range m.frames {
		if within(x.span, f.media) {
			edits.nested = append(edits.nested, x)
		}
	}
	f.plan.unchanged = f.song && !f.again && f.meta.off == 0 && m.isSound() && !tellsPictures(was)
	return true, nil
}

// isSound reports whether the film is sound, with a list of chapters perhaps.
func (m *movie) isSound() bool {
	sound := false
	for _, t := range m.tracks {
		switch t.handler {
		case "soun":
			sound = true
		case "text", "sbtl":
		default:
			return false
		}
	}
	return sound
}

// songs are the brands of sound. Of other files that have no pictures, players say that they are films.
var songs = []string{"M4A ", "M4B ", "M4P "}

// tellsPictures reports whether a player may take a track of the index for pictures although its first handler isn't theirs:
// some heed the last handler, and the coding if they don't know the handler.
func tellsPictures(moov []byte) bool {
	return hasOther(moov, "hdlr", 8, "soun", "text", "sbtl", "mdir", "mdta", "alis", "url_", "\x00\x00\x00\x00") ||
		hasOther(moov, "stsd", 4, "\x00\x00\x00\x01") ||
		hasOther(moov, "stsd", 12, append([]string{"text", "tx3g", "sbtl"}, soundCodings...)...)
}

// hasOther reports whether the four bytes at an offset after any occurrence of a box's type aren't among some.
func hasOther(b []byte, typ string, at int, known ...string) bool {
	for ok := true; ok; {
		if _, b, ok = bytes.Cut(b, []byte(typ)); ok && (len(b) < at+4 || !coded(known, string(b[at:at+4]))) {
			return true
		}
	}
	return false
}

// changed records how bytes at off change. Those between changes pass.
func (e *edits) changed(off int64, was, is []byte) {
	const apart = 64 // changes that are closer are one
	var starts []span
	for i := range is {
		if is[i] == was[i] {
			continue
		}
		at := int64(i)
		if n := len(starts); n > 0 && at-starts[n-1].to < apart {
			starts[n-1].to = at + 1
		} else {
			starts = append(starts, span{at, at + 1})
		}
	}
	size := int64(0)
	for _, s := range starts {
		size += s.to - s.from
	}
	b := make([]byte, 0, size) // not is, which has what passes as well
	next := int64(0)
	for _, s := range starts {
		at := len(b)
		b = append(b, is[s.from:s.to]...)
		e.add(off+s.from, b[at:len(b):len(b)])
		e.pass = append(e.pass, span{off + next, off + s.from})
		next = s.to
	}
	e.pass = append(e.pass, span{off + next, off + int64(len(is))})
}
