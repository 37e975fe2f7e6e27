package exif

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Kept is what a redacted file keeps of one of its EXIF blocks.
type Kept struct {
	// Off is where the part of the file that carries the block has its data: the TIFF block itself in a JPEG segment,
	// the data of a chunk, the body of a box, the first extent of an item.
	Off int64

	order binary.ByteOrder
	tags  []storedTag
}

// Keep returns what a redacted file keeps of the EXIF that its answer with these options tells: the tags of the
// answer, and those that viewers need to show the picture. If o is nil or the answer is an error, it keeps only the
// latter. IFD1 and JPEGInterchangeFormat go as well: a redacted file has no thumbnail. Keep returns errors of r.
func Keep(r io.ReaderAt, o *Options) ([]Kept, error) {
	choice, err := Choose(r)
	if err != nil {
		return nil, ofReader(err)
	}
	return keep(choice.Blocks, o)
}

// ofReader returns err unless it is about the file.
func ofReader(err error) error {
	for _, e := range [...]error{ErrNotImage, ErrInvalid, ErrTooLarge} {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

func keep(blocks []container.Block, o *Options) ([]Kept, error) {
	all := o
	if all == nil {
		all = new(Options)
	}
	var m Metadata
	var tags []storedTag
	err := m.walkStored(blocks, all, &tags)
	if err == nil && o != nil {
		_, err = m.AppendJSON(nil, o)
	}
	if e := ofReader(err); e != nil {
		return nil, e
	}
	told := err == nil && o != nil
	kept := make([]Kept, len(blocks))
	for i, b := range blocks {
		kept[i].Off = b.Off
		var head [16]byte
		n, err := container.ReadAt(b.R, head[:], 0)
		if err != nil {
			return nil, err
		}
		l, _, ok := container.ParseTIFFHeader(head[:n])
		if !ok {
			continue // it has no tags, or the file has changed since they were read
		}
		kept[i].order = l.Order
		for _, t := range tags {
			if t.off != b.Off {
				continue
			}
			t.needed = isNeeded(&t, kept[i].order)
			if t.needed || told && !t.ofThumbnail() && o.tells(t.name, t.text) {
				kept[i].tags = append(kept[i].tags, t)
			}
		}
		if note, err := appleNote(b); err != nil {
			return nil, err
		} else if note != nil {
			kept[i].tags = insertTag(kept[i].tags, storedTag{
				off: b.Off, needed: true, dir: exifIFD, id: makerNoteTag, name: "MakerNote", typ: container.TypeUndefined, value: note,
			})
		}
	}
	return kept, nil
}

// insertTag inserts a tag by its directory and number.
func insertTag(tags []storedTag, t storedTag) []storedTag {
	at := slices.IndexFunc(tags, func(o storedTag) bool { return o.dir > t.dir || o.dir == t.dir && o.id > t.id })
	if at < 0 {
		at = len(tags)
	}
	return slices.Insert(tags, at, t)
}

// isNeeded reports whether viewers need the tag to show the picture right. It must have the value that the standard
// defines (Exif 3.0, 4.6), or it could hold anything.
func isNeeded(t *storedTag, order binary.ByteOrder) bool {
	switch t.name {
	case "Orientation":
		return t.typ == container.TypeShort && len(t.value) == 2 && 1 <= order.Uint16(t.value) && order.Uint16(t.value) <= 8
	case "ColorSpace":
		return t.typ == container.TypeShort && len(t.value) == 2
	case "InteroperabilityIndex":
		switch string(t.value) {
		case "R98\x00", "R03\x00", "THM\x00":
			return t.typ == container.TypeASCII
		}
	}
	return false
}

// Encode returns the kept tags as a TIFF block of at most limit bytes. If they don't fit, because several shared one
// value, it drops the last ones, and those that viewers need after all others. It returns nil if no tag is left.
//
// The block decodes to the same JSON, less what was dropped. It lacks bytes that the JSON doesn't show, such as text
// after the first NUL.
func (k *Kept) Encode(limit int) []byte { return encode(k.order, k.tags, limit) }

// Needed returns what viewers need of it to show the picture.
func (k *Kept) Needed() *Kept {
	needed := *k
	needed.tags = slices.DeleteFunc(slices.Clone(k.tags), func(t storedTag) bool { return !t.needed })
	return &needed
}

// Any reports whether anything stays.
func (k *Kept) Any() bool { return len(k.tags) > 0 }
