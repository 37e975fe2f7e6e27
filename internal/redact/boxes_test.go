package redact

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

const (
	secret = "SECRET-PLACE-51.4778N"  // data that must be removed
	shown  = "COLOURS-OF-THE-PICTURE" // data that must be kept
)

var be = binary.BigEndian

func cat(b ...any) []byte {
	var out []byte
	for _, x := range b {
		switch x := x.(type) {
		case string:
			out = append(out, x...)
		case []byte:
			out = append(out, x...)
		case int: // a byte
			out = append(out, byte(x))
		}
	}
	return out
}

func u16(v int) []byte { return be.AppendUint16(nil, uint16(v)) }
func u32(v int) []byte { return be.AppendUint32(nil, uint32(v)) }

// heifItem is an item of heifFile.
type heifItem struct {
	typ    string
	text   string // follows the type in infe
	data   []byte
	inIdat bool
	pieces int
}

// heifFile returns a HEIF with these items, and with more boxes in meta.
func heifFile(metaLast bool, items []heifItem, more ...[]byte) []byte {
	ftyp := testimage.FileType("heic", "mif1", "heic")
	build := func(at int) (meta, data []byte) {
		iinf, iloc := [][]byte{u16(len(items))}, cat(0x44, 0x40, u16(len(items)))
		var idat []byte
		for i, it := range items {
			iinf = append(iinf, testimage.FullBox("infe", 2, u16(i+1), u16(0), []byte(it.typ+it.text)))
			method, base, store := 0, at, &data
			if it.inIdat {
				method, base, store = 1, 0, &idat
			}
			*store = append(*store, "gap "+secret...)
			pieces := max(it.pieces, 1)
			step := (len(it.data) + pieces - 1) / pieces
			iloc = cat(iloc, u16(i+1), u16(method), u16(0), u32(0), u16(pieces))
			for k := range pieces {
				piece := it.data[min(k*step, len(it.data)):min((k+1)*step, len(it.data))]
				iloc = cat(iloc, u32(base+len(*store)), u32(len(piece)))
				*store = append(*store, piece...)
				*store = append(*store, secret...)
			}
		}
		boxes := [][]byte{
			{0, 0, 0, 0},
			testimage.FullBox("hdlr", 0, []byte("\x00\x00\x00\x00pict\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"+secret+"\x00")),
			testimage.FullBox("pitm", 0, u16(1)), testimage.FullBox("iinf", 0, iinf...), testimage.FullBox("iloc", 1, iloc),
			testimage.Box("idat", idat),
		}
		if !slices.ContainsFunc(more, func(b []byte) bool { return string(b[4:8]) == "iprp" }) {
			boxes = append(boxes, codingBoxes(items))
		}
		return testimage.Box("meta", append(boxes, more...)...), data
	}
	meta, _ := build(0)
	at := len(ftyp) + 8
	if !metaLast {
		at += len(meta)
	}
	meta, data := build(at)
	if metaLast {
		return cat(ftyp, testimage.Box("mdat", data), meta)
	}
	return cat(ftyp, meta, testimage.Box("mdat", data))
}

// The properties that pictures need to be decoded, with no parameter sets.
var (
	hvcC = testimage.Box("hvcC", []byte{1}, make([]byte, 22))
	j2kH = testimage.Box("j2kH", testimage.Box("ihdr", make([]byte, 14)))
)

// codingBoxes returns the box iprp with these.
func codingBoxes(items []heifItem) []byte {
	ipma := u32(len(items))
	for i, it := range items {
		switch it.typ {
		case "hvc1":
			ipma = cat(ipma, u16(i+1), 1, 0x81)
		case "j2k1":
			ipma = cat(ipma, u16(i+1), 1, 0x82)
		default:
			ipma = cat(ipma, u16(i+1), 0)
		}
	}
	return testimage.Box("iprp", testimage.Box("ipco", hvcC, j2kH), testimage.FullBox("ipma", 0, ipma))
}

// secretExifItem returns the data of an Exif item with the secret in a tag.
func secretExifItem() []byte {
	b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "Maker"), testimage.ASCII(0x013B, secret)}}
	return testimage.ExifData(b.Encode(), false)
}

