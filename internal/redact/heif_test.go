package redact

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// marker is planted where no decoder reads.
const marker = "MARKER-47-11"

// mItem is an item of a made HEIF.
type mItem struct {
	id         int
	typ        string
	hidden     bool
	properties []int // indexes in ipco, from 1
	data       string
	text       string // after the type in infe
}

// mRef is a reference of a made HEIF.
type mRef struct {
	typ  string
	from int
	to   []int
}

// made describes a HEIF, whose first item is the primary one.
type made struct {
	items  []mItem
	refs   []mRef
	ipco   [][]byte
	groups [][]byte

	hdlrName, gap, afterMeta, afterFile string
	slack                               string
	based                               bool // offsets count from a base
}

var ispe = testimage.FullBox("ispe", 0, u32(64), u32(64))

// file returns the HEIF.
func (m made) file() []byte {
	box, full := testimage.Box, testimage.FullBox
	slack := []byte(m.slack)
	ftyp := testimage.FileType("heic", "mif1", "heic")
	var iinf, iref [][]byte
	ipma := u32(len(m.items))
	data := []byte(m.gap)
	place := map[int]int{}
	for _, it := range m.items {
		infe := full("infe", 2, u16(it.id), u16(0), []byte(it.typ+it.text), []byte{0}, slack)
		if it.hidden {
			infe[11] = 1
		}
		iinf = append(iinf, infe)
		ipma = append(cat(ipma, u16(it.id)), byte(len(it.properties)))
		for _, p := range it.properties {
			ipma = append(ipma, byte(p))
		}
		place[it.id] = len(data)
		data = cat(data, it.data, m.gap)
	}
	for _, r := range m.refs {
		b := cat(u16(r.from), u16(len(r.to)))
		for _, id := range r.to {
			b = append(b, u16(id)...)
		}
		iref = append(iref, box(r.typ, b, slack))
	}
	build := func(at int) []byte {
		iloc := u16(len(m.items))
		for _, it := range m.items {
			where := u32(at + place[it.id])
			if m.based {
				where = cat(u32(at), u16(1), u32(place[it.id]))
			} else {
				where = cat(u16(1), where)
			}
			iloc = cat(iloc, u16(it.id), u16(0), where, u32(len(it.data)))
		}
		sizes := []byte{0x44, 0}
		if m.based {
			sizes[1] = 0x40
		}
		return box("meta", []byte{0, 0, 0, 0},
			full("hdlr", 0, []byte("\x00\x00\x00\x00pict"), make([]byte, 12), []byte(m.hdlrName+"\x00")),
			full("pitm", 0, u16(m.items[0].id), slack),
			full("iinf", 0, append([][]byte{u16(len(m.items))}, append(iinf, slack)...)...),
			full("iloc", 0, sizes, iloc, slack),
			full("iref", 0, append(iref, slack)...),
			box("iprp", box("ipco", append(slices.Clone(m.ipco), slack)...), full("ipma", 0, ipma, slack), slack),
			box("grpl", append(slices.Clone(m.groups), slack)...),
			[]byte(m.afterMeta))
	}
	meta := build(0)
	return cat(ftyp, build(len(ftyp)+len(meta)+8), box("mdat", data), m.afterFile)
}

// iPhone returns a HEIF as phones make it: tiles, an auxiliary picture, a thumbnail.
func iPhone(auxType string) made {
	return made{
		items: []mItem{
			{id: 10, typ: "grid", data: "\x00\x00\x00\x01\x00\x80\x00\x40", properties: []int{2}},
			{id: 1, typ: "hvc1", hidden: true, data: "the first tile", properties: []int{0x81, 2}},
			{id: 2, typ: "hvc1", hidden: true, data: "the second tile", properties: []int{0x81, 2}},
			{id: 3, typ: "hvc1", hidden: true, data: "an auxiliary picture", properties: []int{0x81, 2, 3}},
			{id: 4, typ: "hvc1", hidden: true, data: "a thumbnail", properties: []int{0x81, 2}},
		},
		refs: []mRef{{"dimg", 10, []int{1, 2}}, {"auxl", 3, []int{10}}, {"thmb", 4, []int{10}}},
		ipco: [][]byte{hvcC, ispe, testimage.FullBox("auxC", 0, []byte(auxType+"\x00"))},
		groups: [][]byte{
			testimage.FullBox("altr", 0, u32(77), u32(2), u32(10), u32(3)),
		},
	}
}

