package caddyexif

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/certmagic"

	"github.com/caddyexif/caddy-exif/internal/object"
)

// TestTagsAreTranslated checks marking an object's tag, and finding the object's tags in a client's condition.
func TestTagsAreTranslated(t *testing.T) {
	mark := mark{suffix: "-m"}
	for tag, want := range map[string]string{
		`"a"`: `"a-m"`, `W/"a"`: `W/"a-m"`, `""`: `"-m"`, "": "", "a": "", `"a`: "", `w/"a"`: "", `W/a`: "",
	} {
		if got := mark.tag(tag); got != want {
			t.Errorf("%s: got %s, want %s", tag, got, want)
		}
	}
	for _, tc := range []struct {
		header http.Header
		want   object.Condition
	}{
		{http.Header{}, object.Condition{}},
		{http.Header{"If-None-Match": {`"a-m"`}}, object.Condition{Name: "If-None-Match", Value: `"a"`}},
		{http.Header{"If-None-Match": {`W/"a-m"`}}, object.Condition{Name: "If-None-Match", Value: `W/"a"`}},
		{http.Header{"If-None-Match": {`"a-m" ,"x", W/"b-m"`, `"c-m"`}}, object.Condition{Name: "If-None-Match", Value: `"a", W/"b", "c"`}},
		{http.Header{"If-None-Match": {`"a"`}}, object.Condition{}}, // the object's own tag isn't the EXIF's
		{http.Header{"If-None-Match": {`"a-n"`}}, object.Condition{}},
		{http.Header{"If-None-Match": {`*`}}, object.Condition{}},
		{http.Header{"If-None-Match": {`a-m"`}}, object.Condition{}},
		{http.Header{"If-None-Match": {`"x"`}, "If-Modified-Since": {"then"}}, object.Condition{}},
		{http.Header{"If-None-Match": {`"a-m"`}, "If-Modified-Since": {"then"}}, object.Condition{Name: "If-None-Match", Value: `"a"`}},
		{http.Header{"If-Modified-Since": {"then"}}, object.Condition{Name: "If-Modified-Since", Value: "then"}},
		{http.Header{"If-Modified-Since": {""}}, object.Condition{}},
		{http.Header{"If-Match": {`"a-m"`}}, object.Condition{}},
	} {
		if got := objectCondition(tc.header, mark); got != tc.want {
			t.Errorf("%v: got %v, want %v", tc.header, got, tc.want)
		}
	}
	if got := mark.objectTags(nil); !slices.Equal(got, nil) {
		t.Errorf("got %q", got)
	}
}

// TestNotModified checks a client's conditions against a response (RFC 9110, section 13.2.2).
func TestNotModified(t *testing.T) {
	const before, at, after = "Thu, 01 Jan 2026 00:00:00 GMT", "Fri, 02 Jan 2026 00:00:00 GMT", "Sat, 03 Jan 2026 00:00:00 GMT"
	for _, tc := range []struct {
		name     string
		header   http.Header
		tag      string
		modified string
		want     bool
	}{
		{"no condition", http.Header{}, `"a"`, at, false},
		{"the tag", http.Header{"If-None-Match": {`"a"`}}, `"a"`, "", true},
		{"another tag", http.Header{"If-None-Match": {`"b"`}}, `"a"`, "", false},
		{"one of several", http.Header{"If-None-Match": {`"b" , "a"`}}, `"a"`, "", true},
		{"in the second field", http.Header{"If-None-Match": {`"b"`, `"a"`}}, `"a"`, "", true},
		{"weak against strong", http.Header{"If-None-Match": {`W/"a"`}}, `"a"`, "", true},
		{"strong against weak", http.Header{"If-None-Match": {`"a"`}}, `W/"a"`, "", true},
		{"any", http.Header{"If-None-Match": {"*"}}, "", "", true},
		{"an empty field for no tag", http.Header{"If-None-Match": {""}}, "", "", false},
		{"a weak nothing for no tag", http.Header{"If-None-Match": {"W/"}}, "", "", false},
		{"another tag and a time", http.Header{"If-None-Match": {`"b"`}, "If-Modified-Since": {after}}, `"a"`, at, false},
		{"the same time", http.Header{"If-Modified-Since": {at}}, "", at, true},
		{"modified before", http.Header{"If-Modified-Since": {after}}, "", at, true},
		{"modified since", http.Header{"If-Modified-Since": {before}}, "", at, false},
		{"no time of the object", http.Header{"If-Modified-Since": {at}}, "", "", false},
		{"no time", http.Header{"If-Modified-Since": {"x"}}, "", at, false},
		{"no times", http.Header{"If-Modified-Since": {"x"}}, "", "x", false},
		{"an empty time", http.Header{"If-Modified-Since": {""}}, "", at, false},
	} {
		if got := notModified(tc.header, tc.tag, http.Header{"Last-Modified": {tc.modified}}); got != tc.want {
			t.Errorf("%s: got %v", tc.name, got)
		}
	}
}

