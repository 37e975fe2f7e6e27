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
				var last int
				rest := full
				total := 0
				z := zlibStream{more: func() []byte {
					total += last
					k := min(piece, len(rest))
					p := rest[:k]
					rest = rest[k:]
					last = k
					return p
				}}
				used, ok := z.skip()
				if !ok || total+used != b.Len() {
					t.Fatalf("level %d n %d piece %d: %v %d want %d", level, n, piece, ok, total+used, b.Len())
				}
			}
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
		if _, ok := z.skip(); !ok {
			b.Fatal()
		}
	}
}
