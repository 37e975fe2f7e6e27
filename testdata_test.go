package caddyexif

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/iptc"
	"github.com/caddyexif/caddy-exif/internal/redact"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestSamples checks that testdata has the images that internal/testimage makes, and that the responses match
// the goldens.
func TestSamples(t *testing.T) {
	readme, err := os.ReadFile("testdata/README.md")
	if err != nil {
		t.Error(err)
	}
	for name, img := range testimage.Samples() {
		golden(t, name, img)
		if !bytes.Contains(readme, []byte("`"+name+"`")) {
			t.Errorf("testdata/README.md doesn't say what %s is for", name)
		}
		m, err := exif.Decode(bytes.NewReader(img), &exif.Options{})
		if strings.Contains(name, "broken") {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for style, s := range styles {
			out, err := m.AppendJSON(nil, &exif.Options{Style: s})
			if err != nil {
				t.Fatal(err)
			}
			out = bytes.ReplaceAll(out, []byte(`,"`), []byte(",\n \"")) // for readable diffs
			golden(t, name+"."+style+".json", append(out, '\n'))
		}
	}
}

// golden compares got with a file of testdata, or rewrites it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		if len(got) > 2000 || bytes.ContainsRune(got, 0) {
			t.Errorf("%s differs (run go test -update and read the diff)", name)
		} else {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// TestFormatVersion checks that formatVersion changes whenever a response to testdata does: otherwise browsers and
// CDNs would keep the old one forever, since its ETag is the same. That goes for redacted files as well.
// testdata/format-version.txt has the version and a
// hash of all responses; -update writes it after the version has been raised.
func TestFormatVersion(t *testing.T) {
	hash := sha256.New()
	samples := testimage.Samples()
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		for _, style := range slices.Sorted(maps.Keys(styles)) {
			for _, h := range []Handler{{Values: style}, {Values: style, Unknown: true}, {Values: style, Omit: []string{"@location", "@person", "@device"}}} {
				o, err := h.exifOptions()
				if err != nil {
					t.Fatal(err)
				}
				m, err := exif.Decode(bytes.NewReader(samples[name]), &o)
				if err != nil {
					fmt.Fprintln(hash, name, style, failureOf(err).code)
					continue
				}
				out, err := m.AppendJSON(nil, &o)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(hash, "%s %s %s\n", name, style, out)
			}
		}
	}
	for _, word := range exif.DialectWords() {
		o, err := (&Handler{Dialect: word}).exifOptions()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(samples)) {
			m, err := exif.Decode(bytes.NewReader(samples[name]), &o)
			if err != nil {
				continue
			}
			info, err := exif.ReadInfo(bytes.NewReader(samples[name]))
			if err != nil {
				t.Fatal(err)
			}
			out, err := o.Dialect.AppendEXIF(nil, m, &info, &o)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(hash, "%s %s %s %s\n", word, name, out, o.Dialect.AppendInfo(nil, &info, &o))
		}
	}
	photos := testimage.Formats()
	photos["preview"] = [][]byte{largePreview(), phone()}
	for _, typ := range []string{"av01", "hvc1"} {
		item := testimage.Coded(typ)
		photos["thumbnail item"] = append(photos["thumbnail item"], testimage.HEIFThumbnails(testimage.Item{Type: typ, Properties: item.Properties[1:2]}, 1, item))
	}
	for _, format := range slices.Sorted(maps.Keys(photos)) {
		for i, photo := range photos[format] {
			for _, style := range slices.Sorted(maps.Keys(styles)) {
				info, err := exif.ReadInfo(bytes.NewReader(photo))
				fmt.Fprintf(hash, "%s %d %s %s %v\n", format, i, style, info.AppendJSON(nil, styles[style]), err)
			}
			for _, find := range []func(io.ReaderAt) (redact.Picture, error){redact.FindThumbnail, redact.FindPreview} {
				p, err := find(bytes.NewReader(photo))
				if err == nil {
					err = p.CopyTo(hash)
				}
				fmt.Fprintln(hash, format, i, err)
			}
		}
	}
	policies := []*redact.Policy{{}, {EXIF: new(exif.Options), IPTC: iptc.Policy{Keep: func(string) bool { return true }}}}
	photos["written"] = [][]byte{written()}
	for _, format := range slices.Sorted(maps.Keys(photos)) {
		for i, photo := range photos[format] {
			for _, policy := range policies {
				fmt.Fprintln(hash, format, i, redact.Copy(hash, bytes.NewReader(photo), policy))
			}
		}
	}
	const name = "testdata/format-version.txt"
	got := fmt.Sprintf("%d %x\n", formatVersion, hash.Sum(nil))
	b, err := os.ReadFile(name)
	want := string(b)
	version, _, _ := strings.Cut(want, " ")
	switch {
	case got == want:
	case *update && (err != nil || version != strconv.Itoa(formatVersion)):
		writeFile(t, name, []byte(got))
	case version == strconv.Itoa(formatVersion):
		t.Errorf("responses to testdata have changed: raise formatVersion in settings.go, then go test -run TestFormatVersion -update")
	default:
		t.Errorf("%s is of version %s, formatVersion is %d: go test -run TestFormatVersion -update", name, version, formatVersion)
	}
}
