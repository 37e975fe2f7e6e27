package exif

import (
	"encoding/binary"
	"io"
)

// Kept is what a redacted file keeps of one of its EXIF blocks.
type Kept struct {
	// Off is where the part of the file that carries the block has its data (container.Block.Off).
	Off int64

	order binary.ByteOrder
	tags  []storedTag
}

// Keep returns what a redacted file keeps of the EXIF blocks that its EXIF answer with these options tells: the
// answer's tags, and those that viewers need to show the picture (Orientation, ColorSpace, InteroperabilityIndex).
// If o is nil or the answer is an error, it keeps only the latter. It returns errors of r.
func Keep(r io.ReaderAt, o *Options) ([]Kept, error) {
	return nil, nil
}

// Encode returns the kept tags as a TIFF block of at most limit bytes. If they don't fit, it drops the last ones, and
// those that viewers need after all others. It returns nil if nothing is left.
func (k *Kept) Encode(limit int) []byte { return encode(k.order, k.tags, limit) }
