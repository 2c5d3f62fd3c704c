package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
)

// Subjects returns what decides who may read the rows of datasets, by their ids: of each that of the one whose page shows it,
// with what its other names add. Ids that are none are not in it.
func (s *Store) Subjects(ctx context.Context, ids []int64) (map[int64]access.Subject, error) {
	rows, _ := s.db.Query(ctx, `SELECT id, coalesce(main_id, id) FROM dataset WHERE id = ANY($1)`, ids)
	main := map[int64]int64{}
	var id, of int64
	if _, err := pgx.ForEachRow(rows, []any{&id, &of}, func() error { main[id] = of; return nil }); err != nil {
		return nil, fmt.Errorf("whose page shows %d datasets: %w", len(ids), err)
	}
	shown := slices.Sorted(maps.Values(main))
	heads, err := headsOf(ctx, s.db, slices.Compact(shown))
	if err != nil {
		return nil, fmt.Errorf("who may read %d datasets: %w", len(ids), err)
	}
	byMain := map[int64]access.Subject{}
	for i := range heads {
		merge(&heads[i].Dataset, heads[i].others)
		byMain[heads[i].ID] = heads[i].Subject()
	}
	subjects := map[int64]access.Subject{}
	for id, of := range main {
		if d, ok := byMain[of]; ok {
			subjects[id] = d
		}
	}
	return subjects, nil
}
