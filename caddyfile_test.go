package caddyexif

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
)

// TestAdapt compares the JSON for a Caddyfile that uses every word with its golden, and loads it.
func TestAdapt(t *testing.T) {
	input, err := os.ReadFile("testdata/all.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	if formatted := caddyfile.Format(input); !bytes.Equal(formatted, input) {
		t.Error("testdata/all.Caddyfile is not formatted")
	}
	cfg := testcaddy.Adapt(t, string(input))
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, cfg, "", "\t"); err != nil {
		t.Fatal(err)
	}
	pretty.WriteByte('\n')
	golden(t, "all.Caddyfile.json", pretty.Bytes())

	var parsed caddy.Config
	if err := json.Unmarshal(cfg, &parsed); err != nil {
		t.Fatal(err)
	}
	parsed.Admin = &caddy.AdminConfig{Disabled: true}
	if err := caddy.Validate(&parsed); err != nil {
		t.Error(err)
	}
}

// TestOrder checks that exif runs before all handlers that protect or rewrite, in any order of the Caddyfile.
func TestOrder(t *testing.T) {
	cfg := string(testcaddy.Adapt(t, ":80 {\n\tfile_server\n\tbasic_auth {\n\t\tbob "+hiccup+"\n\t}\n\ttry_files {path} /i.html\n\turi strip_prefix /x\n"+
		"\tredir /a /b\n\texif\n\theader X-A b\n}\n"))
	var order []string
	for _, m := range regexp.MustCompile(`"handler":"(\w+)"`).FindAllStringSubmatch(cfg, -1) {
		order = append(order, m[1])
	}
	if i := slices.Index(order, "exif"); i != 1 || order[0] != "headers" {
		t.Errorf("got handlers %v, want exif right after headers", order)
	}
}

