package redact

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unicode/utf16"
)

// An ICC profile (ICC.1:2022) is a header of 128 bytes, a table of tags, and their data, which tags can share. The
// redacted profile keeps the header without its reserved fields, and those tags that describe colors, each cut to
// the length of its type. It keeps the name of the profile, up to maxICCName printable characters, and overwrites its
// copyright, which readers demand but don't show. Bytes that belong to no tag become zeros, and so does the date.
//
// Tags that only describe the profile, or that no viewer reads, aren't on the list: each could hold any numbers.

const (
	iccHeader = 128
	iccEntry  = 12
	// maxICCTags bounds the tags. Profiles have up to 30.
	maxICCTags = 100
	// maxICCName bounds the characters of a profile's name that stay.
	maxICCName = 64
)

// iccTags are the tags to keep (9.2; of version 2, too).
var iccTags = []string{
	"desc", "cprt", "wtpt", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC", "kTRC", "chad", "cicp", "A2B0", "A2B1", "A2B2", "B2A0", "B2A1", "B2A2",
}

// iccModules, iccClasses, iccSpaces and iccConnections are what the header can say of the program to use, of the device and of the
// color spaces (7.2.3 and 7.2.5 to 7.2.7; the ICC's registry).
var (
	iccModules     = []string{"ADBE", "ACMS", "appl", "CCMS", "EFI ", "HCMM", "HDM ", "KCMS", "lcms", "Lino", "MCML", "RGMS", "SICC", "UCCM", "WCS "}
	iccClasses     = []string{"scnr", "mntr", "prtr", "spac"}
	iccConnections = []string{"XYZ ", "Lab "}
	iccSpaces      = map[string]int{ // with their channels
		"XYZ ": 3, "Lab ": 3, "Luv ": 3, "YCbr": 3, "Yxy ": 3, "RGB ": 3, "GRAY": 1, "HSV ": 3, "HLS ": 3, "CMYK": 4, "CMY ": 3, "2CLR": 2, "3CLR": 3,
		"4CLR": 4, "5CLR": 5, "6CLR": 6, "7CLR": 7, "8CLR": 8, "9CLR": 9, "ACLR": 10, "BCLR": 11, "CCLR": 12, "DCLR": 13, "ECLR": 14, "FCLR": 15,
	}
)

// isOfSpace reports whether a profile for a color space can use a tag with this data: a gray curve, those of red, green and blue, or
// a transformation between its channels and the three of the connection space. No writer makes others; Chromium
// alone takes a transformation of other channels, or refuses its profile.
func isOfSpace(sig, space string, b []byte) bool {
	switch device := iccSpaces[space]; {
	case sig == "kTRC":
		return device == 1
	case strings.HasSuffix(sig, "TRC"), strings.HasSuffix(sig, "XYZ"):
		return device == 3
	case strings.HasPrefix(sig, "A2B"):
		return len(b) > 9 && int(b[8]) == device && b[9] == 3
	case strings.HasPrefix(sig, "B2A"):
		return len(b) > 9 && b[8] == 3 && int(b[9]) == device
	}
	return true
}

// cleanICC redacts a profile in place. ok is false if it isn't one: no reader can use it then.
func cleanICC(b []byte) (ok bool) {
	if len(b) < iccHeader+4 || string(b[36:40]) != "acsp" {
		return false
	}
	size := int(min(binary.BigEndian.Uint32(b), uint32(len(b)))) //nolint:gosec // G115: no longer than b
	count := int(binary.BigEndian.Uint32(b[iccHeader:]))
	table := iccHeader + 4
	if count <= 0 || count > maxICCTags || size < table+count*iccEntry {
		return false
	}
	if !cleanICCHeader(b) {
		return false
	}
	var kept [][]byte // entries
	var used []span
	for e := b[table : table+count*iccEntry]; len(e) > 0; e = e[iccEntry:] {
		sig := string(e[:4])
		from, n := int64(binary.BigEndian.Uint32(e[4:])), int64(binary.BigEndian.Uint32(e[8:]))
		if !slices.Contains(iccTags, sig) || slices.ContainsFunc(kept, func(k []byte) bool { return string(k[:4]) == sig }) ||
			from < int64(table+count*iccEntry) || n < 8 || from+n > int64(size) {
			continue
		}
		data := b[from : from+n]
		if !isOfSpace(sig, string(b[16:20]), data) || !cleanICCTag(sig, data) {
			continue
		}
		kept = append(kept, slices.Clone(e[:iccEntry]))
		used = append(used, span{from, from + n})
	}
	if len(kept) == 0 {
		return false
	}
	binary.BigEndian.PutUint32(b[iccHeader:], uint32(len(kept))) //nolint:gosec // G115: at most maxICCTags
	clearBut(b, append(used, span{0, int64(table + copy(b[table:], bytes.Join(kept, nil)))}))
	return true
}

