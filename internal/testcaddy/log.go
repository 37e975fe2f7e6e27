package testcaddy

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap/zapcore"
)

// Entry is an entry of Caddy's log.
type Entry struct {
	Logger  string // "http.handlers.exif"
	Level   zapcore.Level
	Message string
	Fields  map[string]any // decoded from JSON, without the time and the fields above
	Line    string         // the whole entry as JSON, as Caddy wrote it
}

// Log returns the entries of all of Caddy's loggers so far, debug included, oldest first. It includes access
// logs if a site has the directive log, with an empty block or with "output testcaddy" in it.
//
// Caddy writes a request's access log after the client has received its response: call Stop before Log, or
// use WaitLog.
func (s *Server) Log() []Entry {
	s.t.Helper()
	lines, err := s.log.all()
	if err != nil {
		s.t.Fatal(err)
	}
	entries := make([]Entry, 0, len(lines))
	for _, line := range lines {
		e := Entry{Line: line}
		if err := json.Unmarshal([]byte(line), &e.Fields); err != nil {
			s.t.Fatalf("log: %v: %s", err, line)
		}
		e.Logger, _ = e.Fields["logger"].(string)
		e.Message, _ = e.Fields["msg"].(string)
		level, _ := e.Fields["level"].(string)
		if err := e.Level.UnmarshalText([]byte(level)); err != nil {
			s.t.Fatalf("log: %v: %s", err, line)
		}
		for _, k := range []string{"logger", "msg", "level", "ts"} {
			delete(e.Fields, k)
		}
		entries = append(entries, e)
	}
	return entries
}

// ResetLog discards all entries so far.
func (s *Server) ResetLog() { s.log.reset() }

// WaitLog returns the first entry that matches, and fails the test if there is none within 10 seconds.
func (s *Server) WaitLog(match func(Entry) bool) Entry {
	s.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for _, e := range s.Log() {
			if match(e) {
				return e
			}
		}
	}
	s.t.Fatal("Caddy didn't log what should come")
	return Entry{}
}

// maxLog bounds the size of a recorder, for tests with very many requests that don't read the log.
const maxLog = 16 << 20

// recorder collects the lines of a Caddy's log.
type recorder struct {
	mu    sync.Mutex
	lines []string
	size  int
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size += len(p); r.size <= maxLog {
		r.lines = append(r.lines, strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}

// Close does nothing: tests read the lines after Caddy has ended, too.
func (r *recorder) Close() error { return nil }

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines, r.size = nil, 0
}

func (r *recorder) all() ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size > maxLog {
		return nil, fmt.Errorf("log: more than %d bytes: use ResetLog in between", maxLog)
	}
	return append([]string(nil), r.lines...), nil // a copy, since later lines are appended to r.lines
}

// current is the recorder of the Caddy that Start started last.
var current atomic.Pointer[recorder]

func init() { caddy.RegisterModule(writer{}) }

// writer is the log writer for "output testcaddy". It writes to the recorder of the Caddy that loads it.
type writer struct{ to *recorder }

func (writer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.writers.testcaddy", New: func() caddy.Module { return new(writer) }}
}

func (w *writer) Provision(caddy.Context) error {
	w.to = current.Load()
	return nil
}

func (w *writer) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		if d.NextArg() {
			return d.ArgErr()
		}
	}
	return nil
}

func (*writer) String() string                        { return "testcaddy" }
func (w *writer) WriterKey() string                   { return fmt.Sprintf("testcaddy %p", w.to) }
func (w *writer) OpenWriter() (io.WriteCloser, error) { return w.to, nil }
