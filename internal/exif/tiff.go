package exif

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// directory is one of the five directories, in the order of their tags in the JSON.
type directory uint8

const (
	ifd0 directory = iota
	exifIFD
	gpsIFD
	interopIFD
	ifd1
	directories // number of directories
)

// The tags that point at further directories (Exif 3.0, 4.6.3).
const (
	exifPointer    = 0x8769
	gpsPointer     = 0x8825
	interopPointer = 0xA005
)

// The types of an entry (TIFF 6.0, section 2; Exif 3.0, 4.6.2; BigTIFF).
const (
	typeByte      = 1
	typeASCII     = 2
	typeShort     = 3
	typeLong      = 4
	typeRational  = 5
	typeSByte     = 6
	typeUndefined = 7
	typeSShort    = 8
	typeSLong     = 9
	typeSRational = 10
	typeFloat     = 11
	typeDouble    = 12
	typeIFD       = 13
	typeLong8     = 16
	typeSLong8    = 17
	typeIFD8      = 18
	typeUTF8      = 129
)

// typeSize returns the size in bytes of one value of a type, 0 for an unknown type.
func typeSize(t uint16) uint64 {
	switch t {
	case typeByte, typeASCII, typeSByte, typeUndefined, typeUTF8:
		return 1
	case typeShort, typeSShort:
		return 2
	case typeLong, typeSLong, typeFloat, typeIFD:
		return 4
	case typeRational, typeSRational, typeDouble, typeLong8, typeSLong8, typeIFD8:
		return 8
	}
	return 0
}

// block is a TIFF block of a file. Most files have one.
type block struct {
	r io.ReaderAt
	// first is the block's first directory: IFD0, except in formats with a block for each directory.
	first directory
	// foreign reports whether a number of the first directory has another meaning in this format. It may
	// be nil.
	foreign func(id uint16) bool
	// pages is true if the block is a TIFF file, whose second directory can be another page
	// (TIFF 6.0, section 2). In EXIF it is the thumbnail (Exif 3.0, 4.5).
	pages bool
}

// budget counts the use of the limits by all blocks of one file.
type budget struct {
	values  uint64 // counted against maxValues
	entries int    // counted against maxEntries
	intact  int    // readable entries
}

// maxNested bounds the directories of one kind in a block, since each needs a read and an Exif directory
// may point at another.
const maxNested = 4

// entryChunk is the number of entries that each reads at a time: a directory's count may claim far more
// than it has.
const entryChunk = 128

// walker reads the directories of one block.
type walker struct {
	container.Layout
	block
	*budget
	o      *Options
	m      *Metadata
	stored *[]storedTag // the tags as stored, for Rewrite; else nil

	starts       [directories]int64             // where each directory starts, 0 for none
	startsByIFD1 [directories]int64             // where it starts according to IFD1
	visited      [directories * maxNested]int64 // the starts of the directories already read
	visitedCount int                            // number of directories already read
}

// walk adds the tags of the blocks: of each directory in all blocks, before the next directory.
func (m *Metadata) walk(blocks []block, o *Options) error { return m.walkStored(blocks, o, nil) }

// walkStored is walk, and also appends the tags as stored to stored unless it is nil.
func (m *Metadata) walkStored(blocks []block, o *Options, stored *[]storedTag) error {
	var used budget
	if m.scratch.names == nil {
		m.scratch.names = make(map[string]int, 128)
	}
	walkers := m.scratch.walkers[:0]
	for _, b := range blocks {
		head := m.scratch.head[:16]
		n, err := container.ReadAt(b.r, head, 0)
		if err != nil {
			return err
		}
		if l, first, ok := container.ParseTIFFHeader(head[:n]); ok {
			w := walker{Layout: l, block: b, budget: &used, o: o, m: m, stored: stored}
			w.starts[b.first] = first
			walkers = append(walkers, w)
		}
	}
	m.scratch.walkers = walkers
	readable := false
	for d := ifd0; d < directories; d++ {
		for i := range walkers {
			w := &walkers[i]
			ok, err := w.directory(d)
			if err != nil {
				return err
			}
			readable = readable || ok && d == w.first
			if d == ifd0 {
				if err := w.preview(); err != nil {
					return err
				}
			}
		}
	}
	if !readable || used.entries > 0 && used.intact == 0 {
		return ErrInvalid
	}
	return m.scratch.numbers.decode()
}

