package caddyexif

import (
	"bytes"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/redact"
)

// verb is what to do with a response.
type verb uint8

const (
	pass          verb = iota // send it unchanged
	redactWhole               // redact it, with a plan
	passEmpty                 // send the header of a response without a body
	passPart                  // send a part of an object that was seen to need no redaction
	redactPart                // redact a part, with the plan that there is
	refuse                    // send an error
	againPlain                // ask again, without a coding
	againWhole                // ask again, without the client's Range
	againAnew                 // ask again: the object isn't the one that was seen
	wantMore                  // hold more of the body, which could change the verdict
	needCondition             // a 304, which depends on what the client has
)

// action is what decide says.
type action struct {
	verb   verb
	format string // of an image or a video
	listed bool   // with pass and passEmpty: only header fields on the list, and no trailers
	err    error  // to send, with refuse
}

// facts are what decide knows of a response.
type facts struct {
	status     int
	header     http.Header
	head       []byte // the first bytes of the body, decoded
	broken     bool   // they can't be decoded
	more       bool   // more of the body can be held
	repeatable bool   // the next handlers may run again
	writes     bool   // the response is about what the client has sent
	identity   bool   // the object was asked for without a coding
	ranged     bool   // the client's Range was passed on
	planned    string // the format of the plan, if there is one
	same       bool   // the object is the one that the plan, or the look, is about
	matched    bool   // our own If-Match was sent
	otherMatch bool   // the client's If-Match has only tags of what other clients get
	otherRange bool   // so has its If-Range
}

// isPart reports whether the body is a part of the object, as some stores send it with 200.
func isPart(status int, header http.Header) bool {
	return status == http.StatusPartialContent ||
		status != http.StatusRequestedRangeNotSatisfiable && strings.Join(header.Values("Content-Range"), "") != ""
}

// early decides on a response by its status and header alone, if that is possible.
func early(r facts) (act action, ok bool) {
	part := isPart(r.status, r.header)
	switch {
	case r.status == http.StatusSwitchingProtocols:
		return action{verb: passEmpty}, true
	case r.status == http.StatusNoContent:
		return action{verb: passEmpty, listed: !r.writes && isObjects(r.header)}, true
	case r.status == http.StatusNotModified:
		return action{verb: needCondition}, true
	case r.status == http.StatusPreconditionFailed && r.matched:
		return action{verb: againAnew}, true
	case r.status < 300 && r.otherMatch && r.repeatable:
		return action{verb: refuse, err: errPrecondition}, true
	case part && !r.ranged:
		return action{verb: refuse, err: object.ErrUnusable}, true
	case !r.same && (part || r.status == http.StatusOK && r.planned != ""):
		return action{verb: againAnew}, true
	case part && (codingOf(r.header) != plain || r.otherRange):
		return action{verb: againWhole}, true
	case part && r.planned != "":
		return action{verb: redactPart}, true
	case part && !startsAtZero(r.header):
		return action{verb: passPart}, true
	}
	return action{}, false
}

// decide says what to do with a response. It passes nothing that it doesn't know: whatever a client or an
// upstream says, the first bytes count, and a response that claims to be an image or a video must be a known one.
func decide(r facts) action {
	if act, ok := early(r); ok {
		return act
	}
	claim := claimOf(r.header)
	code := codingOf(r.header)
	verdict, format, more := sniff(r.head)
	switch {
	case more && r.more:
		return action{verb: wantMore}
	case claim == claimsParts:
		return action{verb: refuse, format: "multipart", err: errNotRedactable}
	case r.broken:
		return action{verb: refuse, err: object.ErrEncoded}
	case verdict == redact.Redact && code != plain:
		// A response that says itself that it is a picture is coded on purpose, and would be each time.
		if r.identity || !r.repeatable || claim == claimsPicture {
			return action{verb: refuse, err: object.ErrEncoded}
		}
		return action{verb: againPlain}
	case verdict == redact.Redact && isPart(r.status, r.header):
		return action{verb: againWhole}
	case r.status == http.StatusOK && r.planned != "" && format != r.planned: // it begins as a part would
		return action{verb: againAnew}
	case r.status == http.StatusOK && r.planned != "":
		return action{verb: redactPart}
	case verdict == redact.Redact:
		return action{verb: redactWhole, format: format}
	case verdict == redact.Refuse, claim == claimsPicture && len(r.head) > 0 && format == "":
		return action{verb: refuse, format: format, err: errNotRedactable}
	}
	// An error and a response without a body can have the header of a photo.
	photos := r.status == http.StatusPreconditionFailed || r.status == http.StatusRequestedRangeNotSatisfiable && (r.planned != "" || !r.ranged) ||
		(len(r.head) == 0 || r.status >= 400) && isObjects(r.header)
	return action{verb: pass, listed: !r.writes && photos}
}

