package redact

import (
	"encoding/binary"
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
)

// pictureBuffer is the size of WritePicture's buffer.
const pictureBuffer = 64 << 10

// PictureSize returns the number of bytes that WritePicture writes.
func PictureSize(p *exif.Picture) int64 {
	return p.Size() + int64(len(orientationSegment(p.Orientation)))
}

// WritePicture writes a JPEG from a photo without its own metadata, with the photo's Orientation in an EXIF segment
// unless that is 1. It returns errors of the photo's reader and of w unchanged, and io.ErrUnexpectedEOF if the photo
// has become shorter.
func WritePicture(w io.Writer, p *exif.Picture) (int64, error) {
	counted := &countingWriter{w: w}
	clean := newWriter(counted, func(s *stream) error {
		j := &jpegFile{stream: s, p: &Plan{policy: &Policy{}}, bare: true, insert: orientationSegment(p.Orientation)}
		return j.picture()
	})
	defer clean.Close()
	// the wrapper hides the section's WriteTo, which has a buffer of its own
	n, err := io.CopyBuffer(clean, struct{ io.Reader }{p.Reader()}, make([]byte, min(p.Size(), pictureBuffer)))
	if err == nil && n < p.Size() {
		err = io.ErrUnexpectedEOF
	}
	if closed := clean.Close(); err == nil {
		err = closed
	}
	return counted.n, err
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

// countingWriter counts the bytes that w took.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
