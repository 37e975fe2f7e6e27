package redact

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// Windows' structures WAVEFORMATEX and BITMAPINFOHEADER describe the sound and the pictures of an AVI, and those of Matroska and
// QuickTime whose codings come from Windows. The configuration of the decoder follows their fields: a few numbers, of those
// codings that need any.

// mendWords clears those numbers of 2 bytes that are two letters.
func mendWords(b []byte) {
	for ; len(b) >= 2; b = b[2:] {
		if isChunkID(b[:2]) {
			clear(b[:2])
		}
	}
}

// soundConfigurations has the lengths of the numbers after WAVEFORMATEX, by the number of the coding: IMA ADPCM, GSM, G.726,
// MPEG, MP3, WMA, ATRAC3.
var soundConfigurations = map[uint16]int{
	0x11: 2, 0x31: 2, 0x45: 2, 0x64: 2, 0x50: 14, 0x55: 12, 0x160: 4, 0x161: 10, 0x162: 18, 0x163: 18, 0x270: 14,
}

const (
	// coefficients are those of Microsoft's ADPCM, which are always the same.
	coefficients = "\x07\x00\x00\x01\x00\x00\x00\x02\x00\xFF\x00\x00\x00\x00\xC0\x00\x40\x00\xF0\x00\x00\x00\xCC\x01\x30\xFF\x88\x01\x18\xFF"
	// subFormat is what follows the number of a coding in its GUID.
	subFormat = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71"
)

// keepSoundFormat redacts WAVEFORMATEX, or WAVEFORMAT and PCMWAVEFORMAT, which are shorter, and returns the length of its
// fields with the configuration of the decoder.
func keepSoundFormat(b []byte) (n int) {
	const fields, short = 18, 14
	if len(b) < short {
		return 0
	}
	le := binary.LittleEndian
	for at := 2; at < min(len(b), 16); at += short - 2 { // channels, bits
		if at+1 < len(b) && b[at+1] != 0 {
			clear(b[at : at+2])
		}
	}
	mendLow(b[4:12])
	mendWords(b[12:14])
	if len(b) < fields {
		return min(len(b), 16)
	}
	more := b[fields:]
	more = more[:min(int(le.Uint16(b[16:])), len(more))]
	le.PutUint16(b[16:], uint16(len(more))) //nolint:gosec // G115: no more than before
	return fields + keepSoundConfiguration(le.Uint16(b), more)
}

// keepSoundConfiguration redacts what follows WAVEFORMATEX and returns the length of what stays.
func keepSoundConfiguration(coding uint16, b []byte) (n int) {
	switch coding {
	case 0x02: // ADPCM
		if len(b) < 2+len(coefficients) || string(b[2:][:len(coefficients)]) != coefficients {
			return 0
		}
		mendWords(b[:2])
		return 2 + len(coefficients)
	case 0xFF, 0x1600, 0xA106, 0x706D: // AAC
		return keepAudioConfig(b)
	case 0xF1AC:
		return lenIf(keepStreamInfo(b), b)
	case 0x704F:
		return lenIf(keepOpusHead(b), b)
	case 0xFFFE: // WAVEFORMATEXTENSIBLE: bits, loudspeakers, and the coding
		if len(b) < 22 || string(b[8:22]) != subFormat {
			return 0
		}
		mendWords(b[:2])
		mendLow(b[2:6])
		if coding := binary.LittleEndian.Uint16(b[6:]); coding != 0xFFFE {
			return 22 + keepSoundConfiguration(coding, b[22:])
		}
		return 22
	}
	if keepXiph(b) {
		return len(b)
	}
	n = min(soundConfigurations[coding], len(b))
	mendWords(b[:n])
	return lenIf(!isText(b[:n]), b[:n])
}

// lenIf returns the length of b if it stays, else 0.
func lenIf(stays bool, b []byte) int {
	if stays {
		return len(b)
	}
	return 0
}

// keepWaveFormat keeps the structure WAVEFORMATEX in a box.
func keepWaveFormat(b *box) bool {
	if len(b.body) < 18 {
		return len(b.body) == 4 // a name
	}
	clear(b.body[keepSoundFormat(b.body):])
	return true
}

