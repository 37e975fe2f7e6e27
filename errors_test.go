package caddyexif

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
)

// TestLogNamesTheCause checks the log for each kind of upstream failure that an operator must distinguish.
func TestLogNamesTheCause(t *testing.T) {
	plain := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/slow"):
			time.Sleep(time.Second)
		case strings.HasPrefix(r.URL.Path, "/closed"):
			c, _, _ := http.NewResponseController(w).Hijack()
			c.Close()
		case strings.HasPrefix(r.URL.Path, "/broken"):
			w.Header().Set("Content-Length", "60000")
			w.Write(make([]byte, 100))
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case strings.HasPrefix(r.URL.Path, "/encoded"):
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(make([]byte, 100))
		case strings.HasPrefix(r.URL.Path, "/500"):
			w.WriteHeader(500)
		}
	})
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	var b strings.Builder
	for name, proxy := range map[string]string{
		"refused":     "reverse_proxy 127.0.0.1:1",
		"unknown":     "reverse_proxy no-such-host.invalid:80",
		"certificate": "reverse_proxy https://" + secure.Listener.Addr().String(),
		"no-tls":      "reverse_proxy https://" + plain,
		"plain":       "reverse_proxy " + plain,
		"slow":        "reverse_proxy " + plain + " {\ntransport http {\nresponse_header_timeout 100ms\n}\n}",
		"error":       "error \"secret {http.request.uri}\" 502",
	} {
		b.WriteString("http://" + name + ".test:{$PORT} {\nbind 127.0.0.1\nexif\n" + proxy + "\n}\n")
	}
	srv := serve(t, b.String())
	for _, tc := range []struct {
		site, path string
		status     int
		cause      string
	}{
		{"refused", "/secret", 502, `^dial tcp 127\.0\.0\.1:1: connect: connection refused$`},
		{"unknown", "/secret", 502, `no-such-host\.invalid`},
		{"certificate", "/secret", 502, `certificate`},
		{"no-tls", "/secret", 502, `^tls: first record does not look like a TLS handshake$|HTTP response to HTTPS client`},
		{"slow", "/slow-secret", 504, `timeout|deadline exceeded`},
		{"plain", "/closed-secret", 502, `EOF|reset by peer`},
		{"plain", "/broken-secret", 500, `^` + object.ErrBroken.Error() + `$`},
		{"plain", "/encoded-secret", 500, `Content-Encoding`},
		{"plain", "/500-secret", 500, `^the next handler answered 500$`},
		{"error", "/secret", 502, `^the next handler answered 502$`},
	} {
		srv.ResetLog()
		got := srv.get(http.MethodGet, tc.site+".test", tc.path+".jpg"+suffix+"?secret=secret")
		if got.status != tc.status {
			t.Errorf("%s%s: got %d %s", tc.site, tc.path, got.status, got.body)
		}
		logged := 0
		for _, e := range srv.Log() {
			if e.Logger != "http.handlers.exif" || e.Level < zapcore.InfoLevel {
				continue
			}
			logged++
			cause, _ := e.Fields["cause"].(string)
			if ok, _ := regexp.MatchString(tc.cause, cause); !ok || e.Level != zapcore.ErrorLevel {
				t.Errorf("%s%s: got %s %q", tc.site, tc.path, e.Level, cause)
			}
			if strings.Contains(e.Line, "secret") {
				t.Errorf("%s%s: the log tells %s", tc.site, tc.path, e.Line)
			}
		}
		if logged != 1 {
			t.Errorf("%s%s: %d entries", tc.site, tc.path, logged)
		}
	}
}

