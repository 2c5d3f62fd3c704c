package web

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

func TestDatasetOverview(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.source(catalog.Source{Slug: "lake", Kind: "iceberg", Note: "Dates are moved forward by 678 weeks.", CrawlEvery: time.Hour})
	s.crawl(flights(s.now))
	doc := s.page("/d/lake/clean.flights")
	wantText(t, doc, "h1", "clean.flights")
	wantText(t, doc, ".head-sub", "One row per flight leaving EWR, JFK or LGA, corrected and de-duplicated.")
	wantText(t, doc, ".trust", "written 12 min ago, usually every 24 h")
	wantText(t, doc, ".trust", "4 of 5 columns")
	wantText(t, doc, ".trust", "by flight-ops")
	wantText(t, doc, ".trust", "Not profiled")
	wantText(t, doc, "main p.muted", "About lake: Dates are moved forward by 678 weeks.")
	wantText(t, doc, ".prose", "Cancelled flights have no dep_time.")
	for _, fact := range []string{"336,776", "4.9 MiB in 12 files", "month(time_hour)", "file:///lake/clean/flights", "8112"} {
		wantText(t, doc, "main .rule-start .facts", fact)
	}
	wantText(t, doc, "table.columns", "Minutes late at departure")
	if n := doc.Find("svg.chart rect.col").Length(); n != 12 {
		t.Errorf("%d commits are drawn, want 12", n)
	}
	if n := doc.Find("nav.tabs a").Length(); n != 4 {
		t.Errorf("%d tabs, want 4: no empty shells", n)
	}
	if href := doc.Find(".head-meta a").First().AttrOr("href", ""); href != "/teams/flight-ops" {
		t.Errorf("the team leads to %q", href)
	}
}

// What nobody knows is said to be unknown, never shown as nought.
func TestDatasetOfWhichLittleIsKnown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(scopesOf{"raw": {{Name: "raw.bare", Kind: catalog.Table}}})
	doc := s.page("/d/lake/raw.bare")
	wantText(t, doc, ".facts", "Rowsunknown")
	wantText(t, doc, ".trust", "Freshness unknown")
	wantText(t, doc, ".trust", "No owner")
	wantText(t, doc, "main", "No description and no owner")
	wantText(t, doc, "main", "The source tells nothing of commits.")
	wantText(t, s.page("/d/lake/raw.bare/columns"), ".empty", "Its columns are not known")
}

func TestDatasetCallouts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	lake := flights(s.now)
	twin := lake["raw"][0]
	twin.Name = "RAW.Weather"
	lake["raw"] = append(lake["raw"], twin)
	s.crawl(lake)
	wantText(t, s.page("/d/lake/marts.delays_old"), ".callout", "Deprecated. Use marts.on_time_daily")
	wantText(t, s.page("/d/lake/raw.weather"), ".callout", "Another dataset differs only by case: lake/RAW.Weather")
	lake["clean"][0] = catalog.Observation{Name: "clean.flights"}
	delete(lake, "marts")
	s.crawl(lake)
	wantText(t, s.page("/d/lake/clean.flights"), ".callout", "its metadata file is missing")
	s.exec(`UPDATE dataset SET gone_at = now() WHERE name = 'marts.delays_old'`)
	doc := s.page("/d/lake/marts.delays_old")
	wantText(t, doc, ".callout", "Gone from lake")
	wantText(t, s.page("/d/lake/marts.delays_old/sample"), "[role=alert]", "gone from its source")
}

func TestDatasetNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	names := []string{"a/b", "a b", `a"b`, "a%2Fb", "ä🛩", "a?b#c", "<script>", "..", strings.Repeat("long", 200)}
	var all []catalog.Observation
	for _, n := range names {
		all = append(all, catalog.Observation{Name: n, Kind: catalog.Table, Columns: []catalog.Column{{Path: "x", Type: "int"}}})
	}
	s.crawl(scopesOf{"raw": all})
	for _, n := range names {
		for _, tab := range []string{"", "columns", "history"} {
			doc := s.page(datasetURL(catalog.Key{Source: "lake", Name: n}, tab))
			if got := strings.TrimSpace(doc.Find("h1").Text()); got != n {
				t.Errorf("%s of %q is headed %q", tab, n, got)
			}
		}
	}
}

