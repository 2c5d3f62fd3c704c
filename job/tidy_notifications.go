package job

import (
	"context"

	"github.com/riverqueue/river"
)

// TidyNotifications removes what people were told long ago.
type TidyNotifications struct{}

// Kind names the job.
func (TidyNotifications) Kind() string { return "tidy_notifications" }

// InsertOpts keeps one waiting at most.
func (TidyNotifications) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type tidyNotifications struct {
	river.WorkerDefaults[TidyNotifications]
	options *Options
}

// Work tidies.
func (w *tidyNotifications) Work(ctx context.Context, _ *river.Job[TidyNotifications]) error {
	return w.options.Notify.Tidy(ctx)
}
