package exif

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
)

// Patterns say which tags to keep, by their names.
//
// Without Only, that is all tags; with it, those whose names match one of its patterns. Those that match a pattern of
// Omit aren't kept, unless they match one of Keep, which wins over both.
//
// A pattern is one of path.Match, or the name of a set, such as @location. A pattern that matches no name
// is an error that suggests another, since a misspelled Omit would publish the tags that it should hide. So are lists
// that leave no tag, and a Keep that changes nothing.
//
// When in doubt, the filter leaves a tag out. Omit also applies to the thumbnail's tags: Artist omits ThumbArtist. If
// Omit matches both GPSLatitude and GPSLongitude, it omits GeoTIFF's tags, which state the same position. Only and
// Keep keep nothing but the names that they match: Orientation doesn't keep ThumbOrientation, nor GPS* a GeoTIFF tag.
type Patterns struct {
	Only, Omit, Keep []string
	// Fold makes patterns match in any letter case: gps* for GPS*.
	Fold bool
	// Dialect, if it isn't nil, is the dialect of the answers. Patterns match its names of tags as well as the
	// standard's, and the keys of what its EXIF answers say of the picture. No tag is kept that it doesn't tell.
	Dialect *Dialect
	// More has further names that can be kept.
	More Vocabulary
}

// Vocabulary has names beside those of tags, and which of them are in each set.
type Vocabulary struct {
	Names []string
	Sets  map[string][]string
}

// Filter returns a function for Options.Keep, or nil if it would keep everything.
func (p *Patterns) Filter() (keep func(name string) bool, err error) {
	if len(p.Only) == 0 && len(p.Omit) == 0 && len(p.Keep) == 0 && p.Dialect == nil {
		return nil, nil
	}
	f := filter{all: len(p.Only) == 0, fold: func(s string) string { return s }, dialect: p.Dialect, more: p.More}
	if p.Fold {
		f.fold = strings.ToLower
	}
	for _, list := range [...]struct {
		name string
		from []string
		to   *[]string
	}{{"only", p.Only, &f.only}, {"omit", p.Omit, &f.omit}, {"keep", p.Keep, &f.keep}} {
		if *list.to, err = f.patterns(list.from); err != nil {
			return nil, fmt.Errorf("%s: %w", list.name, err)
		}
	}
	if len(p.Keep) > 0 && len(p.Only) == 0 && len(p.Omit) == 0 {
		return nil, errKeepAlone
	}
	if f.omits("GPSLatitude") && f.omits("GPSLongitude") {
		for _, name := range geoTIFF {
			f.omit = append(f.omit, f.fold(name))
		}
	}
	// decide all names of the tables once, in advance
	known := make(map[string]bool)
	left := false
	for _, name := range f.names() {
		known[name] = f.keeps(name)
		left = left || known[name]
	}
	if !left && !anyUnknown(f.keeps) {
		return nil, errNothingLeft
	}
	return func(name string) bool {
		if kept, ok := known[name]; ok {
			return kept
		}
		return f.keeps(name)
	}, nil
}

// ErrTogether is the error for lists that are right one by one, and wrong together. Another list may mend that.
var ErrTogether = errors.New("lists of patterns don't fit together")

var (
	errKeepAlone   = togetherError("keep: without only or omit, everything is kept: add what to leave out, as in: omit @location @person")
	errNothingLeft = togetherError("only and omit leave no tag: only Orientation leaves the least")
)

// togetherError is an ErrTogether with its own text.
type togetherError string

func (e togetherError) Error() string        { return string(e) }
func (e togetherError) Is(target error) bool { return target == ErrTogether }

