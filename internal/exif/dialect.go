package exif

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Dialect is the form in which another service answers, for clients that were written for that service.
// docs/migrating.md says what is known of each service, and what isn't.
type Dialect struct {
	// Word is the dialect's name in the configuration.
	Word string
	// Errors is the form of its errors.
	Errors ErrorForm

	// wrap is the key of the object that a value stands in; "" if it stands alone.
	wrap string
	// types adds the number of the value's TIFF type to that object.
	types bool
	// value appends the JSON of a tag's value.
	value func(dst []byte, m *Metadata, t *tag) []byte
	// names maps the names of tags to the service's, where they differ. If all is false, the service tells no others.
	names map[string]string
	all   bool
	// thumbnail includes the thumbnail's tags under the names of the picture's, where the picture has none.
	thumbnail bool

	// beside is what an EXIF answer says of the picture beside its tags; info is the answer to imageInfo.
	beside, info []infoField
	// typed writes these numbers as numbers, not as strings.
	typed bool
	// jpeg is the name of that format. Those of other formats are in its letter case.
	jpeg string
	// upright states the size of pictures of HEIF and AVIF as displayed, and not as coded.
	upright bool
	// none is the EXIF answer without any tag or size.
	none string
}

// ErrorForm is how a service writes an error.
type ErrorForm uint8

const (
	// JSONErrors are {"code":…,"message":…,"status":…,"requestId":…}.
	JSONErrors ErrorForm = iota
	// TextErrors are {"error":"message"}.
	TextErrors
	// XMLErrors are <Error> with Code, Message, RequestId and HostId.
	XMLErrors
	// XMLTraceErrors are <Error> with Code, Message, RequestId and TraceId.
	XMLTraceErrors
)

// infoField is something that an answer says of the picture, and its key.
type infoField struct {
	key  string
	what infoFact
}

type infoFact uint8

const (
	infoFormat infoFact = iota
	infoSize
	infoWidth
	infoHeight
	infoFrames
	infoColorModel
	infoOrientation  // in libexif's words
	infoAnimation    // the frames of a GIF
	infoUprightAsOne // 1 if the size is stated as displayed
)

// dialects are all dialects, in the order of the documentation.
var dialects = []*Dialect{
	// Alibaba Cloud OSS, image/info; Volcengine TOS has the same
	{
		Word: "oss", Errors: XMLErrors, wrap: "value", value: appendOSS, all: true, thumbnail: true, upright: true, jpeg: "jpg",
		beside: ossInfo, info: ossInfo,
	},
	// Tencent Cloud COS
	{
		Word: "cos", Errors: XMLTraceErrors, wrap: "val", value: appendCOS, all: true, none: `{"error" : "no exif data"}`, jpeg: "jpeg",
		info: []infoField{{"format", infoFormat}, {"width", infoWidth}, {"height", infoHeight}, {"size", infoSize}, {"frame_count", infoAnimation}},
	},
	// Baidu AI Cloud BOS
	{
		Word: "bos", wrap: "value", value: appendBOS, jpeg: "JPEG", beside: bosInfo, info: bosInfo,
		names: map[string]string{
			"DateTime": "dateTime", "DateTimeOriginal": "dateTimeOriginal", "DateTimeDigitized": "dateTimeDigitized",
			"GPSLatitude": "gpsLatitude", "GPSLatitudeRef": "gpsLatitudeRef", "GPSLongitude": "gpsLongitude", "GPSLongitudeRef": "gpsLongitudeRef",
			"Make": "make", "Model": "model", "Orientation": "orientation",
			"XResolution": "resolutionX", "YResolution": "resolutionY", "ResolutionUnit": "resolutionUnit",
		},
	},
	// Qiniu Kodo
	{
		Word: "qiniu", Errors: TextErrors, wrap: "val", types: true, value: appendLibexif, all: true, none: `{"error":"no exif data"}`, jpeg: "jpeg",
		names: map[string]string{"FlashpixVersion": "FlashPixVersion", "SubSecTime": "SubsecTime"},
		info: []infoField{
			{"size", infoSize},
			{"format", infoFormat},
			{"width", infoWidth},
			{"height", infoHeight},
			{"colorModel", infoColorModel},
			{"orientation", infoOrientation},
			{"frameNumber", infoAnimation},
		},
		typed: true,
	},
	// Huawei Cloud OBS
	{Word: "obs", Errors: XMLErrors, value: appendRaw, all: true, jpeg: "JPEG", beside: obsInfo, info: obsInfo, typed: true},
}

var (
	ossInfo = []infoField{
		{"FileSize", infoSize},
		{"Format", infoFormat},
		{"FrameCount", infoFrames},
		{"ImageHeight", infoHeight},
		{"ImageWidth", infoWidth},
		{"Orientation", infoUprightAsOne},
	}
	bosInfo = []infoField{{"format", infoFormat}, {"imageHeight", infoHeight}, {"imageSize", infoSize}, {"imageWidth", infoWidth}}
	obsInfo = []infoField{{"format", infoFormat}, {"height", infoHeight}, {"size", infoSize}, {"width", infoWidth}}
)

