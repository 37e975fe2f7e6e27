package iptc

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// run runs a program, and skips the test without it.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, stderr.Bytes())
	}
	return string(out)
}

// keepSet returns a filter for the properties of a set.
func keepSet(set string) func(string) bool {
	return func(name string) bool { return slices.Contains(setNames[set], name) }
}

// rewrittenReference writes IPTC's reference picture with only the properties that keep accepts, and returns the
// file's name, and that of the original.
func rewrittenReference(t *testing.T, keep func(string) bool) (rewritten, original string) {
	t.Helper()
	file := corpusFile(t, "iptc/IPTC-PhotometadataRef-Std2023.2.jpg")
	s := sourceOf(t, file)
	p := &Policy{Keep: keep}
	out := bytes.Clone(file)
	for _, packet := range s.XMP {
		b, _ := p.RewriteXMP(nil, packet)
		out = bytes.Replace(out, packet, b, 1)
	}
	for _, b := range s.IIM {
		i := bytes.Index(out, b)
		n := copy(out[i:], p.RewriteIIM(b))
		clear(out[i+n : i+len(b)])
	}
	dir := t.TempDir()
	original, rewritten = filepath.Join(dir, "original.jpg"), filepath.Join(dir, "rewritten.jpg")
	for name, data := range map[string][]byte{original: file, rewritten: out} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return rewritten, original
}

// TestExifToolReadsRewrittenFiles: ExifTool reads the same of what stays, and its validation finds nothing new.
func TestExifToolReadsRewrittenFiles(t *testing.T) {
	tags := func(file string) map[string]any {
		var all []map[string]any
		if err := json.Unmarshal([]byte(run(t, "exiftool", "-struct", "-n", "-G1", "-j", "-XMP:all", "-IPTC:all", file)), &all); err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	warnings := func(file string) []string {
		return strings.Split(run(t, "exiftool", "-validate", "-warning", "-error", "-a", "-s3", file), "\n")[1:]
	}
	for set, n := range map[string]int{"@credit": 18, "@person": 44} {
		rewritten, original := rewrittenReference(t, keepSet(set))
		got, want := tags(rewritten), tags(original)
		if len(got) < n {
			t.Errorf("%s: only %d tags: %v", set, len(got), got)
		}
		for name, v := range got {
			w := want[name]
			if regions, ok := w.([]any); ok && name == "XMP-iptcExt:ImageRegion" {
				for _, r := range regions { // a property of the picture that isn't in the set
					delete(r.(map[string]any), "OrganisationInImageName")
				}
			}
			if name != "SourceFile" && !reflect.DeepEqual(v, w) {
				t.Errorf("%s: %s: got %v, want %v", set, name, v, w)
			}
		}
		old := warnings(original)
		for _, w := range warnings(rewritten) {
			if !slices.Contains(old, w) {
				t.Errorf("%s: new warning: %s", set, w)
			}
		}
	}
}

// TestXMPToolkitReadsRewrittenPackets: exempi and exiv2, which contain Adobe's XMP Toolkit, read what stays.
func TestXMPToolkitReadsRewrittenPackets(t *testing.T) {
	rewritten, _ := rewrittenReference(t, keepSet("@credit"))
	dump := run(t, "exempi", "-x", rewritten)
	for _, want := range []string{"Creator1 (ref2023.2)", "https://example.com/LicensorURL_1_ref2023.2", "Credit Line (ref2023.2)", "DMI-PROHIBITED-GENAIMLTRAINING", "Rights Usage Terms (ref2023.2)"} {
		if !strings.Contains(dump, want) {
			t.Errorf("exempi: no %q in %s", want, dump)
		}
	}
	if strings.Contains(dump, "photoshop:City") {
		t.Errorf("exempi: a city in %s", dump)
	}
	list := run(t, "exiv2", "-PXkt", rewritten)
	for _, want := range []string{"Xmp.dc.creator", "Xmp.plus.Licensor[2]/plus:LicensorURL", "Xmp.photoshop.Credit", "Xmp.plus.DataMining"} {
		if !strings.Contains(list, want) {
			t.Errorf("exiv2: no %q in %s", want, list)
		}
	}
}
