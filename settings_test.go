package caddyexif

import (
	"regexp"
	"testing"
)

// TestEachSettingMarksTheTag checks that each setting that shapes a response changes the entity tag, or clients
// would keep responses of old settings, and that no other setting does, or they would lose their cached ones.
func TestEachSettingMarksTheTag(t *testing.T) {
	marks := map[string]string{}
	for name, h := range map[string]*Handler{
		"default": {}, "described": {Values: "described"}, "typed": {Values: "typed"}, "charset": {Charset: "gbk"}, "another charset": {Charset: "big5"},
		"unknown": {Unknown: true}, "only": {Only: []string{"Make"}}, "more of only": {Only: []string{"Make", "Model"}},
		"omit": {Omit: []string{"Make"}}, "more of omit": {Omit: []string{"Make", "Model"}},
		"oss": {Dialect: "oss"}, "cos": {Dialect: "cos"}, "bos": {Dialect: "bos"}, "qiniu": {Dialect: "qiniu"}, "obs": {Dialect: "obs"},
		"keep": {Omit: []string{"@person"}, Keep: []string{"@credit"}}, "without keep": {Omit: []string{"@person"}},
		"redact": {Redact: true}, "redact with iptc": {Redact: true, Operations: []string{"exif", "iptc"}},
		"both": {Only: []string{"Ma*"}, Omit: []string{"Make"}},
	} {
		mark := provisioned(t, h).marks[operations[0]].suffix
		if !regexp.MustCompile(`^-exif[0-9a-f]{8}$`).MatchString(mark) {
			t.Errorf("%s: got %q", name, mark)
		}
		if other, twice := marks[mark]; twice {
			t.Errorf("%s and %s have the mark %s", name, other, mark)
		}
		marks[mark] = name
	}
	for name, tc := range map[string]struct {
		h    *Handler
		same string
	}{
		"raw":     {&Handler{Values: "raw"}, "default"},
		"iptc":    {&Handler{Operations: []string{"exif", "iptc"}}, "default"},
		"picture": {&Handler{Redact: true, Operations: []string{"exif", "thumbnail"}}, "redact"},
		"letters": {&Handler{Charset: "GBK"}, "charset"},
		"reading": {&Handler{Window: 4096, MaxRead: 1 << 20, Cache: 1 << 20, PassErrors: true}, "default"},
		"no cache and rules": {&Handler{Cache: -1, Permissions: Permissions{
			{Effect: "allow", Actions: []string{"GetObject"}},
		}}, "default"},
	} {
		if got := marks[provisioned(t, tc.h).marks[operations[0]].suffix]; got != tc.same {
			t.Errorf("%s: has the mark of %q", name, got)
		}
	}
}

// TestSizesAtTheirLimits checks the smallest and largest allowed sizes, and those just outside.
func TestSizesAtTheirLimits(t *testing.T) {
	for _, tc := range []struct {
		window, maxRead int64
		ok              bool
	}{
		{0, 0, true},
		{4096, 0, true},
		{4095, 0, false},
		{-1, 0, false},
		{1, 0, false},
		{4 << 20, 0, true},
		{4<<20 + 1, 0, false},
		{64 << 10, 64 << 10, true},
		{64 << 10, 64<<10 - 1, false},
		{0, 64 << 10, true},
		{0, 64<<10 - 1, false},
		{4096, 4096, true},
		{4096, 1, false},
		{4096, -1, false},
	} {
		h := &Handler{Window: tc.window, MaxRead: tc.maxRead}
		if h.Window == 0 {
			h.Window = defaultWindow
		}
		if _, _, err := h.checkSettings(); (err == nil) != tc.ok {
			t.Errorf("window %d, max_read %d: %v", tc.window, tc.maxRead, err)
		}
	}
	for folders, ok := range map[int]bool{-1: false, 0: true, 1: true, maxFolder: true, maxFolder + 1: false} {
		if _, _, err := (&Handler{Folders: folders}).checkSettings(); (err == nil) != ok {
			t.Errorf("folders %d: %v", folders, err)
		}
	}
	for _, tc := range []struct {
		maxRead int64
		ok      bool
	}{{4096, true}, {4095, false}, {1, false}, {-1, false}, {0, true}} {
		if _, _, err := (&Handler{MaxRead: tc.maxRead}).checkSettings(); (err == nil) != tc.ok {
			t.Errorf("max_read %d before window: %v", tc.maxRead, err)
		}
	}
}

// TestDefaults checks the documented defaults.
func TestDefaults(t *testing.T) {
	h := provisioned(t, &Handler{})
	if h.Window != 64<<10 || h.MaxRead != 16<<20 || h.Cache != 32<<20 || h.cache == nil {
		t.Errorf("got window %d, max_read %d, cache %d", h.Window, h.MaxRead, h.Cache)
	}
	h = provisioned(t, &Handler{Window: 4096, MaxRead: 1 << 20, Cache: 1000})
	if h.Window != 4096 || h.MaxRead != 1<<20 || h.Cache != 1000 || h.cache.c.GetMaximum() != 1000 {
		t.Errorf("got window %d, max_read %d, cache %d", h.Window, h.MaxRead, h.Cache)
	}
	if h = provisioned(t, &Handler{Cache: -1}); h.cache != nil {
		t.Error("there is a cache")
	}
}
