package exif

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testgate"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// pictureSample is a file with embedded pictures.
type pictureSample struct {
	name, ext          string
	data               []byte
	thumbnail, preview []byte // nil for none
	orientation        byte   // 1: the default
	// apart is the reason why ExifTool extracts other pictures, if it does.
	apart string
}

// telltale is in the metadata of all embedded pictures of the samples. No written picture may contain it.
const telltale = "SN-0042"

// embedded is a picture with its own metadata in all possible places.
func embedded(w, h int) []byte {
	full := testimage.Full() // GPS, a serial number, Orientation 6
	full.IFD1, full.Thumbnail = nil, nil
	secret := []byte(telltale + " at 39/1 54/1 N")
	b := testimage.JPEG(
		testimage.Gradient(w, h),
		testimage.Segment(0xE0, []byte("JFIF\x00\x01\x01\x01\x00\x48\x00\x48\x01\x01"+telltale[:3])),
		testimage.Segment(0xE0, append([]byte("JFXX\x00\x13"), secret...)),
		testimage.EXIFSegment(full.Encode()),
		testimage.Segment(0xE1, append([]byte("http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta>"), secret...)),
		[]byte("\xFF\xFF"), // fill bytes
		testimage.Segment(0xE2, []byte("ICC_PROFILE\x00\x01\x01a profile")),
		testimage.Segment(0xE2, append([]byte("FPXR\x00"), secret...)),
		testimage.PhotoshopSegment(testimage.PSDResource(0x0404, "", secret)),
		testimage.Segment(0xEE, append([]byte("Adobe\x00\x64\x00\x00\x00\x00\x01"), secret...)),
		testimage.Segment(0xEB, secret),
		testimage.Segment(0xFE, secret),
	)
	end := len(b) - 2
	return slices.Concat(b[:end], testimage.Segment(0xFE, secret), testimage.Segment(0xE1, secret), b[end:], secret)
}

func pictureSamples() []pictureSample { return pictureSamplesOf(embedded) }

