package redact

import (
	"bytes"
	"compress/zlib"
	"math/rand/v2"
	"testing"
)

// compressible returns n bytes of which some repeat.
func compressible(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		if i%7 < 3 {
			data[i] = byte(rand.IntN(256))
		} else if i > 100 {
			data[i] = data[i-rand.IntN(90)]
		}
	}
	return data
}

func TestZlibEnd(t *testing.T) {
	for level := -2; level <= 9; level++ {
		for _, n := range []int{0, 1, 10, 1000, 100000, 1000000} {
			data := compressible(n)
			var b bytes.Buffer
			w, _ := zlib.NewWriterLevel(&b, level)
			w.Write(data)
			w.Close()
			for _, piece := range []int{1, 3, 1000, 1 << 20} {
				full := append(bytes.Clone(b.Bytes()), "trailing data here"...)
				if end, ok := zlibEnd(full, piece); !ok || end != b.Len() {
					t.Fatalf("level %d n %d piece %d: %v %d want %d", level, n, piece, ok, end, b.Len())
				}
			}
		}
	}
}

// zlibEnd returns where the stream at the beginning of b ends, or breaks, read in pieces.
func zlibEnd(b []byte, piece int) (end int, ok bool) {
	last := 0
	z := zlibStream{more: func() []byte {
		end += last
		last = min(piece, len(b)-end)
		return b[end : end+last]
	}}
	ok = z.skip()
	return end + z.used(), ok
}

// TestBrokenZlib: where a stream breaks doesn't depend on the pieces that it comes in.
func TestBrokenZlib(t *testing.T) {
	for _, level := range []int{-2, 0, 1, 9} {
		var b bytes.Buffer
		w, _ := zlib.NewWriterLevel(&b, level)
		w.Write(compressible(3000))
		w.Close()
		broken := 0
		for at := range b.Len() {
			data := bytes.Clone(b.Bytes())
			data[at] ^= 0xFF
			want, ok := zlibEnd(data, len(data))
			for _, piece := range []int{1, 2, 3, 13, 64} {
				if end, again := zlibEnd(data, piece); end != want || again != ok {
					t.Fatalf("level %d, byte %d, piece %d: %d (%v), want %d (%v)", level, at, piece, end, again, want, ok)
				}
			}
			if !ok {
				broken++
			}
		}
		if broken < 5 {
			t.Errorf("level %d: %d broken streams", level, broken)
		}
	}
}

func BenchmarkZlibEnd(b *testing.B) {
	data := compressible(4 << 20)
	var o bytes.Buffer
	w, _ := zlib.NewWriterLevel(&o, 6)
	w.Write(data)
	w.Close()
	b.SetBytes(int64(o.Len()))
	for b.Loop() {
		done := false
		z := zlibStream{more: func() []byte {
			if done {
				return nil
			}
			done = true
			return o.Bytes()
		}}
		if !z.skip() {
			b.Fatal()
		}
	}
}
