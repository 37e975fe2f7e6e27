package redact

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// madeFilms are films that ffmpeg makes, by name, with its options. All have a title, a place, a date and names in the places
// that the container has for them.
var madeFilms = map[string]string{
	"h264.mp4":          "-c:v libx264 -bf 2 -c:a aac",
	"faststart.mp4":     "-c:v libx264 -c:a aac -movflags +faststart",
	"fragments.mp4":     "-c:v libx264 -c:a aac -g 5 -movflags +frag_keyframe+empty_moov+default_base_moof",
	"old-fragments.mp4": "-c:v libx264 -c:a aac -g 5 -movflags +frag_keyframe+empty_moov -frag_duration 100000",
	"cmaf.mp4":          "-c:v libx264 -c:a aac -g 5 -movflags +cmaf+frag_keyframe+empty_moov+dash+global_sidx+delay_moov",
	"hevc.mp4":          "-c:v libx265 -x265-params log-level=none -tag:v hvc1 -c:a ac3",
	"hev1.mp4":          "-c:v libx265 -x265-params log-level=none -tag:v hev1 -c:a eac3",
	"av1.mp4":           "-c:v libsvtav1 -preset 12 -c:a libopus",
	"vp9.mp4":           "-c:v libvpx-vp9 -c:a flac -strict -2",
	"mpeg4.mp4":         "-c:v mpeg4 -c:a libmp3lame",
	"xvid.mov":          "-c:v libxvid -c:a pcm_s16le",
	"mpeg2.mp4":         "-c:v mpeg2video -c:a aac",
	"vorbis.mp4":        "-c:v libx264 -c:a libvorbis",
	"mjpeg.mp4":         "-c:v mjpeg -c:a libmp3lame",
	"png.mp4":           "-c:v png -c:a libmp3lame",
	"h264.mov":          "-c:v libx264 -c:a alac -timecode 10:00:00:00",
	"prores.mov":        "-c:v prores_ks -c:a pcm_s24be",
	"mjpeg.mov":         "-c:v mjpeg -c:a pcm_s16be",
	"png.mov":           "-c:v png -c:a mp2",
	"ffv1.mov":          "-c:v ffv1 -c:a adpcm_ms",
	"hap.mov":           "-c:v hap -c:a pcm_s16be",
	"yuv4.mov":          "-c:v yuv4 -c:a libgsm -ar 8000 -ac 1",
	"rle.mov":           "-c:v qtrle -c:a adpcm_ima_qt -ac 2",
	"cinepak.mov":       "-c:v cinepak -c:a pcm_alaw",
	"dnxhd.mov":         "-vf scale=1920:1080 -c:v dnxhd -b:v 36M -frames:v 2 -c:a pcm_f32le",
	"dv.mov":            "-vf scale=720:576 -pix_fmt yuv420p -c:v dvvideo -r 25 -ar 48000 -ac 2 -c:a pcm_s16be",
	"palette.mov":       "-c:v qtrle -pix_fmt gray -c:a pcm_mulaw",
	"h263.3gp":          "-vf scale=176:144 -c:v h263 -c:a aac",
	"text.mp4":          "-c:v libx264 -c:a aac -c:s mov_text",
	"vp8.webm":          "-c:v libvpx -c:a libvorbis",
	"alpha.webm":        "-vf format=yuva420p -c:v libvpx -auto-alt-ref 0 -c:a libopus",
	"vp9.webm":          "-c:v libvpx-vp9 -c:a libopus -cluster_time_limit 200",
	"av1.webm":          "-c:v libsvtav1 -preset 12 -c:a libopus",
	"live.webm":         "-c:v libvpx -c:a libvorbis -live 1",
	"h264.mkv":          "-c:v libx264 -c:a flac -c:s srt",
	"front.mkv":         "-c:v libx264 -c:a libmp3lame -reserve_index_space 1000",
	"hevc.mkv":          "-c:v libx265 -x265-params log-level=none -c:a aac",
	"theora.mkv":        "-c:v libtheora -c:a libvorbis",
	"mjpeg.mkv":         "-c:v mjpeg -c:a pcm_s16le",
	"mpeg4.mkv":         "-c:v mpeg4 -c:a ac3",
	"ffv1.mkv":          "-c:v ffv1 -c:a alac",
	"xvid.avi":          "-c:v libxvid -c:a libmp3lame",
	"mjpeg.avi":         "-c:v mjpeg -c:a pcm_s16le",
	"h264.avi":          "-c:v libx264 -c:a ac3",
	"interlaced.avi":    "-c:v mjpeg -flags +ildct -c:a pcm_u8",
	"huffyuv.avi":       "-c:v huffyuv -c:a pcm_s16le",
	"raw.avi":           "-c:v rawvideo -pix_fmt bgr24 -c:a adpcm_ima_wav",
}

// secretFacts are what the made films tell.
var secretFacts = []string{"SECRET", "51.4778", "Lavf", "2024-05-01"}

