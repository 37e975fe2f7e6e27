package redact

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Matroska and WebM (RFC 9559) are EBML (RFC 8794): elements of an ID, a size and a body, some of which consist of
// elements. The film is one element, Segment: Info, Tracks, then Clusters with the blocks of all tracks. It is redacted
// as it streams. Elements stay by the lists below, with numbers of up to 8 bytes; all else becomes the element Void of the
// same length: tags, attachments, chapters, dates, titles, unknown elements, checksums (which would be wrong), tracks other
// than pictures and sound with their blocks, what SeekHead and Cues say of them. Names of programs stay as empty texts,
// since they are mandatory.

// The IDs of elements that the code below knows by name.
const (
	idEBML           = 0x1A45DFA3
	idSegment        = 0x18538067
	idSeekHead       = 0x114D9B74
	idSeek           = 0x4DBB
	idSeekID         = 0x53AB
	idInfo           = 0x1549A966
	idTracks         = 0x1654AE6B
	idTrackEntry     = 0xAE
	idCluster        = 0x1F43B675
	idSimpleBlock    = 0xA3
	idBlockGroup     = 0xA0
	idBlock          = 0xA1
	idBlockAdditions = 0x75A1
	idBlockMore      = 0xA6
	idBlockAddID     = 0xEE
	idBlockAddition  = 0xA5
	idTrackNumber    = 0xD7
	idTrackType      = 0x83
	idCodec          = 0x86
	idCodecPrivate   = 0x63A2
	idLanguage       = 0x22B59C
	idLanguageTag    = 0x22B59D
	idVideo          = 0xE0
	idAlphaMode      = 0x53C0
	idAudio          = 0xE1
	idEncodings      = 0x6D80
	idMapping        = 0x41E4
	idMappingType    = 0x41E7
	idCues           = 0x1C53BB6B
	idCuePoint       = 0xBB
	idTrackPositions = 0xB7
	idCueTrack       = 0xF7
	idVoid           = 0xEC
	idCRC32          = 0xBF
	idSeekPosition   = 0x53AC
)

// maxElements bounds the elements of a film that are empty or nearly so, since each costs time: so many, and one more for
// every 16 bytes. A block of sound that is silent has 10.
const maxElements = 1 << 15

// maxElementHead is the length of the longest head of an element.
const maxElementHead = 4 + 8

// element is the head of an element.
type element struct {
	id   uint32
	head int64 // the length of the head
	size int64 // of the body, container.ToEnd if it isn't known
}

// parseElement parses the head of the element at the start of b.
func parseElement(b []byte) (e element, ok bool) {
	if len(b) == 0 || b[0] < 0x10 {
		return e, false
	}
	n := 1
	for first := b[0]; first < 0x80; first <<= 1 {
		n++
	}
	if len(b) <= n {
		return e, false
	}
	for _, c := range b[:n] {
		e.id = e.id<<8 | uint32(c)
	}
	size, width, ok := vint(b[n:])
	e.head, e.size = int64(n+width), int64(min(size, container.ToEnd))
	if size == 1<<(7*width)-1 {
		e.size = container.ToEnd
	}
	return e, ok && (e.size == container.ToEnd || e.size <= maxBox)
}

// vint parses a number whose first bits tell its length (RFC 8794, 4).
func vint(b []byte) (v uint64, width int, ok bool) {
	if len(b) == 0 || b[0] == 0 {
		return 0, 0, false
	}
	width = 1
	for first := b[0]; first < 0x80; first <<= 1 {
		width++
	}
	if len(b) < width {
		return 0, 0, false
	}
	for _, c := range b[:width] {
		v = v<<8 | uint64(c)
	}
	return v &^ (1 << (7 * width)), width, true
}

// voidHead returns the first bytes of an element Void of a length.
func voidHead(n, head int64) []byte {
	width := min(head-1, 8)
	b := binary.BigEndian.AppendUint64([]byte{}, uint64(n-1-width)|1<<(7*width)) //nolint:gosec // G115: no less than 0
	return append([]byte{idVoid}, b[8-width:]...)
}

// elements maps the IDs of elements to keep to what their bodies are.
type elements map[uint32]func(b []byte) bool

// Functions of elements: a number of 32 bits, a wide one, a fraction, a text that becomes empty, more elements.
func isNumber(b []byte) bool { return len(b) <= 8 && significant(b) <= 4 }

