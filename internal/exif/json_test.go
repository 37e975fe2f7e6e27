package exif

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// strangers returns a block with s in texts of every kind, and in a GPS Ref, whose description quotes it.
func strangers(s string) *testimage.Block {
	wide := utf16Bytes(binary.LittleEndian, s)
	return &testimage.Block{
		IFD0: []testimage.Entry{
			testimage.ASCII(0x010E, s), testimage.ASCII(0x010F, s), testimage.ASCII(0x0132, s),
			testimage.Bytes(0x9C9B, container.TypeByte, wide),
		},
		Exif: []testimage.Entry{
			testimage.ASCII(0x9003, s), testimage.ASCII(0x9011, s),
			testimage.Undefined(0x9286, append([]byte("UNICODE\x00"), wide...)),
			testimage.Undefined(0x9000, []byte(s)),
		},
		GPS:     []testimage.Entry{testimage.ASCII(0x0001, s), testimage.ASCII(0x000A, s), testimage.ASCII(0x001D, s)},
		Interop: []testimage.Entry{testimage.ASCII(0x0001, s)},
		IFD1:    []testimage.Entry{testimage.Short(0x0103, 6), testimage.Long(0x0201, 0), testimage.ASCII(0x010E, s)},
	}
}

// TestNoTemplateActionsInJSON: Caddy's templates executes what httpInclude includes, and a caption is a stranger's
// text. "{{" must occur in no style, and the text must stay what it is.
func TestNoTemplateActionsInJSON(t *testing.T) {
	for _, s := range []string{"{{env \"HOME\"}}", "{{{{{", "a{{", "{ {", "{\"{{\\{{\n{{", "\u00fc{{{"} {
		for _, style := range []Style{Raw, Described, Typed} {
			o := &Options{Style: style, Unknown: true}
			m, err := Decode(bytes.NewReader(strangers(s).Encode()), o)
			if err != nil {
				t.Fatal(err)
			}
			b, err := m.AppendJSON(nil, o)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(b, []byte("{{")) {
				t.Errorf("%q in style %d: got %s", s, style, b)
			}
			var got map[string]any
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			for _, name := range []string{"ImageDescription", "DateTime", "XPTitle", "UserComment", "GPSDateStamp", "ThumbImageDescription"} {
				if got[name] != s {
					t.Errorf("%s in style %d: got %q, want %q", name, style, got[name], s)
				}
			}
			if ref := fmt.Sprint(got["GPSLatitudeRef"]); !strings.Contains(ref, s) {
				t.Errorf("GPSLatitudeRef in style %d: got %q", style, ref)
			}
		}
	}
}

// TestNoTemplateActionsInDialects is TestNoTemplateActionsInJSON for the forms of other services.
func TestNoTemplateActionsInDialects(t *testing.T) {
	for _, word := range DialectWords() {
		o := &Options{Dialect: FindDialect(word), Unknown: true}
		m, err := Decode(bytes.NewReader(strangers("{{env}}").Encode()), o)
		if err != nil {
			t.Fatal(err)
		}
		b, err := m.AppendJSON(nil, o)
		if err != nil || bytes.Contains(b, []byte("{{")) || !json.Valid(b) || !bytes.Contains(b, []byte(`{\u007benv}}`)) {
			t.Errorf("%s: got %v, %s", word, err, b)
		}
	}
}
