// Package s3transport is a Caddy module that lets reverse_proxy read private buckets. It signs requests for
// objects with AWS Signature Version 4 and lets no other requests through.
package s3transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/encoding/httpbinding"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func init() {
	caddy.RegisterModule(Transport{})
}

// maxErrorBody bounds how much of a store's error is read: enough for its code, and for reusing the
// connection. S3 errors are a few hundred bytes and begin with the code.
const maxErrorBody = 16 << 10

// serverFaults are the error codes with which a store refuses the server's own credentials or bucket,
// for any client, each with the setting that the operator should check. Codes about the object
// (NoSuchKey, InvalidObjectState), about the caller's rights (AccessDenied) or about the store itself
// (SlowDown, InternalError) are not among them. The codes are those of the S3 API reference, "Error
// responses"; UserSuspended is Ceph's, XAdminUserNotFound versitygw's for an unknown access key.
var serverFaults = map[string]string{
	"InvalidAccessKeyId":    "access_key",
	"UserSuspended":         "access_key",
	"XAdminUserNotFound":    "access_key",
	"AccountProblem":        "access_key",
	"NotSignedUp":           "access_key",
	"SignatureDoesNotMatch": "secret_key",
	"InvalidSecurity":       "access_key and secret_key",

	"ExpiredToken":         "session token",
	"InvalidToken":         "session token",
	"TokenRefreshRequired": "session token",

	"RequestExpired":       "clock",
	"RequestTimeTooSkewed": "clock",

	"AuthorizationHeaderMalformed":       "region",
	"IllegalLocationConstraintException": "region",
	"InvalidRegionName":                  "region",

	"EndpointNotFound":  "upstream",
	"IncorrectEndpoint": "upstream",
	"InvalidHostHeader": "upstream",
	"PermanentRedirect": "upstream",
	"Redirect":          "upstream",
	"TemporaryRedirect": "upstream",

	"AllAccessDisabled": "bucket",
	"InvalidBucketName": "bucket",
	"NoSuchAccessPoint": "bucket",
	"NoSuchBucket":      "bucket",

	"CredentialsNotSupported":    "signature",
	"MissingAuthenticationToken": "signature",
	"MissingSecurityHeader":      "signature",
	"UnsupportedSignature":       "signature",
	"XAmzContentSHA256Mismatch":  "signature",

	"KMS.DisabledException":        "encryption key",
	"KMS.InvalidStateException":    "encryption key",
	"KMS.KMSInvalidStateException": "encryption key",
	"KMS.NotFoundException":        "encryption key",
}

// emptyHash is the hash of an empty body, which all reads have.
var emptyHash = func() string {
	sum := sha256.Sum256(nil)
	return hex.EncodeToString(sum[:])
}()

// forwarded are the request headers that are sent to the store. It is an allowlist, since stores and the
// gateways in front of them know many more headers than x-amz-*: MinIO looks into archives because of one,
// others may take the method or the host, and with it the bucket, from one.
var forwarded = []string{
	"Accept", "Accept-Encoding", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range",
	"If-Unmodified-Since", "Origin", "Range", "Referer", "Traceparent", "Tracestate", "User-Agent",
	"Via", "X-Forwarded-For", "X-Forwarded-Proto",
}

