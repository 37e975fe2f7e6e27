package testimage

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/draw"
	"slices"
)

// Dir is a directory of a TIFF file, with the data that it points at.
type Dir struct {
	Entries []Entry
	Subs    []Dir  // SubIFDs
	Exif    *Dir   // the Exif directory
	JPEG    []byte // the target of JPEGInterchangeFormat
	Strip   []byte // the data of its one strip
}

// RAW returns a TIFF file with a chain of directories, as RAW formats have it; mark is between the header and
// the first directory.
func RAW(bigEndian bool, mark string, dirs ...Dir) []byte {
	f := &rawFile{o: binary.LittleEndian, out: []byte("II")}
	if bigEndian {
		f.o, f.out = be, []byte("MM")
	}
	f.out = f.o.AppendUint16(f.out, 42)
	next := len(f.out)
	f.out = append(f.o.AppendUint32(f.out, 0), mark...)
	for i := range dirs {
		f.here(next)
		next = f.dir(&dirs[i])
	}
	return f.out
}

type rawFile struct {
	o interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}
	out []byte
}

func (f *rawFile) here(at int) { f.o.PutUint32(f.out[at:], uint32(len(f.out))) }

// dir appends a directory with the data that it points at, and returns where to put the next one's offset.
func (f *rawFile) dir(d *Dir) (next int) {
	entries := slices.Clone(d.Entries)
	if d.JPEG != nil {
		entries = append(entries, Long(0x0201, 0), Long(0x0202, uint32(len(d.JPEG))))
	}
	if d.Strip != nil {
		entries = append(entries, Long(0x0111, 0), Long(0x0117, uint32(len(d.Strip))))
	}
	if d.Subs != nil {
		entries = append(entries, Long(0x014A, make([]uint32, len(d.Subs))...))
	}
	if d.Exif != nil {
		entries = append(entries, Long(0x8769, 0))
	}
	slices.SortFunc(entries, func(a, b Entry) int { return int(a.ID) - int(b.ID) })
	f.out = f.o.AppendUint16(f.out, uint16(len(entries)))
	at := map[uint16]int{} // the offsets of the values; those of more than 4 bytes follow the directory
	values := len(f.out) + 12*len(entries) + 4
	var tail []byte
	for _, e := range entries {
		v := e.Put(f.o)
		f.out = f.o.AppendUint16(f.out, e.ID)
		f.out = f.o.AppendUint16(f.out, e.Type)
		f.out = f.o.AppendUint32(f.out, e.Count)
		at[e.ID] = len(f.out)
		if len(v) > 4 {
			at[e.ID] = values + len(tail)
			tail = append(tail, v...)
			v = f.o.AppendUint32(nil, uint32(at[e.ID]))
		}
		f.out = append(f.out, append(v, 0, 0, 0, 0)[:4]...)
	}
	next = len(f.out)
	f.out = append(f.o.AppendUint32(f.out, 0), tail...)
	if d.JPEG != nil {
		f.here(at[0x0201])
		f.out = append(f.out, d.JPEG...)
	}
	if d.Strip != nil {
		f.here(at[0x0111])
		f.out = append(f.out, d.Strip...)
	}
	for i := range d.Subs {
		f.here(at[0x014A] + 4*i)
		f.dir(&d.Subs[i])
	}
	if d.Exif != nil {
		f.here(at[0x8769])
		f.dir(d.Exif)
	}
	return next
}

// Lossless returns data that starts like the raw data of many cameras: a lossless JPEG (SOF3).
func Lossless() []byte {
	b := JPEG(Gradient(640, 480))
	b[bytes.Index(b, []byte{0xFF, 0xC0})+1] = 0xC3
	return b
}

// NEF returns a file like Nikon's RAW files.
func NEF(preview []byte, more ...Entry) []byte {
	return RAW(true, "", Dir{
		Entries: append([]Entry{
			Long(0x00FE, 1), Long(0x0100, 16), Long(0x0101, 12), Short(0x0103, 1), Short(0x0106, 2),
			ASCII(0x010F, "NIKON CORPORATION"), ASCII(0x0110, "NIKON D90"),
		}, more...),
		Strip: make([]byte, 16*12*3),
		Subs: []Dir{
			{Entries: []Entry{Long(0x00FE, 1), Short(0x0103, 6)}, JPEG: preview},
			{Entries: []Entry{Long(0x00FE, 0), Short(0x0103, 34713), Short(0x0106, 32803)}, Strip: make([]byte, 999)},
		},
	})
}

