package redact

import (
	"encoding/binary"
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
)

// The data of a thumbnail item is a picture only with the item's properties: how it is coded, its size, its colors, how to turn
// it. itemHead writes these as a HEIF of one item, whose data follows.

const (
	// maxItemProperties bounds the bytes of an item's properties. Color profiles have a few kilobytes.
	maxItemProperties = 64 << 10
	// maxItemData bounds the item's data, whose place and length have 32 bits.
	maxItemData = 1 << 30
)

// itemProperties are the properties of an item in a file of its own.
type itemProperties struct {
	brand string // of the file
	ipco  []byte
	ipma  []byte // their number, then the index of each, with a bit for those that are essential
}

// propertiesOf returns the properties of a thumbnail item that stay. It returns exif.ErrNoPicture if the item lacks one that
// it needs to be shown.
func propertiesOf(r io.ReaderAt, item *container.HEIFThumbnail) (kept itemProperties, err error) {
	kept.brand, kept.ipma = map[string]string{"hvc1": "heic", "av01": "avif"}[item.Type], []byte{0}
	left, configured := int64(maxItemProperties), false
	for _, p := range item.Properties {
		rule := properties[p.Type]
		if rule == nil {
			if p.Essential {
				return kept, exif.ErrNoPicture
			}
			continue
		}
		if left -= p.Body.N; left < 0 {
			return kept, exif.ErrNoPicture
		}
		x := box{typ: p.Type, body: make([]byte, p.Body.N)}
		if ok, err := container.ReadFull(r, x.body, p.Body.Off); err != nil {
			return kept, err
		} else if !ok || !rule(&x) {
			continue
		}
		configured = configured || p.Type == pictureItems[[4]byte([]byte(item.Type))].need
		if p.Type == "hvcC" && item.Type == "hvc1" {
			const mainProfile, mainStill = 1, 3 // 23008-12, B.4.1
			if profile := x.body[1] & 0x1F; profile != mainProfile && profile != mainStill {
				kept.brand = "heix"
			}
		}
		kept.ipco = appendBox(kept.ipco, p.Type, func(out []byte) []byte { return append(out, x.body...) })
		kept.ipma[0]++
		index := kept.ipma[0] // at most 64: up to 32 of the item's, and the turns of the photo's
		if p.Essential {
			index |= 0x80
		}
		kept.ipma = append(kept.ipma, index)
	}
	if !configured {
		err = exif.ErrNoPicture
	}
	return kept, err
}

// itemHead returns what precedes the data of a thumbnail item in a file of its own. It returns exif.ErrNoPicture if the
// item can't be one.
func itemHead(r io.ReaderAt, item *container.HEIFThumbnail) ([]byte, error) {
	kept, err := propertiesOf(r, item)
	if err == nil && item.Run.N > maxItemData {
		err = exif.ErrNoPicture
	}
	if err != nil {
		return nil, err
	}
	write := func(at uint32) []byte {
		out := appendBox(nil, "ftyp", func(out []byte) []byte { return append(out, kept.brand+"\x00\x00\x00\x00"+kept.brand+"mif1miaf"...) })
		out = appendBox(out, "meta", func(out []byte) []byte {
			const id, one = "\x00\x01", "\x00\x01"
			out = append(out, 0, 0, 0, 0)
			out = appendText(out, "hdlr", "\x00\x00\x00\x00\x00\x00\x00\x00pict"+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
			out = appendText(out, "pitm", "\x00\x00\x00\x00"+id)
			out = appendBox(out, "iloc", func(out []byte) []byte {
				// 4 bytes for an offset and a length, and none for a base; in this file, in one extent
				out = append(out, "\x00\x00\x00\x00\x44\x00"+one+id+"\x00\x00"+one...)
				return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(out, at), uint32(item.Run.N)) //nolint:gosec // G115: checked
			})
			out = appendBox(out, "iinf", func(out []byte) []byte {
				return appendText(append(out, "\x00\x00\x00\x00"+one...), "infe", "\x02\x00\x00\x00"+id+"\x00\x00"+item.Type+"\x00")
			})
			return appendBox(out, "iprp", func(out []byte) []byte {
				out = appendBox(out, "ipco", func(out []byte) []byte { return append(out, kept.ipco...) })
				return appendText(out, "ipma", "\x00\x00\x00\x00\x00\x00\x00\x01"+id+string(kept.ipma))
			})
		})
		out = binary.BigEndian.AppendUint32(out, uint32(8+item.Run.N)) //nolint:gosec // G115: checked
		return append(out, "mdat"...)
	}
	return write(uint32(len(write(0)))), nil //nolint:gosec // G115: little more than maxItemProperties
}

func appendText(out []byte, typ, body string) []byte {
	return appendBox(out, typ, func(out []byte) []byte { return append(out, body...) })
}
