package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// Edit is what somebody wants a field of a dataset to be.
type Edit struct {
	Field  string   // see Fields and ColumnField
	Value  *string  // nil takes an earlier edit back: what is declared or observed holds again
	Add    []string // of a list, in place of Value: what is to be in it, and
	Remove []string // what is not
	Base   *int64   // id of the newest edit of the field that the author saw, 0 for none; nil: it does not matter
	Undoes int64    // the edit that this takes back, or 0
}

// DatasetEdits are edits of one dataset.
type DatasetEdits struct {
	Key   Key
	Edits []Edit
}

// Outcome is what edits did.
type Outcome struct {
	Changed   int // datasets
	Unchanged int // were so already
}

// EditConflict is a field that somebody else has edited since its author looked. It is a fault.Conflict.
type EditConflict struct {
	Key    Key
	Field  string
	Yours  string // what the author wanted
	Theirs string // what holds now
	By     string // who edited it
	At     time.Time
	EditID int64 // the newest edit: the Base of the next try
}

// Error says what happened.
func (e *EditConflict) Error() string { return e.message() }

func (e *EditConflict) message() string {
	return fmt.Sprintf("%s was changed by %s in the meantime", FieldWords(e.Field), e.By)
}

// FieldWords is how a field is written in a sentence.
func FieldWords(field string) string {
	if path, ok := ColumnOf(field); ok {
		return "words on " + path
	}
	if word, ok := map[string]string{"fresh_within": "freshness", "sunset": "last day", "terms": "glossary terms"}[field]; ok {
		return word
	}
	return strings.ReplaceAll(field, "_", " ")
}

// Unwrap makes it a Conflict.
func (e *EditConflict) Unwrap() error { return fault.Conflictf("%s", e.message()) }

// MaxEdited is how many datasets may be edited at once.
const MaxEdited = 20_000

// Edit changes fields of the dataset at key, all or none. Who acts must own it (see access.Principal.Owns), or take it: of a
// dataset that nobody owns, an owner may edit anything when they make it their own or their team's at once.
//
// What is declared in a file is a Conflict, what was edited since Base an EditConflict, what cannot be the value of a field
// Invalid. An edit that changes nothing is not kept.
func (s *Store) Edit(ctx context.Context, act access.Act, key Key, edits ...Edit) error {
	_, err := s.EditAll(ctx, act, []DatasetEdits{{key, edits}}, nil)
	return err
}

// TryEdit returns the Invalid errors that Edit would, joined, and changes nothing.
func (s *Store) TryEdit(ctx context.Context, who access.Principal, key Key, edits ...Edit) error {
	var wrong error
	err := s.retry(ctx, func(tx pgx.Tx) error {
		all := []DatasetEdits{{key, edits}}
		w, err := newEditing(ctx, tx, all)
		if err != nil {
			return err
		}
		if wrong = w.decide(who, all); wrong == nil || fault.KindOf(wrong) == fault.Invalid {
			wrong = errors.Join(wrong, w.checkNames(ctx, tx))
		}
		return errPreviewed
	})
	if !errors.Is(err, errPreviewed) {
		return err
	}
	if fault.KindOf(wrong) != fault.Invalid {
		return nil
	}
	return wrong
}

// EditMany is Edit of many datasets in the same way.
func (s *Store) EditMany(ctx context.Context, act access.Act, keys []Key, edits []Edit, progress func(done int)) (Outcome, error) {
	all := make([]DatasetEdits, len(keys))
	for i, key := range keys {
		all[i] = DatasetEdits{key, edits}
	}
	return s.EditAll(ctx, act, all, progress)
}

// EditAll is Edit of many datasets, each in its own way, in one transaction. progress, if not nil, is told how many datasets
// have been written; what it was told does not hold until EditAll returns.
func (s *Store) EditAll(ctx context.Context, act access.Act, all []DatasetEdits, progress func(done int)) (Outcome, error) {
	if len(all) > MaxEdited {
		return Outcome{}, fault.Invalidf("", "these are %d datasets, and at most %d can be edited at once", len(all), MaxEdited)
	}
	if len(act.Reason) > maxReason || !storable(act.Reason) {
		return Outcome{}, fault.Invalidf("reason", "the reason is longer than %d bytes or no text", maxReason)
	}
	var out Outcome
	err := s.retry(ctx, func(tx pgx.Tx) (err error) {
		out, err = s.editIn(ctx, tx, act, all, progress)
		return err
	})
	return out, err
}

// Undo makes the fields of one dataset be what they were before the edits, all at once or none. Where one was edited again
// since, it is an EditConflict.
func (s *Store) Undo(ctx context.Context, act access.Act, ids ...int64) (Key, error) {
	const q = `
		SELECT s.slug AS source, d.name, e.field, e.old, e.id FROM dataset_edit e
		JOIN dataset d ON d.id = e.dataset_id JOIN source s ON s.id = d.source_id WHERE e.id = ANY($1) ORDER BY e.id`
	for _, id := range ids {
		e, err := s.wholeEdit(ctx, id)
		switch {
		case err != nil:
			return Key{}, err
		case e != nil && len(ids) > 1:
			return e.Key(), errWhole
		case e != nil:
			return s.undoWhole(ctx, act, e)
		}
	}
	var all DatasetEdits
	err := s.retry(ctx, func(tx pgx.Tx) error {
		all = DatasetEdits{}
		rows, _ := tx.Query(ctx, q, ids)
		var e Edit
		var key Key
		if _, err := pgx.ForEachRow(rows, []any{&key.Source, &key.Name, &e.Field, &e.Value, &e.Undoes}, func() error {
			if len(all.Edits) > 0 && key != all.Key {
				return fault.Invalidf("", "these are edits of more than one dataset")
			}
			base := e.Undoes
			all.Key, all.Edits = key, append(all.Edits, Edit{Field: e.Field, Value: e.Value, Base: &base, Undoes: base})
			return nil
		}); err != nil {
			return err
		}
		if len(all.Edits) < len(ids) || len(ids) == 0 {
			return fault.NotFoundf("there is no edit %d", slices.Max(append([]int64{0}, ids...)))
		}
		_, err := s.editIn(ctx, tx, act, []DatasetEdits{all}, nil)
		return err
	})
	return all.Key, err
}

