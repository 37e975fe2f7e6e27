package caddyexif

import (
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
	"os"
)

func TestRedactSmoke(t *testing.T) {
	root := samples(t)
	_ = os.WriteFile(root+"/v.mp4", append([]byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomavc1"), make([]byte, 100000)...), 0o644)
	_ = testimage.Samples
	srv := serve(t, `
http://a.test:{$PORT} {
	bind 127.0.0.1
	exif {
		redact
	}
	root * `+root+`
	encode gzip {
		minimum_length 1
		match {
			header Content-Type *
		}
	}
	file_server
}
`)
	for _, tc := range [][]string{
		{"GET", "/iphone-4s.jpg"}, {"HEAD", "/iphone-4s.jpg"}, {"GET", "/photo.tif"}, {"GET", "/index.html"}, {"HEAD", "/index.html"},
		{"GET", "/v.mp4", "Range", "bytes=50000-50010"}, {"GET", "/v.mp4", "Range", "bytes=0-10"}, {"GET", "/iphone-4s.jpg", "Range", "bytes=5-10"},
		{"GET", "/index.html", "Accept-Encoding", "gzip"}, {"GET", "/iphone-4s.jpg", "Accept-Encoding", "gzip"}, {"GET", "/v.mp4", "Accept-Encoding", "gzip"},
		{"GET", "/nope"}, {"GET", "/sub"}, {"POST", "/index.html"}, {"GET", "/empty.jpg"}, {"GET", "/iphone-4s.jpg" + suffix},
	} {
		r := srv.get(tc[0], "a.test", tc[1], tc[2:]...)
		t.Log(tc, r.status, len(r.body), r.header)
		if tag := r.header.Get("Etag"); tag != "" && len(tc) == 2 {
			r := srv.get(tc[0], "a.test", tc[1], "If-None-Match", tag)
			t.Log("  again", r.status, r.header)
		}
	}
}
