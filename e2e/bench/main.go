// Command bench measures the module's performance next to its peers', and prints the tables of
// docs/figures.md as Markdown:
//
//	cd e2e && go run ./bench
//
// It starts on loopback, each in a process of its own: Caddy with the module, built from this repository; a
// bucket server that counts requests and bytes; imagor, if -imagor names its binary; and wrk, the load
// generator, which must be installed. It needs Linux, for /proc.
//
// The parts of -only:
//
//	rates    requests per second, and processor time per request, compared with the peers
//	bytes    the bytes read of an object, and the number of sub-requests
//	memory   the memory of a request in flight
//	operations  requests per second of imageInfo, iptc and thumbnail, and what they read from a bucket
//	redact   megabytes per second of a photo and of a film that are redacted as they are sent
//	folders  folders of 10 to 10,000 photos, on disk and in a bucket; with -update it draws docs/folders.svg
//	growth   how cost grows with size, concurrent requests, tags, objects, latency; with -update it
//	         draws docs/size.svg and docs/concurrency.svg
//	window   which first window is the fastest
//
// The exit status is 1 if a figure is missed. With -smoke only figures that don't depend on the machine's
// load count: bytes, sub-requests and memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options has the command-line flags.
type options struct {
	duration time.Duration
	rounds   int
	only     string
	smoke    bool
	update   bool
	caddy    string
	imagor   string
	corpus   string
}

// parts are in the order in which they run. Without -only, the first six run.
var parts = []struct {
	name string
	run  func(context.Context, *rig) error
}{
	{"rates", rates},
	{"bytes", bytesRead},
	{"memory", memory},
	{"operations", operations},
	{"redact", redaction},
	{"folders", folders},
	{"growth", growth},
	{"window", window},
}

const defaultParts = "rates,bytes,memory,operations,redact,folders"

func main() {
	var o options
	var bucket, config string
	flag.DurationVar(&o.duration, "duration", 4*time.Second, "how long one run of wrk takes")
	flag.IntVar(&o.rounds, "rounds", 5, "how many runs each contestant has, in turn with the others")
	flag.StringVar(&o.only, "only", defaultParts, "the parts to run: rates, bytes, memory, operations, redact, folders, growth, window")
	flag.BoolVar(&o.smoke, "smoke", false, "see in seconds that all parts work; rates count for nothing")
	flag.BoolVar(&o.update, "update", false, "write the plots of the part growth to docs")
	flag.StringVar(&o.caddy, "caddy", "", "a Caddy with the module (default: built from this repository)")
	flag.StringVar(&o.imagor, "imagor", "", "imagor's binary, to compare with")
	flag.StringVar(&o.corpus, "corpus", os.Getenv("EXIF_CORPUS"), "a folder of real photos (default: $EXIF_CORPUS)")
	flag.StringVar(&bucket, "bucket", "", "be the bucket server of that folder, until standard input ends")
	flag.StringVar(&config, "serve", "", "be a Caddy with that JSON config, until standard input ends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case bucket != "":
		err = serveBucket(bucket)
	case config != "":
		err = serve(config)
	default:
		err = run(ctx, &o)
	}
	if err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

// errMissed reports that a figure is missed. The tables mark it.
var errMissed = errors.New("a figure is not reached")

func run(ctx context.Context, o *options) (err error) {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	if o.rounds < 1 || o.duration < time.Second || o.duration%time.Second != 0 {
		return errors.New("-rounds must be at least 1, and -duration whole seconds: wrk counts in them")
	}
	if o.smoke {
		o.duration, o.rounds = time.Second, 1
		if o.only == defaultParts {
			o.only += ",growth,window"
		}
	}
	wanted := strings.Split(o.only, ",")
	for _, w := range wanted {
		if !slices.ContainsFunc(parts, func(p struct {
			name string
			run  func(context.Context, *rig) error
		},
		) bool {
			return p.name == w
		}) {
			return fmt.Errorf("-only: no part %q", w)
		}
	}
	if _, err := exec.LookPath("wrk"); err != nil {
		return errors.New("wrk, which makes the load, is not installed (Debian: apt install wrk)")
	}
	r, err := newRig(ctx, o)
	defer func() { err = errors.Join(err, r.close()) }()
	if err != nil {
		return err
	}
	fmt.Printf("%d cores, %s/%s, %s; wrk with 1 thread and %d connections kept alive, on the same cores;\n"+
		"%d photos of %.1f MB each, in the page cache; %d rounds of %v.\n",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), connections,
		photos, float64(r.photoSize)/1e6, o.rounds, o.duration)
	for _, p := range parts {
		if !slices.Contains(wanted, p.name) {
			continue
		}
		if e := p.run(ctx, r); errors.Is(e, errMissed) {
			err = errMissed
		} else if e != nil {
			return fmt.Errorf("%s: %w", p.name, e)
		}
	}
	return err
}
