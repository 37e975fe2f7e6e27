package container

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// PNG (3rd edition): after 8 bytes of signature come chunks, each a length of 4 bytes, a type of 4
// letters, that many bytes of data and a checksum of 4 bytes (5.3). The eXIf chunk (11.3.4.6) is a
// TIFF block.
//
// Before eXIf existed, ImageMagick put EXIF into text chunks (tEXt, zTXt, iTXt; 11.3.3) under the
// keywords "Raw profile type exif" and "Raw profile type APP1": a line with a name, a line with a
// length, and the bytes as hexadecimal digits. An APP1 profile may also be XMP.
//
// eXIf and text may come after the picture too (tail.go).

// The limits of PNGs.
const (
	// MaxChunks bounds the PNG and RIFF chunks, Photoshop resources and Minolta blocks walked: millions of empty
	// ones would waste CPU time. A picture of 500 MB in chunks of 8 KiB has this many.
	MaxChunks = 1 << 16
	// maxProfile bounds the text of a profile: a kilobyte of zlib unpacks to a megabyte.
	maxProfile = 1 << 20
	// MaxProfileSteps bounds the work for all profiles of a file, since the search for one with EXIF
	// may read any number of them. It is enough for one profile of maxProfile, or for one of 100 KB
	// compressed; EXIF copied from a JPEG has at most 70 KB. Deflate blocks of code tables alone take longest.
	MaxProfileSteps = maxProfile
)

// profileIntro begins the keywords of profiles; the profile's type comes after it.
const profileIntro = "Raw profile type "

// PNGPart is a part of a PNG that PNGEXIF offers.
type PNGPart uint8

// The parts of a PNG that PNGEXIF tells of.
const (
	PNGChunk   PNGPart = iota // an eXIf chunk
	PNGProfile                // a profile in a text chunk, which may be EXIF
	PNGPicture                // a part of the picture
)

// PNGEXIF calls f with each eXIf chunk, profile, and part of the picture, but for those in the middle of it. read
// reads the EXIF; ok is false if a profile isn't EXIF.
func PNGEXIF(r io.ReaderAt, f func(p PNGPart, read func() (b Block, ok bool, err error)) (done bool, err error)) error {
	p := profiles{r: r, left: MaxProfileSteps}
	return eachPNG(r, func(typ, keyword string, data Extent) (bool, error) {
		switch typ {
		case "eXIf":
			return f(PNGChunk, func() (Block, bool, error) {
				b, err := withoutIntro(RunReader(r, data))
				return Block{R: b, Off: data.Off}, true, err
			})
		case "IDAT":
			return f(PNGPicture, nil)
		}
		isEXIF, ok := profileKeyword([]byte(keyword))
		if !ok {
			return false, nil
		}
		return f(PNGProfile, func() (Block, bool, error) {
			text, err := p.read(typ, skip(data, int64(len(keyword))+1))
			if text == nil && isEXIF {
				text = unreadable
			}
			return Block{R: text, Off: data.Off}, text != nil, err
		})
	})
}

