// Package job runs work in the background and on a timetable: River workers over the portal's own Postgres, one domain call
// each. A job's arguments are data, its work can be done twice without harm, and it is inserted in the transaction that
// makes it necessary.
package job

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
)

// Options says what the jobs work with.
type Options struct {
	Catalog *catalog.Store
	Access  *access.Store
	Open    func(context.Context, catalog.Source) (catalog.Connection, error) // opens a source by its kind
	Reader  catalog.Reader                                                    // nil: no profiles are made
	Notify  *notify.Store                                                     // nil: nobody is told of anything
	Outside *notify.Outside                                                   // by which people are told beside Home
	Log     *slog.Logger
	Now     func() time.Time
	Workers int // jobs at a time; 0 is 4
}

// Client puts jobs in the queue and, once started, works them off.
type Client struct {
	river   *river.Client[pgx.Tx]
	db      *pgxpool.Pool
	catalog *catalog.Store
}

// New returns a Client on db.
func New(db *pgxpool.Pool, o Options) (*Client, error) {
	c := &Client{db: db, catalog: o.Catalog}
	workers := river.NewWorkers()
	for _, err := range []error{
		river.AddWorkerSafely(workers, &tick{client: c, options: &o}),
		river.AddWorkerSafely(workers, &crawlSource{client: c, options: &o}),
		river.AddWorkerSafely(workers, &profileDataset{options: &o}),
		river.AddWorkerSafely(workers, &maintainSearch{options: &o}),
		river.AddWorkerSafely(workers, &sweepSessions{options: &o}),
		river.AddWorkerSafely(workers, &endGrants{options: &o}),
		river.AddWorkerSafely(workers, &tellAuditHead{options: &o}),
		river.AddWorkerSafely(workers, &thinMeasurements{options: &o}),
		river.AddWorkerSafely(workers, &notifyChanges{client: c, options: &o}),
		river.AddWorkerSafely(workers, &deliver{options: &o}),
		river.AddWorkerSafely(workers, &tidyNotifications{options: &o}),
	} {
		if err != nil {
			return nil, err
		}
	}
	if o.Workers == 0 {
		o.Workers = 4
	}
	every := func(d time.Duration, args river.JobArgs) *river.PeriodicJob {
		make := func() (river.JobArgs, *river.InsertOpts) { return args, nil }
		return river.NewPeriodicJob(river.PeriodicInterval(d), make, &river.PeriodicJobOpts{RunOnStart: true})
	}
	timetable := []*river.PeriodicJob{
		every(time.Minute, Tick{}), every(time.Minute, TellAuditHead{}), every(time.Hour, MaintainSearch{}), every(time.Hour, SweepSessions{}),
		every(time.Minute, EndGrants{}),
		every(24*time.Hour, ThinMeasurements{}),
	}
	if o.Notify != nil {
		timetable = append(timetable, every(notifyEvery, NotifyChanges{}), every(24*time.Hour, TidyNotifications{}))
	}
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{
		Logger: quiet(o.Log), Workers: workers, JobTimeout: 5 * time.Minute, RescueStuckJobsAfter: 6 * time.Minute, // longer ones after their own time
		Queues:       map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Workers}, profileQueue: {MaxWorkers: 1}, notifyQueue: {MaxWorkers: 4}},
		PeriodicJobs: timetable,
	})
	if err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	c.river = client
	return c, nil
}

// Start begins to work off the queue.
func (c *Client) Start(ctx context.Context) error { return c.river.Start(ctx) }

// Stop lets running jobs finish until ctx ends, then cancels them. A cancelled job is tried again by the next process.
func (c *Client) Stop(ctx context.Context) error {
	if err := c.river.Stop(ctx); err == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return c.river.StopAndCancel(hard)
}

// StartCrawl returns the id of the crawl of source that is queued or running, starting one if there is none, which is recorded
// when a person asks. It is a Conflict for a source that is declared no longer.
func (c *Client) StartCrawl(ctx context.Context, act access.Act, source string) (id int64, err error) {
	src, err := c.catalog.Source(ctx, source)
	if err != nil {
		return 0, err
	}
	if src.RetiredAt != nil {
		return 0, fault.Conflictf("%s is retired: it is no longer declared in the estate, so it is not read", source)
	}
	err = pgx.BeginFunc(ctx, c.db, func(tx pgx.Tx) error {
		open, fresh, err := catalog.OpenCrawl(ctx, tx, source, act.Who.Name)
		if err != nil || !fresh {
			id = open
			return err
		}
		id = open
		if _, err = c.river.InsertTx(ctx, tx, CrawlSource{Crawl: open, Source: source}, nil); err != nil || act.Who.ID == 0 {
			return err
		}
		return c.catalog.Audit.Record(ctx, tx, act, access.Event{Action: "crawl.start", Object: "source " + source, Detail: map[string]any{"crawl": open}})
	})
	return id, err
}

// maxProfiles bounds the profiles asked for at a time; the next crawl asks for more.
const maxProfiles = 500

// StartProfiles asks for a profile of each table of source whose current snapshot has none. Asking twice does no harm.
func (c *Client) StartProfiles(ctx context.Context, source string) error {
	due, err := c.catalog.Unprofiled(ctx, source, maxProfiles)
	if err != nil {
		return fmt.Errorf("profiles due: %w", err)
	}
	for _, d := range due {
		args := ProfileDataset{Source: source, Name: d.Name, Snapshot: d.SnapshotID}
		if _, err := c.river.Insert(ctx, args, nil); err != nil {
			return fmt.Errorf("ask for profile of %s: %w", d.Key(), err)
		}
	}
	return nil
}

// quiet passes on what a person must know of the queue: River's own news of itself is not it.
func quiet(log *slog.Logger) *slog.Logger {
	return slog.New(&atLeast{slog.LevelWarn, log.Handler()})
}

type atLeast struct {
	level slog.Level
	slog.Handler
}

// Enabled reports whether a record of level l is passed on.
func (a *atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= a.level && a.Handler.Enabled(ctx, l)
}