// TestErrorTable checks the response to each error, wrapped, and to each status of the next handlers against
// DESIGN 2.4.
func TestErrorTable(t *testing.T) {
	header := http.Header{
		"Location": {"/b.jpg"}, "Www-Authenticate": {"Basic"}, "Proxy-Authenticate": {"Negotiate"}, "Retry-After": {"7"}, "X-Secret": {"1"}, "Allow": {"PUT"},
	}
	status := func(n int) error { return fmt.Errorf("opening: %w", &object.StatusError{Status: n, Header: header}) }
	for _, tc := range []struct {
		err    error
		status int
		code   string
		header string
	}{
		{errMethod, 405, "MethodNotAllowed", "map[Allow:[GET, HEAD, OPTIONS]]"},
		{errTrailing, 400, "InvalidRequest", "map[]"},
		{errNoObject, 400, "InvalidRequest", "map[]"},
		{errDenied, 403, "AccessDenied", "map[]"},
		{errTooEarly, 425, "TooEarly", "map[]"},
		{exif.ErrNotImage, 400, "NotAnImage", "map[]"},
		{exif.ErrInvalid, 400, "InvalidExif", "map[]"},
		{exif.ErrTooLarge, 400, "ImageTooLarge", "map[]"},
		{object.ErrTooFar, 400, "ImageTooLarge", "map[]"},
		{object.ErrEncoded, 500, "UnexpectedEncoding", "map[]"},
		{object.ErrChanged, 500, "InternalError", "map[]"},
		{object.ErrBroken, 500, "InternalError", "map[]"},
		{object.ErrUnusable, 500, "InternalError", "map[]"},
		{errors.New("anything"), 500, "InternalError", "map[]"},
		{status(301), 301, "MovedPermanently", "map[Location:[/b.jpg]]"},
		{status(302), 302, "Found", "map[Location:[/b.jpg]]"},
		{status(308), 308, "PermanentRedirect", "map[Location:[/b.jpg]]"},
		{status(304), 500, "InternalError", "map[]"},
		{status(400), 400, "InvalidRequest", "map[]"},
		{status(401), 401, "Unauthorized", "map[Www-Authenticate:[Basic]]"},
		{status(402), 402, "PaymentRequired", "map[]"},
		{status(403), 403, "AccessDenied", "map[]"},
		{status(404), 404, "NoSuchKey", "map[]"},
		{status(405), 405, "MethodNotAllowed", "map[]"},
		{status(407), 407, "ProxyAuthenticationRequired", "map[Proxy-Authenticate:[Negotiate]]"},
		{status(410), 404, "NoSuchKey", "map[]"},
		{status(412), 412, "PreconditionFailed", "map[]"},
		{status(418), 418, "Imateapot", "map[]"},
		{status(425), 425, "TooEarly", "map[]"},
		{status(429), 429, "TooManyRequests", "map[Retry-After:[7]]"},
		{status(430), 430, "Status430", "map[]"},
		{status(500), 500, "InternalError", "map[]"},
		{status(501), 500, "InternalError", "map[]"},
		{status(502), 502, "BadGateway", "map[]"},
		{status(503), 503, "ServiceUnavailable", "map[Retry-After:[7]]"},
		{status(504), 504, "GatewayTimeout", "map[]"},
		{status(99), 500, "InternalError", "map[]"},
		{status(207), 500, "InternalError", "map[]"},
	} {
		f := failureOf(fmt.Errorf("reading: %w", tc.err))
		if f.header == nil {
			f.header = http.Header{}
		}
		if f.status != tc.status || f.code != tc.code || f.message == "" || fmt.Sprint(f.header) != tc.header || !errors.Is(f, tc.err) {
			t.Errorf("%v: got %d %s %q, %v; want %d %s, %s", tc.err, f.status, f.code, f.message, f.header, tc.status, tc.code, tc.header)
		}
	}
}

// TestErrorsAreDocumented compares the table of errors in docs/errors.md with the code's.
func TestErrorsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| (\\d{3}) \\| `(\\w+)` \\|").FindAllStringSubmatch(string(page), -1) {
		documented[m[1]+" "+m[2]] = true
	}
	coded := map[string]bool{"500 InternalError": true, "405 MethodNotAllowed": true}
	for _, row := range errorTable {
		if row.code != "" {
			coded[fmt.Sprint(row.status, " ", row.code)] = true
		}
	}
	if !maps.Equal(documented, coded) {
		t.Errorf("documented are %v, in the code %v", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(coded)))
	}
}

