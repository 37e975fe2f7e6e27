package redact

import (
	"bytes"
	"errors"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestFilmIsNoSound checks files that a look at the handlers of their tracks takes for sound, which passes unchanged, and
// that players show as films: FFmpeg, and so Chromium, heeds the last handler, or the coding if it doesn't know the handler.
func TestFilmIsNoSound(t *testing.T) {
	box, full := testimage.Box, testimage.FullBox
	film := func(brand string, more []byte, tracks ...[]byte) []byte {
		return cat(testimage.FileType(brand), box("moov", full("mvhd", 0, make([]byte, 96)), bytes.Join(tracks, nil), box("udta", []byte(slack))), more,
			box("mdat", make([]byte, 5000)))
	}
	var p places
	sound := slackTrack(&p, "", "soun", 1, slackSound(&p), 4, 1000)
	texts := func(entry []byte) []byte { return slackTrack(&p, "", "text", 2, entry, 4, 2000) }
	handler := func(typ string) []byte { return full("hdlr", 0, u32(0), []byte(typ), make([]byte, 13)) }
	again := bytes.Replace(sound, []byte("minf"), cat("minf", handler("vide")), 1)
	for _, at := range [][]byte{[]byte("minf"), []byte("mdia")} {
		i := bytes.Index(again, at) - 4
		be.PutUint32(again[i:], be.Uint32(again[i:])+uint32(len(handler("vide"))))
	}
	be.PutUint32(again, uint32(len(again)))
	twice := bytes.Replace(slackTrack(&p, "", "soun", 1, cat(slackSound(&p), slackSound(&p)), 4, 1000), cat("stsd", u32(0), u32(1)), cat("stsd", u32(0), u32(2)), 1)
	last := func(b []byte) []byte { // instead of the last box of the index
		return bytes.Replace(film("M4A ", nil, sound), box("udta", []byte(slack)), b, 1)
	}
	for _, x := range []struct {
		name  string
		data  []byte
		sound bool
	}{
		{"sound", film("M4A ", nil, sound), true},
		{"a handler that ends the index", last(box("hdlr", make([]byte, 8), []byte("soun"))), true},
		{"a handler that is cut off", last(box("free", make([]byte, 4), []byte("hdlr"), make([]byte, 4))), false},
		{"an audiobook", film("M4B ", nil, sound, texts(box("text", make([]byte, 60)))), true},
		{"pictures with the handler of texts", film("M4A ", nil, sound, texts(slackPictures(&p))), false},
		{"two handlers", film("M4A ", nil, again), false},
		{"two codings", film("M4A ", nil, twice), false},
		{"a second index", film("M4A ", box("moov", sound), sound), false},
		{"the brand of a film", film("mp42", nil, sound), false},
	} {
		plan, err := New(bytes.NewReader(x.data), "mp4", &Policy{})
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
		} else if plan.Unchanged() != x.sound {
			t.Errorf("%s: unchanged is %v", x.name, plan.Unchanged())
		}
	}
}

// TestSecondElementGoes checks Matroska's tracks that say twice what they are: FFmpeg takes the last, so texts could hide behind
// pictures.
func TestSecondElementGoes(t *testing.T) {
	number := func(id, v int) []byte { return ebml(id, []byte{byte(v)}) }
	entry := ebml(idTrackEntry, number(0xD7, 1), number(0xD7, 2), ebml(0x83, []byte("\x00\x00\x00\x00\x00\x00\x00\x01#")), number(0x83, 1), number(0x83, 17), ebml(0x86, []byte("V_VP8")), ebml(0x86, []byte("S_TEXT/UTF8")),
		ebml(0x6D80, ebml(0x6240, number(0x5031, 0)), ebml(0x6240, number(0x5031, 1)), ebml(0x6240, number(0x5033, 0), number(0x5033, 1))))
	data := cat(ebml(idEBML, ebml(0x4282, []byte("matroska"))), ebml(idSegment, ebml(idTracks, entry)))
	plan, err := New(bytes.NewReader(data), "mkv", &Policy{})
	if err != nil {
		t.Fatal(err)
	}
	got := redacted(t, plan, data)
	for _, x := range []struct {
		element []byte
		want    int
	}{
		{number(0xD7, 1), 1},
		{number(0xD7, 2), 0},
		{number(0x83, 1), 0},
		{number(0x83, 17), 0},
		{[]byte("V_VP8"), 1},
		{[]byte("S_TEXT"), 0},
		{u16(0x6240), 3},
		{number(0x5033, 0), 1},
		{number(0x5033, 1), 0},
	} {
		if n := bytes.Count(got, x.element); n != x.want {
			t.Errorf("%q is there %d times, want %d", x.element, n, x.want)
		}
	}
}

