package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// readLenders finds out which of the teams exist that only a description names.
func (w *editing) readLenders(ctx context.Context, tx pgx.Tx) error {
	var named []string
	for i := range w.heads {
		if h := &w.heads[i]; h.Lent.Team {
			named = append(named, h.Team)
		}
	}
	if len(named) == 0 {
		return nil
	}
	rows, _ := tx.Query(ctx, `SELECT slug FROM team WHERE slug = ANY($1) AND gone_at IS NULL`, named)
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("teams that descriptions name: %w", err)
	}
	w.lenders = there
	return nil
}

// pinned are the edits that go with a restriction: whose a dataset is must be said here, and not by who only describes it.
func (w *editing) pinned(d *Dataset, edits []Edit) (more []Edit) {
	restricts := slices.ContainsFunc(edits, func(e Edit) bool { return e.Field == FieldAccess && e.Value != nil && *e.Value == Restricted })
	says := func(field string) bool {
		return slices.ContainsFunc(edits, func(e Edit) bool { return e.Field == field })
	}
	if restricts && d.Lent.Team && !says(FieldTeam) && slices.Contains(w.lenders, d.Team) {
		more = append(more, Edit{Field: FieldTeam, Value: &d.Team})
	}
	if restricts && d.Lent.Owners && !says(FieldOwners) {
		owners := make([]string, len(d.Owners))
		for i, id := range d.Owners {
			owners[i] = FormatID(id)
		}
		value := ListValue(owners)
		more = append(more, Edit{Field: FieldOwners, Value: &value})
	}
	return more
}
