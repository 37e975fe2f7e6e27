package object

import "sync"

// window is a run of an object's bytes.
type window struct {
	off int64
	b   []byte
}

// run is where a window is.
type run struct{ off, n int64 }

func (r run) end() int64 { return r.off + r.n }

func (w *window) run() run { return run{w.off, int64(len(w.b))} }

func (w *window) end() int64 { return w.run().end() }

func (w *window) has(off int64) bool { return w.off <= off && off < w.end() }

// readAhead is the most that a sub-request asks for because the object is read sequentially. Eight of them
// are a large preview; more would be memory for little.
const readAhead = 1 << 20

// ask is what a window is needed for, and what bounds it. All are bytes.
type ask struct {
	off, need int64 // what is missing
	size      int64 // of the object, -1: not known
	left      int64 // how much may be read
	usual     int64 // how long a window is
	most      int64 // how long one may become by read-ahead
}

// nextWindow is the window to ask for, where the one before it is last.
//
// A read that goes on where the last window ended gets what follows, and twice as much of it as last time,
// since it is likely to go on: 64 KiB, 128, ... 1 MiB. Any other gets a usual window, of which a quarter is
// in front of it: directories often stand after their values. A window never goes beyond the end of the
// object; a usual one that would is moved forward.
func nextWindow(last run, a ask) (w run) {
	w.off = a.off
	ahead := int64(0)
	if last.end() == a.off {
		ahead = min(2*last.n, a.most, a.left)
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

// nextSlot is where the next window goes, in place of the oldest but the first. One that read-ahead has
// made long is replaced by what follows it: memory is for one of these, not for two.
func nextSlot(last int, before, next run, usual int64) int {
	if last > 0 && next.off == before.end() && before.n > usual {
		return last
	}
	return 1 + last%(keptWindows-1)
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
