package redact

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// redact returns the redacted body, written in pieces of at most piece bytes, 0 for one piece.
func redact(t testing.TB, body []byte, p *Policy, piece int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := writerFor(t, &out, body, p)
	in := bytes.Clone(body) // a Writer must not change its argument
	for b := body; len(b) > 0; {
		n := len(b)
		if piece > 0 {
			n = min(n, piece)
		}
		if _, err := w.Write(b[:n]); err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(in, body) {
		t.Fatal("the Writer changed its argument")
	}
	if out.Len() != len(body) {
		t.Fatalf("got %d bytes, want %d", out.Len(), len(body))
	}
	return out.Bytes()
}

func TestStreamKeepsEveryByteInPlace(t *testing.T) {
	body := make([]byte, 100_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range body {
		body[i] = byte(1 + r.IntN(255))
	}
	for range 100 {
		var out bytes.Buffer
		s := newStream(&out)
		left := body
		s.more = func() bool {
			n := min(len(left), r.IntN(9000))
			s.in, s.sent, s.pos = left[:n], 0, 0
			left = left[n:]
			s.ended = len(left) == 0
			return true
		}
		var want []byte
		for ok := true; ok; {
			n := r.IntN(10000)
			rest := body[len(want):]
			here := rest[:min(n, len(rest))]
			switch r.IntN(5) {
			case 0:
				ok = s.pass(int64(n))
				want = append(want, here...)
			case 1:
				ok = s.zero(int64(n))
				want = append(want, make([]byte, len(here))...)
			case 2:
				ok = s.replace(bytes.Repeat([]byte("x"), n))
				want = append(want, bytes.Repeat([]byte("x"), len(here))...)
			case 3:
				b, whole := s.peek(n)
				if !bytes.Equal(b, here) || whole != (len(here) == n) {
					t.Fatalf("peek(%d) at %d: %d bytes, %v", n, len(want), len(b), whole)
				}
			case 4:
				if b := s.peekAny(); !bytes.HasPrefix(rest, b) || (len(b) == 0) != (len(rest) == 0) {
					t.Fatalf("peekAny at %d: %d bytes", len(want), len(b))
				}
			}
			if s.offset != int64(len(want)) {
				t.Fatalf("offset %d, want %d", s.offset, len(want))
			}
		}
		s.flush()
		if !bytes.Equal(out.Bytes(), want) || len(want) != len(body) {
			t.Fatal("the output differs")
		}
	}
}

func TestSniffTellsWhatIsRedacted(t *testing.T) {
	for _, tt := range []struct {
		name, head string
		want       Verdict
		format     string
	}{
		{"empty", "", Pass, ""},
		{"html", "<!DOCTYPE html><html>", Pass, "svg"},
		{"jpeg", "\xFF\xD8\xFF\xE0", Redact, "jpeg"},
		{"png", "\x89PNG\r\n\x1A\n", Redact, "png"},
		{"webp", "RIFF\x00\x00\x00\x00WEBP", Redact, "webp"},
		{"gif", "GIF89a", Redact, "gif"},
		{"heic", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", Redact, "heif"},
		{"avif", "\x00\x00\x00\x18ftypavif\x00\x00\x00\x00mif1avif", Redact, "avif"},
		{"sequence of another major brand", "\x00\x00\x00\x18ftypiso8\x00\x00\x00\x00mp41avis", Redact, "heif"},
		{"mp4", "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomavc1", Redact, "mp4"},
		{"mp4 with a brand after its ftyp", "\x00\x00\x00\x14ftypisom\x00\x00\x00\x00isomavif", Redact, "mp4"},
		{"quicktime", "\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", Redact, "mov"},
		{
			"items of a picture under another brand",
			"\x00\x00\x00\x10ftypnew1\x00\x00\x00\x00\x00\x00\x00\x40meta\x00\x00\x00\x00\x00\x00\x00\x21hdlr\x00\x00\x00\x00\x00\x00\x00\x00pict",
			Redact, "heif",
		},
		{
			"items of no picture",
			"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00\x00\x00\x00\x40meta\x00\x00\x00\x00\x00\x00\x00\x21hdlr\x00\x00\x00\x00\x00\x00\x00\x00ID32",
			Redact, "mp4",
		},
		{"cr3", "\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", Refuse, "cr3"},
		{"tiff", "II*\x00\x08\x00\x00\x00", Refuse, "tiff"},
		{"psd", "8BPS\x00\x01", Refuse, "psd"},
		{"short ftyp", "\xFF\xFF\xFF\xFFftyp", Redact, "mp4"},
		{"3gp", "\x00\x00\x00\x14ftyp3gp5\x00\x00\x00\x003gp5", Redact, "3gp"},
		{"ftyp with a size of 64 bits", "\x00\x00\x00\x01ftyp\x00\x00\x00\x00\x00\x00\x00\x18qt  ", Redact, "mov"},
		{"quicktime of old", "\x00\x00\x00\x08wide\x00\x00\x10\x00mdat", Redact, "mov"},
		{"moov first", "\x00\x00\x10\x00moov\x00\x00\x00\x6Cmvhd", Redact, "mov"},
		{"a large mdat first", "\x7F\x00\x00\x00mdat", Redact, "mov"},
		{"segment", "\x00\x00\x00\x18stypmsdh", Redact, "mp4"},
		{"text that begins like a box", "The free encyclopedia", Pass, ""},
		{"webm", "\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x84webm", Redact, "webm"},
		{"matroska", "\x1A\x45\xDF\xA3\xA3\x42\x86\x81\x01\x42\x82\x88matroska", Redact, "mkv"},
		{"avi", "RIFF\x00\x10\x00\x00AVI LIST", Redact, "avi"},
		{"wav", "RIFF\x00\x10\x00\x00WAVEfmt ", Pass, ""},
		{"program stream", "\x00\x00\x01\xBA\x44\x00\x04\x00", Refuse, "mpeg"},
		{"avchd", strings.Repeat("\x00\x00\x00\x00G"+strings.Repeat("\x00", 187), 3), Refuse, "m2ts"},
		{"transport stream", strings.Repeat("G"+strings.Repeat("\x00", 187), 3), Pass, ""},
		{"asf", "\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C", Refuse, "asf"},
		{"flv", "FLV\x01\x05\x00\x00\x00\x09", Refuse, "flv"},
		{"mxf", "\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02\x01", Refuse, "mxf"},
		{"realmedia", ".RMF\x00\x00\x00\x12", Refuse, "rm"},
		{"ogg video", "OggS\x00\x02" + strings.Repeat("\x00", 20) + "\x01\x2A\x80theora", Refuse, "ogg"},
		{"ogg sound", "OggS\x00\x02" + strings.Repeat("\x00", 20) + "\x01\x1E\x01vorbis", Pass, ""},
		{"mp3", "ID3\x04\x00\x00\x00\x00\x00\x00", Pass, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, format := Sniff([]byte(tt.head))
			if got != tt.want || format != tt.format {
				t.Errorf("got %d %q, want %d %q", got, format, tt.want, tt.format)
			}
		})
	}
}

// TestCopyPassesNoImageAndRefuses checks what is no image, and what can't be redacted.
func TestCopyPassesNoImageAndRefuses(t *testing.T) {
	var out bytes.Buffer
	if err := Copy(&out, strings.NewReader("<p>hello</p>"), &Policy{}); err != nil || out.String() != "<p>hello</p>" {
		t.Errorf("got %v, %q", err, out.String())
	}
	out.Reset()
	if err := Copy(&out, strings.NewReader("II*\x00\x08\x00\x00\x00secret"), &Policy{}); !errors.Is(err, ErrRefused) || out.Len() > 0 {
		t.Errorf("got %v, %q", err, out.String())
	}
}

type failing struct{ after int }

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errors.New("gone")
	}
	return len(p), nil
}

