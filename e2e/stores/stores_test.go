// Package stores checks the contract in front of real object stores, which it starts on loopback:
// versitygw, Ceph RGW and, on request, MinIO.
package stores

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/caddyexif/caddy-exif"
	"github.com/caddyexif/caddy-exif/internal/testcaddy"
	_ "github.com/caddyexif/caddy-exif/s3transport"
)

var update = flag.Bool("update", false, "rewrite the table in docs/stores.md")

// keys are object keys that proxies and signers often get wrong.
var keys = []string{
	"with space.jpg", "ünïcode-写真.jpg", "me@home.jpg", "a+b.jpg", "100%.jpg", "pct%20lit.jpg", "x#y?z.jpg",
	"q'&=;,$!()*~.jpg", "gps.jpg@v2.jpg", `back\slash.jpg`, "deep/er/photo.jpg",
}

// ruleSets are the permissions to check in each situation.
var ruleSets = []struct{ name, rules string }{
	{"none", ""},
	{"get", "allow GetObject"},
	{"list", "allow GetObject ListBucket"},
}

// situation is a way to address and to access a bucket.
type situation struct {
	name, label, bucket string
	signed, presigned   bool
	closed              bool // no client may read
}

var situations = []situation{
	{name: "acl", label: "public by ACL", bucket: "acl"},
	{name: "get-only", label: "policy: everybody may GetObject", bucket: "get-only"},
	{name: "get-list", label: "policy: everybody may GetObject and ListBucket", bucket: "get-list"},
	{name: "anonymous", label: "private, without keys", bucket: "private", closed: true},
	{name: "s3", label: "private, through `transport s3`", bucket: "private", signed: true},
	{name: "presigned", label: "private, pre-signed URL", bucket: "private", presigned: true},
}

const keyWords = "\t\t\tregion " + region + "\n\t\t\taccess_key " + accessKey + "\n\t\t\tsecret_key " + secretKey + "\n"

// guard and public are the config of a public bucket in docs/stores.md.
const (
	guard  = "\t@outside vars_regexp {path} ^$|[/\\\\](\\.\\.?)?([/\\\\]|$)\n\terror @outside 404\n"
	public = " {\n\t\theader_up Host {upstream_hostport}\n\t\theader_up -Authorization\n\t\theader_up -Cookie\n\t}"
)

// faults maps sites to mistakes in their config.
var faults = map[string]string{
	"wrong-secret": strings.Replace(keyWords, secretKey, "wrong", 1) + "\t\t\tbucket private\n",
	"wrong-key":    strings.Replace(keyWords, accessKey, "nobody", 1) + "\t\t\tbucket private\n",
	"wrong-region": strings.Replace(keyWords, region, "eu-other-1", 1) + "\t\t\tbucket private\n",
	"no-bucket":    keyWords + "\t\t\tbucket no-such-bucket\n",
}

// faultCodes are the stores' error codes for these mistakes.
var faultCodes = map[string]string{
	"wrong-secret": "SignatureDoesNotMatch", "wrong-key": "InvalidAccessKeyId",
	"wrong-region": "AuthorizationHeaderMalformed", "no-bucket": "NoSuchBucket",
}

// serve runs Caddy in front of the store, with a site for each name.
func serve(s *store, files string) *testcaddy.Server {
	s.t.Helper()
	var b strings.Builder
	site := func(name, body string) {
		fmt.Fprintf(&b, "http://%s.test:{$PORT} {\n\tbind 127.0.0.1\n%s\n}\n", name, body)
	}
	for _, x := range situations {
		for _, r := range ruleSets {
			behind := guard + "\trewrite * /" + x.bucket + "{uri}\n\treverse_proxy " + s.addr + public
			if x.signed {
				behind = "\treverse_proxy " + s.addr + " {\n\t\ttransport s3 {\n" + keyWords + "\t\t\tbucket " + x.bucket + "\n\t\t}\n\t}"
			}
			site(x.name+"-"+r.name, "\texif {\n\t\t"+r.rules+"\n\t}\n"+behind)
		}
	}
	site("prefix", "\texif\n"+guard+"\trewrite * /get-only/deep{uri}\n\treverse_proxy "+s.addr+public)
	site("unguarded", "\texif\n\trewrite * /get-only/deep{uri}\n\treverse_proxy "+s.addr+public)
	_, storePort, _ := net.SplitHostPort(s.addr)
	site("vhost", "\texif\n\treverse_proxy "+s.addr+" {\n\t\theader_up Host private."+domain+":"+storePort+"\n\t\ttransport s3 {\n"+keyWords+"\t\t\tvirtual_host\n\t\t}\n\t}")
	signed := func(name, words string) {
		site(name, "\texif\n\treverse_proxy "+s.addr+" {\n\t\ttransport s3 {\n"+words+"\t\t}\n\t}")
	}
	signed("versions", keyWords+"\t\t\tbucket versions\n\t\t\tobject_versions\n")
	signed("newest", keyWords+"\t\t\tbucket versions\n")
	for name, words := range faults {
		signed(name, words)
	}
	list := "\treverse_proxy " + s.addr + " {\n\t\ttransport s3 {\n" + keyWords + "\t\t\tbucket private\n\t\t\tlist\n\t\t}\n\t}"
	site("folders", "\texif {\n\t\tfolders\n\t}\n"+list)
	site("denied", "\texif {\n\t\tfolders\n\t\tallow GetObject\n\t}\n"+list)
	site("files", "\texif\n\troot "+files+"\n\tfile_server")
	return testcaddy.Start(s.t, b.String())
}

