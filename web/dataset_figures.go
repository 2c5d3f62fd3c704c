package web

import (
	"context"
	"math"
	"slices"
	"time"

	"portreeve/catalog"
	"portreeve/web/ui"
)

// figuresShown is how many measurements a page draws and lists.
const figuresShown = 200

// figures are a dataset's figures as crawls found them, oldest first.
type figures struct {
	found []catalog.Measurement
	now   time.Time
}

func (s *Server) figures(ctx context.Context, h *datasetHead) (figures, error) {
	found, err := s.Catalog.Measurements(ctx, h.ID, figuresShown)
	return figures{found, h.Now}, err
}

// drawn reports whether a figure was known more than once: one measurement is no course of things.
func (f figures) drawn(of func(*catalog.Measurement) *int64) bool {
	n := 0
	for i := range f.found {
		if of(&f.found[i]) != nil {
			n++
		}
	}
	return n > 1
}

func rowsOfMeasure(m *catalog.Measurement) *int64  { return m.RowCount }
func bytesOfMeasure(m *catalog.Measurement) *int64 { return m.ByteCount }

func (f figures) rows() bool  { return f.drawn(rowsOfMeasure) }
func (f figures) bytes() bool { return f.drawn(bytesOfMeasure) }

// chart draws a figure, with marks where data arrived.
func (f figures) chart(what string, of func(*catalog.Measurement) *int64, format func(int64) string) ui.Steps {
	s := ui.Steps{Until: f.now, Format: func(v float64) string { return format(int64(math.Round(v))) }, When: f.when()}
	first, last := unknown, unknown
	for i := range f.found {
		m := &f.found[i]
		step := ui.Step{At: m.At, Value: math.NaN()}
		last = unknown
		if v := of(m); v != nil {
			step.Value = float64(*v)
			if last = format(*v); first == unknown {
				first = last
			}
		}
		s.Data = append(s.Data, step)
		if m.DataAt != nil && (i == 0 || f.found[i-1].DataAt == nil || !m.DataAt.Equal(*f.found[i-1].DataAt)) {
			s.Marks = append(s.Marks, *m.DataAt)
		}
	}
	s.Name = what + " from " + day(f.found[0].At) + " to " + day(f.now) + ": " + first + " at first, " + last + " now"
	return s
}

// when names moments on the axis as closely as the time that is shown needs.
func (f figures) when() func(time.Time) string {
	layout := axisLayout(f.now.Sub(f.found[0].At))
	return func(at time.Time) string { return at.UTC().Format(layout) }
}

// axisLayout is how an axis that shows so much time names its moments.
func axisLayout(shown time.Duration) string {
	switch {
	case shown < 24*time.Hour:
		return "15:04"
	case shown < 6*24*time.Hour:
		return "2 Jan 15:04"
	case shown < 300*24*time.Hour:
		return "2 Jan"
	}
	return "Jan 2006"
}

func (f figures) rowsChart(word string) ui.Steps { return f.chart(word, rowsOfMeasure, short) }

func (f figures) bytesChart() ui.Steps {
	s := f.chart("Size", bytesOfMeasure, size)
	s.Binary = true
	return s
}

// newestFirst returns the measurements as a table lists them.
func (f figures) newestFirst() []catalog.Measurement {
	out := slices.Clone(f.found)
	slices.Reverse(out)
	return out
}

// note says what the charts are made of.
func (f figures) note() string {
	if len(f.found) == figuresShown {
		return "the last " + number(figuresShown) + " changes that crawls found"
	}
	return plural(len(f.found), "measurement", "measurements") + " by crawls"
}
