package redact

import "slices"

// HEIF (ISO/IEC 23008-12), and AVIF which is built on it. The box meta lists items (14496-12, 8.11):
// pictures, which may be made of other pictures, and Exif and XMP, which are items as well. Their bytes
// are in the box mdat or in idat, where iloc says. A sequence of pictures is a film (moov, 8.2) of which
// each frame is a picture.
//
// What lies in mdat is known by what points at it. So all is held back up to the end of meta, and for
// sequences of moov: a few kilobytes where they come first, as all known writers have it.
//
// Not supported are items that are pieces of other items (construction method 2), which nobody writes,
// frames in fragments (moof), and the box mini in place of meta (23008-12:2025): they are overwritten.

const (
	// maxExtents bounds the pieces of all items of a file: a count of 65,535 that takes no bytes can be
	// claimed for each of as many items.
	maxExtents = 1 << 14
	// maxItem bounds an Exif or XMP item, with what lies between its pieces: it is held to be rewritten.
	maxItem = maxHold
)

// pictureBrands are those of files of pictures and sequences (23008-12, annexes B to L; AVIF; MIAF), and
// brands of the base format that stand beside them.
var pictureBrands = []string{
	"mif1", "mif2", "mif3", "msf1", "miaf", "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs",
	"avif", "avis", "avio", "avci", "avcs", "jpeg", "jpgs", "j2ki", "j2is", "vvic", "vvis", "evbi", "evbs",
	"MiHB", "MiHE", "MiHA", "MiHM", "MiPr", "MiAB", "MA1A", "MA1B", "MiCm", "unif", "tmap", "geo1", "pred", "1pic",
	"isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "isoa", "isob", "isoc", "mp41", "mp42", "heif",
	"hvc1", "av01", "MSNV",
}

// sequenceBrands say that there is a moov.
var sequenceBrands = []string{"msf1", "hevc", "hevx", "hevm", "hevs", "avis", "avcs", "jpgs", "j2is", "vvis", "evbs"}

// itemKind is what becomes of an item.
type itemKind uint8

const (
	goes itemKind = iota
	picture
	jpegPicture // a whole JPEG, with places for EXIF of its own
	jp2Picture  // a codestream of JPEG 2000, with places for comments
	exifItem
	xmpPacket
)

// pictureItems are the types of items that are pictures, or say how pictures are put together, toned or
// masked (23008-12, 6.6 and annexes; AVIF; 23001-17; 21496-1).
var pictureItems = map[string]itemKind{
	"hvc1": picture, "lhv1": picture, "av01": picture, "avc1": picture, "vvc1": picture, "evc1": picture,
	"hvt1": picture, "unci": picture, "jpeg": jpegPicture, "j2k1": jp2Picture,
	"grid": picture, "iovl": picture, "iden": picture, "tmap": picture, "mski": picture, "sato": picture,
}

// properties are the boxes that describe a picture (in ipco and in sample entries), by what of them stays.
var properties = map[string]func(*box) bool{
	"hvcC": asIs, "lhvC": asIs, "av1C": asIs, "avcC": asIs, "vvcC": asIs, "evcC": asIs, "j2kH": asIs,
	"ispe": upTo(12), "pixi": keepPixi, "pasp": upTo(8), "clap": upTo(32), "irot": upTo(1), "imir": upTo(1),
	"colr": keepColr, "auxC": keepAuxC, "clli": upTo(4), "mdcv": upTo(24), "cclv": upTo(25), "amve": upTo(8),
	"reve": upTo(21), "ndwt": upTo(8), "lsel": upTo(2), "a1op": upTo(1), "a1lx": upTo(13), "rloc": upTo(12),
	"tols": upTo(6), "oinf": asIs, "cmpd": keepComponents, "uncC": asIs, "cmpC": asIs, "icef": asIs, "cpat": asIs, "iscl": upTo(12),
	"ccst": upTo(8), "auxi": keepAuxC, "btrt": upTo(12), "fiel": upTo(2), "gama": upTo(4),
}

// keepPixi keeps a count and as many bytes (23008-12, 6.5.6).
func keepPixi(b *box) bool {
	if len(b.body) > 4 {
		clearFrom(b.body, 5+int(b.body[4]))
	}
	return true
}

// keepColr keeps a colour space given by numbers or by an ICC profile (14496-12, 12.1.5).
func keepColr(b *box) bool {
	if len(b.body) < 4 {
		return false
	}
	switch string(b.body[:4]) {
	case "nclx":
		clearFrom(b.body, 11)
	case "nclc":
		clearFrom(b.body, 10)
	case "prof", "rICC":
	default:
		return false
	}
	return true
}

