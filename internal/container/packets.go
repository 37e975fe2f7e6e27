package container

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
)

// Beside EXIF, files carry what people wrote about the picture: packets of XMP (ISO 16684-1; where each format has
// them is in XMP's part 3), and IPTC's records (IIM), mostly in Photoshop's resource 0x0404.

// PacketKind is what a packet holds.
type PacketKind uint8

// The kinds of packets.
const (
	XMP         PacketKind = iota // a whole packet of XMP
	ExtendedXMP                   // a part of the XMP that continues the packet of a JPEG
	IIM                           // records of IIM
	Label                         // a text that labels generated content
)

// Packet is a part of a file with XMP or IIM, or a label.
type Packet struct {
	Kind PacketKind
	// R has the packet's N bytes, without what the container puts around them.
	R io.ReaderAt
	N int64
	// Off is where the part of the file that carries the packet has its data, as in Block.
	Off int64
	// Runs are the places of these bytes in the file, none if they are coded there: compressed, or as digits.
	Runs []Extent
	// GUID names the XMP that a part of extended XMP belongs to, Total is the length of all parts, and At is where
	// this one begins in it.
	GUID      string
	Total, At int64
}

// PacketOffer is called with each packet of a file, in file order, until it returns done.
type PacketOffer func(p Packet) (done bool, err error)

const (
	// MaxPacket bounds the decompressed bytes of a packet.
	MaxPacket = 1 << 20
	// ExtendedXMPIntro begins APP1 segments with a part of extended XMP (XMP, part 3, 1.1.3.1): a GUID of 32 letters, the
	// length of all parts and the offset of this one come after it.
	ExtendedXMPIntro = "http://ns.adobe.com/xmp/extension/\x00"
	// ExtendedXMPHead is the length of the intro and of those fields.
	ExtendedXMPHead = len(ExtendedXMPIntro) + 32 + 4 + 4

	// pngLabel is the keyword of PNG's text chunks with the label of China's measures of 2025 for generated content,
	// maxLabel the most bytes read of it.
	pngLabel = "AIGC"
	maxLabel = 4 << 10

	// GettyXMPIntro is what Getty's files have in place of XMPIntro.
	GettyXMPIntro = "XMP\x00://ns.adobe.com/xap/1.0/\x00"

	psdIIM = 0x0404
	psdXMP = 0x0424

	// XMPUUID is the type of uuid boxes with XMP.
	XMPUUID = "\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC"
	// iimUUID is that of boxes with IIM.
	iimUUID = "\x33\xC7\xA4\xD2\xB8\x1D\x47\x23\xA0\xBA\xF1\xA3\xE0\x97\xAD\x38"
	// photoshopUUID is that of boxes with Photoshop's image resources.
	photoshopUUID = "\x2C\x4C\x01\x00\x85\x04\x40\xB9\xA0\x3E\x56\x21\x48\xD6\xDF\xEB"
)

// packetFinders has the finders by the names that Sniff gives the formats. TIFF and formats based on it have their
// packets in tags.
var packetFinders = map[string]func(io.ReaderAt, PacketOffer) error{
	"jpeg": jpegPackets, "png": pngPackets, "webp": webpPackets, "gif": gifPackets, "heif": heifPackets,
	"avif": heifPackets, "jxl": jxlPackets, "jp2": uuidPackets, "cr3": uuidPackets, "psd": psdPackets, "raf": rafPackets,
}

// Packets offers the XMP and the IIM of a file in the format that Sniff named.
func Packets(r io.ReaderAt, format string, f PacketOffer) error {
	if find := packetFinders[format]; find != nil {
		return find(r, f)
	}
	return nil
}

// PacketAt returns a packet in one run of the file.
func PacketAt(r io.ReaderAt, kind PacketKind, run Extent) Packet {
	return Packet{Kind: kind, R: RunReader(r, run), N: run.N, Off: run.Off, Runs: []Extent{run}}
}

// decoded returns a packet whose bytes are coded at off in the file.
func decoded(kind PacketKind, b []byte, off int64) Packet {
	return Packet{Kind: kind, R: bytes.NewReader(b), N: int64(len(b)), Off: off}
}

