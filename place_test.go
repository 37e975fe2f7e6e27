package caddyexif

import (
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
)

// warningsOfPlace returns the warnings about exif's place that Caddy logged when it started.
func warningsOfPlace(t *testing.T, s *server) (warnings []string) {
	t.Helper()
	for _, e := range s.Log() {
		if e.Logger == "http.handlers.exif" && e.Level == zapcore.WarnLevel {
			if see, _ := e.Fields["see"].(string); !strings.HasSuffix(see, "SECURITY.md#where-exif-must-stand") {
				t.Errorf("got %s, want the section", e.Line)
			}
			warnings = append(warnings, e.Message)
		}
	}
	return warnings
}

// TestWrongPlaceIsLogged checks which configs are warned of when Caddy starts, and that right ones aren't.
func TestWrongPlaceIsLogged(t *testing.T) {
	const (
		blind   = `no request for an operation comes to exif: the matcher "`
		late    = `no request comes to exif: `
		guarded = `a guard before exif doesn't protect EXIF: the matcher "`
	)
	login := "{\nbob " + hiccup + "\n}"
	for _, tc := range []struct{ name, config, want string }{
		{"path matcher", "@jpg path *.jpg\nexif @jpg", blind + "*.jpg"},
		{"path matchers", "@jpg path *.jpg *.png\nexif @jpg", blind + "*.jpg"},
		{"exact path", "exif /photo.jpg", blind + "/photo.jpg"},
		{"escaped path", "@jpg path *%2ejpg\nexif @jpg", blind + "*%2ejpg"},
		{"path_regexp", `@jpg path_regexp \.(jpe?g|png)$` + "\nexif @jpg", blind},
		{"block around it", "@jpg path *.jpg\nhandle @jpg {\nexif\nfile_server\n}", blind + "*.jpg"},
		{"prefix", "exif /photos/*", ""},
		{"one of several paths", "@photos path *.jpg /photos/*\nexif @photos", ""},
		{"suffix", "@exif path *@base@tag=exif\nexif @exif", ""},
		{"a part of the suffix", "@exif path *=EXIF\nexif @exif", ""},
		{"suffix in path_regexp", `@exif path_regexp @base@tag=exif$` + "\nexif @exif", ""},
		{"open path_regexp", `@exif path_regexp ^/photos/` + "\nexif @exif", ""},
		{"no path", "@bob header User bob\nexif @bob", ""},

		{"route", "route {\nrespond /private/*.jpg 403\nexif\nfile_server\n}", guarded + "/private/*.jpg"},
		{"login in a route", "@jpg path *.jpg\nroute {\nbasic_auth @jpg " + login + "\nexif\nfile_server\n}", guarded + "*.jpg"},
		{"forward_auth in a route", "@jpg path *.jpg\nroute {\nforward_auth @jpg 127.0.0.1:1 {\nuri /\n}\nexif\nfile_server\n}", guarded + "*.jpg"},
		{"error in a route", "route {\nerror /private/*.jpg 404\nexif\nfile_server\n}", guarded + "/private/*.jpg"},
		{"abort in a route", "route {\nabort /private/*.jpg\nexif\nfile_server\n}", guarded + "/private/*.jpg"},
		{"redir to a login", "route {\nredir /private/*.jpg /login\nexif\nfile_server\n}", guarded + "/private/*.jpg"},
		{"path_regexp in a route", "@jpg path_regexp ^/private/.*\\.jpg$\nroute {\nrespond @jpg 403\nexif\nfile_server\n}", guarded + "^/private/"},
		{"guard around a block", "@jpg path *.jpg\nbasic_auth @jpg " + login + "\nhandle {\nexif\nfile_server\n}", guarded + "*.jpg"},
		{"guard of a host", "@host host a.test\nroute {\nroute @host {\nrespond /private/*.jpg 403\n}\nexif\nfile_server\n}", guarded + "/private/*.jpg"},
		{"guard in another handle", "handle /private/*.jpg {\nrespond 403\n}\nhandle {\nexif\nfile_server\n}", guarded + "/private/*.jpg"},
		{"guard in a nested block", "@jpg path *.jpg\nroute {\nhandle /private/* {\nrespond @jpg 403\n}\nexif\nfile_server\n}", guarded + "*.jpg"},

		{"after file_server", "route {\nfile_server\nexif {\nredact\nomit GPS*\n}\n}", late + "file_server responds to all before it"},
		{"after reverse_proxy", "route {\nreverse_proxy 127.0.0.1:1\nexif\n}", late + "reverse_proxy"},
		{"after respond", "route {\nrespond 200\nexif\n}", late + "respond"},
		{"after another route's file_server", "route {\nfile_server\nexif /photos/*\n}", late + "file_server"},
		{"after another route's reverse_proxy", "route {\nreverse_proxy 127.0.0.1:1\nexif /photos/*\n}", late + "reverse_proxy"},
		{"after another route's respond", "route {\nrespond 200\nexif /photos/*\n}", late + "respond"},
		{"after another route's block", "route {\nroute {\nheader X-A b\nfile_server\n}\nexif /photos/*\n}", late + "file_server"},
		{"after another route that passes on", "route {\nfile_server {\npass_thru\n}\nexif /photos/*\nfile_server\n}", ""},
		{"after another route's forward_auth", "route {\nforward_auth 127.0.0.1:1 {\nuri /\n}\nexif /photos/*\nfile_server\n}", ""},
		{"after a block of some paths", "route {\nroute {\nfile_server /static/*\n}\nexif /photos/*\nfile_server\n}", ""},
		{"after a block", "route {\nhandle {\nfile_server\n}\nexif\n}", late + "file_server"},
		{"after the file_server of a folder", "route {\nfile_server /static/*\nexif\nfile_server\n}", ""},
		{"after a file_server that passes on", "route {\nfile_server {\npass_thru\n}\nexif\nfile_server\n}", ""},
		{"after forward_auth", "route {\nforward_auth 127.0.0.1:1 {\nuri /\n}\nexif\nfile_server\n}", ""},
		{"in a block before another", "route {\nhandle {\nexif\nfile_server\n}\nrespond 404\n}", ""},
		{"before file_server, whatever the order", "file_server\nexif", ""},

		{"guard after it", "exif\nrespond /private/*.jpg 403\nfile_server", ""},
		{"guard after it in a route", "route {\nexif\nrespond /private/*.jpg 403\nfile_server\n}", ""},
		{"guard of a folder", "route {\nrespond /private/* 403\nexif\nfile_server\n}", ""},
		{"guard of all", "route {\nbasic_auth " + login + "\nexif\nfile_server\n}", ""},
		{"no guard", "@jpg path *.jpg\nroute {\nheader @jpg X-A b\nrespond /healthz 200\nrespond /early/*.jpg 103\nrespond /early/a.jpg 204\nfile_server /app.css\nexif\nfile_server\n}", ""},
		{"handles after it", "exif\nhandle /private/*.jpg {\nrespond 403\n}\nhandle {\nfile_server\n}", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := warningsOfPlace(t, serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\n"+tc.config+"\n}"))
			if tc.want == "" && len(got) > 0 || tc.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tc.want)) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
