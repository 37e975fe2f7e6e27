package container

import (
	"io"
	"slices"
)

// HEIF (ISO/IEC 23008-12), and AVIF, which is based on it: the box meta, anywhere in the file, lists
// items in iinf (14496-12, 8.11.6) and locates their bytes in iloc (8.11.3): in the file
// (construction method 0), in the box idat next to it (1), or within other items (2), in one or more
// extents. EXIF is an item of the type "Exif" (23008-12, A.2.1). If there are several, the picture's is
// the one that describes (reference cdsc in iref, 8.11.12) the primary item (pitm, 8.11.4).
//
// EXIF of construction method 2 or in another file isn't supported, since nobody writes it: Decode
// returns ErrInvalid. A file with the box mini in place of meta (23008-12:2025) counts as one without
// EXIF.

// The limits of HEIF.
const (
	// maxItems bounds the entries read of the item location box, whose count has 32 bits, and the
	// items that Exif items reference: each of 32,000 Exif items can reference 65,535.
	maxItems = 1 << 16
	// maxExtents bounds the extents of one item: an item can list 65,535 extents without taking any
	// bytes of the file, and every read of the item would step through them. Writers use one.
	maxExtents = 1 << 8
	// maxFileType bounds the bytes read of the box ftyp, 4 for each brand.
	maxFileType = 1 << 12
)

// itemBoxes holds the boxes of meta that describe items.
type itemBoxes struct{ pitm, iinf, iref, iloc, idat, iprp Extent }

// HEIF holds the contents of a file's top-level boxes.
type HEIF struct {
	boxes
	image      bool      // it is an image, by its brands or contents
	sequence   bool      // its brands announce a track of pictures
	items      itemBoxes // without iinf if there are no items
	moov, mini Extent
}

// OpenHEIF reads the top-level boxes. A file of another brand without items is a film: OpenHEIF returns
// ErrNotImage and stops at its first moov or moof, since a fragmented film has thousands of boxes.
func OpenHEIF(r io.ReaderAt) (w *HEIF, err error) {
	w = &HEIF{boxes: boxes{R: r}}
	err = w.each(wholeFile, func(b box) (done bool, err error) {
		switch b.Type {
		case "ftyp":
			return false, w.fileType(b.Body)
		case "moov":
			w.moov = b.Body
			return !w.image, nil
		case "moof":
			return !w.image, nil
		case "mini":
			w.image, w.mini = true, b.Body
			return true, nil
		case "meta":
			m, err := w.meta(b.Body)
			if err != nil || m.iinf.N == 0 {
				return false, err
			}
			w.image, w.items = true, m
			return true, nil
		}
		return false, nil
	})
	if err == nil && !w.image {
		err = ErrNotImage
	}
	return w, err
}

// fileType reads the brands: the major one, its version, then the others.
func (w *HEIF) fileType(body Extent) error {
	var b [256]byte
	for at := int64(0); at < min(body.N, maxFileType); at += int64(len(b)) {
		n, err := ReadAt(w.R, b[:min(int64(len(b)), body.N-at)], body.Off+at)
		if err != nil {
			return err
		}
		if at == 0 && n > 4 {
			clear(b[4:min(n, 8)])
		}
		w.image = w.image || HasBrand(b[:n], ImageBrands...)
		w.sequence = w.sequence || HasBrand(b[:n], sequenceBrands...)
	}
	return nil
}

// meta finds the boxes in the full box meta.
func (w *HEIF) meta(body Extent) (m itemBoxes, err error) {
	err = w.each(skip(body, 4), func(b box) (bool, error) {
		for _, x := range [...]struct {
			typ string
			to  *Extent
		}{{"pitm", &m.pitm}, {"iinf", &m.iinf}, {"iref", &m.iref}, {"iloc", &m.iloc}, {"idat", &m.idat}, {"iprp", &m.iprp}} {
			if b.Type == x.typ && x.to.N == 0 {
				*x.to = b.Body
			}
		}
		return false, nil
	})
	return m, err
}

