package duckdb

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"portreeve/catalog"
)

// quantileList are the quantiles of catalog.ColumnProfile.
const quantileList = "[0.05, 0.25, 0.5, 0.75, 0.95]"

// measure is one figure of a column: SQL over its values and where the text it gives belongs.
type measure struct {
	sql string
	put func(c *catalog.ColumnProfile, b *bounds, text string) error
}

// bounds is the range of a column as a number: its values, days since 1970 for dates, microseconds for timestamps.
type bounds struct {
	ok        bool
	low, high float64
	min, max  string
}

// finite returns SQL for the values of a column that can be averaged: further out, squares overflow and the engine gives up.
func finite(c, t string) string {
	switch {
	case floating(t):
		return "CASE WHEN abs(" + c + ") < 1e150 THEN " + c + " END"
	case temporal(t):
		return "CASE WHEN isfinite(" + c + ") THEN " + c + " END"
	}
	return c
}

// number returns SQL for finite values of type t as a DOUBLE to be sorted into buckets.
func number(values, t string) string {
	switch {
	case t == "DATE":
		return "(" + values + " - DATE '1970-01-01')::DOUBLE"
	case t == "TIMESTAMP" || t == "TIMESTAMP WITH TIME ZONE":
		return "epoch_us(" + values + ")::DOUBLE"
	case temporal(t):
		return "epoch_us((" + values + ")::TIMESTAMP)::DOUBLE"
	}
	return "(" + values + ")::DOUBLE"
}

// measures returns the figures of column c of type t that one scan yields: an estimate of its distinct values too, unless
// they will be counted.
func measures(c, t string, counted bool) []measure {
	list := []measure{{"count(" + c + ")", func(p *catalog.ColumnProfile, _ *bounds, s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		p.Nulls = p.Rows - n
		return err
	}}}
	if nested(t) {
		return list
	}
	if !counted {
		list = append(list, measure{"approx_count_distinct(" + c + ")", func(p *catalog.ColumnProfile, _ *bounds, s string) error {
			n, err := strconv.ParseInt(s, 10, 64)
			p.Distinct = &n
			return err
		}})
	}
	list = append(list,
		measure{text("min("+c+")", t, profileText), func(p *catalog.ColumnProfile, _ *bounds, s string) error { p.Min = &s; return nil }},
		measure{text("max("+c+")", t, profileText), func(p *catalog.ColumnProfile, _ *bounds, s string) error { p.Max = &s; return nil }},
	)
	if numeric(t) {
		f := finite(c, t)
		list = append(list,
			measure{"avg(" + f + ")", func(p *catalog.ColumnProfile, _ *bounds, s string) error { return putFloat(&p.Mean, s) }},
			measure{"stddev_samp(" + f + ")", func(p *catalog.ColumnProfile, _ *bounds, s string) error { return putFloat(&p.StdDev, s) }},
			measure{"to_json(approx_quantile((" + f + ")::DOUBLE, " + quantileList + "))", func(p *catalog.ColumnProfile, _ *bounds, s string) error {
				return json.Unmarshal([]byte(s), &p.Quantiles)
			}},
		)
	}
	if numeric(t) || temporal(t) {
		f := finite(c, t)
		list = append(list,
			measure{number("min("+f+")", t), func(_ *catalog.ColumnProfile, b *bounds, s string) (err error) {
				b.ok = true
				b.low, err = strconv.ParseFloat(s, 64)
				return err
			}},
			measure{number("max("+f+")", t), func(_ *catalog.ColumnProfile, b *bounds, s string) (err error) {
				b.high, err = strconv.ParseFloat(s, 64)
				return err
			}},
			measure{"min(" + f + ")", func(_ *catalog.ColumnProfile, b *bounds, s string) error { b.min = s; return nil }},
			measure{"max(" + f + ")", func(_ *catalog.ColumnProfile, b *bounds, s string) error { b.max = s; return nil }},
		)
	}
	return list
}

// putFloat keeps a number, and nothing that JSON cannot hold.
func putFloat(to **float64, s string) error {
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		*to = &f
	}
	return err
}

// subject is a column while its profile is made.
type subject struct {
	*catalog.ColumnProfile
	bounds
	sql string // its name in FROM
}

// profile describes the columns of a view of n rows. A copied view's files are read once: binding their schema for each
// statement would take longer than the copy.
func (s session) profile(ctx context.Context, v view, n int64, copied bool) ([]catalog.ColumnProfile, error) {
	from := v.sql()
	if copied {
		if _, err := s.rows(ctx, task{SQL: "CREATE OR REPLACE TEMP TABLE copied AS FROM " + from}); err != nil {
			return nil, err
		}
		from = "temp.copied"
	}
	columns, err := s.describe(ctx, v, from)
	if err != nil || len(columns) == 0 {
		return nil, err
	}
	out, subjects := make([]catalog.ColumnProfile, len(columns)), make([]subject, len(columns))
	for i, c := range columns {
		out[i] = catalog.ColumnProfile{Name: c.Name, Type: c.Type, Rows: n}
		subjects[i] = subject{ColumnProfile: &out[i], sql: position(i)}
	}
	if err := s.figures(ctx, from, subjects, n <= countedRows); err != nil {
		return nil, err
	}
	for some := range slices.Chunk(subjects, int(min(max(1, cells/(n+1)), profileBatch))) {
		if err := s.spread(ctx, from, some); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// figures fills in what one scan tells of all columns.
func (s session) figures(ctx context.Context, from string, subjects []subject, counted bool) error {
	var exprs []string
	var puts []func(string) error
	for i := range subjects {
		c := &subjects[i]
		for _, m := range measures(c.sql, c.Type, counted) {
			exprs = append(exprs, "("+m.sql+")::VARCHAR")
			puts = append(puts, func(text string) error { return m.put(c.ColumnProfile, &c.bounds, text) })
		}
	}
	r, err := s.rows(ctx, task{SQL: "SELECT " + strings.Join(exprs, ", ") + " FROM " + from})
	if err != nil {
		return err
	}
	if len(r.Rows) != 1 || len(r.Columns) != len(exprs) {
		return fmt.Errorf("%w: %d figures for %d", errStopped, len(r.Columns), len(exprs))
	}
	for i, text := range r.Rows[0] {
		if text == nil {
			continue // no value at all
		}
		if err := puts[i](*text); err != nil {
			return fmt.Errorf("%w: %w", errStopped, err)
		}
	}
	for i := range subjects {
		subjects[i].clamp(counted)
	}
	return nil
}

// clamp keeps an estimate of distinct values within what the rows and the range of whole numbers allow. Where they are
// counted, it sets what columns without values have.
func (c *subject) clamp(counted bool) {
	values := c.Rows - c.Nulls
	if counted && values == 0 && !nested(c.Type) {
		c.Distinct, c.DistinctExact = new(int64(0)), true
	}
	if c.Distinct == nil {
		return
	}
	most := values
	if width := c.high - c.low; whole(c.Type) && c.ok && width < float64(most) {
		most = min(most, int64(width)+1)
	}
	*c.Distinct = max(min(*c.Distinct, most), min(values, 1))
}
