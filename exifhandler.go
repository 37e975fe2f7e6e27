// Package caddyexif is a Caddy module that answers GET <object>@base@tag=exif with the EXIF of the
// object as JSON, for photos on disk and in buckets: the EXIF operation of Kingsoft's object store
// KS3, for every Caddy server. Other operations answer with its size or with a picture that is
// embedded in it (operations.go).
//
// # The walk of a request
//
//  1. Handler.ServeHTTP passes every request on whose path asks for no operation (target.go).
//  2. Handler.begin looks the request up in the cache (cache.go) and points it at the object.
//     exchange.respond denies it where the rules can tell so already (permissions.go).
//  3. exchange.answer opens the object: the next handlers run for its first window, with the cached
//     ETag or the client's as a condition (internal/object, etag.go).
//  4. Handler.permit decides, now that they have said who the client is and whether the object exists.
//  5. A 304 lets the cached response out. For anything but the object, that is the end.
//  6. exchange.read has the cache load what it hasn't got: one decode for all who wait for it.
//  7. exchange.decode runs the operation (internal/exif); windows that it needs are further sub-requests.
//  8. exchange.close makes the request the client's again and gives back all memory but the
//     response's, for a picture that is streamed only after step 9.
//  9. respond.go writes the response; an error is looked up in the one table of errors.go first.
package caddyexif

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// Handler answers requests for `<object>@base@tag=exif` with the EXIF of the object as JSON, and those
// for other operations on it (`imageInfo`, `thumbnail`, `preview` instead of `exif`) where they are
// enabled.
//
// The object is read through the next handlers in the route (a file server, a reverse proxy in front
// of a bucket, …), a few kilobytes at a time. So the handlers that protect, rewrite or route the photo
// do the same for its EXIF: a client that can't fetch the photo can't fetch its EXIF. All other
// requests pass unchanged, except images with `redact`.
//
// With permissions, reading EXIF needs the action `GetObject`. An object that doesn't exist is
// answered 404 to requests that are allowed `ListBucket`, and 403 to all others.
type Handler struct {
	// The operations that may be asked of an object: `exif` (its EXIF as JSON), `imageInfo` (its format and size as
	// JSON), `thumbnail` (the small JPEG that is embedded in it) and `preview` (the largest one).
	// Embedded pictures may show what was cropped away later. Default: `exif`.
	Operations []string `json:"operations,omitempty"`

	// Send images without the metadata that the EXIF answer to the same request doesn't have. Their
	// pixels and their length stay, and the originals aren't touched. Images of formats that can't be
	// redacted are answered 403 `NotRedactable`. Default: false.
	Redact bool `json:"redact,omitempty"`

	// The rules that say which requests may read EXIF (`GetObject`), and which may learn that an
	// object doesn't exist (`ListBucket`). Without rules the next handlers decide. With rules,
	// everything that isn't allowed is denied.
	Permissions Permissions `json:"permissions,omitempty"`

	// The style of values: `raw` (as stored, every value a string: `"72/1"`), `described`
	// (English, for people: `"0.00800 (1/125) sec"`) or `typed` (numbers, arrays, decimals and
	// ISO 8601 dates, for programs). Default: `raw`.
	Values string `json:"values,omitempty"`

	// The tags that are answered, as patterns over their names (`*`, `?`, `[a-z]`), or the sets
	// `@location`, `@person` and `@device`. A pattern that matches no tag is an error. Default: all.
	Only []string `json:"only,omitempty"`

	// The tags that are never answered, as patterns over their names, such as `GPS*`, or sets as in
	// `only`, over which it has the last word. It takes the same tags of the thumbnail with it. A
	// pattern that matches no tag is an error. Default: none.
	Omit []string `json:"omit,omitempty"`

	// The encoding of text that is not valid UTF-8: any label of the WHATWG Encoding Standard, such
	// as `gbk` or `shift_jis`. Default: `latin1`.
	Charset string `json:"charset,omitempty"`

	// Answer tags of no standard, too, as `UnknownTag_0xabcd`. Default: false.
	Unknown bool `json:"unknown,omitempty"`

	// The size of a window: the bytes of an object that one sub-request asks for, between 4 KiB and 4 MiB.
	// Default: 65536 (64 KiB).
	Window int64 `json:"window,omitempty"`

	// The most bytes of an object that are read for one response, at least one window. Objects whose
	// EXIF is out of reach are answered 400 `ImageTooLarge`. Default: 16777216 (16 MiB).
	MaxRead int64 `json:"max_read,omitempty"`

	// The bytes of memory that cached responses may take; the least recently used make room. A cached
	// response goes out only after the next handlers have answered 304 to its ETag, each time.
	// Negative: no cache. Default: 33554432 (32 MiB).
	Cache int64 `json:"cache,omitempty"`

	// Hand errors to the server's error routes (`handle_errors`) instead of answering them as JSON.
	// Default: false.
	PassErrors bool `json:"pass_errors,omitempty"`

	options    exif.Options
	operations []*operation
	marks      map[*operation]string // what marks our entity tags as made with these settings

	redactMarks redactMarks
	tellsApart  bool // the rules give different clients different photos

	cache   *responseCache
	metrics *metrics
	logger  *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.exif",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision sets the handler up.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	if h.Window == 0 {
		h.Window = defaultWindow
	}
	if h.MaxRead == 0 {
		h.MaxRead = max(defaultMaxRead, h.Window)
	}
	if err := h.checkSettings(); err != nil {
		return err
	}
	if h.Cache == 0 {
		h.Cache = defaultCache
	}
	options, err := h.exifOptions()
	if err != nil {
		return err
	}
	if h.Cache > 0 {
		if h.cache, err = newResponseCache(h.Cache); err != nil {
			return fmt.Errorf("cache: %w", err)
		}
	}
	if h.metrics, err = newMetrics(ctx.GetMetricsRegistry(), h.cache); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	h.options = options
	if h.operations, err = operationsOf(h.Operations); err != nil {
		return err
	}
	h.marks = make(map[*operation]string, len(h.operations))
	for _, op := range h.operations {
		h.marks[op] = h.settingsMark(op.word)
	}
	h.redactMarks = redactMarks{tags: h.settingsMark("redact"), none: h.settingsMark("redact, no tags")}
	h.tellsApart = h.Permissions.tellApart()
	return h.Permissions.provision(ctx)
}

