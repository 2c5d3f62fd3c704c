package duckdb

import (
	"fmt"
	"strconv"
	"strings"
)

// The statements here do for many columns of few rows what topSQL and bucketSQL do for one: they make rows of columns first.
// The engine then plans a few operators instead of some for each column, which took far longer than the work.

// longTops counts the values of columns, which are those of subjects with these indexes.
func longTops(from string, subjects []subject, columns []int) string {
	const q = `(WITH g AS MATERIALIZED (SELECT k, x, min(o) AS o, count(*) AS n
			FROM (SELECT unnest([%s]) AS k, unnest([%s]) AS x, unnest([%s]) AS o FROM %s) WHERE x IS NOT NULL GROUP BY k, x)
		SELECT k, what, x, n FROM (
			SELECT k, '` + isTop + `' AS what, left(x, %d) AS x, n::VARCHAR AS n, row_number() OVER (PARTITION BY k ORDER BY n DESC, o, x) AS r FROM g QUALIFY r <= %d
			UNION ALL SELECT k, '` + isDistinct + `', '', count(*)::VARCHAR, 0 FROM g GROUP BY k)
		ORDER BY k, r)`
	var ks, texts, order []string
	for _, i := range columns {
		c := &subjects[i]
		ks = append(ks, strconv.Itoa(i))
		texts = append(texts, longKey(c.sql, c.Type))
		if numeric(c.Type) {
			order = append(order, c.sql+"::DOUBLE")
		} else {
			order = append(order, "NULL::DOUBLE") // texts sort as their values do
		}
	}
	return fmt.Sprintf(q, strings.Join(ks, ", "), strings.Join(texts, ", "), strings.Join(order, ", "), from, profileText, topValues)
}

// longKey returns SQL for the text by which a value is counted: one for each value.
func longKey(c, t string) string {
	key := countKey(c, t)
	switch {
	case t == "BLOB":
		return "hex(" + key + ")"
	case floating(t):
		return "(" + key + " + 0)::" + t + "::VARCHAR" // -0 is 0
	}
	return key + "::VARCHAR"
}

// longBuckets counts the values of columns, which are those of subjects with these indexes, by the buckets of their histograms.
func longBuckets(from string, subjects []subject, columns []int) string {
	const q = `(SELECT k, '` + isBucket + `', b::VARCHAR, count(*)::VARCHAR FROM (SELECT k, ` + bucket + ` AS b FROM (
		SELECT unnest([%[4]s]) AS k, unnest([%[5]s]) AS v, unnest([%[6]s]) AS low, unnest([%[7]s]) AS high, unnest([%[8]s]) AS size FROM %[9]s)
		WHERE v IS NOT NULL) GROUP BY k, b)`
	var ks, values, lows, highs, sizes []string
	for _, i := range columns {
		c := &subjects[i]
		ks, sizes = append(ks, strconv.Itoa(i)), append(sizes, strconv.Itoa(len(c.Histogram.Counts)))
		values = append(values, number(finite(c.sql, c.Type), c.Type))
		lows, highs = append(lows, float(c.low)), append(highs, float(c.high))
	}
	return fmt.Sprintf(q, "low", "high", "size", strings.Join(ks, ", "), strings.Join(values, ", "), strings.Join(lows, ", "),
		strings.Join(highs, ", "), strings.Join(sizes, ", "), from)
}
