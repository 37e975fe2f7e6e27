package caddyexif

import (
	"errors"
	"net/url"
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

// TestSetPath keeps the escapes of the object as the client wrote them: stores sign them.
func TestSetPath(t *testing.T) {
	for in, want := range map[string]string{
		"/a.jpg" + suffix:                  "/a.jpg",
		"/a%20b.jpg" + suffix:              "/a%20b.jpg",
		"/a%2Fb.jpg" + suffix:              "/a%2Fb.jpg",
		"/a%2fb%40c.jpg%40base%40tag=exif": "/a%2fb%40c.jpg",
		"/a@b.jpg%40base%40tag%3Dexif":     "/a@b.jpg",
		"/%E5%86%99.jpg" + suffix:          "/%E5%86%99.jpg",
		"/a+b%2Bc&d;e.jpg" + suffix:        "/a+b%2Bc&d;e.jpg",
		"/100%25.jpg" + suffix + "?a=b":    "/100%25.jpg?a=b",
	} {
		u, err := url.ParseRequestURI(in)
		if err != nil {
			t.Fatal(err)
		}
		object, _, _ := parseTarget(u.Path)
		setPath(u, object)
		if got := u.RequestURI(); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}
