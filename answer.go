package caddyexif

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
)

// response is the response to a request for the EXIF of one version of an object. The cache shares
// it among requests, so it isn't changed once it is made.
type response struct {
	body        []byte // the JSON; nil where the client or err says it all
	err         error  // why there is no JSON, if that is about the object itself
	notModified bool   // the client has it already

	header http.Header // of the object's response; a cached response has what is carried over of it
	etag   string      // "" where the object has none
	tag    string      // the object's
	left   object.Left // the URL and the user it was made for
	format string      // of the object, "" where it wasn't read
	tags   int
}

// isOf reports whether the response was made of that version of an object, for the same user, URL and
// folder.
func (res *response) isOf(tag string, left object.Left) bool {
	return res.tag == tag && res.left == left
}

// with returns a copy with another header.
func (res *response) with(header http.Header) *response {
	c := *res
	c.header = header
	return &c
}

// exchange is one request for the EXIF of an object, in progress.
type exchange struct {
	h      *Handler
	r      *http.Request
	object object.Object
	key    cacheKey
	cached *response // what the cache has for the key, nil for nothing
	again  bool      // the object changed in the first attempt, which has used up part of the limits
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// answer makes the response to a request for the EXIF of the object at path: permission, then the
// object, then what is cached or made of it. It lets go of everything else that it took.
func (h *Handler) answer(r *http.Request, next caddyhttp.Handler, path string, s *stats) (*response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, errMethod
	}
	x := exchanges.Get().(*exchange)
	x.h, x.r = h, r
	s.cache = cacheOff
	if h.cache != nil {
		s.cache = cacheMiss
		x.key = newCacheKey(r, path)
		x.cached = h.cache.get(x.key)
	}
	x.object.Start(r, next, objectPath, object.Limits{Window: h.Window, Read: h.MaxRead})
	defer func() {
		x.object.Close()
		s.read, s.requests = x.object.Read, x.object.Requests
		x.h, x.r, x.key, x.cached, x.again = nil, nil, cacheKey{}, nil, false
		exchanges.Put(x)
	}()
	if h.Permissions.tooEarly(r) {
		return nil, errTooEarly
	}
	if h.deniedEarly(r) {
		return nil, errDenied
	}
	res, err := x.answer()
	if errors.Is(err, object.ErrChanged) {
		x.again = true
		res, err = x.answer() // from the start
	}
	if err != nil {
		return nil, err
	}
	s.format, s.tags = res.format, res.tags
	if x.cached != nil && res.isOf(x.cached.tag, x.cached.left) {
		s.cache = cacheHit
	}
	if res.err != nil {
		return nil, res.err
	}
	res.notModified = res.notModified || notModified(r.Header, res.etag, res.header)
	return res, nil
}

// answer opens the object under the condition that its cached response, or else the client's, is
// outdated. What it returns is the caller's own.
func (x *exchange) answer() (*response, error) {
	cond := objectCondition(x.r.Header, x.h.mark)
	if x.cached != nil {
		cond = object.Condition{Name: "If-None-Match", Value: x.cached.tag}
	}
	err := x.object.Open(cond, x.h.permit)
	var s *object.StatusError
	if errors.As(err, &s) && s.Status == http.StatusNotModified && cond.Name != "" {
		tag := s.Header.Get("Etag")
		switch {
		case x.cached == nil:
			if tag == "" {
				tag = cond.Value // some stores leave it out
			}
			return &response{notModified: true, header: s.Header, etag: markTag(tag, x.h.mark)}, nil
		case x.cached.left == x.object.Left && (tag == "" || strings.TrimPrefix(tag, "W/") == x.cached.tag):
			return x.cached.revalidated(s.Header), nil
		}
		// The cached response is of another user's object, of one at another URL, or of another version
		// (RFC 9111, section 4.3.4): the 304 says nothing of it.
		x.cached = nil
		err = x.object.Open(object.Condition{}, x.h.permit)
	}
	if err != nil {
		return nil, err
	}
	return x.read()
}

// revalidated is the cached response as a 304 of the object with that header lets it out: what the
// 304 says holds (RFC 9111, section 4.3.4).
func (res *response) revalidated(header http.Header) *response {
	merged := make(http.Header, len(res.header))
	carry(merged, header)
	for name, values := range res.header {
		if _, ok := merged[name]; !ok {
			merged[name] = values
		}
	}
	return res.with(merged)
}

// read answers from the opened object.
func (x *exchange) read() (res *response, err error) {
	header := x.object.Header
	tag := header.Get("Etag")
	if !x.again && x.h.cache != nil && cacheable(header) {
		res, err = x.h.cache.load(x.r.Context(), x.key, tag, x.object.Left, x.decodeToCache)
	} else {
		res, err = x.decode()
	}
	if err != nil {
		return nil, err
	}
	return res.with(header), nil // a cached one's is that of another request
}

// decodeToCache is decode with what is carried over of the object's header.
func (x *exchange) decodeToCache() (*response, error) {
	res, err := x.decode()
	if err == nil {
		res.header = make(http.Header)
		carry(res.header, x.object.Header)
	}
	return res, err
}

// scratch is memory to decode with.
type scratch struct {
	meta exif.Metadata
	json []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// usualJSON is the capacity up to which memory for JSON is pooled.
const usualJSON = 16 << 10

// decode makes the response of the opened object.
func (x *exchange) decode() (*response, error) {
	s := scratches.Get().(*scratch)
	defer func() {
		if cap(s.json) > usualJSON {
			s.json = nil
		}
		scratches.Put(s)
	}()
	tag := x.object.Header.Get("Etag")
	res := &response{etag: markTag(tag, x.h.mark), tag: tag, left: x.object.Left}
	err := s.meta.Decode(&x.object, &x.h.options)
	res.format, res.tags = s.meta.Format, s.meta.Len()
	if err == nil {
		s.json, err = s.meta.AppendJSON(s.json[:0], &x.h.options)
	}
	if err == nil {
		res.body = bytes.Clone(s.json)
	}
	if aboutObject(err) {
		res.err, err = err, nil
	}
	return res, err
}

// aboutObject reports the errors that the same version of an object gives each time.
func aboutObject(err error) bool {
	for _, e := range []error{exif.ErrNotImage, exif.ErrInvalid, exif.ErrTooLarge, object.ErrTooFar} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
