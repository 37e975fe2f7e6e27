package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

// window compares first windows over the real photos: on disk, and in a bucket 20 ms away.
func window(ctx context.Context, r *rig) error {
	if r.corpus == "" {
		fmt.Print("\nWindows: not run, no folder of real photos given (`-corpus` or `EXIF_CORPUS`).\n")
		return nil
	}
	const away = 20 * time.Millisecond
	names, err := r.answered(ctx)
	if err != nil {
		return err
	}
	if r.smoke {
		names = names[:min(10, len(names))]
	}
	type row struct {
		disk, bucket    []time.Duration
		cpu             time.Duration // the total of all passes on disk
		requests, bytes int64
	}
	rows := make([]row, len(windows))
	passes := 10 * r.rounds
	for range passes {
		for i, w := range windows { // alternate, as in rates
			before, err := r.caddy.cpu()
			if err != nil {
				return err
			}
			d, err := r.pass(ctx, fmt.Sprintf("window %d", w), names)
			if err != nil {
				return err
			}
			after, err := r.caddy.cpu()
			if err != nil {
				return err
			}
			rows[i].disk = append(rows[i].disk, d)
			rows[i].cpu += after - before
		}
	}
	for range min(r.rounds, 3) { // fewer rounds, since these runs are slow but vary little
		for i, w := range windows {
			if err := r.setBucket(ctx, away, holdNone); err != nil {
				return err
			}
			d, err := r.pass(ctx, fmt.Sprintf("bucket window %d", w), names)
			if err != nil {
				return err
			}
			s, err := r.bucketStats(ctx)
			if err != nil {
				return err
			}
			rows[i].bucket = append(rows[i].bucket, d)
			rows[i].requests, rows[i].bytes = s.Requests, s.Bytes
		}
	}
	n := len(names)
	fmt.Printf("\nFor each of %d real photos, asked for one after the other:\n", n)
	fmt.Printf("\n| window | mean sub-requests | mean bytes read | on disk | Caddy's processor time there | %v away |\n|---|---|---|---|---|---|\n", away)
	for i, w := range windows {
		fmt.Printf("| %d KiB | %.3f | %.0f | %.0f µs | %.0f µs | %.2f ms |\n", w, float64(rows[i].requests)/float64(n),
			float64(rows[i].bytes)/float64(n), 1e3*ms(median(rows[i].disk))/float64(n),
			1e3*ms(rows[i].cpu)/float64(passes*n), ms(median(rows[i].bucket))/float64(n))
	}
	return r.setBucket(ctx, 0, holdNone)
}

// answered returns the photos of the corpus that have an answer.
func (r *rig) answered(ctx context.Context) ([]string, error) {
	names, err := filesBelow(r.corpus)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(names); {
		status, _, err := r.do(ctx, http.MethodGet, r.sites["off"]+escape("/corpus/"+names[i])+local.Suffix)
		switch {
		case err != nil:
			return nil, err
		case status == http.StatusOK:
			i++
		default:
			names = slices.Delete(names, i, i+1)
		}
	}
	return names, nil
}

// pass requests each file once and returns how long that takes.
func (r *rig) pass(ctx context.Context, site string, names []string) (time.Duration, error) {
	start := time.Now()
	for _, name := range names {
		if _, err := r.get(ctx, r.sites[site]+escape("/corpus/"+name)+local.Suffix); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}
