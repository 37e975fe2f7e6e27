package caddyexif

import (
	"net/http"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/object"
)

// Entity tags (RFC 9110, section 8.8.3). A response's tag is the object's tag with a mark of the settings
// appended. So the object's tag can be derived from it: a client's If-None-Match translates into one for
// the object, and a 304 needs no state.

// entityTag reports whether s is an entity tag, strong or weak.
func entityTag(s string) bool { return object.StrongTag(strings.TrimPrefix(s, "W/")) }

// markTag returns the response's tag for an object's tag, or "" if that isn't an entity tag.
func markTag(tag, mark string) string {
	if !entityTag(tag) {
		return ""
	}
	return tag[:len(tag)-1] + mark + `"`
}

// objectTags returns the object's tags for those tags of an If-None-Match field that have the mark.
func objectTags(field []string, mark string) (tags []string) {
	for _, f := range field {
		for t := range strings.SplitSeq(f, ",") {
			t = strings.TrimSpace(t)
			if o, ok := strings.CutSuffix(t, mark+`"`); ok && entityTag(t) {
				tags = append(tags, o+`"`)
			}
		}
	}
	return tags
}

// objectCondition translates a client's condition on the response into one on the object.
func objectCondition(r http.Header, mark string) object.Condition {
	if inm := r.Values("If-None-Match"); len(inm) > 0 {
		if tags := objectTags(inm, mark); len(tags) > 0 {
			return object.Condition{Name: "If-None-Match", Value: strings.Join(tags, ", ")}
		}
		return object.Condition{} // If-Modified-Since is ignored if there is If-None-Match (RFC 9110, section 13.1.3)
	}
	if ims := r.Get("If-Modified-Since"); ims != "" {
		return object.Condition{Name: "If-Modified-Since", Value: ims}
	}
	return object.Condition{}
}

// notModified reports whether the client's conditions say that it already has the response with that tag
// and header. It is needed for upstreams that ignore conditions.
func notModified(r http.Header, tag string, header http.Header) bool {
	if inm := r.Values("If-None-Match"); len(inm) > 0 {
		for _, f := range inm {
			for t := range strings.SplitSeq(f, ",") {
				t = strings.TrimSpace(t)
				if t == "*" || tag != "" && strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/") {
					return true
				}
			}
		}
		return false
	}
	ims := r.Get("If-Modified-Since")
	if ims == "" {
		return false
	}
	since, err1 := http.ParseTime(ims)
	modified, err2 := http.ParseTime(header.Get("Last-Modified"))
	return err1 == nil && err2 == nil && !modified.After(since)
}
