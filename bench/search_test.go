package main

import (
	"bytes"
	"strings"
	"testing"

	"portreeve/postgres/pgtest"
)

func TestMeasureSearch(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, run := range []string{"empty", "filled"} {
		var out bytes.Buffer
		if err := measureSearch(t.Context(), &out, db, 1500, 1); err != nil {
			t.Fatalf("%s database: %v", run, err)
		}
		for _, want := range []string{
			"PostgreSQL ", "search: rows ", "exact name ", "filtered ", "all questions ", "limit for p95: 50 ms", "dataset page's reads ",
			"search entry written ",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s database: %q is missing in\n%s", run, want, &out)
			}
		}
		if made := strings.Contains(out.String(), "1500 datasets"); made != (run == "empty") {
			t.Errorf("%s database: made a catalog: %t", run, made)
		}
	}
	if err := measureSearch(t.Context(), &bytes.Buffer{}, db, 1501, 1); err == nil {
		t.Error("a database with fewer datasets is measured as if it had more")
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"fly"}, {"search", "-wings", "2"}} {
		if err := run(t.Context(), &bytes.Buffer{}, args); err == nil {
			t.Errorf("bench %q is accepted", args)
		}
	}
}
