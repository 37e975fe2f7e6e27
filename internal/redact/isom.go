package redact

import (
	"encoding/binary"
	"io"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Files of the ISO base media file format (ISO/IEC 14496-12) have an index: the box meta lists the items of a
// picture (heif.go), the box moov the tracks of an image sequence or a film (movie.go). Only these tell which bytes of
// the boxes mdat belong to what. So the plan of such a file is made from its index alone, wherever in the file that
// is, and says of each byte what becomes of it:
//
//   - ftyp keeps the brands that are known,
//   - meta and moov are redacted in memory, in their length,
//   - the bodies of mdat boxes keep what the index says is part of a picture or of a track that stays,
//   - all else becomes free boxes of zeros.

const (
	// maxTopBoxes bounds the boxes of a file that aren't in others. A fragmented film has two for each fragment.
	maxTopBoxes = 1 << 14
	// maxMovie bounds moov, which is redacted in memory.
	maxMovie = 64 << 20
	// maxBrands bounds the bytes of ftyp that are read, 4 for each brand.
	maxBrands = 4 << 10
)

// isoFile is a file of the ISO base media file format, while its plan is made.
type isoFile struct {
	r    io.ReaderAt
	plan *Plan

	kept  []keptBox // in the order of the file
	end   int64     // of the last box
	media []span    // the bodies of the mdat boxes
	meta  index
	moov  index
	song  bool // the brand is one of sound
	again bool // there is a second index

	parts    []*filmPart
	parsed   int // the bytes of the parts
	fragment *fragmentMark
	film     *movie
}

// keptBox is a box that stays, of those that aren't in others.
type keptBox struct {
	at, body, end int64
	index         *index // of meta and moov
}

// index is the box meta or moov.
type index struct {
	off  int64 // of the body in the file, 0 if there is no such box
	body []byte
	keep bool
}

// planISO is the planner of all files of the ISO base media file format.
func planISO(r io.ReaderAt, plan *Plan) error {
	f := &isoFile{r: r, plan: plan}
	err := f.walk()
	streamed := err != nil
	if streamed && !f.toFragments() {
		return err
	}
	f.media = merge(f.media)
	pictures, err := f.planItems()
	if err != nil {
		return err
	}
	tracks, err := f.planTracks()
	if err != nil {
		return err
	}
	if !pictures && !tracks {
		return ErrRefused
	}
	f.planBoxes()
	f.plan.edits.sort()
	if streamed {
		f.plan.parse = f.parseFragments
	}
	return nil
}

// walk reads the heads of the boxes that aren't in others, and the index, and plans for all but the index and the
// bodies of mdat boxes.
func (f *isoFile) walk() error {
	edits := &f.plan.edits
	off := int64(0)
	for range maxTopBoxes {
		var head [container.MaxBoxHead]byte
		n, err := container.ReadAt(f.r, head[:], off)
		if err != nil {
			return err
		}
		h, ok := parseBox(head[:n])
		if !ok { // readers can't follow either
			f.end = off + int64(n)
			if n >= 8 {
				f.end = container.ToEnd
			}
			return nil
		}
		body, end := off+h.Head, off+h.Size
		switch {
		case h.Type == "ftyp" && off == 0, h.Type == "styp":
			b, err := f.read(body, min(h.Size-h.Head, maxBrands))
			if err != nil {
				return err
			}
			f.song = f.song || h.Type == "ftyp" && len(b) >= 4 && slices.Contains(songs, string(b[:4]))
			keepBrands(b, isoBrands)
			edits.add(body, b)
			f.kept = append(f.kept, keptBox{off, body, end, nil})
		case h.Type == "meta" && f.meta.off == 0:
			err = f.readIndex(&f.meta, off, h, maxMeta)
		case h.Type == "moov" && f.moov.off == 0:
			err = f.readIndex(&f.moov, off, h, maxMovie)
		case filmParts[h.Type]:
			f.markFragment(off, h)
			err = f.readPart(off, h)
		case h.Type == "mdat":
			f.kept = append(f.kept, keptBox{off, body, end, nil})
			f.media = append(f.media, span{body, end})
		}
		if err != nil {
			return err
		}
		f.again = f.again || h.Type == "moov" && f.moov.off != body
		if f.end = end; h.Size == container.ToEnd {
			f.end = container.ToEnd
			return nil
		}
		off = end
	}
	return ErrRefused
}

// readIndex reads the body of the box meta or moov at off, of at most some bytes.
func (f *isoFile) readIndex(x *index, off int64, h container.BoxHead, most int64) (err error) {
	x.off = off + h.Head
	if x.body, err = f.read(x.off, min(h.Size-h.Head, most+1)); err == nil && int64(len(x.body)) > most {
		err = ErrRefused
	}
	f.kept = append(f.kept, keptBox{off, x.off, off + h.Size, x})
	return err
}

// read reads n bytes, fewer if the file ends before.
func (f *isoFile) read(off, n int64) ([]byte, error) {
	if size := container.SizeOf(f.r); size >= 0 {
		n = min(n, max(size-off, 0))
	}
	b := make([]byte, n)
	k, err := container.ReadAt(f.r, b, off)
	return b[:k], err
}

// planBoxes plans for the heads of the boxes, and for the bodies of meta and moov.
func (f *isoFile) planBoxes() {
	edits := &f.plan.edits
	at := int64(0) // the end of the last box that stays
	for _, b := range f.kept {
		if b.index != nil {
			if !b.index.keep {
				continue
			}
			edits.add(b.body, b.index.body)
		}
		f.free(at, b.at)
		edits.pass = append(edits.pass, span{b.at, b.body})
		at = b.end
	}
	end := f.end
	if size := container.SizeOf(f.r); size >= 0 {
		end = min(end, size) // what follows the boxes can look like one that is longer, and some readers fail at one of any length
	}
	f.free(at, end)
}

// free makes all boxes between two offsets one free box.
func (f *isoFile) free(from, to int64) {
	edits := &f.plan.edits
	switch n := to - from; {
	case n < 8: // less than a box: zeros
	case to >= container.ToEnd:
		edits.add(from, []byte("\x00\x00\x00\x00free"))
	case n < 1<<32:
		edits.add(from, append(binary.BigEndian.AppendUint32(nil, uint32(n)), "free"...))
	default:
		edits.add(from, binary.BigEndian.AppendUint64([]byte("\x00\x00\x00\x01free"), uint64(n)))
	}
}

// isoBrands are the brands to keep: those of images and sequences (23008-12, annexes B to L; AVIF; MIAF), and those of
// the base format that such files also have.
var isoBrands = []string{
	"mif1", "mif2", "mif3", "msf1", "miaf", "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs",
	"avif", "avis", "avio", "avci", "avcs", "jpeg", "jpgs", "j2ki", "j2is", "vvic", "vvis", "evbi", "evbs",
	"MiHB", "MiHE", "MiHA", "MiHM", "MiPr", "MiAB", "MA1A", "MA1B", "MiCm", "unif", "tmap", "geo1", "pred", "1pic",
	"isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "isoa", "isob", "isoc", "mp41", "mp42", "heif",
	"hvc1", "av01", "MSNV",
	// those of films:
	"qt  ", "M4V ", "M4VH", "M4VP", "M4A ", "M4B ", "M4P ", "f4v ", "F4V ", "avc1", "mp71", "mmp4", "mp21", "iso1", "dby1", "mp4v", "mp4a",
	"3gp1", "3gp2", "3gp3", "3gp4", "3gp5", "3gp6", "3gp7", "3gp8", "3gp9", "3ge6", "3ge7", "3ge9", "3gg6", "3gg9", "3gh9", "3gr6", "3gr9",
	"3gs6", "3gs7", "3gs9", "3gt9", "3g2a", "3g2b", "3g2c", "kddi", "XAVC", "NIKO", "pana", "CAEP", "caqv", "SDV ", "dash", "dsms", "msdh",
	"msix", "risx", "sims", "lmsg", "cmfc", "cmf2", "cmfs", "cmff", "cmfl", "cmfv", "cmfa", "chdf", "cfhd", "chh1", "cud1", "caac", "ca4m",
	"hlsf", "isml", "piff", "dvr1", "dvt1", "mqt ", "opf2", "hev1", "LCAG",
}

// keepBrands clears the brands in b that aren't known.
func keepBrands(b []byte, known []string) {
	for len(b) > 0 {
		brand := b[:min(4, len(b))]
		if !slices.Contains(known, string(brand)) {
			clear(brand)
		}
		b = b[len(brand):]
	}
}
