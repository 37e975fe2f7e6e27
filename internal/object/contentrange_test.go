package object

import (
	"errors"
	"net/http"
	"testing"
)

func TestLocateBody(t *testing.T) {
	for _, tc := range []struct {
		name                string
		status              int
		header              map[string]string
		start, length, size int64
		err                 error
	}{
		{"206", 206, map[string]string{"Content-Range": "bytes 100-199/1000"}, 100, 100, 1000, nil},
		{"206 of unknown size", 206, map[string]string{"Content-Range": "bytes 100-199/*"}, 100, 100, -1, nil},
		{"206 of a size that can't be", 206, map[string]string{"Content-Range": "bytes 100-199/199"}, 100, 100, -1, nil},
		{"206 to the last byte", 206, map[string]string{"Content-Range": "bytes 100-199/200"}, 100, 100, 200, nil},
		{"206 from somewhere else", 206, map[string]string{"Content-Range": "bytes 0-9/1000"}, 0, 10, 1000, nil},
		{"206 in capitals and blanks", 206, map[string]string{"Content-Range": " Bytes  100 - 199 / 1000 "}, 100, 100, 1000, nil},
		{"206 of one byte", 206, map[string]string{"Content-Range": "bytes 7-7/8"}, 7, 1, 8, nil},
		{"206 of nothing", 206, map[string]string{"Content-Range": "bytes 100-99/100"}, 100, 0, 100, nil},
		{"206 of an empty object", 206, map[string]string{"Content-Range": "bytes 0--1/0"}, 0, 0, 0, nil},
		{"200 with a Content-Range", 200, map[string]string{"Content-Range": "bytes 100-199/1000"}, 100, 100, 1000, nil},
		{"200", 200, map[string]string{"Content-Length": "1000"}, 0, 1000, 1000, nil},
		{"200 without length", 200, nil, 0, -1, -1, nil},
		{"200 with a negative length", 200, map[string]string{"Content-Length": "-5"}, 0, -1, -1, nil},
		{"200, empty", 200, map[string]string{"Content-Length": "0"}, 0, 0, 0, nil},
		{"206 without Content-Range", 206, map[string]string{"Content-Length": "50"}, 100, 50, -1, nil},
		{"206 in parts", 206, map[string]string{"Content-Type": "Multipart/byteranges; boundary=x"}, 0, 0, 0, ErrUnusable},
		{"another unit", 206, map[string]string{"Content-Range": "items 0-9/10"}, 0, 0, 0, ErrUnusable},
		{"no span", 206, map[string]string{"Content-Range": "bytes */10"}, 0, 0, 0, ErrUnusable},
		{"no size", 206, map[string]string{"Content-Range": "bytes 0-9"}, 0, 0, 0, ErrUnusable},
		{"no start", 206, map[string]string{"Content-Range": "bytes -9/10"}, 0, 0, 0, ErrUnusable},
		{"no end", 206, map[string]string{"Content-Range": "bytes 5-/10"}, 0, 0, 0, ErrUnusable},
		{"backwards", 206, map[string]string{"Content-Range": "bytes 9-0/10"}, 0, 0, 0, ErrUnusable},
		{"nothing before the end", 206, map[string]string{"Content-Range": "bytes 5-4/10"}, 0, 0, 0, ErrUnusable},
		{"nothing of an unknown size", 206, map[string]string{"Content-Range": "bytes 5-4/*"}, 0, 0, 0, ErrUnusable},
		{"negative", 206, map[string]string{"Content-Range": "bytes -1-9/10"}, 0, 0, 0, ErrUnusable},
		{"too large a number", 206, map[string]string{"Content-Range": "bytes 0-9999999999999999999/1"}, 0, 0, 0, ErrUnusable},
	} {
		h := make(http.Header)
		for k, v := range tc.header {
			h.Set(k, v)
		}
		start, length, size, err := locateBody(tc.status, h, 100)
		if !errors.Is(err, tc.err) || err == nil && (start != tc.start || length != tc.length || size != tc.size) {
			t.Errorf("%s: got %d, %d, %d, %v; want %d, %d, %d, %v", tc.name, start, length, size, err, tc.start, tc.length, tc.size, tc.err)
		}
	}
}

func TestIdentity(t *testing.T) {
	for value, want := range map[string]bool{
		"": true, "identity": true, "Identity, identity": true, " , ": true,
		"gzip": false, "identity, br": false, "br, identity": false, "x": false,
	} {
		if got := identity(http.Header{"Content-Encoding": {value}}); got != want {
			t.Errorf("%q: got %v", value, got)
		}
	}
	if identity(http.Header{"Content-Encoding": {"identity", "zstd"}}) {
		t.Error("the second field was overlooked")
	}
}
