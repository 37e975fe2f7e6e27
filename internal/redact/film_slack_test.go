package redact

import (
	"bytes"
	"compress/flate"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

const slack = "SECRETMARKER" // the bytes that are put in each place

// places puts the marker in one of the places that a builder names.
type places struct {
	chosen string
	all    []string
}

// add returns the marker if the place is the chosen one, else nothing.
func (p *places) add(name string) []byte {
	p.all = append(p.all, name)
	if name == p.chosen {
		return []byte(slack)
	}
	return nil
}

// in returns n zeros, with the marker at their start if the place is the chosen one.
func (p *places) in(name string, n int) []byte {
	b := make([]byte, n)
	copy(b, p.add(name))
	return b
}

// fill returns the marker if the place is the chosen one, else b.
func (p *places) instead(name string, b []byte) []byte {
	if x := p.add(name); x != nil {
		return x
	}
	return b
}

const frame = "PICTURE-DATA-OF-A-FRAME"

// slackTrack is a track with two samples of a length, each a chunk.
func slackTrack(p *places, name, handler string, id int, entry []byte, length int, at ...int) []byte {
	in := func(place string) string { return name + " " + place }
	full, box := testimage.FullBox, testimage.Box
	header := full("vmhd", 0, make([]byte, 8), p.add(in("media header")))
	if handler == "soun" {
		header = full("smhd", 0, make([]byte, 4), p.add(in("media header")))
	}
	offsets := u32(len(at))
	for _, off := range at {
		offsets = append(offsets, u32(off)...)
	}
	extra := func(place string, n int) (count int, b []byte) { // an entry more than there are samples
		if b := p.add(in(place)); b != nil {
			return 12 / n, b
		}
		return 0, nil
	}
	stts, sttsMore := extra("stts entry", 8)
	stsc, stscMore := extra("stsc entry", 12)
	stsz, stszMore := extra("stsz entry", 4)
	stss, stssMore := extra("stss entry", 4)
	return box("trak",
		full("tkhd", 0, p.in(in("tkhd times"), 12)[4:], u32(id), make([]byte, 4), u32(20), p.in(in("tkhd reserved"), 12)[4:], make([]byte, 52), p.add(in("tkhd"))),
		box("edts", full("elst", 0, u32(1), u32(20), u32(0), u32(1<<16), p.add(in("elst"))), box("more", p.add(in("edts")))),
		box("tref", box("cdsc", u32(3)), box("note", p.add(in("tref")))),
		box("mdia",
			full("mdhd", 0, make([]byte, 8), u32(1000), u32(20), u16(0x15C7), p.in(in("mdhd"), 12)[:2], p.add(in("mdhd after"))),
			full("hdlr", 0, u32(0), []byte(handler), p.in(in("hdlr reserved"), 12), []byte("name"), p.add(in("hdlr name")), []byte{0}),
			box("minf", header,
				box("dinf", full("dref", 0, u32(1), full("url ", 0)[:11], []byte{1}, p.add(in("dref")))),
				box("stbl",
					full("stsd", 0, u32(1), entry, p.add(in("stsd"))),
					full("stts", 0, u32(1+stts), u32(2), u32(10), sttsMore, p.add(in("stts"))),
					full("stsc", 0, u32(1+stsc), u32(1), u32(1), u32(1), stscMore, p.add(in("stsc"))),
					full("stsz", 0, u32(0), u32(2+stsz), u32(length), u32(length), stszMore, p.add(in("stsz"))),
					full("stss", 0, u32(1+stss), u32(1), stssMore, p.add(in("stss"))),
					full("sdtp", 0, []byte{0x20, 0x10}, p.add(in("sdtp"))),
					full("sgpd", 1, []byte("roll"), u32(2), u32(1), u16(1), p.add(in("sgpd"))),
					full("sbgp", 0, []byte("roll"), u32(1), u32(2), u32(1), p.add(in("sbgp"))),
					full("stco", 0, offsets, p.add(in("stco"))),
					box("more", p.add(in("stbl"))))),
			box("udta", p.add(in("mdia")))),
		box("udta", p.add(in("udta"))), box("meta", p.add(in("meta"))), box("uuid", make([]byte, 16), p.add(in("uuid"))),
		p.add(in("trak")))
}

func slackPictures(p *places) []byte {
	sps, pps := []byte{0x67, 66, 0, 10, 1}, []byte{0x68, 1}
	avcC := cat(1, 66, 0, 10, 0xFF, 0xE1, u16(len(sps)), sps, 1, u16(len(pps)), pps, p.add("avcC"))
	return testimage.Box("avc1",
		make([]byte, 6), u16(1), p.in("vendor", 16), u16(16), u16(16), u32(0x480000), u32(0x480000), p.in("data size", 12)[8:], u16(1),
		p.in("compressor", 32), u16(24), []byte{0xFF, 0xFF},
		testimage.Box("avcC", avcC), testimage.Box("pasp", u32(1), u32(1), p.add("pasp")), testimage.Box("colr", []byte("nclx\x00\x01\x00\x01\x00\x01\x80"), p.add("colr")),
		testimage.Box("btrt", make([]byte, 12), p.add("btrt")), testimage.Box("note", p.add("picture entry")), p.add("after picture boxes"))
}

func slackSound(p *places) []byte {
	decoder := cat(4, 13+4+len(p.add("esds decoder")), 0x40, 0x15, 0, 0, 0, u32(0), u32(0), 5, 2, 0x12, 0x10, p.instead("esds decoder", nil))
	sl := cat(6, 1+len(p.add("esds SL")), 2, p.instead("esds SL", nil))
	es := cat(3, 3+len(decoder)+len(sl)+len(p.add("esds stream")), 0, 1, 0, decoder, sl, p.instead("esds stream", nil))
	return testimage.Box("mp4a", make([]byte, 6), u16(1), make([]byte, 8), u16(2), u16(16), make([]byte, 4), cat(0xBB, 0x80, 0, 0),
		testimage.FullBox("esds", 0, es, p.add("esds")), testimage.Box("note", p.add("sound entry")), p.add("after sound boxes"))
}

// slackFilm returns a film with places for the marker.
func slackFilm(p *places) []byte {
	box, full := testimage.Box, testimage.FullBox
	ftyp := box("ftyp", []byte("isom"), u32(512), []byte("isomavc1"), p.add("brands"))
	build := func(at int) []byte {
		gap := len(slack)
		step := len(frame) + gap
		p.all = nil
		moov := box("moov",
			full("mvhd", 0, p.in("mvhd times", 12)[4:], u32(1000), u32(20), u32(1<<16), u16(0x100), p.in("mvhd reserved", 10), make([]byte, 36),
				p.in("mvhd predefined", 24), u32(4), p.add("mvhd")),
			slackTrack(p, "picture", "vide", 1, slackPictures(p), len(frame), at, at+step),
			slackTrack(p, "sound", "soun", 2, slackSound(p), len(frame), at+2*step, at+3*step),
			slackTrack(p, "place", "meta", 3, box("mett", make([]byte, 6), u16(1), p.add("place entry")), gap, at+4*step, at+4*step+gap),
			box("iods", p.add("iods")), box("udta", p.add("udta")), box("meta", p.add("meta")), box("free", p.add("moov free")), p.add("moov"))
		data := []byte{}
		for range 4 {
			data = cat(data, frame, p.in("between samples", gap))
		}
		data = cat(data, p.in("removed samples", gap), p.in("removed samples", gap), p.add("end of mdat"))
		return cat(ftyp, box("free", p.add("free")), box("skip", p.add("skip")), moov, box("mdat", data), box("moov", p.add("second moov")),
			box("gps ", p.add("gps")), box("uuid", make([]byte, 16), p.add("uuid")), box("meta", p.add("top meta")), p.add("after the last box"))
	}
	film := build(0)
	return build(bytes.Index(film, []byte(frame)))
}

// slackFragments returns a film in fragments with places for the marker, without the initialization segment if alone.
func slackFragments(alone bool) func(p *places) []byte {
	return func(p *places) []byte {
		box, full := testimage.Box, testimage.FullBox
		track := func(name, handler string, id int, entry []byte) []byte {
			empty := func(typ string) []byte { return full(typ, 0, u32(0)) }
			return box("trak", full("tkhd", 0, make([]byte, 8), u32(id), make([]byte, 68)), box("mdia",
				full("mdhd", 0, make([]byte, 8), u32(1000), make([]byte, 8)), full("hdlr", 0, u32(0), []byte(handler), make([]byte, 13)),
				box("minf", full("vmhd", 0, make([]byte, 8)), box("dinf", full("dref", 0, u32(1), full("url ", 0)[:11], []byte{1})),
					box("stbl", full("stsd", 0, u32(1), entry), empty("stts"), empty("stsc"), full("stsz", 0, u32(0), u32(0)), empty("stco")))))
		}
		trex := func(id, size int) []byte {
			return full("trex", 0, u32(id), u32(1), u32(10), u32(size), u32(0), p.add("trex"))
		}
		start := []byte{}
		if !alone {
			start = cat(testimage.FileType("iso5", "iso5", "dash"), box("moov", full("mvhd", 0, make([]byte, 96)),
				track("picture", "vide", 1, slackPictures(p)), track("place", "meta", 3, box("mett", make([]byte, 8))),
				box("mvex", full("mehd", 0, u32(20), p.add("mehd")), trex(1, len(frame)), trex(3, len(slack)), box("leva", p.add("mvex")))))
		}
		fragment := func() []byte {
			build := func(at int) []byte {
				gap := len(slack)
				place := []byte{}
				if !alone {
					header, run := full("tfhd", 0, u32(3)), full("trun", 0, u32(1), u32(at+2*len(frame)+gap))
					header[9], run[11] = 2, 1
					place = box("traf", header, run, box("uuid", p.add("removed traf")))
				}
				tfhd := full("tfhd", 0, u32(1), u32(len(frame)), p.add("tfhd"))
				tfhd[9], tfhd[11] = 2, 0x10 // default-base-is-moof, the size of a sample
				trun := full("trun", 0, u32(2), u32(at), u32(10), u32(10), p.add("trun"))
				trun[10], trun[11] = 1, 1 // the offset of the data, the times of samples
				moof := box("moof", full("mfhd", 0, u32(1), p.add("mfhd")), box("traf", tfhd, full("tfdt", 0, u32(0), p.add("tfdt")), trun,
					full("sbgp", 0, []byte("note"), p.add("sbgp")), box("uuid", make([]byte, 16), p.add("traf uuid"))), place, box("uuid", p.add("moof uuid")), p.add("moof"))
				return cat(moof, box("mdat", []byte(frame+frame), p.in("after samples", gap), p.in("removed samples", gap)))
			}
			return build(bytes.Index(build(0), []byte(frame)))
		}
		return cat(start, box("styp", []byte("msdh"), u32(0), []byte("msdh"), p.add("styp")),
			full("sidx", 0, u32(1), u32(1000), u32(0), u32(0), u16(0), u16(1), u32(100), u32(20), u32(0), p.add("sidx")),
			full("emsg", 0, p.add("emsg")), full("prft", 0, p.add("prft")), fragment(), fragment(),
			box("mfra", full("tfra", 0, u32(1), u32(0), u32(1), u32(0), u32(0), []byte{1, 1, 1}, p.add("tfra")), box("note", p.add("mfra")), full("mfro", 0, u32(0), p.add("mfro"))),
			p.add("after the last box"))
	}
}

// ebml returns an element.
func ebml(id int, body ...[]byte) []byte {
	var b []byte
	for _, x := range body {
		b = append(b, x...)
	}
	head := u32(id)
	for head[0] == 0 {
		head = head[1:]
	}
	return cat(head, 0x10|len(b)>>24, len(b)>>16, len(b)>>8, len(b), b)
}

// slackMatroska returns a Matroska film with places for the marker.
func slackMatroska(p *places) []byte {
	number := func(id, v int) []byte { return ebml(id, []byte{byte(v)}) }
	info := ebml(idInfo, number(0x2AD7B1, 1), ebml(0x4D80, p.instead("MuxingApp", []byte("app"))), ebml(0x5741, p.instead("WritingApp", []byte("app"))),
		ebml(0x7BA9, p.add("Title")), ebml(0x4461, p.add("DateUTC")), ebml(0x73A4, p.add("SegmentUUID")), ebml(idVoid, p.add("Void in Info")),
		ebml(0x4489, p.instead("long Duration", []byte{0, 0, 0, 0})), p.add("Info"))
	track := func(n, typ int, codec string, more ...[]byte) []byte {
		return ebml(idTrackEntry, number(0xD7, n), number(0x73C5, n), number(0x83, typ), ebml(0x86, []byte(codec)), bytes.Join(more, nil))
	}
	tracks := ebml(idTracks, ebml(0xBF, []byte("1234")),
		track(1, 1, "V_VP8", ebml(0x536E, p.add("Name")), ebml(0x258688, p.add("CodecName")), ebml(0x22B59C, p.instead("Language", []byte("eng"))),
			ebml(0xE0, number(0xB0, 16), number(0xBA, 16), ebml(0x55EE1, p.add("Video")))),
		track(2, 2, "A_OPUS", ebml(0x63A2, []byte("OpusHead\x01\x02\x00\x00\x80\xBB\x00\x00\x00\x00\x00"), p.add("OpusHead")), ebml(0xE1, number(0x9F, 2), ebml(0x7D7B, p.add("Audio")))),
		track(3, 17, "S_TEXT/UTF8", ebml(0x63A2, p.add("private of texts"))), ebml(0x4DBB, p.add("Tracks")))
	block := func(n int, b ...[]byte) []byte { return cat(0x80|n, 0, 0, 0x80, bytes.Join(b, nil)) }
	cluster := ebml(idCluster, number(0xE7, 0), ebml(idSimpleBlock, block(1, []byte(frame))), ebml(idSimpleBlock, block(2, []byte(frame))),
		ebml(idSimpleBlock, block(3, p.add("text block"))), ebml(idSimpleBlock, block(9, p.add("block of no track"))),
		ebml(idBlockGroup, ebml(idBlock, block(1, []byte(frame))), number(0x9B, 1), ebml(0x75A1, ebml(0xA6, ebml(0xA5, p.add("BlockAdditions")))), ebml(0xA4, p.add("CodecState"))),
		ebml(idBlockGroup, ebml(idBlock, block(3, p.add("text group"))), number(0x9B, 1)),
		ebml(idBlockGroup, ebml(idBlock, block(1, []byte(frame))), ebml(idBlock, block(1, p.add("second block of a group")))),
		ebml(0x5854, p.add("SilentTracks")), ebml(0xEC, p.add("Void")), ebml(0xA7, p.instead("long Position", []byte{0})))
	return cat(ebml(idEBML, number(0x4286, 1), ebml(0x4282, []byte("matroska")), ebml(0x4281, p.add("DocTypeExtension"))),
		ebml(idSegment,
			ebml(idSeekHead, ebml(idSeek, ebml(idSeekID, u32(idInfo)), number(0x53AC, 0), ebml(0x53AD, p.add("Seek"))), ebml(idSeek, ebml(idSeekID, u32(0x1254C367)), number(0x53AC, 0))),
			info, tracks, cluster,
			ebml(idCues, ebml(idCuePoint, number(0xB3, 0), ebml(idTrackPositions, number(idCueTrack, 1), number(0xF1, 0), ebml(0xDB, p.add("CueReference"))))),
			ebml(0x1254C367, p.add("Tags")), ebml(0x1941A469, p.add("Attachments")), ebml(0x1043A770, p.add("Chapters")), ebml(0x1F8A, p.add("unknown"))),
		ebml(0x1254C367, p.add("after the segment")), p.add("after the end"))
}

// slackAVI returns an AVI with places for the marker.
func slackAVI(p *places) []byte {
	ch := testimage.RIFFChunk
	le32 := func(v ...int) (b []byte) {
		for _, x := range v {
			b = append(b, byte(x), byte(x>>8), byte(x>>16), byte(x>>24))
		}
		return b
	}
	list := func(typ string, chunks ...[]byte) []byte { return ch("LIST", cat(typ, bytes.Join(chunks, nil))) }
	strh := func(typ, codec string) []byte {
		return ch("strh", cat(typ, codec, p.in(typ+" strh", 12)[8:], make([]byte, 44), p.add(typ+" after strh")))
	}
	video := list("strl", strh("vids", "MJPG"), ch("strf", cat(le32(40, 16, 16), 1, 0, 24, 0, "MJPG", make([]byte, 20), p.add("strf of pictures"))),
		ch("strd", p.add("strd")), ch("strn", p.add("strn")), ch("vprp", cat(make([]byte, 32), le32(1), make([]byte, 32), p.add("vprp"))),
		ch("indx", cat(4, 0, 0, 0, le32(0), "00dc", p.in("indx reserved", 12), p.add("indx"))))
	audio := list("strl", strh("auds", "\x01\x00\x00\x00"), ch("strf", cat(1, 0, 1, 0, le32(8000, 8000), 1, 0, 8, 0, 0, 0, p.add("strf of sound"))))
	text := list("strl", strh("txts", "text"), ch("strf", p.add("strf of texts")))
	jpeg := cat("\xFF\xD8\xFF\xE0\x00\x10AVI1", make([]byte, 10), "\xFF\xE1\x00\x10", p.in("EXIF of a frame", 14), "\xFF\xFE\x00\x10", p.in("comment of a frame", 14),
		"\xFF\xDA\x00\x04ab", frame, "\xFF\xD9", p.add("after a frame"))
	movi := list("movi", ch("00dc", jpeg), ch("01wb", []byte(frame)), ch("02tx", p.add("text chunk")), ch("07dc", p.add("chunk of no stream")), ch("JUNK", p.add("JUNK in movi")),
		ch("exif", p.add("unknown in movi")), list("rec ", ch("01wb", []byte(frame+"x")), ch("note", p.add("rec"))))
	return ch("RIFF", cat("AVI ",
		list("hdrl", ch("avih", cat(make([]byte, 40), p.in("avih reserved", 16), p.add("avih"))), video, audio, text, list("odml", ch("dmlh", cat(le32(1), p.add("dmlh")))), ch("note", p.add("hdrl"))),
		list("INFO", ch("ICRD", p.add("ICRD")), ch("ISFT", p.add("ISFT"))), ch("IDIT", p.add("IDIT")), ch("JUNK", p.add("JUNK")), list("ncdt", ch("nctg", p.add("nctg"))),
		movi, ch("00dc", p.add("data after movi")), ch("idx1", cat("00dc", le32(16, 4, 10), "02tx", le32(0, 4, 10), p.add("idx1"))), ch("_PMX", p.add("XMP")), p.add("end of RIFF")))
}

// slackFilms are the builders of films with places for the marker, by format.
var slackFilms = map[string]func(p *places) []byte{
	"mp4": slackFilm, "mp4 fragments": slackFragments(false), "mp4 fragments alone": slackFragments(true), "mkv": slackMatroska, "avi": slackAVI,
}

func TestNoPlaceInAFilmHidesAMarker(t *testing.T) {
	for name, build := range slackFilms {
		format, _, _ := strings.Cut(name, " ")
		var p places
		build(&p)
		slices.Sort(p.all)
		for _, place := range slices.Compact(p.all) {
			t.Run(name+"/"+place, func(t *testing.T) {
				data := build(&places{chosen: place})
				if !bytes.Contains(data, []byte(slack)) && !strings.Contains(place, "times") && !strings.Contains(place, "data size") &&
					!strings.HasSuffix(place, "strh") && !strings.HasSuffix(place, "mdhd") && !strings.HasSuffix(place, "tkhd reserved") && place != "mvhd reserved" {
					t.Fatal("the film doesn't have the marker")
				}
				verdict, sniffed := Sniff(data[:min(len(data), SniffLen)])
				if verdict != Redact || sniffed != format {
					t.Fatalf("verdict %d %q", verdict, sniffed)
				}
				plan, err := New(bytes.NewReader(data), sniffed, &Policy{})
				if err != nil {
					t.Fatal(err)
				}
				checkNoMarker(t, data, redacted(t, plan, data))
				if strings.Contains(name, "fragments") {
					plan, err := New(beginning{data, bytes.Index(data, []byte("moof")) + 100}, sniffed, &Policy{})
					if err != nil || plan.Ranged() {
						t.Fatalf("got %v, want a plan for the film as it streams", err)
					}
					checkNoMarker(t, data, redacted(t, plan, data))
				}
			})
		}
	}
}

// checkNoMarker checks that no part of the marker is in a redacted film, and that all frames are.
func checkNoMarker(t *testing.T, data, got []byte) {
	t.Helper()
	for n := len(slack); n >= 6; n-- {
		if i := max(bytes.Index(got, []byte(slack[:n])), bytes.Index(got, []byte(slack[len(slack)-n:]))); i >= 0 {
			t.Fatalf("at %d of %d: %q", i, len(got), got[max(0, i-20):min(len(got), i+20)])
		}
	}
	if want, got := bytes.Count(data, []byte(frame)), bytes.Count(got, []byte(frame)); got != want {
		t.Errorf("%d of %d frames are left", got, want)
	}
}

// beginning is a file of which only the first n bytes are at hand.
type beginning struct {
	b []byte
	n int
}

func (x beginning) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > int64(x.n) {
		return 0, errors.New("too far")
	}
	return copy(p, x.b[off:]), nil
}

