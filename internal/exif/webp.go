package exif

import (
	"encoding/binary"
	"io"
)

// WebP (RFC 9649): "RIFF", a size, "WEBP", then chunks, each a name of 4 letters, a little-endian
// size, and as many bytes, padded to an even number. The EXIF chunk (2.7.1.5) is a TIFF block; some
// writers put JPEG's "Exif\0\0" before it. VP8X has a flag for it that not every writer sets, and
// the size of the whole is as often wrong, so neither is believed.
//
// golang.org/x/image/riff would read through the picture, which lies before the EXIF; here its
// header alone is read.

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// findWebP finds the EXIF chunk.
func findWebP(r io.ReaderAt) ([]block, error) {
	var head [8]byte
	off := int64(12)
	for range maxChunks {
		ok, err := readFull(r, head[:], off)
		if !ok || err != nil {
			return nil, err
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		if string(head[:4]) == "EXIF" {
			return withoutIntro(part(r, extent{off + 8, size}))
		}
		off += 8 + size + size&1
	}
	return nil, ErrTooLarge
}
