package job

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// notifyQueue is where people are told, so that neither crawls nor slow webhooks hold each other up.
const notifyQueue = "notify"

// notifyEvery is how long it takes at most until people are told of a change.
const notifyEvery = 15 * time.Second

// NotifyChanges tells people of what has changed in what they watch, and starts the deliveries whose time has come.
type NotifyChanges struct{}

// Kind names the job.
func (NotifyChanges) Kind() string { return "notify_changes" }

// InsertOpts keeps one waiting at most.
func (NotifyChanges) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: notifyQueue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type notifyChanges struct {
	river.WorkerDefaults[NotifyChanges]
	client  *Client
	options *Options
}

// Work tells, and starts what is due.
func (w *notifyChanges) Work(ctx context.Context, _ *river.Job[NotifyChanges]) error {
	store := w.options.Notify
	if err := store.Tell(ctx); err != nil {
		return err
	}
	if err := store.Look(ctx, w.options.Catalog); err != nil {
		return err
	}
	due, err := store.Due(ctx)
	if err != nil || len(due) == 0 {
		return err
	}
	jobs := make([]river.InsertManyParams, len(due))
	for i, id := range due {
		jobs[i] = river.InsertManyParams{Args: Deliver{Delivery: id}}
	}
	_, err = w.client.river.InsertMany(ctx, jobs)
	return err
}