// EXIF returns the block of an Exif item; ok is false if it is empty.
func (w *HEIF) EXIF(item uint64) (b Block, ok bool, err error) {
	runs, ok, err := w.locate(item)
	if err != nil {
		return b, false, err
	}
	if !ok {
		return Block{R: unreadable}, true, nil
	}
	if len(runs) == 0 {
		return b, false, nil
	}
	r, err := offsetBlock(Join(w.R, runs))
	return Block{R: r, Off: runs[0].Off}, true, err
}

// Items returns the IDs of the items of a type. The picture, its depth map etc. can each have an Exif item.
func (w *HEIF) Items(want string) (items []uint64, err error) {
	err = w.eachItem(func(id uint64, typ string, _ Extent) (bool, error) {
		if typ == want {
			items = append(items, id)
		}
		return false, nil
	})
	return items, err
}

// eachItem calls f with the items until f returns done. strings has an item's name and more.
func (w *HEIF) eachItem(f func(id uint64, typ string, strings Extent) (done bool, err error)) error {
	iinf := w.items.iinf
	if iinf.N == 0 {
		return nil
	}
	c := w.cursor(iinf)
	head := int64(4 + 2)
	if c.uint(1) > 0 { // version
		head = 4 + 4
	}
	if c.err != nil {
		return c.err
	}
	return w.each(skip(iinf, head), func(b box) (bool, error) {
		// version and flags, ID (16 or 32 bits), protection (16 bits), type
		if b.Type != "infe" || len(b.Peek) < 12 || b.Peek[0] < 2 || b.Peek[0] > 3 { // 0 and 1 have no types
			return false, nil
		}
		idSize := int(sizeOfID(b.Peek[0] == 3))
		typ := 4 + idSize + 2
		if len(b.Peek) < typ+4 {
			return false, nil
		}
		var id uint64
		for _, v := range b.Peek[4 : 4+idSize] {
			id = id<<8 | uint64(v)
		}
		return f(id, string(b.Peek[typ:typ+4]), skip(b.Body, int64(typ)+4))
	})
}

// Describing returns the first of some items that describes the primary item (reference cdsc); ok is false if none
// does.
func (w *HEIF) Describing(items []uint64) (found uint64, ok bool, err error) {
	primary, ok, err := w.primary()
	if !ok || err != nil {
		return 0, false, err
	}
	ok = false
	isItem := make(map[uint64]bool, len(items))
	for _, id := range items {
		isItem[id] = true
	}
	refs := 0
	c := w.cursor(w.items.iref)
	idSize := sizeOfID(c.uint(1) > 0)
	if c.err != nil {
		return 0, false, c.err
	}
	err = w.each(skip(w.items.iref, 4), func(b box) (bool, error) {
		if b.Type != "cdsc" {
			return false, nil
		}
		c.start(b.Body)
		id := c.uint(idSize)
		if !isItem[id] {
			return false, c.err
		}
		for n := c.uint(2); n > 0 && !c.truncated; n-- {
			if refs++; refs > maxItems {
				return false, ErrTooLarge
			}
			if c.uint(idSize) == primary && !c.truncated {
				found, ok = id, true
				return true, nil
			}
		}
		return false, c.err
	})
	return found, ok, err
}

// primary returns the ID of the primary item.
func (w *HEIF) primary() (item uint64, ok bool, err error) {
	c := w.cursor(w.items.pitm)
	idSize := sizeOfID(c.uint(1) > 0)
	c.uint(3)
	item = c.uint(idSize)
	return item, !c.truncated && c.err == nil, c.err
}

// HEIFPictures adds the primary item's thumbnails that are coded as JPEG.
func HEIFPictures(r io.ReaderAt, add func(Place)) error {
	w, err := OpenHEIF(r)
	if err != nil {
		return err
	}
	thumbnails, err := w.thumbnails("jpeg")
	for _, t := range thumbnails {
		add(t.Place)
	}
	return err
}

