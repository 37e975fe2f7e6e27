// Package testimage builds images for tests and testdata, with generated pixels and exactly the tags that
// the caller gives. Only tests use it.
package testimage

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
)

// Entry is one directory entry: a tag number, a type (TIFF 6.0, section 2), a count, and the bytes
// of the values in the byte order of the block.
type Entry struct {
	ID    uint16
	Type  uint16
	Count uint32
	// Put returns the bytes of the values.
	Put func(o binary.AppendByteOrder) []byte
}

// ASCII returns an entry with a NUL-terminated text.
func ASCII(id uint16, s string) Entry {
	return Bytes(id, 2, append([]byte(s), 0))
}

// Undefined returns an entry with bytes of type UNDEFINED.
func Undefined(id uint16, b []byte) Entry { return Bytes(id, 7, b) }

// Bytes returns an entry with values of one byte each, of any type.
func Bytes(id, typ uint16, b []byte) Entry {
	return Entry{id, typ, uint32(len(b)), func(binary.AppendByteOrder) []byte { return b }}
}

// Short returns an entry with values of 16 bits.
func Short(id uint16, v ...uint16) Entry {
	return Entry{id, 3, uint32(len(v)), func(o binary.AppendByteOrder) (b []byte) {
		for _, n := range v {
			b = o.AppendUint16(b, n)
		}
		return b
	}}
}

// Long returns an entry with values of 32 bits.
func Long(id uint16, v ...uint32) Entry {
	return Entry{id, 4, uint32(len(v)), longs(v)}
}

// Rational returns an entry with fractions, numerator and denominator in turn.
func Rational(id uint16, v ...uint32) Entry {
	return Entry{id, 5, uint32(len(v) / 2), longs(v)}
}

// SRational returns an entry with signed fractions, numerator and denominator in turn.
func SRational(id uint16, v ...int32) Entry {
	u := make([]uint32, len(v))
	for i, n := range v {
		u[i] = uint32(n)
	}
	return Entry{id, 10, uint32(len(v) / 2), longs(u)}
}

func longs(v []uint32) func(binary.AppendByteOrder) []byte {
	return func(o binary.AppendByteOrder) (b []byte) {
		for _, n := range v {
			b = o.AppendUint32(b, n)
		}
		return b
	}
}

// Block has the directories of a TIFF block.
type Block struct {
	BigEndian                      bool
	IFD0, Exif, GPS, Interop, IFD1 []Entry
	Thumbnail                      []byte // the target of IFD1's JPEGInterchangeFormat
}

// SetThumbnail sets the thumbnail to a JPEG, and IFD1 as cameras write it for one.
func (b *Block) SetThumbnail(jpeg []byte) {
	b.Thumbnail = jpeg
	b.IFD1 = []Entry{Short(0x0103, 6), Long(0x0201, 0), Long(0x0202, uint32(len(jpeg)))}
}

// Encode returns the TIFF block: header, then each directory followed by its values. It adds the pointers
// to directories that have entries.
func (b *Block) Encode() []byte {
	var o interface {
		binary.ByteOrder
		binary.AppendByteOrder
	} = binary.LittleEndian
	out := []byte("II")
	if b.BigEndian {
		o = binary.BigEndian
		out = []byte("MM")
	}
	out = o.AppendUint16(out, 42)
	out = o.AppendUint32(out, 8)

	// patch[id] is the offset of an entry's value, to set pointers later
	patch := map[uint16]int{}
	dir := func(entries []Entry) (next int) {
		out = o.AppendUint16(out, uint16(len(entries)))
		values := len(out) + 12*len(entries) + 4
		var tail []byte
		for _, e := range entries {
			v := e.Put(o)
			out = o.AppendUint16(out, e.ID)
			out = o.AppendUint16(out, e.Type)
			out = o.AppendUint32(out, e.Count)
			patch[e.ID] = len(out)
			if len(v) <= 4 {
				out = append(out, v...)
				out = append(out, make([]byte, 4-len(v))...)
				continue
			}
			out = o.AppendUint32(out, uint32(values+len(tail)))
			tail = append(tail, v...)
			if len(tail)%2 == 1 {
				tail = append(tail, 0)
			}
		}
		next = len(out)
		out = o.AppendUint32(out, 0)
		out = append(out, tail...)
		return next
	}
	here := func(at int) { o.PutUint32(out[at:], uint32(len(out))) }

	ifd0, exif := b.IFD0, b.Exif
	if len(b.Interop) > 0 {
		exif = append(exif[:len(exif):len(exif)], Long(0xA005, 0))
	}
	if len(exif) > 0 {
		ifd0 = append(ifd0[:len(ifd0):len(ifd0)], Long(0x8769, 0))
	}
	if len(b.GPS) > 0 {
		ifd0 = append(ifd0[:len(ifd0):len(ifd0)], Long(0x8825, 0))
	}
	next := dir(ifd0)
	for _, sub := range []struct {
		id      uint16
		entries []Entry
	}{{0x8769, exif}, {0x8825, b.GPS}, {0xA005, b.Interop}} {
		if len(sub.entries) > 0 {
			here(patch[sub.id])
			dir(sub.entries)
		}
	}
	if len(b.IFD1) > 0 {
		here(next)
		dir(b.IFD1)
		if at, ok := patch[0x0201]; ok && len(b.Thumbnail) > 0 {
			here(at)
			out = append(out, b.Thumbnail...)
		}
	}
	return out
}

// Gradient returns the picture of all samples.
func Gradient(w, h int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(255 * x / w), uint8(255 * y / h), 128, 255})
		}
	}
	return m
}

// JPEG returns m as a JPEG with the given segments right after the start of image.
func JPEG(m image.Image, segments ...[]byte) []byte {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, m, nil); err != nil {
		panic(err) // only for images larger than JPEG can hold
	}
	out := append([]byte(nil), buf.Bytes()[:2]...)
	for _, s := range segments {
		out = append(out, s...)
	}
	return append(out, buf.Bytes()[2:]...)
}

// Segment returns a JPEG segment; marker is its second byte.
func Segment(marker byte, data []byte) []byte {
	out := []byte{0xFF, marker}
	out = binary.BigEndian.AppendUint16(out, uint16(len(data)+2))
	return append(out, data...)
}

// EXIFSegment returns the APP1 segment with a TIFF block.
func EXIFSegment(block []byte) []byte {
	return Segment(0xE1, append([]byte("Exif\x00\x00"), block...))
}

// PhotoshopSegment returns the APP13 segment with image resources.
func PhotoshopSegment(resources ...[]byte) []byte {
	return Segment(0xED, append([]byte("Photoshop 3.0\x00"), bytes.Join(resources, nil)...))
}
