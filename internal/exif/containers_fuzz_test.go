package exif

import (
	"bytes"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// FuzzFormats decodes files mutated from the samples of all formats.
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

// FuzzProfile fuzzes PNG profiles, and FuzzBrotli brob boxes: a fuzzer of whole files can't get past
// compression and checksums.
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

// FuzzTail fuzzes the chunks after a picture, which the finders search backwards.
func FuzzTail(f *testing.F) {
	b := tagsOf(false)
	eXIf, iend := testimage.PNGChunk("eXIf", b.Encode()), testimage.PNGChunk("IEND", nil)
	f.Add(slices.Concat(eXIf, iend))
	f.Add(slices.Concat(testimage.PNGChunk("eXIf", nil), testimage.ITXT("XML:com.adobe.xmp", nil, false), eXIf, iend, iend))
	f.Add(slices.Concat(eXIf, make([]byte, container.TailPiece), iend, make([]byte, 100)))
	f.Add(slices.Concat(testimage.RIFFChunk("EXIF", b.Encode()), testimage.RIFFChunk("XMP ", nil)))
	png := append(testimage.PNGHead(), testimage.IDATs(100, 100, 2*container.TailPiece)...)
	webp := testimage.WebP(testimage.VP8X(2), testimage.RIFFChunk("ANMF", nil), testimage.RIFFChunk("ANMF", make([]byte, 2*container.TailPiece)))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkGrowth(t, slices.Concat(png, data))
		checkGrowth(t, slices.Concat(webp, data))
	})
}

// FuzzSniff starts from the formats' magics alone.
func FuzzSniff(f *testing.F) {
	for _, files := range testimage.Formats() {
		for _, b := range files {
			f.Add(bytes.Clone(b[:min(len(b), container.SniffLen)]))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkGrowth(t, data) })
}
