package exif

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// sizeless hides the length of a file.
type sizeless struct{ io.ReaderAt }

// layout of the pictures of TestLargePNG
type pngLayout struct {
	name string
	testimage.Repeated
	// unsteady is true if the IDATs differ in length, so that findPNG walks all of them if it doesn't know
	// the size
	unsteady bool
}

func pngLayouts() []pngLayout {
	rnd := rand.New(rand.NewPCG(7, 12))
	unequal := func(n, most int) []byte {
		sizes := make([]int, n)
		for i := range sizes {
			sizes[i] = 1 + rnd.IntN(most)
		}
		return testimage.IDATs(sizes...)
	}
	row := func(idat int, times int64, last int) testimage.Repeated {
		return testimage.Repeated{Start: testimage.PNGHead(), Piece: testimage.IDATs(idat), Times: times, End: testimage.IDATs(last)}
	}
	fdat := func(n int) []byte {
		return append(testimage.PNGChunk("fcTL", make([]byte, 26)), testimage.PNGChunk("fdAT", make([]byte, n))...)
	}
	return []pngLayout{
		{name: "0.1 MB of 8 KiB", Repeated: row(8192, 12, 100)},
		{name: "40 MB of 8 KiB", Repeated: row(8192, 5000, 100)},
		{name: "40 MB of 8 KiB, the last full", Repeated: row(8192, 5000, 8192)},
		{name: "400 MB of 8 KiB", Repeated: row(8192, 50000, 8000)},
		{name: "40 MB of 32 KiB", Repeated: row(32768, 1250, 32767)},
		{name: "40 MB of 64 KiB", Repeated: row(65536, 640, 65000)},
		{name: "40 MB of 64 KiB, the last full", Repeated: row(65536, 640, 65536)},
		{name: "40 MB of 1 MB", Repeated: row(1<<20, 40, 1e6)},
		{name: "100,000 of 100 bytes", Repeated: row(100, 100000, 50)},
		{name: "one of 40 MB", Repeated: row(40<<20, 1, 0)},
		{name: "40 MB, unequal", Repeated: testimage.Repeated{Start: testimage.PNGHead(), Piece: unequal(100, 16000), Times: 50}, unsteady: true},
		{name: "40 MB, unequal and long", Repeated: testimage.Repeated{Start: testimage.PNGHead(), Piece: unequal(20, 250000), Times: 16}, unsteady: true},
		{
			name: "40 MB of frames", Repeated: testimage.Repeated{Start: append(testimage.PNGHead(testimage.PNGChunk("acTL", make([]byte, 8))),
				testimage.IDATs(8192, 100)...), Piece: fdat(100000), Times: 400, End: fdat(50000)}, unsteady: true,
		},
		{name: "1 KB and 40 MB", Repeated: testimage.Repeated{Start: append(testimage.PNGHead(), testimage.IDATs(1000)...), Piece: testimage.IDATs(40 << 20), Times: 1}, unsteady: true},
	}
}

