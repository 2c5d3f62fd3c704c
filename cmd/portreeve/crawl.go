package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
	"portreeve/fault"
)

type crawlCmd struct {
	estateFlags
	Source string `arg:"" optional:"" help:"Slug of the source. Default: all sources."`
}

// Run crawls and prints a line for each source. It fails if a source could not be read to its end.
func (a *crawlCmd) Run(ctx context.Context, c *cli) (err error) {
	log := c.logger(os.Stderr)
	declared, err := a.load()
	if err != nil {
		return err
	}
	db, err := c.existing(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	store := catalog.NewStore(db.pool)
	if err := applyEstate(ctx, store, nil, declared, log); err != nil {
		return err
	}
	open := newSources(store, nil, connectors(db.lake), os.LookupEnv)
	defer func() { err = errors.Join(err, open.Close()) }()
	all, err := store.Sources(ctx)
	if err != nil {
		return err
	}
	met := false
	for _, s := range all {
		if a.Source != s.Slug && (a.Source != "" || s.RetiredAt != nil) {
			continue
		}
		met = true
		if s.RetiredAt != nil {
			return fault.Conflictf("%s is retired: it is no longer declared in the estate, so it is not read", s.Slug)
		}
		err = errors.Join(err, a.one(ctx, db, store, open, s.Source, log))
	}
	if !met && a.Source != "" {
		return fault.NotFoundf("there is no source %s", a.Source)
	}
	return err
}

func (a *crawlCmd) one(ctx context.Context, db *database, store *catalog.Store, open *sources, src catalog.Source, log *slog.Logger) error {
	conn, err := open.Open(ctx, src)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // read from only
	run, err := startAndSync(ctx, db, store, src, conn, "command line", false, log)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "%s: %s, %d datasets, %d new, %d changed, %d renamed, %d gone, %d failed\n",
		src.Slug, run.State, run.Seen, run.Added, run.Changed, run.Renamed, run.Gone, run.Failed)
	if err == nil && run.State != catalog.CrawlFinished {
		err = fault.Unavailablef(nil, "%s was not read whole: %s", src.Slug, orElse(run.Message, "see its page for what failed"))
	}
	return err
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// startAndSync crawls a source in this process. A crawl that is open already is carried on if resume is set, by who knows
// that nobody else does, and is a Conflict otherwise.
func startAndSync(ctx context.Context, db *database, store *catalog.Store, src catalog.Source, conn catalog.Connection, by string, resume bool, log *slog.Logger) (catalog.Crawl, error) {
	var id int64
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		open, fresh, err := catalog.OpenCrawl(ctx, tx, src.Slug, by)
		if err == nil && !fresh && !resume {
			err = fault.Conflictf("crawl %d of %s is running already", open, src.Slug)
		}
		id = open
		return err
	})
	if err != nil {
		return catalog.Crawl{}, err
	}
	run, err := catalog.Sync(ctx, store, id, conn.Crawler, clock, log)
	if err != nil {
		return run, err
	}
	return run, store.RetrySooner(ctx, src.Slug)
}
