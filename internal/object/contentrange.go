package object

import (
	"net/http"
	"strconv"
	"strings"
)

// locateBody returns where the body of a successful response to a range from off on belongs: the offset
// of its first byte, its length and the object's size (-1: not known). Some stores answer a range with 200,
// a Content-Range and a partial body, so the Content-Range counts (RFC 9110, section 14.4).
func locateBody(status int, h http.Header, off int64) (start, length, size int64, err error) {
	cr := h.Get("Content-Range")
	if cr == "" {
		length = ContentLength(h)
		if status != http.StatusPartialContent {
			return 0, length, length, nil
		}
		if strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "multipart/") {
			return 0, 0, 0, ErrUnusable
		}
		return off, length, -1, nil
	}
	return ParseContentRange(cr)
}

// ParseContentRange returns what a Content-Range says of a body: its offset, its length and the object's size
// (-1: not known). If it can't be used, the error is ErrUnusable. SeaweedFS answers a range from the end of an object on with a
// body of no bytes, which ends before it starts.
func ParseContentRange(cr string) (start, length, size int64, err error) {
	unit, rest, _ := strings.Cut(strings.TrimSpace(cr), " ")
	span, total, ok := strings.Cut(rest, "/")
	from, to, ok2 := strings.Cut(span, "-")
	start, err1 := strconv.ParseInt(strings.TrimSpace(from), 10, 64)
	end, err2 := strconv.ParseInt(strings.TrimSpace(to), 10, 64)
	size, err = strconv.ParseInt(strings.TrimSpace(total), 10, 64)
	nothing := err == nil && start == size && end == start-1
	if !strings.EqualFold(unit, "bytes") || !ok || !ok2 || err1 != nil || err2 != nil || end < start && !nothing {
		return 0, 0, 0, ErrUnusable
	}
	if err != nil || size <= end {
		size = -1
	}
	return start, end - start + 1, size, nil
}

// ContentLength returns the length that a header states, -1 if it states none.
func ContentLength(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// identity reports whether the body is the object itself, not an encoding of it (RFC 9110, section 8.4).
func identity(h http.Header) bool {
	for _, v := range h.Values("Content-Encoding") {
		for e := range strings.SplitSeq(v, ",") {
			if e = strings.TrimSpace(e); e != "" && !strings.EqualFold(e, "identity") {
				return false
			}
		}
	}
	return true
}
