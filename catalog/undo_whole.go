package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// wholeEdit is a change of a registered dataset as a whole: of its columns, its name, or that it is there.
type wholeEdit struct {
	ID           int64
	Source, Name string
	Field        string
	Old          string
	Newest       int64 // of that field
}

// Key names the dataset as it is called now.
func (e *wholeEdit) Key() Key { return Key{e.Source, e.Name} }

// wholeEdit returns such an edit, or nil when that of this id is none.
func (s *Store) wholeEdit(ctx context.Context, id int64) (*wholeEdit, error) {
	const q = `
		SELECT e.id, s.slug AS source, d.name, e.field, coalesce(e.old, '') AS old,
		       (SELECT max(n.id) FROM dataset_edit n WHERE n.dataset_id = e.dataset_id AND n.field = e.field) AS newest
		FROM dataset_edit e JOIN dataset d ON d.id = e.dataset_id JOIN source s ON s.id = d.source_id
		WHERE e.id = $1 AND e.field IN ('columns', 'name', 'there') AND s.slug = $2`
	rows, _ := s.db.Query(ctx, q, id, Registered)
	e, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[wholeEdit])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // most edits are none
	}
	return e, err
}

// undoWhole takes such a change back. Where somebody changed the same again since, it is an EditConflict.
func (s *Store) undoWhole(ctx context.Context, act access.Act, e *wholeEdit) (key Key, err error) {
	key = e.Key()
	if e.Newest != e.ID {
		return key, s.newerWhole(ctx, key, e.Newest)
	}
	switch e.Field {
	case fieldName:
		key, err = s.Rename(ctx, act, key, e.Old)
	case fieldThere:
		err = s.setThere(ctx, act, key, e.Old == "yes")
	default:
		var columns []Column
		if columns, _, err = ReadColumns(e.Old); err == nil {
			err = s.SetColumns(ctx, act, key, columns, e.Newest)
		}
	}
	return key, err
}

// newerWhole is the conflict with a newer change of the same.
func (s *Store) newerWhole(ctx context.Context, key Key, newest int64) error {
	conflict := &EditConflict{Key: key, EditID: newest}
	const q = `SELECT field, person, at, coalesce(new, '') FROM dataset_edit WHERE id = $1`
	if err := s.db.QueryRow(ctx, q, newest).Scan(&conflict.Field, &conflict.By, &conflict.At, &conflict.Theirs); err != nil {
		return fmt.Errorf("newer change of %s: %w", key, err)
	}
	return conflict
}

// errWhole refuses to take a change of the whole back together with others.
var errWhole = fault.Invalidf("", "a change of the columns, the name or of being there is taken back alone")
