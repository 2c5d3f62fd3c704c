package web

import (
	"slices"
	"strconv"
	"time"

	"portreeve/catalog"
	"portreeve/web/ui"
)

// commitChart shows what each commit added, oldest first.
func (h *datasetHead) commitChart() (chart ui.Columns, enough bool) {
	chart = ui.Columns{Head: "Commit", Unit: "Rows added", Format: func(v float64) string { return short(int64(v)) }}
	var most int64
	known := h.charted()
	numbered := crowded(known, h.Now)
	for i, snap := range known {
		most = max(most, *snap.AddedRows)
		text := number(*snap.AddedRows)
		if snap.DeletedRows != nil && *snap.DeletedRows > 0 {
			text += ", " + number(*snap.DeletedRows) + " deleted"
		}
		col := ui.Column{Label: commitLabel(snap.At, h.Now), Value: float64(*snap.AddedRows), Text: text, Part: snap.Operation != "append"}
		if numbered {
			col.Label, col.Name = strconv.Itoa(i+1), strconv.Itoa(i+1)+", "+snap.At.UTC().Format("2 Jan 2006, 15:04:05 UTC")
		}
		chart.Data = append(chart.Data, col)
	}
	chart.Name = "Rows added by each of the last " + strconv.Itoa(len(known)) + " commits, at most " + number(most)
	return chart, len(known) > 1
}

// charted are the commits that say how many rows they added, oldest first.
func (h *datasetHead) charted() []catalog.Snapshot {
	var known []catalog.Snapshot
	for _, snap := range slices.Backward(h.Snapshots) {
		if snap.AddedRows != nil {
			known = append(known, snap)
		}
	}
	return known
}

// committed returns when a commit that is known was made.
func (h *datasetHead) committed(snapshot string) *time.Time {
	for i := range h.Snapshots {
		if h.Snapshots[i].ID == snapshot {
			return &h.Snapshots[i].At
		}
	}
	return nil
}

// crowded reports whether most of the commits would be named alike, as those of one load are: then they are numbered.
func crowded(commits []catalog.Snapshot, now time.Time) bool {
	labels := map[string]bool{}
	for i := range commits {
		labels[commitLabel(commits[i].At, now)] = true
	}
	return 2*len(labels) <= len(commits)
}

// commitLabel names a commit on an axis.
func commitLabel(at, now time.Time) string {
	switch {
	case sameDay(at, now):
		return at.UTC().Format("15:04")
	case now.Sub(at) < 300*24*time.Hour:
		return at.UTC().Format("2 Jan")
	}
	return at.UTC().Format("Jan 2006")
}

func sameDay(a, b time.Time) bool {
	return a.UTC().Format(time.DateOnly) == b.UTC().Format(time.DateOnly)
}

// commitNote says which commits the chart is made of.
func (h *datasetHead) commitNote() string {
	known := h.charted()
	first, last := known[0].At, known[len(known)-1].At
	text := "the last " + plural(len(known), "commit", "commits") + ", "
	switch {
	case !sameDay(first, last):
		return text + day(first) + " to " + day(last)
	case crowded(known, h.Now) && last.Sub(first) < time.Second:
		return text + "all within a second, " + last.UTC().Format("2 Jan 2006, 15:04:05 UTC")
	case crowded(known, h.Now):
		return text + day(last) + ", " + first.UTC().Format("15:04:05") + " to " + last.UTC().Format("15:04:05 UTC")
	}
	return text + "all on " + day(last)
}
