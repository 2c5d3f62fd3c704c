//go:build !noduckdb

package duckdb

import (
	"context"
	"database/sql"
	"fmt"
)

// shapes sorts the files of a view by their schemas. It reads their footers.
func (w *worker) shapes(ctx context.Context, v view) ([]shape, error) {
	all := shape{files: map[string]bool{}}
	var files []string
	for _, f := range v.Plan.Files {
		files, all.files[f.Path] = append(files, f.Path), true
	}
	if len(files) == 0 {
		return nil, nil
	}
	if len(v.Plan.Columns) == 0 {
		return []shape{all}, nil // it is counted only
	}
	const q = `
		SELECT list(file_name ORDER BY file_name) FROM (
			SELECT file_name, bit_xor(hash(column_id, name, type, duckdb_type, num_children, field_id, repetition_type)) AS shape
			FROM parquet_schema(%s) WHERE column_id > 0 GROUP BY file_name)
		GROUP BY shape ORDER BY 1`
	var shapes []shape
	err := w.each(ctx, fmt.Sprintf(q, list(files)), func(scan func(...any) error) error {
		var names []any
		if err := scan(&names); err != nil {
			return err
		}
		s := shape{files: map[string]bool{}, first: fmt.Sprint(names[0])}
		for _, n := range names {
			s.files[fmt.Sprint(n)] = true
		}
		shapes = append(shapes, s)
		return nil
	})
	for i := range shapes {
		if err == nil {
			err = w.describe(ctx, &shapes[i])
		}
	}
	return shapes, err
}

// describe fills in the columns of s from one of its files.
func (w *worker) describe(ctx context.Context, s *shape) error {
	const q = `SELECT coalesce(name, ''), coalesce(field_id::VARCHAR, ''), coalesce(num_children, 0), repetition_type = 'REPEATED'
		FROM parquet_schema(%s) ORDER BY column_id`
	var flat []node
	var counts []int
	err := w.each(ctx, fmt.Sprintf(q, list([]string{s.first})), func(scan func(...any) error) error {
		var n node
		var count int
		var repeated sql.NullBool
		err := scan(&n.name, &n.id, &count, &repeated)
		n.repeated = repeated.Bool
		flat, counts = append(flat, n), append(counts, count)
		return err
	})
	if err != nil || len(flat) == 0 {
		return err
	}
	s.columns, _ = tree(flat, counts, 1, counts[0])
	const describe = "SELECT column_name, column_type FROM (DESCRIBE FROM read_parquet(%s, hive_partitioning = false))"
	err = w.each(ctx, fmt.Sprintf(describe, list([]string{s.first})), func(scan func(...any) error) error {
		var name, kind string
		err := scan(&name, &kind)
		s.names, s.types = append(s.names, name), append(s.types, kind)
		return err
	})
	if err == nil && len(s.names) != len(s.columns) {
		return fmt.Errorf("%s has %d columns and is read as %d", s.first, len(s.columns), len(s.names))
	}
	return err
}
