//go:build unix

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
)

// TestPipesAndDevicesAreNotCopied checks that nothing waits for a named pipe, among the originals or the copies.
func TestPipesAndDevicesAreNotCopied(t *testing.T) {
	from, out := t.TempDir(), t.TempDir()
	photo, err := os.ReadFile(testdata + "/photo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	pipe, taken := filepath.Join(from, "pipe"), filepath.Join(out, "taken.jpg")
	for _, name := range []string{pipe, taken} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a.jpg", "taken.jpg"} {
		if err := os.WriteFile(filepath.Join(from, name), photo, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	timeout := time.AfterFunc(time.Minute, func() { // lets the command end, so that the test fails
		for _, name := range []string{pipe, taken} {
			if f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
				defer f.Close()
			}
		}
	})
	defer timeout.Stop()
	got, ok := redactTo(t, out, from)
	if ok || !strings.Contains(got, "taken.jpg: taken.jpg in the folder of the copies is no regular file\n") || !strings.Contains(got, "2 files, 1 not copied\n") {
		t.Errorf("got %s", got)
	}
	for _, name := range []string{pipe, "/dev/zero"} {
		if got, ok := redactTo(t, out, name); ok || !strings.Contains(got, "no regular file: use --redact -") {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// TestInterruptLeavesNoPart interrupts the command while it writes copies.
func TestInterruptLeavesNoPart(t *testing.T) {
	photo, err := os.ReadFile(testdata + "/photo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	from, out := t.TempDir(), t.TempDir()
	// a large photo takes a while: what follows its end is overwritten
	if err := os.WriteFile(filepath.Join(from, "a.jpg"), photo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(from, "a.jpg"), 4<<30); err != nil {
		t.Fatal(err)
	}
	cmd := testcaddy.Self("exif", "--redact", out, from)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	parts := func() []string {
		names, _ := filepath.Glob(out + "/.caddy-exif-*")
		return names
	}
	for end := time.Now().Add(30 * time.Second); len(parts()) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nothing is written")
		}
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err == nil {
		t.Error("it ended as if nothing had happened")
	}
	if left := parts(); len(left) > 0 {
		t.Errorf("got %q left behind", left)
	}
	if _, err := os.Stat(filepath.Join(out, "a.jpg")); err == nil {
		t.Error("a part of the photo is left")
	}
}

// TestChangingPhotoIsNotCopied changes a photo while it is copied: what is overwritten in the copy is that of before.
func TestChangingPhotoIsNotCopied(t *testing.T) {
	photo, err := os.ReadFile(testdata + "/photo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	from, out := filepath.Join(t.TempDir(), "a.jpg"), t.TempDir()
	if err := os.WriteFile(from, photo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(from, 256<<20); err != nil {
		t.Fatal(err)
	}
	cmd := testcaddy.Self("exif", "--redact", out, from)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if names, _ := filepath.Glob(out + "/.caddy-exif-*"); len(names) > 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("nothing is written")
		}
	}
	if err := os.Chtimes(from, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(stderr.String(), "it changed while it was copied") {
		t.Errorf("got %v, %s", err, stderr.String())
	}
	if left, _ := filepath.Glob(out + "/*"); len(left) > 0 {
		t.Errorf("got %q", left)
	}
}
