package exif

import (
	"bytes"
	"encoding/binary"
	"io"
	"maps"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// format is one container format. find returns its TIFF blocks, none and no error if the file has no EXIF. info
// reads the picture's headers. Both return ErrNotImage if later bytes show that it is no image. pictures adds the
// embedded JPEGs that no TIFF block points at; it is nil if a format has none.
type format struct {
	find     func(r io.ReaderAt) ([]block, error)
	info     func(r io.ReaderAt, i *Info) error
	pictures func(s *pictureSearch) error
}

// formats has the formats by the names that Sniff gives them. A new format needs a signature there, a file with
// its finder, an entry here, and a sample in testimage.Formats.
var formats = map[string]format{
	"jpeg": {findJPEG, infoJPEG, picturesInJPEG},
	"png":  {findPNG, infoPNG, nil},
	"webp": {findWebP, infoWebP, nil},
	"cr3":  {findCR3, infoCR3, picturesInCR3},
	"avif": {findHEIF, infoHEIF, picturesInHEIF},
	"heif": {findHEIF, infoHEIF, picturesInHEIF},
	"jxl":  {findJXL, infoJXL, nil},
	"jp2":  {findJP2, infoJP2, nil},
	"psd":  {findPSD, infoPSD, nil},
	"raf":  {findRAF, infoRAF, picturesInRAF},
	"mrw":  {findMRW, infoMRW, nil},
	"rw2":  {findRW2, infoRW2, picturesInRW2},
	"orf":  {findTIFF, infoORF, nil},
	"jxr":  {findTIFF, infoTIFF, nil},
	"tiff": {findTIFF, infoTIFF, nil},
	"gif":  {findNone, infoGIF, nil},
	"bmp":  {findNone, infoBMP, nil},
	"ico":  {findNone, infoICO, nil},
	"svg":  {findSVG, infoSVG, nil},
}

// Formats returns the sorted names of all known formats.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// sniff returns the format of the file r and its name.
func sniff(r io.ReaderAt) (f format, name string, err error) {
	var head [container.SniffLen]byte
	n, err := container.ReadAt(r, head[:], 0)
	if err != nil {
		return f, "", err
	}
	f, ok := formats[container.Sniff(head[:n])]
	if !ok {
		return f, "", ErrNotImage
	}
	return f, container.Sniff(head[:n]), nil
}

// SniffLen is the number of a file's first bytes that Sniff looks at. It is enough for 120 brands.
const SniffLen = 512

// Sniff returns the name of the format of a file with these first bytes, "" for none. Unlike Decode, it
// reads no more of the file: a file of the ISO base media file format is an image if its brands say so, or
// if it starts with the items of a picture. A film is no image even if it has items, and "svg" may be any XML.
func Sniff(head []byte) string {
	name := container.Sniff(head)
	if name == "heif" && !hasImageBrand(head) && !startsWithItems(head) {
		return ""
	}
	return name
}

// hasImageBrand reports whether a file that begins with the box ftyp has a brand of pictures.
func hasImageBrand(head []byte) bool {
	if len(head) < 12 {
		return false
	}
	size := int(min(binary.BigEndian.Uint32(head), SniffLen))
	brands := head[min(16, len(head)):max(min(size, len(head)), min(16, len(head)))]
	return container.HasBrand(head[8:12], container.ImageBrands...) || container.HasBrand(brands, container.ImageBrands...)
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

// findTIFF returns the block of formats whose whole file is a TIFF block.
func findTIFF(r io.ReaderAt) ([]block, error) { return []block{{r: r, first: ifd0, pages: true}}, nil }

// findNone returns no block, for formats that can't hold EXIF.
func findNone(io.ReaderAt) ([]block, error) { return nil, nil }

func oneBlock(r io.ReaderAt) []block { return []block{{r: r, first: ifd0}} }

// unreadable returns an empty block, for EXIF that exists but can't be read.
func unreadable() []block { return oneBlock(bytes.NewReader(nil)) }

// startsAt reports whether a TIFF block starts at off.
func startsAt(r io.ReaderAt, off int64) (bool, error) {
	var head [16]byte
	n, err := container.ReadAt(r, head[:], off)
	_, _, ok := container.ParseTIFFHeader(head[:n])
	return ok, err
}

// withoutIntro returns the TIFF block in r, after "Exif\0\0" if the writer put that before the block, as
// in JPEG.
func withoutIntro(r io.ReaderAt) ([]block, error) {
	var head [6]byte
	ok, err := container.ReadFull(r, head[:], 0)
	if ok && bytes.Equal(head[:], exifIntro) {
		r = container.FromOffset(r, int64(len(exifIntro)))
	}
	return oneBlock(r), err
}

// offsetBlock returns the TIFF block in r, which begins with the block's offset: 4 bytes big-endian,
// counted from their end (ISO/IEC 23008-12, A.2.1, ExifDataBlock; 18181-2, 9.5). If no block starts
// there, offsetBlock tries the places of writers that leave the offset wrong or out.
func offsetBlock(r io.ReaderAt) ([]block, error) {
	var b [4]byte
	ok, err := container.ReadFull(r, b[:], 0)
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
			return oneBlock(container.FromOffset(r, off)), nil
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
	if e, ok := blocks[0].r.(*container.Joined); ok {
		return int(e.Runs[0].Off)
	}
	return -1
}
