package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/fileserver"
	"github.com/caddyserver/certmagic"
)

// Server runs "caddy exif-server".
func Server(m *Module, fl caddycmd.Flags) (int, error) {
	caddy.TrapSignals()

	photo := examplePhoto(fl)
	cfg, listen, err := serverConfig(m, fl, photo)
	if err == nil {
		err = portsFree(listen, fl.String("domain"))
	}
	if err == nil {
		err = caddy.Run(cfg)
	}
	if err != nil {
		return caddy.ExitCodeFailedStartup, err
	}
	base, network := baseURL(listen, fl.String("domain")), networkURL(listen, fl.String("domain"))
	try := "Try"
	if photo == anyPhoto {
		try = "Try, with the path of a photo in place of " + anyPhoto
	}
	fmt.Printf("\nServing photos and their EXIF. %s:\n\n    curl '%s/%s%s'\n\n", try, base, photo, m.SuffixMark+m.Operations[0])
	if (fl.Changed("only") || fl.Changed("omit")) && !fl.Bool("redact") {
		fmt.Print("The photos themselves still have what --only and --omit leave out of the answers. --redact removes it from them, too.\n\n")
	}
	if fl.Bool("redact") && !fl.Changed("only") && !fl.Changed("omit") {
		fmt.Print("The photos still have what the answers tell, the place too. --omit '@location @person @device' removes it from both.\n\n")
	}
	what := "The server"
	if fl.Bool("browse") {
		what = "The gallery"
	}
	fmt.Printf("%s is at\n\n    %s/\n", what, base)
	if network != "" {
		fmt.Printf("    %s/ on other machines of the network\n", network)
	}
	if local := localListen(listen, fl.String("domain")); local != "" {
		fmt.Printf("\nEverybody who reaches this machine over the network can open it. --listen %s keeps it to this machine.\n", local)
	}
	fmt.Println()
	select {}
}

// wsaEADDRINUSE is EADDRINUSE on Windows, where the syscall package has another number for it.
const wsaEADDRINUSE = syscall.Errno(10048)

// portsFree returns an error if another process listens at an address that the server is to have. Caddy shares a
// port with other Caddies (SO_REUSEPORT), and each would respond to some of the requests.
func portsFree(listen, domain string) error {
	addrs := []string{listen}
	if domain != "" {
		addrs = append(addrs, ":"+strconv.Itoa(certmagic.HTTPPort)) // redirects to HTTPS
	}
	for _, a := range addrs {
		addr, err := caddy.ParseNetworkAddress(a)
		if err != nil || !strings.HasPrefix(addr.Network, "tcp") {
			continue // Caddy reports the error; other networks don't share
		}
		for i := range addr.PortRangeSize() {
			l, err := net.Listen(addr.Network, addr.JoinHostPort(i))
			if err == nil {
				_ = l.Close()
			}
			if errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaEADDRINUSE) {
				port := addr.StartPort + i
				return fmt.Errorf("port %d is in use by another program: stop it, or choose another port, such as --listen :%d", port, port+1)
			}
		}
	}
	return nil
}

// anyPhoto stands for the path of a photo in examples if none is known.
const anyPhoto = "PHOTO.jpg"

// examplePhoto returns the path of a photo to show in examples.
func examplePhoto(fl caddycmd.Flags) string {
	if fl.String("bucket") == "" {
		if name := firstPhoto(cmp.Or(fl.Arg(0), fl.String("root"))); name != "" {
			return (&url.URL{Path: name}).EscapedPath()
		}
	}
	return anyPhoto
}

