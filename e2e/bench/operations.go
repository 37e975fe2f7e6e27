package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddyexif/caddy-exif"
	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

// suffixOf returns the suffix of a photo's path that requests an operation.
func suffixOf(operation string) string {
	return strings.TrimSuffix(local.Suffix, "exif") + operation
}

// contest loads several targets alternately and returns the median of each.
func contest(ctx context.Context, r *rig, conns int, targets ...target) ([]rate, error) {
	runs, err := r.inTurn(ctx, conns, targets...)
	if err != nil {
		return nil, err
	}
	medians := make([]rate, len(targets))
	for i := range runs {
		medians[i].perSec = median(pick(runs[i], func(v rate) float64 { return v.perSec }))
		medians[i].cpu = median(pick(runs[i], func(v rate) float64 { return v.cpu }))
		medians[i].p50 = median(durations(runs[i]))
	}
	return medians, nil
}

func durations(runs []rate) (v []time.Duration) {
	for _, r := range runs {
		v = append(v, r.p50)
	}
	return v
}

// operations compares the operations other than EXIF with static files of the same bytes, and IPTC with EXIF.
func operations(ctx context.Context, r *rig) error {
	// the thumbnails as files
	for i := range photos {
		_, b, err := r.do(ctx, http.MethodGet, fmt.Sprintf("%s/photos/%02d.jpg%s", r.sites["cached"], i, suffixOf("thumbnail")))
		if err != nil {
			return err
		}
		if err := write(filepath.Join(r.data, "thumbnails", fmt.Sprintf("%02d.jpg", i)), b); err != nil {
			return err
		}
	}
	at := func(site, pattern string) target {
		return target{r.sites[site], pattern, photos, "turn", 0, r.caddy}
	}
	medians, err := contest(ctx, r, connections,
		at("cached", "/photos/%02d.jpg"+suffixOf("thumbnail")),
		at("off", "/photos/%02d.jpg"+suffixOf("thumbnail")),
		at("static", "/thumbnails/%02d.jpg"),
		at("cached", "/photos/%02d.jpg"+suffixOf("imageInfo")),
		at("off", "/photos/%02d.jpg"+suffixOf("imageInfo")),
		at("static", "/json/%02d.json"),
		at("cached", "/photos/%02d.jpg"+suffixOf("iptc")),
		at("cached", "/photos/%02d.jpg"+suffixOf("exif")))
	if err != nil {
		return err
	}
	fmt.Print("\n| requests/s | at least | ratio | by processor time | requests/s | of the other |\n|---|---|---|---|---|---|\n")
	missed := false
	for _, line := range []struct {
		what  string
		least float64
		a, b  int
	}{
		{"`thumbnail`, kept, against the same JPEG as a static file", 1, 0, 2},
		{"`thumbnail`, `cache off`, against the same", 0.75, 1, 2},
		{"`imageInfo`, kept, against the EXIF as a static JSON", 1.1, 3, 5},
		{"`imageInfo`, `cache off`, against the same", 0.85, 4, 5},
		{"`iptc`, kept, against `exif`, kept", 0.95, 6, 7},
	} {
		a, b := medians[line.a], medians[line.b]
		got := a.perSec / b.perSec
		missed = missed || got < line.least
		fmt.Printf("| %s | %.3g | %.3g%s | %.3g | %.0f | %.0f |\n", line.what, line.least, got, mark(got >= line.least || r.smoke), b.cpu/a.cpu, a.perSec, b.perSec)
	}
	fmt.Print("\n| from a bucket 20 ms away, `cache off` | time | sub-requests |\n|---|---|---|\n")
	defer func() { _ = r.setBucket(ctx, 0, holdNone) }()
	for _, word := range []string{"exif", "imageInfo", "iptc", "thumbnail", "preview"} {
		if err := r.setBucket(ctx, 20*time.Millisecond, holdNone); err != nil {
			return err
		}
		took, err := r.latency(ctx, r.sites["bucket"]+"/photos/00.jpg"+suffixOf(word), 5)
		if err != nil {
			return err
		}
		s, err := r.bucketStats(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("| `%s` | %v | %.3g |\n", word, took.Round(100*time.Microsecond), float64(s.Requests)/6)
	}
	if missed && !r.smoke {
		return errMissed
	}
	return nil
}

// redaction compares redacted photos and films with the same files from file_server without sendfile, and photos with those
// from imagor with strip_metadata.
func redaction(ctx context.Context, r *rig) error {
	addrs := make([]string, 3)
	for i := range addrs {
		var err error
		if addrs[i], err = local.Addr(); err != nil {
			return err
		}
	}
	routes := func(handlers ...string) string { return `[{"handle":[` + strings.Join(handlers, ",") + `]}]` }
	files := fmt.Sprintf(`{"handler":"file_server","root":%q}`, r.data)
	hide, redact := `{"handler":"bench_hide"}`, `{"handler":"exif","redact":true,"omit":["@location"]}`
	var servers []string
	for i, handlers := range []string{routes(hide, files), routes(redact, files), routes(files)} {
		servers = append(servers, fmt.Sprintf(`"%d":{"listen":[%q],"automatic_https":{"disable":true},"routes":%s}`, i, addrs[i], handlers))
	}
	config := `{"admin":{"disabled":true},"logging":{"logs":{"default":{"level":"ERROR"}}},"apps":{"http":{"servers":{` + strings.Join(servers, ",") + `}}}}`
	name := filepath.Join(r.dir, "redact.json")
	if err := write(name, []byte(config)); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	p, err := r.start(ctx, nil, self, "-serve", name)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := r.wait(ctx, "http://"+addrs[0]+"/one.jpg", "bench"); err != nil {
		return err
	}
	films, filmSize, err := writeFilms(r.data, r.smoke)
	if err != nil {
		return err
	}
	missed := false
	for _, x := range []struct {
		what, pattern string
		n, size       int
		least         float64
	}{
		{"JPEG", "/photos/%02d.jpg", photos, r.photoSize, 0.8},
		{"MP4", "/films/%02d.mp4", films, filmSize, 0.9},
	} {
		at := func(i int) target { return target{"http://" + addrs[i], x.pattern, x.n, "turn", 0, p} }
		medians, err := contest(ctx, r, connections, at(0), at(1), at(2))
		if err != nil {
			return err
		}
		mb := func(v rate) float64 { return v.perSec * float64(x.size) / 1e6 }
		got := medians[1].perSec / medians[0].perSec
		missed = missed || got < x.least
		fmt.Printf("\n| %.1f MB %s | MB/s | processor time |\n|---|---|---|\n", float64(x.size)/1e6, x.what)
		for i, what := range []string{"`file_server` that can't use sendfile", "`redact`", "`file_server` with sendfile"} {
			fmt.Printf("| %s | %.0f | %.0f µs |\n", what, mb(medians[i]), medians[i].cpu)
		}
		fmt.Printf("\n| | at least | ratio |\n|---|---|---|\n| `redact` against `file_server` without sendfile | %.2g | %.3g%s |\n", x.least, got, mark(got >= x.least || r.smoke))
	}
	if r.imagor != nil {
		strip := target{r.imagorURL, "/unsafe/filters:strip_metadata()/%02d.jpg", photos, "turn", 0, r.imagor}
		// with more connections no answer of imagor's may be whole before a run ends
		v, err := contest(ctx, r, 2, target{"http://" + addrs[1], "/photos/%02d.jpg", photos, "turn", 0, p}, strip)
		if err != nil {
			return err
		}
		fmt.Printf("| `redact` against imagor's `strip_metadata` | 50 | %.3g%s |\n", v[0].perSec/v[1].perSec, mark(v[0].perSec/v[1].perSec >= 50 || r.smoke))
	} else {
		fmt.Print("| `redact` against imagor's `strip_metadata` | 50 | not run: no binary given (`-imagor`) |\n")
	}

	// the memory of a request in flight: many clients that stop reading halfway
	const stuck = 200
	before, err := p.rss()
	if err != nil {
		return err
	}
	var bodies []io.Closer
	for i := range stuck {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/photos/%02d.jpg", addrs[1], i%photos), nil)
		if err != nil {
			return err
		}
		res, err := r.client.Do(req) //nolint:bodyclose // closed below
		if err != nil {
			return err
		}
		bodies = append(bodies, res.Body)
		if _, err := io.ReadFull(res.Body, make([]byte, 200<<10)); err != nil {
			return err
		}
	}
	time.Sleep(500 * time.Millisecond)
	after, err := p.rss()
	if err != nil {
		return err
	}
	for _, b := range bodies {
		_ = b.Close()
	}
	each := float64(after-before) / stuck / 1024
	fmt.Printf("| memory of a request in flight, KiB | at most 512 | %.0f%s |\n", each, mark(each <= 512))
	if (missed || each > 512) && !r.smoke {
		return errMissed
	}
	return nil
}

// serve runs Caddy with this module and hide until standard input ends.
func serve(name string) error {
	config, err := os.ReadFile(name) //nolint:gosec // the bench's own file
	if err != nil {
		return err
	}
	if err := caddy.Load(json.RawMessage(bytes.TrimSpace(config)), true); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// hide is a handler that keeps the next handlers from using sendfile.
type hide struct{}

func init() { caddy.RegisterModule(hide{}) }

// CaddyModule returns the Caddy module information.
func (hide) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.bench_hide", New: func() caddy.Module { return new(hide) }}
}

// ServeHTTP calls the next handler with a writer without ReadFrom.
func (*hide) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
}
