package caddyexif

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// answer is a good one: the JSON, and what the object's own answer says of it.
type answer struct {
	body   []byte
	header http.Header // of the object
	etag   string      // ours; "" where the object has none
	format string      // of the object, "" where it wasn't read
	tags   int

	notModified bool // the client has it already
}

// failure is any other answer. Its message never tells more than its code.
type failure struct {
	status  int
	code    string
	message string
	header  http.Header // what goes along: Location, Allow, WWW-Authenticate, ...
	cause   error       // for the log
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func (f *failure) Unwrap() error { return f.cause }

// fail makes the failure of a code.
func fail(status int, code, message string, cause error) *failure {
	return &failure{status: status, code: code, message: message, cause: cause}
}

// denied is the answer to everybody who may not know, whatever it is.
func denied(cause error) *failure {
	return fail(http.StatusForbidden, "AccessDenied", "access denied", cause)
}

// failureOf turns what went wrong into an answer; the one place where statuses and codes are
// decided.
func failureOf(err error) *failure {
	var f *failure
	var s *statusError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &s):
		return failureOfStatus(s)
	case errors.Is(err, errFollowed), errors.Is(err, errNoObject):
		return fail(http.StatusBadRequest, "InvalidRequest", err.Error(), nil)
	case errors.Is(err, exif.ErrNotImage):
		return fail(http.StatusBadRequest, "NotAnImage", "the object is not an image of a known format", err)
	case errors.Is(err, exif.ErrInvalid):
		return fail(http.StatusBadRequest, "InvalidExif", "the image's EXIF is broken, none of it can be read", err)
	case errors.Is(err, exif.ErrTooLarge), errors.Is(err, errTooFar):
		return fail(http.StatusBadRequest, "ImageTooLarge", "the image's EXIF can't be reached within the limits", err)
	case errors.Is(err, errEncoded):
		return fail(http.StatusInternalServerError, "UnexpectedEncoding", errEncoded.Error(), err)
	}
	return fail(http.StatusInternalServerError, "InternalError", "the object can't be read", err)
}

// failureOfStatus answers what the handlers behind said instead of the object.
func failureOfStatus(s *statusError) *failure {
	switch s.status {
	case http.StatusNotFound, http.StatusGone:
		return fail(http.StatusNotFound, "NoSuchKey", "the object does not exist", s)
	case http.StatusForbidden:
		return denied(s)
	case http.StatusBadRequest:
		return fail(s.status, "InvalidRequest", "the object's path is refused", s)
	}
	keep := func(names ...string) http.Header {
		h := make(http.Header)
		for _, n := range names {
			if v := s.header.Values(n); len(v) > 0 {
				h[http.CanonicalHeaderKey(n)] = v
			}
		}
		return h
	}
	f := fail(s.status, reason(s.status), "", s)
	switch {
	case s.status == http.StatusNotModified || s.status < 300:
		return fail(http.StatusInternalServerError, "InternalError", "the object can't be read", s)
	case s.status < 400:
		f.message = "the object is somewhere else"
		f.header = keep("Location")
	case s.status == http.StatusUnauthorized:
		f.message = "authentication is needed"
		f.header = keep("WWW-Authenticate")
	case s.status == http.StatusProxyAuthRequired:
		f.message = "authentication is needed"
		f.header = keep("Proxy-Authenticate")
	case s.status == http.StatusTooManyRequests || s.status == http.StatusServiceUnavailable:
		f.message = "the object can't be had now"
		f.header = keep("Retry-After")
	case s.status == http.StatusBadGateway || s.status == http.StatusGatewayTimeout:
		f.message = "the object's server can't be reached"
	case s.status >= 500:
		return fail(http.StatusInternalServerError, "InternalError", "the object can't be read", s)
	case s.status == http.StatusMethodNotAllowed:
		return fail(s.status, "MethodNotAllowed", "the object can't be read with GET", s)
	default:
		f.message = "the object's server refused the request"
	}
	return f
}

// reason is the code of statuses that the table of codes doesn't have: the status's standard name
// in one word, such as TooManyRequests.
func reason(status int) string {
	text := http.StatusText(status)
	if text == "" {
		text = "Status" + strconv.Itoa(status)
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\'' {
			return -1
		}
		return r
	}, text)
}

// writeAnswer sends a good answer, or 304.
func writeAnswer(w http.ResponseWriter, r *http.Request, a *answer) error {
	h := w.Header()
	carry(h, a.header)
	if a.etag != "" {
		h.Set("Etag", a.etag)
	}
	if a.notModified {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return writeJSON(w, r, http.StatusOK, a.body)
}

func writeJSON(w http.ResponseWriter, r *http.Request, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff") // values are strangers' text
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(body)
	return err
}

// carry copies what the object's answer says of its age and of who may keep and read it. Nothing is
// shared: handlers ahead change values in place.
func carry(dst, src http.Header) {
	for k, v := range src {
		switch {
		case k == "Cache-Control" || k == "Expires" || strings.HasPrefix(k, "Access-Control-"):
			dst[k] = slices.Clone(v)
		case k == "Last-Modified":
			if len(v) > 0 && v[0] != "" {
				dst[k] = []string{v[0]}
			}
		case k == "Vary":
			for _, field := range v {
				for name := range strings.SplitSeq(field, ",") {
					// our answer is never encoded
					if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "Accept-Encoding") {
						dst[k] = append(dst[k], name)
					}
				}
			}
		}
	}
}

