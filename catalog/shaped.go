package catalog

import (
	"context"
	"fmt"
	"time"
)

// Changed is when what a history tells of changed last; nil for never.
type Changed struct {
	Shape *time.Time // the columns: which there are, their types and order
	Words *time.Time // what is said of it: title, description, owner, comments …
}

// Changed returns when the shape of w changed last, and when what is said of it did.
func (s *Store) Changed(ctx context.Context, w *Whole) (c Changed, err error) {
	const q = `
		SELECT max(at) FILTER (WHERE kind IN ('created', 'column_added', 'column_removed', 'column_renamed', 'column_retyped', 'column_nullable', 'column_moved')),
		       max(at) FILTER (WHERE kind = 'column_comment' OR kind = 'attribute'
		           AND (edit_id IS NOT NULL OR field IN ('title', 'description', 'team', 'domain', 'tags', 'certified', 'deprecated')))
		FROM dataset_change WHERE dataset_id = ANY ($1)`
	if err := s.db.QueryRow(ctx, q, w.ids()).Scan(&c.Shape, &c.Words); err != nil {
		return Changed{}, fmt.Errorf("when dataset %d changed: %w", w.ID, err)
	}
	return c, nil
}
