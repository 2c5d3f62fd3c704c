package duckdb

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"portreeve/catalog"
)

const (
	countedRows = 1 << 20 // up to here every distinct value is counted; above, where the estimate says that they repeat
	sortedRows  = 8 << 20 // up to here all values of a column may be held in memory at once, for percentiles
	longRows    = 4096    // up to here the values of many columns are counted as rows of one: their texts fit in memory
	cells       = 1 << 20 // rows times columns of a statement, unless it is for one column: planning dominates below, memory above
)

// What the rows of spread tell.
const (
	isDistinct = "distinct"
	isTop      = "top"
	isBucket   = "bucket"
)

// spread adds distinct counts, the most frequent values and histograms.
func (s session) spread(ctx context.Context, from string, subjects []subject) error {
	var tops, histograms []int
	for i, c := range subjects {
		if nested(c.Type) || c.Nulls == c.Rows {
			continue
		}
		if c.Distinct == nil || c.repeats() {
			tops = append(tops, i)
		}
		if c.ok && c.low < c.high {
			histograms = append(histograms, i)
		}
	}
	if err := s.fill(ctx, from, subjects, tops, histograms); err != nil {
		return err
	}
	return s.clip(ctx, from, subjects)
}

// fill counts the values of some subjects and makes the histograms of some.
func (s session) fill(ctx context.Context, from string, subjects []subject, tops, histograms []int) error {
	for _, i := range histograms {
		c := &subjects[i]
		c.Histogram = &catalog.Histogram{Low: c.min, High: c.max, Counts: make([]int64, bucketCount(c.Type, c.bounds))}
	}
	var parts []string
	long := subjects[0].Rows <= longRows
	switch {
	case long && len(tops) > 0 && len(histograms) > 0:
		parts = []string{longTops(from, subjects, tops), longBuckets(from, subjects, histograms)}
	case long && len(tops) > 0:
		parts = []string{longTops(from, subjects, tops)}
	case long && len(histograms) > 0:
		parts = []string{longBuckets(from, subjects, histograms)}
	case !long:
		for _, i := range tops {
			parts = append(parts, subjects[i].topSQL(i, from))
		}
		for _, i := range histograms {
			parts = append(parts, subjects[i].bucketSQL(i, from))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	r, err := s.rows(ctx, task{SQL: strings.Join(parts, " UNION ALL ")})
	if err != nil {
		return err
	}
	return putSpread(subjects, r.Rows)
}

// repeats reports whether there are most frequent values worth the name: else nearly each value is there once.
func (c *subject) repeats() bool {
	return 2**c.Distinct <= c.Rows-c.Nulls || *c.Distinct <= topValues
}

// topSQL counts the rows of each value of column i once, for the most frequent ones and for how many there are.
func (c *subject) topSQL(i int, from string) string {
	const q = `(WITH g AS MATERIALIZED (SELECT %[1]s AS x, count(*) AS n FROM %[2]s WHERE %[3]s IS NOT NULL GROUP BY 1)
		(SELECT %[4]d, '` + isTop + `', %[5]s, n::VARCHAR FROM (FROM g ORDER BY n DESC, x LIMIT %[6]d) ORDER BY n DESC, x)
		UNION ALL SELECT %[4]d, '` + isDistinct + `', '', count(*)::VARCHAR FROM g)`
	t := "VARCHAR"
	if c.Type == "BLOB" {
		t = "BLOB"
	}
	return fmt.Sprintf(q, countKey(c.sql, c.Type), from, c.sql, i, text("x", t, profileText), topValues)
}

// countKey returns SQL for the values that are counted: long ones by their head and a hash, so that a count holds no long
// texts and still tells them apart.
func countKey(c, t string) string {
	switch t {
	case "VARCHAR":
		return fmt.Sprintf("CASE WHEN strlen(%[1]s) > %[2]d THEN left(%[1]s, %[2]d) || md5(%[1]s) ELSE %[1]s END", c, profileText)
	case "BLOB":
		return fmt.Sprintf("CASE WHEN octet_length(%[1]s) > %[2]d THEN %[1]s[1:%[2]d] || unhex(md5(%[1]s)) ELSE %[1]s END", c, profileText)
	}
	return c
}

// bucket returns SQL for the bucket of a value v: -1 below the bounds, one too many above.
const bucket = "CASE WHEN v < %[1]s THEN -1 WHEN v > %[2]s THEN %[3]s ELSE least(%[3]s - 1, floor((v - %[1]s) / (%[2]s - %[1]s) * %[3]s)) END"

// bucketSQL counts the values of column i by the buckets of its histogram.
func (c *subject) bucketSQL(i int, from string) string {
	const q = `(SELECT %d, '` + isBucket + `', b::VARCHAR, count(*)::VARCHAR FROM (SELECT %s AS b FROM (SELECT %s AS v FROM %s) WHERE v IS NOT NULL)
		GROUP BY b)`
	of := fmt.Sprintf(bucket, float(c.low), float(c.high), strconv.Itoa(len(c.Histogram.Counts)))
	return fmt.Sprintf(q, i, of, number(finite(c.sql, c.Type), c.Type), from)
}

// clip makes the histograms anew that a few values far out have squeezed into some of their buckets.
func (s session) clip(ctx context.Context, from string, subjects []subject) error {
	var parts []string
	for i, c := range subjects {
		if c.Histogram != nil && c.Rows <= sortedRows && squeezed(c.Histogram.Counts) {
			const q = "(SELECT %d, (%s)::VARCHAR, (%s)::VARCHAR, q[1]::VARCHAR, q[2]::VARCHAR FROM (SELECT quantile_disc(%s, [0.01, 0.99]) AS q FROM %s))"
			parts = append(parts, fmt.Sprintf(q, i, number("q[1]", c.Type), number("q[2]", c.Type), finite(c.sql, c.Type), from))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	r, err := s.rows(ctx, task{SQL: strings.Join(parts, " UNION ALL ")})
	if err != nil {
		return err
	}
	var again []int
	for _, row := range r.Rows {
		c, i, err := subjectOf(subjects, row, 5)
		if err != nil {
			return err
		}
		b := bounds{ok: true, min: value(row[3]), max: value(row[4])}
		if b.low, err = strconv.ParseFloat(value(row[1]), 64); err == nil {
			b.high, err = strconv.ParseFloat(value(row[2]), 64)
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errStopped, err)
		}
		if b.low < b.high {
			c.bounds, again = b, append(again, i)
		}
	}
	return s.fill(ctx, from, subjects, nil, again)
}

// squeezed reports whether all but the lowest and the highest 1 % of the values lie in a third of the buckets or less.
func squeezed(counts []int64) bool {
	var all, sum int64
	for _, n := range counts {
		all += n
	}
	first, last := -1, 0
	for i, n := range counts {
		if sum*100 < all*99 {
			last = i
		}
		if sum += n; first < 0 && sum*100 > all {
			first = i
		}
	}
	return all > 0 && 3*(last-first+1) <= len(counts)
}

// subjectOf returns the subject that a row of so many values names.
func subjectOf(subjects []subject, row []*string, width int) (*subject, int, error) {
	if len(row) != width {
		return nil, 0, fmt.Errorf("%w: a row of %d values", errStopped, len(row))
	}
	i, err := strconv.Atoi(value(row[0]))
	if err != nil || i < 0 || i >= len(subjects) {
		return nil, 0, fmt.Errorf("%w: column %q of %d", errStopped, value(row[0]), len(subjects))
	}
	return &subjects[i], i, nil
}

// putSpread reads rows of (column, what, value or bucket, count).
func putSpread(subjects []subject, rows [][]*string) error {
	for _, row := range rows {
		c, _, err := subjectOf(subjects, row, 4)
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(value(row[3]), 10, 64)
		if err != nil {
			return fmt.Errorf("%w: %w", errStopped, err)
		}
		switch value(row[1]) {
		case isTop:
			c.Top = append(c.Top, catalog.TopValue{Value: value(row[2]), Rows: n})
		case isDistinct:
			c.Distinct, c.DistinctExact = &n, true
		case isBucket:
			if err := putBucket(c.Histogram, value(row[2]), n); err != nil {
				return err
			}
		}
	}
	for i := range subjects {
		if c := &subjects[i]; c.Distinct != nil && !c.repeats() {
			c.Top = nil
		}
	}
	return nil
}

// putBucket adds n values to a bucket as bucketSQL numbers them.
func putBucket(h *catalog.Histogram, bucket string, n int64) error {
	b, err := strconv.ParseFloat(bucket, 64)
	switch {
	case err != nil || h == nil || !(b >= -1 && b <= float64(len(h.Counts))):
		return fmt.Errorf("%w: bucket %s", errStopped, bucket)
	case b < 0:
		h.Below += n
	case int(b) == len(h.Counts):
		h.Above += n
	default:
		h.Counts[int(b)] += n
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