// writeFailure sends a failure: as JSON, or through handle_errors.
func (h *Handler) writeFailure(w http.ResponseWriter, r *http.Request, f *failure) error {
	id := requestID(r)
	h.logFailure(f, id)
	for k, v := range f.header {
		w.Header()[k] = v
	}
	if h.PassErrors && f.status >= 400 {
		he := caddyhttp.Error(f.status, errors.New(f.Error()))
		return he
	}
	body, err := json.Marshal(struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		Status    int    `json:"status"`
		RequestID string `json:"requestId"`
	}{f.code, f.message, f.status, id})
	if err != nil {
		return err
	}
	return writeJSON(w, r, f.status, body)
}

// logFailure logs what the operator has to know. What a client did wrong, and anything that may
// hold a path, is for debugging only.
func (h *Handler) logFailure(f *failure, id string) {
	if errors.Is(f.cause, context.Canceled) {
		return // the client is gone
	}
	if f.status >= 500 {
		if c := h.logger.Check(zapcore.ErrorLevel, "reading EXIF failed"); c != nil {
			c.Write(zap.String("code", f.code), zap.Int("status", f.status),
				zap.String("request_id", id), zap.String("cause", pathless(f.cause)))
		}
	}
	if c := h.logger.Check(zapcore.DebugLevel, "answered with an error"); c != nil {
		c.Write(zap.String("code", f.code), zap.Int("status", f.status),
			zap.String("request_id", id), zap.Error(f.cause))
	}
}

// pathless is what can be said of an error without a file's name or a URL in it.
func pathless(err error) string {
	for _, known := range []error{errEncoded, errChanged, errUnusable} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Error()
	}
	var s *statusError
	if errors.As(err, &s) {
		return "status " + strconv.Itoa(s.status) + " from behind"
	}
	return "see the debug log"
}

// requestID is Caddy's own, so that an answer can be found in the access log.
func requestID(r *http.Request) string {
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		if id, ok := repl.GetString("http.request.uuid"); ok {
			return id
		}
	}
	return ""
}

// relocate puts the suffix back on a Location that stays on this host.
func relocate(location, host, suffix string) string {
	u, err := url.Parse(location)
	if err != nil || u.Path == "" || u.Host != "" && !strings.EqualFold(u.Host, host) ||
		u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
		return location
	}
	raw := u.EscapedPath() + suffix
	u.Path, err = url.PathUnescape(raw)
	if err != nil {
		return location
	}
	u.RawPath = raw
	return u.String()
}

// Entity tags (RFC 9110, section 8.8.3). Ours is the object's with a mark of the settings that
// shape the answer, so that the object's can be had back from it: a client's If-None-Match becomes
// one for the object, and no state is needed to answer 304.

// strongTag reports whether s is a strong entity tag.
func strongTag(s string) bool {
	return len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' && !strings.Contains(s[1:len(s)-1], `"`)
}

func entityTag(s string) bool { return strongTag(strings.TrimPrefix(s, "W/")) }

// ourTag is the answer's tag for an object's tag; "" if that is none.
func ourTag(tag, mark string) string {
	if !entityTag(tag) {
		return ""
	}
	return tag[:len(tag)-1] + mark + `"`
}

// objectTags are the object's tags for those of an If-None-Match field that are ours.
func objectTags(field []string, mark string) (tags []string) {
	for _, f := range field {
		for t := range strings.SplitSeq(f, ",") {
			t = strings.TrimSpace(t)
			if o, ok := strings.CutSuffix(t, mark+`"`); ok && entityTag(t) {
				tags = append(tags, o+`"`)
			}
		}
	}
	return tags
}

// conditions is the condition on the object that a client's conditions on its EXIF make.
func conditions(r http.Header, mark string) condition {
	if inm := r.Values("If-None-Match"); len(inm) > 0 {
		if tags := objectTags(inm, mark); len(tags) > 0 {
			return condition{"If-None-Match", strings.Join(tags, ", ")}
		}
		return condition{} // If-Modified-Since counts only without it (RFC 9110, section 13.1.3)
	}
	if ims := r.Get("If-Modified-Since"); ims != "" {
		return condition{"If-Modified-Since", ims}
	}
	return condition{}
}

// unmodified reports whether the client's conditions say that it has this answer already; stores
// that ignore conditions get here.
func unmodified(r http.Header, a *answer) bool {
	if inm := r.Values("If-None-Match"); len(inm) > 0 {
		for _, f := range inm {
			for t := range strings.SplitSeq(f, ",") {
				t = strings.TrimSpace(t)
				if t == "*" || a.etag != "" && strings.TrimPrefix(t, "W/") == strings.TrimPrefix(a.etag, "W/") {
					return true
				}
			}
		}
		return false
	}
	ims := r.Get("If-Modified-Since")
	if ims == "" {
		return false
	}
	since, err1 := http.ParseTime(ims)
	modified, err2 := http.ParseTime(a.header.Get("Last-Modified"))
	return err1 == nil && err2 == nil && !modified.After(since)
}
