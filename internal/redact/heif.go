package redact

import (
	"bytes"
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/iptc"
)

// This is HEIF (ISO/IEC 23008-12) and AVIF, which builds on it. The box meta lists items (14496-12, 8.11):
// pictures, which can be derived from other pictures, Exif and XMP. Their bytes are in the boxes mdat or
// idat, at the offsets in iloc. References (iref), groups (grpl) and properties (iprp) are about items.
//
// meta is read whole, reduced to the items that stay and what is about them, and written anew, with a free box up to
// its old length. So nothing is left of an item that goes, no reference points at nothing, and nothing stays that
// isn't a known field.
//
// Not supported, so removed, are items made of other items' bytes (construction method 2), which no known writer uses.
// A file with the box mini instead of meta (23008-12:2025) is refused.

const (
	// maxMeta bounds the box meta: with 800 tiles it has 60 KiB.
	maxMeta = 512 << 10
	// maxItems bounds the items of a file.
	maxItems = 1 << 14
	// maxExtents bounds the pieces of all items of a file: each of 65,535 items can claim 65,535 pieces
	// that take no bytes in iloc.
	maxExtents = 1 << 14
	// maxReferences bounds the items that others refer to, and maxProperties the properties.
	maxReferences = 1 << 15
	maxProperties = 1 << 12
	// maxDerivation bounds how many pictures can be derived one from the other.
	maxDerivation = 16
)

// itemKind is how an item is redacted. The zero value removes it.
type itemKind uint8

const (
	removed     itemKind = iota
	picture              // coded
	derived              // from other pictures, by a few numbers
	jpegPicture          // a complete JPEG, which can have EXIF of its own
	jp2Picture           // a JPEG 2000 codestream, which can have comments
	exifItem
	xmpPacket
)

// pictureItems maps the types of items that are pictures, or that derive, tone-map or mask pictures (23008-12, 6.6
// and annexes; AVIF; 23001-17; 21496-1), and the property that each needs to be decoded.
var pictureItems = map[[4]byte]struct {
	kind itemKind
	need string
}{
	{'h', 'v', 'c', '1'}: {picture, "hvcC"}, {'a', 'v', '0', '1'}: {picture, "av1C"}, {'a', 'v', 'c', '1'}: {picture, "avcC"},
	{'v', 'v', 'c', '1'}: {picture, "vvcC"}, {'e', 'v', 'c', '1'}: {picture, "evcC"}, {'h', 'v', 't', '1'}: {picture, ""},
	{'u', 'n', 'c', 'i'}: {picture, "uncC"}, {'m', 's', 'k', 'i'}: {picture, "mskC"},
	{'j', 'p', 'e', 'g'}: {jpegPicture, ""}, {'j', '2', 'k', '1'}: {jp2Picture, "j2kH"},
	{'g', 'r', 'i', 'd'}: {derived, ""}, {'i', 'o', 'v', 'l'}: {derived, ""}, {'i', 'd', 'e', 'n'}: {derived, ""},
	{'t', 'm', 'a', 'p'}: {derived, ""}, {'s', 'a', 't', 'o'}: {derived, ""},
}

// references are the reference types to keep, between items (8.11.12; 23008-12, 6.4) and between tracks.
var references = []string{"dimg", "thmb", "auxl", "cdsc", "base", "prem", "exbl", "pred", "evir", "mask"}

// groups are the types of item groups to keep (8.18; 23008-12, annexes).
var groups = []string{"altr", "ster", "eqiv", "brst", "aebr", "wbbr", "fobr", "afbr", "dobr", "pano", "tsyn", "albc", "favc"}

// metaBoxes are the boxes of meta that are read.
var metaBoxes = []string{"hdlr", "pitm", "iinf", "iloc", "iref", "iprp", "grpl", "idat"}

// planItems plans for what meta says. ok is false if no picture is left.
func (f *isoFile) planItems() (ok bool, err error) {
	if f.meta.off == 0 {
		return false, nil
	}
	m := newItemIndex(f)
	if h := m.boxes["hdlr"]; len(h) < 12 || string(h[8:12]) != "pict" {
		return false, nil
	}
	if !m.readItems() || !m.readLocations() || !m.readReferences() || !m.readProperties() {
		return false, ErrRefused
	}
	if ok, err = m.choose(); !ok || err != nil {
		return false, err
	}
	body := m.write(len(f.meta.body))
	if body == nil {
		return false, ErrRefused
	}
	f.meta.body, f.meta.keep = body, true
	f.plan.edits.append(&m.file.edits)
	return true, nil
}

