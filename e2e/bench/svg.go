package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// plot has panels above each other with a common x axis. All axes are logarithmic.
type plot struct {
	title, desc string
	x           axis
	panels      []panel
}

type panel struct {
	y     axis
	lines []series
}

type axis struct{ label, unit string }

type series struct {
	name   string
	points []point
}

type point struct{ x, y float64 }

// scale maps a logarithmic range of whole decades to pixels.
type scale struct{ lo, hi, from, to float64 }

// decades returns a scale of whole decades that includes all values.
func decades(values []float64, from, to float64) scale {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		lo, hi = min(lo, math.Log10(v)), max(hi, math.Log10(v))
	}
	lo, hi = math.Floor(lo+1e-9), math.Ceil(hi-1e-9)
	return scale{lo, max(hi, lo+2), from, to} // on less than two decades noise would look like a trend
}

func (s scale) at(v float64) float64 {
	return s.from + (math.Log10(v)-s.lo)/(s.hi-s.lo)*(s.to-s.from)
}

// The drawing's measures, in pixels.
const (
	width, left, right      = 760, 76, 24
	top, height, gap, below = 86, 220, 40, 62
)

// style is readable on light and dark pages, and its colors by the color-blind (Okabe and Ito's palette), as
// are the marks.
const style = `
	svg { background: #fff; font: 13px system-ui, sans-serif; fill: #1f2328 }
	.page { fill: #fff }
	.title { font-size: 16px; font-weight: 600 }
	.grid { stroke: #d8dee4; stroke-width: 1 }
	.line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
	.a { stroke: #0072b2; fill: #0072b2 } .b { stroke: #c34e00; fill: #c34e00 } .c { stroke: #00795a; fill: #00795a }
	.line.a, .line.b, .line.c { fill: none }
	.line.c { stroke-dasharray: 8 6 } /* what lies beneath shows */
	@media (prefers-color-scheme: dark) {
		svg { background: #0d1117; fill: #e6edf3 }
		.page { fill: #0d1117 }
		.grid { stroke: #30363d }
		.a { stroke: #56b4e9; fill: #56b4e9 } .b { stroke: #f0a03c; fill: #f0a03c } .c { stroke: #2fc79a; fill: #2fc79a }
	}
`

// svg draws the plot.
func (p *plot) svg() ([]byte, error) {
	var xs []float64
	for _, pn := range p.panels {
		for _, l := range pn.lines {
			if len(l.points) == 0 || len(pn.lines) > 3 {
				return nil, errors.New("plot: 1 to 3 lines of 1 point or more")
			}
			for _, pt := range l.points {
				if pt.x <= 0 || pt.y <= 0 {
					return nil, fmt.Errorf("plot: %v has no logarithm", pt)
				}
				xs = append(xs, pt.x)
			}
		}
	}
	x := decades(xs, left, width-right)
	total := top + len(p.panels)*(height+gap) - gap + below
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="t d">`+"\n",
		width, total, width, total)
	fmt.Fprintf(&b, "<title id=\"t\">%s</title>\n<desc id=\"d\">%s</desc>\n<style>%s</style>\n", text(p.title), text(p.desc), style)
	fmt.Fprintf(&b, "<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n", width, total)
	label := func(x, y float64, anchor, class, s string) {
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">%s</text>\n", x, y, anchor, class, text(s))
	}
	label(left, 26, "start", "title", p.title)
	at := float64(left)
	for i, l := range p.panels[0].lines {
		drawMark(&b, i, at+6, 46)
		label(at+18, 51, "start", "", l.name)
		at += 40 + 7.2*float64(len(l.name))
	}
	y0 := float64(top)
	for _, pn := range p.panels {
		var ys []float64
		for _, l := range pn.lines {
			for _, pt := range l.points {
				ys = append(ys, pt.y)
			}
		}
		y := decades(ys, y0+height, y0)
		for d := y.lo; d <= y.hi; d++ {
			v := math.Pow(10, d)
			fmt.Fprintf(&b, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", left, y.at(v), width-right)
			label(left-8, y.at(v)+4, "end", "", tick(v, pn.y.unit))
		}
		for d := x.lo; d <= x.hi; d++ {
			v := math.Pow(10, d)
			fmt.Fprintf(&b, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n", x.at(v), y0, y0+height)
		}
		label(left, y0-8, "start", "", pn.y.label)
		for i, l := range pn.lines {
			fmt.Fprintf(&b, "<polyline class=\"line %s\" points=\"", colour(i))
			for _, pt := range l.points {
				fmt.Fprintf(&b, "%.1f,%.1f ", x.at(pt.x), y.at(pt.y))
			}
			b.WriteString("\"/>\n")
			for _, pt := range l.points {
				drawMark(&b, i, x.at(pt.x), y.at(pt.y))
			}
		}
		y0 += height + gap
	}
	y0 -= gap
	for d := x.lo; d <= x.hi; d++ {
		v := math.Pow(10, d)
		label(x.at(v), y0+20, "middle", "", tick(v, p.x.unit))
	}
	label((left+width-right)/2, y0+44, "middle", "", p.x.label)
	b.WriteString("</svg>\n")
	return []byte(b.String()), wellFormed(b.String())
}

func colour(i int) string { return "abc"[i : i+1] }

// drawMark draws a mark of the line i: a disc, a square or a diamond.
func drawMark(b *strings.Builder, i int, x, y float64) {
	switch i {
	case 0:
		fmt.Fprintf(b, "<circle class=\"a\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", x, y)
	case 1:
		fmt.Fprintf(b, "<rect class=\"b\" x=\"%.1f\" y=\"%.1f\" width=\"7\" height=\"7\"/>\n", x-3.5, y-3.5)
	default:
		fmt.Fprintf(b, "<path class=\"c\" d=\"M%.1f %.1fl5 5l-5 5l-5-5z\"/>\n", x, y-5)
	}
}

// tick formats a power of ten with its unit.
func tick(v float64, unit string) string {
	switch unit {
	case "B":
		return si(v, unit)
	case "ms":
		if v >= 1000 {
			v, unit = v/1000, "s"
		}
	case "":
		if v >= 1000 {
			return fmt.Sprintf("%.0f,000", v/1000)
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%.12g %s", v, unit))
}

func text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder returns no error
	return b.String()
}

// wellFormed returns an error if s isn't well-formed XML.
func wellFormed(s string) error {
	d := xml.NewDecoder(strings.NewReader(s))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("plot: %w", err)
		}
	}
}
