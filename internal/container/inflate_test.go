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
	const limit = 1 << 17
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
	return all
}

func TestInflate(t *testing.T) {
	for _, stream := range inflateStreams() {
		checkInflate(t, stream)
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