// isWide is for times, offsets and sizes.
func isWide(b []byte) bool { return len(b) <= 8 && significant(b) <= 6 }

// significant returns the length of an integer without the bytes that only say whether it is negative.
func significant(b []byte) int {
	for len(b) > 1 && (b[0] == 0 || b[0] == 0xFF) {
		b = b[1:]
	}
	return len(b)
}

// isFraction keeps a floating-point number that a film can have. The last bytes of one that could be a text are cleared.
func isFraction(b []byte) bool {
	v := 0.0
	switch len(b) {
	case 0:
	case 4:
		v = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	case 8:
		v = math.Float64frombits(binary.BigEndian.Uint64(b))
		if isChunkID(b) {
			clear(b[4:])
		}
	default:
		return false
	}
	v = math.Abs(v)
	return v == 0 || v > 1e-6 && v < 1e13
}

// mixedUID replaces the UID of a track with a hash of it if it has more than 4 bytes: programs choose it at random, and others
// can choose a text.
func mixedUID(b []byte) bool {
	if len(b) > 8 {
		return false
	}
	if len(bytes.TrimLeft(b, "\x00")) <= 4 {
		return true
	}
	sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(bytes.TrimLeft(b, "\x00"))|1) // never 0
	clear(b)
	copy(b[len(b)-len(sum):], sum)
	return true
}

func emptied(b []byte) bool {
	clear(b)
	return true
}

func (in elements) all(b []byte) bool {
	in.keep(b)
	return true
}

// several are the elements to keep of which there can be more than one beside each other.
var several = []uint32{idTrackPositions, 0x6240, idMapping, 0xE4, 0xED, 0x6FAB}

// keep redacts the elements in b. What can't be followed becomes Void, and so does the second element of a kind that there is
// one of: some readers take the first, some the last.
func (in elements) keep(b []byte) {
	var seen []uint32
	for len(b) > 0 {
		e, ok := parseElement(b)
		if !ok || e.size > int64(len(b))-e.head {
			voidRest(b)
			return
		}
		body := b[e.head:][:e.size]
		f := in[e.id]
		if f == nil || slices.Contains(seen, e.id) || !f(body) {
			voidElement(b[:e.head+e.size], e.head)
		}
		if f != nil && !slices.Contains(several, e.id) {
			seen = append(seen, e.id)
		}
		b = b[e.head+e.size:]
	}
}

// voidElement makes an element Void.
func voidElement(b []byte, head int64) {
	clear(b)
	copy(b, voidHead(int64(len(b)), head))
}

// voidRest makes bytes that aren't elements Void, as far as they are long enough.
func voidRest(b []byte) {
	clear(b)
	switch n := int64(len(b)); {
	case n < 2:
	case n < 10:
		copy(b, voidHead(n, 2))
	default:
		copy(b, voidHead(n, 9))
	}
}

// find returns the body of the first element in b with an ID.
func find(b []byte, id uint32) []byte {
	for i, body := range inside(b) {
		if i == id {
			return body
		}
	}
	return nil
}

// inside yields the ID and the body of each element in b.
func inside(b []byte) iter.Seq2[uint32, []byte] {
	return func(yield func(id uint32, body []byte) bool) {
		for len(b) > 0 {
			e, ok := parseElement(b)
			if !ok || e.size > int64(len(b))-e.head || !yield(e.id, b[e.head:][:e.size]) {
				return
			}
			b = b[e.head+e.size:]
		}
	}
}

// uintOf returns the number in the body of an element.
func uintOf(b []byte) (v uint64) {
	for _, c := range b[:min(8, len(b))] {
		v = v<<8 | uint64(c)
	}
	return v
}

// numbers returns a list of elements that are numbers.
func numbers(ids ...uint32) elements {
	in := make(elements)
	for _, id := range ids {
		in[id] = isNumber
	}
	return in
}

// wide and fractions return the list with more elements that are wide numbers, or fractions.
func (in elements) wide(ids ...uint32) elements      { return in.of(isWide, ids) }
func (in elements) fractions(ids ...uint32) elements { return in.of(isFraction, ids) }

func (in elements) of(f func([]byte) bool, ids []uint32) elements {
	for _, id := range ids {
		in[id] = f
	}
	return in
}

