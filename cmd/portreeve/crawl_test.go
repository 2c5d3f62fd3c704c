package main

import (
	"context"
	"iter"
	"log/slog"
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/postgres/pgtest"
)

// empty is a source that holds nothing.
type empty struct{}

func (empty) Scopes(context.Context) ([]string, error) { return nil, nil }
func (empty) Datasets(context.Context, string, catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(func(catalog.Observation, error) bool) {}
}
func (empty) Has(context.Context, string) (bool, error) { return false, nil }

// A demo that was killed in its first crawl starts again at once and carries the crawl on.
func TestOpenCrawlIsCarriedOnOnlyByItsOwner(t *testing.T) {
	t.Parallel()
	db := &database{pool: pgtest.New(t)}
	store, log := catalog.NewStore(db.pool), slog.New(slog.DiscardHandler)
	src, err := store.PutSource(t.Context(), catalog.Source{Slug: "lake", Kind: "iceberg"})
	if err != nil {
		t.Fatal(err)
	}
	const left = `INSERT INTO crawl (source_id, trigger, state) VALUES ($1, 'demo', 'running') RETURNING id`
	var id int64
	if err := db.pool.QueryRow(t.Context(), left, src.ID).Scan(&id); err != nil {
		t.Fatal(err)
	}
	conn := catalog.Connection{Crawler: empty{}}
	if _, err := startAndSync(t.Context(), db, store, src, conn, "command line", false, log); fault.KindOf(err) != fault.Conflict {
		t.Errorf("beside another process: %v, want Conflict", err)
	}
	run, err := startAndSync(t.Context(), db, store, src, conn, "demo", true, log)
	if err != nil || run.ID != id || run.State != catalog.CrawlFinished {
		t.Errorf("carried on: %+v, %v; want crawl %d finished", run, err, id)
	}
}
