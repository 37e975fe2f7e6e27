package exif

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/container"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

var rewriteOptions = []Options{
	{},
	{Style: Described, Keep: func(name string) bool { return !strings.HasPrefix(name, "GPS") }},
	{Style: Typed, Unknown: true},
	{Unknown: true, Keep: func(name string) bool { return len(name)%2 == 0 }},
}

// blockToJSON returns the JSON of a block without what is about the thumbnail; false if there is none.
func blockToJSON(block []byte, o *Options) (string, bool) {
	keep := *o
	keep.Keep = func(name string) bool {
		return !strings.HasPrefix(name, "Thumb") && !strings.Contains(name, "JPEGInterchangeFormat") && (o.Keep == nil || o.Keep(name))
	}
	var m Metadata
	if err := m.walk(oneBlock(block), o); err != nil {
		return "", false
	}
	if _, err := m.AppendJSON(nil, o); err != nil {
		return "", false
	}
	b, err := m.AppendJSON(nil, &keep)
	return string(b), err == nil
}

// rewrite returns what is kept of a block in its own place.
func rewrite(block []byte, o *Options) []byte {
	kept, err := keep(oneBlock(block), o)
	if err != nil {
		return nil
	}
	return kept[0].Encode(len(block))
}

// checkRewrite checks that a rewritten block has the same JSON as the block, is no longer, and stays the
// same if rewritten again.
func checkRewrite(t *testing.T, block []byte) {
	t.Helper()
	for i := range rewriteOptions {
		o := &rewriteOptions[i]
		got := rewrite(block, o)
		if len(got) > len(block) {
			t.Fatalf("options %d: %d bytes of %d", i, len(got), len(block))
		}
		if got == nil {
			continue
		}
		want, ok := blockToJSON(block, o)
		after, readable := blockToJSON(got, o)
		switch {
		case !readable:
			t.Fatalf("options %d: the new block can't be read: %q", i, got)
		case !ok:
		case after == want:
		case len(got) > len(block)-300: // Rewrite dropped tags that shared a value
			if !strings.HasPrefix(want, after[:min(len(after)-1, 20)]) {
				t.Fatalf("options %d:\ngot  %s\nwant %s", i, after, want)
			}
		default:
			t.Fatalf("options %d:\ngot  %s\nwant %s", i, after, want)
		}
		if again := rewrite(got, o); !bytes.Equal(again, got) && len(again) == len(got) {
			t.Fatalf("options %d: rewritten again it is another:\n%q\n%q", i, got, again)
		}
	}
	if b := rewrite(block, nil); b != nil {
		all, ok := blockToJSON(b, &Options{Unknown: true})
		for _, name := range []string{"Orientation", "ColorSpace", "InteroperabilityIndex"} {
			all = strings.Replace(all, `"`+name+`"`, "", 1)
		}
		if !ok || strings.Contains(all, `":`) {
			t.Fatalf("nil options: %s", all)
		}
	}
}

func TestRewrittenBlockTellsTheSame(t *testing.T) {
	full := testimage.Full()
	little := full.Encode()
	full.BigEndian = true
	for name, block := range map[string][]byte{
		"little-endian": little, "big-endian": full.Encode(), "BigTIFF": full.EncodeBig(),
		"broken": []byte("II*\x00\xFF\xFF\xFF\x7Fmore"), "nothing": nil, "zeros": make([]byte, 100),
	} {
		t.Run(name, func(t *testing.T) { checkRewrite(t, block) })
	}
}

