// Package cli tests the commands "caddy exif" and "caddy list-modules" with the scripts in testdata.
package cli

import (
	"os"
	"path/filepath"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/rogpeppe/go-internal/testscript"

	_ "github.com/caddyexif/caddy-exif"
)

// TestMain makes the test binary run as the command "caddy" in scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"caddy": caddycmd.Main})
}

// TestScripts runs each script in a folder of its own, with the photos from the repository's testdata that
// the scripts use. "UPDATE=1 go test ./cli" rewrites the expected outputs.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir) // Caddy's files
			for _, name := range []string{"iphone-4s.jpg", "plain.jpg", "zz-broken.jpg", "photo.jpg"} {
				b, err := os.ReadFile(filepath.Join("..", "..", "testdata", name))
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), b, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
	})
}
