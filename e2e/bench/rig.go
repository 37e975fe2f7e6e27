package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

const module = "github.com/caddyexif/caddy-exif"

// windows are the first windows to compare, in KiB.
var windows = []int{8, 16, 32, 64, 128}

// rig has the processes and files of a benchmark.
type rig struct {
	*options
	dir       string // a temporary folder
	data      string // the folder that Caddy and the bucket serve
	root      string // this repository
	photoSize int
	client    *http.Client

	caddy, bucket, imagor *process
	sites                 map[string]string // URLs of Caddy's, by name
	admin                 string
	bucketURL, imagorURL  string
}

// process is a child process.
type process struct {
	cmd *exec.Cmd
	in  io.Closer
}

func (r *rig) start(ctx context.Context, out io.Writer, name string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the command line names it
	cmd.Dir = r.dir
	cmd.Stdout = out
	cmd.Env = append(os.Environ(), "HOME="+r.dir, "XDG_DATA_HOME="+r.dir, "XDG_CONFIG_HOME="+r.dir)
	log, err := os.Create(filepath.Join(r.dir, filepath.Base(name)+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd, in}, nil
}

func (p *process) stop() {
	if p == nil {
		return
	}
	_ = p.in.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed
}

// cpu returns the processor time that the process took so far.
func (p *process) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ") // after the name, which can have any characters
	f := strings.Fields(rest)
	const utime, stime, tick = 11, 12, 10 * time.Millisecond // proc_pid_stat(5); USER_HZ is 100 everywhere
	if len(f) <= stime {
		return 0, fmt.Errorf("/proc: %q", b)
	}
	u, err1 := strconv.Atoi(f[utime])
	s, err2 := strconv.Atoi(f[stime])
	return time.Duration(u+s) * tick, errors.Join(err1, err2)
}

// rss returns the resident set size of the process, in bytes.
func (p *process) rss() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	f := strings.Fields(rest)
	if len(f) == 0 {
		return 0, errors.New("/proc: no VmRSS")
	}
	kb, err := strconv.ParseInt(f[0], 10, 64)
	return kb << 10, err
}

// newRig builds Caddy, writes the files and starts the processes. With an error it returns an incomplete rig,
// which the caller must close, too.
func newRig(ctx context.Context, o *options) (*rig, error) {
	r := &rig{options: o, sites: map[string]string{}}
	r.client = &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 2000, DisableCompression: true},
		Timeout:   10 * time.Minute,
	}
	var err error
	if r.dir, err = os.MkdirTemp("", "caddy-exif-bench-*"); err != nil {
		return r, err
	}
	r.data = filepath.Join(r.dir, "data")
	w, h := 2560, 1920 // about 4 MB
	if o.smoke {
		w, h = 1280, 960
	}
	if r.photoSize, err = writePhotos(r.data, w, h); err != nil {
		return r, err
	}
	if o.corpus != "" {
		abs, err := filepath.Abs(o.corpus)
		if err != nil {
			return r, err
		}
		if err := os.Symlink(abs, filepath.Join(r.data, "corpus")); err != nil {
			return r, err
		}
	}
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return r, fmt.Errorf("go list (run this in the folder e2e): %w", err)
	}
	r.root = strings.TrimSpace(string(out))
	if err := os.Symlink(filepath.Join(r.root, "testdata"), filepath.Join(r.data, "testdata")); err != nil {
		return r, err
	}
	if err := r.startBucket(ctx); err != nil {
		return r, fmt.Errorf("bucket: %w", err)
	}
	if err := r.startCaddy(ctx); err != nil {
		return r, fmt.Errorf("caddy: %w", err)
	}
	if o.imagor != "" {
		if err := r.startImagor(ctx); err != nil {
			return r, fmt.Errorf("imagor: %w", err)
		}
	}
	return r, r.writeJSON(ctx)
}

func (r *rig) close() error {
	for _, p := range []*process{r.imagor, r.caddy, r.bucket} {
		p.stop()
	}
	if r.dir == "" {
		return nil
	}
	return os.RemoveAll(r.dir)
}

func (r *rig) startBucket(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	defer pr.Close()
	r.bucket, err = r.start(ctx, pw, self, "-bucket", r.data)
	_ = pw.Close() // the bucket has its own
	if err != nil {
		return err
	}
	addr, err := bufio.NewReader(pr).ReadString('\n')
	if err != nil {
		return err
	}
	r.bucketURL = "http://" + strings.TrimSpace(addr)
	return nil
}

