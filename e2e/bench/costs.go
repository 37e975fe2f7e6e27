package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

// cost is one answer with the bytes and sub-requests that it took.
type cost struct {
	status          int
	body            string
	bytes, requests int64
}

// cost requests the EXIF of an object in the bucket once, and returns its cost by the bucket's counters.
func (r *rig) cost(ctx context.Context, path string) (c cost, err error) {
	if err := r.setBucket(ctx, 0, holdNone); err != nil {
		return c, err
	}
	status, body, err := r.do(ctx, http.MethodGet, r.sites["bucket"]+escape(path)+local.Suffix)
	if err != nil {
		return c, err
	}
	c.status, c.body = status, string(body)
	s, err := r.bucketStats(ctx)
	c.bytes, c.requests = s.Bytes, s.Requests
	return c, err
}

// The limits of bytes read per answer.
const (
	mostFront    = 64 << 10 // in one sub-request, if the EXIF comes first
	mostRaw      = 256 << 10
	mostInFlight = 256 << 10
)

// bytesRead measures at the bucket how many bytes and sub-requests an answer takes.
func bytesRead(ctx context.Context, r *rig) error {
	const large = 10 << 30
	fmt.Print("\n| EXIF of | size | bytes read | sub-requests | at most |\n|---|---|---|---|---|\n")
	missed := false
	row := func(what, path, size string, most, requests int64) error {
		c, err := r.cost(ctx, path)
		if err != nil {
			return err
		}
		if !strings.Contains(c.body, maker) {
			return fmt.Errorf("%s is answered %d %s", path, c.status, c.body)
		}
		ok := c.bytes <= most && (requests == 0 || c.requests <= requests)
		missed = missed || !ok
		limit := fmt.Sprintf("%d", most)
		if requests > 0 {
			limit += fmt.Sprintf(" in %d", requests)
		}
		fmt.Printf("| %s | %s | %d | %d%s | %s |\n", what, size, c.bytes, c.requests, mark(ok), limit)
		return nil
	}
	front := inFront()
	for _, ext := range []string{"jpg", "heic", "png", "webp", "avif"} {
		path := "/bytes/front." + ext
		if err := sparse(filepath.Join(r.data, path), large, front[ext], nil); err != nil {
			return err
		}
		if err := row(strings.ToUpper(ext)+", in front", path, "10 GiB", mostFront, 1); err != nil {
			return err
		}
	}
	head, end := farTIFF(large)
	for _, f := range []struct {
		name, what string
		front, end []byte
	}{{"front.tif", "TIFF, in front", front["tif"], nil}, {"end.tif", "BigTIFF, directory at the end", head, end}} {
		path := "/bytes/" + f.name
		if err := sparse(filepath.Join(r.data, path), large, f.front, f.end); err != nil {
			return err
		}
		if err := row(f.what, path, "10 GiB", mostRaw, 0); err != nil {
			return err
		}
	}
	for _, name := range []string{"photo.jpg", "xmp-first.jpg", "photo.tif"} {
		if err := row("`testdata/"+name+"`", "/testdata/"+name, "4 KB", mostFront, 1); err != nil {
			return err
		}
	}
	corpusMissed, err := r.corpusCosts(ctx)
	if err != nil {
		return err
	}
	if missed || corpusMissed {
		return errMissed
	}
	return nil
}

// raw are the extensions of formats that are TIFF, or have a TIFF block anywhere.
var raw = []string{"3fr", "arw", "btf", "cr2", "cr3", "dng", "mrw", "nef", "orf", "pef", "raf", "rw2", "srw", "tif", "tiff"}