// directory reads a directory, and others of the same kind that it points at: some writers put a
// pointer to a second Exif directory into the first. ok is false if there is none or it is unreadable.
func (w *walker) directory(d directory) (ok bool, err error) {
	start := cmp.Or(w.starts[d], w.startsByIFD1[d])
	for range maxNested {
		if start == 0 || w.wasRead(start) {
			break
		}
		w.visited[w.visitedCount] = start
		w.visitedCount++
		w.starts[d] = 0
		next, there, err := w.each(start, func(e []byte) error {
			intact, err := w.entry(d, e)
			if intact {
				w.intact++
			}
			return err
		})
		if err != nil {
			return false, err
		}
		ok = ok || there
		if d == ifd0 && next != 0 {
			if err := w.next(next); err != nil {
				return false, err
			}
		}
		start = w.starts[d]
	}
	return ok, nil
}

// each calls f for the entries of the directory at start. ok is false if the directory is unreadable. end
// is where its entries end, 0 if they are truncated.
func (w *walker) each(start int64, f func(e []byte) error) (end int64, ok bool, err error) {
	b := w.m.scratch.word[:]
	countSize := int64(2)
	if w.Big {
		countSize = 8
	}
	if ok, err := container.ReadFull(w.r, b[:countSize], start); !ok || err != nil {
		return 0, false, err
	}
	count := w.Uint(b[:countSize])

	buf := w.m.scratch.entries[:]
	size := w.EntrySize()
	pos := start + countSize
	for left := count; left > 0; {
		n := min(left, entryChunk)
		got, err := container.ReadAt(w.r, buf[:int64(n)*size], pos)
		if err != nil {
			return 0, false, err
		}
		for e := buf[:got]; int64(len(e)) >= size; e = e[size:] {
			if w.entries++; w.entries > maxEntries {
				return 0, false, ErrTooLarge
			}
			if err := f(e[:size]); err != nil {
				return 0, false, err
			}
		}
		if int64(got) < int64(n)*size {
			// truncated: f has had the complete entries
			return 0, got >= int(size) || left < count, nil
		}
		left -= n
		pos += int64(n) * size
	}
	return pos, true, nil
}

// next reads the offset of IFD1 at pos, after the entries of IFD0.
func (w *walker) next(pos int64) error {
	b := w.m.scratch.word[:w.OffsetSize()]
	ok, err := container.ReadFull(w.r, b, pos)
	if ok {
		w.starts[ifd1] = container.Offset(w.Uint(b))
	}
	return err
}

func (w *walker) wasRead(start int64) bool { return slices.Contains(w.visited[:w.visitedCount], start) }

// The tags of a directory that locate a picture, and tell whether it is a JPEG (TIFF 6.0, sections 8 and
// 22; Exif 3.0, 4.6.5; TIFF/EP, SubIFDs). jpegTag and jpegSizeTag locate a separate JPEG.
const (
	stripTag     = 0x0111
	stripSizeTag = 0x0117
	jpegSizeTag  = 0x0202
)

