package object

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// TestCaptureTakesWhatIsWanted writes 100-byte bodies to a capture in both ways. The bytes it keeps and counts, and
// whether it stops the writer, don't depend on the way.
func TestCaptureTakesWhatIsWanted(t *testing.T) {
	body := make([]byte, 100)
	for i := range body {
		body[i] = byte(i)
	}
	for _, tc := range []struct {
		name         string
		skip, length int64 // the result of locate
		want         int
		from, to     int // the bytes to keep
		cut          bool
	}{
		{"all of it", 0, 100, 100, 0, 100, false},
		{"all of it, and room for more", 0, 100, 101, 0, 100, false},
		{"all of it, of unknown length", 0, -1, 101, 0, 100, false},
		{"its start", 0, 100, 30, 0, 30, true},
		{"its start, of unknown length", 0, -1, 30, 0, 30, true},
		{"its end", 70, 100, 30, 70, 100, false},
		{"its end, of unknown length", 70, -1, 30, 70, 100, true},
		{"its end, and room for more", 70, 100, 31, 70, 100, false},
		{"its middle", 20, 100, 30, 20, 50, true},
		{"behind its end", 100, 100, 30, 0, 0, false},
		{"far behind its end", 300, 100, 30, 0, 0, false},
		{"nothing of it", 0, 100, 0, 0, 0, true},
	} {
		for way, send := range map[string]func(c *capture) error{
			"Write":         func(c *capture) error { return writeAll(c, body, len(body)) },
			"short Writes":  func(c *capture) error { return writeAll(c, body, 7) },
			"Writes of 1":   func(c *capture) error { return writeAll(c, body, 1) },
			"ReadFrom":      func(c *capture) error { _, err := c.ReadFrom(bytes.NewReader(body)); return err },
			"short Reads":   func(c *capture) error { _, err := c.ReadFrom(iotest.HalfReader(bytes.NewReader(body))); return err },
			"EOF with data": func(c *capture) error { _, err := c.ReadFrom(iotest.DataErrReader(bytes.NewReader(body))); return err },
		} {
			placed := 0
			c := &capture{header: make(http.Header), want: tc.want, locate: func(status int, _ http.Header) (int64, int64, error) {
				if placed++; status != http.StatusOK {
					t.Errorf("%s, %s: placed with status %d", tc.name, way, status)
				}
				return tc.skip, tc.length, nil
			}}
			cut := tc.cut && (way != "EOF with data" || tc.to < len(body)) // otherwise it has seen the end
			if err := send(c); c.cut != cut || errors.Is(err, errCut) != cut || !cut && err != nil {
				t.Errorf("%s, %s: cut %v, %v; want %v", tc.name, way, c.cut, err, cut)
			}
			if !bytes.Equal(c.buf, body[tc.from:tc.to]) || c.status != http.StatusOK || placed != 1 {
				t.Errorf("%s, %s: kept %v with status %d, placed %d times; want %v", tc.name, way, c.buf, c.status, placed, body[tc.from:tc.to])
			}
			if want := min(tc.skip, 100) + int64(tc.to-tc.from); c.received != want {
				t.Errorf("%s, %s: took %d bytes, want %d", tc.name, way, c.received, want)
			}
		}
	}
}

