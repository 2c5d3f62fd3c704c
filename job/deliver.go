package job

import (
	"context"

	"github.com/riverqueue/river"
)

// Deliver makes one try at a delivery. What it holds and when it is tried again stands in the database, so it can be asked for
// any number of times; only one is under way.
type Deliver struct {
	Delivery int64 `json:"delivery" river:"unique"`
}

// Kind names the job.
func (Deliver) Kind() string { return "deliver" }

// InsertOpts tries once: NotifyChanges starts the next try.
func (Deliver) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: notifyQueue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type deliver struct {
	river.WorkerDefaults[Deliver]
	options *Options
}

// Work delivers.
func (w *deliver) Work(ctx context.Context, j *river.Job[Deliver]) error {
	problem, err := w.options.Notify.Deliver(ctx, w.options.Outside, j.Args.Delivery)
	if problem != "" {
		w.options.Log.WarnContext(ctx, "not delivered", "delivery", j.Args.Delivery, "problem", problem)
	}
	return err
}
