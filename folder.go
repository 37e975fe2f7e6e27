package caddyexif

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
)

// An operation on a folder answers for all its photos, one line each.
//
// The next handlers list the folder. Each photo is then requested as the client would request it alone: by
// a request of its own that runs all routes of the server from the first one on, the exif handler among
// them. So each guard of a photo guards its line, wherever it stands in the routes. The requests run side by
// side, and their responses are sent in the listing's order.

const (
	// folderRequests bounds the sub-requests of a folder that run at the same time.
	folderRequests = 8
	// folderLead bounds how many photos sub-requests may be ahead of the one whose line is sent next, so that
	// one slow photo doesn't stop the others.
	folderLead = 64
	// folderHeld is how many bytes of lines may wait for an earlier one before no more photos are requested.
	folderHeld = 128 << 10
	// folderPacket is how many bytes of lines are sent at a time.
	folderPacket = 32 << 10
	// folderFlush bounds how long a line waits for others to share a packet with.
	folderFlush = 5 * time.Millisecond
	// maxLine bounds a line. Handlers before exif may have made the response longer than ours ever is.
	maxLine = 512 << 10
	// maxNames bounds the names of one response, in bytes, which are kept in memory.
	maxNames = 256 << 10
	// maxEntry bounds an entry of a listing, and maxEntries how many are read to find the names to answer for.
	maxEntry, maxEntries = 64 << 10, 1 << 20
)

// afterField is a field of a listing's header that says that the listing begins after that name, escaped as in
// a query: its server has understood the query's parameter "after".
const afterField = "List-Start-After"

// errNoListing is the error for a response that isn't a listing.
var errNoListing = errors.New("the next handler's answer is no listing of a folder")

// folder is the response to a request for an operation on all objects of a folder.
type folder struct {
	h      *Handler
	op     *operation
	routes caddyhttp.Handler // all routes of the server
	server *caddyhttp.Server
	photo  *http.Request // the client's request, to be sent for each photo
	query  string        // of the client's request
	page   page
	sum    uint64 // identifies the listing, the settings and the client
	stats  *stats

	origin, credentials string // the CORS fields of the response
}

// answerFolder returns the response to a request for an operation on all objects of the folder at path.
func (h *Handler) answerFolder(r *http.Request, next caddyhttp.Handler, op *operation, path string, s *stats) (*response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, errMethod
	}
	if h.Permissions.tooEarly(r) {
		return nil, errTooEarly
	}
	s.format = "folder"
	f, err := h.newFolder(r, op, path)
	if err != nil {
		return nil, err
	}
	f.stats = s
	client := newCacheKey(r, op, path).client
	var o object.Object
	o.Start(r, next, h.objectPath, object.Limits{})
	defer o.Close()
	if allowed, final := h.allowed(actionListBucket, r); !allowed && final {
		return nil, errDenied
	}
	err = f.list(&o)
	s.read, s.requests = o.Read, o.Requests
	if err != nil {
		return nil, err
	}
	f.sum = f.page.sum(func(w io.Writer) {
		// Two clients' responses may have different photos.
		fmt.Fprintf(w, "%q %x", o.Left, client)
		if h.perClient {
			fmt.Fprintf(w, " %q %q", r.RemoteAddr[:strings.LastIndexByte(r.RemoteAddr, ':')+1], caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey))
		}
	})
	res := &response{folder: f, contentType: op.contentType, format: s.format, header: folderHeader(o.Header)}
	res.etag = fmt.Sprintf(`W/"%016x%s"`, f.sum, h.marks[op].suffix)
	res.notModified = h.complete.has(f.sum) && notModified(r.Header, res.etag, res.header)
	return res, nil
}

