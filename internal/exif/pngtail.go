package exif

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// One PNG in ten with EXIF has it after the picture, which is cut into IDAT chunks, of 8 KiB if libpng
// is left alone: to step over 40 MB of them would be 700 windows of an object. So the file's last
// kilobytes are read, and the chunks in them found from IEND on backwards: a chunk is where a length
// leads exactly to the next one's start, behind it stand four letters, and the checksum is right. By
// chance, bytes in a picture look like that once in 2^96. Who makes a picture whose bytes do, with a
// checksum that is that of the IDAT as well, has a file with EXIF that other readers don't see; it is
// EXIF of his own, and he could as well have added a chunk. Who stuffs the bytes with beginnings of
// chunks finds the work for checksums bounded.
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
	// nearPieces is how near to the last piece of a picture the search for it ends, in bytes: the next
	// window has the rest.
	nearPieces = 32 << 10
)

// afterPicture returns where a chunk starts, of those after the IDAT chunk at off of length bytes, that
// has nothing but the picture before it.
func afterPicture(r io.ReaderAt, off, length int64) (int64, error) {
	step := 12 + length
	isIDAT := func(at, longest int64) (end int64, ok bool, err error) {
		var head [8]byte
		n, err := peekAt(r, head[:], at)
		length := int64(binary.BigEndian.Uint32(head[:]))
		return at + 12 + length, n == len(head) && string(head[4:]) == "IDAT" && length <= longest, err
	}
	same := func(k int64) (bool, error) {
		end, ok, err := isIDAT(off+k*step, length)
		return ok && end == off+(k+1)*step, err
	}
	size := sizeOf(r)
	if size < 0 {
		n, err := gallop(maxChunks, same)
		return off + n*step, err
	}
	next := off + step
	if size-next <= tailPiece {
		return next, nil
	}
	t := pngTail{r: r, from: next, start: size, most: tailPiece}
	end, ok, err := t.lastIEND()
	if err != nil {
		return 0, err
	}
	if !ok {
		end = size // cut off, or more stands after IEND
	} else if ok, err = t.walkBack(&end); ok || err != nil {
		return end, err
	}
	// the last chunk, or one soon before it, if all are as long as the first
	for _, back := range [...]int64{0, 1, 4, 16} {
		at := off + (end-1-off)/step*step - back*step
		if at < next {
			break
		}
		stop, ok, err := isIDAT(at, length)
		if err != nil || ok && (stop <= end || end == size) {
			return at, err
		}
	}
	if end < size {
		t.most = maxTail
		_, err = t.walkBack(&end)
		return end, err
	}
	n, err := bisect(0, (size-off)/step+1, max(1, nearPieces/step), same)
	return max(off+n*step, next), err
}

// pngTail is the end of a PNG.
type pngTail struct {
	r     io.ReaderAt
	from  int64  // where a chunk starts, and the search ends
	start int64  // where buf starts
	buf   []byte // up to the end of the file
	most  int64  // how long buf may get

	checked int64 // bytes
}

// grow reads another piece; ok is false where enough has been read.
func (t *pngTail) grow() (ok bool, err error) {
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

// iend is the chunk that ends a PNG (11.2.5).
var iend = []byte("\x00\x00\x00\x00IEND\xAE\x42\x60\x82")

// lastIEND finds IEND in the last piece: more bytes may follow it.
func (t *pngTail) lastIEND() (at int64, ok bool, err error) {
	if ok, err = t.grow(); !ok || err != nil {
		return 0, false, err
	}
	i := bytes.LastIndex(t.buf, iend)
	return t.start + int64(i), i >= 0, nil
}

// walkBack moves at from a chunk's start to that of the chunk before it, and so on; ok is true once it
// is at one of the picture's, or where the search ends.
func (t *pngTail) walkBack(at *int64) (ok bool, err error) {
	for i := *at - 12; ; i-- {
		for i < t.start {
			if ok, err = t.grow(); !ok || err != nil {
				return false, err
			}
		}
		b := t.buf[i-t.start:]
		length := *at - 12 - i
		if int64(binary.BigEndian.Uint32(b)) != length || !t.whole(b[4:8+length+4]) {
			continue
		}
		*at = i
		switch string(b[4:8]) {
		case "IDAT", "fdAT", "fcTL": // the latter two are those of animations (11.3.5)
			return true, nil
		}
		if i == t.from {
			return true, nil
		}
		i -= 11 // the chunk before has 12 bytes at least
	}
}

// whole reports whether a chunk from its type on has letters there and the right checksum.
func (t *pngTail) whole(b []byte) bool {
	for _, c := range b[:4] {
		if c |= 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	n := len(b) - 4
	if t.checked += int64(n); t.checked > maxChecked {
		return false
	}
	return crc32.ChecksumIEEE(b[:n]) == binary.BigEndian.Uint32(b[n:])
}
