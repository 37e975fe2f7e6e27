package caddyexif

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("exif", parseCaddyfile)
	// exif comes early, since the directives that protect and rewrite by path come after redir. If it
	// ran after them, "basic_auth /private/*.jpg" would not see /private/a.jpg@base@tag=exif.
	httpcaddyfile.RegisterDirectiveOrder("exif", httpcaddyfile.Before, "redir")
}

func parseCaddyfile(helper httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h := new(Handler)
	err := h.unmarshal(helper.Dispenser, helper.WithDispenser)
	return h, err
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	exif [<matcher>] {
//		operations  exif|imageInfo|thumbnail|preview ...
//		redact
//		allow|deny  <action...> [<matcher tokens> | { <matchers> }]
//		values      raw|described|typed
//		only        <pattern...>
//		omit        <pattern...>
//		charset     <encoding label>
//		unknown
//		window      <size>
//		max_read    <size>
//		cache       <size>|off
//		pass_errors
//	}
//
// The actions are GetObject and ListBucket. The matcher tokens of a rule are a matcher's name and
// its arguments (remote_ip private_ranges) or, as in any directive, a path or a named matcher
// (/team/*, @team). The patterns of only and omit are matched against tag names by Go's path.Match;
// separate them with blanks or commas. The sets @location, @person and @device can stand for patterns.
// Every word but allow and deny occurs at most once.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return h.unmarshal(d, nil)
}

// withDispenser returns the Caddyfile's helper, which knows the named matchers, for other tokens.
type withDispenser func(*caddyfile.Dispenser) httpcaddyfile.Helper

func (h *Handler) unmarshal(d *caddyfile.Dispenser, helper withDispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	seen := make(map[string]bool)
	for d.NextBlock(0) {
		word := d.Val()
		if word == effectAllow || word == effectDeny {
			rule, err := parseRule(d, helper)
			if err != nil {
				return err
			}
			h.Permissions = append(h.Permissions, rule)
			continue
		}
		if seen[word] {
			return d.Errf("%s is given twice", word)
		}
		seen[word] = true
		if err := h.parseWord(d, word); err != nil {
			return err
		}
		if err := h.checkSettings(); err != nil {
			return d.WrapErr(err)
		}
	}
	if err := h.Permissions.validate(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// parseWord parses the arguments of a word in the block.
func (h *Handler) parseWord(d *caddyfile.Dispenser, word string) error {
	args := d.RemainingArgs()
	one := func(to *string) error {
		if len(args) != 1 {
			return d.ArgErr()
		}
		*to = args[0]
		return nil
	}
	patterns := func(to *[]string) error {
		for _, a := range args {
			*to = append(*to, exif.SplitPatterns(a)...)
		}
		if len(*to) == 0 {
			return d.ArgErr()
		}
		return nil
	}
	flag := func(to *bool) error {
		if len(args) != 0 {
			return d.ArgErr()
		}
		*to = true
		return nil
	}
	size := func(to *int64) error {
		if len(args) != 1 {
			return d.ArgErr()
		}
		n, err := parseSize(args[0])
		if err != nil && word == "cache" {
			err = fmt.Errorf("%w, or off", err)
		}
		if err != nil {
			return d.Errf("%s: %v", word, err)
		}
		*to = n
		return nil
	}
	switch word {
	case "operations":
		if len(args) == 0 {
			return d.ArgErr()
		}
		h.Operations = args
		return nil
	case "redact":
		return flag(&h.Redact)
	case "values":
		return one(&h.Values)
	case "only":
		return patterns(&h.Only)
	case "omit":
		return patterns(&h.Omit)
	case "charset":
		return one(&h.Charset)
	case "unknown":
		return flag(&h.Unknown)
	case "window":
		return size(&h.Window)
	case "max_read":
		return size(&h.MaxRead)
	case "cache":
		if len(args) == 1 && args[0] == "off" {
			h.Cache = -1
			return nil
		}
		return size(&h.Cache)
	case "pass_errors":
		return flag(&h.PassErrors)
	}
	return d.Errf("unknown word %q, want operations, redact, allow, deny, values, only, omit, charset, unknown, window, max_read, cache or pass_errors", word)
}

// parseSize parses a size in bytes, such as 64KiB. It must be greater than zero.
func parseSize(s string) (int64, error) {
	n, err := humanize.ParseBytes(s)
	if err != nil {
		return 0, fmt.Errorf("bad size %q, want one such as 64KiB", s)
	}
	if n == 0 || n > math.MaxInt64 {
		return 0, fmt.Errorf("size %q is out of range", s)
	}
	return int64(n), nil
}

// parseRule parses an allow or deny rule with its actions and matchers.
func parseRule(d *caddyfile.Dispenser, helper withDispenser) (Rule, error) {
	rule := Rule{Effect: d.Val()}
	nesting := d.Nesting()
	for d.NextArg() {
		word := d.Val()
		if isAction(word) {
			if slices.Contains(rule.Actions, word) {
				return rule, d.Errf("%s is given twice", word)
			}
			rule.Actions = append(rule.Actions, word)
			continue
		}
		if len(rule.Actions) == 0 {
			return rule, d.Errf("unknown action %q, want %s or %s", word, actionGetObject, actionListBucket)
		}
		if word == "*" || strings.HasPrefix(word, "/") || strings.HasPrefix(word, "@") {
			set, err := matcherToken(d, helper)
			if err != nil {
				return rule, err
			}
			if set != nil {
				rule.MatcherSetsRaw = caddyhttp.RawMatcherSets{set}
			}
			if d.NextArg() || d.NextBlock(nesting) {
				return rule, d.Errf("unexpected %q after the rule's matcher", d.Val())
			}
			return rule, nil
		}
		d.Prev() // a matcher's name, with its arguments
		break
	}
	if len(rule.Actions) == 0 {
		return rule, d.Errf("%s wants an action: %s or %s", rule.Effect, actionGetObject, actionListBucket)
	}
	set, err := caddyhttp.ParseCaddyfileNestedMatcherSet(d)
	if err != nil {
		return rule, err
	}
	if len(set) > 0 {
		rule.MatcherSetsRaw = caddyhttp.RawMatcherSets{set}
	}
	return rule, nil
}

// matcherToken parses the current token as a directive's matcher: a path, a named matcher or *.
func matcherToken(d *caddyfile.Dispenser, helper withDispenser) (caddy.ModuleMap, error) {
	if helper == nil {
		return nil, d.Errf("%s can't be used here", d.Val())
	}
	token := d.Token()
	sub := caddyfile.NewDispenser([]caddyfile.Token{token, token})
	sub.Next()
	set, _, err := helper(sub).MatcherToken()
	if err != nil {
		return nil, d.WrapErr(err)
	}
	return set, nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Handler)(nil)
