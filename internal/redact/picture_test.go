package redact

import (
	"bytes"
	"errors"
	"image/jpeg"
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/caddyexif/caddy-exif/internal/exif"
	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// embeddedPicture is a picture with metadata of its own in all possible places.
func embeddedPicture(w, h int) []byte {
	seg, hidden := testimage.Segment, []byte(word)
	b := testimage.JPEG(
		testimage.Gradient(w, h),
		seg(0xE0, []byte("JFIF\x00\x01\x01\x01\x00\x48\x00\x48\x01\x01"+word[:3])),
		seg(0xE0, append([]byte("JFXX\x00\x13"), hidden...)),
		testimage.EXIFSegment(secretEXIF()),
		seg(0xE1, []byte("http://ns.adobe.com/xap/1.0/\x00"+secretXMP)),
		[]byte("\xFF\xFF"), // fill bytes
		seg(0xE2, append([]byte("ICC_PROFILE\x00\x01\x01"), hidden...)),
		seg(0xE2, append([]byte("FPXR\x00"), hidden...)),
		seg(0xED, append([]byte("Photoshop 3.0\x00"), hidden...)),
		seg(0xEE, append([]byte("Adobe\x00\x64\x00\x00\x00\x00\x01"), hidden...)),
		seg(0xFE, hidden),
	)
	end := len(b) - 2
	return slices.Concat(b[:end], seg(0xFE, hidden), seg(0xE1, hidden), b[end:], hidden)
}

// TestPictureLeavesWithoutMetadata has embedded pictures with metadata of their own: they leave without it, with the
// photo's Orientation.
func TestPictureLeavesWithoutMetadata(t *testing.T) {
	inner := embeddedPicture(640, 480)
	for orientation, want := range map[uint16]string{1: "{}", 8: `{"Orientation":"8"}`} {
		photo := testimage.Full()
		photo.IFD0 = append(slices.Clone(photo.IFD0[:0]), testimage.Short(0x0112, orientation))
		photo.SetThumbnail(inner)
		p, err := FindPreview(bytes.NewReader(testimage.TIFF(photo)))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := p.CopyTo(&out); err != nil || int64(out.Len()) != p.Size() {
			t.Fatalf("%v after %d of %d bytes", err, out.Len(), p.Size())
		}
		got := out.Bytes()
		if bytes.Contains(got, []byte(word[:3])) || bytes.Contains(got, []byte("adobe.com")) {
			t.Errorf("metadata left: %q", got[:700])
		}
		if !bytes.HasPrefix(got, []byte("\xFF\xD8\xFF\xE0")) || !bytes.Contains(got, []byte("Adobe\x00\x64\x00\x00\x00\x00\x01")) {
			t.Errorf("JFIF isn't first, or Adobe is missing: %q", got[:100])
		}
		if a := answer(got, &exif.Options{Unknown: true}); a != want {
			t.Errorf("got EXIF %s, want %s", a, want)
		}
		before, _ := jpeg.Decode(bytes.NewReader(inner))
		if after, err := jpeg.Decode(bytes.NewReader(got)); err != nil || !reflect.DeepEqual(after, before) {
			t.Errorf("it is another picture: %v", err)
		}
	}
}

// shrinking is a file that becomes shorter.
type shrinking struct {
	*bytes.Reader
	n int64
}

func (s *shrinking) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > s.n {
		n, _ := s.Reader.ReadAt(p[:max(0, s.n-off)], off)
		return n, io.EOF
	}
	return s.Reader.ReadAt(p, off)
}

func TestPictureOfFileThatShrinks(t *testing.T) {
	photo := testimage.Full()
	photo.SetThumbnail(testimage.JPEG(testimage.Gradient(640, 480)))
	b := testimage.TIFF(photo)
	f := &shrinking{bytes.NewReader(b), int64(len(b))}
	p, err := FindPreview(f)
	if err != nil {
		t.Fatal(err)
	}
	bad := errors.New("bad")
	if err := p.CopyTo(writerFunc(func([]byte) (int, error) { return 0, bad })); !errors.Is(err, bad) {
		t.Errorf("got %v, want the client's error", err)
	}
	f.n /= 2
	if err := p.CopyTo(io.Discard); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
