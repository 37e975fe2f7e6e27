package container

import "encoding/binary"

// Layout is the byte order and the width of fields, which the header states.
type Layout struct {
	Order binary.ByteOrder
	Big   bool // BigTIFF: counts and offsets of 8 bytes
}

// OffsetSize returns the size in bytes of an offset, and of an entry's count.
func (l Layout) OffsetSize() int {
	if l.Big {
		return 8
	}
	return 4
}

// CountSize returns the size in bytes of a directory's count.
func (l Layout) CountSize() int64 {
	if l.Big {
		return 8
	}
	return 2
}

// EntrySize returns the size in bytes of an entry.
func (l Layout) EntrySize() int64 { return int64(4 + 2*l.OffsetSize()) }

// Uint decodes a number of 1, 2, 4 or 8 bytes.
func (l Layout) Uint(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(l.Order.Uint16(b))
	case 4:
		return uint64(l.Order.Uint32(b))
	default:
		return l.Order.Uint64(b)
	}
}

// Fields returns the fields of an entry. value is the value if it fits there, else its offset.
func (l Layout) Fields(e []byte) (id, typ uint16, count uint64, value []byte) {
	n := l.OffsetSize()
	return l.Order.Uint16(e), l.Order.Uint16(e[2:]), l.Uint(e[4 : 4+n]), e[4+n : 4+2*n]
}

// isTIFF recognizes TIFF and formats based on it by the byte order and the number after it: 42 for TIFF
// and most RAW formats, 43 for BigTIFF, and the numbers that some makers use instead.
func isTIFF(head []byte) bool {
	_, _, ok := ParseTIFFHeader(head)
	return ok
}

// ParseTIFFHeader decodes a TIFF block's header: the layout and the offset of IFD0. ok is false for a wrong
// byte order or number; ParseTIFFHeader doesn't check the offset.
func ParseTIFFHeader(head []byte) (l Layout, first int64, ok bool) {
	if len(head) < 8 {
		return l, 0, false
	}
	switch string(head[:2]) {
	case "II":
		l.Order = binary.LittleEndian
	case "MM":
		l.Order = binary.BigEndian
	default:
		return l, 0, false
	}
	switch l.Order.Uint16(head[2:]) {
	case 42,
		0x4F52, 0x5352, // "RO", "RS": Olympus ORF
		0x0055, // Panasonic RW2
		0x01BC: // JPEG XR (ITU-T T.832, annex A)
		return l, int64(l.Order.Uint32(head[4:])), true
	case 43:
		if len(head) < 16 || l.Order.Uint16(head[4:]) != 8 {
			return l, 0, false
		}
		l.Big = true
		return l, Offset(l.Order.Uint64(head[8:])), true
	}
	return l, 0, false
}