// cleanICCHeader redacts the header (7.2); ok is false if no reader can use the profile.
func cleanICCHeader(b []byte) (ok bool) {
	clear(b[10:12])                                                // reserved
	if size := binary.BigEndian.Uint32(b); size > uint32(len(b)) { //nolint:gosec // G115: a segment's or chunk's length
		binary.BigEndian.PutUint32(b, math.MaxUint32) // too large as well
	}
	if !slices.Contains(iccModules, string(b[4:8])) {
		clear(b[4:8])
	}
	if !slices.Contains(iccClasses, string(b[12:16])) {
		clear(b[12:16])
	}
	clear(b[24:36]) // the date
	clear(b[40:47]) // the platform, and flags: two bits are defined
	b[47] &= 3
	clear(b[48:63]) // the device's manufacturer and model, and its attributes, of which four bits are defined
	b[63] &= 15
	if binary.BigEndian.Uint32(b[64:]) > 3 { // the rendering intent
		clear(b[64:68])
	}
	for i, d50 := range [...]int64{0xF6D6, 0x10000, 0xD32D} {
		const tolerance = 0x400 // readers have one, too
		if d := int64(binary.BigEndian.Uint32(b[68+4*i:])) - d50; max(d, -d) > tolerance {
			clear(b[68:80])
		}
	}
	clear(b[80:iccHeader]) // the creator, the profile's ID, a hash of it, and reserved bytes
	return iccSpaces[string(b[16:20])] > 0 && slices.Contains(iccConnections, string(b[20:24]))
}

// cleanICCTag redacts the data of a tag in place; ok is false if the tag must go.
func cleanICCTag(sig string, b []byte) (ok bool) {
	clear(b[4:8])
	number := func(at int) int {
		if at+4 > len(b) {
			return 0
		}
		return int(min(binary.BigEndian.Uint32(b[at:]), uint32(len(b)))) //nolint:gosec // G115: no longer than b
	}
	end := 0 // of the type's fields
	switch typ := string(b[:4]); {
	case sig == "cprt":
		return overwriteICCText(typ, b)
	case sig == "desc" && typ == "desc":
		return cleanICCName(b, number(8))
	case sig == "desc" && typ == "mluc":
		return cleanICCNames(b)
	case sig == "desc":
		return false
	case typ == "XYZ " && (sig == "wtpt" || strings.HasSuffix(sig, "XYZ")), typ == "sf32" && sig == "chad":
		if end = 20; sig == "chad" {
			end = 8 + 9*4
		}
		if len(b) < end || !areColors(b[8:end]) {
			return false
		}
	case (typ == "curv" || typ == "para") && strings.HasSuffix(sig, "TRC"):
		end = cleanICCCurve(b)
	case typ == "cicp" && sig == "cicp":
		end = 12
	case sig[1] != '2':
		return false
	case typ == "mft1" && len(b) >= 48:
		in, out, grid := int(b[8]), int(b[9]), int(b[10])
		end = 48 + 256*in + power(grid, in, len(b))*out + 256*out
	case typ == "mft2" && len(b) >= 52:
		in, out, grid := int(b[8]), int(b[9]), int(b[10])
		inTable, outTable := int(binary.BigEndian.Uint16(b[48:])), int(binary.BigEndian.Uint16(b[50:]))
		end = 52 + 2*(inTable*in+power(grid, in, len(b))*out+outTable*out)
	case typ == "mAB ", typ == "mBA ":
		return cleanICCStages(typ == "mAB ", b)
	}
	if sig[1] == '2' && end > 0 {
		b[11] = 0
		if !areColors(b[12:48]) { // the matrix
			return false
		}
	}
	if end == 0 {
		return false
	}
	clearFrom(b, end)
	return end <= len(b)
}

// areColors reports whether numbers of 16 bits and a fraction are between -32 and 32, as all matrices and colors are. Those of a text in
// UTF-16 are larger.
func areColors(b []byte) bool {
	for ; len(b) >= 4; b = b[4:] {
		if v := int8(b[1]); b[0] != byte(v>>7) || v < -ascii || v >= ascii { //nolint:gosec // G115: a signed number
			return false
		}
	}
	return true
}

// cleanICCCurve redacts the curve at the start of b (10.6, 10.18) and returns the length of its fields, 0 if it is invalid.
func cleanICCCurve(b []byte) (end int) {
	if len(b) < 12 {
		return 0
	}
	clear(b[4:8])
	switch string(b[:4]) {
	case "curv":
		end = 12 + 2*int(min(binary.BigEndian.Uint32(b[8:]), uint32(len(b)))) //nolint:gosec // G115: no longer than b
	case "para":
		counts := [...]int{1, 3, 4, 5, 7}
		function := int(binary.BigEndian.Uint16(b[8:]))
		if function >= len(counts) {
			return 0
		}
		clear(b[10:12])
		end = 12 + 4*counts[function] //nolint:gosec // G602: checked above
		if end <= len(b) && !areColors(b[12:end]) {
			return 0
		}
	}
	if end > len(b) {
		return 0
	}
	return end
}