// newItemIndex returns the index of the items of f.
func newItemIndex(f *isoFile) *itemIndex {
	m := &itemIndex{plan: f.plan, xmpLeft: maxXMP, told: make(iptc.Told), boxes: make(map[string][]byte), byID: make(map[uint32]int32)}
	at := f.meta.off + 4
	eachBox(f.meta.body[min(4, len(f.meta.body)):], func(b box) {
		if slices.Contains(metaBoxes, b.typ) && m.boxes[b.typ] == nil {
			m.boxes[b.typ] = b.body
			m.order = append(m.order, b.typ)
			if b.typ == "idat" {
				m.inner.at = at + int64(len(b.all)-len(b.body))
			}
		}
		at += int64(len(b.all))
	})
	m.file.r, m.file.media = f.r, f.media
	m.inner.r, m.inner.media = bytes.NewReader(m.boxes["idat"]), []span{{0, int64(len(m.boxes["idat"]))}}
	return m
}

// itemIndex is the content of the box meta.
type itemIndex struct {
	plan  *Plan
	boxes map[string][]byte // the bodies
	order []string          // of the boxes

	primary uint32
	items   []metaItem // in the order of iinf
	byID    map[uint32]int32

	wide    bool   // iloc has large IDs
	sizes   [3]int // the sizes of offsets, lengths and base offsets in iloc
	extents []extent
	placed  []int32 // the items in the order of iloc

	refs []reference
	to   []int32 // of all references: indexes of items, -1 for one that isn't there

	props  []property
	assocs []uint16 // of all items: indexes of props, and the essential bit
	owners []int32  // the items in the order of ipma

	described []int // by the kind of property, how many items had properties when one was given to an item

	file    store // the mdat boxes
	inner   store // the box idat
	xmpLeft int64 // how much XMP may still be read
	told    iptc.Told
}

// metaItem is an item.
type metaItem struct {
	id      uint32
	typ     [4]byte
	version byte // of infe
	hidden  bool
	text    int // the bytes after the type in infe
	kind    itemKind
	keep    bool
	reached bool

	located bool
	inner   bool // its data is in idat
	base    uint64
	extents [2]int32 // the range in itemIndex.extents

	ipma   int32    // which ipma box has its properties, from 1
	assocs [2]int32 // the range in itemIndex.assocs
	aux    bool     // it has the property auxC
	parts  int      // the pictures that it is derived from
	used   bool     // another picture is derived from it
}

// extent is a piece of an item's data.
type extent struct{ offset, length uint64 }

// reference is from one item to others.
type reference struct {
	typ  string
	from int32    // the item's index
	to   [2]int32 // the range in itemIndex.to
}

// property is a box in ipco.
type property struct {
	box
	keep  bool // it is known
	kind  int  // an item has one of each kind, but any number of kind 0
	index int  // in the new ipco, from 1; 0 while it isn't used
}

const essential = 1 << 15

// idSizeOf returns the size of an item ID: 4 bytes in later versions of a box, 2 in earlier ones.
func idSizeOf(later bool) int {
	if later {
		return 4
	}
	return 2
}

// indexOf returns the index of the item with an ID, -1 if there is none.
func (m *itemIndex) indexOf(id uint32) int32 {
	if i, ok := m.byID[id]; ok {
		return i
	}
	return -1
}

// item returns the item with an index, nil if there is none or it doesn't stay.
func (m *itemIndex) item(i int32) *metaItem {
	if i >= 0 && m.items[i].keep {
		return &m.items[i]
	}
	return nil
}

// targets returns the indexes of the items that a reference is to.
func (m *itemIndex) targets(r reference) []int32 { return m.to[r.to[0]:r.to[1]] }

// extentsOf returns the pieces of an item's data.
func (m *itemIndex) extentsOf(it *metaItem) []extent { return m.extents[it.extents[0]:it.extents[1]] }

// propertiesOf yields an item's properties, and with each the essential bit.
func (m *itemIndex) propertiesOf(it *metaItem) iter.Seq2[*property, uint16] {
	return func(yield func(p *property, bit uint16) bool) {
		for _, a := range m.assocs[it.assocs[0]:it.assocs[1]] {
			if !yield(&m.props[a&^essential-1], a&essential) {
				return
			}
		}
	}
}

