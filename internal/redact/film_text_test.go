package redact

import (
	"bytes"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// checkHidden checks that a marker isn't in what becomes of a film, or that the film is refused.
func checkHidden(t *testing.T, name string, data []byte, marker string) {
	t.Helper()
	if !bytes.Contains(data, []byte(marker)) {
		t.Errorf("%s: the film doesn't have the marker", name)
	}
	var out bytes.Buffer
	if err := Copy(&out, bytes.NewReader(data), &Policy{}); err == nil && bytes.Contains(out.Bytes(), []byte(marker)) {
		t.Errorf("%s: the marker stays", name)
	}
}

// TestLanguageIsNoText checks the tags of languages.
func TestLanguageIsNoText(t *testing.T) {
	for tag, is := range map[string]bool{"fr": true, "zh-Hant-TW": true, "es-419": true, "48858222-294": false, "jane-at-home": false, "somewhere": false} {
		if keepLanguageTag(&box{body: cat(u32(0), tag, 0)}) != is {
			t.Errorf("%s: a language is %v", tag, is)
		}
	}
}

// TestTablesOfSamplesAreNoText puts texts where no sample gives a number a meaning.
func TestTablesOfSamplesAreNoText(t *testing.T) {
	box, full := testimage.Box, testimage.FullBox
	film := func(edits, tables []byte) []byte {
		return cat(testimage.FileType("isom"), box("moov", full("mvhd", 0, make([]byte, 96)), box("trak", full("tkhd", 0, make([]byte, 8), u32(1), make([]byte, 68)), edits, box("mdia",
			full("mdhd", 0, make([]byte, 8), u32(1000), make([]byte, 8)), full("hdlr", 0, u32(0), []byte("vide"), make([]byte, 13)), box("minf", full("vmhd", 0, make([]byte, 8)), box("stbl",
				full("stsd", 0, u32(1), slackPictures(&places{})), tables, full("stsz", 0, u32(0), u32(1), u32(4))))))), box("mdat", make([]byte, 5000)))
	}
	once, chunk, chunks := full("stts", 0, u32(1), u32(1), u32(10)), full("stsc", 0, u32(1), u32(1), u32(1), u32(1)), full("stco", 0, u32(1), u32(1000))
	checkHidden(t, "an edit", film(box("edts", full("elst", 0, u32(1), []byte(slack[:8]), u32(1<<16))), cat(once, chunk, chunks)), slack[:8])
	checkHidden(t, "durations of no sample", film(nil, cat(full("stts", 0, u32(2), u32(0), []byte("\x00GPS"), u32(1), u32(10)), chunk, chunks)), "\x00GPS")
	offsets := full("stco", 0, u32(4), []byte(slack), u32(1000))
	checkHidden(t, "chunks before the first samples", film(nil, cat(once, full("stsc", 0, u32(1), u32(4), u32(1), u32(1)), offsets)), slack)
	checkHidden(t, "chunks without samples", film(nil, cat(once, full("stsc", 0, u32(2), u32(1), u32(0), u32(1), u32(4), u32(1), u32(1)), offsets)), slack)
	for typ, group := range sampleGroups {
		if n := group.size; n > 0 {
			b := cat(slack, make([]byte, 8))[:max(12, n)]
			sgpd := full("sgpd", 1, []byte(typ), u32(n), u32(len(b)/n), b)
			checkHidden(t, typ, film(nil, cat(once, chunk, chunks, sgpd)), slack)
		}
	}
	run := full("trun", 0, u32(0), []byte(slack[:8]))
	run[11] = 1 | 4
	checkHidden(t, "a run", cat(box("styp", []byte("msdh"), u32(0)), box("moof", full("mfhd", 0, u32(1)), box("traf", full("tfhd", 0, u32(1)), run)), box("mdat", []byte(frame))), slack[:8])

	data := film(nil, cat(once, chunk, full("stsz", 0, u32(4), u32(3)), full("stco", 0, u32(3), []byte(slack))))
	data = cat(data, box("moof", full("mfhd", 0, u32(1)), box("traf", full("tfhd", 0, u32(1)))))
	plan, err := New(beginning{data, len(data) - 10}, "mp4", &Policy{})
	if err != nil || plan.Ranged() {
		t.Fatalf("got %v, want a plan for the film as it streams", err)
	}
	if bytes.Contains(redacted(t, plan, data), []byte(slack)) {
		t.Error("offsets of a film that streams: the marker stays")
	}
}
