package caddyexif

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
)

var (
	// errMethod is the error for methods other than GET, HEAD and OPTIONS.
	errMethod = errors.New("the method must be GET or HEAD")
	// errTooEarly is the error for early data if a rule depends on an address.
	errTooEarly = errors.New("the request must be repeated when the TLS handshake is complete")
	// errDenied is a denial by the permissions. It doesn't reveal whether the object exists.
	errDenied = errors.New("access denied")
)

// errorTable maps each error to its response. The first row for the error counts, or else the first row
// for the status of the next handlers' response.
var errorTable = []struct {
	err      error // nil in rows for a status
	upstream int   // the status of the next handlers' response

	status  int
	code    string // "": the name of the status
	message string
	fields  []string // of the upstream's header, which the response keeps
}{
	{err: errMethod, status: http.StatusMethodNotAllowed, message: errMethod.Error()},
	{err: errTrailing, status: http.StatusBadRequest, code: "InvalidRequest", message: errTrailing.Error()},
	{err: errNoObject, status: http.StatusBadRequest, code: "InvalidRequest", message: errNoObject.Error()},
	{err: errTooEarly, status: http.StatusTooEarly, message: errTooEarly.Error()},
	{err: errDenied, status: http.StatusForbidden, code: "AccessDenied", message: errDenied.Error()},
	{err: exif.ErrNotImage, status: http.StatusBadRequest, code: "NotAnImage", message: "the object is not an image of a known format"},
	{err: exif.ErrInvalid, status: http.StatusBadRequest, code: "InvalidExif", message: "the image's EXIF is broken, and none of it can be read"},
	{err: exif.ErrTooLarge, status: http.StatusBadRequest, code: "ImageTooLarge", message: tooLarge},
	{err: object.ErrTooFar, status: http.StatusBadRequest, code: "ImageTooLarge", message: tooLarge},
	{err: exif.ErrNoPicture, status: http.StatusNotFound, code: "NoThumbnail", message: "the image has no embedded picture"},
	{err: errPrecondition, status: http.StatusPreconditionFailed, message: errPrecondition.Error()},
	{err: errNotRedactable, status: http.StatusForbidden, code: "NotRedactable", message: errNotRedactable.Error()},
	{err: object.ErrEncoded, status: http.StatusInternalServerError, code: "UnexpectedEncoding", message: object.ErrEncoded.Error()},

	{upstream: http.StatusBadRequest, status: http.StatusBadRequest, code: "InvalidRequest", message: "the object's path was refused"},
	{upstream: http.StatusUnauthorized, status: http.StatusUnauthorized, message: authNeeded, fields: []string{"Www-Authenticate"}},
	{upstream: http.StatusForbidden, status: http.StatusForbidden, code: "AccessDenied", message: errDenied.Error()},
	{upstream: http.StatusNotFound, status: http.StatusNotFound, code: "NoSuchKey", message: noSuchKey},
	{upstream: http.StatusGone, status: http.StatusNotFound, code: "NoSuchKey", message: noSuchKey},
	{upstream: http.StatusProxyAuthRequired, status: http.StatusProxyAuthRequired, message: authNeeded, fields: []string{"Proxy-Authenticate"}},
	{upstream: http.StatusTooManyRequests, status: http.StatusTooManyRequests, message: tryLater, fields: []string{"Retry-After"}},
	{upstream: http.StatusBadGateway, status: http.StatusBadGateway, message: unreachable},
	{upstream: http.StatusServiceUnavailable, status: http.StatusServiceUnavailable, message: tryLater, fields: []string{"Retry-After"}},
	{upstream: http.StatusGatewayTimeout, status: http.StatusGatewayTimeout, message: unreachable},
}

// Messages of more than one row.
const (
	tooLarge    = "the requested data can't be reached within the limits"
	noSuchKey   = "the object does not exist"
	authNeeded  = "authentication is required"
	tryLater    = "the object is temporarily unavailable"
	unreachable = "the object can't be fetched from its server"
	internal    = "the object can't be read"
)

// failure is the response to a failed operation. Its message never reveals more than its code.
type failure struct {
	status  int
	code    string
	message string
	header  http.Header // extra fields: Location, Allow, Www-Authenticate, ...
	cause   error       // for the log
}

// Error implements error.
func (f *failure) Error() string { return f.code + ": " + f.message }

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.cause }