// FindDialect returns the dialect with that name, nil if there is none.
func FindDialect(word string) *Dialect {
	for _, d := range dialects {
		if d.Word == word {
			return d
		}
	}
	return nil
}

// DialectWords returns the names of all dialects.
func DialectWords() []string {
	var words []string
	for _, d := range dialects {
		words = append(words, d.Word)
	}
	return words
}

// NeedsInfo reports whether an EXIF answer says something of the picture beside its tags.
func (d *Dialect) NeedsInfo() bool { return d != nil && len(d.beside) > 0 }

// nameOf returns the dialect's name of a tag. ok is false if the service doesn't tell the tag.
func (d *Dialect) nameOf(name string) (theirs string, ok bool) {
	if rest, thumb := strings.CutPrefix(name, thumbPrefix); thumb && !strings.HasPrefix(name, "Thumbnail") {
		if !d.thumbnail {
			return "", false
		}
		name = rest
	}
	if theirs, ok = d.names[name]; ok {
		return theirs, true
	}
	return name, d.all
}

// keys returns the keys of an EXIF answer that aren't names of tags.
func (d *Dialect) keys() (keys []string) {
	for _, f := range d.beside {
		keys = append(keys, f.key)
	}
	return keys
}

// field is a field of a dialect's answer: a tag, or what it says of the picture.
type field struct {
	name string
	tag  *tag   // nil for what it says of the picture:
	text string // its text or number
	bare bool   // written without quotes
}

// AppendEXIF appends the metadata in the dialect, sorted by name as the services do, and what an EXIF answer says
// of the picture unless i is nil. If the object is larger than 256 KiB, it returns dst as it was and ErrTooLarge.
func (d *Dialect) AppendEXIF(dst []byte, m *Metadata, i *Info, o *Options) ([]byte, error) {
	var fields []field
	if i != nil {
		fields = d.infoFields(i, d.beside, o)
	}
	for k := range m.tags {
		t := &m.tags[k]
		if name, ok := d.nameOf(t.name); ok && o.tells(t.name, t.val.text) {
			fields = append(fields, field{name: name, tag: t})
		}
	}
	if len(fields) == 0 && d.none != "" {
		return append(dst, d.none...), nil
	}
	// of two with one name the first stays: what is said of the picture, then its own tags, then the thumbnail's
	slices.SortStableFunc(fields, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	fields = slices.CompactFunc(fields, func(a, b field) bool { return a.name == b.name })
	return d.appendFields(dst, m, fields)
}

// AppendInfo appends the answer to imageInfo in the dialect.
func (d *Dialect) AppendInfo(dst []byte, i *Info, o *Options) []byte {
	only := &Options{}
	if len(d.beside) > 0 {
		only.Keep = o.Keep // the same fields as in an EXIF answer
	}
	dst, _ = d.appendFields(dst, nil, d.infoFields(i, d.info, only)) // without a tag, it is never too large
	return dst
}

// appendFields appends one object.
func (d *Dialect) appendFields(dst []byte, m *Metadata, fields []field) ([]byte, error) {
	start := len(dst)
	dst = append(dst, '{')
	for k, f := range fields {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, f.name...) // letters, digits and _ only
		dst = append(dst, '"', ':')
		wrapped := d.wrap != "" && (f.tag != nil || len(d.beside) > 0)
		if wrapped {
			dst = append(dst, '{', '"')
			dst = append(dst, d.wrap...)
			dst = append(dst, '"', ':')
		}
		switch {
		case f.tag == nil && f.bare:
			dst = append(dst, f.text...)
		case f.tag == nil:
			dst = appendString(dst, f.text)
		case f.tag.val.kind == kindText && !escapesInto(f.tag.val.text, start+maxJSON-len(dst)):
			return dst[:start], ErrTooLarge
		default:
			dst = d.value(dst, m, f.tag)
			if d.types {
				dst = append(dst, `,"type":`...)
				dst = strconv.AppendUint(dst, uint64(f.tag.val.typ), 10)
			}
		}
		if wrapped {
			dst = append(dst, '}')
		}
		if len(dst)-start >= maxJSON {
			return dst[:start], ErrTooLarge
		}
	}
	return append(dst, '}'), nil
}

// infoFields returns what an answer says of the picture, without what isn't known of it.
func (d *Dialect) infoFields(i *Info, list []infoField, o *Options) (fields []field) {
	for _, f := range list {
		text, number := d.fact(i, f.what)
		if text != "" && (o.Keep == nil || o.Keep(f.key)) {
			fields = append(fields, field{name: f.key, text: text, bare: number && d.typed})
		}
	}
	return fields
}

