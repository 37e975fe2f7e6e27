package caddyexif

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
)

// TestLogNamesTheCause has upstreams fail in all ways that an operator has to tell apart.
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
		"plain":       "reverse_proxy " + plain + " {\ntransport http {\nresponse_header_timeout 100ms\n}\n}",
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
		{"plain", "/slow-secret", 504, `timeout|deadline exceeded`},
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

// TestErrorTable has each error, wrapped, and each status of the next handlers give what DESIGN 2.4
// says.
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
		{errFollowed, 400, "InvalidRequest", "map[]"},
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

// TestErrorsAreDocumented has the README's table of errors and the code's agree.
func TestErrorsAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| (\\d{3}) \\| `(\\w+)` \\|").FindAllStringSubmatch(string(readme), -1) {
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
