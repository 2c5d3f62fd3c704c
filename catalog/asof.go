package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Past is a page of a dataset as it was at some time. Figures and what is special of kinds are left out: history keeps shape and
// description.
type Past struct {
	Whole   Whole
	Columns []WholeColumn
	At      time.Time
	Said    map[string]string // by field: what was declared or edited of the dataset itself, not only observed
	Unsure  []string          // what history cannot tell of that time, as clauses
}

// AsOf returns what w was at a time, made of what holds now and of its history. Before it was first seen it is NotFound. Datasets that
// were the same thing then and are no longer are not part of it.
func (s *Store) AsOf(ctx context.Context, w *Whole, at time.Time) (Past, error) {
	if at.Before(w.CreatedAt) {
		return Past{}, fault.NotFoundf("%s was first seen on %s: what it was before nobody can tell", w.Key(), w.CreatedAt.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	r := rewind{at: at, datasets: map[int64]*Dataset{}, columns: map[int64][]Column{}, said: map[int64]map[string]string{}, shown: map[int64]string{}}
	err := pgx.BeginTxFunc(ctx, s.db, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return r.read(ctx, tx, w)
	})
	if err != nil {
		return Past{}, fmt.Errorf("dataset %d as of %s: %w", w.ID, at.Format(time.RFC3339), err)
	}
	return r.past(w), nil
}

// rewind is what was observed of datasets, on its way back to a time, and what people said of them up to then.
type rewind struct {
	at       time.Time
	datasets map[int64]*Dataset
	columns  map[int64][]Column
	said     map[int64]map[string]string // by field
	shown    map[int64]string            // with which page others were shown then, where that has changed
	removed  int                         // columns that are back, of which only name and type are known
	moved    bool
}

// step is an entry of a dataset's history.
type step struct {
	Dataset int64
	Change
}

func (r *rewind) read(ctx context.Context, tx pgx.Tx, w *Whole) error {
	const after = `
		SELECT c.dataset_id AS dataset,` + changeSelect + ` FROM dataset_change c LEFT JOIN dataset_edit e ON e.id = c.edit_id
		WHERE c.dataset_id = ANY($1) AND c.at > $2 AND c.edit_id IS NULL ORDER BY c.at DESC, c.dataset_id, c.id DESC`
	rows, _ := tx.Query(ctx, observedSelect+`WHERE d.id = ANY($1)`, w.ids())
	datasets, err := pgx.CollectRows(rows, pgx.RowToStructByName[Dataset])
	if err != nil {
		return err
	}
	access, err := accessOf(ctx, tx, w.ids())
	if err != nil {
		return err
	}
	for i := range datasets {
		d := &datasets[i]
		d.Access = access[d.ID]
		d.Sunset, d.Successor, d.Owners, d.Terms, d.FreshWithin = nil, "", nil, nil, nil
		r.datasets[d.ID] = d
		if r.columns[d.ID], err = columns(ctx, tx, d.ID); err != nil {
			return err
		}
	}
	rows, _ = tx.Query(ctx, after, w.ids(), r.at)
	steps, err := pgx.CollectRows(rows, pgx.RowToStructByName[step])
	if err != nil {
		return err
	}
	for len(steps) > 0 {
		n := slices.IndexFunc(steps, func(s step) bool { return !s.At.Equal(steps[0].At) || s.Dataset != steps[0].Dataset })
		if n < 0 {
			n = len(steps)
		}
		r.undo(steps[:n])
		steps = steps[n:]
	}
	return r.readSaid(ctx, tx, w.ids())
}

// accessOf returns who may read the rows of datasets that do not say so themselves, by id.
func accessOf(ctx context.Context, tx pgx.Tx, ids []int64) (map[int64]string, error) {
	rows, _ := tx.Query(ctx, `SELECT d.id, s.access FROM dataset d JOIN source s ON s.id = d.source_id WHERE d.id = ANY($1)`, ids)
	of := map[int64]string{}
	var id int64
	var access string
	_, err := pgx.ForEachRow(rows, []any{&id, &access}, func() error {
		of[id] = access
		return nil
	})
	return of, err
}

// undo takes back what changed of one dataset at one moment.
func (r *rewind) undo(steps []step) {
	d := r.datasets[steps[0].Dataset]
	if d == nil {
		return
	}
	cols, former := slices.Clone(r.columns[d.ID]), map[string]string{}
	for _, s := range steps {
		switch s.Kind {
		case ColumnAdded:
			cols = slices.DeleteFunc(cols, func(c Column) bool { return c.Path == s.Field })
		case ColumnRetyped, ColumnNullable, ColumnComment:
			undoColumn(cols, s.Change)
		case ColumnRenamed:
			former[s.New] = s.Old
		case ColumnMoved:
			r.moved = true
		case AttributeEdited:
			r.undoAttribute(d, s.Change)
		case Renamed:
			d.Name = s.Old
		case Gone:
			d.GoneAt = nil
		case Back:
			gone := s.At
			d.GoneAt = &gone
		case Created, ColumnRemoved:
		}
	}
	for i := range cols {
		cols[i].Path = formerPath(cols[i].Path, former)
	}
	for _, s := range slices.Backward(steps) {
		if s.Kind == ColumnRemoved {
			r.removed++
			cols = insertColumn(cols, Column{Path: s.Field, Type: s.Old, Nullable: true})
		}
	}
	r.columns[d.ID] = cols
}

func undoColumn(cols []Column, c Change) {
	for i := range cols {
		if cols[i].Path != c.Field {
			continue
		}
		switch c.Kind { //nolint:exhaustive // the caller has chosen these
		case ColumnRetyped:
			cols[i].Type = c.Old
		case ColumnNullable:
			cols[i].Nullable = c.Old == "nullable"
		case ColumnComment:
			cols[i].Comment = c.Old
		}
	}
}

// formerPath returns what a column was called whose struct, or which itself, was renamed.
func formerPath(path string, former map[string]string) string {
	parts := SplitPath(path)
	for n := len(parts); n > 0; n-- {
		if old, ok := former[JoinPath(parts[:n]...)]; ok {
			return JoinPath(append(SplitPath(old), parts[n:]...)...)
		}
	}
	return path
}

// insertColumn puts a column behind the last of the struct that it is in, else at the end.
func insertColumn(cols []Column, c Column) []Column {
	parts := SplitPath(c.Path)
	at := len(cols)
	if len(parts) > 1 {
		parent := JoinPath(parts[:len(parts)-1]...)
		for i := range cols {
			if cols[i].Path == parent || strings.HasPrefix(cols[i].Path, parent+".") {
				at = i + 1
			}
		}
	}
	return slices.Insert(cols, at, c)
}

func (r *rewind) undoAttribute(d *Dataset, c Change) {
	switch c.Field {
	case "shown with":
		r.shown[d.ID] = c.Old
	case "kind":
		d.Kind = Kind(c.Old)
	case "location":
		d.Location = c.Old
	case "format":
		d.Format = c.Old
	case "definition":
		d.Definition = c.Old
	case "partitioning":
		d.Partitioning = splitOutside(c.Old)
	case "sort order":
		d.SortOrder = splitOutside(c.Old)
	case FieldTags:
		d.Tags = splitOutside(c.Old)
	default:
		d.setValue(c.Field, c.Old)
	}
}

// splitOutside splits at the commas that are not in parentheses: bucket(16, id) is one.
func splitOutside(text string) []string {
	var items []string
	depth, from := 0, 0
	for i, r := range text {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth <= 0:
			items, from = append(items, strings.TrimSpace(text[from:i])), i+1
		}
	}
	if rest := strings.TrimSpace(text[from:]); rest != "" {
		items = append(items, rest)
	}
	return items
}