// readItems reads iinf (8.11.6) and pitm (8.11.4).
func (m *itemIndex) readItems() (ok bool) {
	b := m.boxes["iinf"]
	f := fields{b: b}
	version := f.uint(1)
	f.skip(3 + idSizeOf(version > 0))
	if f.over || version > 1 {
		return false
	}
	ok = true
	eachBox(b[f.at:], func(b box) {
		if b.typ != "infe" || !ok {
			return
		}
		f := fields{b: b.body}
		it := metaItem{version: byte(f.uint(1))} //nolint:gosec // G115: one byte
		f.skip(2)
		it.hidden = f.uint(1)&1 == 1
		it.id = f.id(idSizeOf(it.version == 3))
		protected := f.uint(2) != 0 // no known writer protects items
		f.skip(4)
		if f.over || it.version < 2 || it.version > 3 {
			return
		}
		it.typ = [4]byte(b.body[f.at-4:])
		text := b.body[f.at:]
		it.text = len(text)
		switch p, known := pictureItems[it.typ]; {
		case protected:
		case known:
			it.kind = p.kind
		case string(it.typ[:]) == "Exif":
			it.kind = exifItem
		case string(it.typ[:]) == "mime" && isXMP(text):
			it.kind = xmpPacket
		}
		if _, twice := m.byID[it.id]; twice {
			return
		}
		if ok = len(m.items) < maxItems; ok {
			m.byID[it.id] = int32(len(m.items)) //nolint:gosec // G115: less than maxItems
			m.items = append(m.items, it)
		}
	})
	f = fields{b: m.boxes["pitm"]}
	size := idSizeOf(f.uint(1) > 0)
	f.skip(3)
	m.primary = f.id(size)
	return ok && !f.over
}

const xmpType = "application/rdf+xml"

// isXMP reports whether the strings of a mime entry (name, content type, encoding) are those of an
// uncompressed XMP packet.
func isXMP(text []byte) bool {
	_, typ, ok := bytes.Cut(text, []byte{0})
	typ, encoding, _ := bytes.Cut(typ, []byte{0})
	return ok && string(typ) == xmpType && (len(encoding) == 0 || encoding[0] == 0)
}

// readLocations reads iloc (8.11.3); ok is false if it is invalid or has more than maxExtents.
func (m *itemIndex) readLocations() (ok bool) {
	f := fields{b: m.boxes["iloc"]}
	version := f.uint(1)
	f.skip(3)
	sizes := f.uint(2) // 4 bits each
	offsetSize, lengthSize := int(sizes>>12), int(sizes>>8&15)
	baseSize, indexSize := int(sizes>>4&15), int(sizes&15)
	if version == 0 {
		indexSize = 0
	}
	if version > 2 || max(offsetSize, lengthSize, baseSize, indexSize) > 8 {
		return false
	}
	m.wide = version == 2
	m.sizes = [3]int{offsetSize, lengthSize, baseSize}
	idSize := idSizeOf(m.wide)
	total := uint64(0)
	for n := f.uint(idSize); n > 0 && !f.over; n-- {
		id := f.id(idSize)
		method := uint64(0)
		if version > 0 {
			method = f.uint(2) & 15
		}
		elsewhere := f.uint(2) != 0
		base := f.uint(baseSize)
		count := f.uint(2)
		if total += count; total > maxExtents {
			return false
		}
		var it *metaItem
		if i, ok := m.byID[id]; ok && !m.items[i].located {
			it = &m.items[i]
			it.located, it.inner, it.base = true, method == 1, base
			m.placed = append(m.placed, i)
			it.extents[0] = int32(len(m.extents)) //nolint:gosec // G115: at most maxExtents
			if elsewhere || method > 1 {
				it.kind = removed
			}
		}
		for ; count > 0 && !f.over; count-- {
			f.skip(indexSize)
			x := extent{f.uint(offsetSize), f.uint(lengthSize)}
			if it != nil && (x.length > 0 || lengthSize == 0) {
				m.extents = append(m.extents, x)
			}
		}
		if it != nil {
			it.extents[1] = int32(len(m.extents)) //nolint:gosec // G115: at most maxExtents
		}
	}
	return !f.over
}

