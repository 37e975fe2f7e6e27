package redact

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// writerFor returns a Writer for a body with a plan for all of it. Of a body that is refused, nothing is left.
func writerFor(t testing.TB, w io.Writer, body []byte, p *Policy) *Writer {
	t.Helper()
	_, format := Sniff(body[:min(len(body), SniffLen)])
	plan, err := New(bytes.NewReader(body), format, p)
	if errors.Is(err, ErrRefused) {
		return newWriter(w, func(*stream) error { return err })
	}
	if err != nil {
		t.Fatal(err)
	}
	return plan.NewWriter(w, 0)
}
