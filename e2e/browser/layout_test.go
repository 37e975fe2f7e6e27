package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/redact"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// maxLaidOut bounds the corpus files of each format.
const maxLaidOut = 150

// layouts returns photos whose Orientation browsers heed or not, for reasons that a redactor could change.
func layouts(t *testing.T) map[string][]byte {
	short, long, seg := testimage.Short, testimage.Long, testimage.Segment
	m := testimage.Gradient(48, 32)
	ifd0 := func(e ...testimage.Entry) []byte { b := testimage.Block{IFD0: e}; return b.Encode() }
	inExif := testimage.Block{IFD0: []testimage.Entry{long(0x0100, 48)}, Exif: []testimage.Entry{short(0x0112, 6)}}
	density := testimage.Block{
		IFD0: []testimage.Entry{testimage.Rational(0x011A, 144, 1), testimage.Rational(0x011B, 144, 1), short(0x0128, 2)},
		Exif: []testimage.Entry{short(0xA002, 24), short(0xA003, 16)},
	}
	six := ifd0(testimage.ASCII(0x010F, "Maker"), short(0x0112, 6))
	small := ifd0(short(0x0112, 6))
	all := map[string][]byte{}
	for name, block := range map[string][]byte{
		"6": six, "22 bytes": small[:22], "24 bytes": small[:24], "26 bytes": small, "LONG": ifd0(long(0x0112, 6)), "0": ifd0(short(0x0112, 0)),
		"9": ifd0(short(0x0112, 9)), "two values": ifd0(short(0x0112, 6, 6)), "6 and 1": ifd0(short(0x0112, 6), short(0x0112, 1)),
		"1 and 6": ifd0(short(0x0112, 1), short(0x0112, 6)), "9 and 6": ifd0(short(0x0112, 9), short(0x0112, 6)),
		"LONG and 6": ifd0(long(0x0112, 1), short(0x0112, 6)), "in Exif": inExif.Encode(), "density": density.Encode(),
	} {
		all["jpeg "+name] = testimage.JPEG(m, testimage.EXIFSegment(block))
		chunk := testimage.PNGChunk("eXIf", block)
		all["png "+name] = testimage.PNG(m, chunk, nil)
		chunk = bytes.Clone(chunk)
		chunk[len(chunk)-1]++
		all["png, wrong CRC, "+name] = testimage.PNG(m, chunk, nil)
	}
	for name, first := range map[string][]byte{
		"empty directory": testimage.EXIFSegment(ifd0()), "zeros": testimage.EXIFSegment(make([]byte, 40)), "text": testimage.EXIFSegment([]byte("no TIFF")),
		"nothing": testimage.EXIFSegment(nil), "no Orientation": testimage.EXIFSegment(ifd0(testimage.ASCII(0x010F, "x"))),
		"8": testimage.EXIFSegment(ifd0(short(0x0112, 8))), "LONG": testimage.EXIFSegment(ifd0(long(0x0112, 8))),
		"other APP1": seg(0xE1, []byte("hello")), "XMP": seg(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00<x/>")), "empty APP1": seg(0xE1, nil),
		"length 0": []byte("\xFF\xE1\x00\x00"), "length 1": []byte("\xFF\xE2\x00\x01"), "comment": seg(0xFE, []byte("x")), "APP13": seg(0xED, []byte("x")),
		"upper case": seg(0xE1, append([]byte("EXIF\x00\x00"), small...)), "offset": seg(0xE1, append([]byte("\x00\x00\x00\x06Exif\x00\x00"), small...)),
		"no second NUL": seg(0xE1, append([]byte("Exif\x00\x01"), small...)), "twice": seg(0xE1, append([]byte("Exif\x00\x00Exif\x00\x00"), small...)),
	} {
		all["jpeg after "+name] = testimage.JPEG(m, first, testimage.EXIFSegment(six))
		all["jpeg only "+name] = testimage.JPEG(m, first)
	}
	all["png profile"] = testimage.PNG(m, testimage.TEXT("Raw profile type exif", testimage.RawProfile("exif", six)), nil)
	all["png intro"] = testimage.PNG(m, testimage.PNGChunk("eXIf", append([]byte("Exif\x00\x00"), six...)), nil)
	all["png late"] = testimage.PNG(m, nil, testimage.PNGChunk("eXIf", six))
	root := os.Getenv("EXIF_CORPUS")
	if root == "" {
		return all
	}
	few := map[string]int{}
	for _, from := range []string{filepath.Join(root, "../private"), root} {
		err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
			ext := strings.ToLower(filepath.Ext(path))
			if err != nil || d.IsDir() || !strings.Contains(".jpg .png .webp .gif ", ext+" ") || few[ext] == maxLaidOut {
				return err
			}
			few[ext]++
			b, err := os.ReadFile(path)
			all[path] = b
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestRedactedPhotosAreLaidOutAsBefore compares the natural size, which Orientation turns, before and after in Chromium
// and Firefox.
func TestRedactedPhotosAreLaidOutAsBefore(t *testing.T) {
	firefox, err := exec.LookPath("firefox-esr")
	if err != nil {
		t.Skip(err)
	}
	var names []string
	var bodies [][]byte
	for name, data := range layouts(t) {
		for kind, p := range map[string]*redact.Policy{
			"": nil, ", nothing kept": {}, ", all kept": {EXIF: &exif.Options{}},
			", Make kept": {EXIF: &exif.Options{Keep: func(name string) bool { return name == "Make" }}},
		} {
			var out bytes.Buffer
			out.Write(data)
			if p != nil {
				out.Reset()
				if err := redact.Copy(&out, bytes.NewReader(data), p); err != nil {
					continue // refused
				}
			}
			names, bodies = append(names, name+kind), append(bodies, out.Bytes())
		}
	}
	sizes := make(chan []string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var i int
		switch _, err := fmt.Sscanf(r.URL.Path, "/%d", &i); {
		case r.Method == http.MethodPost:
			var got []string
			if err := json.NewDecoder(r.Body).Decode(&got); err == nil {
				sizes <- got
			}
		case err == nil && i < len(bodies):
			w.Write(bodies[i])
		default:
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<script>onload = async () => {
				const sizes = [];
				for (let n = 0; n < %d; n++) await new Promise(next => {
					const i = new Image();
					i.onload = () => { sizes.push(i.naturalWidth + 'x' + i.naturalHeight); next(); };
					i.onerror = () => { sizes.push('broken'); next(); };
					i.src = '/' + n;
				});
				fetch('/', {method: 'POST', body: JSON.stringify(sizes)});
			}</script>`, len(bodies))
		}
	}))
	defer s.Close()
	for browser, open := range map[string]func() (end func()){
		"Chromium": func() func() {
			ctx, cancel := chromedp.NewContext(chrome)
			if err := chromedp.Run(ctx, chromedp.Navigate(s.URL)); err != nil {
				t.Error(err)
			}
			return cancel
		},
		"Firefox": func() func() {
			cmd := exec.Command(firefox, "--headless", "--no-remote", "--profile", t.TempDir(), s.URL)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			return func() {
				syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
				cmd.Wait()
			}
		},
	} {
		end := open()
		var got []string
		select {
		case got = <-sizes:
		case <-time.After(5 * time.Minute):
		}
		end()
		if len(got) != len(names) {
			t.Errorf("%s: no sizes", browser)
			continue
		}
		turned := 0
		for i, name := range names {
			original, _, _ := strings.Cut(name, ", nothing kept")
			original, _, _ = strings.Cut(original, ", all kept")
			original, _, _ = strings.Cut(original, ", Make kept")
			before := got[slices.Index(names, original)]
			if got[i] != before {
				t.Errorf("%s: %s is %s, was %s", browser, name, got[i], before)
			}
			if before == "32x48" {
				turned++
			}
		}
		if turned == 0 {
			t.Errorf("%s turned none", browser)
		}
		t.Logf("%s: %d files, %d turned", browser, len(names), turned)
	}
}
