package exif

import "io"

// JPEG 2000's JP2 and JPX (ITU-T T.800, annex I) are made of boxes like ISO's. The standard has no
// place for EXIF; three are in use: a uuid box with a TIFF block, of a type that spells
// "JpgTiffExif->JP2" or of Photoshop's, and a box Exif as in JPEG XL.

const (
	jp2UUID = "JpgTiffExif->JP2"
	// photoshopUUID is what Adobe's JPEG 2000 plugin writes; Adobe has published nothing of it,
	// ExifTool's Image::ExifTool::Jpeg2000 lists it.
	photoshopUUID = "\x05\x37\xCD\xAB\x9D\x0C\x44\x31\xA7\x2A\xFA\x56\x1F\x2A\x11\x3E"
	// geoUUID is GeoJP2's (GeoTIFF Box Specification for JPEG 2000): a GeoTIFF file of one pixel.
	geoUUID = "\xB1\x4B\xF8\xBD\x08\x3D\x4B\x43\xA5\xAE\x8C\xD7\xD5\xA6\xCE\x03"
)

// findJP2 finds the first of them, and the place on a map that comes before it.
func findJP2(r io.ReaderAt) (blocks []block, err error) {
	var geo []block
	w := &boxes{r: r}
	err = w.each(wholeFile, func(b box) (done bool, err error) {
		switch {
		case b.typ == "Exif":
			blocks, err = offsetBlock(part(r, b.body))
		case b.typ == "uuid" && (string(b.uuid[:]) == jp2UUID || string(b.uuid[:]) == photoshopUUID):
			blocks, err = withoutIntro(part(r, b.body))
		case b.typ == "uuid" && string(b.uuid[:]) == geoUUID && geo == nil:
			found, err := findTIFF(part(r, b.body))
			if err != nil {
				return false, err
			}
			ok, err := readable(found)
			if ok {
				geo = found
			}
			return false, err
		default:
			return false, nil
		}
		return true, err
	})
	return append(blocks, geo...), err
}
