package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Whole is a dataset together with the others that are the same thing: what its page shows.
type Whole struct {
	Dataset                // the one that has the page; what it does not say itself is taken from the others
	From    map[string]Key // by name of a field that was taken ("description", "team" …), whom it was taken from
	Others  []Same         // closest to the data first
	Detail  Detail         // its own, and what only others have
}

// Same is a dataset that is the same thing as another.
type Same struct {
	Dataset
	Part   string // which part of the thing it is about: key or value of a topic; "" for all of it
	Detail Detail
}

// WholeColumn is a column of a Whole.
type WholeColumn struct {
	Column
	Part        string // key or value of a topic, else ""
	From        Key    // the dataset that says that there is this column
	CommentFrom Key    // the one that describes it; zero when none does
}

// Whole returns the dataset whose page shows d, which may be d itself, with all that is known of it.
func (s *Store) Whole(ctx context.Context, d Dataset) (Whole, error) {
	id := d.ID
	if d.MainID != nil {
		id = *d.MainID
	}
	heads, err := headsOf(ctx, s.db, []int64{id})
	if err == nil && len(heads) == 0 {
		err = errors.New("it is there no longer")
	}
	if err != nil {
		return Whole{}, fmt.Errorf("all of dataset %d: %w", id, err)
	}
	h := &heads[0]
	w := Whole{Dataset: h.Dataset, From: map[string]Key{}, Others: h.others}
	if err := s.details(ctx, &w); err != nil {
		return Whole{}, fmt.Errorf("details of dataset %d: %w", id, err)
	}
	w.From = merge(&w.Dataset, w.Others)
	if len(w.Others) > 0 {
		err = s.documented(ctx, &w)
	}
	return w, err
}

// details fills in what is special of each dataset of w.
func (s *Store) details(ctx context.Context, w *Whole) error {
	const q = `SELECT dataset_id, detail FROM dataset_detail WHERE dataset_id = ANY($1)`
	rows, _ := s.db.Query(ctx, q, w.ids())
	found := map[int64]Detail{}
	var id int64
	var detail Detail
	_, err := pgx.ForEachRow(rows, []any{&id, &detail}, func() error {
		found[id] = detail
		detail = Detail{}
		return nil
	})
	if err != nil {
		return err
	}
	w.Detail = found[w.ID]
	for i := range w.Others {
		d := found[w.Others[i].ID]
		w.Others[i].Detail = d
		if w.Detail.Topic == nil {
			w.Detail.Topic = d.Topic
		}
		if w.Detail.Schema == nil {
			w.Detail.Schema = d.Schema
		}
		if w.Detail.Model == nil {
			w.Detail.Model = d.Model
		}
		if len(w.Detail.Keys) == 0 {
			w.Detail.Keys = d.Keys
		}
		if len(w.Detail.Refs) == 0 {
			w.Detail.Refs = d.Refs
		}
	}
	return nil
}

// documented fills in how many columns the page has, and how many one of the datasets describes, as they were counted when the
// search entry was made: counting reads all columns of all.
func (s *Store) documented(ctx context.Context, w *Whole) error {
	const q = `SELECT coalesce(page_columns, column_count), coalesce(page_documented, documented) FROM dataset WHERE id = $1`
	return s.db.QueryRow(ctx, q, w.ID).Scan(&w.ColumnCount, &w.Documented)
}

// countColumns counts the columns at the top of a page, and those that are described.
func countColumns(columns []WholeColumn) (all, described int) {
	for _, c := range columns {
		if c.Depth() == 0 {
			all++
			if c.Comment != "" {
				described++
			}
		}
	}
	return all, described
}

func (w *Whole) ids() []int64 {
	ids := []int64{w.ID}
	for i := range w.Others {
		ids = append(ids, w.Others[i].ID)
	}
	return ids
}

