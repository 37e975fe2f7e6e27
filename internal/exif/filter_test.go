package exif

import (
	"bytes"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// newFilter returns the Filter of only and omit.
func newFilter(only, omit []string) (keep func(name string) bool, err error) {
	return (&Patterns{Only: only, Omit: omit}).Filter()
}

// TestFilterKeeps checks which tags each pair of lists keeps and leaves out.
func TestFilterKeeps(t *testing.T) {
	for _, tc := range []struct {
		name       string
		only, omit []string
		kept, left []string
	}{
		{
			name: "omit a name", omit: []string{"Artist"},
			kept: []string{"Make", "XPAuthor"}, left: []string{"Artist", "ThumbArtist"},
		},
		{
			name: "omit a pattern", omit: []string{"*SerialNumber"},
			kept: []string{"LensModel"}, left: []string{"BodySerialNumber", "LensSerialNumber", "ThumbCameraSerialNumber"},
		},
		{
			name: "omit GPS", omit: []string{"GPS*"},
			kept: []string{"Make", "UnknownTag_0x830f"},
			left: []string{"GPSLatitude", "GPSUnknownTag_0x0042", "ModelPixelScale", "GeoAsciiParams", "ThumbModelTiepoint"},
		},
		{
			name: "omit the position", omit: []string{"GPSLongitude", "GPSLat*"},
			kept: []string{"GPSAltitude"}, left: []string{"GPSLatitude", "ModelTiepoint"},
		},
		{
			name: "omit half of the position", omit: []string{"GPSLatitude"},
			kept: []string{"GPSLongitude", "ModelTiepoint"}, left: []string{"GPSLatitude"},
		},
		{
			name: "omit the other half", omit: []string{"GPSLongitude"},
			kept: []string{"GPSLatitude", "ModelTiepoint"}, left: []string{"GPSLongitude"},
		},
		{
			name: "omit the thumbnail's tags", omit: []string{"Thumb*"},
			kept: []string{"Make", "UnknownTag_0xabcd"}, left: []string{"ThumbMake", "ThumbUnknownTag_0xabcd"},
		},
		{
			name: "only a name", only: []string{"Orientation"},
			kept: []string{"Orientation"}, left: []string{"ThumbOrientation", "Make", "UnknownTag_0xabcd"},
		},
		{
			name: "only a name of the thumbnail's", only: []string{"*Orientation"},
			kept: []string{"Orientation", "ThumbOrientation"}, left: []string{"Make"},
		},
		{
			name: "only GPS", only: []string{"GPS*"},
			kept: []string{"GPSLatitude", "GPSUnknownTag_0x0042"}, left: []string{"ModelPixelScale", "Make"},
		},
		{
			name: "only less omit", only: []string{"GPS*", "Make"}, omit: []string{"GPSDest*"},
			kept: []string{"GPSLatitude", "Make"}, left: []string{"GPSDestLatitude", "Model"},
		},
		{
			name: "unknown tags", only: []string{"UnknownTag_*"},
			kept: []string{"UnknownTag_0xabcd"}, left: []string{"GPSUnknownTag_0xabcd", "Make"},
		},
		{
			name: "one unknown tag", omit: []string{"UnknownTag_0x[c]4a5"},
			kept: []string{"UnknownTag_0xabcd"}, left: []string{"UnknownTag_0xc4a5", "ThumbUnknownTag_0xc4a5"},
		},
		{
			name: "omit @location", omit: []string{"@location"},
			kept: []string{"Make", "ImageDescription", "DateTimeOriginal", "SubjectLocation"},
			left: []string{"GPSLatitude", "GPSAreaInformation", "GPSUnknownTag_0x0042", "GeoKeyDirectory"},
		},
		{
			name: "only @location", only: []string{"@location"},
			kept: []string{"GPSLatitude", "GPSUnknownTag_0x0042", "GeoKeyDirectory"}, left: []string{"Make"},
		},
		{
			name: "omit @person", omit: []string{"@person"},
			kept: []string{"Make", "GPSLatitude", "Software"},
			left: []string{"Artist", "ThumbArtist", "ThumbnailArtist", "ThumbThumbnailCopyright", "ThumbnailDescription", "Copyright", "CameraOwnerName", "Photographer", "ImageEditor", "XPAuthor", "HostComputer", "UserComment", "XPKeywords"},
		},
		{
			name: "omit all sets", omit: []string{"@device", "@person", "@location"},
			kept: []string{"Make", "UniqueCameraModel"},
			left: []string{"BodySerialNumber", "LensSerialNumber", "CameraSerialNumber", "ImageUniqueID", "RawDataUniqueID", "Artist", "GPSLatitude"},
		},
		{
			name: "only @device", only: []string{"@device"},
			kept: []string{"BodySerialNumber"}, left: []string{"ThumbCameraSerialNumber", "Make"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			keep, err := newFilter(tc.only, tc.omit)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range tc.kept {
				if !keep(name) {
					t.Errorf("%s is left out", name)
				}
			}
			for _, name := range tc.left {
				if keep(name) {
					t.Errorf("%s is kept", name)
				}
			}
		})
	}
	if keep, err := newFilter(nil, nil); keep != nil || err != nil {
		t.Errorf("no patterns: got a function: %v, error %v", keep != nil, err)
	}
}

// TestPatternWithoutTagIsError checks the errors for patterns that match no tag.
func TestPatternWithoutTagIsError(t *testing.T) {
	for _, tc := range []struct{ pattern, want string }{
		{"gps*", `no tag matches "gps*": did you mean "GPS*"?`},
		{"*serialnumber", `no tag matches "*serialnumber": did you mean "*SerialNumber"?`},
		{"gps*ref", `no tag matches "gps*ref": did you mean "GPS*Ref"?`},
		{"*serial*number", `no tag matches "*serial*number": did you mean "BodySerialNumber"?`},
		{"orientation", `no tag matches "orientation": did you mean "Orientation"?`},
		{"GPSLattitude", `no tag matches "GPSLattitude": did you mean "GPSLatitude"?`},
		{"GPS", `no tag matches "GPS": did you mean "GPS*"?`},
		{"gps", `no tag matches "gps": did you mean "GPS*"?`},
		{"XP", `no tag matches "XP": did you mean "XP*"?`},
		{"Serial*", `no tag matches "Serial*": did you mean "*Serial*"?`},
		{"unknowntag_*", `no tag matches "unknowntag_*": did you mean "UnknownTag_*"?`},
		{"UnknownTag_0xABCD", `no tag matches "UnknownTag_0xABCD": did you mean "UnknownTag_0xabcd"?`},
		{"CreateDate", `no tag matches "CreateDate": that is ExifTool's name of "DateTimeDigitized"`},
		{"createdate", `no tag matches "createdate": that is ExifTool's name of "DateTimeDigitized"`},
		{"SerialNumber", `no tag matches "SerialNumber": that is ExifTool's name of "BodySerialNumber"`},
		{"GPSSatelites", `no tag matches "GPSSatelites": that is goexif's name of "GPSSatellites"`},
		{"MakerNote", `no tag matches "MakerNote": MakerNote is never part of an answer`},
		{"[gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg]ps*", `no tag matches "[gggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg]ps*": did you mean "GPSAltitude"?`},
		{"", `no tag matches "": did you mean`},
		{"[", `"[" is no pattern: syntax error in pattern`},
		{"GPS[", `"GPS[" is no pattern: syntax error in pattern`},
		{"@gps", `no set "@gps": there are @ai, @credit, @device, @location, @person`},
	} {
		for _, list := range [][2][]string{{{"Make", tc.pattern}, nil}, {nil, {"Make", tc.pattern}}} {
			_, err := newFilter(list[0], list[1])
			if err == nil || !strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "only: "), "omit: "), tc.want) {
				t.Errorf("%q: got error %v, want %s", tc.pattern, err, tc.want)
			}
		}
	}
	for _, tc := range []struct{ only, omit []string }{
		{[]string{"GPS*"}, []string{"@location"}},
		{[]string{"GPS*"}, []string{"GPS*"}},
		{[]string{"Make", "Model"}, []string{"M*"}},
		{[]string{"ThumbArtist"}, []string{"Artist"}},
		{nil, []string{"*"}},
	} {
		if _, err := newFilter(tc.only, tc.omit); !errors.Is(err, ErrTogether) || err.Error() != "only and omit leave no tag: only Orientation leaves the least" {
			t.Errorf("only %q, omit %q: got error %v", tc.only, tc.omit, err)
		}
	}
}

