// Package querytest is the conformance suite of query.Engine: whoever builds on engines relies on no more than what it proves.
package querytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"portreeve/fault"
	"portreeve/query"
)

// Target is an engine, and how to say on it what standard SQL has no words for.
type Target struct {
	query.Engine
	People  [2]string // whom it knows, and lets the portal ask for
	WhoAmI  string    // SELECT of one row: as whom it runs
	Numbers string    // SELECT of one bigint column n, 1 to %d, in any order
	Endless string    // a SELECT that runs for minutes and gives no row before
	Kills   bool      // Kill works on a running statement
}

// Run proves that the engine that open returns keeps the contract. open is called once for each test.
func Run(t *testing.T, open func(t *testing.T) Target) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Target){
		"values": values, "no rows": noRows, "mistakes": mistakes, "all rows": allRows, "cancel": cancelled, "kill": killed,
		"attach": attached, "two people": twoPeople, "check": checked, "caller leaves": callerLeaves,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// result is all of an execution.
type result struct {
	columns  []query.Column
	rows     [][]any
	count    int
	progress query.Progress
}

func start(t *testing.T, e Target, s query.Statement) query.Execution {
	t.Helper()
	x, err := e.Start(t.Context(), s)
	if err != nil {
		t.Fatalf("%.200s: %v", s.SQL, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) //nolint:usetesting // the test's is over
		defer cancel()
		_ = x.Cancel(ctx)
	})
	return x
}

// read reads an execution to its end.
func read(t *testing.T, x query.Execution) (r result, err error) {
	t.Helper()
	for {
		u, err := x.Next(t.Context())
		if u.Columns != nil {
			r.columns = u.Columns
		}
		r.progress = u.Progress
		if errors.Is(err, io.EOF) {
			return r, nil
		}
		if err != nil {
			return r, err
		}
		r.count += u.Rows.Count
		if u.Rows.Count == 0 {
			continue
		}
		d := json.NewDecoder(strings.NewReader(string(u.Rows.JSON)))
		d.UseNumber()
		var rows [][]any
		if err := d.Decode(&rows); err != nil || len(rows) != u.Rows.Count {
			t.Fatalf("%d rows that say to be %d: %v", len(rows), u.Rows.Count, err)
		}
		if r.count <= 10_000 {
			r.rows = append(r.rows, rows...)
		}
	}
}

func ask(t *testing.T, e Target, sql string) result {
	t.Helper()
	r, err := read(t, start(t, e, query.Statement{SQL: sql, Person: e.People[0]}))
	if err != nil {
		t.Fatalf("%.200s: %v", sql, err)
	}
	return r
}

func wantProblem(t *testing.T, what string, err error, cause query.Cause) *query.Problem {
	t.Helper()
	p, ok := errors.AsType[*query.Problem](err)
	if !ok || p.Cause != cause || p.Message == "" || p.Code == "" {
		t.Errorf("%s: %#v, want a problem of the cause %s", what, err, cause)
		return &query.Problem{}
	}
	return p
}

