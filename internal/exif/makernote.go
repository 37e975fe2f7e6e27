package exif

import (
	"bytes"
	"encoding/binary"
	"io"

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

// makerNoteIn returns the run of the maker note in the Exif directory at start, if it has a type that is wanted.
func makerNoteIn(w *container.Dirs, start int64, wanted func(typ uint16) bool) (note container.Extent, err error) {
	_, _, err = w.Each(start, func(e []byte) error {
		id, typ, count, value := w.Fields(e)
		if id == makerNoteTag && wanted(typ) && count > uint64(len(value)) {
			note = container.Extent{Off: container.Offset(w.Uint(value)), N: container.Offset(count)}
		}
		return nil
	})
	return note, err
}

// exifDir is where a block's Exif directory starts.
type exifDir struct {
	container.Dirs
	start int64
}

// addMakerNote adds the picture that the maker note of an Exif directory locates.
func (s *pictureSearch) addMakerNote(d exifDir) error {
	w := &d.Dirs
	note, err := makerNoteIn(w, d.start, bytewise)
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

// Apple's maker note says how strong the gain map of an HDR photo is, in two SRATIONALs. Its directory is big-endian, and
// its offsets count from the note's start.
const (
	appleIntro     = "Apple iOS\x00\x00\x01MM"
	appleHeadroom  = 0x0021 // HDRHeadroom
	appleGain      = 0x0030 // HDRGain
	appleEntry     = 12
	maxAppleTags   = 256
	maxAppleFactor = 64 // of the brightness; no display has more
)

// appleNote returns a maker note of Apple's with only those two values, nil if the block has none.
func appleNote(b container.Block) ([]byte, error) {
	var buf container.DirBuffer
	w, first, ok, err := container.OpenDirs(b.R, &buf, new(int))
	if !ok || err != nil || b.First != ifd0 {
		return nil, err
	}
	var exif int64
	_, _, err = w.Each(first, func(e []byte) error {
		if id, typ, count, value := w.Fields(e); id == exifPointer && exif == 0 && typ == container.TypeLong && count == 1 {
			exif = container.Offset(w.Uint(value))
		}
		return nil
	})
	if exif == 0 || err != nil {
		return nil, err
	}
	note, err := makerNoteIn(&w, exif, func(typ uint16) bool { return typ == container.TypeUndefined })
	const head = len(appleIntro) + 2
	if note.N < int64(head) || err != nil {
		return nil, err
	}
	from := make([]byte, min(note.N, int64(head+maxAppleTags*appleEntry)))
	n, err := container.ReadAt(b.R, from, note.Off)
	if err != nil || n < head || string(from[:len(appleIntro)]) != appleIntro {
		return nil, err
	}
	be := binary.BigEndian
	var entries, values []byte
	for e := from[head:n]; len(e) >= appleEntry && len(e) > n-head-appleEntry*int(be.Uint16(from[head-2:])); e = e[appleEntry:] {
		if bytes.Contains(entries, e[:8]) {
			continue
		}
		v, err := appleFactor(b.R, note, e)
		if err != nil {
			return nil, err
		}
		if v != nil {
			entries = append(entries, e[:appleEntry]...)
			values = append(values, v...)
		}
	}
	if entries == nil {
		return nil, nil
	}
	end := head + len(entries) + nextSize
	for i := 0; i < len(entries)/appleEntry; i++ {
		be.PutUint32(entries[appleEntry*i+8:], uint32(end+8*i)) //nolint:gosec // G115: two entries
	}
	out := be.AppendUint16([]byte(appleIntro), uint16(len(entries)/appleEntry)) //nolint:gosec // G115: two entries
	return append(append(append(out, entries...), 0, 0, 0, 0), values...), nil
}

// appleFactor returns the value of an entry of Apple's maker note, nil if it isn't one of the two, or too large.
func appleFactor(r io.ReaderAt, note container.Extent, e []byte) ([]byte, error) {
	be := binary.BigEndian
	id, at := be.Uint16(e), int64(be.Uint32(e[8:]))
	if id != appleHeadroom && id != appleGain || be.Uint16(e[2:]) != container.TypeSRational || be.Uint32(e[4:]) != 1 || at+8 > note.N {
		return nil, nil
	}
	v := make([]byte, 8)
	if ok, err := container.ReadFull(r, v, note.Off+at); !ok || err != nil {
		return nil, err
	}
	num, den := int64(int32(be.Uint32(v))), int64(int32(be.Uint32(v[4:]))) //nolint:gosec // G115: signed numbers
	if num < 0 || den <= 0 || num > maxAppleFactor*den {
		return nil, nil
	}
	for num|den >= 1<<24 { // it can't be text, and 24 bits are as exact as browsers calculate
		num, den = num>>1, den>>1
	}
	be.PutUint32(v, uint32(num))             //nolint:gosec // G115: of 24 bits
	be.PutUint32(v[4:], uint32(max(den, 1))) //nolint:gosec // G115: of 24 bits
	return v, nil
}