func TestFilmsThatCantBeFollowedAreRefused(t *testing.T) {
	box, full := testimage.Box, testimage.FullBox
	var p places
	film := func(handler string, entry []byte) []byte {
		return cat(testimage.FileType("isom"), box("moov", full("mvhd", 0, make([]byte, 96)), slackTrack(&p, "", handler, 1, entry, 4, 1000, 1004)), box("mdat", make([]byte, 5000)))
	}
	p.chosen = " dref"
	external := bytes.Replace(film("vide", slackPictures(&p)), []byte("\x00\x00\x00\x0Curl \x00\x00\x00\x01"), []byte("\x00\x00\x00\x18url \x00\x00\x00\x00"), 1)
	p.chosen = ""
	decoder, configuration := slackSound(&p), slackPictures(&p)
	decoder[bytes.Index(decoder, []byte{0x40, 0x15})] = 0xC0 // a type of no standard
	configuration[bytes.Index(configuration, []byte("avcC"))+4] = 2
	stills := cat(box("png ", make([]byte, 78)), box("jpeg", make([]byte, 78)))
	for name, data := range map[string][]byte{
		"unknown decoder": film("soun", decoder), "unknown configuration": film("vide", configuration),
		"two codings of still pictures": bytes.Replace(film("vide", stills), cat("stsd", u32(0), u32(1)), cat("stsd", u32(0), u32(2)), 1),
		"unknown picture coding":        film("vide", box("what", make([]byte, 78))),
		"unknown sound coding":          film("soun", box("what", make([]byte, 28))),
		"encrypted":                     film("vide", box("encv", make([]byte, 78))),
		"data in another file":          external,
		"compressed index":              cat(testimage.FileType("qt  "), box("moov", box("cmov", make([]byte, 20)))),
		"shared samples": cat(testimage.FileType("isom"), box("moov", full("mvhd", 0, make([]byte, 96)), slackTrack(&p, "", "vide", 1, slackPictures(&p), 100, 3000, 3100),
			slackTrack(&p, "", "meta", 2, box("mett", make([]byte, 8)), 100, 3199, 4000)), box("mdat", make([]byte, 5000))),
		"two tracks of a number": cat(testimage.FileType("isom"), box("moov", full("mvhd", 0, make([]byte, 96)), slackTrack(&p, "", "vide", 1, slackPictures(&p), 100, 3000),
			slackTrack(&p, "", "vide", 1, slackPictures(&p), 100, 4000)), box("mdat", make([]byte, 5000))),
		"still pictures in fragments": bytes.Replace(slackFragments(false)(&p), []byte("avc1"), []byte("jpeg"), 1),
		"no tracks":                   cat(testimage.FileType("isom"), box("mdat", make([]byte, 5000))),
	} {
		t.Run(name, func(t *testing.T) {
			_, format := Sniff(data)
			if _, err := New(bytes.NewReader(data), format, &Policy{}); !errors.Is(err, ErrRefused) {
				t.Errorf("got %v, want ErrRefused", err)
			}
		})
	}
}