// cleanICCStages redacts a transformation in up to five stages (10.12, 10.13), each at an offset of its own: what belongs
// to none becomes zeros.
func cleanICCStages(toConnection bool, b []byte) (ok bool) {
	const head, matrix = 32, 48
	if len(b) < head {
		return false
	}
	in, out := int(b[8]), int(b[9])
	if in == 0 || in > 16 || out == 0 || out > 16 {
		return false
	}
	clear(b[10:12])
	first, last := in, out // the curves before and after the table
	if !toConnection {
		first, last = out, in
	}
	used := []span{{0, head}}
	for stage, curves := range [...]int{last, 0, last, 0, first} { // B, matrix, M, table, A
		at := int(binary.BigEndian.Uint32(b[12+4*stage:]))
		if at == 0 {
			continue
		}
		if at < head || at > len(b) {
			return false
		}
		for range curves {
			n := cleanICCCurve(b[min(at, len(b)):])
			if n == 0 {
				return false
			}
			used = append(used, span{int64(at), int64(at + n)})
			at = (at + n + 3) &^ 3
		}
		n := 0
		switch stage {
		case 1:
			if n = matrix; at+n > len(b) || !areColors(b[at:at+n]) {
				return false
			}
		case 3:
			if n = cleanICCTable(b[at:], in, out); n == 0 {
				return false
			}
		}
		used = append(used, span{int64(at), int64(at + n)})
	}
	clearBut(b, used)
	return true
}

// cleanICCTable redacts the table at the start of b (10.12.5), and returns its length, 0 if it is invalid.
func cleanICCTable(b []byte, in, out int) int {
	const points, width, head = 16, 17, 20
	if len(b) < head {
		return 0
	}
	clear(b[in:points])
	clear(b[width:head])
	n := int(b[points]) * out
	for _, points := range b[:in] {
		n = min(n*int(points), len(b))
	}
	if head+n > len(b) {
		return 0
	}
	return head + n
}

// clearBut clears b outside of spans of it.
func clearBut(b []byte, spans []span) {
	at := int64(0)
	for _, s := range merge(spans) {
		clear(b[at:s.from])
		at = s.to
	}
	clear(b[at:])
}

// power returns n to the power of e, at most limit.
func power(n, e, limit int) int {
	p := 1
	for ; e > 0 && p < limit; e-- {
		p *= n
	}
	return min(p, limit)
}

// overwriteICCText replaces the text of the copyright by one that says nothing.
func overwriteICCText(typ string, b []byte) (ok bool) {
	const nothing = "-"
	clear(b[8:])
	switch {
	case typ == "text" && len(b) >= 8+2:
		copy(b[8:], nothing)
	case typ == "mluc" && len(b) >= 28+2:
		binary.BigEndian.PutUint32(b[8:], 1)
		binary.BigEndian.PutUint32(b[12:], iccEntry)
		copy(b[16:], "enUS")
		binary.BigEndian.PutUint32(b[20:], 2)
		binary.BigEndian.PutUint32(b[24:], 28)
		copy(b[28:], "\x00"+nothing)
	default:
		return false
	}
	return true
}

// cleanICCName keeps the ASCII name of a description of version 2, n bytes with its NUL; its other two go.
func cleanICCName(b []byte, n int) (ok bool) {
	const fixed = 12
	if n < 1 || fixed+n > len(b) {
		return false
	}
	name := b[fixed : fixed+n]
	for i, c := range name {
		if i >= maxICCName || c < ' ' || c > '~' {
			clear(name[i:])
			break
		}
	}
	name[n-1] = 0
	clear(b[fixed+n:])
	return true
}

// cleanICCNames keeps the first of the names in several languages.
func cleanICCNames(b []byte) (ok bool) {
	const first = 28
	if len(b) < first+2 || binary.BigEndian.Uint32(b[8:]) == 0 {
		return false
	}
	n, at := int64(binary.BigEndian.Uint32(b[20:])), int64(binary.BigEndian.Uint32(b[24:]))
	if at < first || at+n > int64(len(b)) {
		return false
	}
	var units []uint16
	for t := b[at : at+n]; len(t) >= 2 && len(units) < maxICCName; t = t[2:] {
		c := binary.BigEndian.Uint16(t)
		if c < ' ' || c == 0x7F || utf16.IsSurrogate(rune(c)) {
			break
		}
		units = append(units, c)
	}
	clear(b[12:])
	binary.BigEndian.PutUint32(b[8:], 1)
	binary.BigEndian.PutUint32(b[12:], iccEntry)
	copy(b[16:], "enUS")
	binary.BigEndian.PutUint32(b[20:], uint32(min(2*len(units), len(b)-first))) //nolint:gosec // G115: at most 2 * maxICCName
	binary.BigEndian.PutUint32(b[24:], first)
	for i, c := range units {
		if first+2*i+2 <= len(b) {
			binary.BigEndian.PutUint16(b[first+2*i:], c)
		}
	}
	return true
}
