package container

import (
	"encoding/binary"
	"io"
)

// JPEG 2000's JP2 and JPX (ITU-T T.800, annex I) consist of boxes like ISO's. The standard has no
// place for EXIF; three are in use: a uuid box with a TIFF block, whose type is the letters
// "JpgTiffExif->JP2" or Photoshop's, and a box Exif as in JPEG XL.

const (
	// JP2UUID is the type that ExifTool and others write.
	JP2UUID = "JpgTiffExif->JP2"
	// PhotoshopUUID is the type that Adobe's JPEG 2000 plugin writes; Adobe hasn't documented it,
	// ExifTool's Image::ExifTool::Jpeg2000 lists it.
	PhotoshopUUID = "\x05\x37\xCD\xAB\x9D\x0C\x44\x31\xA7\x2A\xFA\x56\x1F\x2A\x11\x3E"
	// GeoUUID is GeoJP2's (GeoTIFF Box Specification for JPEG 2000): a GeoTIFF file of one pixel.
	GeoUUID = "\xB1\x4B\xF8\xBD\x08\x3D\x4B\x43\xA5\xAE\x8C\xD7\xD5\xA6\xCE\x03"
)

// JP2EXIF offers each EXIF; geo is true for that of GeoJP2.
func JP2EXIF(r io.ReaderAt, f func(b Block, geo bool) (done bool, err error)) error {
	if bare, err := startsWith(r, J2KCodestream); bare || err != nil {
		return err // it can't hold EXIF
	}
	w := &boxes{R: r}
	return w.each(wholeFile, func(b box) (done bool, err error) {
		found := Block{R: RunReader(r, b.Body), Off: b.Body.Off}
		uuid := string(b.UUID[:])
		switch {
		case b.Type == "Exif":
			found.R, err = offsetBlock(found.R)
		case b.Type != "uuid":
			return false, nil
		case uuid == JP2UUID || uuid == PhotoshopUUID:
			found.R, err = withoutIntro(found.R)
		case uuid == GeoUUID:
			found.Pages = true
		default:
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return f(found, found.Pages)
	})
}

// JP2Info reads the boxes ihdr (I.5.3.1) and colr (I.5.3.3) in jp2h, or the codestream of a file without
// them.
func JP2Info(r io.ReaderAt, i *Info) error {
	if bare, err := startsWith(r, J2KCodestream); bare || err != nil {
		return j2kInfo(r, i)
	}
	i.Frames = 1
	w := &boxes{R: r}
	header := func(b box) (bool, error) {
		switch {
		case b.Type == "ihdr" && i.Width == 0:
			var h [10]byte
			ok, err := ReadFull(r, h[:], b.Body.Off)
			if ok {
				height, width := TwoUint32(h[:])
				i.SetSize(width, height)
				i.ColorModel = jp2Colors(int64(binary.BigEndian.Uint16(h[8:])))
			}
			return false, err
		case b.Type == "colr" && len(b.Peek) >= 7 && b.Peek[0] == 1: // an enumerated color space
			const sRGB, gray, sYCC, cmyk = 16, 17, 18, 12
			switch binary.BigEndian.Uint32(b.Peek[3:]) {
			case sRGB:
				i.ColorModel = "rgb"
			case gray:
				i.ColorModel = "gray"
			case sYCC:
				i.ColorModel = "ycbcr"
			case cmyk:
				i.ColorModel = "cmyk"
			}
			return true, nil
		}
		return false, nil
	}
	return w.each(wholeFile, func(b box) (bool, error) {
		switch b.Type {
		case "jp2h":
			err := w.each(b.Body, header)
			return i.Width > 0, err
		case "jp2c":
			return true, j2kInfo(RunReader(r, b.Body), i)
		}
		return false, nil
	})
}

// jp2Colors returns the usual color model of so many components.
func jp2Colors(components int64) string {
	switch components {
	case 1, 2:
		return "gray"
	case 3, 4:
		return "rgb"
	}
	return ""
}

// j2kInfo reads the codestream's segment SIZ (A.5.1): its length, capabilities, the width and height of the
// grid, the picture's offset on it, the size and offset of a tile, and the number of components.
func j2kInfo(r io.ReaderAt, i *Info) error {
	i.Frames = 1
	var b [42]byte
	ok, err := ReadFull(r, b[:], 0)
	if !ok || err != nil || string(b[:4]) != J2KCodestream {
		return err
	}
	right, bottom := TwoUint32(b[8:])
	left, top := TwoUint32(b[16:])
	i.SetSize(right-left, bottom-top)
	i.ColorModel = jp2Colors(int64(binary.BigEndian.Uint16(b[40:])))
	return nil
}
