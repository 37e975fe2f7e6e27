package container

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
	Type string
	UUID [16]byte // set if the type is uuid
	Body Extent
	Peek []byte // the first bytes of the body, valid until each reads the next box
}

// BoxHead is the head of a box.
type BoxHead struct {
	Type string
	Head int64 // the length of the head: 8, or MaxBoxHead with a size of 64 bits
	Size int64 // the length of the box with its head, ToEnd if it reaches to the end
}

// MaxBoxHead is the length of the longest head.
const MaxBoxHead = 16

// ParseBoxHead parses the head of the box at the start of b; ok is false if it isn't valid.
func ParseBoxHead(b []byte) (h BoxHead, ok bool) {
	if len(b) < 8 {
		return h, false
	}
	h = BoxHead{Type: string(b[4:8]), Head: 8, Size: int64(binary.BigEndian.Uint32(b))}
	switch h.Size {
	case 0:
		h.Size = ToEnd
	case 1:
		if len(b) < MaxBoxHead {
			return h, false
		}
		h.Head, h.Size = MaxBoxHead, Offset(binary.BigEndian.Uint64(b[8:]))
	}
	return h, h.Size >= h.Head
}

// MaxBoxes bounds the boxes walked, all depths of one file together: millions of empty boxes would waste CPU
// time. HEIF has one for each item, and a picture made of tiles has an item for each tile.
const MaxBoxes = 1 << 16

// boxes reads the boxes of one file.
type boxes struct {
	R    io.ReaderAt
	seen int
	head [8 + 8 + 16]byte
}

// wholeFile is the run of the top-level boxes.
var wholeFile = Extent{0, ToEnd}

// each calls f with the boxes of a run until f returns done. It stops at a broken box, whose size doesn't
// tell where the next one starts.
func (w *boxes) each(in Extent, f func(box) (done bool, err error)) error {
	off, end := in.Off, in.Off+in.N
	for end-off >= 8 {
		if w.seen++; w.seen > MaxBoxes {
			return ErrTooLarge
		}
		n, err := ReadAt(w.R, w.head[:min(int64(len(w.head)), end-off)], off)
		if err != nil {
			return err
		}
		if n < 8 {
			return nil
		}
		head := w.head[:n]
		h, ok := ParseBoxHead(head)
		if !ok {
			return nil
		}
		b := box{Type: h.Type}
		size, used := h.Size, int(h.Head)
		if b.Type == "uuid" {
			if n < used+len(b.UUID) {
				return nil
			}
			used += copy(b.UUID[:], head[used:])
		}
		size = min(size, end-off) // a box can't extend beyond the one around it
		if size < int64(used) {
			return nil
		}
		b.Body = Extent{off + int64(used), size - int64(used)}
		b.Peek = head[used:min(int64(n), size)]
		done, err := f(b)
		if done || err != nil {
			return err
		}
		off += size
	}
	return nil
}

// descend returns a function for each that calls f with the boxes in those of a type, or only in the first of them.
func (w *boxes) descend(typ string, first bool, f func(box) (done bool, err error)) func(box) (done bool, err error) {
	return func(b box) (bool, error) {
		if b.Type != typ {
			return false, nil
		}
		return first, w.each(b.Body, f)
	}
}

// cursor reads consecutive big-endian numbers of a run.
type cursor struct {
	r   io.ReaderAt
	run Extent // the rest of the run
	// truncated is true if the run ended within a number. All further numbers are 0.
	truncated bool
	err       error

	buf      [512]byte
	buffered []byte // buffered bytes of the rest
}

// start makes c read another run.
func (c *cursor) start(run Extent) { c.run, c.buffered, c.truncated = run, nil, false }

// uint reads a number of up to 8 bytes.
func (c *cursor) uint(size int64) (v uint64) {
	if c.truncated || c.err != nil {
		return 0
	}
	if int64(len(c.buffered)) < size {
		var n int
		n, c.err = ReadAt(c.r, c.buf[:min(int64(len(c.buf)), c.run.N)], c.run.Off)
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
	n = min(n, c.run.N)
	c.run.Off += n
	c.run.N -= n
	c.buffered = c.buffered[min(n, int64(len(c.buffered))):]
}

// skip returns the body without its first n bytes.
func skip(body Extent, n int64) Extent {
	n = min(n, body.N)
	return Extent{body.Off + n, body.N - n}
}

// cursor returns a reader of the numbers in a run.
func (w *boxes) cursor(run Extent) *cursor { return &cursor{r: w.R, run: run} }

// sizeOfID returns the size in bytes of an item's ID: 4 in later versions of a box, else 2.
func sizeOfID(later bool) int64 {
	if later {
		return 4
	}
	return 2
}
