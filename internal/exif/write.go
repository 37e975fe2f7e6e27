package exif

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// storedTag is a tag as stored in a TIFF block, without the bytes of its value that the JSON doesn't show.
type storedTag struct {
	off    int64 // of the block that has it
	needed bool  // viewers need it to show the picture right
	dir    directory
	id     uint16
	name   string
	text   string // of a text
	typ    uint16
	value  []byte
}

// ofThumbnail reports whether the tag describes or locates the thumbnail, which a rewritten block doesn't have.
func (t *storedTag) ofThumbnail() bool {
	return t.dir == ifd1 || (t.id == jpegTag || t.id == jpegSizeTag) && t.dir != gpsIFD && t.dir != interopIFD
}

// size returns the bytes that the tag takes in a block.
func (t *storedTag) size() int {
	if len(t.value) <= 4 {
		return 12
	}
	return 12 + len(t.value)
}

// encode returns a block with the tags, of at most limit bytes. If they don't fit, it drops the last ones, and those
// that viewers need after all others. It returns nil if no tag is left.
func encode(order binary.ByteOrder, tags []storedTag, limit int) []byte {
	if order == nil {
		order = binary.LittleEndian
	}
	var dirs [directories][]storedTag
	for _, t := range tags {
		dirs[t.dir] = append(dirs[t.dir], t)
	}
	left := len(tags)
	for left > 0 && size(&dirs) > limit+cutShort(&dirs) {
		dropLast(&dirs)
		left--
	}
	if left == 0 {
		return nil
	}
	aligned := limit-size(&dirs) >= oddValues(&dirs)

	w := blockWriter{order: order, aligned: aligned}
	w.b = append(w.b, "II*\x00\x08\x00\x00\x00"...)
	if order == binary.ByteOrder(binary.BigEndian) {
		copy(w.b, "MM\x00*\x00\x00\x00\x08")
	}
	first := w.directory(dirs[ifd0], pointers(&dirs, ifd0))
	if at, ok := first[exifPointer]; ok {
		w.point(at)
		inner := w.directory(dirs[exifIFD], pointers(&dirs, exifIFD))
		if at, ok := inner[interopPointer]; ok {
			w.point(at)
			w.directory(dirs[interopIFD], nil)
		}
	}
	if at, ok := first[gpsPointer]; ok {
		w.point(at)
		w.directory(dirs[gpsIFD], nil)
	}
	return w.b[:min(len(w.b), limit)]
}

// nextSize is the size of the offset of the next directory.
const nextSize = 4

// cutShort returns by how much a block with these directories can be shorter: the offset of a next directory may be
// missing where the block ends with it, as some cameras leave it out.
func cutShort(dirs *[directories][]storedTag) int {
	for _, d := range [...]directory{gpsIFD, interopIFD, exifIFD, ifd0} {
		if len(dirs[d]) == 0 {
			continue
		}
		if slices.ContainsFunc(dirs[d], func(t storedTag) bool { return len(t.value) > 4 }) {
			return 0
		}
		return nextSize
	}
	return 0
}

// pointers returns the tags by which directory d points at the other directories in dirs.
func pointers(dirs *[directories][]storedTag, d directory) (ids []uint16) {
	switch {
	case d == exifIFD && len(dirs[interopIFD]) > 0:
		ids = append(ids, interopPointer)
	case d == ifd0:
		if len(dirs[exifIFD]) > 0 || len(dirs[interopIFD]) > 0 {
			ids = append(ids, exifPointer)
		}
		if len(dirs[gpsIFD]) > 0 {
			ids = append(ids, gpsPointer)
		}
	}
	return ids
}

// size returns the length of a block with these directories.
func size(dirs *[directories][]storedTag) int {
	n := 8
	for d := range dirs {
		ids := pointers(dirs, directory(d))
		if d == int(ifd0) || len(dirs[d]) > 0 || len(ids) > 0 {
			n += 2 + 12*len(ids) + 4
		}
		for i := range dirs[d] {
			n += dirs[d][i].size()
		}
	}
	return n
}

// oddValues returns how many bytes a block with these directories takes more if all offsets in it are even.
func oddValues(dirs *[directories][]storedTag) (n int) {
	for _, tags := range dirs {
		for _, t := range tags {
			if len(t.value) > 4 {
				n += len(t.value) % 2
			}
		}
	}
	return n
}

// dropLast drops the last tag. It drops the tags that viewers need after all others.
func dropLast(dirs *[directories][]storedTag) {
	for _, needed := range [...]bool{false, true} {
		for d, tags := range slices.Backward(dirs[:]) {
			for i, t := range slices.Backward(tags) {
				if t.needed == needed {
					dirs[d] = slices.Delete(tags, i, i+1)
					return
				}
			}
		}
	}
}

// blockWriter writes the directories of a block one after the other.
type blockWriter struct {
	b       []byte
	order   binary.ByteOrder
	aligned bool // values start at even offsets (TIFF 6.0, section 2)
}

