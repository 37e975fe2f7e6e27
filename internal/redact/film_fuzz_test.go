package redact

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// fuzzFilms fuzzes a format. No film makes the parser panic or hang, no byte moves, and any range is a slice of the whole.
func fuzzFilms(f *testing.F, format string) {
	for _, build := range slackFilms {
		var p places
		data := build(&p)
		if _, sniffed := Sniff(data); sniffed != format {
			continue
		}
		f.Add(data, uint16(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, from uint16) {
		if _, sniffed := Sniff(data[:min(len(data), SniffLen)]); sniffed != format || len(data) > 64<<10 {
			return
		}
		plan, err := New(bytes.NewReader(data), format, &Policy{})
		if errors.Is(err, ErrRefused) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		whole := redacted(t, plan, data)
		if plan.Ranged() && int(from) < len(data) {
			var out bytes.Buffer
			w := plan.NewWriter(&out, int64(from))
			if _, err := io.Copy(w, bytes.NewReader(data[from:])); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), whole[from:]) {
				for i, c := range out.Bytes() {
					if at := int(from) + i; c != whole[at] {
						t.Fatalf("from %d on, at %d of %d: got %q, want %q", from, at, len(whole), out.Bytes()[i:min(out.Len(), i+16)], whole[at:min(len(whole), at+16)])
					}
				}
			}
		}
	})
}

func FuzzMP4(f *testing.F)      { fuzzFilms(f, "mp4") }
func FuzzMatroska(f *testing.F) { fuzzFilms(f, "mkv") }
func FuzzAVI(f *testing.F)      { fuzzFilms(f, "avi") }
