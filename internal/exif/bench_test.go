package exif

import (
	"bytes"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// benchImages are typical images, and an extreme one with 10,000 tags, all of them in the JSON.
func benchImages() []struct {
	name  string
	image []byte
	o     Options
} {
	full := testimage.Full()
	h := testimage.HEIF{Exif: [][]byte{testimage.ExifData(full.Encode(), true)}}
	var many testimage.Block
	for i := range 10_000 {
		many.IFD0 = append(many.IFD0, testimage.Long(uint16(0xD000+i), uint32(i)))
	}
	return []struct {
		name  string
		image []byte
		o     Options
	}{
		{"JPEG", testimage.Samples()["photo.jpg"], Options{}},
		{"HEIC", h.Encode(), Options{}},
		{"TIFF", testimage.TIFF(full), Options{}},
		{"10000 tags", many.Encode(), Options{Unknown: true}},
	}
}

// BenchmarkDecode decodes images in memory.
func BenchmarkDecode(b *testing.B) {
	for _, f := range benchImages() {
		b.Run(f.name, func(b *testing.B) {
			r := bytes.NewReader(f.image)
			b.ReportAllocs()
			for b.Loop() {
				m, err := Decode(r, &f.o)
				if err != nil || m.Len() == 0 {
					b.Fatalf("%v, %d tags", err, m.Len())
				}
			}
		})
	}
}

// BenchmarkAppendJSON renders a photo's tags in each style into an existing buffer.
func BenchmarkAppendJSON(b *testing.B) {
	image := testimage.Samples()["photo.jpg"]
	for _, style := range []struct {
		name string
		Style
	}{{"raw", Raw}, {"described", Described}, {"typed", Typed}} {
		b.Run(style.name, func(b *testing.B) {
			o := Options{Style: style.Style}
			m, err := Decode(bytes.NewReader(image), &o)
			if err != nil {
				b.Fatal(err)
			}
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf, err = m.AppendJSON(buf[:0], &o)
				if err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(buf)))
			if len(buf) < 100 {
				b.Fatalf("got %s", buf)
			}
		})
	}
}
