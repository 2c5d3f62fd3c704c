//go:build !noduckdb

package duckdb_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/connector/duckdb"
)

// profile returns the profile of one column of n rows; sql is its value in terms of i from 0.
func profile(t *testing.T, e *duckdb.Engine, sql, ice string, n int) catalog.ColumnProfile {
	t.Helper()
	dir := folder(t)
	write(t, dir, fmt.Sprintf("COPY (SELECT %s AS c FROM range(%d) t(i)) TO 'c.parquet' (FORMAT parquet)", sql, n))
	p, err := e.Profile(t.Context(), plan(columns("0 c "+ice), files(dir, int64(n), "c.parquet")...), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := json.Marshal(p); err != nil {
		t.Errorf("cannot be kept: %v", err)
	}
	return p.Columns[0]
}

func TestProfileOfColumn(t *testing.T) {
	t.Parallel()
	e := newEngine(t, duckdb.Options{})
	tests := []struct {
		name, sql, ice string
		rows           int
		want           catalog.ColumnProfile
	}{
		{
			"whole numbers, few: a bucket for each", "CASE WHEN i < 2 THEN NULL WHEN i < 8 THEN 1 ELSE i - 6 END::INTEGER", "int", 10,
			catalog.ColumnProfile{
				Type: "INTEGER", Nulls: 2, Distinct: new(int64(3)), Min: new("1"), Max: new("3"), Mean: new(1.375), StdDev: new(0.744),
				Quantiles: []float64{1, 1, 1, 1.5, 3}, Top: []catalog.TopValue{{Value: "1", Rows: 6}, {Value: "2", Rows: 1}, {Value: "3", Rows: 1}},
				Histogram: &catalog.Histogram{Low: "1", High: "3", Counts: []int64{6, 1, 1}},
			},
		},
		{
			"floats: what cannot be averaged is left out of figures, not of values", "list_extract([1, 2, 3, 'nan', 'inf', '-inf', 1e300]::DOUBLE[], i + 1)", "double", 7,
			catalog.ColumnProfile{
				Type: "DOUBLE", Distinct: new(int64(7)), Min: new("-inf"), Max: new("nan"), Mean: new(2.0), StdDev: new(1.0),
				Quantiles: []float64{1, 1.25, 2, 2.75, 3},
				Top:       top(1, "-inf", "1.0", "2.0", "3.0", "1e+300", "inf", "nan"),
				Histogram: &catalog.Histogram{Low: "1.0", High: "3.0", Counts: []int64{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
			},
		},
		{
			"only NaN: no mean, no histogram", "'nan'::FLOAT", "float", 3,
			catalog.ColumnProfile{Type: "FLOAT", Distinct: new(int64(1)), Min: new("nan"), Max: new("nan"), Top: top(3, "nan")},
		},
		{
			"all null", "NULL::BIGINT", "long", 4,
			catalog.ColumnProfile{Type: "BIGINT", Nulls: 4, Distinct: new(int64(0))},
		},
		{
			"one value: no histogram", "5::DECIMAL(10,2)", "decimal(10, 2)", 3,
			catalog.ColumnProfile{
				Type: "DECIMAL(10,2)", Distinct: new(int64(1)), Min: new("5.00"), Max: new("5.00"), Mean: new(5.0), StdDev: new(0.0),
				Quantiles: []float64{5, 5, 5, 5, 5}, Top: top(3, "5.00"),
			},
		},
		{
			"dates", "DATE '2013-01-01' + (i % 3)::INTEGER", "date", 6,
			catalog.ColumnProfile{
				Type: "DATE", Distinct: new(int64(3)), Min: new("2013-01-01"), Max: new("2013-01-03"), Top: top(2, "2013-01-01", "2013-01-02", "2013-01-03"),
				Histogram: &catalog.Histogram{Low: "2013-01-01", High: "2013-01-03", Counts: []int64{2, 2, 2}},
			},
		},
		{
			"infinite times are values outside the histogram", "CASE WHEN i = 0 THEN 'infinity'::TIMESTAMP ELSE TIMESTAMP '2013-01-01' + INTERVAL (i) HOUR END", "timestamp", 3,
			catalog.ColumnProfile{
				Type: "TIMESTAMP", Distinct: new(int64(3)), Min: new("2013-01-01 01:00:00"), Max: new("infinity"),
				Top:       top(1, "2013-01-01 01:00:00", "2013-01-01 02:00:00", "infinity"),
				Histogram: &catalog.Histogram{Low: "2013-01-01 01:00:00", High: "2013-01-01 02:00:00", Counts: append(append([]int64{1}, make([]int64, 18)...), 1)},
			},
		},
		{
			"nanoseconds", "('2013-01-01'::TIMESTAMP + INTERVAL (i) SECOND)::TIMESTAMP_NS", "timestamp_ns", 2,
			catalog.ColumnProfile{
				Type: "TIMESTAMP_NS", Distinct: new(int64(2)), Min: new("2013-01-01 00:00:00"), Max: new("2013-01-01 00:00:01"),
				Top:       top(1, "2013-01-01 00:00:00", "2013-01-01 00:00:01"),
				Histogram: &catalog.Histogram{Low: "2013-01-01 00:00:00", High: "2013-01-01 00:00:01", Counts: append(append([]int64{1}, make([]int64, 18)...), 1)},
			},
		},
		{
			"boolean", "i < 3", "boolean", 4,
			catalog.ColumnProfile{
				Type: "BOOLEAN", Distinct: new(int64(2)), Min: new("false"), Max: new("true"),
				Top: []catalog.TopValue{{Value: "true", Rows: 3}, {Value: "false", Rows: 1}},
			},
		},
		{
			"long texts are cut at 200 characters", "repeat('ä', 500)", "string", 2,
			catalog.ColumnProfile{
				Type: "VARCHAR", Distinct: new(int64(1)), Min: new(strings.Repeat("ä", 200)), Max: new(strings.Repeat("ä", 200)),
				Top: top(2, strings.Repeat("ä", 200)),
			},
		},
		{
			"binary in hexadecimal", `'\xAB'::BLOB`, "binary", 2,
			catalog.ColumnProfile{Type: "BLOB", Distinct: new(int64(1)), Min: new("AB"), Max: new("AB"), Top: top(2, "AB")},
		},
		{
			"nested values are only counted", "CASE WHEN i > 0 THEN [{'a': i}] END", "list<struct<1: a: optional long>>", 3,
			catalog.ColumnProfile{Type: "STRUCT(a BIGINT)[]", Nulls: 1},
		},
		{
			"uuid", "'6f0a5c52-5a5c-4f0b-8a47-3f1f7c1a2b3c'::UUID", "uuid", 1,
			catalog.ColumnProfile{
				Type: "UUID", Distinct: new(int64(1)), Min: new("6f0a5c52-5a5c-4f0b-8a47-3f1f7c1a2b3c"), Max: new("6f0a5c52-5a5c-4f0b-8a47-3f1f7c1a2b3c"),
				Top: top(1, "6f0a5c52-5a5c-4f0b-8a47-3f1f7c1a2b3c"),
			},
		},
		{
			"interval as text", "INTERVAL (i) MONTH", "interval", 2,
			catalog.ColumnProfile{Type: "VARCHAR", Distinct: new(int64(2)), Min: new("00:00:00"), Max: new("1 month"), Top: top(1, "00:00:00", "1 month")},
		},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 0.001 })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Name, tt.want.Rows, tt.want.DistinctExact = "c", int64(tt.rows), tt.want.Distinct != nil
			if diff := cmp.Diff(tt.want, profile(t, e, tt.sql, tt.ice, tt.rows), near); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// top returns values that occur n times each.
func top(n int64, values ...string) []catalog.TopValue {
	out := make([]catalog.TopValue, len(values))
	for i, v := range values {
		out[i] = catalog.TopValue{Value: v, Rows: n}
	}
	return out
}

func TestProfileLeavesOutTopValuesThatAreNone(t *testing.T) {
	t.Parallel()
	c := profile(t, newEngine(t, duckdb.Options{}), "md5(i::VARCHAR)", "string", 1000)
	if len(c.Top) != 0 || c.Distinct == nil || *c.Distinct != 1000 {
		t.Errorf("top %v of %d distinct", c.Top, *c.Distinct)
	}
}

func TestHistogramHoldsEveryValue(t *testing.T) {
	t.Parallel()
	e := newEngine(t, duckdb.Options{})
	for _, tt := range []struct{ name, sql, ice string }{
		{"far apart", "CASE WHEN i = 0 THEN -9223372036854775807 ELSE 9223372036854775807 - i END", "long"},
		{"close together", "1e16 + i * 2", "double"},
		{"tiny", "i * 5e-324", "double"},
		{"large", "(i - 5000) * 1e140", "double"},
		{"decimal", "(i * 0.01)::DECIMAL(38, 2)", "decimal(38, 2)"},
		{"years", "DATE '0001-01-01' + (i * 300)::INTEGER", "date"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := profile(t, e, tt.sql, tt.ice, 10_000)
			if c.Histogram == nil || len(c.Histogram.Counts) != 20 {
				t.Fatalf("histogram %+v", c.Histogram)
			}
			sum := c.Histogram.Below + c.Histogram.Above
			for _, n := range c.Histogram.Counts {
				sum += n
			}
			if sum != 10_000 || c.Histogram.Below > 100 || c.Histogram.Above > 100 || c.Histogram.Counts[0] == 0 || c.Histogram.Counts[19] == 0 {
				t.Errorf("%d values in %v", sum, c.Histogram.Counts)
			}
		})
	}
}

func TestProfileOfManyRowsReadsSomeOfAllFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir,
		"COPY (SELECT i FROM range(60000) t(i)) TO '1.parquet' (FORMAT parquet, ROW_GROUP_SIZE 4096)",
		"COPY (SELECT 60000 + i AS i FROM range(40000) t(i)) TO '2.parquet' (FORMAT parquet, ROW_GROUP_SIZE 4096)")
	fs := files(dir, 60000, "1.parquet", "2.parquet")
	fs[1].Rows = 40000
	p, err := newEngine(t, duckdb.Options{}).Profile(t.Context(), plan(columns("0 i long"), fs...), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if p.RowsTotal != 100_000 || p.RowsRead > 10_000 || p.RowsRead < 9_000 || !p.Sampled() {
		t.Errorf("%d of %d rows", p.RowsRead, p.RowsTotal)
	}
	if c := p.Columns[0]; c.Rows != p.RowsRead || math.Abs(*c.Mean-50_000) > 5_000 {
		t.Errorf("mean %v of %d rows is not that of the whole", *c.Mean, c.Rows)
	}
}

func TestProfileOfThreeThousandColumns(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	var selects []string
	var cols []catalog.PlanColumn
	for i := range 3000 {
		name := fmt.Sprintf("column_%d", i)
		selects = append(selects, fmt.Sprintf("(i + %d)::INTEGER AS %s", i, name))
		cols = append(cols, catalog.PlanColumn{Name: name, Type: "int"})
	}
	write(t, dir, "COPY (SELECT "+strings.Join(selects, ", ")+" FROM range(50) t(i)) TO 'w.parquet' (FORMAT parquet)")
	p, err := newEngine(t, duckdb.Options{ProfileTimeout: 5 * time.Minute}).Profile(t.Context(), plan(cols, files(dir, 50, "w.parquet")...), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Columns) != 3000 {
		t.Fatalf("%d columns", len(p.Columns))
	}
	for i, c := range p.Columns {
		if c.Min == nil || c.Max == nil || *c.Min != strconv.Itoa(i) || *c.Max != strconv.Itoa(i+49) || c.Nulls != 0 {
			text, _ := json.Marshal(c)
			t.Fatalf("column %d is said to be %s", i, text)
		}
	}
	t.Logf("took %d ms", p.TookMS)
}