// shownIn reports which of some items' data is in b.
func shownIn(b []byte, m made) (ids []int) {
	for _, it := range m.items {
		if bytes.Contains(b, []byte(it.data)) {
			ids = append(ids, it.id)
		}
	}
	return ids
}

func TestNothingPointsAtAnItemThatGoes(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(m *made)
		want   []int
	}{
		"known auxiliary":        {func(*made) {}, []int{10, 1, 2, 3, 4}},
		"Apple's of next year":   {func(m *made) { *m = iPhone("tag:apple.com,2031:photo:aux:styledeltamap") }, []int{10, 1, 2, 3, 4}},
		"glasses":                {func(m *made) { *m = iPhone("urn:com:apple:photo:2020:aux:semanticglassesmatte") }, []int{10, 1, 2, 3, 4}},
		"unknown auxiliary":      {func(m *made) { *m = iPhone("urn:com:apple:photo:2020:aux:" + marker) }, []int{10, 1, 2, 4}},
		"no year":                {func(m *made) { *m = iPhone("tag:apple.com,year:photo:aux:styledeltamap") }, []int{10, 1, 2, 4}},
		"auxiliary without type": {func(m *made) { m.items[3].properties = []int{0x81} }, []int{10, 1, 2, 4}},
		"unknown item":           {func(m *made) { m.items[4].typ = "xyz1" }, []int{10, 1, 2, 3}},
		"protected item":         {func(m *made) { m.items[4].typ = "mime" }, []int{10, 1, 2, 3}},
		"thumbnail without hvcC": {func(m *made) { m.items[4].properties = []int{2} }, []int{10, 1, 2, 3}},
		"hidden and unused": {func(m *made) {
			m.items = append(m.items, mItem{id: 5, typ: "hvc1", hidden: true, data: marker, properties: []int{0x81}})
		}, []int{10, 1, 2, 3, 4}},
		"derived from an unknown item": {func(m *made) {
			m.items = append(m.items, mItem{id: 5, typ: "xyz1", data: marker},
				mItem{id: 6, typ: "grid", data: "\x00\x00\x00\x00\x11\x22\x33\x44", properties: []int{2}},
				mItem{id: 7, typ: "iden", data: marker + "7"})
			m.refs = append(m.refs, mRef{"dimg", 6, []int{5}}, mRef{"dimg", 7, []int{6}})
		}, []int{10, 1, 2, 3, 4}},
		"thumbnail of an unknown item": {func(m *made) {
			m.items = append(m.items, mItem{id: 5, typ: "xyz1", data: marker}, mItem{id: 6, typ: "hvc1", data: marker + "6", properties: []int{0x81}})
			m.refs = append(m.refs, mRef{"thmb", 6, []int{5}})
		}, []int{10, 1, 2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			m := iPhone("urn:com:apple:photo:2020:aux:hdrgainmap")
			tt.change(&m)
			out := redact(t, m.file(), &Policy{}, 0)
			if got := shownIn(out, m); !slices.Equal(got, tt.want) {
				t.Errorf("got the items %v, want %v", got, tt.want)
			}
			if bytes.Contains(out, []byte(marker)) {
				t.Errorf("the marker is in %q", out)
			}
			x := indexOfFile(t, out)
			var ids []int
			for _, it := range x.items {
				ids = append(ids, int(it.id))
			}
			if !slices.Equal(ids, tt.want) {
				t.Errorf("iinf has %v, want %v", ids, tt.want)
			}
			for _, r := range x.refs {
				if slices.Contains(x.to[r.to[0]:r.to[1]], -1) {
					t.Errorf("%s of %d points at nothing", r.typ, x.items[r.from].id)
				}
			}
			for _, b := range groupIDs(x.boxes["grpl"]) {
				if !slices.Contains(ids, b) {
					t.Errorf("a group has %d", b)
				}
			}
			if bytes.Contains(out, []byte("grpl\x00\x00\x00\x00free")) {
				t.Error("libheif refuses free boxes in grpl")
			}
		})
	}
}