// tableLengths are the codings whose decoders' tables follow BITMAPINFOHEADER, without saying how long they are, and the most bytes
// that they have.
var tableLengths = []struct {
	codings string
	most    int
}{
	{"HFYU FFVH", 4 << 10},
	{"FFV1", 4 << 10},
	{"LAGS", 4},
	{"ULRG ULRA ULY0 ULY2 ULY4 ULH0 ULH2 ULH4 UMRG UMRA UMY2 UMY4 UMH2 UMH4 UQRG UQRA UQY0 UQY2", 16},
	{"M8RG M8RA M8G0 M8Y0 M8Y2 M8Y4 M8YA", 32},
}

// keepDecoderTables returns how many bytes stay of the tables of a coding; ok is false if it has none of these.
func keepDecoderTables(coding string, b []byte) (n int, ok bool) {
	for i, x := range tableLengths {
		if !slices.Contains(strings.Fields(x.codings), coding) {
			continue
		}
		b = b[:min(len(b), x.most)]
		if i == 0 {
			return huffmanLen(b), true
		}
		return lenIf(!isText(b), b), true
	}
	return 0, false
}

// huffmanLen returns the length of HuffYUV's tables: 4 bytes, of which the second has the bits of a sample, then the lengths of
// codes, each with how often it occurs in a row. It is 4 if they aren't tables.
func huffmanLen(b []byte) int {
	const head, most = 4, 4
	if len(b) <= head {
		return len(b)
	}
	symbols := 256
	if b[3] != 0 { // FFmpeg's, with other samples
		symbols = 1 << (b[1]>>4 + 1)
	}
	at := head
	for range most {
		left, codes := symbols, 0.0 // all codes of a table together are 1
		n := at
		for left > 0 && n < len(b) {
			length, run := b[n]&31, int(b[n]>>5)
			if n++; run == 0 && n < len(b) {
				run = int(b[n])
				n++
			}
			if left -= run; run == 0 {
				break
			}
			if length > 0 {
				codes += float64(run) / float64(uint64(1)<<length)
			}
		}
		if left != 0 || codes != 1 {
			break
		}
		at = n
	}
	return at
}

// paletteCodings are the codings whose pictures can have a table of colors: none, and those that are made for screens.
var paletteCodings = []string{"\x00\x00\x00\x00", "\x01\x00\x00\x00", "\x02\x00\x00\x00", "DIB ", "RGB ", "RAW ", "RLE4", "RLE8", "CVID", "MSVC", "CRAM", "WHAM", "TSCC", "ZMBV", "KMVC", "AASC", "8BPS", "SMC "}

// hasPalette reports whether BITMAPINFOHEADER, of at least 40 bytes, is followed by a table of colors.
func hasPalette(b []byte) bool {
	return binary.LittleEndian.Uint16(b[14:]) <= 8 && slices.Contains(paletteCodings, bitmapCoding(b))
}

// keepBitmapInfo redacts BITMAPINFOHEADER, of at least 40 bytes, and returns the length of its fields with the configuration of
// the decoder and the colors that follow.
func keepBitmapInfo(b []byte) (n int) {
	const fields, most = 40, 4 << 10
	le := binary.LittleEndian
	mendLow(b[4:8])
	if height := b[8:12]; height[3] >= ascii && height[3] < negative {
		clear(height)
	}
	le.PutUint16(b[12:], 1) // planes
	if le.Uint16(b[14:]) >= ascii<<8 {
		le.PutUint16(b[14:], 24)
	}
	if !isChunkID(b[16:20]) {
		clear(b[17:20]) // of the first byte, the number of a coding
	}
	mendLow(b[20:40])
	size := le.Uint32(b)
	if size < fields || size > most {
		le.PutUint32(b, fields)
	}
	if n, ok := keepDecoderTables(bitmapCoding(b), b[fields:]); ok {
		return fields + n
	}
	n = fields + int(min(max(size, fields)-fields, most))
	n = min(n, len(b))
	kept := fields + keepPictureConfiguration(bitmapCoding(b), b[fields:n])
	clear(b[kept:n])
	if !hasPalette(b) {
		return kept
	}
	colors := b[n:]
	if used := le.Uint32(b[32:]); used == 0 || used > 256 {
		colors = colors[:min(len(colors), 4<<min(8, le.Uint16(b[14:])))]
	} else {
		colors = colors[:min(len(colors), 4*int(used))]
	}
	clearReserved(colors)
	return n + len(colors)
}

