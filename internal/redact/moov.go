package redact

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// An image sequence is a movie (ISO/IEC 14496-12, 8.2) with picture tracks. The parser keeps the location,
// timing and coding of their pictures. It removes all other tracks, creation times, which aren't EXIF,
// languages, and user data (udta, meta).

// boxRules maps the types of boxes to keep to functions that redact them.
type boxRules = map[string]func(*box) bool

// keepMovie redacts the body of moov in place, and returns where the file has the pictures of its tracks. ok is
// false if no track is left.
func keepMovie(body []byte) (frames []span, ok bool) {
	l := &frames
	keepBoxes(body, boxRules{
		"mvhd": func(b *box) bool {
			ok := keepTimed(b, 12, 100)
			if ok && len(b.body) >= 100 { // reserved; QuickTime has times of a preview and a selection there
				at := 12 * int(b.body[0]&1)
				clear(b.body[at+26 : at+36])
				clear(b.body[at+72 : min(at+96, len(b.body))])
			}
			return ok
		},
		"trak": func(b *box) bool {
			kept := keepTrack(b.body, l)
			ok = ok || kept
			return kept
		},
	})
	return frames, ok
}

// keepTimed clears a header box's creation and modification times, unused flags, and the bytes after its
// fields. times and end are where the times and the fields end in version 0.
func keepTimed(b *box, times, end int) bool {
	if len(b.body) < 4 {
		return false
	}
	clear(b.body[1:3])
	if b.body[0] == 1 {
		times, end = times+8, end+12
	}
	clear(b.body[4:min(times, len(b.body))])
	clearFrom(b.body, end)
	return true
}

// samples has the boxes in stbl that locate a track's pictures, which are samples in chunks.
type samples struct {
	pictures         bool   // it is a picture track
	knownCoding      bool   // all its codings are known
	stsc, stsz, stz2 []byte // the samples per chunk, and their sizes
	stco             []byte // the offsets of the chunks
	offsetSize       int
}

// keepTrack redacts the body of trak; ok is false if the caller must remove the track.
func keepTrack(body []byte, l *[]span) (ok bool) {
	var t samples
	keepBoxes(body, boxRules{
		"tkhd": func(b *box) bool { return keepTimed(b, 12, 84) },
		"edts": func(b *box) bool {
			keepBoxes(b.body, boxRules{"elst": keepTable(func(version byte) int { return 12 + 8*int(version&1) })})
			return true
		},
		"tref": func(b *box) bool {
			eachBox(b.body, func(b box) {
				if !slices.Contains(references, b.typ) {
					b.free()
				}
			})
			return true
		},
		"mdia": func(b *box) bool { t.keepMedia(b.body); return true },
	})
	if !t.pictures || !t.knownCoding {
		return false
	}
	t.locate(l)
	return true
}

// keepHandler keeps the handler type in hdlr (8.4.3), and clears its name.
func keepHandler(b []byte) {
	clear(b[:min(8, len(b))])
	clearFrom(b, 12)
}

func (t *samples) keepMedia(body []byte) {
	keepBoxes(body, boxRules{
		"mdhd": func(b *box) bool {
			if !keepTimed(b, 12, 22) {
				return false
			}
			if language := 20 + 12*int(b.body[0]&1); len(b.body) >= language+2 {
				binary.BigEndian.PutUint16(b.body[language:], 0x55C4) // und
			}
			return true
		},
		"hdlr": func(b *box) bool {
			if len(b.body) < 12 {
				return false
			}
			switch string(b.body[8:12]) {
			case "pict", "vide", "auxv":
				t.pictures = true
			}
			keepHandler(b.body)
			return true
		},
		"minf": func(b *box) bool {
			keepBoxes(b.body, boxRules{
				"vmhd": upTo(12),
				"dinf": keepDataInfo,
				"stbl": func(b *box) bool { t.keepSampleTable(b.body); return true },
			})
			return true
		},
	})
}

// keepDataInfo keeps dinf (8.7) if its only data reference is this file.
func keepDataInfo(b *box) bool {
	return string(b.body) == "\x00\x00\x00\x1Cdref\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0Curl \x00\x00\x00\x01"
}

// keepTable returns a function that keeps a table: version, flags, a count, and that many entries, whose size
// depends on the version.
func keepTable(size func(version byte) int) func(*box) bool {
	return func(b *box) bool {
		f := fields{b: b.body}
		version := f.uint(1)
		f.skip(3)
		n := f.uint(4)
		if f.over {
			return false
		}
		if high, end := bits.Mul64(n, uint64(size(byte(version)))); high == 0 && end < uint64(f.left()) { //nolint:gosec // G115: a byte, and sizes
			clearFrom(b.body, f.at+int(end)) //nolint:gosec // G115: lengths in memory fit
		}
		return true
	}
}

func entries(size int) func(*box) bool { return keepTable(func(byte) int { return size }) }

// sampleGroups are the types of sample groups (8.9; 14496-15; AV1 in ISOBMFF) whose descriptions are numbers
// only.
var sampleGroups = []string{"refs", "roll", "prol", "rap ", "tele", "sap ", "sync", "tscl", "tsas", "stsa", "alst", "av1f", "av1m"}

