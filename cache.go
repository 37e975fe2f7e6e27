package caddyexif

import (
	"maps"
	"net/http"
	"strings"

	"github.com/maypok86/otter/v2"
)

// answerCache keeps answers in memory, at most so many bytes of them. It only saves reading and
// decoding: a kept answer goes out when the handlers behind, asked with its object's ETag, say 304.
// A nil cache keeps nothing.
type answerCache struct {
	c *otter.Cache[string, *keptAnswer]
}

// keptAnswer is an answer and the tag of the object it was made from.
type keptAnswer struct {
	answer
	objectTag string
}

func newAnswerCache(size int64) (*answerCache, error) {
	c, err := otter.New(&otter.Options[string, *keptAnswer]{
		MaximumWeight: uint64(max(size, 0)),
		Weigher:       weight,
	})
	if err != nil {
		return nil, err
	}
	return &answerCache{c}, nil
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

// put keeps an answer whose object has a strong tag; without one there is nothing to ask with.
func (c *answerCache) put(key string, a *answer) {
	tag := a.header.Get("Etag")
	if c == nil || !strongTag(tag) {
		return
	}
	kept := make(http.Header)
	carry(kept, a.header)
	c.c.Set(key, &keptAnswer{answer{body: a.body, header: kept, etag: a.etag, format: a.format, tags: a.tags}, tag})
}

// revalidated is the kept answer as the handlers' 304 lets it out: what the 304 says holds (RFC
// 9111, section 4.3.4).
func (k *keptAnswer) revalidated(h http.Header) *answer {
	a := k.answer
	a.header = maps.Clone(k.header)
	fresh := make(http.Header)
	carry(fresh, h)
	maps.Copy(a.header, fresh)
	return &a
}