// answer is a response to a client.
type answer struct{ testcaddy.Response }

// code returns the code of an error, "" for other responses.
func (a answer) code() string {
	var e struct{ Code string }
	if a.Status >= 400 {
		json.Unmarshal([]byte(a.Body), &e)
	}
	return e.Code
}

// String returns the answer's cell in the table.
func (a answer) String() string { return strings.TrimSpace(fmt.Sprint(a.Status, " ", a.code())) }

var requestID = regexp.MustCompile(`"requestId":"[^"]*"`)

// bytes returns the whole answer, without the parts that always differ.
func (a answer) bytes() string {
	h := a.Header.Clone()
	h.Del("Date")
	return fmt.Sprint(a.Status, h, requestID.ReplaceAllString(a.Body, ""))
}

// get sends a request to a site, with the target as is. header has pairs of names and values.
func get(t *testing.T, srv *testcaddy.Server, site, method, target string, header ...string) answer {
	t.Helper()
	return answer{srv.With(t).Do(method, site+".test", target, header...)}
}

// spellings returns a key as request paths: escaped as browsers do, and with every byte escaped.
func spellings(key string) []string {
	all := ""
	for _, b := range []byte(key) {
		if b == '/' {
			all += "/"
		} else {
			all += fmt.Sprintf("%%%02x", b)
		}
	}
	return []string{(&url.URL{Path: "/" + key}).EscapedPath(), "/" + all}
}

const otherSecret = "what is in the other bucket"

