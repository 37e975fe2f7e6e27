package caddyexif
import ("testing";"os";"fmt")
func TestD(t *testing.T){ b,_:=os.ReadFile("/work/shared/corpus/imagemeta/largeexif.png"); h := provisioned(t, &Handler{Redact: true, Omit: []string{"@location","@person","@device"}})
w:=plainly(h, photoHandler(b, "Etag", `"1"`), "GET"); fmt.Println(w.Code, w.Body.Len()) 
h.options.Keep=nil
w=plainly(h, photoHandler(b, "Etag", `"1"`), "GET"); fmt.Println(w.Code, w.Body.Len()) }
