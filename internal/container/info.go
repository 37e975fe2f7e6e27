package container

import (
	"io"
	"math"
)

// Info describes the picture of an image, as its headers state it. Fields that they don't state are 0 or empty.
type Info struct {
	// Width and Height are the size of the picture as coded; in RAW files, of the main picture.
	Width, Height int64
	// DisplayWidth and DisplayHeight are the size of the picture as a browser lays it out: rotated and cropped.
	DisplayWidth, DisplayHeight int64
	// Orientation is how to rotate and mirror the picture for display, as in EXIF: 1 to 8.
	Orientation int
	// ColorModel is ycbcr, rgb, gray, palette, cmyk, ycck, lab or cfa.
	ColorModel string
	// Frames is the number of frames of an animation, or of pages.
	Frames int64
}

// The limits of facts.
const (
	// MaxFrameBytes bounds the part of a file that is searched for frames. The frames of an animation
	// are counted only if all of them are within it.
	MaxFrameBytes = 3 << 19
	// maxFrameSteps bounds the blocks in this search, which may be of one byte each.
	maxFrameSteps = 1 << 17
	// MaxSide bounds the width and height of a picture: only SVG and BigTIFF can state more.
	MaxSide = math.MaxUint32
)

// SetSize sets the size of the picture as coded.
func (i *Info) SetSize(width, height int64) { i.Width, i.Height = width, height }

// orientations lists the values of EXIF's Orientation by mirroring from left to right, then by quarter
// turns clockwise.
var orientations = [2][4]int{{1, 6, 3, 8}, {2, 7, 4, 5}}

// Rotated returns the orientation o (1 to 8) rotated by so many quarter turns clockwise.
func Rotated(o, quarters int) int {
	for mirror, row := range orientations {
		for k, v := range row {
			if v == o {
				return orientations[mirror][(k+quarters)&3]
			}
		}
	}
	return o
}

// Mirrored returns the orientation o mirrored from left to right.
func Mirrored(o int) int {
	for mirror, row := range orientations {
		for k, v := range row {
			if v == o {
				return orientations[1-mirror][-k&3]
			}
		}
	}
	return o
}

// sequentialReader reads a file sequentially from an offset on, in small pieces.
type sequentialReader struct {
	r     io.ReaderAt
	off   int64 // offset of the next byte
	end   int64 // where reading stops
	steps int

	err      error
	buf      []byte
	buffered []byte
}

// next returns the next n bytes, at most 16 KiB, or nil at the end of the file or at a limit.
func (f *sequentialReader) next(n int) []byte {
	if f.steps++; f.err != nil || f.hitLimit() {
		return nil
	}
	if len(f.buffered) < n {
		if f.buf == nil {
			f.buf = make([]byte, 16<<10)
		}
		got := 0
		got, f.err = ReadAt(f.r, f.buf, f.off)
		f.buffered = f.buf[:got]
		if f.err != nil || got < n {
			return nil
		}
	}
	b := f.buffered[:n]
	f.skip(int64(n))
	return b
}

// hitLimit reports whether f has reached a limit before the end of the file.
func (f *sequentialReader) hitLimit() bool {
	size := SizeOf(f.r)
	return f.steps > maxFrameSteps || f.off >= f.end && (size < 0 || f.off < size)
}

func (f *sequentialReader) skip(n int64) {
	f.off += n
	f.buffered = f.buffered[min(n, int64(len(f.buffered))):]
}

// countable reports whether a file of this size is small enough to count its frames.
func countable(size int64) bool { return size <= MaxFrameBytes }
