package exif

import (
	"bytes"
	"encoding/binary"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Some makers locate a preview only in their maker notes (0x927C in the Exif directory): a directory after a
// header of a few bytes, with two tags for the start and the length, or with a pointer to a directory that
// has them. No maker has documented them; https://exiftool.org/TagNames/ describes them.

const makerNoteTag = 0x927C

// makerNotes lists the layouts of these maker notes.
var makerNotes = []makerNote{
	{intro: "Nikon\x00\x02", dir: 18, order: 10, base: 10, sub: 0x0011, subTags: [2]uint16{jpegTag, jpegSizeTag}},
	{intro: "OLYMPUS\x00", dir: 12, order: 8, base: 0, tags: olympusTags, sub: 0x2020, subTags: olympusSubTags},
	{intro: "OM SYSTEM\x00", dir: 16, order: 12, base: 0, tags: olympusTags, sub: 0x2020, subTags: olympusSubTags},
	{intro: "OLYMP\x00", dir: 8, base: -1, tags: olympusTags, sub: 0x2020, subTags: olympusSubTags},
	{intro: "AOC\x00", dir: 6, order: 4, base: -1, tags: pentaxTags},
	{intro: "PENTAX \x00", dir: 10, order: 8, base: 0, tags: pentaxTags},
	{intro: "QVC\x00\x00\x00", dir: 6, base: -1, tags: pentaxTags}, // Casio's numbers are the same
}

var (
	olympusTags    = [2]uint16{0x0088, 0x0089}
	olympusSubTags = [2]uint16{0x0101, 0x0102}
	pentaxTags     = [2]uint16{0x0004, 0x0003}
)

// makerNote is the layout of a maker note. Offsets are in bytes from the note's start.
type makerNote struct {
	intro   string
	dir     int64     // where the directory starts
	order   int64     // where its byte order is, 0 for that of the block
	base    int64     // where offsets count from, -1 for the start of the block
	tags    [2]uint16 // the start and the length of a JPEG, 0 for none
	sub     uint16    // the pointer to a directory with subTags
	subTags [2]uint16
}

// exifDir is where a block's Exif directory starts.
type exifDir struct {
	container.Dirs
	start int64
}

// addMakerNote adds the picture that the maker note of an Exif directory locates.
func (s *pictureSearch) addMakerNote(d exifDir) error {
	w := &d.Dirs
	note := container.Extent{}
	_, _, err := w.Each(d.start, func(e []byte) error {
		id, typ, count, value := w.Fields(e)
		if id == makerNoteTag && bytewise(typ) && count > uint64(len(value)) {
			note = container.Extent{Off: container.Offset(w.Uint(value)), N: container.Offset(count)}
		}
		return nil
	})
	var head [18]byte
	if err != nil || note.N < int64(len(head)) {
		return err
	}
	if ok, err := container.ReadFull(d.R, head[:], note.Off); !ok || err != nil {
		return err
	}
	for _, k := range makerNotes {
		if !bytes.HasPrefix(head[:], []byte(k.intro)) {
			continue
		}
		switch string(head[k.order:][:2]) {
		case "II":
			w.Order = binary.LittleEndian
		case "MM":
			w.Order = binary.BigEndian
		}
		w.Big = false
		base := int64(0)
		if k.base >= 0 {
			base = note.Off + k.base
		}
		// a run beyond the EXIF of a JPEG is in the file
		in := func(run container.Extent) container.Place {
			g, ok := d.R.(*container.Segments)
			if ok && len(g.Ends) > 0 && run.Off+run.N > g.Ends[len(g.Ends)-1] {
				return container.Place{R: container.FromOffset(g.R, g.Runs[0].Off), Run: run}
			}
			return container.Place{R: d.R, Run: run}
		}
		sub, err := s.addNoteDir(w, note.Off+k.dir, base, k.tags, k.sub, in)
		if err == nil && sub > 0 {
			_, err = s.addNoteDir(w, base+sub, base, k.subTags, 0, in)
		}
		return err
	}
	return nil
}

// addNoteDir adds the picture that two tags of a directory locate, and returns the value of the pointer
// subTag.
func (s *pictureSearch) addNoteDir(w *container.Dirs, start, base int64, tags [2]uint16, subTag uint16, in func(container.Extent) container.Place) (sub int64, err error) {
	var run container.Extent
	_, _, err = w.Each(start, func(e []byte) error {
		id, typ, count, value := w.Fields(e)
		var to *int64
		switch id {
		case 0: // stands for no tag
			return nil
		case subTag:
			to = &sub
		case tags[0]:
			to = &run.Off
		case tags[1]:
			to = &run.N
		default:
			return nil
		}
		if typ == container.TypeIFD || typ == container.TypeLong || typ == container.TypeUndefined {
			*to = int64(w.Uint(value)) //nolint:gosec // of 32 bits
		} else if typ == container.TypeShort && count == 1 {
			*to = int64(w.Order.Uint16(value))
		}
		return nil
	})
	if run.Off > 0 && run.N > 0 {
		run.Off += base
		s.add(in(run))
	}
	return sub, err
}
