// Package faults puts a real Caddy with exif and reverse_proxy in front of a server that
// misbehaves, and holds each fault to its answer, its time, and what it may cost.
package faults

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddyexif/caddy-exif"
)

const suffix = "@base@tag=exif"

// serve runs a Caddyfile in this process. {$ADDR} in it is the address that is returned, {$PORT} its
// port.
func serve(t testing.TB, caddyfile string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	l.Close()
	caddyfile = "{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n\tstorage file_system " + t.TempDir() +
		"\n\tlog {\n\t\toutput discard\n\t}\n\tgrace_period 1s\n}\n" +
		strings.NewReplacer("{$ADDR}", addr, "{$PORT}", addr[strings.LastIndexByte(addr, ':')+1:]).Replace(caddyfile)
	cfg, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("adapting: %v\n%s", err, caddyfile)
	}
	if err := caddy.Load(cfg, true); err != nil {
		t.Fatalf("loading: %v\n%s", err, caddyfile)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	return addr
}

// response is what a client gets.
type response struct {
	status int
	header http.Header
	body   string
}

// get asks a site for the EXIF of an object, on a connection of its own. Headers are pairs.
func get(ctx context.Context, addr, method, site, object string, headers ...string) (response, error) {
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	defer tr.CloseIdleConnections()
	req := (&http.Request{
		Method: method,
		URL:    &url.URL{Scheme: "http", Host: addr, Opaque: object + suffix},
		Host:   site,
		Header: make(http.Header),
	}).WithContext(ctx)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(body)}, err
}

// eventually waits until what should hold does, and returns what is wrong at last.
func eventually(wrong func() error) (err error) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = wrong(); err == nil {
			return nil
		}
	}
	return err
}
