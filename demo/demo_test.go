package demo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/connector/duckdb"
	"portreeve/connector/iceberg"
	"portreeve/demo"
	"portreeve/postgres/pgtest"
)

// TestMain lets the test binary be the engine's worker, as the real binary is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == duckdb.Command {
		if err := duckdb.Work(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// today is a Saturday; the newest Tuesday before it is the 17th.
var today = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

// options returns where a test makes its lake: a folder that the engine's user may enter.
func options(t *testing.T) demo.Options {
	t.Helper()
	home, err := os.MkdirTemp("", "portreeve-demo-") //nolint:usetesting // nobody else may enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chmod(home, 0o755); err != nil { //nolint:gosec // on purpose
		t.Fatal(err)
	}
	engine := duckdb.New(duckdb.Options{Dir: filepath.Join(home, "work")})
	t.Cleanup(func() { _ = engine.Close() })
	return demo.Options{
		Home: home, CatalogDSN: pgtest.URL(pgtest.Empty(t)), Exporter: engine, Today: today,
		Progress: func(line string) { t.Log(line) },
	}
}

// crawl returns what a crawl sees, by name.
func crawl(t *testing.T, o demo.Options, source catalog.Source) (map[string]catalog.Observation, catalog.Planner) {
	t.Helper()
	conn, err := iceberg.Open(t.Context(), source, o.CatalogDSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	scopes, err := conn.Crawler.Scopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]catalog.Observation{}
	for _, scope := range scopes {
		for observation, err := range conn.Crawler.Datasets(t.Context(), scope, nil) {
			if err != nil {
				t.Error(observation.Name, err)
			}
			seen[observation.Name] = observation
		}
	}
	return seen, conn.Planner
}

func TestLake(t *testing.T) {
	o := options(t)
	lake, err := demo.Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !lake.Fresh || lake.Weeks != 672 || !strings.Contains(lake.Source.Note, "672 weeks") {
		t.Errorf("lake %+v; want a fresh one, moved by 672 weeks, which its note says", lake)
	}
	first, planner := crawl(t, o, lake.Source)
	t.Run("every table is there with its rows", func(t *testing.T) { checkTables(t, first) })
	t.Run("nearly everything is described", func(t *testing.T) { checkDescribed(t, first) })
	t.Run("dates end last Tuesday", func(t *testing.T) { checkDates(t, o, planner) })
	t.Run("figures agree with the source", func(t *testing.T) { checkFigures(t, o, planner) })
	t.Run("everybody may read the files", func(t *testing.T) { checkReadable(t, filepath.Join(o.Home, "lake")) })
	t.Run("a second build changes nothing", func(t *testing.T) {
		o := o
		o.Exporter = nil // it would panic
		again, err := demo.Build(t.Context(), o)
		if err != nil || !again.Fresh || again.Weeks != lake.Weeks {
			t.Fatalf("second build: %+v, %v", again, err)
		}
		now, _ := crawl(t, o, again.Source)
		if diff := cmp.Diff(first, now); diff != "" {
			t.Errorf("the lake has changed (-before +after):\n%s", diff)
		}
	})
	t.Run("it evolves once", func(t *testing.T) { checkEvolve(t, o, first) })
}