// pictureSamplesOf returns the samples with embedded pictures.
func pictureSamplesOf(embedded func(w, h int) []byte) []pictureSample {
	thumb, small, large := embedded(160, 120), embedded(320, 240), embedded(640, 480)
	tiny := embedded(100, 75)
	turned := testimage.Short(0x0112, 6)
	full := testimage.Full()
	full.Thumbnail = thumb
	for i, e := range full.IFD1 {
		if e.ID == 0x0202 {
			full.IFD1[i] = testimage.Long(0x0202, uint32(len(thumb)))
		}
	}
	block := full.Encode()
	photo := testimage.JPEG(testimage.Gradient(64, 48))
	gray := testimage.GrayJPEG(640, 480)
	gainMap := testimage.JPEG(testimage.Gradient(800, 600), testimage.Segment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00xmlns:hdrgm=\"http://ns.adobe.com/hdr-gain-map/1.0/\"")))
	isoMap := testimage.JPEG(testimage.Gradient(800, 600), testimage.Segment(0xE2, []byte("urn:iso:std:iso:ts:21496:-1\x00")))
	appleMap := testimage.JPEG(testimage.Gradient(800, 600), testimage.Segment(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00urn:com:apple:photo:2020:aux:hdrgainmap")))
	canon := testimage.CanonPictures{Thumbnail: thumb, Preview: small, Full: large}
	short := canon
	short.Short = true
	orf := testimage.RAW(false, "", testimage.Dir{Entries: []testimage.Entry{turned}}, testimage.Dir{JPEG: thumb})
	copy(orf, "IIRO")
	data := testimage.ExifData(block, false)
	heic := testimage.HEIF{Exif: [][]byte{data}}
	plain := testimage.Block{IFD0: []testimage.Entry{turned}}
	return []pictureSample{
		{"NEF", "nef", testimage.NEF(large, turned), large, large, 6, ""},
		{"CR2", "cr2", testimage.CR2(large, thumb, turned), thumb, large, 6, ""},
		{"CR2 with a small thumbnail", "cr2", testimage.CR2(large, tiny), tiny, large, 1, ""},
		{"ARW", "arw", testimage.ARW(large, thumb, testimage.Short(0x0112, 8)), thumb, large, 8, ""},
		{"DNG", "dng", testimage.DNG(large, thumb, nil, turned), thumb, large, 6, ""},
		{"DNG of lossy raw data", "dng", testimage.DNG(large, thumb, gainMap, turned), thumb, large, 6, "ExifTool extracts the raw data"},
		{"DNG whose smallest is small", "dng", testimage.DNG(large, tiny, nil, turned), large, large, 6, ""},
		{"PEF", "pef", testimage.PEF(large, small, thumb, turned), thumb, large, 6, ""},
		{"PEF, by the maker's notes", "pef", testimage.PEF(thumb, large, small, turned), small, large, 6, ""},
		{"RW2", "rw2", testimage.RW2([]testimage.Entry{turned}, large), large, large, 6, ""},
		{"RW2 with a thumbnail in its preview", "rw2", testimage.RW2(nil, testimage.JPEG(testimage.Gradient(640, 480), testimage.EXIFSegment(block))), thumb, testimage.JPEG(testimage.Gradient(640, 480)), 6, ""},
		{"RAF", "raf", testimage.RAF(testimage.JPEG(testimage.Gradient(640, 480), testimage.EXIFSegment(block))), thumb, testimage.JPEG(testimage.Gradient(640, 480)), 6, ""},
		{"CR3", "cr3", canon.Encode(plain.Encode(), nil, nil), thumb, large, 6, ""},
		{"CR3 with short offsets", "cr3", short.Encode(plain.Encode(), nil, nil), thumb, large, 6, ""},
		{"ORF", "orf", orf, thumb, thumb, 6, ""},
		{"JPEG", "jpg", testimage.JPEG(testimage.Gradient(64, 48), testimage.EXIFSegment(block)), thumb, thumb, 6, ""},
		{"PNG", "png", testimage.PNG(testimage.Gradient(64, 48), testimage.PNGChunk("eXIf", block), nil), thumb, thumb, 6, ""},
		{"WebP", "webp", testimage.WebP(testimage.VP8X(8), testimage.VP8L(), testimage.RIFFChunk("EXIF", block)), thumb, thumb, 6, ""},
		{"HEIC with EXIF's thumbnail", "heic", heic.Encode(), thumb, thumb, 1, ""}, // no irot: not rotated
		{"HEIC", "heic", testimage.HEIFThumbnail(large, 1, 3, -1), large, large, 6, "ExifTool extracts no items"},
		{"HEIC, in pieces and mirrored", "heic", testimage.HEIFThumbnail(large, 3, 1, 1), large, large, 7, "ExifTool extracts no items"},
		{"HEIC, mirrored", "heic", testimage.HEIFThumbnail(large, 1, 0, 0), large, large, 4, "ExifTool extracts no items"},
		{"JFXX", "jpg", testimage.JPEG(testimage.Gradient(64, 48), testimage.Segment(0xE0, append([]byte("JFXX\x00\x10"), small...))), small, small, 1, ""},
		{"MPF", "jpg", testimage.MPF(block, photo, []uint32{0x010001, 0x010002}, small, large), thumb, large, 6, ""},
		{"MPF behind a color profile", "jpg", slices.Insert(testimage.MPF(block, photo, []uint32{0x010001, 0x010002}, small, large), 2, testimage.Segment(0xE2, []byte("ICC_PROFILE\x00\x01\x01a profile"))...), thumb, large, 6, ""},
		{"MPF of another format", "jpg", testimage.MPF(plain.Encode(), photo, []uint32{0x02010001, 0x010002}, small, large), large, large, 6, "ExifTool extracts other formats"},
		{"MPF without types", "jpg", testimage.MPF(plain.Encode(), photo, []uint32{0, 0}, large, small), small, large, 6, ""},
		{"MPF with gain maps", "jpg", testimage.MPF(plain.Encode(), photo, []uint32{0, 0, 0, 0, 0x050000, 0x020002}, gainMap, isoMap, appleMap, gray, large, large), nil, nil, 6, "ExifTool extracts gain maps"},
		{"MPF of junk", "jpg", testimage.JPEG(testimage.Gradient(64, 48), testimage.Segment(0xE2, []byte("MPF\x00no TIFF block in here"))), nil, nil, 1, ""},
		{"JFXX of pixels", "jpg", testimage.JPEG(testimage.Gradient(64, 48), testimage.Segment(0xE0, append([]byte("JFXX\x00\x11"), small...))), nil, nil, 1, ""},
		{"no picture", "jpg", photo, nil, nil, 1, ""},
		{"TIFF pages", "tif", testimage.RAW(
			true, "",
			testimage.Dir{Entries: []testimage.Entry{testimage.Short(0x0103, 1)}, Strip: make([]byte, 99)},
			testimage.Dir{Entries: []testimage.Entry{testimage.Short(0x0103, 7), testimage.Short(0x0106, 6)}, Strip: large},
			testimage.Dir{Entries: []testimage.Entry{testimage.Short(0x0103, 7), testimage.Short(0x0106, 6)}, Strip: small},
		), small, large, 1, "ExifTool extracts no pages"},
	}
}

var pictureFinders = map[string]func(r io.ReaderAt) (Picture, error){"thumbnail": FindThumbnail, "preview": FindPreview}

// written returns the picture's bytes.
func written(t testing.TB, p *Picture) []byte {
	t.Helper()
	b, err := io.ReadAll(p.Reader())
	if err != nil || int64(len(b)) != p.Size() {
		t.Fatalf("%v after %d of %d bytes", err, len(b), p.Size())
	}
	return b
}

// TestPictureIsTheRightOne: it has the pixels of the embedded picture, and the photo's Orientation.
func TestPictureIsTheRightOne(t *testing.T) {
	for _, s := range pictureSamples() {
		for what, find := range pictureFinders {
			want := s.preview
			if what == "thumbnail" {
				want = s.thumbnail
			}
			// readers that don't report their size work, too
			for _, r := range []io.ReaderAt{bytes.NewReader(s.data), container.ReaderFunc(bytes.NewReader(s.data).ReadAt)} {
				p, err := find(r)
				if p.Format == "" || !errors.Is(err, map[bool]error{true: ErrNoPicture}[want == nil]) {
					t.Errorf("%s of %s: got error %v of format %q", what, s.name, err, p.Format)
					continue
				}
				if want == nil {
					continue
				}
				if !samePixels(t, written(t, &p), want) {
					t.Errorf("%s of %s: it is another picture: %d×%d", what, s.name, p.Width, p.Height)
				}
				if p.Orientation != int(s.orientation) {
					t.Errorf("%s of %s: Orientation %d, want %d", what, s.name, p.Orientation, s.orientation)
				}
			}
		}
	}
}

// TestPreviewTurnedByTheCameraIsNotTurnedAgain: a preview of the shape that the photo has when it is turned has no Orientation.
func TestPreviewTurnedByTheCameraIsNotTurnedAgain(t *testing.T) {
	wide, high := testimage.JPEG(testimage.Gradient(640, 480)), testimage.JPEG(testimage.Gradient(480, 640))
	for _, tt := range []struct {
		width, height uint32
		orientation   uint16
		preview       []byte
		want          int
	}{
		{2560, 1920, 8, wide, 8},
		{2560, 1920, 8, high, 1},
		{1920, 2560, 6, wide, 1},
		{1920, 2560, 6, high, 6},
		{2560, 1920, 3, high, 3},
		{0, 0, 6, high, 6},
	} {
		data := testimage.RAW(true, "", testimage.Dir{
			Entries: []testimage.Entry{testimage.Long(0x00FE, 1), testimage.Short(0x0112, tt.orientation)},
			Subs: []testimage.Dir{
				{Entries: []testimage.Entry{testimage.Long(0x00FE, 1), testimage.Short(0x0103, 6)}, JPEG: tt.preview},
				{Entries: []testimage.Entry{
					testimage.Long(0x00FE, 0), testimage.Long(0x0100, tt.width), testimage.Long(0x0101, tt.height), testimage.Short(0x0103, 34713),
				}, Strip: make([]byte, 999)},
			},
		})
		for what, find := range pictureFinders {
			p, err := find(bytes.NewReader(data))
			if err != nil || p.Orientation != tt.want {
				t.Errorf("%s of %d×%d with Orientation %d, %d×%d: got Orientation %d, %v, want %d", what, tt.width, tt.height, tt.orientation, p.Width, p.Height, p.Orientation, err, tt.want)
			}
		}
	}
}

// TestPicturesOfSamples: ExifTool extracts the same pictures from files that are laid out like cameras'.
func TestPicturesOfSamples(t *testing.T) {
	testgate.Slow(t)
	dir := t.TempDir()
	path := func(s *pictureSample) string {
		return filepath.Join(dir, strings.ReplaceAll(strings.ReplaceAll(s.name, " ", "_"), "'", "")+"."+s.ext)
	}
	samples := pictureSamples()
	for i := range samples {
		if err := os.WriteFile(path(&samples[i]), samples[i].data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := extract(t, dir)
	for i := range samples {
		s := &samples[i]
		if s.apart != "" {
			continue
		}
		var tags []string
		for _, e := range all[path(s)] {
			tags = append(tags, e.tag)
		}
		if !samePixels(t, wantedThumbnail(all[path(s)]), s.thumbnail) {
			t.Errorf("%s: ExifTool has another thumbnail: %q", s.name, tags)
		}
		if !samePixels(t, wantedPreview(all[path(s)]), s.preview) {
			t.Errorf("%s: ExifTool has another preview: %q", s.name, tags)
		}
	}
}

// TestBrokenPictureDoesNotCount: a broken picture doesn't count, next to a valid one or alone.
func TestBrokenPictureDoesNotCount(t *testing.T) {
	good, large := embedded(160, 120), testimage.JPEG(testimage.Gradient(640, 480))
	marker := func(m byte) int { return bytes.Index(large, []byte{0xFF, m}) }
	changed := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(large)) }
	without := func(m byte) []byte {
		return changed(func(b []byte) []byte {
			for i := marker(m); i >= 0; i = bytes.Index(b[:bytes.Index(b, []byte{0xFF, container.MarkerSOS})], []byte{0xFF, m}) {
				b = slices.Delete(b, i, i+2+int(binary.BigEndian.Uint16(b[i+2:])))
			}
			return b
		})
	}
	set := func(off int, v ...byte) []byte {
		return changed(func(b []byte) []byte { copy(b[marker(container.MarkerSOF0)+off:], v); return b })
	}
	for name, b := range map[string][]byte{
		"nothing":                    {},
		"one byte":                   {0xFF},
		"no JPEG":                    bytes.Repeat([]byte("pixels"), 1000),
		"lossless":                   set(1, 0xC3),
		"arithmetic":                 set(1, 0xC9),
		"hierarchical":               set(1, 0xC5),
		"12 bits":                    set(4, 12),
		"no height":                  set(5, 0, 0),
		"no width":                   set(7, 0, 0),
		"more than its bytes can be": set(5, 0xFF, 0xFF, 0xFF, 0xFF),
		"5 components":               set(9, 5),
		"no sampling":                set(11, 0),
		"no quantization":            without(container.MarkerDQT),
		"no Huffman codes":           without(container.MarkerDHT),
		"no frame":                   without(container.MarkerSOF0),
		"two frames": changed(func(b []byte) []byte {
			i := marker(container.MarkerSOF0)
			return slices.Insert(b, i, b[i:i+19]...)
		}),
		"no scan":               large[:marker(container.MarkerSOS)],
		"cut in its header":     large[:marker(container.MarkerSOS)+3],
		"an end before it":      slices.Concat(large[:2], []byte{0xFF, 0xD9}, large[2:]),
		"a segment of one byte": slices.Concat(large[:2], []byte{0xFF, 0xE1, 0, 1}, large[2:]),
	} {
		file := testimage.ARW(b, good)
		if p, err := FindPreview(bytes.NewReader(file)); err != nil || p.Width != 160 {
			t.Errorf("%s: got %d×%d, %v", name, p.Width, p.Height, err)
		}
		if p, err := FindPreview(bytes.NewReader(testimage.ARW(b, b))); !errors.Is(err, ErrNoPicture) || p.Format != "tiff" {
			t.Errorf("%s alone: got %d×%d, %v", name, p.Width, p.Height, err)
		}
		// IFD1's thumbnail can't be decoded: another picture
		if p, err := FindThumbnail(bytes.NewReader(testimage.ARW(large, b))); err != nil || p.Width != 640 {
			t.Errorf("%s: got thumbnail %d×%d, %v", name, p.Width, p.Height, err)
		}
	}
	// one byte beyond the file, whether the reader reports the size or not
	file := testimage.ARW(large, nil)
	end := bytes.Index(file, large) + len(large)
	for _, n := range []int{end, end - 1} {
		for _, r := range []io.ReaderAt{bytes.NewReader(file[:n]), container.ReaderFunc(bytes.NewReader(file[:n]).ReadAt)} {
			if _, err := FindPreview(r); (err == nil) != (n == end) {
				t.Errorf("%d of %d bytes: %v", n, end, err)
			}
		}
	}
	// a piece in the middle lies beyond the file
	b := testimage.HEIFThumbnail(large, 3, 0, -1)
	i := bytes.Index(b, []byte("iloc")) + 8 + 10 + 8
	b[i] = 0x7F
	if p, err := FindPreview(bytes.NewReader(b)); !errors.Is(err, ErrNoPicture) {
		t.Errorf("a piece beyond the file: got %d×%d, %v", p.Width, p.Height, err)
	}
	if _, err := FindPreview(strings.NewReader("no image at all, but text")); !errors.Is(err, ErrNotImage) {
		t.Errorf("got %v", err)
	}
}

// failingFrom is a file whose reads fail from off on.
type failingFrom struct {
	*bytes.Reader
	off int64
	err error
}

func (f *failingFrom) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.off {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, off)
}

