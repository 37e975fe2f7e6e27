package redact

import (
	"bytes"
	"testing"
)

// vorbisTables is the third header of Vorbis with one of each table.
const vorbisTables = "\x05vorbis" +
	"\x00\x42\x43\x56\x01\x00\x02\x00\x00\x00\x00\x00\x00\x00\x10\x00\x10\x00\x04\x40\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20"

// TestVorbisTablesEnd checks that nothing is left after the last bit of the tables, which decoders ignore, and that what aren't such
// tables is none.
func TestVorbisTablesEnd(t *testing.T) {
	if n := vorbisTablesLen([]byte(vorbisTables+slack), 1); n != len(vorbisTables) {
		t.Errorf("got %d bytes, want %d", n, len(vorbisTables))
	}
	for n := range len(vorbisTables) {
		if got := vorbisTablesLen([]byte(vorbisTables[:n]), 1); got != 0 {
			t.Errorf("cut off after %d bytes: got %d", n, got)
		}
	}
	private := cat(2, 30, 7+4+4+1, "\x01vorbis", make([]byte, 4), 1, make([]byte, 18), "\x03vorbis", make([]byte, 8), 1, vorbisTables, slack)
	if !keepXiph(private) || bytes.Contains(private, []byte(slack)) || !bytes.Contains(private, []byte(vorbisTables)) {
		t.Errorf("got %q", private)
	}
	for n, want := range map[int]int{1: 1, 15: 3, 16: 4, 17: 4} {
		if got := rootOf(n, 2); got != want {
			t.Errorf("the root of %d: got %d, want %d", n, got, want)
		}
	}
}
