package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/migrations"
	"portreeve/postgres"
)

// generous are settings of a server that has a machine to itself.
var generous = map[string]string{
	"shared_buffers": "4GB", "max_wal_size": "8GB", "maintenance_work_mem": "1GB", "effective_cache_size": "12GB",
	"random_page_cost": "1.1", "checkpoint_timeout": "30min",
}

// open returns a migrated database: the one at DATABASE_URL, else a server of our own in home, or in a folder of its own
// that close removes.
func open(ctx context.Context, out io.Writer, home string) (db *pgxpool.Pool, closeAll func() error, err error) {
	url := os.Getenv("DATABASE_URL")
	stop := func() error { return nil }
	if url == "" {
		remove := func() error { return nil }
		if home == "" {
			if home, err = os.MkdirTemp("", "portreeve-bench-"); err != nil {
				return nil, nil, err
			}
			if err = os.Chmod(home, 0o711); err != nil { //nolint:gosec // Postgres runs as another user
				return nil, nil, err
			}
			remove = func() error { return os.RemoveAll(home) }
		}
		server, err := postgres.StartEmbedded(ctx, postgres.EmbeddedOptions{
			Home: home, Settings: generous, Progress: func(s string) { fmt.Fprintln(out, s) },
		})
		if err != nil {
			return nil, nil, errors.Join(err, remove())
		}
		url, stop = server.URL(""), func() error { return errors.Join(server.Stop(), remove()) }
	}
	db, err = postgres.Open(ctx, url, 10*time.Second)
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	closeAll = func() error { db.Close(); return stop() }
	if err := migrations.Up(ctx, db); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return db, closeAll, nil
}

// printMachine says what the figures were measured on.
func printMachine(ctx context.Context, out io.Writer, db *pgxpool.Pool) error {
	const q = `
SELECT concat_ws(' · ', 'PostgreSQL ' || current_setting('server_version'), 'shared_buffers ' || current_setting('shared_buffers'),
	'random_page_cost ' || current_setting('random_page_cost'), 'fsync ' || current_setting('fsync'))`
	rows, _ := db.Query(ctx, q)
	server, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	load, _ := os.ReadFile("/proc/loadavg") // only Linux tells
	fmt.Fprintf(out, "%s · %s/%s, %d cores shared by client and server · load %.14s\n",
		server, runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), load)
	return nil
}

// rebuild fills the search tables of a new catalog: the large index last, which is many times faster than row by row.
func rebuild(ctx context.Context, db *pgxpool.Pool, reindex func(context.Context) error) (rows, index time.Duration, err error) {
	const definition = `SELECT pg_get_indexdef('search_keys'::regclass)`
	var create string
	if err := db.QueryRow(ctx, definition).Scan(&create); err != nil {
		return 0, 0, err
	}
	if _, err := db.Exec(ctx, "DROP INDEX search_keys"); err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := reindex(ctx); err != nil {
		return 0, 0, err
	}
	rows = time.Since(start)
	start = time.Now()
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0; SET LOCAL maintenance_work_mem = '1GB'"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, create)
		return err
	})
	return rows, time.Since(start), err
}
