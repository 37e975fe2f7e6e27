package container

import "io"

// The types of an entry (TIFF 6.0, section 2; Exif 3.0, 4.6.2; BigTIFF).
const (
	TypeByte      = 1
	TypeASCII     = 2
	TypeShort     = 3
	TypeLong      = 4
	TypeRational  = 5
	TypeSByte     = 6
	TypeUndefined = 7
	TypeSShort    = 8
	TypeSLong     = 9
	TypeSRational = 10
	TypeFloat     = 11
	TypeDouble    = 12
	TypeIFD       = 13
	TypeLong8     = 16
	TypeSLong8    = 17
	TypeIFD8      = 18
	TypeUTF8      = 129
)

// TypeSize returns the size in bytes of one value of a type, 0 for an unknown type.
func TypeSize(t uint16) uint64 {
	switch t {
	case TypeByte, TypeASCII, TypeSByte, TypeUndefined, TypeUTF8:
		return 1
	case TypeShort, TypeSShort:
		return 2
	case TypeLong, TypeSLong, TypeFloat, TypeIFD:
		return 4
	case TypeRational, TypeSRational, TypeDouble, TypeLong8, TypeSLong8, TypeIFD8:
		return 8
	}
	return 0
}

// MaxEntries bounds the entries of all directories of one file: BigTIFF has no 16-bit count to bound a directory
// at 65,535.
const MaxEntries = 1 << 17

// EntryChunk is the number of entries that Each reads at a time: a directory's count may claim far more
// than it has.
const EntryChunk = 128

// DirBuffer is the memory that reading directories takes.
type DirBuffer struct {
	Head    [16]byte
	word    [8]byte
	entries [EntryChunk * 20]byte
}

// Dirs reads the directories of a TIFF block.
type Dirs struct {
	Layout
	R       io.ReaderAt
	entries *int // entries read of all blocks of the file, counted against MaxEntries
	buf     *DirBuffer
}

// OpenDirs reads the header of the block in r, and returns where its first directory starts; ok is false if it has
// none.
func OpenDirs(r io.ReaderAt, buf *DirBuffer, entries *int) (w Dirs, first int64, ok bool, err error) {
	head := buf.Head[:]
	n, err := ReadAt(r, head, 0)
	if err != nil {
		return w, 0, false, err
	}
	l, first, ok := ParseTIFFHeader(head[:n])
	return Dirs{l, r, entries, buf}, first, ok, nil
}

// Each calls f for the entries of the directory at start. ok is false if the directory is unreadable. end
// is where its entries end, 0 if they are truncated.
func (w *Dirs) Each(start int64, f func(e []byte) error) (end int64, ok bool, err error) {
	b := w.buf.word[:]
	countSize := w.CountSize()
	if ok, err := ReadFull(w.R, b[:countSize], start); !ok || err != nil {
		return 0, false, err
	}
	count := w.Uint(b[:countSize])

	buf := w.buf.entries[:]
	size := w.EntrySize()
	pos := start + countSize
	for left := count; left > 0; {
		n := min(left, EntryChunk)
		got, err := ReadAt(w.R, buf[:int64(n)*size], pos)
		if err != nil {
			return 0, false, err
		}
		for e := buf[:got]; int64(len(e)) >= size; e = e[size:] {
			if *w.entries++; *w.entries > MaxEntries {
				return 0, false, ErrTooLarge
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

// Next reads the offset of the next directory at end, after the entries of one. It is 0 for none.
func (w *Dirs) Next(end int64) (int64, error) {
	b := w.buf.word[:w.OffsetSize()]
	ok, err := ReadFull(w.R, b, end)
	if !ok {
		return 0, err
	}
	return Offset(w.Uint(b)), err
}

// Integer returns the value of an entry with one integer. It accepts all integer types, since writers use
// all of them for pointers, and reads signed ones as unsigned, since no offset is negative.
func (w *Dirs) Integer(typ uint16, count uint64, inline []byte) (n int64, ok bool, err error) {
	if count != 1 {
		return 0, false, nil
	}
	switch typ {
	case TypeByte, TypeSByte, TypeShort, TypeSShort, TypeLong, TypeSLong, TypeIFD, TypeLong8, TypeSLong8, TypeIFD8:
	default:
		return 0, false, nil
	}
	b := inline
	if size := int(TypeSize(typ)); size <= len(b) { //nolint:gosec // at most 8
		b = b[:size]
	} else {
		b = w.buf.word[:]
		if ok, err := ReadFull(w.R, b, Offset(w.Uint(inline))); !ok || err != nil {
			return 0, false, err
		}
	}
	return Offset(w.Uint(b)), true, nil
}