func TestSoundPassesUnchanged(t *testing.T) {
	var p places
	data := cat(testimage.FileType("M4A "), testimage.Box("moov", testimage.FullBox("mvhd", 0, make([]byte, 96)), slackTrack(&p, "", "soun", 1, slackSound(&p), 4, 1000)),
		testimage.Box("mdat", make([]byte, 1000)))
	plan, err := New(bytes.NewReader(data), "mp4", &Policy{})
	if err != nil || !plan.Unchanged() {
		t.Errorf("got %v, want a plan that changes nothing", err)
	}
}

// TestCodingsOfDevicesStay checks that the configurations of decoders stay that phones, cameras and programs write.
func TestCodingsOfDevicesStay(t *testing.T) {
	box := testimage.Box
	picture := func(typ string, boxes ...[]byte) []byte {
		return box(typ, make([]byte, 76), []byte{255, 255}, bytes.Join(boxes, nil))
	}
	sound := func(typ string, boxes ...[]byte) []byte { return box(typ, make([]byte, 28), bytes.Join(boxes, nil)) }
	wave := func(typ string, boxes ...[]byte) []byte {
		return sound(typ, box("wave", box("frma", []byte(typ)), bytes.Join(boxes, nil)))
	}
	for _, entry := range [][]byte{
		sound("apac", box("dapa", make([]byte, 40))), wave("apac", box("dapa", make([]byte, 40))), // iPhone 16, spatial sound
		picture("apv1", box("apvC", make([]byte, 30))), // Android 16
		sound("mhm1", box("mhaC", []byte{1, 11, 0, 0, 2, 1, 2})),
		picture("SVQ3", box("SMI ", []byte("SEQH"), u32(5), make([]byte, 5))),
		wave("QDM2", box("QDCA", make([]byte, 36))), wave("ms\x00U", box("ms\x00U", make([]byte, 18))),
		picture("mp4v", testimage.FullBox("esds", 0, cat(3, 40, 0, 1, 0, 4, 30, 0x20, 0x11, 0, 0, 0, u32(0), u32(0), 5, 20, 0, 0, 1, 0xB0, 1))), // lengths beyond the box
		picture("avc1", box("avcC")), picture("hev1", box("hvcC")), // the samples have the parameter sets
		picture("Hap5"), picture("2Vuy"), picture("mjpb"), sound("agsm"), sound("vdva"),
	} {
		var p places
		handler := "vide"
		if slices.Contains(soundCodings, strings.ReplaceAll(string(entry[4:8]), " ", "_")) || entry[4] == 'm' && entry[5] == 's' {
			handler = "soun"
		}
		data := cat(testimage.FileType("qt  "), box("moov", testimage.FullBox("mvhd", 0, make([]byte, 96)), slackTrack(&p, "", handler, 1, entry, 4, 1000, 1004),
			slackTrack(&p, "", "vide", 2, slackPictures(&p), 4, 1100, 1104)), box("mdat", make([]byte, 5000)))
		plan, err := New(bytes.NewReader(data), "mov", &Policy{})
		if err != nil {
			t.Errorf("%.4s: %v", entry[4:], err)
			continue
		}
		if got := redacted(t, plan, data); !bytes.Contains(got, entry) {
			t.Errorf("%.4s: the entry doesn't stay", entry[4:])
		}
	}
}

