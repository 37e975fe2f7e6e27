package container

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
)

// TestJoined: runs are read as one file, and each part of that is found in the file.
func TestJoined(t *testing.T) {
	const file = "0123456789ABCDEF"
	for _, tc := range []struct {
		runs []Extent
		want string
	}{
		{nil, ""},
		{[]Extent{{4, 0}}, ""},
		{[]Extent{{4, 3}}, "456"},
		{[]Extent{{4, 3}, {0, 1}, {10, 0}, {8, 2}}, "456089"},
		{[]Extent{{2, 2}, {14, 5}, {0, 1}}, "23EF"}, // ends where the file does
		{[]Extent{{8, ToEnd}, {0, ToEnd}}, "89ABCDEF"},
	} {
		j := Join(bytes.NewReader([]byte(file)), tc.runs)
		length := int64(0)
		for _, run := range tc.runs {
			length = min(length+run.N, ToEnd)
		}
		if j.Len() != length {
			t.Errorf("%v: got length %d, want %d", tc.runs, j.Len(), length)
		}
		for from := range len(tc.want) + 1 {
			for n := range 8 {
				b := make([]byte, n)
				got, err := j.ReadAt(b, int64(from))
				want := tc.want[from:min(from+n, len(tc.want))]
				if string(b[:got]) != want || errors.Is(err, io.EOF) != (len(want) < n) && n > 0 || err != nil && !errors.Is(err, io.EOF) {
					t.Errorf("%v: %d bytes at %d: got %q, error %v, want %q", tc.runs, n, from, b[:got], err, want)
				}
				var parts []byte
				for _, run := range j.Parts(Extent{int64(from), int64(len(want))}) {
					parts = append(parts, file[run.Off:min(run.Off+run.N, int64(len(file)))]...)
				}
				if !bytes.Equal(parts, []byte(want)) {
					t.Errorf("%v: %d bytes at %d are at %q, want %q", tc.runs, n, from, parts, want)
				}
			}
		}
	}
}

// TestGallop: the end of a row is found wherever it is, and reads grow with the row's logarithm.
func TestGallop(t *testing.T) {
	const limit = 1000
	for _, end := range []int64{0, 1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 255, 256, 998, 999, limit, limit + 1, limit + 50} {
		var asked []int64
		n, err := gallop(limit, func(k int64) (bool, error) {
			asked = append(asked, k)
			return k <= end, nil
		})
		if want := min(end, limit); n != want || err != nil || len(asked) > 16 || slices.Max(append(asked, 0)) > limit {
			t.Errorf("a row of %d: got %d, error %v, asked for %d", end, n, err, asked)
		}
	}
}

// TestSection: a run is read to its end, or to that of the file, in pieces of any size.
func TestSection(t *testing.T) {
	const file = "0123456789"
	for run, want := range map[Extent]string{{0, 0}: "", {2, 1}: "2", {2, 5}: "23456", {7, 3}: "789", {7, 9}: "789", {9, ToEnd}: "9", {20, 5}: ""} {
		for size := 1; size <= 4; size++ {
			s := section{R: bytes.NewReader([]byte(file)), Run: run}
			var got []byte
			b := make([]byte, size)
			n, err := s.Read(b)
			for ; err == nil && n > 0; n, err = s.Read(b) {
				got = append(got, b[:n]...)
			}
			if string(got) != want || n > 0 || !errors.Is(err, io.EOF) || s.Err != nil {
				t.Errorf("%v by %d: got %q, %d, error %v", run, size, got, n, err)
			}
		}
	}
	failed := errors.New("failed")
	s := section{R: ReaderFunc(func([]byte, int64) (int, error) { return 0, failed }), Run: Extent{0, 5}}
	for range 2 {
		if n, err := s.Read(make([]byte, 3)); n != 0 || !errors.Is(err, failed) || !errors.Is(s.Err, failed) {
			t.Errorf("got %d, error %v, kept %v", n, err, s.Err)
		}
	}
}

// TestNoOffsetBeforeTheFile: a hostile offset is no failure of the reader.
func TestNoOffsetBeforeTheFile(t *testing.T) {
	if n, err := ReadAt(bytes.NewReader([]byte("0123")), make([]byte, 2), -1); n != 0 || err != nil {
		t.Errorf("got %d, error %v", n, err)
	}
}
