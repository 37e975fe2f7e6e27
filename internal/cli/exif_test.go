package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
)

// The command's output and exit status are tested by the scripts in e2e/cli, and its terminal by
// e2e/terminal.

func TestTablePrinter(t *testing.T) {
	for name, tc := range map[string]struct{ object, want string }{
		"aligned":  {`{"Make":"Apple","Orientation":"1"}`, "a.jpg\n  Make         Apple\n  Orientation  1\n"},
		"typed":    {`{"FNumber":2.8,"GPSDOP":null,"LensSpecification":[18,55,3.5,null]}`, "a.jpg\n  FNumber            2.8\n  GPSDOP             null\n  LensSpecification  [18,55,3.5,null]\n"},
		"empty":    {`{}`, "a.jpg\n  no EXIF\n"},
		"controls": {`{"Artist":"a\u001b[31m\nb\u009bc\u202ed Zoë 写真"}`, "a.jpg\n  Artist  a\\x1b[31m\\nb\\u009bc\\u202ed Zoë 写真\n"},
	} {
		var got bytes.Buffer
		p := &tablePrinter{w: &got}
		if err := p.object("a.jpg", []byte(tc.object)); err != nil || got.String() != tc.want {
			t.Errorf("%s: got %v\n%s, want\n%s", name, err, got.String(), tc.want)
		}
		got.Reset()
		if err := p.object("\x1b.jpg", []byte(`{}`)); err != nil || got.String() != "\n\\x1b.jpg\n  no EXIF\n" {
			t.Errorf("the next: got %v %q", err, got.String())
		}
	}
}

func TestCSVPrinter(t *testing.T) {
	var got bytes.Buffer
	p := newCSVPrinter(&got)
	for _, f := range [][2]string{
		{"a.jpg", `{"Make":"A, B","Model":null}`},
		{"b.jpg", `{"GPSLongitude":-3.5,"Make":"\"","ISOSpeedRatings":[1,2]}`},
		{"-c.jpg", `{}`},
	} {
		if err := p.object(f[0], []byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if got.Len() > 0 {
		t.Errorf("too early: %s", got.String())
	}
	want := "SourceFile,Make,Model,GPSLongitude,ISOSpeedRatings\n" +
		"a.jpg,\"A, B\",,,\nb.jpg,\"\"\"\",,-3.5,\"[1,2]\"\n'-c.jpg,,,,\n"
	if err := p.end(); err != nil || got.String() != want {
		t.Errorf("got %v\n%s, want\n%s", err, got.String(), want)
	}
}

// TestNoFormula checks text that a spreadsheet would run as a formula.
func TestNoFormula(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "Apple": "Apple", "-1/3": "-1/3", "-3.5": "-3.5", "+05:30": "+05:30", "a=b": "a=b",
		"=1+1": "'=1+1", "=1": "'=1", "@SUM(A1)": "'@SUM(A1)", "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0", "-2+3+cmd": "'-2+3+cmd", "\t=1": "'\t=1",
	} {
		if got := noFormula(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func TestExpandGlobs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.jpg", "b.jpg", "c.png", "[a].jpg"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	got := expandGlobs([]string{"c.png", "?.jpg", "[a].jpg", "*.gif", "-", "[.jpg"})
	if want := []string{"c.png", "a.jpg", "b.jpg", "[a].jpg", "*.gif", "-", "[.jpg"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWithName(t *testing.T) {
	got := withName("<é\n\">.jpg", []byte(`{"Make":"Apple"}`))
	if want := `{"SourceFile":"<é\n\">.jpg","Make":"Apple"}`; string(got) != want || !json.Valid(got) {
		t.Errorf("got %s, want %s", got, want)
	}
}

// endless is a stream without an end: an image's first bytes, then zeros.
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
	photo, err := os.ReadFile("../../testdata/photo.tif")
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
	for off := int64(-1); off < int64(len(photo))+2; off++ { // backwards and past the end, too
		var a, b [7]byte
		n, err := s.ReadAt(a[:], off)
		m, e := bytes.NewReader(photo).ReadAt(b[:], off)
		if n != m || a != b || (err == nil) != (e == nil) {
			t.Fatalf("%d: got %d %v %v, want %d %v %v", off, n, a, err, m, b, e)
		}
	}

	// no more of a stream is read than necessary
	e := &endless{head: photo}
	s = &spool{src: e}
	defer s.close()
	if got, err := exif.Decode(s, &exif.Options{}); err != nil || got.Len() != want.Len() || e.read > 1<<20 {
		t.Errorf("got %v %v after %d bytes", got, err, e.read)
	}
	// an absurd offset is refused before the stream is read up to it: BigTIFF, IFD0 at 2^48
	e = &endless{head: []byte("II\x2b\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00")}
	s = &spool{src: e}
	defer s.close()
	if _, err := exif.Decode(s, &exif.Options{}); !errors.Is(err, object.ErrTooFar) || e.read > 1<<20 {
		t.Errorf("got %v after %d bytes", err, e.read)
	}
	// a stream that fails isn't an image that ends there
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