// addBlock adds the JPEGs that a block's directories point at, and reads the photo's Orientation. The
// directories are IFD0, those after it, and their SubIFDs.
func (s *pictureSearch) addBlock(b block) error {
	var head [16]byte
	n, err := container.ReadAt(b.r, head[:], 0)
	if err != nil || b.first != ifd0 {
		return err
	}
	l, next, ok := container.ParseTIFFHeader(head[:n])
	if !ok {
		return nil
	}
	w := &walker{Layout: l, block: b, budget: &s.budget, m: s.m}
	var seen, subs []int64
	for rank := ifd0; next != 0 && !slices.Contains(seen, next); rank = ifd1 {
		if s.dirs++; s.dirs > maxPictureDirs {
			break
		}
		if len(seen) > 1 {
			rank = directories
		}
		seen = append(seen, next)
		d, err := w.pictureDir(next, rank)
		if err != nil {
			return err
		}
		s.addDir(b, &d, rank)
		if rank == ifd0 && d.exif > 0 && len(s.exifDirs) < maxPictures {
			s.exifDirs = append(s.exifDirs, exifDir{l, b, d.exif})
		}
		subs = append(subs, d.subs...)
		next = d.next
	}
	for i := 0; i < len(subs); i++ {
		if slices.Contains(seen, subs[i]) {
			continue
		}
		if s.dirs++; s.dirs > maxPictureDirs {
			break
		}
		seen = append(seen, subs[i])
		d, err := w.pictureDir(subs[i], directories)
		if err != nil {
			return err
		}
		s.addDir(b, &d, directories)
		subs = append(subs, d.subs...)
	}
	return nil
}

// pictureDir holds the values of a directory that describe its pictures.
type pictureDir struct {
	next, orientation, exif  int64
	jpeg, strip              container.Extent
	compression, photometric int64 // -1 if missing
	page                     bool  // a page rather than a reduced version, as far as the directory tells
	subs                     []int64
}

// pictureDir reads the directory at start.
func (w *walker) pictureDir(start int64, rank directory) (d pictureDir, err error) {
	d.compression, d.photometric, d.page = -1, -1, w.pages
	end, _, err := w.each(start, func(e []byte) error {
		id, typ, count, value := w.Fields(e)
		if rank == ifd0 && w.foreign != nil && w.foreign(id) {
			return nil
		}
		to := &d.orientation
		switch id {
		case newSubfileTypeTag:
			n, _, err := w.integer(typ, count, value)
			d.page = d.page && n&1 == 0
			return err
		case subIFDsTag:
			if d.subs != nil { // a repeated tag
				return nil
			}
			d.subs, err = w.offsets(typ, count, value)
			return err
		case compressionTag:
			to = &d.compression
		case photometricTag:
			to = &d.photometric
		case stripTag:
			to = &d.strip.Off
		case stripSizeTag:
			to = &d.strip.N
		case jpegTag:
			to = &d.jpeg.Off
		case jpegSizeTag:
			to = &d.jpeg.N
		case orientationTag:
		case exifPointer:
			to = &d.exif
		default:
			return nil
		}
		n, ok, err := w.integer(typ, count, value)
		if ok {
			*to = n
		}
		return err
	})
	if err != nil || end == 0 {
		return d, err
	}
	b := w.m.scratch.word[:w.OffsetSize()]
	ok, err := container.ReadFull(w.r, b, end)
	if ok {
		d.next = container.Offset(w.Uint(b))
	}
	return d, err
}

// addDir adds the pictures of a directory.
func (s *pictureSearch) addDir(b block, d *pictureDir, rank directory) {
	if rank == ifd0 && s.orientation == 0 && d.orientation <= 8 {
		s.orientation = d.orientation
	}
	s.add(picturePlace{r: b.r, run: d.jpeg, ofIFD1: rank == ifd1})
	// a strip of compression 6 or 7 can be a whole JPEG if its colors are those of a JPEG
	const oldJPEG, newJPEG, gray, ycbcr = 6, 7, 1, 6
	if (d.compression == oldJPEG || d.compression == newJPEG) &&
		(d.photometric == -1 || d.photometric == gray || d.photometric == ycbcr) {
		s.add(picturePlace{r: b.r, run: d.strip, ofIFD1: rank == ifd1 && !d.page})
	}
}

// offsets returns the values of an entry of offsets, at most maxSubIFDs of them.
func (w *walker) offsets(typ uint16, count uint64, value []byte) (offs []int64, err error) {
	switch typ {
	case typeLong, typeIFD, typeLong8, typeIFD8:
	default:
		return nil, nil
	}
	var buf [8 * maxSubIFDs]byte
	size := typeSize(typ)
	b := buf[:size*min(count, maxSubIFDs)]
	if count <= uint64(len(value))/size {
		copy(b, value)
	} else if ok, err := container.ReadFull(w.r, b, container.Offset(w.Uint(value))); !ok || err != nil {
		return nil, err
	}
	for ; len(b) > 0; b = b[size:] {
		offs = append(offs, container.Offset(w.Uint(b[:size])))
	}
	return offs, nil
}

