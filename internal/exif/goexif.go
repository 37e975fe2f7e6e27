package exif

import (
	"encoding/binary"
	"io"
	"slices"

	"github.com/rwcarlsen/goexif/tiff"

	"github.com/caddyexif/caddy-exif/internal/container"
)

// Only this file uses goexif. It passes goexif no entries of the file, only ones made here: of a known
// type, with as many bytes as type and count say.

// entryHead is the size in bytes of an entry; its values come after it.
const entryHead = 12

// numbers collects a file's numbers of one type and byte order into one entry for goexif, which would
// allocate half a kilobyte for each fraction if it got them value by value.
type numbers struct {
	buf []byte
	tag *tiff.Tag // set by decode
}

// add appends the numbers in b, each of size bytes, and returns the index of the first.
func (n *numbers) add(b []byte, size int) (at int) {
	if len(n.buf) == 0 {
		n.buf = append(n.buf, make([]byte, entryHead)...)
	}
	if len(n.buf)+len(b) > cap(n.buf) { // append would grow by a quarter, again and again
		n.buf = slices.Grow(n.buf, max(len(n.buf), len(b)))
	}
	at = (len(n.buf) - entryHead) / size
	n.buf = append(n.buf, b...)
	return at
}

// decode reads the numbers with goexif. typ must be a type that goexif knows.
func (n *numbers) decode(order binary.ByteOrder, typ uint16) (err error) {
	values := n.buf[entryHead:]
	order.PutUint16(n.buf[2:], typ)
	order.PutUint32(n.buf[4:], uint32(uint64(len(values))/container.TypeSize(typ))) //nolint:gosec // at most maxValues
	if len(values) <= 4 {
		copy(n.buf[8:], values)
	} else {
		order.PutUint32(n.buf[8:], entryHead)
	}
	n.tag, err = tiff.DecodeTag(&entryReader{b: n.buf}, order)
	return err
}

// entryReader reads an entry and its values. ReadAt returns io.EOF together with the last bytes, since
// goexif grows its buffer before another read: that was a third of all bytes allocated for an image.
type entryReader struct {
	b   []byte
	pos int
}

// Read implements io.Reader.
func (e *entryReader) Read(p []byte) (n int, err error) {
	n, err = e.ReadAt(p, int64(e.pos))
	e.pos += n
	return n, err
}

// ReadAt implements io.ReaderAt.
func (e *entryReader) ReadAt(p []byte, off int64) (n int, err error) {
	if n = copy(p, e.b[min(off, int64(len(e.b))):]); off+int64(n) >= int64(len(e.b)) {
		err = io.EOF
	}
	return n, err
}

// reset empties n, and frees a large buffer that few images need.
func (n *numbers) reset() {
	n.buf, n.tag = n.buf[:0], nil
	if cap(n.buf) > maxBinary*16 {
		n.buf = nil
	}
}

// fileNumbers holds all numbers of a file by byte order and type.
type fileNumbers struct {
	little, big [container.TypeDouble + 1]numbers
}

func (f *fileNumbers) of(order binary.ByteOrder) *[container.TypeDouble + 1]numbers {
	if order == binary.ByteOrder(binary.BigEndian) {
		return &f.big
	}
	return &f.little
}

// each calls do for each byte order and type with numbers, and stops at its first error.
func (f *fileNumbers) each(do func(n *numbers, order binary.ByteOrder, typ uint16) error) error {
	for _, order := range [...]binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		all := f.of(order)
		for typ := range all {
			if n := &all[typ]; len(n.buf) > 0 {
				if err := do(n, order, uint16(typ)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// decode reads all numbers with goexif.
func (f *fileNumbers) decode() error {
	return f.each(func(n *numbers, order binary.ByteOrder, typ uint16) error { return n.decode(order, typ) })
}

func (f *fileNumbers) reset() {
	_ = f.each(func(n *numbers, _ binary.ByteOrder, _ uint16) error { n.reset(); return nil })
}

// int returns the i'th integer of a value of kindInt.
func (v *value) int(i int) int64 {
	if v.source == nil {
		return v.ints[i]
	}
	n, _ := v.source.tag.Int64(v.at + i) // fails for other kinds only
	return v.sign(n)
}

// rat returns the i'th fraction of a value of kindRat.
func (v *value) rat(i int) (num, den int64) {
	num, den, _ = v.source.tag.Rat2(v.at + i) // fails for other kinds only
	return v.sign(num), v.sign(den)
}

// float returns the i'th floating point number of a value of kindFloat.
func (v *value) float(i int) float64 {
	f, _ := v.source.tag.Float(v.at + i) // fails for other kinds only
	return f
}

// single reports whether the value is stored as 32-bit floating point numbers.
func (v *value) single() bool { return v.source != nil && v.source.tag.Type == tiff.DTFloat }

// unsigned reports whether the value is stored as unsigned numbers of more than a byte.
func (v *value) unsigned() bool {
	if v.source == nil {
		return false
	}
	switch v.source.tag.Type {
	case tiff.DTShort, tiff.DTLong, tiff.DTRational:
		return true
	}
	return false
}
