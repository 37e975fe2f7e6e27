package caddyexif

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/object"
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
			t.Errorf("%s: got %s after %d decodes, %v", name, res.body, decodes, err)
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