// The tags that distinguish a thumbnail from a page.
const (
	newSubfileTypeTag = 0x00FE // bit 0 means a reduced version of another image (TIFF 6.0, section 8)
	jpegTag           = 0x0201 // start of a separate JPEG
)

// preview reads IFD1 ahead of its turn. It skips IFD1 if it is a page of a TIFF, and notes its pointers,
// since some writers put the only pointer to the picture's Exif directory there.
func (w *walker) preview() error {
	start := w.starts[ifd1]
	if start == 0 || w.wasRead(start) {
		return nil
	}
	page := w.pages
	_, _, err := w.each(start, func(e []byte) error {
		id, typ, count, value := w.Fields(e)
		switch id {
		case newSubfileTypeTag:
			n, _, err := w.integer(typ, count, value)
			page = page && n&1 == 0
			return err
		case jpegTag:
			page = false
		case exifPointer, gpsPointer, interopPointer:
			_, err := w.pointer(ifd1, id, typ, count, value)
			return err
		}
		return nil
	})
	if page {
		w.starts[ifd1] = 0
	}
	return err
}

// entry reads one entry of directory d. If a name occurs twice, the first entry wins, unless it is an
// empty text. intact is false if the entry is broken, not if entry leaves it out.
func (w *walker) entry(d directory, e []byte) (intact bool, err error) {
	id, typ, count, inline := w.Fields(e)
	unit := typeSize(typ)
	if unit == 0 || count > math.MaxUint64/unit {
		return false, nil
	}
	size := unit * count
	if count == 0 && typ != typeASCII && typ != typeUTF8 {
		return false, nil
	}

	def, known := lookup(d, id)
	if known && (d == w.first && w.foreign != nil && w.foreign(id) || !w.matchesTable(def.as, typ, count, inline)) {
		def, known = tagDef{}, false
	}
	switch {
	case !known && !w.o.Unknown, def.as == asLeftOut:
		return true, nil
	case def.as == asPointer:
		return w.pointer(d, id, typ, count, inline)
	case size > sizeLimit(def.as, typ):
		return true, nil
	}
	// build the name in the scratch buffer: all entries of a file may have the same name
	name := w.m.scratch.name[:0]
	if d == ifd1 {
		name = append(name, thumbPrefix...)
	}
	if known {
		name = append(name, def.name...)
	} else {
		name = appendUnknownName(name, d, id)
	}
	w.m.scratch.name = name
	names := w.m.scratch.names
	earlier, twice := names[string(name)]
	if twice && !w.m.tags[earlier].val.blank() {
		return true, nil
	}

	inEntry := size <= uint64(len(inline))
	w.values += cost(def.as, typ, count, size, inEntry)
	if w.values > maxValues || len(w.m.tags) == maxTags && !twice {
		return false, ErrTooLarge
	}
	if uint64(cap(w.m.scratch.value)) < size {
		w.m.scratch.value = make([]byte, max(size, maxBinary))
	}
	b := w.m.scratch.value[:size]
	if inEntry {
		copy(b, inline)
	} else {
		if ok, err := container.ReadFull(w.r, b, container.Offset(w.Uint(inline))); !ok || err != nil {
			return false, err
		}
	}
	v, ok := w.m.scratch.numbers.value(w.Order, typ, b, def.as, w.o)
	if !ok {
		return false, nil
	}
	if v.kind == kindNone {
		return true, nil
	}
	if n := uint64(len(v.text)); n > size { // a letter of one byte may take three in UTF-8
		w.values += n - size
	}
	t := tag{dir: d, id: id, name: def.name, val: v}
	if w.stored != nil {
		*w.stored = append(*w.stored, storedTag{
			dir: d, id: id, name: string(name),
			typ: typ, value: bytes.Clone(shown(w.Order, typ, b, def.as, v)),
		})
	}
	if twice {
		t.name = w.m.tags[earlier].name
		w.m.tags[earlier] = t
		return true, nil
	}
	if len(t.name) != len(name) { // no string of a table
		t.name = string(name)
	}
	names[t.name] = len(w.m.tags)
	if n := len(w.m.tags); n == cap(w.m.tags) { // double it, since append grows by a quarter only
		w.m.tags = slices.Grow(w.m.tags, max(n, 64))
	}
	w.m.tags = append(w.m.tags, t)
	return true, nil
}

