package caddyexif

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/redact"
)

// Redaction of the photos themselves: if the next handlers' response to a request for no operation begins
// like an image, it passes through a redactor.
//
// Entity tags are marked, so that no cache can revalidate a photo that it got without redaction, or that
// another client got with more tags. A client's condition is passed on only if its tag has one of our
// marks, and a 304 only if the mark is that of the photo for this client.

var (
	// errNotRedactable is the error for an image of a format that can't be redacted.
	errNotRedactable = errors.New("images of this format can't be redacted")
	// errCutOff stops the next handlers' writes when no more of the body is needed.
	errCutOff = errors.New("no more of the object is wanted")
)

// redactMarks are the marks in the entity tags of redacted images: of those with the tags of the EXIF
// response, and of those with none.
type redactMarks struct{ tags, none string }

// redacted passes the request to the next handlers and redacts their response if it is an image.
func (h *Handler) redacted(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" {
		return next.ServeHTTP(w, r)
	}
	id := requestID(r)
	before := w.Header().Clone()
	x := &redaction{h: h, method: r.Method, condition: r.Header.Values("If-None-Match")}
	x.object.Start(r, next, noSuffix, object.Limits{Window: redact.SniffLen, Read: redact.SniffLen})
	defer x.object.Close()
	x.ranged = r.Method == http.MethodGet && r.Header.Get("Range") != "" && h.ifRangeHolds(r.Header) && x.isNoImage()
	for {
		rw := &redactWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, x: x}
		err := x.run(rw)
		if rw.encoded {
			if x.plain = x.isNoImage(); !x.plain {
				rw.failure = object.ErrEncoded
			}
			rw.rerun = x.plain
		}
		if !rw.rerun && rw.failure == nil {
			return err
		}
		clear(w.Header())
		maps.Copy(w.Header(), before.Clone())
		if rw.failure != nil {
			x.object.Close()
			return h.writeFailure(w, r, failureOf(rw.failure), "", id)
		}
	}
}

// noSuffix is the strip function for requests for the object itself.
func noSuffix(string) (string, bool) { return "", false }

// redaction is a request for an object itself, in progress.
type redaction struct {
	h         *Handler
	object    object.Object
	method    string   // of the client's request
	condition []string // the If-None-Match of the client's request
	ranged    bool     // the client's Range is passed on: the object is no image
	tag       string   // the object's ETag when it turned out to be no image
	plain     bool     // an encoded response isn't an image
}

// ifRangeHolds reports whether the client's Range may be passed on: it has no If-Range, or one with the
// tag of a redacted response. Otherwise the client would combine our range with bytes of another response.
func (h *Handler) ifRangeHolds(header http.Header) bool {
	condition := header.Values("If-Range")
	return len(condition) == 0 || len(h.redactMarks.objectTags(condition)) > 0
}

// objectTags returns the object's tags for those tags of a field that have one of the marks.
func (m redactMarks) objectTags(field []string) []string {
	return append(objectTags(field, m.tags), objectTags(field, m.none)...)
}

// isNoImage reports whether the object's first bytes say that it needs no redaction, or whether the next
// handlers answer without the object, as with 404.
func (x *redaction) isNoImage() bool {
	if err := x.object.Open(object.Condition{}, nil); err != nil {
		var status *object.StatusError
		return errors.As(err, &status)
	}
	x.tag = x.object.Header.Get("Etag")
	head := make([]byte, redact.SniffLen)
	n, err := x.object.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	verdict, _ := redact.Sniff(head[:n])
	return verdict == redact.Pass
}

// run runs the next handlers with the client's request.
func (x *redaction) run(w *redactWriter) (err error) {
	defer func() {
		if w.body != nil {
			_ = w.body.Close() // if it is still open, the rest isn't needed
		}
		switch p := recover(); {
		case p == nil:
		case p == http.ErrAbortHandler && w.state == cut: //nolint:errorlint // a panic's value
			err = nil // as reverse_proxy treats it
		default:
			panic(p)
		}
	}()
	err = x.object.Pass(w, x.change)
	if w.state == cut {
		return nil
	}
	if e := w.close(); err == nil {
		err = e
	}
	return err // unwrapped: the server checks its type
}

