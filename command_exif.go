package caddyexif

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/redact"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name: "exif",
		Usage: "[--operation <name>] [--values <style>] [--only <patterns>] [--omit <patterns>] [--charset <label>] " +
			"[--unknown] [--table | --json | --names | --csv | --redact <folder>] (--list-tags | <file or folder>...)",
		Short: "Prints the EXIF of images",
		Long: `
Prints the EXIF of image files, and of every image in the given folders and
their subfolders. The file name - stands for standard input.

In a folder, files that aren't images and names that begin with a dot are
skipped. File contents tell what is an image; names don't matter.

On a terminal the output is a table with descriptions of the values. Elsewhere
it is one JSON object a line, exactly as the server responds.

  caddy exif photo.jpg
  caddy exif --table ~/Pictures | less
  caddy exif --omit 'gps*,*serialnumber' --names ~/Pictures > exif.jsonl
  caddy exif --csv ~/Pictures > exif.csv
  caddy exif --operation imageInfo photo.jpg
  caddy exif --operation thumbnail photo.jpg > thumbnail.jpg
  caddy exif --redact public --omit @location ~/Pictures
  curl -s https://example.com/photo.jpg | caddy exif --values typed -

--operation selects what to print: exif, which is the default, or imageInfo for
the format, the size and the like. thumbnail and preview write the smallest or
largest picture embedded in one file to standard output, as JPEG.

--values, --only, --omit, --charset and --unknown mean the same as in the
Caddyfile, except that patterns match in any letter case. Separate patterns by
commas or blanks.

--redact writes copies of the images to a folder instead: the same pixels,
without anything that the printed EXIF wouldn't tell. Files that exist there
already, and images of formats that can't be redacted, are errors.

--list-tags lists all tags with their meaning, in directory order; with --only and
--omit, the tags that they leave. With --csv the list is CSV.

--csv keeps the output in memory until the last file has been read, because its
first line names the tags of all files.

Errors are printed to stderr, and the remaining files are still printed. After
folders, a summary is printed there too. If stderr is a terminal and the output
goes elsewhere, a progress bar appears after one second. The exit status is 1 if
a file or folder can't be read, and 0 otherwise.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if list, err := cmd.Flags().GetBool("list-tags"); list || err != nil {
					return errors.Join(err, cobra.NoArgs(cmd, args))
				}
				return cobra.MinimumNArgs(1)(cmd, args)
			}
			cmd.Flags().String("operation", "exif", "What to print: exif, imageInfo, thumbnail or preview")
			cmd.Flags().String("values", "", "How to render values: raw, described or typed (default described in a table, raw otherwise)")
			cmd.Flags().StringArray("only", nil, "Print only tags whose names match one of the patterns")
			cmd.Flags().StringArray("omit", nil, "Leave out tags whose names match one of the patterns, such as 'gps*'")
			cmd.Flags().String("charset", "", "The encoding of text that isn't UTF-8 (default latin1)")
			cmd.Flags().Bool("unknown", false, "Print unknown tags too, as UnknownTag_0xabcd")
			cmd.Flags().Bool("table", false, "Print a table, even if the output doesn't go to a terminal")
			cmd.Flags().Bool("json", false, "Print one JSON object a line, even on a terminal")
			cmd.Flags().Bool("names", false, `Print JSON that begins with the file's name, as "SourceFile"`)
			cmd.Flags().Bool("list-tags", false, "List all tags instead of reading files")
			cmd.Flags().Bool("csv", false, "Print CSV: a line with the tags' names, then a line for each file")
			cmd.Flags().String("redact", "", "Write copies without other metadata to this folder, instead of printing")
			cmd.MarkFlagsMutuallyExclusive("table", "json", "csv", "redact")
			cmd.MarkFlagsMutuallyExclusive("operation", "redact")
			cmd.MarkFlagsMutuallyExclusive("list-tags", "redact")
			cmd.MarkFlagsMutuallyExclusive("table", "names", "csv")
			cmd.RunE = runExif
		},
	})
}

// runExif runs the exif command.
func runExif(cmd *cobra.Command, args []string) error {
	c, err := newExifCommand(cmd)
	if err != nil {
		return err
	}
	if fl := (caddycmd.Flags{FlagSet: cmd.Flags()}); fl.Bool("list-tags") {
		return listTags(c.out, c.options.Keep, fl.Bool("csv"))
	}
	if runtime.GOOS == "windows" {
		args = expandGlobs(args) // Windows shells don't
	}
	if c.isPicture() {
		return c.picture(args)
	}
	c.run(args)
	switch {
	case c.outErr != nil && !errors.Is(c.outErr, syscall.EPIPE):
		return c.outErr
	case c.failed > 0 || c.outErr != nil:
		cmd.SilenceErrors = true // fail has printed each error
		return errors.New("some files could not be read")
	}
	return nil
}