// Validate checks the configuration.
func (h *Handler) Validate() error { return h.Permissions.validate() }

// ServeHTTP answers requests for operations and passes all others on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	path, op, err := parseTarget(r.URL.Path, h.operations)
	if op == nil && h.Redact {
		return h.redacted(w, r, next)
	}
	if op == nil {
		return next.ServeHTTP(w, r)
	}
	if err == nil && r.Method == http.MethodOptions {
		return h.preflight(w, r, next, op)
	}
	start := time.Now()
	id := requestID(r)
	s := &stats{operation: op.word}
	s.publish(r)
	var res *response
	if err == nil {
		res, err = h.answer(r, next, op, path, s)
	}
	if errors.Is(err, object.ErrAborted) {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		f := failureOf(err)
		h.metrics.observe(f.status, s, time.Since(start))
		return h.writeFailure(w, r, f, op.suffix(), id)
	}
	defer func() { h.metrics.observe(res.status(), s, time.Since(start)) }()
	if res.stream != nil {
		defer res.stream.exchange.close()
	}
	return writeResponse(w, r, res)
}

// preflight passes OPTIONS on for the object, so that the bucket or the site answers CORS preflights.
// With rules, which a preflight comes without the credentials for, any response but a successful one
// is the same 405: what it says may depend on whether the object exists.
func (h *Handler) preflight(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, op *operation) error {
	var o object.Object
	o.Start(r, next, h.objectPath, object.Limits{})
	if len(h.Permissions) == 0 {
		defer o.Close()
		return o.Pass(w, unchanged)
	}
	id := requestID(r)
	only2xx := &successWriter{w: w, header: make(http.Header)}
	err := func() error {
		defer o.Close()
		return o.Pass(only2xx, unchanged)
	}()
	if only2xx.passed {
		return err
	}
	f := failureOf(errMethod)
	if err != nil {
		f.cause = err
	}
	return h.writeFailure(w, r, f, op.suffix(), id)
}

// unchanged is the request as the client sent it.
func unchanged(*http.Request) {}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
