package object

import "sync"

// window is a run of an object's bytes.
type window struct {
	off int64
	b   []byte
}

func (w *window) end() int64 { return w.off + int64(len(w.b)) }

func (w *window) has(off int64) bool { return w.off <= off && off < w.end() }

// nextWindow is the window to ask for when need bytes from off on are missing, where the one before
// it ended at last, the object has size bytes (-1: not known) and a window is usually length bytes.
//
// A read that goes on where the last window ended gets what follows. Any other gets a quarter of a
// window in front of it as well: directories often stand after their values. A window never goes
// beyond the end of the object; one that would is moved forward.
func nextWindow(last, off, need, size, length int64) (start, n int64) {
	start = off
	if last != off {
		start = max(0, off-length/4)
	}
	n = max(length, off-start+need)
	if size >= 0 && start+n > size {
		start = max(0, min(start, size-n))
		n = size - start
	}
	return start, n
}

// buffers are the pool of windows' memory. A sub-request takes one with the first byte of a body, so
// that requests that wait for a slow upstream have none.
var buffers sync.Pool // of *[]byte

// usualBuffer is the capacity up to which buffers are pooled: four windows of the default size.
const usualBuffer = 256 << 10

// newBuffer returns an empty buffer with room for n bytes.
func newBuffer(n int) []byte {
	if b, ok := buffers.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, n)
}

// releaseBuffer puts a buffer into the pool, unless it is unusually large. It must not be used after
// that.
func releaseBuffer(b []byte) {
	if 0 < cap(b) && cap(b) <= usualBuffer {
		buffers.Put(&b)
	}
}
