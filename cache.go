package caddyexif

import (
	"context"
	"hash/maphash"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/caddyexif/caddy-exif/internal/object"
)

// responseCache keeps responses in memory, up to a number of bytes. It only saves reading and
// decoding: a cached response goes out when the next handlers, asked with its object's ETag, answer
// 304. A nil cache keeps nothing.
type responseCache struct {
	c *otter.Cache[cacheKey, *response]
}

// cacheKey is everything of a request that can shape the response. The settings aren't in it: each
// handler has a cache of its own.
type cacheKey struct {
	op                  *operation
	tls                 bool
	host, object, query string
	client              uint64 // a hash of what may identify somebody: header fields, the TLS client's certificate
}

// waitTimeout bounds the wait for another request's decode, whose upstream may be slow.
const waitTimeout = time.Second

func newResponseCache(size int64) (*responseCache, error) {
	c, err := otter.New(&otter.Options[cacheKey, *response]{
		MaximumWeight: uint64(max(size, 0)),
		Weigher:       weight,
	})
	if err != nil {
		return nil, err
	}
	return &responseCache{c}, nil
}

// weight is about what an entry costs in memory.
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
	return uint32(min(n, 1<<31))
}

// keySeed makes the hashes of keys ones that a client can't foresee.
var keySeed = maphash.MakeSeed()

// newCacheKey returns the key of a request for that operation on that object.
func newCacheKey(r *http.Request, op *operation, object string) cacheKey {
	k := cacheKey{op: op, tls: r.TLS != nil, host: r.Host, object: object, query: r.URL.RawQuery}
	var h maphash.Hash
	h.SetSeed(keySeed)
	if k.tls && len(r.TLS.PeerCertificates) > 0 {
		_, _ = h.Write(r.TLS.PeerCertificates[0].Raw)
		k.client = h.Sum64()
	}
	for name, values := range r.Header {
		if identifiesNobody(name) {
			continue
		}
		h.Reset()
		_, _ = h.WriteString(name)
		for _, v := range values {
			_ = h.WriteByte(0)
			_, _ = h.WriteString(v)
		}
		k.client += h.Sum64() // a sum, since the fields come in any order
	}
	return k
}

// identifiesNobody reports the header fields that are the same object's for every client: they tell
// about the client's program, its network, its cache, or what it read before. Any other may be what
// an upstream picks an object by.
func identifiesNobody(name string) bool {
	switch name {
	case "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Length", "Content-Type",
		"Dnt", "Forwarded", "Keep-Alive", "Pragma", "Priority", "Purpose", "Range", "Referer", "Save-Data", "Te", "Upgrade-Insecure-Requests",
		"User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
		"Traceparent", "Tracestate", "Baggage", "B3", "X-Amzn-Trace-Id", "X-Cloud-Trace-Context", "Uber-Trace-Id":
		return true
	}
	return strings.HasPrefix(name, "If-") || strings.HasPrefix(name, "Sec-") || strings.HasPrefix(name, "X-B3-")
}

// cacheable reports whether a response may be kept that was made of an object with that header:
// without a strong ETag there is nothing to revalidate it with, and with "Vary: *" (RFC 9110, section
// 12.5.5) it is nobody's but the one client's.
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

// get returns the cached response, nil if there is none.
func (c *responseCache) get(k cacheKey) *response {
	if c == nil {
		return nil
	}
	res, _ := c.c.GetIfPresent(k)
	return res
}

// load returns the cached response to that version of an object. If there is none, it calls decode
// and keeps what that returns; several requests for the same version call it once. Errors aren't
// shared: a request that waited for one decodes for itself.
func (c *responseCache) load(ctx context.Context, k cacheKey, tag string, left object.Left, decode func() (*response, error)) (*response, error) {
	c.c.ComputeIfPresent(k, func(old *response) (*response, otter.ComputeOp) {
		if old.isOf(tag, left) {
			return old, otter.CancelOp
		}
		return nil, otter.InvalidateOp
	})
	wait, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	// Where the entry is written or invalidated during a load, Get returns what the cache then holds,
	// which may be another user's, or calls the loader again.
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
