package job

import (
	"context"
	"errors"

	"github.com/riverqueue/river"

	"portreeve/access"
)

// Tick starts what is due. One replica inserts it every minute; the times themselves stand in the database.
type Tick struct{}

// Kind names the job.
func (Tick) Kind() string { return "tick" }

// InsertOpts keeps ticks from piling up: an unworked one stands for all.
func (Tick) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: pending}}
}

type tick struct {
	river.WorkerDefaults[Tick]
	client  *Client
	options *Options
}

// Work starts the crawls that are due.
func (w *tick) Work(ctx context.Context, _ *river.Job[Tick]) error {
	if err := w.options.Catalog.FailStaleCrawls(ctx); err != nil {
		return err
	}
	return w.client.StartDue(ctx)
}

// schedule is who starts a crawl that nobody asked for.
var schedule = access.Act{Who: access.Principal{Person: access.Person{Name: "schedule"}}, Via: "job"}

// StartDue starts the crawls of the sources that are due.
func (c *Client) StartDue(ctx context.Context) error {
	due, err := c.catalog.DueSources(ctx)
	for _, slug := range due {
		_, e := c.StartCrawl(ctx, schedule, slug)
		err = errors.Join(err, e)
	}
	return err
}