// TestLargePNG: findPNG finds EXIF after a picture of any size, and its absence.
func TestLargePNG(t *testing.T) {
	b := tagsOf(false)
	block := b.Encode()
	long := tagsOf(true)
	long.Exif = slices.Clone(long.Exif)
	long.Exif[4] = testimage.Undefined(0x927C, bytes.Repeat([]byte{7}, 150000))
	eXIf := testimage.PNGChunk("eXIf", block)
	iend := testimage.PNGChunk("IEND", nil)
	xmp := func(n int) []byte { return testimage.ITXT("XML:com.adobe.xmp", make([]byte, n), false) }
	profile := testimage.ZTXT("Raw profile type exif", testimage.RawProfile("exif", block))
	damaged := testimage.TEXT("Comment", []byte("damaged"))
	damaged[len(damaged)-1]++
	junk := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i * i >> 3)
		}
		return b
	}
	for _, l := range pngLayouts() {
		for _, behind := range []struct {
			name   string
			chunks []byte
			want   string
			steady bool // only if the IDATs are equal
		}{
			{"nothing", iend, "{}", false},
			{"eXIf", slices.Concat(eXIf, iend), wantTags, false},
			{"a profile", slices.Concat(profile, iend), wantTags, false},
			{"eXIf behind XMP", slices.Concat(xmp(5000), eXIf, iend), wantTags, false},
			{"eXIf in front of XMP", slices.Concat(eXIf, xmp(100000), iend), wantTags, false},
			{"eXIf of 150 KB", slices.Concat(testimage.PNGChunk("eXIf", long.Encode()), iend), wantTags, false},
			{"eXIf behind a broken one", slices.Concat(testimage.PNGChunk("eXIf", nil), eXIf, iend), wantTags, false},
			{"eXIf in front of a damaged chunk", slices.Concat(eXIf, damaged, iend), wantTags, true},
			{"bytes after IEND", slices.Concat(eXIf, iend, junk(1000)), wantTags, false},
			{"many bytes after IEND", slices.Concat(eXIf, iend, junk(3<<20)), wantTags, true},
			{"eXIf after IEND", slices.Concat(iend, eXIf), "{}", false},
			{"no IEND", eXIf, wantTags, true},
			{"cut off", nil, "{}", true},
			{"cut off within a chunk", eXIf[:20], "the EXIF is broken", true},
		} {
			t.Run(l.name+"/"+behind.name, func(t *testing.T) {
				f := l.Repeated
				f.End = append(f.End[:len(f.End):len(f.End)], behind.chunks...)
				if l.unsteady && behind.steady || behind.name == "eXIf in front of a damaged chunk" && l.name == "100,000 of 100 bytes" {
					t.Skip("the chunks are walked")
				}
				for _, r := range []io.ReaderAt{&f, sizeless{&f}} {
					if _, sized := r.(*testimage.Repeated); !sized && l.name == "40 MB of frames" {
						continue
					}
					m, err := Decode(r, &Options{})
					got := fmt.Sprint(err)
					if err == nil {
						got = jsonOf(t, m, &Options{})
					}
					if got != behind.want && (got[0] == '{' || !bytes.Contains([]byte(got), []byte(behind.want))) {
						t.Errorf("%T: got %s, want %s", r, got, behind.want)
					}
				}
			})
		}
	}
}

// TestFakeChunkInPicture: a picture whose bytes contain an eXIf chunk with its checksum has no EXIF.
func TestFakeChunkInPicture(t *testing.T) {
	fake := testimage.PNGChunk("eXIf", other())
	iend := testimage.PNGChunk("IEND", nil)
	for name, data := range map[string][]byte{
		"at the end":        slices.Concat(make([]byte, 5000), fake),
		"in the middle":     slices.Concat(make([]byte, 5000), fake, make([]byte, 5000)),
		"with an IEND":      slices.Concat(make([]byte, 5000), fake, iend, make([]byte, 500)),
		"with a tail":       slices.Concat(make([]byte, 5000), fake, iend),
		"behind fake IDATs": slices.Concat(testimage.IDATs(100, 100), fake, testimage.IDATs(100)),
	} {
		t.Run(name, func(t *testing.T) {
			f := testimage.LargePNG(3<<20, 8192)
			f.End = slices.Concat(testimage.PNGChunk("IDAT", data), iend)
			if got := decodeReaderToJSON(f); got != "{}" {
				t.Errorf("got %s, want {}", got)
			}
		})
	}
	cover := append(binary.BigEndian.AppendUint32(nil, 100), "prVt"...) // a chunk up to the IDAT's checksum
	picture := func(x uint32) []byte {
		return slices.Concat(binary.BigEndian.AppendUint32(make([]byte, 5000), x), testimage.IDATs(10), fake, cover, make([]byte, 100))
	}
	t.Run("of the wrong checksum", func(t *testing.T) {
		f := testimage.LargePNG(3<<20, 8192)
		f.End = slices.Concat(testimage.PNGChunk("IDAT", picture(0)), iend)
		if got := decodeReaderToJSON(f); got != "{}" {
			t.Errorf("got %s, want {}", got)
		}
	})
	// A fake chunk that leads to the picture's end, and has the checksum there, is indistinguishable from a
	// real one: Decode returns its EXIF.
	t.Run("of the right checksum", func(t *testing.T) {
		// both checksums are equal if the bytes before the type leave the checksum's state unchanged
		x := zeroOf(func(x uint32) uint32 {
			b := picture(x)
			return crc32.ChecksumIEEE(append([]byte("IDAT"), b[:len(b)-104]...))
		})
		f := testimage.LargePNG(3<<20, 8192)
		f.End = slices.Concat(testimage.PNGChunk("IDAT", picture(x)), iend)
		if got := decodeReaderToJSON(f); got != `{"Make":"Other"}` {
			t.Errorf("got %s, want the EXIF that was built", got)
		}
	})
}

