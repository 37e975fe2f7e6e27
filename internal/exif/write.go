package exif

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// storedTag is a tag of the answer as it stands in a TIFF block, less the bytes of its value that the
// answer doesn't show.
type storedTag struct {
	dir   directory
	id    uint16
	name  string
	typ   uint16
	value []byte
}

// needed reports whether the picture isn't shown right without the tag.
func (t *storedTag) needed() bool {
	return t.name == "Orientation" || t.name == "ColorSpace" || t.name == "InteroperabilityIndex"
}

// thumbnailImage reports whether the tag says where a picture is, which a rewritten block doesn't have.
func (t *storedTag) thumbnailImage() bool {
	return (t.id == jpegTag || t.id == jpegLengthTag) && t.dir != gpsIFD && t.dir != interopIFD
}

// jpegLengthTag is the length of the JPEG that jpegTag points at.
const jpegLengthTag = 0x0202

// size is what the tag takes of a block.
func (t *storedTag) size() int {
	if len(t.value) <= 4 {
		return 12
	}
	return 12 + len(t.value)
}

// IsReadable reports whether Decode takes a block for EXIF, or looks on for another.
func IsReadable(block []byte) bool {
	blocks, _ := withoutIntro(bytes.NewReader(block))
	ok, _ := readable(blocks)
	return ok
}

// Rewrite returns a TIFF block that tells no more than the answer that is made of block with these options:
// its tags, and those that the picture needs (Orientation, ColorSpace, InteroperabilityIndex). Nil options
// keep only the latter. So does a block of which there is no answer because it is broken or too large.
//
// The new block is decoded to the same answer, but for JPEGInterchangeFormat and its length: the thumbnail
// isn't there any more. Nor are bytes that the answer doesn't show, such as text after the first NUL. The
// new block is no longer than the old one; if the values don't fit, since several entries had one in
// common, the last tags are dropped. It is nil if there is no room for a block.
//
// "Exif\0\0" before the block, as JPEG has it, is taken for a part of it, and is in the new block, too.
func Rewrite(block []byte, o *Options) []byte {
	if rest, ok := bytes.CutPrefix(block, exifIntro); ok {
		b := Rewrite(rest, o)
		if b == nil {
			return nil
		}
		return append(bytes.Clone(exifIntro), b...)
	}
	all := o
	if all == nil {
		all = new(Options)
	}
	var m Metadata
	var tags []storedTag
	err := m.walkStored(oneBlock(bytes.NewReader(block)), all, &tags)
	if err == nil && o != nil {
		_, err = m.AppendJSON(nil, o)
	}
	kept := tags[:0]
	for _, t := range tags {
		if t.needed() || err == nil && o != nil && !t.thumbnailImage() && (o.Keep == nil || o.Keep(t.name)) {
			kept = append(kept, t)
		}
	}
	l, _, ok := parseHeader(block)
	if !ok {
		l.order = binary.LittleEndian
	}
	return encode(l.order, kept, len(block))
}

// encode writes a block of at most limit bytes.
func encode(order binary.ByteOrder, tags []storedTag, limit int) []byte {
	var dirs [directories][]storedTag
	for _, t := range tags {
		dirs[t.dir] = append(dirs[t.dir], t)
	}
	for need := size(&dirs); need > limit; {
		n := dropLast(&dirs)
		if n == 0 {
			return nil
		}
		need -= n
	}
	aligned := limit-size(&dirs) >= len(tags)+int(directories)

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
	if len(dirs[ifd1]) > 0 {
		w.point(first[nextDirectory])
		w.directory(dirs[ifd1], nil)
	}
	return w.b
}

// pointers are the tags by which a directory points at others that there are.
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

// size is the length of the block that has these directories.
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

// dropLast drops the last tag, those that the picture needs after all others, and returns its size, 0 if
// there is none.
func dropLast(dirs *[directories][]storedTag) (n int) {
	for _, needed := range [...]bool{false, true} {
		for d := len(dirs) - 1; d >= 0; d-- {
			for i := len(dirs[d]) - 1; i >= 0; i-- {
				if dirs[d][i].needed() == needed {
					n = dirs[d][i].size()
					dirs[d] = append(dirs[d][:i], dirs[d][i+1:]...)
					return n
				}
			}
		}
	}
	return 0
}

// blockWriter writes the directories of a block one after the other.
type blockWriter struct {
	b       []byte
	order   binary.ByteOrder
	aligned bool // values start at even offsets (TIFF 6.0, section 2)
}

// nextDirectory stands for the offset of the next directory, which is no tag's value.
const nextDirectory = 0

// point makes the offset at that place point at the end.
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

// directory writes the tags as they come, with pointers where they belong by their numbers, and returns
// where the offsets of other directories are to be written.
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
		entry(ids[0], typeLong, 1)
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
		entry(t.id, t.typ, len(t.value)/int(typeSize(t.typ))) //nolint:gosec // at most 8
	}
	for len(ids) > 0 {
		pointer()
	}
	places[nextDirectory] = at
	return places
}

// shown returns the bytes of a value without those that the answer doesn't show. They are read as the same
// value. v is what b is read as.
func shown(order binary.ByteOrder, typ uint16, b []byte, as storage, v value) []byte {
	switch {
	case as == asCharCode && bytewise(typ):
		return shownCharCode(order, b, v.text)
	case as == asUTF16 && bytewise(typ):
		return shownUTF16(b)
	case as == asShorts && typ == typeUndefined:
		return b[:len(b)&^1]
	case as == asCFAPattern && typ == typeUndefined:
		return b[:4+v.n-2]
	case v.kind == kindText:
		return shownText(b, typ, as)
	}
	return b
}

// shownText is what text shows of b, with a NUL after it if there was one.
func shownText(b []byte, typ uint16, as storage) []byte {
	t := b
	if i := bytes.IndexByte(t, 0); i >= 0 {
		t = t[:i]
	}
	t = bytes.TrimRight(t, " \t\r\n")
	switch {
	case len(b) == 0:
		return nil
	case len(t) == 0 && typ == typeUndefined && as != asVersion && as != asText && as != asOnlyText:
		return []byte{' '} // bytes of zero would be read as numbers
	case len(t) == 0:
		return []byte{0}
	case len(t) < len(b) && typ == typeASCII:
		return append(bytes.Clone(t), 0)
	}
	return t
}

// shownUTF16 is b up to its first NUL, and that.
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

// shownCharCode is a text with a character code before it.
func shownCharCode(order binary.ByteOrder, b []byte, text string) []byte {
	if len(b) >= 8 {
		code, _, _ := bytes.Cut(b[:8], []byte{0})
		code = bytes.TrimRight(code, " ")
		switch rest := b[8:]; strings.ToUpper(string(code)) {
		case "JIS":
			rest, _, _ = bytes.Cut(rest, []byte{0})
			return append([]byte("JIS\x00\x00\x00\x00\x00"), rest...)
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

func upToNUL(b []byte) []byte {
	b, _, _ = bytes.Cut(b, []byte{0})
	return b
}
