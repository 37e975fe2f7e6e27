package exif

import (
	"bytes"
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

type directory = container.Directory

const (
	ifd0        = container.IFD0
	exifIFD     = container.ExifIFD
	gpsIFD      = container.GPSIFD
	interopIFD  = container.InteropIFD
	ifd1        = container.IFD1
	directories = container.Directories
)

// The tags that point at further directories (Exif 3.0, 4.6.3).
const (
	exifPointer    = 0x8769
	gpsPointer     = 0x8825
	interopPointer = 0xA005
)

// budget counts the use of the limits by all blocks of one file.
type budget struct {
	values  uint64 // counted against maxValues
	entries int    // counted against container.MaxEntries
	intact  int    // readable entries
}

// maxNested bounds the directories of one kind in a block, since each needs a read and an Exif directory
// may point at another.
const maxNested = 4

// walker reads the directories of one block.
type walker struct {
	container.Dirs
	*budget
	block  container.Block
	o      *Options
	m      *Metadata
	stored *[]storedTag // the tags as stored, for Keep; else nil

	starts       [directories]int64             // where each directory starts, 0 for none
	startsByIFD1 [directories]int64             // where it starts according to IFD1
	visited      [directories * maxNested]int64 // the starts of the directories already read
	visitedCount int                            // number of directories already read
}

// walk adds the tags of the blocks: of each directory in all blocks, before the next directory.
func (m *Metadata) walk(blocks []container.Block, o *Options) error {
	return m.walkStored(blocks, o, nil)
}

// walkStored is walk, and also appends the tags as stored to stored unless it is nil.
func (m *Metadata) walkStored(blocks []container.Block, o *Options, stored *[]storedTag) error {
	var used budget
	if m.scratch.names == nil {
		m.scratch.names = make(map[string]int, 128)
	}
	walkers := m.scratch.walkers[:0]
	for _, b := range blocks {
		d, first, ok, err := container.OpenDirs(b.R, &m.scratch.dirs, &used.entries)
		if err != nil {
			return err
		}
		if ok {
			w := walker{Dirs: d, block: b, budget: &used, o: o, m: m, stored: stored}
			w.starts[b.First] = first
			walkers = append(walkers, w)
		}
	}
	m.scratch.walkers = walkers
	readable := false
	for d := range directories {
		for i := range walkers {
			w := &walkers[i]
			ok, err := w.directory(d)
			if err != nil {
				return err
			}
			readable = readable || ok && d == w.block.First
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
		next, there, err := w.Each(start, func(e []byte) error {
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
			if w.starts[ifd1], err = w.Next(next); err != nil {
				return false, err
			}
		}
		start = w.starts[d]
	}
	return ok, nil
}

func (w *walker) wasRead(start int64) bool { return slices.Contains(w.visited[:w.visitedCount], start) }

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
	page := w.block.Pages
	_, _, err := w.Each(start, func(e []byte) error {
		id, typ, count, value := w.Fields(e)
		switch id {
		case newSubfileTypeTag:
			n, _, err := w.Integer(typ, count, value)
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
	unit := container.TypeSize(typ)
	if unit == 0 || count > math.MaxUint64/unit {
		return false, nil
	}
	size := unit * count
	if count == 0 && typ != container.TypeASCII && typ != container.TypeUTF8 {
		return false, nil
	}

	def, known := lookup(d, id)
	if known && (d == w.block.First && w.block.Foreign != nil && w.block.Foreign(id) || !w.matchesTable(def.as, typ, count, inline)) {
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
	name := w.name(d, id, def)
	earlier, twice := w.m.scratch.names[string(name)]
	if twice && !w.m.tags[earlier].val.blank() {
		return true, nil
	}

	w.values += cost(def.as, typ, count, size, size <= uint64(len(inline)))
	if w.values > maxValues || len(w.m.tags) == maxTags && !twice {
		return false, ErrTooLarge
	}
	b, ok, err := w.value(size, inline)
	if !ok || err != nil {
		return false, err
	}
	v, ok := w.m.scratch.numbers.value(w.Order, typ, b, def.as, w.o)
	if !ok {
		return false, nil
	}
	if v.kind == kindNone || def.as == asName && v.blank() {
		return true, nil
	}
	if n := uint64(len(v.text)); n > size { // a letter of one byte may take three in UTF-8
		w.values += n - size
	}
	t := tag{dir: d, id: id, name: def.name, val: v}
	if w.stored != nil {
		*w.stored = append(*w.stored, storedTag{
			off: w.block.Off,
			dir: d, id: id, name: string(name), text: v.text,
			typ: typ, value: bytes.Clone(shown(typ, b, def.as, v)),
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
	w.m.add(t)
	return true, nil
}

// name returns the name of a tag, whose definition has none if it is unknown. It is in the scratch buffer, since all
// entries of a file may have the same name.
func (w *walker) name(d directory, id uint16, def tagDef) []byte {
	name := w.m.scratch.name[:0]
	if d == ifd1 {
		name = append(name, thumbPrefix...)
	}
	if def.name != "" {
		name = append(name, def.name...)
	} else {
		name = appendUnknownName(name, d, id)
	}
	w.m.scratch.name = name
	return name
}

// value returns the bytes of an entry's value, in the scratch buffer; ok is false if the file ends before.
func (w *walker) value(size uint64, inline []byte) (b []byte, ok bool, err error) {
	if uint64(cap(w.m.scratch.value)) < size {
		w.m.scratch.value = make([]byte, max(size, maxBinary))
	}
	b = w.m.scratch.value[:size]
	if size <= uint64(len(inline)) {
		copy(b, inline)
		return b, true, nil
	}
	ok, err = container.ReadFull(w.R, b, container.Offset(w.Uint(inline)))
	return b, ok, err
}

// add appends a tag of a new name.
func (m *Metadata) add(t tag) {
	n := len(m.tags)
	if n == cap(m.tags) { // double it, since append grows by a quarter only
		m.tags = slices.Grow(m.tags, max(n, 64))
	}
	m.scratch.names[t.name] = n
	m.tags = append(m.tags, t)
}

// matchesTable reports whether an entry is the tag of the table, since some writers use its number for tags of
// their own.
func (w *walker) matchesTable(as storage, typ uint16, count uint64, inline []byte) bool {
	switch as {
	case asOnlyText, asName:
		return bytewise(typ)
	case asDevelopment:
		return typ == container.TypeShort && count == 1 && isDevelopmentType(w.Order.Uint16(inline))
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
	at, ok, err := w.Integer(typ, count, inline)
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

// cost returns what a value counts against maxValues: the memory for it, and at least minRead if it lies
// outside the entry.
func cost(as storage, typ uint16, count, size uint64, inEntry bool) uint64 {
	n := 8 * count // numbers take 64 bits
	switch {
	case sizeLimit(as, typ) == maxText:
		n = size
	case typ == container.TypeRational || typ == container.TypeSRational:
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
	case asText, asOnlyText, asName, asCharCode, asUTF16:
		return maxText
	}
	if typ == container.TypeASCII || typ == container.TypeUTF8 {
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