// fill creates the buckets and objects that the checks need.
func fill(s *store, photo []byte, files map[string][]byte) (hasACL bool) {
	policy := func(bucket string, list bool) {
		p := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::` + bucket + `/*"]}`
		if list {
			p += `,{"Effect":"Allow","Principal":"*","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::` + bucket + `"]}`
		}
		s.must("PUT", query("/"+bucket, "policy="), []byte(p+"]}"), nil)
	}
	for _, b := range []string{"get-only", "get-list", "private", "versions", "secret"} {
		s.must("PUT", "/"+b, nil, nil)
	}
	policy("get-only", false)
	policy("get-list", true)
	policy("secret", false) // readable, so that a path that leaves a public bucket would get it
	acl := http.Header{"X-Amz-Acl": {"public-read"}}
	status, _, _ := s.do("PUT", "/acl", nil, http.Header{"X-Amz-Acl": {"public-read"}, "X-Amz-Object-Ownership": {"BucketOwnerPreferred"}})
	hasACL = status == 200
	if !hasACL {
		s.must("PUT", "/acl", nil, nil)
	}
	for _, b := range []string{"acl", "get-only", "get-list", "private"} {
		var h http.Header
		if b == "acl" && hasACL {
			h = acl
		}
		s.must("PUT", "/"+b+"/photo.jpg", photo, h)
		s.must("PUT", "/"+b+"/empty.jpg", nil, h)
	}
	// some stores accept ACLs without effect
	if res, err := http.Get("http://" + s.addr + "/acl/photo.jpg"); err != nil {
		s.t.Fatal(err)
	} else {
		res.Body.Close()
		hasACL = res.StatusCode == 200
	}
	s.must("PUT", "/secret/photo.jpg", []byte(otherSecret), nil)
	for _, b := range []string{"get-only", "private"} {
		for _, key := range keys {
			s.must("PUT", "/"+b+"/"+key, photo, nil)
		}
		for name, content := range files {
			s.must("PUT", "/"+b+"/"+name, content, nil)
		}
	}
	for i := range manyObjects {
		s.must("PUT", fmt.Sprintf("/private/many/%04d.jpg", i), photo, nil)
	}
	return hasACL
}

// manyObjects is more than a store lists at once.
const manyObjects = 1500

// corpus returns the files to request the EXIF of: the samples, and photos of each format.
func corpus(t *testing.T) map[string][]byte {
	files := map[string][]byte{}
	add := func(root, dir string) {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, ".json") || strings.HasSuffix(path, ".md") || strings.HasSuffix(path, "file") {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			files[name], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add("../..", "testdata")
	if dir := os.Getenv("EXIF_CORPUS"); dir != "" {
		add(dir, "formats")
		add(dir, "made")
	} else {
		fmt.Println("EXIF_CORPUS is not set: only the samples are asked for")
	}
	return files
}

func TestStores(t *testing.T) {
	files := corpus(t)
	var rows []string
	for _, x := range []struct {
		name  string
		start func(*testing.T) *store
	}{{"versitygw", startVersitygw}, {"RGW", startRGW}, {"MinIO", startMinIO}} {
		if x.name == "MinIO" && os.Getenv("E2E_MINIO") == "" {
			if _, err := exec.LookPath("minio"); err != nil {
				fmt.Println("MinIO: not run, since there is no minio in PATH; E2E_MINIO=1 builds it")
				continue
			}
		}
		t.Run(x.name, func(t *testing.T) {
			s := x.start(t)
			rows = append(rows, contract(s, files)...)
			fmt.Printf("%s: %d checks passed\n", s.name, s.checks)
		})
	}
	table(t, rows)
}

// contract runs all checks on a store, and returns its rows of the table.
func contract(s *store, files map[string][]byte) []string {
	t := s.t
	photo := files["testdata/iphone-4s.jpg"]
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	hasACL := fill(s, photo, files)
	srv := serve(s, dir)
	want := get(t, srv, "files", "GET", "/testdata/iphone-4s.jpg"+testcaddy.Suffix)
	if want.Status != 200 || !strings.HasPrefix(want.Body, `{"Make":"Apple"`) {
		t.Fatalf("files: got %v %s", want, want.Body)
	}
	buckets := []string{"acl", "get-only", "get-list", "private", "secret"}
	before := s.snapshot(buckets...)

	var rows []string
	for _, x := range situations {
		if x.bucket == "acl" && !hasACL {
			rows = append(rows, fmt.Sprintf("| %s | %s | not offered | | | | |", s.name, x.label))
			continue
		}
		rows = append(rows, checkSituation(s, srv, x, want, photo))
	}
	checkKeys(s, srv, want, photo)
	checkFormats(s, srv, files)
	checkListings(s, srv, photo, want)
	checkFolders(s, srv, want)
	checkOutside(s, srv)
	checkVersions(s, srv, files)
	checkFaults(s, srv)
	checkWrites(s, srv)
	s.check(s.snapshot(buckets...) == before, "the store was changed")
	return rows
}

// checkSituation checks existing, missing and empty objects, under each set of rules.
func checkSituation(s *store, srv *testcaddy.Server, x situation, want answer, photo []byte) string {
	t := s.t
	target := func(key string) string {
		q := ""
		if x.presigned {
			q = "?" + s.presign("/"+x.bucket+"/"+key)
		}
		return "/" + key + q
	}
	exif := func(method, rules, key string, header ...string) answer {
		return get(t, srv, x.name+"-"+rules, method, strings.Replace(target(key), "/"+key, "/"+key+testcaddy.Suffix, 1), header...)
	}
	cells := map[string]answer{}
	for _, r := range ruleSets {
		site := x.name + "-" + r.name
		existing, missing, empty := exif("GET", r.name, "photo.jpg"), exif("GET", r.name, "missing.jpg"), exif("GET", r.name, "empty.jpg")
		for key, a := range map[string]answer{"photo.jpg": existing, "missing.jpg": missing, "empty.jpg": empty} {
			cells[r.name+" "+key] = a
			head := exif("HEAD", r.name, key)
			s.check(head.Status == a.Status && head.Body == "", "%s: HEAD of %s: got %v, GET %v", site, key, head, a)
			s.check(a.Header.Get("Content-Type") == "application/json", "%s: %s: got %s", site, key, a.Header.Get("Content-Type"))
			for k := range a.Header {
				s.check(!strings.HasPrefix(k, "X-Amz-"), "%s: %s: the answer has the store's %s", site, key, k)
			}
		}
		if x.closed {
			s.check(existing.String() == "403 AccessDenied", "%s: existing: got %v", site, existing)
			s.check(existing.bytes() == missing.bytes(), "%s: existing and missing can be told apart:\n%s\n%s", site, existing.bytes(), missing.bytes())
			s.check(existing.bytes() == empty.bytes(), "%s: existing and empty can be told apart", site)
			continue
		}
		s.check(existing.Status == 200 && existing.Body == want.Body, "%s: existing: got %v %s", site, existing, existing.Body)
		s.check(empty.String() == "400 NotAnImage", "%s: empty: got %v %s", site, empty, empty.Body)
		again := exif("GET", r.name, "photo.jpg")
		s.check(again.bytes() == existing.bytes(), "%s: existing, from the cache: got %s", site, again.bytes())
		tag := existing.Header.Get("Etag")
		same := exif("GET", r.name, "photo.jpg", "If-None-Match", tag)
		s.check(tag != "" && same.Status == 304 && same.Body == "", "%s: If-None-Match %s: got %v", site, tag, same)
		other := exif("GET", r.name, "photo.jpg", "If-None-Match", `"other"`)
		s.check(other.Status == 200 && other.Body == want.Body, "%s: If-None-Match other: got %v", site, other)
		switch r.name {
		case "none":
			s.check(missing.Status == 403 || missing.Status == 404, "%s: missing: got %v", site, missing)
		case "get":
			s.check(missing.String() == "403 AccessDenied", "%s: missing: got %v", site, missing)
		case "list": // the store still refuses
			s.check(missing.String() == cells["none missing.jpg"].String(), "%s: missing: got %v", site, missing)
		}
		plain := get(t, srv, site, "GET", target("photo.jpg"))
		s.check(plain.Status == 200 && plain.Body == string(photo), "%s: the photo itself: got %d", site, plain.Status)
		part := get(t, srv, site, "GET", target("photo.jpg"), "Range", "bytes=2-9")
		s.check(part.Status == 206 && part.Body == string(photo[2:10]), "%s: a range of the photo: got %d", site, part.Status)
		if x.presigned {
			forged := strings.NewReplacer("photo.jpg", "photo.jpg"+testcaddy.Suffix, "Signature=", "Signature=0").Replace(target("photo.jpg"))
			a := get(t, srv, site, "GET", forged)
			s.check(a.String() == "403 AccessDenied", "%s: a forged signature: got %v", site, a)
			a = get(t, srv, site, "GET", "/photo.jpg"+testcaddy.Suffix)
			s.check(a.String() == "403 AccessDenied", "%s: no signature: got %v", site, a)
		} else {
			a := get(t, srv, site, "GET", "/photo.jpg"+testcaddy.Suffix, "Authorization", "Bearer x", "Cookie", "a=b")
			s.check(a.Status == 200 && a.Body == want.Body, "%s: with credentials of another kind: got %v", site, a)
		}
	}
	return fmt.Sprintf("| %s | %s | %v | %v | %v | %v | %v |", s.name, x.label, cells["none photo.jpg"], cells["none empty.jpg"],
		cells["none missing.jpg"], cells["get missing.jpg"], cells["list missing.jpg"])
}

// checkKeys requests each key, in each spelling, from a public bucket and a private one.
func checkKeys(s *store, srv *testcaddy.Server, want answer, photo []byte) {
	for _, site := range []string{"get-only-none", "s3-none", "s3-get", "vhost"} {
		for _, key := range keys {
			for _, target := range spellings(key) {
				a := get(s.t, srv, site, "GET", target)
				s.check(a.Status == 200 && a.Body == string(photo), "%s: GET %s: got %d", site, target, a.Status)
				a = get(s.t, srv, site, "HEAD", target)
				s.check(a.Status == 200 && a.Body == "", "%s: HEAD %s: got %d", site, target, a.Status)
				a = get(s.t, srv, site, "GET", target+testcaddy.Suffix)
				s.check(a.Status == 200 && a.Body == want.Body, "%s: EXIF of %s: got %v %s", site, target, a, a.Body)
				a = get(s.t, srv, site, "GET", target+"%40base%40tag%3DEXIF")
				s.check(a.Status == 200 && a.Body == want.Body, "%s: EXIF of %s, escaped: got %v %s", site, target, a, a.Body)
			}
		}
	}
}

// checkFormats checks that each file has the same answer as from disk.
func checkFormats(s *store, srv *testcaddy.Server, files map[string][]byte) {
	for name := range files {
		target := (&url.URL{Path: "/" + name}).EscapedPath() + testcaddy.Suffix
		want := get(s.t, srv, "files", "GET", target)
		for _, site := range []string{"get-only-none", "s3-none"} {
			a := get(s.t, srv, site, "GET", target)
			s.check(a.Status == want.Status && requestID.ReplaceAllString(a.Body, "") == requestID.ReplaceAllString(want.Body, ""),
				"%s: %s: got %v %.200s, want %v %.200s", site, name, a, a.Body, want, want.Body)
		}
	}
}

// refused are paths that are no object, or that a store may take for something else.
var refused = []string{
	"/", "//", "///", "/photo.jpg/", "/deep/", "/deep", "//photo.jpg", "/deep//er/photo.jpg", "/.", "/..", "/./", "/../",
	"/../secret/photo.jpg", "/../secret", "/../secret/", "/deep/../photo.jpg", "/deep/./er/photo.jpg", "/deep/..", "/%2e", "/%2E%2e",
	"/%2e%2e/secret/photo.jpg", "/.%2e/secret/photo.jpg", "/deep/%2e%2e/%2e%2e/secret/photo.jpg", "/%2F", "/%2f", "/%2Fphoto.jpg",
	"/deep%2Fer%2Fphoto.jpg", "/..%2Fsecret%2Fphoto.jpg", "/%2e%2e%2Fsecret%2Fphoto.jpg", "/%00", "/photo.jpg%00", "/%00/",
	"/private", "/private/", "/private/photo.jpg", "/secret", "/secret/", "/secret/photo.jpg",
	"/?", "/?list-type=2", "/?delimiter=/", "/?prefix=deep", "/?uploads", "/?acl", "/?policy", "/?versions", "/?location", "/?versionId=null",
	"//?list-type=2", "/.?list-type=2", "/%2F?list-type=2", "/%00?list-type=2", "/deep/?list-type=2", "/missing.jpg?list-type=2",
	`/..\secret\photo.jpg`, "/..%5Csecret%5Cphoto.jpg", "/deep%5C..%5C..%5C..%5Csecret%5Cphoto.jpg",
	// escaped twice: valid keys, but no object has them
	"/%252e%252e/secret/photo.jpg", "/..%252fsecret%252fphoto.jpg", "/%252F", "/%2500", "/%252e", "/deep%252F..%252F..%252Fsecret%252Fphoto.jpg",
	"/%3Flist-type=2", "/%3Facl", "/%23", "/%20", "/%09", "/%0A", "/%0D%0A%0D%0A", "/*", "/%EF%BC%8F", "/%c0%ae%c0%ae/secret/photo.jpg", "/%c0%af",
	"http://{site}.test", "http://{site}.test/", "http://{site}.test/../secret/photo.jpg", "http://{site}.test//?list-type=2",
}

// queries select something about an object, or another response than the object.
var queries = []string{
	"acl", "acl=", "tagging", "tagging=", "uploads", "uploadId=x", "list-type=2", "policy", "versions", "versioning", "location", "torrent",
	"attributes", "legal-hold", "retention", "restore", "select&select-type=2", "partNumber=1", "versionId=", "website", "cors", "logging", "notification",
	"response-content-type=text/html", "response-content-disposition=attachment", "response-cache-control=x", "prefix=x", "foo=bar", "delete",
	"X-Amz-Signature=0&X-Amz-Credential=x&X-Amz-Algorithm=AWS4-HMAC-SHA256", "AWSAccessKeyId=x&Signature=x&Expires=1",
}

// leaked matches content that no client may see.
var leaked = regexp.MustCompile(`ListBucket|ListAllMyBuckets|ListMultipart|ListVersions|AccessControl|Tagging|Versioning|LocationConstraint|` +
	`ObjectAttributes|s3:GetObject|` + otherSecret + `|` + accessKey + `|gps\.jpg@v2`)

// checkListings checks that no path returns a listing, or anything but an object of the bucket.
func checkListings(s *store, srv *testcaddy.Server, photo []byte, want answer) {
	t := s.t
	// leaked recognizes the responses of the store itself
	for path, mark := range map[string]string{
		"/": "ListAllMyBuckets", query("/private", "list-type=2"): "ListBucket", query("/private", "acl="): "AccessControl",
		"/secret/photo.jpg": otherSecret,
	} {
		_, b := s.must("GET", path, nil, nil)
		s.check(strings.Contains(b, mark) && leaked.MatchString(b), "the owner, GET %q: got %s", path, b)
	}
	for _, site := range []string{"s3-none", "vhost"} {
		for _, target := range refused {
			target = strings.Replace(target, "{site}", site, 1)
			for _, method := range []string{"GET", "HEAD"} {
				a := get(t, srv, site, method, target)
				s.check(a.Status >= 400 && a.Status < 500 && !leaked.MatchString(a.Body), "%s: %s %s: got %d %.300s", site, method, target, a.Status, a.Body)
				path, q, _ := strings.Cut(target, "?")
				if strings.HasSuffix(path, ".test") {
					continue // the suffix would be the host's
				}
				a = get(t, srv, site, method, path+testcaddy.Suffix+"?"+q)
				s.check(a.Status >= 400 && a.Status < 500 && !leaked.MatchString(a.Body), "%s: %s EXIF of %s: got %d %.300s", site, method, target, a.Status, a.Body)
			}
		}
		for _, q := range queries {
			a := get(t, srv, site, "GET", "/photo.jpg?"+q)
			s.check(a.Status == 200 && a.Body == string(photo) && a.Header.Get("Content-Type") != "text/html", "%s: ?%s: got %d %.300s", site, q, a.Status, a.Body)
			a = get(t, srv, site, "GET", "/photo.jpg"+testcaddy.Suffix+"?"+q)
			s.check(a.Status == 200 && a.Body == want.Body, "%s: EXIF, ?%s: got %v %.300s", site, q, a, a.Body)
		}
		_, port, _ := net.SplitHostPort(s.addr)
		for _, h := range [][]string{
			{"X-Forwarded-Host", "secret." + domain + ":" + port},
			{"Forwarded", "host=secret." + domain},
			{"X-Http-Method-Override", "DELETE"},
			{"X-Amz-Copy-Source", "/secret/photo.jpg"},
			{"X-Minio-Extract", "true"},
			{"X-Amz-Date", "20200101T000000Z"},
			{"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"},
			{"X-Amz-Security-Token", "x"},
			{"Authorization", "AWS4-HMAC-SHA256 Credential=x/20200101/x/s3/aws4_request, SignedHeaders=host, Signature=0"},
			{"Content-Length", "0"},
		} {
			a := get(t, srv, site, "GET", "/photo.jpg", h...)
			s.check(a.Status == 200 && a.Body == string(photo), "%s: %v: got %d %.300s", site, h, a.Status, a.Body)
		}
	}
}

// checkFolders checks the EXIF of all objects of a folder, of more than the store lists at once, and that only the word
// list lists a bucket.
func checkFolders(s *store, srv *testcaddy.Server, want answer) {
	line := func(name string) string {
		quoted, err := json.Marshal(name)
		if err != nil {
			s.t.Fatal(err)
		}
		return `{"SourceFile":` + string(quoted) + "," + want.Body[1:]
	}
	a := get(s.t, srv, "folders", "GET", "/"+testcaddy.Suffix)
	for _, key := range keys {
		if !strings.Contains(key, "/") {
			s.check(strings.Contains(a.Body, line(key)), "folder: no %s in %d %.3000s", key, a.Status, a.Body)
		}
	}
	a = get(s.t, srv, "folders", "GET", "/deep/er/"+testcaddy.Suffix)
	s.check(a.Body == "[\n"+line("photo.jpg")+"\n]\n", "folder: got %d %.300s", a.Status, a.Body)
	again := get(s.t, srv, "folders", "GET", "/deep/er/"+testcaddy.Suffix, "If-None-Match", a.Header.Get("Etag"))
	s.check(again.Status == 304, "folder again: got %d", again.Status)
	for _, path := range []string{"/none/", "/photo.jpg/", "/deep/er/photo.jpg/", "//", "/../secret/"} {
		a := get(s.t, srv, "folders", "GET", path+testcaddy.Suffix)
		s.check(a.Status == 404 && !leaked.MatchString(a.Body), "folder %s: got %d %.300s", path, a.Status, a.Body)
	}
	count, at := 0, "/many/"+testcaddy.Suffix
	for range 3 {
		a := get(s.t, srv, "folders", "GET", at)
		count += strings.Count(a.Body, `{"SourceFile":"`)
		next := regexp.MustCompile(`^<(.*)>; rel="next"$`).FindStringSubmatch(a.Header.Get("Link"))
		if next == nil {
			break
		}
		at = "/many/" + testcaddy.Suffix + next[1]
	}
	s.check(count == manyObjects, "folder of many: got %d lines", count)
	for _, site := range []string{"s3-none", "get-list-none", "vhost", "denied"} {
		for _, path := range []string{"/", "/deep/", "/many/"} {
			a := get(s.t, srv, site, "GET", path, "Accept", "application/json")
			s.check(a.Status >= 400 && a.Status < 500 || site == "denied", "%s: %s: got %d %.300s", site, path, a.Status, a.Body)
			a = get(s.t, srv, site, "GET", path+testcaddy.Suffix)
			s.check(a.Status >= 400 && a.Status < 500, "%s: EXIF of %s: got %d %.300s", site, path, a.Status, a.Body)
		}
	}
}

// outside matches the paths in refused that the guard of a public bucket refuses.
var outside = regexp.MustCompile(`(?i)/(\.|%2e){0,2}(/|%2f|$)|(\\|%5c|%2f)(\.|%2e)|\.test$`)

// checkOutside checks that no path leaves a public bucket or lists it, even if everybody may list it.
func checkOutside(s *store, srv *testcaddy.Server) {
	n := 0
	for _, site := range []string{"get-only-none", "get-list-none"} {
		for _, target := range refused {
			target = strings.Replace(target, "{site}", site, 1)
			path, q, _ := strings.Cut(target, "?")
			if !outside.MatchString(strings.TrimPrefix(path, "http:/")) {
				continue
			}
			n++
			a := get(s.t, srv, site, "GET", target)
			s.check(a.Status == 404 && !leaked.MatchString(a.Body), "%s: GET %s: got %d %.300s", site, target, a.Status, a.Body)
			if strings.HasSuffix(path, ".test") {
				continue // the suffix would be the host's
			}
			a = get(s.t, srv, site, "GET", path+testcaddy.Suffix+"?"+q)
			s.check((a.Status == 404 || a.Status == 400) && !leaked.MatchString(a.Body), "%s: EXIF of %s: got %d %.300s", site, target, a.Status, a.Body)
		}
	}
	s.check(n > 60, "got %d ways out", n)
	for _, target := range []string{"/../photo.jpg", "/%2e%2e/photo.jpg", "/er/../../photo.jpg", "/../../get-list/photo.jpg"} {
		for _, target := range []string{target, target + testcaddy.Suffix} {
			a := get(s.t, srv, "prefix", "GET", target)
			s.check(a.Status == 404, "out of a prefix: GET %s: got %d", target, a.Status)
		}
	}
	a := get(s.t, srv, "prefix", "GET", "/er/photo.jpg"+testcaddy.Suffix)
	s.check(a.Status == 200, "under a prefix: got %v", a)
	if s.name == "versitygw" { // the guard is needed
		a := get(s.t, srv, "unguarded", "GET", "/../photo.jpg"+testcaddy.Suffix)
		s.check(a.Status == 200, "out of a prefix, without a guard: got %v", a)
	}
}

// checkFaults checks that mistakes in the config are server errors, whose codes are in the log.
func checkFaults(s *store, srv *testcaddy.Server) {
	for site, code := range faultCodes {
		if site == "wrong-key" && s.name == "versitygw" {
			code = "XAdminUserNotFound"
		}
		if site == "wrong-region" && s.name == "Ceph RGW" {
			a := get(s.t, srv, site, "GET", "/photo.jpg")
			s.check(a.Status == 200, "%s, which it doesn't look at: got %d", site, a.Status)
			continue
		}
		for range 2 {
			a := get(s.t, srv, site, "GET", "/photo.jpg?hidden")
			s.check(a.Status == 502 && a.Body == "", "%s: got %d %s", site, a.Status, a.Body)
			a = get(s.t, srv, site, "GET", "/photo.jpg"+testcaddy.Suffix)
			s.check(a.String() == "502 BadGateway" && !leaked.MatchString(a.Body), "%s: EXIF: got %d %s", site, a.Status, a.Body)
		}
		a := get(s.t, srv, site, "HEAD", "/photo.jpg")
		s.check(a.Status >= 400 && a.Status < 500, "%s: HEAD: got %d", site, a.Status)
		var lines []string
		for _, e := range srv.Log() {
			if e.Logger == "http.reverse_proxy.transport.s3" && e.Fields["code"] == code {
				lines = append(lines, e.Line)
			}
		}
		s.check(len(lines) == 1, "%s: logged %q", site, lines)
		for _, line := range lines {
			s.check(strings.Contains(line, `"level":"error"`) && !regexp.MustCompile(`photo\.jpg|hidden|`+accessKey).MatchString(line), "%s: logged %s", site, line)
		}
	}
}

// checkVersions checks that Caddy forwards versionId if configured, and no other part of the query.
func checkVersions(s *store, srv *testcaddy.Server, files map[string][]byte) {
	s.must("PUT", "/versions/replaced.jpg", []byte(otherSecret), nil)
	s.must("PUT", "/versions/deleted.jpg", []byte(otherSecret), nil)
	s.must("PUT", query("/versions", "versioning="),
		[]byte(`<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>`), nil)
	var ids []string
	contents := [][]byte{files["testdata/iphone-4s.jpg"], files["testdata/photo.jpg"]}
	for _, c := range contents {
		h, _ := s.must("PUT", "/versions/photo.jpg", c, nil)
		ids = append(ids, url.QueryEscape(h.Get("X-Amz-Version-Id")))
	}
	s.check(ids[0] != "" && ids[0] != ids[1], "versions: got %q", ids)
	names := []string{"iphone-4s.jpg", "photo.jpg"}
	for i, id := range ids {
		a := get(s.t, srv, "versions", "GET", "/photo.jpg?acl&versionId="+id)
		s.check(a.Status == 200 && a.Body == string(contents[i]), "version %d: got %d", i, a.Status)
		a = get(s.t, srv, "versions", "GET", "/photo.jpg"+testcaddy.Suffix+"?versionId="+id)
		want := get(s.t, srv, "files", "GET", "/testdata/"+names[i]+testcaddy.Suffix)
		s.check(a.Status == 200 && a.Body == want.Body, "version %d: EXIF: got %v %.300s", i, a, a.Body)
	}
	a := get(s.t, srv, "versions", "GET", "/photo.jpg")
	s.check(a.Body == string(contents[1]), "the newest version: got %d", a.Status)
	a = get(s.t, srv, "newest", "GET", "/photo.jpg?versionId="+ids[0])
	s.check(a.Status == 200 && a.Body == string(contents[1]), "an old version, without object_versions: got %d", a.Status)

	// objects from before versioning have the ID "null"
	s.must("PUT", "/versions/replaced.jpg", contents[0], nil)
	s.must("DELETE", "/versions/deleted.jpg", nil, nil)
	for _, name := range []string{"replaced.jpg", "deleted.jpg"} {
		a := get(s.t, srv, "versions", "GET", "/"+name+"?versionId=null")
		s.check(a.Status == 200 && a.Body == otherSecret, "%s, with object_versions: got %d %.300s", name, a.Status, a.Body)
		a = get(s.t, srv, "newest", "GET", "/"+name+"?versionId=null")
		s.check((a.Status == 200) == (name == "replaced.jpg") && !leaked.MatchString(a.Body), "%s: got %d %.300s", name, a.Status, a.Body)
	}
}

// checkWrites sends requests that try to write. The caller compares snapshots.
func checkWrites(s *store, srv *testcaddy.Server) {
	for _, method := range []string{"PUT", "POST", "DELETE", "PATCH", "COPY", "MOVE", "OPTIONS", "PROPFIND"} {
		for _, target := range []string{"/photo.jpg", "/new.jpg", "/", "/?delete", "/?policy", "/?acl", "/photo.jpg?acl", "/photo.jpg?tagging", "/photo.jpg?uploads"} {
			for _, site := range []string{"s3-none", "s3-list", "vhost"} {
				a := get(s.t, srv, site, method, target, "Content-Length", "0", "X-Amz-Copy-Source", "/secret/photo.jpg", "X-Amz-Acl", "public-read")
				s.check(a.Status == 405 && a.Header.Get("Allow") == "GET, HEAD", "%s: %s %s: got %d", site, method, target, a.Status)
			}
			if method == "OPTIONS" {
				continue
			}
			for _, site := range []string{"get-only-none", "get-list-none"} {
				a := get(s.t, srv, site, method, target, "Content-Length", "0")
				s.check(a.Status >= 400, "%s: %s %s: got %d", site, method, target, a.Status)
			}
			path, q, _ := strings.Cut(target, "?")
			if a := get(s.t, srv, "s3-none", method, path+testcaddy.Suffix+"?"+q, "Content-Length", "0"); path == "/" {
				s.check(a.Status >= 400, "%s EXIF of %s: got %d", method, target, a.Status)
			} else {
				s.check(a.Status == 405, "%s EXIF of %s: got %d", method, target, a.Status)
			}
		}
	}
}

const (
	page  = "../../docs/stores.md"
	begin = "<!-- stores:begin -->\n"
	end   = "<!-- stores:end -->"
	head  = "| store | bucket | existing | empty | missing | missing, `allow GetObject` | missing, `allow GetObject ListBucket` |\n|---|---|---|---|---|---|---|\n"
)

// table compares the measured rows with the page's, or rewrites them with -update. It ignores rows of stores
// that didn't run.
func table(t *testing.T, rows []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %s%s", page, begin, end)
	}
	store := func(row string) string { return strings.SplitN(row+"||", "|", 3)[1] }
	measured := rows
	for line := range strings.Lines(strings.TrimPrefix(old, head)) {
		line = strings.TrimSpace(line)
		if line != "" && !slices.ContainsFunc(measured, func(row string) bool { return store(row) == store(line) }) {
			rows = append(rows, line)
		}
	}
	order := []string{" versitygw ", " Ceph RGW ", " MinIO "}
	slices.SortStableFunc(rows, func(a, b string) int { return slices.Index(order, store(a)) - slices.Index(order, store(b)) })
	got := head + strings.Join(rows, "\n") + "\n"
	fmt.Print(got)
	if got == old {
		return
	}
	if !*update {
		t.Errorf("%s has another table; go test ./stores -update writes what was measured", page)
		return
	}
	if t.Failed() {
		t.Error("the table isn't rewritten, since not all checks passed")
		return
	}
	var out bytes.Buffer
	out.WriteString(before + begin + got + end + after)
	if err := os.WriteFile(page, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
