package exif

import (
	"io"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// maxPictures bounds the JPEGs in one file: parsing each needs a few reads, which can be as many requests to a
// bucket. RAW files have up to five.
const maxPictures = 32

// place is where an embedded JPEG may be.
type place struct {
	r   io.ReaderAt
	run container.Extent
	// mayBeMap is true if it may be a gain map, a depth map or a matte.
	mayBeMap bool
}
