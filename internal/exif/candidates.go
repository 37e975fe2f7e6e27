package exif

import "github.com/caddyexif/caddy-exif/internal/container"

// candidates picks one of a file's EXIF blocks: the first that looks readable, else the first of all,
// whose error Decode returns. Its zero value is ready for use.
type candidates struct {
	blocks   []block // the EXIF picked so far
	readable bool    // it looks readable
	broken   int     // number of unreadable ones
}

// add offers an EXIF; done is true if the search can stop.
func (c *candidates) add(blocks []block) (done bool, err error) {
	ok, err := readable(blocks)
	if ok || c.broken == 0 {
		c.blocks, c.readable = blocks, ok
	}
	if !ok {
		c.broken++
	}
	return ok || c.broken == MaxBroken, err
}

// entriesTried is the number of entries of IFD0 that readable checks.
const entriesTried = 8

// readable reports whether one of the first entries of IFD0 is intact. Writers that lose the EXIF leave
// an empty directory, a header alone, zeros, or offsets beyond its end.
func readable(blocks []block) (bool, error) {
	for _, b := range blocks {
		var buf [8 + 20*entriesTried]byte
		n, err := container.ReadAt(b.r, buf[:16], 0)
		if err != nil {
			return false, err
		}
		l, first, ok := container.ParseTIFFHeader(buf[:n])
		if !ok {
			continue
		}
		count, size := int64(2), l.EntrySize()
		if l.Big {
			count = 8
		}
		if n, err = container.ReadAt(b.r, buf[:count+entriesTried*size], first); err != nil {
			return false, err
		}
		if int64(n) < count {
			continue
		}
		entries := l.Uint(buf[:count])
		for e := buf[count:n]; entries > 0 && int64(len(e)) >= size; e = e[size:] {
			entries--
			if ok, err := validEntry(l, b, e[:size]); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// validEntry reports whether an entry has a known type and its value lies within the block.
func validEntry(l container.Layout, b block, e []byte) (bool, error) {
	_, typ, count, value := l.Fields(e)
	unit := typeSize(typ)
	if unit == 0 || count == 0 || count > container.ToEnd/unit {
		return false, nil
	}
	if container.Offset(count*unit) <= int64(len(value)) {
		return true, nil
	}
	var last [1]byte
	return container.ReadFull(b.r, last[:], container.Offset(l.Uint(value))+container.Offset(count*unit)-1)
}
