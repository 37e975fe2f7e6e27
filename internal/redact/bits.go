package redact

// bitReader reads numbers of bits.
type bitReader struct {
	b    []byte
	at   int
	over bool
}

func (r *bitReader) read(n int) (v uint64) {
	if r.over || n > 8*len(r.b)-r.at {
		r.over = true
		return 0
	}
	for ; n > 0; n-- {
		v = v<<1 | uint64(r.b[r.at/8]>>(7-r.at%8)&1)
		r.at++
	}
	return v
}

// align passes over the bits up to the next byte, which must be 0.
func (r *bitReader) align() {
	if n := -r.at & 7; r.read(n) != 0 {
		r.over = true
	}
}

// skip passes over n bits. It returns false if there aren't as many.
func (r *bitReader) skip(n int) (ok bool) {
	r.over = r.over || n < 0 || n > 8*len(r.b)-r.at
	if !r.over {
		r.at += n
	}
	return !r.over
}

// golomb reads a number in Exp-Golomb coding (14496-10, 9.1).
func (r *bitReader) golomb() uint64 {
	zeros := 0
	for r.read(1) == 0 {
		if zeros++; r.over || zeros > 32 {
			r.over = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.read(zeros)
}
