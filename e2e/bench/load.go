package main

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// connections is the default number of wrk's connections.
const connections = 16

//go:embed load.lua
var script []byte

// target is a set of URLs for wrk to request.
type target struct {
	base    string // URL
	pattern string // the paths, a format of Lua's string.format with one number
	n       int    // the numbers are from 0 to n-1
	draw    string // the order of the numbers: "turn" or "zipf"
	from    int    // the first number of "turn"
	server  *process
}

// rate is the result of one run of wrk.
type rate struct {
	requests int
	perSec   float64
	cpu      float64 // µs of the server's processor time per request
	p50, p99 time.Duration
}

// wrk loads a target for d. A response other than 2xx or 3xx is an error, since it may be cheaper.
func (r *rig) wrk(ctx context.Context, t target, conns int, d time.Duration) (rate, error) {
	lua := filepath.Join(r.dir, "load.lua")
	if err := write(lua, script); err != nil {
		return rate{}, err
	}
	before, err := t.server.cpu()
	if err != nil {
		return rate{}, err
	}
	cmd := exec.CommandContext(ctx, "wrk", "-t1", "-c", strconv.Itoa(conns), "-d", fmt.Sprintf("%.0fs", d.Seconds()), //nolint:gosec // the bench's own numbers and paths
		"--timeout", "60s", "-s", lua, t.base, "--", t.pattern, strconv.Itoa(t.n), t.draw, strconv.Itoa(t.from))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return rate{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	after, err := t.server.cpu()
	if err != nil {
		return rate{}, err
	}
	return parseWrk(string(out), after-before)
}

// parseWrk parses the line that the script writes.
func parseWrk(out string, cpu time.Duration) (rate, error) {
	var requests, micros, failed, p50, p99 int
	_, line, _ := strings.Cut(out, "BENCH ")
	if _, err := fmt.Sscan(line, &requests, &micros, &failed, &p50, &p99); err != nil || requests == 0 || micros == 0 {
		return rate{}, fmt.Errorf("wrk answered no request:\n%s", out)
	}
	if failed > 0 {
		return rate{}, fmt.Errorf("%d of %d requests failed:\n%s", failed, requests, out)
	}
	return rate{
		requests: requests,
		perSec:   float64(requests) / float64(micros) * 1e6,
		cpu:      float64(cpu.Microseconds()) / float64(requests),
		p50:      time.Duration(p50) * time.Microsecond,
		p99:      time.Duration(p99) * time.Microsecond,
	}, nil
}

// latency returns the median time of n consecutive requests.
func (r *rig) latency(ctx context.Context, url string, n int) (time.Duration, error) {
	if _, err := r.get(ctx, url); err != nil { // open the connection
		return 0, err
	}
	times := make([]time.Duration, n)
	for i := range times {
		start := time.Now()
		status, _, err := r.do(ctx, http.MethodGet, url)
		if err != nil || status != http.StatusOK {
			return 0, fmt.Errorf("%s: status %d, %w", url, status, err)
		}
		times[i] = time.Since(start)
	}
	return median(times), nil
}

func median[T cmp.Ordered](v []T) T {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