// with returns the list with more elements.
func (in elements) with(more elements) elements {
	for id, f := range more {
		in[id] = f
	}
	return in
}

var (
	headElements = numbers(0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4287, 0x4285).with(elements{
		0x4282: func(b []byte) bool {
			typ := string(bytes.TrimRight(b, "\x00"))
			return typ == "webm" || typ == "matroska"
		},
	})
	infoElements  = numbers().wide(0x2AD7B1).fractions(0x4489).with(elements{0x4D80: emptied, 0x5741: emptied})
	videoElements = numbers(0x9A, 0x9D, 0x53B8, 0x53B9, idAlphaMode, 0xB0, 0xBA, 0x54AA, 0x54BB, 0x54CC, 0x54DD, 0x54B0, 0x54BA, 0x54B2, 0x54B3,
		0x2EB524).fractions(0x2FB523, 0x2383E3).with(elements{
		0x55B0: numbers(0x55B1, 0x55B2, 0x55B3, 0x55B4, 0x55B5, 0x55B6, 0x55B7, 0x55B8, 0x55B9, 0x55BA, 0x55BB, 0x55BC, 0x55BD).with(elements{
			0x55D0: numbers().fractions(0x55D1, 0x55D2, 0x55D3, 0x55D4, 0x55D5, 0x55D6, 0x55D7, 0x55D8, 0x55D9, 0x55DA).all,
		}).all,
		0x7670: numbers(0x7671).fractions(0x7673, 0x7674, 0x7675).with(elements{0x7672: keepProjection}).all,
	})
	audioElements = numbers(0x9F, 0x6264, 0x52F1).fractions(0xB5, 0x78B5)
	// trackElements stay of every track; keepTrack adds those that depend on what it is.
	trackElements = numbers(idTrackNumber, idTrackType, 0xB9, 0x88, 0x55AA, 0x55AB, 0x55AC, 0x55AD, 0x55AE, 0x55AF, 0x9C, 0x6DE7, 0x6DF8,
		0x55EE, 0xAA, 0x6FAB).wide(0x23E383, 0x234E7A, 0x56AA, 0x56BB).fractions(0x23314F).with(elements{
		0x73C5:      mixedUID,
		idCodec:     func([]byte) bool { return true },
		idEncodings: elements{0x6240: keepEncoding}.all,
		0xE2: elements{
			0xE3: elements{0xE4: numbers(0xE6).with(elements{0xE5: mixedUID}).all}.all, 0xE9: elements{0xED: mixedUID}.all,
		}.all,
		idMapping: func(b []byte) bool {
			typ := uintOf(find(b, idMappingType))
			if typ != 0x64766343 && typ != 0x64767643 { // dvcC, dvvC
				return false
			}
			return mappingElements.all(b)
		},
	})
	encodingElements = numbers(0x5031, 0x5032, 0x5033).with(elements{0x5034: numbers(0x4254).with(elements{0x4255: func(b []byte) bool { return len(b) <= 16 && !isText(b) }}).all})
	mappingElements  = numbers(0x41F0, idMappingType).with(elements{0x41ED: func(b []byte) bool { return shape(5, -19)(&box{body: b}) }})
	cueElements      = numbers().wide(0xB3).with(elements{idTrackPositions: numbers(idCueTrack, 0x5378).wide(0xF1, 0xF0, 0xB2, 0xEA).all})
	groupLevel       = []uint32{0x9B, 0xFA, 0xFB, 0x75A2} // numbers in BlockGroup
	clusterNumbers   = []uint32{0xE7, 0xAB, 0xA7}
)

// keepEncoding redacts ContentEncoding. The settings of a compression are the bytes that all frames begin with, if these were
// stripped.
func keepEncoding(b []byte) bool {
	const stripped, frames = 3, 1
	compression, scope := find(b, 0x5034), find(b, 0x5032)
	if uintOf(find(compression, 0x4254)) != stripped || scope != nil && uintOf(scope)&frames == 0 {
		clear(find(compression, 0x4255))
	}
	return encodingElements.all(b)
}

// mkvTrack is a track that stays.
type mkvTrack struct {
	alpha  bool
	frames func(s *stream, n int64) error // redacts a frame, nil if it has no metadata of its own
}

// mkv is a film, while it is redacted.
type mkv struct {
	s      *stream
	seen   int64 // elements
	tracks map[uint64]mkvTrack
	ahead  bool // tracks are those that planMatroska found
}

