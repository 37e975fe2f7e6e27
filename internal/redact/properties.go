package redact

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// properties maps the boxes in ipco that describe a picture to functions that redact
// them: they keep the fields that there are by the syntax, shorten the body to these, and return false for a box that
// isn't valid.
var properties = boxRules{
	// how it is coded
	"hvcC": keepHEVC, "av1C": keepAV1, "avcC": keepAVC, "vvcC": keepVVC, "evcC": keepEVC, "j2kH": keepJ2K,
	"uncC": keepUncompressed, "cmpd": keepComponents, "cmpC": full(5), "icef": keepUnits, "mskC": full(1), "iscl": full(8),
	"a1op": plain(1), "a1lx": keepLayers, "lsel": plain(2),
	// how large it is, and how to show it
	"ispe": small(4, 12, full(8)), "pixi": keepPixi, "pasp": keepRatio, "clap": keepAperture, "irot": masked(3), "imir": masked(1), "rloc": small(4, 12, full(8)),
	"colr": keepColr, "clli": plain(4), "mdcv": keepMastering, "amve": low(0, 4, plain(8)), "ndwt": full(4),
	"auxC": keepAuxC, "auxi": keepAuxC,
	// of a stereo pair, how the cameras see it
	"cmin": keepIntrinsics, "cmex": keepExtrinsics, "uuid": keepCamera,
}

// codingProperties are the properties of some types of items only: others' decoders don't read them.
var codingProperties = map[string][]string{
	"hvcC": {"hvc1", "hvt1"}, "av1C": {"av01"}, "avcC": {"avc1"}, "vvcC": {"vvc1"}, "evcC": {"evc1"}, "j2kH": {"j2k1"}, "mskC": {"mski"},
	"uncC": {"unci", "mski"}, "cmpd": {"unci", "mski"}, "cmpC": {"unci", "mski"}, "icef": {"unci", "mski"}, "a1op": {"av01"}, "a1lx": {"av01"},
}

// cut shortens the body of a box to n bytes, and clears the rest of it; ok is false if it is shorter.
func (b *box) cut(n int) (ok bool) {
	if n > len(b.body) {
		return false
	}
	clear(b.body[n:])
	b.body = b.body[:n]
	return true
}

// plain returns a function that keeps a box with fields of n bytes.
func plain(n int) func(*box) bool { return func(b *box) bool { return b.cut(n) } }

// full returns a function that keeps a box with a version, flags, and fields of n bytes.
func full(n int) func(*box) bool { return func(b *box) bool { return b.fullHead() && b.cut(4+n) } }

// fullHead clears the flags; ok is false if the version isn't 0.
func (b *box) fullHead() (ok bool) {
	if len(b.body) < 4 || b.body[0] != 0 {
		return false
	}
	clear(b.body[1:4])
	return true
}

// masked returns a function that keeps some bits of a box's only byte.
func masked(bits byte) func(*box) bool {
	return func(b *box) bool {
		if !b.cut(1) {
			return false
		}
		b.body[0] &= bits
		return true
	}
}

// keepPixi keeps the number of channels and the bits of each (23008-12, 6.5.6), up to 32.
func keepPixi(b *box) bool {
	return b.fullHead() && len(b.body) > 4 && b.cut(5+int(b.body[4])) && !slices.ContainsFunc(b.body[5:], func(bits byte) bool { return bits > 32 })
}

// keepAperture keeps the part of the picture to show (14496-12, 12.1.4), fractions of small numbers.
func keepAperture(b *box) bool { return b.cut(32) && areSmall(b.body) }

// keepIntrinsics keeps the focal length and the principal point of a camera (23008-12, CameraIntrinsicMatrixProperty).
func keepIntrinsics(b *box) bool {
	if len(b.body) < 4 || b.body[0] != 0 {
		return false
	}
	for i, mask := range []byte{0x1F, 0x1F, 1} { // denominators, and whether the focal length differs across
		b.body[1+i] &= mask
	}
	if !b.cut(4 + 3*4 + 2*4*int(b.body[3])) {
		return false
	}
	mendLengths(b.body[4:])
	return true
}