// matchesTable reports whether an entry is the tag of the table, since some writers use its number for tags of
// their own.
func (w *walker) matchesTable(as storage, typ uint16, count uint64, inline []byte) bool {
	switch as {
	case asOnlyText:
		return bytewise(typ)
	case asDevelopment:
		return typ == typeShort && count == 1 && isDevelopmentType(w.Order.Uint16(inline))
	}
	return true
}

// isDevelopmentType reports whether both bytes of n are values that Exif 3.1 defines: the upper one is the
// accuracy of the colors, the lower one the choice of the settings.
func isDevelopmentType(n uint16) bool {
	const defined = 1<<1 | 1<<2 | 1<<4
	return defined>>(n>>8)&1 == 1 && defined>>(n&0xFF)&1 == 1
}

// pointer stores where another directory starts. The first pointer to a directory wins. Pointers of IFD1
// come after all others, since IFD1 describes the thumbnail.
func (w *walker) pointer(d directory, id, typ uint16, count uint64, inline []byte) (intact bool, err error) {
	var to directory
	switch id {
	case exifPointer:
		to = exifIFD
	case gpsPointer:
		to = gpsIFD
	case interopPointer:
		to = interopIFD
	default:
		return true, nil
	}
	at, ok, err := w.integer(typ, count, inline)
	if !ok || err != nil {
		return false, err
	}
	starts := &w.starts
	if d == ifd1 {
		starts = &w.startsByIFD1
	}
	// the walk is past all directories before d
	if (to >= d || d == ifd1) && starts[to] == 0 {
		starts[to] = at
	}
	return true, nil
}

// integer returns the value of an entry with one integer. It accepts all integer types, since writers use
// all of them for pointers, and reads signed ones as unsigned, since no offset is negative.
func (w *walker) integer(typ uint16, count uint64, inline []byte) (n int64, ok bool, err error) {
	if count != 1 {
		return 0, false, nil
	}
	switch typ {
	case typeByte, typeSByte, typeShort, typeSShort, typeLong, typeSLong, typeIFD, typeLong8, typeSLong8, typeIFD8:
	default:
		return 0, false, nil
	}
	b := inline
	if size := int(typeSize(typ)); size <= len(b) { //nolint:gosec // at most 8
		b = b[:size]
	} else {
		b = w.m.scratch.word[:]
		if ok, err := container.ReadFull(w.r, b, container.Offset(w.Uint(inline))); !ok || err != nil {
			return 0, false, err
		}
	}
	return container.Offset(w.Uint(b)), true, nil
}

// cost returns what a value counts against maxValues: the memory for it, and at least minRead if it lies
// outside the entry.
func cost(as storage, typ uint16, count, size uint64, inEntry bool) uint64 {
	n := 8 * count // numbers take 64 bits
	switch {
	case sizeLimit(as, typ) == maxText:
		n = size
	case typ == typeRational || typ == typeSRational:
		n = 40 * count // two numbers, and goexif's slice of them
	}
	if inEntry {
		return n
	}
	return max(n, minRead)
}

// sizeLimit returns the size in bytes above which Decode leaves out a value.
func sizeLimit(as storage, typ uint16) uint64 {
	switch as {
	case asText, asOnlyText, asCharCode, asUTF16:
		return maxText
	}
	if typ == typeASCII || typ == typeUTF8 {
		return maxText
	}
	return maxBinary
}

// thumbPrefix begins the names of the tags of IFD1.
const thumbPrefix = "Thumb"

