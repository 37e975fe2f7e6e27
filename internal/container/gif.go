package container

import (
	"encoding/binary"
	"io"
)

// GIF (89a): a header of 6 bytes, the screen's width and height, flags, and two bytes; a color table, if
// the flags announce it; then blocks (extensions and pictures) up to a trailer. The data of a block is cut
// into sub-blocks of at most 255 bytes, each after its length, up to an empty one.

// GIFInfo reads the screen's size, and counts the pictures of a short animation.
func GIFInfo(r io.ReaderAt, i *Info) error {
	var b [13]byte
	if ok, err := ReadFull(r, b[:], 0); !ok || err != nil {
		return err
	}
	o := binary.LittleEndian
	i.SetSize(int64(o.Uint16(b[6:])), int64(o.Uint16(b[8:])))
	i.ColorModel = "palette"
	if !countable(SizeOf(r)) {
		return nil
	}
	f := sequentialReader{r: r, off: int64(len(b)) + ColorTable(b[10]), end: MaxFrameBytes}
	frames, ended := int64(0), false
	for !ended {
		head := f.next(1)
		switch {
		case head == nil, head[0] == ';':
			ended = true
		case head[0] == ',':
			picture := f.next(9) // place, size and flags
			if picture == nil {
				ended = true
				break
			}
			frames++
			f.skip(ColorTable(picture[8]) + 1)
			f.subBlocks()
		case head[0] == '!':
			f.skip(1) // type of the extension
			f.subBlocks()
		default: // some writers put zeros between blocks
			ended = head[0] != 0
		}
	}
	if !f.hitLimit() {
		i.Frames = frames
	}
	return f.err
}

// ColorTable returns the length in bytes of the color table that the flags announce.
func ColorTable(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// subBlocks skips a block's data.
func (f *sequentialReader) subBlocks() {
	for n := f.next(1); n != nil && n[0] != 0; n = f.next(1) {
		f.skip(int64(n[0]))
	}
}