// TestDataReferenceWithoutPlaceIsOfThisFile checks a dref without the flag that says so.
func TestDataReferenceWithoutPlaceIsOfThisFile(t *testing.T) {
	p := places{chosen: " dref"}
	data := cat(testimage.FileType("isom"), testimage.Box("moov", testimage.FullBox("mvhd", 0, make([]byte, 96)), slackTrack(&p, "", "vide", 1, slackPictures(&p), 4, 1000, 1004)),
		testimage.Box("mdat", make([]byte, 5000)))
	data = bytes.Replace(data, cat("url ", u32(1), slack), cat("url ", u32(0), make([]byte, len(slack))), 1)
	data = bytes.Replace(data, cat(u32(12), "url "), cat(u32(12+len(slack)), "url "), 1)
	if _, err := New(bytes.NewReader(data), "mp4", &Policy{}); err != nil {
		t.Error(err)
	}
}

// TestStillPicturesInFilmsTellNothing redacts frames of motion JPEG and PNG that have metadata.
func TestStillPicturesInFilmsTellNothing(t *testing.T) {
	box := testimage.Box
	jpeg := cat("\xFF\xD8\xFF\xE1", u16(2+len(slack)), slack, "\xFF\xDA\x00\x02", frame, "\xFF\xD9")
	png := cat("\x89PNG\r\n\x1A\n", testimage.PNGChunk("IHDR", cat(u32(1), u32(1), 8, 0, 0, 0, 0)), testimage.PNGChunk("tEXt", cat("Title\x00", slack)),
		testimage.PNGChunk("IDAT", testimage.Zlib(cat(0, 0))), testimage.PNGChunk("IEND", nil))
	decoder := func(typ byte) []byte {
		return testimage.FullBox("esds", 0, cat(3, 3+2+13, 0, 1, 0, 4, 13, int(typ), 0x11, 0, 0, 0, u32(0), u32(0)))
	}
	entry := func(typ string, boxes ...[]byte) []byte {
		return box(typ, make([]byte, 76), []byte{255, 255}, bytes.Join(boxes, nil))
	}
	for _, x := range []struct{ entry, sample []byte }{
		{entry("jpeg"), jpeg}, {entry("mjpa"), jpeg}, {entry("dmb1"), jpeg}, {entry("mp4v", decoder(0x6C)), jpeg}, {entry("mp4v", decoder(0x6D)), png}, {entry("png "), png},
	} {
		build := func(at int) []byte {
			var p places
			return cat(testimage.FileType("isom"), box("moov", testimage.FullBox("mvhd", 0, make([]byte, 96)),
				slackTrack(&p, "", "vide", 1, x.entry, len(x.sample), at, at+len(x.sample))), box("mdat", x.sample, x.sample))
		}
		data := build(bytes.Index(build(0), x.sample))
		plan, err := New(bytes.NewReader(data), "mp4", &Policy{})
		if err != nil {
			t.Fatal(err)
		}
		got := redacted(t, plan, data)
		checkNoMarker(t, data, got)
		if end := x.sample[len(x.sample)-2:]; !bytes.Contains(got, end) || bytes.Count(got, []byte("IDAT")) != bytes.Count(data, []byte("IDAT")) {
			t.Errorf("%.4s: a frame is broken", x.entry[4:])
		}
	}
}