// TestPictureOfFileThatFails: searching and writing return the reader's errors unchanged.
func TestPictureOfFileThatFails(t *testing.T) {
	bad := errors.New("bad")
	large := testimage.JPEG(testimage.Gradient(640, 480))
	for _, s := range append(pictureSamples(), pictureSample{name: "large", data: testimage.NEF(large), preview: large}) {
		if s.preview == nil {
			continue
		}
		f := &failingFrom{Reader: bytes.NewReader(s.data), err: bad}
		failed := 0
		for off := 0; off < len(s.data); off += max(1, len(s.data)/200) {
			f.off = int64(off)
			p, err := FindPreview(f)
			if err == nil {
				_, err = io.Copy(io.Discard, p.Reader())
			}
			if errors.Is(err, bad) {
				failed++
			} else if err != nil && !errors.Is(err, ErrNoPicture) && !errors.Is(err, ErrNotImage) {
				t.Errorf("%s, from %d on: %v", s.name, off, err)
			}
		}
		if failed == 0 {
			t.Errorf("%s: nothing failed", s.name)
		}
	}
}

// TestManyThumbnailsAreLocatedAtOnce: each of 32 thumbnails is the last of 60,000 items, so to look for one after the other
// would take 32 passes over the index.
func TestManyThumbnailsAreLocatedAtOnce(t *testing.T) {
	const others, thumbnails, primary = 60000, 32, 65000
	for _, typ := range []string{"jpeg", "hvc1"} {
		u16 := func(b []byte, v int) []byte { return binary.BigEndian.AppendUint16(b, uint16(v)) }
		entry := func(id int, typ string) []byte {
			return testimage.FullBox("infe", 2, u16(nil, id), []byte{0, 0}, []byte(typ+"\x00"))
		}
		iinf, iref := [][]byte{u16(nil, 1+thumbnails), entry(primary, "hvc1")}, [][]byte(nil)
		iloc, ipma := u16([]byte{0x04, 0}, others+thumbnails), u16([]byte{0, 0}, others+thumbnails)
		for i := range others {
			iloc = append(u16(iloc, i), 0, 0, 0, 0)
			ipma = append(u16(ipma, i), 1, 1)
		}
		for i := range thumbnails {
			id := primary + 1 + i
			iinf = append(iinf, entry(id, typ))
			iref = append(iref, testimage.Box("thmb", u16(nil, id), u16([]byte{0, 1}, primary)))
			iloc = append(u16(iloc, id), 0, 0, 0, 1, 0, 0, 1, 0)
			ipma = append(u16(ipma, id), 2, 1, 2)
		}
		file := append(testimage.FileType("heic", "mif1"), testimage.FullBox(
			"meta", 0, testimage.FullBox("pitm", 0, u16(nil, primary)), testimage.FullBox("iinf", 0, iinf...), testimage.FullBox("iref", 0, iref...),
			testimage.Box("iprp", testimage.Box("ipco", testimage.Coded("hvc1").Properties...), testimage.FullBox("ipma", 0, ipma)),
			testimage.FullBox("iloc", 0, iloc),
		)...)
		read := 0
		r := container.ReaderFunc(func(p []byte, off int64) (int, error) {
			n, err := bytes.NewReader(file).ReadAt(p, off)
			read += n
			return n, err
		})
		if _, err := FindThumbnail(r); !errors.Is(err, ErrNoPicture) {
			t.Errorf("%s: got %v", typ, err)
		}
		if read > 4*len(file) {
			t.Errorf("%s: read %d bytes of %d", typ, read, len(file))
		}
	}
}

