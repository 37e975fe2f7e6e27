package exif

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/andybalholm/brotli"
)

// JPEG XL's container (ISO/IEC 18181-2) is made of ISO boxes. The box Exif (9.5) holds what HEIF's
// Exif item does. The box brob (9.7) holds the type of another box and, as a Brotli stream, its body.

// findJXL finds the Exif box, packed or not.
func findJXL(r io.ReaderAt) (blocks []block, err error) {
	w := &boxes{r: r}
	err = w.each(wholeFile, func(b box) (done bool, err error) {
		switch {
		case b.typ == "Exif":
			blocks, err = offsetBlock(part(r, b.body))
		case b.typ == "brob" && bytes.HasPrefix(b.peek, []byte("Exif")):
			blocks, err = brotliBlock(r, fullBody(b.body, 4))
		default:
			return false, nil
		}
		return true, err
	})
	return blocks, err
}

// brotliBlock is the block in a packed Exif box. A stream cut off counts as far as it goes.
func brotliBlock(r io.ReaderAt, run extent) ([]block, error) {
	var head [8]byte
	n, err := readAt(r, head[:min(int64(len(head)), run.n)], run.off)
	if err != nil {
		return nil, err
	}
	if n > 0 && !smallWindow(binary.LittleEndian.Uint64(head[:])) {
		return nil, ErrTooLarge
	}
	src := &section{r: r, run: extent{run.off, min(run.n, maxBrotli)}}
	var out bytes.Buffer
	_, _ = out.ReadFrom(io.LimitReader(brotli.NewReader(src), maxBrotli))
	switch {
	case src.err != nil:
		return nil, src.err
	case out.Len() == maxBrotli || run.n > maxBrotli && src.run.n == 0:
		return nil, ErrTooLarge
	}
	return offsetBlock(bytes.NewReader(out.Bytes()))
}

// smallWindow reports whether the Brotli stream that starts with these bits gets along with a window
// of maxBrotliWindow bits: it claims no more, or its only meta-block is small, since the decoder
// allocates no more than a meta-block can fill (RFC 7932, 9.1 and 9.2).
func smallWindow(bits uint64) bool {
	if window := 17 + bits>>1&7; bits&1 == 0 || window <= maxBrotliWindow {
		return true // the codes of other lengths are those of smaller windows
	}
	bits >>= 4
	last, empty, nibbles := bits&1 == 1, bits>>1&1 == 1, bits>>2&3
	if !last || empty || nibbles == 3 {
		return last && empty
	}
	return bits>>4&(1<<(4*(4+nibbles))-1) < maxBrotli
}
