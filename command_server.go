package caddyexif

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/certmagic"
	"github.com/spf13/cobra"
)

// gallery is the template of the listings of exif-server --browse.
//
//go:embed examples/gallery/gallery.html
var gallery string

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "exif-server",
		Usage: "[--domain <example.com>] [<folder> | --root <folder> | --bucket <url> [--region <region>]] [--listen <addr>] [--values <style>] [--only <tags>] [--omit <tags>] [--redact] [--browse] [--access-log]",
		Short: "Serves photos, their EXIF and size as JSON, and their embedded pictures",
		Long: `
Serves the photos of a folder or of a public bucket. To get a photo's EXIF,
size or embedded pictures, append one of these to its path:

	` + suffixMark + `exif       its EXIF, as JSON
	` + suffixMark + `imageInfo  its format and size, as JSON
	` + suffixMark + `thumbnail  the small JPEG that is embedded in it
	` + suffixMark + `preview    the largest JPEG that is embedded in it

The folder is the argument or --root; the default is the current one. --bucket
is the URL of a public bucket on an S3-compatible store, path style
(https://s3.example.com/photos) or virtual-host style
(https://photos.s3.example.com). --region makes private buckets work too: it
signs requests with the keys that the AWS SDK finds (AWS_ACCESS_KEY_ID and
AWS_SECRET_ACCESS_KEY, its files, roles), if it finds any.

The listener's socket address can be customized with --listen; its default is
:2015. If a domain name is given with --domain, the default is the HTTPS port
and the server uses HTTPS. If using a public domain, ensure its A/AAAA records
are properly configured first.

--values renders values as raw, described or typed. --only and --omit filter
tags by name, by patterns such as GPS*, or by the sets @location, @person and
@device. --redact sends the photos themselves without anything that their EXIF
answer doesn't tell. --browse shows folders without an index file as galleries
of their photos, and makes described the default of --values.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Args = cobra.MaximumNArgs(1)
			cmd.Flags().StringP("domain", "d", "", "Domain name at which to serve")
			cmd.Flags().StringP("root", "r", "", "The folder to serve")
			cmd.Flags().StringP("bucket", "u", "", "The URL of the bucket to serve")
			cmd.Flags().StringP("region", "", "", "The region of the bucket; signs requests if keys are found")
			cmd.Flags().StringP("listen", "l", "", "The address to which to bind the listener")
			cmd.Flags().StringP("values", "", "", "How to render values: raw, described or typed")
			cmd.Flags().StringP("only", "", "", "Answer only tags that match one of the patterns")
			cmd.Flags().StringP("omit", "", "", "Leave out tags that match one of the patterns")
			cmd.Flags().BoolP("redact", "", false, "Send photos without what their EXIF answer doesn't tell")
			cmd.Flags().BoolP("browse", "b", false, "Show folders as galleries")
			cmd.Flags().BoolP("access-log", "a", false, "Enable the access log")
			cmd.RunE = caddycmd.WrapCommandFuncForCobra(cmdServer)
		},
	})
}

// cmdServer runs exif-server.
func cmdServer(fl caddycmd.Flags) (int, error) {
	caddy.TrapSignals()

	cfg, listen, err := serverConfig(fl)
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	if err := caddy.Run(cfg); err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	base, network := baseURL(listen, fl.String("domain")), networkURL(listen, fl.String("domain"))
	fmt.Printf("\nServing photos and their EXIF. Try:\n\n    curl '%s/%s%s'\n\n", base, examplePhoto(fl), operations[0].suffix())
	what := "The server"
	if fl.Bool("browse") {
		what = "The gallery"
	}
	fmt.Printf("%s is at\n\n    %s/\n", what, base)
	if network != "" {
		fmt.Printf("    %s/ on other machines of the network\n", network)
	}
	fmt.Println()
	select {}
}

// examplePhoto returns the path of a photo to show in examples.
func examplePhoto(fl caddycmd.Flags) string {
	if fl.String("bucket") == "" {
		if name := firstPhoto(cmp.Or(fl.Arg(0), fl.String("root"))); name != "" {
			return (&url.URL{Path: name}).EscapedPath()
		}
	}
	return "PHOTO.jpg"
}

// serverConfig returns the configuration for exif-server, and its listener address.
func serverConfig(fl caddycmd.Flags) (cfg *caddy.Config, listen string, err error) {
	domain, root, bucket, region := fl.String("domain"), fl.String("root"), fl.String("bucket"), fl.String("region")
	if fl.NArg() > 0 {
		if root != "" || bucket != "" {
			return nil, "", errors.New("a folder as the argument excludes --root and --bucket")
		}
		root = fl.Arg(0)
	}
	handler := Handler{
		Operations: operationWords(),
		Redact:     fl.Bool("redact"),
		Values:     fl.String("values"),
		Only:       splitPatterns(fl.String("only")),
		Omit:       splitPatterns(fl.String("omit")),
	}
	if handler.Values == "" && fl.Bool("browse") {
		handler.Values = "described" // a gallery is for people
	}
	if err := handler.checkSettings(); err != nil {
		return nil, "", err
	}
	routes := caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{
		caddyconfig.JSONModuleObject(handler, "handler", "exif", nil),
	}}}
	if !fl.Bool("browse") {
		routes = append(routes, homeRoute(root, bucket, examplePhoto(fl)))
	}
	switch {
	case bucket != "" && root != "":
		return nil, "", errors.New("--root and --bucket exclude each other")
	case region != "" && bucket == "":
		return nil, "", errors.New("--region needs a --bucket")
	case bucket != "" && fl.Bool("browse"):
		return nil, "", errors.New("--browse needs a folder, a bucket can't be listed")
	case bucket != "":
		signed, err := canSign(region)
		if err != nil {
			return nil, "", err
		}
		if !signed {
			region = ""
		}
		proxy, err := bucketRoutes(bucket, region)
		if err != nil {
			return nil, "", err
		}
		routes = append(routes, proxy...)
	default:
		if root != "" {
			if info, err := os.Stat(root); err != nil {
				return nil, "", fmt.Errorf("the folder to serve: %w", err)
			} else if !info.IsDir() {
				return nil, "", fmt.Errorf("the folder to serve: %s is not a folder", root)
			}
		}
		fileServer := map[string]any{"handler": "file_server", "root": root}
		if fl.Bool("browse") {
			fileServer["browse"] = map[string]any{"file_limit": fileLimit}
			// The config could only name a file on disk, but the template is embedded. Caddy offers this
			// variable to programs with their own template; the process serves no other.
			fileserver.BrowseTemplate = gallery
			encode := map[string]any{"handler": "encode", "encodings": map[string]any{"zstd": struct{}{}, "gzip": struct{}{}}, "prefer": []string{"zstd", "gzip"}}
			// first, so that it compresses what exif answers
			routes = append(caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{caddyconfig.JSON(encode, nil)}}}, routes...)
		}
		routes = append(routes, caddyhttp.Route{HandlersRaw: []json.RawMessage{caddyconfig.JSON(fileServer, nil)}})
	}
	if domain != "" {
		subroute := map[string]any{"handler": "subroute", "routes": routes}
		routes = caddyhttp.RouteList{{
			MatcherSetsRaw: []caddy.ModuleMap{{"host": caddyconfig.JSON(caddyhttp.MatchHost{domain}, nil)}},
			HandlersRaw:    []json.RawMessage{caddyconfig.JSON(subroute, nil)},
		}}
	}
	listen = fl.String("listen")
	if listen == "" {
		listen = ":2015"
		if domain != "" {
			listen = ":" + strconv.Itoa(certmagic.HTTPSPort)
		}
	}
	server := &caddyhttp.Server{
		Listen:            []string{listen},
		ReadHeaderTimeout: caddy.Duration(10 * time.Second),
		IdleTimeout:       caddy.Duration(30 * time.Second),
		MaxHeaderBytes:    1024 * 10,
		Routes:            routes,
	}
	if fl.Bool("access-log") {
		server.Logs = &caddyhttp.ServerLogConfig{}
	}
	no := false
	return &caddy.Config{
		Admin: &caddy.AdminConfig{Disabled: true, Config: &caddy.ConfigSettings{Persist: &no}},
		AppsRaw: caddy.ModuleMap{
			"http": caddyconfig.JSON(caddyhttp.App{Servers: map[string]*caddyhttp.Server{"exif": server}}, nil),
		},
	}, listen, nil
}

// homeRoute responds to the root path with a list of the operations, if the folder has no index file.
func homeRoute(root, bucket, example string) caddyhttp.Route {
	// not the path matcher, for which "//" and "/x/.." are the root, too
	match := caddy.ModuleMap{"vars": caddyconfig.JSON(map[string][]string{"{http.request.uri.path}": {"/"}}, nil)}
	if bucket == "" {
		index := map[string]any{"file": map[string]any{"root": root, "try_files": fileserverIndexes}}
		match["not"] = caddyconfig.JSON([]any{index}, nil)
	}
	body := "This server has photos, and answers what is in them. Ask for a photo's path followed by one of\n"
	for _, op := range operations {
		body += "\n\t" + op.suffix()
	}
	body += "\n\nsuch as /" + example + operations[0].suffix() + "\n"
	return caddyhttp.Route{
		MatcherSetsRaw: caddyhttp.RawMatcherSets{match},
		HandlersRaw: []json.RawMessage{caddyconfig.JSON(map[string]any{
			"handler": "static_response",
			"headers": map[string][]string{"Content-Type": {"text/plain; charset=utf-8"}},
			"body":    body,
		}, nil)},
		Terminal: true,
	}
}

// fileLimit is the most files of a folder that a gallery shows; Caddy's default is 10,000. The gallery says so where
// a folder has more.
const fileLimit = 100_000

// fileserverIndexes are the index files of file_server.
var fileserverIndexes = []string{"index.html", "index.txt"}

// s3Transport is the ID of the module that signs requests. It isn't imported here, so that users who don't
// need it don't have to build the AWS SDK.
const s3Transport = "http.reverse_proxy.transport.s3"

// canSign reports whether requests to a bucket in that region can be signed: whether there is a region,
// and the AWS SDK finds keys.
func canSign(region string) (bool, error) {
	if region == "" {
		return false, nil
	}
	info, err := caddy.GetModule(s3Transport)
	if err != nil {
		return false, errors.New("--region: this Caddy can't sign requests, build it with: xcaddy build " +
			"--with github.com/caddyexif/caddy-exif --with github.com/caddyexif/caddy-exif/s3transport")
	}
	keys, ok := info.New().(interface{ FindKeys(context.Context) error })
	if !ok {
		return false, fmt.Errorf("--region: the module %s is not this project's", s3Transport)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := keys.FindKeys(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "No keys to sign with, so only what everybody may read is served: %v\n", err)
		return false, nil
	}
	return true, nil
}

// notAnObject matches paths that no object has: an empty segment, even at the end, would list a bucket, and
// . and .. leave it. Caddy's path matchers can't match these, since they clean the path first.
const notAnObject = `^$|[/\\](\.\.?)?([/\\]|$)`

// bucketRoutes returns the routes that proxy to a bucket. They allow only reads of objects (no listings) and
// remove the client's credentials, which a store would refuse. With a region they sign requests; without
// one the bucket must be public.
func bucketRoutes(bucket, region string) (caddyhttp.RouteList, error) {
	u, err := url.Parse(bucket)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--bucket: %q is no http or https URL", bucket)
	}
	if u.RawQuery != "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("--bucket: the URL must be the bucket's, without query or credentials")
	}
	prefix := strings.TrimSuffix(u.EscapedPath(), "/")
	if host := u.Hostname(); prefix == "" && (net.ParseIP(host) != nil || !strings.Contains(host, ".")) {
		return nil, fmt.Errorf("--bucket: %q names no bucket, clients would choose it", bucket)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	transport := map[string]any{"protocol": "http"}
	if u.Scheme == "https" {
		transport["tls"] = struct{}{}
	}
	route := func(match map[string]any, handler map[string]any) caddyhttp.Route {
		r := caddyhttp.Route{HandlersRaw: []json.RawMessage{caddyconfig.JSON(handler, nil)}}
		if match != nil {
			set := caddy.ModuleMap{}
			for k, v := range match {
				set[k] = caddyconfig.JSON(v, nil)
			}
			r.MatcherSetsRaw = caddyhttp.RawMatcherSets{set}
		}
		return r
	}
	routes := caddyhttp.RouteList{
		route(map[string]any{"not": []any{map[string]any{"method": []string{"GET", "HEAD", "OPTIONS"}}}},
			map[string]any{"handler": "error", "status_code": 405}),
		route(map[string]any{"vars_regexp": map[string]any{"{http.request.uri.path}": map[string]string{"pattern": notAnObject}}},
			map[string]any{"handler": "error", "status_code": 404}),
	}
	if region != "" {
		name, rest, more := strings.Cut(strings.TrimPrefix(prefix, "/"), "/")
		transport["protocol"], transport["region"] = "s3", region
		if name != "" {
			transport["bucket"] = name
		} else {
			transport["virtual_host"] = true
		}
		if prefix = ""; more {
			prefix = "/" + rest
		}
	}
	if prefix != "" {
		routes = append(routes, route(nil,
			map[string]any{"handler": "rewrite", "uri": prefix + "{http.request.uri}"}))
	}
	return append(routes, route(nil, map[string]any{
		"handler":   "reverse_proxy",
		"transport": transport,
		"upstreams": []any{map[string]any{"dial": net.JoinHostPort(u.Hostname(), port)}},
		"headers": map[string]any{
			"request": map[string]any{
				"set":    map[string][]string{"Host": {u.Host}},
				"delete": []string{"Authorization", "Cookie"},
			},
			"response": map[string]any{"delete": []string{"X-Amz-*"}},
		},
	})), nil
}

// baseURL returns the server's URL for a browser on this machine.
func baseURL(listen, domain string) string {
	if domain != "" {
		return "https://" + domain
	}
	addr, err := caddy.ParseNetworkAddress(listen)
	if err != nil {
		return "http://localhost"
	}
	host := addr.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(int(addr.StartPort)))
}

// networkURL returns the server's URL for other machines of the network; "" if they can't reach it or use
// the same URL as this one.
func networkURL(listen, domain string) string {
	addr, err := caddy.ParseNetworkAddress(listen)
	if ip := net.ParseIP(addr.Host); err != nil || domain != "" || addr.Host != "" && (ip == nil || !ip.IsUnspecified()) {
		return ""
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return "http://" + net.JoinHostPort(n.IP.String(), strconv.Itoa(int(addr.StartPort)))
		}
	}
	return ""
}

// firstPhoto returns the name of a photo in the folder, or "" if there is none.
func firstPhoto(root string) string {
	if root == "" {
		root = "."
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return ""
	}
	for _, e := range entries {
		switch strings.ToLower(filepath.Ext(e.Name())) {
		case ".jpg", ".jpeg", ".tif", ".tiff", ".heic", ".png", ".webp", ".avif", ".dng":
			if !e.IsDir() {
				return e.Name()
			}
		}
	}
	return ""
}
