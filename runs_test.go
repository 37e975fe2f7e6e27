package caddyexif

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestVariablesOfEachRun has the next handlers use Caddy's variables after they returned, as reverse_proxy's
// dials do. If the next run wrote to the same map, the process would crash.
func TestVariablesOfEachRun(t *testing.T) {
	photo := farPhoto()
	runs := 0
	stop := make(chan struct{})
	var readers sync.WaitGroup
	next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		runs++
		if before := caddyhttp.GetVar(r.Context(), "ahead"); before != "x" {
			t.Errorf("run %d: what was set ahead is %v", runs, before)
		}
		caddyhttp.SetVar(r.Context(), "run", runs)
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		if got := repl.ReplaceAll("{http.vars.run}", ""); got != strconv.Itoa(runs) {
			t.Errorf("run %d: the placeholder says %s", runs, got)
		}
		ctx := r.Context()
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					caddyhttp.GetVar(ctx, "run")
				}
			}
		})
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(photo))
		return nil
	})
	w := httptest.NewRecorder()
	r := caddyhttp.PrepareRequest(httptest.NewRequest(http.MethodGet, "/photo.png"+suffix, nil), caddy.NewReplacer(), w, nil)
	caddyhttp.SetVar(r.Context(), "ahead", "x")
	err := provisioned(t, &Handler{Window: minWindow}).ServeHTTP(w, r, next)
	close(stop)
	readers.Wait()
	if err != nil || w.Code != http.StatusOK || runs < 2 {
		t.Errorf("got %d after %d runs: %v", w.Code, runs, err)
	}
	if got := caddyhttp.GetVar(r.Context(), "run"); got != 1 {
		t.Errorf("ahead, the variable is %v", got)
	}
}

// TestDialsReadVariables has an upstream close half of its connections, so that reverse_proxy dials while
// another connection becomes free. Such a dial may outlive the request, and reads Caddy's variables. If they
// were written then, the race detector would report it, and without it the process could crash.
func TestDialsReadVariables(t *testing.T) {
	var n atomic.Int64
	addr := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%2 == 0 {
			w.Header().Set("Connection", "close")
		}
		w.WriteHeader(404)
	})
	srv := serve(t, `http://a.test:{$PORT} {
	bind 127.0.0.1
	exif {
		allow GetObject ListBucket
	}
	reverse_proxy `+addr+`
}
`)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 50 {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+srv.Addr+"/a.jpg"+suffix, nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Host = "a.test"
				res, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 404 || !strings.Contains(string(body), `"requestId":"`) {
					t.Errorf("got %d %s, %v", res.StatusCode, body, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestRewrittenBefore has a handler before exif that changes the path but not the escaped path, which once
// made exif panic.
func TestRewrittenBefore(t *testing.T) {
	root := samples(t)
	srv := serve(t, `http://a.test:{$PORT} {
	bind 127.0.0.1
	route {
		uri path_regexp ^/x-very-long-prefix/ /
		uri path_regexp /short/ /sub/dir/
		exif
		root * `+root+`
		file_server
	}
}
`)
	for _, path := range []string{
		"/x-very-long-prefix/iphone-4s.jpg", "/x-very-long-prefix/%69phone-4s.jpg", "/short/a.jpg", "/short/%61.jpg", "/short%2Fa.jpg",
	} {
		for _, s := range []string{suffix, "%40base%40tag%3D" + asking.word} {
			got := srv.get(http.MethodGet, "a.test", path+s)
			if got.status != 200 || got.body != iphone4S {
				if path == "/short%2Fa.jpg" && got.status == 404 {
					continue // the expression doesn't match the escaped slash
				}
				t.Errorf("%s%s: got %d %s", path, s, got.status, got.body)
			}
		}
	}
	for _, e := range srv.Log() {
		if strings.Contains(e.Line, "panic") {
			t.Error(e.Line)
		}
	}
}
