package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// outcome is what an observation did to the catalog.
type outcome uint8

const (
	unchanged outcome = iota
	added
	changed
	renamed
)

// observe makes the catalog say what o says, in one transaction: dataset, columns, commits, history and search entry.
// formerly is the name that the dataset is known under if it is proven to be a rename, or "".
func (s *Store) observe(ctx context.Context, run *Crawl, scope string, o *Observation, formerly string) (outcome, error) {
	result := unchanged
	err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) (err error) {
		result, err = observeIn(ctx, tx, run, scope, o, formerly)
		return err
	})
	if err != nil {
		return unchanged, fmt.Errorf("observe %s/%s: %w", run.Source, o.Name, err)
	}
	return result, nil
}

func observeIn(ctx context.Context, tx pgx.Tx, run *Crawl, scope string, o *Observation, formerly string) (outcome, error) {
	name := o.Name
	if formerly != "" {
		name = formerly
	}
	old, err := lockDataset(ctx, tx, run.Source, name)
	if fault.KindOf(err) == fault.NotFound {
		return added, insertDataset(ctx, tx, run, scope, o)
	}
	if err != nil {
		return unchanged, err
	}
	before, err := columns(ctx, tx, old.ID)
	if err != nil {
		return unchanged, err
	}
	result, history := unchanged, []Change{}
	if old.GoneAt != nil {
		history = append(history, Change{Kind: Back, Field: "dataset"})
	}
	if old.Name != o.Name {
		history = append(history, Change{Kind: Renamed, Field: "name", Old: old.Name, New: o.Name})
	}
	shape := diffColumns(before, o.Columns)
	history = append(append(history, diffAttributes(&old, o)...), shape...)
	if len(history) > 0 {
		result = changed
	}
	if old.Name != o.Name {
		result = renamed
	}
	if err := updateDataset(ctx, tx, run, scope, old.ID, o, len(history) > 0); err != nil {
		return unchanged, err
	}
	if len(shape) > 0 || shifted(before, o.Columns) {
		if err := putColumns(ctx, tx, old.ID, o.Columns); err != nil {
			return unchanged, err
		}
	}
	if old.SnapshotID != o.SnapshotID {
		if err := putSnapshots(ctx, tx, old.ID, o.Snapshots); err != nil {
			return unchanged, err
		}
	}
	if err := putChanges(ctx, tx, old.ID, run.ID, history); err != nil {
		return unchanged, err
	}
	if result == unchanged && old.SnapshotID == o.SnapshotID && old.Problem == "" {
		return unchanged, nil
	}
	return result, reindex(ctx, tx, old.ID, o.Columns)
}

// shifted reports whether positions or ids differ though no column changed: the rows must be written again all the same.
func shifted(old, now []Column) bool {
	if len(old) != len(now) {
		return true
	}
	for i := range now {
		if old[i] != now[i] {
			return true
		}
	}
	return false
}

func lockDataset(ctx context.Context, tx pgx.Tx, source, name string) (Dataset, error) {
	const q = datasetSelect + `WHERE s.slug = $1 AND d.name = $2 FOR UPDATE OF d`
	rows, _ := tx.Query(ctx, q, source, name)
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Dataset])
	if errors.Is(err, pgx.ErrNoRows) {
		return Dataset{}, fault.NotFoundf("there is no dataset %s/%s", source, name)
	}
	return d, err
}

func insertDataset(ctx context.Context, tx pgx.Tx, run *Crawl, scope string, o *Observation) error {
	const q = `
		INSERT INTO dataset (source_id, name, scope, kind) SELECT id, @name, @scope, @kind FROM source WHERE slug = @source
		RETURNING id`
	var id int64
	args := pgx.NamedArgs{"source": run.Source, "name": o.Name, "scope": scope, "kind": o.Kind}
	if err := tx.QueryRow(ctx, q, args).Scan(&id); err != nil {
		return err
	}
	if err := updateDataset(ctx, tx, run, scope, id, o, true); err != nil {
		return err
	}
	if err := putColumns(ctx, tx, id, o.Columns); err != nil {
		return err
	}
	if err := putSnapshots(ctx, tx, id, o.Snapshots); err != nil {
		return err
	}
	if err := putChanges(ctx, tx, id, run.ID, []Change{{Kind: Created, Field: "dataset", New: o.Name}}); err != nil {
		return err
	}
	return reindex(ctx, tx, id, o.Columns)
}

