package redact

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"hash"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/iptc"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

var update = flag.Bool("update", false, "rewrite testdata")

// TestRedactedBytes checks that no byte of any redacted file becomes another unnoticed: clients keep the old ones, unless
// formatVersion changes. testdata/redacted.txt has a hash for each made file, of what it and broken copies of it become.
// -update after the package writes it; a Go version whose compressors write other bytes needs that, too.
func TestRedactedBytes(t *testing.T) {
	files := photoSeeds()
	for name, build := range slackFilms {
		var p places
		files["film "+name] = build(&p)
		for _, place := range p.all {
			files["film "+name+" "+place] = build(&places{chosen: place})
		}
	}
	for name, data := range variedPhotos() {
		files["varied "+name] = data
	}
	for name, data := range variedFilms() {
		files["varied "+name] = data
	}
	golden := filepath.Join("testdata", "redacted.txt")
	want := map[string]string{}
	if b, err := os.ReadFile(golden); err == nil {
		for line := range strings.Lines(string(b)) {
			sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			want[name] = sum
		}
	} else if !*update {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := files[name]
		if verdict, _ := Sniff(data[:min(len(data), SniffLen)]); verdict != Redact {
			continue
		}
		sum := sha256.New()
		copies := 4
		if strings.HasPrefix(name, "varied ") {
			copies = 100
		}
		hashRedacted(t, sum, data, copies)
		name = strings.ReplaceAll(fmt.Sprintf("%q", name), `"`, "")
		got := fmt.Sprintf("%.8x", sum.Sum(nil))
		fmt.Fprintln(&out, got, name)
		if !*update && want[name] != got {
			t.Errorf("%s: the redacted bytes are others", name)
		}
	}
	parts := partSamples()
	for name, f := range functionSamples() {
		parts["of "+name] = sample{body: f.body, keep: func(b *box) bool { b.body = []byte(fmt.Sprint(f.of(b.body))); return true }}
	}
	for name, in := range shortenedFiles(t) {
		parts["in "+name] = sample{body: in.body, keep: func(b *box) bool { b.body = in.redacted(b.body); return true }}
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		sum := sha256.New()
		hashPart(sum, parts[name], !strings.HasPrefix(name, "in "))
		got := fmt.Sprintf("%.8x", sum.Sum(nil))
		name = strings.ReplaceAll(fmt.Sprintf("%q", name), `"`, "")
		fmt.Fprintln(&out, got, "part", name)
		if !*update && want["part "+name] != got {
			t.Errorf("%s: the redacted bytes are others", name)
		}
	}
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// limits are bytes at the limits of what numbers and names can have.
const limits = "\x00\x01\x02\x03\x04\x05\x08\x10\x1F\x20\x21\x40\x7F\x80\xF7\xF8\xFE\xFF09az"

// hashRedacted hashes what becomes of a file, and of so many broken copies of it.
func hashRedacted(t *testing.T, sum hash.Hash, data []byte, copies int) {
	t.Helper()
	policies := []*Policy{{}}
	if photoFormat(data) != "" && codedParts[photoFormat(data)] != nil { // films have nothing of these
		policies = append(policies, &Policy{EXIF: &exif.Options{}, IPTC: iptc.Policy{Keep: func(string) bool { return true }, Compass: true}})
	}
	r := rand.New(rand.NewPCG(1, uint64(len(data))))
	for i := range 1 + copies {
		broken := slices.Clone(data)
		if i > 0 {
			at := r.IntN(len(data))
			switch i % 6 {
			case 0:
				broken = broken[:at]
			case 1:
				broken[at] ^= 1 << r.IntN(8)
			case 2:
				broken[at]++
			case 3:
				broken[at]--
			default:
				broken[at] = limits[r.IntN(len(limits))]
			}
		}
		verdict, format := Sniff(broken[:min(len(broken), SniffLen)])
		if verdict != Redact {
			fmt.Fprintln(sum, "no", format)
			continue
		}
		for _, p := range policies {
			plan, err := New(bytes.NewReader(broken), format, p)
			if err != nil {
				fmt.Fprintln(sum, err)
				continue
			}
			w := plan.NewWriter(sum, 0)
			_, err = w.Write(broken)
			fmt.Fprintln(sum, err, w.Close(), w.Overwritten(), plan.Ranged(), plan.Unchanged())
		}
	}
}

// sample is a part of a file, and the function that redacts it.
type sample struct {
	typ  string
	keep func(*box) bool
	body []byte
}

// hashPart hashes what becomes of a part, of its beginnings, and, with others, of copies with another byte.
func hashPart(sum hash.Hash, p sample, others bool) {
	try := func(body []byte) {
		b := box{typ: p.typ, all: make([]byte, 8+len(body)), body: body}
		ok := p.keep(&b)
		fmt.Fprintf(sum, "%v %d %x %x\n", ok, len(b.body), b.body, body)
	}
	try(slices.Clone(p.body))
	step := max(1, len(p.body)/100)
	for i := 0; i < len(p.body); i += step {
		try(slices.Clone(p.body[:i]))
		if !others {
			continue
		}
		for _, c := range []byte(limits + string([]byte{p.body[i] + 1, p.body[i] - 1, p.body[i] ^ 0x80})) {
			b := slices.Clone(p.body)
			b[i] = c
			try(b)
		}
	}
}

// ofBytes makes a function of bytes a function of a box.
func ofBytes(keep func(b []byte) bool) func(*box) bool {
	return func(b *box) bool { return keep(b.body) }
}

func anyBox(typ string, body ...any) []byte { return testimage.Box(typ, cat(body...)) }

func anyFullBox(typ string, version byte, body ...any) []byte {
	return testimage.FullBox(typ, version, cat(body...))
}

// partSamples are parts of each kind, with all fields that they can have, and bytes after them.
func partSamples() map[string]sample {
	newBox, full := anyBox, anyFullBox
	after := "\x05and more"
	unit := func(b ...any) []byte { x := cat(b...); return cat(u16(len(x)), x) }
	array := func(typ int, units ...[]byte) []byte { return cat(typ, u16(len(units)), bytes.Join(units, nil)) }
	hevc := cat(4, array(0xA0, unit(0x40, 1, 7)), array(0xA1, unit(0x42, 1, 7), unit(0x42, 1, 9)), array(39, unit(0x4E, 1, 0x90, 4, "abcd\x80"), unit(0x4E, 1, 4, 1, "x\x80")), array(48, unit(0x60, 1, 1)))
	vvc := func(layers int, more ...any) []byte {
		return cat(u32(0), 0xFF, 0, layers<<4, 0x5F, 2, "\x12\x34\xAB\xCD", cat(more...), 1, u32(7), u16(16), u16(16), u16(24),
			4, 0x80|12, unit(0, 12<<3, 1), 0x80|13, unit(0, 13<<3, 1), array(0x80|15, unit(0, 15<<3, 1), unit(0, 15<<3, 2)), array(20, unit(0, 20<<3, 1)))
	}
	j2k := cat(newBox("ihdr", u32(8), u32(8), u16(3), 7, 7, 0, 0, after), newBox("bpcc", 7, 0x87, 7), newBox("colr", 1, 0, 0, u32(14), u32(100), u32(1), u32(2), u32(3), u32(4), u32(5), u32(6), after), newBox("pclr", u16(2), 3, 7, 7, 0x8F, "abcdefgh", after),
		newBox("cmap", u16(0), 1, 0, u16(1), 1, 1, u16(2), 0, 2, "N1"), newBox("cdef", u16(2), u16(0), u16(0), u16(1), u16(1), u16(1), u16(0), after), newBox("res ", newBox("resc", "0123456789", after), newBox("resd", "0123456789"), newBox("note", after)))
	display := cat(u16(8500), u16(39850), u16(6550), u16(2300), u16(35400), u16(14600), u16(15635), u16(16450), u32(10_000_000), u32(1))
	webDisplay := cat(u16(0xB000), u16(0x4800), u16(0x2000), u16(0xB000), u16(0x1000), u16(0x0800), u16(0x4000), u16(0x4000), u32(1000), u32(1))
	decoder := func(typ, kind int, info ...any) []byte {
		x := cat(info...)
		d := cat(4, 13+2+len(x)+3, typ, kind<<2|1, "\x00\x10\x00", u32(64000), u32(64000), 5, len(x), x, "end")
		return cat(u32(1), 3, 0x80, 0x80, 7+len(d)+6, u16(1), 0xA0, u16(2), u16(3), d, 6, 2, 2, "N", "xy", "after")
	}
	vorbis := cat(2, 30, 7+4+4+4+2, "\x01vorbis", make([]byte, 23), "\x03vorbis", 4, 0, 0, 0, "Lavf", 0, 0, 0, 0, "x\x01", vorbisTables, "codes")
	theora := cat(2, 42, 7+4+4+4+1, "\x80theora", make([]byte, 35), "\x81theora", 4, 0, 0, 0, "Lavf", 0, 0, 0, 0, "x", "\x82theora", "tables")
	opus := func(order binary.AppendByteOrder) []byte {
		return cat(0, 2, order.AppendUint16(nil, 312), order.AppendUint32(nil, 48000), order.AppendUint16(nil, 0), 1, 1, 1, 0, 1, after)
	}
	flac := cat(u32(9), 0, "\x00\x00\x22", make([]byte, 34), 4, "\x00\x00\x05", "hello", 0x84, "\x00\x00\x04", "text", after)
	alac := cat(u32(9), u32(4096), 0, 16, 40, 10, 14, 2, u16(255), u32(0), u32(0), u32(44100))
	wave := cat(1, 0, 2, 0, le32(44100), le32(176400), 4, 0, 16, 0, 3, 0, "abc", after)
	user := cat("\x00\x00\x01\xB0\x01", "\x00\x00\x01\xB2", "Lavc58.54.100", "\x00\x00\x01\xB2", "made by N", "\x00\x00\x01\x20\x08")
	speakers := cat(u32(9), u32(0x10000), u32(3), u32(2), u32(1), u32(2), u32(0), u32(0x3F800000), u32(0), u32(2), u32(2), u32(0), u32(0), u32(0), after)
	triangle := cat(u32(0), u32(7), "raw ", oneTriangle())
	samples := map[string][]byte{
		"hvcC":                  cat(1, bytes.Repeat([]byte{0x41}, 21), hevc, after),
		"avcC":                  cat("\x01\x64\x00\x1E\xFF\xE1", unit("gPS"), 2, unit("hPS"), unit("hPT"), "\xFD\xF8\xF8\x01", unit("mEXT"), after),
		"av1C":                  cat("\x81\x00\x0C\x00", "\x0A\x05HEAD!", "\x2A\x06\x01abcd\x80", "\x2E\x00\x06\x02abcd\x80", "\x7A\x03pad", "\x2A\x1A\x02", bytes.Repeat([]byte{3}, 24), 0x80, "\x08TAIL"),
		"vvcC":                  vvc(1),
		"vvcC of layers":        vvc(3, 5, "\x01\x02"),
		"vvcC alone":            cat(u32(0), 0xFE, 1, array(0x80|15, unit(0, 15<<3, 1))),
		"evcC":                  cat(1, bytes.Repeat([]byte{0x22}, 16), 2, array(0x80|24, unit(25<<1, 1, 7)), array(28, unit(29<<1, 1, 7)), after),
		"j2kH":                  j2k,
		"uncC":                  cat(u32(0), "rgb3", u32(2), u16(0), "\x07\x00\x00", u16(1), "\x07\x00\x00", 0, 0, 0, 0, u32(0), u32(0), u32(0), u32(0), u32(0), after),
		"uncC of a profile":     cat(u32(0x01000009), "rgb3", after),
		"cmpd":                  cat(u32(3), u16(4), u16(5), u16(6), after),
		"cmpC":                  cat(u32(9), "zlib", 0x80, after),
		"icef":                  cat(u32(9), 0x5F, u32(2), make([]byte, 14), after),
		"mskC":                  cat(u32(9), 8, after),
		"iscl":                  cat(u32(9), u16(1), u16(2), u16(1), u16(2), after),
		"icef of long places":   cat(u32(0), 4<<5|4<<2, u32(1), make([]byte, 16)),
		"icef of short sizes":   cat(u32(0), 0, u32(3), "\x01\x02\x03"),
		"icef of middle ones":   cat(u32(0), 3<<5|3<<2, u32(1), make([]byte, 8), after),
		"icef of three":         cat(u32(0), 2<<5|2<<2, u32(1), make([]byte, 6), after),
		"a1op":                  cat(1, after),
		"a1lx":                  cat(0xFE, u16(1), u16(2), u16(3), after),
		"a1lx, large":           cat(1, u32(1), u32(2), u32(3), after),
		"lsel":                  cat(u16(1), after),
		"ispe":                  cat(u32(9), u32(640), u32(480), after),
		"rloc":                  cat(u32(9), u32(64), u32(48), after),
		"pixi":                  cat(u32(9), 3, 8, 8, 32, after),
		"pasp":                  cat(u32(4), u32(3), after),
		"clap":                  cat(u32(80), u32(1), u32(120), u32(1), u32(-40), u32(1), u32(0), u32(1), after),
		"irot":                  cat(0xFF, after),
		"imir":                  cat(0xFF, after),
		"colr":                  cat("nclx", u16(9), u16(16), u16(9), 0xFF, after),
		"colr of QuickTime":     cat("nclc", u16(1), u16(1), u16(1), after),
		"colr with a profile":   cat("prof", profileWith(word)),
		"clli":                  cat(u16(1000), u16(400), after),
		"mdcv":                  cat(display, after),
		"amve":                  cat(u32(100), u16(1), u16(2), after),
		"ndwt":                  cat(u32(9), u32(203), after),
		"auxC":                  cat(u32(9), "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00", after),
		"auxi":                  cat(u32(9), "tag:apple.com,2023:photo:aux:linearthumbnail\x00", after),
		"cmin":                  cat(u32(0x1E01), u32(1), u32(2), u32(3), u32(4), u32(5), after),
		"cmex":                  cat(u32(0xFF1F), make([]byte, 12), make([]byte, 12), after),
		"cmex of small numbers": cat(u32(0x09), u32(1), make([]byte, 6), after),
	}
	for n := range 0x30 { // units of each type, of which few are parameter sets
		samples[fmt.Sprint("hvcC of type ", n)] = cat(1, bytes.Repeat([]byte{0x41}, 21), 1, array(0x80|n, unit(n<<1, 1, 7)))
		samples[fmt.Sprint("evcC of type ", n)] = cat(1, bytes.Repeat([]byte{0x22}, 16), 1, array(0x80|n, unit((n+1)<<1, 1, 7)))
		samples[fmt.Sprint("vvcC of type ", n)] = cat(u32(0), 0xFE, 1, array(0x80|n&0x1F, unit(0, n&0x1F<<3, 1)))
	}
	all := map[string]sample{}
	for name, body := range samples {
		typ, _, _ := strings.Cut(name, " ")
		typ = strings.TrimSuffix(typ, ",")
		all["property "+name] = sample{typ, properties[typ], body}
	}
	for id := range cameras {
		all[fmt.Sprintf("property uuid %x", id[:4])] = sample{"uuid", keepCamera, cat(id, u32(1), bytes.Repeat(u32(1), 5), after)}
	}
	for typ, body := range map[string][]byte{
		"avcC": samples["avcC"],
		"hvcC": samples["hvcC"],
		"lhvC": cat("\xF0\x00\xFC\xFF\x01", hevc, after),
		"vpcC": cat(u32(0x01000009), "\x00\x0A\x82\x02\x02\x02", u16(9), after),
		"esds": decoder(0x20, 4, user),
		"d263": cat("FFMP", 1, 10, 0, newBox("bitr", u32(1000), u32(2000), []byte(after)), newBox("note", []byte(after))),
		"bitr": cat(u32(1), u32(2), after),
		"dvcC": cat("\x01\x00\x0A\x35\x10", make([]byte, 19), after),
		"fiel": cat(2, 9, after),
		"gama": cat(u32(0x23333), after),
		"btrt": cat(u32(1), u32(2), u32(3), after),
		"cclv": cat(0xFF, u32(1), u32(2), u32(3), u32(4), u32(5), u32(6), u32(7), u32(8), u32(9), after),
		"SmDm": cat(u32(9), webDisplay, after),
		"CoLL": cat(u32(9), u16(1000), u16(400), after),
		"cuvv": cat(u16(3), u16(4), u16(5), bytes.Repeat(u32(9), 4), after),
		"ccst": cat(u32(9), u32(0x7C000000), after),
		"apvC": bytes.Repeat([]byte{1}, 256),
		"glbl": cat("\x00\x00\x01\xB5"),
		"SMI ": cat("SEQH", u32(5), "12345", after),
		"ACLR": cat("ACLR0001", u32(2), u32(9), after),
		"mjqt": make([]byte, 4+4*65),
		"mjht": make([]byte, 4+8*273),
		"hfov": cat(u32(63500), after),
		"vexu": cat(newBox("eyes", full("stri", 0, []byte{3}, []byte(after)), full("hero", 0, []byte{1}), newBox("cams", full("blin", 0, u32(19240))), newBox("cmfy", full("dadj", 0, u32(200)))), newBox("proj", full("prji", 0, []byte("rect"))), newBox("pack", full("pkin", 0, []byte("side")))),
		"st3d": cat(u32(9), 1, after),
		"sv3d": cat(full("svhd", 0, []byte("name\x00")), newBox("proj", full("prhd", 0, u32(1), u32(2), u32(3)), full("equi", 0, u32(1), u32(2), u32(3), u32(4)), full("cbmp", 0, u32(0), u32(1)), newBox("mshp", triangle))),
	} {
		all["pictures' "+typ] = sample{typ, pictureBoxes[typ], body}
	}
	for typ, body := range map[string][]byte{
		"esds": decoder(0x40, 5, bytes.Repeat([]byte{0x12}, 70)),
		"dOps": opus(binary.BigEndian),
		"dfLa": flac,
		"alac": cat(alac, after),
		"dac3": cat("\x10\x3D\x40", after),
		"dec3": cat(u16(0x1401), "\x20\x0F\x02\x01", "\x20\x0F\x00", "\x01\x10", after),
		"dac4": make([]byte, 32),
		"ddts": cat(u32(48000), u32(1), u32(2), "\x10abcdefg", after),
		"dmlp": cat("abcdef", u32(1), after),
		"damr": cat("FFMP", 0, u16(0x81FF), 0, 1, after),
		"dqcp": cat("FFMP", 0, 1, after),
		"chan": speakers,
		"pcmC": cat(u32(9), 1, 16, after),
		"mhaC": cat(1, 11, 0, u16(3), "abc", after),
		"srat": cat(u32(9), u32(96000), after),
		"SA3D": cat(0, 0, u32(1), 0, 0, u32(2), u32(0), u32(1), after),
		"chnl": make([]byte, 32),
		"dawp": make([]byte, 32),
		"dapa": make([]byte, 256),
	} {
		all["sound's "+typ] = sample{typ, soundBoxes[typ], body}
	}
	for name, body := range map[string][]byte{
		"with chan": cat(alac, u32(24), "chan", make([]byte, 4), u32(0x650002), make([]byte, 8), after), "a name": u32(9),
	} {
		all["sound's alac "+name] = sample{"alac", keepALAC, body}
	}
	for name, body := range map[string][]byte{
		"of MPEG-2":  decoder(0x61, 4, user),
		"of Vorbis":  decoder(0xDD, 5, vorbis),
		"with a URL": cat(u32(0), 3, 9, u16(1), 0x40, 1, "u", 4, 2, 0x40, 0x15),
	} {
		all["esds "+name] = sample{"esds", keepDecoder, body}
	}
	for typ, body := range map[string][]byte{
		"frma":       cat("alac", after),
		"enda":       cat(0, 1, after),
		"ms\x00\x02": wave,
		".mp3":       wave,
		"QDCA":       make([]byte, 64),
		"damr":       cat("FFMP", "12345", after),
	} {
		all[fmt.Sprintf("wave's %x", typ)] = sample{typ, waveBoxes[typ], body}
	}
	for codec, body := range map[string][]byte{
		"V_MPEG4/ISO/AVC": samples["avcC"],
		"V_MPEGI/ISO/VVC": vvc(1)[4:],
		"V_THEORA":        theora,
		"A_VORBIS":        vorbis,
		"A_FLAC":          cat("fLaC", flac[4:]),
		"A_OPUS":          cat("OpusHead", opus(binary.LittleEndian)),
		"A_MS/ACM":        wave,
		"A_ALAC":          alac[4:],
		"V_VP9":           {1, 1, 0, 2, 1, 10, 3, 1, 8, 4, 1, 1},
		"V_PRORES":        []byte("apch"),
		"A_WAVPACK4":      {4, 16},
		"V_MPEG2":         user,
		"A_AAC":           bytes.Repeat([]byte{0x12}, 64),
		"V_FFV1":          {1, 2, 3},
		asInAVI:           cat(le32(40), le32(16), le32(-16), 1, 0, 24, 0, "XVID", le32(768), le32(0), le32(0), le32(0), le32(0), after),
	} {
		all["private of "+codec] = sample{codec, ofBytes(func(b []byte) bool { return keepPrivate(codec, b) }), body}
	}
	for typ, n := range map[string]int{"roll": 2, "prol": 2, "rap ": 1, "tele": 1, "sync": 1, "stsa": 0, "tsas": 0, "tscl": 20, "av1f": 0, "av1s": 0} {
		all["sgpd of "+typ] = sample{"sgpd", isKnownGroup, cat(u32(9), typ, u32(2), make([]byte, 2*n), after)}
	}
	long := &track{duration: 5000}
	m := func() *movie {
		return &movie{alone: false, timescale: 1000, tracks: map[uint32]*track{1: {stays: true, handler: "soun"}, 2: {handler: "meta"}}}
	}
	for name, p := range map[string]sample{
		"hdlr":                       {"hdlr", keepHandlerBox, cat(u32(9), "mhlr", "vide", make([]byte, 12), "name")},
		"hdlr of no type":            {"hdlr", keepHandlerBox, cat(u32(9), "xxxx", "soun", "name")},
		"elng":                       {"elng", keepLanguageTag, cat(u32(9), "zh-Hans-CN\x00", after)},
		"elng of letters and digits": {"elng", keepLanguageTag, cat(u32(9), "azAZ09-12345")},
		"colr of CIEJab":             {"colr", keepJP2Colr, cat(1, 0, 0, u32(19), bytes.Repeat(u32(1), 6), after)},
		"colr of CIELab":             {"colr", keepJP2Colr, cat(1, 0, 0, u32(14), bytes.Repeat(u32(1), 7), after)},
		"colr of sRGB":               {"colr", keepJP2Colr, cat(1, 0, 0, u32(16), after)},
		"colr of JP2 with a profile": {"colr", keepJP2Colr, cat(2, 0, 0, profileWith(word))},
		"tref":                       {"tref", func(b *box) bool { return m().keepReferences(b) }, cat(newBox("sync", u32(1), u32(2), u32(1), []byte("ab")), newBox("note", u32(1)), newBox("auxl", u32(2)))},
		"dref":                       {"dref", func(b *box) bool { x := m(); ok := x.keepDataReferences(b); return ok && x.problem == nil }, cat(u32(9), u32(2), newBox("url ", u32(1)), newBox("alis", u32(1), []byte(after)), newBox("rsrc", u32(1)))},
		"trex":                       {"trex", func(b *box) bool { return m().keepDefaults(b) }, cat(u32(9), u32(1), u32(1), u32(2), u32(3), u32(4), after)},
		"tfhd":                       {"tfhd", keepFragmentHeader, cat(u32(0x03003B), u32(1), u32(0), u32(9), u32(1), u32(2), u32(3), u32(4), after)},
		"sidx":                       {"sidx", keepSegmentIndex, cat(u32(9), u32(1), u32(1000), u32(1), u32(2), u16(9), u16(2), u32(100), u32(20), u32(0x90000000-1<<32), u32(100), u32(20), u32(0), after)},
		"sidx, wide":                 {"sidx", keepSegmentIndex, cat(u32(0x01000009), u32(1), u32(1000), u32(0), u32(1), u32(0), u32(2), u16(9), u16(1), u32(100), u32(20), u32(0x90000000-1<<32), after)},
		"mfra":                       {"mfra", func(b *box) bool { return m().keepRandomAccess(b) }, cat(full("tfra", 0, u32(1), u32(0xFF), u32(1), u32(1), u32(2), bytes.Repeat([]byte{0, 0, 1, 1}, 3), []byte(after)), full("mfro", 0, u32(9), []byte(after)))},
		"mfra, wide":                 {"mfra", func(b *box) bool { return m().keepRandomAccess(b) }, cat(full("tfra", 1, u32(1), u32(0), u32(1), u32(0), u32(1), u32(0), u32(2), []byte{1, 1, 1}, []byte(after)))},
		"mfra of another track":      {"mfra", func(b *box) bool { return m().keepRandomAccess(b) }, cat(full("tfra", 1, u32(2), u32(0), u32(1), u32(0), u32(1), u32(0), u32(2), []byte{1, 1, 1}))},
		"elst":                       {"elst", editList(long, 4), cat(u32(9), u32(2), u32(20), u32(0), u32(1<<16), u32(20), u32(-1), u32(1<<16), after)},
		"elst, wide":                 {"elst", editList(long, 8), cat(u32(9), u32(1), u32(0), u32(20), u32(0), u32(10), u32(1<<16), after)},
		"stts":                       {"stts", table(8), cat(u32(9), u32(2), u32(1), u32(2), u32(3), u32(4), after)},
		"sgpd":                       {"sgpd", func(b *box) bool { _, ok := groupOf(b); return ok }, cat(u32(0x01000009), "roll", u32(2), u32(2), u16(1), u16(2), after)},
		"sgpd of its own lengths":    {"sgpd", func(b *box) bool { _, ok := groupOf(b); return ok }, cat(u32(0x01000009), "roll", u32(0), u32(2), u32(2), u16(1), u32(2), u16(2), after)},
		"sgpd with a default":        {"sgpd", func(b *box) bool { _, ok := groupOf(b); return ok }, cat(u32(0x02000009), "rap ", u32(1), u32(2), "\x80\x81", after)},
		"sgpd of old":                {"sgpd", func(b *box) bool { _, ok := groupOf(b); return ok }, cat(u32(9), "rap ", u32(2), "\x80\x81", after)},
		"sbgp":                       {"sbgp", func(b *box) bool { _, ok := groupOf(b); return ok }, cat(u32(0x01000009), "rap ", u32(1), u32(1), u32(2), u32(1), after)},
		"sdtp":                       {"sdtp", func(b *box) bool { return len(b.body) >= 4 && keepDependencies(b, 4) }, cat(u32(9), "\x20\x10\x04\x01", after)},
		"spherical":                  {"uuid", keepSpherical, []byte(sphericalID + sphericalHead + "<GSpherical:Spherical>true</GSpherical:Spherical><GSpherical:FullPanoWidthPixels>100</GSpherical:FullPanoWidthPixels>" + sphericalEnd)},
		"mesh":                       {"mshp", keepMesh, triangle},
		"palette":                    {"pclr", keepPalette, cat(u16(2), 3, 7, 15, 0x87, "abcdefgh", after)},
		"channels":                   {"cdef", keepChannels, cat(u16(2), u16(0), u16(0), u16(1), u16(1), u16(0xFFFF), u16(0xFFFF), after)},
		"mapping":                    {"cmap", keepMapping, cat(u16(0), 1, 0, u16(1), 1, 1, "52.5N")},
		"profile":                    {"ICC", ofBytes(cleanICC), variedProfile()},
		"sequence of AVI's indexes":  {"strf", ofBytes(func(b []byte) bool { return keepPrivate(asInAVI, b) }), cat(le32(40), le32(16), le32(16), 1, 0, 8, 0, "MRLE", le32(0), le32(0), le32(0), le32(2), le32(0), "\x01\x02\x03\x00\x04\x05\x06\x00", after)},
	} {
		all[name] = p
	}
	return all
}

// variedProfile returns a color profile with all tags that stay, of each type, and others.
func variedProfile() []byte {
	curve, function := cat("curv", u32(9), u32(2), u16(1), u16(2)), cat("para", u32(9), u16(3), u16(9), u32(1<<16), u32(2), u32(3), u32(4), u32(5))
	stages := func(typ string) []byte { // three channels to three, all stages
		b := cat(typ, u32(9), 3, 3, u16(9))
		at := 32
		var data []byte
		var offsets [5][]byte
		for i, stage := range [][]byte{
			bytes.Repeat(cat(curve), 3), bytes.Repeat(u32(1<<15), 12), bytes.Repeat(cat(function), 3), cat(2, 2, 2, make([]byte, 13), 1, "abc", bytes.Repeat([]byte{7}, 24)), bytes.Repeat(cat(curve), 3),
		} {
			offsets[i] = u32(at + len(data))
			data = cat(data, stage, "gap!")
		}
		return cat(b, bytes.Join(offsets[:], nil), data)
	}
	tags := []struct {
		names string
		data  []byte
	}{
		{"cprt", cat("mluc", u32(9), u32(2), u32(12), "deDE", u32(8), u32(40), "enUS", u32(8), u32(48), wide("wessen"), wide("whose"))},
		{"desc", cat("mluc", u32(9), u32(2), u32(12), "deDE", u32(8), u32(40), "enUS", u32(8), u32(48), wide("Name"), wide("name"))},
		{"wtpt bkpt", cat("XYZ ", u32(9), u32(0xF6D6), u32(0x10000), u32(0xD32D), "more")},
		{"rXYZ gXYZ", cat("XYZ ", u32(9), u32(1), u32(2), u32(3))},
		{"bXYZ", cat("XYZ ", u32(9), u32(1), u32(2))},
		{"rTRC gTRC rTRC", cat(curve, "more")},
		{"bTRC", cat(function, "more")},
		{"kTRC", cat("para", u32(0), u16(5), u16(0), u32(1))},
		{"chad", cat("sf32", u32(9), bytes.Repeat(u32(1<<16), 9), "more")},
		{"cicp", cat("cicp", u32(9), 9, 16, 0, 1, "more")},
		{"A2B0 B2A2", cat("mft1", u32(9), 2, 2, 2, 9, bytes.Repeat(u32(1<<16), 9), bytes.Repeat([]byte{1}, 256*2+4*2+256*2), "more")},
		{"A2B1", cat("mft2", u32(9), 2, 3, 2, 9, bytes.Repeat(u32(1<<16), 9), u16(2), u16(3), bytes.Repeat([]byte{1}, 2*(2*2+4*3+3*3)), "more")},
		{"A2B2", stages("mAB ")},
		{"B2A0", stages("mBA ")},
		{"B2A1", cat("curv", u32(0), u32(0))},
		{"meta", cat("dict", u32(0), word)},
	}
	n := 0
	for _, t := range tags {
		n += len(strings.Fields(t.names))
	}
	at := 128 + 4 + 12*n
	table, data := u32(n), []byte{}
	for _, t := range tags {
		for _, name := range strings.Fields(t.names) {
			table = cat(table, name, u32(at+len(data)), u32(len(t.data)))
		}
		data = cat(data, t.data, "gap!")
	}
	head := bytes.Repeat([]byte{1}, 128)
	be.PutUint32(head, uint32(at+len(data)))
	copy(head[4:], "lcms\x04\x40\x00\x09mntrRGB XYZ ")
	copy(head[36:], "acspAPPL\x00\x00\x00\x07maker")
	copy(head[64:], cat(u32(3), u32(0xF6D6), u32(0x10000), u32(0xD32D), "Maker"))
	return cat(head, table, data)
}

// variedPhotos are photos with parts that devices and programs seldom write.
func variedPhotos() map[string][]byte {
	box, full, seg := anyBox, anyFullBox, testimage.Segment
	m := testimage.Gradient(16, 16)
	named := bytes.Replace(profileWith(word), cat("XYZ ", u32(0), u32(1)), cat("XYZ ", u32(0), u32(1)), 1)
	described := profileOf("desc", cat("desc", u32(9), u32(9), "My space\x00", u32(0), u32(0), u16(0), 9, "Macintosh"))
	described = cat(described[:4], "ADBE", described[8:])
	binary.BigEndian.PutUint32(described[128:], 1)
	profile := variedProfile()
	half := len(profile) / 2
	gain := func(flags byte, n int) []byte {
		return seg(0xE2, cat("urn:iso:std:iso:ts:21496:-1\x00", u32(0), flags, make([]byte, n), word))
	}
	credit := xmpWith(`photoshop:Credit="somebody" xmpNote:HasExtendedXMP="0123456789ABCDEF0123456789ABCDEF"`)
	extended := `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Source="agency"/></rdf:RDF></x:xmpmeta>`
	piece := func(at, n int) []byte {
		return seg(0xE1, cat("http://ns.adobe.com/xmp/extension/\x00", "0123456789ABCDEF0123456789ABCDEF", u32(len(extended)), u32(at), extended[at:at+n]))
	}
	iim := cat(0x1C, 2, 110, u16(8), "somebody", 0x1C, 2, 90, u16(4), "Town", 0x1C, 2, 116, u16(5), "whose")
	second := testimage.JPEG(m, gain(0x80, 8*17), seg(0xE1, []byte(container.XMPIntro+secretXMP)), seg(0xFE, []byte(word)))
	index := func(at uint32) []byte { return mpf(0, at, 1<<30) }
	first := testimage.JPEG(m, gain(0, 0), seg(0xE2, index(1)))
	base := bytes.Index(first, []byte("II*\x00"))
	first = testimage.JPEG(m, gain(0, 0), seg(0xE2, index(uint32(len(first)-base))))
	wide := cat("MPF\x00", "MM\x00*", u32(8), u16(3), u16(0xB000), u16(7), u32(4), "0100", u16(0xB001), u16(4), u32(1), u32(2), u16(0xB002), u16(7), u32(32), u32(50), u32(0), u32(0xE0030001-1<<32), u32(9), u32(0), u16(9), u16(1), u32(0x00010001), u32(9), u32(77), u32(0))
	photos := map[string][]byte{
		"jpeg, all of a profile":     testimage.JPEG(m, seg(0xE2, cat("ICC_PROFILE\x00", 1, 2, profile[:half])), seg(0xE2, cat("ICC_PROFILE\x00", 2, 2, profile[half:]))),
		"jpeg, parts in disorder":    testimage.JPEG(m, seg(0xE2, cat("ICC_PROFILE\x00", 1, 2, profile[:half])), seg(0xE2, cat("ICC_PROFILE\x00", 1, 2, profile[half:]))),
		"jpeg, a named profile":      testimage.JPEG(m, seg(0xE2, cat("ICC_PROFILE\x00", 1, 1, named)), seg(0xE2, cat("ICC_PROFILE\x00", 1, 1, named))),
		"jpeg, a described profile":  testimage.JPEG(m, seg(0xE2, cat("ICC_PROFILE\x00", 1, 1, described))),
		"jpeg, a gain map":           cat(first, second, word),
		"jpeg, a small gain map":     testimage.JPEG(m, gain(0x48, 32), gain(0x48, 32)),
		"jpeg, a big-endian index":   cat(testimage.JPEG(m, seg(0xE2, wide)), second),
		"jpeg, extended XMP":         testimage.JPEG(m, seg(0xE1, []byte(container.XMPIntro+credit)), piece(100, len(extended)-100), seg(0xE2, []byte("between")), piece(0, 100)),
		"jpeg, Photoshop's":          testimage.JPEG(m, testimage.PhotoshopSegment(testimage.PSDResource(0x0404, "", iim), testimage.PSDResource(0x03ED, "", make([]byte, 16))), testimage.PhotoshopSegment(testimage.PSDResource(0x0404, "", iim))),
		"jpeg, JFIF and Adobe":       testimage.JPEG(m, seg(0xE0, cat("JFIF\x00\x01\x02\x02", u16(118), u16(118), 1, 1, "RGB")), seg(0xEE, cat("Adobe", u16(101), u16(0x4000), u16(9), 0))),
		"jpeg, arithmetic":           cat(0xFF, 0xD8, seg(0xCC, cat(0, 0x10, 0x11, 5, 0x40, 1)), seg(0xDD, u16(8)), seg(0xC9, cat(8, u16(8), u16(8), 1, 1, 0x11, 0)), seg(0xDA, cat(1, 1, 0, 0, 63, 0)), "data", "\xFF\xD0", "data", "\xFF\xD9"),
		"jpeg, progressive":          cat(0xFF, 0xD8, seg(0xDB, cat(0, make([]byte, 64), 1, make([]byte, 64))), seg(0xC4, cat(0, 1, make([]byte, 15), 5, 0x10, 0, 2, make([]byte, 14), 1, 2)), seg(0xC2, cat(8, u16(8), u16(8), 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1)), seg(0xDA, cat(3, 1, 0, 2, 0, 3, 0, 0, 0, 1)), "dc", seg(0xC4, cat(0x10, 0, 1, make([]byte, 14), 3)), seg(0xDA, cat(1, 1, 0, 1, 63, 0)), "ac\xFF\x00", "\xFF\xD9"),
		"jpeg, its height after":     cat(0xFF, 0xD8, seg(0xDB, cat(0, make([]byte, 64))), seg(0xC4, cat(0, 1, make([]byte, 15), 5)), seg(0xC0, cat(8, u16(0), u16(8), 1, 1, 0x11, 0)), seg(0xDA, cat(1, 1, 0, 0, 63, 0)), "data", seg(0xDC, u16(8)), "\xFF\xD9"),
		"jpeg, EXIF in two segments": testimage.JPEG(m, seg(0xE1, cat("Exif\x00\x00", secretEXIF()[:100])), seg(0xE1, cat("Exif\x00\x00", secretEXIF()[100:]))),
		"png, all of a profile":      testimage.PNG(m, testimage.PNGChunk("iCCP", cat("mine", 0, 0, testimage.Zlib(profile))), nil),
		"png, labels":                testimage.PNG(m, cat(testimage.TEXT("AIGC", []byte(`{"a":1}`)), testimage.TEXT("AIGC", []byte(`{"b":1}`)), testimage.ZTXT("AIGC", []byte(`{"c":1}`)), testimage.TEXT("AIGC", []byte(`{"d"`)), testimage.PNGChunk("iTXt", []byte(xmpKeyword+"en\x00translated\x00"+credit)), testimage.PNGChunk("iTXt", []byte(xmpKeyword+"\x00\x00"+credit))), nil),
		"png, an animation":          testimage.PNG(m, testimage.PNGChunk("acTL", cat(u32(2), u32(0))), cat(testimage.PNGChunk("fcTL", cat(u32(0), u32(4), u32(5), u32(12), u32(11), u16(1), u16(10), 2, 1)), testimage.PNGChunk("fdAT", cat(u32(1), testimage.Zlib(make([]byte, 20)))), testimage.PNGChunk("fdAT", u32(2)), testimage.PNGChunk("fcTL", cat(u32(2), u32(16), u32(16), u32(0), u32(0), u16(1), u16(10), 0, 0)), testimage.PNGChunk("fdAT", cat(u32(3), testimage.Zlib(make([]byte, 300)), word)), testimage.PNGChunk("fcTL", cat(u32(4), u32(16), u32(16), u32(0), u32(0), u16(1), u16(10), 0, 0)))),
		"webp, all of a profile":     testimage.WebP(testimage.VP8X(0x20), testimage.RIFFChunk("ICCP", profile), testimage.VP8L()),
		"webp, odd chunks":           testimage.WebP(testimage.VP8X(0x12), testimage.RIFFChunk("ANIM", make([]byte, 6)), testimage.RIFFChunk("ANMF", cat(make([]byte, 16), testimage.RIFFChunk("ALPH", []byte("abc")), testimage.RIFFChunk("VP8 ", []byte("lossy")), testimage.RIFFChunk("note", []byte("abc")))), testimage.RIFFChunk("note", []byte("abc")), testimage.RIFFChunk("ANMF", make([]byte, 15))),
		"jxl, pieces":                testimage.JXL(box("jxll", []byte{10}), box("jxlp", u32(0), []byte("\xFF\x0A"+shown)), box("Exif", secretExifItem()), box("xml ", []byte(secretXMP)), box("jxlp", u32(1-1<<31), []byte(shown))),
		"jxl, packed XMP":            testimage.JXL(testimage.Brob("xml ", []byte(xmpWith(`photoshop:Credit="somebody"`)), 16), testimage.Brob("xml ", []byte(secretXMP), 16), box("jxlc", []byte("\xFF\x0A"+shown))),
	}
	segment := func(marker int, data ...any) []byte { b := cat(data...); return cat(u16(marker), u16(2+len(b)), b) }
	part := func(psot int, more ...any) []byte {
		b := cat(cat(more...), u16(sod), shown)
		if psot < 0 {
			psot = 12 + len(b)
		}
		return cat(u16(sot), u16(10), u16(0), u32(psot), 0, 1, b)
	}
	for name, tail := range map[string][]byte{
		"two parts":    cat(part(-1, segment(0xFF52, 0, 0, u16(1), 0, 1, 4, 4, 0, 1), segment(0xFF64, u16(1), word)), part(-1), u16(eoc), word),
		"to the end":   cat(part(0), "\xFF", "\xFF\x91\x00\x04\x00\x00", u16(eoc), word),
		"a short part": part(13),
	} {
		photos["jp2, a codestream of "+name] = cat(u16(soc), segment(siz, u16(0x8000), make([]byte, 32), u16(2), 7, 1, 1, 7, 1, 1, word), segment(0xFF50, u32(3<<16), u16(1), u16(2), word), segment(cod, 1, 0, u16(1), 0, 1, 4, 4, 0, 1, 0x55, 0x66, word), segment(cod, word), segment(0xFF53, 1, 1, 2, 4, 4, 0, 1, "abc", word),
			segment(qcd, 0x20, bytes.Repeat([]byte{8}, 4), word), segment(0xFF5D, 1, 0x22, make([]byte, 14), word), segment(0xFF5D, 0, 0x21, u16(9), word), segment(0xFF5E, 1, 0, 7, word), segment(0xFF5F, 0, 0, u16(1), 1, 1, 0), segment(0xFF60, 0, "heads"), segment(0xFF74, "of T.801"), segment(0xFF55, word), segment(0xFF64, u16(1), word), tail)
	}
	photos["jp2, a header of all"] = testimage.JP2(box("jp2h", partSamples()["property j2kH"].body), box("jp2c", photos["jp2, a codestream of two parts"]), box("uuid", []byte(container.XMPUUID), []byte(secretXMP)), box("uuid", []byte(container.GeoUUID), secretEXIF()))
	bitmap := func(size, w, h, depth, compression, n int, fields func(b []byte), rest ...any) []byte {
		head := cat(le32(size), le32(w), le32(h), 1, 0, depth, 0, le32(compression), le32(n), make([]byte, 104))[:size]
		if fields != nil {
			fields(head)
		}
		table := 0
		if depth <= 8 {
			table = 4 << depth
		} else if size == 40 && compression == 3 {
			table = 12
		}
		b := cat(rest...)
		return cat("BM", le32(14+size+table+len(b)), le32(9), le32(14+size+table), head, bytes.Repeat([]byte{3}, table), b)
	}
	px := bytes.Repeat([]byte{5}, 16*16*4)
	for name, data := range map[string][]byte{
		"one bit":                bitmap(40, 16, 16, 1, 0, 0, nil, px[:64], word),
		"four bits, upside down": bitmap(40, 16, -16, 4, 0, 0, nil, px[:128], word),
		"eight bits":             bitmap(64, 16, 16, 8, 0, 0, nil, px[:256], word),
		"sixteen bits":           bitmap(40, 16, 16, 16, 3, 0, nil, px[:512], word),
		"with alpha":             bitmap(108, 16, 16, 32, 3, 0, func(b []byte) { copy(b[40:], bytes.Repeat([]byte{0xFF, 0, 0, 0}, 4)); copy(b[56:], "BGRs") }, px, word),
		"of OS/2":                cat("BM", le32(26+6+128), le32(0), le32(32), le32(12), 16, 0, 16, 0, 1, 0, 1, 0, "abcdef", px[:64], word),
		"runs of four bits":      bitmap(40, 16, 2, 4, 2, 14, func(b []byte) { copy(b[32:], le32(16)) }, "\x10\x12\x00\x00\x00\x05\x12\x34\x50\x00\x03\x12\x00\x01", word),
		"runs of eight bits":     bitmap(40, 16, 3, 8, 1, 22, nil, "\x10\x01\x00\x00\x00\x02\x03\x00\x00\x03abc\x00\x04\x07\x00\x00\x10\x09\x00\x01", word),
		"with a profile":         bitmap(124, 16, 16, 24, 0, 0, func(b []byte) { copy(b[56:], "DEBM"); copy(b[108:], cat(le32(4), le32(124+768), le32(len(profile)))) }, px[:768], profile, word),
		"of a PNG":               bitmap(40, 16, 16, 0, 5, len(testimage.PNG(m, nil, nil)), nil, testimage.PNG(m, nil, nil)),
	} {
		photos["bmp, "+name] = data
	}
	icon := func(kind int, pictures ...[]byte) []byte {
		out := cat(0, 0, kind, 0, len(pictures), 0)
		at := 6 + 16*len(pictures) + len(word)
		var data []byte
		for _, p := range pictures {
			out = cat(out, 16, 16, 0, 9, 1, 0, 32, 0, le32(len(p)), le32(at+len(data)))
			data = cat(data, p, word)
		}
		return cat(out, word, data)
	}
	photos["ico, of all kinds"] = icon(1, bitmap(40, 16, 32, 32, 0, 0, nil, px, make([]byte, 64))[14:], testimage.PNG(m, testimage.TEXT("a", []byte(word)), nil), bitmap(40, 16, 32, 4, 0, 0, nil, px[:128], make([]byte, 64))[14:], bitmap(40, 16, 32, 24, 0, 0, nil, px[:768], make([]byte, 64), "rest")[14:])
	photos["ico, a cursor"] = icon(2, bitmap(40, 16, 32, 1, 0, 0, nil, px[:64], make([]byte, 64))[14:])

	parts := partSamples()
	property := func(name string) []byte { p := parts["property "+name]; return box(p.typ, p.body) }
	all := made{ipco: [][]byte{property("hvcC"), property("av1C"), property("avcC"), property("vvcC"), property("evcC"), j2kH, property("uncC"), property("mskC"), ispe, property("auxC"), property("irot"), property("colr"), property("colr with a profile"), property("clap"), property("a1lx"), property("cmpd"), property("icef")}, gap: word, hdlrName: word, slack: word}
	for i, x := range []struct {
		typ, data  string
		properties []int
	}{
		{"grid", "\x00\x01\x01\x01\x00\x00\x00\x80\x00\x00\x00\x40" + word, []int{9, 11, 11}},
		{"hvc1", "tile1", []int{0x81, 9}},
		{"av01", "tile2", []int{0x82, 9, 15}},
		{"avc1", "tile3", []int{0x83, 9}},
		{"vvc1", "tile4", []int{0x84, 9}},
		{"evc1", "other", []int{0x85, 9}},
		{"j2k1", string(codestreamFile(-1)), []int{0x86}},
		{"unci", "raw picture", []int{0x87, 16, 17}},
		{"mski", "mask", []int{0x88}},
		{"jpeg", string(testimage.JPEG(m, seg(0xFE, []byte(word)))), []int{9, 12, 13}},
		{"iovl", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\x40\x00\x00\x00\x01" + word, []int{9, 14}},
		{"iden", "", []int{0x8B}},
		{"tmap", "\x00\x00\x00\x00\x00\x48" + strings.Repeat("\x00\x00\x00\x01", 8) + word, []int{9}},
		{"tmap", "\x00\x00\x00\x00\x00\x80" + strings.Repeat("\x00\x00\x00\x01", 4+30) + word, []int{9}},
		{"sato", "\x01\x03\x00\x01\x00\x01\x80" + word, []int{9}},
		{"hvc1", "aux", []int{0x81, 9, 10}},
		{"mime", secretXMP, nil},
		{"Exif", string(secretExifItem()), nil},
	} {
		text := ""
		if x.typ == "mime" {
			text = "\x00application/rdf+xml"
		}
		all.items = append(all.items, mItem{id: i + 1, typ: x.typ, hidden: i > 0 && i < 5, data: x.data, properties: x.properties, text: text})
	}
	all.refs = []mRef{{"dimg", 1, []int{2, 3, 4, 5}}, {"dimg", 11, []int{6}}, {"dimg", 12, []int{6}}, {"dimg", 13, []int{6, 8}}, {"dimg", 14, []int{6, 8}}, {"dimg", 15, []int{6, 8}}, {"auxl", 16, []int{1}}, {"thmb", 10, []int{1}}, {"cdsc", 17, []int{1}}, {"cdsc", 18, []int{1, 99}}, {"note", 2, []int{1}}, {"mask", 9, []int{1}}}
	all.groups = [][]byte{full("altr", 0, u32(77), u32(3), u32(1), u32(99), u32(6)), full("note", 0, u32(78), u32(1), u32(1)), full("ster", 0, u32(79), u32(1), u32(98))}
	photos["heif, of all items"] = all.file()
	all.based = true
	all.items[11].data = word // of iden
	photos["heif, of offsets from a base"] = all.file()
	all.based = false
	for i := range all.items {
		x := all
		x.slack, x.gap = "", ""
		x.items = slices.Concat(all.items[i:i+1], all.items[:i], all.items[i+1:])
		photos[fmt.Sprintf("heif, %d first", i+1)] = x.file()
	}
	return photos
}

// variedFilms are films with boxes, tables and numbers that devices and programs seldom write.
func variedFilms() map[string][]byte {
	box, full := anyBox, anyFullBox
	after := "\x05and more"
	parts := partSamples()
	boxes := func(kind string, types ...string) (out []byte) {
		for _, typ := range types {
			out = cat(out, box(typ, parts[kind+" "+typ].body))
		}
		return out
	}
	pictures := func(typ string, more ...any) []byte {
		return box(typ, make([]byte, 6), u16(1), "vendor and compression"[:16], u16(64), u16(48), u32(0x480000), u32(0x480000), u32(9), u16(1), "\x08compressor"+strings.Repeat("x", 20), u16(24), []byte{255, 255}, cat(more...))
	}
	sound := func(typ string, layout, channels, bits int, more ...any) []byte {
		return box(typ, make([]byte, 6), u16(1), u16(layout), "vendor", u16(channels), u16(bits), u16(-1), u16(9), u32(48000<<16-1<<32), cat(more...))
	}
	const gap = "NOT-OF-A-TRACK"
	data := strings.Repeat(frame+gap, 40)
	step := len(frame + gap)
	// track returns a track of two chunks, whose tables but stsd are given. The offsets are those of frames.
	track := func(version byte, handler string, id int, entries []byte, n int, tables ...any) func(at int) []byte {
		wide := func(v int) []byte {
			if version == 1 {
				return cat(u32(0), u32(v))
			}
			return u32(v)
		}
		return func(at int) []byte {
			offsets := func(frames ...int) []byte {
				out := u32(len(frames))
				for _, k := range frames {
					out = cat(out, u32(at+k*step))
				}
				return full("stco", 0, out, after)
			}
			var made []byte
			for _, x := range tables {
				switch x := x.(type) {
				case []byte:
					made = cat(made, x)
				case []int:
					made = cat(made, offsets(x...))
				case int: // one chunk, with an offset of 64 bits
					made = cat(made, full("co64", 0, u32(1), u32(0), u32(at+x*step), after))
				}
			}
			header := full("vmhd", 0, u16(0), make([]byte, 6), after)
			if handler == "soun" {
				header = full("smhd", 0, u16(0), u16(9), after)
			}
			return box("trak", full("tkhd", version, wide(7), wide(8), u32(id), u32(9), wide(40), u32(9), u32(9), u16(1), u16(2), u16(0x100), u16(9), u32(1<<16), make([]byte, 12), u32(1<<16), make([]byte, 12), u32(1<<30), u32(64<<16), u32(48<<16), after),
				box("tapt", full("clef", 0, u32(64<<16), u32(48<<16), after), full("prof", 0, u32(64<<16), u32(48<<16)), full("enof", 0, u32(1), u32(2))),
				box("edts", full("elst", version, u32(2), wide(20), bytes.Repeat([]byte{255}, 4+4*int(version)), u32(1<<16), wide(20), wide(10), u32(1<<16), after)), box("tref", box("sync", u32(1), u32(2), u32(99)), box("hint", u32(1))),
				box("mdia", full("mdhd", version, wide(7), wide(8), u32(48000), wide(960), u16(0x15C7), u16(9), after), full("elng", 0, "fr-CA\x00", after), full("hdlr", 0, "mhlr", handler, make([]byte, 12), "name"),
					box("minf", header, full("hdlr", 0, "dhlr", "alis", make([]byte, 12), "name"), box("dinf", full("dref", 0, u32(1), full("alis", 0, []byte{1})[:0], box("alis", u32(1), after))),
						box("stbl", full("stsd", 0, u32(n), entries, after), made, box("note", after)))), box("udta", after))
		}
	}
	film := func(brand string, version byte, tracks ...func(at int) []byte) []byte {
		build := func(at int) []byte {
			var made []byte
			for _, t := range tracks {
				made = cat(made, t(at))
			}
			times := cat(u32(7), u32(8), u32(1000), u32(40))
			if version == 1 {
				times = cat(u32(0), u32(7), u32(0), u32(8), u32(1000), u32(0), u32(40))
			}
			return cat(testimage.FileType(brand, "isom", "NOTE", "mp42"), box("moov", full("mvhd", version, times, u32(1<<16), u16(0x100), make([]byte, 10), u32(1<<16), make([]byte, 12), u32(1<<16), make([]byte, 12), u32(1<<30), make([]byte, 24), u32(9), after), made, box("udta", after)), box("mdat", data), box("free", after), box("mdat", gap))
		}
		return build(bytes.Index(build(0), []byte(frame)))
	}
	n := len(frame)
	stsc := full("stsc", 0, u32(2), u32(1), u32(1), u32(1), u32(3), u32(1), u32(9), after)
	two := full("stsc", 0, u32(1), u32(1), u32(2), u32(1))
	stts := full("stts", 0, u32(2), u32(2), u32(10), u32(9), u32(20), after)
	stsz := full("stsz", 0, u32(0), u32(4), u32(n), u32(n), u32(n), u32(n), after)
	avc := pictures("avc1", boxes("pictures'", "avcC", "fiel", "gama", "btrt", "cclv", "vexu", "st3d", "sv3d", "SmDm", "CoLL", "cuvv"), box("colr", parts["property colr"].body), box("pasp", u32(4), u32(3)), box("note", after))
	aac := sound("mp4a", 0, 2, 16, boxes("sound's", "esds", "chan", "btrt", "srat", "SA3D"))
	h265 := pictures("hvc1", boxes("pictures'", "hvcC", "lhvC"), boxes("property", "clli", "mdcv", "amve", "clap"))
	pcm := func(typ string, layout int, more ...any) []byte { return sound(typ, layout, 2, 16, cat(more...)) }
	rows := func(sizes ...int) []byte {
		out := cat(u32(len(sizes)))
		for _, x := range sizes {
			out = cat(out, u32(x))
		}
		return out
	}
	stz2 := func(width, count int, b ...any) []byte {
		return full("stz2", 0, 1, 2, 3, width, u32(count), cat(b...), after)
	}
	extras := cat(full("ctts", 0, u32(2), u32(2), u32(10), u32(2), u32(20), after), full("stss", 0, u32(3), u32(1), u32(3), u32(9), after), full("stps", 0, u32(2), u32(2), u32(4), after), full("cslg", 0, u32(0), u32(-10), u32(10), u32(0), u32(40), after), full("sdtp", 0, "\x20\x10\x08\x04", after),
		full("sgpd", 1, "roll", u32(2), u32(1), u16(-1), after), full("sbgp", 0, "roll", u32(1), u32(4), u32(1), after), full("sgpd", 0, "rap ", u32(1), 0x80), full("sbgp", 0, "sync", u32(1), u32(1), u32(1)))
	films := map[string][]byte{
		"mp4 of all boxes":                       film("isom", 0, track(0, "vide", 1, avc, 1, stsc, stts, stsz, extras, []int{0, 1, 2, 3}), track(0, "soun", 2, aac, 1, stsc, stts, stsz, []int{4, 5, 6, 7}), track(0, "text", 3, box("text", after), 1, stsc, stsz, []int{8, 9})),
		"mp4 of wide numbers":                    film("isom", 1, track(1, "vide", 1, h265, 1, two, stts, stsz, full("ctts", 1, u32(1), u32(4), u32(-10)), full("cslg", 1, make([]byte, 40), after), 0), track(1, "soun", 2, aac, 1, two, stts, stsz, 4), track(1, "meta", 3, box("mett", after), 1, two, stsz, 8)),
		"mp4 of sizes of 16 bits":                film("isom", 0, track(0, "vide", 1, avc, 1, stsc, stts, stz2(16, 4, u16(n), u16(n), u16(n), u16(n)), []int{3, 2, 1, 0})),
		"mp4 of sizes of a byte":                 film("isom", 0, track(0, "vide", 1, avc, 1, two, stts, stz2(8, 3, n, n, n), []int{0, 2}), track(0, "meta", 3, box("mett", after), 1, two, stz2(8, 3, n, n, n), []int{4, 6})),
		"mp4 of sizes of 4 bits":                 film("isom", 0, track(0, "vide", 1, avc, 1, full("stsc", 0, u32(1), u32(1), u32(3), u32(1)), stts, stz2(4, 5, 0x9A, 0xBC, 0xDF), []int{0, 2})),
		"mp4 of one size":                        film("isom", 0, track(0, "vide", 1, avc, 1, two, stts, full("stsz", 0, u32(10), u32(3), after), []int{0, 2, 4})),
		"mp4 that goes on after its data":        film("isom", 0, track(0, "vide", 1, avc, 1, stsc, stts, full("stsz", 0, rows()[:0], u32(0), rows(n, n, n, 1<<20)), []int{0, 1, 2, 3, 400}), track(0, "soun", 2, aac, 1, two, stts, full("stsz", 0, u32(n), u32(9)), []int{4, 500, 600})),
		"mp4 of sizes of 16 bits after its data": film("isom", 0, track(0, "vide", 1, avc, 1, stsc, stts, stz2(16, 4, u16(n), u16(0xF000), u16(n), u16(n)), []int{0, 1, 300, 2})),
		"mp4 of many rows":                       film("isom", 0, track(0, "vide", 1, avc, 1, stsc, stts, stsz, []int{0, 9, 1, 7}), track(0, "soun", 2, aac, 1, stsc, stts, stsz, []int{20, 3, 21, 2}), track(0, "auxv", 4, avc, 1, stsc, stts, stsz, []int{30, 12, 31, 11})),
		"mov of two entries":                     film("qt  ", 0, track(0, "vide", 1, cat(avc, h265), 2, stsc, stts, stsz, []int{0, 1, 2, 3}), track(0, "soun", 2, cat(pcm("sowt", 0), pcm("twos", 0)), 2, full("stsc", 0, u32(2), u32(1), u32(1), u32(1), u32(2), u32(1), u32(2)), full("stts", 0, u32(1), u32(4), u32(1)), full("stsz", 0, u32(1), u32(4)), []int{4, 5})),
		"mov of a palette":                       film("qt  ", 0, track(0, "vide", 1, cat(box("rle ", make([]byte, 6), u16(1), make([]byte, 66), u16(2), u16(0), u32(9), u16(0x8000), u16(1), bytes.Repeat(u16(0x1234), 8), box("gama", u32(0x23333)), box("note", after))), 1, stsc, stts, stsz, []int{0, 1, 2, 3})),
		"mov of JPEGs":                           film("qt  ", 0, track(0, "pict", 1, pictures("jpeg", boxes("pictures'", "ACLR", "mjqt", "mjht")), 1, stsc, stts, stsz, []int{0, 1, 2, 3})),
	}
	moments, one := full("stts", 0, u32(1), u32(12), u32(1)), full("stsz", 0, u32(1), u32(12))
	many := full("stsc", 0, u32(1), u32(1), u32(6), u32(1))
	for typ, layout := range map[string][]byte{
		"raw ": nil,
		"NONE": nil,
		"twos": nil,
		"ulaw": nil,
		"in24": nil,
		"in32": nil,
		"fl32": nil,
		"fl64": nil,
		"ima4": nil,
		"MAC3": nil,
		"MAC6": nil,
		"sowt": cat(u32(1), u32(2), u32(4), u32(2)),
		".mp3": cat(u32(3), u32(2), u32(12), u32(2)),
		"lpcm": cat(u32(72), "\x40\xE7\x70\x00\x00\x00\x00\x00", u32(2), u32(0x7F000000), u32(16), u32(12), u32(4), u32(1)),
	} {
		films["mov of "+typ] = film("qt  ", 0, track(0, "soun", 1, pcm(typ, map[int]int{
			0:  0,
			16: 1,
			36: 2,
		}[len(layout)], layout, box("wave", boxes("sound's", "chan"), box("frma", typ))), 1, many, moments, one, []int{1, 3}), track(0, "vide", 2, avc, 1, stsc, stts, stsz, []int{4, 5, 6, 7}))
	}
	fragment := func(alone bool, tfhd, trun uint32, fields ...any) []byte {
		var start []byte
		if !alone {
			empty := cat(full("stts", 0, u32(0)), full("stsc", 0, u32(0)), full("stsz", 0, u32(0), u32(0)), full("stco", 0, u32(0)))
			start = cat(box("moov", full("mvhd", 0, make([]byte, 96)), track(0, "vide", 1, avc, 1, empty)(0), track(0, "meta", 2, box("mett"), 1, empty)(0), box("mvex", full("mehd", 1, u32(0), u32(90), after), full("trex", 0, u32(1), u32(1), u32(2), u32(n), u32(3), after), full("trex", 0, u32(2), u32(1), u32(2), u32(n), u32(3)))))
		}
		build := func(at int) []byte {
			head := cat(u32(int(tfhd)), u32(1))
			if tfhd&1 != 0 {
				head = cat(head, u32(0), u32(at))
			}
			for _, flag := range []uint32{2, 8, 16, 32} {
				if tfhd&flag != 0 {
					head = cat(head, u32(map[uint32]int{2: 1, 8: 10, 16: n, 32: 1 << 16}[flag]))
				}
			}
			run := cat(u32(int(trun)), u32(2))
			if trun&1 != 0 {
				run = cat(run, u32(map[bool]int{true: 0, false: at}[tfhd&1 != 0]))
			}
			moof := box("moof", full("mfhd", 0, u32(1), after), box("traf", box("tfhd", head, after), full("tfdt", 1, u32(0), u32(5), after), box("trun", run, cat(fields...), after), box("trun", u32(0), u32(1), after), full("sdtp", 0, "\x20\x10", after), full("sgpd", 1, "roll", u32(2), u32(1), u16(1)), full("sbgp", 0, "roll", u32(1), u32(2), u32(0x10001), after), box("note", after)),
				box("traf", full("tfhd", 0, u32(2)), box("trun", u32(0x200), u32(1), u32(n))))
			return cat(testimage.FileType("iso5", "dash", "note"), start, box("sidx", parts["sidx"].body), moof, box("mdat", frame, frame, frame, gap, frame), box("mfra", parts["mfra"].body))
		}
		at := build(0)
		where := bytes.Index(at, []byte(frame))
		if tfhd&0x20000 != 0 {
			where -= bytes.Index(at, []byte("moof")) - 4
		}
		return build(where)
	}
	all := cat(u32(10), u32(n), u32(1<<24), u32(-5), u32(10), u32(n), u32(1<<16), u32(5))
	for name, alone := range map[string]bool{"a film": false, "alone": true} {
		films["mp4 in fragments of all numbers, "+name] = fragment(alone, 0x2003A, 0xF01, all)
		films["mp4 in fragments from an offset, "+name] = fragment(alone, 0x1, 0x205, u32(0x2000000), u32(n), u32(n))
		films["mp4 in fragments of durations, "+name] = fragment(alone, 0x20010, 0x101, u32(10), u32(10))
		films["mp4 in fragments one after the other, "+name] = fragment(alone, 0, 0x800, u32(-5), u32(5))
	}
	maps.Copy(films, variedMatroska())
	maps.Copy(films, variedAVIs())
	return films
}

// variedMatroska are films with elements of all kinds.
func variedMatroska() map[string][]byte {
	number := func(id, v int) []byte { return ebml(id, []byte{byte(v)}) }
	list := func(f func(id int) []byte, ids ...int) (out []byte) {
		for _, id := range ids {
			out = cat(out, f(id))
		}
		return out
	}
	small := func(id int) []byte { return number(id, 1) }
	half := func(id int) []byte { return ebml(id, u32(0x3F000000)) }
	long := func(id int) []byte { return ebml(id, u32(0x3FE12345), u32(0x01020304)) }
	unknown := func(id int, body ...[]byte) []byte { // an element whose size isn't known
		return cat(ebml(id)[:len(ebml(id))-4], "\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF", bytes.Join(body, nil))
	}
	head := func(typ string) []byte {
		return ebml(idEBML, list(small, 0x4286, 0x42F7, 0x42F2, 0x42F3, 0x4287, 0x4285), ebml(0x4282, []byte(typ)), ebml(idVoid, []byte(word)))
	}
	track := func(n, typ int, codec string, more ...[]byte) []byte {
		return ebml(idTrackEntry, number(0xD7, n), ebml(0x73C5, []byte("12345678")), number(0x83, typ), ebml(0x86, []byte(codec)), bytes.Join(more, nil))
	}
	triangle := cat(u32(0), u32(7), "raw ", oneTriangle())
	video := ebml(0xE0, list(small, 0x9A, 0x9D, 0x53B8, 0x53C0, 0xB0, 0xBA, 0x54AA, 0x54BA, 0x54B2, 0x2EB524), half(0x2FB523), ebml(0x55B0, list(small, 0x55B1, 0x55B9, 0x55BA, 0x55BB, 0x55BC, 0x55BD), ebml(0x55D0, list(half, 0x55D1, 0x55D2), list(long, 0x55D9, 0x55DA), small(0x55DB))),
		ebml(0x7670, small(0x7671), ebml(0x7672, triangle), list(half, 0x7673, 0x7674, 0x7675)), small(0x5501))
	parts := partSamples()
	tracks := ebml(idTracks, number(0xEC, 0),
		track(1, 1, "V_VP9", video, list(small, 0xB9, 0x88, 0x55AA, 0x9C, 0x6DE7, 0x55EE, 0xAA), ebml(0x23E383, u32(1), u16(2)), half(0x23314F), ebml(0x22B59C, []byte("eng")), ebml(0x22B59D, []byte("en-GB")), ebml(0x63A2, parts["private of V_VP9"].body),
			ebml(0xE2, ebml(0xE3, ebml(0xE4, small(0xE6), ebml(0xE5, []byte("12345678")))), ebml(0xE9, ebml(0xED, []byte("1234567")))), ebml(0x41E4, ebml(0x41E7, u32(0x64766343)), small(0x41F0), ebml(0x41ED, parts["pictures' dvcC"].body)), ebml(0x41E4, ebml(0x41E7, u32(0x64767643)), small(0x41A4)), ebml(0x41E4, small(0x41E7))),
		track(2, 1, "V_MJPEG", ebml(0xE0, small(0xB0)), ebml(0x63A2, []byte(word))), track(3, 2, "A_OPUS\x00", ebml(0x63A2, parts["private of A_OPUS"].body), ebml(0xE1, list(small, 0x9F, 0x6264), list(half, 0xB5), long(0x78B5)), ebml(0x22B59C, []byte("fra")), ebml(0x22B59D, []byte("fr-CA\x00"+word)), list(small, 0x56AA, 0x56BB)),
		track(4, 1, asInAVI, ebml(0x63A2, parts["private of "+asInAVI].body)), track(5, 2, "A_AAC/MPEG4/LC", ebml(0x6D80, ebml(0x6240, list(small, 0x5031, 0x5032, 0x5033), ebml(0x5034, number(0x4254, 3), ebml(0x4255, []byte("header")))))), track(6, 2, "A_AAC", ebml(0x6D80, ebml(0x6240, ebml(0x5035, u32(1))))),
		track(7, 1, asInAVI, ebml(0x63A2, bytes.Replace(parts["private of "+asInAVI].body, []byte("XVID"), []byte("mpng"), 1))), track(1, 2, "A_AC3"), track(8, 2, "A_FLAC", ebml(0x63A2, []byte(word))), track(9, 1, "V_WHAT"), track(0, 2, "A_AC3"), track(10, 17, "S_TEXT/UTF8"), number(0xA7, 9))
	block := func(n, flags int, b ...[]byte) []byte { return cat(0x80|n, 0, 0, flags, bytes.Join(b, nil)) }
	jpeg := cat("\xFF\xD8\xFF\xE0", u16(16), "JFIF\x00\x01\x02\x01", u16(72), u16(72), "\x00\x00\xFF\xEE", u16(14), "Adobe", u16(100), u16(0xC000), u16(9), 1, "\xFF\xE1", u16(48), "\x00\x00\x00\x00mjpg", make([]byte, 38), "\xFF\xDD", u16(6), u16(8), u16(9), "\xFF\xFF\xFE", u16(2+len(word)), word, "\xFF\xDA", u16(4), "ab", frame, "\xFF\x00\xFF\xD0", frame, "\xFF\xD9\x00\x00\xFF\xFF\xD8\xFF\xFE", u16(2+len(word)), word, "\xFF\xDA", u16(4), "ab", frame, "\xFF\xD9", word)
	more := func(body ...[]byte) []byte { return ebml(idBlockMore, body...) }
	alpha := ebml(idBlockAddition, []byte(frame))
	cluster := func(n int) []byte {
		return cat(list(small, 0xE7, 0xAB, 0xA7), ebml(idSimpleBlock, block(1, 0x80, []byte(frame))), ebml(idSimpleBlock, block(2, 0x80, jpeg)), ebml(idSimpleBlock, block(2, 0x84, jpeg)), ebml(idSimpleBlock, block(3, 0x02, []byte(frame))), ebml(idSimpleBlock, block(6, 0, []byte(word))), ebml(idSimpleBlock, []byte{0x81, 0}), ebml(idSimpleBlock, []byte{0x40, 5, 0, 0, 0}, []byte(frame)),
			ebml(idBlockGroup, ebml(idBlock, block(1, 0, []byte(frame))), list(small, 0x9B, 0xFA, 0xFB, 0x75A2, 0xA4), ebml(idBlockAdditions, more(number(idBlockAddID, 1), alpha), more(alpha), more(number(idBlockAddID, 4), alpha), more(alpha, number(idBlockAddID, 1)), number(idVoid, 1), []byte{0})),
			ebml(idBlockGroup, number(0x9B, 1), ebml(idBlock, block(3, 0, []byte(frame))), ebml(idBlockAdditions, more(alpha)), []byte{0, 1, 2}), ebml(idBlockGroup, number(0x9B, 1), ebml(idBlock, block(6, 0, []byte(word))), number(0x9B, 1)), ebml(idBlockGroup, ebml(idBlock, block(2, 0, jpeg)), ebml(0x9B, make([]byte, 9))), number(0xAF, n))
	}
	seek := ebml(idSeekHead, ebml(idSeek, ebml(idSeekID, u32(idCues)), ebml(idSeekPosition, u32(0x1234))), ebml(idSeek, ebml(idSeekID, u32(idCluster)), number(idSeekPosition, 9), number(0x53AD, 1)), ebml(idSeek, ebml(idSeekID, u32(0x1043A770))), number(idVoid, 1), []byte{1, 2, 3})
	info := ebml(idInfo, ebml(0x2AD7B1, u32(1_000_000)), long(0x4489), ebml(0x4D80, []byte("app")), ebml(0x5741, []byte("app")), number(0x4461, 1))
	cues := ebml(idCues, ebml(idCuePoint, number(0xB3, 1), ebml(idTrackPositions, list(small, idCueTrack, 0x5378, 0xF1, 0xF0, 0xB2, 0xEA)), ebml(idTrackPositions, number(idCueTrack, 6))), ebml(idCuePoint, number(0xB3, 2), ebml(idTrackPositions, number(idCueTrack, 6))), number(idVoid, 1))
	tags := ebml(0x1254C367, []byte(word))
	return map[string][]byte{
		"mkv of all elements":   cat(head("matroska"), ebml(idSegment, seek, info, tracks, ebml(idCluster, cluster(1)), ebml(idCluster, cluster(2)), cues, tags), number(idVoid, 1), word),
		"mkv as it is streamed": cat(head("webm\x00"), unknown(idSegment, info, tracks, unknown(idCluster, cluster(1)), unknown(idCluster, cluster(2)), tags, unknown(idCluster, cluster(3)), cues, unknown(idCluster, cluster(4)), ebml(0x1941A469, []byte(word)), unknown(idCluster, cluster(5)), ebml(0x1043A770, []byte(word)), unknown(idCluster, cluster(6)), seek, unknown(idCluster, cluster(7)), info, unknown(idCluster, cluster(8)), tracks), head("webm"), unknown(idSegment, info, tracks, unknown(idCluster, cluster(1)))),
		"mkv of an open group":  cat(head("matroska"), ebml(idSegment, info, tracks, ebml(idCluster, unknown(idBlockGroup, ebml(idBlock, block(1, 0, []byte(frame))), number(0x9B, 1))), ebml(idCluster, cluster(1)))),
		"mkv with cues first":   cat(head("matroska"), ebml(idSegment, seek, cues, info, tracks, ebml(idCluster, cluster(1)[:200]), []byte{0, 0})),
	}
}

// variedAVIs are AVIs with chunks of all kinds.
func variedAVIs() map[string][]byte {
	ch := testimage.RIFFChunk
	list := func(typ string, chunks ...[]byte) []byte { return ch("LIST", cat(typ, bytes.Join(chunks, nil))) }
	strh := func(typ, codec string) []byte {
		return ch("strh", cat(typ, codec, le32(1), le32(9), le32(0), le32(1), le32(25), le32(0), le32(10), le32(1000), le32(-1), le32(0), 1, 0, 2, 0, 0xF8, 0xFF, 48, 0, "more"))
	}
	bitmap := func(codec string, depth, colors int, more ...any) []byte {
		return ch("strf", cat(le32(40), le32(16), le32(-16), 9, 0, depth, 0, codec, le32(768), le32(0), le32(0), le32(colors), le32(0), cat(more...)))
	}
	sound := func(tag, n int, more ...any) []byte {
		return ch("strf", cat(tag, 0, 2, 0, le32(48000), le32(192000), 4, 0, 16, 0, n, 0, cat(more...)))
	}
	index := func(kind int, id string, more ...any) []byte {
		return cat(4, 0, 0, kind, le32(2), id, make([]byte, 8), "left", cat(more...))
	}
	parts := partSamples()
	units := "\x00\x00\x00\x01\x67\x42\x00\x00\x00\x01\x06\x05made by N\x00\x00\x01\x68\x01"
	header := list("hdrl", ch("avih", cat(bytes.Repeat(le32(1000), 10), "reserved", le32(9))),
		list("strl", strh("vids", "H264"), bitmap("H264", 24, 0, units), ch("vprp", cat(bytes.Repeat(le32(1), 8), le32(2), bytes.Repeat(le32(3), 16), "more")), ch("indx", index(0, "00dc", le32(500), le32(0), le32(100), le32(5), le32(600), le32(0), le32(100), le32(5), "more"))),
		list("strl", strh("vids", "xvid"), bitmap("XVID", 24, 0, parts["private of V_MPEG2"].body)), list("strl", strh("vids", "MRLE"), bitmap("MRLE", 8, 2, "\x01\x02\x03\x00\x04\x05\x06\x00", "more")), list("strl", strh("vids", "MJPG"), bitmap("mjpg", 24, 0)), list("strl", strh("vids", "mpng"), bitmap("MPNG", 24, 0, word)),
		list("strl", strh("auds", "\x55\x00\x00\x00"), sound(0x55, 12, make([]byte, 12), "more")), list("strl", strh("auds", "\x00\x00\x00\x00"), ch("strf", cat(1, 0, 1, 0, le32(8000), le32(8000), 1, 0, 8, 0))), list("strl", strh("auds", "vorb"), sound(0x6F, len(parts["private of A_VORBIS"].body), parts["private of A_VORBIS"].body, "more")),
		list("strl", strh("iavs", "dvsd"), sound(0, 0)), list("strl", strh("mids", "midi"), ch("strf", []byte(word))), list("strl", strh("note", "what"), ch("strf", []byte(word))), list("strl", strh("vids", "HFYU"), bitmap("HFYU", 24, 0, "tables")), list("odml", ch("dmlh", cat(le32(9), word))))
	jpeg := cat("\xFF\xD8\xFF\xE0", u16(16), "AVI1\x03\x01", u32(100), u32(9), "\xFF\xFE", u16(2+len(word)), word, "\xFF\xDA", u16(4), "ab", frame, "\xFF\xD9\xFF\xD8\xFF\xDA", u16(4), "ab", frame, "\xFF\xD9", word)
	movi := func(more ...[]byte) []byte {
		return list("movi", cat(ch("00dc", []byte(frame)), ch("01db", []byte(frame+"x")), ch("02pc", []byte(frame)), ch("03dc", jpeg), ch("04dc", []byte(word)), ch("05wb", []byte(frame)), ch("08iv", []byte(frame)), ch("99dc", []byte(word)), ch("0:dc", []byte(word)), ch("/0dc", []byte(word)), ch("00xx", []byte(word)), ch("11__", []byte(frame)),
			ch("ix00", index(1, "00dc", le32(8), le32(23-1<<31), le32(90), le32(7))), ch("ix04", index(1, "04dc", le32(8), le32(23))), list("rec ", ch("06wb", []byte(frame)), ch("10dc", []byte(word)))), bytes.Join(more, nil))
	}
	entry := func(id string, flags int) []byte { return cat(id, le32(flags), le32(4), le32(23)) }
	old := cat(entry("00dc", 0x10), entry("04dc", 0x10), entry("rec ", 1), entry("05wb", -1), entry("note", 9), "rest")
	return map[string][]byte{
		"avi of all chunks":      cat(ch("RIFF", cat("AVI ", header, list("INFO", ch("ICRD", []byte(word))), movi(), ch("idx1", old), ch("JUNK", []byte(word)))), ch("RIFF", cat("AVIX", movi())), word),
		"avi of an unknown size": bytes.Replace(cat(ch("RIFF", cat("AVI ", header, movi(ch("idx1", old), ch("00dc", []byte(word)))))), cat(le32(len(movi(ch("idx1", old), ch("00dc", []byte(word))))-8), "movi"), cat(le32(0), "movi"), 1),
		"avi of short chunks":    ch("RIFF", cat("AVI ", list("hdrl", ch("avih", bytes.Repeat(le32(1000), 10)), list("strl", ch("strh", cat("vidsXVID", make([]byte, 40))), ch("strf", bitmap("XVID", 24, 0)[8:]), ch("vprp", make([]byte, 36))), list("strl", ch("strh", cat("audswave", make([]byte, 39))), sound(1, 0)), list("odml", ch("dmlh", le32(9)))), movi(), ch("idx1", old[:16]))),
		"avi of 101 streams":     ch("RIFF", cat("AVI ", list("hdrl", ch("avih", bytes.Repeat(le32(1000), 14)), bytes.Repeat(list("strl", strh("auds", "wave"), sound(1, 0)), 101)), movi(ch("90wb", []byte(frame)), ch("09wb", []byte(frame)), ch("19wb", []byte(frame))))),
		"avi with zeros between": bytes.ReplaceAll(ch("RIFF", cat("AVI ", header, movi())), []byte("LIST"), []byte("\x00\x00\x00LIST")),
	}
}

// function is a function of bytes, and bytes of which each counts.
type function struct {
	of   func(b []byte) any
	body []byte
}

// functionSamples are the functions that read numbers.
func functionSamples() map[string]function {
	le := func(v ...int) (b []byte) {
		for _, x := range v {
			b = append(b, le32(x)...)
		}
		return b
	}
	all := map[string]function{
		"parseElement":               {func(b []byte) any { e, ok := parseElement(b); return fmt.Sprint(e, ok) }, []byte("\x1A\x45\xDF\xA3\x01\x00\x00\x00\x00\x00\x01\x23")},
		"parseElement, short":        {func(b []byte) any { e, ok := parseElement(b); return fmt.Sprint(e, ok) }, []byte("\x42\x86\x81\x01")},
		"vint":                       {func(b []byte) any { v, n, ok := vint(b); return fmt.Sprint(v, n, ok) }, []byte("\x11\x22\x33\x44")},
		"isNumber":                   {func(b []byte) any { return isNumber(b) }, []byte("\x00\x00\x00\x00\x00\x01\x02\x03\x04\x05")},
		"isWide":                     {func(b []byte) any { return isWide(b) }, []byte("\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08")},
		"isFraction":                 {func(b []byte) any { return fmt.Sprintf("%v %x", isFraction(b), b) }, []byte("\x40\x49\x0F\xDB\x40\x09\x21\xFB\x00")},
		"mixedUID":                   {func(b []byte) any { return fmt.Sprintf("%v %x", mixedUID(b), b) }, []byte("\x00\x00\x00\x01\x02\x03\x04\x05\x06")},
		"gainMapLength of the first": {func(b []byte) any { return gainMapLength(b, true) }, make([]byte, 8)},
		"mendJFIF":                   {func(b []byte) any { mendJFIF(append(b, make([]byte, 12)...)[:12]); return b }, []byte("JFIF\x00\x01\x02\x02\x00\x48\x00\x48")},
		"mendAdobe":                  {func(b []byte) any { mendAdobe(append(b, make([]byte, 12)...)[:12]); return b }, []byte("Adobe\x00\x64\x80\x00\x00\x00\x01")},
		"mpfAttributes":              {func(b []byte) any { return mpfAttributes(be.Uint32(append(b, 0, 0, 0, 0))) }, u32(0xFF010001 - 1<<32)},
		"areLow":                     {func(b []byte) any { return areLow(b) }, u32(0x01020304)},
		"areLowLE":                   {func(b []byte) any { return areLowLE(b) }, u32(0x01020304)},
		"areCodePoints":              {func(b []byte) any { return areCodePoints(b) }, u16(9)},
		"mendMatrix":                 {func(b []byte) any { mendMatrix(append(b, make([]byte, 36)...)[:36]); return b }, cat(u32(1<<16), u32(0), u32(0), u32(0), u32(-1<<16), u32(0), u32(64<<16), u32(0), u32(1<<30))},
		"mendRate":                   {func(b []byte) any { mendRate(append(b, 0, 0, 0, 0)[:4]); return b }, u32(1 << 16)},
		"mendVolume":                 {func(b []byte) any { mendVolume(append(b, 0, 0)[:2]); return b }, u16(256)},
		"mendDuration":               {func(b []byte) any { b = append(b, 0, 0, 0, 0)[:4]; mendDuration(b, 1000); return b }, u32(86_400_000)},
		"mendLengths":                {func(b []byte) any { mendLengths(b[:len(b)&^3]); return b }, cat(u32(64<<16), u32(48<<16))},
		"isTimescale":                {func(b []byte) any { return isTimescale(be.Uint32(append(b, 0, 0, 0, 0))) }, u32(100_000_000)},
		"isColorSEI":                 {func(b []byte) any { return isColorSEI(b) }, cat(137, 24, make([]byte, 24), 144, 4, "abcd", 147, 1, 18, 148, 8, "abcdefgh", 0x80)},
		"isColorSEI of 3D":           {func(b []byte) any { return isColorSEI(b) }, cat(165, 8, "abcd\x01\x01\x01\x01", 176, 16, bytes.Repeat([]byte{2}, 16), 0x80)},
		"isLanguage":                 {func(b []byte) any { return isLanguage(be.Uint16(append(b, 0, 0))) }, u16(0x15C7)},
		"keepLanguage":               {func(b []byte) any { return fmt.Sprintf("%v %x", keepLanguage(b, false), b) }, []byte("fra\x00")},
		"isChunkID":                  {func(b []byte) any { return isChunkID(b) }, []byte("00~ ")},
		"descriptor":                 {func(b []byte) any { x, y, ok := descriptor(b, 3); return fmt.Sprintf("%x %x %v", x, y, ok) }, []byte("\x03\x80\x80\x05abcdefg")},
		"layerLen":                   {func(b []byte) any { return layerLen(b) }, cat("\x00\xC4\x8D\x88\x00\x2D\x02\x04\x06\x14\x43", make([]byte, 180))},
		"layerLen of no estimates":   {func(b []byte) any { return layerLen(b) }, cat("\x00\xCC\x40\x17\xDE\x02\x8F\x0A\x27", bytes.Repeat([]byte{0x5A}, 180))},
		"power":                      {func(b []byte) any { return power(len(b), 3, 50) }, make([]byte, 5)},
		"parseBox":                   {func(b []byte) any { h, ok := parseBox(b); return fmt.Sprint(h, ok) }, []byte("\x00\x00\x00\x01moov\x00\x00\x00\x00\x00\x01\x00\x00")},
		"superIndex":                 {func(b []byte) any { return fmt.Sprintf("%v %x", superIndex(b), b) }, cat(2, 0, 0, 1, le(2), "00dc", make([]byte, 12), le(8, 23-1<<31, 90, 7))},
		"superIndex of indexes":      {func(b []byte) any { return fmt.Sprintf("%v %x", superIndex(b), b) }, cat(4, 0, 0, 0, le(1), "00dc", make([]byte, 12), le(500, 0, 100, 5))},
	}
	for name, b := range map[string][]byte{
		"little": mpf(0, 5000, 70)[4:],
		"big":    cat("MM\x00*", u32(8), u16(3), u16(0xB000), u16(7), u32(4), "0100", u16(0xB001), u16(4), u32(1), u32(2), u16(0xB002), u16(7), u32(32), u32(50), u32(0), u32(0xE0030001-1<<32), u32(9), u32(0), u16(2), u16(3), u32(0x00010001), u32(9), u32(77), u32(0)),
	} {
		all["rewriteMPF, "+name] = function{func(b []byte) any { index, starts := rewriteMPF(b); return fmt.Sprintf("%x %v", index, starts) }, b}
	}
	for name, b := range map[string][]byte{
		"one channel":               cat(u32(0), 0x40, make([]byte, 8*7)),
		"one denominator":           cat(u32(0), 0x08, make([]byte, 4+4*7)),
		"three channels":            cat(u32(0), 0x88, make([]byte, 4+4*17)),
		"three channels, fractions": cat(u32(0), 0x80, make([]byte, 8*17)),
	} {
		all["gainMapLength of "+name] = function{func(b []byte) any { return gainMapLength(b, false) }, b}
	}
	for marker, b := range map[byte][]byte{
		0xDB: cat(0x13, make([]byte, 128), 0x03, make([]byte, 64)),
		0xC4: cat(0x13, 0, 2, 1, make([]byte, 13), "abc"),
		0xCC: cat(0x10, 0x11, 1, 5),
		0xDD: u32(8),
		0xDC: u32(8),
		0xDA: cat(2, 1, 0x11, 2, 0x11, 0, 63, 0, "more"),
		0xC0: cat(8, u16(8), u16(8), 2, 1, 0x44, 0, 2, 0x11, 3, "more"),
	} {
		all[fmt.Sprintf("tableLength of %X", marker)] = function{func(b []byte) any {
			if len(b) == 0 {
				return nil
			}
			return fmt.Sprint(tableLength(marker, b), oneTable(marker, b))
		}, b}
		for _, frame := range []byte{0xC0, 0xC2, 0xC9} {
			all[fmt.Sprintf("isPossible of %X in %X", marker, frame)] = function{func(b []byte) any { return isPossible(marker, b[:tableLength(marker, b)], frame, []byte{1, 2}) }, b}
		}
	}
	for _, bits := range []byte{0xDD, 0xDE, 0xED} {
		all[fmt.Sprintf("isPossible of %X bits", bits)] = function{func(b []byte) any { return isPossible(0xDA, b, 0xC2, []byte{1, 2}) }, cat(1, 2, 0x11, 63, 63, int(bits))}
	}
	for typ, b := range map[string][]byte{
		"grid": cat(0, 0, 1, 1, u16(64), u16(48)),
		"iovl": cat(0, 1, make([]byte, 8), u32(64), u32(48), bytes.Repeat(u32(1), 8)),
		"tmap": cat(0, u16(0), u16(0), 0x88, make([]byte, 4+8+60)),
		"sato": cat(2, 3, 0, u32(256), 1, 128),
		"iden": nil,
	} {
		for _, n := range []int{1, 4} {
			all[fmt.Sprint("keepDerived of ", typ, n)] = function{func(b []byte) any { return keepDerived([4]byte([]byte(typ)), slices.Clone(b), n) }, cat(b, "and more")}
		}
	}
	for size, b := range map[int][]byte{
		12:  cat(16, 0, 16, 0, 1, 0, 8, 0),
		40:  cat(le(16, -16), 1, 0, 8, 0, le(0, 768, 0, 0, 16, 0)),
		56:  cat(le(16, 16), 1, 0, 32, 0, le(3, 0, 0, 0, 0, 0), make([]byte, 16)),
		124: cat(le(16, 16), 1, 0, 24, 0, le(0, 768, 0, 0, 0, 0), make([]byte, 16), "DEBM", make([]byte, 48), le(4, 892, 100, 0)),
	} {
		for _, icon := range []bool{false, true} {
			all[fmt.Sprint("parseDIB of ", size, icon)] = function{func(b []byte) any {
				d, ok := parseDIB(b, icon)
				if ok {
					d.clean(b[:d.size])
				}
				return fmt.Sprintf("%v %v %x", d, ok, b)
			}, cat(le(size), b)}
		}
	}
	fixed := []byte("\x78\x9C\x4B\x4C\x4A\x4E\x49\x4D\x43\x22\x00\x3B\x49\x06\x5B")
	for name, b := range map[string][]byte{
		"stored":      cat("\x78\x01", 0, 3, 0, 0xFC, 0xFF, "abc", 1, 2, 0, 0xFD, 0xFF, "de", u32(0x12345678), "more"),
		"fixed codes": cat(fixed, "more"),
		"tables":      testimage.DeflateTables(300),
	} {
		all["zlibStream of "+name] = function{func(b []byte) any {
			given := false
			z := zlibStream{more: func() []byte {
				if given {
					return nil
				}
				given = true
				return b
			}}
			ok := z.skip()
			return fmt.Sprint(ok, z.used())
		}, b}
	}
	for name, b := range mixed() {
		all["Sniff, "+name] = function{func(b []byte) any { v, format := Sniff(b); return fmt.Sprint(v, format, Undecided(b)) }, b[:min(len(b), 48)]}
	}
	return all
}

// shortened is a part of a file that can have any length.
type shortened struct {
	redacted func(b []byte) []byte
	body     []byte
}

// shortenedFiles are files in which a part can be too short for its fields.
func shortenedFiles(t *testing.T) map[string]shortened {
	m := testimage.Gradient(8, 8)
	credit := &Policy{EXIF: &exif.Options{}, IPTC: iptc.Policy{Keep: func(string) bool { return true }}}
	all := map[string]shortened{}
	add := func(name string, body []byte, file func(b []byte) []byte) {
		all[name] = shortened{func(b []byte) []byte { return redact(t, file(b), credit, 0) }, body}
	}
	for marker, bodies := range map[byte][][]byte{
		0xE0: {[]byte("JFIF\x00\x01\x02\x01\x00\x48\x00\x48\x01\x01RGB")},
		0xE1: {cat("Exif\x00\x00", secretEXIF()), []byte(container.XMPIntro + xmpWith(`photoshop:Credit="somebody"`))},
		0xEE: {cat("Adobe", u16(100), u16(0x4000), u16(9), 1, "more")},
		0xE2: {cat("ICC_PROFILE\x00", 1, 1, profile()), cat("urn:iso:std:iso:ts:21496:-1\x00", u32(0), "more"), mpf(0, 9)},
		0xED: {cat("Photoshop 3.0\x00", testimage.PSDResource(0x0404, "", cat(0x1C, 2, 110, u16(8), "somebody")))},
		0xFE: {[]byte(word)},
		0xDD: {u32(8)},
		0xDB: {cat(0, make([]byte, 64))},
		0xC4: {cat(0, 1, make([]byte, 15), 5)},
	} {
		for i, body := range bodies {
			add(fmt.Sprintf("a segment %X %d", marker, i), body, func(b []byte) []byte { return testimage.JPEG(m, testimage.Segment(marker, b)) })
		}
	}
	for typ, body := range map[string][]byte{
		"PLTE": make([]byte, 12),
		"tRNS": make([]byte, 4),
		"cHRM": make([]byte, 33),
		"gAMA": u32(45455),
		"sRGB": u16(0),
		"cICP": u32(0x01020001),
		"mDCV": cat(content("mDCV", 24), 0),
		"cLLI": make([]byte, 9),
		"pHYs": make([]byte, 10),
		"sBIT": u32(0x08080808),
		"bKGD": make([]byte, 7),
		"acTL": make([]byte, 9),
		"iCCP": cat("n", 0, 0, testimage.Zlib(profile())),
		"eXIf": secretEXIF(),
		"iTXt": []byte(xmpKeyword + "en\x00x\x00" + xmpWith(`photoshop:Credit="somebody"`)),
		"tEXt": []byte("AIGC\x00{\"a\":1}"),
		"fcTL": make([]byte, 27),
		"IEND": {0},
	} {
		add("a chunk "+typ, body, func(b []byte) []byte { return testimage.PNG(m, testimage.PNGChunk(typ, b), nil) })
	}
	for typ, body := range map[string][]byte{
		"VP8X": cat(0x3E, make([]byte, 9), word),
		"ICCP": profile(),
		"ANIM": cat("123456", word),
		"ALPH": []byte("alpha"),
		"ANMF": cat(make([]byte, 16), testimage.VP8L()),
		"EXIF": secretEXIF(),
		"XMP ": []byte(xmpWith(`photoshop:Credit="somebody"`)),
	} {
		add("a chunk of WebP "+typ, body, func(b []byte) []byte {
			return testimage.WebP(testimage.VP8X(0x3E), testimage.RIFFChunk(typ, b), testimage.VP8L(), testimage.RIFFChunk(typ, b))
		})
	}
	for id, body := range map[int][]byte{0x4489: u32(0x3F000000), 0x2AD7B1: make([]byte, 9), 0x4D80: []byte("app"), 0x7BA9: []byte(word)} {
		add(fmt.Sprintf("an element %X", id), body, func(b []byte) []byte {
			return cat(ebml(idEBML, ebml(0x4282, []byte("matroska"))), ebml(idSegment, ebml(idInfo, ebml(id, b)), ebml(idTracks, ebml(idTrackEntry, ebml(0xD7, []byte{1}), ebml(0x83, []byte{1}), ebml(0x86, []byte("V_VP8")))), ebml(idCluster, ebml(0xE7, b), ebml(idSimpleBlock, b))))
		})
	}
	codecs := partSamples()
	for name := range codecs {
		if codec, ok := strings.CutPrefix(name, "private of "); ok {
			add("a track of "+codec, codecs[name].body, func(b []byte) []byte {
				return cat(ebml(idEBML, ebml(0x4282, []byte("matroska"))), ebml(idSegment, ebml(idTracks, ebml(idTrackEntry, ebml(0xD7, []byte{1}), ebml(0x83, []byte{map[bool]byte{
					true:  1,
					false: 2,
				}[codec[0] == 'V']}), ebml(0x86, []byte(codec)), ebml(0x63A2, b))), ebml(idCluster, ebml(idSimpleBlock, []byte("\x81\x00\x00\x80"+frame)))))
			})
		}
	}
	films := slackAVI(&places{})
	for _, typ := range []string{"avih", "strh", "strf", "vprp", "indx", "dmlh", "idx1"} {
		at := bytes.Index(films, []byte(typ))
		n := int(binary.LittleEndian.Uint32(films[at+4:]))
		add("a chunk of AVI "+typ, films[at+8:at+8+n], func(b []byte) []byte {
			return cat(films[:at], testimage.RIFFChunk(typ, b), films[at+8+(n+1)&^1:])
		})
	}
	for typ, body := range map[string][]byte{
		"Exif": secretExifItem(),
		"xml ": []byte(xmpWith(`photoshop:Credit="somebody"`)),
		"jxll": {10, 1},
		"jxlp": cat(u32(-1<<31), "\xFF\x0A", shown),
		"jxlc": []byte("\xFF\x0A" + shown),
		"brob": testimage.Brob("xml ", []byte(xmpWith(`photoshop:Credit="somebody"`)), 16)[8:],
	} {
		add("a box of JPEG XL "+typ, body, func(b []byte) []byte {
			return testimage.JXL(testimage.Box(typ, b), testimage.Box("jxlc", []byte("\xFF\x0A"+shown)))
		})
	}
	for label, body := range map[byte][]byte{
		0xF9: {4, 9, 0, 0, 1, 0},
		0xFE: cat(8, word, 0),
		0xFF: cat(11, "NETSCAPE2.0", 3, 1, 0, 0, 0),
		0x01: cat(12, make([]byte, 12), 8, word, 0),
	} {
		add(fmt.Sprintf("an extension %X", label), body, func(b []byte) []byte { return gifFile(cat(0x21, label, b)) })
	}
	return all
}
