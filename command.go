package caddyexif

import (
	_ "embed"
	"errors"
	"net/http"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddyexif/caddy-exif/internal/cli"
	"github.com/caddyexif/caddy-exif/internal/exif"
)

// gallery is the template of the listings of exif-server --browse.
//
//go:embed examples/gallery/gallery.html
var gallery string

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name: "exif",
		Usage: "[--operation <name>] [--values <style>] [--only <patterns>] [--omit <patterns>] [--keep <patterns>] [--charset <label>] [--unknown] " +
			"[--table | --json | --csv] [--names | --no-names] [--redact <folder> [--force]] (--list-tags | <file or folder>...)",
		Short: "Prints the EXIF of images",
		Long: `
Prints the EXIF of image files, and of every image in the given folders and
their subfolders. The file name - stands for standard input.

In a folder, files that aren't images and names that begin with a dot are
skipped. File contents tell what is an image; names don't matter.

On a terminal the output is a table with descriptions of the values. Elsewhere
it is one JSON object a line, as the server responds. If there can be several,
each begins with its file's name, as "SourceFile"; --no-names leaves it out, and
--names adds it to that of a single file.

  caddy exif photo.jpg
  caddy exif --table ~/Pictures | less
  caddy exif --omit 'gps*,*serialnumber' ~/Pictures > exif.jsonl
  caddy exif --csv ~/Pictures > exif.csv
  caddy exif --operation imageInfo photo.jpg
  caddy exif --operation thumbnail photo.jpg > thumbnail.jpg
  caddy exif --redact public --omit @location ~/Pictures
  curl -s https://example.com/photo.jpg | caddy exif --values typed -

--operation selects what to print: exif, which is the default, imageInfo for the
format, the size and the like, or iptc for what people wrote about the photo:
title, caption, keywords, credit, licence. thumbnail and preview write the smallest or
largest picture embedded in one file to standard output, as JPEG. The thumbnail of a
HEIC or AVIF can be one of that format.

--values, --only, --omit, --keep, --charset and --unknown mean the same as in the
Caddyfile, except that patterns match in any letter case. Separate patterns by
commas or blanks.

--redact writes copies of images and videos to a folder instead: the same pixels,
without anything that the printed EXIF wouldn't tell. Without --omit or --only,
all EXIF stays in them, the place too. The folder mirrors the given one; of
several, each has its own folder in it. Copies have the modes and the times of
the originals. Run it again to copy what is new: copies that have their
original's time and size are skipped. After a change of --only, --omit or
--keep, add --force. Images and videos that can't be redacted are errors.
--redact - writes the copy of one file to standard output.

--list-tags lists all tags with their meaning, in directory order; with --only and
--omit, the tags that they leave. With --csv the list is CSV.

--csv keeps the output in memory until the last file has been read, because its
first line names the tags of all files.

Errors are printed to stderr, and the remaining files are still read. After
folders, a summary is printed there too. If stderr is a terminal and the output
goes elsewhere, a progress bar appears after one second. The exit status is 1 if
a file or folder can't be read, and 0 otherwise.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if list, err := cmd.Flags().GetBool("list-tags"); list || err != nil {
					return errors.Join(err, cobra.NoArgs(cmd, args))
				}
				if len(args) == 0 {
					return errors.New("name files or folders, or - for standard input; caddy exif -h has examples")
				}
				return nil
			}
			cmd.Flags().String("operation", "exif", "What to print: exif, imageInfo, iptc, thumbnail or preview")
			cmd.Flags().String("values", "", "How to render values: raw, described or typed (default described in a table, raw otherwise)")
			cmd.Flags().StringArray("only", nil, "Print only tags whose names match one of the patterns")
			cmd.Flags().StringArray("omit", nil, "Leave out tags whose names match one of the patterns, such as 'gps*'")
			cmd.Flags().StringArray("keep", nil, "Keep tags whose names match one of the patterns, whatever --only and --omit say, such as @credit")
			cmd.Flags().String("charset", "", "The encoding of text that isn't UTF-8 (default latin1)")
			cmd.Flags().Bool("unknown", false, "Print unknown tags too, as UnknownTag_0xabcd")
			cmd.Flags().Bool("table", false, "Print a table, even if the output doesn't go to a terminal")
			cmd.Flags().Bool("json", false, "Print one JSON object a line, even on a terminal")
			cmd.Flags().Bool("names", false, `Print JSON that begins with the file's name, as "SourceFile" (default for several files)`)
			cmd.Flags().Bool("no-names", false, "Print JSON without the files' names")
			cmd.Flags().Bool("list-tags", false, "List all tags instead of reading files")
			cmd.Flags().Bool("csv", false, "Print CSV: a line with the tags' names, then a line for each file")
			cmd.Flags().String("redact", "", "Write copies without other metadata to this folder (- for standard output), instead of printing")
			cmd.Flags().Bool("force", false, "With --redact, copy again what hasn't changed")
			cmd.MarkFlagsMutuallyExclusive("table", "json", "csv", "redact")
			cmd.MarkFlagsMutuallyExclusive("operation", "redact")
			cmd.MarkFlagsMutuallyExclusive("list-tags", "redact")
			cmd.MarkFlagsMutuallyExclusive("table", "names", "csv", "no-names", "redact")
			cmd.RunE = func(cmd *cobra.Command, args []string) error { return cli.EXIF(commands(), cmd, args) }
		},
	})
	caddycmd.RegisterCommand(caddycmd.Command{
		Name: "exif-server",
		Usage: "[--domain <example.com>] [<folder> | --root <folder> | --bucket <url> [--region <region>]] [--listen <addr>] " +
			"[--values <style>] [--only <tags>] [--omit <tags>] [--keep <tags>] [--redact [--thumbnails]] [--browse] [--access-log]",
		Short: "Serves photos, their EXIF and size as JSON, and their embedded pictures",
		Long: `
Serves the photos of a folder or of a bucket. To get a photo's EXIF,
size or embedded pictures, append one of these to its path:

	` + suffixMark + `exif       its EXIF, as JSON
	` + suffixMark + `imageInfo  its format and size, as JSON
	` + suffixMark + `iptc       what people wrote about it, as JSON
	` + suffixMark + `thumbnail  the small picture that is embedded in it
	` + suffixMark + `preview    the largest JPEG that is embedded in it

The folder is the argument or --root; the default is the current one. --bucket
is the URL of a bucket on an S3-compatible store, path style
(https://s3.example.com/photos) or virtual-host style
(https://photos.s3.example.com). The bucket must be public, unless there is
--region, which signs requests with the keys that the AWS SDK finds (AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, its files, roles), if it finds any.

The listener's socket address can be customized with --listen; its default is
:2015, which is open to the network. localhost:2015 is open to this machine
alone. If a domain name is given with --domain, the default is the HTTPS port
and the server uses HTTPS. If using a public domain, ensure its A/AAAA records
are properly configured first.

--values renders values as raw, described or typed. --only and --omit filter
tags by name, by patterns such as GPS*, or by the sets @location, @person and
@device. --keep names what neither leaves out, such as @credit. --redact sends
photos and videos without anything that the EXIF answers don't tell: add
--omit '@location @person @device', or they tell the place. There are no thumbnails and previews then, unless there is
--thumbnails: they may show what was cropped or painted over in the photo.
--browse shows folders without an index file as galleries of their photos, and
makes described the default of --values.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Args = cobra.MaximumNArgs(1)
			cmd.Flags().StringP("domain", "d", "", "Domain name at which to serve")
			cmd.Flags().StringP("root", "r", "", "The folder to serve")
			cmd.Flags().StringP("bucket", "u", "", "The URL of the bucket to serve")
			cmd.Flags().StringP("region", "", "", "The region of the bucket; signs requests if keys are found")
			cmd.Flags().StringP("listen", "l", "", "The address to which to bind the listener")
			cmd.Flags().StringP("values", "", "", "How to render values: raw, described or typed")
			cmd.Flags().StringArrayP("only", "", nil, "Answer only tags that match one of the patterns")
			cmd.Flags().StringArrayP("omit", "", nil, "Leave out tags that match one of the patterns")
			cmd.Flags().StringArrayP("keep", "", nil, "Keep tags that match one of the patterns, whatever --only and --omit say, such as @credit")
			cmd.Flags().BoolP("redact", "", false, "Send photos and videos without what the EXIF answers don't tell")
			cmd.Flags().BoolP("thumbnails", "", false, "With --redact, serve embedded pictures: they may show what was cropped or painted over later")
			cmd.Flags().BoolP("browse", "b", false, "Show folders as galleries")
			cmd.Flags().BoolP("access-log", "a", false, "Enable the access log")
			cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) { return cli.Server(commands(), fl) })
		},
	})
}

// commands describes the handler to its commands.
func commands() *cli.Module {
	return &cli.Module{
		Operations: operationWords(),
		MaxFolder:  maxFolder,
		SuffixMark: suffixMark,
		Options: func(s cli.Settings) (exif.Options, error) {
			h := Handler{Redact: s.Redact, Values: s.Values, Only: s.Only, Omit: s.Omit, Keep: s.Keep, Charset: s.Charset, Unknown: s.Unknown}
			return h.exifOptions()
		},
		Vocabulary: vocabulary,
		AppendIPTC: appendIPTC,
		Explain: func(cause error) error {
			if f := failureOf(cause); f.status < http.StatusInternalServerError {
				return f
			}
			return nil
		},
		ErrNotRedactable: errNotRedactable,
		Gallery:          gallery,
	}
}
