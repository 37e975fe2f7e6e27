// Package object reads an object that Caddy's next handler serves as an io.ReaderAt. Each window of bytes
// that is needed is a sub-request with a Range, so that whatever protects, rewrites or routes the
// object does so for every byte that is read of it.
//
// The package knows nothing of what is in an object.
package object

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	// maxRequests bounds the sub-requests for one object: directories can point at thousands of places,
	// and each would be a request to a bucket. The real file with the most needs 44 of 4 KiB.
	maxRequests = 64
	// maxStreamRequests bounds what one Stream adds, which is said by an object: 1 GiB.
	maxStreamRequests = 1 << 10
	// peekWindow is how many bytes a sub-request of PeekAt asks for.
	peekWindow = 4 << 10
	// keptWindows is how many windows an object keeps: the first, which has all there is of most
	// images, and two more, so that a directory and its values can lie apart.
	keptWindows = 3
)

// What can keep an object from being read, other than a StatusError.
var (
	// ErrTooFar says that a limit was met: bytes or sub-requests.
	ErrTooFar = errors.New("reading on would exceed max_read or the number of sub-requests")
	// ErrChanged says that two sub-requests got different objects. Opening the object again may help.
	ErrChanged = errors.New("the object changed while it was read")
	// ErrEncoded says that the object came compressed although identity was asked for.
	ErrEncoded = errors.New("the object was answered with a Content-Encoding although identity was asked for; " +
		"serve it without one, or exempt images from compression in the handlers after exif")
	// ErrUnusable says that the answer to a range can't be placed in the object.
	ErrUnusable = errors.New("the upstream's answer to a range can't be used")
	// ErrBroken says that the next handler gave up in the middle of a body.
	ErrBroken = errors.New("the object's body broke off")
	// ErrAborted says that the next handler aborted the request: the caller has to panic with
	// http.ErrAbortHandler.
	ErrAborted = errors.New("the next handler aborted the request")
)

// StatusError is a response that isn't the object.
type StatusError struct {
	Status int
	Header http.Header
	Err    error // what the handler returned, if it did
}

// Error implements error.
func (e *StatusError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("the next handler answered %d: %v", e.Status, e.Err)
	}
	return fmt.Sprintf("the next handler answered %d", e.Status)
}

// Unwrap returns what the handler returned.
func (e *StatusError) Unwrap() error { return e.Err }

// Limits bound what is read of an object. Both are in bytes.
type Limits struct {
	Window int64 // how much one sub-request asks for, unless more is needed or read sequentially
	Read   int64 // how much may be read in all, but for what Stream announces
}

// Condition is a conditional field of a sub-request's header. The zero value is none.
type Condition struct{ Name, Value string }

// Permit decides whether the object may be used. r is the object's request with the header and the
// variables that the next handlers left in it, status and header are those of their response. What
// Permit returns, Open returns.
type Permit func(r *http.Request, status int, header http.Header) error

// Object is an object that the next handler serves. After Close, Start can point it at another one.
type Object struct {
	// Header is that of the response that Open got.
	Header http.Header
	// Left is the object's request as the handlers left it when they answered Open.
	Left Left
	// Requests counts the sub-requests since Start, and Read the bytes that they brought.
	Requests int
	Read     int64

	req     request
	next    caddyhttp.Handler
	limits  Limits
	size    int64 // -1: not known
	windows [keptWindows]window
	last    int // the window that was fetched last
	most    int // sub-requests
}

// Left is what the next handlers made of a request's URL, and the user that they found.
type Left struct{ Host, Path, RawPath, Query, User, Root, FS string }

// Start points r, in place, at the object. strip takes the path of a request for something about an
// object to the object's own; ok is false for paths that aren't such. Close undoes it.
func (o *Object) Start(r *http.Request, next caddyhttp.Handler, strip func(path string) (object string, ok bool), limits Limits) {
	o.next, o.limits, o.most = next, limits, maxRequests
	o.Requests, o.Read = 0, 0
	o.forget()
	o.req.start(r, strip)
}

