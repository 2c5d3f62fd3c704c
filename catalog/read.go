package catalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// datasetSelect lists the fields of a Dataset as people see it; what follows it filters and orders. observedSelect has what
// crawlers saw in place of what is declared or edited.
const (
	datasetSelect = `
	SELECT coalesce(o.title, d.title) AS title, coalesce(o.description, d.description) AS description, coalesce(o.team, d.team) AS team,
	       coalesce(o.domain, d.domain) AS domain, coalesce(o.tags, d.tags) AS tags, coalesce(o.certified, d.certified) AS certified,
	       coalesce(o.deprecated, d.deprecated) AS deprecated, coalesce(d.page_documented, d.documented) AS documented,` + datasetRest
	observedSelect = `
	SELECT d.title, d.description, d.team, d.domain, d.tags, d.certified, d.deprecated, d.documented,` + datasetRest
	// alsoRestricted holds for a dataset d that shares an identifier with one that is restricted: the two are the same data, also
	// before they are joined, and when the other is gone, unless it was opened since. Who only describes data (standing 2) restricts none.
	alsoRestricted = `EXISTS (
	       	SELECT FROM dataset_identifier i JOIN dataset_identifier k USING (namespace, name) JOIN dataset kd ON kd.id = k.dataset_id
	       	JOIN source ks ON ks.id = kd.source_id LEFT JOIN dataset_override ko ON ko.dataset_id = kd.id
	       	WHERE i.dataset_id = d.id AND kd.id <> d.id AND kd.standing < 2 AND coalesce(ko.access, ks.access) = 'restricted'
	       		AND (kd.gone_at IS NULL OR o.access IS DISTINCT FROM 'open'))`
	datasetRest = `
	       o.sunset, coalesce(o.successor, '') AS successor, coalesce(o.owners, '{}') AS owners, coalesce(o.terms, '{}') AS terms,
	       CASE WHEN ` + alsoRestricted + ` THEN 'restricted' ELSE coalesce(o.access, s.access) END AS access, o.fresh_within,
	       d.id, s.slug AS source, d.name, d.scope, d.native_id, d.kind, d.location, d.format, d.partitioning, d.sort_order,
	       d.row_count, d.byte_count, d.file_count, d.column_count, d.snapshot_id, d.data_at, d.properties, d.usage, d.standing,
	       d.estimated, d.definition, d.main_id, d.main_rule, d.main_evidence, d.problem, d.problem_since,
	       d.created_at, d.changed_at, d.seen_at, d.gone_at
	FROM dataset d JOIN source s ON s.id = d.source_id LEFT JOIN dataset_override o ON o.dataset_id = d.id `
)

// datasets runs a query that begins with datasetSelect.
func (s *Store) datasets(ctx context.Context, query string, args ...any) ([]Dataset, error) {
	rows, _ := s.db.Query(ctx, query, args...) // CollectRows returns this error
	return pgx.CollectRows(rows, pgx.RowToStructByName[Dataset])
}

// Dataset returns the dataset named by key. The name is matched exactly, else without regard to case if that finds just
// one. Datasets that are gone are found too.
func (s *Store) Dataset(ctx context.Context, key Key) (Dataset, error) {
	const q = datasetSelect + `
		WHERE s.slug = @source AND lower(d.name) = lower(@name)
		ORDER BY d.name = @name DESC, d.gone_at NULLS FIRST LIMIT 2`
	found, err := s.datasets(ctx, q, pgx.NamedArgs{"source": key.Source, "name": key.Name})
	if err != nil {
		return Dataset{}, fmt.Errorf("dataset %s: %w", key, err)
	}
	if len(found) == 0 || (found[0].Name != key.Name && len(found) > 1) {
		return Dataset{}, fault.NotFoundf("there is no dataset %s", key)
	}
	return found[0], nil
}

// CaseTwins returns the other live datasets of the source whose names differ from key's only by case.
func (s *Store) CaseTwins(ctx context.Context, key Key) ([]Dataset, error) {
	const q = datasetSelect + `
		WHERE s.slug = @source AND lower(d.name) = lower(@name) AND d.name <> @name AND d.gone_at IS NULL ORDER BY d.name LIMIT 20`
	return s.datasets(ctx, q, pgx.NamedArgs{"source": key.Source, "name": key.Name})
}

// Columns returns a dataset's columns in order.
func (s *Store) Columns(ctx context.Context, id int64) ([]Column, error) {
	return s.FirstColumns(ctx, id, maxColumns)
}

// columnSelect lists the fields of a Column as people see it.
const columnSelect = `c.position, c.path, c.type, c.nullable, coalesce(doc.comment, c.comment) AS comment, c.native_id
		FROM dataset_column c LEFT JOIN dataset_column_doc doc ON doc.dataset_id = c.dataset_id AND doc.path = c.path`

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// columns returns the columns of a dataset as a crawler saw them.
func columns(ctx context.Context, db querier, id int64) ([]Column, error) {
	const q = `SELECT position, path, type, nullable, comment, native_id FROM dataset_column WHERE dataset_id = $1 ORDER BY position`
	rows, _ := db.Query(ctx, q, id)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Column])
}