// planMatroska returns the parser of a film. Editors that have no room left for Tracks put it after the clusters, where
// SeekHead says.
func planMatroska(r io.ReaderAt) (parser, error) {
	m := &mkv{tracks: make(map[uint64]mkvTrack)}
	segment, off := int64(0), int64(0)
	for range 8 {
		e, body, err := readElement(r, off)
		switch {
		case err != nil:
			return nil, err
		case e.id == idSegment:
			segment = off + e.head
			off = segment
			continue
		case e.id == idEBML, e.id == idVoid, e.id == idCRC32:
			off += e.head + e.size
			continue
		case e.id == idSeekHead:
			off = segment
			for id, b := range inside(body) {
				if off == segment && id == idSeek && uintOf(find(b, idSeekID)) == idTracks {
					off += int64(min(uintOf(find(b, idSeekPosition)), maxBox))
				}
			}
			if e, body, err = readElement(r, off); err != nil {
				return nil, err
			}
			if e.id == idTracks {
				for id, b := range inside(body) {
					if id == idTrackEntry {
						m.keepTrack(b)
					}
				}
			}
		}
		break
	}
	return func(s *stream, _ *Plan) error { return (&mkv{s: s, tracks: m.tracks, ahead: true}).redact() }, nil
}

// readElement reads the head of the element at off, and the body of SeekHead or Tracks. The ID is 0 if there is none.
func readElement(r io.ReaderAt, off int64) (e element, body []byte, err error) {
	var head [maxElementHead]byte
	n, err := container.ReadAt(r, head[:], off)
	if err != nil {
		return e, nil, err
	}
	e, ok := parseElement(head[:n])
	if !ok {
		return element{}, nil, nil
	}
	if e.id == idSeekHead || e.id == idTracks {
		body = make([]byte, min(e.size, maxHold))
		n, err = container.ReadAt(r, body, off+e.head)
		body = body[:n]
	}
	return e, body, err
}

// redactMatroska is the parser of Matroska and WebM.
func redactMatroska(s *stream, _ *Plan) error {
	return (&mkv{s: s, tracks: make(map[uint64]mkvTrack)}).redact()
}

func (m *mkv) redact() error {
	s := m.s
	for {
		e, ok := m.next(container.ToEnd)
		if !ok {
			return errBroken
		}
		switch e.id {
		case idEBML:
			ok = m.hold(e, 4<<10, headElements.all)
		case idSegment:
			s.pass(e.head)
			ok = m.segment(s.offset + e.size)
		default:
			ok = m.void(e)
		}
		if !ok {
			return errBroken
		}
	}
}

// next parses the head of the next element, which ends before end.
func (m *mkv) next(end int64) (e element, ok bool) {
	if m.seen++; m.seen > maxElements+m.s.offset/16 {
		return e, false
	}
	b, _ := m.s.peek(int(min(maxElementHead, end-m.s.offset)))
	e, ok = parseElement(b)
	return e, ok && (e.size == container.ToEnd || e.size <= end-m.s.offset-e.head)
}

// void makes an element Void. ok is false if its size isn't known.
func (m *mkv) void(e element) (ok bool) {
	if e.size == container.ToEnd {
		return false
	}
	if e.id == idVoid {
		return m.s.pass(e.head) && m.s.zero(e.size)
	}
	head := voidHead(e.head+e.size, e.head)
	return m.s.replace(head) && m.s.zero(e.head+e.size-int64(len(head)))
}

// hold buffers an element of up to limit bytes and redacts its body with f, which returns false to remove it.
func (m *mkv) hold(e element, limit int64, f func(b []byte) bool) (ok bool) {
	n := e.head + e.size
	if n > limit {
		return m.void(e)
	}
	b, ok := m.s.peek(int(n))
	if !ok {
		return false
	}
	b = slices.Clone(b)
	if !f(b[e.head:]) {
		voidElement(b, e.head)
	}
	return m.s.replace(b)
}

