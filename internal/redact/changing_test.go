package redact

import (
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// changing is a file that another program writes while it is read.
type changing struct {
	versions [][]byte
	rand     *rand.Rand
	one      []byte // what it is at the next reads
}

// ReadAt implements io.ReaderAt.
func (c *changing) ReadAt(p []byte, off int64) (int, error) {
	if c.one == nil || c.rand.IntN(4) == 0 {
		c.one = c.versions[c.rand.IntN(len(c.versions))]
	}
	if off >= int64(len(c.one)) {
		return 0, io.EOF
	}
	n := copy(p, c.one[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestChangingFilesDoNoHarm redacts files that change from read to read: cut off, overwritten, or replaced.
func TestChangingFilesDoNoHarm(t *testing.T) {
	files := testimage.Samples()
	maps.Copy(files, variedPhotos())
	maps.Copy(files, variedFilms())
	names := slices.Sorted(maps.Keys(files))
	policy := &Policy{EXIF: new(exif.Options)}
	for i, name := range names {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		file := files[name]
		for range 30 {
			cut := r.IntN(len(file))
			overwritten := slices.Clone(file)
			clear(overwritten[cut:min(cut+16, len(file))])
			versions := [][]byte{file, file, file, file[:cut], overwritten, make([]byte, len(file)), files[names[r.IntN(len(names))]]}
			_ = Copy(io.Discard, &changing{versions: versions, rand: r}, policy)
		}
	}
}