// change prepares the client's request for redaction: its method becomes GET, since the response to HEAD
// depends on the body, and only those conditions stay that are about redacted responses.
func (x *redaction) change(r *http.Request) {
	r.Method = http.MethodGet
	marks := x.h.redactMarks
	ifRange := marks.objectTags(r.Header.Values("If-Range"))
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since", "If-Range"} {
		r.Header.Del(name)
	}
	if tags := marks.objectTags(x.condition); len(tags) > 0 {
		r.Header.Set("If-None-Match", strings.Join(tags, ", "))
	}
	switch {
	case !x.ranged:
		r.Header.Del("Range")
	case len(ifRange) > 0:
		r.Header.Set("If-Range", ifRange[0])
	}
}

// redactWriter is the client's ResponseWriter for the next handlers. It holds a successful response back
// until its first bytes reveal its format.
type redactWriter struct {
	*caddyhttp.ResponseWriterWrapper
	x *redaction

	state   redactState
	status  int    // 0: none yet
	head    []byte // the first bytes, in state sniffing
	body    *redact.Writer
	format  string
	sent    bool         // the header has been sent
	level   *redactLevel // what the client gets, nil if not decided yet
	failure error        // sent instead of the response
	rerun   bool         // the next handlers must run again
	encoded bool         // the first bytes are encoded, so they reveal nothing
}

type redactState uint8

const (
	waiting   redactState = iota // for the header
	sniffing                     // collecting the first bytes
	passing                      // the response through
	redacting                    // the body
	cut                          // refusing every write
)

// redactLevel says which metadata of an image the client gets.
type redactLevel struct {
	mark string
	tags bool
}

// chooseLevel returns what the client gets: the tags of the EXIF response if it may read that, none
// otherwise. The first call decides.
func (w *redactWriter) chooseLevel() redactLevel {
	if w.level == nil {
		h := w.x.h
		allowed := len(h.Permissions) == 0
		if !allowed { // the rules check a copy of the request
			if r := w.x.object.Seen(); !h.Permissions.tooEarly(r) {
				allowed, _ = h.allowed(actionGetObject, r)
			}
		}
		w.level = &redactLevel{mark: h.redactMarks.none}
		if allowed {
			w.level = &redactLevel{mark: h.redactMarks.tags, tags: true}
		}
	}
	return *w.level
}

