package corpus

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Write draws n datasets and copies them into an empty catalog, without search entries. It holds one block of them at a
// time and hands each to see, if that is not nil.
func (c *Corpus) Write(ctx context.Context, db *pgxpool.Pool, n int, see func(*Item)) error {
	const sources = `INSERT INTO source (slug, kind) SELECT 'source' || lpad(i::text, 2, '0'), 'corpus' FROM generate_series(0, 39) i`
	const ids = `SELECT slug, id FROM source`
	const next = `SELECT setval(pg_get_serial_sequence('dataset', 'id'), $1)`
	if _, err := db.Exec(ctx, sources); err != nil {
		return err
	}
	rows, _ := db.Query(ctx, ids)
	source := map[string]int32{}
	var slug string
	var id int32
	if _, err := pgx.ForEachRow(rows, []any{&slug, &id}, func() error { source[slug] = id; return nil }); err != nil {
		return err
	}
	taken := map[[2]string]bool{}
	for done := 0; done < n; {
		block := make([]Item, min(20_000, n-done))
		for i := range block {
			done++
			block[i] = c.Next(int64(done))
			for key := [2]string{block[i].Source, block[i].Name}; taken[key]; key[1] = block[i].Name {
				block[i].Name += fmt.Sprintf("_%d", done)
			}
			taken[[2]string{block[i].Source, block[i].Name}] = true
			if see != nil {
				see(&block[i])
			}
		}
		if err := copyBlock(ctx, db, block, source); err != nil {
			return err
		}
	}
	_, err := db.Exec(ctx, next, max(n, 1))
	return err
}

func copyBlock(ctx context.Context, db *pgxpool.Pool, block []Item, source map[string]int32) error {
	_, err := db.CopyFrom(ctx, pgx.Identifier{"dataset"}, []string{
		"id", "source_id", "name", "scope", "kind", "title", "description", "team", "domain", "tags", "certified", "deprecated",
		"column_count", "data_at", "usage", "gone_at",
	}, pgx.CopyFromSlice(len(block), func(i int) ([]any, error) {
		d := &block[i].Dataset
		return []any{
			d.ID, source[d.Source], d.Name, d.Scope, d.Kind, d.Title, d.Description, d.Team, d.Domain, d.Tags, d.Certified,
			d.Deprecated, d.ColumnCount, d.DataAt, d.Usage, d.GoneAt,
		}, nil
	}))
	if err != nil {
		return fmt.Errorf("copy datasets: %w", err)
	}
	i, j := 0, -1
	_, err = db.CopyFrom(ctx, pgx.Identifier{"dataset_column"}, []string{"dataset_id", "position", "path", "type", "nullable"},
		pgx.CopyFromFunc(func() ([]any, error) {
			for j++; i < len(block) && j == len(block[i].Columns); i, j = i+1, 0 {
			}
			if i == len(block) {
				return nil, nil
			}
			c := block[i].Columns[j]
			return []any{block[i].ID, c.Position, c.Path, c.Type, c.Nullable}, nil
		}))
	if err != nil {
		return fmt.Errorf("copy columns: %w", err)
	}
	return nil
}
