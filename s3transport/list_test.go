package s3transport

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
)

// listObjects returns the handler of a store with these keys, which lists them by ListObjectsV2, at most max at a
// time. With encode, it understands encoding-type.
func listObjects(keys []string, max int, encode bool) http.HandlerFunc {
	keys = slices.Sorted(slices.Values(keys))
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("list-type") != "2" || q.Get("delimiter") != "/" {
			http.Error(w, "not a listing: "+r.RequestURI, http.StatusTeapot)
			return
		}
		type content struct {
			Key          string
			LastModified string
			Size         int
		}
		var page struct {
			XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
			EncodingType          string   `xml:",omitempty"`
			IsTruncated           bool
			NextContinuationToken string `xml:",omitempty"`
			Contents              []content
			CommonPrefixes        []struct{ Prefix string }
		}
		code := func(s string) string { return s }
		if encode && q.Get("encoding-type") == "url" {
			page.EncodingType, code = "url", url.QueryEscape
		}
		from := max0(q.Get("start-after"), q.Get("continuation-token"))
		seen := ""
		for _, k := range keys {
			if !strings.HasPrefix(k, q.Get("prefix")) || k <= from || seen != "" && strings.HasPrefix(k, seen) ||
				strings.HasSuffix(from, "/") && from != q.Get("prefix") && strings.HasPrefix(k, from) {
				continue
			}
			if len(page.Contents)+len(page.CommonPrefixes) == max {
				page.IsTruncated = true
				break
			}
			page.NextContinuationToken = k
			if i := strings.Index(k[len(q.Get("prefix")):], "/"); i >= 0 {
				seen = k[:len(q.Get("prefix"))+i+1]
				page.NextContinuationToken = seen
				page.CommonPrefixes = append(page.CommonPrefixes, struct{ Prefix string }{code(seen)})
				continue
			}
			page.Contents = append(page.Contents, content{code(k), "2024-05-01T20:15:00.000Z", len(k)})
		}
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Amz-Request-Id", "secret")
		w.Header().Set("Access-Control-Allow-Origin", "https://app.test")
		_ = xml.NewEncoder(w).Encode(page)
	}
}

// max0 returns the later of two keys.
func max0(a, b string) string { return slices.Max([]string{a, b}) }

// listed returns the names of a listing: folders with a slash.
func listed(t *testing.T, srv *testcaddy.Server, target string) (status int, names []string, header http.Header) {
	t.Helper()
	res, body := get(t, srv, http.MethodGet, target, "Accept", "text/html, Application/JSON", "Range", "bytes=0-1", "If-None-Match", `"x"`)
	var items []listItem
	if err := json.Unmarshal([]byte(body), &items); err != nil && res.StatusCode == http.StatusOK {
		t.Fatalf("%s: %v: %s", target, err, body)
	}
	for _, i := range items {
		u, err := url.Parse(i.URL)
		if err != nil || u.Path != "./"+i.Name && u.Path != i.Name || i.IsDir != strings.HasSuffix(i.Name, "/") || !i.IsDir && i.ModTime.Year() != 2024 {
			t.Errorf("%s: got %+v", target, i)
		}
		names = append(names, i.Name)
	}
	return res.StatusCode, names, res.Header
}

// TestListing checks listings in the form of file_server's, for stores that escape keys and for those that don't.
func TestListing(t *testing.T) {
	keys := []string{
		"a.jpg", "b b.jpg", "c+d%e&f.jpg", "写真.jpg", "f/", "f/a.jpg", "f/g/a.jpg", "f/g/b.jpg", "f/h/i/j.jpg", "f/z.jpg", "f//x.jpg", "empty/", "f2/a.jpg",
	}
	for _, encode := range []bool{true, false} {
		for _, style := range []string{"bucket photos", "virtual_host"} {
			store := newStore(t, false)
			if store.answer = listObjects(keys, 2, encode); encode {
				store.answer = listObjects(append(keys, "new\nline.jpg"), 2, encode)
			}
			srv := serve(t, store.URL, keyPair+style+"\nlist\n")
			for target, want := range map[string]string{
				"/f/": `["a.jpg" "g/" "h/" "z.jpg"]`, "/f/g/": `["a.jpg" "b.jpg"]`, "/empty/": `[]`, "/none/": "404", "/f/none/": "404", "/a.jpg/": "404",
				"/f/?after=a.jpg": `["g/" "h/" "z.jpg"]`, "/f/?after=z.jpg": `[]`, "/f/?after=z.jpg&prefix=f2/&delimiter=x&list-type=1": `[]`,
				"//": "404", "/f//": "404", "/../": "404", "/f/../": "404", "/f%2Fg/": "404", "/%00/": "404", `/..\/`: "404", "/f%2F": "404",
			} {
				status, names, h := listed(t, srv, target)
				got := fmt.Sprintf("%q", names)
				if status != http.StatusOK {
					got = fmt.Sprint(status)
				} else if h.Get("X-Amz-Request-Id") != "" || h.Get("Access-Control-Allow-Origin") != "https://app.test" ||
					h.Get("Content-Type") != "application/json; charset=utf-8" || !slices.Contains(h["Vary"], "Accept") ||
					(h.Get(afterField) != "") != strings.Contains(target, "after=") {
					t.Errorf("%s: got header %v", target, h)
				}
				slices.Sort(names)
				if want != "404" {
					got = fmt.Sprintf("%q", names)
				}
				if got != want {
					t.Errorf("%s %s: got %s, want %s", style, target, got, want)
				}
			}
			if _, names, _ := listed(t, srv, "/"); len(names) != 7+map[bool]int{true: 1}[encode] || !slices.Contains(names, "c+d%e&f.jpg") || encode && !slices.Contains(names, "new\nline.jpg") {
				t.Errorf("%s, encoded %v: got %q", style, encode, names)
			}
			for _, r := range store.taken() {
				for _, k := range []string{"Range", "If-None-Match", "Accept"} {
					if r.Header.Get(k) != "" {
						t.Errorf("%s was sent with %s: %s", r.RequestURI, k, r.Header.Get(k))
					}
				}
				if q := r.URL.Query(); len(q["prefix"]) != 1 || q.Get("delimiter") != "/" || q.Get("prefix") == "f2/" {
					t.Errorf("sent %s", r.RequestURI)
				}
			}
			srv.Stop()
		}
	}
}

