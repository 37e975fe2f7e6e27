package exif

import (
	"bytes"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// fuzz is the target of one container: it starts from the samples of these formats.
func fuzz(f *testing.F, formats ...string) {
	for _, s := range containerSamples() {
		for _, format := range formats {
			if s.format == format && !s.far {
				f.Add(s.data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkGrowth(t, data) })
}

func FuzzJPEG(f *testing.F) { fuzz(f, "jpeg") }
func FuzzTIFF(f *testing.F) { fuzz(f, "tiff", "rw2", "orf", "jxr") }
func FuzzPNG(f *testing.F)  { fuzz(f, "png") }
func FuzzWebP(f *testing.F) { fuzz(f, "webp") }
func FuzzHEIF(f *testing.F) { fuzz(f, "heif", "avif") }
func FuzzCR3(f *testing.F)  { fuzz(f, "cr3") }
func FuzzJXL(f *testing.F)  { fuzz(f, "jxl") }
func FuzzJP2(f *testing.F)  { fuzz(f, "jp2") }
func FuzzPSD(f *testing.F)  { fuzz(f, "psd") }
func FuzzRAF(f *testing.F)  { fuzz(f, "raf") }
func FuzzMRW(f *testing.F)  { fuzz(f, "mrw") }
func FuzzSVG(f *testing.F) {
	f.Add([]byte("<?xml version=\"1.0\"?>\n<!-- c --><!DOCTYPE svg [ <!ENTITY a \"b\"> ]>\n<svg/>"))
	fuzz(f)
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
	for _, s := range containerSamples() {
		f.Add(bytes.Clone(s.data[:min(len(s.data), sniffLen)]))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkGrowth(t, data) })
}
