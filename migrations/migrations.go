// Package migrations holds the schema as numbered SQL files and brings a database up to date.
//
// Files are forward only: a mistake is mended by the next file. Each runs in one transaction under a session lock, so any
// number of replicas may start at once; one applies, the others wait.
package migrations

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"portreeve/fault"
)

//go:embed *.sql
var files embed.FS

// FS returns the migration files, for tools that read them.
func FS() fs.FS { return files }

// Up brings the database up to date, River's tables included. Running it again changes nothing. A database that is newer
// than this binary is refused with a Conflict and left as it is.
func Up(ctx context.Context, pool *pgxpool.Pool) error {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
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

// upRiver migrates the job queue. River has no lock of its own, so a second starter may lose the race; it then looks again.
func upRiver(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	_, first := m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if first == nil {
		return nil
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the job queue: %w", errors.Join(first, err))
	}
	return nil
}