// keepComponents keeps the components of an uncompressed picture unless one is named by an URI (23001-17, 5.1).
func keepComponents(b *box) bool {
	f := fields{b: b.body}
	for n := f.uint(4); n > 0 && !f.over; n-- {
		if f.uint(2) >= 0x8000 {
			return false
		}
	}
	clearFrom(b.body, f.at)
	return true
}

// auxTypes are the names of auxiliary pictures (23008-12, 6.5.8; MIAF; AVIF; Apple's).
var auxTypes = []string{
	"urn:mpeg:avc:2015:auxid:1", "urn:mpeg:avc:2015:auxid:2",
	"urn:mpeg:hevc:2015:auxid:1", "urn:mpeg:hevc:2015:auxid:2",
	"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:mpegB:cicp:systems:auxiliary:depth",
	"urn:com:apple:photo:2020:aux:hdrgainmap",
	"urn:com:apple:photo:2018:aux:portraiteffectsmatte", "urn:com:apple:photo:2019:aux:semanticskinmatte",
	"urn:com:apple:photo:2019:aux:semantichairmatte", "urn:com:apple:photo:2019:aux:semanticteethmatte",
	"urn:com:apple:photo:2019:aux:semanticglassesmatte", "urn:com:apple:photo:2019:aux:semanticskymatte",
	"urn:com:apple:photo:2020:aux:semanticskymatte", "urn:com:apple:photo:2023:aux:styledeltamap",
	"urn:com:apple:photo:2023:aux:linearthumbnail",
}

// keepAuxC keeps the name of an auxiliary picture's kind if it is known. What may follow (subtypes) goes:
// it holds SEI messages of any kind.
func keepAuxC(b *box) bool {
	if len(b.body) < 4 {
		return false
	}
	name, rest := b.body[4:], []byte(nil)
	if i := slices.Index(name, 0); i >= 0 {
		name, rest = name[:i], name[i:]
	}
	clear(rest)
	return slices.Contains(auxTypes, string(name))
}

// redactHEIF is the parser of HEIF and AVIF.
func redactHEIF(s *stream, p *Policy) error {
	var f heif
	if err := f.look(s, p); err != nil {
		return err
	}
	f.meta.file.keep = append(f.meta.file.keep, f.film.keep...)
	f.meta.file.done()
	f.meta.inner.done()
	f.meta.inner.memory(f.meta.idat, p)
	for {
		off := s.offset
		h, ok := nextBox(s)
		if !ok {
			return noBox(s)
		}
		switch {
		case h.typ == "ftyp" && off == 0:
			ok = redactFileType(s, h, pictureBrands)
		case h.typ == "meta" && off == f.metaAt:
			ok = s.pass(h.head) && s.replace(f.metaBody) && s.zero(max(h.size-h.head-int64(len(f.metaBody)), 0))
		case h.typ == "moov" && off == f.moovAt:
			ok = s.pass(h.head) && s.replace(f.moovBody) && s.zero(max(h.size-h.head-int64(len(f.moovBody)), 0))
		case h.typ == "mdat":
			ok = s.pass(h.head) && f.meta.file.stream(s, h.size-h.head, p)
		default:
			ok = freeBox(s, h)
		}
		if !ok || h.size == openEnd {
			return nil
		}
	}
}

// heif is what is known of a file before any of it is passed on.
type heif struct {
	meta imageMeta
	film layout

	metaAt, moovAt     int64 // where these boxes are, 0 if there is none
	metaBody, moovBody []byte
}

// look reads the boxes up to meta, and in a sequence up to moov, and holds them back.
func (f *heif) look(s *stream, p *Policy) error {
	most := max(p.MaxHeld, maxHold)
	peek := func(off, n int64) ([]byte, error) {
		if off+n > most {
			if _, ok := s.hold(int(most) + 1); ok {
				return nil, ErrHeld
			}
		}
		b, _ := s.hold(int(min(off+n, most)))
		return b[min(off, int64(len(b))):], nil
	}
	sequence := false
	for off := int64(0); ; {
		head, err := peek(off, maxBoxHead)
		if err != nil {
			return err
		}
		h, ok := parseBox(head)
		if !ok {
			return nil
		}
		body := func(most int64) ([]byte, error) {
			b, err := peek(off, min(h.size, most))
			return slices.Clone(b[min(h.head, int64(len(b))):]), err
		}
		switch {
		case h.typ == "ftyp" && off == 0:
			brands, err := body(maxFileType)
			if err != nil {
				return err
			}
			for ; len(brands) >= 4; brands = brands[4:] {
				sequence = sequence || slices.Contains(sequenceBrands, string(brands[:4]))
			}
		case h.typ == "meta" && f.metaAt == 0:
			b, err := body(openEnd)
			if err != nil {
				return err
			}
			if f.meta.redact(b) {
				f.metaAt, f.metaBody = off, b
			} else {
				f.meta = imageMeta{}
			}
		case h.typ == "moov" && f.moovAt == 0 && sequence:
			b, err := body(openEnd)
			if err != nil {
				return err
			}
			keepFilm(b, &f.film)
			f.moovAt, f.moovBody = off, b
		}
		if f.metaAt > 0 && (f.moovAt > 0 || !sequence) || h.size == openEnd {
			return nil
		}
		off += h.size
	}
}

