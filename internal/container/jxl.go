package container

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/andybalholm/brotli"
)

// JPEG XL's container (ISO/IEC 18181-2) consists of ISO boxes. The box Exif (9.5) has the same content as
// HEIF's Exif item. The box brob (9.7) has the type of another box and, as a Brotli stream, its body.

// The limits of JPEG XL.
const (
	// MaxBrotli bounds the bytes of a decompressed Brotli box: a kilobyte unpacks to hundreds of megabytes.
	MaxBrotli = 1 << 18
	// maxBrotliPacked bounds the bytes of the compressed box.
	maxBrotliPacked = 1 << 17
	// MaxBrotliIdle bounds the bytes of a Brotli box that produce no output, mostly meta-block headers:
	// one of 100 bytes can ask for a table of 16,384 entries, or for 100 trees. Encoders need up to 1,700
	// such bytes for the EXIF of real files.
	MaxBrotliIdle = 1 << 12
	// maxBrotliWindow bounds the logarithm of Brotli's window, which the decoder allocates as the stream
	// claims it: 24 would be 16 MiB for a few bytes. 22 is the encoders' default.
	maxBrotliWindow = 22
)

// JXLEXIF offers each Exif box, compressed or not.
func JXLEXIF(r io.ReaderAt, f Offer) error {
	if bare, err := startsWith(r, JXLCodestream); bare || err != nil {
		return err // it can't hold EXIF
	}
	w := &boxes{R: r}
	return w.each(wholeFile, func(b box) (done bool, err error) {
		found := Block{Off: b.Body.Off}
		switch {
		case b.Type == "Exif":
			found.R, err = offsetBlock(RunReader(r, b.Body))
		case b.Type == "brob" && bytes.HasPrefix(b.Peek, []byte("Exif")):
			var out []byte
			if out, err = readBrotli(r, skip(b.Body, 4)); err == nil {
				found.R, err = offsetBlock(bytes.NewReader(out))
			}
		default:
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return f(found)
	})
}

// Unbrotli decompresses the body of a compressed Exif box; ok is false if it exceeds the limits of Decode.
func Unbrotli(b []byte) (out []byte, ok bool) {
	if len(b) > maxBrotliPacked {
		return nil, false
	}
	out, err := readBrotli(bytes.NewReader(b), Extent{N: int64(len(b))})
	return out, err == nil
}

// readBrotli returns the body of a compressed box. It accepts a truncated stream.
func readBrotli(r io.ReaderAt, run Extent) ([]byte, error) {
	var head [8]byte
	n, err := ReadAt(r, head[:min(int64(len(head)), run.N)], run.Off)
	if err != nil {
		return nil, err
	}
	if n > 0 && !smallWindow(binary.LittleEndian.Uint64(head[:])) {
		return nil, ErrTooLarge
	}
	src := &section{R: r, Run: Extent{Off: run.Off, N: min(run.N, maxBrotliPacked)}}
	out, tooLarge := unbrotli(src)
	switch {
	case src.Err != nil:
		return nil, src.Err
	case tooLarge || run.N > maxBrotliPacked && src.Run.N == 0:
		return nil, ErrTooLarge
	}
	return out, nil
}

// unbrotli decompresses a stream up to its end or first error.
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
		case in.idle > MaxBrotliIdle || len(out) >= MaxBrotli:
			return out, true
		case err != nil:
			return out, false
		}
	}
}

// brotliInput reads a stream in small pieces and counts the bytes that produce no output: headers of
// meta-blocks and meta-blocks to skip.
type brotliInput struct {
	src  io.Reader
	idle int // bytes
	last int // the size of the last piece, if idle includes it
}

// Read implements io.Reader.
func (b *brotliInput) Read(p []byte) (int, error) {
	const piece = 8 // bytes; a copy command takes up to 7, so some pieces yield nothing
	if b.idle > MaxBrotliIdle {
		return 0, ErrTooLarge
	}
	n, err := b.src.Read(p[:min(len(p), piece)])
	b.idle += n
	b.last = n
	return n, err
}

// yielded marks the last piece as one that produced output.
func (b *brotliInput) yielded() {
	b.idle -= b.last
	b.last = 0
}

// smallWindow reports whether a window of maxBrotliWindow bits is enough for the Brotli stream that starts
// with these bits: it claims no more, or its only meta-block is small, since the decoder allocates no more
// than a meta-block can fill (RFC 7932, 9.1 and 9.2).
func smallWindow(bits uint64) bool {
	if window := 17 + bits>>1&7; bits&1 == 0 || window <= maxBrotliWindow {
		return true // codes of other lengths mean smaller windows
	}
	bits >>= 4
	last, empty, nibbles := bits&1 == 1, bits>>1&1 == 1, bits>>2&3
	if !last || empty || nibbles == 3 {
		return last && empty
	}
	return bits>>4&(1<<(4*(4+nibbles))-1) < MaxBrotli
}

// The codestream (ISO/IEC 18181-1) begins with FF 0A and two headers of bits, the lowest of each byte first:
// the size (D.2), then the image metadata (D.3). It is the whole file or, in a container, the box jxlc, or
// pieces in boxes jxlp (18181-2, 9.9), each after its number of 4 bytes.

// maxPieces bounds the pieces joined: the headers are in the first.
const maxPieces = 1 << 4

