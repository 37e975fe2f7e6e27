package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestParseWrk(t *testing.T) {
	const head = "Running 4s test @ http://127.0.0.1:1\n  1 threads and 16 connections\n"
	v, err := parseWrk(head+"BENCH 2000 4000000 0 1500 9000\n", 100*time.Millisecond)
	if err != nil || v.perSec != 500 || v.cpu != 50 || v.p50 != 1500*time.Microsecond || v.p99 != 9*time.Millisecond {
		t.Errorf("got %+v, %v", v, err)
	}
	for name, line := range map[string]string{
		"nothing":  "",
		"failures": "BENCH 2000 4000000 1 1500 9000\n",
		"none":     "BENCH 0 4000000 0 0 0\n",
	} {
		if v, err := parseWrk(head+line, 0); err == nil {
			t.Errorf("%s: got %+v, want an error", name, v)
		}
	}
}

func TestPlot(t *testing.T) {
	p := plot{
		title: "a < b & c",
		x:     axis{"size", "B"},
		panels: []panel{{axis{"time", "ms"}, []series{
			{"one", []point{{1e4, 0.2}, {1e10, 20}}},
		}}},
	}
	b, err := p.svg()
	if err != nil {
		t.Fatal(err)
	}
	// 10 kB is at the left edge, 10 GB at the right one; 0.2 ms is 0.3 of three decades above 0.1 ms
	for _, want := range []string{
		`points="76.0,283.9 736.0,137.3 "`, ">10 kB<", ">10 GB<", ">0.1 ms<", ">100 ms<", "a &lt; b &amp; c",
	} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("no %s in\n%s", want, b)
		}
	}
	p.panels[0].lines[0].points[0].y = 0
	if _, err := p.svg(); err == nil || !strings.Contains(err.Error(), "logarithm") {
		t.Errorf("a point without a logarithm: got %v", err)
	}
}

func TestMedian(t *testing.T) {
	v := []int{5, 1, 4}
	if got := median(v); got != 4 || v[0] != 5 {
		t.Errorf("got %d, and %v left", got, v)
	}
}

// TestFarFiles checks the sizes of the layouts only; the bench checks the answers for them.
func TestFarFiles(t *testing.T) {
	for _, size := range []int64{10e3, 10e9} {
		for name, f := range map[string]func(int64) (front, end []byte){"TIFF": farTIFF, "HEIC": farHEIC} {
			front, end := f(size)
			if n := len(front) + len(end); len(end) == 0 || int64(n) > size {
				t.Errorf("%s of %d bytes: %d bytes in front, %d at the end", name, size, len(front), len(end))
			}
		}
	}
}