// TestConfigErrors checks that the error for each mistake has its file and line.
func TestConfigErrors(t *testing.T) {
	for _, tc := range []struct{ name, block, want string }{
		{"unknown operation", "operations exif imageinfo", `operations: "imageinfo" is none of exif, imageInfo, iptc, thumbnail, preview, at Caddyfile:3`},
		{"operations with commas", "operations exif,imageInfo", `operations: "exif,imageInfo" is none of exif, imageInfo, iptc, thumbnail, preview, at Caddyfile:3`},
		{"operation twice", "operations exif exif", `operations: exif is given twice, at Caddyfile:3`},
		{"no operation", "operations", "operations needs an argument, as in: operations exif imageInfo, at Caddyfile:3"},
		{"unknown word", "value raw", `unknown word "value", want operations, folders, redact, allow, deny, values, dialect, only, omit, keep, charset, unknown, window, max_read, cache or pass_errors, at Caddyfile:3`},
		{"repeated word", "values raw\nvalues typed", `values is given twice, at Caddyfile:4`},
		{"repeated flag", "unknown\nunknown", `unknown is given twice, at Caddyfile:4`},
		{"bad style", "values pretty", `values: "pretty" is none of raw, described, typed, at Caddyfile:3`},
		{"no style", "values", `values needs an argument, as in: values typed, at Caddyfile:3`},
		{"two styles", "values raw typed", `values takes one argument, not 2, as in: values typed, at Caddyfile:3`},
		{"flag with argument", "unknown yes", `unknown takes no argument: leave out "yes"; without the line it is off, at Caddyfile:3`},
		{"redact on", "redact on", `redact takes no argument: leave out "on"; without the line it is off, at Caddyfile:3`},
		{"blank in a size", "cache 32 MiB", `cache takes one argument, not 2, as in: cache 32MiB, at Caddyfile:3`},
		{"blank in another size", "window 128 KiB", `window takes one argument, not 2, as in: window 128KiB, at Caddyfile:3`},
		{"no size", "max_read", `max_read needs an argument, as in: max_read 16MiB, at Caddyfile:3`},
		{"no number", "folders all", `folders: bad number "all", want one from 1 to 1000, or none, at Caddyfile:3`},
		{"no object of a folder", "folders 0", `folders: bad number "0", want one from 1 to 1000, or none, at Caddyfile:3`},
		{"too many objects of a folder", "folders 1001", `folders: bad number "1001", want one from 1 to 1000, or none, at Caddyfile:3`},
		{"two numbers", "folders 10 20", `folders takes one argument, not 2, as in: folders 1000, at Caddyfile:3`},
		{"pictures of folders", "operations thumbnail\nfolders", `folders: none of the operations can be asked of a folder, at Caddyfile:4`},
		{"bad size", "window huge", `window: bad size "huge", want one such as 64KiB, at Caddyfile:3`},
		{"negative size", "max_read -1", `max_read: bad size "-1", want one such as 16MiB, at Caddyfile:3`},
		{"zero size", "max_read 0", `max_read: bad size "0", want one such as 16MiB, at Caddyfile:3`},
		{"no cache, by a number", "cache 0", `cache: bad size "0", want off, or one such as 32MiB, at Caddyfile:3`},
		{"size over int64", "cache 9000000TiB", `cache: `},
		{"window too small", "window 1KiB", `window: 1024 is not between`},
		{"window too large", "window 1GiB", `at Caddyfile:3`},
		{"max_read below window", "window 1MiB\nmax_read 512KiB", `max_read: 524288 bytes are less than one window, at Caddyfile:4`},
		{"bad cache", "cache on", `cache: bad size "on", want off, or one such as 32MiB, at Caddyfile:3`},
		{"bad pattern in omit", "omit GPS[", `omit: "GPS[" is no pattern: syntax error in pattern, at Caddyfile:3`},
		{"bad pattern in only", "only Make [", `only: "[" is no pattern: syntax error in pattern, at Caddyfile:3`},
		{"no pattern", "omit", `omit needs an argument, as in: omit GPS* @person, at Caddyfile:3`},
		{"empty pattern", `omit ""`, `omit needs an argument, as in: omit GPS* @person, at Caddyfile:3`},
		{"only commas", `omit ,,`, `omit needs an argument, as in: omit GPS* @person, at Caddyfile:3`},
		{"a pattern that filters nothing", "omit gps*", `omit: no tag matches "gps*": did you mean "GPS*"?, at Caddyfile:3`},
		{"one of several that filters nothing", "omit GPS*,serialnumber", `that is ExifTool's name of "BodySerialNumber", at Caddyfile:3`},
		{"ExifTool's name of a tag", "omit CreateDate", `that is ExifTool's name of "DateTimeDigitized", at Caddyfile:3`},
		{"only what isn't there", "only Camera", `only: no tag matches "Camera": did you mean`},
		{"a set that isn't there", "omit @place", `omit: no set "@place": there are @ai, @credit, @device, @location, @person, at Caddyfile:3`},
		{"nothing is left", "only GPS*\nomit @location", `only and omit leave no tag: only Orientation leaves the least, at Caddyfile:4`},
		{"nothing is left, before other words", "only GPS*\nomit @location\nredact", `leave no tag: only Orientation leaves the least, at Caddyfile:4`},
		{"keep alone", "keep @credit\nredact", `keep: without only or omit, everything is kept: add what to leave out, as in: omit @location @person, at Caddyfile:3`},
		{"a bad pattern after keep", "keep @credit\nomit gps*", `omit: no tag matches "gps*": did you mean "GPS*"?, at Caddyfile:4`},
		{"bad charset", "charset klingon", `charset: "klingon" is no label of the WHATWG Encoding Standard, at Caddyfile:3`},
		{"unknown action", "allow PutObject", `unknown action "PutObject", want GetObject or ListBucket, at Caddyfile:3`},
		{"no action", "allow", `allow wants an action: GetObject or ListBucket, at Caddyfile:3`},
		{"repeated action", "allow GetObject GetObject", `GetObject is given twice, at Caddyfile:3`},
		{"unknown matcher", "allow GetObject ListBuckets", `unknown matcher "ListBuckets", want GetObject, ListBucket or a request matcher, such as remote_ip private_ranges, at Caddyfile:3`},
		{"an address without its matcher", "allow GetObject 10.0.0.0/8", `unknown matcher "10.0.0.0/8": a matcher begins with its name, as in: allow GetObject remote_ip 10.0.0.0/8, at Caddyfile:3`},
		{"a path without its matcher", "allow GetObject\ndeny GetObject ListBucket *.jpg", `unknown matcher "*.jpg": a matcher begins with its name, as in: deny GetObject ListBucket path *.jpg, at Caddyfile:4`},
		{"unknown matcher's place", "allow GetObject nonsense x", `at Caddyfile:3`},
		{"unknown matcher in a block", "allow GetObject {\nnonsense x\n}", `at Caddyfile:`},
		{"unknown named matcher", "allow GetObject @nobody", `nobody`},
		{"bad range", "allow GetObject remote_ip 10.0.0.0/33", `want addresses or ranges such as 192.0.2.1, 10.0.0.0/8 or private_ranges, at Caddyfile:3`},
		{"bad address", "allow GetObject\ndeny ListBucket client_ip localhost", `client_ip: `},
		{"bad address's place", "allow GetObject\ndeny ListBucket client_ip localhost", `private_ranges, at Caddyfile:4`},
		{"bad range in a block", "allow GetObject {\nremote_ip 10.0.0.0/33\n}", `private_ranges, at Caddyfile:5`},
		{"bad range in not", "allow GetObject not remote_ip 10.0.0.0/8x", `10.0.0.0/8x`},
		{"bad expression", "allow GetObject path_regexp ([", `want a regular expression of Go`},
		{"after a matcher", "allow GetObject /a path /b", `unexpected "path" after the rule's matcher, at Caddyfile:3`},
		{"rules for nobody", "deny GetObject path *.raw", `no rule allows GetObject, so every request would be refused, at Caddyfile:4`},
		{"list for nobody", "allow ListBucket", `no rule allows GetObject, so every request would be refused, at Caddyfile:4`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":80 {\nexif {\n"+tc.block+"\n}\nfile_server\n}\n"),
				map[string]any{"filename": "Caddyfile"})
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "Caddyfile:") {
				t.Errorf("got %q, want %q and the place", err, tc.want)
			}
		})
	}
}

