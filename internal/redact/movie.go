package redact

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"regexp"
	"slices"
)

// A film or an image sequence (ISO/IEC 14496-12, 8.2; QuickTime File Format) has tracks. Those with pictures and with
// sound stay, each by lists of boxes (this file) and of codings (codings.go). All others go with their samples:
// places, sensors, texts, time codes. So do creation times, names of programs, languages of pictures, user data (udta,
// meta, uuid), and the bytes after the fields of a box. Only the samples of tracks that stay (samples.go, fragments.go)
// keep their bytes in mdat.
//
// What can't be followed is refused, since a guess would break the film, or let it tell:
//
//   - a picture or sound track whose coding isn't known, or is encrypted, or whose data is in another file,
//   - a moov that is compressed,
//   - samples of a track that stays which overlap those of a track that goes. No writer makes such a file.

const (
	// maxTracks bounds the tracks of a film.
	maxTracks = 1 << 8
	// maxRuns bounds the runs of bytes that the samples of a film are in.
	maxRuns = 1 << 20
	// maxRows bounds the rows of runs that are in order, of a film with more than maxUnsorted runs, since sorting costs
	// time. Writers store a track in order.
	maxRows     = 1 << 6
	maxUnsorted = 1 << 15
)

// movie is what the index of a film says.
type movie struct {
	tracks     map[uint32]*track
	kept, gone sampleRuns // the samples of tracks that stay, and of those that go
	frames     []nested   // the samples that stay and have metadata of their own
	frameBytes int64      // how many bytes these have
	alone      bool       // there is no moov: the file is a fragment
	timescale  uint32     // of the film
	limit      int64      // where the last mdat ends
	problem    error      // ErrRefused, if the film can't be redacted
}

// track is a track of a film.
type track struct {
	handler        string
	stays          bool
	pictures       bool
	table          sampleTable
	frames         packets // of a sound track
	still          *still  // what each sample is, nil if it has no metadata of its own
	duration       uint64  // as mdhd has it
	defaultSize    uint64  // of a sample in a fragment
	entries, known int     // of stsd, and how many of these have a known coding
}

// refuse records that the film can't be redacted. It returns false.
func (m *movie) refuse() bool {
	m.problem = ErrRefused
	return false
}

// redact redacts the body of moov in place.
func (m *movie) redact(body []byte) error {
	m.tracks = make(map[uint32]*track)
	n := 0
	eachBox(body, func(b box) {
		switch b.typ {
		case "trak":
			if n++; n <= maxTracks {
				m.find(b.body)
			} else {
				m.refuse()
			}
		case "cmov":
			m.refuse()
		case "mvhd":
			f := fields{b: b.body}
			if f.uint(1) == 1 {
				f.skip(8)
			}
			f.skip(11)
			m.timescale = f.id(4)
		}
	})
	if m.problem != nil {
		return m.problem
	}
	keepFirst(body, boxRules{
		"mvhd": versions(m.clock(12, 4, movieHeader(20, shape(1, -3, -8, 14, -10, 36, -24, 4))),
			m.clock(20, 8, movieHeader(32, shape(1, -3, -16, 18, -10, 36, -24, 4)))),
		"trak": func(b *box) bool { return m.keepTrack(b.body) },
		"mvex": only(boxRules{"mehd": versions(m.shown(4, 4, shape(1, -3, 4)), m.shown(4, 8, shape(1, -3, 8))), "trex": m.keepDefaults}),
	})
	return m.problem
}

// clock returns the rule for a header with a time scale at an offset, and a duration of n bytes after it.
func (m *movie) clock(at, n int, keep func(*box) bool) func(*box) bool {
	return func(b *box) bool {
		if !keep(b) {
			return false
		}
		timescale := binary.BigEndian.Uint32(b.body[at:])
		if !isTimescale(timescale) {
			return m.refuse()
		}
		mendDuration(b.body[at+4:][:n], timescale)
		return true
	}
}

// shown returns the rule for a header with a duration of n bytes, at an offset, in the film's units of time.
func (m *movie) shown(at, n int, keep func(*box) bool) func(*box) bool {
	return mended(keep, func(b []byte) { mendDuration(b[at:][:n], m.timescale) })
}

