package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// WholeVersions is Versions of all that w is made of: Change.Of says whose a change is.
func (s *Store) WholeVersions(ctx context.Context, w *Whole, before, limit int) ([]Version, error) {
	return s.versions(ctx, w.ids(), before, limit)
}

// SchemaTexts returns versions of a schema as they were registered, by version; those that are not there are left out.
func (s *Store) SchemaTexts(ctx context.Context, dataset int64, versions ...int) (map[int]string, error) {
	rows, _ := s.db.Query(ctx, `SELECT version, text FROM schema_text WHERE dataset_id = $1 AND version = ANY($2)`, dataset, versions)
	texts := map[int]string{}
	var version int
	var text string
	_, err := pgx.ForEachRow(rows, []any{&version, &text}, func() error {
		texts[version] = text
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("schema texts of dataset %d: %w", dataset, err)
	}
	return texts, nil
}

// Versions returns a dataset's history, newest version first, of versions numbered below before (0: from the newest).
func (s *Store) Versions(ctx context.Context, id int64, before, limit int) ([]Version, error) {
	return s.versions(ctx, []int64{id}, before, limit)
}

func (s *Store) versions(ctx context.Context, ids []int64, before, limit int) ([]Version, error) {
	const q = `
		WITH entry AS (
			SELECT at, bool_or(NOT (kind = 'attribute' AND field = 'shown with') AND (kind <> 'created' OR dataset_id = @main)) AS counts
			FROM dataset_change WHERE dataset_id = ANY(@ids) GROUP BY at
		), version AS (
			SELECT at, row_number() OVER (ORDER BY at) AS number,
			       CASE WHEN counts THEN count(*) FILTER (WHERE counts) OVER (ORDER BY at) ELSE 0 END AS shape FROM entry
		), wanted AS (
			SELECT * FROM version WHERE @before::bigint = 0 OR number < @before ORDER BY number DESC LIMIT @limit
		)
		SELECT w.number, w.shape, s.slug AS source, d.name,` + changeSelect + `
		FROM wanted w JOIN dataset_change c ON c.dataset_id = ANY(@ids) AND c.at = w.at LEFT JOIN dataset_edit e ON e.id = c.edit_id
		JOIN dataset d ON d.id = c.dataset_id JOIN source s ON s.id = d.source_id ORDER BY w.number DESC, c.id`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"ids": ids, "main": ids[0], "before": before, "limit": limit})
	type row struct {
		Number       int
		Shape        int
		Source, Name string
		Change
	}
	changes, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return nil, fmt.Errorf("versions of dataset %d: %w", ids[0], err)
	}
	var versions []Version
	for _, c := range changes {
		if n := len(versions); n == 0 || versions[n-1].Number != c.Number {
			versions = append(versions, Version{Number: c.Number, Shape: c.Shape, At: c.At, CrawlID: c.CrawlID, By: c.By, Via: c.Via, Reason: c.Reason})
		}
		v := &versions[len(versions)-1]
		c.Of = Key{c.Source, c.Name}
		v.Changes = append(v.Changes, c.Change)
	}
	return versions, nil
}
