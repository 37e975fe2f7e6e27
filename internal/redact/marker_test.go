package redact

import (
	"bytes"
	"image/jpeg"
	"image/png"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// marked returns photos with the marker in places that no decoder reads, or that it reads numbers from which can't be
// those of a picture.
func marked() map[string][]byte {
	files := map[string][]byte{}
	add := func(format string, more map[string][]byte) {
		for name, data := range more {
			files[format+" "+name] = data
		}
	}
	add("jpeg", markedJPEGs())
	for name, profile := range markedProfiles() {
		files["jpeg profile, "+name] = testimage.JPEG(testimage.Gradient(16, 16), testimage.Segment(0xE2, cat("ICC_PROFILE\x00", 1, 1, profile)))
	}
	m := testimage.Gradient(8, 8)
	add("webp", map[string][]byte{
		"a picture of no coding": testimage.WebP(testimage.RIFFChunk("VP8L", []byte(marker)), testimage.VP8L()),
	})
	add("heif", markedHEIFs())
	add("png", map[string][]byte{
		"cHRM in UTF-16": testimage.PNG(m, testimage.PNGChunk("cHRM", cat(spread(marker, 0), make([]byte, 8))), nil),
		"pHYs":           testimage.PNG(m, testimage.PNGChunk("pHYs", cat(marker[:8], 0)), nil),
		"cLLI":           testimage.PNG(m, testimage.PNGChunk("cLLI", []byte(marker[:8])), nil),
		"acTL":           testimage.PNG(m, testimage.PNGChunk("acTL", []byte(marker[:8])), nil),

		"cHRM": testimage.PNG(m, testimage.PNGChunk("cHRM", cat(marker, marker, marker[:8])), nil),
		"mDCV": testimage.PNG(m, testimage.PNGChunk("mDCV", cat(marker, marker)), nil),
	})
	add("bmp", markedBMPs())
	add("ico", markedIcons())
	add("jxl", map[string][]byte{
		"frame index": testimage.JXL(testimage.Box("jxli", cat(4, u32(1), u32(1), marker)), testimage.Box("jxlc", []byte("\xFF\x0A"+shown))),
	})
	add("jp2", markedCodestreams())
	return files
}

func markedJPEGs() map[string][]byte {
	m := testimage.Gradient(16, 16)
	plain := testimage.JPEG(m)
	n := len(plain) - 2
	sos := bytes.Index(plain, []byte{0xFF, container.MarkerSOS})
	frame := bytes.Index(plain, []byte{0xFF, container.MarkerSOF0})
	scan := plain[sos : sos+2+int(be.Uint16(plain[sos+2:]))]
	quant := testimage.Segment(0xDB, cat(3, marker, make([]byte, 64-len(marker))))
	codes := testimage.Segment(0xC4, cat(3, 0, 0, 0, 6, make([]byte, 12), "MARK47", marker[:0]))
	far := bytes.Repeat(testimage.Segment(0xFE, make([]byte, 60_000)), 5)
	index := mpf(0, 1)
	first := testimage.JPEG(m, testimage.Segment(0xE2, index))
	base := bytes.Index(first, []byte("II*\x00"))
	first = testimage.JPEG(m, testimage.Segment(0xE2, mpf(0, uint32(len(first)+len(quant)-base))))
	gains := func(flags int, numbers ...any) []byte { // of a gain map, which the index finds
		second := testimage.JPEG(m, testimage.Segment(0xE2, cat(container.GainMapIntro, u32(0), flags, cat(numbers...))))
		first := testimage.JPEG(m, testimage.Segment(0xE2, index))
		at := len(first) - bytes.Index(first, []byte("II*\x00"))
		return cat(testimage.JPEG(m, testimage.Segment(0xE2, mpf(0, uint32(at)))), second)
	}
	one := func(n int) []byte { return bytes.Repeat(cat(u32(1), u32(1)), n) }
	arithmetic := bytes.Replace(plain, []byte{0xFF, container.MarkerSOF0}, []byte{0xFF, container.MarkerSOF0 + 9}, 1)
	return map[string][]byte{
		"a gain map's fractions":      gains(0, one(3), marker, u32(1), one(2)),
		"a gain map's denominators":   gains(0, one(2), u32(1), marker, one(3)),
		"a gain map's numerators":     gains(8, u32(0x10000000), u32(1), marker, make([]byte, 12)),
		"a gain map's in UTF-16":      gains(0, one(1), spread(marker, 0), one(3)),
		"a gain map's, by channel":    gains(0x80, one(10), marker, u32(1), one(5)),
		"conditioning":                cat(arithmetic[:sos], testimage.Segment(0xCC, spread(marker, 0)), arithmetic[sos:]),
		"conditioning of AC":          cat(arithmetic[:sos], testimage.Segment(0xCC, spread(marker, 0x10)), arithmetic[sos:]),
		"many components":             cat(plain[:frame], testimage.Segment(0xC0, cat("\x08\x00\x10\x00\x10", len(marker), spread(marker, 0x11, 0)[2:], 0x11, 0)), plain[frame:]),
		"a second scan":               cat(plain[:n], scan, marker, "\xFF\xD9"),
		"many more scans":             cat(plain[:n], scan, marker, scan, marker, "\xFF\xD0", marker, "\xFF\xD9"),
		"a scan before the frame":     cat(plain[:2], scan, marker, plain[2:]),
		"a table far before the scan": cat(plain[:2], quant, codes, far, plain[2:]),
		"a table before the end":      cat(first[:len(first)-2], quant, "\xFF\xD9", plain),
		"components of no size":       cat(plain[:frame], testimage.Segment(0xC0, cat("\x08\x00\x10\x00\x10\x04", marker)), plain[frame:]),
		"a scan of many components":   cat(plain[:sos], testimage.Segment(0xDA, cat(6, marker, "\x00\x3F\x00")), marker, plain[sos:]),
	}
}

// spread returns the letters of a text with bytes before each.
func spread(text string, before ...byte) (b []byte) {
	for _, c := range []byte(text) {
		b = append(append(b, before...), c)
	}
	return b
}

// hasMarker reports whether b has the marker, or some of its bytes have, as far from one another as in numbers of up to 4 bytes.
func hasMarker(b []byte, n int) bool {
	for step := 1; step <= 4; step++ {
		for from := range step {
			var some []byte
			for i := from; i < len(b); i += step {
				some = append(some, b[i])
			}
			if bytes.Contains(some, []byte(marker[:n])) {
				return true
			}
		}
	}
	return false
}

// markedHEIFs returns pictures that are derived from others, and properties.
func markedHEIFs() map[string][]byte {
	derived := func(typ string, data ...any) []byte {
		m := iPhone("urn:com:apple:photo:2020:aux:hdrgainmap")
		m.items[0].typ, m.items[0].data = typ, string(cat(data...))
		return m.file()
	}
	property := func(box []byte) []byte {
		m := iPhone("urn:com:apple:photo:2020:aux:hdrgainmap")
		m.ipco = append(m.ipco, box)
		m.items[0].properties = append(m.items[0].properties, len(m.ipco))
		return m.file()
	}
	layers := iPhone("urn:com:apple:photo:2020:aux:hdrgainmap")
	layers.ipco = append(layers.ipco, testimage.Box("av1C", []byte("\x81\x00\x0C\x00")), testimage.Box("a1lx", cat(1, marker)))
	layers.items[4].typ, layers.items[4].properties = "av01", []int{4, 5}
	id := "\x22\xCC\x04\xC7\xD6\xD9\x4E\x07\x9D\x90\x4E\xB6\xEC\xBA\xF3\xA3"
	return map[string][]byte{
		"grid":              derived("grid", 0, 1, 0, 1, marker[:8]),
		"overlay":           derived("iovl", 0, 1, make([]byte, 8), marker, u32(0), u32(0), u32(0)),
		"overlay, places":   derived("iovl", 0, 1, make([]byte, 8), u32(64), u32(64), marker, u32(0)),
		"tone map":          derived("tmap", 0, u32(0), 0, bytes.Repeat(cat(u32(1), u32(1)), 4), marker, u32(1), u32(1), u32(1)),
		"sample transform":  derived("sato", 3, len(marker), marker),
		"layers":            layers.file(),
		"intrinsics":        property(testimage.Box("cmin", cat(u32(0), marker))),
		"Apple's":           property(testimage.Box("uuid", cat(id, u32(0), marker))),
		"extrinsics":        property(testimage.Box("cmex", cat(u32(7), marker))),
		"extrinsics, turns": property(testimage.Box("cmex", cat(u32(0x18), marker))),
	}
}

// markedProfiles returns color profiles.
func markedProfiles() map[string][]byte {
	curve := cat("curv", u32(0), u32(1), u16(0x0200))
	header := func(at int) []byte {
		b := profileOf("kTRC", curve)
		copy(b[at:], marker)
		return b
	}
	inSpace := func(space string, profile []byte) []byte {
		copy(profile[16:], space)
		return profile
	}
	three := bytes.Repeat(cat(curve, 0, 0), 3)
	lut := func(grid, table string) []byte { // one channel, all curves
		b := cat("mAB ", u32(0), 1, 3, 0, 0, u32(32), u32(0), u32(0), u32(80), u32(108+len(table)))
		return cat(b, three, "\x02", grid, 1, "\x00\x00\x00", 0, 0, 0, 255, 255, 255, table, make([]byte, 2), curve, 0, 0)
	}
	return map[string][]byte{
		"size and program":            header(0),
		"class and spaces":            header(12),
		"date":                        header(24),
		"flags":                       header(42),
		"attributes":                  header(56),
		"intent and illuminant":       header(64),
		"illuminant":                  header(68),
		"black point":                 profileOf("bkpt", cat("XYZ ", u32(0), marker)),
		"white point":                 profileOf("wtpt", cat("XYZ ", u32(0), marker)),
		"luminance":                   profileOf("lumi", cat("XYZ ", u32(0), marker)),
		"measurement":                 profileOf("meas", cat("meas", u32(0), marker, make([]byte, 16))),
		"viewing conditions":          profileOf("view", cat("view", u32(0), marker, make([]byte, 16))),
		"phosphors":                   profileOf("chrm", cat("chrm", u32(0), u32(0), marker, make([]byte, 20))),
		"adaptation":                  profileOf("chad", cat("sf32", u32(0), marker, marker, marker)),
		"gamut":                       profileOf("gamt", cat("mft1", u32(0), 1, 1, 2, 0, marker, make([]byte, 36+256+2+256-12))),
		"matrix of a table":           profileOf("A2B0", cat("mft1", u32(0), 1, 3, 2, 0, marker, make([]byte, 36+256+6+3*256-12))),
		"matrix of a table of words":  profileOf("A2B0", cat("mft2", u32(0), 1, 3, 2, 0, marker, make([]byte, 24), u16(2), u16(2), make([]byte, 28))),
		"adaptation in UTF-16":        profileOf("chad", cat("sf32", u32(0), spread(marker, 0), make([]byte, 12))),
		"parameters in UTF-16":        profileOf("kTRC", cat("para", u32(0), u16(4), u16(0), spread(marker, 0), make([]byte, 4))),
		"parameters":                  profileOf("kTRC", cat("para", u32(0), u16(1), u16(0), marker)),
		"a curve as a table":          profileOf("A2B0", cat("curv", u32(0), u32(6), marker)),
		"a curve as a white point":    profileOf("wtpt", cat("curv", u32(0), u32(6), marker)),
		"elements":                    profileOf("D2B0", cat("mpet", u32(0), u16(3), u16(3), u32(1), u32(24), u32(12), marker)),
		"a gray curve in RGB":         inSpace("RGB ", profileOf("kTRC", cat("curv", u32(0), u32(6), marker))),
		"a red curve in CMYK":         inSpace("CMYK", profileOf("rTRC", cat("curv", u32(0), u32(6), marker))),
		"a table of other channels":   profileOf("A2B0", cat("mft1", u32(0), 2, 3, 2, 0, make([]byte, 36), marker, make([]byte, 2*256+12+3*256-12))),
		"a table to no color":         profileOf("A2B0", cat("mft1", u32(0), 1, 1, 2, 0, make([]byte, 36), marker, make([]byte, 256+2+256-12))),
		"stages, the grid":            profileOf("A2B0", lut(marker+"\x00\x00\x00", "")),
		"stages, after the table":     profileOf("A2B0", lut(strings.Repeat("\x00", 15), marker)),
		"stages, after the curves":    profileOf("A2B0", cat(lut(strings.Repeat("\x00", 15), ""), marker)),
		"stages, between":             profileOf("A2B0", cat("mAB ", u32(0), 1, 3, 0, 0, u32(44), u32(0), u32(0), u32(0), u32(0), marker, three)),
		"stages, a curve of no type":  profileOf("A2B0", cat("mAB ", u32(0), 1, 3, 0, 0, u32(32), u32(0), u32(0), u32(0), u32(0), marker)),
		"stages, too many components": profileOf("A2B0", cat("mAB ", u32(0), 99, 3, 0, 0, u32(32), u32(0), u32(0), u32(0), u32(0), marker)),
		"stages, beyond the end":      profileOf("A2B0", cat("mBA ", u32(0), 1, 3, 0, 0, u32(32), u32(1000), u32(0), u32(0), u32(0), marker)),
	}
}

func markedBMPs() map[string][]byte {
	header := func(size, depth, compression int, change func(h []byte)) []byte {
		h := cat(le32(size), le32(16), le32(16), 1, 0, depth, 0, le32(compression), make([]byte, size-20))
		change(h)
		return h
	}
	file := func(h []byte, rest ...any) []byte {
		body := cat(rest...)
		at := 14 + len(h)
		if h[14] <= 8 {
			at += 4 << h[14]
		}
		return cat("BM", le32(14+len(h)+len(body)), le32(0), le32(at), h, body)
	}
	pixels := make([]byte, 48*16)
	at := func(size, from int) []byte {
		return file(header(size, 24, 0, func(h []byte) { copy(h[from:], marker) }), pixels)
	}
	masked := func(size int, rest ...any) []byte {
		return file(header(size, 32, 3, func(h []byte) { copy(h[min(40, size):], marker) }), cat(rest...), make([]byte, 64*16))
	}
	narrow := header(40, 8, 0, func(h []byte) { copy(h[4:], cat(le32(1), le32(16), 1, 0, 8)) })
	palette := spread(strings.Repeat(marker, 21), 1, 2, 3)
	run := func(data ...any) []byte {
		body := cat(data...)
		h := header(40, 8, 1, func(h []byte) { copy(h[20:], le32(len(body))) })
		return file(h, make([]byte, 1024), body)
	}
	line := cat(16, 1)
	return map[string][]byte{
		"numbers":                    at(40, 20),
		"numbers of colors":          at(40, 28),
		"OS/2's numbers":             at(64, 40),
		"masks that aren't used":     at(56, 40),
		"masks of a long header":     at(108, 40),
		"endpoints":                  at(108, 60),
		"endpoints, calibrated":      file(header(124, 24, 0, func(h []byte) { copy(h[60:], marker) }), pixels),
		"gamma":                      at(124, 96),
		"intent and profile":         at(124, 108),
		"masks":                      masked(52),
		"masks after the header":     bytes.Replace(masked(40, marker), le32(54), le32(54+len(marker)), 1),
		"reserved bytes of colors":   file(header(40, 8, 0, func([]byte) {}), cat(palette, make([]byte, 1024-len(palette))), make([]byte, 16*16)),
		"what fills up rows":         file(narrow, make([]byte, 1024), spread(marker, 0, 0, 0), make([]byte, 16)),
		"endpoints of digits":        file(header(108, 24, 0, func(h []byte) { copy(h[60:], "\x00\x00"+marker) }), pixels),
		"pixels after a line":        run(line, 0, len(marker), marker, 0, 0, 0, 1),
		"runs after a line":          run(line, marker, 0, 0, 0, 1),
		"pixels after the last line": run(bytes.Repeat(cat(line, 0, 0), 16), 0, len(marker), marker, 0, 1),
		"runs after the last line":   run(bytes.Repeat(cat(line, 0, 0), 16), marker, 0, 1),
		"pixels after a step":        run(0, 2, 200, 0, 0, len(marker), marker, 0, 1),
	}
}

func markedIcons() map[string][]byte {
	dib := cat(le32(40), le32(16), le32(32), 1, 0, 24, 0, make([]byte, 24))
	icon := cat(dib, make([]byte, 48*16+4*16))
	numbers := bytes.Clone(icon)
	copy(numbers[20:], marker)
	entry := func(n, at int) []byte { return cat(16, 16, 0, 0, 1, 0, 24, 0, le32(n), le32(at)) }
	return map[string][]byte{
		"an entry of no picture":        cat(0, 0, 1, 0, 2, 0, entry(len(icon), 38), 16, 16, 0, 0, marker, icon),
		"an entry before the others":    cat(0, 0, 1, 0, 2, 0, 16, 16, 0, 0, marker, entry(len(icon), 38), icon),
		"an entry that begins too late": cat(0, 0, 1, 0, 2, 0, entry(len(icon), 38), marker, le32(16), icon),
		"numbers":                       cat(0, 0, 1, 0, 1, 0, entry(len(icon), 22), numbers),
	}
}

func markedCodestreams() map[string][]byte {
	box := testimage.Box
	segment := func(marker int, data ...any) []byte { b := cat(data...); return cat(u16(marker), u16(2+len(b)), b) }
	size := segment(0xFF51, make([]byte, 34), u16(1), 7, 1, 1)
	style := segment(0xFF52, 0, 0, u16(1), 0, 1, 4, 4, 0, 1) // one level
	part := cat(0xFF, 0x93, shown)
	file := func(segments ...any) []byte {
		return cat(0xFF, 0x4F, size, style, cat(segments...), 0xFF, 0x90, u16(10), u16(0), u32(12+len(part)), 0, 1, part, 0xFF, 0xD9)
	}
	extended := func(segments ...any) []byte {
		return bytes.Replace(file(segments...), size[:6], cat(size[:4], 0x81, 0), 1)
	}
	coc := func(levels int, more ...any) []byte {
		return segment(0xFF53, 0, min(1, len(more)), levels, 4, 4, 0, 1, cat(more...))
	}
	large := func(at int) []byte {
		b := bytes.Clone(file())
		copy(b[at:], marker)
		return b
	}
	header := func(boxes ...[]byte) []byte {
		return testimage.JP2(box("jp2h", append([][]byte{box("ihdr", make([]byte, 14))}, boxes...)...), box("jp2c", codestreamFile(-1)))
	}
	return map[string][]byte{
		"channels":                               header(box("cdef", u16(2), []byte(marker))),
		"parameters of CIELab":                   header(box("colr", []byte("\x01\x00\x00\x00\x00\x00\x0E"+marker+marker+"1234"))),
		"channels, the columns":                  header(box("cmap", spread(marker, 0, 0, 1))),
		"channels, no palette":                   header(box("cmap", spread(marker, 0, 0, 0))),
		"size":                                   large(8),
		"components":                             cat(0xFF, 0x4F, segment(0xFF51, make([]byte, 34), u16(12), spread(marker, 7, 1)), file()[2+2+41:]),
		"components that are missing":            bytes.Replace(file(), size[38:], []byte(marker[:5]), 1),
		"size of tiles":                          large(2 + 4 + 18),
		"many capabilities":                      file(segment(0xFF50, marker, make([]byte, 64))),
		"order of packets":                       file(segment(0xFF5F, marker, "12")),
		"heads of packets of a part":             file(segment(0xFF61, 0, marker)),
		"transformation, extended":               extended(segment(0xFF74, u16(0), u16(0x0800), u16(0), marker)),
		"transformation, of words":               extended(segment(0xFF74, u16(0), u16(0), u16(0), marker)),
		"collections":                            extended(segment(0xFF75, u16(0), marker)),
		"nonlinearity":                           extended(segment(0xFF76, marker)),
		"depths of components":                   extended(segment(0xFF78, u16(12), marker)),
		"lengths of parts":                       file(segment(0xFF55, marker)),
		"lengths of packets":                     file(segment(0xFF57, marker)),
		"lengths of packets of one":              file(segment(0xFF58, marker)),
		"places of components":                   file(segment(0xFF63, marker)),
		"profile":                                file(segment(0xFF56, marker)),
		"corresponding profile":                  file(segment(0xFF59, marker)),
		"capabilities":                           file(segment(0xFF50, u32(1<<17), u16(0), marker)),
		"style of no component":                  file(segment(0xFF53, marker)),
		"quantization of none":                   file(segment(0xFF5D, marker)),
		"region of none":                         file(segment(0xFF5E, marker)),
		"more style":                             file(segment(0xFF53, 0, 0, 1, 4, 4, 0, 1, marker)),
		"more quantization":                      file(segment(0xFF5C, 0x40, 8, 8, 8, 8, marker)),
		"more quantization of one":               file(segment(0xFF5D, 0, 0x40, 8, 8, 8, 8, marker)),
		"quantization that another one replaces": file(coc(4), segment(0xFF5D, 0, 0x40, marker), segment(0xFF5D, 0, 0x40, make([]byte, 13))),
		"quantization for nobody":                file(coc(4), segment(0xFF5C, 0x40, marker), segment(0xFF5D, 0, 0x40, make([]byte, 13))),
		"quantization of levels that nobody has": file(coc(32), segment(0xFF5C, 0x40, 8, 8, 8, 8, marker), coc(1)),
		"precincts for nobody":                   bytes.Replace(file(coc(1)), style, segment(0xFF52, 1, 0, u16(1), 0, 11, 4, 4, 0, 1, marker), 1),
		"precincts that others replace":          file(coc(11, marker), coc(1)),
		"more of a region":                       file(segment(0xFF5E, 0, 0, 7, marker)),
		"transformation of T.801":                file(segment(0xFF74, marker)),
		"capabilities of every part":             file(segment(0xFF50, u32(1<<17), marker)),
	}
}

// TestStylesOfCodestreamsStay has the segments that say how a JPEG 2000 is coded after more comments than the buffer holds, those
// about all components after those of each, which OpenJPEG takes for all, and one too short.
func TestStylesOfCodestreamsStay(t *testing.T) {
	segment := func(marker int, data ...any) []byte { b := cat(data...); return cat(u16(marker), u16(2+len(b)), b) }
	size := segment(0xFF51, make([]byte, 34), u16(1), 7, 1, 1)
	style := segment(0xFF52, 1, 0, u16(1), 0, 1, 4, 4, 0, 1, 0x77, 0x88)
	quantization := segment(0xFF5C, 0x40, 8, 8, 8, 8)
	own := cat(segment(0xFF53, 0, 1, 1, 4, 4, 0, 1, 0x77, 0x88), segment(0xFF5D, 0, 0x40, 8, 8, 8, 8))
	comments := bytes.Repeat(segment(0xFF64, make([]byte, 60_000)), 5)
	part := cat(0xFF, 0x90, u16(10), u16(0), u32(16), 0, 1, 0xFF, 0x93, 1, 2, 0xFF, 0xD9)
	for name, header := range map[string][]byte{
		"after comments":         cat(comments, style, quantization),
		"before and after":       cat(style, comments, own, comments, quantization),
		"all after their own":    cat(own, style, quantization),
		"quantization of no use": cat(segment(0xFF52, 0, 0, u16(1), 0, 1, 4, 4, 0, 1), own, segment(0xFF5C)),
	} {
		data := cat(0xFF, 0x4F, size, header, part)
		for _, chunk := range []int{0, 1, len(data) - len(part)} {
			if got := redact(t, data, &Policy{}, chunk); !bytes.Equal(got, data) {
				t.Errorf("%s, in chunks of %d: it changes", name, chunk)
			}
		}
	}
}

func TestNoMarkerSurvives(t *testing.T) {
	for name, data := range marked() {
		verdict, format := Sniff(data)
		if verdict != Redact || !strings.HasPrefix(name, format) || !hasMarker(data, 4) {
			t.Errorf("%s: verdict %d, format %s", name, verdict, format)
		}
		out := redact(t, data, &Policy{}, 0)
		if hasMarker(out, 8) {
			t.Errorf("%s: it is in %q", name, out[:min(len(out), 2000)])
		}
		if again := redact(t, out, &Policy{}, 7); !bytes.Equal(again, out) {
			t.Errorf("%s: redacted again, the output differs", name)
		}
		for _, decode := range []func(b []byte) (any, error){
			func(b []byte) (any, error) { return jpeg.Decode(bytes.NewReader(b)) },
			func(b []byte) (any, error) { return png.Decode(bytes.NewReader(b)) },
		} {
			want, err := decode(data)
			if err != nil {
				continue // of another format, or more than the standard library accepts
			}
			if got, err := decode(out); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: it is another picture: %v", name, err)
			}
		}
	}
}

// TestProfileHeaderNamesNobody checks that a profile's header loses the names of the platform and of the creator, four
// characters each.
func TestProfileHeaderNamesNobody(t *testing.T) {
	b := profileOf("wtpt", cat("XYZ ", u32(0), u32(1), u32(2), u32(3)))
	copy(b[40:], "PLAT")
	copy(b[80:], "CREA")
	if !cleanICC(b) || bytes.Contains(b, []byte("PLAT")) || bytes.Contains(b, []byte("CREA")) {
		t.Errorf("got %q", b[:iccHeader])
	}
}
