package redact

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// refusedFilms has the formats of films that can't be redacted, by their first bytes.
var refusedFilms = []struct{ name, head string }{
	{"mpeg", "\x00\x00\x01\xBA"},
	{"mpeg", "\x00\x00\x01\xB3"}, // program and elementary streams (13818-1, 13818-2)
	{"asf", "\x30\x26\xB2\x75\x8E\x66\xCF\x11"},
	{"flv", "FLV\x01"},
	{"mxf", "\x06\x0E\x2B\x34\x02\x05\x01\x01"},
	{"rm", ".RMF"},
	{"ivf", "DKIF"},
	{"nut", "nut/multimedia container"},
	{"dv", "\x1F\x07\x00"},
	{"wtv", "\xB7\xD8\x00\x20\x37\x49\xDA\x11"},
	{"y4m", "YUV4MPEG2"},
}

// sniffFilm returns the verdict on a body that is no image, and the name of its format if it is a film.
func sniffFilm(head []byte) (Verdict, string) {
	for _, r := range refusedFilms {
		if strings.HasPrefix(string(head[:min(32, len(head))]), r.head) {
			return Refuse, r.name
		}
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
		case "CDXA", "AMV ", "QLCM": // films, or as good as
			return Refuse, "riff"
		}
	case string(head[:4]) == "RIFX" && len(head) >= 12 && string(head[8:12]) == "AVI ":
		return Refuse, "avi"
	case string(head[:4]) == "OggS" && (bytes.Contains(head, []byte("\x80theora")) || bytes.Contains(head, []byte("\x01video\x00")) ||
		bytes.Contains(head, []byte("fishead")) || bytes.Contains(head, []byte("BBCD\x00"))):
		return Refuse, "ogg"
	case isAVCHD(head):
		return Refuse, "m2ts"
	case string(head[4:8]) == "ftyp":
		return Redact, brandFormat(head)
	case isFirstBox(head):
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
// text could begin like that.
func isFirstBox(head []byte) bool {
	typ := string(head[4:8])
	return typ == "mdat" || head[0] < ' ' && slices.Contains(firstBoxes, typ)
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
