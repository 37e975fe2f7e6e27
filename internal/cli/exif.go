package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/redact"
)

// EXIF runs "caddy exif".
func EXIF(m *Module, cmd *cobra.Command, args []string) error {
	fl := caddycmd.Flags{FlagSet: cmd.Flags()}
	c, err := newCommand(m, fl)
	if err != nil {
		return err
	}
	if fl.Bool("list-tags") {
		return listTags(c.out, c.options.Keep, fl.Bool("csv"))
	}
	if runtime.GOOS == "windows" {
		args = expandGlobs(args) // Windows shells don't
	}
	err = c.run(args, fl)
	if errors.Is(err, errReported) || errors.Is(err, syscall.EPIPE) { // a reader such as head has left
		cmd.SilenceErrors = true
	}
	return err
}

// errReported is the error of a run that has printed the error of each file.
var errReported = errors.New("some files could not be read")

// command is one run of "caddy exif".
type command struct {
	module    *Module
	operation string
	options   exif.Options
	filtered  bool // only or omit are given
	print     printer
	out       *os.File
	errs      *os.File
	stdin     *os.File
	cleanup   *cleanup
	progress  *progress // nil: none is shown

	meta  exif.Metadata          // reused
	json  []byte                 // reused
	keep  func(name string) bool // the properties that a redacted copy keeps, nil for none
	count struct{ photos, empty, unchanged, failed, others, folders int }
}

// readers append the JSON object of a file, by operation.
var readers = map[string]func(c *command, dst []byte, r io.ReaderAt) ([]byte, error){
	"exif": func(c *command, dst []byte, r io.ReaderAt) ([]byte, error) {
		if err := c.meta.Decode(r, &c.options); err != nil {
			return nil, err
		}
		return c.meta.AppendJSON(dst, &c.options)
	},
	"imageInfo": func(c *command, dst []byte, r io.ReaderAt) ([]byte, error) {
		info, err := exif.ReadInfo(r)
		if err != nil {
			return nil, err
		}
		return info.AppendJSON(dst, c.options.Style), nil
	},
	"iptc": func(c *command, dst []byte, r io.ReaderAt) ([]byte, error) {
		return c.module.AppendIPTC(dst, r, &c.options)
	},
}

// pictures find the picture embedded in a file, by operation.
var pictures = map[string]func(io.ReaderAt) (redact.Picture, error){
	"thumbnail": redact.FindThumbnail,
	"preview":   redact.FindPreview,
}

func newCommand(m *Module, fl caddycmd.Flags) (*command, error) {
	c := &command{module: m, out: os.Stdout, errs: os.Stderr, stdin: os.Stdin, cleanup: new(cleanup)}
	i := slices.IndexFunc(m.Operations, func(word string) bool { return strings.EqualFold(word, fl.String("operation")) })
	if i < 0 {
		return nil, fmt.Errorf("--operation: %q is none of %s", fl.String("operation"), strings.Join(m.Operations, ", "))
	}
	c.operation = m.Operations[i]
	settings := Settings{Redact: fl.Changed("redact"), Values: fl.String("values"), Charset: fl.String("charset"), Unknown: fl.Bool("unknown")}
	switch {
	case fl.Bool("csv"):
		c.print = newCSVPrinter(c.out)
	case fl.Bool("table") || isTerminal(c.out) && !fl.Bool("json") && !fl.Bool("names") && !fl.Bool("no-names"):
		c.print = &tablePrinter{w: c.out}
		if settings.Values == "" {
			settings.Values = "described"
		}
	default:
		c.print = &jsonPrinter{w: c.out}
	}
	var err error
	if c.options, err = m.Options(settings); err != nil {
		return nil, err
	}
	only, omit, keepers, err := patternFlags(fl)
	if err != nil {
		return nil, err
	}
	keep, err := (&exif.Patterns{Only: only, Omit: omit, Keep: keepers, Fold: true, More: m.Vocabulary}).Filter()
	if err != nil {
		return nil, err
	}
	if len(keepers) > 0 {
		if c.keep, err = (&exif.Patterns{Only: keepers, Fold: true, More: m.Vocabulary}).Filter(); err != nil {
			return nil, err
		}
	}
	c.filtered = keep != nil
	c.options.Keep = both(c.options.Keep, keep)
	if !isTerminal(c.out) && isTerminal(c.errs) {
		c.progress = newProgress(c.errs, c.cleanup)
	}
	return c, nil
}

