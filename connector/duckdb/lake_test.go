//go:build !noduckdb

package duckdb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"portreeve/connector/duckdb"
	"portreeve/fault"
	"portreeve/query"
	"portreeve/query/querytest"
)

// over returns what resolves names to views, schema and table without regard to case.
func over(views []duckdb.View) duckdb.Resolve {
	return func(_ context.Context, _ query.Statement, names [][]string) ([]*duckdb.View, error) {
		found := make([]*duckdb.View, len(names))
		for i, name := range names {
			full := strings.ToLower(strings.Join(name[max(0, len(name)-2):], "."))
			if at := slices.IndexFunc(views, func(v duckdb.View) bool { return strings.ToLower(v.Plan.Key.Name) == full }); at >= 0 {
				found[i] = &views[at]
			}
		}
		return found, nil
	}
}

func TestLakeConforms(t *testing.T) {
	t.Parallel()
	e := newEngine(t, duckdb.Options{})
	querytest.Run(t, func(t *testing.T) querytest.Target {
		t.Helper()
		l := duckdb.NewLake(e, over(nil))
		t.Cleanup(func() { _ = l.Close() })
		return querytest.Target{
			Engine: l, People: [2]string{"alice", "bob"}, Kills: true,
			Numbers: "SELECT range + 1 AS n FROM range(%d)",
			Endless: "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE hash(a.range + b.range) = 1",
		}
	})
}

// read reads a statement of ana to its end.
func read(t *testing.T, l *duckdb.Lake, sql string) (rows []string, columns []query.Column, err error) {
	t.Helper()
	x, err := l.Start(t.Context(), query.Statement{SQL: sql, Person: "ana"})
	for err == nil {
		var u query.Update
		if u, err = x.Next(t.Context()); err == nil {
			columns = u.Columns
			if u.Rows.Count > 0 {
				rows = append(rows, string(u.Rows.JSON))
			}
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return rows, columns, err
}

// A person's tables are what they may see of them, under any spelling, and nothing else is there at all.
func TestLakeShowsWhatAPersonMaySee(t *testing.T) {
	t.Parallel()
	g := newTarget(t)
	l := duckdb.NewLake(g.e, over(g.views))
	rows, _, err := read(t, l, "SELECT id, ssn, name FROM RAW.t JOIN lake.raw.T u USING (id, ssn, name) ORDER BY id")
	if want := `[[1,"***","Ann"],[2,"***","Bob"]]`; err != nil || fmt.Sprint(rows) != "["+want+"]" {
		t.Errorf("%s, %v; want %s", rows, err, want)
	}
	for _, sql := range []string{"SELECT 1\nFROM raw.secret", "SELECT 1\nFROM raw.t, raw.secret"} {
		_, _, err := read(t, l, sql)
		p, ok := errors.AsType[*query.Problem](err)
		if !ok || p.Code != "TABLE_NOT_FOUND" || p.Line != 2 || !strings.Contains(p.Message, "raw.secret") {
			t.Errorf("%q: %#v", sql, err)
		}
	}
	for _, kind := range attacks {
		for _, sql := range kind {
			rows, columns, err := read(t, l, g.names.Replace(sql))
			if seen := fmt.Sprint(rows, columns, err); strings.Contains(seen, "CANARY") {
				t.Errorf("%s lets out: %.300s", sql, seen)
			}
		}
	}
	away := duckdb.NewLake(g.e, func(context.Context, query.Statement, [][]string) ([]*duckdb.View, error) {
		return nil, fault.Unavailablef(nil, "the catalog is away")
	})
	if _, _, err := read(t, away, "FROM raw.t"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without a catalog: %v", err)
	}
}

// Integers of 128 bits, which Parquet has none of, keep their digits.
func TestLakeKeepsDigits(t *testing.T) {
	t.Parallel()
	l := duckdb.NewLake(newEngine(t, duckdb.Options{}), over(nil))
	rows, columns, err := read(t, l, `SELECT 12345678901234567890123456789012345678::HUGEINT AS "a ""b", -1::HUGEINT AS c, 0.1::DOUBLE AS d, 'nan'::DOUBLE AS e`)
	if want := `[[12345678901234567890123456789012345678,-1,0.1,"nan"]]`; err != nil || fmt.Sprint(rows) != "["+want+"]" {
		t.Errorf("%s, %v; want %s", rows, err, want)
	}
	if len(columns) != 4 || columns[0] != (query.Column{Name: `a "b`, Type: "HUGEINT"}) {
		t.Errorf("columns %v", columns)
	}
}

// Where DuckDB draws a caret below an excerpt of a long line, the column is that of the line.
func TestLakeFindsThePlaceInALongLine(t *testing.T) {
	t.Parallel()
	l := duckdb.NewLake(newEngine(t, duckdb.Options{}), over(nil))
	sql := "SELECT '" + strings.Repeat("ž", 300) + "' AS a,\n'" + strings.Repeat("y", 200) + "' AS b, no_such_column, '" + strings.Repeat("x", 200) + "' AS c"
	_, _, err := read(t, l, sql)
	p, ok := errors.AsType[*query.Problem](err)
	if !ok || p.Line != 2 || p.Column != 210 || p.Cause != query.Mistake {
		t.Errorf("%#v, want 2:210", err)
	}
}
