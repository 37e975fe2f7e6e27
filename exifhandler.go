// Package caddyexif is a Caddy module that answers GET <object>@base@tag=exif with the EXIF of the
// object as JSON, for photos on disk and in buckets: the EXIF operation of Kingsoft's object store
// KS3, for every Caddy server.
package caddyexif

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

func init() {
	caddy.RegisterModule(Handler{})
}

const (
	// defaultWindow is enough for the EXIF of nearly all images that have it in front, and what a
	// bucket sends in one go anyway.
	defaultWindow = 64 << 10
	// minWindow and maxWindow keep a request's memory within a few windows of a sensible size.
	minWindow = 4 << 10
	maxWindow = 4 << 20
	// defaultMaxRead bounds what one request can make the handlers behind read, however its object
	// is laid out.
	defaultMaxRead = 16 << 20
	// defaultCache is room for some ten thousand answers.
	defaultCache = 32 << 20
)

// The names of the value styles.
var styles = map[string]exif.Style{"raw": exif.Raw, "described": exif.Described, "typed": exif.Typed}

// Handler answers requests for `<object>@base@tag=exif` with the EXIF of the object as JSON.
//
// The object is read through the handlers that follow in the route (a file server, a reverse proxy
// in front of a bucket, …), a few kilobytes at a time, so whatever protects, rewrites or routes the
// photo does the same for its EXIF: who can't fetch the photo can't fetch its EXIF. All other
// requests pass untouched.
//
// With permissions, reading EXIF needs the action `GetObject`; an object that doesn't exist is
// answered 404 to who holds `ListBucket` and 403 to everybody else.
type Handler struct {
	// Who may read EXIF (`GetObject`), and who may learn that an object doesn't exist
	// (`ListBucket`). Without rules the handlers behind decide. With rules, what isn't allowed is
	// refused.
	Permissions Permissions `json:"permissions,omitempty"`

	// How values are rendered: `raw` (as stored, every value a string: `"72/1"`), `described`
	// (English, for people: `"0.00800 (1/125) sec"`) or `typed` (numbers, arrays, decimals and
	// ISO 8601 dates, for programs). Default: `raw`.
	Values string `json:"values,omitempty"`

	// The tags that are answered, as patterns over their names (`*`, `?`, `[a-z]`). Default: all.
	Only []string `json:"only,omitempty"`

	// The tags that are never answered, as patterns over their names, such as `GPS*`. It has the
	// last word over `only`. Default: none.
	Omit []string `json:"omit,omitempty"`

	// The encoding of text that is not valid UTF-8: any label of the WHATWG Encoding Standard, such
	// as `gbk` or `shift_jis`. Default: `latin1`.
	Charset string `json:"charset,omitempty"`

	// Answer tags of no standard, too, as `UnknownTag_0xabcd`. Default: false.
	Unknown bool `json:"unknown,omitempty"`

	// How many bytes of an object are asked for at a time, between 4 KiB and 4 MiB.
	// Default: 65536 (64 KiB).
	Window int64 `json:"window,omitempty"`

	// How many bytes of an object may be read for one answer, at least one window. Objects whose
	// EXIF is out of reach are answered 400 `ImageTooLarge`. Default: 16777216 (16 MiB).
	MaxRead int64 `json:"max_read,omitempty"`

	// How many bytes of answers are kept in memory, the least used making room. A kept answer still
	// passes through the handlers behind each time, with `If-None-Match`. Negative: none.
	// Default: 33554432 (32 MiB).
	Cache int64 `json:"cache,omitempty"`

	// Hand errors to the server's error routes (`handle_errors`) instead of answering them as JSON.
	// Default: false.
	PassErrors bool `json:"pass_errors,omitempty"`

	options exif.Options
	mark    string // what marks our entity tags as made with these settings
	cache   *answerCache
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
	if err := h.check(); err != nil {
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
		if h.cache, err = newAnswerCache(h.Cache); err != nil {
			return fmt.Errorf("cache: %w", err)
		}
	}
	if h.metrics, err = newMetrics(ctx.GetMetricsRegistry(), h.cache); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	h.options = options
	h.mark = h.settingsMark()
	return h.Permissions.provision(ctx)
}

// Validate checks the configuration.
func (h *Handler) Validate() error { return h.Permissions.validate() }

// check checks the settings that a Caddyfile can have wrong, but for the permissions; zero values
// are defaults.
func (h *Handler) check() error {
	switch {
	case h.Window != 0 && (h.Window < minWindow || h.Window > maxWindow):
		return fmt.Errorf("window: %d is not between %d (4 KiB) and %d (4 MiB) bytes", h.Window, minWindow, maxWindow)
	case h.MaxRead < 0 || h.MaxRead != 0 && h.MaxRead < max(h.Window, minWindow):
		return fmt.Errorf("max_read: %d bytes are less than one window", h.MaxRead)
	}
	_, err := h.exifOptions()
	return err
}

