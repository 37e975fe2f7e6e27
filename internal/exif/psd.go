package exif

import (
	"encoding/binary"
	"io"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Photoshop's PSD and PSB (Adobe Photoshop File Formats Specification): a header of 26 bytes, the
// color mode data, then the image resources; both begin with their length in 4 bytes. A resource is
// a signature of 4 letters, a number of 2 bytes, a name (its length in one byte, padded to an even
// number with it), a length of 4 bytes and as many bytes of data, padded likewise. 1058 and 1059 are
// "EXIF data 1" and "EXIF data 3", TIFF blocks.
const (
	psdEXIF1 = 0x0422
	psdEXIF3 = 0x0423
)

// resourceSignatures lists the signatures of Photoshop, PhotoDeluxe and other Adobe programs that ExifTool
// knows.
var resourceSignatures = []string{"8BIM", "PHUT", "DCSR", "AgHg", "MeSa"}

// findPSD returns the EXIF in the image resources.
func findPSD(r io.ReaderAt) ([]block, error) {
	var b [4]byte
	if ok, err := container.ReadFull(r, b[:4], 26); !ok || err != nil {
		return nil, err
	}
	off := 30 + int64(binary.BigEndian.Uint32(b[:]))
	if ok, err := container.ReadFull(r, b[:4], off); !ok || err != nil {
		return nil, err
	}
	return findResource(r, container.Extent{Off: off + 4, N: int64(binary.BigEndian.Uint32(b[:]))})
}

// findResource returns EXIF data 1, or else EXIF data 3, of image resources.
func findResource(r io.ReaderAt, in container.Extent) ([]block, error) {
	var second []block
	var b [12]byte
	off, end := in.Off, in.Off+in.N
	for range maxChunks {
		if end-off < int64(len(b)) {
			return second, nil
		}
		// the whole head of a resource without a name, as most are
		if ok, err := container.ReadFull(r, b[:], off); !ok || err != nil {
			return second, err
		}
		if !slices.Contains(resourceSignatures, string(b[:4])) {
			return second, nil
		}
		id := binary.BigEndian.Uint16(b[4:])
		name := (1 + int64(b[6]) + 1) &^ 1
		off += 6 + name + 4
		if name > 2 {
			if ok, err := container.ReadFull(r, b[8:], off-4); !ok || err != nil {
				return second, err
			}
		}
		length := int64(binary.BigEndian.Uint32(b[8:]))
		switch {
		case id == psdEXIF1:
			return withoutIntro(container.RunReader(r, container.Extent{Off: off, N: length}))
		case id == psdEXIF3 && second == nil:
			var err error
			if second, err = withoutIntro(container.RunReader(r, container.Extent{Off: off, N: length})); err != nil {
				return nil, err
			}
		}
		off += length + length&1
	}
	return nil, ErrTooLarge
}

// psdColors maps the header's color mode to color models.
var psdColors = map[uint16]string{
	0: "gray", 1: "gray", 2: "palette", 3: "rgb", 4: "cmyk", 8: "gray", 9: "lab",
}

// infoPSD reads the header: signature, version, 6 bytes, channels, height, width, depth and color mode.
func infoPSD(r io.ReaderAt, i *Info) error {
	var b [26]byte
	if ok, err := container.ReadFull(r, b[:], 0); !ok || err != nil {
		return err
	}
	height, width := container.TwoUint32(b[14:])
	i.setSize(width, height)
	i.ColorModel, i.Frames = psdColors[binary.BigEndian.Uint16(b[24:])], 1
	return nil
}
