package exif

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// The files below are made to hurt a decoder that believes what it reads. Each says what it does.

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

// entry is a directory entry with the 4 bytes of its value or offset.
func entry(b []byte, id, typ uint16, count, value uint32) []byte {
	return put32(put16(b, id, typ), count, value)
}

// dir is a directory of one entry.
func dir(b []byte, id, typ uint16, count, value, next uint32) []byte {
	return put32(entry(put16(b, 1), id, typ, count, value), next)
}

func hostileTIFFs() map[string]struct {
	file []byte
	want string // the answer, or an error's text
} {
	type file = struct {
		file []byte
		want string
	}
	const invalid, none = "none of it can be read", "{}"

	// two directories that point at each other: 44 bytes that make goexif loop for ever
	ring := dir(header(8), 0x0112, typeShort, 1, 6, 26)
	ring = dir(ring, 0x0112, typeShort, 1, 3, 8)

	many := put16(header(8), 65535)
	for i := range 65535 {
		many = entry(many, uint16(i), typeShort, 1, 1)
	}

	// each directory claims to be every other one, and itself
	var nest []byte
	nest = put16(header(8), 5)
	for _, id := range []uint16{exifPointer, gpsPointer, interopPointer, 0x014A, 0x0112} {
		nest = entry(nest, id, typeLong, 1, 8)
	}
	nest = put32(nest, 8)

	// a chain of directories, each one's pointer leading to the next
	chain := header(8)
	for i := range 1000 {
		chain = dir(chain, []uint16{exifPointer, interopPointer, gpsPointer, 0x014A}[i%4], typeLong, 1, uint32(8+18*(i+1)), uint32(8+18*(i+1)))
	}

	// one long text, pointed at by every entry: a large answer from a small file
	var bomb []byte
	bomb = put16(header(8), 4000)
	for i := range 4000 {
		bomb = entry(bomb, uint16(0xE000+i), typeASCII, maxText-1, uint32(8+2+4000*12+4))
	}
	bomb = put32(bomb, 0)
	bomb = append(bomb, bytes.Repeat([]byte("A"), maxText)...)

	big := append([]byte("II\x2b\x00\x08\x00\x00\x00"), 0x10, 0, 0, 0, 0, 0, 0, 0)
	big = append(big, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF) // 2^64-1 entries
	big = append(big, bytes.Repeat([]byte{0x12, 0x01, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0}, 3)...)

	endless := append([]byte("II\x2b\x00\x08\x00\x00\x00"), 0x10, 0, 0, 0, 0, 0, 0, 0)
	endless = append(endless, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F)
	endless = append(endless, make([]byte, 20*(maxEntries+10))...)

	return map[string]file{
		"two directories in a ring":        {ring, `{"Orientation":"6","ThumbOrientation":"3"}`},
		"directory pointing at itself":     {dir(header(8), 0x0112, typeShort, 1, 6, 8), `{"Orientation":"6"}`},
		"IFD0 in the header":               {header(0), invalid},
		"count 0x40000001 of LONG":         {dir(header(8), 0x0111, typeLong, 0x40000001, 8, 0), none},
		"count 0x40000001 of a text":       {dir(header(8), 0x010F, typeASCII, 0x40000001, 8, 0), none},
		"count 0xFFFFFFFF":                 {dir(header(8), 0x010F, typeASCII, 0xFFFFFFFF, 8, 0), none},
		"count 0xFFFFFFFF of DOUBLE":       {dir(header(8), 0x0112, typeDouble, 0xFFFFFFFF, 8, 0), none},
		"count of two kilobytes, one left": {append(dir(header(8), 0x010F, typeASCII, 2048, 26, 0), make([]byte, 1024)...), invalid},
		"65,535 entries":                   {many, "*"},
		"65,535 entries, none there":       {put16(header(8), 65535), invalid},
		"every pointer at IFD0":            {nest, `{"Orientation":"8"}`},
		"a chain of sub-directories":       {chain, none},
		"offset of IFD0 past the end":      {header(0xFFFFFFF0), invalid},
		"offset of a value past the end":   {dir(header(8), 0x010F, typeASCII, 100, 0xFFFFFFF0, 0), invalid},
		"offset that wraps around":         {dir(header(8), 0x010F, typeASCII, 0xFFFF, 0xFFFFFFFF, 0), invalid},
		"zero-length numbers":              {dir(header(8), 0x0112, typeShort, 0, 0, 0), invalid},
		"zero-length text":                 {dir(header(8), 0x010F, typeASCII, 0, 0, 0), `{"Make":""}`},
		"type 0":                           {dir(header(8), 0x0112, 0, 1, 6, 0), invalid},
		"type 0xFFFF":                      {dir(header(8), 0x0112, 0xFFFF, 1, 6, 0), invalid},
		"one text 4,000 times":             {bomb, "{}"},
		"BigTIFF with 2^64-1 entries":      {big, `{"Orientation":"6"}`},
		"BigTIFF that goes on and on":      {endless, "larger than can be read"},
		"header alone":                     {header(8), invalid},
	}
}

// TestHostileTIFF has each of them answered in no time and with next to no memory, as a TIFF and as
// the EXIF of a JPEG.
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
					got := answerOf(f, &Options{Unknown: unknown})
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

// slow makes room in time limits: the race detector and other jobs on the machine cost time that
// says nothing of the code.
const slow = 50

// heapOf is by how many bytes an answer and what it was made from make the heap grow.
func heapOf(f []byte, o *Options) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	m, err := Decode(bytes.NewReader(f), o)
	var b []byte
	if err == nil {
		b = m.AppendJSON(nil, o)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(m)
	runtime.KeepAlive(b)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func answerOf(f []byte, o *Options) string {
	m, err := Decode(bytes.NewReader(f), o)
	if err != nil {
		return err.Error()
	}
	return string(m.AppendJSON(nil, o))
}
