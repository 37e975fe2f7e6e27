package caddyexif

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/intercept"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"
)

// whereToStand is the documentation of the place that exif must have.
const whereToStand = "https://github.com/caddyexif/caddy-exif/blob/main/SECURITY.md#where-exif-must-stand"

// warnOfPlace logs what is wrong with the handler's place among the routes: a matcher that keeps requests for
// operations away, a handler in front that responds to every request, or a guard in front that doesn't match requests
// for operations although it matches the photo. It is called while the handler is provisioned.
func (h *Handler) warnOfPlace(ctx caddy.Context) {
	for _, problem := range h.misplaced(ctx) {
		h.logger.Warn(problem, zap.String("see", whereToStand))
	}
}

// misplaced returns what is wrong with the handler's place.
func (h *Handler) misplaced(ctx caddy.Context) (problems []string) {
	var levels []caddyhttp.RouteList // from the server's routes down to the handler's
	if srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		levels = append(levels, srv.Routes)
	}
	for _, m := range ctx.Modules() {
		if s, ok := m.(*caddyhttp.Subroute); ok {
			levels = append(levels, s.Routes)
		}
	}
	for _, routes := range levels {
		// Caddy provisions the handlers of one route after another. The one in progress leads to this handler.
		i := slices.IndexFunc(routes, func(r caddyhttp.Route) bool { return len(r.HandlersRaw) > 0 && len(r.Handlers) == 0 })
		if i < 0 {
			continue // routes for errors, or named ones
		}
		if pattern, ok := h.blind(routes[i].MatcherSets, true); ok {
			problems = append(problems, fmt.Sprintf("no request for an operation comes to exif: the matcher %q can't match /photo.jpg%s",
				pattern, h.operations[0].suffix()))
		}
		directive := responder(routes[:i])
		if directive == "" { // the Caddyfile's adapter merges routes without matchers
			directive, _ = rawResponder(routes[i].HandlersRaw)
		}
		late := fmt.Sprintf("no request comes to exif: %s responds to all before it: move exif before it", directive)
		if directive != "" && !slices.Contains(problems, late) { // each level around it finds it
			problems = append(problems, late)
		}
		if pattern, ok := h.blindGuard(routes[:i], ""); ok {
			problems = append(problems, fmt.Sprintf("a guard before exif doesn't protect EXIF: the matcher %q matches a photo, but not /photo.jpg%s: move exif before it",
				pattern, h.operations[0].suffix()))
		}
	}
	return problems
}

// responder returns the directive of a handler that responds to every request, so that none goes on to later routes;
// "" if there is none. Behind such a handler, redact redacts nothing.
func responder(routes caddyhttp.RouteList) (directive string) {
	for _, r := range routes {
		if len(r.MatcherSets) > 0 {
			continue
		}
		for _, handler := range r.Handlers {
			switch h := handler.(type) {
			case *caddyhttp.Subroute:
				if directive := responder(h.Routes); directive != "" {
					return directive
				}
			case *caddyhttp.StaticResponse:
				return "respond"
			case *fileserver.FileServer:
				if !h.PassThru {
					return "file_server"
				}
			case *reverseproxy.Handler:
				if len(h.HandleResponse) == 0 { // forward_auth passes requests on
					return "reverse_proxy"
				}
			}
		}
	}
	return ""
}

// rawResponder is responder for the handlers that precede exif in its own route, which aren't loaded yet. end is true
// if it found a responder, or else exif.
func rawResponder(handlers []json.RawMessage) (directive string, end bool) {
	for _, raw := range handlers {
		var h struct {
			Handler        string            `json:"handler"`
			PassThru       bool              `json:"pass_thru"`       // of file_server
			HandleResponse []json.RawMessage `json:"handle_response"` // of reverse_proxy
			Routes         []struct {        // of subroute
				Match  []json.RawMessage `json:"match"`
				Handle []json.RawMessage `json:"handle"`
			} `json:"routes"`
		}
		if err := json.Unmarshal(raw, &h); err != nil {
			continue // of another handler, whose fields have other types
		}
		switch {
		case h.Handler == "exif":
			return "", true
		case h.Handler == "static_response":
			return "respond", true
		case h.Handler == "file_server" && !h.PassThru, h.Handler == "reverse_proxy" && len(h.HandleResponse) == 0:
			return h.Handler, true
		}
		for _, r := range h.Routes {
			if directive, end := rawResponder(r.Handle); end && (directive == "" || len(r.Match) == 0) {
				return directive, true
			}
		}
	}
	return "", false
}

// guardsResponses reports whether a handler of the server may refuse an object because of its response.
func guardsResponses(srv *caddyhttp.Server) bool {
	routes := slices.Clone(srv.Routes)
	for _, r := range srv.NamedRoutes {
		routes = append(routes, *r)
	}
	return responseGuard(routes)
}

// responseGuard reports whether the routes have an intercept, or a reverse_proxy with handle_response that isn't a
// forward_auth, whose response is another one.
func responseGuard(routes caddyhttp.RouteList) bool {
	for _, r := range routes {
		for _, handler := range r.Handlers {
			found := false
			switch h := handler.(type) {
			case *caddyhttp.Subroute:
				found = responseGuard(h.Routes)
			case *intercept.Intercept:
				found = len(h.HandleResponse) > 0
			case *reverseproxy.Handler:
				forwardAuth := h.Rewrite != nil && h.Rewrite.Method != "" && h.Rewrite.URI != ""
				found = slices.ContainsFunc(h.HandleResponse, func(rh caddyhttp.ResponseHandler) bool {
					return !forwardAuth || rh.Match != nil && len(rh.Match.Headers) > 0
				})
			}
			if found {
				return true
			}
		}
	}
	return false
}

