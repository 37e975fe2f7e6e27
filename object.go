package caddyexif

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	// maxRequests bounds the sub-requests for one answer: directories can point at thousands of
	// places, and each is a request to a bucket.
	maxRequests = 256
	// maxDropped is how much of a body that isn't the object's (an error page) is taken before it
	// is cut off. Below it the connection behind stays usable.
	maxDropped = 64 << 10
	// firstBytes is how much is read of a file before the rest of its window: it has all there is of
	// most photos, and copying 64 KiB takes longer than decoding them.
	firstBytes = 16 << 10
	// keptBlocks is how many windows are kept: the first, where most images have all there is, and
	// two more, so that a directory and its values can lie apart.
	keptBlocks = 3
)

var (
	// errCut ends a body of which enough has arrived.
	errCut = errors.New("enough of the object has been read")
	// errChanged says that two sub-requests were answered from different objects.
	errChanged = errors.New("the object changed while it was read")
	// errTooFar says that the next window would exceed max_read.
	errTooFar = errors.New("more of the object would have to be read than max_read allows")
	// errEncoded says that the object was answered compressed though identity was asked for.
	errEncoded = errors.New("the object was answered with a Content-Encoding although identity was asked for; " +
		"serve it without one, or exempt images from compression behind exif")
	// errBroken says that the handlers behind gave up in the middle of a body.
	errBroken = errors.New("the body from behind broke off")
	// errUnusable says that an answer to a range can't be placed in the object.
	errUnusable = errors.New("the answer from behind can't be used")
)

// statusError is an answer from behind that isn't the object.
type statusError struct {
	status int
	header http.Header
	err    error // what a handler returned, if it did
}

func (e *statusError) Error() string {
	if e.err != nil {
		return fmt.Sprintf("status %d from behind: %v", e.status, e.err)
	}
	return fmt.Sprintf("status %d from behind", e.status)
}

func (e *statusError) Unwrap() error { return e.err }

// objectRequest turns the client's request, in place, into one for the object. In place because
// placeholders and other handlers hold on to the same request; whatever handlers behind do to it
// (rewrites, header changes, route groups they consume) is undone after each of them has run.
type objectRequest struct {
	r      *http.Request
	client http.Request // as the client sent it
	url    url.URL
	fields []field // the client's header

	object url.URL // the object's
	uri    string
	runs   int // of the handlers behind

	original    *url.URL // what {http.request.orig_uri.*} and FastCGI see
	originalURL url.URL
	repl        *caddy.Replacer
	groups      map[string]struct{} // route groups that are satisfied, which routes keep in the context
	savedGroups map[string]struct{}
}

// field is a field of a request's header.
type field struct {
	name   string
	values []string
}

// origURI is the one placeholder of the original request that isn't read from its URL.
const origURI = "http.request.orig_uri"

// enter points r at the object; leave undoes it.
func (o *objectRequest) enter(r *http.Request, object string) {
	*o = objectRequest{r: r, client: *r, url: *r.URL, object: *r.URL, fields: o.fields[:0]}
	for name, values := range r.Header {
		o.fields = append(o.fields, field{name, values})
	}
	setPath(&o.object, object)
	o.uri = o.object.RequestURI()
	o.repl, _ = r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && orig.URL != nil {
		// a guard that asks for the original path must see the object's there, too; where a rewrite
		// ahead of us has changed the path, the suffix may have been somewhere else
		if path, ours, err := parseTarget(orig.URL.Path); ours && err == nil {
			o.original, o.originalURL = orig.URL, *orig.URL
			setPath(orig.URL, path)
			if o.repl != nil {
				o.repl.Set(origURI, orig.URL.RequestURI())
			}
		}
	}
	if groups, ok := r.Context().Value(caddy.CtxKey("route_group")).(map[string]struct{}); ok {
		o.groups, o.savedGroups = groups, maps.Clone(groups)
	}
	o.reset()
}

// reset makes the request the object's again, with the client's method and headers.
func (o *objectRequest) reset() {
	*o.r = o.client
	*o.r.URL = o.object
	o.r.RequestURI = o.uri
	clear(o.r.Header)
	for _, f := range o.fields {
		o.r.Header[f.name] = f.values
	}
	if o.groups != nil {
		clear(o.groups)
		maps.Copy(o.groups, o.savedGroups)
	}
}