// TestFramesThatEndTellNothing redacts a frame of motion JPEG that isn't there to its end.
func TestFramesThatEndTellNothing(t *testing.T) {
	for _, f := range frameFields {
		body := cat("\xFF\xD8\xFF", int(f.marker), 0, 60, f.intro, strings.Repeat("a", int(f.n)-len(f.intro)-1))
		var got bytes.Buffer
		w := newWriter(&got, func(s *stream) error { return redactJPEGs(s, 200) })
		_, _ = w.Write(body)
		w.Close()
		if bytes.Contains(got.Bytes(), []byte("a")) {
			t.Errorf("%X: got %q", f.marker, got.Bytes())
		}
	}
}

// TestPremultipliedTransparencyStays checks the reference that says that the colors of an image sequence are multiplied by
// its transparency: without it, they are shown darker.
func TestPremultipliedTransparencyStays(t *testing.T) {
	var p places
	data := bytes.Replace(slackFilm(&p), cat("cdsc", u32(3)), cat("prem", u32(2)), 1)
	plan, err := New(bytes.NewReader(data), "mp4", &Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if got := redacted(t, plan, data); !bytes.Contains(got, cat("prem", u32(2))) {
		t.Error("the reference goes")
	}
}

// TestPanoramasStayPanoramas redacts the XML of Spherical Video V1 and the mesh of V2.
func TestPanoramasStayPanoramas(t *testing.T) {
	element := func(name, value string) string {
		return "<GSpherical:" + name + ">" + value + "</GSpherical:" + name + ">"
	}
	xml := sphericalHead + "\n" + element("Spherical", " true ") + element("Stitched", "true") + element("StitchingSoftware", slack) +
		element("ProjectionType", "equirectangular") + element("StereoMode", slack) + element("InitialViewPitchDegrees", "-10.5") +
		element("Timestamp", "1400454971") + element("FullPanoWidthPixels", "12345678901") + slack + sphericalEnd
	want := sphericalHead + element("Spherical", "true") + element("Stitched", "true") + element("StitchingSoftware", "") +
		element("ProjectionType", "equirectangular") + element("InitialViewPitchDegrees", "-10.5") + sphericalEnd
	want += strings.Repeat(" ", len(xml)-len(want))
	for _, x := range []struct {
		name, body, want string
	}{
		{"all", sphericalID + xml, sphericalID + want},
		{"another type", "0123456789abcdef" + xml, ""},
		{"no room", sphericalID + element("Spherical", "true"), ""},
	} {
		b := box{body: []byte(x.body)}
		if kept := keepSpherical(&b); kept != (x.want != "") || kept && string(b.body) != x.want {
			t.Errorf("%s: got %q, want %q", x.name, b.body, x.want)
		}
	}
	mesh := cat(u32(0), u32(7), "raw ", oneTriangle())
	for _, typ := range []string{"mshp", "ytmp"} {
		entry := testimage.Box("avc1", make([]byte, 76), []byte{255, 255}, testimage.Box("sv3d", testimage.Box("proj", testimage.Box(typ, mesh))))
		film := cat(testimage.FileType("isom"), testimage.Box("moov", testimage.FullBox("mvhd", 0, make([]byte, 96)), slackTrack(&places{}, "", "vide", 1, entry, 4, 1000, 1004)),
			testimage.Box("mdat", make([]byte, 5000)))
		plan, err := New(bytes.NewReader(film), "mp4", &Policy{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(redacted(t, plan, film), cat(typ, mesh)) {
			t.Errorf("%s goes", typ)
		}
	}
}

// TestZerosBetweenChunksOfAVI redacts an AVI as VLC writes it, with zeros after the lists.
func TestZerosBetweenChunksOfAVI(t *testing.T) {
	film := slackAVI(&places{})
	movi := bytes.Index(film, []byte("movi")) - len("LIST")*2
	for _, n := range []int{1, 4, 100_000} {
		data := cat(bytes.ReplaceAll(film[:movi], []byte("LIST"), cat(make([]byte, n), "LIST")), make([]byte, n), film[movi:])
		plan, err := New(bytes.NewReader(data), "avi", &Policy{})
		if err != nil {
			t.Fatal(err)
		}
		got := redacted(t, plan, data)
		checkNoMarker(t, data, got)
		if want := bytes.Count(data, []byte("strh")); bytes.Count(got, []byte("strh")) != want {
			t.Errorf("%d zeros: the headers of streams go", n)
		}
	}
}

// TestTracksAfterTheClusters redacts a film as MKVToolNix edits it: Tracks has no room before the clusters anymore.
func TestTracksAfterTheClusters(t *testing.T) {
	number := func(id, v int) []byte { return ebml(id, []byte{byte(v)}) }
	track := func(n, typ int, codec string) []byte {
		return ebml(idTrackEntry, number(0xD7, n), number(0x83, typ), ebml(0x86, []byte(codec)), ebml(0x536E, []byte(slack)))
	}
	tracks := ebml(idTracks, track(1, 1, "V_VP8"), track(2, 17, "S_TEXT/UTF8"))
	block := func(n int, text string) []byte { return ebml(idSimpleBlock, cat(0x80|n, 0, 0, 0x80, text)) }
	build := func(at int) []byte {
		return cat(ebml(idEBML, ebml(0x4282, []byte("matroska"))), ebml(idSegment, number(idVoid, 0),
			ebml(idSeekHead, ebml(idSeek, ebml(idSeekID, u32(idCluster)), ebml(idSeekPosition, u32(0))), ebml(idSeek, ebml(idSeekID, u32(idTracks)), ebml(idSeekPosition, u32(at)))),
			ebml(idInfo, number(0x2AD7B1, 1)), ebml(idCluster, number(0xE7, 0), block(1, frame), block(2, slack)), tracks,
			ebml(idCluster, number(0xE7, 1), block(1, frame), block(2, slack))))
	}
	data := build(0)
	segment := bytes.Index(data, u32(idSegment)) + 8
	data = build(bytes.Index(data, tracks) - segment)
	plan, err := New(bytes.NewReader(data), "mkv", &Policy{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		checkNoMarker(t, data, redacted(t, plan, data))
	}
	if _, err := New(beginning{data, segment + 100}, "mkv", &Policy{}); err == nil {
		t.Error("there is a plan without the tracks")
	}
	for _, at := range []int{0, 1, len(data), 1 << 30} { // no tracks there
		if _, err := New(bytes.NewReader(build(at)), "mkv", &Policy{}); err != nil {
			t.Errorf("at %d: %v", at, err)
		}
	}
}

// TestShortSampleDependencies redacts a film whose sdtp has no room for its version.
func TestShortSampleDependencies(t *testing.T) {
	data := slackFilm(&places{chosen: "picture sdtp"})
	i := bytes.Index(data, []byte("sdtp")) - 4
	short := cat(testimage.Box("sdtp", []byte{0, 0}), testimage.Box("free", make([]byte, 8)))
	copy(data[i:], short)
	if n := int(be.Uint32(data[i:])) + int(be.Uint32(data[i+10:])); n != 14+len(slack) {
		t.Fatalf("got %d bytes instead of sdtp", n)
	}
	plan, err := New(bytes.NewReader(data), "mp4", &Policy{})
	if err != nil {
		t.Fatal(err)
	}
	checkNoMarker(t, data, redacted(t, plan, data))
}

// TestBytesAfterAFilmAreNoLongerBox redacts films with the trailer of a camera, which looks like the head of a box.
func TestBytesAfterAFilmAreNoLongerBox(t *testing.T) {
	for _, trailer := range []string{"GPS 48.858222,2.2945", "\x00\x00\x00\x07of nothing", "\x00\x00\x00\x01inst\x00\x00\x7F\xFF\x00\x00\x00\x00"} {
		data := append(slackFilm(&places{}), trailer...)
		plan, err := New(bytes.NewReader(data), "mp4", &Policy{})
		if err != nil {
			t.Fatal(err)
		}
		out := redacted(t, plan, data)
		if topBoxes(t, out); bytes.Contains(out, []byte("\x00\x00\x00\x00free")) {
			t.Errorf("%q: a box states no length", trailer)
		}
	}
}

// oneTriangle returns the box mesh: three coordinates, three points, and a list of these.
func oneTriangle() []byte {
	var numbers uint64 // 16 of 3 bits: each point has the coordinates 0, 1 and 2 in some order
	for _, v := range []uint64{0, 2, 4, 0, 2, 2, 2, 1, 0, 0, 2, 0, 1, 2, 2} {
		numbers = numbers<<3 | v
	}
	points := be.AppendUint64(nil, numbers<<19)[:6]
	return testimage.Box("mesh", u32(3), u32(0), u32(0x3F800000), u32(0x40000000), u32(3), points, u32(1), []byte{0, 0}, u32(3), be.AppendUint16(nil, 0b000_010_010<<7))
}

// TestMeshIsNoText checks that of a mesh only numbers stay that players can follow.
func TestMeshIsNoText(t *testing.T) {
	deflated := func(b []byte) []byte {
		var out bytes.Buffer
		w, _ := flate.NewWriter(&out, flate.BestCompression)
		_, _ = w.Write(b)
		_ = w.Close()
		return out.Bytes()
	}
	far := bytes.Replace(oneTriangle(), u32(0x3F800000), []byte("N13E"), 1)
	for name, x := range map[string]struct {
		body []byte
		want bool
	}{
		"raw":                 {cat("raw ", oneTriangle()), true},
		"two":                 {cat("raw ", oneTriangle(), oneTriangle()), true},
		"compressed":          {cat("dfl8", deflated(oneTriangle())), true},
		"none":                {[]byte("raw "), false},
		"text":                {cat("raw ", slack), false},
		"compressed text":     {cat("dfl8", deflated([]byte(slack))), false},
		"after the mesh":      {cat("raw ", oneTriangle(), slack), false},
		"after the data":      {cat("dfl8", deflated(oneTriangle()), slack), false},
		"another box":         {cat("raw ", oneTriangle(), testimage.Box("note", []byte(slack))), false},
		"end of the mesh":     {cat("raw ", testimage.Box("mesh", oneTriangle()[8:], []byte(slack))), false},
		"coordinate":          {cat("raw ", far), false},
		"more points than it": {cat("raw ", testimage.Box("mesh", u32(0), u32(1<<30), []byte(slack))), false},
		"unknown coding":      {cat("zstd", slack), false},
	} {
		if got := isMesh(cat(u32(0), u32(7), x.body)); got != x.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// TestPNGFramesGo checks films whose frames are PNGs, which have texts of their own.
func TestPNGFramesGo(t *testing.T) {
	film := slackAVI(&places{})
	at := bytes.Index(film, []byte("00dc")) + 8
	copy(film[at+4:], word)
	for _, in := range []string{"vidsMJPG", "\x18\x00MJPG"} { // strh, strf
		data := bytes.ReplaceAll(film, []byte(in), []byte(strings.Replace(in, "MJPG", "mpng", 1)))
		if got := redact(t, data, &Policy{}, 0); bytes.Contains(got, []byte(word)) || bytes.Equal(data, film) {
			t.Errorf("%q: the frames stay", in)
		}
	}
}

// TestLanguageHasNoTextAfterIt checks LanguageBCP47 of Matroska, which is redacted as a box is that has it.
func TestLanguageHasNoTextAfterIt(t *testing.T) {
	b := []byte("en-GB\x00" + word)
	if !keepWithoutFlags(b, keepLanguageTag) || string(bytes.TrimRight(b, "\x00")) != "en-GB" {
		t.Errorf("got %q", b)
	}
}

// TestMatroskaAdditionIsCutOff checks an element in BlockMore that claims more bytes than the film has left.
func TestMatroskaAdditionIsCutOff(t *testing.T) {
	number := func(id, v int) []byte { return ebml(id, []byte{byte(v)}) }
	film := cat(ebml(idEBML, ebml(0x4282, []byte("webm"))), ebml(idSegment,
		ebml(idTracks, ebml(idTrackEntry, number(idTrackNumber, 1), number(idTrackType, 1), ebml(idCodec, []byte("V_VP8")), ebml(idVideo, number(idAlphaMode, 1)))),
		ebml(idCluster, ebml(idBlockGroup, ebml(idBlock, cat("\x81\x00\x00\x80", frame)), ebml(idBlockAdditions, ebml(idBlockMore, []byte("\xEE\x88\x01\x02")))))))
	var out bytes.Buffer
	w := writerFor(t, &out, film, &Policy{})
	if _, err := w.Write(slices.Clip(film)); err != nil { // nothing is behind it
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || !bytes.Contains(out.Bytes(), []byte(frame)) || bytes.Contains(out.Bytes(), []byte("\xEE\x88\x01\x02")) {
		t.Errorf("got %q, %v", out.Bytes(), err)
	}
}

// TestIndexOfAVI has indexes whose entries are too short for their kind, and kinds that there aren't.
func TestIndexOfAVI(t *testing.T) {
	index := func(longs, kind int, entries ...byte) []byte {
		return cat(longs, 0, 0, kind, len(entries)/(4*longs), 0, 0, 0, "00dc", slack, entries)
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want int
	}{
		{"of chunks", index(2, 1, make([]byte, 16)...), 40},
		{"of fields", index(3, 0x81, make([]byte, 24)...), 48},
		{"of indexes", index(4, 0, make([]byte, 16)...), 40},
		{"of no kind", index(4, 2, make([]byte, 16)...), 40},
		{"of indexes, too short", index(2, 0, make([]byte, 16)...), -1},
		{"of no kind, too short", index(2, 2, make([]byte, 8)...), -1},
		{"of chunks, too short", index(1, 1, make([]byte, 16)...), -1},
		{"too long", index(9, 1, make([]byte, 36)...), -1},
		{"cut off", index(2, 1)[:23], -1},
	} {
		if got := superIndex(tt.b); got != tt.want || got > 0 && bytes.Contains(tt.b, []byte(slack[:8])) {
			t.Errorf("%s: got %d, %q", tt.name, got, tt.b)
		}
	}
}
