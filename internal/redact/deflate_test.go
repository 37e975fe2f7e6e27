package redact

import (
	"bytes"
	"compress/zlib"
	"math/rand/v2"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
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
				if end, ok := zlibEnd(full, piece, int64(n)); !ok || end != b.Len() {
					t.Fatalf("level %d n %d piece %d: %v %d want %d", level, n, piece, ok, end, b.Len())
				}
			}
		}
	}
}

// zlibEnd returns where the stream at the beginning of b ends, or breaks, read in pieces.
func zlibEnd(b []byte, piece int, size int64) (end int, ok bool) {
	last := 0
	z := zlibStream{size: size, more: func() []byte {
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
			want, ok := zlibEnd(data, len(data), 0)
			for _, piece := range []int{1, 2, 3, 13, 64} {
				if end, again := zlibEnd(data, piece, 0); end != want || again != ok {
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

// TestZlibOfMoreThanThePicture: a stream with more data than a picture has room for ends where that begins, within a symbol,
// whatever pieces it comes in.
func TestZlibOfMoreThanThePicture(t *testing.T) {
	const n = 3000
	for _, level := range []int{-2, 0, 1, 9} {
		var b bytes.Buffer
		w, _ := zlib.NewWriterLevel(&b, level)
		w.Write(compressible(n))
		w.Flush()
		end := b.Len()
		w.Write(compressible(n))
		w.Close()
		for _, piece := range []int{1, 2, 3, 13, 64, 1 << 20} {
			if got, ok := zlibEnd(b.Bytes(), piece, n); !ok || got < end || got > end+200 || level == 0 && got > end+5 {
				t.Errorf("level %d, piece %d: got %d (%v), want a little more than %d", level, piece, got, ok, end)
			}
			if got, ok := zlibEnd(b.Bytes(), piece, 2*n); !ok || got != b.Len() {
				t.Errorf("level %d, piece %d: got %d (%v), want %d", level, piece, got, ok, b.Len())
			}
			want, _ := zlibEnd(b.Bytes(), b.Len(), n+100)
			if got, ok := zlibEnd(b.Bytes(), piece, n+100); !ok || got != want {
				t.Errorf("level %d, piece %d: got %d (%v), want %d", level, piece, got, ok, want)
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
		if !z.skip() {
			b.Fatal()
		}
	}
}

// TestPixelsThatThePictureHasNoRoomFor checks data after the last pixel of a PNG and of a frame of an APNG, which decoders ignore.
func TestPixelsThatThePictureHasNoRoomFor(t *testing.T) {
	stored := func(b []byte) []byte {
		var out bytes.Buffer
		w, _ := zlib.NewWriterLevel(&out, zlib.NoCompression)
		w.Write(b)
		w.Close()
		return out.Bytes()
	}
	header := func(interlaced int) []byte {
		return testimage.PNGChunk("IHDR", cat(u32(5), u32(3), 4, 3, 0, 0, interlaced))
	}
	control := func(n, width, height int) []byte {
		return testimage.PNGChunk("fcTL", cat(u32(n), u32(width), u32(height), u32(0), u32(0), make([]byte, 6)))
	}
	plte, end := testimage.PNGChunk("PLTE", make([]byte, 48)), testimage.PNGChunk("IEND", nil)
	picture := func(typ string, before []byte, n int) []byte {
		return testimage.PNGChunk(typ, cat(before, stored(cat(bytes.Repeat([]byte{1}, n), slack))))
	}
	const rows, passes = 3 * (1 + 3), 2 + 2 + 2 + 3 + 2*2 + 4
	frames := cat(testimage.PNGChunk("acTL", cat(u32(2), u32(0))), control(0, 5, 3))
	for name, b := range map[string][]byte{
		"rows":       cat(header(0), plte, picture("IDAT", nil, rows), end),
		"interlaced": cat(header(1), plte, picture("IDAT", nil, passes), end),
		"a frame":    cat(header(0), frames, plte, picture("IDAT", nil, rows), control(1, 2, 2), picture("fdAT", u32(2), 2*2), end),
	} {
		got := redact(t, cat("\x89PNG\r\n\x1A\n", b), &Policy{}, 0)
		if bytes.Contains(got, []byte(slack[:6])) || bytes.Count(got, []byte{1, 1, 1, 1}) == 0 || !bytes.HasSuffix(got, end) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
