package caddyexif

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// TestFormatTable keeps the README's table of formats: of each format the largest file of the corpus
// that has EXIF, and what reading it takes.
func TestFormatTable(t *testing.T) {
	dir := os.Getenv("EXIF_CORPUS")
	if dir == "" {
		t.Skip("EXIF_CORPUS is not set")
	}
	type row struct {
		name       string
		size, read int64
		tags, reqs int
	}
	rows := map[string]row{}
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		http.ServeFile(w, r, filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
		return nil
	})
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		path := "/" + filepath.ToSlash(rel)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			return err
		}
		r.URL.Path = path + suffix
		req := enterObject(r, path)
		defer req.leave()
		o := &object{req: req, next: next, window: defaultWindow, maxRead: defaultMaxRead}
		if err := o.open(nil); err != nil {
			return nil //nolint:nilerr // its answer is another test's
		}
		m, err := exif.Decode(o, &exif.Options{})
		if err != nil || m.Len() == 0 {
			return nil //nolint:nilerr // as above
		}
		if old, ok := rows[m.Format]; !ok || info.Size() > old.size {
			rows[m.Format] = row{rel, info.Size(), o.read, m.Len(), o.requests}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	formats := make([]string, 0, len(rows))
	for f := range rows {
		formats = append(formats, f)
	}
	slices.Sort(formats)
	var b strings.Builder
	for _, f := range formats {
		r := rows[f]
		if r.read > 256<<10 {
			t.Errorf("%s: %d bytes read", r.name, r.read)
		}
		fmt.Fprintf(&b, "| %s | `%s`, %d KB | %d | %d | %d |\n", f, r.name, (r.size+999)/1000, r.tags, r.read, r.reqs)
	}
	const head = "| format | file | tags | bytes read | sub-requests |\n|---|---|---|---|---|\n"
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), head)
	table, after, _ := strings.Cut(rest, "\n\n")
	if !ok {
		t.Fatal("no table of formats in README.md")
	}
	switch {
	case *update:
		if err := os.WriteFile("README.md", []byte(before+head+b.String()+"\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case table+"\n" != b.String():
		t.Errorf("README.md has\n%s\nwant\n%s", table, b.String())
	}
}
