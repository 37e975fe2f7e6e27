package redact

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// refused has the formats of pictures and films that can't be redacted and that exif doesn't know, by their first bytes.
var refused = []struct{ name, head string }{
	{"jng", "\x8BJNG\r\n\x1A\n"},
	{"mng", "\x8AMNG\r\n\x1A\n"},
	{"jxs", "\x00\x00\x00\x0CJXS \r\n\x87\n"},
	{"exr", "\x76\x2F\x31\x01"},
	{"xcf", "gimp xcf "},
	{"x3f", "FOVb"},
	{"crw", "II\x1A\x00\x00\x00HEAPCCDR"},
	{"crw", "MM\x00\x00\x00\x1AHEAPCCDR"},
	{"lfp", "\x89LFP\r\n\x1A\n"},
	{"fff", "FFF\x00"}, // FLIR
	{"fff", "AFF\x00"},
	{"dpx", "SDPX"},
	{"dpx", "XPDS"},
	{"bpg", "BPG\xFB"},
	{"flif", "FLIF"},
	{"psp", "Paint Shop Pro Image File\n\x1A"},
	{"miff", "id=ImageMagick"},
	{"icns", "icns\x00"},
	{"djvu", "AT&TFORM"},
	{"qoi", "qoif"},
	{"dds", "DDS "},
	{"hdr", "#?RADIANCE"},
	{"hdr", "#?RGBE"},
	{"ktx", "\xABKTX "},
	{"ras", "\x59\xA6\x6A\x95"},
	{"sgi", "\x01\xDA\x00\x01"},
	{"sgi", "\x01\xDA\x01\x01"},
	{"cin", "\x80\x2A\x5F\xD7"},
	{"eps", "\xC5\xD0\xD3\xC6"}, // with a preview in TIFF or WMF
	{"mpeg", "\x00\x00\x01\xBA"},
	{"mpeg", "\x00\x00\x01\xB3"}, // program and elementary streams (13818-1, 13818-2)
	{"mpeg", "\x00\x00\x01\xB0"}, // MPEG-4 (14496-2)
	{"mpeg", "\x00\x00\x01\xE0"}, // packets of a program stream
	{"h264", "\x00\x00\x01\x09"}, // units of a raw stream: a delimiter, parameters, also after a zero
	{"h264", "\x00\x00\x01\x27"},
	{"h264", "\x00\x00\x01\x47"},
	{"h264", "\x00\x00\x01\x67"},
	{"h264", "\x00\x00\x00\x01\x09"},
	{"h264", "\x00\x00\x00\x01\x27"},
	{"h264", "\x00\x00\x00\x01\x47"},
	{"h264", "\x00\x00\x00\x01\x67"},
	{"hevc", "\x00\x00\x01\x40\x01"},
	{"hevc", "\x00\x00\x01\x46\x01"},
	{"hevc", "\x00\x00\x00\x01\x40\x01"},
	{"hevc", "\x00\x00\x00\x01\x42\x01"},
	{"hevc", "\x00\x00\x00\x01\x46\x01"},
	{"vvc", "\x00\x00\x00\x01\x00\x71"},
	{"vvc", "\x00\x00\x00\x01\x00\x79"},
	{"vvc", "\x00\x00\x00\x01\x00\xA1"},
	{"vc1", "\x00\x00\x01\x0F"},
	{"av1", "\x12\x00\x0A"}, // a delimiter, and a sequence header
	{"dirac", "BBCD\x00"},
	{"gxf", "\x00\x00\x00\x00\x01\xBC"},
	{"dnxhd", "\x00\x00\x02\x80\x01"},
	{"nuv", "NuppelVideo\x00"},
	{"nuv", "MythTVVideo\x00"},
	{"nsv", "NSVf"},
	{"nsv", "NSVs"},
	{"dhav", "DHAV"}, // recorders of cameras
	{"hikvision", "IMKH"},
	{"ser", "LUCAM-RECORDER"}, // with the names of observer and telescope
	{"cine", "CI\x2C\x00"},
	{"arriraw", "ARRI\x12\x34\x56\x78"},
	{"asf", "\x30\x26\xB2\x75\x8E\x66\xCF\x11"},
	{"flv", "FLV\x01"},
	{"mxf", "\x06\x0E\x2B\x34\x02\x05\x01\x01"},
	{"rm", ".RMF"},
	{"ivf", "DKIF"},
	{"nut", "nut/multimedia container"},
	{"dv", "\x1F\x07\x00"},
	{"wtv", "\xB7\xD8\x00\x20\x37\x49\xDA\x11"},
	{"y4m", "YUV4MPEG2"},
	{"fits", "SIMPLE  ="},
}

// netpbm is the beginning of a picture of Netpbm: a letter and a digit, then two numbers, or comments first.
var netpbm = regexp.MustCompile(`^(P[1-6]\s+(#|[0-9]+\s+([0-9]+\s|#))|P7\n|P[Ff]\r?\n)`)

// dicom is where DICOM's signature is (PS3.10, 7.1), after what is mostly zeros.
const dicom = 128

