package pgtest

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/migrations"
	"portreeve/postgres"
)

// Own is a server of a test's own, which it may stop, kill and start again on the same data.
type Own struct {
	tb   testing.TB
	home string
	e    *postgres.Embedded
}

// Server starts a server of the test's own, with a migrated database. It is gone when the test ends.
func Server(tb testing.TB) *Own {
	tb.Helper()
	home, err := newHome()
	if err != nil {
		tb.Fatal("pgtest:", err)
	}
	end, err := removeAfterUs(home)
	if err != nil {
		tb.Fatal("pgtest:", err)
	}
	o := &Own{tb: tb, home: home}
	o.Start()
	tb.Cleanup(func() {
		_ = o.e.Stop() // may have been killed
		if err := end.now(); err != nil {
			tb.Error("pgtest:", err)
		}
	})
	if err := migrations.Up(tb.Context(), o.Pool()); err != nil {
		tb.Fatal("pgtest:", err)
	}
	return o
}

// URL returns the address of the migrated database, the same after a restart.
func (o *Own) URL() string { return o.e.URL("") }

// Pool returns a new pool on the migrated database. After a restart each of its old connections fails once.
func (o *Own) Pool() *pgxpool.Pool {
	o.tb.Helper()
	pool, err := postgres.Open(o.tb.Context(), o.URL(), 10*time.Second)
	if err != nil {
		o.tb.Fatal("pgtest:", err)
	}
	o.tb.Cleanup(func() { closePool(o.tb, pool) })
	return pool
}

// Start starts the server again after Stop or Kill.
func (o *Own) Start() {
	o.tb.Helper()
	ctx, cancel := context.WithTimeout(o.tb.Context(), time.Minute)
	defer cancel()
	e, err := startIn(ctx, o.home)
	if err != nil {
		o.tb.Fatal("pgtest:", err)
	}
	o.e = e
}

// Stop ends the server as an operator does: connections are cut, open transactions rolled back.
func (o *Own) Stop() {
	o.tb.Helper()
	if err := o.e.Stop(); err != nil {
		o.tb.Fatal("pgtest:", err)
	}
}

// Kill ends the server as a crash does, and returns when it is gone.
func (o *Own) Kill() {
	o.tb.Helper()
	if err := syscall.Kill(o.e.PID(), syscall.SIGKILL); err != nil {
		o.tb.Fatal("pgtest:", err)
	}
	<-o.e.Done()
	_ = o.e.Stop() // gives the folder free; says what we know
	// The server's own children notice a little later. They hold the lock too.
	lock, err := os.Open(filepath.Join(o.home, "postgres.lock"))
	if err != nil {
		o.tb.Fatal("pgtest:", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		o.tb.Fatal("pgtest:", err)
	}
}