// fact returns something about the picture, "" if it isn't known.
func (d *Dialect) fact(i *Info, what infoFact) (text string, number bool) {
	upright := d.upright && isHEIF(i.Format)
	width, height := i.Width, i.Height
	if upright {
		width, height = i.DisplayWidth, i.DisplayHeight
	}
	n := int64(0)
	switch what {
	case infoFormat:
		return d.formatName(i), false
	case infoColorModel:
		return i.ColorModel, false
	case infoOrientation:
		if words := libexifLists[orientationTag]; i.Orientation > 0 && i.Orientation < len(words) {
			text = words[i.Orientation]
		}
		return text, false
	case infoSize:
		if i.Size < 0 {
			return "", false
		}
		return strconv.FormatInt(i.Size, 10), true
	case infoWidth:
		n = width
	case infoHeight:
		n = height
	case infoFrames:
		n = i.Frames
	case infoAnimation:
		if i.Format == "gif" {
			n = i.Frames
		}
	case infoUprightAsOne:
		if upright {
			n = 1
		}
	}
	if n <= 0 {
		return "", false
	}
	return strconv.FormatInt(n, 10), true
}

// formatName returns the service's name of the format.
func (d *Dialect) formatName(i *Info) string {
	word := i.word()
	switch {
	case word == "JPG":
		return d.jpeg
	case d.jpeg == strings.ToLower(d.jpeg):
		return strings.ToLower(word)
	}
	return word
}

// appendOSS renders a value as stored, versions as bytes, and the place as Exiv2 0.25 describes it.
func appendOSS(dst []byte, m *Metadata, t *tag) []byte {
	if t.dir == gpsIFD {
		switch t.id {
		case 0x0001, 0x0003:
			refs := latitudeRefs
			if t.id == 0x0003 {
				refs = longitudeRefs
			}
			if name, ok := refs[string(firstLetter(&t.val))]; ok {
				return appendString(dst, name)
			}
		case 0x0002, 0x0004:
			if t.val.kind == kindRat && t.val.n == 3 {
				dst = append(dst, '"')
				return append(appendExiv2Degrees(dst, &t.val), '"')
			}
		}
	}
	return appendVersionBytes(dst, m, t)
}

// appendExiv2Degrees appends degrees, minutes and seconds, without those at the end whose numerator is 0, each with
// a blank after it: `30deg 17' 30.620" `.
func appendExiv2Degrees(dst []byte, v *value) []byte {
	last := 2
	for ; last > 0; last-- {
		if n, _ := v.rat(last); n != 0 {
			break
		}
	}
	start := len(dst)
	for i := range last + 1 {
		n, d := v.rat(i)
		if d == 0 {
			return append(appendStored(append(dst[:start], '('), v, ' '), ')')
		}
		decimals := 0
		if n%d != 0 {
			decimals = [...]int{7, 5, 3}[i]
		}
		dst = strconv.AppendFloat(dst, float64(n)/float64(d), 'f', decimals, 64)
		dst = append(dst, [...]string{"deg ", "' ", `\" `}[i]...)
	}
	return dst
}

// appendVersionBytes renders a value as stored, and a version's digits as bytes: 48 50 50 49 for 0221.
func appendVersionBytes(dst []byte, m *Metadata, t *tag) []byte {
	def, _ := lookup(t.dir, t.id)
	if def.as != asVersion || t.val.kind != kindText || t.val.typ != container.TypeUndefined {
		return appendRaw(dst, m, t)
	}
	dst = append(dst, '"')
	for i := range len(t.val.text) {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = strconv.AppendUint(dst, uint64(t.val.text[i]), 10)
	}
	return append(dst, '"')
}

// appendCOS renders a value as stored, versions as bytes, and sRGB by its name.
func appendCOS(dst []byte, m *Metadata, t *tag) []byte {
	const colorSpace = 0xA001
	if t.id == colorSpace && t.dir != gpsIFD && t.val.kind == kindInt && t.val.n == 1 && t.val.int(0) == 1 {
		return append(dst, `"sRGB"`...)
	}
	return appendVersionBytes(dst, m, t)
}

// appendBOS renders a value as stored, several of them separated by commas, and dates as ISO 8601. Unlike BOS it
// adds no Z, since the zone isn't known: the tags that have it aren't among those that BOS tells.
func appendBOS(dst []byte, m *Metadata, t *tag) []byte {
	switch {
	case t.val.kind != kindText:
		return append(appendStored(append(dst, '"'), &t.val, ','), '"')
	case strings.HasPrefix(t.name, "DateTime"):
		start := len(dst)
		if dst = appendDate(dst, &t.val, "", ""); dst[start] == '"' {
			return dst
		}
		dst = dst[:start] // null: the clock was never set
	}
	return appendRaw(dst, m, t)
}
