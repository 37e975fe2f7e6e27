// Package inprocess runs Caddy in the tests' own process.
package inprocess

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what Caddyfiles are made of

	_ "github.com/caddyexif/caddy-exif" // and exif
	"github.com/caddyexif/caddy-exif/e2e/internal/local"
)

// Serve runs the sites of a Caddyfile in this process until the test ends. {$ADDR} in it is the
// address that is returned, {$PORT} its port. Each of options is a global option.
func Serve(t testing.TB, sites string, options ...string) (addr string) {
	t.Helper()
	addr = local.FreeAddr(t)
	caddyfile := "{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n\tstorage file_system " + t.TempDir() +
		"\n\tlog {\n\t\toutput discard\n\t}\n\tgrace_period 1s\n" + strings.Join(options, "\n") + "\n}\n" +
		strings.NewReplacer("{$ADDR}", addr, "{$PORT}", addr[strings.LastIndexByte(addr, ':')+1:]).Replace(sites)
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
