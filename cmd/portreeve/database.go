package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/fault"
	"portreeve/migrations"
	"portreeve/postgres"
)

// database is an open, migrated database and, where we run it ourselves, its server.
type database struct {
	pool     *pgxpool.Pool
	url      string
	embedded *postgres.Embedded // nil with DATABASE_URL
	options  postgres.EmbeddedOptions
	log      *slog.Logger
}

// Close closes the pool and stops the server if it is ours.
func (d *database) Close() error {
	d.pool.Close()
	if d.embedded == nil {
		return nil
	}
	return d.embedded.Stop()
}

// lost returns a channel that closes when a server of ours ends by itself; nil for a foreign one.
func (d *database) lost() <-chan struct{} {
	if d.embedded == nil {
		return nil
	}
	return d.embedded.Done()
}

// revive brings a server of ours that has ended up again, on the same address: the pool mends itself.
func (d *database) revive(ctx context.Context) error {
	d.log.ErrorContext(ctx, "the portal's own postgres ended and is started again", "error", d.embedded.Stop())
	var err error
	for try := range 3 {
		var server *postgres.Embedded
		if server, err = postgres.StartEmbedded(ctx, d.options); err == nil {
			d.embedded = server
			return nil
		}
		d.log.ErrorContext(ctx, "the portal's own postgres did not start", "try", try+1, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(try+1) * time.Second):
		}
	}
	return err
}

// lake returns the address of the Iceberg catalog that lies beside the portal's own tables, in a schema of its own.
func (d *database) lake(ctx context.Context) (string, error) {
	if _, err := d.pool.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS lake`); err != nil {
		return "", fault.Unavailablef(err, "the schema of the lake's catalog cannot be made")
	}
	if !strings.Contains(d.url, "://") {
		return d.url + " search_path=lake", nil
	}
	u, err := url.Parse(d.url)
	if err != nil {
		return "", fault.Invalidf("DATABASE_URL", "DATABASE_URL is not a URL")
	}
	q := u.Query()
	q.Set("search_path", "lake")
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// external opens the database at DATABASE_URL and brings it up to date.
func (c *cli) external(ctx context.Context) (*database, error) {
	if c.DatabaseURL == "" {
		return nil, fault.Invalidf("DATABASE_URL", "DATABASE_URL is not set: it names the Postgres to use, such as postgres://user@host:5432/portreeve. For a first look run portreeve demo")
	}
	pool, err := postgres.Open(ctx, c.DatabaseURL, 10*time.Second)
	if err != nil {
		return nil, err
	}
	if err := migrations.Up(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return &database{pool: pool, url: c.DatabaseURL}, nil
}

// own opens the database of a demo: at DATABASE_URL if that is set, else in a server of our own below home.
func (c *cli) own(ctx context.Context, home string, fresh bool, log *slog.Logger, progress func(string)) (*database, error) {
	if c.DatabaseURL != "" {
		return c.external(ctx)
	}
	o := postgres.EmbeddedOptions{Home: home, Fresh: fresh, Log: log, Progress: progress, BinDir: c.PostgresBin}
	server, err := postgres.StartEmbedded(ctx, o)
	if err != nil {
		return nil, err
	}
	address := server.URL("")
	pool, err := postgres.Open(ctx, address, 10*time.Second)
	if err == nil {
		err = migrations.Up(ctx, pool)
	}
	if err != nil {
		if pool != nil {
			pool.Close()
		}
		return nil, errors.Join(err, server.Stop())
	}
	o.Fresh = false
	return &database{pool: pool, url: address, embedded: server, options: o, log: log}, nil
}

// existing opens the database that commands beside a running portal use: DATABASE_URL, else that of the demo in the home
// folder, whether it runs or not.
func (c *cli) existing(ctx context.Context, log *slog.Logger) (*database, error) {
	if c.DatabaseURL != "" {
		return c.external(ctx)
	}
	home, err := c.home()
	if err != nil {
		return nil, err
	}
	if address := postgres.RunningURL(home, ""); address != "" {
		pool, err := postgres.Open(ctx, address, 10*time.Second)
		if err != nil {
			return nil, err
		}
		return &database{pool: pool, url: address}, nil
	}
	if !postgres.HasData(home) {
		return nil, fault.NotFoundf("there is no demo in %s and DATABASE_URL is not set", home)
	}
	return c.own(ctx, home, false, log, func(string) {})
}

type migrateCmd struct{}

// Run migrates.
func (migrateCmd) Run(ctx context.Context, c *cli) error {
	db, err := c.external(ctx)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("close the database: %w", err)
	}
	return nil
}
