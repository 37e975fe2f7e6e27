package cli

import (
	"errors"
	"io"
	"os"

	"github.com/caddyexif/caddy-exif/internal/object"
)

const (
	// maxSpool bounds how much of a stream is read: in an endless stream, an offset may point anywhere.
	maxSpool = 4 << 30
	// spoolAhead is how much of a stream is read beyond what is asked for. The decoder reads small pieces in
	// sequence.
	spoolAhead = 64 << 10
)

// spool makes a stream readable at any offset. It reads no further than necessary and keeps the bytes in
// a temporary file.
type spool struct {
	src  io.Reader
	file *os.File
	size int64 // of the file
	err  error // the error that ended the stream, io.EOF included
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file == nil {
		f, err := os.CreateTemp("", "caddy-exif-")
		if err != nil {
			return 0, err
		}
		s.file = f
		// Where the system can remove an open file, none is left behind, however the program ends.
		_ = os.Remove(f.Name())
	}
	if off > maxSpool {
		return 0, object.ErrTooFar
	}
	if end := off + int64(len(p)); end > s.size && s.err == nil {
		n, err := io.CopyN(s.file, s.src, end-s.size+spoolAhead)
		s.size += n
		s.err = err
	}
	if s.err != nil && !errors.Is(s.err, io.EOF) {
		return 0, s.err
	}
	return s.file.ReadAt(p, off)
}

func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