func TestWriterStopsWhenTheClientIsGone(t *testing.T) {
	w := writerFor(t, &failing{after: 100}, []byte("\xFF\xD8\xFF"), &Policy{})
	_, err := io.Copy(w, io.LimitReader(endless{}, 1<<20))
	if err == nil {
		t.Fatal("no error")
	}
	if err2 := w.Close(); err2 == nil {
		t.Fatal("no error of Close")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestLimits has files at each limit, and one beyond it.
func TestLimits(t *testing.T) {
	box, full := anyBox, anyFullBox
	film := func(n int) []byte {
		var tracks []byte
		for i := range n {
			tracks = cat(tracks, slackTrack(&places{}, "", "vide", 1+i, slackPictures(&places{}), 4, 0x40000, 0x40004))
		}
		return cat(testimage.FileType("isom"), box("moov", full("mvhd", 0, make([]byte, 96)), tracks), box("mdat", make([]byte, 0x50000)))
	}
	heif := func(items, extents, references, size int) []byte {
		ftyp := testimage.FileType("heic")
		at := len(ftyp) + 8
		var infe []byte
		for i := range items {
			infe = append(infe, full("infe", 2, u16(i+1), u16(0), "hvc1")...)
		}
		hdlr := full("hdlr", 0, u32(0), "pict", make([]byte, 13))
		iloc := cat(u16(1), u16(1), u16(0), u16(extents), bytes.Repeat(cat(u32(at), 1), extents))
		boxes := cat(u32(0), hdlr, full("pitm", 0, u16(1)), full("iinf", 0, u16(items), infe), full("iloc", 0, 0x41, 0, iloc), full("iref", 0, box("dimg", u16(1), u16(references/2), bytes.Repeat(u16(2), references/2)), box("dimg", u16(1), u16(references-references/2), bytes.Repeat(u16(2), references-references/2))),
			box("iprp", box("ipco", hvcC), full("ipma", 0, u32(1), u16(1), 1, 0x81)))
		return cat(ftyp, box("mdat", make([]byte, 1000)), box("meta", boxes, box("free", make([]byte, max(0, size-len(boxes)-8)))))
	}
	for _, tt := range []struct {
		name  string
		limit int
		file  func(n int) []byte
	}{
		{"tracks", maxTracks, film},
		{"items", maxItems, func(n int) []byte { return heif(n, 1, 2, 0) }},
		{"extents", maxExtents, func(n int) []byte { return heif(2, n, 2, 0) }},
		{"references", maxReferences, func(n int) []byte { return heif(2, 1, n, 0) }},
		{"meta", maxMeta, func(n int) []byte { return heif(2, 1, 2, n) }},
	} {
		for n, want := range map[int]error{tt.limit: nil, tt.limit + 1: ErrRefused} {
			data := tt.file(n)
			_, format := Sniff(data[:SniffLen])
			if _, err := New(bytes.NewReader(data), format, &Policy{}); !errors.Is(err, want) {
				t.Errorf("%s: got %v for %d", tt.name, err, n)
			}
		}
	}
	profile := func(tags int) []byte {
		head := profileOf("wtpt", nil)[:128]
		data := cat("XYZ ", u32(0), u32(1), u32(2), u32(3))
		b := cat(head, u32(tags), bytes.Repeat(cat("wtpt", u32(132+12*tags), u32(20)), tags), data)
		be.PutUint32(b, uint32(len(b)))
		return b
	}
	if !cleanICC(profile(maxICCTags)) || cleanICC(profile(maxICCTags+1)) {
		t.Error("another limit of tags")
	}
	for _, n := range []int{maxICCName - 1, maxICCName, maxICCName + 1} {
		name := strings.Repeat("N", n)
		old, names := cat("desc", u32(0), u32(n+1), name, 0), cat("mluc", u32(0), u32(1), u32(12), "enUS", u32(2*n), u32(28), wide(name))
		if !cleanICCTag("desc", old) || !cleanICCTag("desc", names) || bytes.Count(old, []byte("N")) != min(n, maxICCName) || bytes.Count(names, []byte("N")) != min(n, maxICCName) {
			t.Errorf("%d characters: got %q and %q", n, old, names)
		}
	}
	for _, end := range []uint16{0, 0x1F, 0x7F, 0xD83D} { // the name ends before what can't be shown
		names := cat("mluc", u32(0), u32(1), u32(12), "enUS", u32(6), u32(28), u16('N'), u16(int(end)), u16('N'))
		if !cleanICCTag("desc", names) || bytes.Count(names, []byte("N")) != 1 {
			t.Errorf("a name with %#x: got %q", end, names)
		}
	}
	palette := func(n int) []byte { return testimage.PNGChunk("PLTE", make([]byte, 3*n)) }
	for n, want := range map[int]bool{256: true, 257: false} {
		data := testimage.PNG(testimage.Gradient(8, 8), palette(n), nil)
		data[24], data[25] = 8, 3
		if got := redact(t, data, &Policy{}, 0); bytes.Contains(got, palette(n)) != want {
			t.Errorf("a palette of %d stays: %v", n, !want)
		}
	}
}