// keepExtrinsics keeps the position and the rotation of a camera to the others of its group (23008-12,
// CameraExtrinsicMatrixProperty), without the number of the world that they are in.
func keepExtrinsics(b *box) bool {
	if len(b.body) < 4 || b.body[0] != 0 {
		return false
	}
	clear(b.body[1:3])
	b.body[3] &= 0x1F
	flags := b.body[3]
	place := 4 + 4*bits.OnesCount8(flags&7)
	n := place
	if flags&8 != 0 {
		n += 3 * (2 << (flags >> 4))
	}
	if !b.cut(n) {
		return false
	}
	mendLengths(b.body[4:place])
	if flags>>4 == 1 { // 4 bytes for each angle
		mendLengths(b.body[place:])
	}
	return true
}

// cameras are the types of Apple's uuid boxes: cmin, cmex, and how far to shift the pictures for the eyes.
var cameras = map[string]func(*box) bool{
	"\x22\xCC\x04\xC7\xD6\xD9\x4E\x07\x9D\x90\x4E\xB6\xEC\xBA\xF3\xA3": keepIntrinsics,
	"\x43\x63\xE9\x14\x5B\x7D\x4A\xAB\x97\xAE\xBE\xA6\x98\x03\xB4\x34": keepExtrinsics,
	"\xDE\x22\x50\x85\x36\xCB\x43\x65\x87\x43\x2F\x87\x05\xE7\xC7\x8A": plain(4),
}

// uuidLen is the length of the type of a uuid box.
const uuidLen = 16

func keepCamera(b *box) bool {
	if len(b.body) < uuidLen {
		return false
	}
	keep, fields := cameras[string(b.body[:uuidLen])], box{body: b.body[uuidLen:]}
	return keep != nil && keep(&fields) && b.cut(uuidLen+len(fields.body))
}

// keepMastering keeps the display that the picture was made on (14496-12, 12.1.6).
func keepMastering(b *box) bool { return b.cut(24) && isMastering(b.body) }

// isMastering reports whether b describes a display (SMPTE ST 2086): its chromaticities, then the highest and the lowest
// luminance. Other numbers could be anything.
func isMastering(b []byte) bool {
	highest, lowest := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	return areChromaticities(b, 25_000) && highest < 1<<27 && lowest < 1<<24
}

// areChromaticities reports whether b starts with those of a display's primaries and of white, in which half is 0.5. HEVC has
// green first and PNG red, which many writers mix up. All zero means unknown (CTA-861-G).
func areChromaticities(b []byte, half uint16) bool {
	const primaries = 3
	var seen [primaries]bool
	unknown := true
	for i := range primaries + 1 {
		x, y := binary.BigEndian.Uint16(b[4*i:]), binary.BigEndian.Uint16(b[4*i+2:])
		unknown = unknown && x == 0 && y == 0
		switch {
		case i == primaries:
			return unknown || seen == [primaries]bool{true, true, true} && x < half && y < half
		case x >= half:
			seen[0] = true
		case y >= half:
			seen[1] = true
		case y <= half/5*2:
			seen[2] = true
		}
	}
	return false
}

// keepColr keeps a color space given by numbers or by an ICC profile (14496-12, 12.1.5).
func keepColr(b *box) bool {
	if len(b.body) < 4 {
		return false
	}
	switch string(b.body[:4]) {
	case "nclx":
		if !b.cut(11) {
			return false
		}
		b.body[10] &= 0x80
		return areCodePoints(b.body[4:10])
	case "nclc":
		return b.cut(10) && areCodePoints(b.body[4:])
	case "prof", "rICC":
		return cleanICC(b.body[4:])
	}
	return false
}

