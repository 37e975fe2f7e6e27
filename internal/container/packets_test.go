package container

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

func isoBox(typ string, body ...[]byte) []byte {
	b := slices.Concat(body...)
	n := len(b) + 8
	return slices.Concat([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, []byte(typ), b)
}

func segment(marker byte, data string) []byte {
	n := len(data) + 2
	return append([]byte{0xFF, marker, byte(n >> 8), byte(n)}, data...)
}

// TestPackets: each format's XMP and IIM are found, with their places in the file.
func TestPackets(t *testing.T) {
	const xmp = "<x:xmpmeta/>"
	const iim = "\x1C\x02\x05\x00\x05title"
	resource := string(testimage.PSDResource(psdIIM, "", []byte(iim)))
	guid := strings.Repeat("A", 32)
	jpeg := slices.Concat([]byte("\xFF\xD8"),
		segment(MarkerAPP1, XMPIntro+xmp),
		segment(MarkerAPP1, ExtendedXMPIntro+guid+"\x00\x00\x00\x0C\x00\x00\x00\x02"+"more"),
		segment(MarkerAPP13, PhotoshopIntro+resource[:14]),
		segment(MarkerAPP13, PhotoshopIntro+resource[14:]),
		[]byte("\xFF\xDA"))
	// resources in four segments, three of which begin alike and are as long
	var long []byte
	for b := range slices.Chunk(slices.Concat(testimage.PSDResource(0x0400, "", bytes.Repeat([]byte("8BIM"), 60000)), []byte(resource)), 1<<16-1-2-len(PhotoshopIntro)) {
		long = append(long, segment(MarkerAPP13, PhotoshopIntro+string(b))...)
	}
	trailer := []byte{1}
	for i := 255; i >= 0; i-- {
		trailer = append(trailer, byte(i))
	}
	trailer = append(trailer, 0)
	heifWith := func(version byte, typ string, data []byte) []byte {
		item := testimage.FullBox("infe", version, []byte("\x00\x01\x00\x00mime\x00"+typ))
		n := byte(len(data))
		return slices.Concat(testimage.FileType("heic"), testimage.FullBox("meta", 0, testimage.FullBox("iinf", 0, []byte{0, 1}, item),
			testimage.FullBox("iloc", 1, []byte{0x44, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, n}), isoBox("idat", data)))
	}
	heifOf := func(version byte, encoding string, data []byte) []byte {
		return heifWith(version, "application/rdf+xml\x00"+encoding+"\x00", data)
	}
	heif := func(encoding string, data []byte) []byte { return heifOf(2, encoding, data) }
	text := func(typ, data string) []byte { return testimage.PNGChunk(typ, []byte(data)) }
	profile := func(kind, data string) []byte {
		return testimage.TEXT(profileIntro+kind, testimage.RawProfile(kind, []byte(data)))
	}
	uuid := func(typ, data string) []byte { return isoBox("uuid", []byte(typ), []byte(data)) }
	for _, c := range []struct {
		name, format string
		data         []byte
		want         string
		coded        bool
	}{
		{"jpeg", "jpeg", jpeg, "0:" + xmp + " 1:more 2:" + iim, false},
		{"jpeg of Getty's", "jpeg", slices.Concat([]byte("\xFF\xD8"), segment(MarkerAPP1, GettyXMPIntro+xmp), []byte("\xFF\xDA")), "0:" + xmp, false},
		{"jpeg without a zero byte", "jpeg", slices.Concat([]byte("\xFF\xD8"), segment(MarkerAPP1, XMPIntro[:28]+xmp), []byte("\xFF\xDA")), "0:" + xmp, false},
		{"jpeg without an intro", "jpeg", slices.Concat([]byte("\xFF\xD8"), segment(MarkerAPP1, xmp+"      "), []byte("\xFF\xDA")), "0:" + xmp + "      ", false},
		{"jpeg of long resources", "jpeg", slices.Concat([]byte("\xFF\xD8"), long, []byte("\xFF\xDA")), "2:" + iim, false},
		{"jpeg of another APP1", "jpeg", slices.Concat([]byte("\xFF\xD8"), segment(MarkerAPP1, "Exif\x00\x00II*\x00"+xmp), segment(MarkerAPP1, "another\x00"+xmp), segment(MarkerAPP2, XMPIntro+xmp), []byte("\xFF\xDA")), "", false},
		{"jpeg of Photoshop 2.5", "jpeg", slices.Concat([]byte("\xFF\xD8"), segment(MarkerAPP13, oldPhotoshop+"12345678"+resource), []byte("\xFF\xDA")), "2:" + iim, false},
		{"jpeg with broken resources", "jpeg", slices.Concat([]byte("\xFF\xD8"), segment(MarkerAPP13, PhotoshopIntro+"broken"), segment(MarkerAPP13, PhotoshopIntro+resource), []byte("\xFF\xDA")), "2:" + iim, false},
		{"jpeg with cut resources", "jpeg", slices.Concat([]byte("\xFF\xD8"), segment(MarkerAPP13, PhotoshopIntro+"8BIM\x03\xED\x00\x00\x00\x00\x00\x99cut"), segment(MarkerCOM, ""), segment(MarkerAPP13, PhotoshopIntro+resource), []byte("\xFF\xDA")), "2:" + iim, false},
		{"png", "png", slices.Concat(testimage.PNGHead(), text("iTXt", pngXMP+"\x00\x00\x00en\x00\x00"+xmp), text("IDAT", "x"), text("IEND", "")), "0:" + xmp, false},
		{"png profile", "png", slices.Concat(testimage.PNGHead(), text("tEXt", "Raw profile type iptc\x00"+string(testimage.RawProfile("iptc", []byte(resource)))), text("IEND", "")), "2:" + iim, true},
		{"png of a language", "png", slices.Concat(testimage.PNGHead(), text("iTXt", pngXMP+"\x00\x00\x00en-US\x00a name\x00"+xmp), text("IEND", "")), "0:" + xmp, false},
		{"png of an endless language", "png", slices.Concat(testimage.PNGHead(), text("iTXt", pngXMP+"\x00\x00\x00"+strings.Repeat("e", 300)+"\x00\x00"+xmp), text("IEND", "")), "", false},
		{"png compressed", "png", slices.Concat(testimage.PNGHead(), testimage.ITXT(pngXMP, []byte(xmp), true), text("IEND", "")), "0:" + xmp, true},
		{"png in zTXt", "png", slices.Concat(testimage.PNGHead(), testimage.ZTXT(pngXMP, []byte(xmp)), text("IEND", "")), "0:" + xmp, true},
		{"png in tEXt", "png", slices.Concat(testimage.PNGHead(), testimage.TEXT(pngXMP, []byte(xmp)), testimage.TEXT("Comment", []byte(xmp)), text("IEND", "")), "0:" + xmp, true},
		{"png label", "png", slices.Concat(testimage.PNGHead(), testimage.TEXT(pngLabel, []byte("label")), testimage.TEXT(pngLabel, nil), text("IEND", "")), "3:label", true},
		{"png profiles", "png", slices.Concat(testimage.PNGHead(), profile("XMP", xmp), profile("APP1", XMPIntro+xmp), profile("APP1", "Exif\x00\x00II*\x00"), profile("8bim", resource), profile("iptc", iim), profile("icc", iim), text("IEND", "")), "0:" + xmp + " 0:" + xmp + " 2:" + iim + " 2:" + iim, true},
		{"webp", "webp", testimage.WebP(testimage.RIFFChunk("XMP ", []byte(xmp))), "0:" + xmp, false},
		{"webp with a zero byte", "webp", testimage.WebP(testimage.RIFFChunk("XMP\x00", []byte(xmp))), "0:" + xmp, false},
		{"gif", "gif", slices.Concat([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00!\xFF\x0BXMP DataXMP"), []byte(xmp), trailer, []byte(";")), "0:" + xmp, false},
		{"gif of other extensions", "gif", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00!\xFF\x0BNETSCAPE2.0\x03\x01\x00\x00\x00!\xFE\x01a\x00!\xFF\x0BXMP DataXMP\x05short\x00;"), "", false},
		{"heif", "heif", heif("", []byte(xmp)), "0:" + xmp, false},
		{"heif of an unterminated type", "heif", heifWith(2, "application/rdf+xml", []byte(xmp)), "0:" + xmp, false},
		{"heif of another type", "heif", heifWith(2, "text/plain\x00", []byte(xmp)), "", false},
		{"heif deflate", "heif", heif("deflate", testimage.Zlib([]byte(xmp))), "0:" + xmp, true},
		{"heif br", "heif", heif("br", testimage.Brotli([]byte(xmp), 16)), "0:" + xmp, true},
		{"heif of items without types", "heif", heifOf(1, "", []byte(xmp)), "", false},
		{"heif of unknown items", "heif", heifOf(4, "", []byte(xmp)), "", false},
		{"heif unknown", "heif", heif("gzip", []byte(xmp)), "", false},
		{"jxl", "jxl", slices.Concat([]byte("\x00\x00\x00\x0CJXL \r\n\x87\n"), isoBox("xml ", []byte(xmp))), "0:" + xmp, false},
		{"jxl br", "jxl", testimage.JXL(testimage.Brob("Exif", []byte("no XMP"), 16), testimage.Brob("xml ", []byte(xmp), 16)), "0:" + xmp, true},
		{"jxl, naked", "jxl", slices.Concat([]byte(JXLCodestream), make([]byte, 6), isoBox("xml ", []byte(xmp))), "", false},
		{"psd", "psd", testimage.PSD(1, testimage.PSDResource(psdIIM, "", nil), testimage.PSDResource(psdXMP, "", []byte(xmp)), []byte(resource)), "0:" + xmp + " 2:" + iim, false},
		{"raf", "raf", testimage.RAF(jpeg), "0:" + xmp + " 1:more 2:" + iim, false},
		{"cr3", "cr3", slices.Concat(testimage.CR3(nil, nil, nil), uuid(XMPUUID, xmp)), "0:" + xmp, false},
		{"jp2", "jp2", slices.Concat(uuid(XMPUUID, xmp), uuid(iimUUID, iim)), "0:" + xmp + " 2:" + iim, false},
		{"jp2 of Photoshop", "jp2", slices.Concat(uuid(photoshopUUID, resource), uuid(XMPUUID, xmp)), "2:" + iim + " 0:" + xmp, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			err := Packets(bytes.NewReader(c.data), c.format, func(p Packet) (bool, error) {
				b := make([]byte, p.N)
				if _, err := io.ReadFull(io.NewSectionReader(p.R, 0, p.N), b); err != nil {
					t.Error(err)
				}
				got = append(got, string('0'+rune(p.Kind))+":"+string(b))
				var inFile []byte
				for _, run := range p.Runs {
					inFile = append(inFile, c.data[run.Off:run.Off+run.N]...)
				}
				if c.coded != (p.Runs == nil) || !c.coded && !bytes.Equal(inFile, b) {
					t.Errorf("the runs %v have %q, want %q", p.Runs, inFile, b)
				}
				if !c.coded && c.format != "png" && p.Off != p.Runs[0].Off { // PNG's chunks begin with a keyword
					t.Errorf("got %d as the packet's place, want %d", p.Off, p.Runs[0].Off)
				}
				return false, nil
			})
			if all := strings.Join(got, " "); err != nil || all != c.want {
				t.Errorf("got %q, error %v, want %q", all, err, c.want)
			}
		})
	}
}

// TestLocationsOfItems: the item location box (14496-12, 8.11.3) in each of its forms.
func TestLocationsOfItems(t *testing.T) {
	const xmp, junk = "<x:xmpmeta/>", "0123"
	file := func(iloc string) []byte {
		item := testimage.FullBox("infe", 2, []byte("\x00\x01\x00\x00mime\x00application/rdf+xml\x00\x00"))
		return slices.Concat(testimage.FileType("heic"), isoBox("free", []byte(xmp)), testimage.FullBox("meta", 0,
			testimage.FullBox("iinf", 0, []byte{0, 1}, item), isoBox("idat", []byte(junk+xmp+junk)), isoBox("iloc", []byte(iloc))))
	}
	const at = "\x00\x00\x00\x18" // of the box free's body in the file
	const n = "\x00\x00\x00\x0C"  // the length of the packet
	const v0, v1, v2 = "\x00\x00\x00\x00", "\x01\x00\x00\x00", "\x02\x00\x00\x00"
	const one, inFile, inIDAT, inItem = "\x00\x01", "\x00\x00", "\x00\x01", "\x00\x02"
	for name, tc := range map[string]struct{ iloc, want string }{
		"version 0":                    {v0 + "\x44\x00" + one + one + inFile + one + at + n, xmp},
		"version 0, reserved bits":     {v0 + "\x44\x0F" + one + one + inFile + one + at + n, xmp},
		"version 1":                    {v1 + "\x44\x00" + one + one + "\x00\x00" + inFile + one + at + n, xmp},
		"version 1, in idat":           {v1 + "\x44\x00" + one + one + inIDAT + inFile + one + "\x00\x00\x00\x04" + n, xmp},
		"reserved bits of the method":  {v1 + "\x44\x00" + one + one + "\xFF\xF1" + inFile + one + "\x00\x00\x00\x04" + n, xmp},
		"version 1, with an index":     {v1 + "\x44\x04" + one + one + inIDAT + inFile + one + "\xFF\xFF\xFF\xFF\x00\x00\x00\x04" + n, xmp},
		"version 2":                    {v2 + "\x44\x00" + "\x00\x00" + one + "\x00\x00" + one + inIDAT + inFile + one + "\x00\x00\x00\x04" + n, xmp},
		"a base":                       {v0 + "\x04\x40" + one + one + inFile + at + one + n, xmp},
		"a base and an offset":         {v1 + "\x44\x40" + one + one + inIDAT + inFile + "\x00\x00\x00\x01" + one + "\x00\x00\x00\x03" + n, xmp},
		"numbers of 8 bytes":           {v0 + "\x88\x00" + one + one + inFile + one + "\x00\x00\x00\x00" + at + "\x00\x00\x00\x00" + n, xmp},
		"no lengths":                   {v1 + "\x40\x00" + one + one + inIDAT + inFile + one + "\x00\x00\x00\x04", xmp + junk},
		"no numbers":                   {v1 + "\x00\x00" + one + one + inIDAT + inFile + one, junk + xmp + junk},
		"two pieces":                   {v1 + "\x44\x00" + one + one + inIDAT + inFile + "\x00\x02" + "\x00\x00\x00\x04\x00\x00\x00\x05" + "\x00\x00\x00\x09\x00\x00\x00\x07", xmp},
		"longer than idat":             {v1 + "\x44\x00" + one + one + inIDAT + inFile + one + "\x00\x00\x00\x04\x00\x00\xFF\xFF", xmp + junk},
		"after another item":           {v0 + "\x44\x00" + "\x00\x02" + "\x00\x09" + inFile + "\x00\x02" + at + at + at + at + one + inFile + one + at + n, xmp},
		"after one in another item":    {v1 + "\x44\x04" + "\x00\x02" + "\x00\x09" + inItem + inFile + one + at + at + at + one + inFile + inFile + one + at + at + n, xmp},
		"twice":                        {v0 + "\x44\x00" + "\x00\x02" + one + inFile + one + at + n + one + inFile + one + at + "\x00\x00\x00\x03", xmp},
		"twice, at first elsewhere":    {v0 + "\x44\x00" + "\x00\x02" + one + one + one + at + n + one + inFile + one + at + n, ""},
		"no bytes":                     {v0 + "\x44\x00" + one + one + inFile + one + at + "\x00\x00\x00\x00", ""},
		"no pieces":                    {v0 + "\x44\x00" + one + one + inFile + "\x00\x00", ""},
		"in another file":              {v0 + "\x44\x00" + one + one + one + one + at + n, ""},
		"in an item":                   {v1 + "\x44\x00" + one + one + inItem + inFile + one + "\x00\x00\x00\x00" + n, ""},
		"a version that doesn't exist": {"\x03" + v2[1:] + "\x44\x00" + "\x00\x00" + one + "\x00\x00" + one + inIDAT + inFile + one + "\x00\x00\x00\x04" + n, ""},
		"numbers of 9 bytes":           {v0 + "\x94\x00" + one + one + inFile + one + "\x00\x00\x00\x00\x00" + at + n, ""},
		"cut":                          {v0 + "\x44\x00" + one + one + inFile + one + at + n[:3], ""},
		"another item alone":           {v0 + "\x44\x00" + one + "\x00\x02" + inFile + one + at + n, ""},
		"entries past their number":    {v0 + "\x44\x00" + "\x00\x00" + one + inFile + one + at + n, ""},
		"256 pieces":                   {v1 + "\x44\x00" + one + one + inIDAT + inFile + "\x01\x00" + "\x00\x00\x00\x04" + n + strings.Repeat("\x00", 8*255), xmp},
		"257 pieces":                   {v1 + "\x44\x00" + one + one + inIDAT + inFile + "\x01\x01" + "\x00\x00\x00\x04" + n + strings.Repeat("\x00", 8*256), ErrTooLarge.Error()},
		"257 pieces elsewhere":         {v0 + "\x44\x00" + one + one + one + "\x01\x01" + at + n + strings.Repeat("\x00", 8*256), ""},
	} {
		got := ""
		err := Packets(bytes.NewReader(file(tc.iloc)), "heif", func(p Packet) (bool, error) {
			b, err := io.ReadAll(io.NewSectionReader(p.R, 0, p.N))
			got += string(b)
			return false, err
		})
		if err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}
