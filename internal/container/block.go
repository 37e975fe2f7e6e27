package container

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Directory is one of EXIF's directories (Exif 3.0, 4.6), in the order of their tags in the JSON.
type Directory uint8

// The directories.
const (
	IFD0 Directory = iota
	ExifIFD
	GPSIFD
	InteropIFD
	IFD1
	Directories // number of directories
)

// Block is a TIFF block of a file, which holds EXIF. Most files have one.
type Block struct {
	R io.ReaderAt
	// Off is where the part of the file that carries the block has its data: the TIFF block itself in a JPEG
	// segment, the data of a chunk or a resource, the body of a box, the first extent of an item.
	Off int64
	// First is the block's first directory: IFD0, except in formats with a block for each directory.
	First Directory
	// Foreign reports whether a number of the first directory has another meaning in this format. It may
	// be nil.
	Foreign func(id uint16) bool
	// Pages is true if the block is a TIFF file, whose second directory can be another page
	// (TIFF 6.0, section 2). In EXIF it is the thumbnail (Exif 3.0, 4.5).
	Pages bool
}

// Offer is called with each EXIF of a file, in file order, until it returns done.
type Offer func(b Block) (done bool, err error)

// EXIFIntro comes before the block in a JPEG segment (Exif 3.0, 4.7.2), and with some writers elsewhere.
const EXIFIntro = "Exif\x00\x00"

// unreadable is an empty block, for EXIF that exists but can't be read.
var unreadable = bytes.NewReader(nil)

// startsAt reports whether a TIFF block starts at off.
func startsAt(r io.ReaderAt, off int64) (bool, error) {
	var head [16]byte
	n, err := ReadAt(r, head[:], off)
	_, _, ok := ParseTIFFHeader(head[:n])
	return ok, err
}

// withoutIntro returns the TIFF block in r, after "Exif\0\0" if the writer put that before the block, as
// in JPEG.
func withoutIntro(r io.ReaderAt) (io.ReaderAt, error) {
	var head [6]byte
	ok, err := ReadFull(r, head[:], 0)
	if ok && string(head[:]) == EXIFIntro {
		r = FromOffset(r, int64(len(EXIFIntro)))
	}
	return r, err
}

// offsetBlock returns the TIFF block in r, which begins with the block's offset: 4 bytes big-endian,
// counted from their end (ISO/IEC 23008-12, A.2.1, ExifDataBlock; 18181-2, 9.5). If no block starts
// there, offsetBlock tries the places of writers that leave the offset wrong or out, or put the whole JPEG segment there.
func offsetBlock(r io.ReaderAt) (io.ReaderAt, error) {
	var b [4]byte
	ok, err := ReadFull(r, b[:], 0)
	if !ok || err != nil {
		return unreadable, err
	}
	stated := 4 + int64(binary.BigEndian.Uint32(b[:]))
	intro := int64(len(EXIFIntro))
	for _, off := range [...]int64{stated, 4, 4 + intro, 0, intro, 4 + EXIFHead} {
		ok, err := startsAt(r, off)
		if err != nil {
			return nil, err
		}
		if ok {
			return FromOffset(r, off), nil
		}
	}
	return unreadable, nil
}
