package testimage

import (
	"bytes"
	"encoding/hex"
)

// Item is a picture of a HEIF.
type Item struct {
	Type       string
	Properties [][]byte // boxes, all of them essential
	Data       []byte
}

// Coded returns a picture of 160 × 120 pixels as an item of type hvc1 or av01: its upper left quarter is red, its upper
// right one white, its lower half blue.
func Coded(typ string) Item {
	var config, data string
	switch typ {
	case "hvc1":
		config = "0103700000000000000000001ef000fcfdf8f800000f03200001001840010c01ffff03700000030090000003000003001eba0240210001002b420101" +
			"03700000030090000003000003001ea014207965ba924a6b9b81010302000003000200000300021022000100074401c172b06240"
		data = "000000632801af0b51e340bb5d3d87bd83affff2caf7ea2883a110c6de3061d734ec11751e6bb4ac92fb319b014608ccee77e58efc785cf0be61f805" +
			"e0be0ff1f986dee38decd786d03ff8f4ce5876270b776650b1e8bc7d385fe0000003000070c000008f0514"
	case "av01":
		config = "81000c00"
		data = "12000a09181da7fbb0408081a1324644b001a69a6850b480f1934c9ed7c6b9ff05737d2d7bdacf0cb7ca6a3dbed2dcbb30e2a05f263241cc71813f3f" +
			"2ebcbf7a2b8f207d0c56f96390d28d8269f2c7f1bb26be425e"
	}
	decoded := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			panic(err)
		}
		return b
	}
	box := map[string]string{"hvc1": "hvcC", "av01": "av1C"}[typ]
	return Item{typ, [][]byte{
		Box(box, decoded(config)), FullBox("ispe", 0, []byte{0, 0, 0, 160, 0, 0, 0, 120}), FullBox("pixi", 0, []byte{3, 8, 8, 8}),
	}, decoded(data)}
}

// HEIFThumbnail returns a HEIF whose primary item has a JPEG thumbnail in that many pieces. The item is turned by
// quarters (irot), and mirrored (imir) unless that is -1.
func HEIFThumbnail(jpeg []byte, pieces int, quarters byte, mirrored int) []byte {
	photo := [][]byte{FullBox("ispe", 0, []byte{0, 0, 0, 64, 0, 0, 0, 48}), Box("irot", []byte{quarters})}
	if mirrored >= 0 {
		photo = append(photo, Box("imir", []byte{byte(mirrored)}))
	}
	return HEIFThumbnails(Item{Type: "hvc1", Properties: photo}, pieces, Item{Type: "jpeg", Data: jpeg})
}

// HEIFThumbnails returns a HEIF whose primary item has thumbnails, the data of each in that many pieces.
func HEIFThumbnails(photo Item, pieces int, thumbnails ...Item) []byte {
	items := append([]Item{photo}, thumbnails...)
	count := be.AppendUint16(nil, uint16(len(items)))
	iinf, ipma, data, located := [][]byte{count}, be.AppendUint32(nil, uint32(len(items))), []byte(nil), byte(0)
	var ipco, iref [][]byte
	for i, item := range items {
		id := []byte{0, byte(i + 1)}
		iinf = append(iinf, FullBox("infe", 2, id, []byte{0, 0}, []byte(item.Type+"\x00")))
		ipma = append(append(ipma, id...), byte(len(item.Properties)))
		for _, p := range item.Properties {
			ipco = append(ipco, p)
			ipma = append(ipma, 0x80|byte(len(ipco)))
		}
		if i > 0 {
			iref = append(iref, Box("thmb", id, []byte{0, 1, 0, 1}))
		}
		data = append(data, item.Data...)
		if item.Data != nil {
			located++
		}
	}
	meta := func(at int) []byte {
		iloc := []byte{0x44, 0, 0, located}
		for i, item := range items {
			n := len(item.Data)
			if item.Data == nil {
				continue
			}
			iloc = append(iloc, 0, byte(i+1), 0, 0, 0, byte(pieces))
			step := (n + pieces - 1) / pieces
			for k := range pieces {
				from := min(k*step, n)
				iloc = be.AppendUint32(be.AppendUint32(iloc, uint32(at+from)), uint32(min(step, n-from)))
			}
			at += n
		}
		return FullBox("meta", 0,
			FullBox("hdlr", 0, []byte("\x00\x00\x00\x00pict\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")),
			FullBox("pitm", 0, []byte{0, 1}),
			FullBox("iinf", 0, iinf...),
			FullBox("iref", 0, iref...),
			Box("iprp", Box("ipco", ipco...), FullBox("ipma", 0, ipma)),
			FullBox("iloc", 0, iloc))
	}
	ftyp := FileType("heic", "mif1", "heic")
	return bytes.Join([][]byte{ftyp, meta(len(ftyp) + len(meta(0)) + 8), Box("mdat", data)}, nil)
}