// clearReserved clears the fourth byte of each color in a table.
func clearReserved(colors []byte) {
	for ; len(colors) >= 4; colors = colors[4:] {
		colors[3] = 0
	}
}

// keepPictureConfiguration redacts what follows BITMAPINFOHEADER, but for colors, and returns the length of what stays.
func keepPictureConfiguration(coding string, b []byte) (n int) {
	switch coding {
	case "H264", "AVC1", "X264", "DAVC":
		x := box{body: b}
		if len(b) > 0 && b[0] == 1 {
			ok := keepAVC(&x)
			return lenIf(ok, x.body)
		}
		trimUnits(b, func(unit []byte) int {
			typ := unit[0] & 31
			return lenIf(typ == spsUnit || typ == ppsUnit, unit)
		})
		return len(b)
	case "HEVC", "H265", "X265", "HVC1", "HEV1":
		x := box{typ: "hvcC", body: b}
		if len(b) > 0 && b[0] == 1 {
			ok := keepHEVC(&x)
			return lenIf(ok, x.body)
		}
		trimUnits(b, func(unit []byte) int {
			return lenIf(isHEVCSet(unit[0]>>1, unit), unit)
		})
		return len(b)
	case "WVC1", "WMVA", "VC-1":
		trimUnits(b, func(unit []byte) int { // the headers of the sequence and of the entry point
			return lenIf((unit[0] == 0x0F || unit[0] == 0x0E) && len(unit) <= 64 && !isText(unit), unit)
		})
		return len(b)
	}
	if bytes.HasPrefix(b, []byte{0, 0, 1}) {
		trimUnits(b, mpegUnit)
		return len(b)
	}
	n = min(len(b), 28) // JPEGINFOHEADER is 7 numbers, others have flags in the first bytes
	if n > 4 {
		mendLow(b[4:n])
		clear(b[n&^3 : n])
	}
	return n
}

// The types of the parameter sets of AVC.
const spsUnit, ppsUnit = 7, 8

// trimUnits clears what isn't of the units that start codes of MPEG begin in b: keep returns how many bytes of one stay, of which
// the first is the last of the start code.
func trimUnits(b []byte, keep func(unit []byte) int) {
	start := []byte{0, 0, 1}
	other, rest, ok := bytes.Cut(b, start)
	clear(other)
	for ok {
		var unit []byte
		if unit, rest, ok = bytes.Cut(rest, start); len(unit) > 0 {
			clearFrom(unit, max(1, keep(unit)))
		}
	}
}

// mpegUnit returns how many bytes stay of a unit in the configuration of MPEG video (11172-2; 13818-2, 6.2; 14496-2, 6.2):
// the fields of the headers that decoders need, and the names of encoders.
func mpegUnit(unit []byte) int {
	const matrix = 64
	b := unit[1:]
	bit := func(i int) int {
		if i/8 >= len(b) {
			return 0
		}
		return int(b[i/8] >> (7 - i%8) & 1)
	}
	switch code := unit[0]; {
	case 0x20 <= code && code <= 0x2F: // a layer of MPEG-4
		layer := b[:layerLen(b)]
		return 1 + lenIf(!isText(layer), layer)
	case code == 0xB0: // the profile
		return 1 + 1
	case code == 0xB2 && encoders.Match(b):
		return len(unit)
	case code == 0xB3: // the sequence, with tables
		own := bit(62)
		return 1 + 8 + matrix*own + matrix*bit(63+8*matrix*own)
	case code == 0xB5 && len(b) > 0 && b[0]>>4 == 3: // tables
		return 1 + 1 + 4*matrix
	case code == 0xB5: // more of the sequence, or MPEG-4's object
		return 1 + 8
	case code == 0xB8: // a group of pictures: its time, which is the film's
		return 1 + 4
	}
	return 0
}

