package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// A redacted photo looks like the original in a browser, its colors, its orientation and its first frame included. It
// is a sample of the real photos, and of photos made here where there are none.
func TestRedactedPhotosLookTheSame(t *testing.T) {
	dir := t.TempDir()
	full := testimage.Full()
	exif := testimage.EXIFSegment(full.Encode())
	m := testimage.Gradient(160, 120)
	write(t, filepath.Join(dir, "0.jpg"), testimage.JPEG(m, exif, testimage.Segment(0xFE, []byte("a comment"))))
	write(t, filepath.Join(dir, "1.png"), testimage.PNG(m, testimage.PNGChunk("eXIf", full.Encode()), testimage.TEXT("Author", []byte("somebody"))))
	names := []string{"0.jpg", "1.png"}
	if root := os.Getenv("EXIF_CORPUS"); root != "" {
		few := map[string]int{}
		for _, from := range []string{filepath.Join(root, "../private"), root} {
			err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				ext := strings.ToLower(filepath.Ext(path))
				if !strings.Contains(".jpg .png .webp .gif .avif ", ext+" ") || few[ext] == 12 || d.Name() == "largeexif.png" { // no PNG by its bytes
					return nil
				}
				few[ext]++
				b, err := os.ReadFile(path)
				name := fmt.Sprintf("%d%s", len(names), ext)
				names = append(names, name)
				write(t, filepath.Join(dir, name), b)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	base, _ := caddyfile(t, dir, besideOriginal("redact\n\t\t\tonly Make"))
	b := open(t, base, "", 800, 600)
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	looked := js[map[string][]string](b, `(async () => {
		const looked = {}, pixels = async path => {
			const i = new Image();
			i.src = path;
			try { await i.decode(); } catch { return 'broken'; }
			const scale = Math.min(1, 1500 / Math.max(i.naturalWidth, i.naturalHeight));
			const c = document.createElement('canvas');
			[c.width, c.height] = [i.naturalWidth * scale, i.naturalHeight * scale];
			const x = c.getContext('2d', {willReadFrequently: true});
			x.drawImage(i, 0, 0, c.width, c.height);
			const sum = await crypto.subtle.digest('SHA-256', x.getImageData(0, 0, c.width, c.height).data);
			return i.naturalWidth + 'x' + i.naturalHeight + ' ' + [...new Uint8Array(sum)].join(' ');
		};
		for (const n of `+string(list)+`) looked[n] = [await pixels('/original/' + n), await pixels('/redacted/' + n)];
		return looked;
	})()`)
	same := map[string]int{}
	for name, looks := range looked {
		original, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, redacted := fetch(t, base+"redacted/"+name); redacted == string(original) && bytes.Contains(original, []byte("Exif\x00")) {
			t.Errorf("%s isn't redacted", name)
		}
		switch {
		case looks[0] != looks[1]:
			t.Errorf("%s looks like %.40s, the original like %.40s", name, looks[1], looks[0])
		case looks[0] != "broken":
			same[filepath.Ext(name)]++
		}
	}
	t.Logf("the same: %v", same)
	if same[".jpg"] == 0 || same[".png"] == 0 {
		t.Errorf("none were compared: %v", same)
	}
}