// appendUnknownName appends the name of an unknown tag. In the GPS directory it begins with GPS, so that
// the pattern GPS* matches it.
func appendUnknownName(name []byte, d directory, id uint16) []byte {
	const hex = "0123456789abcdef"
	if d == gpsIFD {
		name = append(name, "GPS"...)
	}
	name = append(name, "UnknownTag_0x"...)
	return append(name, hex[id>>12], hex[id>>8&15], hex[id>>4&15], hex[id&15])
}

// lookup returns the definition of a tag number in a directory.
func lookup(d directory, id uint16) (def tagDef, ok bool) {
	def, ok = tagsOfDirectory(d)[id]
	return def, ok
}

// tagsOfDirectory returns the table of a directory's tags.
func tagsOfDirectory(d directory) map[uint16]tagDef {
	switch d {
	case gpsIFD:
		return gpsTags
	case interopIFD:
		return interopTags
	default:
		return sharedTags
	}
}

// sharedTags is the table of IFD0, IFD1 and the Exif directory. Cameras put TIFF tags in the Exif
// directory and the other way round, and Interoperability tags in either. From 0x000B on their numbers
// don't collide.
var sharedTags = func() map[uint16]tagDef {
	all := make(map[uint16]tagDef)
	for _, table := range [...]map[uint16]tagDef{interopTags, writersTags, exifTags, tiffTags} {
		maps.Copy(all, table)
	}
	maps.DeleteFunc(all, func(id uint16, _ tagDef) bool { return id < 0x000B })
	return all
}()

// The tags that describe a directory's picture (TIFF 6.0, sections 2 and 8; TIFF/EP, DNG).
const (
	widthTag       = 0x0100
	heightTag      = 0x0101
	compressionTag = 0x0103
	photometricTag = 0x0106
	makeTag        = 0x010F
	orientationTag = 0x0112
	subIFDsTag     = 0x014A
	jxrWidthTag    = 0xBC80 // JPEG XR has numbers of its own
	jxrHeightTag   = 0xBC81
	dngVersionTag  = 0xC612
)

// tiffFile reads the directories of a TIFF block for ReadInfo.
type tiffFile struct {
	container.Layout
	r       io.ReaderAt
	head    [16]byte
	first   int64 // where IFD0 starts
	entries int   // entries read, counted against maxEntries
	buf     [32 * 20]byte
}

// openTIFF reads the header of the block in r; ok is false if it has none.
func openTIFF(r io.ReaderAt) (t *tiffFile, ok bool, err error) {
	t = &tiffFile{r: r}
	n, err := container.ReadAt(r, t.head[:], 0)
	if err != nil {
		return nil, false, err
	}
	t.Layout, t.first, ok = container.ParseTIFFHeader(t.head[:n])
	return t, ok, nil
}

// tiffDir holds the values of a directory that describe its picture.
type tiffDir struct {
	kind                     int64    // NewSubfileType, -1 if missing: bit 0 means a reduced version of another
	width, height            int64    // 0 if missing
	photometric, compression int64    // -1 if missing
	orientation              int      // 0 if missing
	sensor                   [8]int64 // Panasonic's tags 2 to 7, 0 if missing
	make                     container.Extent
	subIFDs                  container.Extent
	wide                     bool  // subIFDs has offsets of 8 bytes
	dng, thumbnail           bool  // the directory has DNG's version, or a separate JPEG
	next                     int64 // where the next directory starts, 0 for none
}

// dir reads the directory at start, as far as it is readable.
func (t *tiffFile) dir(start int64) (d tiffDir, err error) {
	d.kind, d.photometric, d.compression = -1, -1, -1
	countSize := int64(2)
	if t.Big {
		countSize = 8
	}
	if ok, err := container.ReadFull(t.r, t.buf[:countSize], start); !ok || err != nil {
		return d, err
	}
	count := t.Uint(t.buf[:countSize])
	size, pos := t.EntrySize(), start+countSize
	for left := min(count, maxDirEntries); left > 0; {
		n := int64(min(left, 32))
		got, err := container.ReadAt(t.r, t.buf[:n*size], pos)
		if err != nil {
			return d, err
		}
		for e := t.buf[:got]; int64(len(e)) >= size; e = e[size:] {
			if t.entries++; t.entries > maxEntries {
				return d, ErrTooLarge
			}
			t.entry(&d, pos, e[:size])
			pos += size
		}
		if int64(got) < n*size {
			return d, nil
		}
		left -= uint64(n)
	}
	if count > maxDirEntries {
		return d, nil
	}
	b := t.buf[:t.OffsetSize()]
	if ok, err := container.ReadFull(t.r, b, pos); !ok || err != nil {
		return d, err
	}
	d.next = container.Offset(t.Uint(b))
	return d, nil
}

