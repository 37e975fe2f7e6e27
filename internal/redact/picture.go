package redact

import (
	"encoding/binary"
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
)

// pictureBuffer is the size of the buffer for a picture's bytes.
const pictureBuffer = 64 << 10

// Picture is an embedded picture as it leaves the photo, without its own metadata.
type Picture struct {
	exif.Picture
	head []byte // what precedes the data of a thumbnail item
}

// FindThumbnail returns the picture that exif.FindThumbnail finds.
func FindThumbnail(r io.ReaderAt) (Picture, error) {
	found, err := exif.FindThumbnail(r)
	p := Picture{Picture: found}
	if err == nil && p.Item != nil {
		p.head, err = itemHead(r, p.Item)
	}
	return p, err
}

// FindPreview returns the picture that exif.FindPreview finds.
func FindPreview(r io.ReaderAt) (Picture, error) {
	p, err := exif.FindPreview(r)
	return Picture{Picture: p}, err
}

// ContentType returns the picture's content type.
func (p *Picture) ContentType() string {
	switch {
	case p.Item == nil:
		return "image/jpeg"
	case p.Item.Type == "av01":
		return "image/avif"
	}
	return "image/heic"
}

// Size returns the number of bytes that CopyTo writes.
func (p *Picture) Size() int64 {
	return int64(len(p.head)+len(orientationSegment(p.Orientation))) + p.Picture.Size()
}

// CopyTo writes the picture: a JPEG with the photo's Orientation in an EXIF segment unless that is 1, or a thumbnail item
// as a HEIC or AVIF. It returns errors of the photo's reader and of w unchanged, and io.ErrUnexpectedEOF if the photo has
// become shorter.
func (p *Picture) CopyTo(w io.Writer) error {
	if p.Item != nil {
		if _, err := w.Write(p.head); err != nil {
			return err
		}
		return p.copyData(w)
	}
	clean := newWriter(w, func(s *stream) error {
		j := &jpegFile{stream: s, p: nothingStays, bare: true, insert: orientationSegment(p.Orientation)}
		return j.picture()
	})
	defer clean.Close()
	err := p.copyData(clean)
	if closed := clean.Close(); err == nil {
		err = closed
	}
	return err
}

// copyData writes the picture as it is in the photo.
func (p *Picture) copyData(w io.Writer) error {
	// the wrapper hides the section's WriteTo, which has a buffer of its own
	r, buf := struct{ io.Reader }{p.Reader()}, make([]byte, min(p.Picture.Size(), pictureBuffer))
	n, err := io.CopyBuffer(w, r, buf)
	if err == nil && n < p.Picture.Size() {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// orientationSegment returns an EXIF segment with an Orientation, nil for the default.
func orientationSegment(orientation int) []byte {
	if orientation <= 1 || orientation > 8 {
		return nil
	}
	b := append([]byte("\xFF\xE1\x00\x22Exif\x00\x00MM\x00\x2A\x00\x00\x00\x08"), "\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01"...)
	b = binary.BigEndian.AppendUint16(b, uint16(orientation))
	return append(b, 0, 0, 0, 0, 0, 0)
}

// insertEXIF writes j.insert, after JFIF, which must come first (T.871, 10.1).
func (j *jpegFile) insertEXIF() {
	if j.insert == nil {
		return
	}
	if b, _ := j.peek(4 + len(container.JFIFIntro)); len(b) == 4+len(container.JFIFIntro) && b[1] == container.MarkerAPP0 && string(b[4:]) == container.JFIFIntro {
		if n, ok := j.peekLength(); !ok || n == 0 || !j.segment(container.MarkerAPP0, n) {
			return
		}
	}
	j.writePassed()
	j.write(j.insert)
}
