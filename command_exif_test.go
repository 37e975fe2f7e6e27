package caddyexif

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

func testExifCommand(t *testing.T, bin string) {
	photo, err := os.ReadFile("testdata/iphone-4s.jpg")
	if err != nil {
		t.Fatal(err)
	}
	broken, err := os.ReadFile("testdata/zz-broken.jpg")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"a.jpg": photo, "b.txt": []byte("no image"), "c/d/e": photo, ".hidden.jpg": photo, ".hidden/f.jpg": photo,
		"z/broken.jpg": broken, "z/empty.jpg": nil, "-": photo,
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if runtime.GOOS != "windows" {
		for link, to := range map[string]string{"c/link.jpg": "../a.jpg", "c/circle": "..", "c/dangling": "nope"} {
			if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
		}
	} else if err := os.WriteFile(filepath.Join(dir, "c/link.jpg"), photo, 0o644); err != nil {
		t.Fatal(err)
	}
	named := func(name, rest string) string {
		quoted, err := json.Marshal(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		return `{"SourceFile":` + string(quoted) + rest + "}\n"
	}
	model := func(name string) string { return named(name, `,"Make":"Apple","Model":"iPhone 4S"`) }
	missing := "no such file or directory"
	if runtime.GOOS == "windows" {
		missing = "cannot find the file"
	}
	root, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	photoFile := filepath.Join(root, "iphone-4s.jpg")
	for _, tc := range []struct {
		args   string // in the folder made above
		stdin  []byte
		out    string
		errs   []string // in what is printed to stderr
		failed bool
	}{
		{args: "a.jpg", out: iphone4S + "\n"},
		{args: "a.jpg " + filepath.Join(root, "plain.jpg"), out: iphone4S + "\n{}\n"},
		{args: ".hidden.jpg", out: iphone4S + "\n"},
		{args: "--values raw -", stdin: photo, out: iphone4S + "\n"},
		{args: "--names --only Make -", stdin: photo, out: `{"SourceFile":"-","Make":"Apple"}` + "\n"},
		{args: "-", stdin: []byte("no image"), failed: true, errs: []string{"-: NotAnImage: "}},
		{
			args: "nope.jpg a.jpg b.txt z/broken.jpg z/empty.jpg", out: iphone4S + "\n", failed: true,
			errs: []string{
				missing, "b.txt: NotAnImage: ", "z/broken.jpg: InvalidExif: ", "z/empty.jpg: NotAnImage: ",
			},
		},
		{
			args: "--names --only Make,Model .", out: model("-") + model("a.jpg") + model("c/d/e") + model("c/link.jpg"), failed: true,
			errs: []string{filepath.FromSlash("z/broken.jpg: InvalidExif: ")},
		},
		{
			args: "--names --only M* c/ " + photoFile + " .hidden",
			out:  model("c/d/e") + model("c/link.jpg") + model(photoFile) + model(".hidden/f.jpg"),
		},
		{args: "--values described --only Orientation a.jpg", out: `{"Orientation":"Normal (upper-left)"}` + "\n"},
		{args: "--values typed --omit *Resolution*,YCb* --omit Exposure* a.jpg", out: `{"Make":"Apple","Model":"iPhone 4S","Orientation":1}` + "\n"},
		{args: "--names " + filepath.Join(root, "plain.jpg"), out: named(filepath.Join(root, "plain.jpg"), "")},
		{args: "--values pretty a.jpg", failed: true, errs: []string{"is none of raw, described, typed"}},
		{args: "--charset klingon a.jpg", failed: true, errs: []string{"no label of the WHATWG"}},
		{args: "--only [ a.jpg", failed: true, errs: []string{`"[" is no pattern`}},
		{args: "--omit= a.jpg", failed: true, errs: []string{"--omit: no pattern is given"}},
		{args: "", failed: true, errs: []string{"requires at least 1 arg"}},
	} {
		cmd := exec.Command(bin, append([]string{"exif"}, strings.Fields(tc.args)...)...)
		cmd.Dir = dir
		cmd.Stdin = bytes.NewReader(tc.stdin)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		var exit *exec.ExitError
		if out.String() != tc.out || errors.As(err, &exit) != tc.failed || tc.failed && exit.ExitCode() != 1 {
			t.Errorf("exif %s: got %v, %s; want failed %v, %s", tc.args, err, out.String(), tc.failed, tc.out)
		}
		for _, e := range tc.errs {
			if !strings.Contains(errs.String(), e) {
				t.Errorf("exif %s: got %s, want %s", tc.args, errs.String(), e)
			}
		}
		if got := strings.Count(errs.String(), "\n"); got != len(tc.errs) {
			t.Errorf("exif %s: got %d lines on stderr: %s", tc.args, got, errs.String())
		}
	}

	cmd := exec.Command(bin, "exif", filepath.Join(dir, "z", "empty.jpg"), "z")
	cmd.Dir = filepath.Join(dir, "c")
	if out, err := cmd.CombinedOutput(); err == nil || strings.Count(string(out), "\n") != 2 {
		t.Errorf("got %v %s", err, out)
	}
	cmd = exec.Command(bin, "exif", filepath.Join(root, "..", "cmd"))
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "no images found\n" {
		t.Errorf("a folder without images: got %v %s", err, out)
	}
}

// testBrokenPipe stops reading, as head does. The command must end at once and say nothing.
func testBrokenPipe(t *testing.T, bin string) {
	if runtime.GOOS == "windows" {
		t.Skip("pipes end otherwise there")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var errs bytes.Buffer
	cmd := exec.Command(bin, "exif", "testdata")
	cmd.Stdout, cmd.Stderr = w, &errs
	err = cmd.Run()
	w.Close()
	if err == nil || errs.Len() > 0 {
		t.Errorf("got %v %s", err, errs.String())
	}
}

func TestTable(t *testing.T) {
	c := exifCommand{table: true}
	for name, tc := range map[string]struct{ object, want string }{
		"aligned":  {`{"Make":"Apple","Orientation":"1"}`, "a.jpg\n  Make         Apple\n  Orientation  1\n"},
		"typed":    {`{"FNumber":2.8,"GPSDOP":null,"LensSpecification":[18,55,3.5,null]}`, "a.jpg\n  FNumber            2.8\n  GPSDOP             null\n  LensSpecification  [18,55,3.5,null]\n"},
		"empty":    {`{}`, "a.jpg\n  no EXIF\n"},
		"controls": {`{"Artist":"a\u001b[31m\nb\u009bc\u202ed Zoë 写真"}`, "a.jpg\n  Artist  a\\x1b[31m\\nb\\u009bc\\u202ed Zoë 写真\n"},
	} {
		if got := string(c.tableOf("a.jpg", []byte(tc.object))); got != tc.want {
			t.Errorf("%s: got\n%s, want\n%s", name, got, tc.want)
		}
	}
	c.printed = 1
	if got := string(c.tableOf("\x1b.jpg", []byte(`{}`))); got != "\n\\x1b.jpg\n  no EXIF\n" {
		t.Errorf("got %q", got)
	}
}

func TestWithName(t *testing.T) {
	got := withName("<é\n\">.jpg", []byte(`{"Make":"Apple"}`))
	if want := `{"SourceFile":"<é\n\">.jpg","Make":"Apple"}`; string(got) != want || !json.Valid(got) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// endless is a stream that has no end: an image's first bytes, then zeros.
type endless struct {
	head []byte
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	if e.read < int64(len(e.head)) {
		copy(p, e.head[e.read:])
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestSpool(t *testing.T) {
	photo, err := os.ReadFile("testdata/photo.tif")
	if err != nil {
		t.Fatal(err)
	}
	want, err := exif.Decode(bytes.NewReader(photo), &exif.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &spool{src: iotest.OneByteReader(bytes.NewReader(photo))}
	defer s.close()
	got, err := exif.Decode(s, &exif.Options{})
	if err != nil || got.Len() != want.Len() {
		t.Errorf("got %v %v, want %d tags", got, err, want.Len())
	}
	for off := int64(-1); off < int64(len(photo))+2; off++ { // backwards and over the end, too
		var a, b [7]byte
		n, err := s.ReadAt(a[:], off)
		m, e := bytes.NewReader(photo).ReadAt(b[:], off)
		if n != m || a != b || (err == nil) != (e == nil) {
			t.Fatalf("%d: got %d %v %v, want %d %v %v", off, n, a, err, m, b, e)
		}
	}

	// no more of a stream is read than it takes
	e := &endless{head: photo}
	s = &spool{src: e}
	defer s.close()
	if got, err := exif.Decode(s, &exif.Options{}); err != nil || got.Len() != want.Len() || e.read > 1<<20 {
		t.Errorf("got %v %v after %d bytes", got, err, e.read)
	}
	// and an offset beyond all reason is refused before it is looked for: BigTIFF, IFD0 at 2^48
	e = &endless{head: []byte("II\x2b\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00")}
	s = &spool{src: e}
	defer s.close()
	if _, err := exif.Decode(s, &exif.Options{}); failureOf(err).code != "ImageTooLarge" || e.read > 1<<20 {
		t.Errorf("got %v after %d bytes", err, e.read)
	}
	// a stream that breaks is no image that ends
	s = &spool{src: io.MultiReader(bytes.NewReader(photo[:10]), iotest.ErrReader(io.ErrUnexpectedEOF))}
	defer s.close()
	if _, err := exif.Decode(s, &exif.Options{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
	if s.file != nil && runtime.GOOS != "windows" {
		if _, err := os.Stat(s.file.Name()); err == nil {
			t.Error("the temporary file can be seen")
		}
	}
}

func TestProgressLine(t *testing.T) {
	for _, tc := range []struct {
		n, total, columns int
		want              string
	}{
		{0, 10, 79, "[----------------------------------------] 0/10"},
		{5, 10, 79, "[####################--------------------] 5/10  10s left"},
		{5, 10, 30, "[######-------] 5/10  10s left"},
		{5, 10, 20, " 5/10  10s left"},
		{5, 10, 4, " 5/1"},
	} {
		got := progressLine(tc.n, tc.total, 10*time.Second, tc.columns)
		if got != tc.want {
			t.Errorf("%d of %d in %d columns: got %q, want %q", tc.n, tc.total, tc.columns, got, tc.want)
		}
	}
}
