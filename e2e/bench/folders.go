package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

// The figures that a folder must reach.
const (
	folderRatio  = 2.0             // photos a second, against single requests
	folderBucket = 3 * time.Second // 1,000 photos of a bucket 20 ms away
)

// folders measures the answers for folders of 10 to 10,000 photos, on disk and in a bucket 20 ms away. Both kinds of
// requests, for a folder and for each of its photos, are sent by the same client. wrk, whose requests hardly cost
// the client anything, is measured beside it.
func folders(ctx context.Context, r *rig) error {
	counts, repeat := []int{10, 100, 1000, 10_000}, 5
	if r.smoke {
		counts, repeat = []int{10, 1000}, 1
	}
	for _, n := range counts {
		dir := filepath.Join(r.data, "folder", fmt.Sprint(n))
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		for i := range n {
			photo := filepath.Join(r.data, "photos", fmt.Sprintf("%02d.jpg", i%photos))
			if err := os.Link(photo, filepath.Join(dir, fmt.Sprintf("%05d.jpg", i))); err != nil {
				return err
			}
		}
	}
	defer func() { _ = r.setBucket(ctx, 0, holdNone) }()
	single, err := r.wrk(ctx, target{r.sites["off"], "/folder/1000/%05d.jpg" + local.Suffix, 1000, "turn", 0, r.caddy}, connections, r.duration)
	if err != nil {
		return err
	}
	fmt.Print("\n| photos in the folder | on disk, `cache off` | photos/s | against single requests | against wrk's | answers kept | against single requests | 304 | from a bucket 20 ms away |\n|---|---|---|---|---|---|---|---|---|\n")
	lines := map[string]*series{"disk": {name: "on disk, cache off"}, "kept": {name: "on disk, answers kept"}, "304": {name: "304"}, "bucket": {name: "bucket 20 ms away"}}
	missed := false
	for _, n := range counts {
		path := fmt.Sprintf("/folder/%d/%s", n, local.Suffix)
		if err := r.setBucket(ctx, 20*time.Millisecond, holdNone); err != nil {
			return err
		}
		took := map[string]time.Duration{}
		times := map[string][]time.Duration{}
		for range repeat {
			for what, site := range map[string]string{"disk": "off", "kept": "cached", "bucket": "bucket"} {
				t, err := r.folder(ctx, r.sites[site]+path, n)
				if err != nil {
					return err
				}
				times[what] = append(times[what], t)
			}
			for what, site := range map[string]string{"singles": "off", "singles kept": "cached"} {
				t, err := r.singles(ctx, r.sites[site]+fmt.Sprintf("/folder/%d/%%05d.jpg", n)+local.Suffix, n)
				if err != nil {
					return err
				}
				times[what] = append(times[what], t)
			}
		}
		for what, t := range times {
			took[what] = median(t)
		}
		if took["304"], err = r.unchanged(ctx, r.sites["off"]+path, repeat); err != nil {
			return err
		}
		perSec := float64(n) / took["disk"].Seconds()
		ratio := took["singles"].Seconds() / took["disk"].Seconds()
		good := n != 1000 || ratio >= folderRatio && took["bucket"] <= folderBucket
		missed = missed || !good
		fmt.Printf("| %d | %.1f ms | %.0f | %.2f × | %.2f × | %.1f ms | %.2f × | %.2f ms | %.0f ms%s |\n",
			n, ms(took["disk"]), perSec, ratio, perSec/single.perSec, ms(took["kept"]), took["singles kept"].Seconds()/took["kept"].Seconds(), ms(took["304"]), ms(took["bucket"]), mark(good || r.smoke))
		for what := range lines {
			t := took[what]
			lines[what].points = append(lines[what].points, point{float64(n), ms(t)})
		}
	}
	if err := r.plot("folders.svg", plot{
		title: "Time of a folder's answer, by its photos",
		desc: "Two logarithmic plots over folders of 10 to 10,000 photos: the time until all photos are answered, on disk with and without the cache, " +
			"from a bucket 20 ms away, and of a 304. More than 1,000 photos take several requests.",
		x: axis{"photos in the folder", ""},
		panels: []panel{
			{axis{"time of all answers, on disk", "ms"}, []series{*lines["disk"], *lines["kept"], *lines["304"]}},
			{axis{"the same, from a bucket 20 ms away", "ms"}, []series{*lines["bucket"]}},
		},
	}); err != nil {
		return err
	}
	if missed && !r.smoke {
		return errMissed
	}
	return nil
}

// nextPage matches the Link to a folder's next page.
var nextPage = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// folder returns the time until the answers of all n photos of a folder have arrived, page by page.
func (r *rig) folder(ctx context.Context, at string, n int) (time.Duration, error) {
	start := time.Now()
	lines := 0
	for at != "" {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			return 0, err
		}
		res, err := r.client.Do(req)
		if err != nil {
			return 0, err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("%s: status %d, %w", at, res.StatusCode, err)
		}
		for _, c := range body {
			if c == '\n' {
				lines++
			}
		}
		lines -= 2 // the brackets
		next := nextPage.FindStringSubmatch(res.Header.Get("Link"))
		if next == nil {
			break
		}
		u, err := req.URL.Parse(next[1])
		if err != nil {
			return 0, err
		}
		at = u.String()
	}
	if lines != n {
		return 0, fmt.Errorf("%s: %d photos are answered, want %d", at, lines, n)
	}
	return time.Since(start), nil
}

// singles returns the time until the answers of all n photos of a folder have arrived, each by a request of its own,
// as many at once as wrk sends.
func (r *rig) singles(ctx context.Context, pattern string, n int) (time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	var wg sync.WaitGroup
	var next atomic.Int64
	for range connections {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if _, err := r.get(ctx, fmt.Sprintf(pattern, i)); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start), context.Cause(ctx)
}

// unchanged returns the median time of n requests for a folder that the client has already.
func (r *rig) unchanged(ctx context.Context, at string, n int) (time.Duration, error) {
	tag := ""
	times := make([]time.Duration, 0, n)
	for len(times) < n {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
		if err != nil {
			return 0, err
		}
		if tag != "" {
			req.Header.Set("If-None-Match", tag)
		}
		start := time.Now()
		res, err := r.client.Do(req)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		switch {
		case err != nil:
			return 0, err
		case tag != "" && res.StatusCode != http.StatusNotModified:
			return 0, fmt.Errorf("%s: status %d, want 304", at, res.StatusCode)
		case tag != "":
			times = append(times, time.Since(start))
		}
		tag = res.Header.Get("Etag")
	}
	return median(times), nil
}

// listing answers a request for a folder in the form of Caddy's listings.
func listing(w http.ResponseWriter, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	separator := "["
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, `%s{"name":%q,"size":%d,"url":"./%s","mod_time":%q,"mode":%d,"is_dir":%t,"is_symlink":false}`, separator,
			e.Name(), info.Size(), url.PathEscape(e.Name()), info.ModTime().UTC().Format(time.RFC3339Nano), info.Mode(), e.IsDir()); err != nil {
			return err
		}
		separator = ",\n"
	}
	_, err = io.WriteString(w, "]\n")
	return err
}
