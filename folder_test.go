package caddyexif

import (
	"testing"
)

func TestSmoke(t *testing.T) {
	root := samples(t)
	srv := serve(t, "http://a.test:{$PORT} {\nbind 127.0.0.1\nroot "+root+"\nexif {\nfolders\n}\nfile_server browse\n}\n")
	r := srv.get("GET", "a.test", "/team/"+suffix)
	t.Logf("%d %v\n%s", r.status, r.header, r.body)
	r = srv.get("GET", "a.test", "/"+suffix)
	t.Logf("%d %v\n%.3000s", r.status, r.header, r.body)
}
