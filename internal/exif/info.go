package exif

import (
	"errors"
	"io"
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
	container.Info
}

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
	if i.Width <= 0 || i.Height <= 0 || i.Width > container.MaxSide || i.Height > container.MaxSide {
		i.Width, i.Height, i.DisplayWidth, i.DisplayHeight = 0, 0, 0, 0
	} else if i.DisplayWidth <= 0 || i.DisplayHeight <= 0 {
		i.DisplayWidth, i.DisplayHeight = i.Width, i.Height
		if i.Orientation > 4 {
			i.DisplayWidth, i.DisplayHeight = i.Height, i.Width
		}
	}
	return i, err
}

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

// plain is for formats whose container tells all.
func plain(read func(io.ReaderAt, *container.Info) error) func(io.ReaderAt, *Info) error {
	return func(r io.ReaderAt, i *Info) error { return read(r, &i.Info) }
}

// withEXIF is for formats whose orientation is in the EXIF.
func withEXIF(read func(io.ReaderAt, *container.Info) error, choose func(io.ReaderAt) ([]container.Block, error)) func(io.ReaderAt, *Info) error {
	return func(r io.ReaderAt, i *Info) error {
		if err := read(r, &i.Info); err != nil {
			return err
		}
		return i.orient(choose(r))
	}
}

// upright is for formats whose EXIF browsers ignore.
func upright(read func(io.ReaderAt, *Info) error) func(io.ReaderAt, *Info) error {
	return func(r io.ReaderAt, i *Info) error {
		err := read(r, i)
		i.DisplayWidth, i.DisplayHeight = i.Width, i.Height
		return err
	}
}

// show sets the size at which browsers show the picture.
func (i *Info) show(v *browserView) {
	i.DisplayWidth, i.DisplayHeight = v.size(i.Width, i.Height)
	if v.chromium > 4 {
		i.DisplayWidth, i.DisplayHeight = i.DisplayHeight, i.DisplayWidth
	}
}

// infoJPEG looks for the EXIF and the size in one walk.
func infoJPEG(r io.ReaderAt, i *Info) error {
	c := jpegChoice{w: container.NewJPEG(r)}
	view, seen := browserView{}, false
	err := container.JPEGInfo(c.w, &i.Info, func(h *container.SegmentHead, n int, off int64) (bool, error) {
		if run, ok := h.ShownEXIF(n, off); ok && !seen {
			var err error
			seen = true
			if view, err = viewOf(container.RunReader(r, run)); err != nil {
				return false, err
			}
		}
		return c.add(h, n, off)
	})
	if err != nil {
		return err
	}
	i.show(&view)
	if !c.readable {
		return i.orient(c.withPhotoshop())
	}
	return i.orient(c.blocks, nil)
}

// infoPNG ignores EXIF after the picture, as browsers do, and profiles. Chromium takes the first chunk that has the right
// checksum, even if it can't be read; Firefox then looks for another.
func infoPNG(r io.ReaderAt, i *Info) error {
	picture, err := container.PNGInfo(r, &i.Info)
	if err != nil || picture == 0 {
		return err
	}
	r = container.RunReader(r, container.Extent{N: picture})
	if err := i.orient(choosePNG(r)); err != nil {
		return err
	}
	var view browserView
	err = container.PNGEXIF(r, func(p container.PNGPart, read func() (container.Block, bool, error)) (done bool, err error) {
		if p != container.PNGChunk {
			return false, nil
		}
		b, ok, err := read()
		if !ok || err != nil {
			return false, err
		}
		run, ok, err := container.IntactChunk(r, b.Off)
		if !ok || err != nil {
			return false, err
		}
		view, err = viewOf(container.RunReader(r, run))
		return true, err
	})
	if err != nil && !errors.Is(err, ErrTooLarge) {
		return err
	}
	view.density = nil // which browsers heed in JPEGs only
	i.show(&view)
	return nil
}

// infoRAF reads the size of the preview, as ExifTool does: the camera crops it like the photo.
func infoRAF(r io.ReaderAt, i *Info) error {
	preview, ok, err := container.RAFPreview(r)
	if !ok || err != nil {
		return err
	}
	err = infoJPEG(container.RunReader(r, preview), i)
	i.ColorModel, i.Frames = photometrics[cfa], 0
	return err
}

// infoMRW reads the size of the sensor's picture.
func infoMRW(r io.ReaderAt, i *Info) error {
	i.ColorModel = photometrics[cfa]
	return withEXIF(container.MRWInfo, first(container.MRWEXIF))(r, i)
}

// orient sets the orientation from the first IFD0 that has one. It ignores unreadable EXIF.
func (i *Info) orient(blocks []container.Block, err error) error {
	if errors.Is(err, ErrTooLarge) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if b.First != ifd0 {
			continue
		}
		t, ok, err := openTIFF(b.R)
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