// exifOptions are the settings that shape an answer, in the decoder's words.
func (h *Handler) exifOptions() (o exif.Options, err error) {
	style, ok := styles[h.Values]
	if !ok && h.Values != "" {
		return o, fmt.Errorf("values: %q is none of raw, described, typed", h.Values)
	}
	o.Style = style
	o.Unknown = h.Unknown
	if h.Charset != "" {
		if o.Charset, err = htmlindex.Get(h.Charset); err != nil {
			return o, fmt.Errorf("charset: %q is no label of the WHATWG Encoding Standard", h.Charset)
		}
	}
	for _, p := range append(h.Only[:len(h.Only):len(h.Only)], h.Omit...) {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return o, fmt.Errorf("only, omit: %q is no pattern", p)
		}
	}
	if len(h.Only) > 0 || len(h.Omit) > 0 {
		o.Keep = h.keeps
	}
	return o, nil
}

// keeps reports whether the tag of that name is answered.
func (h *Handler) keeps(name string) bool {
	return (len(h.Only) == 0 || matchesAny(h.Only, name)) && !matchesAny(h.Omit, name)
}

func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, name); ok { // patterns were checked
			return true
		}
	}
	return false
}

// formatVersion changes when the same object and settings give another answer than before, so that
// answers that clients keep are asked for again.
const formatVersion = 1

// settingsMark is a short mark of everything but the object that shapes an answer.
func (h *Handler) settingsMark() string {
	f := fnv.New32a()
	fmt.Fprintf(f, "%d %d %q %q %q %t", formatVersion, h.options.Style, h.Only, h.Omit, strings.ToLower(h.Charset), h.Unknown)
	return fmt.Sprintf("-exif%08x", f.Sum32())
}

// ServeHTTP answers requests for EXIF and passes all others on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	target, ours, err := parseTarget(r.URL.Path)
	if !ours {
		return next.ServeHTTP(w, r)
	}
	if err == nil && r.Method == http.MethodOptions {
		var o objectRequest
		o.enter(r, target)
		return o.pass(next, w)
	}
	start := time.Now()
	p := &report{cache: cacheOff}
	s := readings.Get().(*reading)
	defer s.release() // when the answer, which is in its memory, has been written
	var a *answer
	if err == nil {
		a, err = h.answer(s, r, next, target, p)
	}
	p.publish(r)
	status := http.StatusOK
	var f *failure
	switch {
	case err != nil:
		f = failureOf(err)
		if l := f.header.Get("Location"); l != "" {
			f.header = http.Header{"Location": {relocate(l, r.Host, suffix)}}
		}
		status = f.status
	case a.notModified:
		status = http.StatusNotModified
	}
	h.metrics.observe(status, p, time.Since(start))
	if f != nil {
		return h.writeFailure(w, r, f)
	}
	if err = writeAnswer(w, r, a); err != nil {
		s.json = nil // the writer may still be at it: HTTP/2's returns at once when the stream is closed
	}
	return err
}

// answer reads the object's EXIF through next.
func (h *Handler) answer(s *reading, r *http.Request, next caddyhttp.Handler, target string, p *report) (*answer, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		f := fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "the method must be GET or HEAD", nil)
		f.header = http.Header{"Allow": {"GET, HEAD, OPTIONS"}}
		return nil, f
	}
	if h.cache != nil {
		p.cache = cacheMiss
		s.key = cacheKey(r, target)
	}
	s.h, s.kept = h, h.cache.get(s.key)
	cond := conditions(r.Header, h.mark)
	if s.kept != nil {
		cond = condition{"If-None-Match", s.kept.objectTag}
	}
	s.enter(r, target, next, h)
	defer s.leave()
	a, err := h.read(s, cond)
	if errors.Is(err, errChanged) {
		a, err = h.read(s, cond) // once more, from the start
	}
	p.read, p.requests = s.read, s.requests
	if a != nil {
		p.format, p.tags = a.format, a.tags
		if s.kept != nil && a.etag == s.kept.etag {
			p.cache = cacheHit
		}
	}
	if err != nil {
		return nil, err
	}
	a.notModified = a.body == nil || unmodified(r.Header, a)
	return a, nil
}

