package duckdb

import (
	"context"

	"portreeve/catalog"
	"portreeve/fault"
)

// View is a table as one person may see it.
type View struct {
	Plan   catalog.Plan
	Masks  map[string]string // SQL in place of a column, by the column's name
	Filter string            // SQL: rows that the person may see; "" for all
}

// Rows are the first rows of a result, as text.
type Rows struct {
	Columns []catalog.SampleColumn
	Rows    [][]*string // nil is NULL
	Cut     bool        // values were cut at catalog.SampleValue bytes, or rows left out because they are very wide
	Tables  [][]string  // that the statement reads, as it writes them
}

// MaxRows is the most rows that Run returns.
const MaxRows = 1000

// Run runs one SELECT that a person wrote over views and returns its first rows, at most limit and MaxRows. It returns
// Invalid, with what the person should know, if the guard or the engine refuses the statement, and Unavailable where the
// kernel cannot fence the engine.
func (e *Engine) Run(ctx context.Context, views []View, sql string, limit int) (out Rows, err error) {
	if len(sql) > mib {
		return Rows{}, fault.Invalidf("sql", "a statement may have 1 MiB, this has %d bytes", len(sql))
	}
	j := job{Ordered: true, Foreign: true}
	for _, v := range views {
		w := newView(v.Plan)
		w.Masks, w.Filter = v.Masks, v.Filter
		j.Views = append(j.Views, w)
	}
	err = e.run(ctx, e.o.QueryTimeout, j, func(ctx context.Context, s session) error {
		r, err := s.rows(ctx, task{SQL: sql, Foreign: true, Limit: min(limit, MaxRows), Cut: catalog.SampleValue})
		if err != nil {
			return err
		}
		for _, c := range r.Columns {
			out.Columns = append(out.Columns, catalog.SampleColumn{Name: c.Name, Type: c.Type, Numeric: numeric(c.Type)})
		}
		out.Rows, out.Cut, out.Tables = r.Rows, r.Cut, r.Tables
		return nil
	})
	if err != nil {
		return Rows{}, err
	}
	return out, nil
}