// jpegPackets offers the packets before the start of scan: those of XMP, then that of IIM in Photoshop's resources,
// which may be split into several segments.
func jpegPackets(r io.ReaderAt, f PacketOffer) error {
	var photoshop []Extent
	found := false
	err := NewJPEG(r).Each(func(h *SegmentHead, n int, off int64) (done bool, err error) {
		if run, ok := h.Resources(n, off); ok {
			photoshop = append(photoshop, run)
			return false, nil
		}
		if h[1] != MarkerAPP1 || n < len(h) || !mayBeXMP(h[4:]) {
			return false, nil
		}
		data := Extent{off + 4, h.length() - 2}
		var b [ExtendedXMPHead]byte
		n, err = ReadAt(r, b[:min(int64(len(b)), data.N)], data.Off)
		if err != nil {
			return false, err
		}
		head := b[:n]
		if bytes.HasPrefix(head, []byte(ExtendedXMPIntro)) {
			if n < len(b) {
				return false, nil
			}
			p := PacketAt(r, ExtendedXMP, skip(data, int64(len(b))))
			p.GUID = string(head[len(ExtendedXMPIntro):][:32])
			p.Total, p.At = TwoUint32(head[len(b)-8:])
			found, err = f(p)
			return found, err
		}
		intro := len(XMPIntro)
		if !bytes.HasPrefix(head, []byte(XMPIntro)) {
			intro = bytes.IndexByte(head, '<') // after another one
		}
		if intro >= 0 {
			found, err = f(PacketAt(r, XMP, skip(data, int64(intro))))
		}
		return found, err
	})
	for !found && err == nil && len(photoshop) > 0 {
		var joined *Joined
		if joined, photoshop, err = nextResources(r, photoshop); err != nil {
			return err
		}
		found, err = ResourcePackets(joined, Extent{N: joined.Len()}, func(p Packet) (bool, error) {
			p.Runs = joined.Parts(p.Runs[0])
			if len(p.Runs) > 0 {
				p.Off = p.Runs[0].Off
			}
			return f(p)
		})
	}
	return err
}

// nextResources returns the resources that the first segments share, and the other segments. A segment that begins with
// a resource doesn't continue the one before, which may be broken.
func nextResources(r io.ReaderAt, segments []Extent) (joined *Joined, rest []Extent, err error) {
	n := 1
	for ; n < len(segments); n++ {
		begins, err := startsWith(RunReader(r, segments[n]), resourceSignatures[0])
		if err != nil {
			return nil, nil, err
		}
		if begins {
			break
		}
	}
	return Join(r, segments[:n]), segments[n:], nil
}

// mayBeXMP reports whether an APP1 segment may have XMP, by its first bytes. Like ExifTool, it accepts other intros:
// Getty's begins with XMP and a zero byte, some have no zero byte at their end, and some files have none.
func mayBeXMP(id []byte) bool {
	for _, intro := range [...]string{"http:", "XMP\x00:", "<?xpacket", "<x:xmpmeta"} {
		if bytes.HasPrefix(id, []byte(intro)) {
			return true
		}
	}
	return false
}

// ResourcePackets offers the packets among image resources, and returns whether f is done.
func ResourcePackets(r io.ReaderAt, in Extent, f PacketOffer) (done bool, err error) {
	err = eachResource(r, in, func(id uint16, data Extent) (bool, error) {
		var err error
		switch {
		case data.N == 0:
		case id == psdIIM:
			done, err = f(PacketAt(r, IIM, data))
		case id == psdXMP:
			done, err = f(PacketAt(r, XMP, data))
		}
		return done, err
	})
	return done, err
}

func psdPackets(r io.ReaderAt, f PacketOffer) error {
	run, ok, err := PSDResources(r)
	if !ok || err != nil {
		return err
	}
	_, err = ResourcePackets(r, run, f)
	return err
}

