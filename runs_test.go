package caddyexif

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestVariablesOfEachRun has the handlers behind use Caddy's variables after they returned, as the
// dials of reverse_proxy do. In a map that the next run writes to, that ends the process.
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
