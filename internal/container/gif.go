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
	frames, err := eachGIF(r, func(string, Extent) (bool, error) { return false, nil })
	i.Frames = frames
	return err
}

// eachGIF calls f with the extensions until f returns done. label has the type, and the first sub-block with its
// length if that is the 11 bytes of an application; data comes after it. It returns the number of pictures, 0 if it
// reached a limit before the end.
func eachGIF(r io.ReaderAt, f func(label string, data Extent) (done bool, err error)) (frames int64, err error) {
	var b [13]byte
	if ok, err := ReadFull(r, b[:], 0); !ok || err != nil {
		return 0, err
	}
	g := sequentialReader{r: r, off: int64(len(b)) + ColorTable(b[10]), end: MaxFrameBytes}
	ended := false
	for !ended {
		head := g.next(1)
		switch {
		case head == nil, head[0] == ';':
			ended = true
		case head[0] == ',':
			picture := g.next(9) // place, size and flags
			if picture == nil {
				ended = true
				break
			}
			frames++
			g.skip(ColorTable(picture[8]) + 1)
			g.subBlocks()
		case head[0] == '!':
			label := string(g.next(2)) // the type, and the length of the first sub-block
			start, more := g.off, len(label) == 2 && label[1] != 0
			if more && label == "\xFF\x0B" {
				label += string(g.next(11))
				start = g.off
			} else if more {
				g.skip(int64(label[1]))
			}
			if more {
				g.subBlocks()
			}
			if done, err := f(label, Extent{start, g.off - start}); done || err != nil {
				return 0, err
			}
		default: // some writers put zeros between blocks
			ended = head[0] != 0
		}
	}
	if g.hitLimit() {
		frames = 0
	}
	return frames, g.err
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