// TestOtherNames checks the table of other programs' names: our names exist, theirs don't.
func TestOtherNames(t *testing.T) {
	names := Names()
	for other, n := range otherNames {
		if slices.Contains(names, other) {
			t.Errorf("%s is a name of ours", other)
		}
		if !slices.ContainsFunc(names, func(name string) bool { return matches([]string{n.ours}, name) }) {
			t.Errorf("%s: there is no %s", other, n.ours)
		}
	}
}

// tagsOfSets returns the names of the tags in each named set.
func tagsOfSets(t *testing.T) map[string][]string {
	t.Helper()
	out := make(map[string][]string)
	for set := range sets {
		f := filter{fold: func(s string) string { return s }}
		all, err := f.patterns([]string{set})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range namesIn(ifd0, gpsIFD, interopIFD) {
			if matches(all, name) {
				out[set] = append(out[set], name)
			}
		}
	}
	return out
}

// TestSets checks the sets against the tables: each pattern matches a tag, and tags that belong in a set
// by their names are in it.
func TestSets(t *testing.T) {
	names, got := Names(), tagsOfSets(t)
	if keys := slices.Sorted(maps.Keys(sets)); !slices.Equal(keys, []string{"@ai", "@credit", "@device", "@location", "@person"}) {
		t.Fatalf("got sets %v", keys)
	}
	for set, patterns := range sets {
		for _, p := range patterns {
			if p != labelComment && !slices.ContainsFunc(names, func(name string) bool { return matches([]string{p}, name) }) {
				t.Errorf("%s: no tag matches %s", set, p)
			}
		}
	}
	for set, suspects := range map[string][]string{
		"@location": {"GPS*", "Geo*", "GDALM*", "Model[PT]*"},
		"@person":   {"*Owner*", "*Artist*", "*Author*", "*Copyright*", "Photograph*", "*Editor", "XP*", "*Computer*", "*Comment*", "*Description"},
		"@device":   {"*Serial*", "*Unique*ID", "*Image*Digest"},
	} {
		for _, p := range suspects {
			for _, name := range names {
				ok, _ := path.Match(p, name)
				innocent := strings.HasPrefix(name, thumbPrefix) || name == "XPosition" ||
					name == "DeviceSettingDescription" || name == "DevelopmentTypeDescription"
				if ok && !innocent && !slices.Contains(got[set], name) {
					t.Errorf("%s isn't in %s", name, set)
				}
			}
		}
	}
}

