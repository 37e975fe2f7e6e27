// Package exif reads the EXIF of an image through an io.ReaderAt, touching as few bytes as it can,
// and renders it as JSON.
//
// # The format
//
// EXIF (CIPA DC-008, "Exif 3.0") is a small TIFF file carried inside an image file. A container
// (JPEG segment, PNG chunk, ISO box, ...) says where that TIFF block starts; every offset inside
// the block counts from its first byte.
//
// The block starts with a byte order ("II" little-endian, "MM" big-endian), the number 42 and the
// offset of the first directory, IFD0 (TIFF 6.0, section 2). A directory is a count, that many
// entries of 12 bytes, and the offset of the next directory. An entry is a tag number, a type, a
// count of values, and the values themselves where they fit in 4 bytes, else their offset. Entries
// of IFD0 point at further directories: the Exif directory (0x8769) and GPS (0x8825); the Exif
// directory points at Interoperability (0xA005). The directory after IFD0, IFD1, describes the
// thumbnail.
//
// # How it is read here
//
// Files come from strangers. The containers only find the block (one file each: jpeg.go, ...), the
// walk (tiff.go) checks each entry's type, count and offset against what is there and visits each
// directory once, and only the bytes of a checked entry become a value (value.go, goexif.go). A broken entry
// costs that entry, a broken directory that directory; what can still be read is answered.
package exif

