package caddyexif

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name: "exif",
		Usage: "[--values <style>] [--only <patterns>] [--omit <patterns>] [--charset <label>] [--unknown] " +
			"[--json] [--names] <file or folder>...",
		Short: "Prints the EXIF of images",
		Long: `
Prints the EXIF of files, and of all images in folders and the folders in them.
The file - is the standard input.

In a folder, files that are no images are skipped, and so are files and folders
whose names begin with a dot. What is an image is told from the bytes.

On a terminal the EXIF is printed as a table for people, with values described.
Elsewhere, or with --json, one JSON object a line is printed: exactly what the
server answers for that file. With --names each object begins with the file's
name, as "SourceFile".

  caddy exif photo.jpg
  caddy exif --omit 'GPS*,*SerialNumber' --names ~/Pictures > exif.jsonl
  curl -s https://example.com/photo.jpg | caddy exif --values typed -

--values, --only, --omit, --charset and --unknown mean what they do in the
Caddyfile. Patterns are separated by commas or blanks.

Where the lines don't go to a terminal, but the error output does, a progress
bar is shown there after a second.

A file that can't be answered is said on the error output, and the others are
printed all the same; the exit status is 1 then, and 0 if all were answered.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Args = cobra.MinimumNArgs(1)
			cmd.Flags().String("values", "", "How values are rendered: raw, described or typed (default described in a table, raw in JSON)")
			cmd.Flags().StringArray("only", nil, "Print only tags whose names match one of the patterns")
			cmd.Flags().StringArray("omit", nil, "Leave out tags whose names match one of the patterns, such as 'GPS*'")
			cmd.Flags().String("charset", "", "The encoding of text that isn't UTF-8 (default latin1)")
			cmd.Flags().Bool("unknown", false, "Print tags of no standard, too, as UnknownTag_0xabcd")
			cmd.Flags().Bool("json", false, "Print one JSON object a line, on a terminal, too")
			cmd.Flags().Bool("names", false, `Print JSON, too, and begin each object with the file's name, as "SourceFile"`)
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
	c.run(args)
	switch {
	case c.broken != nil && !errors.Is(c.broken, syscall.EPIPE):
		return c.broken
	case c.failed > 0 || c.broken != nil:
		cmd.SilenceErrors = true // each was said
		return errors.New("not all files were answered")
	}
	return nil
}

// exifCommand is one run of the exif command.
type exifCommand struct {
	options  exif.Options
	table    bool // for people, instead of JSON lines
	names    bool // each line tells its file
	out      io.Writer
	errs     io.Writer
	stdin    *os.File
	progress *progress // nil: none is shown

	printed int   // files
	failed  int   // files and folders
	broken  error // the output can't be written to
}

func newExifCommand(cmd *cobra.Command) (*exifCommand, error) {
	fl := caddycmd.Flags{FlagSet: cmd.Flags()}
	c := &exifCommand{
		table: isTerminal(os.Stdout) && !fl.Bool("json") && !fl.Bool("names"),
		names: fl.Bool("names"),
		out:   os.Stdout,
		errs:  os.Stderr,
		stdin: os.Stdin,
	}
	handler := Handler{Values: fl.String("values"), Charset: fl.String("charset"), Unknown: fl.Bool("unknown")}
	if handler.Values == "" && c.table {
		handler.Values = "described"
	}
	for name, to := range map[string]*[]string{"only": &handler.Only, "omit": &handler.Omit} {
		lists, err := fl.GetStringArray(name)
		if err != nil {
			return nil, err
		}
		for _, list := range lists {
			*to = append(*to, splitPatterns(list)...)
		}
		if fl.Changed(name) && len(*to) == 0 { // an empty variable must not turn a filter off
			return nil, fmt.Errorf("--%s: no pattern is given", name)
		}
	}
	var err error
	if c.options, err = handler.exifOptions(); err != nil {
		return nil, err
	}
	if !isTerminal(os.Stdout) && isTerminal(os.Stderr) {
		c.progress = &progress{w: os.Stderr, started: time.Now()}
	}
	return c, nil
}