// bucketName matches the bucket names that stores allow, including Ceph's tenant:bucket.
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]*$`)

// Transport is a transport for reverse_proxy that reads objects from S3-compatible stores with its own
// keys, so that a private bucket can be served.
//
// It signs GET and HEAD requests for objects with AWS Signature Version 4. It answers any other method
// with 405, and a path that isn't an object's key, or that a store might take for a listing or for
// another bucket (empty segments, `.` and `..`, `%2F`, `%00`, a slash at the end, bytes that aren't
// UTF-8), with 404 (but see `list`). Neither reaches the store. It sends nothing of the client's query (but see
// `object_versions`), and only those of its headers that matter for reading an object: no credentials,
// cookies or `X-Amz-*`. It removes the bodies of the store's errors and redirects, which name keys and
// accounts.
//
// If the store refuses the server's own credentials or bucket (`SignatureDoesNotMatch`, `ExpiredToken`,
// `NoSuchBucket`, …), which the client can't fix, the response is 502, and the code is logged as an
// error, once a minute. The code is in the body of the error, so `HEAD` keeps the store's status.
//
// All settings of the `http` transport work here, too.
type Transport struct {
	reverseproxy.HTTPTransport

	// The store's region, such as `eu-central-1`. Placeholders are replaced when the config is loaded.
	// Default: the region that the AWS SDK finds in its environment and files.
	Region string `json:"region,omitempty"`

	// The bucket, which is put before each key (path style). Either this or `virtual_host` is required:
	// otherwise clients would choose the bucket. Placeholders are replaced when the config is loaded.
	Bucket string `json:"bucket,omitempty"`

	// Whether the upstream's host name contains the bucket (virtual-host style), as in
	// `photos.s3.example.com`.
	VirtualHost bool `json:"virtual_host,omitempty"`

	// Whether clients may request versions of an object by `versionId` in the query. They can then read
	// old versions and deleted objects. Default: `versionId` is removed, and the store returns the newest
	// version.
	ObjectVersions bool `json:"object_versions,omitempty"`

	// Whether clients may list folders: a GET request for a path with a slash at the end that accepts
	// `application/json` is answered with the names, sizes and times below it, in the form of
	// `file_server`'s listings, after the name in the query's `after`, if there is one. Default: such a path
	// is 404.
	List bool `json:"list,omitempty"`

	// The access key's ID. Placeholders are replaced when the config is loaded. Default, if there is
	// no secret key either: the keys that the AWS SDK's default chain finds (environment, files, roles),
	// refreshed before they expire.
	AccessKey string `json:"access_key,omitempty"`

	// The access key's secret. Placeholders are replaced when the config is loaded.
	SecretKey string `json:"secret_key,omitempty"`

	region      string
	bucket      string
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	logger      *zap.Logger
	faults      *zap.Logger // writes each message once a minute
}

// CaddyModule returns the Caddy module information.
func (Transport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.transport.s3",
		New: func() caddy.Module { return new(Transport) },
	}
}

// Provision sets the transport up.
func (t *Transport) Provision(ctx caddy.Context) error {
	t.logger = ctx.Logger()
	t.faults = t.logger.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(c, time.Minute, 1, 0)
	}))
	if err := t.check(); err != nil {
		return err
	}
	repl := caddy.NewReplacer()
	var access, secret string
	for _, f := range []struct {
		name, in string
		out      *string
	}{
		{"region", t.Region, &t.region},
		{"bucket", t.Bucket, &t.bucket},
		{"access_key", t.AccessKey, &access},
		{"secret_key", t.SecretKey, &secret},
	} {
		if f.in == "" {
			continue
		}
		var err error
		if *f.out, err = repl.ReplaceOrErr(f.in, true, true); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if !t.VirtualHost {
		if err := checkBucket(t.bucket); err != nil {
			return err
		}
	}
	if access != "" {
		t.credentials = credentials.NewStaticCredentialsProvider(access, secret, "")
	}
	if access == "" || t.region == "" {
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return fmt.Errorf("loading the AWS SDK's configuration: %w", err)
		}
		if t.region == "" {
			t.region = cfg.Region
		}
		if access == "" {
			t.credentials = cfg.Credentials // cached and refreshed
		}
	}
	if t.region == "" {
		return errors.New("region: there is none, neither here nor in the AWS SDK's environment or files")
	}
	t.signer = v4.NewSigner(func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = true // S3 signs the path as it is sent
	})
	return t.HTTPTransport.Provision(ctx)
}

// check checks the settings before placeholders are replaced, as far as possible.
func (t *Transport) check() error {
	switch {
	case t.AccessKey != "" && t.SecretKey == "":
		return errors.New("access_key needs a secret_key")
	case t.AccessKey == "" && t.SecretKey != "":
		return errors.New("secret_key needs an access_key")
	case t.Bucket == "" && !t.VirtualHost:
		return errors.New("a bucket is required, or virtual_host if the upstream's host name has it: otherwise clients could choose any bucket")
	case t.Bucket != "" && t.VirtualHost:
		return errors.New("bucket and virtual_host exclude each other")
	case t.Bucket != "" && !strings.Contains(t.Bucket, "{"):
		return checkBucket(t.Bucket)
	}
	return nil
}

func checkBucket(name string) error {
	if !bucketName.MatchString(name) {
		return fmt.Errorf("bucket: %q is no bucket's name", name)
	}
	return nil
}

// FindKeys returns nil if the AWS SDK's default chain finds keys, and its error otherwise. It may use the
// network.
func (Transport) FindKeys(ctx context.Context) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	_, err = cfg.Credentials.Retrieve(ctx)
	return err
}

// RequestHeaderOps sets the Host header to the upstream's host, with or without TLS, since a store
// identifies buckets by it. header_up can override it.
func (t *Transport) RequestHeaderOps() *headers.HeaderOps {
	return &headers.HeaderOps{Set: http.Header{"Host": {"{http.reverse_proxy.upstream.hostport}"}}}
}

// RoundTrip sends a signed request for an object. It responds to refused requests itself, since
// reverse_proxy counts errors against the upstream.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close() // reads have no body, but a RoundTripper must close it
	}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		res := refusal(req, http.StatusMethodNotAllowed)
		res.Header.Set("Allow", "GET, HEAD")
		return res, nil
	}
	if prefix, ok := t.wantsList(req); ok {
		return t.list(req, prefix)
	}
	path, ok := objectPath(req.URL)
	if !ok {
		return refusal(req, http.StatusNotFound), nil
	}
	var query url.Values
	if id := req.URL.Query().Get("versionId"); id != "" && t.ObjectVersions {
		query = url.Values{"versionId": {id}}
	}
	return t.send(req, path, query)
}

// send sends a signed request to the store. It discards the body of a response that isn't successful.
func (t *Transport) send(req *http.Request, path string, query url.Values) (*http.Response, error) {
	out, err := t.sign(req, path, query)
	if err != nil {
		return nil, err
	}
	res, err := t.HTTPTransport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	res.Request = req // not the signed request
	if res.StatusCode < 300 || res.StatusCode == http.StatusNotModified {
		return res, nil
	}
	if code := t.discardBody(res); serverFaults[code] != "" {
		t.faults.Error("the store refuses this server: "+code, // the sampler goes by the message
			zap.String("code", code), zap.String("check", serverFaults[code]), zap.Int("status", res.StatusCode),
			zap.String("upstream", req.URL.Host), zap.String("bucket", t.bucket))
		return refusal(req, http.StatusBadGateway), nil
	}
	return res, nil
}

// objectPath returns the decoded path of an object, which begins with a slash. ok is false for a path that
// isn't an object's or that a store might misread.
func objectPath(u *url.URL) (path string, ok bool) {
	path = u.Path
	// keys are UTF-8; of other bytes, stores can't verify the signature
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "\x00") || !utf8.ValidString(path) ||
		strings.Contains(strings.ToLower(u.EscapedPath()), "%2f") {
		return "", false
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "" {
			return "", false
		}
		// a store on Windows may treat \ as a separator
		for part := range strings.SplitSeq(segment, `\`) {
			if part == "." || part == ".." {
				return "", false
			}
		}
	}
	return path, true
}

// sign returns the request for the store. It doesn't change req, which reverse_proxy may retry and logs.
func (t *Transport) sign(req *http.Request, path string, query url.Values) (*http.Request, error) {
	keys, err := t.credentials.Retrieve(req.Context())
	if err != nil {
		return nil, fmt.Errorf("finding the keys to sign with: %w", err)
	}
	if t.bucket != "" {
		path = "/" + t.bucket + path
	}
	u := &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: path, RawPath: httpbinding.EscapePath(path, false)}
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	out := (&http.Request{
		Method: req.Method, URL: u, Host: req.Host, Header: make(http.Header),
		Proto: req.Proto, ProtoMajor: req.ProtoMajor, ProtoMinor: req.ProtoMinor,
	}).WithContext(req.Context())
	t.SetScheme(out) // the signed host has no default port
	out.Header.Set("X-Amz-Content-Sha256", emptyHash)
	if err := t.signer.SignHTTP(req.Context(), keys, out, emptyHash, "s3", t.region, time.Now()); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	// not signed, so that proxies in between may change them
	for _, k := range forwarded {
		if v, ok := req.Header[k]; ok {
			out.Header[k] = v
		}
	}
	return out, nil
}

// discardBody removes the body of the store's error or redirect, since it names the access key, the account,
// the bucket and the signed string. It returns the error's code, or "" if the body has none.
func (t *Transport) discardBody(res *http.Response) (code string) {
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // an unreadable body has no code
	if c := t.logger.Check(zap.DebugLevel, "the store's error"); c != nil {
		c.Write(zap.Int("status", res.StatusCode), zap.ByteString("body", body))
	}
	res.Body = http.NoBody
	res.ContentLength = 0
	res.TransferEncoding = nil
	res.Trailer = nil
	for _, k := range []string{"Content-Encoding", "Content-Type", "Etag", "Trailer"} {
		res.Header.Del(k)
	}
	res.Header.Set("Content-Length", "0")
	var e struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
	}
	_ = xml.Unmarshal(body, &e) // a truncated body still has its code
	return e.Code
}

// refusal returns a response that doesn't come from the store.
func refusal(req *http.Request, status int) *http.Response {
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Length": {"0"}}, Body: http.NoBody, Request: req,
	}
}

// UnmarshalCaddyfile sets the transport up from Caddyfile tokens:
//
//	transport s3 {
//		region     <region>
//		bucket     <bucket> | virtual_host
//		object_versions
//		list
//		access_key <id>
//		secret_key <secret>
//		<any word of transport http>
//	}
func (t *Transport) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the transport's name
	first := d.Token()
	if len(d.RemainingArgs()) > 0 {
		return d.ArgErr()
	}
	words := map[string]*string{
		"region": &t.Region, "bucket": &t.Bucket, "access_key": &t.AccessKey, "secret_key": &t.SecretKey,
	}
	flags := map[string]*bool{"virtual_host": &t.VirtualHost, "object_versions": &t.ObjectVersions, "list": &t.List}
	var others []caddyfile.Token
	for d.NextBlock(0) {
		word := d.Val()
		if flag, ours := flags[word]; ours {
			if *flag {
				return d.Errf("%s is given twice", word)
			}
			if d.NextArg() {
				return d.ArgErr()
			}
			*flag = true
			continue
		}
		value, ours := words[word]
		if !ours {
			others = append(others, d.NextSegment()...)
			continue
		}
		if *value != "" {
			return d.Errf("%s is given twice", word)
		}
		if !d.AllArgs(value) {
			return d.ArgErr()
		}
		if *value == "" {
			return d.Errf("%s is empty", word)
		}
		if word == "bucket" && !strings.Contains(t.Bucket, "{") {
			if err := checkBucket(t.Bucket); err != nil {
				return d.WrapErr(err)
			}
		}
	}
	if len(others) > 0 { // first, since a misspelled word of ours is among them
		if err := t.unmarshalHTTP(first, others); err != nil {
			return err
		}
	}
	if err := t.check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// unmarshalHTTP parses words of transport http, which were in the block that begins at a token.
func (t *Transport) unmarshalHTTP(first caddyfile.Token, others []caddyfile.Token) error {
	token := func(text, file string, line int) caddyfile.Token {
		return caddyfile.Token{Text: text, File: file, Line: line}
	}
	last := others[len(others)-1]
	block := []caddyfile.Token{token("http", first.File, first.Line), token("{", first.File, first.Line)}
	block = append(block, others...)
	block = append(block, token("}", last.File, last.Line+1))
	return t.HTTPTransport.UnmarshalCaddyfile(caddyfile.NewDispenser(block))
}

// Interface guards
var (
	_ caddy.Provisioner                                = (*Transport)(nil)
	_ caddy.CleanerUpper                               = (*Transport)(nil)
	_ caddyfile.Unmarshaler                            = (*Transport)(nil)
	_ http.RoundTripper                                = (*Transport)(nil)
	_ reverseproxy.TLSTransport                        = (*Transport)(nil)
	_ reverseproxy.H2CTransport                        = (*Transport)(nil)
	_ reverseproxy.RequestHeaderOpsTransport           = (*Transport)(nil)
	_ reverseproxy.HealthCheckSchemeOverriderTransport = (*Transport)(nil)
	_ reverseproxy.ProxyProtocolTransport              = (*Transport)(nil)
)