// data returns where the data of an item is in its store; ok is false if any of it isn't there.
func (m *itemIndex) data(it *metaItem) (data []span, ok bool) {
	in := m.storeOf(it)
	for _, x := range m.extentsOf(it) {
		from := container.Offset(min(it.base, container.ToEnd/2) + min(x.offset, container.ToEnd/2))
		s := span{from, from + int64(min(x.length, container.ToEnd/2))}
		if m.sizes[1] == 0 { // the item reaches to the end
			s.to = container.ToEnd
		}
		media := overlapping(in.media, span{from, from + 1})
		if len(media) == 0 {
			return nil, false
		}
		s.to = min(s.to, media[0].to)
		data = append(data, s)
	}
	return data, true
}

func (m *itemIndex) storeOf(it *metaItem) *store {
	if it.inner {
		return &m.inner
	}
	return &m.file
}

// readReferences reads iref (8.11.12).
func (m *itemIndex) readReferences() (ok bool) {
	b := m.boxes["iref"]
	if len(b) < 4 {
		return len(b) == 0
	}
	if b[0] > 1 {
		return false
	}
	idSize := idSizeOf(b[0] > 0)
	ok = true
	eachBox(b[4:], func(b box) {
		i := slices.Index(references, b.typ)
		if i < 0 || !ok {
			return
		}
		f := fields{b: b.body}
		r := reference{typ: references[i], from: m.indexOf(f.id(idSize))}
		r.to[0] = int32(len(m.to)) //nolint:gosec // G115: at most maxMeta
		n := int(f.uint(2))        //nolint:gosec // G115: 16 bits
		if ok = len(m.to)+n <= maxReferences; !ok || r.from < 0 || n*idSize > f.left() {
			return
		}
		for range n {
			m.to = append(m.to, m.indexOf(f.id(idSize)))
		}
		r.to[1] = int32(len(m.to)) //nolint:gosec // G115: as above
		m.refs = append(m.refs, r)
		if r.typ == "dimg" {
			m.items[r.from].parts += n
		}
	})
	return ok
}

// readProperties reads iprp (8.11.14): the properties in ipco, and in ipma which item has which.
func (m *itemIndex) readProperties() (ok bool) {
	var ipma [][]byte
	seen, kinds := false, make(map[string]int)
	eachBox(m.boxes["iprp"], func(b box) {
		switch {
		case b.typ == "ipma":
			ipma = append(ipma, b.body)
		case b.typ == "ipco" && !seen:
			seen = true
			eachBox(b.body, func(b box) {
				p := property{box: b}
				if len(m.props) == maxProperties {
					return
				}
				if keep, known := properties[b.typ]; known {
					p.keep = keep(&p.box)
				}
				if p.keep && b.typ != "irot" && b.typ != "imir" && b.typ != "clap" { // these are carried out one after the other
					kind := b.typ
					if kind == "colr" && string(p.body[:3]) == "ncl" { // numbers, beside a profile
						kind = "nclx"
					}
					if kind == "uuid" {
						kind = string(p.body[:uuidLen])
					}
					if kinds[kind] == 0 {
						kinds[kind] = len(kinds) + 1
					}
					p.kind = kinds[kind]
				}
				m.props = append(m.props, p)
			})
		}
	})
	m.described = make([]int, len(kinds)+1)
	for i, b := range ipma {
		if !m.readAssociations(b, int32(i+1)) {
			return false
		}
	}
	return true
}

// readAssociations reads the nth ipma.
func (m *itemIndex) readAssociations(b []byte, n int32) (ok bool) {
	f := fields{b: b}
	version := f.uint(1)
	idSize := idSizeOf(version > 0)
	f.skip(2)
	size := 1 + int(f.uint(1)&1)
	for left := f.uint(4); left > 0 && !f.over; left-- {
		id := f.id(idSize)
		var it *metaItem
		if i, ok := m.byID[id]; ok && m.items[i].ipma == 0 {
			it = &m.items[i]
			it.ipma = n
			m.owners = append(m.owners, i)
			it.assocs[0] = int32(len(m.assocs)) //nolint:gosec // G115: at most maxMeta
		}
		for k := f.uint(1); k > 0 && !f.over; k-- {
			v := f.uint(size)
			top := uint64(1) << (8*size - 1)
			index := v &^ top
			if it == nil || index == 0 || index > uint64(len(m.props)) || f.over {
				continue
			}
			p := &m.props[index-1]
			if p.typ == "auxC" {
				it.aux = true
			}
			if codings, ok := codingProperties[p.typ]; ok && !slices.Contains(codings, string(it.typ[:])) {
				continue
			}
			if p.keep && p.kind > 0 {
				if m.described[p.kind] == len(m.owners) {
					continue // readers take the first of a kind
				}
				m.described[p.kind] = len(m.owners)
			}
			if v&top != 0 {
				index |= essential
			}
			m.assocs = append(m.assocs, uint16(index)) //nolint:gosec // G115: 15 bits and one
		}
		if it != nil {
			it.assocs[1] = int32(len(m.assocs)) //nolint:gosec // G115: as above
		}
	}
	return !f.over && version <= 1
}

