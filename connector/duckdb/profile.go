package duckdb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"portreeve/catalog"
)

const (
	profileBatch = 50 // columns of a view: the engine binds all of them for each statement
	wide         = 4  // views from which on their files are worth copying
	topValues    = 10
	profileText  = 200 // characters kept of a value
	buckets      = 20
)

// Profile reads p, or above maxRows rows about that many of them in stretches spread evenly over up to 64 of its files, and
// describes each column. Distinct values are counted up to countedRows rows, and above where they repeat. Mean, deviation, quantiles and histogram leave NaN and infinite values out; rows that are deleted
// do not count. TakenAt is left to the store. It implements catalog.Reader.
func (e *Engine) Profile(ctx context.Context, p catalog.Plan, maxRows int64) (catalog.Profile, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, e.o.ProfileTimeout, tooLong(e.o.ProfileTimeout))
	defer cancel()
	end, _ := ctx.Deadline()
	before := time.Until(end)
	out := catalog.Profile{SnapshotID: p.SnapshotID, Columns: []catalog.ColumnProfile{}}
	all, part := newView(p), sampled(newView(p), maxRows)
	all.Plan.Columns, part.Positional = nil, true
	j := job{Views: []view{all}}
	for columns := range slices.Chunk(p.Columns, profileBatch) {
		part.Plan.Columns, part.Name = columns, fmt.Sprintf("%s part %d", all.Name, len(j.Views))
		j.Views = append(j.Views, part)
	}
	err := e.run(ctx, e.o.ProfileTimeout, j, func(ctx context.Context, s session) (err error) {
		if out.RowsTotal, err = s.count(ctx, all); err != nil {
			return err
		}
		out.RowsRead = out.RowsTotal
		if part.Take > 0 && len(j.Views) > 1 {
			if out.RowsRead, err = s.count(ctx, part); err != nil {
				return err
			}
		}
		for _, v := range j.Views[1:] {
			columns, err := s.profile(ctx, v, out.RowsRead, len(j.Views) > wide)
			if err != nil {
				return err
			}
			out.Columns = append(out.Columns, columns...)
		}
		return nil
	})
	if err != nil {
		return catalog.Profile{}, err
	}
	for i := range out.Columns {
		out.Columns[i].DistinctExact = out.Columns[i].DistinctExact && !out.Sampled()
	}
	out.TookMS = int((before - time.Until(end)).Milliseconds())
	return out, nil
}

// stretches is how many pieces of the largest file a sample has.
const (
	stretches   = 16
	sampleFiles = 64
)

// sampled returns v with files and stretches of rows chosen so that about maxRows rows are read, never more.
func sampled(v view, maxRows int64) view {
	var total, largest int64
	for _, f := range v.Plan.Files {
		total += f.Rows
	}
	if total <= maxRows {
		return v
	}
	if files := v.Plan.Files; len(files) > sampleFiles {
		v.Plan.Files = make([]catalog.PlanFile, sampleFiles)
		for i := range v.Plan.Files {
			v.Plan.Files[i] = files[i*len(files)/sampleFiles]
		}
	}
	for _, f := range v.Plan.Files {
		largest = max(largest, f.Rows)
	}
	v.Every = largest/stretches + 1
	// The most rows of each stretch that keep the sample within maxRows, found by halving.
	low, high := int64(1), v.Every
	for low < high {
		middle := (low + high + 1) / 2
		if rowsTaken(v.Plan.Files, v.Every, middle) <= maxRows {
			low = middle
		} else {
			high = middle - 1
		}
	}
	v.Take = low
	return v
}

// rowsTaken returns how many rows are read when each file gives the first take of each every.
func rowsTaken(files []catalog.PlanFile, every, take int64) (n int64) {
	for _, f := range files {
		n += f.Rows/every*take + min(f.Rows%every, take)
	}
	return n
}