func trak(handler, codec string, at, n int) []byte {
	visual := cat(make([]byte, 8), secret[:16], 0, 8, 0, 8, make([]byte, 14), secret[:20], make([]byte, 16))[:78]
	stbl := testimage.Box("stbl",
		testimage.FullBox("stsd", 0, u32(1), testimage.Box(codec, visual, testimage.Box("colr", []byte("nclx\x00\x01\x00\x01\x00\x01\x80")), testimage.Box("note", []byte(secret)))),
		testimage.FullBox("stts", 0, u32(1), u32(2), u32(1), []byte(secret)),
		testimage.FullBox("stsc", 0, u32(1), u32(1), u32(2), u32(1)),
		testimage.FullBox("stsz", 0, u32(0), u32(2), u32(n/2), u32(n-n/2), []byte(secret)),
		testimage.FullBox("stco", 0, u32(1), u32(at)))
	id := map[string]int{"pict": 1}[handler] + 1
	return testimage.Box("trak",
		testimage.FullBox("tkhd", 0, []byte(secret[:8]), u32(id), make([]byte, 68)),
		testimage.Box("mdia",
			testimage.FullBox("mdhd", 0, []byte(secret[:8]), make([]byte, 12)),
			testimage.FullBox("hdlr", 0, u32(0), []byte(handler), make([]byte, 12), []byte(secret+"\x00")),
			testimage.Box("minf", testimage.FullBox("vmhd", 0, make([]byte, 8)), stbl)),
		testimage.Box("udta", []byte(secret)), testimage.Box("meta", []byte(secret)))
}

func sequence(moovLast bool) []byte {
	ftyp := testimage.FileType("avis", "avis", "msf1", "mif1")
	data := cat(secret, shown, secret, secret)
	build := func(at int) []byte {
		return testimage.Box("moov", testimage.FullBox("mvhd", 0, []byte(secret[:8]), make([]byte, 88)),
			trak("pict", "av01", at+len(secret), len(shown)), trak("meta", "mett", at+len(secret)+len(shown), len(secret)),
			testimage.Box("udta", []byte(secret)), testimage.Box("meta", []byte(secret)))
	}
	meta := testimage.Box("meta", make([]byte, 4), testimage.FullBox("iinf", 0, u16(0)))
	at := len(ftyp) + 8 + len(meta)
	if moovLast {
		return cat(ftyp, meta, testimage.Box("mdat", data), build(at))
	}
	at += len(build(0))
	return cat(ftyp, meta, build(at), testimage.Box("mdat", data))
}

func codestreamFile(psot int) []byte {
	siz := cat(0xFF, 0x51, u16(4), "\x01\x02")
	com := cat(0xFF, 0x64, u16(4+len(secret)), u16(1), secret)
	unknown := cat(0xFF, 0x6F, u16(2+len(secret)), secret)
	body := cat(com, 0xFF, 0x93, shown)
	if psot < 0 {
		psot = 12 + len(body)
	}
	return cat(0xFF, 0x4F, siz, com, unknown, 0xFF, 0x90, u16(10), u16(0), u32(psot), 0, 1, body, 0xFF, 0xD9, secret)
}

func gifFile(extensions ...[]byte) []byte {
	return cat("GIF89a", 1, 0, 1, 0, 0x82, 0, 0, shown, 0, 0, bytes.Join(extensions, nil), 0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3B, secret)
}

// TestZerosBetweenBlocksOfGIF redacts GIFs with zeros before and after pictures, which some writers leave there and some
// viewers skip.
func TestZerosBetweenBlocksOfGIF(t *testing.T) {
	picture := "\x2C\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"
	head := gifFile()[:13+24]
	for _, n := range []int{1, 2, 20, 100_000} {
		zeros := make([]byte, n)
		file := func(text string) []byte {
			return cat(head, zeros, picture, zeros, 0x21, 0xFE, 11, text, 0, zeros, picture, zeros, ";")
		}
		got := redact(t, file("HIDDENPLACE"), &Policy{}, 0)
		if bytes.Count(got, []byte(picture)) != 2 || bytes.Contains(got, []byte("HIDDEN")) {
			t.Errorf("%d zeros: got %d pictures", n, bytes.Count(got, []byte(picture)))
		}
	}
}

