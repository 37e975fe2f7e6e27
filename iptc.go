package caddyexif

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/iptc"
)

// iptcWord is the word of the operation that returns what people wrote about the photo.
const iptcWord = "iptc"

// maxPackets bounds the packets and records read of one file. Files have up to a dozen.
const maxPackets = 256

// fillIPTC responds with the properties of the IPTC Photo Metadata Standard.
func fillIPTC(x *exchange, res *response) error {
	o := &x.h.options
	format, m, err := readIPTC(&x.object, o)
	res.format = format
	if err != nil {
		return err
	}
	res.tags = m.Len()
	res.body, err = m.AppendJSON(nil, o.Style == exif.Typed, o.Keep)
	if errors.Is(err, iptc.ErrTooLarge) {
		return exif.ErrTooLarge
	}
	return err
}

// appendIPTC appends the response of the operation for a file.
func appendIPTC(dst []byte, r io.ReaderAt, o *exif.Options) ([]byte, error) {
	_, m, err := readIPTC(r, o)
	if err != nil {
		return nil, err
	}
	return m.AppendJSON(dst, o.Style == exif.Typed, o.Keep)
}

// readIPTC reads the properties of the image r, from XMP, from IIM, and from the EXIF that o keeps. Metadata that can't
// be read doesn't count. Its errors are exif.ErrNotImage and those of r.
func readIPTC(r io.ReaderAt, o *exif.Options) (format string, m *iptc.Metadata, err error) {
	source := iptc.Source{Charset: o.Charset}
	var meta exif.Metadata
	switch err := meta.Decode(r, o); {
	case err == nil:
		text := func(name string) string { return meta.Text(name, o) }
		source.EXIF = iptc.EXIF{
			ImageDescription: text("ImageDescription"), Artist: text("Artist"), Copyright: text("Copyright"),
			DateTimeOriginal: text("DateTimeOriginal"), SubSecTime: text("SubSecTimeOriginal"), OffsetTime: text("OffsetTimeOriginal"),
		}
		if comment := text("UserComment"); iptc.IsLabel(comment) {
			source.Labels = append(source.Labels, comment)
		}
	case !errors.Is(err, exif.ErrInvalid) && !errors.Is(err, exif.ErrTooLarge):
		return meta.Format, nil, err
	}
	var extended extendedXMP
	packets := 0
	add := func(p container.Packet) (bool, error) {
		if packets++; packets > maxPackets {
			return true, nil
		}
		b := make([]byte, min(p.N, container.MaxPacket))
		n, err := container.ReadAt(p.R, b, 0)
		b = b[:n]
		switch p.Kind {
		case container.XMP:
			source.XMP = append(source.XMP, b)
		case container.ExtendedXMP:
			extended.add(&p, b)
		case container.IIM:
			source.IIM = append(source.IIM, b)
		case container.Label:
			source.Labels = append(source.Labels, string(b))
		}
		return false, err
	}
	format, err = exif.Packets(r, add)
	if err != nil && !errors.Is(err, exif.ErrTooLarge) {
		return format, nil, err
	}
	if err := meta.Packets(add); err != nil && !errors.Is(err, exif.ErrTooLarge) {
		return meta.Format, nil, err
	}
	if packet := extended.of(source.XMP); packet != nil {
		source.XMP = append(source.XMP, packet)
	}
	return format, iptc.Read(&source), nil
}

// extendedXMP joins the parts of the XMP that continues a JPEG's packet.
type extendedXMP struct {
	guids []string
	whole [][]byte
}

// add adds a part. Parts of extended XMP of more than MaxPacket bytes are left out.
func (e *extendedXMP) add(p *container.Packet, b []byte) {
	if p.Total > container.MaxPacket || p.At+int64(len(b)) > p.Total {
		return
	}
	i := slices.Index(e.guids, p.GUID)
	if i < 0 {
		if len(e.guids) > 0 && int64(len(e.whole[0])) > container.MaxPacket/2 {
			return // a file has one
		}
		i = len(e.guids)
		e.guids, e.whole = append(e.guids, p.GUID), append(e.whole, make([]byte, p.Total))
	}
	if p.At < int64(len(e.whole[i])) {
		copy(e.whole[i][p.At:], b)
	}
}

// of returns the XMP that one of the packets names by its GUID, nil if there is none.
func (e *extendedXMP) of(packets [][]byte) []byte {
	for i, guid := range e.guids {
		if slices.ContainsFunc(packets, func(p []byte) bool { return bytes.Contains(p, []byte(guid)) }) {
			return e.whole[i]
		}
	}
	return nil
}
