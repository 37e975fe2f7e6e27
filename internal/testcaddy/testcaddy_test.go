package testcaddy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"
)

func accessLog(e Entry) bool { return strings.HasPrefix(e.Logger, "http.log.access") }

// TestLogHasAllLevelsAndFields checks that a site's access log and Caddy's own debug entries are recorded.
func TestLogHasAllLevelsAndFields(t *testing.T) {
	for name, log := range map[string]string{"default": "log", "own": "log {\noutput testcaddy\nformat json\n}"} {
		t.Run(name, func(t *testing.T) {
			s := Start(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\n"+log+"\nrespond /x \"{method} {uri}\" 201\nreverse_proxy 127.0.0.1:1\n}")
			if got := s.Do("GET", "a.test", "/%78?q=%41", "Accept-Encoding", "gzip"); got.Status != 201 || got.Body != "GET /%78?q=%41" {
				t.Errorf("got %d %q", got.Status, got.Body)
			}
			e := s.WaitLog(accessLog)
			req, _ := e.Fields["request"].(map[string]any)
			if e.Level != zapcore.InfoLevel || e.Message != "handled request" || req["uri"] != "/%78?q=%41" || e.Fields["status"] != 201.0 {
				t.Errorf("got %s", e.Line)
			}
			s.ResetLog()
			if got := s.Do("HEAD", "a.test", "/down"); got.Status != 502 || got.Body != "" {
				t.Errorf("got %d %q", got.Status, got.Body)
			}
			s.Stop()
			levels := map[zapcore.Level]string{}
			for _, e := range s.Log() {
				levels[e.Level] += e.Logger + "\n"
				if strings.Contains(e.Line, "%41") {
					t.Errorf("logged before the reset: %s", e.Line)
				}
			}
			for level, logger := range map[zapcore.Level]string{
				zapcore.DebugLevel: "http.handlers.reverse_proxy", zapcore.ErrorLevel: "http.log.error",
			} {
				if !strings.Contains(levels[level], logger) {
					t.Errorf("nothing of %s at %s, only %s", logger, level, levels[level])
				}
			}
		})
	}
}

// TestTryEndsWithContext has a client cancel a request to an upstream that doesn't respond.
func TestTryEndsWithContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // the kernel accepts the connection, but nothing responds
	s := Start(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nrespond /ok ok\nreverse_proxy "+l.Addr().String()+"\n}", Quiet())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got, err := s.Try(ctx, http.MethodGet, "a.test", "/"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v", got, err)
	}
	if got := s.With(t).Do(http.MethodGet, "a.test", "/ok"); got.Status != 200 || got.Body != "ok" {
		t.Errorf("got %d %q", got.Status, got.Body)
	}
	if log := s.Log(); len(log) > 0 {
		t.Errorf("got %d entries of a quiet log", len(log))
	}
}