// movieHeader returns the rule for mvhd (8.2.2), whose rate is at an offset.
func movieHeader(rate int, keep func(*box) bool) func(*box) bool {
	return mended(keep, func(b []byte) {
		mendRate(b[rate:])
		mendVolume(b[rate+4:])
		mendMatrix(b[rate+16:])
	})
}

// trackHeader returns the rule for tkhd (8.3.2), whose layer is at an offset.
func trackHeader(layer int, keep func(*box) bool) func(*box) bool {
	return mended(keep, func(b []byte) {
		for _, at := range [...]int{layer, layer + 2} { // the layer and the group of alternatives
			if v := int16(binary.BigEndian.Uint16(b[at:])); v >= ascii<<8 || v <= -ascii<<8 { //nolint:gosec // G115: a signed number
				clear(b[at : at+2])
			}
		}
		mendVolume(b[layer+4:])
		mendMatrix(b[layer+8:])
		mendLengths(b[layer+44 : layer+52])
	})
}

// editList returns the rule for elst (8.6.6), whose numbers have a width. Its flag says that an animation is repeated until the
// track ends (23008-12, 9.6.1).
func editList(t *track, width int) func(*box) bool {
	size := 2*width + 4
	keep := table(size)
	return func(b *box) bool {
		repeated := len(b.body) > 3 && b.body[3]&1 != 0
		if !keep(b) {
			return false
		}
		if repeated {
			b.body[3] = 1
		}
		for x := b.body[8:]; len(x) >= size; x = x[size:] {
			f := fields{b: x}
			duration, from := f.uint(width), f.uint(width)
			nothing := from == math.MaxUint64>>(64-8*width) // an empty edit
			if duration > maxBox || !nothing && (from > maxBox || from >= ascii<<24 && from > t.duration) {
				return false
			}
			mendRate(x[2*width:])
		}
		return true
	}
}

// find records the track in the body of trak.
func (m *movie) find(body []byte) {
	t := &track{}
	eachBox(body, func(b box) {
		if b.typ == "mdia" && t.handler == "" {
			eachBox(b.body, func(b box) {
				switch {
				case b.typ == "hdlr" && len(b.body) >= 12 && t.handler == "":
					t.handler = string(b.body[8:12])
				case b.typ == "mdhd" && t.duration == 0:
					t.duration = mediaDuration(b.body)
				}
			})
		}
	})
	switch t.handler {
	case "vide", "pict", "auxv":
		t.stays, t.pictures = true, true
	case "soun":
		t.stays = true
	}
	id := trackID(body)
	if m.tracks[id] != nil { // readers can use the first track or the last
		m.refuse()
	}
	m.tracks[id] = t
}

// mediaDuration returns the duration in the body of mdhd (8.4.2), 0 if it isn't known.
func mediaDuration(body []byte) uint64 {
	f := fields{b: body}
	at, n := 12, 4
	if f.uint(1) == 1 {
		at, n = 20, 8
	}
	f.skip(at - 1 + 4)
	if v := f.uint(n); v < math.MaxUint64>>(64-8*n) {
		return v
	}
	return 0
}

// trackID returns the ID in the body of trak, 0 if it has none.
func trackID(body []byte) (id uint32) {
	eachBox(body, func(b box) {
		if b.typ == "tkhd" && id == 0 {
			f := fields{b: b.body}
			at := 12
			if f.uint(1) == 1 {
				at = 20
			}
			f.skip(at - 1)
			id = f.id(4)
		}
	})
	return id
}

