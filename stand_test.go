package caddyexif

import (
	"bytes"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// place is a section of SECURITY.md about the right and wrong places for exif: configs besides those in its text,
// and what a client gets with each. Zero values of leaks and works stand for a guard on
// /private/*.jpg.
type place struct {
	wrong, right []string
	options      string
	leaks        func(ask func(path string, header ...string) reply) bool // reports whether a client gets EXIF that it must not get
	works        func(ask func(path string, header ...string) reply) bool // reports whether another client gets what it may
}

func hasGPS(r reply) bool {
	return r.status == 200 && strings.HasPrefix(r.body, "{") && strings.Contains(r.body, `"GPSLatitude"`)
}

func guardLeaks(ask func(path string, header ...string) reply) bool {
	return ask("/private/a.jpg").status != 200 && hasGPS(ask("/private/a.jpg"+suffix))
}

func openPhotoWorks(ask func(path string, header ...string) reply) bool {
	return hasGPS(ask("/open.jpg" + suffix))
}

var places = map[string]place{
	"A guard in another `handle`": {wrong: []string{
		"@exif path *@base@tag=exif\nhandle @exif {\nexif\n}\nhandle /private/* {\nrespond 403\n}\nfile_server",
		"photos.example.com/private/a.jpg {\nrespond 403\n}\nphotos.example.com {\nexif\nfile_server\n}",
	}, right: []string{
		"exif\nhandle /private/* {\nrespond 403\n}\nfile_server",
	}},
	"A `route` or an `order` with the guard before `exif`": {wrong: []string{
		"{\norder exif before file_server\n}\nphotos.example.com {\nrespond /private/*.jpg 403\nexif\nfile_server\n}",
		"route {\nforward_auth {$AUTH} {\nuri {uri}\n}\nexif\nfile_server\n}",
		"route {\nintercept {\n@private header X-Private *\nhandle_response @private {\nrespond 403\n}\n}\n" +
			"exif\nheader /private/* X-Private yes\nfile_server\n}",
		"@private {\npath /private/*\nnot path *@base@tag=exif\n}\nroute {\nrespond @private 403\nexif\nfile_server\n}",
		"@secret file /secret/{path.0}/{file}\nroute {\nrespond @secret 403\nexif\nfile_server\n}",
	}, right: []string{
		"exif\nforward_auth {$AUTH} {\nuri {uri}\n}\nfile_server",
		"exif\nintercept {\n@private header X-Private *\nhandle_response @private {\nrespond 403\n}\n}\n" +
			"route {\nheader /private/* X-Private yes\nfile_server\n}",
		"@private {\npath /private/*\nnot path *@base@tag=exif\n}\nexif\nrespond @private 403\nfile_server",
		"exif\n@secret file /secret/{path.0}/{file}\nrespond @secret 403\nfile_server",
	}},
	"Values that are made before `exif`": {wrong: []string{
		"@jpg path */a.jpg\nroot {$ROOT}\nroot @jpg /nowhere\nexif\nfile_server",
		"@jpg path *.jpg\nmap @jpg {path} {secret} {\n~^/private/ yes\ndefault no\n}\nexif\n@secret vars {secret} yes\nrespond @secret 403\nfile_server",
		"vars asked {path}\nexif\n@secret vars_regexp {vars.asked} ^/private/.*\\.jpg$\nrespond @secret 403\nfile_server",
		"@name path_regexp name ^/private/(.*)$\nheader @name X-Name {re.name.1}\nexif\n@secret vars_regexp {re.name.1} \\.jpg$\nrespond @secret 403\nfile_server",
	}, right: []string{
		"root {$ROOT}\nroot /private/* /nowhere\nexif\nfile_server",
	}},
	"A guard in front of this Caddy": {wrong: []string{
		"intercept {\n@private header X-Private *\nhandle_response @private {\nrespond 403\n}\n}\nreverse_proxy backend:8080",
	}},
	"The original path after a rewrite to the suffix": {
		leaks: func(ask func(string, ...string) reply) bool {
			return ask("/private/a.jpg").status == 403 && hasGPS(ask("/private/a.jpg@exif"))
		},
		works: func(ask func(string, ...string) reply) bool { return hasGPS(ask("/open.jpeg@exif")) },
	},
	"Two `exif`": {
		wrong: []string{"@jpg path *.jpg\nexif @jpg {\nomit GPS*\n}\nexif\nfile_server"},
		leaks: func(ask func(string, ...string) reply) bool { return hasGPS(ask("/private/a.jpg" + suffix)) },
	},
	"Rules about the path": {
		wrong: []string{
			"handle_path /photos/* {\nexif {\nallow GetObject\ndeny GetObject path /photos/private/*\n}\nfile_server\n}",
			"exif {\nallow GetObject\ndeny GetObject path /private/*\n}\nrewrite /photos/private/* /private/a.jpg\nfile_server",
			"exif {\nallow GetObject\ndeny GetObject path /private/*\n}\nhandle_path /photos/* {\nfile_server\n}\nhandle {\nfile_server\n}",
			"exif {\nallow GetObject\ndeny GetObject `{path}.startsWith(\"/private/\") || {path}.startsWith(\"/photos/private/\")`\n}\nuri strip_prefix /photos\nfile_server",
		},
		right: []string{
			"handle_path /photos/* {\nexif {\nallow GetObject\ndeny GetObject path /private/*\n}\nfile_server\n}\nhandle {\nexif {\nallow GetObject\ndeny GetObject path /private/*\n}\nfile_server\n}",
			"exif {\nallow GetObject\ndeny GetObject path_regexp ^(/photos)?/private/\n}\nhandle_path /photos/* {\nfile_server\n}\nhandle {\nfile_server\n}",
		},
		leaks: func(ask func(string, ...string) reply) bool {
			return hasGPS(ask("/photos/private/a.jpg"+suffix)) || hasGPS(ask("//private/a.jpg"+suffix)) ||
				hasGPS(ask("/./private/a.jpg"+suffix)) || hasGPS(ask("/%70rivate%2fa.jpg"+suffix))
		},
	},
	"Rules about what the client says": {
		wrong: []string{
			"exif {\nallow GetObject header Remote-Groups staff\n}\nfile_server",
			"exif {\nallow GetObject\ndeny GetObject header Cookie *stranger*\n}\nfile_server",
			"exif {\nallow GetObject query token=*\n}\nfile_server",
		},
		right: []string{
			"exif {\nallow GetObject header Remote-Groups staff\n}\nforward_auth {$AUTH} {\nuri /groups\ncopy_headers Remote-Groups\n}\nfile_server",
		},
		leaks: func(ask func(string, ...string) reply) bool {
			return hasGPS(ask("/open.jpg"+suffix, "Authorization", "Bearer anything")) || hasGPS(ask("/open.jpg"+suffix, "Remote-Groups", "staff")) ||
				hasGPS(ask("/open.jpg"+suffix)) || hasGPS(ask("/open.jpg"+suffix+"?token=anything"))
		},
		works: func(ask func(string, ...string) reply) bool {
			return hasGPS(ask("/open.jpg"+suffix, "Authorization", basic("bob")))
		},
	},
	"Rules about addresses behind a proxy": {
		wrong: []string{
			"{\nservers {\ntrusted_proxies static 10.0.0.5\n}\n}\n" +
				"photos.example.com {\nexif {\nallow GetObject client_ip 192.168.0.0/16\n}\nfile_server\n}",
			"{\nservers {\ntrusted_proxies static 10.0.0.5 10.1.0.0/16\ntrusted_proxies_strict\n}\n}\n" +
				"photos.example.com {\nexif {\nallow GetObject client_ip 192.168.0.0/16\n}\nfile_server\n}",
		},

		// The balancer, played by this client, appends the last address; its client sent the one before.
		leaks: func(ask func(string, ...string) reply) bool {
			return hasGPS(ask("/open.jpg"+suffix, "X-Forwarded-For", "192.168.0.9, 203.0.113.7")) ||
				hasGPS(ask("/open.jpg"+suffix, "X-Forwarded-For", "192.168.0.9, 10.1.0.7"))
		},
		works: func(ask func(string, ...string) reply) bool {
			return hasGPS(ask("/open.jpg"+suffix, "X-Forwarded-For", "192.168.0.9"))
		},
	},
	"A shared cache in front": {
		wrong: []string{"@jpg path *.jpg\nheader Cache-Control public\nheader @jpg >Cache-Control private\nexif\nfile_server"},
		right: []string{"header Cache-Control public\nheader /private/* >Cache-Control private\nexif\nfile_server"},
		leaks: func(ask func(string, ...string) reply) bool {
			r := ask("/private/a.jpg" + suffix)
			return hasGPS(r) && r.header.Get("Cache-Control") != "private"
		},
	},
	"The cache of `exif`, and what it can't see": {
		right:   []string{"exif\nroot /srv/by-address/{client_ip}\nfile_server"},
		options: "servers {\ntrusted_proxies static 10.0.0.5\n}",
		leaks: func(ask func(string, ...string) reply) bool {
			return hasGPS(ask("/a.jpg"+suffix, "X-Forwarded-For", "192.0.2.1")) &&
				strings.Contains(ask("/a.jpg"+suffix, "X-Forwarded-For", "192.0.2.2").body, "SN-0042")
		},
		works: func(ask func(string, ...string) reply) bool {
			return strings.Contains(ask("/a.jpg"+suffix, "X-Forwarded-For", "192.0.2.2").body, "SN-0043")
		},
	},
}

var (
	sections     = regexp.MustCompile("(?m)^##+ (.*)$")
	markedConfig = regexp.MustCompile("(?ms)^```caddyfile\n# (wrong|right)\n(.*?)^```")
	globals      = regexp.MustCompile(`(?s)^\{\n(.*?)\n\}\n`)
)

// TestWhereToStand runs the configs of SECURITY.md. Those marked wrong must leak, as the document says (which may
// change with Caddy), and those marked right must not.
func TestWhereToStand(t *testing.T) {
	doc, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	heads := sections.FindAllSubmatchIndex(doc, -1)
	tried := 0
	for i, head := range heads {
		end := len(doc)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		blocks := markedConfig.FindAllSubmatch(doc[head[0]:end], -1)
		name := string(doc[head[2]:head[3]])
		p, ok := places[name]
		if !ok && len(blocks) == 0 {
			continue
		}
		tried++
		for _, b := range blocks {
			if string(b[1]) == "wrong" {
				p.wrong = append([]string{string(b[2])}, p.wrong...)
			} else {
				p.right = append([]string{string(b[2])}, p.right...)
			}
		}
		t.Run(name, func(t *testing.T) {
			if !ok || len(blocks) < 2 {
				t.Fatalf("SECURITY.md has %d configs, and places has them: %t", len(blocks), ok)
			}
			if p.leaks == nil {
				p.leaks = guardLeaks
			}
			if p.works == nil {
				p.works = openPhotoWorks
			}
			for _, config := range p.wrong {
				t.Run("wrong", func(t *testing.T) {
					ask, _ := site(t, p.options, config)
					if !p.leaks(ask) {
						t.Errorf("nothing leaks, so SECURITY.md warns for nothing:\n%s", config)
					}
				})
			}
			for _, config := range p.right {
				t.Run("right", func(t *testing.T) {
					ask, warnings := site(t, p.options, config)
					if len(warnings) > 0 {
						t.Errorf("got warnings %q of:\n%s", warnings, config)
					}
					if p.leaks(ask) {
						t.Errorf("leaks:\n%s", config)
					}
					if !p.works(ask) {
						t.Errorf("doesn't answer who may:\n%s", config)
					}
				})
			}
		})
	}
	if tried != len(places) {
		t.Errorf("SECURITY.md has %d of %d places", tried, len(places))
	}
}

// site runs a config of SECURITY.md, adding a root if it has none, and returns a function for requests to it, and
// the warnings about the place of exif.
func site(t *testing.T, options, config string) (ask func(path string, header ...string) reply, warnings []string) {
	t.Helper()
	photo := testimage.Samples()["photo.jpg"] // has GPS tags
	root := t.TempDir()
	when := time.Unix(1.7e9, 0)
	for name, b := range map[string][]byte{
		"open.jpg": photo, "open.jpeg": photo, "private/a.jpg": photo, "secret/private/a.jpg": nil,
		"192.0.2.1/a.jpg": photo, "192.0.2.2/a.jpg": bytes.Replace(photo, []byte("SN-0042"), []byte("SN-0043"), 1),
	} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, name, b)
		if err := os.Chtimes(name, when, when); err != nil { // gives both the same ETag
			t.Fatal(err)
		}
	}
	auth := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		uri := r.Header.Get("X-Forwarded-Uri")
		switch {
		case r.Header.Get("Authorization") == basic("bob"):
			w.Header().Set("Remote-Groups", "staff")
		case r.URL.Path != "/groups" && strings.HasPrefix(uri, "/private/") && strings.HasSuffix(uri, ".jpg"):
			w.WriteHeader(http.StatusForbidden)
		}
	})
	t.Setenv("HASH", hiccup)

	if g := globals.FindStringSubmatch(config); g != nil {
		options, config = g[1], config[len(g[0]):]
	}
	const own = "bind 127.0.0.1\nroot {$ROOT}\n"
	if !strings.Contains(config, "photos.example.com") {
		config = "photos.example.com {\n" + config + "\n}\n"
	}
	config = strings.ReplaceAll(config, "photos.example.com", "http://photos.example.com:{$PORT}")
	config = regexp.MustCompile(`(?m)^http.*\{$`).ReplaceAllString(config, "$0\nbind 127.0.0.1")
	if !regexp.MustCompile(`(?m)^root `).MatchString(config) {
		config = strings.ReplaceAll(config, "bind 127.0.0.1", own)
	}
	config = strings.NewReplacer("backend:8080", "{$ADDR} {\nheader_up Host backend.test\n}", "{$AUTH}", auth,
		"/srv/by-address", "{$ROOT}").Replace(config)
	config += "\nhttp://backend.test:{$PORT} {\n" + own + "exif\nroute {\nheader /private/* X-Private yes\nfile_server\n}\n}\n"
	options = strings.ReplaceAll(options, "10.0.0.5", "127.0.0.1") // this client is the balancer
	srv := serveWith(t, options, strings.ReplaceAll(config, "{$ROOT}", filepath.ToSlash(root)))
	return func(path string, header ...string) reply {
		return srv.get(http.MethodGet, "photos.example.com", path, header...)
	}, warningsOfPlace(t, srv)
}

