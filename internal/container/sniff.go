package container

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// SniffLen is the number of a file's first bytes that Sniff needs.
const SniffLen = 32

// signatures lists the formats in the order that Sniff tries them.
var signatures = []struct {
	name string
	is   func(head []byte) bool
}{
	{"jpeg", prefix("\xFF\xD8")},
	{"png", prefix(PNGSignature)},
	{"webp", isWebP},
	{"cr3", isCR3},
	{"avif", isAVIF},
	{"heif", isISO},
	{"jxl", prefix("\x00\x00\x00\x0CJXL \r\n\x87\n", JXLCodestream)},
	{"jp2", prefix("\x00\x00\x00\x0CjP  \r\n\x87\n", J2KCodestream)},
	{"psd", prefix("8BPS\x00\x01", "8BPS\x00\x02")},
	{"raf", prefix("FUJIFILMCCD-RAW ")},
	{"mrw", prefix("\x00MRM", "\x00MRI")},
	{"rw2", prefix("II\x55\x00")},
	{"orf", prefix("IIRO", "IIRS", "MMOR")},
	{"jxr", prefix("II\xBC\x01")},
	{"tiff", isTIFF},
	{"gif", prefix("GIF87a", "GIF89a")},
	{"bmp", isBMP},
	{"ico", isICO},
	{"svg", maySVG},
}

// PNGSignature begins a PNG.
const PNGSignature = "\x89PNG\r\n\x1A\n"

// The signatures of bare codestreams: JPEG XL's (ISO/IEC 18181-1) and JPEG 2000's (ITU-T T.800, annex A).
const (
	JXLCodestream = "\xFF\x0A"
	J2KCodestream = "\xFF\x4F\xFF\x51"
)

// Sniff returns the name of the format of a file with these first bytes, "" for none. It looks at the bytes
// alone, since names and content types lie. "heif" may be any file of the ISO base media file format, and
// "svg" any XML: only reading on tells a picture from a film or a text.
func Sniff(head []byte) string {
	for _, s := range signatures {
		if s.is(head) {
			return s.name
		}
	}
	return ""
}

// Formats returns the names of the formats that Sniff tells apart.
func Formats() (names []string) {
	for _, s := range signatures {
		names = append(names, s.name)
	}
	return names
}

// fileType returns what head has of the body of the box ftyp (ISO/IEC 14496-12, 4.3), the first of a file:
// the major brand, its version, then more brands. ok is false if the file begins with another box.
func fileType(head []byte) (body []byte, ok bool) {
	if len(head) < 8 || string(head[4:8]) != "ftyp" {
		return nil, false
	}
	start := 8
	if binary.BigEndian.Uint32(head) == 1 { // a size of 64 bits follows
		start = min(16, len(head))
	}
	return head[start:], true
}

func isISO(head []byte) bool {
	_, ok := fileType(head)
	return ok
}

func isCR3(head []byte) bool {
	head, _ = fileType(head)
	return len(head) >= 4 && string(head[:4]) == "crx "
}

// isAVIF reports whether the brands in head are AVIF's. The major brand may be HEIF's.
func isAVIF(head []byte) bool {
	head, _ = fileType(head)
	if len(head) < 4 {
		return false
	}
	switch string(head[:4]) {
	case "avif", "avis":
		return true
	case "mif3": // the minor version names the codec (23008-12, annex K)
		return len(head) >= 8 && string(head[4:8]) == "avif"
	case "mif1", "msf1", "miaf":
		brands := head[min(8, len(head)):]
		return HasBrand(brands, "avif", "avis") && !HasBrand(brands, "heic", "heix", "hevc", "hevx")
	}
	return false
}

// HasBrand reports whether one of the brands has one of the names.
func HasBrand(brands []byte, names ...string) bool {
	for ; len(brands) >= 4; brands = brands[4:] {
		if slices.Contains(names, string(brands[:4])) {
			return true
		}
	}
	return false
}

// ImageBrands lists the brands of pictures and sequences of pictures (23008-12, annexes B, E, F, H, L;
// AVIF, MIAF). A file with one is an image whatever it contains.
var ImageBrands = []string{
	"mif1", "mif2", "mif3", "msf1", "miaf", "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs",
	"avif", "avis", "avci", "avcs", "jpeg", "jpgs", "j2ki", "j2is", "vvic", "vvis", "evbi", "evbs",
}

// sequenceBrands lists the brands of image sequences (23008-12, annexes B and E; AVIF).
var sequenceBrands = []string{"msf1", "hevc", "hevx", "hevs", "hevm", "avis", "avcs", "jpgs", "j2is", "vvis", "evbs"}

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// UTF8BOM is the mark that begins some texts in UTF-8.
var UTF8BOM = []byte("\xEF\xBB\xBF")

// maySVG recognizes XML that may be SVG.
func maySVG(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, UTF8BOM), " \t\r\n")
	for _, start := range []string{"<svg", "<?xml", "<!--", "<!DOCTYPE"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return true
		}
	}
	return false
}

func prefix(magics ...string) func([]byte) bool {
	return func(head []byte) bool {
		for _, m := range magics {
			if bytes.HasPrefix(head, []byte(m)) {
				return true
			}
		}
		return false
	}
}

// isBMP recognizes a Windows bitmap by its two letters and the size of the second header, which has few
// values: that of OS/2 2.x can be cut off. Many texts begin with the two letters alone.
func isBMP(head []byte) bool {
	if len(head) < 18 || string(head[:2]) != "BM" {
		return false
	}
	size := binary.LittleEndian.Uint32(head[14:])
	return size == 12 || 16 <= size && size <= 64 || size == 108 || size == 124
}

// isICO recognizes an icon or a cursor: zero, the type (1 or 2), the number of pictures, and for the
// first of them an offset after the directory. Browsers ignore the length of a picture.
func isICO(head []byte) bool {
	if len(head) < 22 || head[0] != 0 || head[1] != 0 || head[2] != 1 && head[2] != 2 || head[3] != 0 {
		return false
	}
	o := binary.LittleEndian
	pictures := uint32(o.Uint16(head[4:]))
	return pictures > 0 && o.Uint32(head[18:]) >= 6+16*pictures
}
