//go:build !noduckdb

package duckdb_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"portreeve/catalog"
	"portreeve/connector/duckdb"
)

// newEngine returns an engine that is closed at the end of the test.
func newEngine(tb testing.TB, o duckdb.Options) *duckdb.Engine {
	tb.Helper()
	e := duckdb.New(o)
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

// folder returns a new folder that workers of another user can enter.
func folder(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// write runs COPY statements in an engine within the test's own process; their files go to dir.
func write(tb testing.TB, dir string, statements ...string) {
	tb.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	for _, s := range append([]string{"SET threads = 1"}, statements...) {
		if _, err := db.Exec(strings.ReplaceAll(s, "TO '", "TO '"+dir+"/")); err != nil {
			tb.Fatalf("%.80s: %v", s, err)
		}
	}
}

// files returns the named files of dir as a plan has them, each of so many rows.
func files(dir string, rows int64, names ...string) []catalog.PlanFile {
	out := make([]catalog.PlanFile, len(names))
	for i, n := range names {
		out[i] = catalog.PlanFile{Path: filepath.Join(dir, n), Rows: rows}
	}
	return out
}

// columns reads "id name type" of each column.
func columns(specs ...string) []catalog.PlanColumn {
	out := make([]catalog.PlanColumn, len(specs))
	for i, s := range specs {
		id, rest, _ := strings.Cut(s, " ")
		name, kind, _ := strings.Cut(rest, " ")
		n, _ := strconv.Atoi(id)
		out[i] = catalog.PlanColumn{FieldID: n, Name: name, Type: kind}
	}
	return out
}

// plan returns a plan of a table named raw.t.
func plan(cols []catalog.PlanColumn, fs ...catalog.PlanFile) catalog.Plan {
	p := catalog.Plan{Key: catalog.Key{Source: "lake", Name: "raw.t"}, SnapshotID: "7", Columns: cols, Files: fs}
	for _, f := range fs {
		p.Rows += f.Rows
	}
	return p
}

// grid writes rows as text with "∅" for NULL, to be compared at a glance.
func grid(rows [][]*string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		cells := make([]string, len(r))
		for j, c := range r {
			cells[j] = "∅"
			if c != nil {
				cells[j] = *c
			}
		}
		out[i] = strings.Join(cells, "|")
	}
	return out
}
