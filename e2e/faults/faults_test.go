// Package faults runs a real Caddy with exif and reverse_proxy in front of an upstream that misbehaves, and
// checks the response to each fault, its time, and the bytes, memory and goroutines that it takes.
package faults

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	_ "github.com/caddyexif/caddy-exif"
	"github.com/caddyexif/caddy-exif/internal/testcaddy"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

const (
	iphone4S = `{"Make":"Apple","Model":"iPhone 4S","Orientation":"1","XResolution":"72/1","YResolution":"72/1",` +
		`"ResolutionUnit":"2","YCbCrPositioning":"1","ExposureTime":"1/449"}`
	farAnswer = `{"Make":"far away","Orientation":"6"}`

	kib = int64(1) << 10
	mib = int64(1) << 20
	gb5 = int64(5_000_000_000)
)

var (
	photo = testimage.Samples()["iphone-4s.jpg"]
	// long is a photo of several windows. The first one has the EXIF.
	long = append(bytes.Clone(photo), make([]byte, 300<<10)...)
	// far has its directory in the last of several windows, so two sub-requests read it.
	far = farTIFF(256<<10, 300<<10)
)

// farTIFF returns a TIFF of that size whose only directory is at off, 16 bytes after a value.
func farTIFF(off uint32, size int) []byte {
	o := binary.LittleEndian
	b := make([]byte, size)
	copy(b, "II\x2a\x00")
	o.PutUint32(b[4:], off)
	if int(off) < size {
		copy(b[off-16:], "far away")
		dir := o.AppendUint16(nil, 2)
		dir = append(dir, 0x0F, 0x01, 2, 0, 10, 0, 0, 0) // Make
		dir = o.AppendUint32(dir, off-16)
		dir = append(dir, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0) // Orientation
		copy(b[off:], o.AppendUint32(dir, 0))
	}
	return b
}

// fault is a way in which an upstream misbehaves, and the expected result.
type fault struct {
	name  string
	serve func(c *conn, r *http.Request)

	status int    // 0 if the client disconnects before
	want   string // the body, or the error's code

	site       string        // default: plain.test
	disconnect time.Duration // the client disconnects then
	time       time.Duration // the most time; default 3 s
	// bytes is the most that Caddy may take from upstream, with headers and the kernel's buffers; default: a
	// little more than two windows
	bytes  int64
	header [2]string // a header field that the response must have
}

const caddyfile = `
http://plain.test:{$PORT} {
	bind 127.0.0.1
	exif {
		cache off
	}
	reverse_proxy UPSTREAM {
		transport http {
			keepalive 200ms
		}
	}
}
http://bounded.test:{$PORT} {
	bind 127.0.0.1
	exif {
		cache off
	}
	reverse_proxy UPSTREAM {
		transport http {
			keepalive 200ms
			response_header_timeout 300ms
			read_timeout 300ms
		}
	}
}
http://cached.test:{$PORT} {
	bind 127.0.0.1
	exif
	reverse_proxy UPSTREAM {
		transport http {
			keepalive 200ms
		}
	}
}
http://down.test:{$PORT} {
	bind 127.0.0.1
	exif
	reverse_proxy 127.0.0.1:1
}
`