func checkTables(t *testing.T, seen map[string]catalog.Observation) {
	t.Helper()
	want := map[string]int64{ // rows; -1 is a table without a snapshot
		"raw.flights": 336_776, "raw.weather": 26_115, "raw.airports": 1_458, "raw.planes": 3_322, "raw.airlines": 16,
		"raw.load_log": 21, "clean.flights": 336_776, "clean.weather_hourly": 26_115, "clean.planes": 3_322,
		"clean.airports": 1_458, "marts.on_time_daily": 11_864, "marts.route_performance": 224,
		"marts.carrier_scorecard": 201, "marts.airport_weather_daily": 1_098, "marts.delay_by_condition": 15,
		"marts.delay_legacy": 365, "marts.partner_targets": 0,
	}
	got := map[string]int64{}
	for name, o := range seen {
		got[name] = -1
		if o.RowCount != nil {
			got[name] = *o.RowCount
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	flights := seen["raw.flights"]
	if len(flights.Snapshots) != 13 || len(flights.Partitioning) != 1 || flights.Partitioning[0] != "month(time_hour)" {
		t.Errorf("raw.flights has %d snapshots and is partitioned by %q; want 13, one for each month, by month(time_hour)",
			len(flights.Snapshots), flights.Partitioning)
	}
}

func checkDescribed(t *testing.T, seen map[string]catalog.Observation) {
	t.Helper()
	for name, o := range seen {
		bare := name == "raw.load_log"
		if (o.Description == "") != bare || (o.Team == "") != bare {
			t.Errorf("%s is described %q and owned by %q", name, o.Description, o.Team)
		}
		if (o.Deprecated != "") != (name == "marts.delay_legacy") {
			t.Errorf("%s is deprecated: %q", name, o.Deprecated)
		}
		for _, c := range o.Columns {
			if c.Comment == "" && !bare && c.Leaf() != "element" && c.Path != "avg_seats" {
				t.Errorf("%s.%s has no comment", name, c.Path)
			}
		}
	}
	var nested []string
	for _, c := range seen["clean.airports"].Columns {
		if c.Depth() > 0 {
			nested = append(nested, c.Path)
		}
	}
	want := []string{
		"location.lat", "location.lon", "location.alt_m", "carriers.element", "routes.element", "routes.element.origin", "routes.element.flights",
	}
	if diff := cmp.Diff(want, nested); diff != "" {
		t.Errorf("fields of clean.airports (-want +got):\n%s", diff)
	}
}

// ask runs a query that yields one row of text.
func ask(t *testing.T, o demo.Options, planner catalog.Planner, statement string, names ...string) []string {
	t.Helper()
	plans := make([]catalog.Plan, len(names))
	for i, name := range names {
		var err error
		if plans[i], err = planner.Plan(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "answer.parquet")
	if _, err := o.Exporter.Export(t.Context(), plans, statement, out); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	answer, err := pqarrow.ReadTable(t.Context(), f, nil, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Release()
	var row []string
	for i := range int(answer.NumCols()) {
		row = append(row, answer.Column(i).Data().Chunk(0).ValueStr(0))
	}
	return row
}

func checkDates(t *testing.T, o demo.Options, planner catalog.Planner) {
	t.Helper()
	const q = `SELECT max(make_date(year, month, day))::VARCHAR, dayname(max(make_date(year, month, day))),
		max(time_hour AT TIME ZONE 'UTC')::VARCHAR, min(make_date(year, month, day))::VARCHAR FROM raw.flights`
	want := []string{"2026-11-17", "Tuesday", "2026-11-18 04:00:00", "2025-11-18"}
	if diff := cmp.Diff(want, ask(t, o, planner, q, "raw.flights")); diff != "" {
		t.Errorf("dates of raw.flights (-want +got):\n%s", diff)
	}
	const joined = `SELECT count(*)::VARCHAR FROM raw.flights f ANTI JOIN raw.weather w
		ON w.origin = f.origin AND w.time_hour = f.time_hour`
	if got := ask(t, o, planner, joined, "raw.flights", "raw.weather"); got[0] != "1556" {
		t.Errorf("%s flights have no weather, want 1556 as in the source: both must move alike", got[0])
	}
}

func checkFigures(t *testing.T, o demo.Options, planner catalog.Planner) {
	t.Helper()
	const q = `SELECT (SELECT count(*) FROM clean.flights WHERE cancelled)::VARCHAR, (SELECT sum(flights) FROM marts.on_time_daily)::VARCHAR,
		(SELECT sum(cancelled) FROM marts.on_time_daily)::VARCHAR, (SELECT list_count(routes) FROM clean.airports WHERE code = 'LAX')::VARCHAR`
	want := []string{"8255", "336776", "8255", "2"}
	got := ask(t, o, planner, q, "clean.flights", "marts.on_time_daily", "clean.airports")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cancelled flights, flights and cancelled flights of the mart, routes to LAX (-want +got):\n%s", diff)
	}
}

func checkReadable(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && ((d.IsDir() && info.Mode().Perm() != 0o755) || (!d.IsDir() && info.Mode().Perm() != 0o644)) {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkEvolve(t *testing.T, o demo.Options, before map[string]catalog.Observation) {
	t.Helper()
	if err := demo.Evolve(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	lake, err := demo.Build(t.Context(), o)
	if err != nil || lake.Fresh {
		t.Fatalf("the lake is still fresh, or %v", err)
	}
	after, planner := crawl(t, o, lake.Source)
	var got []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		got = append(got, columnChanges(name, before[name].Columns, after[name].Columns)...)
	}
	want := []string{
		"clean.flights dep_delay: comment", "marts.partner_targets agreed_on: added", "marts.route_performance avg_arr_delay: renamed",
		"raw.flights distance: type", "raw.planes seats: nullable",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if n := len(after["raw.load_log"].Snapshots); n != 2 {
		t.Errorf("raw.load_log has %d snapshots, want 2", n)
	}
	const q = `SELECT sum(distance)::VARCHAR, typeof(any_value(distance)) FROM raw.flights`
	if got := ask(t, o, planner, q, "raw.flights"); got[0] != "350217607" || got[1] != "BIGINT" {
		t.Errorf("distances of the widened column: %q", got)
	}
	if err := demo.Evolve(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	again, _ := crawl(t, o, lake.Source)
	if diff := cmp.Diff(after, again); diff != "" {
		t.Errorf("it evolved twice (-once +twice):\n%s", diff)
	}
	checkReadable(t, filepath.Join(o.Home, "lake"))
}

// columnChanges tells what has become of columns, by their ids.
func columnChanges(name string, before, after []catalog.Column) (out []string) {
	old := map[string]catalog.Column{}
	for _, c := range before {
		old[c.NativeID] = c
	}
	for _, c := range after {
		was, ok := old[c.NativeID]
		switch {
		case !ok:
			out = append(out, name+" "+c.Path+": added")
		case was.Path != c.Path:
			out = append(out, name+" "+c.Path+": renamed")
		case was.Type != c.Type:
			out = append(out, name+" "+c.Path+": type")
		case was.Nullable != c.Nullable:
			out = append(out, name+" "+c.Path+": nullable")
		case was.Comment != c.Comment:
			out = append(out, name+" "+c.Path+": comment")
		}
	}
	return out
}

// stopping is an Exporter that fails at its first call.
type stopping struct{}

func (stopping) Export(context.Context, []catalog.Plan, string, string) (int64, error) {
	return 0, errors.New("stopped")
}

func TestInterruptedBuildShowsNothingAndStartsAgain(t *testing.T) {
	t.Parallel()
	o := options(t)
	whole := o.Exporter
	o.Exporter = stopping{}
	if _, err := demo.Build(t.Context(), o); err == nil {
		t.Fatal("the build did not fail")
	}
	if seen, _ := crawl(t, o, demo.Source(o.Home, 672)); len(seen) > 0 {
		t.Errorf("half a lake is there: %d tables", len(seen))
	}
	o.Exporter = whole
	lake, err := demo.Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	seen, _ := crawl(t, o, lake.Source)
	if len(seen) != 17 {
		t.Errorf("%d tables after the second build, want 17", len(seen))
	}
	if left, err := filepath.Glob(filepath.Join(o.Home, "lake", "derive-*")); err != nil || len(left) > 0 {
		t.Errorf("working folders are left: %q, %v", left, err)
	}
}
