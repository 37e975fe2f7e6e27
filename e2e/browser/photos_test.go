package browser

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// scene is a landscape with a sky, a sun or moon, and several ridges.
type scene struct {
	name             string
	sky, low         uint32 // the colors on top and at the horizon
	far, near        uint32 // the colors of the farthest and the nearest ridge
	disc             uint32 // the color of the sun or moon, 0 for none
	x, y, r          float64
	horizon, rugged  float64
	ridges           int
	stars            bool
	gear             int
	shutter          [2]uint32
	f10, iso, mm10   uint32
	date             string
	lat, lon, height float64
}

// gear has cameras and lenses: Make, Model, LensModel.
var gear = [][3]string{
	{"NIKON CORPORATION", "NIKON Z 6_2", "NIKKOR Z 24-70mm f/4 S"},
	{"FUJIFILM", "X-T5", "XF16-55mmF2.8 R LM WR"},
	{"Canon", "Canon EOS R6", "RF24-105mm F4 L IS USM"},
	{"Apple", "iPhone 15 Pro", "iPhone 15 Pro back triple camera 6.765mm f/1.78"},
}

var scenes = []scene{
	{"Aldeyjarfoss.jpg", 0x9fb8c8, 0xe9e4d8, 0x8fa3ad, 0x24363c, 0, 0, 0, 0, .46, .10, 5, false, 0, [2]uint32{1, 250}, 80, 100, 350, "2025:06:14 11:02:47", 65.3644, -17.3392, 310},
	{"Blue hour in Reine.jpg", 0x1d2c54, 0xd98a76, 0x54608c, 0x10182f, 0xfbe3c0, .70, .40, .035, .52, .20, 4, false, 1, [2]uint32{1, 15}, 56, 640, 234, "2025:02:21 16:48:10", 67.9324, 13.0887, 4},
	{"Cap Canaille.jpg", 0x4fa3d1, 0xf3e6c4, 0xc9b48c, 0x8a5a34, 0xfff7de, .22, .24, .06, .58, .08, 4, false, 2, [2]uint32{1, 800}, 90, 200, 240, "2024:09:03 18:21:05", 43.2006, 5.5606, 363},
	{"Dune 45.jpg", 0x3b7fb5, 0xf6d7a8, 0xe3a15c, 0x7b3318, 0, 0, 0, 0, .50, .16, 3, false, 2, [2]uint32{1, 640}, 110, 100, 1050, "2024:05:19 07:12:33", -24.7306, 15.4719, 570},
	{"Dusk.jpg", 0x33204d, 0xf08a5d, 0x8a4f7d, 0x1c1029, 0xffd9a0, .50, .50, .085, .60, .10, 5, false, 0, [2]uint32{1, 60}, 40, 400, 700, "2025:08:30 20:14:52", 46.5475, 7.9851, 2061},
	{"Eigergletscher.jpg", 0x6aa7d6, 0xe6f0f4, 0xdfe9ee, 0x4a6573, 0, 0, 0, 0, .44, .26, 4, false, 0, [2]uint32{1, 1000}, 80, 100, 240, "2025:08:31 09:40:18", 46.5746, 7.9741, 2320},
	{"First light.jpg", 0xc4b7d8, 0xfbd9c2, 0xd3a7b4, 0x4b3554, 0xfff3da, .34, .44, .05, .56, .12, 6, false, 1, [2]uint32{1, 200}, 80, 160, 550, "2025:08:31 06:31:29", 46.5590, 7.8922, 2681},
	{"Glen Etive.jpg", 0x8f9ba0, 0xd6d3c3, 0x8b9a7d, 0x27351f, 0, 0, 0, 0, .40, .18, 5, false, 1, [2]uint32{1, 125}, 71, 250, 160, "2024:10:11 13:55:41", 56.6207, -4.9031, 88},
	{"Haukland beach.jpg", 0x2f9bb3, 0xd9f0e3, 0x7fb7b0, 0x0f4a52, 0, 0, 0, 0, .55, .14, 4, false, 3, [2]uint32{1, 1250}, 18, 50, 68, "2025:07:02 14:44:09", 68.1990, 13.5285, 3},
	{"Inari in November.jpg", 0x0c1c33, 0x2d6f6b, 0x274a52, 0x050c14, 0, 0, 0, 0, .64, .06, 3, true, 0, [2]uint32{8, 1}, 40, 1600, 240, "2025:11:08 21:30:00", 68.9060, 27.0287, 119},
	{"Jotunheimen.jpg", 0x7895b8, 0xf0dcc8, 0xa39bb5, 0x2c2d49, 0, 0, 0, 0, .42, .24, 6, false, 2, [2]uint32{1, 320}, 80, 100, 700, "2025:07:19 22:05:36", 61.6363, 8.3125, 2469},
	{"Kvaloya moon.jpg", 0x101a2e, 0x46587c, 0x2f4163, 0x080d1a, 0xf4f1e4, .74, .22, .055, .60, .18, 4, true, 0, [2]uint32{2, 1}, 40, 800, 700, "2025:01:13 17:20:44", 69.6992, 18.6500, 12},
	{"Lavender.jpg", 0xa9c9ea, 0xfdeedd, 0xb79bd0, 0x4c2f75, 0, 0, 0, 0, .48, .05, 6, false, 1, [2]uint32{1, 400}, 56, 160, 550, "2024:07:06 19:42:13", 43.9352, 6.1233, 590},
	{"Mount Cook.jpg", 0x3f86c2, 0xd3e8f2, 0xeef4f6, 0x3d5d4a, 0, 0, 0, 0, .40, .30, 4, false, 2, [2]uint32{1, 500}, 90, 100, 350, "2023:12:28 10:17:02", -43.5950, 170.1418, 762},
	{"Namib evening.jpg", 0x5c3b6d, 0xf9b572, 0xd97f4b, 0x3d1622, 0xffe9bf, .66, .46, .06, .56, .12, 4, false, 2, [2]uint32{1, 160}, 80, 200, 1050, "2024:05:18 17:51:20", -24.4848, 15.8000, 720},
	{"Oak wood.jpg", 0xb9cfa0, 0xf1f1cf, 0x93b26a, 0x22381a, 0xfffbe0, .30, .26, .05, .52, .05, 6, false, 3, [2]uint32{1, 240}, 18, 64, 68, "2025:04:27 09:08:55", 51.2093, 10.4500, 402},
	{"Picos.jpg", 0x6f9fc4, 0xf4e2cf, 0xb9b6b4, 0x3b4a3a, 0, 0, 0, 0, .44, .22, 5, false, 1, [2]uint32{1, 250}, 80, 125, 160, "2024:06:02 08:26:31", 43.1972, -4.8517, 1834},
	{"Quiet water.jpg", 0xdfe6ea, 0xf7f0ea, 0xb8c6cf, 0x5c7282, 0xffffff, .50, .32, .05, .50, .07, 5, false, 0, [2]uint32{1, 30}, 110, 64, 700, "2025:10:05 07:58:07", 47.5596, 13.6493, 508},
	{"Rannoch moor.jpg", 0x566070, 0xe2a66b, 0x7d6a63, 0x231c1d, 0, 0, 0, 0, .54, .07, 4, false, 1, [2]uint32{1, 80}, 80, 320, 234, "2024:10:12 17:33:48", 56.6310, -4.8290, 310},
	{"Senja.jpg", 0x0f2f4f, 0x5fc6a4, 0x1f5a66, 0x061722, 0, 0, 0, 0, .56, .28, 4, true, 0, [2]uint32{4, 1}, 40, 1250, 240, "2025:01:15 22:41:16", 69.4856, 17.1400, 8},
	{"Trolltunga.jpg", 0x89a7c7, 0xf3ead9, 0x93a0b4, 0x32404d, 0, 0, 0, 0, .38, .20, 6, false, 3, [2]uint32{1, 950}, 18, 50, 68, "2025:07:23 12:00:39", 60.1242, 6.7400, 1180},
	{"Uluru.jpg", 0x7a5fa0, 0xf7a26b, 0xc25a33, 0x4a1a14, 0, 0, 0, 0, .62, .10, 2, false, 2, [2]uint32{1, 200}, 80, 100, 700, "2023:08:11 18:02:59", -25.3444, 131.0369, 510},
	{"Vatnajokull.jpg", 0x5b8fb0, 0xd5e9ee, 0xc6e2ec, 0x1f5470, 0, 0, 0, 0, .48, .16, 5, false, 0, [2]uint32{1, 640}, 71, 100, 500, "2025:06:16 15:27:24", 64.0158, -16.9723, 140},
	{"Zabriskie Point.jpg", 0x7fb2d9, 0xfae3bd, 0xe9c27d, 0x6e3f22, 0, 0, 0, 0, .42, .13, 6, false, 2, [2]uint32{1, 400}, 90, 100, 700, "2024:03:09 07:03:11", 36.4200, -116.8122, 244},
}