// Values come as they are: large numbers whole, texts with what a text may hold, nothing for nothing.
func values(t *testing.T, e Target) {
	t.Helper()
	const text = `a "quoted" \ back, [bracket] {brace} – žluťoučký 🛬`
	r := ask(t, e, `SELECT 9007199254740993 AS large, CAST('12345678901234567890.12' AS decimal(22,2)) AS money, '`+text+`' AS words, CAST(NULL AS varchar) AS nothing, true AS yes, DATE '2026-11-21' AS day`)
	var names []string
	for _, c := range r.columns {
		names = append(names, c.Name)
		if c.Type == "" {
			t.Errorf("the column %s has no type", c.Name)
		}
	}
	if got := strings.Join(names, " "); got != "large money words nothing yes day" {
		t.Errorf("columns %s", got)
	}
	if len(r.rows) != 1 {
		t.Fatalf("%d rows", len(r.rows))
	}
	if got, want := fmt.Sprint(r.rows[0]...), fmt.Sprint("9007199254740993", "12345678901234567890.12", text, nil, true, "2026-11-21"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func noRows(t *testing.T, e Target) {
	t.Helper()
	r := ask(t, e, `SELECT 1 AS one WHERE 1 = 0`)
	if r.count != 0 || len(r.columns) != 1 || r.columns[0].Name != "one" {
		t.Errorf("%d rows, columns %v; want none and one", r.count, r.columns)
	}
}

// A mistake is told with its place, whatever stands around it.
func mistakes(t *testing.T, e Target) {
	t.Helper()
	for _, tt := range []struct {
		sql          string
		line, column int
	}{
		{"SELECT 1 +\n  FROM", 2, 0},
		{"SELECT\n  no_such_column", 2, 3},
		{"SELECT 1\nFROM no_such_table_here", 2, 6},
		{"SELEC 1", 1, 1},
		{"SELECT 'open", 1, 0},
		{"", 0, 0},
		{"SELECT 1; SELECT 2", 1, 0},
	} {
		x, err := e.Start(t.Context(), query.Statement{SQL: tt.sql, Person: e.People[0]})
		if err == nil {
			_, err = read(t, x)
		}
		p := wantProblem(t, fmt.Sprintf("%q", tt.sql), err, query.Mistake)
		if tt.line > 0 && p.Line != tt.line || tt.column > 0 && p.Column != tt.column {
			t.Errorf("%q: at %d:%d (%s), want %d:%d", tt.sql, p.Line, p.Column, p.Message, tt.line, tt.column)
		}
	}
}

// Every row comes, once.
func allRows(t *testing.T, e Target) {
	t.Helper()
	const n = 200_000
	r := ask(t, e, `SELECT count(*) AS n, sum(n) AS total FROM (`+fmt.Sprintf(e.Numbers, n)+`) AS t`)
	if got := fmt.Sprint(r.rows); got != "[[200000 20000100000]]" {
		t.Errorf("counted %s", got)
	}
	if r := ask(t, e, fmt.Sprintf(e.Numbers, n)); r.count != n {
		t.Errorf("%d rows, want %d", r.count, n)
	}
}

// running starts what does not end and returns when it runs.
func running(t *testing.T, e Target) query.Execution {
	t.Helper()
	x := start(t, e, query.Statement{SQL: e.Endless, Person: e.People[0]})
	for {
		u, err := x.Next(t.Context())
		if err != nil {
			t.Fatalf("what does not end has ended: %v", err)
		}
		if u.Progress.State == query.Running {
			return x
		}
	}
}

func cancelled(t *testing.T, e Target) {
	t.Helper()
	x := running(t, e)
	for range 2 { // the second does nothing
		if err := x.Cancel(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := read(t, x)
	_ = wantProblem(t, "after Cancel", err, query.Stopped)
	if err := x.Cancel(t.Context()); err != nil {
		t.Errorf("Cancel after the end: %v", err)
	}
}

func killed(t *testing.T, e Target) {
	t.Helper()
	if !e.Kills {
		t.Skip("this engine kills nothing of others")
	}
	x := running(t, e)
	if err := e.Kill(t.Context(), x.ID(), "it's the month's end"); err != nil {
		t.Fatal(err)
	}
	_, err := read(t, x)
	if p := wantProblem(t, "after Kill", err, query.Stopped); !strings.Contains(p.Message, "it's the month's end") {
		t.Errorf("its owner is told %q", p.Message)
	}
	if err := e.Kill(t.Context(), "no'such", "x"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("Kill of what is not there: %v", err)
	}
}

// Another process goes on where the first has come to, and gets every row that the first did not.
func attached(t *testing.T, e Target) {
	t.Helper()
	const n = 200_000
	first := start(t, e, query.Statement{SQL: fmt.Sprintf(e.Numbers, n), Person: e.People[0]})
	count := 0
	for count == 0 {
		u, err := first.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		count += u.Rows.Count
	}
	second, err := e.Attach(first.Handle())
	if err != nil {
		t.Fatal(err)
	}
	if second.ID() != first.ID() {
		t.Errorf("attached to %s, want %s", second.ID(), first.ID())
	}
	r, err := read(t, second)
	if err != nil || count+r.count != n {
		t.Errorf("%d rows before and %d after, %v; want %d in all", count, r.count, err, n)
	}
	for _, bad := range []string{"", "{}", "http://elsewhere.example.com/v1/statement/x"} {
		if _, err := e.Attach(bad); err == nil {
			t.Errorf("attached to %q", bad)
		}
	}
}

// What one person is does not become another's.
func twoPeople(t *testing.T, e Target) {
	t.Helper()
	if e.WhoAmI == "" {
		t.Skip("this engine knows no people")
	}
	for i := range 6 {
		person := e.People[i%2]
		r, err := read(t, start(t, e, query.Statement{SQL: e.WhoAmI, Person: person}))
		if err != nil || len(r.rows) != 1 || fmt.Sprint(r.rows[0][0]) != person {
			t.Errorf("%s is %v, %v", person, r.rows, err)
		}
	}
}

func checked(t *testing.T, e Target) {
	t.Helper()
	s := query.Statement{SQL: e.Endless, Person: e.People[0]}
	if err := e.Check(t.Context(), s); err != nil {
		t.Errorf("a good statement: %v", err)
	}
	s.SQL = "SELECT\n  no_such_column"
	if p := wantProblem(t, "a bad one", e.Check(t.Context(), s), query.Mistake); p.Line != 2 || p.Column != 3 {
		t.Errorf("at %d:%d, want 2:3", p.Line, p.Column)
	}
}

// A caller who has no time gets their own error, and the execution goes on.
func callerLeaves(t *testing.T, e Target) {
	t.Helper()
	x := running(t, e)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next of a caller who left: %v", err)
	}
	if _, err := x.Next(t.Context()); err != nil {
		t.Errorf("the next one: %v", err)
	}
}