func TestDatasetInAnotherCaseOrMissing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	a := s.do(http.MethodGet, "/d/lake/CLEAN.Flights/columns")
	if a.StatusCode != http.StatusFound || a.Header.Get("Location") != "/d/lake/clean.flights/columns" {
		t.Errorf("%d to %q", a.StatusCode, a.Header.Get("Location"))
	}
	a = s.do(http.MethodGet, "/d/lake/clean.flihgts")
	if a.StatusCode != http.StatusNotFound {
		t.Errorf("GET a missing dataset = %d", a.StatusCode)
	}
	wantText(t, a.document(t), "main", "clean.flights")
}

func TestFreshIsJudgedByTheDatasetsOwnRhythm(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	head := func(old, gap time.Duration, commits int) *datasetHead {
		h := &datasetHead{Now: now}
		if old > 0 {
			h.DataAt = new(now.Add(-old))
		}
		for i := range commits {
			h.Snapshots = append(h.Snapshots, catalog.Snapshot{At: now.Add(-old - time.Duration(i)*gap)})
		}
		return h
	}
	for _, tt := range []struct {
		name string
		head *datasetHead
		tone ui.Tone
		text string
	}{
		{"unknown", head(0, 0, 0), ui.Muted, "unknown"},
		{"within its rhythm", head(time.Hour, 24*time.Hour, 10), ui.Good, "written 60 min ago, usually every 24 h"},
		{"late", head(72*time.Hour, 24*time.Hour, 10), ui.Warn, "written 3 days ago, usually every 24 h"},
		{"too few commits to tell", head(72*time.Hour, 24*time.Hour, 4), ui.Info, "written 3 days ago"},
		{"one load of many commits is no rhythm", head(72*time.Hour, time.Second, 10), ui.Info, "written 3 days ago"},
	} {
		if got := tt.head.fresh(); got.Tone != tt.tone || got.Text != tt.text {
			t.Errorf("%s: %q %q, want %q %q", tt.name, got.Tone, got.Text, tt.tone, tt.text)
		}
	}
}

func TestColumnsWithTheirProfile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	wantText(t, s.page("/d/lake/clean.flights/columns"), ".toolbar", "No profile yet")
	if err := s.Catalog.PutProfile(t.Context(), s.dataset("clean.flights"), profileOfFlights(s.now)); err != nil {
		t.Fatal(err)
	}
	doc := s.page("/d/lake/clean.flights/columns")
	wantText(t, doc, ".toolbar", "sampled: 30 % of 336,776 rows")
	row := doc.Find("table.columns tbody tr").Eq(1)
	for _, want := range []string{"dep_delay", "2.4 %", "-43 to 1301", "~527", "medianabout -2"} {
		if got := strings.Join(strings.Fields(row.Text()), " "); !strings.Contains(got, want) {
			t.Errorf("dep_delay reads %q, want %q", got, want)
		}
	}
	if row.Find("svg.hist rect").Length() == 0 {
		t.Error("no histogram")
	}
	nested := doc.Find("table.columns tbody tr").Eq(5)
	if nested.Find(".in-1").Length() != 1 || !strings.Contains(nested.Text(), "–") {
		t.Errorf("the field of a struct reads %q", nested.Text())
	}
	s.exec(`UPDATE dataset SET snapshot_id = '9000' WHERE name = 'clean.flights'`)
	wantText(t, s.page("/d/lake/clean.flights/columns"), ".toolbar", "data changed since")
}

func TestColumnsFilter(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	for query, want := range map[string]string{
		"?filter=DELAY":         "dep_delay",
		"?filter=airline":       "carrier", // of the comment
		"?show=undocumented":    "tailnum", // a field of a struct is no column, here as in the trust strip
		"?filter=double+visib&": "weather└ visib",
		"?offset=-3&filter=yea": "year",
	} {
		doc := s.page("/d/lake/clean.flights/columns"+query, "HX-Request-Type", "partial")
		if got := strings.NewReplacer("\n", "", "\t", "").Replace(doc.Find("tbody th").Text()); strings.Join(strings.Fields(got), " ") != want {
			t.Errorf("%s gives %q, want %q", query, got, want)
		}
	}
	wantText(t, s.page("/d/lake/clean.flights/columns?filter=zzz"), ".empty", "No column matches “zzz”")
	wantText(t, s.page("/d/lake/clean.flights/columns?offset=900"), ".empty", "There is no such page of columns")
}

