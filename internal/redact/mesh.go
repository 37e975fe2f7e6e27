package redact

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"math"
	"math/bits"
	"slices"
)

// The projection of VR180 and fisheye videos (Spherical Video V2, "Mesh Projection Box") is a checksum, a coding, and boxes with
// the triangles that the picture is on: numbers, most of them differences of a few bits. A mesh is kept if all of it can be
// followed, as players do; then it has no place for a text.

const (
	maxMesh         = 64 << 10
	maxInflatedMesh = 1 << 20
	// maxMeshNumbers bounds each list. Players accept 128,000 indices at most.
	maxMeshNumbers = 128_000
)

// keepMesh keeps the boxes mshp and ytmp.
func keepMesh(b *box) bool { return isMesh(b.body) }

// isMesh reports whether b is the body of such a box.
func isMesh(b []byte) bool {
	if len(b) < 12 || len(b) > maxMesh || binary.BigEndian.Uint32(b) != 0 {
		return false
	}
	data := b[12:]
	switch string(b[8:12]) {
	case "raw ":
	case "dfl8":
		in := bytes.NewReader(data)
		out, err := io.ReadAll(io.LimitReader(flate.NewReader(in), maxInflatedMesh+1))
		if err != nil || len(out) > maxInflatedMesh || in.Len() > 0 {
			return false
		}
		data = out
	default:
		return false
	}
	for n := 0; ; n++ {
		h, ok := parseBox(data)
		if !ok || h.Size > int64(len(data)) || h.Type != "mesh" {
			return n > 0 && len(data) == 0
		}
		body := data[h.Head:h.Size]
		if !isTriangles(body, false) && !isTriangles(body, true) {
			return false
		}
		data = data[h.Size:]
	}
}

// isTriangles reports whether b is the body of the box mesh: coordinates, points made of them, and lists of points, which begin at a
// byte if they are aligned.
func isTriangles(b []byte, aligned bool) bool {
	r := bitReader{b: b}
	coordinates, letters := r.count(), 0
	for range coordinates {
		const farthest, text = 8192, 3 // farthest: of a sphere of a few units
		x := uint32(r.read(32))        //nolint:gosec // G115: 32 bits
		if letters++; slices.ContainsFunc(binary.BigEndian.AppendUint32(nil, x), isNoLetter) {
			letters = 0
		}
		if v := float64(math.Float32frombits(x)); math.IsNaN(v) || math.Abs(v) >= farthest || letters == text {
			return false
		}
	}
	points := r.count()
	if !r.follow(points, coordinates, 5) { // a place in space, and one in the picture
		return false
	}
	r.align()
	for range r.count() {
		texture, shared := r.read(8), r.read(8) // shared: whether triangles have corners in common
		if texture > 2 || shared > 2 {
			return false
		}
		if !r.follow(r.count(), points, 1) {
			return false
		}
		if aligned {
			r.align()
		}
	}
	r.align()
	return !r.over && r.at == 8*len(b)
}

// count reads the length of a list, of which each number has a bit at least.
func (r *bitReader) count() int {
	n := r.read(32)
	if n > maxMeshNumbers || n > uint64(8*len(r.b)-r.at) { //nolint:gosec // G115: no less than 0
		r.over = true
		return 0
	}
	return int(n)
}

// follow reads n rows of indices, each as its difference from that of the row before. It reports whether all are below a limit.
func (r *bitReader) follow(n, limit, columns int) bool {
	if n == 0 || r.over {
		return !r.over
	}
	if limit == 0 {
		return false
	}
	width := bits.Len(uint(2*limit - 1))
	index := make([]int64, columns)
	for range n {
		for i := range index {
			v := r.read(width)
			if index[i] += int64(v>>1) ^ -int64(v&1); r.over || index[i] < 0 || index[i] >= int64(limit) {
				return false
			}
		}
	}
	return true
}
