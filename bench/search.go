package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/bench/corpus"
	"portreeve/catalog"
)

// searchCommand measures search, writes and the reads of a dataset's page in a made-up catalog.
func searchCommand(ctx context.Context, out io.Writer, args []string) error {
	f := flags("search")
	datasets := f.Int("datasets", 100_000, "datasets in the catalog, 19.4 columns each on average")
	home := f.String("home", "", "folder of the server, kept and used again; empty: a new one, removed afterwards")
	passes := f.Int("passes", 2, "times that each question is asked, after one that is not counted")
	if err := f.Parse(args); err != nil {
		return err
	}
	db, closeAll, err := open(ctx, out, *home)
	if err != nil {
		return err
	}
	err = measureSearch(ctx, out, db, *datasets, *passes)
	if closed := closeAll(); err == nil {
		err = closed
	}
	return err
}

func measureSearch(ctx context.Context, out io.Writer, db *pgxpool.Pool, datasets, passes int) error {
	s := catalog.NewStore(db)
	if err := fill(ctx, out, db, s, datasets); err != nil {
		return err
	}
	if err := printMachine(ctx, out, db); err != nil {
		return err
	}
	if err := printSizes(ctx, out, db); err != nil {
		return err
	}
	log, err := questions(ctx, db)
	if err != nil {
		return err
	}
	limit := 50 * time.Millisecond
	if datasets > 100_000 {
		limit = 100 * time.Millisecond
	}
	if err := ask(ctx, out, s, db, log, passes, limit); err != nil {
		return err
	}
	if err := readPages(ctx, out, s, db); err != nil {
		return err
	}
	return writes(ctx, out, s, db)
}

