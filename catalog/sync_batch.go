package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portreeve/fault"
)

// A batch is written when it holds this much: enough that commits cost little, little enough to hold in memory and to lose
// when the process dies.
const (
	batchDatasets = 100
	batchColumns  = 4_000
	batchDetail   = 8 << 20
)

// standingRow is what the catalog has of a dataset before a crawl meets it.
type standingRow struct {
	ID         int64
	Name       string
	Version    string
	ShapeHash  []byte
	FigureHash []byte
	SnapshotID string
	Fine       bool // there, and read whole the last time
}

// sighting is an observation on its way into the catalog.
type sighting struct {
	*prepared
	formerly string // the name that it is proven to have had
}

// batch is what a crawl has met and not written yet.
type batch struct {
	scope   string
	rows    map[string]standingRow // of the scope, by name
	full    []*sighting            // to be compared column by column
	figures []*sighting            // whose shape is known
	seen    []int64                // in which nothing changed
	version []string               // of seen
	met     map[string]bool        // all names so far
	columns int
	detail  int
}

// newBatch reads what is known of a scope.
func (y *syncer) newBatch(ctx context.Context, scope string) (*batch, Known, error) {
	const q = `
		SELECT d.id, d.name, d.version, d.shape_hash, d.figure_hash, d.snapshot_id, d.gone_at IS NULL AND d.problem = '' AS fine
		FROM dataset d JOIN source s ON s.id = d.source_id WHERE s.slug = $1 AND d.scope = $2`
	rows, _ := y.store.db.Query(ctx, q, y.run.Source, scope)
	b := &batch{scope: scope, rows: map[string]standingRow{}, met: map[string]bool{}}
	known := Known{}
	var r standingRow
	into := []any{&r.ID, &r.Name, &r.Version, &r.ShapeHash, &r.FigureHash, &r.SnapshotID, &r.Fine}
	_, err := pgx.ForEachRow(rows, into, func() error {
		kept := r
		kept.ShapeHash, kept.FigureHash = slices.Clone(r.ShapeHash), slices.Clone(r.FigureHash)
		b.rows[r.Name] = kept
		if r.Fine && r.Version != "" {
			known[r.Name] = r.Version
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("what is known of %s: %w", scope, err)
	}
	return b, known, nil
}

// add takes an observation. What is wrong with it is Invalid.
func (y *syncer) add(ctx context.Context, b *batch, o *Observation) error {
	if b.met[o.Name] { // a crawler that lists it twice: the later one counts
		if err := y.flush(ctx, b); err != nil {
			return err
		}
		delete(b.rows, o.Name)
	}
	b.met[o.Name] = true
	row, known := b.rows[o.Name]
	if o.Unchanged {
		if !row.Fine {
			return fault.Invalidf("unchanged", "the crawler says that %s is unchanged, which it was never seen to be", o.Name)
		}
		b.seen, b.version = append(b.seen, row.ID), append(b.version, row.Version)
		return nil
	}
	o.Identifiers = y.alsoNamed(o.Identifiers)
	p, err := prepare(o)
	if err != nil {
		return err
	}
	s := &sighting{prepared: p}
	switch {
	case row.Fine && slices.Equal(row.ShapeHash, p.shape) && slices.Equal(row.FigureHash, p.figure):
		b.seen, b.version = append(b.seen, row.ID), append(b.version, o.Version)
		return nil
	case row.Fine && slices.Equal(row.ShapeHash, p.shape):
		b.figures = append(b.figures, s)
	default:
		if !known {
			if s.formerly, err = y.formerly(ctx, o); err != nil {
				return err
			}
		}
		b.full = append(b.full, s)
		b.columns += len(o.Columns)
	}
	b.detail += len(p.detail)
	return nil
}

// alsoNamed adds the names that datasets have by the aliases of their source.
func (y *syncer) alsoNamed(list []Identifier) []Identifier {
	home, _ := Normal(y.source.Namespace, "x")
	list = slices.Clone(list)
	for _, id := range list {
		if here, _ := Normal(id.Namespace, id.Name); home == "" || here != home {
			continue
		}
		for _, alias := range y.source.Aliases {
			id.Namespace, id.Rule = alias, "its source is also known as "+alias
			list = append(list, id)
		}
	}
	return list
}

// isFull reports whether it is time to write.
func (b *batch) isFull() bool {
	return len(b.full)+len(b.figures) >= batchDatasets || len(b.seen) >= 5*batchDatasets || b.columns >= batchColumns || b.detail >= batchDetail
}

// flush writes what was met and empties the batch.
func (y *syncer) flush(ctx context.Context, b *batch) error {
	if err := y.flushSeen(ctx, b); err != nil {
		return err
	}
	if err := y.flushFigures(ctx, b); err != nil {
		return err
	}
	for len(b.full) > 0 {
		results, err := y.store.observeAll(ctx, y.run, b.scope, b.full)
		if unkeepable(err) {
			results, err = y.oneByOne(ctx, b)
		}
		if err != nil {
			return err
		}
		for _, did := range results {
			switch did {
			case added:
				y.run.Added++
			case changed:
				y.run.Changed++
			case renamed:
				y.run.Renamed++
			case unchanged:
			}
		}
		b.full = b.full[:0]
	}
	b.columns, b.detail = 0, 0
	return y.save(ctx, false)
}

// unkeepable reports whether the database refused what was to be written, so that trying again is no use.
func unkeepable(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{"22", "23", "54"}, e.Code[:min(2, len(e.Code))]) // bad data, against a constraint, too large
}

// oneByOne writes datasets of which at least one cannot be kept: it shall not take its neighbours along.
func (y *syncer) oneByOne(ctx context.Context, b *batch) (results []outcome, err error) {
	for i, s := range b.full {
		one, err := y.store.observeAll(ctx, y.run, b.scope, b.full[i:i+1])
		if unkeepable(err) {
			err = y.datasetFailed(ctx, b.scope, s.Name, fault.Unavailablef(err, "what the source says of it cannot be kept: the portal's log has the cause"))
		}
		if err != nil {
			return results, err
		}
		results = append(results, one...)
	}
	return results, nil
}

// flushSeen notes that datasets are there as they were.
func (y *syncer) flushSeen(ctx context.Context, b *batch) error {
	if len(b.seen) == 0 {
		return nil
	}
	const q = `
		UPDATE dataset d SET seen_at = now(), seen_crawl = $3, version = v.version
		FROM unnest($1::bigint[], $2::text[]) AS v (id, version) WHERE d.id = v.id`
	if _, err := y.store.db.Exec(ctx, q, b.seen, b.version, y.run.ID); err != nil {
		return fmt.Errorf("note what is unchanged: %w", err)
	}
	b.seen, b.version = b.seen[:0], b.version[:0]
	return nil
}

// flushFigures writes the figures of datasets whose shape is as it was. Their search entries differ in freshness only.
func (y *syncer) flushFigures(ctx context.Context, b *batch) error {
	if len(b.figures) == 0 {
		return nil
	}
	const fresh = `
		UPDATE search s SET fresh = s.rank + coalesce(extract(epoch FROM d.data_at)::float8, 0) FROM dataset d
		WHERE d.id = $1 AND s.dataset_id = coalesce(d.main_id, d.id) AND d.data_at IS NOT NULL`
	// The entries of other sources' datasets are written in one order by all, so that nobody waits for each other.
	const order = `
		SELECT FROM search WHERE dataset_id IN (SELECT coalesce(main_id, id) FROM dataset WHERE id = ANY($1)) ORDER BY dataset_id FOR NO KEY UPDATE`
	ids := make([]int64, len(b.figures))
	for i, s := range b.figures {
		ids[i] = b.rows[s.Name].ID
	}
	err := y.store.retry(ctx, func(tx pgx.Tx) error {
		if err := holdJoins(ctx, tx); err != nil {
			return err
		}
		var batch pgx.Batch
		batch.Queue(order, ids)
		for _, s := range b.figures {
			row := b.rows[s.Name]
			queueFigures(&batch, y.run, row.ID, s.prepared)
			if row.SnapshotID != s.SnapshotID {
				queueSnapshots(&batch, row.ID, s.Snapshots)
			}
			if s.DataAt != nil {
				batch.Queue(fresh, row.ID)
			}
		}
		return tx.SendBatch(ctx, &batch).Close()
	})
	if unkeepable(err) { // whoever is refused is told then
		b.full, b.figures = append(b.full, b.figures...), b.figures[:0]
		return nil
	}
	if err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	b.figures = b.figures[:0]
	return nil
}
