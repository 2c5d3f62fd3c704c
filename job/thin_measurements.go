package job

import (
	"context"

	"github.com/riverqueue/river"
)

// ThinMeasurements keeps one figure a day of those that are older than two weeks.
type ThinMeasurements struct{}

// Kind names the job.
func (ThinMeasurements) Kind() string { return "thin_measurements" }

// InsertOpts keeps one waiting at most.
func (ThinMeasurements) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type thinMeasurements struct {
	river.WorkerDefaults[ThinMeasurements]
	options *Options
}

// Work thins them.
func (w *thinMeasurements) Work(ctx context.Context, _ *river.Job[ThinMeasurements]) error {
	return w.options.Catalog.ThinMeasurements(ctx)
}
