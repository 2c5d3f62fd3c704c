package duckdb

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
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

// measures returns the figures of column c of type t that one scan yields.
func measures(c, t string) []measure {
	list := []measure{{"count(" + c + ")", func(p *catalog.ColumnProfile, _ *bounds, s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		p.Nulls = p.Rows - n
		return err
	}}}
	if nested(t) {
		return list
	}
	list = append(list, measure{"approx_count_distinct(" + c + ")", func(p *catalog.ColumnProfile, _ *bounds, s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		n = min(n, p.Rows-p.Nulls)
		p.Distinct = &n
		return err
	}})
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

// profile describes the columns of a view of n rows. A copied view's file is read once: binding its schema for each
// statement would take longer than the copy.
func (s session) profile(ctx context.Context, v view, n int64, copied bool) ([]catalog.ColumnProfile, error) {
	columns, err := s.describe(ctx, v)
	if err != nil || len(columns) == 0 {
		return nil, err
	}
	from := v.sql()
	if copied {
		if _, err := s.rows(ctx, task{SQL: "CREATE OR REPLACE TEMP TABLE copied AS FROM " + from}); err != nil {
			return nil, err
		}
		from = "temp.copied"
	}
	out, ranges := make([]catalog.ColumnProfile, len(columns)), make([]bounds, len(columns))
	var exprs []string
	var puts []func(string) error
	for i := range out {
		c := columns[i]
		out[i] = catalog.ColumnProfile{Name: c.Name, Type: c.Type, Rows: n}
		for _, m := range measures(position(i), c.Type) {
			exprs = append(exprs, "("+m.sql+")::VARCHAR")
			puts = append(puts, func(text string) error { return m.put(&out[i], &ranges[i], text) })
		}
	}
	r, err := s.rows(ctx, task{SQL: "SELECT " + strings.Join(exprs, ", ") + " FROM " + from})
	if err != nil {
		return nil, err
	}
	if len(r.Rows) != 1 || len(r.Columns) != len(exprs) {
		return nil, fmt.Errorf("%w: %d figures for %d", errStopped, len(r.Columns), len(exprs))
	}
	for i, text := range r.Rows[0] {
		if text == nil {
			continue // no value at all
		}
		if err := puts[i](*text); err != nil {
			return nil, fmt.Errorf("%w: %w", errStopped, err)
		}
	}
	for i := range out {
		if err := s.spread(ctx, from, &out[i], ranges[i], position(i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// spread adds the most frequent values and the histogram of column c. Reading one column at a time is faster here than all
// of them at once, and exact.
func (s session) spread(ctx context.Context, from string, p *catalog.ColumnProfile, b bounds, c string) error {
	if p.Distinct == nil || p.Nulls == p.Rows {
		return nil
	}
	var parts []string
	if 2**p.Distinct <= p.Rows-p.Nulls || *p.Distinct <= topValues { // else nearly each value is there once
		t := "VARCHAR"
		if p.Type == "BLOB" {
			t = "BLOB"
		}
		parts = append(parts, fmt.Sprintf(`(SELECT 'top', %s, n::VARCHAR FROM (SELECT %s AS x, count(*) AS n FROM %s WHERE %s IS NOT NULL GROUP BY 1
			ORDER BY n DESC, x LIMIT %d) ORDER BY n DESC, x)`, text("x", t, profileText), topKey(c, p.Type), from, c, topValues))
	}
	if b.ok && b.low < b.high {
		f := finite(c, p.Type)
		size := bucketCount(p.Type, b)
		p.Histogram = &catalog.Histogram{Low: b.min, High: b.max, Counts: make([]int64, size)}
		parts = append(parts, fmt.Sprintf(`(SELECT 'bucket', bucket::VARCHAR, count(*)::VARCHAR FROM (
			SELECT least(%d, floor((%s - %s) / %s * %d)) AS bucket FROM %s WHERE %s IS NOT NULL) GROUP BY bucket)`,
			size-1, number(f, p.Type), float(b.low), float(b.high-b.low), size, from, f))
	}
	if len(parts) == 0 {
		return nil
	}
	r, err := s.rows(ctx, task{SQL: strings.Join(parts, " UNION ALL ")})
	if err != nil {
		return err
	}
	return putSpread(p, r.Rows)
}

// topKey returns SQL for the values that are counted: long ones by their head, so that a count holds no long texts.
func topKey(c, t string) string {
	if t == "VARCHAR" {
		return fmt.Sprintf("left(%s, %d)", c, profileText)
	}
	return c
}

// putSpread reads rows of (what, value or bucket, count).
func putSpread(p *catalog.ColumnProfile, rows [][]*string) error {
	for _, row := range rows {
		if len(row) != 3 {
			return fmt.Errorf("%w: a row of %d values", errStopped, len(row))
		}
		n, err := strconv.ParseInt(value(row[2]), 10, 64)
		if err != nil {
			return fmt.Errorf("%w: %w", errStopped, err)
		}
		if value(row[0]) == "top" {
			p.Top = append(p.Top, catalog.TopValue{Value: value(row[1]), Rows: n})
			continue
		}
		bucket, err := strconv.ParseFloat(value(row[1]), 64)
		if err != nil || p.Histogram == nil || !(bucket >= 0 && bucket < float64(len(p.Histogram.Counts))) {
			return fmt.Errorf("%w: bucket %s", errStopped, value(row[1]))
		}
		p.Histogram.Counts[int(bucket)] += n
	}
	return nil
}

// bucketCount returns the number of buckets: one for each value where whole numbers or days are few, so that none stays
// empty only because of where its bounds fall.
func bucketCount(t string, b bounds) int {
	const few = 31
	if (whole(t) || t == "DATE") && b.high-b.low < few {
		return int(b.high-b.low) + 1
	}
	return buckets
}

// float returns f as SQL that is read as exactly this number.
func float(f float64) string { return "'" + strconv.FormatFloat(f, 'g', -1, 64) + "'::DOUBLE" }
