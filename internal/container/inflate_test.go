package container

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testgate"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// checkInflate compares unzlib with compress/zlib: both return the same bytes, up to the first error of a
// stream. compress/flate may miss the last symbol of a truncated stream, since it needs more bits at once.
func checkInflate(t *testing.T, stream []byte) {
	t.Helper()
	const limit = 1 << 18
	var want []byte
	z, err := zlib.NewReader(bytes.NewReader(stream))
	if err == nil {
		want, err = io.ReadAll(io.LimitReader(z, limit))
	}
	if len(stream) > 1 && stream[1]&0x20 != 0 {
		want = nil // it needs a dictionary; zlib uses an empty one
	}
	got := unzlib(bytes.NewReader(stream), limit)
	if errors.Is(err, io.ErrUnexpectedEOF) && bytes.HasPrefix(got, want) && len(got) <= len(want)+258 {
		return
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes %.50q, want %d %.50q", len(got), got, len(want), want)
	}
}

// inflateStreams are valid streams with all kinds of blocks.
func inflateStreams() (all [][]byte) {
	rnd := rand.New(rand.NewPCG(7, 7))
	noise := make([]byte, 40000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for _, text := range [][]byte{
		nil, []byte("a"), bytes.Repeat([]byte("ab"), 40000), noise, testimage.RawProfile("exif", noise),
		bytes.Repeat(noise[:20000], 3), []byte("fixed codes, fixed codes: short texts have them"),
		[]byte("déjà vu, où ça?"),
	} {
		for level := zlib.HuffmanOnly; level <= zlib.BestCompression; level++ {
			var buf bytes.Buffer
			w, _ := zlib.NewWriterLevel(&buf, level)
			for part := range bytes.SplitAfterSeq(text, []byte{0}) {
				w.Write(part)
			}
			w.Flush()
			w.Close()
			all = append(all, buf.Bytes())
		}
	}
	return append(all, fixedStreams()...)
}

// deflateBits is a stream of blocks, written bit by bit.
type deflateBits struct {
	b []byte
	n int // bits
}

// put writes the lowest n bits of v, as numbers are stored.
func (d *deflateBits) put(v, n int) {
	for k := range n {
		if d.n%8 == 0 {
			d.b = append(d.b, 0)
		}
		d.b[d.n/8] |= byte(v>>k&1) << (d.n % 8)
		d.n++
	}
}

// code writes the lowest n bits of v, the highest of them first, as codes are stored.
func (d *deflateBits) code(v, n int) {
	for k := n - 1; k >= 0; k-- {
		d.put(v>>k, 1)
	}
}

// literal writes a symbol of the fixed codes from the end of a block on.
func (d *deflateBits) literal(symbol int) {
	if symbol < 280 {
		d.code(symbol-256, 7)
	} else {
		d.code(0xC0+symbol-280, 8)
	}
}

// fixedStreams are streams with every symbol of lengths and distances, each with the least and the most in its extra bits, and
// with every length of a code. They end with symbols that don't exist, after those that do.
func fixedStreams() (all [][]byte) {
	rnd := rand.New(rand.NewPCG(9, 9))
	window := make([]byte, 1<<15)
	for i := range window {
		window[i] = byte(rnd.Uint32())
	}
	lengthExtra := func(s int) int {
		if s < 265 || s == 285 {
			return 0
		}
		return (s - 261) / 4
	}
	distanceExtra := func(s int) int { return max(0, s/2-1) }
	stored := append([]byte("\x78\x01\x00\x00\x80\xFF\x7F"), window...)
	for _, last := range [][2]int{{256, 0}, {286, 0}, {287, 0}, {257, 30}, {285, 31}} {
		d := deflateBits{b: bytes.Clone(stored), n: 8 * len(stored)}
		d.put(1|1<<1, 3)
		for length := 257; length <= 285; length++ {
			for distance := 29; distance >= 0; distance-- { // the least last: it leaves one byte, repeated
				for _, most := range []int{0, -1} {
					d.literal(length)
					d.put(most, lengthExtra(length))
					d.code(distance, 5)
					d.put(most, distanceExtra(distance))
				}
			}
		}
		d.literal(last[0])
		d.code(last[1], 5)
		d.put(0, 40)
		all = append(all, d.b)
	}
	// codes of 1 to 15 bits, whose lengths have codes of 4 bits
	d := deflateBits{b: []byte("\x78\x01"), n: 16}
	d.put(1|2<<1|0<<3|0<<8|15<<13, 17)
	for _, length := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15} {
		if length > 15 {
			d.put(0, 3)
		} else {
			d.put(4, 3)
		}
	}
	for symbol := range 257 {
		switch {
		case symbol == 256:
			d.code(15, 4)
		case symbol%17 == 0 && symbol/17 < 15:
			d.code(symbol/17+1, 4)
		default:
			d.code(0, 4)
		}
	}
	d.code(1, 4) // the one distance
	for n := 1; n <= 15; n++ {
		d.code(1<<n-2, n)
	}
	d.code(1<<15-1, 15)
	return append(all, append(d.b, make([]byte, 8)...))
}

func TestInflate(t *testing.T) {
	for _, stream := range inflateStreams() {
		checkInflate(t, stream)
	}
	if got := unzlib(bytes.NewReader(fixedStreams()[0]), 1<<20); len(got) < 1<<17 || len(got) >= 1<<18 {
		t.Errorf("the stream of all symbols has %d bytes", len(got))
	}
	checkInflate(t, testimage.DeflateTables(1000))
	// a stream that needs a dictionary, whose number would be a stored block
	checkInflate(t, []byte("\x78\x20\x01\x01\x00\xFE\xFFa"))
	// dynamic blocks with more codes than there are symbols: 288 literals and 32 distances, 287 and 1, 257 and 31
	for _, codes := range []uint32{31 | 31<<5, 30 | 0<<5, 0 | 30<<5} {
		checkInflate(t, binary.LittleEndian.AppendUint32([]byte("\x78\x01"), 1|2<<1|codes<<3|15<<13|0x2AAA<<17))
		checkInflate(t, append(binary.LittleEndian.AppendUint32([]byte("\x78\x01"), 1|2<<1|codes<<3|15<<13), make([]byte, 400)...))
	}
}

func TestInflateDamaged(t *testing.T) {
	testgate.Slow(t)
	rnd := rand.New(rand.NewPCG(8, 8))
	for _, stream := range inflateStreams() {
		for range 50 {
			b := bytes.Clone(stream[:rnd.IntN(len(stream)+1)])
			if len(b) > 2 && rnd.IntN(2) == 0 {
				b[rnd.IntN(min(len(b), 200))] ^= 1 << rnd.IntN(8)
			}
			checkInflate(t, b)
		}
	}
}

func FuzzInflate(f *testing.F) {
	for _, stream := range inflateStreams() {
		if len(stream) < 1000 {
			f.Add(stream)
		}
	}
	f.Add(testimage.DeflateTables(100))
	f.Fuzz(func(t *testing.T, stream []byte) {
		checkInflate(t, stream)
		checkInflate(t, append([]byte{0x78, 0x01}, stream...))
	})
}
