package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// What of a registered dataset is changed as a whole, beside Fields: edits of these names are in its history.
const (
	fieldColumns = "columns"
	fieldName    = "name"
	fieldThere   = "there"
)

// SetColumns makes these the columns of a registered dataset. base is the number of changes of its columns that the author saw,
// see ColumnsBase; when there are more by now it is an EditConflict.
func (s *Store) SetColumns(ctx context.Context, act access.Act, key Key, columns []Column, base int64) error {
	if err := checkColumns(columns); err != nil {
		return err
	}
	err := s.reshape(ctx, act, key, "dataset.columns", func(tx pgx.Tx, d *Dataset) (remade, error) {
		before, err := columnsAsSeen(ctx, tx, d.ID)
		if err != nil {
			return remade{}, err
		}
		if err := unchangedSince(ctx, tx, d, base); err != nil {
			return remade{}, err
		}
		p, err := prepare(&Observation{Name: d.Name, Kind: d.Kind, Location: d.Location, Columns: slices.Clone(columns)})
		if err != nil {
			return remade{}, err
		}
		done := remade{field: fieldColumns, old: ColumnsText(before), now: ColumnsText(p.Columns), history: diffColumns(before, p.Columns)}
		if len(done.history) == 0 && !shifted(before, p.Columns) {
			return remade{}, nil
		}
		if err := updateDataset(ctx, tx, &Crawl{Source: Registered}, "", d.ID, p, true); err != nil {
			return remade{}, err
		}
		if err := putColumns(ctx, tx, d.ID, p.Columns); err != nil {
			return remade{}, err
		}
		return done, carryWords(ctx, tx, d.ID, done.history)
	})
	if err != nil {
		return err
	}
	return s.countRegistered(ctx)
}

func columnsAsSeen(ctx context.Context, tx pgx.Tx, id int64) ([]Column, error) {
	c, err := columns(ctx, tx, id)
	if err != nil {
		return nil, fmt.Errorf("columns of dataset %d: %w", id, err)
	}
	return c, nil
}

// ColumnsBase returns the id of the newest change of a registered dataset's columns as a whole, 0 for none.
func (s *Store) ColumnsBase(ctx context.Context, id int64) (base int64, err error) {
	err = s.db.QueryRow(ctx, newestColumns, id).Scan(&base)
	return base, err
}

const newestColumns = `SELECT coalesce(max(id), 0) FROM dataset_edit WHERE dataset_id = $1 AND field = 'columns'`

func unchangedSince(ctx context.Context, tx pgx.Tx, d *Dataset, base int64) error {
	var newest int64
	if err := tx.QueryRow(ctx, newestColumns, d.ID).Scan(&newest); err != nil || newest == base {
		return err
	}
	conflict := &EditConflict{Key: d.Key(), Field: fieldColumns, EditID: newest}
	err := tx.QueryRow(ctx, `SELECT person, at, coalesce(new, '') FROM dataset_edit WHERE id = $1`, newest).Scan(&conflict.By, &conflict.At, &conflict.Theirs)
	if err != nil {
		return err
	}
	return conflict
}

// Rename gives a registered dataset another name.
func (s *Store) Rename(ctx context.Context, act access.Act, key Key, name string) (Key, error) {
	if len(name) > maxRegisteredName || !registeredName.MatchString(name) {
		return key, fault.Invalidf("name", "a name begins with a letter or a digit, goes on with those, spaces and . _ - : ( ), and has at most %d bytes", maxRegisteredName)
	}
	if name == key.Name {
		return key, nil
	}
	err := s.reshape(ctx, act, key, "dataset.rename", func(tx pgx.Tx, d *Dataset) (remade, error) {
		if err := nameFree(ctx, tx, name); err != nil {
			return remade{}, err
		}
		_, err := tx.Exec(ctx, `UPDATE dataset SET name = $2, changed_at = now() WHERE id = $1`, d.ID, name)
		return remade{field: fieldName, old: d.Name, now: name, history: []Change{{Kind: Renamed, Field: "name", Old: d.Name, New: name}}}, err
	})
	return Key{key.Source, name}, err
}

