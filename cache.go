package caddyexif

import (
	"context"
	"hash/maphash"
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/caddyexif/caddy-exif/internal/object"
)

// responseCache keeps responses in memory, up to a number of bytes. It only saves reading and
// decoding: a cached response is sent only if the next handlers answer 304 to its object's ETag.
type responseCache struct {
	c *otter.Cache[cacheKey, *response]
}

// cacheKey is the part of a request that can change the response. The settings aren't in it, since
// each handler has its own cache.
type cacheKey struct {
	op                  *operation
	tls                 bool
	host, object, query string
	client              uint64 // a hash of what may identify the client: header fields, its TLS certificate
}

// waitTimeout bounds the wait for another request's decode, whose upstream may be slow.
const waitTimeout = time.Second

func newResponseCache(size int64) (*responseCache, error) {
	c, err := otter.New(&otter.Options[cacheKey, *response]{
		MaximumWeight: uint64(size), //nolint:gosec // G115: greater than zero
		Weigher:       weight,
	})
	if err != nil {
		return nil, err
	}
	return &responseCache{c}, nil
}

// weight estimates the memory of an entry, in bytes.
func weight(k cacheKey, res *response) uint32 {
	const overhead = 768 // entry, key, response, map slots
	l := &res.left
	n := overhead + len(k.host) + len(k.object) + len(k.query) + len(res.body) + len(res.etag) + len(res.tag) +
		len(l.Host) + len(l.Path) + len(l.RawPath) + len(l.Query) + len(l.User) + len(l.Root) + len(l.FS)
	for name, values := range res.header {
		n += len(name)
		for _, v := range values {
			n += len(v) + 16
		}
	}
	if res.plan != nil {
		n += res.plan.Weight()
	}
	return uint32(min(n, math.MaxInt32))
}

// keySeed makes the hashes of keys unpredictable for clients.
var keySeed = maphash.MakeSeed()

// newCacheKey returns the cache key of a request for an operation on an object.
func newCacheKey(r *http.Request, op *operation, object string) cacheKey {
	k := cacheKey{op: op, tls: r.TLS != nil, host: r.Host, object: object, query: r.URL.RawQuery}
	var h maphash.Hash
	h.SetSeed(keySeed)
	if k.tls && len(r.TLS.PeerCertificates) > 0 {
		_, _ = h.Write(r.TLS.PeerCertificates[0].Raw)
		k.client = h.Sum64()
	}
	for name, values := range r.Header {
		if ignoredInKey(name) {
			continue
		}
		h.Reset()
		_, _ = h.WriteString(name)
		for _, v := range values {
			_ = h.WriteByte(0)
			_, _ = h.WriteString(v)
		}
		k.client += h.Sum64() // a sum, since the order of a map's keys is random
	}
	return k
}

// ignoredInKey reports whether the cache key ignores a header field. It ignores those about the client's
// program, network or cache, or about what it read before; an upstream may select objects by any other.
func ignoredInKey(name string) bool {
	switch name {
	case "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Length", "Content-Type",
		"Dnt", "Forwarded", "Keep-Alive", "Pragma", "Priority", "Purpose", "Range", "Referer", "Save-Data", "Te", "Upgrade-Insecure-Requests",
		"User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
		"Traceparent", "Tracestate", "Baggage", "B3", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context", "Uber-Trace-Id":
		return true
	}
	return strings.HasPrefix(name, "If-") || strings.HasPrefix(name, "Sec-") || strings.HasPrefix(name, "X-B3-")
}

// cacheable reports whether the cache may keep a response made from an object with that header. Without
// a strong ETag the response can't be revalidated, and with "Vary: *" (RFC 9110, section 12.5.5) it is
// for one client only.
func cacheable(header http.Header) bool {
	for _, v := range header.Values("Vary") {
		for name := range strings.SplitSeq(v, ",") {
			if strings.TrimSpace(name) == "*" {
				return false
			}
		}
	}
	return object.StrongTag(header.Get("Etag"))
}

// get returns the cached response, or nil if there is none.
func (c *responseCache) get(k cacheKey) *response {
	res, _ := c.c.GetIfPresent(k)
	return res
}

// set caches a response.
func (c *responseCache) set(k cacheKey, res *response) { c.c.Set(k, res) }

// drop removes a response that turned out to be about another version of the object.
func (c *responseCache) drop(k cacheKey) { c.c.Invalidate(k) }

// load returns the cached response to that version of the object. If there is none, it calls decode and
// caches the result; concurrent requests for the same version share one call. They don't share errors:
// a request that waited for a failed call decodes for itself.
func (c *responseCache) load(ctx context.Context, k cacheKey, tag string, left object.Left, decode func() (*response, error)) (*response, error) {
	c.c.ComputeIfPresent(k, func(old *response) (*response, otter.ComputeOp) {
		if old.isOf(tag, left) {
			return old, otter.CancelOp
		}
		return nil, otter.InvalidateOp
	})
	wait, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	// If the entry is written or invalidated during a load, Get returns the new entry, which may be
	// another user's, or calls the loader again.
	decode = sync.OnceValues(decode)
	res, err := c.c.Get(wait, k, otter.LoaderFunc[cacheKey, *response](func(context.Context, cacheKey) (*response, error) {
		return decode()
	}))
	switch {
	case err == nil && res.isOf(tag, left):
		return res, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return decode()
}
