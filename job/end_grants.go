package job

import (
	"context"
	"errors"

	"github.com/riverqueue/river"
)

// EndGrants writes down which grants and requests for access have expired, and reminds holders and those who decide. Grants end
// by time, whether it runs or not.
type EndGrants struct{}

// Kind names the job.
func (EndGrants) Kind() string { return "end_grants" }

// InsertOpts keeps one waiting at most.
func (EndGrants) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type endGrants struct {
	river.WorkerDefaults[EndGrants]
	options *Options
}

// Work ends and reminds.
func (w *endGrants) Work(ctx context.Context, _ *river.Job[EndGrants]) error {
	return errors.Join(w.options.Access.EndGrants(ctx), w.options.Access.RemindHolders(ctx), w.remindApprovers(ctx))
}

// remindedAtOnce is how many requests one run reminds of.
const remindedAtOnce = 200

// remindApprovers tells those who decide of the requests that wait for too long.
func (w *endGrants) remindApprovers(ctx context.Context) error {
	overdue, err := w.options.Access.OverdueRequests(ctx, remindedAtOnce)
	if err != nil || len(overdue) == 0 {
		return err
	}
	ids := make([]int64, len(overdue))
	for i := range overdue {
		ids[i] = overdue[i].DatasetID
	}
	subjects, err := w.options.Catalog.Subjects(ctx, ids)
	for _, r := range overdue {
		if d, known := subjects[r.DatasetID]; known {
			err = errors.Join(err, w.options.Access.RemindApprovers(ctx, r, d))
		}
	}
	return err
}
