package caddyexif

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The password of every user is "hiccup"; the hash has a low cost.
const hiccup = "$2a$04$MNH8yDO0n7hwD5NghSTZb.nJwtMDd39R3D.Ia1TYI6CQsrak5X/eS"

func basic(user string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":hiccup"))
}

// ruleSets are the sites of the contract test. Each serves files once, and once proxies to a second Caddy.
var ruleSets = map[string]string{
	"plain": `exif`,
	"get": `exif {
		allow GetObject
	}`,
	"list": `exif {
		allow GetObject ListBucket
	}`,
	"only-list": `exif {
		allow ListBucket
		allow GetObject header X-Never *
	}`,
	"rules": `exif {
		allow GetObject
		allow ListBucket header X-Lister *
		allow GetObject ListBucket {
			header Authorization *
			path /team/*
		}
		deny GetObject path *.raw.jpg
		deny ListBucket header X-Lister no
	}`,
	"user": `basic_auth {
		bob ` + hiccup + `
		eve ` + hiccup + `
	}
	@bob expression {http.auth.user.id} == "bob"
	exif {
		allow GetObject @bob
		allow ListBucket expression {http.auth.user.id} == "bob"
	}`,
	"pass": `exif {
		pass_errors
		allow GetObject ListBucket
		deny GetObject path *.raw.jpg
	}
	handle_errors {
		respond "handled {err.status_code} {err.message}" {err.status_code}
	}`,
}

func contractCaddyfile(root string) string {
	behind := `
	bind 127.0.0.1
	redir /moved.jpg /iphone-4s.jpg 302
	redir /away.jpg http://elsewhere.test/a.jpg 301
	root * ` + root + `
	file_server
`
	var b strings.Builder
	for name, rules := range ruleSets {
		errs, responds := "", ""
		for path, status := range map[string]string{
			"gone": "410", "busy": "503", "denied": "403", "broken": "500", "teapot": "418",
		} {
			errs += "\terror /" + path + ".jpg " + status + "\n"
			responds += "\trespond /" + path + ".jpg " + status + "\n"
		}
		fmt.Fprintf(&b, "http://file.%s.test:{$PORT} {\n%s\n%s%s}\n", name, rules, errs, behind)
		fmt.Fprintf(&b, "http://proxy.%s.test:{$PORT} {\n\tbind 127.0.0.1\n%s\n\treverse_proxy {$ADDR} {\n\t\theader_up Host %[1]s.behind.test\n\t}\n}\n", name, rules)
		fmt.Fprintf(&b, "http://%s.behind.test:{$PORT} {\n%s%s}\n", name, responds, behind)
	}
	return b.String()
}

