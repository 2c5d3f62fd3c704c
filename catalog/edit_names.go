package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// reference is a name of something else in the value of a field.
type reference struct{ field, name string }

// calledSo is what a name stands for: people may write the name of a team, a domain, a term or a dataset in place of its slug.
type calledSo struct {
	slug string
	many bool // more than one is called so
}

// readNames finds out what the names in the edits stand for, and which day it is. A slug goes before a name.
func (w *editing) readNames(ctx context.Context, tx pgx.Tx, all []DatasetEdits) error {
	const q = `
		SELECT 'team', lower(slug), slug, 0 AS rank FROM team WHERE slug = ANY(@names) AND gone_at IS NULL
		UNION ALL SELECT 'domain', lower(slug), slug, 0 FROM domain WHERE slug = ANY(@names) AND gone_at IS NULL
		UNION ALL SELECT 'terms', lower(slug), slug, 0 FROM glossary_term WHERE slug = ANY(@names)
		UNION ALL SELECT 'team', lower(name), slug, 1 FROM team WHERE lower(name) = ANY(@names) AND gone_at IS NULL
		UNION ALL SELECT 'domain', lower(name), slug, 1 FROM domain WHERE lower(name) = ANY(@names) AND gone_at IS NULL
		UNION ALL SELECT 'terms', lower(name), slug, 1 FROM glossary_term WHERE lower(name) = ANY(@names)
		UNION ALL SELECT 'successor', lower(d.name), s.slug || '/' || d.name, 1 FROM dataset d JOIN source s ON s.id = d.source_id
			WHERE @datasets::text[] <> '{}' AND lower(d.name) = ANY(@datasets) AND d.gone_at IS NULL
		UNION ALL SELECT 'successor', lower(o.title), s.slug || '/' || d.name, 2 FROM dataset_override o
			JOIN dataset d ON d.id = o.dataset_id JOIN source s ON s.id = d.source_id
			WHERE @datasets::text[] <> '{}' AND lower(o.title) = ANY(@datasets) AND d.gone_at IS NULL
		ORDER BY rank`
	var today time.Time
	if err := tx.QueryRow(ctx, `SELECT (now() AT TIME ZONE 'UTC')::date`).Scan(&today); err != nil {
		return err
	}
	w.today, w.names = today.Format(time.DateOnly), map[reference]calledSo{}
	names, datasets := namesIn(all)
	if len(names)+len(datasets) == 0 {
		return nil
	}
	rows, _ := tx.Query(ctx, q, pgx.NamedArgs{"names": names, "datasets": datasets})
	ranks := map[reference]int{}
	var r reference
	var slug string
	var rank int
	if _, err := pgx.ForEachRow(rows, []any{&r.field, &r.name, &slug, &rank}, func() error {
		first, met := ranks[r]
		switch {
		case !met:
			ranks[r], w.names[r] = rank, calledSo{slug: slug}
		case first == rank && w.names[r].slug != slug:
			w.names[r] = calledSo{slug: slug, many: true}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("names in edits: %w", err)
	}
	return nil
}

// namesIn returns in small letters what may be names: those of datasets apart, where they are not written source/name.
func namesIn(all []DatasetEdits) (names, datasets []string) {
	met := map[string]bool{}
	for _, d := range all {
		for _, e := range d.Edits {
			for _, name := range writtenIn(e) {
				key := strings.ToLower(name)
				switch {
				case name == "" || met[e.Field+key]:
				case e.Field != FieldSuccessor:
					names = append(names, key)
				case !strings.Contains(name, "/"):
					datasets = append(datasets, key)
				}
				met[e.Field+key] = true
			}
		}
	}
	return append([]string{}, names...), append([]string{}, datasets...)
}

// writtenIn returns what an edit writes that may be names.
func writtenIn(e Edit) []string {
	switch {
	case e.Field == FieldTerms && e.Value != nil:
		return ListItems(*e.Value)
	case e.Field == FieldTerms:
		return append(append([]string{}, e.Add...), e.Remove...)
	case e.Value != nil && (e.Field == FieldTeam || e.Field == FieldDomain || e.Field == FieldSuccessor):
		return []string{strings.TrimSpace(*e.Value)}
	}
	return nil
}

// slugOf returns the slug that a name stands for, and what is no name as it is.
func (w *editing) slugOf(field, name string) string {
	if c, ok := w.names[reference{field, strings.ToLower(name)}]; ok && !c.many {
		return c.slug
	}
	return name
}

// byName returns an edit with slugs in place of names. What several are called is Invalid.
func (w *editing) byName(e Edit) (Edit, error) {
	for _, name := range writtenIn(e) {
		if w.names[reference{e.Field, strings.ToLower(name)}].many {
			return e, fault.Invalidf(e.Field, "more than one is called %q: write its short name", name)
		}
	}
	each := func(items []string) []string {
		var out []string
		for _, item := range items {
			out = append(out, w.slugOf(e.Field, item))
		}
		return out
	}
	switch {
	case e.Field == FieldTerms && e.Value != nil:
		if items, err := listOf(e.Field, *e.Value); err == nil {
			v := ListValue(each(items))
			e.Value = &v
		}
	case e.Field == FieldTerms:
		e.Add, e.Remove = each(e.Add), each(e.Remove)
	case e.Value != nil && len(writtenIn(e)) > 0:
		v := w.slugOf(e.Field, strings.TrimSpace(*e.Value))
		e.Value = &v
	}
	return e, nil
}

// settle keeps a deprecated dataset from being certified: to deprecate it takes that away, and to certify it is Invalid. The
// changes of the dataset stand in steps behind from.
func (w *editing) settle(h *head, from int) error {
	certified, deprecated := h.Certified, h.Deprecated != ""
	certifies, deprecates := false, false
	for _, c := range w.steps[from:] {
		value := ""
		if c.new != nil {
			value = *c.new
		}
		switch c.field {
		case FieldCertified:
			certified = value == "yes"
			certifies = certified
		case FieldDeprecated:
			deprecated = value != ""
			deprecates = deprecated
		}
	}
	switch {
	case !certified || !deprecated:
		return nil
	case certifies:
		return fault.Invalidf(FieldCertified, "a deprecated dataset is not certified: only one of the two can be said")
	case deprecates && w.filed[fieldOf{h.ID, FieldCertified}] != "":
		return fault.Invalidf(FieldDeprecated, "it is certified in %s, and a deprecated dataset is not certified", w.filed[fieldOf{h.ID, FieldCertified}])
	case deprecates:
		no := "no"
		return w.plan(h, Edit{Field: FieldCertified, Value: &no})
	}
	return nil
}

// loops returns the datasets whose new successors lead back to themselves.
func (w *editing) loops(ctx context.Context, tx pgx.Tx) (map[int64]bool, error) {
	const q = `
		WITH RECURSIVE given AS (
			SELECT * FROM unnest(@pages::bigint[], @successors::text[]) AS g (page, successor)
		), holds AS (
			SELECT * FROM given
			UNION ALL SELECT dataset_id, successor FROM dataset_override WHERE successor <> '' AND dataset_id <> ALL(@pages)
		), way AS (
			SELECT page AS start, page AS at, 0 AS steps FROM given
			UNION ALL
			SELECT w.start, coalesce(d.main_id, d.id), w.steps + 1 FROM way w JOIN holds h ON h.page = w.at
			JOIN source s ON s.slug = split_part(h.successor, '/', 1)
			JOIN dataset d ON d.source_id = s.id AND d.name = substr(h.successor, length(s.slug) + 2)
			WHERE w.steps < 50 AND (w.steps = 0 OR w.at <> w.start)
		)
		SELECT DISTINCT start FROM way WHERE steps > 0 AND at = start`
	var pages []int64
	var successors []string
	for _, c := range w.steps {
		if c.field == FieldSuccessor && c.new != nil && *c.new != "" {
			pages, successors = append(pages, c.dataset), append(successors, *c.new)
		}
	}
	loops := map[int64]bool{}
	if len(pages) == 0 {
		return loops, nil
	}
	rows, _ := tx.Query(ctx, q, pgx.NamedArgs{"pages": pages, "successors": successors})
	found, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("successors of successors: %w", err)
	}
	for _, id := range found {
		loops[id] = true
	}
	return loops, nil
}

// ownSuccessor is the error of a successor that leads back to the dataset.
func ownSuccessor(key Key) error {
	return fault.Invalidf(FieldSuccessor, "the successor is %s itself, or leads back to it", key)
}

// checkNames returns an Invalid error for values that name what is not there.
func (w *editing) checkNames(ctx context.Context, tx pgx.Tx) error {
	missing, err := w.missing(ctx, tx)
	if err != nil {
		return err
	}
	var wrong []error
	for _, field := range fields {
		if len(missing[field]) > 0 {
			wrong = append(wrong, nothingNamed(field, missing[field][0]))
		}
	}
	loops, err := w.loops(ctx, tx)
	if err != nil {
		return err
	}
	for i := range w.heads {
		if h := &w.heads[i]; loops[h.ID] {
			wrong = append(wrong, ownSuccessor(h.Key()))
		}
	}
	return errors.Join(wrong...)
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
