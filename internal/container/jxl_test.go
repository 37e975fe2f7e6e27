package container

import "testing"

// TestBrotliOfLargeWindows: a stream may claim a window of more than 22 bits if its only meta-block is small.
func TestBrotliOfLargeWindows(t *testing.T) {
	const bits23, bits24, last, empty = 0b1101, 0b1111, 1 << 4, 1 << 5
	const nibbles4, nibbles5, nibbles6, none = 0, 1 << 6, 2 << 6, 3 << 6
	const length = 8 // where the number of bytes begins, less one
	for _, c := range []struct {
		name string
		bits uint64
		want bool
	}{
		{"16 bits", 0, true},
		{"10 to 15 bits", 0b0000001, true},
		{"22 bits", 0b1011, true},
		{"23 bits", bits23, false},
		{"24 bits and more blocks", bits24, false},
		{"24 bits and more small blocks", bits24 | nibbles5 | 100<<length, false},
		{"24 bits of nothing", bits24 | last | empty, true},
		{"24 bits of one byte", bits24 | last | nibbles4, true},
		{"24 bits, 4 nibbles", bits24 | last | nibbles4 | 0xFFFF<<length | 0xF<<(length+16), true},
		{"24 bits, 5 nibbles", bits24 | last | nibbles5 | (MaxBrotli-1)<<length, true},
		{"23 bits, 5 nibbles", bits23 | last | nibbles5 | MaxBrotli<<length, false},
		{"24 bits, 6 nibbles", bits24 | last | nibbles6 | (MaxBrotli-1)<<length, true},
		{"24 bits, too long", bits24 | last | nibbles6 | 1<<(length+20), false},
		{"24 bits of metadata", bits24 | last | none, false},
	} {
		if got := smallWindow(c.bits); got != c.want {
			t.Errorf("%s: got %t", c.name, got)
		}
	}
}

// TestUnbrotliIsBounded: longer streams aren't decompressed.
func TestUnbrotliIsBounded(t *testing.T) {
	for n, want := range map[int]bool{maxBrotliPacked: true, maxBrotliPacked + 1: false} {
		if _, ok := Unbrotli(make([]byte, n)); ok != want {
			t.Errorf("%d bytes: got %t", n, ok)
		}
	}
}