// CR2 returns a file like Canon's older RAW files.
func CR2(preview, thumbnail []byte, more ...Entry) []byte {
	return RAW(
		false, "CR\x02\x00\x00\x00\x00\x00",
		Dir{
			Entries: append([]Entry{Long(0x0100, 640), Short(0x0103, 6), ASCII(0x010F, "Canon"), ASCII(0x0110, "Canon EOS 40D")}, more...),
			Strip:   preview,
		},
		Dir{JPEG: thumbnail},
		Dir{Entries: []Entry{Long(0x0100, 16), Short(0x0103, 6), Short(0x0106, 2)}, Strip: make([]byte, 16*12*3)},
		Dir{Entries: []Entry{Short(0x0103, 6), Short(0xC5D8, 1)}, Strip: Lossless()},
	)
}

// ARW returns a file like Sony's RAW files.
func ARW(preview, thumbnail []byte, more ...Entry) []byte {
	return RAW(
		false, "",
		Dir{
			Entries: append([]Entry{Long(0x00FE, 1), Short(0x0103, 6), ASCII(0x010F, "SONY"), ASCII(0x0110, "ILCE-7M3")}, more...),
			JPEG:    preview,
			Subs:    []Dir{{Entries: []Entry{Long(0x00FE, 0), Short(0x0103, 32767), Short(0x0106, 32803)}, Strip: make([]byte, 999)}},
		},
		Dir{Entries: []Entry{Long(0x00FE, 1), Short(0x0103, 6)}, JPEG: thumbnail},
	)
}

// DNG returns a file like Adobe's RAW files, with previews of two sizes; lossy is its raw data as JPEG, nil for
// lossless data.
func DNG(large, small, lossy []byte, more ...Entry) []byte {
	jpeg := func(b []byte) Dir {
		return Dir{Entries: []Entry{Long(0x00FE, 1), Short(0x0103, 7), Short(0x0106, 6)}, Strip: b}
	}
	raw := Dir{Entries: []Entry{Long(0x00FE, 0), Short(0x0103, 7), Short(0x0106, 32803)}, Strip: Lossless()}
	if lossy != nil {
		raw = Dir{Entries: []Entry{Long(0x00FE, 0), Short(0x0103, 7), Short(0x0106, 34892)}, Strip: lossy}
	}
	return RAW(false, "", Dir{
		Entries: append([]Entry{
			Long(0x00FE, 1), Long(0x0100, 16), Long(0x0101, 12), Short(0x0103, 1), Short(0x0106, 2),
			ASCII(0x010F, "Leica"), Bytes(0xC612, 1, []byte{1, 4, 0, 0}),
		}, more...),
		Strip: make([]byte, 16*12*3),
		Subs:  []Dir{raw, jpeg(small), jpeg(large)},
	})
}

// PEF returns a file like Pentax' RAW files: the maker note has the small preview's offset.
func PEF(large, small, thumbnail []byte, more ...Entry) []byte {
	note := func(at uint32) Dir {
		b := be.AppendUint16([]byte("AOC\x00MM"), 2)
		b = be.AppendUint32(append(b, "\x00\x03\x00\x04\x00\x00\x00\x01"...), uint32(len(small)))
		b = be.AppendUint32(append(b, "\x00\x04\x00\x04\x00\x00\x00\x01"...), at)
		return Dir{Entries: []Entry{Undefined(0x927C, append(b, 0, 0, 0, 0))}}
	}
	file := func(exif Dir) []byte {
		return RAW(
			true, "",
			Dir{
				Entries: append([]Entry{Short(0x0103, 65535), Short(0x0106, 32803), ASCII(0x010F, "PENTAX"), ASCII(0x0110, "PENTAX K-5")}, more...),
				Strip:   make([]byte, 999), Exif: &exif,
			},
			Dir{Entries: []Entry{Short(0x0103, 6)}, JPEG: thumbnail},
			Dir{Entries: []Entry{Short(0x0103, 6)}, JPEG: large},
		)
	}
	return append(file(note(uint32(len(file(note(0)))))), small...)
}

// CanonPictures are the pictures in a CR3.
type CanonPictures struct {
	Thumbnail, Preview, Full []byte
	// Short is true for offsets of 4 bytes, and a size for each picture.
	Short bool
}

