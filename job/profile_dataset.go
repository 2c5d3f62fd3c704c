package job

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"portreeve/catalog"
	"portreeve/fault"
)

const (
	profileQueue   = "profile"
	profileMaxRows = 5_000_000 // above, a sample is read
)

// ProfileDataset profiles the current snapshot of a dataset. Snapshot only tells one request from the next.
type ProfileDataset struct {
	Source   string `json:"source"`
	Name     string `json:"name"`
	Snapshot string `json:"snapshot"`
}

// Kind names the job.
func (ProfileDataset) Kind() string { return "profile_dataset" }

// InsertOpts puts profiles in a queue of their own, one for each snapshot.
func (ProfileDataset) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: profileQueue, MaxAttempts: 3, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type profileDataset struct {
	river.WorkerDefaults[ProfileDataset]
	options *Options
}

// Timeout bounds a profile.
func (w *profileDataset) Timeout(*river.Job[ProfileDataset]) time.Duration { return 3 * time.Minute }

// Work plans the current snapshot, profiles it and keeps the result, or keeps why there is none.
func (w *profileDataset) Work(ctx context.Context, j *river.Job[ProfileDataset]) error {
	store := w.options.Catalog
	d, err := store.Dataset(ctx, catalog.Key{Source: j.Args.Source, Name: j.Args.Name})
	if fault.KindOf(err) == fault.NotFound {
		return nil // gone since
	}
	if err != nil {
		return err
	}
	source, err := store.Source(ctx, d.Source)
	if err != nil {
		return err
	}
	conn, err := w.options.Open(ctx, source)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // read from only
	profile, err := w.profile(ctx, conn, d.Name)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && j.Attempt < j.MaxAttempts && fault.KindOf(err) == fault.Unavailable {
		return err // it may be better in a moment
	}
	if err != nil {
		w.options.Log.WarnContext(ctx, "dataset not profiled", "dataset", d.Key().String(), "error", err)
		profile = catalog.Profile{SnapshotID: d.SnapshotID, Problem: problem(err)}
	}
	return store.PutProfile(ctx, d.ID, profile)
}

func (w *profileDataset) profile(ctx context.Context, conn catalog.Connection, name string) (catalog.Profile, error) {
	plan, err := conn.Planner.Plan(ctx, name)
	if err != nil {
		return catalog.Profile{}, err
	}
	return w.options.Reader.Profile(ctx, plan, profileMaxRows)
}

// problem returns what a person may be told of err.
func problem(err error) string {
	if m := fault.Message(err); m != "" {
		return m
	}
	return "its rows could not be read; the log of the portal has the cause"
}
