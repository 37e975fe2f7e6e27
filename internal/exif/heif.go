package exif

import (
	"io"
	"slices"
)

// HEIF (ISO/IEC 23008-12), and AVIF which is built on it: the box meta, anywhere in the file, lists
// items in iinf (14496-12, 8.11.6) and says where their bytes are in iloc (8.11.3): in the file
// (construction method 0), in the box idat next to it (1), or within other items (2), in one piece
// or several. EXIF is an item of the type "Exif" (23008-12, A.2.1). Where there are several, the one
// that describes (reference cdsc in iref, 8.11.12) the primary item (pitm, 8.11.4) is the picture's.
//
// What isn't supported, being written by nobody, is EXIF of construction method 2 or in another
// file: it is ErrInvalid. A file with the box mini in place of meta (23008-12:2025) counts as one
// without EXIF.

func isBMFF(head []byte) bool { return len(head) >= 12 && string(head[4:8]) == "ftyp" }

// isAVIF looks at the brands within the first bytes: AVIF may come with HEIF's major brand.
func isAVIF(head []byte) bool {
	if !isBMFF(head) {
		return false
	}
	switch string(head[8:12]) {
	case "avif", "avis":
		return true
	case "mif3": // the minor version names the codec (23008-12, annex K)
		return len(head) >= 16 && string(head[12:16]) == "avif"
	case "mif1", "msf1", "miaf":
		brands := head[min(16, len(head)):]
		return hasBrand(brands, "avif", "avis") && !hasBrand(brands, "heic", "heix", "hevc", "hevx")
	}
	return false
}

func hasBrand(brands []byte, names ...string) bool {
	for ; len(brands) >= 4; brands = brands[4:] {
		if slices.Contains(names, string(brands[:4])) {
			return true
		}
	}
	return false
}

// imageBrands are the brands of pictures and sequences of pictures (23008-12, annexes B, E, F, H, L;
// AVIF, MIAF), by which a file is an image whatever is in it.
var imageBrands = []string{
	"mif1", "mif2", "mif3", "msf1", "miaf", "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs",
	"avif", "avis", "avci", "avcs", "jpeg", "jpgs", "j2ki", "j2is", "vvic", "vvis", "evbi", "evbs",
}

// itemBoxes are the boxes of meta that tell where an item is.
type itemBoxes struct{ pitm, iinf, iref, iloc, idat extent }

// findHEIF finds the Exif item. A file of another brand without items is a film: nothing is looked
// for after its moov or moof, since a film in fragments has thousands of them.
func findHEIF(r io.ReaderAt) ([]block, error) {
	w := &boxes{r: r}
	image := false
	var blocks []block
	err := w.each(wholeFile, func(b box) (done bool, err error) {
		switch b.typ {
		case "ftyp":
			var brands [256]byte
			n, err := readAt(r, brands[:min(int64(len(brands)), b.body.n)], b.body.off)
			image = n >= 4 && (hasBrand(brands[:4], imageBrands...) || n > 8 && hasBrand(brands[8:n], imageBrands...))
			return false, err
		case "moov", "moof":
			return !image, nil
		case "mini":
			image = true
			return true, nil
		case "meta":
			m, err := w.meta(b.body)
			if err != nil || m.iinf.n == 0 {
				return false, err
			}
			image = true
			blocks, err = w.exifItem(&m)
			return true, err
		}
		return false, nil
	})
	if err == nil && !image {
		err = ErrNotImage
	}
	return blocks, err
}

// meta finds the boxes in the full box meta.
func (w *boxes) meta(body extent) (m itemBoxes, err error) {
	err = w.each(fullBody(body, 4), func(b box) (bool, error) {
		var to *extent
		switch b.typ {
		case "pitm":
			to = &m.pitm
		case "iinf":
			to = &m.iinf
		case "iref":
			to = &m.iref
		case "iloc":
			to = &m.iloc
		case "idat":
			to = &m.idat
		default:
			return false, nil
		}
		if to.n == 0 {
			*to = b.body
		}
		return false, nil
	})
	return m, err
}

// fullBody is what is left of a body after its first n bytes.
func fullBody(body extent, n int64) extent {
	n = min(n, body.n)
	return extent{body.off + n, body.n - n}
}

func (w *boxes) cursor(run extent) *cursor { return &cursor{r: w.r, run: run} }

// exifItem is the block of the Exif item, none if there is no such item or nothing in it.
func (w *boxes) exifItem(m *itemBoxes) ([]block, error) {
	items, err := w.exifItems(m.iinf)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	item := items[0]
	if len(items) > 1 {
		item, err = w.describing(m, items)
		if err != nil {
			return nil, err
		}
	}
	runs, ok, err := w.locate(m, item)
	if err != nil {
		return nil, err
	}
	if !ok {
		return unreadable(), nil
	}
	if len(runs) == 0 {
		return nil, nil
	}
	return offsetBlock(join(w.r, runs))
}

