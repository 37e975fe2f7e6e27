package exif

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// The files below attack decoders that trust their input. Each comment states the attack.

func put16(b []byte, v ...uint16) []byte {
	for _, n := range v {
		b = binary.LittleEndian.AppendUint16(b, n)
	}
	return b
}

func put32(b []byte, v ...uint32) []byte {
	for _, n := range v {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}

// header is a little-endian TIFF header with IFD0 at off.
func header(off uint32) []byte { return put32([]byte("II\x2a\x00"), off) }

// entry is a directory entry with 4 bytes for its value or offset.
func entry(b []byte, id, typ uint16, count, value uint32) []byte {
	return put32(put16(b, id, typ), count, value)
}

// dir is a directory of one entry.
func dir(b []byte, id, typ uint16, count, value, next uint32) []byte {
	return put32(entry(put16(b, 1), id, typ, count, value), next)
}

func hostileTIFFs() map[string]struct {
	file []byte
	want string // the JSON, or an error's text
} {
	type file = struct {
		file []byte
		want string
	}
	const invalid, none = "none of it can be read", "{}"

	// two directories that point at each other: 44 bytes that make goexif loop forever
	ring := dir(header(8), 0x0112, container.TypeShort, 1, 6, 26)
	ring = dir(ring, 0x0201, container.TypeLong, 1, 3, 8)

	many := put16(header(8), 65535)
	for i := range 65535 {
		many = entry(many, uint16(i), container.TypeShort, 1, 1)
	}

	// a directory that points at itself as every other directory
	var nest []byte
	nest = put16(header(8), 5)
	for _, id := range []uint16{exifPointer, gpsPointer, interopPointer, 0x014A, 0x0112} {
		nest = entry(nest, id, container.TypeLong, 1, 8)
	}
	nest = put32(nest, 8)

	// a chain of directories, each one's pointer leading to the next
	chain := header(8)
	for i := range 1000 {
		chain = dir(chain, []uint16{exifPointer, interopPointer, gpsPointer, 0x014A}[i%4], container.TypeLong, 1, uint32(8+18*(i+1)), uint32(8+18*(i+1)))
	}

	// one long text, pointed at by every entry: large JSON from a small file
	var bomb []byte
	bomb = put16(header(8), 4000)
	for i := range 4000 {
		bomb = entry(bomb, uint16(0xE000+i), container.TypeASCII, maxText-1, uint32(8+2+4000*12+4))
	}
	bomb = put32(bomb, 0)
	bomb = append(bomb, bytes.Repeat([]byte("A"), maxText)...)

	big := append([]byte("II\x2b\x00\x08\x00\x00\x00"), 0x10, 0, 0, 0, 0, 0, 0, 0)
	big = append(big, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF) // 2^64-1 entries
	big = append(big, bytes.Repeat([]byte{0x12, 0x01, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0}, 3)...)

	endless := append([]byte("II\x2b\x00\x08\x00\x00\x00"), 0x10, 0, 0, 0, 0, 0, 0, 0)
	endless = append(endless, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F)
	endless = append(endless, make([]byte, 20*(container.MaxEntries+10))...)

	return map[string]file{
		"two directories in a ring":        {ring, `{"Orientation":"6","ThumbJPEGInterchangeFormat":"3"}`},
		"directory pointing at itself":     {dir(header(8), 0x0112, container.TypeShort, 1, 6, 8), `{"Orientation":"6"}`},
		"IFD0 in the header":               {header(0), invalid},
		"count 0x40000001 of LONG":         {dir(header(8), 0x0111, container.TypeLong, 0x40000001, 8, 0), none},
		"count 0x40000001 of a text":       {dir(header(8), 0x010F, container.TypeASCII, 0x40000001, 8, 0), none},
		"count 0xFFFFFFFF":                 {dir(header(8), 0x010F, container.TypeASCII, 0xFFFFFFFF, 8, 0), none},
		"count 0xFFFFFFFF of DOUBLE":       {dir(header(8), 0x0112, container.TypeDouble, 0xFFFFFFFF, 8, 0), none},
		"count of two kilobytes, one left": {append(dir(header(8), 0x010F, container.TypeASCII, 2048, 26, 0), make([]byte, 1024)...), invalid},
		"65,535 entries":                   {many, "*"},
		"65,535 entries, none there":       {put16(header(8), 65535), invalid},
		"every pointer at IFD0":            {nest, `{"Orientation":"8"}`},
		"a chain of sub-directories":       {chain, none},
		"offset of IFD0 past the end":      {header(0xFFFFFFF0), invalid},
		"offset of a value past the end":   {dir(header(8), 0x010F, container.TypeASCII, 100, 0xFFFFFFF0, 0), invalid},
		"offset that wraps around":         {dir(header(8), 0x010F, container.TypeASCII, 0xFFFF, 0xFFFFFFFF, 0), invalid},
		"zero-length numbers":              {dir(header(8), 0x0112, container.TypeShort, 0, 0, 0), invalid},
		"zero-length text":                 {dir(header(8), 0x010F, container.TypeASCII, 0, 0, 0), `{"Make":""}`},
		"type 0":                           {dir(header(8), 0x0112, 0, 1, 6, 0), invalid},
		"type 0xFFFF":                      {dir(header(8), 0x0112, 0xFFFF, 1, 6, 0), invalid},
		"one text 4,000 times":             {bomb, "{}"},
		"BigTIFF with 2^64-1 entries":      {big, `{"Orientation":"6"}`},
		"BigTIFF that goes on and on":      {endless, "larger than can be read"},
		"header alone":                     {header(8), invalid},
	}
}

// TestHostileTIFF decodes each of them in little time and memory, as a TIFF and as the EXIF of a JPEG.
func TestHostileTIFF(t *testing.T) {
	for name, tc := range hostileTIFFs() {
		t.Run(name, func(t *testing.T) {
			files := [][]byte{tc.file}
			if len(tc.file) < 60000 {
				files = append(files, testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment(tc.file)))
			}
			for _, f := range files {
				for _, unknown := range []bool{false, true} {
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					start := time.Now()
					got := decodeToJSON(f, &Options{Unknown: unknown})
					took := time.Since(start)
					runtime.ReadMemStats(&after)
					if !unknown && tc.want != "*" && got != tc.want && (strings.HasPrefix(tc.want, "{") || !strings.Contains(got, tc.want)) {
						t.Errorf("got %.200s, want %s", got, tc.want)
					}
					if took > 100*time.Millisecond*slow {
						t.Errorf("took %v", took)
					}
					limit := uint64(1 << 20)
					if unknown {
						limit = 20 << 20 // 16,384 tags
					}
					if n := after.TotalAlloc - before.TotalAlloc; n > limit {
						t.Errorf("allocated %d bytes", n)
					}
					if n := heapOf(f, &Options{Unknown: unknown}); n > maxGrowth {
						t.Errorf("the heap grew by %d bytes", n)
					}
				}
			}
		})
	}
}