// itemSamples are HEIFs with thumbnail items.
func itemSamples() (samples []pictureSample) {
	for _, typ := range []string{"hvc1", "av01"} {
		item := testimage.Coded(typ)
		photo := testimage.Item{Type: typ, Properties: [][]byte{item.Properties[1], testimage.Box("irot", []byte{3})}}
		samples = append(samples, pictureSample{name: typ, data: testimage.HEIFThumbnails(photo, 2, item, item)})
	}
	return samples
}

// checkPictures writes all pictures found in a file, and reports violations of the limits.
func checkPictures(t *testing.T, data []byte) {
	t.Helper()
	for what, find := range pictureFinders {
		p, err := find(bytes.NewReader(data))
		switch {
		case err == nil:
		case errors.Is(err, ErrNoPicture), errors.Is(err, ErrNotImage), errors.Is(err, ErrTooLarge):
			continue
		default:
			t.Errorf("%s: %v", what, err)
			continue
		}
		if p.Size() > int64(len(data))+64 {
			t.Errorf("%s: %d bytes of a file of %d", what, p.Size(), len(data))
		}
		got := written(t, &p)
		c, err := jpeg.DecodeConfig(bytes.NewReader(got))
		if err == nil && (int64(c.Width) != p.Width || int64(c.Height) != p.Height) {
			t.Errorf("%s: %d×%d, want %d×%d", what, c.Width, c.Height, p.Width, p.Height)
		}
	}
}

