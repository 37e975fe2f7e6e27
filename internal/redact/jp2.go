package redact

import (
	"bytes"
	"encoding/binary"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// JPEG 2000's JP2 and JPX (ITU-T T.800, annex I; T.801, annex M) consist of boxes like ISO's. The redacted
// file keeps size and color (jp2h) and the codestream (jp2c), and rebuilds EXIF in the boxes that
// internal/exif/jp2.go lists.
//
// The codestream (T.800, annex A) consists of marker segments as in JPEG, then tile-parts with a length, which
// begin with marker segments of their own. A comment is a marker segment.

// jp2Brands are the brands to keep in the file type box.
var jp2Brands = []string{"jp2 ", "jpx ", "jpxb", "jpm ", "jph ", "J2P0", "J2P1"}

// jp2Header maps the boxes in jp2h to functions that redact them.
var jp2Header = map[string]func(*box) bool{
	"ihdr": upTo(14), "bpcc": asIs, "colr": keepJP2Colr, "pclr": asIs, "cmap": asIs, "cdef": asIs,
	"res ": func(b *box) bool {
		keepBoxes(b.body, map[string]func(*box) bool{"resc": upTo(10), "resd": upTo(10)})
		return true
	},
}

// keepJP2Colr keeps a color space given by a number or by an ICC profile (I.5.3.3).
func keepJP2Colr(b *box) bool {
	if len(b.body) < 3 {
		return false
	}
	switch b.body[0] {
	case 1:
		if len(b.body) >= 7 && binary.BigEndian.Uint32(b.body[3:]) != 14 { // CIELab has parameters
			clearFrom(b.body, 7)
		}
		clearFrom(b.body, 7+7*4)
	case 2, 3:
	default:
		return false
	}
	return true
}

func redactJP2(s *stream, p *Plan) error {
	if b, _ := s.peek(len(container.J2KCodestream)); string(b) == container.J2KCodestream {
		redactCodestream(s, container.ToEnd)
		return nil
	}
	seen := false // the EXIF answer shows only the first EXIF
	for {
		h, ok := nextBox(s)
		if !ok {
			return freeRest(s)
		}
		switch h.Type {
		case "jP  ":
			ok = passSignature(s, h)
		case "ftyp":
			ok = redactFileType(s, h, jp2Brands)
		case "jp2h":
			ok = redactBox(s, h, func(b *box) { keepBoxes(b.body, jp2Header) })
		case "jp2c":
			ok = s.pass(h.Head) && redactCodestream(s, h.Size-h.Head)
		case "Exif":
			ok = redactBox(s, h, func(b *box) {
				if seen || !rewriteExifBox(b, p) {
					b.free()
				}
				seen = true
			})
		case "uuid":
			ok = redactBox(s, h, func(b *box) {
				isEXIF, ok := rewriteUUID(b, seen, p)
				if !ok {
					b.free()
				}
				seen = seen || isEXIF
			})
		default:
			ok = freeBox(s, h)
		}
		if !ok || h.Size == container.ToEnd {
			return nil
		}
	}
}

// rewriteUUID rebuilds the EXIF in a uuid box. isEXIF reports whether the box has EXIF, of which only the first is
// kept. GeoJP2's TIFF block doesn't count as EXIF: the answer shows it in addition, if it comes before the EXIF.
// ok is false if nothing is left of the box.
func rewriteUUID(b *box, seen bool, p *Plan) (isEXIF, ok bool) {
	if len(b.body) < 16 {
		return false, false
	}
	data := b.body[16:]
	switch string(b.body[:16]) {
	case container.JP2UUID, container.PhotoshopUUID:
		isEXIF = true
		if bytes.HasPrefix(data, []byte("Exif\x00\x00")) {
			data = data[6:]
		}
	case container.GeoUUID:
	default:
		return false, false
	}
	return isEXIF, !seen && rewriteExif(data, p) > 0
}

// Markers of the codestream (T.800, A.2; T.801; T.814).
const (
	soc = 0xFF4F
	sot = 0xFF90
	sod = 0xFF93
	eoc = 0xFFD9
)

// keepsSegment reports whether to keep marker segments with this marker: all known ones except comments (COM).
func keepsSegment(marker uint16) bool {
	switch marker {
	case 0xFF51, // SIZ
		0xFF50,                         // CAP
		0xFF59,                         // CPF
		0xFF52, 0xFF53, 0xFF5C, 0xFF5D, // COD, COC, QCD, QCC
		0xFF5E, 0xFF5F, 0xFF63, // RGN, POC, CRG
		0xFF55, 0xFF57, 0xFF58, 0xFF60, 0xFF61, // TLM, PLM, PLT, PPM, PPT
		0xFF56,                                                                 // PRF
		0xFF72, 0xFF73, 0xFF74, 0xFF75, 0xFF76, 0xFF77, 0xFF78, 0xFF79, 0xFF7A: // of T.801: DCO, VMS, DFS, ADS, MCT, MCC, NLT, MCO, CBD
		return true
	}
	return false
}

// redactCodestream redacts the next n bytes, which are a codestream.
func redactCodestream(s *stream, n int64) bool {
	end := s.offset + n
	if b, ok := s.peek(2); n < 2 || !ok || binary.BigEndian.Uint16(b) != soc {
		return s.zero(n)
	}
	return s.pass(2) && redactMarkers(s, end) && s.zero(end-s.offset)
}

// redactMarkers redacts a codestream from its second marker up to its end or the first invalid marker.
func redactMarkers(s *stream, end int64) (ok bool) {
	part := int64(0) // the end of the tile-part, 0 in the main header
	for {
		b, _ := s.peek(12)
		b = b[:min(int64(len(b)), end-s.offset)]
		if len(b) < 2 {
			return true
		}
		marker, length := binary.BigEndian.Uint16(b), int64(0)
		if len(b) >= 4 {
			length = int64(binary.BigEndian.Uint16(b[2:]))
		}
		switch {
		case marker == eoc && part == 0:
			return s.pass(2)
		case marker == sod && part == end:
			return passToEOC(s, end)
		case marker == sod && part > s.offset:
			ok = s.pass(part - s.offset)
			part = 0
		case marker == sot && part == 0 && length == 10 && len(b) == 12:
			switch psot := int64(binary.BigEndian.Uint32(b[6:])); {
			case psot == 0: // the last tile-part, which reaches to the end
				part = end
			case psot < 14:
				return true
			default:
				part = min(s.offset+psot, end)
			}
			ok = s.pass(12)
		case marker < soc || marker == soc || marker == sot || marker == sod || marker == eoc:
			return true
		case length < 2 || 2+length > end-s.offset:
			return true
		case keepsSegment(marker):
			ok = s.pass(2 + length)
		default:
			// becomes a comment of zeros, whose registration value 0 means binary data
			ok = s.replace([]byte{0xFF, 0x64}) && s.pass(2) && s.zero(length-2)
		}
		if !ok {
			return false
		}
	}
}

// passToEOC passes packets up to and including the marker EOC. Packets have no two bytes above 0xFF8F (B.10.1)
// other than the markers SOP and EPH.
func passToEOC(s *stream, end int64) bool {
	for {
		b, _ := s.peek(4096)
		b = b[:min(int64(len(b)), end-s.offset)]
		n := int64(len(b))
		if i := bytes.Index(b, []byte{0xFF, 0xD9}); i >= 0 {
			return s.pass(int64(i) + 2)
		}
		if n > 1 && b[n-1] == 0xFF {
			n--
		}
		if n == 0 || !s.pass(n) {
			return n == 0
		}
	}
}
