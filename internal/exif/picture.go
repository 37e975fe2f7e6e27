package exif

import (
	"errors"
	"io"
)

var ErrNoPicture = errors.New("exif: the image has no embedded JPEG")

type Picture struct{ Format string }

func FindThumbnail(r io.ReaderAt) (Picture, error)    { return Picture{}, ErrNoPicture }
func FindPreview(r io.ReaderAt) (Picture, error)      { return Picture{}, ErrNoPicture }
func (p *Picture) Size() int64                        { return 0 }
func (p *Picture) WriteTo(w io.Writer) (int64, error) { return 0, nil }