// indexOfFile reads the index of a HEIF.
func indexOfFile(t *testing.T, b []byte) *itemIndex {
	t.Helper()
	f := &isoFile{r: bytes.NewReader(b), plan: &Plan{policy: &Policy{}}}
	if err := f.walk(); err != nil {
		t.Fatal(err)
	}
	m := newItemIndex(f)
	if !m.readItems() || !m.readLocations() || !m.readReferences() || !m.readProperties() {
		t.Fatal("the index is broken")
	}
	return m
}

func groupIDs(grpl []byte) (ids []int) {
	eachBox(grpl, func(b box) {
		for b := b.body[12:]; len(b) > 0; b = b[4:] {
			ids = append(ids, int(be.Uint32(b)))
		}
	})
	return ids
}

func TestMarkerInSlackOfHEIFIsGone(t *testing.T) {
	full, box := testimage.FullBox, testimage.Box
	property := func(b []byte) func(*made) {
		return func(m *made) {
			m.ipco = append(m.ipco, b)
			m.items[0].properties = append(m.items[0].properties, len(m.ipco))
		}
	}
	for name, change := range map[string]func(m *made){
		"handler's name":     func(m *made) { m.hdlrName = marker },
		"between items":      func(m *made) { m.gap = marker },
		"end of boxes":       func(m *made) { m.slack = marker },
		"box in boxes":       func(m *made) { m.slack = string(box("note", []byte(marker))) },
		"after meta's boxes": func(m *made) { m.afterMeta = marker },
		"box in meta":        func(m *made) { m.afterMeta = string(box("note", []byte(marker))) },
		"second iinf": func(m *made) {
			m.afterMeta = string(full("iinf", 0, u16(1), full("infe", 2, u16(1), u16(0), []byte("hvc1"+marker))))
		},
		"second iprp": func(m *made) { m.afterMeta = string(box("iprp", box("ipco", box("colr", []byte("prof"+marker))))) },
		"bytes after": func(m *made) { m.afterFile = marker },
		"box after":   func(m *made) { m.afterFile = string(box("uuid", []byte(marker+marker))) },
		"second meta": func(m *made) { m.afterFile = string(box("meta", []byte(marker))) },
		"second mdat": func(m *made) { m.afterFile = string(box("mdat", []byte(marker))) },
		"item's name": func(m *made) { m.items[1].text = marker },
		"grid":        func(m *made) { m.items[0].data += marker },
		"unused property": func(m *made) {
			m.ipco = append(m.ipco, box("colr", []byte("nclx\x00\x01\x00\x01\x00\x01\x80")), full("ispe", 0, []byte(marker[:8])))
		},
		"unknown property":    property(box("udes", []byte(marker))),
		"ispe":                property(full("ispe", 0, u32(1), u32(1), []byte(marker))),
		"pixi":                property(full("pixi", 0, []byte("\x03\x08\x08\x08"+marker))),
		"colr":                property(box("colr", []byte("nclx\x00\x01\x00\x01\x00\x01\x80"+marker))),
		"unknown colr":        property(box("colr", []byte(marker))),
		"profile of no type":  property(box("colr", []byte("prof"+marker))),
		"clap":                property(box("clap", make([]byte, 32), []byte(marker))),
		"pasp":                property(box("pasp", make([]byte, 8), []byte(marker))),
		"irot":                property(box("irot", []byte("\x01"+marker))),
		"clli":                property(box("clli", []byte("\x00\x01\x00\x01"+marker))),
		"mdcv":                property(box("mdcv", make([]byte, 24), []byte(marker))),
		"cclv":                property(box("cclv", []byte{0x04, 0, 0, 0, 1}, []byte(marker))),
		"auxC's subtype":      func(m *made) { m.ipco[2] = full("auxC", 0, []byte("urn:mpeg:hevc:2015:auxid:1\x00"+marker)) },
		"end of hvcC":         property(cat(u32(8+23+len(marker)), "hvcC", 1, make([]byte, 22), marker)),
		"hvcC's SEI":          property(hevcConfig(39, "\x4E\x01\x05\x0C"+marker+"\x80")),
		"hvcC's unknown unit": property(hevcConfig(48, "\x60\x01"+marker)),
		"av1C's T.35":         property(box("av1C", []byte("\x81\x00\x0C\x00\x2A\x0E\x04"+marker+"\x80"))),
		"av1C's padding":      property(box("av1C", []byte("\x81\x00\x0C\x00\x7A\x0C"+marker))),
		"end of avcC":         property(box("avcC", []byte("\x01\x42\x00\x1E\xFF\xE0\x00"+marker))),
		"pixi of 12 channels": property(full("pixi", 0, []byte("\x0C"+marker))),
		"clap of no picture":  property(box("clap", []byte(marker+marker+"12345678"))),
		"mdcv of no display":  property(box("mdcv", []byte(marker+marker))),
		"colour volume":       property(box("cclv", []byte("\x20"+marker+marker))),
		"viewing environment": property(full("reve", 0, []byte(marker+"1234"))),
		"another coding":      property(box("av1C", []byte("\x81\x00\x0C\x00\x0A\x0C"+marker))),
		"second hvcC": func(m *made) {
			m.ipco = append(m.ipco, hevcConfig(33, "\x42\x01"+marker))
			m.items[1].properties = append(m.items[1].properties, len(m.ipco))
		},
		"second ispe": func(m *made) {
			m.ipco = append(m.ipco, full("ispe", 0, []byte(marker[:8])), box("irot", []byte{1}))
			m.items[1].properties = append(m.items[1].properties, len(m.ipco)-1)
		},
		"group":            func(m *made) { m.groups[0] = full("altr", 0, u32(77), u32(1), u32(10), []byte(marker)) },
		"unknown group":    func(m *made) { m.groups[0] = full("pymd", 0, []byte(marker)) },
		"group of no item": func(m *made) { m.groups[0] = full("altr", 0, []byte(marker[:4]), u32(2), []byte(marker[4:])) },
		"unknown reference": func(m *made) {
			m.refs = append(m.refs, mRef{"note", 1, []int{0x4D41, 0x524B, 0x4552, 0x2D34, 0x372D, 0x3131}})
		},
		"reference to none": func(m *made) {
			m.refs = append(m.refs, mRef{"thmb", 1, []int{0x4D41, 0x524B, 0x4552, 0x2D34, 0x372D, 0x3131}})
		},
		"item of text": func(m *made) { m.items = append(m.items, mItem{id: 9, typ: "mime", data: marker}) },
	} {
		t.Run(name, func(t *testing.T) {
			m := iPhone("urn:com:apple:photo:2020:aux:hdrgainmap")
			change(&m)
			data := m.file()
			out := redact(t, data, &Policy{EXIF: &exif.Options{}}, 0)
			if bytes.Contains(out, []byte(marker)) {
				t.Errorf("the marker is in %q", out)
			}
			if !bytes.Contains(out, []byte("the first tile")) || !bytes.Contains(out, []byte("the second tile")) {
				t.Errorf("the picture isn't in %q", out)
			}
			if again := redact(t, out, &Policy{EXIF: &exif.Options{}}, 0); !bytes.Equal(again, out) {
				t.Errorf("redacted again: %q, want %q", again, out)
			}
		})
	}
}

