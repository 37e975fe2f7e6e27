// Package caddyexif is a Caddy module that answers GET <object>@base@tag=exif with the object's EXIF as
// JSON, for photos on disk and in buckets: the EXIF operation of Kingsoft's object store KS3, for every
// Caddy server. Other operations return the photo's size or a picture that is embedded in it
// (operations.go).
//
// # The path of a request
//
//  1. Handler.ServeHTTP passes requests that ask for no operation to the next handler (target.go).
//  2. Handler.begin looks the request up in the cache (cache.go) and rewrites it to the object.
//     exchange.serve denies it if the rules already can (permissions.go).
//  3. exchange.fetch opens the object: the next handlers serve its first window, with the cached
//     ETag or the client's as a condition (internal/object, etag.go).
//  4. Handler.permit decides, now that the next handlers have authenticated the client and looked for
//     the object.
//  5. On a 304, the cached response is sent. Any other response that isn't the object ends the request.
//  6. exchange.read loads the response through the cache, which decodes once for concurrent requests.
//  7. exchange.decode runs the operation (internal/exif); each further window it needs is a sub-request.
//  8. exchange.close restores the client's request and releases all memory but the response's. For a
//     streamed picture it runs after step 9.
//  9. write.go writes the response. errors.go maps an error to its response in one table.
package caddyexif

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
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

// Handler answers requests for `<object>@base@tag=exif` with the object's EXIF as JSON, and requests
// for the other operations (`imageInfo`, `thumbnail`, `preview` instead of `exif`) if they are enabled.
//
// It reads the object through the next handlers in the route (a file server, a reverse proxy to a
// bucket, …), a few kilobytes at a time. So the handlers that protect, rewrite or route the photo do
// the same for its EXIF: a client that can't fetch the photo can't fetch its EXIF. All other requests
// pass through unchanged, except for images with `redact`.
//
// With permissions, reading EXIF needs the action `GetObject`. For an object that doesn't exist, the
// response is 404 if the request is allowed `ListBucket`, and 403 otherwise.
type Handler struct {
	// The enabled operations: `exif` (the object's EXIF as JSON), `imageInfo` (its format and size as
	// JSON), `iptc` (what people wrote about it, as JSON), `thumbnail` (the small picture embedded in it) and `preview` (the largest JPEG in it).
	// Embedded pictures may show what was later cropped away. Default: `exif`.
	Operations []string `json:"operations,omitempty"`

	// The maximum number of objects in the response to an operation on a folder, `<folder>/@base@tag=exif`, up
	// to 1000. The folder's listing comes from the next handlers, as JSON; reading it needs the action
	// `ListBucket`. Default: 0, no operations on folders.
	Folders int `json:"folders,omitempty"`

	// Remove from images and videos all metadata that the EXIF response to the same request doesn't have.
	// Pixels and length stay the same, and the originals aren't touched. The response is 403 `NotRedactable`
	// for images and videos of formats that can't be redacted. Default: false.
	Redact bool `json:"redact,omitempty"`

	// The rules that allow or deny requests to read EXIF (`GetObject`) and to learn that an object
	// doesn't exist (`ListBucket`). Without rules, the next handlers decide. With rules, everything
	// that isn't allowed is denied.
	Permissions Permissions `json:"permissions,omitempty"`

	// The style of values: `raw` (as stored, every value a string: `"72/1"`), `described`
	// (English, for people: `"0.00800 (1/125) sec"`) or `typed` (numbers, arrays, decimals and
	// ISO 8601 dates, for programs). Default: `raw`.
	Values string `json:"values,omitempty"`

	// The service whose form the answers to `exif` and `imageInfo` and all errors have, for clients that were
	// written for it: `oss` (Alibaba Cloud, Volcengine TOS), `cos` (Tencent Cloud), `bos` (Baidu AI Cloud),
	// `qiniu` or `obs` (Huawei Cloud). A dialect has its own style of values, so it excludes `values`.
	// Default: none.
	Dialect string `json:"dialect,omitempty"`

	// The tags to return, as patterns for their names (`*`, `?`, `[a-z]`), or the sets
	// `@location`, `@person`, `@device`, `@credit` and `@ai`. A pattern that matches no tag is an error. Default: all.
	Only []string `json:"only,omitempty"`

	// The tags to leave out, as patterns for their names, such as `GPS*`, or sets as in `only`. It wins
	// over `only`, and also leaves out the same tags of the thumbnail. A pattern that matches no tag is
	// an error. Default: none.
	Omit []string `json:"omit,omitempty"`

	// The tags and properties to keep whatever `only` and `omit` say, as patterns for their names, or sets as in
	// `only`. With `redact`, those of IPTC's properties stay in the photos, too. Default: none.
	Keep []string `json:"keep,omitempty"`

	// The encoding of text that is not valid UTF-8: any label of the WHATWG Encoding Standard, such
	// as `gbk` or `shift_jis`. Default: `latin1`.
	Charset string `json:"charset,omitempty"`

	// Return tags that no standard defines, too, as `UnknownTag_0xabcd`. Default: false.
	Unknown bool `json:"unknown,omitempty"`

	// The size of a window, in bytes: how much of an object one sub-request asks for, from 4 KiB to 4 MiB.
	// Default: 65536 (64 KiB).
	Window int64 `json:"window,omitempty"`

	// The maximum number of bytes to read of an object for one response, at least one window. If its EXIF
	// lies further away, the response is 400 `ImageTooLarge`. Default: 16777216 (16 MiB).
	MaxRead int64 `json:"max_read,omitempty"`

	// The maximum memory for cached responses, in bytes; the least recently used are evicted first. A
	// cached response is sent only after the next handlers have answered 304 to its ETag, each time.
	// Negative: no cache. Default: 33554432 (32 MiB).
	Cache int64 `json:"cache,omitempty"`

	// Pass errors to the server's error routes (`handle_errors`) instead of writing them as JSON.
	// Default: false.
	PassErrors bool `json:"pass_errors,omitempty"`

	options    exif.Options
	operations []*operation
	marks      map[*operation]mark // in our entity tags, by operation

	full, bare audience    // with redact: what a client gets that may read the EXIF response, and what others get
	perClient  bool        // the rules can give clients different photos for one URL
	guarded    func() bool // a handler may refuse an object because of its response

	complete *completeTags // of folders; nil without them

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
	var err error
	if h.operations, h.options, err = h.checkSettings(); err != nil {
		return err
	}
	if h.Cache == 0 {
		h.Cache = defaultCache
	}
	if h.Cache > 0 {
		if h.cache, err = newResponseCache(h.Cache); err != nil {
			return fmt.Errorf("cache: %w", err)
		}
	}
	if h.metrics, err = newMetrics(ctx.GetMetricsRegistry(), h.cache); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	var hide *tagCipher
	if h.Redact {
		if hide, err = h.tagCipher(ctx); err != nil {
			return err
		}
	}
	h.marks = make(map[*operation]mark, len(h.operations))
	for _, op := range h.operations {
		h.marks[op] = mark{h.settingsMark(op.word), hide}
	}
	h.full = audience{mark: mark{h.settingsMark("redact"), hide}, plans: new(operation)}
	h.bare = audience{mark: mark{h.settingsMark("redact, no tags"), hide}, plans: new(operation)}
	if err := h.redactPolicies(); err != nil {
		return err
	}
	if h.Folders > 0 {
		h.complete = new(completeTags)
	}
	h.perClient = h.Permissions.dependOnClient()
	h.guarded = sync.OnceValue(func() bool { // after the handlers of later routes are provisioned
		srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
		return ok && guardsResponses(srv)
	})
	h.warnOfPlace(ctx)
	h.warnOfTags()
	return h.Permissions.provision(ctx)
}

