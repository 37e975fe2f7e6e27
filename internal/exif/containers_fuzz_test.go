package exif

import (
	"bytes"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// FuzzFormats starts from the samples of all formats.
func FuzzFormats(f *testing.F) {
	for _, files := range testimage.Formats() {
		for _, b := range files {
			f.Add(b)
		}
	}
	for _, s := range containerSamples() {
		if !s.far {
			f.Add(s.data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkGrowth(t, data) })
}

// FuzzProfile looks into PNG profiles, and FuzzBrotli into brob boxes: packed, and with a checksum,
// a fuzzer can't get at them from outside.
func FuzzProfile(f *testing.F) {
	b := tagsOf(false)
	f.Add(testimage.RawProfile("exif", b.Encode()))
	f.Add(testimage.RawProfile("APP1", append([]byte("Exif\x00\x00"), b.Encode()...)))
	m := testimage.Gradient(1, 1)
	f.Fuzz(func(t *testing.T, text []byte) {
		checkGrowth(t, testimage.PNG(m, testimage.ZTXT("Raw profile type APP1", text), nil))
		checkGrowth(t, testimage.PNG(m, testimage.ITXT("Raw profile type exif", text, false), nil))
	})
}

func FuzzBrotli(f *testing.F) {
	b := tagsOf(false)
	for _, window := range []int{10, 16, 22, 24} {
		f.Add(testimage.Brotli(testimage.ExifData(b.Encode(), false), window))
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		checkGrowth(t, testimage.JXL(testimage.Box("brob", []byte("Exif"), packed)))
	})
}

// FuzzSniff starts from nothing but the magics.
func FuzzSniff(f *testing.F) {
	for _, files := range testimage.Formats() {
		for _, b := range files {
			f.Add(bytes.Clone(b[:min(len(b), sniffLen)]))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkGrowth(t, data) })
}
