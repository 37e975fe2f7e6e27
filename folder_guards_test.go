package caddyexif

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// folderGuards are ways to keep a client from some photos of a folder, or from the folder. BACKEND stands for the
// handler of the photos.
var folderGuards = map[string]struct {
	site string
	list func(client, path string) bool // by the rules; nil: all may
}{
	"none":                {"exif {\nfolders\n}\nBACKEND", nil},
	"no folders":          {"exif\nBACKEND", nil},
	"one photo":           {"exif {\nfolders\n}\nrespond /f/secret.jpg 403\nBACKEND", nil},
	"by end of path":      {"exif {\nfolders\n}\nerror *.secret.jpg 403\nBACKEND", nil},
	"by prefix":           {"exif {\nfolders\n}\nrespond /private/* 403\nBACKEND", nil},
	"every photo":         {"exif {\nfolders\n}\n@jpg path *.jpg\nrespond @jpg 451\nBACKEND", nil},
	"the listing alone":   {"exif {\nfolders\n}\n@folder path */\nerror @folder 403\nBACKEND", nil},
	"listing not found":   {"exif {\nfolders\n}\n@folder path /private/\nerror @folder 404\nBACKEND", nil},
	"moved photo":         {"exif {\nfolders\n}\nredir /f/secret.jpg /f/a.jpg\nBACKEND", nil},
	"login page":          {"exif {\nfolders\n}\n@no not header Cookie *key=1*\nredir @no /login?to={uri}\nBACKEND", nil},
	"closed connection":   {"exif {\nfolders\n}\nabort /f/secret.jpg\nBACKEND", nil},
	"broken":              {"exif {\nfolders\n}\nerror /f/b.jpg 502\nerror /f/secret.jpg 429\nBACKEND", nil},
	"password":            {"exif {\nfolders\n}\nbasic_auth {\nbob {$HASH}\neve {$HASH}\n}\nBACKEND", nil},
	"password for some":   {"exif {\nfolders\n}\nbasic_auth *.secret.jpg {\nbob {$HASH}\n}\nBACKEND", nil},
	"other server":        {"exif {\nfolders\n}\nforward_auth {$AUTH} {\nuri /auth?{uri}\ncopy_headers Remote-Groups\n}\nBACKEND", nil},
	"expression":          {"exif {\nfolders\n}\n@s `{path}.contains(\"secret\")`\nrespond @s 403\nBACKEND", nil},
	"regular expression":  {"exif {\nfolders\n}\n@s path_regexp n ([^/]*)\\.secret\\.jpg$\nheader @s X-N {re.n.1}\nrespond @s 403\nBACKEND", nil},
	"query":               {"exif {\nfolders\n}\n@s {\npath *secret*\nnot query key=1\n}\nrespond @s 403\nBACKEND", nil},
	"cookie":              {"exif {\nfolders\n}\n@s {\npath *secret*\nnot header Cookie *key=1*\n}\nrespond @s 403\nBACKEND", nil},
	"map":                 {"map {path} {secret} {\n~secret.*\\.jpg$ yes\ndefault no\n}\nexif {\nfolders\n}\n@s vars {secret} yes\nrespond @s 403\nBACKEND", nil},
	"original path":       {"exif {\nfolders\n}\n@s vars_regexp {http.request.orig_uri.path} secret.*\\.jpg$\nrespond @s 403\nBACKEND", nil},
	"variable":            {"exif {\nfolders\n}\nroute {\nvars *secret* kind secret\n@s vars {kind} secret\nrespond @s 403\nBACKEND\n}", nil},
	"root":                {"exif {\nfolders\n}\nroute {\nroot *secret* /nowhere\nBACKEND\n}", nil},
	"handle":              {"exif {\nfolders\n}\nhandle *secret* {\nrespond 403\n}\nhandle {\nBACKEND\n}", nil},
	"handle per folder":   {"handle /private/* {\nexif\nBACKEND\n}\nhandle {\nexif {\nfolders\n}\nBACKEND\n}", nil},
	"rewritten":           {"exif {\nfolders\n}\n@s path *secret*\nrewrite @s /nope.jpg\nBACKEND", nil},
	"prefix":              {"handle_path /at/* {\nexif {\nfolders\n}\nrespond /f/secret.jpg 403\nBACKEND\n}", nil},
	"file":                {"exif {\nfolders\n}\n@s file {path}.lock\nrespond @s 403\nBACKEND", nil},
	"method":              {"exif {\nfolders\n}\n@head method HEAD\nrespond @head 403\nBACKEND", nil},
	"intercept":           {"exif {\nfolders\n}\nintercept {\n@s header X-Secret *\nhandle_response @s {\nrespond 403\n}\n}\nroute {\nheader *secret* X-Secret yes\nBACKEND\n}", nil},
	"named route":         {"exif {\nfolders\n}\ninvoke guarded", nil},
	"compressed":          {"exif {\nfolders\n}\nencode gzip\nrespond /f/secret.jpg 403\nBACKEND", nil},
	"templates":           {"exif {\nfolders\n}\ntemplates\nrespond /f/secret.jpg 403\nBACKEND", nil},
	"counted":             {"exif {\nfolders\n}\n@s `{http.request.uri.query.n} == \"1\" && {path}.endsWith(\".jpg\")`\nrespond @s 403\nBACKEND", nil},
	"address":             {"exif {\nfolders\n}\n@far {\nnot client_ip 127.0.0.1\n}\nrespond @far 403\nBACKEND", nil},
	"handled errors":      {"exif {\nfolders\npass_errors\n}\nerror /f/secret.jpg 403\nBACKEND\nhandle_errors {\nrespond \"handled\" {err.status_code}\n}", nil},
	"CORS of the listing": {"exif {\nfolders\n}\nroute {\nheader */ Access-Control-Allow-Origin *\nheader /f/a.jpg Access-Control-Allow-Origin *\nBACKEND\n}", nil},

	// before exif, where the guard sees another path
	"front, prefix":        {"route {\nrespond /private/* 403\nexif {\nfolders\n}\nBACKEND\n}", nil},
	"front, one name":      {"route {\nrespond /f/secret.jpg* 403\nexif {\nfolders\n}\nBACKEND\n}", nil},
	"front, folder alone":  {"route {\nrespond /f/@base* 403\nexif {\nfolders\n}\nBACKEND\n}", nil},
	"front, end of path":   {"route {\nrespond *.jpg 403\nexif {\nfolders\n}\nBACKEND\n}", nil},
	"front, password":      {"route {\nbasic_auth *secret* {\nbob {$HASH}\n}\nexif {\nfolders\n}\nBACKEND\n}", nil},
	"front, other server":  {"route {\nforward_auth {$AUTH} {\nuri /auth?{uri}\ncopy_headers Remote-Groups\n}\nexif {\nfolders\n}\nBACKEND\n}", nil},
	"front, response":      {"route {\nintercept {\n@one {\nheader Content-Length 163\n}\nhandle_response @one {\nrespond 403\n}\n}\nexif {\nfolders\n}\nBACKEND\n}", nil},
	"front, variable":      {"vars /f/secret* kind secret\nexif {\nfolders\n}\n@s vars {kind} secret\nrespond @s 403\nBACKEND", nil},
	"front, expression":    {"@s path_regexp name ^/f/([a-z]+)\nheader @s X-Name {re.name.1}\nexif {\nfolders\n}\n@t vars {re.name.1} secret\nrespond @t 403\nBACKEND", nil},
	"front, regexp, users": {"route {\nbasic_auth {\nbob {$HASH}\neve {$HASH}\n}\nexif {\nfolders\n}\n@s {\npath *secret*\nnot vars {http.auth.user.id} bob\n}\nrespond @s 403\nBACKEND\n}", nil},

	"rules, all":           {"exif {\nfolders\nallow GetObject ListBucket\n}\nBACKEND", nil},
	"rules, no list":       {"exif {\nfolders\nallow GetObject\n}\nBACKEND", nobody},
	"rules, deny some":     {"exif {\nfolders\nallow GetObject ListBucket\ndeny GetObject path *secret*\n}\nBACKEND", nil},
	"rules, list some":     {"exif {\nfolders\nallow GetObject\nallow ListBucket path /f/*\n}\nBACKEND", below("/f/")},
	"rules, list folder":   {"exif {\nfolders\nallow GetObject\nallow ListBucket path /f/\n}\nBACKEND", func(_, path string) bool { return path == "/f/" }},
	"rules, deny folder":   {"exif {\nfolders\nallow GetObject ListBucket\ndeny ListBucket path /private/\n}\nBACKEND", func(_, path string) bool { return path != "/private/" }},
	"rules, header":        {"exif {\nfolders\nallow GetObject ListBucket header X-Right yes\n}\nBACKEND", only("right")},
	"rules, list header":   {"exif {\nfolders\nallow GetObject\nallow ListBucket header X-Right yes\n}\nBACKEND", only("right")},
	"rules, get header":    {"exif {\nfolders\nallow ListBucket\nallow GetObject header X-Right yes\n}\nBACKEND", nil},
	"rules, user":          {"exif {\nfolders\nallow GetObject ListBucket `{http.auth.user.id} == \"bob\"`\n}\nbasic_auth {\nbob {$HASH}\neve {$HASH}\n}\nBACKEND", only("bob")},
	"rules, groups":        {"exif {\nfolders\nallow ListBucket\nallow GetObject header Remote-Groups staff\n}\nforward_auth {$AUTH} {\nuri /auth?{uri}\ncopy_headers Remote-Groups\n}\nBACKEND", nil},
	"rules, placeholder":   {"exif {\nfolders\nallow ListBucket\nallow GetObject path /f/{http.request.uri.query.name}\n}\nBACKEND", nil},
	"rules, expression":    {"exif {\nfolders\nallow ListBucket\nallow GetObject `{path}.endsWith(\"/a.jpg\")`\n}\nBACKEND", nil},
	"rules, undecided":     {"exif {\nfolders\nallow GetObject ListBucket\ndeny GetObject undecided_test\n}\nBACKEND", nil},
	"rules, cache off":     {"exif {\nfolders\ncache off\nallow GetObject ListBucket\ndeny GetObject path *secret*\n}\nBACKEND", nil},
	"rules, deny pictures": {"exif {\nfolders\nallow GetObject ListBucket\ndeny GetObject path_regexp \\.(jpg|png)$\n}\nBACKEND", nil},
}