// entry stores the value of the entry e at pos in d.
func (t *tiffFile) entry(d *tiffDir, pos int64, e []byte) {
	id, typ, count, value := t.Fields(e)
	switch id {
	case makeTag, subIFDsTag:
		size := typeSize(typ)
		if size == 0 || count > maxText {
			return
		}
		run := container.Extent{Off: pos + int64(len(e)-len(value)), N: container.Offset(size * count)}
		if run.N > int64(len(value)) {
			run.Off = container.Offset(t.Uint(value))
		}
		if id == makeTag {
			d.make = run
		} else {
			d.subIFDs, d.wide = run, size == 8
		}
		return
	case dngVersionTag:
		d.dng = true
		return
	case jpegTag:
		d.thumbnail = true
		return
	}
	size := typeSize(typ)
	if count != 1 || size == 0 || size > uint64(len(value)) || typ == typeFloat || typ == typeRational || typ == typeDouble {
		return
	}
	n := container.Offset(t.Uint(value[:size]))
	switch id {
	case newSubfileTypeTag:
		d.kind = n
	case widthTag, jxrWidthTag:
		d.width = n
	case heightTag, jxrHeightTag:
		d.height = n
	case compressionTag:
		d.compression = n
	case photometricTag:
		d.photometric = n
	case orientationTag:
		if n <= 8 {
			d.orientation = int(n)
		}
	default:
		if id < uint16(len(d.sensor)) {
			d.sensor[id] = n
		}
	}
}

func (d *tiffDir) reduced() bool { return d.kind >= 0 && d.kind&1 == 1 }

func (d *tiffDir) larger(than *tiffDir) bool {
	return min(d.width, maxSide)*min(d.height, maxSide>>1) > min(than.width, maxSide)*min(than.height, maxSide>>1)
}

// main returns the directory of the main picture: the one that states it, else IFD0, or the largest if
// IFD0 is a reduced version.
func (t *tiffFile) main(ifd0 *tiffDir) (tiffDir, error) {
	best := *ifd0
	if ifd0.kind == 0 && ifd0.width > 0 {
		return best, nil
	}
	var starts [maxSubIFDs]int64
	n, err := t.offsets(ifd0, starts[:])
	if err != nil {
		return best, err
	}
	preferIFD0 := ifd0.kind < 0 && ifd0.width > 0 // only a directory that states to be the main picture beats IFD0
	for _, start := range starts[:n] {
		d, err := t.dir(start)
		if err != nil {
			return best, err
		}
		if d.kind == 0 && d.width > 0 {
			return d, nil
		}
		if !preferIFD0 && d.larger(&best) {
			best = d
		}
	}
	if preferIFD0 || best.width > ifd0.width {
		return best, nil
	}
	// IFD1 and the directories after it; cameras write two or three
	next := ifd0.next
	for k := 0; k < 4 && next != 0; k++ {
		d, err := t.dir(next)
		if err != nil {
			return best, err
		}
		if !d.reduced() && d.larger(&best) {
			best = d
		}
		next = d.next
	}
	return best, nil
}

// offsets reads the offsets of the directory's SubIFDs into to.
func (t *tiffFile) offsets(d *tiffDir, to []int64) (n int, err error) {
	if d.subIFDs.N == 0 {
		return 0, nil
	}
	size := int64(4)
	if d.wide {
		size = 8
	}
	var b [8 * maxSubIFDs]byte
	got, err := container.ReadAt(t.r, b[:min(d.subIFDs.N, size*int64(len(to)))], d.subIFDs.Off)
	for e := b[:got]; int64(len(e)) >= size; e = e[size:] {
		to[n] = container.Offset(t.Uint(e[:size]))
		n++
	}
	return n, err
}