func rgb(c uint32) [3]float64 {
	return [3]float64{float64(c >> 16), float64(c >> 8 & 255), float64(c & 255)}
}

func mix(a, b [3]float64, t float64) [3]float64 {
	t = max(0, min(1, t))
	for i := range a {
		a[i] += (b[i] - a[i]) * t
	}
	return a
}

// paint draws the scene.
func (s *scene) paint(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	rng := rand.New(rand.NewPCG(uint64(s.sky), uint64(s.near)))
	W, H := float64(w), float64(h)
	// each ridge is a sum of a few waves; the finer ones are flatter
	type wave struct{ f, p, a float64 }
	ridges := make([][]wave, s.ridges)
	for i := range ridges {
		for k := range 7 {
			f := math.Pow(1.9, float64(k))
			ridges[i] = append(ridges[i], wave{f * (2 + 2*rng.Float64()), rng.Float64() * 2 * math.Pi, math.Pow(f, -.95)})
		}
	}
	type star struct{ x, y, r float64 }
	var stars []star
	for range 90 {
		stars = append(stars, star{rng.Float64() * W, rng.Float64() * H * s.horizon, .6 + 1.2*rng.Float64()})
	}
	tops := make([]float64, s.ridges)
	for x := range w {
		for i := range tops {
			depth := (float64(i) + .5) / float64(s.ridges)
			y := s.horizon + (1-s.horizon)*depth*.9
			for _, v := range ridges[i] {
				y += s.rugged * (1.1 - .6*depth) * .28 * v.a * math.Sin(v.f*float64(x)/W*math.Pi+v.p)
			}
			tops[i] = y * H
		}
		for y := range h {
			fy := float64(y)
			c := mix(rgb(s.sky), rgb(s.low), math.Pow(fy/H/(s.horizon+.08), 1.4))
			if s.stars {
				for _, t := range stars {
					if d := math.Hypot(float64(x)-t.x, fy-t.y); d < t.r+1 {
						c = mix(c, rgb(0xffffff), (t.r+1-d)*.6)
					}
				}
			}
			if s.disc != 0 {
				d := math.Hypot(float64(x)-s.x*W, fy-s.y*H)
				c = mix(c, rgb(s.disc), .30*math.Exp(-d/(s.r*2.2*W)))
				c = mix(c, rgb(s.disc), s.r*W-d+.5)
			}
			for i, top := range tops {
				t := 0.0
				if s.ridges > 1 {
					t = float64(i) / float64(s.ridges-1)
				}
				body := mix(rgb(s.far), rgb(s.near), t)
				body = mix(body, rgb(s.low), .28*(1-t)*min(1, max(0, (fy-top)/(H*.25))))
				c = mix(c, body, fy-top+.5)
			}
			m.SetRGBA(x, y, color.RGBA{uint8(c[0]), uint8(c[1]), uint8(c[2]), 255})
		}
	}
	return m
}

