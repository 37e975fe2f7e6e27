// Package cli has the commands "caddy exif" and "caddy exif-server". The module's package registers them, and
// describes itself to them by a Module, since this package can't import it.
package cli

import (
	"fmt"
	"io"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// Module is what the commands need to know of the HTTP handler.
type Module struct {
	// Operations are the words of all operations, in the order of the documentation.
	Operations []string
	// MaxFolder is the largest number of photos in a folder's answer.
	MaxFolder int
	// SuffixMark precedes an operation's word in a path.
	SuffixMark string
	// Options returns the decoder's options for settings, or the error in them.
	Options func(Settings) (exif.Options, error)
	// Vocabulary has the names beside those of tags that patterns match.
	Vocabulary exif.Vocabulary
	// AppendIPTC appends the answer of the operation iptc for a file.
	AppendIPTC func(dst []byte, r io.ReaderAt, o *exif.Options) ([]byte, error)
	// Explain returns the error that the server would respond with, or nil if the cause says more.
	Explain func(cause error) error
	// ErrNotRedactable is the error for images of formats that can't be redacted.
	ErrNotRedactable error
	// Gallery is the template of the listings of exif-server --browse.
	Gallery string
}

// Settings are the handler's settings that the commands have flags for, as in its JSON.
type Settings struct {
	Operations []string `json:"operations,omitempty"`
	Folders    int      `json:"folders,omitempty"`
	Redact     bool     `json:"redact,omitempty"`
	Values     string   `json:"values,omitempty"`
	Only       []string `json:"only,omitempty"`
	Omit       []string `json:"omit,omitempty"`
	Keep       []string `json:"keep,omitempty"`
	Charset    string   `json:"charset,omitempty"`
	Unknown    bool     `json:"unknown,omitempty"`
}

// patternFlags returns the patterns of --only, --omit and --keep.
func patternFlags(fl caddycmd.Flags) (only, omit, keep []string, err error) {
	if only, err = patternsFlag(fl, "only"); err == nil {
		omit, err = patternsFlag(fl, "omit")
	}
	if err == nil {
		keep, err = patternsFlag(fl, "keep")
	}
	return only, omit, keep, err
}

// patternsFlag returns the patterns of a flag that may occur several times.
func patternsFlag(fl caddycmd.Flags, name string) (patterns []string, err error) {
	lists, err := fl.GetStringArray(name)
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		patterns = append(patterns, exif.SplitPatterns(list)...)
	}
	if fl.Changed(name) && len(patterns) == 0 { // an empty variable must not turn a filter off
		return nil, fmt.Errorf("--%s: no pattern is given", name)
	}
	return patterns, nil
}