// keepTrack redacts the body of trak; ok is false if the track goes.
func (m *movie) keepTrack(body []byte) (ok bool) {
	t := m.tracks[trackID(body)]
	if t == nil {
		return m.refuse()
	}
	if !t.stays {
		t.findTable(body)
		if !t.table.locate(&m.gone, packets{}, nil) {
			m.refuse()
		}
		return false
	}
	keepFirst(body, boxRules{
		"tkhd": func(b *box) bool {
			if len(b.body) > 4 {
				b.body[3] &= 15
			}
			return versions(trackHeader(32, m.shown(20, 4, shape(1, -2, 1, -8, 4, -4, 4, -8, 6, -2, 44))),
				trackHeader(44, m.shown(28, 8, shape(1, -2, 1, -16, 4, -4, 8, -8, 6, -2, 44))))(b)
		},
		"edts": only(boxRules{"elst": versions(editList(t, 4), editList(t, 8))}),
		"tapt": only(boxRules{"clef": aperture, "prof": aperture, "enof": aperture}),
		"tref": m.keepReferences,
		"uuid": keepSpherical,
		"mdia": func(b *box) bool { m.keepMedia(t, b.body); return true },
	})
	if t.entries != t.known || t.entries == 0 && t.table.chunks() > 0 {
		return m.refuse()
	}
	var each func(span)
	if t.still != nil {
		each = func(s span) {
			m.frames = append(m.frames, nested{s, t.still.redact})
			m.frameBytes += s.to - s.from
		}
	}
	if !t.table.locate(&m.kept, t.frames, each) || int64(len(m.frames)) > maxSmallFrames+m.frameBytes/256 {
		return m.refuse()
	}
	t.table.trim(m.limit, t.entries)
	return true
}

// aperture is the rule for a box in tapt: a width and a height (QuickTime, "Track Aperture Mode Dimensions").
var aperture = mended(shape(1, -3, 8), func(b []byte) { mendLengths(b[4:12]) })

// trackReferences are the types of references between tracks to keep (8.3.3, annexes of 14496-15, MIAF, QuickTime).
var trackReferences = []string{"auxl", "prem", "thmb", "vdep", "vplx", "sbas", "scal", "tbas", "fall", "folw", "sync", "swfr", "swto", "pred", "avcp"}

// keepReferences keeps in tref the references to tracks that stay.
func (m *movie) keepReferences(b *box) (ok bool) {
	eachBox(b.body, func(b box) {
		var ids []byte
		for i := 0; i+4 <= len(b.body) && slices.Contains(trackReferences, b.typ); i += 4 {
			if t := m.tracks[binary.BigEndian.Uint32(b.body[i:])]; t != nil && t.stays {
				ids = append(ids, b.body[i:i+4]...)
			}
		}
		if len(ids) == 0 {
			b.free()
			return
		}
		ok = true
		for i := copy(b.body, ids); i < len(b.body); { // the rest says the first again
			i += copy(b.body[i:], ids[:4])
		}
	})
	return ok
}

// keepMedia redacts the body of mdia.
func (m *movie) keepMedia(t *track, body []byte) {
	keepFirst(body, boxRules{
		"mdhd": func(b *box) bool {
			at := 20
			if len(b.body) > 0 && b.body[0] == 1 {
				at = 32
			}
			if !versions(m.clock(12, 4, shape(1, -3, -8, 10, -2)), m.clock(20, 8, shape(1, -3, -16, 14, -2)))(b) {
				return false
			}
			if t.pictures || !isLanguage(binary.BigEndian.Uint16(b.body[at:])) {
				binary.BigEndian.PutUint16(b.body[at:], undetermined)
			}
			return true
		},
		"elng": func(b *box) bool { return !t.pictures && keepLanguageTag(b) },
		"hdlr": keepHandlerBox,
		"minf": only(boxRules{
			"vmhd": mended(shape(1, -2, 9), mendTransfer), "smhd": shape(1, -3, 2, -2),
			"hdlr": keepHandlerBox,
			"dinf": only(boxRules{"dref": m.keepDataReferences}),
			"stbl": func(b *box) bool { m.keepSampleTable(t, b.body); return true },
		}),
	})
}

// undetermined is the language "und".
const undetermined = 0x55C4

// isLanguage reports whether a language is one of QuickTime's numbers, or three letters (8.4.2.3).
func isLanguage(v uint16) bool {
	if v < 0x400 || v == 0x7FFF {
		return v < 200 || v == 0x7FFF
	}
	for ; v > 0; v >>= 5 {
		if l := v & 31; l < 1 || l > 26 {
			return false
		}
	}
	return true
}

