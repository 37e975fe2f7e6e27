package object

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// request rewrites the client's request in place into one for the object. In place, because placeholders
// and other handlers hold the same request. After each run it undoes all that the next handlers did to the
// request: rewrites, header changes, route groups that they consumed.
//
// A dial that reverse_proxy began in one run may outlive it and read Caddy's variables. So the variables
// are never written between runs, and each run after the first has a copy of them. The header map is
// changed between runs nevertheless: if a handler before exif copied the request, as tracing does,
// placeholders read the fields that the next handlers set through the map that both share. A dial reads it
// only for a tls_server_name with {http.request.header.*}.
type request struct {
	r      *http.Request
	client http.Request // as it came
	url    url.URL
	fields []field // the client's header

	object url.URL // the object's
	uri    string
	runs   int

	original    *url.URL // the URL for {http.request.orig_uri.*} and FastCGI
	originalURL url.URL
	repl        *caddy.Replacer     // nil outside Caddy
	groups      map[string]struct{} // the satisfied route groups, which routes keep in the context
	savedGroups map[string]struct{}
}

// field is a field of a request's header.
type field struct {
	name   string
	values []string
}

// origURI is the only placeholder of the original request that isn't read from its URL.
const origURI = "http.request.orig_uri"

// start rewrites r to request the object; close undoes it.
func (q *request) start(r *http.Request, strip func(path string) (object string, ok bool)) {
	*q = request{r: r, client: *r, url: *r.URL, object: *r.URL, fields: q.fields[:0]}
	for name, values := range r.Header {
		q.fields = append(q.fields, field{name, values})
	}
	if path, ok := strip(r.URL.Path); ok {
		CutPath(&q.object, path)
	}
	q.uri = q.object.RequestURI()
	q.repl, _ = r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && orig.URL != nil {
		// A handler that checks the original path must see the object's there, too. If a rewrite before
		// exif changed the path, the suffix may have been in another place.
		if path, ok := strip(orig.URL.Path); ok {
			q.original, q.originalURL = orig.URL, *orig.URL
			CutPath(orig.URL, path)
			if q.repl != nil {
				q.repl.Set(origURI, orig.URL.RequestURI())
			}
		}
	}
	q.groups, _ = r.Context().Value(caddy.CtxKey("route_group")).(map[string]struct{})
	q.savedGroups = maps.Clone(q.groups)
	q.reset()
}

// reset makes the request the object's again, with the client's method and header.
func (q *request) reset() {
	*q.r = q.client
	q.pointAtObject()
	clear(q.r.Header)
	for _, f := range q.fields {
		q.r.Header[f.name] = f.values
	}
	clear(q.groups)
	maps.Copy(q.groups, q.savedGroups)
}

func (q *request) pointAtObject() {
	*q.r.URL = q.object
	q.r.RequestURI = q.uri
}

// close restores the client's request.
func (q *request) close() {
	q.reset()
	*q.r.URL = q.url
	q.r.RequestURI = q.client.RequestURI
	if q.original != nil {
		*q.original = q.originalURL
		if q.repl != nil {
			q.repl.Delete(origURI)
		}
	}
	clear(q.fields)
	*q = request{fields: q.fields}
}

// setHeader deep-copies the client's header except the fields that skip reports, then sets more. The
// copies are needed because handlers change values in place.
func (q *request) setHeader(skip func(name string) bool, more ...field) {
	n := len(more)
	for _, f := range q.fields {
		n += len(f.values)
	}
	values := make([]string, 0, n)
	set := func(f field) {
		from := len(values)
		values = append(values, f.values...)
		q.r.Header[f.name] = values[from:len(values):len(values)]
	}
	clear(q.r.Header)
	for _, f := range q.fields {
		if !skip(f.name) {
			set(f)
		}
	}
	for _, f := range more {
		set(f)
	}
}

// pass runs next once with the client's method and header, after change has modified them.
func (q *request) pass(next caddyhttp.Handler, w http.ResponseWriter, change func(r *http.Request)) error {
	q.begin()
	q.setHeader(func(string) bool { return false })
	change(q.r)
	return next.ServeHTTP(w, q.r)
}

// seen returns a copy of the object's request, with the header and variables as the handlers left them.
func (q *request) seen() *http.Request {
	c := *q
	r := *q.r
	r.URL, r.Header = new(url.URL), maps.Clone(q.r.Header)
	c.r = &r
	c.resetExceptHeader()
	return c.r
}