// readSaid reads what people said of the datasets up to the time: what is declared, else edited. What was said of a column follows it
// through its names, as it did then.
func (r *rewind) readSaid(ctx context.Context, tx pgx.Tx, ids []int64) error {
	const q = `
		SELECT dataset_id, at, 1 AS rank, id, field, new AS value, '' AS was FROM dataset_edit WHERE dataset_id = ANY(@ids) AND at <= @at
		UNION ALL SELECT dataset_id, at, 0, id, 'column:' || new, NULL, 'column:' || old FROM dataset_change
			WHERE dataset_id = ANY(@ids) AND at <= @at AND kind = @renamed
		UNION ALL SELECT dataset_id, 'infinity', 2, 0, field, value, '' FROM dataset_attribute
			WHERE dataset_id = ANY(@ids) AND origin = 'declared' AND at <= @at
		ORDER BY 2, 3, 4`
	rows, _ := tx.Query(ctx, `SELECT dataset_id, field, value, was FROM (`+q+`) q`, pgx.NamedArgs{"ids": ids, "at": r.at, "renamed": string(ColumnRenamed)})
	var id int64
	var field, was string
	var value *string
	_, err := pgx.ForEachRow(rows, []any{&id, &field, &value, &was}, func() error {
		said := r.said[id]
		if said == nil {
			said = map[string]string{}
			r.said[id] = said
		}
		if was != "" {
			words, told := said[was]
			if _, taken := said[field]; told && !taken {
				said[field] = words
				delete(said, was)
			}
			return nil
		}
		if value == nil {
			delete(said, field)
		} else {
			said[field] = *value
		}
		return nil
	})
	return err
}

