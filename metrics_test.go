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

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// TestMetrics: handlers of one configuration count together, and a registry takes them twice.
func TestMetrics(t *testing.T) {
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
	(&stats{format: "heif", tags: 7, read: 65536, requests: 1, cache: cacheMiss}).publish(r)
	got := repl.ReplaceAll("{http.exif.format} {http.exif.tags} {http.exif.bytes_read} {http.exif.requests} {http.exif.cache} {http.exif.other}", "-")
	if want := "heif 7 65536 1 miss -"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMetricsAreDocumented has the README name each metric and each placeholder, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, name := range regexp.MustCompile(`caddy_exif_[a-z_]*[a-z]|http\.exif\.[a-z_]+`).FindAllString(string(readme), -1) {
		documented[name] = true
	}
	there := map[string]bool{}
	reg := prometheus.NewRegistry()
	m, err := newMetrics(reg, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.observe(http.StatusOK, &stats{}, 0)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		there[f.GetName()] = true
	}
	code, err := os.ReadFile("metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`case "(http\.exif\.[a-z_]+)"`).FindAllStringSubmatch(string(code), -1) {
		there[m[1]] = true
	}
	if !maps.Equal(documented, there) {
		t.Errorf("documented are %v, there are %v", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(there)))
	}
}