// begin prepares the request for a run.
func (q *request) begin() {
	q.runs++
	if q.runs == 1 {
		return
	}
	q.reset()
	if vars, ok := q.r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
		*q.r = *q.r.WithContext(context.WithValue(q.r.Context(), caddyhttp.VarsCtxKey, maps.Clone(vars)))
	}
}

// identityOnly is the Accept-Encoding of all sub-requests.
var identityOnly = []string{"identity"}

// ownField reports whether a sub-request omits the client's value of a header field or sets its own:
// conditions, and fields about a range, an encoding, a body or a protocol.
func ownField(name string) bool {
	switch name {
	case "Accept-Encoding", "Content-Length", "Expect", "If", "Range", "Transfer-Encoding", "Upgrade": // "If" is WebDAV's
		return true
	}
	return strings.HasPrefix(name, "If-")
}

// CloneHeader returns a copy of a client's header for a request for a whole object: without conditions and
// without fields about a range, an encoding, a body or a protocol.
func CloneHeader(h http.Header) http.Header {
	c := make(http.Header, len(h))
	for name, values := range h {
		if !ownField(name) {
			c[name] = slices.Clone(values)
		}
	}
	return c
}

// runRange runs next for n bytes of the object at off.
func (q *request) runRange(next caddyhttp.Handler, w *capture, off, n int64, cond Condition) error {
	own := [...]field{
		{"Accept-Encoding", identityOnly},
		{"Range", []string{"bytes=" + strconv.FormatInt(off, 10) + "-" + strconv.FormatInt(off+n-1, 10)}},
		{cond.Name, []string{cond.Value}},
	}
	if cond.Name == "" {
		return q.run(next, w, own[:2]...)
	}
	return q.run(next, w, own[:]...)
}

// run runs next with GET and the client's header without what ownField reports, but with own. The request
// stays as the handlers left it until reset. If they panic with http.ErrAbortHandler, run returns ErrBroken
// or ErrAborted, or nil if they did so because w was cut off.
func (q *request) run(next caddyhttp.Handler, w *capture, own ...field) (err error) {
	q.begin()
	q.r.Method = http.MethodGet
	q.r.Body, q.r.ContentLength, q.r.TransferEncoding = http.NoBody, 0, nil
	q.setHeader(ownField, own...)
	defer func() {
		switch p := recover(); {
		case p == nil:
		case p != http.ErrAbortHandler: //nolint:errorlint // a panic's value
			panic(p)
		case w.cut:
		case w.status != 0 && q.client.Context().Err() == nil:
			// reverse_proxy does so when a body breaks off. Nothing has been sent to our client yet, so it can
			// still get an error.
			err = ErrBroken
		default:
			err = ErrAborted
		}
	}()
	return next.ServeHTTP(w, q.r)
}

// left returns the request as the handlers left it in the last run.
func (q *request) left() Left {
	u := q.r.URL
	l := Left{Host: q.r.Host, Path: u.Path, RawPath: u.RawPath, Query: u.RawQuery}
	if q.repl != nil {
		l.User, _ = q.repl.GetString("http.auth.user.id")
	}
	vars, _ := q.r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	l.Root, _ = vars["root"].(string)
	l.FS, _ = vars["fs"].(string)
	return l
}

// resetExceptHeader makes the request the object's again, except for the header and variables, which stay
// as the handlers left them. Fields that the sub-request set itself are reset to the client's.
func (q *request) resetExceptHeader() {
	ctx, header := q.r.Context(), q.r.Header
	*q.r = q.client
	q.pointAtObject()
	if ctx != q.client.Context() {
		*q.r = *q.r.WithContext(ctx)
	}
	q.r.Header = header
	for name := range header {
		if ownField(name) {
			delete(header, name)
		}
	}
	for _, f := range q.fields {
		if ownField(f.name) {
			header[f.name] = f.values
		}
	}
}

// restore gives a header field the client's value.
func (q *request) restore(name string) {
	delete(q.r.Header, name)
	for _, f := range q.fields {
		if f.name == name {
			q.r.Header[name] = f.values
		}
	}
}

// CutPath sets u's path to object, a prefix of it, and keeps the client's percent-encoding, unless a
// handler before exif changed the path without the encoded one.
func CutPath(u *url.URL, object string) {
	raw := u.RawPath
	if raw != "" && raw == u.EscapedPath() { // otherwise RawPath is stale
		i := 0
		for range len(object) { // each byte of the path is one or three bytes of the raw path
			if raw[i] == '%' {
				i += 3
			} else {
				i++
			}
		}
		raw = raw[:i]
	} else {
		raw = ""
	}
	u.Path, u.RawPath = object, ""
	if raw != "" && raw != u.EscapedPath() {
		u.RawPath = raw
	}
}
