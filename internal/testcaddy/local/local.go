// Package local has helpers for tests that start Caddy or another server as a process of its own, on the
// loopback interface.
package local

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"
)

// Suffix asks for the EXIF of the object whose path precedes it. It is defined here again, so that the
// tests don't take it from the code under test.
const Suffix = "@base@tag=exif"

// Addr returns an address at which nothing listens.
func Addr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// FreeAddr is Addr for tests.
func FreeAddr(t testing.TB) string {
	t.Helper()
	addr, err := Addr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// FreePort returns a port at which nothing listens.
func FreePort(t testing.TB) string {
	t.Helper()
	_, port, err := net.SplitHostPort(FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Build builds cmd/caddy as users do. The folder is the repository's.
func Build(repository, bin string, flags ...string) error {
	args := append([]string{"build", "-o", bin}, flags...)
	cmd := exec.Command("go", append(args, "./cmd/caddy")...)
	cmd.Dir = repository
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building: %w\n%s", err, out)
	}
	return nil
}

// Process is a Caddy in a process of its own.
type Process struct {
	Admin string // the address of its admin API, unless the config has another
	Pid   int

	t     testing.TB
	cmd   *exec.Cmd
	out   output
	ended chan struct{}
}

// Start runs a command until the test ends, with its own folders for Caddy's storage. It records standard
// output and standard error for Output.
func Start(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{Admin: FreeAddr(t), t: t, cmd: cmd, ended: make(chan struct{})}
	home := t.TempDir()
	cmd.Env = append(cmd.Environ(), "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home, "CADDY_ADMIN="+p.Admin)
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.Pid = cmd.Process.Pid
	go func() {
		defer close(p.ended)
		cmd.Wait()
	}()
	t.Cleanup(func() { p.Stop(os.Kill) })
	return p
}

// Stop sends the process a signal, and kills it if it hasn't ended after 30 seconds.
func (p *Process) Stop(signal os.Signal) {
	p.cmd.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// Output returns what the process has written so far.
func (p *Process) Output() string { return p.out.String() }

// WaitListening waits until something listens at the address.
func (p *Process) WaitListening(addr string) {
	p.t.Helper()
	p.wait("listens at "+addr, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// WaitOutput waits until the output matches the expression, and returns the groups of the match.
func (p *Process) WaitOutput(re *regexp.Regexp) (groups []string) {
	p.t.Helper()
	p.wait("writes "+re.String(), func() bool {
		groups = re.FindStringSubmatch(p.Output())
		return groups != nil
	})
	return groups
}

func (p *Process) wait(what string, until func() bool) {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if until() {
			return
		}
		select {
		case <-p.ended:
			if until() {
				return
			}
			p.t.Fatalf("%v ended before it %s: %s", p.cmd.Args, what, p.Output())
		case <-time.After(20 * time.Millisecond):
		}
	}
	p.t.Fatalf("%v never %s: %s", p.cmd.Args, what, p.Output())
}

// output is a buffer that can be read while the process writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
