package caddyexif

import (
	"errors"
	"strings"
)

// suffixMark begins the suffix for an operation, which follows the object's path. The operation's word, in
// any letter case, ends it.
const suffixMark = "@base@tag="

// Errors of paths that ask for an operation and can't be served.
var (
	errTrailing = errors.New("the path must end with " + suffixMark + " and the operation's word")
	errNoObject = errors.New("the path before " + suffixMark + " names no object")
)

// parseTarget splits a decoded request path into the object's path and the operation. The operation
// is nil if the path asks for none of ops. err is set if it asks for one and can't be served. With folders,
// the object may be a folder, whose path ends with a slash.
func parseTarget(path string, ops []*operation, folders bool) (object string, op *operation, err error) {
	for from := 0; ; {
		i := strings.Index(path[from:], suffixMark)
		if i < 0 {
			return "", nil, nil
		}
		i += from
		from = i + len(suffixMark)
		word := path[from:]
		for n := range len(word) {
			if !wordByte(word[n]) {
				word = word[:n]
				break
			}
		}
		for _, op := range ops {
			if !strings.EqualFold(word, op.word) {
				continue
			}
			object = path[:i]
			switch {
			case from+len(word) < len(path):
				return "", op, errTrailing
			case object == "" || isFolder(object) && (!folders || !op.ofFolders()):
				return "", op, errNoObject
			}
			return object, op, nil
		}
	}
}

// isFolder reports whether a path is a folder's.
func isFolder(path string) bool { return strings.HasSuffix(path, "/") }

// wordByte reports whether c may be part of an operation's word.
func wordByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// objectPath returns the path of the object in a path that asks for an operation. ok is false for any other
// path, and for one that can't be served.
func (h *Handler) objectPath(path string) (object string, ok bool) {
	object, op, err := parseTarget(path, h.operations, h.Folders > 0)
	return object, op != nil && err == nil
}