func TestRewrittenBlockHidesNothing(t *testing.T) {
	const secret = "hidden47"
	b := testimage.Block{
		IFD0: []testimage.Entry{
			testimage.ASCII(0x010F, "maker\x00"+secret),
			testimage.ASCII(0x0131, "\x00"+secret),
			testimage.Bytes(0x9C9B, 1, []byte("a\x00\x00\x00"+secret)),
			testimage.Bytes(0x02BC, 1, []byte(secret)),
		},
		Exif: []testimage.Entry{
			testimage.Undefined(0x9000, []byte("0232")),
			testimage.Undefined(0x9286, []byte("ASCII\x00"+"\x00\x00"+"comment\x00"+secret)),
			testimage.Undefined(0x927C, []byte(secret)),
			testimage.Undefined(0xA302, append([]byte{1, 0, 1, 0, 7}, secret...)),
			testimage.Undefined(0xEAAA, []byte(secret)),
		},
		GPS: []testimage.Entry{
			testimage.Undefined(0x001B, append([]byte("A\x00hidden"), "x\x00"+secret...)),
			testimage.Undefined(0x001C, append([]byte("UNICODE\x00a\x00\x00\x00"), secret...)),
		},
		IFD1:      []testimage.Entry{testimage.ASCII(0x0131, "hidden by no other"), testimage.Long(0x0201, 0), testimage.Long(0x0202, 8)},
		Thumbnail: []byte(secret),
	}
	block := append(b.Encode(), secret...)
	checkRewrite(t, block)
	if got := rewrite(block, &Options{}); bytes.Contains(got, []byte("hidden")) {
		t.Errorf("got %q", got)
	}
}

func TestRewriteOfValuesInCommonDropsTheLast(t *testing.T) {
	// two entries share a text: both don't fit
	block := []byte("II*\x00\x08\x00\x00\x00\x03\x00")
	for _, id := range []byte{0x0E, 0x0F, 0x10} {
		block = append(block, id, 1, 2, 0, 40, 0, 0, 0, 50, 0, 0, 0)
	}
	block = append(block, 0, 0, 0, 0)
	block = append(block, strings.Repeat("x", 39)+"\x00"...)
	got := rewrite(block, &Options{})
	answer, _ := blockToJSON(got, &Options{})
	if want := `{"ImageDescription":"` + strings.Repeat("x", 39) + `"}`; answer != want || len(got) > len(block) {
		t.Errorf("got %s, want %s", answer, want)
	}
}

// blockOf returns the TIFF block of an image with one.
func blockOf(data []byte) []byte {
	c, err := Choose(bytes.NewReader(data))
	if err != nil || len(c.Blocks) != 1 || c.Blocks[0].Foreign != nil {
		return nil
	}
	b := make([]byte, 1<<20)
	n, _ := container.ReadAt(c.Blocks[0].R, b, 0)
	return b[:n]
}

func TestRewrittenBlocksOfRealPhotosTellTheSame(t *testing.T) {
	root := os.Getenv("EXIF_CORPUS")
	if root == "" {
		t.Skip("EXIF_CORPUS isn't set")
	}
	n := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if block := blockOf(data); block != nil {
			n++
			t.Run(filepath.Base(path), func(t *testing.T) { checkRewrite(t, block) })
		}
		return nil
	})
	if err != nil {
		t.Fatal(errors.Join(err))
	}
	if n < 100 {
		t.Errorf("only %d photos with a block", n)
	}
}

func FuzzRewrite(f *testing.F) {
	full := testimage.Full()
	f.Add(full.Encode())
	f.Add(full.EncodeBig())
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		b := full.Encode()
		for range 5 {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, block []byte) { checkRewrite(t, block) })
}

func TestRewriteWithoutAnAnswerKeepsWhatThePictureNeeds(t *testing.T) {
	// 16 texts of control characters, too large for JSON
	b := testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, 6)}}
	for id := range uint16(16) {
		b.IFD0 = append(b.IFD0, testimage.ASCII(0xFE00+id, strings.Repeat("\x01", 4000)))
	}
	got := rewrite(b.Encode(), &Options{Unknown: true})
	if answer, _ := blockToJSON(got, &Options{Unknown: true}); answer != `{"Orientation":"6"}` {
		t.Errorf("got %.100s", answer)
	}
}

func oneBlock(b []byte) []container.Block { return []container.Block{{R: bytes.NewReader(b)}} }
