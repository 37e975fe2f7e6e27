package redact

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// fuzzFilms fuzzes a format with films that have the marker in each place. Whatever happens to the bytes before and after
// it, a marker that isn't part of a frame doesn't survive, and no byte moves.
func fuzzFilms(f *testing.F, format string) {
	for name, build := range slackFilms {
		var p places
		data := build(&p)
		if _, sniffed := Sniff(data); sniffed != format {
			continue
		}
		f.Add(data, uint16(0))
		_ = name
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
		again := bytes.Clone(whole)
		if _, sniffed := Sniff(whole[:min(len(whole), SniffLen)]); sniffed != format {
			return
		}
		// what is redacted stays as it is, so nothing was left that only the second look finds
		if plan, err = New(bytes.NewReader(again), format, &Policy{}); err == nil {
			if twice := redacted(t, plan, again); !bytes.Equal(twice, whole) {
				for i := range twice {
					if twice[i] != whole[i] {
						t.Fatalf("at %d of %d, the second pass changes %q to %q", i, len(whole), whole[i:min(len(whole), i+16)], twice[i:min(len(whole), i+16)])
					}
				}
			}
		}
		if plan.Ranged() && int(from) < len(data) {
			var out bytes.Buffer
			plan, _ = New(bytes.NewReader(data), format, &Policy{})
			w := plan.NewWriter(&out, int64(from))
			if _, err := io.Copy(w, bytes.NewReader(data[from:])); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), whole[from:]) {
				t.Fatalf("from %d on, the bytes differ from those of the whole", from)
			}
		}
	})
}

func FuzzMP4(f *testing.F)      { fuzzFilms(f, "mp4") }
func FuzzMatroska(f *testing.F) { fuzzFilms(f, "mkv") }
func FuzzAVI(f *testing.F)      { fuzzFilms(f, "avi") }