import (
	"errors"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// What Decode can't make an answer of. Errors of the reader come back as they are.
var (
	// ErrNotImage says that the bytes are no image format known here.
	ErrNotImage = errors.New("exif: not an image of a known format")
	// ErrInvalid says that there is EXIF, and that none of it can be read.
	ErrInvalid = errors.New("exif: the EXIF is broken, none of it can be read")
	// ErrTooLarge says that a limit of this package was met before the EXIF was read.
	ErrTooLarge = errors.New("exif: the EXIF is larger than can be read")
)

// The limits, each with what it stops. Real files stay far below all of them.
const (
	// maxSegments bounds the JPEG segments walked: 4-byte segments by the million would keep a
	// processor busy without reading anything worth having.
	maxSegments = 1 << 14
	// MaxBroken bounds the broken EXIFs of one file after which a good one is still looked for.
	MaxBroken = 1 << 4
	// maxChunks bounds the PNG and RIFF chunks, Photoshop resources and Minolta blocks walked: empty
	// ones by the million, as above. A picture of 500 MB in chunks of 8 KiB has as many.
	maxChunks = 1 << 16
	// maxBoxes bounds the ISO boxes walked, all depths of one file together, for the same reason.
	// HEIF has one for each item, and a picture made of tiles has an item for each tile.
	maxBoxes = 1 << 16
	// maxItems bounds the items that HEIF locates, since their number is claimed by 32 bits, and those
	// that its Exif items are said to describe, of which each of 32,000 can claim 65,535.
	maxItems = 1 << 16
	// maxExtents bounds the pieces of one HEIF item: 65,535 pieces of no bytes can be claimed by
	// none, and each would cost every read of the item a step. Writers use one.
	maxExtents = 1 << 8
	// maxProfile bounds the text of a PNG profile: a kilobyte of zlib unpacks to a megabyte.
	maxProfile = 1 << 20
	// maxProfileSteps bounds the work for all PNG profiles of a file, of which any number may have to
	// be read in search of one that is EXIF. It is enough for one of maxProfile, or for one of 100 KB
	// packed; what a JPEG holds is at most 70 KB. Blocks of packed text that hold nothing but the tables of their codes take longest.
	maxProfileSteps = maxProfile
	// maxBrotli bounds the bytes of an unpacked Brotli box; a kilobyte unpacks to hundreds of megabytes.
	maxBrotli = 1 << 18
	// maxBrotliPacked bounds those of the packed box.
	maxBrotliPacked = 1 << 17
	// maxBrotliIdle bounds the bytes of a Brotli box that yield nothing, which are mostly the heads of
	// meta-blocks: one of 100 bytes can ask for a table of 16,384 entries, or for 100 trees. Encoders
	// need up to 1,700 of them for the EXIF of real files.
	maxBrotliIdle = 1 << 12
	// maxBrotliWindow bounds the logarithm of Brotli's window, which is allocated on the stream's
	// word: 24 would be 16 MiB for a few bytes. 22 is the encoders' default.
	maxBrotliWindow = 22
	// maxProlog bounds the bytes of an SVG read in search of its first element, which comments and
	// entities may put off.
	maxProlog = 1 << 14
	// maxEntries bounds the entries of all directories of one file; a directory's own count of at
	// most 65,535 is no bound in BigTIFF.
	maxEntries = 1 << 17
	// maxTags bounds the tags of one answer: with unknown ones, each entry can be one.
	maxTags = 1 << 14
	// maxBinary is the size in bytes above which arrays and binary values are left out.
	maxBinary = 1 << 10
	// maxBytesShown is the number of bytes above which bytes that aren't text are left out.
	maxBytesShown = 64
	// maxText is the size in bytes above which a text is left out.
	maxText = 1 << 16
	// maxValues bounds the memory of all values of one file together, and the bytes read for them:
	// every entry can point at the same text or at the same array, so that a small file could ask
	// for a lot. It is twice maxJSON, since UTF-16 takes two bytes for a letter that takes one in
	// JSON. Real files need an eightieth of it.
	maxValues = 2 * maxJSON
	// minRead is what a value counts at least against maxValues if it isn't in its entry: 16,384 of
	// them can be read, as many as there may be tags.
	minRead = maxValues / maxTags
	// maxJSON bounds the rendered JSON: a control character of one byte becomes six, so that 16 tags
	// that point at the same 64 KiB would make 6 MB. The largest of 2,239 real files needs 6 KB.
	maxJSON = 1 << 18
)

// Style is how values are rendered.
type Style uint8

const (
	// Raw renders every value as a string, as stored: "72/1".
	Raw Style = iota
	// Described renders every value as an English text for people: "0.00800 (1/125) sec".
	Described
	// Typed renders values for programs: numbers, arrays, decimals, ISO 8601 dates.
	Typed
)

// Options shape an answer. The zero value is the default: raw, known tags only, latin1.
type Options struct {
	// Style is how values are rendered.
	Style Style
	// Unknown includes tags that no table names, as UnknownTag_0xabcd.
	Unknown bool
	// Charset decodes text that is not valid UTF-8. Nil means latin1, which is Windows-1252 as in
	// the WHATWG Encoding Standard.
	Charset encoding.Encoding
	// Keep reports whether the tag of that name is part of the answer. Nil keeps all.
	Keep func(name string) bool
}

func (o *Options) charset() encoding.Encoding {
	if o.Charset != nil {
		return o.Charset
	}
	return charmap.Windows1252
}

// Metadata is the EXIF of one image. It can be decoded into again and again, and then reuses its
// memory.
type Metadata struct {
	// Format is the container it was found in: "jpeg", "tiff", ...
	Format string

	tags    []tag // in file order, names unique
	scratch scratch
}

// scratch is the memory that decoding needs, which the next Decode uses again, and the numbers of the
// values.
type scratch struct {
	names   map[string]int // where in the tags so far each name is
	name    []byte         // of an entry
	walkers []walker
	head    [sniffLen]byte
	word    [8]byte
	entries [entryChunk * 20]byte // of a directory
	value   []byte                // an entry's
	numbers fileNumbers
}

// tag is one entry of the answer.
type tag struct {
	dir  directory
	id   uint16
	name string
	val  value
}

// Len is the number of tags read.
func (m *Metadata) Len() int { return len(m.tags) }

// find returns the tag of that directory and number, or nil.
func (m *Metadata) find(d directory, id uint16) *tag {
	for i := range m.tags {
		if m.tags[i].dir == d && m.tags[i].id == id {
			return &m.tags[i]
		}
	}
	return nil
}

// Decode reads the EXIF of the image r. An image without EXIF is no error and has no tags. Errors
// are ErrNotImage, ErrInvalid, ErrTooLarge or what r returned (other than io.EOF, which only ends
// the file).
func Decode(r io.ReaderAt, o *Options) (*Metadata, error) {
	m := new(Metadata)
	err := m.Decode(r, o)
	return m, err
}

// Decode is the function Decode into m, and replaces what was in m.
func (m *Metadata) Decode(r io.ReaderAt, o *Options) error {
	m.reset()
	n, err := readAt(r, m.scratch.head[:], 0)
	if err != nil {
		return err
	}
	f := sniff(m.scratch.head[:n])
	if f == nil {
		return ErrNotImage
	}
	blocks, err := f.find(r)
	if errors.Is(err, ErrNotImage) {
		return err
	}
	m.Format = f.name
	if err != nil || len(blocks) == 0 {
		return err
	}
	return m.walk(blocks, o)
}

// reset empties m, and lets go of memory that only an unusual image needs.
func (m *Metadata) reset() {
	const usual = 512
	if len(m.tags) > usual {
		*m = Metadata{}
	}
	clear(m.tags)
	m.Format, m.tags = "", m.tags[:0]
	clear(m.scratch.names)
	clear(m.scratch.walkers)
	m.scratch.numbers.reset()
	if cap(m.scratch.value) > maxBinary*4 {
		m.scratch.value = nil
	}
}

// readAt reads up to len(p) bytes at off. Fewer than len(p) without an error means that the file
// ends there.
func readAt(r io.ReaderAt, p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, nil
	}
	n, err := r.ReadAt(p, off)
	if n == len(p) || errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// readFull reads exactly len(p) bytes at off; ok is false where the file ends before.
func readFull(r io.ReaderAt, p []byte, off int64) (ok bool, err error) {
	n, err := readAt(r, p, off)
	return err == nil && n == len(p), err
}