// maxCodings bounds the codings around each other that are looked into. There are files that decode to themselves.
const maxCodings = 4

// codedPicture reports whether a body, whose coding was undone, is an image or a video in another one: a file such as
// photo.jpg.gz, or a body that was coded twice. It is one, too, as long as nobody can tell; then more says that more of
// the body might.
func codedPicture(head []byte) (is, more bool) {
	for i := range maxCodings {
		code := fileCoding(head)
		if code == plain || code == "br" && i > 0 {
			return false, false
		}
		inner, ended, err := code.first(head, redact.SniffLen)
		if err != nil {
			return code != "br", false
		}
		if verdict, _ := redact.Sniff(inner); verdict != redact.Pass {
			return true, false
		}
		if len(inner) < redact.SniffLen && !ended {
			return code != "br", true
		}
		head = inner
	}
	return true, false
}

// sniff returns the verdict on a body by its first bytes, with the name of its format, and whether more of the body
// could change it.
func sniff(head []byte) (verdict redact.Verdict, format string, more bool) {
	verdict, format = redact.Sniff(head[:min(len(head), redact.SniffLen)])
	if verdict == redact.Pass {
		var is bool
		if is, more = codedPicture(head); is {
			verdict = redact.Refuse
		}
	}
	return verdict, format, more
}

// fileCoding returns the coding of a file by its first bytes. Whatever isn't text could be br, which has no signature.
func fileCoding(head []byte) coding {
	switch {
	case bytes.HasPrefix(head, []byte("\x1F\x8B\x08")):
		return "gzip"
	case bytes.HasPrefix(head, []byte("\x28\xB5\x2F\xFD")), len(head) > 4 && head[0]&0xF0 == 0x50 && string(head[1:4]) == "\x2A\x4D\x18":
		return "zstd"
	case bytes.ContainsFunc(head, func(c rune) bool { return c < '\t' || c == utf8.RuneError }):
		return "br"
	}
	return plain
}

// isObjects reports whether a header says that it is an object's. Stores answer some requests with nothing but that.
func isObjects(header http.Header) bool {
	return object.StrongTag(header.Get("Etag")) || header.Get("Last-Modified") != "" || claimOf(header) == claimsPicture
}

// startsAtZero reports whether a Content-Range begins with the first byte.
func startsAtZero(header http.Header) bool {
	return strings.HasPrefix(header.Get("Content-Range"), "bytes 0-")
}

// claim is what a response says that it is.
type claim uint8

const (
	claimsNothing claim = iota
	claimsEvents        // a stream that a client follows
	claimsPicture       // an image or a video
	claimsParts         // several pictures, one after the other
)

// claimOf returns what the content types of a response say.
func claimOf(header http.Header) (is claim) {
	for _, field := range header.Values("Content-Type") {
		for t := range strings.SplitSeq(field, ",") {
			t, _, _ = strings.Cut(t, ";")
			switch t = strings.ToLower(strings.TrimSpace(t)); {
			case t == "multipart/x-mixed-replace", t == "multipart/byteranges": // several ranges are never asked for
				return claimsParts
			case t == "image/svg+xml", t == "video/mp2t":
			case t == "text/event-stream":
				is = max(is, claimsEvents)
			case strings.HasPrefix(t, "image/"), strings.HasPrefix(t, "video/"):
				is = claimsPicture
			}
		}
	}
	return is
}
