package exif

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// What browsers take from a TIFF block to lay out the picture, measured with Chromium and Firefox:
//
//   - In a JPEG they read one EXIF segment before the first scan: Chromium the first APP1 that begins with "Exif\0" and
//     isn't empty, Firefox the first APP1 if it begins with "Exif\0\0". If that can't be read, they don't look for
//     another. Neither reads segments that continue it, nor BigTIFF.
//   - Orientation is in IFD0, or in the Exif directory at the place of its pointer. It is one SHORT of 1 to 8. Of several,
//     Chromium takes the first that is valid, Firefox the last before the first that is not, or a density that is not.
//     Chromium reads one Exif directory, Firefox all, whatever the type of the pointer.
//   - A picture of n pixels is shown as n*72/XResolution pixels if PixelXDimension says just that; likewise its height.

// density are the tags for the last rule.
var density = map[uint16]struct {
	name string
	dir  directory
}{
	0x011A: {"XResolution", ifd0}, 0x011B: {"YResolution", ifd0}, 0x0128: {"ResolutionUnit", ifd0},
	0xA002: {"PixelXDimension", exifIFD}, 0xA003: {"PixelYDimension", exifIFD},
}

// browserView is what browsers take from a TIFF block.
type browserView struct {
	layout            container.Layout
	chromium, firefox uint16 // Orientation, 1 if there is none
	density           map[uint16]storedTag

	r         io.ReaderAt
	asFirefox bool
	dirs      int  // Exif directories read
	oriented  bool // chromium is set
	abandoned bool // Firefox has met a value that isn't valid
}

// viewOf reads the TIFF block r as browsers do.
func viewOf(r io.ReaderAt) (browserView, error) {
	v := browserView{r: r, chromium: 1, firefox: 1}
	var head [16]byte
	n, err := container.ReadAt(r, head[:], 0)
	if err != nil {
		return v, err
	}
	l, first, ok := container.ParseTIFFHeader(head[:n])
	if !ok || l.Big || l.Order.Uint16(head[2:]) != 42 {
		return v, nil
	}
	v.layout = l
	if err := v.directory(first, ifd0); err != nil {
		return v, err
	}
	v.asFirefox, v.dirs = true, 0
	return v, v.directory(first, ifd0)
}

// directory reads the directory at start.
func (v *browserView) directory(start int64, d directory) error {
	const size, cut, many = 12, 10, 64
	var buf [many * size]byte
	n, err := container.ReadAt(v.r, buf[:2], start)
	if err != nil || n < 2 {
		return err
	}
	left := int(v.layout.Order.Uint16(buf[:]))
	for off := start + 2; left > 0; off += many * size {
		n, err := container.ReadAt(v.r, buf[:size*min(left, many)], off)
		if err != nil {
			return err
		}
		if v.asFirefox && n%size >= cut { // it needs no more than the value
			n += copy(buf[n:], "\x00\x00"[:size-n%size])
		}
		entries := buf[:n]
		for e := entries; len(e) >= size; e = e[size:] {
			if err := v.entry(e[:size], d); err != nil {
				return err
			}
		}
		if left -= many; n < size*many {
			break
		}
	}
	return nil
}

func (v *browserView) entry(e []byte, d directory) error {
	id, typ, count, value := v.layout.Fields(e)
	switch tag, ok := density[id]; {
	case id == orientationTag:
		n := v.layout.Order.Uint16(value)
		valid := typ == container.TypeShort && count == 1 && 1 <= n && n <= 8
		switch {
		case v.asFirefox && valid && !v.abandoned:
			v.firefox = n
		case v.asFirefox:
			v.abandoned = true
		case valid && !v.oriented:
			v.chromium, v.oriented = n, true
		}
	case id == exifPointer && (v.asFirefox && v.dirs < maxNested || typ == container.TypeLong && count == 1 && d == ifd0 && v.dirs == 0):
		v.dirs++
		return v.directory(int64(v.layout.Order.Uint32(value)), exifIFD)
	case ok && tag.dir == d:
		t := storedTag{dir: d, id: id, name: tag.name, typ: typ, needed: true}
		if typ == container.TypeRational {
			b := make([]byte, 8)
			whole, err := container.ReadFull(v.r, b, int64(v.layout.Order.Uint32(value)))
			if err != nil {
				return err
			}
			if whole {
				t.value = b
			}
		} else {
			t.value = bytes.Clone(value[:min(uint64(len(value)), container.TypeSize(typ))])
		}
		valid := count == 1 && len(t.value) > 0
		if v.asFirefox {
			v.abandoned = v.abandoned || !valid || d == ifd0 && id != 0x0128 && typ != container.TypeRational
			return nil
		}
		if _, twice := v.density[id]; valid && !twice {
			if v.density == nil {
				v.density = map[uint16]storedTag{}
			}
			v.density[id] = t
		}
	}
	return nil
}