// segment redacts the elements of a segment, which ends at end.
func (m *mkv) segment(end int64) (ok bool) {
	for m.s.offset < end {
		e, ok := m.next(end)
		if !ok {
			return false
		}
		switch e.id {
		case idEBML, idSegment: // the segment's size isn't known, and another one follows
			return end >= container.ToEnd
		case idSeekHead:
			ok = m.each(e, idSeek, 256, func(b []byte) bool {
				numbers(idSeekID).wide(idSeekPosition).keep(b)
				switch uintOf(find(b, idSeekID)) {
				case idInfo, idTracks, idCues, idCluster, idSeekHead:
					return true
				}
				return false
			})
		case idInfo:
			ok = m.hold(e, 64<<10, infoElements.all)
		case idTracks:
			if m.ahead {
				m.tracks, m.ahead = make(map[uint64]mkvTrack), false
			}
			ok = m.each(e, idTrackEntry, maxHold, m.keepTrack)
		case idCues:
			ok = m.each(e, idCuePoint, 4<<10, m.keepCue)
		case idCluster:
			m.s.pass(e.head)
			ok = m.cluster(min(m.s.offset+e.size, end), e.size == container.ToEnd)
		default:
			ok = m.void(e)
		}
		if !ok {
			return false
		}
	}
	return true
}

// each redacts the elements in e with an ID, of up to limit bytes. All others become Void.
func (m *mkv) each(e element, id uint32, limit int64, f func(b []byte) bool) (ok bool) {
	if e.size == container.ToEnd || !m.s.pass(e.head) {
		return false
	}
	return m.children(m.s.offset+e.size, func(e element) bool {
		if e.id == id {
			return m.hold(e, limit, f)
		}
		return m.void(e)
	})
}

// children calls f, which redacts an element, with each up to end. From one that can't be followed on, all becomes Void.
func (m *mkv) children(end int64, f func(e element) (ok bool)) (ok bool) {
	for m.s.offset < end {
		e, ok := m.next(end)
		if !ok || e.size == container.ToEnd {
			return m.voidRest(end)
		}
		if !f(e) {
			return false
		}
	}
	return true
}

// voidRest makes what is left up to end Void.
func (m *mkv) voidRest(end int64) bool {
	n := end - m.s.offset
	if n >= container.ToEnd/2 {
		return false
	}
	b := make([]byte, min(n, 16))
	voidRest(b)
	if n > int64(len(b)) {
		copy(b, voidHead(n, 9))
	}
	return m.s.replace(b) && m.s.zero(n-int64(len(b)))
}

// keepTrack redacts TrackEntry. It returns false if the track goes.
func (m *mkv) keepTrack(b []byte) bool {
	number, typ := uintOf(find(b, idTrackNumber)), uintOf(find(b, idTrackType))
	codec := string(bytes.TrimRight(find(b, idCodec), "\x00"))
	pictures := typ == 1
	if number == 0 || len(m.tracks) == maxTracks || !pictures && typ != 2 || !isMatroskaCodec(codec, pictures) {
		return false
	}
	if _, again := m.tracks[number]; again {
		return false
	}
	encodings, bitmap := find(b, idEncodings), find(b, idCodecPrivate)
	t := mkvTrack{alpha: strings.HasPrefix(codec, "V_VP") && uintOf(find(find(b, idVideo), idAlphaMode)) == 1}
	switch codec {
	case "V_MJPEG":
		t.frames = redactJPEGs
	case asInAVI:
		t.frames = framesOf(bitmapCoding(bitmap))
	}
	if isEncrypted(encodings) || codec == asInAVI && slices.Contains(fileCodings, bitmapCoding(bitmap)) || t.frames != nil && encodings != nil {
		return false
	}
	known := true
	in := maps.Clone(trackElements)
	in[idCodecPrivate] = func(b []byte) bool {
		if isBare(codec) {
			return false
		}
		known = known && keepPrivate(codec, b)
		return known
	}
	in[idLanguage] = func(b []byte) bool { return keepLanguage(b, pictures) }
	if pictures {
		in[idVideo] = videoElements.all
	} else {
		in[idAudio] = audioElements.all
		in[idLanguageTag] = func(b []byte) bool { return keepWithoutFlags(b, keepLanguageTag) }
	}
	in.keep(b)
	if known {
		m.tracks[number] = t
	}
	return known
}

// isEncrypted reports whether one of a track's encodings is an encryption.
func isEncrypted(encodings []byte) bool {
	for _, b := range inside(encodings) {
		if find(b, 0x5035) != nil {
			return true
		}
	}
	return false
}