// leave makes the request the client's again.
func (o *objectRequest) leave() {
	o.reset()
	*o.r.URL = o.url
	o.r.RequestURI = o.client.RequestURI
	if o.original != nil {
		*o.original = o.originalURL
		if o.repl != nil {
			o.repl.Delete(origURI)
		}
	}
}

// lend gives the request copies of the client's header fields, less those that drop reports, since
// handlers change values in place; and the fields given, in the place of the client's.
func (o *objectRequest) lend(drop func(name string) bool, more ...field) {
	n := len(more)
	for _, f := range o.fields {
		n += len(f.values)
	}
	values := make([]string, 0, n)
	set := func(f field) {
		from := len(values)
		values = append(values, f.values...)
		o.r.Header[f.name] = values[from:len(values):len(values)]
	}
	clear(o.r.Header)
	for _, f := range o.fields {
		if !drop(f.name) {
			set(f)
		}
	}
	for _, f := range more {
		set(f)
	}
}

// pass runs next with the object's request as it is.
func (o *objectRequest) pass(next caddyhttp.Handler, w http.ResponseWriter) error {
	defer o.leave()
	o.lend(func(string) bool { return false })
	return next.ServeHTTP(w, o.r)
}

// notRanges reports the fields of a client's request that one for a range of the object doesn't
// have: conditions and what is about a body or a protocol.
func notRanges(name string) bool {
	switch name {
	case "Content-Length", "Expect", "Transfer-Encoding", "Upgrade":
		return true
	}
	return strings.HasPrefix(name, "If-")
}

// identityOnly is the Accept-Encoding of all requests for a range.
var identityOnly = []string{"identity"}

// do runs next for n bytes of the object from off on, under the condition given.
func (o *objectRequest) do(next caddyhttp.Handler, w *capture, off, n int64, cond condition) (err error) {
	defer o.reset()
	r := o.r
	if o.runs++; o.runs > 1 {
		// A dial that one run has begun may go on after it, and read Caddy's variables, while handlers
		// of the next set theirs: a map's end, and with it the server's. What is set stays the run's.
		if vars, ok := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
			*r = *r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, maps.Clone(vars)))
		}
	}
	r.Method = http.MethodGet
	r.Body, r.ContentLength, r.TransferEncoding = http.NoBody, 0, nil
	more := [...]field{
		{"Accept-Encoding", identityOnly},
		{"Range", []string{"bytes=" + strconv.FormatInt(off, 10) + "-" + strconv.FormatInt(off+n-1, 10)}},
		{cond.name, []string{cond.value}},
	}
	if cond.name == "" {
		o.lend(notRanges, more[:2]...)
	} else {
		o.lend(notRanges, more[:]...)
	}
	defer func() {
		// reverse_proxy has one panic for a writer that takes no more and for a body that breaks off.
		// Of the latter our client, to whom nothing has gone yet, can be told. Before the header it is
		// the directive abort.
		broken := w.status != 0 && o.client.Context().Err() == nil
		if !w.cut && !broken {
			return
		}
		switch p := recover(); {
		case p == nil:
		case p != http.ErrAbortHandler: //nolint:errorlint // a panic's value
			panic(p)
		case !w.cut:
			err = errBroken
		}
	}()
	return next.ServeHTTP(w, r)
}

// capture is the ResponseWriter behind which the handlers run. It keeps at most what was asked for
// and has no way through to the client's own writer.
type capture struct {
	header http.Header
	status int // 0 until the handlers wrote one

	// place is asked once the header is there: how many bytes of the body to skip, and how many the
	// body has at most (-1: unknown). An error cuts the body off.
	place func(status int, h http.Header) (skip, length int64, err error)

	// enough, where there is one, is asked whether the first bytes of a body that is at hand do.
	enough func(first []byte, h http.Header) bool

	want    int    // bytes to keep
	buf     []byte // the bytes kept
	skip    int64
	endless bool  // the body goes on beyond what is wanted
	drop    bool  // the body isn't the object's
	taken   int64 // bytes that arrived
	cut     bool  // a write was refused
	err     error // what place said
}

