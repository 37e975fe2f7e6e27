package testimage

// Bits writes numbers bit by bit, the lowest bit first, as Deflate and Brotli read them.
type Bits struct {
	B []byte
	n uint
}

// Put appends the n lowest bits of v.
func (w *Bits) Put(v uint32, n uint) {
	for i := range n {
		if w.n%8 == 0 {
			w.B = append(w.B, 0)
		}
		w.B[w.n/8] |= byte(v>>i&1) << (w.n % 8)
		w.n++
	}
}

// DeflateTables is a zlib stream of blocks with only the tables of their codes (RFC 1951, 3.2.7): 11 bytes
// of the file for two tables.
func DeflateTables(size int) []byte {
	var w Bits
	w.Put(0x0178, 16)
	for len(w.B) < size {
		w.Put(0, 1)                 // not the last
		w.Put(2, 2)                 // dynamic
		w.Put(0, 5)                 // 257 literals and lengths
		w.Put(0, 5)                 // 1 distance
		w.Put(18-4, 4)              // code lengths in their odd order, up to that of 1
		for i := range uint32(18) { // 18 is the third, 1 the last
			if i == 2 || i == 17 {
				w.Put(1, 3)
			} else {
				w.Put(0, 3)
			}
		}
		// 1 has the code 0, 18 the code 1
		w.Put(1, 1)
		w.Put(138-11, 7)
		w.Put(1, 1)
		w.Put(118-11, 7)
		w.Put(0, 1) // the end of the block
		w.Put(0, 1) // the distance
		w.Put(0, 1) // the end of the block
	}
	return w.B
}
