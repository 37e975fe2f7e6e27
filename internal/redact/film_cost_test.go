package redact

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// hostileFilms returns films of 1 MiB that cost the most, by what they abuse.
func hostileFilms() map[string][]byte {
	const size = 1 << 20
	box, full := testimage.Box, testimage.FullBox
	var p places
	track := func(id, n int, tables ...[]byte) []byte {
		return box("trak", full("tkhd", 0, make([]byte, 8), u32(id), make([]byte, 68)), box("mdia", full("mdhd", 0, make([]byte, 20)),
			full("hdlr", 0, u32(0), []byte("vide"), make([]byte, 13)),
			box("minf", box("stbl", append([][]byte{full("stsd", 0, u32(1), slackPictures(&p))}, tables...)...))))
	}
	film := func(tracks ...[]byte) []byte {
		b := cat(testimage.FileType("isom"), box("moov", full("mvhd", 0, make([]byte, 96)), bytes.Join(tracks, nil)))
		return cat(b, box("mdat", make([]byte, max(8, size-8-len(b)))))
	}
	stsc := func(perChunk int) []byte { return full("stsc", 0, u32(1), u32(1), u32(perChunk), u32(1)) }
	constant := func(n, count int) []byte { return full("stsz", 0, u32(n), u32(count)) }
	offsets := func(f func(i int) int, n int) []byte {
		b := u32(n)
		for i := range n {
			b = append(b, u32(f(i))...)
		}
		return full("stco", 0, b)
	}
	const many = 250_000
	random := uint32(1)
	next := func(int) int { random = random*1664525 + 1013904223; return int(random >> 12) }
	repeat := func(head, unit []byte) []byte { return cat(head, bytes.Repeat(unit, (size-len(head))/len(unit))) }
	stills := func(typ, sample string, n int) []byte {
		b := film(bytes.Replace(track(1, 1, full("stsc", 0, u32(1), u32(1), u32(n), u32(1)), constant(len(sample), n), offsets(func(int) int { return 2000 }, 1)),
			[]byte("avc1"), []byte(typ), 1))
		copy(b[2000:], bytes.Repeat([]byte(sample), n))
		return b
	}
	empty := box("trak", full("tkhd", 0, make([]byte, 80)))
	entry := ebml(idTrackEntry, ebml(0xD7, []byte{1}), ebml(0x83, []byte{1}), ebml(0x86, []byte("V_VP8")))
	mkv := cat(ebml(idEBML, ebml(0x4282, []byte("webm"))), u32(idSegment), 0xFF, ebml(idTracks, entry))
	large := func(id int) []byte { return append(bytes.TrimLeft(u32(id), "\x00"), 0x10, 0x0E, 0, 0) }
	avi := slackAVI(&p)
	aviHead := avi[:bytes.Index(avi, []byte("movi"))+4]
	jpeg := cat("00dc", 0, 0, 16, 0, "\xFF\xD8\xFF\xDA\x00\x04ab")
	return map[string][]byte{
		"every chunk the same": film(track(1, 1, stsc(1), constant(1<<20, math.MaxInt32), offsets(func(int) int { return 700_000 }, many))),
		"chunks in disorder":   film(track(1, 1, stsc(1), constant(1, math.MaxInt32), offsets(next, many))),
		"chunks apart":         film(track(1, 1, stsc(1), constant(1, math.MaxInt32), offsets(func(i int) int { return 2 * i }, many))),
		"chunks backwards":     film(track(1, 1, stsc(1), constant(1, math.MaxInt32), offsets(func(i int) int { return many - i }, many))),
		"rows of chunks":       film(track(1, 1, stsc(1), constant(1, math.MaxInt32), offsets(func(i int) int { return i%(many/1000)*5000 + i/(many/1000)*2 }, many))),
		"samples of all sizes": film(track(1, 1, stsc(math.MaxInt32), full("stsz", 0, u32(0), u32(math.MaxInt32), bytes.Repeat([]byte{255}, 4*many)), offsets(next, 1))),
		"samples of 4 bits":    film(track(1, 1, stsc(math.MaxInt32), full("stz2", 0, u32(4), u32(math.MaxInt32), bytes.Repeat([]byte{255}, 4*many)), offsets(next, 1))),
		"runs of chunks":       film(track(1, 1, full("stsc", 0, u32(math.MaxInt32), bytes.Repeat(cat(u32(1), u32(math.MaxInt32), u32(1)), many/3)), constant(1, math.MaxInt32), offsets(next, 10))),
		"a track twice":        film(bytes.Repeat(empty, 9000)),
		"many tracks": film(func() (b []byte) {
			for i := range 1000 {
				b = append(b, track(i+1, 1, stsc(1), constant(1, math.MaxInt32), offsets(func(k int) int { return 4 * (k*1000 + i) }, 100))...)
			}
			return b
		}()),
		"frames of JPEG":       stills("jpeg", "\xFF\xD8\xFF\xE1\x00\x06abcd\xFF\xD9\x00\x00\x00\x00", 60_000),
		"small frames of JPEG": stills("jpeg", "\xFF\xD8\xFF\xD9"+strings.Repeat("\x00", 156), 5400),
		"frames of PNG":        stills("png ", "\x89PNG\r\n\x1A\n\x00\x00\x00\x0D", 60_000),
		"empty boxes":          repeat(testimage.FileType("isom"), box("free")),
		"empty boxes in moov":  film(bytes.Repeat(box("free"), many/2)),
		"fragments":            repeat(testimage.FileType("isom"), box("moof", box("traf", full("tfhd", 0, u32(1))))),
		"tracks of a fragment": cat(testimage.FileType("isom"), box("moof", bytes.Repeat(box("traf", full("tfhd", 0, u32(1)), full("trun", 0, u32(math.MaxInt32))), many/10))),
		"runs of a fragment":   cat(testimage.FileType("isom"), box("moof", box("traf", full("tfhd", 0, u32(1)), bytes.Repeat(full("trun", 0, u32(0)), many/5)))),
		"elements":             repeat(mkv, []byte{0xEC, 0x80}),
		"blocks":               repeat(cat(mkv, u32(idCluster), 0xFF), []byte{0xA3, 0x84, 0x81, 0, 0, 0x80}),
		"groups":               repeat(cat(mkv, u32(idCluster), 0xFF), []byte{0xA0, 0x86, 0xA1, 0x84, 0x81, 0, 0, 0x80}),
		"cues":                 repeat(cat(mkv, large(idCues)), ebml(idCuePoint, ebml(idTrackPositions, ebml(idCueTrack, []byte{1})))),
		"tracks":               repeat(cat(mkv, large(idTracks)), entry),
		"a large track":        repeat(cat(mkv, large(idTracks), large(idTrackEntry)), []byte{0xEC, 0x80}),
		"chunks":               repeat(aviHead, []byte("00dc\x00\x00\x00\x00")),
		"junk":                 repeat(aviHead, []byte("note\x00\x00\x00\x00")),
		"lists":                repeat(aviHead, []byte("LIST\x04\x00\x00\x00rec ")),
		"entries":              repeat(cat(avi[:bytes.Index(avi, []byte("idx1"))], "idx1\x00\x00\xF0\x00"), []byte("02tx\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")),
		"restarts in a frame":  repeat(cat(aviHead, jpeg), []byte("\xFF\xD0")),
		"segments of a frame":  repeat(cat(aviHead, "00dc", 0, 0, 16, 0, "\xFF\xD8"), []byte("\xFF\xE1\x00\x02")),
		"frames in a frame":    repeat(cat(aviHead, "00dc", 0, 0, 16, 0), []byte("\xFF\xD8\xFF\xD9")),
		"tables of a frame":    repeat(cat(aviHead, "00dc", 0, 0, 16, 0), cat("\xFF\xD8", testimage.Segment(0xDB, make([]byte, 65)))),
		"intervals of a frame": repeat(cat(aviHead, "00dc", 0, 0, 16, 0, "\xFF\xD8"), []byte("\xFF\xDD\x00\x04\x00\x01")),
		"padding of a frame":   repeat(cat(aviHead, jpeg, "\xFF\xD9"), []byte("\xFF\x00")),
	}
}

// processorTime returns the time that the process has used: others may keep the machine busy.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestHostileFilmsAreCheap(t *testing.T) {
	for name, data := range hostileFilms() {
		t.Run(name, func(t *testing.T) {
			_, format := Sniff(data)
			best := time.Hour
			var before, after runtime.MemStats
			for range 5 {
				runtime.ReadMemStats(&before)
				start := processorTime()
				plan, err := New(bytes.NewReader(data), format, &Policy{})
				switch {
				case errors.Is(err, ErrRefused):
				case err != nil:
					t.Fatal(err)
				default:
					w := plan.NewWriter(io.Discard, 0)
					for n := 0; n < len(data); n += 32 << 10 {
						_, _ = w.Write(data[n:min(len(data), n+32<<10)])
					}
					_ = w.Close()
				}
				best = min(best, processorTime()-start)
				runtime.ReadMemStats(&after)
			}
			t.Logf("%s: %v, %d KiB", name, best.Round(10*time.Microsecond), (after.TotalAlloc-before.TotalAlloc)>>10)
			if best > 200*time.Millisecond { // 20 ms, on a machine that is busy, with -race
				t.Errorf("it took %v", best)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
				t.Errorf("it took %d bytes", n)
			}
		})
	}
}
