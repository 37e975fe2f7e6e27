package exif

import (
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Info describes the picture of an image, as its headers state it. Fields that they don't state are 0
// or empty.
type Info struct {
	// Format is the container format, as in Metadata.
	Format string
	// Word is the name of a kind of file within the format, such as DNG.
	Word string
	// Size is the length of the file in bytes, -1 if the reader doesn't report it.
	Size int64
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

// The limits of ReadInfo, in addition to those of the finders.
const (
	// maxFrameBytes bounds the part of a file that ReadInfo searches for frames. It counts the frames of
	// an animation only if all of them are within it.
	maxFrameBytes = 3 << 19
	// maxFrameSteps bounds the blocks in this search, which may be of one byte each.
	maxFrameSteps = 1 << 17
	// maxFarPages bounds the pages of a TIFF that lie so far from the page before that each may need a
	// request. maxPages bounds all pages.
	maxFarPages = 16
	maxPages    = 1 << 12
	// maxDirEntries bounds the entries searched in a directory. No camera writes 300.
	maxDirEntries = 1 << 10
	// maxSubIFDs bounds the directories that one entry points at.
	maxSubIFDs = 16
	// maxSide bounds the width and height of a picture: only SVG and BigTIFF can state more.
	maxSide = math.MaxUint32
)

// ReadInfo reads the headers of the image r. Its errors are ErrNotImage, ErrTooLarge and those of r,
// except io.EOF. Broken or truncated headers are no error: Info lacks what they don't state.
func ReadInfo(r io.ReaderAt) (Info, error) {
	i := Info{Size: container.SizeOf(r)}
	f, name, err := sniff(r)
	if err != nil {
		return i, err
	}
	err = f.info(r, &i)
	if errors.Is(err, ErrNotImage) {
		return i, err
	}
	i.Format = name
	if i.Width <= 0 || i.Height <= 0 || i.Width > maxSide || i.Height > maxSide {
		i.Width, i.Height, i.DisplayWidth, i.DisplayHeight = 0, 0, 0, 0
	} else if i.DisplayWidth <= 0 || i.DisplayHeight <= 0 {
		i.DisplayWidth, i.DisplayHeight = i.Width, i.Height
		if i.Orientation > 4 {
			i.DisplayWidth, i.DisplayHeight = i.Height, i.Width
		}
	}
	return i, err
}

// setSize sets the size of the picture as coded.
func (i *Info) setSize(width, height int64) { i.Width, i.Height = width, height }

// words maps format names to their names in the JSON, where that isn't the name in capitals. KS3 has
// JPG, PNG, GIF and BMP.
var words = map[string]string{"jpeg": "JPG", "heif": "HEIC"}

// word returns the name of the format in the JSON.
func (i *Info) word() string {
	if i.Word != "" {
		return i.Word
	}
	if w, ok := words[i.Format]; ok {
		return w
	}
	return strings.ToUpper(i.Format)
}

// AppendJSON appends the info as one flat JSON object with KS3's keys.
func (i *Info) AppendJSON(dst []byte, style Style) []byte {
	dst = append(dst, `{"format":`...)
	dst = appendString(dst, i.word())
	number := func(key string, n int64, described string) {
		dst = append(dst, `,"`...)
		dst = append(dst, key...)
		dst = append(dst, `":`...)
		switch style {
		case Typed:
			dst = strconv.AppendInt(dst, n, 10)
		case Described:
			dst = appendString(dst, described)
		default:
			dst = append(dst, '"')
			dst = strconv.AppendInt(dst, n, 10)
			dst = append(dst, '"')
		}
	}
	pixels := func(key string, n int64) {
		if n > 0 {
			number(key, n, strconv.FormatInt(n, 10)+" px")
		}
	}
	if i.Size >= 0 {
		number("size", i.Size, scaled(i.Size))
	}
	pixels("width", i.Width)
	pixels("height", i.Height)
	if i.Orientation != 0 {
		number("orientation", int64(i.Orientation), imageDescriptions[orientationTag].numbers[int64(i.Orientation)])
	}
	pixels("displayWidth", i.DisplayWidth)
	pixels("displayHeight", i.DisplayHeight)
	if i.ColorModel != "" {
		dst = append(dst, `,"colorModel":`...)
		dst = appendString(dst, i.ColorModel)
	}
	if i.Frames > 0 {
		number("frames", i.Frames, strconv.FormatInt(i.Frames, 10))
	}
	return append(dst, '}')
}

// scaled formats a size in bytes for people, as KS3 does: "154.71KB".
func scaled(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10) + "B"
	}
	v, unit := float64(n), 0
	const units = "KMGT"
	for v /= 1 << 10; v >= 1<<10 && unit < len(units)-1; unit++ {
		v /= 1 << 10
	}
	return strconv.FormatFloat(v, 'f', 2, 64) + units[unit:unit+1] + "B"
}

// orient sets the orientation from the first IFD0 that has one. It ignores unreadable EXIF.
func (i *Info) orient(blocks []block, err error) error {
	if errors.Is(err, ErrTooLarge) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if b.first != ifd0 {
			continue
		}
		t, ok, err := openTIFF(b.r)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		d, err := t.dir(t.first)
		if err != nil {
			return err
		}
		if i.Orientation = d.orientation; i.Orientation != 0 {
			return nil
		}
	}
	return nil
}

// orientations lists the values of EXIF's Orientation by mirroring from left to right, then by quarter
// turns clockwise.
var orientations = [2][4]int{{1, 6, 3, 8}, {2, 7, 4, 5}}

// rotated returns the orientation o (1 to 8) rotated by so many quarter turns clockwise.
func rotated(o, quarters int) int {
	for mirror, row := range orientations {
		for k, v := range row {
			if v == o {
				return orientations[mirror][(k+quarters)&3]
			}
		}
	}
	return o
}

// mirrored returns the orientation o mirrored from left to right.
func mirrored(o int) int {
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
		got, f.err = container.ReadAt(f.r, f.buf, f.off)
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
	size := container.SizeOf(f.r)
	return f.steps > maxFrameSteps || f.off >= f.end && (size < 0 || f.off < size)
}

func (f *sequentialReader) skip(n int64) {
	f.off += n
	f.buffered = f.buffered[min(n, int64(len(f.buffered))):]
}

// countable reports whether a file of this size is small enough to count its frames.
func countable(size int64) bool { return size <= maxFrameBytes }
