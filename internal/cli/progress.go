package cli

import (
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress is a progress bar on a terminal. Its methods do nothing on nil.
type progress struct {
	w       io.Writer
	cleanup *cleanup
	started time.Time
	bar     *progressbar.ProgressBar // nil until the first show
	shown   bool
}

const (
	// progressAfter is how long a run takes before the bar appears.
	progressAfter = time.Second
	// progressEvery is how often the bar moves.
	progressEvery = 100 * time.Millisecond
)

func newProgress(w io.Writer, c *cleanup) *progress {
	return &progress{w: w, cleanup: c, started: time.Now()}
}

// show updates the bar: n of total files are done.
func (p *progress) show(n, total int) {
	if p == nil {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(p.w),
			progressbar.OptionThrottle(progressEvery),
			progressbar.OptionShowCount(),
			progressbar.OptionSetWidth(30),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "#", SaucerPadding: "-", BarStart: "[", BarEnd: "]"}))
		p.bar.StartWithoutRender() // starts its clock
	}
	if n == 0 || time.Since(p.started) < progressAfter {
		return
	}
	if !p.shown {
		p.shown = true
		p.cleanup.add(func() { // before there is a bar to clear
			_ = p.bar.Exit() // so that it isn't drawn again
			_ = p.bar.Clear()
		})
	}
	_ = p.bar.Set(n) // a failure to draw must not stop the run
}

// clear removes the bar from the screen until the next show.
func (p *progress) clear() {
	if p != nil && p.shown {
		_ = p.bar.Clear()
	}
}

// cleanup runs functions before a signal ends the program.
type cleanup struct {
	mu    sync.Mutex
	funcs []func()
}

// add adds a function, which may run at any time from now on, in another goroutine.
func (c *cleanup) add(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.funcs = append(c.funcs, f); len(c.funcs) > 1 {
		return // it listens already
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		sig := <-signals
		signal.Reset(os.Interrupt, syscall.SIGTERM)
		c.mu.Lock() // for good
		for _, f := range c.funcs {
			f()
		}
		if self, err := os.FindProcess(os.Getpid()); err != nil || self.Signal(sig) != nil {
			os.Exit(exitInterrupted) // Windows can't send the signal
		}
	}()
}

// exitInterrupted is a shell's exit status of an interrupted program: 128 and the signal.
const exitInterrupted = 130

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
