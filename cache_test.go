package caddyexif

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// farPhoto is an image whose EXIF lies in its last bytes, a megabyte from its start.
func farPhoto() []byte {
	block := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "far away")}}
	return testimage.PNG(testimage.Gradient(8, 8), testimage.PNGChunk("juNk", make([]byte, 1<<20)),
		testimage.PNGChunk("eXIf", block.Encode()))
}

// crowd lets many requests ask for the same object at once: none is answered its first window
// before all have asked for it.
type crowd struct {
	photo   []byte
	all     sync.WaitGroup
	later   atomic.Int64 // requests for what isn't the first window
	further func() error // before each of those
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	if strings.HasPrefix(r.Header.Get("Range"), "bytes=0-") {
		c.all.Done()
		c.all.Wait()
		if r.UserAgent() == "" {
			return caddyhttp.Error(http.StatusForbidden, nil)
		}
	} else {
		c.later.Add(1)
		if err := c.further(); err != nil {
			return err
		}
	}
	w.Header().Set("Etag", `"1"`)
	w.Header().Set("Cache-Control", "for "+r.UserAgent())
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(c.photo))
	return nil
}

func provisioned(t *testing.T, h *Handler) *Handler {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	if err := h.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	return h
}

// ask asks for the EXIF as that user agent: one of the fields by which no user is told from another.
func ask(ctx context.Context, h *Handler, next caddyhttp.Handler, agent string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/photo.png"+suffix, nil)
	if agent != "" {
		r.Header.Set("User-Agent", agent)
	}
	if err := h.ServeHTTP(w, caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, nil), next); err != nil {
		w.Code = http.StatusTeapot
	}
	return w
}

// TestOneDecodesForMany has the handlers let most of many requests through: one of them decodes.
func TestOneDecodesForMany(t *testing.T) {
	const want = `{"Make":"far away"}`
	c := &crowd{photo: farPhoto(), further: func() error { return nil }}
	c.all.Add(1)
	alone := ask(t.Context(), provisioned(t, &Handler{}), c, "alone")
	if got := alone.Body.String(); got != want {
		t.Fatalf("got %d %s", alone.Code, got)
	}
	needed := c.later.Swap(0)
	if needed == 0 {
		t.Fatal("the first window had it all")
	}

	const n = 64
	h := provisioned(t, &Handler{})
	c.all.Add(n)
	answers := make([]*httptest.ResponseRecorder, n)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			agent := ""
			if i%4 > 0 {
				agent = strings.Repeat("x", i)
			}
			answers[i] = ask(t.Context(), h, c, agent)
		})
	}
	wg.Wait()
	for i, a := range answers {
		switch got := a.Body.String(); {
		case i%4 == 0:
			if a.Code != http.StatusForbidden || strings.Contains(got, "far") {
				t.Errorf("without the right to it: %d %s", a.Code, got)
			}
		case a.Code != http.StatusOK || got != want:
			t.Errorf("got %d %s", a.Code, got)
		case a.Header().Get("Cache-Control") != "for "+strings.Repeat("x", i):
			t.Errorf("%d got the header of another: %q", i, a.Header().Get("Cache-Control"))
		}
	}
	if got := c.later.Load(); got != needed {
		t.Errorf("%d requests beyond the first window for %d askers, one takes %d", got, n, needed)
	}
}

// TestFailureIsNotShared has the request that decodes for all fail: the others read for themselves.
func TestFailureIsNotShared(t *testing.T) {
	const n = 8
	var once sync.Once
	c := &crowd{photo: farPhoto(), further: func() (err error) {
		once.Do(func() { err = caddyhttp.Error(http.StatusBadGateway, nil) })
		return err
	}}
	h := provisioned(t, &Handler{})
	c.all.Add(n)
	var failed atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			a := ask(t.Context(), h, c, "x")
			switch {
			case a.Code == http.StatusBadGateway:
				failed.Add(1)
			case a.Body.String() != `{"Make":"far away"}`:
				t.Errorf("got %d %s", a.Code, a.Body)
			}
		})
	}
	wg.Wait()
	if failed.Load() != 1 {
		t.Errorf("%d failed with the one", failed.Load())
	}
}

// TestWaitingEnds has the request that decodes for all stall: a client that goes away isn't held, and
// one that stays gets its own decode after a second.
func TestWaitingEnds(t *testing.T) {
	stalled, goOn := make(chan struct{}), make(chan struct{})
	var began atomic.Bool
	c := &crowd{photo: farPhoto(), further: func() error {
		if began.CompareAndSwap(false, true) {
			close(stalled)
			<-goOn
		}
		return nil
	}}
	h := provisioned(t, &Handler{})
	c.all.Add(1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if a := ask(t.Context(), h, c, "x"); a.Code != http.StatusOK {
			t.Errorf("got %d %s", a.Code, a.Body)
		}
	})
	<-stalled
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	c.all.Add(1)
	if a := ask(ctx, h, c, "x"); a.Code == http.StatusOK {
		t.Errorf("got %d %s", a.Code, a.Body)
	}
	c.all.Add(1)
	if a := ask(t.Context(), h, c, "x"); a.Body.String() != `{"Make":"far away"}` {
		t.Errorf("got %d %s", a.Code, a.Body)
	}
	close(goOn)
	wg.Wait()
}

// TestCachedHeaderIsNotShared changes a response's header in place, as handlers before exif do.
func TestCachedHeaderIsNotShared(t *testing.T) {
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Etag", `"1"`)
		if r.Header.Get("If-None-Match") == "" {
			w.Header().Set("Cache-Control", "max-age=60")
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(testimage.Samples()["photo.jpg"]))
		return nil
	})
	h := provisioned(t, &Handler{})
	for range 3 {
		a := ask(t.Context(), h, next, "")
		got := a.Header()["Cache-Control"]
		if a.Code != http.StatusOK || len(got) != 1 || got[0] != "max-age=60" {
			t.Fatalf("got %d %q", a.Code, got)
		}
		got[0] = "changed"
	}
}
