package caddyexif

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// writeResponse sends the response, or 304.
func writeResponse(w http.ResponseWriter, r *http.Request, res *response) error {
	h := w.Header()
	carry(h, res.header)
	if res.etag != "" {
		h.Set("Etag", res.etag)
	}
	if res.notModified {
		w.WriteHeader(res.status())
		return nil
	}
	if res.stream == nil {
		return writeBody(w, r, res.status(), res.contentType, res.body)
	}
	if !writeHeader(w, r, res.status(), res.contentType, res.stream.Size()) {
		return nil
	}
	if _, err := res.stream.WriteTo(w); err != nil {
		// The header is out. Cutting the body off is the only way to tell that it isn't whole.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// status is the response's status.
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

// writeHeader sends the header of a response; body is false where no body follows.
func writeHeader(w http.ResponseWriter, r *http.Request, status int, contentType string, length int64) (body bool) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	h.Set("X-Content-Type-Options", "nosniff") // all of it is strangers' bytes
	w.WriteHeader(status)
	return r.Method != http.MethodHead
}

// carry copies what the object's response says of its age and of who may keep and read it. Nothing
// is shared: handlers change values in place.
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
					// our response is never encoded
					if name = strings.TrimSpace(name); name != "" && !strings.EqualFold(name, "Accept-Encoding") {
						dst[k] = append(dst[k], name)
					}
				}
			}
		}
	}
}

// writeFailure sends an error as JSON, or hands it to handle_errors.
func (h *Handler) writeFailure(w http.ResponseWriter, r *http.Request, f *failure, suffix, id string) error {
	h.logFailure(f, id)
	if l := f.header.Get("Location"); l != "" {
		f.header.Set("Location", relocate(l, r.Host, suffix))
	}
	for k, v := range f.header {
		w.Header()[k] = slices.Clone(v)
	}
	if h.PassErrors && f.status >= 400 {
		return caddyhttp.Error(f.status, errors.New(f.Error()))
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
	return writeBody(w, r, f.status, jsonType, body)
}

// requestID is the id that Caddy gives the request, by which it is found in the access log. Asking
// for it sets one of Caddy's variables, so it must be asked for before the next handlers run: a dial
// of theirs may read the variables at any time after that.
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

// successWriter passes successful responses on to w and drops all others.
type successWriter struct {
	w       http.ResponseWriter
	header  http.Header
	decided bool
	passed  bool
}

// Header implements http.ResponseWriter.
func (s *successWriter) Header() http.Header { return s.header }

// WriteHeader implements http.ResponseWriter. Informational responses are dropped.
func (s *successWriter) WriteHeader(status int) {
	if s.decided || 100 <= status && status < 200 {
		return
	}
	s.decided, s.passed = true, 200 <= status && status < 300
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
