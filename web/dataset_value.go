package web

import (
	"math"
	"strconv"
	"strings"
	"time"

	"portreeve/catalog"
)

// shownValue writes a value of a profile as the rest of the page writes numbers and times. kind is the engine's type.
func shownValue(kind, value string) string {
	switch {
	case kind == "DATE" || strings.HasPrefix(kind, "TIMESTAMP"):
		at, zone, ok := moment(value)
		switch {
		case !ok:
			return value
		case kind == "DATE":
			return day(at)
		case zone:
			return clock(at) + " UTC"
		}
		return clock(at)
	case kind == "DOUBLE" || kind == "FLOAT" || strings.HasPrefix(kind, "DECIMAL"):
		if v, err := strconv.ParseFloat(value, 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return thousands(rounded(v, 4))
		}
	case strings.HasSuffix(kind, "INTEGER") || strings.HasSuffix(kind, "INT"): // UINTEGER, BIGINT, TINYINT and their like
		return thousands(value)
	}
	return value
}

// thousands puts commas into a number of five digits or more, as elsewhere on a page. Four digits may well be a year, and with
// an exponent there is nothing to group.
func thousands(text string) string {
	whole, fraction, point := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > -10_000 && n < 10_000 {
		return text
	}
	digits := strings.TrimPrefix(number(n), "−")
	if n < 0 {
		digits = "-" + digits
	}
	if point {
		return digits + "." + fraction
	}
	return digits
}

// clock writes a moment to the second where it has seconds.
func clock(at time.Time) string {
	if at.Second() != 0 {
		return at.UTC().Format("2 Jan 2006, 15:04:05")
	}
	return at.UTC().Format("2 Jan 2006, 15:04")
}

// moment reads a date or a timestamp as the engine writes it. zone tells that it is a moment everywhere.
func moment(text string) (at time.Time, zone, ok bool) {
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04:05-07", "2006-01-02 15:04:05-07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, len(layout) > len("2006-01-02 15:04:05"), true
		}
	}
	return time.Time{}, false, false
}

// rounded writes v with so many digits that count, all of those before the point, and no exponent where people would not
// expect one.
func rounded(v float64, digits int) string {
	if a := math.Abs(v); a >= 1e15 || a > 0 && a < 1e-4 {
		return strconv.FormatFloat(v, 'g', digits, 64)
	}
	before := 0 // digits before the point; negative: zeros after it
	if v != 0 {
		before = int(math.Floor(math.Log10(math.Abs(v)))) + 1
	}
	text := strconv.FormatFloat(v, 'f', max(0, digits-before), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// dataUpTo returns the day of the latest row by the first column of time that the data is partitioned by, and whether there
// is one: the profile must be of the current data.
func (h *datasetHead) dataUpTo() (text string, ok bool) {
	if h.Profile == nil || h.Profile.SnapshotID != h.SnapshotID {
		return "", false
	}
	for _, by := range h.Partitioning {
		col := profileOf(h.Profile, partitionColumn(by))
		if col == nil || col.Max == nil || (col.Type != "DATE" && !strings.HasPrefix(col.Type, "TIMESTAMP")) {
			continue
		}
		if at, _, ok := moment(*col.Max); ok {
			if h.Profile.Sampled() {
				return "at least " + day(at), true
			}
			return day(at), true
		}
	}
	return "", false
}

// partitionColumn returns the column in a term such as "month(time_hour)" or "bucket(16, id)".
func partitionColumn(term string) string {
	if _, inner, ok := strings.Cut(term, "("); ok {
		term = strings.TrimSuffix(inner, ")")
		if i := strings.LastIndex(term, ","); i >= 0 {
			term = term[i+1:]
		}
	}
	parts := catalog.SplitPath(strings.TrimSpace(term))
	if len(parts) > 1 {
		return "" // a field of a struct has no profile
	}
	return parts[0]
}

func profileOf(p *catalog.Profile, name string) *catalog.ColumnProfile {
	for i := range p.Columns {
		if p.Columns[i].Name == name {
			return &p.Columns[i]
		}
	}
	return nil
}
