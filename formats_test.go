package caddyexif

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/object"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// formatTableHead begins the table of formats in docs/formats.md.
const formatTableHead = "| format | file made how | tags | bytes read | sub-requests |\n|---|---|---|---|---|\n"

// formatRow is a line of the table of formats in docs/formats.md.
type formatRow struct {
	name, made string
	size, read int64
	tags, reqs int
}

// madeBy describes the origin of the files in each folder of the corpus.
var madeBy = map[string]string{
	"exif-samples": "a phone's or camera's, as taken",
	"imagemeta":    "a photo of bep/imagemeta's tests",
	"formats":      "of ExifTool's tests, cut short",
	"made":         "a gradient from the format's encoder",
}

// formatNames are names for formats by file extension, if the bytes are another format's or people call the
// format by another name.
var formatNames = map[string]string{
	".dng": "DNG", ".cr2": "CR2", ".nef": "NEF", ".arw": "ARW", ".pef": "PEF", ".btf": "BigTIFF",
	".heic": "HEIC", ".jp2": "JPEG 2000", ".jxl": "JPEG XL", ".jxr": "JPEG XR", ".webp": "WebP",
}

// TestEveryFormatIsInTheTable checks that the table in docs/formats.md has a row for each format of the decoder.
// TestFormatTable with -update adds it.
func TestEveryFormatIsInTheTable(t *testing.T) {
	readme, err := os.ReadFile("docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), formatTableHead)
	table, _, _ = strings.Cut(table, "\n\n")
	for _, f := range container.Formats() {
		name := strings.ToUpper(f)
		if n, ok := formatNames["."+f]; ok {
			name = n
		}
		if !strings.Contains("\n"+table, "\n| "+name+" | ") {
			t.Errorf("docs/formats.md's table has no row of %s", name)
		}
	}
}

// TestFormatTable checks the table in docs/formats.md: for each format, the cost of reading the largest file of
// the corpus that has EXIF. It builds files for formats that the corpus doesn't have.
func TestFormatTable(t *testing.T) {
	dir := os.Getenv("EXIF_CORPUS")
	if dir == "" {
		t.Skip("EXIF_CORPUS is not set")
	}
	rows := map[string]formatRow{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		row, format := costOf(t, data)
		if row.tags == 0 && format != "gif" && format != "bmp" {
			return nil
		}
		row.name = strings.ToUpper(format)
		if n, ok := formatNames[strings.ToLower(filepath.Ext(name))]; ok {
			row.name = n
		}
		folder, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		row.made = madeBy[folder]
		if old, ok := rows[row.name]; !ok || row.size > old.size {
			rows[row.name] = row
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range built() {
		if _, ok := rows[name]; ok {
			t.Errorf("%s is built, and the corpus has one", name)
		}
		row, format := costOf(t, data)
		if format == "" {
			t.Errorf("%s isn't read", name)
		}
		row.name, row.made = name, "built by the test"
		rows[name] = row
	}

	names := make([]string, 0, len(rows))
	for n := range rows {
		names = append(names, n)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		r := rows[n]
		if r.read > 256<<10 {
			t.Errorf("%s: %d bytes read", r.name, r.read)
		}
		fmt.Fprintf(&b, "| %s | %d KB, %s | %d | %d | %d |\n", n, (r.size+999)/1000, r.made, r.tags, r.read, r.reqs)
	}
	readme, err := os.ReadFile("docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), formatTableHead)
	table, after, _ := strings.Cut(rest, "\n\n")
	if !ok {
		t.Fatal("no table in docs/formats.md")
	}
	switch {
	case *update:
		if err := os.WriteFile("docs/formats.md", []byte(before+formatTableHead+b.String()+"\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case table+"\n" != b.String():
		t.Errorf("docs/formats.md has\n%s\nwant\n%s", table, b.String())
	}
}

// costOf reads the EXIF of a file as the handler does. The format is "" if it can't be read.
func costOf(t *testing.T, data []byte) (row formatRow, format string) {
	t.Helper()
	m, reqs, read, err := readObject(t, 0, bytes.NewReader(data))
	if err != nil {
		return row, ""
	}
	return formatRow{size: int64(len(data)), read: read, tags: m.Len(), reqs: reqs}, m.Format
}

// readObject reads the EXIF of a file as the handler does, from an upstream with that latency for each
// sub-request.
func readObject(t *testing.T, latency time.Duration, content io.ReadSeeker) (m *exif.Metadata, reqs int, read int64, err error) {
	t.Helper()
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		time.Sleep(latency)
		http.ServeContent(w, r, "", time.Time{}, content)
		return nil
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/photo"+suffix, nil)
	if err != nil {
		t.Fatal(err)
	}
	var o object.Object
	o.Start(r, next, provisioned(t, new(Handler)).objectPath, object.Limits{Window: defaultWindow, Read: defaultMaxRead})
	defer o.Close()
	if err = o.Open(object.Condition{}, nil); err == nil {
		m, err = exif.Decode(&o, &exif.Options{})
	}
	return m, o.Requests, o.Read, err
}

// built returns files of the formats that the corpus doesn't have, with their makers' headers.
func built() map[string][]byte {
	picture := make([]byte, 1<<20)
	raw := func(magic, maker, model string) []byte {
		b := testimage.Full()
		b.BigEndian = magic[0] == 'M'
		b.IFD0 = slices.Clone(b.IFD0)
		for i, e := range b.IFD0 {
			switch e.ID {
			case 0x010F:
				b.IFD0[i] = testimage.ASCII(e.ID, maker)
			case 0x0110:
				b.IFD0[i] = testimage.ASCII(e.ID, model)
			}
		}
		block := b.Encode()
		return append(append([]byte(magic), block[4:]...), picture...)
	}
	return map[string][]byte{
		"ORF":     raw("IIRO", "OLYMPUS IMAGING CORP.", "E-M1"),
		"SRW":     raw("II*\x00", "SAMSUNG", "NX1"),
		"3FR":     raw("MM\x00*", "Hasselblad", "H3D"),
		"IIQ":     raw("II*\x00", "Phase One", "IQ180"),
		"GPR":     raw("II*\x00", "GoPro", "HERO6 Black"),
		"JPEG XR": raw("II\xBC\x01", "Microsoft", "HD Photo"),
		"ICO": append([]byte{
			0, 0, 1, 0, 1, 0, // one icon
			16, 16, 0, 0, 1, 0, 32, 0, 0, 0, 16, 0, 22, 0, 0, 0, // 1 MB, after this
		}, picture...),
		"SVG": []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`),
	}
}