// merge fills in what d does not say itself from others, closest to the data first, and returns whom what was taken from.
func merge(d *Dataset, others []Same) map[string]Key {
	from := map[string]Key{}
	for i := range others {
		o := &others[i].Dataset
		text := func(name string, mine *string, theirs string) {
			if *mine == "" && theirs != "" {
				*mine, from[name] = theirs, o.Key()
			}
		}
		text("title", &d.Title, o.Title)
		text("description", &d.Description, o.Description)
		describer := o.Standing == Describes
		d.Lent.Team = d.Lent.Team || describer && d.Team == "" && o.Team != ""
		d.Lent.Domain = d.Lent.Domain || describer && d.Domain == "" && o.Domain != ""
		d.Lent.Owners = d.Lent.Owners || describer && len(d.Owners) == 0 && len(o.Owners) > 0
		text("team", &d.Team, o.Team)
		text("domain", &d.Domain, o.Domain)
		text("deprecated", &d.Deprecated, o.Deprecated)
		text("definition", &d.Definition, o.Definition)
		text("format", &d.Format, o.Format)
		text("location", &d.Location, o.Location)
		count := func(name string, mine **int64, theirs *int64) {
			if *mine == nil && theirs != nil {
				*mine, from[name] = theirs, o.Key()
				if slices.Contains(o.Estimated, name) && !slices.Contains(d.Estimated, name) {
					d.Estimated = append(slices.Clone(d.Estimated), name)
				}
			}
		}
		count("rows", &d.RowCount, o.RowCount)
		count("bytes", &d.ByteCount, o.ByteCount)
		count("files", &d.FileCount, o.FileCount)
		if d.DataAt == nil && o.DataAt != nil {
			d.DataAt, from["data_at"] = o.DataAt, o.Key()
		}
		if len(d.Partitioning) == 0 && len(o.Partitioning) > 0 {
			d.Partitioning, from["partitioning"] = o.Partitioning, o.Key()
		}
		if len(d.SortOrder) == 0 && len(o.SortOrder) > 0 {
			d.SortOrder, from["sort_order"] = o.SortOrder, o.Key()
		}
		if o.Certified && !d.Certified && o.Standing != Describes { // who only describes a thing cannot vouch for it
			d.Certified, from["certified"] = true, o.Key()
		}
		if len(d.Owners) == 0 && len(o.Owners) > 0 {
			d.Owners, from["owners"] = o.Owners, o.Key()
		}
		if o.Access == Restricted && o.Standing != Describes {
			d.Access = Restricted // whoever serves the data cannot open what its keeper restricts, nor the other way round
		}
		for _, tag := range o.Tags {
			if !slices.Contains(d.Tags, tag) {
				d.Tags, from["tag "+tag] = append(slices.Clone(d.Tags), tag), o.Key()
			}
		}
	}
	return from
}

// head is a dataset with the others that are the same thing; columns are filled in by wholesOf only.
type head struct {
	Dataset
	others  []Same
	columns []Column
}

