package exif

import (
	"encoding/binary"
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Minolta's MRW begins with a zero byte, "MRM" (big-endian) or "MRI" (little-endian) and the length
// of the blocks after it: each a zero byte, three letters, a length and as many bytes. TTW is a
// TIFF block. Minolta hasn't documented it;
// https://libopenraw.freedesktop.org/formats/mrw/ describes it.

// eachBlock calls f for the blocks of the file until f returns done.
func eachBlock(r io.ReaderAt, f func(name string, order binary.ByteOrder, data container.Extent) (done bool, err error)) error {
	var b [8]byte
	if ok, err := container.ReadFull(r, b[:], 0); !ok || err != nil {
		return err
	}
	order := binary.ByteOrder(binary.BigEndian)
	if b[3] == 'I' {
		order = binary.LittleEndian
	}
	off := int64(8)
	end := off + int64(order.Uint32(b[4:]))
	for range maxChunks {
		if end-off < int64(len(b)) {
			return nil
		}
		if ok, err := container.ReadFull(r, b[:], off); !ok || err != nil {
			return err
		}
		data := container.Extent{Off: off + 8, N: int64(order.Uint32(b[4:]))}
		if done, err := f(string(b[1:4]), order, data); done || err != nil {
			return err
		}
		off = data.Off + data.N
	}
	return container.ErrTooLarge
}

// mrwEXIF offers the TTW block.
func mrwEXIF(r io.ReaderAt, f offer) error {
	return eachBlock(r, func(name string, _ binary.ByteOrder, data container.Extent) (bool, error) {
		if name != "TTW" {
			return false, nil
		}
		return f(block{r: container.RunReader(r, data), off: data.Off})
	})
}

// mrwInfo reads the size in the block PRD: 8 bytes of text, the sensor's height and width, and the
// picture's.
func mrwInfo(r io.ReaderAt, i *facts) error {
	return eachBlock(r, func(name string, order binary.ByteOrder, data container.Extent) (bool, error) {
		if name != "PRD" {
			return false, nil
		}
		var b [16]byte
		ok, err := container.ReadFull(r, b[:], data.Off)
		if ok {
			i.setSize(int64(order.Uint16(b[14:])), int64(order.Uint16(b[12:])))
		}
		return true, err
	})
}
