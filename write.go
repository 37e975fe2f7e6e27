package caddyexif

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/google/uuid"
	"go.uber.org/zap"
)

// writeResponse writes the response, or a 304.
func writeResponse(w http.ResponseWriter, r *http.Request, res *response) error {
	h := w.Header()
	copyObjectHeader(h, res.header)
	if res.etag != "" {
		h.Set("Etag", res.etag)
	}
	if res.folder != nil {
		res.folder.setHeader(h)
	}
	if res.notModified {
		w.WriteHeader(res.status())
		return nil
	}
	if res.folder != nil {
		if writeHeader(w, r, res.status(), res.contentType, -1) {
			res.folder.write(r.Context(), w)
		}
		return nil
	}
	if res.stream == nil {
		return writeBody(w, r, res.status(), res.contentType, res.body)
	}
	if !writeHeader(w, r, res.status(), res.contentType, res.stream.Size()) {
		return nil
	}
	if err := res.stream.CopyTo(w); err != nil {
		// The header is sent, so only a cut-off body tells the client that the picture is incomplete.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// status returns the response's status code.
func (res *response) status() int {
	if res.notModified {
		return http.StatusNotModified
	}
	return http.StatusOK
}

func writeBody(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) error {
	if !writeHeader(w, r, status, contentType, int64(len(body))) {
		return nil
	}
	_, err := w.Write(body)
	return err
}

// writeHeader writes the header of a response and reports whether a body follows. A negative length isn't
// known.
func writeHeader(w http.ResponseWriter, r *http.Request, status int, contentType string, length int64) (body bool) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if length >= 0 {
		h.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	h.Set("X-Content-Type-Options", "nosniff") // the body is an uploader's data
	w.WriteHeader(status)
	return r.Method != http.MethodHead
}

// copyObjectHeader copies the fields of the object's response that are about caching, modification and
// CORS. It clones their values, since handlers change them in place.
func copyObjectHeader(dst, src http.Header) {
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
					// our response is never compressed
					if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "Accept-Encoding") {
						dst[k] = append(dst[k], name)
					}
				}
			}
		}
	}
}

// writeFailure writes an error in the form of the dialect, or returns it for handle_errors.
func (h *Handler) writeFailure(w http.ResponseWriter, r *http.Request, f *failure, suffix string) error {
	id := requestID(r)
	h.logFailure(f, id)
	if l := f.header.Get("Location"); l != "" {
		f.header.Set("Location", appendSuffix(l, r.Host, suffix))
	}
	for k, v := range f.header {
		w.Header()[k] = slices.Clone(v)
	}
	if h.PassErrors && f.status >= 400 {
		return caddyhttp.Error(f.status, errors.New(f.Error()))
	}
	contentType, body, err := f.body(h.options.Dialect, id, r.Host)
	if err != nil {
		return err
	}
	return writeBody(w, r, f.status, contentType, body)
}

// requestID returns the ID that Caddy gives the request, as in the access log and in {http.request.uuid}. Caddy
// makes it when it is first asked for and keeps it among the request's variables, which a dial of the next
// handlers may be reading. So if there is none yet, requestID makes it, and tells Caddy's replacer.
func requestID(r *http.Request) string {
	const key = "http.request.uuid"
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	if caddyhttp.GetVar(r.Context(), "uuid") != nil {
		id, _ := repl.GetString(key)
		return id
	}
	id := uuid.NewString()
	repl.Set(key, id)
	if extra, ok := r.Context().Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Set(zap.String("uuid", id))
	}
	return id
}

// appendSuffix appends the suffix to a Location on this host.
func appendSuffix(location, host, suffix string) string {
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

// successWriter passes a successful response to w and discards any other.
type successWriter struct {
	w       http.ResponseWriter
	header  http.Header
	empty   bool // only a 204 is successful
	decided bool
	passed  bool
}

// Header implements http.ResponseWriter.
func (s *successWriter) Header() http.Header { return s.header }

// WriteHeader implements http.ResponseWriter. It discards informational responses.
func (s *successWriter) WriteHeader(status int) {
	if s.decided || 100 <= status && status < 200 {
		return
	}
	s.decided, s.passed = true, 200 <= status && status < 300 && (!s.empty || status == http.StatusNoContent)
	if s.passed {
		maps.Copy(s.w.Header(), s.header)
		s.w.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (s *successWriter) Write(p []byte) (int, error) {
	s.WriteHeader(http.StatusOK)
	if !s.passed {
		return len(p), nil
	}
	return s.w.Write(p)
}
