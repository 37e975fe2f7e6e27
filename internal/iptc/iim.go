package iptc

import (
	"encoding/binary"
	"slices"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

// The datasets (IIM 4.2) that aren't properties.
const (
	recordEnvelope    = 1
	recordApplication = 2

	datasetVersion     = 0  // of both records
	datasetCharset     = 90 // of the envelope: CodedCharacterSet
	datasetDateCreated = 55
	datasetTimeCreated = 60

	iimMarker = 0x1C
)

// The limits, for all blocks of a file together.
const (
	// maxBlocks bounds the bytes of the blocks. Most have less than a thousand.
	maxBlocks = maxJSON
	// maxDatasets bounds the datasets: 50,000 fit into the blocks.
	maxDatasets = 1 << 14
)

// dataset is a field of an IIM block.
type dataset struct {
	record, number byte
	data           []byte
	raw            []byte // the data with its header
}

// nextDataset returns the dataset at the start of a block and the rest of the block.
func nextDataset(b []byte) (d dataset, rest []byte, ok bool) {
	const header = 5
	if len(b) < header || b[0] != iimMarker {
		return dataset{}, nil, false
	}
	d.record, d.number = b[1], b[2]
	size, head := int(binary.BigEndian.Uint16(b[3:])), header
	if size&0x8000 != 0 { // extended: the size of the size (IIM 4.2, 1.5)
		head += size & 0x7FFF
		if len(b) < head {
			return dataset{}, nil, false
		}
		size = 0
		for _, c := range b[header:head] {
			const most = 1 << 22 // for one more byte, anywhere
			if size > most {
				return dataset{}, nil, false
			}
			size = size<<8 | int(c)
		}
	}
	if size > len(b)-head {
		return dataset{}, nil, false
	}
	end := head + size
	d.data, d.raw = b[head:end], b[:end]
	return d, b[end:], true
}

// unswap returns a block whose bytes stand in order. Programs that write a TIFF's block as LONGs in the wrong
// byte order exist.
func unswap(block []byte) []byte {
	if len(block) < 8 || block[0] == iimMarker || block[3] != iimMarker {
		return block
	}
	block = slices.Clone(block[:len(block)&^3])
	for i := 0; i < len(block); i += 4 {
		slices.Reverse(block[i : i+4])
	}
	return block
}

// iimCharset returns the encoding that an escape sequence in CodedCharacterSet stands for: UTF-8, which is nil,
// or a part of ISO 8859, which ISO 2022 designates as G1, G2 or G3 by its final byte.
func iimCharset(escape []byte) (e encoding.Encoding, ok bool) {
	if len(escape) < 3 || escape[0] != 0x1B {
		return nil, false
	}
	switch second, final := escape[1], escape[len(escape)-1]; {
	case second == '%' && (string(escape[2:]) == "G" || len(escape) == 4 && escape[2] == '/' && 'G' <= final && final <= 'I'):
		return nil, true
	case len(escape) == 3 && second >= '-' && second <= '/':
		e = iso8859[final]
		return e, e != nil
	}
	return nil, false
}

// charsetOf returns the encoding that a block states, and the dataset that states it. Both are nil if it states
// none that is known.
func charsetOf(block []byte) (e encoding.Encoding, stated []byte) {
	for d, rest, ok := nextDataset(block); ok && d.record == recordEnvelope; d, rest, ok = nextDataset(rest) {
		if d.number == datasetCharset {
			if e, ok = iimCharset(d.data); ok {
				return e, d.raw
			}
			return nil, nil
		}
	}
	return nil, nil
}

// iso8859 maps the final bytes of the escape sequences to encodings. ISO 8859-1 is Windows-1252 as in browsers and
// ExifTool: programs state the one and write the other.
var iso8859 = map[byte]encoding.Encoding{
	'A': charmap.Windows1252, 'B': charmap.ISO8859_2, 'C': charmap.ISO8859_3, 'D': charmap.ISO8859_4,
	'F': charmap.ISO8859_7, 'G': charmap.ISO8859_6, 'H': charmap.ISO8859_8, 'L': charmap.ISO8859_5,
	'M': charmap.ISO8859_9, 'V': charmap.ISO8859_10, 'Y': charmap.ISO8859_13, '_': charmap.ISO8859_14,
	'b': charmap.ISO8859_15, 'f': charmap.ISO8859_16,
}

// isListed reports whether a dataset has an item of a list.
func isListed(number byte) bool {
	i, ok := propertyByIIM[number]
	return ok && properties[i].list
}

// repeatable reports whether IIM allows to repeat a dataset of a property that occurs once. The first one is the
// property's.
func repeatable(number byte) bool {
	const objectAttribute, bylineTitle, writer = 4, 85, 122
	return number == objectAttribute || number == bylineTitle || number == writer
}

// readIIM sets the properties of blocks that aren't set yet. The first block with a property wins.
func (m *Metadata) readIIM(blocks [][]byte, d decoder) {
	size, datasets := maxBlocks, maxDatasets
	for _, b := range blocks {
		b = b[:min(len(b), size)]
		size -= len(b)
		m.readBlock(unswap(b), d, &datasets)
	}
}

// readBlock sets the properties of a block that aren't set yet. left is the number of datasets that may still
// be read.
func (m *Metadata) readBlock(block []byte, decode decoder, left *int) {
	found := map[int]*value{}
	var day, time string
	charset, _ := charsetOf(block)
	for d, rest, ok := nextDataset(block); ok && *left > 0; d, rest, ok = nextDataset(rest) {
		*left--
		if d.record != recordApplication {
			continue
		}
		text := decode.iim(d.data, charset)
		switch d.number {
		case datasetDateCreated:
			if !isBlank(text) {
				day = text
			}
			continue
		case datasetTimeCreated:
			if c := (dateParser{rest: text}); c.isClock() {
				time = text
			}
			continue
		}
		i, ok := propertyByIIM[d.number]
		if !ok || isBlank(text) {
			continue
		}
		v := found[i]
		switch {
		case v == nil && properties[i].list:
			found[i] = &value{kind: aBag, items: []value{{text: text}}}
		case properties[i].list:
			v.items = append(v.items, value{text: text})
		case v == nil || !repeatable(d.number):
			found[i] = &value{text: text} // the last one, as in ExifTool
		}
	}
	if t := dateOfIIM(day, time); t != "" {
		found[propertyByIIM[datasetDateCreated]] = &value{text: t}
	}
	for i, v := range found {
		m.set(i, *v)
	}
}
