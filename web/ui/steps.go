package ui

import (
	"math"
	"strings"
	"time"
)

// Stat is a figure with its name.
type Stat struct {
	Label string
	Value string
	Note  string // what it rests on or means, or ""
	About bool   // an estimate
	URL   string // where Note leads, or ""
	Tone  Tone   // Warn or Bad where it wants looking after
}

// Step is a value from a moment on, until the next step.
type Step struct {
	At    time.Time
	Value float64 // not negative; NaN is unknown, a gap
}

// Steps is a chart of a figure that stands until it changes. A table beside it must hold the same.
type Steps struct {
	Name   string // what it shows and what is found, in words
	Data   []Step // oldest first
	Marks  []time.Time
	Until  time.Time // end of the axis
	Binary bool      // counted in units of 1,024: the axis ends at a round number of such
	Format func(float64) string
	When   func(time.Time) string
}

// bars borrows the axis of a bar chart: both begin at zero.
func (s Steps) bars() Columns {
	c := Columns{Format: s.Format, Binary: s.Binary}
	for _, d := range s.Data {
		c.Data = append(c.Data, Column{Value: d.Value})
	}
	return c
}

// x returns where a moment is on the plot.
func (s Steps) x(at time.Time) float64 {
	whole := s.Until.Sub(s.Data[0].At)
	if whole <= 0 {
		return 0
	}
	return max(0, min(1, float64(at.Sub(s.Data[0].At))/float64(whole))) * plotWidth
}

// path returns the line, which is flat between steps and broken where nothing is known.
func (s Steps) path() string {
	var b strings.Builder
	top := s.bars().top()
	down := false
	for i, d := range s.Data {
		end := s.Until
		if i+1 < len(s.Data) {
			end = s.Data[i+1].At
		}
		if math.IsNaN(d.Value) || d.Value < 0 {
			down = false
			continue
		}
		y := coord(plotHeight * (1 - d.Value/top))
		if down {
			b.WriteString("V" + y)
		} else {
			b.WriteString("M" + coord(s.x(d.At)) + " " + y)
		}
		b.WriteString("H" + coord(s.x(end)))
		down = true
	}
	return b.String()
}

// marks returns short strokes at the foot of the plot, at most one per unit of its width.
func (s Steps) marks() string {
	var b strings.Builder
	met := map[int]bool{}
	for _, at := range s.Marks {
		if at.Before(s.Data[0].At) || at.After(s.Until) {
			continue
		}
		if x := int(s.x(at)); !met[x] {
			met[x] = true
			b.WriteString("M" + coord(float64(x)) + " 152v-8")
		}
	}
	return b.String()
}

type moment struct {
	x, anchor, label string
	minor            bool
}

// moments are the places on the axis that are named: both ends and what lies between, as far as their names differ.
func (s Steps) moments() []moment {
	whole := s.Until.Sub(s.Data[0].At)
	var out []moment
	last := ""
	for i := range 5 {
		m := moment{x: coord(float64(i)*25) + "%", anchor: "middle", label: s.When(s.Data[0].At.Add(whole / 4 * time.Duration(i))), minor: i%2 == 1}
		switch i {
		case 0:
			m.anchor = "start"
		case 4:
			m.anchor = "end"
		}
		if m.label != last {
			out = append(out, m)
		}
		last = m.label
	}
	return out
}