// rafPackets offers the packets of the preview.
func rafPackets(r io.ReaderAt, f PacketOffer) error {
	preview, ok, err := RAFPreview(r)
	if !ok || err != nil {
		return err
	}
	return jpegPackets(RunReader(r, preview), func(p Packet) (bool, error) {
		p.Off += preview.Off
		for i := range p.Runs {
			p.Runs[i].Off += preview.Off
		}
		return f(p)
	})
}

// pngXMP is the keyword of an iTXt chunk with XMP.
const pngXMP = "XML:com.adobe.xmp"

// pngPackets offers the XMP in iTXt chunks, and XMP and IIM in profiles.
func pngPackets(r io.ReaderAt, f PacketOffer) error {
	p := profiles{r: r, left: MaxProfileSteps}
	return eachPNG(r, func(typ, keyword string, data Extent) (bool, error) {
		text := skip(data, int64(len(keyword))+1)
		if typ == "iTXt" && keyword == pngXMP {
			packet, err := p.xmp(text)
			packet.Off = data.Off
			if packet.R == nil || err != nil {
				return false, err
			}
			return f(packet)
		}
		if keyword == pngXMP && (typ == "zTXt" || typ == "tEXt") { // not by the standard, but ExifTool reads it as well
			b, _, err := p.text(typ, text, maxProfile)
			if len(b) == 0 || err != nil {
				return false, err
			}
			return f(decoded(XMP, b, data.Off))
		}
		if keyword == pngLabel {
			if p.left -= profileSteps; p.left < 0 {
				return true, nil
			}
			b, _, err := p.text(typ, text, maxLabel)
			if len(b) == 0 || err != nil {
				return false, err
			}
			return f(decoded(Label, b, data.Off))
		}
		kind, ok := strings.CutPrefix(keyword, profileIntro)
		if !ok {
			return false, nil
		}
		kind = strings.ToLower(kind)
		if !slices.Contains([]string{"xmp", "app1", "iptc", "8bim"}, kind) {
			return false, nil
		}
		if p.left -= profileSteps; p.left < 0 {
			return true, nil
		}
		b, _, err := p.text(typ, text, maxProfile)
		if err != nil {
			return false, err
		}
		b, _ = decodeProfile(b)
		switch rest, isXMP := bytes.CutPrefix(b, []byte(XMPIntro)); {
		case isXMP || kind == "xmp":
			return f(decoded(XMP, rest, data.Off))
		case kind == "app1":
			return false, nil
		case len(b) > 0 && b[0] == 0x1C: // the mark of a record, without the resource around it
			return f(decoded(IIM, b, data.Off))
		}
		return ResourcePackets(bytes.NewReader(b), Extent{N: int64(len(b))}, func(p Packet) (bool, error) {
			p.Off, p.Runs = data.Off, nil
			return f(p)
		})
	})
}

// xmp returns the packet in the data of an iTXt chunk after the keyword, without R if there is none.
func (p *profiles) xmp(data Extent) (packet Packet, err error) {
	var b [256]byte // compression flag and method, language tag, translated keyword
	n, err := ReadAt(p.r, b[:min(int64(len(b)), data.N)], data.Off)
	if err != nil || n < 4 {
		return packet, err
	}
	if b[0] == 0 {
		head := 2
		for range 2 {
			i := bytes.IndexByte(b[head:n], 0)
			if i < 0 {
				return packet, nil
			}
			head += i + 1
		}
		return PacketAt(p.r, XMP, skip(data, int64(head))), nil
	}
	text, _, err := p.text("iTXt", data, MaxPacket)
	return decoded(XMP, text, data.Off), err
}

func webpPackets(r io.ReaderAt, f PacketOffer) error {
	return eachWebP(r, webpXMPFlag, func(name string, data Extent) (bool, error) {
		if name != "XMP " && name != "XMP\x00" { // some programs write the second
			return false, nil
		}
		return f(PacketAt(r, XMP, data))
	})
}