// TestConfigurationIsNoText checks the structures of Windows, and the configuration of decoders of AAC and MPEG video: only
// what a coding needs may follow their fields.
func TestConfigurationIsNoText(t *testing.T) {
	le := func(size, v int) (b []byte) {
		for range size {
			b, v = append(b, byte(v)), v>>8
		}
		return b
	}
	wave := func(coding int, more ...any) []byte {
		x := cat(more...)
		return cat(le(2, coding), le(2, 2), le(4, 44100), le(4, 176400), le(2, 4), le(2, 16), le(2, len(x)), x)
	}
	bitmap := func(coding string, bits int, more ...any) []byte {
		x := cat(more...)
		return cat(le(4, 40+len(x)), le(4, 64), le(4, 48), le(2, 1), le(2, bits), coding, le(4, 9216), make([]byte, 16), x)
	}
	unit := func(code byte, b ...any) []byte { return cat(0, 0, 1, int(code), cat(b...)) }
	const guid = "\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71"
	for _, x := range []struct {
		name  string
		keep  func(b []byte) int
		b     []byte
		stays int // so many bytes before the marker
	}{
		{"WAVEFORMAT", keepSoundFormat, cat(slack, "\x00\x00\x00\x00"), 0},
		{"PCM", keepSoundFormat, wave(1, slack), 0},
		{"MP3", keepSoundFormat, wave(0x55, "\x01\x00\x02\x00\x00\x00\x80\x04\x01\x00\x71\x05", slack), 12},
		{"text as MP3's numbers", keepSoundFormat, wave(0x55, slack), 0},
		{"text as WMA's numbers, in UTF-16", keepSoundFormat, wave(0x162, bytes.Join(bytes.Split([]byte(slack), nil), []byte{0})), 0},
		{"an unknown coding", keepSoundFormat, wave(0x1234, slack), 0},
		{"ADPCM", keepSoundFormat, wave(2, "\xF4\x07", coefficients, slack), 2 + len(coefficients)},
		{"text as coefficients", keepSoundFormat, wave(2, "\xF4\x07", slack, make([]byte, 20)), 0},
		{"extensible", keepSoundFormat, wave(0xFFFE, "\x10\x00\x03\x00\x00\x00", guid, slack), 22},
		{"text as a GUID", keepSoundFormat, wave(0xFFFE, "\x10\x00\x03\x00\x00\x00", slack, "1234"), 0},
		{"AAC", keepSoundFormat, wave(0xFF, 0x12, 0x10, slack), 2},
		{"AAC with SBR", keepAudioConfig, cat(0x13, 0x88, 0x56, 0xE5, 0xA0, slack), 5},
		{"AAC with SBR and PS", keepAudioConfig, cat(0x13, 0x88, 0x56, 0xE5, 0xA5, 0x48, 0x80, slack), 7},
		{"HE-AAC", keepAudioConfig, cat(0x2B, 0x92, 0x08, 0x00, slack), 4},
		{"AAC with a comment", keepAudioConfig, cat(0x12, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, len(slack), slack), 0},
		{"a picture", keepBitmapInfo, bitmap("XVID", 24, slack), 0},
		{"JPEG's header", keepBitmapInfo, bitmap("MJPG", 24, le(4, 44), le(4, 24), make([]byte, 20), slack), 28},
		{"colors of a picture without a table", keepBitmapInfo, cat(bitmap("MJPG", 8), slack, make([]byte, 1024)), 0},
		{"between the units", keepBitmapInfo, bitmap("XVID", 24, unit(0xB0, 0xF5), slack), 0},
		{"an unknown unit", keepBitmapInfo, bitmap("XVID", 24, unit(0xC0, slack)), 0},
		{"user data", keepBitmapInfo, bitmap("XVID", 24, unit(0xB0, 0xF5), unit(0xB2, slack)), 0},
		{"after a layer", keepBitmapInfo, bitmap("XVID", 24, "\x00\x00\x01\x20\x00\xC4\x8D\x88\x00\x2D\x02\x04\x06\x14\x43", slack), 11},
		{"after the sequence", keepBitmapInfo, bitmap("MPG2", 24, unit(0xB3, make([]byte, 8), slack)), 8},
		{"SEI of AVC", keepBitmapInfo, bitmap("H264", 24, unit(0x67, 1, 2, 3, 4), unit(6, slack)), 0},
		{"before the units", keepBitmapInfo, bitmap("H264", 24, slack, unit(0x67, 1, 2, 3, 4)), 0},
	} {
		b := bytes.Clone(x.b)
		n := x.keep(b)
		for i := range len(slack) - 5 {
			if text := slack[i : i+6]; bytes.Contains(b[:n], []byte(text)) || bytes.Contains(b[:n], bytes.Join(bytes.Split([]byte(text), nil), []byte{0})) {
				t.Fatalf("%s: got %q", x.name, b[:n])
			}
		}
		at := max(bytes.Index(x.b, []byte(slack)), 0)
		if want := x.b[at-x.stays : at]; x.stays > 0 && (n < at || !bytes.Equal(b[at-x.stays:at], want)) {
			t.Errorf("%s: got %q, want %q before the marker", x.name, b[:n], want)
		}
	}
	for name, b := range map[string][]byte{ // whole
		"FFV1":     bitmap("FFV1", 24, make([]byte, 42)),
		"colors":   cat(bitmap("\x00\x00\x00\x00", 8), bytes.Repeat([]byte{1, 2, 3, 0}, 256)),
		"XviD":     bitmap("XVID", 24, unit(0xB0, 0xF5), unit(0xB5, 9), unit(0x00), unit(0x20, 1, 2, 3), unit(0xB2, "XviD0050")),
		"AVC":      bitmap("H264", 24, unit(0x67, 1, 2, 3, 4), unit(0x68, 1, 2)),
		"WVC1":     bitmap("WVC1", 24, unit(0x0F, 1, 2, 3), unit(0x0E, 4, 5)),
		"HEVC":     bitmap("HEVC", 24, "\x00\x00\x01\x42\x01\x01\x01abc"),
		"tables":   bitmap("MPG2", 24, unit(0xB3, make([]byte, 8)), unit(0xB5, 0x3F, bytes.Repeat([]byte{16}, 256))),
		"WMV2":     bitmap("WMV2", 24, "2345"),
		"Lagarith": cat(bitmap("LAGS", 24), 4),
	} {
		got := bytes.Clone(b)
		if n := keepBitmapInfo(got); n != len(b) || !bytes.Equal(got, b) {
			t.Errorf("%s: got %q, want %q", name, got[:n], b)
		}
	}
}

