package examples

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
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
	"time"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
)

// TestConfigs checks that every Caddyfile is valid without any variable set, is formatted, and is in the list
// of examples.
func TestConfigs(t *testing.T) {
	names, err := filepath.Glob(filepath.Join(repository, "examples/*/*Caddyfile"))
	if err != nil || len(names) < 11 {
		t.Fatalf("got %v %v", names, err)
	}
	readme, err := os.ReadFile(filepath.Join(repository, "examples/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		folder := filepath.Base(filepath.Dir(name))
		config := "examples/" + folder + "/" + filepath.Base(name)
		t.Run(folder+"/"+filepath.Base(name), func(t *testing.T) {
			for _, args := range [][]string{
				{"adapt", "--adapter", "caddyfile", "--config", config},
				{"fmt", "--diff", config},
			} {
				out, err := caddy(nil, args...).CombinedOutput()
				if err != nil {
					t.Errorf("%s: %v: %s", args[0], err, out)
				}
			}
			if !strings.Contains(string(readme), "]("+folder+"/") {
				t.Errorf("examples/README.md doesn't list %s", folder)
			}
		})
	}
}

// TestSnippets checks that the Caddyfiles in the documents are valid, and so are the parts of Caddyfiles once
// they are in a site.
func TestSnippets(t *testing.T) {
	block := regexp.MustCompile("(?ms)^ *```caddyfile\n(.*?)^ *```")
	pages, err := filepath.Glob(filepath.Join(repository, "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	// the minimum number of Caddyfiles in each document
	documents := map[string]int{"README.md": 5, "SECURITY.md": 1, "examples/gallery/README.md": 1, "examples/captions/README.md": 1}
	for _, page := range pages {
		documents["docs/"+filepath.Base(page)] = 0
	}
	for name, min := range map[string]int{"permissions": 1, "operations": 1, "redact": 2, "stores": 2, "caching": 1} {
		documents["docs/"+name+".md"] = min
	}
	for name, min := range documents {
		b, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		blocks := block.FindAllStringSubmatch(string(b), -1)
		if len(blocks) < min {
			t.Errorf("%s: got %d Caddyfiles", name, len(blocks))
		}
		for _, m := range blocks {
			text := m[1]
			switch {
			case strings.Contains(text, "[<matcher>]"):
				continue // the grammar
			case !regexp.MustCompile(`(?m)^photos\.example\.com \{`).MatchString(text):
				text = "photos.example.com {\n" + text + "}\n"
			}
			config := filepath.Join(t.TempDir(), "Caddyfile")
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := caddy(nil, "adapt", "--adapter", "caddyfile", "--config", config).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v: %s\n%s", name, err, out, text)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	s := run(t, "files/Caddyfile")
	a := s.exif(request{path: "/iphone-4s.jpg"}, 200)
	a.is(iphone4S)
	s.exif(request{path: "/iphone-4s.jpg", header: map[string]string{"If-None-Match": a.header.Get("ETag")}}, 304).is("")
	s.exif(request{path: "/plain.jpg"}, 200).is("{}")
	s.exif(request{path: "/README.md"}, 400).code("NotAnImage")
	s.exif(request{path: "/nope.jpg"}, 404).code("NoSuchKey")
	s.exif(request{method: "POST", path: "/iphone-4s.jpg"}, 405).code("MethodNotAllowed")
	s.ask(request{path: "/iphone-4s.jpg"}, 200).has("\xFF\xD8\xFF")
}

func TestPublicBucket(t *testing.T) {
	s := run(t, "public-bucket/Caddyfile", "STORE="+bucket(t, anonymous))
	credentials := map[string]string{"Authorization": "Bearer x", "Cookie": "session=y"}
	s.exif(request{path: "/iphone-4s.jpg"}, 200).is(iphone4S)
	s.exif(request{path: "/iphone-4s.jpg", header: credentials}, 200).is(iphone4S)
	s.ask(request{path: "/iphone-4s.jpg" + testcaddy.Suffix + "?x=1"}, 200).is(iphone4S)
	s.exif(request{path: "/nope.jpg"}, 404).code("NoSuchKey")
	s.exif(request{path: "/"}, 400).code("InvalidRequest")
	a := s.ask(request{path: "/iphone-4s.jpg"}, 200)
	if a.header.Get("X-Amz-Request-Id") != "" {
		t.Error("the store's headers are passed on")
	}
	s.ask(request{path: "/"}, 404).hasNot("ListBucket")
	s.ask(request{path: "/?list-type=2"}, 404).hasNot("ListBucket")
	s.ask(request{path: "//"}, 404).hasNot("ListBucket")
	s.outside()
	s.ask(request{method: "PUT", path: "/iphone-4s.jpg"}, 405)
	s.ask(request{method: "DELETE", path: "/iphone-4s.jpg"}, 405)
}

// outside sends requests that would list a bucket or leave it, with the target as is. The bucket fails the
// test if it receives one.
func (s *site) outside() {
	s.t.Helper()
	ask := func(target string, want int) {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			s.t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target, s.addr)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		res.Body.Close()
		fmt.Printf("  GET %s -> %d\n", target, res.StatusCode)
		if res.StatusCode != want {
			s.t.Errorf("GET %s: got %d, want %d", target, res.StatusCode, want)
		}
	}
	for _, path := range []string{
		"/..", "/.", "/./a.jpg", "/../other/a.jpg", "/x/../a.jpg", "/x/..", "/x//a.jpg", "/%2e%2e/other/a.jpg", "/.%2E/other/a.jpg", "/%2e/a.jpg",
		"/..%2fother%2fa.jpg", "/x%2F..%2F..%2Fother/a.jpg", `/..\secret\a.jpg`, "/..%5Cother%5Ca.jpg", "/x%0A/../a.jpg",
	} {
		ask(path, 404)
		ask(path+"?versionId=null", 404)
		ask(path+testcaddy.Suffix, 404)
		ask("http://"+s.addr+path, 404)
	}
	for _, path := range []string{"/", "//", "/x/", "/../"} {
		ask(path, 404)
		ask(path+"?list-type=2", 404)
		ask(path+testcaddy.Suffix, 400) // no name before the suffix
	}
	ask("http://"+s.addr, 404) // an empty path
	ask("http://"+s.addr+"?list-type=2", 404)
}

func TestPrivateBucket(t *testing.T) {
	const module = "http.reverse_proxy.transport.s3"
	modules, err := caddy(nil, "list-modules").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(modules), module+"\n") {
		t.Fatalf("this Caddy has no module %s: import its package in main_test.go", module)
	}
	s := run(t, "private-bucket/Caddyfile", "STORE="+bucket(t, signedBy("AKEXAMPLE")), "S3_KEY=AKEXAMPLE", "S3_SECRET=secret")
	s.exif(request{path: "/iphone-4s.jpg"}, 401).code("Unauthorized")
	s.exif(request{path: "/iphone-4s.jpg", user: "team:wrong"}, 401).code("Unauthorized")
	s.exif(request{path: "/iphone-4s.jpg", user: team}, 200).is(iphone4S)
	s.exif(request{path: "/nope.jpg", user: team}, 404).code("NoSuchKey")
	s.ask(request{path: "/iphone-4s.jpg"}, 401)
	s.ask(request{path: "/iphone-4s.jpg", user: team}, 200).has("\xFF\xD8\xFF")
	s.ask(request{path: "/", user: team}, 404).hasNot("ListBucket")
	s.ask(request{method: "DELETE", path: "/iphone-4s.jpg", user: team}, 405)
	s.ask(request{path: "/../other/iphone-4s.jpg", user: team}, 404)
	s.exif(request{path: "/%2e%2e/other/iphone-4s.jpg", user: team}, 404).code("NoSuchKey")

	// a wrong key is a server error, which the log explains
	s = run(t, "private-bucket/Caddyfile", "STORE="+bucket(t, signedBy("AKEXAMPLE")), "S3_KEY=AKOTHER", "S3_SECRET=secret")
	s.exif(request{path: "/iphone-4s.jpg", user: team}, 502).code("BadGateway")
	s.ask(request{path: "/iphone-4s.jpg", user: team}, 502).is("")
	if n := strings.Count(s.Output(), `"code":"InvalidAccessKeyId"`); n != 1 {
		t.Errorf("logged %d times: %s", n, s.Output())
	}
}

func TestCluster(t *testing.T) {
	store := "STORE=" + bucket(t, anonymous)
	one := run(t, "cluster/Caddyfile", store)
	two := run(t, "cluster/Caddyfile", store)
	front := run(t, "cluster/balancer.Caddyfile", "NODES="+one.addr+" "+two.addr)
	a := one.exif(request{path: "/photo.jpg"}, 200)
	b := two.exif(request{path: "/photo.jpg"}, 200)
	if a.body != b.body || a.header.Get("ETag") == "" || a.header.Get("ETag") != b.header.Get("ETag") {
		t.Errorf("the nodes differ: %s %v, %s %v", a, a.header, b, b.header)
	}
	front.exif(request{path: "/photo.jpg"}, 200).is(a.body)
	// a node confirms the ETag of the other node's answer
	front.exif(request{path: "/photo.jpg", header: map[string]string{"If-None-Match": b.header.Get("ETag")}}, 304).is("")
	fmt.Println("  (one of the nodes is stopped)")
	one.Stop(os.Kill)
	for _, name := range []string{"/photo.jpg", "/iphone-4s.jpg", "/photo.tif", "/ks3-table.jpg", "/plain.jpg"} {
		front.exif(request{path: name}, 200)
	}
	two.outside()
	front.outside()
	front.exif(request{path: "/nope.jpg"}, 404).code("NoSuchKey")
	front.ask(request{path: "/"}, 404)
}

func TestPermissions(t *testing.T) {
	needsAddress(t, "127.0.0.2")
	dir := photos(t, map[string]string{
		"a.jpg": "iphone-4s.jpg", "original.tif": "photo.tif", "team/a.jpg": "iphone-4s.jpg", "office/a.jpg": "iphone-4s.jpg",
	})
	s := run(t, "permissions/Caddyfile", "PHOTOS="+dir, "OFFICE=127.0.0.2/32")
	const office = "127.0.0.2"

	s.exif(request{path: "/a.jpg"}, 200).is(iphone4S)
	missing := s.exif(request{path: "/nope.jpg"}, 403)
	missing.code("AccessDenied")
	s.exif(request{path: "/nope.jpg", from: office}, 404).code("NoSuchKey")

	s.ask(request{path: "/original.tif"}, 200)
	forbidden := s.exif(request{path: "/original.tif"}, 403)
	forbidden.code("AccessDenied")
	s.exif(request{path: "/original.tif", from: office}, 200).has(`"LensModel":"18-55mm"`)

	s.exif(request{path: "/team/a.jpg"}, 401).code("Unauthorized")
	s.exif(request{path: "/team/nope.jpg"}, 401).code("Unauthorized")
	s.exif(request{path: "/team/a.jpg", user: "team:wrong"}, 401).code("Unauthorized")
	s.exif(request{path: "/team/a.jpg", user: team}, 200).is(iphone4S)
	s.exif(request{path: "/team/nope.jpg", user: team}, 404).code("NoSuchKey")

	s.ask(request{path: "/office/a.jpg"}, 403)
	s.exif(request{path: "/office/a.jpg"}, 403).code("AccessDenied")
	s.exif(request{path: "/office/nope.jpg"}, 403).code("AccessDenied")
	s.exif(request{path: "/office/a.jpg", from: office}, 200).is(iphone4S)

	// denied and missing photos look the same
	same := func(a *answer) string {
		return a.body[:strings.Index(a.body, `"requestId"`)] + fmt.Sprint(len(a.body), len(a.header))
	}
	if same(missing) != same(forbidden) {
		t.Errorf("got %s %v and %s %v", missing, missing.header, forbidden, forbidden.header)
	}
}

func TestPrivacy(t *testing.T) {
	s := run(t, "privacy/Caddyfile")
	for _, header := range []map[string]string{nil, {"Cookie": "Authorization=x"}} {
		a := s.exif(request{path: "/photo.jpg", header: header}, 200)
		a.has(`"Model":"testimage"`)
		a.hasNot("GPS", "39/1 54/1", "SN-0042", "SerialNumber")
		a.private()
		a.field("Vary", "Authorization")
	}
	a := s.exif(request{path: "/photo.jpg", user: team}, 200)
	a.has(`"GPSLatitude":"39/1 54/1 1512/100"`, `"BodySerialNumber":"SN-0042"`)
	a.private()
	a.field("Vary", "Authorization")
	a.field("Cache-Control", "private")
	// the team's ETag doesn't match the public answer, and vice versa
	public := s.exif(request{path: "/photo.jpg", header: map[string]string{"If-None-Match": a.header.Get("ETag")}}, 200)
	public.hasNot("GPS")
	for _, header := range []map[string]string{
		{"Authorization": "Bearer x"}, {"Authorization": "Basic eA=="}, {"Authorization": "Basic dGVhbTp3cm9uZw=="},
	} {
		s.exif(request{path: "/photo.jpg", header: header}, 401).code("Unauthorized")
	}
	s.exif(request{path: "/photo.jpg", user: "team:wrong"}, 401).hasNot("GPS")

	// the photo itself has no more tags than the answer
	original, err := os.ReadFile(filepath.Join(repository, "testdata/photo.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	photo := s.ask(request{path: "/photo.jpg"}, 200)
	photo.hasNot("SN-0042")
	photo.field("Accept-Ranges", "none")
	if len(photo.body) != len(original) || photo.body == string(original) {
		t.Errorf("the public gets %d bytes of a photo of %d: want as many, but others", len(photo.body), len(original))
	}
	s.ask(request{path: "/photo.jpg", user: team}, 200).is(string(original))
	s.ask(request{path: "/photo.tif"}, 403).code("NotRedactable")
	s.ask(request{path: "/photo.tif", user: team}, 200)
}

// TestCredit checks that a photo and its answers have the photographer's credit, and neither place nor people.
func TestCredit(t *testing.T) {
	sample, err := os.ReadFile(filepath.Join(repository, "testdata/photo.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	const xmp = "http://ns.adobe.com/xap/1.0/\x00" + `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" ` +
		`xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" photoshop:City="Harbourtown" photoshop:Headline="Bob at home" ` +
		`photoshop:Credit="The Agency" xmpRights:WebStatement="https://example.com/licence" ` +
		`Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"/></rdf:RDF></x:xmpmeta>`
	segment := append(binary.BigEndian.AppendUint16([]byte{0xFF, 0xE1}, uint16(len(xmp)+2)), xmp...)
	photo := slices.Concat(sample[:2], segment, sample[2:])
	photos := t.TempDir()
	if err := os.WriteFile(filepath.Join(photos, "photo.jpg"), photo, 0o600); err != nil {
		t.Fatal(err)
	}
	s := run(t, "credit/Caddyfile", "PHOTOS="+photos)

	a := s.exif(request{path: "/photo.jpg"}, 200)
	a.has(`"Artist":"Zoë Ångström"`, `"Copyright":"public domain"`)
	a.hasNot("GPS", "39/1 54/1", "SN-0042", "SerialNumber", "ImageDescription")
	a = s.ask(request{path: "/photo.jpg@base@tag=iptc"}, 200)
	a.has(`"creditLine":"The Agency"`, `"webstatementRights":"https://example.com/licence"`, `"digitalSourceType":`, `"creatorNames":["Zoë Ångström"]`)
	a.hasNot("Harbourtown", "Bob", "description")

	a = s.ask(request{path: "/photo.jpg"}, 200)
	a.has("Zoë Ångström", "public domain", "The Agency", "https://example.com/licence", "digitalsourcetype/digitalCapture")
	a.hasNot("Harbourtown", "Bob", "SN-0042")
	if len(a.body) != len(photo) {
		t.Errorf("got %d bytes of a photo of %d", len(a.body), len(photo))
	}
	s.ask(request{path: "/nope.jpg"}, 404)
}

// private prints the tags with a place or an owner.
func (a *answer) private() {
	fmt.Printf("    of these GPS and serial numbers: %s\n", regexp.MustCompile(`"(GPS|BodySerial)[A-Za-z]+":"[^"]*"`).FindAllString(a.body, -1))
}

func TestCORS(t *testing.T) {
	const app = "https://app.example.com"
	s := run(t, "cors/Caddyfile")
	preflight := map[string]string{"Origin": app, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
	a := s.exif(request{method: "OPTIONS", path: "/iphone-4s.jpg", header: preflight}, 204)
	a.field("Access-Control-Allow-Origin", app)
	a.field("Access-Control-Allow-Methods", "GET")
	a.field("Access-Control-Allow-Headers", "Authorization")
	a = s.exif(request{path: "/iphone-4s.jpg", header: map[string]string{"Origin": app}}, 200)
	a.is(iphone4S)
	a.field("Access-Control-Allow-Origin", app)
	a.field("Access-Control-Expose-Headers", "ETag")
	a.field("Vary", "Origin")
	// the app can read errors, too
	a = s.exif(request{path: "/nope.jpg", header: map[string]string{"Origin": app}}, 404)
	a.code("NoSuchKey")
	a.field("Access-Control-Allow-Origin", app)
	// no other site's script can read answers or errors
	preflight["Origin"] = "https://evil.example.com"
	for _, a := range []*answer{
		s.exif(request{path: "/iphone-4s.jpg", header: map[string]string{"Origin": "https://evil.example.com"}}, 200),
		s.exif(request{method: "OPTIONS", path: "/iphone-4s.jpg", header: preflight}, 405),
	} {
		if got := a.header.Values("Access-Control-Allow-Origin"); len(got) > 0 {
			t.Errorf("%s: allowed: %v", a.what, got)
		}
	}
}

func TestRateLimit(t *testing.T) {
	s := run(t, "rate-limit/Caddyfile", "EVENTS=3", "WINDOW=2s")
	for range 3 {
		s.exif(request{path: "/iphone-4s.jpg"}, 200).is(iphone4S)
	}
	a := s.exif(request{path: "/photo.jpg"}, 429)
	a.code("TooManyRequests")
	a.field("Content-Type", "application/json")
	if wait := a.header.Get("Retry-After"); wait != "1" && wait != "2" {
		t.Errorf("got Retry-After: %q", wait)
	}
	s.exif(request{path: "/iphone-4s.jpg", header: map[string]string{"X-Forwarded-For": "192.0.2.1"}}, 429)
	s.ask(request{path: "/iphone-4s.jpg"}, 200) // only EXIF counts
	fmt.Println("  (after Retry-After)")
	time.Sleep(2100 * time.Millisecond)
	s.exif(request{path: "/photo.jpg"}, 200).has("testimage")
}

func TestSharedCache(t *testing.T) {
	dir := photos(t, map[string]string{"a.jpg": "iphone-4s.jpg", "members/a.jpg": "photo.jpg"})
	s := run(t, "shared-cache/Caddyfile", "PHOTOS="+dir, "AUTH="+gatekeeper(t, "member=yes"))
	member := map[string]string{"Cookie": "member=yes"}
	a := s.exif(request{path: "/a.jpg"}, 200)
	a.is(iphone4S)
	a.field("Cache-Status", "stored")
	a = s.exif(request{path: "/a.jpg"}, 200)
	a.is(iphone4S)
	a.field("Cache-Status", "hit")

	s.exif(request{path: "/members/a.jpg"}, 401).hasNot("testimage")
	s.exif(request{path: "/members/a.jpg", header: member}, 200).has("testimage")
	a = s.exif(request{path: "/members/a.jpg", header: member}, 200)
	a.has("testimage")
	a.field("Cache-Status", "hit") // so the cache could leak it
	for _, r := range []request{
		{path: "/members/a.jpg"},
		{path: "/members/a.jpg", header: map[string]string{"Cookie": "member=no"}},
		{path: "//members/a.jpg"},
		{path: "/%6dembers/a.jpg"},
		{path: "/x/../members/a.jpg"},
		{path: "/members/./a.jpg"},
	} {
		s.exif(r, 401).hasNot("testimage")
	}
	s.ask(request{path: "/members/a.jpg"}, 401)
	s.ask(request{path: "/members/a.jpg%40base%40tag%3Dexif"}, 401).hasNot("testimage")

	// the cache still sends the answer for the photo before it was replaced; a client can demand a fresh one
	if err := os.Rename(filepath.Join(dir, "members/a.jpg"), filepath.Join(dir, "a.jpg")); err != nil {
		t.Fatal(err)
	}
	s.exif(request{path: "/a.jpg"}, 200).is(iphone4S)
	s.exif(request{path: "/a.jpg", header: map[string]string{"Cache-Control": "no-cache"}}, 200).has("testimage")
}

// TestMigrate asks at the URLs of each service, and reads the answers as that service's clients do.
func TestMigrate(t *testing.T) {
	dir := photos(t, map[string]string{"a.jpg": "iphone-4s.jpg", "plain.jpg": "plain.jpg", "place.jpg": "photo.jpg", "team/a.jpg": "iphone-4s.jpg"})
	odd := filepath.Join(dir, "a b?c#d%2F+ü.jpg")
	if err := os.Link(filepath.Join(dir, "a.jpg"), odd); err != nil {
		t.Fatal(err)
	}
	escaped := "/" + url.PathEscape(filepath.Base(odd))
	const imageInfo = "@base@tag=imageInfo"
	reads := func(a *answer, fields ...string) {
		t.Helper()
		a.field("Content-Type", "application/json")
		for i := 0; i < len(fields); i += 2 {
			a.reads(fields[i], fields[i+1])
		}
	}
	s := run(t, "migrate/Caddyfile", "PHOTOS="+dir)
	for _, photo := range []string{"/a.jpg", escaped} {
		for _, path := range []string{
			photo + "?x-oss-process=image/info",                     // OSS
			photo + "?x-oss-process=image%2Finfo&x=1",               // the same by an SDK
			photo + "?x-tos-process=image/info",                     // Volcengine
			photo + "@exif", photo + "@infoexif", photo + "%40exif", // old OSS
		} {
			reads(s.ask(request{path: path}, 200), "ImageWidth.value", "64", "ImageHeight.value", "48", "FileSize.value", "1048", "Format.value", "jpg",
				"FrameCount.value", "1", "Make.value", "Apple", "ExposureTime.value", "1/449", "XResolution.value", "72/1")
		}
		for _, path := range []string{photo + "@info", photo + "%40info"} {
			a := s.ask(request{path: path}, 200)
			reads(a, "ImageWidth.value", "64", "ImageHeight.value", "48", "FileSize.value", "1048", "Format.value", "jpg")
			a.hasNot("Apple")
		}
		for _, path := range []string{photo + "?exif", photo + "?exif&sign=a%3Ab", photo + "?q-sign-algorithm=sha1&exif"} { // COS, signed or not
			reads(s.ask(request{path: path}, 200), "Make.val", "Apple", "ExposureTime.val", "1/449", "Orientation.val", "1")
		}
		for _, path := range []string{photo + "?imageInfo", photo + "?imageInfo&sign=a%3Ab"} {
			reads(s.ask(request{path: path}, 200), "format", "jpeg", "width", "64", "height", "48", "size", "1048")
		}
		reads(s.ask(request{path: photo + "?exif/version/v2"}, 200), "Make.val", "Apple", "ExposureTime.val", "1/449 sec.") // Qiniu
		reads(s.ask(request{path: photo + "?x-bce-process=image/info"}, 200), "imageWidth.value", "64", "imageHeight.value", "48",
			"imageSize.value", "1048", "format.value", "JPEG", "make.value", "Apple", "resolutionX.value", "72/1")
		reads(s.ask(request{path: photo + "?x-image-process=image%2Finfo"}, 200), "format", "JPEG", "height", "48", "size", "1048", "width", "64")
		// KS3 and imagor; the rest of the query has no effect
		for _, path := range []string{photo + testcaddy.Suffix, photo + testcaddy.Suffix + "?exif", "/unsafe/meta" + photo} {
			s.ask(request{path: path}, 200).is(iphone4S)
		}
		reads(s.ask(request{path: photo + imageInfo + "?x-tos-process=style/a"}, 200), "format", "JPG", "width", "64")

		s.ask(request{path: photo}, 200).has("\xFF\xD8\xFF")
		s.ask(request{path: photo + "?v=2"}, 200).has("\xFF\xD8\xFF")
		// an operation that isn't offered never returns the whole photo
		for _, other := range []string{
			"?x-oss-process=image/resize,w_100", "?x-oss-process=style%2Fsmall", "?x-bce-process=image/resize,w_100",
			"?x-image-process=image/resize,w_100", "?x-tos-process=image/resize,w_100", "?imageView2/1/w/200", "?sign=a&imageMogr2/thumbnail/100x",
			"?watermark/1/image/aHR0cA", "@100w_100h.jpg", "@!small", "!small", "@base@tag=imgScale&w=100", "%40base%40tag=imgWaterMark", "@base@tag=thumbnail",
		} {
			a := s.ask(request{path: photo + other}, 400)
			a.code("InvalidRequest")
			a.has("isn't offered")
		}
		s.ask(request{path: "/unsafe/200x200" + photo}, 400).code("InvalidRequest")
	}
	reads(s.ask(request{path: "/place.jpg?x-oss-process=image/info"}, 200), "GPSLatitude.value", `39deg 54' 15.120" `, "GPSLatitudeRef.value", "North", "ExifVersion.value", "48 50 51 50")
	reads(s.ask(request{path: "/place.jpg?x-bce-process=image/info"}, 200), "gpsLatitude.value", "39/1,54/1,1512/100", "dateTime.value", "2026-02-03T14:44:09")

	// a photo without EXIF
	reads(s.ask(request{path: "/plain.jpg?x-oss-process=image/info"}, 200), "ImageWidth.value", "64", "Make", "")
	s.ask(request{path: "/plain.jpg?exif"}, 200).is(`{"error" : "no exif data"}`)
	reads(s.ask(request{path: "/plain.jpg?x-bce-process=image/info"}, 200), "imageWidth.value", "64", "make", "")
	reads(s.ask(request{path: "/plain.jpg?x-image-process=image/info"}, 200), "width", "64")

	// no photo
	for _, path := range []string{
		"/nope.jpg?x-oss-process=image/info", "/nope.jpg?x-tos-process=image/info", "/nope.jpg@exif", "/nope.jpg@info",
		"/nope.jpg?exif", "/nope.jpg?imageInfo", "/nope.jpg?x-image-process=image/info",
	} {
		a := s.ask(request{path: path}, 404)
		a.field("Content-Type", "application/xml")
		a.has("<Error><Code>NoSuchKey</Code><Message>")
	}
	for _, path := range []string{"/nope.jpg?x-bce-process=image/info", "/unsafe/meta/nope.jpg", "/nope.jpg" + testcaddy.Suffix} {
		s.ask(request{path: path}, 404).code("NoSuchKey")
	}
	s.ask(request{path: "/nope.jpg?exif/version/v2"}, 404).is(`{"error":"the object does not exist"}`)

	// whatever the URL, the photo's protection also protects its EXIF
	s.ask(request{path: "/team/a.jpg"}, 401)
	for _, path := range []string{
		"/team/a.jpg?exif", "/team/a.jpg?exif/version/v2", "/team/a.jpg?x-oss-process=image/info", "/team/a.jpg?x-bce-process=image/info",
		"/team/a.jpg?x-image-process=image/info", "/team/a.jpg@exif", "/unsafe/meta/team/a.jpg", "/team/a.jpg" + testcaddy.Suffix,
	} {
		s.ask(request{path: path}, 401).hasNot("Apple")
		s.ask(request{path: path, user: team}, 200).has("Apple")
	}
	for _, path := range []string{"/team/a.jpg?imageInfo", "/team/a.jpg@info", "/team/a.jpg" + imageInfo} {
		s.ask(request{path: path}, 401).hasNot(`"64"`) // without quotes, it can be in the request ID
		s.ask(request{path: path, user: team}, 200).has(`"64"`)
	}

	// ?exif and ?imageInfo of other services
	s = run(t, "migrate/Caddyfile", "PHOTOS="+dir, "DIALECT=qiniu")
	reads(s.ask(request{path: "/a.jpg?exif"}, 200), "Make.val", "Apple", "Make.type", "2", "Orientation.val", "Top-left")
	reads(s.ask(request{path: "/a.jpg?imageInfo"}, 200), "size", "1048", "format", "jpeg", "width", "64", "colorModel", "ycbcr", "orientation", "Top-left")
	s.ask(request{path: "/plain.jpg?exif"}, 200).is(`{"error":"no exif data"}`)
	s = run(t, "migrate/Caddyfile", "PHOTOS="+dir, "DIALECT=bos")
	reads(s.ask(request{path: "/a.jpg?exif"}, 200), "make.value", "Apple", "imageWidth.value", "64")

	// a dialect that doesn't exist is an error, not an answer in another form
	out, err := caddy([]string{"DIALECT=quniu"}, "adapt", "--adapter", "caddyfile", "--config", "examples/migrate/Caddyfile").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `is none of oss, cos, bos, qiniu, obs`) {
		t.Errorf("DIALECT=quniu: got %v, %s", err, out)
	}
}

func TestCaptions(t *testing.T) {
	s := run(t, "captions/Caddyfile")
	s.ask(request{path: "/"}, 200).has("<photo-caption>")
	s.ask(request{path: "/captions.js"}, 200).has("customElements.define")
	a := s.exif(request{path: "/photos/"}, 200)
	a.has("[\n", `{"SourceFile":"iphone-4s.jpg","ExposureTime":"1/449"}`, `{"SourceFile":"plain.jpg"}`, `{"SourceFile":"zz-broken.jpg","Error":"InvalidExif"}`)
	a.hasNot("README.md", "Apple", "GPS")
	s.exif(request{path: "/photos/", header: map[string]string{"If-None-Match": a.header.Get("ETag")}}, 304).is("")
	s.ask(request{path: "/photos/@base@tag=imageInfo"}, 200).has(`{"SourceFile":"iphone-4s.jpg","format":"JPG"`)
	app := map[string]string{"Origin": "https://app.example.com"}
	a = s.exif(request{path: "/photos/", header: app}, 200)
	a.field("Access-Control-Allow-Origin", "https://app.example.com")
	a.field("Access-Control-Expose-Headers", "Link")
	a.has(`{"SourceFile":"iphone-4s.jpg"`)
	s.exif(request{path: "/photos/none/"}, 404).code("NoSuchKey")
	s.exif(request{path: "/"}, 404)
}

// TestHugo builds a site by the commands and the shortcode of the captions' README.
func TestHugo(t *testing.T) {
	for _, tool := range []string{"hugo", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	readme, err := os.ReadFile(filepath.Join(repository, "examples/captions/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(readme), "\n## Hugo")
	code := func(language string) string {
		m := regexp.MustCompile("(?s)\n```" + language + "\n(.*?)```").FindStringSubmatch(recipe)
		if m == nil {
			t.Fatalf("no %s in the recipe", language)
		}
		return m[1]
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page := "---\ntitle: Photos\n---\n"
	for _, name := range []string{"photo.jpg", "iphone-4s.jpg", "plain.jpg"} {
		b, err := os.ReadFile(filepath.Join(repository, "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		write("static/photos/"+name, string(b))
		page += `{{< photo src="photos/` + name + `" alt="A photo" >}}` + "\n"
	}
	write("config.toml", `baseURL = "https://example.com/"`)
	write("layouts/index.html", "{{ .Content }}")
	write("layouts/shortcodes/photo.html", code("html"))
	write("content/_index.md", page)
	command := caddy(nil)
	build := exec.Command("sh", "-e", "-c", "caddy() { "+command.Path+` "$@"; }`+"\n"+code("sh"))
	build.Dir, build.Env = dir, command.Env
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	site, err := os.ReadFile(filepath.Join(dir, "public/index.html"))
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(string(site)), " ")
	for _, want := range []string{
		`<img src="/photos/photo.jpg" alt="A photo" width="48" height="64"> <figcaption>1/125 s · f/2.8 · 4.3 mm · ISO 200</figcaption>`,
		`<img src="/photos/iphone-4s.jpg" alt="A photo" width="64" height="48"> <figcaption>1/449 s</figcaption>`,
		`<img src="/photos/plain.jpg" alt="A photo" width="64" height="48"> </figure>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	s := run(t, "errors/Caddyfile")
	s.exif(request{path: "/iphone-4s.jpg"}, 200).is(iphone4S)
	a := s.exif(request{path: "/nope.jpg"}, 404)
	a.is(`{"title":"Not Found","status":404,"detail":"NoSuchKey: the object does not exist"}`)
	a.field("Content-Type", "application/problem+json")
	s.exif(request{path: "/README.md"}, 400).has(`"detail":"NotAnImage: `)
	a = s.exif(request{path: "/zz-broken.jpg"}, 400)
	a.has(`"detail":"InvalidExif: `)
	s.exif(request{method: "PUT", path: "/iphone-4s.jpg"}, 405).field("Allow", "GET, HEAD, OPTIONS")
	a = s.ask(request{path: "/nope.jpg"}, 404)
	a.has("<h1>404 Not Found</h1>")
	a.field("Content-Type", "text/html")
}

func TestLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	s := run(t, "log/Caddyfile", "LOG="+log)
	s.exif(request{path: "/photo.jpg"}, 200)
	s.exif(request{path: "/photo.jpg"}, 200)
	s.exif(request{path: "/nope.jpg"}, 404)
	s.ask(request{path: "/photo.jpg"}, 200)
	metrics := s.metrics("caddy_exif_")
	s.Stop(os.Kill)

	lines := logged(t, log)
	if len(lines) != 4 {
		t.Fatalf("got %d lines", len(lines))
	}
	for i, line := range lines {
		fmt.Printf("  logged: format %v, tags %v, bytes_read %v, requests %v, cache %v\n",
			line["exif_format"], line["exif_tags"], line["exif_bytes_read"], line["exif_requests"], line["exif_cache"])
		if i == 3 {
			for k := range line {
				if strings.HasPrefix(k, "exif_") {
					t.Errorf("%s in the line of a request that isn't for EXIF", k)
				}
			}
		}
	}
	first, second := lines[0], lines[1]
	if first["exif_format"] != "jpeg" || fmt.Sprint(first["exif_requests"]) != "1" || first["exif_cache"] != "miss" {
		t.Errorf("the placeholders of {http.exif.*} are wrong, or this module doesn't set them: %v", first)
	}
	if second["exif_cache"] != "hit" || fmt.Sprint(second["exif_bytes_read"]) != "0" {
		t.Errorf("the second time: got %v", second)
	}
	if !strings.Contains(metrics, "caddy_exif_requests_total{") {
		t.Errorf("no metrics: %s", metrics)
	}
}

// metrics returns the lines of the admin endpoint's metrics with that prefix.
func (s *site) metrics(prefix string) string {
	s.t.Helper()
	res, err := http.Get("http://" + s.Admin + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "")
}

// TestDockerContext checks that .dockerignore includes all files that the command embeds.
func TestDockerContext(t *testing.T) {
	list := exec.Command("go", "list", "-f", "{{range .EmbedFiles}}{{.}}\n{{end}}", ".")
	list.Dir = repository
	out, err := list.Output()
	files := strings.Fields(string(out))
	if err != nil || len(files) == 0 {
		t.Fatalf("got %v %v", files, err)
	}
	ignore, err := os.ReadFile(filepath.Join(repository, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		ignored := false
		for line := range strings.Lines(string(ignore)) {
			pattern, back := strings.CutPrefix(strings.TrimSpace(line), "!")
			if file == pattern || strings.HasPrefix(file, pattern+"/") {
				ignored = !back // the last matching line decides
			}
		}
		if ignored {
			t.Errorf(".dockerignore keeps %s out, which the module embeds", file)
		}
	}
}

func TestSystemd(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze")
	}
	unit, err := os.ReadFile(filepath.Join(repository, "examples/systemd/caddy-exif.service"))
	if err != nil {
		t.Fatal(err)
	}
	// an existing program instead of the one to install
	text := strings.ReplaceAll(string(unit), "/usr/local/bin/caddy", "/bin/true")
	name := filepath.Join(t.TempDir(), "caddy-exif.service")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(verify, "verify", "--man=no", name).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
}