// HEIFThumbnail is a thumbnail of the primary item that isn't a complete file, but coded in HEVC or AV1.
type HEIFThumbnail struct {
	Place
	// Type is the item's: hvc1 or av01.
	Type string
	// Width and Height are the size as coded, in pixels.
	Width, Height int64
	// Properties are the item's, in the order in which they apply.
	Properties []Property

	item uint64
}

// HEIFThumbnails returns the primary item's thumbnails that are coded in HEVC or AV1 and have a configuration. Those
// that lie as the photo is coded, and don't say how to turn them, get its rotation and mirroring.
func HEIFThumbnails(r io.ReaderAt) (found []HEIFThumbnail, err error) {
	w, err := OpenHEIF(r)
	if err != nil {
		return nil, err
	}
	all, err := w.thumbnails("hvc1", "av01")
	if err != nil || len(all) == 0 {
		return nil, err
	}
	primary, _, err := w.primary()
	if err != nil {
		return nil, err
	}
	items := []uint64{primary}
	for _, t := range all {
		items = append(items, t.item)
	}
	properties, err := w.properties(items...)
	if err != nil {
		return nil, err
	}
	configs := map[string]string{"hvc1": "hvcC", "av01": "av1C"}
	for _, t := range all {
		t.Properties = properties[t.item]
		var i Info
		configured := false
		for k := range t.Properties {
			t.Properties[k].size(&i)
			configured = configured || t.Properties[k].Type == configs[t.Type]
		}
		if t.Width, t.Height = i.Width, i.Height; configured && i.Width > 0 && i.Height > 0 {
			found = append(found, t)
		}
	}
	return found, w.turnThumbnails(found, properties[primary])
}

// turnThumbnails gives thumbnails the photo's rotation and mirroring, which are among its properties, if they lack it.
func (w *HEIF) turnThumbnails(found []HEIFThumbnail, properties []Property) error {
	var photo Info
	if err := w.picture(&photo, false); err != nil {
		return err
	}
	const quarterTurns = 5 // the first of EXIF's
	if photo.Orientation < quarterTurns || photo.Width == photo.Height {
		return nil // their shape wouldn't tell
	}
	isTurn := func(p Property) bool { return p.Type == "irot" || p.Type == "imir" }
	turns := slices.DeleteFunc(properties, func(p Property) bool { return !isTurn(p) })
	for k := range found {
		t := &found[k]
		if !slices.ContainsFunc(t.Properties, isTurn) && (t.Width > t.Height) == (photo.Width > photo.Height) {
			t.Properties = append(t.Properties, turns...)
		}
	}
	return nil
}

// thumbnails returns the primary item's thumbnails (reference thmb) that are items of some types.
func (w *HEIF) thumbnails(types ...string) (found []HEIFThumbnail, err error) {
	typeOf := map[uint64]string{}
	err = w.eachItem(func(id uint64, typ string, _ Extent) (bool, error) {
		if slices.Contains(types, typ) {
			typeOf[id] = typ
		}
		return false, nil
	})
	if err != nil || len(typeOf) == 0 {
		return nil, err
	}
	primary, ok, err := w.primary()
	if !ok || err != nil {
		return nil, err
	}
	c := w.cursor(w.items.iref)
	idSize := sizeOfID(c.uint(1) > 0)
	var items []uint64
	err = w.each(skip(w.items.iref, 4), func(b box) (bool, error) {
		if b.Type != "thmb" {
			return false, nil
		}
		c.start(b.Body)
		id := c.uint(idSize)
		if typeOf[id] == "" || slices.Contains(items, id) {
			return false, c.err
		}
		isThumbnail := false
		for n := min(c.uint(2), MaxPictures); n > 0 && !c.truncated && !isThumbnail; n-- {
			isThumbnail = c.uint(idSize) == primary && !c.truncated
		}
		if isThumbnail {
			items = append(items, id)
		}
		return len(items) == MaxPictures, c.err
	})
	if err != nil || len(items) == 0 {
		return nil, err
	}
	located, err := w.locations(items)
	for _, id := range items {
		t := HEIFThumbnail{item: id, Type: typeOf[id]}
		switch runs := located[id]; len(runs) {
		case 0:
			continue
		case 1:
			t.Place = Place{R: w.R, Run: runs[0]}
		default:
			e := Join(w.R, runs)
			t.Place = Place{R: e, Run: Extent{Off: 0, N: e.Len()}}
		}
		found = append(found, t)
	}
	return found, err
}

