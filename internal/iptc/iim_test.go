package iptc

import (
	"encoding/binary"
	"strings"
	"testing"
)

// dset returns a dataset.
func dset(record, number byte, data string) []byte {
	b := []byte{iimMarker, record, number}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
}

// extended returns a dataset whose size takes n bytes.
func extended(record, number byte, n int, data string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{iimMarker, record, number}, 0x8000|uint16(n))
	size := binary.BigEndian.AppendUint64(nil, uint64(len(data)))
	return append(append(b, size[8-n:]...), data...)
}

func block(datasets ...[]byte) (b []byte) {
	for _, d := range datasets {
		b = append(b, d...)
	}
	return b
}

func TestIIM(t *testing.T) {
	swapped := block(dset(2, 90, "Ulm"), dset(2, 95, "Bay"))
	for i := 0; i+3 < len(swapped); i += 4 {
		swapped[i], swapped[i+1], swapped[i+2], swapped[i+3] = swapped[i+3], swapped[i+2], swapped[i+1], swapped[i]
	}
	for name, tt := range map[string]struct {
		block []byte
		want  string
	}{
		"texts":             {block(dset(2, 0, "\x00\x02"), dset(2, 90, "A"), dset(2, 5, "T")), `{"cityName":"A","title":"T"}`},
		"last of two":       {block(dset(2, 90, "B"), dset(2, 90, "A"), dset(2, 90, " ")), `{"cityName":"A"}`},
		"first of several":  {block(dset(2, 85, " "), dset(2, 85, "A"), dset(2, 85, "B")), `{"jobtitle":"A"}`},
		"dates":             {block(dset(2, 55, "20200101"), dset(2, 55, "2024/05/01"), dset(2, 60, "101112"), dset(2, 60, "noon")), `{"dateCreated":"2024-05-01T10:11:12"}`},
		"latin1 in name":    {block(dset(1, 90, "\x1B.A"), dset(2, 90, "\x93A\x94")), `{"cityName":"“A”"}`},
		"repeated":          {block(dset(2, 25, "a"), dset(2, 90, "A"), dset(2, 25, ""), dset(2, 25, "b")), `{"cityName":"A","keywords":["a","b"]}`},
		"extended":          {block(extended(2, 90, 4, "A"), extended(2, 95, 1, "B")), `{"cityName":"A","provinceState":"B"}`},
		"zeros at the end":  {append(block(dset(2, 90, "A\x00\x00"), dset(2, 95, "\x00")), 0, 0, 0), `{"cityName":"A"}`},
		"other records":     {block(dset(1, 90, "\x1B%G"), dset(3, 90, "A"), dset(7, 10, "A")), `{}`},
		"size beyond":       {append(block(dset(2, 90, "A")), iimMarker, 2, 95, 0, 9, 'B'), `{"cityName":"A"}`},
		"huge size":         {append(block(dset(2, 90, "A")), iimMarker, 2, 95, 0x80, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF), `{"cityName":"A"}`},
		"size of 32767":     {append(block(dset(2, 90, "A")), iimMarker, 2, 95, 0xFF, 0xFF, 'B'), `{"cityName":"A"}`},
		"date and time":     {block(dset(2, 60, "201500+0200"), dset(2, 55, "20240501")), `{"dateCreated":"2024-05-01T20:15:00+02:00"}`},
		"unknown date":      {block(dset(2, 60, "201500+0200"), dset(2, 55, "00000000")), `{}`},
		"UTF-8":             {block(dset(1, 90, "\x1B%G"), dset(2, 90, "Köln")), `{"cityName":"Köln"}`},
		"UTF-8 that isn't":  {block(dset(1, 90, "\x1B%G"), dset(2, 90, "K\xF6ln")), `{"cityName":"Köln"}`},
		"UTF-8 not stated":  {block(dset(2, 90, "Köln")), `{"cityName":"Köln"}`},
		"latin2":            {block(dset(1, 90, "\x1B.B"), dset(2, 90, "\xA3\xF3d\xBC")), `{"cityName":"Łódź"}`},
		"latin1, not UTF-8": {block(dset(1, 90, "\x1B-A"), dset(2, 90, "\xC3\xB6")), `{"cityName":"Ã¶"}`},
		"unknown charset":   {block(dset(1, 90, "\x1B(Z"), dset(2, 90, "K\xF6ln")), `{"cityName":"Köln"}`},
		"swapped":           {swapped, `{"cityName":"Ulm","provinceState":"Bay"}`},
		"empty":             {nil, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := toJSON(t, &Source{IIM: [][]byte{tt.block}}, false); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestRewriteIIM keeps the datasets of kept properties and nothing else.
func TestRewriteIIM(t *testing.T) {
	version, utf8Charset := dset(2, 0, "\x00\x04"), dset(1, 90, "\x1B%G")
	credit := extended(2, 110, 4, "C")
	date, clock := dset(2, 55, "20240501"), dset(2, 60, "201500+0200")
	for name, tt := range map[string]struct {
		block []byte
		keep  string
		want  []byte
	}{
		"a property":           {block(utf8Charset, version, dset(2, 90, "A"), credit), "creditLine", block(version, credit)},
		"lists":                {block(dset(2, 25, "a"), dset(2, 90, "A"), dset(2, 25, "b")), "keywords", block(dset(2, 25, "a"), dset(2, 25, "b"))},
		"charset when needed":  {block(dset(1, 0, "\x00\x04"), utf8Charset, dset(2, 90, "Köln")), "cityName", block(dset(1, 0, "\x00\x04"), utf8Charset, dset(2, 90, "Köln"))},
		"unknown charset":      {block(dset(1, 90, "\x1Bsecret"), dset(2, 90, "K\xF6ln")), "cityName", dset(2, 90, "K\xF6ln")},
		"only the last":        {block(dset(2, 90, "secret"), dset(2, 90, "A")), "cityName", dset(2, 90, "A")},
		"only the first":       {block(dset(2, 85, "A"), dset(2, 85, "secret")), "jobtitle", dset(2, 85, "A")},
		"date and time":        {block(date, clock, dset(2, 62, "20240501")), "dateCreated", block(date, clock)},
		"a time that is none":  {block(date, dset(2, 60, "secret")), "dateCreated", date},
		"nothing":              {block(utf8Charset, version, dset(2, 90, "A")), "title", nil},
		"bytes after the last": {append(block(dset(2, 90, "A")), "secret"...), "cityName", dset(2, 90, "A")},
		"a version that isn't": {block(dset(2, 0, "secret"), dset(2, 90, "A")), "cityName", dset(2, 90, "A")},
	} {
		t.Run(name, func(t *testing.T) {
			p := Policy{Keep: func(n string) bool { return n == tt.keep }}
			if got := p.RewriteIIM(tt.block); string(got) != string(tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := (&Policy{}).RewriteIIM(block(credit)); got != nil {
		t.Errorf("without a filter: got %q", got)
	}
}

// TestIIMOmitsEveryProperty plants a marker in every dataset, and looks for it where its property is omitted.
func TestIIMOmitsEveryProperty(t *testing.T) {
	var b []byte
	for number := range 256 {
		b = append(b, dset(2, byte(number), marker("iim", number))...)
	}
	for i, p := range properties {
		got := string((&Policy{Keep: func(name string) bool { return name != p.name }}).RewriteIIM(b))
		for number := range 256 {
			of, known := propertyByIIM[byte(number)]
			if want := known && of != i; strings.Contains(got, marker("iim", number)) != want {
				t.Errorf("without %s: dataset %d: got %v, want %v", p.name, number, !want, want)
			}
		}
	}
}
