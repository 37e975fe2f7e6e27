// Command caddy is Caddy's standard build plus this module.
package main

import (
	_ "time/tzdata"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddyexif/caddy-exif"
	_ "github.com/caddyexif/caddy-exif/s3transport"
)

func main() {
	caddycmd.Main()
}