// TestPictureOfCutFile cuts the samples anywhere.
func TestPictureOfCutFile(t *testing.T) {
	testgate.Slow(t)
	for _, s := range append(pictureSamples(), itemSamples()...) {
		for n := 0; n < len(s.data); n += 1 + n/100 {
			checkPictures(t, s.data[:n])
		}
	}
	for _, files := range testimage.Formats() {
		for _, b := range files {
			for n := range b {
				checkPictures(t, b[:n])
			}
		}
	}
}

func FuzzPicture(f *testing.F) {
	// a small file is changed faster
	flat := func(w, _ int) []byte {
		return testimage.JPEG(testimage.Gradient(w, 1), testimage.Segment(0xFE, []byte("x")))
	}
	for _, s := range pictureSamplesOf(flat) {
		if len(s.data) < 8000 {
			f.Add(s.data)
		}
	}
	for _, files := range testimage.Formats() {
		for _, b := range files {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkPictures(t, data) })
}

// TestHostilePictures: files made to cost time or memory cost neither.
func TestHostilePictures(t *testing.T) {
	// every entry of every directory points at the same JPEG, whose header is long
	long := testimage.JPEG(testimage.Gradient(640, 480), slices.Repeat([][]byte{testimage.Segment(0xFE, nil)}, 500)...)
	fill := testimage.JPEG(testimage.Gradient(640, 480), bytes.Repeat([]byte{0xFF}, 60000))
	icc := testimage.JPEG(testimage.Gradient(640, 480), slices.Repeat([][]byte{testimage.Segment(0xE2, append([]byte("ICC_PROFILE\x00\x01\x01"), make([]byte, 65000)...))}, 255)...)
	subs := func(b []byte) []byte {
		dirs := slices.Repeat([]testimage.Dir{{JPEG: b}}, 16)
		for i := range dirs[1:] {
			dirs[1+i].JPEG = nil
			dirs[1+i].Entries = []testimage.Entry{testimage.Long(0x0201, 0x100), testimage.Long(0x0202, uint32(len(b)))}
		}
		return testimage.RAW(false, "", testimage.Dir{Subs: dirs})
	}
	shared := func(b []byte) []byte {
		const count = 60
		out := header(8)
		for i := range uint32(count) {
			out = put16(out, 2)
			out = entry(out, jpegTag, container.TypeLong, 1, 8+count*30)
			out = entry(out, jpegSizeTag, container.TypeLong, 1, uint32(len(b)))
			out = put32(out, 8+30*(i+1))
		}
		return append(out, b...)
	}
	ring := put16(header(8), 1)
	ring = put32(entry(ring, subIFDsTag, container.TypeLong, 1, 8), 8)
	wide := put16(header(8), 65535)
	for range 65535 {
		wide = entry(wide, subIFDsTag, container.TypeLong, 0xFFFFFFFF, 8)
	}
	wide = put32(wide, 8)
	for name, data := range map[string][]byte{
		"60 times one long header":       shared(long),
		"60 times fill bytes":            shared(fill),
		"60 times a profile of 16 MB":    shared(icc),
		"16 directories":                 subs(long),
		"directory within itself":        ring,
		"65,535 pointers to directories": wide,
		"MPF with the photo itself":      testimage.MPF(nil, long, slices.Repeat([]uint32{0}, 60), slices.Repeat([][]byte{long[:700]}, 60)...),
	} {
		for what, find := range pictureFinders {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			p, err := find(bytes.NewReader(data))
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			t.Logf("%s of %s: %v, %d bytes, %d×%d, %v", what, name, took, after.TotalAlloc-before.TotalAlloc, p.Width, p.Height, err)
			if what == "preview" && strings.HasPrefix(name, "60 times") && !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s: got %v, want it refused", name, err)
			}
			if took > 20*time.Millisecond*slow {
				t.Errorf("%s of %s: took %v", what, name, took)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%s of %s: allocated %d bytes", what, name, n)
			}
		}
	}
}

func BenchmarkPicture(b *testing.B) {
	for _, s := range pictureSamples() {
		if s.name != "JPEG" && s.name != "NEF" {
			continue
		}
		for what, find := range pictureFinders {
			b.Run(s.name+"/"+what, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p, err := find(bytes.NewReader(s.data))
					if err != nil {
						b.Fatal(err)
					}
					io.Copy(io.Discard, p.Reader())
				}
			})
		}
	}
}
