// Package container says what a file is (sniff.go) and where its parts are, one file for each format. It
// reads through an io.ReaderAt and touches as few bytes as it can. It knows containers, the segments, chunks
// and boxes that images are made of, and no tags.
//
// Files are untrusted: offsets and lengths are 64 bits wide until checked, and every loop is bounded by the
// input or by a named limit.
package container

import "errors"

var (
	// ErrNotImage means that the file is in no image format that this package knows.
	ErrNotImage = errors.New("exif: not an image of a known format")
	// ErrTooLarge means that reading the file's metadata would exceed a limit of this package.
	ErrTooLarge = errors.New("exif: the EXIF is larger than can be read")
)