// exifCommand is one run of the exif command.
type exifCommand struct {
	operation string
	options   exif.Options
	print     printer
	out       *os.File
	errs      *os.File
	stdin     *os.File
	redactTo  string    // the folder for redacted copies; "": none are written
	progress  *progress // nil: none is shown

	printed int   // number of files
	failed  int   // number of files and folders
	skipped int   // number of files in folders that aren't images
	outErr  error // the error that ended the output
}

func newExifCommand(cmd *cobra.Command) (*exifCommand, error) {
	fl := caddycmd.Flags{FlagSet: cmd.Flags()}
	c := &exifCommand{operation: fl.String("operation"), out: os.Stdout, errs: os.Stderr, stdin: os.Stdin}
	if _, err := operationsOf([]string{c.operation}); err != nil {
		return nil, err
	}
	if c.redactTo = fl.String("redact"); c.redactTo == "" && fl.Changed("redact") {
		return nil, errors.New("--redact: no folder is given")
	}
	handler := Handler{Redact: c.redactTo != "", Values: fl.String("values"), Charset: fl.String("charset"), Unknown: fl.Bool("unknown")}
	switch {
	case fl.Bool("csv"):
		c.print = newCSVPrinter(c.out)
	case fl.Bool("json"), fl.Bool("names"):
		c.print = &jsonPrinter{w: c.out, names: fl.Bool("names")}
	case fl.Bool("table") || isTerminal(c.out):
		c.print = &tablePrinter{w: c.out}
		if handler.Values == "" {
			handler.Values = "described"
		}
	default:
		c.print = &jsonPrinter{w: c.out}
	}
	var err error
	if c.options, err = handler.exifOptions(); err != nil {
		return nil, err
	}
	only, err := patternsFlag(fl, "only")
	if err != nil {
		return nil, err
	}
	omit, err := patternsFlag(fl, "omit")
	if err != nil {
		return nil, err
	}
	if c.options.Keep, err = exif.NewFoldFilter(only, omit); err != nil {
		return nil, err
	}
	if c.redactTo != "" {
		c.options.Keep = withoutPicture(c.options.Keep)
		c.print = &redactPrinter{} // writes nothing
	}
	if !isTerminal(c.out) && isTerminal(c.errs) {
		c.progress = newProgress(c.errs)
	}
	return c, nil
}

// patternsFlag returns the patterns of a flag that may occur several times.
func patternsFlag(fl caddycmd.Flags, name string) (patterns []string, err error) {
	lists, err := fl.GetStringArray(name)
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		patterns = append(patterns, splitPatterns(list)...)
	}
	if fl.Changed(name) && len(patterns) == 0 { // an empty variable must not turn a filter off
		return nil, fmt.Errorf("--%s: no pattern is given", name)
	}
	return patterns, nil
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

// image is a file to print.
type image struct {
	name  string
	path  string // of a redacted copy
	found bool   // found in a folder, so skipped if it isn't an image
}

// run prints the files, and the images in the folders, in the order of the arguments.
func (c *exifCommand) run(args []string) {
	var images []image
	folders := false
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err == nil && info.IsDir() {
			folders = true
			images = c.walk(images, arg)
		} else {
			// opening it fails if it doesn't exist
			images = append(images, image{name: arg, path: filepath.Base(arg)})
		}
	}
	for i, img := range images {
		c.progress.show(i, len(images))
		var object []byte
		var err error
		if c.redactTo != "" {
			err = c.redact(img)
		} else {
			object, err = c.read(img)
		}
		switch {
		case img.found && errors.Is(err, exif.ErrNotImage):
			c.skipped++
			continue
		case err != nil:
			c.fail(img.name, err)
			continue
		}
		c.printed++
		if c.outErr = c.print.object(img.name, object); c.outErr != nil {
			break
		}
	}
	c.progress.clear()
	if c.outErr == nil {
		c.outErr = c.print.end()
	}
	switch {
	case c.outErr != nil || !folders:
	case c.printed+c.failed == 0:
		fmt.Fprintln(c.errs, "no images found")
	default:
		fmt.Fprintf(c.errs, "%s answered, %s failed, %s no images\n",
			humanize.Comma(int64(c.printed)), humanize.Comma(int64(c.failed)), humanize.Comma(int64(c.skipped)))
	}
}

