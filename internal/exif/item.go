package exif

import (
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// A HEIF can have its thumbnail as an item in HEVC or AV1, which isn't a file of its own: package redact makes one of it. It
// is valid if its data lies within the file and consists of whole units, one of them of a picture.

// maxItemUnits bounds the units of an item. Encoders make one for each slice or tile.
const maxItemUnits = 64

// findItem returns the smallest thumbnail item that is at least minThumbnailWidth wide, else the largest.
func findItem(r io.ReaderAt, format string) (Picture, error) {
	best := Picture{Format: format, Orientation: 1}
	items, err := container.HEIFThumbnails(r)
	if err != nil {
		return best, err
	}
	for i := range items {
		p := Picture{Format: format, Width: items[i].Width, Height: items[i].Height, Orientation: 1, Item: &items[i], r: items[i].R, run: items[i].Run}
		if best.Item != nil && !p.betterItem(&best) {
			continue
		}
		ok, err := within(p.r, p.run)
		if ok && err == nil {
			ok, err = hasUnits(r, p.Item)
		}
		if err != nil {
			return best, err
		}
		if ok {
			best = p
		}
	}
	if best.Item == nil {
		return best, ErrNoPicture
	}
	return best, nil
}

func (p *Picture) betterItem(than *Picture) bool {
	wide := p.Width >= minThumbnailWidth
	if wide != (than.Width >= minThumbnailWidth) {
		return wide
	}
	return p.less(than) == wide
}

// hasUnits reports whether the data of an item of the file r consists of whole units, one of them of a picture.
func hasUnits(r io.ReaderAt, item *container.HEIFThumbnail) (bool, error) {
	next := nextOBU
	if item.Type == "hvc1" {
		lengthSize, ok, err := nalLengthSize(r, item)
		if !ok || err != nil {
			return false, err
		}
		next = func(b []byte) (int64, bool) { return nextNAL(b, lengthSize) }
	}
	pictures := false
	off, end := item.Run.Off, item.Run.Off+item.Run.N
	for range maxItemUnits {
		var b [10]byte
		n, err := container.PeekAt(item.R, b[:min(int64(len(b)), end-off)], off)
		if err != nil {
			return false, err
		}
		size, picture := next(b[:n])
		if size == 0 {
			return false, nil
		}
		pictures = pictures || picture
		if off += min(size, end-off+1); off >= end {
			return off == end && pictures, nil
		}
	}
	return false, nil
}

// nalLengthSize returns the size of the lengths before an item's units of HEVC (ISO/IEC 14496-15, 8.3.2.1).
func nalLengthSize(r io.ReaderAt, item *container.HEIFThumbnail) (size int, ok bool, err error) {
	for _, p := range item.Properties {
		if p.Type == "hvcC" {
			var b [1]byte
			const at = 21
			ok, err = container.ReadFull(r, b[:], p.Body.Off+at)
			return 1 + int(b[0]&3), ok && p.Body.N > at, err
		}
	}
	return 0, false, nil
}

// nextNAL returns the length of the unit of HEVC that begins with b, 0 if it is invalid, and whether it is of a picture
// (ITU-T H.265, 7.3.1.2).
func nextNAL(b []byte, lengthSize int) (size int64, picture bool) {
	const head = 2
	if len(b) < lengthSize+head || b[lengthSize]&0x80 != 0 {
		return 0, false
	}
	for _, v := range b[:lengthSize] {
		size = size<<8 | int64(v)
	}
	if size < head {
		return 0, false
	}
	return int64(lengthSize) + size, b[lengthSize]>>1 < 32
}

// nextOBU is nextNAL for AV1 (its specification, 5.3).
func nextOBU(b []byte) (size int64, picture bool) {
	const extended, sized, frameHeader, frame = 4, 2, 3, 6
	if len(b) < 2 || b[0]&0x80 != 0 {
		return 0, false
	}
	typ := b[0] >> 3
	picture = typ == frame || typ == frameHeader
	if b[0]&sized == 0 { // it reaches to the end
		return container.ToEnd, false
	}
	at := 1
	if b[0]&extended != 0 {
		at = 2
	}
	for i := at; i < len(b); i++ {
		size |= int64(b[i]&0x7F) << (7 * (i - at))
		if b[i]&0x80 == 0 {
			return int64(i) + 1 + size, picture
		}
	}
	return 0, false
}
