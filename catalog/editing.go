package catalog

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// editing is edits on their way: what holds now of the datasets, and what is to hold.
type editing struct {
	lenders []string    // teams that descriptions name, and that exist
	heads   []head      // of the datasets that have the pages, by id
	at      map[Key]int // into heads, by the keys that were asked for
	newest  map[fieldOf]editRow
	held    map[fieldOf]string // values that were edited before
	filed   map[fieldOf]string // file:line of those that are declared
	columns map[int64][]WholeColumn
	names   map[reference]calledSo
	today   string // the day of the database, such as 2026-12-31
	steps   []change
}

type fieldOf struct {
	dataset int64
	field   string
}

// editRow is the newest edit of a field.
type editRow struct {
	ID     int64
	Person string
	At     time.Time
}

// change is an edit that changes something.
type change struct {
	fieldOf
	old, new      *string // what was edited before and is now
	before, after string  // what held before and holds now, where the latter is known
	undoes        int64   // the edit that it takes back, or 0
}

// newEditing locks the datasets and reads what is known of them.
func newEditing(ctx context.Context, tx pgx.Tx, all []DatasetEdits) (*editing, error) {
	w := &editing{at: map[Key]int{}, newest: map[fieldOf]editRow{}, held: map[fieldOf]string{}, filed: map[fieldOf]string{}}
	ids, of, err := lockEdited(ctx, tx, all)
	if err != nil {
		return nil, err
	}
	if w.heads, err = headsOf(ctx, tx, ids); err != nil {
		return nil, err
	}
	place := map[int64]int{}
	for i := range w.heads {
		place[w.heads[i].ID] = i
		merge(&w.heads[i].Dataset, w.heads[i].others)
	}
	for key, id := range of {
		w.at[key] = place[id]
	}
	if err := w.readLenders(ctx, tx); err != nil {
		return nil, err
	}
	if err := w.readEdits(ctx, tx, ids); err != nil {
		return nil, err
	}
	if err := w.readNames(ctx, tx, all); err != nil {
		return nil, err
	}
	return w, w.readColumns(ctx, tx, all, ids)
}

