// Package testcaddy runs Caddy in the tests' own process and records its log. The tests import the
// modules that their Caddyfiles need besides Caddy's standard ones.
//
// Helpers for tests that start Caddy as another process are in package local, which doesn't link Caddy.
package testcaddy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the modules that Caddyfiles are made of
	"go.uber.org/zap/zapcore"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

// Suffix asks for the EXIF of the object whose path precedes it.
const Suffix = local.Suffix

// Server is a Caddy that runs in this process. All its sites listen on one address; the Host header
// selects the site.
type Server struct {
	Addr string

	t    testing.TB
	log  *recorder
	stop func()
}

// Option changes how Start runs Caddy.
type Option func(*config)

type config struct {
	global string
	quiet  bool
}

// Global adds lines to the Caddyfile's global options.
func Global(lines string) Option { return func(c *config) { c.global += lines } }

// Quiet discards the log, for tests that measure time or memory.
func Quiet() Option { return func(c *config) { c.quiet = true } }

var running atomic.Bool

// Start runs a Caddyfile until the test ends. In it, {$ADDR} stands for the address of its sites and
// {$PORT} for that address's port. A process can run only one Caddy at a time.
func Start(t testing.TB, caddyfile string, options ...Option) *Server {
	t.Helper()
	var c config
	for _, o := range options {
		o(&c)
	}
	s := &Server{Addr: local.FreeAddr(t), t: t, log: new(recorder)}
	logging := "output testcaddy\n\t\tlevel DEBUG\n\t\tformat json"
	if c.quiet {
		logging = "output discard"
	}
	_, port, _ := strings.Cut(s.Addr, ":")
	cfg := Adapt(t, fmt.Sprintf(`{
	admin off
	auto_https off
	persist_config off
	storage file_system %q
	log {
		%s
	}
	grace_period 1s
	%s
}
%s`, t.TempDir(), logging, c.global, strings.NewReplacer("{$ADDR}", s.Addr, "{$PORT}", port).Replace(caddyfile)))
	if !running.CompareAndSwap(false, true) {
		t.Fatal("another Caddy runs in this process")
	}
	current.Store(s.log)
	if err := caddy.Load(cfg, true); err != nil {
		running.Store(false)
		t.Fatalf("loading: %v\n%s", err, caddyfile)
	}
	s.stop = sync.OnceFunc(func() {
		defer running.Store(false)
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			s.printErrors()
		}
	})
	return s
}

// Stop ends Caddy before the test ends. After that, the log doesn't change.
func (s *Server) Stop() { s.stop() }

// With returns the same server reporting failures to another test, such as a subtest.
func (s *Server) With(t testing.TB) *Server {
	other := *s
	other.t = t
	return &other
}

// printErrors prints the last errors in Caddy's log.
func (s *Server) printErrors() {
	var lines []string
	for _, e := range s.Log() {
		if e.Level >= zapcore.ErrorLevel {
			lines = append(lines, e.Line)
		}
	}
	if len(lines) > 0 {
		s.t.Logf("Caddy's log, the last of %d errors:\n%s", len(lines), strings.Join(lines[max(0, len(lines)-10):], "\n"))
	}
}

// Adapt returns the config for a Caddyfile. A warning of the adapter fails the test, unless it is about
// formatting.
func Adapt(t testing.TB, caddyfile string) []byte {
	t.Helper()
	cfg, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("adapting: %v\n%s", err, caddyfile)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			t.Errorf("adapting: %v", w)
		}
	}
	return cfg
}

// Response is a response as the client received it. Body isn't decompressed.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// Do sends a request to the named site, on a new connection. It sends target unchanged. header has pairs
// of names and values. Do doesn't follow redirects.
func (s *Server) Do(method, host, target string, header ...string) Response {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // with the race detector, passwords take long
	defer cancel()
	res, err := s.Try(ctx, method, host, target, header...)
	if err != nil {
		s.t.Fatalf("%s %s%s: %v", method, host, target, err)
	}
	return res
}

// Try is Do for requests that may fail, or that the client cancels through the context.
func (s *Server) Try(ctx context.Context, method, host, target string, header ...string) (Response, error) {
	res, err := do(ctx, s.Addr, method, host, target, header)
	if end, ok := ctx.Deadline(); ok && err != nil && !time.Now().Before(end) {
		<-ctx.Done() // a dial can time out a moment earlier
	}
	if ctx.Err() != nil && err != nil {
		err = ctx.Err() // instead of the closed connection's error
	}
	return res, err
}

func do(ctx context.Context, addr, method, host, target string, header []string) (r Response, err error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return r, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, target, host)
	for i := 0; i < len(header); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", header[i], header[i+1])
	}
	if _, err := io.WriteString(conn, b.String()+"\r\n"); err != nil {
		return r, err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("no response: %w", err)
	}
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return Response{res.StatusCode, res.Header, string(body)}, err
}

// beCaddy is the environment variable that Self sets and Main checks.
const beCaddy = "TESTCADDY_BE_CADDY"

// Main is for TestMain: if Self started the test binary, it runs as the command "caddy", with the modules that
// the test imports.
func Main(m *testing.M) {
	if os.Getenv(beCaddy) != "" {
		caddycmd.Main()
		return
	}
	os.Exit(m.Run())
}

// Self returns a command that runs the test binary as "caddy". Append to its environment, don't replace it.
func Self(args ...string) *exec.Cmd {
	name, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), beCaddy+"=1")
	return cmd
}
