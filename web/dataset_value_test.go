package web

import (
	"testing"
	"time"

	"portreeve/catalog"
)

func TestShownValue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, kind, value, want string }{
		{"four digits that count", "DOUBLE", "0.3171759747102213", "0.3172"},
		{"all digits before the point", "DOUBLE", "12345.678", "12,346"},
		{"no zeros for show", "DOUBLE", "7.5", "7.5"},
		{"a round number stays", "DOUBLE", "4200.0", "4200"},
		{"nought", "DOUBLE", "0.0", "0"},
		{"little is not nought", "DOUBLE", "0.000001234567", "1.235e-06"},
		{"much", "FLOAT", "123456789012345678", "1.235e+17"},
		{"negative", "DECIMAL(9,4)", "-0.123456", "-0.1235"},
		{"what is no number", "DOUBLE", "nan", "nan"},
		{"a whole number is exact", "BIGINT", "1234567890", "1,234,567,890"},
		{"four digits may be a year", "INTEGER", "2026", "2026"},
		{"below nought", "BIGINT", "-20000", "-20,000"},
		{"an exponent is no group", "DOUBLE", "1.5e+300", "1.5e+300"},
		{"a moment everywhere", "TIMESTAMP WITH TIME ZONE", "2025-11-18 10:00:00+00", "18 Nov 2025, 10:00 UTC"},
		{"a zone with minutes", "TIMESTAMP WITH TIME ZONE", "2025-11-18 10:00:00+05:30", "18 Nov 2025, 04:30 UTC"},
		{"a local time with a fraction", "TIMESTAMP", "2025-11-18 10:00:07.25", "18 Nov 2025, 10:00:07"},
		{"a day", "DATE", "2025-11-18", "18 Nov 2025"},
		{"no date that we know", "DATE", "infinity", "infinity"},
		{"a text that looks like a date", "VARCHAR", "2025-11-18", "2025-11-18"},
	} {
		if got := shownValue(tt.kind, tt.value); got != tt.want {
			t.Errorf("%s: shownValue(%q, %q) = %q, want %q", tt.name, tt.kind, tt.value, got, tt.want)
		}
	}
}

func TestDataUpToIsOfTheCurrentDataByItsPartition(t *testing.T) {
	t.Parallel()
	stamps := catalog.ColumnProfile{Name: "time_hour", Type: "TIMESTAMP WITH TIME ZONE", Max: new("2026-11-18 04:00:00+00")}
	number := catalog.ColumnProfile{Name: "year", Type: "INTEGER", Max: new("2026")}
	for _, tt := range []struct {
		name     string
		by       []string
		snapshot string
		read     int64
		want     string
	}{
		{"of the month it is partitioned by", []string{"month(time_hour)"}, "1", 10, "18 Nov 2026"},
		{"the first that is a time", []string{"year", "bucket(16, id)", "time_hour"}, "1", 10, "18 Nov 2026"},
		{"a sample may have missed the last", []string{"day(time_hour)"}, "1", 5, "at least 18 Nov 2026"},
		{"partitioned by no time", []string{"year"}, "1", 10, ""},
		{"not partitioned", nil, "1", 10, ""},
		{"a profile of older data", []string{"month(time_hour)"}, "0", 10, ""},
		{"a field of a struct", []string{"month(x.time_hour)"}, "1", 10, ""},
	} {
		h := &datasetHead{Profile: &catalog.Profile{SnapshotID: tt.snapshot, RowsTotal: 10, RowsRead: tt.read, Columns: []catalog.ColumnProfile{number, stamps}}}
		h.SnapshotID, h.Partitioning = "1", tt.by
		if got, ok := h.dataUpTo(); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, ok, tt.want)
		}
	}
	if _, ok := (&datasetHead{}).dataUpTo(); ok {
		t.Error("without a profile something is known")
	}
}

func TestFreshTellsUpToWhenTheDataIs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	h := &datasetHead{Now: now, Profile: &catalog.Profile{Columns: []catalog.ColumnProfile{{Name: "day", Type: "DATE", Max: new("2026-11-18")}}}}
	h.DataAt, h.Partitioning = new(now.Add(-time.Minute)), []string{"day"}
	if got := h.fresh().Text; got != "data up to 18 Nov 2026, written 1 min ago" {
		t.Errorf("got %q", got)
	}
}

func TestPicturesInWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		rows     int64
		distinct *int64
		exact    bool
		want     string
	}{
		{"a key", 1000, new(int64(1000)), true, "all different"},
		{"one value is there twice", 1000, new(int64(999)), true, "mostly different"},
		{"an estimate proves nothing", 1000, new(int64(1000)), false, "about all different"},
		{"often repeated", 1000, new(int64(700)), false, "mostly different"},
		{"a struct", 1000, nil, false, "nested values"},
		{"only nulls", 0, new(int64(0)), true, "no values"},
	} {
		r := columnRow{Profile: &catalog.ColumnProfile{Rows: tt.rows, Distinct: tt.distinct, DistinctExact: tt.exact}}
		if got := r.variety(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	p := &catalog.ColumnProfile{Type: "INTEGER", Min: new("-43"), Max: new("1301"), Histogram: &catalog.Histogram{Low: "-43", High: "1301"}}
	if got := (columnRow{Profile: p}).clipped(); got != "" {
		t.Errorf("a whole histogram is said to be clipped: %q", got)
	}
	p.Histogram.High, p.Histogram.Above = "180", 3300
	if got := (columnRow{Profile: p}).clipped(); got != "The picture shows the middle 98 %, -43 to 180: 0 rows lie below and 3,300 above." {
		t.Errorf("a clipped histogram reads %q", got)
	}
}

func TestValueRange(t *testing.T) {
	t.Parallel()
	stamps := "TIMESTAMP WITH TIME ZONE"
	few := []catalog.TopValue{{Value: "sent", Rows: 6}, {Value: "paid", Rows: 3}}
	for _, tt := range []struct {
		name, kind, low, high string
		distinct              int64
		top                   []catalog.TopValue
		want                  string
	}{
		{"moments, whole, the zone once", stamps, "2026-05-25 01:23:06+00", "2026-11-20 23:59:59+00", 900, nil, "25 May 2026, 01:23:06 to 20 Nov 2026, 23:59:59 UTC"},
		{"one moment", stamps, "2026-05-25 01:23:06+00", "2026-05-25 01:23:06+00", 1, nil, "25 May 2026, 01:23:06 UTC only"},
		{"numbers", "BIGINT", "1", "20000", 900, nil, "1 to 20,000"},
		{"few texts are named", "VARCHAR", "paid", "sent", 2, few, "sent, paid"},
		{"many texts are in quotes", "VARCHAR", "paid", "to send", 900, few, "“paid” to “to send”"},
		{"long texts are cut", "VARCHAR", "a", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 900, nil, "“a” to “zzzzzzzzzzzzzzzzzzzzzzz…”"},
	} {
		r := columnRow{Profile: &catalog.ColumnProfile{
			Type: tt.kind, Min: &tt.low, Max: &tt.high, Rows: 1000, Distinct: &tt.distinct, DistinctExact: true, Top: tt.top,
		}}
		if got := r.valueRange(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
