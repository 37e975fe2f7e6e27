package iptc

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// hostile returns packets of a megabyte, each built to cost as much as possible.
func hostile() map[string][]byte {
	const size = maxPackets
	fill := func(head, unit, end string) []byte {
		n := (size - len(testHead) - len(testSpaces) - len(head) - len(end) - len(testEnd) - 100) / len(unit)
		return packetOf("", head+strings.Repeat(unit, n)+end)
	}
	planted, _ := plant()
	return map[string][]byte{
		"a million properties":         fill("", "<q:q/>", ""),
		"known properties":             fill("", "<dc:title/>", ""),
		"items":                        fill("<dc:subject><rdf:Bag>", "<rdf:li>k</rdf:li>", "</rdf:Bag></dc:subject>"),
		"containers":                   fill("<dc:subject>", "<rdf:Bag/>", "</dc:subject>"),
		"attributes":                   []byte(testHead + "<rdf:Description " + strings.Repeat("a ", size/2)),
		"attributes with values":       []byte(testHead + "<rdf:Description " + strings.Repeat("dc:a='' ", size/8)),
		"namespaces":                   []byte(testHead + strings.Repeat("<a xmlns:a=''>", size/14)),
		"namespaces that change":       fill("", "<q:q xmlns:q='a/b'/>", ""),
		"long namespaces":              fill("", "<q:q xmlns:q='http://a/1.0/b/2.0/c/3.0'/>", ""),
		"unknown depth":                []byte(testHead + strings.Repeat("<a>", size/3)),
		"known depth":                  fill("<dc:title>", "<rdf:li>", ""),
		"depth of skipped elements":    fill("<q:q>", "<a>", ""),
		"depth in descriptions":        []byte(testHead + strings.Repeat("<rdf:Description>", size/17)),
		"entities":                     fill("<dc:title>", "&#65;", "</dc:title>"),
		"entities without end":         fill("<dc:title>", "&", "</dc:title>"),
		"an entity bomb":               []byte(`<!DOCTYPE b [<!ENTITY a "` + strings.Repeat("x", 1000) + `"><!ENTITY b "` + strings.Repeat("&a;", 1000) + `">]>` + string(fill("<dc:title>", "&b;", "</dc:title>"))),
		"declarations":                 bytes.Repeat([]byte("<!a>"), size/4),
		"nested declarations":          bytes.Repeat([]byte("<!a "), size/4),
		"comments in declarations":     append([]byte("<!a "), bytes.Repeat([]byte("<!---->"), size/7)...),
		"comments":                     fill("<dc:title>", "<!---->", "</dc:title>"),
		"comments without end":         fill("", "<!--", ""),
		"pieces of text":               fill("<dc:title>", "a<![CDATA[b]]>", "</dc:title>"),
		"texts between elements":       fill("<dc:title>", "<q:q/>aaaaaaaaaaaaaaaa", "</dc:title>"),
		"a text":                       fill("<dc:title>", "a", "</dc:title>"),
		"line ends":                    fill("<dc:title>", "\r", "</dc:title>"),
		"bytes that aren't UTF-8":      fill("<dc:title>", "\xFF", "</dc:title>"),
		"characters that XML excludes": fill("<dc:title>", "\x01a", "</dc:title>"),
		"quotes":                       fill("<photoshop:City>", `"{{`, "</photoshop:City>"),
		"an attribute of quotes":       packetOf(`photoshop:City='`+strings.Repeat(`"`, size-2000)+`'`, ""),
		"unclosed quotes":              fill("", "<dc:title a='", ""),
		"languages":                    fill("<dc:title><rdf:Alt>", "<rdf:li xml:lang='x'>a</rdf:li>", "</rdf:Alt></dc:title>"),
		"fields":                       fill("<Iptc4xmpExt:LocationShown rdf:parseType='Resource'>", "<Iptc4xmpExt:City>a</Iptc4xmpExt:City>", "</Iptc4xmpExt:LocationShown>"),
		"regions":                      fill("<Iptc4xmpExt:ImageRegion><rdf:Bag>", "<rdf:li dc:title='a'/>", "</rdf:Bag></Iptc4xmpExt:ImageRegion>"),
		"a directory":                  fill(`<C:Directory xmlns:C="http://ns.google.com/photos/1.0/container/">`, `<rdf:li/>`, `</C:Directory>`),
		"numbers":                      fill("<Iptc4xmpExt:ModelAge><rdf:Bag>", "<rdf:li>1e300</rdf:li>", "</rdf:Bag></Iptc4xmpExt:ModelAge>"),
		"a number":                     fill("<xmp:Rating>", "1", "</xmp:Rating>"),
		"a date":                       fill("<photoshop:DateCreated>2024-05-01T20:15:00.", "1", "</photoshop:DateCreated>"),
		"a coordinate":                 fill("<Iptc4xmpExt:LocationCreated exif:GPSLatitude='1,", "1", "N'/>"),
		"UTF-16":                       append([]byte("\xFE\xFF"), bytes.Repeat([]byte("\x00<\x00a\x00>"), size/6)...),
		"every property":               append(planted, bytes.Repeat(planted, size/len(planted))...),
	}
}

// maxTime is twice the 20 ms that reading or rewriting may take on an idle machine.
const maxTime = 40 * time.Millisecond

