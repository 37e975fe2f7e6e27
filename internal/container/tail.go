package container

import "io"

// One PNG in ten with EXIF has it after the picture, which is cut into IDAT chunks, of 8 KiB by libpng's
// default: stepping over 40 MB of them would take 700 windows of an object. An animated WebP has a chunk
// for each frame, and its EXIF after all frames. So tail reads the file's last kilobytes and finds the
// chunks in them backwards from the end: a chunk starts where a length leads exactly to the start of the
// next chunk, with a valid type beside it, and in PNG with the right checksum.
//
// By chance, bytes of a picture look like that once in 2^64, in PNG in 2^96. An attacker could craft a PNG
// whose picture contains such bytes, and so EXIF that other readers don't see, but could as well add a
// chunk. maxChecked bounds the checksums of a file full of chunk beginnings.
//
// From the last chunk of the picture found, or from the first after it, the finders step over chunks as
// before.

const (
	// TailPiece is the number of bytes per read. With the quarter of a window that an object reads before
	// an offset, it makes a window of the usual size.
	TailPiece = 48 << 10
	// maxTail is how far from the end the picture's last chunk may begin. tail misses only EXIF of 240 KB,
	// or EXIF before as much text.
	maxTail = 5 * TailPiece
	// maxChecked bounds the bytes of all checksums computed. Real chunks are together as long as the tail.
	maxChecked = 4 * maxTail
)

// tail is the end of a file of chunks.
type tail struct {
	r       io.ReaderAt
	kind    chunkKind
	stop    int64  // start of a chunk, where the search ends
	start   int64  // offset of buf in the file
	buf     []byte // bytes from start to the end of the file or of the search
	maxSize int64  // maximum length of buf

	checked int64 // bytes checked
}

// chunkKind describes a format's chunks.
type chunkKind struct {
	minSize int64 // the length of a chunk without data, including its head of 8 bytes
	// size returns the length of a chunk by its head.
	size func(head []byte) int64
	// valid reports whether the bytes are a chunk.
	valid func(chunk []byte) bool
	// picture reports whether the chunk belongs to the picture.
	picture func(chunk []byte) bool
}

// grow reads another piece; ok is false at the limit of buf or of the search.
func (t *tail) grow() (ok bool, err error) {
	n := min(TailPiece, t.start-t.stop, t.maxSize-int64(len(t.buf)))
	if n <= 0 {
		return false, nil
	}
	b := make([]byte, n+int64(len(t.buf)))
	if ok, err = ReadFull(t.r, b[:n], t.start-n); !ok || err != nil {
		return false, err
	}
	copy(b[n:], t.buf)
	t.start, t.buf = t.start-n, b
	return true, nil
}

// walkBack moves at from a chunk's start, or the end, to the start of the chunk before it, and so on. ok is
// true if it reached a chunk of the picture or the end of the search.
func (t *tail) walkBack(at *int64) (ok bool, err error) {
	for i := *at - t.kind.minSize; ; i-- {
		for i < t.start {
			if ok, err = t.grow(); !ok || err != nil {
				return false, err
			}
		}
		b := t.buf[i-t.start:]
		if t.kind.size(b) != *at-i || !t.valid(b[:*at-i]) {
			continue
		}
		*at = i
		if t.kind.picture(b) || i == t.stop {
			return true, nil
		}
		i -= t.kind.minSize - 1
	}
}

func (t *tail) valid(chunk []byte) bool {
	t.checked += int64(len(chunk))
	return t.checked <= maxChecked && t.kind.valid(chunk)
}
