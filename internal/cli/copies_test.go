package cli_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
)

// redactTo runs "caddy exif --redact" and returns what it prints to standard error.
func redactTo(t *testing.T, out string, args ...string) (stderr string, ok bool) {
	t.Helper()
	cmd := testcaddy.Self(append([]string{"exif", "--redact", out}, args...)...)
	var b strings.Builder
	cmd.Stderr = &b
	err := cmd.Run()
	return b.String(), err == nil
}

// TestSkippedCopyIsSaid checks that the skipped copy of a single file is said: it may have been made with fewer --omit.
func TestSkippedCopyIsSaid(t *testing.T) {
	out := t.TempDir()
	for run, want := range []string{"", "1 file, 1 unchanged (after a change of --only, --omit or --keep, --force copies them again)\n"} {
		if got, ok := redactTo(t, out, testdata+"/photo.jpg"); !ok || got != want {
			t.Errorf("run %d: got %q, want %q", run, got, want)
		}
	}
}

// TestCopiesKeepModesAndTimes copies a folder twice, and checks modes and times of files and folders.
func TestCopiesKeepModesAndTimes(t *testing.T) {
	photo, err := os.ReadFile(testdata + "/photo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	from, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	when := time.Date(2020, 3, 4, 5, 6, 7, 123456789, time.UTC)
	for _, dir := range []string{"a", "a/b"} {
		if err := os.Mkdir(filepath.Join(from, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	modes := map[string]os.FileMode{"a/open.jpg": 0o664, "a/b/private.jpg": 0o600, "a/b/readonly.jpg": 0o440, "a/b": 0o750, "a": 0o750}
	for name, mode := range modes {
		name = filepath.Join(from, name)
		if strings.HasSuffix(name, ".jpg") {
			if err := os.WriteFile(name, photo, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name := range modes {
		if err := os.Chtimes(filepath.Join(from, name), when, when); err != nil {
			t.Fatal(err)
		}
	}
	for run, want := range []string{"3 files\n", "3 files, 3 unchanged (after a change of --only, --omit or --keep, --force copies them again)\n"} {
		if got, ok := redactTo(t, out, from); !ok || got != want {
			t.Fatalf("run %d: got %s, want %s", run, got, want)
		}
		for name, mode := range modes {
			info, err := os.Stat(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			if runtime.GOOS != "windows" && info.Mode().Perm() != mode || !info.ModTime().Equal(when) {
				t.Errorf("run %d: %s: got %v %v, want %v %v", run, name, info.Mode(), info.ModTime(), mode, when)
			}
		}
	}
	// A photo that has changed is copied again, over a read-only copy as well.
	if err := os.Chtimes(filepath.Join(from, "a/b/readonly.jpg"), when, when.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if got, ok := redactTo(t, out, from); !ok || got != "3 files, 2 unchanged (after a change of --only, --omit or --keep, --force copies them again)\n" {
		t.Errorf("changed: got %s", got)
	}
	if left, _ := filepath.Glob(out + "/a/b/.*"); len(left) > 0 {
		t.Errorf("got %q left behind", left)
	}
}

// TestCopiesReplaceNoOriginalBelow checks that copies in a folder of the originals replace only unchanged copies: what else
// is there may be an original.
func TestCopiesReplaceNoOriginalBelow(t *testing.T) {
	photo, err := os.ReadFile(testdata + "/photo.jpg")
	if err != nil {
		t.Fatal(err)
	}
	from := t.TempDir()
	out := filepath.Join(from, "2024")
	original := filepath.Join(out, "b.jpg")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, more string) {
		if err := os.WriteFile(name, append(photo, more...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(from, "a.jpg"), "")
	write(filepath.Join(from, "b.jpg"), "")
	write(original, "another")
	for _, force := range [][]string{nil, nil, {"--force"}} {
		got, ok := redactTo(t, out, append(force, from)...)
		if ok || !strings.Contains(got, "b.jpg in the folder of the copies may be an original") || !strings.Contains(got, "2 files, ") {
			t.Errorf("%q: got %s", force, got)
		}
		if b, err := os.ReadFile(original); err != nil || string(b) != string(photo)+"another" {
			t.Fatalf("%q: the original was replaced: %v", force, err)
		}
		if _, err := os.Stat(filepath.Join(out, "a.jpg")); err != nil {
			t.Error(err)
		}
	}
}