// has reports whether an item has a known property of that type.
func (m *itemIndex) has(it *metaItem, typ string) bool {
	for p := range m.propertiesOf(it) {
		if p.keep && p.typ == typ {
			return true
		}
	}
	return false
}

// choose decides which items stay, and plans for their data. ok is false if the primary picture isn't among them.
func (m *itemIndex) choose() (ok bool, err error) {
	for i := range m.items {
		it := &m.items[i]
		it.keep = it.kind != removed
		if it.kind == picture || it.kind == jp2Picture {
			need := pictureItems[it.typ].need
			it.keep = need == "" || m.has(it, need)
		}
		if it.aux && it.id != m.primary {
			it.keep = it.keep && m.has(it, "auxC")
		}
	}
	for _, r := range m.refs {
		if from := &m.items[r.from]; r.typ == "auxl" && from.id != m.primary {
			from.keep = from.keep && from.aux
		}
	}
	for _, r := range m.refs {
		for _, i := range m.targets(r) {
			if it := m.item(i); it != nil && r.typ == "dimg" {
				it.used = true
			}
		}
	}
	m.dropUnreachable()
	for i := range m.items {
		it := &m.items[i]
		data, located := m.data(it)
		if it.keep = it.keep && located; it.keep {
			if it.keep, err = m.planItem(it, data); err != nil {
				return false, err
			}
		}
	}
	if !m.dropBroken() {
		return false, ErrRefused
	}
	for i := range m.items {
		if it := &m.items[i]; !it.keep {
			in := m.storeOf(it)
			data, _ := m.data(it)
			in.remove = append(in.remove, data...)
		}
	}
	m.file.end()
	primary := m.item(m.indexOf(m.primary))
	return primary != nil && primary.isPicture(), nil
}

// planItem plans for the data of an item. keep is false if nothing of it stays.
func (m *itemIndex) planItem(it *metaItem, data []span) (keep bool, err error) {
	in := m.storeOf(it)
	size := int64(0)
	for _, d := range data {
		size += d.to - d.from
	}
	if size == 0 {
		return it.kind == derived && string(it.typ[:]) == "iden" && it.parts > 0, nil
	}
	switch it.kind {
	case picture:
		in.edits.pass = append(in.edits.pass, data...)
		return true, nil
	case derived:
		b, err := in.read(data, min(size, maxDerived))
		if err != nil {
			return false, err
		}
		n := keepDerived(it.typ, b, it.parts)
		if n < 0 || it.parts == 0 {
			return false, nil
		}
		in.replace(data, b[:n], 0)
		m.cut(it, n)
		return true, nil
	case jpegPicture, jp2Picture:
		for _, d := range data[1:] {
			if d.from != data[0].to { // no known writer splits these
				return false, nil
			}
			data[0].to = d.to
		}
		in.edits.nested = append(in.edits.nested, nested{data[0], nestedParser(it.kind)})
		return true, nil
	case exifItem:
		kept := m.plan.exifAt(in.at + data[0].from)
		if kept == nil {
			return false, nil
		}
		b := kept.Encode(int(min(size, maxHold)) - len(tiffOffset))
		if b != nil {
			in.replace(data, append([]byte(tiffOffset), b...), 0)
		}
		return b != nil, nil
	case xmpPacket:
		if m.xmpLeft -= size; m.xmpLeft < 0 {
			return false, nil
		}
		b, err := in.read(data, size)
		if err != nil {
			return false, err
		}
		out, _ := m.plan.xmp(m.told, b)
		if out != nil {
			in.replace(data, out, ' ')
		}
		return out != nil, nil
	}
	return false, nil
}

// cut shortens the item to n bytes.
func (m *itemIndex) cut(it *metaItem, n int) {
	if m.sizes[1] == 0 {
		return
	}
	left := uint64(n) //nolint:gosec // G115: no less than 0
	for i := it.extents[0]; i < it.extents[1]; i++ {
		x := &m.extents[i]
		x.length = min(x.length, left)
		if left -= x.length; x.length == 0 {
			it.extents[1] = i
			return
		}
	}
}

