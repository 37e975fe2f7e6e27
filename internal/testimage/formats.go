package testimage

import "bytes"

// Formats returns small files of every format that the decoder knows, by the decoder's name of the format: one
// for each signature. Those that can have EXIF have the tags of Full.
func Formats() map[string][][]byte {
	m := Gradient(8, 6)
	full := Full()
	block := full.Encode()
	data := ExifData(block, false)
	heic := HEIF{Exif: [][]byte{data}}
	avif := HEIF{Major: "avif", Exif: [][]byte{data}}
	jpeg := JPEG(m, EXIFSegment(block))
	raw := func(magic string) []byte { return append([]byte(magic), block[4:]...) }
	return map[string][][]byte{
		"jpeg": {jpeg},
		"png":  {PNG(m, PNGChunk("eXIf", block), nil)},
		"webp": {WebP(VP8X(8), VP8L(), RIFFChunk("EXIF", block))},
		"cr3":  {CR3(block, block, block)},
		"avif": {avif.Encode()},
		"heif": {heic.Encode()},
		"jxl":  {JXL(Box("Exif", data)), []byte("\xFF\x0A\x08\x04")},
		"jp2":  {JP2(Box("uuid", []byte("JpgTiffExif->JP2"), block)), []byte("\xFF\x4F\xFF\x51\x00\x2F")},
		"psd":  {PSD(1, PSDResource(1058, "", block))},
		"raf":  {RAF(jpeg)},
		"mrw":  {MRW(block, false)},
		"rw2":  {RW2([]Entry{ASCII(0x010F, "Panasonic")}, jpeg)},
		"orf":  {raw("IIRO")},
		"jxr":  {raw("II\xBC\x01")},
		"tiff": {block, TIFF(full), full.EncodeBig()},
		"gif":  {[]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;")},
		"bmp":  {append([]byte("BM\x3A\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00"), make([]byte, 32)...)},
		"ico":  {append([]byte("\x00\x00\x01\x00\x01\x00\x10\x10\x00\x00\x01\x00\x20\x00\x68\x04\x00\x00\x16\x00\x00\x00"), bytes.Repeat([]byte{7}, 64)...)},
		"svg": {
			[]byte(`<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`),
			[]byte("<?xml version=\"1.0\"?>\n<!-- c --><!DOCTYPE svg [ <!ENTITY a \"b\"> ]>\n<svg/>"),
		},
	}
}
