package caddyexif

import (
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/redact"
)

// response is the response to a request for an operation on one version of an object. It is immutable
// once made, since the cache shares it among requests.
type response struct {
	body        []byte       // nil if notModified, stream, folder or err is set
	stream      *stream      // written instead of body; never cached
	folder      *folder      // likewise
	err         error        // why there is no body, if the object itself is the cause
	notModified bool         // the client's copy is current
	plan        *redact.Plan // how to redact the object, instead of a body; only in the cache
	contentType string

	header http.Header // of the object's response; a cached response has only the fields from copyObjectHeader
	etag   string      // "" if the object has none
	tag    string      // the object's ETag
	left   object.Left // the request as the next handlers left it: URL, user, folder
	format string      // of the object, "" if it wasn't read
	tags   int
}

// isOf reports whether the response was made from that version of an object, for the same user, URL and
// folder.
func (res *response) isOf(tag string, left object.Left) bool {
	return res.tag == tag && res.left == left
}

// with returns a copy of the response with another header.
func (res *response) with(header http.Header) *response {
	c := *res
	c.header = header
	return &c
}

// exchange is a request for an operation on an object, in progress.
type exchange struct {
	h       *Handler
	r       *http.Request
	op      *operation
	mark    mark // in the entity tags of its responses
	stats   *stats
	object  object.Object
	key     cacheKey
	cached  *response // the cached response for key, nil if there is none
	retried bool      // the object changed during the first attempt, whose reads count towards the limits
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// answer returns the response to a request for an operation on the object at path. If it is a stream,
// the caller must close its exchange.
func (h *Handler) answer(r *http.Request, next caddyhttp.Handler, op *operation, path string, s *stats) (res *response, err error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, errMethod
	}
	x := h.begin(r, next, op, path, s)
	defer func() {
		if res == nil || res.stream == nil {
			x.close()
		}
	}()
	return x.serve()
}

// begin starts a request for an operation on the object at path. The caller must close it.
func (h *Handler) begin(r *http.Request, next caddyhttp.Handler, op *operation, path string, s *stats) *exchange {
	x := exchanges.Get().(*exchange)
	x.h, x.r, x.op, x.mark, x.stats = h, r, op, h.marks[op], s
	s.cache = cacheOff
	if h.cache != nil {
		s.cache = cacheMiss
		x.key = newCacheKey(r, op, path)
		x.cached = h.cache.get(x.key)
	}
	x.object.Start(r, next, h.objectPath, object.Limits{Window: h.Window, Read: h.MaxRead})
	return x
}

// close restores the client's request and releases all memory but the response's.
func (x *exchange) close() {
	x.object.Close()
	x.stats.read, x.stats.requests = x.object.Read, x.object.Requests
	x.h, x.r, x.op, x.mark, x.stats, x.key, x.cached, x.retried = nil, nil, nil, mark{}, nil, cacheKey{}, nil, false
	exchanges.Put(x)
}

// serve makes the response: it checks the permissions, opens the object, and uses the cached response
// or decodes the object.
func (x *exchange) serve() (*response, error) {
	if x.h.Permissions.tooEarly(x.r) {
		return nil, errTooEarly
	}
	if x.h.alreadyDenied(x.r) {
		return nil, errDenied
	}
	res, err := x.fetch()
	if errors.Is(err, object.ErrChanged) {
		x.retried = true
		res, err = x.fetch() // from the start
	}
	if err != nil {
		return nil, err
	}
	x.stats.format, x.stats.tags = res.format, res.tags
	if x.cached != nil && res.isOf(x.cached.tag, x.cached.left) {
		x.stats.cache = cacheHit
	}
	if res.err != nil {
		return nil, res.err
	}
	res.notModified = res.notModified || notModified(x.r.Header, res.etag, res.header)
	return res, nil
}

// condition returns the condition on the object: the cached ETag, or else the client's conditions. There is none if a
// handler may refuse the object because of its response, since a 304 may lack what that handler looks for.
func (x *exchange) condition() object.Condition {
	switch {
	case x.h.guarded():
		return object.Condition{}
	case x.cached != nil:
		return object.Condition{Name: "If-None-Match", Value: x.cached.tag}
	}
	return objectCondition(x.r.Header, x.mark)
}

// fetch opens the object, with a condition if it may. The caller may change the response it returns.
func (x *exchange) fetch() (*response, error) {
	cond := x.condition()
	err := x.object.Open(cond, x.h.permit)
	var s *object.StatusError
	if errors.As(err, &s) && s.Status == http.StatusNotModified && cond.Name != "" {
		tag := s.Header.Get("Etag")
		switch {
		case x.cached == nil:
			if tag == "" {
				tag = cond.Value // some stores leave the ETag out of a 304
			}
			return &response{notModified: true, header: s.Header, etag: x.mark.tag(tag)}, nil
		case x.cached.left == x.object.Left && (tag == "" || strings.TrimPrefix(tag, "W/") == x.cached.tag):
			return x.cached.revalidated(s.Header), nil
		}
		// The 304 isn't about the cached response, which is another user's, of another URL or of
		// another version of the object (RFC 9111, section 4.3.4).
		x.cached = nil
		err = x.object.Open(object.Condition{}, x.h.permit)
	}
	if err != nil {
		return nil, err
	}
	return x.read()
}

// revalidated returns the cached response with its header updated from that of the object's 304
// (RFC 9111, section 4.3.4).
func (res *response) revalidated(header http.Header) *response {
	merged := make(http.Header, len(res.header))
	copyObjectHeader(merged, header)
	for name, values := range res.header {
		if _, ok := merged[name]; !ok {
			merged[name] = values
		}
	}
	return res.with(merged)
}

// read makes the response from the opened object, or takes it from the cache.
func (x *exchange) read() (res *response, err error) {
	header := x.object.Header
	tag := header.Get("Etag")
	if !x.retried && x.h.cache != nil && cacheable(header) {
		res, err = x.h.cache.load(x.r.Context(), x.key, tag, x.object.Left, x.decodeToCache)
	} else {
		res, err = x.decode()
	}
	if err != nil && !errors.Is(err, errStreamed) {
		return nil, err
	}
	return res.with(header), nil // a cached response has the header of another request
}

// errStreamed keeps a stream out of the cache: it belongs to this request.
var errStreamed = errors.New("the response is a stream")

// decodeToCache is decode with only those fields of the object's header that the response keeps.
func (x *exchange) decodeToCache() (*response, error) {
	res, err := x.decode()
	if err == nil && res.stream != nil {
		return res, errStreamed
	}
	if err == nil {
		res.header = make(http.Header)
		copyObjectHeader(res.header, x.object.Header)
	}
	return res, err
}

// decode makes the response from the opened object.
func (x *exchange) decode() (*response, error) {
	tag := x.object.Header.Get("Etag")
	res := &response{contentType: x.op.contentType, etag: x.mark.tag(tag), tag: tag, left: x.object.Left}
	err := x.op.fill(x, res)
	if aboutObject(err) {
		res.err, err = err, nil
	}
	return res, err
}

// aboutObject reports whether err is the same for each read of this version of the object.
func aboutObject(err error) bool {
	for _, e := range []error{exif.ErrNotImage, exif.ErrInvalid, exif.ErrTooLarge, exif.ErrNoPicture, object.ErrTooFar} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