// TestPatternListsInAnyOrder checks that only, omit and keep are judged together, not line by line.
func TestPatternListsInAnyOrder(t *testing.T) {
	for _, block := range []string{
		"keep @credit\nredact\nomit @person",
		"omit *\nredact\nkeep @credit @ai",
		"only GPS*\nomit @location\nkeep GPSAltitude",
	} {
		_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":80 {\nexif {\n"+block+"\n}\n}\n"), nil)
		if err != nil {
			t.Errorf("%q: %v", block, err)
		}
	}
}

// TestArgumentErrors checks the errors for arguments that belong into the block, or are no matcher.
func TestArgumentErrors(t *testing.T) {
	for _, tc := range []struct{ directive, want string }{
		{"exif redact", "redact belongs into a block: exif { redact ... }, on lines of their own, at Caddyfile:2"},
		{"exif /a/* omit GPS*", "omit belongs into a block"},
		{"exif allow GetObject", "allow belongs into a block"},
		{"exif *.jpg", `unexpected "*.jpg": a path matcher begins with a slash, others have a name, as in: @photos path *.jpg, at Caddyfile:2`},
		{"exif raw", `unexpected "raw": exif takes a matcher, such as /photos/* or @photos, and a block, at Caddyfile:2`},
	} {
		_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":80 {\n"+tc.directive+"\n}\n"), map[string]any{"filename": "Caddyfile"})
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "Caddyfile:2") {
			t.Errorf("%s: got %v, want %s", tc.directive, err, tc.want)
		}
	}
}

// TestPlaceholdersInRulesWait checks that a matcher with a placeholder isn't checked before its value is known.
func TestPlaceholdersInRulesWait(t *testing.T) {
	testcaddy.Adapt(t, ":80 {\n\texif {\n\t\tallow GetObject remote_ip {env.NOT_SET}\n\t}\n}\n")
}

