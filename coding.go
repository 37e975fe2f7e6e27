package caddyexif

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// coding is the content coding of a response (RFC 9110, section 8.4).
type coding string

const (
	plain   coding = ""  // none
	unknown coding = "?" // one that first can't decode, or several
)

// codingNamed returns the coding of that name.
func codingNamed(name string) coding {
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "", "identity":
		return plain
	case "gzip", "x-gzip":
		return "gzip"
	case "zstd", "br":
		return coding(name)
	}
	return unknown
}

// codingOf returns the coding that a header states.
func codingOf(header http.Header) coding {
	is := plain
	for _, field := range header.Values("Content-Encoding") {
		for name := range strings.SplitSeq(field, ",") {
			switch c := codingNamed(name); {
			case c == plain:
			case is != plain:
				return unknown
			default:
				is = c
			}
		}
	}
	return is
}

// acceptKnown takes the codings that first can't decode out of a request's Accept-Encoding: browsers accept deflate, too, and
// codings with a dictionary.
func acceptKnown(header http.Header) {
	fields := header.Values("Accept-Encoding")
	if len(fields) == 0 {
		return
	}
	var known []string
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			if name, _, _ := strings.Cut(item, ";"); codingNamed(name) != unknown && strings.TrimSpace(item) != "" {
				known = append(known, strings.TrimSpace(item))
			}
		}
	}
	if len(known) == 0 {
		known = []string{"identity"}
	}
	header.Set("Accept-Encoding", strings.Join(known, ", "))
}

// maxCodedWindow bounds the memory that a coded body can ask for to be decoded: its own claim is up to 3 GiB.
// It is what browsers accept of zstd (RFC 9659), and the most of Brotli's.
const maxCodedWindow = 8 << 20

// first returns up to n bytes that the first bytes b of a coded body decode to. More of the body may decode to
// more, unless the coding says that the body has ended. The error says that b isn't of the coding.
func (c coding) first(b []byte, n int) (head []byte, ended bool, err error) {
	var r io.Reader
	switch c {
	case plain:
		return b[:min(n, len(b))], false, nil
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(b))
	case "br":
		r = brotli.NewReader(bytes.NewReader(b))
	case "zstd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(maxCodedWindow), zstd.WithDecoderMaxWindow(maxCodedWindow)); err == nil {
			defer d.Close()
			r = d
		}
	default:
		return nil, false, errUnknownCoding
	}
	started := err == nil
	head = make([]byte, 0, n)
	for err == nil && len(head) < n {
		var k int
		k, err = r.Read(head[len(head):n])
		head = head[:len(head)+k]
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = nil // the body goes on after b
	case errors.Is(err, io.EOF):
		ended, err = started, nil
	}
	return head, ended, err
}

var errUnknownCoding = errors.New("the content coding is unknown, or there are several")
