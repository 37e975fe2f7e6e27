package caddyexif

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
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
//		operations  exif|imageInfo|iptc|thumbnail|preview ...
//		folders     [<max>]
//		redact
//		allow|deny  <action...> [<matcher tokens> | { <matchers> }]
//		values      raw|described|typed
//		dialect     oss|cos|bos|qiniu|obs
//		only        <pattern...>
//		omit        <pattern...>
//		keep        <pattern...>
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
// (/team/*, @team). The patterns of only, omit and keep are matched against tag names by Go's path.Match;
// and against the names of IPTC's properties; separate them with blanks or commas. With dialect, they match its own names
// as well. The sets @location, @person, @device, @credit and @ai can stand for patterns.
// Every word but allow and deny occurs at most once.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return h.unmarshal(d, nil)
}

// withDispenser returns the Caddyfile's helper, which knows the named matchers, for other tokens.
type withDispenser func(*caddyfile.Dispenser) httpcaddyfile.Helper

func (h *Handler) unmarshal(d *caddyfile.Dispenser, helper withDispenser) error {
	d.Next() // the directive's name
	segment := d.NextSegment()
	h.Dialect = dialectOf(segment)
	d = caddyfile.NewDispenser(segment)
	d.Next()
	if d.NextArg() {
		return argumentError(d)
	}
	seen := make(map[string]bool)
	var apart error // only, omit and keep don't fit together, unless a later word mends it
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
		switch _, _, err := h.checkSettings(); {
		case err == nil:
			apart = nil
		case !errors.Is(err, exif.ErrTogether):
			return d.WrapErr(err)
		case apart == nil:
			apart = d.WrapErr(err)
		}
	}
	if apart != nil {
		return apart
	}
	if err := h.Permissions.validate(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// dialectOf returns the known dialect that a block names, since only and omit may use its names before that.
func dialectOf(block caddyfile.Segment) string {
	for i := 2; i < len(block); i++ {
		word, before := block[i-1], block[i-2]
		if word.Text == "dialect" && (word.Line != before.Line || word.File != before.File) && exif.FindDialect(block[i].Text) != nil {
			return block[i].Text
		}
	}
	return ""
}

// argumentError returns the error for an argument of the directive that is no matcher.
func argumentError(d *caddyfile.Dispenser) error {
	arg := d.Val()
	switch _, isWord := usage[arg]; {
	case isWord || arg == effectAllow || arg == effectDeny:
		return d.Errf("%s belongs into a block: exif { %[1]s ... }, on lines of their own", arg)
	case strings.ContainsAny(arg, "*/."):
		return d.Errf("unexpected %q: a path matcher begins with a slash, others have a name, as in: @photos path %[1]s", arg)
	}
	return d.Errf("unexpected %q: exif takes a matcher, such as /photos/* or @photos, and a block", arg)
}

// usage has an example of the arguments of each word but allow and deny, as an error suggests them.
var usage = map[string]string{
	"operations":  "operations exif imageInfo",
	"folders":     "folders 1000",
	"redact":      "redact",
	"values":      "values typed",
	"dialect":     "dialect oss",
	"only":        "only Make Model",
	"omit":        "omit GPS* @person",
	"keep":        "keep @credit @ai",
	"charset":     "charset gbk",
	"unknown":     "unknown",
	"window":      "window 64KiB",
	"max_read":    "max_read 16MiB",
	"cache":       "cache 32MiB",
	"pass_errors": "pass_errors",
}

// usageError returns the error for a wrong number of arguments.
func usageError(d *caddyfile.Dispenser, word string, args []string) error {
	right := usage[word]
	switch {
	case right == word:
		return d.Errf("%s takes no argument: leave out %q; without the line it is off", word, strings.Join(args, " "))
	case len(args) == 0:
		return d.Errf("%s needs an argument, as in: %s", word, right)
	}
	if strings.HasSuffix(right, "iB") && len(args) == 2 { // 32 MiB
		if _, err := parseSize(args[0] + args[1]); err == nil {
			right = word + " " + args[0] + args[1]
		}
	}
	return d.Errf("%s takes one argument, not %d, as in: %s", word, len(args), right)
}

// parseWord parses the arguments of a word in the block.
func (h *Handler) parseWord(d *caddyfile.Dispenser, word string) error {
	args := d.RemainingArgs()
	switch {
	case word == "folders":
		return h.parseFolders(d, args)
	case word == "operations" && len(args) > 0: // not at commas, as patterns
		h.Operations = args
		return nil
	case word == "cache" && slices.Equal(args, []string{"off"}):
		h.Cache = -1
		return nil
	}
	setting := map[string]any{
		"operations": &h.Operations, "redact": &h.Redact, "values": &h.Values, "dialect": &h.Dialect, "only": &h.Only, "omit": &h.Omit,
		"keep": &h.Keep, "charset": &h.Charset, "unknown": &h.Unknown, "window": &h.Window, "max_read": &h.MaxRead, "cache": &h.Cache,
		"pass_errors": &h.PassErrors,
	}[word]
	switch to := setting.(type) {
	case *bool:
		if len(args) != 0 {
			return usageError(d, word, args)
		}
		*to = true
	case *string:
		if len(args) != 1 {
			return usageError(d, word, args)
		}
		*to = args[0]
	case *[]string:
		if *to = exif.SplitPatterns(strings.Join(args, " ")); len(*to) == 0 {
			return usageError(d, word, nil)
		}
	case *int64:
		if len(args) != 1 {
			return usageError(d, word, args)
		}
		n, err := parseSize(args[0])
		if err != nil {
			or := ""
			if word == "cache" {
				or = "off, or "
			}
			return d.Errf("%s: %v, want %sone such as %s", word, err, or, strings.TrimPrefix(usage[word], word+" "))
		}
		*to = n
	default:
		return d.Errf("unknown word %q, want operations, folders, redact, allow, deny, values, dialect, only, omit, keep, charset, unknown, window, max_read, cache or pass_errors", word)
	}
	return nil
}

// parseFolders parses the maximum number of objects in a folder's response, which may be left out.
func (h *Handler) parseFolders(d *caddyfile.Dispenser, args []string) error {
	switch len(args) {
	case 0:
		h.Folders = maxFolder
	case 1:
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 1 || n > maxFolder {
			return d.Errf("folders: bad number %q, want one from 1 to %d, or none", args[0], maxFolder)
		}
		h.Folders = n
	default:
		return usageError(d, "folders", args)
	}
	return nil
}

// parseSize parses a size in bytes, such as 64KiB. It must be greater than zero.
func parseSize(s string) (int64, error) {
	n, err := humanize.ParseBytes(s)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return 0, fmt.Errorf("bad size %q", s)
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
			if err := checkMatchers(set); err != nil {
				return rule, d.WrapErr(err)
			}
			if d.NextArg() || d.NextBlock(nesting) {
				return rule, d.Errf("unexpected %q after the rule's matcher", d.Val())
			}
			return rule, nil
		}
		// Caddy's own error would be: module not registered: http.matchers.10.0.0.0/8
		if _, err := caddy.GetModule("http.matchers." + word); err != nil && !d.Token().Quoted() { // a quoted one is an expression
			return rule, d.Errf("unknown matcher %q%s", word, matcherAdvice(rule, word))
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
	if err := checkMatchers(set); err != nil {
		return rule, d.WrapErr(err)
	}
	if len(set) > 0 {
		rule.MatcherSetsRaw = caddyhttp.RawMatcherSets{set}
	}
	return rule, nil
}

// matcherAdvice suggests what to write in place of a rule's argument that is neither an action nor a matcher.
func matcherAdvice(rule Rule, arg string) string {
	address, _, _ := strings.Cut(arg, "/")
	matcher := ""
	switch {
	case arg == "private_ranges" || net.ParseIP(address) != nil:
		matcher = "remote_ip"
	case strings.ContainsAny(arg, "*/."):
		matcher = "path"
	default:
		return fmt.Sprintf(", want %s, %s or a request matcher, such as remote_ip private_ranges", actionGetObject, actionListBucket)
	}
	return fmt.Sprintf(": a matcher begins with its name, as in: %s %s %s %s", rule.Effect, strings.Join(rule.Actions, " "), matcher, arg)
}

// checkMatchers loads the matchers of a rule that can be wrong in ways which Caddy finds only when it loads them,
// when it has no line to name. It skips those with placeholders, whose values aren't known yet.
func checkMatchers(set caddy.ModuleMap) error {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	for name, config := range set {
		if name == "not" {
			var sets []caddy.ModuleMap
			if err := json.Unmarshal(config, &sets); err != nil {
				return err
			}
			for _, s := range sets {
				if err := checkMatchers(s); err != nil {
					return err
				}
			}
			continue
		}
		right := map[string]string{
			"remote_ip":   ", want addresses or ranges such as 192.0.2.1, 10.0.0.0/8 or private_ranges",
			"client_ip":   ", want addresses or ranges such as 192.0.2.1, 10.0.0.0/8 or private_ranges",
			"path_regexp": ", want a regular expression of Go such as ^/team/.*\\.jpg$",
		}[name]
		if right == "" || !consistsOf(caddy.ModuleMap{name: config}, name) {
			continue
		}
		if _, err := ctx.LoadModuleByID("http.matchers."+name, config); err != nil {
			cause := strings.TrimPrefix(err.Error(), "provision http.matchers."+name+": ")
			return fmt.Errorf("%s: %s%s", name, cause, right)
		}
	}
	return nil
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