// both returns a filter for the tags that both filters let through. A nil filter lets all through.
func both(a, b func(name string) bool) func(name string) bool {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	return func(name string) bool { return a(name) && b(name) }
}

// expandGlobs replaces arguments such as *.jpg with the files they match. It keeps an argument that is a
// file or that matches none.
func expandGlobs(args []string) []string {
	var names []string
	for _, arg := range args {
		if _, err := os.Lstat(arg); err != nil && strings.ContainsAny(arg, "*?[") {
			if matches, err := filepath.Glob(arg); err == nil && len(matches) > 0 {
				names = append(names, matches...)
				continue
			}
		}
		names = append(names, arg)
	}
	return names
}

// run does what the flags ask for with the files, and the images in the folders, in the order of the arguments.
func (c *command) run(args []string, fl caddycmd.Flags) error {
	switch out := fl.String("redact"); {
	case fl.Bool("force") && !fl.Changed("redact"):
		return errors.New("--force is for --redact: it writes copies again that haven't changed")
	case fl.Changed("redact") && out == "":
		return errors.New("--redact: no folder is given")
	case out == "-":
		return c.single("--redact -", "image", args, c.redactTo)
	case out != "":
		return c.redact(args, out, fl.Bool("force"))
	}
	if find := pictures[c.operation]; find != nil {
		return c.single("--operation "+c.operation, "picture", args, func(w io.Writer, r io.ReaderAt) error {
			p, err := find(r)
			if err == nil {
				err = p.CopyTo(w)
			}
			return err
		})
	}
	read := readers[c.operation]
	if read == nil {
		return fmt.Errorf("--operation: %s is for the server alone", c.operation)
	}
	images, folders := c.find(args, nil)
	if p, ok := c.print.(*jsonPrinter); ok {
		p.names = fl.Bool("names") || !fl.Bool("no-names") && (folders || len(args) > 1)
	}
	err := c.each(images, func(img image) error {
		err := c.open(img, func(r io.ReaderAt) (err error) {
			c.json, err = read(c, c.json[:0], r)
			return err
		})
		if err != nil {
			return err
		}
		if string(c.json) == "{}" {
			c.count.empty++
		}
		if err := c.print.object(img.name, c.json); err != nil {
			return &outputError{err}
		}
		return nil
	})
	if err == nil {
		err = c.print.end()
	}
	if err == nil && folders {
		without := "EXIF"
		if c.filtered {
			without = "these tags"
		}
		c.summarize("photo", counted{c.count.empty, "without " + without}, counted{c.count.failed, "unreadable"})
	}
	return c.failure(err)
}

// failure returns the error of a run: err, or errReported if a file or folder couldn't be read.
func (c *command) failure(err error) error {
	if err == nil && c.count.failed+c.count.folders > 0 {
		return errReported
	}
	return err
}

// outputError is an error of the output, which ends a run. An error of a file doesn't.
type outputError struct{ error }

// each calls f for each image, prints the errors of files, and counts. It returns an error of the output.
func (c *command) each(images []image, f func(image) error) error {
	defer c.progress.clear()
	for i, img := range images {
		c.progress.show(i, len(images))
		err := f(img)
		var end *outputError
		switch {
		case errors.As(err, &end):
			return end.error
		case img.found && errors.Is(err, exif.ErrNotImage):
			c.count.others++
			continue
		case err != nil:
			c.count.failed++
			c.report(img.name, err)
		}
		c.count.photos++
	}
	return nil
}

// counted is a part of the photos.
type counted struct {
	n    int
	what string
}

// summarize prints how many photos, or whatever noun says, there were in the folders, and the parts of them that aren't zero.
func (c *command) summarize(noun string, parts ...counted) {
	number := func(n int, what string) string {
		if n != 1 {
			what += "s"
		}
		return humanize.Comma(int64(n)) + " " + what
	}
	text := number(c.count.photos, noun)
	if c.count.photos == 0 {
		text = "no " + noun + "s found"
	}
	for _, p := range parts {
		if p.n > 0 {
			text += ", " + humanize.Comma(int64(p.n)) + " " + p.what
		}
	}
	if n := c.count.others; n > 0 {
		text += ", " + number(n, "other file") + " skipped"
	}
	if n := c.count.folders; n > 0 {
		text += ", " + number(n, "folder") + " unreadable"
	}
	fmt.Fprintln(c.errs, text)
}

