package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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

// observeAll makes the catalog say what the observations say, in one transaction: datasets, columns, commits, history and
// search entries.
func (s *Store) observeAll(ctx context.Context, run *Crawl, scope string, list []*sighting) ([]outcome, error) {
	results := make([]outcome, len(list))
	err := s.retry(ctx, func(tx pgx.Tx) error {
		if err := holdJoins(ctx, tx); err != nil {
			return err
		}
		var index []int64
		for i, seen := range list {
			did, id, news, err := observeIn(ctx, tx, run, scope, seen)
			if err != nil {
				return fmt.Errorf("observe %s/%s: %w", run.Source, seen.Name, err)
			}
			if results[i] = did; news {
				index = append(index, id)
			}
		}
		return indexDatasets(ctx, tx, index)
	})
	return results, err
}

// retry runs do in a transaction, again if another one was in its way: crawls of two sources that are one thing.
func (s *Store) retry(ctx context.Context, do func(pgx.Tx) error) error {
	for tries := 1; ; tries++ {
		err := pgx.BeginFunc(ctx, s.db, do)
		pg, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || tries == 5 || (pg.Code != "40P01" && pg.Code != "40001") {
			return err
		}
	}
}

// observeIn returns what it did, to which dataset, and whether its search entry must be made anew.
func observeIn(ctx context.Context, tx pgx.Tx, run *Crawl, scope string, o *sighting) (outcome, int64, bool, error) {
	name := o.Name
	if o.formerly != "" {
		name = o.formerly
	}
	old, err := lockDataset(ctx, tx, run.Source, name)
	if fault.KindOf(err) == fault.NotFound {
		id, err := insertDataset(ctx, tx, run, scope, o.prepared)
		return added, id, true, err
	}
	if err != nil {
		return unchanged, 0, false, err
	}
	before, err := columns(ctx, tx, old.ID)
	if err != nil {
		return unchanged, 0, false, err
	}
	result, history := unchanged, []Change{}
	if old.GoneAt != nil {
		history = append(history, Change{Kind: Back, Field: "dataset"})
	}
	if old.Name != o.Name {
		history = append(history, Change{Kind: Renamed, Field: "name", Old: old.Name, New: o.Name})
	}
	shape := diffColumns(before, o.Columns)
	history = append(append(history, diffAttributes(&old, &o.Observation)...), shape...)
	if len(history) > 0 {
		result = changed
	}
	if old.Name != o.Name {
		result = renamed
	}
	if err := updateDataset(ctx, tx, run, scope, old.ID, o.prepared, len(history) > 0); err != nil {
		return unchanged, 0, false, err
	}
	if len(shape) > 0 || shifted(before, o.Columns) {
		if err := putColumns(ctx, tx, old.ID, o.Columns); err != nil {
			return unchanged, 0, false, err
		}
	}
	if old.SnapshotID != o.SnapshotID {
		if err := putSnapshots(ctx, tx, old.ID, o.Snapshots); err != nil {
			return unchanged, 0, false, err
		}
	}
	if err := putChanges(ctx, tx, old.ID, run.ID, history); err != nil {
		return unchanged, 0, false, err
	}
	if err := carryWords(ctx, tx, old.ID, shape); err != nil {
		return unchanged, 0, false, err
	}
	return result, old.ID, true, nil
}

// carryWords lets what people wrote on columns follow those that were renamed.
func carryWords(ctx context.Context, tx pgx.Tx, id int64, changes []Change) error {
	const q = `
		UPDATE dataset_attribute a SET field = 'column:' || $3 WHERE dataset_id = $1 AND field = 'column:' || $2
		  AND NOT EXISTS (SELECT FROM dataset_attribute b WHERE b.dataset_id = $1 AND b.field = 'column:' || $3 AND b.origin = a.origin)`
	renamed := false
	for _, c := range changes {
		if c.Kind != ColumnRenamed {
			continue
		}
		renamed = true
		if _, err := tx.Exec(ctx, q, id, c.Old, c.New); err != nil {
			return fmt.Errorf("carry words on columns: %w", err)
		}
	}
	if !renamed {
		return nil
	}
	return override(ctx, tx, []int64{id})
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
	const q = observedSelect + `WHERE s.slug = $1 AND d.name = $2 FOR NO KEY UPDATE OF d`
	rows, _ := tx.Query(ctx, q, source, name)
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Dataset])
	if errors.Is(err, pgx.ErrNoRows) {
		return Dataset{}, fault.NotFoundf("there is no dataset %s/%s", source, name)
	}
	return d, err
}

func insertDataset(ctx context.Context, tx pgx.Tx, run *Crawl, scope string, o *prepared) (id int64, err error) {
	const q = `
		INSERT INTO dataset (source_id, name, scope, kind) SELECT id, @name, @scope, @kind FROM source WHERE slug = @source
		RETURNING id`
	args := pgx.NamedArgs{"source": run.Source, "name": o.Name, "scope": scope, "kind": o.Kind}
	if err := tx.QueryRow(ctx, q, args).Scan(&id); err != nil {
		return 0, err
	}
	if err := updateDataset(ctx, tx, run, scope, id, o, true); err != nil {
		return 0, err
	}
	if err := putColumns(ctx, tx, id, o.Columns); err != nil {
		return 0, err
	}
	if err := putSnapshots(ctx, tx, id, o.Snapshots); err != nil {
		return 0, err
	}
	return id, putChanges(ctx, tx, id, run.ID, []Change{{Kind: Created, Field: "dataset", New: o.Name}})
}