// eachPNG calls f with the chunks before IEND, but for those in the middle of the picture, until f returns done.
// keyword is that of a text chunk, as far as it may be of interest.
func eachPNG(r io.ReaderAt, f func(typ, keyword string, data Extent) (done bool, err error)) error {
	var head [8 + len(profileIntro) + 5]byte // length, type and the longest keyword
	off := int64(8)
	picture := false
	for range MaxChunks {
		n, err := ReadAt(r, head[:], off)
		if err != nil {
			return err
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		typ := string(head[4:8])
		if n < 8 || length > 1<<31-1 || typ == "IEND" { // 5.3: lengths have 31 bits
			return nil
		}
		keyword := ""
		switch typ {
		case "tEXt", "zTXt", "iTXt":
			b, _, _ := bytes.Cut(head[8:min(int64(n), 8+length)], []byte{0})
			keyword = string(b)
		}
		if done, err := f(typ, keyword, Extent{off + 8, length}); done || err != nil {
			return err
		}
		if typ == "IDAT" && !picture {
			picture = true
			if off, err = afterPicture(r, off, length); err != nil {
				return err
			}
			continue
		}
		off += 12 + length
	}
	return ErrTooLarge
}

// pngChunks describes the chunks after a picture.
var pngChunks = chunkKind{
	minSize: 12,
	size:    func(head []byte) int64 { return 12 + int64(binary.BigEndian.Uint32(head)) },
	valid: func(chunk []byte) bool {
		if !IsPNGChunk(chunk) {
			return false
		}
		n := len(chunk) - 4
		return crc32.ChecksumIEEE(chunk[4:n]) == binary.BigEndian.Uint32(chunk[n:])
	},
	picture: func(chunk []byte) bool {
		switch string(chunk[4:8]) {
		case "IDAT", "fdAT", "fcTL": // the latter two belong to animations (11.3.5)
			return true
		}
		return false
	},
}

// IsPNGChunk reports whether the type of a chunk with this head consists of ASCII letters (5.3).
func IsPNGChunk(head []byte) bool {
	for _, c := range head[4:8] {
		if c |= 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// nearPieces is the distance in bytes to the last IDAT of a row at which the search for it ends: the next
// window has the rest.
const nearPieces = 32 << 10

// afterPicture returns the start of a chunk after the IDAT chunk at off of length bytes, with only
// chunks of the picture between the two.
func afterPicture(r io.ReaderAt, off, length int64) (int64, error) {
	step := 12 + length
	// lengthAt returns the length of the IDAT at an offset, -1 if there is none
	lengthAt := func(at int64) (int64, error) {
		var head [8]byte
		n, err := PeekAt(r, head[:], at)
		if n < len(head) || string(head[4:]) != "IDAT" {
			return -1, err
		}
		return int64(binary.BigEndian.Uint32(head[:])), err
	}
	same := func(k int64) (bool, error) {
		n, err := lengthAt(off + k*step)
		return n == length, err
	}
	size := SizeOf(r)
	if size < 0 {
		n, err := gallop(MaxChunks, same)
		return off + n*step, err
	}
	next := off + step
	if size-next <= TailPiece {
		return next, nil
	}
	t := tail{r: r, kind: pngChunks, stop: next, start: size, maxSize: TailPiece}
	end, ok, err := lastIEND(&t)
	if err != nil {
		return 0, err
	}
	if !ok {
		end = size // truncated, or other data comes after IEND
	} else if ok, err = t.walkBack(&end); ok || err != nil {
		return end, err
	}
	// if all chunks are as long as the first, the last one, or one soon before it, starts here
	for _, back := range [...]int64{0, 1, 4, 16} {
		at := off + (end-1-off)/step*step - back*step
		if at < next {
			break
		}
		n, err := lengthAt(at)
		if err != nil || 0 <= n && n <= length {
			return at, err
		}
	}
	if end < size {
		t.maxSize = maxTail
		_, err = t.walkBack(&end)
		return end, err
	}
	n, err := bisect(0, (size-off)/step+1, max(1, nearPieces/step), same)
	return max(off+n*step, next), err
}

// PNGAppleHead begins the first chunk of a PNG that Xcode wrote for iPhones. IHDR comes after it.
const PNGAppleHead = "\x00\x00\x00\x04CgBI"

// iend is the chunk that ends a PNG (11.2.5).
var iend = []byte("\x00\x00\x00\x00IEND\xAE\x42\x60\x82")

// lastIEND finds the last IEND in the file's last piece, since other bytes may come after it.
func lastIEND(t *tail) (at int64, ok bool, err error) {
	if ok, err = t.grow(); !ok || err != nil {
		return 0, false, err
	}
	i := bytes.LastIndex(t.buf, iend)
	return t.start + int64(i), i >= 0, nil
}

// profileKeyword reports whether a keyword is that of a profile that may be EXIF (ok), and whether it names
// EXIF (isEXIF).
func profileKeyword(keyword []byte) (isEXIF, ok bool) {
	kind, ok := bytes.CutPrefix(keyword, []byte(profileIntro))
	isEXIF = bytes.EqualFold(kind, []byte("exif"))
	return isEXIF, ok && (isEXIF || bytes.EqualFold(kind, []byte("APP1")))
}

// profiles reads the profiles of one file with a common limit of steps: a step is a byte of text, or a bit
// of compressed text.
type profiles struct {
	r    io.ReaderAt
	left int64 // steps
}

const (
	// PackedSteps is the steps per byte of compressed text.
	PackedSteps = 8
	// profileSteps is the additional steps per profile, for the memory to read it.
	profileSteps = 1 << 12
	// ProfileHead is how much of a profile's text shows whether it is EXIF: its name and length, and
	// the first bytes.
	ProfileHead = 512
)

// read returns the EXIF of a profile, nil if it isn't EXIF. data is a text chunk's data after the keyword.
func (p *profiles) read(typ string, data Extent) (io.ReaderAt, error) {
	if p.left -= profileSteps; p.left < 0 {
		return nil, ErrTooLarge
	}
	text, cut, err := p.text(typ, data, ProfileHead)
	if err != nil {
		return nil, err
	}
	b, more := decodeProfile(text)
	if !bytes.HasPrefix(b, []byte(EXIFIntro)) && !isTIFF(b) {
		if cut && len(text) < ProfileHead {
			return nil, ErrTooLarge
		}
		return nil, nil
	}
	if more && cut {
		if text, cut, err = p.text(typ, data, maxProfile); err != nil {
			return nil, err
		}
		if b, more = decodeProfile(text); more && cut {
			return nil, ErrTooLarge
		}
	}
	return withoutIntro(bytes.NewReader(b))
}

// text returns up to limit bytes of the decompressed text in the data of a text chunk, after the fields of
// the chunk's type; cut is true if there may be more. The text is empty if the fields are broken.
func (p *profiles) text(typ string, data Extent, limit int) (text []byte, cut bool, err error) {
	src := &section{R: p.r, Run: Extent{Off: data.Off, N: max(0, min(data.N, p.left/PackedSteps))}}
	if typ != "zTXt" { // may be uncompressed
		src.Run.N = max(0, min(data.N, p.left))
	}
	in := bufio.NewReaderSize(src, 1024)
	packed := typ == "zTXt"
	switch typ {
	case "zTXt": // compression method
		_, _ = in.Discard(1)
	case "iTXt": // compression flag and method, language tag, translated keyword
		flag, _ := in.ReadByte()
		packed = flag != 0
		_, _ = in.Discard(1)
		for range 2 {
			for c, err := in.ReadByte(); err == nil && c != 0; {
				c, err = in.ReadByte()
			}
		}
	}
	if packed {
		unread := int64(in.Buffered())
		src.Run.N = max(0, min(src.Run.N, p.left/PackedSteps-unread))
		text = unzlib(in, limit)
	} else {
		text = make([]byte, min(int64(limit), src.Run.N+int64(in.Buffered())))
		n, _ := io.ReadFull(in, text)
		text = text[:n]
	}
	used := src.Run.Off - data.Off
	cut = len(text) == limit || used < data.N && src.Run.N == 0
	if packed {
		used = used*PackedSteps + int64(len(text))
	}
	p.left -= used
	return text, cut, src.Err
}

// decodeProfile decodes a profile's text: its name, its length and its hexadecimal digits. more is
// true if the text is shorter than the length that it states; b has the bytes before its end.
func decodeProfile(text []byte) (b []byte, more bool) {
	text = bytes.TrimLeft(text, blanks)
	_, text, _ = bytes.Cut(text, []byte{'\n'}) // the name
	text = bytes.TrimLeft(text, blanks)
	length := 0
	for len(text) > 0 && '0' <= text[0] && text[0] <= '9' && length <= maxProfile {
		length = 10*length + int(text[0]-'0')
		text = text[1:]
	}
	b = make([]byte, 0, min(length, len(text)/2))
	high, half := byte(0), false
	for _, c := range text {
		if len(b) == length {
			break
		}
		digit, ok := unhex(c)
		switch {
		case !ok && bytes.IndexByte([]byte(blanks), c) >= 0:
		case !ok:
			return b, true
		case half:
			b = append(b, high<<4|digit)
			half = false
		default:
			high, half = digit, true
		}
	}
	return b, len(b) < length
}

// blanks are the white space in a profile's text.
const blanks = " \n\r\t"

func unhex(c byte) (v byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// pngColors maps PNG's color types to color models (11.2.1).
var pngColors = map[byte]string{0: "gray", 2: "rgb", 3: "palette", 4: "gray", 6: "rgb"}

// PNGInfo reads IHDR and, before the picture, acTL (11.3.6.1) with the number of an animation's frames. It returns
// where the picture starts: browsers ignore the orientation of EXIF after it.
func PNGInfo(r io.ReaderAt, i *Info) (picture int64, err error) {
	var head [8 + 10]byte
	off := int64(8)
	n, err := ReadAt(r, head[:], off)
	if err == nil && string(head[:8]) == PNGAppleHead {
		off += 12 + 4
		n, err = ReadAt(r, head[:], off)
	}
	if err != nil || n < len(head) || string(head[4:8]) != "IHDR" {
		return 0, err
	}
	i.SetSize(TwoUint32(head[8:]))
	i.ColorModel = pngColors[head[17]]
	for range MaxChunks {
		n, err := ReadAt(r, head[:12], off)
		if err != nil {
			return 0, err
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		switch {
		case n < 12 || length > 1<<31-1 || string(head[4:8]) == "IEND":
			return off, nil
		case string(head[4:8]) == "IDAT":
			i.Frames = max(i.Frames, 1)
			return off, nil
		case string(head[4:8]) == "acTL":
			i.Frames = int64(binary.BigEndian.Uint32(head[8:]))
		}
		off += 12 + length
	}
	return 0, nil
}

// maxIntact bounds the data of a chunk whose checksum IntactChunk checks: it reads all of it.
const maxIntact = 1 << 18

// IntactChunk returns the data of the chunk whose data starts at off; ok is false if its checksum is wrong. That of a longer
// one, as maker's notes with a preview make it, is taken for right.
func IntactChunk(r io.ReaderAt, off int64) (run Extent, ok bool, err error) {
	var head [8]byte
	if ok, err := ReadFull(r, head[:], off-8); !ok || err != nil {
		return run, false, err
	}
	run = Extent{off, int64(binary.BigEndian.Uint32(head[:]))}
	if run.N > maxIntact {
		return run, true, nil
	}
	b := make([]byte, run.N+4)
	if ok, err := ReadFull(r, b, off); !ok || err != nil {
		return run, false, err
	}
	sum := crc32.Update(crc32.ChecksumIEEE(head[4:]), crc32.IEEETable, b[:run.N])
	return run, sum == binary.BigEndian.Uint32(b[run.N:]), nil
}