// hevcConfig returns hvcC with one NAL unit.
func hevcConfig(typ int, unit string) []byte {
	return testimage.Box("hvcC", []byte{1}, make([]byte, 21), []byte{1, byte(typ)}, u16(1), u16(len(unit)), []byte(unit))
}

func TestConfigurationsKeepWhatDecodersNeed(t *testing.T) {
	for name, b := range map[string][]byte{
		"hvcC of SPS":           hevcConfig(0xA1, "\x42\x01\x01\x01SPS"),
		"hvcC of a light level": hevcConfig(39, "\x4E\x01\x90\x04\x03\xE8\x01\x90\x80"),
		"av1C":                  testimage.Box("av1C", []byte("\x81\x00\x0C\x00\x0A\x05\x08EAD!")),
		"avcC":                  testimage.Box("avcC", []byte("\x01\x64\x00\x1E\xFF\xE1\x00\x03gPS\x01\x00\x03hPS\xFD\xF8\xF8\x00")),
	} {
		x := box{typ: string(b[4:8]), all: b, body: slices.Clone(b[8:])}
		if !properties[x.typ](&x) || !bytes.Equal(x.body, b[8:]) {
			t.Errorf("%s: got %q, want %q", name, x.body, b[8:])
		}
	}
}

// TestConfigurationIsCutOff checks that no configuration makes the server fail that ends in or after any of its fields.
func TestConfigurationIsCutOff(t *testing.T) {
	for name, p := range partSamples() {
		for n := range len(p.body) {
			b := box{typ: p.typ, all: make([]byte, 8+n), body: slices.Clone(p.body[:n])}
			if p.keep(&b) && len(b.body) > n {
				t.Errorf("%s of %d bytes: got %d", name, n, len(b.body))
			}
		}
	}
	m := iPhone("urn:mpeg:hevc:2015:auxid:1")
	m.ipco = append(m.ipco, testimage.Box("vvcC", []byte{0, 0, 0, 0, 0xFE})) // without the number of its arrays
	m.items[4].typ, m.items[4].properties = "vvc1", []int{0x84}
	if got := shownIn(redact(t, m.file(), &Policy{}, 0), m); !slices.Equal(got, []int{10, 1, 2, 3}) {
		t.Errorf("got the items %v", got)
	}
}

