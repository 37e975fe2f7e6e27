package container

import (
	"encoding/binary"
	"io"
)

// WebP (RFC 9649): "RIFF", a size, "WEBP", then chunks, each a name of 4 letters, a little-endian
// size, and as many bytes, padded to an even number. The EXIF chunk (2.7.1.5) is a TIFF block; some
// writers put JPEG's "Exif\0\0" before it. Not every writer sets the flag for it in VP8X, and the size
// of the file is wrong as often, so WebPEXIF relies on neither.
//
// golang.org/x/image/riff would read all of the picture, which comes before the EXIF; WebPEXIF reads only
// its header.

// riffChunks describes the chunks after the frames of an animation.
var riffChunks = chunkKind{
	minSize: 8,
	size: func(head []byte) int64 {
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		return 8 + size + size&1
	},
	valid: func(chunk []byte) bool {
		switch string(chunk[:4]) {
		case "ANMF", "EXIF", "XMP ":
			return true
		}
		return false
	},
	picture: func(chunk []byte) bool { return string(chunk[:4]) == "ANMF" },
}

// afterFrames returns the start of a chunk at or after next, with only frames between the two. end is the
// file's end by its header, and announced reports whether the header announces EXIF.
func afterFrames(r io.ReaderAt, next, end int64, announced bool) (int64, error) {
	size := SizeOf(r)
	if end <= next || end > size {
		end = size
	}
	if end-next <= TailPiece {
		return next, nil
	}
	t := tail{r: r, kind: riffChunks, stop: next, start: end, maxSize: maxTail}
	at := end
	ok, err := t.walkBack(&at)
	if !ok && announced && at == end {
		at = next // it may be anywhere
	}
	return at, err
}

// The flags of VP8X for the chunks EXIF and XMP.
const (
	webpEXIFFlag = 8
	webpXMPFlag  = 4
)

// WebPEXIF offers each EXIF chunk.
func WebPEXIF(r io.ReaderAt, f Offer) error {
	return eachWebP(r, webpEXIFFlag, func(name string, data Extent) (bool, error) {
		if name != "EXIF" {
			return false, nil
		}
		b, err := withoutIntro(RunReader(r, data))
		if err != nil {
			return false, err
		}
		return f(Block{R: b, Off: data.Off})
	})
}

// eachWebP calls f with the chunks, but for the frames in the middle of an animation, until f returns done. flag is
// that of the wanted chunk.
func eachWebP(r io.ReaderAt, flag byte, f func(name string, data Extent) (done bool, err error)) error {
	var start [21]byte // up to the flags of VP8X
	n, err := ReadAt(r, start[:], 0)
	if err != nil {
		return err
	}
	end := 8 + int64(binary.LittleEndian.Uint32(start[4:]))
	announced := n == len(start) && start[20]&flag != 0
	frames := false
	var head [8]byte
	off := int64(12)
	for range MaxChunks {
		ok, err := ReadFull(r, head[:], off)
		if !ok || err != nil {
			return err
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		if done, err := f(string(head[:4]), Extent{off + 8, size}); done || err != nil {
			return err
		}
		off += 8 + size + size&1
		if string(head[:4]) == "ANMF" && !frames {
			frames = true
			if off, err = afterFrames(r, off, end, announced); err != nil {
				return err
			}
		}
	}
	return ErrTooLarge
}

// WebPInfo reads the size of the canvas from VP8X (RFC 9649, 2.7), or of the picture from VP8 (RFC 6386,
// 9.1) or VP8L (RFC 9649, 3.4), and counts the frames of a short animation.
func WebPInfo(r io.ReaderAt, i *Info) error {
	var b [30]byte
	n, err := ReadAt(r, b[:], 0)
	if err != nil {
		return err
	}
	o := binary.LittleEndian
	const start = 20 // of the first chunk's data
	switch name := string(b[12:16]); {
	case name == "VP8X" && n == len(b):
		i.SetSize(int64(o.Uint32(b[start+3:])>>8)+1, int64(o.Uint32(b[start+6:])>>8)+1)
		i.ColorModel, i.Frames = "ycbcr", 1
		if b[start]&2 != 0 {
			if i.Frames, err = webpFrames(r); err != nil {
				return err
			}
		}
		// the chunk of the first picture determines the colors
		next := 12 + 8 + (int64(o.Uint32(b[16:]))+1)&^1
		n, err := ReadAt(r, b[:4], next)
		switch {
		case err != nil:
			return err
		case n == 4 && string(b[:4]) == "VP8L":
			i.ColorModel = "rgb"
		case n < 4 || string(b[:4]) != "VP8 " && string(b[:4]) != "ALPH":
			i.ColorModel = "" // other chunks come before the picture
		}
	case name == "VP8 " && n == len(b) && string(b[start+3:start+6]) == "\x9D\x01\x2A":
		i.SetSize(int64(o.Uint16(b[start+6:])&0x3FFF), int64(o.Uint16(b[start+8:])&0x3FFF))
		i.ColorModel, i.Frames = "ycbcr", 1
	case name == "VP8L" && n >= start+5 && b[start] == 0x2F:
		size := int64(o.Uint32(b[start+1:]))
		i.SetSize(size&0x3FFF+1, size>>14&0x3FFF+1)
		i.ColorModel, i.Frames = "rgb", 1
	}
	return nil
}

// webpFrames counts the frames of an animation. It returns 0 if the file is too large.
func webpFrames(r io.ReaderAt) (frames int64, err error) {
	if !countable(SizeOf(r)) {
		return 0, nil
	}
	f := sequentialReader{r: r, off: 12, end: MaxFrameBytes}
	for {
		head := f.next(8)
		if head == nil {
			break
		}
		if string(head[:4]) == "ANMF" {
			frames++
		}
		size := int64(binary.LittleEndian.Uint32(head[4:]))
		f.skip(size + size&1)
	}
	if f.hitLimit() {
		frames = 0
	}
	return frames, f.err
}