// TestHostilePacketsAreCheap reads, answers and rewrites packets that are built to cost as much as possible.
func TestHostilePacketsAreCheap(t *testing.T) {
	const maxMemory = 12 << 20
	policy := &Policy{Keep: func(string) bool { return true }}
	for name, packet := range hostile() {
		s := &Source{XMP: [][]byte{packet, packet, packet}}
		for does, f := range map[string]func(){
			"reads": func() {
				if _, err := Read(s).AppendJSON(nil, true, nil); err != nil && !errors.Is(err, ErrTooLarge) {
					t.Errorf("%s: %v", name, err)
				}
			},
			"rewrites": func() {
				if out, _ := policy.RewriteXMP(nil, packet); out != nil && len(out) != len(packet) {
					t.Errorf("%s: got %d bytes, want %d", name, len(out), len(packet))
				}
			},
		} {
			took, allocated := cost(f)
			t.Logf("%s: %s in %v, %d bytes", name, does, took, allocated)
			if took > maxTime {
				t.Errorf("%s: %s in %v", name, does, took)
			}
			if allocated > maxMemory {
				t.Errorf("%s: %s with %d bytes", name, does, allocated)
			}
		}
	}
}

// cost returns the time that f takes undisturbed, and the bytes that it allocates. It tries more often if f
// takes longer than it should, since other tests run at the same time.
func cost(f func()) (time.Duration, uint64) {
	var before, after runtime.MemStats
	best := time.Hour
	for i := 0; i < 3 || i < 50 && best > maxTime; i++ {
		runtime.ReadMemStats(&before)
		start := time.Now()
		f()
		best = min(best, time.Since(start))
		runtime.ReadMemStats(&after)
	}
	return best, after.TotalAlloc - before.TotalAlloc
}

// TestHostileIIMIsCheap does the same for blocks.
func TestHostileIIMIsCheap(t *testing.T) {
	const size = 16 << 20
	for name, b := range map[string][]byte{
		"empty datasets": bytes.Repeat(dset(2, 25, ""), size/5),
		"keywords":       bytes.Repeat(dset(2, 25, "k"), size/6),
		"envelopes":      bytes.Repeat(dset(1, 0, ""), size/5),
		"a text":         extended(2, 120, 4, strings.Repeat("\xFF", size)),
	} {
		took, _ := cost(func() {
			if _, err := Read(&Source{IIM: [][]byte{b, b}}).AppendJSON(nil, false, nil); err != nil && !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s: %v", name, err)
			}
		})
		if took > maxTime {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// TestLimits: what comes before a limit counts, what comes after it doesn't.
func TestLimits(t *testing.T) {
	const city, state = `photoshop:City="A"`, `<photoshop:State>B</photoshop:State>`
	read := func(packets ...[]byte) string { return toJSON(t, &Source{XMP: packets}, false) }
	const first, both = `{"cityName":"A"}`, `{"cityName":"A","provinceState":"B"}`

	fill := func(n int) string { return "<q:q>" + strings.Repeat("a", n) + "</q:q>" }
	if got := read(packetOf(city, fill(maxPackets/2)+state)); got != both {
		t.Errorf("half a megabyte: got %s", got)
	}
	if got := read(packetOf(city, fill(maxPackets)+state)); got != first {
		t.Errorf("over a megabyte: got %s", got)
	}
	if got := read(packetOf(city, fill(maxPackets*2/3)), packetOf("", fill(maxPackets*2/3)+state)); got != first {
		t.Errorf("two packets over a megabyte: got %s", got)
	}
	titles := func(n int) string { return strings.Repeat("<dc:title/>", n) }
	if got := read(packetOf(city, titles(4096)+state)); got != both {
		t.Errorf("4,096 properties: got %s", got)
	}
	if got := read(packetOf(city, titles(maxNodes)+state)); got != first {
		t.Errorf("too many properties: got %s", got)
	}
	if got := read(packetOf(city, strings.Repeat("<q:q/>", maxNodes)+state)); got != both {
		t.Errorf("many unknown properties: got %s", got)
	}
	// three elements are around the properties, and dc:title is one
	nested := func(n int) string {
		return "<dc:title>" + strings.Repeat("<rdf:Description>", n) + strings.Repeat("</rdf:Description>", n) + "</dc:title>"
	}
	if got := read(packetOf(city, nested(maxDepth-4)+state)); got != both {
		t.Errorf("depth 32: got %s", got)
	}
	if got := read(packetOf(city, nested(maxDepth-3)+state)); got != first {
		t.Errorf("depth 33: got %s", got)
	}
}

// TestTruncatedAnywhere reads and rewrites the beginning of a packet, however long.
func TestTruncatedAnywhere(t *testing.T) {
	packet := packetOf(`photoshop:City="A"`, `<dc:title><rdf:Alt><rdf:li xml:lang="de">a&amp;b</rdf:li></rdf:Alt></dc:title><!-- c --><photoshop:State><![CDATA[s]]></photoshop:State>`)
	policy := &Policy{Keep: func(string) bool { return true }}
	for i := range packet {
		s := &Source{XMP: [][]byte{packet[:i]}, IIM: [][]byte{packet[:i]}}
		if got := toJSON(t, s, true); !strings.HasPrefix(`{"cityName":"A",`, got[:min(len(got)-1, 16)]) {
			t.Errorf("%d bytes: got %s", i, got)
		}
		if out, _ := policy.RewriteXMP(nil, packet[:i]); out != nil {
			checkPacket(t, packet[:i], out)
		}
	}
	b := block(dset(1, 90, "\x1B%G"), dset(2, 90, "A"), extended(2, 120, 2, "caption"))
	for i := range b {
		toJSON(t, &Source{IIM: [][]byte{b[:i]}}, false)
		policy.RewriteIIM(b[:i])
	}
}