// updateDataset writes everything of a dataset but its columns, commits and history.
func updateDataset(ctx context.Context, tx pgx.Tx, run *Crawl, scope string, id int64, o *prepared, news bool) error {
	const q = `
		UPDATE dataset SET name = @name, scope = @scope, native_id = @native, kind = @kind, title = @title, description = @description,
			team = @team, domain = @domain, tags = @tags, certified = @certified, deprecated = @deprecated, location = @location,
			format = @format, partitioning = @partitioning, sort_order = @sort, column_count = @columns, documented = @documented,
			standing = @standing, definition = @definition, shape_hash = @shape,
			gone_at = NULL, changed_at = CASE WHEN @news THEN now() ELSE changed_at END
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
	var batch pgx.Batch
	batch.Queue(q, pgx.NamedArgs{
		"id": id, "name": o.Name, "scope": scope, "native": o.NativeID, "kind": o.Kind,
		"title": o.Title, "description": o.Description, "team": o.Team, "domain": o.Domain, "tags": o.Tags, "certified": o.Certified,
		"deprecated": o.Deprecated, "location": o.Location, "format": o.Format, "partitioning": o.Partitioning, "sort": o.SortOrder,
		"columns": top, "documented": documented, "standing": o.Standing, "definition": o.Definition, "shape": o.shape, "news": news,
	})
	queueFigures(&batch, run, id, o)
	queueIdentifiers(&batch, id, o.Identifiers)
	return tx.SendBatch(ctx, &batch).Close()
}

// queueFigures queues the writing of what changes without being news: counts, properties, details, and that it was seen.
func queueFigures(batch *pgx.Batch, run *Crawl, id int64, o *prepared) {
	const q = `
		UPDATE dataset SET row_count = @rows, byte_count = @bytes, file_count = @files, snapshot_id = @snapshot, data_at = @data_at,
			properties = @properties, estimated = @estimated, figure_hash = @figure, version = @version,
			problem = '', problem_since = NULL, seen_at = now(), seen_crawl = @crawl
		WHERE id = @id`
	batch.Queue(q, pgx.NamedArgs{
		"id": id, "rows": o.RowCount, "bytes": o.ByteCount, "files": o.FileCount, "snapshot": o.SnapshotID, "data_at": o.DataAt,
		"properties": o.Properties, "estimated": o.Estimated, "figure": o.figure, "version": o.Version, "crawl": run.ID,
	})
	if o.detail == nil {
		batch.Queue(`DELETE FROM dataset_detail WHERE dataset_id = $1`, id)
	} else {
		const put = `
			INSERT INTO dataset_detail (dataset_id, detail) VALUES ($1, $2)
			ON CONFLICT (dataset_id) DO UPDATE SET detail = excluded.detail, at = now()`
		batch.Queue(put, id, string(o.detail))
	}
	queueTexts(batch, id, o.texts)
	queueMeasurement(batch, id)
}

// queueTexts queues the keeping of a schema's texts in place of those that are there.
func queueTexts(batch *pgx.Batch, id int64, texts map[int]string) {
	const put = `
		INSERT INTO schema_text (dataset_id, version, text) VALUES ($1, $2, $3)
		ON CONFLICT (dataset_id, version) DO UPDATE SET text = excluded.text WHERE schema_text.text <> excluded.text`
	if texts == nil {
		return
	}
	versions := make([]int, 0, len(texts))
	for version, text := range texts {
		versions = append(versions, version)
		batch.Queue(put, id, version, text)
	}
	batch.Queue(`DELETE FROM schema_text WHERE dataset_id = $1 AND version <> ALL($2)`, id, versions)
}

func queueIdentifiers(batch *pgx.Batch, id int64, list []Identifier) {
	const q = `
		INSERT INTO dataset_identifier (dataset_id, namespace, name, rule, part) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (dataset_id, namespace, name) DO UPDATE SET rule = excluded.rule, part = excluded.part`
	const drop = `
		DELETE FROM dataset_identifier WHERE dataset_id = $1 AND (namespace, name) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))`
	namespaces, names := []string{}, []string{}
	for _, i := range list {
		namespaces, names = append(namespaces, i.Namespace), append(names, i.Name)
		batch.Queue(q, id, i.Namespace, i.Name, i.Rule, i.Part)
	}
	batch.Queue(drop, id, namespaces, names)
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
	if len(snapshots) == 0 {
		return nil
	}
	var batch pgx.Batch
	queueSnapshots(&batch, id, snapshots)
	return tx.SendBatch(ctx, &batch).Close()
}

func queueSnapshots(batch *pgx.Batch, id int64, snapshots []Snapshot) {
	const q = `
		INSERT INTO snapshot (dataset_id, id, parent_id, at, operation, added_rows, deleted_rows, total_rows, added_bytes, total_bytes,
			added_files, total_files, summary)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`
	for _, n := range snapshots {
		if n.Summary == nil {
			n.Summary = map[string]string{}
		}
		batch.Queue(q, id, tidy(n.ID, maxShort), tidy(n.ParentID, maxShort), n.At, tidy(n.Operation, maxShort), n.AddedRows,
			n.DeletedRows, n.TotalRows, n.AddedBytes, n.TotalBytes, n.AddedFiles, n.TotalFiles, n.Summary)
	}
}

func putChanges(ctx context.Context, tx pgx.Tx, id, crawl int64, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	const q = `INSERT INTO dataset_change (dataset_id, crawl_id, kind, field, old, new) VALUES ($1, $2, $3, $4, $5, $6)`
	var batch pgx.Batch
	for _, c := range bounded(changes) {
		batch.Queue(q, id, crawl, c.Kind, c.Field, c.Old, c.New)
	}
	return tx.SendBatch(ctx, &batch).Close()
}