func (it *metaItem) isPicture() bool { return it.kind >= picture && it.kind <= jp2Picture }

// dropUnreachable drops hidden items that nothing shown has to do with.
func (m *itemIndex) dropUnreachable() {
	for i := range m.items {
		it := &m.items[i]
		it.reached = !it.hidden || it.id == m.primary
	}
	for range maxDerivation {
		more := false
		reach := func(i int32) {
			if it := m.item(i); it != nil && !it.reached {
				it.reached, more = true, true
			}
		}
		for _, r := range m.refs {
			from := m.item(r.from)
			if from == nil {
				continue
			}
			to := m.targets(r)
			if !from.reached && slices.ContainsFunc(to, func(i int32) bool { it := m.item(i); return it != nil && it.reached }) {
				reach(r.from)
			}
			if from.reached {
				for _, i := range to {
					reach(i)
				}
			}
		}
		if !more {
			break
		}
	}
	for i := range m.items {
		it := &m.items[i]
		it.keep = it.keep && (it.reached || !it.isPicture())
	}
}

// dropBroken drops items that depend on one that goes: pictures derived from it, its thumbnails and auxiliary
// pictures, and what describes nothing else. ok is false if that goes on for too long.
func (m *itemIndex) dropBroken() (ok bool) {
	for range maxDerivation {
		more := false
		for _, r := range m.refs {
			from := m.item(r.from)
			if from == nil {
				continue
			}
			left := 0
			for _, i := range m.targets(r) {
				if m.item(i) != nil {
					left++
				}
			}
			switch n := int(r.to[1] - r.to[0]); r.typ {
			case "dimg":
				from.keep = left == n || from.kind != derived
			case "thmb", "auxl", "cdsc":
				from.keep = left > 0 || n == 0 || from.used || from.id == m.primary
			}
			more = more || !from.keep
		}
		if !more {
			return true
		}
	}
	return false
}

// write returns the new body of meta, of n bytes, nil if it doesn't fit.
func (m *itemIndex) write(n int) []byte {
	m.number()
	idat := m.boxes["idat"]
	m.inner.redactMemory(idat)
	for pad := 0; ; {
		out := make([]byte, 4, n)
		for _, typ := range m.order {
			out = m.writeBox(out, typ, pad)
		}
		switch left := n - len(out); {
		case left < 0:
			return nil
		case left == 0:
			return out
		case left < 8: // too few for a free box
			if pad > 0 {
				return nil
			}
			pad = left
			continue
		default:
			out = append(binary.BigEndian.AppendUint32(out, uint32(left)), "free"...) //nolint:gosec // G115: at most maxMeta
			return append(out, make([]byte, left-8)...)
		}
	}
}

// appendBox appends a box whose body is appended by f. A box without a body is left out.
func appendBox(out []byte, typ string, f func(out []byte) []byte) []byte {
	at := len(out)
	out = append(append(out, 0, 0, 0, 0), typ...)
	out = f(out)
	binary.BigEndian.PutUint32(out[at:], uint32(len(out)-at)) //nolint:gosec // G115: at most maxMeta
	if len(out) == at+8 {
		return out[:at]
	}
	return out
}

// appendUint appends the lowest bytes of a number.
func appendUint(out []byte, v uint64, size int) []byte {
	for i := size - 1; i >= 0; i-- {
		out = append(out, byte(v>>(8*i))) //nolint:gosec // G115: its lowest bytes
	}
	return out
}

func appendID(out []byte, id uint32, size int) []byte { return appendUint(out, uint64(id), size) }

// number numbers the properties that an item uses.
func (m *itemIndex) number() {
	for i := range m.items {
		if it := &m.items[i]; it.keep {
			for p := range m.propertiesOf(it) {
				if p.keep {
					p.index = 1
				}
			}
		}
	}
	n := 0
	for i := range m.props {
		if p := &m.props[i]; p.index > 0 {
			n++
			p.index = n
		}
	}
}