// areCodePoints reports whether numbers of 16 bits can be code points of colors (23091-2), of which there are 256.
func areCodePoints(b []byte) bool {
	for ; len(b) >= 2; b = b[2:] {
		if b[0] != 0 {
			return false
		}
	}
	return true
}

// keepVolume keeps a content color volume (14496-12, 12.1.8).
func keepVolume(b *box) bool {
	if len(b.body) == 0 {
		return false
	}
	b.body[0] &= 0x3C
	n := 1
	for i, size := range [...]int{24, 4, 4, 4} {
		if b.body[0]>>(5-i)&1 == 1 {
			n += size
		}
	}
	return b.cut(n) && (b.body[0]&0x20 == 0 || areSmall(b.body[1:25])) && !isText(b.body)
}

// keepVivid keeps the versions of HDR Vivid that a film has (T/UWA 005.2-1): a bit for each, and of whom, which is 4, the newest.
func keepVivid(b *box) bool {
	return len(b.body) >= 6 && string(b.body[2:5]) == "\x00\x04\x00" && shape(6, -16)(b)
}

// keepLayers keeps the sizes of the layers (AVIF, 2.3.2.3).
func keepLayers(b *box) bool {
	if len(b.body) == 0 {
		return false
	}
	b.body[0] &= 1
	return b.cut(1+3*(2+2*int(b.body[0]))) && (b.body[0] == 0 || areLow(b.body[1:]))
}

// auxiliary are the known types of auxiliary pictures (23008-12, 6.5.8; MIAF; AVIF).
var auxiliary = []string{
	"urn:mpeg:avc:2015:auxid:1", "urn:mpeg:avc:2015:auxid:2", "urn:mpeg:hevc:2015:auxid:1", "urn:mpeg:hevc:2015:auxid:2",
	"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", "urn:mpeg:mpegB:cicp:systems:auxiliary:depth",
	"urn:iso:std:iso:ts:21496:-1",
}

// apples are Apple's names of auxiliary pictures. Before them are a year, in which Apple moves them to another
// namespace at times, and ":aux:".
var (
	applesSpaces = []string{"urn:com:apple:photo:", "tag:apple.com,"}
	apples       = []string{
		"hdrgainmap", "portraiteffectsmatte", "semanticskinmatte", "semantichairmatte", "semanticteethmatte",
		"semanticglassesmatte", "semanticskymatte", "styledeltamap", "linearthumbnail", "disparity", "depth",
	}
)

// isAuxiliary reports whether the type of an auxiliary picture is known.
func isAuxiliary(name string) bool {
	if slices.Contains(auxiliary, name) {
		return true
	}
	for _, space := range applesSpaces {
		rest, ok := strings.CutPrefix(name, space)
		if !ok || len(rest) < 4 || strings.Trim(rest[:4], "0123456789") != "" {
			continue
		}
		rest = strings.TrimPrefix(rest[4:], ":photo")
		if rest, ok = strings.CutPrefix(rest, ":aux:"); ok {
			return slices.Contains(apples, rest)
		}
	}
	return false
}

// keepAuxC keeps an auxiliary picture's type if it is known, without the subtypes after it, which can have
// any SEI message.
func keepAuxC(b *box) bool {
	if !b.fullHead() {
		return false
	}
	name, _, ended := bytes.Cut(b.body[4:], []byte{0})
	return ended && isAuxiliary(string(name)) && b.cut(4+len(name)+1)
}

// keepHEVC keeps the parameter sets of HEVC (14496-15, 8.3.2), and SEI messages about color.
func keepHEVC(b *box) bool {
	const head = 22
	if len(b.body) == 0 { // the samples have the parameter sets
		return true
	}
	if len(b.body) <= head || b.body[0] > 1 {
		return false
	}
	clear(b.body[8:11]) // of the constraints, bits that are reserved
	b.body[11] &= 1
	for i, ones := range [...]byte{13: 0xF0, 15: 0xFC, 16: 0xFC, 17: 0xF8, 18: 0xF8} { // reserved
		if b.body[i]&ones != ones {
			b.body[i] &^= ones
		}
	}
	return b.keepSets(head, isHEVCSet)
}

