package duckdb

import (
	"context"
	"fmt"
	"strings"
)

// What the engine's type says of a column's values.

func numeric(t string) bool {
	switch t {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE":
		return true
	}
	return strings.HasPrefix(t, "DECIMAL(") && !nested(t)
}

func whole(t string) bool {
	return numeric(t) && strings.HasSuffix(t, "INT") || t == "INTEGER" || t == "UINTEGER"
}

func floating(t string) bool { return t == "FLOAT" || t == "DOUBLE" }

func temporal(t string) bool { return t == "DATE" || strings.HasPrefix(t, "TIMESTAMP") && !nested(t) }

func nested(t string) bool {
	return strings.HasSuffix(t, "]") || strings.HasPrefix(t, "STRUCT(") || strings.HasPrefix(t, "MAP(") || strings.HasPrefix(t, "UNION(")
}

// text returns SQL that writes a value of type t as people read it, at most limit characters: numbers exactly, bytes in
// hexadecimal, nested values as JSON.
func text(column, t string, limit int) string {
	switch {
	case t == "BLOB":
		column = fmt.Sprintf("hex(%s[1:%d])", column, limit/2+1)
	case nested(t):
		column = "to_json(" + column + ")::VARCHAR"
	default:
		column += "::VARCHAR"
	}
	return fmt.Sprintf("left(%s, %d)", column, limit)
}

// describe returns the engine's types of the columns of a view or its copy.
func (s session) describe(ctx context.Context, v view, from string) ([]column, error) {
	r, err := s.rows(ctx, task{SQL: "SELECT column_name, column_type FROM (DESCRIBE " + from + ")"})
	if err != nil {
		return nil, err
	}
	if len(r.Rows) != len(v.Plan.Columns) || len(r.Columns) != 2 {
		return nil, fmt.Errorf("%w: %d columns described, %d planned", errStopped, len(r.Rows), len(v.Plan.Columns))
	}
	columns := make([]column, len(r.Rows))
	for i, row := range r.Rows {
		columns[i] = column{Name: v.Plan.Columns[i].Name, Type: value(row[1])}
	}
	return columns, nil
}

// value returns what p points to, or "".
func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
