package redact

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// profile returns a color profile with a curve that is kept as it is.
func profile() []byte { return profileOf("kTRC", cat("curv", u32(0), u32(len(shown)/2), shown)) }

// profileOf returns a color profile with one tag.
func profileOf(sig string, data []byte) []byte {
	const header, table = 128, 4 + 12
	b := make([]byte, header)
	binary.BigEndian.PutUint32(b, uint32(header+table+len(data)))
	copy(b[12:], "mntrRGB XYZ ")
	if sig == "kTRC" || sig == "A2B0" {
		copy(b[16:], "GRAY")
	}
	copy(b[36:], "acsp")
	copy(b[68:], "\x00\x00\xF6\xD6\x00\x01\x00\x00\x00\x00\xD3\x2D")
	return cat(b, u32(1), sig, u32(header+table), u32(len(data)), data)
}

func icc() []byte { return testimage.Segment(0xE2, cat("ICC_PROFILE\x00", 1, 1, profile())) }

// TestProfileInAnyOrderStays has the parts of a color profile in segments of any order: readers put them in that of their
// numbers. A profile whose parts have wrong numbers, which they ignore, goes.
func TestProfileInAnyOrderStays(t *testing.T) {
	p := profile()
	clean := bytes.Clone(p)
	cleanICC(clean)
	cuts := [][]byte{nil, p[:130], p[130:140], p[140:]}
	jpeg := func(p [][]byte, numbers ...byte) []byte {
		var segments [][]byte
		for _, n := range numbers {
			segments = append(segments, testimage.Segment(0xE2, cat("ICC_PROFILE\x00", int(n), 3, p[min(int(n), 3)])))
		}
		return testimage.JPEG(testimage.Gradient(8, 8), segments...)
	}
	cleaned := [][]byte{nil, clean[:130], clean[130:140], clean[140:]}
	for _, numbers := range [][]byte{{1, 2, 3}, {3, 1, 2}, {2, 1, 3}, {3, 2, 1}} {
		if got, want := redact(t, jpeg(cuts, numbers...), &Policy{}, 0), jpeg(cleaned, numbers...); !bytes.Equal(got, want) {
			t.Errorf("%d:\ngot  %q\nwant %q", numbers, got, want)
		}
	}
	for _, numbers := range [][]byte{{0, 1, 2}, {1, 2, 2}, {2, 3, 4}, {3, 1}} {
		if got := redact(t, jpeg(cuts, numbers...), &Policy{}, 0); bytes.Contains(got, []byte(container.ICCIntro)) {
			t.Errorf("%d: a part stays", numbers)
		}
	}
}

// shows reports whether a redacted file still has what says how to show it.
func shows(b []byte) bool {
	if at := bytes.Index(b, []byte("iCCP")); at >= 0 { // compressed
		_, packed, _ := bytes.Cut(b[at+4:at+binaryLength(b[at-4:])+4], []byte{0})
		b = inflate(packed[1:], maxProfile)
	}
	return bytes.Contains(b, []byte(shown))
}

func binaryLength(b []byte) int { return int(binary.BigEndian.Uint32(b)) }

