package caddyexif

import (
	"strconv"
	"strings"
)

// byteRange is the only range of a Range header field (RFC 9110, section 14.1.2).
type byteRange struct {
	n    int64 // its first byte, or how many of the last bytes it has
	last bool  // it has the last bytes
}

// parseRange returns the range of a Range header field. ok is false if there is no range, if there are several,
// or if it isn't one of bytes: such a field is ignored.
func parseRange(field []string) (r byteRange, ok bool) {
	if len(field) != 1 {
		return r, false
	}
	spec, ok := strings.CutPrefix(field[0], "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	if r.last = from == ""; r.last {
		from, to = to, ""
	}
	n, err := strconv.ParseUint(from, 10, 63)
	if _, e := strconv.ParseUint(to, 10, 63); to != "" && e != nil {
		err = e
	}
	r.n = int64(n)
	return r, ok && dash && err == nil
}

// start returns the offset of the range's first byte in an object of that size, -1 if that isn't known.
func (r byteRange) start(size int64) int64 {
	switch {
	case !r.last:
		return r.n
	case size < 0:
		return -1
	}
	return max(0, size-r.n)
}