// layerLen returns how many bytes of b the header of a layer of MPEG-4 video takes (14496-2, 6.2.3). One with a shape, a sprite,
// estimates of complexity or a better layer has up to 160.
func layerLen(b []byte) int {
	most := min(len(b), 160)
	r := bitReader{b: b}
	r.read(1 + 8)
	version := uint64(1)
	if r.read(1) == 1 {
		version = r.read(4)
		r.read(3)
	}
	if r.read(4) == 15 { // the shape of a pixel
		r.read(16)
	}
	if r.read(1) == 1 && r.read(2+1+1)&1 == 1 { // buffers
		r.read(79)
	}
	if r.read(2) != 0 {
		return most
	}
	r.read(1)
	clock := r.read(16)
	r.read(1)
	if r.read(1) == 1 {
		r.read(max(1, bits.Len64(max(clock, 1)-1)))
	}
	r.read(1 + 13 + 1 + 13 + 1 + 1 + 1)
	if sprite := r.read(int(1 + min(version-1, 1))); sprite != 0 {
		return most
	}
	if r.read(1) == 1 { // the bits of a sample
		r.read(4 + 4)
	}
	if r.read(1) == 1 { // tables
		for range 2 {
			if r.read(1) == 1 {
				for i := 0; i < 64 && r.read(8) != 0; i++ {
				}
			}
		}
	}
	if version != 1 {
		r.read(1)
	}
	if r.read(1) == 0 {
		return most
	}
	r.read(1)
	if r.read(1) == 1 {
		r.read(1)
	}
	if version != 1 && r.read(1+1)>>1 == 1 {
		return most
	}
	if r.read(1) == 1 || r.over {
		return most
	}
	return min(r.at/8+1, len(b)) // a zero and ones follow, up to the next byte
}

// keepAudioConfig redacts an AudioSpecificConfig (14496-3, 1.6.2.1) and returns its length. That of codings other than AAC has
// up to 64 bytes, and no text.
func keepAudioConfig(b []byte) (n int) {
	const most = 64
	r := bitReader{b: b}
	object := func() uint64 {
		if typ := r.read(5); typ != 31 {
			return typ
		}
		return 32 + r.read(6)
	}
	rate := func() {
		if r.read(4) == 15 {
			r.read(24)
		}
	}
	typ := object()
	rate()
	channels := r.read(4)
	extended := typ == 5 || typ == 29 // SBR, PS
	if extended {
		rate()
		typ = object()
	}
	other := b[:min(len(b), most)]
	if typ < 1 || typ > 4 {
		return lenIf(!isText(other), other)
	}
	r.read(1)
	if r.read(1) == 1 {
		r.read(14)
	}
	if r.read(1) == 1 {
		r.read(1)
	}
	if channels == 0 {
		r.skipProgram()
	}
	if r.over {
		return lenIf(!isText(other), other)
	}
	end := r.at
	if !extended && r.read(11) == 0x2B7 && object() == 5 {
		if r.read(1) == 1 {
			rate()
		}
		if !r.over {
			end = r.at
		}
		if r.read(11) == 0x548 && !r.over {
			r.read(1)
			end = r.at
		}
	}
	n = (end + 7) / 8
	if end%8 != 0 {
		b[n-1] &= 0xFF << (8 - end%8)
	}
	return n
}

// skipProgram passes over program_config_element (14496-3, 4.4.1.1), whose comment it clears.
func (r *bitReader) skipProgram() {
	r.read(4 + 2 + 4)
	elements := 5 * int(r.read(4)+r.read(4)+r.read(4)) //nolint:gosec // G115: small
	elements += 4 * int(r.read(2)+r.read(3))           //nolint:gosec // G115: small
	elements += 5 * int(r.read(4))                     //nolint:gosec // G115: small
	for _, n := range [...]int{4, 4, 3} {
		if r.read(1) == 1 {
			r.read(n)
		}
	}
	r.read(elements)
	r.at = min((r.at+7)&^7, 8*len(r.b))
	n := 8 * int(r.read(8)) //nolint:gosec // G115: a byte
	if comment := r.at; r.skip(n) {
		clear(r.b[comment/8 : r.at/8])
	}
}

// bitmapCoding returns the coding of frames in the structure BITMAPINFOHEADER, in capital letters; "" if b is too short.
func bitmapCoding(b []byte) string {
	if len(b) < 20 {
		return ""
	}
	return strings.ToUpper(string(b[16:20]))
}