// FirstColumns returns the first columns of a dataset, fields of structs among them.
func (s *Store) FirstColumns(ctx context.Context, id int64, limit int) ([]Column, error) {
	const q = `SELECT ` + columnSelect + ` WHERE c.dataset_id = $1 AND c.position < $2 ORDER BY c.position`
	rows, _ := s.db.Query(ctx, q, id, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Column])
}

// Snapshots returns a dataset's commits, newest first.
func (s *Store) Snapshots(ctx context.Context, id int64, limit int) ([]Snapshot, error) {
	const q = `
		SELECT id, parent_id, at, operation, added_rows, deleted_rows, total_rows, added_bytes, total_bytes, added_files, total_files, summary
		FROM snapshot WHERE dataset_id = $1 ORDER BY at DESC, id DESC LIMIT $2`
	rows, _ := s.db.Query(ctx, q, id, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Snapshot])
}

// Profile returns the newest profile of a dataset, or NotFound before the first.
func (s *Store) Profile(ctx context.Context, id int64) (Profile, error) {
	return s.ProfileOfFirst(ctx, id, maxColumns)
}

// ProfileOfFirst is Profile with the first columns only: reading thousands of them takes longer than the rest of a page.
func (s *Store) ProfileOfFirst(ctx context.Context, id int64, columns int) (Profile, error) {
	const q = `
		SELECT snapshot_id, taken_at, rows_total, rows_read, took_ms, problem,
		       CASE WHEN $2 >= jsonb_array_length(columns) THEN columns
		            ELSE jsonb_path_query_array(columns, '$[0 to $n]', jsonb_build_object('n', $2 - 1)) END AS columns
		FROM profile WHERE dataset_id = $1`
	rows, _ := s.db.Query(ctx, q, id, columns)
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Profile])
	if errors.Is(err, pgx.ErrNoRows) {
		return Profile{}, fault.NotFoundf("this dataset has no profile yet")
	}
	return p, err
}

// PutProfile keeps p as the profile of a dataset in place of any older one.
func (s *Store) PutProfile(ctx context.Context, id int64, p Profile) error {
	const q = `
		INSERT INTO profile (dataset_id, snapshot_id, rows_total, rows_read, took_ms, columns, problem)
		VALUES (@id, @snapshot, @total, @read, @took, @columns, @problem)
		ON CONFLICT (dataset_id) DO UPDATE SET snapshot_id = excluded.snapshot_id, taken_at = now(), rows_total = excluded.rows_total,
			rows_read = excluded.rows_read, took_ms = excluded.took_ms, columns = excluded.columns, problem = excluded.problem`
	if p.Columns == nil {
		p.Columns = []ColumnProfile{}
	}
	_, err := s.db.Exec(ctx, q, pgx.NamedArgs{
		"id": id, "snapshot": p.SnapshotID, "total": p.RowsTotal, "read": p.RowsRead,
		"took": p.TookMS, "columns": p.Columns, "problem": p.Problem,
	})
	if err != nil {
		return fmt.Errorf("keep profile of dataset %d: %w", id, err)
	}
	return nil
}

// Unprofiled returns live datasets of a source whose current snapshot has no profile, tables only, at most limit.
func (s *Store) Unprofiled(ctx context.Context, slug string, limit int) ([]Dataset, error) {
	const q = datasetSelect + `LEFT JOIN profile p ON p.dataset_id = d.id
		WHERE s.slug = @source AND d.gone_at IS NULL AND d.problem = '' AND d.kind = 'table' AND d.snapshot_id <> ''
		  AND p.snapshot_id IS DISTINCT FROM d.snapshot_id
		ORDER BY d.id LIMIT @limit`
	return s.datasets(ctx, q, pgx.NamedArgs{"source": slug, "limit": limit})
}

// Totals is how much the catalog holds.
type Totals struct {
	Sources  int
	Datasets int // live ones, of several that are one thing one; likewise the figures below
	Columns  int
	Rows     int64 // of tables that say how many they have
	Bytes    int64

	Estimated bool // some of Rows are an estimate of their source
}

// Totals returns how much the catalog held at the end of each source's last crawl.
func (s *Store) Totals(ctx context.Context) (Totals, error) {
	const q = `
		SELECT (SELECT count(*) FROM source WHERE retired_at IS NULL) AS sources, coalesce(sum(pages), 0)::bigint AS datasets,
		       coalesce(bool_or(estimated), false) AS estimated,
		       coalesce(sum(columns), 0)::bigint AS columns, least(coalesce(sum(rows), 0), 9223372036854775807)::bigint AS rows,
		       least(coalesce(sum(bytes), 0), 9223372036854775807)::bigint AS bytes
		FROM source_scope`
	rows, _ := s.db.Query(ctx, q)
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Totals])
}

