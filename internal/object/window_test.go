package object

import "testing"

func TestNextWindow(t *testing.T) {
	const k, all = 1 << 10, 1 << 40
	at := func(off, n int64) span { return span{off * k, n * k} }
	for _, tc := range []struct {
		name string
		last span
		ask  windowRequest
		want span
	}{
		{"goes on where the last ended", at(0, 64), windowRequest{64 * k, 10, 1000 * k, all, 64 * k, 64 * k}, at(64, 64)},
		{"goes on, and needs more than a window", at(0, 64), windowRequest{64 * k, 100 * k, 1000 * k, all, 64 * k, 64 * k}, at(64, 100)},
		{"elsewhere: a quarter in front", at(0, 64), windowRequest{200 * k, 10, 1000 * k, all, 64 * k, 1024 * k}, at(184, 64)},
		{"elsewhere, and needs nearly a window", at(0, 64), windowRequest{200 * k, 60 * k, 1000 * k, all, 64 * k, 1024 * k}, at(184, 76)},
		{"just after the last isn't where it ended", at(0, 64), windowRequest{64*k + 1, 10, 1000 * k, all, 64 * k, 1024 * k}, span{48*k + 1, 64 * k}},
		{"before the start", at(0, 64), windowRequest{1 * k, 10, 1000 * k, all, 64 * k, 1024 * k}, at(0, 64)},
		{"size unknown", at(0, 64), windowRequest{64 * k, 10, -1, all, 64 * k, 64 * k}, at(64, 64)},
		{"size unknown, elsewhere", at(0, 64), windowRequest{1000 * k, 10, -1, all, 64 * k, 1024 * k}, at(984, 64)},
		{"moved forward from the end", at(0, 64), windowRequest{990 * k, 10, 1000 * k, all, 64 * k, 1024 * k}, at(936, 64)},
		{"goes on to the end: moved forward, too", at(916, 64), windowRequest{980 * k, 10, 1000 * k, all, 64 * k, 1024 * k}, at(936, 64)},
		{"ends with the object exactly", at(872, 64), windowRequest{936 * k, 64 * k, 1000 * k, all, 64 * k, 1024 * k}, at(936, 64)},
		{"larger than the object", at(0, 1), windowRequest{2 * k, 10, 10 * k, all, 64 * k, 1024 * k}, at(0, 10)},
		{"needs beyond the end", at(0, 64), windowRequest{990 * k, 100 * k, 1000 * k, all, 64 * k, 1024 * k}, at(884, 116)},
		{"far beyond the largest window", at(0, 4), windowRequest{3 << 30, 1, 10 << 30, all, 4 * k, 1024 * k}, span{3<<30 - k, 4 * k}},

		{"read-ahead doubles", at(0, 64), windowRequest{64 * k, 10, 9000 * k, all, 64 * k, 1024 * k}, at(64, 128)},
		{"and doubles", at(64, 128), windowRequest{192 * k, 10, 9000 * k, all, 64 * k, 1024 * k}, at(192, 256)},
		{"and doubles again", at(192, 256), windowRequest{448 * k, 10, 9000 * k, all, 64 * k, 1024 * k}, at(448, 512)},
		{"up to 1 MiB", at(448, 512), windowRequest{960 * k, 10, 9000 * k, all, 64 * k, 1024 * k}, at(960, 1024)},
		{"and no more", at(960, 1024), windowRequest{1984 * k, 10, 9000 * k, all, 64 * k, 1024 * k}, at(1984, 1024)},
		{"unless more is needed", at(960, 1024), windowRequest{1984 * k, 2000 * k, 9000 * k, all, 64 * k, 1024 * k}, at(1984, 2000)},
		{"after a peek, a window", at(60, 4), windowRequest{64 * k, 10, 9000 * k, all, 64 * k, 1024 * k}, at(64, 64)},
		{"a peek stays one", at(0, 64), windowRequest{64 * k, 10, 9000 * k, all, 4 * k, 4 * k}, at(64, 4)},
		{"ends with the object, and asks for nothing again", at(448, 512), windowRequest{960 * k, 10, 1200 * k, all, 64 * k, 1024 * k}, at(960, 240)},
		{"asks for no more than may be read", at(448, 512), windowRequest{960 * k, 10, 9000 * k, 100 * k, 64 * k, 1024 * k}, at(960, 100)},
		{"but for a window, which is refused", at(448, 512), windowRequest{960 * k, 10, 9000 * k, 10 * k, 64 * k, 1024 * k}, at(960, 64)},
		{"a jump ends it", at(448, 512), windowRequest{961 * k, 10, 9000 * k, all, 64 * k, 1024 * k}, at(945, 64)},
		{"size unknown, read-ahead", at(448, 512), windowRequest{960 * k, 10, -1, all, 64 * k, 1024 * k}, at(960, 1024)},
		{"a window larger than read-ahead", at(0, 4096), windowRequest{4096 * k, 10, -1, all, 4096 * k, 4096 * k}, at(4096, 4096)},

		{"of an empty object", span{}, windowRequest{0, 1, 0, all, 100, 100}, span{}},
		{"of a byte", span{}, windowRequest{0, 1, 1, all, 100, 100}, span{0, 1}},
		{"ends exactly", span{0, 100}, windowRequest{100, 1, 200, all, 100, 100}, span{100, 100}},
		{"ends a byte before", span{0, 100}, windowRequest{100, 1, 199, all, 100, 100}, span{99, 100}},
		{"a byte nearer than a quarter", span{0, 100}, windowRequest{24, 1, -1, all, 100, 100}, span{0, 100}},
		{"a byte farther", span{0, 100}, windowRequest{26, 1, -1, all, 100, 100}, span{1, 100}},
		{"needs the rest of a window", span{0, 100}, windowRequest{200, 75, -1, all, 100, 100}, span{175, 100}},
		{"needs a byte more", span{0, 100}, windowRequest{200, 76, -1, all, 100, 100}, span{175, 101}},
	} {
		got := nextWindow(tc.last, tc.ask)
		if got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.want)
		}
		if a := tc.ask; a.size < 0 || a.off < a.size {
			if got.off > a.off || got.end() < min(a.off+a.need, max(a.size, 0)) || got.n <= 0 {
				t.Errorf("%s: %d doesn't hold what is needed", tc.name, got)
			}
		}
	}
}