// size returns the size at which browsers show a picture of width by height pixels, but for Orientation.
func (v *browserView) size(width, height int64) (int64, int64) {
	const defaultDensity, inch = 72, 2
	number := func(id uint16) float64 {
		t, order := v.density[id], v.layout.Order
		switch {
		case t.typ == container.TypeRational && len(t.value) == 8 && order.Uint32(t.value[4:]) != 0:
			return float64(order.Uint32(t.value)) / float64(order.Uint32(t.value[4:]))
		case t.typ == container.TypeShort && len(t.value) >= 2:
			return float64(order.Uint16(t.value))
		case t.typ == container.TypeLong && len(t.value) == 4:
			return float64(order.Uint32(t.value))
		}
		return 0
	}
	x, y := number(0x011A), number(0x011B)
	shownWidth, shownHeight := number(0xA002), number(0xA003)
	if number(0x0128) != inch || x <= 0 || y <= 0 || shownWidth < 1 || shownHeight < 1 ||
		math.Round(float64(width)*defaultDensity/x) != shownWidth || math.Round(float64(height)*defaultDensity/y) != shownHeight {
		return width, height
	}
	return int64(shownWidth), int64(shownHeight)
}

// sameView reports whether browsers show a picture of that size alike with two blocks.
func sameView(a, b *browserView, width, height int64) bool {
	aw, ah := a.size(width, height)
	bw, bh := b.size(width, height)
	return a.chromium == b.chromium && a.firefox == b.firefox && aw == bw && ah == bh
}

// EncodeAsShown is Encode for the EXIF that browsers take, of a JPEG of width by height pixels. They show the picture as
// before, even if k is nil. was is that EXIF, up to the end of its segment; the new block begins skip bytes after its start.
func (k *Kept) EncodeAsShown(was []byte, skip, limit int, width, height int64) []byte {
	before, err := viewOf(bytes.NewReader(was))
	if err != nil {
		return nil
	}
	var plain Kept
	if k != nil {
		plain = *k
	}
	if plain.order == nil {
		plain.order = before.layout.Order
	}
	// the same Orientation as before, in fewer and fewer of the original tags
	pair := []uint16{before.chromium, before.firefox}
	withPair := plain
	withPair.tags = withOrientation(slices.DeleteFunc(slices.Clone(plain.tags), isOrientation), plain.order, slices.Compact(pair)...)
	withMore := plain
	withMore.tags = withOrientation(slices.Clone(plain.tags), plain.order, before.chromium)
	least := withPair
	least.tags = slices.DeleteFunc(slices.Clone(withPair.tags), func(t storedTag) bool { return !t.needed })
	for _, c := range []Kept{plain, withMore, withPair, least} {
		for _, sized := range []bool{false, true} {
			if sized {
				c.tags = withDensity(c.tags, before.density)
			}
			block := c.Encode(limit)
			end := min(skip+len(block), len(was))
			after, err := viewOf(bytes.NewReader(append(slices.Clone(was[:skip]), block[:end-skip]...)))
			if err == nil && sameView(&before, &after, width, height) {
				return block
			}
		}
	}
	return nil
}

func isOrientation(t storedTag) bool {
	return t.id == orientationTag && (t.dir == ifd0 || t.dir == exifIFD)
}

// withOrientation inserts tags Orientation into IFD0, after those that are there.
func withOrientation(tags []storedTag, order binary.ByteOrder, values ...uint16) []storedTag {
	if order == nil || len(values) == 1 && values[0] == 1 {
		return tags
	}
	at := slices.IndexFunc(tags, func(t storedTag) bool { return t.dir != ifd0 || t.id > orientationTag })
	if at < 0 {
		at = len(tags)
	}
	for i, v := range values {
		t := storedTag{needed: true, dir: ifd0, id: orientationTag, name: "Orientation", typ: container.TypeShort, value: make([]byte, 2)}
		order.PutUint16(t.value, v)
		tags = slices.Insert(tags, at+i, t)
	}
	return tags
}

// withDensity adds the tags that say at what size browsers show the picture.
func withDensity(tags []storedTag, density map[uint16]storedTag) []storedTag {
	tags = slices.DeleteFunc(slices.Clone(tags), func(t storedTag) bool {
		d, ok := density[t.id]
		return ok && d.dir == t.dir
	})
	for _, t := range density {
		tags = insertTag(tags, t)
	}
	return tags
}