// SplitPatterns splits a list of patterns at blanks and commas.
func SplitPatterns(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

// filter holds the patterns, with each set replaced by its patterns.
type filter struct {
	all              bool // only is empty
	only, omit, keep []string
	fold             func(string) string // applied to patterns and names
	dialect          *Dialect            // whose names match as well, or nil
	more             Vocabulary
}

// names returns the standard's names of all tags, the further names, and the keys of the dialect that aren't tags.
func (f *filter) names() []string {
	names := append(Names(), f.more.Names...)
	if f.dialect != nil {
		names = append(names, f.dialect.keys()...)
	}
	return names
}

func (f *filter) keeps(name string) bool {
	return (f.matches(f.keep, name) || (f.all || f.matches(f.only, name)) && !f.omits(name)) && f.told(name)
}

// told reports whether the dialect tells what has that name.
func (f *filter) told(name string) bool {
	if f.dialect == nil || slices.Contains(f.dialect.keys(), name) || slices.Contains(f.more.Names, name) {
		return true
	}
	_, ok := f.dialect.nameOf(name)
	return ok
}

// matches reports whether a pattern matches the name, or the dialect's name of the same tag.
func (f *filter) matches(patterns []string, name string) bool {
	if matches(patterns, f.fold(name)) {
		return true
	}
	if f.dialect == nil {
		return false
	}
	theirs, ok := f.dialect.nameOf(name)
	return ok && matches(patterns, f.fold(theirs))
}

// omits reports whether omit matches a name. It treats the thumbnail's tags as the picture's:
// ThumbArtist, and GDI+'s ThumbnailArtist, as Artist.
func (f *filter) omits(name string) bool {
	if f.matches(f.omit, name) {
		return true
	}
	rest, ok := strings.CutPrefix(name, thumbPrefix)
	return ok && f.omits(strings.TrimPrefix(rest, "nail"))
}

func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, _ := path.Match(p, name); ok { // the patterns were checked
			return true
		}
	}
	return false
}

// patterns checks and folds a list of patterns, and replaces each set by its patterns.
func (f *filter) patterns(list []string) (all []string, err error) {
	for _, p := range list {
		p = f.fold(p)
		if strings.HasPrefix(p, "@") {
			set, ok := sets[p]
			if !ok {
				return nil, fmt.Errorf("no set %q: there are %s", p, strings.Join(slices.Sorted(maps.Keys(sets)), ", "))
			}
			for _, name := range append(slices.Clone(set), f.more.Sets[p]...) {
				all = append(all, f.fold(name))
			}
			continue
		}
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("%q is no pattern: %w", p, err)
		}
		match := func(name string) bool { return f.matches([]string{p}, name) }
		if !slices.ContainsFunc(f.names(), match) && !anyUnknown(match) {
			return nil, fmt.Errorf("no tag matches %q: %s", p, f.advice(p))
		}
		all = append(all, p)
	}
	return all, nil
}

// Names returns the sorted names of all tags that the JSON can include, without UnknownTag_0xabcd,
// GPSUnknownTag_0xabcd and ThumbUnknownTag_0xabcd.
func Names() []string { return namesIn(ifd0, gpsIFD, interopIFD, ifd1) }

