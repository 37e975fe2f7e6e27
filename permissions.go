package caddyexif

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// The actions that a rule can be about; KS3's names.
const (
	// actionGetObject is reading an object's EXIF.
	actionGetObject = "GetObject"
	// actionListBucket is being told that an object doesn't exist.
	actionListBucket = "ListBucket"
)

// The effects of a rule.
const (
	effectAllow = "allow"
	effectDeny  = "deny"
)

// Permissions are the rules that say who may read EXIF and who may learn that an object doesn't
// exist. No rules at all leave both to the handlers behind. With any rule, an action is held if no
// "deny" rule for it matches the request and some "allow" rule does; everything else is refused.
// The order of the rules doesn't matter.
type Permissions []Rule

// Rule allows or denies actions to the requests it matches.
type Rule struct {
	// Either "allow" or "deny".
	Effect string `json:"effect,omitempty"`

	// What the rule is about: "GetObject" (reading an object's EXIF), "ListBucket" (being answered
	// 404 instead of 403 for an object that doesn't exist), or both. At least one.
	Actions []string `json:"actions,omitempty"`

	// The requests the rule is about, as in a route: any of the matcher sets, all of the matchers
	// in a set. They see the object's request, that is, the path without the suffix. Default: all
	// requests.
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	matcherSets caddyhttp.MatcherSets
	late        bool // handlers behind may change what it matches
}

// provision loads the rules' matchers.
func (p Permissions) provision(ctx caddy.Context) error {
	for i := range p {
		r := &p[i]
		if r.MatcherSetsRaw == nil {
			continue
		}
		for _, set := range r.MatcherSetsRaw {
			r.late = r.late || !early(set)
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

// validate checks the rules' words, and that they let somebody in.
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
				return fmt.Errorf("permissions: rule %d: unknown action %q", i, a)
			}
		}
		readable = readable || r.Effect == effectAllow && slices.Contains(r.Actions, actionGetObject)
	}
	if !readable {
		return errNobody
	}
	return nil
}

var errNobody = errors.New("permissions: no rule allows GetObject, so every request would be refused")

func isAction(s string) bool { return s == actionGetObject || s == actionListBucket }

// early reports whether a matcher set is about nothing but the request, so that the handlers behind,
// who find out who the client is, can't change what it matches. Credentials are none of that: the
// client may be asked for them yet.
func early(set caddy.ModuleMap) bool {
	for name, config := range set {
		switch name {
		case "client_ip", "header", "host", "method", "path", "protocol", "query", "remote_ip":
		case "not":
			var sets []caddy.ModuleMap
			if json.Unmarshal(config, &sets) != nil || slices.ContainsFunc(sets, func(s caddy.ModuleMap) bool { return !early(s) }) {
				return false
			}
			continue
		default:
			return false
		}
		text := strings.ToLower(string(config))
		// a placeholder can stand for anything
		if strings.Contains(text, "authorization") || strings.Contains(strings.TrimPrefix(text, "{"), "{") {
			return false
		}
	}
	return true
}

// holds is the decision: whether the request holds the action, and where it doesn't, whether that is
// final, whatever the handlers behind find out. It fails closed: a matcher that can't decide counts
// as matching in a "deny" rule and as not matching in an "allow" rule; its error is returned for the
// log.
func (p Permissions) holds(action string, r *http.Request) (held, final bool, err error) {
	final = true
	for i := range p {
		rule := &p[i]
		if !slices.Contains(rule.Actions, action) || held && rule.Effect == effectAllow {
			continue
		}
		matches, e := rule.matcherSets.AnyMatchWithError(r) // no sets match everything
		err = errors.Join(err, e)
		switch {
		case rule.Effect == effectDeny && (matches || e != nil):
			return false, !rule.late, err
		case rule.Effect == effectAllow && matches && e == nil:
			held = true
		case rule.Effect == effectAllow && rule.late:
			final = false
		}
	}
	return held, final, err
}
