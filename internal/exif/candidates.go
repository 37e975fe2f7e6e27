package exif

// candidates picks one of the EXIFs that a file has: the first that looks as if it could be read. Where
// there is none, the first of all says what is wrong. Its zero value has seen none.
type candidates struct {
	blocks []block // the one picked so far
	good   bool    // whether it can be read
	broken int     // how many couldn't be
}

// add offers an EXIF; done says that no other is to be looked for.
func (c *candidates) add(blocks []block) (done bool, err error) {
	ok, err := readable(blocks)
	if ok || c.broken == 0 {
		c.blocks, c.good = blocks, ok
	}
	if !ok {
		c.broken++
	}
	return ok || c.broken == maxBroken, err
}

// entriesTried is how many entries of IFD0 tell whether EXIF can be read.
const entriesTried = 8

// readable reports whether one of the first entries of IFD0 is whole. Writers that lose the EXIF leave
// an empty directory, a header alone, zeros, or offsets that lead out of it.
func readable(blocks []block) (bool, error) {
	for _, b := range blocks {
		var buf [8 + 20*entriesTried]byte
		n, err := readAt(b.r, buf[:16], 0)
		if err != nil {
			return false, err
		}
		l, first, ok := parseHeader(buf[:n])
		if !ok {
			continue
		}
		count, size := int64(2), l.entrySize()
		if l.big {
			count = 8
		}
		if n, err = readAt(b.r, buf[:count+entriesTried*size], first); err != nil {
			return false, err
		}
		if int64(n) < count {
			continue
		}
		entries := l.uint(buf[:count])
		for e := buf[count:n]; entries > 0 && int64(len(e)) >= size; e = e[size:] {
			entries--
			if ok, err := l.whole(b, e[:size]); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// uint is a number of 2, 4 or 8 bytes.
func (l layout) uint(b []byte) uint64 {
	switch len(b) {
	case 2:
		return uint64(l.order.Uint16(b))
	case 4:
		return uint64(l.order.Uint32(b))
	default:
		return l.order.Uint64(b)
	}
}

// whole reports whether an entry is of a type that there is and its value within the block.
func (l layout) whole(b block, e []byte) (bool, error) {
	field := (len(e) - 4) / 2 // of the count, and of the value or its offset
	count, value := l.uint(e[4:4+field]), e[4+field:]
	unit := typeSize(l.order.Uint16(e[2:]))
	if unit == 0 || count == 0 || count > toEnd/unit {
		return false, nil
	}
	if offset(count*unit) <= int64(field) {
		return true, nil
	}
	var last [1]byte
	return readFull(b.r, last[:], offset(l.uint(value))+offset(count*unit)-1)
}
