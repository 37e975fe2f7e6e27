package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

// rates compares requests per second. The contestants run alternately, so that other load on the machine
// affects all of them.
func rates(ctx context.Context, r *rig) error {
	type contestant struct {
		name string
		target
		runs  []rate // alternating with all others
		pairs []rate // alternating with one other
	}
	photo := func(site string) target {
		return target{r.sites[site], "/photos/%02d.jpg" + local.Suffix, photos, "turn", 0, r.caddy}
	}
	json := func(site string) target {
		return target{r.sites[site], "/json/%02d.json", photos, "turn", 0, r.caddy}
	}
	all := []*contestant{
		{name: "`exif`, answers kept in the cache", target: photo("cached")},
		{name: "`exif`, `cache off`", target: photo("off")},
		{name: "the same JSON as a static file, no `exif`", target: json("static")},
		{name: "the same file, `exif` in its route", target: json("cached")},
	}
	cached, off, static, passed := all[0], all[1], all[2], all[3]
	var imagor *contestant
	if r.imagor != nil {
		imagor = &contestant{name: "imagor's `/meta`", target: target{r.imagorURL, "/unsafe/meta/%02d.jpg", photos, "turn", 0, r.imagor}}
		all = append(all, imagor)
	}
	var targets []target
	for _, c := range all {
		targets = append(targets, c.target)
	}
	runs, err := r.inTurn(ctx, connections, targets...)
	if err != nil {
		return err
	}
	for i, c := range all {
		c.runs = runs[i]
	}
	// a difference of one percent takes more runs to measure, each next to its counterpart
	if !r.smoke {
		for round := range 4 * r.rounds {
			pair := []*contestant{passed, static}
			if round%2 == 1 {
				slices.Reverse(pair)
			}
			for _, c := range pair {
				v, err := r.wrk(ctx, c.target, connections, r.duration)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				c.pairs = append(c.pairs, v)
			}
		}
	}
	perSec := func(v rate) float64 { return v.perSec }
	perCPU := func(v rate) float64 { return 1 / v.cpu }

	fmt.Print("\n| requests/s | at least | ratio of medians | of rounds | by processor time |\n|---|---|---|---|---|\n")
	missed := false
	line := func(what string, least float64, a, b *contestant) {
		if b == nil {
			fmt.Printf("| %s | %.4g | not run: no binary given (`-imagor`) | | |\n", what, least)
			return
		}
		x, y := a.runs, b.runs
		if len(a.pairs) > 0 && len(b.pairs) > 0 {
			x, y = a.pairs, b.pairs
		}
		got := median(pick(x, perSec)) / median(pick(y, perSec))
		missed = missed || got < least
		var each []float64
		for i := range x {
			each = append(each, x[i].perSec/y[i].perSec)
		}
		fmt.Printf("| %s | %.4g | %.3g%s | %.3g to %.3g | %.3g |\n", what, least, got, mark(got >= least || r.smoke),
			slices.Min(each), slices.Max(each), median(pick(x, perCPU))/median(pick(y, perCPU)))
	}
	line("answers kept in the cache, against the same JSON as a static file", 1.2, cached, static)
	line("`cache off`, against the same", 0.85, off, static)
	line("`cache off`, against imagor's `/meta`", 30, off, imagor)
	line("a static file with `exif` in its route, against one without", 0.99, passed, static)

	fmt.Print("\n| | requests/s, median | least to most | server's processor time | p50 | p99 |\n|---|---|---|---|---|---|\n")
	for _, c := range all {
		v := pick(c.runs, perSec)
		fmt.Printf("| %s | %.0f | %.0f to %.0f | %.0f µs | %.2f ms | %.2f ms |\n", c.name,
			median(v), slices.Min(v), slices.Max(v), median(pick(c.runs, func(v rate) float64 { return v.cpu })),
			median(pick(c.runs, func(v rate) float64 { return v.p50.Seconds() * 1e3 })),
			median(pick(c.runs, func(v rate) float64 { return v.p99.Seconds() * 1e3 })))
	}
	if missed && !r.smoke {
		return errMissed
	}
	return nil
}

// inTurn loads the targets one after the other in several rounds, so that other load on the machine affects
// all of them. It returns the runs of each.
func (r *rig) inTurn(ctx context.Context, conns int, targets ...target) ([][]rate, error) {
	runs := make([][]rate, len(targets))
	for round := range r.rounds + 1 {
		for i := range targets {
			i = (i + round) % len(targets)
			v, err := r.wrk(ctx, targets[i], conns, r.duration)
			if err != nil {
				return nil, fmt.Errorf("%s%s: %w", targets[i].base, targets[i].pattern, err)
			}
			if round > 0 || r.smoke { // the first round is a warm-up
				runs[i] = append(runs[i], v)
			}
		}
		if r.smoke {
			break
		}
	}
	return runs, nil
}

func pick(runs []rate, f func(rate) float64) (v []float64) {
	for _, r := range runs {
		v = append(v, f(r))
	}
	return v
}

// mark returns the mark of a figure that is missed.
func mark(ok bool) string {
	if ok {
		return ""
	}
	return " **missed**"
}
