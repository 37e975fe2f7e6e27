package object

import (
	"errors"
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
	if !errors.Is(err, ErrAborted) {
		o.Left = o.req.left()
	}
	status, unusable := o.settle(c, err, permit, "Accept")
	switch {
	case unusable != nil:
		return unusable
	case status != http.StatusOK:
		return &StatusError{status, c.header, err}
	}
	o.Header = c.header
	return nil
}