// newFolder returns the response to the client's request, without names.
func (h *Handler) newFolder(r *http.Request, op *operation, path string) (*folder, error) {
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server == nil {
		return nil, errors.New("folders need Caddy's server")
	}
	f := &folder{h: h, op: op, server: server, query: r.URL.RawQuery}
	f.routes = server.Routes.Compile(caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil }))
	f.page.after, f.page.max = r.URL.Query().Get("after"), h.Folders
	// Requests for photos begin where the client's did, unless a handler has rewritten that to a folder's.
	u := *r.URL
	if orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && orig.URL != nil {
		if p, ok := h.objectPath(orig.URL.Path); ok && isFolder(p) {
			u, path = *orig.URL, p
		}
	}
	object.CutPath(&u, path)
	u.RawQuery = without(u.RawQuery, "after")
	f.photo = &http.Request{
		Method: http.MethodGet, URL: &u, Host: r.Host, Header: object.CloneHeader(r.Header), Body: http.NoBody,
		Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor, RemoteAddr: r.RemoteAddr, TLS: r.TLS,
	}
	return f, nil
}

// without returns a query without the parameter of that name, and otherwise unchanged.
func without(query, name string) string {
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(part, "=")
		if key, err := url.QueryUnescape(key); err != nil || key != name {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// list reads the folder's listing.
func (f *folder) list(o *object.Object) error {
	in, out := io.Pipe()
	defer out.Close()
	read := make(chan error, 1)
	go func() {
		err := f.page.read(in)
		if err == nil { // a body that is read to its end leaves the upstream's connection usable
			_, _ = io.CopyN(io.Discard, in, 64)
		}
		_ = in.Close()
		read <- err
	}()
	err := o.List(jsonType, f.h.permitListing, func(header http.Header) io.Writer {
		f.page.startsAfter(header.Get(afterField))
		return out
	})
	_ = out.Close()
	invalid := <-read
	switch {
	case err != nil:
		return err
	case errors.Is(invalid, errNoListing):
		return &object.StatusError{Status: http.StatusNotFound, Header: make(http.Header), Err: invalid}
	}
	return invalid
}

// folderHeader returns the fields of the listing's header that the response keeps. Last-Modified isn't among
// them: it would say nothing of what the client may read.
func folderHeader(listing http.Header) http.Header {
	h := make(http.Header)
	copyObjectHeader(h, listing)
	h.Del("Last-Modified")
	var vary []string
	for _, name := range h["Vary"] {
		if !strings.EqualFold(name, "Accept") { // set by us
			vary = append(vary, name)
		}
	}
	if h.Del("Vary"); len(vary) > 0 {
		h["Vary"] = vary
	}
	return h
}

// setHeader completes the response's header. No shared cache may keep it: the header is sent before any photo
// is read, whose response may be for one client only.
func (f *folder) setHeader(h http.Header) {
	makePrivate(h)
	if last := f.page.last(); last != "" {
		q := strings.ReplaceAll(without(f.query, "after"), ">", "%3E") // which would end the URL
		if q != "" {
			q += "&"
		}
		h.Add("Link", "<?"+q+"after="+url.QueryEscape(last)+`>; rel="next"`)
	}
	f.origin, f.credentials = h.Get("Access-Control-Allow-Origin"), h.Get("Access-Control-Allow-Credentials")
}

// write sends the lines. If it can't send all of them, the response is cut off, without the bracket that would
// make it JSON.
func (f *folder) write(ctx context.Context, w http.ResponseWriter) {
	ctx, cancel := context.WithCancel(ctx)
	l := newLines(len(f.page.entries))
	defer l.wait()
	defer cancel()
	defer context.AfterFunc(ctx, l.stop)()
	l.run(func(i int) line { return f.request(ctx, &f.page.entries[i]) })

	out := bytes.NewBuffer(make([]byte, 0, folderPacket))
	send := func() {
		if _, err := out.WriteTo(w); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	failed := false
	separator := "[\n"
	for range f.page.entries {
		next, ok, late := l.next(out.Len() > 0)
		if late {
			send()
			_ = http.NewResponseController(w).Flush() // not all writers can
			next, ok, _ = l.next(false)
		}
		if !ok {
			panic(http.ErrAbortHandler)
		}
		f.stats.photos.read += next.stats.read
		f.stats.photos.requests += next.stats.requests
		f.stats.photos.tags += next.stats.tags
		failed = failed || next.failed
		if next.text == nil {
			continue
		}
		out.WriteString(separator)
		separator = ",\n"
		if out.Write(next.text); out.Len() >= folderPacket {
			send()
		}
	}
	if separator == "[\n" {
		out.WriteString("[")
	}
	out.WriteString("\n]\n")
	send()
	if !failed {
		f.h.complete.add(f.sum)
	}
}

// line is what a folder's response says about an object.
type line struct {
	text   []byte // nil: nothing
	failed bool   // it may be better next time
	stats  stats

	seen bool     // the exif handler got the request
	body []byte   // its response
	fail *failure // or its error
}

// lineKey is the context key of the *line that a sub-request is for.
type lineKey struct{}

// lineOf returns the line that the request is for, or nil.
func lineOf(r *http.Request) *line {
	l, _ := r.Context().Value(lineKey{}).(*line)
	return l
}

// record records the exif handler's response to the sub-request. A nil line records nothing.
func (l *line) record(s *stats, res *response, err error) {
	if l == nil {
		return
	}
	l.seen, l.stats = true, *s
	if err != nil {
		l.fail = failureOf(err)
	} else {
		l.body = res.body
	}
}

// request requests a photo and returns its line.
func (f *folder) request(ctx context.Context, e *entry) (l line) {
	r := new(http.Request)
	*r = *f.photo
	u := *f.photo.URL
	if u.RawPath != "" {
		u.RawPath += url.PathEscape(e.path) + f.op.suffix()
	}
	u.Path += e.path + f.op.suffix()
	r.URL, r.RequestURI = &u, u.RequestURI()
	r.Header = object.CloneHeader(f.photo.Header)
	w := &lineWriter{line: &l, header: make(http.Header)}
	r = caddyhttp.PrepareRequest(r.WithContext(context.WithValue(ctx, lineKey{}, &l)), caddy.NewReplacer(), w, f.server)
	err := f.serve(w, r)
	switch {
	case errors.Is(err, errPanic):
		l.failed = true
		l.set(e.Name, nil, "InternalError")
	case !l.seen || errors.Is(err, http.ErrAbortHandler):
		// no photo for this client
	default:
		f.finish(&l, e, w.statusAfter(err), w)
	}
	l.body, l.fail = nil, nil
	return l
}

// errPanic is the error for a panic other than http.ErrAbortHandler.
var errPanic = errors.New("panic")

// serve runs all routes for a sub-request. A panic, which would have ended a request of the client, is an error.
func (f *folder) serve(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = http.ErrAbortHandler
		default:
			err = errPanic
			f.h.logger.Error("panic while a photo of a folder was read", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
		}
	}()
	return f.routes.ServeHTTP(w, r)
}

// finish makes the line from the response to its request. What the client may not read leaves none.
func (f *folder) finish(l *line, e *entry, status int, w *lineWriter) {
	switch {
	case l.fail != nil && l.fail.status == status && errors.Is(l.fail.cause, exif.ErrNotImage):
	case l.fail != nil && l.fail.status == status && aboutObject(l.fail.cause):
		l.set(e.Name, nil, l.fail.code)
	case status == http.StatusTooManyRequests || status >= 500:
		code := statusName(status)
		if l.fail != nil && l.fail.status == status {
			code = l.fail.code
		}
		l.failed = true
		l.set(e.Name, nil, code)
	case status != http.StatusOK || l.fail != nil || !f.sameOrigin(w.header):
	case bytes.Equal(w.body, l.body) || isJSONObject(w.body):
		l.set(e.Name, w.body, "")
	}
}

// sameOrigin reports whether the pages that may read the folder's response may read the photo's, too, by
// its header.
func (f *folder) sameOrigin(photo http.Header) bool {
	origin := photo.Get("Access-Control-Allow-Origin")
	return f.origin == "" || (origin == f.origin || origin == "*") &&
		(f.credentials == "" || photo.Get("Access-Control-Allow-Credentials") == f.credentials)
}

// isJSONObject reports whether b, which a handler before exif has changed, is still one line with an object.
func isJSONObject(b []byte) bool {
	return bytes.HasPrefix(b, []byte("{")) && !bytes.ContainsAny(b, "\r\n") && json.Valid(b)
}

// set makes the line's text from a photo's response, or from an error's code.
func (l *line) set(name string, body []byte, code string) {
	quoted, err := json.Marshal(name)
	if err != nil {
		return // a string always has JSON
	}
	quoted = bytes.ReplaceAll(quoted, []byte("{{"), []byte(`{\u007b`)) // which templates would execute
	text := make([]byte, 0, len(quoted)+len(body)+len(code)+32)
	text = append(text, `{"SourceFile":`...)
	text = append(text, quoted...)
	switch {
	case code != "":
		text = append(text, `,"Error":"`+code+`"}`...)
	case len(body) > len("{}"):
		text = append(text, ',')
		text = append(text, body[1:]...)
	default:
		text = append(text, '}')
	}
	l.text = text
}

// lineWriter is the ResponseWriter of a sub-request for a photo. It keeps the body.
type lineWriter struct {
	line   *line
	header http.Header
	status int
	body   []byte
}

// errLine stops the writes of a response that is too long for a line.
var errLine = errors.New("the response is too long for a line of a folder's")

// Header implements http.ResponseWriter.
func (w *lineWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter. It ignores informational responses.
func (w *lineWriter) WriteHeader(status int) {
	if w.status == 0 && (status < 100 || status >= 200) {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if len(w.body)+len(p) > maxLine {
		w.status = http.StatusInternalServerError
		return 0, errLine
	}
	if own := w.line.body; w.body == nil && len(p) > 0 && len(p) == len(own) && &p[0] == &own[0] {
		w.body = slices.Clip(own) // nobody changes the exif handler's response
		return len(p), nil
	}
	w.body = append(w.body, p...)
	return len(p), nil
}

// statusAfter returns the response's status after the routes have returned err.
func (w *lineWriter) statusAfter(err error) int {
	var he caddyhttp.HandlerError
	switch {
	case w.status != 0:
		return w.status
	case errors.As(err, &he) && he.StatusCode != 0:
		return he.StatusCode
	case err != nil:
		return http.StatusInternalServerError
	}
	return http.StatusNotFound
}

// lines runs the sub-requests of a folder side by side, and returns their lines in order.
type lines struct {
	mu      sync.Mutex
	changed sync.Cond
	ready   [folderLead]*line // of index i at i % folderLead
	count   int
	started int // index of the next photo to request
	sent    int // index of the next line to send
	held    int // bytes of ready lines
	stopped bool
	due     bool // an impatient call of next has waited long enough
	workers sync.WaitGroup
}

func newLines(count int) *lines {
	l := &lines{count: count}
	l.changed.L = &l.mu
	return l
}

// run starts the sub-requests.
func (l *lines) run(request func(i int) line) {
	for range min(folderRequests, l.count) {
		l.workers.Go(func() {
			for i, ok := l.claim(); ok; i, ok = l.claim() {
				result := request(i)
				l.mu.Lock()
				l.ready[i%folderLead] = &result
				l.held += len(result.text)
				if i == l.sent { // what next waits for
					l.changed.Broadcast()
				}
				l.mu.Unlock()
			}
		})
	}
}

// claim waits until another photo may be requested, and returns its index.
func (l *lines) claim() (i int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.stopped && l.started < l.count && l.started > l.sent && (l.started >= l.sent+folderLead || l.held > folderHeld) {
		l.changed.Wait()
	}
	if l.stopped || l.started == l.count {
		return 0, false
	}
	l.started++
	return l.started - 1, true
}

// next waits for the next line. ok is false if the sub-requests were stopped. If impatient, it waits no longer than
// folderFlush, and late is true if there is no line by then.
func (l *lines) next(impatient bool) (next line, ok, late bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slot := &l.ready[l.sent%folderLead]
	if impatient && *slot == nil {
		l.due = false
		timer := time.AfterFunc(folderFlush, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.due = true
			l.changed.Broadcast()
		})
		defer timer.Stop()
	}
	for *slot == nil && !l.stopped {
		if impatient && l.due {
			return line{}, true, true
		}
		l.changed.Wait()
	}
	if l.stopped {
		return line{}, false, false
	}
	next = **slot
	*slot = nil
	l.held -= len(next.text)
	l.sent++
	l.changed.Broadcast()
	return next, true, false
}

// stop ends the sub-requests that haven't begun.
func (l *lines) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	l.changed.Broadcast()
}

// wait waits for all sub-requests to end.
func (l *lines) wait() {
	l.stop()
	l.workers.Wait()
}

// entry is an object in a folder's listing, in the form of file_server's.
type entry struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	URL     string `json:"url"`
	ModTime string `json:"mod_time"`
	IsDir   bool   `json:"is_dir"`

	path string // the name, of any bytes
}

// page is the part of a folder's listing that one response is about.
type page struct {
	after string // the name before the first one
	max   int

	entries []entry
	more    bool // the listing goes on
	begun   bool // after has been passed
	bytes   int  // of the entries' paths

	sequel []entry // entries for a listing that turns out not to have after
}

// startsAfter says that the listing begins after that name, escaped as in a query.
func (p *page) startsAfter(name string) {
	n, err := url.QueryUnescape(name)
	p.begun = p.after == "" || err == nil && n == p.after
}

// read reads a listing up to the end of the page.
func (p *page) read(r io.Reader) error {
	in := &allowance{r: r, left: maxEntry}
	dec := json.NewDecoder(in)
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return errNoListing
	}
	for n := 0; dec.More(); n++ {
		if n >= maxEntries {
			return object.ErrTooFar
		}
		in.left = maxEntry
		var e entry
		if err := dec.Decode(&e); err != nil {
			return listingError(err)
		}
		if e.Name == "" {
			return errNoListing
		}
		if p.add(e) {
			return nil
		}
	}
	if _, err := dec.Token(); err != nil {
		return listingError(err)
	}
	if !p.begun {
		for _, e := range p.sequel {
			if p.take(e) {
				break
			}
		}
	}
	return nil
}