// HEIFOrientation returns the rotation and mirroring of the primary item's properties, as a value of EXIF's
// Orientation.
func HEIFOrientation(r io.ReaderAt) (orientation int64, err error) {
	w, err := OpenHEIF(r)
	i := Info{Orientation: 1}
	if err == nil && w.items.iinf.N > 0 {
		err = w.picture(&i, false)
	}
	return int64(i.Orientation), err
}

// locate returns the extents of an item; ok is false if they are missing or unsupported.
func (w *HEIF) locate(item uint64) (runs []Extent, ok bool, err error) {
	located, err := w.locations([]uint64{item})
	runs, ok = located[item]
	return runs, ok, err
}

// locations returns the extents of some items, in one pass over iloc, whose entries can be many. It leaves out items whose
// extents are missing or unsupported.
func (w *HEIF) locations(items []uint64) (located map[uint64][]Extent, err error) {
	located = make(map[uint64][]Extent, len(items))
	c := w.cursor(w.items.iloc)
	version := c.uint(1)
	c.uint(3)
	sizes := c.uint(2) // 4 bits each
	size := locationSizes{int64(sizes >> 12), int64(sizes >> 8 & 15), int64(sizes >> 4 & 15), int64(sizes & 15)}
	if version == 0 {
		size.index = 0 // reserved
	}
	if version > 2 || max(size.offset, size.length, size.base, size.index) > 8 {
		return nil, c.err
	}
	seen := make([]uint64, 0, len(items)) // of an item in two entries, the first counts
	count := c.uint(sizeOfID(version == 2))
	for i := uint64(0); i < count && !c.truncated && len(seen) < len(items); i++ {
		if i == maxItems {
			return nil, ErrTooLarge
		}
		id := c.uint(sizeOfID(version == 2))
		method := uint64(0)
		if version > 0 {
			method = c.uint(2) & 15
		}
		elsewhere := c.uint(2) != 0 // the data reference, 0 for this file
		base := Offset(c.uint(size.base))
		n := c.uint(2)
		if c.truncated {
			break
		}
		unsupported := elsewhere || method > 1
		if wanted := slices.Contains(items, id) && !slices.Contains(seen, id); wanted {
			seen = append(seen, id)
			if n > maxExtents && !unsupported {
				return nil, ErrTooLarge
			}
		} else {
			unsupported = true
		}
		if unsupported {
			c.skip(Offset(n) * (size.index + size.offset + size.length))
			continue
		}
		in := wholeFile
		if method == 1 {
			in = w.items.idat
		}
		if runs, ok := c.extents(n, size, base, in); ok {
			located[id] = runs
		}
	}
	return located, c.err
}

// locationSizes are the sizes of the numbers in iloc.
type locationSizes struct{ offset, length, base, index int64 }

// extents reads the n extents of an item, which count from base in a run; ok is false if there is none.
func (c *cursor) extents(n uint64, size locationSizes, base int64, in Extent) (runs []Extent, ok bool) {
	for range n {
		c.uint(size.index)
		off := min(base+Offset(c.uint(size.offset)), in.N)
		length := Offset(c.uint(size.length))
		if c.truncated {
			break
		}
		ok = true
		if size.length == 0 { // the whole source; so is a length of 0 by the standard, but writers mean no bytes
			length = in.N
		}
		if length > 0 {
			runs = append(runs, Extent{Off: in.Off + off, N: min(length, in.N-off)})
		}
	}
	return runs, ok
}