func (t *samples) keepSampleTable(body []byte) {
	keepBoxes(body, boxRules{
		"stsd": func(b *box) bool { t.keepEntries(b.body); return t.knownCoding },
		"stts": entries(8), "ctts": entries(8), "stss": entries(4), "cslg": upTo(44), "sdtp": asIs,
		"stsc": func(b *box) bool { t.stsc = b.body; return entries(12)(b) },
		"stsz": func(b *box) bool { t.stsz = b.body; return true },
		"stz2": func(b *box) bool { t.stz2 = b.body; return true },
		"stco": func(b *box) bool { t.stco, t.offsetSize = b.body, 4; return entries(4)(b) },
		"co64": func(b *box) bool { t.stco, t.offsetSize = b.body, 8; return entries(8)(b) },
		"sgpd": keepSampleGroup, "sbgp": keepSampleGroup,
	})
}

func keepSampleGroup(b *box) bool {
	return len(b.body) >= 8 && slices.Contains(sampleGroups, string(b.body[4:8]))
}

// codings are the sample entry types of pictures.
var codings = []string{
	"av01", "hvc1", "hev1", "hvc2", "hev2", "lhv1", "lhe1", "avc1", "avc3", "vvc1", "vvi1", "evc1",
	"jpeg", "mjpg", "mjp2", "j2ki", "uncv",
}

// keepEntries redacts the body of stsd (8.5.2).
func (t *samples) keepEntries(b []byte) {
	if len(b) < 8 {
		return
	}
	clear(b[:4])
	t.knownCoding = true
	eachBox(b[8:], func(b box) {
		const fixed = 78 // the fields of a VisualSampleEntry (12.1.3)
		if !slices.Contains(codings, b.typ) || len(b.body) < fixed {
			t.knownCoding = false
			return
		}
		clear(b.body[:6])
		clear(b.body[8:24])
		clear(b.body[36:40])
		clear(b.body[42:74]) // compressorname
		keepBoxes(b.body[fixed:], properties)
	})
}

// locate adds the samples' locations to l.
func (t *samples) locate(l *[]span) {
	sizes := sampleSizes{f: fields{b: t.stsz}}
	if t.stsz == nil {
		sizes.f.b = t.stz2
	}
	sizes.f.skip(4)
	if t.stsz != nil {
		sizes.all = sizes.f.uint(4)
		sizes.width = 32
	} else {
		sizes.width = sizes.f.uint(4) & 255
	}
	sizes.left = sizes.f.uint(4)
	if end := sizes.f.at; !sizes.f.over {
		n := uint64(0)
		if sizes.all == 0 {
			n = (sizes.left*sizes.width + 7) / 8
		}
		if n < uint64(sizes.f.left()) { //nolint:gosec // G115: no less than 0
			clearFrom(sizes.f.b, end+int(n))
		}
	}

	runs := fields{b: t.stsc}
	runs.skip(4)
	left := runs.uint(4)
	next, perChunk := uint64(0), uint64(0)
	step := func() {
		perChunk = next >> 32
		next = 0
		if left > 0 {
			left--
			first, n := runs.uint(4), runs.uint(4)
			runs.uint(4)
			if !runs.over {
				next = n<<32 | first
			}
		}
	}
	step() // read the first entry, which applies from its first chunk on
	chunks := fields{b: t.stco}
	chunks.skip(4)
	var at []span
	for k, n := uint64(1), chunks.uint(4); k <= n; k++ {
		from := chunks.offset(t.offsetSize)
		if chunks.over || len(at) == maxExtents {
			break
		}
		for next != 0 && next&0xFFFFFFFF <= k {
			step()
		}
		to := from + sizes.sum(perChunk)
		if last := len(at) - 1; last >= 0 && at[last].to == from {
			at[last].to = to
		} else if to > from {
			at = append(at, span{from, to})
		}
	}
	*l = append(*l, at...)
}

// sampleSizes reads the sizes of consecutive samples.
type sampleSizes struct {
	f     fields
	all   uint64 // the size of every sample, unless it is 0
	width uint64 // the bits per size
	left  uint64 // the number of unread sizes
	half  bool   // the next size is the second of two in a byte
}

// sum returns the total size of the next n samples.
func (s *sampleSizes) sum(n uint64) (total int64) {
	n = min(n, s.left)
	s.left -= n
	if s.all > 0 {
		high, low := bits.Mul64(n, s.all)
		if high > 0 || low > maxBox {
			return maxBox
		}
		return int64(low)
	}
	for ; n > 0 && !s.f.over; n-- {
		size := int64(0)
		switch s.width {
		case 4:
			if s.half {
				s.f.at--
			}
			size = s.f.offset(1)
			if s.half {
				size &= 15
			} else {
				size >>= 4
			}
			s.half = !s.half
		case 8, 16, 32:
			size = s.f.offset(int(s.width / 8))
		default:
			return 0
		}
		total = min(total+size, maxBox)
	}
	return total
}
