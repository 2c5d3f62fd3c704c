// Package postgres opens the database, runs an embedded one where none is given, and hands out test databases.
package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/fault"
)

// maxConns is how many connections one process uses unless its URL says otherwise (pool_max_conns).
const maxConns = 16

// Open returns a pool on the database at url (a postgres:// URL or key=value DSN) once it answers. A malformed url is
// Invalid; a database that does not answer within wait is Unavailable. Neither error holds the password.
func Open(ctx context.Context, url string, wait time.Duration) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fault.Invalidf("DATABASE_URL", "DATABASE_URL is not a Postgres URL such as postgres://user@host:5432/name")
	}
	for k, v := range map[string]string{
		"application_name": "portreeve", "timezone": "UTC", "jit": "off",
		"statement_timeout": "60000", "idle_in_transaction_session_timeout": "60000", // milliseconds
	} {
		if _, set := cfg.ConnConfig.RuntimeParams[k]; !set {
			cfg.ConnConfig.RuntimeParams[k] = v
		}
	}
	if !strings.Contains(url, "pool_max_conns") {
		cfg.MaxConns = maxConns
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := ping(ctx, pool, wait); err != nil {
		pool.Close()
		where := fmt.Sprintf("%s:%d", cfg.ConnConfig.Host, cfg.ConnConfig.Port)
		return nil, fault.Unavailablef(err, "Postgres at %s, database %s, does not answer", where, cfg.ConnConfig.Database)
	}
	return pool, nil
}

// ping asks until the database answers or wait is over: at start-up the two often come up together.
func ping(ctx context.Context, pool *pgxpool.Pool, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		err := pool.Ping(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