// TestStereoPairsKeepTheirCameras checks the properties of spatial photos, in the standard's and in Apple's form.
func TestStereoPairsKeepTheirCameras(t *testing.T) {
	intrinsics := cat(u32(0x1E00), u32(1<<20), u32(1<<29), u32(1<<29))
	extrinsics := cat(u32(0x29), u32(19_000), make([]byte, 6), "MARK") // with the number of a world
	for _, x := range []struct{ typ, uuid, body, want string }{
		{"cmin", "", string(intrinsics) + marker, string(intrinsics)},
		{"cmin", "", string(cat(u32(1), make([]byte, 20), marker)), string(cat(u32(1), make([]byte, 20)))},
		{"cmin", "", string(intrinsics[:12]), ""},
		{"cmex", "", string(extrinsics), string(cat(u32(9), extrinsics[4:14]))},
		{"cmex", "", string(cat(u32(0x1F), make([]byte, 12+12))), string(cat(u32(0x1F), make([]byte, 12+12)))},
		{"cmex", "", string(cat(u32(0), marker)), string(u32(0))},
		{"uuid", "22CC04C7D6D94E079D904EB6ECBAF3A3", string(intrinsics) + marker, string(intrinsics)},
		{"uuid", "4363E9145B7D4AAB97AEBEA69803B434", string(cat(u32(1), u32(19_000), marker)), string(cat(u32(1), u32(19_000)))},
		{"uuid", "DE22508536CB436587432F8705E7C78A", string(u32(-200)) + marker, string(u32(-200))},
		{"uuid", "00112233445566778899AABBCCDDEEFF", marker, ""},
		{"uuid", "0011", "", ""},
	} {
		id, err := hex.DecodeString(x.uuid)
		if err != nil {
			t.Fatal(err)
		}
		b := box{typ: x.typ, body: cat(id, x.body)}
		if kept := properties[x.typ](&b); kept != (x.want != "") || kept && !bytes.Equal(b.body, cat(id, x.want)) {
			t.Errorf("%s %s: got %q, want %q", x.typ, x.uuid, b.body, x.want)
		}
	}
	m := iPhone("urn:com:apple:photo:2020:aux:hdrgainmap")
	for id, body := range map[string][]byte{"22CC04C7D6D94E079D904EB6ECBAF3A3": intrinsics, "4363E9145B7D4AAB97AEBEA69803B434": u32(0)} {
		id, _ := hex.DecodeString(id)
		m.ipco = append(m.ipco, testimage.Box("uuid", id, body))
	}
	m.items[0].properties = append(m.items[0].properties, 4, 5)
	if out := redact(t, m.file(), &Policy{}, 0); !bytes.Contains(out, m.ipco[3]) || !bytes.Contains(out, m.ipco[4]) {
		t.Error("an item has one uuid box only")
	}
}