// tagCipher returns the cipher for entity tags, with the key that Caddy's storage has.
func (h *Handler) tagCipher(ctx caddy.Context) (*tagCipher, error) {
	key, err := loadTagKey(ctx, ctx.Storage())
	if err != nil {
		h.logger.Warn("the storage has no key for entity tags, so they change with each start of Caddy", zap.Error(err))
		key = newTagKey()
	}
	return newTagCipher(key)
}

// Validate checks the configuration.
func (h *Handler) Validate() error { return h.Permissions.validate() }

// ServeHTTP answers requests for operations and passes all others to the next handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	path, op, err := parseTarget(r.URL.Path, h.operations, h.Folders > 0)
	if op == nil && h.Redact {
		return h.deliver(w, r, next, noSuffix)
	}
	if op == nil {
		return next.ServeHTTP(w, r)
	}
	if err == nil && r.Method == http.MethodOptions {
		return h.preflight(w, r, next, op, isFolder(path))
	}
	start := time.Now()
	s := &stats{operation: op.word}
	s.publish(r)
	line := lineOf(r)
	var res *response
	switch {
	case err != nil:
	case !isFolder(path):
		res, err = h.answer(r, next, op, path, s)
	case line != nil:
		err = errNoObject // a folder in a folder's response would never end
	default:
		res, err = h.answerFolder(r, next, op, path, s)
	}
	line.record(s, res, err)
	if errors.Is(err, object.ErrAborted) {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		f := failureOf(err)
		h.metrics.observe(f.status, s, time.Since(start))
		return h.writeFailure(w, r, f, op.suffix())
	}
	defer func() { h.metrics.observe(res.status(), s, time.Since(start)) }()
	if res.stream != nil {
		defer res.stream.exchange.close()
	}
	return writeResponse(w, r, res)
}

// preflight passes OPTIONS for the object to the next handlers, so that the bucket or the site answers
// CORS preflights. With rules, every response but a successful one becomes the same 405: a preflight
// carries no credentials to decide by, and the response may depend on whether the object exists. For a folder,
// the only successful one is a 204, since file_server answers OPTIONS with the listing. Upstreams that don't look at the
// method answer with the photo, which is redacted as it is elsewhere.
func (h *Handler) preflight(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, op *operation, folder bool) error {
	pass := func(w http.ResponseWriter) error {
		if h.Redact {
			return h.deliver(w, r, next, h.objectPath)
		}
		var o object.Object
		o.Start(r, next, h.objectPath, object.Limits{})
		defer o.Close()
		return o.Pass(w, unchanged)
	}
	if len(h.Permissions) == 0 {
		return pass(w)
	}
	only2xx := &successWriter{w: w, header: make(http.Header), empty: folder}
	err := pass(only2xx)
	if only2xx.passed {
		return err
	}
	f := failureOf(errMethod)
	if err != nil {
		f.cause = err
	}
	return h.writeFailure(w, r, f, op.suffix())
}

// unchanged leaves the client's request as it is.
func unchanged(*http.Request) {}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