// endOfPath matches a directive with a matcher on the end of the path, which Caddyfiles must name.
var endOfPath = regexp.MustCompile(`(?m)^(respond|error|basic_auth|vars|root|handle|header) (\*\S+)`)

func nobody(string, string) bool { return false }

func only(who string) func(string, string) bool {
	return func(client, _ string) bool { return client == who }
}

func below(folder string) func(string, string) bool {
	return func(_, path string) bool { return strings.HasPrefix(path, folder) }
}

// guardedFolder writes the folders /f, /private and /f/sub, with photos, files that are none, and names that
// need escapes.
func guardedFolder(t testing.TB) (root string) {
	t.Helper()
	root = t.TempDir()
	samples := testimage.Samples()
	for name, b := range map[string][]byte{
		"a.jpg": iphone(), "b.jpg": samples["photo.jpg"], "secret.jpg": samples["photo.jpg"], "x.secret.jpg": iphone(),
		"text.jpg": []byte("no image"), "broken.jpg": samples["zz-broken.jpg"], ".hidden.jpg": iphone(), "a b+c%&@ü#?.jpg": iphone(),
		"{{env `HOME`}}.jpg": iphone(), "a.jpg@base@tag=exif": iphone(), "sub/a.jpg": iphone(), "secret.jpg.lock": nil,
	} {
		for _, dir := range []string{"f", "private"} {
			name := filepath.Join(root, dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			writeFile(t, name, b)
		}
	}
	return root
}

// TestFolderTellsWhatItsPhotosTell compares the response for a folder with the responses for its photos, for each
// guard, client and backend: it has the lines of exactly those photos that the same client gets, in the order of
// the listing that the same client gets, and nothing at all without a listing.
func TestFolderTellsWhatItsPhotosTell(t *testing.T) {
	root := guardedFolder(t)
	auth := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch who := r.Header.Get("Authorization"); {
		case strings.Contains(r.Header.Get("X-Forwarded-Uri"), "x.secret") && who != basic("bob"):
			w.WriteHeader(http.StatusForbidden)
		case who == basic("bob"):
			w.Header().Set("Remote-Groups", "staff")
		case who == basic("eve"):
			w.Header().Set("Remote-Groups", "guests")
		}
	})
	t.Setenv("HASH", hiccup)
	var b strings.Builder
	sites := map[string]string{}
	for name, g := range folderGuards {
		for backend, handler := range map[string]string{"files": "file_server browse", "proxy": "reverse_proxy {$ADDR} {\nheader_up Host files.test\n}"} {
			host := fmt.Sprintf("%s%d.test", backend, len(sites))
			sites[host] = name
			site := endOfPath.ReplaceAllString(g.site, "@end path $2\n$1 @end")
			site = strings.NewReplacer("BACKEND", handler, "{$AUTH}", auth).Replace(site)
			fmt.Fprintf(&b, "http://%s:{$PORT} {\nbind 127.0.0.1\nroot %s\n%s\n}\n", host, root, site)
		}
	}
	fmt.Fprintf(&b, "http://files.test:{$PORT} {\nbind 127.0.0.1\nroot %s\nfile_server browse\n}\n", root)
	srv := serve(t, "&(guarded) {\n@end path *secret*\nrespond @end 403\nfile_server browse\n}\n"+b.String())

	// the clients, and what a guard mentions that tells them from others
	clients := map[string]struct {
		header []string
		about  *regexp.Regexp
	}{
		"nobody": {nil, regexp.MustCompile("")},
		"bob":    {[]string{"Authorization", basic("bob")}, regexp.MustCompile("HASH|AUTH|user")},
		"eve":    {[]string{"Authorization", basic("eve")}, regexp.MustCompile("HASH|AUTH|user")},
		"wrong":  {[]string{"Authorization", "Basic Ym9iOndyb25n"}, regexp.MustCompile("HASH")},
		"right":  {[]string{"X-Right", "yes"}, regexp.MustCompile("X-Right")},
		"cookie": {[]string{"Cookie", "key=1; sort=name"}, regexp.MustCompile("Cookie|^exif {\nfolders\n}\nBACKEND")},
		"liar":   {[]string{"Remote-Groups", "staff"}, regexp.MustCompile("Remote-Groups")},
		"origin": {[]string{"Origin", "https://elsewhere.test"}, regexp.MustCompile("Access-Control")},
	}
	singles, folders, lines := 0, 0, 0
	for host, name := range sites {
		for client, c := range clients {
			if !c.about.MatchString(folderGuards[name].site) || strings.HasPrefix(host, "proxy") && client != "nobody" && client != "bob" {
				continue
			}
			header := c.header
			for _, query := range []string{"", "?key=1&name=a.jpg", "?n=1&sort=size&order=desc"} {
				if query != "" && (client != "nobody" || !strings.Contains(folderGuards[name].site, "query")) {
					continue
				}
				for _, path := range []string{"/f/", "/private/", "/f/sub/", "/none/", "/at/f/"} {
					if strings.HasPrefix(path, "/at/") != (name == "prefix") {
						continue
					}
					listing := srv.get(http.MethodGet, host, path+query, append([]string{"Accept", "application/json"}, header...)...)
					var listed []struct {
						Name  string
						URL   string
						IsDir bool `json:"is_dir"`
					}
					mayList := listing.status == http.StatusOK && json.Unmarshal([]byte(listing.body), &listed) == nil
					if list := folderGuards[name].list; list != nil {
						mayList = mayList && list(client, path)
					}
					for i, op := range operations[:2] {
						if i > 0 && (client != "nobody" || path != "/f/") {
							continue
						}
						folders++
						got := srv.get(http.MethodGet, host, path+op.suffix()+query, header...)
						what := fmt.Sprintf("%s (%s), %s, %s%s%s", name, host, client, path, op.suffix(), query)
						if name == "no folders" || name == "handle per folder" && path == "/private/" {
							if got.status != http.StatusBadRequest {
								t.Errorf("%s: got %d %s", what, got.status, got.body)
							}
							continue
						}
						if name == "front, folder alone" && path == "/f/" {
							mayList = false // nobody may
						}
						if (got.status == http.StatusOK) != mayList {
							t.Errorf("%s: got %d %s, and may list: %v", what, got.status, got.body, mayList)
						}
						if !mayList {
							continue
						}
						var want []string
						for _, l := range listed {
							if l.IsDir || strings.HasPrefix(l.Name, ".") {
								continue
							}
							singles++
							if line := singleLine(t, srv, host, path+strings.TrimPrefix(l.URL, "./"), l.Name, op, query, header, got.header.Get(cors)); line != "" {
								want = append(want, line)
							}
						}
						lines += len(want)
						if whole := strings.Replace("[\n"+strings.Join(want, ",\n")+"\n]\n", "\n\n", "\n", 1); got.body != whole {
							t.Errorf("%s: got\n%.2000s\nwant\n%.2000s", what, got.body, whole)
						}
					}
				}
			}
		}
	}
	t.Logf("%d folders, %d photos, %d lines", folders, singles, lines)
	if lines < 1000 {
		t.Errorf("only %d lines", lines)
	}
}

