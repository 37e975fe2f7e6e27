package container

import (
	"encoding/binary"
	"io"
)

// A Windows bitmap has its size in the header after the file header. OS/2 1.x's form of it is 12 bytes long
// and has numbers of 16 bits. A negative height means that the rows go from top to bottom.

// BMPInfo reads the size and the bits per pixel.
func BMPInfo(r io.ReaderAt, i *Info) error {
	var b [30]byte
	n, err := ReadAt(r, b[:], 0)
	if err != nil || n < 26 {
		return err
	}
	o := binary.LittleEndian
	bits := o.Uint16(b[24:])
	if o.Uint32(b[14:]) == 12 {
		i.SetSize(int64(o.Uint16(b[18:])), int64(o.Uint16(b[20:])))
	} else {
		height := int64(int32(o.Uint32(b[22:]))) //nolint:gosec // the sign is meant
		i.SetSize(int64(o.Uint32(b[18:])), max(height, -height))
		bits = o.Uint16(b[28:])
	}
	i.Frames = 1
	if i.ColorModel = "rgb"; bits >= 1 && bits <= 8 {
		i.ColorModel = "palette"
	}
	return nil
}

// ICOInfo reads the size of the largest picture. The width and height are one byte each of a picture's
// 16-byte entry, with 0 for 256.
func ICOInfo(r io.ReaderAt, i *Info) error {
	var b [6 + 256*16]byte
	n, err := ReadAt(r, b[:], 0)
	if err != nil || n < 6 {
		return err
	}
	i.Frames = int64(binary.LittleEndian.Uint16(b[4:]))
	for e := b[6:n]; len(e) >= 16 && int64(n-len(e)-6)/16 < i.Frames; e = e[16:] {
		width, height := int64(e[0]-1)&0xFF+1, int64(e[1]-1)&0xFF+1
		if width*height > i.Width*i.Height {
			i.SetSize(width, height)
		}
	}
	return nil
}
