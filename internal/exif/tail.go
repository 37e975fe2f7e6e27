package exif

import "io"

// One PNG in ten with EXIF has it after the picture, which is cut into IDAT chunks, of 8 KiB if libpng
// is left alone: to step over 40 MB of them would be 700 windows of an object. An animated WebP has a
// chunk for each frame, and its EXIF after all of them. So the file's last kilobytes are read, and the
// chunks in them found from the end on backwards: a chunk is where a length leads exactly to the next
// one's start and a type stands beside it; in PNG, with the right checksum.
//
// By chance, bytes of a picture look like that once in 2^64, in PNG in 2^96. Who makes a PNG whose
// picture's bytes do, with a checksum that is that of the IDAT as well, has a file with EXIF that other
// readers don't see; it is EXIF of his own, and he could as well have added a chunk. Who stuffs the
// bytes with beginnings of chunks finds the work for checksums bounded.
//
// From the last chunk of the picture that was found, or from the first after it, chunks are stepped
// over as before.

const (
	// tailPiece is how many bytes of the end are read at a time. With the quarter of a window that an
	// object reads before, it is a window of the usual size.
	tailPiece = 48 << 10
	// maxTail is how far from the end the picture's last chunk may begin. What isn't found there has to
	// be EXIF of 240 KB, or to stand before as much text.
	maxTail = 5 * tailPiece
	// maxChecked bounds the bytes of all checksums that are computed. The chunks there are, are as long
	// as the tail.
	maxChecked = 4 * maxTail
)

// tail is the end of a file of chunks.
type tail struct {
	r     io.ReaderAt
	kind  chunkKind
	from  int64  // where a chunk starts, and the search ends
	start int64  // where buf starts
	buf   []byte // up to the end of the file, or of what is read of it
	most  int64  // how long buf may get

	checked int64 // bytes
}

// chunkKind is how a format's chunks look.
type chunkKind struct {
	least int64 // the length of a chunk without data, its head of 8 bytes included
	// total is the length that a head says the chunk has.
	total func(head []byte) int64
	// whole reports whether that is a chunk.
	whole func(chunk []byte) bool
	// picture reports whether the chunk is one of the picture's.
	picture func(chunk []byte) bool
}

// grow reads another piece; ok is false where enough has been read.
func (t *tail) grow() (ok bool, err error) {
	n := min(tailPiece, t.start-t.from, t.most-int64(len(t.buf)))
	if n <= 0 {
		return false, nil
	}
	b := make([]byte, n+int64(len(t.buf)))
	if ok, err = readFull(t.r, b[:n], t.start-n); !ok || err != nil {
		return false, err
	}
	copy(b[n:], t.buf)
	t.start, t.buf = t.start-n, b
	return true, nil
}

// walkBack moves at from a chunk's start, or the end, to that of the chunk before it, and so on; ok is
// true once it is at one of the picture's, or where the search ends.
func (t *tail) walkBack(at *int64) (ok bool, err error) {
	for i := *at - t.kind.least; ; i-- {
		for i < t.start {
			if ok, err = t.grow(); !ok || err != nil {
				return false, err
			}
		}
		b := t.buf[i-t.start:]
		if t.kind.total(b) != *at-i || !t.whole(b[:*at-i]) {
			continue
		}
		*at = i
		if t.kind.picture(b) || i == t.from {
			return true, nil
		}
		i -= t.kind.least - 1
	}
}

func (t *tail) whole(chunk []byte) bool {
	t.checked += int64(len(chunk))
	return t.checked <= maxChecked && t.kind.whole(chunk)
}
