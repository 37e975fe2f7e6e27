package caddyexif

import (
	"errors"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for _, tc := range []struct {
		path, object string
		ours         bool
		err          error
	}{
		{"/a.jpg@base@tag=exif", "/a.jpg", true, nil},
		{"/a.jpg@base@tag=EXIF", "/a.jpg", true, nil},
		{"/a@b.jpg@base@tag=exif", "/a@b.jpg", true, nil},
		{"/a.jpg@base@tag=imgScale@base@tag=exif", "/a.jpg@base@tag=imgScale", true, nil},
		{"/a.jpg@base@tag=exifx@base@tag=exif", "/a.jpg@base@tag=exifx", true, nil},
		{"/a.jpg", "", false, nil},
		{"/a.jpg@base@tag=", "", false, nil},
		{"/a.jpg@base@tag=exi", "", false, nil},
		{"/a.jpg@base@tag=exif2", "", false, nil},
		{"/a.jpg@base@tag=exif_2", "", false, nil},
		{"/a.jpg@Base@tag=exif", "", false, nil},
		{"/a.jpg@base@tag=exif&x=1", "", true, errTrailing},
		{"/a.jpg@base@tag=exif|tag=imgScale", "", true, errTrailing},
		{"/a.jpg@base@tag=exif/", "", true, errTrailing},
		{"/a.jpg@base@tag=exif@base@tag=exif", "", true, errTrailing},
		{"/@base@tag=exif", "", true, errNoObject},
		{"@base@tag=exif", "", true, errNoObject},
		{"/dir/@base@tag=exif", "", true, errNoObject},
	} {
		object, op, err := parseTarget(tc.path, operations[:1], false)
		ours := op != nil
		if object != tc.object || ours != tc.ours || !errors.Is(err, tc.err) {
			t.Errorf("%s: got %q, %v, %v, want %q, %v, %v", tc.path, object, ours, err, tc.object, tc.ours, tc.err)
		}
	}
}

// TestTagEndsWhereItsNameDoes checks every byte after the suffix: those of a word make it another operation, so
// the request is passed on.
func TestTagEndsWhereItsNameDoes(t *testing.T) {
	const name = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	for c := range 256 {
		_, op, err := parseTarget("/a.jpg"+suffix+string([]byte{byte(c)}), operations[:1], false)
		ours := op != nil
		if another := strings.IndexByte(name, byte(c)) >= 0; ours == another || errors.Is(err, errTrailing) == another {
			t.Errorf("%q: got %v, %v", byte(c), ours, err)
		}
	}
	h := provisioned(t, new(Handler))
	for _, path := range []string{"/a" + suffix, "/@base@tag=exifs/a" + suffix, "/a@base@tag=@base@tag=" + "exif"} {
		if object, ok := h.objectPath(path); !ok || object+suffix != path {
			t.Errorf("%s: got %s, %v", path, object, ok)
		}
	}
	for _, path := range []string{"/a", "/" + suffix, "/a" + suffix + "/"} {
		if object, ok := h.objectPath(path); ok {
			t.Errorf("%s: got %s", path, object)
		}
	}
}