func dms(v float64) []uint32 {
	v = math.Abs(v)
	d := math.Floor(v)
	mi := math.Floor((v - d) * 60)
	s := (v - d - mi/60) * 3600
	return []uint32{uint32(d), 1, uint32(mi), 1, uint32(math.Round(s * 100)), 100}
}

func side(v float64, plus, minus string) string {
	if v < 0 {
		return minus
	}
	return plus
}

// block returns the scene's EXIF.
func (s *scene) block(orientation uint16, w, h int) testimage.Block {
	g := gear[s.gear]
	return testimage.Block{
		IFD0: []testimage.Entry{
			testimage.ASCII(0x010E, strings.TrimSuffix(s.name, ".jpg")+" from the path"),
			testimage.ASCII(0x010F, g[0]),
			testimage.ASCII(0x0110, g[1]),
			testimage.Short(0x0112, orientation),
			testimage.Rational(0x011A, 300, 1),
			testimage.Rational(0x011B, 300, 1),
			testimage.Short(0x0128, 2),
			testimage.ASCII(0x0132, s.date),
			testimage.ASCII(0x013B, "Zoë Ångström"),
			testimage.ASCII(0x8298, "CC BY 4.0"),
		},
		Exif: []testimage.Entry{
			testimage.Rational(0x829A, s.shutter[0], s.shutter[1]),
			testimage.Rational(0x829D, s.f10, 10),
			testimage.Short(0x8822, 3),
			testimage.Short(0x8827, uint16(s.iso)),
			testimage.Undefined(0x9000, []byte("0232")),
			testimage.ASCII(0x9003, s.date),
			testimage.ASCII(0x9004, s.date),
			testimage.ASCII(0x9011, fmt.Sprintf("%+03d:00", int(math.Round(s.lon/15)))),
			testimage.SRational(0x9204, -1, 3),
			testimage.Short(0x9207, 5),
			testimage.Short(0x9209, 16),
			testimage.Rational(0x920A, s.mm10, 10),
			testimage.Short(0xA001, 1),
			testimage.Long(0xA002, uint32(w)),
			testimage.Long(0xA003, uint32(h)),
			testimage.Short(0xA402, 0),
			testimage.Short(0xA403, 0),
			testimage.Short(0xA405, uint16(s.mm10*gear35[s.gear]/100)),
			testimage.ASCII(0xA434, g[2]),
		},
		GPS: []testimage.Entry{
			testimage.Bytes(0x0000, 1, []byte{2, 3, 0, 0}),
			testimage.ASCII(0x0001, side(s.lat, "N", "S")),
			testimage.Rational(0x0002, dms(s.lat)...),
			testimage.ASCII(0x0003, side(s.lon, "E", "W")),
			testimage.Rational(0x0004, dms(s.lon)...),
			testimage.Bytes(0x0005, 1, []byte{0}),
			testimage.Rational(0x0006, uint32(s.height*10), 10),
		},
	}
}