// JXLInfo reads the codestream's headers.
func JXLInfo(r io.ReaderAt, i *Info) error {
	if bare, err := startsWith(r, JXLCodestream); bare || err != nil {
		return jxlCodestreamInfo(r, i)
	}
	var pieces []Extent
	w := &boxes{R: r}
	err := w.each(wholeFile, func(b box) (bool, error) {
		switch b.Type {
		case "jxlc":
			pieces = []Extent{b.Body}
			return true, nil
		case "jxlp":
			pieces = append(pieces, skip(b.Body, 4))
			return len(pieces) == maxPieces || b.Body.N > 4+int64(len(bitReader{}.buf)), nil
		}
		return false, nil
	})
	if err != nil || len(pieces) == 0 {
		return err
	}
	return jxlCodestreamInfo(Join(r, pieces), i)
}

func jxlCodestreamInfo(r io.ReaderAt, i *Info) error {
	var b bitReader
	n, err := ReadAt(r, b.buf[:], 0)
	if err != nil || n < 3 || b.buf[0] != 0xFF || b.buf[1] != 0x0A {
		return err
	}
	b.at, b.end = 16, 8*n
	width, height := b.size()
	if b.truncated {
		return nil
	}
	i.SetSize(width, height)
	if b.flag() && !b.truncated { // all metadata is default
		i.Orientation, i.ColorModel, i.Frames = 1, "rgb", 1
		return nil
	}
	orientation, animation := 1, false
	if b.flag() {
		orientation = 1 + int(b.uint(3))
		if b.flag() { // the intrinsic display size
			b.size()
		}
		if b.flag() {
			b.previewSize()
		}
		if animation = b.flag(); animation {
			b.skipU32(0, 0, 10, 30) // ticks a second, numerator
			b.skipU32(0, 0, 8, 10)  // and denominator
			b.skipU32(0, 3, 16, 32) // loops
			b.flag()                // timecodes
		}
	}
	if b.truncated {
		return nil
	}
	i.Orientation = orientation
	if !animation {
		i.Frames = 1
	}
	model := b.colors()
	if !b.truncated {
		i.ColorModel = model
	}
	return nil
}

// colors returns the color model, empty if extra channels other than alpha come before it.
func (b *bitReader) colors() string {
	b.depth()
	b.flag() // buffers of 16 bits
	const alpha = 0
	for n := b.u32(code{0, 0}, code{1, 0}, code{2, 4}, code{1, 12}); n > 0; n-- {
		if b.flag() { // alpha of 8 bits
			continue
		}
		if b.enum() != alpha || b.truncated {
			return ""
		}
		b.depth()
		b.skipU32(0, 0, 0, 3)                                                     // subsampling
		b.at += 8 * int(b.u32(code{0, 0}, code{0, 4}, code{16, 5}, code{48, 10})) // its name
		b.flag()                                                                  // premultiplied
	}
	b.flag() // XYB
	if b.flag() {
		return "rgb"
	}
	b.flag() // an ICC profile
	const rgb, gray, xyb = 0, 1, 2
	switch b.enum() {
	case rgb, xyb:
		return "rgb"
	case gray:
		return "gray"
	}
	return ""
}

// bitReader reads the headers' numbers.
type bitReader struct {
	buf       [128]byte
	at, end   int
	truncated bool // the bits ended within a number; all further numbers are 0
}

// uint reads a number of n bits.
func (b *bitReader) uint(n int) (v int64) {
	if b.truncated = b.truncated || b.at+n > b.end; b.truncated {
		return 0
	}
	for k := range n {
		v |= int64(b.buf[b.at>>3]>>(b.at&7)&1) << k
		b.at++
	}
	return v
}

func (b *bitReader) flag() bool { return b.uint(1) == 1 }

// code is one of the four codes of a number: a base, and the bits to read and add to it.
type code struct {
	base int64
	bits int
}

// u32 reads a number whose first two bits select its code (18181-1, B.2.2).
func (b *bitReader) u32(codes ...code) int64 {
	c := codes[b.uint(2)]
	return c.base + b.uint(c.bits)
}

// skipU32 is u32 for a number that isn't needed: bits are those of its codes.
func (b *bitReader) skipU32(bits ...int) { b.uint(bits[b.uint(2)]) }

// enum reads the value of an enumeration.
func (b *bitReader) enum() int64 { return b.u32(code{0, 0}, code{1, 0}, code{2, 4}, code{18, 6}) }

// depth skips the number of bits of a sample.
func (b *bitReader) depth() {
	float := b.flag()
	b.skipU32(0, 0, 0, 6)
	if float {
		b.uint(4) // the bits of the exponent
	}
}

// side reads a width or a height.
func (b *bitReader) side(eighths bool) int64 {
	if eighths {
		return 8 * (1 + b.uint(5))
	}
	return b.u32(code{1, 9}, code{1, 13}, code{1, 18}, code{1, 30})
}

// size reads the picture's size.
func (b *bitReader) size() (width, height int64) {
	eighths := b.flag()
	height = b.side(eighths)
	if width = b.ratio(height); width == 0 {
		width = b.side(eighths)
	}
	return width, height
}

// ratio reads the aspect ratio and returns the width for a height, 0 if the width comes as a number.
func (b *bitReader) ratio(height int64) int64 {
	ratios := [8][2]int64{{0, 1}, {1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}}
	r := ratios[b.uint(3)]
	return height * r[0] / r[1]
}

// previewSize skips the preview's size, which has other codes.
func (b *bitReader) previewSize() {
	bits := []int{6, 8, 10, 12}
	if b.flag() { // in eighths
		bits = []int{0, 0, 5, 9}
	}
	b.skipU32(bits...)
	if b.uint(3) == 0 { // no aspect ratio
		b.skipU32(bits...)
	}
}