// serverConfig returns the configuration for exif-server, and its listener address.
func serverConfig(m *Module, fl caddycmd.Flags, photo string) (cfg *caddy.Config, listen string, err error) {
	root, bucket, region, browse := fl.String("root"), fl.String("bucket"), fl.String("region"), fl.Bool("browse")
	if fl.NArg() > 0 {
		if root != "" || bucket != "" {
			return nil, "", errors.New("a folder as the argument excludes --root and --bucket")
		}
		root = fl.Arg(0)
	}
	settings, err := serverSettings(m, fl)
	if err != nil {
		return nil, "", err
	}
	routes := caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{caddyconfig.JSONModuleObject(settings, "handler", "exif", nil)}}}
	if browse { // encode is first, so that it compresses what exif answers
		encode := config{"handler": "encode", "encodings": config{"zstd": struct{}{}, "gzip": struct{}{}}, "prefer": []string{"zstd", "gzip"}}
		routes = append(caddyhttp.RouteList{routeOf(nil, encode)}, routes...)
	} else {
		routes = append(routes, homeRoute(m.SuffixMark, settings.Operations, root, bucket, photo))
	}
	source, err := sourceRoutes(m, root, bucket, region, browse)
	if err != nil {
		return nil, "", err
	}
	routes = append(routes, source...)
	if domain := fl.String("domain"); domain != "" {
		routes = caddyhttp.RouteList{routeOf(config{"host": caddyhttp.MatchHost{domain}}, config{"handler": "subroute", "routes": routes})}
	}
	if listen, err = listenAddress(fl); err != nil {
		return nil, "", err
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

// serverSettings returns the handler's settings for the flags.
func serverSettings(m *Module, fl caddycmd.Flags) (s Settings, err error) {
	s = Settings{Operations: m.Operations, Redact: fl.Bool("redact"), Values: fl.String("values")}
	switch {
	case s.Redact && !fl.Bool("thumbnails"):
		s.Operations = withoutPictures(m.Operations)
	case fl.Bool("thumbnails") && !s.Redact:
		return s, errors.New("--thumbnails is for --redact: without it, thumbnails are served anyway, and the photos with all their metadata")
	}
	if fl.Bool("browse") { // a folder's response is made of its listing
		s.Folders = m.MaxFolder
		s.Values = cmp.Or(s.Values, "described") // a gallery is for people
	}
	if s.Only, s.Omit, s.Keep, err = patternFlags(fl); err == nil {
		_, err = m.Options(s)
	}
	return s, err
}

// config is an object of Caddy's JSON.
type config map[string]any

// routeOf returns a route with one handler for the requests that match, for all if match is nil.
func routeOf(match, handler config) caddyhttp.Route {
	r := caddyhttp.Route{HandlersRaw: []json.RawMessage{caddyconfig.JSON(handler, nil)}}
	if match != nil {
		set := caddy.ModuleMap{}
		for name, matcher := range match {
			set[name] = caddyconfig.JSON(matcher, nil)
		}
		r.MatcherSetsRaw = caddyhttp.RawMatcherSets{set}
	}
	return r
}

// sourceRoutes returns the routes to the photos.
func sourceRoutes(m *Module, root, bucket, region string, browse bool) (caddyhttp.RouteList, error) {
	switch {
	case bucket == "" && region != "":
		return nil, errors.New("--region needs a --bucket")
	case bucket == "":
		return folderRoutes(m, root, browse)
	case root != "":
		return nil, errors.New("--root and --bucket exclude each other")
	case browse:
		return nil, errors.New("--browse needs a folder: it can't show a bucket")
	}
	region, err := signingRegion(region)
	if err != nil {
		return nil, err
	}
	return bucketRoutes(bucket, region)
}

// folderRoutes returns the route that serves a folder, "" for the current one.
func folderRoutes(m *Module, root string, browse bool) (caddyhttp.RouteList, error) {
	if root != "" {
		if info, err := os.Stat(root); err != nil {
			return nil, fmt.Errorf("the folder to serve: %w", err)
		} else if !info.IsDir() {
			return nil, fmt.Errorf("the folder to serve: %s is not a folder", root)
		}
	}
	fileServer := config{"handler": "file_server", "root": root}
	if browse {
		fileServer["browse"] = config{"file_limit": fileLimit}
		// The config could only name a file on disk, but the template is embedded. Caddy offers this
		// variable to programs with their own template; the process serves no other.
		fileserver.BrowseTemplate = m.Gallery
	}
	return caddyhttp.RouteList{routeOf(nil, fileServer)}, nil
}

// listenAddress returns the address to listen at.
func listenAddress(fl caddycmd.Flags) (string, error) {
	switch listen := fl.String("listen"); {
	case listen != "":
		return listen, checkListen(listen)
	case fl.String("domain") != "":
		return ":" + strconv.Itoa(certmagic.HTTPSPort), nil
	}
	return ":2015", nil
}

// checkListen returns an error for a listener address without a port, at which Caddy would take any port that is free.
func checkListen(listen string) error {
	addr, err := caddy.ParseNetworkAddress(listen)
	if err != nil || !strings.HasPrefix(addr.Network, "tcp") || addr.StartPort != 0 {
		return nil // Caddy reports the error
	}
	right := net.JoinHostPort(addr.Host, "2015")
	if _, err := strconv.ParseUint(addr.Host, 10, 16); err == nil {
		right = ":" + addr.Host
	}
	return fmt.Errorf("--listen: %q has no port: write %s", listen, right)
}

// withoutPictures returns the operations less those that respond with an embedded picture.
func withoutPictures(operations []string) (rest []string) {
	for _, word := range operations {
		if pictures[word] == nil {
			rest = append(rest, word)
		}
	}
	return rest
}

// homeRoute responds to the root path with a list of the operations, if the folder has no index file.
func homeRoute(mark string, operations []string, root, bucket, example string) caddyhttp.Route {
	// not the path matcher, for which "//" and "/x/.." are the root, too
	match := config{"vars": config{"{http.request.uri.path}": []string{"/"}}}
	if bucket == "" {
		match["not"] = []config{{"file": config{"root": root, "try_files": []string{"index.html", "index.txt"}}}} // as file_server
	}
	body := "This server has photos, and answers what is in them. Ask for a photo's path followed by one of\n"
	for _, word := range operations {
		body += "\n\t" + mark + word
	}
	body += "\n\nsuch as /" + example + mark + operations[0] + "\n"
	home := routeOf(match, config{
		"handler": "static_response",
		"headers": http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		"body":    body,
	})
	home.Terminal = true
	return home
}

// fileLimit is the most files of a folder that a gallery shows; Caddy's default is 10,000. The gallery says so where
// a folder has more.
const fileLimit = 100_000

// s3Transport is the ID of the module that signs requests. It isn't imported here, so that users who don't
// need it don't have to build the AWS SDK.
const s3Transport = "http.reverse_proxy.transport.s3"

// signingRegion returns the region to sign requests to a bucket for, "" if they can't be signed: without a region,
// or without keys that the AWS SDK finds.
func signingRegion(region string) (string, error) {
	if region == "" {
		if os.Getenv("AWS_ACCESS_KEY_ID") != "" {
			fmt.Fprintln(os.Stderr, "AWS_ACCESS_KEY_ID is set, but requests to the bucket are not signed, so only what everybody may read is served. --region signs them.")
		}
		return "", nil
	}
	info, err := caddy.GetModule(s3Transport)
	if err != nil {
		return "", errors.New("--region: this Caddy can't sign requests, build it with: xcaddy build " +
			"--with github.com/caddyexif/caddy-exif --with github.com/caddyexif/caddy-exif/s3transport")
	}
	keys, ok := info.New().(interface{ FindKeys(context.Context) error })
	if !ok {
		return "", fmt.Errorf("--region: the module %s is not this project's", s3Transport)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := keys.FindKeys(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "No keys to sign with, so only what everybody may read is served: %v\n", err)
		return "", nil
	}
	return region, nil
}

// notAnObject matches paths that no object has: an empty segment, even at the end, would list a bucket, and
// . and .. leave it. Caddy's path matchers can't match these, since they clean the path first.
const notAnObject = `^$|[/\\](\.\.?)?([/\\]|$)`

// bucketRoutes returns the routes that proxy to a bucket. They allow only reads of objects (no listings) and
// remove the client's credentials, which a store would refuse. With a region they sign requests; without
// one the bucket must be public.
func bucketRoutes(bucket, region string) (caddyhttp.RouteList, error) {
	u, prefix, err := parseBucket(bucket)
	if err != nil {
		return nil, err
	}
	transport := config{"protocol": "http"}
	if u.Scheme == "https" {
		transport["tls"] = struct{}{}
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
	routes := caddyhttp.RouteList{
		routeOf(config{"not": []config{{"method": []string{"GET", "HEAD", "OPTIONS"}}}}, config{"handler": "error", "status_code": 405}),
		routeOf(config{"vars_regexp": config{"{http.request.uri.path}": config{"pattern": notAnObject}}}, config{"handler": "error", "status_code": 404}),
	}
	if prefix != "" {
		routes = append(routes, routeOf(nil, config{"handler": "rewrite", "uri": prefix + "{http.request.uri}"}))
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	return append(routes, routeOf(nil, config{
		"handler":   "reverse_proxy",
		"transport": transport,
		"upstreams": []config{{"dial": net.JoinHostPort(u.Hostname(), port)}},
		"headers": config{
			"request":  config{"set": http.Header{"Host": {u.Host}}, "delete": []string{"Authorization", "Cookie"}},
			"response": config{"delete": []string{"X-Amz-*"}},
		},
	})), nil
}

// parseBucket parses the URL of a bucket. The prefix is what precedes the path of each object.
func parseBucket(bucket string) (u *url.URL, prefix string, err error) {
	u, err = url.Parse(bucket)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, "", fmt.Errorf("--bucket: %q is no http or https URL such as https://s3.example.com/photos", bucket)
	}
	if u.RawQuery != "" || u.User != nil || u.Fragment != "" {
		return nil, "", errors.New("--bucket: the URL must be the bucket's, without query or credentials")
	}
	prefix = strings.TrimSuffix(u.EscapedPath(), "/")
	if host := u.Hostname(); prefix == "" && (net.ParseIP(host) != nil || !strings.Contains(host, ".")) {
		return nil, "", fmt.Errorf("--bucket: %q names no bucket, clients would choose it", bucket)
	}
	return u, prefix, nil
}

// baseURL returns the server's URL for a browser on this machine.
func baseURL(listen, domain string) string {
	addr, err := caddy.ParseNetworkAddress(listen)
	if domain != "" {
		if port := int(addr.StartPort); err == nil && strings.HasPrefix(addr.Network, "tcp") && port != certmagic.HTTPSPort {
			domain = net.JoinHostPort(domain, strconv.Itoa(port))
		}
		return "https://" + domain
	}
	if err != nil {
		return "http://localhost"
	}
	host := addr.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(int(addr.StartPort)))
}

// everywhere returns the port of a server that listens on all of the machine's addresses, without a domain.
func everywhere(listen, domain string) (port string, ok bool) {
	addr, err := caddy.ParseNetworkAddress(listen)
	if ip := net.ParseIP(addr.Host); err != nil || domain != "" || !strings.HasPrefix(addr.Network, "tcp") ||
		addr.Host != "" && (ip == nil || !ip.IsUnspecified()) {
		return "", false
	}
	return strconv.Itoa(int(addr.StartPort)), true
}

// localListen returns the value of --listen that closes the server to other machines; "" if it is closed, or
// meant to be open.
func localListen(listen, domain string) string {
	port, ok := everywhere(listen, domain)
	if !ok {
		return ""
	}
	return net.JoinHostPort("localhost", port)
}

// networkURL returns the server's URL for other machines of the network; "" if they can't reach it or use
// the same URL as this one.
func networkURL(listen, domain string) string {
	port, ok := everywhere(listen, domain)
	if !ok {
		return ""
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return "http://" + net.JoinHostPort(n.IP.String(), port)
		}
	}
	return ""
}

// exampleFolders is the most folders that are searched for a photo to show in examples.
const exampleFolders = 100

// firstPhoto returns the path of a photo below the folder, with slashes, or "" if none is found: in the folder itself, then in those
// in it, and so on.
func firstPhoto(root string) string {
	folders := []string{"."}
	for i := 0; i < len(folders) && i < exampleFolders; i++ {
		entries, err := os.ReadDir(filepath.Join(root, folders[i]))
		if err != nil {
			continue
		}
		for _, e := range entries {
			name := path.Join(folders[i], e.Name())
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			if e.IsDir() {
				folders = append(folders, name)
				continue
			}
			switch strings.ToLower(filepath.Ext(name)) {
			case ".jpg", ".jpeg", ".tif", ".tiff", ".heic", ".png", ".webp", ".avif", ".dng":
				return name
			}
		}
	}
	return ""
}
