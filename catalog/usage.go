package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// OpenedBy returns how many people opened a dataset's page within the last 30 days, and how often these people have opened
// it in all. Reads elsewhere are not known here.
func (s *Store) OpenedBy(ctx context.Context, dataset int64) (people, opens int, err error) {
	const q = `
		SELECT count(*), coalesce(sum(opens), 0) FROM dataset_open WHERE dataset_id = $1 AND opened_at > now() - interval '30 days'`
	if err := s.db.QueryRow(ctx, q, dataset).Scan(&people, &opens); err != nil {
		return 0, 0, fmt.Errorf("opens of dataset %d: %w", dataset, err)
	}
	return people, opens, nil
}

// Named returns the datasets of a source that have one of the names, by name: those of the names that are missing from the
// answer mean something else. Names are compared exactly, and datasets that are gone are found too.
func (s *Store) Named(ctx context.Context, source string, names []string) (map[string]Key, error) {
	if len(names) == 0 {
		return map[string]Key{}, nil
	}
	const q = `SELECT d.name FROM dataset d JOIN source s ON s.id = d.source_id WHERE s.slug = @source AND d.name = ANY(@names)`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"source": source, "names": names})
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("resolve names of %s: %w", source, err)
	}
	found := make(map[string]Key, len(there))
	for _, name := range there {
		found[name] = Key{source, name}
	}
	return found, nil
}

// ByNativeID returns the datasets of a source that have one of the source's own ids, by that id.
func (s *Store) ByNativeID(ctx context.Context, source string, ids []string) (map[string]Key, error) {
	const q = `
		SELECT d.native_id, d.name FROM dataset d JOIN source s ON s.id = d.source_id
		WHERE s.slug = $1 AND d.native_id = ANY($2) AND d.native_id <> '' ORDER BY d.gone_at IS NOT NULL DESC, d.id`
	rows, _ := s.db.Query(ctx, q, source, ids)
	found := map[string]Key{}
	var id, name string
	_, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		found[id] = Key{source, name}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("native ids of %s: %w", source, err)
	}
	return found, nil
}

// ChangedBy returns the datasets that a crawl found new, changed or gone, by name, at most limit.
func (s *Store) ChangedBy(ctx context.Context, crawl *Crawl, limit int) ([]Key, error) {
	const q = `
		SELECT s.slug AS source, d.name FROM dataset d JOIN source s ON s.id = d.source_id
		WHERE d.id IN (SELECT dataset_id FROM dataset_change
			WHERE at >= @started AND at <= coalesce(@finished::timestamptz, now()) AND crawl_id = @id)
		ORDER BY d.name LIMIT @limit`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"id": crawl.ID, "started": crawl.StartedAt, "finished": crawl.FinishedAt, "limit": limit})
	return pgx.CollectRows(rows, pgx.RowToStructByName[Key])
}