// TestTagsHideTheObjects checks that with redact a tag doesn't have the object's tag in it, is the same each time, and
// that nobody can make one.
func TestTagsHideTheObjects(t *testing.T) {
	hide, err := newTagCipher(newTagKey())
	if err != nil {
		t.Fatal(err)
	}
	m := mark{"-m", hide}
	const md5 = "97fdc6ae017d8165f3cb4aa494ddb7d4"
	for _, tag := range []string{`"` + md5 + `"`, `W/"` + md5 + `"`, `""`} {
		got := m.tag(tag)
		if strings.Contains(got, md5) || got != m.tag(tag) || !entityTag(got) {
			t.Errorf("got %s for %s", got, tag)
		}
		if back := m.objectTags([]string{"\"x-m\", " + got}); !slices.Equal(back, []string{tag}) {
			t.Errorf("got %q back for %s", back, tag)
		}
		forged := []byte(got)
		forged[len(forged)-5] ^= 1
		if back := m.objectTags([]string{string(forged)}); len(back) > 0 {
			t.Errorf("got %q for a forged tag", back)
		}
	}
}

// TestTagKeyIsKept checks that the key of entity tags is the same after a restart.
func TestTagKeyIsKept(t *testing.T) {
	storage := &certmagic.FileStorage{Path: t.TempDir()}
	first, err := loadTagKey(t.Context(), storage)
	if err != nil || len(first) != tagKeySize {
		t.Fatalf("got %d bytes, %v", len(first), err)
	}
	again, err := loadTagKey(t.Context(), storage)
	if err != nil || !slices.Equal(first, again) {
		t.Errorf("got another key, %v", err)
	}
	if err := storage.Store(t.Context(), tagKey, first[:5]); err != nil {
		t.Fatal(err)
	}
	if _, err := loadTagKey(t.Context(), storage); err == nil {
		t.Error("a short key is accepted")
	}
}

// racedStorage is the storage of a cluster in which another instance stores its key while this one waits for the lock.
type racedStorage struct {
	*certmagic.FileStorage
	key    []byte // nil: there is no other instance
	err    error  // of the lock
	locked int
}

func (s *racedStorage) Lock(ctx context.Context, _ string) error {
	if s.err != nil {
		return s.err
	}
	s.locked++
	if s.key == nil {
		return nil
	}
	return s.Store(ctx, tagKey, s.key)
}

func (s *racedStorage) Unlock(context.Context, string) error {
	s.locked--
	return nil
}

// TestTagKeyIsTheClusters: the instance that is slower takes the key of the faster one.
func TestTagKeyIsTheClusters(t *testing.T) {
	other := newTagKey()
	for _, key := range [][]byte{nil, other} {
		s := &racedStorage{FileStorage: &certmagic.FileStorage{Path: t.TempDir()}, key: key}
		got, err := loadTagKey(t.Context(), s)
		stored, _ := s.Load(t.Context(), tagKey)
		if err != nil || s.locked != 0 || !slices.Equal(got, stored) || key != nil && !slices.Equal(got, key) {
			t.Errorf("got %x, error %v, want %x; %x is stored", got, err, key, stored)
		}
	}
	s := &racedStorage{FileStorage: &certmagic.FileStorage{Path: t.TempDir()}, err: errors.New("no lock")}
	if key, err := loadTagKey(t.Context(), s); !errors.Is(err, s.err) {
		t.Errorf("without a lock: got %x, error %v", key, err)
	}
}
