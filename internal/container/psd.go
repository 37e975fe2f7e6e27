package container

import (
	"encoding/binary"
	"io"
	"slices"
)

// Photoshop's PSD and PSB (Adobe Photoshop File Formats Specification): a header of 26 bytes, the
// color mode data, then the image resources; both begin with their length in 4 bytes. A resource is
// a signature of 4 letters, a number of 2 bytes, a name (its length in one byte, padded to an even
// number with it), a length of 4 bytes and as many bytes of data, padded likewise. 1058 and 1059 are
// "EXIF data 1" and "EXIF data 3", TIFF blocks.
const (
	PSDEXIF1 = 0x0422
	PSDEXIF3 = 0x0423
)

// resourceSignatures lists the signatures of Photoshop, PhotoDeluxe and other Adobe programs that ExifTool
// knows.
var resourceSignatures = []string{"8BIM", "PHUT", "DCSR", "AgHg", "MeSa"}

// PSDResources returns the run of the image resources; ok is false if the file ends before.
func PSDResources(r io.ReaderAt) (run Extent, ok bool, err error) {
	var b [4]byte
	if ok, err := ReadFull(r, b[:4], 26); !ok || err != nil {
		return run, false, err
	}
	off := 30 + int64(binary.BigEndian.Uint32(b[:]))
	if ok, err := ReadFull(r, b[:4], off); !ok || err != nil {
		return run, false, err
	}
	return Extent{Off: off + 4, N: int64(binary.BigEndian.Uint32(b[:]))}, true, nil
}

// eachResource calls f with the image resources in a run until f returns done.
func eachResource(r io.ReaderAt, in Extent, f func(id uint16, data Extent) (done bool, err error)) error {
	var b [12]byte
	off, end := in.Off, in.Off+in.N
	for range MaxChunks {
		if end-off < int64(len(b)) {
			return nil
		}
		// the whole head of a resource without a name, as most are
		if ok, err := ReadFull(r, b[:], off); !ok || err != nil {
			return err
		}
		if !slices.Contains(resourceSignatures, string(b[:4])) {
			return nil
		}
		id := binary.BigEndian.Uint16(b[4:])
		name := (1 + int64(b[6]) + 1) &^ 1
		off += 6 + name + 4
		if name > 2 {
			if ok, err := ReadFull(r, b[8:], off-4); !ok || err != nil {
				return err
			}
		}
		length := int64(binary.BigEndian.Uint32(b[8:]))
		if done, err := f(id, Extent{Off: off, N: length}); done || err != nil {
			return err
		}
		off += length + length&1
	}
	return ErrTooLarge
}

// ResourceEXIF offers the EXIF in image resources; third is true for EXIF data 3.
func ResourceEXIF(r io.ReaderAt, in Extent, f func(b Block, third bool) (done bool, err error)) error {
	return eachResource(r, in, func(id uint16, data Extent) (bool, error) {
		if id != PSDEXIF1 && id != PSDEXIF3 {
			return false, nil
		}
		b, err := withoutIntro(RunReader(r, data))
		if err != nil {
			return false, err
		}
		return f(Block{R: b, Off: data.Off}, id == PSDEXIF3)
	})
}

// psdColors maps the header's color mode to color models.
var psdColors = map[uint16]string{
	0: "gray", 1: "gray", 2: "palette", 3: "rgb", 4: "cmyk", 8: "gray", 9: "lab",
}

// PSDInfo reads the header: signature, version, 6 bytes, channels, height, width, depth and color mode.
func PSDInfo(r io.ReaderAt, i *Info) error {
	var b [26]byte
	if ok, err := ReadFull(r, b[:], 0); !ok || err != nil {
		return err
	}
	height, width := TwoUint32(b[14:])
	i.SetSize(width, height)
	i.ColorModel, i.Frames = psdColors[binary.BigEndian.Uint16(b[24:])], 1
	return nil
}
