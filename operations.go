package caddyexif

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/caddyexif/caddy-exif/internal/exif"
)

// operation is something that can be asked of an object, at the object's path and the operation's
// suffix. A new one is an entry in operations and a function that makes its response.
type operation struct {
	// word ends the suffix, where it may be in any letter case.
	word string
	// contentType is that of its responses.
	contentType string
	// respond makes the response of an opened object: it sets the body or the stream, and what
	// there is to tell about the object. The error is why there is none.
	respond func(x *exchange, res *response) error
}

// operations are all that there are, in the order they are documented.
var operations = []*operation{
	{word: "exif", contentType: jsonType, respond: respondEXIF},
	{word: "imageInfo", contentType: jsonType, respond: respondInfo},
	{word: "thumbnail", contentType: "image/jpeg", respond: respondPicture(exif.FindThumbnail)},
	{word: "preview", contentType: "image/jpeg", respond: respondPicture(exif.FindPreview)},
}

// jsonType is the content type of JSON.
const jsonType = "application/json"

// suffix is what a request for the operation adds to the object's path.
func (op *operation) suffix() string { return suffixMark + op.word }

// operationWords are the words of all operations.
func operationWords() []string {
	words := make([]string, len(operations))
	for i, op := range operations {
		words[i] = op.word
	}
	return words
}

// operationsOf looks up the operations with these words; none stand for exif.
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

// scratch is memory to decode with.
type scratch struct {
	meta exif.Metadata
	json []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// usualJSON is the capacity up to which memory for JSON is pooled.
const usualJSON = 16 << 10

func (s *scratch) release() {
	if cap(s.json) > usualJSON {
		s.json = nil
	}
	scratches.Put(s)
}

// respondEXIF answers with the tags.
func respondEXIF(x *exchange, res *response) error {
	s := scratches.Get().(*scratch)
	defer s.release()
	err := s.meta.Decode(&x.object, &x.h.options)
	res.format, res.tags = s.meta.Format, s.meta.Len()
	if err == nil {
		s.json, err = s.meta.AppendJSON(s.json[:0], &x.h.options)
	}
	if err == nil {
		res.body = bytes.Clone(s.json)
	}
	return err
}

// respondInfo answers with the size and the like.
func respondInfo(x *exchange, res *response) error {
	info, err := exif.ReadInfo(&x.object)
	res.format = info.Format
	if err == nil {
		res.body = info.AppendJSON(nil, x.h.options.Style)
	}
	return err
}

// stream is a picture that is read from the object while it is written.
type stream struct {
	exif.Picture
	exchange *exchange
}

// maxPictureKept is the size up to which embedded pictures are kept in the cache. Larger ones are
// streamed.
const maxPictureKept = 64 << 10

// respondPicture answers with an embedded picture.
func respondPicture(find func(io.ReaderAt) (exif.Picture, error)) func(x *exchange, res *response) error {
	return func(x *exchange, res *response) error {
		picture, err := find(&x.object)
		res.format = picture.Format
		if err != nil {
			return err
		}
		if picture.Size() > maxPictureKept {
			x.object.Stream(picture.Size())
			res.stream = &stream{picture, x}
			return nil
		}
		body := bytes.NewBuffer(make([]byte, 0, picture.Size()))
		_, err = picture.WriteTo(body)
		res.body = body.Bytes()
		return err
	}
}
