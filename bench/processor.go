//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// meter reads the processor time that we and one backend of a server on this machine have used: what a question costs
// however busy the machine is. The pool must hand out that backend to everything measured.
type meter struct{ backend int }

// newMeter returns a meter, or false when the server's processes cannot be seen.
func newMeter(ctx context.Context, db *pgxpool.Pool) (meter, bool) {
	var m meter
	if err := db.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&m.backend); err != nil {
		return m, false
	}
	return m, m.read() > 0
}

func (m meter) read() time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", m.backend))
	var ns int64
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(raw), &ns); err != nil {
		return 0
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return 0
	}
	return time.Duration(ns + own.Utime.Nano() + own.Stime.Nano())
}
