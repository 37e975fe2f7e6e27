package caddyexif

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// The actions of rules, as KS3 names them.
const (
	// actionGetObject is to read an object's EXIF.
	actionGetObject = "GetObject"
	// actionListBucket is to learn that an object doesn't exist.
	actionListBucket = "ListBucket"
)

// The effects of a rule.
const (
	effectAllow = "allow"
	effectDeny  = "deny"
)

// Permissions are the rules that allow or deny requests to read EXIF, and to learn that an object
// doesn't exist. Without rules, the next handlers decide both. With any rule, an action is allowed
// if no "deny" rule for it matches the request and some "allow" rule does; everything else is denied.
// The order of the rules doesn't matter.
type Permissions []Rule

// Rule allows or denies actions to the requests it matches.
type Rule struct {
	// Either "allow" or "deny".
	Effect string `json:"effect,omitempty"`

	// The actions: "GetObject" (to read an object's EXIF), "ListBucket" (to get 404 instead of 403
	// for an object that doesn't exist), or both. At least one.
	Actions []string `json:"actions,omitempty"`

	// The requests that the rule matches, as in a route: those that satisfy all matchers of any set.
	// The matchers see the request for the object: its path, without the suffix and before the next
	// handlers rewrite it, and the header and variables as the next handlers left them. Default: all
	// requests.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	matcherSets        caddyhttp.MatcherSets
	dynamic            bool // the next handlers can change whether it matches
	remoteIP, clientIP bool // it has a matcher for that address
}

// provision loads the rules' matchers.
func (p Permissions) provision(ctx caddy.Context) error {
	for i := range p {
		r := &p[i]
		for _, set := range r.MatcherSetsRaw {
			r.dynamic = r.dynamic || !isStatic(set)
			remote, client := addressMatchers(set)
			r.remoteIP, r.clientIP = r.remoteIP || remote, r.clientIP || client
		}
		sets, err := ctx.LoadModule(r, "MatcherSetsRaw")
		if err != nil {
			return fmt.Errorf("permissions: rule %d: loading matchers: %w", i, err)
		}
		if err := r.matcherSets.FromInterface(sets); err != nil {
			return fmt.Errorf("permissions: rule %d: %w", i, err)
		}
	}
	return nil
}

// validate checks the rules' words, and that the rules can allow some request to read EXIF.
func (p Permissions) validate() error {
	readable := len(p) == 0
	for i, r := range p {
		if r.Effect != effectAllow && r.Effect != effectDeny {
			return fmt.Errorf("permissions: rule %d: effect %q is neither %s nor %s", i, r.Effect, effectAllow, effectDeny)
		}
		if len(r.Actions) == 0 {
			return fmt.Errorf("permissions: rule %d: no action", i)
		}
		for _, a := range r.Actions {
			if !isAction(a) {
				return fmt.Errorf("permissions: rule %d: unknown action %q, want %s or %s", i, a, actionGetObject, actionListBucket)
			}
		}
		readable = readable || r.Effect == effectAllow && slices.Contains(r.Actions, actionGetObject)
	}
	if !readable {
		return errNoneAllowed
	}
	return nil
}

var errNoneAllowed = errors.New("permissions: no rule allows GetObject, so every request would be refused")

func isAction(s string) bool { return s == actionGetObject || s == actionListBucket }

// isStatic reports whether a matcher set depends only on the request's address, host, method, path,
// protocol and query, so that it can be decided before the next handlers run. Handlers can change
// the header: forward_auth copies fields into it.
func isStatic(set caddy.ModuleMap) bool {
	return consistsOf(set, "client_ip", "host", "method", "path", "path_regexp", "protocol", "query", "remote_ip")
}

// dependsOnClient reports whether a matcher set depends on more than a request's URL and method. A matcher for
// the protocol does: it tells versions of HTTP apart.
func dependsOnClient(set caddy.ModuleMap) bool {
	return !consistsOf(set, "host", "method", "path", "path_regexp", "query")
}

// consistsOf reports whether a matcher set has only the named matchers, inside not as well, and no
// placeholder, which could expand to anything.
func consistsOf(set caddy.ModuleMap, names ...string) bool {
	for name, config := range set {
		if name == "not" {
			var sets []caddy.ModuleMap
			if json.Unmarshal(config, &sets) != nil ||
				slices.ContainsFunc(sets, func(s caddy.ModuleMap) bool { return !consistsOf(s, names...) }) {
				return false
			}
			continue
		}
		if !slices.Contains(names, name) || bytes.Contains(bytes.TrimPrefix(config, []byte("{")), []byte("{")) {
			return false
		}
	}
	return true
}

// addressMatchers reports whether a set has the matchers remote_ip and client_ip, inside not and
// expression as well.
func addressMatchers(set caddy.ModuleMap) (remote, client bool) {
	for name, config := range set {
		switch name {
		case "remote_ip":
			remote = true
		case "client_ip":
			client = true
		case "not", "expression":
			remote = remote || bytes.Contains(config, []byte("remote_ip"))
			client = client || bytes.Contains(config, []byte("client_ip"))
		}
	}
	return remote, client
}

