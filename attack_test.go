package caddyexif

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestOwnLoadReturnsItsOwn has another user's response get into the cache while a request loads, in
// each way that otter has for that: the request gets what it decoded itself.
func TestOwnLoadReturnsItsOwn(t *testing.T) {
	alice := &response{body: []byte("alice"), tag: `"1"`, left: object.Left{User: "alice"}}
	bob := &response{body: []byte("bob"), tag: `"1"`, left: object.Left{User: "bob"}}
	for name, meanwhile := range map[string]func(c *responseCache){
		"written":     func(c *responseCache) { c.c.Set(cacheKey{}, alice) },
		"invalidated": func(c *responseCache) { c.c.Invalidate(cacheKey{}) },
	} {
		c, err := newResponseCache(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		decodes := 0
		res, err := c.load(t.Context(), cacheKey{}, bob.tag, bob.left, func() (*response, error) {
			decodes++
			meanwhile(c)
			return bob, nil
		})
		if err != nil || res != bob || decodes != 1 {
			t.Errorf("%s: got %+v after %d decodes, %v", name, res, decodes, err)
		}
	}
}

// TestPanicInLoad has a next handler panic while the cache loads: net/http logs it as any other, and
// the next request isn't touched by it.
func TestPanicInLoad(t *testing.T) {
	photo := farPhoto()
	broken := true
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if broken && !strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") {
			panic("broken handler")
		}
		w.Header().Set("Etag", `"1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
		return nil
	})
	h := provisioned(t, &Handler{})
	func() {
		defer func() {
			if p := recover(); !strings.Contains(fmt.Sprint(p), "broken handler") {
				t.Errorf("got panic %v", p)
			}
		}()
		got := ask(t.Context(), h, next, "")
		t.Errorf("got %d %s", got.Code, got.Body)
	}()
	broken = false
	if got := ask(t.Context(), h, next, ""); got.Body.String() != `{"Make":"far away"}` {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

// TestFolderUnderPrefix has a client that may not learn what is missing ask for folders, where the
// redirect that adds a slash has the path from before a rewrite.
func TestFolderUnderPrefix(t *testing.T) {
	root := samples(t)
	for _, folder := range []string{"sub", "sub/dir", "dir.jpg"} {
		writeFile(t, filepath.Join(root, folder, "index.html"), nil)
	}
	const rules = "exif {\nallow GetObject\n}\n"
	srv := serve(t, `http://stripped.test:{$PORT} {
	bind 127.0.0.1
	handle_path /photos/* {
		`+rules+`
		root `+root+`
		file_server
	}
}
http://upstream.test:{$PORT} {
	bind 127.0.0.1
	route {
		uri strip_prefix /photos
		`+rules+`
		rewrite * /files{uri}
		reverse_proxy {$ADDR} {
			header_up Host files.test
		}
	}
}
http://files.test:{$PORT} {
	bind 127.0.0.1
	handle_path /files/* {
		root `+root+`
		file_server
	}
}
`)
	for _, site := range []string{"stripped.test", "upstream.test"} {
		if got := srv.exif(site, "/photos/sub/dir/a.jpg"); got.status != 200 {
			t.Errorf("%s: got %d %s", site, got.status, got.body)
		}
		missing := srv.exif(site, "/photos/nope")
		for _, folder := range []string{"/photos/sub", "/photos/sub/dir", "/photos/dir.jpg"} {
			if got := srv.exif(site, folder); got.status != 403 || flat(got) != flat(missing) {
				t.Errorf("%s%s: a folder is\n%s\nwhat is missing\n%s", site, folder, flat(got), flat(missing))
			}
		}
	}
}

// TestChangedObjectKeepsItsLimits has an object change in the middle of a decode that needs more than
// half of what a request may read. That the second attempt then meets the limit says nothing about the
// object, so it isn't cached.
func TestChangedObjectKeepsItsLimits(t *testing.T) {
	block := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "far away")}}
	photo := testimage.PNG(testimage.Gradient(8, 8), testimage.PNGChunk("juNk", make([]byte, 1<<20)),
		testimage.PNGChunk("eXIf", block.Encode()))
	requests, tag := 0, `"1"`
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if requests++; requests == 2 {
			tag = `"2"`
		}
		w.Header().Set("Etag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
		return nil
	})
	h := provisioned(t, &Handler{Window: minWindow, MaxRead: 2 * minWindow})
	if got := ask(t.Context(), h, next, ""); !strings.Contains(got.Body.String(), "ImageTooLarge") {
		t.Errorf("got %d %s: the test proves nothing", got.Code, got.Body)
	}
	for range 2 {
		if got := ask(t.Context(), h, next, ""); got.Body.String() != `{"Make":"far away"}` {
			t.Errorf("got %d %s", got.Code, got.Body)
		}
	}
}

// TestNotModifiedOfAnotherTag has the next handlers answer 304 with a tag that isn't the cached
// response's, which says nothing about it (RFC 9111, section 4.3.4).
func TestNotModifiedOfAnotherTag(t *testing.T) {
	version := "1"
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Etag", `"`+version+`"`)
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified) // without comparing
			return nil
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photoBy(version)))
		return nil
	})
	h := provisioned(t, &Handler{})
	for _, version = range []string{"1", "1", "2", "2", "1"} {
		if got := ask(t.Context(), h, next, ""); got.Body.String() != `{"Artist":"`+version+`"}` {
			t.Errorf("of version %s got %d %s", version, got.Code, got.Body)
		}
	}
}