// keepLanguage keeps the language of sound. That of pictures, and what is no language, becomes an undetermined one.
func keepLanguage(b []byte, pictures bool) bool {
	if !pictures && isLetters(bytes.TrimRight(b, "\x00")) {
		return true
	}
	if len(b) < 3 {
		return false
	}
	clear(b[copy(b, "und"):])
	return true
}

// isLetters reports whether b is the code of a language, three letters.
func isLetters(b []byte) bool {
	return len(b) == 3 && !slices.ContainsFunc(b, func(c byte) bool { return c < 'a' || c > 'z' })
}

// asInAVI is the coding whose configuration is BITMAPINFOHEADER.
const asInAVI = "V_MS/VFW/FOURCC"

// matroskaCodecs are the codings of pictures and sound, of old with the profile.
var matroskaCodecs = strings.Fields(`V_VP8 V_VP9 V_AV1 V_MPEG4/ISO/AVC V_MPEGH/ISO/HEVC V_MPEGI/ISO/VVC V_MPEG4/ISO/SP V_MPEG4/ISO/ASP V_MPEG4/ISO/AP
	V_MPEG4/MS/V3 V_MPEG1 V_MPEG2 V_THEORA V_MJPEG V_PRORES V_FFV1 V_UNCOMPRESSED V_MS/VFW/FOURCC
	A_VORBIS A_OPUS A_AAC A_MPEG/L1 A_MPEG/L2 A_MPEG/L3 A_AC3 A_EAC3 A_DTS A_DTS/EXPRESS A_DTS/LOSSLESS A_TRUEHD A_MLP A_FLAC A_ALAC A_MS/ACM
	A_PCM/INT/LIT A_PCM/INT/BIG A_PCM/FLOAT/IEEE A_WAVPACK4 A_TTA1
	A_AAC/MPEG2/MAIN A_AAC/MPEG2/LC A_AAC/MPEG2/LC/SBR A_AAC/MPEG2/SSR A_AAC/MPEG4/MAIN A_AAC/MPEG4/LC A_AAC/MPEG4/LC/SBR
	A_AAC/MPEG4/SSR A_AAC/MPEG4/LTP A_AC3/BSID9 A_AC3/BSID10`)

func isMatroskaCodec(codec string, pictures bool) bool {
	if len(codec) < 2 || pictures != (codec[0] == 'V') {
		return false
	}
	return slices.Contains(matroskaCodecs, codec)
}

// isBare reports whether decoders need no configuration for a coding: what it has in CodecPrivate goes.
func isBare(codec string) bool {
	for _, start := range []string{"V_VP8", "V_MJPEG", "V_UNCOMPRESSED", "A_MPEG/", "A_AC3", "A_EAC3", "A_DTS", "A_TRUEHD", "A_MLP", "A_PCM/"} {
		if strings.HasPrefix(codec, start) {
			return true
		}
	}
	return false
}

// keepPrivate redacts CodecPrivate, the configuration of a decoder (RFC 9559, codec specifications).
func keepPrivate(codec string, b []byte) bool {
	x := &box{body: b}
	switch codec {
	case "V_MPEG4/ISO/AVC":
		return keepAVC(x)
	case "V_MPEGH/ISO/HEVC":
		return keepHEVC(x)
	case "V_MPEGI/ISO/VVC":
		return keepWithoutFlags(b, keepVVC)
	case "V_AV1":
		return keepAV1(x)
	case "V_THEORA", "A_VORBIS":
		return keepXiph(b)
	case "A_FLAC":
		if !bytes.HasPrefix(b, []byte("fLaC")) {
			return keepStreamInfo(b)
		}
		return keepFLAC(x) && copy(b, "fLaC") == 4
	case "A_OPUS":
		return keepOpusHead(b)
	case asInAVI:
		if len(b) < 40 || len(b) > 4<<10 {
			return false
		}
		clearFrom(b, keepBitmapInfo(b))
		return true
	case "A_MS/ACM":
		return keepWaveFormat(x)
	case "A_ALAC":
		return keepWithoutFlags(b, keepALAC)
	case "V_FFV1":
		n, _ := keepDecoderTables("FFV1", b)
		return n == len(b)
	case "V_VP9":
		return keepFeatures(b)
	case "V_PRORES":
		return len(b) <= 4 && isChunkID(b)
	case "A_TTA1": // a name, the format, channels, bits, the rate, samples, a checksum
		return len(b) == 22 && string(b[:4]) == "TTA1" && b[5] == 0 && b[7] == 0 && b[9] == 0 && b[13] == 0 &&
			binary.LittleEndian.Uint32(b[18:]) == crc32.ChecksumIEEE(b[:18])
	case "A_WAVPACK4":
		return len(b) <= 2
	}
	switch {
	case strings.HasPrefix(codec, "V_MPEG"):
		trimUnits(b, mpegUnit)
	case strings.HasPrefix(codec, "A_AAC"):
		clearFrom(b, keepAudioConfig(b))
	case codec[0] == 'A':
		return len(b) <= 64
	}
	return len(b) <= 4<<10
}