// image is a file.
type image struct {
	name  string
	path  string // relative to the folder in which it was found, or else its base name
	found bool   // found in a folder, so skipped if it isn't an image
}

// find returns the files among the arguments, and those in folders. Where several arguments are given, the path
// of what is found in a folder begins with the folder's name. enter is told each folder and its path, and decides
// whether to enter it; nil enters all.
func (c *command) find(args []string, enter func(folder, path string) bool) (images []image, folders bool) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil || !info.IsDir() { // opening it fails if it doesn't exist
			images = append(images, image{name: arg, path: filepath.Base(arg)})
			continue
		}
		folders = true
		below := "."
		if len(args) > 1 {
			if abs, err := filepath.Abs(arg); err == nil { // for . and ..
				below = filepath.Base(abs)
			}
		}
		images = c.walk(images, arg, below, enter)
	}
	return images, folders
}

// walk appends the regular files in the folder and its subfolders, sorted by name. It follows links to
// files, but not to folders, which could form a cycle.
func (c *command) walk(images []image, folder, below string, enter func(folder, path string) bool) []image {
	root := folder
	if !os.IsPathSeparator(root[len(root)-1]) {
		root += string(os.PathSeparator) // the folder itself may be a link
	}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		path := filepath.Join(below, strings.TrimPrefix(name, root))
		switch hidden := name != root && strings.HasPrefix(filepath.Base(name), "."); {
		case hidden && d.IsDir():
			return fs.SkipDir
		case hidden:
		case err != nil:
			c.count.folders++
			c.report(name, err)
		case d.IsDir():
			if enter != nil && !enter(name, path) {
				return fs.SkipDir
			}
		case d.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
				images = append(images, image{name, path, true})
			}
		case d.Type().IsRegular():
			images = append(images, image{name, path, true})
		}
		return nil
	})
	if err != nil {
		c.count.folders++
		c.report(folder, err)
	}
	return images
}

// single writes what f makes of the only file to standard output, which is no text.
func (c *command) single(flags, what string, args []string, f func(w io.Writer, r io.ReaderAt) error) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes one file, not %d", flags, len(args))
	}
	if info, err := os.Stat(args[0]); err == nil && info.IsDir() && args[0] != "-" {
		return fmt.Errorf("%s takes one file, and %s is a folder", flags, printable(args[0]))
	}
	if isTerminal(c.out) {
		return fmt.Errorf("%s writes the %s to standard output, which a terminal can't show: add > FILE", flags, what)
	}
	err := c.open(image{name: args[0]}, func(r io.ReaderAt) error { return f(c.out, r) })
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("%s: %s", printable(args[0]), c.message(args[0], err))
	}
	return err
}

// urlScheme matches the beginning of a URL.
var urlScheme = regexp.MustCompile(`^(?i:https?)://`)

// open calls f with a file, or with standard input.
func (c *command) open(img image, f func(io.ReaderAt) error) error {
	file := c.stdin
	if img.name != "-" || img.found {
		var err error
		file, err = os.Open(img.name)
		if err != nil && urlScheme.MatchString(img.name) {
			return fmt.Errorf("this is a URL; try: curl -s '%s' | caddy exif -", img.name)
		}
		if err != nil {
			return err
		}
		defer file.Close()
	}
	if pos, err := file.Seek(0, io.SeekCurrent); err == nil && pos == 0 {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return f(file)
		}
	}
	s := &spool{src: file} // a pipe, or a file that another program has begun to read
	defer s.close()
	return f(s)
}

// report prints the error of a file or a folder.
func (c *command) report(name string, err error) {
	c.progress.clear()
	fmt.Fprintf(c.errs, "%s: %s\n", printable(name), c.message(name, err))
}

// message returns an error's text for the terminal: the server's message if there is one, and without the
// file's name, which is printed before it.
func (c *command) message(name string, err error) string {
	var p *fs.PathError
	if explained := c.module.Explain(err); explained != nil {
		err = explained
	} else if errors.As(err, &p) && p.Path == name {
		err = p.Err
	}
	return printable(err.Error())
}