// quarter rotates the pixels counter-clockwise, as a camera held upright stores them: Orientation 6 shows them
// as before.
func quarter(m *image.RGBA) *image.RGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			out.SetRGBA(y, w-1-x, m.RGBAAt(x, y))
		}
	}
	return out
}

// gear35 is each camera's crop factor, in tenths.
var gear35 = [...]uint32{10, 15, 10, 35}

// jpeg returns the scene as a file. Every fifth is upright. All except every sixth have a thumbnail as cameras
// make it: 160 × 120, with black bars if the photo has another shape.
func (s *scene) jpeg(i int) []byte {
	w, h, thumb := 720, 480, image.NewRGBA(image.Rect(0, 0, 160, 120))
	var m *image.RGBA
	if i%5 == 4 {
		w, h = 640, 480
		m, thumb = quarter(s.paint(h, w)), quarter(s.paint(120, 160))
	} else {
		m = s.paint(w, h)
		draw.Draw(thumb, thumb.Rect, image.Black, image.Point{}, draw.Src)
		draw.Draw(thumb, image.Rect(0, 7, 160, 113), s.paint(160, 106), image.Point{}, draw.Src)
	}
	b := s.block(map[bool]uint16{true: 6, false: 1}[i%5 == 4], w, h)
	if i%6 != 5 {
		b.SetThumbnail(testimage.JPEG(thumb))
	}
	return photo(m, b)
}

func photo(m image.Image, b testimage.Block) []byte {
	return testimage.JPEG(m, testimage.EXIFSegment(b.Encode()))
}

