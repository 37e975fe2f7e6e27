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

// riffChunks are the chunks after the frames of an animation.
var riffChunks = chunkKind{
	least: 8,
	total: func(head []byte) int64 {
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		return 8 + size + size&1
	},
	whole: func(chunk []byte) bool {
		switch string(chunk[:4]) {
		case "ANMF", "EXIF", "XMP ":
			return true
		}
		return false
	},
	picture: func(chunk []byte) bool { return string(chunk[:4]) == "ANMF" },
}

// afterFrames returns where a chunk starts, of those from next on, that has nothing but frames before
// it. end is where the file says that it ends, announced whether it says that it has EXIF.
func afterFrames(r io.ReaderAt, next, end int64, announced bool) (int64, error) {
	size := sizeOf(r)
	if end <= next || end > size {
		end = size
	}
	if end-next <= tailPiece {
		return next, nil
	}
	t := tail{r: r, kind: riffChunks, from: next, start: end, most: maxTail}
	at := end
	ok, err := t.walkBack(&at)
	if !ok && announced && at == end {
		at = next // it may be anywhere
	}
	return at, err
}

// findWebP finds the EXIF chunk.
func findWebP(r io.ReaderAt) ([]block, error) {
	var start [21]byte // up to the flags of VP8X
	n, err := readAt(r, start[:], 0)
	if err != nil {
		return nil, err
	}
	end := 8 + int64(binary.LittleEndian.Uint32(start[4:]))
	announced := n == len(start) && start[20]&8 != 0
	frames := false
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
		if string(head[:4]) == "ANMF" && !frames {
			frames = true
			if off, err = afterFrames(r, off, end, announced); err != nil {
				return nil, err
			}
		}
	}
	return nil, ErrTooLarge
}
