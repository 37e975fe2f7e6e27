//go:build !windows

// Package terminal tests the output of "caddy exif" on a real terminal.
package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	_ "github.com/caddyexif/caddy-exif"
	"github.com/caddyexif/caddy-exif/internal/testcaddy"
)

const testdata = "../../testdata"

// TestMain makes the test binary run as Caddy when testcaddy.Self starts it.
func TestMain(m *testing.M) { testcaddy.Main(m) }

func caddy(args ...string) *exec.Cmd { return testcaddy.Self(append([]string{"exif"}, args...)...) }

// screen runs the command on a terminal of 80 columns and returns the terminal's output: standard error, and
// standard output unless cmd.Stdout is set. Once the output has until, it calls then with the user's side.
func screen(t *testing.T, cmd *exec.Cmd, until string, then func(user io.Writer)) string {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	if cmd.Stdout == nil {
		cmd.Stdout = slave
	}
	cmd.Stdin, cmd.Stderr = slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	timeout := time.AfterFunc(60*time.Second, func() { cmd.Process.Kill() })
	defer timeout.Stop()
	var shown bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := master.Read(buf)
		shown.Write(buf[:n])
		if until != "" && strings.Contains(shown.String(), until) {
			until = ""
			then(master)
		}
		if err != nil { // EIO if the other side is closed
			break
		}
	}
	return shown.String()
}

func TestTable(t *testing.T) {
	cmd := caddy("iphone-4s.jpg", "nope.jpg", "plain.jpg")
	cmd.Dir = testdata
	got := screen(t, cmd, "", nil)
	cmd.Wait()
	want := strings.ReplaceAll(`iphone-4s.jpg
  Make              Apple
  Model             iPhone 4S
  Orientation       Normal (upper-left)
  XResolution       72
  YResolution       72
  ResolutionUnit    Dpi
  YCbCrPositioning  1
  ExposureTime      0.00223 (1/449) sec
nope.jpg: no such file or directory

plain.jpg
  no EXIF
`, "\n", "\r\n")
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit status %d", code)
	}
	fmt.Printf("$ caddy exif iphone-4s.jpg nope.jpg plain.jpg\n%s", got)
}

func TestJSONOnTerminal(t *testing.T) {
	for _, flag := range []string{"--json", "--names"} {
		cmd := caddy(flag, "--only=Orientation", "iphone-4s.jpg")
		cmd.Dir = testdata
		got := screen(t, cmd, "", nil)
		if err := cmd.Wait(); err != nil || !strings.HasSuffix(got, `"Orientation":"1"}`+"\r\n") || got[0] != '{' {
			t.Errorf("%s: got %v %s", flag, err, got)
		}
	}
}

// slowly makes a named pipe that has a photo to read once give is called.
func slowly(t *testing.T) (name string, give func()) {
	t.Helper()
	name = filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	photo, err := os.ReadFile(testdata + "/iphone-4s.jpg")
	if err != nil {
		t.Fatal(err)
	}
	return name, func() {
		if err := os.WriteFile(name, photo, 0o600); err != nil {
			t.Error(err)
		}
	}
}

const bar = "[#########---------------------] (1/3)"

// cleared matches output that ends with clearing the bar.
var cleared = regexp.MustCompile(`\r {45,}\r$`)

func TestProgress(t *testing.T) {
	first, give1 := slowly(t)
	last, give2 := slowly(t)
	lines := &counter{}
	cmd := caddy(first, testdata+"/photo.jpg", last)
	cmd.Stdout = lines
	time.AfterFunc(1500*time.Millisecond, give1)
	got := screen(t, cmd, bar, func(io.Writer) { give2() })
	if err := cmd.Wait(); err != nil || lines.n != 3 {
		t.Fatalf("got %v, %d lines: %q", err, lines.n, got)
	}
	if !regexp.MustCompile(`\r +33% ` + regexp.QuoteMeta(bar) + ` \[\d+s:\d+s\]`).MatchString(got) {
		t.Errorf("no progress bar: %q", got)
	}
	if !cleared.MatchString(got) {
		t.Errorf("the bar is left on the screen: %q", got)
	}
	fmt.Printf("$ caddy exif photos > exif.jsonl\n%s\n", strings.TrimSpace(got))
}

// TestInterrupt presses Ctrl-C while the command waits for a file: the command clears the bar, and ends with
// the status of an interrupted program.
func TestInterrupt(t *testing.T) {
	first, give := slowly(t)
	never, _ := slowly(t)
	cmd := caddy(first, testdata+"/photo.jpg", never)
	cmd.Stdout = &counter{}
	time.AfterFunc(1500*time.Millisecond, give)
	var at time.Time
	got := screen(t, cmd, bar, func(user io.Writer) {
		at = time.Now()
		io.WriteString(user, "\x03") // Ctrl-C
	})
	cmd.Wait()
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if at.IsZero() || time.Since(at) > 5*time.Second || !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("got %v after %v", cmd.ProcessState, time.Since(at))
	}
	if !cleared.MatchString(got) {
		t.Errorf("the bar is left on the screen: %q", got)
	}
}

// TestNoProgress checks that output to the terminal isn't mixed with a bar.
func TestNoProgress(t *testing.T) {
	first, give := slowly(t)
	cmd := caddy("--only=Make", first, testdata+"/photo.jpg", testdata+"/photo.jpg")
	time.AfterFunc(1500*time.Millisecond, give)
	got := screen(t, cmd, "", nil)
	if err := cmd.Wait(); err != nil || strings.Contains(got, "%") {
		t.Errorf("got %v %q", err, got)
	}
}

// counter counts lines.
type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) {
	c.n += bytes.Count(p, []byte("\n"))
	return len(p), nil
}
