package redact

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
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

// filmOf returns a film with one track, whose samples an entry describes.
func filmOf(handler string, entry []byte) []byte {
	return cat(testimage.FileType("isom"), testimage.Box("moov", testimage.FullBox("mvhd", 0, make([]byte, 96)), slackTrack(&places{}, "", handler, 1, entry, 4, 1000, 1004)),
		testimage.Box("mdat", make([]byte, 5000)))
}

// TestDescriptionsOfSamplesAreNoText puts texts where a description of samples has numbers.
func TestDescriptionsOfSamplesAreNoText(t *testing.T) {
	part, full := testimage.Box, testimage.FullBox
	picture := func(typ string, boxes ...[]byte) []byte {
		return filmOf("vide", part(typ, make([]byte, 76), []byte{255, 255}, bytes.Join(boxes, nil)))
	}
	sound := func(typ string, boxes ...[]byte) []byte {
		return filmOf("soun", part(typ, make([]byte, 28), bytes.Join(boxes, nil)))
	}
	esds := func(typ int, info string) []byte {
		decoder := cat(4, 13+2+len(info), typ, 0x11, 0, 0, 0, u32(0), u32(0), 5, len(info), info)
		return full("esds", 0, cat(3, 3+len(decoder), 0, 1, 0, decoder))
	}
	wide := string(bytes.Join(bytes.Split([]byte(slack), nil), []byte{0}))
	for _, text := range []string{slack, "+51.4778-000", wide} {
		for _, typ := range decoderTypes {
			checkHidden(t, "esds of pictures", picture("mp4v", esds(int(typ), text)), text)
			checkHidden(t, "esds of sound", sound("mp4a", esds(int(typ), text)), text)
		}
		checkHidden(t, "USAC", sound("mp4a", esds(0x40, "\xF9\x4A"+text)), text)
		checkHidden(t, "the second layout of sound", filmOf("soun", part("lpcm", make([]byte, 8), u16(2), make([]byte, 18), u32(72), cat(text, make([]byte, 32))[:32], make([]byte, 20))), text)
		checkHidden(t, "apvC", picture("apv1", part("apvC", cat(text))), text)
		checkHidden(t, "glbl", picture("FFV1", part("glbl", cat(text))), text)
		checkHidden(t, "vvcC", picture("vvc1", part("vvcC", cat(u32(0), 0xFF, 0, 0x10, 0, len(text), 0, 0, text, 0, make([]byte, 6), 0))), text)
		checkHidden(t, "profiles of vvcC", picture("vvc1", part("vvcC", cat(u32(0), 0xFF, 0, 0x10, 0, 1, 0, 0, 0, len(text)/4, text, make([]byte, 6), 0))), text)
		checkHidden(t, "mjqt", picture("jpeg", part("mjqt", cat(u32(0), text))), text)
		checkHidden(t, "mjht", picture("jpeg", part("mjht", cat(u32(0), text))), text)
		checkHidden(t, "SMI", picture("SVQ3", part("SMI ", cat("SEQH", u32(len(text)), text))), text)
		checkHidden(t, "dac4", sound("ac-4", part("dac4", cat(text))), text)
		checkHidden(t, "dawp", sound("sawp", part("dawp", cat(text))), text)
		checkHidden(t, "dapa", sound("apac", part("dapa", cat(text))), text)
		checkHidden(t, "QDCA", sound("QDM2", part("wave", part("QDCA", cat(text)))), text)
		checkHidden(t, "mhaC", sound("mha1", part("mhaC", cat(1, 11, 0, 0, len(text), text))), text)
		checkHidden(t, "ddts", sound("dtsc", part("ddts", cat(make([]byte, 12), text[:8]))), text[:8])
		checkHidden(t, "channels that a layout lacks", sound("ipcm", full("chnl", 0, cat(1, 2, text[:8]))), text[:8])
	}
	const cyrillic = "\xD0\x9C\xD0\xBE\xD1\x81\xD0\xBA\xD0\xB2\xD0\xB0"
	checkHidden(t, "ALAC", sound("alac", part("alac", make([]byte, 28), u32(24), []byte("chan"), []byte(slack), u32(0))), slack)
	checkHidden(t, "colors", filmOf("vide", part("rle ", make([]byte, 74), u16(8), u16(0), u32(0), u16(0), u16(1), []byte(slack), u32(0))), slack)
	checkHidden(t, "evcC", picture("evc1", part("evcC", cat(1, slack, make([]byte, 5)))), slack)
	checkHidden(t, "cclv", picture("avc1", part("cclv", cat(0x1C, slack))), slack)
	checkHidden(t, "dac4 in Russian", sound("ac-4", part("dac4", cat(cyrillic))), cyrillic)
	checkHidden(t, "loudspeakers", sound("ipcm", full("chnl", 0, cat(1, 0, cyrillic))), cyrillic)
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

	mfra := box("mfra", full("tfra", 0, u32(1), u32(63), u32(1), u32(0), u32(0), []byte(slack)))
	checkHidden(t, "places of fragments", cat(box("styp", []byte("msdh"), u32(0)), box("moof", full("mfhd", 0, u32(1))), mfra), slack)
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

// TestFramesHaveOnlyTheirTables puts texts in segments of a frame of motion JPEG, and in tables that its scan doesn't use.
func TestFramesHaveOnlyTheirTables(t *testing.T) {
	table := cat(0, bytes.Repeat([]byte{1}, 64))
	size, scan := cat("\xFF\xC0\x00\x0B\x08\x00\x08\x00\x08\x01\x01\x11\x00"), cat("\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00", frame, "\xFF\xD9")
	codes := cat(make([]byte, 7), len(slack), make([]byte, 8), slack)
	numbers := bytes.Repeat([]byte(slack), 6)[:64]
	for _, x := range [][]byte{
		testimage.Segment(0xDB, cat(3, numbers)), cat(testimage.Segment(0xDB, cat(0, numbers)), testimage.Segment(0xDB, table)),
		testimage.Segment(0xC4, cat(0x11, codes)), testimage.Segment(0xCC, []byte{0, slack[0], 1, slack[1]}), cat(testimage.Segment(0xDD, []byte(slack[:2])), "\xFF\xDD\x00\x04\x00\x00"),
	} {
		var got bytes.Buffer
		w := newWriter(&got, redactFrame)
		_, _ = w.Write(cat("\xFF\xD8", x, size, scan))
		w.Close()
		if n := len(x) + 2; bytes.ContainsAny(got.Bytes()[2:n], slack[:2]) || !bytes.HasSuffix(got.Bytes(), cat(size, scan)) {
			t.Errorf("%q: got %q", x, got.Bytes())
		}
	}
	for _, x := range []struct {
		marker int
		fields []byte
	}{{0xC0, cat(8, 0, 8, 0, 8, 1, 1, 0x11, 0)}, {0xC4, nil}, {0xC8, nil}, {0xCC, nil}, {0xDA, cat(1, 1, 0, 0, 63, 0)}, {0xDC, cat(0, 8)}, {0xDE, nil}, {0xDF, nil}} {
		data := cat("\xFF\xD8\xFF", x.marker, u16(2+len(x.fields)+len(slack)), x.fields, slack, "\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00", frame, "\xFF\xD9")
		var got bytes.Buffer
		w := newWriter(&got, redactFrame)
		_, _ = w.Write(data)
		w.Close()
		if bytes.Contains(got.Bytes(), []byte(slack)) || !bytes.Contains(got.Bytes(), cat(x.fields)) || !bytes.Contains(got.Bytes(), []byte(frame)) {
			t.Errorf("%X: got %q", x.marker, got.Bytes())
		}
	}
}

// TestCodestreamsInFilmsTellNothing redacts frames of JPEG 2000 with a comment, alone and in boxes.
func TestCodestreamsInFilmsTellNothing(t *testing.T) {
	film := codestreamFile(0)
	at := bytes.Index(film, []byte("\xFF\x4F\xFF\x51"))
	frame := bytes.Clone(film[at:])
	i := bytes.Index(frame, []byte("\xFF\x90"))
	frame = slices.Concat(frame[:i], cat("\xFF\x64", u16(4+len(slack)), 0, 1, slack), frame[i:])
	for _, data := range [][]byte{frame, testimage.Box("jp2c", frame), cat(testimage.Box("jp2c", frame), testimage.Box("jp2c", frame))} {
		var got bytes.Buffer
		w := newWriter(&got, func(s *stream) error { return redactCodestreams(s, int64(len(data))) })
		_, _ = w.Write(data)
		w.Close()
		if bytes.Contains(got.Bytes(), []byte(slack)) || bytes.Count(got.Bytes(), []byte("COLOURS-OF-THE-PICTURE")) != max(1, bytes.Count(data, []byte("jp2c"))) {
			t.Errorf("got %q", got.Bytes())
		}
	}
}

// TestAVIsOfManyCodingsTellNothing redacts AVIs whose frames are JPEGs by other names, or other files, or whose decoders' tables are
// texts.
func TestAVIsOfManyCodingsTellNothing(t *testing.T) {
	chunk := testimage.RIFFChunk
	list := func(typ string, chunks ...[]byte) []byte { return chunk("LIST", cat(typ, bytes.Join(chunks, nil))) }
	film := func(coding string, tables, frame []byte) []byte {
		info := cat(le32(40+len(tables)), le32(16), le32(16), 1, 0, 24, 0, coding, make([]byte, 20), tables)
		return chunk("RIFF", cat("AVI ", list("hdrl", chunk("avih", make([]byte, 56)), list("strl", chunk("strh", cat("vids", coding, make([]byte, 48))), chunk("strf", info))), list("movi", chunk("00dc", frame))))
	}
	jpeg := cat("\xFF\xD8\xFF\xFE", u16(2+len(slack)), slack, "\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00", frame, "\xFF\xD9")
	for _, coding := range slices.Concat(motionJPEGs, motionJPEG2000s, fileCodings) {
		checkHidden(t, coding, film(coding, nil, jpeg), slack)
	}
	for _, x := range tableLengths {
		for _, coding := range strings.Fields(x.codings) {
			checkHidden(t, coding, film(coding, cat(make([]byte, 20), slack), []byte(frame)), slack)
			checkHidden(t, coding, film(coding, cat(make([]byte, 4), slack), []byte(frame)), slack)
		}
	}
	// two tables: 256 codes of 8 bits, then a code of 1 bit, one of 2, ..., and the rest with none
	tables := cat(0, 24, 0, 0, 8, 255, 8|1<<5, 1|1<<5, 2|1<<5, 3|1<<5, 3|1<<5, 0, 252)
	if n := huffmanLen(cat(tables, slack)); n != len(tables) {
		t.Errorf("got %d bytes, want %d", n, len(tables))
	}
}

// TestMatroskaHasNoTextForNobody puts texts in elements of Matroska that no player of the track reads.
func TestMatroskaHasNoTextForNobody(t *testing.T) {
	number := func(id, v int) []byte { return ebml(id, []byte{byte(v)}) }
	film := func(codec string, typ int, more ...[]byte) []byte {
		block := ebml(idBlockGroup, ebml(idBlock, cat(0x81, 0, 0, 0x80, frame)), ebml(idBlockAdditions, ebml(idBlockMore, number(idBlockAddID, 1), ebml(idBlockAddition, []byte("ADDITIONAL12")))))
		return cat(ebml(idEBML, ebml(0x4282, []byte("matroska"))), ebml(idSegment, ebml(idTracks, ebml(idTrackEntry, number(idTrackNumber, 1), number(idTrackType, typ), ebml(idCodec, []byte(codec)), bytes.Join(more, nil))),
			ebml(idCluster, number(0xE7, 0), block)))
	}
	encoding := func(scope, algorithm int, settings string) []byte {
		return ebml(idEncodings, ebml(0x6240, number(0x5032, scope), ebml(0x5034, number(0x4254, algorithm), ebml(0x4255, []byte(settings)))))
	}
	checkHidden(t, "settings of zlib", film("V_VP8", 1, encoding(1, 0, slack)), slack)
	checkHidden(t, "settings for no frame", film("V_VP8", 1, encoding(2, 3, slack)), slack)
	checkHidden(t, "a text before each frame", film("V_VP8", 1, encoding(1, 3, slack)), slack)
	checkHidden(t, "FFV1", film("V_FFV1", 1, ebml(idCodecPrivate, cat(0, 0, 0, 0, slack))), slack)
	checkHidden(t, "an addition", film("V_MPEG4/ISO/AVC", 1, ebml(idVideo, number(idAlphaMode, 1))), "ADDITIONAL12")
	checkHidden(t, "a language", film("A_AAC", 2, ebml(idLanguageTag, []byte("jane-at-home"))), "jane-at-home")
	tta := cat("TTA1", 1, 0, 2, 0, 16, 0, 0x44, 0xAC, 0, 0, slack[:8])
	checkHidden(t, "TTA", film("A_TTA1", 2, ebml(idCodecPrivate, tta)), slack[:8])
	binary.LittleEndian.PutUint32(tta[18:], crc32.ChecksumIEEE(tta[:18]))
	for _, data := range [][]byte{film("V_VP8", 1, encoding(1, 3, "\x0B\x77")), film("A_TTA1", 2, ebml(idCodecPrivate, tta))} {
		var out bytes.Buffer
		if err := Copy(&out, bytes.NewReader(data), &Policy{}); err != nil || !bytes.Contains(out.Bytes(), data[bytes.Index(data, u32(idTracks)):][:80]) {
			t.Errorf("got %q, %v", out.Bytes(), err)
		}
	}
}
