package redact

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf16"
)

// An ICC profile (ICC.1:2022) is a header of 128 bytes, a table of tags, and their data, which tags can share. The
// redacted profile keeps the header without its reserved fields, and those tags that describe colors, each cut to
// the length of its type. It keeps the name of the profile, up to maxICCName printable characters, and overwrites its
// copyright, which readers demand but don't show. Bytes that belong to no tag become zeros.

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
	"desc", "cprt", "wtpt", "bkpt", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC", "kTRC", "chad", "chrm", "cicp", "lumi", "meas",
	"tech", "view", "A2B0", "A2B1", "A2B2", "B2A0", "B2A1", "B2A2", "D2B0", "D2B1", "D2B2", "D2B3", "B2D0", "B2D1", "B2D2", "B2D3",
	"gamt", "pre0", "pre1", "pre2", "rig0", "rig2", "ciis",
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
	clear(b[84:iccHeader]) // the profile's ID, a hash of it, and reserved bytes
	clear(b[48:56])        // the device's manufacturer and model
	var kept [][]byte      // entries
	var used []span
	for e := b[table : table+count*iccEntry]; len(e) > 0; e = e[iccEntry:] {
		sig := string(e[:4])
		from, n := int64(binary.BigEndian.Uint32(e[4:])), int64(binary.BigEndian.Uint32(e[8:]))
		if !slices.Contains(iccTags, sig) || slices.ContainsFunc(kept, func(k []byte) bool { return string(k[:4]) == sig }) ||
			from < int64(table+count*iccEntry) || n < 8 || from+n > int64(size) {
			continue
		}
		data := b[from : from+n]
		if !cleanICCTag(sig, data) {
			continue
		}
		kept = append(kept, slices.Clone(e[:iccEntry]))
		used = append(used, span{from, from + n})
	}
	if len(kept) == 0 {
		return false
	}
	at := int64(table + copy(b[table:], bytes.Join(kept, nil)))
	binary.BigEndian.PutUint32(b[iccHeader:], uint32(len(kept))) //nolint:gosec // G115: at most maxICCTags
	for _, u := range merge(used) {
		clear(b[at:u.from])
		at = u.to
	}
	clear(b[at:])
	return true
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
	case typ == "XYZ ":
		end = 20
		if sig == "chrm" || sig == "meas" {
			return false
		}
	case typ == "curv":
		end = 12 + 2*number(8)
	case typ == "para":
		if len(b) < 12 {
			return false
		}
		counts := [...]int{1, 3, 4, 5, 7}
		function := int(binary.BigEndian.Uint16(b[8:]))
		if function >= len(counts) {
			return false
		}
		clear(b[10:12])
		end = 12 + 4*counts[function] //nolint:gosec // G602: checked above
	case typ == "sf32" && sig == "chad":
		end = 8 + 9*4
	case typ == "sig ":
		end = 12
	case typ == "cicp":
		end = 12
	case typ == "meas", typ == "view":
		end = 36
	case typ == "chrm":
		end = 12 + 8*4
	case typ == "mft1" && len(b) >= 48:
		in, out, grid := int(b[8]), int(b[9]), int(b[10])
		end = 48 + 256*in + power(grid, in, len(b))*out + 256*out
	case typ == "mft2" && len(b) >= 52:
		in, out, grid := int(b[8]), int(b[9]), int(b[10])
		inTable, outTable := int(binary.BigEndian.Uint16(b[48:])), int(binary.BigEndian.Uint16(b[50:]))
		end = 52 + 2*(inTable*in+power(grid, in, len(b))*out+outTable*out)
	case typ == "mAB ", typ == "mBA ", typ == "mpet":
		return true // tables with offsets of their own
	default:
		return false
	}
	clearFrom(b, end)
	return end <= len(b)
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
