package exif

import (
	"encoding/binary"
	"io"
)

// The ISO base media file format (ISO/IEC 14496-12) consists of nested boxes: a size of 4 bytes that
// includes itself, a type of 4 letters, then the body (4.2). A size of 1 means that the size is in 8
// bytes after the type, a size of 0 that the box extends to the end. A box of type uuid has a 16-byte
// type before its body. A "full box" begins its body with a version of one byte and flags of three.
// HEIF and AVIF (heif.go), CR3, JPEG XL and JPEG 2000 use these boxes.
//
// The finders skip a box by its size alone and descend a fixed number of levels, so no file can make
// them loop.

// box is one box.
type box struct {
	typ  string
	uuid [16]byte // set if the type is uuid
	body extent
	peek []byte // the first bytes of the body, valid until each reads the next box
}

// boxes reads the boxes of one file.
type boxes struct {
	r    io.ReaderAt
	seen int
	head [8 + 8 + 16]byte
}

// wholeFile is the run of the top-level boxes.
var wholeFile = extent{0, toEnd}

// each calls f with the boxes of a run until f returns done. It stops at a broken box, whose size doesn't
// tell where the next one starts.
func (w *boxes) each(in extent, f func(box) (done bool, err error)) error {
	off, end := in.off, in.off+in.n
	for end-off >= 8 {
		if w.seen++; w.seen > maxBoxes {
			return ErrTooLarge
		}
		n, err := readAt(w.r, w.head[:min(int64(len(w.head)), end-off)], off)
		if err != nil {
			return err
		}
		if n < 8 {
			return nil
		}
		head := w.head[:n]
		b := box{typ: string(head[4:8])}
		size, used := int64(binary.BigEndian.Uint32(head)), 8
		switch size {
		case 0:
			size = end - off
		case 1:
			if n < 16 {
				return nil
			}
			size, used = offset(binary.BigEndian.Uint64(head[8:])), 16
		}
		if b.typ == "uuid" {
			if n < used+len(b.uuid) {
				return nil
			}
			used += copy(b.uuid[:], head[used:])
		}
		size = min(size, end-off) // a box can't extend beyond the one around it
		if size < int64(used) {
			return nil
		}
		b.body = extent{off + int64(used), size - int64(used)}
		b.peek = head[used:min(int64(n), size)]
		done, err := f(b)
		if done || err != nil {
			return err
		}
		off += size
	}
	return nil
}

// cursor reads consecutive big-endian numbers of a run.
type cursor struct {
	r   io.ReaderAt
	run extent // the rest of the run
	// truncated is true if the run ended within a number. All further numbers are 0.
	truncated bool
	err       error

	buf      [512]byte
	buffered []byte // buffered bytes of the rest
}

// start makes c read another run.
func (c *cursor) start(run extent) { c.run, c.buffered, c.truncated = run, nil, false }

// uint reads a number of up to 8 bytes.
func (c *cursor) uint(size int64) (v uint64) {
	if c.truncated || c.err != nil {
		return 0
	}
	if int64(len(c.buffered)) < size {
		var n int
		n, c.err = readAt(c.r, c.buf[:min(int64(len(c.buf)), c.run.n)], c.run.off)
		c.buffered = c.buf[:n]
		if c.err != nil || int64(n) < size {
			c.truncated = true
			return 0
		}
	}
	for _, b := range c.buffered[:size] {
		v = v<<8 | uint64(b)
	}
	c.skip(size)
	return v
}

func (c *cursor) skip(n int64) {
	n = min(n, c.run.n)
	c.run.off += n
	c.run.n -= n
	c.buffered = c.buffered[min(n, int64(len(c.buffered))):]
}