func (c *capture) Header() http.Header { return c.header }

// WriteHeader implements http.ResponseWriter. Informational answers are ignored.
func (c *capture) WriteHeader(status int) {
	if c.status != 0 || 100 <= status && status < 200 {
		return
	}
	c.status = status
	if status < 200 || status >= 300 {
		c.drop = true
		return
	}
	var length int64
	c.skip, length, c.err = c.place(status, c.header)
	c.endless = length < 0 || length > c.skip+int64(c.want)
}

// Write implements http.ResponseWriter.
func (c *capture) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if c.err != nil {
		return 0, c.stop()
	}
	c.taken += int64(len(p))
	if c.drop {
		if c.taken > maxDropped {
			return 0, c.stop()
		}
		return len(p), nil
	}
	skipped := min(c.skip, int64(len(p)))
	c.skip -= skipped
	rest := p[skipped:]
	c.reserve()
	keep := min(len(rest), c.want-len(c.buf))
	c.buf = append(c.buf, rest[:keep]...)
	if keep < len(rest) || c.full() {
		c.taken -= int64(len(rest) - keep)
		return int(skipped) + keep, c.stop()
	}
	return len(p), nil
}

// reserve makes room for all that is wanted.
func (c *capture) reserve() {
	if cap(c.buf) < c.want {
		releaseBuffer(c.buf)
		c.buf = newBuffer(c.want)
	}
}

// buffers are those of windows, to be used again. A request has one from the first byte of a body
// on: those that wait for a slow server have none.
var buffers sync.Pool // of *[]byte

// newBuffer returns an empty buffer with room for n bytes.
func newBuffer(n int) []byte {
	if b, ok := buffers.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, n)
}

// releaseBuffer lets others use the buffer, unless it is an unusually large one.
func releaseBuffer(b []byte) {
	const usual = 4 * defaultWindow
	if 0 < cap(b) && cap(b) <= usual {
		buffers.Put(&b)
	}
}

// ReadFrom implements io.ReaderFrom, which http.ServeContent prefers: it reads no more than is
// wanted.
func (c *capture) ReadFrom(r io.Reader) (n int64, err error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if c.err != nil {
		return 0, c.stop()
	}
	if c.drop {
		n, err = io.Copy(io.Discard, io.LimitReader(r, maxDropped-c.taken+1))
		c.taken += n
		if c.taken > maxDropped {
			err = c.stop()
		}
		return n, err
	}
	if c.skip > 0 {
		n, err = io.CopyN(io.Discard, r, c.skip)
		c.skip -= n
		c.taken += n
		if err != nil {
			return n, ignoreEOF(err)
		}
	}
	c.reserve()
	upto := c.want
	ask := c.enough != nil && len(c.buf) == 0 && c.want > firstBytes && atHand(r)
	if ask {
		upto = firstBytes
	}
	for len(c.buf) < upto {
		got, err := r.Read(c.buf[len(c.buf):upto])
		c.buf = c.buf[:len(c.buf)+got]
		c.taken += int64(got)
		n += int64(got)
		if err != nil {
			return n, ignoreEOF(err)
		}
		if ask && len(c.buf) == upto {
			if c.enough(c.buf, c.header) {
				return n, c.stop()
			}
			ask, upto = false, c.want
		}
	}
	if c.full() {
		return n, c.stop()
	}
	return n, nil
}

// atHand reports whether r can be read from anywhere, as a file can, so that to stop reading costs
// nothing; a stream from a server that is cut off takes its connection with it.
func atHand(r io.Reader) bool {
	if l, ok := r.(*io.LimitedReader); ok { // http.ServeContent's, for a range
		r = l.R
	}
	_, ok := r.(io.Seeker)
	return ok
}

// full reports whether all that is wanted is there and more would come.
func (c *capture) full() bool { return c.endless && len(c.buf) == c.want }

func (c *capture) stop() error {
	c.cut = true
	return errCut
}