// writeAll writes b in pieces, and checks that the lengths that Write returns add up.
func writeAll(c *capture, b []byte, piece int) error {
	for len(b) > 0 {
		before := c.received
		n, err := c.Write(b[:min(piece, len(b))])
		if int64(n) != c.received-before {
			return errors.New("Write reports another number than it took")
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// TestCaptureCutsLiar checks a body that is longer than its header says.
func TestCaptureCutsLiar(t *testing.T) {
	c := &capture{want: 10, locate: func(int, http.Header) (int64, int64, error) { return 0, 10, nil }}
	if n, err := c.Write(make([]byte, 10)); n != 10 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if n, err := c.Write(make([]byte, 10)); n != 0 || !errors.Is(err, errCut) || c.received != 10 || len(c.buf) != 10 {
		t.Errorf("got %d, %v; took %d, kept %d", n, err, c.received, len(c.buf))
	}
}

// TestCaptureRefusesUnlocatedBody checks that nothing is read of a body that locate refused.
func TestCaptureRefusesUnlocatedBody(t *testing.T) {
	bad := errors.New("bad")
	for way, send := range map[string]func(c *capture) (int64, error){
		"Write":    func(c *capture) (int64, error) { n, err := c.Write(make([]byte, 10)); return int64(n), err },
		"ReadFrom": func(c *capture) (int64, error) { return c.ReadFrom(bytes.NewReader(make([]byte, 10))) },
	} {
		c := &capture{want: 10, locate: func(int, http.Header) (int64, int64, error) { return 0, 10, bad }}
		n, err := send(c)
		if n != 0 || !errors.Is(err, errCut) || !c.cut || c.received != 0 || len(c.buf) != 0 || !errors.Is(c.err, bad) {
			t.Errorf("%s: got %d, %v; cut %v, took %d, kept %d, %v", way, n, err, c.cut, c.received, len(c.buf), c.err)
		}
	}
}

// TestCaptureKeepsFirstStatus checks that informational responses, and statuses after the first, are ignored.
func TestCaptureKeepsFirstStatus(t *testing.T) {
	for _, tc := range []struct {
		statuses     []int
		status       int
		placed, drop bool
	}{
		{[]int{100, 103, 199, 200}, 200, true, false},
		{[]int{200, 404}, 200, true, false},
		{[]int{404, 200}, 404, false, true},
		{[]int{206, 103}, 206, true, false},
		{[]int{299}, 299, true, false},
		{[]int{300}, 300, false, true},
		{[]int{304}, 304, false, true},
		{[]int{99}, 99, false, true},
	} {
		placed := 0
		c := &capture{want: 10, locate: func(int, http.Header) (int64, int64, error) { placed++; return 0, 10, nil }}
		for _, s := range tc.statuses {
			c.WriteHeader(s)
		}
		if _, err := c.Write([]byte("0123456789")); err != nil {
			t.Errorf("%v: %v", tc.statuses, err)
		}
		if c.status != tc.status || placed != map[bool]int{true: 1}[tc.placed] || c.discard != tc.drop || (len(c.buf) == 10) != tc.placed || c.received != 10 {
			t.Errorf("%v: got %d, placed %d times, dropped %v, kept %q, took %d", tc.statuses, c.status, placed, c.discard, c.buf, c.received)
		}
	}
}

// TestErrorPageIsBounded checks that an error page is cut off after maxDiscarded bytes.
func TestErrorPageIsBounded(t *testing.T) {
	page := func(want int) *capture {
		c := &capture{want: want}
		c.WriteHeader(http.StatusNotFound)
		return c
	}
	endless := strings.NewReader(strings.Repeat("x", 10*maxDiscarded))
	c := page(10)
	if n, err := c.ReadFrom(endless); n != maxDiscarded+1 || !errors.Is(err, errCut) || c.received != n || !c.cut || c.buf != nil {
		t.Errorf("ReadFrom: got %d, %v; took %d, kept %d", n, err, c.received, len(c.buf))
	}
	c = page(10)
	if n, err := c.Write(make([]byte, maxDiscarded)); n != maxDiscarded || err != nil || c.cut {
		t.Errorf("Write: got %d, %v", n, err)
	}
	if n, err := c.Write(make([]byte, 1)); n != 0 || !errors.Is(err, errCut) || !c.cut || c.buf != nil {
		t.Errorf("Write: got %d, %v; kept %d", n, err, len(c.buf))
	}
	c = page(10)
	c.Write(make([]byte, 10))
	if n, err := c.ReadFrom(bytes.NewReader(make([]byte, maxDiscarded-10))); n != maxDiscarded-10 || err != nil || c.received != maxDiscarded || c.cut {
		t.Errorf("exactly as much: got %d, %v; took %d", n, err, c.received)
	}
}

// TestBodyThatFailsToBeRead checks that the handler gets its own error back.
func TestBodyThatFailsToBeRead(t *testing.T) {
	bad := errors.New("bad")
	for name, skip := range map[string]int64{"while skipping": 20, "while keeping": 0} {
		c := &capture{want: 100, locate: func(int, http.Header) (int64, int64, error) { return skip, 100, nil }}
		n, err := c.ReadFrom(io.MultiReader(strings.NewReader("0123456789"), iotest.ErrReader(bad)))
		if n != 10 || !errors.Is(err, bad) || c.cut || c.received != 10 {
			t.Errorf("%s: got %d, %v; took %d", name, n, err, c.received)
		}
	}
}

// TestNothingToFlush checks that flushing succeeds: reverse_proxy stops copying if it fails.
func TestNothingToFlush(t *testing.T) {
	if err := http.NewResponseController(new(capture)).Flush(); err != nil {
		t.Error(err)
	}
}