// walk appends the regular files in the folder and its subfolders, sorted by name. It follows links to
// files, but not to folders, which could form a cycle.
func (c *exifCommand) walk(images []image, folder string) []image {
	root := folder
	if !os.IsPathSeparator(root[len(root)-1]) {
		root += string(os.PathSeparator) // the folder itself may be a link
	}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch hidden := name != root && strings.HasPrefix(filepath.Base(name), "."); {
		case hidden && d.IsDir():
			return fs.SkipDir
		case hidden:
		case err != nil:
			c.fail(name, err)
		case d.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
				images = append(images, image{name, strings.TrimPrefix(name, root), true})
			}
		case d.Type().IsRegular():
			images = append(images, image{name, strings.TrimPrefix(name, root), true})
		}
		return nil
	})
	if err != nil {
		c.fail(folder, err)
	}
	return images
}

// read returns the operation's result for a file, as a JSON object.
func (c *exifCommand) read(img image) (object []byte, err error) {
	err = c.open(img, func(r io.ReaderAt) error {
		if c.operation == "imageInfo" {
			info, err := exif.ReadInfo(r)
			if err == nil {
				object = info.AppendJSON(nil, c.options.Style)
			}
			return err
		}
		m, err := exif.Decode(r, &c.options)
		if err == nil {
			object, err = m.AppendJSON(nil, &c.options)
		}
		return err
	})
	return object, err
}

// redact writes a redacted copy of a file.
func (c *exifCommand) redact(img image) error {
	return c.open(img, func(r io.ReaderAt) (err error) {
		if _, err := exif.ReadInfo(r); err != nil {
			return err
		}
		name := filepath.Join(c.redactTo, img.path)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // redacted copies are meant to be read by others
			return err
		}
		out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as above
		if err != nil {
			return err
		}
		err = errors.Join(redact.Copy(out, r, &redact.Policy{EXIF: &c.options}), out.Close())
		if err != nil {
			_ = os.Remove(name)
		}
		if errors.Is(err, redact.ErrRefused) {
			return errNotRedactable
		}
		return err
	})
}

// redactPrinter prints nothing.
type redactPrinter struct{}

func (*redactPrinter) object(string, []byte) error { return nil }
func (*redactPrinter) end() error                  { return nil }

// isPicture reports whether the operation returns a picture rather than JSON.
func (c *exifCommand) isPicture() bool { return c.operation == "thumbnail" || c.operation == "preview" }

// picture writes the picture embedded in the only file to standard output.
func (c *exifCommand) picture(args []string) error {
	switch {
	case len(args) != 1:
		return fmt.Errorf("--operation %s takes one file", c.operation)
	case isTerminal(c.out):
		return fmt.Errorf("--operation %s writes a JPEG, which a terminal can't show: add > %[1]s.jpg", c.operation)
	}
	find := exif.FindThumbnail
	if c.operation == "preview" {
		find = exif.FindPreview
	}
	err := c.open(image{name: args[0]}, func(r io.ReaderAt) error {
		p, err := find(r)
		if err == nil {
			_, err = redact.WritePicture(c.out, &p)
		}
		return err
	})
	if err != nil && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("%s: %s", printable(args[0]), message(args[0], err))
	}
	return err
}

// urlScheme matches the beginning of a URL.
var urlScheme = regexp.MustCompile(`^(?i:https?)://`)

// open calls f with a file, or with standard input.
func (c *exifCommand) open(img image, f func(io.ReaderAt) error) error {
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

// fail prints the error of a file that can't be read.
func (c *exifCommand) fail(name string, err error) {
	c.failed++
	c.progress.clear()
	fmt.Fprintf(c.errs, "%s: %s\n", printable(name), message(name, err))
}

// message returns an error's text for the terminal: the server's message if there is one, and without the
// file's name, which is printed before it.
func message(name string, err error) string {
	var p *fs.PathError
	if f := failureOf(err); f.status < http.StatusInternalServerError {
		err = f
	} else if errors.As(err, &p) && p.Path == name {
		err = p.Err
	}
	return printable(err.Error())
}

// maxSpool bounds how much of a stream is read: in an endless stream, an offset may point anywhere.
const maxSpool = 4 << 30

// spool makes a stream readable at any offset. It reads no further than necessary and keeps the bytes in
// a temporary file.
type spool struct {
	src  io.Reader
	file *os.File
	size int64 // of the file
	err  error // the error that ended the stream, io.EOF included
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file == nil {
		f, err := os.CreateTemp("", "caddy-exif-")
		if err != nil {
			return 0, err
		}
		s.file = f
		// Where the system can remove an open file, none is left behind, however the program ends.
		_ = os.Remove(f.Name())
	}
	if off > maxSpool {
		return 0, object.ErrTooFar
	}
	if end := off + int64(len(p)); end > s.size && s.err == nil {
		// The decoder reads small pieces in sequence, so read ahead.
		n, err := io.CopyN(s.file, s.src, end-s.size+defaultWindow)
		s.size += n
		s.err = err
	}
	if s.err != nil && !errors.Is(s.err, io.EOF) {
		return 0, s.err
	}
	return s.file.ReadAt(p, off)
}

func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
