package exif

import (
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// The limits of reading the size in a TIFF block.
const (
	// maxFarPages bounds the pages of a TIFF that lie so far from the page before that each may need a
	// request. maxPages bounds all pages.
	maxFarPages = 16
	maxPages    = 1 << 12
	// maxDirEntries bounds the entries searched in a directory. No camera writes 300.
	maxDirEntries = 1 << 10
	// maxSubIFDs bounds the directories that one entry points at.
	maxSubIFDs = 16
)

// The tags that describe a directory's picture (TIFF 6.0, sections 2 and 8; TIFF/EP, DNG).
const (
	widthTag       = 0x0100
	heightTag      = 0x0101
	compressionTag = 0x0103
	photometricTag = 0x0106
	makeTag        = 0x010F
	orientationTag = 0x0112
	subIFDsTag     = 0x014A
	jxrWidthTag    = 0xBC80 // JPEG XR has numbers of its own
	jxrHeightTag   = 0xBC81
	dngVersionTag  = 0xC612
)

// tiffFile reads the directories of a TIFF block for ReadInfo.
type tiffFile struct {
	container.Dirs
	first int64 // where IFD0 starts

	buf     container.DirBuffer
	entries int
}

// openTIFF reads the header of the block in r; ok is false if it has none.
func openTIFF(r io.ReaderAt) (t *tiffFile, ok bool, err error) {
	t = new(tiffFile)
	t.Dirs, t.first, ok, err = container.OpenDirs(r, &t.buf, &t.entries)
	return t, ok, err
}

// tiffDir holds the values of a directory that describe its picture.
type tiffDir struct {
	kind                     int64    // NewSubfileType, -1 if missing: bit 0 means a reduced version of another
	width, height            int64    // 0 if missing
	photometric, compression int64    // -1 if missing
	orientation              int      // 0 if missing
	turned                   bool     // it is one SHORT, as it has to be, that turns the picture
	sensor                   [8]int64 // Panasonic's tags 2 to 7, 0 if missing
	make                     container.Extent
	subIFDs                  container.Extent
	wide                     bool  // subIFDs has offsets of 8 bytes
	dng, thumbnail           bool  // the directory has DNG's version, or a separate JPEG
	next                     int64 // where the next directory starts, 0 for none
}

// errLongDir ends the search in a directory of more than maxDirEntries.
var errLongDir = errors.New("exif: a long directory")

// dir reads the directory at start, as far as it is readable.
func (t *tiffFile) dir(start int64) (d tiffDir, err error) {
	d.kind, d.photometric, d.compression = -1, -1, -1
	pos, n := start+t.CountSize(), 0
	end, _, err := t.Each(start, func(e []byte) error {
		if n++; n > maxDirEntries {
			return errLongDir
		}
		t.entry(&d, pos, e)
		pos += int64(len(e))
		return nil
	})
	if errors.Is(err, errLongDir) {
		return d, nil
	}
	if err == nil && end > 0 {
		d.next, err = t.Next(end)
	}
	return d, err
}

// entry stores the value of the entry e at pos in d.
func (t *tiffFile) entry(d *tiffDir, pos int64, e []byte) {
	id, typ, count, value := t.Fields(e)
	switch id {
	case makeTag, subIFDsTag:
		size := container.TypeSize(typ)
		if size == 0 || count > maxText {
			return
		}
		run := container.Extent{Off: pos + int64(len(e)-len(value)), N: container.Offset(size * count)}
		if run.N > int64(len(value)) {
			run.Off = container.Offset(t.Uint(value))
		}
		if id == makeTag {
			d.make = run
		} else {
			d.subIFDs, d.wide = run, size == 8
		}
		return
	case dngVersionTag:
		d.dng = true
		return
	case jpegTag:
		d.thumbnail = true
		return
	}
	size := container.TypeSize(typ)
	if count != 1 || size == 0 || size > uint64(len(value)) || typ == container.TypeFloat || typ == container.TypeRational || typ == container.TypeDouble {
		return
	}
	n := container.Offset(t.Uint(value[:size]))
	switch id {
	case newSubfileTypeTag:
		d.kind = n
	case widthTag, jxrWidthTag:
		d.width = n
	case heightTag, jxrHeightTag:
		d.height = n
	case compressionTag:
		d.compression = n
	case photometricTag:
		d.photometric = n
	case orientationTag:
		if n <= 8 {
			d.orientation = int(n)
			d.turned = typ == container.TypeShort && n > 4
		}
	default:
		if id < uint16(len(d.sensor)) {
			d.sensor[id] = n
		}
	}
}

func (d *tiffDir) reduced() bool { return d.kind >= 0 && d.kind&1 == 1 }

func (d *tiffDir) larger(than *tiffDir) bool {
	return min(d.width, container.MaxSide)*min(d.height, container.MaxSide>>1) > min(than.width, container.MaxSide)*min(than.height, container.MaxSide>>1)
}

// main returns the directory of the main picture: the one that states it, else IFD0, or the largest if
// IFD0 is a reduced version.
func (t *tiffFile) main(ifd0 *tiffDir) (tiffDir, error) {
	best := *ifd0
	if ifd0.kind == 0 && ifd0.width > 0 {
		return best, nil
	}
	var starts [maxSubIFDs]int64
	n, err := t.offsets(ifd0, starts[:])
	if err != nil {
		return best, err
	}
	preferIFD0 := ifd0.kind < 0 && ifd0.width > 0 // only a directory that states to be the main picture beats IFD0
	for _, start := range starts[:n] {
		d, err := t.dir(start)
		if err != nil {
			return best, err
		}
		if d.kind == 0 && d.width > 0 {
			return d, nil
		}
		if !preferIFD0 && d.larger(&best) {
			best = d
		}
	}
	if preferIFD0 || best.width > ifd0.width {
		return best, nil
	}
	// IFD1 and the directories after it; cameras write two or three
	next := ifd0.next
	for k := 0; k < 4 && next != 0; k++ {
		d, err := t.dir(next)
		if err != nil {
			return best, err
		}
		if !d.reduced() && d.larger(&best) {
			best = d
		}
		next = d.next
	}
	return best, nil
}

// offsets reads the offsets of the directory's SubIFDs into to.
func (t *tiffFile) offsets(d *tiffDir, to []int64) (n int, err error) {
	if d.subIFDs.N == 0 {
		return 0, nil
	}
	size := int64(4)
	if d.wide {
		size = 8
	}
	var b [8 * maxSubIFDs]byte
	got, err := container.ReadAt(t.R, b[:min(d.subIFDs.N, size*int64(len(to)))], d.subIFDs.Off)
	for e := b[:got]; int64(len(e)) >= size; e = e[size:] {
		to[n] = container.Offset(t.Uint(e[:size]))
		n++
	}
	return n, err
}

// photometrics maps PhotometricInterpretation to color models (TIFF 6.0, part 2; TIFF/EP; DNG).
var photometrics = map[int64]string{
	0: "gray", 1: "gray", 2: "rgb", 3: "palette", 5: "cmyk", 6: "ycbcr", 8: "lab", 9: "lab", 10: "lab",
	cfa: "cfa", 34892: "rgb",
}

// cfa is the PhotometricInterpretation of sensor samples, each of one color.
const cfa = 32803

// rawWords lists the names of makers' raw files that have TIFF's header.
var rawWords = [...]struct{ maker, word string }{
	{"NIKON", "NEF"},
	{"SONY", "ARW"},
	{"PENTAX", "PEF"},
	{"RICOH", "PEF"},
	{"SAMSUNG", "SRW"},
	{"Hasselblad", "3FR"},
	{"Phase One", "IIQ"},
}

// kind returns the name of the raw format, by IFD0 and the main picture, empty for plain TIFF.
func (t *tiffFile) kind(ifd0, picture *tiffDir) (string, error) {
	switch {
	case ifd0.dng:
		return "DNG", nil
	case string(t.buf.Head[8:11]) == "CR\x02":
		return "CR2", nil
	case picture.photometric != cfa || ifd0.make.N == 0:
		return "", nil
	}
	var b [16]byte
	n, err := container.ReadAt(t.R, b[:min(int64(len(b)), ifd0.make.N)], ifd0.make.Off)
	for _, w := range rawWords {
		if len(w.maker) <= n && strings.EqualFold(string(b[:len(w.maker)]), w.maker) {
			return w.word, err
		}
	}
	return "", err
}

// infoTIFF reads IFD0 and the main picture's directory.
func infoTIFF(r io.ReaderAt, i *Info) error {
	t, ok, err := openTIFF(r)
	if !ok || err != nil {
		return err
	}
	ifd0, err := t.dir(t.first)
	if err != nil {
		return err
	}
	picture, err := t.main(&ifd0)
	if err != nil {
		return err
	}
	i.SetSize(picture.width, picture.height)
	i.Orientation = cmp.Or(ifd0.orientation, picture.orientation)
	if !cmp.Or(ifd0.turned, picture.turned) {
		i.DisplayWidth, i.DisplayHeight = i.Width, i.Height
	}
	i.ColorModel = photometrics[picture.photometric]
	if i.Word, err = t.kind(&ifd0, &picture); err != nil {
		return err
	}
	if i.Word == "CR2" {
		i.ColorModel = photometrics[cfa] // IFD0 is the same picture as a JPEG
	}
	if i.Word == "" && picture.photometric != cfa {
		i.Frames, err = t.pages(&ifd0)
	}
	return err
}

// infoRW2 reads the picture's place on the sensor: its upper, left, lower and right border are tags 4 to 7
// of IFD0.
func infoRW2(r io.ReaderAt, i *Info) error {
	t, ok, err := openTIFF(r)
	if !ok || err != nil {
		return err
	}
	d, err := t.dir(t.first)
	if s := &d.sensor; s[6] > s[4] && s[7] > s[5] {
		i.SetSize(s[7]-s[5], s[6]-s[4])
	}
	i.Orientation, i.ColorModel = d.orientation, photometrics[cfa]
	return err
}

// infoCR3 reads the size and the orientation in the block of IFD0.
func infoCR3(r io.ReaderAt, i *Info) error {
	i.ColorModel = photometrics[cfa]
	blocks, err := chooseCR3(r)
	for _, b := range blocks {
		if b.First != ifd0 {
			continue
		}
		t, ok, err := openTIFF(b.R)
		if !ok || err != nil {
			return err
		}
		d, err := t.dir(t.first)
		i.SetSize(d.width, d.height)
		i.Orientation = d.orientation
		return err
	}
	return err
}

// infoORF reads Olympus' raw files, whose IFD0 declares the sensor samples as gray.
func infoORF(r io.ReaderAt, i *Info) error {
	err := infoTIFF(r, i)
	i.ColorModel, i.Frames = photometrics[cfa], 0
	return err
}

// pages counts the directories that are pages. It returns 0 if there are too many directories.
func (t *tiffFile) pages(ifd0 *tiffDir) (n int64, err error) {
	r := t.R
	t.R = container.ReaderFunc(func(p []byte, off int64) (int, error) { return container.PeekAt(r, p, off) })
	n = 1
	const near = 4 << 10 // the same request has probably fetched these bytes
	last, far := t.first, 0
	next := ifd0.next
	for range maxPages {
		if next == 0 {
			return n, nil
		}
		if next < last || next-last > near {
			far++
		}
		if far > maxFarPages {
			return 0, nil
		}
		d, err := t.dir(next)
		switch {
		case errors.Is(err, ErrTooLarge):
			return 0, nil
		case err != nil:
			return 0, err
		}
		if d.width > 0 && !d.reduced() && !d.thumbnail {
			n++
		}
		last, next = next, d.next
	}
	return 0, nil
}