// imageMeta is what the box meta says, once it is redacted.
type imageMeta struct {
	kinds map[uint32]itemKind
	idat  []byte
	file  layout // what lies in the file
	inner layout // what lies in idat
}

// redactMeta redacts the body of the box meta in place but for what is in idat, which the caller does
// by what is found out about it. ok is false if it lists no items.
func (m *imageMeta) redact(body []byte) (ok bool) {
	if len(body) < 4 {
		clear(body)
		return false
	}
	clear(body[:4])
	m.kinds = make(map[uint32]itemKind)
	seen := make(map[string]bool)
	var iloc []byte
	eachBox(body[4:], func(b box) {
		if seen[b.typ] {
			b.free()
			return
		}
		seen[b.typ] = true
		switch b.typ {
		case "hdlr":
			keepHandler(b.body)
			if len(b.body) >= 12 {
				copy(b.body[8:], "pict")
			}
		case "pitm":
			keepPrimary(b.body)
		case "iinf":
			m.keepItems(b.body)
		case "iloc":
			iloc = b.body
		case "iref":
			keepReferences(b.body)
		case "iprp":
			keepProperties(b.body)
		case "grpl":
			keepBoxes(b.body, groups)
		case "idat":
			m.idat = b.body
		default:
			b.free()
		}
	})
	if m.idat != nil {
		m.inner.size = int64(len(m.idat))
	}
	m.file.size = openEnd
	if !m.locate(iloc) {
		m.file, m.inner = layout{size: openEnd}, layout{}
		clear(iloc)
	}
	return seen["iinf"]
}

// keepHandler keeps the handler's type in hdlr (8.4.3), not its name.
func keepHandler(b []byte) {
	clear(b[:min(8, len(b))])
	clearFrom(b, 12)
}

func keepPrimary(b []byte) {
	n := 4 + 2
	if len(b) > 0 && b[0] > 0 {
		n = 4 + 4
	}
	clearFrom(b, n)
}

// wideIf is the size of an item's number: 32 bits in the later versions of a box.
func wideIf(later bool) int {
	if later {
		return 4
	}
	return 2
}

// keepItems keeps the numbers and types of items in iinf (8.11.6), not their names.
func (m *imageMeta) keepItems(b []byte) {
	f := fields{b: b}
	wide := wideIf(f.uint(1) > 0)
	f.skip(3 + wide)
	if f.over {
		clear(b)
		return
	}
	clear(b[1:4])
	eachBox(b[f.at:], func(b box) {
		if b.typ != "infe" {
			b.free()
			return
		}
		m.keepItem(b.body)
	})
}

// keepItem does so for an entry.
func (m *imageMeta) keepItem(b []byte) {
	f := fields{b: b}
	version := f.uint(1)
	f.skip(2)
	f.uint(1) // flags: hidden or not
	idSize := wideIf(version == 3)
	id := f.id(idSize)
	protection := f.uint(2)
	if version < 2 || version > 3 {
		clearFrom(b, f.at)
		return
	}
	f.skip(4)
	if f.over {
		clear(b)
		return
	}
	b[3] &= 1
	clear(b[1:3])
	typ, text := string(b[f.at-4:f.at]), b[f.at:]
	kind := goes
	switch {
	case protection != 0: // nobody writes that
	case typ == "Exif":
		kind = exifItem
	case typ == "mime" && isXMP(text):
		kind = xmpPacket
	default:
		kind = pictureItems[typ]
	}
	clear(text)
	if kind == xmpPacket {
		copy(text[1:], xmpType)
	}
	if kind == goes {
		switch typ {
		case "mime", "uri ": // of an empty type now
		default:
			copy(b[f.at-4:], "free")
		}
	}
	if was, ok := m.kinds[id]; ok && was != kind {
		kind = goes
	}
	m.kinds[id] = kind
}

const xmpType = "application/rdf+xml"

// isXMP reports whether the strings of an entry of the type mime (a name, a content type, an encoding)
// are those of an XMP packet that isn't compressed.
func isXMP(text []byte) bool {
	i := slices.Index(text, 0)
	if i < 0 {
		return false
	}
	typ := text[i+1:]
	var encoding []byte
	if i = slices.Index(typ, 0); i >= 0 {
		typ, encoding = typ[:i], typ[i+1:]
	}
	return string(typ) == xmpType && (len(encoding) == 0 || encoding[0] == 0)
}

