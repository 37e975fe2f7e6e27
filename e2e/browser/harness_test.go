// Package browser tests the gallery in a real browser, by clicks and keys.
package browser

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

// TestMain makes the browser, Caddy and the photos once for all tests.
var (
	chrome context.Context
	caddy  string
	photos string
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		tmp, err := os.MkdirTemp("", "gallery")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(tmp)
		caddy = filepath.Join(tmp, "caddy")
		if err := local.Build("../..", caddy); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		photos = filepath.Join(tmp, "photos")

		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.NoSandbox, // root can't use the sandbox
			chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true),
			chromedp.Flag("disable-component-update", true),
			chromedp.Flag("hide-scrollbars", false),
			chromedp.Flag("lang", "en-US"),
			// photos.test isn't localhost, so browsers have no clipboard API there without HTTPS. No other
			// name resolves, so that no request can leave the machine.
			chromedp.Flag("host-resolver-rules", "MAP photos.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"),
			chromedp.UserDataDir(filepath.Join(tmp, "profile")),
			chromedp.WSURLReadTimeout(60*time.Second),
		)
		allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
		defer cancel()
		var cancelBrowser context.CancelFunc
		// chromedp logs events that are newer than itself
		chrome, cancelBrowser = chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
		defer cancelBrowser()
		if err := chromedp.Run(chrome); err != nil {
			fmt.Fprintln(os.Stderr, "Chromium doesn't start (Debian's package is chromium):", err)
			return 1
		}
		return m.Run()
	}())
}

var scenesOnce, oddOnce sync.Once

func sceneFolder(t *testing.T) string {
	dir := filepath.Join(photos, "scenes")
	scenesOnce.Do(func() { writeScenes(t, dir) })
	return dir
}

func oddFolder(t *testing.T) string {
	dir := filepath.Join(photos, "odd")
	oddOnce.Do(func() { writeOdd(t, dir) })
	return dir
}

// serve runs Caddy and returns its port, which replaces %d in the arguments.
func serve(t *testing.T, dir string, env []string, args ...string) (port string, stop func()) {
	t.Helper()
	port = local.FreePort(t)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "%d", port)
	}
	cmd := exec.Command(caddy, args...)
	cmd.Dir = dir
	cmd.Env = os.Environ()
	for _, e := range env {
		cmd.Env = append(cmd.Env, strings.ReplaceAll(e, "%d", port))
	}
	p := local.Start(t, cmd)
	p.WaitListening("127.0.0.1:" + port)
	return port, func() { p.Stop(os.Kill) }
}

// example serves a folder with the example's Caddyfile.
func example(t *testing.T, dir string) string {
	port, _ := serve(t, "../../examples/gallery", []string{"PHOTOS=" + dir, "ADDRESS=http://:%d"}, "run")
	return "http://127.0.0.1:" + port + "/"
}

// command serves a folder with exif-server --browse.
func command(t *testing.T, dir string, args ...string) string {
	args = append([]string{"exif-server", "--browse", "--listen", "127.0.0.1:%d", "--root", dir}, args...)
	port, _ := serve(t, "", nil, args...)
	return "http://127.0.0.1:" + port + "/"
}

// caddyfile serves a folder with a Caddyfile.
func caddyfile(t *testing.T, dir, text string) (base string, stop func()) {
	file := filepath.Join(t.TempDir(), "Caddyfile")
	gallery, err := filepath.Abs("../../examples/gallery/gallery.html")
	if err != nil {
		t.Fatal(err)
	}
	text = strings.NewReplacer("ROOT", dir, "GALLERY", gallery).Replace(text)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	port, stop := serve(t, "", []string{"PORT=%d"}, "run", "--config", file)
	return "http://127.0.0.1:" + port + "/", stop
}

// besideOriginal returns a Caddyfile that serves a folder below /redacted/, with these options of exif, and as it is
// below /original/.
func besideOriginal(options string) string {
	return `{
	admin off
}
http://:{$PORT} {
	root ROOT
	handle_path /redacted/* {
		exif {
			` + options + `
		}
		file_server
	}
	handle_path /original/* {
		file_server
	}
	respond / page
}
`
}

// tabTime bounds the time of a test in one page.
var tabTime = 2 * time.Minute

// tab is a page of the browser. The test fails if the page does something forbidden.
type tab struct {
	*testing.T
	ctx  context.Context
	base string

	mu       sync.Mutex
	requests []string
	expected []string // parts of URLs that may fail, since the test is about that
	trying   bool     // the test tries forbidden things itself
}

// open opens a page of the site in a window of the given size. The test fails if the page sends a request to
// another site, or if it has an error or a violation of its policy, except for URLs with the expected parts.
func open(t *testing.T, base, path string, width, height int64, expected ...string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(chrome)
	t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, tabTime)
	t.Cleanup(cancelTime)
	b := &tab{T: t, ctx: ctx, base: base, expected: expected}
	chromedp.ListenTarget(ctx, b.listen)
	b.do(
		log.Enable(), network.Enable(), page.Enable(), runtime.Enable(), network.ClearBrowserCookies(),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(`
				addEventListener('securitypolicyviolation', e => {
					console.error('violation of', e.violatedDirective, 'by', e.blockedURI);
				});`).Do(ctx)
			return err
		}),
		emulation.SetDeviceMetricsOverride(width, height, 1, width < 500),
		chromedp.Navigate(base+path),
	)
	return b
}