// errAddress is an address that can't be parsed, as on a unix socket. Caddy's own matchers only log
// that and don't match, so a rule that denies by address would let every client in.
var errAddress = errors.New("the client's address can't be parsed, so rules about it can't be decided")

// matches reports whether the rule matches the request.
func (r *Rule) matches(req *http.Request) (bool, error) {
	client, _ := caddyhttp.GetVar(req.Context(), caddyhttp.ClientIPVarKey).(string)
	if r.remoteIP && !isAddress(req.RemoteAddr) || r.clientIP && !isAddress(client) {
		return false, errAddress
	}
	return r.matcherSets.AnyMatchWithError(req) // a rule without sets matches every request
}

// isAddress reports whether Caddy's matchers can parse s, an IP address with or without a port.
func isAddress(s string) bool {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

// decide reports whether the request is allowed the action, and whether a denial is final: whether the
// next handlers can't change it. It fails closed: a matcher that returns an error counts as matching in
// a "deny" rule and as not matching in an "allow" rule. decide returns those errors for the log.
func (p Permissions) decide(action string, r *http.Request) (allowed, final bool, err error) {
	final = true
	for i := range p {
		rule := &p[i]
		if !slices.Contains(rule.Actions, action) || allowed && rule.Effect == effectAllow {
			continue
		}
		matches, e := rule.matches(r)
		err = errors.Join(err, e)
		switch {
		case rule.Effect == effectDeny && (matches || e != nil):
			return false, !rule.dynamic, err
		case matches && e == nil:
			allowed = true
		case rule.Effect == effectAllow && rule.dynamic:
			final = false
		}
	}
	return allowed, final, err
}

// dependOnClient reports whether the rules about GetObject can decide differently for two clients that
// request the same URL.
func (p Permissions) dependOnClient() bool {
	return slices.ContainsFunc(p, func(rule Rule) bool {
		return slices.Contains(rule.Actions, actionGetObject) && slices.ContainsFunc(rule.MatcherSetsRaw, dependsOnClient)
	})
}

// allowed returns decide's result and logs its error. Without rules, everything is allowed.
func (h *Handler) allowed(action string, r *http.Request) (allowed, final bool) {
	if len(h.Permissions) == 0 {
		return true, true
	}
	allowed, final, err := h.Permissions.decide(action, r)
	if err != nil {
		// A matcher's error may quote the request: CEL's "no such key" names the key.
		const failed = "a permission's matcher failed, which counts against the client"
		h.logger.Error(failed, zap.String("action", action), zap.String("cause", publicCause(err)))
		h.logger.Debug(failed, zap.String("action", action), zap.Error(err))
	}
	return allowed, final
}

// tooEarly reports whether the request is TLS 1.3 early data (0-RTT, RFC 8470) and a rule depends on an
// address, which can be forged until the handshake is complete.
func (p Permissions) tooEarly(r *http.Request) bool {
	return r.TLS != nil && !r.TLS.HandshakeComplete &&
		slices.ContainsFunc(p, func(rule Rule) bool { return rule.remoteIP || rule.clientIP })
}

// alreadyDenied reports whether the request is denied whatever the next handlers do, so that they
// needn't run.
func (h *Handler) alreadyDenied(r *http.Request) bool {
	allowed, final := h.allowed(actionGetObject, r)
	return !allowed && final
}

// permit decides on a request after the next handlers have answered with that status and header. It
// returns errDenied, or nil to use their response. That includes a 401 or 407, since the client may
// still log in.
func (h *Handler) permit(r *http.Request, status int, header http.Header) error {
	err := h.permitAction(actionGetObject, r, status)
	if err == nil && isMissing(r, status, header) {
		err = h.permitAction(actionListBucket, r, status)
	}
	return err
}

// permitListing is permit for a folder. Without ListBucket, a folder isn't told from one that doesn't exist.
func (h *Handler) permitListing(r *http.Request, status int, _ http.Header) error {
	return h.permitAction(actionListBucket, r, status)
}

// permitAction returns errDenied unless the request is allowed the action, or may still log in.
func (h *Handler) permitAction(action string, r *http.Request, status int) error {
	if status == http.StatusUnauthorized || status == http.StatusProxyAuthRequired {
		return nil
	}
	if allowed, _ := h.allowed(action, r); !allowed {
		return errDenied
	}
	return nil
}

// isMissing reports whether the response says that there is no object at the request's path. That includes
// a redirect that adds a slash, since it reveals a folder. isMissing compares only the last path element:
// file_server redirects to the path before rewrites, an upstream to its own.
func isMissing(r *http.Request, status int, header http.Header) bool {
	if status == http.StatusNotFound || status == http.StatusGone {
		return true
	}
	if status < 300 || status >= 400 {
		return false
	}
	to, err := r.URL.Parse(header.Get("Location")) // r.URL itself without one
	return err == nil && strings.HasSuffix(to.Path, "/"+path.Base(r.URL.Path)+"/")
}