// Encode returns a CR3 with these blocks and pictures.
func (c *CanonPictures) Encode(ifd0, exif, gps []byte) []byte {
	sized := func(b []byte, before string) []byte {
		return append(be.AppendUint32([]byte(before), uint32(len(b))), append([]byte{0, 1, 0, 0}, b...)...)
	}
	track := func(codec string, at, n int) []byte {
		entry := Box("CRAW", make([]byte, 82), Box(codec, make([]byte, 4)))
		sizes := FullBox("stsz", 0, be.AppendUint32(nil, uint32(n)), []byte{0, 0, 0, 1})
		offsets := FullBox("co64", 0, be.AppendUint64([]byte{0, 0, 0, 1}, uint64(at)))
		if c.Short {
			sizes = FullBox("stsz", 0, []byte{0, 0, 0, 0, 0, 0, 0, 1}, be.AppendUint32(nil, uint32(n)))
			offsets = FullBox("stco", 0, be.AppendUint32([]byte{0, 0, 0, 1}, uint32(at)))
		}
		return Box("trak", FullBox("tkhd", 0, make([]byte, 80)), Box("mdia", FullBox("mdhd", 0, make([]byte, 20)),
			FullBox("hdlr", 0, []byte("\x00\x00\x00\x00vide"), make([]byte, 13)),
			Box("minf", Box("stbl",
				FullBox("stsd", 0, []byte{0, 0, 0, 1}, entry),
				FullBox("stts", 0, []byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}),
				FullBox("stsc", 0, []byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}),
				sizes, offsets))))
	}
	file := func(at int) (out []byte, media int) {
		canon := bytes.Join([][]byte{
			[]byte("\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"),
			Box("CNCV", []byte("CanonCR3_001/00.09.00/00.00.00")),
			Box("CMT1", ifd0), Box("CMT2", exif), Box("CMT3"), Box("CMT4", gps),
			Box("THMB", sized(c.Thumbnail, "\x00\x00\x00\x00\x00\xA0\x00\x78")),
		}, nil)
		preview := bytes.Join([][]byte{
			[]byte("\xEA\xF4\x2B\x5E\x1C\x98\x4B\x88\xB9\xFB\xB7\xDC\x40\x6E\x4D\x16"),
			{0, 0, 0, 0, 0, 0, 0, 1},
			Box("PRVW", []byte("\x00\x00\x00\x00\x00\x01\x01\x40\x00\xF0\x00\x01"), be.AppendUint32(nil, uint32(len(c.Preview))), c.Preview),
		}, nil)
		out = bytes.Join([][]byte{
			FileType("crx ", "crx ", "isom"),
			Box("moov", Box("uuid", canon), FullBox("mvhd", 0, make([]byte, 96)),
				track("JPEG", at, len(c.Full)), track("CMP1", at+len(c.Full), 100)),
			Box("uuid", preview),
		}, nil)
		media = len(out) + 16
		return append(out, Box64("mdat", c.Full, make([]byte, 100))...), media
	}
	_, media := file(0)
	out, _ := file(media)
	return out
}

// MPF returns a JPEG with more pictures after it, and an index of them with their types in kinds. block is the
// EXIF of the first.
func MPF(block []byte, first []byte, kinds []uint32, pictures ...[]byte) []byte {
	exif := EXIFSegment(block)
	index := func(lengths []int, base int) []byte {
		var entries []byte
		at := lengths[0] - base
		for i, n := range lengths {
			kind, off := uint32(0x20030000), 0
			if i > 0 {
				kind, off = kinds[i-1], at
				at += n
			}
			entries = be.AppendUint32(entries, kind)
			entries = be.AppendUint32(be.AppendUint32(entries, uint32(n)), uint32(off))
			entries = append(entries, 0, 0, 0, 0)
		}
		b := Block{BigEndian: true, IFD0: []Entry{
			Undefined(0xB000, []byte("0100")), Long(0xB001, uint32(len(lengths))), Undefined(0xB002, entries),
		}}
		return Segment(0xE2, append([]byte("MPF\x00"), b.Encode()...))
	}
	lengths := make([]int, 1+len(pictures))
	lengths[0] = len(first) + len(exif) + len(index(lengths, 0))
	for i, p := range pictures {
		lengths[1+i] = len(p)
	}
	out := bytes.Join([][]byte{first[:2], exif, index(lengths, 2+len(exif)+8), first[2:]}, nil)
	return append(out, bytes.Join(pictures, nil)...)
}

// GrayJPEG returns a JPEG with one component.
func GrayJPEG(w, h int) []byte {
	m := image.NewGray(image.Rect(0, 0, w, h))
	draw.Draw(m, m.Bounds(), Gradient(w, h), image.Point{}, draw.Src)
	return JPEG(m)
}