// heifPackets offers the items with XMP (23008-12, annex C), compressed or not.
func heifPackets(r io.ReaderAt, f PacketOffer) error {
	w, err := OpenHEIF(r)
	if err != nil {
		return err
	}
	left := int64(MaxProfileSteps)
	return w.eachItem(func(id uint64, typ string, strings Extent) (bool, error) {
		if typ != "mime" {
			return false, nil
		}
		var b [256]byte // name, content type, encoding
		n, err := ReadAt(r, b[:min(int64(len(b)), strings.N)], strings.Off)
		if err != nil {
			return false, err
		}
		s := bytes.SplitN(b[:n], []byte{0}, 4)
		if len(s) < 2 || string(s[1]) != "application/rdf+xml" {
			return false, nil
		}
		runs, ok, err := w.locate(id)
		if !ok || err != nil || len(runs) == 0 {
			return false, err
		}
		joined := Join(r, runs)
		if len(s) < 3 || len(s[2]) == 0 {
			return f(Packet{Kind: XMP, R: joined, N: joined.Len(), Off: runs[0].Off, Runs: runs})
		}
		if left -= profileSteps + joined.Len()*PackedSteps; left < 0 {
			return true, nil
		}
		out, err := decodeItem(joined, string(s[2]))
		left -= int64(len(out))
		if len(out) == 0 || err != nil {
			return false, err
		}
		return f(decoded(XMP, out, runs[0].Off))
	})
}

// decodeItem returns the data of an item with a content encoding (14496-12, 8.11.6.2), nothing if it isn't known.
func decodeItem(joined *Joined, encoding string) ([]byte, error) {
	whole := Extent{N: joined.Len()}
	switch encoding {
	case "deflate":
		src := &section{R: joined, Run: whole}
		out := unzlib(bufio.NewReaderSize(src, 1024), MaxPacket)
		return out, src.Err
	case "br":
		return readBrotli(joined, whole)
	}
	return nil, nil
}

// jxlPackets offers the boxes xml (18181-2, 9.6), compressed or not.
func jxlPackets(r io.ReaderAt, f PacketOffer) error {
	if bare, err := startsWith(r, JXLCodestream); bare || err != nil {
		return err
	}
	w := &boxes{R: r}
	return w.each(wholeFile, func(b box) (bool, error) {
		switch {
		case b.Type == "xml ":
			return f(PacketAt(r, XMP, b.Body))
		case b.Type == "brob" && bytes.HasPrefix(b.Peek, []byte("xml ")):
			out, err := readBrotli(r, skip(b.Body, 4))
			if err != nil {
				return false, err
			}
			return f(decoded(XMP, out, b.Body.Off))
		}
		return false, nil
	})
}

// uuidPackets offers the packets in uuid boxes at the top level of JPEG 2000 and CR3.
func uuidPackets(r io.ReaderAt, f PacketOffer) error {
	if bare, err := startsWith(r, J2KCodestream); bare || err != nil {
		return err
	}
	w := &boxes{R: r}
	return w.each(wholeFile, func(b box) (bool, error) {
		if b.Type != "uuid" {
			return false, nil
		}
		switch string(b.UUID[:]) {
		case XMPUUID:
			return f(PacketAt(r, XMP, b.Body))
		case iimUUID:
			return f(PacketAt(r, IIM, b.Body))
		case photoshopUUID:
			return ResourcePackets(r, b.Body, f)
		}
		return false, nil
	})
}

// gifXMP begins the application extension with XMP (XMP, part 3, 1.1.2). Its data isn't cut into sub-blocks: a trailer
// of 258 bytes leads readers, which take letters for lengths, to the end.
const (
	gifXMP     = "\xFF\x0BXMP DataXMP"
	gifTrailer = 258
	// GIFXMP is the whole head of that extension.
	GIFXMP = "!" + gifXMP
)

// gifPackets offers the packets within the first maxFrameBytes.
func gifPackets(r io.ReaderAt, f PacketOffer) error {
	_, err := eachGIF(r, func(label string, data Extent) (bool, error) {
		if label != gifXMP || data.N < gifTrailer {
			return false, nil
		}
		return f(PacketAt(r, XMP, Extent{data.Off, data.N - gifTrailer}))
	})
	return err
}