// references are the types of references between items (8.11.12; 23008-12, 6.4), and between tracks.
var references = []string{"dimg", "thmb", "auxl", "cdsc", "base", "prem", "exbl", "iloc", "pred", "evir", "mask"}

// keepReferences keeps the numbers in iref.
func keepReferences(b []byte) {
	if len(b) < 4 {
		clear(b)
		return
	}
	idSize := wideIf(b[0] > 0)
	clear(b[1:4])
	eachBox(b[4:], func(b box) {
		f := fields{b: b.body}
		f.skip(idSize)
		n := int(f.uint(2)) //nolint:gosec // G115: 16 bits
		f.skip(n * idSize)
		if f.over || !slices.Contains(references, b.typ) {
			b.free()
			return
		}
		clearFrom(b.body, f.at)
	})
}

// groups are the types of groups of items (8.18; 23008-12, annexes): a number and those of the items.
var groups = map[string]func(*box) bool{
	"altr": keepGroup, "ster": keepGroup, "eqiv": keepGroup, "brst": keepGroup, "aebr": keepGroup, "wbbr": keepGroup,
	"fobr": keepGroup, "afbr": keepGroup, "dobr": keepGroup, "pano": keepGroup, "tsyn": keepGroup, "albc": keepGroup,
	"favc": keepGroup,
}

func keepGroup(b *box) bool {
	f := fields{b: b.body}
	f.skip(4 + 4)
	n := f.uint(4)
	if f.over || n > uint64(f.left()/4) { //nolint:gosec // G115: left is no less than 0
		return false
	}
	clearFrom(b.body, f.at+4*int(n)) //nolint:gosec // G115: n is smaller than what is in memory
	return true
}

// keepProperties keeps what describes pictures in iprp (8.11.14). What goes from ipco becomes free, so
// that the others keep their numbers, and is told of no item any more.
func keepProperties(b []byte) {
	stays := make(map[uint64]bool)
	seen := false
	eachBox(b, func(b box) {
		if b.typ != "ipco" || seen {
			return
		}
		seen = true
		n := uint64(0)
		eachBox(b.body, func(b box) {
			n++
			if keep, ok := properties[b.typ]; ok && keep(&b) {
				stays[n] = true
			} else {
				b.free()
			}
		})
	})
	seen = false
	eachBox(b, func(b box) {
		switch {
		case b.typ == "ipco" && !seen:
			seen = true
		case b.typ == "ipma":
			keepAssociations(b.body, stays)
		default:
			b.free()
		}
	})
}

// keepAssociations takes properties that don't stay out of ipma.
func keepAssociations(b []byte, stays map[uint64]bool) {
	f := fields{b: b}
	idSize := wideIf(f.uint(1) > 0)
	f.skip(2)
	size := 1
	if f.uint(1)&1 == 1 {
		size = 2
	}
	for n := f.uint(4); n > 0 && !f.over; n-- {
		f.skip(idSize)
		for k := f.uint(1); k > 0 && !f.over; k-- {
			v := f.uint(size)
			v &= 1<<(8*size-1) - 1 // the first bit says whether it is essential
			if !f.over && !stays[v] {
				clear(b[f.at-size : f.at])
			}
		}
	}
	clearFrom(b, f.at)
}

// locate learns from iloc (8.11.3) where items are; ok is false if that can't be followed.
func (m *imageMeta) locate(b []byte) (ok bool) {
	if len(b) == 0 {
		return true
	}
	f := fields{b: b}
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
	idSize := wideIf(version == 2)
	total := uint64(0)
	done := make(map[uint32]bool)
	for n := f.uint(idSize); n > 0 && !f.over; n-- {
		id := f.id(idSize)
		method := uint64(0)
		if version > 0 {
			method = f.uint(2) & 15
		}
		elsewhere := f.uint(2) != 0
		base := f.offset(baseSize)
		count := f.uint(2)
		if total += count; total > maxExtents {
			return false
		}
		in := &m.file
		if method == 1 {
			in = &m.inner
		}
		var spans []span
		for ; count > 0 && !f.over; count-- {
			f.skip(indexSize)
			from := min(base+f.offset(offsetSize), in.size)
			length := f.offset(lengthSize)
			if lengthSize == 0 { // all there is
				length = openEnd
			}
			to := min(from+length, in.size)
			if to > from {
				spans = append(spans, span{from, to})
			}
		}
		if f.over || elsewhere || method > 1 {
			continue
		}
		kind := m.kinds[id]
		if done[id] { // readers may take the first or the last
			kind = goes
		}
		done[id] = true
		in.add(kind, spans)
	}
	clearFrom(b, f.at)
	return true
}