// TestNamesAreThoseDecoded decodes a file with every tag of every table, and more: the JSON has no names
// other than those of Names and unknown ones.
func TestNamesAreThoseDecoded(t *testing.T) {
	var all []testimage.Entry
	for id := range 1 << 16 {
		switch id {
		case exifPointer, gpsPointer, interopPointer:
		default:
			all = append(all, testimage.ASCII(uint16(id), "1"))
		}
	}
	thumb := append([]testimage.Entry{testimage.Long(0x00FE, 1)}, all[40000:]...)
	b := testimage.Block{IFD0: all[:30000], Exif: all[30000:60000], GPS: all[:1000], Interop: all[:5000], IFD1: thumb}
	m, err := Decode(bytes.NewReader(b.Encode()), &Options{})
	if err != nil {
		t.Fatal(err)
	}
	names := Names()
	for i := range m.tags {
		if _, ok := slices.BinarySearch(names, m.tags[i].name); !ok {
			t.Errorf("%s is answered and not among the names", m.tags[i].name)
		}
	}
	if len(m.tags) < 400 {
		t.Errorf("got %d tags, want most of %d", len(m.tags), len(names))
	}
}

// TestUnknownNamesOfGPS: a pattern for GPS also matches the unknown tags of its directory.
func TestUnknownNamesOfGPS(t *testing.T) {
	b := testimage.Block{
		IFD0: []testimage.Entry{testimage.Short(0xFFF0, 1)},
		GPS:  []testimage.Entry{testimage.ASCII(0x0001, "N"), testimage.Short(0x0ABC, 2)},
		IFD1: []testimage.Entry{testimage.Long(0x0201, 0), testimage.Short(0xFFF1, 3)},
	}
	m, err := Decode(bytes.NewReader(b.Encode()), &Options{Unknown: true})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"UnknownTag_0xfff0":"1","GPSLatitudeRef":"N","GPSUnknownTag_0x0abc":"2",` +
		`"ThumbJPEGInterchangeFormat":"0","ThumbUnknownTag_0xfff1":"3"}`
	if got := jsonOf(t, m, &Options{}); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestFoldFilter: the tags that a filter on the command line leaves out don't depend on its letter case.
func TestFoldFilter(t *testing.T) {
	for _, tc := range []struct {
		only, omit []string
		kept, gone []string
	}{
		{omit: []string{"gps*"}, kept: []string{"Make"}, gone: []string{"GPSLatitude", "GPSUnknownTag_0xabcd", "GeoKeyDirectory"}},
		{omit: []string{"ARTIST"}, kept: []string{"Make"}, gone: []string{"Artist", "ThumbArtist", "ThumbnailArtist"}},
		{omit: []string{"@Person"}, kept: []string{"Make"}, gone: []string{"Artist", "XPAuthor", "HostComputer"}},
		{omit: []string{"*[a-c]*serial*"}, kept: []string{"LensSerialNumber"}, gone: []string{"BodySerialNumber", "CameraSerialNumber"}},
		{only: []string{"fnumber", "unknowntag_0xABCD"}, kept: []string{"FNumber", "UnknownTag_0xabcd"}, gone: []string{"Make"}},
	} {
		keep, err := (&Patterns{Only: tc.only, Omit: tc.omit, Fold: true}).Filter()
		if err != nil {
			t.Errorf("%v: %v", tc, err)
			continue
		}
		for _, name := range tc.kept {
			if !keep(name) {
				t.Errorf("only %v, omit %v: %s is gone", tc.only, tc.omit, name)
			}
		}
		for _, name := range tc.gone {
			if keep(name) {
				t.Errorf("only %v, omit %v: %s is kept", tc.only, tc.omit, name)
			}
		}
	}
	if _, err := (&Patterns{Omit: []string{"createdate"}, Fold: true}).Filter(); err == nil || !strings.Contains(err.Error(), "DateTimeDigitized") {
		t.Errorf("got %v", err)
	}
}