// point makes the offset stored at at refer to the end of the block.
func (w *blockWriter) point(at int) {
	w.align()
	w.order.PutUint32(w.b[at:], w.end())
}

func (w *blockWriter) end() uint32 { return uint32(len(w.b)) } //nolint:gosec // no longer than what was read

func (w *blockWriter) align() {
	if w.aligned && len(w.b)%2 == 1 {
		w.b = append(w.b, 0)
	}
}

// directory writes the tags in the given order, inserts the pointers by their numbers, and returns the
// places for the offsets of other directories.
func (w *blockWriter) directory(tags []storedTag, ids []uint16) (places map[uint16]int) {
	places = make(map[uint16]int)
	count := len(tags) + len(ids)
	at := len(w.b) + 2
	w.b = append(w.b, make([]byte, 2+12*count+4)...)
	w.order.PutUint16(w.b[at-2:], uint16(count)) //nolint:gosec // at most maxTags
	entry := func(id, typ uint16, count int) {
		w.order.PutUint16(w.b[at:], id)
		w.order.PutUint16(w.b[at+2:], typ)
		w.order.PutUint32(w.b[at+4:], uint32(count)) //nolint:gosec // no longer than what was read
		at += 12
	}
	pointer := func() {
		places[ids[0]] = at + 8
		entry(ids[0], container.TypeLong, 1)
		ids = ids[1:]
	}
	for _, t := range tags {
		for len(ids) > 0 && ids[0] < t.id {
			pointer()
		}
		if len(t.value) <= 4 {
			copy(w.b[at+8:], t.value)
		} else {
			w.align()
			w.order.PutUint32(w.b[at+8:], w.end())
			w.b = append(w.b, t.value...)
		}
		entry(t.id, t.typ, len(t.value)/int(container.TypeSize(t.typ))) //nolint:gosec // at most 8
	}
	for len(ids) > 0 {
		pointer()
	}
	return places
}

// shown returns b, the stored bytes of v, without the bytes that the JSON doesn't show. The result decodes
// to the same value.
func shown(typ uint16, b []byte, as storage, v value) []byte {
	switch {
	case as == asCharCode && bytewise(typ):
		return shownCharCode(b, v.text)
	case as == asUTF16 && bytewise(typ):
		return shownUTF16(b)
	case as == asShorts && typ == container.TypeUndefined:
		return b[:len(b)&^1]
	case as == asCFAPattern && typ == container.TypeUndefined:
		return b[:4+v.n-2]
	case v.kind == kindText:
		return shownText(b, typ, as)
	}
	return b
}

// shownText returns the bytes of b that the function text decodes. An ASCII value keeps its length, which the standard
// may prescribe, and the blanks at its end, which an unknown date has (Exif 3.0, 4.6.5).
func shownText(b []byte, typ uint16, as storage) []byte {
	until := upToNUL(b)
	t := bytes.TrimRight(until, " \t\r\n")
	switch {
	case len(b) == 0:
		return nil
	case typ == container.TypeASCII:
		same := append(make([]byte, 0, len(b)), t...)
		same = append(same, bytes.Repeat([]byte{' '}, len(until)-len(t))...)
		return same[:len(b)]
	case len(t) == 0 && typ == container.TypeUndefined && as != asVersion && as != asText && as != asOnlyText:
		return []byte{' '} // zero bytes would decode as numbers
	case len(t) == 0:
		return []byte{0}
	}
	return t
}

// shownUTF16 returns b up to its first NUL, inclusive.
func shownUTF16(b []byte) []byte {
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return b[:i+2]
		}
	}
	if len(b) < 2 {
		return []byte{0, 0}
	}
	return b[:len(b)&^1]
}

// shownCharCode returns the text in b, after its character code.
func shownCharCode(b []byte, text string) []byte {
	if len(b) >= 8 {
		code := bytes.TrimRight(upToNUL(b[:8]), " ")
		switch rest := b[8:]; strings.ToUpper(string(code)) {
		case "JIS":
			return append([]byte("JIS\x00\x00\x00\x00\x00"), upToNUL(rest)...)
		case "UNICODE":
			if string(code) != "UNICODE" && unicodeByName(rest) {
				break
			}
			units := rest[:len(rest)&^1]
			for i := 0; i < len(units); i += 2 {
				if units[i] == 0 && units[i+1] == 0 {
					units = units[:i]
				}
			}
			return append([]byte("UNICODE\x00"), units...)
		case "", "ASCII":
			// in its own character set
			padded := make([]byte, 8, len(b))
			copy(padded, code)
			return append(padded, bytes.TrimRight(upToNUL(rest), " \t\r\n")...)
		}
	}
	return append(make([]byte, 8), text...)
}

// upToNUL returns b up to its first NUL.
func upToNUL(b []byte) []byte {
	b, _, _ = bytes.Cut(b, []byte{0})
	return b
}
