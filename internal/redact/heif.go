package redact

import (
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// This is HEIF (ISO/IEC 23008-12) and AVIF, which builds on it. The box meta lists items (14496-12, 8.11):
// pictures, which can be derived from other pictures, Exif and XMP. Their bytes are in the boxes mdat or
// idat, at the offsets in iloc. An image sequence is a movie (moov, 8.2) whose frames are pictures.
//
// Only the offsets in meta and moov tell which bytes of mdat belong to which item. So the parser buffers the
// file up to the end of meta, and in sequences of moov: a few kilobytes if these boxes come first, as all
// known writers have it.
//
// Not supported, so overwritten, are items made of other items' bytes (construction method 2), which no
// known writer uses, frames in fragments (moof), and the box mini instead of meta (23008-12:2025).

const (
	// maxExtents bounds the pieces of all items of a file: each of 65,535 items can claim 65,535 pieces
	// that take no bytes in iloc.
	maxExtents = 1 << 14
	// maxItem bounds an Exif or XMP item with the bytes between its pieces, which are buffered to rewrite it.
	maxItem = maxHold
)

// pictureBrands are the brands of image and sequence files, and those of profiles (23008-12, annexes; AVIF; MIAF)
// and of the base format that such files also have.
var pictureBrands = append(slices.Clone(container.ImageBrands),
	"avio", "MiHB", "MiHE", "MiHA", "MiHM", "MiPr", "MiAB", "MA1A", "MA1B", "MiCm", "unif", "tmap", "geo1", "pred", "1pic",
	"isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "isoa", "isob", "isoc", "mp41", "mp42", "heif",
	"hvc1", "av01", "MSNV",
)

// itemKind is how an item is redacted. The zero value removes it.
type itemKind uint8

const (
	removed itemKind = iota
	picture
	jpegPicture // a complete JPEG, which can have EXIF of its own
	jp2Picture  // a JPEG 2000 codestream, which can have comments
	exifItem
	xmpPacket
)

// pictureItems maps the types of items that are pictures, or that derive, tone-map or mask pictures
// (23008-12, 6.6 and annexes; AVIF; 23001-17; 21496-1).
var pictureItems = map[string]itemKind{
	"hvc1": picture, "lhv1": picture, "av01": picture, "avc1": picture, "vvc1": picture, "evc1": picture,
	"hvt1": picture, "unci": picture, "jpeg": jpegPicture, "j2k1": jp2Picture,
	"grid": picture, "iovl": picture, "iden": picture, "tmap": picture, "mski": picture, "sato": picture,
}

// properties maps the boxes that describe a picture (in ipco and in sample entries) to functions that redact
// them.
var properties = map[string]func(*box) bool{
	"hvcC": asIs, "lhvC": asIs, "av1C": asIs, "avcC": asIs, "vvcC": asIs, "evcC": asIs, "j2kH": asIs,
	"ispe": upTo(12), "pixi": keepPixi, "pasp": upTo(8), "clap": upTo(32), "irot": upTo(1), "imir": upTo(1),
	"colr": keepColr, "auxC": keepAuxC, "clli": upTo(4), "mdcv": upTo(24), "cclv": upTo(25), "amve": upTo(8),
	"reve": upTo(21), "ndwt": upTo(8), "lsel": upTo(2), "a1op": upTo(1), "a1lx": upTo(13), "rloc": upTo(12),
	"tols": upTo(6), "oinf": asIs, "cmpd": keepComponents, "uncC": asIs, "cmpC": asIs, "icef": asIs, "cpat": asIs, "iscl": upTo(12),
	"ccst": upTo(8), "auxi": keepAuxC, "btrt": upTo(12), "fiel": upTo(2), "gama": upTo(4),
}

// keepPixi keeps the number of channels and the bits of each (23008-12, 6.5.6).
func keepPixi(b *box) bool {
	if len(b.body) > 4 {
		clearFrom(b.body, 5+int(b.body[4]))
	}
	return true
}

// keepColr keeps a color space given by numbers or by an ICC profile (14496-12, 12.1.5).
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

// keepComponents keeps the components of an uncompressed picture unless a URI names one (23001-17, 5.1).
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

// auxTypes are the known types of auxiliary pictures (23008-12, 6.5.8; MIAF; AVIF; Apple).
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

// keepAuxC keeps an auxiliary picture's type if it is known. It clears the subtypes after it, which can have
// any SEI message.
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
func redactHEIF(s *stream, p *Plan) error {
	var f heif
	if err := f.readIndex(s, p); err != nil {
		return err
	}
	f.meta.file.keep = append(f.meta.file.keep, f.movie.keep...)
	f.meta.file.buildRuns()
	f.meta.inner.buildRuns()
	f.meta.inner.redactMemory(f.meta.idat, p)
	for {
		off := s.offset
		h, ok := nextBox(s)
		if !ok {
			return freeRest(s)
		}
		switch {
		case h.Type == "ftyp" && off == 0:
			ok = redactFileType(s, h, pictureBrands)
		case h.Type == "meta" && off == f.metaAt:
			ok = s.pass(h.Head) && s.replace(f.metaBody) && s.zero(max(h.Size-h.Head-int64(len(f.metaBody)), 0))
		case h.Type == "moov" && off == f.moovAt:
			ok = s.pass(h.Head) && s.replace(f.moovBody) && s.zero(max(h.Size-h.Head-int64(len(f.moovBody)), 0))
		case h.Type == "mdat":
			ok = s.pass(h.Head) && f.meta.file.redactStream(s, h.Size-h.Head, p)
		default:
			ok = freeBox(s, h)
		}
		if !ok || h.Size == container.ToEnd {
			return nil
		}
	}
}

// heif is the index of a file, read before any of the file is written.
type heif struct {
	meta  imageMeta
	movie layout

	metaAt, moovAt     int64  // the boxes' offsets, 0 if there is none
	metaBody, moovBody []byte // redacted
}

// readIndex buffers the file up to the end of meta, and in a sequence also of moov, and redacts these boxes.
func (f *heif) readIndex(s *stream, p *Plan) error {
	most := int64(16 << 20)
	readAt := func(off, n int64) ([]byte, error) {
		if off+n > most {
			if _, ok := s.peek(int(most) + 1); ok {
				return nil, ErrHeld
			}
		}
		b, _ := s.peek(int(min(off+n, most)))
		return b[min(off, int64(len(b))):], nil
	}
	sequence := false
	for off := int64(0); ; {
		head, err := readAt(off, container.MaxBoxHead)
		if err != nil {
			return err
		}
		h, ok := parseBox(head)
		if !ok {
			return nil
		}
		body := func(most int64) ([]byte, error) {
			b, err := readAt(off, min(h.Size, most))
			return slices.Clone(b[min(h.Head, int64(len(b))):]), err
		}
		switch {
		case h.Type == "ftyp" && off == 0:
			brands, err := body(maxFileType)
			if err != nil {
				return err
			}
			for ; len(brands) >= 4; brands = brands[4:] {
				sequence = sequence || slices.Contains(container.SequenceBrands, string(brands[:4]))
			}
		case h.Type == "meta" && f.metaAt == 0:
			b, err := body(container.ToEnd)
			if err != nil {
				return err
			}
			if f.meta.redact(b) {
				f.metaAt, f.metaBody = off, b
			} else {
				f.meta = imageMeta{}
			}
		case h.Type == "moov" && f.moovAt == 0 && sequence:
			b, err := body(container.ToEnd)
			if err != nil {
				return err
			}
			keepMovie(b, &f.movie)
			f.moovAt, f.moovBody = off, b
		}
		if f.metaAt > 0 && (f.moovAt > 0 || !sequence) || h.Size == container.ToEnd {
			return nil
		}
		off += h.Size
	}
}

// imageMeta is the content of the box meta.
type imageMeta struct {
	kinds map[uint32]itemKind
	idat  []byte
	file  layout // of the items in mdat boxes
	inner layout // of the items in idat
}

// redact redacts the body of the box meta in place, except idat, which the caller redacts with m.inner. ok is
// false if the box lists no items.
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
	m.file.size = container.ToEnd
	if !m.locate(iloc) {
		m.file, m.inner = layout{size: container.ToEnd}, layout{}
		clear(iloc)
	}
	return seen["iinf"]
}