const cors = "Access-Control-Allow-Origin"

// singleLine returns the line for a photo, from the response to a request for it alone.
func singleLine(t *testing.T, srv *server, host, path, name string, op *operation, query string, header []string, origin string) string {
	t.Helper()
	r, err := srv.Try(t.Context(), http.MethodGet, host, path+op.suffix()+query, header...)
	if err != nil {
		return "" // the connection was closed
	}
	quoted, _ := json.Marshal(name)
	source := `{"SourceFile":` + strings.ReplaceAll(string(quoted), "{{", `{\u007b`)
	var e struct{ Code string }
	_ = json.Unmarshal([]byte(r.Body), &e)
	switch {
	case r.Status == http.StatusOK && origin != "" && r.Header.Get(cors) != origin:
	case r.Status == http.StatusOK && strings.HasPrefix(r.Body, "{") && r.Body != "{}":
		return source + "," + r.Body[1:]
	case r.Status == http.StatusOK && r.Body == "{}":
		return source + "}"
	case r.Status == http.StatusBadRequest && r.Body == "handled" && name == "broken.jpg":
		return source + `,"Error":"InvalidExif"}`
	case r.Status == http.StatusBadRequest && e.Code == "InvalidExif" || r.Status == http.StatusTooManyRequests || r.Status >= 500:
		return source + `,"Error":"` + e.Code + `"}`
	}
	return ""
}
