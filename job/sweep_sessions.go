package job

import (
	"context"

	"github.com/riverqueue/river"
)

// SweepSessions removes sessions that have ended. They are refused anyway.
type SweepSessions struct{}

// Kind names the job.
func (SweepSessions) Kind() string { return "sweep_sessions" }

// InsertOpts keeps one waiting at most.
func (SweepSessions) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type sweepSessions struct {
	river.WorkerDefaults[SweepSessions]
	options *Options
}

// Work sweeps.
func (w *sweepSessions) Work(ctx context.Context, _ *river.Job[SweepSessions]) error {
	_, err := w.options.Access.Sweep(ctx)
	return err
}
