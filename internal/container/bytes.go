package container

import (
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
)

// Extent is a run of bytes of a file.
type Extent struct{ Off, N int64 }

// ToEnd is the length of a run up to the end of the file. Adding it to an offset doesn't overflow.
const ToEnd = math.MaxInt64 / 2

// Joined reads runs of bytes of r as one file: EXIF cut into pieces, or one piece of a file.
type Joined struct {
	R    io.ReaderAt
	Runs []Extent
	Ends []int64 // where each run ends in the joined file
}

// Join returns a reader of the runs of r, one after the other.
func Join(r io.ReaderAt, runs []Extent) *Joined {
	e := &Joined{R: r}
	for _, run := range runs {
		e.Add(run)
	}
	return e
}

// Add appends a run.
func (e *Joined) Add(run Extent) {
	end := run.N
	if len(e.Ends) > 0 {
		end = min(end+e.Ends[len(e.Ends)-1], ToEnd)
	}
	e.Runs, e.Ends = append(e.Runs, run), append(e.Ends, end)
}

// Len returns the length of the joined file.
func (e *Joined) Len() int64 {
	if len(e.Ends) == 0 {
		return 0
	}
	return e.Ends[len(e.Ends)-1]
}

// Parts returns where a run of the joined file is in the file.
func (e *Joined) Parts(of Extent) (runs []Extent) {
	start := int64(0)
	for i, run := range e.Runs {
		from, to := max(start, of.Off), min(e.Ends[i], of.Off+of.N)
		if from < to {
			runs = append(runs, Extent{run.Off + from - start, to - from})
		}
		start = e.Ends[i]
	}
	return runs
}

// RunReader returns a reader of one run of r.
func RunReader(r io.ReaderAt, run Extent) io.ReaderAt { return Join(r, []Extent{run}) }

// FromOffset returns a reader of r from off on.
func FromOffset(r io.ReaderAt, off int64) io.ReaderAt { return RunReader(r, Extent{off, ToEnd}) }

// ReadAt implements io.ReaderAt.
func (e *Joined) ReadAt(p []byte, off int64) (n int, err error) {
	// search for off's run: each of 16,384 values can lie in the last of 256 runs
	i, _ := slices.BinarySearch(e.Ends, off+1)
	if i > 0 {
		off -= e.Ends[i-1]
	}
	for _, run := range e.Runs[i:] {
		want := min(int64(len(p)-n), run.N-off)
		got, err := ReadAt(e.R, p[n:n+int(want)], run.Off+off)
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

// SizeOf returns the length of the file, -1 if the reader doesn't report it.
func SizeOf(r io.ReaderAt) int64 {
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

// PeekAt is ReadAt for an offset that no other read is likely to be near: readers that read ahead may
// read less there.
func PeekAt(r io.ReaderAt, p []byte, off int64) (int, error) {
	if k, ok := r.(interface {
		PeekAt(p []byte, off int64) (int, error)
	}); ok {
		return ReadAt(ReaderFunc(k.PeekAt), p, off)
	}
	return ReadAt(r, p, off)
}

// ReaderFunc is a function that reads at an offset.
type ReaderFunc func(p []byte, off int64) (int, error)

// ReadAt implements io.ReaderAt.
func (f ReaderFunc) ReadAt(p []byte, off int64) (int, error) { return f(p, off) }

// A picture is often cut into pieces of one size, each with a header. Gallop finds the last piece of
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
	R   io.ReaderAt
	Run Extent // the rest of the run
	Err error

	ended bool // the file ends within the run
}

// Read implements io.Reader.
func (s *section) Read(p []byte) (n int, err error) {
	if s.Err != nil {
		return 0, s.Err
	}
	if s.Run.N == 0 || s.ended {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), s.Run.N, maxPiece)]
	n, s.Err = ReadAt(s.R, p, s.Run.Off)
	s.Run.Off += int64(n)
	s.Run.N -= int64(n)
	s.ended = n < len(p)
	if n == 0 && s.Err == nil {
		return 0, io.EOF
	}
	return n, s.Err
}

// ReadAt reads up to len(p) bytes at off. If it reads fewer without an error, the file ends there.
func ReadAt(r io.ReaderAt, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, nil
	}
	n, err := r.ReadAt(p, off)
	if n == len(p) || errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// ReadFull reads exactly len(p) bytes at off; ok is false if the file ends before.
func ReadFull(r io.ReaderAt, p []byte, off int64) (ok bool, err error) {
	n, err := ReadAt(r, p, off)
	return err == nil && n == len(p), err
}

// Offset limits an offset of 8 bytes, so that sums don't overflow. The limit is beyond the end of any file.
func Offset(v uint64) int64 { return int64(min(v, ToEnd)) }

// TwoUint32 reads two big-endian numbers of 4 bytes each.
func TwoUint32(b []byte) (int64, int64) {
	return int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))
}

// startsWith reports whether a file begins with some bytes, at most 8.
func startsWith(r io.ReaderAt, begin string) (bool, error) {
	var head [8]byte
	ok, err := ReadFull(r, head[:len(begin)], 0)
	return ok && string(head[:len(begin)]) == begin, err
}
