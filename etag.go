package caddyexif

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/caddyserver/certmagic"

	"github.com/caddyexif/caddy-exif/internal/object"
)

// Entity tags (RFC 9110, section 8.8.3). A response's tag is the object's tag with a mark of the settings
// appended. So the object's tag can be derived from it: a client's If-None-Match translates into one for
// the object, and a 304 needs no state. With redact, the object's tag is enciphered, since it may be a
// checksum of the original: an S3 ETag is its MD5.

// mark is what the entity tags of some settings' responses have.
type mark struct {
	suffix string
	hide   *tagCipher // nil without redact
}

// tag returns the response's tag for an object's tag, or "" if that isn't an entity tag.
func (m mark) tag(object string) string {
	if !entityTag(object) {
		return ""
	}
	prefix, opaque := splitTag(object)
	if m.hide != nil {
		opaque = m.hide.seal(opaque)
	}
	return prefix + opaque + m.suffix + `"`
}

// objectTags returns the object's tags for those tags of an If-None-Match field that have the mark.
func (m mark) objectTags(field []string) (tags []string) {
	for _, f := range field {
		for t := range strings.SplitSeq(f, ",") {
			o, ok := strings.CutSuffix(strings.TrimSpace(t), m.suffix+`"`)
			if o += `"`; !ok || !entityTag(o) {
				continue
			}
			if m.hide != nil {
				prefix, opaque := splitTag(o)
				if opaque, ok = m.hide.open(opaque); !ok {
					continue
				}
				o = prefix + opaque + `"`
			}
			tags = append(tags, o)
		}
	}
	return tags
}

// entityTag reports whether s is an entity tag, strong or weak.
func entityTag(s string) bool { return object.StrongTag(strings.TrimPrefix(s, "W/")) }

// splitTag splits an entity tag: what comes before its opaque part, and that part.
func splitTag(tag string) (prefix, opaque string) {
	i := strings.IndexByte(tag, '"') + 1
	return tag[:i], tag[i : len(tag)-1]
}

// objectCondition translates a client's condition on the response into one on the object.
func objectCondition(r http.Header, m mark) object.Condition {
	if inm := r.Values("If-None-Match"); len(inm) > 0 {
		if tags := m.objectTags(inm); len(tags) > 0 {
			return object.Condition{Name: "If-None-Match", Value: strings.Join(tags, ", ")}
		}
		return object.Condition{} // If-Modified-Since is ignored if there is If-None-Match (RFC 9110, section 13.1.3)
	}
	if ims := r.Get("If-Modified-Since"); ims != "" {
		return object.Condition{Name: "If-Modified-Since", Value: ims}
	}
	return object.Condition{}
}

// notModified reports whether the client's conditions say that it already has the response with that tag
// and header. It is needed for upstreams that ignore conditions.
func notModified(r http.Header, tag string, header http.Header) bool {
	if inm := r.Values("If-None-Match"); len(inm) > 0 {
		for _, f := range inm {
			for t := range strings.SplitSeq(f, ",") {
				t = strings.TrimSpace(t)
				if t == "*" || tag != "" && strings.TrimPrefix(t, "W/") == strings.TrimPrefix(tag, "W/") {
					return true
				}
			}
		}
		return false
	}
	ims := r.Get("If-Modified-Since")
	if ims == "" {
		return false
	}
	since, err1 := http.ParseTime(ims)
	modified, err2 := http.ParseTime(header.Get("Last-Modified"))
	return err1 == nil && err2 == nil && !modified.After(since)
}

// tagCipher enciphers the opaque parts of entity tags, each always to the same text: the initialization vector
// is a keyed hash of the tag (as in RFC 5297), which also authenticates it.
type tagCipher struct {
	block cipher.Block
	mac   []byte
}

const (
	// tagKey is where Caddy's storage has the key, so that restarts and the instances of a cluster share it.
	tagKey     = "exif/entity_tag.key"
	tagKeySize = 32
)

// newTagCipher returns a cipher for the key.
func newTagCipher(key []byte) (*tagCipher, error) {
	keys, err := hkdf.Key(sha256.New, key, nil, "caddy-exif entity tags", 2*tagKeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(keys[:tagKeySize])
	return &tagCipher{block, keys[tagKeySize:]}, err
}

// iv returns the initialization vector of a tag.
func (c *tagCipher) iv(opaque []byte) []byte {
	h := hmac.New(sha256.New, c.mac)
	h.Write(opaque)
	return h.Sum(nil)[:aes.BlockSize]
}

func (c *tagCipher) seal(opaque string) string {
	b := []byte(opaque)
	iv := c.iv(b)
	cipher.NewCTR(c.block, iv).XORKeyStream(b, b)
	return base64.RawURLEncoding.EncodeToString(append(iv, b...))
}

func (c *tagCipher) open(sealed string) (opaque string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(b) < aes.BlockSize {
		return "", false
	}
	iv, b := b[:aes.BlockSize], b[aes.BlockSize:]
	cipher.NewCTR(c.block, iv).XORKeyStream(b, b)
	return string(b), hmac.Equal(iv, c.iv(b))
}

// loadTagKey returns the key of the entity tags from Caddy's storage, which gets a new one if it has none.
func loadTagKey(ctx context.Context, storage certmagic.Storage) ([]byte, error) {
	load := func() ([]byte, error) {
		key, err := storage.Load(ctx, tagKey)
		if err == nil && len(key) != tagKeySize {
			err = fmt.Errorf("%s has %d bytes, not %d", tagKey, len(key), tagKeySize)
		}
		return key, err
	}
	key, err := load()
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err = storage.Lock(ctx, tagKey); err != nil {
		return nil, err
	}
	defer func() { _ = storage.Unlock(ctx, tagKey) }()
	if key, err = load(); !errors.Is(err, fs.ErrNotExist) { // another instance was faster
		return key, err
	}
	key = newTagKey()
	return key, storage.Store(ctx, tagKey, key)
}

// newTagKey returns a random key.
func newTagKey() []byte {
	key := make([]byte, tagKeySize)
	_, _ = rand.Read(key) // never fails
	return key
}
