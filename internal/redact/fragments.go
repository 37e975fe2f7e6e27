package redact

import "encoding/binary"

// A fragment of a film (14496-12, 8.8) is a box moof, which says where its samples are, and a box mdat with them. A
// fragment can be a file of its own, as DASH and HLS have it: what its tracks are then says another file, the
// initialization segment. So all its tracks stay, as those of an MPEG transport stream do.

// redactFragment redacts the body of a moof in place. at is the offset of the box.
func (m *movie) redactFragment(body []byte, at int64) error {
	end := at // of the data of the last track
	n := 0
	keepFirst(body, boxRules{
		"mfhd": shape(1, -3, 4), // a number that counts fragments
		"traf": func(b *box) (ok bool) {
			if n++; n > maxTracks {
				return m.refuse()
			}
			ok, end = m.keepTrackFragment(b.body, at, end)
			return ok
		},
	})
	return m.problem
}

// keepTrackFragment redacts the body of traf; ok is false if its track goes. end is where the samples of the track before
// end, and the returned end is that of this one.
func (m *movie) keepTrackFragment(body []byte, at, end int64) (ok bool, _ int64) {
	stays, size, base := false, uint64(0), end
	seen := false
	eachBox(body, func(b box) {
		switch b.typ {
		case "tfhd":
			h := parseFragmentHeader(b.body)
			if seen || h.over { // of two, readers can use the first or the last
				m.refuse()
			}
			seen = true
			t := m.tracks[h.track]
			switch {
			case m.alone:
				stays = true
			case t != nil:
				stays, size = t.stays, t.defaultSize
				if t.still != nil { // runs don't tell one sample from the next
					m.refuse()
				}
			}
			if h.flags&baseIsMoof != 0 {
				base = at
			}
			if h.flags&hasBase != 0 {
				base = h.base
			}
			if h.flags&hasSize != 0 {
				size = h.size
			}
		case "senc", "saiz", "saio": // encrypted
			if stays {
				m.refuse()
			}
		}
	})
	to := &m.gone
	if stays {
		to = &m.kept
	}
	next := base
	eachBox(body, func(b box) {
		if b.typ != "trun" {
			return
		}
		if next, ok = keepRun(b, base, next, size, to); !ok {
			m.refuse()
		}
	})
	if stays {
		keepFirst(body, fragmentBoxes)
	}
	return stays, next
}

// fragmentBoxes are the boxes in traf.
var fragmentBoxes = boxRules{
	"tfhd": keepFragmentHeader,
	"tfdt": versions(shape(1, -3, 4), low(4, 8, shape(1, -3, 8))), // 8 bytes of nanoseconds are enough for 73 years
	"trun": asIs,                                                  // redacted before
	"sdtp": func(b *box) bool { return len(b.body) >= 4 && keepDependencies(b, uint64(len(b.body)-4)) },
	"sgpd": isKnownGroup,
	"sbgp": isKnownGroup,
}

// The flags of tfhd (8.8.7).
const (
	hasBase    = 0x000001
	hasSize    = 0x000010
	baseIsMoof = 0x020000
	allFlags   = 0x03003B
)

// fragmentHeader is what tfhd says.
type fragmentHeader struct {
	flags   uint64
	track   uint32
	base    int64  // what the offsets of runs count from
	size    uint64 // of each sample
	numbers []byte // of 4 bytes each
	end     int
	over    bool // the box is too short
}

func parseFragmentHeader(body []byte) (h fragmentHeader) {
	f := fields{b: body}
	h.flags, h.track = f.uint(4), f.id(4)
	if h.flags&hasBase != 0 {
		h.base = f.offset(8)
	}
	from := f.at
	for _, flag := range []uint64{2, 8, hasSize, 32} {
		if h.flags&flag == 0 {
			continue
		}
		if v := f.uint(4); flag == hasSize {
			h.size = v
		}
	}
	h.numbers, h.end, h.over = body[from:f.at], f.at, f.over
	return h
}

// keepFragmentHeader keeps tfhd.
func keepFragmentHeader(b *box) bool {
	h := parseFragmentHeader(b.body)
	if h.over || h.base > maxBox || !areLow(h.numbers) {
		return false
	}
	binary.BigEndian.PutUint32(b.body, uint32(h.flags&allFlags))
	clearFrom(b.body, h.end)
	return true
}

