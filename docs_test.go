package caddyexif

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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
