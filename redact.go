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

// Redaction of the photos themselves: the response that the next handlers give to a request that asks
// for no operation goes through a redactor, if its first bytes say that it is an image.
//
// Entity tags are marked, so that no cache has a photo confirmed that it got without redaction, or
// that another client got with more tags. A client's condition is passed on only if it has one of
// our marks, and a 304 only if it is the mark of what this client gets.

var (
	// errNotRedactable is an image of a format that can't be redacted.
	errNotRedactable = errors.New("images of this format can't be redacted")
	// errCutOff ends a body of which no more is wanted.
	errCutOff = errors.New("no more of the object is wanted")
)

// redactMarks mark the entity tags of a route with redact: with the tags of the EXIF answer, and
// with none.
type redactMarks struct{ tags, none string }

// redacted answers a request with what the next handlers answer, redacted if it is an image.
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
			rw.again = x.plain
		}
		if !rw.again && rw.failure == nil {
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

// noSuffix is for requests that ask for the object itself.
func noSuffix(string) (string, bool) { return "", false }

// redaction is one request for an object itself, in progress.
type redaction struct {
	h         *Handler
	object    object.Object
	method    string   // the client's
	condition []string // its If-None-Match
	ranged    bool     // the client's Range is passed on: what it asks for is no image
	tag       string   // the entity tag of what was found to be no image
	plain     bool     // an encoded response is of no image
}

// ifRangeHolds reports whether a range can be asked for: without If-Range, or with the tag of a response
// of ours. A range of another would be put together with what the client has of that.
func (h *Handler) ifRangeHolds(header http.Header) bool {
	condition := header.Values("If-Range")
	return len(condition) == 0 || len(h.redactMarks.objectTags(condition)) > 0
}

// objectTags are the object's tags for those of a field that have one of the marks.
func (m redactMarks) objectTags(field []string) []string {
	return append(objectTags(field, m.tags), objectTags(field, m.none)...)
}

// isNoImage asks for the first bytes of the object, and reports whether they say that it is to be
// passed on, or that there is none.
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

// run runs the next handlers for the client's request.
func (x *redaction) run(w *redactWriter) (err error) {
	defer func() {
		if w.body != nil {
			_ = w.body.Close() // where it isn't closed yet, nobody waits for the rest
		}
		switch p := recover(); {
		case p == nil:
		case p == http.ErrAbortHandler && w.state == cut: //nolint:errorlint // a panic's value
			err = nil // that is how reverse_proxy takes it
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
	return err // as it is: the server looks at its type
}

// change makes the client's request one for what may be redacted: GET, since only the body tells what
// HEAD is to be answered with, and with the conditions that are about our responses.
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

// redactWriter is the client's ResponseWriter as the next handlers see it. It holds a successful
// response until its first bytes tell what it is.
type redactWriter struct {
	*caddyhttp.ResponseWriterWrapper
	x *redaction

	state   redactState
	status  int    // 0: none yet
	head    []byte // the first bytes, while the state is sniffing
	body    *redact.Writer
	format  string
	sent    bool        // the header is out
	part    *redactPart // what the client gets, nil: not decided
	failure error       // what is answered instead of the response
	again   bool        // the next handlers must be asked again
	encoded bool        // the first bytes tell nothing, being encoded
}

type redactState uint8

const (
	waiting   redactState = iota // for the header
	sniffing                     // for the first bytes
	passing                      // everything on
	redacting                    // the body
	cut                          // refusing everything
)

// redactPart is what a client gets of an image.
type redactPart struct {
	mark string
	tags bool
}

// parts decides what the client gets: the tags of the EXIF answer if it may ask for that.
func (w *redactWriter) parts() redactPart {
	if w.part == nil {
		h := w.x.h
		allowed := len(h.Permissions) == 0
		if !allowed { // the rules look at a copy of the request
			if r := w.x.object.Seen(); !h.Permissions.tooEarly(r) {
				allowed, _ = h.allowed(actionGetObject, r)
			}
		}
		w.part = &redactPart{mark: h.redactMarks.none}
		if allowed {
			w.part = &redactPart{mark: h.redactMarks.tags, tags: true}
		}
	}
	return *w.part
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
		w.fail(object.ErrUnusable) // nobody asked for that
	case status == http.StatusNotModified && !w.confirms(header.Get("Etag")):
		w.x.condition = nil
		w.repeat()
	case status == http.StatusPartialContent && header.Get("Etag") != w.x.tag:
		w.x.ranged = false // the object changed since it was looked at
		w.repeat()
	case status == http.StatusPartialContent && !strings.HasPrefix(header.Get("Content-Range"), "bytes 0-"):
		w.pass()
	case 200 <= status && status < 300 && status != http.StatusNoContent && status != http.StatusResetContent:
		w.state = sniffing
	default:
		w.pass()
	}
}

// confirms reports whether a 304 with that tag of the object is about the response that this client
// would get now. One that the client didn't ask for by a tag of that response isn't.
func (w *redactWriter) confirms(tag string) bool {
	asked := w.x.h.redactMarks.objectTags(w.x.condition)
	has := objectTags(w.x.condition, w.parts().mark)
	return len(has) > 0 && (len(has) == len(asked) || slices.Contains(has, tag))
}

// stop ends the response of the next handlers.
func (w *redactWriter) stop() { w.state, w.head = cut, nil }

// repeat has the next handlers asked again.
func (w *redactWriter) repeat() {
	w.again = true
	w.stop()
}

// fail has err answered in place of the response.
func (w *redactWriter) fail(err error) {
	w.failure = err
	w.stop()
}

// pass sends the header, and then passes everything on.
func (w *redactWriter) pass() {
	w.state = passing
	w.send()
}

// send sends the header, its entity tag marked.
func (w *redactWriter) send() {
	header := w.Header()
	if tag := header.Get("Etag"); tag != "" && w.status < 400 {
		header.Del("Etag")
		if tag = markTag(tag, w.parts().mark); tag != "" {
			header.Set("Etag", tag)
		}
	}
	w.sent = true
	w.ResponseWriter.WriteHeader(w.status)
}

// decide looks at the first bytes, and passes them on.
func (w *redactWriter) decide() error {
	head, h, header := w.head, w.x.h, w.Header()
	w.head = nil
	verdict, format := redact.Sniff(head)
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		// the first bytes tell nothing
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
		w.x.ranged = false // it was no image when it was looked at
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
	if w.parts().tags {
		policy.EXIF = &h.options
	}
	w.body = redact.NewWriter(redactedBody{w}, policy)
	return w.redact(head)
}

// isText reports whether a content type is of text, which pages and programs come compressed as.
func isText(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	kind, sub, _ := strings.Cut(t, "/")
	return kind == "text" || strings.HasSuffix(sub, "+xml") || strings.HasSuffix(sub, "json") || kind == "application" &&
		slices.Contains([]string{"javascript", "x-javascript", "xml", "wasm"}, sub)
}

// imageHeader makes the header one of a redacted image: what is said of the bytes that the object
// has isn't true of it.
func (w *redactWriter) imageHeader(header http.Header) {
	header.Set("Accept-Ranges", "none")
	for name := range header {
		switch {
		case name == "Content-Md5", name == "Digest", name == "Repr-Digest", name == "Content-Digest", name == "Want-Digest",
			name == "X-Goog-Hash", strings.HasPrefix(name, "X-Amz-Checksum-"), strings.HasPrefix(name, "X-Amz-Meta-"):
			header.Del(name)
		}
	}
	if w.x.h.tellsApart {
		makePrivate(header)
	}
}

// makePrivate has no cache that several clients share keep the response (RFC 9111, section 5.2.2.7).
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

// redactedBody is where the redactor writes: the header goes out before the first byte.
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

// redact has the redactor take a part of the body.
func (w *redactWriter) redact(p []byte) error {
	_, err := w.body.Write(p)
	return w.held(err)
}

// held has an image refused that the redactor gave up on before the header was out.
func (w *redactWriter) held(err error) error {
	if errors.Is(err, redact.ErrHeld) && !w.sent {
		w.x.h.metrics.refused(w.format)
		w.fail(errNotRedactable)
		return errCutOff
	}
	return err
}

// close ends the body.
func (w *redactWriter) close() error {
	if w.state == sniffing {
		if err := w.decide(); err != nil && w.state != cut {
			return err
		}
	}
	if w.state != redacting {
		return nil
	}
	err := w.held(w.body.Close())
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

// redactBuffers are the pool of memory that files are read into.
var redactBuffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// ReadFrom implements io.ReaderFrom: what is passed on is sent as without redaction.
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

// FlushError implements what http.ResponseController looks for. Few bytes that may be the start of
// an image are held all the same.
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

// imageStarts are what images begin with, as far as it decides.
var imageStarts = [][]byte{
	[]byte("\xFF\xD8\xFF"), []byte("\xFF\x0A"), []byte("\xFF\x4F\xFF\x51"), []byte("\x89PNG\r\n\x1A\n"), []byte("RIFF"), []byte("GIF8"),
	[]byte("II"), []byte("MM"), []byte("8BPS"), []byte("FUJIFILM"), []byte("\x00"),
}

// mayBeImage reports whether bytes can be the first of an image.
func mayBeImage(head []byte) bool {
	return slices.ContainsFunc(imageStarts, func(start []byte) bool {
		n := min(len(start), len(head))
		return bytes.Equal(start[:n], head[:n])
	})
}