// faults returns the table of faults.
func faults() []fault {
	// lie returns a handler that sends the object with a given Content-Range.
	lie := func(b []byte, contentRange string) func(*conn, *http.Request) {
		return func(c *conn, r *http.Request) {
			from, to := wants(r, int64(len(b)))
			c.head(206, `ETag: "a"`, fmt.Sprintf("Content-Length: %d", to-from+1), "Content-Range: "+contentRange)
			c.bytes(b[from : to+1])
		}
	}
	// second returns a handler that answers the first request correctly, and the others by f.
	second := func(f func(c *conn, r *http.Request)) func(*conn, *http.Request) {
		return func(c *conn, r *http.Request) {
			if c.n == 1 {
				c.object(r, far, `ETag: "a"`)
				return
			}
			f(c, r)
		}
	}
	answer := func(status int, headers ...string) func(*conn, *http.Request) {
		return func(c *conn, _ *http.Request) { c.head(status, append(headers, "Content-Length: 0")...) }
	}
	whole := func(headers ...string) func(*conn, *http.Request) {
		return func(c *conn, _ *http.Request) { c.head(200, headers...); c.endless(photo, gb5) }
	}
	stallBefore := func(c *conn, _ *http.Request) { c.stall() }
	stallHeader := func(c *conn, _ *http.Request) { c.send("HTTP/1.1 206 Partial Content\r\nContent-Le"); c.stall() }
	stallBody := func(c *conn, _ *http.Request) {
		c.head(206, "Content-Length: 65536", fmt.Sprintf("Content-Range: bytes 0-65535/%d", len(long)))
		c.bytes(long[:9000])
		c.stall()
	}
	stallSecond := second(func(c *conn, _ *http.Request) { c.stall() })
	trickle := func(c *conn, _ *http.Request) {
		c.head(206, "Content-Length: 65536", fmt.Sprintf("Content-Range: bytes 0-65535/%d", len(long)))
		for i := range 65536 {
			c.bytes(long[i : i+1])
			c.wait(20 * time.Millisecond)
		}
	}
	stallError := func(c *conn, _ *http.Request) { c.head(404, "Content-Length: 10"); c.send("no"); c.stall() }
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(long)
	z.Close()
	changing := func(headers func(n int64) []string, object func(n int64) []byte) func(*conn, *http.Request) {
		return func(c *conn, r *http.Request) {
			h, b := headers(c.n), object(c.n)
			if m := r.Header.Get("If-Match"); m != "" && h[0] != "ETag: "+m {
				c.head(412, "Content-Length: 0")
				return
			}
			c.object(r, b, h...)
		}
	}
	same := func(int64) []byte { return far }
	tag := func(n int64) []string { return []string{fmt.Sprintf(`ETag: "%d"`, n)} }
	once := func(n int64) []string { return tag(min(n, 2)) }
	day := func(n int64) []string {
		return []string{fmt.Sprintf("Last-Modified: Mon, %02d Jan 2024 00:00:00 GMT", n)}
	}
	grow := func(n int64) []byte { return farTIFF(256<<10, 300<<10+int(n)) }
	blind := func(n int64) []string { return []string{"X-N: " + fmt.Sprint(n)} }
	chunk := func(c *conn, b []byte) { c.send("%x\r\n", len(b)); c.bytes(b); c.send("\r\n") }
	const chunked = "Transfer-Encoding: chunked"
	long206 := []string{"Content-Length: 65536", fmt.Sprintf("Content-Range: bytes 0-65535/%d", len(long))}

	return []fault{
		{name: "none", serve: func(c *conn, r *http.Request) { c.object(r, long) }, status: 200, want: iphone4S},
		{name: "none, two ranges", serve: func(c *conn, r *http.Request) { c.object(r, far, `ETag: "a"`) }, status: 200, want: farAnswer},

		// Stalls. Without timeouts in reverse_proxy a request waits as long as its client does.
		{name: "stall before the header, bounded", serve: stallBefore, site: "bounded", status: 504, want: "GatewayTimeout"},
		{name: "stall in the header, bounded", serve: stallHeader, site: "bounded", status: 504, want: "GatewayTimeout"},
		{name: "stall in the body, bounded", serve: stallBody, site: "bounded", status: 500, want: "InternalError"},
		{name: "stall in an error's body, bounded", serve: stallError, site: "bounded", status: 404, want: "NoSuchKey"},
		{name: "stall before the second range, bounded", serve: stallSecond, site: "bounded", status: 504, want: "GatewayTimeout"},
		{name: "stall in the second range, bounded", serve: second(func(c *conn, r *http.Request) {
			c.head(206, "Content-Length: 65536", "Content-Range: bytes 241664-307199/307200")
			c.stall()
		}), site: "bounded", status: 500, want: "InternalError"},
		{name: "stall before the header, client leaves", serve: stallBefore, disconnect: 200 * time.Millisecond},
		{name: "stall in the header, client leaves", serve: stallHeader, disconnect: 200 * time.Millisecond},
		{name: "stall in the body, client leaves", serve: stallBody, disconnect: 200 * time.Millisecond},
		{name: "stall in an error's body, client leaves", serve: stallError, disconnect: 200 * time.Millisecond},
		{name: "stall before the second range, client leaves", serve: stallSecond, disconnect: 200 * time.Millisecond},
		{name: "a byte now and then, client leaves", serve: trickle, disconnect: 300 * time.Millisecond},
		{name: "a byte now and then, bounded, client leaves", serve: trickle, site: "bounded", disconnect: 600 * time.Millisecond},

		// Connections that end.
		{name: "nobody listens", site: "down", status: 502, want: "BadGateway"},
		{name: "close before the answer", serve: func(c *conn, _ *http.Request) { c.close() }, status: 502, want: "BadGateway"},
		{name: "reset before the answer", serve: func(c *conn, _ *http.Request) { c.reset() }, status: 502, want: "BadGateway"},
		{name: "reset in the header", serve: func(c *conn, _ *http.Request) { c.send("HTTP/1.1 206 P"); c.reset() }, status: 502, want: "BadGateway"},
		{name: "reset behind the header", serve: func(c *conn, _ *http.Request) {
			c.head(206, long206...)
			c.wait(50 * time.Millisecond)
			c.reset()
		}, status: 500, want: "InternalError"},
		{name: "reset in the body", serve: func(c *conn, _ *http.Request) {
			c.head(206, long206...)
			c.bytes(long[:9000])
			c.wait(50 * time.Millisecond)
			c.reset()
		}, status: 500, want: "InternalError"},
		{name: "close in the body", serve: func(c *conn, _ *http.Request) {
			c.head(206, long206...)
			c.bytes(long[:9000])
			c.close()
		}, status: 500, want: "InternalError"},
		{name: "reset in the second range", serve: second(func(c *conn, _ *http.Request) {
			c.head(206, "Content-Length: 65536", "Content-Range: bytes 241664-307199/307200")
			c.bytes(make([]byte, 100))
			c.wait(50 * time.Millisecond)
			c.reset()
		}), status: 500, want: "InternalError"},
		{name: "close before the second range", serve: second(func(c *conn, _ *http.Request) { c.close() }), status: 502, want: "BadGateway"},
		{name: "a whole object shorter than said", serve: func(c *conn, _ *http.Request) {
			c.head(200, "Content-Length: 5000000000")
			c.bytes(photo)
			c.close()
		}, status: 500, want: "InternalError"},

		// Responses that aren't valid HTTP.
		{name: "no HTTP", serve: func(c *conn, _ *http.Request) { c.send("SSH-2.0-OpenSSH_9.2\r\n\r\n"); c.close() }, status: 502, want: "BadGateway"},
		{name: "HTTP/1.0", serve: func(c *conn, _ *http.Request) {
			c.send("HTTP/1.0 200 OK\r\n\r\n")
			c.bytes(photo)
			c.close()
		}, status: 200, want: iphone4S},
		{name: "an endless header", serve: func(c *conn, _ *http.Request) {
			c.send("HTTP/1.1 206 X\r\n")
			for i := 0; ; i++ {
				c.send("X-%d: %s\r\n", i, strings.Repeat("x", 1000))
			}
		}, status: 502, want: "BadGateway", bytes: 24 * mib},
		{name: "two lengths", serve: func(c *conn, _ *http.Request) {
			c.head(200, "Content-Length: 5", "Content-Length: 500000")
			c.bytes(photo)
		}, status: 502, want: "BadGateway"},
		{name: "a negative length", serve: func(c *conn, _ *http.Request) { c.head(200, "Content-Length: -5"); c.bytes(photo) }, status: 502, want: "BadGateway"},
		{name: "status 999", serve: answer(999), status: 500, want: "InternalError"},
		{name: "status 099", serve: func(c *conn, _ *http.Request) { c.send("HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n") }, status: 500, want: "InternalError"},

		// Lies in Content-Range.
		{name: "range starts late", serve: lie(long, "bytes 100-65635/400000"), status: 500, want: "InternalError"},
		{name: "range starts early, is cut at its place", serve: second(func(c *conn, _ *http.Request) {
			c.head(206, `ETag: "a"`, "Content-Length: 307200", "Content-Range: bytes 0-307199/307200")
			c.bytes(far)
		}), status: 200, want: farAnswer, bytes: 512 * kib},
		{name: "range starts elsewhere than it says", serve: func(c *conn, _ *http.Request) {
			c.head(206, "Content-Length: 60000", "Content-Range: bytes 0-59999/400000")
			c.bytes(long[100:60100])
		}, status: 400, want: "NotAnImage"},
		{name: "range ends before it starts", serve: lie(long, "bytes 5-4/400000"), status: 500, want: "InternalError"},
		{name: "range ends beyond the end", serve: lie(long, "bytes 0-65535/1000"), status: 200, want: iphone4S},
		{name: "range ends beyond its body", serve: func(c *conn, _ *http.Request) {
			c.head(206, "Content-Range: bytes 0-65535/400000", fmt.Sprintf("Content-Length: %d", len(photo)))
			c.bytes(photo)
		}, status: 200, want: iphone4S},
		{name: "range ends before its body does", serve: func(c *conn, _ *http.Request) {
			c.head(206, "Content-Range: bytes 0-99/400000", fmt.Sprintf("Content-Length: %d", len(long)))
			c.bytes(long)
		}, status: 200, want: iphone4S, bytes: 512 * kib},
		{name: "range ends at 2^63-1", serve: lie(long, "bytes 0-9223372036854775807/*"), status: 200, want: iphone4S},
		{name: "range starts at 2^63-1", serve: lie(long, "bytes 9223372036854775807-9223372036854775807/*"), status: 500, want: "InternalError"},
		{name: "range of 2^70", serve: lie(long, "bytes 0-1180591620717411303424/*"), status: 500, want: "InternalError"},
		{name: "a total that is too small", serve: func(c *conn, r *http.Request) {
			from, to := wants(r, int64(len(far)))
			c.head(206, fmt.Sprintf("Content-Range: bytes %d-%d/70000", from, to), fmt.Sprintf("Content-Length: %d", to-from+1))
			c.bytes(far[from : to+1])
		}, status: 400, want: "InvalidExif"},
		{name: "a total that is too large", serve: func(c *conn, r *http.Request) {
			from, to := wants(r, int64(len(far)))
			c.head(206, fmt.Sprintf("Content-Range: bytes %d-%d/9223372036854775807", from, to), fmt.Sprintf("Content-Length: %d", to-from+1))
			c.bytes(far[from : to+1])
		}, status: 200, want: farAnswer},
		{name: "totals that differ", serve: func(c *conn, r *http.Request) {
			from, to := wants(r, int64(len(far)))
			c.head(206, fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, to, int64(len(far))+c.n), fmt.Sprintf("Content-Length: %d", to-from+1))
			c.bytes(far[from : to+1])
		}, status: 500, want: "InternalError", bytes: 512 * kib},
		{name: "no total", serve: func(c *conn, r *http.Request) {
			from, to := wants(r, int64(len(far)))
			c.head(206, fmt.Sprintf("Content-Range: bytes %d-%d/*", from, to), fmt.Sprintf("Content-Length: %d", to-from+1))
			c.bytes(far[from : to+1])
		}, status: 200, want: farAnswer},
		{name: "a range of items", serve: lie(long, "items 0-65535/400000"), status: 500, want: "InternalError"},
		{name: "a range of no unit", serve: lie(long, "0-65535/400000"), status: 500, want: "InternalError"},
		{name: "a range of no numbers", serve: lie(long, "bytes x-y/z"), status: 500, want: "InternalError"},
		{name: "a range of stars", serve: lie(long, "bytes */400000"), status: 500, want: "InternalError"},
		{name: "206 without a range", serve: func(c *conn, _ *http.Request) {
			c.head(206, fmt.Sprintf("Content-Length: %d", len(photo)))
			c.bytes(photo)
		}, status: 200, want: iphone4S},
		{name: "206 multipart", serve: func(c *conn, _ *http.Request) {
			c.head(206, "Content-Type: multipart/byteranges; boundary=x", "Content-Length: 5000000000")
			c.endless([]byte("--x\r\n\r\n"), gb5)
		}, status: 500, want: "InternalError", bytes: 10 * mib},
		{name: "200 with a part", serve: func(c *conn, r *http.Request) {
			from, to := wants(r, int64(len(far)))
			c.head(200, fmt.Sprintf("Content-Range: bytes %d-%d/%d", from, to, len(far)), fmt.Sprintf("Content-Length: %d", to-from+1))
			c.bytes(far[from : to+1])
		}, status: 200, want: farAnswer},

		// Range ignored, with an object of 5 GB.
		{name: "no ranges, 5 GB", serve: whole("Content-Length: 5000000000"), status: 200, want: iphone4S, bytes: 10 * mib},
		{name: "no ranges, 5 GB, no length", serve: whole("Connection: close"), status: 200, want: iphone4S, bytes: 10 * mib},
		{name: "no ranges, 5 GB, in chunks", serve: func(c *conn, _ *http.Request) {
			c.head(200, chunked)
			chunk(c, photo)
			for zeros := make([]byte, 16<<10); ; {
				chunk(c, zeros)
			}
		}, status: 200, want: iphone4S, bytes: 10 * mib},
		{name: "no ranges, 5 GB, EXIF out of reach", serve: func(c *conn, _ *http.Request) {
			c.head(200, "Content-Length: 5000000000")
			c.endless(farTIFF(3<<30, 64), gb5)
		}, status: 400, want: "ImageTooLarge", bytes: 20 * mib},
		{name: "no ranges, 5 GB, EXIF 8 MiB in", serve: func(c *conn, _ *http.Request) {
			c.head(200, "Content-Length: 5000000000")
			c.endless(farTIFF(8<<20, 9<<20), gb5)
		}, status: 200, want: farAnswer, bytes: 32 * mib},
		{name: "no ranges, 5 GB, client leaves", serve: func(c *conn, _ *http.Request) {
			c.head(200, "Content-Length: 5000000000")
			c.endless(farTIFF(8<<20, 64), mib)
			c.stall()
		}, disconnect: 300 * time.Millisecond, bytes: 4 * mib},

		// Objects that change.
		{name: "changes once, ETag", serve: changing(once, same), status: 200, want: farAnswer, bytes: 512 * kib},
		{name: "changes always, ETag", serve: changing(tag, same), status: 500, want: "InternalError", bytes: 512 * kib},
		{name: "changes once, If-Match ignored", serve: func(c *conn, r *http.Request) { c.object(r, far, once(c.n)...) }, status: 200, want: farAnswer, bytes: 512 * kib},
		{name: "changes always, If-Match ignored", serve: func(c *conn, r *http.Request) { c.object(r, far, tag(c.n)...) }, status: 500, want: "InternalError", bytes: 512 * kib},
		{name: "changes once, Last-Modified", serve: changing(func(n int64) []string { return day(min(n, 2)) }, same), status: 200, want: farAnswer, bytes: 512 * kib},
		{name: "changes always, Last-Modified", serve: changing(day, same), status: 500, want: "InternalError", bytes: 512 * kib},
		{name: "changes once, size alone", serve: changing(blind, func(n int64) []byte { return grow(min(n, 2)) }), status: 200, want: farAnswer, bytes: 512 * kib},
		{name: "changes always, size alone", serve: changing(blind, grow), status: 500, want: "InternalError", bytes: 512 * kib},
		{name: "is gone at the second range", serve: func(c *conn, r *http.Request) {
			if c.n == 1 {
				c.object(r, far)
				return
			}
			c.head(404, "Content-Length: 0")
		}, status: 404, want: "NoSuchKey"},
		{name: "is forbidden at the second range", serve: func(c *conn, r *http.Request) {
			if c.n == 1 {
				c.object(r, far)
				return
			}
			c.head(403, "Content-Length: 0")
		}, status: 403, want: "AccessDenied"},

		// Encodings.
		{name: "gzip", serve: func(c *conn, _ *http.Request) {
			c.head(200, "Content-Encoding: gzip", fmt.Sprintf("Content-Length: %d", zipped.Len()))
			c.bytes(zipped.Bytes())
		}, status: 500, want: "UnexpectedEncoding"},
		{name: "gzip of a range", serve: func(c *conn, _ *http.Request) {
			c.head(206, "Content-Encoding: gzip", "Content-Range: bytes 0-65535/5000000000", "Content-Length: 65536")
			c.endless(zipped.Bytes(), 65536)
		}, status: 500, want: "UnexpectedEncoding"},
		{name: "gzip unsaid", serve: func(c *conn, r *http.Request) { c.object(r, zipped.Bytes()) }, status: 400, want: "NotAnImage"},
		{name: "identity said", serve: func(c *conn, r *http.Request) { c.object(r, long, "Content-Encoding: identity") }, status: 200, want: iphone4S},

		// Informational responses first.
		{name: "100 first", serve: func(c *conn, r *http.Request) { c.head(100); c.object(r, long) }, status: 200, want: iphone4S},
		{name: "103 several times first", serve: func(c *conn, r *http.Request) {
			for range 4 {
				c.head(103, "Link: </a.css>; rel=preload", "Cache-Control: public")
			}
			c.object(r, long)
		}, status: 200, want: iphone4S},
		{name: "102, 100, 103 first, then 404", serve: func(c *conn, _ *http.Request) {
			c.head(102)
			c.head(100)
			c.head(103)
			c.head(404, "Content-Length: 0")
		}, status: 404, want: "NoSuchKey"},
		{name: "103 without end", serve: func(c *conn, _ *http.Request) {
			for {
				c.head(103, "Link: </a.css>; rel=preload")
			}
		}, site: "bounded", status: 504, want: "GatewayTimeout", bytes: 24 * mib},
		{name: "103 without end, client leaves", serve: func(c *conn, _ *http.Request) {
			for {
				c.head(103, "Link: </a.css>; rel=preload")
				c.wait(10 * time.Millisecond)
			}
		}, disconnect: 300 * time.Millisecond},
		{name: "101 unasked", serve: func(c *conn, _ *http.Request) {
			c.head(101, "Connection: Upgrade", "Upgrade: websocket")
			c.stall()
		}, status: 404, want: "NoSuchKey"},

		// No length, and bodies that don't end where the header says.
		{name: "in chunks", serve: func(c *conn, _ *http.Request) {
			c.head(200, chunked)
			for b := photo; len(b) > 0; b = b[min(100, len(b)):] {
				chunk(c, b[:min(100, len(b))])
			}
			c.send("0\r\n\r\n")
		}, status: 200, want: iphone4S},
		{name: "in chunks, with trailers", serve: func(c *conn, _ *http.Request) {
			c.head(200, chunked, "Trailer: Cache-Control, X-Sum")
			chunk(c, photo)
			c.send("0\r\nX-Sum: 1\r\nCache-Control: public\r\n\r\n")
		}, status: 200, want: iphone4S},
		{name: "in chunks that break off", serve: func(c *conn, _ *http.Request) {
			c.head(200, chunked)
			chunk(c, photo[:1000])
			c.close()
		}, status: 500, want: "InternalError"},
		{name: "in chunks of no number", serve: func(c *conn, _ *http.Request) {
			c.head(200, chunked)
			chunk(c, photo[:1000])
			c.send("zz\r\n")
			c.stall()
		}, status: 500, want: "InternalError"},
		{name: "until the connection closes", serve: func(c *conn, _ *http.Request) {
			c.head(200, "Connection: close")
			c.bytes(photo)
			c.close()
		}, status: 200, want: iphone4S},
		{name: "more than said", serve: func(c *conn, r *http.Request) {
			c.object(r, photo)
			c.send("garbage, more than was said")
		}, status: 200, want: iphone4S},
		{name: "another answer behind the answer", serve: func(c *conn, r *http.Request) {
			c.object(r, photo)
			c.head(200, "Content-Length: 5", `ETag: "planted"`)
			c.send("plant")
		}, status: 200, want: iphone4S},
		{name: "more than said, without end", serve: func(c *conn, r *http.Request) {
			c.object(r, photo)
			c.endless(nil, gb5)
		}, status: 200, want: iphone4S, bytes: 10 * mib},

		// Statuses.
		{name: "204", serve: func(c *conn, _ *http.Request) { c.head(204) }, status: 400, want: "NotAnImage"},
		{name: "304 unasked", serve: answer(304, `ETag: "a"`), status: 500, want: "InternalError"},
		{name: "304 at the second range", serve: second(answer(304, `ETag: "a"`)), status: 500, want: "InternalError"},
		{name: "302 to itself", serve: func(c *conn, r *http.Request) {
			c.head(302, "Location: "+r.URL.Path, "Content-Length: 0")
		}, status: 302, want: "Found", header: [2]string{"Location", "/x.jpg" + testcaddy.Suffix}},
		{name: "401", serve: answer(401, `WWW-Authenticate: Bearer realm="x"`), status: 401, want: "Unauthorized", header: [2]string{"Www-Authenticate", `Bearer realm="x"`}},
		{name: "404 with an endless page", serve: func(c *conn, _ *http.Request) {
			c.head(404, "Content-Length: 5000000000")
			c.endless([]byte("<html>"), gb5)
		}, status: 404, want: "NoSuchKey", bytes: 10 * mib},
		{name: "416", serve: answer(416, "Content-Range: bytes */0"), status: 400, want: "NotAnImage"},
		{name: "416 at the second range", serve: second(answer(416, "Content-Range: bytes */307200")), status: 400, want: "InvalidExif"},
		{name: "429 with Retry-After", serve: answer(429, "Retry-After: 7"), status: 429, want: "TooManyRequests", header: [2]string{"Retry-After", "7"}},
		{name: "429 at the second range", serve: second(answer(429, "Retry-After: 7")), status: 429, want: "TooManyRequests", header: [2]string{"Retry-After", "7"}},
		{name: "503 with Retry-After", serve: answer(503, "Retry-After: 120"), status: 503, want: "ServiceUnavailable", header: [2]string{"Retry-After", "120"}},
		{name: "503 with Retry-After and an endless page", serve: func(c *conn, _ *http.Request) {
			c.head(503, "Retry-After: Wed, 01 Jan 2099 00:00:00 GMT", "Content-Length: 5000000000")
			c.endless([]byte("<html>"), gb5)
		}, status: 503, want: "ServiceUnavailable", header: [2]string{"Retry-After", "Wed, 01 Jan 2099 00:00:00 GMT"}, bytes: 10 * mib},
		{name: "500", serve: answer(500), status: 500, want: "InternalError"},

		// Cached responses, and 304s for them.
		{name: "kept", site: "cached", serve: func(c *conn, r *http.Request) { c.object(r, long, `ETag: "k"`) }, status: 200, want: iphone4S},
		{name: "kept, 304 without ETag", site: "cached", serve: answer(304), status: 200, want: iphone4S},
		{name: "kept, 304 with another ETag", site: "cached", serve: func(c *conn, r *http.Request) {
			if r.Header.Get("If-None-Match") != "" {
				c.head(304, `ETag: "other"`)
				return
			}
			c.object(r, long, `ETag: "k"`)
		}, status: 200, want: iphone4S},
		{name: "kept, 304 with another ETag to a request without a condition", site: "cached", serve: answer(304, `ETag: "other"`), status: 500, want: "InternalError"},
		{name: "kept, reset", site: "cached", serve: func(c *conn, _ *http.Request) { c.reset() }, status: 502, want: "BadGateway"},
		{name: "kept, 503", site: "cached", serve: answer(503), status: 503, want: "ServiceUnavailable"},
		{name: "kept, 404", site: "cached", serve: answer(404), status: 404, want: "NoSuchKey"},
		{name: "kept, 403", site: "cached", serve: answer(403), status: 403, want: "AccessDenied"},
	}
}

