package redact

import (
	"fmt"
	"slices"
	"testing"
)

// TestEditsDontOverlap has edits of the same bytes: a replacement wins over all else, and a nested file over a span that
// passes. What two claim becomes zeros.
func TestEditsDontOverlap(t *testing.T) {
	whole := func(spans ...span) (out []nested) {
		for _, s := range spans {
			out = append(out, nested{span: s})
		}
		return out
	}
	for name, tt := range map[string]struct{ in, want edits }{
		"in order":                     {edits{pass: []span{{20, 30}, {0, 10}}}, edits{pass: []span{{0, 10}, {20, 30}}}},
		"spans that touch":             {edits{pass: []span{{0, 10}, {10, 20}}}, edits{pass: []span{{0, 20}}}},
		"a replacement in a span":      {edits{pass: []span{{0, 10}}, replace: []edit{{4, []byte("ab")}}}, edits{pass: []span{{0, 4}, {6, 10}}, replace: []edit{{4, []byte("ab")}}}},
		"two replacements":             {edits{replace: []edit{{4, []byte("cd")}, {3, []byte("ab")}, {5, []byte("ef")}}}, edits{replace: []edit{{3, []byte("ab")}, {5, []byte("ef")}}}},
		"two of one place":             {edits{replace: []edit{{3, []byte("ab")}, {3, []byte("cd")}}}, edits{replace: []edit{{3, []byte("ab")}}}},
		"a nested file in a span":      {edits{pass: []span{{0, 10}}, nested: whole(span{2, 5})}, edits{pass: []span{{0, 2}, {5, 10}}, nested: whole(span{2, 5})}},
		"nested files that touch":      {edits{nested: whole(span{5, 8}, span{0, 5})}, edits{nested: whole(span{0, 5}, span{5, 8})}},
		"nested files that overlap":    {edits{pass: []span{{0, 20}}, nested: whole(span{0, 10}, span{4, 6}, span{8, 12}, span{12, 14})}, edits{pass: []span{{14, 20}}, nested: whole(span{0, 10}, span{12, 14})}},
		"a nested file, one before it": {edits{nested: whole(span{0, 10}, span{2, 4}, span{6, 8})}, edits{nested: whole(span{0, 10})}},
		"a replacement in a nested file": {
			edits{pass: []span{{0, 10}}, replace: []edit{{4, []byte("a")}}, nested: whole(span{2, 6})},
			edits{pass: []span{{0, 2}, {6, 10}}, replace: []edit{{4, []byte("a")}}},
		},
		"a replacement after a nested file": {
			edits{replace: []edit{{6, []byte("a")}}, nested: whole(span{2, 6})},
			edits{replace: []edit{{6, []byte("a")}}, nested: whole(span{2, 6})},
		},
	} {
		got := tt.in
		got.sort()
		if !slices.Equal(got.pass, tt.want.pass) || fmt.Sprint(got.replace, got.nested) != fmt.Sprint(tt.want.replace, tt.want.nested) {
			t.Errorf("%s: got %+v, want %+v", name, got, tt.want)
		}
	}
}
