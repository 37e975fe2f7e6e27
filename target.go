package caddyexif

import (
	"errors"
	"strings"
)

// suffix is what a request for EXIF adds to the object's path. Its last word may be in any letter
// case.
const suffix = "@base@tag=exif"

// Why a path that asks for EXIF can't be served.
var (
	errFollowed = errors.New("the path must end with " + suffix)
	errNoObject = errors.New("the path before " + suffix + " names no object")
)

// parseTarget splits a decoded request path into the object's path and the suffix. ours is false
// for paths that don't ask for EXIF. err is set for those that do and can't be served.
func parseTarget(path string) (object string, ours bool, err error) {
	const tag = len("exif")
	mark := suffix[:len(suffix)-tag]
	for from := 0; ; {
		i := strings.Index(path[from:], mark)
		if i < 0 {
			return "", false, nil
		}
		i += from
		from = i + len(mark)
		rest := path[from:]
		if len(rest) < tag || !strings.EqualFold(rest[:tag], "exif") {
			continue
		}
		rest = rest[tag:]
		if rest != "" && wordByte(rest[0]) {
			continue // a tag of another name, such as exifx
		}
		object = path[:i]
		switch {
		case rest != "":
			return "", true, errFollowed
		case object == "" || object[len(object)-1] == '/':
			return "", true, errNoObject
		}
		return object, true, nil
	}
}

// wordByte reports whether c may be part of a tag's name.
func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// objectPath is the path of the object that a path asks for the EXIF of. ok is false for paths that
// don't, or can't be served.
func objectPath(path string) (object string, ok bool) {
	object, ours, err := parseTarget(path)
	return object, ours && err == nil
}