// TestListingNeedsTheWord checks that without list, or for clients that don't accept JSON, no path lists a bucket.
func TestListingNeedsTheWord(t *testing.T) {
	store := newStore(t, false)
	store.answer = listObjects([]string{"f/a.jpg"}, 1000, true)
	srv := serve(t, store.URL, keyPair+"bucket photos\n")
	if status, _, _ := listed(t, srv, "/f/"); status != http.StatusNotFound {
		t.Errorf("without list: got %d", status)
	}
	srv.Stop()
	srv = serve(t, store.URL, keyPair+"bucket photos\nlist\n")
	for _, header := range [][]string{nil, {"Accept", "text/html"}, {"Accept", "*/*"}} {
		if res, body := get(t, srv, http.MethodGet, "/f/", header...); res.StatusCode != http.StatusNotFound || body != "" {
			t.Errorf("%v: got %d %s", header, res.StatusCode, body)
		}
	}
	if res, _ := get(t, srv, http.MethodPost, "/f/", "Accept", "application/json"); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", res.StatusCode)
	}
	if n := len(store.taken()); n != 0 {
		t.Errorf("the store got %d requests", n)
	}
	if res, body := get(t, srv, http.MethodHead, "/f/", "Accept", "application/json"); res.StatusCode != http.StatusOK || body != "" {
		t.Errorf("HEAD: got %d %s", res.StatusCode, body)
	}
}

// TestListingOfManyObjects checks that a listing of more than 1,000 objects is whole, and that a client that has
// enough costs the store no more pages.
func TestListingOfManyObjects(t *testing.T) {
	var keys []string
	for i := range 5500 {
		keys = append(keys, fmt.Sprintf("f/%05d.jpg", i))
	}
	store := newStore(t, false)
	store.answer = listObjects(keys, 1000, true)
	srv := serve(t, store.URL, keyPair+"bucket photos\nlist\n")
	if _, names, _ := listed(t, srv, "/f/"); len(names) != len(keys) || names[5499] != "05499.jpg" {
		t.Errorf("got %d names", len(names))
	}
	if n := len(store.taken()); n != 6 {
		t.Errorf("got %d requests", n)
	}
}

// TestStoreRefusesListing checks that the store's refusal is the client's, and that a listing that breaks off isn't
// JSON.
func TestStoreRefusesListing(t *testing.T) {
	store := newStore(t, false)
	fails := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	srv := serve(t, store.URL, keyPair+"bucket photos\nlist\n")
	for _, tc := range []struct {
		answer http.HandlerFunc
		want   int
	}{
		{fails(403, "<Error><Code>AccessDenied</Code></Error>"), 403},
		{fails(404, "<Error><Code>NoSuchBucket</Code></Error>"), 502},
		{fails(503, "<Error><Code>SlowDown</Code></Error>"), 503},
		{fails(200, "<html>"), 502},
		{fails(200, "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"), 502},
		{fails(200, "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz</Key></Contents></ListBucketResult>"), 502},
	} {
		store.mu.Lock()
		store.answer = tc.answer
		store.mu.Unlock()
		if res, body := get(t, srv, http.MethodGet, "/f/", "Accept", "application/json"); res.StatusCode != tc.want || strings.Contains(body, "Error") {
			t.Errorf("got %d %s, want %d", res.StatusCode, body, tc.want)
		}
	}
	more := listObjects([]string{"f/a", "f/b"}, 1, true)
	store.mu.Lock()
	store.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("continuation-token") != "" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		more(w, r)
	}
	store.mu.Unlock()
	if r, err := srv.Try(t.Context(), http.MethodGet, "a.test", "/f/", "Accept", "application/json"); err == nil || json.Valid([]byte(r.Body)) {
		t.Errorf("broke off: got %d %s", r.Status, r.Body)
	}
}

// TestEmptyPagesEnd checks that a store that always has more and names nothing isn't asked forever.
func TestEmptyPagesEnd(t *testing.T) {
	store := newStore(t, false)
	pages := 0
	store.answer = func(w http.ResponseWriter, _ *http.Request) {
		store.mu.Lock()
		pages++
		n := pages
		store.mu.Unlock()
		if n > 2*maxEmpty {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", n)
	}
	srv := serve(t, store.URL, keyPair+"bucket photos\nlist\n")
	r, err := srv.Try(t.Context(), http.MethodGet, "a.test", "/f/", "Accept", "application/json")
	if err == nil || json.Valid([]byte(r.Body)) || pages > maxEmpty+2 {
		t.Errorf("got %d %s after %d pages", r.Status, r.Body, pages)
	}
}

// TestDeepListingIsCutOff checks that a listing with elements in elements isn't read to its bound: the decoder needs fifty
// times its bytes to remember those that are open.
func TestDeepListingIsCutOff(t *testing.T) {
	deep := strings.NewReader("<ListBucketResult>" + strings.Repeat("<a>", 1<<16))
	if page, err := decodePage(deep); err == nil || deep.Len() < 2<<16 {
		t.Errorf("got %v, %v, and %d bytes are left", page, err, deep.Len())
	}
}