// WriteHeader implements http.ResponseWriter.
func (w *redactWriter) WriteHeader(status int) {
	if w.state != waiting {
		return
	}
	if 100 <= status && status < 200 && status != http.StatusSwitchingProtocols {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
	header := w.Header()
	switch {
	case status == http.StatusNotModified && len(w.x.h.redactMarks.objectTags(w.x.condition)) == 0,
		status == http.StatusPartialContent && !w.x.ranged:
		w.fail(object.ErrUnusable) // a response to no condition or range of ours
	case status == http.StatusNotModified && !w.confirms(header.Get("Etag")):
		w.x.condition = nil
		w.repeat()
	case status == http.StatusPartialContent && header.Get("Etag") != w.x.tag:
		w.x.ranged = false // the object has changed since isNoImage read it
		w.repeat()
	case status == http.StatusPartialContent && !strings.HasPrefix(header.Get("Content-Range"), "bytes 0-"):
		w.pass()
	case 200 <= status && status < 300 && status != http.StatusNoContent && status != http.StatusResetContent:
		w.state = sniffing
	default:
		w.pass()
	}
}

// confirms reports whether a 304 with that tag of the object is about the response that this client would
// get now: the client's condition must have a tag of that response.
func (w *redactWriter) confirms(tag string) bool {
	asked := w.x.h.redactMarks.objectTags(w.x.condition)
	has := objectTags(w.x.condition, w.chooseLevel().mark)
	return len(has) > 0 && (len(has) == len(asked) || slices.Contains(has, tag))
}

// stop refuses the rest of the next handlers' response.
func (w *redactWriter) stop() { w.state, w.head = cut, nil }

// repeat discards the response and makes the next handlers run again.
func (w *redactWriter) repeat() {
	w.rerun = true
	w.stop()
}

// fail sends err instead of the response.
func (w *redactWriter) fail(err error) {
	w.failure = err
	w.stop()
}

// pass sends the header and passes the rest of the response through.
func (w *redactWriter) pass() {
	w.state = passing
	w.send()
}

// send sends the header, with its entity tag marked.
func (w *redactWriter) send() {
	header := w.Header()
	if tag := header.Get("Etag"); tag != "" && w.status < 400 {
		header.Del("Etag")
		if tag = markTag(tag, w.chooseLevel().mark); tag != "" {
			header.Set("Etag", tag)
		}
	}
	w.sent = true
	w.ResponseWriter.WriteHeader(w.status)
}

// decide chooses by the first bytes whether to pass the response through, redact or refuse it.
func (w *redactWriter) decide() error {
	head, h, header := w.head, w.x.h, w.Header()
	w.head = nil
	verdict, format := redact.Sniff(head)
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		// encoded bytes reveal nothing
		verdict = redact.Pass
		if !w.x.plain && !isText(header.Get("Content-Type")) {
			w.encoded = true
			w.stop()
			return errCutOff
		}
	}
	switch {
	case verdict == redact.Pass:
		w.pass()
		if w.x.method == http.MethodHead {
			w.stop()
			return errCutOff
		}
		if len(head) == 0 {
			return nil
		}
		_, err := w.ResponseWriter.Write(head)
		return err
	case w.status == http.StatusPartialContent:
		w.x.ranged = false // it was no image when isNoImage read it
		w.repeat()
		return errCutOff
	case verdict == redact.Refuse:
		h.metrics.refused(format)
		w.fail(errNotRedactable)
		return errCutOff
	}
	w.format, w.state = format, redacting
	w.imageHeader(header)
	policy := &redact.Policy{MaxHeld: h.MaxRead}
	if w.chooseLevel().tags {
		policy.EXIF = &h.options
	}
	w.body = redact.NewWriter(redactedBody{w}, policy)
	return w.redact(head)
}

// isText reports whether a content type is text, such as pages and scripts, which often come compressed.
func isText(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	kind, sub, _ := strings.Cut(t, "/")
	return kind == "text" || strings.HasSuffix(sub, "+xml") || strings.HasSuffix(sub, "json") || kind == "application" &&
		slices.Contains([]string{"javascript", "x-javascript", "xml", "wasm"}, sub)
}

// imageHeader adjusts the header to a redacted image: it removes the fields that describe the original
// bytes.
func (w *redactWriter) imageHeader(header http.Header) {
	header.Set("Accept-Ranges", "none")
	for name := range header {
		switch {
		case name == "Content-Md5", name == "Digest", name == "Repr-Digest", name == "Content-Digest", name == "Want-Digest",
			name == "X-Goog-Hash", strings.HasPrefix(name, "X-Amz-Checksum-"), strings.HasPrefix(name, "X-Amz-Meta-"):
			header.Del(name)
		}
	}
	if w.x.h.perClient {
		makePrivate(header)
	}
}

// makePrivate forbids shared caches to keep the response (RFC 9111, section 5.2.2.7).
func makePrivate(header http.Header) {
	directives := []string{"private"}
	for _, field := range header.Values("Cache-Control") {
		for d := range strings.SplitSeq(field, ",") {
			d = strings.TrimSpace(d)
			name, _, _ := strings.Cut(strings.ToLower(d), "=")
			if d != "" && name != "public" && name != "private" && name != "s-maxage" {
				directives = append(directives, d)
			}
		}
	}
	header.Set("Cache-Control", strings.Join(directives, ", "))
}

// redactedBody is the redactor's output. It sends the header before the first byte.
type redactedBody struct{ w *redactWriter }

