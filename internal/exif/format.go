package exif

import (
	"bytes"
	"encoding/binary"
	"io"
	"io/fs"
	"math"
	"slices"
)

// sniffLen is the number of a file's first bytes that sniff needs.
const sniffLen = 32

// format is one container format. is recognizes its first bytes. find returns its TIFF blocks, none and
// no error if the file has no EXIF. info reads the picture's headers. Both return ErrNotImage if later
// bytes show that it is no image. pictures adds the embedded JPEGs that no TIFF block points at; it is
// nil if a format has none.
type format struct {
	name     string
	is       func(head []byte) bool
	find     func(r io.ReaderAt) ([]block, error)
	info     func(r io.ReaderAt, i *Info) error
	pictures func(s *pictureSearch) error
}

// formats lists the formats in the order that sniff tries them. It looks at the bytes alone, since names
// and content types lie. A new format needs a file with its finder, a row here, and a sample in
// testimage.Formats.
var formats = []format{
	{"jpeg", prefix("\xFF\xD8\xFF"), findJPEG, infoJPEG, picturesInJPEG},
	{"png", prefix("\x89PNG\r\n\x1A\n"), findPNG, infoPNG, nil},
	{"webp", isWebP, findWebP, infoWebP, nil},
	{"cr3", isCR3, findCR3, infoCR3, picturesInCR3},
	{"avif", isAVIF, findHEIF, infoHEIF, picturesInHEIF},
	{"heif", isBMFF, findHEIF, infoHEIF, picturesInHEIF},
	{"jxl", prefix("\x00\x00\x00\x0CJXL \r\n\x87\n"), findJXL, infoJXLBoxes, nil},
	{"jxl", prefix("\xFF\x0A"), findNone, infoJXL, nil}, // a bare codestream (ISO/IEC 18181-1) can't hold EXIF
	{"jp2", prefix("\x00\x00\x00\x0CjP  \r\n\x87\n"), findJP2, infoJP2, nil},
	{"jp2", prefix("\xFF\x4F\xFF\x51"), findNone, infoJ2K, nil}, // nor can JPEG 2000's (ITU-T T.800, annex A)
	{"psd", prefix("8BPS\x00\x01", "8BPS\x00\x02"), findPSD, infoPSD, nil},
	{"raf", prefix("FUJIFILMCCD-RAW "), findRAF, infoRAF, picturesInRAF},
	{"mrw", prefix("\x00MRM", "\x00MRI"), findMRW, infoMRW, nil},
	{"rw2", prefix("II\x55\x00"), findRW2, infoRW2, picturesInRW2},
	{"orf", prefix("IIRO", "IIRS", "MMOR"), findTIFF, infoORF, nil},
	{"jxr", prefix("II\xBC\x01"), findTIFF, infoTIFF, nil},
	{"tiff", isTIFF, findTIFF, infoTIFF, nil},
	{"gif", prefix("GIF87a", "GIF89a"), findNone, infoGIF, nil},
	{"bmp", isBMP, findNone, infoBMP, nil},
	{"ico", isICO, findNone, infoICO, nil},
	{"svg", maySVG, findSVG, infoSVG, nil},
}