// TestFaults runs the table. After each fault it sends a request that upstream answers correctly, over any
// connections that the fault has left.
func TestFaults(t *testing.T) {
	log.SetOutput(io.Discard) // net/http logs unsolicited bytes
	up := startUpstream(t)
	srv := testcaddy.Start(t, strings.ReplaceAll(caddyfile, "UPSTREAM", up.addr), testcaddy.Quiet())
	for _, site := range []string{"plain", "bounded", "cached"} { // so that everything that starts once has started
		up.set(func(c *conn, r *http.Request) { c.object(r, long) })
		if _, err := srv.Try(t.Context(), http.MethodGet, site+".test", "/x.jpg"+testcaddy.Suffix); err != nil {
			t.Fatal(err)
		}
	}
	if err := eventually(func() error { return open(up) }); err != nil {
		t.Fatal(err)
	}
	stand := goleak.IgnoreCurrent()
	heap := heapInUse()

	passed := 0
	fmt.Printf("%-46s %6s  %-18s %9s %9s\n", "fault", "status", "code", "time", "bytes")
	table := faults()
	for _, f := range table {
		if t.Run(f.name, func(t *testing.T) { f.run(t, up, srv, stand) }) {
			passed++
		}
	}
	// faults mustn't leak memory either
	if grown := heapInUse() - heap; grown > 8*mib {
		t.Errorf("the heap grew by %d bytes", grown)
	} else {
		fmt.Printf("heap after all of them: %+d KiB\n", grown/kib)
	}
	fmt.Printf("faults: %d of %d passed\n", passed, len(table))
}

