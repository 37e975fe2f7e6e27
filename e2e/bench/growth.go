package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

// growth measures how cost grows with size, concurrency, tags, objects and latency.
func growth(ctx context.Context, r *rig) error {
	for _, f := range []func(context.Context, *rig) error{bySize, byConcurrency, byTags, byObjects, byLatency} {
		if err := f(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// plot draws a plot, and writes it to the docs if -update is set.
func (r *rig) plot(name string, p plot) error {
	b, err := p.svg()
	if err != nil || !r.update {
		return err
	}
	name = filepath.Join(r.root, "docs", name)
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return err
	}
	return os.WriteFile(name, b, 0o644) //nolint:gosec // documentation that everybody may read
}

// bySize measures the time of EXIF answers for ever larger files on disk, and the bytes read from the bucket.
func bySize(ctx context.Context, r *rig) error {
	sizes, repeat := []int64{10e3, 100e3, 1e6, 10e6, 100e6, 1e9, 10e9}, 1000
	if r.smoke {
		sizes, repeat = []int64{10e3, 10e6, 10e9}, 10
	}
	one, err := os.ReadFile(filepath.Join(r.data, "one.jpg"))
	if err != nil {
		return err
	}
	kinds := []struct {
		name, ext string
		make      func(size int64) (front, end []byte)
	}{
		{"JPEG, EXIF in front", "jpg", func(int64) (front, end []byte) { return one, nil }},
		{"HEIC, index at the end", "heic", farHEIC},
		{"TIFF, EXIF at the end", "tif", farTIFF},
	}
	times, read := make([]series, len(kinds)), make([]series, len(kinds))
	fmt.Print("\n| size of the object | | time, on disk | bytes read | sub-requests |\n|---|---|---|---|---|\n")
	for i, k := range kinds {
		times[i].name, read[i].name = k.name, k.name
		for _, size := range sizes {
			path := fmt.Sprintf("/size/%d.%s", size, k.ext)
			front, end := k.make(size)
			if err := sparse(filepath.Join(r.data, path), size, front, end); err != nil {
				return err
			}
			t, err := r.latency(ctx, r.sites["off"]+path+local.Suffix, repeat)
			if err != nil {
				return err
			}
			c, err := r.cost(ctx, path)
			if err != nil {
				return err
			}
			if !strings.Contains(c.body, maker) {
				return fmt.Errorf("%s is answered %d %s", path, c.status, c.body)
			}
			fmt.Printf("| %s | %s | %.2f ms | %d | %d |\n", si(float64(size), "B"), k.name, ms(t), c.bytes, c.requests)
			times[i].points = append(times[i].points, point{float64(size), ms(t)})
			read[i].points = append(read[i].points, point{float64(size), float64(c.bytes)})
		}
	}
	return r.plot("size.svg", plot{
		title: "What an answer costs, by the size of the photo",
		desc:  "Two logarithmic plots over object sizes from 10 KB to 10 GB: the time of a request and the bytes read stay level.",
		x:     axis{"size of the photo", "B"},
		panels: []panel{
			{axis{"time of a request (median)", "ms"}, times},
			{axis{"bytes read of the photo", "B"}, read},
		},
	})
}

// byConcurrency measures ever more requests at once.
func byConcurrency(ctx context.Context, r *rig) error {
	conns := []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}
	if r.smoke {
		conns = []int{1, 200}
	}
	lines := []struct {
		name string
		target
	}{
		{"answers kept", target{r.sites["cached"], "/photos/%02d.jpg" + local.Suffix, photos, "turn", 0, r.caddy}},
		{"cache off", target{r.sites["off"], "/photos/%02d.jpg" + local.Suffix, photos, "turn", 0, r.caddy}},
		{"static JSON", target{r.sites["static"], "/json/%02d.json", photos, "turn", 0, r.caddy}},
	}
	rates, times := make([]series, len(lines)), make([]series, len(lines))
	fmt.Print("\n| requests at once | | requests/s | p50 | p99 |\n|---|---|---|---|---|\n")
	for i, l := range lines {
		rates[i].name, times[i].name = l.name, l.name
	}
	for _, n := range conns {
		runs := make([][]rate, len(lines))
		for range min(r.rounds, 3) {
			for i, l := range lines { // alternate, as in rates
				v, err := r.wrk(ctx, l.target, n, r.duration)
				if err != nil {
					return err
				}
				runs[i] = append(runs[i], v)
			}
		}
		for i, l := range lines {
			perSec := median(pick(runs[i], func(v rate) float64 { return v.perSec }))
			p50 := median(pick(runs[i], func(v rate) float64 { return ms(v.p50) }))
			p99 := median(pick(runs[i], func(v rate) float64 { return ms(v.p99) }))
			fmt.Printf("| %d | %s | %.0f | %.2f ms | %.2f ms |\n", n, l.name, perSec, p50, p99)
			rates[i].points = append(rates[i].points, point{float64(n), perSec})
			times[i].points = append(times[i].points, point{float64(n), p50})
		}
	}
	return r.plot("concurrency.svg", plot{
		title: "Answers a second and their time, by requests at once",
		desc: "Two logarithmic plots over 1 to 1,000 requests at once: answers a second, and the median time of a request, " +
			"with answers kept, with the cache off, and for the same JSON as a static file.",
		x: axis{"requests at once", ""},
		panels: []panel{
			{axis{"answers a second", ""}, rates},
			{axis{"time of a request (median)", "ms"}, times},
		},
	})
}

// byTags measures files with ever more tags.
func byTags(ctx context.Context, r *rig) error {
	fmt.Print("\n| tags | time, on disk | sub-requests | answer |\n|---|---|---|---|\n")
	for _, n := range []int{1, 10, 100, 1000, 5000} {
		path := fmt.Sprintf("/tags/%d.tif", n)
		if err := write(filepath.Join(r.data, path), manyTags(n)); err != nil {
			return err
		}
		url := r.sites["unknown"] + path + local.Suffix
		body, err := r.get(ctx, url)
		if err != nil {
			return err
		}
		t, err := r.latency(ctx, url, 50)
		if err != nil {
			return err
		}
		c, err := r.cost(ctx, path)
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %.2f ms | %d | %s |\n", n, ms(t), c.requests, si(float64(len(body)), "B"))
	}
	return nil
}

// byObjects measures ever more distinct objects in the bucket, through a cache of the default size.
func byObjects(ctx context.Context, r *rig) error {
	if err := r.setBucket(ctx, 0, holdNone); err != nil {
		return err
	}
	fmt.Print("\n| objects in the bucket, cache of 32 MiB | requests/s | answers from the cache | heap and stacks | resident |\n|---|---|---|---|---|\n")
	row := func(what string, perSec float64, s bucketStats) error {
		live, err := r.live(ctx)
		if err != nil {
			return err
		}
		rss, err := r.caddy.rss()
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %.0f | %.0f %% | %.0f MiB | %.0f MiB |\n", what, perSec,
			100*float64(s.NotModified)/float64(s.Requests), float64(live)/(1<<20), float64(rss)/(1<<20))
		return nil
	}
	t := target{r.sites["bucket cached"], "/synthetic/%d" + local.Suffix, 0, "zipf", 0, r.caddy}
	counts, all := []int{1, 10, 100, 1000, 10_000, 100_000, 1_000_000}, 1_000_000
	if r.smoke {
		counts, all = []int{1, 1_000_000}, 1000
	}
	for _, t.n = range counts {
		if _, err := r.wrk(ctx, t, connections, r.duration); err != nil { // warm-up
			return err
		}
		if err := r.setBucket(ctx, 0, holdNone); err != nil {
			return err
		}
		v, err := r.wrk(ctx, t, connections, r.duration)
		if err != nil {
			return err
		}
		s, err := r.bucketStats(ctx)
		if err != nil {
			return err
		}
		if err := row(fmt.Sprintf("%d, drawn by popularity", t.n), v.perSec, s); err != nil {
			return err
		}
	}
	// each object once, in several runs, since wrk's limit is a time and not a number of requests
	t.n, t.draw = 1<<30, "turn"
	pieces := 30 * time.Second
	if r.smoke {
		pieces = r.duration
	}
	if err := r.setBucket(ctx, 0, holdNone); err != nil {
		return err
	}
	start := time.Now()
	for t.from < all {
		v, err := r.wrk(ctx, t, connections, pieces)
		if err != nil {
			return err
		}
		t.from += v.requests
	}
	s, err := r.bucketStats(ctx)
	if err != nil {
		return err
	}
	return row(fmt.Sprintf("%d, each once", t.from), float64(t.from)/time.Since(start).Seconds(), s)
}