// Close makes the request the client's again and gives the windows back. Closing again does nothing.
func (o *Object) Close() {
	if o.next == nil {
		return
	}
	o.req.close()
	o.next = nil
	o.forget()
}

// forget makes o an object of which nothing is known yet.
func (o *Object) forget() {
	o.Header, o.Left, o.size, o.last = nil, Left{}, -1, 0
	for i := range o.windows {
		releaseBuffer(o.windows[i].b)
		o.windows[i] = window{}
	}
}

// Pass runs the next handler for the object with the client's method and header, as change changes
// them.
func (o *Object) Pass(w http.ResponseWriter, change func(r *http.Request)) error {
	return o.req.pass(o.next, w, change)
}

// Seen returns a copy of the object's request as Permit gets it, while Pass runs.
func (o *Object) Seen() *http.Request { return o.req.seen() }

// Open asks for the first window. A response that isn't the object is a *StatusError, a 304 included.
// Nothing of the object can be read before permit has returned nil; a nil permit permits all.
func (o *Object) Open(cond Condition, permit Permit) error {
	o.forget()
	return o.fetch(0, o.limits.Window, cond, permit, &o.windows[0])
}

// Size is the length of the object, -1 if no response has told it.
func (o *Object) Size() int64 { return o.size }

// Stream announces that n bytes are about to be read in sequence, to be sent on. The limits bound a search,
// so they are raised by these bytes and by the sub-requests that read-ahead needs for them, and by a little
// for places that are left out. An upstream that ignores Range sends all that stands before a window again
// and again, which is still counted: n bytes far into a large object of such a one are ErrTooFar.
func (o *Object) Stream(n int64) {
	const jumps = 16 // and the windows before read-ahead has grown
	o.most += jumps + int(min(n/readAhead, maxStreamRequests))
	o.limits.Read += min(n, maxStreamRequests*readAhead) + jumps*o.limits.Window
}

// ReadAt implements io.ReaderAt. The further it reads in sequence, the more a sub-request asks for.
func (o *Object) ReadAt(p []byte, off int64) (n int, err error) {
	return o.readAt(p, off, o.limits.Window, max(o.limits.Window, readAhead))
}

// PeekAt is ReadAt for the few bytes of a place that nothing else is likely to be read near. Its
// sub-requests ask for little.
func (o *Object) PeekAt(p []byte, off int64) (n int, err error) {
	usual := min(peekWindow, o.limits.Window)
	return o.readAt(p, off, usual, usual)
}

// readAt reads windows that are usually usual bytes, and at most that many by read-ahead.
func (o *Object) readAt(p []byte, off, usual, most int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		w := o.windowAt(at)
		if w == nil {
			if o.size >= 0 && at >= o.size {
				return n, io.EOF
			}
			if w, err = o.load(at, int64(len(p)-n), usual, most); err != nil {
				return n, readError{err}
			}
			if !w.has(at) {
				return n, io.EOF
			}
		}
		n += copy(p[n:], w.b[at-w.off:])
	}
	return n, nil
}

// readError is why a window can't be read. It never is io.EOF, the end of the object: errors of
// connections that were closed wrap that, too.
type readError struct{ error }

func (e readError) Is(target error) bool { return target != io.EOF && errors.Is(e.error, target) }

func (e readError) As(target any) bool { return errors.As(e.error, target) }

func (o *Object) windowAt(off int64) *window {
	for i := range o.windows {
		if w := &o.windows[i]; w.has(off) {
			return w
		}
	}
	return nil
}

// load fetches the window that holds the bytes needed from off on.
func (o *Object) load(off, need, usual, most int64) (*window, error) {
	last := o.windows[o.last].run()
	next := nextWindow(last, ask{off, need, o.size, o.limits.Read - o.Read, usual, most})
	o.last = nextSlot(o.last, last, next, o.limits.Window)
	w := &o.windows[o.last]
	return w, o.fetch(next.off, next.n, Condition{}, nil, w)
}

