package exif

import (
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// The tags of TIFF's IFD0 with packets: XMP (XMP, part 3, 2.1), IIM, and Photoshop's image resources.
const (
	xmpTag       = 700
	iimTag       = 33723
	photoshopTag = 34377
)

// Packets offers the XMP and the IIM of the image r, with the name of its format. Its errors are ErrNotImage,
// ErrTooLarge, those of r and those of f.
func Packets(r io.ReaderAt, f container.PacketOffer) (format string, err error) {
	_, format, err = sniff(r)
	if err != nil {
		return "", err
	}
	switch {
	case isTIFF(format):
		return format, tiffPackets(r, f)
	case format == "mrw":
		return format, container.MRWEXIF(r, func(b container.Block) (bool, error) { return true, tiffPackets(b.R, f) })
	}
	return format, container.Packets(r, format, f)
}

// isTIFF reports whether the files of a format are TIFF blocks.
func isTIFF(format string) bool {
	switch format {
	case "tiff", "orf", "jxr", "rw2":
		return true
	}
	return false
}

// Packets offers the packets that the EXIF of an image has, like a TIFF: Android's ExifInterface writes XMP there. The
// function Packets offers those of the image itself.
func (m *Metadata) Packets(f container.PacketOffer) error {
	if isTIFF(m.Format) || m.Format == "mrw" {
		return nil
	}
	for _, b := range m.blocks {
		if b.First != ifd0 {
			continue
		}
		err := tiffPackets(b.R, func(p container.Packet) (bool, error) {
			p.Off, p.Runs = b.Off, nil
			return f(p)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tiffPackets offers the packets of IFD0. IIM may be an array of numbers of 4 bytes, whose bytes are the records all
// the same.
func tiffPackets(r io.ReaderAt, f container.PacketOffer) error {
	t, ok, err := openTIFF(r)
	if !ok || err != nil {
		return err
	}
	var packets [3]container.Extent
	pos := t.first + t.CountSize()
	_, _, err = t.Each(t.first, func(e []byte) error {
		id, typ, count, value := t.Fields(e)
		pos += int64(len(e))
		unit := container.TypeSize(typ)
		for i, tag := range [...]uint16{xmpTag, iimTag, photoshopTag} {
			if id != tag || packets[i].N > 0 || unit == 0 || count > container.MaxPacket {
				continue
			}
			packets[i] = container.Extent{Off: pos - int64(len(value)), N: container.Offset(count * unit)}
			if packets[i].N > int64(len(value)) {
				packets[i].Off = container.Offset(t.Uint(value))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, kind := range [...]container.PacketKind{container.XMP, container.IIM} {
		if packets[i].N == 0 {
			continue
		}
		if done, err := f(container.PacketAt(r, kind, packets[i])); done || err != nil {
			return err
		}
	}
	_, err = container.ResourcePackets(r, packets[2], f)
	return err
}
