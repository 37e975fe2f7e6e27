package redact

import (
	"encoding/binary"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// The index of the Multi-Picture Format (CIPA DC-007) is a TIFF block in APP2 of the first picture. Of its tags stay the
// version, the number of pictures and their entries; the unique IDs and all others go.

// The tags of an MPF index (5.2.3).
const (
	mpfVersion = 0xB000
	mpfCount   = 0xB001
)

// mpfOrder is the byte order of an index.
type mpfOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// mpfIndex rewrites a segment of n bytes with an MPF index.
func (j *jpegFile) mpfIndex(n int) bool {
	b, ok := j.peek(n)
	if !ok {
		return false
	}
	head := 4 + len(container.MPFIntro)
	base := j.offset + int64(head)
	index, starts := rewriteMPF(b[head:])
	if index == nil || !j.first || j.mpf {
		return j.blank(n)
	}
	j.mpf = true
	for _, off := range starts {
		j.starts = append(j.starts, base+off)
	}
	return j.pass(int64(head)) && j.replace(index)
}

// rewriteMPF returns a block as long as b with only its MPF index, and the offsets of the pictures relative to
// the block. Without an index it returns nil.
func rewriteMPF(b []byte) (index []byte, starts []int64) {
	if !isTIFF(b) {
		return nil, nil
	}
	var order mpfOrder = binary.LittleEndian
	if b[0] == 'M' {
		order = binary.BigEndian
	}
	pictures := mpfPictures(b, order)
	const values = 8 + 2 + 3*mpfField + 4 // after the header and the directory
	if pictures == nil || values+len(pictures) > len(b) {
		return nil, nil
	}
	starts = cleanMPF(pictures, order)
	index = order.AppendUint32(append(index, b[:4]...), 8)
	index = order.AppendUint16(index, 3)
	add := func(id, typ uint16, n int) {
		index = order.AppendUint16(order.AppendUint16(index, id), typ)
		index = order.AppendUint32(index, uint32(n)) //nolint:gosec // G115: at most 16 * maxPictures
	}
	add(mpfVersion, container.TypeUndefined, 4)
	index = append(index, "0100"...)
	add(mpfCount, container.TypeLong, 1)
	index = order.AppendUint32(index, uint32(len(pictures)/container.MPEntry)) //nolint:gosec // G115: at most maxPictures
	add(container.MPEntryTag, container.TypeUndefined, len(pictures))
	index = order.AppendUint32(index, values)
	index = order.AppendUint32(index, 0) // no other directory
	index = append(index, pictures...)
	return append(index, make([]byte, len(b)-len(index))...), starts
}

// mpfField is the size of a directory's field.
const mpfField = 12

// mpfPictures returns a copy of the entries of the pictures in an index, nil if there is none.
func mpfPictures(b []byte, order mpfOrder) []byte {
	if len(b) < 8+2 {
		return nil
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return nil
	}
	count := int(order.Uint16(b[at:]))
	for e := b[at+2:]; count > 0 && len(e) >= mpfField; e, count = e[mpfField:], count-1 {
		id, typ, n, off := order.Uint16(e), order.Uint16(e[2:]), int64(order.Uint32(e[4:])), int64(order.Uint32(e[8:]))
		if id == container.MPEntryTag && typ == container.TypeUndefined && n > 4 && n%container.MPEntry == 0 && off+n <= int64(len(b)) {
			return slices.Clone(b[off : off+min(n, container.MPEntry*maxPictures)])
		}
	}
	return nil
}

// cleanMPF redacts the entries of the pictures, and returns where these begin.
func cleanMPF(pictures []byte, order mpfOrder) (starts []int64) {
	const farthest = 1 << 29 // no file with such pictures is as long
	n := len(pictures) / container.MPEntry
	for i := range n {
		p := pictures[i*container.MPEntry:][:container.MPEntry]
		if off := order.Uint32(p[8:]); i == 0 {
			order.PutUint32(p[8:], 0) // the first picture is the one with the index
		} else if off > 0 && off < farthest && order.Uint32(p[4:]) < farthest {
			starts = append(starts, int64(off))
		} else {
			clear(p)
		}
		order.PutUint32(p, mpfAttributes(order.Uint32(p)))
		for _, other := range [][]byte{p[12:14], p[14:16]} { // numbers of other entries
			if int(order.Uint16(other)) > n {
				clear(other)
			}
		}
	}
	return starts
}

// mpfAttributes returns the attributes of a picture without undefined bits: the flags that it depends on another,
// that others depend on it, and that it represents the file; and its type (5.2.3.3.1).
func mpfAttributes(a uint32) uint32 {
	const flags, kind = 7 << 29, 1<<24 - 1
	switch a & kind {
	case 0x010001, 0x010002, 0x010003, 0x010004, 0x010005, 0x020001, 0x020002, 0x020003, 0x030000, 0x040000, 0x050000:
		return a & (flags | kind)
	}
	return a & flags
}