func (r *rig) startCaddy(ctx context.Context) error {
	caddy := r.binary()
	if r.options.caddy == "" {
		if err := local.Build(r.root, caddy); err != nil {
			return err
		}
	}
	admin, err := local.Addr()
	if err != nil {
		return err
	}
	r.admin = "http://" + admin
	var sites strings.Builder
	site := func(name, exif, backend string) {
		addr, e := local.Addr()
		err = errors.Join(err, e)
		r.sites[name] = "http://" + addr
		fmt.Fprintf(&sites, "http://%s {\n\tbind 127.0.0.1\n%s\troot * %s\n\t%s\n}\n", addr, exif, r.data, backend)
	}
	const files = "file_server {\n\t\tbrowse {\n\t\t\tfile_limit 20000\n\t\t}\n\t}"
	proxy := "reverse_proxy " + strings.TrimPrefix(r.bucketURL, "http://")
	const all = "\t\toperations exif imageInfo iptc thumbnail preview\n\t\tfolders\n"
	const off = "\texif {\n\t\tcache off\n" + all + "\t}\n"
	site("static", "", files)
	site("cached", "\texif {\n"+all+"\t}\n", files)
	site("off", off, files)
	site("unknown", "\texif {\n\t\tcache off\n\t\tunknown\n\t}\n", files)
	site("bucket", off, proxy)
	site("bucket cached", "\texif\n", proxy)
	for _, w := range windows {
		exif := fmt.Sprintf("\texif {\n\t\tcache off\n\t\twindow %dKiB\n\t}\n", w)
		site(fmt.Sprintf("window %d", w), exif, files)
		site(fmt.Sprintf("bucket window %d", w), exif, proxy)
	}
	if err != nil {
		return err
	}
	config := fmt.Sprintf("{\n\tadmin %s\n\tauto_https off\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\n%s",
		admin, sites.String())
	name := filepath.Join(r.dir, "Caddyfile")
	if err := write(name, []byte(config)); err != nil {
		return err
	}
	if r.caddy, err = r.start(ctx, nil, caddy, "run", "--config", name); err != nil {
		return err
	}
	return r.wait(ctx, r.sites["static"]+"/one.jpg", filepath.Base(caddy))
}

// binary returns the path of Caddy's binary, which may not be built yet.
func (r *rig) binary() string {
	if r.options.caddy != "" {
		if abs, err := filepath.Abs(r.options.caddy); err == nil {
			return abs
		}
	}
	return filepath.Join(r.dir, "caddy")
}

func (r *rig) startImagor(ctx context.Context) error {
	addr, err := local.Addr()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(addr)
	binary, err := filepath.Abs(r.options.imagor)
	if err != nil {
		return err
	}
	r.imagorURL = "http://" + addr
	r.imagor, err = r.start(ctx, nil, binary, "-server-address", "127.0.0.1", "-port", port, "-imagor-unsafe",
		"-http-loader-disable", "-file-loader-base-dir", filepath.Join(r.data, "photos"), "-vips-concurrency", "2")
	if err != nil {
		return err
	}
	return r.wait(ctx, r.imagorURL+"/unsafe/meta/00.jpg", filepath.Base(binary))
}

// wait waits until a URL returns status 200.
func (r *rig) wait(ctx context.Context, url, name string) error {
	var err error
	for range 100 {
		if _, err = r.get(ctx, url); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	log, _ := os.ReadFile(filepath.Join(r.dir, name+".log")) //nolint:gosec // the bench's own file
	return fmt.Errorf("it doesn't come up: %w\n%s", err, log)
}

// writeJSON writes the answers of all photos to files, for the static server.
func (r *rig) writeJSON(ctx context.Context) error {
	for i := range photos {
		body, err := r.get(ctx, r.sites["off"]+fmt.Sprintf("/photos/%02d.jpg", i)+local.Suffix)
		if err != nil {
			return err
		}
		if !strings.Contains(string(body), fmt.Sprintf(`"LensSerialNumber":"%08d"`, i)) {
			return fmt.Errorf("photo %d is answered %s", i, body)
		}
		if err := write(filepath.Join(r.data, "json", fmt.Sprintf("%02d.json", i)), body); err != nil {
			return err
		}
	}
	return nil
}

// get returns the body of a response, which must be 200.
func (r *rig) get(ctx context.Context, url string) ([]byte, error) {
	status, body, err := r.do(ctx, http.MethodGet, url)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s: status %d: %s", url, status, body)
	}
	return body, err
}

func (r *rig) do(ctx context.Context, method, url string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := r.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// setBucket sets the bucket's latency and the responses to stall, and resets its counters.
func (r *rig) setBucket(ctx context.Context, latency time.Duration, h holding) error {
	q := url.Values{"latency": {latency.String()}, "hold": {string(h)}}
	_, body, err := r.do(ctx, http.MethodPost, r.bucketURL+"/-/set?"+q.Encode())
	if err == nil && len(body) > 0 {
		err = fmt.Errorf("bucket: %s", body)
	}
	return err
}

func (r *rig) bucketStats(ctx context.Context) (s bucketStats, err error) {
	body, err := r.get(ctx, r.bucketURL+"/-/stats")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(body, &s)
}

// live returns the bytes of heap and stacks that Caddy uses after a garbage collection.
func (r *rig) live(ctx context.Context) (int64, error) {
	for range 2 { // the second collection frees pools
		if _, err := r.get(ctx, r.admin+"/debug/pprof/heap?gc=1"); err != nil {
			return 0, err
		}
	}
	body, err := r.get(ctx, r.admin+"/metrics")
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, name := range []string{"go_memstats_heap_alloc_bytes", "go_memstats_stack_inuse_bytes"} {
		_, rest, ok := strings.Cut(string(body), "\n"+name+" ")
		line, _, _ := strings.Cut(rest, "\n")
		v, err := strconv.ParseFloat(line, 64)
		if !ok || err != nil {
			return 0, fmt.Errorf("metrics: no %s", name)
		}
		sum += v
	}
	return int64(sum), nil
}

// escape returns a file's path as in a URL.
func escape(path string) string { return (&url.URL{Path: path}).EscapedPath() }