// DatasetVersion is a change of a dataset as a list of news shows it.
type DatasetVersion struct {
	Dataset  Dataset
	At       time.Time
	Changes  []Change // of that moment, at most 20
	Datasets int      // that one edit changed at once, of which Dataset is one; 1 for a change of one
}

// changeSelect lists the fields of a Change c that may be the edit e.
const changeSelect = `
	c.id, c.at, coalesce(c.crawl_id, 0) AS crawl_id, c.kind, c.field, c.old, c.new,
	coalesce(e.id, 0) AS edit_id, coalesce(e.person, '') AS by, coalesce(e.via, '') AS via, coalesce(e.reason, '') AS reason`

// News returns what changed last, newest first: one entry for each of the datasets whose shape or description changed most
// recently, and one for all that one edit changed at once. The first sight of a dataset is news as well.
func (s *Store) News(ctx context.Context, limit int) ([]DatasetVersion, error) {
	const newest = `
		SELECT ` + changeSelect + `
		FROM dataset_change c LEFT JOIN dataset_edit e ON e.id = c.edit_id
		WHERE c.dataset_id = $1 AND c.at = (SELECT max(at) FROM dataset_change WHERE dataset_id = $1) ORDER BY c.id LIMIT 20`
	ids, together, err := s.newsOf(ctx, limit)
	if err != nil {
		return nil, err
	}
	found, err := s.datasets(ctx, datasetSelect+`WHERE d.id = ANY($1) ORDER BY d.changed_at DESC, d.id DESC`, ids)
	if err != nil {
		return nil, err
	}
	news := make([]DatasetVersion, len(found))
	for i, d := range found {
		rows, _ := s.db.Query(ctx, newest, d.ID)
		changes, err := pgx.CollectRows(rows, pgx.RowToStructByName[Change])
		if err != nil {
			return nil, err
		}
		news[i] = DatasetVersion{Dataset: d, At: d.ChangedAt, Changes: changes, Datasets: together[d.ID]}
	}
	return news, nil
}

// newsOf returns the datasets that changed last, of those that one edit changed only one, and how many that edit changed.
func (s *Store) newsOf(ctx context.Context, limit int) (ids []int64, together map[int64]int, err error) {
	const q = `
		WITH moment AS (
			SELECT changed_at AS at, count(*) AS datasets FROM dataset GROUP BY changed_at ORDER BY changed_at DESC LIMIT @limit
		), sampled AS (
			SELECT m.*, (SELECT d.id FROM dataset d WHERE d.changed_at = m.at LIMIT 1) AS sample FROM moment m
		), act AS (
			SELECT s.*, EXISTS (SELECT FROM dataset_change c WHERE c.dataset_id = s.sample AND c.at = s.at AND c.edit_id IS NOT NULL) AS edited FROM sampled s
		)
		SELECT n.id, CASE WHEN a.edited THEN a.datasets ELSE 1 END
		FROM act a CROSS JOIN LATERAL (
			SELECT a.sample AS id WHERE a.edited
			UNION ALL (SELECT d.id FROM dataset d WHERE NOT a.edited AND d.changed_at = a.at ORDER BY d.id DESC LIMIT @limit)
		) AS n ORDER BY a.at DESC, n.id DESC LIMIT @limit`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"limit": limit})
	together = map[int64]int{}
	var id int64
	var n int
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error {
		ids, together[id] = append(ids, id), n
		return nil
	})
	return ids, together, err
}

// Opened returns the datasets that a person opened last, newest first.
func (s *Store) Opened(ctx context.Context, person int64, limit int) ([]Dataset, error) {
	const q = datasetSelect + `JOIN dataset_open v ON v.dataset_id = d.id WHERE v.person_id = $1 ORDER BY v.opened_at DESC LIMIT $2`
	return s.datasets(ctx, q, person, limit)
}

// Popular returns the live datasets opened most in the last 30 days, most first.
func (s *Store) Popular(ctx context.Context, limit int) ([]Dataset, error) {
	const q = datasetSelect + `
		JOIN (SELECT dataset_id, sum(opens) AS opens FROM dataset_open WHERE opened_at > now() - interval '30 days'
		      GROUP BY dataset_id ORDER BY 2 DESC LIMIT 200) v ON v.dataset_id = d.id
		WHERE d.gone_at IS NULL ORDER BY v.opens DESC, d.id LIMIT $1`
	return s.datasets(ctx, q, limit)
}

// MarkOpened notes that a person opened a dataset.
func (s *Store) MarkOpened(ctx context.Context, person, dataset int64) error {
	const q = `
		INSERT INTO dataset_open (person_id, dataset_id) VALUES ($1, $2)
		ON CONFLICT (person_id, dataset_id) DO UPDATE SET opens = dataset_open.opens + 1, opened_at = now()`
	_, err := s.db.Exec(ctx, q, person, dataset)
	return err
}
