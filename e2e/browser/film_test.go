package browser

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Redacted films play and seek in a browser like the originals, with the index before the frames or after them, in fragments,
// and in WebM.
func TestRedactedFilmsPlayAndSeek(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg")
	}
	dir := t.TempDir()
	films := map[string]string{
		"last.mp4":      "-c:v libx264 -preset ultrafast -g 25 -c:a aac",
		"first.mp4":     "-c:v libx264 -preset ultrafast -g 25 -c:a aac -movflags +faststart",
		"fragments.mp4": "-c:v libx264 -preset ultrafast -g 25 -c:a aac -movflags +frag_keyframe+empty_moov+default_base_moof",
		"film.webm":     "-c:v libvpx -deadline realtime -cpu-used 8 -g 25 -c:a libopus",
	}
	var names []string
	for name, options := range films {
		names = append(names, name)
		args := strings.Fields("-v error -f lavfi -i testsrc2=size=480x270:rate=25:duration=6 -f lavfi -i sine=duration=6:sample_rate=48000 -b:v 3M " +
			"-metadata title=secret -metadata location=+51.4778-000.0015/ " + options)
		if out, err := exec.Command("ffmpeg", append(args, filepath.Join(dir, name))...).CombinedOutput(); err != nil {
			t.Fatalf("ffmpeg: %v %s", err, out)
		}
	}
	base, _ := caddyfile(t, dir, besideOriginal("redact"))
	b := open(t, base, "", 800, 600)
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Duration float64
		Size     []int
		At       []float64
		Frames   []string
		Error    string
	}
	looked := js[map[string][]seen](b, `(async () => {
		const looked = {}, once = (v, event) => new Promise((done, fail) => {
			v.addEventListener(event, done, {once: true});
			v.addEventListener('error', () => fail(v.error && v.error.message), {once: true});
			setTimeout(() => fail(event + ' takes too long'), 60000);
		});
		const look = async path => {
			const v = document.createElement('video'), c = document.createElement('canvas'), seen = {At: [], Frames: []};
			v.muted = true;
			v.preload = 'auto';
			v.src = path;
			try {
				await once(v, 'loadeddata');
				seen.Duration = v.duration;
				seen.Size = [v.videoWidth, v.videoHeight];
				for (const at of path.endsWith('webm') ? [] : [4.5, 0.5, 5.5, 2.1]) { // between two frames; WebM is sent whole, so browsers don't seek
					const sought = once(v, 'seeked');
					v.currentTime = at;
					await sought;
					c.width = 48; c.height = 27;
					c.getContext('2d').drawImage(v, 0, 0, 48, 27);
					seen.At.push(v.currentTime);
					seen.Frames.push(c.toDataURL());
				}
				await v.play();
				await once(v, 'timeupdate');
				v.pause();
			} catch (e) { seen.Error = String(e); }
			v.removeAttribute('src');
			v.load();
			return seen;
		};
		for (const name of `+string(list)+`) looked[name] = [await look('/original/' + name), await look('/redacted/' + name)];
		return looked;
	})()`)
	for name, l := range looked {
		if l[0].Error != "" || l[0].Duration == 0 {
			t.Errorf("%s doesn't play at all: %s", name, l[0].Error)
		}
		if !reflect.DeepEqual(l[0], l[1]) {
			t.Errorf("%s: got %v %v %v %s, want %v %v %v %s; the same frames: %v", name, l[1].Duration, l[1].Size, l[1].At, l[1].Error,
				l[0].Duration, l[0].Size, l[0].At, l[0].Error, slices.Equal(l[0].Frames, l[1].Frames))
		}
		_, original := fetch(t, base+"original/"+name)
		_, redacted := fetch(t, base+"redacted/"+name)
		if len(original) != len(redacted) || original == redacted || strings.Contains(redacted, "51.4778") {
			t.Errorf("%s isn't redacted", name)
		}
	}
}
