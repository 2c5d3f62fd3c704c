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

// editing is edits on their way: what holds now of the datasets, and what is to hold.
type editing struct {
	heads   []head      // of the datasets that have the pages, by id
	at      map[Key]int // into heads, by the keys that were asked for
	newest  map[fieldOf]editRow
	held    map[fieldOf]string // values that were edited before
	filed   map[fieldOf]string // file:line of those that are declared
	columns map[int64][]WholeColumn
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
	if err := w.readEdits(ctx, tx, ids); err != nil {
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
	for _, e := range all {
		h := &w.heads[w.at[e.Key]]
		if !mayEdit(who, &h.Dataset, e.Edits) {
			refused = append(refused, e.Key.String())
			continue
		}
		for _, edit := range e.Edits {
			if err := w.plan(h, edit); err != nil {
				if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Invalid && len(all) > 1 {
					return fault.Invalidf(f.Field, "%s: %s", e.Key, f.Msg)
				}
				return err
			}
		}
	}
	switch {
	case len(refused) == 1:
		return fault.Forbiddenf("%s is not yours to change: its owners, stewards of its domain and admins may", refused[0])
	case len(refused) > 1:
		return fault.Forbiddenf("%d of these datasets are not yours to change, %s among them", len(refused), refused[0])
	}
	return nil
}

// mayEdit reports whether who may make the edits: it is theirs, or nobody's and they take it with them.
func mayEdit(who access.Principal, d *Dataset, edits []Edit) bool {
	if who.Owns(d.Subject()) {
		return true
	}
	if !d.Unowned() || !who.Role.Includes(access.Owner) {
		return false
	}
	me := FormatID(who.ID)
	return slices.ContainsFunc(edits, func(e Edit) bool {
		if e.Field == FieldTeam {
			return e.Value != nil && who.In(strings.TrimSpace(*e.Value))
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
	return who.Owns(d.Subject()) || d.Unowned() && who.Role.Includes(access.Owner)
}

// plan adds what an edit changes, if anything.
func (w *editing) plan(h *head, e Edit) error {
	f := fieldOf{h.ID, e.Field}
	before, err := w.now(h, e.Field)
	if err != nil {
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
	if same(old, value) || old == nil && value != nil && *value == before {
		return nil
	}
	if newest := w.newest[f]; e.Base != nil && *e.Base != newest.ID {
		conflict := &EditConflict{Key: h.Key(), Field: e.Field, Theirs: before, By: newest.Person, At: newest.At, EditID: newest.ID}
		if value != nil {
			conflict.Yours = *value
		}
		return conflict
	}
	c := change{fieldOf: f, old: old, new: value, before: before}
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

// checkNames returns an Invalid error for values that name what is not there.
func (w *editing) checkNames(ctx context.Context, tx pgx.Tx) error {
	missing, err := w.missing(ctx, tx)
	if err != nil {
		return err
	}
	for _, field := range fields {
		if len(missing[field]) > 0 {
			return nothingNamed(field, missing[field][0])
		}
	}
	return nil
}

// nothingNamed is the error of a value that names what is not there.
func nothingNamed(field, name string) error {
	return fault.Invalidf(field, "there is no %s %q", map[string]string{
		FieldTeam: "team", FieldDomain: "domain", FieldTerms: "glossary term", FieldOwners: "person with the id", FieldSuccessor: "dataset",
	}[field], name)
}

// missing returns by field what values name that is not there.
func (w *editing) missing(ctx context.Context, tx pgx.Tx) (map[string][]string, error) {
	const known = `
		SELECT 'team', slug FROM team WHERE slug = ANY($1) AND gone_at IS NULL
		UNION ALL SELECT 'domain', slug FROM domain WHERE slug = ANY($1) AND gone_at IS NULL
		UNION ALL SELECT 'terms', slug FROM glossary_term WHERE slug = ANY($1)
		UNION ALL SELECT 'owners', id::text FROM person WHERE id::text = ANY($1) AND disabled_at IS NULL AND kind = 'person'
		UNION ALL SELECT 'successor', s.slug || '/' || d.name FROM unnest($1::text[]) AS k (name)
			JOIN source s ON s.slug = split_part(k.name, '/', 1)
			JOIN dataset d ON d.source_id = s.id AND d.name = substr(k.name, length(s.slug) + 2) AND d.gone_at IS NULL`
	type reference struct{ field, name string }
	asked := map[reference]bool{} // and whether it is there
	var order []reference
	var all []string
	for _, c := range w.steps {
		for _, name := range named(c) {
			r := reference{c.field, name}
			if _, ok := asked[r]; !ok {
				asked[r], order, all = false, append(order, r), append(all, name)
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	rows, _ := tx.Query(ctx, known, all)
	var r reference
	if _, err := pgx.ForEachRow(rows, []any{&r.field, &r.name}, func() error {
		asked[r] = true
		return nil
	}); err != nil {
		return nil, fmt.Errorf("what edits name: %w", err)
	}
	missing := map[string][]string{}
	for _, r := range order {
		if !asked[r] {
			missing[r.field] = append(missing[r.field], r.name)
		}
	}
	return missing, nil
}

// named returns the names of other things in the new value of a field that it did not hold before.
func named(c change) []string {
	if c.new == nil || *c.new == "" {
		return nil
	}
	switch c.field {
	case FieldTeam, FieldDomain, FieldSuccessor:
		return []string{*c.new}
	case FieldOwners, FieldTerms:
		items, err := listOf(c.field, *c.new)
		before, e := listOf(c.field, c.before)
		if err == nil && e == nil {
			return slices.DeleteFunc(items, func(i string) bool { return slices.Contains(before, i) })
		}
	}
	return nil
}