// zeroOf returns the x for which f is 0. f must be affine like checksums: an exclusive or of the
// contributions of x's bits.
func zeroOf(f func(x uint32) uint32) (x uint32) {
	rest := f(0)
	type row struct{ makes, of uint32 }
	var rows []row
	for i := range 32 {
		r := row{f(1<<i) ^ f(0), 1 << i}
		for _, o := range rows {
			if r.makes^o.makes < r.makes {
				r = row{r.makes ^ o.makes, r.of ^ o.of}
			}
		}
		rows = append(rows, r)
		slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(b.makes, a.makes) })
	}
	for _, r := range rows {
		if rest^r.makes < rest {
			rest, x = rest^r.makes, x^r.of
		}
	}
	return x
}

func decodeReaderToJSON(r io.ReaderAt) string {
	m, err := Decode(r, &Options{})
	if err != nil {
		return err.Error()
	}
	b, err := m.AppendJSON(nil, &Options{})
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestReaderErrorsOfLargeFiles: the error of any failed read of the search from the end is returned.
func TestReaderErrorsOfLargeFiles(t *testing.T) {
	b := tagsOf(false)
	block := b.Encode()
	webp := &testimage.Repeated{Start: testimage.WebP(testimage.VP8X(10)), Piece: testimage.RIFFChunk("ANMF", make([]byte, 50001)), Times: 20, End: testimage.RIFFChunk("EXIF", block)}
	m := testimage.PNG(testimage.Gradient(1, 1), nil, nil)
	i, end := bytes.Index(m, []byte("IDAT"))-4, bytes.Index(m, []byte("IEND"))-4
	png := &testimage.Repeated{Start: m[:i], Piece: testimage.PNGChunk("IDAT", make([]byte, 8192)), Times: 100, End: append(testimage.PNGChunk("eXIf", block), m[end:]...)}
	for name, file := range map[string]io.ReaderAt{"WebP": webp, "PNG": png} {
		for reads := 0; ; reads++ {
			r := &failing{file, reads}
			m, err := Decode(r, &Options{})
			if r.left >= 0 {
				if err != nil || m.Len() == 0 || reads < 3 {
					t.Errorf("%s: got error %v, %d tags, after %d reads", name, err, m.Len(), reads)
				}
				break
			}
			if !errors.Is(err, errFailing) {
				t.Fatalf("%s: read %d failed: got error %v", name, reads, err)
			}
		}
	}
}

// TestLargeAnimation: findWebP finds EXIF after any number of frames.
func TestLargeAnimation(t *testing.T) {
	b := tagsOf(false)
	exif := testimage.RIFFChunk("EXIF", b.Encode())
	xmp := testimage.RIFFChunk("XMP ", make([]byte, 30001))
	for name, frame := range map[string]int{"of 50 KB": 50001, "of 300 KB": 300000} {
		for behind, tc := range map[string]struct {
			flags  byte
			chunks []byte
			want   string
		}{
			"nothing":                  {2, nil, "{}"},
			"XMP":                      {6, xmp, "{}"},
			"EXIF":                     {10, exif, wantTags},
			"EXIF not announced":       {2, exif, wantTags},
			"EXIF and XMP":             {14, slices.Concat(exif, xmp), wantTags},
			"EXIF and another":         {10, slices.Concat(exif, testimage.RIFFChunk("abcd", nil)), wantTags},
			"EXIF announced, no chunk": {10, nil, "{}"},
		} {
			for size, right := range map[string]bool{"size right": true, "size wrong": false} {
				t.Run(fmt.Sprintf("%s, %s, %s", name, behind, size), func(t *testing.T) {
					f := testimage.Repeated{
						Start: append(testimage.WebP(testimage.VP8X(tc.flags)), testimage.RIFFChunk("ANIM", make([]byte, 6))...),
						Piece: testimage.RIFFChunk("ANMF", make([]byte, frame)), Times: 300, End: tc.chunks,
					}
					if right {
						binary.LittleEndian.PutUint32(f.Start[4:], uint32(f.Size()-8))
					}
					for _, r := range []io.ReaderAt{&f, sizeless{&f}} {
						if got := decodeReaderToJSON(r); got != tc.want {
							t.Errorf("%T: got %s, want %s", r, got, tc.want)
						}
					}
				})
			}
		}
	}
}
