package exif

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
)

// PNG (3rd edition): after 8 bytes of signature come chunks, each a length of 4 bytes, a type of 4
// letters, that many bytes of data and a checksum of 4 bytes (5.3). The eXIf chunk (11.3.4.6) is a
// TIFF block.
//
// Before there was eXIf, ImageMagick put it into text chunks (tEXt, zTXt, iTXt; 11.3.3) under the
// keywords "Raw profile type exif" and "Raw profile type APP1": a line with a name, a line with a
// length, and the bytes as hexadecimal digits. What is in APP1 may as well be XMP.
//
// eXIf before the picture has precedence, then comes what stands first. eXIf and text may stand
// behind the picture too, but who has found a profile before it needn't read that far.

// profileIntro begins the keywords of profiles; what follows says what is in it.
const profileIntro = "Raw profile type "

// findPNG finds the eXIf chunk or the profile.
func findPNG(r io.ReaderAt) ([]block, error) {
	var profile []block
	profiles := 0
	var head [8 + len(profileIntro) + 5]byte // length, type and the longest keyword
	off := int64(8)
	for range maxChunks {
		n, err := readAt(r, head[:], off)
		if err != nil {
			return nil, err
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		if n < 8 || length > 1<<31-1 { // 5.3: lengths have 31 bits
			return profile, nil
		}
		data := extent{off + 8, length}
		typ := string(head[4:8])
		switch typ {
		case "eXIf":
			return bare(part(r, data))
		case "IDAT":
			if profile != nil {
				return profile, nil
			}
		case "IEND":
			return profile, nil
		case "tEXt", "zTXt", "iTXt":
			keyword, _, _ := bytes.Cut(head[8:min(int64(n), 8+length)], []byte{0})
			kind, ok := bytes.CutPrefix(keyword, []byte(profileIntro))
			if !ok || profile != nil || !bytes.EqualFold(kind, []byte("exif")) && !bytes.EqualFold(kind, []byte("APP1")) {
				break
			}
			if profiles++; profiles > maxProfiles {
				return nil, ErrTooLarge
			}
			skip := int64(len(keyword)) + 1
			data = extent{data.off + skip, data.n - skip}
			profile, err = readProfile(r, typ, data, len(kind) == len("exif") && kind[0]|0x20 == 'e')
			if err != nil {
				return nil, err
			}
		}
		off += 12 + length
	}
	return nil, ErrTooLarge
}

// readProfile reads the profile in the data of a text chunk behind the keyword. There is none where
// it isn't EXIF; mustEXIF says that by its name it is.
func readProfile(r io.ReaderAt, typ string, data extent, mustEXIF bool) ([]block, error) {
	cut := data.n > maxProfile
	src := &section{r: r, run: extent{data.off, max(0, min(data.n, maxProfile))}}
	text := &io.LimitedReader{R: profileText(src, typ), N: maxProfile}
	b, more := decodeProfile(bufio.NewReaderSize(text, 512))
	switch isEXIF := bytes.HasPrefix(b, exifIntro) || isTIFF(b); {
	case src.err != nil:
		return nil, src.err
	case !isEXIF && !mustEXIF:
		return nil, nil
	case !isEXIF:
		return unreadable(), nil
	case more && (text.N == 0 || cut && src.run.n == 0):
		return nil, ErrTooLarge
	}
	return bare(bytes.NewReader(b))
}

// profileText is the text of a text chunk, unpacked, behind the fields that its type puts before
// it. It is empty where these are broken; src knows the errors of the file.
func profileText(src io.Reader, typ string) io.Reader {
	in := bufio.NewReaderSize(src, 1024)
	packed := false
	switch typ {
	case "zTXt": // compression method
		_, _ = in.Discard(1)
		packed = true
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
	if !packed {
		return in
	}
	z, err := zlib.NewReader(in)
	if err != nil {
		return bytes.NewReader(nil)
	}
	return z
}

// decodeProfile reads a profile's text: its name, its length and its hexadecimal digits. It stops
// early where the first bytes show that it isn't EXIF. more is true where the text ended before the
// length said; what there is counts all the same.
func decodeProfile(text *bufio.Reader) (b []byte, more bool) {
	c, err := text.ReadByte()
	for err == nil && blank(c) {
		c, err = text.ReadByte()
	}
	for err == nil && c != '\n' { // the name
		c, err = text.ReadByte()
	}
	for err == nil && blank(c) {
		c, err = text.ReadByte()
	}
	length := 0
	for ; err == nil && '0' <= c && c <= '9' && length <= maxProfile; c, err = text.ReadByte() {
		length = 10*length + int(c-'0')
	}
	b = make([]byte, 0, 4096)
	for len(b) < length {
		var v [2]byte
		for i := range v {
			for err == nil && blank(c) {
				c, err = text.ReadByte()
			}
			digit, ok := unhex(c)
			if err != nil || !ok {
				return b, true
			}
			v[i] = digit
			c, err = text.ReadByte()
		}
		b = append(b, v[0]<<4|v[1])
		if len(b) == 16 && !bytes.HasPrefix(b, exifIntro) && !isTIFF(b) {
			return b, false
		}
	}
	return b, false
}

func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

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