func (f *fault) run(t *testing.T, up *upstream, srv *testcaddy.Server, stand goleak.Option) {
	up.set(f.serve)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if f.disconnect > 0 {
		time.AfterFunc(f.disconnect, cancel)
	}
	site := f.site
	if site == "" {
		site = "plain"
	}
	start := time.Now()
	got, err := srv.Try(ctx, http.MethodGet, site+".test", "/x.jpg"+testcaddy.Suffix)
	took := time.Since(start)
	code := codeOf(got)

	switch {
	case f.disconnect > 0 && !errors.Is(err, context.Canceled):
		t.Errorf("got %v, %v, though the client left", got, err)
	case f.disconnect == 0 && err != nil:
		t.Errorf("got no answer: %v", err)
	case f.name == "stall in the header, bounded" && code == "BadGateway": // two timeouts of the transport end at once
	case got.Status != f.status || f.disconnect == 0 && code != f.want && got.Body != f.want:
		t.Errorf("got %d %s, want %d %s", got.Status, got.Body, f.status, f.want)
	}
	if h := f.header; h[0] != "" && got.Header.Get(h[0]) != h[1] {
		t.Errorf("got %s %q, want %q", h[0], got.Header.Get(h[0]), h[1])
	}
	if limit := max(f.time, 3*time.Second); took > limit {
		t.Errorf("took %v, want at most %v", took, limit)
	}
	// wait until no connection and no goroutine is left; only then are all bytes counted
	ended := time.Now()
	if err := eventually(func() error { return errors.Join(open(up), goleak.Find(stand)) }); err != nil {
		t.Errorf("left behind: %v", err)
	}
	left := time.Since(ended)
	if limit := max(f.bytes, 160*kib); up.sent() > limit {
		t.Errorf("took %d bytes, want at most %d", up.sent(), limit)
	}
	fmt.Printf("%-46s %6d  %-18s %9s %9d\n", f.name, got.Status, code, took.Round(time.Millisecond), up.sent())
	if left > 3*time.Second {
		t.Errorf("took %v more to end", left)
	}

	// the fault doesn't affect the next request
	up.set(func(c *conn, r *http.Request) { c.object(r, long) })
	if f.site != "down" {
		if got, err := srv.Try(t.Context(), http.MethodGet, site+".test", "/next.jpg"+testcaddy.Suffix); err != nil || got.Body != iphone4S {
			t.Errorf("the next request: got %d %s, %v", got.Status, got.Body, err)
		}
	}
}