// TestEveryWordHasUsage checks that each word has an example that is right.
func TestEveryWordHasUsage(t *testing.T) {
	_, words, _ := strings.Cut((&Handler{}).parseWord(caddyfile.NewTestDispenser("nonsense"), "nonsense").Error(), "want ")
	words, _, _ = strings.Cut(strings.Replace(words, " or ", ", ", 1), ", at ")
	for word := range strings.SplitSeq(words, ", ") {
		if usage[word] == "" && word != effectAllow && word != effectDeny {
			t.Errorf("%s: no usage", word)
		}
	}
	for word, right := range usage {
		block := right
		if word == "keep" { // it is about what another word takes out
			block = "omit @person\n" + right
		}
		testcaddy.Adapt(t, ":80 {\n\texif {\n\t\t"+block+"\n\t}\n}\n")
		if !strings.HasPrefix(right, word) {
			t.Errorf("%s: got %s", word, right)
		}
	}
}

// TestJSONErrors checks that the same mistakes are refused in JSON.
func TestJSONErrors(t *testing.T) {
	for config, want := range map[string]string{
		`{"values":"pretty"}`:                    "is none of",
		`{"folders":-1}`:                         "folders: -1 is not between 1 and 1000",
		`{"folders":1001}`:                       "folders: 1001 is not between 1 and 1000",
		`{"folders":1,"operations":["preview"]}`: "none of the operations",
		`{"window":1}`:                           "window",
		`{"dialect":"s3"}`:                       "none of oss, cos, bos, qiniu, obs",
		`{"dialect":"oss","values":"raw"}`:       "style of its own",
		`{"max_read":-5}`:                        "max_read",
		`{"omit":["["]}`:                         "no pattern",
		`{"omit":[""]}`:                          "no tag matches",
		`{"omit":["gps*"]}`:                      "did you mean",
		`{"only":["Make"],"omit":["*"]}`:         "leave no tag",
		`{"charset":"klingon"}`:                  "charset",
		`{"permissions":[{}]}`:                   "effect",
		`{"permissions":[{"effect":"allow"}]}`:   "no action",
		`{"permissions":[{"effect":"allow","actions":["PutObject"]}]}`:                                          `unknown action "PutObject", want GetObject or ListBucket`,
		`{"permissions":[{"effect":"permit","actions":["GetObject"]}]}`:                                         "effect",
		`{"permissions":[{"effect":"deny","actions":["GetObject"]}]}`:                                           "no rule allows GetObject",
		`{"permissions":[{"effect":"allow","actions":["GetObject"],"match":[{"nonsense":{}}]}]}`:                "nonsense",
		`{"permissions":[{"effect":"allow","actions":["GetObject"],"match":[{"remote_ip":{"ranges":["x"]}}]}]}`: "remote_ip",
		`{"unknown_field":1}`: "unknown_field",
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		_, err := ctx.LoadModuleByID("http.handlers.exif", json.RawMessage(config))
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", config, err, want)
		}
	}
}