// byLatency measures ever higher latencies of the bucket.
func byLatency(ctx context.Context, r *rig) error {
	latencies, repeat := []int{0, 5, 20, 50, 100, 200}, 9
	if r.smoke {
		latencies, repeat = []int{0, 5}, 2
	}
	const size = 10e6
	objects := []struct {
		name, path string
		front, end []byte
	}{{name: "JPEG, EXIF in front", path: "/photos/00.jpg"}, {name: "HEIC, index at the end", path: "/size/far.heic"}, {name: "TIFF, EXIF at the end", path: "/size/far.tif"}}
	objects[1].front, objects[1].end = farHEIC(size)
	objects[2].front, objects[2].end = farTIFF(size)
	for _, o := range objects[1:] {
		if err := sparse(filepath.Join(r.data, o.path), size, o.front, o.end); err != nil {
			return err
		}
	}
	fmt.Print("\n| latency of the bucket | | window 16 KiB | window 64 KiB |\n|---|---|---|---|\n")
	for _, l := range latencies {
		for _, o := range objects {
			if err := r.setBucket(ctx, time.Duration(l)*time.Millisecond, holdNone); err != nil {
				return err
			}
			var t [2]time.Duration
			for i, w := range []int{16, 64} {
				var err error
				if t[i], err = r.latency(ctx, r.sites[fmt.Sprintf("bucket window %d", w)]+o.path+local.Suffix, repeat); err != nil {
					return err
				}
			}
			fmt.Printf("| %d ms | %s | %.1f ms | %.1f ms |\n", l, o.name, ms(t[0]), ms(t[1]))
		}
	}
	return r.setBucket(ctx, 0, holdNone)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// si formats a number with its unit and a decimal prefix.
func si(v float64, unit string) string {
	for _, p := range []string{"", "k", "M", "G"} {
		if v < 1000 || p == "G" {
			return fmt.Sprintf("%.3g %s%s", v, p, unit)
		}
		v /= 1000
	}
	return ""
}
