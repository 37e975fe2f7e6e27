package redact

import (
	"bytes"
	"io"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// BenchmarkJPEG redacts a JPEG of 4 MB written in pieces of 32 KiB.
func BenchmarkJPEG(b *testing.B) {
	full := testimage.Full()
	plain := testimage.JPEG(testimage.Gradient(2500, 2500), testimage.EXIFSegment(full.Encode()))
	scan := bytes.LastIndex(plain, []byte("\xFF\xDA")) + 14
	data := bytes.Clone(plain[:scan])
	for len(data) < 4<<20 {
		data = append(data, plain[scan:len(plain)-2]...)
	}
	data = append(data, 0xFF, 0xD9)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		w := writerFor(b, io.Discard, data, noText)
		for d := data; len(d) > 0; {
			n := min(len(d), 32<<10)
			if _, err := w.Write(d[:n]); err != nil {
				b.Fatal(err)
			}
			d = d[n:]
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
