package s3transport

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A listing of a folder is the answer to a request for a path that ends with a slash, whose client accepts JSON.
// It has the form of file_server's listings, so whatever reads those can read a bucket's.
//
// The store lists 1,000 keys at a time (ListObjectsV2). The next ones are asked for when the first ones have been
// read, so a client that has read enough costs the store nothing more.

// maxPage bounds the store's answer with 1,000 keys of at most 1,024 bytes, each of them escaped, with owners and
// checksums.
const maxPage = 8 << 20

// maxEmpty bounds the pages without a name that the store can send in a row.
const maxEmpty = 100

// maxLevels bounds the elements in each other. A listing has four.
const maxLevels = 16

// afterParam is the parameter of a request's query that names the object after which the listing begins, and
// afterField the field of the response's header that says that it does.
const (
	afterParam = "after"
	afterField = "List-Start-After"
)

// listItem is an object or a folder in a listing.
type listItem struct {
	Name      string      `json:"name"`
	Size      int64       `json:"size"`
	URL       string      `json:"url"`
	ModTime   time.Time   `json:"mod_time"`
	Mode      fs.FileMode `json:"mode"`
	IsDir     bool        `json:"is_dir"`
	IsSymlink bool        `json:"is_symlink"`
}

// listPage is the store's answer to ListObjectsV2.
type listPage struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	EncodingType          string
	IsTruncated           bool
	NextContinuationToken string
	Contents              []struct {
		Key          string
		Size         int64
		LastModified time.Time
	}
	CommonPrefixes []struct{ Prefix string }
}

// key returns a key of the page as it is.
func (p *listPage) key(s string) (string, error) {
	if p.EncodingType == "url" {
		return url.QueryUnescape(s)
	}
	return s, nil
}

// decodePage reads the store's answer.
func decodePage(r io.Reader) (*listPage, error) {
	var page listPage
	return &page, xml.NewTokenDecoder(&levels{Decoder: xml.NewDecoder(r)}).Decode(&page)
}

// levels reads the tokens of XML and fails if there are too many elements in each other, since the decoder remembers
// each that is open.
type levels struct {
	*xml.Decoder
	open int
}

// Token implements xml.TokenReader.
func (l *levels) Token() (xml.Token, error) {
	token, err := l.RawToken()
	switch token.(type) {
	case xml.StartElement:
		l.open++
	case xml.EndElement:
		l.open--
	}
	if l.open > maxLevels {
		return nil, errors.New("too many elements in each other")
	}
	return token, err
}

// wantsList reports whether a request is for the listing of a folder, and returns the prefix of its keys.
func (t *Transport) wantsList(req *http.Request) (prefix string, ok bool) {
	if !t.List || !strings.HasSuffix(req.URL.EscapedPath(), "/") || !strings.Contains(strings.ToLower(strings.Join(req.Header["Accept"], ",")), "application/json") {
		return "", false
	}
	if req.URL.Path == "/" {
		return "", true
	}
	u := *req.URL
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	path, ok := objectPath(&u)
	return strings.TrimPrefix(path, "/") + "/", ok
}

// list responds with the listing of the objects and folders whose keys begin with prefix.
func (t *Transport) list(req *http.Request, prefix string) (*http.Response, error) {
	l := &listing{t: t, req: req, prefix: prefix}
	l.buf.WriteByte('[')
	after := req.URL.Query().Get(afterParam)
	if after != "" {
		l.startAfter = prefix + after
	}
	res, err := l.fetch()
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	if !l.exists {
		return refusal(req, http.StatusNotFound), nil
	}
	out := &http.Response{
		Status: "OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: l, ContentLength: -1, Request: req,
	}
	for k, v := range res.Header {
		if k == "Vary" || strings.HasPrefix(k, "Access-Control-") {
			out.Header[k] = v
		}
	}
	out.Header.Set("Content-Type", "application/json; charset=utf-8")
	out.Header.Add("Vary", "Accept")
	if after != "" {
		out.Header.Set(afterField, url.QueryEscape(after))
	}
	if req.Method == http.MethodHead {
		out.Body = http.NoBody
	}
	return out, nil
}