// read asks for the object under the condition given, decides whether its EXIF may be read, and
// reads it. Where the condition holds it answers what was kept, or an answer without a body.
func (h *Handler) read(s *reading, cond condition) (*answer, error) {
	r := s.req.r
	if held, final := h.holds(actionGetObject, r); !held {
		if final {
			return nil, denied(nil)
		}
		// As things stand the answer is no, and only the handlers behind can change that, by finding
		// out who the client is. They are asked with a single byte: a window takes a time by which an
		// object that exists could be told from one that doesn't.
		if err := h.refusal(r, s.probe(cond)); err != nil {
			return nil, err
		}
	}
	s.decoded = false
	defer s.land()
	err := s.open(cond)
	// decided now: the handlers behind have said who the client is, and nothing of the object has
	// been answered yet
	if err := h.refusal(r, err); err != nil {
		return nil, err
	}
	var status *statusError
	if errors.As(err, &status) && status.status == http.StatusNotModified && cond.name != "" {
		if s.kept != nil {
			return s.kept.revalidated(status.header), nil
		}
		tag := status.header.Get("Etag")
		if tag == "" && cond.name == "If-None-Match" {
			tag = cond.value // some stores leave it out
		}
		return &answer{header: status.header, etag: ourTag(tag, h.mark)}, nil
	}
	if err != nil {
		return nil, err
	}
	return s.decode(r.Context())
}

// reading is one request's work: the object, and memory that is used again by later requests.
type reading struct {
	object
	h    *Handler
	meta exif.Metadata
	json []byte

	key     string      // of the answer in the cache
	kept    *keptAnswer // what the cache has of the object, nil for nothing
	flight  *flight     // the decoding of this very object that others may wait for, nil for none
	leads   bool        // it is ours
	decoded bool        // meta is the object's
}

var readings = sync.Pool{New: func() any {
	s := new(reading)
	s.enough = s.first
	return s
}}

// release lets others use the memory.
func (s *reading) release() {
	const usual = 64 << 10
	if cap(s.json) > usual {
		s.json = nil
	}
	s.h, s.key, s.kept = nil, "", nil
	readings.Put(s)
}

// first decodes the first bytes of an object that is at hand, where its EXIF lies within them and
// nobody has done it.
func (s *reading) first(b []byte, header http.Header) bool {
	if s.join(header); s.flight != nil && !s.leads {
		return true
	}
	s.decoded = s.meta.Decode(prefix(b), &s.h.options) == nil
	return s.decoded
}

// prefix is the first bytes of a longer object.
type prefix []byte

var errBeyond = errors.New("not among the object's first bytes")

// ReadAt implements io.ReaderAt.
func (b prefix) ReadAt(p []byte, off int64) (int, error) {
	if off > int64(len(b)) || copy(p, b[off:]) < len(p) {
		return 0, errBeyond
	}
	return len(p), nil
}

// join finds out whether the object with that header has been decoded, or is being decoded, for
// another request; if not, this request leads.
func (s *reading) join(header http.Header) {
	if tag := header.Get("Etag"); s.h.cache != nil && s.flight == nil && strongTag(tag) {
		s.flight, s.leads = s.h.cache.join(s.key, tag)
	}
}

// land ends what join began.
func (s *reading) land() {
	if s.leads {
		s.h.cache.land(s.flight)
	}
	s.flight, s.leads = nil, false
}

// decode answers the opened object's EXIF.
func (s *reading) decode(ctx context.Context) (*answer, error) {
	if s.join(s.header); s.flight != nil && !s.leads {
		if kept, err := s.flight.wait(ctx); err != nil {
			return nil, err
		} else if kept != nil {
			a := kept.answer
			a.header = s.header
			return &a, nil
		}
	}
	if !s.decoded {
		if err := s.meta.Decode(s, &s.h.options); err != nil {
			return nil, err
		}
	}
	var err error
	if s.json, err = s.meta.AppendJSON(s.json[:0], &s.h.options); err != nil {
		return nil, err
	}
	a := &answer{
		body:   s.json,
		header: s.header,
		etag:   ourTag(s.header.Get("Etag"), s.h.mark),
		format: s.meta.Format,
		tags:   s.meta.Len(),
	}
	if s.leads {
		s.flight.kept = s.h.cache.put(s.key, a)
	}
	return a, nil
}

// refusal applies the permissions to what asking for the object came to: err is a *statusError where
// the handlers behind answered something else. It is nil where that stands.
func (h *Handler) refusal(r *http.Request, err error) error {
	status := 0
	var s *statusError
	if errors.As(err, &s) {
		status = s.status
	}
	if status == http.StatusUnauthorized || status == http.StatusProxyAuthRequired {
		return nil // who the client is is still to be found out
	}
	if held, _ := h.holds(actionGetObject, r); !held {
		return denied(nil)
	}
	if status != http.StatusNotFound && status != http.StatusGone {
		return nil
	}
	if held, _ := h.holds(actionListBucket, r); !held {
		return denied(nil)
	}
	return nil
}

// holds is the decision of the permissions. Without any, everything is held.
func (h *Handler) holds(action string, r *http.Request) (held, final bool) {
	if len(h.Permissions) == 0 {
		return true, true
	}
	held, final, err := h.Permissions.holds(action, r)
	if err != nil {
		h.logger.Error("a permission's matcher failed, which counts against the client",
			zap.String("action", action), zap.Error(err))
	}
	return held, final
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.Validator             = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