// TestLogsOfCaddy checks which of Caddy's own loggers log the path of a request for EXIF: exactly those that
// SECURITY.md names, and none with its filter.
func TestLogsOfCaddy(t *testing.T) {
	doc, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	filter := regexp.MustCompile("(?s)```caddyfile\n\\{\n\tlog \\{\n(.*?\n)\t\\}\n\\}\n").FindSubmatch(doc)
	if filter == nil {
		t.Fatal("SECURITY.md has no filter")
	}
	want := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(http\\.[a-z._]+)` \\|").FindAllSubmatch(doc, -1) {
		want[string(row[1])] = true
	}
	root := samples(t)
	endless := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Write(testimage.Samples()["photo.jpg"])
		for _, err := w.Write(make([]byte, 1<<20)); err == nil; _, err = w.Write(make([]byte, 1<<20)) {
		}
	})
	breaks := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "99999")
		w.Write(testimage.Samples()["photo.jpg"][:100])
	})
	sites := map[string]string{
		"files":      "log\nexif\nfile_server",
		"moved":      "log\nexif\nredir /private/* {path}?QSECRET",
		"skip":       "log\nlog_skip /private/*\nexif\nfile_server",
		"skip-end":   "@jpg path *.jpg\nlog\nlog_skip @jpg\nexif\nfile_server",
		"passed":     "exif {\npass_errors\n}\nreverse_proxy 127.0.0.1:1",
		"down":       "exif\nreverse_proxy 127.0.0.1:1",
		"endless":    "exif\nreverse_proxy " + endless,
		"breaks":     "exif\nreverse_proxy " + breaks,
		"expression": "exif {\nallow GetObject `timestamp({path}) > timestamp('2020-01-01T00:00:00Z')`\n}\nfile_server",
	}
	var b strings.Builder
	for name, site := range sites {
		b.WriteString("http://" + name + ".test:{$PORT} {\nbind 127.0.0.1\nroot " + filepath.ToSlash(root) + "\n" + site + "\n}\n")
	}
	file := filepath.Join(t.TempDir(), "filtered.log")
	srv := serveWith(t, "log filtered {\noutput file "+filepath.ToSlash(file)+"\nlevel INFO\n"+string(filter[1])+"}", b.String())
	for name := range sites {
		target := "/private/a.jpg" + suffix
		if name != "moved" { // there, only Location has it
			target += "?QSECRET"
		}
		srv.get(http.MethodGet, name+".test", target, "Referer", "http://photos.test/private/a.jpg")
	}
	srv.get(http.MethodOptions, "down.test", "/private/a.jpg"+suffix+"?QSECRET")
	srv.Stop()

	secret := regexp.MustCompile(`private/a|QSECRET`)
	got, skipped := map[string]bool{}, map[string]bool{"skip.test": true, "skip-end.test": true}
	for _, e := range srv.Log() {
		if e.Level <= zapcore.DebugLevel || !secret.MatchString(e.Line) {
			continue
		}
		name := e.Logger
		if strings.HasPrefix(name, "http.log.access") { // named http.log.access.log0
			name = "http.log.access"
		}
		got[name] = true
		if r, ok := e.Fields["request"].(map[string]any); ok && name == "http.log.access" && e.Message == "handled request" {
			delete(skipped, r["host"].(string)) //nolint:forcetypeassert // Caddy's own
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the path is logged by %v, SECURITY.md says by %v", got, want)
	}
	if len(skipped) != 1 || !skipped["skip.test"] {
		t.Errorf("log_skip skipped %v", skipped)
	}
	filtered, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if name != "http.matchers.expression" && !bytes.Contains(filtered, []byte(`"`+name)) {
			t.Errorf("the filtered log has nothing of %s", name)
		}
	}
	if found := secret.Find(filtered); found != nil {
		t.Errorf("the filtered log has %s:\n%s", found, filtered)
	}
}