// languageTags are the tags of a language, its script, and where it is spoken (RFC 5646, 2.1).
var languageTags = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$`)

// keepLanguageTag keeps the tag of a language (8.4.6).
func keepLanguageTag(b *box) bool {
	if len(b.body) < 5 {
		return false
	}
	clear(b.body[:4])
	tag, rest := b.body[4:], []byte(nil)
	if i := slices.Index(tag, 0); i >= 0 {
		tag, rest = tag[:i], tag[i:]
	}
	clear(rest)
	return languageTags.Match(tag)
}

// keepHandlerBox keeps in hdlr the types of the handler, and clears its name (8.4.3; in QuickTime the first type tells
// media from data).
func keepHandlerBox(b *box) bool {
	if len(b.body) < 12 {
		return false
	}
	clear(b.body[:4])
	if typ := string(b.body[4:8]); typ != "mhlr" && typ != "dhlr" {
		clear(b.body[4:8])
	}
	clearFrom(b.body, 12)
	return true
}

// keepDataReferences keeps dref (8.7.2) if all data is in this file.
func (m *movie) keepDataReferences(b *box) bool {
	if len(b.body) < 8 {
		return m.refuse()
	}
	left := count(b)
	clear(b.body[:4])
	eachBox(b.body[8:], func(b box) {
		if left == 0 {
			b.free()
			return
		}
		left--
		if len(b.body) < 4 || b.body[3]&1 == 0 && len(bytes.Trim(b.body[4:], "\x00")) > 0 {
			m.refuse()
			return
		}
		switch b.typ {
		case "url ", "alis", "rsrc":
		default:
			m.refuse()
		}
		clear(b.body)
		b.body[3] = 1
	})
	return true
}

// keepDefaults keeps trex (8.8.3) of a track that stays.
func (m *movie) keepDefaults(b *box) bool {
	f := fields{b: b.body}
	f.skip(4)
	t := m.tracks[f.id(4)]
	f.skip(8)
	size := f.uint(4)
	if t == nil {
		return false
	}
	t.defaultSize = size
	return t.stays && (low(4, 24, shape(1, -3, 20))(b) || m.refuse())
}

// keepSampleTable redacts the body of stbl.
func (m *movie) keepSampleTable(t *track, body []byte) {
	s := &t.table
	groups := make(map[string]bool)
	eachBox(body, func(b box) {
		if typ, ok := groupOf(&b); ok && b.typ == "sgpd" {
			groups[typ] = true
		}
	})
	rules := s.places()
	maps.Copy(rules, boxRules{
		"stsd": func(b *box) bool { m.keepEntries(t, b.body); return true },
		"stts": s.take(&s.stts, 8), "ctts": s.take(&s.ctts, 8), "stss": s.take(&s.stss, 4), "stps": s.take(&s.stps, 4),
		"cslg": versions(shifts(4, shape(1, -3, 20)), shifts(8, shape(1, -3, 40))),
		"sdtp": func(b *box) bool {
			if len(b.body) < 4 {
				return false
			}
			s.sdtp = b
			return true
		},
		"sgpd": isKnownGroup,
		"sbgp": func(b *box) bool { typ, ok := groupOf(b); return ok && groups[typ] },
	})
	keepFirst(body, rules)
	s.clock()
}

// findTable finds the tables of a track that goes, in the body of trak.
func (t *track) findTable(body []byte) {
	at := t.table.places()
	var walk func(b []byte, depth int)
	walk = func(b []byte, depth int) {
		eachBox(b, func(b box) {
			switch b.typ {
			case "mdia", "minf", "stbl":
				if depth < 4 {
					walk(b.body, depth+1)
				}
			default:
				if take := at[b.typ]; take != nil {
					take(&b)
				}
			}
		})
	}
	walk(body, 0)
}

// shape returns a function that keeps a box with fields of these lengths, negative for fields to clear. It clears the
// bytes after them. A box that doesn't have them all goes.
func shape(parts ...int) func(*box) bool {
	return func(b *box) bool {
		rest := b.body
		for _, n := range parts {
			keep := n > 0
			n = max(n, -n)
			if n > len(rest) {
				return false
			}
			if !keep {
				clear(rest[:n])
			}
			rest = rest[n:]
		}
		clear(rest)
		return true
	}
}

// versions returns a function that keeps a full box (4.2) with the function for its version.
func versions(rules ...func(*box) bool) func(*box) bool {
	return func(b *box) bool {
		return len(b.body) > 0 && int(b.body[0]) < len(rules) && rules[b.body[0]](b)
	}
}

// only returns a function that keeps of the boxes in a box those that have a rule, the first of each type.
func only(rules boxRules) func(*box) bool {
	return func(b *box) bool {
		keepFirst(b.body, rules)
		return true
	}
}

// table returns a function that keeps a full box with a count and as many entries of a size. It clears what follows.
func table(size int) func(*box) bool {
	return func(b *box) bool {
		if len(b.body) < 8 {
			return false
		}
		clear(b.body[1:4])
		n := min(uint64(binary.BigEndian.Uint32(b.body[4:])), uint64(len(b.body)-8)/uint64(size)) //nolint:gosec // G115: no less than 0
		binary.BigEndian.PutUint32(b.body[4:], uint32(n))                                         //nolint:gosec // G115: read from 32 bits
		clear(b.body[8+int(n)*size:])                                                             //nolint:gosec // G115: lengths in memory fit
		return true
	}
}

// sampleGroup is a type of sample group: the length of its descriptions, and whether one is a possible one.
type sampleGroup struct {
	size int
	keep func(b []byte) bool
}

// sampleGroups are the types of sample groups to keep (8.9; 10.1; 14496-15; AV1 in ISOBMFF).
var sampleGroups = map[string]sampleGroup{
	"roll": {2, isRoll},
	"prol": {2, isRoll},
	"rap ": {1, func(b []byte) bool { return b[0] == 0 || b[0] >= 0x80 && b[0] < 0x80+ascii }}, // leading samples, if it is known how many
	"tele": {1, func(b []byte) bool { return b[0]&0x7F == 0 }},
	"sync": {1, func(b []byte) bool { return b[0] < ascii }}, // the type of a unit
	"tscl": {20, keepTemporalLayer},
	"stsa": {}, "tsas": {}, "av1f": {}, "av1s": {},
}

// isRoll reports whether b is a number of samples that decoders begin before, which is negative, or after.
func isRoll(b []byte) bool {
	v := int16(binary.BigEndian.Uint16(b)) //nolint:gosec // G115: a signed number
	return -0x80 <= v && v < ascii
}

// keepTemporalLayer keeps the description of a temporal layer of HEVC (14496-15, 9.4.3), as hvcC has its profile.
func keepTemporalLayer(b []byte) bool {
	clear(b[8:11])
	b[11] &= 1
	return b[0] < 8 && b[17] < 4
}

// isKnownGroup keeps a box about a sample group to keep.
func isKnownGroup(b *box) bool {
	_, ok := groupOf(b)
	return ok
}

// groupOf returns the type of a sample group whose descriptions (sgpd) or samples (sbgp) are in a box, and clears the
// bytes after them. ok is false if it isn't one to keep.
func groupOf(b *box) (typ string, ok bool) {
	f := fields{b: b.body}
	version := f.uint(1)
	f.skip(7)
	if f.over {
		return "", false
	}
	typ = string(b.body[4:8])
	group, known := sampleGroups[typ]
	if !known {
		return typ, false
	}
	size := group.size
	clear(b.body[1:4])
	if b.typ == "sbgp" {
		if version == 1 {
			f.skip(4)
		}
		n := f.uint(4)
		if f.over || version > 1 || n > uint64(f.left()/8) { //nolint:gosec // G115: no less than 0
			return typ, false
		}
		end := f.at + 8*int(n) //nolint:gosec // G115: lengths in memory fit
		clear(b.body[end:])
		return typ, areLow(b.body[f.at:end])
	}
	length := uint64(size) //nolint:gosec // G115: a constant
	switch version {
	case 0:
	case 1:
		length = f.uint(4)
	case 2, 3:
		f.skip(4)
	}
	n := f.uint(4)
	each := size
	if version == 1 && length == 0 { // each has its own length
		each += 4
	} else if length != uint64(size) { //nolint:gosec // G115: a constant
		return typ, false
	}
	if f.over || version > 2 || n > 1<<16 || int(n)*each > f.left() {
		return typ, false
	}
	for range n {
		if each != size && f.uint(4) != uint64(size) { //nolint:gosec // G115: a constant
			return typ, false
		}
		f.skip(size)
		if size > 0 && !group.keep(b.body[f.at-size:f.at]) {
			return typ, false
		}
	}
	clearFrom(b.body, f.at)
	return typ, true
}
