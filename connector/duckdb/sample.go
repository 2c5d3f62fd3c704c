package duckdb

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"portreeve/catalog"
)

// Sample returns limit rows of p, fewer if they are very wide: for one snapshot always the same, from files spread evenly
// over the plan, in the order of the files. It implements catalog.Reader.
func (e *Engine) Sample(ctx context.Context, p catalog.Plan, limit int) (catalog.Sample, error) {
	out := catalog.Sample{Key: p.Key, SnapshotID: p.SnapshotID, Rows: [][]*string{}}
	views := sampleViews(p, int64(limit))
	err := e.run(ctx, e.o.SampleTimeout, job{Views: views, Ordered: true, Threads: 1}, func(ctx context.Context, s session) error {
		for _, v := range views {
			if err := s.sample(ctx, v, limit, &out); err != nil || len(out.Rows) >= limit || out.Cut {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return catalog.Sample{}, err
	}
	return out, nil
}

// sample makes out the first limit rows of v.
func (s session) sample(ctx context.Context, v view, limit int, out *catalog.Sample) error {
	columns, err := s.describe(ctx, v, v.sql())
	if err != nil || len(columns) == 0 {
		return err
	}
	exprs := make([]string, len(columns))
	out.Columns = make([]catalog.SampleColumn, len(columns))
	for i, c := range columns {
		out.Columns[i] = catalog.SampleColumn{Name: c.Name, Type: c.Type, Numeric: numeric(c.Type)}
		exprs[i] = text(position(i), c.Type, catalog.SampleValue+1)
	}
	// The rows are chosen first: the engine would otherwise make text of more than it returns.
	q := fmt.Sprintf("SELECT %s FROM (FROM %s LIMIT %d)", strings.Join(exprs, ", "), v.sql(), limit)
	r, err := s.rows(ctx, task{SQL: q, Limit: limit, Cut: catalog.SampleValue})
	if err != nil {
		return err
	}
	out.Cut, out.Rows = r.Cut, append([][]*string{}, r.Rows...)
	return nil
}

// sampleViews returns the views whose rows make a sample of limit rows: the first that has as many, or the last. Rows by
// their number come first; the beginning of the plan follows where some of those may be deleted, or cannot be told apart.
func sampleViews(p catalog.Plan, limit int64) []view {
	first := newView(head(p, limit))
	first.Positional = true
	if p.Rows <= limit || slices.ContainsFunc(p.Columns, func(c catalog.PlanColumn) bool { return isRowName(c.Name) }) {
		return []view{first}
	}
	spread := first
	spread.Plan.Files, spread.Picks = spreadRows(p.Files, limit)
	if !slices.ContainsFunc(spread.Plan.Files, deleted) {
		return []view{spread}
	}
	first.Name += " from the first"
	return []view{spread, first}
}

const (
	pieces     = 8       // of a table, from which a sample is taken
	smallBytes = 8 * mib // of a file that is read from any row on: where its row groups begin is not known here
)

// spreadRows picks limit rows of files, or all if there are fewer, and returns the files that have them.
func spreadRows(files []catalog.PlanFile, limit int64) (chosen []catalog.PlanFile, picks []pick) {
	all := slices.DeleteFunc(slices.Clone(files), func(f catalog.PlanFile) bool { return f.Rows <= 0 })
	var rows int64
	for n := min(pieces, len(all)); ; n = min(2*n, len(all)) {
		chosen, rows = chosen[:0], 0
		for i := range n {
			f := all[i*(len(all)-1)/max(1, n-1)]
			chosen, rows = append(chosen, f), rows+f.Rows
		}
		if rows >= limit || n == len(all) {
			break
		}
	}
	for i, share := range shares(chosen, min(limit, rows)) {
		if share > 0 {
			picks = append(picks, pick{File: i, Rows: rowNumbers(chosen[i], share, max(1, pieces/len(chosen)))})
		}
	}
	return chosen, picks
}

// shares deals n rows out to files as evenly as their rows allow; they have as many.
func shares(files []catalog.PlanFile, n int64) []int64 {
	out := make([]int64, len(files))
	for n > 0 {
		open := int64(0)
		for i, f := range files {
			if out[i] < f.Rows {
				open++
			}
		}
		each := max(1, n/open)
		for i, f := range files {
			more := min(each, f.Rows-out[i], n)
			out[i], n = out[i]+more, n-more
		}
	}
	return out
}

// rowNumbers returns n rows of f in so many stretches, or its first ones where reaching further would be slow.
func rowNumbers(f catalog.PlanFile, n int64, stretches int) []int64 {
	parts := min(int64(stretches), n)
	if f.Bytes > smallBytes || f.Rows < 2*n {
		parts = 1
	}
	rows := make([]int64, 0, n)
	for i := range parts {
		for k := range (i+1)*n/parts - i*n/parts {
			rows = append(rows, i*f.Rows/parts+k)
		}
	}
	return rows
}

// head returns p with no more of its first files than it takes to have n rows.
func head(p catalog.Plan, n int64) catalog.Plan {
	for i, f := range p.Files {
		if !deleted(f) {
			n -= f.Rows
		}
		if n <= 0 {
			p.Files = p.Files[:i+1]
			break
		}
	}
	return p
}

// Count returns the number of rows of p, deletes applied. It implements catalog.Reader.
func (e *Engine) Count(ctx context.Context, p catalog.Plan) (n int64, err error) {
	p.Columns = nil
	v := newView(p)
	err = e.run(ctx, e.o.SampleTimeout, job{Views: []view{v}}, func(ctx context.Context, s session) error {
		n, err = s.count(ctx, v)
		return err
	})
	return n, err
}

func (s session) count(ctx context.Context, v view) (int64, error) {
	r, err := s.rows(ctx, task{SQL: "SELECT count(*)::VARCHAR FROM " + v.sql()})
	if err != nil {
		return 0, err
	}
	if len(r.Rows) != 1 || len(r.Rows[0]) != 1 {
		return 0, fmt.Errorf("%w: no count", errStopped)
	}
	return strconv.ParseInt(value(r.Rows[0][0]), 10, 64)
}
