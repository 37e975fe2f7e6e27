// Package object reads an object that Caddy's next handler serves, as an io.ReaderAt. It reads each window
// of bytes with a sub-request that has a Range, so that the handlers that protect, rewrite or route the
// object do so for every byte.
//
// The package knows nothing about the contents of objects.
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
	// maxStreamRequests bounds how much one Stream adds, since the object chooses its length: 1 GiB.
	maxStreamRequests = 1 << 10
	// peekWindow is the size of a window for PeekAt.
	peekWindow = 4 << 10
	// keptWindows is how many windows an object keeps: the first, which has all metadata of most
	// images, and two more, since a directory and its values can be far apart.
	keptWindows = 3
)

// Errors of reading an object, other than StatusError.
var (
	// ErrTooFar says that a limit was reached: on bytes or on sub-requests.
	ErrTooFar = errors.New("reading on would exceed max_read or the number of sub-requests")
	// ErrChanged says that two sub-requests got different objects. Opening the object again may help.
	ErrChanged = errors.New("the object changed while it was read")
	// ErrEncoded says that the response was compressed although the sub-request accepts only identity.
	ErrEncoded = errors.New("the object was answered with a Content-Encoding although identity was asked for; " +
		"serve it without one, or exempt images from compression in the handlers after exif")
	// ErrUnusable says that the response to a range can't be placed in the object.
	ErrUnusable = errors.New("the upstream's answer to a range can't be used")
	// ErrBroken says that the next handler aborted in the middle of a body.
	ErrBroken = errors.New("the object's body broke off")
	// ErrAborted says that the next handler aborted the request. The caller must panic with
	// http.ErrAbortHandler.
	ErrAborted = errors.New("the next handler aborted the request")
)

// StatusError is a response that isn't the object.
type StatusError struct {
	Status int
	Header http.Header
	Err    error // the error that the handler returned, if any
}

// Error implements error.
func (e *StatusError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("the next handler answered %d: %v", e.Status, e.Err)
	}
	return fmt.Sprintf("the next handler answered %d", e.Status)
}

// Unwrap returns the error that the handler returned.
func (e *StatusError) Unwrap() error { return e.Err }

// Limits bound the reads of an object, in bytes.
type Limits struct {
	Window int64 // size of a sub-request, unless a read needs more or is sequential
	Read   int64 // total of all reads, except for the bytes announced by Stream
}

// Condition is a conditional header field of a sub-request. The zero value is none.
type Condition struct{ Name, Value string }

// Permit decides whether the object may be used. r is the object's request, with the header and
// variables as the next handlers left them; status and header are those of their response. Open returns
// Permit's error.
type Permit func(r *http.Request, status int, header http.Header) error

// Object is an object that the next handler serves. After Close, Start can reuse it for another one.
type Object struct {
	// Header is the header of the response to Open.
	Header http.Header
	// Left is the object's request as the handlers left it after Open.
	Left Left
	// Requests counts the sub-requests since Start, and Read the bytes that they transferred.
	Requests int
	Read     int64

	req          request
	next         caddyhttp.Handler
	limits       Limits
	size         int64 // -1: not known
	windows      [keptWindows]window
	last         int // index of the window that was fetched last
	requestLimit int // limit of sub-requests
}

// Left is a request's URL after the next handlers changed it, with the user and folder that they set.
type Left struct{ Host, Path, RawPath, Query, User, Root, FS string }

// Start rewrites r in place to request the object. strip removes an operation's suffix from a path; ok is
// false if the path has none. Close undoes the rewrite.
func (o *Object) Start(r *http.Request, next caddyhttp.Handler, strip func(path string) (object string, ok bool), limits Limits) {
	o.next, o.limits, o.requestLimit = next, limits, maxRequests
	o.Requests, o.Read = 0, 0
	o.reset()
	o.req.start(r, strip)
}

// Close restores the client's request and releases the windows. It may be called again.
func (o *Object) Close() {
	if o.next == nil {
		return
	}
	o.req.close()
	o.next = nil
	o.reset()
}

// reset discards all that is known about the object.
func (o *Object) reset() {
	o.Header, o.Left, o.size, o.last = nil, Left{}, -1, 0
	for i := range o.windows {
		releaseBuffer(o.windows[i].b)
		o.windows[i] = window{}
	}
}

// Pass runs the next handler for the object with the client's method and header, after change has
// modified them.
func (o *Object) Pass(w http.ResponseWriter, change func(r *http.Request)) error {
	return o.req.pass(o.next, w, change)
}

// Seen returns a copy of the object's request as Permit gets it. It may be called while Pass runs.
func (o *Object) Seen() *http.Request { return o.req.seen() }

// Open requests the first window. A response that isn't the object is a *StatusError, and so is a 304.
// The object can't be read until permit has returned nil; a nil permit allows everything.
func (o *Object) Open(cond Condition, permit Permit) error {
	o.reset()
	return o.fetch(0, o.limits.Window, cond, permit, &o.windows[0])
}

// Adopt opens the object without a request: its first window is b, from a response with that header to a request
// that Pass passed on, which left the request as left says. size is the object's, -1 if it isn't known.
func (o *Object) Adopt(header http.Header, left Left, b []byte, size int64) {
	o.reset()
	o.Header, o.Left, o.size = header, left, size
	o.windows[0] = window{0, b}
}

// LeftNow is Left while Pass runs.
func (o *Object) LeftNow() Left { return o.req.left() }

