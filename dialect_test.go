package caddyexif

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// TestDialectsOverHTTP checks the answers, the cached ones included, and the errors of each dialect.
func TestDialectsOverHTTP(t *testing.T) {
	var b strings.Builder
	for _, word := range exif.DialectWords() {
		b.WriteString("http://" + word + ".test:{$PORT} {\n\tbind 127.0.0.1\n\texif {\n\t\tdialect " + word + "\n\t\twindow 4KiB\n" +
			"\t\tallow GetObject\n\t\tallow ListBucket\n\t\tdeny GetObject path *secret*\n\t}\n\troot " + samples(t) + "\n\tfile_server\n}\n")
	}
	srv := serve(t, b.String())
	const info = "@base@tag=imageInfo"
	for _, tc := range []struct{ word, path, want string }{
		{"oss", "/iphone-4s.jpg" + suffix, `"FileSize":{"value":"1048"},"Format":{"value":"jpg"},"FrameCount":{"value":"1"},"ImageHeight":{"value":"48"}`},
		{"oss", "/iphone-4s.jpg" + info, `{"FileSize":{"value":"1048"},"Format":{"value":"jpg"},"FrameCount":{"value":"1"},"ImageHeight":{"value":"48"},"ImageWidth":{"value":"64"}}`},
		{"oss", "/plain.jpg" + suffix, `"ImageHeight":{"value":"48"},"ImageWidth":{"value":"64"}}`},
		{"cos", "/iphone-4s.jpg" + suffix, `{"ExposureTime":{"val":"1/449"},"Make":{"val":"Apple"}`},
		{"cos", "/iphone-4s.jpg" + info, `{"format":"jpeg","width":"64","height":"48","size":"1048"}`},
		{"cos", "/plain.jpg" + suffix, `{"error" : "no exif data"}`},
		{"bos", "/iphone-4s.jpg" + suffix, `{"format":{"value":"JPEG"},"imageHeight":{"value":"48"},"imageSize":{"value":"1048"},"imageWidth":{"value":"64"},"make":{"value":"Apple"}`},
		{"bos", "/plain.jpg" + suffix, `"imageWidth":{"value":"64"}}`},
		{"qiniu", "/iphone-4s.jpg" + suffix, `{"ExposureTime":{"val":"1/449 sec.","type":5},"Make":{"val":"Apple","type":2}`},
		{"qiniu", "/iphone-4s.jpg" + info, `{"size":1048,"format":"jpeg","width":64,"height":48,"colorModel":"ycbcr","orientation":"Top-left"}`},
		{"qiniu", "/plain.jpg" + suffix, `{"error":"no exif data"}`},
		{"obs", "/iphone-4s.jpg" + suffix, `"YResolution":"72/1","format":"JPEG","height":48,"size":1048,"width":64}`},
		{"obs", "/plain.jpg" + info, `{"format":"JPEG","height":48,"size":`},
	} {
		for range 2 { // made, then cached
			got := srv.get(http.MethodGet, tc.word+".test", tc.path)
			if got.status != 200 || got.header.Get("Content-Type") != jsonType || !strings.Contains(got.body, tc.want) || !json.Valid([]byte(got.body)) {
				t.Errorf("%s%s: got %d %s", tc.word, tc.path, got.status, got.body)
			}
			if again := srv.get(http.MethodGet, tc.word+".test", tc.path, "If-None-Match", got.header.Get("Etag")); again.status != 304 {
				t.Errorf("%s%s: got %d, want 304", tc.word, tc.path, again.status)
			}
		}
	}
	for _, path := range []string{"/nope.jpg" + suffix, "/secret.jpg" + suffix, "/iphone-4s.jpg" + suffix + "&x=<1>"} {
		for _, word := range exif.DialectWords() {
			got := srv.get(http.MethodGet, word+".test", path)
			wantStatus, wantCode := 404, "NoSuchKey"
			switch {
			case strings.HasPrefix(path, "/secret"):
				wantStatus, wantCode = 403, "AccessDenied"
			case strings.HasSuffix(path, ">"):
				wantStatus, wantCode = 400, "InvalidRequest"
			}
			var code string
			switch word {
			case "oss", "obs", "cos":
				var e struct {
					XMLName                                   xml.Name `xml:"Error"`
					Code, Message, RequestId, HostId, TraceId string
				}
				if err := xml.Unmarshal([]byte(got.body), &e); err != nil || e.Message == "" || e.RequestId == "" || (e.HostId == "") != (word == "cos") || (e.TraceId == "") != (word != "cos") {
					t.Errorf("%s%s: got %v %s", word, path, err, got.body)
				}
				code = e.Code
				if ct := got.header.Get("Content-Type"); ct != "application/xml" {
					t.Errorf("%s%s: got %s", word, path, ct)
				}
			case "qiniu":
				var e map[string]string
				if err := json.Unmarshal([]byte(got.body), &e); err != nil || len(e) != 1 || e["error"] == "" {
					t.Errorf("%s%s: got %v %s", word, path, err, got.body)
				}
				code = wantCode
			default:
				var e struct{ Code, Message, RequestID string }
				if err := json.Unmarshal([]byte(got.body), &e); err != nil || e.Message == "" || e.RequestID == "" {
					t.Errorf("%s%s: got %v %s", word, path, err, got.body)
				}
				code = e.Code
			}
			if got.status != wantStatus || code != wantCode {
				t.Errorf("%s%s: got %d %s, want %d %s", word, path, got.status, got.body, wantStatus, wantCode)
			}
		}
	}
}