// keepRun redacts trun (8.8.8) and adds to r where its samples are. base is what their offset counts from, next where the
// last run ended.
func keepRun(b box, base, next int64, size uint64, r *sampleRuns) (end int64, ok bool) {
	f := fields{b: b.body}
	flags := f.uint(4)
	n := f.uint(4)
	if flags&1 != 0 {
		next = base + int64(int32(f.uint(4))) //nolint:gosec // G115: a signed number
	}
	if flags&4 != 0 && f.uint(4) >= ascii<<24 {
		return 0, false
	}
	const durations, sizes, dependencies, moments = 0x100, 0x200, 0x400, 0x800 // of samples; a moment can be negative
	width, sizeAt, momentAt := 0, -1, -1
	for _, flag := range [...]uint64{durations, sizes, dependencies, moments} {
		if flags&flag == 0 {
			continue
		}
		switch flag {
		case sizes:
			sizeAt = width
		case moments:
			momentAt = width
		}
		width += 4
	}
	if f.over || width > 0 && n > uint64(f.left()/width) || next < 0 { //nolint:gosec // G115: no less than 0
		return 0, false
	}
	total := int64(0)
	if sizeAt < 0 {
		total = product(n, size)
	}
	if width > 0 {
		for x := b.body[f.at:][:int(n)*width]; len(x) > 0; x = x[width:] { //nolint:gosec // G115: checked
			if sizeAt >= 0 {
				total += int64(binary.BigEndian.Uint32(x[sizeAt:]))
			}
			for at := 0; at < width; at += 4 {
				if x[at] >= ascii && (at != momentAt || x[at] < negative) {
					return 0, false
				}
			}
		}
		f.skip(int(n) * width) //nolint:gosec // G115: checked
	}
	binary.BigEndian.PutUint32(b.body, uint32(flags&0x01000F05))
	clearFrom(b.body, f.at)
	end = next + min(total, maxBox)
	return end, r.add(next, end)
}

// keepSegmentIndex keeps sidx (8.16.3).
func keepSegmentIndex(b *box) bool {
	f := fields{b: b.body}
	version := f.uint(1)
	f.skip(3 + 4)
	timescale := f.id(4)
	width := 4
	if version == 1 {
		width = 8
	}
	f.skip(width)
	first := f.uint(width)
	f.skip(2)
	n := int(f.uint(2)) //nolint:gosec // G115: 16 bits
	reserved := f.at - 4
	entries := f.at
	f.skip(12 * n)
	if f.over || version > 1 || !isTimescale(timescale) || first > maxBox || width == 4 && first >= ascii<<24 || width == 8 && b.body[12] >= ascii {
		return false
	}
	for x := b.body[entries:f.at]; len(x) > 0; x = x[12:] { // a size after a flag, a duration, and a small difference after flags
		if x[0]&0x7F >= ascii || x[4] >= ascii || x[8]&0x0F != 0 {
			return false
		}
	}
	clear(b.body[1:4])
	clear(b.body[reserved : reserved+2])
	clearFrom(b.body, f.at)
	return true
}

// keepRandomAccess keeps mfra (8.8.9), less what it says of tracks that go.
func (m *movie) keepRandomAccess(b *box) bool {
	return only(boxRules{"tfra": m.keepFragmentOffsets, "mfro": shape(1, -3, 4)})(b)
}

// keepFragmentOffsets keeps tfra (8.8.10) of a track that stays.
func (m *movie) keepFragmentOffsets(b *box) bool {
	f := fields{b: b.body}
	version := f.uint(1)
	f.skip(3)
	t := m.tracks[f.id(4)]
	sizes := f.uint(4)
	n := f.uint(4)
	width := uint64(8)
	if version == 1 {
		width = 16
	}
	half := width / 2
	width += 3 + sizes>>4&3 + sizes>>2&3 + sizes&3
	if f.over || version > 1 || n > uint64(f.left())/width || !m.alone && (t == nil || !t.stays) { //nolint:gosec // G115: no less than 0
		return false
	}
	for i := range n {
		x := b.body[f.at+int(i*width):] //nolint:gosec // G115: checked
		if x[0] >= ascii && version == 1 || x[half] >= ascii && version == 0 || version == 1 && (x[half] != 0 || x[half+1] != 0) {
			return false
		}
		numbers := fields{b: x, at: int(2 * half)}
		for _, shift := range []int{4, 2, 0} { // of a track, a run and a sample
			if numbers.uint(int(sizes>>shift&3)+1) >= 1<<20 {
				return false
			}
		}
	}
	clear(b.body[1:4])
	clear(b.body[8:11])
	b.body[11] &= 63
	clear(b.body[f.at+int(n*width):]) //nolint:gosec // G115: checked
	return true
}
