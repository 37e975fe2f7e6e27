package caddyexif

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// cobraCommand returns a command with its flags.
func cobraCommand(t *testing.T, name string) (c *cobra.Command, usage string) {
	t.Helper()
	of, ok := caddycmd.Commands()[name]
	if !ok {
		t.Fatalf("there is no command %s", name)
	}
	c = &cobra.Command{Use: name}
	of.CobraFunc(c)
	return c, of.Usage
}

// TestUsageNamesEveryFlag: the commands have the flags that their usage names, and no others.
func TestUsageNamesEveryFlag(t *testing.T) {
	for _, name := range []string{"exif", "exif-server"} {
		c, usage := cobraCommand(t, name)
		flags := regexp.MustCompile(`(?m)^ +(?:-[a-z], )?--[a-z-]+`).FindAllString(c.Flags().FlagUsages(), -1)
		for i, f := range flags {
			flags[i] = f[strings.Index(f, "--"):]
		}
		named := regexp.MustCompile(`--[a-z-]+`).FindAllString(usage, -1)
		slices.Sort(named)
		if !slices.Equal(flags, named) {
			t.Errorf("%s: got flags %q, its usage names %q", name, flags, named)
		}
	}
}

// TestArgumentsOfCommands: flags that contradict each other, and arguments that say nothing, are errors.
func TestArgumentsOfCommands(t *testing.T) {
	for _, tc := range []struct {
		command string
		args    []string
		ok      bool
	}{
		{"exif", []string{"a.jpg", "b.jpg"}, true},
		{"exif", []string{"-"}, true},
		{"exif", nil, false},
		{"exif", []string{"--list-tags"}, true},
		{"exif", []string{"--list-tags", "--csv"}, true},
		{"exif", []string{"--list-tags", "a.jpg"}, false},
		{"exif", []string{"--json", "--names", "a.jpg"}, true},
		{"exif", []string{"--json", "--no-names", "a.jpg"}, true},
		{"exif", []string{"--redact", "out", "--force", "a.jpg"}, true},
		{"exif", []string{"--table", "--json", "a.jpg"}, false},
		{"exif", []string{"--json", "--csv", "a.jpg"}, false},
		{"exif", []string{"--redact", "out", "--json", "a.jpg"}, false},
		{"exif", []string{"--redact", "out", "--operation", "iptc", "a.jpg"}, false},
		{"exif", []string{"--redact", "out", "--list-tags"}, false},
		{"exif", []string{"--redact", "out", "--names", "a.jpg"}, false},
		{"exif", []string{"--table", "--names", "a.jpg"}, false},
		{"exif", []string{"--csv", "--no-names", "a.jpg"}, false},
		{"exif", []string{"--names", "--no-names", "a.jpg"}, false},
		{"exif-server", nil, true},
		{"exif-server", []string{"photos"}, true},
		{"exif-server", []string{"photos", "more"}, false},
	} {
		c, _ := cobraCommand(t, tc.command)
		err := c.ParseFlags(tc.args)
		if err != nil {
			t.Fatal(err)
		}
		if err = c.ValidateFlagGroups(); err == nil {
			err = c.ValidateArgs(c.Flags().Args())
		}
		if (err == nil) != tc.ok {
			t.Errorf("%s %q: got %v", tc.command, tc.args, err)
		}
	}
}
