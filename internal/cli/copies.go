package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/iptc"
	"github.com/caddyexif/caddy-exif/internal/redact"
)

// redactTo writes a redacted copy of an image.
func (c *command) redactTo(w io.Writer, r io.ReaderAt) error {
	if err := recognize(r); err != nil {
		return err
	}
	return c.redacted(w, r)
}

// redacted writes a redacted copy of what recognize recognized. It is the one place that calls the redactor.
func (c *command) redacted(w io.Writer, r io.ReaderAt) error {
	err := redact.Copy(w, r, &redact.Policy{EXIF: &c.options, IPTC: iptc.Policy{Keep: c.keep, Compass: c.options.Keep == nil || c.options.Keep("GPSImgDirection"), Charset: c.options.Charset}})
	if errors.Is(err, redact.ErrRefused) {
		return c.module.ErrNotRedactable
	}
	return err
}

// recognize returns exif.ErrNotImage for a file that is neither an image nor a video, and errors of r.
func recognize(r io.ReaderAt) error {
	_, err := exif.ReadInfo(r)
	if !errors.Is(err, exif.ErrNotImage) {
		return err
	}
	head := make([]byte, redact.SniffLen)
	n, e := r.ReadAt(head, 0)
	if verdict, _ := redact.Sniff(head[:n]); verdict == redact.Pass || e != nil && !errors.Is(e, io.EOF) {
		return err
	}
	return nil
}

// redact writes redacted copies of the images to a folder. The copies have the originals' place below it, their
// modes and their times.
func (c *command) redact(args []string, out string, force bool) error {
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // redacted copies are meant to be read by others
		return err
	}
	root, err := os.OpenRoot(out)
	if err != nil {
		return err
	}
	defer root.Close()
	to := &copies{command: c, root: root, force: force, originals: make(map[string]string), made: make(map[string]bool)}
	for _, arg := range args {
		if holds(out, arg) {
			return fmt.Errorf("--redact: %s is in %s, where a copy could replace an original: name another folder", printable(arg), printable(out))
		}
		to.below = to.below || holds(arg, out)
	}
	c.cleanup.add(to.removeUnfinished)
	images, folders := c.find(args, to.enter)
	err = errors.Join(c.each(images, to.add), to.finish())
	if err == nil && (folders || c.count.unchanged > 0) { // a copy that isn't made is never silent: it may tell more
		c.summarize("file", counted{c.count.unchanged, "unchanged (after a change of --only, --omit or --keep, --force copies them again)"}, counted{c.count.failed, "not copied"})
	}
	return c.failure(err)
}

// holds reports whether a folder is, or has somewhere below it, what an argument names.
func holds(folder, arg string) bool {
	real := func(name string) string {
		abs, err := filepath.Abs(name)
		if err != nil {
			return name
		}
		if target, err := filepath.EvalSymlinks(abs); err == nil {
			return target
		}
		return abs
	}
	rel, err := filepath.Rel(real(folder), real(arg))
	return err == nil && filepath.IsLocal(rel)
}

// copies writes redacted copies to a folder. The root keeps it there: a link that leads out of the folder is an
// error.
type copies struct {
	*command
	root      *os.Root
	force     bool
	below     bool              // the root is in a folder of originals, and may hold some itself
	originals map[string]string // of the folders and the copies, by their paths below root
	made      map[string]bool   // folders that hold copies

	unfinished atomic.Pointer[string] // the path of the copy that is being written
}

// enter notes a folder of originals. It reports false for the folder of the copies.
func (c *copies) enter(folder, path string) bool {
	if info, err := os.Stat(folder); err == nil {
		if out, err := c.root.Stat("."); err == nil && os.SameFile(info, out) {
			return false
		}
	}
	c.originals[path] = folder
	return true
}

// add writes the copy of an image, unless there is one that is as old and as large.
func (c *copies) add(img image) error {
	if img.name == "-" && !img.found {
		return errors.New("standard input has no name for a copy: use --redact -")
	}
	info, err := os.Stat(img.name)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("no regular file: use --redact - to copy what can be read from it")
	case c.originals[img.path] != "":
		return fmt.Errorf("%s is copied to the same name", printable(c.originals[img.path]))
	}
	copied, err := c.root.Lstat(img.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case os.SameFile(copied, info):
		return errors.New("its copy would replace it")
	case !copied.Mode().IsRegular():
		return fmt.Errorf("%s in the folder of the copies is no regular file", printable(img.path))
	case copied.Size() != info.Size() || !copied.ModTime().Equal(info.ModTime()):
		if c.below {
			return fmt.Errorf("%s in the folder of the copies may be an original: remove it if it isn't, or name another folder", printable(img.path))
		}
	case !c.force:
		c.originals[img.path] = img.name
		c.count.unchanged++
		return nil
	}
	return c.open(img, func(r io.ReaderAt) error {
		if err := recognize(r); err != nil {
			return err // before folders are made for it
		}
		if err := c.folder(filepath.Dir(img.path)); err != nil {
			return err
		}
		if err := c.write(img, info, r); err != nil {
			return err
		}
		c.originals[img.path] = img.name
		return nil
	})
}

// write writes a copy under another name first, so that nobody sees a part of it.
func (c *copies) write(img image, info fs.FileInfo, r io.ReaderAt) error {
	name := filepath.Join(filepath.Dir(img.path), fmt.Sprintf(".caddy-exif-%d", os.Getpid()))
	c.unfinished.Store(&name)
	defer c.removeUnfinished()
	f, err := c.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = c.redacted(f, r)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if now, err := os.Stat(img.name); err != nil || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
		return errors.New("it changed while it was copied, so the copy could tell more than it may")
	}
	if err := c.root.Chtimes(name, time.Time{}, info.ModTime()); err != nil {
		return err
	}
	return c.root.Rename(name, img.path)
}

// removeUnfinished removes the copy that is being written.
func (c *copies) removeUnfinished() {
	if name := c.unfinished.Swap(nil); name != nil {
		_ = c.root.Remove(*name) // there is none after its rename
	}
}

// folder makes a folder for copies, and those above it.
func (c *copies) folder(path string) error {
	if path == "." || c.made[path] {
		return nil
	}
	if err := c.folder(filepath.Dir(path)); err != nil {
		return err
	}
	mode := fs.FileMode(0o755)
	if info, err := os.Stat(c.originals[path]); err == nil {
		mode = info.Mode().Perm() | 0o700 // to write there
	}
	switch err := c.root.Mkdir(path, mode); {
	case err == nil:
		err = c.root.Chmod(path, mode) // whatever the umask
		if err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	c.made[path] = true
	return nil
}

// finish gives the folders their originals' times, which the copies in them have changed.
func (c *copies) finish() (err error) {
	for path := range c.made {
		info, statErr := os.Stat(c.originals[path])
		if statErr == nil {
			statErr = c.root.Chtimes(path, time.Time{}, info.ModTime())
		}
		err = errors.Join(err, statErr)
	}
	return err
}
