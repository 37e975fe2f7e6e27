package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServerChoosesBucket checks that requests are signed only for the bucket that --bucket names.
func TestServerChoosesBucket(t *testing.T) {
	for bucket, want := range map[string]string{
		"https://s3.example.com/photos":      `"bucket":"photos"`,
		"https://s3.example.com/photos/2024": `"bucket":"photos"`,
		"https://photos.s3.example.com/":     `"virtual_host":true`,
		"http://127.0.0.1:9000":              "names no bucket",
		"http://[::1]/":                      "names no bucket",
		"http://store:9000/":                 "names no bucket",
	} {
		routes, err := bucketRoutes(bucket, "eu-test-1")
		got, jsonErr := json.Marshal(routes)
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		if !strings.Contains(fmt.Sprint(string(got), err), want) {
			t.Errorf("%s: got %s %v, want %s", bucket, got, err, want)
		}
	}
}

func TestListenAddressesOpenToTheNetwork(t *testing.T) {
	for _, tc := range []struct{ listen, domain, want string }{
		{":2015", "", "localhost:2015"},
		{"0.0.0.0:80", "", "localhost:80"},
		{"[::]:2016", "", "localhost:2016"},
		{"tcp4/:2017", "", "localhost:2017"},
		{":443", "photos.example.com", ""}, // meant to be open
		{"localhost:2015", "", ""},
		{"127.0.0.1:2015", "", ""},
		{"192.168.1.2:2015", "", ""}, // the user knows
		{"unix//run/caddy.sock", "", ""},
	} {
		if got := localListen(tc.listen, tc.domain); got != tc.want {
			t.Errorf("%s %s: got %q, want %q", tc.listen, tc.domain, got, tc.want)
		}
	}
}

func TestListenAddressNeedsPort(t *testing.T) {
	for listen, want := range map[string]string{
		"2016":                 "write :2016",
		"localhost":            "write localhost:2015",
		"127.0.0.1:0":          "write 127.0.0.1:2015",
		"::1":                  "write [::1]:2015",
		":2016":                "",
		"localhost:2016":       "",
		"unix//run/caddy.sock": "",
	} {
		if err := checkListen(listen); (err == nil) != (want == "") || !strings.HasSuffix(fmt.Sprint(err), cmp.Or(want, "<nil>")) {
			t.Errorf("%s: got %v, want %q", listen, err, want)
		}
	}
}

func TestPrintedURLHasThePort(t *testing.T) {
	for _, tc := range []struct{ listen, domain, want string }{
		{":443", "photos.example.com", "https://photos.example.com"},
		{":8443", "photos.example.com", "https://photos.example.com:8443"},
		{":2015", "", "http://localhost:2015"},
	} {
		if got := baseURL(tc.listen, tc.domain); got != tc.want {
			t.Errorf("%s %s: got %s, want %s", tc.listen, tc.domain, got, tc.want)
		}
	}
}

// TestExampleIsInSubfolder checks that the URL to try is that of a photo, even if all of them are in folders.
func TestExampleIsInSubfolder(t *testing.T) {
	for _, tc := range []struct {
		files []string
		want  string
	}{
		{[]string{"b.jpg", "2024/a.jpg"}, "b.jpg"},
		{[]string{"notes.txt", ".hidden.jpg", ".thumbs/a.webp", "2024/deep/b.HEIC", "2025/a.jpg"}, "2025/a.jpg"},
		{[]string{"2024/deep/b.HEIC", "a.jpg/none.txt"}, "2024/deep/b.HEIC"},
		{[]string{"notes.txt"}, ""},
	} {
		root := t.TempDir()
		for _, name := range tc.files {
			name = filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := firstPhoto(root); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.files, got, tc.want)
		}
	}
}