// photometrics maps PhotometricInterpretation to color models (TIFF 6.0, part 2; TIFF/EP; DNG).
var photometrics = map[int64]string{
	0: "gray", 1: "gray", 2: "rgb", 3: "palette", 5: "cmyk", 6: "ycbcr", 8: "lab", 9: "lab", 10: "lab",
	cfa: "cfa", 34892: "rgb",
}

// cfa is the PhotometricInterpretation of sensor samples, each of one color.
const cfa = 32803

// rawWords lists the names of makers' raw files that have TIFF's header.
var rawWords = [...]struct{ maker, word string }{
	{"NIKON", "NEF"},
	{"SONY", "ARW"},
	{"PENTAX", "PEF"},
	{"RICOH", "PEF"},
	{"SAMSUNG", "SRW"},
	{"Hasselblad", "3FR"},
	{"Phase One", "IIQ"},
}

// kind returns the name of the raw format, by IFD0 and the main picture, empty for plain TIFF.
func (t *tiffFile) kind(ifd0, picture *tiffDir) (string, error) {
	switch {
	case ifd0.dng:
		return "DNG", nil
	case string(t.head[8:11]) == "CR\x02":
		return "CR2", nil
	case picture.photometric != cfa || ifd0.make.N == 0:
		return "", nil
	}
	var b [16]byte
	n, err := container.ReadAt(t.r, b[:min(int64(len(b)), ifd0.make.N)], ifd0.make.Off)
	for _, w := range rawWords {
		if len(w.maker) <= n && strings.EqualFold(string(b[:len(w.maker)]), w.maker) {
			return w.word, err
		}
	}
	return "", err
}

// infoTIFF reads IFD0 and the main picture's directory.
func infoTIFF(r io.ReaderAt, i *Info) error {
	t, ok, err := openTIFF(r)
	if !ok || err != nil {
		return err
	}
	ifd0, err := t.dir(t.first)
	if err != nil {
		return err
	}
	picture, err := t.main(&ifd0)
	if err != nil {
		return err
	}
	i.setSize(picture.width, picture.height)
	i.Orientation = cmp.Or(ifd0.orientation, picture.orientation)
	i.ColorModel = photometrics[picture.photometric]
	if i.Word, err = t.kind(&ifd0, &picture); err != nil {
		return err
	}
	if i.Word == "CR2" {
		i.ColorModel = photometrics[cfa] // IFD0 is the same picture as a JPEG
	}
	if i.Word == "" && picture.photometric != cfa {
		i.Frames, err = t.pages(&ifd0)
	}
	return err
}

// infoORF reads Olympus' raw files, whose IFD0 declares the sensor samples as gray.
func infoORF(r io.ReaderAt, i *Info) error {
	err := infoTIFF(r, i)
	i.ColorModel, i.Frames = photometrics[cfa], 0
	return err
}

// pages counts the directories that are pages. It returns 0 if there are too many directories.
func (t *tiffFile) pages(ifd0 *tiffDir) (n int64, err error) {
	r := t.r
	t.r = container.ReaderFunc(func(p []byte, off int64) (int, error) { return container.PeekAt(r, p, off) })
	n = 1
	const near = 4 << 10 // the same request has probably fetched these bytes
	last, far := t.first, 0
	next := ifd0.next
	for range maxPages {
		if next == 0 {
			return n, nil
		}
		if next < last || next-last > near {
			far++
		}
		if far > maxFarPages {
			return 0, nil
		}
		d, err := t.dir(next)
		switch {
		case errors.Is(err, ErrTooLarge):
			return 0, nil
		case err != nil:
			return 0, err
		}
		if d.width > 0 && !d.reduced() && !d.thumbnail {
			n++
		}
		last, next = next, d.next
	}
	return 0, nil
}
