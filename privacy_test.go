package caddyexif

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// TestOmitAndOnly has patterns decide which tags are answered, in every style, unknown ones too.
func TestOmitAndOnly(t *testing.T) {
	where := regexp.MustCompile(`GPS|39/1|116/1|39\.90|116\.39|39°|116°|43\.5|435/10|SN-0042`)
	for name, img := range testimage.Samples() {
		for _, tc := range []struct {
			handler Handler
			clean   bool
			only    *regexp.Regexp
		}{
			{handler: Handler{Omit: []string{"GPS*", "*SerialNumber"}}, clean: true},
			{handler: Handler{Only: []string{"*"}, Omit: []string{"GPS*", "Body*"}}, clean: true},
			{handler: Handler{Only: []string{"Make", "GPS*"}, Omit: []string{"GPS*"}}, clean: true, only: regexp.MustCompile(`^Make$`)},
			{handler: Handler{Only: []string{"Make", "M[no]del"}}, clean: true, only: regexp.MustCompile(`^Ma?o?d?k?el?$`)},
			{handler: Handler{Only: []string{"GPSL*"}}, only: regexp.MustCompile(`^GPSL`)},
		} {
			for style := range styles {
				h := tc.handler
				h.Values, h.Unknown = style, true
				o, err := h.exifOptions()
				if err != nil {
					t.Fatal(err)
				}
				m, err := exif.Decode(bytes.NewReader(img), &o)
				if err != nil {
					continue // the broken one
				}
				out, err := m.AppendJSON(nil, &o)
				if err != nil {
					t.Fatal(err)
				}
				var tags map[string]any
				if err := json.Unmarshal(out, &tags); err != nil {
					t.Fatal(err)
				}
				if found := where.Find(out); tc.clean && found != nil {
					t.Errorf("%s, %s, only %v, omit %v: %s in %s", name, style, h.Only, h.Omit, found, out)
				}
				for tag := range tags {
					if tc.only != nil && !tc.only.MatchString(tag) {
						t.Errorf("%s, %s, only %v: %s is answered", name, style, h.Only, tag)
					}
				}
				if name == "photo.jpg" && len(tags) == 0 {
					t.Errorf("%s, only %v, omit %v: nothing is answered", style, h.Only, h.Omit)
				}
			}
		}
	}
}
