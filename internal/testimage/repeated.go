package testimage

import "io"

// Repeated is a large file that takes little memory: a start, a repeated piece, and an end. It implements
// io.ReaderAt.
type Repeated struct {
	Start, Piece, End []byte
	Times             int64
}

// Size returns the length of the file.
func (f *Repeated) Size() int64 {
	return int64(len(f.Start)) + f.Times*int64(len(f.Piece)) + int64(len(f.End))
}

// ReadAt implements io.ReaderAt.
func (f *Repeated) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		var b []byte
		switch middle := at - int64(len(f.Start)); {
		case middle < 0:
			b = f.Start[at:]
		case middle < f.Times*int64(len(f.Piece)):
			b = f.Piece[middle%int64(len(f.Piece)):]
		default:
			if at >= f.Size() {
				return n, io.EOF
			}
			b = f.End[middle-f.Times*int64(len(f.Piece)):]
		}
		n += copy(p[n:], b)
	}
	return n, nil
}

// PNGHead returns a PNG up to its first IDAT.
func PNGHead(before ...[]byte) []byte {
	out := append([]byte(PNGSignature), PNGChunk("IHDR", []byte("\x00\x00\x10\x00\x00\x00\x10\x00\x08\x02\x00\x00\x00"))...)
	for _, b := range before {
		out = append(out, b...)
	}
	return out
}

// IDATs returns IDAT chunks of the given sizes. Their bytes aren't a valid picture.
func IDATs(sizes ...int) (out []byte) {
	for i, n := range sizes {
		data := make([]byte, n)
		for k := range data {
			data[k] = byte((k + i) * 167 >> 3)
		}
		out = append(out, PNGChunk("IDAT", data)...)
	}
	return out
}

// LargePNG returns a PNG of about that size. All its IDATs except the last have idat bytes, and
// after are the chunks that follow them.
func LargePNG(size int64, idat int, after ...[]byte) *Repeated {
	f := &Repeated{Start: PNGHead(), Piece: IDATs(idat), End: IDATs(idat / 3)}
	f.Times = (size - int64(len(f.Start)+len(f.End))) / int64(len(f.Piece))
	for _, b := range append(after, PNGChunk("IEND", nil)) {
		f.End = append(f.End, b...)
	}
	return f
}