// keepHandler keeps the handler type in hdlr (8.4.3), and clears its name.
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

// keepItems keeps the IDs and types of items in iinf (8.11.6), and clears their names.
func (m *imageMeta) keepItems(b []byte) {
	f := fields{b: b}
	wide := int(container.IDSize(f.uint(1) > 0))
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

// keepItem redacts an entry of iinf.
func (m *imageMeta) keepItem(b []byte) {
	f := fields{b: b}
	version := f.uint(1)
	f.skip(2)
	f.uint(1) // flags: whether the item is hidden
	idSize := int(container.IDSize(version == 3))
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
	kind := removed
	switch {
	case protection != 0: // no known writer protects items
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
	if kind == removed {
		switch typ {
		case "mime", "uri ": // valid with an empty content type
		default:
			copy(b[f.at-4:], "free")
		}
	}
	if was, ok := m.kinds[id]; ok && was != kind {
		kind = removed
	}
	m.kinds[id] = kind
}

const xmpType = "application/rdf+xml"

// isXMP reports whether the strings of a mime entry (name, content type, encoding) are those of an
// uncompressed XMP packet.
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

// references are the reference types to keep, between items (8.11.12; 23008-12, 6.4) and between tracks.
var references = []string{"dimg", "thmb", "auxl", "cdsc", "base", "prem", "exbl", "iloc", "pred", "evir", "mask"}

// keepReferences keeps the item IDs in iref.
func keepReferences(b []byte) {
	if len(b) < 4 {
		clear(b)
		return
	}
	idSize := int(container.IDSize(b[0] > 0))
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

// groups are the types of item groups to keep (8.18; 23008-12, annexes).
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
	clearFrom(b.body, f.at+4*int(n)) //nolint:gosec // G115: lengths in memory fit
	return true
}

// keepProperties keeps the known properties in iprp (8.11.14). Other properties in ipco become free boxes, so
// that the known ones keep their indexes, and are removed from the associations.
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

// keepAssociations removes from ipma the properties that aren't in stays.
func keepAssociations(b []byte, stays map[uint64]bool) {
	f := fields{b: b}
	idSize := int(container.IDSize(f.uint(1) > 0))
	f.skip(2)
	size := 1
	if f.uint(1)&1 == 1 {
		size = 2
	}
	for n := f.uint(4); n > 0 && !f.over; n-- {
		f.skip(idSize)
		for k := f.uint(1); k > 0 && !f.over; k-- {
			v := f.uint(size)
			v &= 1<<(8*size-1) - 1 // the first bit marks an essential property
			if !f.over && !stays[v] {
				clear(b[f.at-size : f.at])
			}
		}
	}
	clearFrom(b, f.at)
}

// locate adds the items' extents from iloc (8.11.3) to the layouts; ok is false if the box is invalid or
// has more than maxExtents.
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
	idSize := int(container.IDSize(version == 2))
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
			if lengthSize == 0 { // the item reaches to the end
				length = container.ToEnd
			}
			to := min(from+length, in.size)
			if to > from {
				spans = append(spans, span{from, to})
			}
		}
		if f.over { // readers can use the items before the end
			return false
		}
		if elsewhere || method > 1 {
			continue
		}
		kind := m.kinds[id]
		if done[id] { // readers can use the first entry or the last
			kind = removed
		}
		done[id] = true
		in.add(kind, spans)
	}
	clearFrom(b, f.at)
	return true
}