// Formats returns the sorted names of all known formats.
func Formats() []string {
	var names []string
	for i := range formats {
		names = append(names, formats[i].name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func sniff(head []byte) *format {
	for i := range formats {
		if formats[i].is(head) {
			return &formats[i]
		}
	}
	return nil
}

// SniffLen is the number of a file's first bytes that Sniff looks at. It is enough for 120 brands.
const SniffLen = 512

// Sniff returns the name of the format of a file with these first bytes, "" for none. Unlike Decode, it
// reads no more of the file: a file of the ISO base media file format is an image if its brands say so, or
// if it starts with the items of a picture. A film is no image even if it has items, and "svg" may be any XML.
func Sniff(head []byte) string {
	f := sniff(head)
	if f == nil || f.name == "heif" && !hasImageBrand(head) && !startsWithItems(head) {
		return ""
	}
	return f.name
}

// hasImageBrand reports whether a file that begins with the box ftyp has a brand of pictures.
func hasImageBrand(head []byte) bool {
	size := int(min(binary.BigEndian.Uint32(head), SniffLen))
	brands := head[min(16, len(head)):max(min(size, len(head)), min(16, len(head)))]
	return hasBrand(head[8:12], imageBrands...) || hasBrand(brands, imageBrands...)
}

// startsWithItems reports whether the box after ftyp is meta with the items of a picture (14496-12, 8.11.1;
// 23008-12, 6.2).
func startsWithItems(head []byte) bool {
	const handler = 12 + 16 // meta, as a full box, begins with hdlr, whose handler_type is its fifth field
	size := binary.BigEndian.Uint32(head)
	if size > SniffLen || int(size)+handler+4 > len(head) {
		return false
	}
	meta := head[size:]
	return string(meta[4:8]) == "meta" && string(meta[16:20]) == "hdlr" && string(meta[handler:handler+4]) == "pict"
}

func prefix(magics ...string) func([]byte) bool {
	return func(head []byte) bool {
		for _, m := range magics {
			if bytes.HasPrefix(head, []byte(m)) {
				return true
			}
		}
		return false
	}
}

// isBMP recognizes a Windows bitmap by its two letters and the size of the second header, which has few
// values. Many texts begin with the two letters alone.
func isBMP(head []byte) bool {
	if len(head) < 18 || string(head[:2]) != "BM" {
		return false
	}
	switch binary.LittleEndian.Uint32(head[14:]) {
	case 12, 16, 40, 52, 56, 64, 108, 124:
		return true
	}
	return false
}

// isICO recognizes an icon or a cursor: zero, the type (1 or 2), the number of pictures, and for the
// first of them a size, and an offset after the directory.
func isICO(head []byte) bool {
	if len(head) < 22 || head[0] != 0 || head[1] != 0 || head[2] != 1 && head[2] != 2 || head[3] != 0 {
		return false
	}
	o := binary.LittleEndian
	pictures := uint32(o.Uint16(head[4:]))
	return pictures > 0 && o.Uint32(head[14:]) > 0 && o.Uint32(head[18:]) >= 6+16*pictures
}

// findTIFF returns the block of formats whose whole file is a TIFF block.
func findTIFF(r io.ReaderAt) ([]block, error) { return []block{{r: r, first: ifd0, pages: true}}, nil }

// findNone returns no block, for formats that can't hold EXIF.
func findNone(io.ReaderAt) ([]block, error) { return nil, nil }

func oneBlock(r io.ReaderAt) []block { return []block{{r: r, first: ifd0}} }

// unreadable returns an empty block, for EXIF that exists but can't be read.
func unreadable() []block { return oneBlock(bytes.NewReader(nil)) }

// extent is a run of bytes of a file.
type extent struct{ off, n int64 }

// toEnd is the length of a run up to the end of the file. Adding it to an offset doesn't overflow.
const toEnd = math.MaxInt64 / 2

// extents reads runs of bytes of r as one file: EXIF cut into pieces, or one piece of a file.
type extents struct {
	r    io.ReaderAt
	runs []extent
	ends []int64 // where each run ends in the joined file
}

// join returns a reader of the runs of r, one after the other.
func join(r io.ReaderAt, runs []extent) *extents {
	e := &extents{r: r}
	for _, run := range runs {
		e.add(run)
	}
	return e
}

// add appends a run.
func (e *extents) add(run extent) {
	end := run.n
	if len(e.ends) > 0 {
		end = min(end+e.ends[len(e.ends)-1], toEnd)
	}
	e.runs, e.ends = append(e.runs, run), append(e.ends, end)
}

// runReader returns a reader of one run of r.
func runReader(r io.ReaderAt, run extent) io.ReaderAt { return join(r, []extent{run}) }

// fromOffset returns a reader of r from off on.
func fromOffset(r io.ReaderAt, off int64) io.ReaderAt { return runReader(r, extent{off, toEnd}) }

// ReadAt implements io.ReaderAt.
func (e *extents) ReadAt(p []byte, off int64) (n int, err error) {
	// search for off's run: each of 16,384 values can lie in the last of 256 runs
	i, _ := slices.BinarySearch(e.ends, off+1)
	if i > 0 {
		off -= e.ends[i-1]
	}
	for _, run := range e.runs[i:] {
		want := min(int64(len(p)-n), run.n-off)
		got, err := readAt(e.r, p[n:n+int(want)], run.off+off)
		n += got
		if err != nil {
			return n, err
		}
		if n == len(p) {
			return n, nil
		}
		if int64(got) < want {
			break
		}
		off = 0
	}
	return n, io.EOF
}

// startsAt reports whether a TIFF block starts at off.
func startsAt(r io.ReaderAt, off int64) (bool, error) {
	var head [16]byte
	n, err := readAt(r, head[:], off)
	_, _, ok := parseHeader(head[:n])
	return ok, err
}

// withoutIntro returns the TIFF block in r, after "Exif\0\0" if the writer put that before the block, as
// in JPEG.
func withoutIntro(r io.ReaderAt) ([]block, error) {
	var head [6]byte
	ok, err := readFull(r, head[:], 0)
	if ok && bytes.Equal(head[:], exifIntro) {
		r = fromOffset(r, int64(len(exifIntro)))
	}
	return oneBlock(r), err
}

// offsetBlock returns the TIFF block in r, which begins with the block's offset: 4 bytes big-endian,
// counted from their end (ISO/IEC 23008-12, A.2.1, ExifDataBlock; 18181-2, 9.5). If no block starts
// there, offsetBlock tries the places of writers that leave the offset wrong or out.
func offsetBlock(r io.ReaderAt) ([]block, error) {
	var b [4]byte
	ok, err := readFull(r, b[:], 0)
	if !ok || err != nil {
		return unreadable(), err
	}
	stated := 4 + int64(binary.BigEndian.Uint32(b[:]))
	intro := int64(len(exifIntro))
	for _, off := range [...]int64{stated, 4, 4 + intro, 0, intro} {
		ok, err := startsAt(r, off)
		if err != nil {
			return nil, err
		}
		if ok {
			return oneBlock(fromOffset(r, off)), nil
		}
	}
	return unreadable(), nil
}

// OffsetOf returns where the TIFF block starts in an Exif item or box that begins with its offset, -1 if
// there is none.
func OffsetOf(b []byte) int {
	blocks, err := offsetBlock(bytes.NewReader(b))
	if err != nil {
		return -1
	}
	if e, ok := blocks[0].r.(*extents); ok {
		return int(e.runs[0].off)
	}
	return -1
}

// sizeOf returns the length of the file, -1 if the reader doesn't report it.
func sizeOf(r io.ReaderAt) int64 {
	switch r := r.(type) {
	case interface{ Size() int64 }: // an object, a bytes.Reader, an io.SectionReader
		return r.Size()
	case interface{ Stat() (fs.FileInfo, error) }:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return -1
}

// peekAt is readAt for an offset that no other read is likely to be near: readers that read ahead may
// read less there.
func peekAt(r io.ReaderAt, p []byte, off int64) (int, error) {
	if k, ok := r.(interface {
		PeekAt(p []byte, off int64) (int, error)
	}); ok {
		return readAt(readerFunc(k.PeekAt), p, off)
	}
	return readAt(r, p, off)
}

type readerFunc func(p []byte, off int64) (int, error)

// ReadAt implements io.ReaderAt.
func (f readerFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

// A picture is often cut into pieces of one size, each with a header. gallop finds the last piece of
// such a row without reading all headers: it looks at 1, 4, 16, ... pieces from the first, then bisects
// between the last place with such a header and the first without.

// gallop returns how many of the pieces after the first are like it, at most limit. same reports it for
// the k'th of them.
func gallop(limit int64, same func(k int64) (bool, error)) (int64, error) {
	low, high := int64(0), int64(1)
	for ; high <= limit; low, high = high, 4*high {
		if ok, err := same(high); err != nil {
			return 0, err
		} else if !ok {
			break
		}
	}
	return bisect(low, min(high, limit+1), 1, same)
}

// bisect narrows down the end of the row between low, within it, and high, beyond it. It returns a piece
// of the row at most near pieces from its last.
func bisect(low, high, near int64, same func(k int64) (bool, error)) (int64, error) {
	for high-low > near {
		mid := low + (high-low)/2
		ok, err := same(mid)
		if err != nil {
			return 0, err
		}
		if ok {
			low = mid
		} else {
			high = mid
		}
	}
	return low, nil
}

// maxPiece bounds a single read of a section: a run may claim to be longer than the file.
const maxPiece = 1 << 18

// section reads a run as a stream, for decompressors. It keeps an error of the file, to distinguish it
// from an error of the decompressor.
type section struct {
	r   io.ReaderAt
	run extent // the rest of the run
	err error

	ended bool // the file ends within the run
}

// Read implements io.Reader.
func (s *section) Read(p []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.run.n == 0 || s.ended {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.run.n, maxPiece)]
	n, s.err = readAt(s.r, p, s.run.off)
	s.run.off += int64(n)
	s.run.n -= int64(n)
	s.ended = n < len(p)
	if n == 0 && s.err == nil {
		return 0, io.EOF
	}
	return n, s.err
}