// The primary item's size is among its properties: the box iprp has the properties of all items in ipco,
// and in ipma the indexes of each item's properties (23008-12, 9.3). ispe is the size as coded (6.5.3); clap
// crops the picture (14496-12, 12.1.4), irot rotates it (6.5.10) and imir mirrors it (6.5.12), in the order of
// ipma. Readers ignore EXIF's Orientation (6.6). Of an AVIF, Chromium crops first, and only what is at the right and at the
// bottom; Firefox shows no cropped AVIF.

// maxProperties bounds the properties of an item. Writers need about six.
const maxProperties = 1 << 5

// HEIFInfo reads the primary item's properties, or the size of a track's pictures.
func HEIFInfo(r io.ReaderAt, i *Info) error { return heifInfo(r, i, false) }

// AVIFInfo is HEIFInfo for AVIF.
func AVIFInfo(r io.ReaderAt, i *Info) error { return heifInfo(r, i, true) }

func heifInfo(r io.ReaderAt, i *Info, avif bool) error {
	w, err := OpenHEIF(r)
	if err != nil {
		return err
	}
	if w.mini.N > 0 {
		return w.minimized(w.mini, i)
	}
	if w.items.iinf.N > 0 {
		if err := w.picture(i, avif); err != nil {
			return err
		}
	}
	if w.sequence && w.moov.N == 0 {
		err := w.each(wholeFile, func(b box) (bool, error) {
			if b.Type == "moov" {
				w.moov = b.Body
			}
			return b.Type == "moov", nil
		})
		if err != nil {
			return err
		}
	}
	if w.moov.N > 0 {
		return w.tracks(w.moov, i)
	}
	i.Frames = 1
	return nil
}

// picture reads the properties of the primary item.
func (w *HEIF) picture(i *Info, avif bool) error {
	item, ok, err := w.primary()
	if !ok || err != nil {
		return err
	}
	all, err := w.properties(item)
	if err != nil {
		return err
	}
	properties := all[item]
	for k := range properties {
		properties[k].size(i)
	}
	if i.Width == 0 {
		if err := w.grid(item, i); err != nil {
			return err
		}
	}
	i.Orientation, i.ColorModel = 1, "ycbcr"
	i.DisplayWidth, i.DisplayHeight = i.Width, i.Height
	if avif {
		if properties, err = w.croppedFirst(properties, i); err != nil {
			return err
		}
	}
	for k := range properties {
		properties[k].transform(i)
	}
	return nil
}

// properties returns the properties of some items, each item's in the order of ipma.
func (w *HEIF) properties(items ...uint64) (map[uint64][]Property, error) {
	var ipco Extent
	var list []association
	err := w.each(w.items.iprp, func(b box) (done bool, err error) {
		switch {
		case b.Type == "ipco" && ipco.N == 0:
			ipco = b.Body
		case b.Type == "ipma" && list == nil:
			list, err = w.associated(b.Body, items)
		}
		return ipco.N > 0 && list != nil, err
	})
	if err != nil {
		return nil, err
	}
	all := make([]Property, len(list))
	place := uint64(0)
	err = w.each(ipco, func(b box) (bool, error) {
		place++
		for k, a := range list {
			if a.index == place {
				p := &all[k]
				p.Type, p.Body, p.Essential = b.Type, b.Body, a.essential
				p.n = copy(p.head[:], b.Peek)
			}
		}
		return false, nil
	})
	properties := make(map[uint64][]Property, len(items))
	for k, a := range list {
		properties[a.item] = append(properties[a.item], all[k])
	}
	return properties, err
}

// association is that of a property with an item.
type association struct {
	item, index uint64 // the index counts from 1
	essential   bool
}

