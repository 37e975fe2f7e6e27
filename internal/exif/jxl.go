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

// Unbrotli unpacks the body of a packed Exif box; ok is false where Decode wouldn't.
func Unbrotli(b []byte) (out []byte, ok bool) {
	var head [8]byte
	copy(head[:], b)
	if len(b) > maxBrotliPacked || len(b) > 0 && !smallWindow(binary.LittleEndian.Uint64(head[:])) {
		return nil, false
	}
	out, tooLarge := unbrotli(bytes.NewReader(b))
	return out, !tooLarge
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
	src := &section{r: r, run: extent{run.off, min(run.n, maxBrotliPacked)}}
	out, tooLarge := unbrotli(src)
	switch {
	case src.err != nil:
		return nil, src.err
	case tooLarge || run.n > maxBrotliPacked && src.run.n == 0:
		return nil, ErrTooLarge
	}
	return offsetBlock(bytes.NewReader(out))
}

// unbrotli unpacks a stream as far as it goes.
func unbrotli(src io.Reader) (out []byte, tooLarge bool) {
	in := &brotliInput{src: src}
	z := brotli.NewReader(in)
	var buf [4096]byte
	for {
		n, err := z.Read(buf[:])
		if n > 0 {
			in.yielded()
		}
		out = append(out, buf[:n]...)
		switch {
		case in.idle > maxBrotliIdle || len(out) >= maxBrotli:
			return out, true
		case err != nil:
			return out, false
		}
	}
}

// brotliInput hands out a stream in small pieces and adds up those from which nothing came: heads of
// meta-blocks and meta-blocks to skip.
type brotliInput struct {
	src  io.Reader
	idle int // bytes
	last int // the size of the last piece, if it is counted
}

// Read implements io.Reader.
func (b *brotliInput) Read(p []byte) (int, error) {
	const piece = 8 // bytes; a copy of bytes takes up to 7, so that some pieces yield nothing
	if b.idle > maxBrotliIdle {
		return 0, ErrTooLarge
	}
	n, err := b.src.Read(p[:min(len(p), piece)])
	b.idle += n
	b.last = n
	return n, err
}

// yielded says that something came from the last piece.
func (b *brotliInput) yielded() {
	b.idle -= b.last
	b.last = 0
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
