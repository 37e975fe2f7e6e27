package caddyexif

import (
	"errors"
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
		{"/a.jpg@base@tag=exif&x=1", "", true, errFollowed},
		{"/a.jpg@base@tag=exif|tag=imgScale", "", true, errFollowed},
		{"/a.jpg@base@tag=exif/", "", true, errFollowed},
		{"/a.jpg@base@tag=exif@base@tag=exif", "", true, errFollowed},
		{"/@base@tag=exif", "", true, errNoObject},
		{"@base@tag=exif", "", true, errNoObject},
		{"/dir/@base@tag=exif", "", true, errNoObject},
	} {
		object, ours, err := parseTarget(tc.path)
		if object != tc.object || ours != tc.ours || !errors.Is(err, tc.err) {
			t.Errorf("%s: got %q, %v, %v, want %q, %v, %v", tc.path, object, ours, err, tc.object, tc.ours, tc.err)
		}
	}
}
