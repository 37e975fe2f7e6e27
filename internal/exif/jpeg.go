package exif

import (
	"encoding/binary"
	"io"
)

// JPEG (ITU-T T.81, annex B): after the start of image come segments, each 0xFF, a marker and, but
// for the markers that stand alone, a big-endian length that counts its own two bytes. Any number
// of 0xFF may fill the space before a marker. EXIF is an APP1 segment that starts with "Exif\0\0"
// (Exif 3.0, 4.7.2); other APP1 segments (XMP) and APP0 (JFIF) may stand before it. The image data
// after the start of scan holds no segments of interest.
const (
	markerTEM  = 0x01
	markerRST0 = 0xD0
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerAPP1 = 0xE1
)

var exifIntro = []byte("Exif\x00\x00")

// fullSegment is the length from which on a segment counts as full, so that the EXIF may go on in
// the next one: a segment holds at most 65,533 bytes, and writers that split leave some room.
const fullSegment = 65000

// findJPEG finds the first EXIF segment and those that continue it.
func findJPEG(r io.ReaderAt) ([]block, error) {
	var runs []extent
	// a segment's head and what tells EXIF, in one read: fill byte by fill byte would cost one each
	var b [4 + 6 + 2]byte
	off := int64(2)
	for range maxSegments {
		n, err := readAt(r, b[:], off)
		if err != nil {
			return nil, err
		}
		if n < 4 || b[0] != 0xFF {
			return joined(r, runs), nil
		}
		marker := b[1]
		switch {
		case marker == 0xFF:
			off++
			continue
		case marker == markerTEM || marker >= markerRST0 && marker <= markerSOI:
			off += 2
			continue
		case marker == markerSOS || marker == markerEOI:
			return joined(r, runs), nil
		}
		length := int64(binary.BigEndian.Uint16(b[2:]))
		if length < 2 {
			return joined(r, runs), nil
		}
		if marker == markerAPP1 && n >= 10 && length >= 8 && string(b[4:8]) == "Exif" && b[8] == 0 {
			run := extent{off + 10, length - 8}
			startsBlock := n == len(b) && (string(b[10:]) == "II" || string(b[10:]) == "MM")
			if runs != nil && startsBlock {
				return joined(r, runs), nil // a second EXIF: the first wins
			}
			runs = append(runs, run)
			if length < fullSegment {
				return joined(r, runs), nil
			}
		} else if runs != nil {
			return joined(r, runs), nil
		}
		off += 2 + length
	}
	return nil, ErrTooLarge
}

// joined is the block that the runs make up, none if there are none.
func joined(r io.ReaderAt, runs []extent) []block {
	if runs == nil {
		return nil
	}
	return oneBlock(join(r, runs))
}
