package catalog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// keepRestricted leaves each dataset restricted of a group that was and comes apart: what one of them restricts holds for the
// others only as long as they are one. Somebody who owns it may open it then.
func keepRestricted(ctx context.Context, tx pgx.Tx, members []member, want map[int64]shownWith) error {
	const edits = `
		WITH left_alone AS (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS m (id, main)), closed AS (
			SELECT coalesce(d.main_id, d.id) AS main, min(s.slug || '/' || d.name) AS by
			FROM dataset d JOIN source s ON s.id = d.source_id LEFT JOIN dataset_override o ON o.dataset_id = d.id
			WHERE coalesce(d.main_id, d.id) = ANY($2) AND d.standing <> $3 AND coalesce(o.access, s.access) = $4 GROUP BY 1
		)
		INSERT INTO dataset_edit (dataset_id, field, old, new, person_id, person, via, reason)
		SELECT l.id, 'access', a.value, $4, 0, 'the portal', 'crawl', 'was restricted together with ' || c.by
		FROM left_alone l JOIN closed c USING (main) LEFT JOIN dataset_attribute a ON a.dataset_id = l.id AND a.field = 'access' AND a.origin = 'edited'
		WHERE a.value IS DISTINCT FROM $4 RETURNING id, dataset_id`
	groups := map[int64]bool{} // that come apart, by who has their page until now
	for _, m := range members {
		if shownBy(&m) != wantedBy(&m, want) {
			groups[shownBy(&m)] = true
		}
	}
	var ids, mains []int64
	for _, m := range members {
		if groups[shownBy(&m)] && m.Standing != Describes {
			ids, mains = append(ids, m.ID), append(mains, shownBy(&m))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, _ := tx.Query(ctx, edits, ids, mains, Describes, Restricted)
	var made, of []int64
	var edit, id int64
	if _, err := pgx.ForEachRow(rows, []any{&edit, &id}, func() error {
		made, of = append(made, edit), append(of, id)
		return nil
	}); err != nil {
		return fmt.Errorf("keep datasets restricted: %w", err)
	}
	if len(made) == 0 {
		return nil
	}
	if err := holdEdits(ctx, tx, made); err != nil {
		return err
	}
	return override(ctx, tx, of)
}

// shownBy returns the dataset on whose page m is shown until now, wantedBy from now on.
func shownBy(m *member) int64 {
	if m.MainID != nil {
		return *m.MainID
	}
	return m.ID
}

func wantedBy(m *member, want map[int64]shownWith) int64 {
	if to, joined := want[m.ID]; joined {
		return to.main
	}
	return m.ID
}