// image is a file to be printed.
type image struct {
	name  string
	found bool // in a folder, so it is skipped if it is no image
}

// run prints the files and what is in the folders, in that order.
func (c *exifCommand) run(args []string) {
	var images []image
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err == nil && info.IsDir() {
			images = c.walk(images, arg)
		} else {
			images = append(images, image{name: arg}) // if it isn't there, that is said in its turn
		}
	}
	defer func() {
		c.progress.clear()
		if c.printed+c.failed == 0 {
			fmt.Fprintln(c.errs, "no images found")
		}
	}()
	for i, img := range images {
		c.progress.show(i, len(images))
		m, err := c.decode(img)
		if img.found && errors.Is(err, exif.ErrNotImage) {
			continue
		}
		if err != nil {
			c.fail(img.name, err)
			continue
		}
		if c.broken = c.print(img.name, m); c.broken != nil {
			return
		}
	}
}

// walk appends the regular files in the folder and in the folders in it, by name. Links to files
// are followed, links to folders are not: they may lead in circles.
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
				images = append(images, image{name, true})
			}
		case d.Type().IsRegular():
			images = append(images, image{name, true})
		}
		return nil
	})
	if err != nil {
		c.fail(folder, err)
	}
	return images
}

// decode reads the EXIF of a file, or of the standard input.
func (c *exifCommand) decode(img image) (*exif.Metadata, error) {
	f := c.stdin
	if img.name != "-" || img.found {
		var err error
		if f, err = os.Open(img.name); err != nil {
			return nil, err
		}
		defer f.Close()
	}
	if pos, err := f.Seek(0, io.SeekCurrent); err == nil && pos == 0 {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return exif.Decode(f, &c.options)
		}
	}
	s := &spool{src: f} // a pipe, or a file that somebody has begun to read
	defer s.close()
	return exif.Decode(s, &c.options)
}

// fail says what went wrong with a file.
func (c *exifCommand) fail(name string, err error) {
	c.failed++
	what := err
	var p *fs.PathError
	if f := failureOf(err); f.status < http.StatusInternalServerError {
		what = f // in the server's words
	} else if errors.As(err, &p) && p.Path == name {
		what = p.Err // the name is said already
	}
	c.progress.clear()
	fmt.Fprintf(c.errs, "%s: %s\n", printable(name), printable(what.Error()))
}

// print prints what was read of a file.
func (c *exifCommand) print(name string, m *exif.Metadata) error {
	line, err := m.AppendJSON(nil, &c.options)
	if err != nil {
		c.fail(name, err)
		return nil
	}
	switch {
	case c.table:
		line = c.tableOf(name, line)
	case c.names:
		line = append(withName(name, line), '\n')
	default:
		line = append(line, '\n')
	}
	c.printed++
	_, err = c.out.Write(line)
	return err
}

// withName puts the file's name first in its object.
func withName(name string, object []byte) []byte {
	b := new(bytes.Buffer)
	b.WriteString(`{"SourceFile":`)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(name); err != nil {
		panic(err) // a string can be encoded
	}
	b.Truncate(b.Len() - 1) // Encode ends the line
	if len(object) > len(`{}`) {
		b.WriteByte(',')
	}
	b.Write(object[1:])
	return b.Bytes()
}

// tableOf is the table of a file's answer: its name, then a line for each tag.
func (c *exifCommand) tableOf(name string, object []byte) []byte {
	type row struct{ tag, value string }
	var rows []row
	width := 0
	d := json.NewDecoder(bytes.NewReader(object))
	for token, err := d.Token(); err == nil; token, err = d.Token() {
		tag, ok := token.(string)
		if !ok {
			continue // the object's braces
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			break
		}
		value := string(raw) // numbers, arrays and null as they are
		if raw[0] == '"' {
			if json.Unmarshal(raw, &value) != nil {
				break
			}
		}
		rows = append(rows, row{tag, value})
		width = max(width, len(tag))
	}
	b := new(bytes.Buffer)
	if c.printed > 0 {
		b.WriteByte('\n')
	}
	fmt.Fprintln(b, printable(name))
	for _, r := range rows {
		fmt.Fprintf(b, "  %-*s  %s\n", width, r.tag, printable(r.value))
	}
	if len(rows) == 0 {
		fmt.Fprintln(b, "  no EXIF")
	}
	return b.Bytes()
}