// associated returns the associations of some items.
func (w *HEIF) associated(ipma Extent, items []uint64) (list []association, err error) {
	c := w.cursor(ipma)
	idSize := sizeOfID(c.uint(1) > 0)
	c.uint(2)
	size := 1 + int64(c.uint(1)&1)
	entries := c.uint(4)
	seen := make([]uint64, 0, len(items))
	for k := uint64(0); k < entries && !c.truncated && len(seen) < len(items); k++ {
		if k == maxItems {
			return nil, ErrTooLarge
		}
		id, n := c.uint(idSize), int64(c.uint(1)) //nolint:gosec // one byte
		if !slices.Contains(items, id) || slices.Contains(seen, id) {
			c.skip(n * size)
			continue
		}
		seen = append(seen, id)
		for range min(n, maxProperties) {
			v, top := c.uint(size), uint64(1)<<(8*size-1)
			if !c.truncated {
				list = append(list, association{id, v &^ top, v&top != 0})
			}
		}
		c.skip((n - min(n, maxProperties)) * size)
	}
	return list, c.err
}

// Property is a property of an item.
type Property struct {
	Type string // empty if there is none at the index in ipma
	Body Extent
	// Essential is true if who doesn't know the property must not show the item.
	Essential bool

	head [24]byte // the start of the body
	n    int
}

// croppedFirst returns the properties of a picture with those clap in front that crop nothing at the left and at the top,
// and without the others.
func (w *HEIF) croppedFirst(properties []Property, i *Info) (ordered []Property, err error) {
	for _, p := range properties {
		if p.Type != "clap" {
			continue
		}
		ok, err := w.cropsFromOrigin(&p, i)
		if err != nil {
			return nil, err
		}
		if ok {
			ordered = append(ordered, p)
		}
	}
	for _, p := range properties {
		if p.Type != "clap" {
			ordered = append(ordered, p)
		}
	}
	return ordered, nil
}

// cropsFromOrigin reports whether a clap keeps whole pixels from the first one on. After its width and height comes how far
// its middle is from that of the picture.
func (w *HEIF) cropsFromOrigin(p *Property, i *Info) (bool, error) {
	var b [4 * 8]byte
	if ok, err := ReadFull(w.R, b[:min(int64(len(b)), p.Body.N)], p.Body.Off); !ok || err != nil {
		return false, err
	}
	for k, size := range []int64{i.Width, i.Height} {
		cropped, by := TwoUint32(b[8*k:])
		off, offBy := TwoUint32(b[16+8*k:])
		if by == 0 || cropped%by != 0 || offBy == 0 || (size-cropped/by)*offBy+2*int64(int32(off)) != 0 { //nolint:gosec // G115: it is signed
			return false, nil
		}
	}
	return true, nil
}

// size sets the size as coded from ispe.
func (p *Property) size(i *Info) {
	if p.Type == "ispe" && p.n >= 12 && i.Width == 0 {
		i.SetSize(TwoUint32(p.head[4:]))
	}
}

// transform applies the property to the picture as displayed.
func (p *Property) transform(i *Info) {
	switch {
	case p.Type == "irot" && p.n >= 1: // quarters counterclockwise
		quarters := int(p.head[0] & 3)
		i.Orientation = Rotated(i.Orientation, 4-quarters)
		if quarters&1 == 1 {
			i.DisplayWidth, i.DisplayHeight = i.DisplayHeight, i.DisplayWidth
		}
	case p.Type == "imir" && p.n >= 1: // 0 exchanges top and bottom, 1 left and right
		i.Orientation = Mirrored(i.Orientation)
		if p.head[0]&1 == 0 {
			i.Orientation = Rotated(i.Orientation, 2)
		}
	case p.Type == "clap" && p.n >= 16: // width and height, each a numerator and a denominator
		width, widthBy := TwoUint32(p.head[:])
		height, heightBy := TwoUint32(p.head[8:])
		if widthBy == 0 || heightBy == 0 {
			return
		}
		width, height = (width+widthBy/2)/widthBy, (height+heightBy/2)/heightBy
		if 0 < width && width <= i.DisplayWidth && 0 < height && height <= i.DisplayHeight {
			i.DisplayWidth, i.DisplayHeight = width, height
		}
	case p.Type == "pixi" && p.n >= 5 && p.head[4] == 1: // one channel (6.5.6)
		i.ColorModel = "gray"
	case p.Type == "av1C" && p.n >= 3 && p.head[2]&0x10 != 0: // monochrome
		i.ColorModel = "gray"
	case p.Type == "colr" && p.n >= 10 && string(p.head[:4]) == "nclx" && p.head[8] == 0 && p.head[9] == 0:
		i.ColorModel = "rgb" // the matrix is the identity (ITU-T H.273)
	}
}

