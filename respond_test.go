package caddyexif

import (
	"net/http"
	"strings"
	"testing"
)

// TestConditions asks again with the validators of an answer, behind stores that know conditions and
// one that ignores them.
func TestConditions(t *testing.T) {
	root := samples(t)
	ignores := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		for _, k := range []string{"If-None-Match", "If-Modified-Since"} {
			r.Header.Del(k)
		}
		w.Header().Set("Etag", `"v1"`)
		http.ServeFile(w, r, root+r.URL.Path)
	})
	bare := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		// a store whose 304 has no ETag
		if r.Header.Get("If-None-Match") == `"v1"` && r.URL.Path != "/nope.jpg" {
			w.WriteHeader(304)
			return
		}
		r.Header.Del("If-None-Match")
		w.Header().Set("Etag", `"v1"`)
		http.ServeFile(w, r, root+r.URL.Path)
	})
	srv := serve(t, `
http://files.test:{$PORT} {
	bind 127.0.0.1
	exif
	root * `+root+`
	file_server
}
http://described.test:{$PORT} {
	bind 127.0.0.1
	exif {
		values described
	}
	root * `+root+`
	file_server
}
http://ignores.test:{$PORT} {
	bind 127.0.0.1
	exif {
		cache off
	}
	reverse_proxy `+ignores+`
}
http://bare.test:{$PORT} {
	bind 127.0.0.1
	exif {
		cache off
	}
	reverse_proxy `+bare+`
}
`)
	tags := map[string]bool{}
	for _, site := range []string{"files.test", "described.test", "ignores.test", "bare.test"} {
		first := srv.exif(site, "/iphone-4s.jpg")
		tag, modified := first.header.Get("Etag"), first.header.Get("Last-Modified")
		if first.status != 200 || tag == "" || modified == "" {
			t.Fatalf("%s: got %d, ETag %q, Last-Modified %q", site, first.status, tag, modified)
		}
		tags[tag] = true
		for _, tc := range []struct {
			name, value string
			status      int
		}{
			{"If-None-Match", tag, 304},
			{"If-None-Match", "W/" + tag, 304},
			{"If-None-Match", `"other", ` + tag, 304},
			{"If-None-Match", "*", 304},
			{"If-None-Match", `"other"`, 200},
			{"If-None-Match", strings.Replace(tag, "-exif", "-exig", 1), 200},
			{"If-Modified-Since", modified, 304},
			{"If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200},
			{"If-Modified-Since", "nonsense", 200},
		} {
			got := srv.exif(site, "/iphone-4s.jpg", tc.name, tc.value)
			if got.status != tc.status || tc.status == 304 && (got.body != "" || got.header.Get("Etag") != tag && tc.name == "If-None-Match") {
				t.Errorf("%s: %s: %s: got %d, ETag %q, %q; want %d, ETag %s", site, tc.name, tc.value, got.status, got.header.Get("Etag"), got.body, tc.status, tag)
			}
		}
		if got := srv.exif(site, "/nope.jpg", "If-None-Match", tag); got.status != 404 {
			t.Errorf("%s: missing: got %d", site, got.status)
		}
	}
	if len(tags) != 3 {
		t.Errorf("got tags %v: raw and described must differ", tags)
	}
}

// TestCache has a kept answer go out only when the handlers behind say so.
func TestCache(t *testing.T) {
	root := samples(t)
	rec := new(recorder)
	addr := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		rec.add(r.Clone(r.Context()))
		switch {
		case strings.HasPrefix(r.URL.Path, "/private/") && r.Header.Get("Authorization") == "":
			w.WriteHeader(401)
			return
		case r.URL.Path == "/weak.jpg":
			w.Header().Set("Etag", `W/"x"`)
			http.ServeFile(w, r, root+"/iphone-4s.jpg")
			return
		case r.URL.Path == "/cors.jpg":
			w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
			w.Header().Set("Vary", "Origin")
			w.Header().Set("Etag", `"x"`)
			http.ServeFile(w, r, root+"/iphone-4s.jpg")
			return
		}
		b := http.Dir(root)
		f, err := b.Open(r.URL.Path)
		if err != nil {
			w.WriteHeader(404)
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			w.WriteHeader(500)
			return
		}
		w.Header().Set("Etag", `"`+info.ModTime().String()+`"`)
		http.ServeContent(w, r, "", info.ModTime(), f)
	})
	srv := serve(t, `http://a.test:{$PORT} {
	bind 127.0.0.1
	exif
	reverse_proxy `+addr+`
}
`)
	for i := range 3 {
		rec.take()
		got := srv.exif("a.test", "/private/a.jpg", "Authorization", "Bearer x")
		if got.status != 200 || got.body != iphone4S || got.header.Get("Etag") == "" || got.header.Get("Last-Modified") == "" {
			t.Errorf("%d: got %d %v %s", i, got.status, got.header, got.body)
		}
		reqs := rec.take()
		if len(reqs) != 1 || (reqs[0].Header.Get("If-None-Match") != "") != (i > 0) {
			t.Errorf("%d: got %d requests, %v", i, len(reqs), reqs[0].Header)
		}
	}
	if got := srv.exif("a.test", "/private/a.jpg"); got.status != 401 {
		t.Errorf("without rights: got %d %s", got.status, got.body)
	}
	if got := srv.exif("a.test", "/private/a.jpg", "Authorization", "Bearer x", "If-None-Match", `"other"`); got.status != 200 || got.body != iphone4S {
		t.Errorf("with another tag: got %d %s", got.status, got.body)
	}

	writeFile(t, root+"/private/a.jpg", []byte("GIF89a"))
	if got := srv.exif("a.test", "/private/a.jpg", "Authorization", "Bearer x"); got.status != 200 || got.body != "{}" {
		t.Errorf("changed: got %d %s", got.status, got.body)
	}
	for range 2 {
		rec.take()
		srv.exif("a.test", "/weak.jpg")
		if reqs := rec.take(); reqs[0].Header.Get("If-None-Match") != "" {
			t.Error("an object with a weak tag was kept")
		}
	}
	for _, origin := range []string{"https://a.test", "https://b.test", "https://a.test"} {
		got := srv.exif("a.test", "/cors.jpg", "Origin", origin)
		if got.status != 200 || got.header.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("%s: got %d %v", origin, got.status, got.header)
		}
	}
}

func TestRelocate(t *testing.T) {
	for in, want := range map[string]string{
		"/b.jpg":                 "/b.jpg" + suffix,
		"/b%2Fc.jpg?x=1":         "/b%2Fc.jpg" + suffix + "?x=1",
		"b.jpg":                  "b.jpg" + suffix,
		"http://A.test/b.jpg":    "http://A.test/b.jpg" + suffix,
		"//a.test/b.jpg":         "//a.test/b.jpg" + suffix,
		"https://a.test/b.jpg#x": "https://a.test/b.jpg" + suffix + "#x",
		"http://b.test/b.jpg":    "http://b.test/b.jpg",
		"?x=1":                   "?x=1",
		"mailto:a@a.test":        "mailto:a@a.test",
		"http://a.test.evil/b":   "http://a.test.evil/b",
		"https://a.test@evil/b":  "https://a.test@evil/b",
		"http://[::1":            "http://[::1",
	} {
		if got := relocate(in, "a.test", suffix); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
