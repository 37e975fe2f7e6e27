package exif

import (
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// The types of an entry (TIFF 6.0, section 2; Exif 3.0, 4.6.2; BigTIFF).
const (
	typeByte      = 1
	typeASCII     = 2
	typeShort     = 3
	typeLong      = 4
	typeRational  = 5
	typeSByte     = 6
	typeUndefined = 7
	typeSShort    = 8
	typeSLong     = 9
	typeSRational = 10
	typeFloat     = 11
	typeDouble    = 12
	typeIFD       = 13
	typeLong8     = 16
	typeSLong8    = 17
	typeIFD8      = 18
	typeUTF8      = 129
)

// typeSize returns the size in bytes of one value of a type, 0 for an unknown type.
func typeSize(t uint16) uint64 {
	switch t {
	case typeByte, typeASCII, typeSByte, typeUndefined, typeUTF8:
		return 1
	case typeShort, typeSShort:
		return 2
	case typeLong, typeSLong, typeFloat, typeIFD:
		return 4
	case typeRational, typeSRational, typeDouble, typeLong8, typeSLong8, typeIFD8:
		return 8
	}
	return 0
}

// maxEntries bounds the entries of all directories of one file: BigTIFF has no 16-bit count to bound a directory
// at 65,535.
const maxEntries = 1 << 17

// entryChunk is the number of entries that each reads at a time: a directory's count may claim far more
// than it has.
const entryChunk = 128

// dirBuffer is the memory that reading directories takes.
type dirBuffer struct {
	head    [16]byte
	word    [8]byte
	entries [entryChunk * 20]byte
}

// dirs reads the directories of a TIFF block.
type dirs struct {
	container.Layout
	r       io.ReaderAt
	entries *int // entries read of all blocks of the file, counted against maxEntries
	buf     *dirBuffer
}

// openDirs reads the header of the block in r, and returns where its first directory starts; ok is false if it has
// none.
func openDirs(r io.ReaderAt, buf *dirBuffer, entries *int) (w dirs, first int64, ok bool, err error) {
	head := buf.head[:]
	n, err := container.ReadAt(r, head, 0)
	if err != nil {
		return w, 0, false, err
	}
	l, first, ok := container.ParseTIFFHeader(head[:n])
	return dirs{l, r, entries, buf}, first, ok, nil
}

// each calls f for the entries of the directory at start. ok is false if the directory is unreadable. end
// is where its entries end, 0 if they are truncated.
func (w *dirs) each(start int64, f func(e []byte) error) (end int64, ok bool, err error) {
	b := w.buf.word[:]
	countSize := w.CountSize()
	if ok, err := container.ReadFull(w.r, b[:countSize], start); !ok || err != nil {
		return 0, false, err
	}
	count := w.Uint(b[:countSize])

	buf := w.buf.entries[:]
	size := w.EntrySize()
	pos := start + countSize
	for left := count; left > 0; {
		n := min(left, entryChunk)
		got, err := container.ReadAt(w.r, buf[:int64(n)*size], pos)
		if err != nil {
			return 0, false, err
		}
		for e := buf[:got]; int64(len(e)) >= size; e = e[size:] {
			if *w.entries++; *w.entries > maxEntries {
				return 0, false, container.ErrTooLarge
			}
			if err := f(e[:size]); err != nil {
				return 0, false, err
			}
		}
		if int64(got) < int64(n)*size {
			// truncated: f has had the complete entries
			return 0, got >= int(size) || left < count, nil
		}
		left -= n
		pos += int64(n) * size
	}
	return pos, true, nil
}

// next reads the offset of the next directory at end, after the entries of one. It is 0 for none.
func (w *dirs) next(end int64) (int64, error) {
	b := w.buf.word[:w.OffsetSize()]
	ok, err := container.ReadFull(w.r, b, end)
	if !ok {
		return 0, err
	}
	return container.Offset(w.Uint(b)), err
}

// integer returns the value of an entry with one integer. It accepts all integer types, since writers use
// all of them for pointers, and reads signed ones as unsigned, since no offset is negative.
func (w *dirs) integer(typ uint16, count uint64, inline []byte) (n int64, ok bool, err error) {
	if count != 1 {
		return 0, false, nil
	}
	switch typ {
	case typeByte, typeSByte, typeShort, typeSShort, typeLong, typeSLong, typeIFD, typeLong8, typeSLong8, typeIFD8:
	default:
		return 0, false, nil
	}
	b := inline
	if size := int(typeSize(typ)); size <= len(b) { //nolint:gosec // at most 8
		b = b[:size]
	} else {
		b = w.buf.word[:]
		if ok, err := container.ReadFull(w.r, b, container.Offset(w.Uint(inline))); !ok || err != nil {
			return 0, false, err
		}
	}
	return container.Offset(w.Uint(b)), true, nil
}