// blindGuard returns the matcher of a handler that may refuse requests for photos, but not those for operations.
// outer is such a matcher around the routes.
func (h *Handler) blindGuard(routes caddyhttp.RouteList, outer string) (pattern string, found bool) {
	for _, r := range routes {
		if ofOtherSite(r) {
			continue
		}
		pattern := outer
		if p, ok := h.blind(r.MatcherSets, false); ok {
			pattern = p
		}
		for _, handler := range r.Handlers {
			if s, ok := handler.(*caddyhttp.Subroute); ok {
				if p, ok := h.blindGuard(s.Routes, pattern); ok {
					return p, true
				}
			} else if pattern != "" && mayRefuse(handler) {
				return pattern, true
			}
		}
	}
	return "", false
}

// ofOtherSite reports whether a route that precedes the handler's is that of another site: by nothing but its host,
// it takes its requests away.
func ofOtherSite(r caddyhttp.Route) bool {
	return r.Terminal && len(r.MatcherSets) > 0 && !slices.ContainsFunc(r.MatcherSets, func(set caddyhttp.MatcherSet) bool {
		return slices.ContainsFunc(set, func(m any) bool { _, ok := m.(*caddyhttp.MatchHost); return !ok })
	})
}

// mayRefuse reports whether a handler may refuse a request. Handlers that Caddy doesn't have might.
func mayRefuse(handler caddyhttp.MiddlewareHandler) bool {
	switch h := handler.(type) {
	case *caddyhttp.StaticResponse: // respond, redir and abort
		return h.Abort || h.StatusCode != "" && h.StatusCode[0] != '1' && h.StatusCode[0] != '2'
	case *reverseproxy.Handler: // forward_auth has routes for responses, a proxy to a site usually not
		return len(h.HandleResponse) > 0
	case caddy.Module:
		return !slices.Contains(harmless, h.CaddyModule().ID.Name())
	}
	return true
}

// harmless are the names of Caddy's handlers that refuse no request, or none because of who sends it.
var harmless = []string{
	"copy_response", "copy_response_headers", "encode", "exif", "file_server", "headers", "intercept", "invoke", "log_append",
	"map", "push", "request_body", "rewrite", "templates", "tracing", "vars",
}

// blind returns a pattern of matchers for paths that can't match the path of an operation. With all, no set of
// the matchers must match one.
func (h *Handler) blind(sets caddyhttp.MatcherSets, all bool) (pattern string, found bool) {
	for _, set := range sets {
		p, blind := h.blindSet(set, all)
		switch {
		case blind && !all:
			return p, true
		case !blind && all:
			return "", false
		case blind:
			pattern, found = p, true
		}
	}
	return pattern, found
}

func (h *Handler) blindSet(set caddyhttp.MatcherSet, all bool) (pattern string, found bool) {
	for _, m := range set {
		var patterns []string
		var sees func(pattern string) bool
		switch m := m.(type) {
		case *caddyhttp.MatchPath:
			patterns, sees = *m, h.pathSees
		case *caddyhttp.MatchPathRE:
			patterns, sees = []string{m.Pattern}, h.regexpSees
		default:
			continue
		}
		i := slices.IndexFunc(patterns, func(p string) bool { return !sees(p) })
		if i >= 0 && (!all || !slices.ContainsFunc(patterns, sees)) {
			return patterns[i], true
		}
	}
	return "", false
}

// pathSees reports whether a pattern of a path matcher can match a path that ends with an operation's suffix. It
// can if what follows its last wildcard agrees with the suffix.
func (h *Handler) pathSees(pattern string) bool {
	if unescaped, err := url.PathUnescape(pattern); err == nil {
		pattern = unescaped
	}
	i := strings.LastIndexAny(pattern, "*?]")
	tail := strings.ToLower(pattern[i+1:])
	return slices.ContainsFunc(h.operations, func(op *operation) bool {
		suffix := strings.ToLower(op.suffix())
		return strings.HasSuffix(tail, suffix) || i >= 0 && strings.HasSuffix(suffix, tail)
	})
}

// regexpSees reports whether a regular expression may match a path that ends with an operation's suffix. It may
// unless it has $ after text that is no end of a suffix.
func (h *Handler) regexpSees(pattern string) bool {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || re.Op != syntax.OpConcat || re.Sub[len(re.Sub)-1].Op != syntax.OpEndText {
		return true
	}
	ends, ok := endings(re.Sub[len(re.Sub)-2])
	return !ok || slices.ContainsFunc(ends, func(end string) bool {
		return slices.ContainsFunc(h.operations, func(op *operation) bool {
			return strings.HasSuffix(strings.ToLower(op.suffix()), strings.ToLower(end))
		})
	})
}

// endings returns texts of which each match of an expression ends with one, if there are such.
func endings(re *syntax.Regexp) (ends []string, ok bool) {
	switch re.Op {
	case syntax.OpLiteral:
		return []string{string(re.Rune)}, true
	case syntax.OpCapture, syntax.OpConcat:
		return endings(re.Sub[len(re.Sub)-1])
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			e, ok := endings(sub)
			if !ok {
				return nil, false
			}
			ends = append(ends, e...)
		}
		return ends, true
	}
	return nil, false
}