// Size returns the length of the object, or -1 if no response has told it.
func (o *Object) Size() int64 { return o.size }

// Stream announces that n bytes are about to be read in sequence and sent to the client. It raises the
// limits, which bound searches, by these bytes, the sub-requests that read-ahead needs for them, and a few
// jumps. An upstream that ignores Range sends all bytes before a window each time, which still count:
// streaming n bytes from far inside a large object fails with ErrTooFar there.
func (o *Object) Stream(n int64) {
	const jumps = 16 // including the windows until read-ahead has grown
	o.requestLimit += jumps + int(min(n/readAhead, maxStreamRequests))
	o.limits.Read += min(n, maxStreamRequests*readAhead) + jumps*o.limits.Window
}

// ReadAt implements io.ReaderAt. The longer it reads sequentially, the more a sub-request asks for.
func (o *Object) ReadAt(p []byte, off int64) (n int, err error) {
	return o.readAt(p, off, o.limits.Window, max(o.limits.Window, readAhead))
}

// PeekAt is ReadAt for a few bytes that are probably far from the next read. Its sub-requests ask for
// little.
func (o *Object) PeekAt(p []byte, off int64) (n int, err error) {
	usual := min(peekWindow, o.limits.Window)
	return o.readAt(p, off, usual, usual)
}

// readAt fills p from windows of the usual size, which read-ahead grows up to maxLen.
func (o *Object) readAt(p []byte, off, usual, maxLen int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		w := o.windowAt(at)
		if w == nil {
			if o.size >= 0 && at >= o.size {
				return n, io.EOF
			}
			if w, err = o.load(at, int64(len(p)-n), usual, maxLen); err != nil {
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

// readError is an error of loading a window. It never is io.EOF, which would mean the end of the object:
// errors of closed connections wrap io.EOF, too.
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

// load fetches a window with need bytes at off.
func (o *Object) load(off, need, usual, maxLen int64) (*window, error) {
	last := o.windows[o.last].span()
	next := nextWindow(last, windowRequest{off, need, o.size, o.limits.Read - o.Read, usual, maxLen})
	o.last = nextSlot(o.last, last, next, o.limits.Window)
	w := &o.windows[o.last]
	return w, o.fetch(next.off, next.n, Condition{}, nil, w)
}

// fetch requests up to n bytes of the object at off and stores them in w.
func (o *Object) fetch(off, n int64, cond Condition, permit Permit, w *window) error {
	if o.Requests++; o.Requests > o.requestLimit || o.Read+n > o.limits.Read {
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
	c.locate = func(status int, h http.Header) (skip, length int64, err error) {
		skip, length, size, err = o.place(status, h, off, n)
		return skip, length, err
	}
	err := o.req.runRange(o.next, c, off, n, cond)
	if first && !errors.Is(err, ErrAborted) {
		o.Left = o.req.left()
	}
	status, unusable := o.settle(c, err, permit)
	switch {
	case unusable != nil:
		return unusable
	case status >= 200 && status < 300:
	case status == http.StatusRequestedRangeNotSatisfiable:
		if first { // the object has no first byte: it is empty
			o.Header, o.size = c.header, 0
		}
		return nil
	case !first && meansChanged(status):
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

// place returns where the body of a successful response to the range of n bytes at off belongs: how much of it to skip, its
// length and the object's size (-1: not known).
func (o *Object) place(status int, h http.Header, off, n int64) (skip, length, size int64, err error) {
	if !identity(h) {
		return 0, 0, 0, ErrEncoded
	}
	start, length, size, err := locateBody(status, h, off)
	switch {
	case err != nil:
	case start > off:
		err = ErrUnusable
	case o.Header != nil && !o.isSame(h, size):
		err = ErrChanged
	case o.Read+off-start+n > o.limits.Read:
		err = ErrTooFar
	}
	return off - start, length, size, err
}

// settle ends a run that wrote to c and returned err. Unless permit is nil or the run was aborted, permit decides on the
// response; the request's fields own then have the client's values again. unusable is permit's error, or says why the
// response can't be used, whatever its status.
func (o *Object) settle(c *capture, err error, permit Permit, own ...string) (status int, unusable error) {
	o.Read += c.received
	if status = c.status; status == 0 {
		status = statusOf(err)
	}
	if permit != nil && !errors.Is(err, ErrAborted) {
		o.req.resetExceptHeader()
		for _, name := range own {
			o.req.restore(name)
		}
		unusable = permit(o.req.r, status, c.header)
	}
	o.req.reset()
	switch {
	case unusable != nil:
	case c.err != nil:
		unusable = c.err
	case errors.Is(err, ErrAborted):
		unusable = err
	case c.status != 0 && err != nil && !c.cut && !c.discard:
		unusable = fmt.Errorf("%w: it ended early: %w", ErrUnusable, err)
	}
	return status, unusable
}

// StrongTag reports whether s is a strong entity tag (RFC 9110, section 8.8.3).
func StrongTag(s string) bool {
	return len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' && !strings.Contains(s[1:len(s)-1], `"`)
}

// meansChanged reports whether the status of a later range means that the object, or the client's right to
// it, has changed.
func meansChanged(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone,
		http.StatusPreconditionFailed:
		return true
	}
	return false
}

// isSame reports whether the response to a later range is from the object that was opened.
func (o *Object) isSame(h http.Header, size int64) bool {
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

// statusOf returns the status for handlers that wrote none: the status of the error they returned, or 404
// for no error.
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