// isHEVCSet reports whether a unit of HEVC in an array of a type stays.
func isHEVCSet(array byte, unit []byte) bool {
	switch array & 0x3F {
	case 32: // VPS, with 16 reserved bits
		return len(unit) > 5 && unit[0]>>1 == 32 && unit[4] == 0xFF && unit[5] == 0xFF
	case 33: // SPS, with a profile, but for one of another layer
		return len(unit) > 3 && unit[0]>>1 == 33 && (unit[0]&1 != 0 || unit[1]>>3 != 0 || unit[3]>>6 == 0 && unit[3]&0x1F <= 16)
	case 34: // PPS
		return len(unit) > 2 && unit[0]>>1 == 34
	case 39, 40: // SEI
		return len(unit) > 2 && unit[0]>>1 == array&0x3F && isColorSEI(unit[2:])
	}
	return false
}

// keepEVC keeps the parameter sets of EVC (14496-15, 12.3.3).
func keepEVC(b *box) bool {
	const head = 17
	return len(b.body) > head && b.body[0] == 1 && !isText(b.body[:head]) && b.keepSets(head, func(array byte, unit []byte) bool {
		n := array & 0x3F
		return 24 <= n && n <= 26 && len(unit) > 2 && unit[0]>>1&0x3F == n+1 // SPS, PPS, APS
	})
}

// keepVVC keeps the parameter sets of VVC (14496-15, 11.2.4).
func keepVVC(b *box) bool {
	if !b.fullHead() {
		return false
	}
	f := fields{b: b.body}
	f.skip(4)
	if f.uint(1)&1 == 1 { // there is a profile, tier and level
		layers := int(f.uint(2)>>4) & 7
		f.skip(1)
		constraints := int(f.uint(1) & 0x3F)
		f.skip(2 + constraints)
		if constraints > 11 { // 71 flags, a length, and reserved bits
			return false
		}
		if layers > 1 {
			for present := f.uint(1); present != 0; present &= present - 1 {
				f.skip(1)
			}
		}
		profiles := int(f.uint(1)) //nolint:gosec // G115: a byte
		if profiles > 1 {          // registered by others
			return false
		}
		f.skip(4 * profiles)
		f.skip(2 + 2 + 2)
	}
	return !f.over && !isText(b.body[4:f.at]) && b.keepSets(f.at, func(array byte, unit []byte) bool {
		n := array & 0x1F
		return 12 <= n && n <= 18 && len(unit) > 2 && unit[1]>>3 == n // OPI, DCI, VPS, SPS, PPS, APS
	})
}

// keepSets keeps those NAL units of the arrays at an offset that keep selects. The arrays are preceded by their
// number, each by its type and the number of its units, and each unit by its length.
func (b *box) keepSets(at int, keep func(array byte, unit []byte) bool) bool {
	f := fields{b: b.body, at: at}
	arrays := f.uint(1)
	if f.over {
		return false
	}
	kept, out := byte(0), b.body[:f.at]
	for ; arrays > 0; arrays-- {
		typ := byte(f.uint(1)) //nolint:gosec // G115: a byte
		begin := len(out)
		single := b.typ == "vvcC" && (typ&0x1F == 12 || typ&0x1F == 13) // OPI and DCI
		units, n := uint64(1), uint16(0)
		if !single {
			units = f.uint(2)
		}
		if f.over {
			return false
		}
		out = append(out, typ) // never beyond what was read
		if !single {
			out = append(out, 0, 0)
		}
		for ; units > 0; units-- {
			size := int(f.uint(2)) //nolint:gosec // G115: 16 bits
			f.skip(size)
			if f.over {
				return false
			}
			if unit := b.body[f.at-size : f.at]; keep(typ, unit) {
				out = append(out, b.body[f.at-size-2:f.at]...)
				n++
			}
		}
		if n == 0 {
			out = out[:begin]
			continue
		}
		if !single {
			binary.BigEndian.PutUint16(out[begin+1:], n)
		}
		kept++
	}
	out[at] = kept
	return b.cut(len(out))
}

