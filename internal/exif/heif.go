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
type itemBoxes struct{ pitm, iinf, iref, iloc, idat, iprp extent }

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
		case "iprp":
			to = &m.iprp
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
	items, err := w.itemsOf(m.iinf, "Exif")
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

// itemsOf is the numbers of the items of that type; of type Exif, those of the picture, of its depth map, ...
func (w *boxes) itemsOf(iinf extent, want string) (items []uint64, err error) {
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
		if len(b.peek) < typ+4 || string(b.peek[typ:typ+4]) != want {
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
	primary, ok, err := w.primary(m)
	if !ok || err != nil {
		return items[0], err
	}
	isItem := make(map[uint64]bool, len(items))
	for _, id := range items {
		isItem[id] = true
	}
	found, refs := items[0], 0
	c := w.cursor(m.iref)
	idSize := wideIf(c.uint(1) > 0)
	if c.err != nil {
		return 0, c.err
	}
	err = w.each(fullBody(m.iref, 4), func(b box) (bool, error) {
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

// primary is the number of the primary item.
func (w *boxes) primary(m *itemBoxes) (item uint64, ok bool, err error) {
	c := w.cursor(m.pitm)
	idSize := wideIf(c.uint(1) > 0)
	c.uint(3)
	item = c.uint(idSize)
	return item, !c.over && c.err == nil, c.err
}

// picturesInHEIF notes the thumbnails of the primary item (reference thmb) that are coded as JPEG.
func picturesInHEIF(s *pictureSearch) error {
	w := &boxes{r: s.r}
	return w.each(wholeFile, func(b box) (bool, error) {
		switch b.typ {
		case "moov", "moof":
			return true, nil
		case "meta":
			m, err := w.meta(b.body)
			if err != nil || m.iinf.n == 0 {
				return false, err
			}
			return true, w.thumbnails(s, &m)
		}
		return false, nil
	})
}

// thumbnails notes the thumbnails of the primary item that are coded as JPEG.
func (w *boxes) thumbnails(s *pictureSearch, m *itemBoxes) error {
	jpegs, err := w.itemsOf(m.iinf, "jpeg")
	if err != nil || len(jpegs) == 0 {
		return err
	}
	primary, ok, err := w.primary(m)
	if !ok || err != nil {
		return err
	}
	c := w.cursor(m.iref)
	idSize := wideIf(c.uint(1) > 0)
	refs := 0
	return w.each(fullBody(m.iref, 4), func(b box) (bool, error) {
		if b.typ != "thmb" {
			return false, nil
		}
		c.start(b.body)
		id := c.uint(idSize)
		if !slices.Contains(jpegs, id) {
			return false, c.err
		}
		if refs++; refs > maxPictures {
			return true, nil
		}
		found := false
		for n := min(c.uint(2), maxPictures); n > 0 && !c.over && !found; n-- {
			found = c.uint(idSize) == primary && !c.over
		}
		if !found {
			return false, c.err
		}
		runs, ok, err := w.locate(m, id)
		if !ok || err != nil || len(runs) == 0 {
			return false, err
		}
		if len(runs) == 1 {
			s.add(picturePlace{r: w.r, run: runs[0]})
		} else {
			e := join(w.r, runs)
			s.add(picturePlace{r: e, run: extent{0, e.ends[len(runs)-1]}})
		}
		return false, nil
	})
}

// turnOfHEIF is how the primary item is turned, by its properties irot (23008-12, 6.5.10) and imir (6.5.12) in
// the order in which ipma (9.3.1) gives them, as a value of EXIF's Orientation.
func turnOfHEIF(r io.ReaderAt) (orientation int64, err error) {
	orientation = 1
	w := &boxes{r: r}
	err = w.each(wholeFile, func(b box) (bool, error) {
		if b.typ != "meta" {
			return b.typ == "moov" || b.typ == "moof", nil
		}
		m, err := w.meta(b.body)
		if err != nil || m.iprp.n == 0 {
			return false, err
		}
		primary, ok, err := w.primary(&m)
		if !ok || err != nil {
			return false, err
		}
		orientation, err = w.turn(m.iprp, primary)
		return true, err
	})
	return orientation, err
}

// turn is the orientation that the properties of an item add up to.
func (w *boxes) turn(iprp extent, item uint64) (int64, error) {
	var properties []func(orientation int64) int64 // nil for those that turn nothing
	var ipma extent
	err := w.each(iprp, func(b box) (bool, error) {
		switch b.typ {
		case "ipma":
			ipma = b.body
		case "ipco":
			return false, w.each(b.body, func(b box) (bool, error) {
				var turn func(int64) int64
				if len(b.peek) > 0 && b.typ == "irot" {
					quarters := b.peek[0] & 3
					turn = func(o int64) int64 {
						for range quarters {
							o = [...]int64{0, 8, 5, 6, 7, 4, 1, 2, 3}[o]
						}
						return o
					}
				}
				if len(b.peek) > 0 && b.typ == "imir" {
					leftRight := b.peek[0]&1 == 1
					turn = func(o int64) int64 {
						if leftRight {
							return [...]int64{0, 2, 1, 4, 3, 6, 5, 8, 7}[o]
						}
						return [...]int64{0, 4, 3, 2, 1, 8, 7, 6, 5}[o]
					}
				}
				properties = append(properties, turn)
				return false, nil
			})
		}
		return false, nil
	})
	if err != nil {
		return 0, err
	}
	// version and flags, the number of items; of each its number and its properties
	c := w.cursor(ipma)
	idSize := wideIf(c.uint(1) > 0)
	c.uint(2)
	size := 1 + int64(c.uint(1)&1)
	orientation := int64(1)
	for n := min(c.uint(4), maxItems); n > 0 && !c.over; n-- {
		id, count := c.uint(idSize), int64(c.uint(1))
		if id != item {
			c.skip(count * size)
			continue
		}
		for ; count > 0 && !c.over; count-- {
			k := c.uint(size) & (1<<(8*size-1) - 1) // without the bit that says "essential"
			if k > 0 && k <= uint64(len(properties)) && properties[k-1] != nil {
				orientation = properties[k-1](orientation)
			}
		}
		break
	}
	return orientation, c.err
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