// Three thousand columns with comments and profiles: a first screen is under 150 KB with its style and script.
func TestFirstScreenIsLight(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wide := catalog.Observation{Name: "raw.wide", Kind: catalog.Table, SnapshotID: "1", RowCount: new(int64(1000))}
	profile := catalog.Profile{SnapshotID: "1", TakenAt: s.now, RowsTotal: 1000, RowsRead: 1000}
	for i := range 3000 {
		name := fmt.Sprintf("measure_%04d", i)
		wide.Columns = append(wide.Columns, catalog.Column{Path: name, Type: "double", Nullable: true, Comment: fmt.Sprintf("Reading %d of the sensor, in units of %d", i, i%7)})
		profile.Columns = append(profile.Columns, catalog.ColumnProfile{
			Name: name, Rows: 1000, Nulls: int64(i % 1000), Distinct: new(int64(i)), Min: new(strconv.Itoa(i)), Max: new(strconv.Itoa(i * 3)), Mean: new(float64(i) * 1.37),
			Quantiles: []float64{1, 2, 3, 4, float64(i)}, Top: []catalog.TopValue{{Value: strconv.Itoa(i), Rows: 3}},
			Histogram: &catalog.Histogram{Counts: []int64{int64(i % 97), int64(i % 89), int64(i % 83), int64(i % 79), int64(i % 73), int64(i % 71), int64(i % 67), int64(i % 61), 4, 5, 9, 2}},
		})
	}
	s.crawl(scopesOf{"raw": {wide}})
	if err := s.Catalog.PutProfile(t.Context(), s.dataset("raw.wide"), profile); err != nil {
		t.Fatal(err)
	}
	shared := len(assets()["app.css"].gzipped) + len(assets()["app.js"].gzipped)
	for _, path := range []string{"/", "/data?q=measure", "/d/lake/raw.wide", "/d/lake/raw.wide/columns", "/d/lake/raw.wide/history"} {
		var buf bytes.Buffer
		z := gzip.NewWriter(&buf)
		z.Write([]byte(s.do(http.MethodGet, path).body)) //nolint:errcheck // a Buffer takes everything
		z.Close()                                        //nolint:errcheck // likewise
		t.Logf("%s: %d bytes and %d of style and script, compressed", path, buf.Len(), shared)
		if buf.Len()+shared > 150_000 {
			t.Errorf("%s weighs %d bytes compressed, with %d of style and script", path, buf.Len(), shared)
		}
	}
	doc := s.page("/d/lake/raw.wide/columns?offset=2950")
	wantText(t, doc, ".pager", "2,951–3,000 of 3,000 columns")
}

func TestOneMebibyteOfCommentIsBounded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	long := strings.Repeat("Long words & <tags>. ", 50_000)
	s.crawl(scopesOf{"raw": {{Name: "raw.long", Kind: catalog.Table, Description: long, Columns: []catalog.Column{{Path: "x", Type: strings.Repeat("struct<", 9000), Comment: long}}}}})
	for _, path := range []string{"/data", "/d/lake/raw.long", "/d/lake/raw.long/columns", "/d/lake/raw.long/history", "/palette?q=long"} {
		if a := s.do(http.MethodGet, path); a.StatusCode != http.StatusOK || len(a.body) > 200_000 {
			t.Errorf("%s = %d with %d bytes", path, a.StatusCode, len(a.body))
		}
	}
}