// writeBox appends the box of meta with a type. pad is the number of zeros after the name in hdlr.
func (m *itemIndex) writeBox(out []byte, typ string, pad int) []byte {
	was := m.boxes[typ]
	version := byte(0)
	if len(was) > 0 {
		version = was[0]
	}
	return appendBox(out, typ, func(out []byte) []byte {
		switch typ {
		case "hdlr":
			out = append(out, "\x00\x00\x00\x00\x00\x00\x00\x00pict"...)
			return append(out, make([]byte, min(12+1, len(was)-12)+pad)...)
		case "pitm":
			return appendID(append(out, version, 0, 0, 0), m.primary, idSizeOf(version > 0))
		case "iinf":
			return m.writeItems(out, version)
		case "iloc":
			return m.writeLocations(out, version)
		case "iref":
			return m.writeReferences(out, version)
		case "iprp":
			return m.writeProperties(out)
		case "grpl":
			return m.writeGroups(out)
		case "idat":
			return append(out, was...)
		}
		return out
	})
}

func (m *itemIndex) writeItems(out []byte, version byte) []byte {
	out = append(out, version, 0, 0, 0)
	at, n := len(out), 0
	size := idSizeOf(version > 0)
	out = appendUint(out, 0, size)
	for i := range m.items {
		it := &m.items[i]
		if !it.keep {
			continue
		}
		n++
		out = appendBox(out, "infe", func(out []byte) []byte {
			out = append(out, it.version, 0, 0, 0)
			if it.hidden {
				out[len(out)-1] = 1
			}
			out = appendID(out, it.id, idSizeOf(it.version == 3))
			out = append(append(out, 0, 0), it.typ[:]...)
			text := "\x00"
			if it.kind == xmpPacket {
				text = "\x00" + xmpType + "\x00"
			}
			return append(out, text[:min(len(text), it.text)]...)
		})
	}
	_ = appendUint(out[:at], uint64(n), size)
	return out
}

func (m *itemIndex) writeLocations(out []byte, version byte) []byte {
	out = append(out, version, 0, 0, 0, byte(m.sizes[0]<<4|m.sizes[1]), byte(m.sizes[2]<<4)) //nolint:gosec // G115: 4 bits each
	at, n := len(out), 0
	idSize := idSizeOf(m.wide)
	out = appendUint(out, 0, idSize)
	for _, i := range m.placed {
		it := &m.items[i]
		if !it.keep {
			continue
		}
		n++
		out = appendID(out, it.id, idSize)
		if version > 0 {
			out = append(out, 0, 0)
			if it.inner {
				out[len(out)-1] = 1
			}
		}
		extents := m.extentsOf(it)
		if len(extents) == 0 {
			it.base = 0
		}
		out = appendUint(append(out, 0, 0), it.base, m.sizes[2])
		out = appendUint(out, uint64(len(extents)), 2)
		for _, x := range extents {
			out = appendUint(appendUint(out, x.offset, m.sizes[0]), x.length, m.sizes[1])
		}
	}
	_ = appendUint(out[:at], uint64(n), idSize)
	return out
}

func (m *itemIndex) writeReferences(out []byte, version byte) []byte {
	begin := len(out)
	out = append(out, version, 0, 0, 0)
	size := idSizeOf(version > 0)
	for _, r := range m.refs {
		if m.item(r.from) == nil {
			continue
		}
		at := len(out)
		n := 0
		out = appendBox(out, r.typ, func(out []byte) []byte {
			out = appendID(out, m.items[r.from].id, size)
			count := len(out)
			out = append(out, 0, 0)
			for _, i := range m.targets(r) {
				if it := m.item(i); it != nil {
					out = appendID(out, it.id, size)
					n++
				}
			}
			binary.BigEndian.PutUint16(out[count:], uint16(n)) //nolint:gosec // G115: no more than before
			return out
		})
		if n == 0 {
			out = out[:at]
		}
	}
	if len(out) == begin+4 {
		return out[:begin]
	}
	return out
}

func (m *itemIndex) writeProperties(out []byte) []byte {
	ipma := int32(0)
	first := true
	eachBox(m.boxes["iprp"], func(b box) {
		switch {
		case b.typ == "ipco" && first:
			first = false
			out = appendBox(out, "ipco", func(out []byte) []byte {
				for i := range m.props {
					if p := &m.props[i]; p.index > 0 {
						at := len(out)
						out = append(append(out, 0, 0, 0, 0), p.typ...)
						out = append(out, p.body...)
						binary.BigEndian.PutUint32(out[at:], uint32(len(out)-at)) //nolint:gosec // G115: at most maxMeta
					}
				}
				return out
			})
		case b.typ == "ipma":
			ipma++
			out = m.writeAssociations(out, b.body, ipma)
		}
	})
	return out
}

