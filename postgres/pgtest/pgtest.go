// Package pgtest hands out databases on a real Postgres to tests.
//
// The server is the one at PORTREEVE_TEST_DATABASE_URL (as a superuser), or else an embedded one that is started once per
// test process and is gone with it. A test never waits for another's data: each database belongs to one test. Where there is
// no server the test fails; it is not skipped.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/postgres"
)

// New returns a pool on a database of the test's own with the current schema and no rows. It is dropped when the test ends.
func New(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	s := shared(tb)
	template, err := s.template()
	if err != nil {
		tb.Fatal("pgtest: migrate:", err)
	}
	return s.database(tb, template)
}

// Empty returns a pool on a database of the test's own without a schema.
func Empty(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	return shared(tb).database(tb, "template0")
}

// URL returns the address of the pool's database, for what opens its own connections.
func URL(pool *pgxpool.Pool) string { return pool.Config().ConnString() }

// database makes a copy of template and returns a pool on it.
func (s *server) database(tb testing.TB, template string) *pgxpool.Pool {
	tb.Helper()
	name := fmt.Sprintf("%s%d", s.prefix, s.count.Add(1))
	if err := s.create(tb.Context(), name, template); err != nil {
		tb.Fatal("pgtest:", err)
	}
	pool, err := postgres.Open(tb.Context(), s.url(name), 10*time.Second)
	if err != nil {
		tb.Fatal("pgtest:", err)
	}
	tb.Cleanup(func() {
		closePool(tb, pool)
		if err := s.drop(name); err != nil {
			tb.Error("pgtest:", err)
		}
	})
	return pool
}

// closePool fails the test rather than hang when a connection was not given back.
func closePool(tb testing.TB, pool *pgxpool.Pool) {
	tb.Helper()
	closed := make(chan struct{})
	go func() { pool.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		tb.Error("pgtest: the test has not given back a connection")
	}
}

func (s *server) create(ctx context.Context, name, template string) error {
	// Copied through the WAL: the other strategy makes two checkpoints, which all tests wait for.
	_, err := s.admin.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY wal_log", quote(name), quote(template)))
	return err
}

func (s *server) drop(name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err := s.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
	return err
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// url returns the address of database name on the server.
func (s *server) url(name string) string {
	if !strings.Contains(s.base, "://") {
		return s.base + " dbname=" + name // the last one counts
	}
	u, err := url.Parse(s.base)
	if err != nil {
		return s.base // was opened before
	}
	u.Path = "/" + name
	return u.String()
}
