package redact

import (
	"bytes"
	"encoding/binary"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// The box stsd describes how the samples of a track are coded (14496-12, 8.5.2, 12.1 and 12.2; QuickTime File Format):
// fields, then boxes with the configuration of the decoder, colour and layout.

// pictureCodings are the codings of pictures whose configuration is a list of numbers.
var pictureCodings = strings.Fields(`avc1 avc2 avc3 avc4 hvc1 hvc2 hvc3 hev1 hev2 hev3 lhv1 lhe1 dvh1 dvhe dva1 dvav dav1 av01 vp08 vp09
	vvc1 vvi1 evc1 mp4v s263 h263 H263 mpg1 mpg2 mp1v mp2v m1v_ m2v1 m2v_ hdva XVID xvid DIVX divx DX50 3IV2 FMP4
	jpeg mjpg mjpa mjpb dmb1 AVDJ png_ mjp2 j2ki uncv apv1 apch apcn apcs apco ap4h ap4x aprn aprh AVdn AVdh CFHD icod
	dvc_ dvcp dvpp dvsd dv5n dv5p dvh2 dvh3 dvh5 dvh6 dvhp dvhq
	hdv1 hdv2 hdv3 hdv4 hdv5 hdv6 hdv7 hdv8 hdv9 hdva xdv1 xdv2 xdv3 xdv4 xdv5 xdv6 xdv7 xdv8 xdv9 xdva xdvb xdvc xdvd xdve xdvf
	xd51 xd54 xd55 xd59 xd5a xd5b xd5c xd5d xd5e xd5f xdhd xdh2 mx3n mx3p mx4n mx4p mx5n mx5p
	ai12 ai13 ai15 ai16 ai1p ai1q ai22 ai23 ai25 ai26 ai2p ai2q ai52 ai53 ai55 ai56 ai5p ai5q
	raw_ rle_ smc_ rpza cvid 8BPS SVQ1 SVQ3 IV32 IV41 IV50 VP31 VP60 VP61 VP62 MP42 MP43 DIV3 WVC1 WMV3 vc-1 pxlt msvc WRLE ZMBV tscc
	FFV1 HFYU FFVH ULRG ULRA ULY0 ULY2 ULY4 ULH0 ULH2 ULH4 M8RG M8RA M8Y0 M8Y2 M8Y4 Hap1 Hap5 HapY HapM HapA Hap7 HapH DXD3 DXDI
	2vuy 2Vuy yuv2 yuvs yuvu yuv4 UYVY YUY2 AYUV v210 v216 v308 v408 v410 y408 y416 r210 R10k R10g b16g b32a b48r b64a ABGR ARGB BGRA RGBA`)

// soundCodings are the codings of sound.
var soundCodings = strings.Fields(`mp4a alac Opus fLaC ac-3 ec-3 ac-4 dtsc dtse dtsh dtsl dtsx mlpa sowt twos raw_ NONE in24 in32 fl32 fl64 lpcm ipcm fpcm
	ulaw alaw ima4 MAC3 MAC6 QDM2 QDMC agsm .mp2 .mp3 samr sawb sawp sqcp sevc Qclp apac mha1 mha2 mhm1 mhm2 vdva dvca`)

// coded reports whether a code of four letters is in a list, in which _ stands for a space.
func coded(list []string, typ string) bool {
	return slices.Contains(list, strings.ReplaceAll(typ, " ", "_"))
}

// windowsCodings are the codings of sound that QuickTime has from Windows, by their numbers: PCM, ADPCM, IMA ADPCM, GSM, G.726, MPEG.
var windowsCodings = []string{"ms\x00\x01", "ms\x00\x02", "ms\x00\x11", "ms\x00\x31", "ms\x00\x45", "ms\x00P", "ms\x00U"}

// pictureBoxes are the boxes that describe pictures, in a sample entry.
var pictureBoxes = boxRules{
	"avcC": keepAVC, "avcE": keepAVC, "hvcC": keepHEVC, "hvcE": keepHEVC,
	"lhvC": keepLayered, "vvcC": keepVVC, "evcC": keepEVC, "av1C": keepAV1,
	"vpcC": shape(1, -3, 6, -2), "esds": keepDecoder, "d263": keepH263, "bitr": low(0, 8, shape(8)), "j2kH": keepJ2K, "jp2h": keepJ2K,
	"dvcC": shape(5, -19), "dvvC": shape(5, -19), "dvwC": shape(5, -19),
	"colr": keepColr, "pasp": keepRatio, "clap": keepAperture, "fiel": shape(2), "gama": shape(4), "btrt": low(0, 12, shape(12)),
	"clli": shape(4), "mdcv": keepMastering, "cclv": keepVolume, "amve": low(0, 4, shape(8)), "SmDm": keepWebMMastering, "CoLL": shape(1, -3, 4), "cuvv": keepVivid,
	"auxi": keepAuxC, "auxC": keepAuxC, "ccst": shape(1, -3, 4), "uncC": keepUncompressed, "cmpd": keepComponents, "cmpC": full(5), "icef": keepUnits, "pixi": keepPixi,
	"apvC": keepAPV, "glbl": atMostBytes(4 << 10), "SMI ": keepSorenson,
	"ACLR": keepAvidRange, "mjqt": keepTables(container.MarkerDQT, 4+4*65), "mjht": keepTables(container.MarkerDHT, 4+8*273), "hfov": shape(4),
	"vexu": only(boxRules{
		"eyes": only(boxRules{
			"stri": shape(1, -3, 1), "hero": shape(1, -3, 1),
			"cams": only(boxRules{"blin": shape(1, -3, 4)}), "cmfy": only(boxRules{"dadj": shape(1, -3, 4)}),
		}),
		"proj": only(boxRules{"prji": shape(1, -3, 4)}),
		"pack": only(boxRules{"pkin": shape(1, -3, 4)}),
	}),
	"st3d": shape(1, -3, 1),
	"sv3d": only(boxRules{
		"svhd": shape(1, -3),
		"proj": only(boxRules{
			"prhd": small(4, 16, shape(1, -3, 12)), "equi": keepBounds, "cbmp": keepCube, "mshp": keepMesh, "ytmp": keepMesh,
		}),
	}),
}

// soundBoxes are the boxes that describe sound, in a sample entry.
var soundBoxes = boxRules{
	"esds": keepDecoder, "dOps": func(b *box) bool { return keepOpus(b, binary.BigEndian) }, "dfLa": keepFLAC, "alac": keepALAC, "dac3": shape(3), "dec3": keepEAC3, "dac4": opaque(32),
	"ddts": mended(low(0, 12, shape(20)), mendDTS), "dmlp": shape(6, -4), "damr": shape(-4, 5), "dawp": shape(-4, 1), "dqcp": shape(-4, 2), "devc": shape(-4, 2),
	"btrt": low(0, 12, shape(12)), "chan": keepSpeakers, "chnl": keepLayout, "pcmC": shape(1, -3, 2), "dapa": opaque(256), "mhaC": keepMPEGH, "srat": shape(1, -3, 4), "SA3D": keepAmbisonics,
}

// waveBoxes are the boxes in wave, which QuickTime puts around those of soundBoxes.
var waveBoxes = func() boxRules {
	rules := boxRules{
		"frma": shape(4), "enda": shape(2), "mp4a": shape(4), "samr": shape(4), "esds": keepDecoder, "alac": keepALAC, "chan": keepSpeakers,
		"damr": shape(-4, 5), ".mp3": keepWaveFormat, "ac-3": shape(4), "dac3": shape(3), "apac": shape(4), "dapa": opaque(256),
		"QDCA": numbersOf(64), "QDCP": numbersOf(64), "QDMC": numbersOf(64),
	}
	for _, typ := range windowsCodings {
		rules[typ] = keepWaveFormat
	}
	return rules
}()

// configurations are the boxes without which a decoder can't start. The coding of a track that would lose one isn't known.
var configurations = []string{"avcC", "hvcC", "vvcC", "evcC", "av1C", "apvC", "esds", "glbl", "SMI ", "dOps", "dfLa", "alac", "dapa", "wave"}

var (
	h263Codings    = []string{"s263", "h263", "H263"}
	jpegCodings    = []string{"jpeg", "mjpg", "mjpa", "mjpb", "dmb1", "AVDJ"}
	qdesignCodings = []string{"QDM2", "QDMC"}
)

// boxReaders has for boxes the codings whose decoders read them. In the entry of another coding they go.
var boxReaders = map[string][]string{
	"apvC": {"apv1"}, "SMI ": {"SVQ3"}, "d263": h263Codings, "bitr": h263Codings, "mjqt": jpegCodings, "mjht": jpegCodings,
	"dOps": {"Opus"}, "dfLa": {"fLaC"}, "alac": {"alac"}, "dac3": {"ac-3"}, "dec3": {"ec-3"}, "dac4": {"ac-4"}, "dmlp": {"mlpa"},
	"ddts": {"dtsc", "dtse", "dtsh", "dtsl", "dtsx"}, "damr": {"samr", "sawb"}, "dawp": {"sawp"}, "dqcp": {"sqcp", "Qclp"}, "devc": {"sevc"},
	"dapa": {"apac"}, "pcmC": {"ipcm", "fpcm"}, "mhaC": {"mha1", "mha2", "mhm1", "mhm2"}, "QDCA": qdesignCodings, "QDCP": qdesignCodings, "QDMC": qdesignCodings,
}

// keepRead redacts the boxes in the entry of a coding: those that its decoders don't read go. ok is false if a configuration
// goes.
func keepRead(coding string, b []byte, rules boxRules) (ok bool) {
	drop := func(b box) {
		if readers := boxReaders[b.typ]; readers != nil && !slices.Contains(readers, coding) || b.typ == "glbl" && !keepGlobal(coding, b.body) {
			b.free()
		}
	}
	eachBox(b, func(b box) {
		if b.typ == "wave" {
			eachBox(b.body, drop)
		} else {
			drop(b)
		}
	})
	return keepConfigured(b, rules)
}

// keepConfigured redacts the boxes in a sample entry. ok is false if a configuration goes.
func keepConfigured(b []byte, rules boxRules) (ok bool) {
	find := func() (types []string) {
		eachBox(b, func(b box) {
			if slices.Contains(configurations, b.typ) && !slices.Contains(types, b.typ) {
				types = append(types, b.typ)
			}
		})
		return types
	}
	before := find()
	keepFirst(b, rules)
	return slices.Equal(find(), before)
}

// keepGlobal redacts glbl, FFmpeg's configuration of codings that have no box of their own. ok is false if the coding needs none.
func keepGlobal(coding string, b []byte) (ok bool) {
	if n, ok := keepDecoderTables(coding, b); ok {
		clear(b[n:])
	} else {
		trimUnits(b, mpegUnit)
	}
	return len(bytes.Trim(b, "\x00")) > 0
}

// keepEntries redacts the body of stsd.
func (m *movie) keepEntries(t *track, b []byte) {
	if len(b) < 8 {
		return
	}
	version, left := b[0], binary.BigEndian.Uint32(b[4:])
	clear(b[1:4])
	eachBox(b[8:], func(b box) {
		if left == 0 {
			b.free()
			return
		}
		left--
		t.entries++
		if t.pictures && m.keepPictureEntry(t, &b) || !t.pictures && m.keepSoundEntry(t, &b, version) {
			t.known++
		} else {
			b.free()
		}
	})
}

// keepPictureEntry redacts the description of pictures (12.1.3; "Video Sample Description").
func (m *movie) keepPictureEntry(t *track, b *box) bool {
	const fixed = 78
	if len(b.body) < fixed || !coded(pictureCodings, b.typ) {
		return false
	}
	clear(b.body[:6])
	clear(b.body[8:24])
	clear(b.body[36:40])
	clear(b.body[42:74])        // compressorname
	if !areLow(b.body[28:36]) { // the resolution, which no player uses
		copy(b.body[28:], "\x00\x48\x00\x00\x00\x48\x00\x00")
	}
	rest := b.body[fixed:]
	depth := binary.BigEndian.Uint16(b.body[74:])
	if table := b.body[76:78]; table[0] == 0 && table[1] == 0 {
		if n := paletteLen(rest); n > 0 && (depth == 1 || depth == 2 || depth == 4 || depth == 8) {
			clear(rest[:4])
			for x := rest[8:n]; len(x) > 0; x = x[8:] { // a number, and three of a color
				x[0] = 0
			}
			rest = rest[n:]
		} else {
			table[0], table[1] = 0xFF, 0xFF // none
		}
	}
	still := stillCodings[b.typ]
	eachBox(rest, func(b box) {
		if b.typ == "esds" && still == nil {
			still = stillDecoders[decoderType(b.body)]
		}
	})
	if t.entries > 1 && still != t.still {
		return false // which samples are still pictures, stsc tells
	}
	t.still = still
	return keepRead(b.typ, rest, pictureBoxes)
}

// still is a format of the pictures in a film that have metadata of their own.
type still struct{ redact func(s *stream) error }

var (
	jpegStill = &still{redactFrame}
	pngStill  = &still{func(s *stream) error { return redactPNG(s, nothingStays) }}

	j2kStill = &still{func(s *stream) error { return redactCodestreams(s, toEnd) }}

	stillCodings = map[string]*still{
		"jpeg": jpegStill, "mjpg": jpegStill, "mjpa": jpegStill, "dmb1": jpegStill, "AVDJ": jpegStill, "png ": pngStill,
		"mjp2": j2kStill, "j2ki": j2kStill,
	}
	stillDecoders = map[byte]*still{0x6C: jpegStill, 0x6D: pngStill, 0x6E: j2kStill} // by the type of the stream in esds
)

// paletteLen returns the length of the table of colours at the start of b, 0 if there is none.
func paletteLen(b []byte) int {
	if len(b) < 8 {
		return 0
	}
	n := 8 + 8*(int(binary.BigEndian.Uint16(b[6:]))+1)
	if n > 8+8*256 || n > len(b) {
		return 0
	}
	return n
}

// soundPackets are the moments of a packet and its bytes for each channel, of codings that tell.
var soundPackets = map[string]packets{
	"ulaw": {1, 1}, "alaw": {1, 1}, "in24": {1, 3}, "in32": {1, 4}, "fl32": {1, 4}, "fl64": {1, 8},
	"ima4": {64, 34}, "MAC3": {6, 2}, "MAC6": {6, 1},
}

// keepSoundEntry redacts the description of sound (12.2.3; "Sound Sample Description").
func (m *movie) keepSoundEntry(t *track, b *box, version byte) bool {
	const fixed = 28
	if len(b.body) < fixed || !coded(soundCodings, b.typ) && !slices.Contains(windowsCodings, b.typ) {
		return false
	}
	layout := binary.BigEndian.Uint16(b.body[8:])
	clear(b.body[:6])
	clear(b.body[10:16])
	for _, at := range [...]int{16, 18} { // channels and bits
		if b.body[at] != 0 {
			clear(b.body[at : at+2])
		}
	}
	if id := int16(binary.BigEndian.Uint16(b.body[20:])); id < -2 || id > 0 { //nolint:gosec // G115: a signed number
		clear(b.body[20:22])
	}
	clear(b.body[22:24]) // the size of packets
	channels, bits := uint64(binary.BigEndian.Uint16(b.body[16:])), uint64(binary.BigEndian.Uint16(b.body[18:]))
	p := soundPackets[b.typ]
	switch b.typ {
	case "raw ", "NONE", "twos", "sowt":
		p.bytes = (bits + 7) / 8
	}
	p = packets{max(p.moments, 1), channels * p.bytes}
	rest := b.body[fixed:]
	if version == 0 {
		n, ok := p.readLayout(layout, rest)
		if !ok {
			return false
		}
		rest = rest[n:]
	}
	if t.entries == 1 {
		t.frames = p
	} else if p != t.frames {
		t.frames = packets{}
	}
	return keepRead(b.typ, rest, soundEntryBoxes)
}

// readLayout redacts the fields that QuickTime adds to a description of sound in a layout, at the start of b, and reads the
// packets that they tell. ok is false if they are invalid.
func (p *packets) readLayout(layout uint16, b []byte) (n int, ok bool) {
	const more1, more2 = 16, 36
	u32 := func(at int) uint64 { return uint64(binary.BigEndian.Uint32(b[at:])) }
	switch {
	case layout == 0:
		return 0, true
	case layout == 1 && len(b) >= more1 && areSmall(b[:more1]):
		if moments, bytes := u32(0), u32(8); moments > 0 && bytes > 0 && (moments > 1 || p.bytes == 0) {
			*p = packets{moments, bytes}
		}
		return more1, true
	case layout == 2 && len(b) >= more2:
		const most, negativeFlags = 1 << 13, 1 << 31 // flags: those of numbers, or none at all
		rate, flags := b[4:12], u32(24)&^negativeFlags
		if !isFraction(rate) || u32(12) > 255 || u32(16) != 0x7F000000 || u32(20) > 255 || flags >= most || !areLow(b[28:more2]) {
			return 0, false
		}
		*p = packets{u32(32), u32(28)}
		binary.BigEndian.PutUint32(b, 72)
		return more2, true
	}
	return 0, false
}

// soundEntryBoxes are soundBoxes and wave.
var soundEntryBoxes = func() boxRules {
	rules := maps.Clone(soundBoxes)
	rules["wave"] = func(b *box) bool { return keepConfigured(b.body, waveBoxes) }
	return rules
}()

// atMostBytes returns a function that keeps a box of at most n bytes, which are numbers.
func atMostBytes(n int) func(*box) bool { return func(b *box) bool { return len(b.body) <= n } }

// mendDTS clears in ddts (ETSI TS 102 114, E.2.2.3) a depth of samples that isn't one, and reserved bits.
func mendDTS(b []byte) {
	if b[12] > 32 {
		b[12] = 0
	}
	b[19] &= 0xC0
}

// opaque is atMostBytes for what is no text, of which no more is known.
func opaque(n int) func(*box) bool {
	return func(b *box) bool { return len(b.body) <= n && !isText(b.body) }
}

// numbersOf is atMostBytes for numbers of 4 bytes.
func numbersOf(n int) func(*box) bool {
	return func(b *box) bool { return len(b.body) <= n && len(b.body)%4 == 0 && areLow(b.body) }
}

// keepTables keeps the tables of JPEGs that have none of their own, after a version (QuickTime, "Video Sample Description
// Extensions"), or as many bytes that are no text.
func keepTables(marker byte, most int) func(*box) bool {
	return func(b *box) bool {
		n := 0
		if len(b.body) > 4 {
			n = tableLength(marker, b.body[4:])
		}
		if n == 0 {
			return opaque(most)(b)
		}
		clear(b.body[:4])
		clearFrom(b.body, 4+n)
		return true
	}
}

// keepAPV keeps apvC (APV in ISOBMFF): for each type of frame, a profile, a level, a size, and what colors and samples are.
func keepAPV(b *box) bool {
	f := fields{b: b.body}
	f.skip(5)
	for entries := f.uint(1); entries > 0 && !f.over; entries-- {
		f.skip(1)
		for frames := f.uint(1); frames > 0 && !f.over; frames-- {
			colors := f.uint(1) & 2
			f.skip(3)
			if width, height := f.uint(4), f.uint(4); max(width, height) > 1<<16 {
				return false
			}
			f.skip(2)
			if colors != 0 {
				f.skip(4)
			}
		}
	}
	if f.over {
		return false
	}
	clear(b.body[:4])
	return b.cut(f.at)
}

// keepSorenson keeps the header of a sequence in SVQ3: its name, its length, and bits.
func keepSorenson(b *box) bool {
	f := fields{b: b.body}
	f.skip(4)
	n := f.uint(4)
	if f.over || string(b.body[:4]) != "SEQH" || n > 64 || int(n) > f.left() {
		return false
	}
	clearFrom(b.body, f.at+int(n))
	return !isText(b.body[f.at:][:n])
}

// keepMPEGH keeps mhaC (23008-3, 20.5.2): three numbers, a length, and the configuration.
func keepMPEGH(b *box) bool {
	f := fields{b: b.body}
	f.skip(3)
	n := int(f.uint(2)) //nolint:gosec // G115: 16 bits
	f.skip(n)
	clearFrom(b.body, f.at)
	return !f.over && n <= 1<<10 && !isText(b.body[f.at-n:f.at])
}

// keepLayered keeps lhvC, the parameter sets of the layers of HEVC (14496-15, 9.5.3).
func keepLayered(b *box) bool {
	const head = 5
	return len(b.body) > head && b.keepSets(head, isHEVCSet)
}

// keepH263 keeps d263 (3GPP TS 26.244, 6.8): the version, level and profile, then the bit rates.
func keepH263(b *box) bool {
	if len(b.body) < 7 {
		return false
	}
	clear(b.body[:4])
	keepFirst(b.body[7:], boxRules{"bitr": shape(8)})
	return true
}

// keepOpus keeps dOps (Opus in ISOBMFF, 4.3.2), or OpusHead after its name (RFC 7845, 5.1), which has another order of bytes.
func keepOpus(b *box, order binary.ByteOrder) bool {
	if len(b.body) < 11 {
		return false
	}
	n := 11
	if b.body[10] != 0 {
		n += 2 + int(b.body[1])
	}
	if len(b.body) < n || !isOpusMapping(b.body[1], b.body[11:n]) {
		return false
	}
	clear(b.body[n:])
	if rate := b.body[4:8]; order.Uint32(rate) >= 1<<24 { // of what was encoded, for information
		clear(rate)
	}
	return true
}

// isOpusMapping reports whether b maps channels to those of streams (RFC 7845, 5.1.1): the number of streams, that of those with
// two channels, then for each channel a number, 255 for silence. b is empty if the channels are in order.
func isOpusMapping(channels byte, b []byte) bool {
	if len(b) == 0 {
		return true
	}
	most := int(b[0]) + int(b[1])
	return most <= int(channels) && !slices.ContainsFunc(b[2:], func(c byte) bool { return int(c) >= most && c != 255 })
}

// keepFLAC keeps dfLa (FLAC in ISOBMFF, 3.3.2): the stream's format. The other blocks of metadata, such as comments, become
// padding.
func keepFLAC(b *box) bool {
	f := fields{b: b.body}
	f.skip(4)
	for f.left() >= 4 && !f.over {
		head := f.at
		typ := f.uint(1)
		size := int(f.uint(3)) //nolint:gosec // G115: 24 bits
		f.skip(size)
		if f.over {
			return false
		}
		if typ&127 == 0 && size == 34 {
			keepStreamInfo(b.body[f.at-size : f.at])
		} else {
			b.body[head] = b.body[head]&128 | 1
			clear(f.b[f.at-size : f.at])
		}
		if typ&128 != 0 {
			break
		}
	}
	clear(b.body[:min(4, len(b.body))])
	clear(b.body[min(f.at, len(b.body)):])
	return f.at >= 4+4+34
}

// keepStreamInfo keeps the format of a FLAC stream (RFC 9639, 8.2), without the sizes of frames and the checksum of the original.
func keepStreamInfo(b []byte) bool {
	if len(b) != 34 {
		return false
	}
	clear(b[4:10])
	clear(b[18:])
	return true
}

// keepALAC keeps Apple's description of lossless sound, after its layout of channels too.
func keepALAC(b *box) bool {
	switch n := len(b.body); {
	case n < 28:
		return n == 4 // in wave, a name
	case !areSmall(b.body[4:8]) || b.body[9] > 32 || b.body[13] > 64 || !areLow(b.body[16:28]): // the length of a frame, bits, channels, rates
		return false
	case n >= 28+24 && string(b.body[32:36]) == "chan": // after a version, a layout with a number
		if !areSmall(b.body[40:44]) {
			return false
		}
		clear(b.body[36:40])
		clear(b.body[44:])
	default:
		clear(b.body[28:])
	}
	return true
}

// keepEAC3 keeps dec3 (ETSI TS 102 366, F.6).
func keepEAC3(b *box) bool {
	f := fields{b: b.body}
	for n := f.uint(2)&7 + 1; n > 0; n-- {
		if id := f.uint(2) >> 9 & 31; id != 6 && id < 8 || id > 16 { // the version of the coding
			return false
		}
		if f.uint(1)>>1&15 > 0 {
			f.skip(1)
		}
	}
	if f.over {
		return false
	}
	if f.left() >= 2 && b.body[f.at]&0xFE == 0 { // the extension for objects (Atmos)
		f.skip(2)
	}
	clear(b.body[f.at:])
	return true
}

// keepSpeakers keeps chan (Core Audio Format), a layout with a number of descriptions.
func keepSpeakers(b *box) bool {
	if !keepCounted(b, 12, 20) {
		return false
	}
	clear(b.body[:4])
	n := int(binary.BigEndian.Uint32(b.body[12:]))
	if !areSmall(b.body[4:8]) || !areLow(b.body[8:12]) {
		return false
	}
	for x := b.body[16:][:20*n]; len(x) > 0; x = x[20:] { // a label, flags and coordinates
		if !areSmall(x[:4]) || !areSmall(x[4:8]) || !areCoordinates(x[8:20]) {
			return false
		}
	}
	return true
}

// keepCube keeps cbmp (Spherical Video V2): the layout of a cube's faces, and what is around them.
var keepCube = small(4, 12, shape(1, -3, 8))

// keepBounds keeps equi (Spherical Video V2), the parts of the picture that aren't shown, as fractions of 32 bits. The last 16
// tell less than a pixel.
func keepBounds(b *box) bool {
	if !shape(1, -3, 16)(b) {
		return false
	}
	for x := b.body[4:20]; len(x) > 0; x = x[4:] {
		if x[2] != 0xFF || x[3] != 0xFF {
			clear(x[2:4])
		}
	}
	return true
}

// keepLayout keeps chnl (14496-12, 12.2.4): a layout with a number and a map of the channels that it lacks, or the places of
// loudspeakers, which have small numbers (23091-3).
func keepLayout(b *box) bool {
	const head, loudspeakers, maxLoudspeakers = 4 + 1, 44, 64
	if len(b.body) <= head || b.body[0] > 1 || b.body[head-1] > 3 {
		return false
	}
	clear(b.body[1:4])
	f := fields{b: b.body, at: head}
	if f.uint(1) != 0 {
		if f.uint(8) >= 1<<32 { // no layout has so many
			return false
		}
		clearFrom(b.body, f.at+1)
		return true
	}
	for n := 0; f.left() > 0; n++ {
		switch at := f.uint(1); {
		case at == 126: // an azimuth and an elevation follow, in degrees
			azimuth, elevation := int16(f.uint(2)), int8(f.uint(1)) //nolint:gosec // G115: signed numbers
			if azimuth < -180 || azimuth > 180 || elevation < -90 || elevation > 90 {
				return false
			}
		case at > loudspeakers && at != 127 || n > maxLoudspeakers:
			return false
		}
	}
	return !f.over
}

// keepAmbisonics keeps SA3D (Spatial Audio RFC).
func keepAmbisonics(b *box) bool {
	return keepCounted(b, 8, 4) && areSmall(b.body[2:6]) && areSmall(b.body[8:])
}

// keepCounted keeps the first bytes of a body, the number that follows them, and as many entries of that size.
func keepCounted(b *box, first, size int) bool {
	f := fields{b: b.body}
	f.skip(first)
	n := f.uint(4)
	if f.over || n > uint64(f.left()/size) { //nolint:gosec // G115: no less than 0
		return false
	}
	clear(b.body[f.at+size*int(n):]) //nolint:gosec // G115: checked
	return true
}

// decoderTypes are the types of streams in esds (14496-1, 7.2.6.6; MP4 registration authority) whose configuration is
// numbers: video, JPEG, PNG, AAC, MPEG audio, AC-3, DTS, Opus, QCELP, Vorbis.
var decoderTypes = []uint64{
	0x20, 0x21, 0x23, 0x40, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6E,
	0x6D, 0xA0, 0xA1, 0xA3, 0xA4, 0xA5, 0xA6, 0xA9, 0xAA, 0xAB, 0xAC, 0xAD, 0xB1, 0xE1, vorbisDecoder,
}

// vorbisDecoder is the type of a stream of Vorbis, whose configuration is as in Matroska.
const vorbisDecoder = 0xDD

// keepDecoder keeps esds (14496-14, 5.6): the descriptor of the stream with those of the decoder and of its
// configuration. Others, such as languages and rights, go.
func keepDecoder(b *box) bool {
	decoder, rest, ok := findDecoder(b.body)
	if !ok || len(decoder) < 13 || !slices.Contains(decoderTypes, uint64(decoder[0])) {
		return false
	}
	clear(b.body[:4])
	if !areLow(decoder[5:13]) { // the bit rates
		clear(decoder[5:13])
	}
	if sl, after, ok := descriptor(rest, 6); ok {
		clearFrom(sl, 1)
		clear(after)
	} else {
		clear(rest)
	}
	info, after, ok := descriptor(decoder[13:], 5)
	switch {
	case !ok:
		clear(decoder[13:])
		return true
	case decoder[0] == vorbisDecoder:
		if !keepXiph(info) {
			return false
		}
	case decoder[0] == 0x40, 0x66 <= decoder[0] && decoder[0] <= 0x68: // AAC
		clearFrom(info, keepAudioConfig(info))
	case decoder[0] == 0x20, 0x60 <= decoder[0] && decoder[0] <= 0x65, decoder[0] == 0x6A:
		trimUnits(info, mpegUnit)
	case decoder[0] == 0x21:
		clearFrom(info, keepPictureConfiguration("H264", info))
	case decoder[0] == 0x23:
		clearFrom(info, keepPictureConfiguration("HEVC", info))
	default: // others need none
		clear(info)
	}
	clear(after)
	return true
}

// findDecoder returns the descriptor of the decoder in the body of esds, and what follows it in that of the stream. It clears
// what follows that.
func findDecoder(b []byte) (decoder, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	stream, rest, ok := descriptor(b[4:], 3)
	if !ok || len(stream) < 3 {
		return nil, nil, false
	}
	clear(rest)
	f := fields{b: stream}
	f.skip(2)
	flags := f.uint(1)
	if flags&0x40 != 0 { // a URL
		return nil, nil, false
	}
	if flags&0x80 != 0 {
		f.skip(2)
	}
	if flags&0x20 != 0 {
		f.skip(2)
	}
	if f.over {
		return nil, nil, false
	}
	return descriptor(stream[f.at:], 4)
}

// decoderType returns the type of the stream in the body of esds, 0 if it can't be told.
func decoderType(b []byte) byte {
	decoder, _, _ := findDecoder(b)
	if len(decoder) == 0 {
		return 0
	}
	return decoder[0]
}

// descriptor returns the body of the descriptor with a tag at the start of b, and what follows it (14496-1, 8.3.3). One that
// claims to be longer than what it is in ends there, as players have it.
func descriptor(b []byte, tag byte) (body, rest []byte, ok bool) {
	f := fields{b: b}
	if f.uint(1) != uint64(tag) {
		return nil, nil, false
	}
	n := uint64(0)
	for range 4 {
		v := f.uint(1)
		n = n<<7 | v&127
		if v < 128 {
			break
		}
	}
	if f.over {
		return nil, nil, false
	}
	n = min(n, uint64(f.left())) //nolint:gosec // G115: no less than 0
	return b[f.at:][:n], b[f.at:][n:], true
}

// keepRatio keeps pasp (14496-12, 12.1.4), two small numbers.
func keepRatio(b *box) bool { return b.cut(8) && areSmall(b.body) }

// keepWebMMastering keeps SmDm (VP9 in ISOBMFF), which is mdcv in other units.
func keepWebMMastering(b *box) bool {
	return shape(1, -3, 24)(b) && isWebMMastering(b.body[4:])
}

// isWebMMastering is isMastering for other units, as WebM and AV1 have them.
func isWebMMastering(x []byte) bool {
	return areChromaticities(x, 1<<15) && areLow(x[16:24])
}

// keepAvidRange keeps ACLR, which says whether the levels are those of film or of video.
func keepAvidRange(b *box) bool {
	return shape(12, -4)(b) && string(b.body[:8]) == "ACLR0001" && areSmall(b.body[8:12])
}

// encoders are the texts of encoders that decoders look for, since they decode the pictures of some in another way.
var encoders = regexp.MustCompile(`^(Lavc[0-9.]{1,16}|XviD[0-9]{4}C?|DivX[0-9]{1,6}([Bb]uild|b)[0-9]{1,6}p?)\x00*$`)
