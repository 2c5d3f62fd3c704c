package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/catalog"
)

// The limits of docs/benchmarks.md.
const (
	firstCrawlLimit = 60 * time.Second
	sameCrawlLimit  = 15 * time.Second
	crawlPeakLimit  = 150 << 20
)

// fastSource makes up tables or topics as fast as they are asked for: what is measured is the catalog.
type fastSource struct {
	kind     catalog.Kind
	tables   int // in ten scopes
	columns  int
	versions bool // it can tell by a version what has not changed
	run      int  // changes the figures of topics
}

const fastScopes = 10

// Scopes returns ten.
func (f *fastSource) Scopes(context.Context) ([]string, error) {
	names := make([]string, fastScopes)
	for i := range names {
		names[i] = fmt.Sprintf("lake.s%d", i)
	}
	return names, nil
}

// Has says no.
func (f *fastSource) Has(context.Context, string) (bool, error) { return false, nil }

// Datasets makes up a tenth of the tables.
func (f *fastSource) Datasets(_ context.Context, scope string, known catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		for i := range f.tables / fastScopes {
			o := f.observation(scope, i)
			if f.versions && known[o.Name] == o.Version {
				o = catalog.Observation{Name: o.Name, Unchanged: true}
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

func (f *fastSource) observation(scope string, i int) catalog.Observation {
	name := fmt.Sprintf("%s.booking_event_%d", scope, i)
	rows, at := int64(i)*1000, time.Unix(1_700_000_000, 0).UTC()
	o := catalog.Observation{
		Name: name, NativeID: name, Kind: f.kind, Description: "Bookings as partner " + name + " sends them", Team: "team-" + scope[6:],
		RowCount: &rows, DataAt: &at, SnapshotID: "1", Version: "1:a",
		Identifiers: []catalog.Identifier{{Namespace: "s3://lake", Name: name, Rule: "its files are there"}},
		Snapshots:   []catalog.Snapshot{{ID: "1", At: at, Operation: "append", TotalRows: &rows}},
	}
	if f.kind == catalog.Topic {
		o.Snapshots, o.SnapshotID, rows = nil, "", rows+int64(f.run)
		t := &catalog.TopicDetail{Replication: 3}
		for p := range 12 {
			t.Partitions = append(t.Partitions, catalog.Partition{ID: int32(p), Replicas: []int32{1, 2, 3}, InSync: []int32{1, 2, 3}, End: rows}) //nolint:gosec // small
		}
		o.Detail.Topic = t
	}
	for c := range f.columns {
		o.Columns = append(o.Columns, catalog.Column{Path: fmt.Sprintf("field_%d_of_%d", c, i%50), Type: "bigint", Comment: "what the partner said"})
	}
	return o
}

func crawlCommand(ctx context.Context, out io.Writer, args []string) error {
	f := flags("crawl")
	tables := f.Int("tables", 10_000, "tables, and as many topics")
	columns := f.Int("columns", 20, "columns of each")
	if err := f.Parse(args); err != nil {
		return err
	}
	db, closeAll, err := open(ctx, out, "")
	if err != nil {
		return err
	}
	defer closeAll() //nolint:errcheck // it is thrown away
	if err := printMachine(ctx, out, db); err != nil {
		return err
	}
	for _, kind := range []catalog.Kind{catalog.Table, catalog.Topic} {
		source := &fastSource{kind: kind, tables: *tables, columns: *columns}
		if err := measureCrawls(ctx, out, db, source); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "most memory resident, generator included: %d MB (limit %d)\n", ownPeak()>>20, crawlPeakLimit>>20)
	return nil
}

func measureCrawls(ctx context.Context, out io.Writer, db *pgxpool.Pool, f *fastSource) error {
	store := catalog.NewStore(db)
	slug := string(f.kind) + "s"
	if _, err := store.PutSource(ctx, catalog.Source{Slug: slug, Kind: "bench"}); err != nil {
		return err
	}
	for _, pass := range []struct {
		name     string
		versions bool
		run      int
		limit    time.Duration
	}{
		{"first crawl", false, 0, firstCrawlLimit},
		{"unchanged, told by what is the same", false, 0, sameCrawlLimit},
		{"unchanged, told by versions", true, 0, sameCrawlLimit},
		{"other figures", false, 1, sameCrawlLimit},
	} {
		f.versions, f.run = pass.versions, pass.run
		var id int64
		err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) (err error) {
			id, _, err = catalog.OpenCrawl(ctx, tx, slug, "bench")
			return err
		})
		if err != nil {
			return err
		}
		start := time.Now()
		run, err := catalog.Sync(ctx, store, id, f, time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-8s %-38s %6.2f s (limit %.0f s)   %d seen, %d new, %d changed, %d failed\n", f.kind, pass.name,
			time.Since(start).Seconds(), pass.limit.Seconds(), run.Seen, run.Added, run.Changed, run.Failed)
	}
	return nil
}