// fill makes the catalog unless the database has it already.
func fill(ctx context.Context, out io.Writer, db *pgxpool.Pool, s *catalog.Store, n int) error {
	var has int
	if err := db.QueryRow(ctx, `SELECT count(*) FROM dataset`).Scan(&has); err != nil || has >= n {
		return err
	}
	if has > 0 {
		return fmt.Errorf("the database has %d datasets: give an empty one", has)
	}
	start := time.Now()
	var columns int
	var restricted [][2]any
	err := corpus.New(42, start).Write(ctx, db, n, func(it *corpus.Item) {
		columns += len(it.Columns)
		if it.Teams != nil {
			restricted = append(restricted, [2]any{it.ID, it.Teams})
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d datasets, %d columns: loaded in %.1f s\n", n, columns, time.Since(start).Seconds())
	rows, index, err := rebuild(ctx, db, s.Reindex)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "search: rows and dictionary in %.1f s, keys index in %.1f s\n", rows.Seconds(), index.Seconds())
	return restrict(ctx, db, restricted)
}

// restrict hides datasets from all but some teams.
func restrict(ctx context.Context, db *pgxpool.Pool, restricted [][2]any) error {
	const q = `UPDATE search SET vis = $2 WHERE dataset_id = $1`
	for block := range slices.Chunk(restricted, 1000) {
		var b pgx.Batch
		for _, r := range block {
			b.Queue(q, r[0], r[1])
		}
		if err := db.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
	}
	for _, table := range []string{"dataset", "dataset_column", "search", "term"} {
		if _, err := db.Exec(ctx, "VACUUM (ANALYZE) "+table); err != nil {
			return err
		}
	}
	return nil
}

func printSizes(ctx context.Context, out io.Writer, db *pgxpool.Pool) error {
	const q = `
SELECT 'search: rows ' || pg_size_pretty(pg_table_size('search')) || ', indexes ' || pg_size_pretty(pg_indexes_size('search'))
	|| ' · dictionary: ' || (SELECT count(*) FROM term) || ' words, ' || pg_size_pretty(pg_total_relation_size('term'))
	|| ' · datasets and columns: ' || pg_size_pretty(pg_total_relation_size('dataset') + pg_total_relation_size('dataset_column'))`
	var line string
	err := db.QueryRow(ctx, q).Scan(&line)
	fmt.Fprintln(out, line)
	return err
}

// ask asks every question passes times and prints the times of whole answers.
func ask(ctx context.Context, out io.Writer, s *catalog.Store, db *pgxpool.Pool, log []question, passes int, limit time.Duration) error {
	teams := []string{corpus.Team(2), corpus.Team(57), corpus.Team(311)}
	byKind := map[string][]time.Duration{}
	var kinds []string
	var all, work []time.Duration
	processor, metered := newMeter(ctx, db)
	slowest := map[string]question{}
	for pass := range passes + 1 {
		for _, q := range log {
			start, worked := time.Now(), processor.read()
			_, err := s.Search(ctx, catalog.SearchQuery{Text: q.text, Filters: q.filters, Sort: q.sort, Teams: teams})
			took := time.Since(start)
			worked = processor.read() - worked
			if err != nil {
				return fmt.Errorf("%s %q: %w", q.kind, q.text, err)
			}
			if pass == 0 {
				continue
			}
			if !slices.Contains(kinds, q.kind) {
				kinds = append(kinds, q.kind)
			}
			if len(byKind[q.kind]) == 0 || took >= slices.Max(byKind[q.kind]) {
				slowest[q.kind] = q
			}
			byKind[q.kind], all = append(byKind[q.kind], took), append(all, took)
			work = append(work, worked)
		}
	}
	for _, k := range kinds {
		printTimes(out, k, byKind[k], 0)
		fmt.Fprintf(out, "    slowest: %q %v %s\n", slowest[k].text, slowest[k].filters, slowest[k].sort)
	}
	printTimes(out, "all questions", all, limit)
	if metered {
		printTimes(out, "  their processor time", work, 0)
	}
	return nil
}

// printTimes prints p50, p95, p99 and the maximum, with the limit for p95 if there is one.
func printTimes(out io.Writer, name string, times []time.Duration, limit time.Duration) {
	slices.Sort(times)
	ms := func(p float64) float64 {
		return float64(times[min(len(times)-1, int(p*float64(len(times))))].Microseconds()) / 1000
	}
	verdict := ""
	if limit > 0 {
		verdict = fmt.Sprintf("  limit for p95: %d ms", limit.Milliseconds())
	}
	fmt.Fprintf(out, "%-22s n %5d   p50 %6.1f   p95 %6.1f   p99 %6.1f   max %6.1f ms%s\n",
		name, len(times), ms(.5), ms(.95), ms(.99), ms(1), verdict)
}

// readPages measures what the page of a dataset reads.
func readPages(ctx context.Context, out io.Writer, s *catalog.Store, db *pgxpool.Pool) error {
	const q = `SELECT s.slug, d.name FROM dataset d JOIN source s ON s.id = d.source_id WHERE d.id = ANY ($1)`
	rows, _ := db.Query(ctx, q, spread(ctx, db, 500))
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[catalog.Key])
	if err != nil {
		return err
	}
	var times []time.Duration
	for pass := range 2 {
		for _, k := range keys {
			start := time.Now()
			d, err := s.Dataset(ctx, k)
			if err != nil {
				return err
			}
			if _, err := s.Columns(ctx, d.ID); err != nil {
				return err
			}
			if _, err := s.Versions(ctx, d.ID, 0, 20); err != nil {
				return err
			}
			if pass > 0 {
				times = append(times, time.Since(start))
			}
		}
	}
	printTimes(out, "dataset page's reads", times, 30*time.Millisecond)
	return nil
}

// writes measures a change of description and one column, and the search entry after it.
func writes(ctx context.Context, out io.Writer, s *catalog.Store, db *pgxpool.Pool) error {
	const describe = `UPDATE dataset SET description = description || ' rewritten ' || $2 WHERE id = $1`
	const column = `UPDATE dataset_column SET path = path || '_' || $2 WHERE dataset_id = $1 AND position = 0`
	var times []time.Duration
	c := corpus.New(7, time.Now())
	for _, id := range spread(ctx, db, 500) {
		var b pgx.Batch
		w := c.Word()
		b.Queue(describe, id, w)
		b.Queue(column, id, w)
		if err := db.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		start := time.Now()
		if err := s.ReindexDataset(ctx, id); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	printTimes(out, "search entry written", times, 5*time.Millisecond)
	start := time.Now()
	if err := s.SearchMaintain(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "recount and tiers: %.1f s\n", time.Since(start).Seconds())
	return nil
}