func (b *tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trying {
		return
	}
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
		if !strings.HasPrefix(e.Request.URL, b.base) && !strings.HasPrefix(e.Request.URL, "data:") {
			b.Errorf("a request left the site: %s", e.Request.URL)
		}
	case *page.EventJavascriptDialogOpening:
		b.Errorf("a dialog of a script opened: %s", e.Message)
	case *runtime.EventExceptionThrown:
		b.Errorf("an exception: %s", e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, a := range e.Args {
			words = append(words, string(a.Value))
		}
		b.Errorf("console.%s: %s", e.Type, strings.Join(words, " "))
	case *log.EventEntryAdded:
		if e.Entry.Source == log.SourceNetwork {
			// many photos have no thumbnail, and many sites offer EXIF only, one photo at a time
			for _, part := range append(b.expected, "@base@tag=thumbnail", "@base@tag=preview", "@base@tag=imageInfo", "@base@tag=iptc", "/@base@tag=exif") {
				if strings.Contains(e.Entry.URL, part) {
					return
				}
			}
		}
		b.Errorf("the browser logged: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
	}
}

func (b *tab) expect(part ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part...)
}

func (b *tab) do(actions ...chromedp.Action) {
	b.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// js returns the value of an expression in the page. It awaits a promise.
func js[T any](b *tab, expression string) (v T) {
	b.Helper()
	wait := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	if err := chromedp.Run(b.ctx, chromedp.Evaluate(expression, &v, wait)); err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return v
}

// wait waits until an expression is true in the page.
func (b *tab) wait(expression string) {
	b.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(25 * time.Millisecond) {
		var yes bool
		err := chromedp.Run(b.ctx, chromedp.Evaluate(expression, &yes)) // fails while a page loads
		if err == nil && yes {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("never true: %s (%v); the page says %q", expression, err, js[string](b, `document.body.innerText`))
		}
	}
}

// press presses keys one after the other.
func (b *tab) press(keys string) {
	b.Helper()
	for _, r := range keys {
		if r < ' ' || r > '~' {
			b.do(chromedp.KeyEvent(string(r)))
			continue
		}
		// like a keyboard: the page handles keydown before the browser inserts the letter
		b.do(
			input.DispatchKeyEvent(input.KeyDown).WithKey(string(r)).WithText(string(r)),
			input.DispatchKeyEvent(input.KeyUp).WithKey(string(r)),
		)
	}
}

func (b *tab) click(selector string) {
	b.Helper()
	b.do(chromedp.Click(selector, chromedp.ByQuery, chromedp.NodeVisible))
}

// openPhoto clicks on a photo and waits until its EXIF or a message is there.
func (b *tab) openPhoto(name string) {
	b.Helper()
	b.do(chromedp.Evaluate(fmt.Sprintf(`{
		const i = [...document.querySelectorAll('.photo')].findIndex(p => p.querySelector('.name').textContent === %q);
		document.querySelectorAll('.photo').forEach((p, n) => p.toggleAttribute('data-wanted', n === i));
	}`, name), nil))
	b.click("[data-wanted]")
	b.wait(`document.querySelector('dialog').open`)
	b.wait(fmt.Sprintf(`document.getElementById('title').textContent === %q`, name))
	b.settled()
}

// settled waits until the EXIF or a message instead of it is there.
func (b *tab) settled() {
	b.Helper()
	b.wait(`!document.getElementById('exif').hidden || !document.getElementById('said').hidden && !document.getElementById('said').textContent.startsWith('Reading')`)
}

func (b *tab) closePhoto() {
	b.Helper()
	b.press(kb.Escape)
	b.wait(`!document.querySelector('dialog').open && location.hash === ''`)
}

// fits fails if the page or the opened photo is wider than the window.
func (b *tab) fits() {
	b.Helper()
	got := js[string](b, `(() => {
		const wide = [document.scrollingElement, document.querySelector('dialog[open]'), document.querySelector('dialog[open] .panel')]
			.filter(e => e && e.scrollWidth > Math.min(e.clientWidth, innerWidth)).map(e => e.tagName + ' ' + e.scrollWidth);
		for (const e of document.querySelectorAll('dialog[open] #exposure :is(dt, dd)')) {
			if (e.scrollWidth > e.clientWidth) wide.push('cut off: ' + e.textContent);
		}
		const all = document.querySelector('dialog[open]') ?? document.body;
		for (const e of all.querySelectorAll('*')) {
			const r = e.getBoundingClientRect();
			if (r.width && (r.right > innerWidth + .5 || r.left < -.5) && !e.closest('.unseen, svg, .frame')) wide.push(e.tagName + '.' + e.className + '#' + e.id + ' ' + r.left + '-' + r.right);
		}
		return wide.join('; ');
	})()`)
	if got != "" {
		b.Errorf("wider than the window: %s", got)
	}
}

// fetch returns the site's response to a program.
func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