// keepOpusHead redacts the header of Opus, with its name.
func keepOpusHead(b []byte) bool {
	return len(b) >= 19 && string(b[:8]) == "OpusHead" && keepOpus(&box{body: b[8:]}, binary.LittleEndian)
}

// keepWithoutFlags redacts b as keep redacts the body of a box, whose version and flags b lacks.
func keepWithoutFlags(b []byte, keep func(*box) bool) bool {
	body := append(make([]byte, 4), b...)
	ok := keep(&box{body: body})
	copy(b, body[4:])
	return ok
}

// keepXiph redacts the three headers of Vorbis or Theora, of which the second has the program's name and comments. The
// name takes all its place then, and is blank.
func keepXiph(b []byte) bool {
	if len(b) < 3 || b[0] != 2 {
		return false
	}
	at, sizes := 1, [2]int{}
	for i := range sizes {
		for at < len(b) {
			c := b[at]
			at++
			if sizes[i] += int(c); c != 255 {
				break
			}
		}
	}
	from, to := at+sizes[0], at+sizes[0]+sizes[1]
	if to > len(b) || to-from < 7+8+1 {
		return false
	}
	h := b[from:to]
	end := len(h)
	first, last := string(b[at:from]), string(b[to:])
	switch string(h[:7]) {
	case "\x03vorbis":
		if len(first) != 30 || first[:7] != "\x01vorbis" || !strings.HasPrefix(last, "\x05vorbis") {
			return false
		}
		n := vorbisTablesLen(b[to:], int(first[11]))
		if n == 0 {
			return false
		}
		clear(b[to+n:])
		clear(b[at+7 : at+11])    // the version
		mendLow(b[at+12 : at+28]) // the rates
		end--
		h[end] = 1 // the last bit of the header
	case "\x81theora":
		if len(first) != 42 || first[:7] != "\x80theora" || !strings.HasPrefix(last, "\x82theora") {
			return false
		}
		mendHigh(b[at+22 : at+30])           // the rate of frames
		for _, i := range [...]int{30, 33} { // the shape of a pixel
			b[at+i] = 0
		}
	default:
		return false
	}
	n := end - 7 - 8
	binary.LittleEndian.PutUint32(h[7:], uint32(n)) //nolint:gosec // G115: lengths in memory fit
	for i := range n {
		h[11+i] = ' '
	}
	clear(h[11+n : end])
	return true
}

// keepProjection keeps ProjectionPrivate, the body of a box of Spherical Video V2 (equi, cbmp or mshp) by its length.
func keepProjection(b []byte) bool {
	x := &box{body: b}
	switch len(b) {
	case 12:
		return keepCube(x)
	case 20:
		return keepBounds(x)
	}
	return len(b) <= 4 || isMesh(b)
}

// keepFeatures keeps the features of VP9 (WebM, "VP9 Codec Feature Metadata"): the profile, the level, the depth and the
// subsampling, each a type, a length of 1 and a number.
func keepFeatures(b []byte) bool {
	for ; len(b) >= 3; b = b[3:] {
		if b[0] < 1 || b[0] > 4 || b[1] != 1 || b[2] > 62 {
			return false
		}
	}
	return len(b) == 0
}

// keepCue redacts CuePoint, less what it says of tracks that go. It returns false if nothing is left.
func (m *mkv) keepCue(b []byte) (ok bool) {
	cueElements.keep(b)
	if len(m.tracks) == 0 {
		return true
	}
	for x := b; len(x) > 0; {
		e, valid := parseElement(x)
		if !valid || e.size > int64(len(x))-e.head {
			break
		}
		if e.id == idTrackPositions {
			if _, stays := m.tracks[uintOf(find(x[e.head:][:e.size], idCueTrack))]; stays {
				ok = true
			} else {
				voidElement(x[:e.head+e.size], e.head)
			}
		}
		x = x[e.head+e.size:]
	}
	return ok
}

