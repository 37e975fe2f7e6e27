package object

import (
	"errors"
	"io"
	"net/http"
)

// maxDiscarded bounds how much of a body that isn't the object's (an error page) is read before it is cut
// off. A body read to its end leaves the connection to the upstream usable.
const maxDiscarded = 64 << 10

// errCut stops the handlers' writes when enough of a body has arrived.
var errCut = errors.New("enough of the object has been read")

// capture is the ResponseWriter of a sub-request. It keeps at most the requested bytes and can't reach
// the client's own writer.
type capture struct {
	header http.Header
	status int // 0 until the handlers write one

	// locate is called with the header: it returns how many bytes of the body to skip, and the body's
	// maximum length (-1: not known). An error cuts the body off.
	locate func(status int, h http.Header) (skip, length int64, err error)

	sink     io.Writer // takes the body of a successful response instead of buf; an error from it cuts the body off
	want     int       // bytes to keep
	buf      []byte    // the bytes kept
	skip     int64
	longer   bool  // the body is longer than skip and want
	discard  bool  // the body isn't the object's
	received int64 // bytes that arrived
	cut      bool  // a write was refused
	err      error // the error from locate
}

// Header implements http.ResponseWriter.
func (c *capture) Header() http.Header { return c.header }

// WriteHeader implements http.ResponseWriter. It ignores informational responses.
func (c *capture) WriteHeader(status int) {
	if c.status != 0 || 100 <= status && status < 200 {
		return
	}
	c.status = status
	if status < 200 || status >= 300 {
		c.discard = true
		return
	}
	var length int64
	c.skip, length, c.err = c.locate(status, c.header)
	c.longer = length < 0 || length > c.skip+int64(c.want)
}

// Write implements http.ResponseWriter.
func (c *capture) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if c.err != nil {
		return 0, c.stop()
	}
	c.received += int64(len(p))
	if c.discard {
		if c.received > maxDiscarded {
			return 0, c.stop()
		}
		return len(p), nil
	}
	if c.sink != nil {
		n, err := c.sink.Write(p)
		if err != nil {
			err = c.stop()
		}
		return n, err
	}
	skipped := min(c.skip, int64(len(p)))
	c.skip -= skipped
	rest := p[skipped:]
	c.reserve()
	keep := min(len(rest), c.want-len(c.buf))
	c.buf = append(c.buf, rest[:keep]...)
	if keep < len(rest) || c.full() {
		c.received -= int64(len(rest) - keep)
		return int(skipped) + keep, c.stop()
	}
	return len(p), nil
}

// ReadFrom implements io.ReaderFrom, which http.ServeContent prefers. It reads no more than want.
func (c *capture) ReadFrom(r io.Reader) (n int64, err error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if c.err != nil {
		return 0, c.stop()
	}
	if c.discard {
		n, err = io.Copy(io.Discard, io.LimitReader(r, maxDiscarded-c.received+1))
		c.received += n
		if c.received > maxDiscarded {
			err = c.stop()
		}
		return n, err
	}
	if c.sink != nil {
		return io.Copy(struct{ io.Writer }{c}, r)
	}
	if c.skip > 0 {
		n, err = io.CopyN(io.Discard, r, c.skip)
		c.skip -= n
		c.received += n
		if err != nil {
			return n, ignoreEOF(err)
		}
	}
	c.reserve()
	for len(c.buf) < c.want {
		got, err := r.Read(c.buf[len(c.buf):c.want])
		c.buf = c.buf[:len(c.buf)+got]
		c.received += int64(got)
		n += int64(got)
		if err != nil {
			return n, ignoreEOF(err)
		}
	}
	if c.full() {
		return n, c.stop()
	}
	return n, nil
}

// reserve makes room in buf for want bytes.
func (c *capture) reserve() {
	if cap(c.buf) < c.want {
		releaseBuffer(c.buf)
		c.buf = newBuffer(c.want)
	}
}

// full reports whether buf is full and the body has more bytes.
func (c *capture) full() bool { return c.longer && len(c.buf) == c.want }

func (c *capture) stop() error {
	c.cut = true
	return errCut
}

// FlushError implements Flush for http.ResponseController. It does nothing.
func (*capture) FlushError() error { return nil }

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
