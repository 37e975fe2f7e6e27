package object

import "sync"

// window is a range of an object's bytes.
type window struct {
	off int64
	b   []byte
}

// span is the offset and length of a window.
type span struct{ off, n int64 }

func (s span) end() int64 { return s.off + s.n }

func (w *window) span() span { return span{w.off, int64(len(w.b))} }

func (w *window) end() int64 { return w.span().end() }

func (w *window) has(off int64) bool { return w.off <= off && off < w.end() }

// readAhead is the most that a sub-request asks for because the object is read sequentially. Eight of them
// are a large preview; more would take memory for little gain.
const readAhead = 1 << 20

// windowRequest describes a read that needs a window, and the bounds of that window, all in bytes.
type windowRequest struct {
	off, need int64 // the missing bytes
	size      int64 // of the object, -1 if not known
	left      int64 // how much may still be read
	usual     int64 // the usual length of a window
	maxLen    int64 // the maximum length with read-ahead
}

// nextWindow returns the window to request after the window last.
//
// A sequential read, which begins at the end of last, gets a window twice as long as last, since it is likely
// to go on: 64 KiB, 128, ... 1 MiB. Any other read gets a usual window that begins a quarter of its length
// before the read: directories often follow their values. A window never ends after the end of the object;
// a usual one that would is moved towards the start.
func nextWindow(last span, a windowRequest) (w span) {
	w.off = a.off
	ahead := int64(0)
	if last.end() == a.off {
		ahead = min(2*last.n, a.maxLen, a.left)
		if a.size >= 0 {
			ahead = min(ahead, a.size-a.off)
		}
	} else {
		w.off = max(0, a.off-a.usual/4)
	}
	w.n = max(a.usual, a.off-w.off+a.need, ahead)
	if a.size >= 0 && w.end() > a.size {
		w.off = max(0, min(w.off, a.size-w.n))
		w.n = a.size - w.off
	}
	return w
}

// nextSlot returns the slot for the next window: the oldest but the first. A window that read-ahead has grown
// is replaced by the one that continues it, so that there is memory for only one of them.
func nextSlot(last int, before, next span, usual int64) int {
	if last > 0 && next.off == before.end() && before.n > usual {
		return last
	}
	return 1 + last%(keptWindows-1)
}

// buffers is the pool of window buffers. A sub-request takes one when the first byte of a body arrives, so
// that requests waiting for a slow upstream hold none.
var buffers sync.Pool // of *[]byte

// maxPooledBuffer is the largest capacity for which a buffer is pooled: four windows of the default size.
const maxPooledBuffer = 256 << 10

// newBuffer returns an empty buffer with room for n bytes.
func newBuffer(n int) []byte {
	if b, ok := buffers.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, n)
}

// releaseBuffer returns a buffer to the pool, unless it is unusually large. The caller must not use it
// afterwards.
func releaseBuffer(b []byte) {
	if 0 < cap(b) && cap(b) <= maxPooledBuffer {
		buffers.Put(&b)
	}
}
