//go:build !linux

package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// meter reads processor time, which we know how to do on Linux only.
type meter struct{}

func newMeter(context.Context, *pgxpool.Pool) (meter, bool) { return meter{}, false }

func (meter) read() time.Duration { return 0 }
