package testimage

import (
	"bytes"
	"encoding/binary"
)

// Film returns an MP4 with a track of frames of a size, which no decoder can show, and with a secret in user data and between
// the frames. The index is before the frames, or after them.
func Film(indexLast bool, frames, size int, secret string) []byte {
	u32 := func(v ...int) (b []byte) {
		for _, x := range v {
			b = binary.BigEndian.AppendUint32(b, uint32(x))
		}
		return b
	}
	ftyp := FileType("isom", "isom", "avc1")
	frame := bytes.Repeat([]byte("frame"), size/5)
	var data, offsets []byte
	index := func(at int) []byte {
		data, offsets = nil, u32(frames)
		for range frames {
			data = append(data, secret...)
			offsets = append(offsets, u32(at+len(data))...)
			data = append(data, frame...)
		}
		avcC := append([]byte{1, 66, 0, 10, 0xFF, 0xE1, 0, 4, 0x67, 66, 0, 10, 1, 0, 2}, 0x68, 1)
		entry := Box("avc1", make([]byte, 7), []byte{1}, make([]byte, 16), []byte{0, 16, 0, 16}, u32(0x480000, 0x480000, 0), []byte{0, 1}, make([]byte, 32),
			[]byte{0, 24, 0xFF, 0xFF}, Box("avcC", avcC))
		return Box("moov", FullBox("mvhd", 0, u32(0, 0, 1000, 40*frames, 1<<16), make([]byte, 72), u32(2)),
			Box("trak", FullBox("tkhd", 0, u32(0, 0, 1, 0, 40*frames), make([]byte, 52), u32(16<<16, 16<<16)),
				Box("mdia", FullBox("mdhd", 0, u32(0, 0, 1000, 40*frames, 0)), FullBox("hdlr", 0, u32(0), []byte("vide"), make([]byte, 12), []byte(secret), []byte{0}),
					Box("minf", FullBox("vmhd", 0, make([]byte, 8)), Box("dinf", FullBox("dref", 0, u32(1), u32(12), []byte("url "), u32(1))),
						Box("stbl", FullBox("stsd", 0, u32(1), entry), FullBox("stts", 0, u32(1, frames, 40)), FullBox("stsc", 0, u32(1, 1, 1, 1)),
							FullBox("stsz", 0, u32(len(frame), frames)), FullBox("stco", 0, offsets))))),
			Box("udta", Box("\xA9xyz", []byte(secret))))
	}
	if indexLast {
		moov := index(len(ftyp) + 8)
		return bytes.Join([][]byte{ftyp, Box("mdat", data), moov}, nil)
	}
	moov := index(0)
	moov = index(len(ftyp) + len(moov) + 8)
	return bytes.Join([][]byte{ftyp, moov, Box("mdat", data)}, nil)
}
