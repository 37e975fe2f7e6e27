package object

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

// List requests the object, a folder, as a whole, and writes the response's body to the writer that sink
// returns for its header. An error of that writer cuts the body off. A response other than 200 is a
// *StatusError. The caller must not use the body until List has returned nil: permit comes last, as in Open.
func (o *Object) List(accept string, permit Permit, sink func(header http.Header) io.Writer) error {
	o.reset()
	o.Requests++
	c := &capture{header: make(http.Header)}
	c.locate = func(_ int, h http.Header) (skip, length int64, err error) {
		if !identity(h) {
			return 0, 0, ErrEncoded
		}
		c.sink = sink(h)
		return 0, -1, nil
	}
	err := o.req.run(o.next, c, field{"Accept", []string{accept}}, field{"Accept-Encoding", identityOnly})
	o.Read += c.received
	status := c.status
	if status == 0 {
		status = statusOf(err)
	}
	var denied error
	if !errors.Is(err, ErrAborted) {
		o.Left = o.req.left()
		o.req.resetExceptHeader()
		o.req.restore("Accept")
		denied = permit(o.req.r, status, c.header)
	}
	o.req.reset()
	switch {
	case denied != nil:
		return denied
	case c.err != nil:
		return c.err
	case errors.Is(err, ErrAborted):
		return err
	case c.status != 0 && err != nil && !c.cut && !c.discard:
		return fmt.Errorf("%w: it ended early: %w", ErrUnusable, err)
	case status != http.StatusOK:
		return &StatusError{status, c.header, err}
	}
	o.Header = c.header
	return nil
}
