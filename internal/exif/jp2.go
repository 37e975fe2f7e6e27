package exif

import "io"

// JPEG 2000's JP2 and JPX (ITU-T T.800, annex I) are made of boxes like ISO's. The standard has no
// place for EXIF; two are in use: a uuid box of a type that spells "JpgTiffExif->JP2", with a TIFF
// block, and a box Exif as in JPEG XL.

const jp2UUID = "JpgTiffExif->JP2"

// findJP2 finds the first of either.
func findJP2(r io.ReaderAt) (blocks []block, err error) {
	w := &boxes{r: r}
	err = w.each(wholeFile, func(b box) (done bool, err error) {
		switch {
		case b.typ == "Exif":
			blocks, err = offsetBlock(part(r, b.body))
		case b.typ == "uuid" && string(b.uuid[:]) == jp2UUID:
			blocks, err = withoutIntro(part(r, b.body))
		default:
			return false, nil
		}
		return true, err
	})
	return blocks, err
}
