package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// takenDown finds an announcement that was taken down before its time, by its id and those of the datasets that it may be of.
const takenDown = `
	SELECT a.id, s.slug AS source, p.name, a.text, a.tone, a.person_id, a.person, a.starts_at, a.until AS ends_at
	FROM announcement a JOIN dataset d ON d.id = a.dataset_id JOIN dataset p ON p.id = coalesce(d.main_id, d.id) JOIN source s ON s.id = p.source_id
	WHERE a.id = $1 AND a.ended_by <> '' AND (a.until IS NULL OR a.until > now())`

// TakenDown returns an announcement that was taken down and could be put up again; any other is NotFound.
func (s *Store) TakenDown(ctx context.Context, id int64) (Announcement, error) {
	return takenDownOf(ctx, s.db, id)
}

func takenDownOf(ctx context.Context, db querier, id int64) (Announcement, error) {
	rows, _ := db.Query(ctx, takenDown, id)
	a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Announcement])
	if errors.Is(err, pgx.ErrNoRows) {
		return a, fault.NotFoundf("no announcement %d was taken down that still holds", id)
	}
	return a, err
}

// RestoreAnnouncement puts an announcement up again that was taken down, and returns where it stands. Who acts must own the dataset.
func (s *Store) RestoreAnnouncement(ctx context.Context, act access.Act, id int64) (Key, error) {
	const restore = `UPDATE announcement SET ends_at = until, until = NULL, ended_by = '' WHERE id = $1`
	var key Key
	err := s.retry(ctx, func(tx pgx.Tx) error {
		a, err := takenDownOf(ctx, tx, id)
		if err != nil {
			return err
		}
		key = a.Key()
		if _, err := lockOwned(ctx, tx, act.Who, key); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, restore, id); err != nil {
			return fmt.Errorf("restore announcement %d: %w", id, err)
		}
		return s.recordAnnouncement(ctx, tx, act, "dataset.restore_announcement", key, map[string]any{"announcement": id, "text": a.Text})
	})
	return key, err
}