// TestNextSlot checks that two windows take turns, but read-ahead stays in one.
func TestNextSlot(t *testing.T) {
	for _, tc := range []struct {
		name         string
		last         int
		before, next span
		want         int
	}{
		{"after the first", 0, span{0, 100}, span{100, 200}, 1},
		{"a jump", 1, span{0, 100}, span{500, 100}, 2},
		{"a jump back", 2, span{500, 100}, span{0, 100}, 1},
		{"goes on from a usual window", 1, span{0, 100}, span{100, 200}, 2},
		{"goes on from a long one", 1, span{0, 200}, span{200, 400}, 1},
		{"goes on from a long one in the other", 2, span{0, 200}, span{200, 400}, 2},
		{"a jump from a long one", 1, span{0, 200}, span{500, 100}, 2},
		{"the first is kept, however long", 0, span{0, 200}, span{200, 400}, 1},
	} {
		if got := nextSlot(tc.last, tc.before, tc.next, 100); got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.want)
		}
	}
}

func TestReleasedBuffers(t *testing.T) {
	for range 100 { // a pool may drop items
		releaseBuffer(make([]byte, 5, maxPooledBuffer+1))
		releaseBuffer(nil)
		b := newBuffer(maxPooledBuffer)
		if len(b) != 0 || cap(b) < maxPooledBuffer {
			t.Fatalf("got a buffer of %d, %d", len(b), cap(b))
		}
		if cap(b) > maxPooledBuffer {
			t.Fatal("an unusually large buffer was pooled")
		}
		releaseBuffer(make([]byte, 5, 10))
	}
}
