// Package faults puts a real Caddy with exif and reverse_proxy in front of a server that
// misbehaves, and holds each fault to its answer, its time, and what it may cost.
package faults

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

const suffix = "@base@tag=exif"

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
