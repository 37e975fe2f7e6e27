package caddyexif

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/redact"
)

// operation is something that can be asked of an object, by its path and the operation's suffix. To add
// one, add an entry to operations and a function that makes its response.
type operation struct {
	// word ends the suffix, in any letter case.
	word string
	// contentType is the content type of its responses, unless fill sets another.
	contentType string
	// fill makes the response from an opened object: it sets the body or the stream, and the
	// object's format and number of tags. On an error there is no body.
	fill func(x *exchange, res *response) error
}

// operations are all operations, in the order of the documentation.
var operations = []*operation{
	{word: "exif", contentType: jsonType, fill: fillEXIF},
	{word: "imageInfo", contentType: jsonType, fill: fillInfo},
	{word: iptcWord, contentType: jsonType, fill: fillIPTC},
	{word: "thumbnail", contentType: "image/jpeg", fill: fillPicture(redact.FindThumbnail)},
	{word: "preview", contentType: "image/jpeg", fill: fillPicture(redact.FindPreview)},
}

// jsonType is the content type of JSON.
const jsonType = "application/json"

// suffix returns what the operation appends to the object's path.
func (op *operation) suffix() string { return suffixMark + op.word }

// ofFolders reports whether the operation can be asked of a folder, whose response is JSON.
func (op *operation) ofFolders() bool { return op.contentType == jsonType }

// operationWords returns the words of all operations.
func operationWords() []string {
	words := make([]string, len(operations))
	for i, op := range operations {
		words[i] = op.word
	}
	return words
}

// operationsOf looks up operations by their words. Without words it returns exif.
func operationsOf(words []string) ([]*operation, error) {
	if len(words) == 0 {
		return operations[:1], nil
	}
	var ops []*operation
	for i, word := range words {
		j := slices.IndexFunc(operations, func(op *operation) bool { return op.word == word })
		switch {
		case j < 0:
			return nil, fmt.Errorf("operations: %q is none of %s", word, strings.Join(operationWords(), ", "))
		case slices.Contains(words[:i], word):
			return nil, fmt.Errorf("operations: %s is given twice", word)
		}
		ops = append(ops, operations[j])
	}
	return ops, nil
}

// scratch is a scratch buffer for decoding.
type scratch struct {
	meta exif.Metadata
	json []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// maxPooledJSON is the largest capacity for which a JSON buffer is pooled.
const maxPooledJSON = 16 << 10

func (s *scratch) release() {
	if cap(s.json) > maxPooledJSON {
		s.json = nil
	}
	scratches.Put(s)
}

// fillEXIF responds with the object's tags.
func fillEXIF(x *exchange, res *response) error {
	s := scratches.Get().(*scratch)
	defer s.release()
	err := s.meta.Decode(&x.object, &x.h.options)
	res.format, res.tags = s.meta.Format, s.meta.Len()
	if err == nil {
		s.json, err = x.appendEXIF(s.json[:0], &s.meta)
	}
	if err == nil {
		res.body = bytes.Clone(s.json)
	}
	return err
}

// appendEXIF appends the tags, and what the dialect says of the picture beside them.
func (x *exchange) appendEXIF(dst []byte, meta *exif.Metadata) ([]byte, error) {
	o := &x.h.options
	if !o.Dialect.NeedsInfo() {
		return meta.AppendJSON(dst, o)
	}
	info, err := exif.ReadInfo(&x.object)
	if err != nil && !aboutObject(err) {
		return dst, err
	}
	return o.Dialect.AppendEXIF(dst, meta, &info, o) // without what can't be reached within the limits
}

// fillInfo responds with the object's format and size.
func fillInfo(x *exchange, res *response) error {
	info, err := exif.ReadInfo(&x.object)
	res.format = info.Format
	if err == nil {
		res.body = appendInfo(&info, &x.h.options)
	}
	return err
}

func appendInfo(info *exif.Info, o *exif.Options) []byte {
	if o.Dialect != nil {
		return o.Dialect.AppendInfo(nil, info, o)
	}
	return info.AppendJSON(nil, o.Style)
}

// stream is an embedded picture that is read from the object while it is sent.
type stream struct {
	redact.Picture
	exchange *exchange
}

// maxCachedPicture is the largest embedded picture that the cache keeps. Larger ones are streamed.
const maxCachedPicture = 64 << 10

// fillPicture returns a fill function for the embedded picture that find returns.
func fillPicture(find func(io.ReaderAt) (redact.Picture, error)) func(x *exchange, res *response) error {
	return func(x *exchange, res *response) error {
		picture, err := find(&x.object)
		res.format = picture.Format
		if err != nil {
			return err
		}
		res.contentType = picture.ContentType()
		size := picture.Size()
		if size > maxCachedPicture {
			x.object.Stream(picture.Picture.Size())
			res.stream = &stream{picture, x}
			return nil
		}
		body := bytes.NewBuffer(make([]byte, 0, size))
		err = picture.CopyTo(body)
		res.body = body.Bytes()
		return err
	}
}
