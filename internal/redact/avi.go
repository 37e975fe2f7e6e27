package redact

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// AVI (Microsoft's RIFF; OpenDML 1.02) consists of chunks, some of them lists of chunks: the list hdrl describes the
// streams, the list movi has their data, and idx1 and the chunks indx and ix## say where it is. It is redacted as it
// streams: what describes and is pictures and sound stays, by the fields of its structures. All else becomes JUNK of the
// same length: INFO, dates, makers' chunks, names, texts, XMP. A stream that goes stays as a header without data, since
// streams are counted.
//
// The sizes of lists are often wrong, so chunks are followed one after the other, and a list's size only says where
// data of streams may be.

// motionJPEGs are the codings whose frames are JPEGs.
var motionJPEGs = strings.Fields("MJPG JPEG IJPG MJPA DMB1 AVRN AVDJ ADJV LJPG JPGL CJPG QIVG SLMJ JR24 ACDV IJLV MVJP AVI1 AVI2 MTSJ ZJPG MMJP GEPJ XJPG")

// motionJPEG2000s are those whose frames are codestreams of JPEG 2000.
var motionJPEG2000s = []string{"MJP2", "MJ2C", "LJ2C", "LJ2K", "IPJ2", "AVJ2"}

// fileCodings are the codings whose frames are files of other formats, which have texts of their own: PNG, JPEG-LS, WebP, TIFF and the
// like. Such streams go.
var fileCodings = []string{"MPNG", "PNG1", "PNG ", "MJLS", "WEBP", "TIFF", "TGA ", "DPX ", "GIF ", "BMP "}

// framesOf returns the function that redacts the frames of a coding, nil if they have no metadata of their own.
func framesOf(coding string) func(s *stream, n int64) error {
	switch {
	case slices.Contains(motionJPEGs, coding):
		return redactJPEGs
	case slices.Contains(motionJPEG2000s, coding):
		return redactCodestreams
	}
	return nil
}

// aviStream is a stream of an AVI.
type aviStream struct {
	stays, pictures, mixed, palette bool
	frames                          func(s *stream, n int64) error
}

// avi is a film, while it is redacted.
type avi struct {
	s       *stream
	streams []aviStream
	movi    int64 // where the list movi ends, 0 before it
	seen    bool  // there was a movi
}

// redactAVI is the parser of AVI.
func redactAVI(s *stream, _ *Plan) error {
	a := &avi{s: s}
	for {
		b, ok := s.peek(8)
		if ok && b[0] == 0 { // some writers align chunks, as VLC does
			b = s.peekAny()
			s.zero(int64(len(b) - len(bytes.TrimLeft(b, "\x00"))))
			continue
		}
		if !ok || !isChunkID(b[:4]) {
			return errBroken
		}
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		switch id {
		case "RIFF", "LIST":
			ok = a.list(id, size)
		default:
			ok = a.chunk(id, size)
			if ok && size%2 != 0 {
				a.pad()
			}
		}
		if !ok {
			return errBroken
		}
	}
}

// isChunkID reports whether b are printable letters.
func isChunkID(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c < ' ' || c > '~' })
}

// pad clears the byte after a chunk of odd size, if the writer put one there.
func (a *avi) pad() {
	b, ok := a.s.peek(5)
	if ok && b[0] != 0 && isChunkID(b[:4]) && !isChunkID(b[1:5]) {
		return
	}
	a.s.zero(1)
}

// list passes the head of a list to keep, whose chunks follow. Any other becomes JUNK.
func (a *avi) list(id string, size int64) bool {
	b, ok := a.s.peek(12)
	if !ok {
		return false
	}
	switch typ := string(b[8:12]); {
	case id == "RIFF" && (typ == "AVI " && a.s.offset == 0 || typ == "AVIX" && a.seen):
	case id == "LIST" && typ == "hdrl" && !a.seen && len(a.streams) == 0:
	case id == "LIST" && typ == "strl" && !a.seen, id == "LIST" && typ == "odml" && !a.seen:
	case id == "LIST" && typ == "rec " && a.s.offset < a.movi:
	case id == "LIST" && typ == "movi" && len(a.streams) > 0:
		a.seen = true
		a.movi = a.s.offset + 8 + size
		if size <= 4 || size > 0xFFFFFFF0 { // not known when the head was written
			a.movi = container.ToEnd
		}
	default:
		return a.junk(size) && (size%2 == 0 || a.s.zero(1))
	}
	return a.s.pass(12)
}

