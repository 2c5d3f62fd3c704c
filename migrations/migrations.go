// Package migrations holds the schema as numbered SQL files and brings a database up to date.
//
// Files are forward only: a mistake is mended by the next file. Each runs in one transaction, and all of them under a lock, so any
// number of replicas may start at once: one applies, the others wait.
package migrations

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"portreeve/fault"
)

//go:embed *.sql
var files embed.FS

// LockKey is the advisory lock that a migration holds. Any number would do that nobody else locks.
const LockKey int64 = 7_236_914_850_312_118

// FS returns the migration files, for tools that read them.
func FS() fs.FS { return files }

// Up brings the database up to date, River's tables included. Running it again changes nothing; of several at once, one
// works and the others wait for it. A database that is newer than this binary is refused with a Conflict and left as it is.
func Up(ctx context.Context, pool *pgxpool.Pool) error {
	cfg := pool.Config().ConnConfig.Copy()
	cfg.RuntimeParams["statement_timeout"] = "0" // an index on a large table takes what it takes
	cfg.RuntimeParams["idle_session_timeout"] = "0"
	held, err := lock(ctx, cfg)
	if err != nil {
		return fmt.Errorf("migrations lock: %w", err)
	}
	defer held.Close(context.WithoutCancel(ctx))
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if err := refuseNewer(ctx, p); err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return upRiver(ctx, pool)
}

// lock returns a connection that holds the migrations lock until it is closed. It asks again and again rather than wait in
// Postgres: a waiting statement has a snapshot, and CREATE INDEX CONCURRENTLY would wait for it in turn.
func lock(ctx context.Context, cfg *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for {
		var ours bool
		if err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, LockKey).Scan(&ours); ours {
			return conn, nil
		}
		if err == nil {
			select {
			case <-time.After(50 * time.Millisecond):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
}

// refuseNewer returns a Conflict when the database has migrations that this binary does not know.
func refuseNewer(ctx context.Context, p *goose.Provider) error {
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; has > newest {
		return fault.Conflictf("the database has schema version %d and this portreeve knows only %d: run a newer portreeve", has, newest)
	}
	return nil
}

// upRiver migrates the job queue, which has its own files and no lock of its own.
func upRiver(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job queue: %w", err)
	}
	return nil
}
