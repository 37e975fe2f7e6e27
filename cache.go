package caddyexif

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
)

// answerCache keeps answers in memory, at most so many bytes of them. It only saves reading and
// decoding: a kept answer goes out when the handlers behind, asked with its object's ETag, say 304.
// A nil cache keeps nothing.
type answerCache struct {
	c *otter.Cache[string, *keptAnswer]

	mu      sync.Mutex
	flights map[version]*flight
}

// version is one version of an object, as the cache knows it.
type version struct{ key, tag string }

// flight is the decoding of one version of an object, for which others who have been let through to
// it wait.
type flight struct {
	version
	landed chan struct{} // closed at the end
	kept   *keptAnswer   // then; nil where it failed
}

// patience is how long others wait for a flight before they decode for themselves: whoever leads may
// be one whom the handlers behind keep waiting.
const patience = time.Second

// wait returns what a flight has made, nil if nothing. The error is the context's.
func (f *flight) wait(ctx context.Context) (*keptAnswer, error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-f.landed:
		return f.kept, nil
	case <-late.C:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// keptAnswer is an answer and the tag of the object it was made from.
type keptAnswer struct {
	answer
	objectTag string
}

var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func newAnswerCache(size int64) (*answerCache, error) {
	c, err := otter.New(&otter.Options[string, *keptAnswer]{
		MaximumWeight: uint64(max(size, 0)),
		Weigher:       weight,
	})
	if err != nil {
		return nil, err
	}
	return &answerCache{c: c, flights: make(map[version]*flight)}, nil
}

// weight is about what an entry costs in memory.
func weight(key string, k *keptAnswer) uint32 {
	const overhead = 512 // entry, map slots, slices
	n := overhead + len(key) + len(k.body) + len(k.etag) + len(k.objectTag)
	for name, values := range k.header {
		n += len(name)
		for _, v := range values {
			n += len(v) + 16
		}
	}
	return uint32(min(n, 1<<31))
}

// cacheKey is everything of a request that shapes the answer; the settings are the handler's, which
// has a cache of its own. Origin is part of it for the sake of Access-Control-Allow-Origin.
func cacheKey(r *http.Request, object string) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return strings.Join([]string{scheme, r.Host, object, r.URL.RawQuery, r.Header.Get("Origin")}, "\x00")
}

func (c *answerCache) get(key string) *keptAnswer {
	if c == nil {
		return nil
	}
	k, _ := c.c.GetIfPresent(key)
	return k
}

// put keeps a copy of an answer whose object has a strong tag; without one there is nothing to ask
// with.
func (c *answerCache) put(key string, a *answer) *keptAnswer {
	k := &keptAnswer{*a, a.header.Get("Etag")}
	k.body = bytes.Clone(a.body)
	k.header = make(http.Header)
	carry(k.header, a.header)
	c.c.Set(key, k)
	return k
}

// join is the flight that decodes that version of an object; it has landed where the answer is kept,
// which servers that don't know conditions make happen. A new one is the caller's to lead, and to
// land, whatever happens.
func (c *answerCache) join(key, tag string) (f *flight, leads bool) {
	v := version{key, tag}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[v]; f != nil {
		return f, false
	}
	if k := c.get(key); k != nil && k.objectTag == tag {
		return &flight{landed: closed, kept: k}, false
	}
	f = &flight{version: v, landed: make(chan struct{})}
	c.flights[v] = f
	return f, true
}

// land ends a flight.
func (c *answerCache) land(f *flight) {
	c.mu.Lock()
	delete(c.flights, f.version)
	c.mu.Unlock()
	close(f.landed)
}

// revalidated is the kept answer as the handlers' 304 lets it out: what the 304 says holds (RFC
// 9111, section 4.3.4).
func (k *keptAnswer) revalidated(h http.Header) *answer {
	a := k.answer
	a.header = make(http.Header, len(k.header))
	carry(a.header, h)
	for name, values := range k.header {
		if _, ok := a.header[name]; !ok {
			a.header[name] = values
		}
	}
	return &a
}
