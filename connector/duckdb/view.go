package duckdb

import (
	"fmt"
	"slices"
	"strings"

	"portreeve/catalog"
	"portreeve/fault"
)

// newView returns p as tasks see it: "raw.flights" is schema raw, table flights.
func newView(p catalog.Plan) view {
	parts := catalog.SplitPath(p.Key.Name)
	schema := strings.Join(parts[:len(parts)-1], ".")
	if schema == "" {
		schema = "main"
	}
	return view{Schema: schema, Name: parts[len(parts)-1], Plan: p}
}

// sql returns the view's full name.
func (v *view) sql() string { return "lake." + ident(v.Schema) + "." + ident(v.Name) }

// paths returns every file that the view reads, deletes included, each once.
func (v *view) paths() []string {
	var paths []string
	for _, f := range v.Plan.Files {
		paths = append(append(paths, f.Path), f.Deletes...)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// sameFiles reports whether the schemas of o's files will do for v too.
func (v *view) sameFiles(o view) bool {
	return (len(v.Plan.Columns) == 0) == (len(o.Plan.Columns) == 0) && slices.EqualFunc(v.Plan.Files, o.Plan.Files, func(a, b catalog.PlanFile) bool {
		return a.Path == b.Path
	})
}

// names returns what the view calls its columns. The engine does not tell names apart that differ by case only: the later
// ones get a suffix.
func (v *view) names() []string {
	names, taken := make([]string, len(v.Plan.Columns)), map[string]bool{}
	for i, c := range v.Plan.Columns {
		name := c.Name
		if v.Positional {
			name = position(i)
		}
		for n := 1; taken[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s_%d", c.Name, n)
		}
		taken[strings.ToLower(name)], names[i] = true, name
	}
	return names
}

// shadowed returns Unavailable when a column of the data would stand in for one by which the engine tells rows apart: deletes
// and sampling would then pick the wrong rows.
func (v *view) shadowed() error {
	byRow := v.Take > 0 || slices.ContainsFunc(v.Plan.Files, deleted)
	for _, c := range v.Plan.Columns {
		if byRow && isRowName(c.Name) {
			return fault.Unavailablef(nil, "%s has a column called %s, a name that the engine needs for itself to leave out deleted rows or to take a sample", v.Plan.Key.Name, c.Name)
		}
	}
	return nil
}

func deleted(f catalog.PlanFile) bool { return len(f.Deletes) > 0 }

// isRowName reports whether the engine has a column of its own of this name.
func isRowName(name string) bool {
	return strings.EqualFold(name, "filename") || strings.EqualFold(name, "file_row_number")
}

func position(i int) string { return fmt.Sprintf("c%d", i) }

// query returns the SELECT behind the view, over files whose schemas are shapes.
func (v *view) query(shapes []shape) string {
	var branches []string
	names := v.names()
	for _, s := range shapes {
		columns := make([]string, len(names))
		for i, c := range v.Plan.Columns {
			columns[i] = s.column(c) + " AS " + ident(names[i])
		}
		list := strings.Join(append(columns, v.filler()...), ", ")
		if len(v.Picks) > 0 {
			branches = append(branches, v.picked(s, list)...)
			continue
		}
		branches = append(branches, v.branches(s, list)...)
	}
	if len(branches) == 0 {
		columns := make([]string, len(names))
		for i, c := range v.Plan.Columns {
			columns[i] = "CAST(NULL AS " + parseType(c.Type).sql() + ") AS " + ident(names[i])
		}
		branches = []string{"SELECT " + strings.Join(append(columns, v.filler()...), ", ") + " WHERE false"}
	}
	return v.policy(strings.Join(branches, "\nUNION ALL "), names)
}

// filler is a column for views of none, which are there to be counted.
func (v *view) filler() []string {
	if len(v.Plan.Columns) == 0 {
		return []string{`true AS "row"`}
	}
	return nil
}

// branches returns a SELECT of columns over the files of s that have no deletes, and one over those that have.
func (v *view) branches(s shape, columns string) (selects []string) {
	var plain, pruned, deletes []string
	for _, f := range v.Plan.Files {
		switch {
		case !s.files[f.Path]:
		case len(f.Deletes) == 0:
			plain = append(plain, f.Path)
		default:
			pruned, deletes = append(pruned, f.Path), append(deletes, f.Deletes...)
		}
	}
	var where []string
	if v.Take > 0 {
		where = append(where, fmt.Sprintf("%s.file_row_number %% %d < %d", rowSource, v.Every, v.Take))
	}
	if len(plain) > 0 {
		selects = append(selects, scan(columns, plain, where))
	}
	if len(pruned) > 0 {
		selects = append(selects, scan(columns, pruned, append(where, notDeleted(deletes))))
	}
	return selects
}

// picked returns a SELECT of columns over the picked rows of each file of s. The limit stops a scan that has them all.
func (v *view) picked(s shape, columns string) (selects []string) {
	for _, p := range v.Picks {
		f := v.Plan.Files[p.File]
		if !s.files[f.Path] {
			continue
		}
		numbers := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(p.Rows)), ", "), "[]")
		where := []string{rowSource + ".file_row_number IN (" + numbers + ")"}
		if deleted(f) {
			where = append(where, notDeleted(f.Deletes))
		}
		selects = append(selects, fmt.Sprintf("(%s LIMIT %d)", scan(columns, []string{f.Path}, where), len(p.Rows)))
	}
	return selects
}

// notDeleted returns the condition that no delete file lists a row.
func notDeleted(deletes []string) string {
	return fmt.Sprintf(`NOT EXISTS (SELECT 1 FROM read_parquet(%s, hive_partitioning = false) AS "the deletes"
			WHERE regexp_replace("the deletes".file_path, '^file:(//)?', '') = %s.filename AND "the deletes".pos = %[2]s.file_row_number)`,
		list(slices.Compact(slices.Sorted(slices.Values(deletes)))), rowSource)
}

func scan(columns string, files, where []string) string {
	q := "SELECT " + columns + " FROM read_parquet(" + list(files) + ", hive_partitioning = false) AS " + rowSource
	if len(where) > 0 {
		q += " WHERE " + strings.Join(where, " AND ")
	}
	return q
}

// policy applies masks and the row filter to inner. Every column is wrapped: rows that the filter hides then hold NULL
// whatever the engine evaluates first, so no error message can tell of them.
func (v *view) policy(inner string, names []string) string {
	if len(v.Masks) == 0 && v.Filter == "" {
		return inner
	}
	columns := make([]string, len(names))
	for i, c := range v.Plan.Columns {
		value := ident(names[i])
		if mask, ok := v.Masks[c.Name]; ok {
			value = "(" + mask + ")"
		}
		if v.Filter != "" {
			value = "CASE WHEN (" + v.Filter + ") THEN " + value + " END"
		}
		columns[i] = value + " AS " + ident(names[i])
	}
	q := "SELECT " + strings.Join(columns, ", ") + " FROM (" + inner + ")"
	if v.Filter != "" {
		q += " WHERE (" + v.Filter + ")"
	}
	return q
}