// listingError returns the error for a listing that can't be decoded because of err.
func listingError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return object.ErrBroken
	}
	return fmt.Errorf("%w: %w", errNoListing, err)
}

// add adds an entry, and reports whether the page is full. Without the entry of the name after, which may have
// been deleted since the last page, the page begins with the first name that sorts after it as file_server sorts.
func (p *page) add(e entry) (full bool) {
	if e.path = e.URL; !strings.HasPrefix(e.path, "./") {
		e.path = url.PathEscape(e.Name)
	}
	path, err := url.PathUnescape(strings.TrimPrefix(e.path, "./"))
	if err != nil || e.IsDir || path == "" || path[0] == '.' || strings.Contains(path, "/") {
		return false
	}
	e.path, e.URL = path, ""
	switch {
	case p.begun:
		return p.take(e)
	case path == p.after:
		p.begun, p.sequel = true, nil
	case len(p.sequel) <= p.max && strings.ToLower(path) > strings.ToLower(p.after):
		p.sequel = append(p.sequel, e)
	}
	return false
}

// take adds an entry to the page, and reports whether it was full.
func (p *page) take(e entry) (full bool) {
	if n := len(p.entries); n >= p.max || n > 0 && p.bytes+len(e.path) > maxNames {
		p.more = true
		return true
	}
	p.entries = append(p.entries, e)
	p.bytes += len(e.path)
	return false
}

// last returns the name with which the next page is requested, or "" if this is the last one.
func (p *page) last() string {
	if !p.more {
		return ""
	}
	return p.entries[len(p.entries)-1].path
}

// sum returns a hash of the page and of what more writes.
func (p *page) sum(more func(io.Writer)) uint64 {
	h := sha256.New()
	for i := range p.entries {
		e := &p.entries[i]
		fmt.Fprintf(h, "%q %d %q\n", e.path, e.Size, e.ModTime)
	}
	fmt.Fprintf(h, "%t ", p.more)
	more(h)
	return firstBytes(h)
}

func firstBytes(h hash.Hash) uint64 { return binary.BigEndian.Uint64(h.Sum(nil)) }

// allowance is a reader with a limit that can be renewed.
type allowance struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, errNoListing
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}

// completeTags remembers which responses for folders were sent whole, without a photo that failed. Only these
// can be answered with a 304 later: whoever got less should ask again. A collision forgets one.
type completeTags [1024]atomic.Uint64

func (c *completeTags) add(sum uint64) { c[sum%uint64(len(c))].Store(sum) }

func (c *completeTags) has(sum uint64) bool { return c[sum%uint64(len(c))].Load() == sum }
