package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// bucket is a stand-in for an object store: it serves files of a folder with a strong ETag and ranges, each
// response after a latency. It counts requests and bytes, and can stall in the middle of responses.
type bucket struct {
	root string
	// one is the object at every path below /synthetic/, each with an ETag of its own.
	one []byte

	latency     atomic.Int64 // nanoseconds before each response
	requests    atomic.Int64
	notModified atomic.Int64
	bytes       atomic.Int64 // of bodies
	held        atomic.Int64 // stalled responses

	mu      sync.Mutex
	hold    holding
	release chan struct{} // closed to resume stalled responses
}

// holding selects the responses that stall halfway.
type holding string

const (
	holdNone  holding = "none"
	holdAll   holding = "all"
	holdLater holding = "later" // responses to ranges that don't begin at 0
)

// bucketStats has the bucket's counters.
type bucketStats struct {
	Requests, NotModified, Bytes, Held int64
}

// serveBucket serves the folder root on a free port, which it prints. It returns when standard input ends, so
// that it ends with its parent process.
func serveBucket(root string) error {
	one, err := os.ReadFile(filepath.Join(root, "one.jpg")) //nolint:gosec // a folder of ours
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	b := &bucket{root: root, one: one, hold: holdNone, release: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /-/set", b.set)
	mux.HandleFunc("GET /-/stats", b.stats)
	mux.HandleFunc("/", b.object)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	return s.Serve(l)
}

// set sets the latency and the responses to stall, resumes those stalled before, and resets the counters.
func (b *bucket) set(w http.ResponseWriter, r *http.Request) {
	latency, err := time.ParseDuration(r.FormValue("latency"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.latency.Store(int64(latency))
	b.mu.Lock()
	b.hold = holding(r.FormValue("hold"))
	close(b.release)
	b.release = make(chan struct{})
	b.mu.Unlock()
	for _, n := range []*atomic.Int64{&b.requests, &b.notModified, &b.bytes} {
		n.Store(0)
	}
}

func (b *bucket) stats(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(bucketStats{b.requests.Load(), b.notModified.Load(), b.bytes.Load(), b.held.Load()})
}

func (b *bucket) object(w http.ResponseWriter, r *http.Request) {
	b.requests.Add(1)
	time.Sleep(time.Duration(b.latency.Load()))
	s := &sender{ResponseWriter: w, b: b, ctx: r.Context(), later: later(r.Header.Get("Range"))}
	if name, ok := strings.CutPrefix(r.URL.Path, "/synthetic/"); ok {
		w.Header().Set("Etag", strconv.Quote(name))
		http.ServeContent(s, r, "photo.jpg", time.Time{}, bytes.NewReader(b.one))
		return
	}
	f, err := os.Open(filepath.Join(b.root, filepath.FromSlash(r.URL.Path))) //nolint:gosec // only the bench sends requests
	if err != nil {
		http.NotFound(s, r)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.IsDir() && strings.HasSuffix(r.URL.Path, "/") && strings.Contains(r.Header.Get("Accept"), "application/json") {
		w.Header().Set("Content-Type", "application/json")
		_ = listing(s, f.Name()) // the connection has gone
		return
	}
	if err != nil || info.IsDir() {
		http.NotFound(s, r)
		return
	}
	w.Header().Set("Etag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	w.Header().Set("Content-Type", "application/octet-stream") // the default of stores
	http.ServeContent(s, r, "", info.ModTime(), f)
}

// later reports whether a range doesn't begin at 0.
func later(rng string) bool { return rng != "" && !strings.HasPrefix(rng, "bytes=0-") }

// sender counts the bytes of a response, and stalls halfway if the bucket says so.
type sender struct {
	http.ResponseWriter
	b     *bucket
	ctx   context.Context //nolint:containedctx // the request's own
	later bool

	release chan struct{} // nil: doesn't stall
	left    int64         // bytes until it stalls
}

func (s *sender) WriteHeader(status int) {
	if status == http.StatusNotModified {
		s.b.notModified.Add(1)
	}
	s.b.mu.Lock()
	if s.b.hold == holdAll || s.b.hold == holdLater && s.later {
		s.release = s.b.release
		n, _ := strconv.ParseInt(s.Header().Get("Content-Length"), 10, 64)
		s.left = n / 2
	}
	s.b.mu.Unlock()
	s.ResponseWriter.WriteHeader(status)
}

func (s *sender) Write(p []byte) (n int, err error) {
	if s.release != nil && int64(len(p)) > s.left {
		n, err = s.send(p[:s.left])
		if err != nil {
			return n, err
		}
		if err := http.NewResponseController(s.ResponseWriter).Flush(); err != nil {
			return n, err
		}
		s.b.held.Add(1)
		select {
		case <-s.release:
		case <-s.ctx.Done():
		}
		s.b.held.Add(-1)
		s.release = nil
		p = p[n:]
	}
	m, err := s.send(p)
	return n + m, err
}

func (s *sender) send(p []byte) (int, error) {
	// count before Write returns, since a client that has read the bytes may get the counters at once
	s.b.bytes.Add(int64(len(p)))
	n, err := s.ResponseWriter.Write(p)
	s.b.bytes.Add(int64(n - len(p)))
	s.left -= int64(n)
	return n, err
}
