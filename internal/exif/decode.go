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
// Files are untrusted. internal/container finds the blocks, choose.go chooses among them. The walk
// (tiff.go) checks each entry's type, count and offset against the block and visits each directory
// once. Only the bytes of a checked entry become a value (value.go, goexif.go). A broken entry loses
// that entry, a broken directory that directory; Decode returns the rest.
package exif

import (
	"errors"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// The errors of Decode. It returns errors of the reader unchanged.
var (
	// ErrNotImage means that the file is in no image format that this package knows.
	ErrNotImage = container.ErrNotImage
	// ErrInvalid means that the image has EXIF, but none of it can be read.
	ErrInvalid = errors.New("exif: the EXIF is broken, none of it can be read")
	// ErrTooLarge means that reading the EXIF would exceed a limit of this package.
	ErrTooLarge = container.ErrTooLarge
)

// The limits, each with the attack it stops. Real files stay far below all of them.
const (
	// maxBroken is the number of broken EXIF blocks in one file after which the search stops looking for a
	// readable one.
	maxBroken = 1 << 4
	// maxTags bounds the tags of one file: with unknown tags included, each entry can be one.
	maxTags = 1 << 14
	// maxBinary is the size in bytes above which Decode leaves out arrays and binary values.
	maxBinary = 1 << 10
	// maxBytesShown is the number of bytes above which Decode leaves out bytes that aren't text.
	maxBytesShown = 64
	// maxText is the size in bytes above which Decode leaves out a text.
	maxText = 1 << 16
	// maxValues bounds the memory of all values of one file together, and the bytes read for them:
	// every entry can point at the same text or array, so that a small file could need much memory. It
	// is twice maxJSON, since UTF-16 takes two bytes for a letter that takes one in JSON. Real files
	// need an eightieth of it.
	maxValues = 2 * maxJSON
	// minRead is the least that a value outside its entry counts against maxValues: Decode can read
	// 16,384 such values, as many as maxTags.
	minRead = maxValues / maxTags
	// maxJSON bounds the rendered JSON: a control character of one byte becomes six, so that 16 tags
	// that point at the same 64 KiB would make 6 MB. The largest of 2,239 real files needs 6 KB.
	maxJSON = 1 << 18
)

// Style is how values are rendered.
type Style uint8

const (
	// Raw renders every value as stored, as a string: "72/1".
	Raw Style = iota
	// Described renders every value as English text for people: "0.00800 (1/125) sec".
	Described
	// Typed renders values for programs: numbers, arrays, decimals, ISO 8601 dates.
	Typed
)

// Options control decoding and rendering. The zero value is the default: raw, known tags only, latin1.
type Options struct {
	// Style is how values are rendered.
	Style Style
	// Dialect renders values and their envelope as another service does, whatever Style is. Nil means none.
	Dialect *Dialect
	// Unknown includes tags that the tables don't name, as UnknownTag_0xabcd.
	Unknown bool
	// Charset decodes text that isn't valid UTF-8. Nil means latin1, which is Windows-1252 as in
	// the WHATWG Encoding Standard.
	Charset encoding.Encoding
	// Keep reports whether the JSON includes the tag of that name. Nil includes all.
	Keep func(name string) bool
}

func (o *Options) charset() encoding.Encoding {
	if o.Charset != nil {
		return o.Charset
	}
	return charmap.Windows1252
}

// Metadata is the EXIF of one image. Repeated calls of Decode reuse its memory.
type Metadata struct {
	// Format is the name of the image's container format: "jpeg", "tiff", ...
	Format string

	tags    []tag                  // in file order, names unique
	keep    func(name string) bool // of the Options of AppendJSON
	blocks  []container.Block
	scratch scratch
}

// scratch holds the scratch buffers of Decode, which the next call reuses, and the numbers of the values.
type scratch struct {
	names   map[string]int // index in tags by name
	name    []byte         // name of an entry
	walkers []walker
	dirs    container.DirBuffer
	value   []byte // value of an entry
	numbers fileNumbers
}

// tag is one decoded tag.
type tag struct {
	dir  directory
	id   uint16
	name string
	val  value
}

// Len returns the number of tags.
func (m *Metadata) Len() int { return len(m.tags) }

// Text returns the text of the tag with that name, empty if there is none, if it isn't a text, or if o doesn't keep it.
func (m *Metadata) Text(name string, o *Options) string {
	for i := range m.tags {
		if t := &m.tags[i]; t.name == name && t.val.kind == kindText && o.tells(name, t.val.text) {
			return t.val.text
		}
	}
	return ""
}

// find returns the tag with this directory and number, or nil.
func (m *Metadata) find(d directory, id uint16) *tag {
	for i := range m.tags {
		if m.tags[i].dir == d && m.tags[i].id == id {
			return &m.tags[i]
		}
	}
	return nil
}

// Decode reads the EXIF of the image r. For an image without EXIF it returns Metadata without tags and
// no error. Its errors are ErrNotImage, ErrInvalid, ErrTooLarge and those of r, except io.EOF, which
// only ends the file.
func Decode(r io.ReaderAt, o *Options) (*Metadata, error) {
	m := new(Metadata)
	err := m.Decode(r, o)
	return m, err
}

// Decode reads the EXIF of the image r into m, as the function Decode does, and replaces m's tags.
func (m *Metadata) Decode(r io.ReaderAt, o *Options) error {
	m.reset()
	c, err := Choose(r)
	m.Format, m.blocks = c.Format, c.Blocks
	if err != nil || len(c.Blocks) == 0 {
		return err
	}
	return m.walk(c.Blocks, o)
}

// reset empties m, and frees large buffers that few images need.
func (m *Metadata) reset() {
	const usual = 512
	if len(m.tags) > usual {
		*m = Metadata{}
	}
	clear(m.tags)
	m.Format, m.tags, m.blocks = "", m.tags[:0], nil
	clear(m.scratch.names)
	clear(m.scratch.walkers)
	m.scratch.numbers.reset()
	if cap(m.scratch.value) > maxBinary*4 {
		m.scratch.value = nil
	}
}
