package caddyexif

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

const (
	// maxLargeRequests and maxLargeRead bound the cost of a large file, with or without EXIF.
	maxLargeRequests = 16
	maxLargeRead     = 512 << 10
)

// largeFile is a file whose EXIF is far from its start.
type largeFile struct {
	name string
	file *testimage.Repeated
	tags bool // it has EXIF
}

func largeFiles() (all []largeFile) {
	full := testimage.Full()
	block := full.Encode()
	eXIf := testimage.PNGChunk("eXIf", block)
	iend := testimage.PNGChunk("IEND", nil)
	for _, kb := range []int64{100, 1000, 10_000, 40_000, 400_000} {
		name := fmt.Sprintf("PNG, %g MB", float64(kb)/1000)
		all = append(all,
			largeFile{name, testimage.LargePNG(kb*1000, 8192), false},
			largeFile{name, testimage.LargePNG(kb*1000, 8192, eXIf), true})
	}
	pair := func(name string, f testimage.Repeated, without, with []byte) {
		plain, tagged := f, f
		plain.End, tagged.End = slices.Concat(f.End, without), slices.Concat(f.End, with)
		all = append(all, largeFile{name, &plain, false}, largeFile{name, &tagged, true})
	}
	png := func(name string, f testimage.Repeated) { pair(name, f, iend, slices.Concat(eXIf, iend)) }
	rnd := rand.New(rand.NewPCG(12, 1))
	unequal := func(n, most int) []byte {
		sizes := make([]int, n)
		for i := range sizes {
			sizes[i] = 1 + rnd.IntN(most)
		}
		return testimage.IDATs(sizes...)
	}
	png("PNG, 40 MB, IDATs of 64 KiB", testimage.Repeated{Start: testimage.PNGHead(), Piece: testimage.IDATs(65536), Times: 610, End: testimage.IDATs(60000)})
	png("PNG, 40 MB, IDATs of 1 MB", testimage.Repeated{Start: testimage.PNGHead(), Piece: testimage.IDATs(1 << 20), Times: 39, End: testimage.IDATs(900000)})
	png("PNG, 40 MB, one IDAT", testimage.Repeated{Start: testimage.PNGHead(), Piece: testimage.IDATs(40e6), Times: 1})
	png("PNG, 40 MB, IDATs up to 16 KB", testimage.Repeated{Start: testimage.PNGHead(), Piece: unequal(100, 16000), Times: 50})
	png("PNG, 40 MB, IDATs up to 250 KB", testimage.Repeated{Start: testimage.PNGHead(), Piece: unequal(16, 250000), Times: 20})
	png("PNG, 40 MB, an animation", testimage.Repeated{
		Start: append(testimage.PNGHead(testimage.PNGChunk("acTL", make([]byte, 8))), testimage.IDATs(8192, 100)...),
		Piece: append(testimage.PNGChunk("fcTL", make([]byte, 26)), testimage.PNGChunk("fdAT", make([]byte, 100000))...), Times: 400,
	})
	pair("PNG, 40 MB, and 3 MB after its end", *testimage.LargePNG(40e6, 8192), make([]byte, 3e6), slices.Concat(make([]byte, 3e6), eXIf))
	all = slices.Delete(all, len(all)-1, len(all)) // bytes after the end aren't part of the picture

	frames := func(name string, flags byte, size int, times int64) {
		pair(name, testimage.Repeated{
			Start: testimage.WebP(testimage.VP8X(flags), testimage.RIFFChunk("ANIM", make([]byte, 6))),
			Piece: testimage.RIFFChunk("ANMF", make([]byte, size)), Times: times,
		}, nil, testimage.RIFFChunk("EXIF", block))
	}
	frames("WebP, 10 MB, 200 frames", 2, 50000, 200)
	frames("WebP, 40 MB, 80 frames", 2, 500000, 80)

	jpeg := testimage.JPEG(testimage.Gradient(8, 6))
	seg := testimage.EXIFSegment(block)
	app := func(name string, marker byte, intro string, times int64) {
		pair(name, testimage.Repeated{Start: jpeg[:2], Piece: testimage.Segment(marker, append([]byte(intro), make([]byte, 65533-len(intro))...)), Times: times},
			jpeg[2:], slices.Concat(seg, jpeg[2:]))
	}
	app("JPEG, 2.7 MB of APP2", 0xE2, "ICC_PROFILE\x00", 41)
	app("JPEG, 8 MB of APP11", 0xEB, "JP\x00\x01", 122)
	// one resource, split into segments
	f := testimage.Repeated{
		Start: append(jpeg[:2:2], testimage.PhotoshopSegment([]byte("8BIM\x04\x04\x00\x00\x00\x1D\x00\x00"), make([]byte, 65519-12))...),
		Piece: testimage.PhotoshopSegment(make([]byte, 65519)), Times: 28,
	}
	rest := make([]byte, 0x1D0000-(65519-12)-28*65519)
	exif := append(rest[:len(rest):len(rest)], testimage.PSDResource(0x0422, "", block)...)
	pair("JPEG, 2 MB of APP13", f, append(testimage.PhotoshopSegment(rest), jpeg[2:]...), append(testimage.PhotoshopSegment(exif), jpeg[2:]...))
	return all
}

