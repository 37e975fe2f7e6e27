package redact

import (
	"bytes"
	"encoding/binary"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/iptc"
)

// xmp returns a packet of the same length as the given one with the properties that stay, those of the packets that
// extend it included, nil if there are none; and the pictures in Google's directory.
func (p *Plan) xmp(told iptc.Told, packet []byte, extended ...[]byte) (out []byte, pictures []iptc.Picture) {
	return p.policy.IPTC.RewriteXMP(told, packet, extended...)
}

// xmpBox replaces the XMP in the body of a box; ok is false if nothing is left.
func (p *Plan) xmpBox(told iptc.Told, data []byte) (ok bool) {
	out, _ := p.xmp(told, data)
	return out != nil && copy(data, out) == len(data)
}

// resources returns Photoshop's image resources b with nothing but the IIM that stays, as long as b, nil if there is
// none. Zeros pad it, as Photoshop does.
func (p *Plan) resources(b []byte) []byte {
	const head = 4 + 2 + 2 + 4 // signature, number, an empty name, the data's length
	var records []byte
	_, _ = container.ResourcePackets(bytes.NewReader(b), container.Extent{N: int64(len(b))}, func(packet container.Packet) (bool, error) {
		if packet.Kind != container.IIM || packet.N > int64(len(b)) {
			return false, nil
		}
		block := make([]byte, packet.N)
		n, err := container.ReadAt(packet.R, block, 0)
		records = p.policy.IPTC.RewriteIIM(block[:n])
		return true, err
	})
	if records == nil || head+len(records) > len(b) {
		return nil
	}
	out := make([]byte, len(b))
	copy(out, "8BIM\x04\x04\x00\x00")
	binary.BigEndian.PutUint32(out[8:], uint32(len(b)-head)) //nolint:gosec // G115: a segment
	copy(out[head:], records)
	return out
}
