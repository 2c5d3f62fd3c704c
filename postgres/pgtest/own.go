package pgtest

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/migrations"
	"portreeve/postgres"
)

// Own is a server of a test's own, which it may stop, kill and start again on the same data.
type Own struct {
	t    testing.TB
	home string
	e    *postgres.Embedded
}

// Server starts a server of the test's own, with a migrated database. It is gone when the test ends.
func Server(t testing.TB) *Own {
	t.Helper()
	home, err := newHome()
	if err != nil {
		t.Fatal("pgtest: ", err)
	}
	end, err := removeAfterUs(home)
	if err != nil {
		t.Fatal("pgtest: ", err)
	}
	o := &Own{t: t, home: home}
	o.Start()
	t.Cleanup(func() {
		_ = o.e.Stop() // may have been killed
		if err := end.now(); err != nil {
			t.Error("pgtest: ", err)
		}
	})
	if err := migrations.Up(t.Context(), o.Pool()); err != nil {
		t.Fatal("pgtest: ", err)
	}
	return o
}

// URL returns the address of the migrated database, the same after a restart.
func (o *Own) URL() string { return o.e.URL("") }

// Pool returns a new pool on the migrated database. It mends itself after a restart.
func (o *Own) Pool() *pgxpool.Pool {
	o.t.Helper()
	pool, err := postgres.Open(o.t.Context(), o.URL(), 10*time.Second)
	if err != nil {
		o.t.Fatal("pgtest: ", err)
	}
	o.t.Cleanup(pool.Close)
	return pool
}

// Start starts the server again after Stop or Kill.
func (o *Own) Start() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), time.Minute)
	defer cancel()
	e, err := startIn(ctx, o.home)
	if err != nil {
		o.t.Fatal("pgtest: ", err)
	}
	o.e = e
}

// Stop ends the server as an operator does: connections are cut, open transactions rolled back.
func (o *Own) Stop() {
	o.t.Helper()
	if err := o.e.Stop(); err != nil {
		o.t.Fatal("pgtest: ", err)
	}
}

// Kill ends the server as a crash does, and returns when it is gone.
func (o *Own) Kill() {
	o.t.Helper()
	if err := syscall.Kill(o.e.PID(), syscall.SIGKILL); err != nil {
		o.t.Fatal("pgtest: ", err)
	}
	<-o.e.Done()
	_ = o.e.Stop() // gives the folder free; says what we know
}
