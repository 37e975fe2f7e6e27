package exif

import (
	"encoding/binary"
	"io"
)

// Minolta's MRW begins with a zero byte, "MRM" (big-endian) or "MRI" (little-endian) and the length
// of the blocks that follow: each a zero byte, three letters, a length and as many bytes. TTW is a
// TIFF block. Minolta has published nothing of it;
// https://libopenraw.freedesktop.org/formats/mrw/ describes it.

// findMRW finds the TTW block.
func findMRW(r io.ReaderAt) ([]block, error) {
	var b [8]byte
	if ok, err := readFull(r, b[:], 0); !ok || err != nil {
		return nil, err
	}
	order := binary.ByteOrder(binary.BigEndian)
	if b[3] == 'I' {
		order = binary.LittleEndian
	}
	off := int64(8)
	end := off + int64(order.Uint32(b[4:]))
	for range maxChunks {
		if end-off < int64(len(b)) {
			return nil, nil
		}
		if ok, err := readFull(r, b[:], off); !ok || err != nil {
			return nil, err
		}
		n := int64(order.Uint32(b[4:]))
		off += 8
		if string(b[:4]) == "\x00TTW" {
			return oneBlock(part(r, extent{off, n})), nil
		}
		off += n
	}
	return nil, ErrTooLarge
}