// body returns the response's content type and body in the form of a dialect, which may be nil. Two opening
// braces never follow each other in it, see exif.Metadata.AppendJSON.
func (f *failure) body(d *exif.Dialect, id, host string) (contentType string, body []byte, err error) {
	form := exif.JSONErrors
	if d != nil {
		form = d.Errors
	}
	contentType = jsonType
	brace := `\u007b`
	switch form {
	case exif.TextErrors:
		body, err = json.Marshal(struct {
			Error string `json:"error"`
		}{f.message})
	case exif.XMLErrors, exif.XMLTraceErrors:
		contentType = "application/xml"
		brace = "&#123;"
		x := xmlError{Code: f.code, Message: f.message, RequestID: id}
		if form == exif.XMLErrors {
			x.HostID = host
		} else {
			x.TraceID = id
		}
		body, err = xml.Marshal(x)
		body = append([]byte(xml.Header), body...)
	default:
		body, err = json.Marshal(struct {
			Code      string `json:"code"`
			Message   string `json:"message"`
			Status    int    `json:"status"`
			RequestID string `json:"requestId"`
		}{f.code, f.message, f.status, id})
	}
	return contentType, bytes.ReplaceAll(body, []byte("{{"), []byte("{"+brace)), err
}

// xmlError is the XML of an error, as object stores write it.
type xmlError struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string
	Message   string
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId,omitempty"`
	TraceID   string `xml:"TraceId,omitempty"`
}

// failureOf looks up an error's response in the table.
func failureOf(err error) *failure {
	var s *object.StatusError
	isStatus := errors.As(err, &s)
	for _, row := range errorTable {
		if errors.Is(err, row.err) || isStatus && row.upstream == s.Status {
			f := &failure{status: row.status, code: row.code, message: row.message, header: make(http.Header), cause: err}
			if f.code == "" {
				f.code = statusName(f.status)
			}
			if isStatus {
				copyFields(f.header, s.Header, row.fields...)
			}
			if row.status == http.StatusMethodNotAllowed && !isStatus {
				f.header.Set("Allow", "GET, HEAD, OPTIONS")
			}
			return f
		}
	}
	switch {
	case isStatus && 300 <= s.Status && s.Status < 400 && s.Status != http.StatusNotModified:
		f := &failure{status: s.Status, code: statusName(s.Status), message: "the object has moved", header: make(http.Header), cause: err}
		copyFields(f.header, s.Header, "Location")
		return f
	case isStatus && 400 <= s.Status && s.Status < 500:
		return &failure{status: s.Status, code: statusName(s.Status), message: "the object's server refused the request", cause: err}
	}
	return &failure{status: http.StatusInternalServerError, code: "InternalError", message: internal, cause: err}
}

func copyFields(dst, src http.Header, names ...string) {
	for _, n := range names {
		if v := src.Values(n); len(v) > 0 {
			dst[n] = v
		}
	}
}

// statusName returns the code for a status without a row of its own: its standard name in one word, such
// as TooManyRequests.
func statusName(status int) string {
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

// logFailure logs what the operator needs to know. Client mistakes, and everything that may contain a path,
// a query or a value, are logged only at the debug level.
func (h *Handler) logFailure(f *failure, id string) {
	if errors.Is(f.cause, context.Canceled) {
		return // the client has gone
	}
	if f.status >= 500 {
		if c := h.logger.Check(zapcore.ErrorLevel, "reading EXIF failed"); c != nil {
			c.Write(zap.String("code", f.code), zap.Int("status", f.status),
				zap.String("request_id", id), zap.String("cause", publicCause(f.cause)))
		}
	}
	if c := h.logger.Check(zapcore.DebugLevel, "answered with an error"); c != nil {
		c.Write(zap.String("code", f.code), zap.Int("status", f.status),
			zap.String("request_id", id), zap.Error(f.cause))
	}
}

// publicCause describes the cause of an error without file names, URLs or anything else from the request.
func publicCause(err error) string {
	for _, e := range []error{
		object.ErrEncoded, object.ErrChanged, object.ErrBroken, object.ErrUnusable, errAddress,
		context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF, net.ErrClosed,
	} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	var (
		dial        reverseproxy.DialError // doesn't unwrap
		op          *net.OpError
		dns         *net.DNSError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		certificate *tls.CertificateVerificationError
		errno       syscall.Errno
		network     net.Error
		status      *object.StatusError
	)
	switch {
	case errors.As(err, &dial):
		return dial.Error()
	case errors.As(err, &op):
		return op.Error()
	case errors.As(err, &dns):
		return dns.Error()
	case errors.As(err, &record):
		return record.Error()
	case errors.As(err, &alert):
		return alert.Error()
	case errors.As(err, &certificate):
		return certificate.Error()
	case errors.As(err, &errno):
		return errno.Error()
	case errors.As(err, &network) && network.Timeout():
		return "timeout"
	case errors.As(err, &status):
		return "the next handler answered " + strconv.Itoa(status.Status)
	}
	return "see the debug log"
}
