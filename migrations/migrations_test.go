package migrations_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/fault"
	"portreeve/migrations"
	"portreeve/postgres/pgtest"
)

// schema returns what there is in the database: every column, constraint and index, and the migrations that ran, with the
// time of each.
func schema(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	const q = `
		SELECT format('column %s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
		FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT format('constraint %s %s', conname, pg_get_constraintdef(oid))
		FROM pg_constraint WHERE connamespace = 'public'::regnamespace
		UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT format('ran %s at %s', version_id, tstamp) FROM goose_db_version
		UNION ALL SELECT format('river ran %s %s at %s', line, version, created_at) FROM river_migration
		ORDER BY 1`
	rows, _ := pool.Query(t.Context(), q)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestUpTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.Empty(t)
	if err := migrations.Up(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	before := schema(t, pool)
	if len(before) < 100 {
		t.Fatalf("the first Up left a schema of %d lines", len(before))
	}
	if err := migrations.Up(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, schema(t, pool)); diff != "" {
		t.Error("the second Up changed the database (-before +after):\n", diff)
	}
}

func TestUpAtOnceFromSeveralReplicas(t *testing.T) {
	t.Parallel()
	pool := pgtest.Empty(t)
	errs := make([]error, 5)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = migrations.Up(t.Context(), pool) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("replica %d: %v", i, err)
		}
	}
	const q = `SELECT version_id FROM goose_db_version GROUP BY version_id HAVING count(*) > 1`
	rows, _ := pool.Query(t.Context(), q)
	twice, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(twice) > 0 {
		t.Errorf("migrations that ran twice: %v %v", twice, err)
	}
}

func TestUpGivesUpWaitingWithItsContext(t *testing.T) {
	t.Parallel()
	pool := pgtest.Empty(t)
	holder, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Release()
	if _, err := holder.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, migrations.LockKey); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() { done <- migrations.Up(ctx, pool) }()
	waitFor(t, pool, `SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()`)
	cancel(nil)
	if err := <-done; err == nil {
		t.Error("Up returned nil without having had the lock")
	}
	var has bool
	if err := pool.QueryRow(t.Context(), `SELECT to_regclass('dataset') IS NOT NULL`).Scan(&has); err != nil || has {
		t.Errorf("Up migrated without the lock: %v %v", has, err)
	}
}

// waitFor asks until the query says true.
func waitFor(t *testing.T, pool *pgxpool.Pool, query string) {
	t.Helper()
	for ok := false; !ok; {
		if err := pool.QueryRow(t.Context(), query).Scan(&ok); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUpRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	const newer = `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)`
	if _, err := pool.Exec(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	before := schema(t, pool)
	err := migrations.Up(t.Context(), pool)
	if fault.KindOf(err) != fault.Conflict {
		t.Fatalf("Up = %v, want a Conflict", err)
	}
	if diff := cmp.Diff(before, schema(t, pool)); diff != "" {
		t.Error("Up changed a newer database (-before +after):\n", diff)
	}
}
