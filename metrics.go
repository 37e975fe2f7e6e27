package caddyexif

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// stats are the figures of one request for an operation, published as metrics and placeholders.
type stats struct {
	operation string
	format    string // "" if none was found
	tags      int
	read      int64 // bytes of the object
	requests  int   // sub-requests
	cache     string
	photos    struct { // of a folder, each of which has stats of its own
		tags, requests int
		read           int64
	}
}

// Results of the cache lookup.
const (
	cacheHit  = "hit"
	cacheMiss = "miss"
	cacheOff  = "off"
)

// publish publishes the stats as the placeholders {http.exif.*}. It changes Caddy's replacer, so it must be
// called before the next handlers run: after that, a dial of theirs may be reading the replacer.
func (s *stats) publish(r *http.Request) {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	repl.Map(func(key string) (any, bool) {
		switch key {
		case "http.exif.operation":
			return s.operation, true
		case "http.exif.format":
			return s.format, true
		case "http.exif.tags":
			return s.tags + s.photos.tags, true
		case "http.exif.bytes_read":
			return s.read + s.photos.read, true
		case "http.exif.requests":
			return s.requests + s.photos.requests, true
		case "http.exif.cache":
			return s.cache, true
		}
		return nil, false
	})
}

// metrics are the metrics of all exif handlers of a configuration.
type metrics struct {
	requests *prometheus.CounterVec // by operation, status code and format
	read     prometheus.Counter
	objects  prometheus.Counter
	duration *prometheus.HistogramVec // by operation
	hits     prometheus.Counter
	misses   prometheus.Counter

	redactions  *prometheus.CounterVec // by format
	refusals    *prometheus.CounterVec // by format
	overwritten prometheus.Counter
}

// newMetrics registers the metrics in Caddy's registry, or returns those that another handler of the
// configuration has registered there.
func newMetrics(reg prometheus.Registerer, cache *responseCache) (*metrics, error) {
	const namespace, subsystem = "caddy", "exif"
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}
	}
	m := &metrics{
		requests: prometheus.NewCounterVec(opts("requests_total", "Requests for operations, by status code and format of the object."),
			[]string{"operation", "code", "format"}),
		read:    prometheus.NewCounter(opts("object_bytes_read_total", "Bytes of objects read for operations.")),
		objects: prometheus.NewCounter(opts("object_requests_total", "Sub-requests to the next handlers, for parts of objects.")),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "duration_seconds",
			Help: "Time from a request for an operation to its response.",
			// from a cached response to a slow bucket with many sub-requests
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation"}),
		hits:   prometheus.NewCounter(opts("cache_hits_total", "Requests that were answered from the cache.")),
		misses: prometheus.NewCounter(opts("cache_misses_total", "Requests for which the cache had nothing, or something outdated.")),

		redactions:  prometheus.NewCounterVec(opts("redacted_total", "Images and videos redacted, by format."), []string{"format"}),
		refusals:    prometheus.NewCounterVec(opts("redact_refused_total", "Images and videos refused because they can't be redacted, by format."), []string{"format"}),
		overwritten: prometheus.NewCounter(opts("redact_bytes_overwritten_total", "Bytes of images and videos overwritten.")),
	}
	bytes := &cacheBytes{}
	err := errors.Join(
		register(reg, &m.requests), register(reg, &m.read), register(reg, &m.objects),
		register(reg, &m.duration), register(reg, &m.hits), register(reg, &m.misses),
		register(reg, &m.redactions), register(reg, &m.refusals), register(reg, &m.overwritten),
		register(reg, &bytes),
	)
	if err == nil && cache != nil {
		bytes.add(cache)
	}
	return m, err
}

// register registers *c, or sets it to the collector that is already registered under that name.
func register[C prometheus.Collector](reg prometheus.Registerer, c *C) error {
	err := reg.Register(*c)
	if are, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := are.ExistingCollector.(C); ok {
			*c = existing
			return nil
		}
	}
	return err
}

// observe counts a finished request with its status.
func (m *metrics) observe(status int, s *stats, took time.Duration) {
	format := s.format
	if format == "" {
		format = "none"
	}
	m.requests.WithLabelValues(s.operation, strconv.Itoa(status), format).Inc()
	m.read.Add(float64(s.read))
	m.objects.Add(float64(s.requests))
	m.duration.WithLabelValues(s.operation).Observe(took.Seconds())
	switch s.cache {
	case cacheHit:
		m.hits.Inc()
	case cacheMiss:
		m.misses.Inc()
	}
}

// countRedacted counts a redacted image or video.
func (m *metrics) countRedacted(format string, overwritten int64) {
	m.redactions.WithLabelValues(format).Inc()
	m.overwritten.Add(float64(overwritten))
}

// countRefused counts an image or video that can't be redacted.
func (m *metrics) countRefused(format string) { m.refusals.WithLabelValues(format).Inc() }

// cacheBytes is a gauge of the memory that the caches of all handlers take.
type cacheBytes struct {
	mu     sync.Mutex
	caches []*responseCache
}

var cacheBytesDesc = prometheus.NewDesc("caddy_exif_cache_bytes", "Approximate memory that the cache takes, in bytes.", nil, nil)

func (c *cacheBytes) add(cache *responseCache) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.caches = append(c.caches, cache)
}

// Describe implements prometheus.Collector.
func (c *cacheBytes) Describe(ch chan<- *prometheus.Desc) { ch <- cacheBytesDesc }

// Collect implements prometheus.Collector.
func (c *cacheBytes) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var n uint64
	for _, cache := range c.caches {
		n += cache.c.WeightedSize()
	}
	ch <- prometheus.MustNewConstMetric(cacheBytesDesc, prometheus.GaugeValue, float64(n))
}
