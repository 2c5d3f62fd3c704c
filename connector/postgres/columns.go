package postgres

import (
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
)

// Bounds of composite types, whose fields follow their column.
const (
	maxDepth  = 8
	maxFields = 5000 // columns and fields of one dataset after which no more fields are told
	maxTypes  = 1000 // composite types that are looked up for one batch
)

// attribute is a column of a relation, or a field of a composite type, which is a relation too.
type attribute struct {
	Relation  int64
	Number    int16
	Name      string
	Dropped   bool
	Type      string
	Nullable  bool
	Composite int64 // the relation that the type's fields are columns of, or 0
	Array     bool  // of that type
	Comment   string
}

// attributes are the columns of relations ($1), in order. A comment is cut at 64 KiB at most: no character has over 4 bytes.
// What is looked up for a row is a query of its own: joined, and without statistics of the catalogs, Postgres would read all of
// pg_type and pg_description for each batch.
const attributes = `
	SELECT a.attrelid::int8, a.attnum, a.attname::text, a.attisdropped,
		CASE WHEN a.attisdropped THEN '' ELSE format_type(a.atttypid, a.atttypmod) END,
		NOT (a.attnotnull OR coalesce(t.typnotnull, false)),
		coalesce(CASE WHEN t.oid >= 16384 THEN (
			SELECT c.oid FROM pg_type e JOIN pg_class c ON c.oid = e.typrelid AND c.relkind = 'c'
			WHERE e.oid = CASE WHEN t.typcategory = 'A' THEN t.typelem WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
		) END, 0)::int8, coalesce(t.typcategory = 'A', false),
		coalesce((
			SELECT CASE WHEN length(d.description) > 16000 THEN left(d.description, 16000) || '` + cutMark + `' ELSE d.description END
			FROM pg_description d WHERE d.objoid = a.attrelid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
		), '')
	FROM pg_attribute a LEFT JOIN pg_type t ON t.oid = a.atttypid
	WHERE a.attrelid = ANY ($1::int8[]::oid[]) AND a.attnum > 0 ORDER BY a.attrelid, a.attnum`

// readAttributes returns the attributes of relations by oid, and of all composite types that they are made of.
func readAttributes(ctx context.Context, tx pgx.Tx, oids []int64) (map[int64][]attribute, error) {
	out := make(map[int64][]attribute, len(oids))
	types := 0
	for depth := 0; len(oids) > 0 && depth <= maxDepth; depth++ {
		for _, oid := range oids {
			out[oid] = nil
		}
		rows, _ := tx.Query(ctx, attributes, oids)
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[attribute])
		if err != nil {
			return nil, err
		}
		oids = nil
		for _, a := range all {
			out[a.Relation] = append(out[a.Relation], a)
			if _, there := out[a.Composite]; a.Composite != 0 && !there && types < maxTypes && !slices.Contains(oids, a.Composite) {
				oids = append(oids, a.Composite)
				types++
			}
		}
	}
	return out, nil
}

// columns returns the columns of a relation depth first: one of a composite type is followed by its fields, one of an array of
// such by "element" and its fields. Their ids are attribute numbers, joined by dots.
func columns(relation int64, of map[int64][]attribute) []catalog.Column {
	var out []catalog.Column
	var walk func(path []string, id string, relation int64)
	walk = func(path []string, id string, relation int64) {
		for _, a := range of[relation] {
			if a.Dropped || len(path) > 0 && len(out) >= maxFields {
				continue
			}
			names := slices.Concat(path, []string{a.Name})
			number := id + strconv.Itoa(int(a.Number))
			out = append(out, catalog.Column{
				Path: catalog.JoinPath(names...), Type: a.Type, Nullable: a.Nullable, Comment: a.Comment, NativeID: number,
			})
			if a.Composite == 0 || len(names) >= maxDepth {
				continue
			}
			if a.Array {
				names = append(names, "element")
				number += ".0"
				out = append(out, catalog.Column{Path: catalog.JoinPath(names...), Type: element(a.Type), Nullable: true, NativeID: number})
			}
			walk(names, number+".", a.Composite)
		}
	}
	walk(nil, "", relation)
	return out
}

// element returns the type of the elements of an array, as the server writes it: with one [] for any number of dimensions.
func element(array string) string {
	if n := len(array); n > 2 && array[n-2:] == "[]" {
		return array[:n-2]
	}
	return array
}