// junk makes a chunk JUNK.
func (a *avi) junk(size int64) bool {
	return a.s.replace([]byte("JUNK")) && a.s.pass(4) && a.s.zero(size)
}

// chunk redacts a chunk.
func (a *avi) chunk(id string, size int64) bool {
	s := a.s
	if s.offset < a.movi {
		return a.data(id, size)
	}
	last := (*aviStream)(nil)
	if n := len(a.streams); n > 0 {
		last = &a.streams[n-1]
	}
	switch {
	case id == "idx1" && a.seen:
		return a.index(size)
	case a.seen:
	case id == "avih" && size >= 40:
		return a.structure(size, func(b []byte) int {
			mendLow(b[:40])
			return 40
		})
	case id == "dmlh" && size >= 4:
		return a.structure(size, func([]byte) int { return 4 })
	case id == "strh" && size >= 48 && len(a.streams) < 100:
		return a.structure(size, a.streamHeader)
	case last == nil:
	case id == "strf":
		return a.structure(size, last.format)
	case id == "indx" && last.stays:
		return a.structure(size, superIndex)
	case id == "vprp" && last.stays && last.pictures && size >= 36:
		return a.structure(size, func(b []byte) int {
			n := 36 + 32*int(min(binary.LittleEndian.Uint32(b[32:]), 8))
			mendLow(b[:min(n, len(b))])
			return n
		})
	}
	return a.junk(size)
}

// structure redacts a chunk in memory: f returns the length of its fields.
func (a *avi) structure(size int64, f func(b []byte) int) bool {
	if size > maxHold/2 {
		return a.junk(size)
	}
	b, ok := a.s.peek(8 + int(size))
	if !ok {
		return false
	}
	b = slices.Clone(b)
	n := f(b[8:])
	if n < 0 {
		return a.junk(size)
	}
	clearFrom(b, 8+n)
	return a.s.replace(b)
}

// streamHeader redacts strh (AVISTREAMHEADER) and adds the stream.
func (a *avi) streamHeader(b []byte) int {
	x := aviStream{}
	switch string(b[:4]) {
	case "vids":
		coding := strings.ToUpper(string(b[4:8]))
		x = aviStream{stays: !slices.Contains(fileCodings, coding), pictures: true, frames: framesOf(coding)}
	case "auds", "iavs":
		x.stays, x.mixed = true, b[0] == 'i'
	}
	if !isChunkID(b[4:8]) || !x.stays {
		clear(b[4:8])
	}
	if !x.stays && string(b[:4]) != "txts" && string(b[:4]) != "mids" {
		copy(b, "txts")
	}
	clear(b[12:16]) // priority and language
	mendLow(b[8:40])
	if quality := b[40:44]; quality[3] >= ascii {
		copy(quality, "\xFF\xFF\xFF\xFF") // the usual one
	}
	mendLow(b[44:48])
	for x := b[48:min(len(b), 56)]; len(x) >= 2; x = x[2:] { // where the picture is
		if x[1] >= ascii && x[1] < negative {
			clear(x[:2])
		}
	}
	a.streams = append(a.streams, x)
	return min(len(b), 56)
}

// format redacts strf (BITMAPINFOHEADER with colours, or WAVEFORMATEX).
func (x *aviStream) format(b []byte) int {
	switch {
	case !x.stays, x.mixed: // of DV, decoders read nothing
		return 0
	case !x.pictures:
		return keepSoundFormat(b)
	case len(b) < 40:
		return 0
	}
	if x.stays = !slices.Contains(fileCodings, bitmapCoding(b)); !x.stays {
		return 0
	}
	if x.frames == nil {
		x.frames = framesOf(bitmapCoding(b))
	}
	x.palette = hasPalette(b)
	return keepBitmapInfo(b)
}