// makeFilm makes a film with ffmpeg and returns its path.
func makeFilm(t testing.TB, dir, name, options string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	srt, chapters := filepath.Join(dir, "s.srt"), filepath.Join(dir, "c.txt")
	for p, s := range map[string]string{
		srt:      "1\n00:00:00,000 --> 00:00:00,400\nSECRET subtitle 51.4778\n",
		chapters: ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=SECRET chapter\n",
	} {
		if err := os.WriteFile(p, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := strings.Fields("-v error -y -f lavfi -i testsrc2=size=96x64:rate=20:duration=0.7 -f lavfi -i sine=duration=0.7:sample_rate=48000 -i " +
		srt + " -f ffmetadata -i " + chapters + " -map 0:v -map 1:a")
	if strings.Contains(options, "-c:s") {
		args = append(args, "-map", "2:s")
	}
	if !strings.Contains(options, "frag") {
		args = append(args, "-map_chapters", "3")
	}
	for _, m := range []string{
		"title=SECRET title", "comment=SECRET comment", "location=+51.4778-000.0015/", "artist=SECRET", "creation_time=2024-05-01T20:15:00Z",
		"make=SECRET", "com.apple.quicktime.location.ISO6709=+51.4778-000.0015/",
	} {
		args = append(args, "-metadata", m)
	}
	args = append(args, "-metadata:s:v", "handler_name=SECRET handler", "-metadata:s:a", "title=SECRET track", "-metadata:s:a", "language=fra", "-shortest")
	args = append(append(args, strings.Fields(options)...), path)
	out, err := exec.Command("ffmpeg", args...).CombinedOutput()
	if err != nil {
		t.Skipf("ffmpeg can't make %s: %.300s", name, out)
	}
	return path
}

// films calls f with the path of each film: those made here, and those beside the corpus.
func films(t *testing.T, f func(t *testing.T, path string)) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("no ffmpeg")
	}
	dir := t.TempDir()
	for name, options := range madeFilms {
		t.Run(name, func(t *testing.T) { f(t, makeFilm(t, dir, name, options)) })
	}
	if root := os.Getenv("EXIF_CORPUS"); root != "" {
		paths, _ := filepath.Glob(filepath.Join(root, "../video/*"))
		for _, path := range paths {
			if strings.HasSuffix(path, ".md") || filepath.Base(path) == "QuickTime.mov" { // without data of samples
				continue
			}
			t.Run(filepath.Base(path), func(t *testing.T) { f(t, path) })
		}
	}
}

// read returns the file at path, and the plan for it.
func read(t testing.TB, path string) ([]byte, *Plan) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	verdict, format := Sniff(data[:min(len(data), SniffLen)])
	if verdict != Redact {
		t.Fatalf("%s: verdict %d %q", path, verdict, format)
	}
	plan, err := New(bytes.NewReader(data), format, &Policy{})
	if err != nil {
		t.Fatal(err)
	}
	return data, plan
}

// hashes returns a hash of each picture and sound stream, of its packets if copied and of what a decoder makes of them, and
// what ffmpeg says about the file.
func hashes(t *testing.T, path string, copied bool) string {
	t.Helper()
	args := append(strings.Fields("-v error -bitexact -threads 1 -i"), path)
	if copied {
		args = append(args, strings.Fields("-map 0:v? -map 0:a? -c copy -f streamhash -")...)
	}
	args = append(args, strings.Fields("-map 0:v? -map 0:a? -vsync passthrough -f streamhash -")...)
	out, err := exec.Command("ffmpeg", args...).CombinedOutput()
	if err != nil {
		t.Logf("ffmpeg: %v", err)
	}
	return regexp.MustCompile(`0x[0-9a-f]+`).ReplaceAllString(strings.ReplaceAll(string(out), path, ""), "")
}

// TestFilmsPlayAsBefore redacts films. Their streams are the same before and after, any range is a slice of the whole, and
// neither their bytes nor ExifTool tell more than what plays them.
func TestFilmsPlayAsBefore(t *testing.T) {
	dir := t.TempDir()
	if keep := os.Getenv("REDACTED_FILMS"); keep != "" {
		dir = keep // to look at
	}
	films(t, func(t *testing.T, path string) {
		data, plan := read(t, path)
		if plan.Unchanged() {
			t.Fatal("the film passes unchanged")
		}
		got := redacted(t, plan, data)
		after := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(after, got, 0o600); err != nil {
			t.Fatal(err)
		}
		copied := !strings.HasPrefix(filepath.Base(path), "mjpeg") // whose frames have comments, which go
		if before, after := hashes(t, path, copied), hashes(t, after, copied); before != after {
			t.Errorf("got  %s\nwant %s", after, before)
		}
		for _, fact := range secretFacts {
			if i := bytes.Index(got, []byte(fact)); i >= 0 {
				t.Errorf("at %d of %d: %q", i, len(got), got[max(0, i-20):min(len(got), i+30)])
			}
		}
		if plan.Ranged() {
			checkRanges(t, plan, data, got)
		}
		if first := bytes.Index(data, []byte("moof")); first >= 0 && bytes.Contains(data, []byte("mvex")) { // again, with the first fragment at hand
			plan, err := New(beginning{data, first + 5000}, plan.Format, &Policy{})
			if err != nil || plan.Ranged() {
				t.Fatalf("got %v, want a plan for the film as it streams", err)
			}
			if err := os.WriteFile(after, redacted(t, plan, data), 0o600); err != nil {
				t.Fatal(err)
			}
			if before, after := hashes(t, path, copied), hashes(t, after, copied); before != after {
				t.Errorf("as it streams: got  %s\nwant %s", after, before)
			}
		}
	})
	if lines := exifTool(t, dir); lines != "" {
		t.Errorf("ExifTool finds\n%s", lines)
	}
}

