package job

import (
	"context"

	"github.com/riverqueue/river"
)

// MaintainSearch recounts the words that search plans with. Skipping it costs time, never correctness.
type MaintainSearch struct{}

// Kind names the job.
func (MaintainSearch) Kind() string { return "maintain_search" }

// InsertOpts keeps one waiting at most.
func (MaintainSearch) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type maintainSearch struct {
	river.WorkerDefaults[MaintainSearch]
	options *Options
}

// Work recounts.
func (w *maintainSearch) Work(ctx context.Context, _ *river.Job[MaintainSearch]) error {
	return w.options.Catalog.SearchMaintain(ctx)
}