func TestOnlyTheEXIFOfTheAnswerStaysInHEIF(t *testing.T) {
	item := func(maker string) string {
		b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, maker)}}
		return string(testimage.ExifData(b.Encode(), true))
	}
	m := iPhone("urn:com:apple:photo:2020:aux:hdrgainmap")
	m.items = append(m.items, mItem{id: 20, typ: "Exif", hidden: true, data: item(marker + "1")}, mItem{id: 21, typ: "Exif", hidden: true, data: item("of the answer")},
		mItem{id: 22, typ: "Exif", data: item(marker + "2")})
	m.refs = append(m.refs, mRef{"cdsc", 20, []int{3}}, mRef{"cdsc", 21, []int{10}})
	m.items = append(m.items, mItem{id: 23, typ: "jpeg", hidden: true, data: string(testimage.JPEG(testimage.Gradient(8, 8), testimage.EXIFSegment([]byte(item(marker))[10:])))})
	m.refs = append(m.refs, mRef{"thmb", 23, []int{10}})
	out := redact(t, m.file(), &Policy{EXIF: &exif.Options{}}, 0)
	if bytes.Contains(out, []byte(marker)) || answer(out, &exif.Options{}) != `{"Make":"of the answer"}` {
		t.Errorf("got %s, %q", answer(out, &exif.Options{}), out)
	}
	if !bytes.Contains(out, []byte("\xFF\xD8\xFF")) {
		t.Error("the thumbnail is gone")
	}
	if out := redact(t, m.file(), &Policy{}, 0); bytes.Contains(out, []byte("of the answer")) {
		t.Error("EXIF is left without an answer")
	}
}

func TestPartsOfHEIFsAreThoseOfTheWhole(t *testing.T) {
	root := os.Getenv("EXIF_CORPUS")
	if root == "" {
		t.Skip("EXIF_CORPUS isn't set")
	}
	r := rand.New(rand.NewPCG(1, 2))
	files := 0
	for _, pattern := range []string{"exif-samples/heic/*", "exif-samples/heic/mobile/*", "imagemeta/*.heic", "imagemeta/bep/*.avif"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			_, format := Sniff(data[:min(len(data), SniffLen)])
			if err != nil || planners[format] == nil {
				continue
			}
			plan, err := New(bytes.NewReader(data), format, &Policy{EXIF: &exif.Options{}})
			if errors.Is(err, ErrRefused) {
				continue
			}
			if err != nil || !plan.Ranged() {
				t.Fatalf("%s: %v", name, err)
			}
			files++
			whole := redact(t, data, &Policy{EXIF: &exif.Options{}}, 0)
			for range 1000 {
				from := r.IntN(len(data))
				to := min(from+1+r.IntN(1<<r.IntN(20)), len(data))
				var out bytes.Buffer
				w := plan.NewWriter(&out, int64(from))
				for part := range slices.Chunk(data[from:to], 1+r.IntN(1<<16)) {
					if _, err := w.Write(part); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil || !bytes.Equal(out.Bytes(), whole[from:to]) {
					t.Fatalf("%s: bytes %d to %d differ: %v", name, from, to, err)
				}
			}
		}
	}
	if files < 7 {
		t.Errorf("only %d files", files)
	}
}

