package exif

import (
	"encoding/binary"
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// format is one container format. choose returns the TIFF blocks of its EXIF, none and no error if the file has
// none. info reads the picture's headers. Both return ErrNotImage if later bytes show that it is no image. pictures
// adds the embedded JPEGs that no TIFF block points at; it is nil if a format has none.
type format struct {
	choose   func(r io.ReaderAt) ([]container.Block, error)
	info     func(r io.ReaderAt, i *Info) error
	pictures func(r io.ReaderAt, add func(container.Place)) error
}

// formats has the formats by the names that container.Sniff gives them. A new format needs a signature there, a file
// with its parts, an entry here, and a sample in testimage.Formats.
var formats = map[string]format{
	"jpeg": {chooseJPEG, infoJPEG, container.JPEGPictures},
	"png":  {choosePNG, infoPNG, nil},
	"webp": {first(container.WebPEXIF), upright(withEXIF(container.WebPInfo, first(container.WebPEXIF))), nil},
	"cr3":  {chooseCR3, infoCR3, container.CR3Pictures},
	"avif": {chooseHEIF, plain(container.AVIFInfo), container.HEIFPictures},
	"heif": {chooseHEIF, plain(container.HEIFInfo), container.HEIFPictures},
	"jxl":  {first(container.JXLEXIF), plain(container.JXLInfo), nil},
	"jp2":  {chooseJP2, plain(container.JP2Info), nil},
	"psd":  {choosePSD, plain(container.PSDInfo), nil},
	"raf":  {chooseRAF, infoRAF, container.RAFPictures},
	"mrw":  {first(container.MRWEXIF), infoMRW, nil},
	"rw2":  {chooseRW2, infoRW2, container.RW2Pictures},
	"orf":  {chooseTIFF, infoORF, nil},
	"jxr":  {chooseTIFF, infoTIFF, nil},
	"tiff": {chooseTIFF, infoTIFF, nil},
	"gif":  {chooseNone, plain(container.GIFInfo), nil},
	"bmp":  {chooseNone, plain(container.BMPInfo), nil},
	"ico":  {chooseNone, plain(container.ICOInfo), nil},
	"svg":  {chooseSVG, plain(container.SVGInfo), nil},
}

// sniff returns the format of the file r and its name.
func sniff(r io.ReaderAt) (f format, name string, err error) {
	var head [container.SniffLen]byte
	n, err := container.ReadAt(r, head[:], 0)
	if err != nil {
		return f, "", err
	}
	name = container.Sniff(head[:n])
	f, ok := formats[name]
	if !ok {
		return f, "", ErrNotImage
	}
	return f, name, nil
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
