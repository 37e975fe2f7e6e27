package container

import (
	"encoding/binary"
	"io"
)

// Minolta's MRW begins with a zero byte, "MRM" (big-endian) or "MRI" (little-endian) and the length
// of the blocks after it: each a zero byte, three letters, a length and as many bytes. TTW is a
// TIFF block. Minolta hasn't documented it;
// https://libopenraw.freedesktop.org/formats/mrw/ describes it.

// eachBlock calls f for the blocks of the file until f returns done.
func eachBlock(r io.ReaderAt, f func(name string, order binary.ByteOrder, data Extent) (done bool, err error)) error {
	var b [8]byte
	if ok, err := ReadFull(r, b[:], 0); !ok || err != nil {
		return err
	}
	order := binary.ByteOrder(binary.BigEndian)
	if b[3] == 'I' {
		order = binary.LittleEndian
	}
	off := int64(8)
	end := off + int64(order.Uint32(b[4:]))
	for range MaxChunks {
		if end-off < int64(len(b)) {
			return nil
		}
		if ok, err := ReadFull(r, b[:], off); !ok || err != nil {
			return err
		}
		data := Extent{Off: off + 8, N: int64(order.Uint32(b[4:]))}
		if done, err := f(string(b[1:4]), order, data); done || err != nil {
			return err
		}
		off = data.Off + data.N
	}
	return ErrTooLarge
}

// MRWEXIF offers the TTW block.
func MRWEXIF(r io.ReaderAt, f Offer) error {
	return eachBlock(r, func(name string, _ binary.ByteOrder, data Extent) (bool, error) {
		if name != "TTW" {
			return false, nil
		}
		return f(Block{R: RunReader(r, data), Off: data.Off})
	})
}

// MRWInfo reads the size in the block PRD: 8 bytes of text, the sensor's height and width, and the
// picture's.
func MRWInfo(r io.ReaderAt, i *Info) error {
	return eachBlock(r, func(name string, order binary.ByteOrder, data Extent) (bool, error) {
		if name != "PRD" {
			return false, nil
		}
		var b [16]byte
		ok, err := ReadFull(r, b[:], data.Off)
		if ok {
			i.SetSize(int64(order.Uint16(b[14:])), int64(order.Uint16(b[12:])))
		}
		return true, err
	})
}
