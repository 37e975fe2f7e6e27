package exif

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
)

// Info is what an image's headers say of its picture. Numbers are 0 and texts empty where they say
// nothing.
type Info struct {
	// Format is the container, as in Metadata.
	Format string
	// Word is the name of a kind of file within the format, such as DNG.
	Word string
	// Size is the length of the file in bytes, -1 where the reader doesn't tell.
	Size int64
	// Width and Height are the picture's as coded, of RAW files the main picture's.
	Width, Height int64
	// DisplayWidth and DisplayHeight are the picture's as a browser lays it out: turned and cropped.
	DisplayWidth, DisplayHeight int64
	// Orientation is how the picture is turned for display, as EXIF counts: 1 to 8.
	Orientation int
	// ColorModel is ycbcr, rgb, gray, palette, cmyk, ycck, lab or cfa.
	ColorModel string
	// Frames is the number of pictures of an animation, or of pages.
	Frames int64
}

// The limits of what is read for an Info, in addition to those of the finders.
const (
	// maxFrameBytes bounds how much of a file is passed through to count its frames: only an animation
	// whose frames are all within it has them counted.
	maxFrameBytes = 3 << 19
	// maxFrameSteps bounds the blocks that this takes, for those of one byte each.
	maxFrameSteps = 1 << 17
	// maxFarPages bounds the pages of a TIFF that lie so far from the one before that each may be a
	// request, and maxPages those that don't.
	maxFarPages = 16
	maxPages    = 1 << 12
	// maxDirEntries bounds the entries of a directory that are searched. No camera writes 300.
	maxDirEntries = 1 << 10
	// maxSubIFDs bounds the directories that one entry points at.
	maxSubIFDs = 16
	// maxSide bounds a side of a picture: no format can say more, but for SVG and BigTIFF.
	maxSide = math.MaxUint32
)

// ReadInfo reads the headers of the image r. Errors are ErrNotImage, ErrTooLarge or what r returned
// (other than io.EOF). Headers that are broken or cut off are no error, and leave out what they don't say.
func ReadInfo(r io.ReaderAt) (Info, error) {
	i := Info{Size: sizeOf(r)}
	var head [sniffLen]byte
	n, err := readAt(r, head[:], 0)
	if err != nil {
		return i, err
	}
	f := sniff(head[:n])
	if f == nil {
		return i, ErrNotImage
	}
	err = f.info(r, &i)
	if errors.Is(err, ErrNotImage) {
		return i, err
	}
	i.Format = f.name
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

// setSize sets the size as coded.
func (i *Info) setSize(width, height int64) { i.Width, i.Height = width, height }

// words are the formats' names in an answer, where they aren't the name in capitals. KS3 has JPG, PNG,
// GIF and BMP.
var words = map[string]string{"jpeg": "JPG", "heif": "HEIC"}

// word is the name of the format in an answer.
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

// scaled is a size in bytes for people, as KS3 writes it: "154.71KB".
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

// orient sets the orientation to that of the first directory of one of the blocks. EXIF that can't be
// read turns nothing.
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

// Turns of a picture, as what EXIF's Orientation counts: a mirroring from left to right, then up to
// three quarters of a turn clockwise.

var orientations = [2][4]int{{1, 6, 3, 8}, {2, 7, 4, 5}}

// turned is the orientation that turning by so many quarters clockwise makes of o, which is 1 to 8.
func turned(o, quarters int) int {
	for mirror, row := range orientations {
		for k, v := range row {
			if v == o {
				return orientations[mirror][(k+quarters)&3]
			}
		}
	}
	return o
}

// mirrored is the orientation that mirroring from left to right makes of o.
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

// forward reads a file from a place on, piece by piece.
type forward struct {
	r     io.ReaderAt
	off   int64 // of what is next
	end   int64 // where reading ends at the latest
	steps int

	err   error
	buf   []byte
	ahead []byte
}

// take returns the next n bytes, which are few, and nil where the file ends or enough has been read.
func (f *forward) take(n int) []byte {
	if f.steps++; f.err != nil || f.tooFar() {
		return nil
	}
	if len(f.ahead) < n {
		if f.buf == nil {
			f.buf = make([]byte, 16<<10)
		}
		got := 0
		got, f.err = readAt(f.r, f.buf, f.off)
		f.ahead = f.buf[:got]
		if f.err != nil || got < n {
			return nil
		}
	}
	b := f.ahead[:n]
	f.skip(int64(n))
	return b
}

// tooFar reports whether reading has come to its end before the file has.
func (f *forward) tooFar() bool {
	size := sizeOf(f.r)
	return f.steps > maxFrameSteps || f.off >= f.end && (size < 0 || f.off < size)
}

// skip passes over n bytes.
func (f *forward) skip(n int64) {
	f.off += n
	f.ahead = f.ahead[min(n, int64(len(f.ahead))):]
}

// countable reports whether the frames of a file of that size may be counted.
func countable(size int64) bool { return size <= maxFrameBytes }

// bigEndian reads two numbers of a header, big-endian, of 4 bytes each.
func bigEndian(b []byte) (int64, int64) {
	return int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))
}
