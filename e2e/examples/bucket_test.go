package examples

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bucket starts a stand-in for an S3-compatible store, whose bucket "photos" has testdata. allow reports
// whether a request may read it. Requests that the examples must not let through fail the test.
func bucket(t *testing.T, allow func(*http.Request) bool) string {
	t.Helper()
	fail := func(w http.ResponseWriter, status int, code string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code></Error>`, code)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amz-Request-Id", "secret")
		key, ok := strings.CutPrefix(r.URL.Path, "/photos/")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			t.Errorf("the bucket was asked to %s %s", r.Method, r.URL.Path)
			fail(w, http.StatusNoContent, "Done")
			return
		case r.Header.Get("Cookie") != "":
			t.Errorf("the bucket got the client's cookies")
		case !ok:
			t.Errorf("another bucket was asked: %s", r.RequestURI)
			fail(w, http.StatusNotFound, "NoSuchBucket")
			return
		case strings.Contains(r.URL.Path, "..") || strings.Contains(r.URL.Path, "/./"):
			t.Errorf("the bucket was asked for %s", r.RequestURI)
			fail(w, http.StatusNotFound, "NoSuchKey")
			return
		case key == "" || strings.HasSuffix(key, "/"):
			t.Errorf("the bucket was listed: %s", r.URL)
			io.WriteString(w, "<ListBucketResult/>")
			return
		case !allow(r) && r.Header.Get("Authorization") != "":
			fail(w, http.StatusForbidden, "InvalidAccessKeyId")
			return
		case !allow(r):
			fail(w, http.StatusForbidden, "AccessDenied")
			return
		}
		b, err := os.ReadFile(filepath.Join(repository, "testdata", filepath.FromSlash(key)))
		if err != nil {
			fail(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		sum := md5.Sum(b)
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
		w.Header().Set("Content-Type", "binary/octet-stream")
		http.ServeContent(w, r, "", time.Unix(1_700_000_000, 0), bytes.NewReader(b))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// anonymous reports whether a request has no credentials: a store would deny those of another server.
func anonymous(r *http.Request) bool { return r.Header.Get("Authorization") == "" }

// signedBy returns a function that reports whether a request is signed with that key. Only real stores check
// the signature itself.
func signedBy(key string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		return strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="+key+"/") &&
			strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/s3/aws4_request") &&
			r.Header.Get("X-Amz-Date") != "" && r.Header.Get("X-Amz-Content-Sha256") != ""
	}
}

// gatekeeper starts a server for forward_auth that allows requests with a cookie.
func gatekeeper(t *testing.T, cookie string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != cookie {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// needsAddress skips the test if the machine doesn't have that address; Linux has all of 127.0.0.0/8.
func needsAddress(t *testing.T, ip string) {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Skipf("this machine isn't %s: %v", ip, err)
	}
	l.Close()
}