// TestLargeFiles checks that the cost of a file doesn't grow with its size. docs/large.md has the table; -v also
// prints the times.
func TestLargeFiles(t *testing.T) {
	const head = "| file | without EXIF | EXIF at its end |\n|---|---|---|\n"
	cells := map[string][2]string{}
	var names []string
	for _, f := range largeFiles() {
		content := func() io.ReadSeeker { return io.NewSectionReader(f.file, 0, f.file.Size()) }
		m, reqs, read, err := readObject(t, 20*time.Millisecond, content())
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		if f.tags != (m.Len() > 0) {
			t.Errorf("%s: got %d tags", f.name, m.Len())
		}
		if reqs > maxLargeRequests || read > maxLargeRead {
			t.Errorf("%s, with EXIF %v: took %d sub-requests and %d bytes, want at most %d and %d", f.name, f.tags, reqs, read, maxLargeRequests, maxLargeRead)
		}
		row, seen := cells[f.name]
		if !seen {
			names = append(names, f.name)
			row = [2]string{"—", "—"}
		}
		row[map[bool]int{true: 1}[f.tags]] = fmt.Sprintf("%d sub-requests, %d KiB", reqs, (read+1023)>>10)
		cells[f.name] = row
		t.Run(fmt.Sprintf("%s, EXIF %v", f.name, f.tags), func(t *testing.T) {
			start := time.Now()
			if _, _, _, err := readObject(t, 20*time.Millisecond, content()); err != nil {
				t.Fatal(err)
			}
			bucket := time.Since(start)
			disk := onDisk(t, f.file)
			start = time.Now()
			_, fromDisk, readOfDisk, err := readObject(t, 0, disk)
			if err != nil || fromDisk != reqs || readOfDisk != read {
				t.Fatalf("from disk: got %d sub-requests, %d bytes, %v; want %d, %d", fromDisk, readOfDisk, err, reqs, read)
			}
			t.Logf("%d sub-requests, %d bytes; %v from a bucket 20 ms away, %v from disk", reqs, read, bucket, time.Since(start))
		})
	}
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", n, cells[n][0], cells[n][1])
	}
	name := filepath.Join("docs", "large.md")
	doc, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, table, ok := strings.Cut(string(doc), head)
	switch {
	case !ok:
		t.Fatalf("no table in %s", name)
	case *update:
		writeFile(t, name, []byte(before+head+b.String()))
	case table != b.String():
		t.Errorf("%s has\n%s\nwant (-update writes it)\n%s", name, table, b.String())
	}
}

// onDisk writes f to a temporary file.
func onDisk(t *testing.T, f *testimage.Repeated) *os.File {
	t.Helper()
	disk, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	if _, err := io.CopyBuffer(struct{ io.Writer }{disk}, io.NewSectionReader(f, 0, f.Size()), make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	return disk
}