// FlushError implements what http.ResponseController looks for; there is nothing to flush to.
func (*capture) FlushError() error { return nil }

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// object is what the handlers behind answer for the object's path, as an io.ReaderAt: each window
// of bytes that is needed is a sub-request with a Range.
type object struct {
	req     objectRequest
	next    caddyhttp.Handler
	window  int64
	maxRead int64
	enough  func(first []byte, h http.Header) bool // see capture

	header http.Header // of the first answer
	size   int64       // -1: not known
	blocks [keptBlocks]block
	turn   int // of the blocks but the first, which to replace next

	requests int   // sub-requests so far
	read     int64 // bytes taken from behind so far
}

// block is a run of the object's bytes.
type block struct {
	off int64
	b   []byte
}

func (b *block) end() int64 { return b.off + int64(len(b.b)) }

// condition is a conditional header field of a sub-request; the zero value is none.
type condition struct{ name, value string }

// enter makes o the object of that path behind next.
func (o *object) enter(r *http.Request, path string, next caddyhttp.Handler, h *Handler) {
	o.next, o.window, o.maxRead = next, h.Window, h.MaxRead
	o.requests, o.read = 0, 0
	o.forget()
	o.req.enter(r, path)
}

// leave makes the request the client's again, and gives back the memory.
func (o *object) leave() {
	o.req.leave()
	clear(o.req.fields)
	o.req = objectRequest{fields: o.req.fields}
	o.next = nil
	o.forget()
}

func (o *object) forget() {
	o.header, o.size, o.turn = nil, -1, 0
	for i := range o.blocks {
		releaseBuffer(o.blocks[i].b)
		o.blocks[i] = block{}
	}
}

// open asks for the first window, under the condition given. What isn't the object comes back as a
// *statusError.
func (o *object) open(cond condition) error {
	o.forget()
	return o.fetch(0, o.window, cond, &o.blocks[0])
}

// probe is open with the first byte alone, for who may be told no more than that there is none.
func (o *object) probe(cond condition) error {
	o.forget()
	return o.fetch(0, 1, cond, new(block))
}

// ReadAt implements io.ReaderAt.
func (o *object) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		b := o.blockAt(at)
		if b == nil {
			if o.size >= 0 && at >= o.size {
				return n, io.EOF
			}
			if b, err = o.load(at, int64(len(p)-n)); err != nil {
				return n, readError{err}
			}
			if at < b.off || at >= b.end() {
				return n, io.EOF
			}
		}
		n += copy(p[n:], b.b[at-b.off:])
	}
	return n, nil
}

// readError is why a window can't be had. It never is io.EOF, the end of the object, which errors of
// connections that were closed wrap.
type readError struct{ error }

func (e readError) Is(target error) bool { return target != io.EOF && errors.Is(e.error, target) }

func (e readError) As(target any) bool { return errors.As(e.error, target) }

func (o *object) blockAt(off int64) *block {
	for i := range o.blocks {
		if b := &o.blocks[i]; b.off <= off && off < b.end() {
			return b
		}
	}
	return nil
}

// load fetches a window that holds the bytes needed from off on.
func (o *object) load(off, need int64) (*block, error) {
	// directories often stand behind their values, so look back a little, but where the last
	// window just goes on
	start := off
	last := &o.blocks[0]
	if o.turn > 0 {
		last = &o.blocks[1+(o.turn-1)%(keptBlocks-1)]
	}
	if last.end() != off {
		start = max(0, off-o.window/4)
	}
	n := max(o.window, off-start+need)
	if o.size >= 0 && start+n > o.size {
		start = max(0, min(start, o.size-n))
		n = o.size - start
	}
	b := &o.blocks[1+o.turn%(keptBlocks-1)]
	o.turn++
	return b, o.fetch(start, n, condition{}, b)
}

