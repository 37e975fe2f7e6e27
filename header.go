package caddyexif

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// passedFields are the header fields of the next handlers that a redacted image or video keeps: HTTP's own, and
// those about caching, cookies and security policies. Any other can tell what redaction removes: object stores
// send user metadata and checksums of the original, each under names of its own.
var passedFields = map[string]bool{
	// RFC 9110 and 9112
	"Accept-Ranges": true, "Allow": true, "Authentication-Info": true, "Connection": true, "Content-Disposition": true,
	"Content-Encoding": true, "Content-Language": true, "Content-Length": true, "Content-Range": true, "Content-Type": true, "Date": true, "Etag": true,
	"Keep-Alive": true, "Last-Modified": true, "Link": true, "Location": true, "Proxy-Authenticate": true, "Retry-After": true,
	"Server": true, "Transfer-Encoding": true, "Vary": true, "Via": true, "Www-Authenticate": true, "Alt-Svc": true,
	// caching (RFC 9111, 9211, 9213)
	"Age": true, "Cache-Control": true, "Cache-Status": true, "Cdn-Cache-Control": true, "Expires": true, "Pragma": true, "Warning": true,
	// cookies and security policies
	"Clear-Site-Data": true, "Content-Security-Policy": true, "Content-Security-Policy-Report-Only": true,
	"Cross-Origin-Embedder-Policy": true, "Cross-Origin-Opener-Policy": true, "Cross-Origin-Resource-Policy": true,
	"Nel": true, "Origin-Agent-Cluster": true, "Permissions-Policy": true, "Referrer-Policy": true, "Report-To": true,
	"Reporting-Endpoints": true, "Set-Cookie": true, "Strict-Transport-Security": true, "Timing-Allow-Origin": true,
	"X-Content-Type-Options": true, "X-Frame-Options": true, "X-Robots-Tag": true, "X-Xss-Protection": true,
	// what a proxy in front needs to know of a stream of events
	"X-Accel-Buffering": true,
}

// passes reports whether a redacted response keeps the field.
func passes(name string) bool {
	return passedFields[name] || strings.HasPrefix(name, "Access-Control-")
}

// keepPassed deletes the fields that the next handlers set and that aren't on the list. before is the header
// as the handlers before exif left it.
func keepPassed(header, before http.Header) {
	for name, values := range header {
		switch was := before[name]; {
		case passes(name) || slices.Equal(values, was):
		case was != nil:
			header[name] = slices.Clone(was)
		default:
			delete(header, name)
		}
	}
}

// replaceHeader makes dst the same as src.
func replaceHeader(dst, src http.Header) {
	clear(dst)
	maps.Copy(dst, src)
}

// makePrivate forbids shared caches to keep the response (RFC 9111, section 5.2.2.7), also those that heed other fields.
func makePrivate(header http.Header) {
	directives := []string{"private"}
	for _, field := range header.Values("Cache-Control") {
		for d := range strings.SplitSeq(field, ",") {
			d = strings.TrimSpace(d)
			name, _, _ := strings.Cut(strings.ToLower(d), "=")
			if !slices.Contains([]string{"", "public", "private", "s-maxage", "proxy-revalidate"}, name) {
				directives = append(directives, d)
			}
		}
	}
	header.Set("Cache-Control", strings.Join(directives, ", "))
	header.Del("Cdn-Cache-Control")
	header.Del("Expires")
}
