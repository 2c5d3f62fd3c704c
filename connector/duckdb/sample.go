package duckdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"portreeve/catalog"
)

// Sample returns the first limit rows of p in the order of its files, fewer if they are very wide. It implements
// catalog.Reader.
func (e *Engine) Sample(ctx context.Context, p catalog.Plan, limit int) (catalog.Sample, error) {
	out := catalog.Sample{Key: p.Key, SnapshotID: p.SnapshotID, Rows: [][]*string{}}
	v := newView(head(p, int64(limit)))
	v.Positional = true
	err := e.run(ctx, e.o.SampleTimeout, job{Views: []view{v}, Ordered: true, Threads: 1}, func(ctx context.Context, s session) error {
		columns, err := s.describe(ctx, v)
		if err != nil || len(columns) == 0 {
			return err
		}
		exprs := make([]string, len(columns))
		for i, c := range columns {
			out.Columns = append(out.Columns, catalog.SampleColumn{Name: c.Name, Type: c.Type, Numeric: numeric(c.Type)})
			exprs[i] = text(position(i), c.Type, catalog.SampleValue+1)
		}
		// The rows are chosen first: the engine would otherwise make text of more than it returns.
		q := fmt.Sprintf("SELECT %s FROM (FROM %s LIMIT %d)", strings.Join(exprs, ", "), v.sql(), limit)
		r, err := s.rows(ctx, task{SQL: q, Limit: limit, Cut: catalog.SampleValue})
		if err != nil {
			return err
		}
		out.Cut = r.Cut
		out.Rows = append(out.Rows, r.Rows...)
		return nil
	})
	if err != nil {
		return catalog.Sample{}, err
	}
	return out, nil
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