// slow extends time limits for the race detector and other jobs on the machine, whose time isn't the
// code's.
const slow = 50

// heapOf returns the heap growth in bytes by the JSON of a file and its Metadata.
func heapOf(f []byte, o *Options) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m, err := Decode(bytes.NewReader(f), o)
	var b []byte
	if err == nil {
		b, _ = m.AppendJSON(nil, o)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(m)
	runtime.KeepAlive(b)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func decodeToJSON(f []byte, o *Options) string {
	m, err := Decode(bytes.NewReader(f), o)
	if err != nil {
		return err.Error()
	}
	b, err := m.AppendJSON(nil, o)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestJSONIsBounded renders small files that would make large JSON: 16 tags that point at the same 64 KiB
// would make 6 MB, since a control character becomes six bytes of JSON.
func TestJSONIsBounded(t *testing.T) {
	shared := func(tags int, fill string) []byte {
		at := uint32(8 + 2 + tags*12 + 4)
		b := put16(header(8), uint16(tags))
		for i := range tags {
			b = entry(b, uint16(0xE000+i), container.TypeASCII, maxText-1, at)
		}
		return append(put32(b, 0), bytes.Repeat([]byte(fill), maxText/len(fill))...)
	}
	numbers := func(id, typ uint16, size uint32, v byte) []byte {
		const tags = 500 // half a megabyte
		b := put16(header(8), tags)
		for i := range uint16(tags) {
			b = entry(b, id+i, typ, maxBinary/size, 8+2+tags*12+4)
		}
		return append(put32(b, 0), bytes.Repeat([]byte{v}, maxBinary)...)
	}
	short := put16(header(8), 16000)
	for i := range uint16(16000) {
		short = entry(short, 0xA500+i, container.TypeShort, 1, 1)
	}
	// the array with the longest words in the described style
	layout := dir(header(8), 0xC617, container.TypeShort, maxBinary/2, 26, 0)
	for range maxBinary / 2 {
		layout = put16(layout, 9)
	}
	for _, tc := range []struct {
		name  string
		file  []byte
		want  error
		alloc uint64
	}{
		{"16 texts of control characters", shared(16, "\x01"), ErrTooLarge, 2048 << 10},
		{"one text of control characters", shared(1, "\x01"), ErrTooLarge, 2048 << 10},
		{"3 texts of letters", shared(3, "a"), nil, 2048 << 10},
		{"4 texts of letters", shared(4, "a"), ErrTooLarge, 2048 << 10},
		{"one text of quotes", shared(1, `"`), nil, 2048 << 10},
		{"2 texts of quotes", shared(2, `"`), ErrTooLarge, 2048 << 10},
		{"2 texts of euros in latin1", shared(2, "\x80"), ErrTooLarge, 2048 << 10},
		{"16,000 short numbers", short, ErrTooLarge, 8192 << 10},
		{"arrays of bytes", numbers(0xE000, container.TypeByte, 1, 0xFF), ErrTooLarge, 2048 << 10},
		{"arrays of fractions", numbers(0xE000, container.TypeSRational, 8, 0xFF), ErrTooLarge, 2048 << 10},
		{"arrays of floats", numbers(0xE000, container.TypeDouble, 8, 0x81), ErrTooLarge, 5120 << 10},
		{"an array of long words", layout, nil, 2048 << 10},
	} {
		for name, style := range map[string]Style{"raw": Raw, "described": Described, "typed": Typed} {
			t.Run(tc.name+", "+name, func(t *testing.T) {
				o := Options{Style: style, Unknown: true}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				m, err := Decode(bytes.NewReader(tc.file), &o)
				var b []byte
				if err == nil {
					b, err = m.AppendJSON([]byte("kept"), &o)
					if err == nil && len(b) > len("kept")+maxJSON || err != nil && string(b) != "kept" {
						t.Errorf("got %d bytes with error %v", len(b), err)
					}
				}
				runtime.ReadMemStats(&after)
				want := tc.want
				if style == Described && tc.name == "arrays of floats" {
					want = nil // the described style has only the count of values
				}
				if !errors.Is(err, want) {
					t.Errorf("got error %v and %d bytes, want %v", err, len(b), want)
				}
				// decoded values, goexif's copies of them, and JSON in a slice that grows
				if n := after.TotalAlloc - before.TotalAlloc; n > tc.alloc && !raceDetector {
					t.Errorf("allocated %d bytes, want at most %d", n, tc.alloc)
				}
				if n := cap(b); n > 2*maxJSON {
					t.Errorf("got a slice of %d bytes for the JSON, want at most %d", n, 2*maxJSON)
				}
				t.Logf("%d bytes of file, %d of JSON, %d allocated", len(tc.file), len(b), after.TotalAlloc-before.TotalAlloc)
			})
		}
	}
	t.Run("a text is measured first", func(t *testing.T) {
		o := Options{Unknown: true}
		m, err := Decode(bytes.NewReader(shared(1, "\x01")), &o)
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = m.AppendJSON(nil, &o)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, ErrTooLarge) || n > 1<<12 {
			t.Errorf("got error %v, allocated %d bytes, want %v and at most 4 KiB", err, n, ErrTooLarge)
		}
	})
	t.Run("what Keep drops", func(t *testing.T) {
		o := Options{Unknown: true, Keep: func(name string) bool { return name == "UnknownTag_0xe003" }}
		m, err := Decode(bytes.NewReader(shared(4, "a")), &o)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(jsonOf(t, m, &o)); got != maxText-1+len(`{"UnknownTag_0xe003":""}`) {
			t.Errorf("got %d bytes, want the one text", got)
		}
	})
}

// TestEscapesInto compares the measured length of a text with the appended bytes.
func TestEscapesInto(t *testing.T) {
	for c := range rune(0x100) {
		s := strings.Repeat(string(c), 5)
		n := len(appendEscaped(nil, s))
		if !escapesInto(s, n) || escapesInto(s, n-1) {
			t.Errorf("%q: takes %d bytes, and is measured differently", s, n)
		}
	}
}
