package ui

import (
	"math"
	"strings"
)

// Column is one bar of a Columns chart.
type Column struct {
	Label string  // on the axis
	Name  string  // in the tooltip and the table, where there is room for more; "" is Label
	Value float64 // not negative; NaN is a gap
	Text  string  // the value in words, as the tooltip and the table say it
	Part  bool    // not complete yet, or not comparable: drawn paler
}

func (c Column) name() string {
	if c.Name != "" {
		return c.Name
	}
	return c.Label
}

// Columns is a bar chart over a time or an order. Its axis starts at zero.
type Columns struct {
	Name   string // what it shows and what is found, in words, for those who cannot see it
	Head   string // of the first column of its table
	Unit   string // of the second
	Data   []Column
	Format func(float64) string // of axis figures
	Binary bool                 // counted in units of 1,024: the axis ends at a round number of such
}

const (
	plotWidth  = 1000.0
	plotHeight = 152.0
	plotTop    = 14.0
)

type tick struct {
	y     float64
	label string
}

// top returns the end of the axis: a round number that holds the largest value.
func (c Columns) top() float64 {
	high := 0.0
	for _, d := range c.Data {
		if !math.IsNaN(d.Value) {
			high = max(high, d.Value)
		}
	}
	unit := 1.0
	for c.Binary && !math.IsInf(high, 0) && high/unit >= 1024 {
		unit *= 1024
	}
	return niceCeil(high/unit) * unit
}

// niceCeil rounds up to a number that an axis can end with. Zero and what is not a number give 1.
func niceCeil(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10} {
		if v <= m*unit {
			return m * unit
		}
	}
	return 10 * unit
}

func (c Columns) ticks() []tick {
	top := c.top()
	var ticks []tick
	for _, part := range []float64{0, 0.5, 1} {
		ticks = append(ticks, tick{plotHeight * (1 - part), c.Format(top * part)})
	}
	return ticks
}

// bar returns a bar's place. A value above zero is at least a pixel high: little is not nothing.
func (c Columns) bar(i int) (x, y, width, height float64) {
	step := plotWidth / float64(len(c.Data))
	height = c.Data[i].Value / c.top() * plotHeight
	if c.Data[i].Value > 0 {
		height = max(height, 1)
	}
	return step * (float64(i) + 0.14), plotHeight - height, step * 0.72, height
}

// axisLabels picks at most seven columns to be named, the first and the last among them.
func (c Columns) axisLabels() []int {
	n := len(c.Data)
	if n == 0 {
		return nil
	}
	step := max(1, (n-1+5)/6)
	var at []int
	for i := 0; i < n-1; i += step {
		at = append(at, i)
	}
	if len(at) > 1 && n-1-at[len(at)-1] < (step+1)/2 {
		at = at[:len(at)-1] // it would touch the last
	}
	return append(at, n-1)
}

// percent returns the middle of column i in percent of the plot's width.
func (c Columns) percent(i int) string {
	return coord((float64(i)+0.5)/float64(len(c.Data))*100) + "%"
}

// place returns where the k-th of the labels at stands: the last one ends with the plot, so that it does not run out of it.
func (c Columns) place(at []int, k int) (x, anchor string) {
	if k > 0 && k == len(at)-1 && len(c.Data) > 4 {
		return "100%", "end"
	}
	return c.percent(at[k]), "middle"
}

func (c Columns) minor(at []int, k int) bool { return k != 0 && k != len(at)-1 && k%2 == 1 }

// sparkPath returns the line through values, stretched between the lowest and the highest. NaN is a gap.
func sparkPath(values []float64, width, height float64) (line, last string) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	var b strings.Builder
	pen := "M"
	for i, v := range values {
		if math.IsNaN(v) {
			pen = "M"
			continue
		}
		x, y := 0.0, height/2
		if len(values) > 1 {
			x = float64(i) / float64(len(values)-1) * width
		}
		if high > low {
			y = height - 2 - (v-low)/(high-low)*(height-4)
		}
		b.WriteString(pen + coord(x) + " " + coord(y))
		last = "M" + coord(x) + " " + coord(y) + "h0"
		pen = "L"
	}
	return b.String(), last
}

// histBars returns the places of a small histogram's bars in a box of 96 by 22. A bucket that is not empty is at least a
// unit high.
func histBars(counts []int64) [][4]string {
	var high int64
	for _, n := range counts {
		high = max(high, n)
	}
	if high == 0 {
		return nil
	}
	step := 96 / float64(len(counts))
	bars := make([][4]string, 0, len(counts))
	for i, n := range counts {
		if n <= 0 {
			continue
		}
		h := max(1, float64(n)/float64(high)*21)
		bars = append(bars, [4]string{coord(float64(i) * step), coord(22 - h), coord(max(0.8, step-1)), coord(h)})
	}
	return bars
}

// share returns part of whole in percent as a width, at least 1 when there is something.
func share(part, whole float64) string {
	if !(whole > 0) || !(part > 0) {
		return "0"
	}
	return coord(min(100, max(1, part/whole*100)))
}