// isColorSEI reports whether all messages of an SEI are about color (23008-2, D.2): the mastering display, the light
// level, the transfer function, the ambient light, and the content's volume; or about alpha and 3D displays, in videos.
func isColorSEI(b []byte) bool {
	b = bytes.ReplaceAll(b, []byte{0, 0, 3}, []byte{0, 0})
	for len(b) > 1 {
		typ, size := b[0], int(b[1])
		if 2+size > len(b) {
			return false
		}
		x := b[2:][:size]
		known := typ == 137 && size == 24 && isMastering(x) || typ == 144 && size == 4 || typ == 147 && size == 1 ||
			typ == 148 && size == 8 && areLow(x[:4]) || typ == 165 && size <= 8 || typ == 176 && areDisplays(x)
		if !known {
			return false
		}
		b = b[2+size:]
	}
	return len(b) == 1 && b[0] == 0x80
}

// isAVCSet reports whether a unit can be a parameter set of a stream of a profile (14496-10, 7.3.2): that of a sequence says
// the profile again, or another one, and a level; that of a picture has no more than tables.
func isAVCSet(unit []byte, profile uint64) bool {
	const longest = 1 << 10
	if unit[0]&31 != spsUnit {
		return len(unit) <= longest
	}
	profiles := []uint64{profile, 44, 66, 77, 83, 86, 88, 100, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244}
	return len(unit) <= longest && (len(unit) < 4 || slices.Contains(profiles, uint64(unit[1])) && unit[2]&3 == 0 && unit[3] <= 62)
}

// areDisplays reports whether b is about the displays that a 3D picture is made for (23008-2, G.14.2.4), with nothing after it.
func areDisplays(b []byte) bool {
	const most = 4
	r := bitReader{b: b}
	mantissa := func(precision uint64) {
		if exponent := r.read(6); exponent == 0 {
			r.read(int(max(precision, 30) - 30)) //nolint:gosec // G115: small
		} else {
			r.read(int(max(exponent+precision, 31) - 31)) //nolint:gosec // G115: small
		}
	}
	width, distance := r.golomb(), uint64(0)
	far := r.read(1) == 1
	if far {
		distance = r.golomb()
	}
	n := r.golomb()
	if width > 31 || distance > 31 || n >= most {
		return false
	}
	for ; n != ^uint64(0) && !r.over; n-- {
		r.golomb()
		r.golomb()
		mantissa(width)
		if far {
			mantissa(distance)
		}
		if r.read(1) == 1 {
			r.read(10)
		}
	}
	return r.read(1) == 0 && !r.over && (r.at+7)/8 == len(b)
}

// keepAVC keeps the parameter sets of AVC (14496-15, 5.3.3).
func keepAVC(b *box) bool {
	if len(b.body) == 0 { // the samples have the parameter sets
		return true
	}
	if len(b.body) < 7 || b.body[0] != 1 {
		return false
	}
	f := fields{b: b.body}
	valid, profile := true, uint64(0)
	sets := func(n uint64, types ...byte) {
		for ; n > 0 && !f.over; n-- {
			size := int(f.uint(2)) //nolint:gosec // G115: 16 bits
			f.skip(size)
			valid = valid && (f.over || size == 0 || slices.Contains(types, f.b[f.at-size]&31) && isAVCSet(f.b[f.at-size:f.at], profile))
		}
	}
	const sps, pps, extension, subset = spsUnit, ppsUnit, 13, 15
	f.skip(1)
	profile = f.uint(1)
	f.skip(3)
	sets(f.uint(1)&0x1F, sps, subset)
	sets(f.uint(1), pps)
	if f.over || !valid {
		return false
	}
	end := f.at
	if slices.Contains([]uint64{100, 110, 122, 144}, profile) { // some writers leave these out
		f.skip(3)
		sets(f.uint(1), extension)
		if !f.over && valid {
			end = f.at
		}
	}
	return b.cut(end)
}