// namesIn returns the sorted names of the tags of some directories.
func namesIn(dirs ...directory) []string {
	names := make(map[string]bool)
	for _, d := range dirs {
		prefix := ""
		if d == ifd1 {
			prefix = thumbPrefix
		}
		for _, def := range tagsOfDirectory(d) {
			if def.included() {
				names[prefix+def.name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// anyUnknown reports whether f is true for the name of any unknown tag.
func anyUnknown(f func(name string) bool) bool {
	for _, d := range [...]directory{ifd0, gpsIFD, ifd1} {
		prefix := ""
		if d == ifd1 {
			prefix = thumbPrefix
		}
		for id := range 1 << 16 {
			if f(string(appendUnknownName([]byte(prefix), d, uint16(id)))) {
				return true
			}
		}
	}
	return false
}

// sets holds the patterns of the named sets. A tag is in a set if it is meant for that information, or
// if people often write it there.
//
// No set has the names of makes, models and programs, which millions of people share (UniqueCameraModel
// names a model), or dates and time zones, which identify no person and no place but a part of the world.
var sets = map[string][]string{
	// Where the picture was taken, as coordinates: the GPS directory, and GeoTIFF's tags.
	// GPSAreaInformation and GPSProcessingMethod are texts and begin with GPS, too.
	// Captions, which may name a place as well as anything else, are in @person alone: a photo without
	// its coordinates should be able to keep its caption.
	"@location": append([]string{"GPS*"}, geoTIFF...),

	// People: the photographer, the owner, the editor, and those in the picture.
	"@person": {
		"Artist", "Photographer", "XPAuthor", // the photographer
		"ImageEditor",                   // the editor
		"CameraOwnerName",               // the owner
		"Copyright", "ProfileCopyright", // the owner's name and often address; the color profile's author
		"HostComputer", // a computer's name, which is often its owner's
		// the edits of the picture, and the names of the editors (TIFF/EP)
		"ImageHistory",
		// captions mostly name the people in the picture
		"ImageDescription", "ThumbnailDescription", "ImageTitle", "UserComment", "XPTitle", "XPComment", "XPSubject",
		"XPKeywords", // Windows' programs write the names of faces here
		// file names, which often have people's names, or folders that do
		"DocumentName", "PageName", "OriginalRawFileName", "RawFile",
		"PanasonicTitle*", // the name of a child or a pet
		"SEMInfo",         // whatever a laboratory notes about a picture
		"Site",            // where a prepress file was made, mostly a firm's name (TIFF/IT)
	},

	// Whose picture it is, and what one may do with it.
	"@credit": {"Artist", "Copyright", "LearningOptOutIn"},

	// Whether a program made it: China's label in a comment.
	"@ai": {labelComment},

	// The individual camera, lens or file.
	"@device": {
		"BodySerialNumber", "CameraSerialNumber", "LensSerialNumber",
		"ImageUniqueID", "RawDataUniqueID", "GooglePlusUploadCode",
		// hashes of the raw data, which identify a picture
		"RawImageDigest", "NewRawImageDigest", "OriginalRawFileDigest",
		"ImageNumber", // counts all pictures that the camera took
		"CameraLabel", // which of a film set's cameras, often its serial number (CinemaDNG)
	},
}

// labelComment is the name by which filters know a UserComment that is a label of generated content, as China's measures
// of 2025 want it: a JSON text that begins with labelStart.
const (
	labelComment = "UserComment: AIGC"
	labelStart   = `{"AIGC"`
)

// tells reports whether the JSON includes a tag with that name and text.
func (o *Options) tells(name, text string) bool {
	return o.Keep == nil || o.Keep(name) || name == "UserComment" && strings.HasPrefix(text, labelStart) && o.Keep(labelComment)
}

// geoTIFF lists the tags that place a picture on a map (OGC GeoTIFF 1.1, 7.2 and annex E), and GDAL's
// own tag, XML of any content.
var geoTIFF = []string{
	"ModelPixelScale", "IntergraphMatrix", "ModelTiepoint", "ModelTransformation",
	"GeoKeyDirectory", "GeoDoubleParams", "GeoAsciiParams", "GDALMetadata",
}

// otherNames maps the tag names of ExifTool, goexif and later standards to ours.
var otherNames = map[string]struct{ program, ours string }{
	"ModifyDate":                  {"ExifTool's", "DateTime"},
	"CreateDate":                  {"ExifTool's", "DateTimeDigitized"},
	"SubSecModifyDate":            {"ExifTool's", "SubSecTime"},
	"SubSecCreateDate":            {"ExifTool's", "SubSecTimeDigitized"},
	"SubSecDateTimeOriginal":      {"ExifTool's", "SubSecTimeOriginal"},
	"ISO":                         {"ExifTool's", "ISOSpeedRatings"},
	"PhotographicSensitivity":     {"Exif 2.3's", "ISOSpeedRatings"},
	"ExposureCompensation":        {"ExifTool's", "ExposureBiasValue"},
	"Opto-ElectricConvFactor":     {"ExifTool's", "OECF"},
	"FocalLengthIn35mmFormat":     {"ExifTool's", "FocalLengthIn35mmFilm"},
	"ExifImageWidth":              {"ExifTool's", "PixelXDimension"},
	"ExifImageHeight":             {"ExifTool's", "PixelYDimension"},
	"RelatedImageHeight":          {"ExifTool's", "RelatedImageLength"},
	"Threshholding":               {"TIFF 6.0's", "Thresholding"},
	"PixelScale":                  {"ExifTool's", "ModelPixelScale"},
	"ModelTransform":              {"ExifTool's", "ModelTransformation"},
	"GeoTiffDirectory":            {"ExifTool's", "GeoKeyDirectory"},
	"GeoTiffDoubleParams":         {"ExifTool's", "GeoDoubleParams"},
	"GeoTiffAsciiParams":          {"ExifTool's", "GeoAsciiParams"},
	"SerialNumber":                {"ExifTool's", "BodySerialNumber"},
	"OwnerName":                   {"ExifTool's", "CameraOwnerName"},
	"DNGLensInfo":                 {"ExifTool's", "LensInfo"},
	"AmbientTemperature":          {"ExifTool's", "Temperature"},
	"CompositeImageCount":         {"ExifTool's", "SourceImageNumberOfCompositeImage"},
	"CompositeImageExposureTimes": {"ExifTool's", "SourceExposureTimesOfCompositeImage"},
	"InteropIndex":                {"ExifTool's", "InteroperabilityIndex"},
	"InteropVersion":              {"ExifTool's", "InteroperabilityVersion"},
	"TIFF-EPStandardID":           {"ExifTool's", "TIFFEPStandardID"},
	"OldSubfileType":              {"ExifTool's", "SubfileType"},
	"NumberofInks":                {"ExifTool's", "NumberOfInks"},
	"ModelTiePoint":               {"ExifTool's", "ModelTiepoint"},
	"CameraCalibrationSig":        {"ExifTool's", "CameraCalibrationSignature"},
	"ProfileCalibrationSig":       {"ExifTool's", "ProfileCalibrationSignature"},
	"OriginalBestQualitySize":     {"ExifTool's", "OriginalBestQualityFinalSize"},
	"PreviewImageStart":           {"ExifTool's", "JPEGInterchangeFormat"},
	"PreviewImageLength":          {"ExifTool's", "JPEGInterchangeFormatLength"},
	"ThumbnailOffset":             {"ExifTool's", "ThumbJPEGInterchangeFormat"},
	"GPSPosition":                 {"ExifTool's", "GPSL*"},
	"GPSDateTime":                 {"ExifTool's", "GPSDateStamp"},
	"GPSSatelites":                {"goexif's", "GPSSatellites"},
}

// advice suggests a correction for a pattern that matches no name.
func (f *filter) advice(pattern string) string {
	if set := "@" + strings.ToLower(pattern); sets[set] != nil {
		return fmt.Sprintf("did you mean %q?", set)
	}
	for name, n := range otherNames {
		if strings.EqualFold(name, pattern) {
			return fmt.Sprintf("that is %s name of %q", n.program, n.ours)
		}
	}
	for _, d := range [...]directory{ifd0, gpsIFD, interopIFD} {
		for _, def := range tagsOfDirectory(d) {
			if ok, _ := path.Match(pattern, def.name); ok {
				return fmt.Sprintf("%s is never part of an answer", def.name)
			}
		}
	}
	return fmt.Sprintf("did you mean %q?", f.nearest(pattern))
}

// nearest returns the pattern or name closest to a pattern that matches no name.
func (f *filter) nearest(pattern string) string {
	lower := strings.ToLower(pattern)
	letters := strings.Trim(lower, "*")
	best, distance := "", 0
	butForCase := func(name string) bool {
		best = name
		return matches([]string{lower}, strings.ToLower(name))
	}
	if slices.ContainsFunc(f.names(), butForCase) || anyUnknown(butForCase) {
		return likeCase(pattern, best)
	}
	if family := f.family(lower); family != "" {
		return family
	}
	best = ""
	for _, name := range f.names() {
		// Serial* for *Serial*
		if at := strings.Index(strings.ToLower(name), letters); at >= 0 && len(letters) > 2 && letters != lower {
			return "*" + name[at:at+len(letters)] + "*"
		}
		if n := editDistance(letters, strings.ToLower(name)); best == "" || n < distance {
			best, distance = name, n
		}
	}
	return best
}

// family returns the pattern of the names that begin with a word, GPS* for gps, if there are several. The nearest name
// would be one of them, and leave out no other.
func (f *filter) family(word string) string {
	pattern, members := "", 0
	for _, name := range f.names() {
		if len(word) > 1 && strings.HasPrefix(strings.ToLower(name), word) {
			pattern = name[:len(word)] + "*"
			members++
		}
	}
	if members < 2 {
		return ""
	}
	return pattern
}

// likeCase returns the pattern in the letter case of a name that it matches except for case. It adapts
// the letters before the first and after the last *, and returns the name for other patterns.
func likeCase(pattern, name string) string {
	first, last := strings.IndexByte(pattern, '*'), strings.LastIndexByte(pattern, '*')
	if first < 0 || strings.ContainsAny(pattern, `[\`) {
		return name
	}
	tail := len(pattern) - last - 1
	p := name[:first] + pattern[first:last+1] + name[len(name)-tail:]
	if ok, _ := path.Match(p, name); ok {
		return p
	}
	return name
}

// editDistance returns the Levenshtein distance of a and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			n := diagonal
			if a[i] != b[j] {
				n = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], n
		}
	}
	return row[len(b)]
}