// TestErrorsEscapeStrangersText: a host, a path or an id from a client must be neither markup nor a template's action.
func TestErrorsEscapeStrangersText(t *testing.T) {
	const stranger = `a</Message><x y="{{env}}">&{{{"\ü` + "\n\x01"
	f := &failure{status: 404, code: "NoSuchKey", message: stranger, cause: errors.New(stranger)}
	for _, word := range append(exif.DialectWords(), "") {
		contentType, body, err := f.body(exif.FindDialect(word), stranger, stranger)
		if err != nil || strings.Contains(string(body), "{{") {
			t.Errorf("%q: got %v, %s", word, err, body)
			continue
		}
		if contentType == jsonType {
			var got map[string]any
			if err := json.Unmarshal(body, &got); err != nil || got["message"] != stranger && got["error"] != stranger || word != "qiniu" && got["requestId"] != stranger {
				t.Errorf("%q: got %v, %s", word, err, body)
			}
			continue
		}
		var got xmlError
		want := strings.ReplaceAll(stranger, "\x01", "\uFFFD") // which XML can't have
		if err := xml.Unmarshal(body, &got); err != nil || got.Message != want || got.RequestID != want || got.HostID != want && got.TraceID != want {
			t.Errorf("%q: got %v, %+v of %s", word, err, got, body)
		}
	}
}

// TestDialectInConfig checks the errors, and that names of a dialect may come before it.
func TestDialectInConfig(t *testing.T) {
	for block, want := range map[string]string{
		"dialect s3":                               `dialect: "s3" is none of oss, cos, bos, qiniu, obs, at Testfile:2`,
		"dialect OSS":                              `dialect: "OSS" is none of oss`,
		"dialect":                                  `dialect oss`,
		"dialect oss cos":                          `dialect oss`,
		"dialect oss\ndialect cos":                 `dialect is given twice, at Testfile:3`,
		"dialect oss\nvalues raw":                  `values: the dialect oss has a style of its own; leave out values or dialect`,
		"values typed\ndialect cos":                `values: the dialect cos has a style of its own; leave out values or dialect`,
		"dialect cos\nomit FileSize":               `omit: no tag matches "FileSize"`,
		"omit gpsLatitude":                         `omit: no tag matches "gpsLatitude"`,
		"dialect bos\nonly Flash":                  `only and omit leave no tag`,
		"omit FileSize\ndialect s3":                `omit: no tag matches "FileSize"`,
		"unknown\nomit FileSize\ndialect oss":      "",
		"omit gpsLatitude\ndialect bos":            "",
		"dialect bos\nonly gps* imageWidth":        "",
		"dialect obs\nonly width height Make":      "",
		"omit ImageHeight\n\nunknown\ndialect oss": "",
	} {
		err := new(Handler).UnmarshalCaddyfile(caddyfile.NewTestDispenser("exif {\n" + block + "\n}"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %s", block, err, want)
		}
	}
}

// TestSizeBeyondReach: tags that can be read are answered even if the limits don't reach the picture's size, or redact
// would leave tags in the photo whose answer is an error.
func TestSizeBeyondReach(t *testing.T) {
	photo := iphone()
	app2 := append([]byte{0xFF, 0xE2, 0xFF, 0xFF}, make([]byte, 0xFFFD)...)
	start := 2 + 2 + int(binary.BigEndian.Uint16(photo[4:])) // after the EXIF
	photo = slices.Concat(photo[:start], bytes.Repeat(app2, 4), photo[start:])
	h := provisioned(t, &Handler{Dialect: "oss", Operations: []string{"exif", "imageInfo"}, Window: 4096, MaxRead: 4096})
	got := request(t, h, photoHandler(photo), "GET")
	want := `"FileSize":{"value":"` + strconv.Itoa(len(photo)) + `"},"Format":{"value":"jpg"},`
	if got.Code != 200 || !strings.Contains(got.Body.String(), want) || !strings.Contains(got.Body.String(), `"Make":{"value":"Apple"}`) || strings.Contains(got.Body.String(), "ImageWidth") {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}

// TestRedactLeavesWhatTheDialectTells: BOS tells few tags, so a photo may carry no others.
func TestRedactLeavesWhatTheDialectTells(t *testing.T) {
	h := provisioned(t, &Handler{Dialect: "bos", Redact: true})
	photo := plainly(h, photoHandler(telling()), "GET").Body.Bytes()
	m, err := exif.Decode(bytes.NewReader(photo), &exif.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.AppendJSON(nil, &exif.Options{})
	if err != nil || !strings.Contains(string(got), `"Make"`) || strings.Contains(string(got), `"Flash"`) || strings.Contains(string(got), `"Artist"`) {
		t.Errorf("got %v, %s", err, got)
	}
}
