package faults

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/caddyexif/caddy-exif/internal/testcaddy"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// certificate writes a key and a self-signed certificate for localhost.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return filepath.Join(dir, "cert"), filepath.Join(dir, "key"), pool
}

// TestProtocols requests a redacted photo, its EXIF, and both with conditions, over HTTP/1.1, 2 and 3.
func TestProtocols(t *testing.T) {
	const place = "51/1, 28/1, 40/1"
	cert, key, pool := certificate(t)
	root := t.TempDir()
	block := testimage.Full()
	photo := testimage.JPEG(testimage.Gradient(640, 480), testimage.EXIFSegment(block.Encode()), testimage.Segment(0xFE, []byte(place)))
	photo = append(photo, bytes.Repeat([]byte(place), 100_000)...) // more than any buffer
	if err := os.WriteFile(filepath.Join(root, "photo.jpg"), photo, 0o600); err != nil {
		t.Fatal(err)
	}
	s := testcaddy.Start(t, `https://localhost:{$PORT} {
	tls `+cert+" "+key+`
	exif {
		redact
		omit @location
	}
	root * `+root+`
	file_server
}
`)
	secure := &tls.Config{RootCAs: pool, ServerName: "localhost"}
	udp := &http3.Transport{TLSClientConfig: secure}
	defer udp.Close()
	tcp := func(only func(*http.Protocols, bool)) http.RoundTripper {
		tr := &http.Transport{TLSClientConfig: secure.Clone(), Protocols: new(http.Protocols)}
		only(tr.Protocols, true)
		t.Cleanup(tr.CloseIdleConnections)
		return tr
	}
	_, port, _ := net.SplitHostPort(s.Addr)
	var first string
	for _, p := range []struct {
		major int
		tr    http.RoundTripper
	}{{1, tcp((*http.Protocols).SetHTTP1)}, {2, tcp((*http.Protocols).SetHTTP2)}, {3, udp}} {
		get := func(method, path string, header ...string) (*http.Response, string) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			r, err := http.NewRequestWithContext(ctx, method, "https://localhost:"+port+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			res, err := p.tr.RoundTrip(r)
			if err != nil {
				t.Fatalf("HTTP/%d: %v", p.major, err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatalf("HTTP/%d: %v", p.major, err)
			}
			if res.ProtoMajor != p.major {
				t.Fatalf("got %s, want HTTP/%d", res.Proto, p.major)
			}
			return res, string(body)
		}
		res, body := get(http.MethodGet, "/photo.jpg", "Range", "bytes=100-")
		if res.StatusCode != http.StatusOK || len(body) != len(photo) || strings.Contains(body, place) || res.ContentLength != int64(len(photo)) {
			t.Errorf("HTTP/%d: the photo: got %d and %d bytes (Content-Length %d), want 200 and %d without the place", p.major, res.StatusCode, len(body), res.ContentLength, len(photo))
		}
		if first == "" {
			first = body
		} else if body != first {
			t.Errorf("HTTP/%d: the photo isn't that of HTTP/1.1", p.major)
		}
		tag := res.Header.Get("Etag")
		if res, body := get(http.MethodGet, "/photo.jpg", "If-None-Match", tag); res.StatusCode != http.StatusNotModified || body != "" || tag == "" {
			t.Errorf("HTTP/%d: If-None-Match %s: got %d and %d bytes, want 304", p.major, tag, res.StatusCode, len(body))
		}
		if res, body := get(http.MethodHead, "/photo.jpg"); res.StatusCode != http.StatusOK || res.ContentLength != int64(len(photo)) || body != "" {
			t.Errorf("HTTP/%d: HEAD: got %d, Content-Length %d and %d bytes", p.major, res.StatusCode, res.ContentLength, len(body))
		}
		if res, body := get(http.MethodGet, "/photo.jpg"+testcaddy.Suffix); res.StatusCode != http.StatusOK || body == "{}" || strings.Contains(body, "GPS") {
			t.Errorf("HTTP/%d: the EXIF: got %d %s", p.major, res.StatusCode, body)
		}
	}
}