func updateDataset(ctx context.Context, tx pgx.Tx, run *Crawl, scope string, id int64, o *Observation, news bool) error {
	const q = `
		UPDATE dataset SET name = @name, scope = @scope, native_id = @native, kind = @kind, title = @title, description = @description,
			team = @team, domain = @domain, tags = @tags, certified = @certified, deprecated = @deprecated, location = @location,
			format = @format, partitioning = @partitioning, sort_order = @sort, row_count = @rows, byte_count = @bytes,
			file_count = @files, column_count = @columns, documented = @documented, snapshot_id = @snapshot, data_at = @data_at,
			properties = @properties, problem = '', problem_since = NULL, seen_at = now(), seen_crawl = @crawl, gone_at = NULL,
			changed_at = CASE WHEN @news THEN now() ELSE changed_at END
		WHERE id = @id`
	top, documented := 0, 0
	for _, c := range o.Columns {
		if c.Depth() == 0 {
			top++
			if c.Comment != "" {
				documented++
			}
		}
	}
	_, err := tx.Exec(ctx, q, pgx.NamedArgs{
		"id": id, "name": o.Name, "scope": scope, "native": o.NativeID, "kind": o.Kind,
		"title": o.Title, "description": o.Description, "team": o.Team, "domain": o.Domain, "tags": o.Tags, "certified": o.Certified,
		"deprecated": o.Deprecated, "location": o.Location, "format": o.Format, "partitioning": o.Partitioning, "sort": o.SortOrder,
		"rows": o.RowCount, "bytes": o.ByteCount, "files": o.FileCount, "columns": top, "documented": documented,
		"snapshot": o.SnapshotID, "data_at": o.DataAt, "properties": o.Properties, "crawl": run.ID, "news": news,
	})
	return err
}

func putColumns(ctx context.Context, tx pgx.Tx, id int64, columns []Column) error {
	if _, err := tx.Exec(ctx, `DELETE FROM dataset_column WHERE dataset_id = $1`, id); err != nil {
		return err
	}
	names := []string{"dataset_id", "position", "path", "type", "nullable", "comment", "native_id"}
	rows := pgx.CopyFromSlice(len(columns), func(i int) ([]any, error) {
		c := columns[i]
		return []any{id, c.Position, c.Path, c.Type, c.Nullable, c.Comment, c.NativeID}, nil
	})
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"dataset_column"}, names, rows)
	return err
}

func putSnapshots(ctx context.Context, tx pgx.Tx, id int64, snapshots []Snapshot) error {
	const q = `
		INSERT INTO snapshot (dataset_id, id, parent_id, at, operation, added_rows, deleted_rows, total_rows, added_bytes, total_bytes,
			added_files, total_files, summary)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`
	var batch pgx.Batch
	for _, n := range snapshots {
		if n.Summary == nil {
			n.Summary = map[string]string{}
		}
		batch.Queue(q, id, tidy(n.ID, maxShort), tidy(n.ParentID, maxShort), n.At, tidy(n.Operation, maxShort), n.AddedRows,
			n.DeletedRows, n.TotalRows, n.AddedBytes, n.TotalBytes, n.AddedFiles, n.TotalFiles, n.Summary)
	}
	return tx.SendBatch(ctx, &batch).Close()
}

func putChanges(ctx context.Context, tx pgx.Tx, id, crawl int64, changes []Change) error {
	const q = `INSERT INTO dataset_change (dataset_id, crawl_id, kind, field, old, new) VALUES ($1, $2, $3, $4, $5, $6)`
	var batch pgx.Batch
	for _, c := range bounded(changes) {
		batch.Queue(q, id, crawl, c.Kind, c.Field, c.Old, c.New)
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// reindex brings the search entry of a dataset up to date with its row.
func reindex(ctx context.Context, tx pgx.Tx, id int64, cols []Column) error {
	rows, _ := tx.Query(ctx, datasetSelect+`WHERE d.id = $1`, id)
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Dataset])
	if err != nil {
		return err
	}
	return indexDataset(ctx, tx, &d, cols)
}