// TestGrammarAgrees checks that the code's comment and the README have the same grammar, and that the golden
// uses every word of it.
func TestGrammarAgrees(t *testing.T) {
	code, err := os.ReadFile("caddyfile.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadFile("testdata/all.Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	_, comment, _ := strings.Cut(string(code), "//\texif [<matcher>] {\n")
	comment, _, ok := strings.Cut(comment, "//\t}\n")
	comment = strings.ReplaceAll(comment, "//\t", "")
	_, doc, _ := strings.Cut(string(readme), "exif [<matcher>] {\n")
	doc, _, ok2 := strings.Cut(doc, "\n}\n")
	if !ok || !ok2 || strings.TrimRight(comment, "\n") != doc {
		t.Errorf("the grammar in caddyfile.go\n%s\nis not that of README.md\n%s", comment, doc)
	}
	for line := range strings.Lines(comment) {
		for word := range strings.SplitSeq(strings.Fields(line)[0], "|") {
			if !regexp.MustCompile(`(?m)^\t\t` + word + `\b`).Match(all) {
				t.Errorf("testdata/all.Caddyfile doesn't use %s", word)
			}
		}
	}
}

// TestMatchersOfRules checks the JSON for each way to write a rule's matcher.
func TestMatchersOfRules(t *testing.T) {
	for rule, want := range map[string]string{
		"allow GetObject":                           `{"actions":["GetObject"],"effect":"allow"}`,
		"allow GetObject ListBucket":                `{"actions":["GetObject","ListBucket"],"effect":"allow"}`,
		"allow GetObject *":                         `{"actions":["GetObject"],"effect":"allow"}`,
		"allow GetObject /a/*":                      `{"actions":["GetObject"],"effect":"allow","match":[{"path":["/a/*"]}]}`,
		"allow GetObject @team":                     `{"actions":["GetObject"],"effect":"allow","match":[{"method":["GET"]}]}`,
		"allow GetObject path /a /b":                `{"actions":["GetObject"],"effect":"allow","match":[{"path":["/a","/b"]}]}`,
		"allow GetObject {\npath /a\nmethod GET\n}": `{"actions":["GetObject"],"effect":"allow","match":[{"method":["GET"],"path":["/a"]}]}`,
		"allow GetObject {\n}":                      `{"actions":["GetObject"],"effect":"allow"}`,
		"allow GetObject\ndeny GetObject path /a":   `{"actions":["GetObject"],"effect":"allow"},{"actions":["GetObject"],"effect":"deny","match":[{"path":["/a"]}]}`,
	} {
		cfg, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":80 {\n@team method GET\nexif {\n"+rule+"\n}\n}\n"), nil)
		if err != nil || !strings.Contains(string(cfg), `"permissions":[`+want+`]`) {
			t.Errorf("%s: got %v, %s, want %s", rule, err, cfg, want)
		}
	}
	for rule, want := range map[string]string{
		"allow GetObject /a/* {\nmethod GET\n}": `unexpected "method"`,
		"allow GetObject @team /b":              `unexpected "/b"`,
		"allow /a/*":                            `unknown action "/a/*"`,
		"allow * GetObject":                     `unknown action "*"`,
		"allow GetObject path /a GetObject\nallow GetObject GetObject": "GetObject is given twice",
	} {
		_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":80 {\n@team method GET\nexif {\n"+rule+"\n}\n}\n"), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", rule, err, want)
		}
	}

	// named matchers can't be resolved without the rest of the Caddyfile
	for _, token := range []string{"@team", "/a/*", "*"} {
		h := new(Handler)
		err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("exif {\nallow GetObject " + token + "\n}"))
		if err == nil || !strings.Contains(err.Error(), token+" can't be used here") {
			t.Errorf("%s: got %v", token, err)
		}
	}
}

// TestWordsOfBlock checks each word by itself.
func TestWordsOfBlock(t *testing.T) {
	for block, want := range map[string]Handler{
		"":                 {},
		"values typed":     {Values: "typed"},
		"charset gbk":      {Charset: "gbk"},
		"unknown":          {Unknown: true},
		"pass_errors":      {PassErrors: true},
		"window 4KiB":      {Window: 4096},
		"max_read 1MB":     {MaxRead: 1e6},
		"cache off":        {Cache: -1},
		"folders":          {Folders: 1000},
		"folders 1":        {Folders: 1},
		"folders 1000":     {Folders: 1000},
		"redact":           {Redact: true},
		"dialect oss":      {Dialect: "oss"},
		"operations iptc":  {Operations: []string{"iptc"}},
		"omit A*,GPS*":     {Omit: []string{"A*", "GPS*"}},
		"cache 1":          {Cache: 1},
		"cache 8388607TiB": {Cache: 8388607 << 40},
	} {
		var h Handler
		err := h.UnmarshalCaddyfile(caddyfile.NewTestDispenser("exif {\n" + block + "\n}"))
		if got, want := fmt.Sprintf("%+v", h), fmt.Sprintf("%+v", want); err != nil || got != want {
			t.Errorf("%s: got %v, %s; want %s", block, err, got, want)
		}
	}
	for _, block := range []string{
		"cache off off", "cache", "cache 1 2", "window 4KiB 4KiB", "window", "charset", "charset gbk big5", "pass_errors yes", "only", "cache 8388608TiB", "cache off\ncache off",
	} {
		if err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser("exif {\n" + block + "\n}")); err == nil {
			t.Errorf("%s: no error", block)
		}
	}
	for s, want := range map[string]int64{"9223372036854775807": math.MaxInt64, "9223372036854775808": 0, "0": 0, "1": 1} {
		if got, err := parseSize(s); got != want || (err == nil) != (want != 0) {
			t.Errorf("%s: got %d, %v", s, got, err)
		}
	}
}
