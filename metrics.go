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

// report is what one request for EXIF took; operators see it as metrics and placeholders.
type report struct {
	format   string // "" where none was found
	tags     int
	read     int64 // bytes of the object
	requests int   // sub-requests
	cache    string
}

// What the cache did for a request.
const (
	cacheHit  = "hit"
	cacheMiss = "miss"
	cacheOff  = "off"
)

// publish makes the report the placeholders {http.exif.*}.
func (p *report) publish(r *http.Request) {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	repl.Map(func(key string) (any, bool) {
		switch key {
		case "http.exif.format":
			return p.format, true
		case "http.exif.tags":
			return p.tags, true
		case "http.exif.bytes_read":
			return p.read, true
		case "http.exif.requests":
			return p.requests, true
		case "http.exif.cache":
			return p.cache, true
		}
		return nil, false
	})
}

// metrics are those of all exif handlers of a configuration together.
type metrics struct {
	requests *prometheus.CounterVec // by status code and format
	read     prometheus.Counter
	objects  prometheus.Counter
	duration prometheus.Histogram
	hits     prometheus.Counter
	misses   prometheus.Counter
}

// newMetrics registers the metrics in Caddy's registry, or finds those that another handler of the
// configuration has registered there.
func newMetrics(reg *prometheus.Registry, cache *answerCache) (*metrics, error) {
	const namespace, subsystem = "caddy", "exif"
	opts := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}
	}
	m := &metrics{
		requests: prometheus.NewCounterVec(opts("requests_total", "Requests for EXIF, by status code and format of the object."),
			[]string{"code", "format"}),
		read:    prometheus.NewCounter(opts("object_bytes_read_total", "Bytes of objects read for EXIF.")),
		objects: prometheus.NewCounter(opts("object_requests_total", "Requests to the handlers behind, for parts of objects.")),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "duration_seconds",
			Help: "Time from a request for EXIF to its answer.",
			// from a kept answer on disk to a slow bucket asked many times
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		hits:   prometheus.NewCounter(opts("cache_hits_total", "Requests answered with a kept answer.")),
		misses: prometheus.NewCounter(opts("cache_misses_total", "Requests for which there was no kept answer, or an outdated one.")),
	}
	bytes := &cacheBytes{}
	err := errors.Join(
		register(reg, &m.requests), register(reg, &m.read), register(reg, &m.objects),
		register(reg, &m.duration), register(reg, &m.hits), register(reg, &m.misses),
		register(reg, &bytes),
	)
	if err == nil && cache != nil {
		bytes.add(cache)
	}
	return m, err
}

// register registers *c, or makes it the one that is registered under that name.
func register[C prometheus.Collector](reg *prometheus.Registry, c *C) error {
	err := reg.Register(*c)
	var are prometheus.AlreadyRegisteredError
	if errors.As(err, &are) {
		if existing, ok := are.ExistingCollector.(C); ok {
			*c = existing
			return nil
		}
	}
	return err
}

// observe counts a request that was answered with that status.
func (m *metrics) observe(status int, p *report, took time.Duration) {
	format := p.format
	if format == "" {
		format = "none"
	}
	m.requests.WithLabelValues(strconv.Itoa(status), format).Inc()
	m.read.Add(float64(p.read))
	m.objects.Add(float64(p.requests))
	m.duration.Observe(took.Seconds())
	switch p.cache {
	case cacheHit:
		m.hits.Inc()
	case cacheMiss:
		m.misses.Inc()
	}
}

// cacheBytes is the gauge of what the caches of all handlers hold.
type cacheBytes struct {
	mu     sync.Mutex
	caches []*answerCache
}

var cacheBytesDesc = prometheus.NewDesc("caddy_exif_cache_bytes", "About how many bytes of memory kept answers take.", nil, nil)

func (c *cacheBytes) add(cache *answerCache) {
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