// Write implements io.Writer.
func (b redactedBody) Write(p []byte) (int, error) {
	if b.w.state == cut {
		return 0, errCutOff
	}
	if !b.w.sent {
		b.w.send()
	}
	if b.w.x.method == http.MethodHead {
		b.w.stop()
		return 0, errCutOff
	}
	return b.w.ResponseWriter.Write(p)
}

// redact passes a piece of the body to the redactor.
func (w *redactWriter) redact(p []byte) error {
	_, err := w.body.Write(p)
	return w.checkHeld(err)
}

// checkHeld refuses the image if the redactor gave up on it before the header was sent.
func (w *redactWriter) checkHeld(err error) error {
	if errors.Is(err, redact.ErrHeld) && !w.sent {
		w.x.h.metrics.refused(w.format)
		w.fail(errNotRedactable)
		return errCutOff
	}
	return err
}

// close ends the body, after the next handlers have returned.
func (w *redactWriter) close() error {
	if w.state == sniffing {
		if err := w.decide(); err != nil && w.state != cut {
			return err
		}
	}
	if w.state != redacting {
		return nil
	}
	err := w.checkHeld(w.body.Close())
	if w.failure == nil {
		w.x.h.metrics.redacted(w.format, w.body.Overwritten())
	}
	if w.state == cut {
		return nil
	}
	return err
}

// Write implements http.ResponseWriter.
func (w *redactWriter) Write(p []byte) (n int, err error) {
	if w.state == waiting {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == sniffing {
		n = min(len(p), redact.SniffLen-len(w.head))
		w.head = append(w.head, p[:n]...)
		if len(w.head) < redact.SniffLen {
			return n, nil
		}
		if err := w.decide(); err != nil {
			return n, err
		}
		p = p[n:]
	}
	switch w.state {
	case cut:
		return n, errCutOff
	case redacting:
		if err = w.redact(p); err == nil {
			n += len(p)
		}
		return n, err
	}
	got, err := w.ResponseWriter.Write(p)
	return n + got, err
}

// redactBuffers is a pool of buffers for copying files.
var redactBuffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// ReadFrom implements io.ReaderFrom. What needs no redaction is copied as it would be without redact.
func (w *redactWriter) ReadFrom(r io.Reader) (n int64, err error) {
	if w.state == waiting {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == sniffing {
		head := make([]byte, redact.SniffLen-len(w.head))
		got, err := io.ReadFull(r, head)
		n = int64(got)
		if _, e := w.Write(head[:got]); e != nil {
			return n, e
		}
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = nil
			}
			return n, err
		}
	}
	if w.state == passing {
		got, err := io.Copy(w.ResponseWriter, r)
		return n + got, err
	}
	buf := redactBuffers.Get().(*[]byte)
	defer redactBuffers.Put(buf)
	got, err := io.CopyBuffer(struct{ io.Writer }{w}, r, *buf)
	return n + got, err
}

// FlushError implements Flush for http.ResponseController. It still holds back a few bytes that may begin
// an image.
func (w *redactWriter) FlushError() error {
	if w.state == sniffing {
		if mayBeImage(w.head) {
			return nil
		}
		if err := w.decide(); err != nil {
			return err
		}
	}
	if w.state == waiting || w.state == cut || w.state == redacting && !w.sent {
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// imageStarts are the bytes that images begin with, as far as mayBeImage needs them.
var imageStarts = [][]byte{
	[]byte("\xFF\xD8\xFF"), []byte("\xFF\x0A"), []byte("\xFF\x4F\xFF\x51"), []byte("\x89PNG\r\n\x1A\n"), []byte("RIFF"), []byte("GIF8"),
	[]byte("II"), []byte("MM"), []byte("8BPS"), []byte("FUJIFILM"), []byte("\x00"),
}

// mayBeImage reports whether head can be the first bytes of an image.
func mayBeImage(head []byte) bool {
	return slices.ContainsFunc(imageStarts, func(start []byte) bool {
		n := min(len(start), len(head))
		return bytes.Equal(start[:n], head[:n])
	})
}