// superIndex redacts indx.
func superIndex(b []byte) int {
	if len(b) < 24 {
		return -1
	}
	le := binary.LittleEndian
	longs, n := int64(le.Uint16(b)), int64(le.Uint32(b[4:]))
	b[3] &= 0x81
	if b[3] == 0 { // of indexes: no base offset
		clear(b[12:24])
	} else {
		clear(b[20:24])
	}
	if !isChunkID(b[8:12]) || longs < 2 || longs > 8 || b[3] == 0 && longs < 3 {
		return -1
	}
	n = min(n, int64(len(b)-24)/(4*longs))
	le.PutUint32(b[4:], uint32(n)) //nolint:gosec // G115: no more than before
	size := int(4 * longs * n)
	wide := 0 // the bytes of an offset beyond 32 bits
	if b[3] == 0 {
		wide = 4
	} else if le.Uint64(b[12:]) > maxBox {
		clear(b[12:20])
	}
	width := 4 * int(longs)
	for x := b[24:][:size]; len(x) >= width; x = x[width:] { // an offset, and a size with a flag
		if x[wide+3+4]&0x7F >= ascii || wide > 0 && le.Uint64(x) > maxBox || !areLowLE(x[min(wide+8, width):width]) {
			clear(x[:width])
		}
	}
	return 24 + size
}

// streamOf returns the stream of a chunk in movi: its number is in the letters from at on.
func (a *avi) streamOf(id string, at int) *aviStream {
	if id[at] < '0' || id[at] > '9' || id[at+1] < '0' || id[at+1] > '9' {
		return nil
	}
	n := int(id[at]-'0')*10 + int(id[at+1]-'0')
	if n >= len(a.streams) || !a.streams[n].stays {
		return nil
	}
	return &a.streams[n]
}

// isData reports whether a chunk has data of a stream that stays.
func (a *avi) isData(id string) (x *aviStream, ok bool) {
	if x = a.streamOf(id, 0); x == nil {
		return nil, false
	}
	pictures := x.pictures || x.mixed
	switch id[2:] {
	case "db", "dc", "DC":
		return x, pictures
	case "pc":
		return x, x.palette
	case "wb":
		return x, !x.pictures
	case "iv", "AC", "__":
		return x, true
	}
	return nil, false
}

// data redacts a chunk in movi.
func (a *avi) data(id string, size int64) bool {
	s := a.s
	if id == "idx1" { // movi's size is wrong
		a.movi = 0
		return a.index(size)
	}
	if id[:2] == "ix" && a.streamOf(id, 2) != nil {
		return a.structure(size, superIndex)
	}
	x, ok := a.isData(id)
	switch {
	case !ok:
		return a.junk(size)
	case id[2:] == "pc":
		return a.structure(size, func(b []byte) int {
			if len(b) < 4 {
				return 0
			}
			n := 4 * min(len(b)/4, 1+256) // the first color, how many, flags, then the colors
			clear(b[2:4])
			clearReserved(b[4:n])
			return n
		})
	case x.frames == nil:
		return s.pass(8 + size)
	}
	s.pass(8)
	end := s.offset + size
	_ = x.frames(s, size)
	return s.zero(end - s.offset)
}

// index redacts idx1: the entries of chunks that go are of JUNK.
func (a *avi) index(size int64) bool {
	const entry = 16
	s := a.s
	if !s.pass(8) {
		return false
	}
	for ; size >= entry; size -= entry {
		b, ok := s.peek(entry)
		if !ok {
			return false
		}
		id := string(b[:4])
		var is [entry]byte
		copy(is[:], b)
		if _, ok := a.isData(id); ok || id == "rec " {
			const flags = 0x0FFF0111 // those that are defined, and a codec's own
			binary.LittleEndian.PutUint32(is[4:], binary.LittleEndian.Uint32(b[4:])&flags)
		} else {
			copy(is[:], "JUNK\x00\x00\x00\x00")
		}
		if !areLowLE(is[12:]) { // the size
			clear(is[4:])
		}
		s.replace(is[:])
	}
	return s.zero(size)
}