// grid reads the size of a picture made of tiles (23008-12, 6.6.2.3.2) whose item lacks ispe: a version,
// flags, the numbers of rows and columns, the width and the height.
func (w *HEIF) grid(item uint64, i *Info) error {
	runs, ok, err := w.locate(item)
	if !ok || err != nil || len(runs) != 1 || runs[0].N != 8 && runs[0].N != 12 {
		return err
	}
	c := w.cursor(runs[0])
	version, flags := c.uint(1), c.uint(1)
	c.uint(2)
	size := sizeOfID(flags&1 == 1)
	if width, height := c.uint(size), c.uint(size); version == 0 && !c.truncated {
		i.SetSize(Offset(width), Offset(height))
	}
	return c.err
}

// tracks reads the number of pictures in the first track of pictures, and their size if it isn't known.
func (w *HEIF) tracks(moov Extent, i *Info) error {
	pictures := false
	var entry, sizes Extent // of the current track
	table := func(b box) (bool, error) {
		switch b.Type {
		case "stsd":
			entry = b.Body
		case "stsz", "stz2":
			sizes = b.Body
		}
		return false, nil
	}
	information := w.descend("stbl", false, table)
	media := func(b box) (bool, error) {
		if b.Type == "hdlr" {
			pictures = len(b.Peek) >= 12 && string(b.Peek[8:12]) == "pict"
			return !pictures, nil
		}
		return w.descend("minf", false, information)(b)
	}
	track := w.descend("mdia", false, media)
	return w.each(moov, func(b box) (bool, error) {
		if b.Type != "trak" {
			return false, nil
		}
		pictures = false
		entry, sizes = Extent{}, Extent{}
		if err := w.each(b.Body, track); err != nil || !pictures {
			return false, err
		}
		// version and flags, the size of all pictures or the width of the sizes, their number
		c := w.cursor(skip(sizes, 8))
		i.Frames = Offset(c.uint(4))
		if i.Width == 0 && c.err == nil {
			// version and flags, the number of entries, the first entry's header, 24 bytes
			c = w.cursor(skip(entry, 8+8+24))
			i.SetSize(Offset(c.uint(2)), Offset(c.uint(2)))
		}
		return true, c.err
	})
}

// minimized reads the box mini, which describes a simple file in a few bits (23008-12:2025, annex).
func (w *HEIF) minimized(mini Extent, i *Info) error {
	c := w.cursor(mini)
	// a version of 2 bits, nine flags, the colors' subsampling in 2, the orientation in 3
	head := c.uint(2)
	// a flag for the length of width and height
	sizes, length := c.uint(4), 7
	if sizes>>31 == 1 {
		length = 15
	}
	mask := uint64(1)<<length - 1
	if c.truncated {
		return c.err
	}
	i.SetSize(Offset(sizes>>(31-length)&mask)+1, Offset(sizes>>(31-2*length)&mask)+1)
	i.Orientation, i.ColorModel, i.Frames = 1+int(head&7), "ycbcr", 1
	if head>>3&3 == 0 {
		i.ColorModel = "gray"
	}
	return nil
}