// past puts together what the page showed.
func (r *rewind) past(w *Whole) Past {
	p := Past{Whole: Whole{Dataset: *r.hold(w.ID)}, At: r.at, Said: r.said[w.ID]}
	of := map[int64][]Column{w.ID: r.columns[w.ID]}
	for i := range w.Others {
		o := w.Others[i]
		main, changed := r.shown[o.ID]
		if o.CreatedAt.After(r.at) || changed && main != w.Key().String() {
			continue
		}
		o.Dataset, o.Detail = *r.hold(o.ID), Detail{}
		p.Whole.Others = append(p.Whole.Others, o)
		of[o.ID] = r.columns[o.ID]
	}
	p.Whole.From = merge(&p.Whole.Dataset, p.Whole.Others)
	p.Columns = mergeColumns(&p.Whole.Dataset, p.Whole.Others, of)
	for i := range p.Columns {
		if words, ok := r.said[w.ID][ColumnField(p.Columns[i].Path)]; ok {
			p.Columns[i].Comment, p.Columns[i].CommentFrom = words, Key{}
		}
	}
	p.Whole.ColumnCount, p.Whole.Documented = countColumns(p.Columns)
	if r.removed > 0 {
		p.Unsure = append(p.Unsure, "what crawls saw written of columns that were removed since, whether they could be null, and where they stood")
	}
	if r.moved {
		p.Unsure = append(p.Unsure, "the order of columns that were moved since")
	}
	return p
}

// hold puts what people said of a dataset, and of its columns, in place of what was observed.
func (r *rewind) hold(id int64) *Dataset {
	d := r.datasets[id]
	d.RowCount, d.ByteCount, d.FileCount, d.SnapshotID, d.DataAt, d.Properties = nil, nil, nil, "", nil, nil
	for _, field := range slices.Sorted(maps.Keys(r.said[id])) {
		d.setValue(field, r.said[id][field])
	}
	for i := range r.columns[id] {
		if words, ok := r.said[id][ColumnField(r.columns[id][i].Path)]; ok {
			r.columns[id][i].Comment = words
		}
	}
	return d
}

// setValue is the inverse of Value. What is no value of the field leaves it as it is.
func (d *Dataset) setValue(field, value string) {
	switch field {
	case FieldTitle:
		d.Title = value
	case FieldDescription:
		d.Description = value
	case FieldTeam:
		d.Team = value
	case FieldOwners:
		d.Owners = nil
		for _, item := range ListItems(value) {
			if id, err := strconv.ParseInt(item, 10, 64); err == nil {
				d.Owners = append(d.Owners, id)
			}
		}
	case FieldDomain:
		d.Domain = value
	case FieldTags:
		d.Tags = ListItems(value)
	case FieldTerms:
		d.Terms = ListItems(value)
	case FieldCertified:
		d.Certified = value == "yes"
	case FieldDeprecated:
		d.Deprecated = value
	case FieldSunset:
		if day, err := time.Parse(time.DateOnly, value); err == nil {
			d.Sunset = &day
		}
	case FieldSuccessor:
		d.Successor = value
	case FieldAccess:
		d.Access = value
	case FieldFreshWithin:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			d.FreshWithin = &n
		}
	}
}
