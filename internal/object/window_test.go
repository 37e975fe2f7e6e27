package object

import "testing"

func TestNextWindow(t *testing.T) {
	const k = 1 << 10
	for _, tc := range []struct {
		name                          string
		last, off, need, size, length int64
		start, n                      int64
	}{
		{"goes on where the last ended", 64 * k, 64 * k, 10, 1000 * k, 64 * k, 64 * k, 64 * k},
		{"goes on, and needs more than a window", 64 * k, 64 * k, 100 * k, 1000 * k, 64 * k, 64 * k, 100 * k},
		{"elsewhere: a quarter in front", 64 * k, 200 * k, 10, 1000 * k, 64 * k, 184 * k, 64 * k},
		{"elsewhere, and needs nearly a window", 64 * k, 200 * k, 60 * k, 1000 * k, 64 * k, 184 * k, 76 * k},
		{"just behind the last isn't where it ended", 64 * k, 64*k + 1, 10, 1000 * k, 64 * k, 48*k + 1, 64 * k},
		{"before the start", 64 * k, 1 * k, 10, 1000 * k, 64 * k, 0, 64 * k},
		{"size unknown", 64 * k, 64 * k, 10, -1, 64 * k, 64 * k, 64 * k},
		{"size unknown, elsewhere", 64 * k, 1000 * k, 10, -1, 64 * k, 984 * k, 64 * k},
		{"moved forward from the end", 64 * k, 990 * k, 10, 1000 * k, 64 * k, 936 * k, 64 * k},
		{"goes on to the end: moved forward, too", 980 * k, 980 * k, 10, 1000 * k, 64 * k, 936 * k, 64 * k},
		{"ends with the object exactly", 936 * k, 936 * k, 64 * k, 1000 * k, 64 * k, 936 * k, 64 * k},
		{"larger than the object", 1 * k, 2 * k, 10, 10 * k, 64 * k, 0, 10 * k},
		{"needs beyond the end", 64 * k, 990 * k, 100 * k, 1000 * k, 64 * k, 884 * k, 116 * k},
		{"far beyond the largest window", 4 * k, 3 << 30, 1, 10 << 30, 4 * k, 3<<30 - k, 4 * k},
	} {
		start, n := nextWindow(tc.last, tc.off, tc.need, tc.size, tc.length)
		if start != tc.start || n != tc.n {
			t.Errorf("%s: got %d, %d; want %d, %d", tc.name, start, n, tc.start, tc.n)
		}
		if tc.size < 0 || tc.off < tc.size {
			if start > tc.off || start+n < min(tc.off+tc.need, max(tc.size, 0)) || n <= 0 {
				t.Errorf("%s: %d, %d doesn't hold what is needed", tc.name, start, n)
			}
		}
	}
}

func TestReleasedBuffers(t *testing.T) {
	for range 100 { // a pool may drop things
		releaseBuffer(make([]byte, 5, usualBuffer+1))
		releaseBuffer(nil)
		b := newBuffer(usualBuffer)
		if len(b) != 0 || cap(b) < usualBuffer {
			t.Fatalf("got a buffer of %d, %d", len(b), cap(b))
		}
		if cap(b) > usualBuffer {
			t.Fatal("an unusually large buffer was pooled")
		}
		releaseBuffer(make([]byte, 5, 10))
	}
}
