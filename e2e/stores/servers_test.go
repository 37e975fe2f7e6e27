package stores

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"github.com/caddyexif/caddy-exif/internal/testcaddy/local"
)

const (
	accessKey = "labkey"
	secretKey = "labsecret1"
	region    = "us-east-1"
	domain    = "s3.test" // of virtual-host style buckets

	versitygw = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
	minio     = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
)

// store is a running object store.
type store struct {
	t      *testing.T
	name   string
	addr   string
	checks int // the number of passed checks
}

// check counts a passed check, and reports a failed one.
func (s *store) check(ok bool, format string, args ...any) bool {
	s.t.Helper()
	if ok {
		s.checks++
	} else {
		s.t.Errorf(s.name+": "+format, args...)
	}
	return ok
}

// tool returns the path of a program, from PATH or else built from the module.
func tool(t *testing.T, name, module string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(module, "@")
	bin := filepath.Join(cache, "caddy-exif-e2e", version)
	path := filepath.Join(bin, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	cmd := exec.Command("go", "install", "-trimpath", "-ldflags=-s -w", module)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", module, err, out)
	}
	return path
}

// run starts a server that ends with the test, or with this process.
func run(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() && out.Len() > 0 {
			t.Logf("%s said\n%s", filepath.Base(name), out.Bytes()[max(0, out.Len()-2000):])
		}
	})
}

// up waits until the store responds.
func (s *store) up() *store {
	s.t.Helper()
	for range 300 {
		res, err := http.Get("http://" + s.addr + "/")
		if err == nil {
			res.Body.Close()
			return s
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Fatalf("%s didn't start", s.name)
	return nil
}

func startVersitygw(t *testing.T) *store {
	dir, port := t.TempDir(), local.FreePort(t)
	for _, d := range []string{"data", "versions"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey}, tool(t, "versitygw", versitygw),
		"--quiet", "--port", "127.0.0.1:"+port, "--keep-alive", "--region", region, "--virtual-domain", domain+":"+port,
		"posix", "--versioning-dir", filepath.Join(dir, "versions"), filepath.Join(dir, "data"))
	return (&store{t: t, name: "versitygw", addr: "127.0.0.1:" + port}).up()
}

func startMinIO(t *testing.T) *store {
	port := local.FreePort(t)
	run(t, []string{
		"MINIO_ROOT_USER=" + accessKey, "MINIO_ROOT_PASSWORD=" + secretKey, "MINIO_BROWSER=off", "MINIO_UPDATE=off",
		"MINIO_DOMAIN=" + domain, "MINIO_REGION=" + region,
	}, tool(t, "minio", minio), "server", "--quiet", "--address", "127.0.0.1:"+port, "--certs-dir", t.TempDir(), t.TempDir())
	s := (&store{t: t, name: "MinIO", addr: "127.0.0.1:" + port}).up()
	for range 100 { // it listens before it can be used
		if status, _, _ := s.do("GET", "/", nil, nil); status == 200 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return s
}

func startRGW(t *testing.T) *store {
	for _, name := range []string{"radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "monmaptool"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%v: apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-common", err)
		}
	}
	port := local.FreePort(t)
	cmd := exec.Command("bash", "rgw.sh", t.TempDir(), port, local.FreePort(t), local.FreePort(t), accessKey, secretKey, domain)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("rgw.sh: %v %q", err, line)
	}
	return (&store{t: t, name: "Ceph RGW", addr: "127.0.0.1:" + port}).up()
}

var signer = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })

// request returns an unsigned request to the store. The path isn't escaped yet, the query is.
func (s *store) request(method, path string, body []byte) *http.Request {
	path, query, _ := strings.Cut(path, "\x00") // since keys can have a question mark
	req, err := http.NewRequest(method, "http://"+s.addr, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.URL = &url.URL{Scheme: "http", Host: s.addr, Path: path, RawPath: httpbinding.EscapePath(path, false), RawQuery: query}
	return req
}

// do sends a request with the owner's keys.
func (s *store) do(method, path string, body []byte, header http.Header) (int, http.Header, string) {
	s.t.Helper()
	req := s.request(method, path, body)
	for k, v := range header {
		req.Header[k] = v
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash)
	if err := signer.SignHTTP(context.Background(), aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey},
		req, hash, "s3", region, time.Now()); err != nil {
		s.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

// must is do for requests that must succeed.
func (s *store) must(method, path string, body []byte, header http.Header) (http.Header, string) {
	s.t.Helper()
	status, h, b := s.do(method, path, body, header)
	if status/100 != 2 {
		s.t.Fatalf("%s: %s %q: %d %s", s.name, method, path, status, b)
	}
	return h, b
}

// query adds a query to a path.
func query(path, q string) string { return path + "\x00" + q }

// presign returns the query of a presigned URL for the object.
func (s *store) presign(path string) string {
	s.t.Helper()
	req := s.request(http.MethodGet, query(path, "X-Amz-Expires=600"), nil)
	signed, _, err := signer.PresignHTTP(context.Background(), aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey},
		req, "UNSIGNED-PAYLOAD", "s3", region, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	_, q, _ := strings.Cut(signed, "?")
	return q
}

// snapshot returns the contents of the buckets, for comparison.
func (s *store) snapshot(buckets ...string) string {
	s.t.Helper()
	var all strings.Builder
	for _, b := range buckets {
		for last, more := "", true; more; {
			_, body := s.must("GET", query("/"+b, "list-type=2&start-after="+url.QueryEscape(last)), nil, nil)
			var list struct {
				IsTruncated bool
				Contents    []struct{ Key, ETag, LastModified, Size string }
			}
			if err := xml.Unmarshal([]byte(body), &list); err != nil {
				s.t.Fatal(err)
			}
			fmt.Fprintf(&all, "%s %v\n", b, list.Contents)
			if more = list.IsTruncated && len(list.Contents) > 0; more {
				last = list.Contents[len(list.Contents)-1].Key
			}
		}
	}
	_, policy := s.must("GET", query("/get-only", "policy="), nil, nil)
	return all.String() + policy
}
