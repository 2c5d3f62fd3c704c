package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	icebergo "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
	"portreeve/connector/iceberg"
	"portreeve/connector/trino"
	"portreeve/test/stack"
)

// queriesPerTable is the limit of docs/benchmarks.md for a first crawl.
const queriesPerTable = 3

// oneScope is a crawler that has just one scope of another.
type oneScope struct {
	catalog.Crawler
	name string
}

// Scopes returns that one.
func (o oneScope) Scopes(context.Context) ([]string, error) { return []string{o.name}, nil }

// trinoCommand measures the reading of real Iceberg tables through the Trino of `make stack`.
func trinoCommand(ctx context.Context, out io.Writer, args []string) error {
	f := flags("trino")
	tables := f.Int("tables", 1000, "Iceberg tables of twenty columns")
	if err := f.Parse(args); err != nil {
		return err
	}
	on, err := stack.Read(stack.File())
	if err != nil {
		return fmt.Errorf("the real servers do not run: start them with make stack (%w)", err)
	}
	namespace := "bench_" + strconv.FormatInt(time.Now().Unix(), 36)
	remove, err := makeTables(ctx, out, on, namespace, *tables)
	defer func() { _ = remove() }()
	if err != nil {
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
	source := catalog.Source{Slug: "trino", Kind: "trino", Config: map[string]string{"url": on.Trino, "user": "portreeve", "catalogs": "lake"}}
	conn, err := trino.Connector().Open(ctx, source)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // the process ends
	crawler, ok := conn.Crawler.(*trino.Crawler)
	if !ok {
		return errors.New("the Trino crawler counts no queries")
	}
	store := catalog.NewStore(db)
	if _, err := store.PutSource(ctx, source); err != nil {
		return err
	}
	for _, pass := range []string{"first crawl", "unchanged"} {
		var id int64
		err := pgx.BeginFunc(ctx, db, func(tx pgx.Tx) (err error) {
			id, _, err = catalog.OpenCrawl(ctx, tx, "trino", "bench")
			return err
		})
		if err != nil {
			return err
		}
		start, before := time.Now(), crawler.Queries()
		run, err := catalog.Sync(ctx, store, id, oneScope{crawler, "lake." + namespace}, time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		took := time.Since(start)
		fmt.Fprintf(out, "%-12s %7.1f s   %5.2f queries a table (limit %d)   %d seen, %d new, %d failed\n", pass, took.Seconds(),
			float64(crawler.Queries()-before)/float64(*tables), queriesPerTable, run.Seen, run.Added, run.Failed)
	}
	fmt.Fprintf(out, "most memory resident: %d MB\n", ownPeak()>>20)
	return nil
}

// makeTables makes empty tables through iceberg-go, which is faster than Trino.
func makeTables(ctx context.Context, out io.Writer, on *stack.Stack, namespace string, n int) (remove func() error, err error) {
	remove = func() error { return nil }
	if err := iceberg.Init(ctx, on.LakeURL); err != nil {
		return remove, err
	}
	w, err := iceberg.Writer("lake", "file://"+on.Warehouse, on.LakeURL)
	if err != nil {
		return remove, err
	}
	id := table.Identifier{namespace}
	if err := w.CreateNamespace(ctx, id, nil); err != nil {
		return w.Close, err
	}
	made := 0
	remove = func() error {
		for i := range made {
			_ = w.DropTable(context.WithoutCancel(ctx), table.Identifier{namespace, fmt.Sprintf("booking_event_%d", i)})
		}
		return errors.Join(w.DropNamespace(context.WithoutCancel(ctx), id), w.Close())
	}
	start := time.Now()
	for ; made < n; made++ {
		fields := make([]icebergo.NestedField, 20)
		for c := range fields {
			fields[c] = icebergo.NestedField{ID: c + 1, Name: fmt.Sprintf("field_%d_of_%d", c, made%50), Type: icebergo.PrimitiveTypes.Int64}
		}
		name := table.Identifier{namespace, fmt.Sprintf("booking_event_%d", made)}
		if _, err := w.CreateTable(ctx, name, icebergo.NewSchema(0, fields...)); err != nil {
			return remove, err
		}
	}
	fmt.Fprintf(out, "%d tables made in %.1f s\n", n, time.Since(start).Seconds())
	return remove, nil
}