// TestChunkOfAnotherKindGoes checks chunks of an AVI that say that a stream of pictures has sound, or the reverse: players skip
// them.
func TestChunkOfAnotherKindGoes(t *testing.T) {
	film := slackAVI(&places{})
	for was, is := range map[string]string{"01wb": "01dc", "00dc": "00wb", "02tx": "00pc"} {
		i := bytes.Index(film, []byte("movi"))
		i += bytes.Index(film[i:], []byte(was))
		data := cat(film[:i], is, u32(0x0D000000), slack, 0, 0, film[i:])
		plan, err := New(bytes.NewReader(data), "avi", &Policy{})
		if err != nil {
			t.Fatal(err)
		}
		checkNoMarker(t, data, redacted(t, plan, data))
	}
}

// TestPartThatPlayersIgnoreGoes puts the marker where a film's description has room that no decoder looks at.
func TestPartThatPlayersIgnoreGoes(t *testing.T) {
	box, full := testimage.Box, testimage.FullBox
	picture := func(typ string, boxes ...[]byte) []byte {
		return box(typ, make([]byte, 76), []byte{255, 255}, bytes.Join(boxes, nil))
	}
	sound := func(typ string, boxes ...[]byte) []byte { return box(typ, make([]byte, 28), bytes.Join(boxes, nil)) }
	esds := func(typ int, stream int, info []byte) []byte {
		return full("esds", 0, cat(3, 3+2+13+2+len(info), 0, 1, 0, 4, 13+2+len(info), typ, stream, 0, 0, 0, u32(0), u32(0), 5, len(info), info))
	}
	avcC := func(sps, pps []byte) []byte {
		return box("avcC", cat(1, 66, 0, 10, 0xFF, 0xE1, u16(len(sps)), sps, 1, u16(len(pps)), pps))
	}
	av1C := func(units ...any) []byte { return box("av1C", cat(0x81, 0, 0, 0, cat(units...))) }
	sequence := cat(0x0A, 4, 1, 2, 3, 4)
	streaminfo := cat(0x10, 0, 0x10, 0, make([]byte, 14))
	text := []byte(slack)
	hvcC := func(message []byte) []byte {
		return box("hvcC", cat(1, make([]byte, 21), 1, 0x27, u16(1), u16(2+len(message)+1), 39<<1, 1, message, 0x80))
	}
	for _, x := range []struct {
		name  string
		entry []byte
	}{
		{"glbl", picture("mp4v", box("glbl", text))},
		{"tables of JPEG", picture("avc1", avcC([]byte{0x67, 66, 0, 10}, []byte{0x68}), box("mjqt", text))},
		{"apvC", picture("vp09", box("apvC", text))},
		{"another sequence", picture("avc1", avcC(cat("g", text), []byte{0x68}))},
		{"a second header of AV1", picture("av01", av1C(sequence, 0x0A, len(text), text))},
		{"the display of AV1", picture("av01", av1C(sequence, 0x2A, 26, 2, text, make([]byte, 12), 0x80))},
		{"VPS of HEVC", picture("hvc1", box("hvcC", cat(1, make([]byte, 21), 1, 0x20, u16(1), u16(2+len(text)), 0x40, 1, text)))},
		{"SPS of HEVC", picture("hvc1", box("hvcC", cat(1, make([]byte, 21), 1, 0x21, u16(1), u16(2+len(text)), 0x42, 1, text)))},
		{"a header of AV1", picture("av01", av1C(0x0A, len(text), text))},
		{"chnl", sound("ipcm", full("chnl", 0, []byte{1, 0}, text))},
		{"chnl with a layout", sound("ipcm", full("chnl", 0, []byte{1, 6}, make([]byte, 9), text))},
		{"dec3", sound("ec-3", box("dec3", text))},
		{"the display of HEVC", picture("hvc1", hvcC(cat(137, 24, text, make([]byte, 12))))},
		{"3D displays of HEVC", picture("hvc1", hvcC(cat(176, 16, text, make([]byte, 4))))},
		{"the parts of a panorama", picture("avc1", box("sv3d", box("proj", full("equi", 0, text, make([]byte, 4)))))},
		{"dac4", sound("mp4a", esds(0x40, 0x15, []byte{0x12, 0x10}), box("dac4", text))},
		{"dapa in wave", sound("mp4a", box("wave", box("dapa", text)))},
		{"after AAC's configuration", sound("mp4a", esds(0x40, 0x15, cat(0x12, 0x10, text)))},
		{"MP3's configuration", sound("mp4a", esds(0x6B, 0x15, text))},
		{"JPEG's configuration", picture("mp4v", esds(0x6C, 0x11, text))},
		{"FLAC's checksum", sound("fLaC", full("dfLa", 0, cat(0x80, 0, 0, 34, streaminfo, text, make([]byte, 4))))},
		{"the channels of Opus", sound("Opus", box("dOps", cat(0, 12, 0, 0, u32(48000), 0, 0, 1, 1, 0, text)))},
		{"a sound of Windows", sound("ms\x00U", box("wave", box("ms\x00U", cat(0x55, 0, 2, 0, make([]byte, 12), 12, 0, text))))},
	} {
		handler := "vide"
		if len(x.entry) > 8 && coded(soundCodings, string(x.entry[4:8])) || x.entry[4] == 'm' && x.entry[5] == 's' {
			handler = "soun"
		}
		data := cat(testimage.FileType("qt  "), box("moov", full("mvhd", 0, make([]byte, 96)), slackTrack(&places{}, "", handler, 1, x.entry, 4, 1000, 1004),
			slackTrack(&places{}, "", "vide", 2, slackPictures(&places{}), 4, 1100, 1104)), box("mdat", make([]byte, 5000)))
		plan, err := New(bytes.NewReader(data), "mov", &Policy{})
		if errors.Is(err, ErrRefused) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Run(x.name, func(t *testing.T) { checkNoMarker(t, data, redacted(t, plan, data)) })
	}
	number := func(id, v int) []byte { return ebml(id, []byte{byte(v)}) }
	vorbis := func(rates string) []byte {
		first := cat("\x01vorbis", u32(0), 2, 0x44, 0xAC, 0, 0, rates, 0xB8, 1)
		second := cat("\x03vorbis", make([]byte, 9))
		return cat(2, len(first), len(second), first, second, vorbisTables)
	}
	for name, entry := range map[string][]byte{
		"ProjectionPrivate": cat(ebml(0x86, []byte("V_VP9")), ebml(0xE0, ebml(0x7670, number(0x7671, 1), ebml(0x7672, cat(u32(0), text, make([]byte, 4)))))),
		"A_AAC":             cat(ebml(0x86, []byte("A_AAC")), ebml(0x63A2, cat(0x12, 0x10, text))),
		"A_MS/ACM":          cat(ebml(0x86, []byte("A_MS/ACM")), ebml(0x63A2, cat(1, 0, 2, 0, make([]byte, 12), 12, 0, text))),
		"A_TTA1":            cat(ebml(0x86, []byte("A_TTA1")), ebml(0x63A2, cat("TTA1", text, make([]byte, 6)))),
		"A_FLAC":            cat(ebml(0x86, []byte("A_FLAC")), ebml(0x63A2, cat("fLaC", 0x80, 0, 0, 34, streaminfo, text, make([]byte, 4)))),
		"A_VORBIS":          cat(ebml(0x86, []byte("A_VORBIS")), ebml(0x63A2, vorbis(slack))),
		"V_MPEG4":           cat(ebml(0x86, []byte("V_MPEG4/ISO/ASP")), ebml(0x63A2, cat(0, 0, 1, 0xB0, 1, text))),
		"V_MS/VFW":          cat(ebml(0x86, []byte("V_MS/VFW/FOURCC")), ebml(0x63A2, cat(52, 0, 0, 0, make([]byte, 12), "XVID", make([]byte, 20), text))),
	} {
		typ := 2
		if name[0] == 'V' || name[0] == 'P' {
			typ = 1
		}
		data := cat(ebml(idEBML, ebml(0x4282, []byte("matroska"))), ebml(idSegment, ebml(idTracks, ebml(idTrackEntry, number(0xD7, 1), number(0x83, typ), entry))))
		plan, err := New(bytes.NewReader(data), "mkv", &Policy{})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { checkNoMarker(t, data, redacted(t, plan, data)) })
	}
}