// lockEdited returns the ids of the datasets that have the pages of those named, in ascending order, and which is whose.
func lockEdited(ctx context.Context, tx pgx.Tx, all []DatasetEdits) (ids []int64, of map[Key]int64, err error) {
	const q = `
		SELECT s.slug, d.name, coalesce(d.main_id, d.id) FROM unnest($1::text[], $2::text[]) AS k (source, name)
		JOIN source s ON s.slug = k.source JOIN dataset d ON d.source_id = s.id AND d.name = k.name`
	sources, names := make([]string, len(all)), make([]string, len(all))
	for i, e := range all {
		sources[i], names[i] = e.Key.Source, e.Key.Name
	}
	of = map[Key]int64{}
	rows, _ := tx.Query(ctx, q, sources, names)
	var key Key
	var id int64
	if _, err = pgx.ForEachRow(rows, []any{&key.Source, &key.Name, &id}, func() error {
		of[key] = id
		ids = append(ids, id)
		return nil
	}); err != nil {
		return nil, nil, err
	}
	for _, e := range all {
		if of[e.Key] == 0 {
			return nil, nil, fault.NotFoundf("there is no dataset %s", e.Key)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	_, err = tx.Exec(ctx, `SELECT FROM dataset WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`, ids)
	return ids, of, err
}

func (w *editing) readEdits(ctx context.Context, tx pgx.Tx, ids []int64) error {
	const newest = `
		SELECT DISTINCT ON (dataset_id, field) dataset_id, field, id, person, at FROM dataset_edit
		WHERE dataset_id = ANY($1) ORDER BY dataset_id, field, id DESC`
	const held = `SELECT dataset_id, field, origin, value, declared_in FROM dataset_attribute WHERE dataset_id = ANY($1)`
	rows, _ := tx.Query(ctx, newest, ids)
	var f fieldOf
	var e editRow
	if _, err := pgx.ForEachRow(rows, []any{&f.dataset, &f.field, &e.ID, &e.Person, &e.At}, func() error {
		w.newest[f] = e
		return nil
	}); err != nil {
		return err
	}
	rows, _ = tx.Query(ctx, held, ids)
	var origin, value, file string
	_, err := pgx.ForEachRow(rows, []any{&f.dataset, &f.field, &origin, &value, &file}, func() error {
		if origin == "declared" {
			w.filed[f] = file
		} else {
			w.held[f] = value
		}
		return nil
	})
	return err
}

// readColumns reads the columns of the datasets whose columns are edited.
func (w *editing) readColumns(ctx context.Context, tx pgx.Tx, all []DatasetEdits, ids []int64) error {
	asked := false
	for _, e := range all {
		asked = asked || slices.ContainsFunc(e.Edits, func(e Edit) bool { return strings.HasPrefix(e.Field, columnField) })
	}
	if !asked {
		return nil
	}
	every := slices.Clone(ids)
	for i := range w.heads {
		for j := range w.heads[i].others {
			every = append(every, w.heads[i].others[j].ID)
		}
	}
	of, err := columnsOf(ctx, tx, every, maxColumns)
	w.columns = map[int64][]WholeColumn{}
	for i := range w.heads {
		h := &w.heads[i]
		w.columns[h.ID] = mergeColumns(&h.Dataset, h.others, of)
	}
	if err == nil {
		err = reword(ctx, tx, w.columns)
	}
	return err
}

// decide finds out what is to change, and whether who may.
func (w *editing) decide(who access.Principal, all []DatasetEdits) error {
	var refused []string
	var wrong []error
	for _, e := range all {
		h := &w.heads[w.at[e.Key]]
		if !w.mayEdit(who, &h.Dataset, e.Edits) {
			refused = append(refused, e.Key.String())
			continue
		}
		from := len(w.steps)
		var here []error
		for _, edit := range slices.Concat(e.Edits, w.pinned(&h.Dataset, e.Edits)) {
			here = append(here, w.plan(h, edit))
		}
		for _, err := range append(here, w.settle(h, from)) {
			f, told := errors.AsType[*fault.Error](err)
			switch {
			case err == nil:
			case !told || f.Kind != fault.Invalid:
				return err
			case len(all) > 1:
				return fault.Invalidf(f.Field, "%s: %s", e.Key, f.Msg)
			default:
				wrong = append(wrong, err)
			}
		}
	}
	switch {
	case len(refused) == 1:
		return fault.Forbiddenf("%s is not yours to change: its owners, stewards of its domain and admins may", refused[0])
	case len(refused) > 1:
		return fault.Forbiddenf("%d of these datasets are not yours to change, %s among them", len(refused), refused[0])
	}
	return errors.Join(wrong...)
}

// mayEdit reports whether who may make the edits: it is theirs, or nobody's and they take it with them.
func (w *editing) mayEdit(who access.Principal, d *Dataset, edits []Edit) bool {
	if who.Owns(d.Subject()) {
		return true
	}
	if !d.takable(who) {
		return false
	}
	me := FormatID(who.ID)
	return slices.ContainsFunc(edits, func(e Edit) bool {
		if e.Field == FieldTeam {
			return e.Value != nil && who.In(w.slugOf(FieldTeam, strings.TrimSpace(*e.Value)))
		}
		if e.Field != FieldOwners {
			return false
		}
		if e.Value == nil {
			return slices.Contains(e.Add, me)
		}
		items, err := listOf(e.Field, *e.Value)
		return err == nil && slices.Contains(items, me)
	})
}

// MayEdit reports whether who may edit the dataset, as it is now or by taking it.
func (d *Dataset) MayEdit(who access.Principal) bool {
	return who.Owns(d.Subject()) || d.takable(who)
}

// takable reports whether who may make a dataset theirs that nobody owns. One that is restricted is for stewards of its domain and
// admins to give, who own it anyway: taking it would be reading it.
func (d *Dataset) takable(who access.Principal) bool {
	return d.Unowned() && d.Access != Restricted && who.Role.Includes(access.Owner)
}

// plan adds what an edit changes, if anything.
func (w *editing) plan(h *head, e Edit) error {
	f := fieldOf{h.ID, e.Field}
	before, err := w.now(h, e.Field)
	if err != nil {
		return err
	}
	if e, err = w.byName(e); err != nil {
		return err
	}
	value := e.Value
	if len(e.Add)+len(e.Remove) > 0 {
		if value, err = listChanged(e, before); err != nil {
			return err
		}
	}
	if value != nil {
		v, err := checkValue(e.Field, *value)
		if err != nil {
			return err
		}
		value = &v
	}
	if file, ok := w.filed[f]; ok {
		return fault.Conflictf("%s of %s is declared in %s: it is changed there", strings.ReplaceAll(e.Field, "_", " "), h.Key(), file)
	}
	var old *string
	if v, ok := w.held[f]; ok {
		old = &v
	}
	if same(old, value) || old == nil && value != nil && *value == before && !h.Lent.has(e.Field) {
		return nil
	}
	if newest := w.newest[f]; e.Base != nil && *e.Base != newest.ID {
		conflict := &EditConflict{Key: h.Key(), Field: e.Field, Theirs: before, By: newest.Person, At: newest.At, EditID: newest.ID}
		if value != nil {
			conflict.Yours = *value
		}
		return conflict
	}
	if e.Field == FieldSunset && e.Undoes == 0 && value != nil && *value != "" && *value < w.today {
		return fault.Invalidf(e.Field, "the last day cannot be in the past: today is %s", w.today)
	}
	c := change{fieldOf: f, old: old, new: value, before: before, undoes: e.Undoes}
	if value != nil {
		c.after = *value
	}
	w.steps = append(w.steps, c)
	return nil
}

func same(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// now returns what holds for a field of h.
func (w *editing) now(h *head, field string) (string, error) {
	path, column := ColumnOf(field)
	if !column {
		return h.Value(field), nil
	}
	for _, c := range w.columns[h.ID] {
		if c.Path == path {
			return c.Comment, nil
		}
	}
	return "", fault.Invalidf(field, "%s has no column %.100q", h.Key(), path)
}

// listChanged returns a list with what an edit adds and without what it removes.
func listChanged(e Edit, before string) (*string, error) {
	if !isList(e.Field) {
		return nil, fault.Invalidf(e.Field, "only lists can be added to")
	}
	items, err := listOf(e.Field, before)
	if err != nil {
		return nil, err
	}
	items = slices.DeleteFunc(items, func(i string) bool { return slices.Contains(e.Remove, i) })
	for _, i := range e.Add {
		if !slices.Contains(items, i) {
			items = append(items, i)
		}
	}
	v := ListValue(items)
	return &v, nil
}

// changed returns the ids of the datasets that change, in ascending order.
func (w *editing) changed() []int64 {
	var ids []int64
	for _, c := range w.steps {
		ids = append(ids, c.dataset)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