// fetch fills b with up to n bytes of the object from off on.
func (o *object) fetch(off, n int64, cond condition, b *block) error {
	if o.requests++; o.requests > maxRequests || o.read+n > o.maxRead {
		return errTooFar
	}
	first := o.header == nil
	if !first {
		if tag := o.header.Get("Etag"); strongTag(tag) {
			cond = condition{"If-Match", tag}
		}
	}
	size := int64(-1)
	c := &capture{header: make(http.Header), want: int(n), buf: b.b[:0]}
	*b = block{off: off}
	defer func() {
		if b.b == nil {
			releaseBuffer(c.buf)
		}
		c.buf = nil
	}()
	c.place = func(status int, h http.Header) (skip, length int64, err error) {
		if !identity(h) {
			return 0, 0, errEncoded
		}
		var start int64
		start, length, size, err = placeBody(status, h, off)
		switch {
		case err != nil:
			return 0, 0, err
		case start > off:
			return 0, 0, errUnusable
		case !first && !o.same(h, size):
			return 0, 0, errChanged
		case o.read+off-start+n > o.maxRead:
			return 0, 0, errTooFar
		}
		return off - start, length, nil
	}
	if first {
		c.enough = o.enough
	}
	err := o.req.do(o.next, c, off, n, cond)
	o.read += c.taken
	if c.err != nil {
		return c.err
	}
	status := c.status
	if status == 0 {
		status = statusOf(err)
	} else if err != nil && !c.cut && !c.drop {
		return fmt.Errorf("%w: it ended early: %w", errUnusable, err)
	}
	switch {
	case status >= 200 && status < 300:
	case first && status == http.StatusRequestedRangeNotSatisfiable:
		// the first byte of the object isn't there: it is empty
		o.header, o.size = c.header, 0
		return nil
	case !first && status == http.StatusRequestedRangeNotSatisfiable:
		return nil
	case !first && gone(status):
		return errChanged
	default:
		return &statusError{status, c.header, err}
	}
	if first {
		o.header = c.header
		o.size = size
	}
	*b = block{off, c.buf}
	if !c.cut && len(c.buf) < c.want && c.skip == 0 && o.size < 0 {
		o.size = b.end()
	}
	return nil
}

// gone reports statuses that a later range is answered with when the object, or the right to it,
// isn't what it was.
func gone(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone,
		http.StatusPreconditionFailed:
		return true
	}
	return false
}

// same reports whether an answer to a later range is from the object of the first.
func (o *object) same(h http.Header, size int64) bool {
	if o.size >= 0 && size >= 0 && o.size != size {
		return false
	}
	was, is := o.header.Get("Etag"), h.Get("Etag")
	if was != "" && is != "" {
		return was == is
	}
	was, is = o.header.Get("Last-Modified"), h.Get("Last-Modified")
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

// placeBody tells where the body of a successful answer to a range from off on belongs: the offset
// of its first byte, its length and the object's size (-1: unknown). Stores answer 200 with a
// Content-Range and a partial body; the Content-Range is believed (RFC 9110, section 14.4).
func placeBody(status int, h http.Header, off int64) (start, length, size int64, err error) {
	cr := h.Get("Content-Range")
	if cr == "" {
		length = contentLength(h)
		if status != http.StatusPartialContent {
			return 0, length, length, nil
		}
		if strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "multipart/") {
			return 0, 0, 0, errUnusable
		}
		return off, length, -1, nil
	}
	unit, rest, _ := strings.Cut(strings.TrimSpace(cr), " ")
	span, total, ok := strings.Cut(rest, "/")
	from, to, ok2 := strings.Cut(span, "-")
	start, err1 := strconv.ParseInt(strings.TrimSpace(from), 10, 64)
	end, err2 := strconv.ParseInt(strings.TrimSpace(to), 10, 64)
	if !strings.EqualFold(unit, "bytes") || !ok || !ok2 || err1 != nil || err2 != nil || start < 0 || end < start {
		return 0, 0, 0, errUnusable
	}
	size, err = strconv.ParseInt(strings.TrimSpace(total), 10, 64)
	if err != nil || size <= end {
		size = -1
	}
	return start, end - start + 1, size, nil
}

func contentLength(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// identity reports whether the body is the object itself (RFC 9110, section 8.4).
func identity(h http.Header) bool {
	for _, v := range h.Values("Content-Encoding") {
		for e := range strings.SplitSeq(v, ",") {
			if e = strings.TrimSpace(e); e != "" && !strings.EqualFold(e, "identity") {
				return false
			}
		}
	}
	return true
}
