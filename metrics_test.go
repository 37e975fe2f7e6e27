package caddyexif

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/prometheus/client_golang/prometheus"
)

// TestHandlersShareMetrics checks that handlers of one configuration share their metrics, and can register them twice.
func TestHandlersShareMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	cache, err := newResponseCache(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	cache.c.Set(cacheKey{}, &response{body: []byte("{}"), tag: `"1"`})
	cache.c.CleanUp()
	for _, c := range []*responseCache{cache, nil} {
		m, err := newMetrics(reg, c)
		if err != nil {
			t.Fatal(err)
		}
		m.observe(http.StatusOK, &stats{format: "jpeg", read: 65536, requests: 2, cache: cacheMiss}, 0)
		m.observe(http.StatusNotFound, &stats{cache: cacheOff}, 0)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		b.WriteString(f.String() + "\n")
	}
	got := strings.ReplaceAll(b.String(), "  ", " ")
	for _, want := range []string{
		`name:"caddy_exif_requests_total"`, `value:"jpeg"`, `value:"404"`, `value:"none"`,
		`name:"caddy_exif_object_bytes_read_total"`, `value:131072`, `name:"caddy_exif_object_requests_total"`,
		`name:"caddy_exif_duration_seconds"`, `name:"caddy_exif_cache_hits_total"`,
		`name:"caddy_exif_cache_misses_total"`, `name:"caddy_exif_cache_bytes"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %s in\n%s", want, got)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	repl := caddy.NewReplacer()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), caddy.ReplacerCtxKey, repl))
	s := &stats{operation: "exif", format: "heif", tags: 7, read: 65536, requests: 1, cache: cacheMiss}
	s.publish(r)
	const all = "{http.exif.operation} {http.exif.format} {http.exif.tags} {http.exif.bytes_read} {http.exif.requests} {http.exif.cache} {http.exif.other}"
	if got, want := repl.ReplaceAll(all, "-"), "exif heif 7 65536 1 miss -"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.photos.tags, s.photos.read, s.photos.requests = 100, 1000, 10
	if got, want := repl.ReplaceAll(all, "-"), "exif heif 107 66536 11 miss -"; got != want {
		t.Errorf("with the photos of a folder: got %q, want %q", got, want)
	}
}

// registered has the names of the metrics that were registered with it, counted or not.
type registered map[string]bool

var metricName = regexp.MustCompile(`fqName: "([^"]+)"`)

func (r registered) Register(c prometheus.Collector) error {
	descs := make(chan *prometheus.Desc)
	go func() { c.Describe(descs); close(descs) }()
	for d := range descs {
		r[metricName.FindStringSubmatch(d.String())[1]] = true
	}
	return nil
}

func (r registered) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		_ = r.Register(c)
	}
}

func (registered) Unregister(prometheus.Collector) bool { return false }

// TestMetricsAreDocumented checks that docs/metrics.md names each metric and placeholder, and no others.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, name := range regexp.MustCompile(`caddy_exif_[a-z_]*[a-z]|http\.exif\.[a-z_]+`).FindAllString(string(page), -1) {
		documented[name] = true
	}
	there := registered{}
	if _, err := newMetrics(there, nil); err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`case "(http\.exif\.[a-z_]+)"`).FindAllStringSubmatch(string(code), -1) {
		there[m[1]] = true
	}
	if !maps.Equal(documented, map[string]bool(there)) {
		t.Errorf("documented are %v, there are %v", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(there)))
	}
}

// values returns this module's metrics in a registry, by name and labels. A histogram's value is its count.
func values(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		short, ours := strings.CutPrefix(f.GetName(), "caddy_exif_")
		if !ours {
			continue
		}
		for _, m := range f.GetMetric() {
			name := short
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return got
}

// TestMetricsCountRequests checks that two handlers of one configuration count each kind of request.
func TestMetricsCountRequests(t *testing.T) {
	reg := prometheus.NewRegistry()
	var weights uint64
	for range 2 {
		cache, err := newResponseCache(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		m, err := newMetrics(reg, cache)
		if err != nil {
			t.Fatal(err)
		}
		cache.c.Set(cacheKey{}, &response{body: []byte("{}")})
		cache.c.CleanUp()
		weights += cache.c.WeightedSize()
		m.observe(200, &stats{operation: "exif", format: "jpeg", read: 1000, requests: 3, cache: cacheMiss}, time.Second)
		m.observe(200, &stats{operation: "exif", format: "jpeg", requests: 1, cache: cacheHit}, time.Second)
		m.observe(304, &stats{operation: "exif", cache: cacheHit, requests: 1}, time.Second)
		m.observe(404, &stats{operation: "exif", cache: cacheOff, requests: 1}, time.Second)
	}
	want := map[string]float64{
		"requests_total 200 jpeg exif": 4, "requests_total 304 none exif": 2, "requests_total 404 none exif": 2, "object_bytes_read_total": 2000, "object_requests_total": 12,
		"duration_seconds exif": 8, "cache_hits_total": 4, "cache_misses_total": 2, "cache_bytes": float64(weights), "redact_bytes_overwritten_total": 0,
	}
	if got := values(t, reg); !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	families, _ := reg.Gather()
	for _, f := range families {
		if f.GetName() != "caddy_exif_duration_seconds" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		if h.GetSampleSum() != 8 || len(h.GetBucket()) < 10 {
			t.Errorf("got %v", h)
		}
		for i, b := range h.GetBucket()[1:] {
			if ratio := b.GetUpperBound() / h.GetBucket()[i].GetUpperBound(); ratio < 1.5 || ratio > 3 {
				t.Errorf("buckets %v and %v are too near or too far apart", h.GetBucket()[i].GetUpperBound(), b.GetUpperBound())
			}
		}
	}
}

// TestMetricsOfAnotherKind checks that a name which another module has registered is a config error.
func TestMetricsOfAnotherKind(t *testing.T) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewHistogram(prometheus.HistogramOpts{Name: "caddy_exif_cache_hits_total", Help: "Requests that were answered from the cache."}))
	if _, err := newMetrics(reg, nil); err == nil {
		t.Error("no error")
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	ctx.GetMetricsRegistry().MustRegister(prometheus.NewHistogram(prometheus.HistogramOpts{Name: "caddy_exif_object_requests_total", Help: "x"}))
	if err := new(Handler).Provision(ctx); err == nil || !strings.HasPrefix(err.Error(), "metrics: ") {
		t.Errorf("got %v", err)
	}
}

// TestRequestsAreObserved checks that each request is counted once, with its stats, however it ends.
func TestRequestsAreObserved(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	h := &Handler{}
	if err := h.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	reg := ctx.GetMetricsRegistry()
	before := values(t, reg)
	photo := photoBy("alice")
	missing := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
	request(t, h, photoHandler(photo), "GET")
	tag := request(t, h, photoHandler(photo), "GET").Header().Get("Etag")
	request(t, h, photoHandler(photo), "GET", "If-None-Match", tag)
	request(t, h, missing, "GET")
	request(t, h, missing, "POST")
	request(t, h, missing, "OPTIONS") // not a request for EXIF
	got := values(t, reg)
	for name, v := range before {
		got[name] -= v
	}
	delete(got, "cache_bytes")
	want := map[string]float64{
		"requests_total 200 jpeg exif": 2, "requests_total 304 jpeg exif": 1, "requests_total 404 none exif": 1, "requests_total 405 none exif": 1,
		"object_bytes_read_total": float64(len(photo)), "object_requests_total": 4, "duration_seconds exif": 5, "cache_hits_total": 2, "cache_misses_total": 2, "redact_bytes_overwritten_total": 0,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
