package main

import (
	"encoding/binary"
	"fmt"
	"image"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// photos is the number of photos that the load cycles through.
const photos = 64

// noise returns a picture that hardly compresses, like photos.
func noise(w, h int) image.Image {
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	rng := rand.NewChaCha8([32]byte{})
	for _, plane := range [][]byte{m.Y, m.Cb, m.Cr} {
		_, _ = rng.Read(plane)
	}
	return m
}

// block returns EXIF as cameras write it: tags of all directories, a maker note, and a thumbnail of several
// KB.
func block(serial int, thumbnail []byte) testimage.Block {
	b := testimage.Full()
	b.Exif = append(b.Exif, testimage.ASCII(0xA435, fmt.Sprintf("%08d", serial))) // LensSerialNumber
	b.Thumbnail = thumbnail
	return b
}

// writePhotos writes the photos that the load cycles through, of several MB each, and a small one, one.jpg.
// It returns the size of the large ones.
func writePhotos(dir string, w, h int) (size int, err error) {
	pixels := testimage.JPEG(noise(w, h))
	thumbnail := testimage.JPEG(noise(160, 120))
	for i := range photos {
		b := block(i, thumbnail)
		photo := insert(pixels, testimage.EXIFSegment(b.Encode()))
		if err := write(filepath.Join(dir, "photos", fmt.Sprintf("%02d.jpg", i)), photo); err != nil {
			return 0, err
		}
		size = len(photo)
	}
	b := block(0, testimage.JPEG(testimage.Gradient(16, 12)))
	one := insert(testimage.JPEG(testimage.Gradient(64, 48)), testimage.EXIFSegment(b.Encode()))
	return size, write(filepath.Join(dir, "one.jpg"), one)
}

// writeFilms writes the films that the load cycles through, of 100 MB each, or small ones. It returns their number and size.
func writeFilms(dir string, small bool) (n, size int, err error) {
	frames := 2000
	if small {
		frames = 20
	}
	film := testimage.Film(false, frames, 50_000, "a place")
	for n = range 2 {
		if err := write(filepath.Join(dir, "films", fmt.Sprintf("%02d.mp4", n)), film); err != nil {
			return 0, 0, err
		}
	}
	return n + 1, len(film), nil
}

// insert inserts a segment right after a JPEG's start of image.
func insert(jpeg, segment []byte) []byte {
	return append(append(append([]byte(nil), jpeg[:2]...), segment...), jpeg[2:]...)
}

func write(name string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o600)
}

// sparse writes a sparse file of that size with front at its start and end at its end.
func sparse(name string, size int64, front, end []byte) (err error) {
	if err := write(name, front); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0) //nolint:gosec // the bench's own name
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	if err := f.Truncate(max(size, int64(len(front)+len(end)))); err != nil {
		return err
	}
	if len(end) == 0 {
		return nil
	}
	_, err = f.WriteAt(end, size-int64(len(end)))
	return err
}

// inFront returns images whose EXIF comes first, by file extension.
func inFront() map[string][]byte {
	b := block(0, testimage.JPEG(noise(160, 120)))
	tiff := b.Encode()
	small := testimage.Gradient(64, 48)
	heif := func(major string) []byte {
		h := testimage.HEIF{Major: major, Exif: [][]byte{testimage.ExifData(tiff, true)}}
		return h.Encode()
	}
	return map[string][]byte{
		"jpg":  insert(testimage.JPEG(small), testimage.EXIFSegment(tiff)),
		"heic": heif("heic"),
		"avif": heif("avif"),
		"png":  testimage.PNG(small, testimage.PNGChunk("eXIf", tiff), nil),
		"webp": testimage.WebP(testimage.VP8X(8), testimage.RIFFChunk("EXIF", tiff), testimage.VP8L()),
		"tif":  testimage.TIFF(b),
	}
}

// farTIFF returns the start and the end of a BigTIFF of that size. Its one directory is at the end, with the
// texts that it points at, as writers that append leave it.
func farTIFF(size int64) (front, end []byte) {
	o := binary.LittleEndian
	texts := []struct {
		tag  uint16
		text string
	}{{0x010F, "caddy-exif"}, {0x0110, "testimage"}, {0x0131, "testimage 1"}, {0x0132, "2026:02:03 14:44:09"}}
	length := 8 + 20*len(texts) + 8
	for _, t := range texts {
		length += len(t.text) + 1
	}
	at := uint64(size) - uint64(length) //nolint:gosec // both are small
	front = o.AppendUint64([]byte("II\x2b\x00\x08\x00\x00\x00"), at)
	end = o.AppendUint64(nil, uint64(len(texts)))
	var values []byte
	for _, t := range texts {
		n := uint64(len(t.text) + 1)
		end = o.AppendUint16(end, t.tag)
		end = o.AppendUint16(end, 2) // ASCII
		end = o.AppendUint64(end, n)
		end = o.AppendUint64(end, at+uint64(8+20*len(texts)+8+len(values)))
		values = append(append(values, t.text...), 0)
	}
	end = o.AppendUint64(end, 0) // no next directory
	return front, append(end, values...)
}

// farHEIC returns the start and the end of a HEIC of that size. Its box meta is at the end, and points at the
// EXIF at the start, in mdat.
func farHEIC(size int64) (front, end []byte) {
	b := block(0, testimage.JPEG(testimage.Gradient(16, 12)))
	h := testimage.HEIF{Exif: [][]byte{testimage.ExifData(b.Encode(), true)}, MetaLast: true, Wide: true}
	whole := h.Encode()
	const sizes = 8
	ftyp := int(binary.BigEndian.Uint32(whole))
	mdat := int(binary.BigEndian.Uint64(whole[ftyp+sizes:])) //nolint:gosec // small
	front, end = whole[:ftyp+mdat], whole[ftyp+mdat:]
	binary.BigEndian.PutUint64(front[ftyp+sizes:], uint64(size)-uint64(ftyp)-uint64(len(end))) //nolint:gosec // small
	return front, end
}

// maker is a tag that every answer for a generated image has.
const maker = `"Make":"caddy-exif"`

// manyTags returns a TIFF of n tags with one number each. No standard names these tags.
func manyTags(n int) []byte {
	var b testimage.Block
	for i := range n {
		b.IFD0 = append(b.IFD0, testimage.Long(uint16(0xD000+i), uint32(i)))
	}
	return b.Encode()
}

// filesBelow returns the paths of all files below a folder, relative to it.
func filesBelow(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		names = append(names, filepath.ToSlash(rel))
		return err
	})
	return names, err
}