// codeOf returns an error's code, "EXIF" for a response that isn't an error.
func codeOf(r testcaddy.Response) string {
	var e struct{ Code, RequestID string }
	switch err := json.Unmarshal([]byte(r.Body), &e); {
	case r.Status == 0:
		return "-"
	case r.Status == 200 && err == nil:
		return "EXIF"
	case err != nil || e.RequestID == "":
		return "?"
	}
	return e.Code
}

// eventually calls wrong until it returns nil, for 10 seconds at most, and returns its last error.
func eventually(wrong func() error) (err error) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = wrong(); err == nil {
			return nil
		}
	}
	return err
}

func open(up *upstream) error {
	if n := up.open.Load(); n > 0 {
		return fmt.Errorf("%d connections to the upstream are open", n)
	}
	return nil
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the second collection frees pools
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestHugeTogether requests 200 objects of 5 GB at once, from an upstream that ignores ranges. Caddy's heap may
// grow by 64 MiB.
func TestHugeTogether(t *testing.T) {
	up := startUpstream(t)
	srv := testcaddy.Start(t, strings.ReplaceAll(caddyfile, "UPSTREAM", up.addr), testcaddy.Quiet())
	up.set(func(c *conn, _ *http.Request) { c.head(200, "Content-Length: 5000000000"); c.endless(photo, gb5) })
	before := heapInUse()
	var peak int64
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, int64(m.HeapInuse))
			}
		}
	}()
	const together = 200
	var wg sync.WaitGroup
	for range together {
		wg.Go(func() {
			got, err := srv.Try(t.Context(), http.MethodGet, "plain.test", "/x.jpg"+testcaddy.Suffix)
			if err != nil || got.Body != iphone4S {
				t.Errorf("got %d %s, %v", got.Status, got.Body, err)
			}
		})
	}
	wg.Wait()
	close(done)
	<-watched
	if err := eventually(func() error { return open(up) }); err != nil {
		t.Error(err)
	}
	fmt.Printf("%d objects of 5 GB at once: heap %+d MiB, %d KiB taken of each\n", together, (peak-before)/mib, up.sent()/together/kib)
	if peak-before > 64*mib {
		t.Errorf("the heap grew by %d MiB, want at most 64", (peak-before)/mib)
	}
	if each := up.sent() / together; each > 10*mib {
		t.Errorf("took %d bytes of each", each)
	}
}