// hostile are names that break galleries.
var hostile = []string{
	`"><script>pwned=1<` + "\u2044" + `script>.jpg`, // a name can't have the slash itself
	`<img src=x onerror=pwned=1>.jpg`,
	`" onfocus="pwned=1" autofocus="`,
	`' onmouseover='pwned=1.jpg`,
	`javascript:pwned=1.jpg`,
	`a#b.jpg`, `a?b=c.jpg`, `100%.jpg`, `100%25.jpg`, `%2e%2e%2fx.jpg`, `a b  c.jpg`, `a+b&c;d=e.jpg`, `a,b, c.jpg`,
	`{{.Name}}${pwned=1}.jpg`, "`pwned`.jpg", `back\slash.jpg`, `me@home.jpg`, `x@base@tag=exif.png.jpg`,
	"grüße 日本 🏔.jpg", "e\u0301 é.jpg", "\u202Egpj.exe.jpg", "line\nbreak.jpg", "tab\t.jpg", "not-utf8-\xFF\xFE.jpg",
	`__proto__.jpg`, `title.jpg`, `dialog`, `.hidden.jpg`, `UPPER.JPG`, `comma, in.heic`,
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	// as old as photos usually are, so that browsers cache responses
	old := time.Now().AddDate(-1, 0, 0)
	if err := os.Chtimes(name, old, old); err != nil {
		t.Fatal(err)
	}
}

// writeScenes fills a folder like a photographer's.
func writeScenes(t *testing.T, dir string) {
	t.Helper()
	for i := range scenes {
		data := scenes[i].jpeg(i)
		write(t, filepath.Join(dir, scenes[i].name), data)
		if scenes[i].lon < -10 && scenes[i].lat > 60 {
			write(t, filepath.Join(dir, "2025 Iceland", scenes[i].name), data)
		}
	}
	write(t, filepath.Join(dir, "packing list.txt"), []byte("tripod\n"))
	if err := os.MkdirAll(filepath.Join(dir, "2026"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// writeOdd fills a folder with two folders: one of odd files, one of hostile names.
func writeOdd(t *testing.T, dir string) {
	t.Helper()
	write := func(name string, data []byte) {
		t.Helper()
		write(t, filepath.Join(dir, name), data)
	}
	small := testimage.Gradient(120, 80)
	full := testimage.Full()
	bad := testimage.EXIFSegment((&testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010F, "Nobody")}}).Encode())
	copy(bad[10+4:], "\xFF\xFF\xFF\x7F") // IFD0 far beyond the end
	write("Odd ones/broken-exif.jpg", testimage.JPEG(small, bad))
	write("Odd ones/gone.jpg", photo(small, full))
	write("Odd ones/no-exif.jpg", testimage.JPEG(small))
	write("Odd ones/not-a-photo.jpg", []byte("Dear diary, this is no photo."))
	write("Odd ones/secret.jpg", photo(small, full))
	heif := testimage.HEIF{Iloc: 1, Infe: 2, Exif: [][]byte{testimage.ExifData(full.Encode(), true)}, Describing: 1}
	write("Odd ones/phone.heic", heif.Encode())
	write("Odd ones/scan.tif", testimage.TIFF(full))
	write("Odd ones/camera.nef", testimage.TIFF(full))

	// stored rotated: displayed, red is on top and blue below
	lying := image.NewRGBA(image.Rect(0, 0, 120, 80))
	for x := range 120 {
		for y := range 80 {
			c := color.RGBA{200, 0, 0, 255}
			if x >= 60 {
				c = color.RGBA{0, 0, 200, 255}
			}
			lying.SetRGBA(x, y, c)
		}
	}
	write("Odd ones/rotated.jpg", photo(lying, testimage.Block{IFD0: []testimage.Entry{testimage.Short(0x0112, 6)}}))

	for i, name := range hostile {
		b := testimage.Block{IFD0: []testimage.Entry{testimage.ASCII(0x010E, fmt.Sprintf(`<b onclick="pwned=1">%d</b>`, i))}}
		if filepath.Ext(name) == "" || filepath.Ext(name) == ".heic" {
			write("Hostile/"+name, []byte("no photo"))
			continue
		}
		write("Hostile/"+name, photo(small, b))
	}
	write("Hostile/"+strings.Repeat("W", 200)+".jpg", photo(small, testimage.Block{IFD0: []testimage.Entry{
		testimage.ASCII(0x010E, strings.Repeat("M", 900)),
	}}))
	write(`Hostile/<img src=x onerror=pwned=1>&"'#?%/inside.jpg`, photo(small, full))
}