// sniffFilm returns the verdict on a body that exif takes for no image, and the name of its format if it is a film, or
// one of those that are refused.
func sniffFilm(head []byte) (Verdict, string) {
	for _, r := range refused {
		if strings.HasPrefix(string(head[:min(32, len(head))]), r.head) {
			return Refuse, r.name
		}
	}
	if netpbm.Match(head) {
		return Refuse, "netpbm"
	}
	switch {
	case len(head) < 8:
	case bytes.HasPrefix(head, []byte("\x1A\x45\xDF\xA3")):
		if bytes.Contains(head[:min(64, len(head))], []byte("webm")) {
			return Redact, "webm"
		}
		return Redact, "mkv"
	case string(head[:4]) == "RIFF" && len(head) >= 12:
		switch string(head[8:12]) {
		case "AVI ", "AVIX":
			return Redact, "avi"
		case "AVI\x19", "CDXA", "AMV ", "QLCM", "RMMP", "RDIB", "ACON": // films and pictures, or as good as
			return Refuse, "riff"
		}
	case len(head) >= 12 && (string(head[:4]) == "RIFX" && string(head[8:12]) == "AVI " || string(head[:4]) == "ON2 " && string(head[8:12]) == "ON2f"):
		return Refuse, "avi"
	case string(head[:4]) == "OggS" && (bytes.Contains(head, []byte("\x80theora")) || bytes.Contains(head, []byte("\x01video\x00")) ||
		bytes.Contains(head, []byte("fishead")) || bytes.Contains(head, []byte("BBCD\x00")) || bytes.Contains(head, []byte("OVP80"))):
		return Refuse, "ogg"
	case isAVCHD(head):
		return Refuse, "m2ts"
	case string(head[:4]) == "FORM" && len(head) >= 12 && slices.Contains([]string{"ILBM", "PBM ", "ANIM"}, string(head[8:12])):
		return Refuse, "iff"
	case len(head) >= dicom && strings.HasPrefix(string(head[dicom:]), "DICM"): // it names a patient
		return Refuse, "dicom"
	case string(head[4:8]) == "RED1", string(head[4:8]) == "RED2":
		return Refuse, "r3d"
	case string(head[4:8]) == "ftyp":
		return Redact, brandFormat(head)
	case isFirstBox(head) || isBoxes(head):
		switch string(head[4:8]) {
		case "styp", "moof", "sidx", "emsg", "prft":
			return Redact, "mp4"
		}
		return Redact, "mov"
	}
	return Pass, ""
}

// isAVCHD reports whether a body begins with packets of an MPEG transport stream that each have a time before them (.mts).
func isAVCHD(head []byte) bool {
	const packet, sync = 192, 4
	return len(head) > 2*packet+sync && head[sync] == 'G' && head[packet+sync] == 'G' && head[2*packet+sync] == 'G'
}

// isFirstBox reports whether a body begins with a box that the file of a film can begin with. Its size is limited where a
// text could begin like that. Players skip boxes that they don't know.
func isFirstBox(head []byte) bool {
	typ := string(head[4:8])
	return typ == "mdat" || head[0] < ' ' && slices.Contains(firstBoxes, typ) || isBoxSize(head) && isChunkID(head[4:8]) && !isLikeBox(head)
}

// isLikeBox reports whether a body is a color profile or has brushes of Photoshop: files that aren't boxes, and begin as if they
// were.
func isLikeBox(head []byte) bool {
	const signature = 36 // of a profile (ICC.1, 7.2)
	return len(head) > signature && bytes.HasPrefix(head[signature:], []byte("acsp")) || string(head[4:8]) == "8BIM"
}

// isBoxSize reports whether a body begins with the size of a small box, or with 1 and a size of 64 bits that a box can have.
func isBoxSize(head []byte) bool {
	const most = 1 << 40
	size := binary.BigEndian.Uint32(head)
	return 8 <= size && size < 1<<24 || size == 1 && len(head) >= 16 && binary.BigEndian.Uint64(head[8:]) < most
}

// isBoxes reports whether a body begins with boxes of any type, and then one of those of films.
func isBoxes(head []byte) bool {
	for {
		h, ok := parseBox(head)
		if !ok || h.Size+8 > int64(len(head)) {
			return false
		}
		head = head[h.Size:]
		if slices.Contains(firstBoxes, string(head[4:8])) {
			return true
		}
	}
}

// tagged returns what follows an ID3 tag at the start of a body: some players skip it before any format.
func tagged(head []byte) []byte {
	if len(head) < 10 || string(head[:3]) != "ID3" {
		return nil
	}
	size := 10
	for i, c := range head[6:10] {
		size += int(c&0x7F) << (7 * (3 - i))
	}
	return head[min(size, len(head)):]
}

// brandFormat returns the name of a format by the major brand in ftyp.
func brandFormat(head []byte) string {
	body := head[8:]
	if binary.BigEndian.Uint32(head) == 1 {
		body = head[min(16, len(head)):]
	}
	switch {
	case bytes.HasPrefix(body, []byte("qt  ")):
		return "mov"
	case bytes.HasPrefix(body, []byte("3g")):
		return "3gp"
	}
	return "mp4"
}