// TestStatusesAtEdges checks the first and last status of each class.
func TestStatusesAtEdges(t *testing.T) {
	for status, want := range map[int]string{
		199: "500 InternalError", 300: "300 MultipleChoices", 303: "303 SeeOther", 305: "305 UseProxy", 399: "399 Status399",
		400: "400 InvalidRequest", 406: "406 NotAcceptable", 414: "414 RequestURITooLong", 499: "499 Status499", 505: "500 InternalError", 599: "500 InternalError",
	} {
		header := http.Header{"Retry-After": {"7"}, "X-Secret": {"1"}, "Allow": {"PUT"}}
		f := failureOf(&object.StatusError{Status: status, Header: header})
		if got := fmt.Sprint(f.status, " ", f.code); got != want || len(f.header) > 0 || f.message == "" {
			t.Errorf("%d: got %s %q, %v; want %s", status, got, f.message, f.header, want)
		}
	}
	for status, want := range map[int]string{203: "NonAuthoritativeInformation", 418: "Imateapot", 207: "MultiStatus", 599: "Status599"} {
		if got := statusName(status); got != want {
			t.Errorf("%d: got %s", status, got)
		}
	}
}

// timeout is a network error that only says whether it is a timeout.
type timeout bool

func (t timeout) Error() string { return "secret" }
func (t timeout) Timeout() bool { return bool(t) }
func (timeout) Temporary() bool { return false }

// TestPublicCause checks that the cause of an error is named without paths and values.
func TestPublicCause(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{object.ErrEncoded, object.ErrEncoded.Error()},
		{object.ErrChanged, object.ErrChanged.Error()},
		{object.ErrBroken, object.ErrBroken.Error()},
		{object.ErrUnusable, object.ErrUnusable.Error()},
		{errAddress, errAddress.Error()},
		{context.DeadlineExceeded, "context deadline exceeded"},
		{io.ErrUnexpectedEOF, "unexpected EOF"},
		{io.EOF, "EOF"},
		{net.ErrClosed, "use of closed network connection"},
		{refused, refused.Error()},
		{&net.DNSError{Err: "no such host", Name: "bucket.test"}, "lookup bucket.test: no such host"},
		{tls.RecordHeaderError{Msg: "not TLS"}, "tls: not TLS"},
		{tls.AlertError(40), "tls: handshake failure"},
		{&tls.CertificateVerificationError{Err: errors.New("expired")}, "tls: failed to verify certificate: expired"},
		{syscall.ENOSPC, "no space left on device"},
		{&fs.PathError{Op: "open", Path: "/secret", Err: syscall.EACCES}, "permission denied"},
		{timeout(true), "timeout"},
		{timeout(false), "see the debug log"},
		{&object.StatusError{Status: 502, Err: errors.New("secret")}, "the next handler answered 502"},
		{errors.New("secret"), "see the debug log"},
	} {
		if got := publicCause(fmt.Errorf("reading secret: %w", tc.err)); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.err, got, tc.want)
		}
	}
}

// TestClientsMistakeIsNotLogged checks that our failures are logged as errors, a client's mistakes at the debug
// level, and nothing if the client has gone.
func TestClientsMistakeIsNotLogged(t *testing.T) {
	for _, tc := range []struct {
		status int
		cause  error
		levels string
	}{
		{400, errNoObject, "[debug]"},
		{499, errNoObject, "[debug]"},
		{500, errors.New("secret"), "[error debug]"},
		{503, errors.New("secret"), "[error debug]"},
		{500, fmt.Errorf("reading: %w", context.Canceled), "[]"},
		{400, context.Canceled, "[]"},
	} {
		core, logs := observer.New(zapcore.DebugLevel)
		h := &Handler{logger: zap.New(core)}
		h.logFailure(&failure{status: tc.status, code: "Code", cause: tc.cause}, "id")
		levels := []string{}
		for _, e := range logs.All() {
			levels = append(levels, e.Level.String())
			fields := e.ContextMap()
			if fields["code"] != "Code" || fields["status"] != int64(tc.status) || fields["request_id"] != "id" ||
				(fields["cause"] != nil) != (e.Level == zapcore.ErrorLevel) || (fields["error"] != nil) != (e.Level == zapcore.DebugLevel) {
				t.Errorf("%d: got %v at %s", tc.status, fields, e.Level)
			}
		}
		if got := fmt.Sprint(levels); got != tc.levels {
			t.Errorf("%d, %v: logged at %s, want %s", tc.status, tc.cause, got, tc.levels)
		}
	}
}
