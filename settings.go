package caddyexif

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/iptc"
)

const (
	// defaultWindow holds the EXIF of nearly all images that have it near their start. A bucket sends
	// that much in one go anyway.
	defaultWindow = 64 << 10
	// minWindow and maxWindow bound the memory of a request, which is a few windows.
	minWindow = 4 << 10
	maxWindow = 4 << 20
	// defaultMaxRead bounds what one request can make the next handlers read, whatever the layout of its
	// object.
	defaultMaxRead = 16 << 20
	// maxFolder bounds the objects in a folder's response, each of which costs a sub-request.
	maxFolder = 1000
	// defaultCache has room for some ten thousand responses.
	defaultCache = 32 << 20
)

// formatVersion changes when the response to the same object and settings changes, so that clients
// fetch it again instead of using their cached one.
const formatVersion = 7

// styles are the words for the setting values.
var styles = map[string]exif.Style{"raw": exif.Raw, "described": exif.Described, "typed": exif.Typed}

// checkSettings checks the settings that a Caddyfile can get wrong, except for the permissions. Zero
// values stand for defaults. It returns what the settings say: the operations and the decoder's options.
func (h *Handler) checkSettings() (ops []*operation, o exif.Options, err error) {
	switch {
	case h.Window != 0 && (h.Window < minWindow || h.Window > maxWindow):
		return nil, o, fmt.Errorf("window: %d is not between %d (4 KiB) and %d (4 MiB) bytes", h.Window, minWindow, maxWindow)
	case h.MaxRead < 0 || h.MaxRead != 0 && h.MaxRead < max(h.Window, minWindow):
		return nil, o, fmt.Errorf("max_read: %d bytes are less than one window", h.MaxRead)
	}
	if ops, err = operationsOf(h.Operations); err != nil {
		return nil, o, err
	}
	switch {
	case h.Folders < 0 || h.Folders > maxFolder:
		return nil, o, fmt.Errorf("folders: %d is not between 1 and %d objects", h.Folders, maxFolder)
	case h.Folders > 0 && !slices.ContainsFunc(ops, (*operation).ofFolders):
		return nil, o, errors.New("folders: none of the operations can be asked of a folder")
	}
	o, err = h.exifOptions()
	return ops, o, err
}

// exifOptions returns the decoder's options for the settings.
func (h *Handler) exifOptions() (o exif.Options, err error) {
	style, ok := styles[h.Values]
	if !ok && h.Values != "" {
		return o, fmt.Errorf("values: %q is none of raw, described, typed", h.Values)
	}
	o.Style = style
	if h.Dialect != "" {
		if o.Dialect = exif.FindDialect(h.Dialect); o.Dialect == nil {
			return o, fmt.Errorf("dialect: %q is none of %s", h.Dialect, strings.Join(exif.DialectWords(), ", "))
		}
		if h.Values != "" {
			return o, fmt.Errorf("values: the dialect %s has a style of its own; leave out values or dialect", h.Dialect)
		}
	}
	o.Unknown = h.Unknown
	if h.Charset != "" {
		if o.Charset, err = htmlindex.Get(h.Charset); err != nil {
			return o, fmt.Errorf("charset: %q is no label of the WHATWG Encoding Standard", h.Charset)
		}
	}
	patterns := exif.Patterns{Only: h.Only, Omit: h.Omit, Keep: h.Keep, Dialect: o.Dialect, More: vocabulary}
	if o.Keep, err = patterns.Filter(); err != nil {
		return o, err
	}
	if h.Redact {
		o.Keep = withoutPicture(o.Keep)
	}
	return o, nil
}

// vocabulary has the names and sets of IPTC's properties, which patterns match as they match tags.
var vocabulary = exif.Vocabulary{Names: iptc.Names(), Sets: iptc.Sets()}

// withoutPicture returns a filter for the tags that keep lets through (all if it is nil) without those that
// locate an embedded picture: a redacted photo has none.
func withoutPicture(keep func(name string) bool) func(name string) bool {
	return func(name string) bool {
		return !strings.HasPrefix(strings.TrimPrefix(name, "Thumb"), "JPEGInterchangeFormat") && (keep == nil || keep(name))
	}
}

// settingsMark returns a short hash of all settings that shape the response to an operation, or to none.
func (h *Handler) settingsMark(word string) string {
	f := fnv.New32a()
	fmt.Fprintf(f, "%s %d %d %q %q %q %t", word, formatVersion, h.options.Style, h.Only, h.Omit, strings.ToLower(h.Charset), h.Unknown)
	if len(h.Keep) > 0 {
		fmt.Fprintf(f, " keep %q", h.Keep)
	}
	if h.Redact && slices.ContainsFunc(h.operations, func(op *operation) bool { return op.word == iptcWord }) {
		fmt.Fprint(f, " iptc")
	}
	if h.Redact {
		fmt.Fprint(f, " redact")
	}
	if h.Dialect != "" {
		fmt.Fprint(f, " dialect ", h.Dialect)
	}
	return fmt.Sprintf("-exif%08x", f.Sum32())
}