// secretFiles returns files with the secret in every place that the parsers know, by a name.
func secretFiles() map[string][]byte {
	box := testimage.Box
	pic := heifItem{typ: "hvc1", text: secret + "\x00", data: []byte(shown)}
	xmp := []byte("<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + secret + "</x:xmpmeta>")
	data := secretExifItem()
	uuid := func(id string) []byte { return box("uuid", []byte(id), data[4:]) }
	jp2 := func(boxes ...[]byte) []byte { return testimage.JP2(append(boxes, box("jp2c", codestreamFile(-1)))...) }
	jxl := func(boxes ...[]byte) []byte {
		return testimage.JXL(append(boxes, box("jxlc", []byte("\xFF\x0A"+shown)))...)
	}
	xmpGIF := cat(0x21, 0xFF, 11, "XMP DataXMP", "<x>"+strings.Repeat(secret, 9)+"</x>", 1)
	for i := 255; i >= 0; i-- {
		xmpGIF = append(xmpGIF, byte(i))
	}
	xmpGIF = append(xmpGIF, 0)
	files := map[string][]byte{
		"gif comment":            gifFile(cat(0x21, 0xFE, len(secret), secret, len(secret), secret, 0)),
		"gif short comment":      gifFile(cat(0x21, 0xFE, 9, secret[:9], 0)),
		"gif comment of 12":      gifFile(cat(0x21, 0xFE, 12, secret[:12], 0)),
		"gif text":               gifFile(cat(0x21, 0x01, 12, secret[:12], len(secret), secret, 0)),
		"gif xmp":                gifFile(xmpGIF),
		"gif application":        gifFile(cat(0x21, 0xFF, 11, secret[:11], len(secret), secret, 0)),
		"gif loops":              gifFile(cat(0x21, 0xFF, 11, "NETSCAPE2.0", 3, 1, 0, 0, len(secret), secret, 0)),
		"gif comment like loops": gifFile(cat(0x21, 0xFE, 11, "NETSCAPE2.0", 3, 1, 0, 0, len(secret), secret, 0)),
		"gif control":            gifFile(cat(0x21, 0xF9, 4, 0, 0, 0, 0, len(secret), secret, 0)),
		"gif unknown":            gifFile(cat(0x21, 0xAB, len(secret), secret, 0)),
		"gif nothing follows":    append(append(gifFile()[:10:10], 0, 0, 0), secret...),
		"jp2 exif":               jp2(uuid("JpgTiffExif->JP2")),
		"jp2 second exif":        jp2(box("Exif", data), uuid("JpgTiffExif->JP2")),
		"jp2 uuid":               jp2(box("uuid", []byte("0123456789abcdef"+secret))),
		"jp2 xml":                jp2(box("xml ", []byte(secret)), box("asoc", box("lbl ", []byte(secret)))),
		"jp2 header":             jp2(box("jp2h", box("ihdr", make([]byte, 14), []byte(secret)), box("lbl ", []byte(secret)), box("colr", []byte("\x04\x00\x00"+secret)))),
		"jp2 behind":             append(jp2(), secret...),
		"jp2 brands":             cat("\x00\x00\x00\x0CjP  \r\n\x87\n", testimage.FileType("jp2 ", secret[:8]), box("jp2c", codestreamFile(-1))),
		"jp2 naked":              codestreamFile(-1),
		"jp2 naked, to the end":  codestreamFile(0),
		"jxl exif":               jxl(box("Exif", data)),
		"jxl packed exif":        jxl(testimage.Brob("Exif", data, 16)),
		"jxl packed xml":         jxl(testimage.Brob("xml ", xmp, 16)),
		"jxl xml":                jxl(box("xml ", xmp), box("jumb", []byte(secret)), box("jbrd", []byte(secret)), box("uuid", []byte(secret))),
		"jxl second exif":        jxl(box("Exif", data), box("Exif", data), testimage.Brob("Exif", data, 16)),
		"jxl behind":             append(jxl(), secret...),
		"jxl last box":           append(jxl(), testimage.LastBox("xml ", []byte(secret))...),
		"avis":                   sequence(false),
		"avis, moov last":        sequence(true),
		"heif behind":            append(heifFile(false, []heifItem{pic}), cat(box("free", []byte(secret)), box("mpvd", []byte(secret)), box("moov", []byte(secret)), secret)...),
		"heif second meta":       append(heifFile(false, []heifItem{pic}), box("meta", []byte(secret))...),
		"heif of any brand":      cat(heifFile(false, []heifItem{pic})[:12], secret[:12], heifFile(false, []heifItem{pic})[24:]),
		"heif jpeg item":         heifFile(false, []heifItem{pic, {typ: "jpeg", data: testimage.JPEG(testimage.Gradient(8, 8), testimage.Segment(0xFE, []byte(secret)))}}),
		"heif jpeg item, idat":   heifFile(false, []heifItem{pic, {typ: "jpeg", inIdat: true, data: testimage.JPEG(testimage.Gradient(8, 8), testimage.Segment(0xFE, []byte(secret)))}}),
		"heif text as jpeg item": heifFile(false, []heifItem{pic, {typ: "jpeg", data: []byte(secret)}}),
		"heif j2k item":          heifFile(false, []heifItem{pic, {typ: "j2k1", data: codestreamFile(-1)}}),
	}
	for _, last := range []bool{false, true} {
		for _, idat := range []bool{false, true} {
			for _, pieces := range []int{1, 3} {
				p := pic
				p.inIdat, p.pieces = idat && pieces == 1, 1
				item := func(typ, text string, data []byte) heifItem {
					return heifItem{typ: typ, text: text, data: data, inIdat: idat, pieces: pieces}
				}
				for _, it := range []heifItem{
					item("Exif", secret, data), item("mime", "\x00application/rdf+xml\x00", xmp),
					item("mime", secret+"\x00application/rdf+xml\x00"+secret, xmp),
					item("mime", "\x00text/"+secret+"\x00", []byte(secret)), item("uri ", "\x00"+secret+"\x00", []byte(secret)),
					item("abcd", "", []byte(secret)),
				} {
					files[fmt.Sprintf("heif %s %.5q, meta last %v, idat %v, %d pieces", it.typ, it.text, last, idat, pieces)] = heifFile(last, []heifItem{p, it})
				}
			}
		}
	}
	files["heif properties"] = heifFile(false, []heifItem{pic}, box("iprp",
		box("ipco", box("ispe", make([]byte, 12), []byte(secret)), box("udes", []byte(secret)), box("colr", []byte("abcd"+secret)),
			box("auxC", make([]byte, 4), []byte(secret)), box("uuid", []byte(secret)), testimage.Box64("irot", []byte{0}), hvcC),
		testimage.FullBox("ipma", 0, u32(1), u16(1), []byte{4, 0x81, 0x82, 6, 7}, []byte(secret)), box("note", []byte(secret))))
	files["heif meta boxes"] = heifFile(false, []heifItem{pic}, box("uuid", []byte(secret)), box("xml ", []byte(secret)), box("dinf", []byte(secret)),
		testimage.FullBox("iref", 0, box("thmb", u16(1), u16(1), u16(1), []byte(secret)), box("note", []byte(secret))),
		box("grpl", testimage.FullBox("altr", 0, u32(1), u32(1), u32(1), []byte(secret)), box("note", []byte(secret))),
		box("pitm", []byte(secret)), box("hdlr", []byte(secret)), []byte("\x00\x00\x00\x03"+secret))
	maps.Copy(files, secretSegmentFiles())
	return files
}

// leaks reports whether b has any 8 consecutive bytes of the secret.
func leaks(b []byte) bool {
	for i := 0; i+8 <= len(secret); i++ {
		if bytes.Contains(b, []byte(secret[i:i+8])) {
			return true
		}
	}
	return false
}

// noArtist keeps all tags except the one with the secret.
var noArtist = &Policy{EXIF: &exif.Options{Keep: func(name string) bool { return name != "Artist" }}}

func TestSecretsInBoxesAreRemoved(t *testing.T) {
	for name, data := range secretFiles() {
		t.Run(name, func(t *testing.T) {
			if !leaks(data) && !strings.Contains(name, "packed") {
				t.Fatal("the file doesn't have the secret")
			}
			for _, p := range []*Policy{{}, noArtist} {
				out := redact(t, data, p, 0)
				if leaks(out) {
					t.Errorf("the secret is in %q", out)
				}
				if name != "gif nothing follows" && !shows(out) {
					t.Errorf("the picture isn't in %q", out)
				}
				if n := bytes.Count(out, []byte("Maker")); strings.Contains(name, "second exif") && n > 1 {
					t.Errorf("%d EXIFs are left, want one", n)
				}
				for _, piece := range []int{1, 3, 100} {
					if !bytes.Equal(redact(t, data, p, piece), out) {
						t.Errorf("written in pieces of %d, the output differs", piece)
					}
				}
				if again := redact(t, out, p, 0); !bytes.Equal(again, out) && name != "jpeg long table" { // a broken table becomes one of zeros
					t.Errorf("redacted again: got %q, want %q", again, out)
				}
				if p.EXIF == nil {
					continue
				}
				if got, want := answer(out, p.EXIF), answer(data, p.EXIF); got != want && !strings.HasSuffix(name, "broken exif") {
					t.Errorf("the output answers %s, want %s", got, want)
				}
			}
			for n := range len(data) {
				if leaks(redact(t, data[:n], noArtist, 0)) {
					t.Fatalf("the secret is in the output of the first %d bytes", n)
				}
			}
		})
	}
}

// runTool runs a command in a directory; it skips the test if there is none of that name.
func runTool(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip(err)
	}
	c := exec.Command(name, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// topBoxes returns the types of the boxes that aren't in others. It fails if they don't end where the file ends.
func topBoxes(t *testing.T, b []byte) (types []string) {
	t.Helper()
	for at := int64(0); at < int64(len(b)); {
		h, ok := parseBox(b[at:])
		if h.Size == container.ToEnd {
			h.Size = int64(len(b)) - at
		}
		if at += h.Size; !ok || at > int64(len(b)) {
			t.Fatalf("the box %q after %q ends at %d of %d bytes", h.Type, types, at, len(b))
		}
		types = append(types, h.Type)
	}
	return types
}

// TestPicturesAreNotTakenForFilms checks that nothing makes a JPEG XL or JPEG 2000 a film for ffmpeg, as a free box does.
func TestPicturesAreNotTakenForFilms(t *testing.T) {
	b := testimage.Full()
	packed := testimage.Brob("Exif", testimage.ExifData(b.Encode(), false), 16)
	for name, data := range map[string][]byte{
		"jxl":                   append(testimage.JXL(testimage.Box("xml ", []byte(secret)), packed), testimage.Box("Exif", []byte(secret))...),
		"jxl, other bytes last": append(testimage.JXL(), "\x00\x00\x00\x00\x00\x00\x00\x01"...),
		"jp2":                   testimage.JP2(testimage.Box("uuid", []byte("0123456789abcdef"+secret)), testimage.Box("xml ", []byte(secret))),
	} {
		for _, p := range []*Policy{{}, noArtist} {
			if types := topBoxes(t, redact(t, data, p, 0)); slices.Contains(types, "free") {
				t.Errorf("%s: got the boxes %q", name, types)
			}
		}
	}
}

func TestSequencesKeepTheirFrames(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range []*image.Gray{image.NewGray(image.Rect(0, 0, 64, 48)), image.NewGray(image.Rect(0, 0, 64, 48)), image.NewGray(image.Rect(0, 0, 64, 48))} {
		for k := range m.Pix {
			m.Pix[k] = byte(k * (i + 1) / 3)
		}
		write(fmt.Sprintf("%d.png", i), testimage.PNG(m, nil, nil))
	}
	runTool(t, dir, "avifenc", "0.png", "1.png", "2.png", "-o", "in.avif")
	data, err := os.ReadFile(filepath.Join(dir, "in.avif"))
	if err != nil {
		t.Fatal(err)
	}
	out := redact(t, data, &Policy{}, 0)
	if bytes.Contains(out, []byte("libavif")) || bytes.Contains(out, []byte("AOM Coding")) {
		t.Error("names of programs are left")
	}
	write("out.avif", out)
	for _, frame := range []string{"0", "1", "2"} {
		runTool(t, dir, "avifdec", "--index", frame, "in.avif", "want.png")
		runTool(t, dir, "avifdec", "--index", frame, "out.avif", "got.png")
		want := pixelsOf(t, []string{filepath.Join(dir, "want.png")})
		if got := pixelsOf(t, []string{filepath.Join(dir, "got.png")}); !bytes.Equal(got, want) {
			t.Errorf("frame %s has other pixels", frame)
		}
	}
}

func TestJXLOfJPEGKeepsItsPixels(t *testing.T) {
	dir := t.TempDir()
	b := testimage.Full()
	jpeg := testimage.JPEG(testimage.Gradient(64, 48), testimage.EXIFSegment(b.Encode()), testimage.Segment(0xFE, []byte(secret)))
	if err := os.WriteFile(filepath.Join(dir, "in.jpg"), jpeg, 0o600); err != nil {
		t.Fatal(err)
	}
	runTool(t, dir, "cjxl", "in.jpg", "in.jxl")
	data, err := os.ReadFile(filepath.Join(dir, "in.jxl"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte("jbrd")) {
		t.Fatal("no JPEG is in the file")
	}
	out := redact(t, data, &Policy{}, 0)
	if bytes.Contains(out, []byte("jbrd")) {
		t.Error("the JPEG's markers are left")
	}
	if err := os.WriteFile(filepath.Join(dir, "out.jxl"), out, 0o600); err != nil {
		t.Fatal(err)
	}
	runTool(t, dir, "djxl", "in.jxl", "want.png")
	runTool(t, dir, "djxl", "out.jxl", "got.png")
	want := pixelsOf(t, []string{filepath.Join(dir, "want.png")})
	if got := pixelsOf(t, []string{filepath.Join(dir, "got.png")}); !bytes.Equal(got, want) {
		t.Error("other pixels")
	}
}
