package exif

import (
	"io"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// pictureSearch is the search for the pictures of one file.
type pictureSearch struct {
	r           io.ReaderAt
	places      []picturePlace
	exifDirs    []exifDir // Exif directories whose maker notes may locate more
	orientation int64     // the photo's Orientation, 0 if missing

	buf     container.DirBuffer
	entries int // entries read
	dirs    int // directories read
	steps   int // segments read
}

// picturePlace is where a JPEG may be.
type picturePlace struct {
	container.Place
	// ofIFD1 is true if it is the thumbnail of IFD1.
	ofIFD1 bool
}

// add adds a place, unless it is empty or there are too many.
func (s *pictureSearch) add(p container.Place) { s.addPlace(p, false) }

func (s *pictureSearch) addPlace(p container.Place, ofIFD1 bool) {
	if p.Run.Off >= 0 && p.Run.N > 0 && p.Run.N < container.ToEnd && len(s.places) < container.MaxPictures {
		s.places = append(s.places, picturePlace{p, ofIFD1})
	}
}

func (s *pictureSearch) best(c *Choice, ifd1First bool, better func(p, than *Picture) bool) (best Picture, err error) {
	for _, b := range c.Blocks {
		if err := s.addBlock(b); err != nil {
			return best, err
		}
	}
	if ifd1First {
		for _, at := range s.places {
			if !at.ofIFD1 {
				continue
			}
			p, ok, err := s.parse(at)
			if ok || err != nil {
				return p, err
			}
		}
	}
	for _, d := range s.exifDirs {
		if err := s.addMakerNote(d); err != nil {
			return best, err
		}
	}
	if pictures := formats[c.Format].pictures; pictures != nil {
		if err := pictures(s.r, s.add); err != nil {
			return best, err
		}
	}
	for _, at := range s.places {
		p, ok, err := s.parse(at)
		if err != nil {
			return best, err
		}
		if ok && better(&p, &best) {
			best = p
		}
	}
	return best, nil
}

// The tags of a directory that locate a picture, and tell whether it is a JPEG (TIFF 6.0, sections 8 and
// 22; Exif 3.0, 4.6.5; TIFF/EP, SubIFDs). jpegTag and jpegSizeTag locate a separate JPEG.
const (
	stripTag     = 0x0111
	stripSizeTag = 0x0117
	jpegSizeTag  = 0x0202
)

// addBlock adds the JPEGs that a block's directories point at, and reads the photo's Orientation. The
// directories are IFD0, those after it, and their SubIFDs.
func (s *pictureSearch) addBlock(b container.Block) error {
	w, next, ok, err := container.OpenDirs(b.R, &s.buf, &s.entries)
	if !ok || err != nil || b.First != ifd0 {
		return err
	}
	var seen, subs []int64
	for rank := ifd0; next != 0 && !slices.Contains(seen, next); rank = ifd1 {
		if s.dirs++; s.dirs > maxPictureDirs {
			break
		}
		if len(seen) > 1 {
			rank = directories
		}
		seen = append(seen, next)
		d, err := readPictureDir(&w, &b, next, rank)
		if err != nil {
			return err
		}
		s.addDir(b, &d, rank)
		if rank == ifd0 && d.exif > 0 && len(s.exifDirs) < container.MaxPictures {
			s.exifDirs = append(s.exifDirs, exifDir{w, d.exif})
		}
		subs = append(subs, d.subs...)
		next = d.next
	}
	for i := 0; i < len(subs); i++ {
		if slices.Contains(seen, subs[i]) {
			continue
		}
		if s.dirs++; s.dirs > maxPictureDirs {
			break
		}
		seen = append(seen, subs[i])
		d, err := readPictureDir(&w, &b, subs[i], directories)
		if err != nil {
			return err
		}
		s.addDir(b, &d, directories)
		subs = append(subs, d.subs...)
	}
	return nil
}

// pictureDir holds the values of a directory that describe its pictures.
type pictureDir struct {
	next, orientation, exif  int64
	jpeg, strip              container.Extent
	compression, photometric int64 // -1 if missing
	page                     bool  // a page rather than a reduced version, as far as the directory tells
	subs                     []int64
}

// readPictureDir reads the directory at start.
func readPictureDir(w *container.Dirs, b *container.Block, start int64, rank directory) (d pictureDir, err error) {
	d.compression, d.photometric, d.page = -1, -1, b.Pages
	end, _, err := w.Each(start, func(e []byte) error {
		id, typ, count, value := w.Fields(e)
		if rank == ifd0 && b.Foreign != nil && b.Foreign(id) {
			return nil
		}
		to := &d.orientation
		switch id {
		case newSubfileTypeTag:
			n, _, err := w.Integer(typ, count, value)
			d.page = d.page && n&1 == 0
			return err
		case subIFDsTag:
			if d.subs != nil { // a repeated tag
				return nil
			}
			d.subs, err = readOffsets(w, typ, count, value)
			return err
		case compressionTag:
			to = &d.compression
		case photometricTag:
			to = &d.photometric
		case stripTag:
			to = &d.strip.Off
		case stripSizeTag:
			to = &d.strip.N
		case jpegTag:
			to = &d.jpeg.Off
		case jpegSizeTag:
			to = &d.jpeg.N
		case orientationTag:
		case exifPointer:
			to = &d.exif
		default:
			return nil
		}
		n, ok, err := w.Integer(typ, count, value)
		if ok {
			*to = n
		}
		return err
	})
	if err != nil || end == 0 {
		return d, err
	}
	d.next, err = w.Next(end)
	return d, err
}

// addDir adds the pictures of a directory.
func (s *pictureSearch) addDir(b container.Block, d *pictureDir, rank directory) {
	if rank == ifd0 && s.orientation == 0 && d.orientation <= 8 {
		s.orientation = d.orientation
	}
	s.addPlace(container.Place{R: b.R, Run: d.jpeg}, rank == ifd1)
	// a strip of compression 6 or 7 can be a whole JPEG if its colors are those of a JPEG
	const oldJPEG, newJPEG, gray, ycbcr = 6, 7, 1, 6
	if (d.compression == oldJPEG || d.compression == newJPEG) &&
		(d.photometric == -1 || d.photometric == gray || d.photometric == ycbcr) {
		s.addPlace(container.Place{R: b.R, Run: d.strip}, rank == ifd1 && !d.page)
	}
}

// readOffsets returns the values of an entry of offsets, at most maxSubIFDs of them.
func readOffsets(w *container.Dirs, typ uint16, count uint64, value []byte) (offs []int64, err error) {
	switch typ {
	case container.TypeLong, container.TypeIFD, container.TypeLong8, container.TypeIFD8:
	default:
		return nil, nil
	}
	var buf [8 * maxSubIFDs]byte
	size := container.TypeSize(typ)
	b := buf[:size*min(count, maxSubIFDs)]
	if count <= uint64(len(value))/size {
		copy(b, value)
	} else if ok, err := container.ReadFull(w.R, b, container.Offset(w.Uint(value))); !ok || err != nil {
		return nil, err
	}
	for ; len(b) > 0; b = b[size:] {
		offs = append(offs, container.Offset(w.Uint(b[:size])))
	}
	return offs, nil
}