// cluster redacts the elements of a cluster, which ends at end, or before the next one if its size isn't known.
func (m *mkv) cluster(end int64, open bool) (ok bool) {
	for m.s.offset < end {
		e, ok := m.next(end)
		if !ok {
			return false
		}
		switch e.id {
		case idCluster, idCues, idSeekHead, idInfo, idTracks, 0x1043A770, 0x1254C367, 0x1941A469, idEBML, idSegment:
			return open
		case idSimpleBlock:
			ok = m.block(e)
		case idBlockGroup:
			ok = m.group(e)
		default:
			ok = m.number(e, clusterNumbers)
		}
		if !ok {
			return false
		}
	}
	return true
}

// number passes an element that is a number and one of some IDs. Any other becomes Void.
func (m *mkv) number(e element, ids []uint32) bool {
	if !slices.Contains(ids, e.id) || e.size > 8 {
		return m.void(e)
	}
	if !isWide(m.peekBody(e, e.size)) {
		return m.void(e)
	}
	return m.s.pass(e.head + e.size)
}

// peekBody returns the first bytes of an element's body, at most so many.
func (m *mkv) peekBody(e element, most int64) []byte {
	b, _ := m.s.peek(int(e.head + min(e.size, most)))
	return b[min(e.head, int64(len(b))):]
}

// trackOf returns the track of the block e.
func (m *mkv) trackOf(e element) (t mkvTrack, stays bool) {
	b := m.peekBody(e, 16)
	number, width, ok := vint(b)
	if !ok || e.size < int64(width)+3 {
		return t, false
	}
	t, stays = m.tracks[number]
	if laced := len(b) > width+2 && b[width+2]&6 != 0; t.frames != nil && laced {
		return t, false
	}
	return t, stays
}

// block redacts SimpleBlock or Block.
func (m *mkv) block(e element) bool {
	t, stays := m.trackOf(e)
	switch {
	case !stays || e.size == container.ToEnd:
		return m.void(e)
	case t.frames == nil:
		return m.s.pass(e.head + e.size)
	}
	_, width, _ := vint(m.peekBody(e, 8))
	end := m.s.offset + e.head + e.size
	m.s.pass(e.head + int64(width) + 3)
	_ = t.frames(m.s, end-m.s.offset)
	return m.s.zero(end - m.s.offset)
}

// group redacts BlockGroup.
func (m *mkv) group(e element) bool {
	if e.size == container.ToEnd {
		return false
	}
	end := m.s.offset + e.head + e.size
	b := m.peekBody(e, maxElementHead+16)
	if first, ok := parseElement(b); ok && first.id == idBlock {
		number, _, _ := vint(b[first.head:])
		if _, stays := m.tracks[number]; !stays {
			return m.void(e)
		}
	}
	m.s.pass(e.head)
	var t mkvTrack
	seen := false
	return m.children(end, func(e element) bool {
		switch {
		case e.id == idBlock && !seen:
			t, seen = m.trackOf(e)
			return m.block(e) && (seen || m.voidRest(end))
		case e.id == idBlockAdditions && seen && t.alpha:
			return m.additions(e)
		}
		return m.number(e, groupLevel)
	})
}

// additions redacts BlockAdditions: only the transparency of a picture stays, whose BlockAddID is 1.
func (m *mkv) additions(e element) bool {
	m.s.pass(e.head)
	return m.children(m.s.offset+e.size, func(e element) bool {
		b := m.peekBody(e, 3*maxElementHead-e.head)
		left := e.size
		id, alone := parseElement(b)
		if n := id.head + id.size; alone && id.id == idBlockAddID && id.size <= 8 && n <= int64(len(b)) && uintOf(b[id.head:n]) == 1 {
			left -= n
			b = b[n:]
		}
		data, ok := parseElement(b)
		if e.id == idBlockMore && ok && data.id == idBlockAddition && data.head+data.size == left {
			return m.s.pass(e.head + e.size)
		}
		return m.void(e)
	})
}