func TestHistoryShowsTheDifference(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	lake := flights(s.now)
	s.crawl(lake)
	table := lake["clean"][0]
	table.Columns = append([]catalog.Column{{Path: "arr_delay", Type: "bigint", Nullable: true}}, table.Columns[1:]...)
	table.Columns[1].Type = "bigint"
	lake["clean"][0] = table
	s.now = s.now.Add(time.Hour)
	s.crawl(lake)
	doc := s.page("/d/lake/clean.flights/history")
	wantText(t, doc, ".head-sub", "Version 2 is current")
	wantText(t, doc, ".diff .add", "column arr_delay bigint")
	wantText(t, doc, ".diff .del", "column year int")
	wantText(t, doc, ".diff .del", "column dep_delay int")
	wantText(t, doc, ".diff .add", "column dep_delay bigint")
	if n := doc.Find("[aria-labelledby=h-commits] tbody tr").Length(); n != 12 {
		t.Errorf("%d commits, want 12", n)
	}
	wantText(t, doc, "tbody tr.on", "8112")
	wantText(t, s.page("/"), "main", "1 column added: arr_delay")
}

func TestChangesInWords(t *testing.T) {
	t.Parallel()
	got := changeSummary([]catalog.Change{
		{Kind: catalog.ColumnAdded, Field: "a"},
		{Kind: catalog.ColumnAdded, Field: "b"},
		{Kind: catalog.ColumnNullable, Field: "c", New: "required"},
		{Kind: catalog.AttributeEdited, Field: "row_order"},
		{Kind: catalog.AttributeEdited, Field: "shown with", New: "lake/raw.x"},
		{Kind: catalog.Renamed, Old: "raw.old", New: "raw.new"},
	})
	if want := "2 columns added: a, b; 1 column made required: c; row order changed; found to be the same thing as lake/raw.x; renamed from raw.old"; got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	var many []catalog.Change
	for i := range 1000 {
		many = append(many, catalog.Change{Kind: catalog.ColumnRemoved, Field: "c" + strconv.Itoa(i), Old: "int"})
	}
	if got := changeSummary(many); got != "1,000 columns removed: c0, c1, c2, c3 …" {
		t.Errorf("got %q", got)
	}
	if lines := diffLines(many); len(lines) != diffLinesShown+1 || lines[diffLinesShown].Text != "and 800 changes more" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1].Text)
	}
}

func TestSampleShowsNullAndEmpty(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	s.rows.sample = sampleOfFlights()
	s.rows.sample.Cut = true
	doc := s.page("/d/lake/clean.flights/sample")
	wantText(t, doc, ".toolbar", "3 rows of snapshot 8112, in no particular order; long values are cut at 2,000 bytes.")
	row := doc.Find(".grid tbody tr").Eq(1)
	if got := row.Find("td.null").Text(); got != "NULLempty" {
		t.Errorf("the null and the empty text read %q", got)
	}
	if doc.Find("main script").Length() > 0 {
		t.Error("a value is not escaped")
	}
	wantText(t, doc, ".grid thead", "dep_delayint") // as on the columns page, not as the engine calls it
}

func TestSampleThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	s.rows.err = fault.Unavailablef(nil, "a data file of clean.flights is missing")
	doc := s.page("/d/lake/clean.flights/sample")
	wantText(t, doc, "[role=alert]", "A data file of clean.flights is missing")
	if doc.Find("nav.tabs a").Length() != 4 {
		t.Error("the rest of the page is gone")
	}
	if a := s.do(http.MethodGet, "/d/lake/clean.flights/sample.csv"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("its CSV = %d", a.StatusCode)
	}
	s.Rows = nil
	wantText(t, s.page("/d/lake/clean.flights/sample"), "[role=alert]", "Rows cannot be read here")
	s.Rows = &rowsOf{}
	wantText(t, s.page("/d/lake/clean.flights/sample"), ".empty", "It has no rows")
}

func TestSampleCSV(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	s.rows.sample = sampleOfFlights()
	a := s.do(http.MethodGet, "/d/lake/clean.flights/sample.csv")
	if got := a.Header.Get("Content-Disposition"); !strings.Contains(got, `filename="clean.flights-sample.csv"`) {
		t.Errorf("Content-Disposition %q", got)
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"year", "dep_delay", "carrier"}, {"2026", "-4", "UA"}, {"2026", "", ""}, {"2026", "7", "'=cmd|'/c calc'!A0 <script>alert(1)</script>"}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"clean.flights": "clean.flights", "../etc/passwd": "_etc_passwd", `a"b;c`: "a_b_c", "ä🛩": "__"} {
		if got := fileName(in); got != want {
			t.Errorf("fileName(%q) = %q, want %q", in, got, want)
		}
	}
}
