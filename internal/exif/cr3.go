package exif

import "io"

// Canon's CR3 is made of ISO boxes: the box moov holds a uuid box with one TIFF block for each
// directory: CMT1 is IFD0, CMT2 the Exif directory, CMT3 the maker note, CMT4 GPS. Canon has
// published nothing of it; https://github.com/lclevy/canon_cr3 describes it.

const canonUUID = "\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"

func isCR3(head []byte) bool { return isBMFF(head) && string(head[8:12]) == "crx " }

// findCR3 finds the blocks of the three directories.
func findCR3(r io.ReaderAt) (blocks []block, err error) {
	w := &boxes{r: r}
	canon := func(b box) (bool, error) {
		switch b.typ {
		case "CMT1":
			blocks = append(blocks, block{r: part(r, b.body), first: ifd0})
		case "CMT2":
			blocks = append(blocks, block{r: part(r, b.body), first: exifIFD})
		case "CMT4":
			blocks = append(blocks, block{r: part(r, b.body), first: gpsIFD})
		}
		// a file has one of each: more would be read over and over
		return len(blocks) == 3, nil
	}
	moov := func(b box) (bool, error) {
		if b.typ != "uuid" || string(b.uuid[:]) != canonUUID {
			return false, nil
		}
		return true, w.each(b.body, canon)
	}
	err = w.each(wholeFile, func(b box) (bool, error) {
		if b.typ != "moov" {
			return false, nil
		}
		return true, w.each(b.body, moov)
	})
	return blocks, err
}

// infoCR3 reads the size in CMT1.
func infoCR3(r io.ReaderAt, i *Info) error {
	i.ColorModel = photometrics[cfa]
	blocks, err := findCR3(r)
	for _, b := range blocks {
		if b.first != ifd0 {
			continue
		}
		t, ok, err := openTIFF(b.r)
		if !ok || err != nil {
			return err
		}
		d, err := t.dir(t.first)
		i.setSize(d.width, d.height)
		i.Orientation = d.orientation
		return err
	}
	return err
}