// hiddenPicture returns the name of the format of a picture or a film that begins after other bytes: a byte order mark, white space or a
// warning that a program wrote first, or up to 16 bytes of anything. Browsers don't show it, but other readers find it. Archives,
// sound and PDF have pictures of their own further in, after bytes that are no text.
func hiddenPicture(head []byte) string {
	const junk, longest = 16, 16 // longest is the length of the longest signature
	binaryAt := textLen(head)
	if binaryAt == len(head) || bytes.HasPrefix(head, []byte("%")) { // PDF and PostScript
		return ""
	}
	zerosEnd := len(head) - len(bytes.TrimLeft(head[binaryAt:], "\x00"))
	for i := 1; i < len(head); i++ {
		near := i <= junk || binaryAt-longest <= i && i <= binaryAt || zerosEnd-4 <= i && i <= zerosEnd
		if !near {
			continue
		}
		switch name := container.Sniff(head[i:]); name {
		case "":
			b := head[i:min(i+64, len(head))]
			switch {
			case bytes.HasPrefix(b, []byte("\x1A\x45\xDF\xA3")) && (bytes.Contains(b, []byte("webm")) || bytes.Contains(b, []byte("matroska"))):
				return "mkv"
			case len(b) >= 12 && i >= binaryAt-longest && string(b[:4]) == "RIFF" && string(b[8:12]) == "AVI ":
				return "avi"
			}
		case "jpeg":
			if bytes.HasPrefix(head[i:], []byte("\xFF\xD8\xFF")) {
				return name
			}
		case "gif": // a text may speak of it
			if i >= binaryAt-longest {
				return name
			}
		case "png", "webp", "tiff", "rw2", "psd":
			return name
		case "avif", "heif", "cr3": // "ftyp" alone may stand in a text
			if head[i] == 0 {
				return name
			}
		case "jxl", "jp2":
			if head[i] == 0 {
				return name
			}
		}
	}
	return ""
}

// textLen returns how many of the first bytes are text: UTF-8 after a byte order mark, without control characters.
func textLen(b []byte) int {
	n := 0
	for _, mark := range []string{"\xFE\xFF", "\xFF\xFE", string(container.UTF8BOM)} {
		if bytes.HasPrefix(b, []byte(mark)) {
			n = len(mark)
		}
	}
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size <= 1 && utf8.FullRune(b[n:]) || r < ' ' && !strings.ContainsRune("\t\n\f\r", r) {
			break
		}
		n += size
	}
	return n
}

// starts are the bytes that pictures and films begin with, and how many bytes Sniff needs to tell them. Those of refused, and
// boxes, come in addition.
var starts = []struct {
	head string
	need int
}{
	{"\xFF", 4},
	{container.PNGSignature, 8},
	{"GIF8", 6},
	{"8BPS\x00", 6},
	{"FUJIFILMCCD-RAW ", 16},
	{"BM", 18},
	{"\x00MR", 4},
	{"\x00\x00\x01\x00", 22},
	{"\x00\x00\x02\x00", 22},
	{"II*\x00", 8},
	{"II+\x00", 16},
	{"MM\x00*", 8},
	{"MM\x00+", 16},
	{"II\x55\x00", 8},
	{"II\xBC\x01", 8},
	{"IIR", 8},
	{"MMOR", 8},
	{"RIFF", 12},
	{"RIFX", 12},
	{"ON2 ", 12},
	{"FORM", 12},
	{"\x1A\x45\xDF\xA3", 8},
	{"OggS", SniffLen},
}

// Undecided reports whether a body with these first bytes may still be an image or a film, though Sniff passes them.
func Undecided(head []byte) bool {
	begins := func(start string, need int) bool {
		n := min(len(start), len(head))
		return len(head) < need && string(head[:n]) == start[:n]
	}
	for _, s := range starts {
		if begins(s.head, s.need) {
			return true
		}
	}
	for _, r := range refused {
		if begins(r.head, len(r.head)) {
			return true
		}
	}
	const packet, sync = 192, 4 // of AVCHD
	switch {
	case len(head) <= sync:
		return true
	case head[sync] == 'G' && len(head) <= 2*packet+sync && (len(head) <= packet+sync || head[packet+sync] == 'G'):
		return true
	case len(head) < 8 && isBoxSize(head) && isChunkID(head[4:]):
		return true
	case len(head) < 16 && binary.BigEndian.Uint32(head) == 1 && isChunkID(head[4:8]): // the size follows
		return true
	case len(head) < SniffLen && isBoxSize(head) && binary.BigEndian.Uint32(head) < SniffLen: // another box follows
		return true
	case len(head) < 8:
		return slices.ContainsFunc(firstBoxes, func(typ string) bool { return strings.HasPrefix(typ, string(head[4:])) })
	}
	return len(head) < SniffLen && len(bytes.Trim(head, "\x00\t\n\f\r \xEF\xBB\xBF\xFE\xFF")) == 0
}