func TestContract(t *testing.T) {
	s := suffix
	encode := func(s string) (encoded string) {
		for _, c := range []byte(s) {
			encoded += fmt.Sprintf("%%%02X", c)
		}
		return encoded
	}
	const asIs = "as is" // passed on: the next handler's response
	cases := []contractCase{
		// 2.1
		{"get", "plain", "GET", "/iphone-4s.jpg" + s, nil, 200, iphone4S},
		{"head", "plain", "HEAD", "/iphone-4s.jpg" + s, nil, 200, ""},
		{"query", "plain", "GET", "/iphone-4s.jpg" + s + "?X-Amz-Signature=abc", nil, 200, iphone4S},
		{"encoded", "plain", "GET", "/iphone-4s.jpg%40base%40tag%3D" + asking.word, nil, 200, iphone4S},
		{"encoded through", "plain", "GET", "/iphone-4s.jpg" + encode(s), nil, 200, iphone4S},
		{"letter case", "plain", "GET", "/iphone-4s.jpg@base@tag=" + strings.ToUpper(asking.word[:2]) + strings.ToLower(asking.word[2:]), nil, 200, iphone4S},
		{"letter case of the rest", "plain", "GET", "/iphone-4s.jpg@BASE@tag=" + asking.word, nil, 404, asIs},
		{"escapes in the object", "plain", "GET", "/a%20b+c%25&@%C3%BC.jpg" + s, nil, 200, iphone4S},
		{"other tag", "plain", "GET", "/iphone-4s.jpg@base@tag=imgScale", nil, 404, asIs},
		{"longer tag", "plain", "GET", "/iphone-4s.jpg" + s + "x", nil, 404, asIs},
		{"no suffix", "plain", "GET", "/iphone-4s.jpg", nil, 200, asIs},
		{"no suffix, missing", "plain", "GET", "/nope.jpg", nil, 404, asIs},
		{"twice encoded", "plain", "GET", "/iphone-4s.jpg%2540base%2540tag%253D" + asking.word, nil, 404, asIs},
		{"more by &", "plain", "GET", "/iphone-4s.jpg" + s + "&x=1", nil, 400, "InvalidRequest"},
		{"more by |", "plain", "GET", "/iphone-4s.jpg" + s + "%7Ctag=imgScale", nil, 400, "InvalidRequest"},
		{"more by /", "plain", "GET", "/iphone-4s.jpg" + s + "/", nil, 400, "InvalidRequest"},
		{"twice", "plain", "GET", "/iphone-4s.jpg" + s + s, nil, 400, "InvalidRequest"},
		{"empty object", "plain", "GET", "/" + s, nil, 400, "InvalidRequest"},
		{"object ends in a slash", "plain", "GET", "/sub/" + s, nil, 400, "InvalidRequest"},
		{"object ends in an encoded slash", "plain", "GET", "/sub%2F" + s, nil, 400, "InvalidRequest"},
		{"folder", "plain", "GET", "/sub" + s, nil, 404, "NoSuchKey"},
		{"post", "plain", "POST", "/iphone-4s.jpg" + s, nil, 405, "MethodNotAllowed"},
		{"put", "get", "PUT", "/iphone-4s.jpg" + s, nil, 405, "MethodNotAllowed"},
		{"delete", "plain", "DELETE", "/nope.jpg" + s, nil, 405, "MethodNotAllowed"},
		{"options without an object", "plain", "OPTIONS", "/" + s, nil, 400, "InvalidRequest"},
		{"options", "plain", "OPTIONS", "/iphone-4s.jpg" + s, nil, 405, asIs}, // file_server's own response

		// 2.3
		{"no exif", "plain", "GET", "/plain.jpg" + s, nil, 200, `{}`},
		{"exif after xmp", "plain", "HEAD", "/xmp-first.jpg" + s, nil, 200, ""},

		// 2.4
		{"not an image", "plain", "GET", "/text.jpg" + s, nil, 400, "NotAnImage"},
		{"empty", "plain", "GET", "/empty.jpg" + s, nil, 400, "NotAnImage"},
		{"broken exif", "plain", "GET", "/zz-broken.jpg" + s, nil, 400, "InvalidExif"},
		{"missing", "plain", "GET", "/nope.jpg" + s, nil, 404, "NoSuchKey"},
		{"missing, head", "plain", "HEAD", "/nope.jpg" + s, nil, 404, ""},
		{"gone", "plain", "GET", "/gone.jpg" + s, nil, 404, "NoSuchKey"},
		{"forbidden behind", "plain", "GET", "/denied.jpg" + s, nil, 403, "AccessDenied"},
		{"broken behind", "plain", "GET", "/broken.jpg" + s, nil, 500, "InternalError"},
		{"busy behind", "plain", "GET", "/busy.jpg" + s, nil, 503, "ServiceUnavailable"},
		{"anything behind", "plain", "GET", "/teapot.jpg" + s, nil, 418, "Imateapot"},
		{"moved", "plain", "GET", "/moved.jpg" + s, nil, 302, "Found"},
		{"moved away", "plain", "GET", "/away.jpg" + s, nil, 301, "MovedPermanently"},

		// 2.5
		{"GetObject", "get", "GET", "/iphone-4s.jpg" + s, nil, 200, iphone4S},
		{"GetObject, missing", "get", "GET", "/nope.jpg" + s, nil, 403, "AccessDenied"},
		{"GetObject, gone", "get", "GET", "/gone.jpg" + s, nil, 403, "AccessDenied"},
		{"GetObject, forbidden behind", "get", "GET", "/denied.jpg" + s, nil, 403, "AccessDenied"},
		{"both", "list", "GET", "/iphone-4s.jpg" + s, nil, 200, iphone4S},
		{"both, missing", "list", "GET", "/nope.jpg" + s, nil, 404, "NoSuchKey"},
		{"both, forbidden behind", "list", "GET", "/denied.jpg" + s, nil, 403, "AccessDenied"},
		{"ListBucket alone", "only-list", "GET", "/iphone-4s.jpg" + s, nil, 403, "AccessDenied"},
		{"ListBucket alone, missing", "only-list", "GET", "/nope.jpg" + s, nil, 403, "AccessDenied"},
		{"ListBucket alone, not an image", "only-list", "GET", "/text.jpg" + s, nil, 403, "AccessDenied"},
		{"ListBucket alone, moved", "only-list", "GET", "/moved.jpg" + s, nil, 403, "AccessDenied"},
		{"ListBucket alone, broken behind", "only-list", "GET", "/broken.jpg" + s, nil, 403, "AccessDenied"},
		{"rules", "rules", "GET", "/iphone-4s.jpg" + s, nil, 200, iphone4S},
		{"rules, missing", "rules", "GET", "/nope.jpg" + s, nil, 403, "AccessDenied"},
		{"rules, missing, lister", "rules", "GET", "/nope.jpg" + s, []string{"X-Lister", "yes"}, 404, "NoSuchKey"},
		{"rules, missing, denied lister", "rules", "GET", "/nope.jpg" + s, []string{"X-Lister", "no"}, 403, "AccessDenied"},
		{"rules, block, both match", "rules", "GET", "/team/nope.jpg" + s, []string{"Authorization", "Bearer x"}, 404, "NoSuchKey"},
		{"rules, block, one matches", "rules", "GET", "/team/nope.jpg" + s, nil, 403, "AccessDenied"},
		{"rules, block, the other", "rules", "GET", "/nope.jpg" + s, []string{"Authorization", "Bearer x"}, 403, "AccessDenied"},
		{"deny wins", "rules", "GET", "/x.raw.jpg" + s, nil, 403, "AccessDenied"},
		{"deny, missing", "rules", "GET", "/y.raw.jpg" + s, []string{"X-Lister", "yes"}, 403, "AccessDenied"},
		{"nobody yet", "user", "GET", "/iphone-4s.jpg" + s, nil, 401, "Unauthorized"},
		{"nobody yet, missing", "user", "GET", "/nope.jpg" + s, nil, 401, "Unauthorized"},
		{"bob", "user", "GET", "/iphone-4s.jpg" + s, []string{"Authorization", basic("bob")}, 200, iphone4S},
		{"bob, missing", "user", "GET", "/nope.jpg" + s, []string{"Authorization", basic("bob")}, 404, "NoSuchKey"},
		{"eve", "user", "GET", "/iphone-4s.jpg" + s, []string{"Authorization", basic("eve")}, 403, "AccessDenied"},
		{"eve, missing", "user", "GET", "/nope.jpg" + s, []string{"Authorization", basic("eve")}, 403, "AccessDenied"},

		// pass_errors
		{"passed", "pass", "GET", "/nope.jpg" + s, nil, 404, "handled 404 NoSuchKey: the object does not exist"},
		{"passed, denied", "pass", "GET", "/x.raw.jpg" + s, nil, 403, "handled 403 AccessDenied: access denied"},
		{"passed, malformed", "pass", "GET", "/" + s, nil, 400, "handled 400 InvalidRequest: the path before " + suffixMark + " names no object"},
		{"passed, method", "pass", "POST", "/iphone-4s.jpg" + s, nil, 405, "handled 405 MethodNotAllowed: the method must be GET or HEAD"},
		{"passed, good", "pass", "GET", "/iphone-4s.jpg" + s, nil, 200, iphone4S},
	}
	srv := serve(t, contractCaddyfile(samples(t)))
	ofEXIF := []string{"no exif", "exif after xmp", "broken exif"} // other operations respond differently to these
	for _, tc := range cases {
		if asking != operations[0] && slices.Contains(ofEXIF, tc.name) {
			continue
		}
		for _, front := range []string{"file.", "proxy."} {
			t.Run(front+tc.site+"/"+tc.name, func(t *testing.T) {
				srv := srv.with(t)
				got := srv.get(tc.method, front+tc.site+".test", tc.path, tc.header...)
				if got.status != tc.status {
					t.Fatalf("got status %d, want %d; %s", got.status, tc.status, got.body)
				}
				if tc.code == asIs {
					if strings.Contains(got.body, "requestId") {
						t.Errorf("answered by us: %s", got.body)
					}
					return
				}
				if strings.HasPrefix(tc.code, "handled") {
					if got.body != tc.code {
						t.Errorf("got %q, want %q", got.body, tc.code)
					}
					return
				}
				if ct := got.header.Get("Content-Type"); ct != asking.contentType && (tc.status < 300 || ct != jsonType) {
					t.Errorf("got Content-Type %q", ct)
				}
				if tc.method == http.MethodHead {
					whole := srv.get(http.MethodGet, front+tc.site+".test", tc.path, tc.header...)
					if got.body != "" || got.header.Get("Content-Length") != strconv.Itoa(len(whole.body)) {
						t.Errorf("got %d bytes and Content-Length %q, want 0 and %d", len(got.body), got.header.Get("Content-Length"), len(whole.body))
					}
					return
				}
				if tc.status == http.StatusOK {
					if got.body != tc.code {
						t.Errorf("got %s, want %s", got.body, tc.code)
					}
					return
				}
				var e struct {
					Code, Message, RequestID string
					Status                   int
				}
				if err := json.Unmarshal([]byte(got.body), &e); err != nil {
					t.Fatalf("%v: %s", err, got.body)
				}
				if e.Code != tc.code || e.Status != tc.status || e.Message == "" || e.RequestID == "" {
					t.Errorf("got %s, want code %s", got.body, tc.code)
				}
				if e.Status == http.StatusMethodNotAllowed && got.header.Get("Allow") != "GET, HEAD, OPTIONS" {
					t.Errorf("got Allow %q", got.header.Get("Allow"))
				}
				if e.Status == http.StatusUnauthorized && !strings.HasPrefix(got.header.Get("Www-Authenticate"), "Basic") {
					t.Errorf("got WWW-Authenticate %q", got.header.Get("Www-Authenticate"))
				}
				switch tc.name {
				case "moved":
					if l := got.header.Get("Location"); l != "/iphone-4s.jpg"+suffix {
						t.Errorf("got Location %q", l)
					}
				case "moved away":
					if l := got.header.Get("Location"); l != "http://elsewhere.test/a.jpg" {
						t.Errorf("got Location %q", l)
					}
				}
			})
		}
	}

	// both 403 responses are the same bytes, headers included
	for _, pair := range [][3]string{
		{"get", "/nope.jpg", "/denied.jpg"},
		{"only-list", "/iphone-4s.jpg", "/nope.jpg"},
		{"rules", "/nope.jpg", "/x.raw.jpg"},
		{"only-list", "/moved.jpg", "/zz-broken.jpg"},
	} {
		for _, front := range []string{"file.", "proxy."} {
			for _, method := range []string{"GET", "HEAD"} {
				a := srv.get(method, front+pair[0]+".test", pair[1]+suffix)
				b := srv.get(method, front+pair[0]+".test", pair[2]+suffix)
				if a.status != 403 || flat(a) != flat(b) {
					t.Errorf("%s%s: %s and %s are told apart:\n%s\n%s", front, pair[0], pair[1], pair[2], flat(a), flat(b))
				}
			}
		}
	}
}

type contractCase struct {
	name, site, method, path string
	header                   []string
	status                   int
	code                     string // or the whole body, if it starts with { or handled
}

var requestIDs = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// flat returns a response as text, without the parts that differ from request to request.
func flat(r reply) string {
	var b strings.Builder
	h := r.header.Clone()
	h.Del("Date")
	h.Write(&b)
	return strconv.Itoa(r.status) + "\n" + b.String() + requestIDs.ReplaceAllString(r.body, "ID")
}