// headsOf returns datasets by id, none of which is shown with another, in the order of their ids.
func headsOf(ctx context.Context, db querier, ids []int64) ([]head, error) {
	rows, _ := db.Query(ctx, datasetSelect+`WHERE d.id = ANY($1) ORDER BY d.id`, ids)
	datasets, err := pgx.CollectRows(rows, pgx.RowToStructByName[Dataset])
	if err != nil {
		return nil, err
	}
	others, err := othersOf(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	heads := make([]head, len(datasets))
	for i, d := range datasets {
		heads[i] = head{Dataset: d, others: others[d.ID]}
	}
	return heads, nil
}

// othersOf returns the datasets that are shown with others, by the id of the one that shows them.
func othersOf(ctx context.Context, db querier, ids []int64) (map[int64][]Same, error) {
	const q = datasetSelect + `WHERE d.main_id = ANY($1) AND d.gone_at IS NULL ORDER BY d.standing, s.slug, d.name, d.id`
	rows, _ := db.Query(ctx, q, ids)
	datasets, err := pgx.CollectRows(rows, pgx.RowToStructByName[Dataset])
	if err != nil {
		return nil, err
	}
	others := map[int64][]Same{}
	if len(datasets) == 0 {
		return others, nil
	}
	parts, err := partsOf(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	for _, d := range datasets {
		others[*d.MainID] = append(others[*d.MainID], Same{Dataset: d, Part: parts[d.ID]})
	}
	return others, nil
}

// partsOf returns which part of the thing each dataset is about that is shown with one of ids.
func partsOf(ctx context.Context, db querier, ids []int64) (map[int64]string, error) {
	const q = `
		SELECT d.id, max(i.part) AS part FROM dataset d JOIN dataset_identifier i ON i.dataset_id = d.id
		WHERE d.main_id = ANY($1) AND i.part <> '' GROUP BY d.id`
	rows, _ := db.Query(ctx, q, ids)
	parts := map[int64]string{}
	var id int64
	var part string
	_, err := pgx.ForEachRow(rows, []any{&id, &part}, func() error {
		parts[id] = part
		return nil
	})
	return parts, err
}

// wholesOf is headsOf with what is taken from others, and all columns.
func wholesOf(ctx context.Context, db querier, ids []int64) ([]head, error) {
	heads, err := headsOf(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(ids)
	for i := range heads {
		for j := range heads[i].others {
			all = append(all, heads[i].others[j].ID)
		}
	}
	of, err := columnsOf(ctx, db, all, maxColumns)
	if err != nil {
		return nil, err
	}
	joined, merges := map[int64][]WholeColumn{}, make([][]WholeColumn, len(heads))
	for i := range heads {
		h := &heads[i]
		merges[i] = mergeColumns(&h.Dataset, h.others, of)
		if len(h.others) > 0 {
			joined[h.ID] = merges[i]
		}
	}
	if err := reword(ctx, db, joined); err != nil {
		return nil, err
	}
	for i := range heads {
		h, merged := &heads[i], merges[i]
		h.columns = make([]Column, len(merged))
		for j, c := range merged {
			h.columns[j] = c.Column
		}
		if len(h.others) > 0 {
			merge(&h.Dataset, h.others)
			h.ColumnCount, _ = countColumns(merged)
		}
		_, h.Documented = countColumns(merged)
	}
	return heads, nil
}

// columnsOf returns the first columns of datasets, by id.
func columnsOf(ctx context.Context, db querier, ids []int64, limit int) (map[int64][]Column, error) {
	const q = `
		SELECT c.dataset_id, ` + columnSelect + `
		WHERE c.dataset_id = ANY($1) AND c.position < $2 ORDER BY c.dataset_id, c.position`
	rows, _ := db.Query(ctx, q, ids, limit)
	of := map[int64][]Column{}
	var id int64
	var c Column
	_, err := pgx.ForEachRow(rows, []any{&id, &c.Position, &c.Path, &c.Type, &c.Nullable, &c.Comment, &c.NativeID}, func() error {
		of[id] = append(of[id], c)
		return nil
	})
	return of, err
}

// reword puts what people wrote on the page of a dataset in place of the words on columns that others tell of.
func reword(ctx context.Context, db querier, columns map[int64][]WholeColumn) error {
	if len(columns) == 0 {
		return nil
	}
	ids := make([]int64, 0, len(columns))
	for id := range columns {
		ids = append(ids, id)
	}
	rows, _ := db.Query(ctx, `SELECT dataset_id, path, comment FROM dataset_column_doc WHERE dataset_id = ANY($1)`, ids)
	var id int64
	var path, comment string
	_, err := pgx.ForEachRow(rows, []any{&id, &path, &comment}, func() error {
		for i := range columns[id] {
			if c := &columns[id][i]; c.Path == path {
				c.Comment, c.CommentFrom = comment, Key{}
			}
		}
		return nil
	})
	return err
}

// WholeColumns returns the first limit columns of w in order, those of a topic's value before those of its key.
func (s *Store) WholeColumns(ctx context.Context, w *Whole, limit int) ([]WholeColumn, error) {
	of, err := columnsOf(ctx, s.db, w.ids(), limit)
	if err != nil {
		return nil, fmt.Errorf("columns of dataset %d: %w", w.ID, err)
	}
	columns := mergeColumns(&w.Dataset, w.Others, of)
	if len(w.Others) > 0 {
		if err := reword(ctx, s.db, map[int64][]WholeColumn{w.ID: columns}); err != nil {
			return nil, fmt.Errorf("words on columns of dataset %d: %w", w.ID, err)
		}
	}
	return columns[:min(limit, len(columns))], nil
}

// mergeColumns returns the columns of a dataset: its own, or else those that the closest of the others tells of, of each
// part. What a column lacks in words is taken from a column of the same name elsewhere.
func mergeColumns(d *Dataset, others []Same, of map[int64][]Column) []WholeColumn {
	var out []WholeColumn
	at := map[string]int{} // by part and path in lower case
	add := func(part string, from Key, columns []Column) {
		for _, c := range columns {
			w := WholeColumn{Column: c, Part: part, From: from}
			if c.Comment != "" {
				w.CommentFrom = from
			}
			name := part + "\x00" + strings.ToLower(c.Path)
			if _, ok := at[name]; !ok {
				at[name] = len(out)
			}
			out = append(out, w)
		}
	}
	add("", d.Key(), of[d.ID])
	told := map[string]bool{"": len(out) > 0}
	for _, part := range []string{"", "value", "key"} {
		for i := range others {
			o := &others[i]
			if o.Part != part || told[""] || told[part] {
				continue
			}
			add(part, o.Key(), of[o.ID])
			told[part] = len(of[o.ID]) > 0
		}
	}
	for i := range others {
		for _, c := range of[others[i].ID] {
			j, ok := at[others[i].Part+"\x00"+strings.ToLower(c.Path)]
			if ok && out[j].Comment == "" && c.Comment != "" {
				out[j].Comment, out[j].CommentFrom = c.Comment, others[i].Key()
			}
		}
	}
	for i := range out {
		out[i].Position = i
	}
	return out
}