// listing is the body of a listing.
type listing struct {
	t                         *Transport
	req                       *http.Request
	prefix, startAfter, token string

	exists bool // there is such a folder
	begun  bool // an item has been written
	done   bool // the store has no more
	closed bool
	buf    bytes.Buffer
}

// Read implements io.Reader.
func (l *listing) Read(p []byte) (int, error) {
	for empty := 0; l.buf.Len() == 0; empty++ {
		if l.done || l.closed {
			return 0, io.EOF
		}
		if empty == maxEmpty {
			return 0, errors.New("listing: the store has more but no names")
		}
		res, err := l.fetch()
		if err != nil {
			return 0, err
		}
		if res.StatusCode != http.StatusOK {
			_ = res.Body.Close()
			return 0, fmt.Errorf("listing: the store answered %d", res.StatusCode)
		}
	}
	return l.buf.Read(p)
}

// Close implements io.Closer.
func (l *listing) Close() error {
	l.closed = true
	return nil
}

// fetch asks the store for the next page and writes it to the buffer. A response other than 200 is for the client.
func (l *listing) fetch() (*http.Response, error) {
	q := url.Values{"list-type": {"2"}, "delimiter": {"/"}, "encoding-type": {"url"}, "prefix": {l.prefix}}
	switch {
	case l.token != "":
		q.Set("continuation-token", l.token)
	case l.startAfter != "":
		q.Set("start-after", l.startAfter)
	}
	req := l.req.WithContext(l.req.Context())
	req.Method = http.MethodGet
	req.Header = make(http.Header)
	for k, v := range l.req.Header {
		if k != "Range" && k != "Accept" && k != "Accept-Encoding" && !strings.HasPrefix(k, "If-") {
			req.Header[k] = v
		}
	}
	res, err := l.t.send(req, "/", q)
	if err != nil || res.StatusCode != http.StatusOK {
		return res, err
	}
	defer res.Body.Close()
	page, err := decodePage(io.LimitReader(res.Body, maxPage))
	if err != nil {
		return nil, fmt.Errorf("listing: %w", err)
	}
	_, _ = io.CopyN(io.Discard, res.Body, 512) // read to its end, the connection can be used again
	if page.IsTruncated && (page.NextContinuationToken == "" || page.NextContinuationToken == l.token) {
		return nil, errors.New("listing: the store has more but no way to ask for it")
	}
	l.token, l.done = page.NextContinuationToken, !page.IsTruncated
	l.exists = l.exists || l.prefix == "" || l.startAfter != "" || !l.done || len(page.Contents)+len(page.CommonPrefixes) > 0
	return res, l.write(page)
}

// write writes a page of the listing as JSON.
func (l *listing) write(page *listPage) error {
	item := func(key string, i listItem) error {
		key, err := page.key(key)
		if err != nil {
			return fmt.Errorf("listing: %w", err)
		}
		i.Name = strings.TrimPrefix(key, l.prefix)
		if i.Name == "" || i.Name == "/" {
			return nil // the folder itself, or an empty segment, which can't be asked for
		}
		i.URL = (&url.URL{Path: "./" + i.Name}).String()
		text, err := json.Marshal(i)
		if err != nil {
			return fmt.Errorf("listing: %w", err)
		}
		if l.begun {
			l.buf.WriteString(",\n")
		}
		l.begun = true
		l.buf.Write(text)
		return nil
	}
	for _, p := range page.CommonPrefixes {
		if err := item(p.Prefix, listItem{IsDir: true, Mode: fs.ModeDir}); err != nil {
			return err
		}
	}
	for _, c := range page.Contents {
		if err := item(c.Key, listItem{Size: c.Size, ModTime: c.LastModified}); err != nil {
			return err
		}
	}
	if l.done {
		l.buf.WriteString("]\n")
	}
	return nil
}
