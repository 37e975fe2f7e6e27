package redact

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestNoNumberInAFilmIsAText writes a text over every place of a film's index, and looks for it in the redacted film.
func TestNoNumberInAFilmIsAText(t *testing.T) {
	const text = "52.5N13.4E"
	for name, build := range slackFilms {
		t.Run(name, func(t *testing.T) {
			data := build(&places{})
			var stayed []int
			for i := 16; i+len(text) <= len(data); i++ {
				with := slices.Clone(data)
				copy(with[i:], text)
				verdict, format := Sniff(with[:min(len(with), SniffLen)])
				if verdict != Redact || bytes.Count(with, []byte(frame)) < bytes.Count(data, []byte(frame)) {
					continue // or it is in the picture
				}
				plan, err := New(bytes.NewReader(with), format, &Policy{})
				if errors.Is(err, ErrRefused) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(redacted(t, plan, with), []byte(text)) {
					stayed = append(stayed, i)
				}
			}
			for _, i := range stayed {
				t.Errorf("at %d: %q", i, data[max(0, i-24):i+len(text)])
			}
		})
	}
}

// TestNumbersOfSegmentsArePlausible checks the numbers that say how a JPEG is to be shown.
func TestNumbersOfSegmentsArePlausible(t *testing.T) {
	for _, x := range []struct {
		mend     func(b []byte)
		is, want string
	}{
		{mendJFIF, "JFIF\x00\x01\x02\x01\x01\x2C\x01\x2C", "JFIF\x00\x01\x02\x01\x01\x2C\x01\x2C"},
		{mendJFIF, "JFIF\x00\x01\x01\x00\x00\x10\x00\x0B", "JFIF\x00\x01\x01\x00\x00\x10\x00\x0B"},
		{mendJFIF, "JFIF\x0052.5N13", "JFIF\x00\x01\x01\x00\x00\x01\x00\x01"},
		{mendAdobe, "Adobe\x00\x64\x80\x00\x00\x00\x01", "Adobe\x00\x64\x80\x00\x00\x00\x01"},
		{mendAdobe, "Adobe52.5N1\x02", "Adobe\x00\x64\x00\x00\x00\x00\x02"},
	} {
		got := []byte(x.is)
		if x.mend(got); string(got) != x.want {
			t.Errorf("%q: got %q, want %q", x.is, got, x.want)
		}
	}
}

// TestNegativeDurationsStay checks the durations of samples, which phones write as differences of times that aren't in order.
func TestNegativeDurationsStay(t *testing.T) {
	data := slackFilm(&places{})
	at := bytes.Index(data, []byte("stts")) + 16
	for v, want := range map[uint32]uint32{10: 10, 0xFFFFFFF6: 0xFFFFFFF6, be.Uint32([]byte("text")): 0} {
		be.PutUint32(data[at:], v)
		plan, err := New(bytes.NewReader(data), "mp4", &Policy{})
		if err != nil {
			t.Fatal(err)
		}
		if got := be.Uint32(redacted(t, plan, data)[at:]); got != want {
			t.Errorf("got %#x instead of %#x, want %#x", got, v, want)
		}
	}
}

// TestDurationsAreToldByTheClockOfTheFilm checks a track that lasts 24 days in milliseconds, which stays, or 68 years in seconds.
func TestDurationsAreToldByTheClockOfTheFilm(t *testing.T) {
	const duration = 1<<31 - 1
	for scale, want := range map[int]uint32{1000: duration, 1: 0xFFFFFFFF} {
		times := u32(1001 - scale) // with which none is confused
		for version, clock := range map[byte][]byte{
			0: cat(times, times, u32(scale), u32(20), make([]byte, 80)),
			1: cat(times, times, times, times, u32(scale), u32(0), u32(20), make([]byte, 80)),
		} {
			var p places
			data := cat(testimage.FileType("isom"), testimage.Box("moov", testimage.FullBox("mvhd", version, clock), slackTrack(&p, "", "vide", 1, slackPictures(&p), 4, 1000, 1004)),
				testimage.Box("mdat", make([]byte, 5000)))
			at := bytes.Index(data, []byte("tkhd")) + 24
			be.PutUint32(data[at:], duration)
			plan, err := New(bytes.NewReader(data), "mp4", &Policy{})
			if err != nil {
				t.Fatal(err)
			}
			if got := be.Uint32(redacted(t, plan, data)[at:]); got != want {
				t.Errorf("version %d, %d units a second: got %#x, want %#x", version, scale, got, want)
			}
		}
	}
}

// TestDisplaysAreToldByTheirColors checks what is taken for the description of a display: its primaries can be in any order.
func TestDisplaysAreToldByTheirColors(t *testing.T) {
	const red, green, blue = "\x8A\x48\x39\x08", "\x21\x34\x9B\xAA", "\x19\x96\x08\xFC" // BT.2020
	const white, luminances = "\x3D\x13\x40\x42", "\x00\x98\x96\x80\x00\x00\x00\x32"
	for s, want := range map[string]bool{
		green + blue + red + white + luminances:         true,
		red + green + blue + white + luminances:         true,
		blue + red + green + white + luminances:         true,
		strings.Repeat("\x00", 16) + luminances:         true,
		red + green + green + white + luminances:        false,
		red + green + "text" + white + luminances:       false,
		red + green + blue + "texttexttext":             false,
		strings.Repeat("\x00", 16) + "text" + "text":    false,
		strings.Repeat("\x00", 12) + white + luminances: false,
	} {
		if got := isMastering([]byte(s)); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

// TestBoxesOfUncompressedPicturesAreNoText puts texts where a picture has the places of its units, and its components.
func TestBoxesOfUncompressedPicturesAreNoText(t *testing.T) {
	for name, x := range map[string]struct {
		keep        func(*box) bool
		stays, goes []byte
	}{
		"icef":           {keepUnits, cat(u32(0), 3<<5|3<<2, u32(2), u32(0), u32(900), u32(900), u32(1234)), cat(u32(0), 4<<5|4<<2, u32(1), slack, "1234")},
		"icef, of sizes": {keepUnits, cat(u32(0), 1<<2, u32(2), u16(300), u16(301)), cat(u32(0), 1<<2, u32(6), slack)},
		"cmpd":           {keepComponents, cat(u32(3), u16(4), u16(5), u16(6)), cat(u32(len(slack)), spread("\x00"+slack, 0))},
	} {
		if !x.keep(&box{body: x.stays}) || x.keep(&box{body: x.goes}) {
			t.Errorf("%s: numbers go, or a text stays", name)
		}
	}
}

// TestRepetitionStays checks that an animation is repeated as before: the only flag of an edit list says so.
func TestRepetitionStays(t *testing.T) {
	for _, width := range []int{4, 8} {
		for _, flags := range []byte{0, 1, 0xFF} {
			b := box{typ: "elst", body: cat(0, "ab", int(flags), u32(1), make([]byte, 2*width), u32(1<<16))}
			if !editList(&track{}, width)(&b) || string(b.body[:4]) != "\x00\x00\x00"+string(flags&1) {
				t.Errorf("flags %d: got %q", flags, b.body)
			}
		}
	}
}