// checkRanges redacts ranges alone: some at random, and around the boundaries of what passes and what is replaced.
func checkRanges(t *testing.T, plan *Plan, data, whole []byte) {
	t.Helper()
	var parts [][2]int
	for range 1000 {
		from := rand.IntN(len(data))
		parts = append(parts, [2]int{from, from + rand.IntN(min(len(data)-from, 50_000)+1)})
	}
	around := func(off int64) {
		for from := int(off) - 2; from <= int(off)+1 && len(parts) < 5000; from++ {
			if from >= 0 && from < len(data) {
				parts = append(parts, [2]int{from, min(from+3, len(data))})
			}
		}
	}
	for _, s := range plan.edits.pass {
		around(s.from)
		around(s.to)
	}
	for _, x := range plan.edits.replace {
		around(x.off)
		around(x.off + int64(len(x.b)))
	}
	for _, part := range parts {
		from, to := part[0], part[1]
		var out bytes.Buffer
		w := plan.NewWriter(&out, int64(from))
		_, err := w.Write(data[from:to])
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), whole[from:to]) {
			t.Fatalf("the bytes from %d to %d differ from those of the whole", from, to)
		}
	}
}

// playing are the tags of ExifTool that tell how a film plays. Those that have a date or a text in them mustn't have one.
var playing = strings.Fields(`
	MajorBrand CompatibleBrands MediaDataSize MediaDataOffset MovieHeaderVersion TimeScale Duration PreferredRate PreferredVolume MatrixStructure
	NextTrackID MovieFragmentSequence TrackHeaderVersion TrackID TrackDuration TrackLayer TrackVolume ImageWidth ImageHeight MediaHeaderVersion
	MediaTimeScale MediaDuration MediaLanguageCode HandlerClass HandlerType GraphicsMode OpColor Balance CompressorID SourceImageWidth SourceImageHeight
	XResolution YResolution BitDepth PixelAspectRatio ColorProfiles ColorPrimaries TransferCharacteristics MatrixCoefficients VideoFullRangeFlag
	VideoFrameRate VideoFieldOrder BufferSize MaxBitrate AverageBitrate AudioFormat AudioChannels AudioBitsPerSample AudioSampleRate AudioChannelTypes
	LayoutFlags NumChannelDescriptions Endianness PurchaseFileFormat CleanApertureDimensions ProductionApertureDimensions EncodedPixelsDimensions
	EncoderVersion CleanAperture
	EBMLVersion EBMLReadVersion EBMLMaxIDLength EBMLMaxSizeLength DocType DocTypeVersion DocTypeReadVersion SeekPosition TimecodeScale CueTime CueTrack
	CueClusterPosition TrackNumber TrackUID TrackType TrackLanguage TrackLanguageIETF TrackDefault TrackLacing CodecID VideoCodecID VideoScanType
	DisplayUnit Matroska_0x15b0 Matroska_0x16aa Matroska_0x13c0 Matroska_0x16bb Matroska_0x0070
	FrameRate MaxDataRate FrameCount StreamCount StreamType VideoCodec VideoFrameCount Quality SampleSize AudioSampleCount Encoding NumChannels
	SampleRate AvgBytesPerSec BitsPerSample`)

// exifTool returns the lines of ExifTool about the files in a folder that tell more than how they play, "" without ExifTool.
func exifTool(t *testing.T, dir string) (lines string) {
	t.Helper()
	if _, err := exec.LookPath("exiftool"); err != nil {
		return ""
	}
	out, err := exec.Command("exiftool", "-ee3", "-a", "-u", "-G1", "-s", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	file := ""
	for line := range strings.Lines(string(out)) {
		group, rest, ok := strings.Cut(strings.TrimPrefix(line, "["), "]")
		tag, value, _ := strings.Cut(rest, ":")
		tag, value = strings.TrimSpace(tag), strings.TrimSpace(value)
		switch {
		case !ok:
			file = line
		case slices.Contains([]string{"ExifTool", "System", "File", "Composite"}, group), slices.Contains(playing, tag):
		case strings.Contains(line, "(Binary data"), value == "", value == "0000:00:00 00:00:00", value == "0.0.0", value == "0 s":
		default:
			lines += file + line
		}
	}
	return lines
}

// redacted returns data as the plan redacts it.
func redacted(t testing.TB, plan *Plan, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := plan.NewWriter(&out, 0)
	for part := range slices.Chunk(data, 10_000) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if out.Len() != len(data) {
		t.Fatalf("got %d bytes, want %d", out.Len(), len(data))
	}
	return out.Bytes()
}