// printable escapes what a terminal would take as a command, or show in another order than it
// stands: a photo's text is a stranger's.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// maxSpool bounds what is read of a stream in search of its EXIF: an offset in a stream without
// end may point anywhere.
const maxSpool = 4 << 30

// spool makes a stream readable at any offset. It reads no further than it is asked to, and keeps
// what it has read in a temporary file.
type spool struct {
	src  io.Reader
	file *os.File
	size int64 // of the file
	err  error // what ended the stream, io.EOF included
}

// ReadAt implements io.ReaderAt.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file == nil {
		f, err := os.CreateTemp("", "caddy-exif-")
		if err != nil {
			return 0, err
		}
		s.file = f
		// gone at once where the system can do that, so that nothing is left behind by whatever
		// ends the program
		_ = os.Remove(f.Name())
	}
	if off > maxSpool {
		return 0, object.ErrTooFar
	}
	if end := off + int64(len(p)); end > s.size && s.err == nil {
		// some more than asked for: the decoder reads small pieces, one behind the other
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

// progress is a line on a terminal that says how far a long run is. Its methods do nothing on nil.
type progress struct {
	w       *os.File
	started time.Time
	shown   time.Time // when last; zero: not on the screen
	trapped bool
}

const (
	// progressAfter is how long a run takes before it is worth a progress bar.
	progressAfter = time.Second
	// progressEvery is how often the bar moves.
	progressEvery = 100 * time.Millisecond
)

// show shows that n of total files are done.
func (p *progress) show(n, total int) {
	if p == nil || time.Since(p.started) < progressAfter || time.Since(p.shown) < progressEvery {
		return
	}
	if !p.trapped {
		p.trapped = true
		p.clearOnInterrupt() // before there is a line that could be left
	}
	p.shown = time.Now()
	p.write(progressLine(n, total, time.Since(p.started), p.columns()))
}

// clear takes the line off the screen.
func (p *progress) clear() {
	if p == nil || p.shown.IsZero() {
		return
	}
	p.shown = time.Time{}
	p.write("")
}

// write puts the line on the screen in place of what was there.
func (p *progress) write(line string) {
	fmt.Fprintf(p.w, "\r%*s\r%s", p.columns(), "", line)
}

// columns is how long the line may be; in a terminal's last column the cursor may wrap.
func (p *progress) columns() int {
	columns, _, err := term.GetSize(fd(p.w))
	if err != nil || columns < 2 {
		return 79
	}
	return columns - 1
}

// clearOnInterrupt takes the line off the screen when the user interrupts the run, and then lets
// the interrupt do what it does.
func (p *progress) clearOnInterrupt() {
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt)
	go func() {
		<-interrupt
		signal.Reset(os.Interrupt)
		p.write("")
		if self, err := os.FindProcess(os.Getpid()); err != nil || self.Signal(os.Interrupt) != nil {
			os.Exit(exitInterrupted) // Windows can't send it
		}
	}()
}

// exitInterrupted is what shells say of a program that was interrupted: 128 and the signal.
const exitInterrupted = 130

// progressLine is a bar, the files done, and the time left at the pace so far.
func progressLine(n, total int, elapsed time.Duration, columns int) string {
	line := fmt.Sprintf(" %d/%d", n, total)
	if n > 0 {
		left := elapsed / time.Duration(n) * time.Duration(total-n)
		line += fmt.Sprintf("  %s left", left.Round(time.Second))
	}
	if room := min(columns-len(line)-len("[]"), 40); room >= 10 {
		done := room * n / total
		line = "[" + strings.Repeat("#", done) + strings.Repeat("-", room-done) + "]" + line
	}
	return line[:min(len(line), columns)]
}

func isTerminal(f *os.File) bool { return term.IsTerminal(fd(f)) }

func fd(f *os.File) int { return int(f.Fd()) }