// TestHostileIndexesAreCheap plans for files whose boxes have as many entries as fit.
func TestHostileIndexesAreCheap(t *testing.T) {
	const n, most = 1 << 16, 20 * time.Millisecond
	full, box := testimage.FullBox, testimage.Box
	repeat := func(b []byte) []byte { return bytes.Repeat(b, n) }
	numbered := func(entry func(i int) []byte) (out []byte) {
		for i := range n - 1 {
			out = append(out, entry(i)...)
		}
		return out
	}
	infe := func(i int) []byte { return full("infe", 2, u16(i), u16(0), []byte("iden")) }
	items := numbered(infe)[:20*(maxItems-1)]
	chain := func(order func(i int) int) (refs []byte) {
		for i := range 8000 {
			k := order(i)
			refs = append(refs, box("dimg", u16(k), u16(1), u16(k+1))...)
		}
		return refs
	}
	hdlr := full("hdlr", 0, []byte("\x00\x00\x00\x00pict"), make([]byte, 13))
	pitm := full("pitm", 0, u16(1))
	for name, boxes := range map[string][][]byte{
		"iinf":               {full("iinf", 0, u16(n-1), numbered(infe))},
		"items":              {full("iinf", 0, u16(n-1), items)},
		"iloc":               {full("iinf", 0, u16(n-1), items[:8000]), full("iloc", 0, []byte{0, 0}, u16(n-1), numbered(func(i int) []byte { return cat(u16(i), u32(0)) }))},
		"iloc of no bytes":   {full("iinf", 0, u16(n-1), items), full("iloc", 0, []byte{0, 0}, u16(n-1), numbered(func(i int) []byte { return cat(u16(i), u16(0), u16(n-1)) }))},
		"ipma":               {full("iinf", 0, u16(n-1), items), box("iprp", full("ipma", 0, u32(3*n), repeat([]byte{0, 1, 0})))},
		"ipma of many":       {full("iinf", 0, u16(n-1), items), box("iprp", box("ipco", repeat(box("irot"))[:8*4000]), full("ipma", 0, u32(700), bytes.Repeat(append([]byte{0, 1, 255}, make([]byte, 255)...), 700)))},
		"ipco":               {full("iinf", 0, u16(1), items[:20]), box("iprp", box("ipco", repeat(box("irot"))))},
		"references":         {full("iinf", 0, u16(n-1), items[:8000]), full("iref", 0, box("dimg", u16(1), u16(30000), repeat(u16(2))[:60000]))},
		"a chain":            {full("iinf", 0, u16(n-1), items[:20*8002]), full("iref", 0, chain(func(i int) int { return i }))},
		"a chain, backwards": {full("iinf", 0, u16(n-1), items[:20*8002]), full("iref", 0, chain(func(i int) int { return 7999 - i }))},
		"groups":             {full("iinf", 0, u16(n-1), items[:8000]), box("grpl", full("altr", 0, u32(1), u32(n), repeat(u32(1))))},
		"boxes":              {repeat(box("note"))[:500<<10]},
		"all of it": {
			full("iinf", 0, u16(n-1), full("infe", 2, u16(0), u16(0), []byte("iden")), items[:20*8000], full("infe", 2, u16(9000), u16(0), []byte("hvc1"))), full("iloc", 0, []byte{0x11, 0}, u16(1), u16(9000), u16(0), u16(1), []byte{0, 0}),
			full("iref", 0, numbered(func(i int) []byte { return box("dimg", u16(i%8000), u16(1), u16(9000)) })[:14*8000]),
			box("iprp", box("ipco", hvcC, repeat(box("irot", []byte{0}))[:9*4000]), full("ipma", 0, u32(20000), u16(9000), []byte{1, 1}, repeat([]byte{0, 1, 1, 2})[:4*19000])),
			box("grpl", full("altr", 0, u32(1), u32(9000), repeat(u32(1))[:36000])),
		},
	} {
		if !strings.HasPrefix(name, "iloc") {
			boxes = append(boxes, full("iloc", 0, make([]byte, 4)))
		}
		data := cat(testimage.FileType("heic", "mif1", "heic"), box("meta", append([][]byte{{0, 0, 0, 0}, hdlr, pitm}, boxes...)...), box("mdat", make([]byte, 100)))
		best := time.Hour
		for i := 0; i < 3 || i < 50 && best > most; i++ { // other processes may be running
			start := time.Now()
			if _, err := New(bytes.NewReader(data), "heif", &Policy{}); err != nil && !errors.Is(err, ErrRefused) {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		t.Logf("%s: %v for %d KiB", name, best, len(data)>>10)
		if best > most {
			t.Errorf("%s: %v", name, best)
		}
	}
	if _, err := New(bytes.NewReader(cat(testimage.FileType("heic"), repeat(box("free")))), "heif", &Policy{}); !errors.Is(err, ErrRefused) {
		t.Errorf("boxes: %v", err)
	}
}

func TestMarkerInSlackOfJXLIsGone(t *testing.T) {
	box := testimage.Box
	stream := "\xFF\x0A" + shown
	for name, data := range map[string][]byte{
		"level of another size": testimage.JXL(box("jxll", []byte("\x05"+marker)), box("jxlc", []byte(stream))),
		"second level":          testimage.JXL(box("jxll", []byte("\x05")), box("jxll", []byte(marker)), box("jxlc", []byte(stream))),
		"second codestream":     testimage.JXL(box("jxlc", []byte(stream)), box("jxlc", []byte(stream[:2]+marker))),
		"another before":        testimage.JXL(box("jxlc", []byte(marker)), box("jxlc", []byte(stream))),
		"piece after":           testimage.JXL(box("jxlc", []byte(stream)), box("jxlp", u32(0), []byte(marker))),
		"piece after the last":  testimage.JXL(box("jxlp", []byte("\x80\x00\x00\x00"+stream)), box("jxlp", u32(1), []byte(marker))),
		"piece of another order": testimage.JXL(box("jxlp", u32(0), []byte(stream[:5])), box("jxlp", u32(7), []byte(marker)),
			box("jxlp", []byte("\x80\x00\x00\x01"+shown))),
		"frame index":    testimage.JXL(box("jxli", []byte("\x00\x00\x00\x00\x01\x00\x00\x00\x01"+marker)), box("jxlc", []byte(stream))),
		"bytes after":    append(testimage.JXL(box("jxlc", []byte(stream))), marker...),
		"unknown box":    testimage.JXL(box("note", []byte(marker)), box("jxlc", []byte(stream))),
		"packed unknown": testimage.JXL(testimage.Brob("note", []byte(marker), 16), box("jxlc", []byte(stream))),
		"second ftyp":    testimage.JXL(testimage.FileType("jxl ", marker[:4], marker[4:8], marker[8:]), box("jxlc", []byte(stream))),
	} {
		out := redact(t, data, &Policy{}, 0)
		if bytes.Contains(out, []byte(marker)) {
			t.Errorf("%s: the marker is in %q", name, out)
		}
		if !bytes.Contains(out, []byte(shown)) {
			t.Errorf("%s: the picture isn't in %q", name, out)
		}
	}
}

func TestMarkerInSlackOfJP2IsGone(t *testing.T) {
	box := testimage.Box
	stream := box("jp2c", codestreamFile(-1))
	header := func(b ...[]byte) []byte {
		return testimage.JP2(box("jp2h", append([][]byte{box("ihdr", make([]byte, 14))}, b...)...), stream)
	}
	for name, data := range map[string][]byte{
		"second header":     testimage.JP2(box("jp2h", box("ihdr", make([]byte, 14))), box("jp2h", box("bpcc", []byte(marker))), stream),
		"second codestream": testimage.JP2(stream, box("jp2c", []byte("\xFF\x4F\xFF\x51"+marker))),
		"second ihdr":       header(box("ihdr", []byte(marker+"12"))),
		"ihdr":              testimage.JP2(box("jp2h", box("ihdr", make([]byte, 14), []byte(marker))), stream),
		"bpcc":              header(box("bpcc", []byte("\x07"+marker))),
		"pclr":              header(box("pclr", []byte("\x00\x01\x01\x07\x00"+marker))),
		"cmap":              header(box("cmap", []byte("\x00\x00\x00\x00"+marker))),
		"cdef":              header(box("cdef", []byte("\x00\x01\x00\x00\x00\x00\x00\x01"+marker))),
		"colr":              header(box("colr", []byte("\x01\x00\x00\x00\x00\x00\x10"+marker))),
		"ICC":               header(box("colr", []byte("\x02\x00\x00"+marker))),
		"res":               header(box("res ", box("resc", make([]byte, 10), []byte(marker)))),
		"uuid":              testimage.JP2(box("uuid", []byte("0123456789abcdef"+marker)), stream),
		"XMP":               testimage.JP2(box("uuid", []byte(container.XMPUUID+"<x:xmpmeta xmlns:x='adobe:ns:meta/'>"+marker+"</x:xmpmeta>")), stream),
		"SIZ":               cat("\xFF\x4F\xFF\x51", u16(38+3+len(marker)), make([]byte, 34), u16(1), 7, 1, 1, marker, codestreamFile(-1)[2:][6:]),
		"second QCD":        cat("\xFF\x4F", "\xFF\x51", u16(41), make([]byte, 34), u16(1), 7, 1, 1, "\xFF\x5C\x00\x04\x00\x01", "\xFF\x5C", u16(2+len(marker)), marker, codestreamFile(-1)[8:]),
		"QCD":               cat("\xFF\x4F", "\xFF\x51", u16(41), make([]byte, 34), u16(1), 7, 1, 1, "\xFF\x5C", u16(5+len(marker)), "\x01\x00\x01", marker, codestreamFile(-1)[8:]),
	} {
		out := redact(t, data, &Policy{}, 0)
		if bytes.Contains(out, []byte(marker)) {
			t.Errorf("%s: the marker is in %q", name, out)
		}
		if !bytes.Contains(out, []byte(shown)) {
			t.Errorf("%s: the picture isn't in %q", name, out)
		}
	}
}
