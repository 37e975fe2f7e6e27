package faults

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// upstream is a server that misbehaves. It writes HTTP/1.1 by hand, since net/http's server refuses to send
// some of these faults.
type upstream struct {
	addr string

	open atomic.Int64 // open connections

	mu    sync.Mutex
	fault func(c *conn, r *http.Request)
	count *count
}

// count has the counters of a fault.
type count struct {
	requests atomic.Int64
	sent     atomic.Int64 // bytes that the kernel accepted
}

// conn is a connection from Caddy. Once Caddy has closed it, its methods panic with closed, which ends the
// goroutine that serves it.
type conn struct {
	net.Conn
	count *count
	n     int64 // the number of this request since the fault was set, from 1
	// gone is closed when Caddy has closed the connection.
	gone chan struct{}
}

func startUpstream(t testing.TB) *upstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up := &upstream{addr: l.Addr().String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			// bytes in the kernel's buffers count as sent, so keep this one small
			c.(*net.TCPConn).SetWriteBuffer(64 << 10)
			up.open.Add(1)
			go func() {
				defer up.open.Add(-1)
				defer c.Close()
				up.serve(c)
			}()
		}
	}()
	return up
}

// set makes f answer every request from now on.
func (up *upstream) set(f func(c *conn, r *http.Request)) {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.fault, up.count = f, new(count)
}

// sent returns the number of bytes that the fault has sent.
func (up *upstream) sent() int64 {
	up.mu.Lock()
	defer up.mu.Unlock()
	return up.count.sent.Load()
}

func (up *upstream) serve(c net.Conn) {
	// A separate reader notices when Caddy closes the connection while a response stalls.
	pr, pw := io.Pipe()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, err := io.Copy(pw, c)
		pw.CloseWithError(err)
	}()
	defer pr.Close()
	in := bufio.NewReader(pr)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		up.mu.Lock()
		fault, count := up.fault, up.count
		up.mu.Unlock()
		cc := &conn{c, count, count.requests.Add(1), gone}
		if !cc.run(fault, r) {
			return
		}
	}
}

// closed is the value that conn's methods panic with to end a fault.
type closed struct{}

func (c *conn) run(fault func(*conn, *http.Request), r *http.Request) (open bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(closed); !ok {
				panic(p)
			}
			open = false
		}
	}()
	fault(c, r)
	return true
}

// send writes a formatted string; without args it writes format as is.
func (c *conn) send(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	c.bytes([]byte(format))
}

func (c *conn) bytes(b []byte) {
	n, err := c.Write(b)
	c.count.sent.Add(int64(n))
	if err != nil {
		panic(closed{})
	}
}

// head writes the status line and headers, one per argument.
func (c *conn) head(status int, headers ...string) {
	c.send("HTTP/1.1 %d %s\r\n%s\r\n", status, "X", lines(headers))
}

func lines(headers []string) string {
	if len(headers) == 0 {
		return ""
	}
	return strings.Join(headers, "\r\n") + "\r\n"
}

// endless writes b and then zeros until n bytes are written.
func (c *conn) endless(b []byte, n int64) {
	c.bytes(b)
	zeros := make([]byte, 32<<10)
	for n -= int64(len(b)); n > 0; n -= int64(len(zeros)) {
		c.bytes(zeros[:min(n, int64(len(zeros)))])
	}
}

// stall waits until Caddy has closed the connection.
func (c *conn) stall() {
	<-c.gone
	panic(closed{})
}

// wait pauses, and ends the fault early if Caddy closes the connection.
func (c *conn) wait(d time.Duration) {
	select {
	case <-c.gone:
		panic(closed{})
	case <-time.After(d):
	}
}

// close closes the connection normally.
func (*conn) close() { panic(closed{}) }

// reset closes the connection with a TCP reset.
func (c *conn) reset() {
	c.Conn.(*net.TCPConn).SetLinger(0)
	panic(closed{})
}

// wants returns the requested range of an object of that size.
func wants(r *http.Request, size int64) (from, to int64) {
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err != nil {
		return 0, size - 1
	}
	return from, min(to, size-1)
}

// object sends the correct response to a range of b, with more headers.
func (c *conn) object(r *http.Request, b []byte, headers ...string) {
	from, to := wants(r, int64(len(b)))
	if from >= int64(len(b)) {
		c.head(416, append(headers, "Content-Length: 0", fmt.Sprintf("Content-Range: bytes */%d", len(b)))...)
		return
	}
	c.head(206, append(headers, fmt.Sprintf("Content-Length: %d", to-from+1),
		fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, to, len(b)))...)
	c.bytes(b[from : to+1])
}