// Remove takes a registered dataset out of the catalog: it is gone, like what a crawler does not find any more. Restore brings
// it back.
func (s *Store) Remove(ctx context.Context, act access.Act, key Key) error {
	return s.setThere(ctx, act, key, false)
}

// Restore brings a removed dataset back.
func (s *Store) Restore(ctx context.Context, act access.Act, key Key) error {
	return s.setThere(ctx, act, key, true)
}

func (s *Store) setThere(ctx context.Context, act access.Act, key Key, there bool) error {
	const q = `UPDATE dataset SET gone_at = CASE WHEN $2 THEN NULL ELSE now() END, changed_at = now() WHERE id = $1`
	action, done := "dataset.remove", remade{field: fieldThere, old: "yes", now: "no", history: []Change{{Kind: Gone, Field: "dataset", Old: key.Name}}}
	if there {
		action, done = "dataset.restore", remade{field: fieldThere, old: "no", now: "yes", history: []Change{{Kind: Back, Field: "dataset"}}}
	}
	err := s.reshape(ctx, act, key, action, func(tx pgx.Tx, d *Dataset) (remade, error) {
		if (d.GoneAt == nil) == there {
			return remade{}, nil
		}
		_, err := tx.Exec(ctx, q, d.ID, there)
		return done, err
	})
	if err != nil {
		return err
	}
	return s.countRegistered(ctx)
}

// remade is what became of a registered dataset; the zero one is nothing.
type remade struct {
	field, old, now string
	history         []Change
}

// reshape changes a registered dataset that who acts owns, with its history, its search entry and the audit log.
func (s *Store) reshape(ctx context.Context, act access.Act, key Key, action string, do func(pgx.Tx, *Dataset) (remade, error)) error {
	if key.Source != Registered {
		return fault.Conflictf("%s is read from its source: it is changed there", key)
	}
	return s.retry(ctx, func(tx pgx.Tx) error {
		if err := holdJoins(ctx, tx); err != nil {
			return err
		}
		observed, err := lockDataset(ctx, tx, key.Source, key.Name)
		if err != nil {
			return err
		}
		heads, err := headsOf(ctx, tx, []int64{observed.ID})
		if err != nil || len(heads) == 0 {
			return err
		}
		d := &heads[0].Dataset
		if !act.Who.Owns(d.Subject()) {
			return fault.Forbiddenf("%s is not yours to change: its owners, stewards of its domain and admins may", key)
		}
		done, err := do(tx, d)
		if err != nil || done.field == "" {
			return err
		}
		if err := tellRemade(ctx, tx, act, d.ID, &done); err != nil {
			return err
		}
		if err := indexDatasets(ctx, tx, []int64{d.ID}); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, access.Event{
			Action: action, Object: "dataset " + key.String(),
			Detail: map[string]any{"before": cutText(done.old, maxChangeText), "after": cutText(done.now, maxChangeText)},
		})
	})
}

func tellRemade(ctx context.Context, tx pgx.Tx, act access.Act, id int64, done *remade) error {
	const edit = `
		INSERT INTO dataset_edit (dataset_id, field, old, new, person_id, person, via, reason)
		VALUES (@id, @field, @old, @new, @who, @name, @via, @reason) RETURNING id`
	const claim = `UPDATE dataset_change SET edit_id = $2 WHERE dataset_id = $1 AND at = now() AND edit_id IS NULL`
	var number int64
	err := tx.QueryRow(ctx, edit, pgx.NamedArgs{
		"id": id, "field": done.field, "old": done.old, "new": done.now, "who": act.Who.ID, "name": act.Who.Name, "via": act.Via, "reason": act.Reason,
	}).Scan(&number)
	if err != nil {
		return err
	}
	if err := putChanges(ctx, tx, id, 0, done.history); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, claim, id, number)
	return err
}