// corpusCosts does the measurements of bytesRead on the real photos.
func (r *rig) corpusCosts(ctx context.Context) (missed bool, err error) {
	if r.corpus == "" {
		fmt.Print("\nReal photos: not run, no folder given (`-corpus` or `EXIF_CORPUS`).\n")
		return false, nil
	}
	names, err := filesBelow(r.corpus)
	if err != nil {
		return false, err
	}
	type group struct {
		files, one          int
		bytes, requests     int64
		mostBytes, mostReqs int64
	}
	groups := map[string]*group{}
	var more []string
	for _, name := range names {
		c, err := r.cost(ctx, "/corpus/"+name)
		if err != nil {
			return false, err
		}
		if c.status != http.StatusOK {
			continue // a broken photo, or no image
		}
		ext := strings.TrimPrefix(strings.ToLower(filepath.Ext(name)), ".")
		kind, ok := map[string]string{"jpg": "JPEG", "jpeg": "JPEG", "heic": "HEIC", "heif": "HEIC", "png": "PNG", "webp": "WebP", "avif": "AVIF"}[ext]
		switch {
		case slices.Contains(raw, ext):
			kind = "TIFF, RAW"
			missed = missed || c.bytes > mostRaw
		case !ok:
			kind = "others"
		}
		g := groups[kind]
		if g == nil {
			g = new(group)
			groups[kind] = g
		}
		g.files++
		if c.requests == 1 {
			g.one++
		} else {
			more = append(more, fmt.Sprintf("`%s` (%d in %d)", name, c.bytes, c.requests))
		}
		g.bytes += c.bytes
		g.requests += c.requests
		g.mostBytes, g.mostReqs = max(g.mostBytes, c.bytes), max(g.mostReqs, c.requests)
	}
	fmt.Print("\n| real photos | files | in one sub-request | mean | most sub-requests | mean bytes read | most |\n|---|---|---|---|---|---|---|\n")
	for _, kind := range []string{"JPEG", "HEIC", "PNG", "WebP", "AVIF", "TIFF, RAW", "others"} {
		g := groups[kind]
		if g == nil {
			continue
		}
		n := float64(g.files)
		fmt.Printf("| %s | %d | %d | %.2f | %d | %.0f | %d%s |\n", kind, g.files, g.one, float64(g.requests)/n,
			g.mostReqs, float64(g.bytes)/n, g.mostBytes, mark(kind != "TIFF, RAW" || g.mostBytes <= mostRaw))
	}
	if len(more) > 0 {
		fmt.Printf("\nIn more than one, with their bytes: %s.\n", strings.Join(more, ", "))
	}
	return missed, nil
}

// memory stalls requests in the middle of their reads and measures Caddy's memory: the live heap and stacks
// after a garbage collection, and the resident set size.
func memory(ctx context.Context, r *rig) error {
	const n = 1000
	front, end := farTIFF(1 << 20)
	if err := sparse(filepath.Join(r.data, "bytes", "far.tif"), 1<<20, front, end); err != nil {
		return err
	}
	fmt.Printf("\n| %d requests in flight, each | heap and stacks | at most | the whole process, resident |\n|---|---|---|---|\n", n)
	missed := false
	for _, c := range []struct {
		what, path string
		hold       holding
	}{
		{"the photo itself, halfway", "/photos/00.jpg", holdAll},
		{"EXIF in front, halfway through its window", "/photos/00.jpg" + local.Suffix, holdAll},
		{"EXIF at the end, halfway through its second window", "/bytes/far.tif" + local.Suffix, holdLater},
	} {
		live, rss, err := r.inFlight(ctx, n, c.path, c.hold)
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		ok := live <= mostInFlight
		missed = missed || !ok
		fmt.Printf("| %s | %.0f KiB%s | %d KiB | %.0f MiB |\n", c.what, float64(live)/1024, mark(ok), mostInFlight>>10, float64(rss)/(1<<20))
	}
	if missed {
		return errMissed
	}
	return nil
}

// inFlight returns the live memory that each of n requests for a path takes while the bucket stalls its
// response, and Caddy's resident set size then, in bytes.
func (r *rig) inFlight(ctx context.Context, n int, path string, h holding) (live, rss int64, err error) {
	if err := r.setBucket(ctx, 0, h); err != nil {
		return 0, 0, err
	}
	r.client.CloseIdleConnections()
	live0, err := r.live(ctx)
	if err != nil {
		return 0, 0, err
	}
	var wg sync.WaitGroup
	failed := make(chan error, n)
	for range n {
		wg.Go(func() {
			if _, err := r.get(ctx, r.sites["bucket"]+path); err != nil {
				failed <- err
			}
		})
	}
	err = r.awaitHeld(ctx, n, failed)
	if err == nil {
		live, err = r.live(ctx)
	}
	if err == nil {
		rss, err = r.caddy.rss()
	}
	if e := r.setBucket(ctx, 0, holdNone); err == nil {
		err = e
	}
	wg.Wait()
	r.client.CloseIdleConnections()
	select {
	case e := <-failed:
		if err == nil {
			err = e
		}
	default:
	}
	return (live - live0) / int64(n), rss, err
}

// awaitHeld waits until the bucket stalls n responses.
func (r *rig) awaitHeld(ctx context.Context, n int, failed <-chan error) error {
	for range 600 {
		s, err := r.bucketStats(ctx)
		if err != nil || s.Held == int64(n) {
			return err
		}
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("the bucket doesn't hold %d answers", n)
}