// keepAV1 keeps the first sequence header of AV1 (AV1 in ISOBMFF, 2.3.3), and metadata about color.
func keepAV1(b *box) bool {
	const longest = 128 // of a header, which has 7 to 40 bytes
	if len(b.body) < 4 || b.body[0] != 0x81 {
		return false
	}
	f := fields{b: b.body, at: 4}
	out := b.body[:4]
	sequence, light, display := false, false, false
	for f.left() > 0 {
		begin := f.at
		head := f.uint(1)
		if head&4 != 0 { // an extension
			f.skip(1)
		}
		size := f.left()
		if head&2 != 0 { // the size follows
			size = int(f.leb128(4)) //nolint:gosec // G115: 28 bits
		}
		at := f.at
		f.skip(size)
		if f.over || head&0x80 != 0 {
			break
		}
		keep := false
		switch x := b.body[at:f.at]; {
		case head>>3&15 == 1:
			keep, sequence = !sequence && 0 < size && size <= longest && x[0]>>5 == b.body[1]>>5, true // of the same profile
		case head>>3&15 != 5: // no metadata
		case size == 1+4+1 && x[0] == 1:
			keep, light = !light, true
		case size == 1+24+1 && x[0] == 2:
			keep, display = !display && isWebMMastering(x[1:]), true
		}
		if keep {
			out = append(out, b.body[begin:f.at]...)
		}
	}
	return b.cut(len(out))
}

// keepJ2K keeps the boxes of JPEG 2000's header (15444-16, 6.5).
var keepJ2K = only(jp2Header)

// keepComponents keeps the components of an uncompressed picture unless a URI names one (23001-17, 5.1).
func keepComponents(b *box) bool {
	f := fields{b: b.body}
	for n := f.uint(4); n > 0 && !f.over; n-- {
		if f.uint(2) >= ascii { // there are 20, and names
			return false
		}
	}
	return !f.over && b.cut(f.at)
}

// keepUncompressed keeps the layout of an uncompressed picture (23001-17, 5.2).
func keepUncompressed(b *box) bool {
	if len(b.body) >= 4 && b.body[0] == 1 { // a profile alone
		clear(b.body[1:4])
		return b.cut(8)
	}
	f := fields{b: b.body}
	f.skip(8)
	n := f.uint(4)
	if n > uint64(len(b.body)) || !full(4+4+5*int(n)+4+3*4+2*4)(b) { //nolint:gosec // G115: checked
		return false
	}
	for range n { // an index, bits, a format and an alignment
		if f.uint(2) >= n || f.uint(1) > 255 || f.uint(1) > 3 || f.uint(1) > 8 {
			return false
		}
	}
	return areLow(b.body[f.at+4:]) // sizes, after four numbers of a byte
}

// keepUnits keeps the places of the compressed units of a picture (23001-17, 6.3).
func keepUnits(b *box) bool {
	if !b.fullHead() || len(b.body) < 9 {
		return false
	}
	b.body[4] &= 0xFC
	offset, size := b.body[4]>>5, b.body[4]>>2&7
	n := uint64(binary.BigEndian.Uint32(b.body[5:]))
	if offset > 4 || size > 4 || n > uint64(len(b.body)) {
		return false
	}
	each := [...]int{0, 2, 3, 4, 8}[offset] + [...]int{1, 2, 3, 4, 8}[size]
	return b.cut(9+int(n)*each) && !isText(b.body[9:]) //nolint:gosec // G115: checked
}
