//go:build !noduckdb

package duckdb_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/connector/duckdb"
)

func TestDistinctValuesAreCounted(t *testing.T) {
	t.Parallel()
	e := newEngine(t, duckdb.Options{})
	for _, tt := range []struct {
		name, sql, ice string
		rows           int
		want           int64
	}{
		{"repeating", "i % 12", "long", 10_000, 12},
		{"nearly unique", "CASE WHEN i > 0 THEN i END", "long", 100_000, 99_999},
		{"half of them twice", "CASE WHEN i % 3 = 0 THEN i ELSE i // 2 * 1000003 END", "long", 30_000, 25_000 - 1},
		{"long texts that differ far behind", "repeat('x', 5000) || i % 7", "string", 100, 7},
		{"texts of 200 characters and a little more", "repeat('ü', 150 + (i % 60)::INTEGER)", "string", 1000, 60},
		{"long binaries that differ far behind", "(repeat('x', 5000) || i % 7)::BLOB", "binary", 100, 7},
		{"not a number is one value", "CASE WHEN i % 2 = 0 THEN 'nan'::DOUBLE ELSE i END", "double", 10, 6},
		{"none", "NULL::VARCHAR", "string", 5, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := profile(t, e, tt.sql, tt.ice, tt.rows)
			if c.Distinct == nil || *c.Distinct != tt.want || !c.DistinctExact {
				t.Errorf("%d, exact %v, want %d", *c.Distinct, c.DistinctExact, tt.want)
			}
		})
	}
}

func TestDistinctValuesOfASampleAreNotExact(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir, "COPY (SELECT i % 10 AS i FROM range(10000) t(i)) TO '1.parquet' (FORMAT parquet)")
	p, err := newEngine(t, duckdb.Options{}).Profile(t.Context(), plan(columns("0 i long"), files(dir, 10_000, "1.parquet")...), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if c := p.Columns[0]; *c.Distinct != 10 || c.DistinctExact {
		t.Errorf("%d, exact %v", *c.Distinct, c.DistinctExact)
	}
}

func TestDistinctValuesOfManyRows(t *testing.T) {
	t.Parallel()
	const rows = 1<<20 + 1000
	dir := folder(t)
	write(t, dir, fmt.Sprintf("COPY (SELECT i %% 31 AS few, i AS every, i // 3 * 2 AS most, i %% 2 = 0 AS b FROM range(%d) t(i)) TO '1.parquet' (FORMAT parquet)", rows))
	p, err := newEngine(t, duckdb.Options{}).Profile(t.Context(),
		plan(columns("0 few long", "0 every long", "0 most long", "0 b boolean"), files(dir, rows, "1.parquet")...), 2*rows)
	if err != nil {
		t.Fatal(err)
	}
	few, every, most, b := p.Columns[0], p.Columns[1], p.Columns[2], p.Columns[3]
	if *few.Distinct != 31 || !few.DistinctExact || *b.Distinct != 2 || !b.DistinctExact || *most.Distinct != (rows+2)/3 || !most.DistinctExact {
		t.Errorf("repeating values are not counted: %d, %d, %d", *few.Distinct, *b.Distinct, *most.Distinct)
	}
	if every.DistinctExact || *every.Distinct > rows || *every.Distinct < rows*8/10 {
		t.Errorf("%d of %d, exact %v", *every.Distinct, rows, every.DistinctExact)
	}
}

func TestHistogramIsClippedToTheBulk(t *testing.T) {
	t.Parallel()
	e := newEngine(t, duckdb.Options{})
	for _, tt := range []struct {
		name, sql, ice string
		rows           int
		want           catalog.Histogram // of Counts only their number
	}{
		{"one value far above", "CASE WHEN i = 0 THEN 1000000 ELSE i END", "long", 1000, catalog.Histogram{Low: "10", High: "990", Counts: make([]int64, 20), Below: 9, Above: 10}},
		{"values far out on both sides", "CASE i WHEN 0 THEN -1e9 WHEN 1 THEN 1e9 ELSE i END", "double", 1000, catalog.Histogram{Low: "10.0", High: "990.0", Counts: make([]int64, 20), Below: 9, Above: 10}},
		{"few whole numbers keep a bucket each", "CASE WHEN i = 0 THEN 1000000 ELSE i % 7 END", "int", 1000, catalog.Histogram{Low: "0", High: "6", Counts: make([]int64, 7), Above: 1}},
		{"decimals as they are written", "CASE WHEN i = 0 THEN 1000000 ELSE i / 100 END::DECIMAL(12, 2)", "decimal(12, 2)", 1000, catalog.Histogram{Low: "0.10", High: "9.90", Counts: make([]int64, 20), Below: 9, Above: 10}},
		{"a day that stands for none", "CASE WHEN i % 200 = 0 THEN DATE '9999-12-31' ELSE DATE '2013-01-01' + (i % 5)::INTEGER END", "date", 1000, catalog.Histogram{Low: "2013-01-01", High: "2013-01-05", Counts: make([]int64, 5), Above: 5}},
		{"a time that stands for none", "CASE WHEN i % 200 = 0 THEN TIMESTAMPTZ '1900-01-01 00:00:00+00' ELSE TIMESTAMPTZ '2013-01-01 00:00:00+00' + INTERVAL (i) HOUR END", "timestamptz", 1000, catalog.Histogram{Low: "2013-01-01 05:00:00+00", High: "2013-02-11 05:00:00+00", Counts: make([]int64, 20), Below: 9, Above: 10}},
		{"nanoseconds", "CASE WHEN i = 0 THEN '1900-01-01'::TIMESTAMP_NS ELSE ('2013-01-01'::TIMESTAMP + INTERVAL (i % 3) SECOND)::TIMESTAMP_NS END", "timestamp_ns", 1000, catalog.Histogram{Low: "2013-01-01 00:00:00", High: "2013-01-01 00:00:02", Counts: make([]int64, 20), Below: 1}},
		{"infinite values stay outside", "CASE i WHEN 0 THEN 'inf'::DOUBLE WHEN 1 THEN 1e9 ELSE i END", "double", 1000, catalog.Histogram{Low: "11.0", High: "991.0", Counts: make([]int64, 20), Below: 9, Above: 9}},
		{"nearly all the same: as it was", "CASE WHEN i = 0 THEN 1000000 ELSE 5 END", "long", 1000, catalog.Histogram{Low: "5", High: "1000000", Counts: make([]int64, 20)}},
		{"evenly spread: as it was", "i", "long", 1000, catalog.Histogram{Low: "0", High: "999", Counts: make([]int64, 20)}},
		{"too few to tell what is far out", "CASE WHEN i = 0 THEN 1000000 ELSE i END", "long", 50, catalog.Histogram{Low: "1", High: "1000000", Counts: make([]int64, 20)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := profile(t, e, tt.sql, tt.ice, tt.rows)
			got, finite := *c.Histogram, int64(tt.rows)
			if *c.Max == "inf" {
				finite--
			}
			sum := got.Below + got.Above
			for _, n := range got.Counts {
				sum += n
			}
			if sum != finite {
				t.Errorf("%d values of %d in %+v", sum, finite, got)
			}
			if tt.want.Below+tt.want.Above > 0 && (got.Counts[0] == 0 || got.Counts[len(got.Counts)-1] == 0) {
				t.Errorf("the bounds are no values: %v", got.Counts)
			}
			got.Counts = make([]int64, len(got.Counts))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