func (m *itemIndex) writeAssociations(out []byte, was []byte, which int32) []byte {
	version, flags := was[0], was[3]&1
	begin := len(out)
	n := 0
	out = appendBox(out, "ipma", func(out []byte) []byte {
		out = append(out, version, 0, 0, flags, 0, 0, 0, 0)
		at := len(out) - 4
		for _, i := range m.owners {
			it := &m.items[i]
			if !it.keep || it.ipma != which {
				continue
			}
			entry := len(out)
			out = append(appendID(out, it.id, idSizeOf(version > 0)), 0)
			count := len(out) - 1
			for p, bit := range m.propertiesOf(it) {
				switch v := uint16(p.index); { //nolint:gosec // G115: 15 bits
				case v == 0:
					continue
				case flags == 1:
					out = binary.BigEndian.AppendUint16(out, v|bit)
				default:
					out = append(out, byte(v|bit>>8)) //nolint:gosec // G115: 7 bits and one
				}
				out[count]++
			}
			if out[count] == 0 {
				out = out[:entry]
				continue
			}
			n++
		}
		binary.BigEndian.PutUint32(out[at:], uint32(n)) //nolint:gosec // G115: no less than 0
		return out
	})
	if n == 0 {
		return out[:begin]
	}
	return out
}

func (m *itemIndex) writeGroups(out []byte) []byte {
	eachBox(m.boxes["grpl"], func(b box) {
		if !slices.Contains(groups, b.typ) {
			return
		}
		f := fields{b: b.body}
		f.skip(4)
		id := f.id(4)
		left := f.uint(4)
		at, n := len(out), uint32(0)
		out = appendBox(out, b.typ, func(out []byte) []byte {
			out = appendID(append(out, 0, 0, 0, 0), id, 4)
			count := len(out)
			out = append(out, 0, 0, 0, 0)
			for ; left > 0 && !f.over; left-- {
				if id := f.id(4); !f.over && m.item(m.indexOf(id)) != nil {
					out = appendID(out, id, 4)
					n++
				}
			}
			binary.BigEndian.PutUint32(out[count:], n)
			return out
		})
		if n == 0 {
			out = out[:at]
		}
	})
	return out
}

// keepDerived redacts the fields of b, the data of a derived picture, and returns how many bytes they are; -1 if it is
// invalid. n is the number of pictures that it is derived from.
func keepDerived(typ [4]byte, b []byte, n int) int {
	f := fields{b: b}
	size := func() int { // of coordinates: 2 bytes, 4 with a flag
		f.skip(1)
		return idSizeOf(f.uint(1)&1 == 1)
	}
	// near reports whether the next coordinates can be those of a picture's parts.
	near := func(count, size int) bool {
		from := f.at
		f.skip(count * size)
		return areNear(b[from:f.at], size)
	}
	switch string(typ[:]) {
	case "grid": // 23008-12, 6.6.2.3
		s := size()
		if tiles := (f.uint(1) + 1) * (f.uint(1) + 1); tiles != uint64(n) { //nolint:gosec // G115: no less than 0
			return -1
		}
		if !near(2, s) && s > 2 {
			return -1
		}
	case "iovl": // 6.6.2.2
		s := size()
		for at := f.at; at+1 < min(f.at+8, len(b)); at += 2 { // the canvas' color, of 16 bits
			b[at+1] = b[at]
		}
		if f.skip(8); !near(2+2*n, s) {
			return -1
		}
	case "tmap": // ISO 21496-1, C.2
		n := gainMapLength(b[min(1, len(b)):], false)
		if f.uint(1) != 0 || n == 0 {
			return -1
		}
		mendGainMap(b[1 : 1+n])
		f.skip(n)
	case "sato": // AVIF 1.2, 4.2.3
		if !f.skipTokens(n) {
			return -1
		}
	}
	if f.over {
		return -1
	}
	return f.at
}

// skipTokens skips the expression of a sample transform of n pictures (AVIF 1.2, 4.2.3.3); ok is false if it isn't one.
// Those that are known have powers of two for constants.
func (f *fields) skipTokens(n int) (ok bool) {
	depth := int(f.uint(1) & 3)
	for count := f.uint(1); count > 0; count-- {
		switch token := f.uint(1); {
		case token == 0 && bits.OnesCount64(f.uint(1<<depth)) > 1,
			token > uint64(n) && (token < 64 || token > 67) && (token < 128 || token > 137): //nolint:gosec // G115: no less than 0
			return false
		}
	}
	return true
}
