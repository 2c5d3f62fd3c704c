package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"portreeve/catalog"
)

// A table that was made and never filled says so the same way wherever data would be shown.
func TestDatasetThatWasNeverWritten(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(scopesOf{"marts": {{
		Name: "marts.targets", Kind: catalog.Table, RowCount: new(int64), ByteCount: new(int64), FileCount: new(int64),
		Columns: []catalog.Column{{Path: "a", Type: "int"}, {Path: "b", Type: "int"}},
	}}})
	for tab, selector := range map[string]string{"": "section", "columns": ".toolbar", "history": "table, .head-sub", "sample": ".empty"} {
		doc := s.page(datasetURL(catalog.Key{Source: "lake", Name: "marts.targets"}, tab))
		wantText(t, doc, selector, "No data has been written yet")
		wantText(t, doc, ".trust", "No data nothing has been written yet")
		wantText(t, doc, ".trust", "there are no values yet")
		wantText(t, doc, ".head-meta", "Table of 0 rows and 2 columns")
	}
	wantText(t, s.page("/d/lake/marts.targets"), "main .rule-start .facts", "Rows0")
}

func TestLeadOfWhatNobodyDescribed(t *testing.T) {
	t.Parallel()
	h := &datasetHead{}
	if got := h.lead(); strings.Contains(got, "ask") {
		t.Errorf("without an owner: %q", got)
	}
	h.Team = "flight-ops"
	if got := h.lead(); !strings.Contains(got, "ask flight-ops") {
		t.Errorf("with an owner: %q", got)
	}
}

// A note of the source changes how to read texts and rows: it is not repeated where there are none.
func TestNoteOfTheSourceStandsOnOverviewAndSample(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.source(catalog.Source{Slug: "lake", Kind: "iceberg", Note: "Dates are moved.", CrawlEvery: time.Hour})
	s.crawl(flights(s.now))
	for tab, want := range map[string]bool{"": true, "sample": true, "columns": false, "history": false} {
		text := words(s.page(datasetURL(catalog.Key{Source: "lake", Name: "clean.flights"}, tab)), "main")
		if got := strings.Contains(text, "Dates are moved."); got != want {
			t.Errorf("tab %q shows the note: %v, want %v", tab, got, want)
		}
	}
}

func TestColumnsAreCountedByOneRule(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(scopesOf{"clean": {{Name: "clean.airports", Kind: catalog.Table, Columns: []catalog.Column{
		{Path: "faa", Type: "string", Comment: "Code"},
		{Path: "runways", Type: "list<struct<length: int>>", Comment: "Its runways"},
		{Path: "runways.element", Type: "struct<length: int>"},
		{Path: "runways.element.length", Type: "int"},
		{Path: "place", Type: "struct<element: string>", Comment: "Where"},
		{Path: "place.element", Type: "string"}, // somebody's name for a field
		{Path: "codes", Type: "map<string, int>", Comment: "Codes"},
		{Path: "codes.key", Type: "string"},
		{Path: "codes.value", Type: "int"},
	}}}})
	doc := s.page("/d/lake/clean.airports/columns")
	wantText(t, doc, "nav.tabs", "Columns 4")
	wantText(t, doc, ".seg", "All 4Undocumented 0")
	wantText(t, doc, ".pager", "4 columns, 6 with nested fields")
	wantText(t, doc, ".trust", "4 of 4 columns")
	if doc.Find(".pager .btn").Length() != 0 {
		t.Error("a single page leads to others")
	}
	wantText(t, s.page("/d/lake/clean.airports/columns?filter=length"), ".pager", "3 matches in 4 columns")
	wantText(t, s.page("/d/lake/clean.airports/columns?show=undocumented"), ".empty", "Every column has a comment")
}

func TestCommitsOfOneLoadAreNumbered(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	head := func(gap time.Duration) *datasetHead {
		h := &datasetHead{Now: now}
		for i := range 13 {
			h.Snapshots = append(h.Snapshots, catalog.Snapshot{At: now.Add(-time.Hour - time.Duration(i)*gap), AddedRows: new(int64(i))})
		}
		return h
	}
	for _, tt := range []struct {
		name                    string
		gap                     time.Duration
		first, last, said, note string
	}{
		{"seconds apart", time.Second, "1", "13", "13, 21 Nov 2026, 11:00:00 UTC", "the last 13 commits, 21 Nov 2026, 10:59:48 to 11:00:00 UTC"},
		{"of one second", time.Millisecond, "1", "13", "13, 21 Nov 2026, 11:00:00 UTC", "the last 13 commits, all within a second, 21 Nov 2026, 11:00:00 UTC"},
		{"minutes apart", 15 * time.Minute, "08:00", "11:00", "", "the last 13 commits, all on 21 Nov 2026"},
		{"a day apart", 24 * time.Hour, "9 Nov", "11:00", "", "the last 13 commits, 9 Nov 2026 to 21 Nov 2026"},
	} {
		h := head(tt.gap)
		chart, _ := h.commitChart()
		first, last := chart.Data[0], chart.Data[12]
		if first.Label != tt.first || last.Label != tt.last || last.Name != tt.said {
			t.Errorf("%s: labels %q to %q, said %q", tt.name, first.Label, last.Label, last.Name)
		}
		if got := h.commitNote(); got != tt.note {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.note)
		}
	}
}

func TestTrustStripCountsPeople(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	wantText(t, s.page("/d/lake/clean.flights"), ".trust", "Not opened by nobody here in 30 days")
	s.do(http.MethodPost, "/d/lake/clean.flights/opened", "Sec-Fetch-Site", "same-origin")
	doc := s.page("/d/lake/clean.flights")
	wantText(t, doc, ".trust", "Opened by 1 person in 30 days")
	wantText(t, doc, "#ev-used", "Their visits1")
}

func TestLongValuesOfASampleOpen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	nested := `{"runways": [` + strings.Repeat("1, ", 60) + `0]}`
	s.rows.sample = catalog.Sample{Columns: []catalog.SampleColumn{{Name: "x"}}, Rows: [][]*string{{&nested}, {new("short")}}}
	doc := s.page("/d/lake/clean.flights/sample")
	if got := doc.Find("td details div").Text(); got != nested {
		t.Errorf("opened it reads %q", got)
	}
	if n := doc.Find("td details").Length(); n != 1 {
		t.Errorf("%d values open, want the long one alone", n)
	}
}

// The outline of a page begins with what it is: claims that open are no part of it, and every tab has a heading of its own.
func TestOutlineOfADataset(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	for _, path := range []string{
		"/d/lake/sales.orders", "/d/lake/sales.orders/columns", "/d/lake/sales.orders/history", "/d/lake/sales.orders/sample", "/d/lake/sales.orders/definition",
		"/d/lake/sales.orders/dbt", "/d/events/orders/partitions", "/d/events/orders/consumers", "/d/events/orders/schemas",
	} {
		doc := s.page(path)
		if first := doc.Find("main h1, main h2, main h3").Slice(0, 2).Filter("h2"); first.Length() != 1 {
			t.Errorf("%s: after the name comes no part of the page", path)
		}
		doc.Find("main table").Each(func(_ int, table *selection) {
			if table.Find("caption").Length() == 0 {
				t.Errorf("%s: a table without a caption: %.60s", path, words(doc, "main table thead"))
			}
		})
	}
	if title := s.page("/d/events/orders/consumers").Find("title").Text(); !strings.Contains(title, "events/orders · Consumers") {
		t.Errorf("the title is %q", title)
	}
}
