// Package testgate marks tests that take seconds each and prove what seldom breaks.
package testgate

import (
	"os"
	"testing"
)

// env is the environment variable with which slow tests run, too. "make test" sets it.
const env = "EXIF_SLOW_TESTS"

// Slow skips a test unless the gate runs it. Call it first in the test: the gate finds the tests by that call.
func Slow(t testing.TB) {
	t.Helper()
	if os.Getenv(env) == "" {
		t.Skip("slow: the gate runs it, or set " + env)
	}
}
