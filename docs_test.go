package caddyexif

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/iptc"
)

// documents are the documents for users.
func documents(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "examples/*/*.md", "testdata/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, found...)
	}
	return names
}

// prose returns a document without its code blocks.
func prose(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile("(?ms)^ *```.*?^ *```").ReplaceAllString(string(text), "")
}

// anchors returns the anchors that GitHub makes of a document's headings.
func anchors(text string) map[string]bool {
	found := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchor := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		found[strings.ReplaceAll(anchor, " ", "-")] = true
	}
	return found
}

// TestLinksResolve checks that each link in a document leads to an existing file and heading.
func TestLinksResolve(t *testing.T) {
	names := documents(t)
	if len(names) < 20 {
		t.Fatalf("got documents %q", names)
	}
	for _, name := range names {
		text := prose(t, name)
		for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if file != "" {
				target = filepath.Join(filepath.Dir(name), file)
			}
			if _, err := os.Stat(target); err != nil || anchor != "" && !anchors(prose(t, target))[anchor] {
				t.Errorf("%s: %s leads nowhere", name, m[1])
			}
		}
	}
}

// TestReadmeLinksEveryPage checks that the README links each page of docs.
func TestReadmeLinksEveryPage(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if !strings.Contains(string(readme), "]("+page) {
			t.Errorf("README.md doesn't link %s", page)
		}
	}
	if words := len(strings.Fields(string(readme))); words > 1300 {
		t.Errorf("README.md has %d words: what needs more than a paragraph has a page of its own", words)
	}
}

// TestGalleryReadsKnownNames checks the names of tags and properties that the gallery and the captions read.
func TestGalleryReadsKnownNames(t *testing.T) {
	known := slices.Concat(iptc.Names(), exif.Names())
	own := []string{"about", "ai", "none", "status", "ok", "body", "get"} // of the scripts' other objects of these names
	for _, name := range []string{"examples/gallery/gallery.html", "examples/captions/captions.js"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		if _, after, ok := strings.Cut(text, "function storyOf"); ok {
			list, _, _ := strings.Cut(after, "]")
			for _, m := range regexp.MustCompile(`'(\w+)'`).FindAllStringSubmatch(list, -1) {
				text += " iptc." + m[1]
			}
		}
		n := 0
		for _, m := range regexp.MustCompile(`\b(iptc|tags|exif)\??\.(\w+)`).FindAllStringSubmatch(text, -1) {
			n++
			if !slices.Contains(known, m[2]) && !slices.Contains(own, m[2]) {
				t.Errorf("%s reads %s, which isn't answered", name, m[0])
			}
		}
		if n < 4 {
			t.Errorf("%s: %d names", name, n)
		}
	}
}