// secretSegmentFiles returns JPEG, PNG and WebP files with the secret in every known place, by a name.
func secretSegmentFiles() map[string][]byte {
	m := testimage.Gradient(8, 8)
	b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "Maker"), testimage.ASCII(0x013B, secret)}}
	block := b.Encode()
	thumbnail := testimage.JPEG(m, testimage.Segment(0xFE, []byte(secret)))
	full := testimage.Full()
	full.IFD0 = append(full.IFD0[:0:0], testimage.ASCII(0x010F, "Maker"), testimage.ASCII(0x013B, secret), testimage.Short(0x0112, 6))
	full.Exif = append(full.Exif[:len(full.Exif):len(full.Exif)],
		testimage.Undefined(0x927C, []byte(secret)),                                    // MakerNote
		testimage.Undefined(0x9286, []byte("ASCII\x00\x00\x00words\x00"+secret)),       // UserComment, after its end
		testimage.Undefined(0xA302, []byte("\x00\x02\x00\x02\x00\x01\x01\x02"+secret)), // CFAPattern
		testimage.ASCII(0xA420, "id\x00"+secret))
	full.IFD1 = []testimage.Entry{testimage.Long(0x0201, 0), testimage.Long(0x0202, uint32(len(thumbnail)))}
	full.Thumbnail = thumbnail
	longer := cat(full.Encode(), secret) // after the block, in no entry
	xmp := "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' xmlns:dc='http://purl.org/dc/elements/1.1/' " +
		"hdrgm:Version='1.0' dc:creator='" + secret + "'><dc:title>" + secret + "</dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
	seg := testimage.Segment
	jpeg := func(segments ...[]byte) []byte { return testimage.JPEG(m, append([][]byte{icc()}, segments...)...) }
	// noEOI removes the EOI, so that segments can follow the scan
	noEOI := func(b []byte) []byte { return b[:len(b)-2] }

	iccp := testimage.PNGChunk("iCCP", cat("its name", 0, 0, testimage.Zlib(profile())))
	png := func(chunks ...[]byte) []byte {
		return testimage.PNG(m, append(iccp, bytes.Join(chunks, nil)...), nil)
	}
	png2 := func(chunks ...[]byte) []byte { return testimage.PNG(m, iccp, bytes.Join(chunks, nil)) }
	broken := testimage.PNGChunk("tEXt", []byte("Comment\x00"+secret))
	binary.BigEndian.PutUint32(broken, 1<<31+5)

	webp := func(chunks ...[]byte) []byte {
		return testimage.WebP(append([][]byte{testimage.VP8X(32 | 8 | 4), testimage.RIFFChunk("ICCP", profile()), testimage.VP8L()}, chunks...)...)
	}
	riff := testimage.RIFFChunk
	longVP8X := riff("VP8X", cat(32|12, make([]byte, 9), secret))
	frame := riff("ANMF", cat(make([]byte, 16), testimage.VP8L(), riff("note", []byte(secret)), riff("VP8L", []byte(secret))))

	return map[string][]byte{
		"jpeg exif":            jpeg(testimage.EXIFSegment(block)),
		"jpeg full exif":       jpeg(testimage.EXIFSegment(longer)),
		"jpeg second exif":     jpeg(testimage.EXIFSegment(block), testimage.EXIFSegment(block)),
		"jpeg split exif":      jpeg(testimage.EXIFSegment(block[:20]), testimage.EXIFSegment(block[20:])),
		"jpeg broken exif":     jpeg(seg(0xE1, []byte("Exif\x00\x00"+secret))),
		"jpeg comment":         jpeg(seg(0xFE, []byte(secret))),
		"jpeg jfif thumbnail":  jpeg(seg(0xE0, cat("JFIF\x00", 1, 1, 0, 0, 1, 0, 1, 3, 3, secret))),
		"jpeg jfxx":            jpeg(seg(0xE0, []byte("JFXX\x00\x10"+secret))),
		"jpeg xmp":             jpeg(seg(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00"+xmp))),
		"jpeg xmp, no xml":     jpeg(seg(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00"+secret))),
		"jpeg extended xmp":    jpeg(seg(0xE1, []byte("http://ns.adobe.com/xmp/extension/\x00"+secret))),
		"jpeg photoshop":       jpeg(testimage.PhotoshopSegment(testimage.PSDResource(0x0404, "", []byte(secret)))),
		"jpeg c2pa":            jpeg(seg(0xEB, []byte("JP\x00\x01"+secret))),
		"jpeg adobe":           jpeg(seg(0xEE, cat("Adobe", 0, 100, 0, 0, 0, 0, 1, secret))),
		"jpeg unknown APP":     jpeg(seg(0xE2, []byte("FPXR\x00"+secret)), seg(0xE5, []byte(secret)), seg(0xEF, []byte(secret))),
		"jpeg reserved marker": jpeg(seg(0xF7, []byte(secret)), seg(0xC8, []byte(secret))),
		"jpeg long table":      jpeg(seg(0xDD, cat(0, 0, secret)), seg(0xDB, cat(0x07, bytes.Repeat([]byte{1}, 64), 0xF0, secret))),
		"jpeg between":         cat(icc()[:0], "\xFF\xD8", icc(), secret, jpeg()[2:]),
		"jpeg behind":          append(jpeg(), secret...),
		"jpeg video behind":    cat(jpeg(), testimage.FileType("mp42"), testimage.Box("mdat", []byte(secret))),
		"jpeg second picture":  cat(jpeg(), thumbnail),
		"jpeg late segment":    cat(noEOI(jpeg()), seg(0xFE, []byte(secret)), seg(0xE1, []byte("Exif\x00\x00"+secret)), "\xFF\xD9"),
		"jpeg without end":     cat(noEOI(jpeg()), seg(0xE7, []byte(secret))),

		"png text":             png(testimage.TEXT("Comment", []byte(secret))),
		"png packed text":      png(testimage.ZTXT("Comment", []byte(secret)), testimage.TEXT("a", []byte(secret))),
		"png international":    png(testimage.ITXT("Comment", []byte(secret), false)),
		"png xmp":              png(testimage.PNGChunk("iTXt", []byte(xmpKeyword+"\x00\x00"+xmp))),
		"png xmp, no xml":      png(testimage.ITXT("XML:com.adobe.xmp", []byte(secret), false)),
		"png exif":             png(testimage.PNGChunk("eXIf", block)),
		"png full exif":        png(testimage.PNGChunk("eXIf", longer)),
		"png late exif":        png2(testimage.PNGChunk("eXIf", block)),
		"png second exif":      png(testimage.PNGChunk("eXIf", block), testimage.PNGChunk("eXIf", block)),
		"png broken exif":      png(testimage.PNGChunk("eXIf", []byte(secret))),
		"png profile":          png(testimage.TEXT("Raw profile type exif", testimage.RawProfile("exif", block)), testimage.TEXT("b", []byte(secret))),
		"png packed profile":   png(testimage.ZTXT("Raw profile type APP1", testimage.RawProfile("APP1", cat("Exif\x00\x00", block))), testimage.TEXT("b", []byte(secret))),
		"png time and others":  png(testimage.PNGChunk("tIME", []byte(secret)), testimage.PNGChunk("caBX", []byte(secret)), testimage.PNGChunk("sPLT", []byte(secret))),
		"png long small chunk": png(testimage.PNGChunk("gAMA", []byte(secret)), testimage.PNGChunk("pHYs", []byte(secret))),
		"png behind":           append(png(), secret...),
		"png broken length":    png(broken, testimage.TEXT("b", []byte(secret))),

		"webp exif":         webp(riff("EXIF", block)),
		"webp full exif":    webp(riff("EXIF", longer)),
		"webp exif, intro":  webp(riff("EXIF", cat("Exif\x00\x00", block))),
		"webp second exif":  webp(riff("EXIF", block), riff("EXIF", block)),
		"webp broken exif":  webp(riff("EXIF", []byte(secret))),
		"webp xmp":          webp(riff("XMP ", []byte(xmp))),
		"webp xmp, no xml":  webp(riff("XMP ", []byte(secret))),
		"webp unknown":      webp(riff("C2PA", []byte(secret)), riff("note", []byte(secret+"."))),
		"webp long header":  testimage.WebP(longVP8X, riff("ICCP", profile()), testimage.VP8L()),
		"webp second image": webp(riff("VP8L", []byte(secret)), riff("VP8 ", []byte(secret)), riff("ICCP", []byte(secret)), riff("VP8X", []byte(secret))),
		"webp frame":        webp(riff("ANIM", cat(make([]byte, 6), secret)), frame, frame),
		"webp behind":       append(webp(), secret...),
		"webp padding":      webp(riff("ANMF", cat(make([]byte, 16), secret[:9]))),
	}
}

// TestXMPKeepsWhatShowsThePicture checks that the gain map property is still in the redacted XMP.
func TestXMPKeepsWhatShowsThePicture(t *testing.T) {
	files := secretSegmentFiles()
	for _, name := range []string{"jpeg xmp", "png xmp", "webp xmp"} {
		if out := redact(t, files[name], noArtist, 0); !bytes.Contains(out, []byte(`hdrgm:Version="1.0"`)) {
			t.Errorf("%s: got %q", name, out)
		}
	}
}

// TestPNGChecksumsAreRight checks the CRC of every chunk in redacted PNGs.
func TestPNGChecksumsAreRight(t *testing.T) {
	for name, data := range secretSegmentFiles() {
		if !bytes.HasPrefix([]byte(name), []byte("png ")) || name == "png broken length" {
			continue
		}
		out := redact(t, data, noArtist, 0)
		for b := out[8:]; len(b) >= 12; {
			n := int(binary.BigEndian.Uint32(b))
			if chunk := b[:12+n]; !bytes.Equal(testimage.PNGChunk(string(b[4:8]), b[8:8+n]), chunk) {
				t.Errorf("%s: %s has another CRC", name, b[4:8])
			}
			if string(b[4:8]) == "IEND" {
				break
			}
			b = b[12+n:]
		}
	}
}

// TestLargeProfilesStay checks the profiles of printing presses, which pictures in CMYK have: ten segments, of which
// nothing is left if one is missing, or if there are more than anyone holds.
func TestLargeProfilesStay(t *testing.T) {
	const grid, most = 21, 65_535 - 16
	table := bytes.Repeat([]byte(shown), grid*grid*grid*grid*3/len(shown)+1)[:grid*grid*grid*grid*3]
	press := profileOf("A2B0", cat("mft1", u32(0), 4, 3, grid, 0, make([]byte, 36), make([]byte, 4*256), table, make([]byte, 3*256)))
	copy(press[16:], "CMYK")
	parts := func(profile []byte) (segments [][]byte) {
		count := (len(profile) + most - 1) / most
		for part := range slices.Chunk(cat(profile), most) {
			segments = append(segments, testimage.Segment(0xE2, cat("ICC_PROFILE\x00", len(segments)+1, count, part)))
		}
		return segments
	}
	with := func(segments [][]byte) []byte { return testimage.JPEG(testimage.Gradient(16, 16), segments...) }
	whole := parts(press)
	for name, tc := range map[string]struct {
		file  []byte
		stays bool
	}{
		"whole":        {with(whole), true},
		"out of order": {with(append(slices.Clone(whole[1:]), whole[0])), false},
		"one missing":  {with(slices.Delete(slices.Clone(whole), 4, 5)), false},
		"cut off":      {with(whole)[:200_000], false},
		"too large":    {with(parts(slices.Concat(press, make([]byte, 200_000)))), false},
	} {
		for _, chunk := range []int{1000, 1 << 20} {
			got := redact(t, tc.file, &Policy{}, chunk)
			if stays := bytes.Contains(got, table[:1000]); stays != tc.stays {
				t.Errorf("%s: the profile stays: %v", name, stays)
			}
			if tc.stays && !bytes.Equal(got, tc.file) {
				t.Errorf("%s: the file isn't what it was", name)
			}
		}
	}
}