// NewerEdit is an edit of a field that somebody made after another one.
type NewerEdit struct {
	Field  string
	New    *string // nil: it took an earlier edit back
	Person string
	At     time.Time
}

// NewerEdits returns the newest edits of the fields that some edits of a dataset changed, of those that were edited again since.
func (s *Store) NewerEdits(ctx context.Context, dataset int64, ids []int64) ([]NewerEdit, error) {
	const q = `
		SELECT DISTINCT ON (n.field) n.field, n.new, n.person, n.at FROM dataset_edit e
		JOIN dataset_edit n ON n.dataset_id = e.dataset_id AND n.field = e.field AND n.id > e.id
		WHERE e.dataset_id = $1 AND e.id = ANY($2) ORDER BY n.field, n.id DESC`
	rows, _ := s.db.Query(ctx, q, dataset, ids)
	newer, err := pgx.CollectRows(rows, pgx.RowToStructByName[NewerEdit])
	if err != nil {
		return nil, fmt.Errorf("newer edits of dataset %d: %w", dataset, err)
	}
	return newer, nil
}

// editIn carries edits out in tx.
func (s *Store) editIn(ctx context.Context, tx pgx.Tx, act access.Act, all []DatasetEdits, progress func(int)) (Outcome, error) {
	if err := holdJoins(ctx, tx); err != nil {
		return Outcome{}, err
	}
	w, err := newEditing(ctx, tx, all)
	if err != nil {
		return Outcome{}, err
	}
	err = w.decide(act.Who, all)
	if err != nil && fault.KindOf(err) != fault.Invalid {
		return Outcome{}, err
	}
	if err := errors.Join(err, w.checkNames(ctx, tx)); err != nil {
		return Outcome{}, err
	}
	out := Outcome{Unchanged: len(w.heads)}
	changed := w.changed()
	out.Changed, out.Unchanged = len(changed), out.Unchanged-len(changed)
	if len(changed) == 0 {
		return out, nil
	}
	if err := w.write(ctx, tx, act); err != nil {
		return out, err
	}
	done := 0
	for some := range slices.Chunk(changed, batchDatasets) {
		if err := indexDatasets(ctx, tx, some); err != nil {
			return out, err
		}
		if done += len(some); progress != nil {
			progress(done)
		}
	}
	if err := s.Audit.Record(ctx, tx, act, w.event()); err != nil {
		return out, err
	}
	_, err = tx.Exec(ctx, `SELECT pg_notify($1, '')`, EditTopic)
	return out, err
}

// EditTopic is the Postgres channel on which it is announced that datasets were edited.
const EditTopic = "edit"

// Origins returns where the values of a dataset's fields come from, by field; those that are only observed are not in it.
func (s *Store) Origins(ctx context.Context, id int64) (map[string]Origin, error) {
	const q = `
		SELECT DISTINCT ON (a.field) a.field, a.origin, a.value, coalesce(a.edit_id, 0) AS edit_id, coalesce(e.person_id, 0) AS person_id,
		       coalesce(e.person, '') AS person, coalesce(e.reason, '') AS reason, a.declared_in, a.at
		FROM dataset_attribute a LEFT JOIN dataset_edit e ON e.id = a.edit_id
		WHERE a.dataset_id = $1 ORDER BY a.field, a.origin`
	rows, _ := s.db.Query(ctx, q, id)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Origin])
	of := make(map[string]Origin, len(list))
	for _, o := range list {
		of[o.Field] = o
	}
	return of, err
}

// NewestEdits returns the id of the newest edit of each field of a dataset that was ever edited: the Base of the next.
func (s *Store) NewestEdits(ctx context.Context, id int64) (map[string]int64, error) {
	rows, _ := s.db.Query(ctx, `SELECT field, max(id) FROM dataset_edit WHERE dataset_id = $1 GROUP BY field`, id)
	newest := map[string]int64{}
	var field string
	var edit int64
	_, err := pgx.ForEachRow(rows, []any{&field, &edit}, func() error {
		newest[field] = edit
		return nil
	})
	return newest, err
}

// Subject returns what decides who may read the dataset's rows, and who may describe it.
func (d *Dataset) Subject() access.Subject {
	of := access.Subject{ID: d.ID, Restricted: d.Access == Restricted, Team: d.Team, Domain: d.Domain, Owners: d.Owners}
	if of.Restricted && d.Lent.Team {
		of.Team = ""
	}
	if of.Restricted && d.Lent.Domain {
		of.Domain = ""
	}
	if of.Restricted && d.Lent.Owners {
		of.Owners = nil
	}
	return of
}

// Unowned reports whether nobody answers for the dataset.
func (d *Dataset) Unowned() bool { return d.Team == "" && len(d.Owners) == 0 }
