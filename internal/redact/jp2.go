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
var jp2Header = boxRules{
	"ihdr": plain(14), "bpcc": keepDepths, "colr": keepJP2Colr, "pclr": keepPalette, "cmap": keepMapping, "cdef": keepChannels,
	"res ": func(b *box) bool {
		keepFirst(b.body, boxRules{"resc": plain(10), "resd": plain(10)})
		return true
	},
}

// maxComponents bounds the components of a picture (A.5.1).
const maxComponents = 1 << 14

// keepDepths keeps the bits of each component (I.5.3.2): up to 38, and a sign.
func keepDepths(b *box) bool {
	n := 0
	for n < min(len(b.body), maxComponents) && b.body[n]&0x7F < 38 {
		n++
	}
	return n > 0 && n == len(b.body)
}

// keepPalette keeps a palette (I.5.3.4).
func keepPalette(b *box) bool {
	f := fields{b: b.body}
	n, columns := int(f.uint(2)), int(f.uint(1)) //nolint:gosec // G115: up to 16 bits
	entry := 0
	for range columns {
		entry += (int(f.uint(1)&0x7F) + 8) / 8
	}
	f.skip(n * entry)
	return !f.over && n <= 1024 && b.cut(f.at)
}

// keepMapping keeps which component or column of the palette each channel is (I.5.3.5).
func keepMapping(b *box) bool {
	f := fields{b: b.body}
	for f.left() >= 4 {
		component, typ := f.uint(2), f.uint(1)
		if component >= maxComponents || typ > 1 {
			return b.cut(f.at - 3)
		}
		f.skip(1)
	}
	return b.cut(f.at)
}

// keepChannels keeps what each channel is (I.5.3.6).
func keepChannels(b *box) bool {
	f := fields{b: b.body}
	f.skip(6 * int(f.uint(2))) //nolint:gosec // G115: 16 bits
	return !f.over && b.cut(f.at)
}

// keepJP2Colr keeps a color space given by a number or by an ICC profile (I.5.3.3).
func keepJP2Colr(b *box) bool {
	if len(b.body) < 3 {
		return false
	}
	switch b.body[0] {
	case 1:
		n := 7
		if len(b.body) >= n {
			switch binary.BigEndian.Uint32(b.body[3:]) {
			case 14: // CIELab has parameters
				n = min(n+7*4, len(b.body))
			case 19: // CIEJab
				n = min(n+6*4, len(b.body))
			}
		}
		return b.cut(n)
	case 2, 3:
		return cleanICC(b.body[3:])
	}
	return false
}

func redactJP2(s *stream, p *Plan) error {
	if b, _ := s.peek(len(container.J2KCodestream)); string(b) == container.J2KCodestream {
		redactCodestream(s, container.ToEnd)
		return nil
	}
	header, codestream := false, false
	for {
		h, ok := nextBox(s)
		if !ok {
			return freeRest(s)
		}
		off := s.offset
		switch {
		case h.Type == "jP  " && off == 0:
			ok = passSignature(s, h)
		case h.Type == "ftyp" && off == 12:
			ok = redactFileType(s, h, jp2Brands)
		case h.Type == "jp2h" && !header:
			header = true
			ok = redactBox(s, h, func(b *box) { keepFirst(b.body, jp2Header) })
		case h.Type == "jp2c" && !codestream:
			codestream = true
			ok = s.pass(h.Head) && redactCodestream(s, h.Size-h.Head)
		case h.Type == "Exif":
			ok = redactPart(s, h, func(b *box) bool { return rewriteExifBox(b.body, tiffOffset, off+h.Head, p) })
		case h.Type == "uuid":
			ok = redactPart(s, h, func(b *box) bool { return rewriteUUID(b, off+h.Head, p) })
		default:
			ok = freeBox(s, h)
		}
		if !ok || h.Size == container.ToEnd {
			return nil
		}
	}
}

// rewriteUUID rebuilds the EXIF or XMP in a uuid box, whose body is at off in the file; ok is false if nothing is left
// of it.
func rewriteUUID(b *box, off int64, p *Plan) (ok bool) {
	const n = 16
	if len(b.body) < n {
		return false
	}
	switch string(b.body[:n]) {
	case container.JP2UUID, container.PhotoshopUUID, container.GeoUUID:
		return rewriteExifBox(b.body[n:], "", off+n, p)
	case container.XMPUUID:
		return p.xmpBox(b.body[n:])
	}
	return false
}

// Markers of the codestream (T.800, A.2; T.801; T.814).
const (
	soc = 0xFF4F
	sot = 0xFF90
	sod = 0xFF93
	eoc = 0xFFD9
	siz = 0xFF51
	cod = 0xFF52
	qcd = 0xFF5C
)

// passSegment passes a marker segment, less the bytes after its fields.
func passSegment(s *stream, marker uint16, length int64) bool {
	b, _ := s.peek(2 + 38)
	n := length
	switch {
	case marker == siz && len(b) == 40: // A.5.1
		n = 38 + 3*int64(binary.BigEndian.Uint16(b[38:]))
	case marker == cod && len(b) > 9: // A.6.1
		n = 12
		if b[4]&1 == 1 { // the size of precincts, for each level
			n += 1 + int64(b[9])
		}
	case marker == qcd && len(b) > 4: // A.6.4
		switch bands := length - 3; b[4] & 31 {
		case 0: // a byte for each subband
			n = 3 + min(bands, 1+3*32)
		case 1:
			n = 5
		default:
			n = 3 + min(bands, 2*(1+3*32))
		}
	}
	n = min(n, length)
	return s.pass(2+n) && s.zero(length-n)
}

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
	part := int64(0)              // the end of the tile-part, 0 before, between and after them
	first := true                 // no tile-part has begun
	seen := make(map[uint16]bool) // the marker segments of the main header that can be there once
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
			first = false
		case marker < soc || marker == soc || marker == sot || marker == sod || marker == eoc:
			return true
		case length < 2 || 2+length > end-s.offset:
			return true
		case keepsSegment(marker) && (first || part > 0) && !seen[marker]:
			seen[marker] = first && (marker == siz || marker == cod || marker == qcd)
			ok = passSegment(s, marker, length)
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
