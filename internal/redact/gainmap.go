package redact

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// A gain map is a second picture that says how much brighter a photo is on a screen that can show it. Its metadata
// (ISO 21496-1, annex C) are two versions, flags, and fractions, and stand in a segment of a JPEG, in an item of a HEIF
// or in a box of a JPEG XL.

const (
	// gainMapVersions is the length of the two versions that the metadata of a gain map begins with.
	gainMapVersions = 4
	// The flags after them say that the numbers differ by channel, how colors are meant, that all fractions have one
	// denominator, and that the photo is the brighter one.
	gainMapChannels, gainMapBaseSpace, gainMapDenominator, gainMapBackward = 1 << 7, 1 << 6, 1 << 3, 1 << 2
)

// gainMapNumbers returns the length of the numbers after the flags of a gain map.
func gainMapNumbers(flags byte) int {
	const headrooms, perChannel, number, rational = 2, 5, 4, 8
	values := headrooms + perChannel
	if flags&gainMapChannels != 0 {
		values = headrooms + 3*perChannel
	}
	if flags&gainMapDenominator != 0 {
		return number + number*values
	}
	return rational * values
}

// gainMapLength returns the length of the metadata that b begins with, 0 if there is none.
func gainMapLength(b []byte, version bool) int {
	const versions = gainMapVersions
	if len(b) < versions || b[0] != 0 || b[1] != 0 || b[2] != 0 { // the versions are 0, and small numbers
		return 0
	}
	if version {
		return versions
	}
	if len(b) < versions+1 || b[versions]&^(gainMapChannels|gainMapBaseSpace|gainMapDenominator|gainMapBackward) != 0 {
		return 0
	}
	if n := versions + 1 + gainMapNumbers(b[versions]); n <= len(b) {
		return n
	}
	return 0
}

// mendGainMap gives the fractions of a gain map's metadata the denominator 1<<20, unless theirs is a power of two: other numbers
// could spell a text.
func mendGainMap(b []byte) {
	if len(b) <= gainMapVersions+1 {
		return
	}
	numbers := b[gainMapVersions+1:]
	if b[gainMapVersions]&gainMapDenominator != 0 {
		mendFractions(numbers[:4], numbers[4:], 0)
		return
	}
	for i := 0; len(numbers) >= 8; i++ {
		mendFractions(numbers[4:8], numbers[:4], i)
		numbers = numbers[8:]
	}
}

// mendFractions mends fractions that have a denominator in common, of which the first is that of an index. Their values are
// logarithms and offsets, all near 0.
func mendFractions(denominator, numerators []byte, first int) {
	d := binary.BigEndian.Uint32(denominator)
	if bits.OnesCount32(d) == 1 && areNear(numerators, 4) {
		return
	}
	const fixed, most = 1 << 20, 1<<27 - 1
	for i := first; len(numerators) >= 4; i++ {
		n := binary.BigEndian.Uint32(numerators)
		v := float64(n)
		if i >= 2 && (i-2)%5 != 2 { // all but the headrooms and the gammas can be negative
			v = float64(int32(n)) //nolint:gosec // G115: as it is meant
		}
		v = math.Round(max(-most, min(v/float64(max(d, 1))*fixed, most)))
		binary.BigEndian.PutUint32(numerators, uint32(int32(v))) //nolint:gosec // G115: as above
		numerators = numerators[4:]
	}
	binary.BigEndian.PutUint32(denominator, fixed)
}

// passGainMap redacts the next box of a JPEG XL, a gain map (jhgm, ISO/IEC 18181-2): a version, the metadata after their
// length, a color encoding after its length, a compressed profile after its length, and a codestream. The profile can't
// be looked into, and a color encoding that is longer than that of a known space could be any numbers: with those, the
// box goes.
func (f *jxlFile) passGainMap(h container.BoxHead) bool {
	const maxHead, maxEncoding = 256, 4
	head, _ := f.peek(int(min(h.Size, maxHead)))
	p := fields{b: head[min(int(h.Head), len(head)):]}
	version, n := p.uint(1), int(p.uint(2)) //nolint:gosec // G115: two bytes
	metadata := p.at
	p.skip(n)
	encoding := int(p.uint(1)) //nolint:gosec // G115: one byte
	p.skip(encoding)
	profile := p.uint(4)
	if p.over || f.gainMap || version != 0 || encoding > maxEncoding || profile != 0 ||
		n == 0 || gainMapLength(p.b[metadata:metadata+n], false) != n || !bytes.HasPrefix(p.b[p.at:], []byte(container.JXLCodestream)) {
		return freeBox(f.stream, h)
	}
	f.gainMap = true
	head = slices.Clone(head[:int(h.Head)+p.at])
	mendGainMap(head[int(h.Head)+metadata:][:n])
	return f.replace(head) && f.pass(h.Size-int64(len(head)))
}