// exifItems is the numbers of the items of type Exif: those of the picture, of its depth map, ...
func (w *boxes) exifItems(iinf extent) (items []uint64, err error) {
	c := w.cursor(iinf)
	head := int64(4 + 2)
	if c.uint(1) > 0 { // version
		head = 4 + 4
	}
	if c.err != nil {
		return nil, c.err
	}
	err = w.each(fullBody(iinf, head), func(b box) (bool, error) {
		// version and flags, number (16 or 32 bits), protection (16 bits), type
		if b.typ != "infe" || len(b.peek) < 12 {
			return false, nil
		}
		idSize := 0
		switch b.peek[0] {
		case 2:
			idSize = 2
		case 3:
			idSize = 4
		default: // 0 and 1 have no types
			return false, nil
		}
		typ := 4 + idSize + 2
		if len(b.peek) < typ+4 || string(b.peek[typ:typ+4]) != "Exif" {
			return false, nil
		}
		var id uint64
		for _, v := range b.peek[4 : 4+idSize] {
			id = id<<8 | uint64(v)
		}
		items = append(items, id)
		return false, nil
	})
	return items, err
}

// describing is the one of the items that describes the primary item, the first if none does.
func (w *boxes) describing(m *itemBoxes, items []uint64) (uint64, error) {
	c := w.cursor(m.pitm)
	idSize := wideIf(c.uint(1) > 0)
	c.uint(3)
	primary := c.uint(idSize)
	if c.over || c.err != nil {
		return items[0], c.err
	}
	isItem := make(map[uint64]bool, len(items))
	for _, id := range items {
		isItem[id] = true
	}
	found, refs := items[0], 0
	c = w.cursor(m.iref)
	idSize = wideIf(c.uint(1) > 0)
	if c.err != nil {
		return 0, c.err
	}
	err := w.each(fullBody(m.iref, 4), func(b box) (bool, error) {
		if b.typ != "cdsc" {
			return false, nil
		}
		c.start(b.body)
		id := c.uint(idSize)
		if !isItem[id] {
			return false, c.err
		}
		for n := c.uint(2); n > 0 && !c.over; n-- {
			if refs++; refs > maxItems {
				return false, ErrTooLarge
			}
			if c.uint(idSize) == primary && !c.over {
				found = id
				return true, nil
			}
		}
		return false, c.err
	})
	return found, err
}

// wideIf is the size of an item's number: 32 bits in the later versions of a box.
func wideIf(later bool) int64 {
	if later {
		return 4
	}
	return 2
}

// locate is where an item's bytes are; ok is false where that isn't said or not supported.
func (w *boxes) locate(m *itemBoxes, item uint64) (runs []extent, ok bool, err error) {
	c := w.cursor(m.iloc)
	version := c.uint(1)
	c.uint(3)
	sizes := c.uint(2) // 4 bits each
	offsetSize, lengthSize := int64(sizes>>12), int64(sizes>>8&15)
	baseSize, indexSize := int64(sizes>>4&15), int64(sizes&15)
	if version == 0 {
		indexSize = 0 // reserved
	}
	if version > 2 || max(offsetSize, lengthSize, baseSize, indexSize) > 8 {
		return nil, false, c.err
	}
	count := c.uint(wideIf(version == 2))
	for i := uint64(0); i < count && !c.over; i++ {
		if i == maxItems {
			return nil, false, ErrTooLarge
		}
		id := c.uint(wideIf(version == 2))
		method := uint64(0)
		if version > 0 {
			method = c.uint(2) & 15
		}
		elsewhere := c.uint(2) != 0 // the data reference, 0 for this file
		base := offset(c.uint(baseSize))
		n := c.uint(2)
		if c.over {
			break
		}
		if id != item {
			c.skip(offset(n) * (indexSize + offsetSize + lengthSize))
			continue
		}
		in := wholeFile
		switch {
		case elsewhere || method > 1:
			return nil, false, c.err
		case method == 1:
			in = m.idat
		}
		if n > maxExtents {
			return nil, false, ErrTooLarge
		}
		for range n {
			c.uint(indexSize)
			off := min(base+offset(c.uint(offsetSize)), in.n)
			length := offset(c.uint(lengthSize))
			if c.over {
				break
			}
			if lengthSize == 0 { // all there is; a length of 0 says so as well, but is written for nothing
				length = in.n
			}
			ok = true
			if length > 0 {
				runs = append(runs, extent{in.off + off, min(length, in.n-off)})
			}
		}
		break
	}
	return runs, ok, c.err
}
