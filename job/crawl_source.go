package job

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"portreeve/catalog"
	"portreeve/fault"
)

// pending are the states of a job that has not been worked off.
var pending = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
}

// CrawlSource carries out one crawl. After a crash it runs again for the same crawl and finds unchanged what it saw before.
type CrawlSource struct {
	Crawl  int64  `json:"crawl"`
	Source string `json:"source"`
}

// Kind names the job.
func (CrawlSource) Kind() string { return "crawl_source" }

// InsertOpts gives up after a few tries: the next crawl on the timetable heals what this one could not.
func (CrawlSource) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 4} }

type crawlSource struct {
	river.WorkerDefaults[CrawlSource]
	client  *Client
	options *Options
}

// Timeout lets the largest source be read.
func (w *crawlSource) Timeout(*river.Job[CrawlSource]) time.Duration { return time.Hour }

// recountFrom is how many new datasets make it worth recounting the words of search at once.
const recountFrom = 1000

// Work crawls and then asks for the profiles that the crawl made necessary.
func (w *crawlSource) Work(ctx context.Context, j *river.Job[CrawlSource]) error {
	store := w.options.Catalog
	source, err := store.Source(ctx, j.Args.Source)
	if err != nil {
		return err
	}
	conn, err := w.options.Open(ctx, source)
	if err != nil {
		w.options.Log.WarnContext(ctx, "source not opened", "source", source.Slug, "error", err)
		if err := store.Fail(ctx, j.Args.Crawl, err); err != nil {
			return err
		}
		return store.RetrySooner(ctx, source.Slug)
	}
	defer func() { _ = conn.Close() }() // read from only
	run, err := catalog.Sync(ctx, store, j.Args.Crawl, conn.Crawler, w.options.Now, w.options.Log)
	if fault.KindOf(err) == fault.Conflict { // it was ended from elsewhere: the source's settings have changed, or it is retired
		w.options.Log.InfoContext(ctx, "crawl ended from elsewhere", "source", source.Slug, "crawl", j.Args.Crawl)
		return nil
	}
	if err != nil {
		return err
	}
	w.options.Log.InfoContext(ctx, "source crawled", "source", source.Slug, "state", run.State, "seen", run.Seen, "added", run.Added,
		"changed", run.Changed, "renamed", run.Renamed, "gone", run.Gone, "failed", run.Failed)
	if err := store.RetrySooner(ctx, source.Slug); err != nil {
		return err
	}
	if run.Added > recountFrom {
		if _, err := w.client.river.Insert(ctx, MaintainSearch{}, nil); err != nil {
			return err
		}
	}
	if conn.Planner == nil || w.options.Reader == nil {
		return nil
	}
	return w.client.StartProfiles(ctx, source.Slug)
}