// fetch fills w with up to n bytes of the object from off on.
func (o *Object) fetch(off, n int64, cond Condition, permit Permit, w *window) error {
	if o.Requests++; o.Requests > o.most || o.Read+n > o.limits.Read {
		return ErrTooFar
	}
	first := o.Header == nil
	if !first {
		if tag := o.Header.Get("Etag"); StrongTag(tag) {
			cond = Condition{"If-Match", tag}
		}
	}
	size := int64(-1)
	c := &capture{header: make(http.Header), want: int(n), buf: w.b[:0]}
	*w = window{off: off}
	defer func() {
		if w.b == nil {
			releaseBuffer(c.buf)
		}
		c.buf = nil
	}()
	c.place = func(status int, h http.Header) (skip, length int64, err error) {
		if !identity(h) {
			return 0, 0, ErrEncoded
		}
		var start int64
		start, length, size, err = placeBody(status, h, off)
		switch {
		case err != nil:
			return 0, 0, err
		case start > off:
			return 0, 0, ErrUnusable
		case !first && !o.same(h, size):
			return 0, 0, ErrChanged
		case o.Read+off-start+n > o.limits.Read:
			return 0, 0, ErrTooFar
		}
		return off - start, length, nil
	}
	err := o.req.run(o.next, c, off, n, cond)
	o.Read += c.taken
	status := c.status
	if status == 0 {
		status = statusOf(err)
	}
	var denied error
	if first && !errors.Is(err, ErrAborted) {
		o.Left = o.req.left()
		if permit != nil {
			o.req.pointBack()
			denied = permit(o.req.r, status, c.header)
		}
	}
	o.req.reset()
	switch {
	case denied != nil:
		return denied
	case c.err != nil:
		return c.err
	case errors.Is(err, ErrAborted):
		return err
	case c.status != 0 && err != nil && !c.cut && !c.drop:
		return fmt.Errorf("%w: it ended early: %w", ErrUnusable, err)
	case status >= 200 && status < 300:
	case first && status == http.StatusRequestedRangeNotSatisfiable:
		// the object doesn't have its first byte: it is empty
		o.Header, o.size = c.header, 0
		return nil
	case !first && status == http.StatusRequestedRangeNotSatisfiable:
		return nil
	case !first && gone(status):
		return ErrChanged
	default:
		return &StatusError{status, c.header, err}
	}
	if first {
		o.Header, o.size = c.header, size
	}
	*w = window{off, c.buf}
	if len(c.buf) < c.want && c.skip == 0 && o.size < 0 {
		o.size = w.end()
	}
	return nil
}

// StrongTag reports whether s is a strong entity tag (RFC 9110, section 8.8.3).
func StrongTag(s string) bool {
	return len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' && !strings.Contains(s[1:len(s)-1], `"`)
}

// gone reports the statuses of a later range that mean that the object, or the right to it, isn't
// what it was.
func gone(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone,
		http.StatusPreconditionFailed:
		return true
	}
	return false
}

// same reports whether the response to a later range is of the object that was opened.
func (o *Object) same(h http.Header, size int64) bool {
	if o.size >= 0 && size >= 0 && o.size != size {
		return false
	}
	was, is := o.Header.Get("Etag"), h.Get("Etag")
	if was != "" && is != "" {
		return was == is
	}
	was, is = o.Header.Get("Last-Modified"), h.Get("Last-Modified")
	return was == "" || is == "" || was == is
}

// statusOf is the status of handlers that wrote none: that of the error they returned, and 404 if
// nothing answered at all.
func statusOf(err error) int {
	if err == nil {
		return http.StatusNotFound
	}
	var he caddyhttp.HandlerError
	if errors.As(err, &he) && he.StatusCode != 0 {
		return he.StatusCode
	}
	return http.StatusInternalServerError
}
