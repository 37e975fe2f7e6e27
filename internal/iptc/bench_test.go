package iptc

import (
	"errors"
	"testing"
)

// BenchmarkRead reads a picture's metadata and renders it as JSON.
func BenchmarkRead(b *testing.B) {
	for name, s := range benchSources(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				var err error
				if buf, err = Read(s).AppendJSON(buf[:0], false, nil); err != nil && !errors.Is(err, ErrTooLarge) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRewrite rewrites a packet.
func BenchmarkRewrite(b *testing.B) {
	p := &Policy{Keep: func(string) bool { return true }}
	for name, s := range benchSources(b) {
		if len(s.XMP) == 0 {
			continue
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s.XMP[0])))
			b.ReportAllocs()
			for b.Loop() {
				p.RewriteXMP(nil, s.XMP[0])
			}
		})
	}
}

// benchSources are typical metadata and the extremes.
func benchSources(b *testing.B) map[string]*Source {
	planted, _ := plant()
	all := hostile()
	sources := map[string]*Source{
		"credit": {XMP: [][]byte{padded(packetOf(`photoshop:Credit="Agency" photoshop:City="A"`,
			`<dc:creator><rdf:Seq><rdf:li>A. Nonym</rdf:li></rdf:Seq></dc:creator>`), 2000)}},
		"IIM":            {IIM: [][]byte{block(dset(1, 90, "\x1B%G"), dset(2, 0, "\x00\x04"), dset(2, 90, "Köln"), dset(2, 80, "A. Nonym"))}},
		"nothing":        {},
		"every property": {XMP: [][]byte{planted}},
		"items":          {XMP: [][]byte{all["items"]}},
		"entities":       {XMP: [][]byte{all["entities"]}},
	}
	if packets := corpusPackets(b, "iptc/IPTC-PhotometadataRef-Std2023.2.jpg"); packets != nil {
		sources["reference picture"] = &Source{XMP: packets}
	}
	return sources
}
