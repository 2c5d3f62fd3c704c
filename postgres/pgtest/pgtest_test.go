package pgtest_test

import (
	"testing"
	"time"

	"portreeve/postgres/pgtest"
)

func TestNew(t *testing.T) {
	t0 := time.Now()
	p := pgtest.New(t)
	t.Log(time.Since(t0))
	for range 5 {
		t0 = time.Now()
		p = pgtest.New(t)
		t.Log(time.Since(t0))
	}
	var n int
	if err := p.QueryRow(t.Context(), "select count(*) from pg_tables where schemaname='public'").Scan(&n); err != nil || n < 5 {
		t.Fatal(n, err)
	}
	t.Log(n, pgtest.URL(p))
}
