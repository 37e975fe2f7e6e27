package container

import "io"

// MaxPictures bounds the JPEGs in one file: parsing each needs a few reads, which can be as many requests to a
// bucket. RAW files have up to five.
const MaxPictures = 32

// Place is where an embedded JPEG may be.
type Place struct {
	R   io.ReaderAt
	Run Extent
	// MayBeMap is true if it may be a gain map, a depth map or a matte.
	MayBeMap bool
}
